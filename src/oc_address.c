/*
** oc_address.c - what Lua asks about addresses and verdicts, from the pure files.
** The same answers the pager gives itself, for the requests that are not pages.
*/
#include "oc_address.h"

#include "oc_retry.h"
#include "oc_time.h"
#include "oc_url.h"

static void push_boolean_field(lua_State *L, const char *name, int v) {
  lua_pushboolean(L, v);
  lua_setfield(L, -2, name);
}

/*
** A buffer of a fixed size in a userdata, which is pushed: so whatever raises
** while it is in use, nothing is lost.
*/
static oc_buf buf_on_stack(lua_State *L, size_t size) {
  oc_buf b;
  b.p = lua_newuserdata(L, size);
  b.n = 0;
  b.cap = b.max = size;  /* full is full: it never grows */
  return b;
}

/* Pushes what was written; raises if it could not be. */
static int push_buf(lua_State *L, const oc_buf *b, int status) {
  if (status != OC_OK)
    return luaL_error(L, "an address that is too long");
  lua_pushlstring(L, b->p, b->n);
  return 1;
}

/* address(url) -> {origin, https, loopback} | nil, why ("has no host") */
static int l_address(lua_State *L) {
  size_t n;
  const char *s = luaL_checklstring(L, 1, &n);
  const char *why;
  oc_buf origin;
  oc_url u;
  if (oc_url_parse(&u, s, n, &why) != OC_OK) {
    lua_pushnil(L);
    lua_pushstring(L, why);
    return 2;
  }
  lua_createtable(L, 0, 3);
  push_boolean_field(L, "https", u.is_https);
  push_boolean_field(L, "loopback", oc_url_is_loopback(&u));
  push_boolean_field(L, "bare", !u.has_query && !u.has_fragment);
  origin = buf_on_stack(L, n + 16);
  push_buf(L, &origin, oc_url_origin(&origin, &u));
  lua_setfield(L, -3, "origin");
  lua_pop(L, 1);
  return 1;
}

/* join(base, path) -> url; both were checked before */
static int l_join(lua_State *L) {
  size_t base_n, path_n;
  const char *base = luaL_checklstring(L, 1, &base_n);
  const char *path = luaL_checklstring(L, 2, &path_n);
  oc_buf url = buf_on_stack(L, base_n + path_n + 2);
  return push_buf(L, &url, oc_url_join(&url, base, base_n, path, path_n));
}

/* resolve(base, ref) -> what a link means on a page, without fragment | nil: it is unusable */
static int l_resolve(lua_State *L) {
  size_t base_n, ref_n;
  const char *base = luaL_checklstring(L, 1, &base_n);
  const char *ref = luaL_checklstring(L, 2, &ref_n);
  oc_buf url = buf_on_stack(L, base_n + ref_n + 16);
  const int status = oc_url_resolve(&url, base, base_n, ref, ref_n);
  if (status == OC_EBAD)
    return 0;
  return push_buf(L, &url, status);
}

/* encode_form(text) -> text for the value of a form field or parameter */
static int l_encode_form(lua_State *L) {
  size_t n;
  const char *s = luaL_checklstring(L, 1, &n);
  oc_buf out = buf_on_stack(L, 3 * n + 1);
  return push_buf(L, &out, oc_url_encode(&out, s, n));
}

/* judge(status, retry_after|nil, now) -> kind, retryable, retry_after_s|nil */
static int l_judge(lua_State *L) {
  const int status = (int)luaL_checknumber(L, 1);
  const double now = luaL_checknumber(L, 3);
  size_t n = 0;
  const char *value = luaL_optlstring(L, 2, NULL, &n);
  double wait_s = 0;
  const int has = value != NULL && oc_retry_after_s(&wait_s, value, n, (int64_t)now);
  const oc_retry_verdict v = oc_retry_judge_status(status, has);
  lua_pushstring(L, oc_fault_name(v.fault));
  lua_pushboolean(L, v.retryable);
  if (!has)
    return 2;
  lua_pushnumber(L, (lua_Number)wait_s);
  return 3;
}

/* backoff(attempt, base_s, cap_s, random) -> seconds */
static int l_backoff(lua_State *L) {
  lua_pushnumber(L, (lua_Number)oc_retry_backoff_s((unsigned)luaL_checknumber(L, 1),
      luaL_checknumber(L, 2), luaL_checknumber(L, 3), luaL_checknumber(L, 4)));
  return 1;
}

/* retryable(kind) -> is a fault of the transport worth another try? */
static int l_retryable(lua_State *L) {
  lua_pushboolean(L, oc_retry_fault_retryable(oc_fault_of_name(luaL_checkstring(L, 1))));
  return 1;
}

/* http_date(text, now) -> seconds since 1970 | nil: it is none */
static int l_http_date(lua_State *L) {
  size_t n;
  const char *s = luaL_checklstring(L, 1, &n);
  int64_t epoch;
  if (!oc_time_http(&epoch, s, n, (int64_t)luaL_checknumber(L, 2)))
    return 0;
  lua_pushnumber(L, (lua_Number)epoch);
  return 1;
}

void oc_address_open(lua_State *L) {
  static const luaL_Reg functions[] = {
    {"address", l_address}, {"join", l_join}, {"resolve", l_resolve},
    {"encode_form", l_encode_form},
    {"judge", l_judge}, {"backoff", l_backoff}, {"retryable", l_retryable},
    {"http_date", l_http_date}, {NULL, NULL}};
  const luaL_Reg *f;
  for (f = functions; f->name != NULL; f++) {
    lua_pushcfunction(L, f->func);
    lua_setfield(L, -2, f->name);
  }
}
