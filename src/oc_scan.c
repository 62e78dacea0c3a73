/*
** oc_scan.c - one JSON value at a time: bytes in, a row of tokens out.
*/
#include "oc_scan.h"

#include <stdlib.h>
#include <string.h>

#include "oc_number.h"
#include "oc_road.h"
#include "oc_text.h"

#if defined(__GNUC__)
#define likely(x) __builtin_expect(!!(x), 1)
#else
#define likely(x) (x)
#endif

int oc_scan_init(oc_scan *s, unsigned max_depth) {
  memset(s, 0, sizeof *s);
  s->max_value_bytes = OC_SCAN_MAX_VALUE_BYTES;
  s->max_body_bytes = OC_SCAN_MAX_BODY_BYTES;
  s->max_depth = max_depth;
  oc_buf_init(&s->in, (size_t)-1 / 2);
  oc_buf_init(&s->scratch, OC_SCAN_TOP_VALUE_BYTES);
  s->captok = 256;
  s->tok = malloc(s->captok * sizeof *s->tok);
  s->frame = malloc(max_depth * sizeof *s->frame);
  if (s->tok == NULL || s->frame == NULL)
    return OC_EMEM;
  return oc_keys_init(&s->keys);
}

void oc_scan_free(oc_scan *s) {
  oc_buf_free(&s->in);
  oc_buf_free(&s->scratch);
  oc_keys_free(&s->keys);
  free(s->tok);
  free(s->frame);
  s->tok = NULL;
  s->frame = NULL;
}

void oc_scan_reset(oc_scan *s) {
  s->in.n = s->item = s->pos = 0;
  s->base = 0;
  s->fault = OC_JSON_NO_FAULT;
}

enum oc_got oc_scan_fail(oc_scan *s, enum oc_fault_json fault, size_t at, const char *text) {
  s->fault = fault;
  s->fault_at = s->base + at;
  s->fault_text = text;
  return OC_FAILED;
}

/* The same, at a place within the bytes. */
static enum oc_got fail(oc_scan *s, enum oc_fault_json fault, const char *at, const char *text) {
  return oc_scan_fail(s, fault, (size_t)(at - s->in.p), text);
}

static enum oc_got no_memory(oc_scan *s) {
  return oc_scan_fail(s, OC_JSON_MEMORY, s->pos, "out of memory");
}

int oc_scan_feed(oc_scan *s, const void *bytes, size_t n) {
  int status;
  if (s->fault != OC_JSON_NO_FAULT)
    return OC_EBAD;
  if (n > s->max_body_bytes || s->base + s->in.n > s->max_body_bytes - n) {
    oc_scan_fail(s, OC_JSON_LIMIT, (size_t)(s->max_body_bytes - s->base),
                 "a body larger than max_body_bytes");
    return OC_ELIMIT;
  }
  if (s->item > 0 && s->item >= s->in.n - s->item) {  /* moves less than it drops */
    oc_buf_drop(&s->in, s->item);
    s->base += s->item;
    s->pos -= s->item;
    s->item = 0;
  }
  status = oc_buf_add(&s->in, bytes, n);
  if (status != OC_OK)
    no_memory(s);
  else
    memset(s->in.p + s->in.n, 0, OC_BUF_PAD);  /* read by vector loads, never judged */
  return status;
}

static int is_space(char c) {
  return c == ' ' || c == '\n' || c == '\r' || c == '\t';
}

int oc_scan_skip_space(oc_scan *s) {
  while (s->pos < s->in.n && is_space(s->in.p[s->pos]))
    s->pos++;
  s->item = s->pos;
  return s->pos < s->in.n;
}

void oc_scan_begin(oc_scan *s) {
  s->item = s->pos;
  s->ntok = 0;
  s->depth = 0;
  s->state = OC_SCAN_VALUE;
}

/* Room for a key and a value; 0 if there is no memory. */
static int room(oc_scan *s) {
  oc_tok *tok;
  if (likely(s->captok - s->ntok >= 2))
    return 1;
  tok = realloc(s->tok, 2 * (size_t)s->captok * sizeof *tok);
  if (tok == NULL)
    return 0;
  s->tok = tok;
  s->captok *= 2;
  return 1;
}

static oc_tok *emit(oc_scan *s, enum oc_tok_type type, uint32_t node, size_t at, size_t n) {
  oc_tok *t = &s->tok[s->ntok++];
  t->at = (uint32_t)at;
  t->n = (uint32_t)n;
  t->nulls = 0;
  t->tag = node << 8 | (uint32_t)type;
  return t;
}

/* The node of the value that comes next. */
static uint32_t value_node(const oc_scan *s) {
  return s->depth == 0 ? OC_KEYS_ROOT : s->frame[s->depth - 1].key;
}

static enum oc_got open_container(oc_scan *s, const char *p, int object) {
  const uint32_t node = value_node(s);
  oc_scan_frame *f;
  if (s->depth == s->max_depth)
    return fail(s, OC_JSON_LIMIT, p, "nested deeper than max_depth");
  f = &s->frame[s->depth++];
  f->tok = s->ntok;
  f->node = f->key = node;
  f->last = OC_KEYS_NONE;
  f->serial = ++s->serial;
  f->object = object;
  emit(s, object ? OC_TOK_OBJECT : OC_TOK_ARRAY, node, 0, 0);
  s->state = object ? OC_SCAN_FIRST_KEY : OC_SCAN_FIRST_ELEMENT;
  return OC_MORE;
}

/* Counts a value into its container and sets what comes next. */
static void value_done(oc_scan *s) {
  if (s->depth > 0)
    s->tok[s->frame[s->depth - 1].tok].n++;
  s->state = OC_SCAN_NEXT;
}

static void close_container(oc_scan *s) {
  s->tok[s->frame[--s->depth].tok].at = s->ntok;
  value_done(s);
}

/* Notes the key of the member at hand, and whether this object had it before. */
static inline void note_key(oc_scan *s, oc_scan_frame *f, uint32_t node) {
  f->key = f->last = node;
  if (s->keys.node[node].seen == f->serial)
    s->tok[f->tok].tag |= OC_TOK_REPEATS;
  s->keys.node[node].seen = f->serial;
}

/* The key read now is the one to expect next time behind the last one. */
static void predict(oc_scan *s, const oc_scan_frame *f, uint32_t node) {
  if (f->last != OC_KEYS_NONE)
    s->keys.node[f->last].next = node;
  else
    s->keys.node[f->node].first = node;
}

/* A key has been read that was not the predicted one. */
static enum oc_got take_key(oc_scan *s, const char *item, size_t n) {
  oc_scan_frame *f = &s->frame[s->depth - 1];
  const char *text = item + s->start;
  size_t len = n;
  int64_t node;
  if (s->escaped) {
    s->scratch.n = 0;
    if (oc_buf_reserve(&s->scratch, n) != OC_OK)
      return no_memory(s);
    len = oc_text_unescape(s->scratch.p, text, n);
    text = s->scratch.p;
  }
  node = oc_keys_find(&s->keys, f->node, text, len);
  if (node < 0)
    return no_memory(s);
  if (node == OC_KEYS_NONE) {
    f->key = OC_KEYS_NONE;
    s->tok[f->tok].tag |= OC_TOK_REPEATS;  /* nobody looks: it may */
    emit(s, s->escaped ? OC_TOK_KEY_ESCAPED : OC_TOK_KEY, 0, s->start, n);
    return OC_MORE;
  }
  if (!s->escaped)  /* else its text may hold what must not stand for itself */
    predict(s, f, (uint32_t)node);
  note_key(s, f, (uint32_t)node);
  return OC_MORE;
}

/* Do n + 1 bytes agree? Both sides are padded: see OC_BUF_PAD and oc_keys. */
static inline int same_text(const char *a, const char *b, size_t n) {
#if defined(__SSE2__)
  if (likely(n < 16)) {
    const __m128i x = _mm_loadu_si128((const __m128i *)(const void *)a);
    const __m128i y = _mm_loadu_si128((const __m128i *)(const void *)b);
    const unsigned differ = ~(unsigned)_mm_movemask_epi8(_mm_cmpeq_epi8(x, y));
    return (differ & ((2u << n) - 1)) == 0;
  }
#endif
  return memcmp(a, b, n + 1) == 0;
}

/* Passes the predicted key and its quote; p behind the opening quote. */
static inline const char *predicted_key(oc_scan *s, const char *p, const char *end) {
  oc_scan_frame *f = &s->frame[s->depth - 1];
  const oc_node *nodes = s->keys.node;
  const uint32_t guess = f->last != OC_KEYS_NONE ? nodes[f->last].next : nodes[f->node].first;
  const oc_node *node = &nodes[guess];
  if (guess == OC_KEYS_NONE || (size_t)(end - p) <= node->n ||
      !same_text(p, node->text, node->n))
    return NULL;
  note_key(s, f, guess);
  return p + node->n + 1;
}

static enum oc_got string_fault(oc_scan *s, enum oc_text_end how, const char *p) {
  switch (how) {
    case OC_TEXT_CONTROL:
      return fail(s, OC_JSON_SYNTAX, p, "a control character within a string");
    case OC_TEXT_ESCAPE:
      return fail(s, OC_JSON_SYNTAX, p, "an escape that JSON does not have");
    default:
      return fail(s, OC_JSON_SYNTAX, p, "bytes that are not UTF-8");
  }
}

/* Passes true, false or null. MORE: p stays; ITEM: passed. */
static enum oc_got take_word(oc_scan *s, const char **p, const char *end) {
  static const struct { char text[6]; uint32_t n; enum oc_tok_type type; } words[] = {
    {"null", 4, OC_TOK_NULL}, {"true", 4, OC_TOK_TRUE}, {"false", 5, OC_TOK_FALSE}};
  const size_t have = (size_t)(end - *p);
  size_t i;
  for (i = 0; i < 3; i++) {
    const size_t n = words[i].n;
    if (have < n && memcmp(*p, words[i].text, have) == 0)
      return OC_MORE;
    if (have >= n && memcmp(*p, words[i].text, n) == 0) {
      emit(s, words[i].type, value_node(s), (size_t)(*p - s->in.p) - s->item, n);
      *p += n;
      if (words[i].type == OC_TOK_NULL && s->depth > 0)
        s->tok[s->frame[s->depth - 1].tok].nulls++;
      value_done(s);
      return OC_ITEM;
    }
  }
  return fail(s, OC_JSON_SYNTAX, *p, "expected a value");
}

/* The number at hand ends before p. */
static enum oc_got end_number(oc_scan *s, const char *item, const char *p) {
  if (!oc_number_ends(s->number))
    return fail(s, OC_JSON_SYNTAX, p, "a number that JSON does not have");
  emit(s, oc_number_is_int(s->number) ? OC_TOK_INT : OC_TOK_NUMBER, value_node(s), s->start,
       (size_t)(p - item) - s->start);
  value_done(s);
  return OC_ITEM;
}

enum oc_got oc_scan_finish(oc_scan *s) {
  if (s->state != OC_SCAN_IN_NUMBER || s->depth > 0 || !oc_number_ends(s->number))
    return OC_MORE;
  return end_number(s, s->in.p + s->item, s->in.p + s->pos);
}

/*
** One value from s->pos on. Longer than a function should be, so that the
** cursor stays in a register and a member of a known object runs straight
** through: NEXT, predicted key, colon, string.
*/
enum oc_got oc_scan_value(oc_scan *s) {
  const char *const item = s->in.p + s->item;
  const char *p = s->in.p + s->pos;
  const char *end = s->in.p + s->in.n;
  const char *q;
  enum oc_text_end how;
  enum oc_got got;
  const int clamped = (size_t)(end - item) > s->max_value_bytes;
  if (clamped)
    end = item + s->max_value_bytes;
  for (;;) {
    if (s->state < OC_SCAN_IN_STRING) {
      while (p < end && is_space(*p))
        p++;
      if (p == end)
        break;
    }
    switch ((enum oc_scan_state)s->state) {

      case OC_SCAN_NEXT:
        q = p;
        p = oc_road_pass(s, p, end);
        if (p != q)
          continue;
        if (*p == ',') {
          s->state = s->frame[s->depth - 1].object ? OC_SCAN_KEY : OC_SCAN_VALUE;
        } else if (*p == (s->frame[s->depth - 1].object ? '}' : ']')) {
          close_container(s);
        } else {
          return fail(s, OC_JSON_SYNTAX, p, s->frame[s->depth - 1].object
                      ? "expected ',' or '}' behind a member"
                      : "expected ',' or ']' behind an element");
        }
        p++;
        if (s->depth == 0)
          goto whole;
        continue;

      case OC_SCAN_FIRST_KEY:
        if (*p == '}') {
          close_container(s);
          p++;
          if (s->depth == 0)
            goto whole;
          continue;
        }
        q = p;
        p = oc_road_pass(s, p, end);
        if (p != q)
          continue;
        /* fall through */
      case OC_SCAN_KEY:
        if (*p != '"')
          return fail(s, OC_JSON_SYNTAX, p, "expected a key in quotes");
        p++;
        if (!room(s))
          return no_memory(s);
        q = predicted_key(s, p, end);
        if (likely(q != NULL)) {
          p = q;
          s->state = OC_SCAN_COLON;
          continue;
        }
        s->start = (uint32_t)(p - item);
        s->escaped = 0;
        s->state = OC_SCAN_IN_KEY;
        /* fall through */
      case OC_SCAN_IN_KEY:
        how = oc_text_scan(&p, end, &s->escaped);
        if (how == OC_TEXT_MORE)
          break;
        if (how != OC_TEXT_END)
          return string_fault(s, how, p);
        if (take_key(s, item, (size_t)(p - item) - s->start) == OC_FAILED)
          return OC_FAILED;
        p++;
        s->state = OC_SCAN_COLON;
        continue;

      case OC_SCAN_COLON:
        if (*p != ':')
          return fail(s, OC_JSON_SYNTAX, p, "expected ':' behind a key");
        p++;
        s->state = OC_SCAN_VALUE;
        continue;

      case OC_SCAN_FIRST_ELEMENT:
        if (*p == ']') {
          close_container(s);
          p++;
          if (s->depth == 0)
            goto whole;
          continue;
        }
        /* fall through */
      case OC_SCAN_VALUE:
        if (!room(s))
          return no_memory(s);
        if (*p == '{' || *p == '[') {
          if (open_container(s, p, *p == '{') == OC_FAILED)
            return OC_FAILED;
          p++;
          continue;
        }
        if (*p == '-' || (*p >= '0' && *p <= '9')) {
          s->start = (uint32_t)(p - item);
          s->number = OC_NUMBER_START;
          s->state = OC_SCAN_IN_NUMBER;
          continue;
        }
        if (*p != '"') {
          got = take_word(s, &p, end);
          if (got == OC_FAILED)
            return got;
          if (got == OC_MORE)
            break;
          if (s->depth == 0)
            goto whole;
          continue;
        }
        p++;
        s->start = (uint32_t)(p - item);
        s->escaped = 0;
        s->state = OC_SCAN_IN_STRING;
        /* fall through */
      case OC_SCAN_IN_STRING:
        p = oc_text_plain(p, end);
        if (p == end)
          break;
        if (*p != '"') {
          how = oc_text_scan(&p, end, &s->escaped);
          if (how == OC_TEXT_MORE)
            break;
          if (how != OC_TEXT_END)
            return string_fault(s, how, p);
        }
        emit(s, s->escaped ? OC_TOK_ESCAPED : OC_TOK_STRING, value_node(s), s->start,
             (size_t)(p - item) - s->start);
        p++;
        value_done(s);
        if (s->depth == 0)
          goto whole;
        continue;

      case OC_SCAN_IN_NUMBER:
        if (oc_number_scan(&p, end + clamped, &s->number) == 0)  /* the byte behind tells */
          break;
        if (end_number(s, item, p) == OC_FAILED)
          return OC_FAILED;
        if (s->depth == 0)
          goto whole;  /* what ended the number is not ours */
        continue;
    }
    break;
  }
  if (clamped)
    return fail(s, OC_JSON_LIMIT, item, "a lead larger than max_lead_bytes");
  s->pos = (size_t)(p - s->in.p);
  return OC_MORE;
whole:
  s->pos = (size_t)(p - s->in.p);
  return OC_ITEM;
}

