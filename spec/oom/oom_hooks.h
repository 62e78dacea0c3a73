/*
** oom_hooks.h - put before a file of src, sends its allocations, and libcurl's start,
** to oom_main.c. By name, so that it works under the sanitizers, which stand in for
** malloc themselves.
** Includes nothing, so that the file may still say which system it wants to see;
** the headers then declare these in place of their own.
*/
#ifndef oom_hooks_h
#define oom_hooks_h

#define malloc oom_malloc
#define calloc oom_calloc
#define realloc oom_realloc
#define free oom_free
#define curl_global_init oom_curl_global_init

#endif
