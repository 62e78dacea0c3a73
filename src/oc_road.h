/*
** oc_road.h - the straight road through a value that looks like the last one.
** Most of a page is compact, has the keys that were expected, plain strings,
** words and small integers: these pass here, one after the other, without the
** machine of oc_scan.c, which takes over wherever something else comes.
*/
#ifndef oc_road_h
#define oc_road_h

#include "oc_scan.h"

/*
** Goes on from p, within the container s->frame[s->depth - 1], in the state
** NEXT, FIRST_KEY or FIRST_ELEMENT. Returns where it stopped, short of the end
** of the whole value; tokens, frames and state are then what the machine would
** have made of the same bytes. It never fails: what is bad it leaves.
*/
const char *oc_road_pass(oc_scan *s, const char *p, const char *end);

#endif
