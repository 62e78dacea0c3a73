/*
** host.c - a C program that reads leads through a Lua script, one by one.
**
** Each address on the command line gets a Lua state and a thread of its own. The
** script and oc's Lua files are beside the program; with -DLUA_DIR="\"/a/folder\""
** they are there. With -DOC_STATIC oc's C core is in the program; without, Lua
** loads it from oc/core.so.
*/
#define _POSIX_C_SOURCE 200809L

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <lua.h>
#include <lauxlib.h>
#include <lualib.h>

#ifdef OC_STATIC
int luaopen_oc_core(lua_State *L);
#endif

struct job {
  const char *address;
  const char *folder;  /* of the script and of oc's files */
  pthread_t thread;
  long leads, active;
  int done;
};

/* What the script calls with each lead, a table. */
static int l_lead(lua_State *L) {
  struct job *job = lua_touserdata(L, lua_upvalueindex(1));
  const char *status;
  luaL_checktype(L, 1, LUA_TTABLE);
  lua_getfield(L, 1, "status");
  status = lua_tostring(L, -1);  /* NULL where the lead has none */
  job->leads++;
  if (status != NULL && strcmp(status, "Active") == 0)
    job->active++;
  return 0;
}

/*
** Text and traceback of what was raised. An error of oc is a table that knows its
** text; this is where its fields (kind, status, resume) could be looked at.
*/
static int on_error(lua_State *L) {
  if (!lua_isstring(L, 1) && luaL_callmeta(L, 1, "__tostring"))
    lua_replace(L, 1);
  lua_getglobal(L, "debug");
  lua_getfield(L, -1, "traceback");
  lua_pushvalue(L, 1);
  lua_pushinteger(L, 2);  /* without this function */
  lua_call(L, 2, 1);
  return 1;
}

/* Puts templates for `folder` before package.path or package.cpath. */
static void look_in(lua_State *L, const char *field, const char *folder, const char *name) {
  lua_getglobal(L, "package");
  lua_pushfstring(L, "%s/?%s;%s/?/init%s;", folder, name, folder, name);
  lua_getfield(L, -2, field);
  lua_concat(L, 2);
  lua_setfield(L, -2, field);
  lua_pop(L, 1);
}

/* Everything that may raise, in one protected call. */
static int l_run(lua_State *L) {
  struct job *job = lua_touserdata(L, 1);
  luaL_openlibs(L);
  look_in(L, "path", job->folder, ".lua");
#ifdef OC_STATIC
  lua_getglobal(L, "package");
  lua_getfield(L, -1, "preload");
  lua_pushcfunction(L, luaopen_oc_core);
  lua_setfield(L, -2, "oc.core");
  lua_pop(L, 2);
#else
  look_in(L, "cpath", job->folder, ".so");
#endif
  lua_pushfstring(L, "%s/leads.lua", job->folder);
  if (luaL_loadfile(L, lua_tostring(L, -1)) != 0)
    return lua_error(L);
  lua_pushstring(L, job->address);
  lua_pushlightuserdata(L, job);
  lua_pushcclosure(L, l_lead, 1);
  lua_call(L, 2, 0);
  return 0;
}

static void *run(void *given) {
  struct job *job = given;
  lua_State *L = luaL_newstate();
  if (L == NULL) {
    fprintf(stderr, "%s: not enough memory\n", job->address);
    return NULL;
  }
  lua_pushcfunction(L, on_error);
  lua_pushcfunction(L, l_run);
  lua_pushlightuserdata(L, job);
  job->done = lua_pcall(L, 1, 0, 1) == 0;
  if (!job->done) {
    const char *text = lua_tostring(L, -1);
    fprintf(stderr, "%s: %s\n", job->address, text != NULL ? text : "an error without a text");
  }
  lua_close(L);  /* ends what the script left open */
  return NULL;
}

/* The folder that the program is in, by Linux' word, else by how it was called. */
static const char *own_folder(const char *called) {
  static char path[4096];
  ssize_t length = readlink("/proc/self/exe", path, sizeof path - 1);
  char *slash;
  if (length < 0)
    snprintf(path, sizeof path, "%s", called);
  slash = strrchr(path, '/');
  if (slash == NULL)
    return ".";
  *slash = '\0';
  return path;
}

int main(int argc, char **argv) {
#ifdef LUA_DIR
  const char *folder = LUA_DIR;
#else
  const char *folder = own_folder(argv[0]);
#endif
  int i, count = argc - 1, failed = 0;
  struct job *jobs;
  if (count < 1) {
    fprintf(stderr, "usage: %s ADDRESS...\n", argv[0]);
    return 2;
  }
  jobs = calloc((size_t)count, sizeof *jobs);
  if (jobs == NULL)
    return perror(argv[0]), 1;
  for (i = 0; i < count; i++) {
    jobs[i].address = argv[i + 1];
    jobs[i].folder = folder;
    if (pthread_create(&jobs[i].thread, NULL, run, &jobs[i]) != 0)
      return perror(argv[0]), 1;
  }
  for (i = 0; i < count; i++) {
    pthread_join(jobs[i].thread, NULL);
    if (jobs[i].done)
      printf("%s: %ld leads, %ld active\n", jobs[i].address, jobs[i].leads, jobs[i].active);
    failed |= !jobs[i].done;
  }
  free(jobs);
  return failed;
}
