/* The objective for the methods. */
#include "solver.h"

#include "failure.h"
#include <math.h>
#include <stdlib.h>

static void add_ridge(const solver *s, const double *x, double *g)
{
    for (int64_t u = 0; u < s->penalized; u++) g[u] += problem_l2(s->problem, u) * x[u];
}

/* Sets the values of intercepts to 0 if they are fixed. */
static void clear_intercepts(const solver *s, double *v)
{
    if (!s->problem->intercept) vector_zero(s->problem->k, v + s->penalized);
}

cusgd_status solver_evaluate(solver *s, const double *x, double *f, double *g)
{
    if (s->function) return s->function->evaluate(s->function->user, x, f, g);
    cusgd_status status = problem_objective(s->problem, &s->problem->train, x, &s->m.now.loss, f, g);
    s->passes++;
    if (!g || status) return status;
    add_ridge(s, x, g);
    clear_intercepts(s, g);
    return status;
}

int64_t solver_blocks(const solver *s) { return s->quadratic ? 1 : s->problem->k; }

cusgd_status solver_hessian(solver *s, const double *x, double *hessian)
{
    if (s->function) return s->function->derivative(s->function->user, x, hessian);
    int64_t side = s->problem->d + 1;
    cusgd_status status = problem_hessian(s->problem, s->problem->loss, x, hessian);
    s->passes++;
    for (int64_t c = 0; c < solver_blocks(s) && !status; c++) {
        double *h = hessian + c * side * side;
        for (int64_t j = 0; j < s->problem->d; j++) h[j * side + j] += problem_l2(s->problem, j * s->problem->k);
        for (int64_t j = 0; j < side && !s->problem->intercept; j++)
            h[s->problem->d * side + j] = h[j * side + s->problem->d] = j == s->problem->d;
    }
    return status;
}

/* Computes q = (g(t p) - g(0)) / t for a loss whose gradient is affine, without penalties. */
static cusgd_status curve(solver *s, loss_rule loss, const double *p, double *origin, int *ready, double *q)
{
    double value, length = vector_norm(s->size, p), scale = length > 0 ? (1 + vector_norm(s->size, s->x)) / length : 1;
    cusgd_status status = CUSGD_OK;
    for (int64_t u = 0; u < s->size; u++) s->trial.x[u] = 0;
    if (!*ready) status = problem_loss(s->problem, &s->problem->train, loss, s->trial.x, &value, origin);
    if (status) return status;
    *ready = 1;
    vector_add(s->size, scale, p, s->trial.x);
    status = problem_loss(s->problem, &s->problem->train, loss, s->trial.x, &value, q);
    s->passes++;
    if (status) return status;
    for (int64_t u = 0; u < s->size; u++) q[u] = (q[u] - origin[u]) / scale;
    clear_intercepts(s, q);
    return status;
}

cusgd_status solver_curve(solver *s, const double *p, double *origin, int *ready, double *hp)
{
    cusgd_status status = curve(s, s->problem->loss, p, origin, ready, hp);
    if (!status) add_ridge(s, p, hp);
    return status;
}

/* Computes the largest eigenvalue of (1/n) sum w z z', z = (x, 1), from the matrix if it is small, otherwise by 50 passes. */
static cusgd_status top_by_matrix(solver *s, double *top)
{
    int64_t side = s->problem->d + 1;
    double *h = allocate((size_t)((side + MATRIX_TOP_WORK) * side), sizeof *h);
    if (!h) return fail_memory((size_t)(side * side) * sizeof *h, "the matrix of second derivatives");
    cusgd_status status = problem_hessian(s->problem, (loss_rule){.kind = CUSGD_LOSS_SQUARED}, NULL, h);
    for (int64_t j = 0; j < side && !s->problem->intercept && !status; j++)
        h[s->problem->d * side + j] = h[j * side + s->problem->d] = 0;
    if (!status) *top = matrix_top(side, h, h + side * side);
    free(h);
    return status;
}

static cusgd_status top_by_passes(solver *s, double *top)
{
    enum { ITERATIONS = 50 };
    double *p = allocate((size_t)(3 * s->size), sizeof *p);
    if (!p) return fail_memory((size_t)(3 * s->size) * sizeof *p, "a direction");
    double *q = p + s->size, *origin = q + s->size;
    cusgd_status status = CUSGD_OK;
    int ready = 0;
    for (int64_t u = 0; u < s->size; u++) p[u] = u % s->problem->k ? 0 : 1 + (double)(u * 7 % 11) / 11; /* outputs are equal */
    for (int i = 0; i < ITERATIONS && !status; i++) {
        status = curve(s, (loss_rule){.kind = CUSGD_LOSS_SQUARED}, p, origin, &ready, q);
        if (status) break;
        *top = vector_norm(s->size, q) / vector_norm(s->size, p);
        vector_copy(s->size, q, p);
        if (*top == 0) break;
    }
    free(p);
    return status;
}

cusgd_status solver_steepest_curvature(solver *s, double *maximum)
{
    double steepest = loss_curvature_bound(s->problem->loss), top = 0, side = (double)(s->problem->d + 1);
    if (loss_is_expression(s->problem->loss.kind)) steepest = s->problem->targets.steepest; /* the largest value that was found */
    if (!isfinite(steepest))
        return fail(CUSGD_ERROR_USAGE,
                    "this loss has no largest second derivative, from which gd without --rate and broyden start: take "
                    "--solver newton or lbfgs");
    int sparse = examples_are_sparse(&s->problem->train.rows); /* sparse rows have no matrix */
    int small = !sparse && s->problem->d <= 1000 && side * side * (double)s->problem->train.rows.n <= 1e11;
    cusgd_status status = small ? top_by_matrix(s, &top) : top_by_passes(s, &top);
    *maximum = steepest * top + problem_max_l2(s->problem);
    return status;
}
