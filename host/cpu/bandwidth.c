/* How fast this machine reads memory: what a step, which reads each row once, is held against. */
#include "cpu.h"

#include "ascending.h"
#include "clock.h"
#include "failure.h"
#include <stdlib.h>

enum { PASSES = 9, WORDS = 16 }; /* WORDS: of 8 bytes, in a unit of two cache lines */
typedef uint64_t words __attribute__((vector_size(64)));

/* Each thread's share of the units is its own in every pass, so far as it runs in time. */
typedef struct reading {
    uint64_t *at;
    int64_t units;
    int shares;
    uint64_t *sums; /* shares */
} reading;

/* Word i is i; each page is first touched by the thread that reads it. */
static void fill_share(void *context, int64_t s)
{
    const reading *r = context;
    int64_t first = pool_range(r->units, r->shares, (int)s), last = pool_range(r->units, r->shares, (int)s + 1);
    for (int64_t i = first * WORDS; i < last * WORDS; i++) r->at[i] = (uint64_t)i;
}

/* The lines ahead are asked for, as the loop over rows does. */
static void sum_share(void *context, int64_t s)
{
    enum { AHEAD = 8 * 1024 / sizeof(uint64_t) };
    const reading *r = context;
    int64_t first = pool_range(r->units, r->shares, (int)s), last = pool_range(r->units, r->shares, (int)s + 1);
    words a = {0}, b = {0};
    for (int64_t u = first; u < last; u++) {
        const words *line = (const words *)(r->at + u * WORDS);
        __builtin_prefetch((const char *)line + AHEAD * sizeof(uint64_t));
        __builtin_prefetch((const char *)line + (AHEAD + 8) * sizeof(uint64_t));
        a += line[0];
        b += line[1];
    }
    a += b;
    r->sums[s] = 0;
    for (int i = 0; i < 8; i++) r->sums[s] += a[i];
}

/* The sum of all words, modulo 2^64. */
static uint64_t sum(pool *p, reading *r)
{
    uint64_t total = 0;
    pool_for(p, r->shares, r->shares, sum_share, r);
    for (int s = 0; s < r->shares; s++) total += r->sums[s];
    return total;
}

cusgd_status cpu_read_bandwidth(pool *p, int threads, int64_t bytes, double *bytes_per_second)
{
    int64_t unit = WORDS * (int64_t)sizeof(uint64_t), units = bytes / unit + (bytes % unit > 0);
    uint64_t *at = allocate_aligned((size_t)units, (size_t)unit), count = (uint64_t)units * WORDS;
    uint64_t expected = count % 2 ? (count - 1) / 2 * count : count / 2 * (count - 1);
    double seconds[PASSES];
    int wrong = 0;
    reading r = {at, units, threads, allocate((size_t)threads, sizeof(uint64_t))};
    if (!at || !r.sums) {
        free(at);
        free(r.sums);
        return fail_memory((size_t)bytes, "the measurement of the read bandwidth");
    }
    pool_for(p, threads, threads, fill_share, &r);
    wrong |= sum(p, &r) != expected; /* a pass to warm up */
    for (int i = 0; i < PASSES; i++) {
        double begun = clock_seconds();
        wrong |= sum(p, &r) != expected;
        seconds[i] = clock_seconds() - begun;
    }
    free(at);
    free(r.sums);
    if (wrong) return fail(CUSGD_ERROR_DEVICE, "CPU: memory that was written is read otherwise; test this machine's memory");
    qsort(seconds, PASSES, sizeof seconds[0], ascending);
    double median = seconds[PASSES / 2] > 1e-9 ? seconds[PASSES / 2] : 1e-9; /* the clock's step */
    *bytes_per_second = (double)(units * unit) / median;
    return CUSGD_OK;
}
