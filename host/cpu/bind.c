/* Bringing examples within reach: in place where they already lie as rows.h wants them, else as a standardized copy. */
#include "parts.h"

#include "failure.h"
#include "interrupt.h"
#include "scalar/moments.h"
#include <stdlib.h>
#include <string.h>

static int in_place(const examples *e, const cusgd_matrix *m, int64_t cols)
{
    cusgd_type type = sizeof(real) == sizeof(float) ? CUSGD_TYPE_FLOAT32 : CUSGD_TYPE_FLOAT64;
    return m->type == type && !e->rows && m->row_stride == cols && (m->col_stride == 1 || cols == 1);
}

/* Listed rows stand anywhere: those that follow are fetched meanwhile. */
static void fetch_ahead(const examples *e, int64_t i, int64_t end)
{
    enum { AHEAD = 6, LINE = 64, MAX_LINES = 32 };
    if (!e->rows || i + AHEAD >= end) return;
    int64_t size = e->x.type == CUSGD_TYPE_FLOAT32 ? (int64_t)sizeof(float) : (int64_t)sizeof(double);
    const char *at = (const char *)e->x.at + e->rows[i + AHEAD] * e->x.row_stride * size;
    for (int64_t line = 0; line < MAX_LINES && line * LINE < e->d * size; line++) __builtin_prefetch(at + line * LINE);
}

/* A row of x, whose columns are next to each other, in one pass. inverse: NULL: x' = x. */
static void copy_row(const examples *e, const transform *t, const double *inverse, int64_t i, real *out)
{
    const cusgd_matrix *m = &e->x;
    int64_t d = e->d, start = examples_row(e, i) * m->row_stride;
    const double *mean = t->mean;
    if (m->type == CUSGD_TYPE_FLOAT32) {
        const float *x = (const float *)m->at + start;
        for (int64_t j = 0; j < d && inverse; j++) out[j] = (real)(((double)x[j] - mean[j]) * inverse[j]);
        for (int64_t j = 0; j < d && !inverse; j++) out[j] = (real)x[j];
        return;
    }
    const double *x = (const double *)m->at + start;
    for (int64_t j = 0; j < d && inverse; j++) out[j] = (real)((x[j] - mean[j]) * inverse[j]);
    for (int64_t j = 0; j < d && !inverse; j++) out[j] = (real)x[j];
}

/* x' = (x - mean) (1 / scale), in double before it is rounded: to real, or to bf16, of which real holds the same value. */
static void copy_x(const examples *e, const transform *t, const double *inverse, int64_t first, int64_t count, double *tile,
                   const dataset *b)
{
    int64_t d = e->d, start = first * d, values = count * d;
    if (e->x.col_stride == 1 && t->storage == CUSGD_STORAGE_FULL) {
        for (int64_t i = first; i < first + count; i++) {
            fetch_ahead(e, i, e->n);
            copy_row(e, t, inverse, i, (real *)b->owned[0] + i * d);
        }
        return;
    }
    tile_x(e, first, count, tile);
    for (int64_t i = 0; i < count && inverse; i++)
        for (int64_t j = 0; j < d; j++) tile[i * d + j] = (tile[i * d + j] - t->mean[j]) * inverse[j];
    if (b->storage == CUSGD_STORAGE_BF16) {
        bf16 *out = (bf16 *)b->owned[0] + start;
        for (int64_t i = 0; i < values; i++) out[i] = bf16_of(tile[i]);
        return;
    }
    real *out = (real *)b->owned[0] + start;
    int rounds = t->storage == CUSGD_STORAGE_BF16;
    for (int64_t i = 0; i < values; i++) out[i] = rounds ? (real)bf16_value(bf16_of(tile[i])) : (real)tile[i];
}

static void copy_y(const examples *e, const transform *t, int64_t first, int64_t count, double *tile, real *out)
{
    tile_y(e, first, count, tile);
    for (int64_t i = 0; i < count; i++)
        for (int64_t c = 0; c < e->k; c++) out[i * e->k + c] = (real)(tile[i * e->k + c] - (t->shift ? t->shift[c] : 0));
}

static void copy_w(const examples *e, const transform *t, int64_t first, int64_t count, double *tile, real *out)
{
    tile_w(e, first, count, tile);
    for (int64_t i = 0; i < count; i++) out[i] = (real)(tile[i] / t->weight_mean);
}

static void copy_o(const examples *e, int64_t first, int64_t count, double *tile, real *out)
{
    tile_o(e, first, count, tile);
    for (int64_t i = 0; i < count; i++) out[i] = (real)tile[i];
}

typedef struct copying {
    const examples *e;
    const transform *t;
    const double *inverse; /* 1 / scale; NULL: x' = x */
    dataset *b;
    int64_t rows; /* of a tile */
    double *work; /* one thread's tile behind the other's */
    size_t work_size;
} copying;

static void copy_tile(void *context, int64_t s)
{
    const copying *c = context;
    const examples *e = c->e;
    int64_t first = s * c->rows, count = min_of(c->rows, e->n - first);
    double *tile = c->work + (size_t)pool_thread() * c->work_size;
    real *y = c->b->owned[1], *w = c->b->owned[2], *o = c->b->owned[3];
    if (c->b->owned[0]) copy_x(e, c->t, c->inverse, first, count, tile, c->b);
    if (y) copy_y(e, c->t, first, count, tile, y + first * e->k);
    if (w) copy_w(e, c->t, first, count, tile, w + first);
    if (o) copy_o(e, first, count, tile, o + first);
}

/* The copies that were allocated (owned[0..3]: x, y, w, o) are filled tile by tile. */
static cusgd_status copy_all(const cpu *self, const examples *e, const transform *t, dataset *b)
{
    int64_t widest = e->d > e->k ? e->d : e->k, rows = moment_tile_rows(widest);
    int team = threads_for(self->threads, e->n * e->d * 4, PASS_BYTES);
    double *inverse = t->mean && !examples_are_sparse(e) ? allocate((size_t)e->d, sizeof(double)) : NULL;
    copying c = {e, t, inverse, b, rows, allocate((size_t)(team * rows * widest), sizeof(double)), (size_t)(rows * widest)};
    cusgd_status status = CUSGD_OK;
    for (int64_t j = 0; inverse && j < e->d; j++) inverse[j] = 1 / t->scale[j];
    if (!c.work || (t->mean && !inverse && !examples_are_sparse(e)))
        status = fail_memory((size_t)(team * rows * widest) * sizeof(double), "the copy of the examples");
    else if (!pool_run(self->pool, team, (e->n + rows - 1) / rows, copy_tile, &c))
        status = fail_interrupted();
    free(c.work);
    free(inverse);
    return status;
}

/* Rows whose padded reading would pass the end of the caller's x. */
static cusgd_status copy_tail(dataset *b)
{
    int64_t fitting = b->n - (rows_padded(b->d) + b->d - 1) / b->d + 1;
    b->tail_first = fitting > 0 ? fitting : 0;
    size_t values = (size_t)((b->n - b->tail_first) * b->d);
    b->tail = allocate_aligned_zeroed(values + (size_t)rows_padded(b->d), sizeof(real));
    if (!b->tail) return fail_memory(values * sizeof(real), "the last rows");
    memcpy(b->tail, (const real *)b->x + b->tail_first * b->d, values * sizeof(real));
    return CUSGD_OK;
}

/* Room for one of what is copied: that which there is, if it suffices. NULL: there is no memory. */
static void *room_for(dataset *b, int i, size_t count, size_t size)
{
    if (b->owned[i] && count <= b->room[i] / size) return b->owned[i];
    free(b->owned[i]);
    b->owned[i] = allocate_aligned(count, size);
    b->room[i] = b->owned[i] ? count * size : 0;
    return b->owned[i];
}

/* To a set that is zeroed, or was bound before. */
static cusgd_status bind_to(cpu *self, const examples *e, const transform *t, dataset *b)
{
    size_t n = (size_t)e->n, d = (size_t)e->d, k = (size_t)e->k;
    int sparse = examples_are_sparse(e);
    examples others = *e; /* of sparse examples, all but x */
    int x_stays = sparse || (in_place(e, &e->x, e->d) && !t->mean && t->storage == CUSGD_STORAGE_FULL);
    int y_stays = !e->y.at || (in_place(e, &e->y, e->k) && !t->shift);
    cusgd_status status = CUSGD_OK;
    b->n = e->n;
    b->d = e->d;
    b->m = e->k;
    b->k = examples_outputs(e);
    b->classed = e->classes > 0;
    if (sizeof(real) == sizeof(float)) b->storage = t->storage;
    size_t padding = (size_t)rows_padded(e->d); /* zeros behind the last row: see rows.h */
    size_t element = b->storage == CUSGD_STORAGE_BF16 ? sizeof(bf16) : sizeof(real);
    b->folds = e->folds > 1 ? e->folds : 1;
    if (e->fold) b->fold = allocate(n, 1);
    if (!x_stays && room_for(b, 0, n * d + padding, element)) memset((char *)b->owned[0] + n * d * element, 0, padding * element);
    int complete = (x_stays || b->owned[0]) && (!e->fold || b->fold) && (y_stays || room_for(b, 1, n * k, sizeof(real))) &&
                   (!e->w.at || room_for(b, 2, n, sizeof(real))) && (!e->o.at || room_for(b, 3, n, sizeof(real)));
    if (!complete) status = fail_memory(n * (d + k + 2) * sizeof(real), "a copy of the examples");
    for (int64_t i = 0; b->fold && i < e->n; i++) b->fold[i] = e->fold[examples_row(e, i)];
    if (sparse) others.d = 1;
    b->x = x_stays ? e->x.at : b->owned[0];
    b->y = y_stays ? e->y.at : b->owned[1];
    b->w = b->owned[2];
    b->o = b->owned[3];
    b->tail_first = e->n;
    if (!status && (b->owned[0] || b->owned[1] || b->owned[2] || b->owned[3])) status = copy_all(self, &others, t, b);
    if (!status && sparse)
        status = NAMED(sparse_bind)(e, t, b);
    else if (!status && x_stays)
        status = copy_tail(b);
    return status;
}

cusgd_status NAMED(cpu_bind)(void *self, const examples *e, const transform *t, dataset **out)
{
    dataset *b = allocate_zeroed(1, sizeof *b);
    *out = NULL;
    if (!b) return fail_memory(sizeof *b, "bound examples");
    cusgd_status status = bind_to(self, e, t, b);
    if (!status)
        *out = b;
    else
        NAMED(cpu_unbind)(self, b);
    return status;
}

cusgd_status NAMED(cpu_bind_again)(void *self, const examples *e, const transform *t, dataset **b)
{
    if (!*b || (*b)->sparse || (*b)->tail || (*b)->fold) {
        NAMED(cpu_unbind)(self, *b);
        return NAMED(cpu_bind)(self, e, t, b);
    }
    return bind_to(self, e, t, *b);
}

void NAMED(cpu_unbind)(void *self, dataset *b)
{
    cpu *c = self;
    if (!b) return;
    if (c->sparse.of == b) c->sparse.of = NULL; /* another one may come to lie there */
    for (int i = 0; i < 4; i++) free(b->owned[i]);
    free(b->tail);
    free(b->fold);
    NAMED(sparse_unbind)(b);
    free(b);
}

/* Row i of x. */
static void widen_row(const dataset *b, int64_t i, double *x)
{
    if (b->sparse)
        NAMED(sparse_row)(b, i, x);
    else if (b->storage == CUSGD_STORAGE_BF16)
        for (int64_t j = 0; j < b->d; j++) x[j] = (double)bf16_value(((const bf16 *)b->x)[i * b->d + j]);
    else
        for (int64_t j = 0; j < b->d; j++) x[j] = (double)((const real *)b->x)[i * b->d + j];
}

cusgd_status NAMED(cpu_rows)(void *self, const dataset *b, const int64_t *rows, int64_t m, double *x, double *w)
{
    (void)self;
    for (int64_t i = 0; i < m; i++) {
        widen_row(b, rows[i], x + i * b->d);
        w[i] = b->w ? (double)b->w[rows[i]] : 1;
    }
    return CUSGD_OK;
}

typedef struct curving {
    pool *pool;
    const dataset *b;
    const double *scale;
    piece_of at;
    int64_t first; /* span */
    double *sums;  /* spans x (3 d + 2): fourth d, second d, q2, q1, and d of work */
} curving;

static void curve_span(void *context, int64_t s)
{
    enum { ROWS_BETWEEN = 256 }; /* questions whether to stop */
    const curving *c = context;
    const dataset *b = c->b;
    int64_t d = b->d, before = c->at.first;
    int64_t first = curvature_span(c->at.n, c->first + s) - before, last = curvature_span(c->at.n, c->first + s + 1) - before;
    double *sums = c->sums + s * (3 * d + 2), *z = sums + 2 * d + 2;
    for (int64_t i = first; i < last; i++) {
        double q = 1, w = b->w ? (double)b->w[i] : 1;
        if ((i - first) % ROWS_BETWEEN == 0 && pool_stops(c->pool)) return;
        widen_row(b, i, z);
        for (int64_t j = 0; j < d; j++) {
            double x = z[j] * (c->scale ? c->scale[j] : 1);
            z[j] = x * x;
            q += z[j];
        }
        for (int64_t j = 0; j < d; j++) {
            sums[j] += w * w * q * z[j];
            sums[d + j] += w * z[j];
        }
        sums[2 * d] += w * w * q * q;
        sums[2 * d + 1] += w * q;
    }
}

cusgd_status NAMED(cpu_curvature_piece)(void *self, const dataset *b, piece_of at, const double *scale, curvature *out)
{
    const cpu *c = self;
    int64_t d = b->d, each = 3 * d + 2, first = 0, end;
    while (curvature_span(at.n, first) < at.first) first++;
    for (end = first; curvature_span(at.n, end) < at.first + b->n;) end++;
    int64_t spans = end - first;
    curving all = {c->pool, b, scale, at, first, allocate_zeroed((size_t)(spans * each), sizeof(double))};
    if (!all.sums) return fail_memory((size_t)(spans * each) * sizeof(double), "the columns' curvature");
    if (!pool_run(c->pool, threads_for(c->threads, b->n * d * 4, PASS_BYTES), spans, curve_span, &all)) {
        free(all.sums);
        return fail_interrupted();
    }
    if (at.first == 0) {
        memset(out->fourth, 0, sizeof(double) * (size_t)d);
        memset(out->second, 0, sizeof(double) * (size_t)d);
        out->q2 = out->q1 = 0;
    }
    for (int64_t s = 0; s < spans; s++) {
        const double *sums = all.sums + s * each;
        for (int64_t j = 0; j < d; j++) {
            out->fourth[j] += sums[j];
            out->second[j] += sums[d + j];
        }
        out->q2 += sums[2 * d];
        out->q1 += sums[2 * d + 1];
    }
    free(all.sums);
    return CUSGD_OK;
}

cusgd_status NAMED(cpu_curvature)(void *self, const dataset *b, const double *scale, curvature *out)
{
    if (!b->sparse) return NAMED(cpu_curvature_piece)(self, b, (piece_of){0, b->n}, scale, out);
    NAMED(sparse_curvature)(b, scale, out);
    return CUSGD_OK;
}
