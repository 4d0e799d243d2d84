/* Bringing examples within reach: in place where they already lie as rows.h wants them, else as a standardized copy. */
#include "parts.h"

#include "failure.h"
#include "interrupt.h"
#include "scalar/moments.h"
#include <stdlib.h>
#include <string.h>

static const cusgd_type REAL_TYPE = sizeof(real) == sizeof(float) ? CUSGD_TYPE_FLOAT32 : CUSGD_TYPE_FLOAT64;

static int in_place(const examples *e, const cusgd_matrix *m, int64_t cols)
{
    return m->type == REAL_TYPE && !e->rows && m->row_stride == cols && (m->col_stride == 1 || cols == 1);
}

typedef struct copying {
    const cpu *self;
    rows_source from;
    dataset *b;
    int64_t rows; /* of a tile */
    double *work; /* where columns are not next to each other: one thread's tile behind the other's */
    size_t work_size;
} copying;

static void *x_at(const dataset *b, int64_t row)
{
    size_t element = b->storage == CUSGD_STORAGE_BF16 ? sizeof(bf16) : sizeof(real);
    return (char *)b->owned[0] + (size_t)(row * b->d) * element;
}

/* x' (transform), rounded to real, or to bf16, of which real holds the same value. The columns are brought next to each other
 * first, if need be. */
static void copy_x(const copying *c, int64_t first, int64_t count, double *tile)
{
    const rows_functions *rows = c->self->rows[c->b->storage];
    rows_source from = c->from;
    if (from.of.x.col_stride == 1 || from.of.d == 1) {
        rows->take(&from, first, count, x_at(c->b, first));
        return;
    }
    tile_x(&c->from.of, first, count, tile);
    from.of.rows = NULL;
    from.of.x = (cusgd_matrix){tile, CUSGD_TYPE_FLOAT64, from.of.d, 1};
    rows->take(&from, 0, count, x_at(c->b, first));
}

static void copy_tile(void *context, int64_t s)
{
    const copying *c = context;
    const examples *e = &c->from.of;
    int64_t first = s * c->rows, count = min_of(c->rows, e->n - first);
    real *y = c->b->owned[1], *w = c->b->owned[2], *o = c->b->owned[3];
    double *tile = c->work ? c->work + (size_t)pool_thread() * c->work_size : NULL;
    if (c->b->owned[0]) copy_x(c, first, count, tile);
    for (int64_t i = first; i < first + count; i++) {
        for (int64_t j = 0; y && j < e->k; j++) y[i * e->k + j] = source_target(&c->from, i, j);
        if (w) w[i] = source_weight(&c->from, i);
        if (o) o[i] = source_offset(&c->from, i);
    }
}

/* What columns are standardized by: *wide means and inverses of scales, *narrow the numbers of rows_source.in_float. The caller
 * frees both; NULL is what is not needed. */
static cusgd_status make_numbers(const examples *e, standardizing how, const transform *t, double **wide, float **narrow)
{
    int64_t d = e->d, padded = rows_padded(d);
    *wide = how ? allocate((size_t)d, 2 * sizeof **wide) : NULL;
    *narrow = how == STANDARDIZE_IN_FLOAT ? allocate_zeroed((size_t)padded, 2 * sizeof **narrow) : NULL;
    if (how && (!*wide || (how == STANDARDIZE_IN_FLOAT && !*narrow)))
        return fail_memory((size_t)d * (2 * sizeof **wide + 2 * sizeof **narrow), "the columns' means and scales");
    for (int64_t j = 0; j < d && how; j++) {
        double mean = (*wide)[j] = t->mean[j], inverse = (*wide)[d + j] = 1 / t->scale[j];
        if (!*narrow) continue;
        (*narrow)[j] = (float)mean;
        (*narrow)[padded + j] = (float)inverse;
    }
    return CUSGD_OK;
}

static standardizing standardizes_here(const examples *e, const transform *t)
{
    cusgd_precision precision = REAL_IS_DOUBLE ? CUSGD_PRECISION_DOUBLE : CUSGD_PRECISION_FLOAT;
    return examples_are_sparse(e) ? STANDARDIZE_NOT : standardizes(t, precision);
}

static rows_source source_of(const examples *e, const transform *t, const double *wide, const float *narrow)
{
    return (rows_source){.of = *e,
                         .how = standardizes_here(e, t),
                         .mean = wide,
                         .inverse = wide ? wide + e->d : NULL,
                         .in_float = narrow,
                         .shift = t->shift,
                         .weight_mean = t->weight_mean,
                         .rounds = t->storage == CUSGD_STORAGE_BF16};
}

/* The copies that were allocated (owned[0..3]: x, y, w, o) are filled tile by tile. */
static cusgd_status copy_all(const cpu *self, const examples *e, const transform *t, dataset *b)
{
    int64_t widest = e->d > e->k ? e->d : e->k, rows = moment_tile_rows(widest);
    int team = threads_for(self->threads, e->n * e->d * 4, PASS_BYTES), strided = b->owned[0] && e->x.col_stride != 1 && e->d > 1;
    double *wide;
    float *narrow;
    size_t tiles = (size_t)(team * rows * widest);
    cusgd_status status = make_numbers(e, standardizes_here(e, t), t, &wide, &narrow);
    copying c = {
        self, source_of(e, t, wide, narrow), b, rows, strided ? allocate(tiles, sizeof(double)) : NULL, (size_t)(rows * widest)};
    if (!status && strided && !c.work) status = fail_memory(tiles * sizeof(double), "the copy of the examples");
    if (!status && !pool_run(self->pool, team, (e->n + rows - 1) / rows, copy_tile, &c)) status = fail_interrupted();
    free(c.work);
    free(wide);
    free(narrow);
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
    if (!*b || (*b)->sparse || (*b)->tail || (*b)->fold || (*b)->source) {
        NAMED(cpu_unbind)(self, *b);
        return NAMED(cpu_bind)(self, e, t, b);
    }
    return bind_to(self, e, t, *b);
}

/* The rows of a group for each thread. */
static cusgd_status make_room_to_take(const cpu *self, rows_source *s)
{
    layout l = layout_of(s->of.d, examples_outputs(&s->of));
    s->each = (rows_taken_bytes(&l, s->of.k) + 63) / 64 * 64;
    s->room = allocate_aligned((size_t)self->threads, s->each);
    return s->room ? CUSGD_OK : fail_memory((size_t)self->threads * s->each, "the rows that threads work on");
}

/* Copies of what the transform has. */
static cusgd_status make_source(const examples *e, const transform *t, dataset *b)
{
    size_t d = (size_t)e->d, k = (size_t)e->k;
    double *wide, *shift = NULL;
    float *narrow;
    standardizing how = standardizes_here(e, t);
    cusgd_status status = make_numbers(e, how, t, &wide, &narrow);
    b->owned[0] = wide;
    b->owned[1] = narrow;
    if (!status && t->shift) shift = b->owned[2] = allocate(k, sizeof(double));
    b->source = status ? NULL : allocate_zeroed(1, sizeof *b->source);
    if (!status && (!b->source || (t->shift && !shift))) status = fail_memory((d + k) * sizeof(double), "the targets' means");
    if (status) return status;
    if (shift) memcpy(shift, t->shift, k * sizeof(double));
    *b->source = source_of(e, t, wide, narrow);
    b->source->shift = shift;
    b->source->stays = e->x.type == REAL_TYPE && e->x.col_stride == 1 && !how && !b->source->rounds && e->d % LANES == 0;
    return CUSGD_OK;
}

cusgd_status NAMED(cpu_bind_in_place)(void *self, const examples *e, const transform *t, dataset **b)
{
    NAMED(cpu_unbind)(self, *b);
    *b = allocate_zeroed(1, sizeof **b);
    if (!*b) return fail_memory(sizeof **b, "bound examples");
    (*b)->n = e->n;
    (*b)->d = e->d;
    (*b)->m = e->k;
    (*b)->k = examples_outputs(e);
    (*b)->classed = e->classes > 0;
    (*b)->folds = 1;
    if (sizeof(real) == sizeof(float)) (*b)->storage = t->storage;
    cusgd_status status = make_source(e, t, *b);
    return status ? status : make_room_to_take(self, (*b)->source);
}

void NAMED(cpu_unbind)(void *self, dataset *b)
{
    cpu *c = self;
    if (!b) return;
    NAMED(sparse_forget)(c, b);
    NAMED(products_forget)(c, b);
    for (int i = 0; i < 4; i++) free(b->owned[i]);
    free(b->tail);
    free(b->fold);
    if (b->source) free(b->source->room);
    free(b->source);
    NAMED(sparse_unbind)(b);
    free(b);
}

/* Row i of x. */
static void widen_row(const cpu *self, const dataset *b, int64_t i, double *x)
{
    const void *row = b->x;
    int64_t from = b->source ? 0 : i * b->d;
    if (b->source) self->rows[b->storage]->take(b->source, i, 1, source_room(b->source));
    if (b->source) row = source_room(b->source);
    if (b->sparse)
        NAMED(sparse_row)(b, i, x);
    else if (b->storage == CUSGD_STORAGE_BF16)
        for (int64_t j = 0; j < b->d; j++) x[j] = (double)bf16_value(((const bf16 *)row)[from + j]);
    else
        for (int64_t j = 0; j < b->d; j++) x[j] = (double)((const real *)row)[from + j];
}

static double weight_of(const dataset *b, int64_t i)
{
    if (b->source && b->source->of.w.at) return (double)source_weight(b->source, i);
    return b->w ? (double)b->w[i] : 1;
}

cusgd_status NAMED(cpu_rows)(void *self, const dataset *b, const int64_t *rows, int64_t m, double *x, double *w)
{
    for (int64_t i = 0; i < m; i++) {
        widen_row(self, b, rows[i], x + i * b->d);
        w[i] = weight_of(b, rows[i]);
    }
    return CUSGD_OK;
}

typedef struct curving {
    const cpu *self;
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
        double q = 1, w = weight_of(b, i);
        if ((i - first) % ROWS_BETWEEN == 0 && pool_stops(c->self->pool)) return;
        widen_row(c->self, b, i, z);
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
    curving all = {c, b, scale, at, first, allocate_zeroed((size_t)(spans * each), sizeof(double))};
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
