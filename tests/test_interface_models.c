/* Outputs that are models of their own: alone and among others, in folds, when one fails, and when one retires. */
#include "interface.h"

#include <criterion/criterion.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { N = 203, D = 21, TARGETS = 2, K = 19, FOLDS = 3, BATCH = 48, BATCHES = 5, STEPS = 3 * BATCHES, SIZE = (D + 1) * K };

/* The data, and a model's numbers. */
typedef struct scene {
    double x[N * D], y[N * TARGETS], w[N];
    uint8_t fold[N];
    int target_of[K];
    uint64_t held_out[K];
    double momentum[K], share[K], rate[K], l1[K], l2[K];
} scene;

static void scene_make(scene *a, uint64_t seed)
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

static examples examples_of(const scene *a, int targets)
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

/* Of one target, the other is an offset. */
static dataset *bind_targets(const backend *b, const scene *a, int targets)
{
    dataset *out;
    examples e = examples_of(a, targets);
    transform t = {.weight_mean = 1};
    if (targets == 1) e.o = (cusgd_matrix){a->y + 1, CUSGD_TYPE_FLOAT64, TARGETS, 1};
    interface_ok(b->ops->bind(b->self, &e, &t, &out), "bind");
    return out;
}

static dataset *bind(const backend *b, const scene *a) { return bind_targets(b, a, TARGETS); }

/* A run of some of the models, by number. */
typedef struct trial {
    const backend *b;
    const dataset *at;
    const scene *of;
    int optimizer, k;
    cusgd_loss loss;
    int batch, batches;
    const int *which;           /* k */
    const double *class_weight; /* 2 x k, or NULL */
    cusgd_sampling sampling;
    int64_t repeats; /* of the run spec, and the bytes that may be kept */
    double bytes;
    int retires, retired_after; /* the trial's output that is retired before that step; -1: none */
    double *state;              /* STATE_PARTS x (D+1) x k */
    double losses[K];
    uint8_t ended[K];
    steps_report report;
} trial;

static void start(const trial *t)
{
    int64_t size = (D + 1) * t->k;
    double *rate = interface_allocate(size, sizeof(double)), *limit[LIMIT_COUNT];
    int target_of[K];
    uint64_t held_out[K];
    double momentum[K], share[K];
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

static void run_trial(trial *t)
{
    const backend *b = t->b;
    start(t);
    for (int s = 0; s < STEPS; s++) {
        sampler order = order_of(t, s);
        step_numbers now = {.rate = 0.1, .momentum = 0.9, .correction1 = 1.5, .correction2 = 2, .average = 0.3};
        slice one = {&(batch_share){t->at, &order}, s % t->batches, 1, &now};
        uint8_t gone[K] = {0};
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

/* That output `c` of one run is output `other` of another, in all bits. */
static void check_same(const trial *a, int c, const trial *b, int other, const char *what)
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

static trial trial_of(const backend *b, const dataset *at, const scene *of, int optimizer)
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

static const int optimizers[] = {CUSGD_OPTIMIZER_SGD, CUSGD_OPTIMIZER_MOMENTUM, CUSGD_OPTIMIZER_NESTEROV, CUSGD_OPTIMIZER_ADAM,
                                 CUSGD_OPTIMIZER_AMSGRAD};
enum { OPTIMIZERS = sizeof optimizers / sizeof *optimizers };

/* Model c, trained by itself as `like` says, has the bits that it has among all. */
static void check_alone(const trial *like, const trial *all, int c)
{
    trial alone = *like;
    alone.k = 1;
    alone.which = &c;
    run_trial(&alone);
    check_same(&alone, 0, all, c, "alone");
    free(alone.state);
}

/* One at a time, and in another order with others left out. cuBLAS may choose another kernel for another number of outputs. */
Test(interface_models, alone_and_together)
{
    scene a;
    scene_make(&a, 1);
    for (int precision = 0; precision < 2; precision++)
        for (int i = 0; i < OPTIMIZERS; i++) {
            backend one = {0}, two = {0};
            interface_backend_open((cusgd_precision)precision, 1, &one);
            interface_backend_open((cusgd_precision)precision, 2, &two);
            if (!one.is_host) {
                one.ops->close(one.self);
                two.ops->close(two.self);
                return;
            }
            dataset *at = bind(&one, &a), *at2 = bind(&two, &a);
            trial all = trial_of(&two, at2, &a, optimizers[i]), some = trial_of(&one, at, &a, optimizers[i]);
            const int order[] = {18, 3, 11, 0, 7};
            run_trial(&all);
            cr_assert_eq(all.report.done, STEPS);
            some.k = 5;
            some.which = order;
            run_trial(&some);
            for (int c = 0; c < some.k; c++) check_same(&some, c, &all, order[c], "some of them");
            free(some.state);
            trial like = trial_of(&one, at, &a, optimizers[i]);
            for (int c = 0; c < K; c++) check_alone(&like, &all, c);
            free(all.state);
            one.ops->unbind(one.self, at);
            two.ops->unbind(two.self, at2);
            one.ops->close(one.self);
            two.ops->close(two.self);
        }
}

/* Any device: what the others are, whether one of them fails, and when one retires, changes no bit of a model. */
Test(interface_models, others_change_no_bit)
{
    enum { CHANGED = 6, AFTER = 4 };
    for (int precision = 0; precision < 2; precision++)
        for (int i = precision; i < OPTIMIZERS; i += 2) {
            backend b = {0};
            scene a, other;
            scene_make(&a, 2);
            other = a;
            other.rate[CHANGED] = 1e300;
            if (precision == CUSGD_PRECISION_FLOAT) other.rate[CHANGED] = 3e38;
            interface_backend_open((cusgd_precision)precision, 2, &b);
            dataset *at = bind(&b, &a);
            trial all = trial_of(&b, at, &a, optimizers[i]), fails = trial_of(&b, at, &other, optimizers[i]);
            trial retires = trial_of(&b, at, &a, optimizers[i]), none = retires;
            run_trial(&all);
            run_trial(&fails);
            retires.retires = CHANGED;
            retires.retired_after = AFTER;
            run_trial(&retires);
            none.retires = CHANGED;
            run_trial(&none);
            double sum = 0;
            for (int c = 0; c < K; c++) {
                cr_assert_eq(fails.ended[c], c == CHANGED && fails.ended[CHANGED], "model %d", c);
                cr_assert_eq(retires.ended[c] + all.ended[c], 0);
                sum += fails.losses[c];
                if (c == CHANGED) continue;
                check_same(&fails, c, &all, c, "next to one that fails");
                check_same(&retires, c, &all, c, "next to one that retires");
            }
            cr_assert(fabs(sum - fails.report.loss) <= 1e-12 * sum);
            if (optimizers[i] < CUSGD_OPTIMIZER_ADAM) cr_assert(fails.ended[CHANGED], "optimizer %d", optimizers[i]);
            cr_assert_eq(fails.report.failed, 0);
            cr_assert_eq(fails.report.done, STEPS);
            for (int j = 0; j <= D; j++) cr_assert_eq(none.state[j * K + CHANGED], 0);
            cr_assert_eq(none.losses[CHANGED], 0);
            cr_assert(retires.losses[CHANGED] > 0 && retires.losses[CHANGED] < all.losses[CHANGED]);
            free(all.state);
            free(fails.state);
            free(retires.state);
            free(none.state);
            b.ops->unbind(b.self, at);
            b.ops->close(b.self);
        }
}

/* One that fails stays as it was before that step, as if it had been retired then. */
Test(interface_models, ends_before_the_step_that_fails)
{
    enum { CHANGED = 11 };
    backend b = {0};
    scene a;
    int step = 0;
    scene_make(&a, 8);
    a.rate[CHANGED] = 3e36;
    interface_backend_open(CUSGD_PRECISION_FLOAT, 2, &b);
    dataset *at = bind(&b, &a);
    trial fails = trial_of(&b, at, &a, CUSGD_OPTIMIZER_MOMENTUM), retires = fails;
    run_trial(&fails);
    cr_assert(fails.ended[CHANGED]);
    retires.retires = CHANGED;
    for (int s = 0; s <= STEPS; s++) { /* the latest step before which it can retire without having failed */
        retires.retired_after = s;
        run_trial(&retires);
        free(retires.state);
        if (!retires.ended[CHANGED]) step = s;
    }
    cr_assert(step > 0 && step < STEPS);
    retires.retired_after = step;
    run_trial(&retires);
    for (int c = 0; c < K; c++) check_same(&fails, c, &retires, c, "at its end");
    free(fails.state);
    free(retires.state);
    b.ops->unbind(b.self, at);
    b.ops->close(b.self);
}

/* A run whose models all fail says so, and counts no further step. */
Test(interface_models, all_fail)
{
    backend b = {0};
    scene a;
    scene_make(&a, 3);
    for (int c = 0; c < K; c++) a.rate[c] = 1e300;
    interface_backend_open(CUSGD_PRECISION_DOUBLE, 2, &b);
    dataset *at = bind(&b, &a);
    trial t = trial_of(&b, at, &a, CUSGD_OPTIMIZER_SGD);
    run_trial(&t);
    cr_assert_eq(t.report.failed, 1);
    cr_assert(t.report.done < STEPS);
    for (int c = 0; c < K; c++) cr_assert_eq(t.ended[c], 1);
    free(t.state);
    b.ops->unbind(b.self, at);
    b.ops->close(b.self);
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

Test(interface_models, steps_follow_their_definition)
{
    scene a;
    scene_make(&a, 4);
    for (int precision = 0; precision < 2; precision++) {
        backend b = {0};
        interface_backend_open((cusgd_precision)precision, 2, &b);
        dataset *at = bind(&b, &a);
        trial t = trial_of(&b, at, &a, CUSGD_OPTIMIZER_MOMENTUM);
        run_trial(&t);
        double bound = precision == CUSGD_PRECISION_FLOAT ? 2e-5 : 1e-13;
        for (int c = 0; c < K; c++) {
            double theta[D + 1];
            reference(&t, c, theta);
            for (int j = 0; j <= D; j++)
                if (!(fabs(t.state[j * K + c] - theta[j]) <= bound))
                    interface_fail("precision %d, model %d, parameter %d: %.17g, not %.17g", precision, c, j, t.state[j * K + c],
                                   theta[j]);
        }
        free(t.state);
        b.ops->unbind(b.self, at);
        b.ops->close(b.self);
    }
}

/* Models of squared error in few columns and large batches, whose gradients the CPU takes from products of the columns. */
Test(interface_models, products_of_columns)
{
    static const cusgd_loss losses[] = {CUSGD_LOSS_SQUARED, CUSGD_LOSS_MSE};
    scene a;
    scene_make(&a, 10);
    for (int c = 0; c < K; c++) a.target_of[c] = 0;
    for (int i = 0; i < N; i++) a.y[i * TARGETS] += 100; /* sums cancel */
    for (int precision = 0; precision < 2; precision++)
        for (int i = 0; i < 2; i++) {
            backend b = {0};
            interface_backend_open((cusgd_precision)precision, 2, &b);
            dataset *at = bind_targets(&b, &a, 1);
            trial t = trial_of(&b, at, &a, CUSGD_OPTIMIZER_MOMENTUM);
            t.loss = losses[i];
            t.batch = N;
            t.batches = 2;
            run_trial(&t);
            double bound = precision == CUSGD_PRECISION_FLOAT ? 1e-3 : 1e-11;
            for (int c = 0; c < K; c++) {
                double theta[D + 1];
                reference(&t, c, theta);
                for (int j = 0; j <= D; j++)
                    if (!(fabs(t.state[j * K + c] - theta[j]) <= bound))
                        interface_fail("precision %d, model %d, parameter %d: %.17g, not %.17g", precision, c, j,
                                       t.state[j * K + c], theta[j]);
                if (b.is_host) check_alone(&t, &t, c);
            }
            free(t.state);
            b.ops->unbind(b.self, at);
            b.ops->close(b.self);
        }
}

/* Ends the test unless the trial's models took the steps that double arithmetic makes of them. */
static void check_reference(const trial *t, double bound)
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

static const cusgd_sampling repeated[] = {CUSGD_SAMPLING_BATCHES, CUSGD_SAMPLING_NONE, CUSGD_SAMPLING_REPLACE_BLOCKS};
enum { REPEATED = sizeof repeated / sizeof *repeated, KEEPS_ALL = 1 << 20, KEEPS_TWO = 20000 };

/* Batches that are the same in all epochs: with and without memory for their products, on one thread or two, alone or among
 * others, of which one may fail. */
Test(interface_models, products_of_batches)
{
    enum { CHANGED = 6 };
    scene a;
    scene_make(&a, 11);
    for (int c = 0; c < K; c++) a.target_of[c] = 0;
    for (int i = 0; i < REPEATED * 4; i++) {
        cusgd_precision precision = (cusgd_precision)(i % 2);
        backend one = {0}, two = {0};
        interface_backend_open(precision, 1, &one);
        interface_backend_open(precision, 2, &two);
        dataset *at = bind_targets(&one, &a, 1), *at2 = bind_targets(&two, &a, 1);
        trial all = trial_of(&two, at2, &a, CUSGD_OPTIMIZER_MOMENTUM);
        all.loss = i / 2 % 2 ? CUSGD_LOSS_MSE : CUSGD_LOSS_SQUARED;
        all.sampling = repeated[i / 4];
        all.repeats = STEPS / BATCHES;
        all.bytes = KEEPS_ALL;
        trial rows = all, again = all, some = all;
        run_trial(&all);
        check_reference(&all, precision == CUSGD_PRECISION_FLOAT ? 2e-5 : 1e-13);
        rows.repeats = 0;
        run_trial(&rows);
        if (one.is_host && precision == CUSGD_PRECISION_FLOAT) /* else products have not been used */
            cr_assert(memcmp(rows.state, all.state, SIZE * sizeof(double)) != 0);
        again.b = some.b = &one;
        again.at = some.at = at;
        again.bytes = i / 2 % 2 ? 0 : KEEPS_TWO;
        run_trial(&again);
        for (int c = 0; c < K && one.is_host; c++) check_same(&again, c, &all, c, "without memory");
        some.k = 5;
        some.which = (const int[]){18, 3, 11, 0, 7};
        run_trial(&some);
        for (int c = 0; c < some.k && one.is_host; c++) check_same(&some, c, &all, some.which[c], "some of them");
        scene other = a;
        trial fails = all;
        fails.of = &other;
        other.rate[CHANGED] = precision == CUSGD_PRECISION_FLOAT ? 3e38 : 1e300;
        run_trial(&fails);
        for (int c = 0; c < K; c++) {
            cr_assert_eq(fails.ended[c], c == CHANGED, "model %d", c);
            if (c != CHANGED) check_same(&fails, c, &all, c, "next to one that fails");
        }
        free(all.state);
        free(rows.state);
        free(again.state);
        free(some.state);
        free(fails.state);
        one.ops->unbind(one.self, at);
        two.ops->unbind(two.self, at2);
        one.ops->close(one.self);
        two.ops->close(two.self);
    }
}

/* What is kept of batches is of their rows, and of no others that come to the same place. */
Test(interface_models, products_of_other_rows)
{
    scene a, other;
    scene_make(&a, 12);
    scene_make(&other, 13);
    for (int c = 0; c < K; c++) a.target_of[c] = other.target_of[c] = 0;
    backend b = {0};
    interface_backend_open(CUSGD_PRECISION_DOUBLE, 2, &b);
    for (int i = 0; i < 2; i++) {
        scene *of = i ? &other : &a;
        dataset *at = bind_targets(&b, of, 1);
        trial t = trial_of(&b, at, of, CUSGD_OPTIMIZER_MOMENTUM);
        t.loss = CUSGD_LOSS_SQUARED;
        t.repeats = STEPS / BATCHES;
        t.bytes = KEEPS_ALL;
        for (int s = 0; s < REPEATED; s++) {
            t.sampling = repeated[s];
            run_trial(&t);
            check_reference(&t, 1e-13);
            free(t.state);
        }
        for (int c = 0; c < K; c++) of->held_out[c] = c % 2 ? 6 : 1; /* other sets of folds */
        t.k = 4;
        run_trial(&t);
        check_reference(&t, 1e-13);
        free(t.state);
        b.ops->unbind(b.self, at);
    }
    b.ops->close(b.self);
}

/* Without numbers of their own, models take the steps of a run of as many outputs. */
Test(interface_models, plain_ones_are_outputs)
{
    enum { WIDE = 17 };
    static double x[N * D], y[N * WIDE], state[2][STATE_PARTS * (D + 1) * WIDE];
    uint64_t seed = 5;
    for (int i = 0; i < N * D; i++) x[i] = interface_uniform(&seed);
    for (int i = 0; i < N * WIDE; i++) y[i] = interface_uniform(&seed);
    examples e = {.n = N, .d = D, .k = WIDE, .x = {x, CUSGD_TYPE_FLOAT64, D, 1}, .y = {y, CUSGD_TYPE_FLOAT64, WIDE, 1}};
    transform t = {.weight_mean = 1};
    for (int precision = 0; precision < 2; precision++) {
        backend b = {0};
        dataset *at;
        double loss[2];
        interface_backend_open((cusgd_precision)precision, 2, &b);
        interface_ok(b.ops->bind(b.self, &e, &t, &at), "bind");
        for (int own = 0; own < 2; own++) {
            models m = {0};
            run_spec p = {.loss = interface_loss(CUSGD_LOSS_SQUARED),
                          .optimizer = CUSGD_OPTIMIZER_NESTEROV,
                          .d = D,
                          .k = WIDE,
                          .batch = BATCH,
                          .intercept = 1,
                          .constants.l2 = 0.01,
                          .models = own ? &m : NULL};
            sampler order = sampler_make(CUSGD_SAMPLING_BLOCKS, 7, N, BATCHES, 0);
            step_numbers now[BATCHES];
            steps_report r;
            for (int i = 0; i < BATCHES; i++) now[i] = (step_numbers){.rate = 0.1, .momentum = 0.9, .average = 1};
            slice s = {&(batch_share){at, &order}, 0, BATCHES, now};
            interface_ok(b.ops->start(b.self, &p), "start");
            interface_ok(b.ops->steps(b.self, &s), "steps");
            interface_ok(b.ops->report(b.self, &r), "report");
            loss[own] = r.loss;
            for (int part = 0; part < STATE_PARTS; part++)
                interface_ok(
                    b.ops->state.get(b.self, SNAPSHOT_CURRENT, (enum state_part)part, state[own] + part * (D + 1) * WIDE), "get");
        }
        cr_assert_arr_eq(state[0], state[1], sizeof state[0]);
        cr_assert(fabs(loss[0] - loss[1]) <= 1e-6 * loss[0]);
        b.ops->unbind(b.self, at);
        b.ops->close(b.self);
    }
}

/* Weights of a model's classes are factors on its rows' weights: exactly, where they are powers of two. */
Test(interface_models, class_weights_are_weights_of_rows)
{
    static scene a, b;
    double of[2 * K];
    scene_make(&a, 3);
    for (int c = 0; c < K; c++) a.target_of[c] = 0;
    b = a;
    for (int i = 0; i < N; i++) b.w[i] *= a.y[i * TARGETS] > 0 ? 4 : .5;
    for (int c = 0; c < 2 * K; c++) of[c] = c < K ? .5 : 4;
    for (int precision = 0; precision < 2; precision++) {
        backend one = {0}, two = {0};
        double theta[SIZE], sums[2][FOLDS * K];
        interface_backend_open((cusgd_precision)precision, 1, &one);
        interface_backend_open((cusgd_precision)precision, 2, &two);
        dataset *at = bind(&one, &a), *weighed = bind(&two, &b);
        trial classes = trial_of(&one, at, &a, CUSGD_OPTIMIZER_NESTEROV),
              rows = trial_of(&two, weighed, &b, CUSGD_OPTIMIZER_NESTEROV);
        classes.class_weight = of;
        run_trial(&classes);
        run_trial(&rows);
        for (int c = 0; c < K; c++) check_same(&classes, c, &rows, c, "weights of classes");
        models own = {.target_of = a.target_of, .class_weight = of}, none = {.target_of = a.target_of};
        uint64_t seed = 9;
        for (int u = 0; u < SIZE; u++) theta[u] = (double)(float)interface_uniform(&seed);
        loss_rule loss = interface_loss(CUSGD_LOSS_LOGISTIC);
        interface_ok(one.ops->models.fold_losses(one.self, at, loss, K, &own, theta, sums[0]), "fold_losses");
        interface_ok(two.ops->models.fold_losses(two.self, weighed, loss, K, &none, theta, sums[1]), "fold_losses");
        cr_assert_arr_eq(sums[0], sums[1], sizeof sums[0]);
        free(classes.state);
        free(rows.state);
        one.ops->unbind(one.self, at);
        two.ops->unbind(two.self, weighed);
        one.ops->close(one.self);
        two.ops->close(two.self);
    }
}

Test(interface_models, losses_by_fold)
{
    scene a;
    scene_make(&a, 6);
    for (int precision = 0; precision < 2; precision++) {
        backend b = {0};
        double theta[SIZE], sums[FOLDS * K], expected[FOLDS * K] = {0};
        uint64_t seed = 9;
        interface_backend_open((cusgd_precision)precision, 2, &b);
        dataset *at = bind(&b, &a);
        models m = {.target_of = a.target_of};
        for (int u = 0; u < SIZE; u++) theta[u] = (double)(float)interface_uniform(&seed);
        interface_ok(b.ops->models.fold_losses(b.self, at, interface_loss(CUSGD_LOSS_LOGISTIC), K, &m, theta, sums),
                     "fold_losses");
        for (int i = 0; i < N; i++)
            for (int c = 0; c < K; c++) {
                double p = theta[D * K + c];
                for (int j = 0; j < D; j++) p += a.x[i * D + j] * theta[j * K + c];
                double y = a.y[i * TARGETS + a.target_of[c]];
                expected[a.fold[i] * K + c] += a.w[i] * (log1p(exp(-fabs(p))) + fmax(p, 0) - y * p);
            }
        for (int i = 0; i < FOLDS * K; i++)
            cr_assert(fabs(sums[i] - expected[i]) <= (precision ? 1e-12 : 1e-5) * expected[i],
                      "fold %d, model %d: %.17g, not %.17g", i / K, i % K, sums[i], expected[i]);
        b.ops->unbind(b.self, at);
        b.ops->close(b.self);
    }
}

Test(interface_models, refused)
{
    backend b = {0};
    models m = {0};
    interface_backend_open(CUSGD_PRECISION_FLOAT, 1, &b);
    run_spec p = {.optimizer = CUSGD_OPTIMIZER_SGD, .d = 3, .k = 1, .batch = 8, .models = &m, .clip.norm = 1};
    cr_assert_eq(b.ops->refuses(b.self, &p), CUSGD_ERROR_USAGE);
    cr_assert(strstr(cusgd_last_error(), "clip"));
    p.clip.norm = 0;
    p.engine = CUSGD_ENGINE_FUSED;
    cr_assert_eq(b.ops->refuses(b.self, &p), b.is_host ? CUSGD_OK : CUSGD_ERROR_USAGE);
    p.engine = CUSGD_ENGINE_AUTO;
    cr_assert_eq(b.ops->refuses(b.self, &p), CUSGD_OK);
    b.ops->close(b.self);
}

/* Classes are targets of one run's outputs: neither steps nor losses of models are taken on them. */
Test(interface_models, classes_are_refused)
{
    scene a;
    scene_make(&a, 8);
    for (int i = 0; i < N; i++) a.y[i] = i % 3;
    examples e = examples_of(&a, 1);
    e.classes = 3;
    e.y = (cusgd_matrix){a.y, CUSGD_TYPE_FLOAT64, 1, 1};
    transform t = {.weight_mean = 1};
    models m = {0};
    run_spec p = {.loss = interface_loss(CUSGD_LOSS_SOFTMAX),
                  .optimizer = CUSGD_OPTIMIZER_SGD,
                  .d = D,
                  .k = 3,
                  .batch = BATCH,
                  .models = &m};
    sampler order = sampler_make(CUSGD_SAMPLING_NONE, 7, N, BATCHES, 0);
    step_numbers now = {.rate = 0.1, .average = 1};
    double theta[(D + 1) * 3] = {0}, sums[FOLDS * 3];
    backend b = {0};
    dataset *at;
    interface_backend_open(CUSGD_PRECISION_FLOAT, 1, &b);
    interface_ok(b.ops->bind(b.self, &e, &t, &at), "bind");
    interface_ok(b.ops->start(b.self, &p), "start");
    slice s = {&(batch_share){at, &order}, 0, 1, &now};
    cr_assert_eq(b.ops->steps(b.self, &s), CUSGD_ERROR_USAGE);
    cr_assert(strstr(cusgd_last_error(), "one for each of more than two classes"));
    cr_assert_eq(b.ops->models.fold_losses(b.self, at, p.loss, 3, &m, theta, sums), CUSGD_ERROR_USAGE);
    b.ops->unbind(b.self, at);
    b.ops->close(b.self);
}
