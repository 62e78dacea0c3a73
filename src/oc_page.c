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
  p->parts = p->proven_parts = 1;
  p->max_pages = 10;
  p->limit = HUGE_VAL;
  p->max_attempts = 5;
  p->backoff_base_s = 0.5;
  p->backoff_cap_s = 30;
  p->retry_after_cap_s = 120;
  p->page_stamp = p->part_stamp = 1;
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
  return p->stamp - p->part_stamp + 1;
}

int64_t oc_page_part_size(const oc_page *p) {
  return p->size / p->parts;
}

void oc_page_resume_parts(oc_page *p, int64_t parts, int full) {
  const int64_t size = p->size / parts;
  p->parts = p->proven_parts = parts;
  p->full = full;
  if (!full || p->skip == 0 || p->skip > (uint64_t)p->size)
    return;
  p->part = (int64_t)(p->skip - 1) / size;  /* the lead sought is its last, or within */
  p->part_from = (uint64_t)(p->part * size);
  p->known_from += p->part > 0;
}

/* The number of a page's part, among pages of that size. */
static int64_t part_number(const oc_page *p, int64_t page, int64_t part) {
  return p->base + (page - p->base) * p->parts + part;
}

int oc_page_is_first(const oc_page *p, int64_t number) {
  return number == part_number(p, p->first, 0);
}

int oc_page_ask(oc_page *p, int64_t *number) {
  if (p->stop != OC_STOP_NONE)
    return 0;
  p->reached = p->position > p->reached ? p->position : p->reached;
  p->position = p->part_from;
  p->duplicates -= p->part_duplicates;  /* this try counts them again */
  p->part_duplicates = 0;
  p->proof_n = 0;
  p->stamp++;
  p->attempts++;
  *number = part_number(p, p->number, p->part) - p->proving;
  return 1;
}

int oc_page_peek(const oc_page *p, int64_t ahead, int64_t *number) {
  if (p->stop != OC_STOP_NONE || p->stage != READ || p->proving)
    return 0;
  ahead += p->part;
  if ((double)p->pages + (double)(ahead / p->parts) >= p->max_pages)
    return 0;
  *number = part_number(p, p->number, ahead);
  return 1;
}

/* Makes another part of the page the one at hand. */
static enum oc_page_next turn_to_part(oc_page *p, int64_t part) {
  p->part = part;
  p->part_from = p->position;
  p->part_stamp = p->stamp + 1;
  p->part_duplicates = 0;
  p->attempt = 0;
  p->missing = 0;
  p->free_retry_at = -1;
  return OC_PAGE_PART;
}

/* Makes another page the one at hand. */
static enum oc_page_next turn_to(oc_page *p, int64_t number, enum stage stage) {
  const int64_t before = p->number;
  p->number = number;
  p->stage = (int)stage;
  p->position = p->reached = p->fresh = 0;
  p->page_stamp = p->stamp + 1;
  p->parted_stamp = 0;
  if (number != before + 1 || stage != READ) {
    p->empty_parts = 0;
    p->least = 0;
    p->has_edge = 0;
  }
  turn_to_part(p, 0);
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
  if (p->stage == READ)
    p->proven_parts = p->parts;
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
** Was this key seen in an earlier try of the same rows? Tries of the page before
** it was parted went over all of its rows.
*/
static int is_repeated(const oc_page *p, uint32_t stamp) {
  return (stamp >= p->part_stamp && stamp < p->stamp) ||
         (stamp >= p->page_stamp && stamp <= p->parted_stamp);
}

/*
** Has this lead been here? A key seen in an earlier try of the same rows is a
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
  if (is_repeated(p, *stamp)) {
    *stamp = p->stamp;
  } else {
    p->duplicates++;
    p->part_duplicates++;
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
  p->latest = has_key ? key : oc_seen_hash(text, text_n);
  if (p->proving) {
    p->proof_n++;
    return 0;
  }
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
  key = p->latest;
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

void oc_page_passed(oc_page *p) {
  move_place(p);
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
  p->odd |= p->parts != p->proven_parts;  /* perhaps it is the parts that are elsewhere */
  p->parts = p->proven_parts;
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
  return p->stage == READ && p->position > p->part_from && p->fresh == 0 && p->idle_pages >= 1 &&
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

/* It had leads in an earlier try, and now has none: that proves no end. */
static int has_vanished(const oc_page *p) {
  return p->position == p->part_from && p->reached > p->part_from;
}

static enum oc_page_next ask_again(oc_page *p, double unit_random, double *wait_s) {
  const oc_page_fault f = {1, -1, 0, 0};
  return oc_page_failed(p, &f, unit_random, wait_s);
}

/* A page that was only passed over, up to where a resumed run goes on. */
static int was_had_before(const oc_page *p) {
  return p->resumed && p->number == p->resumed_at && p->position <= p->skip;
}

/* All of the page is there, or as much as the server has. */
static enum oc_page_next end_page(oc_page *p) {
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

/*
** Did it come full? Then the next one begins where the numbers say. After a smaller
** one a larger one may begin behind rows that nobody has seen: a ceiling has risen.
*/
static void measure(oc_page *p) {
  const uint64_t n = p->position - p->part_from, size = (uint64_t)oc_page_part_size(p);
  p->odd |= n != size;
  p->full = !p->odd;
  p->uncertain |= p->least > 0 && n > p->least;
  if (n < size && (p->least == 0 || n < p->least))
    p->least = n;
  p->edge = p->latest;
  p->has_edge = p->full;
}

/* The part before is there: is it what it should be? If not, the page stays whole. */
static enum oc_page_next end_proof(oc_page *p) {
  const int64_t by = p->parts / p->proven_parts;
  p->proving = 0;
  if (p->proof_n == (uint64_t)oc_page_part_size(p) && p->latest.a == p->edge.a &&
      p->latest.b == p->edge.b) {
    p->proven_parts = p->parts;
    return OC_PAGE_PART;
  }
  p->parts = p->proven_parts;
  p->part /= by;
  p->empty_parts /= by;
  p->odd = 1;
  p->full = 0;
  return OC_PAGE_PART;
}

enum oc_page_next oc_page_whole(oc_page *p, double unit_random, double *wait_s) {
  if (p->stop != OC_STOP_NONE)
    return OC_PAGE_OVER;
  if (p->proving)
    return end_proof(p);
  if (has_vanished(p))
    return ask_again(p, unit_random, wait_s);
  if (p->position > p->part_from) {
    p->empty_parts = 0;
    measure(p);
  } else {
    p->has_edge = 0;
    if (++p->empty_parts >= p->parts && p->position == 0)
      return end_page(p);  /* a page's worth of nothing, if it began in the page before */
  }
  return p->part + 1 < p->parts ? turn_to_part(p, p->part + 1) : end_page(p);
}

int oc_page_is_at_base(const oc_page *p) {
  return p->number <= p->base && p->part == 0;
}

/* May the page be parted, and must the parts be proven? */
static int may_part(const oc_page *p, int *prove) {
  *prove = p->has_edge;
  if (p->odd)
    return 0;
  if (p->number == p->base && p->part == 0)
    return !(*prove = 0);
  /* a resumed run looks for its place, so it sees whether the parts are right */
  return p->has_edge || (p->full && p->stage == SKIP && p->has_sought);
}

/* It does not exist: what came of the page before that part was all of it. */
static enum oc_page_next end_missing(oc_page *p) {
  if (p->stage != READ && p->stage != VERIFY)
    return look_further(p);
  p->pages += p->stage == READ && p->position > 0 && !was_had_before(p);
  return at_end(p);
}

enum oc_page_next oc_page_missing(oc_page *p, double unit_random, double *wait_s) {
  if (p->stop != OC_STOP_NONE)
    return OC_PAGE_OVER;
  if (p->proving)
    return end_proof(p);
  if (oc_page_is_at_base(p))
    return OC_PAGE_FAIL;
  if (has_vanished(p))
    return ask_again(p, unit_random, wait_s);
  if (p->missing++ == 0) {
    *wait_s = oc_retry_backoff_s(1, p->backoff_base_s, p->backoff_cap_s, unit_random);
    return OC_PAGE_WAIT;
  }
  if (p->had_leads || (p->stage != READ && p->stage != VERIFY))
    return end_missing(p);
  p->missing = 0;  /* a wrong path looks the same: nothing says that this is the end */
  return OC_PAGE_FAIL;
}

/*
** Into how many parts: few requests, but not many that fail before it is small
** enough. 1: the size cannot be divided, or is not why.
*/
static int64_t divisor(int64_t size) {
  static const int64_t best[] = {4, 5, 3, 2, 7};
  size_t i;
  for (i = 0; i < sizeof best / sizeof best[0]; i++)
    if (size % best[i] == 0 && size / best[i] >= OC_PAGE_PART_LEADS)
      return best[i];
  return 1;
}

static void ask_for_less(oc_page *p) {
  const int64_t size = oc_page_part_size(p), by = divisor(size);
  int prove;
  if (by == 1 || !may_part(p, &prove))
    return;
  if (size <= OC_PAGE_HUGE_LEADS && p->attempt == 1)
    return;  /* gateways also answer so while they restart */
  if (p->number > INT64_MAX / (2 * p->parts * by))
    return;  /* its number would be beyond counting */
  p->parts *= by;
  p->part *= by;
  p->empty_parts *= by;
  p->least = 0;
  p->parted_stamp = p->stamp;
  p->proving = prove;
  if (!prove && p->stage != SKIP)
    p->proven_parts = p->parts;
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
  if (f->slow)
    ask_for_less(p);
  return OC_PAGE_WAIT;
}

const char *oc_page_stop_name(const oc_page *p) {
  static const char *const name[] = {NULL, "end", "limit", "max_pages"};
  return name[p->stop];
}
