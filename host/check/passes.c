/* The comparisons of a check besides steps: moments, uploaded rows, and passes over all rows. */
#include "sides.h"

#include "failure.h"

#include <float.h>
#include <math.h>
#include <stdlib.h>

/* ---- Before the steps ---------------------------------------------------------------------------------------------------- */

cusgd_status check_moments(check *c)
{
    int64_t d = c->d, k = c->t->problem.m;
    double *sums = allocate((size_t)(PEERS * (2 * d + k)), sizeof *sums), weight[PEERS];
    double *mean[PEERS], *variance[PEERS], *target[PEERS];
    cusgd_status status = CUSGD_OK;
    if (!sums) return fail_memory((size_t)(PEERS * (2 * d + k)) * sizeof *sums, "the moments");
    for (int i = 0; i < PEERS && !status; i++) {
        mean[i] = sums + i * (2 * d + k), variance[i] = mean[i] + d, target[i] = mean[i] + 2 * d;
        status = problem_moments(&c->of[i], mean[i], variance[i], target[i], &weight[i]);
    }
    for (int peer = ON_DEVICE; peer <= ON_CPU && !status; peer++) {
        double slack = 64 * DBL_EPSILON * sqrt((double)c->n);
        for (int64_t j = 0; j < d; j++) {
            double second = variance[IN_DOUBLE][j] + mean[IN_DOUBLE][j] * mean[IN_DOUBLE][j], rms = sqrt(second);
            check_compare(c, MOMENTS, peer, mean[peer][j], mean[IN_DOUBLE][j], rms, slack * rms);
            check_compare(c, MOMENTS, peer, variance[peer][j], variance[IN_DOUBLE][j], second, slack * second);
        }
        for (int64_t i = 0; i < k; i++) {
            double size =
                fabs(target[IN_DOUBLE][i]) + fabs(c->t->problem.units.shift[i]) + check_largest(c->t->problem.targets.null, k);
            check_compare(c, MOMENTS, peer, target[peer][i], target[IN_DOUBLE][i], size, slack * size + DBL_MIN);
        }
        check_compare(c, MOMENTS, peer, weight[peer], weight[IN_DOUBLE], weight[IN_DOUBLE], slack * weight[IN_DOUBLE]);
    }
    free(sums);
    return status;
}

cusgd_status check_rows(check *c)
{
    enum { MOST = 64 };
    int64_t count = c->n < MOST ? c->n : MOST, rows[MOST];
    double *x = allocate((size_t)(PEERS * count * c->d), sizeof *x), w[PEERS][MOST];
    cusgd_status status = CUSGD_OK;
    if (!x) return fail_memory((size_t)(PEERS * count * c->d) * sizeof *x, "a check's rows");
    for (int64_t i = 0; i < count; i++) rows[i] = i * (c->n - 1) / (count > 1 ? count - 1 : 1);
    for (int i = 0; i < PEERS && !status; i++)
        status = shards_rows(&c->of[i], &c->of[i].train, rows, count, x + i * count * c->d, w[i]);
    for (int64_t i = 0; i < count * c->d && !status; i++) {
        double device = x[i], same = x[ON_CPU * count * c->d + i], exact = x[IN_DOUBLE * count * c->d + i];
        check_compare(c, ROWS, ON_DEVICE, device, same, fabs(same), 0);
        check_compare(c, ROWS, ON_CPU, same, exact, fabs(exact), 1);
    }
    for (int64_t i = 0; i < count && !status; i++)
        check_compare(c, ROWS, ON_DEVICE, w[ON_DEVICE][i], w[ON_CPU][i], w[ON_CPU][i], 0);
    free(x);
    return status;
}

/* ---- Full passes --------------------------------------------------------------------------------------------------------- */

static cusgd_status predict_all(const problem *p, const double *theta, double *out)
{
    cusgd_status status = CUSGD_OK;
    for (int h = 0; h < p->train.shards && !status; h++) {
        uint64_t start = shard_start((uint64_t)p->train.rows.n, (uint64_t)p->train.shards, (uint64_t)h);
        status = p->backend->ops->predict(p->backend->self, p->train.bounds[h], theta, out + (int64_t)start * p->k);
    }
    return status;
}

static cusgd_status check_predictions(check *c, const double *theta)
{
    double *out[PEERS] = {NULL}, *allowed = allocate((size_t)(BOUNDS_PIECE * c->k), sizeof *allowed);
    cusgd_status status = allowed ? CUSGD_OK : fail_memory((size_t)(BOUNDS_PIECE * c->k) * sizeof *allowed, "predictions");
    for (int i = 0; i < PEERS && !status; i++) {
        out[i] = allocate((size_t)(c->n * c->k), sizeof *out[i]);
        if (!out[i]) status = fail_memory((size_t)(c->n * c->k) * sizeof *out[i], "predictions");
        if (!status) status = predict_all(&c->of[i], theta, out[i]);
    }
    for (int64_t first = 0, most = bounds_piece(c->d); first < c->n && !status; first += most) {
        int64_t count = c->n - first < most ? c->n - first : most;
        const double *const values[PEERS] = {out[ON_DEVICE] + first * c->k, out[ON_CPU] + first * c->k,
                                             out[IN_DOUBLE] + first * c->k};
        status = bounds_predictions(&c->bounds, first, count, allowed);
        if (!status)
            check_compare_all(c, PREDICTIONS, values, count * c->k, check_largest(values[IN_DOUBLE], count * c->k), allowed);
    }
    for (int i = 0; i < PEERS; i++) free(out[i]);
    free(allowed);
    return status;
}

cusgd_status check_full_passes(check *c)
{
    const double *theta = c->state + STATE_THETA * c->size;
    double value[PEERS];
    cusgd_status status = CUSGD_OK;
    for (int i = 0; i < PEERS && !status; i++)
        status = problem_loss(&c->of[i], &c->of[i].train, c->t->problem.loss, theta, &value[i], c->gradient[i]);
    for (int64_t i = 0; i < c->n; i++) c->order[i] = i;
    c->bounds.theta = theta;
    c->bounds.unit = c->t->options.precision == CUSGD_PRECISION_FLOAT ? 0x1p-24 : 0x1p-52; /* full passes never use TF32 */
    if (!status) status = bounds_of(&c->bounds, c->order, c->n);
    if (status) return status;
    if (!isfinite(value[ON_CPU])) { /* the run diverges, and its objective overflows on every device */
        if (isfinite(value[ON_DEVICE])) check_compare(c, OBJECTIVE, ON_DEVICE, value[ON_DEVICE], (double)NAN, 1, 0);
        return CUSGD_OK;
    }
    for (int peer = ON_DEVICE; peer <= ON_CPU; peer++)
        check_compare(c, OBJECTIVE, peer, value[peer], value[IN_DOUBLE], fabs(value[IN_DOUBLE]), c->bounds.value / (double)c->n);
    check_compare_gradients(c, FULL_GRADIENT);
    return check_predictions(c, theta);
}
