/*
** oc_encode.h - Lua values back into JSON.
*/
#ifndef oc_encode_h
#define oc_encode_h

#include "oc_compat.h"

/* Adds `encode` to the table on top of the stack; oc_build_open comes first. */
void oc_encode_open(lua_State *L);

#endif
