/* Losses that are not quadratic: Newton's method, whose steps coordinate descent finds (Friedman, Hastie, Tibshirani 2010; Lee,
 * Sun, Saunders 2014). Along a path each penalty starts from the solution of the previous one, and second derivatives are kept as
 * long as steps with them make progress. */
#include "path_newton.h"

#include "failure.h"
#include "interrupt.h"
#include "options.h"
#include "problem/linear.h"
#include <float.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { MAX_STEPS = 100, MAX_HALVINGS = 40 };
enum { STEP_COLUMNS = 16 }; /* a step takes as long as the second derivatives of so many columns with all */

cusgd_status newton_open(const cusgd_path *s, int64_t d, newton *n)
{
    size_t side = (size_t)d + 1;
    *n = (newton){.of = s, .d = d, .loss = loss_rule_of(&s->trainer->options)};
    n->hessian = allocate(side * (side + 5), sizeof(double));
    if (!n->hessian) return fail_memory(side * side * sizeof(double), "the second derivatives");
    n->theta = n->hessian + side * side;
    n->gradient = n->theta + side;
    n->moved = n->gradient + side;
    n->moved_gradient = n->moved + side;
    n->curved = n->moved_gradient + side;
    cusgd_status status = least_squares_open(d, &n->model);
    if (status) return status;
    memset(n->model.cross, 0, sizeof(double) * (size_t)d);
    return descent_open(&n->model, &n->step);
}

void newton_close(newton *n)
{
    descent_close(&n->step);
    least_squares_close(&n->model);
    free(n->hessian);
    *n = (newton){0};
}

/* ---- The objective ---- */

static cusgd_status measure(const newton *n, const double *theta, double *value, double *gradient)
{
    const backend *b = &n->of->trainer->backend;
    cusgd_status status = b->ops->objective(b->self, n->rows, n->loss, theta, value, gradient);
    if (!n->of->trainer->problem.intercept) gradient[n->d] = 0;
    return status;
}

cusgd_status newton_measure(newton *n)
{
    n->is_fresh = 0;
    return measure(n, n->theta, &n->value, n->gradient);
}

static double penalties(const newton *n, const double *theta, double l1, double l2)
{
    double sum = 0;
    for (int64_t j = 0; j < n->d; j++) sum += (l1 * n->model.l1[j] + l2 / 2 * n->model.l2[j] * fabs(theta[j])) * fabs(theta[j]);
    return sum;
}

double newton_violation(const newton *n, double l1, double l2)
{
    double largest = fabs(n->gradient[n->d]);
    for (int64_t j = 0; j < n->d; j++) {
        double at = n->theta[j], g = n->gradient[j] + l2 * n->model.l2[j] * at, bound = l1 * n->model.l1[j];
        double own = at > 0 ? fabs(g + bound) : at < 0 ? fabs(g - bound) : fmax(fabs(g) - bound, 0);
        largest = fmax(largest, own);
    }
    return largest;
}

/* ---- Steps ---- */

/* Return the second derivatives of the intercept with a column and with itself; 0 if there is no intercept. */
static double with_intercept(const newton *n, int64_t j) { return n->hessian[n->d * (n->d + 1) + j]; }
static double of_intercept(const newton *n) { return n->of->trainer->problem.intercept ? with_intercept(n, n->d) : 0; }

/* Sets the model from the current Hessian. */
static void make_model(newton *n)
{
    int64_t d = n->d;
    double own = of_intercept(n);
    for (int64_t j = 0; j < d; j++)
        for (int64_t l = 0; l < d; l++)
            n->model.matrix[j * d + l] =
                n->hessian[j * (d + 1) + l] - (own > 0 ? with_intercept(n, j) * with_intercept(n, l) / own : 0);
    n->steepest = 0;
    for (int64_t j = 0; j < d; j++) n->steepest = fmax(n->steepest, n->model.matrix[j * d + j]);
    n->is_known = 1;
}

static cusgd_status take_curvature(newton *n)
{
    const backend *b = &n->of->trainer->backend;
    cusgd_status status = b->ops->hessian(b->self, n->rows, n->loss, n->theta, n->hessian);
    if (status) return status;
    vector_copy(n->d + 1, n->theta, n->curved);
    make_model(n);
    n->is_fresh = 1;
    return CUSGD_OK;
}

cusgd_status newton_take_over(newton *n, const newton *before)
{
    const backend *b = &n->of->trainer->backend;
    int64_t side = n->d + 1, held = before->d;
    if (!before->is_known) return CUSGD_OK;
    for (int64_t j = 0; j < held; j++) vector_copy(held, before->hessian + j * (held + 1), n->hessian + j * side);
    memset(n->curved, 0, sizeof(double) * (size_t)side);
    vector_copy(held, before->curved, n->curved);
    n->curved[n->d] = before->curved[held];
    cusgd_status status = b->ops->pieces.hessian_from
                              ? b->ops->pieces.hessian_from(b->self, n->rows, n->loss, n->curved, held, n->hessian)
                              : b->ops->hessian(b->self, n->rows, n->loss, n->curved, n->hessian);
    if (!status) make_model(n);
    return status;
}

/* Returns the `square` of the model. Coordinate descent ends when its changes are DBL_EPSILON times the square root of it, here
 * when they change no gradient by more than a hundredth of the remaining violation. */
static double square_for(const newton *n, double left)
{
    double change = n->steepest > 0 ? left / 100 / sqrt(n->steepest) / DBL_EPSILON : 1;
    return change * change;
}

/* Finds the minimum of the model from theta, in `moved`. left: the violation at theta. Returns the change of the objective to
 * first order; if it is >= 0, there is no descent direction. */
static double find_step(newton *n, double l1, double l2, double l1_before, double left)
{
    int64_t d = n->d;
    double own = of_intercept(n), change = 0, decrease = 0;
    for (int64_t j = 0; j < d; j++)
        n->step.residual[j] = -n->gradient[j] + (own > 0 ? with_intercept(n, j) * n->gradient[d] / own : 0);
    vector_copy(d, n->theta, n->step.theta);
    n->model.square = square_for(n, left);
    descent_solve(&n->step, l1, l2, l1_before, -1);
    for (int64_t j = 0; j < d; j++) {
        double by = n->step.theta[j] - n->theta[j];
        change += with_intercept(n, j) * by;
        decrease += n->gradient[j] * by;
        n->moved[j] = n->step.theta[j];
    }
    double by = own > 0 ? -(n->gradient[d] + change) / own : 0;
    n->moved[d] = n->theta[d] + by;
    return decrease + n->gradient[d] * by + penalties(n, n->moved, l1, l2) - penalties(n, n->theta, l1, l2);
}

/* Moves from theta to `moved`, halving the step until the objective decreases. *took: the share of the step; 0: it never
 * decreased. */
static cusgd_status search(newton *n, double l1, double l2, double decrease, double *took)
{
    size_t side = (size_t)n->d + 1;
    double before = n->value + penalties(n, n->theta, l1, l2), value;
    *took = 1;
    for (int i = 0; i < MAX_HALVINGS; i++) {
        cusgd_status status = measure(n, n->moved, &value, n->moved_gradient);
        if (status) return status;
        double after = value + penalties(n, n->moved, l1, l2);
        if (after <= before + 1e-4 * *took * decrease + 4 * DBL_EPSILON * fabs(before)) {
            memcpy(n->theta, n->moved, sizeof(double) * side);
            memcpy(n->gradient, n->moved_gradient, sizeof(double) * side);
            n->value = value;
            return CUSGD_OK;
        }
        for (size_t j = 0; j < side; j++) n->moved[j] = (n->theta[j] + n->moved[j]) / 2;
        *took /= 2;
    }
    *took = 0;
    return CUSGD_OK;
}

/* Returns whether new second derivatives take less time than the steps with the current ones, if each step reduces the violation
 * by the same factor as the last one, at / last. */
static int is_slow(const newton *n, double at, double last, double enough)
{
    double share = at / last, steps = log(at / enough) / -log(share);
    return !(share < 1) || steps > fmax((double)n->d / STEP_COLUMNS, 2);
}

cusgd_status newton_minimize(newton *n, double l1, double l2, double l1_before, double tolerance)
{
    double last = (double)INFINITY, enough = tolerance * n->unit;
    for (int i = 0; i < MAX_STEPS; i++) {
        double at = newton_violation(n, l1, l2), took = 1;
        if (at <= enough) return CUSGD_OK;
        if (interrupt_asked()) return fail_interrupted();
        cusgd_status status = (is_slow(n, at, last, enough) || !n->is_known) && !n->is_fresh ? take_curvature(n) : CUSGD_OK;
        if (status) return status;
        int was_fresh = n->is_fresh;
        double decrease = find_step(n, l1, l2, l1_before, at);
        status = decrease < 0 ? search(n, l1, l2, decrease, &took) : CUSGD_OK;
        if (status) return status;
        n->is_fresh = 0;
        if (!(decrease < 0) || !(took > 0)) {
            if (was_fresh) return CUSGD_OK; /* only rounding errors are left */
            status = take_curvature(n);
            if (status) return status;
        }
        last = took < 1 ? 0 : at; /* a step that was too long needs new second derivatives */
    }
    return CUSGD_OK;
}
