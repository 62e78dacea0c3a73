/*
** oc_where_json.c - a filter's values out of a scanned lead.
*/
#include "oc_where_json.h"

#include <stdlib.h>
#include <string.h>

#include "oc_number.h"
#include "oc_text.h"

/* The text of an unlearned key, without its escapes. NULL: out of memory. */
static const char *key_text(const oc_scan *s, uint32_t i, oc_buf *to, size_t *n) {
  const oc_tok *t = &s->tok[i];
  const char *text = s->in.p + s->item + t->at;
  *n = t->n;
  if (oc_tok_type(t) == OC_TOK_KEY)
    return text;
  to->n = 0;
  if (oc_buf_reserve(to, t->n) != OC_OK)
    return NULL;
  *n = oc_text_unescape(to->p, text, t->n);
  return to->p;
}

/* Bytes of unlearned keys that are compared in a step. */
#define KEY_BYTES_PER_STEP 64

/* Does the key of member i come again behind it, from token k on? Unlearned ones by their text. */
static int comes_again(oc_where_json *j, uint32_t i, uint32_t k, uint32_t end, int64_t *work) {
  const oc_tok *tok = j->scan->tok;
  const int is_key = oc_tok_is_key(&tok[i]);
  const char *s = NULL, *t;
  size_t n = 0, m;
  if (is_key && (s = key_text(j->scan, i, &j->key[0], &n)) == NULL)
    return OC_EMEM;
  for (; k < end; k = oc_tok_behind(tok, k + (uint32_t)oc_tok_is_key(&tok[k]))) {
    if (--*work < 0)
      return OC_ELIMIT;
    if (oc_tok_is_key(&tok[k]) != is_key)
      continue;
    if (!is_key) {
      if (oc_tok_node(&tok[k]) == oc_tok_node(&tok[i]))
        return 1;
      continue;
    }
    if ((*work -= tok[k].n / KEY_BYTES_PER_STEP) < 0)
      return OC_ELIMIT;
    t = key_text(j->scan, k, &j->key[1], &m);
    if (t == NULL)
      return OC_EMEM;
    if (n == m && memcmp(s, t, n) == 0)
      return 1;
  }
  return 0;
}

/*
** Where a key comes twice its last value counts: a null behind takes back a value
** before.
*/
static int on_empty(void *ud, const oc_where_value *object, int repeated, int64_t *work) {
  oc_where_json *j = ud;
  const oc_tok *tok = j->scan->tok, *t = &tok[object->ref];
  uint32_t i = object->ref + 1;
  if ((t->tag & OC_TOK_REPEATS) == 0)
    return t->n == t->nulls;
  while (i < t->at) {
    const uint32_t value = i + (uint32_t)oc_tok_is_key(&tok[i]), next = oc_tok_behind(tok, value);
    if (repeated && --*work < 0)
      return OC_ELIMIT;
    if (oc_tok_type(&tok[value]) != OC_TOK_NULL) {
      const int again = comes_again(j, i, next, t->at, work);
      if (again <= 0)
        return again;
    }
    i = next;
  }
  return 1;
}

static int read_number(const char *s, size_t n, int is_int, oc_where_value *out) {
  out->type = OC_WHERE_INT;
  out->n = n;
  if (is_int && oc_number_int(&out->i, s, n))
    return OC_OK;
  out->type = OC_WHERE_NUMBER;
  return oc_number_double(&out->d, s, n);
}

static void make_text(oc_where_value *out, const char *s, size_t n, int escaped) {
  out->type = OC_WHERE_TEXT;
  out->escaped = escaped;
  out->kind = 0;
  out->s = s;
  out->n = n;
}

static int read_value(const oc_where_json *j, uint32_t i, oc_where_value *out) {
  const oc_scan *s = j->scan;
  const oc_tok *t = &s->tok[i];
  const enum oc_tok_type type = oc_tok_type(t);
  const char *text = s->in.p + s->item + t->at;
  switch (type) {
    case OC_TOK_TRUE:
      out->type = OC_WHERE_TRUE;
      break;
    case OC_TOK_FALSE:
      out->type = OC_WHERE_FALSE;
      break;
    case OC_TOK_INT: case OC_TOK_NUMBER:
      if (!j->wide_are_texts || type == OC_TOK_NUMBER || oc_number_is_exact(text, t->n))
        return read_number(text, t->n, type == OC_TOK_INT, out);
      make_text(out, text, t->n, 0);
      break;
    case OC_TOK_STRING: case OC_TOK_ESCAPED:
      make_text(out, text, t->n, type == OC_TOK_ESCAPED);
      break;
    case OC_TOK_ARRAY:
      out->type = OC_WHERE_LIST;
      out->n = t->n;
      out->ref = i;
      break;
    case OC_TOK_OBJECT:
      out->type = OC_WHERE_OBJECT;
      out->n = t->n;
      out->ref = i;
      break;
    default:
      out->type = OC_WHERE_NULL;
      break;
  }
  return OC_OK;
}

static int on_member(void *ud, const oc_where_value *object, uint32_t step, oc_where_value *out) {
  const oc_where_json *j = ud;
  const oc_tok *tok = j->scan->tok;
  const uint32_t end = tok[object->ref].at, node = j->node[step];
  const int repeats = (tok[object->ref].tag & OC_TOK_REPEATS) != 0;
  uint32_t i = object->ref + 1, found = 0;
  while (i < end) {
    if (oc_tok_is_key(&tok[i])) {
      i++;
    } else if (oc_tok_node(&tok[i]) == node) {
      found = i;
      if (!repeats)
        break;
    }
    i = oc_tok_behind(tok, i);
  }
  j->found[node] |= found ? OC_WHERE_FOUND : OC_WHERE_LOOKED;
  if (found)
    return read_value(j, found, out);
  out->type = OC_WHERE_NULL;
  return OC_OK;
}

/* As if it had been looked for in vain. */
static void on_astray(void *ud, uint32_t step) {
  const oc_where_json *j = ud;
  j->found[j->node[step]] |= OC_WHERE_LOOKED;
}

static int on_element(void *ud, const oc_where_value *list, uint32_t *at, oc_where_value *out) {
  const oc_where_json *j = ud;
  const uint32_t i = *at == 0 ? list->ref + 1 : *at;
  if (i >= j->scan->tok[list->ref].at)
    return 0;
  *at = oc_tok_behind(j->scan->tok, i);
  return read_value(j, i, out) == OC_OK ? 1 : OC_EMEM;
}

static const oc_where_source source = {on_member, on_astray, on_element, on_empty, NULL, NULL};

int oc_where_json_init(oc_where_json *j, const oc_where *w, oc_scan *scan, const char *const *key,
                       const size_t *key_n) {
  const uint32_t n = oc_where_steps(w);
  uint32_t i, most = 0;
  memset(j, 0, sizeof *j);
  j->scan = scan;
  oc_buf_init(&j->key[0], OC_SCAN_TOP_VALUE_BYTES);
  oc_buf_init(&j->key[1], OC_SCAN_TOP_VALUE_BYTES);
  oc_where_run_init(&j->run, w, &source, j);
  j->node = calloc(n + 1, sizeof *j->node);
  if (j->node == NULL)
    return OC_EMEM;
  for (i = 0; i < n; i++) {
    const int32_t before = oc_where_step_before(w, i);
    const uint32_t k = oc_where_step_key(w, i);
    const int64_t node = oc_keys_find(&scan->keys, before < 0 ? OC_KEYS_ROOT : j->node[before],
                                      key[k], key_n[k]);
    if (node <= OC_KEYS_NONE)
      return node < 0 ? OC_EMEM : OC_ELIMIT;
    j->node[i] = (uint32_t)node;
    most = node > most ? (uint32_t)node : most;
  }
  j->found = calloc(most + 1, sizeof *j->found);
  return j->found != NULL ? OC_OK : OC_EMEM;
}

void oc_where_json_free(oc_where_json *j) {
  oc_where_run_free(&j->run);
  oc_buf_free(&j->key[0]);
  oc_buf_free(&j->key[1]);
  free(j->node);
  free(j->found);
  j->node = NULL;
  j->found = NULL;
}

int oc_where_json_holds(oc_where_json *j) {
  oc_where_value lead;
  if (read_value(j, 0, &lead) != OC_OK)
    return OC_EMEM;
  return oc_where_holds(&j->run, &lead);
}
