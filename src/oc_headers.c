/*
** oc_headers.c - headers as a Lua table: names in lower case, a text each.
*/
#include "oc_headers.h"

void oc_headers_add(lua_State *L, const char *name, size_t name_n, const char *value, size_t value_n) {
  lua_pushlstring(L, name, name_n);
  lua_pushvalue(L, -1);
  lua_rawget(L, -3);
  if (lua_isnil(L, -1)) {
    lua_pop(L, 1);
    lua_pushlstring(L, value, value_n);
  } else {
    lua_pushliteral(L, ", ");
    lua_pushlstring(L, value, value_n);
    lua_concat(L, 3);
  }
  lua_rawset(L, -3);
}
