/* time_test.c - oc_time: every day of the calendar, and each form a date has. */
#include "oc_time.h"

#include "check.h"

#define NONE INT64_MIN

/* Thu, 06 Nov 2025 08:49:37 GMT */
#define NOW INT64_C(1762418977)

/* The seconds of an ISO text, or NONE. */
static int64_t iso(const char *s) {
  oc_instant t = {NONE, -1};
  if (!oc_time_iso(&t, s, strlen(s))) {
    CHECK(t.s == NONE && t.ns == -1);  /* a refusal writes nothing */
    return NONE;
  }
  CHECK(t.s != NONE && t.ns >= 0 && t.ns <= 999999999);
  return t.s;
}

static int32_t iso_ns(const char *s) {
  oc_instant t = {NONE, -1};
  return oc_time_iso(&t, s, strlen(s)) ? t.ns : -1;
}

static int64_t http_at(const char *s, int64_t now) {
  int64_t epoch = NONE;
  int status = oc_time_http(&epoch, s, strlen(s), now);
  CHECK_EQ_INT(status, epoch != NONE);
  return epoch;
}

static int64_t http(const char *s) {
  return http_at(s, NOW);
}

/* Counts the days by itself from 0001-01-01, and asks for each of them. */
static void test_every_day(void) {
  static const int lengths[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
  int64_t s = INT64_C(-62135596800);
  int year, month, day, wrong = 0;
  for (year = 1; year <= 9999; year++)
    for (month = 1; month <= 12; month++) {
      int is_leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
      int days = lengths[month - 1] + (month == 2 && is_leap);
      char text[40], back[OC_TIME_ISO_SIZE], midnight[64];
      oc_instant t;
      for (day = 1; day <= days; day++, s += 86400) {
        int n = snprintf(text, sizeof text, "%04d-%02d-%02d", year, month, day);
        snprintf(midnight, sizeof midnight, "%sT00:00:00Z", text);
        wrong += !oc_time_iso(&t, text, (size_t)n) || t.s != s || t.ns != 0;
        wrong += !oc_time_format_iso(back, s) || strcmp(back, midnight) != 0;
        snprintf(midnight, sizeof midnight, "%sT23:59:59Z", text);
        wrong += !oc_time_format_iso(back, s + 86399) || strcmp(back, midnight) != 0;
      }
      snprintf(text, sizeof text, "%04d-%02d-%02d", year, month, days + 1);
      wrong += oc_time_iso(&t, text, 10);
    }
  CHECK_EQ_INT(wrong, 0);
  CHECK(s == INT64_C(253402300800));
}

static void test_iso_forms(void) {
  CHECK_EQ_INT(iso("1970-01-01"), 0);
  CHECK_EQ_INT(iso("1970-01-01T00:00"), 0);
  CHECK_EQ_INT(iso("1970-01-01T00:01"), 60);
  CHECK_EQ_INT(iso("1970-01-01T00:00:01"), 1);
  CHECK_EQ_INT(iso("1970-01-01T00:00:01Z"), 1);
  CHECK_EQ_INT(iso("1970-01-01t00:00:01z"), 1);
  CHECK_EQ_INT(iso("1970-01-01 00:00:01Z"), 1);
  CHECK_EQ_INT(iso("1970-01-01T00:01Z"), 60);
  CHECK_EQ_INT(iso("1970-01-01T00:00:01.5"), 1);
  CHECK_EQ_INT(iso("2025-11-06T08:49:37Z"), NOW);
  CHECK_EQ_INT(iso("2000-02-29T23:59:59Z"), 951868799);
  CHECK_EQ_INT(iso("1969-12-31T23:59:59.25Z"), -1);
  CHECK_EQ_INT(iso_ns("1969-12-31T23:59:59.25Z"), 250000000);
  CHECK_EQ_INT(iso("0001-01-01T00:00:00"), INT64_C(-62135596800));
  CHECK_EQ_INT(iso("9999-12-31T23:59:59.9999999Z"), INT64_C(253402300799));
}

static void test_iso_zones(void) {
  CHECK_EQ_INT(iso("2025-11-06T08:49:37+00:00"), NOW);
  CHECK_EQ_INT(iso("2025-11-06T08:49:37-00:00"), NOW);
  CHECK_EQ_INT(iso("2025-11-06T08:49:37+0000"), NOW);
  CHECK_EQ_INT(iso("2025-11-06T08:49:37+00"), NOW);
  CHECK_EQ_INT(iso("2025-11-06T08:49:37.000+0000"), NOW);
  CHECK_EQ_INT(iso("2025-11-06T10:49:37+02:00"), NOW);
  CHECK_EQ_INT(iso("2025-11-06T10:49:37+02"), NOW);
  CHECK_EQ_INT(iso("2025-11-06T05:19:37-0330"), NOW);
  CHECK_EQ_INT(iso("2025-11-06T10:49+02:00"), NOW - 37);
  CHECK_EQ_INT(iso("0001-01-01T00:00:00+14:00"), INT64_C(-62135596800) - 14 * 3600);
  CHECK_EQ_INT(iso("9999-12-31T23:59:59-23:59"), INT64_C(253402300799) + 86340);
  CHECK_EQ_INT(iso("2025-11-06T08:49:37+24:00"), NONE);
  CHECK_EQ_INT(iso("2025-11-06T08:49:37+00:60"), NONE);
  CHECK_EQ_INT(iso("2025-11-06T08:49:37+0"), NONE);
  CHECK_EQ_INT(iso("2025-11-06T08:49:37+000"), NONE);
  CHECK_EQ_INT(iso("2025-11-06T08:49:37+00:"), NONE);
  CHECK_EQ_INT(iso("2025-11-06T08:49:37+00:0"), NONE);
  CHECK_EQ_INT(iso("2025-11-06T08:49:37+00:00:00"), NONE);
  CHECK_EQ_INT(iso("2025-11-06T08:49:37ZZ"), NONE);
  CHECK_EQ_INT(iso("2025-11-06T08:49:37 Z"), NONE);
  CHECK_EQ_INT(iso("2025-11-06T08:49:37GMT"), NONE);
  CHECK_EQ_INT(iso("2025-11-06Z"), NONE);
  CHECK_EQ_INT(iso("2025-11-06+00:00"), NONE);
}

static void test_iso_fractions(void) {
  CHECK_EQ_INT(iso_ns("2025-11-06T08:49:37Z"), 0);
  CHECK_EQ_INT(iso_ns("2025-11-06T08:49:37.1Z"), 100000000);
  CHECK_EQ_INT(iso_ns("2025-11-06T08:49:37.12Z"), 120000000);
  CHECK_EQ_INT(iso_ns("2025-11-06T08:49:37.012Z"), 12000000);
  CHECK_EQ_INT(iso_ns("2025-11-06T08:49:37.1234567Z"), 123456700);
  CHECK_EQ_INT(iso_ns("2025-11-06T08:49:37.123456789Z"), 123456789);
  CHECK_EQ_INT(iso_ns("2025-11-06T08:49:37.9999999999999999999Z"), 999999999);
  CHECK_EQ_INT(iso("2025-11-06T08:49:37.9999999999999999999Z"), NOW);
  CHECK_EQ_INT(iso_ns("2025-11-06T08:49:37.0000000001Z"), 0);
  CHECK_EQ_INT(iso("2025-11-06T08:49:37.Z"), NONE);
  CHECK_EQ_INT(iso("2025-11-06T08:49:37."), NONE);
  CHECK_EQ_INT(iso("2025-11-06T08:49:37,5Z"), NONE);
  CHECK_EQ_INT(iso("2025-11-06T08:49.5Z"), NONE);
}

static void test_iso_refused(void) {
  static const char *const bad[] = {
    "", "2025", "2025-11", "2025-11-", "2025-11-6", "2025-1-06", "25-11-06", "20251106",
    "2025-00-06", "2025-13-06", "2025-11-00", "2025-11-31", "2025-02-29", "1900-02-29",
    "2100-02-29", "0000-01-01", "-001-01-01", "+2025-11-06", "12025-11-06", " 2025-11-06",
    "2025-11-06 ", "2025-11-06T", "2025-11-06T08", "2025-11-06T08:", "2025-11-06T08:4",
    "2025-11-06T8:49", "2025-11-06T24:00", "2025-11-06T24:00:00Z", "2025-11-06T08:60",
    "2025-11-06T08:49:", "2025-11-06T08:49:7", "2025-11-06T08:49:61Z", "2025-11-06_08:49",
    "2025-11-06TT08:49", "2025/11/06", "2025-11-06T0849", "2025-W45-4", "2025-310",
    "Active", "0x25-11-06", "2025-11-06T08:49:37\xc2\xa0Z"
  };
  size_t i;
  for (i = 0; i < sizeof bad / sizeof bad[0]; i++)
    if (!CHECK(iso(bad[i]) == NONE))
      printf("  accepted: %s\n", bad[i]);
}

/* The length counts, not a NUL. */
static void test_iso_length(void) {
  oc_instant t = {NONE, 0};
  CHECK_EQ_INT(oc_time_iso(&t, "1970-01-02T", 10), 1);
  CHECK_EQ_INT(t.s, 86400);
  CHECK_EQ_INT(oc_time_iso(&t, "1970-01-03\0", 11), 0);
  CHECK_EQ_INT(oc_time_iso(&t, "1970-01-03", 9), 0);
  CHECK_EQ_INT(oc_time_iso(&t, NULL, 0), 0);
  CHECK_EQ_INT(t.s, 86400);
}

static void test_leap_seconds(void) {
  int64_t last = iso("2016-12-31T23:59:59Z");
  CHECK_EQ_INT(iso("2016-12-31T23:59:60Z"), last);
  CHECK_EQ_INT(iso_ns("2016-12-31T23:59:60Z"), 999999999);
  CHECK_EQ_INT(iso_ns("2016-12-31T23:59:60.25Z"), 999999999);
  CHECK_EQ_INT(iso("2017-01-01T01:59:60+02:00"), last);
  CHECK_EQ_INT(iso("2016-12-31T18:29:60-05:30"), last);
  CHECK_EQ_INT(iso("2016-12-31T23:59:60+02:00"), NONE);
  CHECK_EQ_INT(iso("2016-12-31T12:00:60Z"), NONE);
  CHECK_EQ_INT(iso("2016-12-31T23:58:60Z"), NONE);
  CHECK_EQ_INT(iso("1969-12-31T23:59:60Z"), -1);
  CHECK_EQ_INT(iso("0001-01-01T01:59:60+02:00"), INT64_C(-62135596801));
  CHECK_EQ_INT(http("Sat, 31 Dec 2016 23:59:60 GMT"), last);
  CHECK_EQ_INT(http("Sat, 31 Dec 2016 23:58:60 GMT"), NONE);
  CHECK_EQ_INT(http("Sat, 31 Dec 2016 23:59:61 GMT"), NONE);
}

static int order(const char *a, const char *b) {
  oc_instant x = {0, 0}, y = {0, 0};
  CHECK(oc_time_iso(&x, a, strlen(a)));
  CHECK(oc_time_iso(&y, b, strlen(b)));
  CHECK_EQ_INT(oc_time_compare(x, x), 0);
  CHECK_EQ_INT(oc_time_compare(y, x), -oc_time_compare(x, y));
  return oc_time_compare(x, y);
}

static void test_compare(void) {
  CHECK_EQ_INT(order("2025-11-06", "2025-11-06T00:00:00.000Z"), 0);
  CHECK_EQ_INT(order("2025-11-06T08:49:37.5Z", "2025-11-06T10:49:37.5000000+02:00"), 0);
  CHECK_EQ_INT(order("2025-11-06T08:49:37.5Z", "2025-11-06T08:49:37.45Z"), 1);
  CHECK_EQ_INT(order("2025-11-06T08:49:37Z", "2025-11-06T08:49:37.0000001Z"), -1);
  CHECK_EQ_INT(order("2025-11-06T08:49:37.9Z", "2025-11-06T08:49:38Z"), -1);
  CHECK_EQ_INT(order("2025-11-06T23:30:00-01:00", "2025-11-07T00:15:00Z"), 1);
  CHECK_EQ_INT(order("1969-12-31T23:59:59.9Z", "1969-12-31T23:59:59.1Z"), 1);
  CHECK_EQ_INT(order("2016-12-31T23:59:60Z", "2017-01-01T00:00:00Z"), -1);
  CHECK_EQ_INT(order("2016-12-31T23:59:60Z", "2016-12-31T23:59:59.9Z"), 1);
}

static void test_http_forms(void) {
  CHECK_EQ_INT(http("Sun, 06 Nov 1994 08:49:37 GMT"), 784111777);
  CHECK_EQ_INT(http("Sunday, 06-Nov-94 08:49:37 GMT"), 784111777);
  CHECK_EQ_INT(http("Sun Nov  6 08:49:37 1994"), 784111777);
  CHECK_EQ_INT(http("Wed Nov 16 08:49:37 1994"), 784111777 + 864000);
  CHECK_EQ_INT(http("Sun Nov 06 08:49:37 1994"), 784111777);
  CHECK_EQ_INT(http("sun, 06 NOV 1994 08:49:37 gmt"), 784111777);
  CHECK_EQ_INT(http("Mon, 06 Nov 1994 08:49:37 GMT"), 784111777);  /* it was a Sunday */
  CHECK_EQ_INT(http("Mon, 01 Jan 0001 00:00:00 GMT"), INT64_C(-62135596800));
  CHECK_EQ_INT(http("Fri, 31 Dec 9999 23:59:59 GMT"), INT64_C(253402300799));
  CHECK_EQ_INT(http("Tue, 29 Feb 2000 00:00:00 GMT"), 951782400);
}

static void test_http_refused(void) {
  static const char *const bad[] = {
    "", "Sun", "Sun,", "Sun, 06 Nov 1994 08:49:37", "Sun, 06 Nov 1994 08:49:37 UTC",
    "Sun, 06 Nov 1994 08:49:37 +0000", "Sun, 06 Nov 1994 08:49:37 GMT ",
    " Sun, 06 Nov 1994 08:49:37 GMT", "06 Nov 1994 08:49:37 GMT", "Sun 06 Nov 1994 08:49:37 GMT",
    "Sun, 6 Nov 1994 08:49:37 GMT", "Sun, 06 Nov 94 08:49:37 GMT", "Sun, 06-Nov-94 08:49:37 GMT",
    "Sunday, 06-Nov-1994 08:49:37 GMT", "Sunday, 06 Nov 1994 08:49:37 GMT",
    "Sun, 31 Nov 1994 08:49:37 GMT", "Sun, 00 Nov 1994 08:49:37 GMT",
    "Sun, 06 Nox 1994 08:49:37 GMT", "Xun, 06 Nov 1994 08:49:37 GMT",
    "Sun, 06 Nov 1994 24:49:37 GMT", "Sun, 06 Nov 1994 08:60:37 GMT",
    "Sun, 06 Nov 1994 08:49:37GMT", "Sun, 06 Nov 0000 08:49:37 GMT",
    "Sunday, 31-Feb-94 08:49:37 GMT", "Sunday, 99-Feb-94 99:49:37 GMT",
    "Sun Nov 6 08:49:37 1994", "Sun Nov  16 08:49:37 1994", "Sun Nov  6 08:49:37 1994 GMT",
    "Sun Nov  6 08:49:37 94", "1994-11-06T08:49:37Z", "784111777"
  };
  size_t i;
  for (i = 0; i < sizeof bad / sizeof bad[0]; i++)
    if (!CHECK(http(bad[i]) == NONE))
      printf("  accepted: %s\n", bad[i]);
  CHECK_EQ_INT(oc_time_http(&(int64_t){0}, NULL, 0, NOW), 0);
}

/* Two digits mean the latest year that is not more than 50 years ahead. */
static void test_http_short_years(void) {
  static const struct {
    const char *text, *now, *meant;
  } rows[] = {
    {"Thursday, 06-Nov-75 08:49:37 GMT", "2025-11-06T08:49:37Z", "2075-11-06T08:49:37Z"},
    {"Thursday, 06-Nov-75 08:49:38 GMT", "2025-11-06T08:49:37Z", "1975-11-06T08:49:38Z"},
    {"Thursday, 07-Nov-75 00:00:00 GMT", "2025-11-06T08:49:37Z", "1975-11-07T00:00:00Z"},
    {"Thursday, 06-Nov-76 08:49:37 GMT", "2025-11-06T08:49:37Z", "1976-11-06T08:49:37Z"},
    {"Thursday, 06-Nov-24 08:49:37 GMT", "2025-11-06T08:49:37Z", "2024-11-06T08:49:37Z"},
    {"Thursday, 06-Nov-26 08:49:37 GMT", "2025-11-06T08:49:37Z", "2026-11-06T08:49:37Z"},
    {"Saturday, 01-Jan-00 00:00:00 GMT", "1999-12-31T23:59:59Z", "2000-01-01T00:00:00Z"},
    {"Saturday, 01-Jan-05 00:00:00 GMT", "1999-12-31T23:59:59Z", "2005-01-01T00:00:00Z"},
    {"Friday, 31-Dec-99 23:59:59 GMT", "2000-01-01T00:00:00Z", "1999-12-31T23:59:59Z"},
    {"Friday, 31-Dec-99 23:59:59 GMT", "2060-01-01T00:00:00Z", "2099-12-31T23:59:59Z"},
    {"Tuesday, 29-Feb-00 00:00:00 GMT", "2025-11-06T08:49:37Z", "2000-02-29T00:00:00Z"},
    {"Sunday, 06-Nov-94 08:49:37 GMT", "1970-01-01T00:00:00Z", "1994-11-06T08:49:37Z"}
  };
  size_t i;
  for (i = 0; i < sizeof rows / sizeof rows[0]; i++)
    CHECK_EQ_INT(http_at(rows[i].text, iso(rows[i].now)), iso(rows[i].meant));
  /* 29 February is no day of 2100, and the rule does not look for another. */
  CHECK_EQ_INT(http_at("Tuesday, 29-Feb-00 00:00:00 GMT", iso("2080-01-01")), NONE);
  /* A clock that is out of this world neither crashes nor loops. */
  http_at("Sunday, 06-Nov-94 08:49:37 GMT", INT64_MIN + 1);
  http_at("Sunday, 06-Nov-94 08:49:37 GMT", INT64_MAX);
  CHECK_EQ_INT(http_at("Sunday, 06-Nov-94 08:49:37 GMT", INT64_MAX), iso("9994-11-06T08:49:37Z"));
}

static void test_format(void) {
  char out[OC_TIME_ISO_SIZE];
  CHECK_EQ_INT(oc_time_format_iso(out, NOW), 1);
  CHECK_EQ_STR(out, "2025-11-06T08:49:37Z");
  CHECK_EQ_INT(oc_time_format_iso(out, -1), 1);
  CHECK_EQ_STR(out, "1969-12-31T23:59:59Z");
  CHECK_EQ_INT(oc_time_format_iso(out, INT64_C(-62135596801)), 0);
  CHECK_EQ_STR(out, "");
  CHECK_EQ_INT(oc_time_format_iso(out, INT64_C(253402300800)), 0);
  CHECK_EQ_STR(out, "");
  CHECK_EQ_INT(oc_time_format_iso(out, INT64_MIN), 0);
  CHECK_EQ_INT(oc_time_format_iso(out, INT64_MAX), 0);
}

int main(void) {
  test_every_day();
  test_iso_forms();
  test_iso_zones();
  test_iso_fractions();
  test_iso_refused();
  test_iso_length();
  test_leap_seconds();
  test_compare();
  test_http_forms();
  test_http_refused();
  test_http_short_years();
  test_format();
  return check_done();
}
