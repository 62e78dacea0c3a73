/*
** oc_word.h - words of HTTP: compared without case, whatever the locale.
*/
#ifndef oc_word_h
#define oc_word_h

#include <stddef.h>

/* Is it that word, which is given in lower case? */
static inline int oc_word_is(const char *p, size_t n, const char *word) {
  size_t i;
  for (i = 0; i < n && word[i] != '\0'; i++)
    if ((p[i] >= 'A' && p[i] <= 'Z' ? p[i] - 'A' + 'a' : p[i]) != word[i])
      return 0;
  return i == n && word[i] == '\0';
}

/* Is it among the items of a list with commas between them? */
static inline int oc_word_among(const char *p, size_t n, const char *word) {
  const char *end = p + n;
  while (p < end) {
    const char *from = p, *to;
    while (p < end && *p != ',')
      p++;
    to = p;
    while (from < to && (*from == ' ' || *from == '\t'))
      from++;
    while (to > from && (to[-1] == ' ' || to[-1] == '\t'))
      to--;
    if (oc_word_is(from, (size_t)(to - from), word))
      return 1;
    p++;
  }
  return 0;
}

#endif
