/*
** oc_http.h - the transport, the clock and interrupts for Lua.
*/
#ifndef oc_http_h
#define oc_http_h

#include "oc_compat.h"

/*
** Adds http, now, time, sleep, catch_interrupt, interrupted, release_interrupt
** and versions to the table on top of the stack. Starts nothing.
*/
void oc_http_open(lua_State *L);

#endif
