/*
** oc_buf.c - bytes with a ceiling.
*/
#include "oc_buf.h"

#include <stdlib.h>
#include <string.h>

void oc_buf_init(oc_buf *b, size_t max) {
  b->p = NULL;
  b->n = b->cap = 0;
  b->max = max;
}

void oc_buf_free(oc_buf *b) {
  free(b->p);
  oc_buf_init(b, b->max);
}

int oc_buf_reserve(oc_buf *b, size_t extra) {
  size_t cap;
  char *p;
  if (extra <= b->cap - b->n && b->p != NULL)
    return OC_OK;
  if (extra > b->max - b->n)  /* n never exceeds max */
    return OC_ELIMIT;
  cap = b->cap < 256 ? 256 : b->cap;
  if (cap > b->max)  /* room past the ceiling would let n grow past it */
    cap = b->max;
  while (cap < b->n + extra)
    cap = cap > b->max / 2 ? b->max : cap * 2;
  if (cap > (size_t)-1 - OC_BUF_PAD)
    return OC_EMEM;
  p = realloc(b->p, cap + OC_BUF_PAD);
  if (p == NULL)
    return OC_EMEM;
  memset(p + cap, 0, OC_BUF_PAD);
  b->p = p;
  b->cap = cap;
  return OC_OK;
}

int oc_buf_add(oc_buf *b, const void *bytes, size_t n) {
  int status = oc_buf_reserve(b, n);
  if (status != OC_OK)
    return status;
  if (n > 0)
    memcpy(b->p + b->n, bytes, n);
  b->n += n;
  return OC_OK;
}

int oc_buf_adds(oc_buf *b, const char *s) {
  return oc_buf_add(b, s, strlen(s));
}

int oc_buf_addc(oc_buf *b, char c) {
  return oc_buf_add(b, &c, 1);
}

void oc_buf_drop(oc_buf *b, size_t n) {
  if (n == 0)
    return;
  b->n -= n;
  if (b->n > 0)
    memmove(b->p, b->p + n, b->n);
}
