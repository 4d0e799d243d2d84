/* Targets of several classes through the public interface: data, training, models, weights, metrics. The loss itself is tested in
 * test_interface_classes.c, optima against scikit-learn's in python/tests/test_classes.py. */
#include "support.h"
#include "training.h"

#include <cjson/cJSON.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

TestSuite(classes, .init = folder_setup, .fini = folder_teardown);

enum { N = 240, D = 3, K = 4 };

typedef struct rows {
    double x[N * D], y[N], w[N];
} rows;

/* Class c has its center at c along the first column; in the order of the classes or not. */
static void make(rows *r)
{
    uint64_t seed = 3;
    for (int64_t i = 0; i < N; i++) {
        int64_t c = (int64_t)(random_uniform(&seed) * random_uniform(&seed) * K);
        for (int64_t j = 0; j < D; j++) r->x[i * D + j] = random_normal(&seed) + (j == c % D ? 2 : 0);
        r->y[i] = (double)c;
        r->w[i] = 1 + (double)(i % 3);
    }
}

static cusgd_data *data_of_rows(const rows *r, const double *w, const char *const *names)
{
    cusgd_data *data = data_of(N, D, 1, r->x, r->y, w);
    assert_works(cusgd_data_set_classes(data, names, K));
    return data;
}

static cusgd_options softmax(const char *solver)
{
    cusgd_options o = options_default();
    assert_works(cusgd_options_set(&o, "loss", "logistic"));
    assert_works(cusgd_options_set(&o, "solver", solver));
    o.l2 = 1e-2;
    return o;
}

/* ---- Metrics, against scikit-learn's (scripts/golden/classes.py) --------------------------------------------------------- */

static double *numbers(const cJSON *of, const char *name, int *count)
{
    const cJSON *list = cJSON_GetObjectItem(of, name), *item;
    double *to = zeros(cJSON_GetArraySize(list) + 1);
    *count = 0;
    cJSON_ArrayForEach(item, list) to[(*count)++] = item->valuedouble;
    return to;
}

static void check_metric(const cJSON *of, const char *name, double value)
{
    const cJSON *expected = cJSON_GetObjectItem(of, name);
    if (!expected)
        cr_assert(isnan(value), "%s is %g", name, value);
    else
        cr_assert_float_eq(value, expected->valuedouble, 1e-12, "%s is %.17g, not %.17g", name, value, expected->valuedouble);
}

static void check_metrics(const cusgd_model *model, const cusgd_data *data, const cJSON *of, int k)
{
    cusgd_metrics m = CUSGD_INIT(cusgd_metrics);
    int count;
    double *expected = numbers(of, "confusion", &count), *found = zeros(k * k);
    assert_works(cusgd_model_evaluate(model, data, -1, &m));
    assert_works(cusgd_model_confusion(model, data, found));
    check_metric(of, "log_loss", m.log_loss);
    check_metric(of, "accuracy", m.accuracy);
    check_metric(of, "balanced_accuracy", m.balanced_accuracy);
    check_metric(of, "precision", m.precision);
    check_metric(of, "recall", m.recall);
    check_metric(of, "f1", m.f1);
    check_metric(of, "f1_weighted", m.f1_weighted);
    check_metric(of, "top3", m.top3);
    check_metric(of, "top5", m.top5);
    cr_assert(isnan(m.confusion[0]) && isnan(m.mse));
    for (int i = 0; i < count; i++) cr_assert_eq(found[i], expected[i], "confusion %d", i);
    free(expected);
    free(found);
}

/* The features are the predictions. */
static void check_case(const cJSON *of)
{
    int k = cJSON_GetObjectItem(of, "classes")->valueint, count, n;
    double *p = numbers(of, "p", &count), *y = numbers(of, "y", &n), *w = numbers(of, "w", &n), *unit = zeros(k * k);
    double *share = numbers(of, "share", &count), *found = zeros(count);
    char names[8][16];
    const char *list[8];
    for (int c = 0; c < k; c++) {
        unit[c * k + c] = 1;
        snprintf(names[c], sizeof names[c], "c%d", c);
        list[c] = names[c];
    }
    cusgd_model_arrays arrays = CUSGD_INIT(cusgd_model_arrays);
    arrays.cols = arrays.outputs = arrays.class_count = k;
    arrays.weight = unit;
    arrays.loss = cJSON_GetObjectItem(of, "kind")->valuestring;
    arrays.classes = list;
    cusgd_model *model;
    assert_works(cusgd_model_create(&arrays, &model));
    cr_assert(cusgd_model_targets(model) == 1 && cusgd_model_classes(model) == k);
    cusgd_data *plain = data_of(n, k, 1, p, y, NULL), *weighted = data_of(n, k, 1, p, y, w);
    check_metrics(model, plain, cJSON_GetObjectItem(of, "plain"), k);
    check_metrics(model, weighted, cJSON_GetObjectItem(of, "weighted"), k);
    cr_assert_eq(cusgd_model_prediction_cols(model, CUSGD_PREDICT_PROBABILITY), k);
    assert_works(cusgd_model_predict(model, plain, CUSGD_PREDICT_PROBABILITY, found));
    cr_assert_lt(distance(found, share, count), 1e-14);
    cusgd_data_free(plain);
    cusgd_data_free(weighted);
    cusgd_model_free(model);
    double *all[] = {p, y, w, unit, share, found};
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) free(all[i]);
}

Test(classes, metrics)
{
    size_t bytes;
    char *text = file_read(TEST_GOLDEN "/classes.json", &bytes);
    cJSON *all = cJSON_Parse(text), *cases = cJSON_GetObjectItem(all, "cases");
    const cJSON *one;
    cr_assert_eq(cJSON_GetArraySize(cases), 6);
    cJSON_ArrayForEach(one, cases) check_case(one);
    cJSON_Delete(all);
    free(text);
}

/* ---- Training ------------------------------------------------------------------------------------------------------------ */

/* The gradient at the result is next to nothing, whatever the solver, and all come to one optimum. */
Test(classes, solvers_agree)
{
    static const char *const solvers[] = {"lbfgs", "cg", "gd", "bfgs", "steepest"};
    double first[K * (D + 1)], found[K * (D + 1)];
    rows r;
    make(&r);
    cusgd_data *data = data_of_rows(&r, r.w, NULL);
    for (size_t i = 0; i < sizeof solvers / sizeof *solvers; i++) {
        cusgd_options o = softmax(solvers[i]);
        o.gradient_tolerance = 1e-8;
        cusgd_result result = train(&o, data, i ? found : first);
        cr_assert(result.converged, "%s", solvers[i]);
        if (i) cr_assert_lt(distance(first, found, K * (D + 1)), 1e-5, "%s", solvers[i]);
    }
    cusgd_options o = softmax("newton");
    cusgd_trainer *t;
    assert_fails(cusgd_trainer_create(&o, data, NULL, &t), CUSGD_ERROR_USAGE, "take lbfgs");
    assert_works(cusgd_options_set(&o, "classes", "one-vs-rest")); /* each class by itself has second derivatives */
    t = trainer_of(&o, data, NULL);
    cr_assert(fit(t).converged && cusgd_trainer_outputs(t) == K);
    cusgd_trainer_free(t);
    cusgd_data_free(data);
}

/* One class against the rest is the two-class model of a target that is 1 for the class. */
Test(classes, one_vs_rest_is_a_model_for_each_class)
{
    static const char *const losses[] = {"logistic", "hinge", "squared-hinge", "modified-huber"};
    double all[K * (D + 1)], one[D + 1], y[N];
    rows r;
    make(&r);
    for (size_t l = 0; l < sizeof losses / sizeof *losses; l++) {
        cusgd_options o = options_plain(CUSGD_OPTIMIZER_ADAM, 0.01, 16, 3);
        assert_works(cusgd_options_set(&o, "loss", losses[l]));
        assert_works(cusgd_options_set(&o, "classes", "one-vs-rest"));
        cusgd_data *data = data_of_rows(&r, r.w, NULL);
        train(&o, data, all);
        cusgd_data_free(data);
        for (int c = 0; c < K; c++) {
            for (int i = 0; i < N; i++) y[i] = r.y[i] == c;
            data = data_of(N, D, 1, r.x, y, r.w);
            train(&o, data, one);
            cusgd_data_free(data);
            cr_assert_lt(distance(all + c * (D + 1), one, D + 1), 1e-14, "%s, class %d", losses[l], c);
        }
    }
}

/* Weights of classes are weights of rows; "balanced" gives all classes the same sum. */
Test(classes, weights)
{
    static const char *const names[K] = {"a", "b", "c", "d"}, *const some[] = {"b", "d"};
    double by_hand[K * (D + 1)], found[K * (D + 1)], w[N], sum[K] = {0};
    cusgd_options o = softmax("lbfgs");
    rows r;
    make(&r);
    for (int i = 0; i < N; i++) w[i] = r.w[i] * (r.y[i] == 1 ? 2 : r.y[i] == 3 ? 0.5 : 1);
    cusgd_data *data = data_of_rows(&r, w, names);
    train(&o, data, by_hand);
    cusgd_data_free(data);
    data = data_of_rows(&r, r.w, names);
    assert_works(cusgd_data_weigh_classes(data, some, (double[]){2, 0.5}, 2));
    train(&o, data, found);
    cr_assert_eq(distance(by_hand, found, K * (D + 1)), 0);
    assert_fails(cusgd_data_weigh_classes(data, (const char *const[]){"e"}, (double[]){1}, 1), CUSGD_ERROR_DATA,
                 "the target has no class 'e'");
    assert_fails(cusgd_data_weigh_classes(data, some, (double[]){1, -1}, 2), CUSGD_ERROR_USAGE, "class 'd'");
    cusgd_data_free(data);
    for (int i = 0; i < N; i++) sum[(int)r.y[i]] += r.w[i];
    double all = sum[0] + sum[1] + sum[2] + sum[3];
    for (int i = 0; i < N; i++) w[i] = r.w[i] * all / (K * sum[(int)r.y[i]]);
    data = data_of_rows(&r, w, names);
    train(&o, data, by_hand);
    cusgd_data_free(data);
    data = data_of_rows(&r, r.w, names);
    assert_works(cusgd_data_weigh_classes(data, NULL, NULL, 0));
    train(&o, data, found);
    cusgd_data_free(data);
    cr_assert_lt(distance(by_hand, found, K * (D + 1)), 1e-9);
}

/* Two classes: softmax predicts what the two-class model predicts, half of whose penalty it has. */
Test(classes, softmax_of_two_classes)
{
    double one[D + 1], two[2 * (D + 1)];
    rows r;
    make(&r);
    for (int minus = 0; minus < 2; minus++) {
        for (int i = 0; i < N; i++) r.y[i] = r.y[i] > 0 ? 1 : minus ? -1 : 0;
        cusgd_data *data = data_of(N, D, 1, r.x, r.y, r.w);
        cusgd_options o = softmax("lbfgs");
        train(&o, data, one);
        assert_works(cusgd_options_set(&o, "classes", "softmax"));
        o.l2 *= 2;
        train(&o, data, two);
        for (int j = 0; j <= D; j++) cr_assert_float_eq(two[D + 1 + j] - two[j], one[j], 1e-6);
        cusgd_data_free(data);
    }
}

/* ---- Held-out rows, further rows ----------------------------------------------------------------------------------------- */

/* Of each class its share of the rows, to the nearest, and never all of them. */
Test(classes, held_out_rows_are_of_all_classes)
{
    enum { ROWS = 103 };
    double x[ROWS], y[ROWS];
    for (int i = 0; i < ROWS; i++) {
        x[i] = (double)(i * 37 % 101);
        y[i] = i < 60 ? 0 : i < 90 ? 1 : i < 102 ? 2 : 3; /* 60, 30, 12, 1 rows */
    }
    cusgd_data *data = data_of(ROWS, 1, 1, x, y, NULL);
    assert_works(cusgd_data_set_classes(data, NULL, 4));
    cusgd_options o = softmax("lbfgs");
    o.valid_fraction = 0.25;
    cusgd_trainer *t = trainer_of(&o, data, NULL);
    cusgd_metrics m = CUSGD_INIT(cusgd_metrics);
    cusgd_result result = fit(t);
    cr_assert(isfinite(result.valid_loss));
    assert_works(cusgd_trainer_evaluate(t, data, -1, &m));
    /* the shares of the training rows are what the intercept-only model predicts: 45, 22 (or 23), 9, 1 */
    cusgd_options null = softmax("lbfgs");
    null.valid_fraction = 0.25;
    null.l2 = 1e6;
    double parameters[4 * 2];
    train(&null, data, parameters);
    double e[4], sum = 0;
    for (int c = 0; c < 4; c++) sum += e[c] = exp(parameters[2 * c + 1]);
    double rest = e[0] / sum * 77;
    cr_assert_float_eq(rest, 45, 0.6, "%g", rest);
    cr_assert_float_eq(e[2] / sum * 77, 9, 0.2);
    cr_assert_float_eq(e[3] / sum * 77, 1, 0.05);
    cusgd_trainer_free(t);
    cusgd_data_free(data);
}

/* Further rows need not have all classes; other classes are refused. */
Test(classes, further_rows)
{
    rows r;
    make(&r);
    cusgd_options o = options_plain(CUSGD_OPTIMIZER_SGD, 0.01, 16, 1);
    assert_works(cusgd_options_set(&o, "loss", "softmax"));
    cusgd_data *data = data_of_rows(&r, NULL, NULL), *less = data_of(8, D, 1, r.x, r.y, NULL);
    cusgd_trainer *t = trainer_of(&o, data, NULL);
    cusgd_progress now = CUSGD_INIT(cusgd_progress);
    assert_works(cusgd_trainer_partial_fit(t, data, &now));
    assert_works(cusgd_trainer_partial_fit(t, less, &now));
    cr_assert(isfinite(now.loss));
    r.y[2] = K;
    assert_fails(cusgd_trainer_partial_fit(t, less, &now), CUSGD_ERROR_DATA, "row 3: target 4 is no class");
    cusgd_trainer_free(t);
    cusgd_data_free(less);
    cusgd_data_free(data);
}

/* ---- Models -------------------------------------------------------------------------------------------------------------- */

Test(classes, models)
{
    static const char *const names[K] = {"low", "mid,dle", "hi\"gh", "\xC3\xA4"};
    double p[N * K], again[N * K], weight[K * D], bias[K];
    rows r;
    make(&r);
    for (int kind = 0; kind < 2; kind++) {
        cusgd_options o = softmax("lbfgs");
        assert_works(cusgd_options_set(&o, "classes", kind ? "one-vs-rest" : "softmax"));
        cusgd_data *data = data_of_rows(&r, NULL, names);
        cusgd_trainer *t = trainer_of(&o, data, NULL);
        cusgd_model *model, *loaded;
        fit(t);
        assert_works(cusgd_trainer_get_coefficients(t, weight, bias));
        assert_works(cusgd_trainer_create_model(t, &model));
        assert_works(cusgd_model_save(model, path_of("m.safetensors")));
        assert_works(cusgd_model_load(path_of("m.safetensors"), &loaded));
        cr_assert(cusgd_model_outputs(loaded) == K && cusgd_model_targets(loaded) == 1 && cusgd_model_classes(loaded) == K);
        for (int c = 0; c < K; c++) cr_assert_str_eq(cusgd_model_class(loaded, c), names[c]);
        cr_assert_null(cusgd_model_class(loaded, K));
        cr_assert_str_eq(cusgd_model_loss(loaded, NULL)->name, kind ? "logistic" : "softmax");
        for (int as = CUSGD_PREDICT_MEAN; as <= CUSGD_PREDICT_PROBABILITY; as++) {
            int64_t cols = cusgd_model_prediction_cols(model, (cusgd_prediction)as);
            cr_assert_eq(cols, as == CUSGD_PREDICT_CLASS ? 1 : K);
            assert_works(cusgd_model_predict(model, data, (cusgd_prediction)as, p));
            assert_works(cusgd_model_predict(loaded, data, (cusgd_prediction)as, again));
            cr_assert_eq(memcmp(p, again, sizeof *p * (size_t)(N * cols)), 0);
            assert_works(cusgd_trainer_predict(t, data, (cusgd_prediction)as, again));
            cr_assert_lt(distance(p, again, N * cols), 1e-9);
            double sum = p[0] + p[1] + p[2] + p[3];
            if (as == CUSGD_PREDICT_PROBABILITY || as == CUSGD_PREDICT_MEAN) cr_assert_float_eq(sum, 1, 1e-12);
        }
        cusgd_model_free(model);
        cusgd_model_free(loaded);
        cusgd_trainer_free(t);
        cusgd_data_free(data);
    }
}

/* ---- What is refused ----------------------------------------------------------------------------------------------------- */

Test(classes, refusals)
{
    rows r;
    cusgd_trainer *t;
    cusgd_data *selected;
    make(&r);
    cusgd_options o = softmax("lbfgs");
    cusgd_data *data = data_of_rows(&r, NULL, NULL), *two = data_of(N / 2, 1, 2, r.x, r.y, NULL);
    assert_fails(cusgd_data_set_classes(two, NULL, 3), CUSGD_ERROR_DATA, "has 2 targets");
    assert_fails(cusgd_data_set_classes(data, NULL, 1), CUSGD_ERROR_USAGE, "2 to 65536 classes");
    assert_fails(cusgd_data_set_classes(data, (const char *const[]){"a", NULL, "c"}, 3), CUSGD_ERROR_USAGE, "class 1 is missing");
    o.loss = CUSGD_LOSS_SQUARED;
    assert_fails(cusgd_trainer_create(&o, data, NULL, &t), CUSGD_ERROR_DATA, "the target has 4 classes");
    o.loss = CUSGD_LOSS_HINGE;
    o.solver = CUSGD_SOLVER_SGD;
    o.multiclass = CUSGD_MULTICLASS_SOFTMAX;
    assert_fails(cusgd_trainer_create(&o, data, NULL, &t), CUSGD_ERROR_USAGE, "classes softmax is for the loss logistic");
    o = softmax("lbfgs");
    r.y[4] = 0.5;
    assert_fails(cusgd_trainer_create(&o, data, NULL, &t), CUSGD_ERROR_DATA, "row 5: target 0.5 is no class");
    r.y[4] = 1;
    /* one class alone leaves nothing to tell apart; names stay with a selection of rows */
    assert_works(cusgd_data_select(data, (const int64_t[]){4, 4, 4}, 3, &selected));
    cr_assert_eq(cusgd_data_classes(selected), K);
    assert_fails(cusgd_trainer_create(&o, selected, NULL, &t), CUSGD_ERROR_DATA, "nothing to tell apart");
    cusgd_data_free(selected);
    cusgd_data_free(two);
    cusgd_data_free(data);
}

/* Texts and numbers of which nearly each stands in one row are no classes. */
Test(classes, names_and_counts_are_no_classes)
{
    char names[1024] = "x,y\n", counts[1024] = "x,y\n", line[32];
    for (int i = 0; i < 30; i++) {
        snprintf(line, sizeof line, "%d,name%d\n", i, i);
        strcat(names, line);
        snprintf(line, sizeof line, "%d,%d\n", i, i * i);
        strcat(counts, line);
    }
    cusgd_reader reader = CUSGD_INIT(cusgd_reader);
    cusgd_data *data;
    reader.find_classes = 1;
    assert_fails(cusgd_data_open(file_text("names.csv", names), &reader, &data), CUSGD_ERROR_DATA, "names and no classes");
    assert_fails(cusgd_data_open(file_text("counts.csv", counts), &reader, &data), CUSGD_ERROR_DATA,
                 "30 different values in 30 rows");
}
