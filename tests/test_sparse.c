/* Sparse data: the same numbers as of the same matrix stored dense, equal bits for any number of threads, and LIBSVM text. */
#include "scalar/optimizers.h"
#include "support.h"
#include "training.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { N = 400, D = 37, K = 2, STORED = 6 };

/* An emulated GPU is slow. */
static int on_a_gpu(void) { return getenv("CUSGD_TEST_DEVICE") != NULL; }

/* One matrix twice: dense, and its stored values. Rows 7 and columns from D - 2 on are empty. */
typedef struct both {
    double x[N * D], y[N * K], w[N], value[N * STORED];
    int64_t start[N + 1];
    int32_t column[N * STORED];
} both;

static void make(both *b, int classes)
{
    uint64_t seed = 5;
    memset(b, 0, sizeof *b);
    for (int64_t i = 0, at = 0; i < N; i++) {
        int64_t j = -1;
        double p = 0.3;
        for (int s = 0; s < STORED && i != 7; s++) {
            j += 1 + (int64_t)(fabs(random_normal(&seed)) * 3);
            if (j >= D - 2) break;
            b->column[at] = (int32_t)j;
            b->value[at] = b->x[i * D + j] = random_normal(&seed);
            p += b->value[at++] * (double)(j % 5 - 2);
        }
        b->start[i + 1] = at;
        for (int64_t c = 0; c < K; c++) {
            double y = (c ? -p : p) + random_normal(&seed);
            b->y[i * K + c] = classes ? y > 0 : y;
        }
        b->w[i] = (double)(1 + i % 3);
    }
}

static cusgd_data *sparse_of(const both *b, int weights)
{
    cusgd_csr x = {b->start, b->column, b->value, CUSGD_TYPE_FLOAT64, 0};
    cusgd_matrix y = {b->y, CUSGD_TYPE_FLOAT64, K, 1}, w = {weights ? b->w : NULL, CUSGD_TYPE_FLOAT64, 1, 1};
    cusgd_data *data;
    assert_works(cusgd_data_wrap_csr(N, D, K, x, y, w, &data));
    return data;
}

static void fitted(const cusgd_options *o, cusgd_data *data, double out[K * (D + 1)])
{
    cusgd_trainer *t = trainer_of(o, data, NULL);
    assert_works(cusgd_trainer_fit(t, NULL, NULL, NULL));
    assert_works(cusgd_trainer_get_coefficients(t, out, out + K * D));
    cusgd_trainer_free(t);
    cusgd_data_free(data);
}

/* Some steps alone, over several epochs: what a fit does at its end depends on the estimate of the curvature. */
static void stepped(const cusgd_options *o, cusgd_data *data, double out[K * (D + 1)])
{
    cusgd_trainer *t = trainer_of(o, data, NULL);
    assert_works(cusgd_trainer_step(t, 40));
    assert_works(cusgd_trainer_get_coefficients(t, out, out + K * D));
    cusgd_trainer_free(t);
    cusgd_data_free(data);
}

static void assert_near(const double *found, const double *expected, double tolerance, const char *what)
{
    for (int64_t u = 0; u < K * (D + 1); u++)
        cr_assert(fabs(found[u] - expected[u]) <= tolerance * (1 + fabs(expected[u])), "%s: %lld: %.17g instead of %.17g", what,
                  (long long)u, found[u], expected[u]);
}

/* One trajectory whatever the storage: every optimizer, sampling, penalties and averages. */
Test(sparse, steps_are_those_of_the_dense_matrix)
{
    static both b;
    make(&b, 1);
    for (int optimizer = 1; optimizer < OPTIMIZER_COUNT; optimizer++)
        for (int variant = 0; variant <= CUSGD_SAMPLING_PAGES; variant++) {
            if (on_a_gpu() && (optimizer + variant) % 6) continue; /* its dense updates know nothing of rows */
            double dense[K * (D + 1)], sparse[K * (D + 1)];
            cusgd_options o = options_plain((cusgd_optimizer)optimizer, 0.05, 32, 3);
            char what[64];
            snprintf(what, sizeof what, "optimizer %d, variant %d", optimizer, variant);
            o.precision = CUSGD_PRECISION_DOUBLE;
            o.loss = CUSGD_LOSS_LOGISTIC;
            o.standardize = 0;
            o.sampling = (cusgd_sampling)variant;
            o.update = CUSGD_UPDATE_DENSE;
            o.average = variant % 2;
            o.l1 = variant == 1 ? 0.003 : 0;
            o.l2 = variant == 2 ? 0.01 : 0;
            stepped(&o, data_of(N, D, K, b.x, b.y, variant == 3 ? b.w : NULL), dense);
            stepped(&o, sparse_of(&b, variant == 3), sparse);
            assert_near(sparse, dense, 1e-9, what);
        }
}

/* Batches of one row, and shares of one row: by every sampling, of one output and of many, lazily and not. Another epoch begins
 * meanwhile, and one row is empty. */
Test(sparse, steps_of_one_row_are_those_of_the_dense_matrix)
{
    static both b;
    make(&b, 1);
    for (int variant = 0; variant < 4 * (CUSGD_SAMPLING_PAGES + 1); variant++) {
        double dense[K * (D + 1)], sparse[K * (D + 1)];
        cusgd_options o = options_plain(variant % 2 ? CUSGD_OPTIMIZER_SGD : CUSGD_OPTIMIZER_FTRL, 0.05, 1, 3);
        char what[64];
        if (on_a_gpu() && variant % 7) continue;
        snprintf(what, sizeof what, "variant %d", variant);
        o.precision = CUSGD_PRECISION_DOUBLE;
        o.loss = CUSGD_LOSS_LOGISTIC;
        o.standardize = 0;
        o.sampling = (cusgd_sampling)(variant / 4);
        o.average = variant % 3 == 0;
        o.l2 = o.average ? 0 : 0.01; /* a lazy average takes theta as it is after the missed steps */
        o.update = CUSGD_UPDATE_DENSE;
        if (variant % 4 == 3) o.shards = 2, o.batch = 2;
        for (int i = 0; i < 2; i++) {
            double *out = i ? sparse : dense;
            cusgd_data *data = i ? sparse_of(&b, 1) : data_of(N, D, K, b.x, b.y, b.w);
            if (i && variant % 4 < 2) o.update = CUSGD_UPDATE_LAZY;
            cusgd_trainer *t = trainer_of(&o, data, NULL);
            assert_works(cusgd_trainer_step(t, 900));
            assert_works(cusgd_trainer_get_coefficients(t, out, out + K * D));
            cusgd_trainer_free(t);
            cusgd_data_free(data);
        }
        assert_near(sparse, dense, 1e-9, what);
    }
}

/* A row of so many values that its columns are divided into parts has the bits of one thread with any number of them. */
Test(sparse, steps_of_one_long_row_are_those_of_the_dense_row)
{
    enum { COLUMNS = 9000, ROWS = 3 };
    static double x[ROWS * COLUMNS], value[ROWS * COLUMNS], found[4][COLUMNS + 1];
    static int32_t column[ROWS * COLUMNS];
    double y[ROWS] = {1, 0, 1};
    int64_t start[ROWS + 1] = {0};
    uint64_t seed = 8;
    for (int64_t u = 0, at = 0; u < ROWS * COLUMNS; u++) {
        if (u % 13 != 4) x[u] = value[at] = random_normal(&seed);
        if (u % 13 != 4) column[at++] = (int32_t)(u % COLUMNS);
        start[u / COLUMNS + 1] = at;
    }
    for (int i = 0; i < 4; i++) {
        cusgd_options o = options_plain(CUSGD_OPTIMIZER_SGD, 1e-4, 1, 3);
        cusgd_csr rows = {start, column, value, CUSGD_TYPE_FLOAT64, 0};
        cusgd_matrix target = {y, CUSGD_TYPE_FLOAT64, 1, 1}, none = {NULL, CUSGD_TYPE_FLOAT64, 1, 1};
        cusgd_data *data = i ? NULL : data_of(ROWS, COLUMNS, 1, x, y, NULL);
        if (i) assert_works(cusgd_data_wrap_csr(ROWS, COLUMNS, 1, rows, target, none, &data));
        o.precision = CUSGD_PRECISION_DOUBLE;
        o.loss = CUSGD_LOSS_LOGISTIC;
        o.standardize = 0;
        o.l2 = 0.01;
        o.sampling = CUSGD_SAMPLING_PERMUTE;
        o.threads = i == 3 ? 4 : 1;
        if (i) o.update = i == 1 ? CUSGD_UPDATE_DENSE : CUSGD_UPDATE_LAZY;
        cusgd_trainer *t = trainer_of(&o, data, NULL);
        assert_works(cusgd_trainer_step(t, 20));
        assert_works(cusgd_trainer_get_coefficients(t, found[i], found[i] + COLUMNS));
        cusgd_trainer_free(t);
        cusgd_data_free(data);
        for (int j = 0; i && j <= COLUMNS; j++)
            cr_assert(fabs(found[i][j] - found[0][j]) <= 1e-12, "%d: column %d: %.17g instead of %.17g", i, j, found[i][j],
                      found[0][j]);
    }
    cr_assert_arr_eq(found[3], found[2], sizeof found[2]);
}

/* Also in shards, with fewer rows in a batch than shards, and clipped. */
Test(sparse, shards_are_those_of_the_dense_matrix)
{
    static const int counts[] = {2, 3, 8};
    static const cusgd_sampling samplings[] = {CUSGD_SAMPLING_BATCHES, CUSGD_SAMPLING_PERMUTE, CUSGD_SAMPLING_BLOCKS,
                                               CUSGD_SAMPLING_NONE};
    static both b;
    make(&b, 1);
    for (int variant = 0; variant < 12; variant++) {
        if (on_a_gpu() && variant % 3 == 1) continue;
        double dense[K * (D + 1)], sparse[K * (D + 1)];
        cusgd_options o =
            options_plain(variant % 2 ? CUSGD_OPTIMIZER_ADAM : CUSGD_OPTIMIZER_ADAGRAD, 0.05, variant == 5 ? 4 : 32, 3);
        char what[64];
        snprintf(what, sizeof what, "variant %d", variant);
        o.precision = CUSGD_PRECISION_DOUBLE;
        o.loss = CUSGD_LOSS_LOGISTIC;
        o.standardize = 0;
        o.shards = counts[variant % 3];
        o.sampling = samplings[variant / 3];
        o.l1 = variant % 2 ? 0.001 : 0;
        if (variant % 4 == 3) o.clip_norm = 0.1;
        stepped(&o, data_of(N, D, K, b.x, b.y, b.w), dense);
        stepped(&o, sparse_of(&b, 1), sparse);
        assert_near(sparse, dense, 1e-9, what);
    }
}

Test(sparse, solvers_find_the_same_optimum)
{
    static const cusgd_solver solvers[] = {CUSGD_SOLVER_GD, CUSGD_SOLVER_CG, CUSGD_SOLVER_LBFGS, CUSGD_SOLVER_COORDINATE};
    static both b;
    make(&b, 1);
    for (int i = 0; i < 4; i++) {
        double dense[K * (D + 1)], sparse[K * (D + 1)];
        cusgd_options p = options_plain(CUSGD_OPTIMIZER_AUTO, (double)NAN, 0, 2000);
        p.precision = CUSGD_PRECISION_DOUBLE;
        p.loss = CUSGD_LOSS_LOGISTIC;
        p.solver = solvers[i];
        p.standardize = 0;
        p.l2 = 0.01;
        fitted(&p, data_of(N, D, K, b.x, b.y, NULL), dense);
        fitted(&p, sparse_of(&b, 0), sparse);
        assert_near(sparse, dense, 1e-5, "solver");
    }
}

/* The lazy steps of sgd and ftrl are the dense ones, with penalties and bounds; adagrad's are where nothing pulls on a column
 * that is not in the batch. Averages are the dense ones where theta stands still meanwhile. */
Test(sparse, lazy_steps_are_the_dense_ones)
{
    static const struct {
        cusgd_optimizer optimizer;
        double l1, l2, lower, upper;
        int average, average_from, factors;
    } variants[] = {{CUSGD_OPTIMIZER_SGD, 0, 0, (double)NAN, (double)NAN, 0, -1, 0},
                    {CUSGD_OPTIMIZER_SGD, 0.003, 0, (double)NAN, (double)NAN, 0, -1, 0},
                    {CUSGD_OPTIMIZER_SGD, 0.003, 0.05, (double)NAN, (double)NAN, 0, -1, 0},
                    {CUSGD_OPTIMIZER_SGD, 0, 0.05, -0.05, 0.1, 0, -1, 0},
                    {CUSGD_OPTIMIZER_SGD, 0.01, 0, 0.02, 0.3, 0, -1, 0},
                    {CUSGD_OPTIMIZER_ADAGRAD, 0, 0, (double)NAN, (double)NAN, 0, -1, 0},
                    {CUSGD_OPTIMIZER_ADAGRAD, 0, 0, (double)NAN, (double)NAN, 1, -1, 0},
                    {CUSGD_OPTIMIZER_ADAGRAD, 0, 0, (double)NAN, (double)NAN, 1, 20, 0},
                    {CUSGD_OPTIMIZER_ADAGRAD, 0, 0, -0.1, 0.2, 0, -1, 0},
                    {CUSGD_OPTIMIZER_FTRL, 0, 0, (double)NAN, (double)NAN, 1, -1, 0},
                    {CUSGD_OPTIMIZER_FTRL, 0.003, 0, (double)NAN, (double)NAN, 0, -1, 0},
                    {CUSGD_OPTIMIZER_FTRL, 0.003, 0.05, (double)NAN, (double)NAN, 0, -1, 1},
                    {CUSGD_OPTIMIZER_FTRL, 0, 0.05, -0.1, 0.1, 0, -1, 0}};
    static both b;
    double factor[D];
    make(&b, 1);
    for (int j = 0; j < D; j++) factor[j] = j % 3;
    for (size_t v = 0; v < sizeof variants / sizeof *variants; v++) {
        double dense[K * (D + 1)], lazy[K * (D + 1)];
        cusgd_options o = options_plain(variants[v].optimizer, 0.3, 8, 3);
        char what[64];
        snprintf(what, sizeof what, "variant %zu", v);
        o.precision = CUSGD_PRECISION_DOUBLE;
        o.loss = CUSGD_LOSS_LOGISTIC;
        o.schedule = v % 2 ? CUSGD_SCHEDULE_CONSTANT : CUSGD_SCHEDULE_EXPONENTIAL;
        o.sampling = v % 2 ? CUSGD_SAMPLING_BATCHES : CUSGD_SAMPLING_PERMUTE;
        o.l1 = variants[v].l1;
        o.l2 = variants[v].l2;
        o.lower = variants[v].lower;
        o.upper = variants[v].upper;
        o.average = variants[v].average;
        o.average_from = variants[v].average_from;
        if (variants[v].factors) o.l1_factors = o.l2_factors = factor;
        o.update = CUSGD_UPDATE_DENSE;
        stepped(&o, sparse_of(&b, 1), dense);
        o.update = CUSGD_UPDATE_LAZY;
        stepped(&o, sparse_of(&b, 1), lazy);
        assert_near(lazy, dense, 1e-11, what);
    }
}

/* Where penalties act by their proximal map at each touch, the optimum is the same, and the last steps clear the noise. */
Test(sparse, lazy_penalties_have_the_optimum_of_a_solver)
{
    static both b;
    make(&b, 1);
    for (int variant = 0; variant < 6; variant++) {
        int ftrl = variant >= 3, bounded = variant % 3 == 2;
        double optimum[K * (D + 1)], lazy[K * (D + 1)];
        cusgd_options p = options_plain(CUSGD_OPTIMIZER_AUTO, (double)NAN, 0, 3000), o;
        char what[64];
        snprintf(what, sizeof what, "variant %d", variant);
        p.precision = CUSGD_PRECISION_DOUBLE;
        p.loss = CUSGD_LOSS_LOGISTIC;
        p.solver = CUSGD_SOLVER_LBFGS;
        p.l2 = 0.02;
        p.l1 = variant % 3 ? 0.005 : 0;
        o = options_plain(ftrl ? CUSGD_OPTIMIZER_FTRL : CUSGD_OPTIMIZER_ADAGRAD, ftrl ? 2 : 0.5, N, 4000);
        o.precision = CUSGD_PRECISION_DOUBLE;
        o.loss = CUSGD_LOSS_LOGISTIC;
        o.l2 = p.l2;
        o.l1 = p.l1;
        if (bounded) { /* the solvers take no bounds */
            o.lower = -0.3;
            o.upper = 0.2;
            o.update = CUSGD_UPDATE_DENSE;
        }
        fitted(bounded ? &o : &p, sparse_of(&b, 0), optimum);
        o.update = CUSGD_UPDATE_LAZY;
        fitted(&o, sparse_of(&b, 0), lazy);
        assert_near(lazy, optimum, ftrl ? 1e-4 : 1e-6, what); /* ftrl's rates fall with the number of steps */
    }
}

/* Few classes and many, as one loss and as one of each: y is one column of numbers. */
Test(sparse, classes_are_those_of_the_dense_matrix)
{
    static both b;
    static double y[N], dense[20 * (D + 1)], sparse[20 * (D + 1)];
    make(&b, 0);
    for (int variant = 0; variant < 6; variant++) {
        int count = variant % 2 ? 20 : 3;
        cusgd_options o = options_plain(CUSGD_OPTIMIZER_ADAGRAD, 0.1, 32, 3);
        cusgd_csr x = {b.start, b.column, b.value, CUSGD_TYPE_FLOAT64, 0};
        cusgd_matrix dense_x = {b.x, CUSGD_TYPE_FLOAT64, D, 1}, target = {y, CUSGD_TYPE_FLOAT64, 1, 1}, none = {0};
        cusgd_data *data[2];
        for (int64_t i = 0; i < N; i++) y[i] = (double)((i * 7 + (int64_t)(10 + 3 * b.x[i * D])) % count);
        o.precision = CUSGD_PRECISION_DOUBLE;
        o.loss = CUSGD_LOSS_LOGISTIC;
        o.multiclass = variant < 2 ? CUSGD_MULTICLASS_ONE_VS_REST : CUSGD_MULTICLASS_SOFTMAX;
        o.standardize = 0;
        o.sampling = CUSGD_SAMPLING_BATCHES;
        o.average = 0;
        o.update = variant < 4 ? CUSGD_UPDATE_DENSE : CUSGD_UPDATE_LAZY;
        assert_works(cusgd_data_wrap(N, D, 1, dense_x, target, none, &data[0]));
        assert_works(cusgd_data_wrap_csr(N, D, 1, x, target, none, &data[1]));
        for (int storage = 0; storage < 2; storage++) {
            double *to = storage ? sparse : dense;
            assert_works(cusgd_data_set_classes(data[storage], NULL, count));
            if (!storage) o.update = CUSGD_UPDATE_AUTO;
            if (storage) o.update = variant < 4 ? CUSGD_UPDATE_DENSE : CUSGD_UPDATE_LAZY;
            cusgd_trainer *t = trainer_of(&o, data[storage], NULL);
            assert_works(cusgd_trainer_step(t, 40));
            assert_works(cusgd_trainer_get_coefficients(t, to, to + count * D));
            cusgd_trainer_free(t);
            cusgd_data_free(data[storage]);
        }
        for (int u = 0; u < count * (D + 1); u++)
            cr_assert(fabs(sparse[u] - dense[u]) < 1e-9, "variant %d: %d: %g and %g", variant, u, sparse[u], dense[u]);
    }
}

/* Batches that were transposed are those of the rows that were bound, not of others that come to lie at the same place. */
Test(sparse, other_rows_are_trained_on)
{
    static both b;
    double found[2][K * (D + 1)];
    make(&b, 1);
    for (int storage = 0; storage < 2; storage++) {
        cusgd_options o = options_plain(CUSGD_OPTIMIZER_ADAGRAD, 0.1, 32, 1);
        o.precision = CUSGD_PRECISION_DOUBLE;
        o.standardize = 0;
        o.sampling = CUSGD_SAMPLING_BATCHES;
        cusgd_data *data = storage ? sparse_of(&b, 0) : data_of(N, D, K, b.x, b.y, NULL);
        cusgd_trainer *t = trainer_of(&o, data, NULL);
        for (int part = 0; part < 3; part++) {
            cusgd_data *rows;
            int64_t chosen[100];
            for (int64_t i = 0; i < 100; i++) chosen[i] = part * 100 + i;
            assert_works(cusgd_data_select(data, chosen, 100, &rows));
            assert_works(cusgd_trainer_partial_fit(t, rows, NULL));
            assert_works(cusgd_trainer_partial_fit(t, data, NULL));
            cusgd_data_free(rows);
        }
        assert_works(cusgd_trainer_get_coefficients(t, found[storage], found[storage] + K * D));
        cusgd_trainer_free(t);
        cusgd_data_free(data);
    }
    assert_near(found[1], found[0], 1e-9, "partial_fit");
}

/* Of dense and lazy updates of each optimizer that has lazy ones, in both precisions. */
Test(sparse, threads_and_instruction_sets_do_not_change_a_bit)
{
    static const cusgd_optimizer optimizers[] = {CUSGD_OPTIMIZER_SGD, CUSGD_OPTIMIZER_ADAGRAD, CUSGD_OPTIMIZER_FTRL};
    static const char *const sets[] = {"baseline", "avx2", "avx512"}; /* one that is missing stands for those before it */
    static const int threads[] = {1, 2, 5, 16};
    static both b;
    make(&b, 0);
    for (int variant = 0; variant < 14; variant++) {
        double one[K * (D + 1)], other[K * (D + 1)];
        cusgd_options o = options_plain(optimizers[variant / 4 % 3], 0.05, 300, 3);
        o.precision = variant % 2 ? CUSGD_PRECISION_FLOAT : CUSGD_PRECISION_DOUBLE;
        o.shards = variant < 12 ? 1 : 3;
        o.update = variant / 2 % 2 || o.shards > 1 ? CUSGD_UPDATE_DENSE : CUSGD_UPDATE_LAZY;
        o.l1 = 0.001;
        o.l2 = 0.01;
        o.average = 1;
        for (int i = 0; i < 12; i++) {
            o.threads = threads[i % 4];
            setenv("CUSGD_ISA", sets[i / 4], 1);
            fitted(&o, sparse_of(&b, 1), i ? other : one);
            if (i) cr_assert_arr_eq(other, one, sizeof one, "variant %d: %s, %d threads", variant, sets[i / 4], o.threads);
        }
    }
}

Test(sparse, auto_learns)
{
    static both b;
    make(&b, 1);
    cusgd_options o = options_plain(CUSGD_OPTIMIZER_AUTO, (double)NAN, 0, 0);
    cusgd_result result = CUSGD_INIT(cusgd_result);
    o.loss = CUSGD_LOSS_LOGISTIC;
    o.l2 = 0.001;
    cusgd_data *data = sparse_of(&b, 0);
    cusgd_trainer *t = trainer_of(&o, data, NULL);
    assert_works(cusgd_trainer_fit(t, NULL, NULL, &result));
    cr_assert(result.loss < 0.8 * result.null_loss, "%g, and %g without columns", result.loss, result.null_loss);
    cusgd_trainer_free(t);
    cusgd_data_free(data);
}

/* The option memory counts stored values: 400 x 37 numbers would not fit into what these rows do. */
Test(sparse, memory_is_of_stored_values)
{
    static both b;
    make(&b, 0);
    cusgd_options o = options_plain(CUSGD_OPTIMIZER_SGD, 0.01, 32, 1);
    cusgd_data *data = sparse_of(&b, 0);
    o.precision = CUSGD_PRECISION_DOUBLE;
    o.memory = 130000;
    cusgd_trainer *t = trainer_of(&o, data, NULL);
    assert_works(cusgd_trainer_fit(t, NULL, NULL, NULL));
    cusgd_trainer_free(t);
    o.memory = 40000;
    assert_fails(cusgd_trainer_create(&o, data, NULL, &t), CUSGD_ERROR_USAGE, "sparse rows are not read piece by piece");
    cusgd_data_free(data);
}

/* ---- What is wrong ---- */

static void assert_refused(cusgd_csr x, const char *part)
{
    static const cusgd_matrix none = {0};
    cusgd_data *data;
    cr_assert_neq(cusgd_data_wrap_csr(2, 3, 0, x, none, none, &data), CUSGD_OK, "%s", part);
    cr_assert(strstr(cusgd_last_error(), part), "'%s' is not in: %s", part, cusgd_last_error());
    cr_assert_null(data);
}

Test(sparse, matrices_are_checked)
{
    static const int64_t start[] = {0, 2, 3}, back[] = {0, 2, 1}, late[] = {1, 2, 3};
    static const int32_t twice[] = {1, 1, 0}, unsorted[] = {2, 1, 0}, beyond[] = {0, 3, 0}, good[] = {0, 2, 1};
    static const double value[] = {1, 2, 3};
    assert_refused((cusgd_csr){start, twice, value, CUSGD_TYPE_FLOAT64, 0}, "row 1: column 1 is stored twice");
    assert_refused((cusgd_csr){start, unsorted, value, CUSGD_TYPE_FLOAT64, 0}, "row 1: its columns do not ascend");
    assert_refused((cusgd_csr){start, beyond, value, CUSGD_TYPE_FLOAT64, 0}, "row 1: column 3 is not one of 0 to 2");
    assert_refused((cusgd_csr){back, good, value, CUSGD_TYPE_FLOAT64, 0}, "row 2: it ends before it starts");
    assert_refused((cusgd_csr){late, good, value, CUSGD_TYPE_FLOAT64, 0}, "the first start is 1");
}

Test(sparse, what_needs_the_matrix_refuses)
{
    static both b;
    make(&b, 0);
    cusgd_data *data = sparse_of(&b, 0);
    cusgd_options o = options_plain(CUSGD_OPTIMIZER_AUTO, (double)NAN, 0, 0);
    cusgd_trainer *t;
    o.solver = CUSGD_SOLVER_EXACT;
    cr_assert_eq(cusgd_trainer_create(&o, data, NULL, &t), CUSGD_ERROR_USAGE);
    cr_assert(strstr(cusgd_last_error(), "sgd, gd, cg, lbfgs and coordinate"), "%s", cusgd_last_error());
    o.solver = CUSGD_SOLVER_SGD;
    o.robust = 1;
    assert_fails(cusgd_trainer_create(&o, data, NULL, &t), CUSGD_ERROR_USAGE, "robust needs dense");
    o.robust = 0;
    o.whiten = CUSGD_WHITEN_ZCA;
    assert_fails(cusgd_trainer_create(&o, data, NULL, &t), CUSGD_ERROR_USAGE, "whiten needs dense");
    o.whiten = CUSGD_WHITEN_NONE;
    double numbers[D];
    for (int j = 0; j < D; j++) numbers[j] = 1;
    numbers[3] = 2;
    o.column_scales = numbers;
    assert_fails(cusgd_trainer_create(&o, data, NULL, &t), CUSGD_ERROR_USAGE, "with --sparse-scale rms or full only");
    o.column_means = numbers;
    o.sparse_scale = CUSGD_SPARSE_SCALE_RMS;
    assert_fails(cusgd_trainer_create(&o, data, NULL, &t), CUSGD_ERROR_USAGE, "not centered");
    o = options_plain(CUSGD_OPTIMIZER_AUTO, (double)NAN, 0, 0);
    cusgd_path_plan plan = CUSGD_INIT(cusgd_path_plan);
    cusgd_path *path;
    assert_fails(cusgd_path_create(&o, data, &plan, &path), CUSGD_ERROR_USAGE, "path needs dense");
    cusgd_data_free(data);
}

/* By solvers auto and best, which leave out what needs the matrix. */
Test(sparse, solvers_are_chosen)
{
    static both b;
    make(&b, 1);
    for (int loss = 0; loss < 2; loss++)
        for (int solver = 0; solver < 2; solver++) {
            cusgd_options o = options_default();
            cusgd_data *data = sparse_of(&b, 0);
            o.loss = loss ? CUSGD_LOSS_LOGISTIC : CUSGD_LOSS_SQUARED;
            o.solver = solver ? CUSGD_SOLVER_BEST : CUSGD_SOLVER_AUTO;
            o.l2 = 0.01;
            cusgd_trainer *t = trainer_of(&o, data, NULL);
            assert_works(cusgd_trainer_fit(t, NULL, NULL, NULL));
            cr_assert_eq(cusgd_trainer_options(t)->solver, loss ? CUSGD_SOLVER_LBFGS : CUSGD_SOLVER_CG);
            cusgd_trainer_free(t);
            cusgd_data_free(data);
        }
}

Test(sparse, a_saved_run_goes_on)
{
    static both b;
    double whole[K * (D + 1)], resumed[K * (D + 1)];
    make(&b, 0);
    for (int update = CUSGD_UPDATE_DENSE; update <= CUSGD_UPDATE_LAZY; update++) {
        cusgd_options o = options_plain(CUSGD_OPTIMIZER_ADAGRAD, 0.05, 32, 3);
        cusgd_data *data = sparse_of(&b, 0);
        o.update = (cusgd_update)update;
        o.l2 = 0.01;
        cusgd_trainer *first = trainer_of(&o, data, NULL), *second = trainer_of(&o, data, NULL);
        size_t bytes;
        assert_works(cusgd_trainer_step(first, 17));
        assert_works(cusgd_trainer_save_state_memory(first, NULL, 0, &bytes));
        void *state = malloc(bytes);
        assert_works(cusgd_trainer_save_state_memory(first, state, bytes, &bytes));
        assert_works(cusgd_trainer_load_state_memory(second, state, bytes, NULL));
        assert_works(cusgd_trainer_step(first, 20));
        assert_works(cusgd_trainer_step(second, 20));
        assert_works(cusgd_trainer_get_coefficients(first, whole, whole + K * D));
        assert_works(cusgd_trainer_get_coefficients(second, resumed, resumed + K * D));
        cr_assert_arr_eq(whole, resumed, sizeof whole, "update %d", update);
        b.value[3] += 1; /* other data, of the same shape */
        cusgd_data *other = sparse_of(&b, 0);
        cusgd_trainer *third = trainer_of(&o, other, NULL);
        assert_fails(cusgd_trainer_load_state_memory(third, state, bytes, NULL), CUSGD_ERROR_DATA, "");
        free(state);
        cusgd_trainer_free(first);
        cusgd_trainer_free(second);
        cusgd_trainer_free(third);
        cusgd_data_free(data);
        cusgd_data_free(other);
    }
}

/* ---- LIBSVM text ---- */

static cusgd_status open_text(const char *text, const cusgd_reader *reader, cusgd_data **data)
{
    static const char path[] = "sparse_text.svm";
    char name[64];
    snprintf(name, sizeof name, "/tmp/%d_%s", (int)getpid(), path);
    FILE *file = fopen(name, "w");
    cr_assert_not_null(file);
    fputs(text, file);
    fclose(file);
    cusgd_status status = cusgd_data_open(name, reader, data);
    remove(name);
    return status;
}

Test(sparse, text_is_read)
{
    cusgd_reader reader = CUSGD_INIT(cusgd_reader);
    cusgd_data *data, *same;
    assert_works(open_text("# a comment\n+1 1:0.5 3:-2e0 # one\r\n\n-1 \n1\t3:.25 2:1 1:5e-1", &reader, &data));
    cr_assert_eq(cusgd_data_rows(data), 3);
    cr_assert_eq(cusgd_data_cols(data), 3);
    cr_assert_eq(cusgd_data_stored(data), 5);
    cr_assert(strstr(cusgd_data_note(data, 0), "indices count from 1"));
    cusgd_model_arrays arrays = {.size = sizeof arrays, .cols = 3, .outputs = 1, .weight = (const double[]){1, 10, 100}};
    cusgd_model *model;
    double p[3], expected[3] = {0.5 - 200, 0, 25 + 10 + 0.5};
    assert_works(cusgd_model_create(&arrays, &model));
    assert_works(cusgd_model_predict(model, data, CUSGD_PREDICT_LINK, p));
    for (int i = 0; i < 3; i++) cr_assert_eq(p[i], expected[i], "row %d: %.17g", i, p[i]);
    assert_works(cusgd_data_select(data, (const int64_t[]){2, 0}, 2, &same));
    assert_works(cusgd_model_predict(model, same, CUSGD_PREDICT_LINK, p));
    cr_assert(p[0] == expected[2] && p[1] == expected[0]);
    cusgd_data_free(same);
    cusgd_data_free(data);
    reader.single_values = 1;
    assert_works(open_text("1 1:0.1 3:2\n0 3:0.25 2:1\n", &reader, &data));
    assert_works(cusgd_model_predict(model, data, CUSGD_PREDICT_LINK, p));
    cr_assert(p[0] == (double)0.1f + 200 && p[1] == 35, "%.17g %.17g", p[0], p[1]);
    cusgd_data_free(data);
    reader.single_values = 0;
    cusgd_model_free(model);
    reader.columns = 7;
    assert_works(open_text("1 0:1\n0 2:1\n", &reader, &data));
    cr_assert_eq(cusgd_data_cols(data), 7);
    cr_assert(strstr(cusgd_data_note(data, 0), "indices count from 0"));
    cusgd_data_free(data);
}

Test(sparse, text_that_is_wrong_is_refused)
{
    static const char *const wrong[][2] = {{"1 1:1\n1 2:1 2:2\n", "line 2: index 2 occurs twice"},
                                           {"1 1:1 qid:3\n", "line 1: 'qid:3'"},
                                           {"1,2 1:1\n", "line 1: '1,2' is not a label"},
                                           {"1 1:nan\n", "line 1: '1:nan' has no value"},
                                           {"1 1:1e400\n", "line 1: '1:1e400' has no value"},
                                           {"1 1:\n", "line 1: '1:' has no value"},
                                           {"1 a:1\n", "line 1: 'a:1' is not INDEX:VALUE"},
                                           {"1 -1:1\n", "line 1: '-1:1' is not INDEX:VALUE"},
                                           {"1 99999999999999999999:1\n", "index above 2147483647"},
                                           {"1 5:1\n1 9:1\n1 6:1\n", "line 2: index 9 is beyond the 8 columns"},
                                           {"1 0:1 2:1\n", "has index 0, and the indices count from 1"},
                                           {"1 1:1e39\n", "line 1: '1:1e39' is beyond what precision float holds"},
                                           {"# nothing\n", "has no rows"}};
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        cusgd_reader reader = CUSGD_INIT(cusgd_reader);
        cusgd_data *data;
        if (strstr(wrong[i][1], "beyond")) reader.columns = 8;
        if (strstr(wrong[i][1], "count from 1")) reader.index_base = CUSGD_INDEX_ONE;
        reader.single_values = strstr(wrong[i][1], "1e39") != NULL;
        cr_assert_eq(open_text(wrong[i][0], &reader, &data), CUSGD_ERROR_DATA, "%s", wrong[i][0]);
        cr_assert(strstr(cusgd_last_error(), wrong[i][1]), "'%s' is not in: %s", wrong[i][1], cusgd_last_error());
    }
}

/* Longer than the reader's buffer, of which 10 MB are one line. */
Test(sparse, a_long_line_is_read)
{
    enum { VALUES = 1000000 };
    char *text = malloc((size_t)VALUES * 12 + 64), *at = text;
    cusgd_reader reader = CUSGD_INIT(cusgd_reader);
    cusgd_data *data;
    at += sprintf(at, "1 1:1\n2");
    for (int i = 1; i <= VALUES; i++) at += sprintf(at, " %d:%d", i, i % 100);
    at += sprintf(at, "\n3 1:1\n");
    assert_works(open_text(text, &reader, &data));
    cr_assert_eq(cusgd_data_rows(data), 3);
    cr_assert_eq(cusgd_data_stored(data), VALUES + 2);
    cr_assert_eq(cusgd_data_cols(data), VALUES);
    cusgd_data_free(data);
    free(text);
}
