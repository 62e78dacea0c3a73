/*
** oc_names.h - the service's field names: which one a key is, and where it stands.
**
** Short strings are one object each while they live, in every Lua, so where a key's text
** is says which name it is. The userdata keeps those strings alive.
*/
#ifndef oc_names_h
#define oc_names_h

#include <stdint.h>

#include "oc_compat.h"

#define OC_NAMES_KNOWN 44          /* at most 64: sets of them are bits of a word */
#define OC_NAMES_UNKNOWN 1000      /* the rank of any other key */
#define OC_NAMES_LABEL_BYTES 24    /* more than any */
#define OC_NAMES_SLOTS 128         /* a power of two, more than twice as many as are known */

typedef struct oc_names {
  const char *text[OC_NAMES_SLOTS];
  unsigned char rank[OC_NAMES_SLOTS];
  char label[OC_NAMES_KNOWN][OC_NAMES_LABEL_BYTES];  /* ,"name": */
  unsigned char label_n[OC_NAMES_KNOWN];
} oc_names;

/* Pushes an oc_names. */
void oc_names_push(lua_State *L);

static inline size_t oc_names_slot(const char *text) {
  return (size_t)((uintptr_t)text * UINT64_C(0x9E3779B97F4A7C15) >> 40) & (OC_NAMES_SLOTS - 1);
}

/* The rank of a key, whose text is Lua's own: its place in the service's order. */
static inline int oc_names_rank(const oc_names *known, const char *key) {
  size_t i = oc_names_slot(key);
  for (; known->text[i] != NULL; i = (i + 1) & (OC_NAMES_SLOTS - 1))
    if (known->text[i] == key)
      return known->rank[i];
  return OC_NAMES_UNKNOWN;
}

#endif
