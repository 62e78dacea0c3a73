/*
** oc_compat.h - Lua 5.1, 5.2, 5.3, 5.4 and LuaJIT behind the names of 5.3.
** The one header that names versions; a file that includes it is a Lua file.
*/
#ifndef oc_compat_h
#define oc_compat_h

#include <lauxlib.h>
#include <lua.h>

#if LUA_VERSION_NUM < 502

#define lua_rawlen(L, i) lua_objlen(L, (i))

#if !defined(luaL_newlib)  /* LuaJIT has these */

#define luaL_newlib(L, l) \
  (lua_createtable(L, 0, sizeof(l) / sizeof((l)[0]) - 1), \
   luaL_setfuncs(L, (l), 0))
#define luaL_setmetatable(L, name) \
  (luaL_getmetatable(L, (name)), lua_setmetatable(L, -2))

static inline void luaL_setfuncs(lua_State *L, const luaL_Reg *l, int nup) {
  luaL_checkstack(L, nup + 1, "too many upvalues");
  for (; l->name != NULL; l++) {
    int i;
    for (i = 0; i < nup; i++)
      lua_pushvalue(L, -nup);
    lua_pushcclosure(L, l->func, nup);
    lua_setfield(L, -(nup + 2), l->name);
  }
  lua_pop(L, nup);
}

static inline void *luaL_testudata(lua_State *L, int i, const char *name) {
  void *u = lua_touserdata(L, i);
  if (u == NULL || !lua_getmetatable(L, i))
    return NULL;
  luaL_getmetatable(L, name);
  if (!lua_rawequal(L, -1, -2))
    u = NULL;
  lua_pop(L, 2);
  return u;
}

#endif
#endif

#if LUA_VERSION_NUM >= 503
#define OC_HAS_INTEGERS 1
#else
#define OC_HAS_INTEGERS 0
#define lua_isinteger(L, i) (0)
#endif

/* Pushes t[n] and returns its type. */
#if LUA_VERSION_NUM >= 503
#define oc_rawgeti(L, i, n) lua_rawgeti(L, (i), (n))
#else
#define oc_rawgeti(L, i, n) (lua_rawgeti(L, (i), (n)), lua_type(L, -1))
#endif

/* A count or offset that may pass 32 bits: an integer where there are any. */
#if OC_HAS_INTEGERS
#define oc_pushcount(L, n) lua_pushinteger(L, (lua_Integer)(n))
#else
#define oc_pushcount(L, n) lua_pushnumber(L, (lua_Number)(n))
#endif

/* Sets a count as a field of the table on top of the stack. */
#define oc_setcount(L, name, n) (oc_pushcount(L, (n)), lua_setfield(L, -2, (name)))

/*
** One Lua value that lives as long as its userdata. Before 5.4 it is the
** environment or user value, which must be a table: always give one.
*/
#if LUA_VERSION_NUM >= 504
#define oc_newuserdata(L, size) lua_newuserdatauv(L, (size), 1)
#define oc_setuservalue(L, i) ((void)lua_setiuservalue(L, (i), 1))
#define oc_getuservalue(L, i) ((void)lua_getiuservalue(L, (i), 1))
#elif LUA_VERSION_NUM >= 502
#define oc_newuserdata(L, size) lua_newuserdata(L, (size))
#define oc_setuservalue(L, i) lua_setuservalue(L, (i))
#define oc_getuservalue(L, i) lua_getuservalue(L, (i))
#else
#define oc_newuserdata(L, size) lua_newuserdata(L, (size))
#define oc_setuservalue(L, i) ((void)lua_setfenv(L, (i)))
#define oc_getuservalue(L, i) lua_getfenv(L, (i))
#endif

#endif
