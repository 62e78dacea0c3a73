/*
** oc_head.c - the lines of an HTTP head to its status and headers.
** Lax where that is harmless, since servers are; but what it keeps can neither
** be mistaken for two headers nor cut at a NUL.
*/
#include "oc_head.h"

#include <string.h>

static const char PROTOCOL[] = "HTTP/";

void oc_head_init(oc_head *h) {
  memset(h, 0, sizeof(*h));
  /* a record's end may be more than what was received */
  oc_buf_init(&h->lines, OC_HEAD_MAX_BYTES + OC_HEAD_MAX_LINES);
}

void oc_head_free(oc_head *h) {
  oc_buf_free(&h->lines);
}

static int blank(char c) {
  return c == ' ' || c == '\t';
}

static int line_end(char c) {
  return c == '\r' || c == '\n';
}

static int digit(char c) {
  return c >= '0' && c <= '9';
}

/* What a value neither begins nor ends with. */
static int white(char c) {
  return blank(c) || line_end(c) || c == '\0';
}

static void trim(const char **p, size_t *n) {
  while (*n > 0 && white((*p)[0])) {
    (*p)++;
    (*n)--;
  }
  while (*n > 0 && white((*p)[*n - 1]))
    (*n)--;
}

/* The three digits behind "HTTP/x ", or 0 when they are no status. */
static int status_of(const char *p, size_t n) {
  const char *end = p + n;
  p = memchr(p, ' ', n);
  while (p != NULL && p < end && blank(*p))  /* libcurl passes several, too */
    p++;
  if (p == NULL || end - p < 3 || !digit(p[0]) || !digit(p[1]) || !digit(p[2]) ||
      p[0] == '0' || (end - p > 3 && digit(p[3])))
    return 0;
  return (p[0] - '0') * 100 + (p[1] - '0') * 10 + (p[2] - '0');
}

/* A name is not empty, and has neither blanks nor control characters. */
static int usable(const char *name, size_t n) {
  size_t i;
  for (i = 0; i < n; i++)
    if ((unsigned char)name[i] <= ' ' || name[i] == 0x7f)
      return 0;
  return n > 0;
}

/* Appends a name in lower case, whatever the locale. */
static int add_name(oc_buf *b, const char *p, size_t n) {
  size_t i = b->n;
  int status = oc_buf_add(b, p, n);
  for (; i < b->n; i++)
    if (b->p[i] >= 'A' && b->p[i] <= 'Z')
      b->p[i] = (char)(b->p[i] - 'A' + 'a');
  return status;
}

/* Appends a value and the record's end. CR, LF and NUL within are no part of any
** value: a blank stands for each (RFC 9110, section 5.5). */
static int add_value(oc_buf *b, const char *p, size_t n) {
  size_t i = b->n;
  int status = oc_buf_add(b, p, n);
  for (; i < b->n; i++)
    if (line_end(b->p[i]) || b->p[i] == '\0')
      b->p[i] = ' ';
  return status == OC_OK ? oc_buf_addc(b, '\n') : status;
}

/* Goes on from the line before: a blank stands for the fold. */
static int add_folded(oc_head *h, const char *p, size_t n) {
  oc_buf *b = &h->lines;
  int status;
  trim(&p, &n);
  if (!h->kept || n == 0)
    return OC_OK;
  b->n--;
  status = h->bare ? OC_OK : oc_buf_addc(b, ' ');
  if (status == OC_OK)
    status = add_value(b, p, n);
  if (status == OC_OK)
    h->bare = 0;
  return status;
}

static int add_header(oc_head *h, const char *p, size_t n) {
  const char *colon = memchr(p, ':', n);
  const char *value;
  size_t name_n, value_n;
  int status;
  h->kept = 0;
  if (colon == NULL)
    return OC_OK;
  name_n = (size_t)(colon - p);
  value = colon + 1;
  value_n = n - name_n - 1;
  while (name_n > 0 && blank(p[name_n - 1]))
    name_n--;
  trim(&value, &value_n);
  if (!usable(p, name_n))
    return OC_OK;
  h->kept = 1;
  h->bare = value_n == 0;
  status = add_name(&h->lines, p, name_n);
  if (status == OC_OK)
    status = oc_buf_addc(&h->lines, ':');
  return status == OC_OK ? add_value(&h->lines, value, value_n) : status;
}

static int begin(oc_head *h, const char *p, size_t n) {
  if (n < strlen(PROTOCOL) || memcmp(p, PROTOCOL, strlen(PROTOCOL)) != 0)
    return OC_EBAD;
  h->status = status_of(p, n);
  h->lines.n = 0;
  h->open = 1;
  h->kept = 0;
  return h->status != 0 ? OC_OK : OC_EBAD;
}

/* A blank line: the head is complete. Nobody asked for another protocol, so 101
** is an answer. */
static void end(oc_head *h) {
  h->done = h->open && (h->status >= 200 || h->status == 101);
  h->open = 0;
}

static int take(oc_head *h, const char *p, size_t n) {
  size_t kept = h->lines.n;
  int status;
  if (n > OC_HEAD_MAX_BYTES - h->bytes || h->count == OC_HEAD_MAX_LINES)
    return OC_ELIMIT;
  h->bytes += n;
  h->count++;
  if (h->done)
    return OC_OK;  /* a trailer: libcurl keeps it, so it counts */
  if (n == 0 || line_end(p[0])) {
    end(h);
    return OC_OK;
  }
  if (!h->open)
    return begin(h, p, n);
  status = blank(p[0]) ? add_folded(h, p, n) : add_header(h, p, n);
  if (status != OC_OK && kept > 0)
    h->lines.p[kept - 1] = '\n';
  if (status != OC_OK)
    h->lines.n = kept;  /* whole records only */
  return status;
}

int oc_head_take(oc_head *h, const char *p, size_t n) {
  if (h->failed == OC_OK)
    h->failed = take(h, p, n);
  return h->failed;
}

int oc_head_next(const oc_head *h, size_t *at, const char **name, size_t *name_n,
                 const char **value, size_t *value_n) {
  const char *p, *colon, *stop;
  if (*at >= h->lines.n)
    return 0;
  p = h->lines.p + *at;
  stop = memchr(p, '\n', h->lines.n - *at);
  colon = memchr(p, ':', (size_t)(stop - p));
  *name = p;
  *name_n = (size_t)(colon - p);
  *value = colon + 1;
  *value_n = (size_t)(stop - colon) - 1;
  *at = (size_t)(stop + 1 - h->lines.p);
  return 1;
}
