/*
** oc_keys.h - the keys that objects had so far, as a tree of paths.
** A node is one key below one path; elements of an array share the path of the
** array. So a field is one number wherever it is asked for, and the key that
** followed last time is a good guess for the one that follows now. Knows
** nothing of values.
*/
#ifndef oc_keys_h
#define oc_keys_h

#include <stdint.h>

#include "oc_buf.h"

#define OC_KEYS_NONE 0u  /* not learned: what lies below is not learned either */
#define OC_KEYS_ROOT 1u  /* the lead itself */

/* Ceilings: a service with keys beyond them is read all the same, only slower. */
#define OC_KEYS_MAX_NODES 4096u
#define OC_KEYS_MAX_LEN 128u

#define OC_KEYS_HEAD 32u  /* bytes of ,"key": that are compared at one stroke */

typedef struct oc_node {
  const char *text;  /* the key, between ," and ": in the arena; moves never */
  uint32_t n;        /* bytes of the key */
  uint32_t head;     /* a bit for each byte of ,"key": or 0 if these are more than 32 */
  uint32_t next;     /* the node that followed this one last time */
  uint32_t first;    /* the node that came first in an object held here */
  uint32_t seen;     /* number of the last object that had this key */
  uint32_t parent;
  uint32_t chain;    /* next node in the same bucket */
} oc_node;

typedef struct oc_keys {
  oc_node *node;     /* [0] is OC_KEYS_NONE, [1] OC_KEYS_ROOT */
  uint32_t n, cap;
  uint32_t *bucket;
  struct oc_keys_arena *arena;
} oc_keys;

/* OC_OK or OC_EMEM; after OC_EMEM free is allowed and nothing else. */
int oc_keys_init(oc_keys *k);
void oc_keys_free(oc_keys *k);

/*
** The node of a key (unescaped) below parent; learned now if it is new.
** OC_KEYS_NONE where it cannot be learned: parent is NONE, the key is too long,
** the tree is full. OC_EMEM as a negative number.
*/
int64_t oc_keys_find(oc_keys *k, uint32_t parent, const char *key, size_t n);

#endif
