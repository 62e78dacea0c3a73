/*
** oc_seen.h - which leads were here already.
** Keeps 16-byte keys with a stamp each, as many as its ceiling; beyond it the
** oldest are forgotten, and it says how many. Knows nothing of pages.
*/
#ifndef oc_seen_h
#define oc_seen_h

#include <stddef.h>
#include <stdint.h>

#include "oc_status.h"

/* Keys kept at most: about 28 MB. The older half goes when it is full. */
#define OC_SEEN_MAX 1048576u

typedef struct oc_seen_key {
  uint64_t a, b;
} oc_seen_key;

typedef struct oc_seen_half {
  oc_seen_key *key;   /* {0,0}: free */
  uint32_t *stamp;
  uint32_t slots, n;
} oc_seen_half;

typedef struct oc_seen {
  oc_seen_half young, old;
  uint32_t max_half;
  uint64_t forgotten;  /* keys that went, the oldest first */
} oc_seen;

/* An empty set of at most max keys (at least 2). Allocates nothing. */
void oc_seen_init(oc_seen *s, uint32_t max);
void oc_seen_free(oc_seen *s);

/*
** Finds a key or adds it with the stamp given. 1: it was there, *stamp points to
** its stamp, which may be changed until the next call. 0: new. OC_EMEM.
*/
int oc_seen_add(oc_seen *s, oc_seen_key key, uint32_t stamp, uint32_t **found);

/* Is the key there? */
int oc_seen_has(const oc_seen *s, oc_seen_key key);

/*
** The key of an id: a GUID's own 16 bytes, whatever the case of its letters,
** else a 128-bit hash of the text. 0 for what identifies nothing: no text, or
** the GUID of zeros.
*/
int oc_seen_key_of_id(oc_seen_key *key, const char *id, size_t n);

/* A 128-bit hash (SipHash-2-4) of any bytes. */
oc_seen_key oc_seen_hash(const void *bytes, size_t n);

#endif
