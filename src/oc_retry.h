/*
** oc_retry.h - what went wrong, is it worth another try, and when. Decisions
** only: knows no clock, draws no random number, counts no attempts, sleeps not.
*/
#ifndef oc_retry_h
#define oc_retry_h

#include <stddef.h>
#include <stdint.h>

/* The closed set of error kinds, one per different reaction of the caller. */
enum oc_fault {
  OC_FAULT_NONE = 0,
  OC_FAULT_OPTIONS,    /* a value from environment, file or flag is unusable */
  OC_FAULT_NETWORK,    /* connect, reset, short, undecodable transfer */
  OC_FAULT_TLS,        /* verification or handshake */
  OC_FAULT_TIMEOUT,    /* 408 and all our clocks */
  OC_FAULT_AUTH,       /* 401, 403, a refused token */
  OC_FAULT_THROTTLE,   /* 429, or a 503 with Retry-After */
  OC_FAULT_HTTP,       /* any other status, a refused redirect */
  OC_FAULT_JSON,       /* not JSON or not UTF-8 */
  OC_FAULT_SHAPE,      /* JSON, but not leads */
  OC_FAULT_LIMIT,      /* one of our ceilings */
  OC_FAULT_MEMORY,     /* allocation failed */
  OC_FAULT_CANCELLED,
  OC_FAULT_IO          /* local file */
};

/* Number of faults, OC_FAULT_NONE included: they are 0 to OC_FAULT_COUNT - 1. */
#define OC_FAULT_COUNT (OC_FAULT_IO + 1)

/* The kind as users read it: "network". "none" for OC_FAULT_NONE and for
** anything outside the set; never NULL. */
const char *oc_fault_name(enum oc_fault fault);

/* The fault of that name, exactly as spelt; OC_FAULT_NONE when there is none. */
enum oc_fault oc_fault_of_name(const char *name);

typedef struct oc_retry_verdict {
  enum oc_fault fault;
  int retryable;
  int slow;        /* someone lost patience: a smaller question may do */
} oc_retry_verdict;

/*
** Judges a final HTTP status. has_retry_after: the reply had such a header that
** oc_retry_after_s understood. 200 to 299 is OC_FAULT_NONE: whether the body is
** what was wanted is for the decoder. Renewing a token after a 401 is for auth,
** and no retry in this sense.
*/
oc_retry_verdict oc_retry_judge_status(int status, int has_retry_after);

/* Network faults and timeouts are worth another try. All else is not, or
** (throttle, http) was judged by its status. */
int oc_retry_fault_retryable(enum oc_fault fault);

/* Ceilings of what this module answers, in seconds, so that sums and timers
** of callers stay sane: a day for a wait of our own choosing, some 31 years
** for one a server asked for. */
#define OC_RETRY_BACKOFF_MAX_S 86400.0
#define OC_RETRY_AFTER_MAX_S 1e9

/*
** Seconds to wait after the attempt-th try failed (1 is the first), with full
** jitter: unit_random * min(cap_s, base_s * 2^(attempt-1)).
** Always within 0 and OC_RETRY_BACKOFF_MAX_S: attempt 0 counts as 1, negative
** or NaN base_s and cap_s as 0, unit_random is clamped to 0 to 1 and NaN as 1.
*/
double oc_retry_backoff_s(unsigned attempt, double base_s, double cap_s,
                          double unit_random);

/*
** Reads the value of Retry-After: decimal seconds or an HTTP-date, blanks
** around it. 1, with *out in seconds from now_epoch, 0 for a date in the past
** and at most OC_RETRY_AFTER_MAX_S; or 0 when it is neither (*out unchanged).
*/
int oc_retry_after_s(double *out, const char *value, size_t n,
                     int64_t now_epoch);

#endif
