/*
** oc_json.h - a page of leads: bytes in, one scanned lead at a time out.
**
** Walks a document down to its leads: `[{...},...]`, also as `[[...],[...]]` or
** within an envelope `{"data":[...]}`. A lead comes out when its end is in, as
** its text and a row of tokens over it: enough to filter it and to build exactly
** the tables it needs, and nothing built yet. Does no I/O and knows neither Lua
** nor HTTP.
**
** Use:  oc_json_feed(j, bytes, n);
**       while ((got = oc_json_next(j)) == OC_ITEM) ... oc_json_text(j), j->scan.tok ...
**       got == OC_MORE: feed again, or oc_json_finish(j) when there is no more.
** What an item points to is valid until the next call of feed or next.
*/
#ifndef oc_json_h
#define oc_json_h

#include "oc_scan.h"

enum oc_json_mode {
  OC_JSON_LEADS, /* a page: items are the leads */
  OC_JSON_VALUE  /* any document: the one item is its value */
};

typedef struct oc_json {
  enum oc_json_mode mode;
  uint64_t items;          /* leads seen, as sent */
  oc_scan scan;

  /* private from here */
  int state, level;
  int role;                /* what the value in the scanner is to us */
  int named;               /* what the envelope's member at hand is to us */
  int in_envelope, has_list, has_error;
  int pending;             /* finish found an item that next must give */
} oc_json;

/* OC_OK or OC_EMEM; after OC_EMEM oc_json_free is allowed and nothing else. */
int oc_json_init(oc_json *j, unsigned max_depth);
void oc_json_free(oc_json *j);

/* Makes it ready for another document. Options and learned keys stay. */
void oc_json_reset(oc_json *j);

/* Takes a copy of the bytes. OC_OK, or a negative status with the fault set. */
int oc_json_feed(oc_json *j, const void *bytes, size_t n);

/* The next item, "need more", or failed (for good). */
enum oc_got oc_json_next(oc_json *j);

/*
** No more bytes will come. OC_ITEM if an item still waits to be taken with next
** (which gives it), OC_MORE if the document was complete, else OC_FAILED.
*/
enum oc_got oc_json_finish(oc_json *j);

/* The text of the item at hand, white space within it included. */
const char *oc_json_text(const oc_json *j, size_t *n);

#endif
