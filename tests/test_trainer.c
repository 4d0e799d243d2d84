/* How a trainer behaves: validation, stopping, cancelling, going on, what it refuses, divergence, and data at the edges. */
#include "inside.h"
#include "options.h"
#include "training.h"

#include <criterion/criterion.h>
#include <float.h>
#include <math.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

/* n rows of d Gaussian columns, y = 1 + x_1 + ... + x_d + noise. */
static cusgd_data *gaussian(uint64_t seed, int64_t n, int64_t d, double noise, double **x, double **y)
{
    *x = random_normals(&seed, n * d);
    *y = zeros(n);
    for (int64_t i = 0; i < n; i++) {
        (*y)[i] = 1 + noise * random_normal(&seed);
        for (int64_t j = 0; j < d; j++) (*y)[i] += (*x)[i * d + j];
    }
    return data_of(n, d, 1, *x, *y, NULL);
}

/* What a callback was given, and when it is to end the run. */
typedef struct history {
    int64_t count, last;
    double loss[2000], valid[2000];
    cusgd_progress latest;
} history;

static int record(const cusgd_progress *p, void *user)
{
    history *l = user;
    cr_assert_eq(p->epoch, l->count + 1);
    l->loss[l->count] = p->loss;
    l->valid[l->count] = p->valid_loss;
    l->latest = *p;
    return ++l->count == l->last;
}

static cusgd_result fit_logged(cusgd_trainer *t, history *l)
{
    cusgd_result r = CUSGD_INIT(cusgd_result);
    cr_assert_eq(cusgd_trainer_fit(t, record, l, &r), CUSGD_OK, "%s", cusgd_last_error());
    return r;
}

/* ---- Validation ---------------------------------------------------------------------------------------------------------- */

/* Few rows, many columns, much noise: the validation loss falls and then rises, and the parameters kept are those of its least.
 */
Test(trainer, validation_keeps_the_best_epoch)
{
    double *x, *y, *vx, *vy, parameters[21], again[21];
    cusgd_data *data = gaussian(1, 40, 20, 6, &x, &y), *valid = gaussian(2, 500, 20, 6, &vx, &vy);
    cusgd_options o = options_plain(CUSGD_OPTIMIZER_SGD, 0.005, 8, 60);
    cusgd_trainer *t = trainer_of(&o, data, valid);
    history l = {0};
    cusgd_metrics m = CUSGD_INIT(cusgd_metrics);
    cusgd_result r = fit_logged(t, &l);
    int64_t best = 0;
    for (int64_t e = 1; e < 60; e++)
        if (l.valid[e] < l.valid[best]) best = e;
    cr_assert(best > 0 && best < 50, "the best epoch is %lld: nothing is shown", (long long)best + 1);
    cr_expect_eq(r.stop, CUSGD_STOP_EPOCHS);
    cr_expect_eq(r.epochs, 60);
    cr_expect_eq(r.epoch, best + 1);
    cr_expect_eq(r.valid_loss, l.valid[best]);
    cr_expect_eq(r.loss, l.loss[best]);
    cr_assert_eq(cusgd_trainer_evaluate(t, valid, -1, &m), CUSGD_OK);
    cr_expect_float_eq(m.loss, r.valid_loss, 1e-10 * r.valid_loss);
    parameters_of(t, 20, 1, parameters);
    o.epochs = best + 1; /* the same run, ended there */
    train(&o, data, again);
    cr_expect_arr_eq(parameters, again, sizeof parameters);
    cusgd_trainer_free(t);
    cusgd_data_free(data);
    cusgd_data_free(valid);
    free(x);
    free(y);
    free(vx);
    free(vy);
}

static void check_held_out(int64_t n, double fraction, cusgd_sampling sampling, int64_t unit, uint64_t seed, char *held)
{
    double *x, *y;
    cusgd_data *data = gaussian(3, n, 1, 1, &x, &y);
    cusgd_options o = options_default();
    o.sampling = sampling;
    o.valid_fraction = fraction;
    o.seed = seed;
    cusgd_trainer *t = trainer_of(&o, data, NULL);
    examples training, held_rows;
    rows_of(t, &training, &held_rows);
    int64_t share = (int64_t)floor(fraction * (double)(n / unit) + 0.5) * unit;
    cr_expect_eq(held_rows.n, share, "%lld of %lld", (long long)held_rows.n, (long long)n);
    cr_expect_eq(training.n, n - share);
    memset(held, 0, (size_t)n);
    for (int64_t i = 0; i < held_rows.n; i++) held[held_rows.rows[i]]++;
    for (int64_t i = 0; i < training.n; i++) held[training.rows[i]] += 2;
    for (int64_t i = 0; i < n; i++) {
        cr_assert(held[i] == 1 || held[i] == 2, "row %lld is in both parts or in none", (long long)i);
        if (i % unit && i / unit < n / unit) cr_assert_eq(held[i], held[i - 1], "block %lld is cut", (long long)(i / unit));
    }
    cusgd_trainer_free(t);
    cusgd_data_free(data);
    free(x);
    free(y);
}

Test(trainer, valid_fraction_holds_out_its_share)
{
    char a[5000], b[5000];
    check_held_out(1000, 0.2, CUSGD_SAMPLING_PERMUTE, 1, 7, a);
    check_held_out(1000, 0.2, CUSGD_SAMPLING_REPLACE, 1, 7, b);
    cr_expect_arr_eq(a, b, 1000);
    check_held_out(1000, 0.2, CUSGD_SAMPLING_PERMUTE, 1, 8, b);
    cr_expect_arr_neq(a, b, 1000);
    check_held_out(5000, 0.1, CUSGD_SAMPLING_NONE, SAMPLING_BLOCK, 7, a);
    check_held_out(5000, 0.1, CUSGD_SAMPLING_BLOCKS, SAMPLING_BLOCK, 7, b);
    check_held_out(2, 0.5, CUSGD_SAMPLING_PERMUTE, 1, 7, a);
}

/* Standardization knows the training rows only: a held-out row, however far away, does not change what is trained. */
Test(trainer, held_out_rows_are_not_seen)
{
    enum { ROWS = 200, COLS = 3 };
    double *x, *y, before[COLS + 1], after[COLS + 1];
    cusgd_data *data = gaussian(4, ROWS, COLS, 1, &x, &y);
    cusgd_options o = options_plain(CUSGD_OPTIMIZER_SGD, 0.01, 16, 3);
    o.valid_fraction = 0.1;
    o.evaluate_every = -1; /* no best epoch by validation */
    cusgd_trainer *t = trainer_of(&o, data, NULL);
    fit(t);
    parameters_of(t, COLS, 1, before);
    examples training, held_rows;
    rows_of(t, &training, &held_rows);
    int64_t row = held_rows.rows[0];
    cusgd_trainer_free(t);
    x[row * COLS] = 1e6;
    y[row] = -1e6;
    train(&o, data, after);
    cr_expect_arr_eq(before, after, sizeof before);
    cusgd_data_free(data);
    free(x);
    free(y);
}

/* ---- Stopping ------------------------------------------------------------------------------------------------------------ */

Test(trainer, epochs_alone_run_exactly)
{
    double *x, *y;
    cusgd_data *data = gaussian(5, 100, 2, 0, &x, &y);
    for (int i = CUSGD_OPTIMIZER_AUTO; i <= CUSGD_OPTIMIZER_ADAM; i++) {
        cusgd_options o = options_default();
        o.optimizer = (cusgd_optimizer)i;
        o.epochs = 37;
        o.batch = 30; /* four batches */
        cusgd_trainer *t = trainer_of(&o, data, NULL);
        history l = {0};
        cusgd_result r = fit_logged(t, &l);
        cr_expect_eq(r.stop, CUSGD_STOP_EPOCHS);
        cr_expect_eq(r.epochs, 37);
        cr_expect_eq(r.epoch, 37);
        cr_expect_eq(r.steps, 37 * 4);
        cr_expect_eq(l.count, 37);
        cr_expect_eq(l.latest.step, 37 * 4);
        cusgd_trainer_free(t);
    }
    cusgd_data_free(data);
    free(x);
    free(y);
}

/* The rule, replayed on the losses that the callback saw. */
Test(trainer, tolerance_and_patience)
{
    double *x, *y;
    cusgd_data *data = gaussian(6, 300, 4, 1, &x, &y);
    for (int patience = 1; patience <= 4; patience += 3) {
        cusgd_options o = options_plain(CUSGD_OPTIMIZER_SGD, 0.01, 20, 2000);
        o.tolerance = 1e-3;
        o.patience = patience;
        cusgd_trainer *t = trainer_of(&o, data, NULL);
        history l = {0};
        cusgd_result r = fit_logged(t, &l);
        int64_t stale = 0, epoch = 0;
        for (double best = (double)INFINITY; stale < patience; epoch++) {
            cr_assert_lt(epoch, l.count, "stopped after %lld epochs, before its time", (long long)l.count);
            stale = l.loss[epoch] < best * (1 - 1e-3) || isinf(best) ? 0 : stale + 1;
            best = fmin(best, l.loss[epoch]);
        }
        cr_expect_eq(r.stop, CUSGD_STOP_TOLERANCE);
        cr_expect_eq(r.epochs, epoch, "%lld epochs, not %lld", (long long)r.epochs, (long long)epoch);
        cr_expect(epoch > patience + 2);
        cusgd_trainer_free(t);
    }
    cusgd_data_free(data);
    free(x);
    free(y);
}

/* It stops at the first epoch whose gradient is small enough, and that gradient is the objective's: in standardized coordinates,
 * of minimum norm, as a share of the intercept-only model's. */
Test(trainer, gradient_tolerance)
{
    enum { ROWS = 200, COLS = 5 };
    double *x, *y, parameters[COLS + 1], g[COLS + 1], norm[2] = {0, 0};
    cusgd_data *data = gaussian(7, ROWS, COLS, 1, &x, &y);
    standardize_columns(x, ROWS, COLS);
    for (int l1 = 0; l1 <= 1; l1++) {
        cusgd_options o = options_plain(CUSGD_OPTIMIZER_NESTEROV, 0.05, ROWS, 2000);
        o.gradient_tolerance = 1e-4;
        o.l1 = l1 * 0.1;
        o.l2 = 0.05;
        problem p = {ROWS, COLS, x, y, NULL, CUSGD_LOSS_SQUARED, o.l1, o.l2, 1};
        cusgd_trainer *t = trainer_of(&o, data, NULL);
        cusgd_result r = fit(t);
        parameters_of(t, COLS, 1, parameters);
        cusgd_trainer_free(t);
        cr_expect_eq(r.stop, CUSGD_STOP_GRADIENT);
        cr_expect_leq(r.gradient, 1e-4);
        for (int null = 0; null <= 1; null++) {
            if (null) memset(parameters, 0, sizeof parameters);
            for (int64_t i = 0; null && i < ROWS; i++) parameters[COLS] += y[i] / ROWS;
            oracle_objective(&p, parameters, g);
            norm[null] = 0;
            for (int64_t j = 0; j <= COLS; j++) {
                double l = j < COLS ? o.l1 : 0;
                norm[null] += pow(parameters[j] != 0 ? g[j] + copysign(l, parameters[j]) : fmax(fabs(g[j]) - l, 0), 2);
            }
        }
        cr_expect_float_eq(r.gradient, sqrt(norm[0] / norm[1]), 1e-9, "%g, by the oracle %g", r.gradient,
                           sqrt(norm[0] / norm[1]));
        o.gradient_tolerance = 1e-12;
        o.epochs = r.epochs - 1;
        o.l1 = l1 * 0.1;
        t = trainer_of(&o, data, NULL);
        r = fit(t);
        if (!l1) cr_expect_gt(r.gradient, 1e-4, "it could have stopped an epoch earlier"); /* with l1 the end adds steps */
        cusgd_trainer_free(t);
    }
    cusgd_data_free(data);
    free(x);
    free(y);
}

Test(trainer, evaluate_every)
{
    double *x, *y;
    cusgd_data *data = gaussian(8, 100, 2, 1, &x, &y);
    cusgd_options o = options_plain(CUSGD_OPTIMIZER_SGD, 0.01, 10, 10);
    const int64_t every[] = {-1, 3, INT64_C(1) << 32, INT64_C(1) << 31};
    for (size_t i = 0; i < sizeof every / sizeof every[0]; i++) {
        o.evaluate_every = every[i];
        cusgd_trainer *t = trainer_of(&o, data, NULL);
        history l = {0};
        cusgd_result r = fit_logged(t, &l);
        cr_expect_eq(l.latest.evaluated, 0);
        cr_expect_neq(l.latest.loss, r.loss);
        cusgd_trainer_free(t);
    }
    cusgd_data_free(data);
    free(x);
    free(y);
}

/* ---- Cancelling and going on --------------------------------------------------------------------------------------------- */

Test(trainer, callback_cancels)
{
    double *x, *y;
    cusgd_data *data = gaussian(9, 100, 2, 1, &x, &y);
    cusgd_options o = options_plain(CUSGD_OPTIMIZER_SGD, 0.01, 10, 1000);
    cusgd_trainer *t = trainer_of(&o, data, NULL);
    history l = {.last = 3};
    cusgd_result r = fit_logged(t, &l);
    cr_expect_eq(r.stop, CUSGD_STOP_CANCELLED);
    cr_expect_eq(r.epochs, 3);
    cr_expect_eq(r.epoch, 3);
    cr_expect_eq(l.count, 3);
    cr_expect(isfinite(r.loss));
    cusgd_trainer_free(t);
    cusgd_data_free(data);
    free(x);
    free(y);
}

static void *cancel_soon(void *trainer)
{
    struct timespec wait = {0, 50000000};
    nanosleep(&wait, NULL);
    cusgd_trainer_cancel(trainer);
    return NULL;
}

Test(trainer, cancel_from_another_thread)
{
    double *x, *y, before[6], after[6];
    cusgd_data *data = gaussian(10, 50000, 5, 1, &x, &y);
    cusgd_options o = options_plain(CUSGD_OPTIMIZER_SGD, 1e-3, 10, INT64_C(1000000000));
    cusgd_trainer *t = trainer_of(&o, data, NULL);
    pthread_t thread;
    cr_assert_eq(pthread_create(&thread, NULL, cancel_soon, t), 0);
    cusgd_result r = fit(t);
    pthread_join(thread, NULL);
    cr_expect_eq(r.stop, CUSGD_STOP_CANCELLED);
    cr_expect_gt(r.steps, 0);
    cr_expect_lt(r.seconds, 30);
    parameters_of(t, 5, 1, before);
    cr_assert_eq(cusgd_trainer_step(t, 1), CUSGD_OK); /* it is no longer cancelled, and has lost nothing */
    parameters_of(t, 5, 1, after);
    cr_expect_arr_neq(before, after, sizeof before);
    cusgd_trainer_free(t);
    cusgd_data_free(data);
    free(x);
    free(y);
}

/* Three epochs and four more, or steps one by one: the same run as seven epochs, to the bit. */
static void check_going_on(int optimizer, double l1, double valid_fraction)
{
    double *x, *y, at_once[5], in_parts[5];
    cusgd_data *data = gaussian(11, 120, 4, 1, &x, &y);
    cusgd_options o = options_default();
    o.optimizer = (cusgd_optimizer)optimizer;
    o.batch = 50;
    o.epochs = 7;
    o.l1 = l1;
    o.valid_fraction = valid_fraction;
    cusgd_trainer *t = trainer_of(&o, data, NULL);
    cusgd_result whole = fit(t);
    parameters_of(t, 4, 1, at_once);
    cusgd_trainer_free(t);
    o.epochs = 3;
    t = trainer_of(&o, data, NULL);
    cusgd_result first = fit(t), last = fit(t);
    cr_expect_eq(first.epochs, 3);
    cr_expect_eq(last.epochs, 6);
    o.epochs = 7;
    int64_t one_more = 120 * (1 - valid_fraction) > 100 ? 3 : 2;
    cr_assert_eq(cusgd_trainer_step(t, one_more - 1), CUSGD_OK);
    cr_assert_eq(cusgd_trainer_step(t, 1), CUSGD_OK);
    o = *cusgd_trainer_options(t);
    parameters_of(t, 4, 1, in_parts);
    if (l1 == 0 && valid_fraction == 0)
        cr_expect_arr_eq(at_once, in_parts, sizeof at_once, "optimizer %d: %g", optimizer, distance(at_once, in_parts, 5));
    cusgd_trainer_free(t);
    o.epochs = 6;
    t = trainer_of(&o, data, NULL);
    cusgd_result six = fit(t);
    cr_expect_eq(six.loss, last.loss, "optimizer %d, l1 %g, valid %g: %.17g, in parts %.17g", optimizer, l1, valid_fraction,
                 six.loss, last.loss);
    cr_expect_eq(six.epoch, last.epoch);
    cr_expect_eq(six.steps, last.steps);
    cr_expect_eq(whole.steps, six.steps + one_more);
    cusgd_trainer_free(t);
    cusgd_data_free(data);
    free(x);
    free(y);
}

Test(trainer, fit_again_goes_on)
{
    for (int optimizer = CUSGD_OPTIMIZER_AUTO; optimizer <= CUSGD_OPTIMIZER_ADAM; optimizer++) {
        check_going_on(optimizer, 0, 0);
        check_going_on(optimizer, 0.1, 0);
        check_going_on(optimizer, 0, 0.3);
        check_going_on(optimizer, 0.1, 0.3);
    }
}

/* A short run from the optimum ends above it, and says so; one from the usual start does not, nor does a run on other rows. */
Test(trainer, run_from_the_optimum_notes_its_rise)
{
    double *x, *y, weight[4], bias[1];
    cusgd_data *data = gaussian(5, 500, 4, 1, &x, &y);
    cusgd_options o = options_plain(CUSGD_OPTIMIZER_AUTO, (double)NAN, 8, 1);
    cusgd_result r = CUSGD_INIT(cusgd_result);
    cusgd_trainer *t = trainer_of(&o, data, NULL);
    cr_assert_eq(cusgd_trainer_fit(t, NULL, NULL, &r), CUSGD_OK);
    cr_expect_str_empty(r.note);
    cusgd_trainer_free(t);
    o.solver = CUSGD_SOLVER_EXACT;
    t = trainer_of(&o, data, NULL);
    cr_assert_eq(cusgd_trainer_fit(t, NULL, NULL, NULL), CUSGD_OK);
    cr_assert_eq(cusgd_trainer_get_coefficients(t, weight, bias), CUSGD_OK);
    cusgd_trainer_free(t);
    o.solver = CUSGD_SOLVER_SGD;
    for (int others = 0; others < 2; others++) {
        t = trainer_of(&o, data, NULL);
        cr_assert_eq(cusgd_trainer_set_coefficients(t, weight, bias), CUSGD_OK);
        if (others) cr_assert_eq(cusgd_trainer_rebind(t, data), CUSGD_OK);
        cr_assert_eq(cusgd_trainer_fit(t, NULL, NULL, &r), CUSGD_OK);
        cr_expect_eq(strstr(r.note, "given to start from") != NULL, !others, "%s", r.note);
        cusgd_trainer_free(t);
    }
    cusgd_data_free(data);
    free(x);
    free(y);
}

/* ---- Parameters, predictions, models ------------------------------------------------------------------------------------- */

Test(trainer, set_and_get_agree)
{
    enum { ROWS = 50, COLS = 3, OUTPUTS = 2 };
    uint64_t seed = 12;
    double *x = random_normals(&seed, ROWS * COLS), *y = random_normals(&seed, ROWS * OUTPUTS);
    const double weight[OUTPUTS * COLS] = {1, -2, 3, 0, 0.5, -1e3}, bias[OUTPUTS] = {10, -0.25};
    double w[OUTPUTS * COLS], b[OUTPUTS];
    for (int64_t i = 0; i < ROWS; i++) x[i * COLS] = 1000 + 30 * x[i * COLS];
    cusgd_data *data = data_of(ROWS, COLS, OUTPUTS, x, y, NULL);
    for (int standardize = 0; standardize <= 1; standardize++)
        for (int average = 0; average <= 1; average++) {
            cusgd_options o = options_plain(CUSGD_OPTIMIZER_ADAM, 1e-3, 10, 5);
            o.standardize = standardize;
            o.average = average;
            cusgd_trainer *t = trainer_of(&o, data, NULL);
            cr_assert_eq(cusgd_trainer_step(t, 25), CUSGD_OK);
            cr_assert_eq(cusgd_trainer_set_coefficients(t, weight, bias), CUSGD_OK);
            cr_assert_eq(cusgd_trainer_get_coefficients(t, w, NULL), CUSGD_OK);
            cr_assert_eq(cusgd_trainer_get_coefficients(t, NULL, b), CUSGD_OK);
            cr_expect_leq(distance(w, weight, OUTPUTS * COLS), 1e-11);
            cr_expect_leq(distance(b, bias, OUTPUTS), 1e-11, "%g", distance(b, bias, OUTPUTS));
            cusgd_trainer_free(t);
        }
    cusgd_data_free(data);
    free(x);
    free(y);
}

static void check_scores(const cusgd_metrics *a, const cusgd_metrics *b, double tolerance)
{
    const double of_a[] = {a->loss, a->mse, a->rmse, a->mae, a->r2, a->log_loss, a->accuracy};
    const double of_b[] = {b->loss, b->mse, b->rmse, b->mae, b->r2, b->log_loss, b->accuracy};
    for (int i = 0; i < 7; i++) {
        cr_expect_eq(isnan(of_a[i]), isnan(of_b[i]));
        if (!isnan(of_a[i]))
            cr_expect_float_eq(of_a[i], of_b[i], tolerance * fmax(1, fabs(of_b[i])), "%d: %g %g", i, of_a[i], of_b[i]);
    }
    cr_expect_eq(a->rows, b->rows);
}

/* A trainer, its model, and that model saved and loaded; the trainer in float within float's roundings, the rest to the bit. */
static void check_model(cusgd_loss loss, cusgd_precision precision)
{
    enum { ROWS = 300, COLS = 7 };
    int64_t outputs = loss == CUSGD_LOSS_LOGISTIC ? 1 : 3;
    uint64_t seed = 13;
    double *x = random_normals(&seed, ROWS * COLS), *y = random_normals(&seed, ROWS * outputs), *w = zeros(ROWS);
    double *p[3] = {zeros(ROWS * outputs), zeros(ROWS * outputs), zeros(ROWS * outputs)};
    double tolerance = precision == CUSGD_PRECISION_FLOAT ? 1e-5 : 1e-12;
    for (int64_t i = 0; i < ROWS; i++) w[i] = random_uniform(&seed);
    for (int64_t i = 0; i < ROWS * outputs && loss == CUSGD_LOSS_LOGISTIC; i++) y[i] = y[i] > 0;
    cusgd_data *data = data_of(ROWS, COLS, outputs, x, y, w);
    cusgd_options o = options_default();
    o.loss = loss;
    o.precision = precision;
    o.epochs = 10;
    cusgd_trainer *t = trainer_of(&o, data, NULL);
    cusgd_result r = fit(t);
    cusgd_model *model, *loaded;
    cusgd_metrics m[3] = {CUSGD_INIT(cusgd_metrics), CUSGD_INIT(cusgd_metrics), CUSGD_INIT(cusgd_metrics)};
    char path[] = "/tmp/cusgd-trainer-XXXXXX";
    int file = mkstemp(path);
    cr_assert(file >= 0 && close(file) == 0);
    cr_assert_eq(cusgd_trainer_create_model(t, &model), CUSGD_OK);
    cr_assert_eq(cusgd_model_save(model, path), CUSGD_OK, "%s", cusgd_last_error());
    cr_assert_eq(cusgd_model_load(path, &loaded), CUSGD_OK, "%s", cusgd_last_error());
    unlink(path);
    for (int as = CUSGD_PREDICT_MEAN; as <= (loss == CUSGD_LOSS_LOGISTIC ? CUSGD_PREDICT_PROBABILITY : CUSGD_PREDICT_LINK);
         as++) {
        cr_assert_eq(cusgd_trainer_predict(t, data, (cusgd_prediction)as, p[0]), CUSGD_OK);
        cr_assert_eq(cusgd_model_predict(model, data, (cusgd_prediction)as, p[1]), CUSGD_OK);
        cr_assert_eq(cusgd_model_predict(loaded, data, (cusgd_prediction)as, p[2]), CUSGD_OK);
        cr_expect_leq(distance(p[0], p[1], ROWS * outputs), tolerance);
        cr_expect_leq(distance(p[1], p[2], ROWS * outputs), precision == CUSGD_PRECISION_FLOAT ? tolerance : 0, "as %d: %g", as,
                      distance(p[1], p[2], ROWS * outputs));
    }
    for (int64_t output = -1; output < outputs; output++) {
        cr_assert_eq(cusgd_trainer_evaluate(t, data, output, &m[0]), CUSGD_OK);
        cr_assert_eq(cusgd_model_evaluate(model, data, output, &m[1]), CUSGD_OK);
        cr_assert_eq(cusgd_model_evaluate(loaded, data, output, &m[2]), CUSGD_OK);
        check_scores(&m[0], &m[1], tolerance);
        check_scores(&m[2], &m[1], tolerance);
        if (output < 0) cr_expect_float_eq(m[0].loss, r.loss, tolerance * fmax(1, r.loss), "%g %g", m[0].loss, r.loss);
    }
    for (int i = 0; i < 3; i++) free(p[i]);
    cusgd_model_free(model);
    cusgd_model_free(loaded);
    cusgd_trainer_free(t);
    cusgd_data_free(data);
    free(x);
    free(y);
    free(w);
}

Test(trainer, model_predicts_as_the_trainer)
{
    for (int loss = CUSGD_LOSS_SQUARED; loss <= CUSGD_LOSS_LOGISTIC; loss++) {
        check_model((cusgd_loss)loss, CUSGD_PRECISION_DOUBLE);
        check_model((cusgd_loss)loss, CUSGD_PRECISION_FLOAT);
    }
}
