/*
** oc_want.c - which leads are wanted, and what of them.
*/
#include "oc_want.h"

#include <string.h>
#include <time.h>

#include "oc_error.h"
#include "oc_filter.h"

/* Where in the cache the filter is. */
#define FILTER (-6)

void oc_want_init(oc_want *w) {
  memset(w, 0, sizeof *w);
}

void oc_want_free(oc_want *w) {
  if (w->filtered)
    oc_where_json_free(&w->where);
  oc_select_free(&w->select);
  oc_want_init(w);
}

/* The path on top of the stack, which is the k-th. */
static void select_path(lua_State *L, oc_want *w, oc_scan *scan, int k) {
  size_t n;
  const char *path;
  int status;
  if (lua_type(L, -1) != LUA_TSTRING)
    luaL_error(L, "option 'select': [%d]: a string expected, got %s", k, luaL_typename(L, -1));
  path = lua_tolstring(L, -1, &n);
  status = oc_select_add(&w->select, &scan->keys, path, n);
  if (status == OC_EMEM)
    oc_error_no_memory(L);
  if (status != OC_OK)
    luaL_error(L, "option 'select': [%d]: %s", k, status == OC_EBAD
               ? "a field or a path (contactDetails.companyName) expected"
               : "a name is longer than 128 bytes, or there are too many");
}

void oc_want_options(lua_State *L, int i, int cache, oc_want *w, oc_scan *scan) {
  lua_Number now;
  int k, n;
  lua_getfield(L, i, "now");
  now = lua_type(L, -1) == LUA_TNUMBER ? lua_tonumber(L, -1) : (lua_Number)time(NULL);
  if (!(now >= 0 && now <= 1e15))
    luaL_error(L, "option 'now': seconds since 1970 expected");
  lua_getfield(L, i, "where");
  if (!lua_isnil(L, -1)) {
    w->filtered = 1;
    oc_filter_attach(L, lua_gettop(L), &w->where, scan, now);
    lua_pushvalue(L, -1);
    lua_rawseti(L, cache, FILTER);
  }
  lua_getfield(L, i, "select");
  if (!lua_isnil(L, -1)) {
    luaL_checktype(L, -1, LUA_TTABLE);
    w->selected = 1;
    n = (int)lua_rawlen(L, -1);
    for (k = 1; k <= n; k++) {
      lua_rawgeti(L, -1, k);
      select_path(L, w, scan, k);
      lua_pop(L, 1);
    }
  }
  lua_pop(L, 3);
}

int oc_want_lead(oc_want *w) {
  return w->filtered ? oc_where_json_holds(&w->where) : 1;
}

const oc_select *oc_want_select(const oc_want *w) {
  return w->selected ? &w->select : NULL;
}

void oc_want_push_unknown(lua_State *L, int cache, const oc_want *w) {
  if (!w->filtered) {
    lua_newtable(L);
    return;
  }
  lua_rawgeti(L, cache, FILTER);
  oc_filter_push_unknown(L, lua_gettop(L), &w->where);
  lua_remove(L, -2);
}
