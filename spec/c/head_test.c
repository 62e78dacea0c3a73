/* head_test.c - oc_head: which head counts, what a header is, ceilings. */
#include "oc_head.h"

#include <stdlib.h>

#include "check.h"

/* Feeds text line by line; what the last one was answered. */
static int feed(oc_head *h, const char *text, size_t n) {
  const char *end = text + n;
  int status = OC_OK;
  while (text < end) {
    const char *cut = memchr(text, '\n', (size_t)(end - text));
    const char *next = cut != NULL ? cut + 1 : end;
    status = oc_head_take(h, text, (size_t)(next - text));
    text = next;
  }
  return status;
}

static int feeds(oc_head *h, const char *text) {
  return feed(h, text, strlen(text));
}

/* The headers that a head with these lines has, as "name=value|". */
#define CHECK_HEADERS(lines, want) check_headers((lines), sizeof(lines) - 1, (want), __LINE__)

static void check_headers(const char *lines, size_t n, const char *want, int line) {
  static char got[4096];
  const char *name, *value;
  size_t name_n, value_n, at = 0, used = 0;
  oc_head h;
  oc_head_init(&h);
  check_int(feeds(&h, "HTTP/1.1 200 OK\r\n"), OC_OK, "status line", __FILE__, line);
  check_int(feed(&h, lines, n), OC_OK, "lines", __FILE__, line);
  check_int(feeds(&h, "\r\n"), OC_OK, "blank line", __FILE__, line);
  check_true(h.done, "done", __FILE__, line);
  while (oc_head_next(&h, &at, &name, &name_n, &value, &value_n))
    used += (size_t)snprintf(got + used, sizeof(got) - used, "%.*s=%.*s|", (int)name_n, name,
                             (int)value_n, value);
  got[used] = '\0';
  check_str(got, want, "headers", __FILE__, line);
  oc_head_free(&h);
}

static int status_of(const char *line, int *status) {
  oc_head h;
  int answer;
  oc_head_init(&h);
  answer = feeds(&h, line);
  *status = h.status;
  oc_head_free(&h);
  return answer;
}

static void test_status_lines(void) {
  static const struct { const char *line; int status; } good[] = {
      {"HTTP/1.1 200 OK\r\n", 200}, {"HTTP/1.0 404 Not Found\n", 404}, {"HTTP/1.1 200", 200},
      {"HTTP/2 200 \r\n", 200},     {"HTTP/1.1  302  Found\r\n", 302}, {"HTTP/1.1 999 x", 999},
      {"HTTP/1.1 100 x\r\n", 100},  {"HTTP/1.1 503-x\r\n", 503}};
  static const char *const bad[] = {
      "HTTP/1.1 20 x", "HTTP/1.1 2000 x", "HTTP/1.1 099 x", "HTTP/1.1 x", "HTTP/1.1", "HTTP/1.1 ",
      "HTTP/1.1 -20", "HTTP/1.1 2x0", "http/1.1 200 OK", "ICY 200 OK", "HTTP", "H", "A: b\r\n",
      " HTTP/1.1 200 OK", "\xff\xfe"};
  size_t i;
  int status;
  for (i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
    CHECK_EQ_INT(status_of(good[i].line, &status), OC_OK);
    CHECK_EQ_INT(status, good[i].status);
  }
  for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
    CHECK_EQ_INT(status_of(bad[i], &status), OC_EBAD);
}

static void test_headers(void) {
  CHECK_HEADERS("", "");
  CHECK_HEADERS("Content-Type: text/html\r\nX:y\r\n", "content-type=text/html|x=y|");
  CHECK_HEADERS("A: 1\r\nB: 2\r\na: 3\r\n", "a=1|b=2|a=3|");
  CHECK_HEADERS("A:  \t spaced \t \r\nB \t: x\nEmpty:\r\nBlank:  \r\n", "a=spaced|b=x|empty=|blank=|");
  CHECK_HEADERS("Url: http://h:1/a:b\r\n:no name\r\n : no name\r\nno colon\r\n", "url=http://h:1/a:b|");
  CHECK_HEADERS("two words: x\r\nTab\there: x\r\nControl\x01: x\r\nDel\x7f: x\r\nFine: y\r\n", "fine=y|");
  CHECK_HEADERS("\xc3\x89t\xe9: caf\xc3\xa9 \xff\r\n", "\xc3\x89t\xe9=caf\xc3\xa9 \xff|");
  CHECK_HEADERS("A: b\rc\r\r\nB: d\r\n", "a=b c|b=d|");
  CHECK_HEADERS("A: b\0c\0\r\nN\0: x\r\nB: \0\r\n", "a=b c|b=|");
  CHECK_HEADERS("HTTP/1.1 500: no status line\r\nA: b\r\n", "a=b|");
  CHECK_HEADERS("A: bare line feeds\nB: c\n", "a=bare line feeds|b=c|");
}

static void test_folded(void) {
  CHECK_HEADERS("A: one\r\n  two\r\n\tthree  \r\nB: c\r\n", "a=one two three|b=c|");
  CHECK_HEADERS("Location:\r\n  /there\r\n", "location=/there|");
  CHECK_HEADERS("A: b:\r\n c\r\nB: \r\n \t\r\n d\r\n e\r\n", "a=b: c|b=d e|");
  CHECK_HEADERS(" folded: onto nothing\r\nA: b\r\n", "a=b|");
  CHECK_HEADERS("A: b\r\nno colon\r\n not of A\r\n: c\r\n neither\r\n", "a=b|");
}

/* A line feed within a line would make two headers of one. */
static void test_one_line_is_one_header(void) {
  static const char line[] = "A: b\nSet-Cookie: c\r\n";
  const char *name, *value;
  size_t name_n, value_n, at = 0;
  oc_head h;
  oc_head_init(&h);
  feeds(&h, "HTTP/1.1 200 OK\r\n");
  CHECK_EQ_INT(oc_head_take(&h, line, sizeof(line) - 1), OC_OK);
  CHECK(oc_head_next(&h, &at, &name, &name_n, &value, &value_n));
  CHECK_EQ_MEM(value, value_n, "b Set-Cookie: c", 15);
  CHECK(!oc_head_next(&h, &at, &name, &name_n, &value, &value_n));
  CHECK_EQ_INT(oc_head_take(&h, "N\n: c", 5), OC_OK);
  CHECK(!oc_head_next(&h, &at, &name, &name_n, &value, &value_n));
  oc_head_free(&h);
}

static void test_several_heads(void) {
  const char *name, *value;
  size_t name_n, value_n, at = 0;
  oc_head h;
  oc_head_init(&h);
  CHECK_EQ_INT(feeds(&h, "HTTP/1.1 100 Continue\r\n\r\n"), OC_OK);
  CHECK(!h.done && !h.open && h.status == 100);
  CHECK_EQ_INT(feeds(&h, "\r\n"), OC_OK);  /* one too many ends nothing */
  CHECK(!h.done);
  CHECK_EQ_INT(feeds(&h, "HTTP/1.1 103 Early Hints\r\nLink: <x>\r\n\r\nHTTP/1.1 302 Found\r\n folded\r\n"), OC_OK);
  CHECK(!h.done && h.open && h.lines.n == 0);
  CHECK_EQ_INT(feeds(&h, "Location: /a\r\n\r\n"), OC_OK);
  CHECK(h.done && !h.open && h.status == 302);
  /* trailers, or another answer, change nothing */
  CHECK_EQ_INT(feeds(&h, "Late: x\r\n\r\nHTTP/1.1 200 OK\r\nA: b\r\n\r\n"), OC_OK);
  CHECK(h.done && !h.open && h.status == 302);
  CHECK(oc_head_next(&h, &at, &name, &name_n, &value, &value_n));
  CHECK_EQ_MEM(value, value_n, "/a", 2);
  CHECK(!oc_head_next(&h, &at, &name, &name_n, &value, &value_n));
  oc_head_free(&h);

  oc_head_init(&h);  /* a proxy's answer to CONNECT is one like any other: libcurl keeps it away */
  CHECK_EQ_INT(feeds(&h, "HTTP/1.0 200 Connection established\r\n\r\n"), OC_OK);
  CHECK(h.done);
  oc_head_free(&h);

  oc_head_init(&h);
  CHECK_EQ_INT(feeds(&h, "HTTP/1.1 101 Switching\r\nUpgrade: x\r\n\r\n"), OC_OK);
  CHECK(h.done && h.status == 101);
  oc_head_free(&h);

  oc_head_init(&h);
  CHECK_EQ_INT(feeds(&h, "HTTP/1.1 100 x\r\n\r\nA: b\r\n"), OC_EBAD);
  CHECK_EQ_INT(feeds(&h, "HTTP/1.1 200 OK\r\n\r\n"), OC_EBAD);  /* it sticks */
  CHECK(!h.done);
  oc_head_free(&h);
}

static void test_lines_cut_anywhere(void) {
  static const char head[] = "HTTP/1.1 200 OK\r\nA: b\r\n  c\r\nLonger-Name : value\r\n\r\n";
  size_t n;
  for (n = 0; n < sizeof(head); n++) {
    const char *name, *value;
    size_t name_n, value_n, at = 0;
    oc_head h;
    oc_head_init(&h);
    CHECK_EQ_INT(feed(&h, head, n), n > 0 && n < 12 ? OC_EBAD : OC_OK);
    CHECK_EQ_INT(h.done, n >= sizeof(head) - 2);
    while (oc_head_next(&h, &at, &name, &name_n, &value, &value_n))
      CHECK(name_n > 0);
    CHECK_EQ_INT(at, h.lines.n);
    oc_head_free(&h);
  }
}

static void test_ceiling_of_lines(void) {
  oc_head h;
  int i, bad = 0;
  oc_head_init(&h);
  feeds(&h, "HTTP/1.1 200 OK\r\n");
  for (i = 1; i < OC_HEAD_MAX_LINES - 1; i++)
    bad += feeds(&h, "Same: again\r\n") != OC_OK;
  CHECK_EQ_INT(bad, 0);
  CHECK_EQ_INT(feeds(&h, "\r\n"), OC_OK);
  CHECK(h.done);
  CHECK_EQ_INT(feeds(&h, "Trailer: x\r\n"), OC_ELIMIT);
  CHECK_EQ_INT(feeds(&h, "\r\n"), OC_ELIMIT);
  CHECK_EQ_INT(h.lines.n, (OC_HEAD_MAX_LINES - 2) * strlen("same:again\n"));
  oc_head_free(&h);

  oc_head_init(&h);  /* of all heads together */
  for (i = 0; i < OC_HEAD_MAX_LINES / 2; i++)
    bad += feeds(&h, "HTTP/1.1 100 x\r\n\r\n") != OC_OK;
  CHECK_EQ_INT(bad, 0);
  CHECK_EQ_INT(feeds(&h, "HTTP/1.1 200 OK\r\n"), OC_ELIMIT);
  oc_head_free(&h);
}

/* Just full, with the longest name or value there can be; then a byte too many. */
static void test_ceiling_of_bytes(void) {
  static const char first[] = "HTTP/1.1 200 OK";
  size_t room = OC_HEAD_MAX_BYTES - strlen(first), extra;
  char *line = malloc(room + 1);
  if (!CHECK(line != NULL))
    return;
  memset(line, 'a', room + 1);
  for (extra = 0; extra <= 1; extra++) {
    const char *name, *value;
    size_t name_n, value_n, at = 0;
    oc_head h;
    oc_head_init(&h);
    CHECK_EQ_INT(feeds(&h, first), OC_OK);
    line[room - 1 + extra] = ':';
    CHECK_EQ_INT(oc_head_take(&h, line, room + extra), extra ? OC_ELIMIT : OC_OK);
    line[room - 1 + extra] = 'a';
    CHECK_EQ_INT(oc_head_next(&h, &at, &name, &name_n, &value, &value_n), !extra);
    CHECK(extra || (name_n == room - 1 && value_n == 0));
    CHECK_EQ_INT(oc_head_take(&h, "", 0), extra ? OC_ELIMIT : OC_OK);
    oc_head_free(&h);

    oc_head_init(&h);
    CHECK_EQ_INT(feeds(&h, first), OC_OK);
    line[1] = ':';
    CHECK_EQ_INT(oc_head_take(&h, line, room + extra), extra ? OC_ELIMIT : OC_OK);
    line[1] = 'a';
    oc_head_free(&h);
  }
  free(line);
}

int main(void) {
  test_status_lines();
  test_headers();
  test_folded();
  test_one_line_is_one_header();
  test_several_heads();
  test_lines_cut_anywhere();
  test_ceiling_of_lines();
  test_ceiling_of_bytes();
  return check_done();
}
