/* Losses that are given as formulas: they train to what the library's own losses do, their models and checkpoints remember them,
 * and formulas that are no losses are refused. */
#include "inside.h"
#include "support.h"
#include "training.h"

#include "losses_as_formulas.h"

#include "scalar/loss_formula.h"

#include <math.h>
#include <stdio.h>

TestSuite(own_loss, .init = folder_setup, .fini = folder_teardown);

enum { N = 240, D = 3 };

static double x[N * D], numbers[N];

static void fill(void)
{
    uint64_t seed = 3;
    for (int i = 0; i < N * D; i++) x[i] = random_normal(&seed);
    for (int i = 0; i < N; i++) numbers[i] = 2 + x[i * D] - 0.5 * x[i * D + 1] + random_normal(&seed);
}

/* Targets that a loss takes, which the columns have to do with. */
static void targets_of(const loss_rule *rule, double *y)
{
    cusgd_target_kind kind = loss_info_of(rule->kind)->targets;
    for (int i = 0; i < N; i++)
        y[i] = kind == CUSGD_TARGET_REAL    ? numbers[i]
               : kind == CUSGD_TARGET_CLASS ? numbers[i] > 2
                                            : floor(exp(numbers[i] / 2)) + 1;
}

static cusgd_options formula_of(const char *text)
{
    cusgd_options o = options_default();
    assert_works(cusgd_options_set(&o, "loss-expr", text));
    strcpy(o.device, "cpu");
    return o;
}

/* ---- The same optimum ---- */

/* By a solver where the loss has derivatives, else by the same steps of a named optimizer. */
Test(own_loss, library_losses_as_formulas_train_alike)
{
    double y[N], own[D + 1], theirs[D + 1];
    fill();
    for (int k = 0; k < FORMULAS; k++) {
        loss_rule rule = losses_as_formulas[k].rule;
        cusgd_options formula = formula_of(losses_as_formulas[k].text), o = formula;
        targets_of(&rule, y);
        o.loss = rule.kind;
        loss_number_set(&o, rule.number);
        o.l2 = formula.l2 = 0.05;
        if (loss_is_nonsmooth(rule.kind)) {
            o.optimizer = formula.optimizer = CUSGD_OPTIMIZER_ADAM;
            o.rate = formula.rate = 0.01;
            o.epochs = formula.epochs = 8;
            if (rule.kind == CUSGD_LOSS_PERCEPTRON) continue; /* has its least value where it starts */
        } else {
            o.solver = formula.solver = k % 2 ? CUSGD_SOLVER_NEWTON : CUSGD_SOLVER_LBFGS;
            o.gradient_tolerance = formula.gradient_tolerance = 1e-9;
            o.epochs = formula.epochs = 100;
        }
        cusgd_data *data = data_of(N, D, 1, x, y, NULL);
        train(&o, data, theirs);
        train(&formula, data, own);
        cr_assert_lt(distance(own, theirs, D + 1), 1e-6, "%s: %g", losses_as_formulas[k].text, distance(own, theirs, D + 1));
        cusgd_data_free(data);
    }
}

/* The rule by which optimizer auto chooses knows nothing of the loss but what it finds. */
Test(own_loss, auto_comes_near_the_optimum)
{
    static const char *const texts[] = {"log(cosh(p - y))", "exp(p) - y*p", "log(1 + exp(p)) - y*p", "(p - y)^2",
                                        "sqrt(1 + (p - y)^2)"};
    double y[N], parameters[D + 1];
    fill();
    for (size_t k = 0; k < sizeof texts / sizeof *texts; k++) {
        cusgd_options o = formula_of(texts[k]), full = o;
        for (int i = 0; i < N; i++) y[i] = k == 1 ? floor(exp(numbers[i] / 2)) : k == 2 ? numbers[i] > 2 : 1000 + numbers[i];
        full.solver = CUSGD_SOLVER_NEWTON;
        cusgd_data *data = data_of(N, D, 1, x, y, NULL);
        double least = train(&full, data, parameters).loss, reached = train(&o, data, parameters).loss;
        cr_assert(reached - least < 2e-3 * fabs(least), "%s: %.10g, not %.10g", texts[k], reached, least);
        cusgd_data_free(data);
    }
}

/* ---- Every way of rows ---- */

/* Weights, offsets, several outputs, many outputs and sparse rows of a formula against the loss that it is. */
static void check_rows(int outputs, int weighted, int offsets, int sparse)
{
    double *y = zeros(N * (int64_t)outputs), w[N], o[N], *own = zeros((D + 1) * (int64_t)outputs),
           *theirs = zeros((D + 1) * (int64_t)outputs);
    int64_t start[N + 1];
    int32_t columns[N * D];
    for (int i = 0; i < N; i++) {
        w[i] = 1 + i % 3;
        o[i] = 0.1 * (i % 5);
        start[i + 1] = (i + 1) * D;
        for (int c = 0; c < outputs; c++) y[i * outputs + c] = numbers[i] * (1 + 0.1 * c);
    }
    start[0] = 0;
    for (int i = 0; i < N * D; i++) columns[i] = i % D;
    for (int precision = CUSGD_PRECISION_FLOAT; precision <= CUSGD_PRECISION_DOUBLE; precision++) {
        cusgd_options formula = formula_of("log(cosh(p - y))"), own_loss;
        formula.optimizer = CUSGD_OPTIMIZER_ADAM;
        formula.rate = 0.01;
        formula.epochs = 3;
        formula.precision = (cusgd_precision)precision;
        own_loss = formula;
        own_loss.loss = CUSGD_LOSS_LOG_COSH;
        cusgd_data *data;
        if (sparse) {
            cusgd_csr rows = {start, columns, x, CUSGD_TYPE_FLOAT64, 0};
            cusgd_matrix target = {y, CUSGD_TYPE_FLOAT64, outputs, 1}, weights = {weighted ? w : NULL, CUSGD_TYPE_FLOAT64, 1, 1};
            assert_works(cusgd_data_wrap_csr(N, D, outputs, rows, target, weights, &data));
        } else {
            data = data_of(N, D, outputs, x, y, weighted ? w : NULL);
        }
        if (offsets) assert_works(cusgd_data_set_offset(data, CUSGD_OFFSET_LINEAR, (cusgd_matrix){o, CUSGD_TYPE_FLOAT64, 1, 1}));
        train(&own_loss, data, theirs);
        train(&formula, data, own);
        double far = distance(own, theirs, (D + 1) * (int64_t)outputs);
        cr_assert_lt(far, precision == CUSGD_PRECISION_FLOAT ? 1e-5 : 1e-12, "%d outputs: %g", outputs, far);
        cusgd_data_free(data);
    }
    free(y);
    free(own);
    free(theirs);
}

Test(own_loss, rows_of_every_kind)
{
    fill();
    check_rows(1, 0, 0, 0);
    check_rows(1, 1, 1, 0);
    check_rows(3, 1, 0, 0);
    check_rows(20, 1, 1, 0); /* outputs side by side */
    check_rows(1, 1, 1, 1);
    check_rows(20, 1, 1, 1);
}

Test(own_loss, sweeps_and_paths)
{
    const double none = (double)NAN;
    const cusgd_configuration configurations[] = {
        {0, 0, none, none, none, 0}, {0, 0.1, none, none, none, 0}, {0.05, 0, none, none, none, 0}};
    cusgd_path_plan path = {.size = sizeof path, .l1_ratio = 1, .count = 5, .ratio = 0.01, .folds = 3};
    cusgd_options formula = formula_of("log(cosh(p - y))"), own = formula;
    fill();
    own.loss = CUSGD_LOSS_LOG_COSH;
    cusgd_data *data = data_of(N, D, 1, x, numbers, NULL);
    cusgd_sweep_plan plan = {.size = sizeof plan, .configurations = configurations, .count = 3, .folds = 3};
    cusgd_sweep *a, *b;
    assert_works(cusgd_sweep_create(&formula, data, NULL, &plan, &a));
    assert_works(cusgd_sweep_create(&own, data, NULL, &plan, &b));
    for (size_t i = 0; i < 3; i++) {
        cusgd_outcome x1 = CUSGD_INIT(cusgd_outcome), x2 = CUSGD_INIT(cusgd_outcome);
        cr_assert(cusgd_sweep_outcome(a, i, &x1) && cusgd_sweep_outcome(b, i, &x2));
        cr_assert_float_eq(x1.mean, x2.mean, 2e-3 * x2.mean, "%g, not %g", x1.mean, x2.mean);
    }
    cusgd_sweep_free(a);
    cusgd_sweep_free(b);
    cusgd_path *p, *q;
    assert_works(cusgd_path_create(&formula, data, &path, &p));
    assert_works(cusgd_path_create(&own, data, &path, &q));
    for (size_t i = 0; i < 5; i++)
        cr_assert_lt(distance(cusgd_path_coefficients(p, i), cusgd_path_coefficients(q, i), D + 1), 1e-6);
    cusgd_path_free(p);
    cusgd_path_free(q);
    formula = formula_of("abs(p - y)");
    assert_fails(cusgd_path_create(&formula, data, &path, &p), CUSGD_ERROR_USAGE, "needs a loss with second derivatives");
    formula = formula_of("abs(p - y) < 1 ? (p - y)^2 : 2*abs(p - y) - 1");
    assert_fails(cusgd_path_create(&formula, data, &path, &p), CUSGD_ERROR_USAGE, "needs a loss with second derivatives");
    cusgd_data_free(data);
}

/* ---- Options ---- */

static void assert_option(const cusgd_options *o, const char *name, const char *expected)
{
    char text[CUSGD_OPTION_TEXT];
    assert_works(cusgd_options_get(o, name, text));
    cr_assert_str_eq(text, expected);
}

Test(own_loss, options)
{
    cusgd_options o = options_default();
    assert_option(&o, "loss-expr", "auto");
    assert_works(cusgd_options_set(&o, "loss-expr", "c*(p - y)^2 + d"));
    assert_option(&o, "loss", "expression");
    assert_works(cusgd_options_set(&o, "constant", "c=2"));
    assert_works(cusgd_options_set(&o, "constant", "dd=1e3,d=-4"));
    assert_option(&o, "constant", "c=2,dd=1000,d=-4");
    assert_works(cusgd_options_set(&o, "constant", "c=0.5"));
    assert_option(&o, "constant", "dd=1000,d=-4,c=0.5");
    assert_works(cusgd_options_set(&o, "constant", "d=1"));
    assert_option(&o, "constant", "dd=1000,c=0.5,d=1");
    static const char *const wrong[] = {"c", "c=", "=2", "c=x", "c=1,", "c=inf", "c=nan", ",c=1", "c=1,,d=2", "c=1 1"};
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++)
        assert_fails(cusgd_options_set(&o, "constant", wrong[i]), CUSGD_ERROR_USAGE,
                     "constant must be a name and a finite number");
    assert_option(&o, "constant", "dd=1000,c=0.5,d=1");
    assert_works(cusgd_options_set(&o, "constant", CUSGD_AUTO));
    assert_option(&o, "constant", "auto");
    cr_assert_null(cusgd_options_unused(&o, "link"));
    assert_works(cusgd_options_set(&o, "loss", "huber")); /* the last one holds */
    assert_option(&o, "loss-expr", "auto");
    cr_assert_str_eq(cusgd_options_unused(&o, "link"), "loss");
    cr_assert_str_eq(cusgd_options_unused(&o, "constant"), "loss");
    assert_works(cusgd_options_set(&o, "loss-expr", "p^2"));
    assert_works(cusgd_options_set(&o, "loss-expr", CUSGD_AUTO));
    assert_option(&o, "loss", "squared");
    assert_works(cusgd_options_set(&o, "loss", "expression"));
    assert_fails(cusgd_options_check(&o), CUSGD_ERROR_USAGE, "needs its formula");
    char longest[CUSGD_OPTION_TEXT + 1];
    memset(longest, '1', sizeof longest);
    longest[0] = 'p';
    longest[1] = '+';
    longest[CUSGD_OPTION_TEXT] = '\0';
    assert_fails(cusgd_options_set(&o, "loss-expr", longest), CUSGD_ERROR_USAGE, "at most 1023 bytes");
    longest[CUSGD_OPTION_TEXT - 1] = '\0';
    assert_works(cusgd_options_set(&o, "loss-expr", longest));
    assert_option(&o, "loss-expr", longest);
    assert_fails(cusgd_options_set(&o, "loss-expr", " "), CUSGD_ERROR_USAGE, "a formula");
    assert_fails(cusgd_options_set_number(&o, "link", 2), CUSGD_ERROR_USAGE, "not a number");
}

/* ---- What is no loss ---- */

static void assert_refused(const char *text, cusgd_status status, const char *part)
{
    cusgd_options o = formula_of(text);
    cusgd_trainer *t;
    cusgd_data *data = data_of(N, D, 1, x, numbers, NULL);
    assert_fails(cusgd_trainer_create(&o, data, NULL, &t), status, part);
    cr_assert_null(t);
    cusgd_data_free(data);
}

Test(own_loss, refusals)
{
    fill();
    assert_refused("y^2", CUSGD_ERROR_USAGE, "does not depend on the prediction p");
    assert_refused("(p - y)^2 + c", CUSGD_ERROR_USAGE, "\n(p - y)^2 + c\n            ^");
    assert_refused("2(p - y)", CUSGD_ERROR_USAGE, "a product is written with *");
    assert_refused("(p - y)^2; p", CUSGD_ERROR_USAGE, "one formula");
    assert_refused("sum(i, 1, 80, (p - y)^(2*i))", CUSGD_ERROR_USAGE, "may have 64");
    assert_refused("p > y", CUSGD_ERROR_USAGE, "jumps");
    assert_refused("p == y ? 0 : 1 + (p - y)^2", CUSGD_ERROR_USAGE, "jumps");
    assert_refused("p < 3.3 ? p^2 : p^2 + 1", CUSGD_ERROR_USAGE, "jumps");
    assert_refused("-(p - y)^2", CUSGD_ERROR_DATA, "falls without end");
    assert_refused("p - y", CUSGD_ERROR_DATA, "minus infinity");
    assert_refused("log(y)*p^2", CUSGD_ERROR_DATA, "no finite value");
    assert_refused("sqrt(-1 - p^2)", CUSGD_ERROR_DATA, "not a number");
    cusgd_options o = formula_of("(p - y)^2");
    cusgd_data *data = data_of(N, D, 1, x, numbers, NULL);
    cusgd_trainer *t;
    assert_works(cusgd_options_set(&o, "constant", "p=1"));
    assert_fails(cusgd_trainer_create(&o, data, NULL, &t), CUSGD_ERROR_USAGE, "p is a variable");
    o = formula_of("c*(p - y)^2");
    assert_works(cusgd_options_set(&o, "constant", "c=1,fator=2"));
    assert_fails(cusgd_trainer_create(&o, data, NULL, &t), CUSGD_ERROR_USAGE, "loss-expr does not name the constant fator");
    assert_works(cusgd_options_set(&o, "link", "factor*p"));
    assert_works(cusgd_options_set(&o, "constant", "factor=3"));
    assert_fails(cusgd_trainer_create(&o, data, NULL, &t), CUSGD_ERROR_USAGE, "nor --link names the constant fator");
    o = formula_of("(p - y)^2");
    assert_works(cusgd_options_set(&o, "link", "y"));
    assert_fails(cusgd_trainer_create(&o, data, NULL, &t), CUSGD_ERROR_USAGE, "--link: formula, character 1");
    assert_works(cusgd_options_set(&o, "link", "3"));
    assert_fails(cusgd_trainer_create(&o, data, NULL, &t), CUSGD_ERROR_USAGE, "does not depend");
    o = formula_of("abs(p - y)");
    o.solver = CUSGD_SOLVER_LBFGS;
    assert_fails(cusgd_trainer_create(&o, data, NULL, &t), CUSGD_ERROR_USAGE, "requires solver sgd");
    cusgd_data_free(data);
}

/* The formula needs 17 results at a time: more than a GPU keeps. */
Test(own_loss, long_formulas_are_for_the_cpu)
{
    char text[1000] = "p";
    fill();
    for (int i = LOSS_PLACES + 1; i > 0; i--) {
        char inside[sizeof text];
        strcpy(inside, text);
        snprintf(text, sizeof text, "(p - %d)*(%.900s)", i, inside);
    }
    strncat(text, "*1e-30 + (p - y)^2", sizeof text - strlen(text) - 1);
    cusgd_options o = formula_of(text);
    cusgd_data *data = data_of(N, D, 1, x, numbers, NULL);
    strcpy(o.device, "cuda");
    cusgd_trainer *t;
    assert_fails(cusgd_trainer_create(&o, data, NULL, &t), CUSGD_ERROR_USAGE, "needs 17 results at a time, and a GPU keeps 16");
    strcpy(o.device, "auto");
    t = trainer_of(&o, data, NULL);
    cr_assert_str_eq(cusgd_trainer_options(t)->device, "cpu");
    cusgd_trainer_free(t);
    cusgd_data_free(data);
}

/* What kind of derivatives a formula has decides which methods are offered. */
Test(own_loss, kinds)
{
    static const struct {
        const char *text;
        cusgd_loss kind;
    } of[] = {{"(p - y)^2", CUSGD_LOSS_EXPRESSION_SHIFT},
              {"sqrt(1 + (y - p)^2)", CUSGD_LOSS_EXPRESSION_SHIFT},
              {"p*p - 2*p*y", CUSGD_LOSS_EXPRESSION},
              {"exp(p) - y*p", CUSGD_LOSS_EXPRESSION},
              {"(p - y)^2 + p", CUSGD_LOSS_EXPRESSION},
              {"abs(p - y)", CUSGD_LOSS_EXPRESSION_SHIFT_NOT},
              {"sqrt(abs(p - y))", CUSGD_LOSS_EXPRESSION_SHIFT_NOT},
              {"max(0, 1 - p*y)", CUSGD_LOSS_EXPRESSION_NOT},
              {"max(0, 1 - p*y)^2", CUSGD_LOSS_EXPRESSION_ONCE},
              {"abs(p - y)^3", CUSGD_LOSS_EXPRESSION_SHIFT},
              {"abs(p - y) < 1.5 ? (p - y)^2 : 3*abs(p - y) - 2.25", CUSGD_LOSS_EXPRESSION_SHIFT_ONCE}};
    fill();
    cusgd_data *data = data_of(N, D, 1, x, numbers, NULL);
    for (size_t i = 0; i < sizeof of / sizeof *of; i++) {
        cusgd_options o = formula_of(of[i].text);
        cusgd_trainer *t = trainer_of(&o, data, NULL);
        cr_assert_eq(cusgd_trainer_options(t)->loss, of[i].kind, "%s: %d", of[i].text, (int)cusgd_trainer_options(t)->loss);
        assert_option(cusgd_trainer_options(t), "loss", "expression");
        cusgd_trainer_free(t);
    }
    cusgd_data_free(data);
}

static int has_note(const cusgd_trainer *t, const char *part)
{
    for (size_t i = 0; cusgd_trainer_note(t, i); i++)
        if (strstr(cusgd_trainer_note(t, i), part)) return 1;
    return 0;
}

Test(own_loss, what_is_not_convex_is_noted)
{
    static const char *const texts[] = {"log(1 + (p - y)^2)", "1 - exp(-(p - y)^2)", "log(cosh(p - y))", "(p - y)^4",
                                        "sqrt((p - y)^2)"};
    fill();
    cusgd_data *data = data_of(N, D, 1, x, numbers, NULL);
    for (int i = 0; i < 5; i++) {
        cusgd_options o = formula_of(texts[i]);
        cusgd_trainer *t = trainer_of(&o, data, NULL);
        cr_assert_eq(has_note(t, "not convex"), i < 2, "%s", texts[i]);
        cusgd_result r = fit(t);
        cr_assert(isfinite(r.loss));
        cusgd_trainer_free(t);
    }
    cusgd_data_free(data);
}

/* ---- Models, checkpoints, other runs ---- */

Test(own_loss, models_remember)
{
    double y[N], link[N], mean[N], again[N];
    cusgd_options o = formula_of("c*(exp(p) - y*p)");
    cusgd_model *m, *loaded;
    cusgd_metrics a = CUSGD_INIT(cusgd_metrics), b = CUSGD_INIT(cusgd_metrics);
    fill();
    for (int i = 0; i < N; i++) y[i] = floor(exp(numbers[i] / 2));
    assert_works(cusgd_options_set(&o, "constant", "c=2"));
    assert_works(cusgd_options_set(&o, "link", "exp(p)"));
    o.solver = CUSGD_SOLVER_NEWTON;
    cusgd_data *data = data_of(N, D, 1, x, y, NULL);
    cusgd_trainer *t = trainer_of(&o, data, NULL);
    cusgd_result r = fit(t);
    assert_works(cusgd_trainer_create_model(t, &m));
    cusgd_trainer_free(t); /* the model has a formula of its own */
    assert_works(cusgd_model_save(m, path_of("m")));
    assert_works(cusgd_model_load(path_of("m"), &loaded));
    assert_works(cusgd_model_predict(m, data, CUSGD_PREDICT_LINK, link));
    assert_works(cusgd_model_predict(m, data, CUSGD_PREDICT_MEAN, mean));
    assert_works(cusgd_model_predict(loaded, data, CUSGD_PREDICT_MEAN, again));
    for (int i = 0; i < N; i++) cr_assert_float_eq(mean[i], exp(link[i]), 1e-12 * mean[i]);
    cr_assert_arr_eq(mean, again, sizeof mean);
    assert_works(cusgd_model_evaluate(m, data, -1, &a));
    assert_works(cusgd_model_evaluate(loaded, data, -1, &b));
    cr_assert_arr_eq(&a.loss, &b.loss, sizeof a.loss);
    cr_assert_float_eq(a.loss, r.loss, 1e-9 * fabs(r.loss));
    double poisson = 0, error = 0;
    for (int i = 0; i < N; i++) {
        poisson += 2 * (exp(link[i]) - y[i] * link[i]) / N;
        error += (mean[i] - y[i]) * (mean[i] - y[i]) / N;
    }
    cr_assert_float_eq(a.loss, poisson, 1e-12 * fabs(poisson));
    cr_assert_float_eq(a.mse, error, 1e-12 * error);
    assert_fails(cusgd_model_predict(m, data, CUSGD_PREDICT_CLASS, again), CUSGD_ERROR_USAGE, "no classes");
    cusgd_model_free(loaded);
    /* A model of arrays */
    cusgd_model_arrays arrays = {.size = sizeof arrays,
                                 .cols = D,
                                 .outputs = 1,
                                 .weight = cusgd_model_weight(m),
                                 .bias = cusgd_model_bias(m),
                                 .loss_expr = "c*(exp(p) - y*p)",
                                 .link = "exp(p)",
                                 .constants = "c=2"};
    assert_works(cusgd_model_create(&arrays, &loaded));
    assert_works(cusgd_model_evaluate(loaded, data, -1, &b));
    cr_assert_arr_eq(&a.loss, &b.loss, sizeof a.loss);
    cusgd_model_free(loaded);
    arrays.constants = NULL;
    assert_fails(cusgd_model_create(&arrays, &loaded), CUSGD_ERROR_USAGE, "there is no name c");
    arrays.loss_expr = NULL;
    arrays.loss = "expression";
    assert_fails(cusgd_model_create(&arrays, &loaded), CUSGD_ERROR_USAGE, "needs its formula");
    cusgd_model_free(m);
    cusgd_data_free(data);
}

typedef struct saved {
    unsigned char bytes[1 << 20];
    size_t count;
} saved;

static void save(cusgd_trainer *t, const cusgd_progress *now, void *user)
{
    saved *s = user;
    if (now->epoch == 3) assert_works(cusgd_trainer_save_state_memory(t, s->bytes, sizeof s->bytes, &s->count));
}

Test(own_loss, checkpoints)
{
    static saved s;
    double whole[D + 1], resumed[D + 1];
    cusgd_options o = formula_of("c*log(cosh(p - y))");
    fill();
    assert_works(cusgd_options_set(&o, "constant", "c=2"));
    o.epochs = 6;
    cusgd_data *data = data_of(N, D, 1, x, numbers, NULL);
    cusgd_trainer *t = trainer_of(&o, data, NULL);
    cusgd_trainer_set_checkpoint_callback(t, save, &s);
    fit(t);
    parameters_of(t, D, 1, whole);
    cusgd_trainer_free(t);
    cusgd_progress now = CUSGD_INIT(cusgd_progress);
    t = trainer_of(&o, data, NULL);
    assert_works(cusgd_trainer_load_state_memory(t, s.bytes, s.count, &now));
    cr_assert_eq(now.epoch, 3);
    fit(t);
    parameters_of(t, D, 1, resumed);
    cr_assert_arr_eq(whole, resumed, sizeof whole);
    cusgd_trainer_free(t);
    assert_works(cusgd_options_set(&o, "constant", "c=3"));
    t = trainer_of(&o, data, NULL);
    assert_fails(cusgd_trainer_load_state_memory(t, s.bytes, s.count, &now), CUSGD_ERROR_USAGE, "constant c=3, not c=2");
    cusgd_trainer_free(t);
    cusgd_data_free(data);
}

/* A reset to the same formula, to another one, to a loss of the library and back has the bits of new trainers. */
Test(own_loss, resets)
{
    double reset[D + 1], anew[D + 1];
    fill();
    cusgd_options of[4] = {formula_of("(p - y)^4"), formula_of("(p - y)^4"), formula_of("log(cosh(p - y))"), options_default()};
    of[1].l2 = 0.1;
    for (int i = 0; i < 4; i++) of[i].epochs = 3;
    cusgd_data *data = data_of(N, D, 1, x, numbers, NULL);
    cusgd_trainer *t = trainer_of(&of[0], data, NULL);
    for (int i = 1; i < 6; i++) {
        assert_works(cusgd_trainer_reset(t, &of[i % 4]));
        fit(t);
        parameters_of(t, D, 1, reset);
        train(&of[i % 4], data, anew);
        cr_assert_arr_eq(reset, anew, sizeof reset, "reset %d", i);
    }
    assert_works(cusgd_trainer_reset(t, cusgd_trainer_options(t))); /* whose formula is the trainer's */
    cusgd_options *copy;
    assert_works(cusgd_options_copy(cusgd_trainer_options(t), &copy));
    cusgd_trainer_free(t);
    train(copy, data, anew);
    cusgd_options_free(copy);
    cusgd_data_free(data);
}
