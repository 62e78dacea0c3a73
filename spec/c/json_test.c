/* json_test.c - oc_json: from a document to its leads, however it is cut.
 *
 * What a document gives is written as a text: its leads, each ended by a line
 * feed, then "end", or the kind of fault, its offset and its words.
 */
#include "oc_json.h"

#include <stdlib.h>

#include "check.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

/* Ceilings of the decoders below; 0: the default. */
static struct ceilings {
  unsigned depth;
  size_t value_bytes;
  uint64_t body_bytes;
} ceilings;

static enum oc_json_mode mode = OC_JSON_LEADS;

static void start(oc_json *j) {
  CHECK_EQ_INT(oc_json_init(j, ceilings.depth ? ceilings.depth : OC_SCAN_MAX_DEPTH), OC_OK);
  j->mode = mode;
  if (ceilings.value_bytes)
    j->scan.max_value_bytes = ceilings.value_bytes;
  if (ceilings.body_bytes)
    j->scan.max_body_bytes = ceilings.body_bytes;
}

static enum oc_got take(oc_json *j, oc_buf *out) {
  enum oc_got got;
  while ((got = oc_json_next(j)) == OC_ITEM) {
    size_t n;
    const char *text = oc_json_text(j, &n);
    oc_buf_add(out, text, n);
    oc_buf_addc(out, '\n');
  }
  return got;
}

static void write_end(const oc_json *j, oc_buf *out) {
  static const char *const kind[] = {"end", "syntax", "cut", "shape", "limit", "memory"};
  char text[160];
  if (j->scan.fault == OC_JSON_NO_FAULT)
    snprintf(text, sizeof text, "end");
  else
    snprintf(text, sizeof text, "%s at %d: %s", kind[j->scan.fault], (int)j->scan.fault_at,
             j->scan.fault_text);
  oc_buf_add(out, text, strlen(text) + 1);
}

/* Feeds the document in two parts, the first of `cut` bytes; the rest in pieces. */
static const char *read_cut(oc_json *j, oc_buf *out, const char *doc, size_t n, size_t cut,
                            size_t piece) {
  size_t at = 0;
  out->n = 0;
  for (;;) {
    const size_t part = at < cut ? cut : n - at < piece ? n - at : piece;
    if (oc_json_feed(j, doc + at, part) != OC_OK || take(j, out) == OC_FAILED)
      break;
    at += part;
    if (at == n) {
      if (oc_json_finish(j) == OC_ITEM)
        take(j, out);
      break;
    }
  }
  write_end(j, out);
  return out->p;
}

/* Whole, by a new decoder. The text lasts until the next call. */
static const char *read_n(const char *doc, size_t n) {
  static oc_buf out;
  oc_json j;
  oc_buf_free(&out);
  oc_buf_init(&out, (size_t)1 << 26);
  start(&j);
  read_cut(&j, &out, doc, n, 0, n > 0 ? n : 1);
  oc_json_free(&j);
  return out.p;
}

#define READS(doc, want) CHECK_EQ_STR(read_n((doc), strlen(doc)), (want))

/* --- which leads, and where it ends ------------------------------------------ */

static void test_shapes(void) {
  READS("[]", "end");
  READS(" [ ] \n", "end");
  READS("[{}]", "{}\nend");
  READS("[{\"a\":1}, {\"a\":2}]", "{\"a\":1}\n{\"a\":2}\nend");
  READS("[[{\"a\":1}],[],[{\"a\":2}]]", "{\"a\":1}\n{\"a\":2}\nend");
  READS("[[],{\"a\":1}]", "{\"a\":1}\nend");
  READS("{\"data\":[{\"a\":1}]}", "{\"a\":1}\nend");
  READS("{\"items\":[{\"a\":1}]}", "{\"a\":1}\nend");
  READS("{\"value\":[{\"a\":1}]}", "{\"a\":1}\nend");
  READS("{\"data\":[[{\"a\":1}]]}", "{\"a\":1}\nend");
  READS("{\"n\":1,\"x\":{\"data\":[7]},\"data\":[{\"a\":1}],\"s\":\"t\"}", "{\"a\":1}\nend");
  READS("{\"d\\u0061ta\":[{\"a\":1}]}", "{\"a\":1}\nend");
  READS("{\"data\":null,\"items\":[]}", "end");
}

static void test_not_leads(void) {
  READS("{}", "shape at 1: an object without a list of leads in data, items or value");
  READS("{\"a\":[]}", "shape at 7: an object without a list of leads in data, items or value");
  READS("{\"data\":{\"items\":[]}}",
        "shape at 20: an object without a list of leads in data, items or value");
  READS("{\"Data\":[]}", "shape at 10: an object without a list of leads in data, items or value");
  READS("{\"data\":[],\"items\":[]}", "shape at 19: an object with more than one list of leads");
  READS("{\"data\":[],\"data\":[]}", "shape at 18: an object with more than one list of leads");
  READS("[{},7]", "{}\nshape at 4: an element that is not a lead");
  READS("[null]", "shape at 1: an element that is not a lead");
  READS("[[[]]]", "shape at 2: an element that is not a lead");
  READS("\"text\"", "shape at 0: a value that is not a list of leads");
  READS(" null", "shape at 1: a value that is not a list of leads");
  READS("12 ", "shape at 0: a value that is not a list of leads");
  READS("12", "shape at 0: a value that is not a list of leads");
  READS("[12", "cut at 3: the body ends within the document");
}

static void test_error_envelopes(void) {
  static const char told[] = "an object that tells of an error, not a list of leads";
  static const char *const errors[] = {
    "{\"error\":\"x\"}", "{\"error\":true}", "{\"errors\":[1]}", "{\"error\":{\"a\":1},\"data\":[]}",
    "{\"data\":[],\"error\":0}", "{\"\\u0065rror\":1,\"data\":[]}"};
  static const char *const none[] = {
    "{\"error\":null,\"data\":[]}", "{\"error\":false,\"data\":[]}", "{\"data\":[],\"errors\":[]}",
    "{\"error\":\"\",\"data\":[]}", "{\"data\":[],\"error\":{}}"};
  char want[128];
  size_t i;
  for (i = 0; i < COUNT(errors); i++) {
    snprintf(want, sizeof want, "shape at %d: %s", (int)strlen(errors[i]) - 1, told);
    READS(errors[i], want);
  }
  for (i = 0; i < COUNT(none); i++)
    READS(none[i], "end");
}

static void test_unbalanced(void) {
  READS("[[{]", "syntax at 3: expected a key in quotes");
  READS("[[{\"a\":1}]", "{\"a\":1}\ncut at 10: the body ends within the document");
  READS("[{\"a\":1}]]", "{\"a\":1}\nsyntax at 9: text behind the end of the document");
  READS("[{\"a\":1}}", "{\"a\":1}\nsyntax at 8: expected ',' or ']' behind an element");
  READS("{\"data\":[{}}", "{}\nsyntax at 11: expected ',' or ']' behind an element");
  READS("{\"data\":[{}]]", "{}\nsyntax at 12: expected ',' or '}' behind a member");
  READS("[{\"a\":[1}]", "syntax at 8: expected ',' or ']' behind an element");
  READS("[{\"a\":{\"b\":1]}]", "syntax at 12: expected ',' or '}' behind a member");
  READS("]", "syntax at 0: expected a value");
}

static void test_separators(void) {
  READS("[,]", "syntax at 1: expected a value");
  READS("[{},]", "{}\nsyntax at 4: expected a value");
  READS("[{}{}]", "{}\nsyntax at 3: expected ',' or ']' behind an element");
  READS("[{\"a\":1,}]", "syntax at 8: expected a key in quotes");
  READS("[{\"a\" 1}]", "syntax at 6: expected ':' behind a key");
  READS("[{a:1}]", "syntax at 2: expected a key in quotes");
  READS("{\"data\" []}", "syntax at 8: expected ':' behind a key");
  READS("{\"data\":[],}", "syntax at 11: expected a key in quotes");
  READS("{,}", "syntax at 1: expected a key in quotes");
  READS("[\v]", "syntax at 1: expected a value");
  CHECK_EQ_STR(read_n("[\0]", 3), "syntax at 1: expected a value");
}

static void test_text_behind(void) {
  READS("[] x", "syntax at 3: text behind the end of the document");
  READS("[{}][{}]", "{}\nsyntax at 4: text behind the end of the document");
  READS("{\"data\":[]}\n,", "syntax at 12: text behind the end of the document");
  CHECK_EQ_STR(read_n("[]\0", 3), "syntax at 2: text behind the end of the document");
}

static void test_html_and_nothing(void) {
  READS("<html>", "syntax at 0: HTML or XML, not JSON");
  READS(" \r\n<?xml version=\"1.0\"?>", "syntax at 3: HTML or XML, not JSON");
  READS("", "cut at 0: the body is empty");
  READS(" \n", "cut at 2: the body ends within the document");
}

static void test_byte_order_mark(void) {
  READS("\xEF\xBB\xBF[{}]", "{}\nend");
  READS("\xEF\xBB\xBF", "cut at 3: the body ends within the document");
  READS("\xEF\xBB", "cut at 2: the body ends within the document");
  READS("\xEF\xBB[]", "syntax at 0: expected a value");
  READS(" \xEF\xBB\xBF[]", "syntax at 1: expected a value");
  READS("[]\xEF\xBB\xBF", "syntax at 2: text behind the end of the document");
  READS("\xEF\xBB\xBF\xEF\xBB\xBF[]", "syntax at 3: expected a value");
  READS("[{\"a\":\"\xEF\xBB\xBF\"}]", "{\"a\":\"\xEF\xBB\xBF\"}\nend");
}

/* --- however it is cut --------------------------------------------------------- */

static const char *const documents[] = {
  "", " ", "[]", "[{}]", "[{\"a\":1},{\"a\":2},{\"b\":[true,false,null]}]",
  "[[{\"a\":1}],[{\"a\":-1.5e+10}]]", "{\"n\":12,\"data\":[{\"a\":[[],{}]}],\"m\":null}",
  "{\"it\\u0065ms\":[{\"a\\u0062\":\"\\uD834\\uDD1E\\n\\uD834\"}]}",
  "\xEF\xBB\xBF [ {\"\xC3\xA9\":\"\xE2\x82\xAC\xF0\x9D\x84\x9E\"} ] ",
  "\xEF\xBB", "\xEF\xBB[", "[{\"a\":nul}]", "[{\"a\":nulll}]", "[{\"a\":tru", "[{\"a\":flase}]",
  "[{\"a\":01}]", "[{\"a\":1.}]", "[{\"a\":-}]", "[{\"a\":1e+}]", "[{\"a\":1e5", "[{\"a\":+1}]",
  "[{\"a\":\"\\u00zz\"}]", "[{\"a\":\"\\x\"}]", "[{\"a\":\"\\", "[{\"a\":\"\\uD8", "[{\"a\":\"\x1F\"}]",
  "[{\"a\":\"\xC3(\"}]", "[{\"a\":\"\xE2\x82", "[{\"a\":\"\xED\xA0\x80\"}]", "[{\"a\":\"\xF4\x90\x80\x80\"}]",
  "[{\"a\":\"\xC0\x80\"}]", "[{\"\xFF\":1}]", "[{\"a\\q\":1}]", "[{\"a\":1}", "[{\"a\":1},", "[{\"a\"", "[{\"a\":",
  "[{]", "[{\"a\":1,}]", "[7]", "[{},\"x\"]", "{\"error\":{\"a\":1}}", "{\"data\":[{}],\"value\":[{}]}",
  "[{\"a\":{\"a\":{\"a\":{\"a\":{}}}}}]", "[{\"a\":[[[[1]]]]}]", "[{\"abcdefghijklmnopqrstuvwxyz\":1}]",
  "{\"abc\":\"abcdefghijklmnopqrstuvwxyz\",\"data\":[]}", "12", "-", "tru", "\"abc", "<",
};

/* The document at each cut, then in pieces, by one decoder that learns its keys
 * the first time, all give what it gives whole. */
static void check_cuts(const char *doc, size_t n) {
  static const size_t pieces[] = {1, 2, 3, 7, 64, 4096};
  oc_buf out;
  oc_json j;
  char *whole;
  size_t i;
  oc_buf_init(&out, (size_t)1 << 26);
  read_n(doc, n);
  whole = malloc(strlen(read_n(doc, n)) + 1);
  if (!CHECK(whole != NULL))
    return;
  strcpy(whole, read_n(doc, n));
  start(&j);
  for (i = 0; i <= n; i++) {
    CHECK_EQ_STR(read_cut(&j, &out, doc, n, i, n), whole);
    oc_json_reset(&j);
  }
  for (i = 0; i < COUNT(pieces); i++) {
    CHECK_EQ_STR(read_cut(&j, &out, doc, n, 0, pieces[i]), whole);
    oc_json_reset(&j);
  }
  oc_json_free(&j);
  oc_buf_free(&out);
  free(whole);
}

static void test_every_cut_of_the_documents(void) {
  static const struct ceilings some[] = {{0, 0, 0}, {3, 0, 0}, {0, 12, 0}, {2, 20, 0}};
  size_t i, k;
  for (k = 0; k < COUNT(some); k++) {
    ceilings = some[k];
    for (i = 0; i < COUNT(documents); i++)
      check_cuts(documents[i], strlen(documents[i]));
  }
  memset(&ceilings, 0, sizeof ceilings);
}

/* The service's own sample page, shortened so that every cut stays affordable. */
static void test_every_cut_of_the_sample(void) {
  static char text[65536];
  FILE *f = fopen("spec/fixtures/leads-sample.json", "rb");
  size_t n;
  if (!CHECK(f != NULL))
    return;
  n = fread(text, 1, sizeof text, f);
  fclose(f);
  CHECK(n > 10000 && n < sizeof text);
  CHECK(strstr(read_n(text, n), "}\nend") != NULL);
  check_cuts(text, n < 4500 ? n : 4500);
}

static void test_the_whole_sample_in_pieces(void) {
  static char text[65536];
  static const size_t pieces[] = {1, 2, 3, 7, 64, 4096};
  FILE *f = fopen("spec/fixtures/leads-sample.json", "rb");
  oc_buf out;
  size_t i, n;
  if (!CHECK(f != NULL))
    return;
  n = fread(text, 1, sizeof text, f);
  fclose(f);
  oc_buf_init(&out, (size_t)1 << 26);
  for (i = 0; i < COUNT(pieces); i++) {
    oc_json j;
    start(&j);
    CHECK_EQ_STR(read_cut(&j, &out, text, n, 0, pieces[i]), read_n(text, n));
    CHECK_EQ_INT(j.items, 10);
    oc_json_free(&j);
  }
  oc_buf_free(&out);
}

/* --- ceilings --------------------------------------------------------------------- */

static void test_depth(void) {
  ceilings.depth = 2;
  READS("[[{\"a\":[1]}]]", "{\"a\":[1]}\nend");  /* the lists around leads do not count */
  READS("[{\"a\":[{}]}]", "limit at 7: nested deeper than max_depth");
  READS("{\"x\":[[1]],\"data\":[]}", "end");
  READS("{\"x\":[[[1]]],\"data\":[]}", "limit at 7: nested deeper than max_depth");
  ceilings.depth = OC_SCAN_TOP_DEPTH;
  {
    static char text[4 * OC_SCAN_TOP_DEPTH];
    strcpy(text, "[{\"a\":");
    memset(text + 6, '[', OC_SCAN_TOP_DEPTH - 1);
    memset(text + 6 + OC_SCAN_TOP_DEPTH - 1, ']', OC_SCAN_TOP_DEPTH - 1);
    strcpy(text + 6 + 2 * (OC_SCAN_TOP_DEPTH - 1), "}]");
    CHECK(strstr(read_n(text, strlen(text)), "}\nend") != NULL);
    text[6 + OC_SCAN_TOP_DEPTH - 1] = '[';
    CHECK_EQ_STR(read_n(text, strlen(text)), "limit at 1005: nested deeper than max_depth");
  }
  ceilings.depth = 0;
}

static void test_value_bytes(void) {
  ceilings.value_bytes = 8;
  READS("[{\"a\":1 }]", "{\"a\":1 }\nend");
  READS("[{\"a\": 1 }]", "limit at 1: a lead larger than max_lead_bytes");
  READS("[{\"a\": 1  ", "limit at 1: a lead larger than max_lead_bytes");
  READS("[{\"a\": 1 ", "cut at 9: the body ends within the document");
  READS("[{\"a\":x1 }]", "syntax at 6: expected a value");  /* what comes first counts */
  READS("[          {\"a\":1 }          ]", "{\"a\":1 }\nend");
  READS("[{\"a\":1 },{\"a\":12}]", "{\"a\":1 }\n{\"a\":12}\nend");
  READS("{\"abcdef\":1,\"data\":[]}", "end");
  READS("{\"abcdefg\":1,\"data\":[]}", "limit at 1: a lead larger than max_lead_bytes");
  ceilings.value_bytes = 0;
}

/* A number has no end of its own; a value of just the ceiling's size is one. */
static void test_value_bytes_of_a_number(void) {
  mode = OC_JSON_VALUE;
  ceilings.value_bytes = 3;
  READS("123 ", "123\nend");
  READS("1234 ", "limit at 0: a lead larger than max_lead_bytes");
  READS("null", "limit at 0: a lead larger than max_lead_bytes");
  READS("{ }", "{ }\nend");
  mode = OC_JSON_LEADS;
  ceilings.value_bytes = 0;
}

static void test_body_bytes(void) {
  ceilings.body_bytes = 5;
  READS("[{},]", "{}\nsyntax at 4: expected a value");
  READS("[ {}]", "{}\nend");
  READS("[ {} ]", "limit at 5: a body larger than max_body_bytes");
  ceilings.body_bytes = 0;
}

/* In pieces it hands out what came before, and fails at the same place. */
static void test_body_bytes_in_pieces(void) {
  oc_buf out;
  oc_json j;
  oc_buf_init(&out, 4096);
  ceilings.body_bytes = 5;
  start(&j);
  CHECK_EQ_STR(read_cut(&j, &out, "[{} ]", 5, 0, 1), "{}\nend");
  oc_json_reset(&j);
  CHECK_EQ_STR(read_cut(&j, &out, "[{}  ]", 6, 0, 1),
               "{}\nlimit at 5: a body larger than max_body_bytes");
  oc_json_reset(&j);
  CHECK_EQ_STR(read_cut(&j, &out, "[{}  ]", 6, 0, 4),
               "{}\nlimit at 5: a body larger than max_body_bytes");
  oc_json_free(&j);
  oc_buf_free(&out);
  ceilings.body_bytes = 0;
}

/* --- the machine -------------------------------------------------------------------- */

static void test_faults_stick(void) {
  oc_json j;
  start(&j);
  CHECK_EQ_INT(oc_json_feed(&j, "[x", 2), OC_OK);
  CHECK_EQ_INT(oc_json_next(&j), OC_FAILED);
  CHECK_EQ_INT(oc_json_next(&j), OC_FAILED);
  CHECK_EQ_INT(oc_json_feed(&j, "]", 1), OC_EBAD);
  CHECK_EQ_INT(oc_json_finish(&j), OC_FAILED);
  CHECK_EQ_INT(j.scan.fault, OC_JSON_SYNTAX);
  CHECK_EQ_INT(j.scan.fault_at, 1);
  oc_json_reset(&j);
  CHECK_EQ_INT(oc_json_feed(&j, "[]", 2), OC_OK);
  CHECK_EQ_INT(oc_json_next(&j), OC_MORE);
  CHECK_EQ_INT(oc_json_finish(&j), OC_MORE);
  oc_json_free(&j);
}

static void test_finish_with_a_lead_waiting(void) {
  const char *text;
  size_t n;
  oc_json j;
  start(&j);
  oc_json_feed(&j, "[{\"a\":1}]", 9);
  CHECK_EQ_INT(oc_json_finish(&j), OC_ITEM);
  CHECK_EQ_INT(oc_json_finish(&j), OC_ITEM);
  CHECK_EQ_INT(oc_json_next(&j), OC_ITEM);
  text = oc_json_text(&j, &n);
  CHECK_EQ_MEM(text, n, "{\"a\":1}", 7);
  CHECK_EQ_INT(oc_json_next(&j), OC_MORE);
  CHECK_EQ_INT(oc_json_finish(&j), OC_MORE);
  CHECK_EQ_INT(j.items, 1);
  oc_json_free(&j);
}

static void test_a_waiting_lead_survives_a_feed(void) {
  const char *text;
  size_t n;
  oc_json j;
  start(&j);
  oc_json_feed(&j, "[                    {\"a\":1}", 28);
  CHECK_EQ_INT(oc_json_finish(&j), OC_ITEM);
  oc_json_feed(&j, "]", 1);
  CHECK_EQ_INT(oc_json_next(&j), OC_ITEM);
  text = oc_json_text(&j, &n);
  CHECK_EQ_MEM(text, n, "{\"a\":1}", 7);
  CHECK_EQ_INT(oc_json_finish(&j), OC_MORE);
  oc_json_free(&j);
}

static void test_reset_in_mid_lead(void) {
  oc_buf out;
  oc_json j;
  oc_buf_init(&out, 4096);
  start(&j);
  oc_json_feed(&j, "{\"data\":[{\"a\":[1,\"x", 19);
  CHECK_EQ_INT(oc_json_next(&j), OC_MORE);
  oc_json_reset(&j);
  CHECK_EQ_STR(read_cut(&j, &out, "[{\"a\":[1]}]", 11, 0, 11), "{\"a\":[1]}\nend");
  CHECK_EQ_INT(j.items, 1);
  oc_json_free(&j);
  oc_buf_free(&out);
}

/* Offsets count from the body's start, however much was dropped meanwhile. */
static void test_offsets_far_into_a_body(void) {
  char lead[64];
  oc_json j;
  int i, n = 0;
  start(&j);
  oc_json_feed(&j, "[", 1);
  for (i = 0; i < 100000; i++) {
    n = snprintf(lead, sizeof lead, "{\"a\":%06d},", i);
    lead[5] = '1';
    CHECK(oc_json_feed(&j, lead, (size_t)n) == OC_OK && oc_json_next(&j) == OC_ITEM);
    oc_json_next(&j);
  }
  CHECK(j.scan.in.cap < 1024);  /* and it was dropped */
  oc_json_feed(&j, "x", 1);
  CHECK_EQ_INT(oc_json_next(&j), OC_FAILED);
  CHECK_EQ_INT(j.scan.fault_at, 1 + 100000 * n);
  oc_json_free(&j);
}

static void test_any_document(void) {
  mode = OC_JSON_VALUE;
  READS("null ", "null\nend");
  READS(" [1,[2]] ", "[1,[2]]\nend");
  READS("{\"error\":1}", "{\"error\":1}\nend");
  READS("1", "1\nend");
  READS("-1.5e3", "-1.5e3\nend");
  READS("1.", "cut at 2: the body ends within the document");
  READS("[1", "cut at 2: the body ends within the document");
  READS("", "cut at 0: the body is empty");
  READS("1 2", "1\nsyntax at 2: text behind the end of the document");
  READS("<", "syntax at 0: HTML or XML, not JSON");
  mode = OC_JSON_LEADS;
}

int main(void) {
  test_shapes();
  test_not_leads();
  test_error_envelopes();
  test_unbalanced();
  test_separators();
  test_text_behind();
  test_html_and_nothing();
  test_byte_order_mark();
  test_every_cut_of_the_documents();
  test_every_cut_of_the_sample();
  test_the_whole_sample_in_pieces();
  test_depth();
  test_value_bytes();
  test_value_bytes_of_a_number();
  test_body_bytes();
  test_body_bytes_in_pieces();
  test_faults_stick();
  test_finish_with_a_lead_waiting();
  test_a_waiting_lead_survives_a_feed();
  test_reset_in_mid_lead();
  test_offsets_far_into_a_body();
  test_any_document();
  read_n("", 0);
  return check_done();
}
