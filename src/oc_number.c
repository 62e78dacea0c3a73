/*
** oc_number.c - JSON numbers and doubles.
*/
#include "oc_number.h"

#include <locale.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "oc_status.h"

/* The state behind c, or -1 if c cannot come here. */
static int step(int state, char c) {
  const int digit = c >= '0' && c <= '9';
  switch (state) {
    case OC_NUMBER_START:
      if (c == '-')
        return OC_NUMBER_MINUS;
      /* fall through */
    case OC_NUMBER_MINUS:
      return c == '0' ? OC_NUMBER_ZERO : digit ? OC_NUMBER_DIGITS : -1;
    case OC_NUMBER_DIGITS:
      if (digit)
        return state;
      /* fall through */
    case OC_NUMBER_ZERO:
      return c == '.' ? OC_NUMBER_POINT : c == 'e' || c == 'E' ? OC_NUMBER_E : -1;
    case OC_NUMBER_FRACTION:
      if (c == 'e' || c == 'E')
        return OC_NUMBER_E;
      /* fall through */
    case OC_NUMBER_POINT:
      return digit ? OC_NUMBER_FRACTION : -1;
    case OC_NUMBER_E:
      if (c == '+' || c == '-')
        return OC_NUMBER_SIGN;
      /* fall through */
    default:
      return digit ? OC_NUMBER_EXPONENT : -1;
  }
}

int oc_number_scan(const char **p, const char *end, int *state) {
  while (*p < end) {
    const int next = step(*state, **p);
    if (next < 0)
      return 1;
    *state = next;
    (*p)++;
  }
  return 0;
}

int oc_number_int(int64_t *out, const char *s, size_t n) {
  const int negative = n > 0 && s[0] == '-';
  uint64_t v = 0;
  size_t i;
  if (n - (size_t)negative > 19)
    return 0;
  for (i = (size_t)negative; i < n; i++)
    v = v * 10 + (uint64_t)(s[i] - '0');  /* 19 digits fit in 64 bits */
  if (negative) {
    if (v == 0 || v > (uint64_t)INT64_MAX + 1)
      return 0;
    *out = (int64_t)(0 - v);
    return 1;
  }
  if (v > (uint64_t)INT64_MAX)
    return 0;
  *out = (int64_t)v;
  return 1;
}

/*
** Up to 15 digits and a power of ten up to 22 are exact doubles, so that one
** multiplication or division rounds rightly. 1 if this number is such a one.
*/
static int exact_double(double *out, const char *s, size_t n) {
  static const double tens[] = {1e0,  1e1,  1e2,  1e3,  1e4,  1e5,  1e6,  1e7,
                                1e8,  1e9,  1e10, 1e11, 1e12, 1e13, 1e14, 1e15,
                                1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22};
  const int negative = s[0] == '-';
  uint64_t v = 0;
  int digits = 0, fraction = 0, seen_point = 0;
  size_t i;
  for (i = (size_t)negative; i < n; i++) {
    if (s[i] == '.') {
      seen_point = 1;
    } else if (s[i] >= '0' && s[i] <= '9') {
      if (++digits > 15)
        return 0;
      v = v * 10 + (uint64_t)(s[i] - '0');
      fraction += seen_point;
    } else {
      return 0;  /* an exponent: leave it to strtod */
    }
  }
  *out = (double)v / tens[fraction];
  if (negative)
    *out = -*out;
  return 1;
}

int oc_number_is_exact(const char *s, size_t n) {
  int64_t v;
  return (n == 2 && s[0] == '-' && s[1] == '0') ||
         (oc_number_int(&v, s, n) && v <= INT64_C(9007199254740992) && v >= -INT64_C(9007199254740992));
}

int oc_number_double(double *out, const char *s, size_t n) {
  const char *point = localeconv()->decimal_point;
  const size_t point_n = strlen(point);
  const char *dot;
  char small[64];
  char *copy = small;
  if (exact_double(out, s, n))
    return OC_OK;
  if (n + point_n + 1 > sizeof small) {
    copy = malloc(n + point_n + 1);
    if (copy == NULL)
      return OC_EMEM;
  }
  dot = memchr(s, '.', n);
  if (dot == NULL) {
    memcpy(copy, s, n);
    copy[n] = '\0';
  } else {
    const size_t before = (size_t)(dot - s), after = n - before - 1;
    memcpy(copy, s, before);
    memcpy(copy + before, point, point_n);
    memcpy(copy + before + point_n, dot + 1, after);
    copy[before + point_n + after] = '\0';
  }
  *out = strtod(copy, NULL);
  if (copy != small)
    free(copy);
  return OC_OK;
}

size_t oc_number_format(char out[OC_NUMBER_MAX], double d) {
  int digits;
  char *s;
  if (isnan(d))
    return 0;
  if (isinf(d)) {
    strcpy(out, d > 0 ? "1e999" : "-1e999");
    return strlen(out);
  }
  for (digits = 15; digits <= 17; digits++) {
    snprintf(out, OC_NUMBER_MAX, "%.*g", digits, d);
    if (strtod(out, NULL) == d)  /* same locale both ways */
      break;
  }
  s = out + strspn(out, "-0123456789");
  if (*s == '\0')
    strcpy(s, ".0");
  else if (*s != 'e') {  /* the locale's point, whatever its length */
    const size_t rest = strcspn(s, "0123456789");
    *s = '.';
    memmove(s + 1, s + rest, strlen(s + rest) + 1);
  }
  return strlen(out);
}
