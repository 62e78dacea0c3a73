/*
** oc_address.h - what Lua asks about addresses and verdicts, from the pure files.
*/
#ifndef oc_address_h
#define oc_address_h

#include "oc_compat.h"

/*
** Adds `address`, `join`, `resolve`, `encode_form`, `judge`, `backoff` and `retryable` to the
** table on top of the stack.
*/
void oc_address_open(lua_State *L);

#endif
