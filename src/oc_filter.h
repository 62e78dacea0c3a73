/*
** oc_filter.h - filters as userdata: programs out of parsed expressions, which
** hold or not for tables, and, by way of a decoder or pager, for scanned leads.
*/
#ifndef oc_filter_h
#define oc_filter_h

#include "oc_compat.h"
#include "oc_where_json.h"

/*
** Prepares j for the filter at index i and leads of this scanner; raises if it is
** no filter. now: seconds since 1970. The filter must outlive j: keep it. Free j in
** any case.
*/
void oc_filter_attach(lua_State *L, int i, oc_where_json *j, oc_scan *scan, lua_Number now);

/*
** Pushes an array of the paths ("a.b") that were looked for in j's leads and not
** found in any, though what they are members of was there.
*/
void oc_filter_push_unknown(lua_State *L, int i, const oc_where_json *j);

/* Adds `filter` and what belongs to it to the table on top of the stack. */
void oc_filter_open(lua_State *L);

#endif
