/* See pool.h. Each task has a number. Every thread has a range of the indices of the task, and a ticket that says how many of
 * them have been drawn: {number, indices drawn}. A ticket with an older number stands for a range of which nothing was drawn, so
 * that one store publishes a new task. Indices are drawn by compare-and-swap, first from the thread's own range and then from
 * those of the others, so that on a busy machine the others do the work of a thread that is not scheduled. A thread that finds no
 * work spins for some microseconds, which is the time between steps, and then sleeps until it is woken. */
#include "pool.h"

#include "failure.h"
#include "interrupt.h"
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

enum { IDLE_SPINS = 4000 /* about 100 us */, MAX_THREADS = 65536, ASK_NANOSECONDS = 1000000 };

typedef struct worker {
    _Alignas(64) _Atomic uint64_t ticket; /* number << 32 | drawn */
    _Alignas(64) _Atomic int asleep;
    pool *pool;
    int index; /* the calling thread has 0 */
    pthread_t thread;
    pthread_cond_t wanted;
} worker;

struct pool {
    /* The number of the task; 0 while the other members change. Members that were read between two equal reads of the number
     * belong together. */
    _Alignas(64) _Atomic uint32_t number;
    uint32_t last;   /* the last number that was given to a task; only the calling thread uses it */
    uint32_t rounds; /* how often the numbers wrapped around; likewise */
    _Atomic int team;
    _Atomic int64_t count;
    void (*_Atomic body)(void *context, int64_t i);
    void *_Atomic context;
    _Atomic int stops; /* 1: indices that no thread has begun are skipped */
    int asks;          /* 1: the calling thread checks for interruptions; only that thread uses it and `forks` */
    unsigned forks;    /* the value of the global `forks` when the threads were started */
    _Alignas(64) _Atomic int64_t done;
    _Alignas(64) pthread_mutex_t mutex; /* protects sleeping and waking */
    pthread_cond_t finished;            /* wakes the calling thread */
    _Atomic int waits;                  /* 1: the calling thread sleeps on `finished` or is about to */
    int quits;                          /* protected by the mutex */
    int threads, started;
    worker *workers; /* one per thread; of the first, the calling thread's, only the ticket is used */
};

/* The members of a task as a thread has read them. */
typedef struct piece {
    uint32_t number;
    int team;
    int64_t count;
    void (*body)(void *context, int64_t i);
    void *context;
} piece;

static _Thread_local int thread_number;
static _Atomic unsigned forks; /* number of forks that this process descends from; each child increases it */

/* Returns the first number in OMP_NUM_THREADS; 0 if there is none. */
static int threads_wanted(void)
{
    const char *text = getenv("OMP_NUM_THREADS");
    char *end;
    long wanted = text ? strtol(text, &end, 10) : 0;
    return wanted > 0 && wanted <= MAX_THREADS && (*end == '\0' || *end == ',') ? (int)wanted : 0;
}

int pool_threads(void)
{
    cpu_set_t allowed;
    int wanted = threads_wanted();
    if (wanted > 0) return wanted;
    if (sched_getaffinity(0, sizeof allowed, &allowed) == 0) return CPU_COUNT(&allowed);
    long online = sysconf(_SC_NPROCESSORS_ONLN); /* for machines with more processors than a cpu_set_t can hold */
    return online > 0 && online <= MAX_THREADS ? (int)online : 1;
}
int pool_thread(void) { return thread_number; }

static void count_fork(void) { atomic_fetch_add(&forks, 1); }
static void watch_forks(void) { (void)pthread_atfork(NULL, NULL, count_fork); }

static inline void relax(void)
{
#if defined(__x86_64__) || defined(__i386__)
    __builtin_ia32_pause();
#elif defined(__aarch64__)
    __asm__ volatile("yield");
#endif
}

int64_t pool_range(int64_t count, int team, int w) { return count * w / team; }

int pool_owner(int64_t count, int team, int64_t i) { return (int)(((i + 1) * team - 1) / count); }

/* Reads the current task. Returns 0 if there is none or it is being changed. */
static int read_piece(pool *p, piece *to)
{
    to->number = atomic_load(&p->number);
    to->team = atomic_load_explicit(&p->team, memory_order_acquire);
    to->count = atomic_load_explicit(&p->count, memory_order_acquire);
    to->body = atomic_load_explicit(&p->body, memory_order_acquire);
    to->context = atomic_load_explicit(&p->context, memory_order_acquire);
    return to->number != 0 && atomic_load(&p->number) == to->number;
}

/* Draws an index from the range of thread w; returns -1 if none is left. A task ends only when all its indices have been drawn
 * and processed. If this task has ended, every ticket has therefore changed since it was read, and the compare-and-swap fails. */
static int64_t draw(pool *p, const piece *of, int w)
{
    int64_t first = pool_range(of->count, of->team, w), size = pool_range(of->count, of->team, w + 1) - first;
    _Atomic uint64_t *at = &p->workers[w].ticket;
    uint64_t ticket = atomic_load(at);
    for (;;) {
        int64_t drawn = ticket >> 32 == of->number ? (int64_t)(ticket & UINT32_MAX) : 0;
        if (drawn >= size || atomic_load(&p->number) != of->number) return -1;
        if (atomic_compare_exchange_weak(at, &ticket, (uint64_t)of->number << 32 | (uint64_t)(drawn + 1))) return first + drawn;
    }
}

int pool_stops(pool *p)
{
    if (thread_number == 0 && p->asks && !atomic_load_explicit(&p->stops, memory_order_relaxed) && interrupt_asked())
        atomic_store(&p->stops, 1);
    return atomic_load_explicit(&p->stops, memory_order_relaxed);
}

/* Processes the remaining indices of a task, beginning with the range of thread w. */
static void work(pool *p, const piece *of, int w)
{
    int64_t done = 0;
    for (int victim = 0; victim < of->team; victim++) {
        int64_t i;
        while ((i = draw(p, of, (w + victim) % of->team)) >= 0) {
            if (!pool_stops(p)) of->body(of->context, i);
            done++;
        }
    }
    if (done == 0 || atomic_fetch_add(&p->done, done) + done != of->count || !atomic_load(&p->waits)) return;
    pthread_mutex_lock(&p->mutex);
    pthread_cond_signal(&p->finished);
    pthread_mutex_unlock(&p->mutex);
}

/* Returns whether there is a task after number `seen` in which thread w takes part. */
static int is_wanted(pool *p, const worker *w, uint32_t seen, piece *to)
{
    uint32_t number = atomic_load(&p->number);
    return number != 0 && number != seen && read_piece(p, to) && w->index < to->team;
}

/* Waits for such a task. Returns 0 when the pool ends. */
static int wait_for_work(pool *p, worker *w, uint32_t seen, piece *to)
{
    for (int i = 0; i < IDLE_SPINS; i++) {
        if (is_wanted(p, w, seen, to)) return 1;
        relax();
    }
    pthread_mutex_lock(&p->mutex);
    atomic_store(&w->asleep, 1); /* set before the last check: the calling thread publishes first and then checks who is asleep */
    while (!p->quits && !is_wanted(p, w, seen, to)) pthread_cond_wait(&w->wanted, &p->mutex);
    atomic_store(&w->asleep, 0);
    int quits = p->quits;
    pthread_mutex_unlock(&p->mutex);
    return !quits;
}

static void *worker_run(void *of)
{
    worker *w = of;
    piece now = {0};
    thread_number = w->index;
    while (wait_for_work(w->pool, w, now.number, &now)) work(w->pool, &now, w->index);
    return NULL;
}

void pool_block_signals(sigset_t *before)
{
    sigset_t all;
    sigfillset(&all);
    sigdelset(&all, SIGBUS);
    sigdelset(&all, SIGSEGV);
    sigdelset(&all, SIGFPE);
    sigdelset(&all, SIGILL);
    pthread_sigmask(SIG_SETMASK, &all, before);
}

static void start_workers(pool *p, int team)
{
    sigset_t before;
    pool_block_signals(&before);
    for (; p->started < team - 1; p->started++) {
        worker *w = &p->workers[p->started + 1];
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
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, watch_forks);
    pool *p = allocate_aligned_zeroed(1, sizeof *p);
    if (!p) return NULL;
    p->threads = threads > 1 ? threads : 1;
    p->last = UINT32_MAX - 1000; /* so that the numbers wrap around in every long run and every test */
    p->workers = allocate_aligned_zeroed((size_t)p->threads, sizeof *p->workers);
    if (!p->workers) {
        free(p);
        return NULL;
    }
    pthread_mutex_init(&p->mutex, NULL);
    pthread_cond_init(&p->finished, NULL);
    p->forks = atomic_load(&forks);
    return p;
}

/* Forgets the threads in a child of fork(), which does not have them. A mutex that they held would remain locked. */
static void check_fork(pool *p)
{
    unsigned now = atomic_load_explicit(&forks, memory_order_relaxed);
    if (p->forks == now) return;
    p->forks = now;
    p->started = 0;
    for (int w = 0; w < p->threads; w++) atomic_store(&p->workers[w].asleep, 0);
    pthread_mutex_init(&p->mutex, NULL);
    pthread_cond_init(&p->finished, NULL);
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
    check_fork(p);
    pthread_mutex_lock(&p->mutex);
    p->quits = 1;
    pthread_mutex_unlock(&p->mutex);
    for (int i = 0; i < p->started; i++) {
        worker *w = &p->workers[i + 1];
        wake(p, w);
        pthread_join(w->thread, NULL);
        pthread_cond_destroy(&w->wanted);
    }
    pthread_cond_destroy(&p->finished);
    pthread_mutex_destroy(&p->mutex);
    free(p->workers);
    free(p);
}

/* Chooses the next number of a task. When numbers wrap around, they must differ from those in old tickets, and from a ticket that
 * a suspended thread has read and not yet exchanged. No task therefore has number 0, and tickets with number 0 count how often
 * the numbers wrapped around. */
static void next_number(pool *p)
{
    if (++p->last != 0) return;
    p->rounds++;
    for (int w = 0; w < p->threads; w++) atomic_store(&p->workers[w].ticket, (uint64_t)p->rounds);
    p->last = 1;
}

static piece publish(pool *p, int team, int64_t count, void (*body)(void *context, int64_t i), void *context)
{
    atomic_store(&p->number, 0);
    next_number(p);
    atomic_store_explicit(&p->team, team, memory_order_release); /* ordered after the store of 0 */
    atomic_store_explicit(&p->count, count, memory_order_release);
    atomic_store_explicit(&p->body, body, memory_order_release);
    atomic_store_explicit(&p->context, context, memory_order_release);
    atomic_store_explicit(&p->done, 0, memory_order_relaxed);
    atomic_store(&p->number, p->last);
    for (int w = 1; w < team; w++)
        if (atomic_load(&p->workers[w].asleep)) wake(p, &p->workers[w]);
    return (piece){p->last, team, count, body, context};
}

int pool_team(pool *p, int team, int64_t count)
{
    if (team > count) team = (int)count;
    if (team > p->threads) team = p->threads;
    check_fork(p);
    if (team - 1 > p->started) start_workers(p, team);
    return team > p->threads ? p->threads : team;
}

static int is_done(pool *p, int64_t count) { return atomic_load(&p->done) >= count; }

/* Sleeps until the other threads have ended what they began; if it checks for interruptions, it wakes every millisecond for
 * that. */
static void sleep_until_done(pool *p, int64_t count)
{
    pthread_mutex_lock(&p->mutex);
    atomic_store(&p->waits, 1); /* set before the last check: the others count first and then check whether this thread waits */
    while (!is_done(p, count)) {
        if (!p->asks) {
            pthread_cond_wait(&p->finished, &p->mutex);
            continue;
        }
        struct timespec until;
        clock_gettime(CLOCK_REALTIME, &until);
        until.tv_nsec += ASK_NANOSECONDS;
        if (until.tv_nsec >= 1000000000) until.tv_sec++, until.tv_nsec -= 1000000000;
        if (pthread_cond_timedwait(&p->finished, &p->mutex, &until) == 0) continue;
        pthread_mutex_unlock(&p->mutex); /* the interrupt function may take long */
        (void)pool_stops(p);
        pthread_mutex_lock(&p->mutex);
    }
    atomic_store(&p->waits, 0);
    pthread_mutex_unlock(&p->mutex);
}

static void run_all(pool *p, int team, int64_t count, void (*body)(void *context, int64_t i), void *context)
{
    team = pool_team(p, team, count);
    if (team <= 1) {
        for (int64_t i = 0; i < count && !pool_stops(p); i++) body(context, i);
        return;
    }
    piece now = publish(p, team, count, body, context);
    work(p, &now, 0);
    for (int spins = 0; spins < IDLE_SPINS && !is_done(p, count); spins++) {
        relax();
        if (p->asks && spins % 64 == 0) (void)pool_stops(p);
    }
    if (!is_done(p, count)) sleep_until_done(p, count); /* a thread that has drawn an index may need this processor */
}

void pool_for(pool *p, int team, int64_t count, void (*body)(void *context, int64_t i), void *context)
{
    run_all(p, team, count, body, context);
}

int pool_run(pool *p, int team, int64_t count, void (*body)(void *context, int64_t i), void *context)
{
    p->asks = 1;
    run_all(p, team, count, body, context);
    p->asks = 0;
    return !atomic_exchange(&p->stops, 0);
}

void pool_share(int64_t count, void (*body)(void *context, int64_t i), void *context)
{
    int team = pool_threads();
    pool *p = count > 1 && team > 1 ? pool_create(team) : NULL;
    if (p)
        pool_for(p, team, count, body, context);
    else
        for (int64_t i = 0; i < count; i++) body(context, i);
    pool_free(p);
}

int pool_once(int threads, int64_t count, void (*body)(void *context, int64_t i), void *context)
{
    pool *p = pool_create(threads);
    if (!p) return -1;
    int all = pool_run(p, threads, count, body, context);
    pool_free(p);
    return all;
}
