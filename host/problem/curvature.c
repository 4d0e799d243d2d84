/* Measures of the curvature of the objective and of the noise of the gradient of one row, from the device dataset. With z = (x,
 * 1):
 *
 *     H = E[w z z'], S = E[w^2 |z|^2 z z']     lambda: H's largest eigenvalue     R: S <= R H
 *
 * R is searched for in directions in which it is likely to be attained: along the top eigenvectors of H and of S, along each
 * column, and in the trace. The first two are computed from a sample of rows by power iteration in double. */
#include "problem.h"

#include "failure.h"
#include "interrupt.h"
#include "pool.h"
#include "stream.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { LANES = 8, PARTS_OF_SAMPLE = 16, FEW = 1 << 16 /* number of values below which threads do not pay */ };

/* The rows from which eigenvalues are estimated, standardized and scaled. They are divided into parts, which threads share and
 * whose sums are added in order. */
typedef struct sample {
    int64_t m, d, ld; /* ld: d rounded up to whole lanes; values beyond d are 0 */
    int threads;
    pool *pool;
    const double *scale; /* of the columns; NULL: 1 */
    double *x, *w, *q;   /* m x ld, m, m: |z|^2 */
    double *u, *v;       /* d + 1 each: top eigenvectors of H and S */
    double *lanes;       /* 2 x ld: both without their last value, in the layout of rows */
    double *sums;        /* PARTS_OF_SAMPLE x 2 (d + 1) */
} sample;

typedef double two __attribute__((vector_size(16), may_alias));
enum { TWOS = LANES / 2 };

/* Returns ((s0 + s4) + (s2 + s6)) + ((s1 + s5) + (s3 + s7)) of eight lane sums. */
static inline double tree(const two s[TWOS])
{
    two t = (s[0] + s[2]) + (s[1] + s[3]);
    return t[0] + t[1];
}

/* Computes z.u and z.v. */
static inline void products(const sample *s, const double *x, double *zu, double *zv)
{
    two a[TWOS] = {{0}}, b[TWOS] = {{0}};
    const two *part = (const two *)x, *u = (const two *)s->lanes, *v = (const two *)(s->lanes + s->ld);
    for (int64_t j = 0; j < s->ld / 2; j += TWOS)
#pragma GCC unroll 4
        for (int l = 0; l < TWOS; l++) {
            a[l] += part[j + l] * u[j + l];
            b[l] += part[j + l] * v[j + l];
        }
    *zu = tree(a) + s->u[s->d];
    *zv = tree(b) + s->v[s->d];
}

/* Adds w (z.u) z to hu and w^2 q (z.v) z to sv for the rows of a part. */
static void multiply_part(const sample *s, int64_t first, int64_t last, double *restrict hu, double *restrict sv)
{
    int64_t d = s->d;
    for (int64_t i = first; i < last; i++) {
        const double *restrict x = s->x + i * s->ld;
        double zu, zv;
        products(s, x, &zu, &zv);
        double a = s->w[i] * zu, b = s->w[i] * s->w[i] * s->q[i] * zv;
        for (int64_t j = 0; j < d; j++) {
            hu[j] += a * x[j];
            sv[j] += b * x[j];
        }
        hu[d] += a;
        sv[d] += b;
    }
}

/* Computes u = y / |y|, or 0 if y is 0. */
static void normalize(int64_t size, const double *y, double *u)
{
    double squares = 0;
    for (int64_t j = 0; j < size; j++) squares += y[j] * y[j];
    for (int64_t j = 0; j < size; j++) u[j] = squares > 0 ? y[j] / sqrt(squares) : 0;
}

static void take_part(void *context, int64_t part)
{
    const sample *s = context;
    int64_t size = s->d + 1;
    double *sums = s->sums + part * 2 * size;
    multiply_part(s, part * s->m / PARTS_OF_SAMPLE, (part + 1) * s->m / PARTS_OF_SAMPLE, sums, sums + size);
}

static void set_lanes(const sample *s)
{
    memcpy(s->lanes, s->u, sizeof *s->u * (size_t)s->d);
    memcpy(s->lanes + s->ld, s->v, sizeof *s->v * (size_t)s->d);
}

/* Computes u = H u / |H u| and v = S v / |S v|. */
static cusgd_status iterate(sample *s)
{
    int64_t size = s->d + 1;
    set_lanes(s);
    memset(s->sums, 0, sizeof(double) * (size_t)(PARTS_OF_SAMPLE * 2 * size));
    if (!pool_run(s->pool, s->threads, PARTS_OF_SAMPLE, take_part, s)) return fail_interrupted();
    for (int part = 1; part < PARTS_OF_SAMPLE; part++)
        for (int64_t j = 0; j < 2 * size; j++) s->sums[j] += s->sums[part * 2 * size + j];
    normalize(size, s->sums, s->u);
    normalize(size, s->sums + size, s->v);
    return CUSGD_OK;
}

/* Computes lambda = u'Hu, and the larger of u'Su / u'Hu and v'Sv / v'Hv. */
static void quotients(const sample *s, double *lambda, double *noise)
{
    double hu = 0, su = 0, hv = 0, sv = 0;
    set_lanes(s);
    for (int64_t i = 0; i < s->m; i++) {
        double zu, zv, w = s->w[i];
        products(s, s->x + i * s->ld, &zu, &zv);
        hu += w * zu * zu;
        su += w * w * s->q[i] * zu * zu;
        hv += w * zv * zv;
        sv += w * w * s->q[i] * zv * zv;
    }
    *lambda = hu / (double)s->m;
    *noise = fmax(hu > 0 ? su / hu : 0, hv > 0 ? sv / hv : 0);
}

/* Scales the rows of a part, and computes their squares. */
static void prepare_part(void *context, int64_t part)
{
    const sample *s = context;
    int64_t last = (part + 1) * s->m / PARTS_OF_SAMPLE;
    for (int64_t i = part * s->m / PARTS_OF_SAMPLE; i < last; i++) {
        double *x = s->x + i * s->ld;
        for (int64_t j = 0; s->scale && j < s->d; j++) x[j] *= s->scale[j];
        s->q[i] = 1;
        for (int64_t j = 0; j < s->d; j++) s->q[i] += x[j] * x[j];
    }
}

/* Changes the layout from m x d to m x ld in place. */
static void spread_rows(const sample *s)
{
    int64_t d = s->d, ld = s->ld;
    for (int64_t i = s->m - 1; i >= 0 && ld > d; i--) {
        memmove(s->x + i * ld, s->x + i * d, sizeof *s->x * (size_t)d);
        memset(s->x + i * ld + d, 0, sizeof *s->x * (size_t)(ld - d));
    }
}

/* Draws min(n, max(8192, 8 d)) rows at random, fewer if they exceed a quarter of a gigabyte. */
static cusgd_status draw_sample(const problem *p, const double *scale, sample *s)
{
    int64_t n = p->train.rows.n, d = p->d, ld = (d + LANES - 1) / LANES * LANES, m = 8 * d > 8192 ? 8 * d : 8192,
            maximum = ((int64_t)1 << 25) / d;
    if (m > maximum) m = maximum < 1024 ? 1024 : maximum;
    if (m > n) m = n;
    int64_t *rows = allocate((size_t)m, sizeof(int64_t));
    *s = (sample){.m = m,
                  .d = d,
                  .ld = ld,
                  .scale = scale,
                  .threads = m * d < FEW               ? 1
                             : p->options->threads > 0 ? p->options->threads
                                                       : cpu_threads(),
                  .x = allocate_aligned((size_t)(m * ld), sizeof(double)),
                  .w = allocate((size_t)m, sizeof(double)),
                  .q = allocate((size_t)m, sizeof(double)),
                  .u = allocate((size_t)(d + 1), sizeof(double)),
                  .v = allocate((size_t)(d + 1), sizeof(double)),
                  .lanes = allocate_aligned_zeroed((size_t)(2 * ld), sizeof(double)),
                  .sums = allocate((size_t)(PARTS_OF_SAMPLE * 2 * (d + 1)), sizeof(double))};
    cusgd_status status = CUSGD_OK;
    s->pool = pool_create(s->threads);
    if (!rows || !s->pool || !s->x || !s->w || !s->q || !s->u || !s->v || !s->lanes || !s->sums) {
        status = fail_memory((size_t)(m * ld) * sizeof(double), "the sample from which the rate is estimated");
    } else {
        permutation order = permutation_make((uint64_t)n, stream_key(p->options->seed, STREAM_SAMPLE), 0);
        for (int64_t i = 0; i < m; i++) rows[i] = m == n ? i : (int64_t)permutation_at(&order, (uint64_t)i);
        status = shards_rows(p, &p->train, rows, m, s->x, s->w);
        if (!status) spread_rows(s);
        if (!status && !pool_run(s->pool, s->threads, PARTS_OF_SAMPLE, prepare_part, s)) status = fail_interrupted();
    }
    free(rows);
    return status;
}

static void sample_free(sample *s)
{
    pool_free(s->pool);
    free(s->x);
    free(s->w);
    free(s->q);
    free(s->u);
    free(s->v);
    free(s->lanes);
    free(s->sums);
}

/* values: fourth, second, q2, q1. context: scale. */
static cusgd_status curvature_of_shard(const void *context, const problem *p, int shard, const dataset *b, double *values)
{
    int64_t d = p->d;
    curvature sums = {values, values + d, 0, 0};
    cusgd_status status = p->train.stream ? stream_curvature(p, shard, context, &sums)
                                          : p->backend->ops->curvature(p->backend->self, b, context, &sums);
    values[2 * d] = sums.q2;
    values[2 * d + 1] = sums.q1;
    return status;
}

/* Computes the values over all rows. */
static cusgd_status full_curvature(const problem *p, const double *scale, double *values)
{
    if (p->train.stream && p->train.shards == 1 && !p->backend->world) return curvature_of_shard(scale, p, 0, NULL, values);
    return shards_pass(p, &p->train, curvature_of_shard, scale, 0, (size_t)(2 * p->d + 2), values);
}

cusgd_status column_noise(const problem *p, const double *scale, double *c, double *trace)
{
    int64_t d = p->d;
    size_t size = (size_t)(2 * d + 2);
    double *sums = allocate_zeroed(size, sizeof(double));
    if (!sums) return fail_memory(size * sizeof(double), "the columns' curvature");
    const double *second = sums + d;
    cusgd_status status = full_curvature(p, scale, sums);
    for (int64_t j = 0; j < d; j++) c[j] = second[j] > 0 ? sums[j] / second[j] : 0;
    *trace = sums[2 * d + 1] > 0 ? sums[2 * d] / sums[2 * d + 1] : 1;
    free(sums);
    return status;
}

/* For sparse rows, which are not sampled, lambda is bounded by the trace of H, which is close to it for rows of similar length,
 * such as texts. */
static cusgd_status trace_curvature(const problem *p, const double *scale, double *lambda, double *noise)
{
    int64_t d = p->d;
    double *sums = allocate_zeroed((size_t)(2 * d + 2), sizeof(double));
    if (!sums) return fail_memory((size_t)(2 * d + 2) * sizeof(double), "the columns' curvature");
    cusgd_status status = full_curvature(p, scale, sums);
    *lambda = sums[2 * d + 1] / (double)p->train.rows.n;
    *noise = sums[2 * d + 1] > 0 ? sums[2 * d] / sums[2 * d + 1] : 1;
    free(sums);
    return status;
}

cusgd_status sample_curvature(const problem *p, const double *scale, double *lambda, double *noise)
{
    enum { ITERATIONS = 20 };
    if (examples_are_sparse(&p->train.rows)) return trace_curvature(p, scale, lambda, noise);
    sample s;
    cusgd_status status = draw_sample(p, scale, &s);
    if (!status) {
        for (int64_t j = 0; j <= s.d; j++)
            s.u[j] = s.v[j] = 1 + 0.1 * normal_from(random_block(stream_key(0, 0), (uint64_t)j).at[0]);
        for (int i = 0; i < ITERATIONS && !status; i++) status = iterate(&s);
        if (!status) quotients(&s, lambda, noise);
    }
    sample_free(&s);
    return status;
}

cusgd_status curvature_of(const problem *p, const double *scale, double *c, double *lambda, double *noise)
{
    double trace;
    cusgd_status status = column_noise(p, scale, c, &trace);
    if (!status) status = sample_curvature(p, scale, lambda, noise);
    if (status) return status;
    *noise = fmax(*noise, trace);
    for (int64_t j = 0; j < p->d; j++) *noise = fmax(*noise, c[j]);
    return status;
}
