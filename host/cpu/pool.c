/* See pool.h. The caller publishes a piece of work by a ticket; whoever is awake draws indices from it by compare-and-swap, so
 * that on a busy machine the others do the work of a thread that is not running. A thread that finds nothing to do spins for some
 * microseconds, which is how far apart steps are, and then sleeps until it is wanted. */
#include "pool.h"

#include "error.h"
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>

enum { IDLE_SPINS = 4000 /* about 50 us */ };

/* A ticket is the number of a piece of work, and the next index to be drawn. */
#define TICKET_NEXT UINT64_C(0xFFFFFFFF)

typedef struct worker {
    _Alignas(64) _Atomic int asleep;
    pool *pool;
    int index; /* the caller is 0 */
    pthread_t thread;
    pthread_cond_t wanted;
} worker;

struct pool {
    /* A piece of work; its fields change while no index can be drawn. */
    void (*body)(void *context, int64_t i);
    void *context;
    _Atomic int64_t count;
    _Atomic int team;
    _Alignas(64) _Atomic uint64_t ticket;
    _Alignas(64) _Atomic int64_t done;
    _Alignas(64) pthread_mutex_t mutex; /* of sleeping and waking */
    int quits;                          /* under the mutex */
    int threads, started;
    worker *workers; /* threads - 1 */
};

static inline void relax(void)
{
#if defined(__x86_64__) || defined(__i386__)
    __builtin_ia32_pause();
#elif defined(__aarch64__)
    __asm__ volatile("yield");
#endif
}

/* Draws an index and does it; 0 where none is left. */
static int work(pool *p)
{
    uint64_t ticket = atomic_load(&p->ticket);
    int64_t i = (int64_t)(ticket & TICKET_NEXT);
    if (i >= atomic_load(&p->count)) return 0;
    /* If the count is another piece's, so is the ticket by now, and the exchange fails. */
    if (!atomic_compare_exchange_strong(&p->ticket, &ticket, ticket + 1)) return 1;
    p->body(p->context, i);
    atomic_fetch_add_explicit(&p->done, 1, memory_order_release);
    return 1;
}

static int is_wanted(pool *p, const worker *w)
{
    return (int64_t)(atomic_load(&p->ticket) & TICKET_NEXT) < atomic_load(&p->count) && w->index < atomic_load(&p->team);
}

/* Until there is something to draw. Returns 0 when the pool ends. */
static int wait_for_work(pool *p, worker *w)
{
    for (int i = 0; i < IDLE_SPINS; i++) {
        if (is_wanted(p, w)) return 1;
        relax();
    }
    pthread_mutex_lock(&p->mutex);
    atomic_store(&w->asleep, 1); /* before it looks once more: the caller publishes first, and then looks who is asleep */
    while (!p->quits && !is_wanted(p, w)) pthread_cond_wait(&w->wanted, &p->mutex);
    atomic_store(&w->asleep, 0);
    int quits = p->quits;
    pthread_mutex_unlock(&p->mutex);
    return !quits;
}

static void *worker_run(void *of)
{
    worker *w = of;
    while (wait_for_work(w->pool, w)) {
        while (w->index < atomic_load(&w->pool->team) && work(w->pool)) {
        }
    }
    return NULL;
}

/* Signals are the program's own threads' to handle. */
static void start_workers(pool *p, int team)
{
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    for (; p->started < team - 1; p->started++) {
        worker *w = &p->workers[p->started];
        w->pool = p;
        w->index = p->started + 1;
        pthread_cond_init(&w->wanted, NULL);
        if (pthread_create(&w->thread, NULL, worker_run, w) == 0) continue;
        pthread_cond_destroy(&w->wanted);
        p->threads = p->started + 1;
        break;
    }
    pthread_sigmask(SIG_SETMASK, &before, NULL);
}

pool *pool_create(int threads)
{
    pool *p = allocate_aligned_zeroed(1, sizeof *p);
    if (!p) return NULL;
    p->threads = threads > 1 ? threads : 1;
    p->ticket = TICKET_NEXT;
    p->workers = allocate_aligned_zeroed((size_t)p->threads, sizeof *p->workers);
    if (!p->workers) {
        free(p);
        return NULL;
    }
    pthread_mutex_init(&p->mutex, NULL);
    return p;
}

static void wake(pool *p, worker *w)
{
    pthread_mutex_lock(&p->mutex);
    pthread_cond_signal(&w->wanted);
    pthread_mutex_unlock(&p->mutex);
}

void pool_free(pool *p)
{
    if (!p) return;
    pthread_mutex_lock(&p->mutex);
    p->quits = 1;
    pthread_mutex_unlock(&p->mutex);
    for (int i = 0; i < p->started; i++) {
        wake(p, &p->workers[i]);
        pthread_join(p->workers[i].thread, NULL);
        pthread_cond_destroy(&p->workers[i].wanted);
    }
    pthread_mutex_destroy(&p->mutex);
    free(p->workers);
    free(p);
}

static void publish(pool *p, int team, int64_t count, void (*body)(void *context, int64_t i), void *context)
{
    uint64_t ticket = atomic_load(&p->ticket) | TICKET_NEXT;
    atomic_store(&p->ticket, ticket); /* no index can be drawn */
    p->body = body;
    p->context = context;
    atomic_store_explicit(&p->done, 0, memory_order_relaxed);
    atomic_store_explicit(&p->team, team, memory_order_relaxed);
    atomic_store_explicit(&p->count, count, memory_order_release);
    atomic_store(&p->ticket, ticket + 1); /* the next piece, from index 0 */
    for (int i = 0; i < team - 1; i++)
        if (atomic_load(&p->workers[i].asleep)) wake(p, &p->workers[i]);
}

void pool_for(pool *p, int team, int64_t count, void (*body)(void *context, int64_t i), void *context)
{
    if (team > count) team = (int)count;
    if (team > p->threads) team = p->threads;
    if (team - 1 > p->started) start_workers(p, team);
    if (team > p->threads) team = p->threads;
    if (team <= 1) {
        for (int64_t i = 0; i < count; i++) body(context, i);
        return;
    }
    publish(p, team, count, body, context);
    while (work(p)) {
    }
    for (int spins = 0; atomic_load_explicit(&p->done, memory_order_acquire) < count; spins++) {
        if (spins < IDLE_SPINS)
            relax();
        else
            sched_yield(); /* who holds an index may be waiting for this processor */
    }
}
