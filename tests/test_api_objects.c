/* Models and data as a program sees them by the public API: from arrays, to and from memory, by several threads, and names. */
#include "api_problem.h"

#include <math.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

/* ---- Models -------------------------------------------------------------------------------------------------------------- */

Test(api_objects, model_from_arrays)
{
    api_problem p;
    double weight[API_COLS], bias, number, predicted[2][API_ROWS];
    const char *const features[] = {"a", "b", "c"}, *const targets[] = {"price"};
    const char *name, *value;
    api_setup(&p);
    cusgd_model *trained = api_fitted(&p, weight, &bias), *made;
    cusgd_model_arrays a = CUSGD_INIT(cusgd_model_arrays);
    a.cols = API_COLS, a.outputs = 1, a.weight = weight, a.bias = &bias, a.loss = "huber", a.loss_number = 2;
    a.features = features, a.targets = targets;
    assert_works(cusgd_model_create(&a, &made));
    cr_assert(cusgd_model_cols(made) == API_COLS && cusgd_model_outputs(made) == 1);
    cr_assert_str_eq(cusgd_model_loss(made, &number)->name, "huber");
    cr_assert_eq(number, 2);
    cr_assert_str_eq(cusgd_model_feature(made, 2), "c");
    cr_assert_str_eq(cusgd_model_target(made, 0), "price");
    cr_assert_null(cusgd_model_class(made, 0));
    cr_assert(cusgd_model_metadata(made, 0, &name, &value) && strcmp(name, "cusgd") == 0);
    assert_fails(cusgd_model_reader(made, NULL), CUSGD_ERROR_USAGE, "the reader is NULL");
    assert_works(cusgd_model_predict(trained, p.data, CUSGD_PREDICT_LINK, predicted[0]));
    assert_works(cusgd_model_predict(made, p.data, CUSGD_PREDICT_LINK, predicted[1]));
    cr_assert_arr_eq(predicted[0], predicted[1], sizeof predicted[0]);
    cusgd_model_free(made);
    a.loss = "logistic", a.bias = NULL, a.features = a.targets = NULL;
    const char *const classes[] = {"no", "yes"};
    a.classes = classes;
    assert_works(cusgd_model_create(&a, &made));
    cr_assert_str_eq(cusgd_model_class(made, 1), "yes");
    cr_assert(cusgd_model_bias(made)[0] == 0 && isnan((cusgd_model_loss(made, &number), number)));
    cusgd_model_free(made);
    a.loss = "cauchy";
    cr_assert_eq(cusgd_model_create(&a, &made), CUSGD_ERROR_USAGE);
    api_assert_option("loss");
    cr_assert_null(made);
    a.loss = "huber", a.loss_number = -1;
    cr_assert_eq(cusgd_model_create(&a, &made), CUSGD_ERROR_USAGE);
    api_assert_option("delta");
    a.loss_number = 0, weight[1] = (double)NAN;
    assert_fails(cusgd_model_create(&a, &made), CUSGD_ERROR_DATA, "coefficient 2 is nan");
    a.cols = 0;
    assert_fails(cusgd_model_create(&a, &made), CUSGD_ERROR_USAGE, "cols >= 1");
    cusgd_model_free(trained);
    api_teardown(&p);
}

Test(api_objects, model_to_and_from_memory, .init = folder_setup, .fini = folder_teardown)
{
    api_problem p;
    double weight[API_COLS], bias;
    size_t bytes = 0, length = 0;
    api_setup(&p);
    cusgd_model *model = api_fitted(&p, weight, &bias), *back;
    assert_works(cusgd_model_save_memory(model, NULL, 0, &bytes));
    cr_assert_gt(bytes, sizeof(double) * (API_COLS + 1));
    unsigned char *buffer = malloc(bytes);
    memset(buffer, 0x5a, bytes);
    assert_fails(cusgd_model_save_memory(model, buffer, bytes - 1, &length), CUSGD_ERROR_USAGE, "buffer");
    cr_assert(length == bytes && buffer[bytes - 1] == 0x5a);
    assert_works(cusgd_model_save_memory(model, buffer, bytes, &length));
    /* The same bytes as the file's. */
    assert_works(cusgd_model_save(model, path_of("m.safetensors")));
    char *file = file_read(path_of("m.safetensors"), &length);
    cr_assert_eq(length, bytes);
    cr_assert_arr_eq(file, buffer, bytes);
    free(file);
    assert_works(cusgd_model_load_memory(buffer, bytes, &back));
    cr_assert_arr_eq(cusgd_model_weight(back), weight, sizeof weight);
    cr_assert_eq(cusgd_model_bias(back)[0], bias);
    cusgd_model_free(back);
    for (size_t cut = 0; cut < bytes; cut += 7)
        cr_assert_eq(cusgd_model_load_memory(buffer, cut, &back), CUSGD_ERROR_DATA, "%zu of %zu bytes", cut, bytes);
    cr_assert_null(back);
    free(buffer);
    cusgd_model_free(model);
    api_teardown(&p);
}

typedef struct reader {
    const cusgd_model *model;
    const cusgd_data *data;
    double out[API_ROWS];
    cusgd_status status;
} reader;

static void *predict_often(void *context)
{
    reader *r = context;
    for (int i = 0; i < 50 && r->status == CUSGD_OK; i++)
        r->status = cusgd_model_predict(r->model, r->data, CUSGD_PREDICT_MEAN, r->out);
    return NULL;
}

/* A model is constant: several threads predict with one at once. */
Test(api_objects, one_model_in_several_threads)
{
    enum { THREADS = 4 };
    static reader readers[THREADS];
    api_problem p;
    pthread_t threads[THREADS];
    double weight[API_COLS], bias, alone[API_ROWS];
    api_setup(&p);
    cusgd_model *model = api_fitted(&p, weight, &bias);
    assert_works(cusgd_model_predict(model, p.data, CUSGD_PREDICT_MEAN, alone));
    for (int i = 0; i < THREADS; i++) {
        readers[i] = (reader){.model = model, .data = p.data};
        cr_assert_eq(pthread_create(&threads[i], NULL, predict_often, &readers[i]), 0);
    }
    for (int i = 0; i < THREADS; i++) {
        pthread_join(threads[i], NULL);
        cr_assert_eq(readers[i].status, CUSGD_OK);
        cr_assert_arr_eq(readers[i].out, alone, sizeof alone);
    }
    cusgd_model_free(model);
    api_teardown(&p);
}

/* ---- Data ---------------------------------------------------------------------------------------------------------------- */

/* Names of wrapped data reach its model, and messages call it by its source. */
Test(api_objects, names_of_wrapped_data)
{
    api_problem p;
    double weight[API_COLS], bias;
    const char *const features[] = {"a", "b", "c"}, *const others[] = {"d", NULL, "f"}, *const targets[] = {"t"};
    api_setup(&p);
    assert_works(cusgd_data_set_names(p.data, features, targets, NULL, "houses"));
    assert_works(cusgd_data_set_names(p.data, NULL, NULL, NULL, NULL));
    assert_fails(cusgd_data_set_names(p.data, others, NULL, NULL, NULL), CUSGD_ERROR_USAGE, "name 2 of 3");
    cr_assert_str_eq(cusgd_data_feature(p.data, 1), "b");
    const char *const nameless[] = {NULL}, *const latin[] = {"a", "\xe9t\xe9", "c"}, *const changed[] = {"x", "y", "z"};
    assert_fails(cusgd_data_set_names(p.data, changed, nameless, NULL, NULL), CUSGD_ERROR_USAGE, "name 1 of 1");
    cr_assert_str_eq(cusgd_data_feature(p.data, 1), "b"); /* all names are set, or none */
    assert_fails(cusgd_data_set_names(p.data, latin, NULL, NULL, NULL), CUSGD_ERROR_USAGE, "is not UTF-8");
    assert_fails(cusgd_data_set_names(p.data, NULL, NULL, latin, NULL), CUSGD_ERROR_USAGE, "is not UTF-8");
    assert_fails(cusgd_data_reader(p.data, NULL), CUSGD_ERROR_USAGE, "the reader is NULL");
    cusgd_model *model = api_fitted(&p, weight, &bias);
    cr_assert_str_eq(cusgd_model_feature(model, 0), "a");
    cr_assert_str_eq(cusgd_model_target(model, 0), "t");
    p.y[0] = (double)NAN;
    cusgd_trainer *t;
    assert_fails(cusgd_trainer_create(p.options, p.data, NULL, &t), CUSGD_ERROR_DATA, "houses: row 1");
    cusgd_model_free(model);
    api_teardown(&p);
}

/* Selected rows train as the same rows wrapped do, whatever the layout that they come from. */
Test(api_objects, selected_rows)
{
    enum { PICKED = 31 };
    api_problem p;
    double weight[2][API_COLS], bias[2];
    static double x[API_COLS][API_ROWS], picked_x[PICKED][API_COLS], picked_y[PICKED], picked_w[PICKED];
    int64_t rows[PICKED];
    const char *const features[] = {"a", "b", "c"};
    api_setup(&p);
    cusgd_options *options = p.options;
    for (int i = 0; i < API_ROWS; i++)
        for (int j = 0; j < API_COLS; j++) x[j][i] = p.x[i][j];
    for (int i = 0; i < PICKED; i++) {
        rows[i] = (i * 17 + 5) % (API_ROWS - 3); /* some rows twice, none in order */
        memcpy(picked_x[i], p.x[rows[i]], sizeof picked_x[i]);
        picked_y[i] = p.y[rows[i]], picked_w[i] = p.w[rows[i]];
    }
    cusgd_matrix mx = {picked_x, CUSGD_TYPE_FLOAT64, API_COLS, 1}, my = {picked_y, CUSGD_TYPE_FLOAT64, 1, 1},
                 mw = {picked_w, CUSGD_TYPE_FLOAT64, 1, 1};
    cusgd_matrix by_column = {x, CUSGD_TYPE_FLOAT64, 1, API_ROWS}, y = {p.y, CUSGD_TYPE_FLOAT64, 1, 1},
                 w = {p.w, CUSGD_TYPE_FLOAT64, 1, 1};
    cusgd_data *wrapped, *columns, *selected;
    assert_works(cusgd_data_wrap(PICKED, API_COLS, 1, mx, my, mw, &wrapped));
    assert_works(cusgd_data_wrap(API_ROWS, API_COLS, 1, by_column, y, w, &columns));
    assert_works(cusgd_data_set_names(p.data, features, NULL, NULL, NULL));
    const cusgd_data *from[] = {p.data, columns};
    for (int f = 0; f < 2; f++) {
        assert_works(cusgd_data_select(from[f], rows, PICKED, &selected));
        cr_assert(cusgd_data_rows(selected) == PICKED && cusgd_data_cols(selected) == API_COLS &&
                  cusgd_data_outputs(selected) == 1);
        if (f == 0) cr_assert_str_eq(cusgd_data_feature(selected, 2), "c");
        api_problem one = {.data = wrapped, .options = options}, two = {.data = selected, .options = options};
        cusgd_model_free(api_fitted(&one, weight[0], &bias[0]));
        cusgd_model_free(api_fitted(&two, weight[1], &bias[1]));
        cr_assert_arr_eq(weight[0], weight[1], sizeof weight[0]);
        cr_assert_eq(bias[0], bias[1]);
        cusgd_data_free(selected);
    }
    rows[3] = API_ROWS;
    assert_fails(cusgd_data_select(p.data, rows, PICKED, &selected), CUSGD_ERROR_USAGE, "row 60 is not in the data");
    assert_fails(cusgd_data_select(p.data, rows, 0, &selected), CUSGD_ERROR_USAGE, "at least 1 row");
    cusgd_data_free(columns);
    cusgd_data_free(wrapped);
    api_teardown(&p);
}

/* Names that could be saved and never be read again, and names that are missing. */
Test(api_objects, names_of_models)
{
    const double weight[2] = {1, 2};
    const char *const latin[] = {"a", "\xff"}, *const one[] = {"a", NULL}, *const two[] = {"a", "b"}, *const target[] = {"\xc3"};
    cusgd_model_arrays a = CUSGD_INIT(cusgd_model_arrays);
    cusgd_model *m;
    a.cols = 2, a.outputs = 1, a.weight = weight;
    a.features = latin;
    assert_fails(cusgd_model_create(&a, &m), CUSGD_ERROR_USAGE, "is not UTF-8");
    a.features = one;
    assert_fails(cusgd_model_create(&a, &m), CUSGD_ERROR_USAGE, "name 2 of 2 is NULL");
    a.features = two, a.targets = target;
    assert_fails(cusgd_model_create(&a, &m), CUSGD_ERROR_USAGE, "is not UTF-8");
    a.targets = NULL, a.classes = one;
    assert_fails(cusgd_model_create(&a, &m), CUSGD_ERROR_USAGE, "name both or none");
    a.classes = latin;
    assert_fails(cusgd_model_create(&a, &m), CUSGD_ERROR_USAGE, "is not UTF-8");
    cr_assert_null(m);
    a.classes = two;
    assert_works(cusgd_model_create(&a, &m));
    cusgd_model_free(m);
}
