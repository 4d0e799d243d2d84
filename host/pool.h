/* A pool of threads that are kept between steps, for tasks of a few microseconds. A pool belongs to its process: in a child of
 * fork() there are no threads other than the caller at first, and new ones are started when they are needed. */
#ifndef CUSGD_HOST_POOL_H
#define CUSGD_HOST_POOL_H

#include <signal.h>
#include <stdint.h>

typedef struct pool pool;

/* Returns the number of processors that this process may use, or the value of OMP_NUM_THREADS. */
int pool_threads(void);

/* Creates a pool of `threads` threads, including the calling one; the others are started when they are first needed. Returns NULL
 * if there is no memory. */
pool *pool_create(int threads);
void pool_free(pool *p); /* accepts NULL */

/* Calls body(context, i) once for each i in 0 .. count - 1, on up to `team` threads, and returns when all calls have ended.
 * Thread w begins with the indices from pool_range(count, team, w) on, so that it uses the same data in each task, and continues
 * with indices that other threads have not begun. A thread that is not scheduled takes no indices, so that the others do not wait
 * for it. */
void pool_for(pool *p, int team, int64_t count, void (*body)(void *context, int64_t i), void *context);
/* As pool_for(), but if interrupt_asked() returns 1 in the calling thread, the indices that no thread has begun are skipped, and
 * the function returns 0; otherwise it returns 1. A body that takes long calls pool_stops(), in any thread, and returns early if
 * it is 1. */
int pool_run(pool *p, int team, int64_t count, void (*body)(void *context, int64_t i), void *context);
int pool_stops(pool *p);
/* Runs pool_run() on threads that are started for this call. Returns -1 if there is no memory. */
int pool_once(int threads, int64_t count, void (*body)(void *context, int64_t i), void *context);
/* Runs pool_for() on the number of threads that is fastest, which are started for this call; on the calling thread alone if there
 * is no memory for more. */
void pool_share(int64_t count, void (*body)(void *context, int64_t i), void *context);
/* Blocks signals that the threads of the program should handle, to be called before a thread of the library is started, which
 * inherits the mask. Signals that a thread raises itself are not blocked: a blocked SIGBUS, for a page of a file that became
 * shorter, would end the program. *before: the mask to restore. */
void pool_block_signals(sigset_t *before);
/* Returns, inside a body, the number of the thread that runs it, < `team`; the calling thread has number 0. */
int pool_thread(void);
/* Returns the number of threads of such a call: fewer than `team` if there are few indices or threads cannot be started. */
int pool_team(pool *p, int team, int64_t count);
/* pool_range() returns the first index of the range of thread w, and pool_owner() the thread whose range has index i. */
int64_t pool_range(int64_t count, int team, int w);
int pool_owner(int64_t count, int team, int64_t i);

#endif
