/* What is refused and how, divergence, backing off, and data at the edges. */
#include "options.h"
#include "support.h"
#include "training.h"

#include <criterion/criterion.h>
#include <float.h>
#include <math.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { ROWS = 20, COLS = 3 };

/* Twenty rows of three Gaussian columns and their sum. */
typedef struct small {
    double x[ROWS * COLS], y[ROWS], w[ROWS];
} small;

static small small_make(void)
{
    small s;
    uint64_t seed = 1;
    for (int i = 0; i < ROWS; i++) {
        s.y[i] = 0.1 * random_normal(&seed);
        s.w[i] = 1;
        for (int j = 0; j < COLS; j++) s.y[i] += s.x[i * COLS + j] = random_normal(&seed);
    }
    return s;
}

static cusgd_data *small_data(const small *s) { return data_of(ROWS, COLS, 1, s->x, s->y, s->w); }

/* A status and a sentence that contains `word`. */
static void check_refusal(cusgd_status status, cusgd_status expected, const char *word)
{
    cr_expect_eq(status, expected, "status %d, not %d; %s", (int)status, (int)expected, cusgd_last_error());
    cr_expect(strstr(cusgd_last_error(), word), "\"%s\" does not say \"%s\"", cusgd_last_error(), word);
}

static void check_no_trainer(const cusgd_options *o, const cusgd_data *train, const cusgd_data *valid, cusgd_status expected,
                             const char *word)
{
    cusgd_trainer *t = (cusgd_trainer *)&t;
    check_refusal(cusgd_trainer_create(o, train, valid, &t), expected, word);
    cr_expect_null(t);
}

/* ---- Bad arguments ------------------------------------------------------------------------------------------------------- */

Test(trouble, nothing_can_be_freed)
{
    cusgd_trainer_free(NULL);
    cusgd_model_free(NULL);
    cusgd_data_free(NULL);
}

Test(trouble, bad_data_is_refused)
{
    small s = small_make();
    cusgd_data *data;
    cusgd_matrix x = {s.x, CUSGD_TYPE_FLOAT64, COLS, 1}, y = {s.y, CUSGD_TYPE_FLOAT64, 1, 1},
                 none = {NULL, CUSGD_TYPE_FLOAT64, 1, 1};
    const int64_t sizes[][3] = {{0, COLS, 1}, {-1, COLS, 1}, {ROWS, 0, 1}, {ROWS, -5, 1}, {ROWS, COLS, -1}};
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        data = (cusgd_data *)&data;
        cusgd_status status = cusgd_data_wrap(sizes[i][0], sizes[i][1], sizes[i][2], x, y, none, &data);
        cr_expect(status == CUSGD_ERROR_USAGE || status == CUSGD_ERROR_DATA, "case %zu: %d", i, (int)status);
        cr_expect_null(data);
        cr_expect(strlen(cusgd_last_error()) > 10);
    }
    cr_expect_neq(cusgd_data_wrap(ROWS, COLS, 1, none, y, none, &data), CUSGD_OK);
    cr_expect_null(data);
    cr_assert_eq(cusgd_data_wrap(ROWS, COLS, 0, x, none, none, &data), CUSGD_OK);
    cusgd_options o = options_default();
    check_no_trainer(&o, data, NULL, CUSGD_ERROR_DATA, "targets");
    cusgd_data_free(data);
    check_refusal(cusgd_data_open("/nowhere/at/all", NULL, &data), CUSGD_ERROR_DATA, "/nowhere/at/all");
    cr_expect_null(data);
}

/* One value of a matrix is not what it must be: the message has its row, its column and the value. */
static void check_value(size_t at, double value, cusgd_loss loss, const char *where)
{
    small s = small_make();
    cusgd_data *data = small_data(&s);
    cusgd_options o = options_default();
    o.loss = loss;
    if (loss == CUSGD_LOSS_LOGISTIC)
        for (int i = 0; i < ROWS; i++) s.y[i] = s.y[i] > 0;
    memcpy((char *)&s + at, &value, sizeof value);
    check_no_trainer(&o, data, NULL, CUSGD_ERROR_DATA, where);
    check_no_trainer(&o, data, data, CUSGD_ERROR_DATA, where);
    cusgd_data_free(data);
}

Test(trouble, bad_values_are_refused)
{
    check_value(offsetof(small, x) + (4 * COLS + 2) * sizeof(double), (double)NAN, CUSGD_LOSS_SQUARED, "row 5");
    check_value(offsetof(small, x) + (4 * COLS + 2) * sizeof(double), (double)INFINITY, CUSGD_LOSS_LOGISTIC, "column 3");
    check_value(offsetof(small, y) + (19) * sizeof(double), (double)-INFINITY, CUSGD_LOSS_MSE, "row 20");
    check_value(offsetof(small, y) + (3) * sizeof(double), 2, CUSGD_LOSS_LOGISTIC, "row 4");
    check_value(offsetof(small, y) + (3) * sizeof(double), 0.5, CUSGD_LOSS_LOGISTIC, "0.5");
    check_value(offsetof(small, w) + (0) * sizeof(double), -1, CUSGD_LOSS_SQUARED, "row 1");
    check_value(offsetof(small, w) + (7) * sizeof(double), (double)NAN, CUSGD_LOSS_SQUARED, "row 8");
    small s = small_make();
    cusgd_data *data = small_data(&s);
    memset(s.w, 0, sizeof s.w);
    cusgd_options o = options_default();
    check_no_trainer(&o, data, NULL, CUSGD_ERROR_DATA, "weight");
    cusgd_data_free(data);
}

/* Of rows without weights the features are checked by their moments, when other faults have been looked for. */
static void check_first_fault(int x_row, double x, int y_row, double y, cusgd_loss loss, const char *word)
{
    small s = small_make(), good = small_make();
    for (int i = 0; i < ROWS; i++) s.y[i] = good.y[i] = loss == CUSGD_LOSS_LOGISTIC ? 1 : s.y[i];
    if (x_row > 0) s.x[(x_row - 1) * COLS + 1] = x;
    if (y_row > 0) s.y[y_row - 1] = y;
    cusgd_data *data = data_of(ROWS, COLS, 1, s.x, s.y, NULL), *other = data_of(ROWS, COLS, 1, good.x, good.y, NULL);
    cusgd_options o = options_default();
    o.loss = loss;
    check_no_trainer(&o, data, NULL, CUSGD_ERROR_DATA, word);
    if (loss != CUSGD_LOSS_LOGISTIC) check_no_trainer(&o, data, other, CUSGD_ERROR_DATA, word);
    cusgd_data_free(data);
    cusgd_data_free(other);
}

Test(trouble, first_fault_is_told)
{
    check_first_fault(5, (double)NAN, 0, 0, CUSGD_LOSS_MSE, "row 5, column 2: nan is not");
    check_first_fault(1, (double)INFINITY, 0, 0, CUSGD_LOSS_MSE, "row 1, column 2: inf is not");
    check_first_fault(20, -(double)INFINITY, 0, 0, CUSGD_LOSS_MSE, "row 20, column 2: -inf is not");
    check_first_fault(5, (double)NAN, 9, (double)NAN, CUSGD_LOSS_MSE, "row 5, column 2: nan is not");
    check_first_fault(9, (double)NAN, 5, (double)NAN, CUSGD_LOSS_MSE, "row 5: target");
    check_first_fault(5, (double)NAN, 9, 1e300, CUSGD_LOSS_MSE, "row 5, column 2: nan is not");
    check_first_fault(0, 0, 9, 1e300, CUSGD_LOSS_MSE, "the largest target is 1e+300");
    check_first_fault(5, (double)NAN, 0, 0, CUSGD_LOSS_LOGISTIC, "row 5, column 2: nan is not");
    check_first_fault(0, 0, 0, 0, CUSGD_LOSS_LOGISTIC, "is 1 in every row");
    check_first_fault(5, 1e300, 0, 0, CUSGD_LOSS_MSE, "the squares of column 2 overflow");
}

Test(trouble, bad_options_are_refused)
{
    small s = small_make();
    cusgd_data *data = small_data(&s), *narrow = data_of(ROWS, COLS - 1, 1, s.x, s.y, NULL);
    cusgd_options o = options_default();
    o.rate = -1;
    check_no_trainer(&o, data, NULL, CUSGD_ERROR_USAGE, "rate");
    o = options_default();
    o.optimizer = (cusgd_optimizer)77;
    check_no_trainer(&o, data, NULL, CUSGD_ERROR_USAGE, "optimizer");
    o = options_default();
    strcpy(o.device, "cuda");
    check_no_trainer(&o, data, NULL, CUSGD_ERROR_DEVICE, "cuda");
    o = options_default();
    check_no_trainer(&o, data, narrow, CUSGD_ERROR_DATA, "columns");
    o.valid_fraction = 0.2;
    check_no_trainer(&o, data, data, CUSGD_ERROR_USAGE, "valid-fraction");
    o.valid_fraction = 0.001;
    check_no_trainer(&o, data, NULL, CUSGD_ERROR_USAGE, "valid-fraction");
    o.valid_fraction = 0.999;
    check_no_trainer(&o, data, NULL, CUSGD_ERROR_USAGE, "valid-fraction");
    cusgd_data_free(data);
    cusgd_data_free(narrow);
}

Test(trouble, read_bandwidth)
{
    double rate = (double)NAN;
    cr_assert_eq(cusgd_read_bandwidth("cpu", 0, 1 << 20, &rate), CUSGD_OK);
    cr_assert(rate > 0 && isfinite(rate));
    check_refusal(cusgd_read_bandwidth("gpu", 0, 1 << 20, &rate), CUSGD_ERROR_USAGE, "device");
    check_refusal(cusgd_read_bandwidth("cuda:999", 0, 1 << 20, &rate), CUSGD_ERROR_DEVICE, "cuda:999");
    check_refusal(cusgd_read_bandwidth("cpu", -1, 1 << 20, &rate), CUSGD_ERROR_USAGE, "threads");
    check_refusal(cusgd_read_bandwidth("cpu", 0, 0, &rate), CUSGD_ERROR_USAGE, "byte");
    check_refusal(cusgd_read_bandwidth("cpu", 1, INT64_MAX, &rate), CUSGD_ERROR_MEMORY, "bandwidth");
}

Test(trouble, bad_calls_are_refused)
{
    small s = small_make();
    cusgd_data *data = small_data(&s), *narrow = data_of(ROWS, COLS - 1, 1, s.x, s.y, NULL),
               *bare = data_of(ROWS, COLS, 0, s.x, NULL, NULL);
    double p[ROWS], weight[COLS] = {0}, bias = 0;
    cusgd_options o = options_default();
    cusgd_metrics m = CUSGD_INIT(cusgd_metrics);
    cusgd_model *model, *other;
    o.epochs = 2;
    o.intercept = 0;
    cusgd_trainer *t = trainer_of(&o, data, NULL);
    fit(t);
    cr_assert_eq(cusgd_trainer_create_model(t, &model), CUSGD_OK);
    check_refusal(cusgd_trainer_step(t, -1), CUSGD_ERROR_USAGE, "-1");
    cr_expect_eq(cusgd_trainer_step(t, 0), CUSGD_OK);
    check_refusal(cusgd_trainer_predict(t, narrow, CUSGD_PREDICT_MEAN, p), CUSGD_ERROR_DATA, "columns");
    check_refusal(cusgd_model_predict(model, narrow, CUSGD_PREDICT_MEAN, p), CUSGD_ERROR_DATA, "columns");
    check_refusal(cusgd_trainer_predict(t, data, CUSGD_PREDICT_CLASS, p), CUSGD_ERROR_USAGE, "class");
    check_refusal(cusgd_model_predict(model, data, CUSGD_PREDICT_PROBABILITY, p), CUSGD_ERROR_USAGE, "class");
    check_refusal(cusgd_trainer_predict(t, data, (cusgd_prediction)9, p), CUSGD_ERROR_USAGE, "9");
    check_refusal(cusgd_trainer_evaluate(t, bare, -1, &m), CUSGD_ERROR_DATA, "targets");
    check_refusal(cusgd_model_evaluate(model, bare, -1, &m), CUSGD_ERROR_DATA, "targets");
    check_refusal(cusgd_trainer_evaluate(t, data, 1, &m), CUSGD_ERROR_USAGE, "output 1");
    check_refusal(cusgd_model_evaluate(model, data, -2, &m), CUSGD_ERROR_USAGE, "output -2");
    weight[1] = (double)NAN;
    check_refusal(cusgd_trainer_set_coefficients(t, weight, &bias), CUSGD_ERROR_DATA, "weight 1");
    weight[1] = 0;
    bias = (double)INFINITY;
    check_refusal(cusgd_trainer_set_coefficients(t, weight, &bias), CUSGD_ERROR_DATA, "bias 0");
    bias = 1;
    check_refusal(cusgd_trainer_set_coefficients(t, weight, &bias), CUSGD_ERROR_USAGE, "no-intercept");
    check_refusal(cusgd_model_save(model, "/nowhere/at/all"), CUSGD_ERROR_DATA, "/nowhere/at/all");
    check_refusal(cusgd_model_load("/nowhere/at/all", &other), CUSGD_ERROR_DATA, "/nowhere/at/all");
    cr_expect_null(other);
    s.x[5] = (double)NAN;
    check_refusal(cusgd_model_predict(model, data, CUSGD_PREDICT_MEAN, p), CUSGD_ERROR_DATA, "row 2");
    cusgd_model_free(model);
    cusgd_trainer_free(t);
    cusgd_data_free(data);
    cusgd_data_free(narrow);
    cusgd_data_free(bare);
}

/* What a trainer reports as its options is taken as options, and with a rate it is the same run. */
Test(trouble, resolved_options_are_options)
{
    small s = small_make();
    cusgd_data *data = small_data(&s);
    double first[COLS + 1], second[COLS + 1];
    for (int optimizer = CUSGD_OPTIMIZER_AUTO; optimizer <= CUSGD_OPTIMIZER_ADAM; optimizer++)
        for (int schedule = CUSGD_SCHEDULE_CONSTANT; schedule <= CUSGD_SCHEDULE_TIME_DECAY; schedule++) {
            cusgd_options o = options_default(), resolved;
            o.optimizer = (cusgd_optimizer)optimizer;
            o.schedule = (cusgd_schedule)schedule;
            o.valid_fraction = 0.3;
            cusgd_trainer *t = trainer_of(&o, data, NULL);
            resolved = *cusgd_trainer_options(t);
            cr_expect_null(options_check(&resolved), "optimizer %d: %s", optimizer, options_check(&resolved));
            cusgd_trainer_free(t);
            train(&o, data, first);
            train(&resolved, data, second);
            cr_expect_arr_eq(first, second, sizeof first, "optimizer %d, schedule %d", optimizer, schedule);
        }
    cusgd_data_free(data);
}

/* ---- Divergence ---------------------------------------------------------------------------------------------------------- */

/* At three times the largest stable rate the loss grows epoch by epoch until it overflows: the first epoch's end is the best. */
Test(trouble, divergence_explains_itself)
{
    small s = small_make();
    for (int i = 0; i < ROWS; i++) s.x[i * COLS + 1] *= 100;
    cusgd_data *data = small_data(&s);
    double parameters[COLS + 1], first[COLS + 1];
    cusgd_metrics m = CUSGD_INIT(cusgd_metrics);
    for (int precision = CUSGD_PRECISION_FLOAT; precision <= CUSGD_PRECISION_DOUBLE; precision++) {
        cusgd_options o = options_plain(CUSGD_OPTIMIZER_SGD, 3e-4, ROWS, 10000);
        cusgd_result r = CUSGD_INIT(cusgd_result);
        o.precision = (cusgd_precision)precision;
        o.standardize = 0;
        cusgd_trainer *t = trainer_of(&o, data, NULL);
        check_refusal(cusgd_trainer_fit(t, NULL, NULL, &r), CUSGD_ERROR_DIVERGED, "Columns of largest scale: 2 (");
        char step[40];
        snprintf(step, sizeof step, "at step %lld ", (long long)r.steps + 1);
        cr_expect(strstr(cusgd_last_error(), step), "%s", cusgd_last_error());
        cr_expect(strstr(cusgd_last_error(), "rate 0.0003"), "%s", cusgd_last_error());
        cr_expect(strstr(cusgd_last_error(), "standardiz"), "%s", cusgd_last_error());
        cr_expect_eq(r.stop, CUSGD_STOP_DIVERGED);
        cr_expect(r.steps > 5 && r.steps < 5000, "%lld steps", (long long)r.steps);
        cr_expect_eq(r.epochs, r.steps);
        cr_expect_eq(r.epoch, 1);
        parameters_of(t, COLS, 1, parameters);
        cr_assert_eq(cusgd_trainer_evaluate(t, data, -1, &m), CUSGD_OK);
        cr_expect_float_eq(m.loss, r.loss, 1e-5 * r.loss, "%g %g", m.loss, r.loss);
        cr_expect_eq(cusgd_trainer_fit(t, NULL, NULL, &r), CUSGD_ERROR_DIVERGED); /* again, from the best */
        cr_expect_eq(r.epoch, 1);
        parameters_of(t, COLS, 1, first);
        cr_expect_arr_eq(parameters, first, sizeof first);
        cusgd_trainer_free(t);
        t = trainer_of(&o, data, NULL);
        cr_assert_eq(cusgd_trainer_step(t, 1), CUSGD_OK); /* the first epoch */
        parameters_of(t, COLS, 1, first);
        cusgd_trainer_free(t);
        cr_expect_arr_eq(parameters, first, sizeof first);
    }
    cusgd_data_free(data);
}

/* A rate so large that one step overflows: in the second step, or after the last one of all; the starting point is kept. */
Test(trouble, divergence_at_once)
{
    small s = small_make();
    cusgd_data *data = small_data(&s);
    double weight[COLS] = {1, 2, 3}, bias = 4, parameters[COLS + 1];
    for (int epochs = 1; epochs <= 3; epochs += 2)
        for (int batch = 5; batch <= ROWS; batch += ROWS - 5) {
            cusgd_options o = options_plain(CUSGD_OPTIMIZER_SGD, 1e300, batch, epochs);
            cusgd_result r = CUSGD_INIT(cusgd_result);
            cusgd_trainer *t = trainer_of(&o, data, NULL);
            cr_assert_eq(cusgd_trainer_set_coefficients(t, weight, &bias), CUSGD_OK);
            check_refusal(cusgd_trainer_fit(t, NULL, NULL, &r), CUSGD_ERROR_DIVERGED, "rate 1e+300");
            cr_expect_eq(r.stop, CUSGD_STOP_DIVERGED);
            cr_expect_eq(r.epoch, 0, "batch %d, %d epochs: epoch %lld", batch, epochs, (long long)r.epoch);
            cr_expect(isfinite(r.loss));
            parameters_of(t, COLS, 1, parameters);
            cr_expect_leq(distance(parameters, weight, COLS), 1e-12);
            cr_expect_float_eq(parameters[COLS], bias, 1e-12);
            cusgd_trainer_free(t);
        }
    cusgd_data_free(data);
}

Test(trouble, divergence_step_by_step)
{
    small s = small_make();
    cusgd_data *data = small_data(&s);
    cusgd_options o = options_plain(CUSGD_OPTIMIZER_MOMENTUM, 1e200, 5, 1);
    cusgd_trainer *t = trainer_of(&o, data, NULL);
    check_refusal(cusgd_trainer_step(t, 10), CUSGD_ERROR_DIVERGED, "step 2 ");
    check_refusal(cusgd_trainer_step(t, 10), CUSGD_ERROR_DIVERGED, "step 2 ");
    cusgd_trainer_free(t);
    cusgd_data_free(data);
}

/* Rows sorted by a category and taken in their order: a batch of one category has a curvature far above the whole's, so that the
 * rate which the whole suggests is too large. */
Test(trouble, auto_backs_off)
{
    enum { CATEGORIES = 40, EACH = 512, ALL = CATEGORIES * EACH };
    uint64_t seed = 2;
    double *x = zeros((int64_t)ALL * CATEGORIES), *y = zeros(ALL), variance = 0;
    for (int64_t i = 0; i < ALL; i++) {
        x[i * CATEGORIES + i / EACH] = 1;
        y[i] = (double)(i / EACH % 7) + 0.1 * random_normal(&seed);
        variance += (y[i] - 3) * (y[i] - 3) / ALL;
    }
    cusgd_data *data = data_of(ALL, CATEGORIES, 1, x, y, NULL);
    for (int optimizer = CUSGD_OPTIMIZER_AUTO; optimizer <= CUSGD_OPTIMIZER_NESTEROV; optimizer++) {
        cusgd_options o = options_default();
        o.optimizer = (cusgd_optimizer)optimizer;
        o.sampling = CUSGD_SAMPLING_NONE;
        cusgd_trainer *t = trainer_of(&o, data, NULL);
        cusgd_result r = fit(t);
        cr_expect_lt(r.loss, variance / 4, "optimizer %d: %g", optimizer, r.loss);
        if (optimizer == CUSGD_OPTIMIZER_AUTO) cr_expect_gt(r.rollbacks, 0, "the test shows nothing");
        cusgd_trainer_free(t);
    }
    cusgd_data_free(data);
    free(x);
    free(y);
}

/* A rate of the library's own never ends in divergence, wherever the targets lie and the run starts. */
Test(trouble, own_rates_do_not_diverge)
{
    small s = small_make();
    double weight[COLS] = {1000, -1000, 0}, bias = 1e5;
    for (int i = 0; i < ROWS; i++) s.y[i] += 1e4;
    cusgd_data *data = small_data(&s);
    for (int optimizer = CUSGD_OPTIMIZER_AUTO; optimizer <= CUSGD_OPTIMIZER_NESTEROV; optimizer++)
        for (int schedule = CUSGD_SCHEDULE_CONSTANT; schedule <= CUSGD_SCHEDULE_TIME_DECAY; schedule++)
            for (int warm = 0; warm <= 1; warm++) {
                cusgd_options o = options_default();
                o.optimizer = (cusgd_optimizer)optimizer;
                o.schedule = (cusgd_schedule)schedule;
                o.epochs = 300;
                o.batch = 5;
                cusgd_trainer *t = trainer_of(&o, data, NULL);
                if (warm) cr_assert_eq(cusgd_trainer_set_coefficients(t, weight, &bias), CUSGD_OK);
                cusgd_result r = fit(t);
                cr_expect_lt(r.loss, 0.1, "optimizer %d, schedule %d, warm %d: %g", optimizer, schedule, warm, r.loss);
                cr_expect_eq(r.rollbacks, 0, "optimizer %d, schedule %d, warm %d: %lld back-offs", optimizer, schedule, warm,
                             (long long)r.rollbacks);
                cusgd_trainer_free(t);
            }
    cusgd_data_free(data);
}

/* ---- Data at the edges --------------------------------------------------------------------------------------------------- */

/* Trains each optimizer on n rows of d columns in both precisions, with the library's own choices; parameters must be finite, and
 * with `auto` the loss at most `most`. */
static void check_edge(const char *name, int64_t n, int64_t d, const double *x, const double *y, cusgd_loss loss, double maximum)
{
    cusgd_data *data = data_of(n, d, 1, x, y, NULL);
    double *parameters = zeros(d + 1);
    for (int optimizer = CUSGD_OPTIMIZER_AUTO; optimizer <= CUSGD_OPTIMIZER_ADAM; optimizer++)
        for (int precision = CUSGD_PRECISION_FLOAT; precision <= CUSGD_PRECISION_DOUBLE; precision++)
            for (int l1 = 0; l1 <= 1; l1++) {
                cusgd_options o = options_default();
                o.loss = loss;
                o.optimizer = (cusgd_optimizer)optimizer;
                o.precision = (cusgd_precision)precision;
                o.l1 = 1e-9 * l1;
                if (optimizer != CUSGD_OPTIMIZER_AUTO) o.epochs = 20;
                cusgd_result r = train(&o, data, parameters);
                for (int64_t j = 0; j <= d; j++)
                    cr_expect(isfinite(parameters[j]), "%s, optimizer %d: %g", name, optimizer, parameters[j]);
                cr_expect(isfinite(r.loss) && r.loss >= 0, "%s, optimizer %d: loss %g", name, optimizer, r.loss);
                if (optimizer == CUSGD_OPTIMIZER_AUTO)
                    cr_expect_leq(r.loss, maximum, "%s, precision %d, l1 %d: loss %g", name, precision, l1, r.loss);
            }
    free(parameters);
    cusgd_data_free(data);
}

Test(trouble, constant_columns)
{
    small s = small_make();
    for (int i = 0; i < ROWS; i++) {
        s.x[i * COLS] = 0.1; /* whose mean rounds */
        s.x[i * COLS + 1] = 0;
    }
    check_edge("two constant columns", ROWS, COLS, s.x, s.y, CUSGD_LOSS_SQUARED, 3);
    for (int i = 0; i < ROWS; i++) s.x[i * COLS + 2] = 1e30;
    check_edge("all columns constant", ROWS, COLS, s.x, s.y, CUSGD_LOSS_SQUARED, 5);
    for (int i = 0; i < ROWS; i++) s.y[i] = s.y[i] > 0;
    check_edge("all columns constant, logistic", ROWS, COLS, s.x, s.y, CUSGD_LOSS_LOGISTIC, 0.6932);
}

/* As scikit-learn's classifiers do. */
static void refuse_one_class(int64_t n, const double *x, const double *y)
{
    cusgd_data *data;
    cusgd_trainer *trainer;
    cusgd_options options = options_default();
    options.loss = CUSGD_LOSS_LOGISTIC;
    cusgd_matrix features = {x, CUSGD_TYPE_FLOAT64, COLS, 1}, targets = {y, CUSGD_TYPE_FLOAT64, 1, 1}, none = {0};
    assert_works(cusgd_data_wrap(n, COLS, 1, features, targets, none, &data));
    assert_fails(cusgd_trainer_create(&options, data, NULL, &trainer), CUSGD_ERROR_DATA, "needs rows of both classes");
    cusgd_data_free(data);
}

Test(trouble, few_rows_and_columns)
{
    small s = small_make();
    check_edge("one row", 1, COLS, s.x, s.y, CUSGD_LOSS_SQUARED, 1e-12);
    check_edge("one column", ROWS, 1, s.x, s.y, CUSGD_LOSS_SQUARED, 5);
    check_edge("one value", 1, 1, s.x, s.y, CUSGD_LOSS_SQUARED, 1e-12);
    check_edge("two rows", 2, COLS, s.x, s.y, CUSGD_LOSS_SQUARED, 1e-3);
    check_edge("more columns than rows", 3, 20, s.x, s.y, CUSGD_LOSS_SQUARED, 1e-3);
    s.y[0] = 1;
    refuse_one_class(1, s.x, s.y);
}

Test(trouble, equal_targets)
{
    small s = small_make();
    const double values[] = {0, 1, 1e6, -1e-6};
    for (int v = 0; v < 4; v++) {
        for (int i = 0; i < ROWS; i++) s.y[i] = values[v];
        check_edge("equal targets", ROWS, COLS, s.x, s.y, CUSGD_LOSS_SQUARED, 1e-10 * (1 + values[v] * values[v]));
        if (v < 2) refuse_one_class(ROWS, s.x, s.y);
    }
}

/* Where the mean is a million deviations, float holds the standardized column all the same: the fit is the double one's. */
Test(trouble, huge_offsets)
{
    small s = small_make();
    for (int i = 0; i < ROWS; i++)
        for (int j = 0; j < COLS; j++) s.x[i * COLS + j] += 1e6 * (j + 1);
    check_edge("mean / sd = 1e6", ROWS, COLS, s.x, s.y, CUSGD_LOSS_SQUARED, 0.02);
}

Test(trouble, tiny_and_huge_scales)
{
    small s = small_make();
    const double scales[][COLS] = {{1e-30, 1, 1e30}, {1e-150, 1, 1e150}};
    for (size_t k = 0; k < sizeof scales / sizeof scales[0]; k++) {
        small scaled = s;
        for (int i = 0; i < ROWS * COLS; i++) scaled.x[i] *= scales[k][i % COLS];
        char name[40];
        snprintf(name, sizeof name, "scales %g", scales[k][0]);
        check_edge(name, ROWS, COLS, scaled.x, scaled.y, CUSGD_LOSS_SQUARED, 0.02);
    }
    for (int i = 0; i < ROWS; i++) s.x[i * COLS + 2] *= 1e300;
    cusgd_data *data = small_data(&s);
    cusgd_options o = options_default();
    check_no_trainer(&o, data, NULL, CUSGD_ERROR_DATA, "column 3");
    cusgd_data_free(data);
}

/* Unstandardized columns of 1e30 do not fit in float's squares: an error that says so, or a finite model, never another thing. */
Test(trouble, scales_without_standardization)
{
    small s = small_make();
    const double scales[] = {1e-30, 1e-10, 1e10, 1e18, 1e30, 1e60, 1e160, 1e300};
    for (size_t k = 0; k < sizeof scales / sizeof scales[0]; k++)
        for (int optimizer = CUSGD_OPTIMIZER_AUTO; optimizer <= CUSGD_OPTIMIZER_ADAM; optimizer++)
            for (int precision = CUSGD_PRECISION_FLOAT; precision <= CUSGD_PRECISION_DOUBLE; precision++) {
                small scaled = s;
                cusgd_result r = CUSGD_INIT(cusgd_result);
                double parameters[COLS + 1];
                for (int i = 0; i < ROWS * COLS; i++) scaled.x[i] *= scales[k];
                cusgd_data *data = small_data(&scaled);
                cusgd_options o = options_default();
                o.optimizer = (cusgd_optimizer)optimizer;
                o.precision = (cusgd_precision)precision;
                o.standardize = 0;
                o.epochs = 10;
                cusgd_trainer *t;
                cusgd_status status = cusgd_trainer_create(&o, data, NULL, &t);
                if (status == CUSGD_OK) {
                    status = cusgd_trainer_fit(t, NULL, NULL, &r);
                    parameters_of(t, COLS, 1, parameters);
                    for (int j = 0; j <= COLS; j++)
                        cr_expect(isfinite(parameters[j]), "scale %g, optimizer %d, precision %d: %g", scales[k], optimizer,
                                  precision, parameters[j]);
                    cr_expect(status == CUSGD_ERROR_DIVERGED || isfinite(r.loss));
                }
                cr_expect(status == CUSGD_OK || status == CUSGD_ERROR_DIVERGED || status == CUSGD_ERROR_DATA, "status %d: %s",
                          (int)status, cusgd_last_error());
                cusgd_trainer_free(t);
                cusgd_data_free(data);
            }
}
