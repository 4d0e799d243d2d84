/* Statistics of columns: moments of the caller's examples, which pass through the device, and curvature of uploaded ones. */
#include "scalar/moments.h"
#include "cuda.h"

#include <stdlib.h>
#include <string.h>

/* ---- Moments, by the same tiles and spans as on the CPU (scalar/moments.h), and therefore with the same bits ---- */

/* Returns three arrays of groups x cols in one allocation. */
static moment_arrays arrays_at(double *base, int64_t groups, int64_t cols)
{
    moment_arrays a = {base, base + groups * cols, base + 2 * groups * cols};
    return a;
}

/* A pass over some columns of a matrix. */
typedef struct reduction {
    const examples *e;
    const cusgd_matrix *m;
    int64_t tile, tiles, spans; /* rows per tile; number of tiles; number of groups of tiles */
    int from_first;             /* see kernel_tile_moments() */
    moment_arrays tile_sums, span_sums;
} reduction;

/* Merges the tiles of a block, which are tiles `first` and following, into their spans. */
static cusgd_status merge_block(const cuda *c, const reduction *r, int64_t first, int64_t count, int64_t cols)
{
    for (int64_t done = 0; done < count;) {
        int64_t span = ((first + done + 1) * r->spans - 1) / r->tiles; /* span s: tiles s tiles/spans .. (s+1) tiles/spans - 1 */
        int64_t maximum = (span + 1) * r->tiles / r->spans - (first + done), some = min_of(maximum, count - done);
        TRY(CUDA(kernel_merge_moments(r->tile_sums, done, some, r->span_sums, span, cols, c->stream)));
        done += some;
    }
    return CUSGD_OK;
}

/* Computes the moments of columns column .. column + cols - 1, `rows` rows (a multiple of the tile) at a time. */
static cusgd_status reduce_columns(cuda *c, const reduction *r, int64_t rows, int64_t column, int64_t cols)
{
    TRY(CUDA(cudaMemsetAsync(r->span_sums.weight, 0, sizeof(double) * (size_t)(3 * r->spans * cols), c->stream)));
    for (int64_t first = 0; first < r->e->n; first += rows) {
        stage s;
        int64_t count = min_of(rows, r->e->n - first);
        const matrix_block block = {r->e, r->m, first, count, column, cols};
        TRY(stage_block(c, &block, 1, &s));
        TRY(CUDA(kernel_tile_moments(r->m->type, s.x, s.w, count, cols, r->tile, r->from_first, r->tile_sums, c->stream)));
        TRY(ring_give(c, s.slot));
        TRY(merge_block(c, r, first / r->tile, (count + r->tile - 1) / r->tile, cols));
    }
    return CUDA(kernel_merge_moments(r->span_sums, 1, r->spans - 1, r->span_sums, 0, cols, c->stream));
}

static cusgd_status fetch(cuda *c, const double *from, int64_t count, double *to)
{
    return to ? CUDA(cudaMemcpyAsync(to, from, sizeof(double) * (size_t)count, cudaMemcpyDeviceToHost, c->stream)) : CUSGD_OK;
}

/* square receives variance times weight, and may be NULL. */
static cusgd_status moments_of(cuda *c, const examples *e, const cusgd_matrix *m, int64_t columns, double *mean, double *square,
                               double *weight)
{
    reduction r = {.e = e, .m = m, .tile = moment_tile_rows(e->d), .from_first = m == &e->x};
    int64_t rows, cols;
    void *sums = NULL;
    stage_shape(e->n, columns, r.tile, &rows, &cols);
    r.tiles = (e->n + r.tile - 1) / r.tile;
    r.spans = min_of(MOMENT_SPANS, r.tiles);
    int64_t groups = (rows + r.tile - 1) / r.tile;
    TRY(cuda_allocate(c, 3 * (groups + r.spans) * cols, sizeof(double), "the columns' moments", &sums));
    cusgd_status status = CUSGD_OK;
    for (int64_t j = 0; j < columns && !status; j += cols) {
        int64_t width = min_of(cols, columns - j);
        r.tile_sums = arrays_at(sums, groups, width);
        r.span_sums = arrays_at((double *)sums + 3 * groups * width, r.spans, width);
        status = reduce_columns(c, &r, rows, j, width);
        if (!status) status = fetch(c, r.span_sums.mean, width, mean + j);
        if (!status) status = fetch(c, r.span_sums.square, width, square ? square + j : NULL);
        if (!status && j == 0) status = fetch(c, r.span_sums.weight, 1, weight);
        if (!status) status = cuda_synchronize(c);
    }
    cuda_free(sums);
    return status;
}

cusgd_status cuda_moments(void *of, const examples *e, double *mean, double *variance, double *target_mean, double *weight)
{
    cuda *c = of;
    if (examples_are_sparse(e)) return host_sparse_moments(e, mean, variance, target_mean, weight);
    double *means = allocate((size_t)e->d, sizeof(double)); /* because the caller's mean and variance may be the same array */
    if (!means) return fail_memory((size_t)e->d * sizeof(double), "the columns' moments");
    cusgd_status status = cuda_enter(c);
    if (!status) status = place_await(c, e);
    if (!status) status = moments_of(c, e, &e->x, e->d, means, variance, weight);
    if (!status && e->k > 0) status = moments_of(c, e, &e->y, e->k, target_mean, NULL, weight);
    for (int64_t j = 0; j < e->d && !status; j++) {
        mean[j] = means[j];
        variance[j] /= *weight;
    }
    free(means);
    return status;
}

/* ---- Curvature ---- */

enum { CURVATURE_SEGMENTS = 256, CURVATURE_VALUES = 1 << 20 };

/* Adds to `sums`, which has 2 (d + 1) values. */
static cusgd_status add_curvature(cuda *c, curvature_task *t, int64_t n, double *sums)
{
    int64_t maximum = t->segments;
    TRY(upload_doubles(c, sums, 2 * (t->d + 1), t->sums));
    for (int64_t first = 0; first < n; first += CURVATURE_ROWS) {
        t->first = first;
        t->rows = min_of(CURVATURE_ROWS, n - first);
        t->segments = min_of(maximum, t->rows);
        TRY(CUDA(kernel_curvature(t, c->stream)));
    }
    TRY(CUDA(cudaMemcpyAsync(sums, t->sums, sizeof(double) * (size_t)(2 * (t->d + 1)), cudaMemcpyDeviceToHost, c->stream)));
    return cuda_synchronize(c);
}

/* Convert between the caller's arrays and those of the device, where fourth and second of a column are adjacent. */
static void curvature_to_sums(const curvature *from, int64_t d, double *sums)
{
    for (int64_t j = 0; j < d; j++) {
        sums[2 * j] = from->fourth[j];
        sums[2 * j + 1] = from->second[j];
    }
    sums[2 * d] = from->q2;
    sums[2 * d + 1] = from->q1;
}

static void curvature_from_sums(const double *sums, int64_t d, curvature *to)
{
    for (int64_t j = 0; j < d; j++) {
        to->fourth[j] = sums[2 * j];
        to->second[j] = sums[2 * j + 1];
    }
    to->q2 = sums[2 * d];
    to->q1 = sums[2 * d + 1];
}

cusgd_status cuda_curvature_piece(void *of, const dataset *b, piece_of at, const double *scale, curvature *out)
{
    cuda *c = of;
    int64_t d = b->d, segments = min_of(CURVATURE_SEGMENTS, CURVATURE_VALUES / (d + 1) + 1);
    void *memory = NULL; /* q, partial sums, sums, scales */
    double *sums = allocate_zeroed((size_t)(2 * (d + 1)), sizeof(double));
    if (!sums) return fail_memory((size_t)(2 * (d + 1)) * sizeof(double), "the columns' curvature");
    if (at.first > 0) curvature_to_sums(out, d, sums);
    cusgd_status status = cuda_enter(c);
    if (!status)
        status = cuda_allocate(c, CURVATURE_ROWS + 2 * (segments + 1) * (d + 1) + d, sizeof(double), "the columns' curvature",
                               &memory);
    curvature_task t = {.precision = c->precision,
                        .storage = b->storage,
                        .x = b->x,
                        .w = b->w,
                        .d = d,
                        .ld = b->ld,
                        .segments = segments,
                        .q = memory};
    if (!status) {
        double *scales = t.q + CURVATURE_ROWS;
        t.sums = scales + d;
        t.partial = t.sums + 2 * (d + 1);
        t.scale = scale ? scales : NULL;
        if (scale) status = upload_doubles(c, scale, d, scales);
    }
    if (!status) status = add_curvature(c, &t, b->n, sums);
    if (!status) curvature_from_sums(sums, d, out);
    cuda_free(memory);
    free(sums);
    return status;
}

cusgd_status cuda_curvature(void *of, const dataset *b, const double *scale, curvature *out)
{
    if (b->sparse) return sparse_curvature(of, b, scale, out);
    return cuda_curvature_piece(of, b, (piece_of){0, b->n}, scale, out);
}
