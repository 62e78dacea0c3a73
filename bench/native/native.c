/* native.c - what a measurement needs and Lua has not: limits that no decoder can
 * pass.
 *
 * native.record(value, mark) writes down how a value is made, and calling replay on
 * that makes it again, by the Lua calls it takes and nothing else: no text is looked
 * at. native.inflate(bytes) unpacks gzip and keeps nothing. native.trim() gives free
 * memory back. Knows nothing of oc. */

#include <limits.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#ifdef __GLIBC__
#include <malloc.h>
#endif

#include <lua.h>
#include <lauxlib.h>

#if defined(__has_include)
#if __has_include(<zlib.h>)
#include <zlib.h>
#define HAS_ZLIB 1
#endif
#endif

#define RECORD "bench.record"

/* Keys wait in stack slots, the cheapest way to have them; those beyond are pushed
 * as any string. */
#define MAX_KEYS 200
#define MAX_DEPTH 60

enum kind { TABLE, STRING, NUMBER, INTEGER, BOOLEAN, NOTHING, KEY, SET_FIELD, SET_INDEX };

/* `a` and `b`: of a TABLE its sizes, of a STRING its place and length in `bytes`, of
 * others one number. */
struct op {
  enum kind kind;
  int marked;
  size_t a, b;
  lua_Number number;
};

struct record {
  struct op *ops;
  size_t count, room;
  char *bytes;
  size_t length, space;
  int keys, slots, mark; /* slots: in the registry, keys and slot by key; mark: also there */
};

static size_t twice(lua_State *L, size_t now, size_t first) {
  if (now > SIZE_MAX / 4 / sizeof(struct op)) luaL_error(L, "bench: too much");
  return now ? now * 2 : first;
}

static void *grown(lua_State *L, void *old, size_t bytes) {
  void *new = realloc(old, bytes);
  if (!new) luaL_error(L, "bench: not enough memory");
  return new;
}

static struct op *add(lua_State *L, struct record *r, enum kind kind) {
  if (r->count == r->room) {
    size_t room = twice(L, r->room, 1024);
    r->ops = grown(L, r->ops, room * sizeof *r->ops);
    r->room = room;
  }
  struct op *op = &r->ops[r->count++];
  memset(op, 0, sizeof *op);
  op->kind = kind;
  return op;
}

static void add_string(lua_State *L, struct record *r, int index) {
  size_t n;
  const char *s = lua_tolstring(L, index, &n);
  while (r->space - r->length < n) {
    size_t space = twice(L, r->space, 65536);
    r->bytes = grown(L, r->bytes, space);
    r->space = space;
  }
  struct op *op = add(L, r, STRING);
  op->a = r->length;
  op->b = n;
  if (n) memcpy(r->bytes + r->length, s, n);
  r->length += n;
}

/* The key at the top. */
static void add_key(lua_State *L, struct record *r) {
  lua_rawgeti(L, LUA_REGISTRYINDEX, r->slots);
  lua_pushvalue(L, -2);
  lua_rawget(L, -2);
  int slot = (int)lua_tointeger(L, -1);
  lua_pop(L, 1);
  if (!slot && r->keys < MAX_KEYS) {
    slot = ++r->keys;
    lua_pushvalue(L, -2);
    lua_pushinteger(L, slot);
    lua_rawset(L, -3);
    lua_pushvalue(L, -2);
    lua_rawseti(L, -2, slot);
  }
  lua_pop(L, 1);
  if (slot) add(L, r, KEY)->a = (size_t)slot;
  else add_string(L, r, -1);
}

static void add_value(lua_State *L, struct record *r, int depth);

/* The table at the top. */
static void add_table(lua_State *L, struct record *r, int depth) {
  if (depth == MAX_DEPTH) luaL_error(L, "bench: nested too deeply");
  luaL_checkstack(L, 6, "bench");
  size_t at = r->count, fields = 0, elements = 0;
  add(L, r, TABLE);
  if (lua_getmetatable(L, -1)) {
    r->ops[at].marked = 1;
    lua_pop(L, 1);
  }
  for (;; elements++) {
    lua_rawgeti(L, -1, (int)elements + 1);
    if (lua_isnil(L, -1)) break;
    add_value(L, r, depth + 1);
    add(L, r, SET_INDEX)->a = elements + 1;
    lua_pop(L, 1);
  }
  while (lua_next(L, -2)) { /* begins with the nil that is there */
    if (lua_type(L, -2) == LUA_TSTRING) {
      lua_pushvalue(L, -2);
      add_key(L, r);
      lua_pop(L, 1);
      add_value(L, r, depth + 1);
      add(L, r, SET_FIELD);
      fields++;
    }
    lua_pop(L, 1);
  }
  r->ops[at].a = elements;
  r->ops[at].b = fields;
}

/* The value at the top. */
static void add_value(lua_State *L, struct record *r, int depth) {
  lua_Number number;
  switch (lua_type(L, -1)) {
    case LUA_TTABLE: add_table(L, r, depth); return;
    case LUA_TSTRING: add_string(L, r, -1); return;
    case LUA_TBOOLEAN: add(L, r, BOOLEAN)->a = lua_toboolean(L, -1) != 0; return;
    case LUA_TLIGHTUSERDATA: add(L, r, NOTHING); return;
    case LUA_TNUMBER: break;
    default: luaL_error(L, "bench: a lead has a %s in it", luaL_typename(L, -1));
  }
  number = lua_tonumber(L, -1);
  int whole = number >= 0 && number < INT_MAX && number == (lua_Number)(int)number;
  struct op *op = add(L, r, whole ? INTEGER : NUMBER);
  op->number = number;
  if (whole) op->a = (size_t)number;
}

static int l_gc(lua_State *L) {
  struct record *r = luaL_checkudata(L, 1, RECORD);
  free(r->ops);
  free(r->bytes);
  memset(r, 0, sizeof *r);
  return 0;
}

/* record(value, mark) - `mark` is the metatable of the tables that have one. */
static int l_record(lua_State *L) {
  luaL_checktype(L, 1, LUA_TTABLE);
  luaL_checktype(L, 2, LUA_TTABLE);
  lua_settop(L, 2);
  struct record *r = lua_newuserdata(L, sizeof *r);
  memset(r, 0, sizeof *r);
  luaL_getmetatable(L, RECORD);
  lua_setmetatable(L, -2);
  lua_newtable(L);
  r->slots = luaL_ref(L, LUA_REGISTRYINDEX);
  lua_pushvalue(L, 2);
  r->mark = luaL_ref(L, LUA_REGISTRYINDEX);
  lua_pushvalue(L, 1);
  add_table(L, r, 0);
  lua_pop(L, 1);
  return 1;
}

/* Keys are in the slots from 2 on, the mark in the one behind them. */
static void make(lua_State *L, const struct record *r) {
  for (const struct op *op = r->ops, *end = op + r->count; op < end; op++) {
    switch (op->kind) {
      case TABLE:
        lua_createtable(L, (int)op->a, (int)op->b);
        if (!op->marked) break;
        lua_pushvalue(L, r->keys + 2);
        lua_setmetatable(L, -2);
        break;
      case STRING: lua_pushlstring(L, r->bytes + op->a, op->b); break;
      case NUMBER: lua_pushnumber(L, op->number); break;
      case INTEGER: lua_pushinteger(L, (lua_Integer)op->a); break;
      case BOOLEAN: lua_pushboolean(L, (int)op->a); break;
      case NOTHING: lua_pushlightuserdata(L, NULL); break;
      case KEY: lua_pushvalue(L, (int)op->a + 1); break;
      case SET_FIELD: lua_rawset(L, -3); break;
      case SET_INDEX: lua_rawseti(L, -2, (int)op->a); break;
    }
  }
}

/* replay(record) - the value, made anew, with the collector stopped meanwhile. */
static int l_replay(lua_State *L) {
  struct record *r = luaL_checkudata(L, 1, RECORD);
  lua_settop(L, 1);
  luaL_checkstack(L, MAX_KEYS + 3 * MAX_DEPTH + 10, "bench");
  for (int i = 1; i <= r->keys; i++) {
    lua_rawgeti(L, LUA_REGISTRYINDEX, r->slots);
    lua_rawgeti(L, -1, i);
    lua_remove(L, -2);
  }
  lua_rawgeti(L, LUA_REGISTRYINDEX, r->mark);
  lua_gc(L, LUA_GCSTOP, 0);
  make(L, r);
  lua_gc(L, LUA_GCRESTART, 0);
  return 1;
}

#ifdef HAS_ZLIB
/* inflate(bytes) - how many bytes gzipped bytes are, unpacked. */
static int l_inflate(lua_State *L) {
  size_t n;
  const char *s = luaL_checklstring(L, 1, &n);
  static unsigned char out[65536];
  lua_Number total = 0;
  z_stream z;
  memset(&z, 0, sizeof z);
  if (n > UINT_MAX || inflateInit2(&z, 16 + MAX_WBITS) != Z_OK) return luaL_error(L, "bench: zlib does not start");
  z.next_in = (Bytef *)(size_t)s;
  z.avail_in = (uInt)n;
  int said = Z_OK;
  while (said == Z_OK) {
    z.next_out = out;
    z.avail_out = sizeof out;
    said = inflate(&z, Z_NO_FLUSH);
    total += (lua_Number)(sizeof out - z.avail_out);
  }
  inflateEnd(&z);
  if (said != Z_STREAM_END) return luaL_error(L, "bench: not a whole gzip text");
  lua_pushnumber(L, total);
  return 1;
}
#endif

/* trim() - gives free memory back to the system. */
static int l_trim(lua_State *L) {
  (void)L;
#ifdef __GLIBC__
  malloc_trim(0);
#endif
  return 0;
}

static const struct luaL_Reg functions[] = {
    {"record", l_record},
    {"replay", l_replay},
    {"trim", l_trim},
#ifdef HAS_ZLIB
    {"inflate", l_inflate},
#endif
    {NULL, NULL}};

int luaopen_bench_native(lua_State *L);

/* By hand, since 5.1 has no luaL_newlib. */
int luaopen_bench_native(lua_State *L) {
  luaL_newmetatable(L, RECORD);
  lua_pushcfunction(L, l_gc);
  lua_setfield(L, -2, "__gc");
  lua_newtable(L);
  for (const struct luaL_Reg *f = functions; f->name; f++) {
    lua_pushcfunction(L, f->func);
    lua_setfield(L, -2, f->name);
  }
  return 1;
}
