/* The same data, options and seed give the same bits: whatever the threads, the instruction set, and how x lies in memory.
 * test_repeat.c: again and again, and next to other runs. */
#include "options.h"
#include "training.h"

#include <criterion/criterion.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* ---- A run --------------------------------------------------------------------------------------------------------------- */

typedef struct shape {
    int64_t n, d, k, batch;
    int weighted;
} shape;

typedef struct arrays {
    double *x, *y, *w; /* values that float holds */
    float *fx, *fy, *fw;
} arrays;

static arrays arrays_make(const shape *s, cusgd_loss loss)
{
    uint64_t seed = (uint64_t)(s->n + 31 * s->d);
    arrays a = {.x = zeros(s->n * s->d), .y = zeros(s->n * s->k), .w = zeros(s->n)};
    for (int64_t i = 0; i < s->n * s->d; i++) a.x[i] = (double)(float)random_normal(&seed);
    for (int64_t i = 0; i < s->n * s->k; i++) a.y[i] = (double)(float)(a.x[i / s->k * s->d] + random_normal(&seed));
    for (int64_t i = 0; i < s->n * s->k && loss == CUSGD_LOSS_LOGISTIC; i++) a.y[i] = a.y[i] > 0;
    for (int64_t i = 0; i < s->n; i++) a.w[i] = (double)(float)random_uniform(&seed);
    a.fx = floats_of(a.x, s->n * s->d);
    a.fy = floats_of(a.y, s->n * s->k);
    a.fw = floats_of(a.w, s->n);
    return a;
}

static void arrays_free(arrays *a)
{
    free(a->x);
    free(a->y);
    free(a->w);
    free(a->fx);
    free(a->fy);
    free(a->fw);
}

static cusgd_data *data_from(const shape *s, const arrays *a)
{
    return data_of_floats(s->n, s->d, s->k, a->fx, a->fy, s->weighted ? a->fw : NULL);
}

/* Parameters after two epochs, k x (d + 1), and the final loss behind them; the caller frees them. */
static double *run(const cusgd_options *o, const cusgd_data *data)
{
    int64_t count = cusgd_data_outputs(data) * (cusgd_data_cols(data) + 1);
    double *out = zeros(count + 1);
    out[count] = train(o, data, out).loss;
    return out;
}

static void check_same(const double *a, const double *b, int64_t count, const char *what, const shape *s, const cusgd_options *o)
{
    cr_assert(memcmp(a, b, (size_t)count * sizeof *a) == 0,
              "%s changes the result by %g: n %lld, d %lld, k %lld, batch %lld, weighted %d, optimizer %d, sampling %d, loss %d, "
              "precision %d",
              what, distance(a, b, count), (long long)s->n, (long long)s->d, (long long)s->k, (long long)s->batch, s->weighted,
              (int)o->optimizer, (int)o->sampling, (int)o->loss, (int)o->precision);
}

/* The instruction sets that this machine can run: asked for by name, a trainer must say that it runs them. */
static const char *const isa_words[] = {"baseline", "avx2", "avx512"}, *const isa_names[] = {"baseline", "AVX2", "AVX-512"};

static int isa_available(int i)
{
    const double x = 1, y = 1;
    cusgd_data *data = data_of(1, 1, 1, &x, &y, NULL);
    cusgd_options o = options_default();
    setenv("CUSGD_ISA", isa_words[i], 1);
    cusgd_trainer *t = trainer_of(&o, data, NULL);
    int has = strstr(cusgd_trainer_device_name(t), isa_names[i]) != NULL;
    cusgd_trainer_free(t);
    cusgd_data_free(data);
    unsetenv("CUSGD_ISA");
    return has;
}

/* A run with one thread on the plain instruction set against other ways to run it. */
static void check_ways(const shape *s, const arrays *a, const cusgd_options *options)
{
    static const struct {
        int threads;
        const char *isa; /* NULL: the best there is */
    } ways[] = {{1, "avx2"}, {1, "avx512"}, {2, NULL}, {5, "baseline"}, {5, NULL}};
    cusgd_data *data = data_from(s, a);
    cusgd_options o = *options;
    int64_t count = s->k * (s->d + 1) + 1;
    o.threads = 1;
    setenv("CUSGD_ISA", "baseline", 1);
    double *expected = run(&o, data);
    for (size_t i = 0; i < sizeof ways / sizeof ways[0]; i++) {
        char what[60];
        if (ways[i].isa)
            setenv("CUSGD_ISA", ways[i].isa, 1);
        else
            unsetenv("CUSGD_ISA");
        o.threads = ways[i].threads;
        double *got = run(&o, data);
        snprintf(what, sizeof what, "%d threads, %s", ways[i].threads, ways[i].isa ? ways[i].isa : "the best set");
        check_same(expected, got, count, what, s, &o);
        free(got);
    }
    unsetenv("CUSGD_ISA");
    free(expected);
    cusgd_data_free(data);
}

static cusgd_options options_two_epochs(cusgd_precision precision, int64_t batch)
{
    cusgd_options o = options_default();
    o.precision = precision;
    o.epochs = 2;
    o.batch = batch;
    return o;
}

Test(determinism, instruction_sets_are_what_they_say)
{
    cr_expect(isa_available(0), "CUSGD_ISA=baseline is not heard");
    for (int i = 0; i < 3; i++) printf("%s: %s\n", isa_names[i], isa_available(i) ? "tested" : "not on this machine");
}

/* ---- Threads and instruction sets ---------------------------------------------------------------------------------------- */

/* Under a sanitizer, one case in seven, and below one in five. Full and large batches have rows enough to be worth five threads.
 */
Test(determinism, shapes)
{
    const int64_t widths[] = {1, 7, 16, 31, 33, 257, 1000}, batches[] = {1, 3, 64, 1000, 1 << 20};
    int runs = 0;
    for (size_t i = 0; i < sizeof widths / sizeof widths[0]; i++)
        for (size_t j = 0; j < sizeof batches / sizeof batches[0]; j++)
            for (int precision = CUSGD_PRECISION_FLOAT; precision <= CUSGD_PRECISION_DOUBLE; precision++, runs++) {
                if (REDUCED && runs % 7 > 0) continue;
                int64_t n = batches[j] < 64 ? 100 : batches[j] == 64 ? 300 : 1500 + 300000 / widths[i];
                shape s = {n, widths[i], runs % 3 ? 1 : 3, batches[j], runs % 2};
                cusgd_options o = options_two_epochs((cusgd_precision)precision, batches[j]);
                o.loss = runs % 5 == 4 ? CUSGD_LOSS_LOGISTIC : CUSGD_LOSS_SQUARED;
                arrays a = arrays_make(&s, o.loss);
                check_ways(&s, &a, &o);
                arrays_free(&a);
            }
}

static void check_optimizers(int output_count, cusgd_loss loss)
{
    shape s = {3000, 140, output_count, 2900, output_count == 1};
    arrays a = arrays_make(&s, loss);
    int runs = 0;
    for (int optimizer = CUSGD_OPTIMIZER_AUTO; optimizer <= CUSGD_OPTIMIZER_FTRL; optimizer++)
        for (int sampling = CUSGD_SAMPLING_PERMUTE; sampling <= CUSGD_SAMPLING_PAGES; sampling++, runs++) {
            if ((optimizer + sampling) % 2 == (output_count == 1)) continue; /* each pair in one of the two tests */
            if (REDUCED && runs % 5 > 0) continue;
            cusgd_options o = options_two_epochs((cusgd_precision)(runs % 2), s.batch);
            o.optimizer = (cusgd_optimizer)optimizer;
            o.sampling = (cusgd_sampling)sampling;
            o.loss = loss;
            o.l1 = runs % 3 ? 0 : 1e-3;
            o.shards = runs % 4 == 1 ? 5 : 1;
            o.valid_fraction = runs % 7 ? 0 : 0.02;
            check_ways(&s, &a, &o);
        }
    arrays_free(&a);
}

Test(determinism, optimizers_and_samplings) { check_optimizers(1, CUSGD_LOSS_LOGISTIC); }
Test(determinism, optimizers_and_samplings_of_three_outputs) { check_optimizers(3, CUSGD_LOSS_MSE); }

/* ---- How x lies in memory ------------------------------------------------------------------------------------------------ */

static void write_npy(const char *folder, const char *name, const char *descr, int fortran, int64_t rows, int64_t cols,
                      const void *at, size_t size)
{
    char path[200], header[128], dict[110];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    FILE *file = fopen(path, "wb");
    cr_assert(file);
    snprintf(dict, sizeof dict, "{'descr': '%s', 'fortran_order': %s, 'shape': (%lld, %lld), }", descr,
             fortran ? "True" : "False", (long long)rows, (long long)cols);
    memcpy(header, "\x93NUMPY\x01\x00\x76\x00", 10);
    snprintf(header + 10, sizeof header - 10, "%-117s", dict);
    header[127] = '\n';
    cr_assert_eq(fwrite(header, 1, 128, file), 128);
    cr_assert_eq(fwrite(at, size, (size_t)(rows * cols), file), (size_t)(rows * cols));
    cr_assert_eq(fclose(file), 0);
}

static void remove_folder(const char *folder)
{
    const char *const names[] = {"x.npy", "y.npy", "w.npy"};
    char path[200];
    for (int i = 0; i < 3; i++) {
        snprintf(path, sizeof path, "%s/%s", folder, names[i]);
        unlink(path);
    }
    rmdir(folder);
}

/* The same numbers as a folder of .npy files; fortran: x column by column. */
static double *run_from_files(const shape *s, const arrays *a, const cusgd_options *o, int fortran)
{
    char folder[] = "/tmp/cusgd-determinism-XXXXXX";
    float *columns = floats_of(a->x, s->n * s->d);
    cusgd_data *data;
    cr_assert(mkdtemp(folder));
    for (int64_t i = 0; fortran && i < s->n * s->d; i++) columns[i] = a->fx[i % s->n * s->d + i / s->n];
    write_npy(folder, "x.npy", "<f4", fortran, s->n, s->d, columns, sizeof(float));
    write_npy(folder, "y.npy", "<f8", 0, s->n, s->k, a->y, sizeof(double));
    if (s->weighted) write_npy(folder, "w.npy", "<f4", 0, s->n, 1, a->fw, sizeof(float));
    cr_assert_eq(cusgd_data_open(folder, NULL, &data), CUSGD_OK, "%s", cusgd_last_error());
    double *out = run(o, data);
    cusgd_data_free(data);
    remove_folder(folder);
    free(columns);
    return out;
}

static void check_layouts(const shape *s, const cusgd_options *o)
{
    arrays a = arrays_make(s, o->loss);
    int64_t count = s->k * (s->d + 1) + 1;
    cusgd_data *rows = data_from(s, &a), *doubles = data_of(s->n, s->d, s->k, a.x, a.y, s->weighted ? a.w : NULL), *columns;
    float *by_column = floats_of(a.x, s->n * s->d);
    for (int64_t i = 0; i < s->n * s->d; i++) by_column[i] = a.fx[i % s->n * s->d + i / s->n];
    cusgd_matrix x = {by_column, CUSGD_TYPE_FLOAT32, 1, s->n}, y = {a.fy, CUSGD_TYPE_FLOAT32, s->k, 1},
                 w = {s->weighted ? a.fw : NULL, CUSGD_TYPE_FLOAT32, 1, 1};
    cr_assert_eq(cusgd_data_wrap(s->n, s->d, s->k, x, y, w, &columns), CUSGD_OK, "%s", cusgd_last_error());
    double *expected = run(o, rows),
           *got[4] = {run(o, columns), run(o, doubles), run_from_files(s, &a, o, 0), run_from_files(s, &a, o, 1)};
    const char *const ways[] = {"Fortran order", "float64", "npy", "npy in Fortran order"};
    for (int i = 0; i < 4; i++) {
        check_same(expected, got[i], count, ways[i], s, o);
        free(got[i]);
    }
    free(expected);
    free(by_column);
    cusgd_data_free(rows);
    cusgd_data_free(doubles);
    cusgd_data_free(columns);
    arrays_free(&a);
}

Test(determinism, layouts)
{
    const int64_t widths[] = {1, 7, 16, 33};
    for (size_t i = 0; i < sizeof widths / sizeof widths[0]; i++)
        for (int standardize = 0; standardize <= 1; standardize++)
            for (int precision = CUSGD_PRECISION_FLOAT; precision <= CUSGD_PRECISION_DOUBLE; precision++)
                for (int held_out = 0; held_out <= 1; held_out++) {
                    shape s = {777, widths[i], i % 2 ? 3 : 1, 32, held_out};
                    cusgd_options o = options_two_epochs((cusgd_precision)precision, s.batch);
                    o.standardize = standardize;
                    o.valid_fraction = held_out * 0.2;
                    check_layouts(&s, &o);
                }
}

/* ---- Model files -------------------------------------------------------------------------------------------------------- */

static size_t model_bytes(const cusgd_options *o, const cusgd_data *data, char *bytes, size_t room)
{
    char path[] = "/tmp/cusgd-determinism-XXXXXX";
    int file = mkstemp(path);
    cusgd_model *model;
    cr_assert(file >= 0 && close(file) == 0);
    cusgd_trainer *t = trainer_of(o, data, NULL);
    fit(t);
    cr_assert_eq(cusgd_trainer_create_model(t, &model), CUSGD_OK, "%s", cusgd_last_error());
    cr_assert_eq(cusgd_model_save(model, path), CUSGD_OK, "%s", cusgd_last_error());
    FILE *saved = fopen(path, "rb");
    cr_assert(saved);
    size_t size = fread(bytes, 1, room, saved);
    fclose(saved);
    unlink(path);
    cusgd_model_free(model);
    cusgd_trainer_free(t);
    return size;
}

Test(determinism, model_files)
{
    static char first[1 << 16], second[1 << 16];
    shape s = {3000, 16, 3, 100, 1};
    arrays a = arrays_make(&s, CUSGD_LOSS_SQUARED);
    cusgd_data *data = data_from(&s, &a);
    cusgd_options o = options_two_epochs(CUSGD_PRECISION_FLOAT, s.batch);
    o.threads = 1;
    size_t size = model_bytes(&o, data, first, sizeof first);
    cr_assert(size > 3 * 17 * sizeof(float) && size < sizeof first);
    o.threads = 5;
    strcpy(o.device, "cpu");
    cr_expect_eq(model_bytes(&o, data, second, sizeof second), size);
    cr_expect(memcmp(first, second, size) == 0, "two equal runs gave different model files");
    o.seed = 1;
    model_bytes(&o, data, second, sizeof second);
    cr_expect(memcmp(first, second, size) != 0);
    cusgd_data_free(data);
    arrays_free(&a);
}
