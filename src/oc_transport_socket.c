/*
** oc_transport_socket.c - pools that an event loop drives. Libcurl's callbacks only
** write down which sockets it wants watched; the host fetches that when it likes.
** Libcurl closes a socket before anybody can have told the loop, so here sockets
** are closed: later, when the loop has forgotten them. Those which libcurl makes
** for looking up a name it closes itself; hence "gone": such a number is another
** socket when it comes again.
*/
#include "oc_transport_priv.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "oc_clock.h"

/* Descriptors are small numbers; beyond this one something is wrong. */
#define MAX_DESCRIPTOR 0xffffff

/* What is known of a descriptor. */
typedef struct socket_state {
  unsigned char told;     /* what the loop watches it for */
  unsigned char wanted;   /* what libcurl wants it watched for */
  unsigned char gone;     /* to be forgotten first, even where it is wanted again */
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

static int on_socket(CURL *easy, curl_socket_t fd, int what, void *ud, void *of_socket) {
  oc_driven *d = ud;
  socket_state *s;
  (void)easy;
  (void)of_socket;
  if (fd < 0 || fd > MAX_DESCRIPTOR || make_room(d, (size_t)fd + 1) != OC_OK)
    return -1;
  s = &d->sockets[fd];
  s->wanted = 0;
  if (what == CURL_POLL_REMOVE)
    s->gone = s->told != 0;
  if (what == CURL_POLL_IN || what == CURL_POLL_INOUT)
    s->wanted |= OC_SOCKET_IN;
  if (what == CURL_POLL_OUT || what == CURL_POLL_INOUT)
    s->wanted |= OC_SOCKET_OUT;
  put_on_list(d, fd);
  return 0;
}

/* Takes no memory: what the loop has been told of is known. */
static int on_close(void *ud, curl_socket_t fd) {
  oc_driven *d = ((oc_pool *)ud)->driven;
  if (fd < 0 || (size_t)fd >= d->room)
    return close(fd);
  d->sockets[fd].wanted = 0;
  if (d->sockets[fd].told == 0)
    return close(fd);
  d->sockets[fd].closing = d->sockets[fd].gone = 1;
  put_on_list(d, fd);
  return 0;
}

static void close_forgotten(oc_driven *d) {
  size_t i;
  for (i = 0; i < d->changes_n; i++) {
    socket_state *s = &d->sockets[d->changes[i]];
    if (s->closing && s->told == 0)
      close(d->changes[i]);
    s->closing = s->closing && s->told != 0;
  }
}

int oc_pool_next_event(oc_pool *p, int *fd, int *what) {
  oc_driven *d = p->driven;
  while (d->forgot_n < d->changes_n) {
    socket_state *s = &d->sockets[*fd = d->changes[d->forgot_n++]];
    int forget = s->told != 0 && (s->gone || s->wanted == 0);
    s->gone = 0;
    if (forget) {
      *what = s->told = 0;
      return 1;
    }
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

static CURLMcode act(oc_pool *p, curl_socket_t fd, int bits) {
  oc_sigpipe guard;
  CURLMcode code;
  int running;
  oc_sigpipe_hold(&guard);
  code = curl_multi_socket_action(p->multi, fd, bits, &running);
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
      code = act(p, (curl_socket_t)fd, 0);
  return code;
}

void oc_pool_action(oc_pool *p, int fd, int what) {
  oc_driven *d = p->driven;
  int bits = (what & OC_SOCKET_IN ? CURL_CSELECT_IN : 0) |
             (what & OC_SOCKET_OUT ? CURL_CSELECT_OUT : 0);
  CURLMcode code = act(p, fd < 0 ? CURL_SOCKET_TIMEOUT : (curl_socket_t)fd, bits);
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
  curl_easy_setopt(easy, CURLOPT_CLOSESOCKETFUNCTION, on_close);
  curl_easy_setopt(easy, CURLOPT_CLOSESOCKETDATA, p);
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
    if (d->sockets[i].closing)
      close((int)i);
  free(d->sockets);
  free(d->changes);
  free(d);
}
