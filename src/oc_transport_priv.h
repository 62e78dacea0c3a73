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
#include "oc_transport.h"

struct oc_pool {
  CURLM *multi;
  oc_exchange *first;      /* all that were started and are not closed */
  double last;             /* when the clocks were last moved */
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

  oc_buf body;
  size_t taken;            /* how much of body is read */
  int paused;

  int started, over, closed;
  int head_told, end_told; /* the consumer fetched it */
  int watched;
  int failed;              /* fault is set */
  oc_fault fault;

  int connected;
  double connect_s, idle_s, request_s;  /* active time */
  double moved;            /* bytes on the wire, both ways, when last looked */
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

/* The callbacks that oc_transport_opts.c installs. */

size_t oc_transport_on_header(char *p, size_t size, size_t n, void *ud);  /* _head.c */
size_t oc_transport_on_body(char *p, size_t size, size_t n, void *ud);    /* oc_transport.c */

#endif
