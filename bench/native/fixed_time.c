/* fixed_time.c - time() that stands still, preloaded where instructions are counted:
 * Lua seeds the hash of its strings with it, and how many of them collide would
 * differ from run to run. */

#include <time.h>

time_t time(time_t *at) {
  if (at) *at = 1700000000;
  return 1700000000;
}
