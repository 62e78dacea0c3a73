/*
** oc_transport_head.c - the head of an answer, from the header lines that libcurl
** brings. Kept as "name:value\n", names in lower case. A status line begins anew,
** so that what remains is the final answer's; what comes after its blank line are
** trailers, and not kept.
*/
#include "oc_transport_priv.h"

#include <string.h>

static int blank(char c) {
  return c == ' ' || c == '\t';
}

static void trim(const char **p, size_t *n) {
  while (*n > 0 && blank((*p)[0])) {
    (*p)++;
    (*n)--;
  }
  while (*n > 0 && ((*p)[*n - 1] == '\r' || (*p)[*n - 1] == '\n' ||
                    blank((*p)[*n - 1])))
    (*n)--;
}

/* The three digits behind "HTTP/x ", or 0. */
static int status_of(const char *p, size_t n) {
  const char *space = memchr(p, ' ', n);
  int i, status = 0;
  if (space == NULL || (size_t)(p + n - space) < 4)
    return 0;
  for (i = 1; i <= 3; i++) {
    if (space[i] < '0' || space[i] > '9')
      return 0;
    status = status * 10 + (space[i] - '0');
  }
  return status;
}

/* Copies a name in lower case, whatever the locale. */
static int add_name(oc_buf *b, const char *p, size_t n) {
  size_t i, at = b->n;
  int status = oc_buf_add(b, p, n);
  for (i = at; i < b->n; i++)
    if (b->p[i] >= 'A' && b->p[i] <= 'Z')
      b->p[i] = (char)(b->p[i] - 'A' + 'a');
  return status;
}

/* One line of the head that is neither its first nor its last. */
static int add_line(oc_buf *b, const char *p, size_t n) {
  const char *colon = memchr(p, ':', n);
  const char *name = p, *value;
  size_t name_n, value_n;
  int status;
  if (n > 0 && blank(p[0]) && b->n > 0) {  /* goes on from the line before */
    trim(&p, &n);
    b->p[b->n - 1] = ' ';
    status = oc_buf_add(b, p, n);
    return status == OC_OK ? oc_buf_addc(b, '\n') : status;
  }
  if (colon == NULL)
    return OC_OK;
  name_n = (size_t)(colon - p);
  value = colon + 1;
  value_n = n - name_n - 1;
  trim(&name, &name_n);
  trim(&value, &value_n);
  status = add_name(b, name, name_n);
  if (status == OC_OK)
    status = oc_buf_addc(b, ':');
  if (status == OC_OK)
    status = oc_buf_add(b, value, value_n);
  return status == OC_OK ? oc_buf_addc(b, '\n') : status;
}

/* The same for a line of any kind: status line, header, blank line, trailer. */
static int take_line(oc_exchange *x, const char *p, size_t n) {
  x->head_bytes += n;
  if (n > OC_HEAD_MAX_BYTES || x->head_bytes > OC_HEAD_MAX_BYTES ||
      ++x->head_lines > OC_HEAD_MAX_LINES)
    return OC_ELIMIT;
  if (x->head_done)
    return OC_OK;  /* a trailer: libcurl keeps it, so it counts */
  if (!x->head_open && n >= 5 && memcmp(p, "HTTP/", 5) == 0) {
    x->head.n = 0;
    x->status = status_of(p, n);
    x->head_open = 1;
    return OC_OK;
  }
  if (p[0] == '\r' || p[0] == '\n') {
    x->head_open = 0;
    x->head_done = x->status >= 200 || x->status == 101;  /* nobody asked for another protocol */
    return OC_OK;
  }
  return add_line(&x->head, p, n);
}

size_t oc_transport_on_header(char *p, size_t size, size_t n, void *ud) {
  oc_exchange *x = ud;
  int status;
  n *= size;
  x->idle_s = 0;
  if (n == 0)
    return 0;
  status = take_line(x, p, n);
  if (status == OC_EMEM)
    oc_transport_fail(x, "memory", "out of memory for the headers of %s", x->origin);
  else if (status == OC_ELIMIT)
    oc_transport_fail(x, "limit", "the headers of %s are more than %d lines or %d bytes",
                      x->origin, OC_HEAD_MAX_LINES, OC_HEAD_MAX_BYTES);
  return status == OC_OK ? n : 0;
}

int oc_exchange_next_header(const oc_exchange *x, size_t *at,
                            const char **name, size_t *name_n,
                            const char **value, size_t *value_n) {
  const char *p, *colon, *end;
  if (*at >= x->head.n)
    return 0;
  p = x->head.p + *at;
  end = memchr(p, '\n', x->head.n - *at);
  colon = memchr(p, ':', (size_t)(end - p));
  *name = p;
  *name_n = (size_t)(colon - p);
  *value = colon + 1;
  *value_n = (size_t)(end - colon) - 1;
  *at = (size_t)(end + 1 - x->head.p);
  return 1;
}
