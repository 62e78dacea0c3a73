/*
** oc_select.c - which fields of a lead are to be built.
*/
#include "oc_select.h"

#include <stdlib.h>
#include <string.h>

void oc_select_init(oc_select *s) {
  memset(s, 0, sizeof *s);
}

void oc_select_free(oc_select *s) {
  free(s->mark);
  free(s->members);
  oc_select_init(s);
}

/* Room for marks up to this node. */
static int reach(oc_select *s, uint32_t node) {
  const uint32_t n = node + 1;
  unsigned char *mark;
  uint32_t *members;
  if (n <= s->n)
    return OC_OK;
  mark = realloc(s->mark, n * sizeof *mark);
  if (mark == NULL)
    return OC_EMEM;
  s->mark = mark;
  members = realloc(s->members, n * sizeof *members);
  if (members == NULL)
    return OC_EMEM;
  s->members = members;
  memset(mark + s->n, 0, (n - s->n) * sizeof *mark);
  memset(members + s->n, 0, (n - s->n) * sizeof *members);
  s->n = n;
  return OC_OK;
}

/* The wider selection counts: a.b after a changes nothing. */
static int mark(oc_select *s, uint32_t parent, uint32_t node, enum oc_select_mark how) {
  if (reach(s, node) != OC_OK)
    return OC_EMEM;
  s->members[parent] += s->mark[node] == OC_SELECT_NONE;
  if (how > s->mark[node])
    s->mark[node] = (unsigned char)how;
  return OC_OK;
}

int oc_select_add(oc_select *s, oc_keys *keys, const char *path, size_t n) {
  uint32_t parent = OC_KEYS_ROOT;
  if (reach(s, OC_KEYS_ROOT) != OC_OK)
    return OC_EMEM;
  s->mark[OC_KEYS_ROOT] = OC_SELECT_SOME;
  for (;;) {
    const char *dot = n > 0 ? memchr(path, '.', n) : NULL;
    const size_t key_n = dot != NULL ? (size_t)(dot - path) : n;
    int64_t node;
    if (key_n == 0)
      return OC_EBAD;
    node = oc_keys_find(keys, parent, path, key_n);
    if (node <= OC_KEYS_NONE)
      return node < 0 ? OC_EMEM : OC_ELIMIT;
    if (mark(s, parent, (uint32_t)node, dot != NULL ? OC_SELECT_SOME : OC_SELECT_ALL) != OC_OK)
      return OC_EMEM;
    if (dot == NULL)
      return OC_OK;
    parent = (uint32_t)node;
    path = dot + 1;
    n -= key_n + 1;
  }
}
