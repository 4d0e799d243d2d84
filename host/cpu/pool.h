/* Threads that a backend keeps between steps, for pieces of work of a few microseconds. */
#ifndef CUSGD_HOST_CPU_POOL_H
#define CUSGD_HOST_CPU_POOL_H

#include <stdint.h>

typedef struct pool pool;

/* Of `threads` threads, the caller's among them; the others start when they are first wanted. NULL: out of memory. */
pool *pool_create(int threads);
void pool_free(pool *p); /* accepts NULL */

/* Calls body(context, i) for i in 0 .. count - 1, each once, in any order, on up to `team` threads; returns when all are done.
 * Which thread does what is left to chance: a thread that does not run just now takes nothing, and nobody waits for it. Where
 * threads cannot be had there are fewer of them. */
void pool_for(pool *p, int team, int64_t count, void (*body)(void *context, int64_t i), void *context);

#endif
