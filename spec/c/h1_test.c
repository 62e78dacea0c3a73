/* h1_test.c - oc_h1: framing, packing, faults, and pieces of any size. */
#include "oc_h1.h"

#include <stdlib.h>
#include <zlib.h>

#include "check.h"

/* What came of an answer: its body, and how it ended. */
typedef struct outcome {
  int status;
  char body[1 << 18];
  size_t n;
  enum oc_h1_fault fault;
  int over, reusable;
} outcome;

static outcome out, whole;

/* Reads what is there; 0: it failed. */
static int drain(oc_h1 *h, outcome *o) {
  const char *p;
  size_t n;
  enum oc_got got;
  if (oc_h1_head(h) == OC_ITEM)
    o->status = h->head.status;
  while ((got = oc_h1_read(h, &p, &n)) == OC_ITEM) {
    if (n > sizeof(o->body) - o->n)
      return 0;
    memcpy(o->body + o->n, p, n);
    o->n += n;
  }
  return got == OC_MORE;
}

/* Feeds text in pieces, and closes the connection behind it. */
static void play(outcome *o, const char *text, size_t n, size_t piece, int close, double max) {
  oc_h1 h;
  size_t at;
  int going = 1;
  memset(o, 0, sizeof(*o));
  oc_h1_init(&h, 1, max);
  for (at = 0; at < n && going; at += piece) {
    const size_t k = n - at < piece ? n - at : piece;
    char *copy = malloc(k);  /* of exactly that size, for ASan */
    memcpy(copy, text + at, k);
    CHECK_EQ_INT(oc_h1_feed(&h, copy, k), OC_OK);
    free(copy);
    going = drain(&h, o);
  }
  if (close && going) {
    oc_h1_end(&h);
    drain(&h, o);
  }
  o->fault = h.fault;
  o->over = h.state == OC_H1_OVER;
  o->reusable = oc_h1_reusable(&h);
  oc_h1_free(&h);
}

/* The same whatever the pieces are. */
static void play_all(const char *text, size_t n, int close) {
  static const size_t pieces[] = {1, 2, 3, 7, 64, 1000};
  size_t i;
  play(&whole, text, n, n > 0 ? n : 1, close, 0);
  for (i = 0; i < sizeof(pieces) / sizeof(pieces[0]); i++) {
    play(&out, text, n, pieces[i], close, 0);
    CHECK_EQ_INT(out.status, whole.status);
    CHECK_EQ_INT(out.n, whole.n);
    CHECK(memcmp(out.body, whole.body, whole.n) == 0);
    CHECK_EQ_INT(out.fault, whole.fault);
    CHECK_EQ_INT(out.over, whole.over);
    CHECK_EQ_INT(out.reusable, whole.reusable);
  }
}

typedef struct row {
  const char *text, *body;
  enum oc_h1_fault fault;
  int status, reusable, close;
} row;

#define OK "HTTP/1.1 200 OK\r\n"
#define CHUNKED OK "Transfer-Encoding: chunked\r\n\r\n"

static const row ROWS[] = {
    {OK "Content-Length: 3\r\n\r\nabc", "abc", 0, 200, 1, 0},
    {OK "Content-Length: 0\r\n\r\n", "", 0, 200, 1, 0},
    {OK "Content-Length: 3\r\nContent-Length: 3\r\n\r\nabc", "abc", 0, 200, 1, 0},
    {OK "Content-Length: 3\r\nConnection: close\r\n\r\nabc", "abc", 0, 200, 0, 0},
    {OK "Content-Length: 3\r\nConnection: Keep-Alive, Close\r\n\r\nabc", "abc", 0, 200, 0, 0},
    {OK "Content-Length: 3\r\nConnection: close, TE\r\n\r\nabc", "abc", 0, 200, 0, 0},
    {OK "Content-Length: 3\r\nConnection: enclose\r\n\r\nabc", "abc", 0, 200, 1, 0},
    {OK "Content-Length: 3\r\n\r\nabcd", "abc", 0, 200, 0, 0},
    {"HTTP/1.0 200 OK\r\nContent-Length: 3\r\n\r\nabc", "abc", 0, 200, 0, 0},
    {"HTTP/1.1 204 No Content\r\n\r\n", "", 0, 204, 1, 0},
    {"HTTP/1.1 101 Switching\r\n\r\n", "", 0, 101, 0, 0},
    {"HTTP/1.1 304 Not Modified\r\nContent-Length: 5\r\n\r\n", "", 0, 304, 1, 0},
    {"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 x\r\nlink: a\r\n\r\n" OK "Content-Length: 1\r\n\r\nx", "x", 0, 200, 1, 0},
    {"\r\n" OK "Content-Length: 1\r\n\r\nx", "x", 0, 200, 1, 0},
    {"HTTP/1.1 404 Not Found\ncontent-length: 2\n\nno", "no", 0, 404, 1, 0},
    {OK "\r\nuntil the end", "until the end", 0, 200, 0, 1},
    {OK "Content-Encoding: identity\r\nContent-Length: 1\r\n\r\nx", "x", 0, 200, 1, 0},
    {CHUNKED "3\r\nabc\r\n0\r\n\r\n", "abc", 0, 200, 1, 0},
    {CHUNKED "3;name=\"v\"\r\nabc\r\nA \r\n0123456789\r\n000\r\nX-Trailer: 1\r\n\r\n", "abc0123456789", 0, 200, 1, 0},
    {CHUNKED "1\na\n0\n\n", "a", 0, 200, 1, 0},
    {CHUNKED "00000000000000000001\r\na\r\n0\r\n\r\n", "a", 0, 200, 1, 0},
    {OK "Transfer-Encoding: chunked\r\nContent-Length: 9\r\n\r\n1\r\na\r\n0\r\n\r\n", "a", 0, 200, 0, 0},
    /* faults, and what came before them */
    {"", "", OC_H1_SILENT, 0, 0, 1},
    {"HTTP/1.1 200 O", "", OC_H1_CUT, 0, 0, 1},
    {OK "Content-Length: 5\r\n\r\nabc", "abc", OC_H1_CUT, 200, 0, 1},
    {CHUNKED "5\r\nabc", "abc", OC_H1_CUT, 200, 0, 1},
    {CHUNKED "3\r\nabc\r\n", "abc", OC_H1_CUT, 200, 0, 1},
    {CHUNKED "3\r\nabc\r\n0\r\n", "abc", OC_H1_CUT, 200, 0, 1},
    {"SSH-2.0-x\r\n", "", OC_H1_NOT_HTTP, 0, 0, 0},
    {"<html>", "", OC_H1_NOT_HTTP, 0, 0, 0},
    {OK "Content-Length: 3\r\nContent-Length: 4\r\n\r\nabcd", "", OC_H1_NOT_HTTP, 0, 0, 0},
    {OK "Content-Length: -1\r\n\r\n", "", OC_H1_NOT_HTTP, 0, 0, 0},
    {OK "Content-Length: 3, 3\r\n\r\nabc", "", OC_H1_NOT_HTTP, 0, 0, 0},
    {OK "Transfer-Encoding: gzip, chunked\r\n\r\n", "", OC_H1_NOT_HTTP, 0, 0, 0},
    {OK "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n", "", OC_H1_NOT_HTTP, 0, 0, 0},
    {CHUNKED "x\r\n", "", OC_H1_NOT_HTTP, 200, 0, 0},
    {CHUNKED "\r\n", "", OC_H1_NOT_HTTP, 200, 0, 0},
    {CHUNKED "-1\r\n", "", OC_H1_NOT_HTTP, 200, 0, 0},
    {CHUNKED "3 3\r\nabc", "", OC_H1_NOT_HTTP, 200, 0, 0},
    {CHUNKED "fffffffffffffff\r\n", "", OC_H1_NOT_HTTP, 200, 0, 0},
    {CHUNKED "3\r\nabcd\r\n", "abc", OC_H1_NOT_HTTP, 200, 0, 0},
    {OK "Content-Encoding: br\r\nContent-Length: 1\r\n\r\nx", "", OC_H1_PACKING, 200, 0, 0},
    {OK "Content-Encoding: gzip, gzip\r\nContent-Length: 1\r\n\r\nx", "", OC_H1_PACKING, 200, 0, 0},
    {OK "Content-Encoding: gzip\r\nContent-Length: 4\r\n\r\nabcd", "", OC_H1_PACKING, 200, 0, 0},
    {OK "Content-Encoding: gzip\r\nContent-Length: 0\r\n\r\n", "", 0, 200, 1, 0},
};

static void test_rows(void) {
  size_t i;
  for (i = 0; i < sizeof(ROWS) / sizeof(ROWS[0]); i++) {
    const row *r = &ROWS[i];
    const int line = (int)i;
    play_all(r->text, strlen(r->text), r->close);
    check_int(whole.fault, r->fault, r->text, __FILE__, line);
    check_int(whole.status, r->status, r->text, __FILE__, line);
    check_int((long long)whole.n, (long long)strlen(r->body), r->text, __FILE__, line);
    CHECK(memcmp(whole.body, r->body, whole.n) == 0);
    check_int(whole.over, r->fault == 0, r->text, __FILE__, line);
    /* cut into pieces, bytes behind the answer are not there yet */
    if (r->reusable || strstr(r->text, "abcd") == NULL)
      check_int(whole.reusable, r->reusable, r->text, __FILE__, line);
  }
}

/* Any answer that is cut anywhere says so, unless it goes on until the connection ends. */
static void test_cut_anywhere(void) {
  size_t i, n;
  for (i = 0; i < sizeof(ROWS) / sizeof(ROWS[0]); i++) {
    const row *r = &ROWS[i];
    if (r->fault != 0 || r->close)
      continue;
    for (n = 1; n < strlen(r->text); n++) {
      play(&out, r->text, n, n, 1, 0);
      CHECK(out.over || out.fault == OC_H1_CUT);
      CHECK(out.n <= strlen(r->body) && memcmp(out.body, r->body, out.n) == 0);
    }
  }
}

/* Packs text; window_bits says how. */
static size_t pack(char *to, size_t cap, const char *text, size_t n, int window_bits) {
  z_stream z;
  size_t made;
  memset(&z, 0, sizeof(z));
  CHECK_EQ_INT(deflateInit2(&z, 9, Z_DEFLATED, window_bits, 8, Z_DEFAULT_STRATEGY), Z_OK);
  memcpy(&z.next_in, &text, sizeof(text));
  z.avail_in = (uInt)n;
  z.next_out = (Bytef *)to;
  z.avail_out = (uInt)cap;
  CHECK_EQ_INT(deflate(&z, Z_FINISH), Z_STREAM_END);
  made = cap - z.avail_out;
  deflateEnd(&z);
  return made;
}

static char text[1 << 18], wire[1 << 17];

static size_t answer_of(const char *packed, size_t n, const char *encoding) {
  const int head = snprintf(wire, sizeof(wire), OK "Content-Encoding: %s\r\nContent-Length: %u\r\n\r\n",
                            encoding, (unsigned)n);
  memcpy(wire + head, packed, n);
  return (size_t)head + n;
}

static void test_packed(void) {
  static char packed[1 << 16];
  static const struct { size_t n; const char *encoding; int bits; } ways[] = {
      {5, "gzip", 31}, {200000, "gzip", 31}, {100, "x-gzip", 31}, {3000, "deflate", 15}, {65536, "GZIP", 31},
      {131072, "gzip", 31}, {0, "gzip", 31}};
  size_t i, k, n;
  for (i = 0; i < sizeof(text); i++)
    text[i] = i % 50000 < 20000 ? 'a' : (char)('a' + (i * i / 7) % 26);  /* long matches too */
  for (i = 0; i < sizeof(ways) / sizeof(ways[0]); i++) {
    n = pack(packed, sizeof(packed), text, ways[i].n, ways[i].bits);
    n = answer_of(packed, n, ways[i].encoding);
    play_all(wire, n, 0);
    CHECK_EQ_INT(whole.fault, 0);
    CHECK_EQ_INT(whole.over, 1);
    CHECK_EQ_INT(whole.reusable, 1);
    CHECK_EQ_INT(whole.n, ways[i].n);
    CHECK(memcmp(whole.body, text, ways[i].n) == 0);
  }
  /* two members, and one whose end is missing though the length is right */
  n = pack(packed, sizeof(packed), "first ", 6, 31);
  n += pack(packed + n, sizeof(packed) - n, "second", 6, 31);
  play_all(wire, answer_of(packed, n, "gzip"), 0);
  CHECK_EQ_INT(whole.fault, 0);
  CHECK(whole.n == 12 && memcmp(whole.body, "first second", 12) == 0);
  for (k = 1; k < n; k++) {
    play(&out, wire, answer_of(packed, k, "gzip"), 1000, 0, 0);
    CHECK(out.fault == OC_H1_CUT || (out.fault == 0 && out.n == 6));
  }
  /* more behind it that is no member */
  memcpy(packed + n, "junk", 4);
  play_all(wire, answer_of(packed, n + 4, "gzip"), 0);
  CHECK_EQ_INT(whole.fault, OC_H1_PACKING);
  CHECK_EQ_INT(whole.n, 12);
}

static void test_ceilings(void) {
  char *long_line = malloc(OC_HEAD_MAX_BYTES + 100);
  size_t n;
  static char packed[1 << 12];
  play(&out, OK "Content-Length: 10\r\n\r\n0123456789", 49, 49, 0, 10);
  CHECK_EQ_INT(out.fault, 0);
  CHECK_EQ_INT(out.over, 1);
  play(&out, OK "Content-Length: 11\r\n\r\n0123456789a", 50, 20, 0, 10);
  CHECK_EQ_INT(out.fault, OC_H1_BODY);
  /* what is packed counts unpacked */
  memset(text, 'a', sizeof(text));
  n = pack(packed, sizeof(packed), text, 200000, 31);
  play(&out, wire, answer_of(packed, n, "gzip"), 1 << 16, 0, 150000);
  CHECK_EQ_INT(out.fault, OC_H1_BODY);
  CHECK(out.n <= 150000);
  memset(long_line, 'x', OC_HEAD_MAX_BYTES + 100);
  memcpy(long_line, OK, strlen(OK));
  play(&out, long_line, OC_HEAD_MAX_BYTES + 100, 1 << 16, 0, 0);
  CHECK_EQ_INT(out.fault, OC_H1_HEAD);
  memset(long_line, '0', OC_HEAD_MAX_BYTES);
  memcpy(long_line, CHUNKED, strlen(CHUNKED));
  play(&out, long_line, 4000, 1000, 0, 0);
  CHECK_EQ_INT(out.fault, OC_H1_NOT_HTTP);
  memset(long_line, 'x', OC_HEAD_MAX_BYTES + 100);
  memcpy(long_line, CHUNKED "0\r\n", strlen(CHUNKED) + 3);
  play(&out, long_line, OC_HEAD_MAX_BYTES + 100, 1 << 16, 0, 0);
  CHECK_EQ_INT(out.fault, OC_H1_HEAD);
  free(long_line);
}

/* Who asked for no unpacking gets what came. */
static void test_as_it_is(void) {
  static const char answer[] = OK "Content-Encoding: gzip\r\nContent-Length: 4\r\n\r\nabcd";
  const char *p;
  size_t n;
  oc_h1 h;
  oc_h1_init(&h, 0, 0);
  CHECK_EQ_INT(oc_h1_feed(&h, answer, sizeof(answer) - 1), OC_OK);
  CHECK_EQ_INT(oc_h1_read(&h, &p, &n), OC_ITEM);
  CHECK(n == 4 && memcmp(p, "abcd", 4) == 0);
  CHECK_EQ_INT(oc_h1_read(&h, &p, &n), OC_MORE);
  CHECK_EQ_INT(h.state, OC_H1_OVER);
  oc_h1_free(&h);
}

int main(void) {
  test_rows();
  test_cut_anywhere();
  test_packed();
  test_ceilings();
  test_as_it_is();
  return check_done();
}
