/*
** oc_file.c - what Lua's io does not tell of files and terminals.
** For the command line. Opens nothing, keeps nothing, knows no format.
*/
#define _XOPEN_SOURCE 700  /* realpath */

#include "oc_file.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <lualib.h>  /* LUA_FILEHANDLE, in 5.1 */
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

/* Pushes nil, what is wrong, and whether it is a pipe that nobody reads. */
static int push_errno(lua_State *L, int number) {
  lua_pushnil(L);
  lua_pushstring(L, strerror(number));
  lua_pushboolean(L, number == EPIPE);
  return 3;
}

static const char *type_of(mode_t mode) {
  if (S_ISREG(mode))
    return "file";
  return S_ISDIR(mode) ? "directory" : "other";
}

/* file_mode(path) -> permission bits, type | nil, why; symbolic links are followed */
static int l_file_mode(lua_State *L) {
  struct stat s;
  if (stat(luaL_checkstring(L, 1), &s) != 0)
    return push_errno(L, errno);
  lua_pushinteger(L, (lua_Integer)(s.st_mode & 07777));
  lua_pushstring(L, type_of(s.st_mode));
  return 2;
}

/* truncate(path, bytes) -> true | nil, why */
static int l_truncate(lua_State *L) {
  const char *path = luaL_checkstring(L, 1);
  lua_Number bytes = luaL_checknumber(L, 2);
  luaL_argcheck(L, bytes >= 0 && bytes <= 9007199254740992.0, 2, "no length");
  if (truncate(path, (off_t)bytes) != 0)
    return push_errno(L, errno);
  lua_pushboolean(L, 1);
  return 1;
}

/* terminal(fd) -> columns (0: unknown) | nil when it is no terminal */
static int l_terminal(lua_State *L) {
  int fd = (int)luaL_checkinteger(L, 1);
  lua_Integer columns = 0;
#ifdef TIOCGWINSZ
  struct winsize size;
#endif
  if (!isatty(fd))
    return 0;
#ifdef TIOCGWINSZ
  if (ioctl(fd, TIOCGWINSZ, &size) == 0)
    columns = size.ws_col;
#endif
  lua_pushinteger(L, columns);
  return 1;
}

/* The descriptor of the open file at index 1. */
static int check_file(lua_State *L) {
#if LUA_VERSION_NUM >= 502
  const luaL_Stream *stream = luaL_checkudata(L, 1, LUA_FILEHANDLE);
  FILE *file = stream->closef != NULL ? stream->f : NULL;
#else
  FILE *file = *(FILE **)luaL_checkudata(L, 1, LUA_FILEHANDLE);
#endif
  luaL_argcheck(L, file != NULL, 1, "the file is closed");
  return fileno(file);
}

/*
** write(fd or file, text) -> true | nil, why, broken pipe? All of it, whatever
** signals come: stdio would forget what is left of its buffer when one does. Past
** the buffer of a file: LuaJIT, where it compiles a flush that fails, flushes
** again, and then nothing is left to fail.
*/
static int l_write(lua_State *L) {
  size_t left;
  const int fd = lua_isuserdata(L, 1) ? check_file(L) : (int)luaL_checkinteger(L, 1);
  const char *text = luaL_checklstring(L, 2, &left);
  while (left > 0) {
    ssize_t written = write(fd, text, left);
    if (written >= 0) {
      text += written;
      left -= (size_t)written;
    } else if (errno == EAGAIN || errno == EWOULDBLOCK) {
      /* somebody who shares this pipe or terminal made it non-blocking */
      struct pollfd ready;
      ready.fd = fd;
      ready.events = POLLOUT;
      poll(&ready, 1, -1);
    } else if (errno != EINTR) {
      return push_errno(L, errno);
    }
  }
  lua_pushboolean(L, 1);
  return 1;
}

/*
** standard_streams() -> was standard output open? Opens what was closed of 0, 1 and
** 2, so that no socket or file of ours becomes somebody's standard output.
*/
static int l_standard_streams(lua_State *L) {
  int fd, closed = 0;
  for (fd = 0; fd <= 2; fd++) {
    if (fcntl(fd, F_GETFD) != -1)
      continue;
    if (open("/dev/null", O_RDWR) != fd)
      return luaL_error(L, "cannot open /dev/null in place of descriptor %d", fd);
    closed |= fd == 1;
  }
  lua_pushboolean(L, !closed);
  return 1;
}

/*
** lock(file) -> true | nil, why. Held until this file is closed or the process
** ends, however it ends: programs it starts do not get the file.
*/
static int l_lock(lua_State *L) {
  const int fd = check_file(L);
  if (fcntl(fd, F_SETFD, FD_CLOEXEC) == -1 || flock(fd, LOCK_EX | LOCK_NB) == -1)
    return push_errno(L, errno);
  lua_pushboolean(L, 1);
  return 1;
}

/* is_at(file, path) -> is it still this file that is there? */
static int l_is_at(lua_State *L) {
  struct stat open, there;
  const int fd = check_file(L);
  const char *path = luaL_checkstring(L, 2);
  lua_pushboolean(L, fstat(fd, &open) == 0 && stat(path, &there) == 0 &&
                     open.st_dev == there.st_dev && open.st_ino == there.st_ino);
  return 1;
}

/*
** create(path, bits) -> true | nil, why, was there something? An empty file that
** was not there, and is no link of somebody's.
*/
static int l_create(lua_State *L) {
  const int fd = open(luaL_checkstring(L, 1), O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC,
                      (mode_t)(luaL_checkinteger(L, 2) & 07777));
  if (fd == -1) {
    push_errno(L, errno);
    lua_pushboolean(L, errno == EEXIST);
    lua_replace(L, -2);
    return 3;
  }
  close(fd);
  lua_pushboolean(L, 1);
  return 1;
}

/* set_mode(file, bits) -> true | nil, why. Who may read and write it. */
static int l_set_mode(lua_State *L) {
  if (fchmod(check_file(L), (mode_t)(luaL_checkinteger(L, 2) & 07777)) == -1)
    return push_errno(L, errno);
  lua_pushboolean(L, 1);
  return 1;
}

/* real_path(path) -> the path without symbolic links | nil, why */
static int l_real_path(lua_State *L) {
  char found[PATH_MAX];
  if (realpath(luaL_checkstring(L, 1), found) == NULL)
    return push_errno(L, errno);
  lua_pushstring(L, found);
  return 1;
}

/* sync(file) -> true | nil, why. What was written, and flushed, is on the disk. */
static int l_sync(lua_State *L) {
  if (fsync(check_file(L)) == -1)
    return push_errno(L, errno);
  lua_pushboolean(L, 1);
  return 1;
}

static const luaL_Reg FUNCTIONS[] = {
    {"create", l_create},
    {"file_mode", l_file_mode},
    {"is_at", l_is_at},
    {"lock", l_lock},
    {"real_path", l_real_path},
    {"set_mode", l_set_mode},
    {"standard_streams", l_standard_streams},
    {"sync", l_sync},
    {"terminal", l_terminal},
    {"truncate", l_truncate},
    {"write", l_write},
    {NULL, NULL},
};

void oc_file_open(lua_State *L) {
  luaL_setfuncs(L, FUNCTIONS, 0);
}
