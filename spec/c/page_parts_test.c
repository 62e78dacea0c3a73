/* page_parts_test.c - oc_page against a service that is too slow for large
 * pages: pages are read in parts, and every lead comes once.
 */
#include "oc_page.h"

#include <math.h>
#include <stdlib.h>

#include "check.h"

static const oc_page_fault reset = {1, -1, 0, 0};
static const oc_page_fault slow = {1, -1, 0, 1};

static double wait_s;

/* A service of so many rows. */
typedef struct service {
  int64_t base, rows, cap;   /* it gives no more than cap leads a page */
  int64_t patience;          /* of its gateway: leads a page that come in time */
  int ids;                   /* do its leads have some */
} service;

/* The rows that a request is answered with: *from and how many. */
static int64_t answer(const service *s, int64_t number, int64_t size, int64_t *from) {
  if (size > s->cap)
    size = s->cap;
  *from = (number - s->base) * size;
  if (*from >= s->rows)
    return 0;
  return s->rows - *from < size ? s->rows - *from : size;
}

/* What was handed out. */
typedef struct reader {
  int64_t row[20000];
  int64_t n;
} reader;

/* Sends n rows. Those after the limit are not looked at. */
static void send(oc_page *p, const service *s, int64_t from, int64_t n, reader *r) {
  int64_t row;
  for (row = from; row < from + n && p->stop == OC_STOP_NONE; row++) {
    char id[32];
    const int length = snprintf(id, sizeof id, "row %lld", (long long)row);
    if (oc_page_lead(p, id, s->ids ? (size_t)length : 0, id, (size_t)length) == 1) {
      r->row[r->n++] = row;
      oc_page_handed(p);
    }
  }
}

static void start(oc_page *p, int64_t size) {
  oc_page_init(p);
  p->size = size;
  p->max_pages = HUGE_VAL;
}

/* Asks and checks for what. */
static void ask(oc_page *p, int64_t number, int64_t size) {
  int64_t asked = -1;
  CHECK_EQ_INT(oc_page_ask(p, &asked), 1);
  CHECK_EQ_INT(asked, number);
  CHECK_EQ_INT(oc_page_part_size(p), size);
}

/* A request that is answered with all it should be. */
static enum oc_page_next answered(oc_page *p, const service *s, int64_t number, int64_t size, reader *r) {
  int64_t from, n = answer(s, number, size, &from);
  ask(p, number, size);
  send(p, s, from, n, r);
  return oc_page_whole(p, 0.5, &wait_s);
}

static void too_slow(oc_page *p, int64_t number, int64_t size) {
  ask(p, number, size);
  CHECK_EQ_INT(oc_page_failed(p, &slow, 0.5, &wait_s), OC_PAGE_WAIT);
}

/* Before parts are trusted: the one before is asked for, and hands out nothing. */
static void proven(oc_page *p, const service *s, int64_t number, int64_t size, reader *r) {
  const int64_t n = r->n;
  CHECK_EQ_INT(answered(p, s, number, size, r), OC_PAGE_PART);
  CHECK_EQ_INT(r->n, n);
}

static void check_rows(const reader *r, int64_t rows) {
  int64_t i = 0;
  CHECK_EQ_INT(r->n, rows);
  while (i < r->n && r->row[i] == i)
    i++;
  CHECK_EQ_INT(i, r->n);
}

static void test_a_page_in_parts(void) {
  const service s = {1, 9000, 20000, 1000, 1};
  reader r = {{0}, 0};
  oc_page p;
  start(&p, 4000);
  CHECK_EQ_INT(answered(&p, &s, 1, 4000, &r), OC_PAGE_NEXT);
  too_slow(&p, 2, 4000);
  CHECK_EQ_INT(p.proven_parts, 1);
  proven(&p, &s, 4, 1000, &r);
  CHECK_EQ_INT(p.proven_parts, 4);
  CHECK_EQ_INT(answered(&p, &s, 5, 1000, &r), OC_PAGE_PART);
  CHECK_EQ_INT(p.number, 2);
  CHECK_EQ_INT(answered(&p, &s, 6, 1000, &r), OC_PAGE_PART);
  CHECK_EQ_INT(answered(&p, &s, 7, 1000, &r), OC_PAGE_PART);
  CHECK_EQ_INT(p.pages, 1);
  CHECK_EQ_INT(answered(&p, &s, 8, 1000, &r), OC_PAGE_NEXT);
  CHECK_EQ_INT(p.pages, 2);
  CHECK_EQ_INT(answered(&p, &s, 9, 1000, &r), OC_PAGE_PART);  /* it stays so */
  CHECK_EQ_INT(answered(&p, &s, 10, 1000, &r), OC_PAGE_PART); /* the rest of the page is empty, */
  CHECK_EQ_INT(answered(&p, &s, 11, 1000, &r), OC_PAGE_PART);
  CHECK_EQ_INT(answered(&p, &s, 12, 1000, &r), OC_PAGE_NEXT);
  CHECK_EQ_INT(p.pages, 3);
  CHECK_EQ_INT(answered(&p, &s, 13, 1000, &r), OC_PAGE_OVER); /* and a page's worth is the end */
  CHECK_EQ_STR(oc_page_stop_name(&p), "end");
  CHECK_EQ_INT(p.pages, 3);
  CHECK_EQ_INT(p.duplicates, 0);
  check_rows(&r, 9000);
  oc_page_free(&p);
}

static void test_half_a_page_had_come(void) {
  int ids;
  for (ids = 0; ids <= 1; ids++) {
    const service s = {0, 5000, 20000, 1250, ids};
    reader r = {{0}, 0};
    oc_page p;
    start(&p, 5000);
    p.base = p.first = p.number = p.resume_page = 0;
    ask(&p, 0, 5000);
    send(&p, &s, 0, 3000, &r);
    CHECK_EQ_INT(oc_page_failed(&p, &slow, 0.5, &wait_s), OC_PAGE_WAIT);
    CHECK_EQ_INT(answered(&p, &s, 0, 1250, &r), OC_PAGE_PART);
    CHECK_EQ_INT(r.n, 3000);
    CHECK_EQ_INT(answered(&p, &s, 1, 1250, &r), OC_PAGE_PART);
    CHECK_EQ_INT(answered(&p, &s, 2, 1250, &r), OC_PAGE_PART);
    CHECK_EQ_INT(r.n, 3750);
    CHECK_EQ_INT(answered(&p, &s, 3, 1250, &r), OC_PAGE_NEXT);
    CHECK_EQ_INT(p.duplicates, 0);
    check_rows(&r, 5000);
    oc_page_free(&p);
  }
}

static void test_a_row_that_moved_between_parts_is_a_duplicate(void) {
  const service s = {1, 4000, 20000, 1000, 1};
  reader r = {{0}, 0};
  oc_page p;
  start(&p, 4000);
  too_slow(&p, 1, 4000);
  CHECK_EQ_INT(answered(&p, &s, 1, 1000, &r), OC_PAGE_PART);
  ask(&p, 2, 1000);
  send(&p, &s, 997, 1000, &r); /* three rows were put before */
  CHECK_EQ_INT(oc_page_failed(&p, &reset, 0.5, &wait_s), OC_PAGE_WAIT);
  ask(&p, 2, 1000);
  send(&p, &s, 997, 1000, &r);
  CHECK_EQ_INT(oc_page_whole(&p, 0.5, &wait_s), OC_PAGE_PART);
  CHECK_EQ_INT(p.duplicates, 3);
  check_rows(&r, 1997);
  oc_page_free(&p);
}

static void test_smaller_and_smaller_but_not_too_small(void) {
  oc_page p;
  start(&p, 20000);
  p.max_attempts = 100;
  too_slow(&p, 1, 20000);
  too_slow(&p, 1, 5000);
  too_slow(&p, 1, 1250);
  too_slow(&p, 1, 250);
  too_slow(&p, 1, 50);
  too_slow(&p, 1, 10);
  too_slow(&p, 1, 10);
  CHECK_EQ_INT(oc_page_tries(&p), 7);
  oc_page_free(&p);
  start(&p, 19997); /* a prime: no part begins where it should */
  too_slow(&p, 1, 19997);
  too_slow(&p, 1, 19997);
  oc_page_free(&p);
}

static void test_a_page_that_is_not_huge_gets_a_second_try(void) {
  const service s = {1, 400, 20000, 20000, 1};
  reader r = {{0}, 0};
  oc_page p;
  start(&p, 200);
  too_slow(&p, 1, 200);
  CHECK_EQ_INT(answered(&p, &s, 1, 200, &r), OC_PAGE_NEXT);
  too_slow(&p, 2, 200);
  too_slow(&p, 2, 200);
  proven(&p, &s, 4, 50, &r);
  CHECK_EQ_INT(answered(&p, &s, 5, 50, &r), OC_PAGE_PART);
  oc_page_free(&p);
}

static void test_other_faults_leave_the_size_alone(void) {
  oc_page p;
  start(&p, 20000);
  ask(&p, 1, 20000);
  CHECK_EQ_INT(oc_page_failed(&p, &reset, 0.5, &wait_s), OC_PAGE_WAIT);
  ask(&p, 1, 20000);
  oc_page_free(&p);
}

static void test_a_server_with_a_ceiling_keeps_its_boundaries(void) {
  const service s = {1, 3000, 1000, 20000, 1};
  reader r = {{0}, 0};
  oc_page p;
  start(&p, 20000);
  CHECK_EQ_INT(answered(&p, &s, 1, 20000, &r), OC_PAGE_NEXT);
  too_slow(&p, 2, 20000);
  too_slow(&p, 2, 20000);
  CHECK_EQ_INT(answered(&p, &s, 2, 20000, &r), OC_PAGE_NEXT);
  check_rows(&r, 2000);
  oc_page_free(&p);
}

/* It gives 2000 leads a page, whatever is asked for. */
static void test_a_server_that_ignores_the_size_is_found_out(void) {
  reader r = {{0}, 0};
  oc_page p;
  int64_t page;
  start(&p, 2000);
  {
    const service s = {1, 9000, 20000, 20000, 1};
    CHECK_EQ_INT(answered(&p, &s, 1, 2000, &r), OC_PAGE_NEXT);
    too_slow(&p, 2, 2000);
    ask(&p, 4, 500);
    send(&p, &s, 6000, 2000, &r);
    CHECK_EQ_INT(oc_page_whole(&p, 0.5, &wait_s), OC_PAGE_PART);
    for (page = 2; page <= 5; page++)
      CHECK_EQ_INT(answered(&p, &s, page, 2000, &r), OC_PAGE_NEXT);
    too_slow(&p, 6, 2000);
    CHECK_EQ_INT(answered(&p, &s, 6, 2000, &r), OC_PAGE_OVER);
  }
  check_rows(&r, 9000);
  oc_page_free(&p);
}

/* Resumed at such a server: the lead is not where the parts say, but where the pages do. */
static void test_a_resumed_run_does_not_trust_parts_either(void) {
  const service s = {1, 9000, 20000, 20000, 1};
  reader r = {{0}, 0};
  oc_page p;
  int64_t i;
  start(&p, 2000);
  oc_page_resume(&p, 2, 1500, "row 3499", 8);
  oc_page_resume_parts(&p, 1, 1);
  for (r.n = 0; r.n < 3500; r.n++)
    r.row[r.n] = r.n;
  too_slow(&p, 2, 2000);
  for (i = 5; i <= 8; i++) {  /* its pages 5 to 8, not a quarter of page 2 each */
    int64_t from = (i - 1) * 2000, n = from < 9000 ? (9000 - from < 2000 ? 9000 - from : 2000) : 0;
    ask(&p, i, 500);
    send(&p, &s, from, n, &r);
    CHECK_EQ_INT(oc_page_whole(&p, 0.5, &wait_s), i < 8 ? OC_PAGE_PART : OC_PAGE_NEXT);
  }
  CHECK_EQ_INT(r.n, 3500);
  CHECK_EQ_INT(answered(&p, &s, 1, 2000, &r), OC_PAGE_NEXT); /* looks on whole pages */
  CHECK_EQ_INT(answered(&p, &s, 2, 2000, &r), OC_PAGE_NEXT);
  CHECK_EQ_INT(p.uncertain, 1);
  check_rows(&r, 4000);
  oc_page_free(&p);
}

static void test_a_proof_that_comes_to_nothing_leaves_pages_whole(void) {
  const service s = {1, 9000, 20000, 20000, 1};
  int how;
  for (how = 0; how < 3; how++) {
    reader r = {{0}, 0};
    oc_page p;
    start(&p, 2000);
    CHECK_EQ_INT(answered(&p, &s, 1, 2000, &r), OC_PAGE_NEXT);
    too_slow(&p, 2, 2000);
    ask(&p, 4, 500);
    CHECK_EQ_INT(oc_page_failed(&p, &reset, 0.5, &wait_s), OC_PAGE_WAIT); /* asked again */
    ask(&p, 4, 500);
    if (how == 0)
      send(&p, &s, 1400, 500, &r); /* another lead at its end */
    if (how == 2)
      CHECK_EQ_INT(oc_page_missing(&p, 0.5, &wait_s), OC_PAGE_PART);
    else
      CHECK_EQ_INT(oc_page_whole(&p, 0.5, &wait_s), OC_PAGE_PART);
    CHECK_EQ_INT(answered(&p, &s, 2, 2000, &r), OC_PAGE_NEXT);
    check_rows(&r, 4000);
    oc_page_free(&p);
  }
}

static void test_a_proof_that_is_too_slow_itself(void) {
  const service s = {1, 9000, 20000, 20000, 1};
  reader r = {{0}, 0};
  oc_page p;
  start(&p, 20000);
  p.size = 8000;
  CHECK_EQ_INT(answered(&p, &s, 1, 8000, &r), OC_PAGE_NEXT);
  too_slow(&p, 2, 8000);
  too_slow(&p, 4, 2000);
  CHECK_EQ_INT(p.proven_parts, 1);
  proven(&p, &s, 16, 500, &r);
  CHECK_EQ_INT(p.proven_parts, 16);
  CHECK_EQ_INT(answered(&p, &s, 17, 500, &r), OC_PAGE_PART);
  check_rows(&r, 8500);
  oc_page_free(&p);
}

static void test_a_ceiling_that_rises_is_told(void) {
  const service low = {1, 9000, 1000, 20000, 1}, high = {1, 9000, 20000, 20000, 1};
  reader r = {{0}, 0};
  oc_page p;
  start(&p, 2000);
  CHECK_EQ_INT(answered(&p, &low, 1, 2000, &r), OC_PAGE_NEXT);
  CHECK_EQ_INT(p.uncertain, 0);
  CHECK_EQ_INT(answered(&p, &low, 2, 2000, &r), OC_PAGE_NEXT);
  CHECK_EQ_INT(p.uncertain, 0);
  CHECK_EQ_INT(answered(&p, &high, 3, 2000, &r), OC_PAGE_NEXT); /* 2000 rows nobody has seen */
  CHECK_EQ_INT(p.uncertain, 1);
  oc_page_free(&p);
}

static void test_nothing_is_known_before_the_first_page(void) {
  oc_page p;
  start(&p, 20000);
  p.first = p.number = p.resume_page = 3;
  too_slow(&p, 3, 20000);
  too_slow(&p, 3, 20000);
  oc_page_free(&p);
}

static void test_resumed_in_parts(void) {
  const service s = {1, 9000, 20000, 1000, 1};
  reader r = {{0}, 0};
  oc_page p;
  int64_t i;
  start(&p, 4000);
  oc_page_resume(&p, 2, 1500, "row 5499", 8);
  oc_page_resume_parts(&p, 4, 1);
  r.n = 5500;
  for (i = 0; i < r.n; i++)
    r.row[i] = i;
  CHECK_EQ_INT(answered(&p, &s, 6, 1000, &r), OC_PAGE_PART); /* what was had is not asked for */
  CHECK_EQ_INT(r.n, 6000);
  too_slow(&p, 7, 1000);
  too_slow(&p, 7, 1000);
  proven(&p, &s, 24, 250, &r);
  CHECK_EQ_INT(answered(&p, &s, 25, 250, &r), OC_PAGE_PART);
  check_rows(&r, 6250);
  CHECK_EQ_INT(p.uncertain, 0);
  oc_page_free(&p);
}

static void test_peek_and_first_count_in_parts(void) {
  const service s = {1, 8000, 20000, 1000, 1};
  reader r = {{0}, 0};
  int64_t number = -1;
  oc_page p;
  start(&p, 4000);
  p.max_pages = 2;
  too_slow(&p, 1, 4000);
  ask(&p, 1, 1000);
  CHECK_EQ_INT(oc_page_is_first(&p, 1), 1);
  CHECK_EQ_INT(oc_page_is_first(&p, 2), 0);
  CHECK_EQ_INT(oc_page_peek(&p, 1, &number), 1);
  CHECK_EQ_INT(number, 2);
  CHECK_EQ_INT(oc_page_peek(&p, 7, &number), 1);
  CHECK_EQ_INT(number, 8);
  CHECK_EQ_INT(oc_page_peek(&p, 8, &number), 0);
  send(&p, &s, 0, 1000, &r);
  CHECK_EQ_INT(oc_page_whole(&p, 0.5, &wait_s), OC_PAGE_PART);
  ask(&p, 2, 1000);
  CHECK_EQ_INT(oc_page_peek(&p, 6, &number), 1);
  CHECK_EQ_INT(oc_page_peek(&p, 7, &number), 0);
  oc_page_free(&p);
}

static void test_a_part_that_had_leads_and_is_empty_now_is_no_end(void) {
  const service s = {1, 4000, 20000, 1000, 1};
  reader r = {{0}, 0};
  oc_page p;
  start(&p, 4000);
  p.max_attempts = 3;
  ask(&p, 1, 4000);
  send(&p, &s, 0, 1500, &r);
  CHECK_EQ_INT(oc_page_failed(&p, &slow, 0.5, &wait_s), OC_PAGE_WAIT);
  CHECK_EQ_INT(answered(&p, &s, 1, 1000, &r), OC_PAGE_PART);
  ask(&p, 2, 1000);
  CHECK_EQ_INT(oc_page_whole(&p, 0.5, &wait_s), OC_PAGE_WAIT);
  ask(&p, 2, 1000);
  CHECK_EQ_INT(oc_page_missing(&p, 0.5, &wait_s), OC_PAGE_WAIT);
  CHECK_EQ_INT(answered(&p, &s, 2, 1000, &r), OC_PAGE_PART);
  oc_page_free(&p);
}

static void test_an_empty_part_is_no_end(void) {
  const service s = {1, 9000, 20000, 1000, 1};
  reader r = {{0}, 0};
  oc_page p;
  start(&p, 4000);
  too_slow(&p, 1, 4000);
  CHECK_EQ_INT(answered(&p, &s, 1, 1000, &r), OC_PAGE_PART);
  ask(&p, 2, 1000);
  CHECK_EQ_INT(oc_page_whole(&p, 0.5, &wait_s), OC_PAGE_PART); /* nothing, for once */
  CHECK_EQ_INT(answered(&p, &s, 3, 1000, &r), OC_PAGE_PART);
  CHECK_EQ_INT(answered(&p, &s, 4, 1000, &r), OC_PAGE_NEXT);
  ask(&p, 5, 1000);
  CHECK_EQ_INT(oc_page_whole(&p, 0.5, &wait_s), OC_PAGE_PART);
  CHECK_EQ_INT(answered(&p, &s, 6, 1000, &r), OC_PAGE_PART);
  CHECK_EQ_INT(r.n, 4000);
  oc_page_free(&p);
}

static void test_a_part_that_does_not_exist_is_the_end(void) {
  const service s = {1, 2000, 20000, 1000, 1};
  reader r = {{0}, 0};
  oc_page p;
  start(&p, 4000);
  too_slow(&p, 1, 4000);
  CHECK_EQ_INT(answered(&p, &s, 1, 1000, &r), OC_PAGE_PART);
  CHECK_EQ_INT(answered(&p, &s, 2, 1000, &r), OC_PAGE_PART);
  ask(&p, 3, 1000);
  CHECK_EQ_INT(oc_page_missing(&p, 0.5, &wait_s), OC_PAGE_WAIT);
  ask(&p, 3, 1000);
  CHECK_EQ_INT(oc_page_missing(&p, 0.5, &wait_s), OC_PAGE_OVER);
  CHECK_EQ_INT(p.pages, 1);
  CHECK_EQ_STR(oc_page_stop_name(&p), "end");
  oc_page_free(&p);
}

static void test_verify_in_parts(void) {
  const service s = {1, 4000, 20000, 1000, 1};
  reader r = {{0}, 0};
  oc_page p;
  start(&p, 4000);
  p.verify = 1;
  too_slow(&p, 1, 4000);
  ask(&p, 1, 1000);
  send(&p, &s, 0, 990, &r);
  send(&p, &s, 1010, 10, &r); /* twenty rows move up past us */
  CHECK_EQ_INT(oc_page_whole(&p, 0.5, &wait_s), OC_PAGE_PART);
  ask(&p, 2, 1000);
  send(&p, &s, 1020, 980, &r);
  CHECK_EQ_INT(oc_page_whole(&p, 0.5, &wait_s), OC_PAGE_PART);
  CHECK_EQ_INT(answered(&p, &s, 3, 1000, &r), OC_PAGE_PART);
  CHECK_EQ_INT(answered(&p, &s, 4, 1000, &r), OC_PAGE_NEXT);
  CHECK_EQ_INT(answered(&p, &s, 5, 1000, &r), OC_PAGE_PART);
  CHECK_EQ_INT(answered(&p, &s, 6, 1000, &r), OC_PAGE_PART);
  CHECK_EQ_INT(answered(&p, &s, 7, 1000, &r), OC_PAGE_PART);
  CHECK_EQ_INT(answered(&p, &s, 8, 1000, &r), OC_PAGE_NEXT); /* the end: once more from the start */
  CHECK_EQ_INT(r.n, 3980);
  CHECK_EQ_INT(answered(&p, &s, 1, 1000, &r), OC_PAGE_PART);
  CHECK_EQ_INT(r.n, 3990);
  CHECK_EQ_INT(answered(&p, &s, 2, 1000, &r), OC_PAGE_PART);
  CHECK_EQ_INT(p.late, 20);
  CHECK_EQ_INT(r.n, 4000);
  oc_page_free(&p);
}

/* --- all of it by chance --------------------------------------------------------- */

static uint64_t chance = 1;

/* 0 to n - 1 */
static int64_t pick(int64_t n) {
  chance ^= chance << 13;
  chance ^= chance >> 7;
  chance ^= chance << 17;
  return (int64_t)(chance % (uint64_t)n);
}

/* Goes on in another process. */
static void resume(oc_page *p, const service *s, int64_t size) {
  oc_page q;
  start(&q, size);
  q.base = q.first = s->base;
  q.max_attempts = p->max_attempts;
  oc_page_resume(&q, p->resume_page, p->resume_skip, p->last_id, p->last_id_n);
  oc_page_resume_parts(&q, p->proven_parts, p->full);
  oc_page_free(p);
  *p = q;
}

/* One request and what chance makes of it. */
static void ask_by_chance(oc_page *p, const service *s, reader *r) {
  int64_t number, from, n;
  enum oc_page_next next;
  CHECK_EQ_INT(oc_page_ask(p, &number), 1);
  n = answer(s, number, oc_page_part_size(p), &from);
  if (n > s->patience || pick(8) == 0) {
    const oc_page_fault *fault = n > s->patience || pick(2) ? &slow : &reset;
    send(p, s, from, pick(n + 1), r);
    next = oc_page_failed(p, fault, 0.5, &wait_s);
    CHECK(next == OC_PAGE_WAIT || next == OC_PAGE_FAIL);
    return;
  }
  send(p, s, from, n, r);
  next = oc_page_whole(p, 0.5, &wait_s);
  CHECK(next != OC_PAGE_FAIL || p->reached > p->position);
}

static void test_every_lead_comes_once_whatever_happens(void) {
  int run;
  for (run = 0; run < 4000; run++) {
    static const int64_t sizes[] = {10, 40, 48, 60, 96, 97, 100, 120, 2000, 3000};
    const int64_t size = sizes[pick(10)];
    service s;
    reader *r = calloc(1, sizeof *r);
    oc_page p;
    int requests = 0;
    s.base = pick(2);
    s.rows = pick(size * 6);
    s.cap = pick(3) ? 20000 : 1 + pick(size);
    s.ids = pick(4) > 0;
    s.patience = s.cap < size || size == 97 ? size : 30 + pick(size); /* parts get no smaller */
    start(&p, size);
    p.base = p.first = p.number = p.resume_page = s.base;
    p.max_attempts = 1 + (unsigned)pick(6);
    if (p.max_attempts < 3)
      s.patience = size; /* it would never ask for less */
    while (p.stop == OC_STOP_NONE && requests++ < 20000) {
      ask_by_chance(&p, &s, r);
      if (p.stop == OC_STOP_NONE && s.ids && r->n < s.rows && pick(20) == 0)
        resume(&p, &s, size);
    }
    CHECK_EQ_STR(oc_page_stop_name(&p), "end");
    CHECK_EQ_INT(p.duplicates, 0);
    CHECK_EQ_INT(p.uncertain, 0);
    check_rows(r, s.rows);
    oc_page_free(&p);
    free(r);
  }
}

int main(void) {
  test_a_page_in_parts();
  test_half_a_page_had_come();
  test_a_row_that_moved_between_parts_is_a_duplicate();
  test_smaller_and_smaller_but_not_too_small();
  test_a_page_that_is_not_huge_gets_a_second_try();
  test_other_faults_leave_the_size_alone();
  test_a_server_with_a_ceiling_keeps_its_boundaries();
  test_a_server_that_ignores_the_size_is_found_out();
  test_a_resumed_run_does_not_trust_parts_either();
  test_a_proof_that_comes_to_nothing_leaves_pages_whole();
  test_a_proof_that_is_too_slow_itself();
  test_a_ceiling_that_rises_is_told();
  test_nothing_is_known_before_the_first_page();
  test_resumed_in_parts();
  test_peek_and_first_count_in_parts();
  test_a_part_that_had_leads_and_is_empty_now_is_no_end();
  test_an_empty_part_is_no_end();
  test_a_part_that_does_not_exist_is_the_end();
  test_verify_in_parts();
  test_every_lead_comes_once_whatever_happens();
  return check_done();
}
