/* transport_driven_test.c - a pool driven by an event loop: here poll(), which also
 * serves the other end, in the same thread. So nothing is waited for but descriptors. */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <netdb.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "check.h"
#include "oc_transport.h"

/*
** Libcurl's resolver calls these: every name has two addresses here, and nobody
** listens at the first one.
*/
#define SEEN __attribute__((visibility("default")))

SEEN int getaddrinfo(const char *node, const char *service, const struct addrinfo *hints,
                     struct addrinfo **res) {
  static const char *const ADDRESSES[] = {"127.0.0.1", "127.0.0.2"};
  struct addrinfo *first = NULL;
  int i;
  (void)node;
  for (i = 0; i < 2; i++) {
    struct addrinfo *a = calloc(1, sizeof(*a));
    struct sockaddr_in *in = calloc(1, sizeof(*in));
    in->sin_family = AF_INET;
    in->sin_port = htons((unsigned short)(service != NULL ? atoi(service) : 0));
    inet_pton(AF_INET, ADDRESSES[i], &in->sin_addr);
    a->ai_family = AF_INET;
    a->ai_socktype = hints != NULL ? hints->ai_socktype : SOCK_STREAM;
    a->ai_addr = (struct sockaddr *)in;
    a->ai_addrlen = sizeof(*in);
    a->ai_next = first;
    first = a;
  }
  *res = first;
  return 0;
}

SEEN void freeaddrinfo(struct addrinfo *res) {
  while (res != NULL) {
    struct addrinfo *next = res->ai_next;
    free(res->ai_addr);
    free(res);
    res = next;
  }
}

#define MOST 64
#define TURNS 20000

/* The server: what it answers to whatever came; NULL: nothing, ever. */
typedef struct server {
  int listener, port;
  int conns[MOST], conns_n;
  char asked[MOST];  /* a request has come, and its answer is not out */
  const char *answer;
  size_t answer_n, sent[MOST];
  int closes;        /* ends the connection behind the answer */
} server;

/* The loop: who is watched for what. */
typedef struct loop {
  oc_pool *pool;
  server *s;
  int watched[1024];
  int turns, closed_before_told;
} loop;

static void serve(server *s) {
  struct sockaddr_in a;
  socklen_t n = sizeof(a);
  memset(s, 0, sizeof(*s));
  memset(&a, 0, sizeof(a));
  a.sin_family = AF_INET;
  a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  s->listener = socket(AF_INET, SOCK_STREAM, 0);
  CHECK(bind(s->listener, (struct sockaddr *)&a, sizeof(a)) == 0);
  CHECK(listen(s->listener, MOST) == 0);
  CHECK(getsockname(s->listener, (struct sockaddr *)&a, &n) == 0);
  s->port = ntohs(a.sin_port);
}

static void say(server *s, const char *answer, size_t n, int closes) {
  s->answer = answer;
  s->answer_n = n;
  s->closes = closes;
}

static void hang_up(server *s, int i) {
  close(s->conns[i]);
  s->conns_n--;
  s->conns[i] = s->conns[s->conns_n];
  s->asked[i] = s->asked[s->conns_n];
  s->sent[i] = s->sent[s->conns_n];
}

static void stop(server *s) {
  while (s->conns_n > 0)
    hang_up(s, 0);
  close(s->listener);
}

static void answer(server *s, int i) {
  ssize_t n = send(s->conns[i], s->answer + s->sent[i], s->answer_n - s->sent[i], MSG_NOSIGNAL);
  if (n < 0 && errno == EAGAIN)
    return;
  if (n > 0)
    s->sent[i] += (size_t)n;
  if (n > 0 && s->sent[i] < s->answer_n)
    return;
  s->asked[i] = 0;
  if (n < 0 || s->closes)
    hang_up(s, i);
}

static void server_turn(server *s, const struct pollfd *fds) {
  int i, before = s->conns_n;
  char text[4096];
  for (i = before - 1; i >= 0; i--) {
    int what = fds[i + 1].revents;
    if (what & (POLLIN | POLLHUP | POLLERR)) {
      if (read(s->conns[i], text, sizeof(text)) <= 0) {
        hang_up(s, i);
        continue;
      }
      s->asked[i] = 1;
      s->sent[i] = 0;
    }
    if (s->asked[i] && s->answer != NULL && (what & POLLOUT))
      answer(s, i);
  }
  if (fds[0].revents & POLLIN) {
    int fd = accept(s->listener, NULL, NULL);
    fcntl(fd, F_SETFL, O_NONBLOCK);
    s->asked[s->conns_n] = 0;
    s->conns[s->conns_n++] = fd;
  }
}

/* Applies what the pool wants watched; descriptors must be open until they are told. */
static void settle(loop *l) {
  int fd, what, added = 0;
  while (oc_pool_next_event(l->pool, &fd, &what)) {
    if (fcntl(fd, F_GETFD) < 0)
      l->closed_before_told++;
    if (what == 0)
      CHECK(!added);  /* all that are to be forgotten come first */
    CHECK(what != 0 || l->watched[fd] != 0);
    added = added || what != 0;
    l->watched[fd] = what;
  }
}

static int watches(const loop *l) {
  int fd, n = 0;
  for (fd = 0; fd < 1024; fd++)
    n += l->watched[fd] != 0;
  return n;
}

/* One turn of the loop, at most that long; what is ready is told. */
static void turn(loop *l, double most_s) {
  struct pollfd fds[MOST * 2];
  int i, fd, n, ours, ms;
  double left = fmin(oc_pool_timeout(l->pool), most_s);
  fds[0].fd = l->s->listener;
  fds[0].events = POLLIN;
  for (i = 0; i < l->s->conns_n; i++) {
    fds[i + 1].fd = l->s->conns[i];
    fds[i + 1].events = (short)(POLLIN | (l->s->asked[i] && l->s->answer != NULL ? POLLOUT : 0));
  }
  n = ours = l->s->conns_n + 1;
  for (fd = 0; fd < 1024; fd++) {
    if (l->watched[fd] == 0)
      continue;
    fds[n].fd = fd;
    fds[n++].events = (short)((l->watched[fd] & OC_SOCKET_IN ? POLLIN : 0) |
                              (l->watched[fd] & OC_SOCKET_OUT ? POLLOUT : 0));
  }
  ms = left < 1000 ? (int)ceil(left * 1000) : 10000;
  if (poll(fds, (nfds_t)n, ms) == 0) {
    oc_pool_action(l->pool, -1, 0);
  } else {
    for (i = ours; i < n; i++)
      if (fds[i].revents != 0)
        oc_pool_action(l->pool, fds[i].fd, (fds[i].revents & POLLIN ? OC_SOCKET_IN : 0) |
                                           (fds[i].revents & POLLOUT ? OC_SOCKET_OUT : 0));
    server_turn(l->s, fds);
    if (oc_pool_timeout(l->pool) <= 0)
      oc_pool_action(l->pool, -1, 0);
  }
  settle(l);
  l->turns++;
}

/* Until the loop might sleep for ever; libcurl has a timer of its own for a while. */
static void calm_down(loop *l) {
  int i;
  for (i = 0; i < 100 && oc_pool_timeout(l->pool) < INFINITY; i++)
    turn(l, 10);
  CHECK(i < 10);
}

static const char *host = "127.0.0.1";

static oc_exchange *ask(loop *l, int port, oc_request *r) {
  char url[64];
  oc_exchange *x = oc_exchange_new();
  snprintf(url, sizeof(url), "http://%s:%d/", host, port);
  r->url = url;
  r->proxy = "";
  CHECK(oc_exchange_start(x, l->pool, r) == OC_OK);
  settle(l);
  return x;
}

/* Waits for it as a coroutine would; NULL if nothing ever came. */
static oc_exchange *wait_for(loop *l, oc_exchange *x) {
  oc_exchange *done = NULL;
  int i;
  oc_exchange_watch(x, 1);
  for (i = 0; i < TURNS && done == NULL; i++) {
    done = oc_pool_next_done(l->pool);
    if (done == NULL)
      turn(l, 10);
  }
  CHECK(oc_pool_next_done(l->pool) == NULL);
  return done;
}

/* Reads to the end: bytes of the body, and how it ended. */
static size_t read_all(loop *l, oc_exchange *x, enum oc_sight *how) {
  const char *p;
  size_t n, all = 0;
  for (;;) {
    *how = oc_exchange_peek(x, &p, &n);
    if (*how == OC_SOMETHING) {
      all += n;
      oc_exchange_take(x, n);
      settle(l);
    } else if (*how != OC_NOTHING || !CHECK(wait_for(l, x) == x)) {
      return all;
    }
  }
}

static void open_loop(loop *l, server *s) {
  memset(l, 0, sizeof(*l));
  l->s = s;
  l->pool = oc_pool_driven_new();
  CHECK(l->pool != NULL);
}

static const char SMALL[] = "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello";
static const char CLOSES[] = "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nConnection: close\r\n\r\nhello";

static void test_answers(void) {
  server s;
  loop l;
  oc_request r;
  enum oc_sight how;
  int i, status = 0;
  serve(&s);
  open_loop(&l, &s);
  memset(&r, 0, sizeof(r));
  CHECK(oc_pool_timeout(l.pool) == INFINITY);
  for (i = 0; i < 4; i++) {
    oc_exchange *x;
    say(&s, i < 3 ? SMALL : CLOSES, (i < 3 ? sizeof(SMALL) : sizeof(CLOSES)) - 1, i >= 3);
    x = ask(&l, s.port, &r);
    CHECK_EQ_INT(oc_exchange_number(x), i + 1);
    CHECK(wait_for(&l, x) == x);
    CHECK(oc_exchange_head(x, &status) == OC_SOMETHING);
    CHECK_EQ_INT(status, 200);
    CHECK_EQ_INT(read_all(&l, x, &how), 5);
    CHECK(how == OC_END);
    CHECK_EQ_INT(oc_exchange_stats(x).reused, i > 0);
    CHECK_EQ_INT(watches(&l), 0);  /* idle: the loop may end */
    CHECK(oc_pool_timeout(l.pool) == INFINITY);
    oc_exchange_free(x);
    settle(&l);
  }
  CHECK(l.turns < 60);
  CHECK_EQ_INT(l.closed_before_told, 0);
  oc_pool_free(l.pool);
  stop(&s);
}

static void test_closed_under_way(void) {
  server s;
  loop l;
  oc_request r;
  oc_exchange *x, *other;
  int fd, status;
  serve(&s);
  open_loop(&l, &s);
  memset(&r, 0, sizeof(r));
  x = ask(&l, s.port, &r);
  other = ask(&l, s.port, &r);
  while (s.conns_n < 2 || !s.asked[0] || !s.asked[1])
    turn(&l, 10);
  CHECK_EQ_INT(watches(&l), 2);
  oc_exchange_watch(x, 1);
  oc_exchange_close(x);  /* by another coroutine, say */
  CHECK(oc_pool_next_done(l.pool) == NULL);
  CHECK(oc_exchange_head(x, &status) == OC_FAILED);
  CHECK_EQ_STR(oc_exchange_fault(x)->kind, "cancelled");
  CHECK(oc_pool_next_event(l.pool, &fd, &status));
  CHECK_EQ_INT(status, 0);
  CHECK(fcntl(fd, F_GETFD) >= 0);
  l.watched[fd] = 0;
  settle(&l);
  CHECK(fcntl(fd, F_GETFD) < 0);
  oc_pool_action(l.pool, fd, OC_SOCKET_IN);  /* a loop that had that on its list already */
  CHECK_EQ_INT(watches(&l), 1);
  oc_exchange_free(x);
  say(&s, SMALL, sizeof(SMALL) - 1, 0);
  CHECK(wait_for(&l, other) == other);
  CHECK_EQ_INT(l.closed_before_told, 0);
  oc_pool_free(l.pool);  /* the other one still has its bytes */
  CHECK(oc_exchange_head(other, &status) == OC_SOMETHING);
  oc_exchange_free(other);
  stop(&s);
}

static void test_clocks(void) {
  server s;
  loop l;
  oc_request r;
  oc_exchange *x;
  int status;
  serve(&s);
  open_loop(&l, &s);
  memset(&r, 0, sizeof(r));
  r.idle_timeout_s = 0.02;
  r.request_timeout_s = 100;
  x = ask(&l, s.port, &r);
  while (s.conns_n < 1 || !s.asked[0])
    turn(&l, 10);
  calm_down(&l);
  turn(&l, 0.04);  /* nobody waits for it: it does not count */
  CHECK(oc_exchange_head(x, &status) == OC_NOTHING);
  oc_exchange_watch(x, 1);
  CHECK(oc_exchange_stats(x).unattended_s >= 0.03);
  CHECK(oc_pool_timeout(l.pool) <= 0.02);
  oc_exchange_watch(x, 0);
  CHECK(oc_pool_timeout(l.pool) == INFINITY);
  CHECK(wait_for(&l, x) == x);
  CHECK(oc_exchange_head(x, &status) == OC_FAILED);
  CHECK_EQ_STR(oc_exchange_fault(x)->kind, "timeout");
  CHECK(strstr(oc_exchange_fault(x)->message, "idle_timeout_s") != NULL);
  CHECK_EQ_INT(watches(&l), 0);
  oc_exchange_free(x);
  oc_pool_free(l.pool);
  stop(&s);
}

/* The loop was kept busy for longer than the limit, and the answer is there: it counts. */
static void test_busy_loop(void) {
  server s;
  loop l;
  oc_request r;
  oc_exchange *x;
  struct pollfd late;
  int status;
  serve(&s);
  open_loop(&l, &s);
  memset(&r, 0, sizeof(r));
  r.idle_timeout_s = 0.02;
  x = ask(&l, s.port, &r);
  while (s.conns_n < 1 || !s.asked[0])
    turn(&l, 10);
  oc_exchange_watch(x, 1);
  say(&s, SMALL, sizeof(SMALL) - 1, 0);
  answer(&s, 0);
  late.fd = s.listener;
  late.events = POLLIN;
  poll(&late, 1, 40);
  oc_pool_action(l.pool, -1, 0);  /* timers first, as libuv does */
  CHECK(oc_pool_next_done(l.pool) == x);
  CHECK(oc_pool_next_done(l.pool) == NULL);
  CHECK(oc_exchange_head(x, &status) == OC_SOMETHING);
  oc_exchange_free(x);
  oc_pool_free(l.pool);
  stop(&s);
}

static void test_back_pressure(void) {
  enum { BODY = 4 * 1024 * 1024 };
  static char text[BODY + 100];
  server s;
  loop l;
  oc_request r;
  oc_exchange *x;
  enum oc_sight how;
  int head, i;
  serve(&s);
  open_loop(&l, &s);
  memset(&r, 0, sizeof(r));
  r.buffer_bytes = 65536;
  head = snprintf(text, sizeof(text), "HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n", BODY);
  memset(text + head, 'x', BODY);
  say(&s, text, (size_t)head + BODY, 0);
  x = ask(&l, s.port, &r);
  for (i = 0; i < TURNS && !oc_exchange_stats(x).paused; i++)
    turn(&l, 10);
  CHECK(oc_exchange_stats(x).paused);
  CHECK(oc_exchange_stats(x).bytes < 200000);
  calm_down(&l);
  CHECK_EQ_INT(watches(&l), 0);  /* nothing to wake the loop for */
  CHECK_EQ_INT(read_all(&l, x, &how), BODY);
  CHECK(how == OC_END);
  oc_exchange_free(x);
  oc_pool_free(l.pool);
  stop(&s);
}

static void test_many(void) {
  server s;
  loop l;
  oc_request r;
  oc_exchange *x[40], *done;
  int i, status, n = 0;
  serve(&s);
  open_loop(&l, &s);
  memset(&r, 0, sizeof(r));
  say(&s, CLOSES, sizeof(CLOSES) - 1, 1);
  for (i = 0; i < 40; i++) {
    x[i] = ask(&l, s.port, &r);
    oc_exchange_watch(x[i], 1);
  }
  for (i = 0; i < TURNS && n < 40; i++) {
    turn(&l, 10);
    while ((done = oc_pool_next_done(l.pool)) != NULL) {
      CHECK(oc_exchange_head(done, &status) == OC_SOMETHING);
      n++;
    }
  }
  CHECK_EQ_INT(n, 40);
  CHECK_EQ_INT(l.closed_before_told, 0);
  oc_pool_free(l.pool);
  for (i = 0; i < 40; i++)
    oc_exchange_free(x[i]);
  stop(&s);
}

static void test_refused(void) {
  server s, gone;
  loop l;
  oc_request r;
  oc_exchange *x;
  int status;
  serve(&s);
  serve(&gone);
  stop(&gone);
  open_loop(&l, &s);
  memset(&r, 0, sizeof(r));
  x = ask(&l, gone.port, &r);
  CHECK(wait_for(&l, x) == x);
  CHECK(oc_exchange_head(x, &status) == OC_FAILED);
  CHECK_EQ_STR(oc_exchange_fault(x)->kind, "network");
  CHECK_EQ_INT(l.closed_before_told, 0);
  oc_exchange_free(x);
  oc_pool_free(l.pool);
  stop(&s);
}

/* The first address refuses: its socket is closed, and the second one's has its number. */
static void test_second_address(void) {
  server s;
  loop l;
  oc_request r;
  oc_exchange *x;
  int status = 0;
  serve(&s);
  open_loop(&l, &s);
  memset(&r, 0, sizeof(r));
  say(&s, SMALL, sizeof(SMALL) - 1, 0);
  host = "two.test";
  x = ask(&l, s.port, &r);
  host = "127.0.0.1";
  CHECK(wait_for(&l, x) == x);
  CHECK(oc_exchange_head(x, &status) == OC_SOMETHING);
  CHECK_EQ_INT(status, 200);
  CHECK(l.turns < 30);  /* nothing was watched that is no longer there */
  CHECK_EQ_INT(l.closed_before_told, 0);
  oc_exchange_free(x);
  settle(&l);
  CHECK_EQ_INT(watches(&l), 0);
  oc_pool_free(l.pool);
  stop(&s);
}

/* Freed while sockets are watched and exchanges waited for. */
static void test_freed(void) {
  server s;
  loop l;
  oc_request r;
  oc_exchange *x;
  int status;
  serve(&s);
  open_loop(&l, &s);
  memset(&r, 0, sizeof(r));
  x = ask(&l, s.port, &r);
  while (s.conns_n < 1)
    turn(&l, 10);
  oc_exchange_watch(x, 1);
  memset(l.watched, 0, sizeof(l.watched));
  oc_pool_free(l.pool);
  CHECK(oc_exchange_head(x, &status) == OC_FAILED);
  CHECK_EQ_STR(oc_exchange_fault(x)->kind, "cancelled");
  oc_exchange_free(x);
  stop(&s);
}

static int open_descriptors(void) {
  int fd, n = 0;
  for (fd = 0; fd < 1024; fd++)
    n += fcntl(fd, F_GETFD) >= 0;
  return n;
}

int main(void) {
  int before;
  oc_pool_free(oc_pool_driven_new());  /* libcurl has started */
  before = open_descriptors();
  test_answers();
  test_closed_under_way();
  test_clocks();
  test_busy_loop();
  test_back_pressure();
  test_many();
  test_refused();
  test_second_address();
  test_freed();
  CHECK_EQ_INT(open_descriptors(), before);
  return check_done();
}
