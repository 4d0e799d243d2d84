/* What `evaluate` measures, against scikit-learn's (scripts/make_tables.py): weighted, with equal scores. */
#include "support.h"

#include <cjson/cJSON.h>
#include <math.h>
#include <stdlib.h>

TestSuite(metrics, .init = folder_setup, .fini = folder_teardown);

enum { N = 80 };

typedef struct known {
    cJSON *all;
    const cJSON *of;
    double score[N], label[N], weight[N], number[N];
} known;

static void take(const cJSON *of, const char *name, double *to)
{
    const cJSON *list = cJSON_GetObjectItem(of, name);
    cr_assert_eq(cJSON_GetArraySize(list), N);
    for (int i = 0; i < N; i++) to[i] = cJSON_GetArrayItem(list, i)->valuedouble;
}

static void open_known(known *k)
{
    size_t bytes;
    char *text = file_read(TEST_GOLDEN "/tables/mixed.json", &bytes);
    k->all = cJSON_Parse(text);
    free(text);
    cr_assert(k->all);
    k->of = cJSON_GetObjectItem(k->all, "metrics");
    take(k->of, "score", k->score);
    take(k->of, "label", k->label);
    take(k->of, "weight", k->weight);
    take(k->of, "number", k->number);
}

static cusgd_data *wrap(double *x, double *y, double *w)
{
    cusgd_data *data;
    cusgd_matrix none = {0};
    assert_works(cusgd_data_wrap(N, 1, 1, (cusgd_matrix){x, CUSGD_TYPE_FLOAT64, 1, 1},
                                 (cusgd_matrix){y, CUSGD_TYPE_FLOAT64, 1, 1},
                                 w ? (cusgd_matrix){w, CUSGD_TYPE_FLOAT64, 1, 1} : none, &data));
    return data;
}

/* p is the score. */
static cusgd_model *make_model(const char *loss)
{
    cusgd_model_arrays arrays = CUSGD_INIT(cusgd_model_arrays);
    cusgd_model *model;
    arrays.cols = arrays.outputs = 1;
    arrays.weight = (const double[]){1};
    arrays.loss = loss;
    assert_works(cusgd_model_create(&arrays, &model));
    return model;
}

static void assert_is(const known *k, const char *name, double value)
{
    double expected = cJSON_GetObjectItem(k->of, name)->valuedouble;
    cr_assert(fabs(value - expected) <= 1e-12 * (1 + fabs(expected)), "%s: %.17g, not %.17g", name, value, expected);
}

Test(metrics, classification)
{
    known k;
    open_known(&k);
    cusgd_data *data = wrap(k.score, k.label, k.weight);
    const char *const losses[] = {"logistic", "hinge"};
    for (int i = 0; i < 2; i++) {
        cusgd_model *model = make_model(losses[i]);
        cusgd_metrics m = CUSGD_INIT(cusgd_metrics);
        cusgd_ranking r = CUSGD_INIT(cusgd_ranking);
        assert_works(cusgd_model_evaluate(model, data, -1, &m));
        assert_works(cusgd_model_rank(model, data, 0, &r));
        assert_is(&k, "accuracy", m.accuracy);
        assert_is(&k, "balanced_accuracy", m.balanced_accuracy);
        assert_is(&k, "precision", m.precision);
        assert_is(&k, "recall", m.recall);
        assert_is(&k, "f1", m.f1);
        assert_is(&k, "auc", r.auc);
        assert_is(&k, "average_precision", r.average_precision);
        for (int c = 0; c < 4; c++)
            cr_assert_float_eq(m.confusion[c], cJSON_GetArrayItem(cJSON_GetObjectItem(k.of, "confusion"), c)->valuedouble, 1e-12);
        cr_assert(isnan(m.explained_variance) && isnan(m.max_error));
        cusgd_model_free(model);
    }
    cusgd_data_free(data);
    cJSON_Delete(k.all);
}

Test(metrics, regression)
{
    known k;
    open_known(&k);
    cusgd_data *data = wrap(k.score, k.number, k.weight);
    cusgd_model *model = make_model("squared");
    cusgd_metrics m = CUSGD_INIT(cusgd_metrics);
    cusgd_ranking r = CUSGD_INIT(cusgd_ranking);
    assert_works(cusgd_model_evaluate(model, data, 0, &m));
    assert_is(&k, "explained_variance", m.explained_variance);
    assert_is(&k, "max_error", m.max_error);
    cr_assert(isnan(m.f1) && isnan(m.confusion[0]));
    assert_fails(cusgd_model_rank(model, data, 0, &r), CUSGD_ERROR_USAGE, "has no classes");
    cusgd_model_free(model);
    cusgd_data_free(data);
    cJSON_Delete(k.all);
}

/* Nothing to find, or nothing found: scikit-learn's values where it has one. */
Test(metrics, one_class)
{
    double x[N], y[N];
    cusgd_model *model = make_model("logistic");
    for (int positive = 0; positive < 2; positive++) {
        for (int i = 0; i < N; i++) {
            x[i] = -1;
            y[i] = positive;
        }
        cusgd_data *data = wrap(x, y, NULL);
        cusgd_metrics m = CUSGD_INIT(cusgd_metrics);
        cusgd_ranking r = CUSGD_INIT(cusgd_ranking);
        assert_works(cusgd_model_evaluate(model, data, 0, &m));
        assert_works(cusgd_model_rank(model, data, -1, &r));
        cr_assert(m.precision == 0 && m.recall == 0 && m.f1 == 0 && m.balanced_accuracy == !positive && m.accuracy == !positive);
        cr_assert(isnan(r.auc) && r.average_precision == positive);
        assert_fails(cusgd_model_rank(model, data, 1, &r), CUSGD_ERROR_USAGE, "output 1: there are 1");
        cusgd_data_free(data);
    }
    cusgd_model_free(model);
}
