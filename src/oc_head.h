/*
** oc_head.h - the head of an HTTP answer, line by line: its status and headers.
** Knows neither sockets nor libcurl, and what no header means.
**
** Several heads may come before an answer (100, 103): each begins anew, so that
** what remains is the final one's. What comes behind that is trailers: they count
** towards the ceilings and are not kept.
*/
#ifndef oc_head_h
#define oc_head_h

#include <stddef.h>

#include "oc_buf.h"

/* Ceilings, for all heads and trailers of one exchange together. */
#define OC_HEAD_MAX_BYTES (256 * 1024)  /* as received */
#define OC_HEAD_MAX_LINES 1000          /* joining repeated ones is quadratic */

typedef struct oc_head {
  oc_buf lines;   /* "name:value\n" each; no CR, LF or NUL in either */
  size_t bytes;   /* received */
  int count;      /* lines received */
  int status;     /* of the head at hand; 0 before the first */
  int open;       /* between a status line and its blank line */
  int done;       /* the final head is complete */
  int kept;       /* the line before was, so that a folded one can go on from it */
  int bare;       /* and has no value yet */
  int failed;     /* what oc_head_take answers from now on, unless OC_OK */
} oc_head;

/* Makes an empty head. Allocates nothing. */
void oc_head_init(oc_head *h);

/* Gives the memory back. */
void oc_head_free(oc_head *h);

/*
** Takes one line, whole, its line end included or not: status line, header, blank
** line or trailer. OC_OK, OC_EMEM, OC_ELIMIT, or OC_EBAD: this is not HTTP. A
** failure sticks. Headers without a usable name are passed over.
*/
int oc_head_take(oc_head *h, const char *p, size_t n);

/*
** Steps through the headers: *at is 0 first; 0 at the end. Names are in lower
** case, values without surrounding blanks; repeated ones come one by one.
*/
int oc_head_next(const oc_head *h, size_t *at, const char **name, size_t *name_n,
                 const char **value, size_t *value_n);

#endif
