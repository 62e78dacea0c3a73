/*
** oc_page.h - what to ask next, which leads to hand out, when to stop.
**
** The service gives no totals and no next link, so everything that makes a run
** of pages trustworthy is decided here: the end is an empty page, a page that
** failed is asked again and gives only what it had not given, a lead that moved
** comes once, a server that ignores the page number is found out, and a run can
** go on in another process. No I/O, no clock, no JSON: the caller tells.
**
** For each try of a page:  oc_page_ask; for each lead as sent: oc_page_lead; then
** one of oc_page_whole, oc_page_missing, oc_page_failed, which says what is next.
**
** A page that a gateway finds too slow is read in parts: its size divided by a
** whole number, so that page n of one size is so many pages of the other, row for
** row. Callers count in pages as they asked for them, whatever the parts. A part
** that is empty proves nothing: as many as make a page prove what an empty page does.
** Before parts are trusted, the one before the place at hand is asked for: it must
** be as large as asked and end with the lead that came last.
*/
#ifndef oc_page_h
#define oc_page_h

#include <stddef.h>
#include <stdint.h>

#include "oc_retry.h"
#include "oc_seen.h"

#define OC_PAGE_ID_BYTES 128     /* a longer id is not kept for resuming */
#define OC_PAGE_GUARD_LEADS 10   /* leads that two idle pages must have together */
#define OC_PAGE_HUGE_LEADS 1000  /* more than that is parted at the first slow try */
#define OC_PAGE_PART_LEADS 10    /* parts are not smaller: the size is not why */

enum oc_page_next {
  OC_PAGE_NEXT,  /* ask: another page, or this one again at once */
  OC_PAGE_PART,  /* ask: another part of the same page */
  OC_PAGE_WAIT,  /* wait, then ask again */
  OC_PAGE_OVER,  /* the run is over: see stop */
  OC_PAGE_FAIL   /* give up; asking again starts new attempts */
};

enum oc_page_stop { OC_STOP_NONE, OC_STOP_END, OC_STOP_LIMIT, OC_STOP_MAX_PAGES };

typedef struct oc_page {
  /* options, set between init and the first ask */
  int64_t base, first, size;
  double max_pages, limit;         /* HUGE_VAL: no bound */
  unsigned max_attempts;
  double backoff_base_s, backoff_cap_s, retry_after_cap_s;
  int verify;                      /* read all pages once more after the end */

  /* the page at hand */
  int64_t number;
  int64_t parts, part;             /* requests it is read in; the one at hand, from 0 */
  int64_t proven_parts;            /* parts that are trusted: what a resumed run may use */
  unsigned attempt;                /* failed tries since it last gave up */
  uint64_t position;               /* leads of it seen in this try, as sent */
  uint64_t fresh;                  /* new ones of it, in all tries */
  int full;                        /* an answer came full, and each until now: so pages
                                      begin at the rows they should */

  /* the run */
  enum oc_page_stop stop;
  uint64_t pages, leads, matched, duplicates, attempts, late;
  int uncertain;
  oc_seen seen;

  /* where a resumed run goes on: behind this lead */
  int64_t resume_page;
  uint64_t resume_skip;
  char last_id[OC_PAGE_ID_BYTES];
  size_t last_id_n;

  /* private from here */
  char judged_id[OC_PAGE_ID_BYTES]; /* of a lead that is not handed out yet */
  size_t judged_id_n;
  int judged;
  int had_leads;                   /* any page of this run had one */
  int stage;
  uint64_t reached;                /* of this page, in former tries */
  uint64_t part_from;              /* leads of the parts before */
  int64_t empty_parts;             /* one after the other, up to here */
  int odd;                         /* an answer had another number of leads than asked for */
  uint64_t least;                  /* of the answers smaller than asked for; 0: there was none */
  int proving;                     /* the part before is asked for, to be compared */
  uint64_t proof_n;                /* leads of it */
  oc_seen_key latest;              /* of the lead that was looked at last */
  oc_seen_key edge;                /* of the last lead before the part at hand */
  int has_edge;
  int64_t free_retry_at;           /* position at the last retry that was not the server's fault; -1: none */
  uint64_t idle_leads;             /* of the pages before that brought nothing new */
  int idle_pages, missing;
  uint32_t stamp;                  /* numbers the tries of all pages */
  uint32_t page_stamp;             /* of the first try of the page at hand */
  uint32_t part_stamp;             /* and of the part */
  uint32_t parted_stamp;           /* of the last try before the page was parted */
  int64_t end_page;                /* where the first reading found the end */
  oc_seen_key sought;
  int has_sought;
  uint64_t skip, part_duplicates;  /* the latter: of this try */
  int64_t resumed_at;
  int64_t known_from;              /* resumed: the first page whose leads are in seen */
  int resumed;
} oc_page;

/* Defaults as documented; nothing is allocated. */
void oc_page_init(oc_page *p);
void oc_page_free(oc_page *p);

/*
** Goes on behind the lead that was `skip`th on `page`, if it still is; else
** looks for it on the page before and this one, and says `uncertain`. id may be
** empty (nothing to check). Before the first ask.
*/
void oc_page_resume(oc_page *p, int64_t page, uint64_t skip, const char *id, size_t n);

/*
** What the run before knew of pages: read in so many parts, `full` as below. Behind
** oc_page_resume; parts divide the size. Parts that were had are not asked for again.
*/
void oc_page_resume_parts(oc_page *p, int64_t parts, int full);

/* Leads to ask for in a request. */
int64_t oc_page_part_size(const oc_page *p);

/*
** Starts a try of the page at hand: 1 and the number to ask for, which counts
** pages of oc_page_part_size leads, or 0 when the run is over.
*/
int oc_page_ask(oc_page *p, int64_t *number);

/* What will be asked for so many requests later: 1 and its number, or 0. */
int oc_page_peek(const oc_page *p, int64_t ahead, int64_t *number);

/* Is this number the first one that the run asks for? */
int oc_page_is_first(const oc_page *p, int64_t number);

/*
** A lead of the page at hand, in the order sent. 1: hand it out (if it is wanted);
** 0: the caller has had it; OC_EMEM: ask again with the same lead. text is its
** JSON, the key of a lead without an id when pages are compared.
*/
int oc_page_lead(oc_page *p, const char *id, size_t id_n, const char *text, size_t text_n);

/* The lead just judged is wanted and has been handed out: a run resumes behind it. */
void oc_page_handed(oc_page *p);

/* It is not wanted: a run resumes behind it all the same. */
void oc_page_passed(oc_page *p);

/*
** The body came whole. OC_PAGE_WAIT, or OC_PAGE_FAIL at last, where it is empty
** although an earlier try of it had leads; OC_PAGE_FAIL, too, where pages bring
** nothing new: oc_page_is_idle tells which.
*/
enum oc_page_next oc_page_whole(oc_page *p, double unit_random, double *wait_s);

/* Did the page at hand and the one before bring nothing new? */
int oc_page_is_idle(const oc_page *p);

/* Is the first row of all within what is at hand? Where that is missing, no run has come to its end. */
int oc_page_is_at_base(const oc_page *p);

/*
** The page does not exist (404, no HTML): the end, if it says so twice, and this
** run has had leads from other pages, none from this one.
*/
enum oc_page_next oc_page_missing(oc_page *p, double unit_random, double *wait_s);

typedef struct oc_page_fault {
  int retryable;
  double retry_after_s;  /* negative: the server did not say */
  int ours;              /* the server lost patience while nobody pulled */
  int slow;              /* a gateway or a clock lost patience: less may come in time */
} oc_page_fault;

/*
** The try failed. OC_PAGE_WAIT with *wait_s, or OC_PAGE_FAIL. After a slow one (of
** pages that are not huge: two) the page is asked for in smaller parts, if its rows
** are known: every page until now came full. A server with a smaller ceiling than
** ours begins its pages elsewhere, and so does one that ignores the size.
*/
enum oc_page_next oc_page_failed(oc_page *p, const oc_page_fault *f, double unit_random,
                                 double *wait_s);

/* How often the page at hand, or the part of it, has been asked for. */
unsigned oc_page_tries(const oc_page *p);

/* "end", "limit", "max_pages", or NULL while the run is not over. */
const char *oc_page_stop_name(const oc_page *p);

#endif
