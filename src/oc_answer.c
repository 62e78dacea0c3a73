/*
** oc_answer.c - one HTTP/1.1 answer as a userdata, for hosts that bring their own
** sockets: bytes in, head and body out, with the words and kinds of the transport.
*/
#include "oc_answer.h"

#include <stdio.h>
#include <string.h>

#include "oc_error.h"
#include "oc_h1.h"
#include "oc_headers.h"

static const char METATABLE[] = "oc.answer";

#define ORIGIN_BYTES 256

typedef struct answer {
  oc_h1 h1;
  char origin[ORIGIN_BYTES];  /* as messages name the peer */
} answer;

static answer *check_answer(lua_State *L) {
  return luaL_checkudata(L, 1, METATABLE);
}

/* Pushes nil and the error object for the fault. */
static int fail(lua_State *L, const answer *a) {
  const char *o = a->origin;
  char number[32];
  switch (a->h1.fault) {
    case OC_H1_SILENT:
      return oc_error_fail(L, "network", "%s closed the connection without an answer", o);
    case OC_H1_NOT_HTTP:
      return oc_error_fail(L, "network", "%s did not answer in HTTP", o);
    case OC_H1_CUT:
      return oc_error_fail(L, "network", "the answer of %s ended early", o);
    case OC_H1_PACKING:
      return oc_error_fail(L, "network", "the answer of %s cannot be decoded", o);
    case OC_H1_HEAD:
      return oc_error_fail(L, "limit", "the headers of %s are more than %d lines or %d bytes", o,
                           OC_HEAD_MAX_LINES, OC_HEAD_MAX_BYTES);
    case OC_H1_BODY:
      snprintf(number, sizeof number, "%.0f", a->h1.max_body_bytes);
      return oc_error_fail(L, "limit", "the answer of %s is more than %s bytes (max_body_bytes)", o, number);
    default:
      return oc_error_fail(L, "memory", "out of memory for the answer of %s", o);
  }
}

/*
** answer(origin, unpack, max_body_bytes): origin is what messages call the peer.
*/
static int l_answer(lua_State *L) {
  size_t n;
  const char *origin = luaL_checklstring(L, 1, &n);
  const lua_Number max = luaL_optnumber(L, 3, 0);
  answer *a;
  luaL_argcheck(L, max >= 0, 3, "not negative expected");
  a = oc_newuserdata(L, sizeof(*a));
  oc_h1_init(&a->h1, lua_toboolean(L, 2), max < 1e18 ? (double)max : 0);
  if (n >= ORIGIN_BYTES)
    n = ORIGIN_BYTES - 1;
  memcpy(a->origin, origin, n);
  a->origin[n] = '\0';
  luaL_setmetatable(L, METATABLE);
  return 1;
}

/* feed(bytes), at most 64 KiB at once, when it asked for them */
static int l_feed(lua_State *L) {
  answer *a = check_answer(L);
  size_t n;
  const char *bytes = luaL_checklstring(L, 2, &n);
  luaL_argcheck(L, n <= OC_H1_FEED_BYTES, 2, "at most 65536 bytes expected");
  switch (oc_h1_feed(&a->h1, bytes, n)) {
    case OC_OK:
    case OC_EMEM: return 0;  /* the next look tells */
    default: return luaL_error(L, "attempt to feed an answer that did not ask for bytes");
  }
}

/* finish(): the connection is closed */
static int l_finish(lua_State *L) {
  oc_h1_end(&check_answer(L)->h1);
  return 0;
}

/* head() -> status, headers | nil: feed | nil, err */
static int l_head(lua_State *L) {
  answer *a = check_answer(L);
  const char *name, *value;
  size_t name_n, value_n, at = 0;
  switch (oc_h1_head(&a->h1)) {
    case OC_MORE:
      lua_pushnil(L);
      return 1;
    case OC_ITEM:
      lua_pushinteger(L, a->h1.head.status);
      lua_newtable(L);
      while (oc_head_next(&a->h1.head, &at, &name, &name_n, &value, &value_n))
        oc_headers_add(L, name, name_n, value, value_n);
      return 2;
    default:
      return fail(L, a);
  }
}

/* read() -> bytes | nil: feed | false: the clean end | nil, err */
static int l_read(lua_State *L) {
  answer *a = check_answer(L);
  const char *p;
  size_t n;
  switch (oc_h1_read(&a->h1, &p, &n)) {
    case OC_MORE:
      if (a->h1.state == OC_H1_OVER)
        lua_pushboolean(L, 0);
      else
        lua_pushnil(L);
      return 1;
    case OC_ITEM:
      lua_pushlstring(L, p, n);
      return 1;
    default:
      return fail(L, a);
  }
}

/* reusable(): may the connection serve another request? */
static int l_reusable(lua_State *L) {
  lua_pushboolean(L, oc_h1_reusable(&check_answer(L)->h1));
  return 1;
}

/* begun(): did a byte of it come? */
static int l_begun(lua_State *L) {
  const answer *a = check_answer(L);
  lua_pushboolean(L, a->h1.head.bytes > 0 || a->h1.in.n > 0);
  return 1;
}

/* counts() -> bytes of the body as handed out, as they came, "1.0" or "1.1" */
static int l_counts(lua_State *L) {
  const answer *a = check_answer(L);
  oc_pushcount(L, a->h1.bytes);
  oc_pushcount(L, a->h1.wire_bytes);
  lua_pushstring(L, a->h1.version == 10 ? "1.0" : "1.1");
  return 3;
}

static int l_collect(lua_State *L) {
  oc_h1_free(&check_answer(L)->h1);
  return 0;
}

static const luaL_Reg METHODS[] = {
    {"feed", l_feed},
    {"finish", l_finish},
    {"head", l_head},
    {"read", l_read},
    {"reusable", l_reusable},
    {"begun", l_begun},
    {"counts", l_counts},
    {"__gc", l_collect},
    {NULL, NULL},
};

static const luaL_Reg FUNCTIONS[] = {
    {"answer", l_answer},
    {NULL, NULL},
};

void oc_answer_open(lua_State *L) {
  luaL_newmetatable(L, METATABLE);
  luaL_setfuncs(L, METHODS, 0);
  lua_pushvalue(L, -1);
  lua_setfield(L, -2, "__index");
  lua_pop(L, 1);
  luaL_setfuncs(L, FUNCTIONS, 0);
}
