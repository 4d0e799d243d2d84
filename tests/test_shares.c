/* Targets that are shares of class 1, or successes out of trials: the same model as that of the rows written out one by one. */
#include "tables.h"

#include <stdio.h>
#include <string.h>

TestSuite(shares, .init = folder_setup, .fini = folder_teardown);

enum { ROWS = 40 };

static int trials_of(int i) { return 1 + i * 7 % 5; }
static int successes_of(int i) { return i * 11 % (trials_of(i) + 1); }

/* kind 0: a row per trial; 1: successes and trials; 2: shares and trials. */
static const char *table_of(int kind)
{
    static char text[ROWS * 5 * 24];
    char *at = text + sprintf(text, kind ? "a,b,n,y\n" : "a,b,y\n");
    for (int i = 0; i < ROWS; i++) {
        int n = trials_of(i), y = successes_of(i), a = i * i % 7, b = i * 5 % 11;
        for (int j = 0; kind == 0 && j < n; j++) at += sprintf(at, "%d,%d,%d\n", a, b, j < y);
        if (kind == 1) at += sprintf(at, "%d,%d,%d,%d\n", a, b, n, y);
        if (kind == 2) at += sprintf(at, "%d,%d,%d,%.17g\n", a, b, n, (double)y / n);
    }
    return text;
}

static void fit(const cusgd_data *data, double weight[2], double *bias, double errors[3])
{
    cusgd_options *options;
    cusgd_trainer *trainer;
    cusgd_model *model;
    cr_assert_eq(cusgd_options_new(&options), CUSGD_OK);
    cr_assert_eq(cusgd_options_set(options, "loss", "logistic"), CUSGD_OK);
    cr_assert_eq(cusgd_options_set(options, "solver", "newton"), CUSGD_OK);
    cr_assert_eq(cusgd_options_set(options, "precision", "double"), CUSGD_OK);
    cr_assert_eq(cusgd_trainer_create(options, data, NULL, &trainer), CUSGD_OK, "%s", cusgd_last_error());
    cr_assert_eq(cusgd_trainer_fit(trainer, NULL, NULL, NULL), CUSGD_OK, "%s", cusgd_last_error());
    cr_assert_eq(cusgd_trainer_get_coefficients(trainer, weight, bias), CUSGD_OK);
    cr_assert_eq(cusgd_trainer_create_model(trainer, &model), CUSGD_OK);
    memcpy(errors, cusgd_model_standard_errors(model, NULL), 3 * sizeof *errors);
    cusgd_model_free(model);
    cusgd_trainer_free(trainer);
    cusgd_options_free(options);
}

Test(shares, are_rows_written_out)
{
    double weight[3][2], bias[3], errors[3][3];
    for (int kind = 0; kind < 3; kind++) {
        cusgd_reader reader = CUSGD_INIT(cusgd_reader);
        reader.find_classes = 1;
        if (kind == 1) reader.roles.trials = "n";
        if (kind == 2) reader.roles.weights = "n";
        cusgd_data *data = open_text(table_of(kind), &reader);
        cr_assert_eq(cusgd_data_cols(data), 2);
        const char *note = cusgd_data_note(data, 0);
        if (kind) cr_assert(note && strstr(note, "the 40 rows stand for "), "%s", note);
        fit(data, weight[kind], &bias[kind], errors[kind]);
        cusgd_data_free(data);
        for (int j = 0; j < 2; j++) cr_assert_float_eq(weight[kind][j], weight[0][j], 1e-9);
        cr_assert_float_eq(bias[kind], bias[0], 1e-9);
        for (int j = 0; j < 3; j++) cr_assert_float_eq(errors[kind][j], errors[0][j], 1e-9);
    }
}

/* Arrays of the caller stay as they are; offsets and float32 stay with their rows; a half of no weight is no row. */
Test(shares, of_arrays)
{
    static const float x[] = {1, 2, 3};
    static const double y[] = {0.25, 1, 0}, o[] = {5, 6, 7};
    cusgd_data *data;
    cr_assert_eq(cusgd_data_wrap(3, 1, 1, (cusgd_matrix){x, CUSGD_TYPE_FLOAT32, 1, 1},
                                 (cusgd_matrix){y, CUSGD_TYPE_FLOAT64, 1, 1}, (cusgd_matrix){0}, &data),
                 CUSGD_OK);
    cr_assert_eq(cusgd_data_set_offset(data, CUSGD_OFFSET_LINEAR, (cusgd_matrix){o, CUSGD_TYPE_FLOAT64, 1, 1}), CUSGD_OK);
    cr_assert_eq(cusgd_data_split_targets(data, 0), CUSGD_OK, "%s", cusgd_last_error());
    static const double expected[4][4] = {{1, 1, 0.25, 5}, {1, 0, 0.75, 5}, {2, 1, 1, 6}, {3, 0, 1, 7}};
    cr_assert_eq(cusgd_data_rows(data), 4);
    cr_assert_eq(data->view.x.type, CUSGD_TYPE_FLOAT32);
    for (int i = 0; i < 4; i++) {
        cr_assert(x_at(data, i, 0) == expected[i][0] && y_at(data, i, 0) == expected[i][1]);
        cr_assert(weight_at(&data->view, i) == expected[i][2] && offset_at(&data->view, i) == expected[i][3]);
    }
    cr_assert_eq(cusgd_data_split_targets(data, 0), CUSGD_OK); /* 0 and 1 stay */
    cr_assert_eq(cusgd_data_rows(data), 4);
    cusgd_data_free(data);
}

/* Three classes as a row per trial, as counts, and as shares and trials: one optimum, and one set of measures. */
static const char *several(int kind)
{
    static char text[ROWS * 12 * 32];
    char *at = text + sprintf(text, kind ? "a,b,n,red,green,blue\n" : "a,b,y\n");
    static const char *const names[] = {"red", "green", "blue"};
    for (int i = 0; i < ROWS; i++) {
        int count[3] = {i % 4, i * 7 % 3, 1 + i * i % 5}, n = count[0] + count[1] + count[2], a = i * i % 7, b = i * 5 % 11;
        for (int c = 0; c < 3 && kind == 0; c++)
            for (int j = 0; j < count[c]; j++) at += sprintf(at, "%d,%d,%s\n", a, b, names[c]);
        if (kind == 1) at += sprintf(at, "%d,%d,%d,%d,%d,%d\n", a, b, n, count[0], count[1], count[2]);
        if (kind == 2)
            at += sprintf(at, "%d,%d,%d,%.17g,%.17g,%.17g\n", a, b, n, (double)count[0] / n, (double)count[1] / n,
                          (double)count[2] / n);
    }
    return text;
}

static void fit_several(const cusgd_data *data, double weight[6], double bias[3], cusgd_metrics *metrics)
{
    cusgd_options *options;
    cusgd_trainer *trainer;
    cr_assert_eq(cusgd_options_new(&options), CUSGD_OK);
    cr_assert_eq(cusgd_options_set(options, "loss", "softmax"), CUSGD_OK);
    cr_assert_eq(cusgd_options_set(options, "solver", "lbfgs"), CUSGD_OK);
    cr_assert_eq(cusgd_options_set(options, "precision", "double"), CUSGD_OK);
    cr_assert_eq(cusgd_trainer_create(options, data, NULL, &trainer), CUSGD_OK, "%s", cusgd_last_error());
    cr_assert_eq(cusgd_trainer_fit(trainer, NULL, NULL, NULL), CUSGD_OK, "%s", cusgd_last_error());
    cr_assert_eq(cusgd_trainer_get_coefficients(trainer, weight, bias), CUSGD_OK);
    cr_assert_eq(cusgd_trainer_evaluate(trainer, data, -1, metrics), CUSGD_OK, "%s", cusgd_last_error());
    cusgd_trainer_free(trainer);
    cusgd_options_free(options);
}

Test(shares, of_several_classes_are_rows_written_out)
{
    static const int in_order[] = {2, 1, 0}; /* classes by name: blue, green, red */
    const char *const targets[] = {"red", "green", "blue"};
    double weight[3][6], bias[3][3];
    cusgd_metrics metrics[3];
    for (int kind = 0; kind < 3; kind++) {
        cusgd_reader reader = CUSGD_INIT(cusgd_reader);
        if (kind) reader.roles.targets = targets, reader.roles.target_count = 3;
        if (kind == 1) reader.roles.trials = "n";
        if (kind == 2) reader.roles.weights = "n", reader.find_classes = CUSGD_CLASSES_SPLIT;
        cusgd_data *data = open_text(several(kind), &reader);
        cr_assert(cusgd_data_cols(data) == 2 && cusgd_data_outputs(data) == 1 && cusgd_data_classes(data) == 3);
        if (kind) cr_assert_str_eq(cusgd_data_class(data, 1), "green");
        metrics[kind] = CUSGD_INIT(cusgd_metrics);
        fit_several(data, weight[kind], bias[kind], &metrics[kind]);
        /* Other rows are read alike. */
        cusgd_reader again = reader;
        cusgd_data_reader(data, &again);
        cusgd_data *other = open_text(several(kind), &again);
        cr_assert(cusgd_data_rows(other) == cusgd_data_rows(data) && cusgd_data_classes(other) == 3);
        cusgd_data_free(other);
        cusgd_data_free(data);
    }
    for (int kind = 1; kind < 3; kind++) {
        for (int c = 0; c < 3; c++) {
            int of_rows = in_order[c];
            cr_expect_float_eq(bias[kind][c], bias[0][of_rows], 1e-6);
            for (int j = 0; j < 2; j++) cr_expect_float_eq(weight[kind][2 * c + j], weight[0][2 * of_rows + j], 1e-6);
        }
        cr_expect_float_eq(metrics[kind].log_loss, metrics[0].log_loss, 1e-9);
        cr_expect_float_eq(metrics[kind].accuracy, metrics[0].accuracy, 1e-9);
        cr_expect_float_eq(metrics[kind].f1_macro, metrics[0].f1_macro, 1e-9);
    }
}

Test(shares, of_several_classes_that_are_none)
{
    cusgd_reader reader = CUSGD_INIT(cusgd_reader);
    reader.roles.targets = (const char *const[]){"u", "v"};
    reader.roles.target_count = 2;
    reader.find_classes = CUSGD_CLASSES_SPLIT;
    assert_refused("a,u,v\n1,0.25,0.75\n2,0.5,0.4\n", &reader, "row 2: the 2 targets sum to 0.9 and not to 1");
    assert_refused("a,u,v\n1,0.25,0.75\n2,1.5,-0.5\n", &reader, "row 2: the target 1.5 is no share of a class");
    assert_refused("a,u,v\n1,3,4\n", &reader, "--trials");
    reader.roles.trials = "n";
    assert_refused("a,n,u,v\n1,7,3,4\n2,5,3,3\n", &reader, "row 2: the 2 targets sum to 6 and not to 5");
    assert_refused("a,n,u,v\n1,7,3,4\n2,5,6,-1\n", &reader, "row 2: the target -1 is no number of trials");
    /* What is nearly 1 is a share that was rounded; what has no part in a row makes none. */
    reader.roles.trials = NULL;
    cusgd_data *data = open_text("a,u,v\n1,0.33333,0.66666\n2,1,0\n", &reader);
    cr_assert_eq(cusgd_data_rows(data), 3);
    cusgd_data_free(data);
}

Test(shares, what_is_none)
{
    cusgd_reader reader = CUSGD_INIT(cusgd_reader);
    reader.find_classes = 1;
    /* Two values are two classes, and labels -1 and 1 what they were. */
    cusgd_data *data = open_text("a,y\n1,0.25\n2,0.75\n3,0.25\n", &reader);
    cr_assert_eq(cusgd_data_rows(data), 3);
    cr_assert_str_eq(cusgd_data_class(data, 1), "0.75");
    assert_fails(cusgd_data_split_targets(data, 0), CUSGD_ERROR_DATA, "targets of numbers");
    cusgd_data_free(data);
    char text[256] = "a,y\n", *at = text + 4;
    for (int i = 0; i < 9; i++) at += sprintf(at, "%d,0.%d\n", i, i);
    strcpy(at, "9,1.5\n");
    assert_refused(text, &reader, "row 10: the target 1.5 is no share of a class: others are from 0 to 1");
    reader.roles.trials = "n";
    assert_refused("a,n,y\n1,3,2\n2,2,3\n", &reader, "row 2: 3 successes of 2 trials");
    assert_refused("a,n,y\n1,0,0\n2,0,0\n", &reader, "every weight is 0");
    reader.roles.weights = "n";
    assert_fails(cusgd_data_open(file_text("data.csv", "a,n,y\n1,3,2\n"), &reader, &data), CUSGD_ERROR_USAGE, "give one of them");
    cr_assert_null(data);
    data = open_text("a,y\n1,1\n2,0\n", NULL);
    assert_fails(cusgd_data_split_targets(data, 1), CUSGD_ERROR_USAGE, "no weights, which are to be the numbers of trials");
    cusgd_data_free(data);
    assert_fails(cusgd_data_split_targets(NULL, 0), CUSGD_ERROR_USAGE, "NULL");
}

/* A selection of rows knows which of them are parts of one row. */
Test(shares, selected_parts)
{
    static const int64_t rows[] = {1, 2, 3, 0};
    cusgd_reader reader = CUSGD_INIT(cusgd_reader);
    reader.roles.trials = "n";
    cusgd_data *data = open_text("a,n,y\n1,3,2\n2,4,1\n", &reader), *part;
    cr_assert_eq(cusgd_data_rows(data), 4);
    const int64_t *whole = data->memory[PLACE_WHOLE];
    cr_assert_eq(cusgd_data_select(data, rows, 4, &part), CUSGD_OK);
    const int64_t *copied = part->memory[PLACE_WHOLE];
    cr_assert_not_null(copied);
    for (int i = 0; i < 4; i++) cr_assert_eq(copied[i], whole[rows[i]], "row %d", i);
    cusgd_data_free(part);
    cusgd_data_free(data);
}
