/*
** oc_clock.h - what time it is, and waiting. Knows nothing of what for.
*/
#ifndef oc_clock_h
#define oc_clock_h

/* Seconds that only ever grow; for measuring. */
double oc_clock_now(void);

/* Seconds since 1970 UTC, with fractions. */
double oc_clock_time(void);

/*
** Sleeps at most seconds and answers what is left of them: 0 after the whole
** time, more when a signal came in. A caught interrupt (oc_interrupt.h), also
** one that came before, ends the sleep at once.
*/
double oc_clock_sleep(double seconds);

#endif
