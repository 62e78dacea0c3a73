/*
** oc_verdict.h - what the end of an answer means.
*/
#ifndef oc_verdict_h
#define oc_verdict_h

#include "oc_compat.h"

/*
** finish([err [, random]]) -> "next" | "wait", seconds [, err] | "end" | nil, err.
** The answer is over: whole, or with the host's error (an error object or a
** text). "wait" asks for the same page again; without err it was redirected.
** random: 0 to 1, for the jitter.
*/
int oc_verdict_finish(lua_State *L);

#endif
