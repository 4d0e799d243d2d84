/* Weighted means and variances in one reading: scalar/moments.h. */
#include "scalar/moments.h"
#include "cpu.h"
#include "failure.h"
#include "interrupt.h"

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

/* One span of consecutive tiles; spans do not depend on the number of threads. */
static void moments_of_span(pool *p, const examples *e, int64_t first, int64_t last, double *work, moments *total)
{
    int64_t d = e->d, k = e->k, rows = moment_tile_rows(d);
    int64_t fetched = examples_fetched(e, rows);
    double *x = work, *y = x + rows * d, *w = y + rows * k;
    moments tile = {0, w + rows, w + rows + d, w + rows + 2 * d};
    for (int64_t i = first; i < last && !pool_stops(p); i += rows) {
        int64_t count = min_of(rows, last - i);
        if ((i - first) % fetched == 0) examples_fetch(e, i, min_of(fetched, last - i));
        tile_x(e, i, count, x);
        if (k > 0) tile_y(e, i, count, y);
        tile_w(e, i, count, w);
        moments_of_tile(count, d, k, x, y, w, &tile);
        moments_merge(d, k, total, &tile);
    }
}

typedef struct spans {
    pool *pool;
    const examples *e;
    int64_t count, tiles; /* spans; tiles of all */
    double *sums;         /* count x (2 d + k) */
    double *weights;      /* count */
    double *work;         /* one thread's behind the other's */
    size_t work_size;
} spans;

static void take_span(void *context, int64_t s)
{
    const spans *all = context;
    int64_t d = all->e->d, rows = moment_tile_rows(d);
    double *at = all->sums + s * (2 * d + all->e->k);
    moments total = {0, at, at + d, at + 2 * d};
    int64_t first = s * all->tiles / all->count * rows, last = min_of((s + 1) * all->tiles / all->count * rows, all->e->n);
    moments_of_span(all->pool, all->e, first, last, all->work + (size_t)pool_thread() * all->work_size, &total);
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

cusgd_status cpu_moments(pool *p, int threads, const examples *e, double *mean, double *variance, double *target_mean,
                         double *weight)
{
    int64_t d = e->d, k = e->k, rows = moment_tile_rows(d), tiles = (e->n + rows - 1) / rows;
    spans all = {.pool = p, .e = e, .count = min_of(MOMENT_SPANS, tiles), .tiles = tiles};
    size_t values = (size_t)(all.count * (2 * d + k));
    int team = threads_for(threads, e->n * d * 4, PASS_BYTES);
    all.work_size = (size_t)(rows * (d + k + 1) + 2 * d + k);
    all.sums = allocate_zeroed(values, sizeof(double));
    all.weights = allocate_zeroed(MOMENT_SPANS, sizeof(double));
    all.work = allocate((size_t)team * all.work_size, sizeof(double));
    cusgd_status status = CUSGD_OK;
    if (!all.sums || !all.weights || !all.work)
        status = fail_memory(sizeof(double) * (values + (size_t)team * all.work_size), "the columns' moments");
    else if (!pool_run(p, team, all.count, take_span, &all))
        status = fail_interrupted();
    else
        merge_spans(&all, mean, variance, target_mean, weight);
    free(all.sums);
    free(all.weights);
    free(all.work);
    return status;
}
