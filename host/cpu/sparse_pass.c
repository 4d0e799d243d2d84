/* Passes over sparse rows: predictions, the derivatives of a batch's rows, and the full gradient.
 *
 * A dot product is eight lane sums by the value's position in its row, and a fixed tree. A column of the full gradient adds its
 * rows in order, in double; each part of the columns is one thread's, which finds it in each row. Neither depends on the number
 * of threads. */
#include "parts.h"

#include "failure.h"
#include "interrupt.h"
#include "softmax_row.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

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

/* Of LANES outputs at a time, whose parameters of a column lie side by side: columns are added in order. */
static void dots_wide(const int32_t *restrict column, const real *restrict value, int64_t count, const real *restrict theta,
                      real *restrict p)
{
    real sum[LANES] = {0};
    for (int64_t t = 0; t < count; t++)
        for (int l = 0; l < LANES; l++) sum[l] += value[t] * theta[column[t] * LANES + l];
    memcpy(p, sum, sizeof sum);
}

/* p of row i, the offset included: sparse_width() values. */
static void predict_row(const sparse_pass *s, int64_t i, real *p)
{
    const sparse_rows *x = s->b->sparse;
    const layout *l = &s->layout;
    int64_t first = x->start[i], count = s->is_zero ? 0 : x->start[i + 1] - first, each = l->wide ? LANES : 1;
    real offset = s->b->o ? s->b->o[i] : 0;
    const real *bias = s->bias;
    for (int64_t block = 0; block < l->blocks; block++) {
        const real *theta = s->theta + block * l->ld;
        real *to = p + block * each;
        if (l->wide)
            dots_wide(x->column + first, x->value + first, count, theta, to);
        else
            *to = dot(x->column + first, x->value + first, count, theta);
        for (int64_t c = 0; c < each; c++) to[c] = to[c] + bias[block * each + c] + offset;
    }
}

/* p of a row becomes w dl/dp of a formula, as many outputs at a time as it takes together; returns w l. */
static double derive_formula(const sparse_pass *s, real w, const real *y, real *p)
{
    enum { OUTPUTS = 32 };
    real value[OUTPUTS], derivative[OUTPUTS];
    double loss = 0;
    for (int64_t first = 0; first < s->b->k; first += OUTPUTS) {
        int count = (int)min_of(s->b->k - first, OUTPUTS);
        REAL_NAME(NAMED(loss_formula_rows), baseline)(s->loss.formula, count, p + first, y + first, value, derivative, NULL);
        for (int c = 0; c < count; c++) {
            loss += (double)(w * value[c]);
            p[first + c] = w * derivative[c];
        }
    }
    return loss;
}

/* Likewise of any loss. */
static double derive_row(const sparse_pass *s, int64_t i, real *p)
{
    const dataset *b = s->b;
    const real *y = b->y + i * b->m;
    real w = b->w ? b->w[i] : 1, maximum = 0, rest = 0;
    int softmax = b->classed && s->loss.kind == CUSGD_LOSS_SOFTMAX;
    double loss = 0;
    if (softmax) softmax_row((outputs){p, b->k, 1, 1}, &maximum, &rest);
    if (s->loss.formula) loss = derive_formula(s, w, y, p);
    for (int64_t c = 0; c < b->k && !s->loss.formula; c++) {
        struct loss_point at = softmax ? softmax_at(p[c], class_is(*y, c), maximum, rest)
                                       : loss_at(s->loss, p[c], b->classed ? (real)class_is(*y, c) : y[c]);
        loss += (double)(w * at.value);
        p[c] = w * at.derivative;
    }
    for (int64_t c = b->k; c < sparse_width(&s->layout); c++) p[c] = 0;
    return loss;
}

static int64_t row_of(const sparse_pass *s, int64_t r) { return s->rows ? s->rows[r] : s->first + r; }

/* Whether losses of rows follow from one prediction each, so that several are taken at once. */
static int takes_rows_together(const sparse_pass *s)
{
    return sparse_width(&s->layout) == 1 && !s->b->classed && !s->loss.formula;
}

/* Predictions of rows first .. first + count - 1 of the pass, at most a chunk, become w dl/dp; returns the sum of w l. */
static double derive_rows(const sparse_pass *s, int64_t first, int count)
{
    const dataset *b = s->b;
    real y[SPARSE_CHUNK], w[SPARSE_CHUNK], value[SPARSE_CHUNK], derivative[SPARSE_CHUNK], *p = s->derivative + first;
    double loss = 0;
    if (count < 1) return 0;
    for (int r = 0; r < count; r++) {
        int64_t i = row_of(s, first + r);
        y[r] = b->y[i];
        w[r] = b->w ? b->w[i] : 1;
    }
    s->self->rows[CUSGD_STORAGE_FULL]->losses(s->loss, count, p, y, w, value, derivative);
    for (int r = 0; r < count; r++) loss += (double)value[r];
    memcpy(p, derivative, sizeof *p * (size_t)count);
    return loss;
}

/* Predictions of rows first .. last - 1 of the pass: their parts, the intercept and the offset. */
static void add_parts(const sparse_pass *s, int64_t first, int64_t last)
{
    int64_t width = sparse_width(&s->layout), count = (last - first) * width;
    real *restrict p = s->derivative + first * width;
    memcpy(p, s->predicted + first * width, sizeof(real) * (size_t)count);
    for (int64_t part = 1; part < s->predicted_parts; part++) {
        const real *restrict from = s->predicted + (part * s->count + first) * width;
        for (int64_t u = 0; u < count; u++) p[u] += from[u];
    }
    for (int64_t r = first; r < last; r++, p += width) {
        real offset = s->b->o ? s->b->o[row_of(s, r)] : 0;
        for (int64_t c = 0; c < width; c++) p[c] = p[c] + s->bias[c] + offset;
    }
}

_Static_assert((int)SPARSE_CHUNK <= (int)LOSS_ROWS, "a chunk's losses are taken at once");

static void take_derivatives(void *context, int64_t chunk)
{
    const sparse_pass *s = context;
    int64_t width = sparse_width(&s->layout), first = chunk * SPARSE_CHUNK, last = min_of(first + SPARSE_CHUNK, s->count);
    double loss = 0;
    if (s->predicted) add_parts(s, first, last);
    for (int64_t r = first; r < last && !s->predicted; r++) predict_row(s, row_of(s, r), s->derivative + r * width);
    if (takes_rows_together(s))
        loss = derive_rows(s, first, (int)(last - first));
    else
        for (int64_t r = first; r < last; r++) loss += derive_row(s, row_of(s, r), s->derivative + r * width);
    s->losses[chunk] = loss;
}

/* Threads that a pass over `count` rows is worth. A row's losses take as long as reading LOSS_VALUES more values. */
static int team_for(const sparse_pass *s)
{
    enum { LOSS_VALUES = 64 };
    const sparse_rows *x = s->b->sparse;
    int64_t each = s->predicted ? s->predicted_parts + LOSS_VALUES : (x->start[s->b->n] - x->start[0]) / s->b->n + 1;
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

/* The sums of a part of the columns, each of which adds its rows in order. */
static void add_columns(void *context, int64_t part)
{
    const sparse_pass *s = context;
    const sparse_rows *x = s->b->sparse;
    int64_t k = s->b->k, width = sparse_width(&s->layout), each = COLUMN_PARTS / s->parts;
    int64_t low = x->cut[part * each], high = x->cut[(part + 1) * each];
    memset(s->sums + low * k, 0, sizeof(double) * (size_t)((high - low) * k));
    for (int64_t i = 0; i < s->count; i++) {
        int64_t at = x->start[i], end = x->start[i + 1];
        const real *derivative = s->derivative + i * width;
        if (low > 0) at = find_column(x->column, at, end, low);
        if (high < s->b->d) end = find_column(x->column, at, end, high);
        for (; at < end; at++)
            for (int64_t c = 0; c < k; c++) s->sums[x->column[at] * k + c] += (double)derivative[c] * (double)x->value[at];
    }
}

/* The gradient of the sum of all rows' losses, in double. */
static void add_all(sparse_pass *s)
{
    int64_t k = s->b->k, width = sparse_width(&s->layout);
    int team = team_for(s);
    for (s->parts = 1; s->parts < team && s->parts < COLUMN_PARTS;) s->parts *= 2;
    for (int64_t c = 0; c < k; c++) {
        double sum = 0;
        for (int64_t i = 0; i < s->count; i++) sum += (double)s->derivative[i * width + c];
        s->sums[s->b->d * k + c] = sum;
    }
    pool_for(s->self->pool, team, s->parts, add_columns, s);
    for (int64_t j = 0; s->b->sparse->center && j < s->b->d; j++)
        for (int64_t c = 0; c < k; c++) s->sums[j * k + c] -= s->b->sparse->center[j] * s->sums[s->b->d * k + c];
}

/* As those of the intercept-only model, and of most runs' start, are. */
static int coefficients_are_zero(const dataset *b, const double *theta)
{
    for (int64_t u = 0; u < b->d * b->k; u++)
        if (theta[u] < 0 || theta[u] > 0 || isnan(theta[u])) return 0;
    return 1;
}

cusgd_status NAMED(sparse_objective)(const cpu *self, const dataset *b, loss_rule loss, const double *theta, double *value,
                                     double *gradient)
{
    layout l = layout_of(b->d, b->k);
    size_t size = (size_t)l.size, derivatives = (size_t)(b->n * sparse_width(&l));
    real *point = allocate_aligned_zeroed(size, sizeof(real)), *bias = allocate((size_t)sparse_width(&l), sizeof(real));
    sparse_pass s = {.self = self,
                     .b = b,
                     .loss = loss,
                     .theta = point,
                     .bias = bias,
                     .layout = l,
                     .count = b->n,
                     .derivative = allocate(derivatives, sizeof(real)),
                     .losses = allocate((size_t)chunk_count(b->n, SPARSE_CHUNK), sizeof(double)),
                     .sums = gradient,
                     .is_zero = coefficients_are_zero(b, theta)};
    cusgd_status status = gradient ? NAMED(sparse_cut)(b) : CUSGD_OK;
    if (!status && (!point || !bias || !s.derivative || !s.losses))
        status = fail_memory((size + derivatives) * sizeof(real), "the full gradient");
    if (!status) {
        NAMED(layout_put)(&l, theta, point);
        NAMED(sparse_bias)(b, &l, point, bias);
        *value = NAMED(sparse_derivatives)(&s) / (double)b->n;
        if (gradient && !interrupt_asked()) add_all(&s);
        if (interrupt_asked()) status = fail_interrupted();
        for (int64_t u = 0; gradient && u < (b->d + 1) * b->k; u++) gradient[u] /= (double)b->n;
    }
    free(point);
    free(bias);
    free(s.derivative);
    free(s.losses);
    return status;
}

typedef struct prediction {
    const sparse_pass *pass;
    double *out;
    real *work; /* threads x sparse_width() */
} prediction;

static void predict_chunk(void *context, int64_t chunk)
{
    const prediction *of = context;
    const sparse_pass *s = of->pass;
    int64_t k = s->b->k, last = min_of((chunk + 1) * SPARSE_CHUNK, s->count);
    real *p = of->work + pool_thread() * sparse_width(&s->layout);
    for (int64_t i = chunk * SPARSE_CHUNK; i < last; i++) {
        predict_row(s, i, p);
        for (int64_t c = 0; c < k; c++) of->out[i * k + c] = (double)p[c];
    }
}

cusgd_status NAMED(sparse_predict)(const cpu *self, const dataset *b, const double *theta, double *out)
{
    layout l = layout_of(b->d, b->k);
    real *point = allocate_aligned_zeroed((size_t)l.size, sizeof(real)), *bias = allocate((size_t)sparse_width(&l), sizeof(real));
    prediction p = {.out = out, .work = allocate((size_t)(self->threads * sparse_width(&l)), sizeof(real))};
    cusgd_status status = CUSGD_OK;
    if (point && bias && p.work) {
        sparse_pass s = {.self = self, .b = b, .theta = point, .bias = bias, .layout = l, .count = b->n};
        p.pass = &s;
        NAMED(layout_put)(&l, theta, point);
        NAMED(sparse_bias)(b, &l, point, bias);
        if (!pool_run(self->pool, team_for(&s), chunk_count(b->n, SPARSE_CHUNK), predict_chunk, &p)) status = fail_interrupted();
    } else {
        status = fail_memory((size_t)l.size * sizeof(real), "the parameters");
    }
    free(point);
    free(bias);
    free(p.work);
    return status;
}
