/*
** oc_transport_socket.c - pools that an event loop drives. Libcurl's callbacks only
** write down which sockets it wants watched; the host fetches that when it likes.
**
** The loop never sees libcurl's own descriptors, but copies, which are closed when
** the loop has forgotten them. Libcurl closes before a loop can have heard of it,
** sometimes without a word (7.88 closes attempts to connect like that), and the
** next socket may get that number: one loop would raise, another end the process,
** a third watch for ever what is no longer there.
*/
#include "oc_transport_priv.h"

#include <fcntl.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "oc_clock.h"

/* Descriptors are small numbers; beyond this one something is wrong. */
#define MAX_DESCRIPTOR 0xffffff

/* What is known of a descriptor. */
typedef struct socket_state {
  int copy;               /* libcurl's: the loop knows it by this; 0: not at all */
  int of;                 /* a copy: of this; 0: it is none any longer */
  unsigned char told;     /* a copy: what the loop watches it for */
  unsigned char wanted;   /* what it is to be watched for */
  unsigned char closing;  /* to be closed once it is forgotten */
  unsigned char changed;  /* is in the list of changes */
} socket_state;

struct oc_driven {
  socket_state *sockets;  /* by descriptor */
  int *changes;           /* descriptors, each once; has room for all */
  size_t room;            /* of both */
  size_t changes_n;
  size_t forgot_n;        /* so many changes were looked at for what to forget */
  size_t told_n;          /* the same for the rest */
  int watched;            /* exchanges that somebody waits for */
  int news;               /* some of them may have something to tell, */
  oc_exchange *next;      /* this one and those behind it */
  double strikes_at;      /* not before this a limit strikes */
};

/*
** --- Sockets ---
*/

static int make_room(oc_driven *d, size_t n) {
  socket_state *sockets;
  int *changes;
  size_t room = d->room > 0 ? d->room : 64;
  if (n <= d->room)
    return OC_OK;
  while (room < n)
    room *= 2;
  sockets = realloc(d->sockets, room * sizeof(*sockets));
  if (sockets == NULL)
    return OC_EMEM;
  d->sockets = sockets;
  changes = realloc(d->changes, room * sizeof(*changes));
  if (changes == NULL)
    return OC_EMEM;
  d->changes = changes;
  memset(sockets + d->room, 0, (room - d->room) * sizeof(*sockets));
  d->room = room;
  return OC_OK;
}

/* It is looked at again, also when that is going on. */
static void put_on_list(oc_driven *d, int fd) {
  d->forgot_n = d->told_n = 0;
  if (d->sockets[fd].changed)
    return;
  d->sockets[fd].changed = 1;
  d->changes[d->changes_n++] = fd;
}

static void want(oc_driven *d, int copy, int what) {
  d->sockets[copy].wanted = (unsigned char)what;
  put_on_list(d, copy);
}

/* The loop is told to forget it, then it is closed. */
static void drop_copy(oc_driven *d, int fd) {
  int copy = d->sockets[fd].copy;
  d->sockets[fd].copy = 0;
  if (copy == 0)
    return;
  d->sockets[copy].of = 0;
  d->sockets[copy].closing = 1;
  want(d, copy, 0);
}

static int make_copy(oc_driven *d, int fd) {
  int copy = fcntl(fd, F_DUPFD_CLOEXEC, 3);
  if (copy < 0)
    return OC_EBAD;
  if (copy > MAX_DESCRIPTOR || make_room(d, (size_t)copy + 1) != OC_OK) {
    close(copy);
    return OC_EMEM;
  }
  d->sockets[copy].of = fd;
  d->sockets[fd].copy = copy;
  return OC_OK;
}

static int on_socket(CURL *easy, curl_socket_t fd, int what, void *ud, void *of_socket) {
  oc_driven *d = ud;
  int bits = (what == CURL_POLL_IN || what == CURL_POLL_INOUT ? OC_SOCKET_IN : 0) |
             (what == CURL_POLL_OUT || what == CURL_POLL_INOUT ? OC_SOCKET_OUT : 0);
  (void)easy;
  (void)of_socket;
  if (fd <= 0 || fd > MAX_DESCRIPTOR || make_room(d, (size_t)fd + 1) != OC_OK)
    return -1;
  if (what == CURL_POLL_REMOVE) {
    drop_copy(d, fd);
    return 0;
  }
  if (d->sockets[fd].copy == 0 && make_copy(d, fd) != OC_OK)
    return -1;
  want(d, d->sockets[fd].copy, bits);
  return 0;
}

/*
** Libcurl opens a socket for a connection. Where it has closed another one with that
** number without a word, it goes by the number, and thinks this one is watched.
*/
static curl_socket_t on_open(void *ud, curlsocktype purpose, struct curl_sockaddr *a) {
  oc_driven *d = ud;
  int fd = socket(a->family, a->socktype, a->protocol);
  (void)purpose;
  if (fd < 0)
    return CURL_SOCKET_BAD;
  fcntl(fd, F_SETFD, FD_CLOEXEC);
  if ((size_t)fd < d->room && d->sockets[fd].copy != 0) {
    int bits = d->sockets[d->sockets[fd].copy].wanted;
    drop_copy(d, fd);
    if (make_copy(d, fd) != OC_OK) {
      close(fd);
      return CURL_SOCKET_BAD;
    }
    want(d, d->sockets[fd].copy, bits);
  }
  return fd;
}

static void close_forgotten(oc_driven *d) {
  size_t i;
  for (i = 0; i < d->changes_n; i++) {
    socket_state *s = &d->sockets[d->changes[i]];
    if (!s->closing || s->told != 0)
      continue;
    s->closing = 0;
    close(d->changes[i]);
  }
}

int oc_pool_next_event(oc_pool *p, int *fd, int *what) {
  oc_driven *d = p->driven;
  while (d->forgot_n < d->changes_n) {
    socket_state *s = &d->sockets[*fd = d->changes[d->forgot_n++]];
    if (s->told == 0 || s->wanted != 0)
      continue;
    *what = s->told = 0;
    return 1;
  }
  close_forgotten(d);
  while (d->told_n < d->changes_n) {
    socket_state *s = &d->sockets[*fd = d->changes[d->told_n++]];
    if (s->wanted == s->told)
      continue;
    *what = s->told = s->wanted;
    return 1;
  }
  while (d->changes_n > 0)
    d->sockets[d->changes[--d->changes_n]].changed = 0;
  d->forgot_n = d->told_n = 0;
  return 0;
}

/*
** --- Getting on ---
*/

/* fd: as the loop knows it. One that was forgotten meanwhile, or -1: time has passed. */
static CURLMcode act(oc_pool *p, int fd, int bits) {
  const oc_driven *d = p->driven;
  oc_sigpipe guard;
  CURLMcode code;
  int running;
  fd = fd >= 0 && (size_t)fd < d->room && d->sockets[fd].of != 0 ? d->sockets[fd].of : -1;
  oc_sigpipe_hold(&guard);
  code = curl_multi_socket_action(p->multi, fd < 0 ? CURL_SOCKET_TIMEOUT : (curl_socket_t)fd,
                                  bits, &running);
  oc_sigpipe_let(&guard);
  oc_transport_tick(p, p->driven->watched > 0);
  oc_transport_collect(p);
  return code;
}

/* A loop that was kept busy tells of time before it tells of sockets: what they
   have by now counts, before anybody's time is up. */
static CURLMcode look_everywhere(oc_pool *p) {
  CURLMcode code = CURLM_OK;
  size_t fd;
  for (fd = 0; fd < p->driven->room && code == CURLM_OK; fd++)
    if (p->driven->sockets[fd].wanted != 0)
      code = act(p, (int)fd, 0);
  return code;
}

void oc_pool_action(oc_pool *p, int fd, int what) {
  oc_driven *d = p->driven;
  int bits = (what & OC_SOCKET_IN ? CURL_CSELECT_IN : 0) |
             (what & OC_SOCKET_OUT ? CURL_CSELECT_OUT : 0);
  CURLMcode code = act(p, fd, bits);
  if (code == CURLM_OK && oc_transport_least_left(p) <= 0)
    code = look_everywhere(p);
  oc_transport_judge(p);
  if (code != CURLM_OK)
    oc_transport_fail_all(p, code);
  d->strikes_at = oc_clock_now() + oc_transport_least_left(p);
}

double oc_pool_timeout(const oc_pool *p) {
  const oc_driven *d = p->driven;
  double left = d->watched > 0 ? d->strikes_at - oc_clock_now() : INFINITY;
  long ms = -1;
  if (d->news)
    return 0;
  /* Rather than what libcurl tells its timer's callback: that comes once, and a
     loop's timer that rings a little early would lose it. The connect timeout that
     is never to strike is a timer of libcurl's, too. */
  if (curl_multi_timeout(p->multi, &ms) == CURLM_OK && ms >= 0 && ms < OC_NEVER_MS / 2)
    left = fmin(left, ms > 0 ? (double)(ms + 1) / 1000 : 0);
  return fmax(left, 0);
}

/*
** --- Who waits for what ---
*/

static void look_again(oc_pool *p) {
  p->driven->news = 1;
  p->driven->next = p->first;
}

void oc_driven_news(oc_exchange *x) {
  if (x->watched && x->pool != NULL && x->pool->driven != NULL)
    look_again(x->pool);
}

static void begin_watch(oc_exchange *x) {
  oc_driven *d = x->pool->driven;
  double now;
  if (d->watched++ == 0)
    oc_transport_attend(x->pool);
  x->watched = 1;
  if (oc_transport_ready(x, 1))
    look_again(x->pool);
  if (!oc_transport_flows(x))
    return;
  now = oc_clock_now();
  x->counted_at = now;
  oc_transport_count(x, now);  /* nothing; but is it connected by now? */
  oc_transport_limit_connect(x);
  d->strikes_at = fmin(d->strikes_at, now + oc_transport_time_left(x));
}

static void end_watch(oc_exchange *x) {
  if (x->pool->driven->watched == 1)
    oc_transport_tick(x->pool, 1);  /* up to now the loop was there for all of them */
  else if (oc_transport_runs(x))
    oc_transport_count(x, oc_clock_now());
  x->watched = 0;
  x->pool->driven->watched--;
  if (oc_transport_flows(x))
    oc_transport_limit_connect(x);
}

void oc_exchange_watch(oc_exchange *x, int on) {
  if (x->pool == NULL || x->pool->driven == NULL)
    x->watched = on;
  else if (on && !x->watched)
    begin_watch(x);
  else if (!on && x->watched)
    end_watch(x);
}

oc_exchange *oc_pool_next_done(oc_pool *p) {
  oc_driven *d = p->driven;
  oc_exchange *x;
  if (!d->news)
    return NULL;
  while ((x = d->next) != NULL) {
    d->next = x->next;
    if (x->watched && oc_transport_ready(x, 1)) {
      end_watch(x);
      return x;
    }
  }
  d->news = 0;
  return NULL;
}

/*
** --- Beginning and end ---
*/

void oc_driven_adopt(oc_pool *p, CURL *easy) {
  if (p->driven == NULL)
    return;
  curl_easy_setopt(easy, CURLOPT_OPENSOCKETFUNCTION, on_open);
  curl_easy_setopt(easy, CURLOPT_OPENSOCKETDATA, p->driven);
}

void oc_driven_forget(oc_exchange *x) {
  oc_driven *d = x->pool->driven;
  if (d == NULL)
    return;
  oc_exchange_watch(x, 0);
  if (d->next == x)
    d->next = x->next;
}

oc_pool *oc_pool_driven_new(void) {
  oc_pool *p = oc_pool_new();
  if (p == NULL)
    return NULL;
  p->driven = calloc(1, sizeof(*p->driven));
  if (p->driven == NULL) {
    oc_pool_free(p);
    return NULL;
  }
  p->driven->strikes_at = INFINITY;
  curl_multi_setopt(p->multi, CURLMOPT_SOCKETFUNCTION, on_socket);
  curl_multi_setopt(p->multi, CURLMOPT_SOCKETDATA, p->driven);
  return p;
}

void oc_driven_free(oc_driven *d) {
  size_t i;
  if (d == NULL)
    return;
  for (i = 0; i < d->room; i++)
    if (d->sockets[i].closing || d->sockets[i].of != 0)
      close((int)i);
  free(d->sockets);
  free(d->changes);
  free(d);
}
