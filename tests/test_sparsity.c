/* Dense x that becomes sparse, and back; tables of many categories, which are stored sparse. */
#include "data/encoding.h"
#include "tables.h"
#include "training.h"

#include <stdlib.h>

TestSuite(sparsity, .init = folder_setup, .fini = folder_teardown);

static cusgd_reader reader_of(cusgd_sparse sparse)
{
    static const char *const named[] = {"user", "color"};
    cusgd_reader reader = CUSGD_INIT(cusgd_reader);
    reader.encode.sparse = sparse;
    reader.encode.categorical = named;
    reader.encode.categorical_count = 2;
    reader.encode.missing = CUSGD_MISSING_MEAN;
    return reader;
}

/* Every feature kind, a zero of each, missing values; data of any storage. */
static const char small[] = "user,color,ok,born,n,y\na,red,yes,2024-03-05,0,1\nb,,no,2024-04-06,2.5,2\na,blue,yes,,-3,3\n"
                            "c,red,no,2024-03-06,,4\n";

Test(sparsity, encoded_rows_are_those_of_a_dense_table)
{
    for (int degree = 1; degree <= 2; degree++) {
        cusgd_data *dense, *sparse;
        cusgd_reader reader = reader_of(CUSGD_SPARSE_NO);
        reader.encode.dates = (const char *const[]){"born"};
        reader.encode.date_count = 1;
        reader.encode.all_levels = 1;
        reader.encode.polynomial = degree;
        reader.encode.interactions = 1;
        dense = open_text(small, &reader);
        reader.encode.sparse = CUSGD_SPARSE_YES;
        sparse = open_text(small, &reader);
        cr_assert(cusgd_data_stored(dense) == -1 && cusgd_data_stored(sparse) > 0);
        cr_assert_eq(cusgd_data_cols(dense), cusgd_data_cols(sparse));
        for (int64_t at = 0; at < cusgd_data_stored(sparse); at++) cr_assert(csr_value(&sparse->view.s, at) != 0);
        assert_works(csr_check(&sparse->view.s, 4, cusgd_data_cols(sparse), "x"));
        assert_works(cusgd_data_set_sparse(sparse, 0));
        for (int64_t i = 0; i < 4; i++)
            for (int64_t j = 0; j < cusgd_data_cols(dense); j++)
                cr_assert_eq(x_at(dense, i, j), x_at(sparse, i, j), "row %d, %s", (int)i, cusgd_data_feature(dense, j));
        cusgd_data_free(dense);
        cusgd_data_free(sparse);
    }
}

Test(sparsity, storage_goes_there_and_back)
{
    for (int single = 0; single < 2; single++) {
        float few[] = {0, 1, -0.0f, 2, 0, 0, 3, 0.5f};
        double many[] = {0, 1, -0.0, 2, 0, 0, 3, 0.5};
        cusgd_matrix x = {single ? (const void *)few : many, single ? CUSGD_TYPE_FLOAT32 : CUSGD_TYPE_FLOAT64, 1, 4};
        cusgd_data *data; /* by columns: 0 0; 1 0; -0 3; 2 0.5 */
        assert_works(cusgd_data_wrap(4, 2, 0, x, (cusgd_matrix){0}, (cusgd_matrix){0}, &data));
        assert_works(cusgd_data_set_sparse(data, 1));
        cr_assert_eq(cusgd_data_stored(data), 4);
        cr_assert_eq(data->view.s.type, x.type);
        assert_works(cusgd_data_set_sparse(data, 1));
        cr_assert(data->view.s.start[1] == 0 && data->view.s.start[4] == 4 && csr_column(&data->view.s, 1) == 1);
        assert_works(cusgd_data_set_sparse(data, 0));
        for (int64_t i = 0; i < 8; i++) cr_assert_eq(x_at(data, i % 4, i / 4), many[i]);
        cusgd_data_free(data);
    }
    assert_fails(cusgd_data_set_sparse(NULL, 1), CUSGD_ERROR_USAGE, "NULL");
}

/* Rows of `categories` users, each twice. */
static char *users(int categories)
{
    size_t room = 64 * (size_t)categories + 64, at = 0;
    char *text = malloc(room);
    at += (size_t)snprintf(text, room, "user,color,n,y\n");
    for (int i = 0; i < 2 * categories; i++)
        at += (size_t)snprintf(text + at, room - at, "u%d,%s,%d,%d\n", i % categories, i % 3 ? "red" : "blue", i % 7, i % 5);
    return text;
}

Test(sparsity, tables_of_many_categories_are_sparse)
{
    char *most = users(MAX_CATEGORIES), *more = users(MAX_CATEGORIES + 1);
    cusgd_reader reader = reader_of(CUSGD_SPARSE_AUTO);
    cusgd_data *data = open_text(most, &reader);
    cr_assert_eq(cusgd_data_stored(data), -1);
    cusgd_data_free(data);
    data = open_text(more, &reader);
    cr_assert_eq(cusgd_data_cols(data), MAX_CATEGORIES + 2);
    cr_assert_str_eq(cusgd_data_feature(data, 1), "user=u10");
    cr_assert(strstr(cusgd_data_note(data, 0), "x is stored sparse, with "), "%s", cusgd_data_note(data, 0));
    /* What is read later by this encoding is sparse, too, but where somebody asks for other storage. */
    cusgd_reader again = CUSGD_INIT(cusgd_reader);
    cusgd_data_reader(data, &again);
    cusgd_data *other = open_text("user,color,n,y\nu3,blue,0,1\nnew,red,5,1\n", &again);
    cr_assert_eq(cusgd_data_stored(other), 3);
    cusgd_data_free(other);
    again.encode.sparse = CUSGD_SPARSE_NO;
    other = open_text("user,color,n,y\nu3,blue,0,1\nnew,red,5,1\n", &again);
    cr_assert_eq(cusgd_data_stored(other), -1);
    cusgd_data_free(other);
    cusgd_data_free(data);
    reader.encode.sparse = CUSGD_SPARSE_NO;
    assert_refused(more, &reader, "column 'user' has more than 1000 categories");
    cr_assert(strstr(cusgd_last_error(), "--sparse yes"), "%s", cusgd_last_error());
    /* Columns that nobody named are taken where x is to be sparse. */
    reader = CUSGD_INIT(cusgd_reader);
    reader.encode.categorical_auto = 1;
    assert_refused(more, &reader, "'user' holds text");
    reader.encode.sparse = CUSGD_SPARSE_YES;
    data = open_text(more, &reader);
    cr_assert_eq(cusgd_data_cols(data), MAX_CATEGORIES + 2);
    cusgd_data_free(data);
    free(most);
    free(more);
}

Test(sparsity, a_model_keeps_that_its_table_was_sparse)
{
    char *text = users(MAX_CATEGORIES + 1);
    cusgd_reader reader = reader_of(CUSGD_SPARSE_AUTO);
    cusgd_data *data = open_text(text, &reader);
    cusgd_options o = options_default();
    o.solver = CUSGD_SOLVER_LBFGS;
    o.l2 = 0.01;
    cusgd_trainer *t = trainer_of(&o, data, NULL);
    cusgd_model *model, *loaded;
    double before[2 * (MAX_CATEGORIES + 1)], after[2 * (MAX_CATEGORIES + 1)];
    (void)fit(t);
    assert_works(cusgd_trainer_create_model(t, &model));
    assert_works(cusgd_model_predict(model, data, CUSGD_PREDICT_MEAN, before));
    assert_works(cusgd_model_save(model, path_of("m.safetensors")));
    assert_works(cusgd_model_load(path_of("m.safetensors"), &loaded));
    cusgd_trainer_free(t);
    cusgd_data_free(data);
    reader = CUSGD_INIT(cusgd_reader);
    assert_works(cusgd_model_reader(loaded, &reader));
    data = open_text(text, &reader);
    cr_assert_gt(cusgd_data_stored(data), 0);
    assert_works(cusgd_model_predict(loaded, data, CUSGD_PREDICT_MEAN, after));
    for (int64_t i = 0; i < cusgd_data_rows(data); i++) cr_assert_eq(before[i], after[i]);
    assert_works(cusgd_data_set_sparse(data, 0));
    assert_works(cusgd_model_predict(loaded, data, CUSGD_PREDICT_MEAN, after));
    for (int64_t i = 0; i < cusgd_data_rows(data); i++) cr_assert_float_eq(before[i], after[i], 1e-12);
    cusgd_data_free(data);
    cusgd_model_free(model);
    cusgd_model_free(loaded);
    free(text);
}
