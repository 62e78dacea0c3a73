/*
** oc_http_options.c - the options of a request: from a Lua table to an oc_request.
** What is wrong in them is the programmer's fault and raises, naming the option.
*/
#include "oc_http_options.h"

#include <stddef.h>
#include <string.h>

/* Each option as data: its type, and where it goes. Headers are only checked. */

enum type { STRING, SECONDS, BYTES, BOOLEAN, HEADERS, BODY };

typedef struct field {
  const char *name;
  enum type type;
  size_t at;
} field;

#define AT(f) offsetof(oc_request, f)

static const field FIELDS[] = {
    {"url", STRING, AT(url)},
    {"method", STRING, AT(method)},
    {"headers", HEADERS, 0},
    {"body", BODY, 0},
    {"connect_timeout_s", SECONDS, AT(connect_timeout_s)},
    {"idle_timeout_s", SECONDS, AT(idle_timeout_s)},
    {"request_timeout_s", SECONDS, AT(request_timeout_s)},
    {"ca_file", STRING, AT(ca_file)},
    {"ca_path", STRING, AT(ca_path)},
    {"client_cert", STRING, AT(client_cert)},
    {"client_key", STRING, AT(client_key)},
    {"client_key_password", STRING, AT(client_key_password)},
    {"insecure", BOOLEAN, AT(insecure)},
    {"proxy", STRING, AT(proxy)},
    {"no_proxy", STRING, AT(no_proxy)},
    {"compress", BOOLEAN, AT(compress)},
    {"http1_only", BOOLEAN, AT(http1_only)},
    {"max_body_bytes", BYTES, AT(max_body_bytes)},
    {"buffer_bytes", BYTES, AT(buffer_bytes)},
    {"user_agent", STRING, AT(user_agent)},
};

#define FIELD_COUNT (sizeof(FIELDS) / sizeof(FIELDS[0]))

static const field *find_field(const char *name) {
  size_t i;
  for (i = 0; i < FIELD_COUNT; i++)
    if (strcmp(FIELDS[i].name, name) == 0)
      return &FIELDS[i];
  return NULL;
}

/* The value on top must have that type. */
static void expect(lua_State *L, const field *f, int type) {
  if (lua_type(L, -1) != type)
    luaL_error(L, "bad option '%s' (%s expected, got %s)", f->name,
               lua_typename(L, type), luaL_typename(L, -1));
}

/* The text on top, which must hold no NUL and, being sent, no line's end. */
static const char *text_of(lua_State *L, const char *name) {
  size_t n;
  const char *s = lua_tolstring(L, -1, &n);
  if (strlen(s) != n || strpbrk(s, "\r\n") != NULL)
    luaL_error(L, "bad option '%s' (CR, LF or NUL in it)", name);
  return s;
}

static double number_of(lua_State *L, const field *f) {
  double n = (double)lua_tonumber(L, -1);
  if (!(n >= 0))  /* NaN too */
    luaL_error(L, "bad option '%s' (not negative expected)", f->name);
  return n < 1e18 ? n : 0;  /* math.huge: no limit */
}

/* "Name: value" with a name that HTTP allows. */
static int is_header(const char *s) {
  static const char TOKEN[] =
      "!#$%&'*+-.^_`|~0123456789"
      "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ";
  size_t n = strspn(s, TOKEN);
  return n > 0 && s[n] == ':';
}

/* Looks at every header of the list on top. */
static void check_headers(lua_State *L) {
  int i, n = (int)lua_rawlen(L, -1);
  for (i = 1; i <= n; i++) {
    lua_rawgeti(L, -1, i);
    if (lua_type(L, -1) != LUA_TSTRING || !is_header(text_of(L, "headers")))
      luaL_error(L, "bad option 'headers' (item %d is no \"Name: value\")", i);
    lua_pop(L, 1);
  }
}

/* Puts the value on top, option f, where it belongs. */
static void take_field(lua_State *L, const field *f, oc_request *r) {
  char *at = (char *)r + f->at;
  switch (f->type) {
    case STRING:
      expect(L, f, LUA_TSTRING);
      *(const char **)(void *)at = text_of(L, f->name);
      break;
    case SECONDS:
    case BYTES:
      expect(L, f, LUA_TNUMBER);
      *(double *)(void *)at = number_of(L, f);
      break;
    case BOOLEAN:
      expect(L, f, LUA_TBOOLEAN);
      *(int *)(void *)at = lua_toboolean(L, -1);
      break;
    case HEADERS:
      expect(L, f, LUA_TTABLE);
      check_headers(L);
      break;
    case BODY:
      expect(L, f, LUA_TSTRING);
      r->body = lua_tolstring(L, -1, &r->body_bytes);
      break;
  }
}

void oc_http_options_take(lua_State *L, int i, oc_request *r) {
  memset(r, 0, sizeof(*r));
  for (lua_pushnil(L); lua_next(L, i) != 0; lua_pop(L, 1)) {
    const field *f = NULL;
    if (lua_type(L, -2) == LUA_TSTRING)
      f = find_field(lua_tostring(L, -2));
    if (f == NULL)
      luaL_error(L, "unknown option '%s'",
                 lua_type(L, -2) == LUA_TSTRING ? lua_tostring(L, -2)
                                                : luaL_typename(L, -2));
    else
      take_field(L, f, r);
  }
  if (r->url == NULL)
    luaL_error(L, "missing option 'url'");
  if (r->method != NULL && strcmp(r->method, "GET") != 0 &&
      strcmp(r->method, "POST") != 0)
    luaL_error(L, "bad option 'method' (GET or POST expected)");
  if (r->body != NULL && (r->method == NULL || r->method[0] != 'P'))
    luaL_error(L, "bad option 'body' (only with method POST)");
}
