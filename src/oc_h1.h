/*
** oc_h1.h - the bytes of one HTTP/1.1 answer: its head, and its body without
** framing and packing. For hosts that bring their own sockets. Does no I/O, knows
** nothing of what a status means.
**
** Feed bytes while it asks for more; say when the connection has ended. The head
** comes first, then the body, then its end. A failure sticks, and what came before
** it is handed out first.
*/
#ifndef oc_h1_h
#define oc_h1_h

#include <stddef.h>

#include "oc_buf.h"
#include "oc_head.h"
#include "oc_inflate.h"
#include "oc_scan.h"

/* Ceilings and sizes. */
#define OC_H1_FEED_BYTES (64 * 1024)    /* what a caller should feed at once, at most */
#define OC_H1_BUFFER_BYTES (512 * 1024) /* fed and not looked at yet: a line of a head, and that */
#define OC_H1_READ_BYTES (64 * 1024)    /* most that one read gives */
#define OC_H1_SIZE_BYTES 1024           /* of the line that says how long a chunk is */

enum oc_h1_fault {
  OC_H1_NO_FAULT,
  OC_H1_SILENT,    /* the connection ended without an answer */
  OC_H1_NOT_HTTP,  /* no head of HTTP, or framing that cannot be right */
  OC_H1_CUT,       /* the bytes end before the body does */
  OC_H1_PACKING,   /* not packed as the head says, or in a way that nobody asked for */
  OC_H1_HEAD,      /* the ceilings of oc_head.h */
  OC_H1_BODY,      /* max_body_bytes */
  OC_H1_MEMORY
};

enum oc_h1_state {
  OC_H1_IN_HEAD,
  OC_H1_IN_SIZE,      /* the line with a chunk's length */
  OC_H1_IN_CHUNK,
  OC_H1_IN_CHUNK_END, /* the line end behind a chunk */
  OC_H1_IN_TRAILER,
  OC_H1_IN_LENGTH,    /* a body whose length is known */
  OC_H1_IN_REST,      /* a body that goes on until the connection ends */
  OC_H1_OVER
};

typedef struct oc_h1 {
  oc_head head;
  oc_buf in;               /* fed; from `at` on not looked at */
  size_t at;
  enum oc_h1_state state;
  enum oc_h1_fault fault;
  double left;             /* of a chunk or of a body with a length */
  oc_inflate *inflate;     /* NULL: the body is not packed */
  int unpack;              /* wanted */
  int ended;               /* the connection is closed */
  int version;             /* 10 or 11 */
  int persistent;          /* the connection may be used again */
  double max_body_bytes;   /* unpacked; 0: none */
  double bytes, wire_bytes;/* of the body: handed out, and as they came without framing */
} oc_h1;

/* Makes one that has read nothing. Allocates nothing. */
void oc_h1_init(oc_h1 *h, int unpack, double max_body_bytes);

/* Gives the memory back. */
void oc_h1_free(oc_h1 *h);

/* Takes bytes as the connection brings them: OC_OK, OC_EMEM (then it has failed) or OC_ELIMIT (see OC_H1_FEED_BYTES). */
int oc_h1_feed(oc_h1 *h, const char *p, size_t n);

/* The connection is closed: no more bytes will come. */
void oc_h1_end(oc_h1 *h);

/* The head: OC_ITEM once it is there, in h->head; OC_MORE: feed; OC_FAILED. */
enum oc_got oc_h1_head(oc_h1 *h);

/*
** The next bytes of the body, good until the next call: OC_ITEM. OC_MORE: feed, or,
** when h->state is OC_H1_OVER, its clean end. OC_FAILED: see h->fault.
*/
enum oc_got oc_h1_read(oc_h1 *h, const char **p, size_t *n);

/* After the clean end: may the connection serve another request? */
int oc_h1_reusable(const oc_h1 *h);

#endif
