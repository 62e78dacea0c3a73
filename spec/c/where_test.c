/* where_test.c - oc_where over scanned leads, what Lua cannot reach: memory that
 * runs out at each allocation, work and the size of programs. What programs mean
 * is held against a reference by spec/filter_property_spec.lua. */
#include <stdio.h>
#include <stdlib.h>

#include "check.h"
#include "oc_json.h"
#include "oc_where_json.h"

/* --- an allocator that fails ------------------------------------------------------- */

#if defined(__SANITIZE_ADDRESS__) || !defined(__GLIBC__)

static int can_fail(void) { return 0; }
static void fail_at(long k) { (void)k; }
static int failed(void) { return 0; }

#else

void *__libc_malloc(size_t n);
void *__libc_calloc(size_t n, size_t size);
void *__libc_realloc(void *p, size_t n);

static volatile long countdown = -1;  /* allocations until one fails; negative: none does */
static volatile int has_failed;

static int fails(void) {
  if (countdown < 0 || countdown-- > 0)
    return 0;
  has_failed = 1;
  return 1;
}

__attribute__((visibility("default"))) void *malloc(size_t n) {
  return fails() ? NULL : __libc_malloc(n);
}

__attribute__((visibility("default"))) void *calloc(size_t n, size_t size) {
  return fails() ? NULL : __libc_calloc(n, size);
}

__attribute__((visibility("default"))) void *realloc(void *p, size_t n) {
  return fails() ? NULL : __libc_realloc(p, n);
}

static void fail_at(long k) {
  has_failed = 0;
  countdown = k;
}

static int failed(void) {
  countdown = -1;
  return has_failed;
}

/* Valgrind puts its own allocator before ours. */
static int can_fail(void) {
  void *volatile p;
  fail_at(0);
  p = malloc(1);
  free(p);
  return failed();
}

#endif

/* --- programs and leads -------------------------------------------------------------- */

enum { NAME, LIST, SUB, KEYS };
static const char *const key[KEYS] = {"name", "list", "sub"};
static const size_t key_n[KEYS] = {4, 4, 3};

static int32_t text(oc_where *w, const char *s) {
  oc_where_value v;
  memset(&v, 0, sizeof v);
  v.type = OC_WHERE_TEXT;
  v.s = s;
  v.n = strlen(s);
  return oc_where_constant(w, &v);
}

static int32_t path(oc_where *w, unsigned frame, int32_t base, uint32_t k) {
  return oc_where_path(w, frame, base, &k, 1);
}

/* A node over two, or the status of the one that could not be made. */
static int32_t over(oc_where *w, enum oc_where_op op, int32_t a, int32_t b) {
  return a < 0 ? a : b < 0 ? b : oc_where_node(w, op, a, b);
}

static int32_t over_one(oc_where *w, enum oc_where_op op, int32_t a) {
  return a < 0 ? a : oc_where_node(w, op, a, -1);
}

static int32_t pattern(oc_where *w, int32_t a, const char *s) {
  size_t at;
  const char *why;
  return a < 0 ? a : oc_where_pattern(w, a, s, strlen(s), &at, &why);
}

/* lower(name) == "joe" and any(list, sub matches "o+") and lower(name) != name */
static int32_t program(oc_where *w) {
  const int32_t list = path(w, 0, -1, LIST);
  int32_t last, first, second, third;
  if (list < 0)
    return list;
  last = oc_where_last_step(w, list);
  first = over(w, OC_WHERE_EQ, over_one(w, OC_WHERE_LOWER, path(w, 0, -1, NAME)), text(w, "joe"));
  second = over(w, OC_WHERE_ANY, list, pattern(w, path(w, 1, last, SUB), "o+"));
  third = over(w, OC_WHERE_NE, over_one(w, OC_WHERE_LOWER, path(w, 0, -1, NAME)), path(w, 0, -1, NAME));
  return over(w, OC_WHERE_AND, first, over(w, OC_WHERE_AND, second, third));
}

/* Scans one lead; j's scanner has it then. */
static int scan(oc_json *j, const char *lead) {
  oc_json_reset(j);
  return oc_json_feed(j, "[", 1) == OC_OK && oc_json_feed(j, lead, strlen(lead)) == OC_OK &&
         oc_json_next(j) == OC_ITEM;
}

static const char joe[] =
    "{\"name\":\"J\\u004fe\",\"list\":[{\"sub\":\"x\"},{\"sub\":\"f\\u006fo\"}]}";

/* --- tests ------------------------------------------------------------------------------ */

/* Fails at allocation k of making, preparing and asking; asked again, all is well. */
static int failing_at(long k, oc_json *j) {
  oc_where *w;
  oc_where_json run;
  int32_t root = OC_EMEM;
  int status = OC_EMEM, holds = OC_EMEM, again = 1;
  fail_at(k);
  w = oc_where_new();
  if (w != NULL)
    root = program(w);
  if (root >= 0) {
    oc_where_root(w, root);
    status = oc_where_json_init(&run, w, &j->scan, key, key_n);
    if (status == OC_OK) {
      holds = oc_where_json_holds(&run);
      if (holds == OC_EMEM)
        again = oc_where_json_holds(&run);
    }
    oc_where_json_free(&run);
  }
  oc_where_free(w);
  if (!failed()) {
    CHECK_EQ_INT(holds, 1);
    return 0;
  }
  CHECK(w == NULL || root == OC_EMEM || status == OC_EMEM || holds == OC_EMEM);
  CHECK_EQ_INT(again, 1);
  return 1;
}

static void test_memory(void) {
  oc_json j;
  long k = 0;
  CHECK_EQ_INT(oc_json_init(&j, 64), OC_OK);
  CHECK(scan(&j, joe));
  while (failing_at(k, &j))
    k++;
  CHECK(k > 8);
  oc_json_free(&j);
}

static int32_t number(oc_where *w, int64_t i) {
  oc_where_value v;
  memset(&v, 0, sizeof v);
  v.type = OC_WHERE_INT;
  v.i = i;
  return oc_where_constant(w, &v);
}

/* A program has so many nodes, and then says so; it stays usable. */
static void test_size(void) {
  oc_where *w = oc_where_new();
  oc_where_json run;
  oc_json j;
  int32_t root, last = 0;
  int i;
  CHECK_EQ_INT(oc_json_init(&j, 64), OC_OK);
  root = over(w, OC_WHERE_EQ, number(w, 1), number(w, 1));
  for (i = 0; last >= 0; i++)
    last = number(w, i);
  CHECK_EQ_INT(last, OC_ELIMIT);
  CHECK_EQ_INT(i, OC_WHERE_MAX_NODES - 3 + 1);
  CHECK_EQ_INT(path(w, 0, -1, NAME), OC_ELIMIT);
  CHECK_EQ_INT(pattern(w, root, "a"), OC_ELIMIT);
  CHECK_EQ_INT(oc_where_shift(w, root, 1), OC_ELIMIT);
  oc_where_root(w, root);
  CHECK_EQ_INT(oc_where_json_init(&run, w, &j.scan, key, key_n), OC_OK);
  CHECK(scan(&j, "{}"));
  CHECK_EQ_INT(oc_where_json_holds(&run), 1);
  oc_where_json_free(&run);
  oc_where_free(w);
  oc_json_free(&j);
}

/* Work that is used up is told, and the next lead has all of it again. */
static void test_work(void) {
  static char hard[20100];
  oc_where *w = oc_where_new();
  oc_where_json run;
  oc_json j;
  CHECK_EQ_INT(oc_json_init(&j, 64), OC_OK);
  oc_where_root(w, pattern(w, path(w, 0, -1, NAME), "a*a*a*a*b"));
  CHECK_EQ_INT(oc_where_json_init(&run, w, &j.scan, key, key_n), OC_OK);
  memset(hard, 'a', sizeof hard);
  memcpy(hard, "{\"name\":\"", 9);
  memcpy(hard + 20000, "\"}", 3);
  CHECK(scan(&j, hard));
  CHECK_EQ_INT(oc_where_json_holds(&run), OC_ELIMIT);
  CHECK_EQ_INT(oc_where_json_holds(&run), OC_ELIMIT);
  CHECK(scan(&j, "{\"name\":\"aab\"}"));
  CHECK_EQ_INT(oc_where_json_holds(&run), 1);
  CHECK(scan(&j, "{\"name\":\"aac\"}"));
  CHECK_EQ_INT(oc_where_json_holds(&run), 0);
  oc_where_json_free(&run);
  oc_where_free(w);
  oc_json_free(&j);
}

/* A value that could not be had is not looked at: valgrind and sanitizers would tell. */
static void test_no_value(void) {
  enum { ELEMENTS = 1000, MEMBERS = 2000 };  /* the product: more than all work */
  static char lead[2 * ELEMENTS + 9 * MEMBERS + 20];
  size_t n = (size_t)sprintf(lead, "{\"list\":[1");
  int i;
  for (i = 1; i < ELEMENTS; i++)
    n += (size_t)sprintf(lead + n, ",1");
  lead[n++] = ']';
  for (i = 0; i < MEMBERS; i++)
    n += (size_t)sprintf(lead + n, ",\"name\":1");
  lead[n] = '}';
  for (i = 0; i < 3; i++) {  /* any(list, lead.name + 1s == "x"), then count, then lower */
    oc_where *w = oc_where_new();
    const int32_t list = path(w, 0, -1, LIST), name = path(w, 0, -1, NAME);
    const int32_t value = i == 0 ? oc_where_shift(w, name, 1)
                        : over_one(w, i == 1 ? OC_WHERE_COUNT : OC_WHERE_LOWER, name);
    oc_where_json run;
    oc_json j;
    oc_where_root(w, over(w, OC_WHERE_ANY, list, over(w, OC_WHERE_EQ, value, text(w, "x"))));
    CHECK_EQ_INT(oc_json_init(&j, 64), OC_OK);
    CHECK_EQ_INT(oc_where_json_init(&run, w, &j.scan, key, key_n), OC_OK);
    CHECK(scan(&j, lead));
    CHECK_EQ_INT(oc_where_json_holds(&run), OC_ELIMIT);
    oc_where_json_free(&run);
    oc_where_free(w);
    oc_json_free(&j);
  }
}

/* Runs over several scanners share a program. */
static void test_shared(void) {
  oc_where *w = oc_where_new();
  oc_where_json run[2];
  oc_json j[2];
  int i;
  oc_where_root(w, program(w));
  for (i = 0; i < 2; i++) {
    CHECK_EQ_INT(oc_json_init(&j[i], 64), OC_OK);
    CHECK_EQ_INT(oc_where_json_init(&run[i], w, &j[i].scan, key, key_n), OC_OK);
  }
  CHECK(scan(&j[0], joe));
  CHECK(scan(&j[1], "{\"name\":\"joe\"}"));
  CHECK_EQ_INT(oc_where_json_holds(&run[1]), 0);
  CHECK_EQ_INT(oc_where_json_holds(&run[0]), 1);
  CHECK_EQ_INT(oc_where_json_holds(&run[1]), 0);
  for (i = 0; i < 2; i++) {
    oc_where_json_free(&run[i]);
    oc_where_json_free(&run[i]);
    oc_json_free(&j[i]);
  }
  oc_where_free(w);
  oc_where_free(NULL);
}

/* A key that cannot be learned. */
static void test_long_key(void) {
  static char longest[OC_KEYS_MAX_LEN + 2];
  const char *const keys[] = {longest};
  const size_t n[] = {OC_KEYS_MAX_LEN + 1};
  oc_where *w = oc_where_new();
  oc_where_json run;
  oc_json j;
  memset(longest, 'x', OC_KEYS_MAX_LEN + 1);
  CHECK_EQ_INT(oc_json_init(&j, 64), OC_OK);
  oc_where_root(w, over_one(w, OC_WHERE_TRUTH, path(w, 0, -1, 0)));
  CHECK_EQ_INT(oc_where_json_init(&run, w, &j.scan, keys, n), OC_ELIMIT);
  oc_where_json_free(&run);
  oc_where_free(w);
  oc_json_free(&j);
}

int main(void) {
  if (can_fail())
    test_memory();
  else
    printf("no allocator to stand in for here: memory is not tested\n");
  test_size();
  test_work();
  test_no_value();
  test_shared();
  test_long_key();
  return check_done();
}
