/* check.h - the whole test kit of the C tests: conditions are counted, failures
 * are printed with their place, and the last line says `N passed, N failed`.
 *
 *   int main(void) {
 *     CHECK(oc_buf_len(&b) == 0);
 *     CHECK_EQ_INT(oc_buf_len(&b), 3);
 *     CHECK_EQ_STR(oc_buf_str(&b), "abc");
 *     return check_done();
 *   }
 *
 * A program that ends without check_done() counts as failed. Tests run with the
 * root of the tree as working directory. Each CHECK yields 1 when it held, so
 * `if (!CHECK(p != NULL)) return check_done();` is possible.
 */
#ifndef OC_CHECK_H
#define OC_CHECK_H

#include <stdio.h>
#include <string.h>

static int check_passed, check_failed;

/* Failures shown in full; a loop over bytes may produce thousands. */
#define CHECK_SHOWN 40

static inline int check_count(int ok) {
  if (ok) check_passed++;
  else check_failed++;
  return ok;
}

static inline int check_show(const char *file, int line) {
  if (check_failed > CHECK_SHOWN) return 0;
  if (check_failed == CHECK_SHOWN) {
    printf("%s:%d: and more failures, not shown\n", file, line);
    return 0;
  }
  printf("%s:%d: ", file, line);
  return 1;
}

static inline int check_true(int ok, const char *text, const char *file, int line) {
  if (!check_count(ok) && check_show(file, line)) printf("failed: %s\n", text);
  return ok;
}

static inline int check_int(long long got, long long want, const char *text, const char *file,
                            int line) {
  int ok = check_count(got == want);
  if (!ok && check_show(file, line)) printf("%s is %lld, expected %lld\n", text, got, want);
  return ok;
}

static inline void check_quote(const char *s, size_t n) {
  size_t i;
  putchar('"');
  for (i = 0; i < n; i++) {
    unsigned char c = (unsigned char)s[i];
    if (c == '"' || c == '\\') printf("\\%c", c);
    else if (c < 32 || c > 126) printf("\\x%02x", c);
    else putchar(c);
  }
  putchar('"');
}

static inline int check_mem(const char *got, size_t got_n, const char *want, size_t want_n,
                            const char *text, const char *file, int line) {
  int ok = got_n == want_n && ((got == NULL) == (want == NULL)) &&
           (got_n == 0 || got == NULL || memcmp(got, want, got_n) == 0);
  if (!check_count(ok) && check_show(file, line)) {
    printf("%s is ", text);
    if (got) check_quote(got, got_n);
    else printf("NULL");
    printf(", expected ");
    if (want) check_quote(want, want_n);
    else printf("NULL");
    printf("\n");
  }
  return ok;
}

static inline int check_str(const char *got, const char *want, const char *text, const char *file,
                            int line) {
  return check_mem(got, got ? strlen(got) : 0, want, want ? strlen(want) : 0, text, file, line);
}

static inline int check_done(void) {
  printf("%d passed, %d failed\n", check_passed, check_failed);
  return check_failed != 0;
}

#define CHECK(cond) check_true((cond) ? 1 : 0, #cond, __FILE__, __LINE__)
#define CHECK_EQ_INT(got, want) \
  check_int((long long)(got), (long long)(want), #got, __FILE__, __LINE__)
#define CHECK_EQ_STR(got, want) check_str((got), (want), #got, __FILE__, __LINE__)
/* Bytes that need not end in NUL: pointer and length on both sides. */
#define CHECK_EQ_MEM(got, got_n, want, want_n) \
  check_mem((got), (got_n), (want), (want_n), #got, __FILE__, __LINE__)

#endif
