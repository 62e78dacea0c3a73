/*
** oc_pager.h - pages of leads as a userdata, without any I/O: what to ask, and
** what to make of the answer.
*/
#ifndef oc_pager_h
#define oc_pager_h

#include "oc_compat.h"
#include "oc_json.h"
#include "oc_page.h"
#include "oc_want.h"

#define OC_PAGER_ERROR_BODY_BYTES 2048  /* kept of an answer that is no page */
#define OC_PAGER_DRAIN_BYTES 262144     /* read of it, so that the connection serves again */
#define OC_PAGER_REDIRECTS 5            /* for one page */

typedef struct oc_pager {
  oc_json json;
  oc_page page;
  oc_want want;
  oc_buf url;        /* base and path, without parameters */
  oc_buf tenant;     /* ms_tenant_id; empty: all */
  oc_buf redirect;   /* where the page at hand was sent to; empty: nowhere */
  oc_buf asked;      /* the URL of the try at hand */
  oc_buf ahead;      /* the URL of a page asked for ahead */
  oc_buf host;       /* for messages: "host" or "host:port", with a NUL */
  oc_buf body;       /* the start of an answer that is no page */
  oc_buf scratch;    /* a raw lead without white space; a URL to show */
  uint32_t id_node;
  uint64_t bytes;    /* of bodies, decoded, in the whole run */
  uint64_t random;
  int keep_nulls, raw, check_online;
  int asks;          /* its user says of each lead whether it is wanted: keep */
  int open;
  int judged;        /* the lead at hand is one to hand out, if it is wanted */
  int stuck;         /* where cannot say of the lead at hand whether it is wanted */
  int batch;         /* leads of a read that was broken off are in the cache */
  int status;        /* 0: no response yet */
  int redirects;
  int says_html;     /* by its Content-Type, which counts for a 404 only */
  double retry_after_s;
  uint64_t answered; /* bytes of the answer at hand */
} oc_pager;

/* The service's parameters; their names are at [-1 - param] of the pager's cache. */
enum oc_pager_param { OC_PAGER_TENANT, OC_PAGER_NUMBER, OC_PAGER_SIZE, OC_PAGER_ONLINE };

/* Takes the options in the table at index 1; the cache keeps what must live on. Raises. */
void oc_pager_options(lua_State *L, oc_pager *p, int cache);

/* Raises for a status: out of memory, or the option named is unusable. */
void oc_pager_checked(lua_State *L, int status, const char *what);

/* The pager at index 1; raises if it is none. */
oc_pager *oc_pager_check(lua_State *L);

/* Adds `pager` to the table on top of the stack; oc_build_open comes first. */
void oc_pager_open(lua_State *L);

#endif
