/* fuzz_time.c - oc_time and Retry-After over arbitrary text, and what must hold
 * for any. The input is a text; where there is a line feed, the text before it
 * is a second date, and up to eight bytes behind the next one a clock.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "oc_retry.h"
#include "oc_time.h"

/* assert() would go with NDEBUG. */
#define HOLD(cond) \
  do { \
    if (!(cond)) { \
      fprintf(stderr, "%s:%d: does not hold: %s\n", __FILE__, __LINE__, #cond); \
      abort(); \
    } \
  } while (0)

#define FIRST_S INT64_C(-62135596800)
#define LAST_S INT64_C(253402300799)
#define DAY_S 86400

/* What is printed is read back as the same instant. */
static void fuzz_format(int64_t s) {
  char text[OC_TIME_ISO_SIZE];
  oc_instant back;
  if (!oc_time_format_iso(text, s)) {
    HOLD(s < FIRST_S || s > LAST_S);
    HOLD(text[0] == '\0');
    return;
  }
  HOLD(s >= FIRST_S && s <= LAST_S);
  HOLD(strlen(text) == 20);
  HOLD(oc_time_iso(&back, text, 20) && back.s == s && back.ns == 0);
}

static int fuzz_iso(oc_instant *t, const char *s, size_t n) {
  oc_instant out = {-1, -1};
  char *longer;
  if (!oc_time_iso(&out, s, n)) {
    HOLD(out.s == -1 && out.ns == -1);
    return 0;
  }
  HOLD(n >= 10 && out.ns >= 0 && out.ns <= 999999999);
  HOLD(out.s > FIRST_S - DAY_S && out.s < LAST_S + DAY_S);
  fuzz_format(out.s);
  *t = out;
  /* The first ten characters are a date by themselves, within a day of it. */
  HOLD(oc_time_iso(&out, s, 10) && out.s - t->s < DAY_S && t->s - out.s < 2 * DAY_S);
  /* Nothing may follow but what belongs to a date. */
  longer = malloc(n + 1);
  HOLD(longer != NULL);
  memcpy(longer, s, n);
  longer[n] = ' ';
  HOLD(!oc_time_iso(&out, longer, n + 1));
  free(longer);
  return 1;
}

static void fuzz_compare(oc_instant a, oc_instant b) {
  int order = oc_time_compare(a, b);
  HOLD(order >= -1 && order <= 1);
  HOLD(oc_time_compare(b, a) == -order);
  HOLD(oc_time_compare(a, a) == 0);
  HOLD(a.s >= b.s || order == -1);
  HOLD((order == 0) == (a.s == b.s && a.ns == b.ns));
}

static void fuzz_http(const char *s, size_t n, int64_t now) {
  int64_t at = -1;
  if (!oc_time_http(&at, s, n, now)) {
    HOLD(at == -1);
    return;
  }
  HOLD(n >= 24 && at >= FIRST_S && at <= LAST_S);
  fuzz_format(at);
}

static void fuzz_retry_after(const char *s, size_t n, int64_t now) {
  double wait_s = -1;
  int64_t at;
  int understood = oc_retry_after_s(&wait_s, s, n, now);
  if (!understood)
    HOLD(wait_s < 0 && !oc_time_http(&at, s, n, now));
  else
    HOLD(wait_s >= 0 && wait_s <= OC_RETRY_AFTER_MAX_S);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  const char *text[2] = {"", ""};
  size_t length[2] = {0, 0};
  const char *rest = (const char *)data;
  oc_instant t[2];
  int64_t now = 0;
  int i, dates = 0;
  for (i = 0; i < 2 && size > 0; i++) {
    const char *cut = memchr(rest, '\n', size);
    text[i] = rest;
    length[i] = cut != NULL ? (size_t)(cut - rest) : size;
    size -= cut != NULL ? length[i] + 1 : size;
    rest += length[i] + 1;
  }
  if (size > 0)
    memcpy(&now, rest, size < sizeof now ? size : sizeof now);
  fuzz_format(now);
  for (i = 0; i < 2; i++) {
    dates += fuzz_iso(&t[i], text[i], length[i]);
    fuzz_http(text[i], length[i], now);
    fuzz_retry_after(text[i], length[i], now);
  }
  if (dates == 2)
    fuzz_compare(t[0], t[1]);
  return 0;
}
