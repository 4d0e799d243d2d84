/* Rows are scored piece by piece, those of files while the next ones are read: features that are not finite are found in all of
 * them, whatever a model makes of their columns. */
#include "support.h"

#include <float.h>
#include <math.h>
#include <stdlib.h>

TestSuite(scoring, .init = folder_setup, .fini = folder_teardown);

enum { N = 60000, D = 20, ZERO = 7, CONSTANT = 11 }; /* more than two pieces; columns of coefficient 0, and of one value */

typedef struct rows {
    double *x, *y;
    int64_t *start;
    int32_t *column;
} rows;

static rows make_rows(int classes)
{
    rows r = {malloc(sizeof(double) * N * D), malloc(sizeof(double) * N), malloc(sizeof(int64_t) * (N + 1)),
              malloc(sizeof(int32_t) * N * D)};
    random_source random = {.key = 5};
    for (int64_t i = 0; i < N * D; i++) {
        r.x[i] = i % D == CONSTANT ? 1 : (double)random_under(&random, 1000) / 500 - 1;
        r.column[i] = (int32_t)(i % D);
    }
    for (int64_t i = 0; i < N; i++) r.y[i] = (double)random_under(&random, (uint64_t)classes);
    for (int64_t i = 0; i <= N; i++) r.start[i] = i * D;
    return r;
}

static void free_rows(rows *r)
{
    free(r->x);
    free(r->y);
    free(r->start);
    free(r->column);
}

static cusgd_data *wrap(const rows *r, int sparse)
{
    cusgd_data *data;
    cusgd_matrix y = {r->y, CUSGD_TYPE_FLOAT64, 1, 1}, none = {0};
    if (sparse)
        assert_works(cusgd_data_wrap_csr(N, D, 1, (cusgd_csr){r->start, r->column, r->x, CUSGD_TYPE_FLOAT64, 0}, y, none, &data));
    else
        assert_works(cusgd_data_wrap(N, D, 1, (cusgd_matrix){r->x, CUSGD_TYPE_FLOAT64, D, 1}, y, none, &data));
    return data;
}

static cusgd_model *make_model(const char *loss, int outputs)
{
    cusgd_model_arrays arrays = CUSGD_INIT(cusgd_model_arrays);
    double weight[3 * D];
    cusgd_model *model;
    for (int i = 0; i < 3 * D; i++) weight[i] = i % D == ZERO ? 0 : 0.1 * (i % 5) - 0.2;
    arrays.cols = D;
    arrays.outputs = outputs;
    arrays.class_count = outputs > 1 ? outputs : 0;
    arrays.weight = weight;
    arrays.loss = loss;
    assert_works(cusgd_model_create(&arrays, &model));
    return model;
}

static const int64_t places[] = {3 * D + ZERO, 30000 * D + 2, 41234 * D + CONSTANT, N *D - 1};
static const double bad[] = {(double)NAN, (double)INFINITY, -(double)INFINITY};

static void assert_names(cusgd_status status, int64_t place)
{
    cusgd_error error = CUSGD_INIT(cusgd_error);
    assert_works(cusgd_last_error_info(&error));
    cr_assert_eq(status, CUSGD_ERROR_DATA, "place %d: %s", (int)place, cusgd_last_error());
    cr_assert(error.row == place / D + 1 && error.column == place % D + 1, "place %d: %s", (int)place, cusgd_last_error());
}

Test(scoring, finds_features_that_are_not_finite)
{
    static const struct {
        const char *loss;
        int outputs;
    } of[] = {{"squared", 1}, {"logistic", 1}, {"poisson", 1}, {"softmax", 3}};
    double *out = malloc(sizeof(double) * N * 3);
    for (size_t l = 0; l < sizeof of / sizeof *of; l++) {
        rows r = make_rows(of[l].outputs > 1 ? 3 : 2);
        cusgd_model *model = make_model(of[l].loss, of[l].outputs);
        cusgd_metrics metrics = CUSGD_INIT(cusgd_metrics);
        for (int sparse = 0; sparse < 2; sparse++) {
            cusgd_data *data = wrap(&r, sparse);
            for (size_t p = 0; p < sizeof places / sizeof *places; p++) {
                double good = r.x[places[p]];
                r.x[places[p]] = bad[(p + l) % 3];
                assert_names(cusgd_model_predict(model, data, CUSGD_PREDICT_LINK, out), places[p]);
                assert_names(cusgd_model_predict(model, data, CUSGD_PREDICT_MEAN, out), places[p]);
                assert_names(cusgd_model_evaluate(model, data, -1, &metrics), places[p]);
                r.x[places[p]] = good;
            }
            assert_works(cusgd_model_predict(model, data, CUSGD_PREDICT_LINK, out));
            assert_works(cusgd_model_evaluate(model, data, -1, &metrics));
            cusgd_data_free(data);
        }
        cusgd_model_free(model);
        free_rows(&r);
    }
    free(out);
}

/* Predictions beyond all numbers are no fault of the features. */
Test(scoring, predictions_may_overflow)
{
    rows r = make_rows(2);
    cusgd_data *data = wrap(&r, 0);
    cusgd_model *model = make_model("squared", 1);
    double *out = malloc(sizeof(double) * N);
    r.x[2] = r.x[4] = 1e308;
    r.x[D] = -DBL_MAX;
    assert_works(cusgd_model_predict(model, data, CUSGD_PREDICT_LINK, out));
    free(out);
    cusgd_model_free(model);
    cusgd_data_free(data);
    free_rows(&r);
}

/* A trainer standardizes first, and leaves columns of one value out. */
Test(scoring, trainers_find_them_too)
{
    static const char *const solvers[] = {"sgd", "exact"};
    double *out = malloc(sizeof(double) * N);
    for (size_t i = 0; i < sizeof solvers / sizeof *solvers; i++) {
        rows r = make_rows(2);
        cusgd_data *data = wrap(&r, 0);
        cusgd_options *options;
        cusgd_trainer *trainer;
        cusgd_metrics metrics = CUSGD_INIT(cusgd_metrics);
        assert_works(cusgd_options_new(&options));
        assert_works(cusgd_options_set(options, "solver", solvers[i]));
        assert_works(cusgd_options_set(options, "epochs", "1"));
        assert_works(cusgd_trainer_create(options, data, NULL, &trainer));
        assert_works(cusgd_trainer_fit(trainer, NULL, NULL, NULL));
        for (size_t p = 0; p < sizeof places / sizeof *places; p++) {
            double good = r.x[places[p]];
            r.x[places[p]] = bad[p % 3];
            assert_names(cusgd_trainer_predict(trainer, data, CUSGD_PREDICT_MEAN, out), places[p]);
            assert_names(cusgd_trainer_evaluate(trainer, data, -1, &metrics), places[p]);
            r.x[places[p]] = good;
        }
        assert_works(cusgd_trainer_evaluate(trainer, data, -1, &metrics));
        cusgd_trainer_free(trainer);
        cusgd_options_free(options);
        cusgd_data_free(data);
        free_rows(&r);
    }
    free(out);
}

/* 9.6 MB of rows: read by threads while others are scored. */
Test(scoring, files_give_what_memory_gives)
{
    rows r = make_rows(2);
    cusgd_model *model = make_model("logistic", 1);
    double *out = malloc(sizeof(double) * N), *of_file = malloc(sizeof(double) * N);
    cusgd_data *data = wrap(&r, 0), *file;
    cusgd_metrics metrics = CUSGD_INIT(cusgd_metrics), metrics_of_file = CUSGD_INIT(cusgd_metrics);
    assert_works(cusgd_array_save(path_of("x.npy"), N, D, r.x));
    assert_works(cusgd_array_save(path_of("y.npy"), N, 1, r.y));
    assert_works(cusgd_data_open(path_of(""), NULL, &file));
    assert_works(cusgd_model_predict(model, data, CUSGD_PREDICT_MEAN, out));
    assert_works(cusgd_model_predict(model, file, CUSGD_PREDICT_MEAN, of_file));
    cr_assert_arr_eq(out, of_file, sizeof(double) * N);
    assert_works(cusgd_model_evaluate(model, data, -1, &metrics));
    assert_works(cusgd_model_evaluate(model, file, -1, &metrics_of_file));
    cr_assert_arr_eq(&metrics, &metrics_of_file, sizeof metrics);
    cusgd_data_free(file);
    for (size_t p = 0; p < sizeof places / sizeof *places; p++) {
        double good = r.x[places[p]];
        r.x[places[p]] = bad[p % 3];
        assert_works(cusgd_array_save(path_of("x.npy"), N, D, r.x));
        assert_works(cusgd_data_open(path_of(""), NULL, &file));
        assert_names(cusgd_model_predict(model, file, CUSGD_PREDICT_MEAN, out), places[p]);
        cusgd_data_free(file);
        r.x[places[p]] = good;
    }
    cusgd_data_free(data);
    cusgd_model_free(model);
    free(out);
    free(of_file);
    free_rows(&r);
}
