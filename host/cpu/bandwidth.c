/* How fast this machine reads memory: what a step, which reads each row once, is held against. */
#include "cpu.h"

#include "error.h"
#include <stdlib.h>
#include <time.h>

enum { PASSES = 9, WORDS = 16 }; /* WORDS: of 8 bytes, in a unit of two cache lines */
typedef uint64_t words __attribute__((vector_size(64)));

static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

/* Word i is i; each page is first touched by the thread that reads it. */
static void fill(uint64_t *at, int64_t units, int threads)
{
#pragma omp parallel for num_threads(threads) schedule(static)
    for (int64_t u = 0; u < units; u++)
        for (int64_t i = u * WORDS; i < (u + 1) * WORDS; i++) at[i] = (uint64_t)i;
}

/* The sum of all words, modulo 2^64; the lines ahead are asked for, as the loop over rows does. */
static uint64_t sum(const uint64_t *at, int64_t units, int threads)
{
    enum { AHEAD = 8 * 1024 / sizeof(uint64_t) };
    uint64_t total = 0;
#pragma omp parallel num_threads(threads) reduction(+ : total)
    {
        words a = {0}, b = {0};
#pragma omp for schedule(static)
        for (int64_t u = 0; u < units; u++) {
            const words *line = (const words *)(at + u * WORDS);
            __builtin_prefetch((const char *)line + AHEAD * sizeof(uint64_t));
            __builtin_prefetch((const char *)line + (AHEAD + 8) * sizeof(uint64_t));
            a += line[0];
            b += line[1];
        }
        a += b;
        for (int i = 0; i < 8; i++) total += a[i];
    }
    return total;
}

static int by_size(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

cusgd_status cpu_read_bandwidth(int threads, int64_t bytes, double *bytes_per_second)
{
    int64_t unit = WORDS * (int64_t)sizeof(uint64_t), units = bytes / unit + (bytes % unit > 0);
    uint64_t *at = allocate_aligned((size_t)units, (size_t)unit), count = (uint64_t)units * WORDS;
    uint64_t expected = count % 2 ? (count - 1) / 2 * count : count / 2 * (count - 1);
    double seconds[PASSES];
    int wrong = 0;
    if (!at) return fail_memory((size_t)bytes, "the measurement of the read bandwidth");
    fill(at, units, threads);
    wrong |= sum(at, units, threads) != expected; /* a pass to warm up */
    for (int i = 0; i < PASSES; i++) {
        double begun = now();
        wrong |= sum(at, units, threads) != expected;
        seconds[i] = now() - begun;
    }
    free(at);
    if (wrong) return fail(CUSGD_ERROR_DEVICE, "CPU: memory that was written is read otherwise; test this machine's memory");
    qsort(seconds, PASSES, sizeof seconds[0], by_size);
    double median = seconds[PASSES / 2] > 1e-9 ? seconds[PASSES / 2] : 1e-9; /* the clock's step */
    *bytes_per_second = (double)(units * unit) / median;
    return CUSGD_OK;
}
