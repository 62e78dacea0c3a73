/*
** oc_tls_words.c - from the texts of OpenSSL, GnuTLS and libcurl to words for a
** user. Knows signs to look for; nothing of connections.
*/
#include "oc_tls_words.h"

#include <stddef.h>
#include <string.h>

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

typedef struct word {
  const char *sign;   /* found in the text */
  const char *words;
} word;

#define EXPIRED "its certificate has expired, or this machine's clock is wrong"
#define NOT_YET "its certificate is not valid yet, or this machine's clock is wrong"
#define UNKNOWN \
  "no authority that is trusted here vouches for its certificate; give the " \
  "authority's as ca_file, if it is yours"
#define SELF_SIGNED \
  "its certificate is self-signed; give it as ca_file, if it is the right one"
/* GnuTLS does not say which of them it was. */
#define UNTRUSTED \
  "no authority that is trusted here vouches for its certificate (ca_file), or it has " \
  "expired or is not valid yet, or this machine's clock is wrong"
#define OTHER_NAME \
  "its certificate is for another name; is the address right (base_url, authority)?"
#define OLD "no version of TLS in common: TLS 1.2 is needed at least"
#define NO_NAME \
  "the server knows no host of that name; is the address right (base_url, authority)?"
#define BROKEN_OFF \
  "the server broke it off: no cipher in common, or it wants a client certificate " \
  "(client_cert)"
#define NO_TLS "what answers there speaks no TLS; is the port right, or is it plain http?"
#define WANTED "the server wants a client certificate; see client_cert"
#define REFUSED "the server does not take our client certificate; see client_cert"
#define KEY \
  "its private key cannot be used; see client_key, client_key_password, and whether " \
  "the two belong together"
#define NO_IDENTITY \
  "the client certificate or its key cannot be used; see client_key, " \
  "client_key_password, and whether the two belong together"
#define REFUSED_SOMEHOW \
  "the server refuses us; it may want a client certificate, or another one (client_cert)"

/* The first sign that is found counts, so the longer one of two stands first. */
static const word WORDS[] = {
    /* alerts are about us: before what is about them */
    {"alert certificate required", WANTED},
    {"alert unknown ca", REFUSED},
    {"alert bad certificate", REFUSED},
    {"alert certificate", REFUSED},
    {"alert unsupported certificate", REFUSED},
    {"alert protocol version", OLD},
    {"unrecognized name", NO_NAME},
    {"alert handshake failure", BROKEN_OFF},
    {"certificate has expired", EXPIRED},
    {"certificate expiration date has passed", EXPIRED},  /* GnuTLS */
    {"not yet valid", NOT_YET},
    {"certificate not activated yet", NOT_YET},  /* GnuTLS */
    {"certificate in certificate chain", UNKNOWN},
    {"unable to get local issuer certificate", UNKNOWN},
    {"unable to get issuer certificate", UNKNOWN},
    {"unable to verify the first certificate", UNKNOWN},
    {"self-signed certificate", SELF_SIGNED},
    {"self signed certificate", SELF_SIGNED},  /* OpenSSL 1.1 */
    {"no alternative certificate subject name", OTHER_NAME},
    {"does not match target", OTHER_NAME},
    {"certificate revoked", "its certificate was revoked"},
    {"too weak", "the key or the signature of its certificate is too weak"},
    {"unsupported protocol", OLD},
    {"no protocols available", OLD},
    {"wrong version number", NO_TLS},
    {"packet length too long", NO_TLS},
    {"unable to set private key", KEY},
    /* GnuTLS */
    {"certificate verification failed", UNTRUSTED},
    {"failed: Handshake failed", BROKEN_OFF},
    {"Certificate is required", WANTED},
    {"CA is unknown", REFUSED},
    {"Certificate is bad", REFUSED},
    {"Error in protocol version", OLD},
    {"unsupported version packet", OLD},
    {"server name sent was not recognized", NO_NAME},
    {"unexpected TLS packet", NO_TLS},
    {"error reading X.509", NO_IDENTITY},
    {"TLS fatal alert", REFUSED_SOMEHOW},
};

/* Libcurl has one code for a refused and for a broken handshake. */
static const char *const CUTS[] = {
    "SSL_ERROR_SYSCALL", "reset by peer", "Broken pipe",
    "unexpected eof",              /* OpenSSL */
    "non-properly terminated", "Error in the pull function"};  /* GnuTLS */

const char *oc_tls_words_reason(const char *text) {
  size_t i;
  for (i = 0; i < COUNT(WORDS); i++)
    if (strstr(text, WORDS[i].sign) != NULL)
      return WORDS[i].words;
  return NULL;
}

int oc_tls_words_cut(const char *text) {
  size_t i;
  for (i = 0; i < COUNT(CUTS); i++)
    if (strstr(text, CUTS[i]) != NULL)
      return 1;
  return 0;
}

int oc_tls_words_alert(const char *text) {
  return (strstr(text, "SSL") != NULL && strstr(text, "alert") != NULL) ||
         strstr(text, "TLS fatal alert") != NULL;  /* GnuTLS */
}
