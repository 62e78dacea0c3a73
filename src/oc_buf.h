/*
** oc_buf.h - bytes with a ceiling. Knows nothing of what they mean.
** A buffer is born with the most it may ever hold; every growth is tested
** against it, and a failed growth leaves the buffer as it was.
*/
#ifndef oc_buf_h
#define oc_buf_h

#include <stddef.h>

#include "oc_status.h"

typedef struct oc_buf {
  char *p;      /* owned; NULL while nothing was ever reserved */
  size_t n;     /* bytes in use */
  size_t cap;   /* bytes allocated, padding not counted */
  size_t max;   /* ceiling for n */
} oc_buf;

/* Bytes allocated behind cap, so that vector loads may read past n. */
#define OC_BUF_PAD 64

/* Makes an empty buffer that may grow to max bytes. Allocates nothing. */
void oc_buf_init(oc_buf *b, size_t max);

/* Gives the memory back; the buffer is empty and usable afterwards. */
void oc_buf_free(oc_buf *b);

/* Room for extra more bytes behind n: OC_OK, OC_EMEM or OC_ELIMIT. */
int oc_buf_reserve(oc_buf *b, size_t extra);

/* Appends n bytes: OC_OK, OC_EMEM or OC_ELIMIT. */
int oc_buf_add(oc_buf *b, const void *bytes, size_t n);

/* Appends a NUL-terminated string, without the NUL. */
int oc_buf_adds(oc_buf *b, const char *s);

/* Appends one byte. */
int oc_buf_addc(oc_buf *b, char c);

/* Drops the first n bytes (n at most b->n) and moves the rest to the front. */
void oc_buf_drop(oc_buf *b, size_t n);

#endif
