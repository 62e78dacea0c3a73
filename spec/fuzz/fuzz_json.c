/* fuzz_json.c - oc_json over arbitrary bytes, and what must hold for any. The
 * input is the document. It is read three ways: whole, in pieces whose sizes
 * come from the input's own hash, and in pieces by a decoder that has learned
 * its keys already. All three must give the same leads, the same tokens and the
 * same fault; and what is read must be JSON to a second parser, written here as
 * plainly as can be. Each is done as a page, as any document, and as a page under
 * ceilings so small that the corpus reaches them.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "oc_json.h"
#include "oc_number.h"
#include "oc_text.h"

/* assert() would go with NDEBUG. */
#define HOLD(cond) \
  do { \
    if (!(cond)) { \
      fprintf(stderr, "%s:%d: does not hold: %s\n", __FILE__, __LINE__, #cond); \
      abort(); \
    } \
  } while (0)

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

static const struct config {
  enum oc_json_mode mode;
  unsigned depth;
  size_t value_bytes;
} configs[] = {
  {OC_JSON_LEADS, OC_SCAN_MAX_DEPTH, OC_SCAN_MAX_VALUE_BYTES},
  {OC_JSON_VALUE, OC_SCAN_MAX_DEPTH, OC_SCAN_MAX_VALUE_BYTES},
  {OC_JSON_LEADS, 3, 24},
};

/* --- what JSON is, written a second time ------------------------------------- */

/* Passes white space; the byte that stands there then, 0 at the end. */
static char peek(const char **p, const char *end) {
  while (*p < end && memchr(" \t\r\n", **p, 4) != NULL)
    (*p)++;
  return *p < end ? **p : '\0';
}

static int take(const char **p, const char *end, char c) {
  if (*p == end || **p != c)
    return 0;
  (*p)++;
  return 1;
}

static int take_digits(const char **p, const char *end) {
  const char *from = *p;
  while (*p < end && **p >= '0' && **p <= '9')
    (*p)++;
  return *p > from;
}

static int take_number(const char **p, const char *end) {
  take(p, end, '-');
  if (!take(p, end, '0') && !take_digits(p, end))
    return 0;
  if (take(p, end, '.') && !take_digits(p, end))
    return 0;
  if (take(p, end, 'e') || take(p, end, 'E')) {
    if (!take(p, end, '+'))
      take(p, end, '-');
    return take_digits(p, end);
  }
  return 1;
}

/* UTF-8 is not looked at here. */
static int take_string(const char **p, const char *end) {
  if (!take(p, end, '"'))
    return 0;
  while (*p < end && **p != '"') {
    int i;
    if ((unsigned char)**p < 0x20)
      return 0;
    if (*(*p)++ != '\\')
      continue;
    if (*p < end && memchr("\"\\/bfnrt", **p, 8) != NULL) {
      (*p)++;
      continue;
    }
    if (!take(p, end, 'u'))
      return 0;
    for (i = 0; i < 4; i++, (*p)++)
      if (*p == end || memchr("0123456789abcdefABCDEF", **p, 22) == NULL)
        return 0;
  }
  return take(p, end, '"');
}

static int take_any(const char **p, const char *end, unsigned depth, unsigned *deepest);

static int take_members(const char **p, const char *end, unsigned depth, unsigned *deepest) {
  const int object = *(*p)++ == '{';
  const char close = object ? '}' : ']';
  if (depth > *deepest)
    *deepest = depth;
  if (peek(p, end) == close)
    return take(p, end, close);
  do {
    peek(p, end);
    if (object && !(take_string(p, end) && peek(p, end) == ':' && take(p, end, ':')))
      return 0;
    if (!take_any(p, end, depth, deepest))
      return 0;
    peek(p, end);
  } while (take(p, end, ','));
  return take(p, end, close);
}

static int take_any(const char **p, const char *end, unsigned depth, unsigned *deepest) {
  static const char *const words[] = {"null", "true", "false"};
  const char c = peek(p, end);
  size_t i;
  if (c == '{' || c == '[')
    return depth < 200 && take_members(p, end, depth + 1, deepest);
  if (c == '"')
    return take_string(p, end);
  for (i = 0; i < COUNT(words); i++) {
    const size_t n = strlen(words[i]);
    if ((size_t)(end - *p) >= n && memcmp(*p, words[i], n) == 0) {
      *p += n;
      return 1;
    }
  }
  return take_number(p, end);
}

static int is_utf8(const unsigned char *s, size_t n);

/* A document that is JSON is read, unless it is too deep; any other is not. */
static void hold_verdict(enum oc_fault_json fault, const uint8_t *data, size_t size) {
  const char *p = (const char *)data, *end = p + size;
  unsigned deepest = 0;
  int good;
  if (size >= 3 && memcmp(p, "\xEF\xBB\xBF", 3) == 0)
    p += 3;
  good = take_any(&p, end, 0, &deepest) && peek(&p, end) == '\0' && p == end &&
         is_utf8(data, size);
  if (good && deepest <= OC_SCAN_MAX_DEPTH)
    HOLD(fault == OC_JSON_NO_FAULT);
  else if (good)
    HOLD(fault == OC_JSON_LIMIT);
  else
    HOLD(fault == OC_JSON_SYNTAX || fault == OC_JSON_CUT || fault == OC_JSON_LIMIT);
}

/* --- what holds for one value ----------------------------------------------- */

/* The value at hand, its text in a block of exactly its size. */
typedef struct value {
  const oc_scan *scan;
  char *text;
  size_t n;
} value;

/* Told from oc_text.c's own by its plainness. */
static int is_utf8(const unsigned char *s, size_t n) {
  static const unsigned long least[] = {0, 0, 0x80, 0x800, 0x10000};
  size_t i = 0;
  while (i < n) {
    const int len = s[i] < 0x80 ? 1 : s[i] < 0xC0 ? 0 : s[i] < 0xE0 ? 2 : s[i] < 0xF0 ? 3 : 4;
    unsigned long c = len == 1 ? s[i] : s[i] & (0xFFu >> (len + 1));
    int k;
    if (len == 0 || n - i < (size_t)len || s[i] > 0xF4)
      return 0;
    for (k = 1; k < len; k++) {
      if ((s[i + (size_t)k] & 0xC0) != 0x80)
        return 0;
      c = c << 6 | (s[i + (size_t)k] & 0x3F);
    }
    if (c < least[len] || c > 0x10FFFF || (c >= 0xD800 && c <= 0xDFFF))
      return 0;
    i += (size_t)len;
  }
  return 1;
}

/* The key or string of a token, unescaped, in a new block. */
static char *plain_text(const value *v, const oc_tok *t, size_t *n) {
  const int escaped = oc_tok_type(t) == OC_TOK_ESCAPED || oc_tok_type(t) == OC_TOK_KEY_ESCAPED;
  char *out = malloc(t->n > 0 ? t->n : 1);
  HOLD(out != NULL && t->at >= 1 && (size_t)t->at + t->n < v->n);
  HOLD(v->text[t->at - 1] == '"' && v->text[t->at + t->n] == '"');
  HOLD((memchr(v->text + t->at, '\\', t->n) != NULL) == escaped);
  *n = t->n;
  if (escaped)
    *n = oc_text_unescape(out, v->text + t->at, t->n);
  else
    memcpy(out, v->text + t->at, t->n);
  HOLD(*n <= t->n && is_utf8((const unsigned char *)out, *n));
  return out;
}

static void hold_string(const value *v, const oc_tok *t) {
  size_t n;
  free(plain_text(v, t, &n));
}

static void hold_number(const value *v, const oc_tok *t) {
  const char *s = v->text + t->at;
  char *copy = malloc((size_t)t->n + 1);  /* exactly its size: no look behind */
  double d = 0;
  int64_t i;
  HOLD(copy != NULL && t->n > 0 && (size_t)t->at + t->n <= v->n);
  memcpy(copy, s, t->n);
  copy[t->n] = '\0';
  HOLD(strspn(copy, "-+.eE0123456789") == t->n);
  HOLD((strpbrk(copy, ".eE") == NULL) == (oc_tok_type(t) == OC_TOK_INT));
  HOLD(oc_number_double(&d, copy, t->n) == OC_OK);
  HOLD(d == strtod(copy, NULL));  /* the test runs in the C locale */
  if (oc_tok_type(t) == OC_TOK_INT && oc_number_int(&i, copy, t->n)) {
    char back[32];
    HOLD(snprintf(back, sizeof back, "%lld", (long long)i) == (int)t->n);
    HOLD(memcmp(back, copy, t->n) == 0);
  }
  free(copy);
}

static uint32_t hold_value(const value *v, uint32_t i, uint32_t node);

/* Is this the first member of its key? Looks at learned and unlearned alike. */
static int same_key(const value *v, const oc_tok *a, const oc_tok *b) {
  const oc_node *nodes = v->scan->keys.node;
  const oc_tok *pair[2];
  char *text[2];
  size_t n[2];
  int k, same;
  pair[0] = a;
  pair[1] = b;
  for (k = 0; k < 2; k++) {
    const enum oc_tok_type type = oc_tok_type(pair[k]);
    if (type == OC_TOK_KEY || type == OC_TOK_KEY_ESCAPED) {
      text[k] = plain_text(v, pair[k], &n[k]);
    } else {
      n[k] = nodes[oc_tok_node(pair[k])].n;
      text[k] = malloc(n[k] + 1);
      HOLD(text[k] != NULL);
      memcpy(text[k], nodes[oc_tok_node(pair[k])].text, n[k]);
    }
  }
  same = n[0] == n[1] && memcmp(text[0], text[1], n[0]) == 0;
  free(text[0]);
  free(text[1]);
  return same;
}

/* An object that may not hold a key twice does not; one without unlearned keys
 * that may, does. Only the first members are compared: this is quadratic. */
static void hold_repeats(const value *v, const oc_tok *object, const uint32_t *member, size_t n,
                         int all_learned) {
  int repeats = 0;
  size_t i, k;
  for (i = 0; i < n; i++)
    for (k = 0; k < i; k++)
      repeats |= same_key(v, &v->scan->tok[member[i]], &v->scan->tok[member[k]]);
  if ((object->tag & OC_TOK_REPEATS) == 0)
    HOLD(!repeats);
  else if (all_learned && n == object->n)
    HOLD(repeats);
}

static uint32_t hold_container(const value *v, uint32_t i) {
  const oc_tok *const tok = v->scan->tok, *const c = &tok[i];
  const int object = oc_tok_type(c) == OC_TOK_OBJECT;
  uint32_t count = 0, nulls = 0, member[24];
  int all_learned = 1;
  HOLD(c->at > i && c->at <= v->scan->ntok);
  HOLD(object || (c->tag & OC_TOK_REPEATS) == 0);
  for (i++; i < c->at; count++) {
    const enum oc_tok_type type = oc_tok_type(&tok[i]);
    uint32_t node = oc_tok_node(c);
    if (count < COUNT(member))
      member[count] = i;
    if (type == OC_TOK_KEY || type == OC_TOK_KEY_ESCAPED) {
      HOLD(object);
      hold_string(v, &tok[i++]);
      all_learned = 0;
      node = OC_KEYS_NONE;
    } else if (object) {
      node = oc_tok_node(&tok[i]);
      HOLD(node != OC_KEYS_NONE && node < v->scan->keys.n);
      HOLD(v->scan->keys.node[node].parent == oc_tok_node(c));
    }
    HOLD(i < c->at);
    nulls += oc_tok_type(&tok[i]) == OC_TOK_NULL;
    i = hold_value(v, i, node);
  }
  HOLD(i == c->at && count == c->n && nulls == c->nulls);
  if (object)
    hold_repeats(v, c, member, count < COUNT(member) ? count : COUNT(member), all_learned);
  return i;
}

/* The value of token i; returns the index behind it. */
static uint32_t hold_value(const value *v, uint32_t i, uint32_t node) {
  const oc_tok *t = &v->scan->tok[i];
  HOLD(oc_tok_node(t) == node);
  switch (oc_tok_type(t)) {
    case OC_TOK_NULL: case OC_TOK_TRUE: case OC_TOK_FALSE:
      break;
    case OC_TOK_INT: case OC_TOK_NUMBER:
      hold_number(v, t);
      break;
    case OC_TOK_STRING: case OC_TOK_ESCAPED:
      hold_string(v, t);
      break;
    case OC_TOK_ARRAY: case OC_TOK_OBJECT:
      return hold_container(v, i);
    default:
      HOLD(!"a key where a value belongs");
  }
  return i + 1;
}

/* Without its white space it says the same, and has none left. */
static void hold_strip(const oc_json *j, const value *v) {
  oc_buf in, out;
  size_t n;
  oc_json again;
  oc_buf_init(&in, v->n);
  oc_buf_init(&out, v->n);
  HOLD(oc_buf_add(&in, v->text, v->n) == OC_OK);  /* padded, as it must be */
  HOLD(oc_buf_reserve(&out, v->n) == OC_OK);
  n = out.n = oc_text_strip(out.p, in.p, in.n);
  HOLD(n <= v->n);
  HOLD(oc_json_init(&again, j->scan.max_depth) == OC_OK);
  again.mode = OC_JSON_VALUE;
  HOLD(oc_json_feed(&again, out.p, n) == OC_OK && oc_json_finish(&again) == OC_ITEM);
  HOLD(oc_json_next(&again) == OC_ITEM && again.scan.ntok == j->scan.ntok);
  HOLD(again.scan.pos == n);
  HOLD(oc_text_strip(in.p, out.p, n) == n && memcmp(in.p, out.p, n) == 0);
  oc_json_free(&again);
  oc_buf_free(&in);
  oc_buf_free(&out);
}

static void hold_item(const oc_json *j, size_t most) {
  value v;
  const char *text = oc_json_text(j, &v.n);
  v.scan = &j->scan;
  HOLD(v.n > 0 && v.n <= most && j->scan.ntok > 0);
  v.text = malloc(v.n);
  HOLD(v.text != NULL);
  memcpy(v.text, text, v.n);
  HOLD(hold_value(&v, 0, OC_KEYS_ROOT) == j->scan.ntok);
  hold_strip(j, &v);
  free(v.text);
}

/* --- reading ---------------------------------------------------------------- */

/* Writes down the item at hand: where it stands, its text and tokens. */
static void note_item(oc_buf *notes, const oc_json *j) {
  const uint64_t at = j->scan.base + j->scan.item;
  const char *text;
  size_t n;
  text = oc_json_text(j, &n);
  HOLD(oc_buf_add(notes, &at, sizeof at) == OC_OK);
  HOLD(oc_buf_add(notes, &n, sizeof n) == OC_OK);
  HOLD(oc_buf_add(notes, text, n) == OC_OK);
  HOLD(oc_buf_add(notes, j->scan.tok, j->scan.ntok * sizeof *j->scan.tok) == OC_OK);
}

static void note_end(oc_buf *notes, oc_json *j, enum oc_got got) {
  const oc_scan *s = &j->scan;
  HOLD(oc_buf_add(notes, &j->items, sizeof j->items) == OC_OK);
  HOLD(oc_buf_add(notes, &s->fault, sizeof s->fault) == OC_OK);
  HOLD((got == OC_FAILED) == (s->fault != OC_JSON_NO_FAULT));
  if (got != OC_FAILED)
    return;
  HOLD(s->fault_at <= s->base + s->in.n);
  HOLD(oc_buf_add(notes, &s->fault_at, sizeof s->fault_at) == OC_OK);
  HOLD(oc_buf_adds(notes, s->fault_text) == OC_OK);
  HOLD(oc_json_next(j) == OC_FAILED && oc_json_finish(j) == OC_FAILED);
  HOLD(oc_json_feed(j, "[", 1) != OC_OK);  /* it sticks */
}

static enum oc_got take_items(oc_json *j, oc_buf *notes, size_t value_bytes) {
  enum oc_got got;
  while ((got = oc_json_next(j)) == OC_ITEM) {
    hold_item(j, value_bytes);
    note_item(notes, j);
  }
  return got;
}

/* Reads the document in pieces of at most `most` bytes, sized by the seed. */
static void read_document(oc_json *j, oc_buf *notes, const uint8_t *data, size_t size, size_t most,
                          uint32_t seed, size_t value_bytes) {
  enum oc_got got = OC_MORE;
  do {
    size_t n = size;
    if (most != 0) {
      seed = seed * 1664525u + 1013904223u;
      n = (seed >> 8) % (most + 1);
      n = n < size ? n : size;
    }
    HOLD(oc_json_feed(j, data, n) == OC_OK);
    data += n;
    size -= n;
    got = take_items(j, notes, value_bytes);
  } while (got == OC_MORE && size > 0);
  if (got == OC_MORE && oc_json_finish(j) == OC_ITEM)  /* a number by itself */
    HOLD(j->mode == OC_JSON_VALUE && take_items(j, notes, value_bytes) == OC_MORE);
  got = oc_json_finish(j);
  HOLD(got != OC_ITEM);
  note_end(notes, j, got);
}

static void start(oc_json *j, const struct config *c) {
  HOLD(oc_json_init(j, c->depth) == OC_OK);
  j->mode = c->mode;
  j->scan.max_value_bytes = c->value_bytes;
}

static void hold_equal(const oc_buf *a, const oc_buf *b) {
  HOLD(a->n == b->n && memcmp(a->p, b->p, a->n) == 0);
}

static void fuzz_config(const struct config *c, const uint8_t *data, size_t size, uint32_t seed) {
  static const size_t piece[] = {1, 3, 8, 40, 300};
  const size_t most = piece[seed % COUNT(piece)];
  oc_buf whole, pieces, warm;
  oc_json j;
  oc_buf_init(&whole, (size_t)1 << 30);
  oc_buf_init(&pieces, (size_t)1 << 30);
  oc_buf_init(&warm, (size_t)1 << 30);
  start(&j, c);
  read_document(&j, &whole, data, size, 0, seed, c->value_bytes);
  oc_json_free(&j);
  start(&j, c);
  read_document(&j, &pieces, data, size, most, seed, c->value_bytes);
  hold_equal(&whole, &pieces);
  if (c->mode == OC_JSON_VALUE)
    hold_verdict(j.scan.fault, data, size);
  oc_json_reset(&j);
  read_document(&j, &warm, data, size, most, ~seed, c->value_bytes);
  hold_equal(&whole, &warm);
  oc_json_free(&j);
  oc_buf_free(&whole);
  oc_buf_free(&pieces);
  oc_buf_free(&warm);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  uint32_t seed = 2166136261u;
  size_t i;
  for (i = 0; i < size; i++)
    seed = (seed ^ data[i]) * 16777619u;
  for (i = 0; i < COUNT(configs); i++)
    fuzz_config(&configs[i], data, size, seed);
  return 0;
}
