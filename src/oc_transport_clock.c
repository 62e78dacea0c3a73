/*
** oc_transport_clock.c - the clocks of exchanges: connect, idle, request. They count
** only time in which the consumer waits, and not while an exchange is paused; in a
** driven pool, only that in which somebody waits for the exchange itself.
*/
#include "oc_transport_priv.h"

#include <math.h>

#include "oc_clock.h"

/* What libcurl's connect timeout has beyond ours, so that ours comes first. */
#define CONNECT_SLACK_S 2.0

int oc_transport_flows(const oc_exchange *x) {
  return x->easy != NULL && x->started && !x->paused;
}

int oc_transport_runs(const oc_exchange *x) {
  return oc_transport_flows(x) && (x->watched || x->pool->driven == NULL);
}

void oc_transport_limit_connect(oc_exchange *x) {
  double wall, ms;
  if (x->connected || x->connect_timeout_s <= 0)
    return;
  if (!oc_transport_runs(x)) {
    curl_easy_setopt(x->easy, CURLOPT_CONNECTTIMEOUT_MS, OC_NEVER_MS);
    return;
  }
  /* Ours judges; libcurl's follows, since it shares the time it has among
     the addresses of a name, and would judge by the wall. */
  wall = x->counted_at - x->started_at - x->connect_s;
  ms = (x->connect_timeout_s + wall + CONNECT_SLACK_S) * 1000;
  curl_easy_setopt(x->easy, CURLOPT_CONNECTTIMEOUT_MS, ms < 2e9 ? (long)ms : 2000000000L);
}

void oc_transport_attend(oc_pool *p) {
  oc_exchange *x;
  double now = oc_clock_now();
  for (x = p->first; x != NULL; x = x->next) {
    double gap = now - x->attended_at;
    if (!oc_transport_flows(x))
      continue;
    if (gap > x->stats.unattended_s)
      x->stats.unattended_s = gap;
    x->attended_at = now;
    if (!oc_transport_runs(x))
      continue;
    x->counted_at = now;
    oc_transport_limit_connect(x);
  }
}

/* Has this exchange moved a byte on the wire since the last look? */
static int moved(oc_exchange *x) {
  double n = oc_transport_figure(x->easy, CURLINFO_SIZE_DOWNLOAD_T) +
             oc_transport_figure(x->easy, CURLINFO_SIZE_UPLOAD_T);
  int more = n != x->moved;
  x->moved = n;
  return more;
}

void oc_transport_count(oc_exchange *x, double now) {
  double passed = now - x->counted_at;
  x->counted_at = now;
  x->request_s += passed;
  if (!x->connected) {
    x->connect_s += passed;
    x->connected = oc_transport_figure(x->easy, CURLINFO_PRETRANSFER_TIME_T) > 0;
  } else {
    x->idle_s = moved(x) ? 0 : x->idle_s + passed;
  }
}

void oc_transport_tick(oc_pool *p, int attended) {
  oc_exchange *x;
  double now = oc_clock_now();
  for (x = p->first; x != NULL; x = x->next) {
    if (attended && oc_transport_flows(x))
      x->attended_at = now;
    if (oc_transport_runs(x))
      oc_transport_count(x, now);
  }
}

double oc_transport_time_left(const oc_exchange *x) {
  double left = INFINITY;
  if (x->request_timeout_s > 0)
    left = x->request_timeout_s - x->request_s;
  if (!x->connected && x->connect_timeout_s > 0)
    left = fmin(left, x->connect_timeout_s - x->connect_s);
  if (x->connected && x->idle_timeout_s > 0)
    left = fmin(left, x->idle_timeout_s - x->idle_s);
  return left;
}

double oc_transport_least_left(const oc_pool *p) {
  const oc_exchange *x;
  double least = INFINITY;
  for (x = p->first; x != NULL; x = x->next)
    if (oc_transport_runs(x))
      least = fmin(least, oc_transport_time_left(x));
  return least;
}

void oc_transport_judge(oc_pool *p) {
  oc_exchange *x;
  for (x = p->first; x != NULL; x = x->next) {
    if (!oc_transport_runs(x) || oc_transport_time_left(x) > 0)
      continue;
    if (!x->connected && x->connect_timeout_s > 0 &&
        x->connect_s >= x->connect_timeout_s)
      oc_transport_fail(x, "timeout", "no connection to %s in %g s (connect_timeout_s)",
                        x->origin, x->connect_timeout_s);
    else if (x->connected && x->idle_timeout_s > 0 && x->idle_s >= x->idle_timeout_s)
      oc_transport_fail(x, "timeout", "no byte from %s for %g s (idle_timeout_s)",
                        x->origin, x->idle_timeout_s);
    else
      oc_transport_fail(x, "timeout", "%s did not finish in %g s (request_timeout_s)",
                        x->origin, x->request_timeout_s);
    oc_transport_finish(x);
  }
}
