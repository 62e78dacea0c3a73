/*
** oc_h1.c - one HTTP/1.1 answer from its bytes (RFC 9112): where its head ends, how
** its body is framed, and what stands in it.
** Strict about framing, since whoever reads a length otherwise than the server meant
** reads another page; what a connection holds beyond its answer ends its use.
*/
#include "oc_h1.h"

#include <string.h>

#include "oc_word.h"

void oc_h1_init(oc_h1 *h, int unpack, double max_body_bytes) {
  memset(h, 0, sizeof(*h));
  oc_head_init(&h->head);
  oc_buf_init(&h->in, OC_H1_BUFFER_BYTES);
  h->unpack = unpack;
  h->max_body_bytes = max_body_bytes;
}

void oc_h1_free(oc_h1 *h) {
  oc_head_free(&h->head);
  oc_buf_free(&h->in);
  oc_inflate_free(h->inflate);
  h->inflate = NULL;
}

int oc_h1_feed(oc_h1 *h, const char *p, size_t n) {
  int status;
  oc_buf_drop(&h->in, h->at);
  h->at = 0;
  status = oc_buf_add(&h->in, p, n);
  if (status == OC_EMEM && h->fault == OC_H1_NO_FAULT)
    h->fault = OC_H1_MEMORY;  /* what comes next must not follow a hole */
  return status;
}

void oc_h1_end(oc_h1 *h) {
  h->ended = 1;
}

static enum oc_got fail(oc_h1 *h, enum oc_h1_fault fault) {
  if (h->fault == OC_H1_NO_FAULT)
    h->fault = fault;
  return OC_FAILED;
}

static size_t unread(const oc_h1 *h) {
  return h->in.n - h->at;
}

/* The bytes are used up: is there more to come? */
static enum oc_got more_or(oc_h1 *h, enum oc_h1_fault fault) {
  return h->ended ? fail(h, fault) : OC_MORE;
}

/*
** --- Lines ---
*/

/* The line at hand, its end included: 0 when it is not there as a whole. */
static size_t line_at(const oc_h1 *h) {
  const char *p, *end;
  if (unread(h) == 0)
    return 0;
  p = h->in.p + h->at;
  end = memchr(p, '\n', unread(h));
  return end == NULL ? 0 : (size_t)(end + 1 - p);
}

/* Is the line of n bytes at hand nothing but its end? */
static int blank_line(const oc_h1 *h, size_t n) {
  return n == 1 || (n == 2 && h->in.p[h->at] == '\r');
}

static char lower(char c) {
  return c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
}

/*
** --- The head ---
*/

/* What the headers say of the body, while they are looked through. */
typedef struct framing {
  int chunked;      /* -1: framed in a way we do not know */
  int packed;       /* -1: packed in a way we do not know */
  double length;    /* -1: not said; -2: said twice otherwise, or unreadable */
  int close;
} framing;

/* A length in digits, or -2. What is beyond 2^53 is beyond any ceiling too. */
static double length_of(const char *p, size_t n) {
  double length = 0;
  size_t i;
  if (n == 0 || n > 18)
    return -2;
  for (i = 0; i < n; i++) {
    if (p[i] < '0' || p[i] > '9')
      return -2;
    length = length * 10 + (p[i] - '0');
  }
  return length;
}

static void look_at(framing *f, const char *name, size_t name_n, const char *value, size_t n) {
  if (oc_word_is(name, name_n, "transfer-encoding")) {
    f->chunked = f->chunked == 0 && oc_word_is(value, n, "chunked") ? 1 : -1;
  } else if (oc_word_is(name, name_n, "content-length")) {
    const double length = length_of(value, n);
    f->length = f->length == -1 || f->length == length ? length : -2;
  } else if (oc_word_is(name, name_n, "content-encoding")) {
    f->packed = oc_inflate_coding(value, n, f->packed);
  } else if (oc_word_is(name, name_n, "connection") && oc_word_among(value, n, "close")) {
    f->close = 1;
  }
}

static framing framing_of(const oc_h1 *h) {
  framing f = {0, 0, -1, 0};
  const char *name, *value;
  size_t name_n, value_n, at = 0;
  while (oc_head_next(&h->head, &at, &name, &name_n, &value, &value_n))
    look_at(&f, name, name_n, value, value_n);
  return f;
}

/* The head is complete: how does the body come? */
static enum oc_got begin_body(oc_h1 *h) {
  const framing f = framing_of(h);
  const int status = h->head.status;
  const int bodiless = status == 204 || status == 304 || status < 200;
  if (f.chunked < 0 || (f.chunked == 0 && f.length == -2))
    return fail(h, OC_H1_NOT_HTTP);
  /* Two lengths: whoever sent them may not mean by it what others do. */
  h->persistent = h->version == 11 && status >= 200 && !f.close && !(f.chunked && f.length != -1);
  h->left = f.length;
  h->state = bodiless ? OC_H1_OVER : f.chunked ? OC_H1_IN_SIZE : f.length == 0 ? OC_H1_OVER
             : f.length > 0 ? OC_H1_IN_LENGTH : OC_H1_IN_REST;
  if (h->state == OC_H1_OVER || !h->unpack || f.packed == 0)
    return OC_ITEM;
  /* The head is fit to be seen, whatever becomes of the body. */
  if (f.packed < 0)
    fail(h, OC_H1_PACKING);
  else if ((h->inflate = oc_inflate_new()) == NULL)
    fail(h, OC_H1_MEMORY);
  return OC_ITEM;
}

static enum oc_got head_fault(oc_h1 *h, int status) {
  return fail(h, status == OC_EMEM ? OC_H1_MEMORY : status == OC_ELIMIT ? OC_H1_HEAD : OC_H1_NOT_HTTP);
}

static enum oc_got read_head(oc_h1 *h) {
  static const char HTTP11[] = "HTTP/1.1 ";
  size_t n;
  while ((n = line_at(h)) > 0) {
    const char *line = h->in.p + h->at;
    const int first = !h->head.open;
    const int status = oc_head_take(&h->head, line, n);
    if (status != OC_OK)
      return head_fault(h, status);
    if (first && h->head.open)
      h->version = n >= sizeof(HTTP11) - 1 && memcmp(line, HTTP11, sizeof(HTTP11) - 1) == 0 ? 11 : 10;
    h->at += n;
    if (h->head.done)
      return begin_body(h);
  }
  /* Whoever does not speak HTTP need not send line ends. */
  if (unread(h) >= 5 && !h->head.open && memcmp(h->in.p + h->at, "HTTP/", 5) != 0 &&
      h->in.p[h->at] != '\r')
    return fail(h, OC_H1_NOT_HTTP);
  if (unread(h) > OC_HEAD_MAX_BYTES)
    return fail(h, OC_H1_HEAD);
  return more_or(h, h->head.bytes + unread(h) > 0 ? OC_H1_CUT : OC_H1_SILENT);
}

enum oc_got oc_h1_head(oc_h1 *h) {
  if (h->state != OC_H1_IN_HEAD && h->head.done)
    return OC_ITEM;
  return h->fault != OC_H1_NO_FAULT ? OC_FAILED : read_head(h);
}

/*
** --- Chunks ---
*/

static int hex(char c) {
  c = lower(c);
  return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* "1a2f", perhaps with ";extension": the length, or -1. */
static double chunk_size(const char *p, size_t n) {
  double size = 0;
  size_t i;
  for (i = 0; i < n && hex(p[i]) >= 0; i++)
    size = size * 16 + hex(p[i]);
  if (i == 0 || size >= 4503599627370496.0)  /* 2^52: so far every one is exact */
    return -1;
  while (i < n && (p[i] == ' ' || p[i] == '\t'))
    i++;
  return i < n && p[i] != ';' && p[i] != '\r' && p[i] != '\n' ? -1 : size;
}

static enum oc_got read_size(oc_h1 *h) {
  const size_t n = line_at(h);
  if ((n == 0 && unread(h) > OC_H1_SIZE_BYTES) || n > OC_H1_SIZE_BYTES)
    return fail(h, OC_H1_NOT_HTTP);
  if (n == 0)
    return more_or(h, OC_H1_CUT);
  h->left = chunk_size(h->in.p + h->at, n);
  if (h->left < 0)
    return fail(h, OC_H1_NOT_HTTP);
  h->at += n;
  h->state = h->left > 0 ? OC_H1_IN_CHUNK : OC_H1_IN_TRAILER;
  return OC_ITEM;
}

static enum oc_got read_chunk_end(oc_h1 *h) {
  const size_t n = line_at(h);
  if ((n > 0 && !blank_line(h, n)) || (n == 0 && unread(h) > 1))
    return fail(h, OC_H1_NOT_HTTP);
  if (n == 0)
    return more_or(h, OC_H1_CUT);
  h->at += n;
  h->state = OC_H1_IN_SIZE;
  return OC_ITEM;
}

static enum oc_got read_trailer(oc_h1 *h) {
  const size_t n = line_at(h);
  int status;
  if (n == 0 && unread(h) > OC_HEAD_MAX_BYTES)
    return fail(h, OC_H1_HEAD);
  if (n == 0)
    return more_or(h, OC_H1_CUT);
  status = oc_head_take(&h->head, h->in.p + h->at, n);
  if (status != OC_OK)
    return head_fault(h, status);
  if (blank_line(h, n))
    h->state = OC_H1_OVER;
  h->at += n;
  return OC_ITEM;
}

/*
** --- The body ---
*/

/* Goes on to where bytes of the body stand: OC_ITEM, and how many of them; else as oc_h1_read. */
static enum oc_got find_bytes(oc_h1 *h, size_t *n) {
  enum oc_got got = OC_ITEM;
  while (got == OC_ITEM) {
    *n = unread(h);
    switch (h->state) {
      case OC_H1_IN_HEAD: got = read_head(h); break;
      case OC_H1_IN_SIZE: got = read_size(h); break;
      case OC_H1_IN_CHUNK_END: got = read_chunk_end(h); break;
      case OC_H1_IN_TRAILER: got = read_trailer(h); break;
      case OC_H1_OVER: return OC_MORE;
      case OC_H1_IN_CHUNK:
      case OC_H1_IN_LENGTH:
        if ((double)*n > h->left)
          *n = (size_t)h->left;
        return *n > 0 ? OC_ITEM : more_or(h, OC_H1_CUT);
      case OC_H1_IN_REST:
        if (*n > 0)
          return OC_ITEM;
        if (!h->ended)
          return OC_MORE;
        h->state = OC_H1_OVER;
        return OC_MORE;
    }
  }
  return got;
}

/* n bytes of the body are used. */
static void pass(oc_h1 *h, size_t n) {
  if (n == 0)
    return;
  h->at += n;
  h->wire_bytes += (double)n;
  if (h->state == OC_H1_IN_REST)
    return;
  h->left -= (double)n;
  if (h->left == 0)
    h->state = h->state == OC_H1_IN_CHUNK ? OC_H1_IN_CHUNK_END : OC_H1_OVER;
}

static enum oc_got hand_out(oc_h1 *h, size_t n) {
  if (h->max_body_bytes > 0 && h->bytes + (double)n > h->max_body_bytes)
    return fail(h, OC_H1_BODY);
  h->bytes += (double)n;
  return OC_ITEM;
}

static enum oc_got read_packed(oc_h1 *h, const char **p, size_t *n) {
  for (;;) {
    size_t there = 0, left;
    const char *from = NULL;
    int status;
    if (!oc_inflate_again(h->inflate)) {
      const enum oc_got got = find_bytes(h, &there);
      if (got == OC_MORE && h->state == OC_H1_OVER && h->wire_bytes > 0 && !oc_inflate_whole(h->inflate))
        return fail(h, OC_H1_CUT);
      if (got != OC_ITEM)
        return got;
    }
    if (there > 0)
      from = h->in.p + h->at;
    left = there;
    status = oc_inflate_run(h->inflate, &from, &left, p, n);
    pass(h, there - left);
    if (*n > 0)
      return hand_out(h, *n);
    if (status != OC_OK)
      return fail(h, status == OC_EMEM ? OC_H1_MEMORY : OC_H1_PACKING);
  }
}

static enum oc_got read_plain(oc_h1 *h, const char **p, size_t *n) {
  const enum oc_got got = find_bytes(h, n);
  if (got != OC_ITEM)
    return got;
  if (*n > OC_H1_READ_BYTES)
    *n = OC_H1_READ_BYTES;
  *p = h->in.p + h->at;
  pass(h, *n);
  return hand_out(h, *n);
}

enum oc_got oc_h1_read(oc_h1 *h, const char **p, size_t *n) {
  if (h->fault != OC_H1_NO_FAULT)
    return OC_FAILED;
  if (h->state == OC_H1_IN_HEAD) {
    const enum oc_got got = read_head(h);
    if (got != OC_ITEM)
      return got;
    if (h->fault != OC_H1_NO_FAULT)
      return OC_FAILED;
  }
  return h->inflate != NULL ? read_packed(h, p, n) : read_plain(h, p, n);
}

int oc_h1_reusable(const oc_h1 *h) {
  return h->state == OC_H1_OVER && h->fault == OC_H1_NO_FAULT && h->persistent && !h->ended &&
         unread(h) == 0;
}
