/* Ridge regression for many penalties at once. */
#include "path.h"

#include "failure.h"
#include "lapack_library.h"
#include "problem/linear.h"
#include <float.h>
#include <math.h>
#include <stdlib.h>

/* Computes theta = F V (values + l2)^-1 V' F cross, where V has the eigenvectors of F matrix F, and F divides by the square roots
 * of the factors. */
static void solve_one(const least_squares *of, const double *vectors, const double *values, const double *rotated, double l2,
                      double *theta)
{
    int64_t d = of->d;
    vector_zero(d, theta);
    for (int64_t i = 0; i < d; i++) {
        double value = fmax(values[i], 0) + l2;
        if (value > (double)d * DBL_EPSILON * values[d - 1]) vector_add(d, rotated[i] / value, vectors + i * d, theta);
    }
    for (int64_t j = 0; j < d; j++) theta[j] = of->matrix[j * d + j] > 0 ? theta[j] / sqrt(of->l2[j]) : 0;
}

cusgd_status ridge_solve(const least_squares *of, int64_t count, const double *l2, double *theta)
{
    int64_t d = of->d;
    cusgd_status status = lapack_open("l1-ratio", "0");
    if (status) return status;
    double *work = allocate((size_t)(d * d + 3 * d), sizeof *work);
    if (!work) return fail_memory((size_t)(d * d) * sizeof *work, "the eigenvectors");
    double *values = work + d * d, *scaled = values + d, *rotated = scaled + d;
    for (int64_t j = 0; j < d; j++)
        for (int64_t l = 0; l < d; l++) work[j * d + l] = of->matrix[j * d + l] / sqrt(of->l2[j] * of->l2[l]);
    for (int64_t j = 0; j < d; j++) scaled[j] = of->cross[j] / sqrt(of->l2[j]);
    status = matrix_eigen(d, work, values) ? CUSGD_OK : fail_memory((size_t)(d * d) * sizeof *work, "eigenvectors");
    for (int64_t i = 0; i < d && !status; i++) rotated[i] = vector_dot(d, work + i * d, scaled);
    for (int64_t i = 0; i < count && !status; i++) solve_one(of, work, values, rotated, l2[i], theta + i * (d + 1));
    free(work);
    return status;
}
