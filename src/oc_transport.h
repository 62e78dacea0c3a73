/*
** oc_transport.h - HTTP exchanges, pulled through a bounded buffer.
** Hides libcurl: whoever includes this needs no curl.h, and no libcurl callback
** reaches anything but the exchange's own buffers. Knows nothing of JSON, pages,
** retries or redirects: a status is a status.
**
** A pool is one connection pool; an exchange is one request and its answer. An
** exchange that is over (ended, failed, or its pool freed) keeps what it had:
** head, unread bytes, verdict and figures.
** One thread at a time may use a pool and its exchanges.
*/
#ifndef oc_transport_h
#define oc_transport_h

#include <stddef.h>

#include "oc_status.h"

typedef struct oc_pool oc_pool;
typedef struct oc_exchange oc_exchange;

/* Ceilings and defaults; those of the head are in oc_head.h. */
#define OC_BODY_BUFFER_BYTES (512 * 1024)  /* high mark when none is given */
#define OC_READ_BYTES (64 * 1024)         /* most that one peek shows */
#define OC_IDLE_CONNECTIONS 16            /* kept open in a pool */

/*
** What to ask. Strings are only looked at during oc_exchange_start; NULL, 0
** and 0.0 mean "not given". Limits of time count active time: see oc_pool_wait.
*/
typedef struct oc_request {
  const char *url;                  /* http or https */
  const char *method;               /* "GET" (also when NULL) or "POST" */
  const char *body;
  size_t body_bytes;
  double connect_timeout_s;         /* until the request can be sent */
  double idle_timeout_s;            /* without a byte */
  double request_timeout_s;         /* the whole exchange */
  const char *ca_file, *ca_path;    /* one given: nothing else is trusted */
  const char *client_cert, *client_key, *client_key_password;
  const char *proxy, *no_proxy;     /* NULL: the environment's; "": none */
  const char *user_agent;
  double max_body_bytes;            /* after decoding */
  double buffer_bytes;              /* above this many unread ones it pauses */
  int insecure;                     /* no TLS verification */
  int compress;                     /* accept gzip and deflate */
  int http1_only;                   /* see set_version in oc_transport_opts.c */
} oc_request;

/* Why an exchange failed. */
typedef struct oc_fault {
  const char *kind;                 /* an error kind of the contract; static */
  int curl_code;                    /* CURLcode; 0 when libcurl did not fail */
  int status;                       /* of a proxy that refused to connect us; 0: none */
  char message[512];                /* in words, without secrets */
} oc_fault;

typedef struct oc_stats {
  double bytes;          /* of the body, decoded */
  double wire_bytes;     /* of the body, as sent */
  double unattended_s;   /* longest stretch paused, or without wait/perform */
  double elapsed_s;      /* by the wall, start to end */
  int reused;            /* an open connection served */
  int http_version;      /* 10, 11, 20, 30; 0 before the answer */
  int paused;
  int connected;         /* the request could be sent */
} oc_stats;

typedef struct oc_versions {
  const char *curl, *ssl, *zlib, *nghttp2;  /* NULL: not built in */
} oc_versions;

/* What a look at an exchange finds. */
enum oc_sight {
  OC_NOTHING,   /* nothing now: wait */
  OC_SOMETHING, /* the head, or bytes */
  OC_END,       /* the clean end */
  OC_FAILED     /* see oc_exchange_fault */
};

/* How a wait ends. */
enum oc_wait {
  OC_WAIT_NONE,      /* time is up, nothing to wait for, or a foreign signal */
  OC_WAIT_EVENT,     /* an exchange has something to tell */
  OC_WAIT_CANCELLED  /* oc_interrupt_pending() */
};

/* Starts libcurl, once in the process. A new pool; NULL: out of memory. */
oc_pool *oc_pool_new(void);

/* Ends its exchanges (kind `cancelled`, unless they are over) and connections. */
void oc_pool_free(oc_pool *p);

/*
** Waits at most timeout_s (INFINITY allowed) until an exchange has a head,
** bytes or a verdict that was not fetched yet; with watched_only, one of those
** marked by oc_exchange_watch. Returns at once if there is one already, and
** early, with OC_WAIT_NONE, when a signal came in, so that the host's own
** handling of signals gets its turn. Exchanges' clocks (connect, idle, request)
** run only in here and in perform, and not while they are paused: time in which
** the consumer does not pull counts towards no limit.
*/
enum oc_wait oc_pool_wait(oc_pool *p, double timeout_s, int watched_only);

/* Lets transfers get on without blocking. Is there anything to fetch? */
int oc_pool_perform(oc_pool *p);

/*
** A pool that an event loop drives: instead of waiting, the host tells of sockets
** and of time by oc_pool_action, and does what next_event and timeout say. Its
** exchanges' clocks run only while they are watched (oc_exchange_watch), that is,
** while somebody waits for them. oc_pool_wait is not for it.
**
** After each call that may change something (start, take, close, action, watch) the
** host drains oc_pool_next_event and sets its timer by oc_pool_timeout; nothing
** here calls the host. Before oc_pool_free the host forgets all sockets itself.
*/
oc_pool *oc_pool_driven_new(void);

/* What a socket is watched for, and what has come of it; bits. */
enum oc_socket { OC_SOCKET_IN = 1, OC_SOCKET_OUT = 2 };

/*
** That socket is ready (what: 0 where the host does not know for what), or, with
** fd -1, time has passed. To be called early, late or for a socket that is no
** longer watched does no harm.
*/
void oc_pool_action(oc_pool *p, int fd, int what);

/*
** The next change for the host: watch *fd for *what from now on; 0: forget it, its
** number may be another's soon. All that are to be forgotten come first. They stay
** open until the host has heard and asks again. The answer 0: that was all.
*/
int oc_pool_next_event(oc_pool *p, int *fd, int *what);

/* Seconds until oc_pool_action is wanted at the latest; INFINITY: it is not. */
double oc_pool_timeout(const oc_pool *p);

/*
** An exchange that is watched and has something to tell; it is watched no longer.
** NULL: there is none. To be called until then.
*/
oc_exchange *oc_pool_next_done(oc_pool *p);

/* How many exchanges are in the pool, and how many of them are under way. */
void oc_pool_count(const oc_pool *p, int *exchanges, int *open);

/* An exchange that is not started; NULL: out of memory. */
oc_exchange *oc_exchange_new(void);

/*
** Adds a header "Name: value" ("Name;" for an empty value), before start. Must
** hold no CR, LF or NUL.
*/
int oc_exchange_header(oc_exchange *x, const char *line);

/*
** Begins the exchange in that pool. OC_OK, or OC_EBAD with the reason in
** oc_exchange_fault. Faults of the network come later, by head and peek.
*/
int oc_exchange_start(oc_exchange *x, oc_pool *p, const oc_request *r);

/* Is the head there? OC_SOMETHING: status has it. Never OC_END. */
enum oc_sight oc_exchange_head(oc_exchange *x, int *status);

/*
** Steps through the headers: *at is 0 first; 0 at the end. Names are in lower
** case, values without surrounding blanks; repeated ones come one by one.
*/
int oc_exchange_next_header(const oc_exchange *x, size_t *at,
                            const char **name, size_t *name_n,
                            const char **value, size_t *value_n);

/*
** Shows unread bytes, at most OC_READ_BYTES; they stay until oc_exchange_take,
** and the pointer is good until the next call about this pool. Bytes come
** before the end and before a fault, and those two stick.
*/
enum oc_sight oc_exchange_peek(oc_exchange *x, const char **p, size_t *n);

/* Drops n shown bytes, and lets a paused transfer go on when half is read. */
void oc_exchange_take(oc_exchange *x, size_t n);

/*
** Says whether a wait with watched_only, or oc_pool_next_done, is for this exchange
** too. In a driven pool its clocks run meanwhile.
*/
void oc_exchange_watch(oc_exchange *x, int on);

/* Which exchange of its pool it is, counted from 1; 0 before start. */
double oc_exchange_number(const oc_exchange *x);

/* Why it failed; meaningful after OC_FAILED or a start that did not succeed. */
const oc_fault *oc_exchange_fault(const oc_exchange *x);

/* The URL without userinfo, query and fragment; "" before start. */
const char *oc_exchange_url(const oc_exchange *x);

oc_stats oc_exchange_stats(const oc_exchange *x);

/* Stops the transfer and drops what is unread; figures stay. Idempotent. */
void oc_exchange_close(oc_exchange *x);

/* Closes and frees; NULL is allowed. */
void oc_exchange_free(oc_exchange *x);

/* What is linked. */
oc_versions oc_transport_versions(void);

#endif
