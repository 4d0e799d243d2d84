/* Equations g(x) = 0 with the derivative J of g: Newton's method (Newton, Raphson 1690), x - t J^-1 g, whose step is halved until
 * |g| has not grown; and J^-1, from which Broyden's methods start. */
#include "solver.h"

#include "failure.h"
#include <float.h>
#include <math.h>
#include <stdlib.h>

static void swap_rows(int64_t n, double *a, int64_t i, int64_t j)
{
    for (int64_t c = 0; c < n && i != j; c++) {
        double kept = a[i * n + c];
        a[i * n + c] = a[j * n + c];
        a[j * n + c] = kept;
    }
}

/* b becomes A^-1 b, b: n x m, by Gaussian elimination with partial pivoting; a is destroyed. Returns 0 where A is singular, to
 * rounding, or not finite. */
static int eliminate(int64_t n, double *a, int64_t m, double *b)
{
    double largest = 0;
    for (int64_t i = 0; i < n * n; i++) largest = fmax(largest, fabs(a[i]));
    for (int64_t c = 0; c < n; c++) {
        int64_t pivot = c;
        for (int64_t r = c + 1; r < n; r++)
            if (fabs(a[r * n + c]) > fabs(a[pivot * n + c])) pivot = r;
        if (!(fabs(a[pivot * n + c]) > 4 * (double)n * DBL_EPSILON * largest)) return 0;
        swap_rows(n, a, c, pivot);
        swap_rows(m, b, c, pivot);
        for (int64_t r = 0; r < n; r++) {
            double factor = a[r * n + c] / a[c * n + c];
            if (r == c || factor == 0) continue;
            for (int64_t i = c; i < n; i++) a[r * n + i] -= factor * a[c * n + i];
            for (int64_t i = 0; i < m; i++) b[r * m + i] -= factor * b[c * m + i];
        }
    }
    for (int64_t r = 0; r < n; r++)
        for (int64_t i = 0; i < m; i++) b[r * m + i] /= a[r * n + r];
    return 1;
}

static cusgd_status fail_singular(const solver *s)
{
    return fail(CUSGD_ERROR_NOT_CONVERGED,
                "the matrix of derivatives is singular, to rounding, after %lld iterations: start elsewhere, or look whether the "
                "equations depend on each other",
                (long long)s->m.epochs);
}

cusgd_status solver_inverse(solver *s, double *inverse)
{
    int64_t n = s->size;
    double *a = allocate((size_t)(n * n), sizeof *a);
    cusgd_status status = a ? solver_hessian(s, s->x, a) : fail_memory((size_t)(n * n) * sizeof *a, "the derivatives");
    matrix_diagonal(n, 1, inverse);
    if (!status && !eliminate(n, a, n, inverse)) status = fail_singular(s);
    free(a);
    return status;
}

/* work: a matrix and a vector of size values. */
static cusgd_status iterate(solver *s, double *a, double *p)
{
    cusgd_status status = CUSGD_OK;
    while (!status && solver_goes_on(s)) {
        int taken = 0;
        status = solver_hessian(s, s->x, a);
        if (status) break;
        for (int64_t u = 0; u < s->size; u++) p[u] = -s->g[u];
        if (!eliminate(s->size, a, 1, p)) return fail_singular(s);
        status = solver_step_back(s, p, vector_norm(s->size, s->g), &taken);
        s->stuck = !taken;
        if (!status && taken) status = solver_iterated(s);
    }
    return status;
}

cusgd_status solve_root(solver *s)
{
    size_t n = (size_t)s->size;
    double *a = solver_room(s, 0, n * n + n);
    return a ? iterate(s, a, a + n * n) : fail_memory((n * n + n) * sizeof *a, "the derivatives");
}
