/*
** oom_main.c - a Lua whose allocations, libcurl's and ours can be made to fail.
** All three are counted as one row, and a Lua program says which of them fails.
** Knows nothing of leads: that is sweep.lua's.
**
**   oom_main PROGRAM [ARG...]                 one state
**   oom_main --fresh STEP PROGRAM [ARG...]    a state for each STEPth k, closed each
**                                             time, until the program returns false
**
** The program gets k (-1: choose yourself) before its arguments, and the table `oom`:
** see FUNCTIONS. oc.core is linked in.
*/
#include <curl/curl.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "oc_compat.h"
#include <lualib.h>

int luaopen_oc_core(lua_State *L);
const char *__asan_default_options(void);
void *oom_malloc(size_t n);
void *oom_calloc(size_t n, size_t size);
void *oom_realloc(void *p, size_t n);
void oom_free(void *p);
CURLcode oom_curl_global_init(long flags);

/* Leaks are counted here. What the sanitizer would add is lua-cjson's, which loses its
   buffers when Lua's memory runs out. */
__attribute__((visibility("default"))) const char *__asan_default_options(void) {
  return "detect_leaks=0";
}

/*
** --- The row of allocations ---
** libcurl's resolver allocates in a thread of its own, hence the lock.
*/

/* Of a sweep with fresh states; more are of no use. */
#define WRONG_SHOWN 20

enum who { OF_LUA, OF_CURL, OF_OC, WHO_COUNT };
static const char *const NAMES[] = {"lua", "curl", "oc"};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static long live[WHO_COUNT];
static int armed;         /* allocations are counted, and the countdown runs */
static long countdown;    /* allocations until one fails */
static int for_good;      /* from then on all fail */
static int failed = -1;   /* whose failed first; -1: none has */

/* Is this the allocation that fails? The lock is held. */
static int fails(enum who who) {
  if (!armed)
    return 0;
  if (countdown < 0 || countdown-- > 0)
    return 0;
  if (for_good)
    countdown = 0;
  if (failed < 0)
    failed = (int)who;
  return 1;
}

static void *resized(enum who who, void *p, size_t n) {
  void *q = NULL;
  pthread_mutex_lock(&lock);
  if (!fails(who)) {
    q = realloc(p, n != 0 ? n : 1);
    live[who] += p == NULL && q != NULL;
  }
  pthread_mutex_unlock(&lock);
  return q;
}

static void *zeroed(enum who who, size_t n, size_t size) {
  void *p;
  if (size != 0 && n > (size_t)-1 / size)
    return NULL;
  p = resized(who, NULL, n * size);
  return p != NULL ? memset(p, 0, n * size) : NULL;
}

static void freed(enum who who, void *p) {
  if (p == NULL)
    return;
  pthread_mutex_lock(&lock);
  live[who]--;
  pthread_mutex_unlock(&lock);
  free(p);
}

void *oom_malloc(size_t n) { return resized(OF_OC, NULL, n); }
void *oom_calloc(size_t n, size_t size) { return zeroed(OF_OC, n, size); }
void *oom_realloc(void *p, size_t n) { return resized(OF_OC, p, n); }
void oom_free(void *p) { freed(OF_OC, p); }

static void *curl_malloc(size_t n) { return resized(OF_CURL, NULL, n); }
static void *curl_calloc(size_t n, size_t size) { return zeroed(OF_CURL, n, size); }
static void *curl_realloc(void *p, size_t n) { return resized(OF_CURL, p, n); }
static void curl_freed(void *p) { freed(OF_CURL, p); }

static char *curl_strdup(const char *s) {
  size_t n = strlen(s) + 1;
  char *copy = resized(OF_CURL, NULL, n);
  return copy != NULL ? memcpy(copy, s, n) : NULL;
}

/* The first time there is no memory for it, in whatever state of the process. */
CURLcode oom_curl_global_init(long flags) {
  static int tried;
  return tried++ == 0 ? CURLE_OUT_OF_MEMORY : curl_global_init(flags);
}

/*
** Lua collects and asks again for what it did not get (from 5.2 on), so an
** allocation that is to fail has to fail twice.
*/
static struct {
  void *p;
  size_t n;
  int on;
} again;

static void *lua_resized(void *ud, void *p, size_t old, size_t n) {
  const int grows = p == NULL || n > old;
  void *q;
  (void)ud;
  if (n == 0) {
    freed(OF_LUA, p);
    return NULL;
  }
  if (!grows)  /* before 5.4 Lua counts on these */
    return realloc(p, n);
  if (again.on) {
    again.on = 0;
    if (again.p == p && again.n == n)
      return NULL;
  }
  q = resized(OF_LUA, p, n);
#if LUA_VERSION_NUM >= 502
  if (q == NULL && !for_good) {
    again.p = p;
    again.n = n;
    again.on = 1;
  }
#endif
  return q;
}

/*
** --- What the program is given ---
*/

static int descriptors(void) {
  int fd, n = 0;
  for (fd = 0; fd < 256; fd++)
    n += fcntl(fd, F_GETFD) != -1;
  return n;
}

/*
** try(k, for_good, f, ...) -> whose allocation failed | nil, ok, results of f.
** Calls f, and allocation k (from 0) fails: from then on all of them with for_good,
** else that one only. With a negative k none does.
*/
static int l_try(lua_State *L) {
  int status;
  const long k = (long)luaL_checknumber(L, 1);
  luaL_checkstack(L, 20, "try");
  for_good = lua_toboolean(L, 2);
  countdown = k;
  failed = -1;
  again.on = 0;
  armed = 1;
  status = lua_pcall(L, lua_gettop(L) - 3, LUA_MULTRET, 0);
  armed = 0;
  again.on = 0;
  if (failed < 0)
    lua_pushnil(L);
  else
    lua_pushstring(L, NAMES[failed]);
  lua_replace(L, 1);
  lua_pushboolean(L, status == 0);
  lua_replace(L, 2);
  return lua_gettop(L);
}

/* descriptors() -> how many are open */
static int l_descriptors(lua_State *L) {
  lua_pushinteger(L, descriptors());
  return 1;
}

static const luaL_Reg FUNCTIONS[] = {
    {"try", l_try}, {"descriptors", l_descriptors}, {NULL, NULL}};

/*
** --- States ---
*/

static void open_everything(lua_State *L) {
  luaL_openlibs(L);
  lua_getglobal(L, "package");
  lua_getfield(L, -1, "preload");
  lua_pushcfunction(L, luaopen_oc_core);
  lua_setfield(L, -2, "oc.core");
  lua_pop(L, 2);
  luaL_newlib(L, FUNCTIONS);
  lua_setglobal(L, "oom");
}

static int traced(lua_State *L) {
  (void)L;
#if LUA_VERSION_NUM >= 502
  luaL_traceback(L, L, lua_tostring(L, 1), 1);
#endif
  return 1;
}

/* 1 and 0: what the program returned; -1: it raised. k is put before its arguments. */
static int run(char **arg, long k) {
  lua_State *L = lua_newstate(lua_resized, NULL);
  int i, answer = -1;
#if LUA_VERSION_NUM < 502
  if (L == NULL)  /* a LuaJIT that takes no other allocator */
    L = luaL_newstate();
#endif
  if (L == NULL)
    return -1;
  open_everything(L);
  lua_pushcfunction(L, traced);
  if (luaL_loadfile(L, arg[0]) == 0) {
    lua_pushnumber(L, (lua_Number)k);
    for (i = 1; arg[i] != NULL; i++)
      lua_pushstring(L, arg[i]);
    if (lua_pcall(L, i, 1, 1) == 0)
      answer = lua_toboolean(L, -1);
  }
  if (answer < 0)
    fprintf(stderr, "%s\n", lua_tostring(L, -1));
  lua_close(L);
  return answer;
}

/* All that was allocated is free again, and no descriptor is left open. */
static int is_clean(const char *when, int descriptors_before) {
  int i, clean = 1;
  for (i = 0; i < WHO_COUNT; i++) {
    if (live[i] == 0)
      continue;
    printf("%s: %ld allocations of %s are left\n", when, live[i], NAMES[i]);
    clean = 0;
  }
  if (descriptors() != descriptors_before) {
    printf("%s: %d descriptors, there were %d\n", when, descriptors(), descriptors_before);
    clean = 0;
  }
  return clean;
}

/*
** LuaJIT opens a script before it has memory for the script's name, and forgets
** the file when there is none. That is no leak of ours.
*/
static void close_scripts(void) {
#if LUA_VERSION_NUM == 501  /* which LuaJIT says, too */
  char link[32], name[512];
  int fd;
  for (fd = 3; fd < 256; fd++) {
    ssize_t n;
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    n = readlink(link, name, sizeof name);
    if (n > 4 && memcmp(name + n - 4, ".lua", 4) == 0)
      close(fd);
  }
#endif
}

static int run_fresh(long step, char **arg) {
  const int before = descriptors();
  const long curl_before = live[OF_CURL];
  long k;
  int answer = 1, wrong = 0;
  char when[64];
  for (k = 0; answer != 0; k += step) {
    answer = run(arg, k);
    close_scripts();
    live[OF_CURL] -= curl_before;
    snprintf(when, sizeof when, "after lua_close, k = %ld", k);
    if (!is_clean(when, before) || answer < 0)
      wrong++;
    live[OF_CURL] = live[OF_LUA] = live[OF_OC] = 0;
    live[OF_CURL] += curl_before;
    if (wrong >= WRONG_SHOWN)
      break;
  }
  printf("states of their own: %ld of %ld allocations failed, %d wrong\n", k / step - 1, k - step,
         wrong);
  return wrong ? -1 : 0;
}

int main(int argc, char **argv) {
  const int fresh = argc > 1 && strcmp(argv[1], "--fresh") == 0;
  const int before = descriptors();
  int answer;
  if (argc < 2 + 2 * fresh)
    return 2;
  setvbuf(stdout, NULL, _IOLBF, 0);
  if (curl_global_init_mem(CURL_GLOBAL_DEFAULT, curl_malloc, curl_freed, curl_realloc,
                           curl_strdup, curl_calloc) != CURLE_OK)
    return 2;
  answer = fresh ? run_fresh(strtol(argv[2], NULL, 10), argv + 3) : run(argv + 1, -1);
  curl_global_cleanup();
  curl_global_cleanup();  /* oc's own start was the second */
  if (!is_clean("at the end", before))
    answer = -1;
  if (answer >= 0)
    printf("all clean\n");
  return answer >= 0 ? 0 : 1;
}
