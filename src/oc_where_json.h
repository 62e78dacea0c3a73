/*
** oc_where_json.h - a filter's values out of a scanned lead.
** A step of a path is a node of the scanner's keys, so finding a member is
** comparing numbers. Nothing is built. Knows no grammar and no Lua.
*/
#ifndef oc_where_json_h
#define oc_where_json_h

#include "oc_scan.h"
#include "oc_where.h"

typedef struct oc_where_json {
  oc_where_run run;
  oc_scan *scan;
  uint32_t *node;        /* of each step */
  unsigned char *found;  /* of each node that a step has: OC_WHERE_LOOKED, OC_WHERE_FOUND */
  oc_buf key[2];
  int wide_are_texts;    /* integers that a double may not hold are texts, as oc_build makes them */
} oc_where_json;

enum { OC_WHERE_LOOKED = 1, OC_WHERE_FOUND = 2 };

/*
** Prepares w for leads of this scanner, whose keys learn its paths; keys by their
** numbers. OC_OK, OC_EMEM, or OC_ELIMIT where a key cannot be learned (it is too
** long, or there are too many). Free it in any case.
*/
int oc_where_json_init(oc_where_json *j, const oc_where *w, oc_scan *scan, const char *const *key,
                       const size_t *key_n);
void oc_where_json_free(oc_where_json *j);

/* Does it hold for the scanned value at hand? As oc_where_holds. */
int oc_where_json_holds(oc_where_json *j);

#endif
