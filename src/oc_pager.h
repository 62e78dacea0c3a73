/*
** oc_pager.h - pages of leads as a userdata, without any I/O: what to ask, and
** what to make of the answer.
*/
#ifndef oc_pager_h
#define oc_pager_h

#include "oc_compat.h"

/* Adds `pager` to the table on top of the stack; oc_build_open comes first. */
void oc_pager_open(lua_State *L);

#endif
