/* Bringing sparse rows within reach: in place where their columns are of 32 bits and their values `real`, else as a copy. */
#include "parts.h"

#include "failure.h"
#include "sparse.h"
#include <stdlib.h>
#include <string.h>

static int64_t count_values(const examples *e)
{
    int64_t values = 0;
    for (int64_t i = 0; i < e->n; i++) values += e->s.start[examples_row(e, i) + 1] - e->s.start[examples_row(e, i)];
    return values;
}

/* `start` of the rows that are selected. */
static cusgd_status copy_starts(const examples *e, sparse_rows *s)
{
    int64_t *start = s->owned[0] = allocate((size_t)e->n + 1, sizeof *start);
    if (!start) return fail_memory(((size_t)e->n + 1) * sizeof *start, "a copy of the examples");
    start[0] = 0;
    for (int64_t i = 0; i < e->n; i++) {
        int64_t row = examples_row(e, i);
        start[i + 1] = start[i] + e->s.start[row + 1] - e->s.start[row];
    }
    s->start = start;
    return CUSGD_OK;
}

static cusgd_status copy_columns(const examples *e, sparse_rows *s, size_t values)
{
    int32_t *column = s->owned[1] = allocate_aligned(values + 1, sizeof *column);
    if (!column) return fail_memory(values * sizeof *column, "a copy of the examples");
    for (int64_t i = 0; i < e->n; i++) {
        int64_t from = e->s.start[examples_row(e, i)];
        for (int64_t at = s->start[i]; at < s->start[i + 1]; at++)
            column[at] = (int32_t)csr_column(&e->s, from + at - s->start[i]);
    }
    s->column = column;
    return CUSGD_OK;
}

/* scale: d; NULL: 1. */
static cusgd_status copy_values(const examples *e, const double *scale, sparse_rows *s, size_t values)
{
    real *value = s->owned[2] = allocate_aligned(values + 1, sizeof *value);
    if (!value) return fail_memory(values * sizeof *value, "a copy of the examples");
    for (int64_t i = 0; i < e->n && scale; i++) {
        int64_t from = e->s.start[examples_row(e, i)];
        for (int64_t at = s->start[i]; at < s->start[i + 1]; at++, from++)
            value[at] = (real)(csr_value(&e->s, from) * (1 / scale[csr_column(&e->s, from)]));
    }
    s->value = value;
    if (scale) return CUSGD_OK;
    for (int64_t i = 0; i < e->n; i++) {
        int64_t from = e->s.start[examples_row(e, i)];
        for (int64_t at = s->start[i]; at < s->start[i + 1]; at++) value[at] = (real)csr_value(&e->s, from + at - s->start[i]);
    }
    return CUSGD_OK;
}

/* Rows that are pieces of the caller's keep the caller's numbering of stored values only if nothing is copied. */
static cusgd_status take_rows(const examples *e, const double *scale, sparse_rows *s)
{
    cusgd_type type = sizeof(real) == sizeof(float) ? CUSGD_TYPE_FLOAT32 : CUSGD_TYPE_FLOAT64;
    int columns_stay = !e->rows && !e->s.wide, values_stay = !e->rows && !scale && e->s.value && e->s.type == type;
    int64_t shift = e->rows ? 0 : e->s.start[0];
    size_t values = (size_t)count_values(e);
    cusgd_status status = CUSGD_OK;
    s->start = e->s.start;
    if (!columns_stay || !values_stay) status = copy_starts(e, s);
    if (columns_stay) s->column = (const int32_t *)e->s.column + (s->owned[0] ? shift : 0);
    if (values_stay) s->value = (const real *)e->s.value + (s->owned[0] ? shift : 0);
    if (!status && !columns_stay) status = copy_columns(e, s, values);
    if (!status && !values_stay) status = copy_values(e, scale, s, values);
    return status;
}

/* Parts that take a step about equally long: a column costs as much as TOUCH of its values in each batch that has it, where
 * batches have the usual number of rows. */
cusgd_status NAMED(sparse_cut)(const dataset *b)
{
    enum { TOUCH = 4, BATCH = 256 };
    sparse_rows *s = b->sparse;
    if (s->cut[COLUMN_PARTS] > 0) return CUSGD_OK; /* they are known */
    int64_t *cost = allocate_zeroed((size_t)b->d, sizeof *cost), first = s->start[0], values = s->start[b->n] - first,
            batches = b->n / BATCH + 1, total = 0, sum = 0, q = 1;
    if (!cost) return fail_memory((size_t)b->d * sizeof *cost, "the columns' numbers of values");
    for (int64_t at = first; at < first + values; at++) cost[s->column[at]]++;
    for (int64_t j = 0; j < b->d; j++) total += cost[j] += TOUCH * min_of(cost[j], batches);
    for (int64_t j = 0; j < b->d && q < COLUMN_PARTS; j++) {
        sum += cost[j];
        while (q < COLUMN_PARTS && sum * COLUMN_PARTS >= total * q) s->cut[q++] = j + 1;
    }
    while (q <= COLUMN_PARTS) s->cut[q++] = b->d;
    free(cost);
    return CUSGD_OK;
}

cusgd_status NAMED(sparse_bind)(const examples *e, const transform *t, dataset *b)
{
    b->storage = CUSGD_STORAGE_FULL;
    b->sparse = allocate_zeroed(1, sizeof *b->sparse);
    if (!b->sparse) return fail_memory(sizeof *b->sparse, "bound examples");
    cusgd_status status = NAMED(sparse_center)(t, e->d, b->sparse);
    if (!status) status = take_rows(e, t->scale, b->sparse);
    for (int64_t i = 0; i < b->n && !status; i++)
        b->sparse->longest = max_of(b->sparse->longest, b->sparse->start[i + 1] - b->sparse->start[i]);
    return status;
}

void NAMED(sparse_unbind)(dataset *b)
{
    if (!b->sparse) return;
    for (int i = 0; i < 3; i++) free(b->sparse->owned[i]);
    free(b->sparse->center);
    free(b->sparse);
}

void NAMED(sparse_row)(const dataset *b, int64_t i, double *x)
{
    const sparse_rows *s = b->sparse;
    for (int64_t j = 0; j < b->d; j++) x[j] = s->center ? -s->center[j] : 0;
    for (int64_t at = s->start[i]; at < s->start[i + 1]; at++) x[s->column[at]] += (double)s->value[at];
}

/* The mean of column j in the units of z = scale x. */
static double center_of(const sparse_rows *s, const double *scale, int64_t j)
{
    return s->center ? s->center[j] * (scale ? scale[j] : 1) : 0;
}

void NAMED(sparse_curvature)(const dataset *b, const double *scale, curvature *out)
{
    const sparse_rows *s = b->sparse;
    double centers = 1, weight = 0, fourth = 0; /* q of a row without values; sum w and sum w^2 q */
    sparse_curvature_start(out, b->d);
    for (int64_t j = 0; s->center && j < b->d; j++) centers += center_of(s, scale, j) * center_of(s, scale, j);
    for (int64_t i = 0; i < b->n; i++) {
        double q = centers, w = b->w ? (double)b->w[i] : 1;
        for (int64_t at = s->start[i]; at < s->start[i + 1]; at++) {
            int32_t j = s->column[at];
            double x = (double)s->value[at] * (scale ? scale[j] : 1);
            q += x * (x - 2 * center_of(s, scale, j));
        }
        for (int64_t at = s->start[i]; at < s->start[i + 1]; at++) {
            int32_t j = s->column[at];
            double x = (double)s->value[at] * (scale ? scale[j] : 1);
            sparse_curvature_value(out, j, w, q, x * (x - 2 * center_of(s, scale, j)));
        }
        sparse_curvature_row(out, w, q);
        weight += w;
        fourth += w * w * q;
    }
    for (int64_t j = 0; s->center && j < b->d; j++) {
        double square = center_of(s, scale, j) * center_of(s, scale, j);
        out->fourth[j] += fourth * square;
        out->second[j] += weight * square;
    }
}
