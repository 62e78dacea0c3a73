/* tls_words_test.c - oc_tls_words: the texts of several libraries and versions. */
#include "oc_tls_words.h"

#include "check.h"

/* What the words for a text hold. */
static void says(const char *text, const char *want) {
  const char *words = oc_tls_words_reason(text);
  if (!CHECK(words != NULL && strstr(words, want) != NULL))
    printf("  %s\n  -> %s\n", text, words != NULL ? words : "nothing");
}

static void test_certificates(void) {
  says("SSL certificate problem: certificate has expired", "has expired");
  says("server certificate expiration date has passed.", "has expired");
  says("SSL certificate problem: certificate is not yet valid", "not valid yet");
  says("server certificate not activated yet.", "not valid yet");
  says("SSL certificate problem: self-signed certificate", "self-signed");
  says("SSL certificate problem: self signed certificate", "self-signed");
  says("SSL certificate problem: self-signed certificate in certificate chain", "no authority");
  says("SSL certificate problem: unable to get local issuer certificate", "no authority");
  says("SSL: no alternative certificate subject name matches target host name 'a.example'",
       "another name");
  says("SSL: no alternative certificate subject name matches target hostname 'a.example'",
       "another name");
  says("SSL: no alternative certificate subject name matches target ipv4 address '127.0.0.1'",
       "another name");
  says("SSL: certificate subject name 'b' does not match target host name 'a'", "another name");
  says("SSL certificate problem: EE certificate key too weak", "too weak");
  says("SSL certificate problem: certificate revoked", "revoked");
}

static void test_handshakes(void) {
  says("OpenSSL/3.0.19: error:0A00042E:SSL routines::tlsv1 alert protocol version", "TLS 1.2");
  says("TLS connect error: error:0A00042E:SSL routines::tlsv1 alert protocol version", "TLS 1.2");
  says("error:0A000102:SSL routines::unsupported protocol", "TLS 1.2");
  says("error:0A000410:SSL routines::sslv3 alert handshake failure", "cipher");
  says("error:0A000410:SSL routines::ssl/tls alert handshake failure", "cipher");
  says("error:0A00010B:SSL routines::wrong version number", "plain http");
  says("error:0A0000C6:SSL routines::packet length too long", "plain http");
  says("error:0A000458:SSL routines::tlsv1 unrecognized name", "no host of that name");
  says("error:0A000458:SSL routines::tlsv1 alert unrecognized name", "no host of that name");
}

static void test_gnutls(void) {
  says("server certificate verification failed. CAfile: a.pem CRLfile: none", "ca_file");
  says("gnutls_handshake() failed: Handshake failed", "cipher");
  says("gnutls_handshake() failed: Error in protocol version", "TLS 1.2");
  says("gnutls_handshake() failed: The server name sent was not recognized", "no host of that name");
  says("gnutls_handshake() failed: An unexpected TLS packet was received.", "plain http");
  says("error reading X.509 key or certificate file: Error while reading file.", "client_key_password");
  says("GnuTLS recv error (-12): A TLS fatal alert has been received.", "client certificate");
}

static void test_about_us(void) {
  says("error:0A00045C:SSL routines::tlsv13 alert certificate required, errno 0", "wants a client");
  says("error:0A000418:SSL routines::tlsv1 alert unknown ca, errno 0", "does not take our");
  says("error:0A000412:SSL routines::ssl/tls alert bad certificate", "does not take our");
  says("error:0A000415:SSL routines::sslv3 alert certificate expired", "does not take our");
  says("unable to set private key file: 'a.key' type PEM", "client_key_password");
}

static void test_cut_or_refused(void) {
  CHECK(oc_tls_words_cut("OpenSSL SSL_connect: SSL_ERROR_SYSCALL in connection to a:1"));
  CHECK(oc_tls_words_cut("OpenSSL SSL_connect: Connection reset by peer in connection to a:1"));
  CHECK(oc_tls_words_cut("error:0A000126:SSL routines::unexpected eof while reading"));
  CHECK(oc_tls_words_cut("The TLS connection was non-properly terminated."));
  CHECK(!oc_tls_words_cut("error:0A00042E:SSL routines::tlsv1 alert protocol version"));
  CHECK(oc_tls_words_alert("OpenSSL SSL_read: error:0A00045C:SSL routines::tlsv13 alert certificate required"));
  CHECK(oc_tls_words_alert("GnuTLS recv error (-12): A TLS fatal alert has been received."));
  CHECK(!oc_tls_words_alert("OpenSSL SSL_read: Connection reset by peer, errno 104"));
  CHECK(!oc_tls_words_alert("Recv failure: Connection reset by peer"));
}

int main(void) {
  test_certificates();
  test_handshakes();
  test_gnutls();
  test_about_us();
  test_cut_or_refused();
  CHECK(oc_tls_words_reason("") == NULL);
  CHECK(oc_tls_words_reason("an engine has no steam") == NULL);
  return check_done();
}
