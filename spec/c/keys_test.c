/* keys_test.c - oc_keys: one node for each key below each path. */
#include "oc_keys.h"

#include "check.h"

static int64_t find(oc_keys *k, uint32_t parent, const char *key) {
  return oc_keys_find(k, parent, key, strlen(key));
}

static void test_a_key_has_one_node_below_each_parent(void) {
  oc_keys k;
  int64_t a, b, aa;
  CHECK_EQ_INT(oc_keys_init(&k), OC_OK);
  a = find(&k, OC_KEYS_ROOT, "a");
  b = find(&k, OC_KEYS_ROOT, "b");
  aa = find(&k, (uint32_t)a, "a");
  CHECK(a > OC_KEYS_ROOT && b > a && aa > b);
  CHECK_EQ_INT(find(&k, OC_KEYS_ROOT, "a"), a);
  CHECK_EQ_INT(find(&k, (uint32_t)a, "a"), aa);
  CHECK_EQ_INT(k.node[aa].parent, a);
  CHECK_EQ_INT(k.node[a].n, 1);
  CHECK_EQ_MEM(k.node[a].text, 2, "a\"", 2);
  oc_keys_free(&k);
}

static void test_keys_are_told_apart_by_every_byte(void) {
  oc_keys k;
  CHECK_EQ_INT(oc_keys_init(&k), OC_OK);
  CHECK_EQ_INT(oc_keys_find(&k, OC_KEYS_ROOT, "", 0), 2);
  CHECK_EQ_INT(oc_keys_find(&k, OC_KEYS_ROOT, "\0", 1), 3);
  CHECK_EQ_INT(oc_keys_find(&k, OC_KEYS_ROOT, "a\0b", 3), 4);
  CHECK_EQ_INT(oc_keys_find(&k, OC_KEYS_ROOT, "a\0c", 3), 5);
  CHECK_EQ_INT(oc_keys_find(&k, OC_KEYS_ROOT, "a", 1), 6);
  CHECK_EQ_INT(oc_keys_find(&k, OC_KEYS_ROOT, "a\"", 2), 7);
  CHECK_EQ_INT(oc_keys_find(&k, OC_KEYS_ROOT, "", 0), 2);
  oc_keys_free(&k);
}

static void test_what_is_not_learned(void) {
  char key[OC_KEYS_MAX_LEN + 1];
  oc_keys k;
  memset(key, 'k', sizeof key);
  CHECK_EQ_INT(oc_keys_init(&k), OC_OK);
  CHECK_EQ_INT(find(&k, OC_KEYS_NONE, "a"), OC_KEYS_NONE);
  CHECK_EQ_INT(oc_keys_find(&k, OC_KEYS_ROOT, key, sizeof key), OC_KEYS_NONE);
  CHECK_EQ_INT(k.n, 2);
  CHECK(oc_keys_find(&k, OC_KEYS_ROOT, key, sizeof key - 1) != OC_KEYS_NONE);
  oc_keys_free(&k);
}

/* The texts of the first stay where they are while thousands more come. */
static void test_full(void) {
  const char *first;
  char key[32];
  oc_keys k;
  unsigned i;
  CHECK_EQ_INT(oc_keys_init(&k), OC_OK);
  CHECK_EQ_INT(find(&k, OC_KEYS_ROOT, "first"), 2);
  first = k.node[2].text;
  for (i = 3; i < OC_KEYS_MAX_NODES; i++) {
    sprintf(key, "key number %u", i);
    CHECK_EQ_INT(find(&k, i % 7 == 0 ? 2 : OC_KEYS_ROOT, key), i);
  }
  CHECK_EQ_INT(find(&k, OC_KEYS_ROOT, "one more"), OC_KEYS_NONE);
  CHECK_EQ_INT(k.n, OC_KEYS_MAX_NODES);
  CHECK_EQ_INT(find(&k, OC_KEYS_ROOT, "key number 4000"), 4000);
  CHECK(k.node[2].text == first);
  CHECK_EQ_MEM(k.node[2].text, 6, "first\"", 6);
  oc_keys_free(&k);
}

static void test_free_twice(void) {
  oc_keys k;
  CHECK_EQ_INT(oc_keys_init(&k), OC_OK);
  find(&k, OC_KEYS_ROOT, "a");
  oc_keys_free(&k);
  oc_keys_free(&k);
}

int main(void) {
  test_a_key_has_one_node_below_each_parent();
  test_keys_are_told_apart_by_every_byte();
  test_what_is_not_learned();
  test_full();
  test_free_twice();
  return check_done();
}
