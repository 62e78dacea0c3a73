/*
** oc_error.h - error objects as Lua tables.
** The one place where an error of the world gets its shape; who finds the
** error says its kind and adds the fields that apply.
*/
#ifndef oc_error_h
#define oc_error_h

#include "oc_compat.h"

/*
** Pushes a new error object {kind = kind, message = ...}; fmt as for
** lua_pushfstring. The object's metatable gives tostring (the message) and is
** the one that `oc.is_error` knows.
*/
void oc_error_push(lua_State *L, const char *kind, const char *fmt, ...);

/* Pushes nil and a new error object, and returns 2: for `return oc_error_fail`. */
int oc_error_fail(lua_State *L, const char *kind, const char *fmt, ...);

/* Raises what Lua itself raises when an allocation fails. Does not return. */
int oc_error_no_memory(lua_State *L);

/* Adds `error_metatable` to the table on top of the stack. */
void oc_error_open(lua_State *L);

#endif
