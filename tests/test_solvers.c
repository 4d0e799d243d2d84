/* The full-batch solvers against exact solutions, on the device that CUSGD_TEST_DEVICE names. */
#include "options.h"
#include "solvers.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

/* ---- The real data sets ---- */

/* The sum over outputs of (1/n) |y - x theta - b|^2 / 2 + l2/2 |theta|^2; parameters: k x (d + 1). */
static double squares(const real_data *r, double l2, const double *parameters)
{
    double sum = 0, *y = zeros(r->n);
    for (int64_t c = 0; c < r->k; c++) {
        for (int64_t i = 0; i < r->n; i++) y[i] = r->y[i * r->k + c];
        problem p = {.n = r->n, .d = r->d, .x = r->x, .y = y, .loss = CUSGD_LOSS_SQUARED, .l2 = l2, .intercept = 1};
        sum += objective_at(&p, parameters + c * (r->d + 1));
    }
    free(y);
    return sum;
}

/* One solution of solutions.json, k x (d + 1). */
static double *solution_of(const cJSON *s, const real_data *r)
{
    double *coef = zeros(r->k * r->d), *bias = zeros(r->k), *out = zeros(r->k * (r->d + 1));
    json_numbers(cJSON_GetObjectItem(s, "coef"), coef, r->k * r->d);
    json_numbers(cJSON_GetObjectItem(s, "intercept"), bias, r->k);
    for (int64_t c = 0; c < r->k; c++) {
        memcpy(out + c * (r->d + 1), coef + c * r->d, (size_t)r->d * sizeof *coef);
        out[c * (r->d + 1) + r->d] = bias[c];
    }
    free(coef);
    free(bias);
    return out;
}

static void check_real(const char *name, int64_t k)
{
    char file[64];
    cJSON *json = golden_json("datasets/solutions.json");
    const cJSON *set = cJSON_GetObjectItem(json, name), *s;
    snprintf(file, sizeof file, "datasets/%s.csv", name);
    cJSON_ArrayForEach(s, cJSON_GetObjectItem(set, "solutions"))
    {
        int standardized = strcmp(cJSON_GetObjectItem(s, "scaling")->valuestring, "standardized") == 0;
        real_data r = open_real(file, k, standardized);
        double l2 = json_number(s, "alpha") / (double)r.n, *exact = solution_of(s, &r), *found = zeros(k * (r.d + 1));
        double minimum = squares(&r, l2, exact);
        cusgd_data *data = data_of(r.n, r.d, k, r.x, r.y, NULL);
        for (int i = 0; i < SOLVERS; i++) {
            if (is_first_order(all[i]) && !standardized) continue;
            if (!standardized && is_broyden(all[i])) continue;
            cusgd_options o = with(all[i], CUSGD_LOSS_SQUARED, l2);
            o.standardize = standardized;
            train(&o, data, found);
            double relative_gap = squares(&r, l2, found) / minimum - 1, maximum = is_first_order(all[i]) ? 1e-6 : 1e-9;
            cr_assert(fabs(relative_gap) <= maximum, "%s, alpha %g, %s, %s: %.3g above the exact objective", name,
                      json_number(s, "alpha"), standardized ? "standardized" : "raw", word_of(all[i]), relative_gap);
        }
        cusgd_data_free(data);
        close_real(&r);
        free(exact);
        free(found);
    }
    cJSON_Delete(json);
}

Test(solvers, diabetes) { check_real("diabetes", 1); }
Test(solvers, three_outputs) { check_real("linnerud", 3); }

/* mse is twice squared: the same solution at twice the penalty. */
Test(solvers, mse_has_the_solution_of_squared)
{
    real_data r = open_real("datasets/linnerud.csv", 3, 1);
    cusgd_data *data = data_of(r.n, r.d, 3, r.x, r.y, NULL);
    double a[12], b[12];
    for (int i = 0; i < SOLVERS; i++) {
        cusgd_options squared = with(all[i], CUSGD_LOSS_SQUARED, 0.1), mse = with(all[i], CUSGD_LOSS_MSE, 0.2);
        squared.gradient_tolerance = mse.gradient_tolerance = 1e-9;
        train(&squared, data, a);
        train(&mse, data, b);
        cr_assert(distance(a, b, 12) < 1e-5, "%s: %g", word_of(all[i]), distance(a, b, 12));
    }
    cusgd_data_free(data);
    close_real(&r);
}

Test(solvers, logistic_with_l2)
{
    real_data r = open_real("datasets/breast_cancer.csv", 1, 1);
    cusgd_data *data = data_of(r.n, r.d, 1, r.x, r.y, NULL);
    double found[31], g[31];
    const double strengths[] = {0.01, 1};
    for (int c = 0; c < 2; c++)
        for (int i = 0; i < SOLVERS; i++) {
            double l2 = 1 / (strengths[c] * (double)r.n);
            if (all[i] == CUSGD_SOLVER_EXACT || (is_first_order(all[i]) && c == 1)) continue;
            cusgd_options o = with(all[i], CUSGD_LOSS_LOGISTIC, l2);
            if (is_first_order(all[i])) o.gradient_tolerance = 1e-9;
            problem p = {.n = r.n, .d = r.d, .x = r.x, .y = r.y, .loss = CUSGD_LOSS_LOGISTIC, .l2 = l2, .intercept = 1};
            train(&o, data, found);
            oracle_objective(&p, found, g);
            double norm = 0;
            for (int j = 0; j <= 30; j++) norm += g[j] * g[j];
            cr_assert(sqrt(norm) <= 1e-8, "C %g, %s: |gradient| is %.3g", strengths[c], word_of(all[i]), sqrt(norm));
        }
    cusgd_data_free(data);
    close_real(&r);
}

/* In float the solution is float's: the objective within a millionth. */
Test(solvers, float_precision)
{
    real_data r = open_real("datasets/diabetes.csv", 1, 1);
    cusgd_data *data = data_of(r.n, r.d, 1, r.x, r.y, NULL);
    double best[11], found[11];
    cusgd_options o = with(CUSGD_SOLVER_EXACT, CUSGD_LOSS_SQUARED, 0);
    train(&o, data, best);
    for (int i = 0; i < SOLVERS; i++) {
        o = with(all[i], CUSGD_LOSS_SQUARED, 0);
        o.precision = CUSGD_PRECISION_FLOAT;
        train(&o, data, found);
        double relative_gap = squares(&r, 0, found) / squares(&r, 0, best) - 1;
        cr_assert(relative_gap <= (is_first_order(all[i]) ? 1e-5 : 2e-6), "%s: %g", word_of(all[i]), relative_gap);
    }
    cusgd_data_free(data);
    close_real(&r);
}

/* A method ends where its tolerance says, and does not go on to the limit of rounding. */
Test(solvers, a_coarser_tolerance_takes_fewer_iterations)
{
    real_data r = open_real("datasets/breast_cancer.csv", 1, 1);
    cusgd_data *data = data_of(r.n, r.d, 1, r.x, r.y, NULL);
    for (int i = 0; i < SOLVERS; i++) {
        double found[31];
        if (all[i] == CUSGD_SOLVER_EXACT) continue;
        cusgd_options o = with(all[i], CUSGD_LOSS_LOGISTIC, 0.1);
        o.gradient_tolerance = 1e-2;
        int64_t coarse = train(&o, data, found).epochs;
        o.gradient_tolerance = 1e-5;
        int64_t fine = train(&o, data, found).epochs;
        cr_assert(coarse < fine, "%s: %" PRId64 " and %" PRId64 " iterations", word_of(all[i]), coarse, fine);
    }
    cusgd_data_free(data);
    close_real(&r);
}

/* ---- l1 ---- */

Test(solvers, l1_by_lbfgs_has_the_zeros_of_the_optimum)
{
    real_data r = open_real("datasets/diabetes.csv", 1, 1), b = open_real("datasets/breast_cancer.csv", 1, 1);
    const real_data *sets[] = {&r, &b};
    for (int i = 0; i < (REDUCED ? 1 : 2); i++) { /* the oracle is slow where it is watched */
        const real_data *at = sets[i];
        double found[31], exact[31];
        cusgd_loss loss = i ? CUSGD_LOSS_LOGISTIC : CUSGD_LOSS_SQUARED;
        cusgd_data *data = data_of(at->n, at->d, 1, at->x, at->y, NULL);
        problem p = {.n = at->n, .d = at->d, .x = at->x, .y = at->y, .loss = loss, .l1 = i ? 0.01 : 5, .intercept = 1};
        double short_of = oracle_solve(&p, exact);
        cusgd_options o = with(i ? CUSGD_SOLVER_AUTO : CUSGD_SOLVER_LBFGS, loss, 0);
        o.l1 = p.l1;
        train(&o, data, found);
        double relative_gap = objective_at(&p, found) / objective_at(&p, exact) - 1;
        cr_assert(relative_gap < 1e-9, "set %d: %g above the optimum (the oracle is short by %g)", i, relative_gap, short_of);
        for (int64_t j = 0, count = 0; j < at->d; j++) {
            count += exact[j] != 0;
            cr_assert((found[j] != 0) == (fabs(exact[j]) > 1e-12), "set %d, coefficient %d: %g, not %g", i, (int)j, found[j],
                      exact[j]);
            if (j == at->d - 1) cr_assert(count > 0 && count < at->d, "the problem has no zeros to find");
        }
        cusgd_data_free(data);
    }
    close_real(&r);
    close_real(&b);
}

Test(solvers, what_a_solver_cannot_do_is_refused)
{
    cusgd_options o = with(CUSGD_SOLVER_NEWTON, CUSGD_LOSS_SQUARED, 0);
    o.l1 = 0.1;
    cr_assert(strstr(options_check(&o), "l1 needs solver coordinate"));
    o = with(CUSGD_SOLVER_NEWTON, CUSGD_LOSS_SQUARED, 0);
    o.lower = 0;
    cr_assert(strstr(options_check(&o), "lower and upper need solver coordinate"));
    o = with(CUSGD_SOLVER_EXACT, CUSGD_LOSS_LOGISTIC, 0);
    cr_assert(strstr(options_check(&o), "solver exact is for"));
    double x[4] = {1, 2, 3, 4}, y[4] = {1, 2, 3, 5};
    cusgd_data *data = data_of(4, 1, 1, x, y, NULL);
    o = with(CUSGD_SOLVER_CG, CUSGD_LOSS_SQUARED, 0);
    cusgd_trainer *t = trainer_of(&o, data, NULL);
    assert_fails(cusgd_trainer_step(t, 1), CUSGD_ERROR_USAGE, "steps are what solver sgd takes");
    cusgd_trainer_free(t);
    cusgd_check_report report = CUSGD_INIT(cusgd_check_report);
    assert_fails(cusgd_check(&o, data, 1, &report), CUSGD_ERROR_USAGE, "leave out solver");
    cusgd_data_free(data);
}

/* ---- Every smooth loss ---- */

/* Derivatives by p, written out once more: at an optimum they leave no gradient. */
static double derivative_huber(double p, double y) { return fmax(fmin(p - y, 1.35), -1.35); }
static double derivative_log_cosh(double p, double y) { return tanh(p - y); }
static double derivative_insensitive(double p, double y) { return 2 * copysign(fmax(fabs(p - y) - 0.1, 0), p - y); }
static double derivative_poisson(double p, double y) { return exp(p) - y; }
static double derivative_gamma(double p, double y) { return 1 - y * exp(-p); }
static double derivative_tweedie(double p, double y) { return exp(0.5 * p) - y * exp(-0.5 * p); }
static double derivative_logistic(double p, double y) { return 1 / (1 + exp(-p)) - y; }
static double derivative_hinge(double p, double y) { return y > 0 ? -2 * fmax(1 - p, 0) : 2 * fmax(1 + p, 0); }
static double derivative_modified_huber(double p, double y) { return fmax(fmin(derivative_hinge(p, y), 4), -4); }

enum targets { NUMBERS, POSITIVE, CLASSES };
static const struct {
    cusgd_loss loss;
    double (*derivative)(double p, double y);
    enum targets targets;
} smooth[] = {{CUSGD_LOSS_HUBER, derivative_huber, NUMBERS},
              {CUSGD_LOSS_LOG_COSH, derivative_log_cosh, NUMBERS},
              {CUSGD_LOSS_SQUARED_EPSILON_INSENSITIVE, derivative_insensitive, NUMBERS},
              {CUSGD_LOSS_POISSON, derivative_poisson, POSITIVE},
              {CUSGD_LOSS_GAMMA, derivative_gamma, POSITIVE},
              {CUSGD_LOSS_TWEEDIE, derivative_tweedie, POSITIVE},
              {CUSGD_LOSS_LOGISTIC, derivative_logistic, CLASSES},
              {CUSGD_LOSS_SQUARED_HINGE, derivative_hinge, CLASSES},
              {CUSGD_LOSS_MODIFIED_HUBER, derivative_modified_huber, CLASSES}};
enum { SMOOTH = sizeof smooth / sizeof *smooth, ROWS = 150, COLUMNS = 4 };

typedef struct made_data {
    double x[ROWS * COLUMNS], y[ROWS], w[ROWS];
} made_data;

static void make(made_data *m, enum targets targets)
{
    uint64_t state = 17;
    for (int i = 0; i < ROWS; i++) {
        double *x = m->x + i * COLUMNS;
        for (int j = 0; j < COLUMNS; j++) x[j] = random_normal(&state);
        x[1] += x[0];
        double p = 0.5 * x[0] - 0.25 * x[1] + 0.5 * x[3] + random_normal(&state);
        m->y[i] = targets == NUMBERS ? 3 * p : targets == POSITIVE ? exp(p) : p > 0;
        m->w[i] = i % 5 == 1 ? 0 : 0.5 + random_uniform(&state);
    }
}

/* The smooth part's gradient, l2 aside. */
static void gradient_of(const made_data *m, double (*derivative)(double, double), const double *theta, double *g)
{
    double weight = 0;
    memset(g, 0, (COLUMNS + 1) * sizeof *g);
    for (int i = 0; i < ROWS; i++) weight += m->w[i];
    for (int i = 0; i < ROWS; i++) {
        const double *x = m->x + i * COLUMNS;
        double p = theta[COLUMNS];
        for (int j = 0; j < COLUMNS; j++) p += x[j] * theta[j];
        double s = m->w[i] / weight * derivative(p, m->y[i]);
        for (int j = 0; j < COLUMNS; j++) g[j] += s * x[j];
        g[COLUMNS] += s;
    }
}

/* The norm of the minimum-norm subgradient. */
static double subgradient_of(const made_data *m, double (*derivative)(double, double), const double *factors, double l1,
                             double l2, const double *theta)
{
    double g[COLUMNS + 1], square = 0;
    gradient_of(m, derivative, theta, g);
    for (int j = 0; j <= COLUMNS; j++) {
        double threshold = j < COLUMNS ? l1 * factors[j] : 0;
        if (j < COLUMNS) g[j] += l2 * factors[j] * theta[j];
        g[j] = theta[j] != 0 ? g[j] + copysign(threshold, theta[j]) : copysign(fmax(fabs(g[j]) - threshold, 0), g[j]);
        square += g[j] * g[j];
    }
    return sqrt(square);
}

/* With weights (some 0) and factors on the penalty; l1 by lbfgs. */
Test(solvers, every_smooth_loss_comes_to_its_optimum)
{
    const double factors[COLUMNS] = {1, 0, 2, 0.5};
    static made_data m;
    for (int i = 0; i < SMOOTH; i++) {
        make(&m, smooth[i].targets);
        cusgd_data *data = data_of(ROWS, COLUMNS, 1, m.x, m.y, m.w);
        for (int j = 0; j < SOLVERS; j++)
            for (int sparse = 0; sparse < 2; sparse++) {
                double found[COLUMNS + 1];
                int bounded = smooth[i].targets != POSITIVE; /* the second derivative, which gd and broyden start from */
                if (all[j] == CUSGD_SOLVER_EXACT || (sparse && !takes_l1(all[j]))) continue;
                if (!bounded && (all[j] == CUSGD_SOLVER_GD || is_broyden(all[j]))) continue;
                cusgd_options o = with(all[j], smooth[i].loss, 0.01);
                o.l1 = sparse ? 0.05 : 0;
                o.standardize = 0;
                o.l1_factors = o.l2_factors = factors;
                o.gradient_tolerance = 1e-9;
                train(&o, data, found);
                double left = subgradient_of(&m, smooth[i].derivative, factors, o.l1, o.l2, found);
                cr_assert(left <= 1e-8, "loss %d, %s, l1 %g: |gradient| is %.3g", (int)smooth[i].loss, word_of(all[j]), o.l1,
                          left);
            }
        cusgd_data_free(data);
    }
}

/* How fast the objective falls along a coefficient within the bounds, at most: 0 at its minimum (Karush, Kuhn, Tucker).
 * *at_bounds counts the coefficients at a bound. */
static double kkt_residual(const made_data *m, double (*derivative)(double, double), const cusgd_options *o, const double *theta,
                           int *at_bounds)
{
    double g[COLUMNS + 1], worst;
    gradient_of(m, derivative, theta, g);
    worst = fabs(g[COLUMNS]);
    for (int j = 0; j < COLUMNS; j++) {
        cr_assert_not(theta[j] < o->lower || theta[j] > o->upper, "%g is not within %g and %g", theta[j], o->lower, o->upper);
        double along = g[j] + o->l2 * theta[j];
        double up = along + (theta[j] < 0 ? -o->l1 : o->l1), down = -along + (theta[j] > 0 ? -o->l1 : o->l1);
        if (theta[j] != o->upper) worst = fmax(worst, -up);
        if (theta[j] != o->lower) worst = fmax(worst, -down);
        *at_bounds += theta[j] == o->lower || theta[j] == o->upper;
    }
    return worst;
}

/* Bounds that hold some coefficients and leave others free, with l1 and without. */
Test(solvers, every_smooth_loss_comes_to_its_optimum_within_bounds)
{
    const double none = (double)NAN, bounds[][2] = {{0, none}, {none, 0.2}, {-0.1, 0.2}, {0.05, 0.3}, {-0.2, -0.05}, {-9, 9}};
    static made_data m;
    int at_bounds = 0;
    for (int i = 0; i < SMOOTH; i++) {
        make(&m, smooth[i].targets);
        cusgd_data *data = data_of(ROWS, COLUMNS, 1, m.x, m.y, m.w);
        for (size_t b = 0; b < 2 * sizeof bounds / sizeof *bounds; b++)
            for (int sparse = 0; sparse < 2; sparse++) {
                double found[COLUMNS + 1];
                cusgd_options o = with(b % 2 ? CUSGD_SOLVER_COORDINATE : CUSGD_SOLVER_AUTO, smooth[i].loss, 0.01);
                o.l1 = sparse ? 0.05 : 0;
                o.lower = bounds[b / 2][0];
                o.upper = bounds[b / 2][1];
                o.penalty_units = CUSGD_PENALTY_DATA;
                train(&o, data, found);
                double left = kkt_residual(&m, smooth[i].derivative, &o, found, &at_bounds);
                cr_assert(left <= 1e-7, "loss %d, %s, l1 %g, from %g to %g: %.3g is left", (int)smooth[i].loss, word_of(o.solver),
                          o.l1, o.lower, o.upper, left);
            }
        cusgd_data_free(data);
    }
    cr_assert(at_bounds > 2 * SMOOTH && at_bounds < 24 * SMOOTH * COLUMNS);
}

Test(solvers, a_loss_that_a_solver_cannot_take_is_refused)
{
    static const cusgd_loss not_smooth[] = {CUSGD_LOSS_HINGE, CUSGD_LOSS_QUANTILE, CUSGD_LOSS_EPSILON_INSENSITIVE};
    static made_data m;
    make(&m, CLASSES);
    cusgd_data *data = data_of(ROWS, COLUMNS, 1, m.x, m.y, NULL);
    for (int i = 0; i < 3; i++)
        for (int j = 0; j < SOLVERS; j++) {
            if (not_smooth[i] == CUSGD_LOSS_QUANTILE && (all[j] == CUSGD_SOLVER_EXACT || all[j] == CUSGD_SOLVER_AUTO)) continue;
            cusgd_options o = with(all[j], not_smooth[i], 0);
            cusgd_trainer *t = NULL;
            assert_fails(cusgd_trainer_create(&o, data, NULL, &t), CUSGD_ERROR_USAGE,
                         all[j] == CUSGD_SOLVER_EXACT ? "solver exact is for the losses"
                                                      : "is not differentiable everywhere and requires solver sgd");
        }
    for (int j = 0; j < SOLVERS; j++) {
        if (all[j] != CUSGD_SOLVER_GD && !is_broyden(all[j])) continue;
        cusgd_options o = with(all[j], CUSGD_LOSS_POISSON, 0);
        cusgd_trainer *t = trainer_of(&o, data, NULL);
        assert_fails(cusgd_trainer_fit(t, NULL, NULL, NULL), CUSGD_ERROR_USAGE, "no largest second derivative");
        cusgd_trainer_free(t);
    }
    cusgd_data_free(data);
}

/* ---- Standard errors ---- */

/* Of the diabetes data as R and statsmodels print them, and of logistic loss by the information matrix written out. */
Test(solvers, standard_errors, .init = folder_setup, .fini = folder_teardown)
{
    const double known[] = {59.749, 61.222, 66.534, 65.422, 416.684, 339.035, 212.533, 161.476, 171.902, 65.984, 2.576};
    real_data r = open_real("datasets/diabetes.csv", 1, 0);
    cusgd_data *data = data_of(r.n, r.d, 1, r.x, r.y, NULL);
    cusgd_options o = with(CUSGD_SOLVER_EXACT, CUSGD_LOSS_SQUARED, 0);
    for (int standardize = 0; standardize < 2; standardize++) {
        cusgd_model *made, *read;
        int64_t residual_degrees;
        o.standardize = standardize;
        cusgd_trainer *t = trainer_of(&o, data, NULL);
        fit(t);
        assert_works(cusgd_trainer_create_model(t, &made));
        assert_works(cusgd_model_save(made, path_of("m.safetensors")));
        assert_works(cusgd_model_load(path_of("m.safetensors"), &read));
        const double *errors = cusgd_model_standard_errors(read, &residual_degrees);
        cr_assert(errors && residual_degrees == 431);
        for (int j = 0; j <= 10; j++)
            cr_assert(fabs(errors[j] / known[j] - 1) < 1e-3, "error %d is %g, not %g", j, errors[j], known[j]);
        cusgd_model_free(made);
        cusgd_model_free(read);
        cusgd_trainer_free(t);
    }
    cusgd_data_free(data);
    close_real(&r);

    double x[8] = {0, 1, 2, 3, 4, 5, 6, 7}, y[8] = {0, 0, 1, 0, 1, 0, 1, 1}, found[2], a = 0, b = 0, c = 0;
    data = data_of(8, 1, 1, x, y, NULL);
    o = with(CUSGD_SOLVER_NEWTON, CUSGD_LOSS_LOGISTIC, 0);
    cusgd_trainer *t = trainer_of(&o, data, NULL);
    cusgd_model *model;
    int64_t residual_degrees = -1;
    fit(t);
    parameters_of(t, 1, 1, found);
    for (int i = 0; i < 8; i++) {
        double p = 1 / (1 + exp(-found[1] - found[0] * x[i])), w = p * (1 - p);
        a += w * x[i] * x[i], b += w * x[i], c += w;
    }
    assert_works(cusgd_trainer_create_model(t, &model));
    const double *errors = cusgd_model_standard_errors(model, &residual_degrees);
    cr_assert(errors && residual_degrees == 0);
    cr_assert(fabs(errors[0] / sqrt(c / (a * c - b * b)) - 1) < 1e-8 && fabs(errors[1] / sqrt(a / (a * c - b * b)) - 1) < 1e-8);
    cusgd_model_free(model);
    cusgd_trainer_free(t);

    o.l2 = 0.1; /* a penalized fit has none that mean anything */
    t = trainer_of(&o, data, NULL);
    fit(t);
    assert_works(cusgd_trainer_create_model(t, &model));
    cr_assert_null(cusgd_model_standard_errors(model, NULL));
    cusgd_model_free(model);
    cusgd_trainer_free(t);
    cusgd_data_free(data);
}
