/* road_test.c - oc_road: the straight road makes what the machine makes.
 *
 * A value is learned, changed in one byte, and scanned twice: fed as a whole,
 * so that the road passes what it can, and byte by byte, where only the machine
 * can go. Verdict, fault and tokens must agree, whatever was changed.
 */
#include "oc_road.h"

#include "check.h"

static const char value[] =
    "{\"id\":\"b17a\",\"isNotActive\":null,\"channel\":907,\"direct\":false,\"on\":true,"
    "\"aKeyOfTwentyEightBytesLength\":\"32\",\"aKeyThatIsLongerThanTheHeadOfAKey\":\"33\","
    "\"none\":[],\"empty\":{},\"countries\":[\"IL\",\"NL\",\"\\u00e9\"],\"name\":\"\xC3\xA9t\xC3\xA9\","
    "\"numbers\":[1,20,0,-3,4.5,null,true],\"lists\":[[1],[\"a\",[2]],[]],"
    "\"contacts\":[{\"name\":\"a\",\"mail\":\"m\"},{\"name\":\"b\\n\",\"mail\":null}],"
    "\"zero\":0,\"tail\":\"and some more, so that the road does not end too early\",\"x\":{\"y\":{\"z\":\"\"}}}";

/* What a byte is changed into. */
static const char bytes[] = "\"\\{}[],:0-9.eEnulltrfs \n\t\x01\x1f\x7f\x80\xC3\xFF" "a";

enum { DEPTH = 5 };  /* what the value needs is 4 */

/* Learns a value, then scans text in pieces of so many bytes. */
static enum oc_got learn_and_scan(oc_scan *s, const char *learned, const char *text, size_t n,
                                  size_t piece, unsigned depth) {
  enum oc_got got = OC_MORE;
  size_t at;
  CHECK_EQ_INT(oc_scan_init(s, depth), OC_OK);
  for (at = 0; at < 2; at++) {
    CHECK_EQ_INT(oc_scan_feed(s, learned, strlen(learned)), OC_OK);
    oc_scan_begin(s);
    if (oc_scan_value(s) != OC_ITEM) return OC_FAILED;
    oc_scan_reset(s);
  }
  for (at = 0; at < n && got == OC_MORE; at += piece) {
    CHECK_EQ_INT(oc_scan_feed(s, text + at, n - at < piece ? n - at : piece), OC_OK);
    if (at == 0) oc_scan_begin(s);
    got = oc_scan_value(s);
  }
  return got;
}

static int same_token(const oc_tok *a, const oc_tok *b) {
  return a->tag == b->tag && a->at == b->at && a->n == b->n && a->nulls == b->nulls;
}

static enum oc_got scan(oc_scan *s, const char *text, size_t n, size_t piece, unsigned depth) {
  return learn_and_scan(s, value, text, n, piece, depth);
}

static int same_tokens(const oc_scan *a, const oc_scan *b) {
  uint32_t i;
  if (a->ntok != b->ntok) return 0;
  for (i = 0; i < a->ntok; i++)
    if (!same_token(&a->tok[i], &b->tok[i])) return 0;
  return 1;
}

static void both_ways(const char *text, size_t n) {
  oc_scan road, machine;
  const enum oc_got a = scan(&road, text, n, n, DEPTH), b = scan(&machine, text, n, 1, DEPTH);
  int same = a == b && road.pos == machine.pos;
  if (a == OC_FAILED)
    same = a == b && road.fault == machine.fault && road.fault_at == machine.fault_at &&
           strcmp(road.fault_text, machine.fault_text) == 0;
  else
    same = same && same_tokens(&road, &machine);
  if (!CHECK(same))
    printf("  %d and %d: %.*s\n", (int)a, (int)b, (int)n, text);
  oc_scan_free(&road);
  oc_scan_free(&machine);
}

static void test_each_byte_changed(void) {
  char text[sizeof value];
  size_t i, k;
  for (i = 0; i < sizeof value - 1; i++)
    for (k = 0; k < sizeof bytes; k++) {
      memcpy(text, value, sizeof value);
      text[i] = bytes[k];
      both_ways(text, sizeof value - 1);
    }
}

static void test_each_byte_left_out_or_doubled(void) {
  char text[sizeof value + 1];
  size_t i;
  for (i = 0; i < sizeof value - 1; i++) {
    memcpy(text, value, i);
    memcpy(text + i, value + i + 1, sizeof value - i - 1);
    both_ways(text, sizeof value - 2);
    memcpy(text, value, i + 1);
    memcpy(text + i + 1, value + i, sizeof value - i);
    both_ways(text, sizeof value);
  }
}

static void test_members_twice(void) {
  static const char *const texts[] = {
      "{\"id\":\"b17a\",\"isNotActive\":null,\"id\":\"b17b\",\"isNotActive\":null,\"channel\":907,\"direct\":false}",
      "{\"id\":\"b17a\",\"id\":\"b17a\",\"isNotActive\":null,\"channel\":907,\"direct\":false,\"on\":true,\"none\":[]}",
      "{\"isNotActive\":null,\"isNotActive\":null,\"channel\":907,\"direct\":false,\"on\":true,\"none\":[],\"empty\":{}}"};
  size_t i;
  for (i = 0; i < sizeof texts / sizeof texts[0]; i++)
    both_ways(texts[i], strlen(texts[i]));
}

/* Where the last object had a key twice, the prediction says that it comes again. */
static void test_members_twice_as_predicted(void) {
  static const char text[] = "{\"a\":1,\"b\":2,\"a\":3,\"c\":\"long enough for the road to be taken at all, so far\"}";
  oc_scan s;
  CHECK_EQ_INT(learn_and_scan(&s, text, text, sizeof text - 1, sizeof text, DEPTH), OC_ITEM);
  CHECK((s.tok[0].tag & OC_TOK_REPEATS) != 0);
  oc_scan_free(&s);
}

/* The road keeps to max_depth, and to the place where it was met. */
static void test_depth(void) {
  oc_scan s;
  CHECK_EQ_INT(scan(&s, value, sizeof value - 1, sizeof value, 4), OC_ITEM);
  oc_scan_free(&s);
  CHECK_EQ_INT(scan(&s, value, sizeof value - 1, sizeof value, 3), OC_FAILED);
  CHECK_EQ_INT(s.fault, OC_JSON_LIMIT);
  oc_scan_free(&s);
}

/* It is there to be used: nearly all of a value that looks like the last one. */
static void test_most_goes_by_the_road(void) {
  oc_scan s;
  const char *p, *end;
  CHECK_EQ_INT(scan(&s, value, sizeof value - 1, sizeof value, DEPTH), OC_ITEM);
  oc_scan_reset(&s);
  CHECK_EQ_INT(oc_scan_feed(&s, value, sizeof value - 1), OC_OK);
  oc_scan_begin(&s);
  s.in.n = 1;  /* the machine opens the value */
  CHECK_EQ_INT(oc_scan_value(&s), OC_MORE);
  s.in.n = sizeof value - 1;
  end = s.in.p + s.in.n;
  p = oc_road_pass(&s, s.in.p + s.pos, end);
  CHECK_EQ_MEM(p, 10, ",\"aKeyThat", 10);
  CHECK_EQ_INT(s.ntok, 7);
  oc_scan_free(&s);
}

int main(void) {
  test_each_byte_changed();
  test_each_byte_left_out_or_doubled();
  test_members_twice();
  test_members_twice_as_predicted();
  test_depth();
  test_most_goes_by_the_road();
  return check_done();
}
