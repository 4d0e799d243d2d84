/* Student's t, the normal distribution, and p-values and intervals of models, against 40-digit arithmetic and statsmodels
 * (scripts/make_features.py). */
#include "data.h"
#include "distribution.h"
#include "support.h"

#include <cjson/cJSON.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

TestSuite(statistics, .init = folder_setup, .fini = folder_teardown);

static cJSON *golden(void)
{
    size_t bytes;
    char *text = file_read(TEST_GOLDEN "/tables/statistics.json", &bytes);
    cJSON *all = cJSON_Parse(text);
    cr_assert(all);
    free(text);
    return all;
}

static double number_at(const cJSON *list, int64_t i) { return cJSON_GetArrayItem(list, (int)i)->valuedouble; }

static void assert_table(const char *name, double (*function)(double, double))
{
    cJSON *all = golden();
    const cJSON *row, *rows = cJSON_GetObjectItem(cJSON_GetObjectItem(all, "distributions"), name);
    cr_assert_gt(cJSON_GetArraySize(rows), 100);
    cJSON_ArrayForEach(row, rows)
    {
        double degrees = number_at(row, 1), expected = number_at(row, 2);
        double got = function(number_at(row, 0), degrees > 0 ? degrees : (double)INFINITY);
        cr_assert(fabs(got - expected) <= 1e-12 * fabs(expected), "%s of %g, %g degrees: %.17g, not %.17g", name,
                  number_at(row, 0), degrees, got, expected);
    }
    cJSON_Delete(all);
}

Test(statistics, probabilities) { assert_table("probability", two_sided_probability); }
Test(statistics, quantiles) { assert_table("quantile", two_sided_quantile); }

Test(statistics, distributions_at_their_ends)
{
    static const double degrees[] = {1, 1.5, 2, 30, 1e5, (double)INFINITY};
    for (int i = 0; i < 6; i++) {
        cr_assert_eq(two_sided_probability(0, degrees[i]), 1);
        cr_assert_eq(two_sided_probability((double)INFINITY, degrees[i]), 0);
        cr_assert_eq(two_sided_probability(-3, degrees[i]), two_sided_probability(3, degrees[i]));
        cr_assert(isnan(two_sided_probability((double)NAN, degrees[i])));
        cr_assert(isnan(two_sided_quantile(0, degrees[i])) && isnan(two_sided_quantile(1, degrees[i])));
        double t = two_sided_quantile(0.05, degrees[i]);
        cr_assert(fabs(two_sided_probability(t, degrees[i]) / 0.05 - 1) < 1e-13);
    }
    cr_assert_float_eq(two_sided_probability(1e100, 1) / (2 / M_PI * 1e-100), 1, 1e-12); /* where t^2 is no double */
}

/* ---- Of models ----------------------------------------------------------------------------------------------------------- */

/* A model of the diabetes data, trained to its optimum; a logistic one of a target above 140. */
static cusgd_model *train(const char *loss)
{
    cusgd_data *data, *wrapped = NULL;
    cusgd_options *options;
    cusgd_trainer *trainer;
    cusgd_model *model;
    assert_works(cusgd_data_open(TEST_GOLDEN "/datasets/diabetes.csv", NULL, &data));
    int64_t n = cusgd_data_rows(data), d = cusgd_data_cols(data);
    double *y = malloc((size_t)n * sizeof *y);
    cr_assert(y);
    for (int64_t i = 0; i < n; i++) y[i] = matrix_at(&data->view.y, i, 0) > 140;
    if (strcmp(loss, "logistic") == 0)
        assert_works(
            cusgd_data_wrap(n, d, 1, data->view.x, (cusgd_matrix){y, CUSGD_TYPE_FLOAT64, 1, 1}, (cusgd_matrix){0}, &wrapped));
    assert_works(cusgd_options_new(&options));
    assert_works(cusgd_options_set(options, "loss", loss));
    assert_works(cusgd_options_set(options, "solver", "auto"));
    assert_works(cusgd_options_set(options, "precision", "double"));
    assert_works(cusgd_options_set_number(options, "gradient-tolerance", 1e-11));
    assert_works(cusgd_trainer_create(options, wrapped ? wrapped : data, NULL, &trainer));
    assert_works(cusgd_trainer_fit(trainer, NULL, NULL, NULL));
    assert_works(cusgd_trainer_create_model(trainer, &model));
    cusgd_trainer_free(trainer);
    cusgd_options_free(options);
    cusgd_data_free(wrapped);
    cusgd_data_free(data);
    free(y);
    return model;
}

static void assert_field(const cJSON *of, const char *name, int64_t j, double got, double tolerance)
{
    double expected = number_at(cJSON_GetObjectItem(of, name), j);
    cr_assert(fabs(got - expected) <= tolerance * fabs(expected), "%s of coefficient %lld: %.17g, not %.17g", name, (long long)j,
              got, expected);
}

Test(statistics, coefficients_as_statsmodels)
{
    static const char *const losses[] = {"squared", "logistic", "poisson"};
    cJSON *all = golden();
    for (int i = 0; i < 3; i++) {
        const cJSON *of = cJSON_GetObjectItem(cJSON_GetObjectItem(all, "inference"), losses[i]);
        cusgd_model *model = train(losses[i]);
        for (int64_t j = 0; j <= 10; j++) {
            cusgd_coefficient c = CUSGD_INIT(cusgd_coefficient);
            assert_works(cusgd_model_coefficient(model, 0, j, 0.95, &c));
            assert_field(of, "value", j, c.value, 1e-6);
            assert_field(of, "error", j, c.error, 1e-6);
            assert_field(of, "statistic", j, c.statistic, 1e-6);
            assert_field(of, "p_value", j, c.p_value, 1e-5 * (1 + c.statistic * c.statistic)); /* d log p = t dt at most */
            assert_field(of, "lower", j, c.lower, 2e-6);
            assert_field(of, "upper", j, c.upper, 2e-6);
            cr_assert_eq(c.degrees_of_freedom, i ? 0 : 431);
        }
        cusgd_model_free(model);
    }
    cJSON_Delete(all);
}

Test(statistics, coefficients_without_errors)
{
    cusgd_model_arrays arrays = CUSGD_INIT(cusgd_model_arrays);
    cusgd_coefficient c = CUSGD_INIT(cusgd_coefficient);
    cusgd_model *model;
    arrays.cols = 2;
    arrays.outputs = 1;
    arrays.weight = (const double[]){1, 2};
    arrays.loss = "squared";
    assert_works(cusgd_model_create(&arrays, &model));
    assert_works(cusgd_model_coefficient(model, 0, 1, 0.95, &c));
    cr_assert(c.value == 2 && isnan(c.error) && isnan(c.statistic) && isnan(c.p_value) && isnan(c.lower) && isnan(c.upper));
    assert_fails(cusgd_model_coefficient(model, 1, 0, 0.95, &c), CUSGD_ERROR_USAGE, "output 1: there are 1");
    assert_fails(cusgd_model_coefficient(model, 0, 3, 0.95, &c), CUSGD_ERROR_USAGE, "coefficient 3: there are 2");
    assert_fails(cusgd_model_coefficient(model, 0, 0, 95, &c), CUSGD_ERROR_USAGE, "lies between 0 and 1");
    cusgd_model_free(model);
}
