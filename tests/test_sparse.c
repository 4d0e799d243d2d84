/* Sparse data: the same numbers as of the same matrix stored dense. */
#include "scalar/optimizers.h"
#include "sparse_pair.h"
#include "support.h"
#include "training.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* An emulated GPU is slow. */
static int on_a_gpu(void) { return getenv("CUSGD_TEST_DEVICE") != NULL; }

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
    static sparse_pair b;
    sparse_pair_make(&b, 1);
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
            stepped(&o, sparse_pair_data(&b, variant == 3), sparse);
            assert_near(sparse, dense, 1e-9, what);
        }
}

/* Batches of one row, and shares of one row: by every sampling, of one output and of many, lazily and not. Another epoch begins
 * meanwhile, and one row is empty. */
Test(sparse, steps_of_one_row_are_those_of_the_dense_matrix)
{
    static sparse_pair b;
    sparse_pair_make(&b, 1);
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
            cusgd_data *data = i ? sparse_pair_data(&b, 1) : data_of(N, D, K, b.x, b.y, b.w);
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
    static sparse_pair b;
    sparse_pair_make(&b, 1);
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
        stepped(&o, sparse_pair_data(&b, 1), sparse);
        assert_near(sparse, dense, 1e-9, what);
    }
}

Test(sparse, solvers_find_the_same_optimum)
{
    static const cusgd_solver solvers[] = {CUSGD_SOLVER_GD, CUSGD_SOLVER_CG, CUSGD_SOLVER_LBFGS, CUSGD_SOLVER_COORDINATE};
    static sparse_pair b;
    sparse_pair_make(&b, 1);
    for (int i = 0; i < 4; i++) {
        double dense[K * (D + 1)], sparse[K * (D + 1)];
        cusgd_options p = options_plain(CUSGD_OPTIMIZER_AUTO, (double)NAN, 0, 2000);
        p.precision = CUSGD_PRECISION_DOUBLE;
        p.loss = CUSGD_LOSS_LOGISTIC;
        p.solver = solvers[i];
        p.standardize = 0;
        p.l2 = 0.01;
        sparse_pair_fit(&p, data_of(N, D, K, b.x, b.y, NULL), dense);
        sparse_pair_fit(&p, sparse_pair_data(&b, 0), sparse);
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
    static sparse_pair b;
    double factor[D];
    sparse_pair_make(&b, 1);
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
        stepped(&o, sparse_pair_data(&b, 1), dense);
        o.update = CUSGD_UPDATE_LAZY;
        stepped(&o, sparse_pair_data(&b, 1), lazy);
        assert_near(lazy, dense, 1e-11, what);
    }
}

/* Where penalties act by their proximal map at each touch, the optimum is the same, and the last steps clear the noise. */
Test(sparse, lazy_penalties_have_the_optimum_of_a_solver)
{
    static sparse_pair b;
    sparse_pair_make(&b, 1);
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
        sparse_pair_fit(bounded ? &o : &p, sparse_pair_data(&b, 0), optimum);
        o.update = CUSGD_UPDATE_LAZY;
        sparse_pair_fit(&o, sparse_pair_data(&b, 0), lazy);
        assert_near(lazy, optimum, ftrl ? 1e-4 : 1e-6, what); /* ftrl's rates fall with the number of steps */
    }
}

/* Few classes and many, as one loss and as one of each: y is one column of numbers. */
Test(sparse, classes_are_those_of_the_dense_matrix)
{
    static sparse_pair b;
    static double y[N], dense[20 * (D + 1)], sparse[20 * (D + 1)];
    sparse_pair_make(&b, 0);
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
    static sparse_pair b;
    double found[2][K * (D + 1)];
    sparse_pair_make(&b, 1);
    for (int storage = 0; storage < 2; storage++) {
        cusgd_options o = options_plain(CUSGD_OPTIMIZER_ADAGRAD, 0.1, 32, 1);
        o.precision = CUSGD_PRECISION_DOUBLE;
        o.standardize = 0;
        o.sampling = CUSGD_SAMPLING_BATCHES;
        cusgd_data *data = storage ? sparse_pair_data(&b, 0) : data_of(N, D, K, b.x, b.y, NULL);
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

Test(sparse, a_saved_run_goes_on)
{
    static sparse_pair b;
    double whole[K * (D + 1)], resumed[K * (D + 1)];
    sparse_pair_make(&b, 0);
    for (int update = CUSGD_UPDATE_DENSE; update <= CUSGD_UPDATE_LAZY; update++) {
        cusgd_options o = options_plain(CUSGD_OPTIMIZER_ADAGRAD, 0.05, 32, 3);
        cusgd_data *data = sparse_pair_data(&b, 0);
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
        cusgd_data *other = sparse_pair_data(&b, 0);
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
