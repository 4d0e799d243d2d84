/* Weighted means and variances in one reading: scalar/moments.h. */
#include "scalar/moments.h"
#include "cpu.h"
#include "data/bring.h"
#include "failure.h"
#include "interrupt.h"

#include <semaphore.h>
#include <stdlib.h>
#include <string.h>

/* Of one chunk, and of all chunks so far: weight, then d means and d sums of squared deviations, then k target means. */
typedef struct moments {
    double weight;
    double *mean, *square, *target;
} moments;

/* The tile's weighted sums about its own mean; the two passes run in cache. The mean is taken as seen from the first row that
 * counts, so that a constant column's is that constant and its variance 0. */
static void moments_of_tile(int64_t rows, int64_t d, int64_t k, const double *x, const double *y, const double *w, moments *m)
{
    const double *origin = x;
    for (int64_t i = 0; i < rows - 1 && w[i] <= 0; i++) origin += d;
    m->weight = 0;
    memset(m->mean, 0, sizeof(double) * (size_t)d);
    memset(m->square, 0, sizeof(double) * (size_t)d);
    memset(m->target, 0, sizeof(double) * (size_t)k);
    for (int64_t i = 0; i < rows; i++) {
        m->weight += w[i];
        for (int64_t j = 0; j < d; j++) m->mean[j] += w[i] * (x[i * d + j] - origin[j]);
        for (int64_t c = 0; c < k; c++) m->target[c] += w[i] * y[i * k + c];
    }
    if (m->weight <= 0) return;
    for (int64_t j = 0; j < d; j++) m->mean[j] = origin[j] + m->mean[j] / m->weight;
    for (int64_t c = 0; c < k; c++) m->target[c] /= m->weight;
    for (int64_t i = 0; i < rows; i++)
        for (int64_t j = 0; j < d; j++) {
            double deviation = x[i * d + j] - m->mean[j];
            m->square[j] += w[i] * (deviation * deviation);
        }
}

static void moments_merge(int64_t d, int64_t k, moments *into, const moments *m)
{
    for (int64_t j = 0; j < d; j++) {
        moment sum = {into->weight, into->mean[j], into->square[j]}, one = {m->weight, m->mean[j], m->square[j]};
        moment_merge(&sum, &one);
        into->mean[j] = sum.mean;
        into->square[j] = sum.square;
    }
    for (int64_t c = 0; c < k; c++) {
        moment sum = {into->weight, into->target[c], 0}, one = {m->weight, m->target[c], 0};
        moment_merge(&sum, &one);
        into->target[c] = sum.mean;
    }
    into->weight += m->weight;
}

typedef struct spans {
    pool *pool;
    const examples *e;
    int64_t count, tiles; /* spans; tiles of all */
    int64_t brought;      /* rows that a thread brings into memory at once: whole tiles */
    sem_t *turns;         /* of the threads that compute, where more of them wait for a disk; NULL: all do */
    double *sums;         /* count x (2 d + k) */
    double *weights;      /* count */
    double *work;         /* one thread's behind the other's */
    size_t work_size;
} spans;

/* Of rows that are in memory: whole tiles, but for the span's last one. */
static void add_rows(const spans *all, int64_t first, int64_t end, double *work, moments *total)
{
    const examples *e = all->e;
    int64_t d = e->d, k = e->k, rows = moment_tile_rows(d);
    double *x = work, *y = x + rows * d, *w = y + rows * k;
    moments tile = {0, w + rows, w + rows + d, w + rows + 2 * d};
    for (int64_t i = first; i < end && !pool_stops(all->pool); i += rows) {
        int64_t count = min_of(rows, end - i);
        tile_x(e, i, count, x);
        if (k > 0) tile_y(e, i, count, y);
        tile_w(e, i, count, w);
        moments_of_tile(count, d, k, x, y, w, &tile);
        moments_merge(d, k, total, &tile);
    }
}

static void wait_for_turn(sem_t *turns)
{
    while (sem_wait(turns) != 0) continue; /* a signal came */
}

/* One span of consecutive tiles; spans do not depend on the number of threads. Rows of a file are unmapped again, all at once,
 * where the system, which may need their memory for the next ones, would do it page by page. */
static void take_span(void *context, int64_t s)
{
    const spans *all = context;
    int64_t d = all->e->d, rows = moment_tile_rows(d);
    double *at = all->sums + s * (2 * d + all->e->k), *work = all->work + (size_t)pool_thread() * all->work_size;
    moments total = {0, at, at + d, at + 2 * d};
    int64_t first = s * all->tiles / all->count * rows, last = min_of((s + 1) * all->tiles / all->count * rows, all->e->n);
    for (int64_t i = first; i < last && !pool_stops(all->pool); i += all->brought) {
        int64_t count = min_of(all->brought, last - i);
        examples_bring(all->e, i, count, NULL);
        if (all->turns) wait_for_turn(all->turns);
        add_rows(all, i, i + count, work, &total);
        if (!all->turns) continue;
        sem_post(all->turns);
        examples_forget(all->e, i, count);
    }
    all->weights[s] = total.weight;
}

/* In the spans' order. */
static void merge_spans(const spans *all, double *mean, double *variance, double *target_mean, double *weight)
{
    int64_t d = all->e->d, k = all->e->k;
    moments sum = {all->weights[0], all->sums, all->sums + d, all->sums + 2 * d};
    for (int64_t s = 1; s < all->count; s++) {
        double *at = all->sums + s * (2 * d + k);
        moments span = {all->weights[s], at, at + d, at + 2 * d};
        moments_merge(d, k, &sum, &span);
    }
    memcpy(mean, sum.mean, sizeof(double) * (size_t)d);
    for (int64_t j = 0; j < d; j++) variance[j] = sum.square[j] / sum.weight;
    if (k > 0) memcpy(target_mean, sum.target, sizeof(double) * (size_t)k);
    *weight = sum.weight;
}

static cusgd_status take_spans(spans *all, int team)
{
    int64_t d = all->e->d, k = all->e->k, rows = moment_tile_rows(d);
    size_t values = (size_t)(all->count * (2 * d + k));
    all->work_size = (size_t)(rows * (d + k + 1) + 2 * d + k);
    all->sums = allocate_zeroed(values, sizeof(double));
    all->weights = allocate_zeroed(MOMENT_SPANS, sizeof(double));
    all->work = allocate((size_t)team * all->work_size, sizeof(double));
    if (!all->sums || !all->weights || !all->work)
        return fail_memory(sizeof(double) * (values + (size_t)team * all->work_size), "the columns' moments");
    return pool_run(all->pool, team, all->count, take_span, all) ? CUSGD_OK : fail_interrupted();
}

/* Rows that lie in a file: threads that wait for the disk, which has several requests at a time then, are more than those that
 * compute. */
static cusgd_status take_from_file(spans *all, int team)
{
    enum { WAITING = 4 };
    sem_t turns;
    pool *own = pool_create(team + WAITING);
    if (!own) return fail_memory(sizeof turns, "the threads that read the data");
    sem_init(&turns, 0, (unsigned)team);
    all->pool = own;
    all->turns = &turns;
    examples_expect(all->e);
    cusgd_status status = take_spans(all, team + WAITING);
    pool_free(own);
    sem_destroy(&turns);
    return status;
}

cusgd_status cpu_moments(pool *p, int threads, const examples *e, double *mean, double *variance, double *target_mean,
                         double *weight)
{
    enum { FILE_BYTES = 1 << 26 }; /* of rows that are worth threads of their own */
    int64_t rows = moment_tile_rows(e->d), tiles = (e->n + rows - 1) / rows, bytes = e->n * e->d * 4;
    spans all = {.pool = p, .e = e, .count = min_of(MOMENT_SPANS, tiles), .tiles = tiles, .brought = examples_fetched(e, rows)};
    int team = threads_for(threads, bytes, PASS_BYTES);
    cusgd_status status = bytes >= FILE_BYTES && examples_in_file(e) ? take_from_file(&all, team) : take_spans(&all, team);
    if (!status) merge_spans(&all, mean, variance, target_mean, weight);
    free(all.sums);
    free(all.weights);
    free(all.work);
    return status;
}
