/*
** oc_inflate.c - gzip and zlib streams by zlib, a piece at a time.
** That they are whole is for the caller to ask: zlib sees no end of the bytes.
*/
#include "oc_inflate.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

/* The largest window, and either format, told apart by the first bytes. */
#define WINDOW_BITS (15 + 32)

struct oc_inflate {
  z_stream s;
  int whole;   /* a member is complete and nothing of another was seen */
  int failed;  /* OC_EMEM or OC_EBAD from now on */
};

/* zlib's own would be out of reach for whoever counts allocations. */
static void *on_alloc(void *ud, unsigned int count, unsigned int size) {
  (void)ud;
  return calloc(count, size);
}

static void on_free(void *ud, void *p) {
  (void)ud;
  free(p);
}

oc_inflate *oc_inflate_new(void) {
  oc_inflate *z = calloc(1, sizeof(*z));
  if (z == NULL)
    return NULL;
  z->s.zalloc = on_alloc;
  z->s.zfree = on_free;
  if (inflateInit2(&z->s, WINDOW_BITS) != Z_OK) {
    free(z);
    return NULL;
  }
  return z;
}

void oc_inflate_free(oc_inflate *z) {
  if (z == NULL)
    return;
  inflateEnd(&z->s);
  free(z);
}

static uInt at_most(size_t n) {
  return n < UINT_MAX ? (uInt)n : UINT_MAX;
}

/* One call of zlib's; 0 when there is nothing more to be had of the bytes. */
static int turn(oc_inflate *z) {
  int code;
  if (z->whole && z->s.avail_in > 0) {  /* another member */
    inflateReset(&z->s);
    z->whole = 0;
  }
  code = inflate(&z->s, Z_NO_FLUSH);
  if (code == Z_STREAM_END) {
    z->whole = 1;
    return z->s.avail_in > 0;
  }
  if (code == Z_MEM_ERROR)
    z->failed = OC_EMEM;
  else if (code != Z_OK && code != Z_BUF_ERROR)
    z->failed = OC_EBAD;
  return code == Z_OK && z->s.avail_in > 0;
}

int oc_inflate_run(oc_inflate *z, const char **p, size_t *n, char *out, size_t cap, size_t *made) {
  const uInt in_n = at_most(*n), out_n = at_most(cap);
  *made = 0;
  if (z->failed != OC_OK)
    return z->failed;
  memcpy(&z->s.next_in, p, sizeof(*p));  /* zlib does not write there; not all of them say const */
  z->s.avail_in = in_n;
  z->s.next_out = (Bytef *)out;
  z->s.avail_out = out_n;
  while (z->s.avail_out > 0 && turn(z))
    ;
  *p += in_n - z->s.avail_in;
  *n -= in_n - z->s.avail_in;
  *made = out_n - z->s.avail_out;
  return z->failed;
}

int oc_inflate_whole(const oc_inflate *z) {
  return z->whole && z->failed == OC_OK;
}
