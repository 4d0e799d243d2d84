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

/* ---- Of statistics.json (scripts/make_features.py) ------------------------------------------------------------------------- */

typedef struct table {
    cJSON *all;
    const cJSON *of;
    double score[70], weight[70];
} table;

static void column(const table *t, const char *name, double *to)
{
    const cJSON *list = cJSON_GetObjectItem(t->of, name);
    cr_assert_eq(cJSON_GetArraySize(list), 70);
    for (int i = 0; i < 70; i++) to[i] = cJSON_GetArrayItem(list, i)->valuedouble;
}

static void open_table(table *t)
{
    size_t bytes;
    char *text = file_read(TEST_GOLDEN "/tables/statistics.json", &bytes);
    t->all = cJSON_Parse(text);
    free(text);
    cr_assert(t->all);
    t->of = cJSON_GetObjectItem(t->all, "metrics");
    column(t, "score", t->score);
    column(t, "weight", t->weight);
}

/* The score's metrics as predictions of `target` by a model of `loss`. o NULL: of classes. */
static void measure(const table *t, const char *loss, double number, const char *target, int weighted, cusgd_metrics *m,
                    cusgd_order_metrics *o)
{
    double y[70];
    cusgd_data *data;
    cusgd_model *model;
    cusgd_model_arrays arrays = CUSGD_INIT(cusgd_model_arrays);
    arrays.cols = arrays.outputs = 1;
    arrays.weight = (const double[]){1};
    arrays.loss = loss;
    arrays.loss_number = number;
    column(t, target, y);
    assert_works(cusgd_model_create(&arrays, &model));
    cusgd_matrix none = {0};
    assert_works(cusgd_data_wrap(70, 1, 1, (cusgd_matrix){t->score, CUSGD_TYPE_FLOAT64, 1, 1},
                                 (cusgd_matrix){y, CUSGD_TYPE_FLOAT64, 1, 1},
                                 weighted ? (cusgd_matrix){t->weight, CUSGD_TYPE_FLOAT64, 1, 1} : none, &data));
    assert_works(cusgd_model_evaluate(model, data, 0, m));
    if (o)
        assert_works(cusgd_model_order_metrics(model, data, 0, o));
    else
        assert_fails(cusgd_model_order_metrics(model, data, 0, &(cusgd_order_metrics){.size = sizeof *o}), CUSGD_ERROR_USAGE,
                     "predicts classes");
    cusgd_data_free(data);
    cusgd_model_free(model);
}

static void assert_metric(const cJSON *of, const char *name, double value)
{
    double expected = cJSON_GetObjectItem(of, name)->valuedouble;
    cr_assert(fabs(value - expected) <= 1e-12 * (1 + fabs(expected)), "%s: %.17g, not %.17g", name, value, expected);
}

Test(metrics, further_ones_as_scikit_learn)
{
    table t;
    open_table(&t);
    for (int weighted = 0; weighted < 2; weighted++) {
        const cJSON *of = cJSON_GetObjectItem(t.of, weighted ? "weighted" : "plain");
        cusgd_metrics m = CUSGD_INIT(cusgd_metrics);
        cusgd_order_metrics o = CUSGD_INIT(cusgd_order_metrics);
        measure(&t, "logistic", 0, "label", weighted, &m, NULL);
        assert_metric(of, "f1_macro", m.f1_macro);
        assert_metric(of, "f1_weighted", m.f1_weighted);
        assert_metric(of, "log_loss", m.log_loss);
        measure(&t, "quantile", 0.8, "number", weighted, &m, &o);
        assert_metric(of, "pinball", m.loss);
        assert_metric(of, "d2_pinball", o.d2_pinball);
        assert_metric(of, "d2_absolute_error", o.d2_absolute_error);
        assert_metric(of, "median_absolute_error", o.median_absolute_error);
        measure(&t, "squared", 0, "number", weighted, &m, &o);
        assert_metric(of, "r2", m.r2);
        assert_metric(of, "explained_variance", m.explained_variance);
        assert_metric(of, "mae", m.mae);
        cr_assert(isnan(o.d2_pinball) && isnan(m.f1_macro) && isnan(m.f1_weighted));
        static const char *const losses[] = {"poisson", "gamma", "tweedie"}, *const targets[] = {"count", "positive", "positive"};
        for (int i = 0; i < 3; i++) {
            const cJSON *part = cJSON_GetObjectItem(of, losses[i]);
            measure(&t, losses[i], i == 2 ? 1.5 : 0, targets[i], weighted, &m, &o);
            assert_metric(part, "deviance", m.deviance);
            assert_metric(part, "d2", m.d2);
        }
    }
    cJSON_Delete(t.all);
}

/* The mean over outputs; a constant target. */
Test(metrics, order_metrics_of_outputs)
{
    double x[] = {0, 1, 2, 3}, y[] = {0, 5, 1, 5, 2, 5, 7, 5};
    cusgd_model_arrays arrays = CUSGD_INIT(cusgd_model_arrays);
    cusgd_order_metrics o = CUSGD_INIT(cusgd_order_metrics);
    cusgd_model *model;
    cusgd_data *data;
    arrays.cols = 1;
    arrays.outputs = 2;
    arrays.weight = (const double[]){1, 0};
    arrays.bias = (const double[]){0, 5};
    arrays.loss = "squared";
    assert_works(cusgd_model_create(&arrays, &model));
    assert_works(cusgd_data_wrap(4, 1, 2, (cusgd_matrix){x, CUSGD_TYPE_FLOAT64, 1, 1},
                                 (cusgd_matrix){y, CUSGD_TYPE_FLOAT64, 2, 1}, (cusgd_matrix){0}, &data));
    assert_works(cusgd_model_order_metrics(model, data, 0, &o));
    cr_assert(o.median_absolute_error == 0 && o.d2_absolute_error == 0.5); /* errors 0 0 0 4; about 1.5: 1.5 .5 .5 5.5 */
    assert_works(cusgd_model_order_metrics(model, data, 1, &o));
    cr_assert(o.median_absolute_error == 0 && o.d2_absolute_error == 1);
    assert_works(cusgd_model_order_metrics(model, data, -1, &o));
    cr_assert_eq(o.d2_absolute_error, 0.75);
    assert_fails(cusgd_model_order_metrics(model, data, 2, &o), CUSGD_ERROR_USAGE, "output 2: there are 2");
    cusgd_data_free(data);
    cusgd_model_free(model);
}

enum { ROWS = 6, MOST_OUTPUTS = 3 };

/* A caller's of a version that knows of one more measure. */
typedef struct newer {
    cusgd_metrics known;
    double unknown;
} newer;

static void assert_same(const void *all, const void *one, size_t size, const char *loss, int output)
{
    cr_assert_arr_eq((const char *)all + sizeof(size_t), (const char *)one + sizeof(size_t), size - sizeof(size_t),
                     "%s, output %d", loss, output);
}

/* All outputs at once have the bits of one after the other; what a loss does not have is NAN. */
Test(metrics, of_all_outputs_at_once)
{
    static const struct {
        const char *loss;
        int64_t outputs, targets;
        int ranks, orders;
    } of[] = {{"squared", 2, 2, 0, 1},  {"squared", 1, 1, 0, 1}, {"quantile", 2, 2, 0, 1}, {"logistic", 2, 2, 1, 0},
              {"logistic", 1, 1, 1, 0}, {"softmax", 3, 1, 0, 0}, {"softmax", 2, 1, 1, 0},  {"hinge", 2, 2, 1, 0}};
    double x[ROWS] = {0, 1, 2, 3, 4, 5};
    for (size_t i = 0; i < sizeof of / sizeof *of; i++) {
        cusgd_model_arrays arrays = CUSGD_INIT(cusgd_model_arrays);
        cusgd_model *model;
        cusgd_data *data;
        double y[ROWS * 2];
        int64_t k = of[i].targets;
        for (int r = 0; r < ROWS; r++)
            for (int64_t c = 0; c < k; c++) y[r * k + c] = (double)((r + (int)c) % (of[i].outputs == 3 ? 3 : 2));
        arrays.cols = 1;
        arrays.outputs = of[i].outputs;
        arrays.weight = (const double[]){1, -0.5, 0.25};
        arrays.bias = (const double[]){-1, 1, 0};
        arrays.loss = of[i].loss;
        assert_works(cusgd_model_create(&arrays, &model));
        assert_works(cusgd_data_wrap(ROWS, 1, k, (cusgd_matrix){x, CUSGD_TYPE_FLOAT64, 1, 1},
                                     (cusgd_matrix){y, CUSGD_TYPE_FLOAT64, k, 1}, (cusgd_matrix){0}, &data));
        newer all[MOST_OUTPUTS] = {{{.size = sizeof(newer)}, -1}};
        cusgd_ranking rankings[MOST_OUTPUTS] = {CUSGD_INIT(cusgd_ranking)};
        cusgd_order_metrics orders[MOST_OUTPUTS] = {CUSGD_INIT(cusgd_order_metrics)};
        assert_works(cusgd_model_evaluate_outputs(model, data, &all[0].known, rankings, orders));
        for (int c = 0; c <= (int)k; c++) {
            int output = c < (int)k ? c : -1;
            cusgd_metrics m = CUSGD_INIT(cusgd_metrics);
            cusgd_ranking r = CUSGD_INIT(cusgd_ranking);
            cusgd_order_metrics o = CUSGD_INIT(cusgd_order_metrics);
            assert_works(cusgd_model_evaluate(model, data, output, &m));
            assert_same(&all[c].known, &m, sizeof m, of[i].loss, output);
            cr_assert(all[c].known.size == sizeof(newer) && !(all[c].unknown < 0) && !(all[c].unknown > 0));
            cr_assert_eq(cusgd_model_rank(model, data, output, &r) == CUSGD_OK, of[i].ranks);
            cr_assert_eq(cusgd_model_order_metrics(model, data, output, &o) == CUSGD_OK, of[i].orders);
            if (of[i].ranks) assert_same(&rankings[c], &r, sizeof r, of[i].loss, output);
            if (of[i].orders) assert_same(&orders[c], &o, sizeof o, of[i].loss, output);
            cr_assert_eq(isnan(rankings[c].average_precision), !of[i].ranks);
            cr_assert_eq(isnan(orders[c].median_absolute_error), !of[i].orders);
        }
        assert_works(cusgd_model_evaluate_outputs(model, data, &all[0].known, NULL, NULL));
        assert_fails(cusgd_model_evaluate_outputs(model, data, &(cusgd_metrics){0}, NULL, NULL), CUSGD_ERROR_USAGE, "CUSGD_INIT");
        cusgd_data_free(data);
        cusgd_model_free(model);
    }
}
