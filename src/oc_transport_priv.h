/*
** oc_transport_priv.h - what the transport's own files share: the structs, and
** who does what. Kind "curl": only oc_transport*.c include this.
*/
#ifndef oc_transport_priv_h
#define oc_transport_priv_h

#include <curl/curl.h>
#include <signal.h>

#include "oc_buf.h"
#include "oc_head.h"
#include "oc_inflate.h"
#include "oc_transport.h"

/* The longest time libcurl can count; its default would be 300 seconds. */
#define OC_NEVER_MS 0x7fffffffL

/* What a pool that an event loop drives has besides; see oc_transport_socket.c. */
typedef struct oc_driven oc_driven;

struct oc_pool {
  CURLM *multi;
  oc_exchange *first;      /* all that were started and are not closed */
  oc_driven *driven;       /* NULL: it is waited for by oc_pool_wait */
  double exchanges;        /* started so far */
};

struct oc_exchange {
  oc_pool *pool;           /* NULL: not started, or closed */
  oc_exchange *prev, *next;
  CURL *easy;              /* under way; NULL before and after */
  struct curl_slist *headers;

  char *url;               /* without secrets, see oc_exchange_url */
  char *origin;            /* host, and the port if it is not the usual one */
  double connect_timeout_s, idle_timeout_s, request_timeout_s;
  double max_body_bytes;
  size_t high;             /* pauses above this many unread bytes */
  int https;
  int by_proxy;            /* the caller named a proxy */

  oc_head head;

  oc_buf body;             /* as it came */
  size_t taken;            /* how much of body is used */
  int paused;
  int unpack, body_begun;  /* wanted; its first byte has come */
  oc_inflate *inflate;     /* NULL: it is not packed */
  const char *out;         /* with inflate: what it made, and how much of that is read */
  size_t out_at, out_n;

  double number;           /* see oc_exchange_number */
  int started, over, closed;
  int head_told, end_told; /* the consumer fetched it */
  int watched;
  int failed;              /* fault is set */
  oc_fault fault;

  int connected;
  double connect_s, idle_s, request_s;  /* active time */
  double moved;            /* bytes on the wire, both ways, when last looked */
  double counted_at;       /* up to when these count */
  double started_at, ended_at, attended_at;  /* by the wall */
  oc_stats stats;
  char errbuf[CURL_ERROR_SIZE];
};

/* oc_transport_init.c */

/* Starts libcurl, once in the process. OC_OK or OC_EMEM. */
int oc_transport_init(void);

/*
** Keeps SIGPIPE off the process while libcurl writes to a connection that the
** peer has closed (with CURLOPT_NOSIGNAL libcurl does not care for that). One
** that was pending before stays pending.
*/
typedef struct oc_sigpipe {
  sigset_t mask;
  int mine;
} oc_sigpipe;

void oc_sigpipe_hold(oc_sigpipe *s);
void oc_sigpipe_let(oc_sigpipe *s);

/* oc_transport_opts.c */

/*
** Gives x->easy everything the request says, and fills in url, origin and
** limits. OC_OK, or OC_EBAD with x->fault set.
*/
int oc_transport_configure(oc_exchange *x, const oc_request *r);

/* oc_transport_fault.c */

/* Sets the fault unless there is one: the first reason is the reason. */
void oc_transport_fail(oc_exchange *x, const char *kind, const char *fmt, ...);

/* Sets the fault for what libcurl said; x->easy is still there. */
void oc_transport_fail_curl(oc_exchange *x, CURLcode code);

/* oc_transport_clock.c */

/* It has a handle, and the consumer has room for what comes. */
int oc_transport_flows(const oc_exchange *x);

/* Its clocks run: it flows, and where a loop drives, somebody waits for it. */
int oc_transport_runs(const oc_exchange *x);

/* The consumer is back: what was between is nobody's time. */
void oc_transport_attend(oc_pool *p);

/* Sets libcurl's own connect timeout, which follows ours. */
void oc_transport_limit_connect(oc_exchange *x);

/* Counts the time up to now for one that runs. */
void oc_transport_count(oc_exchange *x, double now);

/* The same for all; attended: meanwhile the consumer, or the loop, was there. */
void oc_transport_tick(oc_pool *p, int attended);

/* What is left of the limit that strikes first, of one and of all that run. */
double oc_transport_time_left(const oc_exchange *x);
double oc_transport_least_left(const oc_pool *p);

/* Ends exchanges whose time is up. */
void oc_transport_judge(oc_pool *p);

/* oc_transport_body.c (and oc_transport_on_body, see below) */

/* Is there something of the body that was not read? (Packed, it may come to nothing.) */
int oc_transport_unread(const oc_exchange *x);

/* Drops it. */
void oc_transport_free_body(oc_exchange *x);

/* oc_transport.c, for whoever drives a pool */

/* One of libcurl's counts; 0 where it has none. */
double oc_transport_figure(CURL *easy, CURLINFO info);

/* The verdict is in (x->failed or not): nothing more will come. */
void oc_transport_finish(oc_exchange *x);

/* Takes libcurl's verdicts. */
void oc_transport_collect(oc_pool *p);

/* The pool is beyond use: that is what its exchanges hear. */
void oc_transport_fail_all(oc_pool *p, CURLMcode code);

/* Something the consumer did not fetch; named: it will surely fetch all of it. */
int oc_transport_ready(const oc_exchange *x, int named);

/* oc_transport_socket.c; without effect where no loop drives */

/* An exchange has something to tell, to whoever waits for it. */
void oc_driven_news(oc_exchange *x);

/* A handle that is about to be added hears how its sockets are closed. */
void oc_driven_adopt(oc_pool *p, CURL *easy);

/* An exchange that is about to leave its pool. */
void oc_driven_forget(oc_exchange *x);

/* The multi handle is gone. */
void oc_driven_free(oc_driven *d);

/* The callbacks that oc_transport_opts.c installs. */

size_t oc_transport_on_header(char *p, size_t size, size_t n, void *ud);  /* _head.c */
size_t oc_transport_on_body(char *p, size_t size, size_t n, void *ud);    /* oc_transport.c */

#endif
