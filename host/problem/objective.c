/* The functions of a problem for methods: the objective, its subgradients, and conversions of parameters between units. */
#include "problem.h"

#include "failure.h"
#include "stream.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

static double factor_at(const problem *p, int limit, int64_t u) { return p->limit[limit] ? p->limit[limit][u] : 1; }
double problem_l1(const problem *p, int64_t u) { return p->l1 * factor_at(p, LIMIT_L1, u); }
double problem_l2(const problem *p, int64_t u) { return p->l2 * factor_at(p, LIMIT_L2, u); }

double problem_max_l2(const problem *p)
{
    double maximum = 0;
    if (!p->limit[LIMIT_L2]) return p->l2;
    for (int64_t u = 0; u < p->d * p->k; u++) maximum = fmax(maximum, problem_l2(p, u));
    return maximum;
}

double problem_bounded(const problem *p, int64_t u, double theta)
{
    return p->limit[0] ? into_bounds(theta, p->limit[LIMIT_LOWER][u], p->limit[LIMIT_UPPER][u]) : theta;
}

void problem_null(const problem *p, double *theta)
{
    int64_t d = p->d, k = p->k;
    memset(theta, 0, sizeof(double) * (size_t)((d + 1) * k));
    if (p->intercept) memcpy(theta + d * k, p->targets.null, sizeof(double) * (size_t)k);
}

/* ---- Passes over the examples ---- */

typedef struct evaluation {
    loss_rule loss;
    const double *theta;
    int with_gradient;
    int is_streamed;
} evaluation;

/* values: the mean loss, then its gradient. */
static cusgd_status evaluate_shard(const void *context, const problem *p, int shard, const dataset *b, double *values)
{
    const evaluation *e = context;
    double *gradient = e->with_gradient ? values + 1 : NULL;
    if (e->is_streamed) return stream_loss(p, shard, e->loss, e->theta, values, gradient);
    return p->backend->ops->objective(p->backend->self, b, e->loss, e->theta, values, gradient);
}

/* Returns whether the predictions do not depend on x, which is finite. */
static int is_constant(const problem *p, const double *theta)
{
    for (int64_t u = 0; u < p->d * p->k; u++)
        if (!(fabs(theta[u]) <= 0)) return 0;
    return 1;
}

/* Computes the loss with a row of zeros instead of each row, with the same bits, to avoid reading rows from their file. */
static cusgd_status loss_without_x(const problem *p, const example_set *set, loss_rule loss, const double *theta, double *value)
{
    example_set plain = {.data = set->data, .rows = set->rows, .shards = set->shards};
    double *zeros = allocate_zeroed((size_t)p->d, sizeof *zeros);
    if (!zeros) return fail_memory((size_t)p->d * sizeof *zeros, "a row");
    plain.rows.x = (cusgd_matrix){zeros, set->rows.x.type, 0, 1};
    cusgd_status status = shards_bind_by(p, p->backend->ops->pieces.bind_in_place, &p->units.transform, &plain);
    if (!status) status = problem_loss(p, &plain, loss, theta, value, NULL);
    shards_unbind(p, &plain);
    free(zeros);
    return status;
}

cusgd_status problem_loss(const problem *p, const example_set *set, loss_rule loss, const double *theta, double *value,
                          double *gradient)
{
    evaluation e = {loss, theta, gradient != NULL, set->stream != NULL};
    const backend *b = p->backend;
    if (set->stream && !gradient && b->ops->pieces.bind_in_place && is_constant(p, theta))
        return loss_without_x(p, set, loss, theta, value);
    if (set->stream && set->shards == 1 && !b->world) return stream_loss(p, 0, loss, theta, value, gradient);
    if (set->shards == 1 && !b->world) return b->ops->objective(b->self, set->bounds[0], loss, theta, value, gradient);
    if (!gradient) return shards_pass(p, set, evaluate_shard, &e, 1, 1, value);
    double *values = allocate((size_t)problem_size(p) + 1, sizeof *values);
    if (!values) return fail_memory(theta_bytes(p), "the gradient");
    cusgd_status status = shards_pass(p, set, evaluate_shard, &e, 1, (size_t)problem_size(p) + 1, values);
    if (!status) {
        *value = values[0];
        memcpy(gradient, values + 1, theta_bytes(p));
    }
    free(values);
    return status;
}

cusgd_status problem_objective(const problem *p, const example_set *set, const double *theta, double *loss, double *objective,
                               double *gradient)
{
    cusgd_status status = problem_loss(p, set, p->loss, theta, loss, gradient);
    double l1 = 0, l2 = 0;
    if (status) {
        *loss = *objective = (double)NAN;
        return status;
    }
    for (int64_t u = 0; u < p->d * p->k; u++) {
        l1 += factor_at(p, LIMIT_L1, u) * fabs(theta[u]);
        l2 += factor_at(p, LIMIT_L2, u) * theta[u] * theta[u];
    }
    *objective = *loss + p->l2 / 2 * l2 + p->l1 * l1;
    return status;
}

static cusgd_status hessian_of_shard(const void *context, const problem *p, int shard, const dataset *b, double *values)
{
    const evaluation *e = context;
    if (e->is_streamed) return stream_hessian(p, shard, e->loss, e->theta, values);
    return p->backend->ops->hessian(p->backend->self, b, e->loss, e->theta, values);
}

cusgd_status problem_hessian(const problem *p, loss_rule loss, const double *theta, double *hessian)
{
    const example_set *train = &p->train;
    evaluation e = {loss, theta, 0, train->stream != NULL};
    if (train->stream && train->shards == 1 && !p->backend->world) return stream_hessian(p, 0, loss, theta, hessian);
    size_t side = (size_t)p->d + 1, blocks = loss_is_quadratic((cusgd_loss)loss.kind) ? 1 : (size_t)p->k;
    return shards_pass(p, train, hessian_of_shard, &e, 1, blocks * side * side, hessian);
}

/* Uploads the rows again in blocks, because a device predicts all rows of a dataset at once. */
cusgd_status problem_predict(const problem *p, const double *theta, int64_t first, int64_t count, double *out)
{
    const backend_ops *ops = p->backend->ops;
    examples piece = examples_piece(&p->train.rows, first, count);
    dataset *b = NULL;
    piece.y.at = piece.w.at = NULL;
    cusgd_status status = ops->bind(p->backend->self, &piece, &p->units.transform, &b);
    if (!status) status = ops->predict(p->backend->self, b, theta, out);
    ops->unbind(p->backend->self, b);
    examples_forget(&p->train.rows, first, count);
    return status;
}

cusgd_status problem_moments(const problem *p, double *mean, double *variance, double *target_mean, double *weight)
{
    return shards_moments(p, &p->train, mean, variance, target_mean, weight);
}

double problem_reported(const problem *p, double loss)
{
    double outputs = is_softmax(p) ? 1 : (double)p->k; /* softmax has one loss for all outputs */
    return loss_reported(p->loss.kind, loss / outputs) * p->units.loss;
}

/* Returns the element of minimum magnitude of the subdifferential of the objective along parameter u, without bounds, where g is
 * the derivative of the smooth part; 0 for intercepts that are not fitted. */
static double unbounded_subgradient(const problem *p, int64_t u, double theta, double g)
{
    if (u >= p->d * p->k) return p->intercept ? g : 0;
    double l1 = problem_l1(p, u);
    return theta > 0 ? g + l1 : theta < 0 ? g - l1 : soft_threshold(g, l1);
}

/* As unbounded_subgradient(), but 0 if a step against it would leave the bounds. */
static double subgradient_at(const problem *p, int64_t u, double theta, double g)
{
    double s = unbounded_subgradient(p, u, theta, g);
    if (u < p->d * p->k && p->limit[0] &&
        ((s > 0 && theta <= p->limit[LIMIT_LOWER][u]) || (s < 0 && theta >= p->limit[LIMIT_UPPER][u])))
        return 0;
    return s;
}

void problem_subgradient(const problem *p, const double *theta, const double *g, double *out)
{
    for (int64_t u = 0; u < problem_size(p); u++) out[u] = subgradient_at(p, u, theta[u], g[u]);
}

typedef double subgradient(const problem *p, int64_t u, double theta, double g);

static double subgradient_norm(const problem *p, subgradient *along, const double *theta, const double *gradient)
{
    double sum = 0;
    for (int64_t u = 0; u < problem_size(p); u++) {
        double ridge = u < p->d * p->k ? problem_l2(p, u) * theta[u] : 0;
        double s = along(p, u, theta[u], gradient[u] + ridge);
        sum += s * s;
    }
    return sqrt(sum);
}

double problem_gradient_norm(const problem *p, const double *theta, const double *gradient)
{
    return subgradient_norm(p, subgradient_at, theta, gradient);
}

cusgd_status problem_measure_null(problem *p, int with_gradient)
{
    double *theta = allocate((size_t)(2 * problem_size(p)), sizeof *theta), objective;
    if (!theta) return fail_memory(2 * theta_bytes(p), "the intercept-only model");
    double *gradient = theta + problem_size(p);
    problem_null(p, theta);
    cusgd_status status = problem_objective(p, &p->train, theta, &p->null_loss, &objective, with_gradient ? gradient : NULL);
    if (!status && with_gradient) p->null_gradient = subgradient_norm(p, unbounded_subgradient, theta, gradient);
    free(theta);
    return status;
}

/* ---- Parameters in the units of the data ---- */

/* Converts between the units of the data (weight k x d, bias k) and theta (d+1) x k, where w x + b = (w scale) x' + (b + w mean -
 * shift) + shift. If columns have large means, the intercept is a small difference of large numbers, so that it is summed in long
 * double. It is computed from the coefficients after rounding and projection on the bounds, so that weight and bias together
 * predict the same as theta. */
void problem_from_data(const problem *p, const double *weight, const double *bias, double *theta)
{
    int64_t d = p->d, k = p->k;
    for (int64_t c = 0; c < k; c++) {
        long double b = (long double)bias[c];
        for (int64_t j = 0; j < d; j++) {
            theta[j * k + c] = weight[c * d + j] / p->units.target * p->units.scale[j];
            b += (long double)weight[c * d + j] * (long double)p->units.mean[j];
        }
        theta[d * k + c] = (double)(b / (long double)p->units.target - (long double)p->units.shift[c]);
    }
}

void problem_to_data(const problem *p, const double *theta, double *weight, double *bias)
{
    int64_t d = p->d, k = p->k;
    for (int64_t c = 0; c < k; c++) {
        long double b = ((long double)theta[d * k + c] + (long double)p->units.shift[c]) * (long double)p->units.target;
        for (int64_t j = 0; j < d; j++) {
            double w = theta[j * k + c] / p->units.scale[j] * p->units.target;
            if (w < p->options->lower) w = p->options->lower; /* removes rounding errors of theta; a NaN is no bound */
            if (w > p->options->upper) w = p->options->upper;
            if (weight) weight[c * d + j] = w;
            b -= (long double)w * (long double)p->units.mean[j];
        }
        if (bias) bias[c] = (double)b;
    }
}
