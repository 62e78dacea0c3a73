/*
** oc_page.c - what to ask next, which leads to hand out, when to stop.
*/
#include "oc_page.h"

#include <math.h>
#include <string.h>

/* What the page at hand is read for. */
enum stage {
  READ,          /* to hand out its leads */
  SKIP,          /* resumed: pass over `skip` leads, the last of them the sought */
  MOVED,         /* resumed: it is not where it was; this page is of no use */
  SEEK_BEFORE,   /* resumed: look for it on the page before */
  SEEK_HERE,     /* resumed: and on the page itself */
  VERIFY         /* after the end: hand out what moved past us */
};

void oc_page_init(oc_page *p) {
  memset(p, 0, sizeof *p);
  p->base = p->first = p->number = p->resume_page = 1;
  p->size = 200;
  p->max_pages = 10;
  p->limit = HUGE_VAL;
  p->max_attempts = 5;
  p->backoff_base_s = 0.5;
  p->backoff_cap_s = 30;
  p->retry_after_cap_s = 120;
  p->page_stamp = 1;
  p->free_retry_at = -1;
  oc_seen_init(&p->seen, OC_SEEN_MAX);
}

void oc_page_free(oc_page *p) {
  oc_seen_free(&p->seen);
}

/* Too long an id is as good as none. */
static size_t keep_id(char kept[OC_PAGE_ID_BYTES], const char *id, size_t n) {
  if (n > OC_PAGE_ID_BYTES)
    return 0;
  memcpy(kept, id, n);
  return n;
}

void oc_page_resume(oc_page *p, int64_t page, uint64_t skip, const char *id, size_t n) {
  p->number = p->resume_page = p->resumed_at = p->known_from = page;
  p->resumed = 1;
  p->skip = p->resume_skip = skip;
  p->has_sought = oc_seen_key_of_id(&p->sought, id, n);
  p->stage = skip > 0 ? SKIP : READ;
  p->last_id_n = keep_id(p->last_id, id, n);
}

unsigned oc_page_tries(const oc_page *p) {
  return p->stamp - p->page_stamp + 1;
}

int oc_page_ask(oc_page *p, int64_t *number) {
  if (p->stop != OC_STOP_NONE)
    return 0;
  p->reached = p->position > p->reached ? p->position : p->reached;
  p->position = 0;
  p->duplicates -= p->page_duplicates;  /* this try counts them again */
  p->page_duplicates = 0;
  p->stamp++;
  p->attempts++;
  *number = p->number;
  return 1;
}

int oc_page_peek(const oc_page *p, int64_t ahead, int64_t *number) {
  if (p->stop != OC_STOP_NONE || p->stage != READ)
    return 0;
  if ((double)p->pages + (double)ahead >= p->max_pages)
    return 0;
  *number = p->number + ahead;
  return 1;
}

/* Makes another page the one at hand. */
static enum oc_page_next turn_to(oc_page *p, int64_t number, enum stage stage) {
  p->number = number;
  p->stage = (int)stage;
  p->attempt = 0;
  p->position = p->reached = p->fresh = p->page_duplicates = 0;
  p->free_retry_at = -1;
  p->missing = 0;
  p->page_stamp = p->stamp + 1;
  return OC_PAGE_NEXT;
}

static enum oc_page_next over(oc_page *p, enum oc_page_stop stop) {
  p->stop = stop;
  return OC_PAGE_OVER;
}

/* --- leads -------------------------------------------------------------- */

static int is_sought(const oc_page *p, const oc_seen_key *key, int has_key) {
  return has_key && p->has_sought && key->a == p->sought.a && key->b == p->sought.b;
}

/*
** A resumed run passes over what was handed out before. The leads it passes are
** remembered as seen, so that they are known when they turn up again, in another
** try of this page too.
*/
static int pass_over(oc_page *p, const oc_seen_key *key, int has_key) {
  uint32_t *stamp;
  if (has_key && oc_seen_add(&p->seen, *key, p->stamp, &stamp) < 0)
    return OC_EMEM;
  p->position++;
  if (p->position < p->skip)
    return 0;
  p->stage = !p->has_sought || is_sought(p, key, has_key) ? READ : MOVED;
  p->fresh = p->position;
  p->reached = 0;
  return 0;
}

static int seek(oc_page *p, const oc_seen_key *key, int has_key) {
  uint32_t *stamp;
  if (has_key && oc_seen_add(&p->seen, *key, p->stamp, &stamp) < 0)
    return OC_EMEM;
  p->position++;
  if (is_sought(p, key, has_key)) {
    p->stage = READ;
    p->fresh = p->position;
    p->reached = 0;
  }
  return 0;
}

/*
** Has this lead been here? A key seen in an earlier try of the same page is a
** repetition of ours; any other is a row that moved.
*/
static int judge(oc_page *p, const oc_seen_key *key, int has_key, uint64_t at) {
  uint32_t *stamp;
  const int seen = oc_seen_add(&p->seen, *key, p->stamp, &stamp);
  if (seen < 0)
    return OC_EMEM;
  if (seen == 0)
    p->fresh++;
  if (p->stage == VERIFY) {
    if (!has_key)
      p->uncertain = 1;  /* nothing tells it from one handed out before */
    p->late += seen == 0 && has_key;
    p->leads += seen == 0 && has_key;
    return seen == 0 && has_key;
  }
  if (!has_key) {
    if (at < p->reached)
      return 0;
    p->leads++;
    return 1;
  }
  if (seen == 0) {
    p->leads++;
    return 1;
  }
  if (*stamp < p->stamp && *stamp >= p->page_stamp) {
    *stamp = p->stamp;
  } else {
    p->duplicates++;
    p->page_duplicates++;
  }
  return 0;
}

/* A resumed run goes on behind the lead judged last. */
static void move_place(oc_page *p) {
  if (!p->judged)
    return;
  p->judged = 0;
  p->resume_page = p->number;
  p->resume_skip = p->position;
  p->last_id_n = keep_id(p->last_id, p->judged_id, p->judged_id_n);
}

int oc_page_lead(oc_page *p, const char *id, size_t id_n, const char *text, size_t text_n) {
  oc_seen_key key;
  const int has_key = oc_seen_key_of_id(&key, id, id_n);
  int hand;
  p->had_leads = 1;
  switch ((enum stage)p->stage) {
    case SKIP:
      return pass_over(p, &key, has_key);
    case SEEK_BEFORE:
    case SEEK_HERE:
      return seek(p, &key, has_key);
    case MOVED:
      p->position++;
      return 0;
    default:
      break;
  }
  if (!has_key)
    key = oc_seen_hash(text, text_n);
  hand = judge(p, &key, has_key, p->position);
  if (hand < 0)
    return hand;
  p->position++;
  if (p->stage == READ && p->position > p->reached) {
    p->judged_id_n = keep_id(p->judged_id, id, id_n);
    p->judged = 1;
    if (!hand)
      move_place(p);
  }
  return hand;
}

void oc_page_handed(oc_page *p) {
  move_place(p);
  p->matched++;
  if ((double)p->matched < p->limit)
    return;
  p->stop = OC_STOP_LIMIT;
  p->pages++;  /* of this one as much as was wanted */
}

/* --- the end of a page -------------------------------------------------- */

/* Turns to a page as if nothing had been seen yet. */
static enum oc_page_next look_at(oc_page *p, int64_t number, enum stage stage) {
  oc_seen_free(&p->seen);
  p->known_from = number;
  return turn_to(p, number, stage);
}

/* A resumed run did not find its place on this page: where does it look next? */
static enum oc_page_next look_further(oc_page *p) {
  const int64_t before = p->resumed_at > p->base ? p->resumed_at - 1 : p->base;
  p->uncertain = 1;
  switch ((enum stage)p->stage) {
    case SEEK_BEFORE:
      return look_at(p, p->resumed_at, SEEK_HERE);
    case SEEK_HERE:  /* nowhere: rather hand out a lead twice than never */
      return look_at(p, before, READ);
    default:
      return look_at(p, before, before < p->resumed_at ? SEEK_BEFORE : SEEK_HERE);
  }
}

/*
** Verifying begins with the first page whose leads this run knows: those that
** only the run before has seen would all look new.
*/
static enum oc_page_next at_end(oc_page *p) {
  const int64_t from = p->resumed ? p->known_from : p->first;
  if (p->stage == READ && p->verify) {
    if (p->seen.forgotten == 0) {
      p->uncertain |= from > p->first;
      p->end_page = p->number;
      return turn_to(p, from, VERIFY);
    }
    p->uncertain = 1;  /* too many leads to know which moved */
  }
  return over(p, OC_STOP_END);
}

/*
** Pages that bring nothing new, one after the other, mean that the server
** ignores the page number; a single one can be rows that moved.
*/
int oc_page_is_idle(const oc_page *p) {
  return p->stage == READ && p->position > 0 && p->fresh == 0 && p->idle_pages >= 1 &&
         p->idle_leads + p->position >= OC_PAGE_GUARD_LEADS;
}

static void count_idle(oc_page *p) {
  if (p->fresh > 0) {
    p->idle_pages = 0;
    p->idle_leads = 0;
  } else {
    p->idle_pages++;
    p->idle_leads += p->position;
  }
}

/* The page had leads in an earlier try, and now has none: that proves no end. */
static enum oc_page_next vanished(oc_page *p, double unit_random, double *wait_s) {
  const oc_page_fault f = {1, -1, 0};
  return oc_page_failed(p, &f, unit_random, wait_s);
}

/* A page that was only passed over, up to where a resumed run goes on. */
static int was_had_before(const oc_page *p) {
  return p->resumed && p->number == p->resumed_at && p->position <= p->skip;
}

enum oc_page_next oc_page_whole(oc_page *p, double unit_random, double *wait_s) {
  if (p->stop != OC_STOP_NONE)
    return OC_PAGE_OVER;
  if (p->position == 0 && p->reached > 0)
    return vanished(p, unit_random, wait_s);
  if (p->stage != READ && p->stage != VERIFY)
    return look_further(p);
  if (p->position == 0)
    return at_end(p);
  if (p->stage == VERIFY)  /* not beyond where the end was: it would never end */
    return p->number < p->end_page ? turn_to(p, p->number + 1, VERIFY) : over(p, OC_STOP_END);
  if (oc_page_is_idle(p))
    return OC_PAGE_FAIL;
  count_idle(p);
  p->pages += !was_had_before(p);
  if ((double)p->pages >= p->max_pages)
    return over(p, OC_STOP_MAX_PAGES);
  return turn_to(p, p->number + 1, READ);
}

enum oc_page_next oc_page_missing(oc_page *p, double unit_random, double *wait_s) {
  if (p->stop != OC_STOP_NONE)
    return OC_PAGE_OVER;
  if (p->number <= p->base)
    return OC_PAGE_FAIL;
  if (p->reached > 0)
    return vanished(p, unit_random, wait_s);
  if (p->missing++ == 0) {
    *wait_s = oc_retry_backoff_s(1, p->backoff_base_s, p->backoff_cap_s, unit_random);
    return OC_PAGE_WAIT;
  }
  if (p->stage != READ && p->stage != VERIFY)
    return look_further(p);
  if (p->had_leads)
    return at_end(p);
  p->missing = 0;  /* a wrong path looks the same: nothing says that this is the end */
  return OC_PAGE_FAIL;
}

enum oc_page_next oc_page_failed(oc_page *p, const oc_page_fault *f, double unit_random,
                                 double *wait_s) {
  if (p->stop != OC_STOP_NONE)
    return OC_PAGE_OVER;
  if (f->ours && (int64_t)p->position > p->free_retry_at) {
    p->free_retry_at = (int64_t)p->position;  /* only while it gets on: else it never ends */
    *wait_s = 0;
    return OC_PAGE_WAIT;
  }
  if (!f->retryable || f->retry_after_s > p->retry_after_cap_s || ++p->attempt >= p->max_attempts) {
    p->attempt = 0;
    return OC_PAGE_FAIL;
  }
  *wait_s = f->retry_after_s >= 0
      ? f->retry_after_s
      : oc_retry_backoff_s(p->attempt, p->backoff_base_s, p->backoff_cap_s, unit_random);
  return OC_PAGE_WAIT;
}

const char *oc_page_stop_name(const oc_page *p) {
  static const char *const name[] = {NULL, "end", "limit", "max_pages"};
  return name[p->stop];
}
