/*
** oc_keys.c - the keys that objects had so far, as a tree of paths.
*/
#include "oc_keys.h"

#include <stdlib.h>
#include <string.h>

#define BUCKETS 1024u  /* a power of two */
#define ARENA_BYTES 8192u

/* Key texts are kept in blocks that never move: scanners hold on to them. */
typedef struct oc_keys_arena {
  struct oc_keys_arena *older;
  size_t n;
  char text[ARENA_BYTES + OC_BUF_PAD];  /* so that vector loads may read past the end */
} arena;

static uint32_t hash(uint32_t parent, const char *s, size_t n) {
  uint32_t h = 2166136261u ^ (parent * 0x9E3779B1u);
  size_t i;
  for (i = 0; i < n; i++)
    h = (h ^ (unsigned char)s[i]) * 16777619u;
  return h ^ (h >> 15);
}

int oc_keys_init(oc_keys *k) {
  memset(k, 0, sizeof *k);
  k->cap = 64;
  k->node = calloc(k->cap, sizeof *k->node);
  k->bucket = calloc(BUCKETS, sizeof *k->bucket);
  if (k->node == NULL || k->bucket == NULL)
    return OC_EMEM;
  k->node[OC_KEYS_NONE].text = k->node[OC_KEYS_ROOT].text = "\"";
  k->n = 2;
  return OC_OK;
}

void oc_keys_free(oc_keys *k) {
  while (k->arena != NULL) {
    arena *a = k->arena;
    k->arena = a->older;
    free(a);
  }
  free(k->node);
  free(k->bucket);
  memset(k, 0, sizeof *k);
}

/* A copy of the key, with what stands around it in a compact document: predictions compare that too. */
static const char *keep_text(oc_keys *k, const char *key, size_t n) {
  char *text;
  if (k->arena == NULL || ARENA_BYTES - k->arena->n < n + 4) {
    arena *a = malloc(sizeof *a);
    if (a == NULL)
      return NULL;
    a->older = k->arena;
    a->n = 0;
    k->arena = a;
  }
  text = k->arena->text + k->arena->n + 2;
  memcpy(text - 2, ",\"", 2);
  memcpy(text, key, n);
  memcpy(text + n, "\":", 2);
  k->arena->n += n + 4;
  return text;
}

static int64_t learn(oc_keys *k, uint32_t parent, const char *key, size_t n, uint32_t *bucket) {
  oc_node *node;
  const char *text;
  if (k->n == k->cap) {
    node = realloc(k->node, 2 * (size_t)k->cap * sizeof *node);
    if (node == NULL)
      return OC_EMEM;
    k->node = node;
    k->cap *= 2;
  }
  text = keep_text(k, key, n);
  if (text == NULL)
    return OC_EMEM;
  node = &k->node[k->n];
  memset(node, 0, sizeof *node);
  node->text = text;
  node->n = (uint32_t)n;
  if (n + 4 <= OC_KEYS_HEAD)
    node->head = (uint32_t)(((uint64_t)1 << (n + 4)) - 1);
  node->parent = parent;
  node->chain = *bucket;
  *bucket = k->n;
  return k->n++;
}

int64_t oc_keys_find(oc_keys *k, uint32_t parent, const char *key, size_t n) {
  uint32_t *bucket, i;
  if (parent == OC_KEYS_NONE || n > OC_KEYS_MAX_LEN)
    return OC_KEYS_NONE;
  bucket = &k->bucket[hash(parent, key, n) & (BUCKETS - 1)];
  for (i = *bucket; i != 0; i = k->node[i].chain) {
    const oc_node *node = &k->node[i];
    if (node->parent == parent && node->n == n && memcmp(node->text, key, n) == 0)
      return i;
  }
  if (k->n == OC_KEYS_MAX_NODES)
    return OC_KEYS_NONE;
  return learn(k, parent, key, n, bucket);
}
