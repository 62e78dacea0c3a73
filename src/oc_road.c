/*
** oc_road.c - the straight road through a value that looks like the last one.
*/
#include "oc_road.h"

#include <string.h>

#include "oc_text.h"

#if defined(__GNUC__)
#define likely(x) __builtin_expect(!!(x), 1)
#else
#define likely(x) (x)
#endif

/* What a key's head and a word take at the most: nearer to the end the machine goes on. */
#define MARGIN (OC_KEYS_HEAD + 16)

/*
** Do the bytes from p on agree with the head of a key? skip is 1 behind '{',
** where p is one byte early and no ',' stands. Both sides are padded.
*/
static inline int same_head(const char *p, const oc_node *key, unsigned skip) {
  const char *head = key->text - 2;
  const uint32_t mask = key->head & ~skip;
  if (mask == 0)
    return 0;
#if defined(__SSE2__)
  {
    const __m128i *a = (const __m128i *)(const void *)p, *b = (const __m128i *)(const void *)head;
    const __m128i low = _mm_cmpeq_epi8(_mm_loadu_si128(a), _mm_loadu_si128(b));
    const __m128i high = _mm_cmpeq_epi8(_mm_loadu_si128(a + 1), _mm_loadu_si128(b + 1));
    const uint32_t same = (uint32_t)_mm_movemask_epi8(low) |
                          (uint32_t)_mm_movemask_epi8(high) << 16;
    return (~same & mask) == 0;
  }
#else
  return memcmp(p + skip, head + skip, key->n + 4 - skip) == 0;
#endif
}

/* Behind the digits of a plain integer, if what follows ends it; else NULL. */
static inline const char *pass_digits(const char *p, const char *end) {
  const char *from = p;
  while (p < end && *p >= '0' && *p <= '9')
    p++;
  if (p == end || (*p != ',' && *p != '}' && *p != ']') || (*from == '0' && p - from > 1))
    return NULL;
  return p;
}

/*
** The end of a word or a plain integer, and its type; NULL for anything else.
*/
static inline const char *pass_short(const char *p, const char *end, enum oc_tok_type *type) {
  switch (*p) {
    case 'n':
      *type = OC_TOK_NULL;
      return memcmp(p, "null", 4) == 0 ? p + 4 : NULL;
    case 't':
      *type = OC_TOK_TRUE;
      return memcmp(p, "true", 4) == 0 ? p + 4 : NULL;
    case 'f':
      *type = OC_TOK_FALSE;
      return memcmp(p, "false", 5) == 0 ? p + 5 : NULL;
    default:
      *type = OC_TOK_INT;
      return *p >= '0' && *p <= '9' ? pass_digits(p, end) : NULL;
  }
}

/*
** The same where more than plain text comes. A place of its own for the cursor, so
** that the road's stays in a register: next key and value wait for it.
*/
static const char *pass_odd_string(const char *p, const char *end, enum oc_tok_type *type) {
  int escaped = 0;
  if (oc_text_scan(&p, end, &escaped) != OC_TEXT_END)
    return NULL;
  *type = escaped ? OC_TOK_ESCAPED : OC_TOK_STRING;
  return p;
}

/* The closing quote of a string whose text begins at p, and its type; NULL if it is bad or not all there. */
static inline const char *pass_string(const char *p, const char *end, enum oc_tok_type *type) {
  p = oc_text_plain(p, end);
  *type = OC_TOK_STRING;
  return likely(p < end && *p == '"') ? p : pass_odd_string(p, end, type);
}

/* Opens a container whose token is t; its frame. */
static oc_scan_frame *open_box(oc_scan *s, oc_tok *t, uint32_t node, int object) {
  oc_scan_frame *f = &s->frame[s->depth++];
  f->tok = (uint32_t)(t - s->tok);
  f->node = f->key = node;
  f->last = OC_KEYS_NONE;
  f->serial = ++s->serial;
  f->object = object;
  t->at = t->n = t->nulls = 0;
  t->tag = node << 8 | (object ? OC_TOK_OBJECT : OC_TOK_ARRAY);
  return f;
}

/* Longer than a function should be, so that what it looks at stays in registers. */
const char *oc_road_pass(oc_scan *s, const char *p, const char *end) {
  const char *const item = s->in.p + s->item;
  oc_node *const nodes = s->keys.node;  /* nothing is learned here: it stays where it is */
  oc_tok *const full = s->tok + s->captok - 1;
  oc_tok *t = s->tok + s->ntok;
  oc_scan_frame *f = &s->frame[s->depth - 1];
  oc_tok *box = &s->tok[f->tok];
  uint32_t last = f->last;  /* of f, which learns it when it is left */
  int state = s->state;
  while (end - p >= MARGIN && t < full) {
    const char *value, *q;
    enum oc_tok_type type;
    uint32_t node;
    if (f->object) {
      const unsigned first = last == OC_KEYS_NONE;
      node = first ? nodes[f->node].first : nodes[last].next;
      if (!same_head(p - first, &nodes[node], first) || nodes[node].seen == f->serial) {
        if (*p == '}' && s->depth > 1)
          goto close;
        break;
      }
      value = p - first + nodes[node].n + 4;
    } else {
      if (*p == ']' && s->depth > 1)
        goto close;
      if (state != OC_SCAN_FIRST_ELEMENT && *p != ',')
        break;
      node = f->key;
      value = p + (state != OC_SCAN_FIRST_ELEMENT);
    }
    if (likely(*value == '"')) {
      q = pass_string(++value, end, &type);
      if (q == NULL)
        break;
      p = q + 1;
    } else if (*value == '{' || *value == '[') {
      if (s->depth == s->max_depth)
        break;
      if (f->object) {
        nodes[node].seen = f->serial;
        f->key = f->last = node;
      }
      f = open_box(s, t, node, *value == '{');
      box = t++;
      last = OC_KEYS_NONE;
      state = f->object ? OC_SCAN_FIRST_KEY : OC_SCAN_FIRST_ELEMENT;
      p = value + 1;
      continue;
    } else {
      q = pass_short(value, end, &type);
      if (q == NULL)
        break;
      p = q;
      box->nulls += type == OC_TOK_NULL;
    }
    t->at = (uint32_t)(value - item);
    t->n = (uint32_t)(q - value);
    t->nulls = 0;
    t->tag = node << 8 | (uint32_t)type;
    t++;
    box->n++;
    state = OC_SCAN_NEXT;
    if (f->object) {
      nodes[node].seen = f->serial;
      last = node;
    }
    continue;
  close:
    box->at = (uint32_t)(t - s->tok);
    f = &s->frame[--s->depth - 1];
    box = &s->tok[f->tok];
    box->n++;
    last = f->last;
    state = OC_SCAN_NEXT;
    p++;
  }
  if (f->object && last != OC_KEYS_NONE)
    f->key = f->last = last;
  s->ntok = (uint32_t)(t - s->tok);
  s->state = state;
  return p;
}
