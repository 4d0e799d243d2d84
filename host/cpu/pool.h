/* Threads that a backend keeps between steps, for pieces of work of a few microseconds. */
#ifndef CUSGD_HOST_CPU_POOL_H
#define CUSGD_HOST_CPU_POOL_H

#include <stdint.h>

typedef struct pool pool;

/* Of `threads` threads, the caller's among them; the others start when they are first wanted. NULL: out of memory. */
pool *pool_create(int threads);
void pool_free(pool *p); /* accepts NULL */

/* Calls body(context, i) for i in 0 .. count - 1, each once, on up to `team` threads; returns when all are done. Thread w begins
 * with indices pool_range(count, team, w) and up, so that it meets the same data again in the next piece, and goes on with what
 * others have not begun: a thread that does not run just now takes nothing, and nobody waits for it. */
void pool_for(pool *p, int team, int64_t count, void (*body)(void *context, int64_t i), void *context);
/* How many threads that will be: fewer than `team` where indices are few or threads cannot be had. */
int pool_team(pool *p, int team, int64_t count);
/* The first index of thread w's range; and whose range index i is in. */
int64_t pool_range(int64_t count, int team, int w);
int pool_owner(int64_t count, int team, int64_t i);

#endif
