/*
** oc_http.c - the transport, the clock and interrupts for Lua.
** A pool userdata owns an oc_pool, an exchange userdata an oc_exchange; both are
** valid and closed before anything is opened. An exchange holds its pool's
** userdata as user value; closing or collecting them in any order is safe. A pool of
** http(true) is driven by an event loop, and never waits.
*/
#include "oc_http.h"

#include <math.h>
#include <string.h>

#include "oc_clock.h"
#include "oc_error.h"
#include "oc_headers.h"
#include "oc_http_options.h"
#include "oc_inflate.h"
#include "oc_interrupt.h"
#include "oc_time.h"
#include "oc_transport.h"

static const char POOL[] = "oc.pool";
static const char EXCHANGE[] = "oc.exchange";

typedef struct pool {
  oc_pool *p;      /* NULL: closed */
  int driven;
} pool;

typedef struct exchange {
  oc_exchange *x;  /* NULL: never started */
} exchange;

/*
** Errors
*/

/* Pushes nil and what made x fail. */
static int fail(lua_State *L, const oc_exchange *x) {
  const oc_fault *f = oc_exchange_fault(x);
  oc_error_fail(L, f->kind, "%s", f->message);
  if (f->curl_code != 0) {
    lua_pushinteger(L, f->curl_code);
    lua_setfield(L, -2, "curl_code");
  }
  if (f->status != 0) {
    lua_pushinteger(L, f->status);
    lua_setfield(L, -2, "status");
  }
  if (oc_exchange_url(x)[0] != '\0') {
    lua_pushstring(L, oc_exchange_url(x));
    lua_setfield(L, -2, "url");
  }
  return 2;
}

/*
** Exchanges
*/

static oc_exchange *check_exchange(lua_State *L, int i) {
  exchange *e = luaL_checkudata(L, i, EXCHANGE);
  if (e->x == NULL)
    luaL_error(L, "attempt to use an exchange that was never started");
  return e->x;
}

static int l_head(lua_State *L) {
  oc_exchange *x = check_exchange(L, 1);
  const char *name, *value;
  size_t name_n, value_n, at = 0;
  int status;
  switch (oc_exchange_head(x, &status)) {
    case OC_NOTHING:
      lua_pushnil(L);
      return 1;
    case OC_SOMETHING:
      lua_pushinteger(L, status);
      lua_newtable(L);
      while (oc_exchange_next_header(x, &at, &name, &name_n, &value, &value_n))
        oc_headers_add(L, name, name_n, value, value_n);
      return 2;
    default:
      return fail(L, x);
  }
}

static int l_read(lua_State *L) {
  oc_exchange *x = check_exchange(L, 1);
  const char *p;
  size_t n;
  switch (oc_exchange_peek(x, &p, &n)) {
    case OC_NOTHING:
      lua_pushnil(L);
      return 1;
    case OC_SOMETHING:
      lua_pushlstring(L, p, n);
      oc_exchange_take(x, n);
      return 1;
    case OC_END:
      lua_pushboolean(L, 0);
      return 1;
    default:
      return fail(L, x);
  }
}

static void set_number(lua_State *L, const char *name, double n) {
  lua_pushnumber(L, (lua_Number)n);
  lua_setfield(L, -2, name);
}

/* A count: an integer where Lua has them and it fits. */
static void set_count(lua_State *L, const char *name, double n) {
  if ((double)(lua_Integer)n == n)
    lua_pushinteger(L, (lua_Integer)n);
  else
    lua_pushnumber(L, (lua_Number)n);
  lua_setfield(L, -2, name);
}

static void set_boolean(lua_State *L, const char *name, int on) {
  lua_pushboolean(L, on);
  lua_setfield(L, -2, name);
}

static int l_stats(lua_State *L) {
  oc_stats s = oc_exchange_stats(check_exchange(L, 1));
  lua_createtable(L, 0, 8);
  set_count(L, "bytes", s.bytes);
  set_count(L, "wire_bytes", s.wire_bytes);
  set_number(L, "unattended_s", s.unattended_s);
  set_number(L, "elapsed_s", s.elapsed_s);
  set_boolean(L, "reused", s.reused);
  set_boolean(L, "paused", s.paused);
  set_boolean(L, "connected", s.connected);
  if (s.http_version != 0) {
    lua_pushstring(L, s.http_version == 10 ? "1.0" : s.http_version == 11 ? "1.1"
                      : s.http_version == 20 ? "2" : "3");
    lua_setfield(L, -2, "http_version");
  }
  return 1;
}

/* watch(on) -> the number by which next_done names it */
static int l_watch(lua_State *L) {
  oc_exchange *x = check_exchange(L, 1);
  oc_exchange_watch(x, lua_toboolean(L, 2));
  lua_pushnumber(L, (lua_Number)oc_exchange_number(x));
  return 1;
}

static int l_close_exchange(lua_State *L) {
  exchange *e = luaL_checkudata(L, 1, EXCHANGE);
  if (e->x != NULL)
    oc_exchange_close(e->x);
  return 0;
}

static int l_collect_exchange(lua_State *L) {
  exchange *e = luaL_checkudata(L, 1, EXCHANGE);
  oc_exchange *x = e->x;
  e->x = NULL;
  oc_exchange_free(x);
  return 0;
}

/*
** Pools
*/

static pool *check_pool(lua_State *L) {
  pool *u = luaL_checkudata(L, 1, POOL);
  if (u->p == NULL)
    luaL_error(L, "attempt to use a closed pool");
  return u;
}

static pool *check_driven(lua_State *L) {
  pool *u = check_pool(L);
  if (!u->driven)
    luaL_error(L, "no event loop drives this pool");
  return u;
}

/* http([driven]) */
static int l_http(lua_State *L) {
  int driven = lua_toboolean(L, 1);
  pool *u = oc_newuserdata(L, sizeof(*u));
  u->p = NULL;
  u->driven = driven;
  luaL_setmetatable(L, POOL);
  u->p = driven ? oc_pool_driven_new() : oc_pool_new();
  if (u->p == NULL)
    return oc_error_fail(L, "memory", "out of memory for a connection pool");
  return 1;
}

/* Pushes a closed exchange that keeps the pool at index 1 alive. */
static exchange *push_exchange(lua_State *L) {
  exchange *e = oc_newuserdata(L, sizeof(*e));
  e->x = NULL;
  luaL_setmetatable(L, EXCHANGE);
  lua_createtable(L, 1, 0);
  lua_pushvalue(L, 1);
  lua_rawseti(L, -2, 1);
  oc_setuservalue(L, -2);
  return e;
}

/* Adds the headers of the options at index 2; they are checked. */
static int add_headers(lua_State *L, oc_exchange *x) {
  int i, n, status = OC_OK;
  lua_getfield(L, 2, "headers");
  n = lua_istable(L, -1) ? (int)lua_rawlen(L, -1) : 0;
  for (i = 1; i <= n && status == OC_OK; i++) {
    const char *line, *colon;
    lua_rawgeti(L, -1, i);
    line = lua_tostring(L, -1);
    colon = strchr(line, ':');
    if (colon[1 + strspn(colon + 1, " \t")] == '\0') {
      /* libcurl takes "Name:" as a wish to remove that header */
      lua_pushlstring(L, line, (size_t)(colon - line));
      lua_pushliteral(L, ";");
      lua_concat(L, 2);
      lua_remove(L, -2);
      line = lua_tostring(L, -1);
    }
    status = oc_exchange_header(x, line);
    lua_pop(L, 1);
  }
  lua_pop(L, 1);
  return status;
}

static int l_start(lua_State *L) {
  pool *u = check_pool(L);
  exchange *e;
  oc_request r;
  luaL_checktype(L, 2, LUA_TTABLE);
  lua_settop(L, 2);
  oc_http_options_take(L, 2, &r);
  e = push_exchange(L);
  e->x = oc_exchange_new();
  if (e->x == NULL || add_headers(L, e->x) != OC_OK)
    return oc_error_fail(L, "memory", "out of memory for a request");
  if (oc_exchange_start(e->x, u->p, &r) != OC_OK)
    return fail(L, e->x);
  return 1;
}

static void watch(lua_State *L, int first, int last, int on) {
  for (; first <= last; first++)
    oc_exchange_watch(((exchange *)lua_touserdata(L, first))->x, on);
}

/* wait([timeout_s [, exchange...]]) */
static int l_wait(lua_State *L) {
  pool *u = check_pool(L);
  double timeout = (double)luaL_optnumber(L, 2, (lua_Number)INFINITY);
  int i, last = lua_gettop(L);
  enum oc_wait how;
  luaL_argcheck(L, timeout >= 0, 2, "not negative expected");
  if (u->driven)
    luaL_error(L, "an event loop drives this pool");
  for (i = 3; i <= last; i++)
    check_exchange(L, i);
  watch(L, 3, last, 1);
  how = oc_pool_wait(u->p, timeout, last >= 3);
  watch(L, 3, last, 0);
  if (how == OC_WAIT_CANCELLED)
    return oc_error_fail(L, "cancelled", "interrupted by signal %d",
                         oc_interrupt_pending());
  lua_pushboolean(L, how == OC_WAIT_EVENT);
  return 1;
}

static int l_perform(lua_State *L) {
  pool *u = check_pool(L);
  lua_pushboolean(L, oc_pool_perform(u->p));
  return 1;
}

/* Sockets' readiness as words: "r", "w", "rw". */

static int what_of(lua_State *L, int i) {
  const char *s = luaL_optstring(L, i, "");
  return (strchr(s, 'r') != NULL ? OC_SOCKET_IN : 0) |
         (strchr(s, 'w') != NULL ? OC_SOCKET_OUT : 0);
}

/* action([fd [, what]]); without a descriptor: time has passed */
static int l_action(lua_State *L) {
  pool *u = check_driven(L);
  oc_pool_action(u->p, (int)luaL_optinteger(L, 2, -1), what_of(L, 3));
  return 0;
}

/* next_event() -> fd, "r" | "w" | "rw" | false (forget it); nil: no more */
static int l_next_event(lua_State *L) {
  static const char *const WORDS[] = {NULL, "r", "w", "rw"};
  pool *u = check_driven(L);
  int fd, what;
  if (!oc_pool_next_event(u->p, &fd, &what))
    return 0;
  lua_pushinteger(L, fd);
  if (what == 0)
    lua_pushboolean(L, 0);
  else
    lua_pushstring(L, WORDS[what]);
  return 2;
}

/* timeout() -> seconds until an action is wanted | nil */
static int l_timeout(lua_State *L) {
  double seconds = oc_pool_timeout(check_driven(L)->p);
  if (!(seconds < INFINITY))
    return 0;
  lua_pushnumber(L, (lua_Number)seconds);
  return 1;
}

/* next_done() -> number of an exchange that was watched and has something to tell | nil */
static int l_next_done(lua_State *L) {
  oc_exchange *x = oc_pool_next_done(check_driven(L)->p);
  if (x == NULL)
    return 0;
  lua_pushnumber(L, (lua_Number)oc_exchange_number(x));
  return 1;
}

static int l_counts(lua_State *L) {
  pool *u = luaL_checkudata(L, 1, POOL);
  int exchanges = 0, open = 0;
  if (u->p != NULL)
    oc_pool_count(u->p, &exchanges, &open);
  lua_createtable(L, 0, 2);
  set_count(L, "exchanges", exchanges);
  set_count(L, "open", open);
  return 1;
}

static int l_close_pool(lua_State *L) {
  pool *u = luaL_checkudata(L, 1, POOL);
  oc_pool *p = u->p;
  u->p = NULL;
  oc_pool_free(p);
  return 0;
}

/*
** Clock and interrupts
*/

static int l_now(lua_State *L) {
  lua_pushnumber(L, (lua_Number)oc_clock_now());
  return 1;
}

static int l_time(lua_State *L) {
  lua_pushnumber(L, (lua_Number)oc_clock_time());
  return 1;
}

/* instant(text) -> seconds since 1970 UTC of an ISO 8601 date or date-time | nil */
static int l_instant(lua_State *L) {
  size_t n;
  const char *text = luaL_checklstring(L, 1, &n);
  oc_instant at;
  if (!oc_time_iso(&at, text, n))
    return 0;
  lua_pushnumber(L, (lua_Number)at.s + (lua_Number)at.ns / 1e9);
  return 1;
}

/* true, and the seconds left if a foreign signal came; false: interrupted */
static int l_sleep(lua_State *L) {
  double seconds = (double)luaL_checknumber(L, 1);
  double left;
  luaL_argcheck(L, seconds == seconds, 1, "a number expected, got NaN");
  left = oc_clock_sleep(seconds);
  lua_pushboolean(L, !oc_interrupt_pending());
  lua_pushnumber(L, (lua_Number)left);
  return 2;
}

static int l_catch_interrupt(lua_State *L) {
  if (oc_interrupt_catch() != OC_OK)
    return oc_error_fail(L, "io", "cannot catch signals");
  lua_pushboolean(L, 1);
  return 1;
}

static int l_release_interrupt(lua_State *L) {
  (void)L;
  oc_interrupt_release();
  return 0;
}

static int push_signal(lua_State *L, int number) {
  if (number == 0)
    lua_pushnil(L);
  else
    lua_pushinteger(L, number);
  return 1;
}

static int l_interrupted(lua_State *L) {
  return push_signal(L, oc_interrupt_pending());
}

/* take_interrupt() -> the signal that came | nil; from then on waits go on */
static int l_take_interrupt(lua_State *L) {
  return push_signal(L, oc_interrupt_take());
}

static int l_versions(lua_State *L) {
  oc_versions v = oc_transport_versions();
  lua_createtable(L, 0, 5);
  lua_pushstring(L, v.curl);
  lua_setfield(L, -2, "curl");
  lua_pushstring(L, v.ssl);
  lua_setfield(L, -2, "ssl");
  lua_pushstring(L, v.zlib);
  lua_setfield(L, -2, "zlib");
  lua_pushstring(L, v.nghttp2);
  lua_setfield(L, -2, "nghttp2");
  lua_pushstring(L, oc_inflate_engine());
  lua_setfield(L, -2, "gzip");
  set_boolean(L, "http2", v.nghttp2 != NULL);
  return 1;
}

static const luaL_Reg EXCHANGE_METHODS[] = {
    {"head", l_head},
    {"read", l_read},
    {"stats", l_stats},
    {"watch", l_watch},
    {"close", l_close_exchange},
    {"__close", l_close_exchange},
    {"__gc", l_collect_exchange},
    {NULL, NULL},
};

static const luaL_Reg POOL_METHODS[] = {
    {"start", l_start},
    {"wait", l_wait},
    {"perform", l_perform},
    {"action", l_action},
    {"next_event", l_next_event},
    {"timeout", l_timeout},
    {"next_done", l_next_done},
    {"counts", l_counts},
    {"close", l_close_pool},
    {"__close", l_close_pool},
    {"__gc", l_close_pool},
    {NULL, NULL},
};

static const luaL_Reg FUNCTIONS[] = {
    {"http", l_http},
    {"instant", l_instant},
    {"now", l_now},
    {"time", l_time},
    {"sleep", l_sleep},
    {"catch_interrupt", l_catch_interrupt},
    {"interrupted", l_interrupted},
    {"release_interrupt", l_release_interrupt},
    {"take_interrupt", l_take_interrupt},
    {"versions", l_versions},
    {NULL, NULL},
};

/* A class whose methods are found in its metatable. */
static void make_class(lua_State *L, const char *name, const luaL_Reg *methods) {
  luaL_newmetatable(L, name);  /* filled in a second time if memory ran out over it */
  luaL_setfuncs(L, methods, 0);
  lua_pushvalue(L, -1);
  lua_setfield(L, -2, "__index");
  lua_pop(L, 1);
}

void oc_http_open(lua_State *L) {
  make_class(L, POOL, POOL_METHODS);
  make_class(L, EXCHANGE, EXCHANGE_METHODS);
  luaL_setfuncs(L, FUNCTIONS, 0);
}
