/* Features made of a table's columns: dates, powers and products, at training and at prediction. The golden values are those of
 * pandas and scikit-learn (scripts/make_features.py). */
#include "data/dates.h"
#include "data/encoding.h"
#include "tables.h"

#include <cjson/cJSON.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

TestSuite(features, .init = folder_setup, .fini = folder_teardown);

static cJSON *golden(void)
{
    size_t bytes;
    char *text = file_read(TEST_GOLDEN "/tables/features.json", &bytes);
    cJSON *all = cJSON_Parse(text);
    cr_assert(all);
    free(text);
    return all;
}

static double number_at(const cJSON *list, int i) { return cJSON_GetArrayItem(list, i)->valuedouble; }

/* ---- Dates --------------------------------------------------------------------------------------------------------------- */

static void assert_parts(const cJSON *list, enum date_order order)
{
    const cJSON *item;
    cr_assert_gt(cJSON_GetArraySize(list), 3);
    cJSON_ArrayForEach(item, list)
    {
        const char *text = cJSON_GetObjectItem(item, "text")->valuestring;
        double days, open, parts[DATE_PARTS];
        cr_assert_eq(date_parse(text, strlen(text), order, &days), DATE_DAYS, "%s", text);
        date_parts(days, parts);
        for (int p = 0; p < DATE_PARTS; p++) {
            double expected = number_at(cJSON_GetObjectItem(item, "parts"), p);
            cr_assert(fabs(parts[p] - expected) < 1e-9, "%s: %s %.17g, not %.17g", text, date_part_names[p], parts[p], expected);
        }
        if (order == DATE_ORDER_OPEN) continue;
        cr_assert_eq(date_parse(text, strlen(text), DATE_ORDER_OPEN, &open), DATE_OPEN, "%s", text);
        cr_assert(date_is_open(open) && !date_is_open(days) && (date_orders(open) & order));
        cr_assert_float_eq(date_settle(open, order), days, 1e-6);
    }
}

Test(features, dates_as_pandas)
{
    cJSON *all = golden(), *dates = cJSON_GetObjectItem(all, "dates");
    assert_parts(cJSON_GetObjectItem(dates, "plain"), DATE_ORDER_OPEN);
    assert_parts(cJSON_GetObjectItem(dates, "day_first"), DATE_ORDER_DAY_FIRST);
    assert_parts(cJSON_GetObjectItem(dates, "month_first"), DATE_ORDER_MONTH_FIRST);
    cJSON_Delete(all);
}

Test(features, texts_that_are_no_dates)
{
    static const char *const texts[] = {"",
                                        "x",
                                        "2024",
                                        "2024-13-01",
                                        "2024-02-30",
                                        "2023-02-29",
                                        "1900-02-29",
                                        "05/03/24",
                                        "5.3.24",
                                        "2024-3",
                                        "2024-03-05x",
                                        "2024-03-05 25:00",
                                        "2024-03-05 12:60",
                                        "2024-03-05 13:00 PM",
                                        "31/31/2024",
                                        "0/1/2024",
                                        "32/1/2024",
                                        "2024/03-05",
                                        "March 2024",
                                        "5 Marchy 2024",
                                        "0000-01-01",
                                        "30 Feb 2024",
                                        "123456789",
                                        "2024-03-05 ",
                                        "1.5",
                                        "12:30",
                                        "5/Mai/2024",
                                        "2024-03-05T10:00+15:00"};
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        double value;
        int is_date = strcmp(texts[i], "2024-03-05 ") == 0; /* blanks do not matter */
        cr_assert_eq(date_parse(texts[i], strlen(texts[i]), DATE_ORDER_OPEN, &value), is_date ? DATE_DAYS : DATE_NONE, "%s",
                     texts[i]);
    }
}

static cusgd_reader dated(const char *const *names, size_t count)
{
    cusgd_reader reader = CUSGD_INIT(cusgd_reader);
    reader.encode.dates = names;
    reader.encode.date_count = count;
    return reader;
}

static const char *const when[] = {"when"};

Test(features, parts_of_dates)
{
    cusgd_reader reader = dated(when, 1), again = CUSGD_INIT(cusgd_reader);
    cusgd_data *data = open_text("a,when,y\n1,2024-01-31,3\n2,2023-02-03,4\n3,2024-12-25,5\n", &reader), *other;
    assert_x(data, "a year(when) month(when) weekday(when) days(when)", "1 2024 1 2 19753; 2 2023 2 4 19391; 3 2024 12 2 20082");
    cusgd_data_free(data);
    /* Parts that are the same in all rows are left out, and stay so in later tables. */
    data = open_text("when,y\n2024-01-31,3\n2024-02-01,4\n2024-02-29,5\n", &reader);
    assert_x(data, "month(when) weekday(when) days(when)", "1 2 19753; 2 3 19754; 2 3 19782");
    cusgd_data_reader(data, &again);
    again.roles.x_only = 1;
    other = open_text("when\n1999-12-31\n", &again);
    assert_x(other, "month(when) weekday(when) days(when)", "12 4 10956");
    cusgd_data_free(other);
    /* What the model has not seen is not guessed. */
    assert_refused("when\n13/1/2024\n", &again,
                   "data.csv:2:1: '13/1/2024' in column 'when': the model was trained on no date of");
    cusgd_data_free(data);
}

Test(features, day_and_month_are_told_apart)
{
    cusgd_reader reader = dated(when, 1), again = CUSGD_INIT(cusgd_reader);
    cusgd_data *data = open_text("when,y\n5/3/2024,3\n13/3/2024,4\n2024-03-06,5\n", &reader), *other;
    assert_x(data, "weekday(when) days(when)", "1 19787; 2 19795; 2 19788");
    cusgd_data_reader(data, &again);
    again.roles.x_only = 1;
    other = open_text("when\n6/3/2024\n", &again); /* which by itself could be the 3rd of June */
    assert_x(other, "weekday(when) days(when)", "2 19788");
    cusgd_data_free(other);
    assert_refused("when\n3/13/2024\n", &again, "'3/13/2024' in column 'when' is not a date that can be read");
    cusgd_data_free(data);
    data = open_text("when,y\n5/3/2024,3\n3/13/2024,4\n5/4/2024,5\n", &reader);
    assert_x(data, "month(when) weekday(when) days(when)", "5 4 19846; 3 2 19795; 5 5 19847");
    cusgd_data_free(data);
    assert_refused("when,y\n5/3/2024,3\n6/3/2024,4\n", &reader, "no day above 12 shows which");
    assert_refused("when,y\n13/3/2024,3\n3/13/2024,4\n", &reader, "some dates in column 'when' have the day first");
    assert_refused("when,y\n2024-01-31,3\nsoon,4\n", &reader, "data.csv:3:1: 'soon' in column 'when' is not a date");
}

Test(features, dates_that_are_missing)
{
    cusgd_reader reader = dated(when, 1);
    assert_refused("when,y\n2024-01-31,3\nNA,4\n", &reader, "'NA' in column 'when'");
    reader.encode.missing = CUSGD_MISSING_MEAN;
    cusgd_data *data = open_text("when,y\n2024-01-31,3\nNA,4\n2024-02-04,5\n", &reader);
    assert_x(data, "month(when) weekday(when) days(when) missing(when)", "1 2 19753 0; 2 4 19755 1; 2 6 19757 0");
    cusgd_data_free(data);
    reader.encode.missing = CUSGD_MISSING_DROP;
    data = open_text("when,y\n2024-01-31,3\nNA,4\n2024-02-04,5\n", &reader);
    cr_assert_eq(cusgd_data_rows(data), 2);
    cusgd_data_free(data);
}

Test(features, roles_of_dates)
{
    static const char *const none[] = {"none"}, *const target[] = {"y"};
    cusgd_reader reader = dated(none, 1);
    assert_refused("when,y\n2024-01-31,3\n", &reader, "there is no column 'none'");
    reader = dated(target, 1);
    assert_refused("when,y\n2024-01-31,3\n", &reader, "column 'y' is asked for as dates (--date), but is used as a target");
    reader = dated(when, 1);
    reader.encode.categorical = when;
    reader.encode.categorical_count = 1;
    assert_refused("when,y\n2024-01-31,3\n", &reader, "both as categories (--categorical) and as dates (--date)");
    /* Messages and descriptions name the option. */
    assert_refused("when,c,y\n2024-01-31,a,3\n2024-01-30,b,4\n", NULL, "as they are: --categorical c --date when");
    assert_refused("when,ok,y\n1/2/2024,yes,3\n13/2/2024,no,4\n", NULL, "as they are: --date when (ok: read as 0 and 1)");
}

/* ---- Powers and products ------------------------------------------------------------------------------------------------- */

/* The golden columns as a table. */
static char *table_of(const cJSON *x)
{
    char *text = malloc(4096), *at = text + sprintf(text, "a,b,c,y\n");
    for (int i = 0; i < cJSON_GetArraySize(x); i++) {
        for (int j = 0; j < 3; j++) at += sprintf(at, "%.17g,", number_at(cJSON_GetArrayItem(x, i), j));
        at += sprintf(at, "%d\n", i * i % 5);
    }
    return text;
}

static void assert_polynomial(int interactions, const char *key, const char *names)
{
    cJSON *all = golden(), *of = cJSON_GetObjectItem(all, "polynomials"), *expected = cJSON_GetObjectItem(of, key);
    cusgd_reader reader = CUSGD_INIT(cusgd_reader);
    reader.encode.polynomial = 3;
    reader.encode.interactions = interactions;
    char *text = table_of(cJSON_GetObjectItem(of, "x")), got[512] = "";
    cusgd_data *data = open_text(text, &reader);
    cr_assert_eq(cusgd_data_cols(data), cJSON_GetArraySize(cJSON_GetArrayItem(expected, 0)));
    for (int64_t j = 0; j < cusgd_data_cols(data); j++) {
        strcat(strcat(got, j ? " " : ""), cusgd_data_feature(data, j));
        for (int64_t i = 0; i < cusgd_data_rows(data); i++) {
            double value = number_at(cJSON_GetArrayItem(expected, (int)i), (int)j);
            cr_assert(fabs(x_at(data, i, j) - value) <= 1e-14 * fabs(value), "%lld %lld", (long long)i, (long long)j);
        }
    }
    cr_assert_str_eq(got, names);
    cusgd_data_free(data);
    free(text);
    cJSON_Delete(all);
}

Test(features, polynomials_as_scikit_learn)
{
    assert_polynomial(1, "interactions", "a b c a^2 a*b a*c b^2 b*c c^2 a^3 a^2*b a^2*c a*b^2 a*b*c a*c^2 b^3 b^2*c b*c^2 c^3");
    assert_polynomial(0, "powers", "a b c a^2 b^2 c^2 a^3 b^3 c^3");
}

/* Columns of 0 and 1 have no powers; categories of one column no products; an indicator none with its own column. */
Test(features, terms_that_would_say_nothing_new)
{
    cusgd_reader reader = CUSGD_INIT(cusgd_reader);
    reader.encode.categorical_auto = 1;
    reader.encode.polynomial = 2;
    reader.encode.interactions = 1;
    cusgd_data *data = open_text("c,n,ok,y\nu,2,yes,1\nv,3,no,2\nw,5,yes,4\n", &reader);
    assert_x(data, "c=v c=w n ok c=v*n c=v*ok c=w*n c=w*ok n^2 n*ok",
             "0 0 2 1 0 0 0 0 4 2; 1 0 3 0 3 0 0 0 9 0; 0 1 5 1 0 0 5 1 25 5");
    cr_assert(cusgd_data_feature_column(data, 4) == 1 && cusgd_data_feature_column(data, 8) == 2);
    cusgd_data_free(data);
    reader.encode.missing = CUSGD_MISSING_MEAN;
    data = open_text("n,y\n2,1\n,2\n4,4\n", &reader);
    assert_x(data, "n missing(n) n^2", "2 0 4; 3 1 9; 4 0 16");
    cusgd_data_free(data);
    /* One category makes no column, of which there are no powers. */
    assert_refused("c,y\nu,1\nu,2\n", &reader, "the same category in all rows");
}

Test(features, too_many_terms)
{
    char *text = malloc(40000), *at = text;
    for (int i = 0; i < 1001; i++) at += sprintf(at, "%sc%d", i ? "," : "", i);
    for (int row = 0; row < 2; row++)
        for (int i = 0; i < 1001; i++) at += sprintf(at, "%s%d", i ? "," : "\n", i % (7 + row));
    strcpy(at, "\n");
    cusgd_reader reader = CUSGD_INIT(cusgd_reader);
    reader.encode.polynomial = 2;
    reader.encode.interactions = 1;
    assert_refused(text, &reader, "--polynomial 2 --interactions of 1000 columns makes more than 100000");
    reader.encode.interactions = 0;
    cusgd_data *data = open_text(text, &reader);
    cr_assert_eq(cusgd_data_cols(data), 2000);
    cusgd_data_free(data);
    reader.encode.polynomial = 3;
    assert_refused("a,b,y\n1,1,1\n1e150,1,2\n", &reader, "a^3 is too large for a double in row 2");
    reader.encode.polynomial = 11;
    assert_fails(cusgd_data_open(path_of("data.csv"), &reader, &data), CUSGD_ERROR_USAGE, "has a degree of 1 to 10, not 11");
    free(text);
}

/* ---- A model keeps them -------------------------------------------------------------------------------------------------- */

Test(features, predictions_of_the_raw_table)
{
    cusgd_reader reader = dated(when, 1);
    reader.encode.polynomial = 2;
    reader.encode.interactions = 1;
    cusgd_data *data = open_text("when,a,y\n1/2/2024,1,3\n13/3/2024,2.5,5\n14/4/2024,-1,6\n15/5/2023,0.5,1\n", &reader), *raw;
    cusgd_options *options;
    cusgd_trainer *trainer;
    cusgd_model *model, *loaded;
    double p[4], q[4];
    assert_works(cusgd_options_new(&options));
    assert_works(cusgd_options_set(options, "epochs", "3"));
    assert_works(cusgd_trainer_create(options, data, NULL, &trainer));
    assert_works(cusgd_trainer_fit(trainer, NULL, NULL, NULL));
    assert_works(cusgd_trainer_create_model(trainer, &model));
    assert_works(cusgd_model_save(model, path_of("m.safetensors")));
    assert_works(cusgd_model_load(path_of("m.safetensors"), &loaded));
    cusgd_reader again = CUSGD_INIT(cusgd_reader);
    cusgd_model_reader(loaded, &again);
    again.roles.x_only = 1;
    raw = open_text("a,other,when\n1,x,1/2/2024\n2.5,y,13/3/2024\n-1,z,2024-04-14\n0.5,,15 May 2023\n", &again);
    assert_works(cusgd_model_predict(model, data, CUSGD_PREDICT_MEAN, p));
    assert_works(cusgd_model_predict(loaded, raw, CUSGD_PREDICT_MEAN, q));
    for (int i = 0; i < 4; i++) cr_assert_eq(p[i], q[i]);
    cusgd_data_free(raw);
    cusgd_data_free(data);
    cusgd_model_free(model);
    cusgd_model_free(loaded);
    cusgd_trainer_free(trainer);
    cusgd_options_free(options);
}

Test(features, damaged_metadata)
{
    static const char *const texts[] = {
        "{\"missing\":\"drop\",\"columns\":[{\"kind\":\"date\",\"order\":\"open\"}]}",
        "{\"missing\":\"drop\",\"columns\":[{\"kind\":\"date\",\"order\":\"open\",\"parts\":[]}]}",
        "{\"missing\":\"drop\",\"columns\":[{\"kind\":\"date\",\"order\":\"\",\"parts\":[\"year\",\"days\"]}]}",
        "{\"missing\":\"drop\",\"columns\":[{\"kind\":\"date\",\"order\":\"open\",\"parts\":[\"year\",\"hour\"]}]}",
        "{\"missing\":\"drop\",\"polynomial\":11,\"columns\":[{\"kind\":\"number\"},{\"kind\":\"number\"}]}",
        "{\"missing\":\"drop\",\"polynomial\":\"2\",\"columns\":[{\"kind\":\"number\"}]}",
        "{\"missing\":\"drop\",\"polynomial\":3,\"columns\":[{\"kind\":\"number\"}]}"};
    cusgd_encoding *e;
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        assert_fails(encoding_from_json(texts[i], 2, &e), CUSGD_ERROR_DATA, "does not describe 2 features");
        cr_assert_null(e);
    }
    assert_works(encoding_from_json("{\"missing\":\"drop\",\"polynomial\":2,\"columns\":[{\"kind\":\"number\"}]}", 2, &e));
    encoding_free(e);
}
