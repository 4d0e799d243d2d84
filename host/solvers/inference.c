/* Standard errors of a model that exact or newton has found. With H the mean of w/w_mean times the second derivatives, over n
 * rows, the covariance of the coefficients is
 *   logistic, poisson: (sum w l'' z z^T)^-1 = H^-1 / (n w_mean). A weight is a count of equal rows (freq_weights of statsmodels,
 *     prior weights of R's glm), so ten times the weights give errors that are smaller by sqrt(10).
 *   squared, mse: (X^T W X)^-1 times the residual variance, which does not depend on the scale of the weights (WLS; weights of
 * R's lm). The coefficients over their errors follow Student's t. */
#include "solver.h"

#include "failure.h"
#include "interrupt.h"
#include "problem/examples.h"
#include <math.h>
#include <stdlib.h>

enum { MAX_COLUMNS = 1000, MAX_VALUES = 4096 };

/* Returns why there are no standard errors, to complete "no standard errors: ..."; NULL: they can be computed. */
static const char *refusal(const run *r)
{
    const cusgd_options *o = r->options;
    int formed = o->solver == CUSGD_SOLVER_EXACT || o->solver == CUSGD_SOLVER_NEWTON;
    if (!loss_is_likelihood(o->loss)) return "they are computed for the losses squared, mse, logistic and poisson only";
    if (o->l1 > 0 || o->l2 > 0) return "the model was trained with a penalty (--l1 or --l2), which biases the coefficients";
    if (options_have_bounds(o))
        return "the coefficients have bounds (--lower or --upper), at which their distribution is another one";
    if (o->whiten != CUSGD_WHITEN_NONE) return "the model was trained on decorrelated columns (--whiten)";
    if (r->problem->separated > 0)
        return "the classes are separated, or cells of counts are all zero, so no finite optimum exists";
    if (!formed)
        return r->problem->d <= MAX_COLUMNS
                   ? "this solver does not compute them; --solver newton does, and exact for squared and mse"
                   : "they are computed for up to 1000 columns";
    if (r->problem->d > MAX_COLUMNS || (r->problem->d + 1) * r->problem->k > MAX_VALUES)
        return "they are computed for up to 1000 columns and 4096 coefficients";
    if (r->at.unfinished) return "the solver has not converged";
    /* If the search for separated classes had no memory, the optimum may not exist. */
    return r->problem->separated < 0 && loss_may_lack_optimum(o->loss)
               ? "there is not enough memory for them, nor to see whether a finite optimum exists"
               : NULL;
}

/* Returns the number of rows with weight minus that of the parameters of an output. */
static int64_t degrees_of_freedom(const run *r)
{
    const examples *e = &r->problem->train.rows;
    int64_t count = -r->problem->d - (r->problem->intercept != 0);
    for (counted_rows at = {.of = e}; counted_next(&at);) count++;
    return count;
}

/* Adds the contribution of rows first .. first + count - 1 to the variances out, k. p: count x k, work. */
static cusgd_status add_squares(const problem *q, const double *theta, int64_t residual_degrees, int64_t first, int64_t count,
                                double *p, double *out)
{
    const examples *e = &q->train.rows;
    cusgd_status status = problem_predict(q, theta, first, count, p);
    for (int64_t i = 0; i < count && !status; i++) {
        int64_t row = examples_row(e, first + i);
        double w = e->w.at ? weight_at(e, row) / q->units.transform.weight_mean : 1;
        for (int64_t c = 0; c < q->k; c++) {
            double left = p[i * q->k + c] - (target_at(e, row, c) - q->units.shift[c]);
            out[c] += w * left * left / (double)residual_degrees;
        }
    }
    return status;
}

/* Computes the variances of the residuals of theta into out, k. */
static cusgd_status residual_variances(const problem *q, const double *theta, int64_t residual_degrees, double *out)
{
    enum { PIECE_VALUES = 1 << 20 }; /* of x and y: 8 MB */
    int64_t n = q->train.rows.n, k = q->k, rows = 1 + PIECE_VALUES / (q->d + k);
    if (rows > n) rows = n;
    double *p = allocate((size_t)(rows * k), sizeof *p);
    cusgd_status status = p ? CUSGD_OK : fail_memory((size_t)(rows * k) * sizeof *p, "the residuals");
    for (int64_t c = 0; c < k; c++) out[c] = 0;
    for (int64_t first = 0; first < n && !status; first += rows) {
        status = add_squares(q, theta, residual_degrees, first, n - first < rows ? n - first : rows, p, out);
        if (!status && interrupt_asked()) status = fail_interrupted();
    }
    free(p);
    return status;
}

/* Inverts h in place (side x side, without an intercept that is not fitted). work: 5 side. Returns 0 if h is nearly singular. */
static int invert(const run *r, double *h, double *work)
{
    int64_t side = r->problem->d + 1;
    double maximum = r->options->precision == CUSGD_PRECISION_DOUBLE ? 1e12 : 1e6, *scale = work, *rest = work + side;
    for (int64_t j = 0; j < side && !r->problem->intercept; j++)
        h[r->problem->d * side + j] = h[j * side + r->problem->d] = j == r->problem->d;
    for (int64_t j = 0; j < side; j++) scale[j] = h[j * side + j] > 0 ? 1 / sqrt(h[j * side + j]) : 0;
    for (int64_t a = 0; a < side; a++)
        for (int64_t b = 0; b < side; b++) h[a * side + b] *= scale[a] * scale[b];
    double norm = matrix_norm(side, h, rest);
    if (!cholesky_factor(side, h) || !(cholesky_condition(side, h, norm, rest) <= maximum)) return 0;
    cholesky_invert(side, h);
    for (int64_t a = 0; a < side; a++)
        for (int64_t b = 0; b < side; b++) h[a * side + b] *= scale[a] * scale[b];
    if (!r->problem->intercept) h[side * side - 1] = 0;
    return 1;
}

/* Writes the errors of one output in the units of the data, where b = theta_d + shift - sum theta_j mean_j / scale_j. covariance:
 * side x side, to be multiplied by `factor`. */
static void put_errors(const run *r, const double *covariance, double factor, double *out)
{
    int64_t d = r->problem->d, side = d + 1;
    double bias = 0;
    for (int64_t a = 0; a < side; a++) {
        double left = a < d ? -r->problem->units.mean[a] / r->problem->units.scale[a] : 1;
        for (int64_t b = 0; b < side; b++)
            bias += left * covariance[a * side + b] * (b < d ? -r->problem->units.mean[b] / r->problem->units.scale[b] : 1);
        if (a < d) out[a] = sqrt(factor * covariance[a * side + a]) / r->problem->units.scale[a] * r->problem->units.target;
    }
    out[d] = r->problem->intercept ? sqrt(factor * fmax(bias, 0)) * r->problem->units.target : 0;
}

/* Computes the covariances of all outputs at the theta of the result. *good becomes 0 if a matrix is nearly singular. */
static cusgd_status find_errors(run *r, int64_t left, double *h, double *out, int *good)
{
    int64_t d = r->problem->d, k = r->problem->k, side = d + 1, values = side * side;
    int quadratic = loss_is_quadratic(r->problem->loss.kind);
    int64_t blocks = quadratic ? 1 : k;
    double *work = h + blocks * values, *variance = work + 5 * side, n = (double)r->problem->train.rows.n;
    cusgd_status status = run_theta(r, r->at.result, r->theta);
    if (!status) status = problem_hessian(r->problem, r->problem->loss, r->theta, h);
    if (!status && quadratic) status = residual_variances(r->problem, r->theta, left, variance);
    *good = 1;
    for (int64_t c = 0; c < k && !status && *good; c++) {
        double *block = h + (quadratic ? 0 : c) * values;
        double factor = quadratic ? variance[c] * loss_curvature_bound(r->problem->loss) / n
                                  : 1 / (n * r->problem->units.transform.weight_mean);
        if (c < blocks) *good = invert(r, block, work);
        if (*good) put_errors(r, block, factor, out + c * side);
    }
    return status;
}

cusgd_status solver_errors(run *r, double **errors, int64_t *residual_degrees, const char **missing)
{
    int64_t k = r->problem->k, side = r->problem->d + 1, left = degrees_of_freedom(r);
    int quadratic = loss_is_quadratic(r->problem->loss.kind), good;
    size_t count = (size_t)((quadratic ? 1 : k) * side * side + 5 * side + k);
    *errors = NULL;
    *residual_degrees = quadratic ? left : 0;
    *missing = refusal(r);
    if (interrupt_asked()) return fail_interrupted();
    if (!*missing && quadratic && left < 1) *missing = "they need more rows of nonzero weight than coefficients";
    if (*missing) return CUSGD_OK;
    double *h = allocate(count, sizeof *h), *out = allocate((size_t)(k * side), sizeof *out);
    cusgd_status status =
        h && out ? find_errors(r, left, h, out, &good) : fail_memory(count * sizeof *h, "the covariance matrix");
    free(h);
    if (!status && good) {
        *errors = out;
        return CUSGD_OK;
    }
    free(out);
    *missing = "columns are constant or depend on each other, so the covariance matrix is singular";
    return status;
}
