/* select_test.c - oc_select: which nodes are marked, and the keys it cannot name. */
#include "oc_select.h"

#include <stdio.h>

#include "check.h"

static int add(oc_select *s, oc_keys *k, const char *path) {
  return oc_select_add(s, k, path, strlen(path));
}

static uint32_t node(oc_keys *k, uint32_t parent, const char *key) {
  return (uint32_t)oc_keys_find(k, parent, key, strlen(key));
}

static void test_marks(void) {
  oc_select s;
  oc_keys k;
  uint32_t a, b;
  CHECK_EQ_INT(oc_keys_init(&k), OC_OK);
  oc_select_init(&s);
  CHECK_EQ_INT(oc_select_of(&s, OC_KEYS_ROOT), OC_SELECT_NONE);
  CHECK_EQ_INT(oc_select_members(&s, OC_KEYS_ROOT), 0);
  CHECK_EQ_INT(add(&s, &k, "a.b"), OC_OK);
  CHECK_EQ_INT(add(&s, &k, "a.b"), OC_OK);
  CHECK_EQ_INT(add(&s, &k, "a.c.d"), OC_OK);
  CHECK_EQ_INT(add(&s, &k, "e"), OC_OK);
  a = node(&k, OC_KEYS_ROOT, "a");
  b = node(&k, a, "b");
  CHECK_EQ_INT(oc_select_of(&s, OC_KEYS_ROOT), OC_SELECT_SOME);
  CHECK_EQ_INT(oc_select_members(&s, OC_KEYS_ROOT), 2);
  CHECK_EQ_INT(oc_select_of(&s, a), OC_SELECT_SOME);
  CHECK_EQ_INT(oc_select_members(&s, a), 2);
  CHECK_EQ_INT(oc_select_of(&s, b), OC_SELECT_ALL);
  CHECK_EQ_INT(oc_select_of(&s, node(&k, a, "x")), OC_SELECT_NONE);
  CHECK_EQ_INT(add(&s, &k, "a"), OC_OK);
  CHECK_EQ_INT(oc_select_of(&s, a), OC_SELECT_ALL);
  CHECK_EQ_INT(add(&s, &k, "a.z"), OC_OK);
  CHECK_EQ_INT(oc_select_of(&s, a), OC_SELECT_ALL);
  oc_select_free(&s);
  oc_select_free(&s);
  oc_keys_free(&k);
}

static void test_refused(void) {
  char path[OC_KEYS_MAX_LEN + 2];
  oc_select s;
  oc_keys k;
  int i, status = OC_OK;
  CHECK_EQ_INT(oc_keys_init(&k), OC_OK);
  oc_select_init(&s);
  CHECK_EQ_INT(add(&s, &k, ""), OC_EBAD);
  CHECK_EQ_INT(add(&s, &k, "."), OC_EBAD);
  CHECK_EQ_INT(add(&s, &k, "a."), OC_EBAD);
  CHECK_EQ_INT(add(&s, &k, "a..b"), OC_EBAD);
  memset(path, 'x', sizeof path);
  path[OC_KEYS_MAX_LEN + 1] = '\0';
  CHECK_EQ_INT(add(&s, &k, path), OC_ELIMIT);
  path[OC_KEYS_MAX_LEN] = '\0';
  CHECK_EQ_INT(add(&s, &k, path), OC_OK);
  for (i = 0; status == OC_OK && i < 100000; i++) {
    snprintf(path, sizeof path, "k%d", i);
    status = add(&s, &k, path);
  }
  CHECK_EQ_INT(status, OC_ELIMIT);
  oc_select_free(&s);
  oc_keys_free(&k);
}

int main(void) {
  test_marks();
  test_refused();
  return check_done();
}
