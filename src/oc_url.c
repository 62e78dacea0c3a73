/*
** oc_url.c - addresses as text (RFC 3986, http and https).
** From the bottom up: characters, writing, taking apart, hosts, questions,
** putting together.
*/
#include "oc_url.h"

#include <string.h>

/* --- Characters. <ctype.h> would ask the locale. --- */

static int is_digit(char c) {
  return c >= '0' && c <= '9';
}

static int is_alpha(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

static int is_unreserved(char c) {
  return is_alpha(c) || is_digit(c) || c == '-' || c == '.' || c == '_' || c == '~';
}

static int is_host_char(char c) {
  return is_unreserved(c) && c != '~';
}

static int is_scheme_char(char c) {
  return is_alpha(c) || is_digit(c) || c == '+' || c == '-' || c == '.';
}

static char lower(char c) {
  return c >= 'A' && c <= 'Z' ? (char)(c + ('a' - 'A')) : c;
}

static int hex_value(char c) {
  if (is_digit(c))
    return c - '0';
  c = lower(c);
  return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* What keeps s from being (part of) any URL, or NULL. */
static const char *find_bad_char(const char *s, size_t n) {
  size_t i;
  for (i = 0; i < n; i++) {
    unsigned char c = (unsigned char)s[i];
    if (c == ' ')
      return "has a blank in it";
    if (c < ' ' || c == 0x7f)
      return "has a control character in it";
    if (c > 0x7f)
      return "has a character outside ASCII in it: percent-encode it";
    if (c == '\\')  /* some readers take it for a slash, and so see another host */
      return "has a backslash in it";
  }
  return NULL;
}

/* --- Parts --- */

static oc_url_part part_of(const char *p, size_t n) {
  oc_url_part part;
  part.p = p;
  part.n = n;
  return part;
}

static oc_url_part without_first(oc_url_part part, size_t n) {
  return part_of(part.p + n, part.n - n);
}

static int part_starts(oc_url_part part, const char *with) {
  size_t n = strlen(with);
  return part.n >= n && memcmp(part.p, with, n) == 0;
}

static int part_equals(oc_url_part a, oc_url_part b) {
  size_t i;
  if (a.n != b.n)
    return 0;
  for (i = 0; i < a.n; i++)
    if (lower(a.p[i]) != lower(b.p[i]))
      return 0;
  return 1;
}

static int part_is(oc_url_part part, const char *text) {
  return part_equals(part, part_of(text, strlen(text)));
}

/* Cuts what stands before the first of the stops off the front of *rest. */
static oc_url_part take_until(oc_url_part *rest, const char *stops) {
  size_t stops_n = strlen(stops), n = 0;
  oc_url_part taken;
  while (n < rest->n && memchr(stops, rest->p[n], stops_n) == NULL)
    n++;
  taken = part_of(rest->p, n);
  *rest = without_first(*rest, n);
  return taken;
}

/* --- Writing: a failure sticks, and takes back what was written before it. --- */

typedef struct writer {
  oc_buf *out;
  size_t start;
  int status;
} writer;

static writer write_to(oc_buf *out) {
  writer w;
  w.out = out;
  w.start = out->n;
  w.status = OC_OK;
  return w;
}

static void put(writer *w, const char *p, size_t n) {
  if (w->status == OC_OK)
    w->status = oc_buf_add(w->out, p, n);
}

static void put_text(writer *w, const char *text) {
  put(w, text, strlen(text));
}

static void put_part(writer *w, oc_url_part part) {
  put(w, part.p, part.n);
}

static void put_lower(writer *w, oc_url_part part) {
  size_t i;
  for (i = 0; i < part.n; i++) {
    char c = lower(part.p[i]);
    put(w, &c, 1);
  }
}

static void put_encoded(writer *w, const char *s, size_t n) {
  static const char digits[] = "0123456789ABCDEF";
  size_t i;
  for (i = 0; i < n; i++) {
    unsigned char c = (unsigned char)s[i];
    char code[3];
    code[0] = '%';
    code[1] = digits[c >> 4];
    code[2] = digits[c & 15];
    if (is_unreserved(s[i]))
      put(w, s + i, 1);
    else
      put(w, code, sizeof code);
  }
}

static void put_number(writer *w, unsigned value) {
  char digits[3 * sizeof value];
  size_t i = sizeof digits;
  do {
    digits[--i] = (char)('0' + value % 10);
    value /= 10;
  } while (value > 0);
  put(w, digits + i, sizeof digits - i);
}

static int finish(writer *w) {
  if (w->status != OC_OK)
    w->out->n = w->start;
  return w->status;
}

/* --- Taking a reference apart (RFC 3986 appendix B) --- */

/* Absent parts have p == NULL, present but empty ones n == 0; the path is
** always present. */
typedef struct reference {
  oc_url_part scheme, authority, path, query, fragment;
} reference;

static size_t scheme_length(oc_url_part s) {
  size_t n = 0;
  if (s.n == 0 || !is_alpha(s.p[0]))
    return 0;
  while (n < s.n && is_scheme_char(s.p[n]))
    n++;
  return n < s.n && s.p[n] == ':' ? n : 0;
}

static reference split(oc_url_part rest) {
  reference r;
  size_t scheme_n = scheme_length(rest);
  memset(&r, 0, sizeof r);
  if (scheme_n > 0) {
    r.scheme = part_of(rest.p, scheme_n);
    rest = without_first(rest, scheme_n + 1);
  }
  if (part_starts(rest, "//")) {
    rest = without_first(rest, 2);
    r.authority = take_until(&rest, "/?#");
  }
  r.path = take_until(&rest, "?#");
  if (part_starts(rest, "?")) {
    rest = without_first(rest, 1);
    r.query = take_until(&rest, "#");
  }
  if (rest.n > 0)
    r.fragment = without_first(rest, 1);
  return r;
}

/* --- Hosts and ports --- */

/* Four decimal numbers and nothing else; leading zeros are refused, as some
** readers take them for octal. */
static int read_ipv4(unsigned octet[4], oc_url_part s) {
  int i;
  for (i = 0; i < 4; i++) {
    oc_url_part number = take_until(&s, ".");
    unsigned value = 0;
    size_t k;
    if (number.n == 0 || number.n > 3 || (number.n > 1 && number.p[0] == '0'))
      return 0;
    for (k = 0; k < number.n; k++) {
      if (!is_digit(number.p[k]))
        return 0;
      value = value * 10 + (unsigned)(number.p[k] - '0');
    }
    if (value > 255 || (i < 3) != (s.n > 0))
      return 0;
    octet[i] = value;
    if (i < 3)
      s = without_first(s, 1);
  }
  return 1;
}

/* One to four hexadecimal digits off the front of *s. */
static int take_hex_group(unsigned *value, oc_url_part *s) {
  size_t n = 0;
  *value = 0;
  while (n < s->n && n < 4 && hex_value(s->p[n]) >= 0)
    *value = *value * 16 + (unsigned)hex_value(s->p[n++]);
  *s = without_first(*s, n);
  return n > 0;
}

/* The eight groups of an IPv6 address without brackets: 1 or 0. */
static int read_ipv6(unsigned group[8], oc_url_part s) {
  unsigned octet[4];
  int count = 0, gap = -1;  /* gap: groups before the "::" */
  memset(group, 0, 8 * sizeof *group);
  if (part_starts(s, "::")) {
    gap = 0;
    s = without_first(s, 2);
  }
  while (s.n > 0) {
    if (count <= 6 && read_ipv4(octet, s)) {
      group[count++] = octet[0] * 256 + octet[1];
      group[count++] = octet[2] * 256 + octet[3];
      break;
    }
    if (count == 8 || !take_hex_group(&group[count++], &s))
      return 0;
    if (s.n == 0)
      break;
    if (s.n == 1 || s.p[0] != ':')
      return 0;
    s = without_first(s, 1);
    if (s.p[0] != ':')
      continue;
    if (gap >= 0)
      return 0;
    gap = count;
    s = without_first(s, 1);
  }
  if (gap < 0 || count == 8)  /* "::" stands for one group at least */
    return gap < 0 && count == 8;
  memmove(group + gap + 8 - count, group + gap, (size_t)(count - gap) * sizeof *group);
  memset(group + gap, 0, (size_t)(8 - count) * sizeof *group);
  return 1;
}

static const char *read_port(oc_url *u, oc_url_part s) {
  static const char unusable[] = "has an unusable port: it must be 1 to 65535";
  unsigned port = 0;
  size_t i;
  for (i = 0; i < s.n; i++) {
    if (!is_digit(s.p[i]))
      return unusable;
    port = port * 10 + (unsigned)(s.p[i] - '0');
    if (port > 65535)
      return unusable;
  }
  if (s.n == 0)
    port = u->is_https ? 443 : 80;
  u->port = port;
  return port > 0 ? NULL : unusable;
}

static const char *read_host(oc_url *u, oc_url_part *rest) {
  unsigned group[8];
  size_t i;
  if (part_starts(*rest, "[")) {
    oc_url_part behind = without_first(*rest, 1);
    oc_url_part address = take_until(&behind, "]");
    if (behind.n == 0 || !read_ipv6(group, address))
      return "has an unusable IPv6 address as its host";
    u->host = part_of(rest->p, address.n + 2);
    *rest = without_first(behind, 1);
    return NULL;
  }
  u->host = take_until(rest, ":");
  if (u->host.n == 0)
    return "has no host";
  for (i = 0; i < u->host.n; i++)
    if (!is_host_char(u->host.p[i]))
      return "has a character in its host that does not belong there";
  return NULL;
}

static const char *read_authority(oc_url *u, oc_url_part authority) {
  const char *why;
  size_t at = authority.n;
  while (at > 0 && authority.p[at - 1] != '@')
    at--;
  if (at > 0) {
    u->has_userinfo = 1;
    u->userinfo = part_of(authority.p, at - 1);
    authority = without_first(authority, at);
  }
  why = read_host(u, &authority);
  if (why != NULL)
    return why;
  if (authority.n > 0 && authority.p[0] != ':')
    return "has a character in its host that does not belong there";
  return read_port(u, authority.n > 0 ? without_first(authority, 1) : authority);
}

/* Fills u in, userinfo allowed; answers what is wrong, or NULL. */
static const char *read_url(oc_url *u, oc_url_part s) {
  const char *why = find_bad_char(s.p, s.n);
  reference r;
  if (s.n == 0)
    return "is empty";
  if (why != NULL)
    return why;
  r = split(s);
  u->scheme = r.scheme;
  u->is_https = r.scheme.p != NULL && part_is(r.scheme, "https");
  if (!u->is_https && !(r.scheme.p != NULL && part_is(r.scheme, "http"))) {
    /* "example.com:8080" has a scheme to the grammar, but to nobody else. */
    int has_both = r.scheme.p != NULL && r.authority.p != NULL;
    return has_both ? "has a scheme other than https and http"
                    : "has no scheme: it must begin with https:// or http://";
  }
  if (r.authority.p == NULL)
    return "has no // behind its scheme";
  u->path = r.path;
  u->query = r.query;
  u->fragment = r.fragment;
  u->has_query = r.query.p != NULL;
  u->has_fragment = r.fragment.p != NULL;
  return read_authority(u, r.authority);
}

/* A NULL of no length is a URL too, an empty one; but absent parts are NULL. */
static oc_url_part text_of(const char *s, size_t n) {
  return s == NULL ? part_of("", 0) : part_of(s, n);
}

int oc_url_parse(oc_url *u, const char *s, size_t n, const char **why) {
  const char *found;
  memset(u, 0, sizeof *u);
  found = read_url(u, text_of(s, n));
  if (found != NULL)
    memset(u, 0, sizeof *u);
  else if (u->has_userinfo)
    found = "has a user name or password in it, which is not allowed there";
  if (why != NULL)
    *why = found;
  return found == NULL ? OC_OK : OC_EBAD;
}

/* --- Questions --- */

int oc_url_same_origin(const oc_url *a, const oc_url *b) {
  if (a->host.n == 0)  /* never parsed: equal to nothing */
    return 0;
  return a->is_https == b->is_https && a->port == b->port && part_equals(a->host, b->host);
}

int oc_url_is_loopback(const oc_url *u) {
  unsigned octet[4], group[8];
  int i;
  if (part_is(u->host, "localhost"))
    return 1;
  if (read_ipv4(octet, u->host))
    return octet[0] == 127;
  if (!part_starts(u->host, "["))
    return 0;
  if (!read_ipv6(group, part_of(u->host.p + 1, u->host.n - 2)))
    return 0;
  for (i = 0; i < 7; i++)
    if (group[i] != 0)
      return 0;
  return group[7] == 1;
}

/* --- Putting together --- */

int oc_url_encode(oc_buf *out, const char *s, size_t n) {
  writer w = write_to(out);
  put_encoded(&w, s, n);
  return finish(&w);
}

int oc_url_join(oc_buf *out, const char *base, size_t base_n,
                const char *path, size_t path_n) {
  oc_url u;
  oc_url_part tail = text_of(path, path_n);
  writer w = write_to(out);
  if (oc_url_parse(&u, base, base_n, NULL) != OC_OK || u.has_query || u.has_fragment)
    return OC_EBAD;
  if (find_bad_char(tail.p, tail.n) != NULL)
    return OC_EBAD;
  if (tail.n > 0 && memchr(tail.p, '#', tail.n) != NULL)
    return OC_EBAD;
  while (base[base_n - 1] == '/')  /* ends at the host, which is not empty */
    base_n--;
  while (part_starts(tail, "/"))
    tail = without_first(tail, 1);
  put(&w, base, base_n);
  if (tail.n > 0)
    put_text(&w, "/");
  put_part(&w, tail);
  return finish(&w);
}

int oc_url_add_param(oc_buf *url, const char *name,
                     const char *value, size_t value_n) {
  writer w = write_to(url);
  char last = url->n > 0 ? url->p[url->n - 1] : '\0';
  if (url->n > 0 && memchr(url->p, '#', url->n) != NULL)
    return OC_EBAD;
  if (url->n == 0 || memchr(url->p, '?', url->n) == NULL)
    put_text(&w, "?");
  else if (last != '?' && last != '&')
    put_text(&w, "&");
  put_encoded(&w, name, strlen(name));
  put_text(&w, "=");
  put_encoded(&w, value, value_n);
  return finish(&w);
}

/* RFC 3986 5.2.4 for a path that is empty or begins with a slash, in place:
** writing never overtakes reading. Answers the new length. */
static size_t remove_dot_segments(char *p, size_t n) {
  size_t from = 0, to = 0;
  while (from < n) {
    size_t end = from + 1, length;
    while (end < n && p[end] != '/')
      end++;
    length = end - from;  /* slash included */
    if (length == 3 && p[from + 1] == '.' && p[from + 2] == '.') {
      while (to > 0 && p[--to] != '/')
        continue;
    } else if (!(length == 2 && p[from + 1] == '.')) {
      memmove(p + to, p + from, length);
      to += length;
      from = end;
      continue;
    }
    if (end == n)  /* a dot segment at the end leaves its slash */
      p[to++] = '/';
    from = end;
  }
  return to;
}

/* Writes the path of r against base, dot segments removed. */
static void put_merged_path(writer *w, const reference *base, const reference *r) {
  size_t start = w->out->n;
  if (r->authority.p == NULL && !part_starts(r->path, "/")) {
    size_t n = base->path.n;
    while (n > 0 && base->path.p[n - 1] != '/')
      n--;
    put(w, base->path.p, n);
    if (n == 0)
      put_text(w, "/");
  }
  put_part(w, r->path);
  if (w->status == OC_OK && w->out->n > start)
    w->out->n = start + remove_dot_segments(w->out->p + start, w->out->n - start);
}

/* RFC 3986 5.2.2 and 5.3, for references that have a scheme only together with
** an authority. */
static void put_resolved(writer *w, const reference *base, const reference *r) {
  int is_same_path = r->authority.p == NULL && r->path.n == 0;
  oc_url_part query = r->query;
  if (is_same_path && query.p == NULL)
    query = base->query;
  put_part(w, r->scheme.p != NULL ? r->scheme : base->scheme);
  put_text(w, "://");
  put_part(w, r->authority.p != NULL ? r->authority : base->authority);
  if (is_same_path)
    put_part(w, base->path);
  else
    put_merged_path(w, base, r);
  if (query.p == NULL)
    return;
  put_text(w, "?");
  put_part(w, query);
}

int oc_url_resolve(oc_buf *out, const char *base, size_t base_n,
                   const char *ref, size_t ref_n) {
  oc_url u;
  oc_url_part text = text_of(ref, ref_n);
  reference from, to;
  writer w = write_to(out);
  if (oc_url_parse(&u, base, base_n, NULL) != OC_OK)
    return OC_EBAD;
  if (find_bad_char(text.p, text.n) != NULL)
    return OC_EBAD;
  from = split(part_of(base, base_n));
  to = split(text);
  /* "http:g" names nothing by the strict reading; written with the authority
  ** that it lacks, "http:/..//g" would name a host. */
  if (to.scheme.p != NULL && to.authority.p == NULL)
    return OC_EBAD;
  put_resolved(&w, &from, &to);
  if (w.status == OC_OK &&
      oc_url_parse(&u, out->p + w.start, out->n - w.start, NULL) != OC_OK)
    w.status = OC_EBAD;
  return finish(&w);
}

/* --- Showing --- */

static void put_origin(writer *w, const oc_url *u) {
  put_text(w, u->is_https ? "https://" : "http://");
  put_lower(w, u->host);
  if (u->port == (u->is_https ? 443u : 80u))
    return;
  put_text(w, ":");
  put_number(w, u->port);
}

int oc_url_origin(oc_buf *out, const oc_url *u) {
  writer w = write_to(out);
  put_origin(&w, u);
  return finish(&w);
}

int oc_url_redact(oc_buf *out, const char *url, size_t n) {
  oc_url u;
  writer w = write_to(out);
  if (oc_url_parse(&u, url, n, NULL) != OC_OK && !u.has_userinfo)
    return oc_buf_adds(out, OC_URL_HIDDEN);
  if (memchr(u.path.p, '@', n - (size_t)(u.path.p - url)) != NULL)
    return oc_buf_adds(out, OC_URL_HIDDEN);
  put_origin(&w, &u);
  put_part(&w, u.path);
  return finish(&w);
}
