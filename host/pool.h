/* Threads that are kept between steps, for pieces of work of a few microseconds. A pool belongs to its process: in a child
 * that fork() made the caller is alone at first, and new threads start when they are wanted. */
#ifndef CUSGD_HOST_POOL_H
#define CUSGD_HOST_POOL_H

#include <signal.h>
#include <stdint.h>

typedef struct pool pool;

/* As many threads as this process may run at once, or OMP_NUM_THREADS says. */
int pool_threads(void);

/* Of `threads` threads, the caller's among them; the others start when they are first wanted. NULL: out of memory. */
pool *pool_create(int threads);
void pool_free(pool *p); /* accepts NULL */

/* Calls body(context, i) for i in 0 .. count - 1, each once, on up to `team` threads; returns when all are done. Thread w begins
 * with indices pool_range(count, team, w) and up, so that it meets the same data again in the next piece, and goes on with what
 * others have not begun: a thread that does not run just now takes nothing, and nobody waits for it. */
void pool_for(pool *p, int team, int64_t count, void (*body)(void *context, int64_t i), void *context);
/* Likewise, unless interrupt_asked() in the caller's thread: then indices that nobody has begun are left out, and it returns 0.
 * Else it returns 1. A body that takes long asks pool_stops() on its way, from whatever thread, and leaves the rest. */
int pool_run(pool *p, int team, int64_t count, void (*body)(void *context, int64_t i), void *context);
int pool_stops(pool *p);
/* pool_run on threads that are started for it alone. -1: out of memory. */
int pool_once(int threads, int64_t count, void (*body)(void *context, int64_t i), void *context);
/* pool_for on as many threads as help, started for it alone; by the caller alone where there is no memory for them. */
void pool_share(int64_t count, void (*body)(void *context, int64_t i), void *context);
/* Blocks the signals that are the program's own threads' to handle, before a thread of the library is started, which inherits
 * that. Not those that a thread raises itself: a page that a file has lost (SIGBUS), which would end the program. *before: the
 * mask to restore. */
void pool_block_signals(sigset_t *before);
/* In a body: the number of the thread that runs it, under `team`; the caller's is 0. */
int pool_thread(void);
/* How many threads that will be: fewer than `team` where indices are few or threads cannot be had. */
int pool_team(pool *p, int team, int64_t count);
/* The first index of thread w's range; and whose range index i is in. */
int64_t pool_range(int64_t count, int team, int w);
int pool_owner(int64_t count, int team, int64_t i);

#endif
