/*
** oc_interrupt.c - SIGINT and SIGTERM as a flag that waits can see.
** Signals belong to the process, so this file has global state.
*/
#include "oc_interrupt.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stddef.h>
#include <unistd.h>

static const int SIGNALS[] = {SIGINT, SIGTERM};
enum { COUNT = sizeof(SIGNALS) / sizeof(SIGNALS[0]) };

static volatile sig_atomic_t pending;  /* the signal that came */
static volatile sig_atomic_t catching;
static int wake[2] = {-1, -1};         /* the pipe that ends a poll */
static struct sigaction before[COUNT];

static void on_signal(int number) {
  int saved = errno;
  int i;
  struct sigaction usual;
  pending = number;
  usual.sa_handler = SIG_DFL;
  usual.sa_flags = 0;
  sigemptyset(&usual.sa_mask);
  for (i = 0; i < COUNT; i++)
    if (before[i].sa_handler != SIG_IGN)
      sigaction(SIGNALS[i], &usual, NULL);
  if (write(wake[1], "", 1) < 0) {
    /* the pipe is full or gone: the flag is set all the same */
  }
  errno = saved;
}

/* A pipe that neither blocks nor survives an exec. */
static int open_pipe(void) {
  int i;
  if (wake[0] >= 0)
    return OC_OK;
  if (pipe(wake) != 0) {
    wake[0] = wake[1] = -1;
    return OC_EBAD;
  }
  for (i = 0; i < 2; i++) {
    fcntl(wake[i], F_SETFD, FD_CLOEXEC);
    fcntl(wake[i], F_SETFL, O_NONBLOCK);
  }
  return OC_OK;
}

static void close_pipe(void) {
  int i;
  for (i = 0; i < 2; i++) {
    if (wake[i] >= 0)
      close(wake[i]);
    wake[i] = -1;
  }
}

int oc_interrupt_catch(void) {
  int i;
  struct sigaction ours;
  if (catching)
    return OC_OK;
  if (open_pipe() != OC_OK)
    return OC_EBAD;
  pending = 0;
  ours.sa_handler = on_signal;
  ours.sa_flags = 0;  /* no SA_RESTART: blocking calls shall end */
  sigemptyset(&ours.sa_mask);
  for (i = 0; i < COUNT; i++)
    sigaddset(&ours.sa_mask, SIGNALS[i]);
  /* all of `before` must be known when the first handler may run */
  for (i = 0; i < COUNT; i++)
    sigaction(SIGNALS[i], NULL, &before[i]);
  catching = 1;
  for (i = 0; i < COUNT; i++)
    if (before[i].sa_handler != SIG_IGN)
      sigaction(SIGNALS[i], &ours, NULL);
  return OC_OK;
}

void oc_interrupt_release(void) {
  int i;
  if (!catching)
    return;
  for (i = 0; i < COUNT; i++)
    sigaction(SIGNALS[i], &before[i], NULL);
  catching = 0;
  pending = 0;
  close_pipe();
}

int oc_interrupt_pending(void) {
  return (int)pending;
}

int oc_interrupt_take(void) {
  const int number = (int)pending;
  char byte;
  while (number != 0 && read(wake[0], &byte, 1) > 0)
    continue;  /* one for each signal of the two that were caught */
  pending = 0;
  return number;
}

int oc_interrupt_fd(void) {
  return wake[0];
}
