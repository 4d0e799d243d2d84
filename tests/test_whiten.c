/* Training on decorrelated columns, against scikit-learn's PCA(whiten=True) and the formula of ZCA (scripts/make_features.py). */
#include "feature_problems.h"
#include "options.h"
#include "solvers.h"

#include <math.h>
#include <stdlib.h>

TestSuite(whiten, .init = folder_setup, .fini = folder_teardown);

enum { N = 80, D = 4 };

typedef struct known {
    cJSON *all;
    const cJSON *of;
    double x[N * D], y[N];
} known;

static void open_known(known *k) { k->all = features_open("whitened", N, D, k->x, k->y, &k->of); }

static void close_known(known *k) { cJSON_Delete(k->all); }

static cusgd_options options_of(cusgd_whiten kind, cusgd_solver solver)
{
    cusgd_options o = with(solver, CUSGD_LOSS_SQUARED, 0);
    o.precision = CUSGD_PRECISION_DOUBLE;
    o.whiten = kind;
    return o;
}

static void assert_coefficients(const known *k, const cusgd_options *o, const char *name, double tolerance)
{
    cusgd_data *data = data_of(N, D, 1, k->x, k->y, NULL);
    cusgd_trainer *t = trainer_of(o, data, NULL);
    double theta[D + 1];
    fit(t);
    assert_works(cusgd_trainer_get_coefficients(t, theta, theta + D));
    for (int j = 0; j <= D; j++) {
        double expected = cJSON_GetArrayItem(cJSON_GetObjectItem(k->of, name), j)->valuedouble;
        cr_assert(fabs(theta[j] - expected) <= tolerance * (1 + fabs(expected)), "%s %d: %.17g, not %.17g", name, j, theta[j],
                  expected);
    }
    cusgd_trainer_free(t);
    cusgd_data_free(data);
}

Test(whiten, penalties_as_scikit_learn)
{
    static const char *const names[2][2][2] = {{{"zca_ridge_raw", "zca_ridge_scaled"}, {"zca_lasso_raw", "zca_lasso_scaled"}},
                                               {{"pca_ridge_raw", "pca_ridge_scaled"}, {"pca_lasso_raw", "pca_lasso_scaled"}}};
    known k;
    open_known(&k);
    for (int pca = 0; pca < 2; pca++)
        for (int lasso = 0; lasso < 2; lasso++)
            for (int scaled = 0; scaled < 2; scaled++) {
                cusgd_options o =
                    options_of(pca ? CUSGD_WHITEN_PCA : CUSGD_WHITEN_ZCA, lasso ? CUSGD_SOLVER_LBFGS : CUSGD_SOLVER_EXACT);
                o.standardize = scaled;
                o.l2 = lasso ? 0 : 0.2;
                o.l1 = lasso ? 0.15 : 0;
                o.gradient_tolerance = 1e-10;
                o.tolerance = 0;
                assert_coefficients(&k, &o, names[pca][lasso][scaled], lasso ? 1e-6 : 1e-9);
            }
    close_known(&k);
}

/* Without a penalty the optimum is that of the columns themselves; also where one depends on the others, weights differ, and
 * there is no intercept. */
Test(whiten, the_same_optimum)
{
    known k;
    double w[N];
    open_known(&k);
    for (int i = 0; i < N; i++) w[i] = i % 4;
    for (int i = 0; i < N; i++) k.x[D * i] = i == 4 ? 1e8 : k.x[D * i]; /* a row of weight 0 */
    for (int dependent = 0; dependent < 2; dependent++)
        for (int intercept = 0; intercept < 2; intercept++) {
            double p[2][N];
            for (int i = 0; i < N && dependent; i++) k.x[D * i + 3] = 2 * k.x[D * i + 1] - k.x[D * i + 2];
            cusgd_data *data = data_of(N, D, 1, k.x, k.y, w);
            for (int white = 0; white < 2; white++) {
                cusgd_options o = options_of(white ? CUSGD_WHITEN_ZCA : CUSGD_WHITEN_NONE, CUSGD_SOLVER_EXACT);
                o.intercept = intercept;
                cusgd_trainer *t = trainer_of(&o, data, NULL);
                fit(t);
                assert_works(cusgd_trainer_predict(t, data, CUSGD_PREDICT_MEAN, p[white]));
                cusgd_trainer_free(t);
            }
            for (int i = 0; i < N; i++)
                if (i != 4) cr_assert_float_eq(p[0][i], p[1][i], 1e-6, "%d %d row %d", dependent, intercept, i);
            cusgd_data_free(data);
        }
    close_known(&k);
}

/* The trainer takes and gives the data's columns: predictions, metrics, coefficients, models, other options, held out rows. */
Test(whiten, a_trainer_is_in_the_units_of_the_data)
{
    known k;
    double p[N], q[N], theta[D + 1], again[D + 1];
    cusgd_model *model;
    cusgd_metrics a = CUSGD_INIT(cusgd_metrics), b = CUSGD_INIT(cusgd_metrics);
    open_known(&k);
    cusgd_data *data = data_of(N, D, 1, k.x, k.y, NULL), *valid = data_of(20, D, 1, k.x, k.y, NULL);
    cusgd_options o = options_of(CUSGD_WHITEN_PCA, CUSGD_SOLVER_SGD);
    o.epochs = 30;
    cusgd_trainer *t = trainer_of(&o, data, valid);
    fit(t);
    assert_works(cusgd_trainer_create_model(t, &model));
    assert_works(cusgd_trainer_predict(t, data, CUSGD_PREDICT_MEAN, p));
    assert_works(cusgd_model_predict(model, data, CUSGD_PREDICT_MEAN, q));
    for (int i = 0; i < N; i++) cr_assert_float_eq(p[i], q[i], 1e-9);
    assert_works(cusgd_trainer_evaluate(t, valid, 0, &a));
    assert_works(cusgd_model_evaluate(model, valid, 0, &b));
    cr_assert_float_eq(a.mse, b.mse, 1e-9);
    cr_assert_eq(cusgd_trainer_data(t), data);
    assert_works(cusgd_trainer_get_coefficients(t, theta, theta + D));
    assert_works(cusgd_trainer_get_coefficients(t, again, NULL));
    assert_works(cusgd_trainer_get_coefficients(t, NULL, again + D));
    cr_assert_arr_eq(again, theta, sizeof theta);
    assert_works(cusgd_trainer_set_coefficients(t, theta, theta + D));
    assert_works(cusgd_trainer_get_coefficients(t, again, again + D));
    for (int j = 0; j <= D; j++) cr_assert_float_eq(theta[j], again[j], 1e-9 * (1 + fabs(theta[j])));
    cr_assert_null(cusgd_model_standard_errors(model, NULL));
    cusgd_model_free(model);
    assert_fails(cusgd_trainer_rebind(t, data), CUSGD_ERROR_USAGE, "whiten needs all rows at once");
    /* Anew without, and with another kind. */
    o.solver = CUSGD_SOLVER_EXACT;
    o.whiten = CUSGD_WHITEN_NONE;
    assert_works(cusgd_trainer_reset(t, &o));
    fit(t);
    assert_works(cusgd_trainer_get_coefficients(t, theta, theta + D));
    o.whiten = CUSGD_WHITEN_ZCA;
    assert_works(cusgd_trainer_reset(t, &o));
    fit(t);
    assert_works(cusgd_trainer_get_coefficients(t, again, again + D));
    for (int j = 0; j <= D; j++) cr_assert_float_eq(theta[j], again[j], 1e-7 * (1 + fabs(theta[j])));
    cusgd_trainer_free(t);
    o.valid_fraction = 0.25;
    t = trainer_of(&o, data, NULL);
    fit(t);
    cusgd_trainer_free(t);
    cusgd_data_free(data);
    cusgd_data_free(valid);
    close_known(&k);
}

Test(whiten, what_does_not_go_together)
{
    cusgd_options o = options_of(CUSGD_WHITEN_ZCA, CUSGD_SOLVER_SGD);
    cr_assert_null(options_check(&o));
    o.lower = 0;
    cr_assert(strstr(options_check(&o), "mixtures of the columns"));
    o.lower = (double)NAN;
    o.robust = 1;
    cr_assert(strstr(options_check(&o), "whiten and robust"));
    o.robust = 0;
    o.penalty_units = CUSGD_PENALTY_DATA;
    cr_assert(strstr(options_check(&o), "penalty-units"));
}

/* Names of the data's columns are no names of mixtures of them; the model has the former. */
Test(whiten, messages_name_components)
{
    static const char *const names[] = {"a", "b", "c", "d"};
    known k;
    open_known(&k);
    for (int i = 0; i < N; i++) k.y[i] = k.x[i * D] > 0;
    cusgd_data *data = data_of(N, D, 1, k.x, k.y, NULL);
    assert_works(cusgd_data_set_names(data, names, NULL, NULL, NULL));
    for (int pca = 0; pca < 2; pca++) {
        cusgd_options o = options_of(pca ? CUSGD_WHITEN_PCA : CUSGD_WHITEN_ZCA, CUSGD_SOLVER_SGD);
        o.loss = CUSGD_LOSS_LOGISTIC;
        o.epochs = 3;
        cusgd_trainer *t = trainer_of(&o, data, NULL);
        cusgd_result result = fit(t);
        cusgd_model *model;
        cr_assert(strstr(result.note, pca ? "\"component " : "\"decorrelated "), "%s", result.note);
        cr_assert_null(strstr(result.note, "\"a\""));
        assert_works(cusgd_trainer_create_model(t, &model));
        cr_assert_str_eq(cusgd_model_feature(model, 0), "a");
        cusgd_model_free(model);
        cusgd_trainer_free(t);
    }
    cusgd_data_free(data);
    close_known(&k);
}
