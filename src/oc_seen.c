/*
** oc_seen.c - which leads were here already.
**
** Two open-addressing tables: keys go into the young one; when that is full it
** becomes the old one, whose keys are forgotten. So nothing is ever deleted
** singly, and the newest half of the ceiling is always known.
*/
#include "oc_seen.h"

#include <stdlib.h>
#include <string.h>

#define FIRST_SLOTS 1024u

void oc_seen_init(oc_seen *s, uint32_t max) {
  memset(s, 0, sizeof *s);
  s->max_half = max / 2;
}

static void free_half(oc_seen_half *h) {
  free(h->key);
  free(h->stamp);
  memset(h, 0, sizeof *h);
}

void oc_seen_free(oc_seen *s) {
  free_half(&s->young);
  free_half(&s->old);
  s->forgotten = 0;
}

/* The slot of the key, or the free one where it belongs; slots is not 0. */
static uint32_t slot_of(const oc_seen_half *h, oc_seen_key key) {
  const uint64_t mixed = (key.a ^ (key.b >> 29)) * UINT64_C(0x9E3779B97F4A7C15);
  uint32_t i = (uint32_t)(((mixed >> 32) * h->slots) >> 32);
  while ((h->key[i].a | h->key[i].b) != 0 &&
         (h->key[i].a != key.a || h->key[i].b != key.b))
    i = i + 1 == h->slots ? 0 : i + 1;
  return i;
}

static uint32_t *lookup(const oc_seen_half *h, oc_seen_key key) {
  uint32_t i;
  if (h->n == 0)
    return NULL;
  i = slot_of(h, key);
  return (h->key[i].a | h->key[i].b) != 0 ? &h->stamp[i] : NULL;
}

/* Makes the table larger: double, but no more than its ceiling needs. */
static int grow(oc_seen_half *h, uint32_t max) {
  const uint32_t most = max + max / 3 + 2;  /* three quarters full at the most */
  oc_seen_half next = {NULL, NULL, 0, 0};
  uint32_t i;
  next.slots = h->slots == 0 ? FIRST_SLOTS : h->slots > most / 2 ? most : h->slots * 2;
  if (next.slots > most)
    next.slots = most;
  next.key = calloc(next.slots, sizeof *next.key);
  next.stamp = malloc(next.slots * sizeof *next.stamp);
  if (next.key == NULL || next.stamp == NULL) {
    free_half(&next);
    return OC_EMEM;
  }
  for (i = 0; i < h->slots; i++) {
    if ((h->key[i].a | h->key[i].b) != 0) {
      const uint32_t to = slot_of(&next, h->key[i]);
      next.key[to] = h->key[i];
      next.stamp[to] = h->stamp[i];
    }
  }
  next.n = h->n;
  free_half(h);
  *h = next;
  return OC_OK;
}

int oc_seen_add(oc_seen *s, oc_seen_key key, uint32_t stamp, uint32_t **found) {
  uint32_t i;
  if ((*found = lookup(&s->young, key)) != NULL || (*found = lookup(&s->old, key)) != NULL)
    return 1;
  if (s->young.n == s->max_half) {
    s->forgotten += s->old.n;
    free_half(&s->old);
    s->old = s->young;
    memset(&s->young, 0, sizeof s->young);
  }
  if (s->young.n >= s->young.slots - s->young.slots / 4 && grow(&s->young, s->max_half) != OC_OK)
    return OC_EMEM;
  i = slot_of(&s->young, key);
  s->young.key[i] = key;
  s->young.stamp[i] = stamp;
  s->young.n++;
  return 0;
}

int oc_seen_has(const oc_seen *s, oc_seen_key key) {
  return lookup(&s->young, key) != NULL || lookup(&s->old, key) != NULL;
}

/* --- keys --------------------------------------------------------------- */

#define rotate(x, b) (((x) << (b)) | ((x) >> (64 - (b))))

static void sip_rounds(uint64_t v[4], int rounds) {
  while (rounds-- > 0) {
    v[0] += v[1]; v[1] = rotate(v[1], 13); v[1] ^= v[0]; v[0] = rotate(v[0], 32);
    v[2] += v[3]; v[3] = rotate(v[3], 16); v[3] ^= v[2];
    v[0] += v[3]; v[3] = rotate(v[3], 21); v[3] ^= v[0];
    v[2] += v[1]; v[1] = rotate(v[1], 17); v[1] ^= v[2]; v[2] = rotate(v[2], 32);
  }
}

/* SipHash-2-4 with 128 bits of output, as published, under a fixed key. */
oc_seen_key oc_seen_hash(const void *bytes, size_t n) {
  const unsigned char *p = bytes;
  const uint64_t k0 = UINT64_C(0x6f632d6c65616473), k1 = UINT64_C(0x686173682d6b6579);
  uint64_t v[4] = {UINT64_C(0x736f6d6570736575), UINT64_C(0x646f72616e646f6d),
                   UINT64_C(0x6c7967656e657261), UINT64_C(0x7465646279746573)};
  uint64_t last = (uint64_t)n << 56;
  oc_seen_key key;
  size_t left = n, i;
  v[0] ^= k0; v[1] ^= k1 ^ 0xee; v[2] ^= k0; v[3] ^= k1;
  for (; left >= 8; left -= 8, p += 8) {
    uint64_t m = 0;
    for (i = 0; i < 8; i++)
      m |= (uint64_t)p[i] << (8 * i);
    v[3] ^= m;
    sip_rounds(v, 2);
    v[0] ^= m;
  }
  for (i = 0; i < left; i++)
    last |= (uint64_t)p[i] << (8 * i);
  v[3] ^= last;
  sip_rounds(v, 2);
  v[0] ^= last;
  v[2] ^= 0xee;
  sip_rounds(v, 4);
  key.a = v[0] ^ v[1] ^ v[2] ^ v[3];
  v[1] ^= 0xdd;
  sip_rounds(v, 4);
  key.b = v[0] ^ v[1] ^ v[2] ^ v[3];
  if ((key.a | key.b) == 0)
    key.a = 1;  /* zeros mean a free slot */
  return key;
}

/* The value of each hexadecimal digit; 255: it is none. By table, since which are letters is chance. */
static const unsigned char hex[256] = {
#define NONE4 255, 255, 255, 255
#define NONE16 NONE4, NONE4, NONE4, NONE4
  NONE16, NONE16, NONE16,
  0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 255, 255, NONE4,
  255, 10, 11, 12, 13, 14, 15, 255, NONE4, NONE4, NONE16,
  255, 10, 11, 12, 13, 14, 15, 255, NONE4, NONE4, NONE16,
  NONE16, NONE16, NONE16, NONE16, NONE16, NONE16, NONE16, NONE16
#undef NONE16
#undef NONE4
};

/* Adds n digits to *half; beyond 15 in the result: one of them was none. */
static inline unsigned digits(uint64_t *half, const char *s, int n) {
  unsigned all = 0;
  int i;
  for (i = 0; i < n; i++) {
    const unsigned h = hex[(unsigned char)s[i]];
    all |= h;
    *half = *half << 4 | (h & 15);
  }
  return all;
}

/* Reads xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx; 1 if it is one. */
static int guid(oc_seen_key *key, const char *s, size_t n) {
  unsigned all;
  if (n != 36 || s[8] != '-' || s[13] != '-' || s[18] != '-' || s[23] != '-')
    return 0;
  key->a = key->b = 0;
  all = digits(&key->a, s, 8) | digits(&key->a, s + 9, 4) | digits(&key->a, s + 14, 4);
  all |= digits(&key->b, s + 19, 4) | digits(&key->b, s + 24, 12);
  return all <= 15;
}

int oc_seen_key_of_id(oc_seen_key *key, const char *id, size_t n) {
  if (n == 0)
    return 0;
  if (guid(key, id, n))
    return (key->a | key->b) != 0;
  *key = oc_seen_hash(id, n);
  return 1;
}
