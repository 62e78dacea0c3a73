/*
** oc_time.c - dates as text to instants and back.
** From the bottom up: the calendar, a scanner, ISO 8601, HTTP-dates, printing.
*/
#include "oc_time.h"

#include <string.h>

#define DAY_S 86400

/* --- The calendar --- */

/* The first and the last second of the years 0001 to 9999. */
#define FIRST_S INT64_C(-62135596800)
#define LAST_S INT64_C(253402300799)

/* As written, not yet checked. */
typedef struct civil {
  int year, month, day, hour, minute, second;
} civil;

static int is_leap_year(int year) {
  return year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
}

static int days_in_month(int year, int month) {
  static const char days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
  return month == 2 && is_leap_year(year) ? 29 : days[month - 1];
}

static int is_date(const civil *c) {
  return c->year >= 1 && c->year <= 9999 && c->month >= 1 && c->month <= 12 &&
         c->day >= 1 && c->day <= days_in_month(c->year, c->month);
}

/* Second 60 passes: whether it is a leap second is for who knows the zone. */
static int is_time(const civil *c) {
  return c->hour <= 23 && c->minute <= 59 && c->second <= 60;
}

/* Days from 1970-01-01 to a date of the years 1 to 9999. Years begin in March
** here, so that the leap day is their last. */
static int64_t days_from_civil(int year, int month, int day) {
  int from_march = (month + 9) % 12;
  int y = month <= 2 ? year - 1 : year;
  int64_t leap_days = y / 4 - y / 100 + y / 400;
  /* (153 m + 2) / 5 are the days of the m months since the first of March. */
  return 365 * (int64_t)y + leap_days + (153 * from_march + 2) / 5 + (day - 1) - 719468;
}

/* The date of an instant within FIRST_S and LAST_S. */
static civil civil_from_seconds(int64_t s) {
  int64_t since_year_1 = s - FIRST_S, days = since_year_1 / DAY_S;
  int left = (int)(since_year_1 % DAY_S), day_of_year;
  civil c;
  c.hour = left / 3600;
  c.minute = left / 60 % 60;
  c.second = left % 60;
  days += FIRST_S / DAY_S;
  /* By the mean length of a year; leap days come late in the 400 years that
  ** begin with year 1, so this never overshoots. */
  c.year = 1 + (int)(since_year_1 / DAY_S * 400 / 146097);
  while (c.year < 9999 && days >= days_from_civil(c.year + 1, 1, 1))
    c.year++;
  day_of_year = (int)(days - days_from_civil(c.year, 1, 1));
  for (c.month = 1; day_of_year >= days_in_month(c.year, c.month); c.month++)
    day_of_year -= days_in_month(c.year, c.month);
  c.day = day_of_year + 1;
  return c;
}

/* Seconds of a checked date and time with second at most 59. */
static int64_t seconds_from_civil(const civil *c) {
  int64_t days = days_from_civil(c->year, c->month, c->day);
  return days * DAY_S + c->hour * 3600 + c->minute * 60 + c->second;
}

/* Is s the last second of a day, the only one a leap second may follow? */
static int is_before_midnight(int64_t s) {
  return (s - FIRST_S + DAY_S) % DAY_S == DAY_S - 1;  /* zones lead below FIRST_S */
}

/* --- A scanner: takes what it knows off the front, or leaves it. --- */

typedef struct scan {
  const char *p;
  size_t n;
} scan;

static void skip(scan *s, size_t n) {
  s->p += n;
  s->n -= n;
}

static int at_digit(const scan *s) {
  return s->n > 0 && s->p[0] >= '0' && s->p[0] <= '9';
}

static char lower(char c) {
  return c >= 'A' && c <= 'Z' ? (char)(c + ('a' - 'A')) : c;
}

/* Exactly `digits` digits. */
static int take_number(scan *s, int digits, int *value) {
  int v = 0;
  for (; digits > 0; digits--) {
    if (!at_digit(s))
      return 0;
    v = v * 10 + (s->p[0] - '0');
    skip(s, 1);
  }
  *value = v;
  return 1;
}

/* One of the characters of set, ASCII case aside (set is lower-case). */
static int take_any(scan *s, const char *set) {
  if (s->n == 0 || s->p[0] == '\0' || strchr(set, lower(s->p[0])) == NULL)
    return 0;
  skip(s, 1);
  return 1;
}

/* A word of lower-case letters, ASCII case aside. */
static int take_word(scan *s, const char *word) {
  size_t n = strlen(word), i;
  if (s->n < n)
    return 0;
  for (i = 0; i < n; i++)
    if (lower(s->p[i]) != word[i])
      return 0;
  skip(s, n);
  return 1;
}

/* The index of the first of the words that stands in front, or -1. */
static int take_one_of(scan *s, const char *const words[], int count) {
  int i;
  for (i = 0; i < count; i++)
    if (take_word(s, words[i]))
      return i;
  return -1;
}

/* --- ISO 8601 --- */

static int take_date(scan *s, civil *c) {
  return take_number(s, 4, &c->year) && take_any(s, "-") &&
         take_number(s, 2, &c->month) && take_any(s, "-") &&
         take_number(s, 2, &c->day);
}

/* The digits behind the dot, as nanoseconds; those beyond the ninth go. */
static int take_fraction(scan *s, int32_t *ns) {
  int32_t value = 0;
  int digits = 0;
  if (!at_digit(s))
    return 0;
  for (; at_digit(s); skip(s, 1)) {
    if (digits == 9)
      continue;
    value = value * 10 + (s->p[0] - '0');
    digits++;
  }
  for (; digits < 9; digits++)
    value *= 10;
  *ns = value;
  return 1;
}

/* Z, +hh:mm, +hhmm, +hh or nothing, as seconds east of UTC. */
static int take_zone(scan *s, int *offset_s) {
  int hours, minutes = 0, is_west = s->n > 0 && s->p[0] == '-';
  *offset_s = 0;
  if (s->n == 0 || take_any(s, "z"))
    return 1;
  if (!take_any(s, "+-") || !take_number(s, 2, &hours))
    return 0;
  if (s->n > 0) {
    (void)take_any(s, ":");
    if (!take_number(s, 2, &minutes))
      return 0;
  }
  if (hours > 23 || minutes > 59)
    return 0;
  *offset_s = (hours * 60 + minutes) * (is_west ? -60 : 60);
  return 1;
}

static int take_clock(scan *s, civil *c, int32_t *ns) {
  if (!take_number(s, 2, &c->hour) || !take_any(s, ":") || !take_number(s, 2, &c->minute))
    return 0;
  if (!take_any(s, ":"))
    return 1;
  if (!take_number(s, 2, &c->second))
    return 0;
  return !take_any(s, ".") || take_fraction(s, ns);
}

int oc_time_iso(oc_instant *out, const char *s, size_t n) {
  scan rest;
  civil c = {0, 0, 0, 0, 0, 0};
  oc_instant t = {0, 0};
  int offset_s = 0, is_leap_second;
  rest.p = s;
  rest.n = n;
  if (!take_date(&rest, &c) || !is_date(&c))
    return 0;
  if (rest.n > 0) {
    if (!take_any(&rest, "t ") || !take_clock(&rest, &c, &t.ns) || !is_time(&c))
      return 0;
    if (!take_zone(&rest, &offset_s) || rest.n > 0)
      return 0;
  }
  is_leap_second = c.second == 60;
  c.second -= is_leap_second;
  t.s = seconds_from_civil(&c) - offset_s;
  if (is_leap_second) {
    if (!is_before_midnight(t.s))
      return 0;
    t.ns = 999999999;
  }
  *out = t;
  return 1;
}

int oc_time_compare(oc_instant a, oc_instant b) {
  if (a.s != b.s)
    return a.s < b.s ? -1 : 1;
  return (a.ns > b.ns) - (a.ns < b.ns);
}

/* --- HTTP-dates --- */

static int take_month(scan *s, int *month) {
  static const char *const names[] = {"jan", "feb", "mar", "apr", "may", "jun",
                                      "jul", "aug", "sep", "oct", "nov", "dec"};
  *month = take_one_of(s, names, 12) + 1;
  return *month > 0;
}

static int take_hms(scan *s, civil *c) {
  return take_number(s, 2, &c->hour) && take_any(s, ":") &&
         take_number(s, 2, &c->minute) && take_any(s, ":") &&
         take_number(s, 2, &c->second);
}

/* Is c later than the same moment of the calendar, 50 years after now? */
static int is_far_ahead(const civil *c, const civil *now) {
  int years = c->year - now->year;
  civil mine = *c, limit = *now;
  if (years != 50)
    return years > 50;
  mine.year = limit.year = 2000;  /* any leap year: only the rest is compared */
  return seconds_from_civil(&mine) > seconds_from_civil(&limit);
}

/* RFC 9110: a two-digit year that seems more than 50 years ahead is past. */
static int full_year(const civil *c, int64_t now) {
  civil today = civil_from_seconds(now < FIRST_S ? FIRST_S : now > LAST_S ? LAST_S : now);
  civil guess = *c;
  guess.year = today.year - today.year % 100 + 100 + c->year;
  while (is_far_ahead(&guess, &today))
    guess.year -= 100;
  return guess.year;
}

/* 06 Nov 1994 08:49:37 GMT, behind the day's name and comma */
static int take_imf_date(scan *s, civil *c) {
  return take_number(s, 2, &c->day) && take_any(s, " ") &&
         take_month(s, &c->month) && take_any(s, " ") &&
         take_number(s, 4, &c->year) && take_any(s, " ") &&
         take_hms(s, c) && take_word(s, " gmt");
}

/* 06-Nov-94 08:49:37 GMT, likewise */
static int take_rfc850_date(scan *s, civil *c, int64_t now) {
  if (!take_number(s, 2, &c->day) || !take_any(s, "-") ||
      !take_month(s, &c->month) || !take_any(s, "-") ||
      !take_number(s, 2, &c->year) || !take_any(s, " ") ||
      !take_hms(s, c) || !take_word(s, " gmt"))
    return 0;
  if (!is_time(c) || c->day < 1 || c->day > 31)  /* before full_year computes */
    return 0;
  c->year = full_year(c, now);
  return 1;
}

/* Nov  6 08:49:37 1994, behind the day's name */
static int take_asctime_date(scan *s, civil *c) {
  if (!take_any(s, " ") || !take_month(s, &c->month) || !take_any(s, " "))
    return 0;
  if (!take_number(s, take_any(s, " ") ? 1 : 2, &c->day))
    return 0;
  return take_any(s, " ") && take_hms(s, c) && take_any(s, " ") &&
         take_number(s, 4, &c->year);
}

static int take_http_date(scan *s, civil *c, int64_t now) {
  static const char *const long_names[] = {"sunday", "monday", "tuesday", "wednesday",
                                           "thursday", "friday", "saturday"};
  static const char *const names[] = {"sun", "mon", "tue", "wed", "thu", "fri", "sat"};
  if (take_one_of(s, long_names, 7) >= 0)
    return take_word(s, ", ") && take_rfc850_date(s, c, now);
  if (take_one_of(s, names, 7) < 0)
    return 0;
  return take_word(s, ", ") ? take_imf_date(s, c) : take_asctime_date(s, c);
}

int oc_time_http(int64_t *epoch, const char *s, size_t n, int64_t now) {
  scan rest;
  civil c = {0, 0, 0, 0, 0, 0};
  int64_t t;
  int is_leap_second;
  rest.p = s;
  rest.n = n;
  if (!take_http_date(&rest, &c, now) || rest.n > 0 || !is_date(&c) || !is_time(&c))
    return 0;
  is_leap_second = c.second == 60;
  c.second -= is_leap_second;
  t = seconds_from_civil(&c);
  if (is_leap_second && !is_before_midnight(t))
    return 0;
  *epoch = t;
  return 1;
}

/* --- Printing --- */

static char *write_number(char *at, int value, int digits) {
  int i;
  for (i = digits - 1; i >= 0; i--) {
    at[i] = (char)('0' + value % 10);
    value /= 10;
  }
  return at + digits;
}

int oc_time_format_iso(char out[OC_TIME_ISO_SIZE], int64_t s) {
  civil c;
  char *at = out;
  out[0] = '\0';
  if (s < FIRST_S || s > LAST_S)
    return 0;
  c = civil_from_seconds(s);
  at = write_number(at, c.year, 4);
  *at++ = '-';
  at = write_number(at, c.month, 2);
  *at++ = '-';
  at = write_number(at, c.day, 2);
  *at++ = 'T';
  at = write_number(at, c.hour, 2);
  *at++ = ':';
  at = write_number(at, c.minute, 2);
  *at++ = ':';
  at = write_number(at, c.second, 2);
  *at++ = 'Z';
  *at = '\0';
  return 1;
}
