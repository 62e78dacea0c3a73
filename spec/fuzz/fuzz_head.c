/* fuzz_head.c - oc_head over arbitrary lines, and what must hold for any. The
 * input is cut behind each line feed; with a '*' in front the rest comes a hundred
 * times, so that small inputs reach the ceilings. What is kept must be what a
 * second reader, written here as plainly as can be, keeps, and lines without their
 * ends must give the same.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "oc_head.h"

/* assert() would go with NDEBUG. */
#define HOLD(cond) \
  do { \
    if (!(cond)) { \
      fprintf(stderr, "%s:%d: does not hold: %s\n", __FILE__, __LINE__, #cond); \
      abort(); \
    } \
  } while (0)

/* The second reader: text in the form that oc_head keeps. */
typedef struct reader {
  char *text;
  size_t n, colon_at;  /* where the record at hand has its colon */
  int status, open, done, kept;
} reader;

static size_t cut_ends(const char *p, size_t n) {
  while (n > 0 && (p[n - 1] == '\n' || p[n - 1] == '\r'))
    n--;
  return n;
}

static int in(const char *set, size_t set_n, char c) {
  return memchr(set, c, set_n) != NULL;
}

/* Writes a value without what surrounds it. */
static void read_value(reader *r, const char *p, size_t n) {
  static const char white[] = " \t\r\n";  /* and the NUL behind it */
  size_t from = 0;
  while (from < n && in(white, 5, p[from]))
    from++;
  while (n > from && in(white, 5, p[n - 1]))
    n--;
  for (; from < n; from++)
    r->text[r->n++] = (char)(in("\r\n", 3, p[from]) ? ' ' : p[from]);
}

static void read_header(reader *r, const char *p, size_t n) {
  size_t i, name_n = 0;
  r->kept = 0;
  while (name_n < n && p[name_n] != ':')
    name_n++;
  if (name_n == n)
    return;
  i = name_n;
  while (i > 0 && (p[i - 1] == ' ' || p[i - 1] == '\t'))
    i--;
  if (i == 0)
    return;
  while (i-- > 0)
    if ((unsigned char)p[i] < 33 || p[i] == 127)
      return;
  for (i = 0; p[i] != ':' && p[i] != ' ' && p[i] != '\t'; i++)
    r->text[r->n++] = (char)(p[i] >= 'A' && p[i] <= 'Z' ? p[i] | 32 : p[i]);
  r->colon_at = r->n;
  r->text[r->n++] = ':';
  read_value(r, p + name_n + 1, n - name_n - 1);
  r->text[r->n++] = '\n';
  r->kept = 1;
}

static void read_folded(reader *r, const char *p, size_t n) {
  int bare = r->kept && r->colon_at == r->n - 2;
  size_t i = 0;
  while (i < n && in(" \t\r\n", 5, p[i]))
    i++;
  if (!r->kept || i == n)
    return;
  r->n--;
  if (!bare)
    r->text[r->n++] = ' ';
  read_value(r, p, n);
  r->text[r->n++] = '\n';
}

/* 0: no HTTP. */
static int read_line(reader *r, const char *p, size_t n) {
  size_t i = 0;
  if (r->done)
    return 1;
  if (n == 0 || p[0] == '\r' || p[0] == '\n') {
    r->done = r->open && (r->status > 199 || r->status == 101);
    r->open = 0;
    return 1;
  }
  if (r->open) {
    if (p[0] == ' ' || p[0] == '\t')
      read_folded(r, p, n);
    else
      read_header(r, p, n);
    return 1;
  }
  r->n = 0;
  r->status = r->kept = 0;
  r->open = 1;
  if (n < 5 || memcmp(p, "HTTP/", 5) != 0)
    return 0;
  while (i < n && p[i] != ' ')
    i++;
  while (i < n && (p[i] == ' ' || p[i] == '\t'))
    i++;
  for (; i < n && p[i] >= '0' && p[i] <= '9' && r->status < 1000; i++)
    r->status = r->status * 10 + p[i] - '0' + (r->status == 0 && p[i] == '0' ? 5000 : 0);
  return r->status >= 100 && r->status <= 999;
}

/* Whole records, each with a name and without what would end it early. */
static void hold_records(const oc_head *h) {
  const char *name, *value;
  size_t name_n, value_n, at = 0, i;
  int records = 0;
  while (oc_head_next(h, &at, &name, &name_n, &value, &value_n)) {
    HOLD(at <= h->lines.n && name_n > 0 && value == name + name_n + 1);
    HOLD(value + value_n + 1 == h->lines.p + at);
    for (i = 0; i < name_n; i++)
      HOLD((unsigned char)name[i] > ' ' && !(name[i] >= 'A' && name[i] <= 'Z'));
    for (i = 0; i < value_n; i++)
      HOLD(!in("\r\n", 3, value[i]));
    HOLD(value_n == 0 || (!in(" \t", 2, value[0]) && !in(" \t", 2, value[value_n - 1])));
    records++;
  }
  HOLD(at == h->lines.n && records <= h->count);
}

/* After each line; the text itself is compared when all are read. */
static void hold_same(const oc_head *h, const oc_head *bare, const reader *r) {
  HOLD(h->status == r->status && h->open == r->open && h->done == r->done);
  HOLD(h->status == bare->status && h->open == bare->open && h->done == bare->done);
  HOLD(h->lines.n == r->n && h->lines.n == bare->lines.n);
}

static void hold_text(const oc_head *h, const char *text, size_t n) {
  HOLD(h->lines.n == n);
  HOLD(n == 0 || memcmp(h->lines.p, text, n) == 0);
}

/* A line goes into a block of exactly its size, so that ASan sees an overrun. */
static int take(oc_head *h, const char *p, size_t n) {
  char *copy = malloc(n > 0 ? n : 1);
  int status;
  HOLD(copy != NULL);
  memcpy(copy, p, n);
  status = oc_head_take(h, copy, n);
  free(copy);
  return status;
}

typedef struct run {
  oc_head whole, bare;
  reader plain;
  size_t bytes;
  int lines;
} run;

/* One line to all three; 0 when they are through. */
static int feed(run *r, const char *p, size_t n) {
  int status = take(&r->whole, p, n);
  r->bytes += n;
  r->lines++;
  if (r->bytes > OC_HEAD_MAX_BYTES || r->lines > OC_HEAD_MAX_LINES) {
    HOLD(status == OC_ELIMIT);
  } else if (!read_line(&r->plain, p, n)) {
    HOLD(status == OC_EBAD);
  } else {
    HOLD(status == OC_OK && take(&r->bare, p, cut_ends(p, n)) == OC_OK);
    hold_same(&r->whole, &r->bare, &r->plain);
    return 1;
  }
  HOLD(oc_head_take(&r->whole, "HTTP/1.1 200 OK\r\n", 17) == status);
  return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  const char *all = (const char *)data;
  int times = 1;
  size_t at;
  run r;
  memset(&r, 0, sizeof(r));
  oc_head_init(&r.whole);
  oc_head_init(&r.bare);
  if (size > 0 && all[0] == '*') {
    times = 100;
    all++;
    size--;
  }
  r.plain.text = malloc((size + 2) * 2 * (size_t)times);
  HOLD(r.plain.text != NULL);
  while (times-- > 0) {
    for (at = 0; at < size;) {
      const char *cut = memchr(all + at, '\n', size - at);
      size_t n = cut != NULL ? (size_t)(cut - all) + 1 - at : size - at;
      at += n;
      if (feed(&r, all + at - n, n))
        continue;
      times = 0;
      break;
    }
  }
  hold_records(&r.whole);
  if (r.whole.failed == OC_OK) {
    hold_text(&r.whole, r.plain.text, r.plain.n);
    hold_text(&r.whole, r.bare.lines.p, r.bare.lines.n);
  }
  free(r.plain.text);
  oc_head_free(&r.whole);
  oc_head_free(&r.bare);
  return 0;
}
