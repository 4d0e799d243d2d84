#include "trial.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

void scene_make(scene *a, uint64_t seed)
{
    for (int i = 0; i < N * D; i++) a->x[i] = (double)(float)interface_uniform(&seed);
    for (int i = 0; i < N; i++) {
        double sum = 0;
        for (int j = 0; j < D; j++) sum += a->x[i * D + j] * (j % 3 - 1);
        a->y[i * TARGETS] = sum + interface_uniform(&seed) > 0;
        a->y[i * TARGETS + 1] = sum - interface_uniform(&seed) < 0.5;
        a->w[i] = (double)(float)(1 + 0.5 * interface_uniform(&seed));
        a->fold[i] = (uint8_t)(interface_bits(&seed) % FOLDS);
    }
    for (int c = 0; c < K; c++) {
        a->target_of[c] = c % 5 == 3;
        a->held_out[c] = c % (FOLDS + 1) < FOLDS ? (uint64_t)1 << c % (FOLDS + 1) : 0;
        a->momentum[c] = 0.5 + 0.4 * interface_uniform(&seed);
        a->share[c] = c % (FOLDS + 1) < FOLDS ? 0.65 : 1;
        a->rate[c] = 1 + 0.9 * interface_uniform(&seed);
        a->l1[c] = c % 4 == 1 ? 0.02 : 0;
        a->l2[c] = 0.02 * (1 + interface_uniform(&seed));
    }
}

examples examples_of(const scene *a, int targets)
{
    return (examples){.n = N,
                      .d = D,
                      .k = targets,
                      .x = {a->x, CUSGD_TYPE_FLOAT64, D, 1},
                      .y = {a->y, CUSGD_TYPE_FLOAT64, TARGETS, 1},
                      .w = {a->w, CUSGD_TYPE_FLOAT64, 1, 1},
                      .fold = a->fold,
                      .folds = FOLDS};
}

dataset *bind_targets(const backend *b, const scene *a, int targets)
{
    dataset *out;
    examples e = examples_of(a, targets);
    transform t = {.weight_mean = 1};
    if (targets == 1) e.o = (cusgd_matrix){a->y + 1, CUSGD_TYPE_FLOAT64, TARGETS, 1};
    interface_ok(b->ops->bind(b->self, &e, &t, &out), "bind");
    return out;
}

dataset *bind_scene(const backend *b, const scene *a) { return bind_targets(b, a, TARGETS); }

static void start(const trial *t)
{
    int64_t size = (D + 1) * t->k;
    double *rate = interface_allocate(size, sizeof(double)), *limit[LIMIT_COUNT];
    int target_of[MOST];
    uint64_t held_out[MOST];
    double momentum[MOST], share[MOST];
    for (int i = 0; i < LIMIT_COUNT; i++) limit[i] = interface_allocate(size, sizeof(double));
    for (int64_t u = 0; u < size; u++) {
        int c = t->which[u % t->k];
        rate[u] = t->of->rate[c];
        limit[LIMIT_L1][u] = t->of->l1[c];
        limit[LIMIT_L2][u] = t->of->l2[c];
        limit[LIMIT_LOWER][u] = -(double)INFINITY;
        limit[LIMIT_UPPER][u] = (double)INFINITY;
    }
    for (int c = 0; c < t->k; c++) {
        target_of[c] = t->of->target_of[t->which[c]];
        held_out[c] = t->of->held_out[t->which[c]];
        momentum[c] = t->of->momentum[t->which[c]];
        share[c] = t->of->share[t->which[c]];
    }
    models m = {.target_of = target_of,
                .momentum = momentum,
                .held_out = held_out,
                .share = share,
                .class_weight = t->class_weight,
                .folds = FOLDS,
                .products_bytes = t->bytes};
    run_spec p = {.loss = interface_loss((int)t->loss),
                  .optimizer = t->optimizer,
                  .d = D,
                  .k = t->k,
                  .batch = t->batch,
                  .intercept = 1,
                  .average = 1,
                  .constants.beta1 = 0.9,
                  .constants.beta2 = 0.99,
                  .constants.epsilon = 1e-6,
                  .constants.l1 = 1,
                  .constants.l2 = 1,
                  .rate_factor = rate,
                  .limit = {limit[0], limit[1], limit[2], limit[3]},
                  .models = &m,
                  .repeats = t->repeats};
    interface_ok(t->b->ops->start(t->b->self, &p), "start");
    free(rate);
    for (int i = 0; i < LIMIT_COUNT; i++) free(limit[i]);
    memset(&m, 0xAB, sizeof m);
    memset(target_of, 0xAB, sizeof target_of);
    memset(held_out, 0xAB, sizeof held_out);
}

static sampler order_of(const trial *t, int s)
{
    return sampler_make(t->sampling, 7, N, (uint64_t)t->batches, (uint64_t)(s / t->batches));
}

void run_trial(trial *t)
{
    const backend *b = t->b;
    start(t);
    for (int s = 0; s < STEPS; s++) {
        sampler order = order_of(t, s);
        step_numbers now = {.rate = 0.1, .momentum = 0.9, .correction1 = 1.5, .correction2 = 2, .average = 0.3};
        slice one = {&(batch_share){t->at, &order}, s % t->batches, 1, &now};
        uint8_t gone[MOST] = {0};
        if (s == t->retired_after && t->retires >= 0) {
            gone[t->retires] = 1;
            interface_ok(b->ops->models.retire(b->self, gone), "retire");
        }
        interface_ok(b->ops->steps(b->self, &one), "steps");
    }
    interface_ok(b->ops->report(b->self, &t->report), "report");
    memcpy(t->losses, t->report.losses, sizeof(double) * (size_t)t->k);
    memcpy(t->ended, t->report.ended, (size_t)t->k);
    int64_t size = (D + 1) * t->k;
    t->state = interface_allocate(STATE_PARTS * size, sizeof(double));
    for (int p = 0; p < STATE_PARTS; p++)
        interface_ok(b->ops->state.get(b->self, SNAPSHOT_CURRENT, (enum state_part)p, t->state + p * size), "get");
}

void check_same(const trial *a, int c, const trial *b, int other, const char *what)
{
    for (int p = 0; p < STATE_PARTS; p++)
        for (int j = 0; j <= D; j++) {
            double x = a->state[(p * (D + 1) + j) * a->k + c], y = b->state[(p * (D + 1) + j) * b->k + other];
            if (memcmp(&x, &y, sizeof x) != 0)
                interface_fail("%s: optimizer %d, model %d, part %d, parameter %d: %.17g, not %.17g", what, a->optimizer,
                               a->which[c], p, j, x, y);
        }
    if (a->losses[c] != b->losses[other])
        interface_fail("%s: model %d has loss %.17g, not %.17g", what, a->which[c], a->losses[c], b->losses[other]);
}

static int all_of[K];

trial trial_of(const backend *b, const dataset *at, const scene *of, int optimizer)
{
    for (int c = 0; c < K; c++) all_of[c] = c;
    return (trial){.b = b,
                   .at = at,
                   .of = of,
                   .optimizer = optimizer,
                   .k = K,
                   .loss = CUSGD_LOSS_LOGISTIC,
                   .batch = BATCH,
                   .batches = BATCHES,
                   .which = all_of,
                   .sampling = CUSGD_SAMPLING_PERMUTE,
                   .retires = -1};
}

void check_alone(const trial *like, const trial *all, int c)
{
    trial alone = *like;
    alone.k = 1;
    alone.which = &c;
    run_trial(&alone);
    check_same(&alone, 0, all, c, "alone");
    free(alone.state);
}

/* The steps that double arithmetic makes of the definition: rows of the fold that is held out have no part, the gradient is
 * divided by the share, and each model has its rate, momentum, l1 and l2. */
static double derivative_of(cusgd_loss loss, double p, double y)
{
    return loss == CUSGD_LOSS_LOGISTIC ? 1 / (1 + exp(-p)) - y : loss == CUSGD_LOSS_MSE ? 2 * (p - y) : p - y;
}

static void reference(const trial *t, int c, double *theta)
{
    const scene *a = t->of;
    double velocity[D + 1] = {0};
    memset(theta, 0, sizeof(double) * (D + 1));
    for (int s = 0; s < STEPS; s++) {
        sampler order = order_of(t, s);
        batch_span span = sampler_span(&order, (uint64_t)(s % t->batches));
        double g[D + 1] = {0};
        for (int64_t i = span.first; i < span.first + span.count; i++) {
            int64_t row = (int64_t)sampler_row(&order, (uint64_t)i);
            double p = theta[D], y = a->y[row * TARGETS + a->target_of[c]];
            if (a->held_out[c] >> a->fold[row] & 1) continue;
            if (t->loss != CUSGD_LOSS_LOGISTIC) p += a->y[row * TARGETS + 1];
            for (int j = 0; j < D; j++) p += a->x[row * D + j] * theta[j];
            double derivative = a->w[row] * derivative_of(t->loss, p, y);
            for (int j = 0; j < D; j++) g[j] += derivative * a->x[row * D + j];
            g[D] += derivative;
        }
        for (int j = 0; j <= D; j++) {
            double rate = 0.1 * a->rate[c], before = theta[j], mean = g[j] / (double)span.count / a->share[c];
            if (j < D) mean += a->l2[c] * theta[j];
            velocity[j] = 0.9 * a->momentum[c] * velocity[j] + rate * mean;
            theta[j] -= velocity[j];
            if (j == D) continue;
            double rest = fabs(theta[j]) - rate * a->l1[c];
            theta[j] = rest <= 0 ? 0 : theta[j] < 0 ? -rest : rest;
            velocity[j] = before - theta[j];
        }
    }
}

void check_reference(const trial *t, double bound)
{
    for (int c = 0; c < t->k; c++) {
        double theta[D + 1];
        reference(t, t->which[c], theta);
        for (int j = 0; j <= D; j++)
            if (!(fabs(t->state[j * t->k + c] - theta[j]) <= bound))
                interface_fail("sampling %d, loss %d, model %d, parameter %d: %.17g, not %.17g", t->sampling, t->loss,
                               t->which[c], j, t->state[j * t->k + c], theta[j]);
    }
}
