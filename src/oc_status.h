/*
** oc_status.h - what a pure function answers when it cannot do its work.
** Zero is success; every failure is negative, so that functions that answer a
** count or a kind can share the scale.
*/
#ifndef oc_status_h
#define oc_status_h

enum oc_status {
  OC_OK = 0,
  OC_EMEM = -1,    /* allocation failed */
  OC_ELIMIT = -2,  /* one of our ceilings */
  OC_EBAD = -3     /* the input is not what it claims to be */
};

#endif
