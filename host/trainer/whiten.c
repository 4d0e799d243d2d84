/* With C = U L U' the covariances of the columns, scaled to correlations where columns are standardized, D their scales:
 *   PCA: forward = D^-1 U L^-1/2, the scaled principal components; ZCA: D^-1 U L^-1/2 U', of all decorrelated columns those that
 * are closest to the given ones (A. Kessy, A. Lewin, K. Strimmer, "Optimal whitening and decorrelation", 2018). Directions in
 * which the columns hardly vary, with eigenvalues below 1e-10 of the largest, are removed: z is 0 there. */
#include "whiten.h"

#include "failure.h"
#include "interrupt.h"
#include "lapack_library.h"
#include "problem/examples.h"
#include "problem/linear.h"
#include "problem/row_source.h"

#include <float.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MAX_COLUMNS = 4096 };
#define SMALLEST_SHARE 1e-10

void whitening_close(whitening *w)
{
    if (!w) return;
    for (int i = 0; i < 2; i++) free(w->white_x[i]);
    strings_free(w->names, w->d);
    free(w->mean);
    free(w->forward);
    free(w->backward);
    free(w);
}

/* ---- Covariances --------------------------------------------------------------------------------------------------------- */

/* Computes the means of the columns, or sets zeros. Returns the sum of the weights. */
static double find_means(row_source *rows, int centers, double *mean)
{
    const examples *e = rows->of;
    double total = 0;
    for (counted_rows at = {.of = e}; counted_next(&at);) {
        const double *x = rows_at(rows, at.row);
        total += at.weight;
        for (int64_t j = 0; j < e->d && centers; j++) mean[j] += (x[j] - mean[j]) * at.weight / total;
    }
    return total;
}

/* Computes the covariances. c: d x d, both triangles; row: d, work. */
static void find_covariances(row_source *rows, double total, const double *mean, double *row, double *c)
{
    int64_t d = rows->of->d;
    for (counted_rows at = {.of = rows->of}; counted_next(&at);) {
        const double *x = rows_at(rows, at.row);
        for (int64_t j = 0; j < d; j++) row[j] = x[j] - mean[j];
        for (int64_t i = 0; i < d; i++) {
            double share = at.weight / total * row[i];
            for (int64_t j = 0; j <= i; j++) c[i * d + j] += share * row[j];
        }
    }
    for (int64_t i = 0; i < d; i++)
        for (int64_t j = 0; j < i; j++) c[j * d + i] = c[i * d + j];
}

/* Converts covariances to correlations; a constant column keeps its unit. */
static void find_scales(int64_t d, int standardizes, const double *mean, double *c, double *scale)
{
    for (int64_t j = 0; j < d; j++) {
        double deviation = sqrt(c[j * d + j]);
        scale[j] = standardizes && deviation > 10 * DBL_EPSILON * fabs(mean[j]) ? deviation : 1;
    }
    for (int64_t i = 0; i < d; i++)
        for (int64_t j = 0; j < d; j++) c[i * d + j] /= scale[i] * scale[j];
}

/* Sets `forward` and `backward` from the eigenvectors, which are the rows of u, and the eigenvalues. */
static void set_matrices(whitening *w, int pca, const double *u, const double *values, const double *scale)
{
    int64_t d = w->d;
    double smallest = SMALLEST_SHARE * values[d - 1];
    for (int64_t v = 0; v < d; v++) {
        double root = values[v] > smallest ? sqrt(values[v]) : 0;
        for (int64_t i = 0; root > 0 && i < d; i++)
            for (int64_t j = 0; j < d; j++) {
                double other = pca ? (j == d - 1 - v) : u[v * d + j]; /* the largest component first */
                w->forward[i * d + j] += u[v * d + i] / root * other / scale[i];
                w->backward[j * d + i] += u[v * d + i] * root * other * scale[i];
            }
    }
}

/* work: d * (d + 2) values. */
static cusgd_status find_matrices(whitening *w, const problem *p, double *work)
{
    const cusgd_options *o = p->options;
    int64_t d = w->d;
    double *c = work, *scale = work + d * d, *values = scale + d;
    row_source rows;
    cusgd_status status = rows_open(&rows, &p->train.rows, NULL);
    if (!status) {
        double total = find_means(&rows, o->intercept, w->mean);
        find_covariances(&rows, total, w->mean, values, c);
    }
    cusgd_status read = rows_close(&rows);
    if (status || read) return status ? status : read;
    if (interrupt_asked()) return fail_interrupted();
    for (int64_t j = 0; j < d; j++)
        if (!isfinite(c[j * d + j]))
            return fail(CUSGD_ERROR_DATA, "%s: the squares of column %lld overflow; divide it by a power of ten",
                        p->train.data->source, (long long)j + 1);
    find_scales(d, o->standardize, w->mean, c, scale);
    if (!matrix_eigen(d, c, values))
        return fail(CUSGD_ERROR_DATA, "%s: the covariances of the columns have no eigenvalues that could be computed",
                    p->train.data->source);
    set_matrices(w, o->whiten == CUSGD_WHITEN_PCA, c, values, scale);
    return CUSGD_OK;
}

/* Names the columns z: components by numbers, those of ZCA by the columns of x to which they belong. */
static cusgd_status name_columns(whitening *w, int pca)
{
    static const char before[] = "decorrelated ";
    w->names = allocate_zeroed((size_t)w->d, sizeof *w->names);
    for (int64_t j = 0; w->names && j < w->d; j++) {
        const char *name = cusgd_data_feature(w->train, j);
        size_t size = sizeof before + 24 + (name ? strlen(name) : 0);
        if (!(w->names[j] = allocate(size, 1))) return fail_memory(size, "a name");
        if (name && !pca)
            snprintf(w->names[j], size, "%s%s", before, name);
        else
            snprintf(w->names[j], size, "%s%" PRId64, pca ? "component " : before, j + 1);
    }
    return w->names ? CUSGD_OK : fail_memory((size_t)w->d * sizeof *w->names, "the columns' names");
}

cusgd_status whitening_open(const problem *p, whitening **out)
{
    int64_t d = p->d;
    *out = NULL;
    if (d > MAX_COLUMNS)
        return fail(CUSGD_ERROR_USAGE, "whiten takes up to %d columns, and there are %lld", MAX_COLUMNS, (long long)d);
    cusgd_status status = lapack_open("whiten", p->options->whiten == CUSGD_WHITEN_PCA ? "pca" : "zca");
    if (status) return status;
    whitening *w = allocate_zeroed(1, sizeof *w);
    double *work = allocate_zeroed((size_t)(d * (d + 2)), sizeof *work);
    if (w) {
        w->d = d;
        w->train = p->train.data;
        w->valid = p->valid.data;
        w->mean = allocate_zeroed((size_t)d, sizeof *w->mean);
        w->forward = allocate_zeroed((size_t)(d * d), sizeof *w->forward);
        w->backward = allocate_zeroed((size_t)(d * d), sizeof *w->backward);
    }
    if (!w || !work || !w->mean || !w->forward || !w->backward)
        status = fail_memory((size_t)(4 * d * d) * sizeof *work, "the covariances of the columns");
    if (!status) status = find_matrices(w, p, work);
    if (!status) status = name_columns(w, p->options->whiten == CUSGD_WHITEN_PCA);
    if (!status) status = whitening_apply(w, w->train, &w->white_train, &w->white_x[0]);
    if (!status && w->valid) status = whitening_apply(w, w->valid, &w->white_valid, &w->white_x[1]);
    free(work);
    if (status)
        whitening_close(w);
    else
        *out = w;
    return status;
}

/* ---- There and back ------------------------------------------------------------------------------------------------------ */

cusgd_status whitening_apply(const whitening *w, const cusgd_data *data, cusgd_data *white, void **x)
{
    const examples *e = &data->view;
    int64_t n = e->n, d = w->d;
    double *z = (uint64_t)n <= SIZE_MAX / sizeof *z / (uint64_t)d ? allocate_zeroed((size_t)(n * d), sizeof *z) : NULL;
    *x = z;
    if (!z) return fail_memory((size_t)n * (size_t)d * sizeof *z, "the whitened rows");
    row_source rows;
    cusgd_status status = rows_open(&rows, e, NULL);
    for (int64_t r = 0; r < n && !status && !interrupt_asked_at(r); r++) {
        const double *from = rows_at(&rows, r);
        for (int64_t i = 0; i < d; i++) {
            double centered = from[i] - w->mean[i];
            for (int64_t j = 0; j < d; j++) z[r * d + j] += centered * w->forward[i * d + j];
        }
    }
    cusgd_status read = rows_close(&rows);
    if (status || read) return status ? status : read;
    if (interrupt_asked()) return fail_interrupted();
    *white = *data;
    white->features = w->names;
    white->layout = NULL;
    white->encoding = NULL;
    white->view.x = (cusgd_matrix){z, CUSGD_TYPE_FLOAT64, d, 1};
    return CUSGD_OK;
}

/* Multiplies each row of weight by the matrix. */
static cusgd_status turn(const double *matrix, int64_t d, int64_t k, double *weight)
{
    double *before = allocate((size_t)d, sizeof *before);
    if (!before) return fail_memory((size_t)d * sizeof *before, "coefficients");
    for (int64_t c = 0; c < k; c++) {
        vector_copy(d, weight + c * d, before);
        matrix_times(d, matrix, before, weight + c * d);
    }
    free(before);
    return CUSGD_OK;
}

cusgd_status whitening_to_x(const whitening *w, int64_t k, double *weight, double *bias)
{
    cusgd_status status = turn(w->forward, w->d, k, weight);
    for (int64_t c = 0; c < k && !status; c++) bias[c] -= vector_dot(w->d, w->mean, weight + c * w->d);
    return status;
}

cusgd_status whitening_to_z(const whitening *w, int64_t k, double *weight, double *bias)
{
    for (int64_t c = 0; c < k; c++) bias[c] += vector_dot(w->d, w->mean, weight + c * w->d);
    return turn(w->backward, w->d, k, weight);
}
