/*
** oc_number.h - what a checked JSON number is worth, and how to write one.
** Bears any locale; knows nothing of where the text comes from.
*/
#ifndef oc_number_h
#define oc_number_h

#include <stddef.h>
#include <stdint.h>

/* Longest text that oc_number_format writes, with the NUL. */
#define OC_NUMBER_MAX 40

/* Where the scanner of a number stands; OC_NUMBER_START to begin. */
enum oc_number_state {
  OC_NUMBER_START, OC_NUMBER_MINUS, OC_NUMBER_ZERO, OC_NUMBER_DIGITS, OC_NUMBER_POINT,
  OC_NUMBER_FRACTION, OC_NUMBER_E, OC_NUMBER_SIGN, OC_NUMBER_EXPONENT
};

/*
** Passes the characters of a number from *p on. 0 if the bytes end first (go on
** with the same state), 1 at the first character that cannot be part of it.
*/
int oc_number_scan(const char **p, const char *end, int *state);

/* May a number end in this state, and is it one without fraction or exponent? */
#define oc_number_ends(state) \
  ((state) == OC_NUMBER_ZERO || (state) == OC_NUMBER_DIGITS || \
   (state) == OC_NUMBER_FRACTION || (state) == OC_NUMBER_EXPONENT)
#define oc_number_is_int(state) ((state) == OC_NUMBER_ZERO || (state) == OC_NUMBER_DIGITS)

/*
** An integer without fraction or exponent that fits: 1 and *out, else 0.
** "-0" does not: an integer would lose the sign.
*/
int oc_number_int(int64_t *out, const char *s, size_t n);

/* Is a checked integer one that a double holds, and its neighbours too? */
int oc_number_is_exact(const char *s, size_t n);

/*
** The nearest double of a checked number; beyond the range, an infinity.
** OC_OK or OC_EMEM (a very long number under a locale with another point).
*/
int oc_number_double(double *out, const char *s, size_t n);

/*
** Writes the shortest text that reads back as the same double, with a point or
** an exponent, so that it stays a float; an infinity as 1e999, which reads back
** as one. Returns the length, or 0 for NaN, which JSON cannot say.
*/
size_t oc_number_format(char out[OC_NUMBER_MAX], double d);

#endif
