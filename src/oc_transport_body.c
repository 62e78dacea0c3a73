/*
** oc_transport_body.c - the body of an answer: a bounded buffer between libcurl and
** the consumer. What is packed waits there as it came, and is unpacked when it is
** asked for: so a buffer has its size, whatever comes of it, and a stream that ends
** too early is noticed, which libcurl does not do.
*/
#include "oc_transport_priv.h"

#include "oc_word.h"

static size_t unread(const oc_exchange *x) {
  return x->body.n - x->taken;
}

/* How the head says that the body is packed: 1, 0, or -1: not in a way we asked for. */
static int packing(const oc_head *h) {
  const char *name, *value;
  size_t name_n, value_n, at = 0;
  int packed = 0;
  while (oc_head_next(h, &at, &name, &name_n, &value, &value_n))
    if (oc_word_is(name, name_n, "content-encoding"))
      packed = oc_inflate_coding(value, value_n, packed);
  return packed;
}

/* Before the first byte of the body: is it to be unpacked? */
static int begin(oc_exchange *x) {
  const int packed = x->unpack ? packing(&x->head) : 0;
  x->body_begun = 1;
  if (packed == 0)
    return OC_OK;
  if (packed < 0) {
    oc_transport_fail(x, "network", "the answer of %s cannot be decoded: it is packed, and not by gzip",
                      x->origin);
    return OC_EBAD;
  }
  x->inflate = oc_inflate_new();
  if (x->inflate != NULL)
    return OC_OK;
  oc_transport_fail(x, "memory", "out of memory for the answer of %s", x->origin);
  return OC_EMEM;
}

/* Counts n more bytes of the body, unless they are too many. */
static int count(oc_exchange *x, size_t n) {
  if (x->max_body_bytes > 0 && x->stats.bytes + (double)n > x->max_body_bytes) {
    oc_transport_fail(x, "limit", "the answer of %s is more than %.0f bytes (max_body_bytes)",
                      x->origin, x->max_body_bytes);
    return OC_ELIMIT;
  }
  x->stats.bytes += (double)n;
  return OC_OK;
}

size_t oc_transport_on_body(char *p, size_t size, size_t n, void *ud) {
  oc_exchange *x = ud;
  n *= size;
  x->idle_s = 0;
  if (x->over)
    return n;  /* the last bytes of a handle that goes: nobody wants them */
  if (!x->head.done) {  /* it would fill up, and nobody read it before the head */
    oc_transport_fail(x, "network", "%s did not answer in HTTP", x->origin);
    return 0;
  }
  if (!x->body_begun && begin(x) != OC_OK)
    return 0;
  if (unread(x) >= x->high) {
    x->paused = 1;
    return CURL_WRITEFUNC_PAUSE;  /* libcurl keeps these bytes */
  }
  if (x->inflate == NULL && count(x, n) != OC_OK)
    return 0;
  if (x->taken > 0 && n > x->body.cap - x->body.n) {
    oc_buf_drop(&x->body, x->taken);
    x->taken = 0;
  }
  if (oc_buf_add(&x->body, p, n) != OC_OK) {
    oc_transport_fail(x, "memory", "out of memory for the answer of %s", x->origin);
    return 0;
  }
  oc_driven_news(x);
  return n;
}

/* n bytes of the buffer are used; a paused transfer goes on when half of it is. */
static void use(oc_exchange *x, size_t n) {
  oc_sigpipe guard;
  CURLcode code;
  x->taken += n;
  if (x->taken == x->body.n)
    x->taken = x->body.n = 0;
  if (!x->paused || unread(x) > x->high / 2)
    return;
  /* This may call on_body at once, which may pause again. */
  x->paused = 0;
  oc_sigpipe_hold(&guard);
  code = curl_easy_pause(x->easy, CURLPAUSE_CONT);
  oc_sigpipe_let(&guard);
  if (code != CURLE_OK) {
    oc_transport_fail_curl(x, code);
    oc_transport_finish(x);
  }
}

/* It cannot be unpacked, or is too much: that is the end of it. */
static enum oc_sight give_up(oc_exchange *x) {
  x->taken = x->body.n = x->out_at = x->out_n = 0;
  oc_inflate_free(x->inflate);
  x->inflate = NULL;
  if (!x->over)
    oc_transport_finish(x);
  return OC_FAILED;
}

static enum oc_sight bad_packing(oc_exchange *x, int status) {
  if (status == OC_EMEM)
    oc_transport_fail(x, "memory", "out of memory for the answer of %s", x->origin);
  else
    oc_transport_fail(x, "network", "the answer of %s cannot be decoded: it is not the gzip that it says",
                      x->origin);
  return give_up(x);
}

/* Unpacks until there is something to show, or nothing more to be had: OC_NOTHING. */
static enum oc_sight unpack(oc_exchange *x) {
  while (x->out_at == x->out_n && (unread(x) > 0 || oc_inflate_again(x->inflate))) {
    const char *p = unread(x) > 0 ? x->body.p + x->taken : NULL;
    size_t left = unread(x);
    const size_t all = left;
    const int status = oc_inflate_run(x->inflate, &p, &left, &x->out, &x->out_n);
    x->out_at = 0;
    use(x, all - left);
    if (status != OC_OK)
      return bad_packing(x, status);
    if (count(x, x->out_n) != OC_OK)
      return give_up(x);
  }
  if (x->out_at < x->out_n)
    return OC_SOMETHING;
  if (x->over && !x->failed && !oc_inflate_whole(x->inflate)) {
    oc_transport_fail(x, "network", "the answer of %s ended early: its gzip is cut", x->origin);
    return give_up(x);
  }
  return OC_NOTHING;
}

int oc_transport_unread(const oc_exchange *x) {
  return unread(x) > 0 || x->out_at < x->out_n || (x->inflate != NULL && oc_inflate_again(x->inflate));
}

void oc_transport_free_body(oc_exchange *x) {
  x->taken = x->out_at = x->out_n = 0;
  oc_buf_free(&x->body);
  oc_inflate_free(x->inflate);
  x->inflate = NULL;
}

static enum oc_sight look(oc_exchange *x, const char **p, size_t *n) {
  if (x->inflate != NULL) {
    const enum oc_sight sight = unpack(x);
    if (sight == OC_SOMETHING) {
      *p = x->out + x->out_at;
      *n = x->out_n - x->out_at;
    }
    return sight;
  }
  if (unread(x) == 0)
    return OC_NOTHING;
  *p = x->body.p + x->taken;
  *n = unread(x) < OC_READ_BYTES ? unread(x) : OC_READ_BYTES;
  return OC_SOMETHING;
}

enum oc_sight oc_exchange_peek(oc_exchange *x, const char **p, size_t *n) {
  x->head_told = x->head.done;  /* who reads on does not wait for it */
  if (look(x, p, n) == OC_SOMETHING)
    return OC_SOMETHING;
  if (!x->over)
    return OC_NOTHING;
  x->end_told = 1;
  return x->failed ? OC_FAILED : OC_END;
}

void oc_exchange_take(oc_exchange *x, size_t n) {
  if (x->inflate != NULL)
    x->out_at += n;
  else
    use(x, n);
}
