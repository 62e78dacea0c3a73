/* fuzz_match.c - oc_match over arbitrary patterns and texts, and what must hold
 * for any. The input is a pattern; where there is a line feed, the text begins
 * behind it.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "oc_match.h"

/* assert() would go with NDEBUG. */
#define HOLD(cond) \
  do { \
    if (!(cond)) { \
      fprintf(stderr, "%s:%d: does not hold: %s\n", __FILE__, __LINE__, #cond); \
      abort(); \
    } \
  } while (0)

#define WORK INT64_C(20000)

static int find(const oc_match *m, const char *s, size_t n) {
  int64_t work = WORK;
  const int found = oc_match_find(m, s, n, &work);
  HOLD(found == 0 || found == 1 || found == OC_ELIMIT);
  HOLD(work < WORK || (found == 1 && work <= WORK));  /* an empty pattern takes nothing */
  HOLD(found != OC_ELIMIT || work < 0);
  /* what is not looked at between two items is at most a text, or a text a capture */
  HOLD(work >= -2 * (int64_t)n - 2);
  return found;
}

/* A text that is found somewhere is found with more behind it, unless the pattern asks. */
static void fuzz_found(const oc_match *m, const char *s, size_t n, const char *pattern, size_t pattern_n) {
  char *longer;
  if (find(m, s, n) != 1 || memchr(pattern, '$', pattern_n) != NULL || memchr(pattern, '%', pattern_n) != NULL)
    return;
  longer = malloc(n + 3);
  HOLD(longer != NULL);
  memcpy(longer, s, n);
  memcpy(longer + n, "ab\n", 3);
  HOLD(find(m, longer, n + 3) != 0);
  free(longer);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  const char *pattern = (const char *)data;
  const char *cut = size > 0 ? memchr(pattern, '\n', size) : NULL;
  const size_t n = cut != NULL ? (size_t)(cut - pattern) : size;
  const char *text = cut != NULL ? cut + 1 : pattern + n;
  const size_t text_n = cut != NULL ? size - n - 1 : 0;
  size_t at = (size_t)-1;
  const char *why = NULL;
  int status;
  oc_match *m = oc_match_new(pattern, n, &status, &at, &why);
  if (m == NULL) {
    HOLD(status == OC_EBAD && why != NULL && at <= n);
    return 0;
  }
  HOLD(status == OC_OK && n <= OC_MATCH_MAX_BYTES);
  fuzz_found(m, text, text_n, pattern, n);
  (void)find(m, pattern, n);
  oc_match_free(m);
  return 0;
}
