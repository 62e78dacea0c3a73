/* text_test.c - oc_text: the end of a string, UTF-8, escapes, white space. */
#include "oc_text.h"

#include <stdlib.h>

#include "check.h"
#include "oc_buf.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

/* Scans n bytes from a padded copy; how it ended, and where. */
static enum oc_text_end scan(const char *s, size_t n, size_t *at, int *escaped) {
  enum oc_text_end how;
  const char *p;
  oc_buf b;
  oc_buf_init(&b, 4096);
  CHECK_EQ_INT(oc_buf_add(&b, s, n), OC_OK);
  memset(b.p + b.n, 'x', 16);  /* read, never judged */
  p = b.p;
  *escaped = 0;
  how = oc_text_scan(&p, b.p + b.n, escaped);
  *at = (size_t)(p - b.p);
  oc_buf_free(&b);
  return how;
}

#define SCANS(s, want, want_at) \
  do { \
    size_t at; \
    int escaped; \
    CHECK_EQ_INT(scan((s), sizeof(s) - 1, &at, &escaped), (want)); \
    CHECK_EQ_INT(at, (want_at)); \
  } while (0)

static void test_ends(void) {
  SCANS("\"", OC_TEXT_END, 0);
  SCANS("abc\"def", OC_TEXT_END, 3);
  SCANS("\\\"\"", OC_TEXT_END, 2);
  SCANS("\\\\\"", OC_TEXT_END, 2);
  SCANS("abc", OC_TEXT_MORE, 3);
  SCANS("", OC_TEXT_MORE, 0);
  SCANS("\x7F\"", OC_TEXT_END, 1);
}

/* The quote at each place of a long string: 16 bytes are looked at together. */
static void test_end_at_every_distance(void) {
  char s[64];
  size_t n, at;
  int escaped;
  for (n = 0; n < sizeof s; n++) {
    memset(s, 'a', sizeof s);
    s[n] = '"';
    CHECK_EQ_INT(scan(s, sizeof s, &at, &escaped), OC_TEXT_END);
    CHECK_EQ_INT(at, n);
    CHECK_EQ_INT(scan(s, n, &at, &escaped), OC_TEXT_MORE);
    CHECK_EQ_INT(at, n);
  }
}

static void test_control_characters(void) {
  char s[20];
  size_t at, i;
  int escaped, c;
  for (c = 0; c < 0x20; c++) {
    for (i = 0; i < 18; i++) {
      memset(s, 'a', sizeof s);
      s[i] = (char)c;
      CHECK_EQ_INT(scan(s, sizeof s, &at, &escaped), OC_TEXT_CONTROL);
      CHECK_EQ_INT(at, i);
    }
  }
}

static void test_escapes(void) {
  int c;
  for (c = 0; c < 256; c++) {
    char s[3] = {'\\', 0, '"'};
    size_t at;
    int escaped;
    const int good = c != 0 && strchr("\"\\/bfnrt", c) != NULL;
    const enum oc_text_end how = (s[1] = (char)c, scan(s, 3, &at, &escaped));
    CHECK_EQ_INT(escaped, 1);
    if (c == 'u')
      CHECK_EQ_INT(how, OC_TEXT_ESCAPE);  /* a quote is no digit */
    else
      CHECK_EQ_INT(how, good ? OC_TEXT_END : OC_TEXT_ESCAPE);
    CHECK_EQ_INT(at, good ? 2 : 0);
  }
  SCANS("ab\xE2\x82", OC_TEXT_MORE, 2);
  SCANS("a\\", OC_TEXT_MORE, 1);
  SCANS("a\\u", OC_TEXT_MORE, 1);
  SCANS("a\\u00e", OC_TEXT_MORE, 1);
  SCANS("a\\u00e9\"", OC_TEXT_END, 7);
  SCANS("a\\u00EF\"", OC_TEXT_END, 7);
  SCANS("a\\u00g", OC_TEXT_ESCAPE, 1);
  SCANS("a\\U00e9\"", OC_TEXT_ESCAPE, 1);
  SCANS("a\\u-123\"", OC_TEXT_ESCAPE, 1);
  SCANS("a\\u0x12\"", OC_TEXT_ESCAPE, 1);
}

/* Is c encoded, in as few bytes as it takes? */
static size_t encode(char *s, unsigned long c) {
  if (c < 0x80) {
    s[0] = (char)c;
    return 1;
  }
  if (c < 0x800) {
    s[0] = (char)(0xC0 | c >> 6);
    s[1] = (char)(0x80 | (c & 0x3F));
    return 2;
  }
  if (c < 0x10000) {
    s[0] = (char)(0xE0 | c >> 12);
    s[1] = (char)(0x80 | (c >> 6 & 0x3F));
    s[2] = (char)(0x80 | (c & 0x3F));
    return 3;
  }
  s[0] = (char)(0xF0 | c >> 18);
  s[1] = (char)(0x80 | (c >> 12 & 0x3F));
  s[2] = (char)(0x80 | (c >> 6 & 0x3F));
  s[3] = (char)(0x80 | (c & 0x3F));
  return 4;
}

static void test_every_code_point(void) {
  unsigned long c;
  for (c = 0x80; c <= 0x110000; c++) {
    const int good = c <= 0x10FFFF && (c < 0xD800 || c > 0xDFFF);
    char s[4];
    const char *p = s;
    const size_t n = encode(s, c);
    if (oc_text_utf8(&p, s + n) != (good ? OC_TEXT_END : OC_TEXT_UTF8) || p != s + (good ? n : 0))
      CHECK_EQ_INT(c, -1);
  }
  CHECK(c == 0x110001);
}

static void test_cut_utf8(void) {
  static const char *const texts[] = {"\xC3\xA9", "\xE2\x82\xAC", "\xF0\x9D\x84\x9E"};
  size_t i, n, at;
  int escaped;
  for (i = 0; i < COUNT(texts); i++) {
    for (n = 1; n < strlen(texts[i]); n++) {
      CHECK_EQ_INT(scan(texts[i], n, &at, &escaped), OC_TEXT_MORE);
      CHECK_EQ_INT(at, 0);
    }
  }
}

/* Each is refused as soon as it cannot become right, and at its first byte. */
static void test_bad_utf8(void) {
  SCANS("a\x80", OC_TEXT_UTF8, 1);
  SCANS("a\xBF", OC_TEXT_UTF8, 1);
  SCANS("\xC0\x80", OC_TEXT_UTF8, 0);      /* overlong */
  SCANS("\xC1\xBF", OC_TEXT_UTF8, 0);
  SCANS("\xE0\x80", OC_TEXT_UTF8, 0);
  SCANS("\xE0\x9F\xBF", OC_TEXT_UTF8, 0);
  SCANS("\xF0\x8F\xBF\xBF", OC_TEXT_UTF8, 0);
  SCANS("\xED\xA0", OC_TEXT_UTF8, 0);      /* surrogates */
  SCANS("\xED\xBF\xBF", OC_TEXT_UTF8, 0);
  SCANS("\xF4\x90", OC_TEXT_UTF8, 0);      /* above U+10FFFF */
  SCANS("\xF5", OC_TEXT_UTF8, 0);
  SCANS("\xFE", OC_TEXT_UTF8, 0);
  SCANS("\xFF", OC_TEXT_UTF8, 0);
  SCANS("\xC3\"", OC_TEXT_UTF8, 0);        /* ends early */
  SCANS("\xE2\x82(\"", OC_TEXT_UTF8, 0);
  SCANS("\xF0\x9D\x84\xC3\xA9", OC_TEXT_UTF8, 0);
  SCANS("\xC3\xA9\xC3\xA9\xFF", OC_TEXT_UTF8, 4);
}

#define UNESCAPES(s, want) \
  do { \
    char out[128]; \
    CHECK_EQ_MEM(out, oc_text_unescape(out, (s), sizeof(s) - 1), (want), sizeof(want) - 1); \
  } while (0)

static void test_unescape(void) {
  UNESCAPES("", "");
  UNESCAPES("plain", "plain");
  UNESCAPES("\\\"\\\\\\/\\b\\f\\n\\r\\t", "\"\\/\b\f\n\r\t");
  UNESCAPES("a\\u0000b", "a\0b");
  UNESCAPES("\\u007f\\u0080\\u07ff\\u0800\\uFFFF", "\x7F\xC2\x80\xDF\xBF\xE0\xA0\x80\xEF\xBF\xBF");
  UNESCAPES("\\uD800\\uDC00\\uDBFF\\uDFFF", "\xF0\x90\x80\x80\xF4\x8F\xBF\xBF");
  UNESCAPES("\\ud834\\uDd1e!", "\xF0\x9D\x84\x9E!");
}

#define FFFD "\xEF\xBF\xBD"

static void test_halves_of_surrogate_pairs(void) {
  UNESCAPES("\\uD834", FFFD);
  UNESCAPES("\\uDD1E", FFFD);
  UNESCAPES("\\uD834x", FFFD "x");
  UNESCAPES("\\uD834\\n", FFFD "\n");
  UNESCAPES("\\uD834\\\\uDD1E", FFFD "\\uDD1E");
  UNESCAPES("\\uD834\\u0041", FFFD "A");
  UNESCAPES("\\uDD1E\\uD834", FFFD FFFD);
  UNESCAPES("\\uD834\\uD834\\uDD1E", FFFD "\xF0\x9D\x84\x9E");
  UNESCAPES("\\uD834\\uDD1E\\uDD1E", "\xF0\x9D\x84\x9E" FFFD);
}

/* Onto itself would overlap, but a block of just n bytes is always enough. */
static void test_unescape_needs_no_more_room(void) {
  static const char s[] = "\\uD834\\uFFFF\\u0800\\/\\u0000";
  char *out = malloc(sizeof s - 1);
  CHECK(oc_text_unescape(out, s, sizeof s - 1) <= sizeof s - 1);
  free(out);
}

static void strips(const char *s, const char *want) {
  char out[128];
  oc_buf b;
  oc_buf_init(&b, 4096);
  oc_buf_adds(&b, s);
  CHECK_EQ_MEM(out, oc_text_strip(out, b.p, b.n), want, strlen(want));
  oc_buf_free(&b);
}

static void test_strip(void) {
  strips("{}", "{}");
  strips(" [ 1 ,\t2\r\n] ", "[1,2]");
  strips("{ \"a b\" : \" c \\\" d \" , \"e\\\\\" : null }", "{\"a b\":\" c \\\" d \",\"e\\\\\":null}");
  strips("[\"\", \" \", \"\xC3\xA9 \"]", "[\"\",\" \",\"\xC3\xA9 \"]");
}

int main(void) {
  test_ends();
  test_end_at_every_distance();
  test_control_characters();
  test_escapes();
  test_every_code_point();
  test_cut_utf8();
  test_bad_utf8();
  test_unescape();
  test_halves_of_surrogate_pairs();
  test_unescape_needs_no_more_room();
  test_strip();
  return check_done();
}
