/*
** oc_transport_head.c - what libcurl brings of an answer's head, to oc_head, and
** what is said when that cannot take it.
*/
#include "oc_transport_priv.h"

size_t oc_transport_on_header(char *p, size_t size, size_t n, void *ud) {
  oc_exchange *x = ud;
  int status;
  n *= size;
  x->idle_s = 0;
  if (n == 0)
    return 0;
  status = oc_head_take(&x->head, p, n);
  if (status == OC_EMEM)
    oc_transport_fail(x, "memory", "out of memory for the headers of %s", x->origin);
  else if (status == OC_ELIMIT)
    oc_transport_fail(x, "limit", "the headers of %s are more than %d lines or %d bytes",
                      x->origin, OC_HEAD_MAX_LINES, OC_HEAD_MAX_BYTES);
  else if (status == OC_EBAD)
    oc_transport_fail(x, "network", "%s did not answer in HTTP", x->origin);
  if (x->head.done)
    oc_driven_news(x);
  return status == OC_OK ? n : 0;
}

int oc_exchange_next_header(const oc_exchange *x, size_t *at,
                            const char **name, size_t *name_n,
                            const char **value, size_t *value_n) {
  return oc_head_next(&x->head, at, name, name_n, value, value_n);
}
