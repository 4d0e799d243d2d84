/* The CPU backend's threads: every index is done once, whatever the teams, the counts and the pauses between. */
#include "interrupt.h"
#include "pool.h"

#include <criterion/criterion.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { MOST = 300 };

typedef struct tally {
    int64_t times[MOST]; /* each index is one thread's at a time */
    double value[MOST];
} tally;

static void count(void *context, int64_t i)
{
    tally *t = context;
    t->times[i]++;
    for (int l = 0; l < (int)(i % 7) * 50; l++) t->value[i] += (double)l;
}

static void pause_for(long nanoseconds)
{
    struct timespec t = {0, nanoseconds};
    nanosleep(&t, NULL);
}

Test(pool, every_index_once)
{
    static const int teams[] = {1, 2, 3, 8, 100};
    static const int64_t counts[] = {0, 1, 2, 5, 63, MOST};
    pool *p = pool_create(8); /* more than the machine may have processors */
    cr_assert(p);
    tally *t = malloc(sizeof *t);
    for (int piece = 0; piece < 3000; piece++) {
        int team = teams[piece * 7 % 5];
        int64_t n = counts[piece % 6];
        memset(t, 0, sizeof *t);
        pool_for(p, team, n, count, t);
        for (int64_t i = 0; i < MOST; i++)
            cr_assert_eq(t->times[i], i < n, "piece %d: index %d was done %d times", piece, (int)i, (int)t->times[i]);
        if (piece % 100 == 0) pause_for(1000000); /* the others fall asleep */
    }
    pool_free(p);
    free(t);
}

/* What a piece wrote, the next one reads, on whatever thread. */
static void double_left(void *context, int64_t i)
{
    int64_t *at = context;
    at[i + 1] = 2 * at[i + 1] + at[0];
}

Test(pool, a_piece_sees_what_the_one_before_it_wrote)
{
    enum { PIECES = 20000, WIDTH = 4 };
    pool *p = pool_create(3);
    int64_t values[WIDTH + 1] = {1}, expected = 0;
    for (int piece = 0; piece < PIECES; piece++) {
        values[0] = piece;
        pool_for(p, 3, WIDTH, double_left, values);
        expected = (int64_t)((uint64_t)expected * 2 + (uint64_t)piece) & INT64_C(0xFFFFFFFF);
        for (int i = 1; i <= WIDTH; i++) {
            values[i] &= INT64_C(0xFFFFFFFF);
            cr_assert_eq(values[i], expected, "piece %d", piece);
        }
    }
    pool_free(p);
}

Test(pool, ends_without_having_begun)
{
    pool_free(NULL);
    pool *p = pool_create(0);
    tally t = {.times = {0}};
    pool_for(p, 4, 10, count, &t);
    for (int i = 0; i < 10; i++) cr_assert_eq(t.times[i], 1);
    pool_free(p);
    pool_free(pool_create(5));
}

/* Every index is in the range of its owner. */
Test(pool, ranges)
{
    for (int team = 1; team <= 9; team++)
        for (int64_t n = team; n <= 40; n++) {
            cr_assert_eq(pool_range(n, team, 0), 0);
            cr_assert_eq(pool_range(n, team, team), n);
            for (int64_t i = 0; i < n; i++) {
                int w = pool_owner(n, team, i);
                cr_assert(i >= pool_range(n, team, w) && i < pool_range(n, team, w + 1), "%d of %d: %d", (int)i, (int)n, w);
            }
        }
}

/* ---- A caller that waits ---- */

typedef struct meeting {
    pool *pool;
    _Atomic int begun; /* bodies on threads that are not the caller's */
    _Atomic int asked; /* questions since */
    _Atomic int ended;
} meeting;

/* The caller's part ends once another thread has begun its own, which takes longer than the caller spins. */
static void take_long(void *context, int64_t i)
{
    meeting *m = context;
    (void)i;
    while (pool_thread() == 0 && !m->begun) pause_for(1000);
    if (pool_thread() == 0) return;
    m->begun = 1;
    pause_for(2000000);
    m->ended++;
}

Test(pool, a_caller_that_sleeps_is_woken)
{
    for (int i = 0; i < 100; i++) {
        meeting m = {pool_create(2), 0, 0, 0};
        pool_for(m.pool, 2, 2, take_long, &m);
        cr_assert_eq(m.ended, 1);
        pool_free(m.pool);
    }
}

static int ask_late(void *user)
{
    meeting *m = user;
    return m->begun && ++m->asked > 20;
}

/* Ends by pool_stops() alone: only if the caller, which has nothing to do and sleeps, goes on asking. */
static void wait_for_the_end(void *context, int64_t i)
{
    meeting *m = context;
    (void)i;
    while (pool_thread() == 0 && !m->begun) pause_for(1000);
    if (pool_thread() == 0) return;
    m->begun = 1;
    while (!pool_stops(m->pool)) pause_for(100000);
    m->ended++;
}

Test(pool, a_caller_that_sleeps_asks_for_interruptions)
{
    meeting m = {pool_create(2), 0, 0, 0};
    cusgd_set_interrupt(ask_late, &m);
    cr_assert_eq(pool_run(m.pool, 2, 2, wait_for_the_end, &m), 0);
    cusgd_set_interrupt(NULL, NULL);
    cr_assert_eq(m.ended, 1);
    pool_free(m.pool);
}

static void put_index(void *context, int64_t i) { ((int64_t *)context)[i] += i + 1; }

Test(pool, share_does_each_once)
{
    int64_t values[MOST] = {0};
    for (int count = 0; count <= MOST; count += 7) {
        memset(values, 0, sizeof values);
        pool_share(count, put_index, values);
        for (int i = 0; i < MOST; i++) cr_assert_eq(values[i], i < count ? i + 1 : 0);
    }
}

/* How many threads there are follows from the environment, or else from the processors that the process may use. */
Test(pool, number_of_threads)
{
    cpu_set_t one;
    setenv("OMP_NUM_THREADS", "3", 1);
    cr_expect_eq(pool_threads(), 3);
    setenv("OMP_NUM_THREADS", "5,2", 1);
    cr_expect_eq(pool_threads(), 5);
    CPU_ZERO(&one);
    cr_assert_eq(sched_getaffinity(0, sizeof one, &one), 0);
    int all = CPU_COUNT(&one);
    static const char *const nothing[] = {"", "0", "-1", "two", "99999999999999999999"};
    for (size_t i = 0; i < sizeof nothing / sizeof *nothing; i++) {
        setenv("OMP_NUM_THREADS", nothing[i], 1);
        cr_expect_eq(pool_threads(), all, "%s", nothing[i]);
    }
    unsetenv("OMP_NUM_THREADS");
    for (size_t cpu = CPU_SETSIZE; cpu-- > 0;)
        if (CPU_ISSET(cpu, &one) && CPU_COUNT(&one) > 1) CPU_CLR(cpu, &one);
    cr_assert_eq(sched_setaffinity(0, sizeof one, &one), 0);
    cr_expect_eq(pool_threads(), 1);
}
