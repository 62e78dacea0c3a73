/*
** oc_transport_init.c - what the transport does to the process: starts libcurl,
** keeps it loaded, and holds SIGPIPE back.
*/
#define _GNU_SOURCE /* dladdr */

#include "oc_transport_priv.h"

#include <dlfcn.h>
#include <errno.h>
#include <pthread.h>
#include <time.h>

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static int started;

/*
** A host name that is being looked up holds a thread of libcurl's, and we do
** not wait for it when an exchange ends (CURLOPT_QUICK_EXIT). When lua_close
** unloads us and thereby libcurl, that thread must still find its code: so
** libcurl stays loaded.
*/
static void pin_libcurl(void) {
#if defined(RTLD_NOLOAD) && defined(RTLD_NODELETE)
  Dl_info here;
  CURL *(*symbol)(void) = curl_easy_init;
  void *address;
  *(CURL *(**)(void))&address = symbol;  /* POSIX's way around ISO C */
  if (dladdr(address, &here) != 0 && here.dli_fname != NULL)
    (void)dlopen(here.dli_fname, RTLD_LAZY | RTLD_NOLOAD | RTLD_NODELETE);
#endif
}

/* Not pthread_once: what found no memory the first time may find it the next. */
int oc_transport_init(void) {
  int status;
  pthread_mutex_lock(&lock);
  if (!started && curl_global_init(CURL_GLOBAL_DEFAULT) == CURLE_OK) {
    pin_libcurl();
    started = 1;
  }
  status = started ? OC_OK : OC_EMEM;
  pthread_mutex_unlock(&lock);
  return status;
}

void oc_sigpipe_hold(oc_sigpipe *s) {
  sigset_t pipe_only, pending;
  s->mine = 0;
  if (sigpending(&pending) != 0 || sigismember(&pending, SIGPIPE))
    return;  /* pending means blocked: nothing can happen, nothing is ours */
  sigemptyset(&pipe_only);
  sigaddset(&pipe_only, SIGPIPE);
  s->mine = pthread_sigmask(SIG_BLOCK, &pipe_only, &s->mask) == 0;
}

void oc_sigpipe_let(oc_sigpipe *s) {
  static const struct timespec at_once = {0, 0};
  sigset_t pipe_only;
  if (!s->mine)
    return;
  sigemptyset(&pipe_only);
  sigaddset(&pipe_only, SIGPIPE);
  while (sigtimedwait(&pipe_only, NULL, &at_once) < 0 && errno == EINTR)
    continue;
  pthread_sigmask(SIG_SETMASK, &s->mask, NULL);
}

oc_versions oc_transport_versions(void) {
  const curl_version_info_data *info = curl_version_info(CURLVERSION_NOW);
  oc_versions v;
  v.curl = info->version;
  v.ssl = info->ssl_version;
  v.zlib = info->libz_version;
  v.nghttp2 = NULL;
  if ((info->features & CURL_VERSION_HTTP2) != 0)
    v.nghttp2 = info->age >= CURLVERSION_SIXTH && info->nghttp2_version != NULL
                    ? info->nghttp2_version : "";
  return v;
}
