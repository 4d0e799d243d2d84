/* Standard errors of a model that exact or newton has found: the inverse of the second derivatives' matrix is, over n, the
 * coefficients' covariance where the loss is minus a log-likelihood (logistic, poisson), and (X^T W X)^-1 times the residual
 * variance for squared losses, whose coefficients over their errors follow Student's t. */
#include "solver.h"

#include "error.h"
#include <math.h>
#include <stdlib.h>

enum { MOST_COLUMNS = 1000, MOST_VALUES = 4096 };

static int is_asked(const cusgd_trainer *t)
{
    const cusgd_options *o = &t->options;
    int formed = o->solver == CUSGD_SOLVER_EXACT || o->solver == CUSGD_SOLVER_NEWTON;
    int likely = loss_is_quadratic(o->loss) || o->loss == CUSGD_LOSS_LOGISTIC || o->loss == CUSGD_LOSS_POISSON;
    return formed && likely && o->l1 == 0 && o->l2 == 0 && t->plan.d <= MOST_COLUMNS &&
           (t->plan.d + 1) * t->plan.k <= MOST_VALUES;
}

/* Rows that count, less the parameters of an output. */
static int64_t degrees_of_freedom(const cusgd_trainer *t)
{
    const examples *e = &t->train_rows;
    int64_t count = -t->plan.d - (t->plan.intercept != 0);
    for (int64_t i = 0; i < e->n; i++) count += !e->w.at || matrix_at(&e->w, examples_row(e, i), 0) > 0;
    return count;
}

/* out: k, the variances of what theta leaves. */
static cusgd_status residual_variances(cusgd_trainer *t, const double *theta, int64_t freedom, double *out)
{
    const examples *e = &t->train_rows;
    int64_t k = t->plan.k;
    double *p = allocate((size_t)(e->n * k), sizeof *p);
    cusgd_status status = p ? t->backend.ops->predict(t->backend.self, t->train, theta, p)
                            : fail_memory((size_t)(e->n * k) * sizeof *p, "the residuals");
    for (int64_t c = 0; c < k; c++) out[c] = 0;
    for (int64_t i = 0; i < e->n && status == CUSGD_OK; i++) {
        int64_t row = examples_row(e, i);
        double w = e->w.at ? matrix_at(&e->w, row, 0) / t->transform.weight_mean : 1;
        for (int64_t c = 0; c < k; c++) {
            double r = p[i * k + c] - (matrix_at(&e->y, row, c) - t->shift[c]);
            out[c] += w * r * r / (double)freedom;
        }
    }
    free(p);
    return status;
}

/* h = h^-1 (side x side; an intercept that is not fitted stays out); work: 5 side. Returns 0 where it is near singular. */
static int invert(const cusgd_trainer *t, double *h, double *work)
{
    int64_t side = t->plan.d + 1;
    double most = t->options.precision == CUSGD_PRECISION_DOUBLE ? 1e12 : 1e6, *scale = work, *rest = work + side;
    for (int64_t j = 0; j < side && !t->plan.intercept; j++) h[t->plan.d * side + j] = h[j * side + t->plan.d] = j == t->plan.d;
    for (int64_t j = 0; j < side; j++) scale[j] = h[j * side + j] > 0 ? 1 / sqrt(h[j * side + j]) : 0;
    for (int64_t a = 0; a < side; a++)
        for (int64_t b = 0; b < side; b++) h[a * side + b] *= scale[a] * scale[b];
    double norm = matrix_norm(side, h, rest);
    if (!cholesky_factor(side, h) || !(cholesky_condition(side, h, norm, rest) <= most)) return 0;
    cholesky_invert(side, h);
    for (int64_t a = 0; a < side; a++)
        for (int64_t b = 0; b < side; b++) h[a * side + b] *= scale[a] * scale[b];
    if (!t->plan.intercept) h[side * side - 1] = 0;
    return 1;
}

/* Of one output, in the data's units: b = theta_d + shift - sum theta_j mean_j / scale_j. covariance: side x side, times
 * `factor`. */
static void put_errors(const cusgd_trainer *t, const double *covariance, double factor, double *out)
{
    int64_t d = t->plan.d, side = d + 1;
    double bias = 0;
    for (int64_t a = 0; a < side; a++) {
        double left = a < d ? -t->mean[a] / t->scale[a] : 1;
        for (int64_t b = 0; b < side; b++) bias += left * covariance[a * side + b] * (b < d ? -t->mean[b] / t->scale[b] : 1);
        if (a < d) out[a] = sqrt(factor * covariance[a * side + a]) / t->scale[a];
    }
    out[d] = t->plan.intercept ? sqrt(factor * fmax(bias, 0)) : 0;
}

cusgd_status trainer_errors(cusgd_trainer *t, double **errors, int64_t *freedom)
{
    int64_t d = t->plan.d, k = t->plan.k, side = d + 1, values = side * side, left = degrees_of_freedom(t);
    int quadratic = loss_is_quadratic(t->plan.loss.kind), good = 1;
    int64_t blocks = quadratic ? 1 : k;
    *errors = NULL;
    *freedom = quadratic ? left : 0;
    if (!is_asked(t) || left < 1) return CUSGD_OK;
    double *h = allocate((size_t)(blocks * values + 5 * side + k), sizeof *h), *out = allocate((size_t)(k * side), sizeof *out);
    double *work = h + blocks * values, *variance = work + 5 * side, n = (double)t->train_rows.n;
    cusgd_status status =
        h && out ? CUSGD_OK : fail_memory((size_t)(blocks * values) * sizeof *h, "the coefficients' covariance");
    if (status == CUSGD_OK) status = trainer_theta(t, t->result, t->theta);
    if (status == CUSGD_OK) status = t->backend.ops->hessian(t->backend.self, t->train, t->plan.loss, t->theta, h);
    if (status == CUSGD_OK && quadratic) status = residual_variances(t, t->theta, left, variance);
    for (int64_t c = 0; c < k && status == CUSGD_OK && good; c++) {
        double *block = h + (quadratic ? 0 : c) * values;
        if (c < blocks) good = invert(t, block, work);
        double factor = quadratic ? variance[c] * loss_curvature_bound(t->plan.loss) / n : 1 / n;
        if (good) put_errors(t, block, factor, out + c * side);
    }
    free(h);
    if (status == CUSGD_OK && good)
        *errors = out;
    else
        free(out);
    return status;
}
