/* The second derivatives of softmax are on average p_c (1 - p_c) z z' for class c and bounded by these (Boehning 1992). They are
 * nearly proportional to E[w z z'] for all classes. lbfgs starts from the inverse of that matrix plus l2, so that correlated
 * columns do not take thousands of iterations. */
#include "solver.h"

#include "failure.h"
#include <math.h>
#include <stdlib.h>

/* The limit for factoring without LAPACK, whose bits may depend on its number of threads. */
enum { MAX_SIDE = 128 };

static int applies(const solver *s)
{
    const problem *p = s->problem;
    return !s->function && is_softmax(p) && p->d < MAX_SIDE && !examples_are_sparse(&p->train.rows) && !(p->l1 > 0) &&
           !options_have_bounds(p->options);
}

/* Computes the mean of p_c (1 - p_c) over the classes for the intercept-only model. */
static cusgd_status mean_curvature(const problem *p, double *out)
{
    double sum = 0, *share = allocate((size_t)p->k, sizeof *share);
    if (!share) return fail_memory((size_t)p->k * sizeof *share, "the shares of the classes");
    cusgd_status status = classes_shares(p, share);
    for (int64_t c = 0; c < p->k && !status; c++) sum += share[c] * (1 - share[c]);
    free(share);
    *out = sum / (double)p->k;
    return status;
}

/* Replaces h, side x side, by its factor, after scaling its diagonal to 1 and increasing it a little. */
static int factor(const solver *s, double second, double *h, double *scale)
{
    const double ridge = 1e-10;
    int64_t d = s->problem->d, side = d + 1;
    for (int64_t a = 0; a < side; a++)
        for (int64_t b = 0; b <= a; b++) {
            h[a * side + b] *= second;
            if (a == d && !s->problem->intercept) h[a * side + b] = 0;
            if (a == b && a < d) h[a * side + b] += problem_l2(s->problem, a * s->problem->k);
        }
    for (int64_t j = 0; j < side; j++) scale[j] = h[j * side + j] > 0 ? 1 / sqrt(h[j * side + j]) : 0;
    for (int64_t a = 0; a < side; a++)
        for (int64_t b = 0; b <= a; b++) h[a * side + b] = a == b ? 1 + ridge : h[a * side + b] * scale[a] * scale[b];
    return cholesky_factor(side, h);
}

cusgd_status preconditioner_open(solver *s, preconditioner *out)
{
    double second = 0;
    int64_t side = s->problem->d + 1;
    *out = (preconditioner){.side = side, .k = s->problem->k};
    if (!applies(s)) return CUSGD_OK;
    size_t values = (size_t)(side * side + 2 * side);
    double *h = allocate(values, sizeof *h);
    if (!h) return fail_memory(values * sizeof *h, "the matrix that lbfgs begins from");
    out->scale = h + side * side;
    out->work = out->scale + side;
    cusgd_status status = mean_curvature(s->problem, &second);
    if (!status) status = problem_hessian(s->problem, (loss_rule){.kind = CUSGD_LOSS_SQUARED}, NULL, h);
    s->passes++;
    if (!status && factor(s, second, h, out->scale))
        out->factor = h;
    else
        free(h);
    return status;
}

void preconditioner_close(preconditioner *m) { free(m->factor); }

void preconditioner_apply(const preconditioner *m, double *p)
{
    for (int64_t c = 0; c < m->k && m->factor; c++) {
        for (int64_t j = 0; j < m->side; j++) m->work[j] = p[j * m->k + c];
        cholesky_solve_scaled(m->side, m->factor, m->scale, m->work);
        for (int64_t j = 0; j < m->side; j++) p[j * m->k + c] = m->work[j];
    }
}
