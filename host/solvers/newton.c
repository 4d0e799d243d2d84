/* Newton's method, damped (Nocedal, Wright 2006, 3.3): p = -H^-1 g by Cholesky, then a line search that tries the whole step
 * first. One pass computes H, one matrix per output. If H is not positive definite, a multiple of the identity is added. */
#include "solver.h"

#include "failure.h"
#include <math.h>
#include <stdio.h>

/* Factors h (side x side; unchanged) plus the shift that is needed into l. *shift is the last shift, 0 at first. Columns are
 * first scaled to the same size; scale: side. Returns 0 if no shift suffices. */
static int factor(int64_t side, const double *h, double *l, double *scale, double *shift)
{
    enum { TRIES = 60 };
    for (int64_t j = 0; j < side; j++) scale[j] = h[j * side + j] > 0 ? 1 / sqrt(h[j * side + j]) : 1;
    for (int i = 0; i < TRIES; i++) {
        for (int64_t a = 0; a < side; a++)
            for (int64_t b = 0; b <= a; b++) l[a * side + b] = h[a * side + b] * scale[a] * scale[b] + (a == b ? *shift : 0);
        if (cholesky_factor(side, l)) return 1;
        *shift = *shift > 0 ? 10 * *shift : 1e-13 * (double)side;
    }
    return 0;
}

/* Computes p = -H^-1 g. work: a matrix and two vectors of `side` values. */
static int direction(const solver *s, const double *h, double *work, double *shift, double *p)
{
    int64_t side = s->problem->d + 1;
    double *scale = work + side * side, *v = scale + side;
    for (int64_t c = 0; c < s->problem->k; c++) {
        int shared = solver_blocks(s) == 1;
        if ((c == 0 || !shared) && !factor(side, h + (shared ? 0 : c) * side * side, work, scale, shift)) return 0;
        for (int64_t j = 0; j < side; j++) v[j] = -s->g[j * s->problem->k + c] * scale[j];
        cholesky_solve(side, work, v);
        for (int64_t j = 0; j < side; j++) p[j * s->problem->k + c] = v[j] * scale[j];
    }
    return 1;
}

static cusgd_status iterate(solver *s, double *h, double *work, double *p)
{
    double worst = s->keeps.is_loaded ? s->keeps.number[0] : 0;
    int has_h = 0;
    cusgd_status status = CUSGD_OK;
    while (!status && solver_goes_on(s)) {
        double shift = 0;
        if (!s->quadratic || !has_h) status = solver_hessian(s, s->x, h);
        if (status) break;
        has_h = 1;
        int found = direction(s, h, work, &shift, p);
        worst = fmax(worst, shift);
        double derivative = vector_dot(s->size, s->g, p);
        s->stuck = !found || !(derivative < 0);
        if (!s->stuck) status = solver_search(s, p, derivative, 1, 0.9);
        if (status) break;
        s->keeps.number[0] = worst;
        if (!s->stuck) status = solver_iterated(s);
    }
    if (worst > 0)
        snprintf(s->note, sizeof s->note,
                 "the matrix of second derivatives is not positive definite, to rounding (columns depend on each other?): up to "
                 "%.2g was added to its scaled diagonal",
                 worst);
    return status;
}

cusgd_status solve_newton(solver *s)
{
    int64_t side = s->problem->d + 1, values = side * side;
    double *h = solver_room(s, 0, (size_t)((solver_blocks(s) + 1) * values + 2 * side + s->size));
    if (!h)
        return fail(CUSGD_ERROR_MEMORY,
                    "out of memory: Newton's method needs %lld matrices of %lld x %lld; --solver lbfgs needs none",
                    (long long)solver_blocks(s) + 1, (long long)side, (long long)side);
    double *work = h + solver_blocks(s) * values;
    return iterate(s, h, work, work + values + 2 * side);
}
