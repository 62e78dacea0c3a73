/*
** oc_pager_options.c - the options of a pager, out of a Lua table that Lua has
** checked; and where a run goes on.
*/
#include "oc_pager.h"

#include <string.h>

#include "oc_decode.h"
#include "oc_error.h"
#include "oc_url.h"

static double number_field(lua_State *L, const char *name, double otherwise) {
  double v;
  lua_getfield(L, 1, name);
  if (!lua_isnil(L, -1) && lua_type(L, -1) != LUA_TNUMBER)
    luaL_error(L, "option '%s': a number expected, got %s", name, luaL_typename(L, -1));
  v = lua_isnil(L, -1) ? otherwise : (double)lua_tonumber(L, -1);
  lua_pop(L, 1);
  return v;
}

static int boolean_field(lua_State *L, const char *name) {
  int v;
  lua_getfield(L, 1, name);
  v = lua_toboolean(L, -1);
  lua_pop(L, 1);
  return v;
}

/* Pushes a string field, "" if it is absent. */
static const char *push_string_field(lua_State *L, int i, const char *name, size_t *n) {
  lua_getfield(L, i, name);
  if (lua_isnil(L, -1)) {
    lua_pop(L, 1);
    lua_pushliteral(L, "");
  }
  if (lua_type(L, -1) != LUA_TSTRING)
    luaL_error(L, "option '%s': a string expected, got %s", name, luaL_typename(L, -1));
  return lua_tolstring(L, -1, n);
}

void oc_pager_checked(lua_State *L, int status, const char *what) {
  if (status == OC_EMEM)
    oc_error_no_memory(L);
  if (status != OC_OK)
    luaL_error(L, "option '%s' is unusable", what);
}

/* Writes the host of a URL, and its port unless that goes without saying. */
static int host_of(oc_buf *host, const char *url, size_t n) {
  oc_url u;
  int status = oc_url_parse(&u, url, n, NULL);
  if (status == OC_OK)
    status = oc_url_origin(host, &u);
  if (status != OC_OK)
    return status;
  oc_buf_drop(host, u.is_https ? strlen("https://") : strlen("http://"));
  return oc_buf_addc(host, '\0');
}

static void address_options(lua_State *L, oc_pager *p) {
  size_t base_n, path_n, tenant_n;
  const char *base = push_string_field(L, 1, "base_url", &base_n);
  const char *path = push_string_field(L, 1, "lead_path", &path_n);
  const char *tenant = push_string_field(L, 1, "ms_tenant_id", &tenant_n);
  if (path_n == 0) {
    path = "/api/v2/oc/lead";
    path_n = strlen(path);
  }
  oc_pager_checked(L, oc_url_join(&p->url, base, base_n, path, path_n), "base_url");
  oc_pager_checked(L, host_of(&p->host, base, base_n), "base_url");
  oc_pager_checked(L, oc_buf_add(&p->tenant, tenant, tenant_n), "ms_tenant_id");
  lua_pop(L, 3);
}

static void page_options(lua_State *L, oc_pager *p) {
  oc_page *g = &p->page;
  g->base = (int64_t)number_field(L, "page_base", 1);
  g->first = g->number = g->resume_page = (int64_t)number_field(L, "page", (double)g->base);
  g->size = (int64_t)number_field(L, "page_size", (double)g->size);
  g->max_pages = number_field(L, "max_pages", g->max_pages);
  g->limit = number_field(L, "limit", g->limit);
  g->max_attempts = (unsigned)number_field(L, "max_attempts", g->max_attempts);
  g->backoff_base_s = number_field(L, "backoff_base_s", g->backoff_base_s);
  g->backoff_cap_s = number_field(L, "backoff_cap_s", g->backoff_cap_s);
  g->retry_after_cap_s = number_field(L, "retry_after_cap_s", g->retry_after_cap_s);
  g->verify = boolean_field(L, "verify");
  p->check_online = boolean_field(L, "check_online");
  p->raw = boolean_field(L, "raw");
  p->asks = boolean_field(L, "asks");
}

/* Whole, and exact as a double. */
static int is_whole(lua_Number v, lua_Number least) {
  return v >= least && v <= 9007199254740992.0 && (lua_Number)(int64_t)v == v;
}

/* A field of the resume table on top of the stack: a whole number. */
static int64_t place_field(lua_State *L, const char *name) {
  lua_Number v;
  lua_getfield(L, -1, name);
  v = lua_tonumber(L, -1);
  if (lua_type(L, -1) != LUA_TNUMBER || !is_whole(v, 0))
    luaL_error(L, "option 'resume': '%s' is no whole number", name);
  lua_pop(L, 1);
  return (int64_t)v;
}

/* The number on top of the stack, 1 if it is nil: into so many parts a page may be divided. */
static int64_t parts_field(lua_State *L, const oc_page *g) {
  const lua_Number v = lua_isnil(L, -1) ? 1 : lua_tonumber(L, -1);
  if (!is_whole(v, 1) || v > (lua_Number)g->size || g->size % (int64_t)v != 0 ||
      (lua_Number)g->number * v > 9007199254740992.0)
    luaL_error(L, "option 'resume': 'parts' does not divide the page size");
  return (int64_t)v;
}

static void resume_option(lua_State *L, oc_pager *p) {
  lua_getfield(L, 1, "resume");
  if (lua_istable(L, -1)) {
    const int64_t page = place_field(L, "page"), skip = place_field(L, "skip");
    size_t n;
    const char *id = push_string_field(L, -1, "last_id", &n);
    oc_page_resume(&p->page, page, (uint64_t)skip, id, n);
    lua_pop(L, 1);
    lua_getfield(L, -1, "full");
    lua_getfield(L, -2, "parts");
    oc_page_resume_parts(&p->page, parts_field(L, &p->page), lua_toboolean(L, -2));
    lua_pop(L, 2);
  }
  lua_pop(L, 1);
}

/* The service's names of the four parameters, and ours, in the order of enum oc_pager_param. */
static const char *const param_keys[] = {"ms_tenant_id", "page", "page_size", "check_online"};
static const char *const param_names[] = {"msTenantId", "PageNumber", "PageSize", "checkOnline"};

/* Keeps the names at [-1] to [-4] of the table on top. */
static void param_options(lua_State *L) {
  int i;
  lua_getfield(L, 1, "param_names");
  for (i = 0; i < 4; i++) {
    if (lua_istable(L, -1))
      lua_getfield(L, -1, param_keys[i]);
    else
      lua_pushnil(L);
    if (lua_type(L, -1) != LUA_TSTRING) {
      lua_pop(L, 1);
      lua_pushstring(L, param_names[i]);
    }
    lua_rawseti(L, -3, -1 - i);
  }
  lua_pop(L, 1);
}

void oc_pager_options(lua_State *L, oc_pager *p, int cache) {
  const int top = lua_gettop(L);
  lua_pushvalue(L, cache);
  param_options(L);
  lua_settop(L, top);
  oc_want_options(L, 1, cache, &p->want, &p->json.scan);
  oc_decode_options(L, 1, &p->json, &p->keep_nulls);
  address_options(L, p);
  page_options(L, p);
  resume_option(L, p);
}
