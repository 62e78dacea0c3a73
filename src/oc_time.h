/*
** oc_time.h - dates as text to instants and back. UTC only: knows no clock, no
** time zone names, no locale. The proleptic Gregorian calendar, as ISO 8601.
*/
#ifndef oc_time_h
#define oc_time_h

#include <stddef.h>
#include <stdint.h>

typedef struct oc_instant {
  int64_t s;   /* seconds since 1970-01-01T00:00:00Z, negative before */
  int32_t ns;  /* 0 to 999999999, counted forwards also before 1970 */
} oc_instant;

/*
** Reads an ISO 8601 date or date-time that is the whole of s: 1, or 0 when it
** is none (*out is then unchanged).
**   YYYY-MM-DD
**   YYYY-MM-DDThh:mm[:ss[.fraction]][zone]    zone: Z +hh:mm +hhmm +hh or none
** t, z and a blank for T are accepted. Fractions have one digit or more; those
** beyond the ninth are dropped. No zone means UTC; a bare date is its midnight.
** Years 0001 to 9999 as written, so an offset may lead a day beyond them.
** The calendar is checked; 24:00 is refused. A leap second is accepted at
** 23:59:60 UTC only, and clamped to the last nanosecond before midnight, so
** that order is kept.
*/
int oc_time_iso(oc_instant *out, const char *s, size_t n);

/* -1, 0 or 1: a is before, at, or after b. */
int oc_time_compare(oc_instant a, oc_instant b);

/*
** Reads an HTTP-date (RFC 9110 5.6.7) that is the whole of s: 1, or 0 when it is
** none (*epoch is then unchanged).
**   Sun, 06 Nov 1994 08:49:37 GMT
**   Sunday, 06-Nov-94 08:49:37 GMT
**   Sun Nov  6 08:49:37 1994
** A two-digit year is the latest one that is not more than 50 years after now.
** Names are read without case; the day of the week must be one, but need not
** be the right one. A leap second is clamped to 23:59:59.
*/
int oc_time_http(int64_t *epoch, const char *s, size_t n, int64_t now);

/* Longest result of oc_time_format_iso, NUL included, with room to spare. */
#define OC_TIME_ISO_SIZE 32

/* Writes "2026-01-31T00:00:00Z": 1; outside the years 0001 to 9999 an empty
** string: 0. */
int oc_time_format_iso(char out[OC_TIME_ISO_SIZE], int64_t s);

#endif
