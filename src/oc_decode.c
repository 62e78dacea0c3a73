/*
** oc_decode.c - the decoder as a userdata.
**
** No I/O: who has the bytes feeds them. next() builds one lead at a time, so
** what is not asked for is not built. A lead counts as taken only when its table
** stands: after a memory error the same call gives the same lead.
*/
#include "oc_decode.h"

#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>

#include "oc_build.h"
#include "oc_error.h"
#include "oc_want.h"

static const char METATABLE[] = "oc.decoder";

typedef struct decoder {
  oc_json json;
  int keep_nulls;
  int batch;  /* leads of a read that was broken off are in the cache */
  int open;   /* json is initialised */
  oc_want want;
} decoder;

static lua_Number number_option(lua_State *L, int i, const char *name, lua_Number low,
                                lua_Number high, lua_Number otherwise) {
  lua_Number v;
  lua_getfield(L, i, name);
  if (lua_isnil(L, -1)) {
    lua_pop(L, 1);
    return otherwise;
  }
  if (lua_type(L, -1) != LUA_TNUMBER)
    luaL_error(L, "option '%s': a number expected, got %s", name, luaL_typename(L, -1));
  v = lua_tonumber(L, -1);
  if (!(v >= low && v <= high))
    luaL_error(L, "option '%s': %f is not between %f and %f", name, v, low, high);
  lua_pop(L, 1);
  return v;
}

unsigned oc_decode_depth(lua_State *L, int i) {
  return (unsigned)number_option(L, i, "max_depth", 1, OC_SCAN_TOP_DEPTH, OC_SCAN_MAX_DEPTH);
}

void oc_decode_options(lua_State *L, int i, oc_json *j, int *keep_nulls) {
  const char *nulls;
  j->scan.max_value_bytes = (size_t)number_option(L, i, "max_lead_bytes", 1,
      OC_SCAN_TOP_VALUE_BYTES, OC_SCAN_MAX_VALUE_BYTES);
  j->scan.max_body_bytes = (uint64_t)number_option(L, i, "max_body_bytes", 1, 9007199254740992.0,
      (lua_Number)OC_SCAN_MAX_BODY_BYTES);
  lua_getfield(L, i, "nulls");
  nulls = luaL_optstring(L, -1, "nil");
  if (strcmp(nulls, "nil") != 0 && strcmp(nulls, "null") != 0)
    luaL_error(L, "option 'nulls': \"nil\" or \"null\" expected, got \"%s\"", nulls);
  *keep_nulls = nulls[1] == 'u';
  lua_pop(L, 1);
}

int oc_decode_fail(lua_State *L, const oc_json *j) {
  static const char *const kind[] = {"", "json", "json", "shape", "limit", "memory"};
  const oc_scan *s = &j->scan;
  char at[24];
  lua_pushnil(L);
  if (s->fault == OC_JSON_MEMORY) {
    oc_error_push(L, "memory", "out of memory while decoding");
    return 2;
  }
  snprintf(at, sizeof at, "%" PRIu64, s->fault_at);
  oc_error_push(L, kind[s->fault], "%s, at byte %s", s->fault_text, at);
  oc_pushcount(L, s->fault_at);
  lua_setfield(L, -2, "offset");
  if (s->fault == OC_JSON_CUT) {
    lua_pushboolean(L, 1);
    lua_setfield(L, -2, "cut");
  }
  return 2;
}

static decoder *new_decoder(lua_State *L, unsigned depth) {
  decoder *d = oc_newuserdata(L, sizeof *d);
  d->open = d->batch = 0;
  oc_want_init(&d->want);
  luaL_setmetatable(L, METATABLE);
  oc_build_cache(L);
  oc_setuservalue(L, -2);
  d->open = 1;
  if (oc_json_init(&d->json, depth) != OC_OK)
    oc_error_no_memory(L);
  return d;
}

static decoder *check_decoder(lua_State *L) {
  decoder *d = luaL_checkudata(L, 1, METATABLE);
  luaL_argcheck(L, d->open, 1, "the decoder is closed");
  return d;
}

/* Pushes the lead at hand; the userdata is at index 1, its cache at 2. */
static void push_item(lua_State *L, decoder *d) {
  oc_build b;
  b.scan = &d->json.scan;
  b.cache = 2;
  b.keep_nulls = d->keep_nulls;
  b.select = oc_want_select(&d->want);
  d->json.pending = 1;  /* until the caller has it */
  oc_build_value(L, &b);
}

/* The next lead that is wanted. A failure sticks, as the scanner's own. */
static enum oc_got next_wanted(lua_State *L, decoder *d) {
  for (;;) {
    const enum oc_got got = oc_json_next(&d->json);
    int wanted;
    if (got != OC_ITEM)
      return got;
    d->json.pending = 1;
    wanted = oc_want_lead(&d->want);
    if (wanted == OC_EMEM)
      oc_error_no_memory(L);
    d->json.pending = 0;
    if (wanted == OC_ELIMIT)
      return oc_scan_fail(&d->json.scan, OC_JSON_LIMIT, d->json.scan.item, OC_WANT_TOO_MUCH_WORK);
    if (wanted)
      return OC_ITEM;
  }
}

static int l_feed(lua_State *L) {
  decoder *d = check_decoder(L);
  size_t n;
  const char *bytes = luaL_checklstring(L, 2, &n);
  if (oc_json_feed(&d->json, bytes, n) != OC_OK)
    return oc_decode_fail(L, &d->json);
  lua_pushboolean(L, 1);
  return 1;
}

static int l_next(lua_State *L) {
  decoder *d = check_decoder(L);
  enum oc_got got;
  if (d->batch) {
    lua_settop(L, 1);
    oc_getuservalue(L, 1);
    d->batch = !oc_build_batch_shift(L, 2);
    return 1;
  }
  got = next_wanted(L, d);
  if (got == OC_FAILED)
    return oc_decode_fail(L, &d->json);
  if (got == OC_MORE) {
    lua_pushnil(L);
    return 1;
  }
  lua_settop(L, 1);
  oc_getuservalue(L, 1);
  push_item(L, d);
  d->json.pending = 0;
  return 1;
}

static int l_read(lua_State *L) {
  decoder *d = check_decoder(L);
  const lua_Number most = luaL_optnumber(L, 2, INT_MAX);
  enum oc_got got = OC_MORE;
  int n;
  luaL_argcheck(L, most >= 1, 2, "at least 1 expected");
  lua_settop(L, 1);
  oc_getuservalue(L, 1);
  n = oc_build_batch_begin(L, 2);
  d->batch = 1;
  while (n < most && n < INT_MAX && (got = next_wanted(L, d)) == OC_ITEM) {
    push_item(L, d);
    lua_rawseti(L, 3, ++n);
    d->json.pending = 0;
  }
  oc_build_batch_end(L, 2);
  d->batch = 0;
  if (got == OC_FAILED && n == 0)  /* else the next call tells it */
    return oc_decode_fail(L, &d->json);
  return 1;
}

static int l_finish(lua_State *L) {
  decoder *d = check_decoder(L);
  const enum oc_got got = d->batch ? OC_ITEM : oc_json_finish(&d->json);
  if (got == OC_ITEM)
    return luaL_error(L, "finish: leads are waiting; call next until it gives nil");
  if (got == OC_FAILED)
    return oc_decode_fail(L, &d->json);
  lua_pushboolean(L, 1);
  return 1;
}

/* waiting() -> bytes fed that next and read have not looked at */
static int l_waiting(lua_State *L) {
  const oc_scan *s = &check_decoder(L)->json.scan;
  oc_pushcount(L, s->in.n - s->pos);
  return 1;
}

/* unknown() -> array of the fields in where that no lead had */
static int l_unknown(lua_State *L) {
  decoder *d = check_decoder(L);
  oc_getuservalue(L, 1);
  oc_want_push_unknown(L, lua_gettop(L), &d->want);
  return 1;
}

/* Makes the decoder ready for another body; what it learned stays. */
static int l_reset(lua_State *L) {
  decoder *d = check_decoder(L);
  lua_settop(L, 1);
  oc_getuservalue(L, 1);
  oc_build_batch_end(L, 2);
  d->batch = 0;
  oc_json_reset(&d->json);
  return 0;
}

static int l_gc(lua_State *L) {
  decoder *d = luaL_checkudata(L, 1, METATABLE);
  if (d->open) {
    d->open = 0;
    oc_json_free(&d->json);
    oc_want_free(&d->want);
  }
  return 0;
}

static int l_decoder(lua_State *L) {
  decoder *d;
  if (lua_isnoneornil(L, 1)) {
    lua_settop(L, 0);
    lua_newtable(L);
  }
  luaL_checktype(L, 1, LUA_TTABLE);
  d = new_decoder(L, oc_decode_depth(L, 1));
  oc_decode_options(L, 1, &d->json, &d->keep_nulls);
  oc_getuservalue(L, -1);
  oc_want_options(L, 1, lua_gettop(L), &d->want, &d->json.scan);
  lua_pop(L, 1);
  return 1;
}

/* decode(text [, options]) -> value | nil, err */
static int l_decode(lua_State *L) {
  size_t n;
  const char *text = luaL_checklstring(L, 1, &n);
  decoder *d;
  lua_settop(L, 2);
  if (lua_isnil(L, 2)) {
    lua_newtable(L);
    lua_replace(L, 2);
  }
  luaL_checktype(L, 2, LUA_TTABLE);
  d = new_decoder(L, oc_decode_depth(L, 2));
  oc_decode_options(L, 2, &d->json, &d->keep_nulls);
  d->json.mode = OC_JSON_VALUE;
  if (oc_json_feed(&d->json, text, n) != OC_OK)
    return oc_decode_fail(L, &d->json);
  if (oc_json_finish(&d->json) == OC_ITEM && oc_json_next(&d->json) == OC_ITEM) {
    lua_replace(L, 1);
    lua_settop(L, 1);
    oc_getuservalue(L, 1);
    push_item(L, d);
    d->json.pending = 0;
  }
  if (oc_json_finish(&d->json) != OC_MORE)
    return oc_decode_fail(L, &d->json);
  return 1;
}

void oc_decode_open(lua_State *L) {
  static const luaL_Reg methods[] = {
    {"feed", l_feed}, {"next", l_next}, {"read", l_read}, {"finish", l_finish},
    {"reset", l_reset}, {"unknown", l_unknown}, {"waiting", l_waiting}, {NULL, NULL}};
  luaL_newmetatable(L, METATABLE);
  luaL_newlib(L, methods);
  lua_pushvalue(L, -1);
  lua_setfield(L, -4, "decoder_methods");
  lua_setfield(L, -2, "__index");
  lua_pushcfunction(L, l_gc);
  lua_setfield(L, -2, "__gc");
  lua_pop(L, 1);
  lua_pushcfunction(L, l_decoder);
  lua_setfield(L, -2, "decoder");
  lua_pushcfunction(L, l_decode);
  lua_setfield(L, -2, "decode");
}
