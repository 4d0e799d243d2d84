/* Weighted means and variances in one reading: scalar/moments.h. */
#include "scalar/moments.h"
#include "cpu.h"
#include "error.h"

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
static void moments_of_span(const examples *e, int64_t first, int64_t last, double *work, moments *total)
{
    int64_t d = e->d, k = e->k, rows = moment_tile_rows(d);
    double *x = work, *y = x + rows * d, *w = y + rows * k;
    moments tile = {0, w + rows, w + rows + d, w + rows + 2 * d};
    for (int64_t i = first; i < last; i += rows) {
        int64_t count = least(rows, last - i);
        tile_x(e, i, count, x);
        if (k > 0) tile_y(e, i, count, y);
        tile_w(e, i, count, w);
        moments_of_tile(count, d, k, x, y, w, &tile);
        moments_merge(d, k, total, &tile);
    }
}

cusgd_status cpu_moments(int threads, const examples *e, double *mean, double *variance, double *target_mean, double *weight)
{
    int64_t d = e->d, k = e->k, rows = moment_tile_rows(d), tiles = (e->n + rows - 1) / rows;
    int64_t spans = least(MOMENT_SPANS, tiles), each = 2 * d + k;
    size_t work_size = (size_t)(rows * (d + k + 1) + each);
    int team = threads_for(threads, e->n * d * 4, THREAD_BYTES);
    double *sums = allocate_zeroed((size_t)(spans * each), sizeof(double)),
           *weights = allocate_zeroed(MOMENT_SPANS, sizeof(double));
    double *work = allocate((size_t)team * work_size, sizeof(double));
    if (!sums || !weights || !work) {
        free(sums);
        free(weights);
        free(work);
        return fail_memory(sizeof(double) * ((size_t)(spans * each) + (size_t)team * work_size), "the columns' moments");
    }
#pragma omp parallel for num_threads(team) schedule(dynamic, 1)
    for (int64_t s = 0; s < spans; s++) {
        double *at = sums + s * each;
        moments total = {0, at, at + d, at + 2 * d};
        int64_t first = s * tiles / spans * rows, last = least((s + 1) * tiles / spans * rows, e->n);
        moments_of_span(e, first, last, work + (size_t)thread_index() * work_size, &total);
        weights[s] = total.weight;
    }
    moments all = {0, sums, sums + d, sums + 2 * d};
    all.weight = weights[0];
    for (int64_t s = 1; s < spans; s++) {
        double *at = sums + s * each;
        moments span = {weights[s], at, at + d, at + 2 * d};
        moments_merge(d, k, &all, &span);
    }
    memcpy(mean, all.mean, sizeof(double) * (size_t)d);
    for (int64_t j = 0; j < d; j++) variance[j] = all.square[j] / all.weight;
    if (k > 0) memcpy(target_mean, all.target, sizeof(double) * (size_t)k);
    *weight = all.weight;
    free(sums);
    free(weights);
    free(work);
    return CUSGD_OK;
}
