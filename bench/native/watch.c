/* watch.c - runs a command and says what it took: `watch COMMAND [ARG...]`.
 *
 * The last line on standard output is "watch WALL CPU KIB STATUS": seconds, seconds
 * of processor time with all children it waited for, the largest of their peak
 * memories. A program of its own because it is small: after a fork the peak counts
 * what the parent had. */

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static double seconds(struct timeval t) { return (double)t.tv_sec + (double)t.tv_usec / 1e6; }

static double now(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

int main(int argc, char **argv) {
  if (argc < 2) {
    fputs("usage: watch COMMAND [ARG...]\n", stderr);
    return 2;
  }
  double from = now();
  pid_t child = fork();
  if (child < 0) return 1;
  if (child == 0) {
    execvp(argv[1], argv + 1);
    perror(argv[1]);
    _exit(127);
  }
  int status = 0;
  struct rusage used;
  while (wait4(child, &status, 0, &used) < 0) {
    if (errno != EINTR) return 1;
  }
  printf("watch %.6f %.6f %ld %d\n", now() - from, seconds(used.ru_utime) + seconds(used.ru_stime), used.ru_maxrss,
      WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status));
  return 0;
}
