/*
** oc_transport_opts.c - from a request to the options of a libcurl handle.
** All that this library decides about libcurl stands here. Not set, and meant
** so: following redirects, cookies, .netrc, authentication; libcurl's own
** timeouts (see oc_pool_wait).
*/
#include "oc_transport_priv.h"

#include <stdlib.h>
#include <string.h>

/* One read from the socket. Larger did not get faster. */
#define SOCKET_BYTES (64L * 1024)

/* Sets options until one is refused, and remembers which. */
typedef struct setter {
  CURL *easy;
  CURLcode code;
  const char *what;
} setter;

static void refused(setter *s, CURLcode code, const char *what) {
  if (code != CURLE_OK && s->code == CURLE_OK) {
    s->code = code;
    s->what = what;
  }
}

#define SET(s, option, value, what) \
  refused((s), curl_easy_setopt((s)->easy, (option), (value)), (what))

/* A string that may be absent. */
static void set_string(setter *s, CURLoption option, const char *value,
                       const char *what) {
  if (value != NULL)
    SET(s, option, value, what);
}

/* The text of a part of the URL, to be freed with curl_free; NULL: out of memory,
   or no such part. */
static char *url_part(CURLU *u, CURLUPart part, unsigned int flags) {
  char *text = NULL;
  if (curl_url_get(u, part, &text, flags) != CURLUE_OK)
    return NULL;
  return text;
}

/* host or host:port, as messages name the peer. NULL: out of memory. */
static char *origin_of(CURLU *u) {
  char *host = url_part(u, CURLUPART_HOST, 0);
  char *port = NULL, *origin = NULL;
  CURLUcode code = curl_url_get(u, CURLUPART_PORT, &port, CURLU_NO_DEFAULT_PORT);
  if (host != NULL && (code == CURLUE_OK || code == CURLUE_NO_PORT)) {
    size_t n = strlen(host) + 1 + (port != NULL ? strlen(port) : 0) + 1;
    origin = malloc(n);
  }
  if (origin != NULL) {
    strcpy(origin, host);
    if (port != NULL)
      strcat(strcat(origin, ":"), port);
  }
  curl_free(host);
  curl_free(port);
  return origin;
}

/* The URL as errors may show it. NULL: out of memory. */
static char *shown_url(CURLU *u) {
  char *text, *copy = NULL;
  curl_url_set(u, CURLUPART_USER, NULL, 0);
  curl_url_set(u, CURLUPART_PASSWORD, NULL, 0);
  curl_url_set(u, CURLUPART_OPTIONS, NULL, 0);
  curl_url_set(u, CURLUPART_QUERY, NULL, 0);
  curl_url_set(u, CURLUPART_FRAGMENT, NULL, 0);
  text = url_part(u, CURLUPART_URL, 0);
  if (text != NULL && (copy = malloc(strlen(text) + 1)) != NULL)
    strcpy(copy, text);
  curl_free(text);
  return copy;
}

static void no_memory(oc_exchange *x) {
  oc_transport_fail(x, "memory", "out of memory for a request");
}

/* A proxy that passes plain http on wants the whole URL where the path stands. */
static int sends_path(const oc_exchange *x, const oc_request *r) {
  return x->https || (r->proxy != NULL && r->proxy[0] == '\0');
}

/*
** Says path and query once more. When memory runs out at the wrong moment, libcurl
** (7.88) forgets the query and asks all the same: for another page, of everybody.
** What it could not copy of this it tells.
*/
static int set_target(CURL *easy, CURLU *u) {
  char *path = url_part(u, CURLUPART_PATH, 0);
  char *query = NULL, *target = NULL;
  CURLUcode code = curl_url_get(u, CURLUPART_QUERY, &query, 0);
  int status = OC_EMEM;
  if (path != NULL && (code == CURLUE_OK || code == CURLUE_NO_QUERY))
    target = malloc(strlen(path) + 1 + (query != NULL ? strlen(query) : 0) + 1);
  if (target != NULL) {
    strcpy(target, path);
    if (query != NULL)
      strcat(strcat(target, "?"), query);
    if (curl_easy_setopt(easy, CURLOPT_REQUEST_TARGET, target) == CURLE_OK)
      status = OC_OK;
  }
  free(target);
  curl_free(path);
  curl_free(query);
  return status;
}

/* Fills in x->https, x->origin and x->url from a URL with a scheme, or sets the fault. */
static void take_parts(oc_exchange *x, CURLU *u, const oc_request *r) {
  char *scheme = url_part(u, CURLUPART_SCHEME, 0);
  if (scheme == NULL) {
    no_memory(x);
    return;
  }
  x->https = strcmp(scheme, "https") == 0;
  if (!x->https && strcmp(scheme, "http") != 0) {
    oc_transport_fail(x, "options", "only http and https URLs can be asked for");
  } else {
    x->origin = origin_of(u);
    if (x->origin == NULL || (sends_path(x, r) && set_target(x->easy, u) != OC_OK) ||
        (x->url = shown_url(u)) == NULL)
      no_memory(x);
  }
  curl_free(scheme);
}

/* Takes the URL apart, or sets the fault. */
static int take_url(oc_exchange *x, const oc_request *r) {
  CURLU *u = curl_url();
  CURLUcode code;
  if (u == NULL) {
    no_memory(x);
    return OC_EBAD;
  }
  code = curl_url_set(u, CURLUPART_URL, r->url, CURLU_NON_SUPPORT_SCHEME);
  if (code == CURLUE_OK)
    take_parts(x, u, r);
  else if (code == CURLUE_OUT_OF_MEMORY)
    no_memory(x);
  else
    oc_transport_fail(x, "options", "not a usable URL");
  curl_url_cleanup(u);
  return x->failed ? OC_EBAD : OC_OK;
}

static void set_basics(setter *s, oc_exchange *x, const oc_request *r) {
  SET(s, CURLOPT_PRIVATE, x, "private");
  SET(s, CURLOPT_ERRORBUFFER, x->errbuf, "error buffer");
  SET(s, CURLOPT_NOSIGNAL, 1L, "nosignal");
#if LIBCURL_VERSION_NUM >= 0x075700
  SET(s, CURLOPT_QUICK_EXIT, 1L, "quick exit");  /* see pin_libcurl */
#endif
  SET(s, CURLOPT_WRITEFUNCTION, oc_transport_on_body, "write function");
  SET(s, CURLOPT_WRITEDATA, x, "write data");
  SET(s, CURLOPT_HEADERFUNCTION, oc_transport_on_header, "header function");
  SET(s, CURLOPT_HEADERDATA, x, "header data");
  SET(s, CURLOPT_BUFFERSIZE, SOCKET_BYTES, "buffer size");
  SET(s, CURLOPT_CONNECTTIMEOUT_MS, OC_NEVER_MS, "connect timeout");
  SET(s, CURLOPT_TCP_KEEPALIVE, 1L, "keep-alive");
  SET(s, CURLOPT_URL, r->url, "url");
#if LIBCURL_VERSION_NUM >= 0x075500
  SET(s, CURLOPT_PROTOCOLS_STR, "http,https", "protocols");
  SET(s, CURLOPT_REDIR_PROTOCOLS_STR, "http,https", "protocols");
#else
  SET(s, CURLOPT_PROTOCOLS, CURLPROTO_HTTP | CURLPROTO_HTTPS, "protocols");
  SET(s, CURLOPT_REDIR_PROTOCOLS, CURLPROTO_HTTP | CURLPROTO_HTTPS, "protocols");
#endif
}

/*
** HTTP/2 where TLS offers it, unless told otherwise: many small requests share
** a connection, but a paused stream still receives what its window lets through
** (10 to 32 MB, which nobody can set), so that back-pressure costs memory.
*/
static void set_version(setter *s, const oc_exchange *x, const oc_request *r) {
  if (!x->https || r->http1_only || oc_transport_versions().nghttp2 == NULL) {
    SET(s, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1, "http version");
    return;
  }
  SET(s, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_2TLS, "http version");
  /* One connection for all, if the server can. Only over TLS: on plain http a
     second request would wait for the first one's answer. */
  SET(s, CURLOPT_PIPEWAIT, 1L, "pipewait");
}

static void set_message(setter *s, oc_exchange *x, const oc_request *r) {
  if (r->method != NULL && strcmp(r->method, "POST") == 0) {
    SET(s, CURLOPT_POST, 1L, "method");
    SET(s, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)r->body_bytes, "body");
    SET(s, CURLOPT_COPYPOSTFIELDS, r->body != NULL ? r->body : "", "body");
  }
  if (x->headers != NULL)
    SET(s, CURLOPT_HTTPHEADER, x->headers, "headers");
  set_string(s, CURLOPT_USERAGENT, r->user_agent, "user_agent");
  if (r->compress)
    SET(s, CURLOPT_ACCEPT_ENCODING, "gzip", "compress");
  SET(s, CURLOPT_HTTP_CONTENT_DECODING, 0L, "compress");  /* see oc_transport_body.c */
  set_string(s, CURLOPT_PROXY, r->proxy, "proxy");
  set_string(s, CURLOPT_NOPROXY, r->no_proxy, "no_proxy");
  SET(s, CURLOPT_SUPPRESS_CONNECT_HEADERS, 1L, "connect headers");
}

/* A proxy at an https address is trusted by the same rules as the service. */
static void set_proxy_tls(setter *s, const oc_request *r) {
  if (!(curl_version_info(CURLVERSION_NOW)->features & CURL_VERSION_HTTPS_PROXY))
    return;
  SET(s, CURLOPT_PROXY_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2, "TLS version");
  SET(s, CURLOPT_PROXY_SSL_VERIFYPEER, r->insecure ? 0L : 1L, "insecure");
  SET(s, CURLOPT_PROXY_SSL_VERIFYHOST, r->insecure ? 0L : 2L, "insecure");
  if (r->ca_file != NULL || r->ca_path != NULL) {
    SET(s, CURLOPT_PROXY_CAINFO, r->ca_file, "ca_file");
    SET(s, CURLOPT_PROXY_CAPATH, r->ca_path, "ca_path");
  }
}

static void set_tls(setter *s, const oc_request *r) {
  set_proxy_tls(s, r);
  SET(s, CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2, "TLS version");
  SET(s, CURLOPT_SSL_VERIFYPEER, r->insecure ? 0L : 1L, "insecure");
  SET(s, CURLOPT_SSL_VERIFYHOST, r->insecure ? 0L : 2L, "insecure");
  if (r->ca_file != NULL || r->ca_path != NULL) {
    /* libcurl would go on trusting the system through the other of the two */
    SET(s, CURLOPT_CAINFO, r->ca_file, "ca_file");
    SET(s, CURLOPT_CAPATH, r->ca_path, "ca_path");
  }
  set_string(s, CURLOPT_SSLCERT, r->client_cert, "client_cert");
  set_string(s, CURLOPT_SSLKEY, r->client_key, "client_key");
  /* Without one OpenSSL would ask whoever sits at the terminal. */
  SET(s, CURLOPT_KEYPASSWD, r->client_key_password != NULL ? r->client_key_password : "",
      "client_key_password");
}

static void take_limits(oc_exchange *x, const oc_request *r) {
  x->connect_timeout_s = r->connect_timeout_s;
  x->idle_timeout_s = r->idle_timeout_s;
  x->request_timeout_s = r->request_timeout_s;
  x->max_body_bytes = r->max_body_bytes;
  x->unpack = r->compress;
  x->by_proxy = r->proxy != NULL && r->proxy[0] != '\0';
  x->high = OC_BODY_BUFFER_BYTES;
  if (r->buffer_bytes >= 1)
    x->high = r->buffer_bytes < 1e9 ? (size_t)r->buffer_bytes : (size_t)1e9;
  /* libcurl hands over one socket buffer at most after we were below the mark */
  oc_buf_init(&x->body, x->high + CURL_MAX_READ_SIZE);
}

int oc_transport_configure(oc_exchange *x, const oc_request *r) {
  setter s;
  if (take_url(x, r) != OC_OK)
    return OC_EBAD;
  take_limits(x, r);
  s.easy = x->easy;
  s.code = CURLE_OK;
  s.what = NULL;
  set_basics(&s, x, r);
  set_version(&s, x, r);
  set_message(&s, x, r);
  set_tls(&s, r);
  if (s.code == CURLE_OUT_OF_MEMORY)
    no_memory(x);
  else if (s.code != CURLE_OK)
    oc_transport_fail(x, "options", "libcurl refuses %s: %s", s.what,
                      curl_easy_strerror(s.code));
  x->fault.curl_code = (int)s.code;
  return x->failed ? OC_EBAD : OC_OK;
}
