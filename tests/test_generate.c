/* Synthetic problems: what their targets are made of, in files and in memory. */
#include "data.h"
#include "model.h"
#include "options.h"
#include "support.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

TestSuite(generate, .init = folder_setup, .fini = folder_teardown);

static cusgd_generator small_problem(void)
{
    cusgd_generator g = CUSGD_INIT(cusgd_generator);
    cusgd_generator_init(&g);
    g.rows = 2000;
    g.cols = 10;
    g.seed = 7;
    g.noise = 0;
    return g;
}

static cusgd_data *generated(const cusgd_generator *g, const char *name, cusgd_model **truth)
{
    cusgd_data *data;
    char path[600];
    assert_works(cusgd_generate(g, path_of(name), 0));
    assert_works(cusgd_data_open(path_of(name), NULL, &data));
    snprintf(path, sizeof path, "%s/true.safetensors", path_of(name));
    assert_works(cusgd_model_load(path, truth));
    return data;
}

static double link_at(const cusgd_model *truth, const cusgd_data *data, int64_t i, int64_t c)
{
    double p = cusgd_model_bias(truth)[c];
    for (int64_t j = 0; j < data->view.d; j++)
        p += cusgd_model_weight(truth)[c * data->view.d + j] * matrix_at(&data->view.x, i, j);
    return p;
}

Test(generate, linear_targets_are_what_the_truth_says)
{
    for (int precision = CUSGD_PRECISION_FLOAT; precision <= CUSGD_PRECISION_DOUBLE; precision++) {
        cusgd_generator g = small_problem();
        cusgd_model *truth;
        g.type = (cusgd_type)precision;
        g.outputs = 3;
        g.informative = 4;
        cusgd_data *data = generated(&g, precision ? "double" : "float", &truth);
        cr_assert_eq(cusgd_data_rows(data), 2000);
        cr_assert_eq(cusgd_data_cols(data), 10);
        cr_assert_eq(cusgd_data_outputs(data), 3);
        cr_assert_eq(data->view.x.type, precision ? CUSGD_TYPE_FLOAT64 : CUSGD_TYPE_FLOAT32);
        double worst = 0;
        for (int64_t i = 0; i < 2000; i++) {
            for (int64_t c = 0; c < 3; c++)
                worst = fmax(worst, fabs(link_at(truth, data, i, c) - matrix_at(&data->view.y, i, c)));
        }
        cr_assert_lt(worst, precision ? 1e-14 : 2e-6, "%g", worst);
        int informative = 0, last = 0;
        for (int j = 0; j < 10; j++) {
            int zeros = 0;
            for (int c = 0; c < 3; c++) zeros += cusgd_model_weight(truth)[c * 10 + j] == 0;
            cr_assert(zeros == 0 || zeros == 3); /* the same columns for every output */
            informative += zeros == 0;
            if (zeros == 0) last = j;
        }
        cr_assert_eq(informative, 4);
        cr_assert_gt(last, 3); /* and not merely the first ones */
        cusgd_model_free(truth);
        cusgd_data_free(data);
    }
}

Test(generate, noise_and_coins)
{
    cusgd_generator g = small_problem();
    cusgd_model *truth;
    g.noise = 0.5;
    cusgd_data *data = generated(&g, "noisy", &truth);
    double sum = 0;
    for (int64_t i = 0; i < 2000; i++) sum += pow(matrix_at(&data->view.y, i, 0) - link_at(truth, data, i, 0), 2);
    cr_assert_float_eq(sqrt(sum / 2000), 0.5, 0.5 * 4 / sqrt(2 * 2000.0)); /* 4 standard errors */
    cusgd_model_free(truth);
    cusgd_data_free(data);

    g.targets = CUSGD_SYNTHETIC_LOGISTIC;
    data = generated(&g, "coins", &truth);
    cr_assert_str_eq(cusgd_model_loss(truth, NULL)->name, "logistic");
    double relative_gap = 0, variance = 0;
    for (int64_t i = 0; i < 2000; i++) {
        double y = matrix_at(&data->view.y, i, 0), p = 1 / (1 + exp(-link_at(truth, data, i, 0)));
        cr_assert(y == 0 || y == 1);
        relative_gap += y - p;
        variance += p * (1 - p);
    }
    cr_assert_lt(fabs(relative_gap), 4 * sqrt(variance));
    cusgd_model_free(truth);
    cusgd_data_free(data);
}

Test(generate, repeats_and_depends_on_the_seed)
{
    cusgd_generator g = small_problem();
    static const char *const names[] = {"x.npy", "y.npy", "true.safetensors"};
    assert_works(cusgd_generate(&g, path_of("a"), 0));
    assert_works(cusgd_generate(&g, path_of("b"), 0));
    g.seed = 8;
    assert_works(cusgd_generate(&g, path_of("c"), 0));
    cr_assert_eq(folder_count(path_of("a")), 3);
    for (int i = 0; i < 3; i++) {
        size_t counts[3];
        char *bytes[3], path[64];
        for (int f = 0; f < 3; f++) {
            snprintf(path, sizeof path, "%c/%s", 'a' + f, names[i]);
            bytes[f] = file_read(path_of(path), &counts[f]);
        }
        cr_assert_eq(counts[0], counts[1]);
        cr_assert_arr_eq(bytes[0], bytes[1], counts[0]);
        cr_assert_eq(counts[0], counts[2]);
        cr_assert_neq(memcmp(bytes[0], bytes[2], counts[0]), 0);
        for (int f = 0; f < 3; f++) free(bytes[f]);
    }
}

Test(generate, in_memory_as_in_files)
{
    for (int precision = CUSGD_PRECISION_FLOAT; precision <= CUSGD_PRECISION_DOUBLE; precision++) {
        cusgd_generator g = small_problem();
        cusgd_model *truth;
        cusgd_data *made;
        g.type = (cusgd_type)precision;
        g.outputs = 2;
        g.noise = 1;
        cusgd_data *filed = generated(&g, precision ? "double" : "float", &truth);
        assert_works(cusgd_data_generate(&g, &made));
        size_t element = precision == CUSGD_PRECISION_FLOAT ? 4 : 8;
        cr_assert(cusgd_data_rows(made) == g.rows && cusgd_data_cols(made) == g.cols && cusgd_data_outputs(made) == 2);
        cr_assert_arr_eq(made->view.x.at, filed->view.x.at, element * (size_t)(g.rows * g.cols));
        cr_assert_arr_eq(made->view.y.at, filed->view.y.at, element * (size_t)(g.rows * 2));
        cusgd_model_free(truth);
        cusgd_data_free(filed);
        cusgd_data_free(made);
        g.rows = 0;
        assert_fails(cusgd_data_generate(&g, &made), CUSGD_ERROR_USAGE, "rows must be");
        cr_assert_null(made);
    }
}

/* More rows than a piece holds: the first rows are those of a smaller problem. */
Test(generate, pieces)
{
    cusgd_generator g = small_problem();
    cusgd_model *truth, *same;
    g.cols = 2;
    g.rows = 70000;
    cusgd_data *large = generated(&g, "large", &truth);
    g.rows = 69999;
    cusgd_data *less = generated(&g, "less", &same);
    for (int64_t i = 0; i < 69999; i++) {
        cr_assert_eq(matrix_at(&large->view.x, i, 1), matrix_at(&less->view.x, i, 1));
        cr_assert_eq(matrix_at(&large->view.y, i, 0), matrix_at(&less->view.y, i, 0));
    }
    cr_assert_neq(matrix_at(&large->view.x, 65536, 0), matrix_at(&large->view.x, 0, 0));
    cusgd_model_free(truth);
    cusgd_model_free(same);
    cusgd_data_free(large);
    cusgd_data_free(less);
}

Test(generate, keeps_what_is_there)
{
    cusgd_generator g = small_problem();
    cr_assert_eq(mkdir(path_of("f"), 0700), 0);
    file_text("f/y.npy", "mine");
    assert_fails(cusgd_generate(&g, path_of("f"), 0), CUSGD_ERROR_DATA, "f/y.npy: is there already");
    cr_assert(file_is(path_of("f/y.npy"), "mine"));
    cr_assert_eq(folder_count(path_of("f")), 1);
    assert_works(cusgd_generate(&g, path_of("f"), 1));
    cr_assert_eq(folder_count(path_of("f")), 3);
    file_text("f/w.npy", "mine");
    assert_fails(cusgd_generate(&g, path_of("f"), 1), CUSGD_ERROR_DATA, "w.npy: would be taken for");
    file_text("file", "mine");
    assert_fails(cusgd_generate(&g, path_of("file"), 1), CUSGD_ERROR_DATA, "is no folder");
    assert_fails(cusgd_generate(&g, path_of("no/folder"), 0), CUSGD_ERROR_DATA, "cannot be made");
}

/* A file of an older problem would be taken for the new rows' offsets. Where the truth cannot be replaced, the old x and y stay.
 */
Test(generate, takes_no_old_file_for_its_own)
{
    static const char *const names[] = {"f/w.npy", "f/offset.npy", "f/exposure.npy"};
    cusgd_generator g = small_problem();
    cr_assert_eq(mkdir(path_of("f"), 0700), 0);
    for (int i = 0; i < 3; i++) {
        file_text(names[i], "mine");
        assert_fails(cusgd_generate(&g, path_of("f"), 1), CUSGD_ERROR_DATA, "would be taken for the new rows'");
        cr_assert(file_is(path_of(names[i]), "mine"));
        cr_assert_eq(unlink(path_of(names[i])), 0);
    }
    assert_works(cusgd_generate(&g, path_of("f"), 1));
    cr_assert_eq(unlink(path_of("f/true.safetensors")), 0);
    cr_assert_eq(mkdir(path_of("f/true.safetensors"), 0700), 0); /* the truth, the last one, cannot be written */
    file_text("f/x.npy", "mine");
    file_text("f/y.npy", "mine");
    assert_fails(cusgd_generate(&g, path_of("f"), 1), CUSGD_ERROR_DATA, "true.safetensors: is a folder");
    cr_assert_eq(folder_count(path_of("f")), 3);
    cr_assert(file_is(path_of("f/x.npy"), "mine") && file_is(path_of("f/y.npy"), "mine"));
}

Test(generate, a_full_disk_leaves_nothing)
{
    cusgd_generator g = small_problem();
    cr_assert_eq(mkdir(path_of("f"), 0700), 0);
    file_text("f/x.npy", "mine");
    limit_file_size(50000);
    assert_fails(cusgd_generate(&g, path_of("new"), 0), CUSGD_ERROR_DATA, "x.npy: cannot be written");
    cr_assert_not(file_exists(path_of("new")));
    assert_fails(cusgd_generate(&g, path_of("f"), 1), CUSGD_ERROR_DATA, "x.npy: cannot be written");
    cr_assert(file_is(path_of("f/x.npy"), "mine"));
    cr_assert_eq(folder_count(path_of("f")), 1);
}

Test(generate, refusals)
{
    cusgd_generator g = small_problem(), good = g;
    const char *path = path_of("f");
    g.rows = 0;
    assert_fails(cusgd_generate(&g, path, 0), CUSGD_ERROR_USAGE, "rows must be");
    g = good, g.cols = -1;
    assert_fails(cusgd_generate(&g, path, 0), CUSGD_ERROR_USAGE, "cols must be");
    g = good, g.outputs = 0;
    assert_fails(cusgd_generate(&g, path, 0), CUSGD_ERROR_USAGE, "outputs must be");
    g = good, g.informative = 11;
    assert_fails(cusgd_generate(&g, path, 0), CUSGD_ERROR_USAGE, "informative");
    g = good, g.noise = -1;
    assert_fails(cusgd_generate(&g, path, 0), CUSGD_ERROR_USAGE, "noise");
    g = good, g.correlation = 1;
    assert_fails(cusgd_generate(&g, path, 0), CUSGD_ERROR_USAGE, "correlation must lie");
    g = good, g.correlation = (double)NAN;
    assert_fails(cusgd_generate(&g, path, 0), CUSGD_ERROR_USAGE, "correlation must lie");
    g = good, g.condition = .5;
    assert_fails(cusgd_generate(&g, path, 0), CUSGD_ERROR_USAGE, "condition must be");
    g = good, g.condition = 10, g.correlation = .5;
    assert_fails(cusgd_generate(&g, path, 0), CUSGD_ERROR_USAGE, "choose one");
    g = good, g.rows = g.cols = INT64_C(1000000000000);
    assert_fails(cusgd_generate(&g, path, 0), CUSGD_ERROR_USAGE, "too large for a file");
    g = good, g.type = (cusgd_type)5;
    assert_fails(cusgd_generate(&g, path, 0), CUSGD_ERROR_USAGE, "type");
    cr_assert_not(file_exists(path));
}
