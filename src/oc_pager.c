/*
** oc_pager.c - pages of leads as a userdata, without any I/O.
**
** The joint between decoder (bytes to scanned leads), oc_page (which of them to
** hand out, what next) and Lua. Takes a status, headers and bytes from whoever
** has them; gives URLs and leads. What a finished answer means is oc_verdict's;
** waiting, tokens and connections are the host's business.
*/
#include "oc_pager.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

#include "oc_build.h"
#include "oc_decode.h"
#include "oc_error.h"
#include "oc_text.h"
#include "oc_url.h"
#include "oc_verdict.h"

static const char METATABLE[] = "oc.pager";

#define MAX_URL_BYTES 16384

static int l_gc(lua_State *L) {
  oc_pager *p = luaL_checkudata(L, 1, METATABLE);
  if (!p->open)
    return 0;
  p->open = 0;
  oc_json_free(&p->json);
  oc_page_free(&p->page);
  oc_want_free(&p->want);
  oc_buf_free(&p->url);
  oc_buf_free(&p->tenant);
  oc_buf_free(&p->redirect);
  oc_buf_free(&p->asked);
  oc_buf_free(&p->ahead);
  oc_buf_free(&p->host);
  oc_buf_free(&p->body);
  oc_buf_free(&p->scratch);
  return 0;
}

static int l_pager(lua_State *L) {
  oc_pager *p;
  int64_t node;
  unsigned depth;
  luaL_checktype(L, 1, LUA_TTABLE);
  lua_settop(L, 1);
  depth = oc_decode_depth(L, 1);
  p = oc_newuserdata(L, sizeof *p);
  memset(p, 0, sizeof *p);
  luaL_setmetatable(L, METATABLE);
  oc_page_init(&p->page);
  oc_want_init(&p->want);
  oc_buf_init(&p->url, MAX_URL_BYTES);
  oc_buf_init(&p->tenant, MAX_URL_BYTES);
  oc_buf_init(&p->redirect, MAX_URL_BYTES);
  oc_buf_init(&p->asked, 4 * MAX_URL_BYTES);
  oc_buf_init(&p->ahead, 4 * MAX_URL_BYTES);
  oc_buf_init(&p->host, MAX_URL_BYTES);
  oc_buf_init(&p->body, OC_PAGER_ERROR_BODY_BYTES);
  oc_buf_init(&p->scratch, OC_SCAN_TOP_VALUE_BYTES);
  p->open = 1;
  if (oc_json_init(&p->json, depth) != OC_OK)
    oc_error_no_memory(L);
  node = oc_keys_find(&p->json.scan.keys, OC_KEYS_ROOT, "id", 2);
  oc_pager_checked(L, node < 0 ? OC_EMEM : OC_OK, "id");
  p->id_node = (uint32_t)node;
  p->random = (uint64_t)time(NULL) * UINT64_C(0x9E3779B97F4A7C15) ^ (uint64_t)(size_t)p;
  oc_build_cache(L);
  lua_pushvalue(L, -1);
  oc_setuservalue(L, 2);
  oc_pager_options(L, p, 3);
  /* all of it now: bytes of an answer cannot be fed twice */
  oc_pager_checked(L, oc_buf_reserve(&p->body, OC_PAGER_ERROR_BODY_BYTES), "body");
  lua_settop(L, 2);
  return 1;
}

oc_pager *oc_pager_check(lua_State *L) {
  oc_pager *p = luaL_checkudata(L, 1, METATABLE);
  luaL_argcheck(L, p->open, 1, "the pager is closed");
  return p;
}

/* --- asking -------------------------------------------------------------- */

static int add_number(oc_buf *url, const char *name, int64_t value) {
  char text[24];
  snprintf(text, sizeof text, "%lld", (long long)value);
  return oc_url_add_param(url, name, text, strlen(text));
}

/* Writes the URL of a page; the userdata is at index 1. */
static void page_url(lua_State *L, const oc_pager *p, int64_t number, oc_buf *url) {
  const char *name[4];
  int cache, i, status;
  oc_getuservalue(L, 1);
  cache = lua_gettop(L);
  for (i = 0; i < 4; i++) {
    lua_rawgeti(L, cache, -1 - i);
    name[i] = lua_tostring(L, -1);  /* anchored by the cache */
  }
  url->n = 0;
  status = oc_buf_add(url, p->url.p, p->url.n);
  if (status == OC_OK && p->tenant.n > 0)
    status = oc_url_add_param(url, name[OC_PAGER_TENANT], p->tenant.p, p->tenant.n);
  if (status == OC_OK)
    status = add_number(url, name[OC_PAGER_NUMBER], number);
  if (status == OC_OK)
    status = add_number(url, name[OC_PAGER_SIZE], oc_page_part_size(&p->page));
  if (status == OC_OK && p->check_online && oc_page_is_first(&p->page, number))
    status = oc_url_add_param(url, name[OC_PAGER_ONLINE], "true", 4);
  oc_pager_checked(L, status, "base_url");
  lua_settop(L, cache - 1);
}

static int push_request(lua_State *L, const oc_pager *p, const oc_buf *url) {
  lua_createtable(L, 0, 4);
  lua_pushlstring(L, url->p, url->n);
  lua_setfield(L, -2, "url");
  lua_createtable(L, 1, 0);
  lua_pushliteral(L, "Accept: application/json");
  lua_rawseti(L, -2, 1);
  lua_setfield(L, -2, "headers");
  oc_setcount(L, "page", (uint64_t)p->page.number);
  oc_setcount(L, "page_size", (uint64_t)oc_page_part_size(&p->page));
  return 1;
}

/* request() -> {url, headers, page, page_size} | nil at the end | nil, err: as next */
static int l_request(lua_State *L) {
  oc_pager *p = oc_pager_check(L);
  int64_t number;
  lua_settop(L, 1);
  if (p->stuck)
    return oc_verdict_stuck(L, p);
  if ((p->json.pending || p->batch) && p->page.stop == OC_STOP_NONE)
    return luaL_error(L, "request: leads are waiting; call next until it gives nil");
  if (!oc_page_ask(&p->page, &number)) {
    lua_pushnil(L);
    return 1;
  }
  oc_json_reset(&p->json);
  p->judged = 0;
  p->status = 0;
  p->answered = 0;
  p->retry_after_s = -1;
  p->body.n = 0;
  if (p->redirect.n > 0) {
    p->asked.n = 0;
    oc_pager_checked(L, oc_buf_add(&p->asked, p->redirect.p, p->redirect.n), "base_url");
    p->redirect.n = 0;
  } else {
    p->redirects = 0;
    page_url(L, p, number, &p->asked);
  }
  return push_request(L, p, &p->asked);
}

/* ahead(n) -> the nth request after the one at hand | nil. Changes nothing. */
static int l_ahead(lua_State *L) {
  oc_pager *p = oc_pager_check(L);
  const lua_Number ahead = luaL_checknumber(L, 2);
  int64_t number;
  luaL_argcheck(L, ahead >= 1 && ahead <= 1e6, 2, "a number of requests expected");
  lua_settop(L, 1);
  if (!oc_page_peek(&p->page, (int64_t)ahead, &number)) {
    lua_pushnil(L);
    return 1;
  }
  page_url(L, p, number, &p->ahead);
  return push_request(L, p, &p->ahead);
}

/* Pushes headers[name] of the table at index 3. */
static const char *push_header(lua_State *L, const char *name, size_t *n) {
  lua_getfield(L, 3, name);
  return lua_tolstring(L, -1, n);
}

/* response(status, headers [, now]): the answer's head. now: seconds since 1970. */
static int l_response(lua_State *L) {
  oc_pager *p = oc_pager_check(L);
  const lua_Number status = luaL_checknumber(L, 2);
  double now;
  const char *value;
  size_t n;
  luaL_argcheck(L, status >= 100 && status <= 999, 2, "an HTTP status expected");
  luaL_checktype(L, 3, LUA_TTABLE);
  now = luaL_optnumber(L, 4, (lua_Number)time(NULL));
  luaL_argcheck(L, now >= 0 && now <= 1e15, 4, "seconds since 1970 expected");
  p->status = (int)status;
  value = push_header(L, "retry-after", &n);
  if (value == NULL || !oc_retry_after_s(&p->retry_after_s, value, n, (int64_t)now))
    p->retry_after_s = -1;
  value = push_header(L, "content-type", &n);
  p->says_html = value != NULL && strstr(value, "html") != NULL;
  value = push_header(L, "location", &n);
  p->redirect.n = 0;
  if (value != NULL && status >= 300 && status < 400 &&
      oc_url_resolve(&p->redirect, p->asked.p, p->asked.n, value, n) == OC_EMEM)
    oc_error_no_memory(L);
  lua_pushboolean(L, 1);
  return 1;
}

/* --- leads --------------------------------------------------------------- */

/* White space, or a byte of a byte order mark. */
static int is_padding(char c) {
  return c != '\0' && strchr(" \t\r\n\xEF\xBB\xBF", c) != NULL;
}

/*
** feed(bytes) -> true. Bytes of a body that cannot be read are dropped, so that
** the transfer's own end is seen: finish tells what was wrong.
*/
static int l_feed(lua_State *L) {
  oc_pager *p = oc_pager_check(L);
  size_t n;
  const char *bytes = luaL_checklstring(L, 2, &n);
  luaL_argcheck(L, p->status != 0, 1, "response comes before feed");
  p->bytes += n;
  p->answered += n;
  if (p->status == 200) {
    (void)oc_json_feed(&p->json, bytes, n);
  } else {
    const size_t room = OC_PAGER_ERROR_BODY_BYTES - p->body.n;
    while (p->body.n == 0 && n > 0 && is_padding(*bytes)) {  /* what it is comes behind it */
      bytes++;
      n--;
    }
    if (oc_buf_add(&p->body, bytes, n < room ? n : room) != OC_OK)
      oc_error_no_memory(L);
  }
  lua_pushboolean(L, 1);
  return 1;
}

/* The text of the lead's own `id`, "" if it has none; the last one counts. */
static const char *lead_id(oc_pager *p, size_t *n) {
  oc_scan *s = &p->json.scan;
  const oc_tok *tok = s->tok, *id = NULL;
  uint32_t i = 1;
  while (i < tok[0].at) {
    if (oc_tok_node(&tok[i]) == p->id_node)
      id = &tok[i];
    i = oc_tok_behind(tok, i);
  }
  *n = 0;
  if (id == NULL)
    return "";
  switch (oc_tok_type(id)) {
    case OC_TOK_INT:
    case OC_TOK_NUMBER:  /* 7 is not "7" */
      s->scratch.n = 0;
      if (oc_buf_addc(&s->scratch, '#') != OC_OK ||
          oc_buf_add(&s->scratch, s->in.p + s->item + id->at, id->n) != OC_OK)
        return NULL;
      *n = s->scratch.n;
      return s->scratch.p;
    case OC_TOK_STRING:
      *n = id->n;
      return s->in.p + s->item + id->at;
    case OC_TOK_ESCAPED:
      s->scratch.n = 0;
      if (oc_buf_reserve(&s->scratch, id->n) != OC_OK)
        return NULL;
      *n = oc_text_unescape(s->scratch.p, s->in.p + s->item + id->at, id->n);
      return s->scratch.p;
    default:
      return "";
  }
}

/* Is the lead at hand for the caller? Negative: out of memory. */
static int judge(oc_pager *p) {
  size_t id_n, text_n;
  const char *text = oc_json_text(&p->json, &text_n);
  const char *id = lead_id(p, &id_n);
  return id == NULL ? OC_EMEM : oc_page_lead(&p->page, id, id_n, text, text_n);
}

/* The lead at hand is where the caller will have it. */
static void handed(oc_pager *p) {
  p->judged = p->json.pending = 0;
  oc_page_handed(&p->page);
}

/* The caller does not want it. */
static void passed(oc_pager *p) {
  p->judged = p->json.pending = 0;
  oc_page_passed(&p->page);
}

/*
** Goes to the next lead that is for the caller: 1, or 0 if there is none now, or
** none that where can judge.
*/
static int advance(lua_State *L, oc_pager *p) {
  while (p->page.stop == OC_STOP_NONE && oc_json_next(&p->json) == OC_ITEM) {
    int mine = p->judged ? 1 : judge(p);
    p->json.pending = 1;  /* until it is handed out or passed over */
    p->judged = mine > 0;
    if (mine > 0)
      mine = oc_want_lead(&p->want);
    if (mine == OC_EMEM)
      oc_error_no_memory(L);
    p->stuck = mine == OC_ELIMIT;
    if (mine != 0)
      return mine > 0;
    if (p->judged)
      passed(p);
    p->json.pending = 0;
  }
  return 0;
}

/* Pushes the lead at hand; the userdata is at index 1, its cache at 2. */
static void push_lead(lua_State *L, oc_pager *p) {
  if (p->raw) {
    size_t n;
    const char *text = oc_json_text(&p->json, &n);
    p->scratch.n = 0;
    if (oc_buf_reserve(&p->scratch, n) != OC_OK)
      oc_error_no_memory(L);
    lua_pushlstring(L, p->scratch.p, oc_text_strip(p->scratch.p, text, n));
  } else {
    oc_build b;
    b.scan = &p->json.scan;
    b.cache = 2;
    b.keep_nulls = p->keep_nulls;
    b.select = oc_want_select(&p->want);
    oc_build_value(L, &b);
  }
}

/* next() -> lead | nil: feed more, or finish | nil, err */
static int l_next(lua_State *L) {
  oc_pager *p = oc_pager_check(L);
  if (p->batch > 0) {
    lua_settop(L, 1);
    oc_getuservalue(L, 1);
    p->batch = !oc_build_batch_shift(L, 2);
    return 1;
  }
  if (!advance(L, p)) {
    if (p->stuck)
      return oc_verdict_stuck(L, p);
    lua_pushnil(L);
    return 1;
  }
  lua_settop(L, 1);
  oc_getuservalue(L, 1);
  push_lead(L, p);
  if (!p->asks)
    handed(p);
  return 1;
}

/* keep(wanted): with `asks`, whether the lead that next gave last is wanted */
static int l_keep(lua_State *L) {
  oc_pager *p = oc_pager_check(L);
  if (!p->asks || !p->judged)
    return luaL_error(L, "keep: next has given no lead that could be kept");
  if (lua_toboolean(L, 2))
    handed(p);
  else
    passed(p);
  return 0;
}

/* read(n) -> array of at most n leads that are complete now | nil, err */
static int l_read(lua_State *L) {
  oc_pager *p = oc_pager_check(L);
  const lua_Number most = luaL_optnumber(L, 2, 1e9);
  int n;
  if (p->asks)
    return luaL_error(L, "read: each lead is asked for by next, and kept or not");
  luaL_argcheck(L, most >= 1, 2, "at least 1 expected");
  lua_settop(L, 1);
  oc_getuservalue(L, 1);
  n = oc_build_batch_begin(L, 2);
  p->batch = 1;
  while (n < most && advance(L, p)) {
    push_lead(L, p);
    lua_rawseti(L, 3, ++n);
    handed(p);
  }
  oc_build_batch_end(L, 2);
  p->batch = 0;
  return n == 0 && p->stuck ? oc_verdict_stuck(L, p) : 1;  /* else the next call tells it */
}

/* unknown() -> array of the fields in where that no lead had */
static int l_unknown(lua_State *L) {
  const oc_pager *p = oc_pager_check(L);
  oc_getuservalue(L, 1);
  oc_want_push_unknown(L, lua_gettop(L), &p->want);
  return 1;
}

/* --- the run ------------------------------------------------------------- */

/*
** over() -> no more bytes are needed, whatever the answer still holds: the run is
** over, a ceiling was passed, or it is no page and there is a lot of it.
*/
static int l_over(lua_State *L) {
  const oc_pager *p = oc_pager_check(L);
  const enum oc_fault_json fault = p->json.scan.fault;
  lua_pushboolean(L, p->page.stop != OC_STOP_NONE || fault == OC_JSON_LIMIT ||
                     fault == OC_JSON_MEMORY ||
                     (p->status != 200 && p->answered > OC_PAGER_DRAIN_BYTES));
  return 1;
}

static int l_result(lua_State *L) {
  const oc_pager *p = oc_pager_check(L);
  const oc_page *g = &p->page;
  lua_createtable(L, 0, 12);
  lua_pushboolean(L, g->stop == OC_STOP_END);
  lua_setfield(L, -2, "complete");
  lua_pushstring(L, oc_page_stop_name(g));
  lua_setfield(L, -2, "stop_reason");
  lua_pushboolean(L, g->uncertain);
  lua_setfield(L, -2, "uncertain");
  oc_setcount(L, "pages", g->pages);
  oc_setcount(L, "leads", g->leads);
  oc_setcount(L, "matched", g->matched);
  oc_setcount(L, "duplicates", g->duplicates);
  oc_setcount(L, "late", g->late);
  oc_setcount(L, "forgotten", g->seen.forgotten);
  oc_setcount(L, "attempts", g->attempts);
  oc_setcount(L, "bytes", p->bytes);
  return 1;
}

/*
** place() -> {page, skip, last_id [, parts] [, full]}: behind the last lead that
** was judged; and what was found out about the size of pages
*/
static int l_place(lua_State *L) {
  const oc_page *g = &oc_pager_check(L)->page;
  lua_createtable(L, 0, 9);
  oc_setcount(L, "page", (uint64_t)g->resume_page);
  oc_setcount(L, "skip", g->resume_skip);
  if (g->proven_parts > 1)
    oc_setcount(L, "parts", (uint64_t)g->proven_parts);
  if (g->full) {
    lua_pushboolean(L, 1);
    lua_setfield(L, -2, "full");
  }
  lua_pushlstring(L, g->last_id, g->last_id_n);
  lua_setfield(L, -2, "last_id");
  return 1;
}

void oc_pager_open(lua_State *L) {
  static const luaL_Reg methods[] = {
    {"request", l_request}, {"ahead", l_ahead}, {"response", l_response}, {"feed", l_feed},
    {"next", l_next}, {"read", l_read}, {"finish", oc_verdict_finish}, {"over", l_over},
    {"keep", l_keep}, {"unknown", l_unknown}, {"result", l_result}, {"place", l_place}, {NULL, NULL}};
  luaL_newmetatable(L, METATABLE);
  luaL_newlib(L, methods);
  lua_setfield(L, -2, "__index");
  lua_pushcfunction(L, l_gc);
  lua_setfield(L, -2, "__gc");
  lua_pop(L, 1);
  lua_pushcfunction(L, l_pager);
  lua_setfield(L, -2, "pager");
}
