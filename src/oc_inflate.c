/*
** oc_inflate.c - gzip and zlib streams, a piece at a time, by ISA-L where it was there
** when this was built (OC_ISAL; x86-64 and arm64, two to three times as fast), else by zlib.
** That the bytes are whole is for the caller to ask: neither sees an end of them.
*/
#include "oc_inflate.h"

#include <limits.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "oc_word.h"

#if defined(OC_ISAL)
#include <isa-l/igzip_lib.h>
#else
#include <zlib.h>
#endif

/* How a turn of the engine ended. */
enum turn {
  TURN_IDLE,  /* it wants bytes, or room */
  TURN_END,   /* a member is complete */
  TURN_BAD,
  TURN_MEMORY
};

#if defined(OC_ISAL)

typedef struct inflate_state engine;

const char *oc_inflate_engine(void) {
  return "ISA-L";
}

/* What it needs is known when it sees the first byte of a member. */
static void engine_begin(engine *e, unsigned char first) {
  isal_inflate_reset(e);
  e->crc_flag = first == 0x1f ? ISAL_GZIP : ISAL_ZLIB;
}

static int engine_init(engine *e) {
  isal_inflate_init(e);
  return OC_OK;
}

static void engine_end(engine *e) {
  (void)e;
}

static enum turn engine_turn(engine *e) {
  const int code = isal_inflate(e);
  if (code < 0)
    return TURN_BAD;
  if (code == ISAL_NEED_DICT)
    return TURN_BAD;
  return e->block_state == ISAL_BLOCK_FINISH ? TURN_END : TURN_IDLE;
}

#else

typedef z_stream engine;

const char *oc_inflate_engine(void) {
  return "zlib " ZLIB_VERSION;
}

/* The largest window, and either format, told apart by the first bytes. */
#define WINDOW_BITS (15 + 32)

static void engine_begin(engine *e, unsigned char first) {
  (void)first;
  inflateReset(e);
}

/* zlib's own would be out of reach for whoever counts allocations. */
static void *on_alloc(void *ud, unsigned int count, unsigned int size) {
  (void)ud;
  return calloc(count, size);
}

static void on_free(void *ud, void *p) {
  (void)ud;
  free(p);
}

static int engine_init(engine *e) {
  e->zalloc = on_alloc;
  e->zfree = on_free;
  return inflateInit2(e, WINDOW_BITS) == Z_OK ? OC_OK : OC_EMEM;
}

static void engine_end(engine *e) {
  inflateEnd(e);
}

static enum turn engine_turn(engine *e) {
  switch (inflate(e, Z_NO_FLUSH)) {
    case Z_STREAM_END: return TURN_END;
    case Z_OK:
    case Z_BUF_ERROR: return TURN_IDLE;
    case Z_MEM_ERROR: return TURN_MEMORY;
    default: return TURN_BAD;
  }
}

#endif

struct oc_inflate {
  engine e;
  int begun;   /* a member is being read */
  int whole;   /* one is complete, and nothing of another was seen */
  int failed;  /* OC_EMEM or OC_EBAD from now on */
  int again;   /* see oc_inflate_again */
  char out[OC_INFLATE_BYTES];
};

int oc_inflate_coding(const char *value, size_t n, int before) {
  if (n == 0 || oc_word_is(value, n, "identity"))
    return before;
  return before == 0 && (oc_word_is(value, n, "gzip") || oc_word_is(value, n, "x-gzip") ||
                         oc_word_is(value, n, "deflate")) ? 1 : -1;
}

oc_inflate *oc_inflate_new(void) {
  oc_inflate *z = malloc(sizeof(*z));
  if (z == NULL)
    return NULL;
  memset(z, 0, offsetof(oc_inflate, out));
  if (engine_init(&z->e) != OC_OK) {
    free(z);
    return NULL;
  }
  return z;
}

void oc_inflate_free(oc_inflate *z) {
  if (z == NULL)
    return;
  engine_end(&z->e);
  free(z);
}

static unsigned at_most(size_t n) {
  return n < UINT_MAX ? (unsigned)n : UINT_MAX;
}

/* One turn of the engine; 0 when there is nothing more to be had of the bytes. */
static int turn(oc_inflate *z) {
  if (!z->begun) {
    if (z->e.avail_in == 0)
      return 0;
    engine_begin(&z->e, *(const unsigned char *)z->e.next_in);
    z->begun = 1;
    z->whole = 0;
  }
  switch (engine_turn(&z->e)) {
    case TURN_END:
      z->whole = 1;
      z->begun = 0;
      return 1;
    case TURN_BAD:
      z->failed = OC_EBAD;
      return 0;
    case TURN_MEMORY:
      z->failed = OC_EMEM;
      return 0;
    default:
      return z->e.avail_in > 0 && z->e.avail_out > 0;
  }
}

int oc_inflate_run(oc_inflate *z, const char **p, size_t *n, const char **out, size_t *made) {
  const unsigned in_n = at_most(*n);
  *made = 0;
  *out = z->out;
  z->again = 0;
  if (z->failed != OC_OK)
    return z->failed;
  memcpy(&z->e.next_in, p, sizeof(*p));  /* it is not written to; not all declarations say so */
  z->e.avail_in = in_n;
  z->e.next_out = (unsigned char *)z->out;
  z->e.avail_out = OC_INFLATE_BYTES;
  while (z->e.avail_out > 0 && turn(z))
    ;
  *p += in_n - z->e.avail_in;
  *n -= in_n - z->e.avail_in;
  *made = OC_INFLATE_BYTES - z->e.avail_out;
  z->again = *made == OC_INFLATE_BYTES || (z->failed != OC_OK && *made > 0);
  return *made > 0 ? OC_OK : z->failed;
}

int oc_inflate_again(const oc_inflate *z) {
  return z->again;
}

int oc_inflate_whole(const oc_inflate *z) {
  return z->whole && z->failed == OC_OK;
}
