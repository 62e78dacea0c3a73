/* fuzz_h1.c - oc_h1 over arbitrary bytes: in one piece and byte by byte they must
 * give the same, and what comes of them must hold together. The first byte says
 * whether to unpack and whether the connection ends behind the rest.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "oc_h1.h"

#define HOLD(cond) \
  do { \
    if (!(cond)) { \
      fprintf(stderr, "%s:%d: does not hold: %s\n", __FILE__, __LINE__, #cond); \
      abort(); \
    } \
  } while (0)

#define MAX_BODY 100000.0

typedef struct outcome {
  uint64_t sum;  /* of the body's bytes in their order */
  size_t n;
  int status, fault, state;
} outcome;

static int drain(oc_h1 *h, outcome *o) {
  const char *p;
  size_t n, i;
  enum oc_got got;
  if (oc_h1_head(h) == OC_ITEM) {
    HOLD(o->status == 0 || o->status == h->head.status);
    o->status = h->head.status;
    HOLD(o->status >= 101 && o->status <= 999);
  }
  while ((got = oc_h1_read(h, &p, &n)) == OC_ITEM) {
    HOLD(n > 0 && n <= OC_H1_READ_BYTES);
    for (i = 0; i < n; i++)
      o->sum = o->sum * 31 + (unsigned char)p[i];
    o->n += n;
    HOLD((double)o->n == h->bytes && h->bytes <= MAX_BODY);
  }
  HOLD(got == OC_FAILED ? h->fault != OC_H1_NO_FAULT : h->fault == OC_H1_NO_FAULT);
  return got == OC_MORE && h->state != OC_H1_OVER;
}

static outcome play(const char *p, size_t n, size_t piece, int unpack, int end) {
  outcome o;
  oc_h1 h;
  int going = 1;
  memset(&o, 0, sizeof(o));
  oc_h1_init(&h, unpack, MAX_BODY);
  while (n > 0 && going) {
    const size_t k = n < piece ? n : piece;
    char *copy = malloc(k);
    HOLD(copy != NULL);
    memcpy(copy, p, k);
    HOLD(oc_h1_feed(&h, copy, k) == OC_OK);
    free(copy);
    going = drain(&h, &o);
    p += k;
    n -= k;
  }
  if (end && going) {
    oc_h1_end(&h);
    HOLD(!drain(&h, &o));
  }
  o.fault = h.fault;
  o.state = h.state;
  oc_h1_free(&h);
  return o;
}

static int unpacking(int fault) {
  return fault == OC_H1_PACKING || fault == OC_H1_CUT;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  const char *p = (const char *)data;
  outcome whole, bytes;
  int flags;
  if (size == 0)
    return 0;
  flags = *p++;
  size--;
  whole = play(p, size, OC_H1_FEED_BYTES, flags & 1, flags & 2);
  bytes = play(p, size, 1, flags & 1, flags & 2);
  HOLD(whole.status == bytes.status);
  /* What comes out of bytes that are no gzip before that is noticed, and whether they are
     bad or cut then, is up to the library that unpacks. */
  if (unpacking(whole.fault) && unpacking(bytes.fault))
    return 0;
  HOLD(whole.fault == bytes.fault);
  HOLD(whole.fault == OC_H1_BODY ||
       (whole.n == bytes.n && whole.sum == bytes.sum && whole.state == bytes.state));
  return 0;
}
