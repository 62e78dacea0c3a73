/*
** oc_transport.c - pools and exchanges: who is under way, how they begin and end.
** Callbacks only copy into the exchange's buffers; everything is judged between
** them, in step().
*/
#include "oc_transport_priv.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "oc_clock.h"
#include "oc_interrupt.h"

/* The longest single poll; poll counts milliseconds in an int. */
#define POLL_MAX_S 100000.0

/*
** --- The end of an exchange ---
*/

double oc_transport_figure(CURL *easy, CURLINFO info) {
  curl_off_t n = 0;
  return curl_easy_getinfo(easy, info, &n) == CURLE_OK && n > 0 ? (double)n : 0;
}

/* Copies what libcurl knows of a handle into the figures. */
static void read_figures(const oc_exchange *x, oc_stats *s) {
  long n = 0;
  if (x->easy == NULL)
    return;
  s->wire_bytes = oc_transport_figure(x->easy, CURLINFO_SIZE_DOWNLOAD_T);
  if (curl_easy_getinfo(x->easy, CURLINFO_NUM_CONNECTS, &n) == CURLE_OK)
    s->reused = x->connected && n == 0;
  if (curl_easy_getinfo(x->easy, CURLINFO_HTTP_VERSION, &n) == CURLE_OK)
    s->http_version = n == CURL_HTTP_VERSION_1_0 ? 10 : n == CURL_HTTP_VERSION_1_1 ? 11
                      : n == CURL_HTTP_VERSION_2_0 ? 20 : n == 0 ? 0 : 30;
}

/* The handle goes, and with it, if the transfer was cut, its connection (over
   HTTP/2: its stream). */
static void drop_handle(oc_exchange *x) {
  oc_sigpipe guard;
  if (x->easy == NULL)
    return;
  read_figures(x, &x->stats);
  oc_sigpipe_hold(&guard);
  if (x->paused)  /* libcurl 7.88 forgets what a paused HTTP/2 stream holds */
    curl_easy_pause(x->easy, CURLPAUSE_CONT);
  if (x->pool != NULL && x->started)
    curl_multi_remove_handle(x->pool->multi, x->easy);
  curl_easy_cleanup(x->easy);
  oc_sigpipe_let(&guard);
  x->easy = NULL;
  curl_slist_free_all(x->headers);
  x->headers = NULL;
}

void oc_transport_finish(oc_exchange *x) {
  x->over = 1;  /* first: dropping may call on_body once more */
  drop_handle(x);
  x->paused = 0;
  x->ended_at = oc_clock_now();
  oc_driven_news(x);
}

void oc_transport_collect(oc_pool *p) {
  CURLMsg *m;
  int left;
  while ((m = curl_multi_info_read(p->multi, &left)) != NULL) {
    CURLcode code = m->data.result;
    char *mine = NULL;
    oc_exchange *x;
    if (m->msg != CURLMSG_DONE)
      continue;
    curl_easy_getinfo(m->easy_handle, CURLINFO_PRIVATE, &mine);
    x = (oc_exchange *)(void *)mine;
    if (code != CURLE_OK)
      oc_transport_fail_curl(x, code);
    else if (!x->head.done)
      oc_transport_fail(x, "network", "%s did not answer in HTTP", x->origin);
    oc_transport_finish(x);
  }
}

/*
** --- Pools ---
*/

void oc_transport_fail_all(oc_pool *p, CURLMcode code) {
  oc_exchange *x;
  for (x = p->first; x != NULL; x = x->next) {
    if (x->over)
      continue;
    oc_transport_fail(x, code == CURLM_OUT_OF_MEMORY ? "memory" : "network",
                      "transfers cannot go on: %s", curl_multi_strerror(code));
    oc_transport_finish(x);
  }
}

/* Lets libcurl do what can be done now, and takes the verdicts. */
static void step(oc_pool *p) {
  oc_sigpipe guard;
  int running;
  CURLMcode code;
  oc_sigpipe_hold(&guard);
  code = curl_multi_perform(p->multi, &running);
  oc_sigpipe_let(&guard);
  oc_transport_tick(p, 1);
  oc_transport_collect(p);
  oc_transport_judge(p);
  if (code != CURLM_OK)
    oc_transport_fail_all(p, code);
}

int oc_transport_ready(const oc_exchange *x, int named) {
  return oc_transport_unread(x) || (x->head.done && !x->head_told) ||
         (x->over && (named || !x->end_told));
}

static int any_ready(const oc_pool *p, int watched_only) {
  const oc_exchange *x;
  for (x = p->first; x != NULL; x = x->next)
    if ((x->watched || !watched_only) && oc_transport_ready(x, watched_only))
      return 1;
  return 0;
}

static int any_under_way(const oc_pool *p, int watched_only) {
  const oc_exchange *x;
  for (x = p->first; x != NULL; x = x->next)
    if ((x->watched || !watched_only) && !x->over)
      return 1;
  return 0;
}

/* Blocks until bytes come, a limit strikes, or at most that long. */
static int block(oc_pool *p, double seconds) {
  struct curl_waitfd wake;
  CURLMcode code;
  int n = 0;
  seconds = fmin(seconds, oc_transport_least_left(p));
  seconds = fmax(0, fmin(seconds, POLL_MAX_S));
  wake.fd = oc_interrupt_fd();
  wake.events = CURL_WAIT_POLLIN;
  wake.revents = 0;
  /* + 1: rounding down would spin through the last millisecond */
  errno = 0;
  code = curl_multi_poll(p->multi, &wake, wake.fd >= 0 ? 1 : 0,
                         (int)(seconds * 1000) + 1, &n);
  /* a signal while libcurl had no sockets is an error up to 8.1 */
  if (code != CURLM_OK && errno != EINTR)
    oc_transport_fail_all(p, code);
  return n;
}

enum oc_wait oc_pool_wait(oc_pool *p, double timeout_s, int watched_only) {
  double until = oc_clock_now() + timeout_s;
  int early = 0;
  if (oc_interrupt_pending())
    return OC_WAIT_CANCELLED;
  if (any_ready(p, watched_only))
    return OC_WAIT_EVENT;
  oc_transport_attend(p);
  for (;;) {
    double left;
    step(p);
    if (any_ready(p, watched_only))
      return OC_WAIT_EVENT;
    if (oc_interrupt_pending())
      return OC_WAIT_CANCELLED;
    left = until - oc_clock_now();
    if (early || left <= 0 || !any_under_way(p, watched_only))
      return OC_WAIT_NONE;
    /* Woken without bytes: a timer of libcurl's, or a signal that nobody but
       the host knows about. Libcurl does not say which; the host asks again. */
    early = block(p, left) == 0;
  }
}

int oc_pool_perform(oc_pool *p) {
  if (p->driven != NULL) {
    oc_pool_action(p, -1, 0);
    return any_ready(p, 0);
  }
  oc_transport_attend(p);
  if (any_under_way(p, 0))
    step(p);
  return any_ready(p, 0);
}

void oc_pool_count(const oc_pool *p, int *exchanges, int *open) {
  const oc_exchange *x;
  *exchanges = *open = 0;
  for (x = p->first; x != NULL; x = x->next) {
    ++*exchanges;
    *open += !x->over;
  }
}

oc_pool *oc_pool_new(void) {
  oc_pool *p;
  if (oc_transport_init() != OC_OK)
    return NULL;
  p = calloc(1, sizeof(*p));
  if (p == NULL)
    return NULL;
  p->multi = curl_multi_init();
  if (p->multi == NULL) {
    free(p);
    return NULL;
  }
  curl_multi_setopt(p->multi, CURLMOPT_MAXCONNECTS, (long)OC_IDLE_CONNECTIONS);
  return p;
}

void oc_pool_free(oc_pool *p) {
  oc_sigpipe guard;
  if (p == NULL)
    return;
  while (p->first != NULL)
    oc_exchange_close(p->first);
  oc_sigpipe_hold(&guard);
  curl_multi_cleanup(p->multi);
  oc_sigpipe_let(&guard);
  oc_driven_free(p->driven);
  free(p);
}

/*
** --- Exchanges ---
*/

oc_exchange *oc_exchange_new(void) {
  oc_exchange *x = calloc(1, sizeof(*x));
  if (x == NULL)
    return NULL;
  oc_head_init(&x->head);
  oc_buf_init(&x->body, 0);
  return x;
}

int oc_exchange_header(oc_exchange *x, const char *line) {
  struct curl_slist *longer = curl_slist_append(x->headers, line);
  if (longer == NULL)
    return OC_EMEM;
  x->headers = longer;
  return OC_OK;
}

static void link_in(oc_exchange *x, oc_pool *p) {
  x->pool = p;
  x->next = p->first;
  if (p->first != NULL)
    p->first->prev = x;
  p->first = x;
}

static void unlink_from_pool(oc_exchange *x) {
  if (x->pool == NULL)
    return;
  oc_driven_forget(x);
  if (x->prev != NULL)
    x->prev->next = x->next;
  else
    x->pool->first = x->next;
  if (x->next != NULL)
    x->next->prev = x->prev;
  x->prev = x->next = NULL;
  x->pool = NULL;
}

int oc_exchange_start(oc_exchange *x, oc_pool *p, const oc_request *r) {
  CURLMcode code;
  x->easy = curl_easy_init();
  if (x->easy == NULL) {
    oc_transport_fail(x, "memory", "out of memory for a request");
    return OC_EBAD;
  }
  if (oc_transport_configure(x, r) != OC_OK)
    return OC_EBAD;
  oc_driven_adopt(p, x->easy);
  code = curl_multi_add_handle(p->multi, x->easy);
  if (code != CURLM_OK) {
    oc_transport_fail(x, code == CURLM_OUT_OF_MEMORY ? "memory" : "network",
                      "cannot start: %s", curl_multi_strerror(code));
    return OC_EBAD;
  }
  link_in(x, p);
  x->started = 1;
  x->number = ++p->exchanges;
  x->started_at = x->attended_at = x->counted_at = oc_clock_now();
  oc_pool_perform(p);  /* the name is looked up, or the connection on its way */
  return OC_OK;
}

enum oc_sight oc_exchange_head(oc_exchange *x, int *status) {
  if (x->head.done) {
    x->head_told = 1;
    *status = x->head.status;
    return OC_SOMETHING;
  }
  if (!x->over)
    return OC_NOTHING;
  x->end_told = 1;
  return OC_FAILED;  /* a clean end has a head */
}

double oc_exchange_number(const oc_exchange *x) {
  return x->number;
}

const oc_fault *oc_exchange_fault(const oc_exchange *x) {
  return &x->fault;
}

const char *oc_exchange_url(const oc_exchange *x) {
  return x->url != NULL ? x->url : "";
}

oc_stats oc_exchange_stats(const oc_exchange *x) {
  oc_stats s = x->stats;
  double now = oc_clock_now();
  read_figures(x, &s);
  s.paused = x->paused;
  s.connected = x->connected;
  if (x->started) {
    s.elapsed_s = (x->over ? x->ended_at : now) - x->started_at;
    if (!x->over && !(x->watched && oc_transport_flows(x)))
      s.unattended_s = fmax(s.unattended_s, now - x->attended_at);
  }
  return s;
}

void oc_exchange_close(oc_exchange *x) {
  if (x->closed)
    return;
  x->closed = 1;
  if (!x->over || oc_transport_unread(x))
    oc_transport_fail(x, "cancelled", "the exchange with %s is closed",
                      x->origin != NULL ? x->origin : "nobody");
  if (!x->over)
    oc_transport_finish(x);
  unlink_from_pool(x);
  oc_transport_free_body(x);
}

void oc_exchange_free(oc_exchange *x) {
  if (x == NULL)
    return;
  oc_exchange_close(x);
  oc_head_free(&x->head);
  curl_slist_free_all(x->headers);
  free(x->url);
  free(x->origin);
  free(x);
}
