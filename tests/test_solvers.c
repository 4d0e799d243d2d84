/* The full-batch solvers against exact solutions, on the device that CUSGD_TEST_DEVICE names. */
#include "oracle.h"
#include "support.h"
#include "training.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

static const cusgd_solver all[] = {CUSGD_SOLVER_AUTO,  CUSGD_SOLVER_EXACT,        CUSGD_SOLVER_GD,         CUSGD_SOLVER_STEEPEST,
                                   CUSGD_SOLVER_CG,    CUSGD_SOLVER_NEWTON,       CUSGD_SOLVER_BFGS,       CUSGD_SOLVER_DFP,
                                   CUSGD_SOLVER_LBFGS, CUSGD_SOLVER_BROYDEN_GOOD, CUSGD_SOLVER_BROYDEN_BAD};
enum { SOLVERS = sizeof all / sizeof *all };

static int is_first_order(cusgd_solver s) { return s == CUSGD_SOLVER_GD || s == CUSGD_SOLVER_STEEPEST; }

static const char *word_of(cusgd_solver s)
{
    static char word[CUSGD_OPTION_TEXT];
    cusgd_options o;
    cusgd_options_init(&o);
    o.solver = s;
    cr_assert_eq(cusgd_options_get(&o, "solver", word), CUSGD_OK);
    return word;
}

static cusgd_options with(cusgd_solver s, cusgd_loss loss, double l2)
{
    cusgd_options o = options_default();
    o.solver = s;
    o.loss = loss;
    o.l2 = l2;
    return o;
}

/* The objective of one output at its d coefficients and intercept. */
static double objective_at(const problem *p, const double *theta) { return oracle_objective(p, theta, NULL); }

/* ---- The real data sets ---- */

typedef struct real_data {
    table table;
    int64_t n, d, k;
    double *x, *y; /* x as it is, or standardized */
} real_data;

static real_data open_real(const char *file, int64_t k, int standardized)
{
    real_data r = {.table = golden_table(file), .k = k};
    r.n = r.table.rows;
    r.d = r.table.cols - k;
    r.x = table_columns(&r.table, 0, r.d);
    r.y = table_columns(&r.table, r.d, k);
    if (standardized) standardize_columns(r.x, r.n, r.d);
    return r;
}

static void close_real(real_data *r)
{
    free(r->x);
    free(r->y);
    free(r->table.at);
}

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
        double least = squares(&r, l2, exact);
        cusgd_data *data = data_of(r.n, r.d, k, r.x, r.y, NULL);
        for (int i = 0; i < SOLVERS; i++) {
            if (is_first_order(all[i]) && !standardized) continue;
            if (!standardized && all[i] >= CUSGD_SOLVER_BROYDEN_GOOD) continue;
            cusgd_options o = with(all[i], CUSGD_LOSS_SQUARED, l2);
            o.standardize = standardized;
            train(&o, data, found);
            double excess = squares(&r, l2, found) / least - 1, most = is_first_order(all[i]) ? 1e-6 : 1e-9;
            cr_assert(fabs(excess) <= most, "%s, alpha %g, %s, %s: %.3g above the exact objective", name, json_number(s, "alpha"),
                      standardized ? "standardized" : "raw", word_of(all[i]), excess);
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
        double excess = squares(&r, 0, found) / squares(&r, 0, best) - 1;
        cr_assert(excess <= (is_first_order(all[i]) ? 1e-5 : 2e-6), "%s: %g", word_of(all[i]), excess);
    }
    cusgd_data_free(data);
    close_real(&r);
}

/* ---- l1 ---- */

Test(solvers, l1_by_lbfgs_has_the_zeros_of_the_optimum)
{
    real_data r = open_real("datasets/diabetes.csv", 1, 1), b = open_real("datasets/breast_cancer.csv", 1, 1);
    const real_data *sets[] = {&r, &b};
    for (int i = 0; i < 2; i++) {
        const real_data *at = sets[i];
        double found[31], exact[31];
        cusgd_loss loss = i ? CUSGD_LOSS_LOGISTIC : CUSGD_LOSS_SQUARED;
        cusgd_data *data = data_of(at->n, at->d, 1, at->x, at->y, NULL);
        problem p = {.n = at->n, .d = at->d, .x = at->x, .y = at->y, .loss = loss, .l1 = i ? 0.01 : 5, .intercept = 1};
        double short_of = oracle_solve(&p, exact);
        cusgd_options o = with(i ? CUSGD_SOLVER_AUTO : CUSGD_SOLVER_LBFGS, loss, 0);
        o.l1 = p.l1;
        train(&o, data, found);
        double excess = objective_at(&p, found) / objective_at(&p, exact) - 1;
        cr_assert(excess < 1e-9, "set %d: %g above the optimum (the oracle is short by %g)", i, excess, short_of);
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
    cr_assert(strstr(cusgd_options_check(&o), "l1 needs solver lbfgs"));
    o = with(CUSGD_SOLVER_EXACT, CUSGD_LOSS_LOGISTIC, 0);
    cr_assert(strstr(cusgd_options_check(&o), "solver exact is for"));
    double x[4] = {1, 2, 3, 4}, y[4] = {1, 2, 3, 5};
    cusgd_data *data = data_of(4, 1, 1, x, y, NULL);
    o = with(CUSGD_SOLVER_CG, CUSGD_LOSS_SQUARED, 0);
    cusgd_trainer *t = trainer_of(&o, data, NULL);
    assert_fails(cusgd_trainer_step(t, 1), CUSGD_ERROR_USAGE, "steps are what solver sgd takes");
    cusgd_trainer_free(t);
    cusgd_check_report report;
    assert_fails(cusgd_check(&o, data, 1, &report), CUSGD_ERROR_USAGE, "leave out solver");
    cusgd_data_free(data);
}

/* ---- Hard data ---- */

/* What a solver may do with data that are hard: find the least objective, or say that it did not. */
typedef struct hard {
    const char *name;
    int64_t n, d;
    double *x, *y;
    double least; /* the least (1/n) |r|^2 / 2 */
    int standardize;
} hard;

static hard hard_make(const char *name, int64_t n, int64_t d, int standardize)
{
    hard h = {name, n, d, NULL, NULL, 0, standardize};
    uint64_t state = (uint64_t)n * 1000 + (uint64_t)d;
    h.x = random_normals(&state, n * d);
    h.y = random_normals(&state, n);
    return h;
}

static void check_hard(hard *h, int must_solve)
{
    cusgd_data *data = data_of(h->n, h->d, 1, h->x, h->y, NULL);
    double *found = zeros(h->d + 1), scale = 0, mean = 0;
    for (int64_t i = 0; i < h->n; i++) mean += h->y[i] / (double)h->n;
    for (int64_t i = 0; i < h->n; i++) scale += (h->y[i] - mean) * (h->y[i] - mean) / (double)h->n;
    problem p = {.n = h->n, .d = h->d, .x = h->x, .y = h->y, .loss = CUSGD_LOSS_SQUARED, .intercept = 1};
    for (int i = 0; i < SOLVERS; i++) {
        cusgd_options o = with(all[i], CUSGD_LOSS_SQUARED, 0);
        cusgd_result r;
        o.standardize = h->standardize;
        if (is_first_order(all[i])) o.epochs = 3000;
        cusgd_trainer *t = trainer_of(&o, data, NULL);
        cusgd_status status = cusgd_trainer_fit(t, NULL, NULL, &r);
        parameters_of(t, h->d, 1, found);
        double off = objective_at(&p, found) - h->least;
        int direct = all[i] == CUSGD_SOLVER_EXACT || all[i] == CUSGD_SOLVER_AUTO;
        double least, seconds;
        assert_works(cusgd_trainer_optimum(t, &least, &seconds));
        cr_assert(fabs(least - h->least) <= 1e-6 * scale + 1e-20, "%s: the optimum is %.17g, not %.17g", h->name, least,
                  h->least);
        if (status == CUSGD_OK)
            cr_assert(off <= 1e-6 * fmax(h->least, 1e-3 * scale) + 1e-20, "%s, %s: done, and %.3g above the least objective %.3g",
                      h->name, word_of(all[i]), off, h->least);
        else
            cr_assert(status == CUSGD_ERROR_CONVERGED && strstr(cusgd_last_error(), "not converged"), "%s, %s: status %d: %s",
                      h->name, word_of(all[i]), (int)status, cusgd_last_error());
        cr_assert(status == CUSGD_OK || !(direct || must_solve), "%s, %s: %s", h->name, word_of(all[i]), cusgd_last_error());
        cr_assert(isfinite(r.loss) && isfinite(off), "%s, %s", h->name, word_of(all[i]));
        cusgd_trainer_free(t);
    }
    cusgd_data_free(data);
    free(found);
    free(h->x);
    free(h->y);
}

/* The least objective, by the solution in long double of a problem known to have full rank. */
static void set_least(hard *h)
{
    double *theta = zeros(h->d + 1);
    problem p = {.n = h->n, .d = h->d, .x = h->x, .y = h->y, .loss = CUSGD_LOSS_SQUARED, .intercept = 1};
    oracle_solve(&p, theta);
    h->least = objective_at(&p, theta);
    free(theta);
}

Test(solvers, hard_duplicated_columns)
{
    hard h = hard_make("duplicated", 60, 4, 1), half = h;
    half.d = 2;
    half.x = zeros(60 * 2);
    for (int64_t i = 0; i < 60; i++) {
        half.x[2 * i] = h.x[4 * i + 2] = h.x[4 * i];
        half.x[2 * i + 1] = h.x[4 * i + 1];
        h.x[4 * i + 3] = 3 * h.x[4 * i + 1];
    }
    set_least(&half);
    h.least = half.least;
    free(half.x);
    check_hard(&h, 1);
}

Test(solvers, hard_dependent_columns)
{
    hard h = hard_make("dependent", 80, 5, 1), full = h;
    full.d = 4;
    full.x = zeros(80 * 4);
    for (int64_t i = 0; i < 80; i++) {
        memcpy(full.x + 4 * i, h.x + 5 * i, 4 * sizeof(double));
        h.x[5 * i + 4] = h.x[5 * i] - 2 * h.x[5 * i + 1] + 0.5 * h.x[5 * i + 3];
    }
    set_least(&full);
    h.least = full.least;
    free(full.x);
    check_hard(&h, 1);
}

Test(solvers, hard_more_columns_than_rows)
{
    hard h = hard_make("wide", 12, 40, 1);
    check_hard(&h, 1);
}

Test(solvers, hard_one_row)
{
    for (int standardize = 0; standardize < 2; standardize++) {
        hard h = hard_make("one row", 1, 3, standardize);
        check_hard(&h, 1);
    }
}

Test(solvers, hard_constant_columns)
{
    for (int standardize = 0; standardize < 2; standardize++) {
        hard h = hard_make("constant", 30, 3, standardize);
        for (int64_t i = 0; i < 30; i++) h.x[3 * i + 1] = 7, h.x[3 * i + 2] = 0;
        hard one = h;
        one.d = 1;
        one.x = zeros(30);
        for (int64_t i = 0; i < 30; i++) one.x[i] = h.x[3 * i];
        set_least(&one);
        h.least = one.least;
        free(one.x);
        check_hard(&h, standardize);
    }
}

Test(solvers, hard_all_zeros)
{
    hard h = hard_make("zeros", 20, 3, 1);
    double mean = 0;
    memset(h.x, 0, 60 * sizeof(double));
    for (int i = 0; i < 20; i++) mean += h.y[i] / 20;
    for (int i = 0; i < 20; i++) h.least += (h.y[i] - mean) * (h.y[i] - mean) / 40;
    check_hard(&h, 1);
    h = hard_make("all zeros", 20, 3, 1);
    memset(h.x, 0, 60 * sizeof(double));
    memset(h.y, 0, 20 * sizeof(double));
    check_hard(&h, 1);
}

/* Columns z, z + 1e-6 e, z + 1e-12 f: condition 1e12. Their differences span the same space, and well. Then columns of scales
 * 1e-6 to 1e6, as they are. */
Test(solvers, hard_condition)
{
    hard h = hard_make("condition 1e12", 200, 3, 1), tame = h;
    tame.x = zeros(200 * 3);
    for (int64_t i = 0; i < 200; i++) {
        double *x = h.x + 3 * i, *apart = tame.x + 3 * i;
        x[1] = x[0] + 1e-6 * x[1];
        x[2] = x[0] + 1e-12 * x[2];
        h.y[i] += x[0];
        apart[0] = x[0];
        apart[1] = 1e6 * (x[1] - x[0]);
        apart[2] = 1e12 * (x[2] - x[0]);
    }
    set_least(&tame);
    h.least = tame.least;
    free(tame.x);
    check_hard(&h, 0);
    h = hard_make("scales", 100, 3, 0);
    for (int64_t i = 0; i < 100; i++) h.y[i] += h.x[3 * i] + h.x[3 * i + 2];
    set_least(&h);
    for (int64_t i = 0; i < 100; i++) {
        h.x[3 * i] *= 1e6;
        h.x[3 * i + 2] *= 1e-6;
    }
    check_hard(&h, 0);
}

/* Of the many solutions exact takes the one of least norm: duplicates share their coefficient. */
Test(solvers, exact_takes_the_least_norm_and_tells_the_rank)
{
    double x[40 * 3], y[40], found[4];
    uint64_t state = 5;
    for (int i = 0; i < 40; i++) {
        x[3 * i] = x[3 * i + 1] = random_normal(&state);
        x[3 * i + 2] = random_normal(&state);
        y[i] = 4 * x[3 * i] - x[3 * i + 2] + 2;
    }
    cusgd_data *data = data_of(40, 3, 1, x, y, NULL);
    cusgd_options o = with(CUSGD_SOLVER_EXACT, CUSGD_LOSS_SQUARED, 0);
    for (int standardize = 0; standardize < 2; standardize++) {
        o.standardize = standardize;
        cusgd_result r = train(&o, data, found);
        const double expected[] = {2, 2, -1, 2};
        cr_assert(distance(found, expected, 4) < 1e-12, "%g %g %g %g", found[0], found[1], found[2], found[3]);
        cr_assert(strstr(r.note, "rank 2 of 3"), "%s", r.note);
        cr_assert_eq(r.stop, CUSGD_STOP_SOLVED);
    }
    cusgd_data_free(data);
}

/* Weights, no intercept, and a penalty, by both ways of `exact`: the matrix's and QR's (ten rows and twelve columns). */
Test(solvers, exact_with_weights_and_without_intercept)
{
    for (int wide = 0; wide < 2; wide++)
        for (int intercept = 0; intercept < 2; intercept++) {
            int64_t n = wide ? 10 : 50, d = wide ? 12 : 4;
            uint64_t state = 11;
            double *x = random_normals(&state, n * d), *y = random_normals(&state, n), *w = zeros(n), found[13], exact[13] = {0};
            for (int64_t i = 0; i < n; i++) w[i] = i % 4 == 1 ? 0 : 0.5 + random_uniform(&state);
            for (int64_t i = 0; i < n; i++) x[i * d] += 5;
            cusgd_data *data = data_of(n, d, 1, x, y, w);
            problem p = {.n = n, .d = d, .x = x, .y = y, .w = w, .loss = CUSGD_LOSS_SQUARED, .l2 = 0.3, .intercept = intercept};
            cusgd_options o = with(CUSGD_SOLVER_EXACT, CUSGD_LOSS_SQUARED, 0.3);
            o.standardize = 0;
            o.intercept = intercept;
            oracle_solve(&p, exact);
            train(&o, data, found);
            cr_assert(distance(found, exact, d + 1) < 1e-10, "wide %d intercept %d: %g", wide, intercept,
                      distance(found, exact, d + 1));
            cusgd_data_free(data);
            free(x);
            free(y);
            free(w);
        }
}

/* ---- Fits ---- */

Test(solvers, epochs_bound_the_iterations)
{
    real_data r = open_real("datasets/breast_cancer.csv", 1, 1);
    cusgd_data *data = data_of(r.n, r.d, 1, r.x, r.y, NULL);
    for (int i = 0; i < SOLVERS; i++) {
        if (all[i] == CUSGD_SOLVER_EXACT) continue;
        cusgd_options o = with(all[i], CUSGD_LOSS_LOGISTIC, 1e-3);
        cusgd_result first, second;
        o.epochs = 2;
        cusgd_trainer *t = trainer_of(&o, data, NULL);
        assert_fails(cusgd_trainer_fit(t, NULL, NULL, &first), CUSGD_ERROR_CONVERGED,
                     "not converged: after 2 iterations of solver");
        cr_assert(first.epochs == 2 && first.epoch == 2 && first.stop == CUSGD_STOP_EPOCHS && first.objective > 0, "%s",
                  word_of(all[i]));
        cr_assert_eq(cusgd_trainer_fit(t, NULL, NULL, &second), CUSGD_ERROR_CONVERGED); /* goes on */
        cr_assert(second.epochs == 4 && second.objective < first.objective, "%s: %g, then %g", word_of(all[i]), first.objective,
                  second.objective);
        cusgd_trainer_free(t);
    }
    cusgd_data_free(data);
    close_real(&r);
}

typedef struct log {
    int64_t calls, stop_at;
    double valid, least, last;
} log_;

static int on_iteration(const cusgd_progress *p, void *user)
{
    log_ *l = user;
    l->calls++;
    cr_assert(p->epoch == l->calls && p->evaluated && isfinite(p->loss));
    l->last = p->loss;
    l->valid = p->valid_loss;
    if (l->calls == 1 || p->valid_loss < l->least) l->least = p->valid_loss;
    return l->calls == l->stop_at;
}

/* The iterate that does best on the held-out rows is kept, and iterations are told as epochs. */
Test(solvers, validation_keeps_the_best_iterate)
{
    real_data r = open_real("datasets/breast_cancer.csv", 1, 0);
    cusgd_data *data = data_of(r.n, r.d, 1, r.x, r.y, NULL);
    cusgd_options o = with(CUSGD_SOLVER_LBFGS, CUSGD_LOSS_LOGISTIC, 1e-6);
    o.valid_fraction = 0.3;
    o.gradient_tolerance = 1e-4;
    log_ l = {0};
    cusgd_result result;
    cusgd_trainer *t = trainer_of(&o, data, NULL);
    assert_works(cusgd_trainer_fit(t, on_iteration, &l, &result));
    cr_assert(result.epoch < result.epochs && l.calls == result.epochs, "the problem does not overfit");
    cr_assert(fabs(result.valid_loss - l.least) < 1e-12 && l.valid > l.least, "%g, not %g", result.valid_loss, l.least);
    cusgd_trainer_free(t);
    l = (log_){.stop_at = 3};
    t = trainer_of(&o, data, NULL);
    assert_works(cusgd_trainer_fit(t, on_iteration, &l, &result));
    cr_assert(result.stop == CUSGD_STOP_CANCELLED && l.calls == 3);
    cusgd_trainer_free(t);
    cusgd_data_free(data);
    close_real(&r);
}

/* Steps of one thread and of three give the same bits. */
Test(solvers, threads_change_no_bit)
{
    uint64_t state = 3;
    int64_t n = 6000, d = 40;
    double *x = random_normals(&state, n * d), *y = zeros(n), a[41], b[41];
    for (int64_t i = 0; i < n; i++) y[i] = random_normal(&state) + x[i * d] > 0;
    cusgd_data *data = data_of(n, d, 1, x, y, NULL);
    for (int i = 0; i < SOLVERS; i++) {
        if (is_first_order(all[i])) continue;
        cusgd_options o = with(all[i], all[i] == CUSGD_SOLVER_EXACT ? CUSGD_LOSS_SQUARED : CUSGD_LOSS_LOGISTIC, 1e-3);
        o.threads = 1;
        train(&o, data, a);
        o.threads = 3;
        train(&o, data, b);
        cr_assert(memcmp(a, b, sizeof a) == 0, "%s", word_of(all[i]));
    }
    cusgd_data_free(data);
    free(x);
    free(y);
}

Test(solvers, a_rate_too_large_diverges_with_a_sentence)
{
    real_data r = open_real("datasets/diabetes.csv", 1, 1);
    cusgd_data *data = data_of(r.n, r.d, 1, r.x, r.y, NULL);
    cusgd_options o = with(CUSGD_SOLVER_GD, CUSGD_LOSS_SQUARED, 0);
    o.rate = 10;
    cusgd_result result;
    cusgd_trainer *t = trainer_of(&o, data, NULL);
    assert_fails(cusgd_trainer_fit(t, NULL, NULL, &result), CUSGD_ERROR_DIVERGED, "gradient descent at rate 10");
    cr_assert_eq(result.stop, CUSGD_STOP_DIVERGED);
    cusgd_trainer_free(t);
    cusgd_data_free(data);
    close_real(&r);
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
        int64_t freedom;
        o.standardize = standardize;
        cusgd_trainer *t = trainer_of(&o, data, NULL);
        fit(t);
        assert_works(cusgd_trainer_model(t, &made));
        assert_works(cusgd_model_save(made, path_of("m.safetensors")));
        assert_works(cusgd_model_load(path_of("m.safetensors"), &read));
        const double *errors = cusgd_model_errors(read, &freedom);
        cr_assert(errors && freedom == 431);
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
    int64_t freedom = -1;
    fit(t);
    parameters_of(t, 1, 1, found);
    for (int i = 0; i < 8; i++) {
        double p = 1 / (1 + exp(-found[1] - found[0] * x[i])), w = p * (1 - p);
        a += w * x[i] * x[i], b += w * x[i], c += w;
    }
    assert_works(cusgd_trainer_model(t, &model));
    const double *errors = cusgd_model_errors(model, &freedom);
    cr_assert(errors && freedom == 0);
    cr_assert(fabs(errors[0] / sqrt(c / (a * c - b * b)) - 1) < 1e-8 && fabs(errors[1] / sqrt(a / (a * c - b * b)) - 1) < 1e-8);
    cusgd_model_free(model);
    cusgd_trainer_free(t);

    o.l2 = 0.1; /* a penalised fit has none that mean anything */
    t = trainer_of(&o, data, NULL);
    fit(t);
    assert_works(cusgd_trainer_model(t, &model));
    cr_assert_null(cusgd_model_errors(model, NULL));
    cusgd_model_free(model);
    cusgd_trainer_free(t);
    cusgd_data_free(data);
}
