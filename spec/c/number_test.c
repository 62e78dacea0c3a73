/* number_test.c - oc_number: what numbers JSON has, what they are worth, how a
 * double is written; also where the locale's decimal point is a comma.
 */
#include "oc_number.h"

#include <locale.h>
#include <math.h>
#include <stdlib.h>

#include "check.h"
#include "oc_status.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

static int is_number(const char *s) {
  const char *p = s;
  int state = OC_NUMBER_START;
  const int over = oc_number_scan(&p, s + strlen(s), &state);
  return !over && oc_number_ends(state);
}

static void test_grammar(void) {
  static const char *const good[] = {
    "0", "-0", "7", "10", "-10", "0.0", "0.5", "-0.5", "1.25", "0e0", "0E0", "1e5", "1E+5", "1e-5",
    "1.5e10", "-1.5E-10", "100000000000000000000000", "0.00000000000000000001", "1e00005"};
  static const char *const bad[] = {
    "", "-", "+", "+1", "01", "-01", "00", ".5", "-.5", "1.", "1.e5", "1e", "1e+", "1e-", "1e5.5",
    "1.2.3", "--1", "1-", "0x10", "1a", "Infinity", "NaN", "1,5", "1 ", " 1", "1_000"};
  size_t i;
  for (i = 0; i < COUNT(good); i++)
    if (!CHECK(is_number(good[i])))
      printf("  %s\n", good[i]);
  for (i = 0; i < COUNT(bad); i++)
    if (!CHECK(!is_number(bad[i])))
      printf("  %s\n", bad[i]);
}

static void test_scan_goes_on_where_it_stopped(void) {
  static const char s[] = "-120.50e+07,";
  size_t cut;
  for (cut = 0; cut < sizeof s - 1; cut++) {
    const char *p = s;
    int state = OC_NUMBER_START;
    CHECK_EQ_INT(oc_number_scan(&p, s + cut, &state), 0);
    CHECK(p == s + cut);
    CHECK_EQ_INT(oc_number_scan(&p, s + sizeof s - 1, &state), 1);
    CHECK(*p == ',' && oc_number_ends(state) && !oc_number_is_int(state));
  }
}

static void test_integers(void) {
  static const struct { const char *s; int64_t want; } fit[] = {
    {"0", 0}, {"7", 7}, {"-7", -7}, {"9007199254740993", INT64_C(9007199254740993)},
    {"9223372036854775807", INT64_MAX}, {"-9223372036854775807", -INT64_MAX},
    {"-9223372036854775808", INT64_MIN}, {"1000000000000000000", INT64_C(1000000000000000000)}};
  static const char *const not[] = {
    "9223372036854775808", "-9223372036854775809", "9999999999999999999", "10000000000000000000",
    "18446744073709551616", "-18446744073709551617", "100000000000000000000000", "-0"};
  int64_t v;
  size_t i;
  for (i = 0; i < COUNT(fit); i++) {
    v = 42;
    CHECK_EQ_INT(oc_number_int(&v, fit[i].s, strlen(fit[i].s)), 1);
    CHECK_EQ_INT(v, fit[i].want);
  }
  for (i = 0; i < COUNT(not); i++)
    CHECK_EQ_INT(oc_number_int(&v, not[i], strlen(not[i])), 0);
}

static double worth(const char *s) {
  double d = -42;
  CHECK_EQ_INT(oc_number_double(&d, s, strlen(s)), OC_OK);
  return d;
}

static void test_doubles(void) {
  CHECK(worth("0.1") == 0.1);
  CHECK(worth("-2.5") == -2.5);
  CHECK(worth("1e3") == 1000);
  CHECK(worth("123456789012345.6") == 123456789012345.6);
  CHECK(worth("0.000001") == 1e-6);
  CHECK(worth("5e-324") == 5e-324);
  CHECK(worth("2.2250738585072011e-308") == 2.2250738585072011e-308);
  CHECK(worth("1.7976931348623157e308") == 1.7976931348623157e308);
  CHECK(worth("9007199254740993") == 9007199254740992.0);
  CHECK(worth("9223372036854775808") == 9223372036854775808.0);
  CHECK(worth("1e400") == HUGE_VAL);
  CHECK(worth("-1e400") == -HUGE_VAL);
  CHECK(worth("1e-400") == 0);
  CHECK(signbit(worth("-0")) && worth("-0") == 0);
  CHECK(signbit(worth("-0.0")) && signbit(worth("-1e-400")));
  CHECK(!signbit(worth("0.0")));
}

/* Digits and digits: more than the copy on the stack has room for. */
static void test_long_numbers(void) {
  enum { N = 200000 };
  char *s = malloc(N + 1);
  double d = 0;
  memset(s, '1', N);
  CHECK_EQ_INT(oc_number_double(&d, s, N), OC_OK);
  CHECK(d == HUGE_VAL);
  s[300] = '.';
  CHECK_EQ_INT(oc_number_double(&d, s, N), OC_OK);
  CHECK(d > 1.1e299 && d < 1.2e299);
  s[0] = '0';
  s[1] = '.';
  memset(s + 2, '0', 100);
  s[300] = '1';
  CHECK_EQ_INT(oc_number_double(&d, s, N), OC_OK);
  CHECK(d > 1.1e-101 && d < 1.2e-101);
  free(s);
}

/* Just around the size of the copy on the stack, which ASan watches. */
static void test_numbers_of_every_length(void) {
  char s[100];
  size_t n;
  memset(s, '9', sizeof s);
  s[1] = '.';
  for (n = 3; n < sizeof s; n++) {
    double d = 0;
    CHECK_EQ_INT(oc_number_double(&d, s, n), OC_OK);
    CHECK(d > 9.8 && d <= 10);
  }
}

static const char *written(double d) {
  static char text[OC_NUMBER_MAX];
  text[oc_number_format(text, d)] = '\0';
  return text;
}

static void test_format(void) {
  CHECK_EQ_STR(written(0), "0.0");
  CHECK_EQ_STR(written(-0.0), "-0.0");
  CHECK_EQ_STR(written(1), "1.0");
  CHECK_EQ_STR(written(-12), "-12.0");
  CHECK_EQ_STR(written(0.1), "0.1");
  CHECK_EQ_STR(written(0.1 + 0.2), "0.30000000000000004");
  CHECK_EQ_STR(written(1e100), "1e+100");
  CHECK_EQ_STR(written(1.5e-7), "1.5e-07");
  CHECK_EQ_STR(written(123456789012345680.0), "1.2345678901234568e+17");
  CHECK_EQ_STR(written(HUGE_VAL), "1e999");
  CHECK_EQ_STR(written(-HUGE_VAL), "-1e999");
  CHECK_EQ_INT(oc_number_format((char[OC_NUMBER_MAX]){0}, NAN), 0);
}

/* Any double: written, it is a JSON number, no integer, and reads back as itself. */
static void test_format_and_back(void) {
  uint64_t bits = UINT64_C(88172645463325252);
  int i;
  for (i = 0; i < 20000; i++) {
    char text[OC_NUMBER_MAX];
    double d, back;
    size_t n;
    bits ^= bits << 13;
    bits ^= bits >> 7;
    bits ^= bits << 17;
    memcpy(&d, &bits, sizeof d);
    if (isnan(d))
      continue;
    n = oc_number_format(text, d);
    CHECK(n > 0 && n < OC_NUMBER_MAX && text[n] == '\0' && is_number(text));
    CHECK(strpbrk(text, ".e") != NULL);
    CHECK(oc_number_double(&back, text, n) == OC_OK && memcmp(&back, &d, sizeof d) == 0);
  }
}

/* Sets a locale whose decimal point is a comma; one is made for the time if none
 * is installed and localedef is here. */
static int set_comma(void) {
  static const char *const names[] = {"de_DE.UTF-8", "de_DE.utf8", "fr_FR.UTF-8", "de_DE"};
  char folder[] = "/tmp/oc-locale-XXXXXX", command[200];
  int made = 0;
  size_t i;
  for (i = 0; i < COUNT(names); i++)
    if (setlocale(LC_NUMERIC, names[i]) != NULL)
      return 1;
  if (mkdtemp(folder) == NULL)
    return 0;
  snprintf(command, sizeof command,
           "localedef -i de_DE -f UTF-8 %s/de_DE.UTF-8 >/dev/null 2>&1", folder);
  if (system(command) == 0 && setenv("LOCPATH", folder, 1) == 0)
    made = setlocale(LC_NUMERIC, "de_DE.UTF-8") != NULL;
  snprintf(command, sizeof command, "rm -rf %s", folder);
  return system(command) == 0 && made;
}

static void test_all_but_the_locale(void) {
  test_grammar();
  test_scan_goes_on_where_it_stopped();
  test_integers();
  test_doubles();
  test_long_numbers();
  test_numbers_of_every_length();
  test_format();
  test_format_and_back();
}

int main(void) {
  test_all_but_the_locale();
  if (set_comma()) {
    CHECK(strtod("0,5", NULL) == 0.5);
    test_all_but_the_locale();
  } else {
    printf("no locale with a decimal comma here: numbers under one are not tested\n");
  }
  return check_done();
}
