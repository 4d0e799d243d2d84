/* Columns as features: booleans, categories and missing values, at training and at prediction; targets of any two labels. The
 * golden models are scikit-learn's (scripts/make_tables.py). */
#include "data/encoding.h"
#include "tables.h"

#include <cjson/cJSON.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

TestSuite(encoding, .init = folder_setup, .fini = folder_teardown);

/* ---- What x becomes ------------------------------------------------------------------------------------------------------ */

static cusgd_reader reader_of(int automatic, cusgd_missing missing)
{
    cusgd_reader reader = CUSGD_INIT(cusgd_reader);
    reader.encode.categorical_auto = automatic;
    reader.encode.missing = missing;
    return reader;
}

Test(encoding, booleans_without_asking)
{
    static const char *const pairs[][2] = {{"False", "True"}, {"FALSE", "TRUE"}, {"no", "Yes"},
                                           {"n", "Y"},        {"f", "t"},        {"off", "on"}};
    for (size_t i = 0; i < sizeof pairs / sizeof *pairs; i++) {
        char text[128];
        snprintf(text, sizeof text, "a,b,y\n1,%s,3\n2,\"%s\",4\n3, %s ,5\n", pairs[i][1], pairs[i][0], pairs[i][1]);
        cusgd_data *data = open_text(text, NULL);
        assert_x(data, "a b", "1 1; 2 0; 3 1");
        cusgd_data_free(data);
    }
    /* Not where other texts or numbers stand among them, wherever these are; nor two pairs mixed. */
    assert_refused("a,b,y\n1,F,3\n2,M,4\n3,F,5\n", NULL, "column 'b' holds text ('F', 'M')");
    assert_refused("a,b,y\n1,M,3\n2,F,4\n3,F,5\n", NULL, "column 'b' holds text ('M', 'F')");
    assert_refused("a,b,y\n1,yes,3\n2,true,4\n", NULL, "column 'b' holds text ('yes', 'true')");
    assert_refused("a,b,y\n1,yes,3\n2,1,4\n3,0,5\n", NULL, "data.csv:2:2: 'yes' in column 'b' is not a number");
    assert_refused("a,b,y\n1,1,3\n2,0,4\n3,yes,5\n", NULL, "data.csv:4:2: 'yes' in column 'b' is not a number");
    /* Whoever reads another table by this one's encoding may find numbers there. */
    cusgd_data *data = open_text("a,b,y\n1,yes,3\n2,no,4\n", NULL), *other;
    cusgd_reader again = CUSGD_INIT(cusgd_reader);
    cusgd_data_reader(data, &again);
    other = open_text("b,y,a\n1,3,5\n0,4,6\nYES,5,7\n", &again);
    assert_x(other, "a b", "5 1; 6 0; 7 1");
    cusgd_data_free(other);
    assert_refused("a,b,y\n1,maybe,3\n", &again, "column 'b' holds text ('maybe')");
    cusgd_data_free(data);
}

Test(encoding, categories)
{
    const char *text = "color,n,y\nred,10,3\nblue,9,4\nred,10,5\nGr\xC3\xBCn,100,6\n";
    cusgd_reader reader = reader_of(1, CUSGD_MISSING_DEFAULT);
    cusgd_data *data = open_text(text, &reader);
    assert_x(data, "color=blue color=red n", "0 1 10; 1 0 9; 0 1 10; 0 0 100");
    cr_assert(cusgd_data_feature_column(data, 1) == 1 && cusgd_data_feature_column(data, 2) == 2);
    cusgd_data_free(data);
    reader.encode.all_levels = 1;
    data = open_text(text, &reader);
    assert_x(data, "color=Gr\xC3\xBCn color=blue color=red n", "0 0 1 10; 0 1 0 9; 0 0 1 10; 1 0 0 100");
    cusgd_data_free(data);
    /* Numbers as categories, in their order; only those columns that are named. */
    reader = reader_of(0, CUSGD_MISSING_DEFAULT);
    reader.encode.categorical = (const char *const[]){"n", "1"};
    reader.encode.categorical_count = 1;
    assert_refused(text, &reader, "column 'color' holds text ('red', 'blue', 'Gr\xC3\xBCn')");
    cr_assert(strstr(cusgd_last_error(), "to use them as they are: --categorical color"), "%s", cusgd_last_error());
    reader.encode.categorical_count = 2;
    data = open_text(text, &reader);
    assert_x(data, "color=blue color=red n=10 n=100", "0 1 1 0; 1 0 0 0; 0 1 1 0; 0 0 0 1");
    cusgd_data_free(data);
    /* A file without a header: by number. */
    data = open_text("red,10,3\nblue,9,4\nred,10,5\n",
                     &(cusgd_reader){.size = sizeof reader, .header = CUSGD_HEADER_NO, .encode = {.categorical_auto = 1}});
    assert_x(data, "1=red 2", "1 10; 0 9; 1 10");
    cusgd_data_free(data);
    reader.encode.categorical = (const char *const[]){"y", "z"};
    assert_refused(text, &reader, "column 'y' is asked for as categories (--categorical), but is used as a target");
}

Test(encoding, categories_that_are_too_many)
{
    char *text = malloc(40000), *at = text;
    at += sprintf(at, "name,a,y\n");
    for (int i = 0; i < 1001; i++) at += sprintf(at, "person %d,%d,%d\n", i, i % 7, i % 5);
    cusgd_reader reader = reader_of(1, CUSGD_MISSING_DEFAULT);
    assert_refused(text, &reader, "; to use the others: --ignore name"); /* nobody asked for so many categories */
    reader.encode.categorical = (const char *const[]){"name"};
    reader.encode.categorical_count = 1;
    reader.encode.sparse = CUSGD_SPARSE_NO;
    assert_refused(text, &reader,
                   "data.csv:1002:1: column 'name' has more than 1000 categories: if it holds names or identifiers");
    *strrchr(text, 'p') = '\0'; /* without the last row there are 1000 */
    cusgd_data *data = open_text(text, &reader);
    cr_assert_eq(cusgd_data_cols(data), 1000);
    cusgd_data_free(data);
    free(text);
}

/* Up to one row in 20 is left out, of a part of a longer table any number; one more is a problem, with all columns that lack
 * values, and text. */
Test(encoding, few_missing_values)
{
    char whole[600] = "a,c,y\n", longer[620], *at = whole + strlen(whole);
    cusgd_reader reader = reader_of(1, CUSGD_MISSING_AUTO);
    for (int i = 0; i < 40; i++) at += sprintf(at, "%s,%s,%d\n", i == 3 ? "" : "2", i == 9 ? "" : i % 2 ? "u" : "v", i);
    cusgd_data *data = open_text(whole, &reader);
    cr_assert(cusgd_data_rows(data) == 38 && cusgd_data_cols(data) == 2);
    cr_assert(strstr(cusgd_data_note(data, 0), "2 of 40 rows lack a value, and are left out ("), "%s", cusgd_data_note(data, 0));
    cr_assert(strstr(cusgd_data_note(data, 1), "text is read as categories: c ("), "%s", cusgd_data_note(data, 1));
    cusgd_data_free(data);
    snprintf(longer, sizeof longer, "%s3,u,\n", whole);
    assert_refused(longer, &reader, "data.csv:5:1: 3 columns lack values: 'a' (1 of 41 rows), 'c' (1), 'y' (1)");
    reader.lines_before = 1;
    data = open_text(longer, &reader);
    cr_assert_eq(cusgd_data_rows(data), 38);
    cusgd_data_free(data);
    reader.lines_before = 0;
    snprintf(longer, sizeof longer, "%s2,u,x\n", whole);
    assert_refused(longer, &reader, "'x' in column 'y' is not a number");
    cr_assert(strstr(cusgd_last_error(), "2 columns lack values: 'a' (1 of 41 rows), 'c' (1)"), "%s", cusgd_last_error());
}

Test(encoding, missing_values)
{
    const char *text = "a,c,y\n1,u,3\n,v,4\n4,,5\n7,u,\n";
    static const char *const lists[] = {"data.csv:3:1: 3 columns lack values: 'a' (1 of 4 rows), 'c' (1), 'y' (1)"};
    cusgd_reader reader = reader_of(1, CUSGD_MISSING_ERROR);
    assert_refused(text, &reader, lists[0]);
    cr_assert(strstr(cusgd_last_error(), "--missing drop, or --missing mean"), "%s", cusgd_last_error());
    reader.encode.missing = CUSGD_MISSING_DROP;
    assert_refused("a,c,y\n1,,3\n,v,4\n", &reader,
                   "every row lacks a value, most of them in column 'a', a feature: leave it out");
    assert_refused("a,b,y\n1,2,NA\n2,3,NA\n,4,NA\n", &reader,
                   "all of them in column 'y', the target: name another one (--target)");
    cusgd_data *data = open_text("a,c,y\n1,u,3\n,v,4\n4,,5\n6,w,6\n7,u,\n", &reader);
    assert_x(data, "a c=w", "1 0; 6 1"); /* what no row that stays has is no category */
    cr_assert(y_at(data, 1, 0) == 6);
    cr_assert_str_eq(strstr(cusgd_data_note(data, 0), "data.csv: "), "data.csv: 3 of 5 rows lack a value, and are left out");
    cusgd_data_free(data);
    reader.encode.missing = CUSGD_MISSING_MEAN;
    data = open_text(text, &reader);
    assert_x(data, "a missing(a) c=v missing(c)", "1 0 0 0; 2.5 1 1 0; 4 0 0 1");
    cr_assert(strstr(cusgd_data_note(data, 0), "1 of 4 rows lacks a value, and is left out"), "%s", cusgd_data_note(data, 0));
    cusgd_data_free(data);
    /* Values whose sum overflows have a mean. */
    data = open_text("a,y\n1e308,2\n1.7e308,3\n-1.5e308,3\n,2\n", &reader);
    cr_assert(fabs(x_at(data, 3, 0) - 4e307) < 1e293, "%g", x_at(data, 3, 0));
    cusgd_data_free(data);
    /* Text targets, of which the first is missing. */
    reader.encode.missing = CUSGD_MISSING_DROP;
    data = open_text("a,y\n1,NA\n2,no\n3,yes\n", &reader);
    cr_assert(cusgd_data_rows(data) == 2 && y_at(data, 1, 0) == 1 && strcmp(cusgd_data_class(data, 1), "yes") == 0);
    cusgd_data_free(data);
    reader.encode.missing = CUSGD_MISSING_KEEP;
    assert_fails(cusgd_data_open(path_of("data.csv"), &reader, &data), CUSGD_ERROR_USAGE, "kept for prediction alone");
}

/* ---- A model's encoding -------------------------------------------------------------------------------------------------- */

static cusgd_model *train(const cusgd_data *data, const char *loss, double l2)
{
    cusgd_options *options;
    cusgd_trainer *trainer;
    cusgd_result result = CUSGD_INIT(cusgd_result);
    cusgd_model *model;
    assert_works(cusgd_options_new(&options));
    assert_works(cusgd_options_set(options, "loss", loss));
    assert_works(cusgd_options_set(options, "solver", strcmp(loss, "squared") == 0 ? "exact" : "newton"));
    assert_works(cusgd_options_set(options, "precision", "double"));
    if (strcmp(loss, "squared") != 0) assert_works(cusgd_options_set_number(options, "gradient-tolerance", 1e-12));
    assert_works(cusgd_options_set_number(options, "l2", l2));
    assert_works(cusgd_trainer_create(options, data, NULL, &trainer));
    assert_works(cusgd_trainer_fit(trainer, NULL, NULL, &result));
    assert_works(cusgd_trainer_create_model(trainer, &model));
    cusgd_trainer_free(trainer);
    cusgd_options_free(options);
    return model;
}

/* The model as it comes back from its file. */
static cusgd_model *reload(cusgd_model *model)
{
    cusgd_model *loaded;
    assert_works(cusgd_model_save(model, path_of("m.safetensors")));
    assert_works(cusgd_model_load(path_of("m.safetensors"), &loaded));
    cusgd_model_free(model);
    return loaded;
}

/* The model's predictions for a table, malloc'd. */
static double *predict(const cusgd_model *model, const char *path, cusgd_prediction as, cusgd_data **data)
{
    cusgd_reader reader = CUSGD_INIT(cusgd_reader);
    cusgd_model_reader(model, &reader);
    reader.roles.x_only = 1;
    reader.encode.missing = CUSGD_MISSING_KEEP;
    assert_works(cusgd_data_open(path, &reader, data));
    double *p = malloc((size_t)cusgd_data_rows(*data) * sizeof *p);
    cr_assert(p);
    assert_works(cusgd_model_predict(model, *data, as, p));
    return p;
}

Test(encoding, predictions_keep_the_rows)
{
    cusgd_reader reader = reader_of(1, CUSGD_MISSING_DROP), strict = CUSGD_INIT(cusgd_reader);
    cusgd_data *data = open_text("a,c,y\n1,u,3\n2,v,5\n5,u,1\n4,v,9\n,v,7\n", &reader), *other, *part;
    cusgd_model *model = reload(train(data, "squared", 0));
    cusgd_data_free(data);
    double *p = predict(model, file_text("new.csv", "c,a\nu,1\nv,\n,3\nw,1\nv,2\n"), CUSGD_PREDICT_MEAN, &other);
    cr_assert_eq(cusgd_data_rows(other), 5);
    cr_assert(isfinite(p[0]) && isnan(p[1]) && isnan(p[2]) && p[3] == p[0] && isfinite(p[4]));
    cr_assert(strstr(cusgd_data_note(other, 0), "2 of 5 rows lack a value, and have no prediction"), "%s",
              cusgd_data_note(other, 0));
    cr_assert(strstr(cusgd_data_note(other, 1), "1 row has a category in column 'c' that the model does not know ('w')"), "%s",
              cusgd_data_note(other, 1));
    /* Selected rows keep it. */
    double q[3];
    assert_works(cusgd_data_select(other, (const int64_t[]){4, 1, 2}, 3, &part));
    assert_works(cusgd_model_predict(model, part, CUSGD_PREDICT_MEAN, q));
    cr_assert(q[0] == p[4] && isnan(q[1]) && isnan(q[2]));
    cusgd_data_free(part);
    assert_works(cusgd_predictions_save(model, CUSGD_PREDICT_MEAN, 5, p, path_of("p.csv")));
    size_t bytes;
    char *text = file_read(path_of("p.csv"), &bytes);
    cr_assert(strncmp(text, "y\n", 2) == 0 && strstr(text, "\n\"\"\n\"\"\n"), "%s", text);
    free(text);
    free(p);
    cusgd_data_free(other);
    cusgd_model_reader(model, &strict);
    strict.roles.x_only = 1;
    strict.encode.strict = 1;
    strict.encode.missing = CUSGD_MISSING_ERROR;
    assert_fails(cusgd_data_open(path_of("new.csv"), &strict, &other), CUSGD_ERROR_DATA,
                 "'w' in column 'c' is a category that the model does not know");
    cusgd_model_free(model);
}

/* A category that occurs in another table alone, and numbers with another spelling, at their place by number. */
Test(encoding, tables_without_names)
{
    cusgd_reader reader = reader_of(1, CUSGD_MISSING_MEAN);
    reader.header = CUSGD_HEADER_NO;
    cusgd_data *data = open_text("u,1,3\nv,2,5\nu,5,1\nv,4,9\nv,,7\n", &reader), *other;
    cusgd_model *model = reload(train(data, "squared", 0));
    double *p = predict(model, path_of("data.csv"), CUSGD_PREDICT_MEAN, &other), q[5];
    assert_works(cusgd_model_predict(model, data, CUSGD_PREDICT_MEAN, q));
    for (int i = 0; i < 5; i++) cr_assert_eq(p[i], q[i]);
    cr_assert_str_eq(cusgd_model_feature(model, 1), "2");
    cr_assert_eq(cusgd_model_feature_column(model, 2), 2); /* the indicator's */
    free(p);
    cusgd_data_free(other);
    cusgd_data_free(data);
    cusgd_model_free(model);
}

Test(encoding, damaged_metadata)
{
    static const char *const texts[] = {
        "",
        "{}",
        "[]",
        "{\"missing\":\"drop\",\"columns\":[]}",
        "{\"missing\":\"no\",\"columns\":[{\"kind\":\"number\"},{\"kind\":\"number\"}]}",
        "{\"missing\":\"drop\",\"columns\":[{\"kind\":\"number\"}]}",
        "{\"missing\":\"drop\",\"columns\":[{\"kind\":\"number\"},7]}",
        "{\"missing\":\"drop\",\"columns\":[{\"kind\":\"number\",\"name\":3},{\"kind\":\"number\"}]}",
        "{\"missing\":\"drop\",\"columns\":[{\"kind\":\"category\",\"categories\":[\"a\",\"a\"]}]}",
        "{\"missing\":\"drop\",\"columns\":[{\"kind\":\"category\",\"categories\":[1,2]}]}",
        "{\"missing\":\"drop\",\"columns\":[{\"kind\":\"number\",\"fill\":\"x\",\"indicator\":true}]}"};
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        cusgd_encoding *e;
        assert_fails(encoding_from_json(texts[i], 2, &e), CUSGD_ERROR_DATA, "does not describe 2 features");
        cr_assert_null(e);
    }
    cusgd_encoding *e;
    assert_works(encoding_from_json(
        "{\"missing\":\"mean\",\"columns\":[{\"kind\":\"category\",\"categories\":[\"a\",\"b\"],\"reference\":true,"
        "\"fill\":0,\"indicator\":true}]}",
        2, &e));
    encoding_free(e);
}

/* ---- Against scikit-learn ------------------------------------------------------------------------------------------------ */

static cJSON *golden(void)
{
    size_t bytes;
    char *text = file_read(TEST_GOLDEN "/tables/mixed.json", &bytes);
    cJSON *all = cJSON_Parse(text);
    cr_assert(all);
    free(text);
    return all;
}

static void assert_close(const cJSON *list, const double *values, int64_t count, double tolerance, const char *what)
{
    cr_assert_eq(cJSON_GetArraySize(list), count, "%s", what);
    for (int64_t i = 0; i < count; i++) {
        double expected = cJSON_GetArrayItem(list, (int)i)->valuedouble;
        cr_assert(fabs(values[i] - expected) <= tolerance * (1 + fabs(expected)), "%s %lld: %.17g, not %.17g", what, (long long)i,
                  values[i], expected);
    }
}

/* Trains on the golden table; its predictions for the table are those listed, but for NaN. */
static void assert_golden(const char *name, cusgd_missing missing, double l2)
{
    cJSON *all = golden();
    const cJSON *expected = cJSON_GetObjectItem(all, name), *coefficients = cJSON_GetObjectItem(expected, "coef");
    cusgd_reader reader = reader_of(1, missing);
    reader.encode.all_levels = l2 > 0;
    cusgd_data *data, *other;
    assert_works(cusgd_data_open(TEST_GOLDEN "/tables/mixed.csv", &reader, &data));
    cusgd_model *model = reload(train(data, "squared", l2));
    if (coefficients) {
        assert_close(coefficients, cusgd_model_weight(model), cusgd_model_cols(model), 1e-9, "coefficient");
        cr_assert_float_eq(cusgd_model_bias(model)[0], cJSON_GetObjectItem(expected, "intercept")->valuedouble, 1e-8);
    }
    double *p = predict(model, TEST_GOLDEN "/tables/mixed.csv", CUSGD_PREDICT_MEAN, &other);
    int64_t rows = cusgd_data_rows(other), kept = 0;
    cr_assert_eq(rows, 120);
    for (int64_t i = 0; i < rows; i++)
        if (!isnan(p[i])) p[kept++] = p[i];
    assert_close(cJSON_GetObjectItem(expected, "predictions"), p, kept, 1e-9, "prediction");
    free(p);
    cusgd_data_free(other);
    cusgd_data_free(data);
    cusgd_model_free(model);
    cJSON_Delete(all);
}

Test(encoding, dropped_as_scikit_learn) { assert_golden("dropped", CUSGD_MISSING_DROP, 0); }
Test(encoding, imputed_as_scikit_learn) { assert_golden("imputed", CUSGD_MISSING_MEAN, 0); }
Test(encoding, ridge_with_all_levels_as_scikit_learn) { assert_golden("ridge", CUSGD_MISSING_DROP, 0.1); }

/* ---- Classes ------------------------------------------------------------------------------------------------------------- */

Test(encoding, two_labels_as_scikit_learn)
{
    cJSON *all = golden();
    const cJSON *expected = cJSON_GetObjectItem(all, "classes"), *labels = cJSON_GetObjectItem(expected, "label");
    double age[120], label[120], p[120];
    cusgd_data *mixed, *data;
    cusgd_reader reader = CUSGD_INIT(cusgd_reader);
    reader.roles.features = (const char *const[]){"age"};
    reader.roles.feature_count = 1;
    assert_works(cusgd_data_open(TEST_GOLDEN "/tables/mixed.csv", &reader, &mixed));
    FILE *file = fopen(path_of("l.csv"), "w");
    fprintf(file, "age,label\n");
    for (int i = 0; i < 120; i++) {
        age[i] = x_at(mixed, i, 0);
        label[i] = cJSON_GetArrayItem(labels, i)->valuedouble;
        fprintf(file, "%.17g,%g\n", age[i], label[i]);
    }
    fclose(file);
    cusgd_data_free(mixed);
    /* From a table, and from arrays. */
    for (int wrapped = 0; wrapped < 2; wrapped++) {
        cusgd_reader classes = CUSGD_INIT(cusgd_reader);
        classes.find_classes = 1;
        if (wrapped) {
            cusgd_matrix x = {age, CUSGD_TYPE_FLOAT64, 1, 1}, y = {label, CUSGD_TYPE_FLOAT64, 1, 1};
            assert_works(cusgd_data_wrap(120, 1, 1, x, y, (cusgd_matrix){0}, &data));
            assert_works(cusgd_data_find_classes(data, NULL));
        } else {
            assert_works(cusgd_data_open(path_of("l.csv"), &classes, &data));
        }
        cr_assert(strcmp(cusgd_data_class(data, 0), "2") == 0 && strcmp(cusgd_data_class(data, 1), "4") == 0);
        cusgd_model *model = reload(train(data, "logistic", 0.01));
        cr_assert(strcmp(cusgd_model_class(model, 0), "2") == 0 && strcmp(cusgd_model_class(model, 1), "4") == 0);
        assert_works(cusgd_model_predict(model, data, CUSGD_PREDICT_PROBABILITY, p));
        assert_close(cJSON_GetObjectItem(expected, "probabilities"), p, 120, 1e-7, "probability");
        assert_works(cusgd_model_predict(model, data, CUSGD_PREDICT_CLASS, p));
        for (int i = 0; i < 120; i++) p[i] = p[i] > 0 ? 4 : 2;
        assert_close(cJSON_GetObjectItem(expected, "classes"), p, 120, 0, "class");
        cusgd_data_free(data);
        /* Evaluation maps one class alone, too, and refuses another. */
        cusgd_reader reader2 = CUSGD_INIT(cusgd_reader);
        cusgd_model_reader(model, &reader2);
        if (!wrapped) {
            data = open_text("age,label\n30,4\n40,4\n", &reader2);
            cr_assert(y_at(data, 0, 0) == 1 && y_at(data, 1, 0) == 1);
            cusgd_data_free(data);
            assert_refused("age,label\n30,4\n40,3\n", &reader2, "row 2: the target 3 is not one of the model's classes, 2 and 4");
        }
        cusgd_model_free(model);
    }
    cJSON_Delete(all);
}

Test(encoding, labels)
{
    cusgd_reader reader = CUSGD_INIT(cusgd_reader);
    reader.find_classes = 1;
    /* The usual codes, one value alone and texts stay what they are. */
    static const char *const same[] = {"a,y\n1,0\n2,1\n", "a,y\n1,7\n2,7\n"};
    for (size_t i = 0; i < sizeof same / sizeof *same; i++) {
        cusgd_data *data = open_text(same[i], &reader);
        cr_assert_null(cusgd_data_class(data, 0), "%s", same[i]);
        cusgd_data_free(data);
    }
    cusgd_data *data = open_text("a,y\n1,1\n2,-1\n", &reader);
    cr_assert(strcmp(cusgd_data_class(data, 0), "-1") == 0 && strcmp(cusgd_data_class(data, 1), "1") == 0);
    cr_assert(y_at(data, 0, 0) == 1 && y_at(data, 1, 0) == 0);
    cusgd_data_free(data);
    data = open_text("a,y\n1,0.5\n2,-3\n3,0.5\n", &reader);
    cr_assert(strcmp(cusgd_data_class(data, 0), "-3") == 0 && strcmp(cusgd_data_class(data, 1), "0.5") == 0);
    cr_assert(y_at(data, 0, 0) == 1 && y_at(data, 1, 0) == 0 && y_at(data, 2, 0) == 1);
    cusgd_data_free(data);
    /* More whole numbers, or texts, are classes in their order. */
    static const char *const several[] = {"a,y\n1,10\n2,9\n3,-1\n4,9\n", "a,y\n1,w\n2,v\n3,u\n4,v\n"};
    static const double wanted[] = {2, 1, 0, 1};
    static const char *const names[][3] = {{"-1", "9", "10"}, {"u", "v", "w"}};
    for (int i = 0; i < 2; i++) {
        data = open_text(several[i], &reader);
        cr_assert_eq(cusgd_data_classes(data), 3);
        for (int c = 0; c < 3; c++) cr_assert_str_eq(cusgd_data_class(data, c), names[i][c]);
        for (int row = 0; row < 4; row++) cr_assert_eq(y_at(data, row, 0), wanted[row]);
        cusgd_data_free(data);
    }
    assert_refused("a,y\n1,0\n2,0.5\n3,2\n", &reader, "the target has more than two values (0, 0.5, 2), and not all are whole");
}
