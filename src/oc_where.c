/*
** oc_where.c - a filter as a program, and what it says about a lead.
*/
#include "oc_where.h"

#include <stdlib.h>
#include <string.h>

#include "oc_match.h"
#include "oc_text.h"

typedef struct node {
  enum oc_where_op op;
  int32_t a, b;        /* nodes; of a leaf, see where it is made */
  uint32_t first, n;   /* path: its steps */
  int64_t seconds;     /* shift */
} node;

typedef struct step {
  uint32_t key;
  int32_t before;
} step;

struct oc_where {
  node *nodes;
  oc_where_value *constants;
  step *steps;
  oc_match **patterns;
  size_t nnodes, nconstants, nsteps, npatterns;
  int32_t root;
};

/* --- what texts say ----------------------------------------------------------- */

enum text_kind { UNKNOWN, PLAIN, INSTANT, SIZE };

/* L<low>_U<high>, or Infinity for high. */
static int read_size(double *low, const char *s, size_t n) {
  size_t i = 1;
  *low = 0;
  if (n < 5 || s[0] != 'L')
    return 0;
  for (; i < n && s[i] >= '0' && s[i] <= '9'; i++)
    *low = *low * 10 + (s[i] - '0');
  if (i == 1 || n - i < 3 || s[i] != '_' || s[i + 1] != 'U')
    return 0;
  i += 2;
  if (n - i == 8 && memcmp(s + i, "Infinity", 8) == 0)
    return 1;
  while (i < n && s[i] >= '0' && s[i] <= '9')
    i++;
  return i == n;
}

static enum text_kind kind_of(oc_where_value *v) {
  if (v->kind == UNKNOWN)
    v->kind = oc_time_iso(&v->at, v->s, v->n) ? INSTANT
            : read_size(&v->low, v->s, v->n)  ? SIZE : PLAIN;
  return (enum text_kind)v->kind;
}

/* Is it an instant, or text that says one? v->at has it then. */
static int is_instant(oc_where_value *v) {
  return v->type == OC_WHERE_INSTANT || (v->type == OC_WHERE_TEXT && kind_of(v) == INSTANT);
}

/* --- building --------------------------------------------------------------- */

oc_where *oc_where_new(void) {
  return calloc(1, sizeof(oc_where));
}

void oc_where_free(oc_where *w) {
  size_t i;
  if (w == NULL)
    return;
  for (i = 0; i < w->nconstants; i++)
    if (w->constants[i].type == OC_WHERE_TEXT)
      free((void *)(uintptr_t)w->constants[i].s);
  for (i = 0; i < w->npatterns; i++)
    oc_match_free(w->patterns[i]);
  free(w->nodes);
  free(w->constants);
  free(w->steps);
  free(w->patterns);
  free(w);
}

/* Room for one more at *list, which has n: OC_OK, OC_EMEM, OC_ELIMIT. Sizes double. */
static int grow(void **list, size_t n, size_t size) {
  void *more;
  if (n >= OC_WHERE_MAX_NODES)
    return OC_ELIMIT;
  if (n >= 16 ? (n & (n - 1)) != 0 : n != 0)
    return OC_OK;
  more = realloc(*list, (n < 16 ? 16 : 2 * n) * size);
  if (more == NULL)
    return OC_EMEM;
  *list = more;
  return OC_OK;
}

static int32_t add(oc_where *w, const node *new) {
  const int status = grow((void **)&w->nodes, w->nnodes, sizeof *w->nodes);
  if (status != OC_OK)
    return status;
  w->nodes[w->nnodes] = *new;
  return (int32_t)w->nnodes++;
}

int32_t oc_where_node(oc_where *w, enum oc_where_op op, int32_t a, int32_t b) {
  node new = {op, a, b, 0, 0, 0};
  return add(w, &new);
}

int32_t oc_where_constant(oc_where *w, const oc_where_value *v) {
  oc_where_value kept = *v;
  const int status = grow((void **)&w->constants, w->nconstants, sizeof *w->constants);
  if (status != OC_OK)
    return status;
  if (v->type == OC_WHERE_TEXT) {
    char *s = malloc(v->n + 1);
    if (s == NULL)
      return OC_EMEM;
    memcpy(s, v->s, v->n);
    kept.s = s;
    (void)kind_of(&kept);  /* once, not for each lead */
  }
  w->constants[w->nconstants++] = kept;
  return oc_where_node(w, OC_WHERE_CONSTANT, (int32_t)w->nconstants - 1, -1);
}

int32_t oc_where_path(oc_where *w, unsigned frame, int32_t base, const uint32_t *key, size_t n) {
  node new = {OC_WHERE_PATH, (int32_t)frame, base, (uint32_t)w->nsteps, (uint32_t)n, 0};
  size_t i;
  for (i = 0; i < n; i++) {
    const int status = grow((void **)&w->steps, w->nsteps, sizeof *w->steps);
    if (status != OC_OK)
      return status;
    w->steps[w->nsteps].key = key[i];
    w->steps[w->nsteps].before = i == 0 ? base : (int32_t)w->nsteps - 1;
    w->nsteps++;
  }
  return add(w, &new);
}

enum oc_where_op oc_where_op_of(const oc_where *w, int32_t i) {
  return w->nodes[i].op;
}

int32_t oc_where_last_step(const oc_where *w, int32_t path) {
  const node *at = &w->nodes[path];
  return at->n > 0 ? (int32_t)(at->first + at->n - 1) : at->b;
}

int32_t oc_where_shift(oc_where *w, int32_t a, int64_t seconds) {
  node new = {OC_WHERE_SHIFT, a, -1, 0, 0, 0};
  new.seconds = seconds;
  return add(w, &new);
}

int32_t oc_where_pattern(oc_where *w, int32_t a, const char *pattern, size_t n, size_t *at,
                         const char **why) {
  oc_match *m;
  int status = grow((void **)&w->patterns, w->npatterns, sizeof *w->patterns);
  if (status != OC_OK)
    return status;
  m = oc_match_new(pattern, n, &status, at, why);
  if (m == NULL)
    return status;
  w->patterns[w->npatterns++] = m;
  return oc_where_node(w, OC_WHERE_MATCHES, a, (int32_t)w->npatterns - 1);
}

void oc_where_root(oc_where *w, int32_t root) {
  w->root = root;
}

uint32_t oc_where_steps(const oc_where *w) {
  return (uint32_t)w->nsteps;
}

uint32_t oc_where_step_key(const oc_where *w, uint32_t i) {
  return w->steps[i].key;
}

int32_t oc_where_step_before(const oc_where *w, uint32_t i) {
  return w->steps[i].before;
}

/* --- comparing ------------------------------------------------------------------ */

enum { NO_ORDER = 2 };

static int sign(double d) {
  return (d > 0) - (d < 0);
}

/* An integer and a double, exactly. */
static int compare_mixed(int64_t i, double d) {
  int64_t whole;
  if (d != d)
    return NO_ORDER;
  if (d >= 9223372036854775808.0)
    return -1;
  if (d < -9223372036854775808.0)
    return 1;
  whole = (int64_t)d;
  return i != whole ? (i < whole ? -1 : 1) : sign((double)whole - d);
}

static int compare_numbers(const oc_where_value *a, const oc_where_value *b) {
  if (a->type == OC_WHERE_INT && b->type == OC_WHERE_INT)
    return (a->i > b->i) - (a->i < b->i);
  if (a->type == OC_WHERE_INT)
    return compare_mixed(a->i, b->d);
  if (b->type == OC_WHERE_INT) {
    const int order = compare_mixed(b->i, a->d);
    return order == NO_ORDER ? order : -order;
  }
  return a->d != a->d || b->d != b->d ? NO_ORDER : (a->d > b->d) - (a->d < b->d);
}

static int compare_bytes(const oc_where_value *a, const oc_where_value *b) {
  const size_t n = a->n < b->n ? a->n : b->n;
  const int order = n > 0 ? memcmp(a->s, b->s, n) : 0;
  return order != 0 ? (order > 0) - (order < 0) : (a->n > b->n) - (a->n < b->n);
}

static int compare_texts(oc_where_value *a, oc_where_value *b) {
  const enum text_kind kind = kind_of(a);
  if (kind == PLAIN || kind_of(b) != kind)
    return compare_bytes(a, b);
  if (kind == INSTANT)
    return oc_time_compare(a->at, b->at);
  return (a->low > b->low) - (a->low < b->low);
}

static int is_number(const oc_where_value *v) {
  return v->type == OC_WHERE_INT || v->type == OC_WHERE_NUMBER;
}

/* -1, 0, 1, or NO_ORDER: null, or of different types. */
static int compare(oc_where_value *a, oc_where_value *b) {
  if (is_number(a) && is_number(b))
    return compare_numbers(a, b);
  if (a->type == OC_WHERE_TEXT && b->type == OC_WHERE_TEXT)
    return compare_texts(a, b);
  if ((a->type == OC_WHERE_INSTANT || b->type == OC_WHERE_INSTANT) && is_instant(a) && is_instant(b))
    return oc_time_compare(a->at, b->at);
  return NO_ORDER;
}

static int equal(oc_where_value *a, oc_where_value *b) {
  if (a->type == OC_WHERE_TEXT && b->type == OC_WHERE_TEXT)
    return a->n == b->n && (a->n == 0 || memcmp(a->s, b->s, a->n) == 0);
  if (a->type <= OC_WHERE_TRUE || b->type <= OC_WHERE_TRUE)
    return a->type == b->type;
  return compare(a, b) == 0;
}

static unsigned char fold(char c) {
  return (unsigned char)(c >= 'A' && c <= 'Z' ? c | 0x20 : c);
}

static int same_folded(const char *a, const char *b, size_t n) {
  while (n > 0 && fold(*a) == fold(*b)) {
    a++;
    b++;
    n--;
  }
  return n == 0;
}

/* Does a hold b, ASCII case apart? 1, 0, OC_ELIMIT. */
static int contains(const oc_where_value *a, const oc_where_value *b, int64_t *work) {
  size_t at;
  for (at = 0; at + b->n <= a->n; at++) {
    size_t i = 0;
    while (i < b->n && fold(a->s[at + i]) == fold(b->s[i]))
      i++;
    if (i == b->n)
      return 1;
    *work -= (int64_t)i + 1;
    if (*work < 0)
      return OC_ELIMIT;
  }
  return 0;
}

/* --- values --------------------------------------------------------------------- */

static void make_null(oc_where_value *v) {
  v->type = OC_WHERE_NULL;
}

/* Takes the escapes out of a text, into the buffer of its side. */
static int unescape(oc_where_run *r, int side, oc_where_value *v) {
  oc_buf *to = &r->text[side];
  to->n = 0;
  if (oc_buf_reserve(to, v->n) != OC_OK)
    return OC_EMEM;
  v->n = oc_text_unescape(to->p, v->s, v->n);
  v->s = to->p;
  v->escaped = 0;
  return OC_OK;
}

static int to_lower(oc_where_run *r, int side, oc_where_value *v) {
  oc_buf *to = &r->text[side];
  size_t i;
  if (v->type != OC_WHERE_TEXT)
    return OC_OK;
  to->n = 0;
  if (v->s != to->p && oc_buf_reserve(to, v->n) != OC_OK)
    return OC_EMEM;
  for (i = 0; i < v->n; i++)
    to->p[i] = (char)fold(v->s[i]);
  v->s = to->p;
  v->kind = UNKNOWN;
  return OC_OK;
}

static void shift(oc_where_value *v, int64_t seconds) {
  if (!is_instant(v)) {
    make_null(v);
    return;
  }
  v->type = OC_WHERE_INSTANT;
  v->at.s += seconds;  /* both far below their range: see the grammar */
}

static void count(oc_where_value *v) {
  v->i = v->type == OC_WHERE_LIST ? (int64_t)v->n : 0;
  v->type = OC_WHERE_INT;
}

/* The path that a value is made of; NULL: a constant, or now. */
static const node *path_of(const oc_where_run *r, int32_t i) {
  const node *at = &r->where->nodes[i];
  while (at->op == OC_WHERE_LOWER || at->op == OC_WHERE_SHIFT || at->op == OC_WHERE_COUNT)
    at = &r->where->nodes[at->a];
  return at->op == OC_WHERE_PATH ? at : NULL;
}

/*
** Is what this path leads to asked about again and again: is it around the element
** at hand, so that each has it anew, or is that in a list which is walked so?
*/
static int is_repeated(const oc_where_run *r, const node *path) {
  return r->repeated > 0 || (unsigned)path->a < r->depth;
}

/* OC_OK, or OC_ELIMIT: there are not so many steps left. */
static int take(oc_where_run *r, size_t steps) {
  return (r->work -= (int64_t)steps) < 0 ? OC_ELIMIT : OC_OK;
}

/* The steps of reading it once more. */
static size_t reading(const oc_where_value *v) {
  return v->type == OC_WHERE_TEXT || is_number(v) ? v->n / OC_WHERE_BYTES_PER_STEP : 0;
}

/* The value at the end of a path. */
static int follow(oc_where_run *r, const node *at, int side, oc_where_value *v) {
  const int repeated = is_repeated(r, at);
  const oc_where_value *object = &r->frame[at->a];
  uint32_t k;
  if (at->n == 0)
    *v = *object;
  for (k = 0; k < at->n; k++) {
    int status;
    if (object->type != OC_WHERE_OBJECT) {
      if (object->type != OC_WHERE_NULL && r->source->astray != NULL)
        r->source->astray(r->ud, at->first + k);
      make_null(v);
      return OC_OK;
    }
    if (repeated && take(r, object->n) != OC_OK)
      return OC_ELIMIT;
    status = r->source->member(r->ud, object, at->first + k, v);
    if (status != OC_OK)
      return status;
    object = v;
  }
  if (repeated && take(r, reading(v)) != OC_OK)
    return OC_ELIMIT;
  return v->type == OC_WHERE_TEXT && v->escaped ? unescape(r, side, v) : OC_OK;
}

/* OC_OK, or OC_ELIMIT: a constant is too long to be looked at again. */
static int look_at(oc_where_run *r, const oc_where_value *v) {
  return r->repeated > 0 ? take(r, reading(v)) : OC_OK;
}

/* Finds the value of a node in v, text without escapes. side: which of a node's two it is. */
static int value_of(oc_where_run *r, int32_t i, int side, oc_where_value *v) {
  const node *at = &r->where->nodes[i];
  int status;
  switch (at->op) {
    case OC_WHERE_CONSTANT:
      *v = r->where->constants[at->a];
      return look_at(r, v);
    case OC_WHERE_NOW:
      v->type = OC_WHERE_INSTANT;
      v->at = r->now;
      return OC_OK;
    case OC_WHERE_PATH:
      return follow(r, at, side, v);
    default:
      status = value_of(r, at->a, side, v);
      if (status != OC_OK)
        return status;
      if (at->op == OC_WHERE_LOWER)
        return to_lower(r, side, v);
      if (at->op == OC_WHERE_SHIFT)
        shift(v, at->seconds);
      else if (at->op == OC_WHERE_COUNT)
        count(v);
      return OC_OK;
  }
}

/* The same where it is: a constant is not copied (it is complete, so nobody writes to it). */
static inline oc_where_value *operand(oc_where_run *r, int32_t i, int side, oc_where_value *v, int *status) {
  const node *at = &r->where->nodes[i];
  if (at->op != OC_WHERE_CONSTANT) {
    *status = value_of(r, i, side, v);
    return v;
  }
  v = &r->where->constants[at->a];
  *status = look_at(r, v);
  return v;
}

/* --- true or false ------------------------------------------------------------------ */

static int holds(oc_where_run *r, int32_t i);

static int mark(const oc_where_run *r) {
  return r->source->mark != NULL ? r->source->mark(r->ud) : 0;
}

static void release(const oc_where_run *r, int to) {
  if (r->source->release != NULL)
    r->source->release(r->ud, to);
}

static int is_empty(oc_where_run *r, const node *at, const oc_where_value *v) {
  switch (v->type) {
    case OC_WHERE_NULL:
      return 1;
    case OC_WHERE_TEXT: case OC_WHERE_LIST:
      return v->n == 0;
    case OC_WHERE_OBJECT:
      return r->source->empty(r->ud, v, is_repeated(r, path_of(r, at->a)), &r->work);
    default:
      return 0;
  }
}

static int compare_op(enum oc_where_op op, oc_where_value *a, oc_where_value *b) {
  int order;
  if (op == OC_WHERE_EQ || op == OC_WHERE_NE)
    return equal(a, b) == (op == OC_WHERE_EQ);
  order = compare(a, b);
  switch (op) {
    case OC_WHERE_LT: return order == -1;
    case OC_WHERE_LE: return order <= 0;
    case OC_WHERE_GT: return order == 1;
    default: return order == 0 || order == 1;
  }
}

/*
** More work for a text that is the first value of an operation; but not each time
** that it is asked about: that would be work without end.
*/
static void allow(oc_where_run *r, const node *at, size_t n) {
  const node *path = path_of(r, at->a);
  if (path != NULL && !is_repeated(r, path))
    r->work += (int64_t)n * OC_WHERE_WORK_PER_BYTE;
}

static int text_op(oc_where_run *r, const node *at, const oc_where_value *a, const oc_where_value *b) {
  if (a->type != OC_WHERE_TEXT || b->type != OC_WHERE_TEXT || a->n < b->n)
    return 0;
  switch (at->op) {
    case OC_WHERE_STARTS: return same_folded(a->s, b->s, b->n);
    case OC_WHERE_ENDS: return same_folded(a->s + a->n - b->n, b->s, b->n);
    default:
      allow(r, at, a->n);
      return contains(a, b, &r->work);
  }
}

static int matches(oc_where_run *r, const node *at) {
  oc_where_value v;
  const int status = value_of(r, at->a, 0, &v);
  if (status != OC_OK || v.type != OC_WHERE_TEXT)
    return status;
  allow(r, at, v.n);
  return oc_match_find(r->where->patterns[at->b], v.s, v.n, &r->work);
}

/* A list or object is equal to nothing, so none need be kept. */
static int has(oc_where_run *r, const node *op, oc_where_value *list, oc_where_value *wanted) {
  const int kept = mark(r);
  oc_where_value v;
  uint32_t at = 0;
  int repeated, got;
  if (list->type != OC_WHERE_LIST)
    return 0;
  repeated = is_repeated(r, path_of(r, op->a));
  while ((got = r->source->element(r->ud, list, &at, &v)) == 1) {
    release(r, kept);
    if (repeated && take(r, 1 + reading(&v)) != OC_OK)
      return OC_ELIMIT;
    if (v.type == OC_WHERE_TEXT && v.escaped && unescape(r, 0, &v) != OC_OK)
      return OC_EMEM;
    if (equal(&v, wanted))
      return 1;
  }
  return got;
}

/* Is it one of these? */
static int is_in(oc_where_run *r, const node *at) {
  oc_where_value v, space, *item;
  int32_t i = at->b;
  int status = value_of(r, at->a, 0, &v);
  const int kept = mark(r);
  while (status == OC_OK && i >= 0) {
    release(r, kept);
    if (r->repeated > 0 && take(r, 1) != OC_OK)
      return OC_ELIMIT;
    item = operand(r, r->where->nodes[i].a, 1, &space, &status);
    if (status == OC_OK && equal(&v, item))
      return 1;
    i = r->where->nodes[i].b;
  }
  return status;
}

static int two_values(oc_where_run *r, const node *at) {
  oc_where_value left, right, *a, *b;
  int status = OC_OK;
  a = operand(r, at->a, 0, &left, &status);
  if (status != OC_OK)
    return status;
  b = operand(r, at->b, 1, &right, &status);
  if (status != OC_OK)
    return status;
  switch (at->op) {
    case OC_WHERE_HAS:
      return has(r, at, a, b);
    case OC_WHERE_CONTAINS: case OC_WHERE_STARTS: case OC_WHERE_ENDS:
      return text_op(r, at, a, b);
    default:
      return compare_op(at->op, a, b);
  }
}

static int one_value(oc_where_run *r, const node *at) {
  oc_where_value v;
  const int status = value_of(r, at->a, 0, &v);
  if (status != OC_OK)
    return status;
  return at->op == OC_WHERE_EMPTY ? is_empty(r, at, &v)
       : v.type != OC_WHERE_NULL && v.type != OC_WHERE_FALSE;
}

/* any: is there an element for which it holds; all: is there none for which it does not. */
static int quantified(oc_where_run *r, const node *at) {
  const int wanted = at->op == OC_WHERE_ANY;
  const unsigned repeated = (unsigned)is_repeated(r, &r->where->nodes[at->a]);
  oc_where_value list;
  uint32_t place = 0;
  int got = value_of(r, at->a, 0, &list), found = 0;
  if (got != OC_OK)
    return got;
  if (list.type != OC_WHERE_LIST)
    return !wanted;
  r->depth++;
  r->repeated += repeated;
  while (!found) {
    const int kept = mark(r);
    got = r->source->element(r->ud, &list, &place, &r->frame[r->depth]);
    if (got == 1 && repeated && is_number(&r->frame[r->depth]))  /* the source has read it */
      got = take(r, reading(&r->frame[r->depth])) == OC_OK ? 1 : OC_ELIMIT;
    if (got == 1) {
      got = holds(r, at->b);
      found = got == wanted;
      if (got >= 0)
        got = 1;
    }
    release(r, kept);
    if (got != 1)
      break;
  }
  r->depth--;
  r->repeated -= repeated;
  return got < 0 ? got : found == wanted;
}

static int leaf(oc_where_run *r, const node *at) {
  if (r->repeated > 0 && take(r, 1) != OC_OK)
    return OC_ELIMIT;
  switch (at->op) {
    case OC_WHERE_TRUTH: case OC_WHERE_EMPTY:
      return one_value(r, at);
    case OC_WHERE_MATCHES:
      return matches(r, at);
    case OC_WHERE_IN:
      return is_in(r, at);
    case OC_WHERE_ANY: case OC_WHERE_ALL:
      return quantified(r, at);
    default:
      return two_values(r, at);
  }
}

/* Rows of and, or do not deepen the recursion: they go on at their second node. */
static int holds(oc_where_run *r, int32_t i) {
  for (;;) {
    const node *at = &r->where->nodes[i];
    int got;
    if (at->op == OC_WHERE_AND || at->op == OC_WHERE_OR) {
      got = holds(r, at->a);
      if (got != (at->op == OC_WHERE_AND))
        return got;
      i = at->b;
    } else if (at->op == OC_WHERE_NOT) {
      got = holds(r, at->a);
      return got < 0 ? got : !got;
    } else {
      const int kept = mark(r);
      got = leaf(r, at);
      release(r, kept);
      return got;
    }
  }
}

void oc_where_run_init(oc_where_run *r, const oc_where *w, const oc_where_source *source, void *ud) {
  memset(r, 0, sizeof *r);
  r->where = w;
  r->source = source;
  r->ud = ud;
  oc_buf_init(&r->text[0], (size_t)-1 / 4);
  oc_buf_init(&r->text[1], (size_t)-1 / 4);
}

void oc_where_run_free(oc_where_run *r) {
  oc_buf_free(&r->text[0]);
  oc_buf_free(&r->text[1]);
}

int oc_where_holds(oc_where_run *r, const oc_where_value *lead) {
  r->work = OC_WHERE_WORK;
  r->depth = r->repeated = 0;
  r->frame[0] = *lead;
  return holds(r, r->where->root);
}
