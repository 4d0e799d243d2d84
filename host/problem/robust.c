/* Medians and interquartile ranges of the columns, for standardization that is robust to outliers. */
#include "examples.h"
#include "failure.h"
#include "problem.h"
#include "row_source.h"

#include <math.h>
#include <stdlib.h>

/* Moves the value of rank k to its place, with no larger values before it and no smaller ones after it (C. A. R. Hoare,
 * "Algorithm 65: Find", 1961). */
static double select_rank(double *v, int64_t n, int64_t k)
{
    int64_t low = 0, high = n - 1;
    while (low < high) {
        double pivot = v[k];
        int64_t i = low, j = high;
        while (i <= j) {
            while (v[i] < pivot) i++;
            while (pivot < v[j]) j--;
            if (i > j) break;
            double swapped = v[i];
            v[i++] = v[j];
            v[j--] = swapped;
        }
        if (j < k) low = i;
        if (k < i) high = j;
    }
    return v[k];
}

/* Returns a quantile, interpolated as by the method "linear" of NumPy. Changes the order of the values. */
static double quantile(double *values, int64_t n, double share)
{
    double place = share * (double)(n - 1);
    int64_t below = (int64_t)place;
    double at = select_rank(values, n, below), above = at;
    for (int64_t i = below + 1; i < n; i++)
        if (i == below + 1 || values[i] < above) above = values[i];
    return at + (place - (double)below) * (above - at);
}

cusgd_status problem_quartiles(const problem *p, double *median, double *range)
{
    const examples *e = &p->train.rows;
    row_source rows = {0};
    double *values = allocate((size_t)e->n, sizeof *values);
    cusgd_status status =
        values ? rows_open(&rows, e, p->backend) : fail_memory((size_t)e->n * sizeof *values, "a column in order");
    for (int64_t j = 0; j < p->d && !status && !interrupt_asked(); j++) {
        int64_t count = rows_column(&rows, j, values);
        median[j] = quantile(values, count, 0.5);
        range[j] = quantile(values, count, 0.75) - quantile(values, count, 0.25);
    }
    cusgd_status read = rows_close(&rows);
    free(values);
    if (status || read) return status ? status : read;
    return interrupt_asked() ? fail_interrupted() : CUSGD_OK;
}
