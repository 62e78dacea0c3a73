/*
** oc_select.h - which fields of a lead are to be built. Paths become marks on the
** nodes of learned keys. Knows neither values nor Lua.
*/
#ifndef oc_select_h
#define oc_select_h

#include "oc_keys.h"

enum oc_select_mark {
  OC_SELECT_NONE,
  OC_SELECT_SOME,  /* the value, if it is a container, and of it what is marked */
  OC_SELECT_ALL    /* the value as it is */
};

typedef struct oc_select {
  unsigned char *mark;  /* by node; nodes from n on have none */
  uint32_t *members;    /* of a node: how many marked ones are below it */
  uint32_t n;
} oc_select;

/* Selects nothing yet. */
void oc_select_init(oc_select *s);
void oc_select_free(oc_select *s);

/*
** Adds a path, its keys separated by dots; the keys learn it. OC_OK, OC_EMEM;
** OC_EBAD: a key is empty; OC_ELIMIT: one is too long, or there are too many.
*/
int oc_select_add(oc_select *s, oc_keys *keys, const char *path, size_t n);

static inline enum oc_select_mark oc_select_of(const oc_select *s, uint32_t node) {
  return node < s->n ? (enum oc_select_mark)s->mark[node] : OC_SELECT_NONE;
}

/* How many members of the node's value may be built. */
static inline uint32_t oc_select_members(const oc_select *s, uint32_t node) {
  return node < s->n ? s->members[node] : 0;
}

#endif
