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
#include "oc_names.h"
#include "oc_number.h"
#include "oc_text.h"

static const char METATABLE[] = "oc.encoder";

#define MAX_DEPTH 1000
#define MAX_BYTES ((size_t)-1 / 4)
#define FIRST_BYTES 4096    /* room for most leads */
#define KEPT_BYTES 65536    /* of room that the next call finds */
#define MAX_KEPT 64         /* values of an object on the stack, while there is room: 5.1 has 8,000 places in all */
#define MAX_SHOWN_PATH 100  /* bytes of the path to a fault, in its message */

/* A member of the object at hand; the key's text is anchored by the object. */
typedef struct member {
  const char *key;
  size_t n;
  int rank;
  int value;  /* its index on the stack; 0: not there */
} member;

typedef struct encoder {
  const oc_names *names;
  int busy;
  oc_buf out;
  oc_buf members;   /* a stack of member, those of the innermost object on top */
  oc_buf path;      /* after a fault: where, innermost step first */
  const char *why;  /* after a fault: static text */
} encoder;

static const char NO_MEMORY[] = "not enough memory";
static const char NEITHER[] = "a table that is neither a list nor an object";

enum shape { LIST, OBJECT, MIXED };

/* Stack indices and upvalues of l_encode. */
enum { VALUE = 1, ENCODER, NAMES, ARRAY_METATABLE };
enum { UP_NAMES = 1, UP_ENCODER };

static int encode(lua_State *L, encoder *e, int depth);

static int fault(encoder *e, const char *why) {
  e->why = why;
  return 0;
}

static int put(encoder *e, const char *s, size_t n) {
  if (n > e->out.cap - e->out.n && oc_buf_reserve(&e->out, n) != OC_OK)
    return fault(e, NO_MEMORY);
  memcpy(e->out.p + e->out.n, s, n);
  e->out.n += n;
  return 1;
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

/* A string with something in it that needs an escape, or is wrong. */
static int put_odd_string(encoder *e, const char *s, size_t n) {
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

/* Most strings are what they look like: copied first, since behind the copy is room to read. */
static int put_string(encoder *e, const char *s, size_t n) {
  const char *p, *end;
  char *to;
  if (n + 2 > e->out.cap - e->out.n && oc_buf_reserve(&e->out, n + 2) != OC_OK)
    return fault(e, NO_MEMORY);
  to = e->out.p + e->out.n;
  to[0] = '"';
  memcpy(to + 1, s, n);
  p = to + 1;
  end = p + n;
  while ((p = oc_text_plain(p, end)) < end)
    if ((unsigned char)*p < 0x80 || oc_text_utf8(&p, end) != OC_TEXT_END)
      return put_odd_string(e, s, n);
  to[n + 1] = '"';
  e->out.n += n + 2;
  return 1;
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
  luaL_checkstack(L, 6, "encode");
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

/*
** Puts the members of the object at that index onto e->members, and their values onto the
** stack. *known: the ranks among them, a bit each; *others: is any key none of those?
*/
static int collect(lua_State *L, encoder *e, int object, uint64_t *known, int *others) {
  const int most = lua_checkstack(L, MAX_KEPT + 6) ? MAX_KEPT : 0;
  int kept = 0;
  *known = 0;
  *others = 0;
  lua_pushnil(L);
  while (lua_next(L, object)) {
    member m;
    if (lua_type(L, -2) != LUA_TSTRING)
      return fault(e, NEITHER);
    m.key = lua_tolstring(L, -2, &m.n);
    m.rank = oc_names_rank(e->names, m.key);
    m.value = 0;
    if (kept < most) {
      lua_insert(L, -2);
      m.value = object + ++kept;
    } else {
      lua_pop(L, 1);
    }
    if (m.rank == OC_NAMES_UNKNOWN)
      *others = 1;
    else
      *known |= (uint64_t)1 << m.rank;
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

/* Puts members that all are known into their order: there is one of each at the most. */
static void order_known(char *members, size_t n, uint64_t known) {
  member sorted[OC_NAMES_KNOWN], m;
  unsigned char place[OC_NAMES_KNOWN];
  size_t i, count = 0;
  for (i = 0; i < OC_NAMES_KNOWN; i++)
    if (known >> i & 1)
      place[i] = (unsigned char)count++;
  for (i = 0; i < n; i++) {
    memcpy(&m, members + i * sizeof m, sizeof m);
    sorted[place[m.rank]] = m;
  }
  memcpy(members, sorted, n * sizeof m);
}

static int put_key(encoder *e, const member *m, int first) {
  if (m->rank != OC_NAMES_UNKNOWN)
    return put(e, e->names->label[m->rank] + first, (size_t)(e->names->label_n[m->rank] - first));
  return (first || put(e, ",", 1)) && put_string(e, m->key, m->n) && put(e, ":", 1);
}

static int put_member(lua_State *L, encoder *e, int object, const member *m, int first, int depth) {
  if (!put_key(e, m, first))
    return step_key(e, m->key, m->n);
  if (m->value != 0) {
    lua_pushvalue(L, m->value);
  } else {
    lua_pushlstring(L, m->key, m->n);
    lua_rawget(L, object);
  }
  if (!encode(L, e, depth + 1))
    return step_key(e, m->key, m->n);
  lua_pop(L, 1);
  return 1;
}

static int put_object(lua_State *L, encoder *e, int depth) {
  const int object = lua_gettop(L);
  const size_t from = e->members.n;
  size_t at;
  uint64_t known;
  int others;
  luaL_checkstack(L, 6, "encode");
  if (!collect(L, e, object, &known, &others) || !put(e, "{", 1))
    return 0;
  if (others)
    qsort(e->members.p + from, (e->members.n - from) / sizeof(member), sizeof(member), compare_members);
  else if (e->members.n > from)
    order_known(e->members.p + from, (e->members.n - from) / sizeof(member), known);
  for (at = from; at < e->members.n; at += sizeof(member)) {
    member m;
    memcpy(&m, e->members.p + at, sizeof m);  /* it moves when it grows */
    if (!put_member(L, e, object, &m, at == from, depth))
      return 0;
  }
  e->members.n = from;
  lua_settop(L, object);
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

/* What is left of a call may serve the next one, unless it is large. */
static void leave(encoder *e) {
  if (e->out.cap > KEPT_BYTES)
    oc_buf_free(&e->out);
  if (e->members.cap > KEPT_BYTES)
    oc_buf_free(&e->members);
  e->out.n = e->members.n = e->path.n = 0;
  e->busy = 0;
}

/* Raises for a fault: what, and the path to it, outermost step first. */
static int raise(lua_State *L, encoder *e) {
  luaL_Buffer b;
  size_t end = e->path.n;
  lua_settop(L, ENCODER);
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
  leave(e);
  return luaL_error(L, "encode: JSON cannot say %s at %s", e->why, lua_tostring(L, -1));
}

static int l_gc(lua_State *L) {
  encoder *e = luaL_checkudata(L, 1, METATABLE);
  oc_buf_free(&e->out);
  oc_buf_free(&e->members);
  oc_buf_free(&e->path);
  return 0;
}

static encoder *push_encoder(lua_State *L) {
  encoder *e = oc_newuserdata(L, sizeof *e);
  oc_buf_init(&e->out, MAX_BYTES);
  oc_buf_init(&e->members, MAX_BYTES);
  oc_buf_init(&e->path, MAX_BYTES);
  e->busy = 0;
  luaL_setmetatable(L, METATABLE);
  return e;
}

/*
** Pushes the encoder that the last call left, with its room; another one when that is busy:
** with a call that this one is within (of a finalizer), or one that memory ran out in.
*/
static encoder *take_encoder(lua_State *L) {
  encoder *e;
  lua_pushvalue(L, lua_upvalueindex(UP_ENCODER));
  e = lua_touserdata(L, -1);
  if (!e->busy)
    return e;
  lua_pop(L, 1);
  e = push_encoder(L);
  lua_pushvalue(L, -1);
  lua_replace(L, lua_upvalueindex(UP_ENCODER));
  return e;
}

static int l_encode(lua_State *L) {
  encoder *e;
  luaL_checkany(L, 1);
  lua_settop(L, 1);
  e = take_encoder(L);
  e->busy = 1;
  e->why = NULL;
  lua_pushvalue(L, lua_upvalueindex(UP_NAMES));
  e->names = lua_touserdata(L, NAMES);
  oc_build_push_array_metatable(L);
  lua_pushvalue(L, VALUE);
  if (oc_buf_reserve(&e->out, FIRST_BYTES) != OC_OK)
    return oc_error_no_memory(L);
  if (!encode(L, e, 1))
    return raise(L, e);
  lua_pushlstring(L, e->out.p, e->out.n);
  leave(e);
  return 1;
}

void oc_encode_open(lua_State *L) {
  luaL_newmetatable(L, METATABLE);
  lua_pushcfunction(L, l_gc);
  lua_setfield(L, -2, "__gc");
  lua_pop(L, 1);
  oc_names_push(L);
  push_encoder(L);
  lua_pushcclosure(L, l_encode, 2);
  lua_setfield(L, -2, "encode");
}
