/*
** oom_hooks.h - put before a file of src, sends its allocations to oom_main.c. By
** name, so that it works under the sanitizers, which stand in for malloc themselves.
** Includes nothing, so that the file may still say which system it wants to see;
** stdlib.h then declares these in place of its own.
*/
#ifndef oom_hooks_h
#define oom_hooks_h

#define malloc oom_malloc
#define calloc oom_calloc
#define realloc oom_realloc
#define free oom_free

#endif
