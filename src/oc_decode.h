/*
** oc_decode.h - the decoder as a userdata: feed, next, read, finish.
*/
#ifndef oc_decode_h
#define oc_decode_h

#include "oc_compat.h"
#include "oc_json.h"

/*
** Reads the decoder's own options from the table at index i into j, and whether
** nulls are kept; raises for a value out of range. Absent fields keep defaults.
** max_depth is read before j exists: oc_decode_depth.
*/
unsigned oc_decode_depth(lua_State *L, int i);
void oc_decode_options(lua_State *L, int i, oc_json *j, int *keep_nulls);

/* Pushes nil and the error object for the fault of j, and returns 2. */
int oc_decode_fail(lua_State *L, const oc_json *j);

/* Adds `decoder`, `decoder_methods` and `decode` to the table on top of the stack. */
void oc_decode_open(lua_State *L);

#endif
