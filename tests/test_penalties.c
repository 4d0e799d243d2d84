/* Penalties on coefficients in the data's units, and factors on l1 and l2 apart. */
#include "solvers.h"

#include <cJSON.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { N = 60, D = 5 };

/* golden/penalties.json: columns whose scales are from 0.01 to 1000, and the optima of scikit-learn on them as they are. */
typedef struct golden {
    cJSON *json;
    double x[N * D], y[N], classes[N], weights[N];
} golden;

static void open_table(golden *t)
{
    t->json = golden_json("penalties.json");
    cr_assert(json_number(t->json, "rows") == N && json_number(t->json, "cols") == D);
    cr_assert_eq(json_numbers(cJSON_GetObjectItem(t->json, "x"), t->x, (int64_t)N * D), N * D);
    cr_assert_eq(json_numbers(cJSON_GetObjectItem(t->json, "y"), t->y, N), N);
    cr_assert_eq(json_numbers(cJSON_GetObjectItem(t->json, "classes"), t->classes, N), N);
    cr_assert_eq(json_numbers(cJSON_GetObjectItem(t->json, "weights"), t->weights, N), N);
}

static int is_logistic(const cJSON *solution) { return !strcmp(cJSON_GetObjectItem(solution, "loss")->valuestring, "logistic"); }

static cusgd_data *data_for(const golden *t, const cJSON *solution)
{
    int weighted = cJSON_IsTrue(cJSON_GetObjectItem(solution, "weighted"));
    return data_of(N, D, 1, t->x, is_logistic(solution) ? t->classes : t->y, weighted ? t->weights : NULL);
}

static cusgd_options options_for(const cJSON *solution, cusgd_solver solver)
{
    cusgd_options o = with(solver, is_logistic(solution) ? CUSGD_LOSS_LOGISTIC : CUSGD_LOSS_SQUARED, json_number(solution, "l2"));
    o.l1 = json_number(solution, "l1");
    o.penalty_units = CUSGD_PENALTY_DATA;
    return o;
}

/* The largest difference of a coefficient, as that of its standardized column; with `zeros` those
 * of the optimum are exact. */
static double apart(const golden *t, const cJSON *solution, const double *found, int zeros)
{
    double known[D], maximum = 0;
    cr_assert_eq(json_numbers(cJSON_GetObjectItem(solution, "coefficients"), known, D), D);
    for (int j = 0; j < D; j++) {
        double mean = 0, square = 0;
        for (int i = 0; i < N; i++) mean += t->x[i * D + j] / N;
        for (int i = 0; i < N; i++) square += (t->x[i * D + j] - mean) * (t->x[i * D + j] - mean) / N;
        maximum = fmax(maximum, fabs(found[j] - known[j]) * sqrt(square));
        if (known[j] == 0 && zeros) cr_assert_eq(found[j], 0, "coefficient %d is %g", j, found[j]);
    }
    return maximum;
}

/* Every solver that takes the loss and the penalties. */
Test(penalties, solvers_agree_with_scikit_learn)
{
    golden t;
    cJSON *s;
    int runs = 0;
    open_table(&t);
    cJSON_ArrayForEach(s, cJSON_GetObjectItem(t.json, "solutions"))
    {
        const char *name = cJSON_GetObjectItem(s, "name")->valuestring;
        cusgd_data *data = data_for(&t, s);
        for (int i = 0; i < SOLVERS; i++) {
            double found[D + 1];
            cusgd_options o = options_for(s, all[i]);
            if (o.l1 > 0 && !takes_l1(all[i])) continue;
            if (all[i] == CUSGD_SOLVER_EXACT && is_logistic(s)) continue;
            o.gradient_tolerance = 1e-10;
            train(&o, data, found);
            double error = apart(&t, s, found, 1);
            cr_assert(error < 1e-6, "%s by %s: %.3g", name, word_of(all[i]), error);
            runs++;
        }
        cusgd_data_free(data);
    }
    cr_assert_eq(runs, 3 * SOLVERS - 1 + 6);
    cJSON_Delete(t.json);
}

/* Full-batch steps at the library's own rate, in double and in float; minibatch steps come near. */
Test(penalties, sgd_agrees_with_scikit_learn)
{
    static const struct {
        cusgd_optimizer optimizer;
        cusgd_precision precision;
        int64_t batch;
        double error;
    } runs[] = {{CUSGD_OPTIMIZER_AUTO, CUSGD_PRECISION_DOUBLE, N, 1e-6},
                {CUSGD_OPTIMIZER_AUTO, CUSGD_PRECISION_FLOAT, N, 1e-4},
                {CUSGD_OPTIMIZER_SGD, CUSGD_PRECISION_DOUBLE, N, 1e-6},
                {CUSGD_OPTIMIZER_NESTEROV, CUSGD_PRECISION_DOUBLE, N, 1e-6},
                {CUSGD_OPTIMIZER_AUTO, CUSGD_PRECISION_FLOAT, 0, 0.05}};
    golden t;
    cJSON *s;
    open_table(&t);
    cJSON_ArrayForEach(s, cJSON_GetObjectItem(t.json, "solutions"))
    {
        const char *name = cJSON_GetObjectItem(s, "name")->valuestring;
        cusgd_data *data = data_for(&t, s);
        for (size_t i = 0; i < sizeof runs / sizeof *runs; i++) {
            double found[D + 1];
            cusgd_options o = options_for(s, CUSGD_SOLVER_SGD);
            o.optimizer = runs[i].optimizer;
            o.precision = runs[i].precision;
            o.batch = runs[i].batch;
            o.epochs = o.patience = runs[i].batch ? 5000 : 500;
            train(&o, data, found);
            double error = apart(&t, s, found, runs[i].batch > 0);
            cr_assert(error < runs[i].error, "%s, run %d: %.3g", name, (int)i, error);
        }
        cusgd_data_free(data);
    }
    cJSON_Delete(t.json);
}

/* On standardized columns, units of the data are factors: of 1 / scale on l1, 1 / scale^2 on l2, set apart from each other. */
Test(penalties, factors_apart)
{
    golden t;
    open_table(&t);
    double one[D + 1], other[D + 1], factors[2][D];
    cusgd_data *data = data_of(N, D, 1, t.x, t.y, NULL);
    for (int j = 0; j < D; j++) {
        double mean = 0, square = 0;
        for (int i = 0; i < N; i++) mean += t.x[i * D + j] / N;
        for (int i = 0; i < N; i++) square += (t.x[i * D + j] - mean) * (t.x[i * D + j] - mean) / N;
        factors[0][j] = 1 / sqrt(square);
        factors[1][j] = 1 / square;
    }
    for (int which = 0; which < 3; which++) {
        cusgd_options o = with(CUSGD_SOLVER_LBFGS, CUSGD_LOSS_SQUARED, which == 0 ? 0 : 0.0001), *set;
        o.l1 = which == 1 ? 0 : 0.01;
        o.gradient_tolerance = 1e-11;
        assert_works(cusgd_options_copy(&o, &set));
        assert_works(cusgd_options_set_array(set, "l1-factors", factors[0], D));
        assert_works(cusgd_options_set_array(set, "l2-factors", factors[1], D));
        train(set, data, one);
        o.penalty_units = CUSGD_PENALTY_DATA;
        train(&o, data, other);
        for (int j = 0; j < D; j++)
            cr_assert_float_eq(one[j] / factors[0][j], other[j] / factors[0][j], 1e-8, "%d: coefficient %d: %g, %g", which, j,
                               one[j], other[j]);
        cusgd_options_free(set);
    }
    cusgd_data_free(data);
    cJSON_Delete(t.json);
}

/* A factor of 0 on one penalty alone takes only that one away. */
Test(penalties, a_factor_of_zero_on_one_penalty)
{
    static const double none[2] = {0, 0};
    double x[8] = {1, 1, 1, -1, -1, 1, -1, -1}, y[4] = {4, 2, -1, -5}, found[3]; /* columns of mean 0, variance 1, apart */
    cusgd_data *data = data_of(4, 2, 1, x, y, NULL);
    for (int which = 0; which < 2; which++) {
        cusgd_options o = with(CUSGD_SOLVER_LBFGS, CUSGD_LOSS_SQUARED, 1), *set;
        o.l1 = 1;
        o.gradient_tolerance = 1e-12;
        assert_works(cusgd_options_copy(&o, &set));
        assert_works(cusgd_options_set_array(set, which ? "l2-factors" : "l1-factors", none, 2));
        train(set, data, found);
        /* E[x y] = 3, 1.5: over 1 + l2 without l1; less l1 without l2 */
        cr_assert_float_eq(found[0], which ? 2 : 1.5, 1e-9, "%g", found[0]);
        cr_assert_float_eq(found[1], which ? 0.5 : 0.75, 1e-9, "%g", found[1]);
        cusgd_options_free(set);
    }
    cusgd_data_free(data);
}

/* Where columns are not standardized both units are the same, to the bit. */
Test(penalties, units_without_standardization)
{
    golden t;
    double found[2][D + 1];
    open_table(&t);
    cusgd_data *data = data_of(N, D, 1, t.x, t.y, NULL);
    for (int in_data = 0; in_data < 2; in_data++) {
        cusgd_options o = with(CUSGD_SOLVER_EXACT, CUSGD_LOSS_SQUARED, 0.01);
        o.standardize = 0;
        o.penalty_units = in_data ? CUSGD_PENALTY_DATA : CUSGD_PENALTY_STANDARDIZED;
        train(&o, data, found[in_data]);
        cr_assert_str_eq(cusgd_options_unused(&o, "penalty-units"), "standardize");
    }
    cr_assert_arr_eq(found[0], found[1], sizeof found[0]);
    cusgd_data_free(data);
    cJSON_Delete(t.json);
}

/* Penalties whose factors overflow a float leave zeros, and no NaN. */
Test(penalties, columns_of_extreme_scales)
{
    for (int single = 0; single < 2; single++)
        for (int tiny = 0; tiny < 2; tiny++) {
            double x[40], y[20], found[3];
            for (int i = 0; i < 20; i++) {
                x[2 * i] = (i % 2 ? 1 : -1) * (tiny ? 1e-30 : 1e30);
                x[2 * i + 1] = i % 3;
                y[i] = (i % 2 ? 1 : -1) + i % 3;
            }
            cusgd_data *data = data_of(20, 2, 1, x, y, NULL);
            cusgd_options o = with(CUSGD_SOLVER_SGD, CUSGD_LOSS_SQUARED, 0.01);
            o.l1 = 0.01;
            o.penalty_units = CUSGD_PENALTY_DATA;
            o.precision = single ? CUSGD_PRECISION_FLOAT : CUSGD_PRECISION_DOUBLE;
            o.epochs = 500;
            train(&o, data, found);
            if (tiny) cr_assert_eq(found[0], 0, "%g", found[0]);
            if (!tiny) cr_assert_float_eq(found[0] * 1e30, 1, 0.1, "%g", found[0]);
            cr_assert_float_eq(found[1], 1, 0.1, "%g", found[1]);
            cusgd_data_free(data);
        }
}
