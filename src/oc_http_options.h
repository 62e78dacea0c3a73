/*
** oc_http_options.h - the options of a request: from a Lua table to an oc_request.
*/
#ifndef oc_http_options_h
#define oc_http_options_h

#include "oc_compat.h"
#include "oc_transport.h"

/*
** Fills r from the table at index i (positive), or raises. The strings in r stay
** the table's. `headers` are checked, and not in r: they are a list.
*/
void oc_http_options_take(lua_State *L, int i, oc_request *r);

#endif
