/* What a run does when the objective rises or goes nowhere: it keeps the best evaluated parameters, lowers a rate of its own,
 * runs a falling schedule to its end, and says when the result is worse than the intercept-only model. */
#include "options.h"
#include "training.h"

#include <criterion/criterion.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- Data ---------------------------------------------------------------------------------------------------------------- */

/* Rows with one cause, seen in d columns that differ by a little noise, as sizes of one thing do; y follows their sum. The last
 * `far` rows have one column mistyped: its decimal point is lost. */
typedef struct sizes {
    int64_t n, d, far;
    double *x, *y;
    cusgd_data *data;
} sizes;

static sizes sizes_make(int64_t n, int64_t d, int64_t far, uint64_t seed)
{
    sizes s = {n, d, far, zeros(n * d), zeros(n), NULL};
    for (int64_t i = 0; i < n; i++) {
        double size = exp(1.7 + 0.3 * random_normal(&seed)), sum = 0;
        for (int64_t j = 0; j < d; j++) {
            s.x[i * d + j] = size * (1 + 0.01 * random_normal(&seed)) * (j == d - 1 ? 0.6 : 1);
            sum += s.x[i * d + j];
        }
        s.y[i] = 1000 * sum + 1000 * random_normal(&seed);
        if (i >= n - far) s.x[i * d + 1] *= 10;
    }
    s.data = data_of(n, d, 1, s.x, s.y, NULL);
    return s;
}

static void sizes_free(sizes *s)
{
    cusgd_data_free(s->data);
    free(s->x);
    free(s->y);
}

/* Sorts rows of d columns by their target. */
static double *sort_targets;
static int by_target(const void *a, const void *b)
{
    double x = sort_targets[*(const int64_t *)a], y = sort_targets[*(const int64_t *)b];
    return (x > y) - (x < y);
}

static void sort_rows(int64_t n, int64_t d, double *x, double *y)
{
    int64_t *order = malloc((size_t)n * sizeof *order);
    double *from_x = zeros(n * d), *from_y = zeros(n);
    for (int64_t i = 0; i < n; i++) order[i] = i;
    sort_targets = y;
    qsort(order, (size_t)n, sizeof *order, by_target);
    memcpy(from_x, x, (size_t)(n * d) * sizeof *x);
    memcpy(from_y, y, (size_t)n * sizeof *y);
    for (int64_t i = 0; i < n; i++) {
        memcpy(x + i * d, from_x + order[i] * d, (size_t)d * sizeof *x);
        y[i] = from_y[order[i]];
    }
    free(order);
    free(from_x);
    free(from_y);
}

/* ---- The best parameters ------------------------------------------------------------------------------------------------- */

typedef struct seen {
    double minimum;
    int64_t epoch, evaluations;
} seen;

static int on_epoch(const cusgd_progress *now, void *user)
{
    seen *s = user;
    if (!now->evaluated) return 0;
    s->evaluations++;
    double score = isnan(now->valid_loss) ? now->loss : now->valid_loss;
    if (score < s->minimum) *s = (seen){score, now->epoch, s->evaluations};
    return 0;
}

/* The result is the best evaluation, to the bit, and is within 1 % of the optimum or known not to be. */
static int64_t check_best(const sizes *s, const cusgd_options *o, const char *name)
{
    cusgd_result r = CUSGD_INIT(cusgd_result);
    double minimum, seconds;
    seen best = {(double)INFINITY, 0, 0};
    cusgd_trainer *t = trainer_of(o, s->data, NULL);
    cr_assert_eq(cusgd_trainer_fit(t, on_epoch, &best, &r), CUSGD_OK, "%s", cusgd_last_error());
    cr_expect_gt(best.evaluations, 1, "%s", name);
    double score = isnan(r.valid_loss) ? r.loss : r.valid_loss;
    cr_expect_eq(score, best.minimum, "%s: the result has %.17g, and an epoch had %.17g", name, score, best.minimum);
    cr_assert_eq(cusgd_trainer_optimum(t, &minimum, &seconds), CUSGD_OK, "%s", cusgd_last_error());
    cr_expect(isfinite(minimum) && (r.objective <= 1.01 * minimum || r.stop == CUSGD_STOP_EPOCHS || o->valid_fraction > 0),
              "%s: the objective is %g, and the least %g", name, r.objective, minimum);
    cusgd_trainer_free(t);
    return r.rollbacks;
}

Test(monitor, best_evaluated_parameters_are_the_result)
{
    int64_t rollbacks = 0;
    for (int i = 0; i < (REDUCED ? 4 : 16); i++) {
        char name[64];
        sizes s = sizes_make(i % 2 ? 20000 : 2000, 3 + i % 3, 1 + i % 4, 100 + (uint64_t)i);
        cusgd_options o = options_default();
        o.precision = i % 4 < 2 ? CUSGD_PRECISION_FLOAT : CUSGD_PRECISION_DOUBLE;
        o.seed = (uint64_t)i;
        snprintf(name, sizeof name, "table %d", i);
        rollbacks += check_best(&s, &o, name);
        o.valid_fraction = 0.25;
        snprintf(name, sizeof name, "table %d, validated", i);
        check_best(&s, &o, name);
        sizes_free(&s);
    }
    cr_expect_gt(rollbacks, 0, "no rate was lowered: the test shows nothing");
}

/* An optimizer that was named fluctuates at any rate; its best evaluation is kept all the same. */
Test(monitor, named_optimizers_keep_their_best)
{
    sizes s = sizes_make(2000, 3, 2, 5);
    for (int optimizer = CUSGD_OPTIMIZER_SGD; optimizer <= CUSGD_OPTIMIZER_FTRL; optimizer++) {
        char name[64];
        seen best = {(double)INFINITY, 0, 0};
        cusgd_result r = CUSGD_INIT(cusgd_result);
        cusgd_options o = options_default();
        o.optimizer = (cusgd_optimizer)optimizer;
        o.tolerance = 1e-4;
        cusgd_trainer *t = trainer_of(&o, s.data, NULL);
        cr_assert_eq(cusgd_trainer_fit(t, on_epoch, &best, &r), CUSGD_OK, "%s", cusgd_last_error());
        snprintf(name, sizeof name, "optimizer %d", optimizer);
        cr_expect_eq(r.loss, best.minimum, "%s: %.17g and %.17g", name, r.loss, best.minimum);
        cusgd_trainer_free(t);
    }
    sizes_free(&s);
}

/* ---- Worse than a constant ------------------------------------------------------------------------------------------------ */

static double mean_of(int64_t n, const double *y)
{
    double sum = 0;
    for (int64_t i = 0; i < n; i++) sum += y[i] / (double)n;
    return sum;
}

/* The reported loss of the intercept-only model: the variance, or the mean of l at the constant whose mean is that of y. */
static double constant_loss(cusgd_loss loss, int64_t n, const double *y)
{
    double mean = mean_of(n, y), sum = 0;
    for (int64_t i = 0; i < n; i++) {
        if (loss == CUSGD_LOSS_SQUARED) sum += (y[i] - mean) * (y[i] - mean);
        if (loss == CUSGD_LOSS_LOGISTIC) sum -= y[i] > 0 ? log(mean) : log(1 - mean);
        if (loss == CUSGD_LOSS_POISSON) sum += mean - y[i] * log(mean);
    }
    return sum / (double)n;
}

/* Rows sorted by their target, and taken in that order. */
static void check_sorted(cusgd_loss loss, int optimizer, double rate, int64_t epochs, int64_t *worse)
{
    enum { ROWS = 1500, COLS = 4 };
    uint64_t seed = 7;
    double *x = random_normals(&seed, ROWS * COLS), *y = zeros(ROWS);
    for (int64_t i = 0; i < ROWS; i++) {
        y[i] = x[i * COLS] - 2 * x[i * COLS + 1] + 3 * random_normal(&seed);
        if (loss == CUSGD_LOSS_LOGISTIC) y[i] = y[i] > 0;
        if (loss == CUSGD_LOSS_POISSON) y[i] = floor(exp(fmin(0.4 * y[i], 3)));
    }
    sort_rows(ROWS, COLS, x, y);
    cusgd_data *data = data_of(ROWS, COLS, 1, x, y, NULL);
    cusgd_options o = options_default();
    o.loss = loss;
    o.sampling = CUSGD_SAMPLING_NONE;
    o.optimizer = (cusgd_optimizer)optimizer;
    o.rate = rate;
    o.epochs = epochs;
    cusgd_trainer *t = trainer_of(&o, data, NULL);
    cusgd_result r = CUSGD_INIT(cusgd_result);
    cusgd_status status = cusgd_trainer_fit(t, NULL, NULL, &r);
    double constant = constant_loss(loss, ROWS, y);
    int said = strstr(r.note, "worse than the intercept-only model") && strstr(r.note, "permute");
    if (status == CUSGD_OK && r.loss > constant * (1 + 1e-5)) {
        (*worse)++;
        cr_expect(said, "loss %d, optimizer %d, rate %g, %lld epochs: loss %g, a constant has %g, and the note is \"%s\"",
                  (int)loss, optimizer, rate, (long long)epochs, r.loss, constant, r.note);
        cr_expect(!isnan(rate) || epochs > 0, "loss %d, optimizer %d: a rate of its own ended at %g, a constant has %g",
                  (int)loss, optimizer, r.loss, constant);
    } else if (status == CUSGD_OK) {
        cr_expect(!said, "loss %g, a constant has %g: \"%s\"", r.loss, constant, r.note);
    }
    cusgd_trainer_free(t);
    cusgd_data_free(data);
    free(x);
    free(y);
}

Test(monitor, never_silently_worse_than_a_constant)
{
    const int losses[] = {CUSGD_LOSS_SQUARED, CUSGD_LOSS_LOGISTIC, CUSGD_LOSS_POISSON};
    int64_t worse = 0;
    for (int l = 0; l < 3; l++)
        for (int optimizer = CUSGD_OPTIMIZER_AUTO; optimizer <= CUSGD_OPTIMIZER_FTRL; optimizer += REDUCED ? 3 : 1) {
            check_sorted((cusgd_loss)losses[l], optimizer, (double)NAN, 0, &worse);
            check_sorted((cusgd_loss)losses[l], optimizer, (double)NAN, 10, &worse);
            check_sorted((cusgd_loss)losses[l], optimizer, 0.05, 10, &worse);
        }
    cr_expect_gt(worse, 0, "no run ended worse than a constant: the test shows nothing");
}

/* ---- Schedules ----------------------------------------------------------------------------------------------------------- */

/* "--schedule cosine" is enough: with no other number the run takes the schedule to its end, and ends within 1 % of the optimum.
 */
Test(monitor, falling_schedules_run_to_their_end)
{
    const int schedules[] = {CUSGD_SCHEDULE_COSINE, CUSGD_SCHEDULE_ONE_CYCLE, CUSGD_SCHEDULE_POLYNOMIAL, CUSGD_SCHEDULE_STEP};
    const int optimizers[] = {CUSGD_OPTIMIZER_AUTO, CUSGD_OPTIMIZER_SGD, CUSGD_OPTIMIZER_NESTEROV};
    for (int64_t n = 400; n <= 4000; n *= 10) {
        uint64_t seed = 11;
        double *x = random_normals(&seed, n * 3), *y = zeros(n);
        for (int64_t i = 0; i < n; i++) y[i] = x[i * 3] - 2 * x[i * 3 + 1] + 0.5 * random_normal(&seed);
        cusgd_data *data = data_of(n, 3, 1, x, y, NULL);
        for (int s = 0; s < 4; s++)
            for (int p = 0; p < 3; p++) {
                double minimum, seconds;
                cusgd_options o = options_default(), chosen;
                o.schedule = (cusgd_schedule)schedules[s];
                o.optimizer = (cusgd_optimizer)optimizers[p];
                cusgd_trainer *t = trainer_of(&o, data, NULL);
                cusgd_result r = fit(t);
                chosen = *cusgd_trainer_options(t);
                cr_assert_eq(cusgd_trainer_optimum(t, &minimum, &seconds), CUSGD_OK);
                cr_expect_eq(r.epochs, chosen.epochs, "schedule %d, optimizer %d: %lld of %lld epochs", schedules[s],
                             optimizers[p], (long long)r.epochs, (long long)chosen.epochs);
                cr_expect_leq(r.objective, 1.01 * minimum, "schedule %d, optimizer %d: %g, the least %g", schedules[s],
                              optimizers[p], r.objective, minimum);
                cusgd_trainer_free(t);
            }
        cusgd_options o = options_default(), chosen;
        o.schedule = CUSGD_SCHEDULE_STEP;
        o.decay_every = 600; /* three falls take more epochs than are usual */
        cusgd_trainer *t = trainer_of(&o, data, NULL);
        chosen = *cusgd_trainer_options(t);
        cr_expect_eq(chosen.epochs, 1800);
        cusgd_trainer_free(t);
        cusgd_data_free(data);
        free(x);
        free(y);
    }
}

/* The schedule optimal follows from l2: a rate changes no bit, and cannot make the run diverge. */
Test(monitor, optimal_schedule_ignores_the_rate)
{
    sizes s = sizes_make(500, 3, 0, 3);
    double plain[4], with_rate[4];
    const double rates[] = {1e-6, 1, 1e6};
    for (int optimizer = CUSGD_OPTIMIZER_AUTO; optimizer <= CUSGD_OPTIMIZER_NESTEROV; optimizer++) {
        cusgd_options o = options_default();
        o.optimizer = (cusgd_optimizer)optimizer;
        o.schedule = CUSGD_SCHEDULE_OPTIMAL;
        o.l2 = 1e-2;
        train(&o, s.data, plain);
        for (int i = 0; i < 3; i++) {
            o.rate = rates[i];
            train(&o, s.data, with_rate);
            cr_expect_arr_eq(plain, with_rate, sizeof plain, "optimizer %d, rate %g", optimizer, rates[i]);
        }
    }
    sizes_free(&s);
}

/* A divergence names what set the rate, and never what is set already. */
Test(monitor, advice_after_a_divergence)
{
    const struct {
        int optimizer, schedule;
        double rate, t0;
        const char *named, *unnamed;
    } cases[] = {
        {CUSGD_OPTIMIZER_AUTO, CUSGD_SCHEDULE_CONSTANT, 1e9, (double)NAN, "a smaller rate, or leave the rate out",
         "--optimizer auto"},
        {CUSGD_OPTIMIZER_SGD, CUSGD_SCHEDULE_CONSTANT, 1e9, (double)NAN, "--optimizer auto without a rate", "t0"},
        {CUSGD_OPTIMIZER_AUTO, CUSGD_SCHEDULE_TIME_DECAY, (double)NAN, 1e12, "a smaller t0 or a larger t1", "--optimizer auto"},
        {CUSGD_OPTIMIZER_SGD, CUSGD_SCHEDULE_TIME_DECAY, (double)NAN, 1e12, "a smaller t0 or a larger t1", "a smaller rate"},
    };
    sizes s = sizes_make(500, 3, 0, 3);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        cusgd_options o = options_default();
        o.optimizer = (cusgd_optimizer)cases[i].optimizer;
        o.schedule = (cusgd_schedule)cases[i].schedule;
        o.rate = cases[i].rate;
        o.t0 = cases[i].t0;
        cusgd_trainer *t = trainer_of(&o, s.data, NULL);
        cr_assert_eq(cusgd_trainer_fit(t, NULL, NULL, NULL), CUSGD_ERROR_DIVERGED, "case %d", (int)i);
        const char *said = cusgd_last_error();
        cr_expect(strstr(said, cases[i].named), "case %d: \"%s\" is not in \"%s\"", (int)i, cases[i].named, said);
        cr_expect(!strstr(said, cases[i].unnamed), "case %d: \"%s\" is in \"%s\"", (int)i, cases[i].unnamed, said);
        cusgd_trainer_free(t);
    }
    sizes_free(&s);
}
