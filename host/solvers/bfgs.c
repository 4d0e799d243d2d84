/* Quasi-Newton methods that keep H, an approximation of the inverse of the second derivatives (size x size):
 *
 *     bfgs   H = (I - rho s y') H (I - rho y s') + rho s s'      Broyden, Fletcher, Goldfarb, Shanno 1970
 *     dfp    H = H + s s' / s'y - H y y' H / y'H y               Davidon 1959, Fletcher and Powell 1963
 *
 * with s the step, y the change of the gradient, rho = 1 / s'y. H starts as the identity, which takes fewer iterations on
 * standardized columns than the usual scaling before the first update. DFP needs a more accurate line search. */
#include "solver.h"

#include "failure.h"

/* w = H y. */
static void update_bfgs(int64_t n, double *h, const double *s, const double *y, const double *w)
{
    double rho = 1 / vector_dot(n, s, y), factor = rho * (1 + rho * vector_dot(n, y, w));
    for (int64_t i = 0; i < n; i++) {
        double *row = h + i * n, a = factor * s[i] - rho * w[i], b = -rho * s[i];
        for (int64_t j = 0; j < n; j++) row[j] += a * s[j] + b * w[j];
    }
}

static void update_dfp(int64_t n, double *h, const double *s, const double *y, const double *w)
{
    double a = 1 / vector_dot(n, s, y), b = 1 / vector_dot(n, y, w);
    for (int64_t i = 0; i < n; i++)
        for (int64_t j = 0; j < n; j++) h[i * n + j] += a * s[i] * s[j] - b * w[i] * w[j];
}

/* work: 4 size */
static cusgd_status iterate(solver *s, double share,
                            void (*update)(int64_t, double *, const double *, const double *, const double *), double *h,
                            double *work)
{
    int64_t n = s->size;
    double *p = work, *y = work + n, *step = y + n, *w = step + n;
    int fresh = !s->keeps.is_loaded || s->keeps.number[0] != 0;
    cusgd_status status = CUSGD_OK;
    if (!s->keeps.is_loaded) matrix_diagonal(n, 1, h);
    while (!status && solver_goes_on(s)) {
        matrix_times(n, h, s->g, p);
        for (int64_t u = 0; u < n; u++) p[u] = -p[u];
        double derivative = vector_dot(n, s->g, p), norm = vector_norm(n, s->g);
        vector_copy(n, s->x, step);
        vector_copy(n, s->g, y);
        s->stuck = !(derivative < 0);
        if (!s->stuck) status = solver_search(s, p, derivative, fresh ? 1 / (1 + norm) : 1, share);
        if (status || (s->stuck && fresh)) break;
        if (s->stuck) { /* H may no longer be positive definite: restart from the gradient */
            matrix_diagonal(n, 1, h);
            s->keeps.number[0] = fresh = 1;
            s->stuck = 0;
            continue;
        }
        for (int64_t u = 0; u < n; u++) {
            step[u] = s->x[u] - step[u];
            y[u] = s->g[u] - y[u];
        }
        double bend = vector_dot(n, step, y);
        if (bend > 1e-14 * vector_norm(n, step) * vector_norm(n, y)) { /* otherwise H might become indefinite */
            matrix_times(n, h, y, w);
            update(n, h, step, y, w);
            fresh = 0;
        }
        s->keeps.number[0] = fresh;
        status = solver_iterated(s);
    }
    return status;
}

static cusgd_status solve(solver *s, double share,
                          void (*update)(int64_t, double *, const double *, const double *, const double *))
{
    size_t n = (size_t)s->size;
    double *h = n <= ((size_t)1 << 30) ? solver_room(s, n * n, n * n + 4 * n) : NULL;
    if (!h)
        return fail(CUSGD_ERROR_MEMORY,
                    "out of memory: this solver needs a matrix of %zu x %zu; --solver lbfgs needs a few vectors alone", n, n);
    return iterate(s, share, update, h, h + n * n);
}

cusgd_status solve_bfgs(solver *s) { return solve(s, 0.9, update_bfgs); }
cusgd_status solve_dfp(solver *s) { return solve(s, 0.1, update_dfp); }
