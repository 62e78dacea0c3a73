/*
** oc_retry.c - verdict, backoff, Retry-After. The tables of the contract as
** code, and nothing that waits.
*/
#include "oc_retry.h"

#include <string.h>

#include "oc_time.h"

/* Indexed by enum oc_fault. */
static const char *const fault_names[OC_FAULT_COUNT] = {
  "none", "options", "network", "tls", "timeout", "auth", "throttle", "http",
  "json", "shape", "limit", "memory", "cancelled", "io"
};

const char *oc_fault_name(enum oc_fault fault) {
  int i = (int)fault;
  return fault_names[i >= 0 && i < OC_FAULT_COUNT ? i : OC_FAULT_NONE];
}

enum oc_fault oc_fault_of_name(const char *name) {
  int i;
  for (i = 0; i < OC_FAULT_COUNT; i++)
    if (strcmp(name, fault_names[i]) == 0)
      return (enum oc_fault)i;
  return OC_FAULT_NONE;
}

static oc_retry_verdict verdict(enum oc_fault fault, int retryable) {
  oc_retry_verdict v;
  v.fault = fault;
  v.retryable = retryable;
  v.slow = 0;
  return v;
}

static oc_retry_verdict slow_verdict(enum oc_fault fault) {
  oc_retry_verdict v = verdict(fault, 1);
  v.slow = 1;
  return v;
}

oc_retry_verdict oc_retry_judge_status(int status, int has_retry_after) {
  if (status >= 200 && status <= 299)
    return verdict(OC_FAULT_NONE, 0);
  switch (status) {
    case 401: case 403:
      return verdict(OC_FAULT_AUTH, 0);
    case 408:
      return slow_verdict(OC_FAULT_TIMEOUT);
    case 429:
      return verdict(OC_FAULT_THROTTLE, 1);
    case 503:
      return verdict(has_retry_after ? OC_FAULT_THROTTLE : OC_FAULT_HTTP, 1);
    case 500:
      return verdict(OC_FAULT_HTTP, 1);
    case 502: case 504:
      return slow_verdict(OC_FAULT_HTTP);
    default:
      return verdict(OC_FAULT_HTTP, 0);
  }
}

int oc_retry_fault_retryable(enum oc_fault fault) {
  return fault == OC_FAULT_NETWORK || fault == OC_FAULT_TIMEOUT;
}

/* Comparisons with NaN are false: written so that it falls out. */
static double not_negative(double x) {
  return x > 0 ? x : 0;
}

double oc_retry_backoff_s(unsigned attempt, double base_s, double cap_s,
                          double unit_random) {
  double wait_s = not_negative(base_s);
  cap_s = not_negative(cap_s);
  if (cap_s > OC_RETRY_BACKOFF_MAX_S)
    cap_s = OC_RETRY_BACKOFF_MAX_S;
  /* Doubling ends at the cap, or when every bit of a double has been used. */
  for (; attempt > 1 && wait_s > 0 && wait_s < cap_s; attempt--)
    wait_s *= 2;
  if (wait_s > cap_s)
    wait_s = cap_s;
  if (!(unit_random < 1))  /* NaN too: rather late than hammering */
    unit_random = 1;
  return wait_s * not_negative(unit_random);
}

static int is_blank(char c) {
  return c == ' ' || c == '\t';
}

/* Decimal digits and nothing else. Saturates, so any length will do. */
static int read_seconds(double *out, const char *s, size_t n) {
  double value = 0;
  size_t i;
  if (n == 0)
    return 0;
  for (i = 0; i < n; i++) {
    if (s[i] < '0' || s[i] > '9')
      return 0;
    if (value < OC_RETRY_AFTER_MAX_S)
      value = value * 10 + (s[i] - '0');
  }
  *out = value;
  return 1;
}

int oc_retry_after_s(double *out, const char *value, size_t n,
                     int64_t now_epoch) {
  double wait_s;
  int64_t at;
  while (n > 0 && is_blank(value[0])) {
    value++;
    n--;
  }
  while (n > 0 && is_blank(value[n - 1]))
    n--;
  if (!read_seconds(&wait_s, value, n)) {
    if (!oc_time_http(&at, value, n, now_epoch))
      return 0;
    /* In doubles: the difference of two int64_t need not be one. */
    wait_s = at > now_epoch ? (double)at - (double)now_epoch : 0;
  }
  *out = wait_s < OC_RETRY_AFTER_MAX_S ? wait_s : OC_RETRY_AFTER_MAX_S;
  return 1;
}
