/* Models whose losses have numbers of their own: each takes the steps that it takes where all have its number. */
#include "interface.h"

#include <criterion/criterion.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { N = 203, D = 7, K = 19, FOLDS = 2, BATCH = 48, BATCHES = 5, STEPS = 3 * BATCHES, SIZE = (D + 1) * K };

static const double quantiles[] = {0.125, 0.5, 0.9375};
enum { QUANTILES = sizeof quantiles / sizeof *quantiles };

typedef struct results {
    double theta[SIZE], losses[K], sums[FOLDS * K];
} results;

static dataset *bind(const backend *b)
{
    static double x[N * D], y[N];
    static uint8_t fold[N];
    uint64_t seed = 3;
    dataset *out;
    for (int i = 0; i < N * D; i++) x[i] = (double)(float)interface_uniform(&seed);
    for (int i = 0; i < N; i++) y[i] = (double)(float)(x[i * D] - x[i * D + 1] + interface_uniform(&seed));
    for (int i = 0; i < N; i++) fold[i] = (uint8_t)(interface_bits(&seed) % FOLDS);
    examples e = {.n = N,
                  .d = D,
                  .k = 1,
                  .x = {x, CUSGD_TYPE_FLOAT64, D, 1},
                  .y = {y, CUSGD_TYPE_FLOAT64, 1, 1},
                  .fold = fold,
                  .folds = FOLDS};
    transform t = {.weight_mean = 1};
    interface_ok(b->ops->bind(b->self, &e, &t, &out), "bind");
    return out;
}

/* numbers: one for each model, or NULL: all have that of the loss. */
static void run(const backend *b, const dataset *at, loss_rule loss, const double *numbers, results *out)
{
    static const int target_of[K]; /* the only target */
    static double ones[SIZE];
    double copy[K];
    models m = {.target_of = target_of, .number = numbers ? memcpy(copy, numbers, sizeof copy) : NULL};
    for (int u = 0; u < SIZE; u++) ones[u] = 1 + (double)(u % 5) / 8;
    run_spec p = {.loss = loss,
                  .optimizer = CUSGD_OPTIMIZER_SGD,
                  .d = D,
                  .k = K,
                  .batch = BATCH,
                  .intercept = 1,
                  .rate_factor = ones,
                  .models = &m};
    steps_report r;
    interface_ok(b->ops->start(b->self, &p), "start");
    memset(copy, 0xAB, sizeof copy); /* start() has copied it */
    for (int s = 0; s < STEPS; s++) {
        sampler order = sampler_make(CUSGD_SAMPLING_PERMUTE, 7, N, BATCHES, (uint64_t)(s / BATCHES));
        step_numbers now = {.rate = 0.25, .average = 1};
        slice one = {&(batch_share){at, &order}, s % BATCHES, 1, &now};
        interface_ok(b->ops->steps(b->self, &one), "steps");
    }
    interface_ok(b->ops->report(b->self, &r), "report");
    memcpy(out->losses, r.losses, sizeof out->losses);
    interface_ok(b->ops->state.get(b->self, SNAPSHOT_CURRENT, STATE_THETA, out->theta), "get");
    m.number = numbers;
    interface_ok(b->ops->models.fold_losses(b->self, at, loss, K, &m, out->theta, out->sums), "fold_losses");
}

static void check_model(const results *own, const results *all, int c, double number)
{
    for (int j = 0; j <= D; j++)
        cr_assert_eq(own->theta[j * K + c], all->theta[j * K + c], "number %g, model %d, parameter %d", number, c, j);
    cr_assert_eq(own->losses[c], all->losses[c], "number %g, model %d", number, c);
    for (int f = 0; f < FOLDS; f++) cr_assert_eq(own->sums[f * K + c], all->sums[f * K + c], "number %g, model %d", number, c);
}

static void check_loss(cusgd_loss kind, int precision)
{
    backend b = {0};
    double numbers[K];
    results own, all;
    loss_rule loss = interface_loss((int)kind);
    interface_backend_open((cusgd_precision)precision, 2, &b);
    dataset *at = bind(&b);
    for (int c = 0; c < K; c++) numbers[c] = quantiles[c % QUANTILES];
    run(&b, at, loss, numbers, &own);
    for (int q = 0; q < QUANTILES; q++) {
        loss.number = quantiles[q];
        run(&b, at, loss, NULL, &all);
        for (int c = q; c < K; c += QUANTILES) check_model(&own, &all, c, quantiles[q]);
    }
    cr_assert_neq(own.losses[0], own.losses[1]);
    b.ops->unbind(b.self, at);
    b.ops->close(b.self);
}

Test(interface_numbers, as_where_all_have_it)
{
    for (int precision = 0; precision < 2; precision++) {
        check_loss(CUSGD_LOSS_QUANTILE, precision);
        check_loss(CUSGD_LOSS_HUBER, precision);
    }
}
