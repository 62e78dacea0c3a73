/* page_test.c - oc_page: what to ask next, which leads to hand out, when to stop.
 *
 * A page is written as a string, a lead as a character: a letter is a lead of
 * that id, a digit a lead without an id whose text is the digit.
 */
#include "oc_page.h"

#include <ctype.h>
#include <math.h>
#include <stdlib.h>

#include "check.h"

static char handed[4096]; /* all that was handed out, in order */
static double wait_s;

/* Starts a try and checks which page is asked for. */
static void ask(oc_page *p, int64_t want) {
  int64_t number = -1;
  CHECK_EQ_INT(oc_page_ask(p, &number), 1);
  CHECK_EQ_INT(number, want);
}

static void ask_nothing(oc_page *p) {
  int64_t number = -1;
  CHECK_EQ_INT(oc_page_ask(p, &number), 0);
}

/* Leads come in; those to hand out are noted. */
static void leads(oc_page *p, const char *page) {
  for (; *page != '\0' && p->stop == OC_STOP_NONE; page++) {
    const int hand = oc_page_lead(p, page, isalpha((unsigned char)*page) ? 1 : 0, page, 1);
    CHECK(hand == 0 || hand == 1);
    if (hand == 1) {
      const size_t n = strlen(handed);
      handed[n] = *page;
      handed[n + 1] = '\0';
      oc_page_handed(p);
    }
  }
}

/* A whole page, asked for and read; what is next. */
static enum oc_page_next page(oc_page *p, int64_t want, const char *sent) {
  ask(p, want);
  leads(p, sent);
  return oc_page_whole(p, 0.5, &wait_s);
}

/* A try that breaks off behind these leads, in a way that is worth repeating. */
static void broken_page(oc_page *p, int64_t want, const char *sent) {
  static const oc_page_fault reset = {1, -1, 0, 0};
  ask(p, want);
  leads(p, sent);
  CHECK_EQ_INT(oc_page_failed(p, &reset, 0.5, &wait_s), OC_PAGE_WAIT);
}

static void start(oc_page *p) {
  oc_page_init(p);
  p->max_pages = HUGE_VAL;
  handed[0] = '\0';
}

static void start_resumed(oc_page *p, int64_t at, uint64_t skip, const char *id) {
  start(p);
  oc_page_resume(p, at, skip, id, strlen(id));
}

/* --- the end ---------------------------------------------------------------- */

static void test_end_is_an_empty_page(void) {
  oc_page p;
  start(&p);
  CHECK_EQ_INT(page(&p, 1, "abc"), OC_PAGE_NEXT);
  CHECK_EQ_INT(page(&p, 2, "d"), OC_PAGE_NEXT); /* smaller, and not the end */
  CHECK(oc_page_stop_name(&p) == NULL);
  CHECK_EQ_INT(page(&p, 3, ""), OC_PAGE_OVER);
  CHECK_EQ_STR(oc_page_stop_name(&p), "end");
  CHECK_EQ_STR(handed, "abcd");
  CHECK_EQ_INT(p.pages, 2);
  CHECK_EQ_INT(p.leads, 4);
  CHECK_EQ_INT(p.attempts, 3);
  ask_nothing(&p);
  CHECK_EQ_INT(oc_page_whole(&p, 0.5, &wait_s), OC_PAGE_OVER);
  oc_page_free(&p);
}

static void test_first_page_empty(void) {
  oc_page p;
  start(&p);
  CHECK_EQ_INT(page(&p, 1, ""), OC_PAGE_OVER);
  CHECK_EQ_STR(oc_page_stop_name(&p), "end");
  oc_page_free(&p);
}

static void test_limit(void) {
  oc_page p;
  start(&p);
  p.limit = 3;
  CHECK_EQ_INT(page(&p, 1, "ab"), OC_PAGE_NEXT);
  CHECK_EQ_INT(page(&p, 2, "cdef"), OC_PAGE_OVER);
  CHECK_EQ_STR(oc_page_stop_name(&p), "limit");
  CHECK_EQ_STR(handed, "abc");
  CHECK_EQ_INT(p.resume_page, 2);
  CHECK_EQ_INT(p.resume_skip, 1);
  CHECK_EQ_MEM(p.last_id, p.last_id_n, "c", 1);
  ask_nothing(&p);
  oc_page_free(&p);
}

static void test_limit_counts_wanted_leads_only(void) {
  oc_page p;
  start(&p);
  p.limit = 1;
  ask(&p, 1);
  CHECK_EQ_INT(oc_page_lead(&p, "a", 1, "a", 1), 1); /* a filter refuses it */
  CHECK_EQ_INT(oc_page_lead(&p, "b", 1, "b", 1), 1);
  CHECK_EQ_INT(p.stop, OC_STOP_NONE);
  oc_page_handed(&p);
  CHECK_EQ_INT(p.stop, OC_STOP_LIMIT);
  CHECK_EQ_INT(p.leads, 2);
  CHECK_EQ_INT(p.matched, 1);
  oc_page_free(&p);
}

static void test_max_pages(void) {
  oc_page p;
  start(&p);
  p.max_pages = 2;
  CHECK_EQ_INT(page(&p, 1, "ab"), OC_PAGE_NEXT);
  CHECK_EQ_INT(page(&p, 2, "cd"), OC_PAGE_OVER);
  CHECK_EQ_STR(oc_page_stop_name(&p), "max_pages");
  oc_page_free(&p);
}

static void test_peek_does_not_pass_max_pages(void) {
  oc_page p;
  int64_t number = -1;
  start(&p);
  p.max_pages = 3;
  ask(&p, 1);
  CHECK_EQ_INT(oc_page_peek(&p, 1, &number), 1);
  CHECK_EQ_INT(number, 2);
  CHECK_EQ_INT(oc_page_peek(&p, 2, &number), 1);
  CHECK_EQ_INT(number, 3);
  CHECK_EQ_INT(oc_page_peek(&p, 3, &number), 0);
  leads(&p, "a");
  oc_page_whole(&p, 0.5, &wait_s);
  CHECK_EQ_INT(page(&p, 2, "b"), OC_PAGE_NEXT);
  ask(&p, 3);
  CHECK_EQ_INT(oc_page_peek(&p, 1, &number), 0);
  oc_page_free(&p);
}

static void test_pages_from_zero(void) {
  oc_page p;
  start(&p);
  p.base = p.first = p.number = p.resume_page = 0;
  CHECK_EQ_INT(page(&p, 0, "a"), OC_PAGE_NEXT);
  CHECK_EQ_INT(page(&p, 1, ""), OC_PAGE_OVER);
  oc_page_free(&p);
}

/* --- a page that fails -------------------------------------------------------- */

static void test_retry_hands_out_the_rest_by_id(void) {
  oc_page p;
  start(&p);
  broken_page(&p, 1, "abc");
  CHECK_EQ_INT(page(&p, 1, "cabde"), OC_PAGE_NEXT); /* in another order */
  CHECK_EQ_STR(handed, "abcde");
  CHECK_EQ_INT(p.duplicates, 0);
  CHECK_EQ_INT(p.leads, 5);
  oc_page_free(&p);
}

static void test_retry_hands_out_the_rest_by_position(void) {
  oc_page p;
  start(&p);
  broken_page(&p, 1, "123");
  CHECK_EQ_INT(page(&p, 1, "12345"), OC_PAGE_NEXT);
  CHECK_EQ_STR(handed, "12345");
  oc_page_free(&p);
}

static void test_retries_that_break_ever_earlier(void) {
  oc_page p;
  start(&p);
  broken_page(&p, 1, "a1b2c");
  broken_page(&p, 1, "a1");
  broken_page(&p, 1, "");
  CHECK_EQ_INT(page(&p, 1, "a1b2c3"), OC_PAGE_NEXT);
  CHECK_EQ_STR(handed, "a1b2c3");
  CHECK_EQ_INT(p.duplicates, 0);
  CHECK_EQ_INT(p.attempts, 4);
  oc_page_free(&p);
}

static void test_alike_leads_without_id_all_come(void) {
  oc_page p;
  start(&p);
  CHECK_EQ_INT(page(&p, 1, "1111"), OC_PAGE_NEXT);
  CHECK_EQ_STR(handed, "1111");
  oc_page_free(&p);
}

static void test_a_duplicate_counts_once_however_often_the_page_is_tried(void) {
  oc_page p;
  start(&p);
  page(&p, 1, "abc");
  broken_page(&p, 2, "cd");
  broken_page(&p, 2, "cde");
  CHECK_EQ_INT(page(&p, 2, "cdef"), OC_PAGE_NEXT);
  CHECK_EQ_STR(handed, "abcdef");
  CHECK_EQ_INT(p.duplicates, 1);
  oc_page_free(&p);
}

static void test_twice_on_one_page(void) {
  oc_page p;
  start(&p);
  page(&p, 1, "abab");
  CHECK_EQ_STR(handed, "ab");
  CHECK_EQ_INT(p.duplicates, 2);
  oc_page_free(&p);
}

static void test_twice_on_one_page_that_is_tried_twice(void) {
  oc_page p;
  start(&p);
  broken_page(&p, 1, "aba");
  page(&p, 1, "abab");
  CHECK_EQ_STR(handed, "ab");
  CHECK_EQ_INT(p.duplicates, 2);
  oc_page_free(&p);
}

static void test_attempts_run_out_and_start_anew(void) {
  static const oc_page_fault reset = {1, -1, 0, 0};
  oc_page p;
  start(&p);
  p.max_attempts = 2;
  broken_page(&p, 1, "a");
  ask(&p, 1);
  CHECK_EQ_INT(oc_page_tries(&p), 2);
  leads(&p, "ab");
  CHECK_EQ_INT(oc_page_failed(&p, &reset, 0.5, &wait_s), OC_PAGE_FAIL);
  broken_page(&p, 1, "");
  CHECK_EQ_INT(page(&p, 1, "abc"), OC_PAGE_NEXT);
  CHECK_EQ_STR(handed, "abc");
  oc_page_free(&p);
}

static void test_what_is_not_worth_a_retry(void) {
  static const oc_page_fault final = {0, -1, 0, 0};
  oc_page p;
  start(&p);
  ask(&p, 1);
  CHECK_EQ_INT(oc_page_failed(&p, &final, 0.5, &wait_s), OC_PAGE_FAIL);
  CHECK_EQ_INT(page(&p, 1, "a"), OC_PAGE_NEXT); /* but it may be asked again */
  oc_page_free(&p);
}

static void test_waits(void) {
  oc_page_fault f = {1, 7, 0, 0};
  oc_page p;
  start(&p);
  ask(&p, 1);
  CHECK_EQ_INT(oc_page_failed(&p, &f, 1, &wait_s), OC_PAGE_WAIT);
  CHECK(wait_s == 7); /* as the server says, at once or later */
  f.retry_after_s = 0;
  ask(&p, 1);
  CHECK_EQ_INT(oc_page_failed(&p, &f, 1, &wait_s), OC_PAGE_WAIT);
  CHECK(wait_s == 0);
  f.retry_after_s = -1;
  ask(&p, 1);
  CHECK_EQ_INT(oc_page_failed(&p, &f, 1, &wait_s), OC_PAGE_WAIT);
  CHECK(wait_s > 0 && wait_s <= 2); /* half a second, doubled twice */
  oc_page_free(&p);
}

static void test_retry_after_beyond_its_cap(void) {
  oc_page_fault f = {1, 120, 0, 0};
  oc_page p;
  start(&p);
  ask(&p, 1);
  CHECK_EQ_INT(oc_page_failed(&p, &f, 0, &wait_s), OC_PAGE_WAIT);
  ask(&p, 1);
  f.retry_after_s = 120.5;
  CHECK_EQ_INT(oc_page_failed(&p, &f, 0, &wait_s), OC_PAGE_FAIL);
  oc_page_free(&p);
}

static void test_our_own_pause_costs_no_attempt_while_it_gets_on(void) {
  static const oc_page_fault ours = {1, -1, 1, 0};
  oc_page p;
  start(&p);
  p.max_attempts = 1;
  ask(&p, 1);
  leads(&p, "a");
  CHECK_EQ_INT(oc_page_failed(&p, &ours, 0.5, &wait_s), OC_PAGE_WAIT);
  CHECK(wait_s == 0);
  ask(&p, 1);
  leads(&p, "ab");
  CHECK_EQ_INT(oc_page_failed(&p, &ours, 0.5, &wait_s), OC_PAGE_WAIT);
  ask(&p, 1);
  leads(&p, "ab"); /* no further than before: now it counts */
  CHECK_EQ_INT(oc_page_failed(&p, &ours, 0.5, &wait_s), OC_PAGE_FAIL);
  oc_page_free(&p);
}

static void test_a_page_that_had_leads_and_is_empty_now_is_no_end(void) {
  oc_page p;
  start(&p);
  p.max_attempts = 3;
  page(&p, 1, "abc");
  broken_page(&p, 2, "d");
  CHECK_EQ_INT(page(&p, 2, ""), OC_PAGE_WAIT);
  CHECK_EQ_INT(page(&p, 2, "de"), OC_PAGE_NEXT);
  CHECK_EQ_STR(handed, "abcde");
  broken_page(&p, 3, "f");
  CHECK_EQ_INT(page(&p, 3, ""), OC_PAGE_WAIT);
  CHECK_EQ_INT(page(&p, 3, ""), OC_PAGE_FAIL);
  CHECK_EQ_INT(p.stop, OC_STOP_NONE);
  oc_page_free(&p);
}

static void test_a_page_that_had_leads_and_is_missing_now_is_no_end(void) {
  oc_page p;
  start(&p);
  p.max_attempts = 3;
  page(&p, 1, "abc");
  broken_page(&p, 2, "d");
  ask(&p, 2);
  CHECK_EQ_INT(oc_page_missing(&p, 0.5, &wait_s), OC_PAGE_WAIT);
  ask(&p, 2);
  CHECK_EQ_INT(oc_page_missing(&p, 0.5, &wait_s), OC_PAGE_FAIL);
  oc_page_free(&p);
}

static void test_missing_before_any_lead_is_no_end(void) {
  oc_page p;
  start(&p);
  p.first = p.number = 5;
  ask(&p, 5);
  CHECK_EQ_INT(oc_page_missing(&p, 0.5, &wait_s), OC_PAGE_WAIT);
  ask(&p, 5);
  CHECK_EQ_INT(oc_page_missing(&p, 0.5, &wait_s), OC_PAGE_FAIL);
  oc_page_free(&p);
}

static void test_a_run_resumes_behind_what_was_handed_out_not_what_was_judged(void) {
  oc_page p;
  start(&p);
  ask(&p, 1);
  leads(&p, "a");
  CHECK_EQ_INT(oc_page_lead(&p, "b", 1, "b", 1), 1);
  CHECK_EQ_INT(p.resume_skip, 1);
  oc_page_handed(&p);
  CHECK_EQ_INT(p.resume_skip, 2);
  CHECK_EQ_INT(p.last_id[0], 'b');
  oc_page_free(&p);
}

static void test_a_page_only_passed_over_is_not_counted(void) {
  oc_page p;
  start(&p);
  p.max_pages = 1;
  oc_page_resume(&p, 1, 3, "c", 1);
  CHECK_EQ_INT(page(&p, 1, "abc"), OC_PAGE_NEXT);
  CHECK_EQ_INT(page(&p, 2, "def"), OC_PAGE_OVER);
  CHECK_EQ_STR(handed, "def");
  CHECK_EQ_INT(p.pages, 1);
  oc_page_free(&p);
}

/* --- duplicates and the guard --------------------------------------------------- */

static void test_a_lead_that_moved_to_the_next_page_comes_once(void) {
  oc_page p;
  start(&p);
  page(&p, 1, "abc");
  page(&p, 2, "cde");
  page(&p, 3, "");
  CHECK_EQ_STR(handed, "abcde");
  CHECK_EQ_INT(p.duplicates, 1);
  oc_page_free(&p);
}

static void test_guard_of_two_idle_pages(void) {
  oc_page p;
  start(&p);
  CHECK_EQ_INT(page(&p, 1, "abcde"), OC_PAGE_NEXT);
  CHECK_EQ_INT(page(&p, 2, "abcde"), OC_PAGE_NEXT); /* one may be chance */
  CHECK_EQ_INT(page(&p, 3, "abcde"), OC_PAGE_FAIL);
  CHECK_EQ_INT(oc_page_is_idle(&p), 1);
  CHECK_EQ_INT(page(&p, 3, "abcde"), OC_PAGE_FAIL); /* and again */
  CHECK_EQ_INT(page(&p, 3, "abcdef"), OC_PAGE_NEXT); /* it came to its senses */
  CHECK_EQ_INT(oc_page_is_idle(&p), 0);
  CHECK_EQ_STR(handed, "abcdef");
  oc_page_free(&p);
}

static void test_guard_needs_ten_leads(void) {
  oc_page p;
  start(&p);
  page(&p, 1, "abcde");
  CHECK_EQ_INT(page(&p, 2, "abcd"), OC_PAGE_NEXT);
  CHECK_EQ_INT(page(&p, 3, "abcde"), OC_PAGE_NEXT); /* nine together */
  CHECK_EQ_INT(page(&p, 4, "a"), OC_PAGE_FAIL);
  oc_page_free(&p);
}

static void test_guard_starts_anew_behind_a_page_with_news(void) {
  oc_page p;
  start(&p);
  page(&p, 1, "abcdef");
  CHECK_EQ_INT(page(&p, 2, "abcdef"), OC_PAGE_NEXT);
  CHECK_EQ_INT(page(&p, 3, "abcdeg"), OC_PAGE_NEXT);
  CHECK_EQ_INT(page(&p, 4, "abcdef"), OC_PAGE_NEXT);
  CHECK_EQ_INT(page(&p, 5, ""), OC_PAGE_OVER);
  oc_page_free(&p);
}

static void test_guard_without_ids(void) {
  oc_page p;
  start(&p);
  page(&p, 1, "12345");
  CHECK_EQ_INT(page(&p, 2, "12345"), OC_PAGE_NEXT);
  CHECK_EQ_INT(page(&p, 3, "12345"), OC_PAGE_FAIL);
  oc_page_free(&p);
}

/* The first try gave all leads and broke before the page's end: the second gives
 * nothing, and yet these pages are not idle. */
static void test_guard_counts_what_earlier_tries_brought(void) {
  oc_page p;
  start(&p);
  broken_page(&p, 1, "abcdef");
  CHECK_EQ_INT(page(&p, 1, "abcdef"), OC_PAGE_NEXT);
  broken_page(&p, 2, "ghijkl");
  CHECK_EQ_INT(page(&p, 2, "ghijkl"), OC_PAGE_NEXT);
  broken_page(&p, 3, "123456");
  CHECK_EQ_INT(page(&p, 3, "123456"), OC_PAGE_NEXT);
  CHECK_EQ_INT(page(&p, 4, ""), OC_PAGE_OVER);
  oc_page_free(&p);
}

/* --- 404 ------------------------------------------------------------------------ */

static void test_missing_page_is_the_end_when_it_says_so_twice(void) {
  oc_page p;
  start(&p);
  page(&p, 1, "a");
  ask(&p, 2);
  CHECK_EQ_INT(oc_page_missing(&p, 1, &wait_s), OC_PAGE_WAIT);
  CHECK(wait_s > 0 && wait_s <= 0.5);
  ask(&p, 2);
  CHECK_EQ_INT(oc_page_missing(&p, 1, &wait_s), OC_PAGE_OVER);
  CHECK_EQ_STR(oc_page_stop_name(&p), "end");
  oc_page_free(&p);
}

static void test_missing_page_that_turns_up(void) {
  oc_page p;
  start(&p);
  page(&p, 1, "a");
  ask(&p, 2);
  CHECK_EQ_INT(oc_page_missing(&p, 1, &wait_s), OC_PAGE_WAIT);
  CHECK_EQ_INT(page(&p, 2, "b"), OC_PAGE_NEXT);
  ask(&p, 3);
  CHECK_EQ_INT(oc_page_missing(&p, 1, &wait_s), OC_PAGE_WAIT); /* counted anew */
  oc_page_free(&p);
}

static void test_missing_first_page_is_a_fault(void) {
  oc_page p;
  start(&p);
  ask(&p, 1);
  CHECK_EQ_INT(oc_page_missing(&p, 1, &wait_s), OC_PAGE_FAIL);
  CHECK_EQ_INT(p.stop, OC_STOP_NONE);
  oc_page_free(&p);
}

/* --- resuming ---------------------------------------------------------------------- */

static void test_resume_place_follows_the_leads(void) {
  oc_page p;
  start(&p);
  CHECK_EQ_INT(p.resume_page, 1);
  CHECK_EQ_INT(p.resume_skip, 0);
  page(&p, 1, "abc");
  ask(&p, 2);
  CHECK_EQ_INT(p.resume_page, 1); /* behind c, until a lead of page 2 is there */
  CHECK_EQ_INT(p.resume_skip, 3);
  leads(&p, "de");
  CHECK_EQ_INT(p.resume_page, 2);
  CHECK_EQ_INT(p.resume_skip, 2);
  CHECK_EQ_MEM(p.last_id, p.last_id_n, "e", 1);
  oc_page_free(&p);
}

static void test_resume_place_stays_while_a_retry_catches_up(void) {
  oc_page p;
  start(&p);
  broken_page(&p, 1, "abcd");
  ask(&p, 1);
  leads(&p, "ab");
  CHECK_EQ_INT(p.resume_skip, 4);
  CHECK_EQ_MEM(p.last_id, p.last_id_n, "d", 1);
  oc_page_free(&p);
}

static void test_resume_where_it_was(void) {
  oc_page p;
  start_resumed(&p, 2, 2, "d");
  CHECK_EQ_INT(page(&p, 2, "cdef"), OC_PAGE_NEXT);
  CHECK_EQ_INT(page(&p, 3, "dg"), OC_PAGE_NEXT); /* d moved: it is known */
  CHECK_EQ_STR(handed, "efg");
  CHECK_EQ_INT(p.uncertain, 0);
  CHECK_EQ_INT(p.duplicates, 1);
  oc_page_free(&p);
}

static void test_resume_behind_the_last_lead_of_a_page(void) {
  oc_page p;
  start_resumed(&p, 2, 3, "c");
  CHECK_EQ_INT(page(&p, 2, "abc"), OC_PAGE_NEXT);
  CHECK_EQ_INT(page(&p, 3, "d"), OC_PAGE_NEXT);
  CHECK_EQ_STR(handed, "d");
  oc_page_free(&p);
}

static void test_resume_at_a_page_not_begun(void) {
  oc_page p;
  start_resumed(&p, 3, 0, "");
  CHECK_EQ_INT(page(&p, 3, "ab"), OC_PAGE_NEXT);
  CHECK_EQ_STR(handed, "ab");
  CHECK_EQ_INT(p.uncertain, 0);
  oc_page_free(&p);
}

static void test_resume_by_position_alone(void) {
  oc_page p;
  start_resumed(&p, 1, 2, "");
  CHECK_EQ_INT(page(&p, 1, "1234"), OC_PAGE_NEXT);
  CHECK_EQ_STR(handed, "34");
  oc_page_free(&p);
}

static void test_resume_when_the_lead_moved_to_the_page_before(void) {
  oc_page p;
  start_resumed(&p, 3, 1, "d");
  CHECK_EQ_INT(page(&p, 3, "fg"), OC_PAGE_NEXT); /* rows went: f is where d was */
  CHECK_EQ_INT(p.uncertain, 1);
  CHECK_EQ_INT(page(&p, 2, "cde"), OC_PAGE_NEXT);
  CHECK_EQ_INT(page(&p, 3, "fg"), OC_PAGE_NEXT);
  CHECK_EQ_STR(handed, "efg");
  oc_page_free(&p);
}

static void test_resume_when_the_lead_moved_down_its_page(void) {
  oc_page p;
  start_resumed(&p, 2, 1, "c");
  CHECK_EQ_INT(page(&p, 2, "bcd"), OC_PAGE_NEXT); /* a row came in before it */
  CHECK_EQ_INT(page(&p, 1, "xa"), OC_PAGE_NEXT);
  CHECK_EQ_INT(page(&p, 2, "bcd"), OC_PAGE_NEXT);
  CHECK_EQ_STR(handed, "d");
  CHECK_EQ_INT(p.uncertain, 1);
  oc_page_free(&p);
}

static void test_resume_when_the_lead_is_nowhere(void) {
  oc_page p;
  start_resumed(&p, 3, 2, "z");
  CHECK_EQ_INT(page(&p, 3, "efg"), OC_PAGE_NEXT);
  CHECK_EQ_INT(page(&p, 2, "cd"), OC_PAGE_NEXT);
  CHECK_EQ_INT(page(&p, 3, "efg"), OC_PAGE_NEXT);
  CHECK_EQ_STR(handed, "");
  CHECK_EQ_INT(page(&p, 2, "cd"), OC_PAGE_NEXT); /* rather twice than never */
  CHECK_EQ_INT(page(&p, 3, "efg"), OC_PAGE_NEXT);
  CHECK_EQ_STR(handed, "cdefg");
  CHECK_EQ_INT(p.uncertain, 1);
  oc_page_free(&p);
}

static void test_resume_on_the_first_page_has_no_page_before(void) {
  oc_page p;
  start_resumed(&p, 1, 2, "z");
  CHECK_EQ_INT(page(&p, 1, "abc"), OC_PAGE_NEXT);
  CHECK_EQ_INT(page(&p, 1, "abc"), OC_PAGE_NEXT);
  CHECK_EQ_INT(page(&p, 1, "abc"), OC_PAGE_NEXT);
  CHECK_EQ_STR(handed, "abc");
  oc_page_free(&p);
}

static void test_resume_at_a_page_that_became_short_or_went(void) {
  oc_page p;
  start_resumed(&p, 2, 3, "c");
  CHECK_EQ_INT(page(&p, 2, ""), OC_PAGE_NEXT);
  CHECK_EQ_INT(page(&p, 1, "abc"), OC_PAGE_NEXT);
  CHECK_EQ_INT(page(&p, 2, ""), OC_PAGE_OVER);
  CHECK_EQ_STR(handed, "");
  CHECK_EQ_STR(oc_page_stop_name(&p), "end");
  oc_page_free(&p);

  start_resumed(&p, 2, 3, "b");
  ask(&p, 2);
  CHECK_EQ_INT(oc_page_missing(&p, 1, &wait_s), OC_PAGE_WAIT);
  ask(&p, 2);
  CHECK_EQ_INT(oc_page_missing(&p, 1, &wait_s), OC_PAGE_NEXT);
  CHECK_EQ_INT(page(&p, 1, "abc"), OC_PAGE_NEXT);
  CHECK_EQ_STR(handed, "c");
  oc_page_free(&p);
}

static void test_resume_with_a_retry_before_the_place(void) {
  oc_page p;
  start_resumed(&p, 1, 3, "c");
  broken_page(&p, 1, "ab");
  CHECK_EQ_INT(page(&p, 1, "abcd1"), OC_PAGE_NEXT);
  CHECK_EQ_STR(handed, "d1");
  oc_page_free(&p);
}

static void test_resume_with_a_retry_behind_the_place(void) {
  oc_page p;
  start_resumed(&p, 1, 3, "c");
  broken_page(&p, 1, "a1cd2");
  CHECK_EQ_INT(page(&p, 1, "a1cd2e3"), OC_PAGE_NEXT);
  CHECK_EQ_STR(handed, "d2e3");
  CHECK_EQ_INT(p.duplicates, 0);
  oc_page_free(&p);
}

/* What stands before the place found is no news in the next try either. */
static void test_resume_with_a_retry_behind_the_place_sought(void) {
  oc_page p;
  start_resumed(&p, 2, 1, "c");
  CHECK_EQ_INT(page(&p, 2, "fg"), OC_PAGE_NEXT);
  broken_page(&p, 1, "abcd");
  CHECK_EQ_INT(page(&p, 1, "abcde"), OC_PAGE_NEXT);
  CHECK_EQ_STR(handed, "de");
  oc_page_free(&p);
}

static void test_resume_with_a_retry_before_the_place_sought(void) {
  oc_page p;
  start_resumed(&p, 2, 1, "c");
  CHECK_EQ_INT(page(&p, 2, "fg"), OC_PAGE_NEXT);
  broken_page(&p, 1, "a12");
  CHECK_EQ_INT(page(&p, 1, "c345"), OC_PAGE_NEXT); /* and rows went meanwhile */
  CHECK_EQ_STR(handed, "345");
  oc_page_free(&p);
}

static void test_resume_asks_nothing_ahead_while_it_seeks(void) {
  oc_page p;
  int64_t number;
  start_resumed(&p, 2, 1, "z");
  ask(&p, 2);
  CHECK_EQ_INT(oc_page_peek(&p, 1, &number), 0);
  leads(&p, "ab");
  oc_page_whole(&p, 0.5, &wait_s);
  ask(&p, 1);
  CHECK_EQ_INT(oc_page_peek(&p, 1, &number), 0);
  leads(&p, "z");
  CHECK_EQ_INT(oc_page_peek(&p, 1, &number), 1);
  oc_page_free(&p);
}

static void test_long_ids_are_not_kept_for_resuming(void) {
  char id[OC_PAGE_ID_BYTES + 1];
  oc_page p;
  memset(id, 'x', sizeof id);
  start(&p);
  ask(&p, 1);
  CHECK_EQ_INT(oc_page_lead(&p, id, OC_PAGE_ID_BYTES, "", 0), 1);
  oc_page_handed(&p);
  CHECK_EQ_INT(p.last_id_n, OC_PAGE_ID_BYTES);
  CHECK_EQ_INT(oc_page_lead(&p, id, OC_PAGE_ID_BYTES + 1, "", 0), 1);
  oc_page_handed(&p);
  CHECK_EQ_INT(p.last_id_n, 0);
  CHECK_EQ_INT(p.resume_skip, 2);
  oc_page_free(&p);
}

/* --- verify -------------------------------------------------------------------------- */

static void test_verify_hands_out_what_moved_past(void) {
  oc_page p;
  start(&p);
  p.verify = 1;
  page(&p, 1, "abc");
  page(&p, 2, "def");
  CHECK_EQ_INT(page(&p, 3, ""), OC_PAGE_NEXT);
  CHECK_EQ_INT(page(&p, 1, "bcx"), OC_PAGE_NEXT); /* x was never seen */
  CHECK_EQ_INT(page(&p, 2, "def"), OC_PAGE_NEXT);
  CHECK_EQ_INT(page(&p, 3, ""), OC_PAGE_OVER);
  CHECK_EQ_STR(handed, "abcdefx");
  CHECK_EQ_INT(p.late, 1);
  CHECK_EQ_INT(p.duplicates, 0);
  CHECK_EQ_INT(p.uncertain, 0);
  CHECK_EQ_INT(p.pages, 2);
  CHECK_EQ_STR(oc_page_stop_name(&p), "end");
  oc_page_free(&p);
}

static void test_verify_stops_where_the_end_was(void) {
  oc_page p;
  start(&p);
  p.verify = 1;
  page(&p, 1, "a");
  CHECK_EQ_INT(page(&p, 2, ""), OC_PAGE_NEXT);
  CHECK_EQ_INT(page(&p, 1, "a"), OC_PAGE_NEXT);
  CHECK_EQ_INT(page(&p, 2, "b"), OC_PAGE_OVER); /* it grows as we read */
  CHECK_EQ_STR(handed, "ab");
  oc_page_free(&p);
}

static void test_verify_with_a_broken_page(void) {
  oc_page p;
  start(&p);
  p.verify = 1;
  page(&p, 1, "ab");
  page(&p, 2, "");
  broken_page(&p, 1, "xa");
  CHECK_EQ_INT(page(&p, 1, "xaby"), OC_PAGE_NEXT);
  CHECK_EQ_STR(handed, "abxy");
  CHECK_EQ_INT(p.late, 2);
  oc_page_free(&p);
}

static void test_verify_obeys_the_limit(void) {
  oc_page p;
  start(&p);
  p.verify = 1;
  p.limit = 2;
  page(&p, 1, "a");
  page(&p, 2, "");
  CHECK_EQ_INT(page(&p, 1, "xyz"), OC_PAGE_OVER);
  CHECK_EQ_STR(handed, "ax");
  CHECK_EQ_STR(oc_page_stop_name(&p), "limit");
  oc_page_free(&p);
}

static void test_verify_without_ids_is_not_sure(void) {
  oc_page p;
  start(&p);
  p.verify = 1;
  page(&p, 1, "12");
  page(&p, 2, "");
  CHECK_EQ_INT(page(&p, 1, "13"), OC_PAGE_NEXT);
  CHECK_EQ_INT(page(&p, 2, ""), OC_PAGE_OVER);
  CHECK_EQ_STR(handed, "12");
  CHECK_EQ_INT(p.uncertain, 1);
  oc_page_free(&p);
}

static void test_verify_gives_up_when_ids_were_forgotten(void) {
  oc_page p;
  start(&p);
  p.verify = 1;
  oc_seen_free(&p.seen);
  oc_seen_init(&p.seen, 4);
  page(&p, 1, "abcdefg");
  CHECK_EQ_INT(page(&p, 2, ""), OC_PAGE_OVER);
  CHECK_EQ_INT(p.uncertain, 1);
  oc_page_free(&p);
}

/* What the run before handed out is unknown to this one: those pages cannot be
 * verified, and must not be handed out again. */
static void test_verify_of_a_resumed_run(void) {
  oc_page p;
  start_resumed(&p, 2, 1, "c");
  p.verify = 1;
  CHECK_EQ_INT(page(&p, 2, "cd"), OC_PAGE_NEXT);
  CHECK_EQ_INT(page(&p, 3, ""), OC_PAGE_NEXT);
  CHECK_EQ_INT(page(&p, 2, "cdx"), OC_PAGE_NEXT);
  CHECK_EQ_INT(page(&p, 3, ""), OC_PAGE_OVER);
  CHECK_EQ_STR(handed, "dx");
  CHECK_EQ_INT(p.uncertain, 1);
  oc_page_free(&p);
}

static void test_all_of_the_end(void) {
  test_end_is_an_empty_page();
  test_first_page_empty();
  test_limit();
  test_limit_counts_wanted_leads_only();
  test_max_pages();
  test_peek_does_not_pass_max_pages();
  test_pages_from_zero();
  test_missing_page_is_the_end_when_it_says_so_twice();
  test_missing_page_that_turns_up();
  test_missing_first_page_is_a_fault();
}

static void test_all_of_failures(void) {
  test_retry_hands_out_the_rest_by_id();
  test_retry_hands_out_the_rest_by_position();
  test_retries_that_break_ever_earlier();
  test_alike_leads_without_id_all_come();
  test_a_duplicate_counts_once_however_often_the_page_is_tried();
  test_twice_on_one_page();
  test_twice_on_one_page_that_is_tried_twice();
  test_attempts_run_out_and_start_anew();
  test_what_is_not_worth_a_retry();
  test_waits();
  test_retry_after_beyond_its_cap();
  test_our_own_pause_costs_no_attempt_while_it_gets_on();
  test_a_page_that_had_leads_and_is_empty_now_is_no_end();
  test_a_page_that_had_leads_and_is_missing_now_is_no_end();
  test_missing_before_any_lead_is_no_end();
  test_a_run_resumes_behind_what_was_handed_out_not_what_was_judged();
  test_a_page_only_passed_over_is_not_counted();
  test_a_lead_that_moved_to_the_next_page_comes_once();
  test_guard_of_two_idle_pages();
  test_guard_needs_ten_leads();
  test_guard_starts_anew_behind_a_page_with_news();
  test_guard_without_ids();
  test_guard_counts_what_earlier_tries_brought();
}

static void test_all_of_resume(void) {
  test_resume_place_follows_the_leads();
  test_resume_place_stays_while_a_retry_catches_up();
  test_resume_where_it_was();
  test_resume_behind_the_last_lead_of_a_page();
  test_resume_at_a_page_not_begun();
  test_resume_by_position_alone();
  test_resume_when_the_lead_moved_to_the_page_before();
  test_resume_when_the_lead_moved_down_its_page();
  test_resume_when_the_lead_is_nowhere();
  test_resume_on_the_first_page_has_no_page_before();
  test_resume_at_a_page_that_became_short_or_went();
  test_resume_with_a_retry_before_the_place();
  test_resume_with_a_retry_behind_the_place();
  test_resume_with_a_retry_behind_the_place_sought();
  test_resume_with_a_retry_before_the_place_sought();
  test_resume_asks_nothing_ahead_while_it_seeks();
  test_long_ids_are_not_kept_for_resuming();
}

int main(void) {
  test_all_of_the_end();
  test_all_of_failures();
  test_all_of_resume();
  test_a_page_that_had_leads_and_is_empty_now_is_no_end();
  test_a_page_that_had_leads_and_is_missing_now_is_no_end();
  test_missing_before_any_lead_is_no_end();
  test_a_run_resumes_behind_what_was_handed_out_not_what_was_judged();
  test_a_page_only_passed_over_is_not_counted();
  test_verify_hands_out_what_moved_past();
  test_verify_stops_where_the_end_was();
  test_verify_with_a_broken_page();
  test_verify_obeys_the_limit();
  test_verify_without_ids_is_not_sure();
  test_verify_gives_up_when_ids_were_forgotten();
  test_verify_of_a_resumed_run();
  return check_done();
}
