/*
** oc_want.h - which leads are wanted, and what of them: the options where and
** select of decoder and pager. Knows neither pages nor how leads are built.
*/
#ifndef oc_want_h
#define oc_want_h

#include "oc_compat.h"
#include "oc_select.h"
#include "oc_where_json.h"

#define OC_WANT_TOO_MUCH_WORK "where needs too much work on this lead"

typedef struct oc_want {
  oc_where_json where;
  oc_select select;
  int filtered, selected;
} oc_want;

void oc_want_init(oc_want *w);
void oc_want_free(oc_want *w);

/*
** Reads where (a filter), select (a list of paths) and now (seconds since 1970) from
** the table at index i; the scanner's keys learn what they name. Keeps the filter
** in the table at index cache. Raises for what is unusable.
*/
void oc_want_options(lua_State *L, int i, int cache, oc_want *w, oc_scan *scan);

/* Is the scanned lead at hand wanted? 1, 0, OC_EMEM, or OC_ELIMIT: too much work. */
int oc_want_lead(oc_want *w);

/* What to build of it, for oc_build; NULL: all. */
const oc_select *oc_want_select(const oc_want *w);

/* Pushes an array of the fields that no lead had; the filter is in the cache. */
void oc_want_push_unknown(lua_State *L, int cache, const oc_want *w);

#endif
