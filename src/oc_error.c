/*
** oc_error.c - error objects as Lua tables.
*/
#include "oc_error.h"

#include <stdarg.h>

static const char METATABLE[] = "oc.error";

static void push(lua_State *L, const char *kind, const char *fmt, va_list ap) {
  luaL_checkstack(L, 4, "error object");
  lua_createtable(L, 0, 8);
  lua_pushstring(L, kind);
  lua_setfield(L, -2, "kind");
  lua_pushvfstring(L, fmt, ap);
  lua_setfield(L, -2, "message");
  luaL_getmetatable(L, METATABLE);
  lua_setmetatable(L, -2);
}

void oc_error_push(lua_State *L, const char *kind, const char *fmt, ...) {
  va_list ap;
  va_start(ap, fmt);
  push(L, kind, fmt, ap);
  va_end(ap);
}

int oc_error_fail(lua_State *L, const char *kind, const char *fmt, ...) {
  va_list ap;
  lua_pushnil(L);
  va_start(ap, fmt);
  push(L, kind, fmt, ap);
  va_end(ap);
  return 2;
}

int oc_error_no_memory(lua_State *L) {
  lua_pushliteral(L, "not enough memory");  /* without a place, as Lua's own */
  return lua_error(L);
}

static int l_tostring(lua_State *L) {
  luaL_checktype(L, 1, LUA_TTABLE);
  lua_getfield(L, 1, "message");
  if (lua_type(L, -1) != LUA_TSTRING)
    lua_pushliteral(L, "error without a message");
  return 1;
}

void oc_error_open(lua_State *L) {
  luaL_newmetatable(L, METATABLE);  /* filled in a second time if memory ran out over it */
  lua_pushcfunction(L, l_tostring);
  lua_setfield(L, -2, "__tostring");
  lua_setfield(L, -2, "error_metatable");
}
