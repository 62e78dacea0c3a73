/*
** oc_url.h - addresses as text: taken apart, compared, put together, hidden.
** Knows http and https only, does no I/O, resolves no name. Strict where a lax
** reader would disagree with another one about the host: what passes
** oc_url_parse names the same host and port to libcurl.
**
** Slices point into the text that was parsed; keep it alive and unchanged.
** Functions that write append to `out`, and answer OC_OK, OC_EMEM, OC_ELIMIT,
** or OC_EBAD for unusable input; on failure `out` is as long as it was. Their
** input must not lie within `out`.
*/
#ifndef oc_url_h
#define oc_url_h

#include <stddef.h>

#include "oc_buf.h"

typedef struct oc_url_part {
  const char *p;
  size_t n;
} oc_url_part;

typedef struct oc_url {
  oc_url_part scheme;    /* as written: "https", "HTTP" */
  oc_url_part userinfo;  /* "user:password", without the @ */
  oc_url_part host;      /* as written; an IPv6 address keeps its brackets */
  oc_url_part path;      /* "" or begins with a slash */
  oc_url_part query;     /* without the ? */
  oc_url_part fragment;  /* without the # */
  unsigned port;         /* 1 to 65535; the scheme's own when none is given */
  unsigned char is_https;
  unsigned char has_userinfo;
  unsigned char has_query;     /* also when it is empty, as in "http://a/?" */
  unsigned char has_fragment;  /* likewise */
} oc_url;

/*
** Takes an absolute http or https URL apart: OC_OK or OC_EBAD. On OC_EBAD,
** *why (unless why is NULL) is a static text that goes on from the name of what
** was read: "has no scheme, ...". It never quotes the URL.
** Refused: control characters, blanks, non-ASCII, backslashes anywhere; hosts
** with anything but letters, digits, . - _ or a bracketed IPv6 address without
** a zone; port 0 and above 65535. An empty port ("http://a:/") is the default.
** Userinfo is refused last: u->has_userinfo is then set and u wholly filled in;
** after any other refusal u holds nothing of use, and has_userinfo is 0.
*/
int oc_url_parse(oc_url *u, const char *s, size_t n, const char **why);

/* Scheme, host (ASCII case aside) and effective port are equal. */
int oc_url_same_origin(const oc_url *a, const oc_url *b);

/* localhost, 127.0.0.0/8 written as four decimal numbers, or [::1] however
** spelt. Names are not resolved; localhost's subdomains do not count. */
int oc_url_is_loopback(const oc_url *u);

/* Appends s percent-encoded: all but letters, digits and - . _ ~ */
int oc_url_encode(oc_buf *out, const char *s, size_t n);

/*
** Appends base without its trailing slashes, one slash, and path without its
** leading slashes; base alone (trimmed) when there is no path then. Base must
** parse and have no query or fragment; path may bring a query ("api?v=2"), but
** no fragment. Dot segments are left as they are.
*/
int oc_url_join(oc_buf *out, const char *base, size_t base_n,
                const char *path, size_t path_n);

/* Appends ?name=value or &name=value, both encoded, to the URL that is the
** whole of `url`. OC_EBAD when the URL has a fragment. */
int oc_url_add_param(oc_buf *url, const char *name,
                     const char *value, size_t value_n);

/*
** Appends what ref means where base is the current address (RFC 3986 section
** 5.2, strict), without fragment. OC_EBAD unless both base and the result pass
** oc_url_parse: other schemes and userinfo are refused.
*/
int oc_url_resolve(oc_buf *out, const char *base, size_t base_n,
                   const char *ref, size_t ref_n);

/* What oc_url_redact says of an address it cannot show. */
#define OC_URL_HIDDEN "(unreadable address)"

/*
** Appends scheme://host[:port]/path for messages and logs: no userinfo, query
** or fragment, lower-case host, no default port; printable ASCII without '@',
** '?' and '#'. OC_URL_HIDDEN stands for what does not parse, and for a URL with
** an '@' behind its authority: it may be a password with a slash in it, and
** then what looks like the host is the user. Never OC_EBAD.
*/
int oc_url_redact(oc_buf *out, const char *url, size_t n);

/* Appends "https://host:port": host lower-cased, default port left out. */
int oc_url_origin(oc_buf *out, const oc_url *u);

#endif
