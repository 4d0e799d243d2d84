/* Passes over sparse rows: first the derivatives of the rows, then the sums of the columns.
 *
 * A dot product is eight lane sums by the value's position in its row, and a fixed tree. A column adds its rows in order, in
 * double; each part of the columns is one thread's, which finds it in each row. Neither depends on the number of threads. */
#include "parts.h"

#include "failure.h"
#include "interrupt.h"
#include <stdlib.h>
#include <string.h>

/* Where coefficient j of output c stands: at + j * stride. */
static int64_t output_at(const layout *l, int64_t c) { return layout_at(l, 0, c); }
static int64_t output_stride(const layout *l) { return l->wide ? LANES : 1; }

static inline real dot(const int32_t *restrict column, const real *restrict value, int64_t count, const real *restrict theta)
{
    enum { POSITIONS = 8 };
    real sum[POSITIONS] = {0};
    int64_t t = 0;
    for (; t + POSITIONS <= count; t += POSITIONS)
        for (int l = 0; l < POSITIONS; l++) sum[l] += value[t + l] * theta[column[t + l]];
    for (int l = 0; t < count; t++, l++) sum[l] += value[t] * theta[column[t]];
    return ((sum[0] + sum[4]) + (sum[2] + sum[6])) + ((sum[1] + sum[5]) + (sum[3] + sum[7]));
}

/* The same of parameters that do not lie side by side. */
static real dot_apart(const int32_t *column, const real *value, int64_t count, const real *theta, int64_t stride)
{
    real sum = 0;
    for (int64_t t = 0; t < count; t++) sum += value[t] * theta[column[t] * stride];
    return sum;
}

/* p of row i and output c, the offset included. */
static real predict_row(const sparse_pass *s, int64_t i, int64_t c)
{
    const sparse_rows *x = s->b->sparse;
    const layout *l = &s->layout;
    int64_t first = x->start[i], count = x->start[i + 1] - first;
    const real *theta = s->theta + output_at(l, c);
    real p = l->wide ? dot_apart(x->column + first, x->value + first, count, theta, output_stride(l))
                     : dot(x->column + first, x->value + first, count, theta);
    p += s->theta[layout_at(l, l->d, c)];
    return s->b->o ? p + s->b->o[i] : p;
}

static void take_derivatives(void *context, int64_t chunk)
{
    const sparse_pass *s = context;
    int64_t k = s->b->k, last = min_of((chunk + 1) * SPARSE_CHUNK, s->count);
    double loss = 0;
    for (int64_t r = chunk * SPARSE_CHUNK; r < last; r++) {
        int64_t i = s->rows ? s->rows[r] : s->first + r;
        real w = s->b->w ? s->b->w[i] : 1;
        for (int64_t c = 0; c < k; c++) {
            struct loss_point l = loss_at(s->loss, predict_row(s, i, c), s->b->y[i * k + c]);
            loss += (double)(w * l.value);
            s->derivative[r * k + c] = w * l.derivative;
        }
    }
    s->losses[chunk] = loss;
}

/* Threads that a pass over `count` rows is worth. */
static int team_for(const sparse_pass *s)
{
    const sparse_rows *x = s->b->sparse;
    int64_t each = (x->start[s->b->n] - x->start[0]) / s->b->n + 1;
    return threads_for(s->self->threads, s->count * each * s->b->k * 8, THREAD_BYTES);
}

double NAMED(sparse_derivatives)(sparse_pass *s)
{
    int64_t chunks = chunk_count(s->count, SPARSE_CHUNK);
    double loss = 0;
    pool_for(s->self->pool, team_for(s), chunks, take_derivatives, s);
    for (int64_t c = 0; c < chunks; c++) loss += s->losses[c];
    return loss;
}

/* The first place from `at` on, before `end`, whose column is `column` or beyond. */
static int64_t find_column(const int32_t *columns, int64_t at, int64_t end, int64_t column)
{
    while (at < end) {
        int64_t middle = at + (end - at) / 2;
        if (columns[middle] < column)
            at = middle + 1;
        else
            end = middle;
    }
    return at;
}

static void add_columns(void *context, int64_t part)
{
    const sparse_pass *s = context;
    const sparse_rows *x = s->b->sparse;
    int64_t k = s->b->k, stride = output_stride(&s->layout), each = COLUMN_PARTS / s->parts;
    int64_t low = x->cut[part * each], high = x->cut[(part + 1) * each];
    for (int64_t c = 0; c < k; c++) {
        double *sums = s->sums + output_at(&s->layout, c);
        for (int64_t j = low; j < high; j++) sums[j * stride] = 0;
        for (int64_t r = 0; r < s->count; r++) {
            int64_t i = s->rows ? s->rows[r] : s->first + r, at = x->start[i], end = x->start[i + 1];
            double derivative = (double)s->derivative[r * k + c];
            if (low > 0) at = find_column(x->column, at, end, low);
            if (high < s->b->d) end = find_column(x->column, at, end, high);
            for (; at < end; at++) sums[x->column[at] * stride] += derivative * (double)x->value[at];
        }
    }
}

void NAMED(sparse_columns)(sparse_pass *s)
{
    int64_t k = s->b->k;
    int team = team_for(s);
    for (s->parts = 1; s->parts < team && s->parts < COLUMN_PARTS;) s->parts *= 2;
    for (int64_t c = 0; c < k; c++) {
        double sum = 0;
        for (int64_t r = 0; r < s->count; r++) sum += (double)s->derivative[r * k + c];
        s->sums[layout_at(&s->layout, s->layout.d, c)] = sum;
    }
    pool_for(s->self->pool, team, s->parts, add_columns, s);
}

cusgd_status NAMED(sparse_objective)(const cpu *self, const dataset *b, loss_rule loss, const double *theta, double *value,
                                     double *gradient)
{
    layout l = layout_of(b->d, b->k);
    size_t size = (size_t)l.size, derivatives = (size_t)(b->n * b->k);
    real *point = allocate_aligned_zeroed(size, sizeof(real));
    sparse_pass s = {.self = self,
                     .b = b,
                     .loss = loss,
                     .theta = point,
                     .layout = l,
                     .count = b->n,
                     .derivative = allocate(derivatives, sizeof(real)),
                     .losses = allocate((size_t)chunk_count(b->n, SPARSE_CHUNK), sizeof(double)),
                     .sums = gradient ? allocate_zeroed(size, sizeof(double)) : NULL};
    cusgd_status status = CUSGD_OK;
    if (!point || !s.derivative || !s.losses || (gradient && !s.sums)) {
        status = fail_memory((size + derivatives) * sizeof(real), "the full gradient");
    } else {
        NAMED(layout_put)(&l, theta, point);
        *value = NAMED(sparse_derivatives)(&s) / (double)b->n;
        if (gradient && !interrupt_asked()) NAMED(sparse_columns)(&s);
        if (interrupt_asked()) status = fail_interrupted();
        for (int64_t j = 0; gradient && j <= b->d; j++)
            for (int64_t c = 0; c < b->k; c++) gradient[j * b->k + c] = s.sums[layout_at(&l, j, c)] / (double)b->n;
    }
    free(point);
    free(s.derivative);
    free(s.losses);
    free(s.sums);
    return status;
}

typedef struct prediction {
    const sparse_pass *pass;
    double *out;
} prediction;

static void predict_chunk(void *context, int64_t chunk)
{
    const prediction *p = context;
    int64_t k = p->pass->b->k, last = min_of((chunk + 1) * SPARSE_CHUNK, p->pass->count);
    for (int64_t i = chunk * SPARSE_CHUNK; i < last; i++)
        for (int64_t c = 0; c < k; c++) p->out[i * k + c] = (double)predict_row(p->pass, i, c);
}

cusgd_status NAMED(sparse_predict)(const cpu *self, const dataset *b, const double *theta, double *out)
{
    layout l = layout_of(b->d, b->k);
    real *point = allocate_aligned_zeroed((size_t)l.size, sizeof(real));
    if (!point) return fail_memory((size_t)l.size * sizeof(real), "the parameters");
    sparse_pass s = {.self = self, .b = b, .theta = point, .layout = l, .count = b->n};
    prediction p = {&s, out};
    NAMED(layout_put)(&l, theta, point);
    int all = pool_run(self->pool, team_for(&s), chunk_count(b->n, SPARSE_CHUNK), predict_chunk, &p);
    free(point);
    return all ? CUSGD_OK : fail_interrupted();
}
