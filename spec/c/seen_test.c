/* seen_test.c - oc_seen: a set of keys with a ceiling, and the keys of ids. */
#include "oc_seen.h"

#include "check.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

static oc_seen_key key(uint64_t i) {
  oc_seen_key k;
  k.a = i;
  k.b = ~i * 2654435761u;
  return k;
}

static int add(oc_seen *s, uint64_t i, uint32_t stamp) {
  uint32_t *found;
  return oc_seen_add(s, key(i), stamp, &found);
}

static void test_add_and_has(void) {
  uint32_t *found = NULL;
  oc_seen s;
  oc_seen_init(&s, 100);
  CHECK_EQ_INT(oc_seen_has(&s, key(1)), 0);
  CHECK_EQ_INT(oc_seen_add(&s, key(1), 7, &found), 0);
  CHECK(found == NULL);
  CHECK_EQ_INT(oc_seen_has(&s, key(1)), 1);
  CHECK_EQ_INT(oc_seen_add(&s, key(1), 8, &found), 1);
  CHECK_EQ_INT(*found, 7);  /* not the new one: the caller decides */
  *found = 9;
  CHECK_EQ_INT(oc_seen_add(&s, key(1), 8, &found), 1);
  CHECK_EQ_INT(*found, 9);
  oc_seen_free(&s);
}

static void test_many(void) {
  enum { N = 100000 };
  uint32_t *found;
  oc_seen s;
  uint32_t i;
  oc_seen_init(&s, 2 * N);
  for (i = 1; i <= N; i++)
    CHECK_EQ_INT(add(&s, i, i), 0);
  for (i = 1; i <= N; i++)
    CHECK(oc_seen_add(&s, key(i), 0, &found) == 1 && *found == i);
  CHECK_EQ_INT(oc_seen_has(&s, key(N + 1)), 0);
  CHECK_EQ_INT(s.forgotten, 0);
  oc_seen_free(&s);
}

/* At any time the newest half of the ceiling is known, and never more than it. */
static void test_the_oldest_are_forgotten(void) {
  static const uint32_t ceilings[] = {2, 3, 4, 7, 100, 3000};
  size_t c;
  for (c = 0; c < COUNT(ceilings); c++) {
    const uint32_t max = ceilings[c];
    oc_seen s;
    uint64_t i, k;
    oc_seen_init(&s, max);
    for (i = 1; i <= 5 * (uint64_t)max; i++) {
      CHECK_EQ_INT(add(&s, i, 0), 0);
      CHECK((uint64_t)s.young.n + s.old.n <= max);
      CHECK(s.forgotten + s.young.n + s.old.n == i);
    }
    for (k = i - max / 2; k < i; k++)
      CHECK_EQ_INT(oc_seen_has(&s, key(k)), 1);
    CHECK_EQ_INT(oc_seen_has(&s, key(1)), 0);
    oc_seen_free(&s);
    CHECK_EQ_INT(s.forgotten, 0);
  }
}

static void test_usable_after_free(void) {
  oc_seen s;
  oc_seen_init(&s, 10);
  add(&s, 1, 0);
  oc_seen_free(&s);
  CHECK_EQ_INT(oc_seen_has(&s, key(1)), 0);
  CHECK_EQ_INT(add(&s, 1, 0), 0);
  oc_seen_free(&s);
}

static int same(const char *a, const char *b) {
  oc_seen_key x, y;
  CHECK_EQ_INT(oc_seen_key_of_id(&x, a, strlen(a)), 1);
  CHECK_EQ_INT(oc_seen_key_of_id(&y, b, strlen(b)), 1);
  return x.a == y.a && x.b == y.b;
}

static void test_key_of_a_guid(void) {
  static const char guid[] = "F825e66a-0E07-4d58-9fb3-271f092ceadc";
  oc_seen_key k;
  CHECK_EQ_INT(oc_seen_key_of_id(&k, guid, strlen(guid)), 1);
  CHECK(k.a == UINT64_C(0xf825e66a0e074d58));
  CHECK(k.b == UINT64_C(0x9fb3271f092ceadc));
  CHECK(same(guid, "f825E66A-0e07-4D58-9FB3-271F092CEADC"));
}

static void test_key_of_what_is_no_guid(void) {
  static const char *const ids[] = {
    "a", "A", "f825e66a0e074d589fb3271f092ceadc", "{f825e66a-0e07-4d58-9fb3-271f092ceadc}",
    "f825e66a-0e07-4d58-9fb3-271f092ceadg", "f825e66a-0e07-4d58-9fb3_271f092ceadc",
    "f825e66a-0e07-4d58-9fb3-271f092ceadc", "00000000-0000-0000-0000-000000000001"};
  size_t i, k;
  for (i = 0; i < COUNT(ids); i++)
    for (k = 0; k < COUNT(ids); k++)
      CHECK_EQ_INT(same(ids[i], ids[k]), i == k);
}

static void test_what_identifies_nothing(void) {
  oc_seen_key k;
  CHECK_EQ_INT(oc_seen_key_of_id(&k, "", 0), 0);
  CHECK_EQ_INT(oc_seen_key_of_id(&k, "00000000-0000-0000-0000-000000000000", 36), 0);
}

/* Bytes of any number count, NUL among them. */
static void test_hash(void) {
  static const char zeros[40];
  oc_seen_key seen[40];
  size_t i, k;
  for (i = 0; i < COUNT(seen); i++) {
    seen[i] = oc_seen_hash(zeros, i);
    CHECK((seen[i].a | seen[i].b) != 0);
    for (k = 0; k < i; k++)
      CHECK(seen[k].a != seen[i].a && seen[k].b != seen[i].b);
  }
}

int main(void) {
  test_add_and_has();
  test_many();
  test_the_oldest_are_forgotten();
  test_usable_after_free();
  test_key_of_a_guid();
  test_key_of_what_is_no_guid();
  test_what_identifies_nothing();
  test_hash();
  return check_done();
}
