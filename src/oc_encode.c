/*
** oc_encode.c - Lua values back into JSON.
**
** Keys go in the order the service writes them, unknown ones sorted behind, so
** that the same lead is the same text. A value JSON cannot say raises, naming
** the place. Only raw access: no metamethod runs.
*/
#include "oc_encode.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "oc_buf.h"
#include "oc_build.h"
#include "oc_error.h"
#include "oc_number.h"
#include "oc_text.h"

static const char METATABLE[] = "oc.encoder";

#define MAX_DEPTH 1000
#define MAX_BYTES ((size_t)-1 / 4)
#define UNKNOWN_RANK 1000
#define MAX_SHOWN_PATH 100  /* bytes of the path to a fault, in its message */

/*
** The service's order. One list serves leads, addresses, locations and contacts:
** names that several of them have stand in the same order in each.
*/
static const char *const order[] = {
  "civicAddresses", "comments", "umpCustomerGuid", "isNotActive", "channelId", "ovocChannelId",
  "isDirectLead", "id", "civicAddressId", "country", "houseNumber", "houseNumberSuffix",
  "preDirectional", "streetName", "streetSuffix", "postDirectional", "stateOrProvince",
  "countyOrDistrict", "cityOrTown", "cityOrTownAlias", "postalOrZipCode", "description",
  "additionalInfo", "isDefault", "elin", "fullName", "email", "phoneNumber", "companyName",
  "companySize", "companyId", "defaultLocationId", "validationStatus", "tenantId", "partnerId",
  "locations", "tenantOrigin", "operatorId", "status", "consentedOn", "lastModifiedOn",
  "consentedCountries", "contactDetails", "contacts", NULL};

/* A member of the object at hand; the key's text is anchored by the object. */
typedef struct member {
  const char *key;
  size_t n;
  int rank;
} member;

typedef struct encoder {
  oc_buf out;
  oc_buf members;   /* a stack of member, those of the innermost object on top */
  oc_buf path;      /* after a fault: where, innermost step first */
  const char *why;  /* after a fault: static text */
} encoder;

static const char NO_MEMORY[] = "not enough memory";
static const char NEITHER[] = "a table that is neither a list nor an object";

enum shape { LIST, OBJECT, MIXED };

/* Stack indices of l_encode. */
enum { VALUE = 1, RANKS = 3, ARRAY_METATABLE = 4 };

static int encode(lua_State *L, encoder *e, int depth);

static int fault(encoder *e, const char *why) {
  e->why = why;
  return 0;
}

static int put(encoder *e, const char *s, size_t n) {
  return oc_buf_add(&e->out, s, n) == OC_OK ? 1 : fault(e, NO_MEMORY);
}

/* Writes the one byte c, which must not stand for itself, as an escape. */
static int put_escape(encoder *e, unsigned char c) {
  static const char plain[] = "\"\\\b\f\n\r\t", letter[] = "\"\\bfnrt";
  const char *which = c != '\0' ? strchr(plain, c) : NULL;
  char text[8];
  if (which != NULL) {
    text[0] = '\\';
    text[1] = letter[which - plain];
    return put(e, text, 2);
  }
  snprintf(text, sizeof text, "\\u%04x", c);
  return put(e, text, 6);
}

static int put_string(encoder *e, const char *s, size_t n) {
  const char *end = s + n;
  if (oc_buf_reserve(&e->out, n + 2) != OC_OK || !put(e, "\"", 1))
    return fault(e, NO_MEMORY);
  while (s < end) {
    const char *run = s;
    while (s < end && (unsigned char)*s >= 0x20 && *s != '"' && *s != '\\' &&
           (unsigned char)*s < 0x80)
      s++;
    if (s < end && (unsigned char)*s >= 0x80) {
      const enum oc_text_end how = oc_text_utf8(&s, end);
      if (how != OC_TEXT_END)
        return fault(e, "a string that is not UTF-8");
    }
    if (!put(e, run, (size_t)(s - run)))
      return 0;
    if (s < end && s == run && !put_escape(e, (unsigned char)*s++))
      return 0;
  }
  return put(e, "\"", 1);
}

static int put_number(lua_State *L, encoder *e) {
  char text[OC_NUMBER_MAX];
  const double d = (double)lua_tonumber(L, -1);
  int n;
#if OC_HAS_INTEGERS
  if (lua_isinteger(L, -1)) {
    n = snprintf(text, sizeof text, "%" PRId64, (int64_t)lua_tointeger(L, -1));
    return put(e, text, (size_t)n);
  }
#else
  if (floor(d) == d && fabs(d) <= 9007199254740992.0) {
    n = snprintf(text, sizeof text, "%.0f", d);
    return put(e, text, (size_t)n);
  }
#endif
  n = (int)oc_number_format(text, d);
  return n > 0 ? put(e, text, (size_t)n) : fault(e, "a number that is none (NaN)");
}

/* After a fault below: notes the step that led there. */
static int step_key(encoder *e, const char *key, size_t n) {
  (void)oc_buf_add(&e->path, key, n);
  (void)oc_buf_addc(&e->path, '\0');
  return 0;
}

static int put_array(lua_State *L, encoder *e, int depth) {
  const size_t n = lua_rawlen(L, -1);
  size_t i;
  if (!put(e, "[", 1))
    return 0;
  for (i = 1; i <= n; i++) {
    if (i > 1 && !put(e, ",", 1))
      return 0;
    lua_rawgeti(L, -1, (int)i);
    if (!encode(L, e, depth + 1)) {
      char index[32];
      return step_key(e, index, (size_t)snprintf(index, sizeof index, "[%lu]", (unsigned long)i));
    }
    lua_pop(L, 1);
  }
  return put(e, "]", 1);
}

/* Pushes the members of the object on top of the stack onto e->members. */
static int collect(lua_State *L, encoder *e) {
  lua_pushnil(L);
  while (lua_next(L, -2)) {
    member m;
    lua_pop(L, 1);
    if (lua_type(L, -1) != LUA_TSTRING)
      return fault(e, NEITHER);
    m.key = lua_tolstring(L, -1, &m.n);
    lua_pushvalue(L, -1);
    lua_rawget(L, RANKS);
    m.rank = lua_isnil(L, -1) ? UNKNOWN_RANK : (int)lua_tointeger(L, -1);
    lua_pop(L, 1);
    if (oc_buf_add(&e->members, &m, sizeof m) != OC_OK)
      return fault(e, NO_MEMORY);
  }
  return 1;
}

static int compare_members(const void *a, const void *b) {
  const member *x = a, *y = b;
  const size_t n = x->n < y->n ? x->n : y->n;
  int order_of_text;
  if (x->rank != y->rank)
    return x->rank < y->rank ? -1 : 1;
  order_of_text = memcmp(x->key, y->key, n);
  return order_of_text != 0 ? order_of_text : (x->n > y->n) - (x->n < y->n);
}

static int put_object(lua_State *L, encoder *e, int depth) {
  const size_t from = e->members.n;
  size_t at;
  if (!collect(L, e))
    return 0;
  if (e->members.n > from)
    qsort(e->members.p + from, (e->members.n - from) / sizeof(member), sizeof(member),
          compare_members);
  if (!put(e, "{", 1))
    return 0;
  for (at = from; at < e->members.n; at += sizeof(member)) {
    member m;
    memcpy(&m, e->members.p + at, sizeof m);
    if ((at > from && !put(e, ",", 1)) || !put_string(e, m.key, m.n) || !put(e, ":", 1))
      return e->why != NULL ? step_key(e, m.key, m.n) : 0;
    lua_pushlstring(L, m.key, m.n);
    lua_rawget(L, -2);
    if (!encode(L, e, depth + 1))
      return step_key(e, m.key, m.n);
    lua_pop(L, 1);
  }
  e->members.n = from;
  return put(e, "}", 1);
}

/* Elements of the table on top, all of them at 1 to n; n + 1 if there is any other. */
static size_t count_elements(lua_State *L, size_t n) {
  size_t count = 0;
  lua_pushnil(L);
  while (lua_next(L, -2)) {
    lua_Number k = 0;
    lua_pop(L, 1);
    if (lua_type(L, -1) == LUA_TNUMBER)
      k = lua_tonumber(L, -1);
    if (!(k >= 1 && k <= (lua_Number)n) || k != floor(k)) {
      lua_pop(L, 1);
      return n + 1;
    }
    count++;
  }
  return count;
}

/* Is the table on top a list: by its metatable, or by having elements only? */
static enum shape shape_of(lua_State *L) {
  const size_t n = lua_rawlen(L, -1);
  int marked = 0;
  if (lua_getmetatable(L, -1)) {
    marked = lua_rawequal(L, -1, ARRAY_METATABLE);
    lua_pop(L, 1);
  }
  if (n == 0 && !marked)
    return OBJECT;
  return count_elements(L, n) == n ? LIST : MIXED;  /* with holes, n is anybody's guess */
}

static int put_table(lua_State *L, encoder *e, int depth) {
  if (depth > MAX_DEPTH)
    return fault(e, "tables nested too deep, or within themselves,");
  switch (shape_of(L)) {
    case LIST:
      return put_array(L, e, depth);
    case OBJECT:
      return put_object(L, e, depth);
    default:
      return fault(e, NEITHER);
  }
}

/* Writes the value on top of the stack, which stays there. */
static int encode(lua_State *L, encoder *e, int depth) {
  size_t n;
  const char *s;
  luaL_checkstack(L, 6, "encode");
  switch (lua_type(L, -1)) {
    case LUA_TNIL:
      return put(e, "null", 4);
    case LUA_TBOOLEAN:
      return lua_toboolean(L, -1) ? put(e, "true", 4) : put(e, "false", 5);
    case LUA_TNUMBER:
      return put_number(L, e);
    case LUA_TSTRING:
      s = lua_tolstring(L, -1, &n);
      return put_string(e, s, n);
    case LUA_TTABLE:
      return put_table(L, e, depth);
    case LUA_TLIGHTUSERDATA:
      if (lua_touserdata(L, -1) == NULL)
        return put(e, "null", 4);
      /* fall through */
    default:
      return fault(e, lua_typename(L, lua_type(L, -1)));
  }
}

/* Raises for a fault: what, and the path to it, outermost step first. */
static int raise(lua_State *L, const encoder *e) {
  luaL_Buffer b;
  size_t end = e->path.n;
  if (e->why == NO_MEMORY)
    return oc_error_no_memory(L);
  luaL_buffinit(L, &b);
  luaL_addstring(&b, "value");
  while (end > 0) {
    size_t start = end - 1;
    if (e->path.n - end > MAX_SHOWN_PATH) {
      luaL_addstring(&b, "...");
      break;
    }
    while (start > 0 && e->path.p[start - 1] != '\0')
      start--;
    if (e->path.p[start] != '[')
      luaL_addchar(&b, '.');
    luaL_addlstring(&b, e->path.p + start, end - 1 - start);
    end = start;
  }
  luaL_pushresult(&b);
  return luaL_error(L, "encode: JSON cannot say %s at %s", e->why, lua_tostring(L, -1));
}

static int l_gc(lua_State *L) {
  encoder *e = luaL_checkudata(L, 1, METATABLE);
  oc_buf_free(&e->out);
  oc_buf_free(&e->members);
  oc_buf_free(&e->path);
  return 0;
}

static int l_encode(lua_State *L) {
  encoder *e;
  luaL_checkany(L, 1);
  lua_settop(L, 1);
  e = oc_newuserdata(L, sizeof *e);
  oc_buf_init(&e->out, MAX_BYTES);
  oc_buf_init(&e->members, MAX_BYTES);
  oc_buf_init(&e->path, MAX_BYTES);
  e->why = NULL;
  luaL_setmetatable(L, METATABLE);
  lua_getfield(L, LUA_REGISTRYINDEX, METATABLE);
  lua_getfield(L, -1, "ranks");
  lua_replace(L, RANKS);
  oc_build_push_array_metatable(L);
  lua_pushvalue(L, VALUE);
  if (!encode(L, e, 1))
    return raise(L, e);
  lua_pushlstring(L, e->out.p, e->out.n);
  oc_buf_free(&e->out);  /* not left to the collector: it may be large */
  return 1;
}

void oc_encode_open(lua_State *L) {
  int i;
  luaL_newmetatable(L, METATABLE);
  lua_pushcfunction(L, l_gc);
  lua_setfield(L, -2, "__gc");
  lua_newtable(L);
  for (i = 0; order[i] != NULL; i++) {
    lua_pushinteger(L, i);
    lua_setfield(L, -2, order[i]);
  }
  lua_setfield(L, -2, "ranks");
  lua_pop(L, 1);
  lua_pushcfunction(L, l_encode);
  lua_setfield(L, -2, "encode");
}
