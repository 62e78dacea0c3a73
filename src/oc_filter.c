/*
** oc_filter.c - filters as userdata.
**
** Makes a program of what the grammar (lua/oc/filter) has parsed, and asks it
** about tables. Raw access only: no metamethod runs, and nothing is changed.
*/
#include "oc_filter.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "oc_build.h"
#include "oc_error.h"

static const char METATABLE[] = "oc.filter";

/* Parts within one another, so that recursion stays small; the grammar makes 200. */
#define MAX_NESTED 500

/* More than all durations of the longest expression, and far from where instants end. */
#define MAX_SHIFT_S 1e17

typedef struct filter {
  oc_where *where;
  oc_where_run run; /* for tables; C calls nothing that could ask again meanwhile */
  uint32_t nkeys;  /* the user value has the keys' strings at [1] to [nkeys] */
} filter;

/* --- a Lua table as the source ----------------------------------------------- */

static void read_number(lua_State *L, int i, oc_where_value *v) {
  v->n = 0;  /* takes no time */
#if OC_HAS_INTEGERS
  if (lua_isinteger(L, i)) {
    v->type = OC_WHERE_INT;
    v->i = (int64_t)lua_tointeger(L, i);
    return;
  }
#endif
  v->type = OC_WHERE_NUMBER;
  v->d = (double)lua_tonumber(L, i);
}

/*
** Tables stay on the stack from where they are found until `release`: ref is their
** index. Texts are anchored by the table they are in.
*/
typedef struct tables {
  lua_State *L;
  const oc_where *where;
  int keys;
} tables;

/* Takes the value on top off the stack, but for a table. */
static void take(lua_State *L, oc_where_value *out) {
  out->type = OC_WHERE_NULL;
  switch (lua_type(L, -1)) {
    case LUA_TBOOLEAN:
      out->type = lua_toboolean(L, -1) ? OC_WHERE_TRUE : OC_WHERE_FALSE;
      break;
    case LUA_TNUMBER:
      read_number(L, -1, out);
      break;
    case LUA_TSTRING:
      out->type = OC_WHERE_TEXT;
      out->escaped = out->kind = 0;
      out->s = lua_tolstring(L, -1, &out->n);
      break;
    case LUA_TTABLE:
      out->n = lua_rawlen(L, -1);
      out->type = out->n > 0 || oc_build_is_array(L) ? OC_WHERE_LIST : OC_WHERE_OBJECT;
      if (out->type == OC_WHERE_OBJECT)
        out->n = 1;  /* a member is found at once */
      out->ref = (uint32_t)lua_gettop(L);
      return;
    default:
      break;
  }
  lua_pop(L, 1);
}

static int on_member(void *ud, const oc_where_value *object, uint32_t step, oc_where_value *out) {
  const tables *t = ud;
  luaL_checkstack(t->L, 4, "filter");
  lua_rawgeti(t->L, t->keys, (int)oc_where_step_key(t->where, step) + 1);
  lua_rawget(t->L, (int)object->ref);
  take(t->L, out);
  return OC_OK;
}

static int on_element(void *ud, const oc_where_value *list, uint32_t *at, oc_where_value *out) {
  const tables *t = ud;
  if (*at >= list->n)
    return 0;
  luaL_checkstack(t->L, 4, "filter");
  lua_rawgeti(t->L, (int)list->ref, (int)++*at);
  take(t->L, out);
  return 1;
}

static int on_empty(void *ud, const oc_where_value *object, int repeated, int64_t *work) {
  lua_State *L = ((const tables *)ud)->L;
  luaL_checkstack(L, 4, "filter");
  lua_pushnil(L);
  while (lua_next(L, (int)object->ref)) {
    const int is_null = lua_type(L, -1) == LUA_TLIGHTUSERDATA && lua_touserdata(L, -1) == NULL;
    lua_pop(L, 1);
    if (!is_null || (repeated && --*work < 0)) {
      lua_pop(L, 1);
      return is_null ? OC_ELIMIT : 0;
    }
  }
  return 1;
}

static int on_mark(void *ud) {
  return lua_gettop(((const tables *)ud)->L);
}

static void on_release(void *ud, int mark) {
  lua_settop(((const tables *)ud)->L, mark);
}

static const oc_where_source source = {on_member, NULL, on_element, on_empty, on_mark, on_release};

static oc_instant instant_of(lua_Number seconds) {
  oc_instant at;
  at.s = (int64_t)seconds;
  at.ns = (int32_t)((seconds - (lua_Number)at.s) * 1e9);
  if (at.ns < 0) {
    at.s--;
    at.ns += 1000000000;
  }
  return at;
}

/* --- from the parsed expression ------------------------------------------------ */

/*
** oc_where.c trusts a program, and the grammar makes good trees. But trees come from
** Lua: what a program's memory safety rests on is checked here.
*/

/* Indices on the stack of l_filter; NUMBERS has those of keys, by string. */
enum { AST = 1, KEYS = 2, FILTER = 3, NUMBERS = 4 };

/* Steps that the elements of each any and all around are behind. */
typedef struct compiler {
  filter *f;
  int32_t base[OC_WHERE_MAX_DEPTH + 1];
  unsigned depth, nested;
} compiler;

static int32_t compile(lua_State *L, compiler *c, int i);

/* The number of a node; raises for a status. */
static int32_t checked(lua_State *L, int32_t node) {
  if (node == OC_ELIMIT)
    luaL_error(L, "the expression is too large: more than %d parts", OC_WHERE_MAX_NODES);
  if (node < 0)
    oc_error_no_memory(L);
  return node;
}

/* What a part may be. */
enum sort { CONDITION, VALUE, PATH };

/* Raises where a node is none of the sort. */
static int32_t of_sort(lua_State *L, const compiler *c, int32_t node, enum sort sort) {
  const enum oc_where_op op = oc_where_op_of(c->f->where, node);
  if ((op >= OC_WHERE_NOW) != (sort != CONDITION) || (sort == PATH && op != OC_WHERE_PATH))
    luaL_error(L, "filter: no such tree: a %s expected",
               sort == PATH ? "path" : sort == VALUE ? "value" : "condition");
  return node;
}

/* The part at [k] of the table at index i. */
static int32_t part(lua_State *L, compiler *c, int i, int k, enum sort sort) {
  int32_t node;
  luaL_checkstack(L, 8, "filter");  /* what a part pushes before it has parts of its own */
  lua_rawgeti(L, i, k);
  luaL_checktype(L, -1, LUA_TTABLE);
  if (++c->nested > MAX_NESTED)
    luaL_error(L, "filters are combined too deep: more than %d within one another", MAX_NESTED);
  node = compile(L, c, lua_gettop(L));
  c->nested--;
  lua_pop(L, 1);
  return of_sort(L, c, node, sort);
}

/* Pushes the text at [k] of the table at index i. */
static const char *push_text(lua_State *L, int i, int k, size_t *n) {
  lua_rawgeti(L, i, k);
  if (lua_type(L, -1) != LUA_TSTRING)
    luaL_error(L, "filter: no such tree: a text expected, got %s", luaL_typename(L, -1));
  return lua_tolstring(L, -1, n);
}

/* The number of the key on top of the stack, from 0; a new one if it is new. */
static uint32_t key_number(lua_State *L, compiler *c) {
  uint32_t number;
  lua_pushvalue(L, -1);
  lua_rawget(L, NUMBERS);
  number = (uint32_t)lua_tointeger(L, -1);  /* nil: 0 */
  lua_pop(L, 1);
  if (number == 0) {
    number = ++c->f->nkeys;
    lua_pushvalue(L, -1);
    lua_rawseti(L, KEYS, (int)number);
    lua_pushvalue(L, -1);
    lua_pushinteger(L, (lua_Integer)number);
    lua_rawset(L, NUMBERS);
  }
  return number - 1;
}

/* {"path", frame, key, ...} */
static int32_t compile_path(lua_State *L, compiler *c, int i) {
  const int n = lua_rawlen(L, i) > 2 ? (int)lua_rawlen(L, i) - 2 : 0;
  uint32_t *key = lua_newuserdata(L, ((size_t)n + 1) * sizeof *key);
  int32_t node;
  lua_Number at;
  unsigned frame;
  size_t key_n;
  int k;
  lua_rawgeti(L, i, 2);
  at = lua_tonumber(L, -1);
  lua_pop(L, 1);
  if (!(at >= 0 && at <= c->depth))
    luaL_error(L, "filter: no such tree: a path from an element that is not around it");
  frame = (unsigned)at;
  for (k = 0; k < n; k++) {
    push_text(L, i, k + 3, &key_n);
    key[k] = key_number(L, c);
    lua_pop(L, 1);
  }
  node = checked(L, oc_where_path(c->f->where, frame, c->base[frame], key, (size_t)n));
  lua_pop(L, 1);
  return node;
}

/* {"any", path, expression} */
static int32_t compile_quantifier(lua_State *L, compiler *c, int i, enum oc_where_op op) {
  const int32_t list = part(L, c, i, 2, PATH);
  int32_t body;
  if (c->depth == OC_WHERE_MAX_DEPTH)
    luaL_error(L, "filter: no such tree: any and all more than %d deep", OC_WHERE_MAX_DEPTH);
  c->base[++c->depth] = oc_where_last_step(c->f->where, list);
  body = part(L, c, i, 3, CONDITION);
  c->depth--;
  return checked(L, oc_where_node(c->f->where, op, list, body));
}

/* {"and", expression, ...}: each but the last goes on at the next. */
static int32_t compile_row(lua_State *L, compiler *c, int i, enum oc_where_op op) {
  int k = (int)lua_rawlen(L, i);
  int32_t next = part(L, c, i, k, CONDITION);
  while (--k > 1)
    next = checked(L, oc_where_node(c->f->where, op, part(L, c, i, k, CONDITION), next));
  return next;
}

/* {"in", value, item, ...} */
static int32_t compile_in(lua_State *L, compiler *c, int i) {
  const int32_t v = part(L, c, i, 2, VALUE);
  int32_t next = -1;
  int k;
  for (k = (int)lua_rawlen(L, i); k > 2; k--)
    next = checked(L, oc_where_node(c->f->where, OC_WHERE_ITEM, part(L, c, i, k, VALUE), next));
  return checked(L, oc_where_node(c->f->where, OC_WHERE_IN, v, next));
}

/* Raises {at, why}, which the grammar puts into words: position is at [k]. */
static void fault(lua_State *L, int i, int k, size_t at, const char *why) {
  lua_createtable(L, 0, 2);
  lua_rawgeti(L, i, k);
  lua_setfield(L, -2, "position");
  oc_setcount(L, "at", at);
  lua_pushstring(L, why);
  lua_setfield(L, -2, "why");
  lua_error(L);
}

/* {"matches", value, pattern, position} */
static int32_t compile_matches(lua_State *L, compiler *c, int i) {
  const int32_t v = part(L, c, i, 2, VALUE);
  const char *pattern, *why = NULL;
  size_t n, at = 0;
  int32_t node;
  pattern = push_text(L, i, 3, &n);
  node = oc_where_pattern(c->f->where, v, pattern, n, &at, &why);
  lua_pop(L, 1);
  if (node == OC_EBAD)
    fault(L, i, 4, at, why);
  return checked(L, node);
}

/* {"number", n} {"text", s} {"date", s, position} {"null"} {"true"} {"false"} */
static int32_t compile_constant(lua_State *L, compiler *c, int i, const char *tag) {
  const int top = lua_gettop(L);
  oc_where_value v;
  int32_t node;
  memset(&v, 0, sizeof v);
  if (strcmp(tag, "number") == 0) {
    lua_rawgeti(L, i, 2);
    read_number(L, -1, &v);
  } else if (strcmp(tag, "text") == 0) {
    v.type = OC_WHERE_TEXT;
    v.s = push_text(L, i, 2, &v.n);
  } else if (strcmp(tag, "date") == 0) {
    size_t n;
    const char *s = push_text(L, i, 2, &n);
    v.type = OC_WHERE_INSTANT;
    if (!oc_time_iso(&v.at, s, n))
      fault(L, i, 3, 0, "no date: YYYY-MM-DD or YYYY-MM-DDThh:mm:ssZ expected");
  } else {
    v.type = *tag == 't' ? OC_WHERE_TRUE : *tag == 'f' ? OC_WHERE_FALSE : OC_WHERE_NULL;
  }
  node = checked(L, oc_where_constant(c->f->where, &v));
  lua_settop(L, top);
  return node;
}

/* {"shift", value, seconds} */
static int32_t compile_shift(lua_State *L, compiler *c, int i) {
  const int32_t v = part(L, c, i, 2, VALUE);
  lua_Number seconds;
  lua_rawgeti(L, i, 3);
  seconds = lua_tonumber(L, -1);
  lua_pop(L, 1);
  if (!(seconds >= -MAX_SHIFT_S && seconds <= MAX_SHIFT_S))
    luaL_error(L, "filter: no such tree: a shift of so many seconds");
  return checked(L, oc_where_shift(c->f->where, v, (int64_t)seconds));
}

static const struct {
  const char *tag;
  enum oc_where_op op;
  int parts;  /* values; of not, a condition */
} operations[] = {
  {"not", OC_WHERE_NOT, 1},
  {"truth", OC_WHERE_TRUTH, 1}, {"empty", OC_WHERE_EMPTY, 1},
  {"==", OC_WHERE_EQ, 2}, {"!=", OC_WHERE_NE, 2}, {"<", OC_WHERE_LT, 2}, {"<=", OC_WHERE_LE, 2},
  {">", OC_WHERE_GT, 2}, {">=", OC_WHERE_GE, 2}, {"has", OC_WHERE_HAS, 2},
  {"contains", OC_WHERE_CONTAINS, 2}, {"starts", OC_WHERE_STARTS, 2}, {"ends", OC_WHERE_ENDS, 2},
  {"now", OC_WHERE_NOW, 0}, {"lower", OC_WHERE_LOWER, 1}, {"count", OC_WHERE_COUNT, 1}};

/* The node of the table at index i. */
static int32_t compile(lua_State *L, compiler *c, int i) {
  const char *tag;
  size_t k;
  lua_rawgeti(L, i, 1);
  tag = luaL_checkstring(L, -1);
  lua_pop(L, 1);  /* the table keeps it */
  for (k = 0; k < sizeof operations / sizeof operations[0]; k++) {
    if (strcmp(tag, operations[k].tag) == 0) {
      const enum sort sort = operations[k].op == OC_WHERE_NOT ? CONDITION : VALUE;
      const int32_t a = operations[k].parts > 0 ? part(L, c, i, 2, sort) : -1;
      const int32_t b = operations[k].parts > 1 ? part(L, c, i, 3, sort) : -1;
      return checked(L, oc_where_node(c->f->where, operations[k].op, a, b));
    }
  }
  if (strcmp(tag, "and") == 0 || strcmp(tag, "or") == 0)
    return compile_row(L, c, i, *tag == 'a' ? OC_WHERE_AND : OC_WHERE_OR);
  if (strcmp(tag, "path") == 0)
    return compile_path(L, c, i);
  if (strcmp(tag, "any") == 0 || strcmp(tag, "all") == 0)
    return compile_quantifier(L, c, i, tag[1] == 'n' ? OC_WHERE_ANY : OC_WHERE_ALL);
  if (strcmp(tag, "in") == 0)
    return compile_in(L, c, i);
  if (strcmp(tag, "matches") == 0)
    return compile_matches(L, c, i);
  if (strcmp(tag, "shift") == 0)
    return compile_shift(L, c, i);
  return compile_constant(L, c, i, tag);
}

/*
** filter(ast, fields) -> filter. Raises {position, at, why} for a bad pattern or
** date. fields becomes the user value, and takes the keys in.
*/
static int l_filter(lua_State *L) {
  compiler c;
  luaL_checktype(L, AST, LUA_TTABLE);
  luaL_checktype(L, KEYS, LUA_TTABLE);
  lua_settop(L, KEYS);
  memset(&c, 0, sizeof c);
  c.base[0] = -1;
  c.f = oc_newuserdata(L, sizeof *c.f);
  memset(c.f, 0, sizeof *c.f);
  luaL_setmetatable(L, METATABLE);
  lua_pushvalue(L, KEYS);
  oc_setuservalue(L, FILTER);
  c.f->where = oc_where_new();
  if (c.f->where == NULL)
    oc_error_no_memory(L);
  oc_where_run_init(&c.f->run, c.f->where, &source, NULL);
  lua_newtable(L);
  luaL_checkstack(L, 8, "filter");
  oc_where_root(c.f->where, of_sort(L, &c, compile(L, &c, AST), CONDITION));
  lua_settop(L, FILTER);
  return 1;
}

static filter *check_filter(lua_State *L, int i) {
  filter *f = luaL_checkudata(L, i, METATABLE);
  luaL_argcheck(L, f->where != NULL, i, "the filter is closed");
  return f;
}

static int l_gc(lua_State *L) {
  filter *f = luaL_checkudata(L, 1, METATABLE);
  if (f->where != NULL)
    oc_where_run_free(&f->run);
  oc_where_free(f->where);
  f->where = NULL;
  return 0;
}

/* fields(filter) -> the table it was made with */
static int l_fields(lua_State *L) {
  check_filter(L, 1);
  oc_getuservalue(L, 1);
  return 1;
}

/* --- asking -------------------------------------------------------------------- */

/* filter(lead) -> boolean | nil, err */
static int l_call(lua_State *L) {
  filter *f = check_filter(L, 1);
  oc_where_value lead;
  tables t;
  int got;
  if (lua_type(L, 2) != LUA_TTABLE)
    return luaL_error(L, "filter: a lead (a table) expected, got %s", luaL_typename(L, 2));
  lua_settop(L, 2);
  t.L = L;
  t.where = f->where;
  t.keys = 3;
  oc_getuservalue(L, 1);
  lua_pushvalue(L, 2);
  take(L, &lead);
  f->run.ud = &t;
  f->run.now = instant_of((lua_Number)time(NULL));
  got = oc_where_holds(&f->run, &lead);
  f->run.ud = NULL;  /* t ends here */
  if (got == OC_ELIMIT)
    return oc_error_fail(L, "limit", "the filter needs too much work on this lead");
  if (got < 0)
    oc_error_no_memory(L);
  lua_pushboolean(L, got);
  return 1;
}

/* --- scanned leads -------------------------------------------------------------- */

void oc_filter_attach(lua_State *L, int i, oc_where_json *j, oc_scan *scan, lua_Number now) {
  const filter *f = check_filter(L, i);
  const char **key = lua_newuserdata(L, ((size_t)f->nkeys + 1) * sizeof *key);
  size_t *n = lua_newuserdata(L, ((size_t)f->nkeys + 1) * sizeof *n);
  uint32_t k;
  int status;
  oc_getuservalue(L, i);
  for (k = 0; k < f->nkeys; k++) {
    lua_rawgeti(L, -1, (int)k + 1);
    key[k] = lua_tolstring(L, -1, &n[k]);
    lua_pop(L, 1);  /* the user value keeps it */
  }
  status = oc_where_json_init(j, f->where, scan, key, n);
  if (status == OC_ELIMIT)
    luaL_error(L, "option 'where': a field's name is too long, or there are too many");
  if (status != OC_OK)
    oc_error_no_memory(L);
  j->run.now = instant_of(now);
  j->wide_are_texts = !OC_HAS_INTEGERS;
  lua_pop(L, 3);
}

/* Pushes the path that ends with a step. keys: the index of the keys. */
static void push_path(lua_State *L, const oc_where *w, uint32_t step, int keys) {
  const int32_t before = oc_where_step_before(w, step);
  luaL_checkstack(L, 4, "filter");
  if (before >= 0) {
    push_path(L, w, (uint32_t)before, keys);
    lua_pushliteral(L, ".");
  }
  lua_rawgeti(L, keys, (int)oc_where_step_key(w, step) + 1);
  if (before >= 0)
    lua_concat(L, 3);
}

void oc_filter_push_unknown(lua_State *L, int i, const oc_where_json *j) {
  const oc_where *w = check_filter(L, i)->where;
  const uint32_t n = oc_where_steps(w);
  uint32_t k;
  int keys, count = 0;
  oc_getuservalue(L, i);
  keys = lua_gettop(L);
  lua_newtable(L);
  lua_newtable(L);
  for (k = 0; k < n; k++) {
    const uint32_t node = j->node[k];  /* of several steps, if the path is there twice */
    int told;
    lua_rawgeti(L, keys + 2, (int)node);
    told = lua_toboolean(L, -1);
    lua_pop(L, 1);
    if (j->found[node] == OC_WHERE_LOOKED && !told) {
      push_path(L, w, k, keys);
      lua_rawseti(L, keys + 1, ++count);
      lua_pushboolean(L, 1);
      lua_rawseti(L, keys + 2, (int)node);
    }
  }
  lua_pop(L, 1);
  lua_remove(L, keys);
}

void oc_filter_open(lua_State *L) {
  static const luaL_Reg metamethods[] = {{"__gc", l_gc}, {"__call", l_call}, {NULL, NULL}};
  luaL_newmetatable(L, METATABLE);
  luaL_setfuncs(L, metamethods, 0);
  lua_setfield(L, -2, "filter_metatable");
  lua_pushcfunction(L, l_filter);
  lua_setfield(L, -2, "filter");
  lua_pushcfunction(L, l_fields);
  lua_setfield(L, -2, "filter_fields");
}
