/* oom_test.c - when memory runs out, at each allocation in turn: what is told,
 * that nothing leaks, and that what may be asked again gives the same.
 *
 * The allocator of glibc is stood in for. Elsewhere, and under the sanitizers,
 * which stand in for it themselves, there is nothing to test.
 */
#include <stdio.h>
#include <stdlib.h>

#include "check.h"

#if defined(__SANITIZE_ADDRESS__) || !defined(__GLIBC__)

int main(void) {
  printf("no allocator to stand in for here: nothing tested\n");
  return check_done();
}

#else

#include "oc_head.h"
#include "oc_json.h"
#include "oc_number.h"
#include "oc_page.h"

void *__libc_malloc(size_t n);
void *__libc_calloc(size_t n, size_t size);
void *__libc_realloc(void *p, size_t n);
void __libc_free(void *p);

static volatile long countdown; /* allocations until one fails; negative: none does */
static volatile int watching, failed; /* the compiler thinks it knows what malloc does */
static volatile long live;

/* Is this the allocation that fails? */
static int fails(void) {
  if (!watching || countdown < 0 || countdown-- > 0)
    return 0;
  failed = 1;
  return 1;
}

static void *counted(void *p) {
  if (watching && p != NULL)
    live++;
  return p;
}

__attribute__((visibility("default"))) void *malloc(size_t n) {
  return fails() ? NULL : counted(__libc_malloc(n));
}

__attribute__((visibility("default"))) void *calloc(size_t n, size_t size) {
  return fails() ? NULL : counted(__libc_calloc(n, size));
}

__attribute__((visibility("default"))) void *realloc(void *p, size_t n) {
  void *q;
  if (fails())
    return NULL;
  q = __libc_realloc(p, n);
  return p == NULL ? counted(q) : q;
}

__attribute__((visibility("default"))) void free(void *p) {
  if (watching && p != NULL)
    live--;
  __libc_free(p);
}

static void watch(long k) {
  countdown = k;
  failed = 0;
  live = 0;
  watching = 1;
}

static void watch_no_more(void) {
  watching = 0;
  CHECK_EQ_INT(live, 0);
}

/* --- oc_json ------------------------------------------------------------------ */

enum { LEADS = 40, MEMBERS = 30 };

/* Leads with keys to learn, keys with escapes, and more tokens than at first. */
static size_t write_page(char *page) {
  char *p = page;
  int i, k;
  p += sprintf(p, "[{\"list\":[");
  for (i = 0; i < 600; i++)
    p += sprintf(p, "%d,", i);
  p += sprintf(p, "0]}");
  for (i = 0; i < LEADS; i++) {
    p += sprintf(p, ",{");
    for (k = 0; k < MEMBERS; k++)
      p += sprintf(p, "\"lead %d key\\n%d%0*d\":\"x\",", i, k, i * 2 + 1, k);
    p += sprintf(p, "\"last\":null}");
  }
  p += sprintf(p, "]");
  return (size_t)(p - page);
}

/* Reads the page in two pieces; leads taken, or -1 for a fault. */
static int read_page(oc_json *j, const char *page, size_t n) {
  enum oc_got got = OC_MORE;
  int items = 0, part;
  for (part = 0; part < 2; part++) {
    const size_t from = part * (n / 2), to = part ? n : n / 2;
    if (oc_json_feed(j, page + from, to - from) != OC_OK)
      return -1;
    while ((got = oc_json_next(j)) == OC_ITEM)
      items++;
    if (got == OC_FAILED)
      return -1;
  }
  return oc_json_finish(j) == OC_MORE ? items : -1;
}

/* Fails at allocation k; 1 if there were that many. */
static int json_failing_at(long k, const char *page, size_t n) {
  oc_json j;
  int status, items = -1;
  watch(k);
  status = oc_json_init(&j, 64);
  if (status == OC_OK)
    items = read_page(&j, page, n);
  watching = 0;  /* a failed check would print, and printing may allocate */
  if (!failed) {
    CHECK_EQ_INT(items, LEADS + 1);
  } else if (status != OC_OK) {
    CHECK_EQ_INT(status, OC_EMEM);
  } else {
    CHECK_EQ_INT(items, -1);
    CHECK_EQ_INT(j.scan.fault, OC_JSON_MEMORY);
    CHECK_EQ_INT(oc_json_next(&j), OC_FAILED);
    CHECK(oc_json_feed(&j, "x", 1) != OC_OK);
    oc_json_reset(&j);  /* and with memory again it works */
    watching = 1;
    items = read_page(&j, page, n);
    watching = 0;
    CHECK_EQ_INT(items, LEADS + 1);
  }
  watching = 1;
  oc_json_free(&j);
  watch_no_more();
  return failed;
}

static void test_json(void) {
  static char page[LEADS * MEMBERS * 160];
  const size_t n = write_page(page);
  long k = 0;
  while (json_failing_at(k, page, n))
    k++;
  CHECK(k > 20);
}

/* --- oc_page ------------------------------------------------------------------ */

enum { PAGE_LEADS = 900, PAGES = 4 };

/* Gives a lead until it is taken; how often that was. */
static int give(oc_page *p, const char *id, int *hand) {
  int times = 0;
  do {
    *hand = oc_page_lead(p, id, strlen(id), id, strlen(id));
    times++;
  } while (*hand == OC_EMEM && times < 100);
  return times;
}

/* Pages of leads, of which half were on the page before; leads handed out. */
static int read_pages(oc_page *p, int *tries) {
  int i, number, handed = 0;
  double wait_s;
  for (number = 0; number < PAGES; number++) {
    int64_t asked;
    if (!oc_page_ask(p, &asked))
      return -1;
    for (i = 0; i < PAGE_LEADS; i++) {
      char id[16];
      int hand;
      snprintf(id, sizeof id, "%d", number * (PAGE_LEADS / 2) + i);
      *tries += give(p, id, &hand);
      handed += hand == 1;
    }
    if (oc_page_whole(p, 0, &wait_s) != OC_PAGE_NEXT)
      return -1;
  }
  return handed;
}

static int page_failing_at(long k) {
  oc_page p;
  int handed, tries = 0;
  watch(k);
  oc_page_init(&p);
  p.max_pages = 100;
  handed = read_pages(&p, &tries);
  oc_page_free(&p);
  watch_no_more();
  CHECK_EQ_INT(handed, PAGE_LEADS + (PAGES - 1) * (PAGE_LEADS / 2));
  CHECK_EQ_INT(p.duplicates, (PAGES - 1) * (PAGE_LEADS / 2));
  CHECK_EQ_INT(tries, PAGES * PAGE_LEADS + failed);
  return failed;
}

static void test_page(void) {
  long k = 0;
  while (page_failing_at(k))
    k++;
  CHECK(k >= 4);
}

/* A resumed run on its way to its place needs memory, too. */
static void test_resume(void) {
  long k;
  for (k = 0; k < 2; k++) {
    int64_t asked;
    int hand, tries = 0;
    oc_page p;
    watch(k);
    oc_page_init(&p);
    oc_page_resume(&p, 1, 2, "b", 1);
    oc_page_ask(&p, &asked);
    tries += give(&p, "a", &hand);
    tries += give(&p, "b", &hand);
    tries += give(&p, "c", &hand);
    oc_page_free(&p);
    watch_no_more();
    CHECK_EQ_INT(tries, 4);
    CHECK_EQ_INT(hand, 1);
    CHECK_EQ_INT(p.leads, 1);
  }
}

/* --- oc_head ------------------------------------------------------------------ */

/* A header, and what it goes on with: each may be what there is no memory for. */
static int head_failing_at(long k) {
  static const char header[] = "Some-Name: some value, and a good deal of it\r\n", folded[] = "\tand more of it\r\n";
  const char *name, *value;
  size_t name_n, value_n, at = 0;
  int i, status, whole = 0;
  oc_head h;
  watch(k);
  oc_head_init(&h);
  status = oc_head_take(&h, "HTTP/1.1 200 OK\r\n", 17);
  for (i = 0; i < 100 && status == OC_OK; i++) {
    status = oc_head_take(&h, header, sizeof(header) - 1);
    if (status == OC_OK)
      status = oc_head_take(&h, folded, sizeof(folded) - 1);
  }
  while (oc_head_next(&h, &at, &name, &name_n, &value, &value_n))
    whole += name_n == 9 && value_n >= 34 && value[value_n - 1] == 't';
  i = oc_head_take(&h, "A: b\r\n", 6);
  oc_head_free(&h);
  watch_no_more();
  CHECK_EQ_INT(status, failed ? OC_EMEM : OC_OK);
  CHECK_EQ_INT(i, status);  /* it sticks */
  CHECK(failed || whole == 100);
  return failed;
}

static void test_head(void) {
  long k = 0;
  while (head_failing_at(k))
    k++;
  CHECK(k >= 4);
}

/* --- oc_number ---------------------------------------------------------------- */

static void test_long_number(void) {
  char text[400];
  double d = 0;
  int status;
  memset(text, '1', sizeof text);
  watch(0);
  status = oc_number_double(&d, text, sizeof text);
  watch_no_more();
  CHECK_EQ_INT(status, OC_EMEM);
  CHECK_EQ_INT(oc_number_double(&d, text, 40), OC_OK);
}

/* Valgrind puts its own allocator before ours. */
static int is_ours(void) {
  void *volatile p;
  watch(0);
  p = malloc(1);
  watching = 0;
  free(p);
  return failed;
}

int main(void) {
  if (!is_ours()) {
    printf("another allocator is in the way: nothing tested\n");
    return check_done();
  }
  test_json();
  test_page();
  test_resume();
  test_head();
  test_long_number();
  return check_done();
}

#endif
