/*
** oc_transport_fault.c - what libcurl says, in kinds and words of ours.
** Words name the peer, never a query, userinfo or a proxy: libcurl's own text
** is used only for codes where it holds no secret.
*/
#include "oc_transport_priv.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

/* What is added to the words: libcurl's text of the moment only for codes where
   it holds no secret (some quote the proxy's URL), or its name of the code. */
enum detail { PLAIN, WITH_TEXT, WITH_NAME };

typedef struct meaning {
  int code;
  const char *kind;
  const char *words;  /* one %s: the origin */
  enum detail detail;
} meaning;

static const meaning MEANINGS[] = {
    {CURLE_COULDNT_RESOLVE_HOST, "network", "cannot find the host %s", PLAIN},
    {CURLE_COULDNT_RESOLVE_PROXY, "network", "cannot find the proxy's host, for %s", PLAIN},
    {CURLE_COULDNT_CONNECT, "network", "cannot connect to %s", PLAIN},
    {CURLE_GOT_NOTHING, "network", "%s closed the connection without an answer", PLAIN},
    {CURLE_PARTIAL_FILE, "network", "the answer of %s ended early", WITH_TEXT},
    {CURLE_SEND_ERROR, "network", "the connection to %s broke while sending", WITH_TEXT},
    {CURLE_RECV_ERROR, "network", "the connection to %s broke", WITH_TEXT},
    {CURLE_WRITE_ERROR, "network", "the answer of %s cannot be decoded", WITH_TEXT},
    {CURLE_BAD_CONTENT_ENCODING, "network", "the answer of %s cannot be decoded", WITH_TEXT},
    {CURLE_UNSUPPORTED_PROTOCOL, "network", "%s does not speak HTTP", PLAIN},
    {CURLE_WEIRD_SERVER_REPLY, "network", "%s does not speak HTTP properly", WITH_TEXT},
    {CURLE_HTTP2, "network", "HTTP/2 with %s failed", WITH_TEXT},
    {CURLE_HTTP2_STREAM, "network", "HTTP/2 with %s failed", WITH_TEXT},
#if LIBCURL_VERSION_NUM >= 0x074900
    {CURLE_PROXY, "network", "the proxy for %s failed", PLAIN},
#endif
    {CURLE_OPERATION_TIMEDOUT, "timeout", "time is up for %s", PLAIN},
#if LIBCURL_VERSION_NUM >= 0x080600
    {CURLE_TOO_LARGE, "limit", "%s sent a header line that libcurl does not take", PLAIN},
#endif
    {CURLE_OUT_OF_MEMORY, "memory", "out of memory while reading from %s", PLAIN},
    {CURLE_URL_MALFORMAT, "options", "not a usable URL, or proxy, for %s", PLAIN},
    {CURLE_SSL_CONNECT_ERROR, "tls", "TLS handshake with %s failed", WITH_TEXT},
    {CURLE_PEER_FAILED_VERIFICATION, "tls", "cannot trust %s", WITH_TEXT},
    {CURLE_SSL_ISSUER_ERROR, "tls", "cannot trust %s", WITH_TEXT},
    {CURLE_SSL_INVALIDCERTSTATUS, "tls", "cannot trust %s", WITH_TEXT},
    {CURLE_SSL_PINNEDPUBKEYNOTMATCH, "tls", "cannot trust %s", WITH_TEXT},
    {CURLE_SSL_ENGINE_NOTFOUND, "tls", "TLS with %s cannot start", WITH_TEXT},
    {CURLE_SSL_ENGINE_SETFAILED, "tls", "TLS with %s cannot start", WITH_TEXT},
    {CURLE_SSL_ENGINE_INITFAILED, "tls", "TLS with %s cannot start", WITH_TEXT},
    {CURLE_SSL_CERTPROBLEM, "tls", "the client certificate for %s is unusable", WITH_TEXT},
    {CURLE_SSL_CIPHER, "tls", "TLS with %s cannot start", WITH_TEXT},
    {CURLE_USE_SSL_FAILED, "tls", "TLS with %s cannot start", WITH_TEXT},
    {CURLE_SSL_CACERT_BADFILE, "tls", "the CA certificates for %s are unusable", WITH_TEXT},
    {CURLE_SSL_CRL_BADFILE, "tls", "TLS with %s cannot start", WITH_TEXT},
    {CURLE_SSL_SHUTDOWN_FAILED, "tls", "TLS with %s did not end properly", WITH_TEXT},
#if LIBCURL_VERSION_NUM >= 0x074d00
    {CURLE_SSL_CLIENTCERT, "tls", "%s wants a client certificate", WITH_TEXT},
#endif
};

void oc_transport_fail(oc_exchange *x, const char *kind, const char *fmt, ...) {
  va_list ap;
  if (x->failed)
    return;
  x->failed = 1;
  x->fault.kind = kind;
  va_start(ap, fmt);
  vsnprintf(x->fault.message, sizeof(x->fault.message), fmt, ap);
  va_end(ap);
}

/*
** A handshake that the network cut is the network's fault, and worth another
** try; libcurl has one code for both, and only the words tell.
*/
static int cut_handshake(const char *text) {
  static const char *const SIGNS[] = {
      "SSL_ERROR_SYSCALL", "reset by peer", "Broken pipe",
      "unexpected eof",              /* OpenSSL */
      "non-properly terminated", "Error in the pull function"};  /* GnuTLS */
  size_t i;
  for (i = 0; i < sizeof(SIGNS) / sizeof(SIGNS[0]); i++)
    if (strstr(text, SIGNS[i]) != NULL)
      return 1;
  return 0;
}

/* In TLS 1.3 the server judges our certificate after the handshake. */
static int late_alert(const char *text) {
  return strstr(text, "SSL") != NULL && strstr(text, "alert") != NULL;
}

static meaning meaning_of(const oc_exchange *x, CURLcode code, const char *text) {
  static const meaning cut = {0, "network", "the TLS handshake with %s was cut", WITH_TEXT};
  static const meaning alert = {0, "tls", "%s broke TLS off", WITH_TEXT};
  static const meaning long_line = {0, "limit", "%s sent a header line that libcurl does not take", PLAIN};
  static const meaning other = {0, "network", "the exchange with %s failed", WITH_NAME};
  size_t i;
  if (code == CURLE_OUT_OF_MEMORY && x->head.open)
    return long_line;  /* its buffers have ceilings, and one word for both */
  if (code == CURLE_SSL_CONNECT_ERROR && cut_handshake(text))
    return cut;
  if ((code == CURLE_RECV_ERROR || code == CURLE_SEND_ERROR) && late_alert(text))
    return alert;
  for (i = 0; i < sizeof(MEANINGS) / sizeof(MEANINGS[0]); i++)
    if (MEANINGS[i].code == (int)code)
      return MEANINGS[i];
  return other;
}

/* Appends ": text", without a line's end. */
static void add(oc_fault *f, const char *text) {
  size_t n = strlen(f->message);
  snprintf(f->message + n, sizeof(f->message) - n, ": %s", text);
  n = strlen(f->message);
  while (n > 0 && (f->message[n - 1] == '\n' || f->message[n - 1] == '\r'))
    f->message[--n] = '\0';
}

/* What libcurl or the system adds to the words. */
static void add_detail(oc_exchange *x, CURLcode code, enum detail detail) {
  long number = 0;
  char text[128];
  curl_easy_getinfo(x->easy, CURLINFO_HTTP_CONNECTCODE, &number);
  if (code == CURLE_RECV_ERROR && number >= 300) {
    snprintf(text, sizeof(text), "the proxy answered %ld", number);
    add(&x->fault, text);
    return;
  }
  number = 0;
  curl_easy_getinfo(x->easy, CURLINFO_OS_ERRNO, &number);
  if (code == CURLE_COULDNT_CONNECT && number != 0) {
    if (strerror_r((int)number, text, sizeof(text)) == 0)
      add(&x->fault, text);
    if (x->by_proxy)
      add(&x->fault, "by way of the proxy");
  } else if (detail == WITH_TEXT && x->errbuf[0] != '\0') {
    add(&x->fault, x->errbuf);
  } else if (detail != PLAIN) {
    add(&x->fault, curl_easy_strerror(code));
  }
}

void oc_transport_fail_curl(oc_exchange *x, CURLcode code) {
  meaning m;
  if (x->failed)
    return;
  m = meaning_of(x, code, x->errbuf);
  x->failed = 1;
  x->fault.kind = m.kind;
  x->fault.curl_code = (int)code;
  snprintf(x->fault.message, sizeof(x->fault.message), m.words, x->origin);
  add_detail(x, code, m.detail);
}
