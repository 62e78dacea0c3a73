/*
** oc_file.h - what the command line asks of files and terminals.
*/
#ifndef oc_file_h
#define oc_file_h

#include "oc_compat.h"

/* Adds its functions to the table on top of the stack. */
void oc_file_open(lua_State *L);

#endif
