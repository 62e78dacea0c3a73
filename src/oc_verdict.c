/*
** oc_verdict.c - what the end of an answer means: a page, a wait, the end, an
** error. Puts into words what oc_page decides in numbers.
*/
#include "oc_verdict.h"

#include <stdio.h>
#include <string.h>

#include "oc_error.h"
#include "oc_url.h"

static double unit_random(oc_pager *p) {
  p->random ^= p->random << 13;
  p->random ^= p->random >> 7;
  p->random ^= p->random << 17;
  return (double)(p->random >> 11) / 9007199254740992.0;
}

static void set_number(lua_State *L, const char *name, double v) {
  lua_pushnumber(L, (lua_Number)v);
  lua_setfield(L, -2, name);
}

/* Adds what every error of a page carries to the object on top of the stack. */
static void add_fields(lua_State *L, oc_pager *p) {
  oc_setcount(L, "page", (uint64_t)p->page.number);
  oc_setcount(L, "attempts", oc_page_tries(&p->page));
  if (p->status != 0)
    oc_setcount(L, "status", (uint64_t)p->status);
  if (p->retry_after_s >= 0)
    set_number(L, "retry_after_s", p->retry_after_s);
  if (p->status != 200 && p->body.n > 0) {
    lua_pushlstring(L, p->body.p, p->body.n);
    lua_setfield(L, -2, "body");
  }
  p->scratch.n = 0;
  if (oc_url_redact(&p->scratch, p->asked.p, p->asked.n) == OC_OK) {
    lua_pushlstring(L, p->scratch.p, p->scratch.n);
    lua_setfield(L, -2, "url");
  }
}

/* Pushes "cannot read page 3: " and the words given; returns it. */
static const char *page_message(lua_State *L, const oc_pager *p, const char *words) {
  char page[80];
  if (p->page.parts == 1)
    snprintf(page, sizeof page, "%lld", (long long)p->page.number);
  else
    snprintf(page, sizeof page, "%lld (in parts of %lld leads)", (long long)p->page.number,
             (long long)oc_page_part_size(&p->page));
  return lua_pushfstring(L, "cannot read page %s: %s", page, words);
}

typedef struct outcome {
  oc_page_fault fault;
  enum oc_fault kind;
  char words[640];  /* a transport message and some */
} outcome;

static void set_outcome(outcome *o, enum oc_fault kind, int retryable, const char *words) {
  o->kind = kind;
  o->fault.retryable = retryable;
  o->fault.retry_after_s = -1;
  o->fault.ours = 0;
  o->fault.slow = 0;
  snprintf(o->words, sizeof o->words, "%s", words);
}

/* What a whole answer with another status than 200 means. */
static void judge_status(oc_pager *p, outcome *o) {
  const oc_retry_verdict v = oc_retry_judge_status(p->status, p->retry_after_s >= 0);
  char words[sizeof o->words];
  snprintf(words, sizeof words, p->status == 407
           ? "HTTP %d from the proxy for %.200s: it wants other credentials (proxy)"
           : "HTTP %d from %.200s", p->status, p->host.p);
  set_outcome(o, v.fault == OC_FAULT_NONE ? OC_FAULT_HTTP : v.fault, v.retryable, words);
  o->fault.retry_after_s = p->retry_after_s;
  o->fault.slow = v.slow;
}

/* Does s, in any case, stand within the first bytes of the body? */
static int body_has(const oc_pager *p, const char *s) {
  const size_t n = strlen(s);
  size_t i, k;
  for (i = 0; i + n <= p->body.n; i++) {
    for (k = 0; k < n && (p->body.p[i + k] | 0x20) == s[k]; k++)
      ;
    if (k == n)
      return 1;
  }
  return 0;
}

/* A gateway's own page, which says nothing of the service. */
static int looks_like_html(const oc_pager *p) {
  return (p->body.n > 0 && p->body.p[0] == '<') || body_has(p, "<html") || body_has(p, "<!doctype") ||
         p->says_html;
}

/* A redirect within the origin is followed; 1 if it is. */
static int follow_redirect(oc_pager *p, outcome *o) {
  oc_url from, to;
  if (p->redirect.n == 0 ||
      oc_url_parse(&from, p->asked.p, p->asked.n, NULL) != OC_OK ||
      oc_url_parse(&to, p->redirect.p, p->redirect.n, NULL) != OC_OK) {
    set_outcome(o, OC_FAULT_HTTP, 0, "the server sent a redirect without a usable address");
  } else if (!oc_url_same_origin(&from, &to)) {
    set_outcome(o, OC_FAULT_HTTP, 0,
                "a redirect to another origin was refused: set base_url to where the service is");
  } else if (++p->redirects > OC_PAGER_REDIRECTS) {
    set_outcome(o, OC_FAULT_HTTP, 0, "more than 5 redirects for one page");
  } else {
    return 1;
  }
  p->redirect.n = 0;
  return 0;
}

/* The body came whole with status 200: was it a page? 1 if it was. */
static int judge_body(lua_State *L, oc_pager *p, outcome *o) {
  static const enum oc_fault kind[] = {OC_FAULT_NONE, OC_FAULT_JSON, OC_FAULT_NETWORK,
                                       OC_FAULT_SHAPE, OC_FAULT_LIMIT, OC_FAULT_MEMORY};
  const oc_scan *s = &p->json.scan;
  const enum oc_got got = oc_json_finish(&p->json);
  char words[sizeof o->words];
  if (got == OC_ITEM)
    luaL_error(L, "finish: leads are waiting; call next until it gives nil");
  if (got == OC_MORE)
    return 1;
  snprintf(words, sizeof words, "%s, at byte %llu", s->fault_text,
           (unsigned long long)s->fault_at);
  set_outcome(o, kind[s->fault], s->fault == OC_JSON_CUT, words);
  return 0;
}

static int is_redirect(int status) {
  return status == 301 || status == 302 || status == 303 || status == 307 || status == 308;
}

/* A status that is an answer by itself, however its body ended. */
static int is_refusal(int status) {
  return status != 0 && status != 200 && !is_redirect(status);
}

/* Takes the host's error, a table or a text, at index 2. */
static void transport_outcome(lua_State *L, outcome *o) {
  enum oc_fault kind = OC_FAULT_NETWORK;
  const char *words;
  if (lua_istable(L, 2)) {
    lua_getfield(L, 2, "kind");
    if (lua_type(L, -1) == LUA_TSTRING)
      kind = oc_fault_of_name(lua_tostring(L, -1));
    lua_getfield(L, 2, "message");
    words = lua_tostring(L, -1);
    set_outcome(o, kind == OC_FAULT_NONE ? OC_FAULT_NETWORK : kind,
                oc_retry_fault_retryable(kind), words != NULL ? words : "the transfer failed");
    lua_getfield(L, 2, "unattended");
    o->fault.ours = lua_toboolean(L, -1);
    lua_getfield(L, 2, "connecting");
    o->fault.slow = kind == OC_FAULT_TIMEOUT && !lua_toboolean(L, -1);
    lua_pop(L, 4);
    return;
  }
  set_outcome(o, kind, 1, luaL_checkstring(L, 2));
}

/* Turns what oc_page decided into the results of finish. */
static int push_next(lua_State *L, oc_pager *p, enum oc_page_next next, double wait_s,
                     const outcome *o) {
  switch (next) {
    case OC_PAGE_NEXT:
      lua_pushliteral(L, "next");
      return 1;
    case OC_PAGE_PART:
      lua_pushliteral(L, "next");
      lua_pushliteral(L, "part");
      return 2;
    case OC_PAGE_OVER:
      lua_pushliteral(L, "end");
      return 1;
    default:
      break;
  }
  if (next == OC_PAGE_WAIT) {
    lua_pushliteral(L, "wait");
    lua_pushnumber(L, (lua_Number)wait_s);
  } else {
    lua_pushnil(L);
  }
  if (lua_istable(L, 2) && !is_refusal(p->status)) {
    lua_pushvalue(L, 2);
    page_message(L, p, o->words);
    lua_setfield(L, -2, "message");
  } else {
    oc_error_push(L, oc_fault_name(o->kind), "%s", page_message(L, p, o->words));
    lua_remove(L, -2);  /* the message */
  }
  add_fields(L, p);
  if (p->status == 200 && p->json.scan.fault != OC_JSON_NO_FAULT && lua_isnil(L, 2))
    oc_setcount(L, "offset", p->json.scan.fault_at);
  return next == OC_PAGE_WAIT ? 3 : 2;
}

static int judge_answer(lua_State *L, oc_pager *p) {
  enum oc_page_next next;
  double wait_s = 0, chance;
  outcome o;
  if ((p->json.pending || p->batch) && p->page.stop == OC_STOP_NONE)
    return luaL_error(L, "finish: leads are waiting; call next until it gives nil");
  chance = lua_isnil(L, 3) ? unit_random(p) : (double)luaL_checknumber(L, 3);
  if (p->page.stop != OC_STOP_NONE)
    return push_next(L, p, OC_PAGE_OVER, 0, NULL);
  set_outcome(&o, OC_FAULT_NONE, 0, "");
  if (!lua_isnil(L, 2) && !is_refusal(p->status)) {
    transport_outcome(L, &o);
  } else {
    luaL_argcheck(L, p->status != 0, 1, "response comes before finish");
    if (is_redirect(p->status)) {
      if (follow_redirect(p, &o)) {
        lua_pushliteral(L, "wait");
        lua_pushinteger(L, 0);
        return 2;
      }
    } else if (p->status == 200) {
      if (judge_body(L, p, &o)) {
        next = oc_page_whole(&p->page, chance, &wait_s);
        set_outcome(&o, OC_FAULT_SHAPE, 0, oc_page_is_idle(&p->page)
                    ? "this page and the one before brought nothing new: the server seems to "
                      "ignore the page number (see page_base and param_names)"
                    : "the page is empty, but had leads when it was asked for before");
        return push_next(L, p, next, wait_s, &o);
      }
    } else {
      judge_status(p, &o);
      if (p->status == 404 && !oc_page_is_at_base(&p->page) && !looks_like_html(p)) {
        next = oc_page_missing(&p->page, chance, &wait_s);
        return push_next(L, p, next, wait_s, &o);
      }
    }
  }
  next = oc_page_failed(&p->page, &o.fault, chance, &wait_s);
  return push_next(L, p, next, wait_s, &o);
}

int oc_verdict_stuck(lua_State *L, const oc_pager *p) {
  lua_pushnil(L);
  oc_error_push(L, "limit", "cannot read page %d: " OC_WANT_TOO_MUCH_WORK, (int)p->page.number);
  oc_setcount(L, "page", (uint64_t)p->page.number);
  return 2;
}

int oc_verdict_finish(lua_State *L) {
  oc_pager *p = oc_pager_check(L);
  int results;
  if (p->stuck)
    return oc_verdict_stuck(L, p);
  lua_settop(L, 3);
  results = judge_answer(L, p);
  p->status = 0;  /* this answer has been judged; what follows is about another */
  p->answered = 0;
  oc_json_reset(&p->json);
  return results;
}
