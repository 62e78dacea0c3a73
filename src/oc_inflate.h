/*
** oc_inflate.h - unpacks gzip and zlib streams, a piece at a time. Hides zlib.
** Knows nothing of HTTP.
*/
#ifndef oc_inflate_h
#define oc_inflate_h

#include <stddef.h>

#include "oc_status.h"

typedef struct oc_inflate oc_inflate;

/* What one call makes at most. */
#define OC_INFLATE_BYTES (64 * 1024)

/*
** What a Content-Encoding means, with what another one before it meant (0: none): 1: one of
** gzip, x-gzip, deflate; 0: not packed; -1: none of ours, or several.
*/
int oc_inflate_coding(const char *value, size_t n, int before);

/* What unpacks, and its version where it has one: "ISA-L", "zlib 1.2.13". */
const char *oc_inflate_engine(void);

/* One that has read nothing; NULL: out of memory. */
oc_inflate *oc_inflate_new(void);

/* Gives the memory back; NULL is allowed. */
void oc_inflate_free(oc_inflate *z);

/*
** Unpacks from *p, *n, which move on over what was used. *out, *made: what came, at most
** OC_INFLATE_BYTES, good until the next call. Goes on with the next member of a gzip stream
** that has several. OC_OK, OC_EMEM, or OC_EBAD: not packed as it says; then for good. What
** came before that is shown first.
*/
int oc_inflate_run(oc_inflate *z, const char **p, size_t *n, const char **out, size_t *made);

/* Is there more to be had (bytes, or the fault) without more to read? */
int oc_inflate_again(const oc_inflate *z);

/* May the bytes end here: behind a whole member? */
int oc_inflate_whole(const oc_inflate *z);

#endif
