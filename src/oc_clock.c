/*
** oc_clock.c - what time it is, and waiting.
*/
#include "oc_clock.h"

#include <poll.h>
#include <time.h>

#include "oc_interrupt.h"

/* poll counts milliseconds in an int: longer sleeps go in pieces. */
#define PIECE_S 100000.0

static double seconds_of(clockid_t clock) {
  struct timespec t;
  if (clock_gettime(clock, &t) != 0)
    return 0;
  return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

double oc_clock_now(void) {
  return seconds_of(CLOCK_MONOTONIC);
}

double oc_clock_time(void) {
  return seconds_of(CLOCK_REALTIME);
}

double oc_clock_sleep(double seconds) {
  double until = oc_clock_now() + seconds;
  double left = seconds;
  while (left > 0 && !oc_interrupt_pending()) {
    struct pollfd wake;
    double piece = left < PIECE_S ? left : PIECE_S;
    wake.fd = oc_interrupt_fd();  /* -1 is ignored by poll */
    wake.events = POLLIN;
    /* + 1: rounding down would spin through the last millisecond */
    if (poll(&wake, 1, (int)(piece * 1000) + 1) != 0)
      return until > oc_clock_now() ? until - oc_clock_now() : 0;
    left = until - oc_clock_now();
  }
  return left > 0 ? left : 0;
}
