/*
** oc_answer.h - adds `answer` to the module.
*/
#ifndef oc_answer_h
#define oc_answer_h

#include "oc_compat.h"

/* Adds `answer` to the table on top of the stack. */
void oc_answer_open(lua_State *L);

#endif
