/* retry_test.c - oc_retry: the tables of the contract, backoff, Retry-After. */
#include "oc_retry.h"

#include <limits.h>
#include <math.h>

#include "check.h"

/* Thu, 06 Nov 2025 08:49:37 GMT */
#define NOW INT64_C(1762418977)

static void test_fault_names(void) {
  static const char *const names[] = {"none", "options", "network", "tls", "timeout",
                                      "auth", "throttle", "http", "json", "shape",
                                      "limit", "memory", "cancelled", "io"};
  int i;
  CHECK_EQ_INT(OC_FAULT_COUNT, 14);
  for (i = 0; i < OC_FAULT_COUNT; i++) {
    CHECK_EQ_STR(oc_fault_name((enum oc_fault)i), names[i]);
    CHECK_EQ_INT(oc_fault_of_name(names[i]), i);
  }
  CHECK_EQ_STR(oc_fault_name(OC_FAULT_TLS), "tls");
  CHECK_EQ_STR(oc_fault_name(OC_FAULT_IO), "io");
  CHECK_EQ_STR(oc_fault_name((enum oc_fault)OC_FAULT_COUNT), "none");
  CHECK_EQ_INT(oc_fault_of_name(""), OC_FAULT_NONE);
  CHECK_EQ_INT(oc_fault_of_name("Network"), OC_FAULT_NONE);
  CHECK_EQ_INT(oc_fault_of_name("networks"), OC_FAULT_NONE);
}

static void test_statuses(void) {
  static const struct {
    int status, has_retry_after;
    enum oc_fault fault;
    int retryable;
  } rows[] = {
    {200, 0, OC_FAULT_NONE, 0},     {204, 1, OC_FAULT_NONE, 0},
    {299, 0, OC_FAULT_NONE, 0},     {300, 0, OC_FAULT_HTTP, 0},
    {100, 0, OC_FAULT_HTTP, 0},     {199, 1, OC_FAULT_HTTP, 0},
    {301, 0, OC_FAULT_HTTP, 0},     {304, 0, OC_FAULT_HTTP, 0},
    {400, 0, OC_FAULT_HTTP, 0},     {400, 1, OC_FAULT_HTTP, 0},
    {401, 0, OC_FAULT_AUTH, 0},     {401, 1, OC_FAULT_AUTH, 0},
    {403, 0, OC_FAULT_AUTH, 0},     {402, 0, OC_FAULT_HTTP, 0},
    {404, 0, OC_FAULT_HTTP, 0},     {407, 0, OC_FAULT_HTTP, 0},
    {408, 0, OC_FAULT_TIMEOUT, 1},  {408, 1, OC_FAULT_TIMEOUT, 1},
    {425, 0, OC_FAULT_HTTP, 0},     {429, 0, OC_FAULT_THROTTLE, 1},
    {429, 1, OC_FAULT_THROTTLE, 1}, {500, 0, OC_FAULT_HTTP, 1},
    {500, 1, OC_FAULT_HTTP, 1},     {501, 0, OC_FAULT_HTTP, 0},
    {501, 1, OC_FAULT_HTTP, 0},     {502, 0, OC_FAULT_HTTP, 1},
    {503, 0, OC_FAULT_HTTP, 1},     {503, 1, OC_FAULT_THROTTLE, 1},
    {504, 0, OC_FAULT_HTTP, 1},     {505, 0, OC_FAULT_HTTP, 0},
    {599, 0, OC_FAULT_HTTP, 0},     {0, 0, OC_FAULT_HTTP, 0},
    {-1, 0, OC_FAULT_HTTP, 0},      {INT_MAX, 1, OC_FAULT_HTTP, 0},
    {INT_MIN, 1, OC_FAULT_HTTP, 0}
  };
  size_t i;
  for (i = 0; i < sizeof rows / sizeof rows[0]; i++) {
    oc_retry_verdict v = oc_retry_judge_status(rows[i].status, rows[i].has_retry_after);
    CHECK_EQ_INT(v.fault, rows[i].fault);
    CHECK_EQ_INT(v.retryable, rows[i].retryable);
    CHECK_EQ_INT(v.slow, rows[i].status == 408 || rows[i].status == 502 || rows[i].status == 504);
  }
}

static void test_faults(void) {
  int i;
  for (i = 0; i < OC_FAULT_COUNT; i++) {
    enum oc_fault fault = (enum oc_fault)i;
    int is_passing = fault == OC_FAULT_NETWORK || fault == OC_FAULT_TIMEOUT;
    CHECK_EQ_INT(oc_retry_fault_retryable(fault), is_passing);
  }
  CHECK_EQ_INT(oc_retry_fault_retryable((enum oc_fault)OC_FAULT_COUNT), 0);
}

static void test_backoff(void) {
  CHECK(oc_retry_backoff_s(1, 0.5, 30, 1) == 0.5);
  CHECK(oc_retry_backoff_s(2, 0.5, 30, 1) == 1);
  CHECK(oc_retry_backoff_s(3, 0.5, 30, 1) == 2);
  CHECK(oc_retry_backoff_s(6, 0.5, 30, 1) == 16);
  CHECK(oc_retry_backoff_s(7, 0.5, 30, 1) == 30);
  CHECK(oc_retry_backoff_s(8, 0.5, 30, 1) == 30);
  CHECK(oc_retry_backoff_s(3, 0.5, 30, 0.25) == 0.5);
  CHECK(oc_retry_backoff_s(3, 0.5, 30, 0) == 0);
  CHECK(oc_retry_backoff_s(1, 40, 30, 0.5) == 15);
}

static void test_backoff_of_silly_values(void) {
  static const double silly[] = {0, -1, 0.5, 1, 30, 1e300, 1e-320, -1e300};
  static const unsigned attempts[] = {0, 1, 2, 31, 32, 33, 64, 2000, UINT_MAX};
  double values[11];
  size_t a, b, c, r;
  int wrong = 0;
  for (a = 0; a < 8; a++)
    values[a] = silly[a];
  values[8] = (double)NAN;
  values[9] = (double)INFINITY;
  values[10] = -(double)INFINITY;
  for (a = 0; a < sizeof attempts / sizeof attempts[0]; a++)
    for (b = 0; b < 11; b++)
      for (c = 0; c < 11; c++)
        for (r = 0; r < 11; r++) {
          double wait_s = oc_retry_backoff_s(attempts[a], values[b], values[c], values[r]);
          if (!(wait_s >= 0 && wait_s <= OC_RETRY_BACKOFF_MAX_S))
            wrong++;
        }
  CHECK_EQ_INT(wrong, 0);
  CHECK(oc_retry_backoff_s(0, 0.5, 30, 1) == 0.5);
  CHECK(oc_retry_backoff_s(UINT_MAX, 0.5, 30, 1) == 30);
  CHECK(oc_retry_backoff_s(3, 0.5, 30, (double)NAN) == 2);
  CHECK(oc_retry_backoff_s(3, 0.5, 30, 7) == 2);
  CHECK(oc_retry_backoff_s(3, 0.5, 30, -7) == 0);
  CHECK(oc_retry_backoff_s(3, (double)NAN, 30, 1) == 0);
  CHECK(oc_retry_backoff_s(3, 0.5, (double)NAN, 1) == 0);
  CHECK(oc_retry_backoff_s(3, (double)INFINITY, 30, 1) == 30);
  CHECK(oc_retry_backoff_s(64, 1, (double)INFINITY, 1) == OC_RETRY_BACKOFF_MAX_S);
}

/* What value means at NOW, or -1 when it is not understood. */
static double after(const char *value) {
  double wait_s = -1;
  int status = oc_retry_after_s(&wait_s, value, strlen(value), NOW);
  CHECK_EQ_INT(status, wait_s >= 0);
  return wait_s;
}

static void test_after_seconds(void) {
  CHECK(after("0") == 0);
  CHECK(after("120") == 120);
  CHECK(after(" \t120 \t") == 120);
  CHECK(after("0007") == 7);
  CHECK(after("999999999") == 999999999);
  CHECK(after("1000000001") == OC_RETRY_AFTER_MAX_S);
  CHECK(after("99999999999999999999999999999999999999999999") == OC_RETRY_AFTER_MAX_S);
  CHECK(after("") == -1);
  CHECK(after("  ") == -1);
  CHECK(after("-1") == -1);
  CHECK(after("+1") == -1);
  CHECK(after("1.5") == -1);
  CHECK(after("1 2") == -1);
  CHECK(after("12s") == -1);
  CHECK(after("0x10") == -1);
  CHECK(after("1e3") == -1);
  CHECK(after("soon") == -1);
  CHECK(after("120\r") == -1);
}

static void test_after_date(void) {
  double wait_s = -1;
  CHECK(after("Thu, 06 Nov 2025 08:49:37 GMT") == 0);
  CHECK(after("Thu, 06 Nov 2025 08:51:37 GMT") == 120);
  CHECK(after(" Thu, 06 Nov 2025 08:51:37 GMT\t") == 120);
  CHECK(after("Thursday, 06-Nov-25 08:51:37 GMT") == 120);
  CHECK(after("Thu Nov  6 08:51:37 2025") == 120);
  CHECK(after("Sun, 06 Nov 1994 08:49:37 GMT") == 0);
  CHECK(after("Fri, 31 Dec 9999 23:59:59 GMT") == OC_RETRY_AFTER_MAX_S);
  CHECK(after("Thu, 06 Nov 2025 08:51:37") == -1);
  CHECK(after("Thu, 31 Nov 2025 08:51:37 GMT") == -1);
  CHECK(oc_retry_after_s(&wait_s, "Sun, 06 Nov 1994 08:49:37 GMT", 29, INT64_MIN) == 1);
  CHECK(wait_s == OC_RETRY_AFTER_MAX_S);
  CHECK(oc_retry_after_s(&wait_s, "Sun, 06 Nov 1994 08:49:37 GMT", 29, INT64_MAX) == 1);
  CHECK(wait_s == 0);
  CHECK(oc_retry_after_s(&wait_s, "120", 2, NOW) == 1);
  CHECK(wait_s == 12);
  CHECK(oc_retry_after_s(&wait_s, "1\0002", 3, NOW) == 0);
  CHECK(oc_retry_after_s(&wait_s, NULL, 0, NOW) == 0);
  CHECK(wait_s == 12);
}

int main(void) {
  test_fault_names();
  test_statuses();
  test_faults();
  test_backoff();
  test_backoff_of_silly_values();
  test_after_seconds();
  test_after_date();
  return check_done();
}
