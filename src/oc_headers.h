/*
** oc_headers.h - headers as a Lua table, as every transport gives them.
*/
#ifndef oc_headers_h
#define oc_headers_h

#include <stddef.h>

#include "oc_compat.h"

/* Adds name = value to the table on top; repeated names are joined by ", ". */
void oc_headers_add(lua_State *L, const char *name, size_t name_n, const char *value, size_t value_n);

#endif
