/*
** oc_match.h - Lua's patterns, in bounded work.
** A pattern is checked and prepared once, so that a bad one is found before any
** text is. Means what string.find of Lua 5.4 means in the C locale, captures
** apart: they only serve %1 to %9. Knows neither Lua nor where the text is from.
*/
#ifndef oc_match_h
#define oc_match_h

#include <stddef.h>
#include <stdint.h>

#include "oc_status.h"

#define OC_MATCH_MAX_BYTES 1000u   /* of a pattern; bounds the recursion too */
#define OC_MATCH_CAPTURES 32u

typedef struct oc_match oc_match;

/*
** Prepares a pattern. NULL, with *status OC_EMEM or OC_EBAD; the latter with
** *at, the byte where it goes wrong, and *why, in words.
*/
oc_match *oc_match_new(const char *pattern, size_t n, int *status, size_t *at, const char **why);

void oc_match_free(oc_match *m);

/*
** Does the pattern occur in the text? 1, 0, or OC_ELIMIT when that took more than
** *work steps; what it took is subtracted.
*/
int oc_match_find(const oc_match *m, const char *s, size_t n, int64_t *work);

#endif
