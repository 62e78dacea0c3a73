/*
** oc_verdict.h - what the end of an answer means.
*/
#ifndef oc_verdict_h
#define oc_verdict_h

#include "oc_compat.h"
#include "oc_pager.h"

/*
** finish([err [, random]]) -> "next" | "wait", seconds [, err] | "end" | nil, err.
** The answer is over: whole, or with the host's error (an error object or a
** text). "wait" asks for the same page again; without err it was redirected.
** random: 0 to 1, for the jitter.
*/
int oc_verdict_finish(lua_State *L);

/*
** Pushes nil, err: where cannot say of the lead at hand whether it is wanted. Whatever
** is asked of the pager next, it stays there, and says so.
*/
int oc_verdict_stuck(lua_State *L, const oc_pager *p);

#endif
