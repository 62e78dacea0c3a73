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

#include "oc_tls_words.h"

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
    {CURLE_SSL_CACERT_BADFILE, "tls", "the CA certificates (ca_file, ca_path) for %s are unusable", WITH_TEXT},
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
** Before 8.6 libcurl had one code for a header line beyond its ceiling and for memory
** that ran out over one. The former is somebody's doing, the latter is rare.
*/
static int may_be_long_line(const oc_exchange *x, CURLcode code) {
  return code == CURLE_OUT_OF_MEMORY && x->head.open &&
         curl_version_info(CURLVERSION_NOW)->version_num < 0x080600;
}

static meaning meaning_of(const oc_exchange *x, CURLcode code, const char *text) {
  static const meaning cut = {0, "network", "the TLS handshake with %s was cut", WITH_TEXT};
  static const meaning alert = {0, "tls", "%s broke TLS off", WITH_TEXT};
  static const meaning long_line = {0, "limit", "%s sent a header line that libcurl does not take "
                                    "(or memory ran out: it does not say which)", PLAIN};
  static const meaning other = {0, "network", "the exchange with %s failed", WITH_NAME};
  size_t i;
  if (may_be_long_line(x, code))
    return long_line;
  if (code == CURLE_SSL_CONNECT_ERROR && oc_tls_words_cut(text))
    return cut;  /* the network's fault, and worth another try */
  if ((code == CURLE_RECV_ERROR || code == CURLE_SEND_ERROR) && oc_tls_words_alert(text))
    return alert;  /* in TLS 1.3 the server judges our certificate behind the handshake */
  for (i = 0; i < sizeof(MEANINGS) / sizeof(MEANINGS[0]); i++)
    if (MEANINGS[i].code == (int)code)
      return MEANINGS[i];
  return other;
}

/* Appends text, without a line's end, between two others. */
static void add(oc_fault *f, const char *before, const char *text, const char *behind) {
  size_t n = strlen(text);
  const size_t at = strlen(f->message);
  while (n > 0 && (text[n - 1] == '\n' || text[n - 1] == '\r'))
    n--;
  snprintf(f->message + at, sizeof(f->message) - at, "%s%.*s%s", before, (int)n, text, behind);
}

/* Does "HOST port N " begin with the origin's host and port? */
static int names_origin(const oc_exchange *x, const char *text) {
  const int brackets = x->origin[0] == '[';  /* libcurl's text has none */
  const char *host = x->origin + brackets;
  const size_t n = strcspn(host, brackets ? "]" : ":");
  const char *port = host + n + brackets;
  port = *port == ':' ? port + 1 : x->https ? "443" : "80";
  if (strncmp(text, host, n) != 0 || strncmp(text + n, " port ", 6) != 0)
    return 0;
  text += n + 6;
  return strncmp(text, port, strlen(port)) == 0 && text[strlen(port)] == ' ';
}

/* Was it a proxy that could not be reached, the caller's or the environment's? */
static int to_proxy(const oc_exchange *x) {
  static const char SIGN[] = "Failed to connect to ";
  const char *text = strstr(x->errbuf, SIGN);
#if LIBCURL_VERSION_NUM >= 0x080700
  long used = 0;
  if (curl_easy_getinfo(x->easy, CURLINFO_USED_PROXY, &used) == CURLE_OK)
    return used != 0;
#endif
  if (text == NULL)
    return x->by_proxy;
  if (strstr(text, " via ") != NULL)
    return 1;  /* other versions name the proxy in place of the origin */
  return !names_origin(x, text + sizeof(SIGN) - 1);
}

static void add_connect_detail(oc_exchange *x) {
  long number = 0;
  char text[128];
  if (to_proxy(x))
    snprintf(x->fault.message, sizeof(x->fault.message), "cannot connect to the proxy for %s", x->origin);
  curl_easy_getinfo(x->easy, CURLINFO_OS_ERRNO, &number);
  if (number != 0 && strerror_r((int)number, text, sizeof(text)) == 0)
    add(&x->fault, ": ", text, "");
}

/* What libcurl or the system adds to the words. */
static void add_detail(oc_exchange *x, CURLcode code, enum detail detail) {
  const char *text = x->errbuf[0] != '\0' ? x->errbuf : curl_easy_strerror(code);
  const char *reason = NULL;
  if (code == CURLE_COULDNT_CONNECT) {
    add_connect_detail(x);
    return;
  }
  if (detail == PLAIN)
    return;
  if (detail == WITH_NAME)
    text = curl_easy_strerror(code);
  else if (strcmp(x->fault.kind, "tls") == 0)
    reason = oc_tls_words_reason(text);
  if (reason == NULL) {
    add(&x->fault, ": ", text, "");
    return;
  }
  add(&x->fault, ": ", reason, "");
  add(&x->fault, " (", text, ")");
}

/*
** A proxy that answered CONNECT with a status of its own. What it refuses it will
** refuse again, and wrong passwords may lock an account; what it could not reach
** may be there the next time.
*/
static int judge_proxy(oc_exchange *x) {
  long status = 0;
  curl_easy_getinfo(x->easy, CURLINFO_HTTP_CONNECTCODE, &status);
  if (status < 300)
    return 0;
  oc_transport_fail(x, status < 500 ? "http" : "network", "the proxy for %s answered %ld%s", x->origin,
                    status, status == 407 ? ": it wants other credentials (proxy)" : "");
  x->fault.status = (int)status;
  return 1;
}

void oc_transport_fail_curl(oc_exchange *x, CURLcode code) {
  meaning m;
  if (x->failed)
    return;
  x->fault.curl_code = (int)code;
  if (judge_proxy(x))
    return;
  m = meaning_of(x, code, x->errbuf);
  x->failed = 1;
  x->fault.kind = m.kind;
  snprintf(x->fault.message, sizeof(x->fault.message), m.words, x->origin);
  add_detail(x, code, m.detail);
}
