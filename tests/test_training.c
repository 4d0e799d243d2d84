/* What training computes: golden trajectories, exact solutions of real data, l1, weights, standardization. */
#include "options.h"
#include "training.h"

#include <criterion/criterion.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const cJSON *member(const cJSON *object, const char *name) { return cJSON_GetObjectItemCaseSensitive(object, name); }

/* ---- Golden trajectories ------------------------------------------------------------------------------------------------- */

enum { N = 64, D = 5, BATCH = 8, STEPS = 24 };

/* An optimizer's run in tests/golden/optimizers.json. */
typedef struct golden_run {
    const char *name;
    cusgd_optimizer optimizer;
} golden_run;

static const golden_run golden_runs[] = {
    {"sgd", CUSGD_OPTIMIZER_SGD},
    {"sgd_weight_decay", CUSGD_OPTIMIZER_SGD},
    {"notes_momentum", CUSGD_OPTIMIZER_MOMENTUM},
    {"notes_nag_minus", CUSGD_OPTIMIZER_NESTEROV},
    {"adagrad", CUSGD_OPTIMIZER_ADAGRAD},
    {"adadelta", CUSGD_OPTIMIZER_ADADELTA},
    {"rmsprop", CUSGD_OPTIMIZER_RMSPROP},
    {"adam", CUSGD_OPTIMIZER_ADAM},
    {"ftrl", CUSGD_OPTIMIZER_FTRL},
    {"notes_time_decay", CUSGD_OPTIMIZER_SGD},
    {"notes_time_decay_momentum", CUSGD_OPTIMIZER_MOMENTUM},
};

/* A hyperparameter by the notes' name or PyTorch's. */
static double hyper_of(const cJSON *hyper, const char *notes, const char *torch)
{
    return json_number_or(hyper, notes, json_number_or(hyper, torch, (double)NAN));
}

static cusgd_options golden_options(const golden_run *run, const cJSON *hyper, cusgd_precision precision)
{
    cusgd_options o = options_plain(run->optimizer, hyper_of(hyper, "eta", "lr"), BATCH, 3);
    o.loss = CUSGD_LOSS_MSE;
    o.sampling = CUSGD_SAMPLING_NONE;
    o.precision = precision;
    o.standardize = o.intercept = 0;
    o.momentum = hyper_of(hyper, "gamma", "momentum");
    o.rho = hyper_of(hyper, "rho", "alpha");
    o.epsilon = hyper_of(hyper, "delta", "eps");
    o.beta1 = hyper_of(hyper, "beta1", "beta1");
    o.beta2 = hyper_of(hyper, "beta2", "beta2");
    o.l1 = json_number_or(hyper, "l1", 0);
    o.l2 = json_number_or(hyper, "weight_decay", 0);
    o.t0 = hyper_of(hyper, "t0", "t0");
    o.t1 = hyper_of(hyper, "t1", "t1");
    if (!isnan(o.t0)) o.schedule = CUSGD_SCHEDULE_TIME_DECAY;
    return o;
}

static const cJSON *find_run(const cJSON *runs, const char *name)
{
    const cJSON *run = NULL;
    cJSON_ArrayForEach(run, runs)
    {
        if (strcmp(member(run, "name")->valuestring, name) == 0) return run;
    }
    cr_assert_fail("optimizers.json has no run %s", name);
    return NULL;
}

/* The largest distance from the golden trajectory, over all steps and coordinates. */
static double worst_distance(const cJSON *golden, const cusgd_data *data, const golden_run *run, cusgd_precision precision,
                             cusgd_engine engine)
{
    const cJSON *entry = find_run(member(golden, "runs"), run->name);
    double start[D], expected[STEPS * D], weight[D], bias = 0, worst = 0;
    cr_assert_eq(json_numbers(member(golden, "theta0"), start, D), D);
    cr_assert_eq(json_numbers(member(entry, "trajectory"), expected, STEPS * D), STEPS * D);
    cusgd_options o = golden_options(run, member(entry, "hyper"), precision);
    o.engine = engine;
    cusgd_trainer *t = trainer_of(&o, data, NULL);
    cr_assert_eq(cusgd_trainer_set_coefficients(t, start, &bias), CUSGD_OK, "%s", cusgd_last_error());
    for (int step = 0; step < STEPS; step++) {
        cr_assert_eq(cusgd_trainer_step(t, 1), CUSGD_OK, "%s", cusgd_last_error());
        cr_assert_eq(cusgd_trainer_get_coefficients(t, weight, &bias), CUSGD_OK);
        cr_assert_eq(bias, 0);
        worst = fmax(worst, distance(weight, expected + step * D, D));
    }
    cusgd_trainer_free(t);
    return worst;
}

/* In float a step rounds theta, which stays below 4 here, and what is subtracted from it, by 2^-23 at most each; these runs do
 * not amplify errors. Adam's 1 - beta2 = 0.001 is known to 2^-25 only, so that each of its moves of 0.1 or so is off by 1.5e-5 of
 * it. */
static double float_bound(cusgd_optimizer optimizer)
{
    double roundings = STEPS * 2 * 0x1p-23;
    return optimizer == CUSGD_OPTIMIZER_ADAM ? roundings + STEPS * 0.1 * 1.5e-5 : roundings;
}

Test(training, golden_trajectories)
{
    cJSON *golden = golden_json("optimizers.json");
    double x[N * D], y[N];
    cr_assert_eq(json_numbers(member(golden, "X"), x, N * D), N * D);
    cr_assert_eq(json_numbers(member(golden, "y"), y, N), N);
    cusgd_data *data = data_of(N, D, 1, x, y, NULL);
    enum { ENGINES = CUSGD_ENGINE_PERSISTENT + 1 };
    for (size_t i = 0; i < ENGINES * sizeof golden_runs / sizeof golden_runs[0]; i++) {
        const golden_run *run = &golden_runs[i / ENGINES];
        cusgd_engine engine = (cusgd_engine)(i % ENGINES);
        double in_double = worst_distance(golden, data, run, CUSGD_PRECISION_DOUBLE, engine);
        double in_float = worst_distance(golden, data, run, CUSGD_PRECISION_FLOAT, engine);
        cr_expect_leq(in_double, 1e-12, "%s in double, engine %d: %g", run->name, (int)engine, in_double);
        cr_expect_leq(in_float, float_bound(run->optimizer), "%s in float, engine %d: %g", run->name, (int)engine, in_float);
        cr_expect_gt(in_float, 1e-9, "%s in float was computed in double", run->name);
    }
    cusgd_data_free(data);
    cJSON_Delete(golden);
}

/* |m / sqrt(v)| is 1 in the first step (Kingma and Ba 2015, section 2), if the corrections are those of the betas that the
 * moments are made with: of betas that were rounded to float and others that were not, it would be off by 6.5e-6. */
Test(training, adam_moves_by_the_rate_first)
{
    static const cusgd_optimizer optimizers[] = {CUSGD_OPTIMIZER_ADAM, CUSGD_OPTIMIZER_ADAMW, CUSGD_OPTIMIZER_AMSGRAD};
    const double rate = 0.01;
    uint64_t state = 1;
    double *x = random_normals(&state, N * D), *y = random_normals(&state, N), found[D + 1];
    cusgd_data *data = data_of(N, D, 1, x, y, NULL);
    for (size_t i = 0; i < 2 * sizeof optimizers / sizeof *optimizers; i++) {
        cusgd_options o = options_plain(optimizers[i / 2], rate, N, 1);
        o.precision = i % 2 ? CUSGD_PRECISION_FLOAT : CUSGD_PRECISION_DOUBLE;
        o.standardize = o.intercept = 0;
        train(&o, data, found);
        for (int j = 0; j < D; j++)
            cr_assert_float_eq(fabs(found[j]), rate, 1e-6 * rate, "optimizer %zu, coefficient %d: %.9g", i / 2, j, found[j]);
    }
    cusgd_data_free(data);
    free(x);
    free(y);
}

/* ---- Real data against its exact solutions ------------------------------------------------------------------------------- */

/* Full-batch Nesterov steps at the library's own rate: condition numbers reach 10^6 here, so many are needed. */
static cusgd_options options_exact(double momentum, int64_t epochs)
{
    cusgd_options o = options_plain(CUSGD_OPTIMIZER_NESTEROV, (double)NAN, INT64_C(1) << 30, epochs);
    o.momentum = momentum;
    return o;
}

typedef struct dataset {
    table table;
    int64_t d, k;
    double *x, *y;
    cusgd_data *data;
} dataset;

static dataset dataset_open(const char *file, int64_t k, int standardized)
{
    dataset s = {.table = golden_table(file), .k = k};
    s.d = s.table.cols - k;
    s.x = table_columns(&s.table, 0, s.d);
    s.y = table_columns(&s.table, s.d, k);
    if (standardized) standardize_columns(s.x, s.table.rows, s.d);
    s.data = data_of(s.table.rows, s.d, k, s.x, s.y, NULL);
    return s;
}

static void dataset_close(dataset *s)
{
    cusgd_data_free(s->data);
    free(s->x);
    free(s->y);
    free(s->table.at);
}

/* How far the objective at `parameters` is above the exact solution's, summed over outputs, as a share of it. */
static double gap_over(const dataset *s, const cJSON *solution, cusgd_loss loss, double l2, const double *parameters)
{
    int64_t d = s->d, n = s->table.rows;
    double *coef = zeros(s->k * d), *intercept = zeros(s->k), *exact = zeros(d + 1), *y = zeros(n), found = 0, minimum = 0;
    json_numbers(member(solution, "coef"), coef, s->k * d);
    json_numbers(member(solution, "intercept"), intercept, s->k);
    for (int64_t c = 0; c < s->k; c++) {
        for (int64_t i = 0; i < n; i++) y[i] = s->y[i * s->k + c];
        problem p = {n, d, s->x, y, NULL, loss, 0, l2, 1};
        memcpy(exact, coef + c * d, (size_t)d * sizeof *exact);
        exact[d] = intercept[c];
        minimum += oracle_objective(&p, exact, NULL);
        found += oracle_objective(&p, parameters + c * (d + 1), NULL);
    }
    free(coef);
    free(intercept);
    free(exact);
    free(y);
    return found / minimum - 1;
}

/* Every solution of a regression data set: raw or standardized columns, least squares or ridge. golden/ has ridge's objective as
 * |X w + b - y|^2 + alpha |w|^2, which is 2 n times ours with l2 = alpha / n. */
static void check_regression(const char *name, const char *file, int64_t k, double momentum, int64_t epochs)
{
    cJSON *solutions = golden_json("datasets/solutions.json");
    const cJSON *solution = NULL;
    int count = 0;
    cJSON_ArrayForEach(solution, member(member(solutions, name), "solutions"))
    {
        int standardized = strcmp(member(solution, "scaling")->valuestring, "standardized") == 0;
        dataset s = dataset_open(file, k, standardized);
        double alpha = json_number(solution, "alpha"), *parameters = zeros(k * (s.d + 1));
        cusgd_options o = options_exact(momentum, epochs);
        o.l2 = alpha / (double)s.table.rows;
        o.standardize = alpha == 0; /* a penalty would act on other coefficients */
        train(&o, s.data, parameters);
        double relative_gap = gap_over(&s, solution, o.loss, o.l2, parameters);
        cr_expect(fabs(relative_gap) <= 1e-6, "%s, %s, alpha %g: relative gap %g", name, standardized ? "standardized" : "raw",
                  alpha, relative_gap);
        count++;
        free(parameters);
        dataset_close(&s);
    }
    cr_expect_eq(count, 6);
    cJSON_Delete(solutions);
}

/* ---- Rows kept as bf16 ---- */

/* The loss of a run with default options on all of the data as given. */
static double loss_reached(const cusgd_data *data, cusgd_loss loss, cusgd_storage storage)
{
    cusgd_options o = options_default();
    cusgd_metrics m = CUSGD_INIT(cusgd_metrics);
    o.precision = CUSGD_PRECISION_FLOAT;
    o.storage = storage;
    o.loss = loss;
    o.l2 = 1e-3;
    cusgd_trainer *t = trainer_of(&o, data, NULL);
    fit(t);
    cr_assert_eq(cusgd_trainer_evaluate(t, data, -1, &m), CUSGD_OK);
    cusgd_trainer_free(t);
    return m.loss;
}

static void check_bf16(const char *name, const cusgd_data *data, cusgd_loss loss)
{
    double full = loss_reached(data, loss, CUSGD_STORAGE_FULL), bf16 = loss_reached(data, loss, CUSGD_STORAGE_BF16);
    cr_assert(bf16 != full, "%s: no rounding is seen", name);
    cr_assert(fabs(bf16 - full) <= 1e-3 * full, "%s: loss %.9g, in float %.9g", name, bf16, full);
}

Test(training, bf16_rows_reach_the_loss_of_floats)
{
    static const struct {
        const char *name;
        int64_t k;
        cusgd_loss loss;
    } sets[] = {{"datasets/diabetes.csv", 1, CUSGD_LOSS_SQUARED},
                {"datasets/linnerud.csv", 3, CUSGD_LOSS_SQUARED},
                {"datasets/breast_cancer.csv", 1, CUSGD_LOSS_LOGISTIC}};
    for (int i = 0; i < 3; i++) {
        table t = golden_table(sets[i].name);
        int64_t d = t.cols - sets[i].k;
        double *x = table_columns(&t, 0, d), *y = table_columns(&t, d, sets[i].k);
        cusgd_data *data = data_of(t.rows, d, sets[i].k, x, y, NULL);
        check_bf16(sets[i].name, data, sets[i].loss);
        cusgd_data_free(data);
        free(x);
        free(y);
        free(t.at);
    }
    for (int logistic = 0; logistic < 2; logistic++) {
        cusgd_generator g;
        cusgd_data *data;
        g = CUSGD_INIT(cusgd_generator);
        cusgd_generator_init(&g);
        g.rows = 3000;
        g.cols = 40;
        g.correlation = 0.5;
        g.targets = logistic ? CUSGD_SYNTHETIC_LOGISTIC : CUSGD_SYNTHETIC_LINEAR;
        cr_assert_eq(cusgd_data_generate(&g, &data), CUSGD_OK);
        check_bf16("made", data, logistic ? CUSGD_LOSS_LOGISTIC : CUSGD_LOSS_SQUARED);
        cusgd_data_free(data);
    }
}

Test(training, diabetes) { check_regression("diabetes", "datasets/diabetes.csv", 1, 0.99, 6000); }
Test(training, linnerud) { check_regression("linnerud", "datasets/linnerud.csv", 3, 0.998, 20000); }

Test(training, breast_cancer)
{
    cJSON *solutions = golden_json("datasets/solutions.json");
    const cJSON *solution = NULL;
    dataset s = dataset_open("datasets/breast_cancer.csv", 1, 1);
    double *parameters = zeros(s.d + 1);
    int count = 0;
    cJSON_ArrayForEach(solution, member(member(solutions, "breast_cancer"), "solutions"))
    {
        double C = json_number(solution, "C");
        cusgd_options o = C > 1 ? options_exact(0.999, 20000) : options_exact(0.98, 2000);
        o.loss = CUSGD_LOSS_LOGISTIC;
        o.l2 = 1 / (C * (double)s.table.rows);
        train(&o, s.data, parameters);
        double relative_gap = gap_over(&s, solution, o.loss, o.l2, parameters);
        cr_expect(fabs(relative_gap) <= 1e-6, "C %g: relative gap %g", C, relative_gap);
        count++;
    }
    cr_expect_eq(count, 3);
    free(parameters);
    dataset_close(&s);
    cJSON_Delete(solutions);
}

/* ---- Synthetic problems -------------------------------------------------------------------------------------------------- */

/* x Gaussian with correlated neighbors, y = 1 + x theta + noise with every third coefficient of theta nonzero. */
typedef struct synthetic {
    int64_t n, d;
    double *x, *y;
} synthetic;

static synthetic synthetic_make(uint64_t seed, int64_t n, int64_t d, double noise)
{
    synthetic s = {n, d, random_normals(&seed, n * d), zeros(n)};
    for (int64_t i = 0; i < n; i++) {
        double *row = s.x + i * d;
        s.y[i] = 1 + noise * random_normal(&seed);
        for (int64_t j = 1; j < d; j++) row[j] = 0.5 * row[j - 1] + row[j];
        for (int64_t j = 0; j < d; j += 3) s.y[i] += row[j] * (j % 2 ? -1 : 1);
    }
    return s;
}

static void synthetic_free(synthetic *s)
{
    free(s->x);
    free(s->y);
}

/* ---- l1 ------------------------------------------------------------------------------------------------------------------ */

static const cusgd_optimizer optimizers[] = {
    CUSGD_OPTIMIZER_AUTO,    CUSGD_OPTIMIZER_SGD,      CUSGD_OPTIMIZER_MOMENTUM, CUSGD_OPTIMIZER_NESTEROV,
    CUSGD_OPTIMIZER_ADAGRAD, CUSGD_OPTIMIZER_ADADELTA, CUSGD_OPTIMIZER_RMSPROP,  CUSGD_OPTIMIZER_ADAM,
};
enum { OPTIMIZERS = sizeof optimizers / sizeof optimizers[0] };

/* Options with which each optimizer comes to rest: a decaying rate where batches are noisy or where steps do not shrink with the
 * gradient. A scale that follows each batch's gradient closely (rho 0.9) would make minibatch AdaDelta's fixed point another. */
static cusgd_options options_to_rest(cusgd_optimizer optimizer, int full)
{
    cusgd_options o = options_plain(optimizer, (double)NAN, full ? 300 : 30, 2000);
    int by_size = optimizer == CUSGD_OPTIMIZER_RMSPROP || optimizer == CUSGD_OPTIMIZER_ADAM;
    if (!full || by_size) o.schedule = CUSGD_SCHEDULE_TIME_DECAY;
    if (by_size) o.rate = 0.05;
    if (full) o.t1 = 200;
    if (optimizer == CUSGD_OPTIMIZER_ADAGRAD) o.rate = 0.5;
    if (optimizer == CUSGD_OPTIMIZER_ADADELTA && !full) o.rho = 0.999;
    return o;
}

static void check_lasso(const problem *p, const double *exact, const cusgd_data *data, const cusgd_options *o)
{
    double *found = zeros(p->d + 1);
    train(o, data, found);
    double relative_gap = oracle_objective(p, found, NULL) / oracle_objective(p, exact, NULL) - 1;
    cr_expect(fabs(relative_gap) <= 1e-5, "loss %d, optimizer %d, batch %lld: relative gap %g", (int)o->loss, (int)o->optimizer,
              (long long)o->batch, relative_gap);
    for (int64_t j = 0; j < p->d; j++)
        cr_expect_eq(found[j] == 0, exact[j] == 0, "loss %d, optimizer %d, batch %lld: coefficient %lld is %g, exactly %g",
                     (int)o->loss, (int)o->optimizer, (long long)o->batch, (long long)j, found[j], exact[j]);
    free(found);
}

static void check_l1(cusgd_loss loss, double l1)
{
    synthetic s = synthetic_make(1, 300, 12, 0.5);
    for (int64_t i = 0; i < s.n && loss == CUSGD_LOSS_LOGISTIC; i++) s.y[i] = s.y[i] > 1;
    cusgd_data *data = data_of(s.n, s.d, 1, s.x, s.y, NULL);
    double *exact = zeros(s.d + 1);
    problem p = {s.n, s.d, s.x, s.y, NULL, loss, l1, 0.01, 1};
    int zero = 0;
    cr_assert_leq(oracle_solve(&p, exact), 1e-12);
    for (int64_t j = 0; j < p.d; j++) zero += exact[j] == 0;
    cr_assert(zero >= 4 && zero <= 8, "%d zeros do not tell much", zero);
    for (int i = 0; i < OPTIMIZERS; i++)
        for (int full = 0; full <= 1; full++) {
            cusgd_options o = options_to_rest(optimizers[i], full);
            o.loss = loss;
            o.l1 = p.l1;
            o.l2 = p.l2;
            o.standardize = 0;
            check_lasso(&p, exact, data, &o);
        }
    free(exact);
    cusgd_data_free(data);
    synthetic_free(&s);
}

Test(training, l1_squared) { check_l1(CUSGD_LOSS_SQUARED, 0.15); }
Test(training, l1_logistic) { check_l1(CUSGD_LOSS_LOGISTIC, 0.05); }

/* Penalties act on standardized coefficients: the optimum is that of the standardized data, mapped back. */
Test(training, l1_acts_on_standardized_coefficients)
{
    synthetic s = synthetic_make(2, 200, 6, 0.5);
    for (int64_t i = 0; i < s.n; i++) s.x[i * s.d] *= 1000;
    cusgd_data *data = data_of(s.n, s.d, 1, s.x, s.y, NULL);
    cusgd_options o = options_plain(CUSGD_OPTIMIZER_NESTEROV, (double)NAN, s.n, 500);
    double found[7], exact[7];
    o.l1 = 0.2;
    train(&o, data, found);
    double deviation = 0, mean = 0;
    for (int64_t i = 0; i < s.n; i++) mean += s.x[i * s.d] / (double)s.n;
    for (int64_t i = 0; i < s.n; i++) deviation += (s.x[i * s.d] - mean) * (s.x[i * s.d] - mean) / (double)s.n;
    standardize_columns(s.x, s.n, s.d);
    problem p = {s.n, s.d, s.x, s.y, NULL, CUSGD_LOSS_SQUARED, o.l1, 0, 1};
    oracle_solve(&p, exact);
    cr_expect_float_eq(found[0] * sqrt(deviation), exact[0], 1e-9, "%g, exactly %g", found[0] * sqrt(deviation), exact[0]);
    for (int64_t j = 0; j < s.d; j++) cr_expect_eq(found[j] == 0, exact[j] == 0);
    cusgd_data_free(data);
    synthetic_free(&s);
}

/* ---- Weights ------------------------------------------------------------------------------------------------------------- */

/* Full-batch runs on weighted rows, and on the same rows repeated as often as their weights say. */
static void check_repeated(cusgd_loss loss, int standardize, cusgd_optimizer optimizer)
{
    enum { ROWS = 60, COLS = 4, MOST = 3 };
    synthetic s = synthetic_make(3, ROWS, COLS, 1);
    double w[ROWS], x[ROWS * MOST * COLS], y[ROWS * MOST], weighted[COLS + 1], repeated[COLS + 1];
    int64_t rows = 0;
    for (int64_t i = 0; i < ROWS; i++) {
        if (loss == CUSGD_LOSS_LOGISTIC) s.y[i] = s.y[i] > 1;
        w[i] = (double)(i % (MOST + 1)); /* 0, 1, 2, 3 */
        for (int copy = 0; copy < (int)w[i]; copy++, rows++) {
            memcpy(x + rows * COLS, s.x + i * COLS, sizeof(double) * COLS);
            y[rows] = s.y[i];
        }
    }
    cusgd_data *a = data_of(ROWS, COLS, 1, s.x, s.y, w), *b = data_of(rows, COLS, 1, x, y, NULL);
    cusgd_options o = options_plain(optimizer, 0.1, 1000, 50);
    o.loss = loss;
    o.l2 = 0.1;
    o.standardize = standardize;
    cusgd_result ra = train(&o, a, weighted), rb = train(&o, b, repeated);
    cr_expect_leq(distance(weighted, repeated, COLS + 1), 1e-12, "loss %d, standardize %d: %g", (int)loss, standardize,
                  distance(weighted, repeated, COLS + 1));
    cr_expect_float_eq(ra.objective, rb.objective, 1e-12);
    cr_expect_float_eq(ra.loss, rb.loss, 1e-12);
    cusgd_data_free(a);
    cusgd_data_free(b);
    synthetic_free(&s);
}

Test(training, weight_is_repetition)
{
    for (int loss = CUSGD_LOSS_SQUARED; loss <= CUSGD_LOSS_LOGISTIC; loss++)
        for (int standardize = 0; standardize <= 1; standardize++) {
            check_repeated((cusgd_loss)loss, standardize, CUSGD_OPTIMIZER_SGD);
            check_repeated((cusgd_loss)loss, standardize, CUSGD_OPTIMIZER_ADAM);
        }
}

/* Two groups of rows with opposite derivatives, the second with nine times the weight: minibatches must find the weighted
 * optimum, which is far from the unweighted one. (Divided by its own weights, a batch of one row would not know of weights.) */
Test(training, weights_matter_in_minibatches)
{
    enum { ROWS = 2000 };
    uint64_t seed = 4;
    double *x = random_normals(&seed, ROWS), *y = zeros(ROWS), *w = zeros(ROWS), exact[2], unweighted[2], found[2];
    for (int64_t i = 0; i < ROWS; i++) {
        w[i] = i % 2 ? 9 : 1;
        y[i] = (i % 2 ? x[i] : -x[i]) + 0.1 * random_normal(&seed);
    }
    problem p = {ROWS, 1, x, y, w, CUSGD_LOSS_SQUARED, 0, 0, 1}, without = p;
    without.w = NULL;
    oracle_solve(&p, exact);
    oracle_solve(&without, unweighted);
    cusgd_data *data = data_of(ROWS, 1, 1, x, y, w);
    for (int batch = 1; batch <= 8; batch += 7) {
        cusgd_options o = options_plain(CUSGD_OPTIMIZER_SGD, 0.01, batch, 20);
        o.average = 1;
        train(&o, data, found);
        double relative_gap = oracle_objective(&p, found, NULL) / oracle_objective(&p, exact, NULL) - 1;
        cr_expect_leq(relative_gap, 0.01, "batch %d: relative gap %g", batch, relative_gap);
    }
    cr_expect_gt(oracle_objective(&p, unweighted, NULL) / oracle_objective(&p, exact, NULL) - 1, 0.5);
    cusgd_data_free(data);
    free(x);
    free(y);
    free(w);
}

/* ---- Standardization ----------------------------------------------------------------------------------------------------- */

/* Rows standardized by hand: about their mean, or, without an intercept, scaled to mean square 1 only. */
static void standardize_by_hand(synthetic *s, int center, double *mean, double *scale)
{
    for (int64_t j = 0; j < s->d; j++) {
        mean[j] = scale[j] = 0;
        for (int64_t i = 0; i < s->n && center; i++) mean[j] += s->x[i * s->d + j] / (double)s->n;
        for (int64_t i = 0; i < s->n; i++) scale[j] += pow(s->x[i * s->d + j] - mean[j], 2) / (double)s->n;
        scale[j] = sqrt(scale[j]);
        for (int64_t i = 0; i < s->n; i++) s->x[i * s->d + j] = (s->x[i * s->d + j] - mean[j]) / scale[j];
    }
}

static void check_standardization(cusgd_loss loss, cusgd_optimizer optimizer, int intercept)
{
    enum { ROWS = 150, COLS = 5 };
    synthetic s = synthetic_make(5, ROWS, COLS, 1);
    double inside[COLS + 1], by_hand[COLS + 1], mean[COLS], scale[COLS], worst = 0;
    for (int64_t i = 0; i < ROWS; i++) {
        if (loss == CUSGD_LOSS_LOGISTIC) s.y[i] = s.y[i] > 1;
        for (int64_t j = 0; j < COLS; j++) s.x[i * COLS + j] = 3 * (double)j + pow(10, (double)(j - 2)) * s.x[i * COLS + j];
    }
    cusgd_data *data = data_of(ROWS, COLS, 1, s.x, s.y, NULL);
    cusgd_options o = options_plain(optimizer, 0.05, 16, 20);
    o.loss = loss;
    o.l2 = 0.01;
    o.intercept = intercept;
    train(&o, data, inside);
    standardize_by_hand(&s, intercept, mean, scale);
    o.standardize = 0;
    train(&o, data, by_hand);
    for (int64_t j = 0; j < COLS; j++) {
        by_hand[j] /= scale[j];
        by_hand[COLS] -= by_hand[j] * mean[j];
    }
    for (int64_t j = 0; j <= COLS; j++) worst = fmax(worst, fabs(inside[j] - by_hand[j]) / fmax(fabs(by_hand[j]), 1));
    cr_expect_leq(worst, 1e-9, "loss %d, optimizer %d, intercept %d: %g", (int)loss, (int)optimizer, intercept, worst);
    if (!intercept) cr_expect_eq(inside[COLS], 0);
    cusgd_data_free(data);
    synthetic_free(&s);
}

Test(training, standardize_is_by_hand_mapped_back)
{
    for (int loss = CUSGD_LOSS_SQUARED; loss <= CUSGD_LOSS_LOGISTIC; loss++)
        for (int i = 1; i < OPTIMIZERS; i++)
            for (int intercept = 0; intercept <= 1; intercept++)
                check_standardization((cusgd_loss)loss, optimizers[i], intercept);
}
