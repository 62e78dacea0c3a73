/*
** oc_build.h - tokens into Lua values: the tables a lead needs, exactly sized.
** Knows neither where the tokens come from nor who gets the value.
*/
#ifndef oc_build_h
#define oc_build_h

#include "oc_compat.h"
#include "oc_scan.h"
#include "oc_select.h"

typedef struct oc_build {
  oc_scan *scan;   /* the value at hand; its scratch buffer is used */
  int cache;       /* stack index of the table made by oc_build_cache */
  int keep_nulls;  /* null members as lightuserdata NULL; else absent */
  const oc_select *select;  /* what to build; NULL: all */
} oc_build;

/*
** Pushes the table a builder keeps between leads, for one set of learned keys:
** [node] = the key's string, [0] = the metatable of empty arrays.
*/
void oc_build_cache(lua_State *L);

/*
** Pushes the scanned value. Null elements of an array are always lightuserdata
** NULL, so that the others keep their places. May raise Lua's memory error; the
** scanned value is untouched then.
*/
void oc_build_value(lua_State *L, const oc_build *b);

/*
** A batch of leads under way is kept in the cache, so that an error raised in its
** middle loses none. begin pushes it, taking up one that was broken off, and
** returns how many leads it has; end takes it out of the cache; shift pushes the
** first lead of a broken-off batch and takes it out, and returns whether that was
** the last.
*/
int oc_build_batch_begin(lua_State *L, int cache);
void oc_build_batch_end(lua_State *L, int cache);
int oc_build_batch_shift(lua_State *L, int cache);

/*
** Adds to the table on top of the stack: `null`, and set_array_metatable(table),
** what empty arrays carry from then on.
*/
void oc_build_open(lua_State *L);

/* Does the table on top of the stack carry the metatable of arrays? */
int oc_build_is_array(lua_State *L);

/* Pushes the metatable of arrays. */
void oc_build_push_array_metatable(lua_State *L);

#endif
