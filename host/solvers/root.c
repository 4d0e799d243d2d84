/* Equations g(x) = 0 with the derivative J of g: Newton's method (Newton, Raphson 1690), x - t J^-1 g, whose step is halved until
 * |g| does not increase. Also computes J^-1, from which Broyden's methods start. */
#include "solver.h"

#include "failure.h"
#include <stdlib.h>

static cusgd_status fail_singular(const solver *s)
{
    return fail(
        CUSGD_ERROR_NOT_CONVERGED,
        "the matrix of derivatives is singular, to rounding, after %lld iteration%s: start elsewhere, or look whether the "
        "equations depend on each other",
        (long long)s->m.epochs, s->m.epochs == 1 ? "" : "s");
}

cusgd_status solver_inverse(solver *s, double *inverse)
{
    int64_t n = s->size;
    double *a = allocate((size_t)(n * n + n), sizeof *a);
    cusgd_status status = a ? solver_hessian(s, s->x, a) : fail_memory((size_t)(n * n + n) * sizeof *a, "the derivatives");
    matrix_diagonal(n, 1, inverse);
    if (!status && !matrix_solve(n, a, n, inverse, a + n * n)) status = fail_singular(s);
    free(a);
    return status;
}

/* a, p, work: a matrix and two vectors of `size` values. */
static cusgd_status iterate(solver *s, double *a, double *p, double *work)
{
    cusgd_status status = CUSGD_OK;
    while (!status && solver_goes_on(s)) {
        int taken = 0;
        status = solver_hessian(s, s->x, a);
        if (status) break;
        for (int64_t u = 0; u < s->size; u++) p[u] = -s->g[u];
        if (!matrix_solve(s->size, a, 1, p, work)) return fail_singular(s);
        status = solver_step_back(s, p, vector_norm(s->size, s->g), &taken);
        s->stuck = !taken;
        if (!status && taken) status = solver_iterated(s);
    }
    return status;
}

cusgd_status solve_root(solver *s)
{
    size_t n = (size_t)s->size;
    double *a = solver_room(s, 0, n * n + 2 * n);
    return a ? iterate(s, a, a + n * n, a + n * n + n) : fail_memory((n * n + 2 * n) * sizeof *a, "the derivatives");
}
