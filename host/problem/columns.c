/* The copy of rows by columns: one pass counts the values of each column, a second one puts them in their places. */
#include "columns.h"

#include "failure.h"
#include "interrupt.h"
#include "row_source.h"
#include "scalar/rounding.h"

#include <stdlib.h>

/* A row with `count` stored values. */
typedef struct stored_row {
    int64_t count;
    int32_t *column; /* d */
    double *value;   /* d */
} stored_row;

/* A value of column j, transformed as bound rows are. */
static double transformed(const transform *t, const examples *rows, int single, int64_t j, double x)
{
    int sparse = examples_are_sparse(rows);
    if (!t->mean) return rounded_for(single, t->scale ? x * (1 / t->scale[j]) : x);
    double mean = sparse ? 0 : t->mean[j], inverse = 1 / t->scale[j];
    cusgd_precision precision = single ? CUSGD_PRECISION_FLOAT : CUSGD_PRECISION_DOUBLE;
    if (sparse || standardizes(t, precision) != STANDARDIZE_IN_FLOAT) return rounded_for(single, STANDARDIZED(x, mean, inverse));
    return (double)standardized_float(x, mean, inverse);
}

/* Reads and transforms row i of the view. */
static void read_row(row_source *from, const transform *t, int single, int64_t i, stored_row *to)
{
    const examples *rows = from->of;
    int64_t given = rows_stored(from, examples_row(rows, i), to->column, to->value);
    to->count = 0;
    for (int64_t at = 0; at < given; at++) {
        int64_t j = to->column[at];
        double scaled = transformed(t, rows, single, j, to->value[at]);
        if (!(scaled > 0 || scaled < 0)) continue;
        to->column[to->count] = to->column[at];
        to->value[to->count++] = scaled;
    }
}

/* Counts the values of each column. next: d, the place of the next value of each column. */
static void count_values(row_source *from, const transform *t, int single, stored_row *work, columns *x)
{
    for (int64_t j = 0; j <= x->d; j++) x->start[j] = 0;
    for (int64_t i = 0; i < x->n && !interrupt_asked_at(i); i++) {
        read_row(from, t, single, i, work);
        for (int64_t at = 0; at < work->count; at++) x->start[work->column[at] + 1]++;
    }
    for (int64_t j = 0; j < x->d; j++) x->start[j + 1] += x->start[j];
}

static void place_values(row_source *from, const transform *t, int single, stored_row *work, columns *x)
{
    int64_t *next = x->start + x->d + 1;
    for (int64_t j = 0; j < x->d; j++) next[j] = x->start[j];
    for (int64_t i = 0; i < x->n && !interrupt_asked_at(i); i++) {
        read_row(from, t, single, i, work);
        for (int64_t at = 0; at < work->count; at++) {
            int64_t place = next[work->column[at]]++;
            x->row[place] = (int32_t)i;
            x->value[place] = work->value[at];
        }
    }
}

static cusgd_status copy_values(row_source *from, const transform *t, int single, stored_row *work, columns *x)
{
    count_values(from, t, single, work, x);
    if (interrupt_asked()) return fail_interrupted();
    size_t stored = (size_t)x->start[x->d];
    x->row = allocate(stored, sizeof *x->row);
    x->value = allocate(stored, sizeof *x->value);
    if (!x->row || !x->value)
        return fail_memory((size_t)columns_bytes((double)stored, (double)x->d), "the copy of the rows by columns");
    place_values(from, t, single, work, x);
    return interrupt_asked() ? fail_interrupted() : CUSGD_OK;
}

cusgd_status columns_open(const examples *rows, const transform *t, int single, const backend *device, columns *out)
{
    size_t d = (size_t)rows->d;
    row_source from = {0};
    *out = (columns){.n = rows->n, .d = rows->d};
    if (rows->n > INT32_MAX)
        return fail(CUSGD_ERROR_USAGE, "a copy by columns takes at most 2^31 - 1 rows, and there are %lld: take --solver lbfgs",
                    (long long)rows->n);
    stored_row work = {.column = allocate(d, sizeof(int32_t)), .value = allocate(d, sizeof(double))};
    out->start = allocate(2 * d + 1, sizeof *out->start);
    cusgd_status status = work.column && work.value && out->start ? rows_open(&from, rows, device)
                                                                  : fail_memory(28 * d, "the starts of the columns");
    if (!status) status = copy_values(&from, t, single, &work, out);
    cusgd_status read = rows_close(&from);
    free(work.column);
    free(work.value);
    return status ? status : read;
}

void columns_close(columns *x)
{
    free(x->start);
    free(x->row);
    free(x->value);
    *x = (columns){0};
}
