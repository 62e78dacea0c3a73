/* scan_test.c - oc_scan: the row of tokens of one value.
 *
 * A row of tokens is written as a text: `i` an integer, `f` a number with
 * fraction or exponent, `s` a string, `e` one with escapes, `n` `t` `F` the
 * words; a container with its count and its nulls, as `[3/1 i n s]`. A member
 * is `key=value`, `?key=value` where the key was not learned; `!` behind `{`: a
 * key may be there twice.
 */
#include "oc_scan.h"

#include <stdlib.h>

#include "check.h"
#include "oc_text.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

static void add(oc_buf *out, const char *s, size_t n) {
  CHECK_EQ_INT(oc_buf_add(out, s, n), OC_OK);
}

static uint32_t write_value(const oc_scan *s, uint32_t i, oc_buf *out);

static uint32_t write_container(const oc_scan *s, uint32_t i, oc_buf *out) {
  const oc_tok *c = &s->tok[i];
  const int object = oc_tok_type(c) == OC_TOK_OBJECT;
  char text[48];
  const int n = snprintf(text, sizeof text, "%s%s%u/%u", object ? "{" : "[",
                         c->tag & OC_TOK_REPEATS ? "!" : "", c->n, c->nulls);
  add(out, text, (size_t)n);
  for (i++; i < c->at;) {
    const enum oc_tok_type type = oc_tok_type(&s->tok[i]);
    add(out, " ", 1);
    if (type == OC_TOK_KEY || type == OC_TOK_KEY_ESCAPED) {
      add(out, "?", 1);
      add(out, s->in.p + s->item + s->tok[i].at, s->tok[i].n);
      add(out, "=", 1);
      i++;
    } else if (object) {
      const oc_node *node = &s->keys.node[oc_tok_node(&s->tok[i])];
      add(out, node->text, node->n);
      add(out, "=", 1);
    }
    i = write_value(s, i, out);
  }
  CHECK_EQ_INT(i, c->at);
  add(out, object ? "}" : "]", 1);
  return i;
}

static uint32_t write_value(const oc_scan *s, uint32_t i, oc_buf *out) {
  static const char letter[] = "ntFifse";
  const enum oc_tok_type type = oc_tok_type(&s->tok[i]);
  if (type == OC_TOK_ARRAY || type == OC_TOK_OBJECT)
    return write_container(s, i, out);
  add(out, &letter[type], 1);
  return i + 1;
}

/* Scans the value at the start of what has been fed; what its tokens say. */
static const char *tokens(oc_scan *s, const char *value) {
  static oc_buf out;
  oc_buf_free(&out);
  oc_buf_init(&out, 1 << 20);
  CHECK_EQ_INT(oc_scan_feed(s, value, strlen(value)), OC_OK);
  oc_scan_skip_space(s);
  oc_scan_begin(s);
  if (oc_scan_value(s) != OC_ITEM) {
    add(&out, s->fault_text, strlen(s->fault_text) + 1);
  } else {
    CHECK_EQ_INT(write_value(s, 0, &out), s->ntok);
    add(&out, "", 1);
  }
  return out.p;
}

static const char *tokens_of(const char *value) {
  const char *text;
  oc_scan s;
  CHECK_EQ_INT(oc_scan_init(&s, OC_SCAN_MAX_DEPTH), OC_OK);
  text = tokens(&s, value);
  oc_scan_free(&s);
  return text;
}

static void test_types(void) {
  CHECK_EQ_STR(tokens_of("null"), "n");
  CHECK_EQ_STR(tokens_of("true"), "t");
  CHECK_EQ_STR(tokens_of("false"), "F");
  CHECK_EQ_STR(tokens_of("-12 "), "i");
  CHECK_EQ_STR(tokens_of("0 "), "i");
  CHECK_EQ_STR(tokens_of("1.0 "), "f");
  CHECK_EQ_STR(tokens_of("1e0 "), "f");
  CHECK_EQ_STR(tokens_of("\"\""), "s");
  CHECK_EQ_STR(tokens_of("\"\\n\""), "e");
  CHECK_EQ_STR(tokens_of("[]"), "[0/0]");
  CHECK_EQ_STR(tokens_of("{}"), "{0/0}");
}

static void test_containers(void) {
  CHECK_EQ_STR(tokens_of("[1,null,[null,null],{}]"), "[4/1 i n [2/2 n n] {0/0}]");
  CHECK_EQ_STR(tokens_of("{\"a\":null,\"b\":{\"c\":[{\"d\":true}]}}"),
               "{2/1 a=n b={1/0 c=[1/0 {1/0 d=t}]}}");
}

static void test_repeated_keys_are_noted(void) {
  CHECK_EQ_STR(tokens_of("{\"a\":1,\"b\":2,\"a\":3}"), "{!3/0 a=i b=i a=i}");
  CHECK_EQ_STR(tokens_of("{\"a\":1,\"\\u0061\":3}"), "{!2/0 a=i a=i}");
  CHECK_EQ_STR(tokens_of("{\"a\":{\"a\":{\"a\":1}}}"), "{1/0 a={1/0 a={1/0 a=i}}}");
  CHECK_EQ_STR(tokens_of("[{\"a\":1},{\"a\":1}]"), "[2/0 {1/0 a=i} {1/0 a=i}]");
  CHECK_EQ_STR(tokens_of("[{\"a\":{\"b\":1}},{\"a\":{\"b\":1,\"b\":2}}]"),
               "[2/0 {1/0 a={1/0 b=i}} {1/0 a={!2/0 b=i b=i}}]");
}

/* The second of each row runs on predictions from the first. */
static void test_predictions_change_nothing(void) {
  static const char *const rows[][3] = {
    {"{\"a\":1,\"b\":2}", "{\"a\":1,\"b\":2}", "{2/0 a=i b=i}"},
    {"{\"a\":1,\"b\":2}", "{\"b\":1,\"a\":2}", "{2/0 b=i a=i}"},
    {"{\"a\":1,\"b\":2}", "{\"a\":1,\"bc\":2}", "{2/0 a=i bc=i}"},
    {"{\"a\":1,\"bc\":2}", "{\"a\":1,\"b\":2}", "{2/0 a=i b=i}"},
    {"{\"a\":1,\"b\":2}", "{\"a\":1,\"a\":2}", "{!2/0 a=i a=i}"},
    {"{\"a\":1,\"a\":2}", "{\"a\":1,\"b\":2}", "{2/0 a=i b=i}"},
    {"{\"a\":1,\"a\":2}", "{\"a\":1,\"a\":2}", "{!2/0 a=i a=i}"},
    {"{\"a\":{\"x\":1}}", "{\"a\":{\"x\":1,\"y\":2}}", "{1/0 a={2/0 x=i y=i}}"},
    {"{\"a\":{\"x\":1}}", "{\"b\":{\"x\":1}}", "{1/0 b={1/0 x=i}}"},
    {"{\"\":1}", "{\"\":1}", "{1/0 =i}"},
    {"{\"\\u0022\":1}", "{\"\":1,\"\\\"\":1}", "{2/0 =i \"=i}"},
    {"{\"a\":[1]}", "{\"a\":{\"a\":1}}", "{1/0 a={1/0 a=i}}"},
  };
  size_t i;
  for (i = 0; i < COUNT(rows); i++) {
    oc_scan s;
    CHECK_EQ_INT(oc_scan_init(&s, OC_SCAN_MAX_DEPTH), OC_OK);
    tokens(&s, rows[i][0]);
    CHECK_EQ_STR(tokens(&s, rows[i][1]), rows[i][2]);
    oc_scan_free(&s);
  }
}

/* A learned key is kept without its escapes: compared with bytes as they come, a
 * backslash and the quote behind it would look like an escaped quote, and a line
 * feed would pass that must not. */
static void test_keys_with_escapes_are_not_predicted(void) {
  static const char *const rows[][2] = {
    {"[{\"a\\\\\":1},{\"a\\\"b\":1}]", "[2/0 {1/0 a\\=i} {1/0 a\"b=i}]"},
    {"[{\"x\":1,\"a\\\\\":1},{\"x\":1,\"a\\\"b\":1}]",
     "[2/0 {2/0 x=i a\\=i} {2/0 x=i a\"b=i}]"},
    {"[{\"x\":1,\"\\\\\":null},{\"x\":1,\"\\\":null\":null}]",
     "[2/0 {2/1 x=i \\=n} {2/1 x=i \":null=n}]"},
    {"[{\"a\\nb\":1},{\"a\nb\":1}]", "a control character within a string"},
    {"[{\"x\":1,\"a\\nb\":\"\"},{\"x\":1,\"a\nb\":\"\"}]", "a control character within a string"},
    {"[{\"\\u0061\":1},{\"a\":1},{\"a\":1}]", "[3/0 {1/0 a=i} {1/0 a=i} {1/0 a=i}]"},
  };
  size_t i;
  for (i = 0; i < COUNT(rows); i++)
    CHECK_EQ_STR(tokens_of(rows[i][0]), rows[i][1]);
}

static void test_long_keys_are_not_learned(void) {
  char key[OC_KEYS_MAX_LEN + 2], value[2 * OC_KEYS_MAX_LEN], want[2 * OC_KEYS_MAX_LEN];
  memset(key, 'k', sizeof key);
  key[OC_KEYS_MAX_LEN] = '\0';
  sprintf(value, "{\"%s\":{\"a\":1}}", key);
  sprintf(want, "{1/0 %s={1/0 a=i}}", key);
  CHECK_EQ_STR(tokens_of(value), want);
  key[OC_KEYS_MAX_LEN] = 'k';
  key[OC_KEYS_MAX_LEN + 1] = '\0';
  sprintf(value, "{\"%s\":{\"a\":1}}", key);
  sprintf(want, "{!1/0 ?%s={!1/0 ?a=i}}", key);  /* nor what lies below them */
  CHECK_EQ_STR(tokens_of(value), want);
}

static void test_more_keys_than_can_be_learned(void) {
  char value[64];
  oc_scan s;
  unsigned i;
  CHECK_EQ_INT(oc_scan_init(&s, OC_SCAN_MAX_DEPTH), OC_OK);
  for (i = 2; i < OC_KEYS_MAX_NODES; i++) {
    sprintf(value, "{\"k%u\":null}", i);
    tokens(&s, value);
  }
  CHECK_EQ_INT(s.keys.n, OC_KEYS_MAX_NODES);
  CHECK_EQ_STR(tokens(&s, "{\"k7\":1}"), "{1/0 k7=i}");
  CHECK_EQ_STR(tokens(&s, "{\"k7\":1,\"new\":null,\"k9\":{\"x\":1},\"k7\":2}"),
               "{!4/1 k7=i ?new=n k9={!1/0 ?x=i} k7=i}");
  CHECK_EQ_STR(tokens(&s, "{\"n\\u0065w\":1}"), "{!1/0 ?n\\u0065w=i}");
  oc_scan_free(&s);
}

/* More tokens than there was room for at first. */
static void test_many_tokens(void) {
  enum { N = 5000 };
  static char value[2 * N + 2];
  oc_scan s;
  size_t i;
  value[0] = '[';
  for (i = 0; i < N; i++)
    memcpy(value + 1 + 2 * i, "7,", 2);
  value[2 * N] = ']';
  CHECK_EQ_INT(oc_scan_init(&s, 1), OC_OK);
  CHECK_EQ_INT(oc_scan_feed(&s, value, 2 * N + 1), OC_OK);
  oc_scan_begin(&s);
  CHECK_EQ_INT(oc_scan_value(&s), OC_ITEM);
  CHECK_EQ_INT(s.ntok, N + 1);
  CHECK_EQ_INT(s.tok[0].n, N);
  CHECK_EQ_INT(s.tok[N].at, 2 * N - 1);
  oc_scan_free(&s);
}

static void test_finish_ends_a_number_only(void) {
  static const struct { const char *text; int got; } rows[] = {
    {"12", OC_ITEM}, {"0", OC_ITEM}, {"-0.5e-7", OC_ITEM}, {"-", OC_MORE}, {"1.", OC_MORE},
    {"1e", OC_MORE}, {"1e+", OC_MORE}, {"[1", OC_MORE}, {"\"a", OC_MORE}, {"nul", OC_MORE}};
  size_t i;
  for (i = 0; i < COUNT(rows); i++) {
    oc_scan s;
    CHECK_EQ_INT(oc_scan_init(&s, 4), OC_OK);
    oc_scan_feed(&s, rows[i].text, strlen(rows[i].text));
    oc_scan_begin(&s);
    CHECK_EQ_INT(oc_scan_value(&s), OC_MORE);
    CHECK_EQ_INT(oc_scan_finish(&s), rows[i].got);
    oc_scan_free(&s);
  }
}

static void test_where_texts_are(void) {
  static const char value[] = " {\"a\" : \"b\\tc\", \"d\":-1.5}";
  char out[8];
  oc_scan s;
  CHECK_EQ_INT(oc_scan_init(&s, 4), OC_OK);
  tokens(&s, value);
  CHECK_EQ_INT(s.item, 1);
  CHECK_EQ_INT(s.pos, strlen(value));
  CHECK_EQ_MEM(value + s.item + s.tok[1].at, s.tok[1].n, "b\\tc", 4);
  CHECK_EQ_MEM(out, oc_text_unescape(out, value + s.item + s.tok[1].at, s.tok[1].n), "b\tc", 3);
  CHECK_EQ_MEM(value + s.item + s.tok[2].at, s.tok[2].n, "-1.5", 4);
  oc_scan_free(&s);
}

int main(void) {
  test_types();
  test_containers();
  test_repeated_keys_are_noted();
  test_predictions_change_nothing();
  test_keys_with_escapes_are_not_predicted();
  test_long_keys_are_not_learned();
  test_more_keys_than_can_be_learned();
  test_many_tokens();
  test_finish_ends_a_number_only();
  test_where_texts_are();
  return check_done();
}
