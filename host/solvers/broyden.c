/* Broyden 1965 on g(x) = 0, with H an approximation of the inverse of the gradient's derivative (size x size):
 *
 *     good   H += (s - H y) s'H / s'H y
 *     bad    H += (s - H y) y' / y'y
 *
 * with s the step and y the change of g. Neither keeps H symmetric, and steps need not be descent directions: a step is halved
 * until |g| is at most doubled; if no step achieves that, H is reset. H starts as the inverse of the largest second derivative
 * times the identity, or for a function (function.h) as the inverse of its derivative. */
#include "solver.h"

#include "failure.h"
#include <math.h>

/* Updates H. hy = H y; work: n. Returns 0 if the update is not defined. */
static int update(int64_t n, int good, double *h, const double *step, const double *y, const double *hy, double *work)
{
    if (good) {
        vector_zero(n, work);
        for (int64_t i = 0; i < n; i++) vector_add(n, step[i], h + i * n, work); /* s'H */
    } else {
        vector_copy(n, y, work);
    }
    double divisor = good ? vector_dot(n, step, hy) : vector_dot(n, y, y);
    if (!(fabs(divisor) > 1e-14 * (good ? vector_norm(n, step) * vector_norm(n, hy) : 0))) return 0;
    for (int64_t i = 0; i < n; i++) vector_add(n, (step[i] - hy[i]) / divisor, work, h + i * n);
    return 1;
}

cusgd_status solver_step_back(solver *s, const double *p, double maximum, int *taken)
{
    const int halvings = s->function ? 40 : 6;
    double f;
    cusgd_status status = CUSGD_OK;
    *taken = 0;
    s->step = 1;
    for (int i = 0; i < halvings && !status; i++) {
        vector_copy(s->size, s->x, s->trial.x);
        vector_add(s->size, s->step, p, s->trial.x);
        status = solver_evaluate(s, s->trial.x, &f, s->trial.g);
        if (status) return status;
        if (isfinite(f) && vector_norm(s->size, s->trial.g) <= maximum) {
            *taken = 1;
            solver_move(s, f);
            return CUSGD_OK;
        }
        s->step /= 2;
    }
    return status;
}

/* Sets H to its initial value: a multiple of the identity, or for a function the inverse of its derivative. */
static cusgd_status restart(solver *s, double scale, double *h)
{
    if (s->function) return solver_inverse(s, h);
    matrix_diagonal(s->size, scale, h);
    return CUSGD_OK;
}

/* work: 5 size */
static cusgd_status iterate(solver *s, int good, double scale, double *h, double *work)
{
    int64_t n = s->size;
    double *p = work, *y = work + n, *step = y + n, *hy = step + n, *more = hy + n, minimum = vector_norm(n, s->g);
    int fresh = 1, taken;
    cusgd_status status = CUSGD_OK;
    if (s->keeps.is_loaded) {
        fresh = s->keeps.number[0] != 0;
        minimum = s->keeps.number[1];
    } else {
        status = restart(s, scale, h);
    }
    while (!status && solver_goes_on(s)) {
        matrix_times(n, h, s->g, p);
        for (int64_t u = 0; u < n; u++) p[u] = -p[u];
        vector_copy(n, s->x, step);
        vector_copy(n, s->g, y);
        status = solver_step_back(s, p, 2 * minimum, &taken);
        if (status) break;
        if (!taken) {
            s->stuck = fresh;
            if (!fresh) status = restart(s, scale, h);
            s->keeps.number[0] = fresh = 1;
            continue;
        }
        for (int64_t u = 0; u < n; u++) {
            step[u] = s->x[u] - step[u];
            y[u] = s->g[u] - y[u];
        }
        minimum = fmin(minimum, vector_norm(n, s->g));
        matrix_times(n, h, y, hy);
        fresh = 0;
        if (!update(n, good, h, step, y, hy, more)) {
            status = restart(s, scale, h);
            if (status) break;
            fresh = 1;
        }
        s->keeps.number[0] = fresh;
        s->keeps.number[1] = minimum;
        status = solver_iterated(s);
    }
    return status;
}

static cusgd_status solve(solver *s, int good)
{
    size_t n = (size_t)s->size;
    double maximum = 0, *h = n <= ((size_t)1 << 30) ? solver_room(s, n * n, n * n + 5 * n) : NULL;
    if (!h)
        return fail(CUSGD_ERROR_MEMORY,
                    "out of memory: this solver needs a matrix of %zu x %zu; --solver lbfgs needs a few vectors alone", n, n);
    cusgd_status status = s->function ? CUSGD_OK : solver_steepest_curvature(s, &maximum);
    return !status ? iterate(s, good, maximum > 0 ? 1 / maximum : 1, h, h + n * n) : status;
}

cusgd_status solve_broyden_good(solver *s) { return solve(s, 1); }
cusgd_status solve_broyden_bad(solver *s) { return solve(s, 0); }
