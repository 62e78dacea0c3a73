/*
** oc_where.h - a filter as a program, and what it says about a lead.
**
** One meaning for every lead, whether it is scanned JSON or a Lua table: values
** come from a source, which knows where they are. Knows neither the language's
** grammar nor JSON nor Lua.
**
** A program is built from its leaves: each oc_where_... that adds a node gives
** its number, or a negative status; OC_ELIMIT where the program is too large.
** Nothing else changes it: many runs may share it.
*/
#ifndef oc_where_h
#define oc_where_h

#include <stddef.h>
#include <stdint.h>

#include "oc_buf.h"
#include "oc_time.h"

/* Ceilings. The grammar has one for depth, so that recursion stays small. */
#define OC_WHERE_MAX_NODES 20000
#define OC_WHERE_MAX_DEPTH 16    /* any and all within one another */
#define OC_WHERE_WORK 1000000    /* steps for a lead, and so many more for each byte: */
#define OC_WHERE_WORK_PER_BYTE 8 /* that matches and contains look at */
#define OC_WHERE_BYTES_PER_STEP 8 /* of a text or number that is read again */

/*
** What takes steps: matches and contains, the search for keys that come twice, and
** whatever is asked anew for each element. That is what any and all ask about what
** is around their elements, be it the lead or an element further out; and all that
** they ask where such a thing is the list they walk, for it is walked again and
** again. All else is at most the program times the lead, and free.
*/

enum oc_where_op {
  /* true or false */
  OC_WHERE_AND, OC_WHERE_OR, OC_WHERE_NOT,
  OC_WHERE_TRUTH,     /* a value by itself */
  OC_WHERE_EMPTY,
  OC_WHERE_ANY, OC_WHERE_ALL,
  OC_WHERE_EQ, OC_WHERE_NE, OC_WHERE_LT, OC_WHERE_LE, OC_WHERE_GT, OC_WHERE_GE,
  OC_WHERE_IN,        /* a value; the first of a row of items */
  OC_WHERE_HAS,       /* a list, a value */
  OC_WHERE_CONTAINS, OC_WHERE_STARTS, OC_WHERE_ENDS,
  OC_WHERE_MATCHES,   /* a value; the pattern by oc_where_pattern */
  /* values */
  OC_WHERE_NOW, OC_WHERE_LOWER, OC_WHERE_COUNT,
  OC_WHERE_CONSTANT, OC_WHERE_PATH, OC_WHERE_SHIFT,
  OC_WHERE_ITEM       /* of in: a value, and the next item or -1 */
};

enum oc_where_type {
  OC_WHERE_NULL, OC_WHERE_FALSE, OC_WHERE_TRUE, OC_WHERE_INT, OC_WHERE_NUMBER, OC_WHERE_TEXT,
  OC_WHERE_INSTANT, OC_WHERE_LIST, OC_WHERE_OBJECT
};

typedef struct oc_where_value {
  enum oc_where_type type;
  int escaped;          /* text: as in JSON, its escapes still there */
  int kind;             /* text: what it says, once that was looked at; 0 before */
  int64_t i;
  double d;
  const char *s;        /* text: good as long as the source says */
  size_t n;             /* its bytes, a number's too where reading it takes long; list: elements;
                           object: steps that finding a member takes */
  uint32_t ref;         /* list, object: known to the source */
  oc_instant at;
  double low;           /* company size: its low bound */
} oc_where_value;

typedef struct oc_where oc_where;

/* NULL: out of memory. */
oc_where *oc_where_new(void);
void oc_where_free(oc_where *w);  /* NULL is allowed */

/* A node over one or two others (b: -1 for none), in the order of the operation. */
int32_t oc_where_node(oc_where *w, enum oc_where_op op, int32_t a, int32_t b);

int32_t oc_where_constant(oc_where *w, const oc_where_value *v);  /* text is copied */

/*
** A path of n keys (their numbers, from 0) from the lead (frame 0), or from the
** element of the frame-th any or all around it. base: the last step of the path
** that led to those elements; -1 for the lead.
*/
int32_t oc_where_path(oc_where *w, unsigned frame, int32_t base, const uint32_t *key, size_t n);

enum oc_where_op oc_where_op_of(const oc_where *w, int32_t node);

/* The last step of a path; its base if it has none. */
int32_t oc_where_last_step(const oc_where *w, int32_t path);

/* The instant that is so many seconds after that of value a. */
int32_t oc_where_shift(oc_where *w, int32_t a, int64_t seconds);

/*
** value a matches a Lua pattern. OC_EBAD: it is none; *at is where and *why, in
** words.
*/
int32_t oc_where_pattern(oc_where *w, int32_t a, const char *pattern, size_t n, size_t *at,
                         const char **why);

/* The whole, once it stands. */
void oc_where_root(oc_where *w, int32_t node);

/*
** The steps of all paths, from 0, for sources that prepare them: the key of each,
** and the step to what it is a member of (or to the list of that): -1, the lead.
*/
uint32_t oc_where_steps(const oc_where *w);
uint32_t oc_where_step_key(const oc_where *w, uint32_t step);
int32_t oc_where_step_before(const oc_where *w, uint32_t step);

/* Where values are. A source may keep what it handed out until `release`. */
typedef struct oc_where_source {
  /* The member of an object that a step leads to; null if there is none. out may be
     the object itself. OC_OK or OC_EMEM. */
  int (*member)(void *ud, const oc_where_value *object, uint32_t step, oc_where_value *out);
  /* A step leads on from a value that is neither an object nor null: nowhere. NULL: nobody cares. */
  void (*astray)(void *ud, uint32_t step);
  /* The next element of a list; *at is 0 first. 1, 0 at the end, or OC_EMEM. */
  int (*element)(void *ud, const oc_where_value *list, uint32_t *at, oc_where_value *out);
  /* Are all members of an object null? 1, 0, OC_EMEM, or OC_ELIMIT: *work is used up.
     repeated: each member that is looked at takes a step. */
  int (*empty)(void *ud, const oc_where_value *object, int repeated, int64_t *work);
  int (*mark)(void *ud);               /* NULL: nothing is kept */
  void (*release)(void *ud, int mark);
} oc_where_source;

/* What an evaluation needs besides; init once, free at the end. */
typedef struct oc_where_run {
  const oc_where *where;
  const oc_where_source *source;
  void *ud;
  oc_instant now;
  /* private from here */
  oc_buf text[2];
  int64_t work;
  oc_where_value frame[OC_WHERE_MAX_DEPTH + 1];
  unsigned depth;
  unsigned repeated;  /* any and all under way that walk their list again and again */
} oc_where_run;

void oc_where_run_init(oc_where_run *r, const oc_where *w, const oc_where_source *source, void *ud);
void oc_where_run_free(oc_where_run *r);

/* Does it hold for the lead? 1, 0, OC_EMEM, or OC_ELIMIT: too much work. */
int oc_where_holds(oc_where_run *r, const oc_where_value *lead);

#endif
