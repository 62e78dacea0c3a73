/* fuzz_url.c - oc_url over arbitrary text, and what must hold for any. The
 * input is two texts, parted by the first line feed: a base, and a reference,
 * path or value; without a line feed both are the whole input.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "oc_url.h"

/* assert() would go with NDEBUG. */
#define HOLD(cond) \
  do { \
    if (!(cond)) { \
      fprintf(stderr, "%s:%d: does not hold: %s\n", __FILE__, __LINE__, #cond); \
      abort(); \
    } \
  } while (0)

#define OLD "old"

static int parses(const char *s, size_t n, oc_url *u) {
  return oc_url_parse(u, s, n, NULL) == OC_OK;
}

static int equal(const oc_buf *a, const char *p, size_t n) {
  return a->n == n && (n == 0 || memcmp(a->p, p, n) == 0);
}

/* Makes b hold OLD, room for `room` more. */
static void start(oc_buf *b, size_t room) {
  oc_buf_init(b, strlen(OLD) + room);
  HOLD(oc_buf_adds(b, OLD) == OC_OK);
}

/* A failure leaves OLD; then drops it, and b holds what was written. */
static int finish(oc_buf *b, int status) {
  HOLD(b->n >= strlen(OLD) && memcmp(b->p, OLD, strlen(OLD)) == 0);
  HOLD(status == OC_OK || b->n == strlen(OLD));
  HOLD(b->n <= b->max);
  oc_buf_drop(b, strlen(OLD));
  return status;
}

static void fuzz_parse(const char *s, size_t n) {
  oc_url u;
  const char *why = NULL;
  int status = oc_url_parse(&u, s, n, &why);
  HOLD((status == OC_OK) == (why == NULL));
  HOLD(status == OC_OK || status == OC_EBAD);
  if (status != OC_OK && !u.has_userinfo) {
    HOLD(u.host.n == 0 && u.port == 0);
    return;
  }
  HOLD(u.host.n > 0 && u.port >= 1 && u.port <= 65535);
  HOLD(u.host.p > s && u.host.p + u.host.n <= s + n);
  HOLD(u.path.p + u.path.n <= s + n && (u.path.n == 0 || u.path.p[0] == '/'));
  HOLD(memchr(u.host.p, '@', u.host.n) == NULL);
  HOLD(memchr(u.host.p, '/', u.host.n) == NULL);
  HOLD(oc_url_same_origin(&u, &u));
}

/* The origin of a URL has its origin, and is its own. */
static void fuzz_origin(const char *s, size_t n) {
  oc_url u, v;
  oc_buf origin, again;
  if (!parses(s, n, &u))
    return;
  start(&origin, n + 8);
  start(&again, n + 8);
  HOLD(finish(&origin, oc_url_origin(&origin, &u)) == OC_OK);
  HOLD(parses(origin.p, origin.n, &v));
  HOLD(oc_url_same_origin(&u, &v) && v.path.n == 0 && !v.has_query);
  HOLD(oc_url_is_loopback(&u) == oc_url_is_loopback(&v));
  HOLD(finish(&again, oc_url_origin(&again, &v)) == OC_OK);
  HOLD(equal(&origin, again.p, again.n));
  oc_buf_free(&origin);
  oc_buf_free(&again);
}

/* Shows no secret, nothing unprintable, and shows its own output unchanged. */
static void fuzz_redact(const char *s, size_t n) {
  oc_buf shown, again;
  size_t i;
  oc_url u;
  start(&shown, n + 32);
  start(&again, n + 32);
  HOLD(finish(&shown, oc_url_redact(&shown, s, n)) == OC_OK);
  for (i = 0; i < shown.n; i++)
    HOLD(shown.p[i] >= ' ' && shown.p[i] < 0x7f && strchr("@?#", shown.p[i]) == NULL);
  HOLD(equal(&shown, OC_URL_HIDDEN, strlen(OC_URL_HIDDEN)) || parses(shown.p, shown.n, &u));
  HOLD(finish(&again, oc_url_redact(&again, shown.p, shown.n)) == OC_OK);
  HOLD(equal(&shown, again.p, again.n));
  oc_buf_free(&shown);
  oc_buf_free(&again);
}

static int has_dot_segment(oc_url_part path) {
  size_t i, from = 0;
  for (i = 1; i <= path.n; i++) {
    size_t n = i - from;  /* slash included */
    if (i < path.n && path.p[i] != '/')
      continue;
    if ((n == 2 && path.p[from + 1] == '.') ||
        (n == 3 && path.p[from + 1] == '.' && path.p[from + 2] == '.'))
      return 1;
    from = i;
  }
  return 0;
}

/* What a reference leads to is a URL like any other; asked from there, it leads
** there again if it was absolute. Only an authority leads to another origin. */
static void fuzz_resolve(const char *base, size_t base_n, const char *ref, size_t ref_n) {
  oc_url from, to;
  oc_buf out, again;
  start(&out, base_n + ref_n + 8);
  start(&again, base_n + ref_n + 8);
  if (finish(&out, oc_url_resolve(&out, base, base_n, ref, ref_n)) == OC_OK) {
    HOLD(parses(base, base_n, &from));
    HOLD(parses(out.p, out.n, &to));
    HOLD(!to.has_fragment && !to.has_userinfo);
    HOLD(ref_n == 0 || ref[0] == '?' || ref[0] == '#' || !has_dot_segment(to.path));
    HOLD(oc_url_same_origin(&from, &to) ||
         (ref_n >= 2 && memcmp(ref, "//", 2) == 0) || parses(ref, ref_n, &to));
    HOLD(finish(&again, oc_url_resolve(&again, base, base_n, out.p, out.n)) == OC_OK);
    if (ref_n > 0 && ref[0] != '?' && ref[0] != '#')
      HOLD(equal(&out, again.p, again.n));
  }
  oc_buf_free(&out);
  oc_buf_free(&again);
}

static void fuzz_join(const char *base, size_t base_n, const char *path, size_t path_n) {
  oc_url from, to;
  oc_buf out;
  start(&out, base_n + path_n + 1);
  if (finish(&out, oc_url_join(&out, base, base_n, path, path_n)) == OC_OK) {
    HOLD(parses(base, base_n, &from) && parses(out.p, out.n, &to));
    HOLD(oc_url_same_origin(&from, &to) && !to.has_fragment);
  }
  oc_buf_free(&out);
}

static int is_unreserved(char c) {
  return c != '\0' && strchr("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
                             "0123456789-._~", c) != NULL;
}

/* Decoded again it is what was encoded. */
static void fuzz_encode(const char *s, size_t n) {
  oc_buf out;
  size_t i, at = 0;
  start(&out, 3 * n);
  HOLD(finish(&out, oc_url_encode(&out, s, n)) == OC_OK);
  for (i = 0; i < n; i++) {
    char code[4];
    if (is_unreserved(s[i])) {
      HOLD(out.p[at++] == s[i]);
      continue;
    }
    snprintf(code, sizeof code, "%%%02X", (unsigned)(unsigned char)s[i]);
    HOLD(out.n - at >= 3 && memcmp(out.p + at, code, 3) == 0);
    at += 3;
  }
  HOLD(at == out.n);
  oc_buf_free(&out);
}

static void fuzz_add_param(const char *s, size_t n, const char *value, size_t value_n) {
  oc_buf url;
  oc_url before, after;
  if (!parses(s, n, &before))
    return;
  oc_buf_init(&url, n + 3 * value_n + 10);
  HOLD(oc_buf_add(&url, s, n) == OC_OK);
  if (before.has_fragment) {
    HOLD(oc_url_add_param(&url, "n", value, value_n) == OC_EBAD);
    HOLD(equal(&url, s, n));
  } else {
    HOLD(oc_url_add_param(&url, "n", value, value_n) == OC_OK);
    HOLD(memcmp(url.p, s, n) == 0 && parses(url.p, url.n, &after));
    HOLD(after.has_query && !after.has_fragment && after.path.n == before.path.n);
    HOLD(oc_url_same_origin(&before, &after));
  }
  oc_buf_free(&url);
}

/* However little room there is: refused, or what more room gives. */
static void fuzz_ceiling(const char *s, size_t n, size_t room) {
  oc_buf small, large;
  int status;
  start(&small, room);
  start(&large, n + 32);
  HOLD(finish(&large, oc_url_redact(&large, s, n)) == OC_OK);
  status = finish(&small, oc_url_redact(&small, s, n));
  HOLD(status == (large.n <= room ? OC_OK : OC_ELIMIT));
  HOLD(status != OC_OK || equal(&small, large.p, large.n));
  oc_buf_free(&small);
  oc_buf_free(&large);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  const char *a = (const char *)data, *b = a;
  const char *cut = size > 0 ? memchr(a, '\n', size) : NULL;
  size_t a_n = size, b_n = size;
  if (cut != NULL) {
    a_n = (size_t)(cut - a);
    b = cut + 1;
    b_n = size - a_n - 1;
  }
  fuzz_parse(a, a_n);
  fuzz_parse(b, b_n);
  fuzz_origin(a, a_n);
  fuzz_redact(a, a_n);
  fuzz_redact(b, b_n);
  fuzz_resolve(a, a_n, b, b_n);
  fuzz_join(a, a_n, b, b_n);
  fuzz_encode(b, b_n);
  fuzz_add_param(a, a_n, b, b_n);
  fuzz_ceiling(a, a_n, b_n);
  return 0;
}
