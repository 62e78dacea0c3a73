/*
** oc_interrupt.h - SIGINT and SIGTERM as a flag that waits can see.
** For programs that own their process (the command line); a library user's
** signals stay as they are. Knows nothing of who waits for what.
*/
#ifndef oc_interrupt_h
#define oc_interrupt_h

#include "oc_status.h"

/*
** From now on the first SIGINT or SIGTERM only sets the flag, and gives both
** signals back their default action: the second one ends the process. A signal
** that the process ignores stays ignored. OC_EBAD (see errno) when the system
** refuses; catching twice is once.
*/
int oc_interrupt_catch(void);

/* Puts back the actions found by oc_interrupt_catch and clears the flag. */
void oc_interrupt_release(void);

/* The signal that came, or 0. Stays until it is taken, or released. */
int oc_interrupt_pending(void);

/*
** The signal that came, or 0, and the flag is down again: waits go on, so that
** what is under way can come to its end. A second signal still ends the process.
*/
int oc_interrupt_take(void);

/*
** A descriptor that is readable once a signal came, for poll (so none is lost
** between looking at the flag and blocking); -1 while not catching. Not to be
** read from.
*/
int oc_interrupt_fd(void);

#endif
