/* match_test.c - oc_match: what Lua cannot reach. What patterns mean is held
 * against string.find by spec/match_property_spec.lua; here are work, faults and
 * their places. */
#include "oc_match.h"

#include <stdlib.h>

#include "check.h"

#define MUCH INT64_C(1000000)

static oc_match *make(const char *pattern, size_t n) {
  size_t at = 0;
  int status;
  const char *why = NULL;
  oc_match *m = oc_match_new(pattern, n, &status, &at, &why);
  CHECK(m != NULL);
  CHECK_EQ_INT(status, OC_OK);
  CHECK(why == NULL);
  return m;
}

static int find(const char *pattern, const char *text, int64_t work) {
  oc_match *m = make(pattern, strlen(pattern));
  const int found = oc_match_find(m, text, strlen(text), &work);
  oc_match_free(m);
  return found;
}

#define REFUSES(pattern, want_at, want_why) \
  do { \
    size_t at = 99; \
    int status; \
    const char *why = NULL; \
    CHECK(oc_match_new((pattern), sizeof(pattern) - 1, &status, &at, &why) == NULL); \
    CHECK_EQ_INT(status, OC_EBAD); \
    CHECK_EQ_INT(at, (want_at)); \
    CHECK_EQ_STR(why, (want_why)); \
  } while (0)

static void test_faults(void) {
  REFUSES("ab[c", 2, "no ] for this [");
  REFUSES("[]", 0, "no ] for this [");
  REFUSES("[^]", 0, "no ] for this [");
  REFUSES("[a%", 0, "no ] for this [");
  REFUSES("[a%]", 0, "no ] for this [");
  REFUSES("ab%", 2, "it ends with %");
  REFUSES(".)", 1, "a ) without a (");
  REFUSES("a(b", 3, "a ( without a )");
  REFUSES(".%b", 1, "%b takes two characters");
  REFUSES(".%bx", 1, "%b takes two characters");
  REFUSES(".%fa", 1, "%f takes a set: %f[...]");
  REFUSES("%f", 0, "%f takes a set: %f[...]");
  REFUSES("%f[a", 2, "no ] for this [");
  REFUSES("(a%1)", 2, "there is no such capture before it");
  REFUSES("(a)%2", 3, "there is no such capture before it");
  REFUSES("(a)%0", 3, "there is no such capture before it");
}

/* As long as may be, and one more; as many captures, and one more. */
static void test_ceilings(void) {
  char pattern[2 * OC_MATCH_MAX_BYTES];
  size_t at, i;
  int status;
  const char *why;
  int64_t work = MUCH;
  oc_match *m;
  memset(pattern, 'a', sizeof pattern);
  m = make(pattern, OC_MATCH_MAX_BYTES);
  CHECK_EQ_INT(oc_match_find(m, pattern, sizeof pattern, &work), 1);
  oc_match_free(m);
  CHECK(oc_match_new(pattern, OC_MATCH_MAX_BYTES + 1, &status, &at, &why) == NULL);
  CHECK_EQ_INT(status, OC_EBAD);
  CHECK_EQ_INT(at, OC_MATCH_MAX_BYTES);
  CHECK_EQ_STR(why, "it is longer than 1000 bytes");
  for (i = 0; i < OC_MATCH_CAPTURES + 1; i++)
    memcpy(pattern + 2 * i, "()", 2);
  oc_match_free(make(pattern, 2 * OC_MATCH_CAPTURES));
  CHECK(oc_match_new(pattern, 2 * OC_MATCH_CAPTURES + 2, &status, &at, &why) == NULL);
  CHECK_EQ_INT(at, 2 * OC_MATCH_CAPTURES);
  CHECK_EQ_STR(why, "more than 32 captures");
  /* every byte an item, every second byte a set */
  for (i = 0; i < OC_MATCH_MAX_BYTES; i++)
    pattern[i] = i % 2 ? 'a' : '%';
  oc_match_free(make(pattern, OC_MATCH_MAX_BYTES));
  for (i = 0; i < OC_MATCH_MAX_BYTES; i++)
    pattern[i] = i % 2 ? '+' : '.';
  m = make(pattern, OC_MATCH_MAX_BYTES);
  work = MUCH;
  CHECK_EQ_INT(oc_match_find(m, pattern, 1, &work), 0);
  oc_match_free(m);
  for (i = 1; i < OC_MATCH_MAX_BYTES; i += 2)
    pattern[i] = '?';
  m = make(pattern, OC_MATCH_MAX_BYTES);
  work = MUCH;
  CHECK_EQ_INT(oc_match_find(m, pattern, OC_MATCH_MAX_BYTES / 2, &work), 1);
  oc_match_free(m);
}

/* What was taken is taken off; too little of it is an error at each amount. */
static void test_work(void) {
  static const char *const patterns[] = {"a*b", "a-b", "a+b?$", "%b()x", "(a)%1%1%1b", "^%f[a]a.*b", ".?.?.?.?b"};
  static const char text[] = "aaaaaa(aa)aaab";
  size_t i;
  for (i = 0; i < sizeof patterns / sizeof patterns[0]; i++) {
    oc_match *m = make(patterns[i], strlen(patterns[i]));
    int64_t work = MUCH, needed, k;
    const int found = oc_match_find(m, text, sizeof text - 1, &work);
    CHECK(found == 0 || found == 1);
    needed = MUCH - work;
    CHECK(needed > 0 && needed < 10000);
    work = needed;
    CHECK_EQ_INT(oc_match_find(m, text, sizeof text - 1, &work), found);
    CHECK_EQ_INT(work, 0);
    for (k = 0; k < needed; k++) {
      int got;
      work = k;
      got = oc_match_find(m, text, sizeof text - 1, &work);
      CHECK(got == OC_ELIMIT || got == found);
      CHECK(work < 0);
    }
    oc_match_free(m);
  }
}

/* However bad: what is done beyond the work is at most a text's length. */
static void test_much_work(void) {
  static char text[5000];
  static const char *const patterns[] = {"a*a*a*a*a*b", "a-a-a-a-a-b", "%b()", "(a*)%1%1b", ".-.-.-.-b"};
  size_t i;
  memset(text, 'a', sizeof text);
  for (i = 0; i < sizeof patterns / sizeof patterns[0]; i++) {
    oc_match *m = make(patterns[i], strlen(patterns[i]));
    int64_t work = 100000;
    const int found = oc_match_find(m, text, sizeof text, &work);
    CHECK(found == OC_ELIMIT || found == 0);
    CHECK(found != OC_ELIMIT || (work < 0 && work > -2 * (int64_t)sizeof text));
    oc_match_free(m);
  }
}

static void test_nothing(void) {
  int64_t work = MUCH;
  oc_match *m = make("", 0);
  CHECK_EQ_INT(oc_match_find(m, "", 0, &work), 1);
  oc_match_free(m);
  oc_match_free(NULL);
  CHECK_EQ_INT(find("^$", "", MUCH), 1);
  CHECK_EQ_INT(find("a", "", MUCH), 0);
  CHECK_EQ_INT(find(")", "a)", MUCH), 1);
}

/* Sets are delimited before they are read: a range may take half of an escape. */
static void test_range_to_percent(void) {
  CHECK_EQ_INT(find("^[a-%%%%]$", "]", MUCH), 1);
  CHECK_EQ_INT(find("^[ -%%]$", "]", MUCH), 1);
  CHECK_EQ_INT(find("^[ -%%]$", "#", MUCH), 1);
  CHECK_EQ_INT(find("^[ -%%a]$", "a", MUCH), 1);
}

int main(void) {
  test_faults();
  test_ceilings();
  test_work();
  test_much_work();
  test_nothing();
  test_range_to_percent();
  return check_done();
}
