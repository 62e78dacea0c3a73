/*
** oc_build.c - tokens into Lua values.
*/
#include "oc_build.h"

#include "oc_error.h"
#include "oc_number.h"
#include "oc_text.h"

static const char ARRAY[] = "oc.array";

static uint32_t build_box(lua_State *L, const oc_build *b, uint32_t i, unsigned depth);

static inline void push_plain(lua_State *L, const oc_build *b, const oc_tok *t) {
  lua_pushlstring(L, b->scan->in.p + b->scan->item + t->at, t->n);
}

static void push_escaped(lua_State *L, const oc_build *b, const oc_tok *t) {
  const char *s = b->scan->in.p + b->scan->item + t->at;
  oc_buf *scratch = &b->scan->scratch;
  scratch->n = 0;
  if (oc_buf_reserve(scratch, t->n) != OC_OK)
    oc_error_no_memory(L);
  lua_pushlstring(L, scratch->p, oc_text_unescape(scratch->p, s, t->n));
}

static void push_number(lua_State *L, const oc_build *b, const oc_tok *t) {
  const char *s = b->scan->in.p + b->scan->item + t->at;
  double d;
#if OC_HAS_INTEGERS
  int64_t v;
  if (oc_tok_type(t) == OC_TOK_INT && oc_number_int(&v, s, t->n) &&
      v >= LUA_MININTEGER && v <= LUA_MAXINTEGER) {
    lua_pushinteger(L, (lua_Integer)v);
    return;
  }
#else
  if (oc_tok_type(t) == OC_TOK_INT && !oc_number_is_exact(s, t->n)) {
    lua_pushlstring(L, s, t->n);  /* every digit counts: it may be an id */
    return;
  }
#endif
  if (oc_number_double(&d, s, t->n) != OC_OK)
    oc_error_no_memory(L);
  lua_pushnumber(L, (lua_Number)d);
}

/* Pushes the string of a learned key. */
static void push_key(lua_State *L, const oc_build *b, uint32_t node) {
  if (oc_rawgeti(L, b->cache, (int)node) == LUA_TNIL) {
    const oc_node *k = &b->scan->keys.node[node];
    lua_pop(L, 1);
    lua_pushlstring(L, k->text, k->n);
    lua_pushvalue(L, -1);
    lua_rawseti(L, b->cache, (int)node);
  }
}

/* Pushes the value of a token that is no container. */
static inline void push_leaf(lua_State *L, const oc_build *b, const oc_tok *t) {
  switch (oc_tok_type(t)) {
    case OC_TOK_STRING:
      push_plain(L, b, t);
      break;
    case OC_TOK_ESCAPED:
      push_escaped(L, b, t);
      break;
    case OC_TOK_TRUE:
    case OC_TOK_FALSE:
      lua_pushboolean(L, oc_tok_type(t) == OC_TOK_TRUE);
      break;
    case OC_TOK_INT:
    case OC_TOK_NUMBER:
      push_number(L, b, t);
      break;
    default:
      lua_pushlightuserdata(L, NULL);
      break;
  }
}

/* Pushes the value of token i; returns the index behind its last token. */
static inline uint32_t build(lua_State *L, const oc_build *b, uint32_t i, unsigned depth) {
  const enum oc_tok_type type = oc_tok_type(&b->scan->tok[i]);
  if (type == OC_TOK_ARRAY || type == OC_TOK_OBJECT)
    return build_box(L, b, i, depth);
  push_leaf(L, b, &b->scan->tok[i]);
  return i + 1;
}

static void build_object(lua_State *L, const oc_build *b, uint32_t i, unsigned depth) {
  const oc_tok *tok = b->scan->tok;
  const uint32_t end = tok[i].at;
  const int repeats = (tok[i].tag & OC_TOK_REPEATS) != 0;
  const uint32_t absent = b->keep_nulls ? 0 : tok[i].nulls;
  lua_createtable(L, 0, (int)(tok[i].n - absent));
  i++;
  while (i < end) {
    const enum oc_tok_type type = oc_tok_type(&tok[i]);
    if (type == OC_TOK_NULL && !b->keep_nulls && !repeats) {
      i++;
      continue;
    }
    if (oc_tok_is_key(&tok[i])) {
      if (type == OC_TOK_KEY_ESCAPED)
        push_escaped(L, b, &tok[i]);
      else
        push_plain(L, b, &tok[i]);
      i++;
    } else {
      push_key(L, b, oc_tok_node(&tok[i]));
    }
    if (oc_tok_type(&tok[i]) == OC_TOK_NULL && !b->keep_nulls) {
      lua_pushnil(L);  /* takes back what an earlier member of this key set */
      i++;
    } else {
      i = build(L, b, i, depth);
    }
    lua_rawset(L, -3);
  }
}

static void build_array(lua_State *L, const oc_build *b, uint32_t i, unsigned depth) {
  const uint32_t end = b->scan->tok[i].at, n = b->scan->tok[i].n;
  int k;
  lua_createtable(L, (int)n, 0);
  if (n == 0) {
    lua_rawgeti(L, b->cache, 0);
    lua_setmetatable(L, -2);
    return;
  }
  i++;
  for (k = 1; i < end; k++) {
    i = build(L, b, i, depth);
    lua_rawseti(L, -2, k);
  }
}

/* Room for so many containers within one another is asked for at once; each takes two slots. */
#define LEVELS 8u

static uint32_t build_box(lua_State *L, const oc_build *b, uint32_t i, unsigned depth) {
  const oc_tok *t = &b->scan->tok[i];
  if (depth % LEVELS == 0)
    luaL_checkstack(L, 2 * LEVELS + 8, "lead");
  if (oc_tok_type(t) == OC_TOK_ARRAY)
    build_array(L, b, i, depth + 1);
  else
    build_object(L, b, i, depth + 1);
  return t->at;
}

static uint32_t build_selected(lua_State *L, const oc_build *b, uint32_t i);

/* Builds, of the object or list of token i, what is selected. */
static void build_part(lua_State *L, const oc_build *b, uint32_t i) {
  const oc_tok *tok = b->scan->tok;
  const uint32_t end = tok[i].at;
  luaL_checkstack(L, 8, "lead");
  if (oc_tok_type(&tok[i]) == OC_TOK_ARRAY) {
    int k = 0;
    lua_createtable(L, (int)tok[i].n, 0);
    if (tok[i].n == 0) {
      lua_rawgeti(L, b->cache, 0);
      lua_setmetatable(L, -2);
    }
    for (i++; i < end; lua_rawseti(L, -2, ++k)) {
      i = build_selected(L, b, i);
      if (lua_isnil(L, -1)) {  /* the others keep their places */
        lua_pop(L, 1);
        lua_pushlightuserdata(L, NULL);
      }
    }
    return;
  }
  lua_createtable(L, 0, (int)oc_select_members(b->select, oc_tok_node(&tok[i])));
  i++;
  while (i < end) {
    const uint32_t node = oc_tok_node(&tok[i]);
    if (oc_tok_is_key(&tok[i])) {
      i = oc_tok_behind(tok, i + 1);  /* nobody asked for a key that was not learned */
    } else if (oc_select_of(b->select, node) == OC_SELECT_NONE) {
      i = oc_tok_behind(tok, i);
    } else {
      push_key(L, b, node);
      i = build_selected(L, b, i);
      lua_rawset(L, -3);
    }
  }
}

/* A selected value: nil where a part of it was asked for, and it has none. */
static uint32_t build_selected(lua_State *L, const oc_build *b, uint32_t i) {
  const oc_tok *t = &b->scan->tok[i];
  const enum oc_tok_type type = oc_tok_type(t);
  if (oc_select_of(b->select, oc_tok_node(t)) == OC_SELECT_ALL) {
    if (type != OC_TOK_NULL || b->keep_nulls)
      return build(L, b, i, 0);
    lua_pushnil(L);
    return i + 1;
  }
  if (type == OC_TOK_ARRAY || type == OC_TOK_OBJECT)
    build_part(L, b, i);
  else if (type == OC_TOK_NULL && b->keep_nulls)
    lua_pushlightuserdata(L, NULL);
  else
    lua_pushnil(L);
  return oc_tok_behind(b->scan->tok, i);
}

void oc_build_value(lua_State *L, const oc_build *b) {
  luaL_checkstack(L, 8, "lead");
  if (b->select != NULL)
    build_part(L, b, 0);
  else
    build(L, b, 0, 0);
}

void oc_build_push_array_metatable(lua_State *L) {
  lua_getfield(L, LUA_REGISTRYINDEX, ARRAY);
}

int oc_build_is_array(lua_State *L) {
  int same = 0;
  if (lua_getmetatable(L, -1)) {
    oc_build_push_array_metatable(L);
    same = lua_rawequal(L, -1, -2);
    lua_pop(L, 2);
  }
  return same;
}

void oc_build_cache(lua_State *L) {
  lua_createtable(L, 64, 1);
  oc_build_push_array_metatable(L);
  lua_rawseti(L, -2, 0);
}

/* Where in the cache a batch is. */
#define BATCH (-5)

int oc_build_batch_begin(lua_State *L, int cache) {
  if (oc_rawgeti(L, cache, BATCH) == LUA_TTABLE)
    return (int)lua_rawlen(L, -1);
  lua_pop(L, 1);
  lua_newtable(L);
  oc_build_push_array_metatable(L);
  lua_setmetatable(L, -2);
  lua_pushvalue(L, -1);
  lua_rawseti(L, cache, BATCH);
  return 0;
}

void oc_build_batch_end(lua_State *L, int cache) {
  lua_pushnil(L);
  lua_rawseti(L, cache, BATCH);
}

int oc_build_batch_shift(lua_State *L, int cache) {
  int i, n;
  lua_rawgeti(L, cache, BATCH);
  n = (int)lua_rawlen(L, -1);
  lua_rawgeti(L, -1, 1);
  for (i = 2; i <= n + 1; i++) {  /* rare: not worth a queue */
    lua_rawgeti(L, -2, i);
    lua_rawseti(L, -3, i - 1);
  }
  lua_remove(L, -2);
  if (n <= 1)
    oc_build_batch_end(L, cache);
  return n <= 1;
}

static int l_set_array_metatable(lua_State *L) {
  luaL_checktype(L, 1, LUA_TTABLE);
  lua_settop(L, 1);
  lua_setfield(L, LUA_REGISTRYINDEX, ARRAY);
  return 0;
}

void oc_build_open(lua_State *L) {
  lua_newtable(L);
  lua_setfield(L, LUA_REGISTRYINDEX, ARRAY);
  lua_pushcfunction(L, l_set_array_metatable);
  lua_setfield(L, -2, "set_array_metatable");
  lua_pushlightuserdata(L, NULL);
  lua_setfield(L, -2, "null");
}
