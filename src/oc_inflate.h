/*
** oc_inflate.h - unpacks gzip and zlib streams, a piece at a time. Hides zlib.
** Knows nothing of HTTP.
*/
#ifndef oc_inflate_h
#define oc_inflate_h

#include <stddef.h>

#include "oc_status.h"

typedef struct oc_inflate oc_inflate;

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
** Unpacks from *p, *n, which move on over what was used, into out; *made is how
** many bytes came, at most cap. Goes on with the next member of a gzip stream that
** has several. OC_OK, OC_EMEM, or OC_EBAD: not packed as it says; then for good.
*/
int oc_inflate_run(oc_inflate *z, const char **p, size_t *n, char *out, size_t cap, size_t *made);

/* May the bytes end here: behind a whole member? */
int oc_inflate_whole(const oc_inflate *z);

#endif
