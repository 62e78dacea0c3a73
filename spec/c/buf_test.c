/* buf_test.c - oc_buf: growth, ceilings, and that a refusal changes nothing. */
#include "oc_buf.h"

#include <stdlib.h>
#include <string.h>

#include "check.h"

static void test_empty(void) {
  oc_buf b;
  oc_buf_init(&b, 100);
  CHECK(b.p == NULL);
  CHECK_EQ_INT(b.n, 0);
  CHECK_EQ_INT(b.cap, 0);
  CHECK_EQ_INT(b.max, 100);
  oc_buf_drop(&b, 0);
  oc_buf_free(&b);
  oc_buf_free(&b);
  CHECK_EQ_INT(b.max, 100);
}

static void test_append(void) {
  oc_buf b;
  oc_buf_init(&b, 100);
  CHECK_EQ_INT(oc_buf_add(&b, "ab", 2), OC_OK);
  CHECK_EQ_INT(oc_buf_adds(&b, "cd"), OC_OK);
  CHECK_EQ_INT(oc_buf_addc(&b, '\0'), OC_OK);
  CHECK_EQ_INT(oc_buf_add(&b, NULL, 0), OC_OK);
  CHECK_EQ_INT(oc_buf_adds(&b, ""), OC_OK);
  CHECK_EQ_MEM(b.p, b.n, "abcd\0", 5);
  oc_buf_free(&b);
  CHECK(b.p == NULL);
  CHECK_EQ_INT(b.n, 0);
  CHECK_EQ_INT(oc_buf_adds(&b, "again"), OC_OK);
  CHECK_EQ_MEM(b.p, b.n, "again", 5);
  oc_buf_free(&b);
}

static void test_drop(void) {
  oc_buf b;
  oc_buf_init(&b, 100);
  oc_buf_adds(&b, "abcdef");
  oc_buf_drop(&b, 2);
  CHECK_EQ_MEM(b.p, b.n, "cdef", 4);
  oc_buf_drop(&b, 0);
  CHECK_EQ_INT(b.n, 4);
  oc_buf_drop(&b, 4);
  CHECK_EQ_INT(b.n, 0);
  CHECK_EQ_INT(oc_buf_adds(&b, "x"), OC_OK);
  CHECK_EQ_MEM(b.p, b.n, "x", 1);
  oc_buf_free(&b);
}

/* Everything a full buffer is asked for is refused, and it stays as it is. */
static void check_full(oc_buf *b) {
  char *before = b->p;
  CHECK_EQ_INT(b->n, b->max);
  CHECK_EQ_INT(oc_buf_reserve(b, 1), OC_ELIMIT);
  CHECK_EQ_INT(oc_buf_reserve(b, (size_t)-1), OC_ELIMIT);
  CHECK_EQ_INT(oc_buf_addc(b, 'z'), OC_ELIMIT);
  CHECK_EQ_INT(oc_buf_adds(b, "z"), OC_ELIMIT);
  CHECK_EQ_INT(b->n, b->max);
  CHECK(b->p == before);
  CHECK_EQ_INT(oc_buf_add(b, NULL, 0), OC_OK);
}

/* Fills to the last byte in steps, whatever is allocated at first. Stops at the
** first room past the ceiling: filling that would loop for ever. */
static void test_ceiling(size_t max, size_t step) {
  oc_buf b;
  oc_buf_init(&b, max);
  do {
    size_t left = max - b.n, n = left < step ? left : step;
    if (n < step)
      CHECK_EQ_INT(oc_buf_reserve(&b, step), OC_ELIMIT);
    CHECK_EQ_INT(oc_buf_reserve(&b, n), OC_OK);
    if (!CHECK(b.cap <= b.max))
      break;
    if (n > 0)
      memset(b.p + b.n, 'x', n);
    b.n += n;
  } while (b.n < max);
  if (b.cap <= b.max)
    check_full(&b);
  oc_buf_free(&b);
}

static void test_ceilings(void) {
  static const size_t ceilings[] = {0, 1, 10, 255, 256, 257, 300, 511, 512, 1000, 5000};
  size_t i;
  for (i = 0; i < sizeof ceilings / sizeof ceilings[0]; i++) {
    test_ceiling(ceilings[i], 1);
    test_ceiling(ceilings[i], 7);
    test_ceiling(ceilings[i], 256);
  }
}

static void test_dropped_room_comes_back(void) {
  oc_buf b;
  oc_buf_init(&b, 4);
  CHECK_EQ_INT(oc_buf_adds(&b, "abcd"), OC_OK);
  CHECK_EQ_INT(oc_buf_addc(&b, 'e'), OC_ELIMIT);
  oc_buf_drop(&b, 1);
  CHECK_EQ_INT(oc_buf_addc(&b, 'e'), OC_OK);
  CHECK_EQ_MEM(b.p, b.n, "bcde", 4);
  oc_buf_free(&b);
}

static void test_growth_keeps_bytes(void) {
  oc_buf b;
  size_t i, wrong = 0;
  oc_buf_init(&b, 1 << 20);
  for (i = 0; i < 100000; i++)
    if (oc_buf_addc(&b, (char)(i % 251)) != OC_OK)
      wrong++;
  for (i = 0; i < b.n; i++)
    if (b.p[i] != (char)(i % 251))
      wrong++;
  CHECK_EQ_INT(wrong, 0);
  CHECK_EQ_INT(b.n, 100000);
  CHECK(b.cap < 4 * b.n);
  oc_buf_free(&b);
}

/* Vector loads may read OC_BUF_PAD bytes past n, and valgrind watches. */
static void test_padding_is_set(void) {
  oc_buf b;
  size_t i, sum = 0;
  oc_buf_init(&b, 10000);
  while (b.n < 9000)
    oc_buf_adds(&b, "0123456789");
  for (i = 0; i < OC_BUF_PAD; i++)
    sum += (unsigned char)b.p[b.cap + i];
  CHECK_EQ_INT(sum, 0);
  oc_buf_free(&b);
}

/* Growth refused before the allocator is asked: the padding would not fit. */
static void test_no_room_for_padding(void) {
  oc_buf b;
  char *before;
  oc_buf_init(&b, (size_t)-1);
  oc_buf_adds(&b, "kept");
  before = b.p;
  CHECK_EQ_INT(oc_buf_reserve(&b, (size_t)-1 / 2), OC_EMEM);
  CHECK_EQ_INT(oc_buf_reserve(&b, (size_t)-1 - 4), OC_EMEM);
  CHECK_EQ_INT(oc_buf_reserve(&b, (size_t)-1), OC_ELIMIT);
  CHECK(b.p == before);
  CHECK_EQ_MEM(b.p, b.n, "kept", 4);
  CHECK_EQ_INT(b.cap, 256);
  CHECK_EQ_INT(oc_buf_adds(&b, " on"), OC_OK);
  CHECK_EQ_MEM(b.p, b.n, "kept on", 7);
  oc_buf_free(&b);
}

#if defined(__SANITIZE_ADDRESS__)
#define HAS_ASAN 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define HAS_ASAN 1
#endif
#endif

/* No allocator gives a quarter of the address space; ASan stops who asks. */
static void test_no_memory(void) {
#ifndef HAS_ASAN
  oc_buf b;
  char *before;
  oc_buf_init(&b, (size_t)-1);
  oc_buf_adds(&b, "kept");
  before = b.p;
  CHECK_EQ_INT(oc_buf_reserve(&b, (size_t)-1 / 4 - 4), OC_EMEM);
  CHECK(b.p == before);
  CHECK_EQ_MEM(b.p, b.n, "kept", 4);
  CHECK_EQ_INT(b.cap, 256);
  CHECK_EQ_INT(oc_buf_adds(&b, " on"), OC_OK);
  CHECK_EQ_MEM(b.p, b.n, "kept on", 7);
  oc_buf_free(&b);
#endif
}

int main(void) {
  test_empty();
  test_append();
  test_drop();
  test_ceilings();
  test_dropped_room_comes_back();
  test_growth_keeps_bytes();
  test_padding_is_set();
  test_no_room_for_padding();
  test_no_memory();
  return check_done();
}
