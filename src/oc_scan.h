/*
** oc_scan.h - one JSON value at a time: bytes in, a row of tokens out.
**
** The buffer of bytes, the place in it, and the machine that takes one value
** from its first byte to its last. It stops wherever the bytes end and goes on
** from there. Strict RFC 8259, UTF-8 checked. Which values of a document to
** take, and what they are, is oc_json's business.
*/
#ifndef oc_scan_h
#define oc_scan_h

#include <stddef.h>
#include <stdint.h>

#include "oc_buf.h"
#include "oc_keys.h"

/* Ceilings and their defaults, in one place. Offsets in a token have 32 bits. */
#define OC_SCAN_MAX_VALUE_BYTES (8u << 20)
#define OC_SCAN_TOP_VALUE_BYTES (1u << 30)
#define OC_SCAN_MAX_DEPTH 64u
#define OC_SCAN_TOP_DEPTH 1000u
#define OC_SCAN_MAX_BODY_BYTES ((uint64_t)4 << 30)

/* What a pull function found: an item, that it needs more bytes, or a fault. */
enum oc_got { OC_FAILED = -1, OC_MORE = 0, OC_ITEM = 1 };

enum oc_fault_json {
  OC_JSON_NO_FAULT,
  OC_JSON_SYNTAX,  /* not JSON or not UTF-8 */
  OC_JSON_CUT,     /* the bytes end before the document does */
  OC_JSON_SHAPE,   /* JSON, but not a list of leads */
  OC_JSON_LIMIT,   /* one of the ceilings */
  OC_JSON_MEMORY
};

enum oc_tok_type {
  OC_TOK_NULL, OC_TOK_TRUE, OC_TOK_FALSE,
  OC_TOK_INT,      /* no fraction, no exponent */
  OC_TOK_NUMBER,
  OC_TOK_STRING,   /* bytes between the quotes stand for themselves */
  OC_TOK_ESCAPED,  /* a string that holds escapes */
  OC_TOK_ARRAY, OC_TOK_OBJECT,
  OC_TOK_KEY,      /* a member's key that was not learned; its value follows */
  OC_TOK_KEY_ESCAPED
};

/*
** Tokens stand in document order. A member whose key was learned is one token,
** its value's, that carries the key's node; elements carry their array's node.
*/
typedef struct oc_tok {
  uint32_t at;     /* text, number, word: offset in the item; container: index behind its last token */
  uint32_t n;      /* text, number, word: bytes; container: elements or members */
  uint32_t nulls;  /* container: how many of these are null */
  uint32_t tag;    /* node << 8 | OC_TOK_REPEATS | type */
} oc_tok;

#define OC_TOK_REPEATS 16u  /* object: may hold a key twice (the last one counts) */
#define oc_tok_type(t) ((enum oc_tok_type)((t)->tag & 15u))
#define oc_tok_node(t) ((t)->tag >> 8)

/* The index behind the value of token i. */
static inline uint32_t oc_tok_behind(const oc_tok *tok, uint32_t i) {
  const enum oc_tok_type type = oc_tok_type(&tok[i]);
  return type == OC_TOK_ARRAY || type == OC_TOK_OBJECT ? tok[i].at : i + 1;
}

/* Is it the key of a member, one that was not learned? Its value is behind it then. */
static inline int oc_tok_is_key(const oc_tok *t) {
  const enum oc_tok_type type = oc_tok_type(t);
  return type == OC_TOK_KEY || type == OC_TOK_KEY_ESCAPED;
}

/* What the machine expects next. */
enum oc_scan_state {
  OC_SCAN_VALUE,
  OC_SCAN_FIRST_ELEMENT, /* a value or ']' */
  OC_SCAN_FIRST_KEY,     /* a key or '}' */
  OC_SCAN_KEY,
  OC_SCAN_COLON,
  OC_SCAN_NEXT,          /* ',' or the container's end */
  OC_SCAN_IN_STRING,     /* these three: in mid-token */
  OC_SCAN_IN_KEY,
  OC_SCAN_IN_NUMBER
};

/* An open container. */
typedef struct oc_scan_frame {
  uint32_t tok;     /* its token */
  uint32_t node;    /* its own */
  uint32_t key;     /* node of the member or element at hand */
  uint32_t last;    /* the last learned key of this object: predicts the next */
  uint32_t serial;  /* this object's number, to find repeated keys */
  int object;
} oc_scan_frame;

typedef struct oc_scan {
  /* options, set between init and the first feed */
  size_t max_value_bytes;
  uint64_t max_body_bytes;

  /* the value at hand */
  oc_tok *tok;
  uint32_t ntok;
  oc_keys keys;

  /* why it failed; sticks */
  enum oc_fault_json fault;
  uint64_t fault_at;       /* byte offset in the body */
  const char *fault_text;  /* static; what was wrong */

  /* the bytes */
  oc_buf in;
  uint64_t base;           /* offset in the body of in.p[0] */
  size_t item;             /* index in in.p where the value starts */
  size_t pos;              /* index of the next byte to look at */

  /* the machine */
  int state, escaped, number;
  uint32_t start;          /* offset in the value of the string or number at hand */
  oc_scan_frame *frame;
  uint32_t depth, max_depth, serial, captok;
  oc_buf scratch;          /* a key without its escapes */
} oc_scan;

/* OC_OK or OC_EMEM; after OC_EMEM oc_scan_free is allowed and nothing else. */
int oc_scan_init(oc_scan *s, unsigned max_depth);
void oc_scan_free(oc_scan *s);

/* Forgets bytes and fault, for another body. Options and learned keys stay. */
void oc_scan_reset(oc_scan *s);

/* Takes a copy of the bytes. OC_OK, or a negative status with the fault set. */
int oc_scan_feed(oc_scan *s, const void *bytes, size_t n);

/* Starts a value at s->pos, which is no white space. */
void oc_scan_begin(oc_scan *s);

/*
** Goes on with the value begun. OC_ITEM: it lies from s->item to s->pos, with
** its tokens in s->tok, until the next feed or begin.
*/
enum oc_got oc_scan_value(oc_scan *s);

/* No more bytes will come: OC_ITEM if that ends the value (a number by itself). */
enum oc_got oc_scan_finish(oc_scan *s);

/* Sets the fault, at an index in s->in.p, for good; returns OC_FAILED. */
enum oc_got oc_scan_fail(oc_scan *s, enum oc_fault_json fault, size_t at, const char *text);

/* Passes white space; 1 if a byte stands at s->pos then, 0 if the bytes end. */
int oc_scan_skip_space(oc_scan *s);

#endif
