/*
** oc_json.c - a page of leads: bytes in, one scanned lead at a time out.
**
** A machine over the document's outer brackets. Every value within goes through
** the scanner: leads, and what must be read but not kept (an envelope's keys and
** other members), so that nothing in a document stays unchecked.
*/
#include "oc_json.h"

#include <string.h>

#include "oc_text.h"

/* What the document has next. */
enum state {
  AT_START,
  LIST_FIRST,    /* behind '[': an element or ']' */
  LIST_ELEMENT,  /* behind ',' */
  LIST_NEXT,     /* behind an element: ',' or ']' */
  ENV_FIRST,     /* behind '{': a key or '}' */
  ENV_KEY,
  ENV_COLON,
  ENV_VALUE,
  ENV_NEXT,
  AT_END
};

/* What a value is to us. */
enum role { NOTHING, LEAD, WHOLE, ENV_NAME, ENV_MEMBER, ENV_LIST, ENV_ERROR, STRAY };

int oc_json_init(oc_json *j, unsigned max_depth) {
  memset(j, 0, sizeof *j);
  return oc_scan_init(&j->scan, max_depth);
}

void oc_json_free(oc_json *j) {
  oc_scan_free(&j->scan);
}

void oc_json_reset(oc_json *j) {
  oc_scan_reset(&j->scan);
  j->items = 0;
  j->state = AT_START;
  j->role = j->named = NOTHING;
  j->level = j->in_envelope = j->has_list = j->has_error = j->pending = 0;
}

int oc_json_feed(oc_json *j, const void *bytes, size_t n) {
  return oc_scan_feed(&j->scan, bytes, n);
}

const char *oc_json_text(const oc_json *j, size_t *n) {
  *n = j->scan.pos - j->scan.item;
  return j->scan.in.p + j->scan.item;
}

static enum oc_got fail(oc_json *j, enum oc_fault_json fault, const char *text) {
  return oc_scan_fail(&j->scan, fault, j->scan.pos, text);
}

static void begin(oc_json *j, enum role role) {
  j->role = (int)role;
  oc_scan_begin(&j->scan);
}

/* An envelope's key has been scanned: what is its value to us? */
static enum role name_role(const oc_json *j) {
  static const struct { char key[8]; enum role role; } known[] = {
    {"data", ENV_LIST}, {"items", ENV_LIST}, {"value", ENV_LIST},
    {"error", ENV_ERROR}, {"errors", ENV_ERROR}};
  const oc_tok *t = &j->scan.tok[0];
  char key[6 * sizeof known[0].key];  /* every character may be an escape */
  size_t i, n;
  if (t->n > sizeof key)
    return ENV_MEMBER;
  n = oc_text_unescape(key, j->scan.in.p + j->scan.item + t->at, t->n);
  for (i = 0; i < sizeof known / sizeof known[0]; i++)
    if (n == strlen(known[i].key) && memcmp(key, known[i].key, n) == 0)
      return known[i].role;
  return ENV_MEMBER;
}

/* Some services write an `error` that says there is none. */
static int says_nothing(const oc_tok *t) {
  switch (oc_tok_type(t)) {
    case OC_TOK_NULL:
    case OC_TOK_FALSE:
      return 1;
    case OC_TOK_STRING:
    case OC_TOK_ARRAY:
    case OC_TOK_OBJECT:
      return t->n == 0;
    default:
      return 0;
  }
}

static enum oc_got open_list(oc_json *j) {
  if (j->level == 0 && j->has_list++)
    return fail(j, OC_JSON_SHAPE, "an object with more than one list of leads");
  j->level++;
  j->state = LIST_FIRST;
  j->scan.pos++;
  return OC_MORE;
}

static enum oc_got close_list(oc_json *j) {
  j->level--;
  j->state = j->level > 0 ? LIST_NEXT : j->in_envelope ? ENV_NEXT : AT_END;
  j->scan.pos++;
  return OC_MORE;
}

static enum oc_got close_envelope(oc_json *j) {
  if (j->has_error)
    return fail(j, OC_JSON_SHAPE, "an object that tells of an error, not a list of leads");
  if (!j->has_list)
    return fail(j, OC_JSON_SHAPE, "an object without a list of leads in data, items or value");
  j->state = AT_END;
  j->scan.pos++;
  return OC_MORE;
}

/* A value has been scanned whole. ITEM: the caller's; MORE: it was ours. */
static enum oc_got item_done(oc_json *j) {
  const enum role role = (enum role)j->role;
  j->role = NOTHING;
  switch (role) {
    case LEAD:
      j->items++;
      j->state = LIST_NEXT;
      return OC_ITEM;
    case WHOLE:
      j->state = AT_END;
      return OC_ITEM;
    case ENV_NAME:
      j->named = (int)name_role(j);
      j->state = ENV_COLON;
      return OC_MORE;
    case ENV_ERROR:
      j->has_error |= !says_nothing(&j->scan.tok[0]);
      j->state = ENV_NEXT;
      return OC_MORE;
    case STRAY:
      return oc_scan_fail(&j->scan, OC_JSON_SHAPE, j->scan.item,
                          j->level > 0 ? "an element that is not a lead"
                                       : "a value that is not a list of leads");
    default:
      j->state = ENV_NEXT;
      return OC_MORE;
  }
}

/* The value at j->scan.pos: a list to go into, or one to scan. */
static enum oc_got list_element(oc_json *j, char c) {
  if (c == '[' && j->level < 2)
    return open_list(j);
  begin(j, c == '{' ? LEAD : STRAY);
  return OC_MORE;
}

static enum oc_got document(oc_json *j, char c) {
  if (c == '<')
    return fail(j, OC_JSON_SYNTAX, "HTML or XML, not JSON");
  if (j->mode == OC_JSON_VALUE) {
    begin(j, WHOLE);
  } else if (c == '[') {
    return open_list(j);
  } else if (c == '{') {
    j->in_envelope = 1;
    j->state = ENV_FIRST;
    j->scan.pos++;
  } else {
    begin(j, STRAY);
  }
  return OC_MORE;
}

/* One step on the first character that is not white space. */
static enum oc_got step(oc_json *j, char c) {
  switch ((enum state)j->state) {
    case AT_START:
      return document(j, c);
    case LIST_FIRST:
      return c == ']' ? close_list(j) : list_element(j, c);
    case LIST_ELEMENT:
      return list_element(j, c);
    case LIST_NEXT:
      if (c == ']')
        return close_list(j);
      if (c != ',')
        return fail(j, OC_JSON_SYNTAX, "expected ',' or ']' behind an element");
      j->state = LIST_ELEMENT;
      break;
    case ENV_FIRST:
      if (c == '}')
        return close_envelope(j);
      /* fall through */
    case ENV_KEY:
      if (c != '"')
        return fail(j, OC_JSON_SYNTAX, "expected a key in quotes");
      begin(j, ENV_NAME);
      return OC_MORE;
    case ENV_COLON:
      if (c != ':')
        return fail(j, OC_JSON_SYNTAX, "expected ':' behind a key");
      j->state = ENV_VALUE;
      break;
    case ENV_VALUE:
      if (j->named == ENV_LIST && c == '[')
        return open_list(j);
      begin(j, j->named == ENV_ERROR ? ENV_ERROR : ENV_MEMBER);
      return OC_MORE;
    case ENV_NEXT:
      if (c == '}')
        return close_envelope(j);
      if (c != ',')
        return fail(j, OC_JSON_SYNTAX, "expected ',' or '}' behind a member");
      j->state = ENV_KEY;
      break;
    case AT_END:
      return fail(j, OC_JSON_SYNTAX, "text behind the end of the document");
  }
  j->scan.pos++;
  return OC_MORE;
}

/* Passes a byte order mark at the body's start; 0 if that takes more bytes. */
static int pass_bom(oc_json *j) {
  static const char bom[3] = "\xEF\xBB\xBF";
  const size_t have = j->scan.in.n < 3 ? j->scan.in.n : 3;
  if (j->scan.base + j->scan.pos > 0 || have == 0 || memcmp(j->scan.in.p, bom, have) != 0)
    return 1;
  if (have < 3)
    return 0;
  j->scan.pos = 3;
  return 1;
}

enum oc_got oc_json_next(oc_json *j) {
  if (j->scan.fault != OC_JSON_NO_FAULT)
    return OC_FAILED;
  if (j->pending) {
    j->pending = 0;
    return OC_ITEM;
  }
  if (!pass_bom(j))
    return OC_MORE;
  for (;;) {
    enum oc_got got;
    if (j->role != NOTHING) {
      got = oc_scan_value(&j->scan);
      if (got == OC_MORE)
        return got;
      if (got == OC_ITEM)
        got = item_done(j);
    } else {
      if (!oc_scan_skip_space(&j->scan))
        return OC_MORE;
      got = step(j, j->scan.in.p[j->scan.pos]);
    }
    if (got != OC_MORE)
      return got;
  }
}

enum oc_got oc_json_finish(oc_json *j) {
  enum oc_got got = oc_json_next(j);
  if (got == OC_MORE && j->state == AT_START && j->role != NOTHING &&
      oc_scan_finish(&j->scan) == OC_ITEM)
    got = item_done(j);
  if (got == OC_ITEM)
    j->pending = 1;
  if (got != OC_MORE || j->state == AT_END)
    return got;
  return oc_scan_fail(&j->scan, OC_JSON_CUT, j->scan.in.n,
                      j->scan.base + j->scan.in.n == 0 ? "the body is empty"
                                                       : "the body ends within the document");
}
