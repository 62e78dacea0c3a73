/*
** oc.c - luaopen_oc_core and nothing else: asks each part for its functions.
*/
#include "oc_address.h"
#include "oc_answer.h"
#include "oc_build.h"
#include "oc_compat.h"
#include "oc_decode.h"
#include "oc_encode.h"
#include "oc_error.h"
#include "oc_file.h"
#include "oc_filter.h"
#include "oc_pager.h"
#include "oc_http.h"

#if defined(_WIN32)
#define OC_EXPORT __declspec(dllexport)
#else
#define OC_EXPORT __attribute__((visibility("default")))
#endif

OC_EXPORT int luaopen_oc_core(lua_State *L);

int luaopen_oc_core(lua_State *L) {
  lua_newtable(L);
  oc_error_open(L);
  oc_file_open(L);
  oc_address_open(L);
  oc_answer_open(L);
  oc_build_open(L);
  oc_decode_open(L);
  oc_encode_open(L);
  oc_filter_open(L);
  oc_pager_open(L);
  oc_http_open(L);
  return 1;
}
