/*
** oc_match.c - Lua's patterns, in bounded work.
**
** A pattern becomes a row of items, each of which takes some text or none. Items
** are passed in order, so an item's captures are set anew whenever a match goes
** back behind them: nothing need be restored. Only an item that repeats calls the
** matcher again, for what follows it; so the depth of calls is at most the number
** of items.
*/
#include "oc_match.h"

#include <stdlib.h>
#include <string.h>

enum item_type {
  BYTE,      /* a */
  ANY,
  SET,       /* one of a set */
  OPEN,      /* capture a begins */
  CLOSE,     /* and ends */
  BACK,      /* what capture a took */
  BALANCED,  /* from a to the b that answers it */
  FRONTIER,  /* into a set */
  LAST,      /* the end of the text */
  DONE
};

enum repeat { ONCE, MAYBE, GREEDY, LAZY };

typedef struct item {
  uint8_t type, repeat;
  uint8_t a, b;
  uint16_t set;
} item;

typedef struct set {
  uint32_t bit[8];
} set;

struct oc_match {
  item *items;
  set *sets;
  uint16_t nitems, nsets;
  int anchored;
};

/* --- preparing -------------------------------------------------------------- */

typedef struct parser {
  oc_match *m;
  const unsigned char *p, *start, *end;
  const char *why;
  uint8_t open[OC_MATCH_CAPTURES];  /* captures that are open, innermost last */
  uint8_t nopen, ncaptures;
  uint8_t closed[OC_MATCH_CAPTURES], position[OC_MATCH_CAPTURES];
  int plain;                        /* nothing in it is special but, perhaps, a ) */
} parser;

static int fail(parser *r, const unsigned char *at, const char *why) {
  r->p = at;
  r->why = why;
  return OC_EBAD;
}

static void add_byte(set *s, unsigned c) {
  s->bit[c >> 5] |= UINT32_C(1) << (c & 31);
}

static int has_byte(const set *s, unsigned char c) {
  return (int)(s->bit[c >> 5] >> (c & 31) & 1);
}

static int is_between(unsigned c, unsigned low, unsigned high) {
  return c >= low && c <= high;
}

static int is_letter(unsigned c) {
  return is_between(c | 0x20, 'a', 'z');
}

/* Is c in the class that a lower-case letter names? -1: it names none. */
static int in_class(unsigned c, int name) {
  const int digit = is_between(c, '0', '9');
  switch (name) {
    case 'a': return is_letter(c);
    case 'c': return c < 32 || c == 127;
    case 'd': return digit;
    case 'g': return is_between(c, 33, 126);
    case 'l': return is_between(c, 'a', 'z');
    case 'p': return is_between(c, 33, 126) && !is_letter(c) && !digit;
    case 's': return c == ' ' || is_between(c, '\t', '\r');
    case 'u': return is_between(c, 'A', 'Z');
    case 'w': return is_letter(c) || digit;
    case 'x': return digit || is_between(c | 0x20, 'a', 'f');
    case 'z': return c == 0;
    default: return -1;
  }
}

/* Adds what %name stands for: a class, its complement for a capital, or itself. */
static void add_class(set *s, unsigned char name) {
  const int is_capital = is_between(name, 'A', 'Z');
  const int lower = is_letter(name) ? name | 0x20 : name;
  unsigned c;
  if (in_class(0, lower) < 0) {
    add_byte(s, name);
    return;
  }
  for (c = 0; c < 256; c++)
    if (in_class(c, lower) != is_capital)
      add_byte(s, c);
}

/* [...]: *p is behind the bracket. The first byte belongs to it, ] too. */
static int read_set(parser *r, set *s) {
  const unsigned char *from = r->p - 1, *p = r->p, *close;
  int negated, i;
  memset(s, 0, sizeof *s);
  negated = p < r->end && *p == '^';
  p += negated;
  close = p;
  do {
    if (close >= r->end)
      return fail(r, from, "no ] for this [");
    close += *close == '%' && close + 1 < r->end ? 2 : 1;
  } while (close >= r->end || *close != ']');
  while (p < close) {
    if (*p == '%') {  /* the last one, behind a range that took a %, escapes the ] as in Lua */
      add_class(s, p[1]);
      p += 2;
    } else if (p + 2 < close && p[1] == '-') {
      unsigned c;
      for (c = p[0]; c <= p[2]; c++)
        add_byte(s, c);
      p += 3;
    } else {
      add_byte(s, *p++);
    }
  }
  for (i = 0; negated && i < 8; i++)
    s->bit[i] = ~s->bit[i];
  r->p = close + 1;
  return OC_OK;
}

static set *new_set(parser *r, item *it) {
  set *s = &r->m->sets[r->m->nsets];
  it->set = r->m->nsets++;
  memset(s, 0, sizeof *s);
  return s;
}

static int read_capture(parser *r, item *it) {
  const unsigned char *at = r->p++;
  if (*at == ')') {
    if (r->nopen == 0)
      return fail(r, at, "a ) without a (");
    it->type = CLOSE;
    it->a = r->open[--r->nopen];
    r->closed[it->a] = 1;
    return OC_OK;
  }
  if (r->ncaptures == OC_MATCH_CAPTURES)
    return fail(r, at, "more than 32 captures");
  it->type = OPEN;
  it->a = r->ncaptures++;
  r->open[r->nopen++] = it->a;
  r->position[it->a] = r->p < r->end && *r->p == ')';
  return OC_OK;
}

/* What begins with % and may not be repeated: 1 if it did. Else nothing is read. */
static int read_special(parser *r, item *it) {
  const unsigned char *at = r->p;
  const unsigned char c = at[1];
  if (c == 'b') {
    if (r->end - at < 4)
      return fail(r, at, "%b takes two characters");
    it->type = BALANCED;
    it->a = at[2];
    it->b = at[3];
    r->p = at + 4;
    return 1;
  }
  if (c == 'f') {
    if (r->end - at < 3 || at[2] != '[')
      return fail(r, at, "%f takes a set: %f[...]");
    it->type = FRONTIER;
    r->p = at + 3;
    return read_set(r, new_set(r, it)) == OC_OK ? 1 : OC_EBAD;
  }
  if (is_between(c, '0', '9')) {
    it->type = BACK;
    it->a = (uint8_t)(c - '1');
    if (c == '0' || it->a >= r->ncaptures || !r->closed[it->a])
      return fail(r, at, "there is no such capture before it");
    it->b = r->position[it->a];
    r->p = at + 2;
    return 1;
  }
  return 0;
}

/* An item that takes one byte, and how often. */
static int read_single(parser *r, item *it) {
  const unsigned char *at = r->p++;
  if (*at == '.') {
    it->type = ANY;
  } else if (*at == '[') {
    it->type = SET;
    if (read_set(r, new_set(r, it)) != OC_OK)
      return OC_EBAD;
  } else if (*at == '%') {
    it->type = SET;
    add_class(new_set(r, it), *r->p++);
  } else {
    it->type = BYTE;
    it->a = *at;
  }
  if (r->p == r->end)
    return OC_OK;
  switch (*r->p) {
    case '?': it->repeat = MAYBE; break;
    case '*': it->repeat = GREEDY; break;
    case '-': it->repeat = LAZY; break;
    case '+':  /* once, and then any number */
      r->m->items[r->m->nitems++] = *it;
      it->repeat = GREEDY;
      break;
    default: return OC_OK;
  }
  r->p++;
  return OC_OK;
}

static int read_item(parser *r) {
  item it = {0, ONCE, 0, 0, 0};
  int status = 0;
  if (*r->p == '(' || (*r->p == ')' && !r->plain)) {
    status = read_capture(r, &it);
  } else if (*r->p == '$' && r->p + 1 == r->end) {
    it.type = LAST;
    r->p++;
  } else if (*r->p == '%' && r->p + 1 == r->end) {
    return fail(r, r->p, "it ends with %");
  } else {
    if (*r->p == '%')
      status = read_special(r, &it);
    if (status == 0)
      status = read_single(r, &it);
  }
  if (status < 0)
    return status;
  r->m->items[r->m->nitems++] = it;
  return OC_OK;
}

/* string.find takes a text without any of these for what it is. */
static int is_plain(const parser *r) {
  const unsigned char *p;
  for (p = r->p; p < r->end; p++)
    if (*p != '\0' && strchr("^$*+?.([%-", *p) != NULL)
      return 0;
  return 1;
}

static int parse(parser *r) {
  static const item done = {DONE, ONCE, 0, 0, 0};
  if (r->end - r->p > (long)OC_MATCH_MAX_BYTES)
    return fail(r, r->p + OC_MATCH_MAX_BYTES, "it is longer than 1000 bytes");
  r->plain = is_plain(r);
  if (r->p < r->end && *r->p == '^') {
    r->m->anchored = 1;
    r->p++;
  }
  while (r->p < r->end)
    if (read_item(r) != OC_OK)
      return OC_EBAD;
  if (r->nopen > 0)
    return fail(r, r->end, "a ( without a )");
  r->m->items[r->m->nitems++] = done;
  return OC_OK;
}

oc_match *oc_match_new(const char *pattern, size_t n, int *status, size_t *at, const char **why) {
  const size_t most = n < OC_MATCH_MAX_BYTES ? n : OC_MATCH_MAX_BYTES;
  parser r;
  memset(&r, 0, sizeof r);
  *status = OC_EMEM;
  r.m = calloc(1, sizeof *r.m);
  if (r.m == NULL)
    return NULL;
  r.m->items = calloc(most + 1, sizeof *r.m->items);  /* each takes a byte or more */
  r.m->sets = calloc(most / 2 + 1, sizeof *r.m->sets);
  if (r.m->items == NULL || r.m->sets == NULL) {
    oc_match_free(r.m);
    return NULL;
  }
  r.start = r.p = (const unsigned char *)pattern;
  r.end = r.p + n;
  *status = parse(&r);
  if (*status == OC_OK)
    return r.m;
  *at = (size_t)(r.p - r.start);
  *why = r.why;
  oc_match_free(r.m);
  return NULL;
}

void oc_match_free(oc_match *m) {
  if (m == NULL)
    return;
  free(m->items);
  free(m->sets);
  free(m);
}

/* --- matching --------------------------------------------------------------- */

typedef struct run {
  const oc_match *m;
  const unsigned char *start, *end;
  const unsigned char *from[OC_MATCH_CAPTURES];
  size_t n[OC_MATCH_CAPTURES];
  int64_t work;
} run;

/* Does this item take the byte at s? */
static int takes(run *r, const item *it, const unsigned char *s) {
  r->work--;
  if (s == r->end)
    return 0;
  switch (it->type) {
    case BYTE: return *s == it->a;
    case SET: return has_byte(&r->m->sets[it->set], *s);
    default: return 1;
  }
}

static int match(run *r, const item *it, const unsigned char *s);

static int match_greedy(run *r, const item *it, const unsigned char *s) {
  const unsigned char *most = s;
  while (takes(r, it, most))
    most++;
  for (;;) {
    const int found = match(r, it + 1, most);
    if (found != 0 || most == s)
      return found;
    most--;
  }
}

static int match_lazy(run *r, const item *it, const unsigned char *s) {
  for (;;) {
    const int found = match(r, it + 1, s);
    if (found != 0 || !takes(r, it, s))
      return found;
    s++;
  }
}

/* Behind what is balanced; NULL if nothing is. */
static const unsigned char *pass_balanced(run *r, const item *it, const unsigned char *s) {
  int64_t depth = 0;
  if (s == r->end || *s != it->a)
    return NULL;
  for (; s < r->end; s++) {
    r->work--;
    if (depth > 0 && *s == it->b) {
      if (--depth == 0)
        return s + 1;
    } else if (*s == it->a) {
      depth++;
    }
  }
  return NULL;
}

static const unsigned char *pass_back(run *r, const item *it, const unsigned char *s) {
  const size_t n = r->n[it->a];
  r->work -= (int64_t)n;
  if (it->b || (size_t)(r->end - s) < n || memcmp(r->from[it->a], s, n) != 0)
    return NULL;  /* a position is no text */
  return s + n;
}

static int at_frontier(const run *r, const item *it, const unsigned char *s) {
  const set *in = &r->m->sets[it->set];
  return !has_byte(in, s > r->start ? s[-1] : 0) && has_byte(in, s < r->end ? *s : 0);
}

/* Passes an item that does not repeat: behind it, or NULL. */
static const unsigned char *pass(run *r, const item *it, const unsigned char *s) {
  switch (it->type) {
    case OPEN:
      r->from[it->a] = s;
      return s;
    case CLOSE:
      r->n[it->a] = (size_t)(s - r->from[it->a]);
      return s;
    case BACK:
      return pass_back(r, it, s);
    case BALANCED:
      return pass_balanced(r, it, s);
    case FRONTIER:
      return at_frontier(r, it, s) ? s : NULL;
    case LAST:
      return s == r->end ? s : NULL;
    default:
      return takes(r, it, s) ? s + 1 : NULL;
  }
}

/* 1 or 0; OC_ELIMIT when the work is used up. */
static int match(run *r, const item *it, const unsigned char *s) {
  for (; it->type != DONE; it++) {
    if (--r->work < 0)
      return OC_ELIMIT;
    if (it->repeat == GREEDY)
      return match_greedy(r, it, s);
    if (it->repeat == LAZY)
      return match_lazy(r, it, s);
    if (it->repeat == MAYBE) {
      if (takes(r, it, s)) {
        const int found = match(r, it + 1, s + 1);
        if (found != 0)
          return found;
      }
      continue;
    }
    s = pass(r, it, s);
    if (s == NULL)
      return 0;
  }
  return 1;
}

int oc_match_find(const oc_match *m, const char *text, size_t n, int64_t *work) {
  const unsigned char *s;
  int found;
  run r;
  r.m = m;
  r.start = s = (const unsigned char *)text;
  r.end = s + n;
  r.work = *work;
  do
    found = match(&r, m->items, s);
  while (found == 0 && !m->anchored && s++ < r.end);
  *work = r.work;
  return found;
}
