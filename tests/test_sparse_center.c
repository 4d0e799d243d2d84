/* --sparse-scale full: sparse columns that are standardized without being stored take the steps of the dense standardized ones.
 */
#include "backend.h"
#include "scalar/optimizers.h"
#include "support.h"
#include "training.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { N = 300, D = 23, MOST = 11 };

/* One matrix twice. Column 0 is nearly full and far from 0, as years are; column 5 is empty, the others rarer and rarer. */
typedef struct both {
    double x[N * D], y[N * MOST], w[N], o[N], value[N * D];
    int64_t start[N + 1];
    int32_t column[N * D];
} both;

static void make(both *b)
{
    uint64_t seed = 11;
    memset(b, 0, sizeof *b);
    for (int64_t i = 0, at = 0; i < N; i++) {
        double p = 0;
        for (int32_t j = 0; j < D; j++) {
            double drawn = random_uniform(&seed), value = j == 0 ? 50 + random_normal(&seed) : random_normal(&seed) + 1;
            if (j == 5 || drawn > (j == 0 ? 0.99 : 2.0 / (1 + j))) continue;
            b->column[at] = j;
            b->value[at++] = b->x[i * D + j] = value;
            p += (j == 0 ? value - 50 : value) * (double)(j % 3 - 1);
        }
        b->start[i + 1] = at;
        for (int64_t c = 0; c < MOST; c++) b->y[i * MOST + c] = (c % 2 ? -p : p) + random_normal(&seed) > 0;
        b->w[i] = (double)(1 + i % 3);
        b->o[i] = 0.1 * random_normal(&seed);
    }
}

static cusgd_data *data_both(const both *b, int sparse, int64_t k, int weights)
{
    cusgd_csr s = {b->start, b->column, b->value, CUSGD_TYPE_FLOAT64, 0};
    cusgd_matrix x = {b->x, CUSGD_TYPE_FLOAT64, D, 1}, y = {b->y, CUSGD_TYPE_FLOAT64, MOST, 1},
                 w = {weights ? b->w : NULL, CUSGD_TYPE_FLOAT64, 1, 1}, o = {b->o, CUSGD_TYPE_FLOAT64, 1, 1};
    cusgd_data *data;
    assert_works(sparse ? cusgd_data_wrap_csr(N, D, k, s, y, w, &data) : cusgd_data_wrap(N, D, k, x, y, w, &data));
    if (weights) assert_works(cusgd_data_set_offset(data, CUSGD_OFFSET_LINEAR, o));
    return data;
}

/* Coefficients of the dense matrix and of the sparse one. */
static void train_both(const both *b, cusgd_options o, int64_t k, int weights, int64_t steps, double *out[2])
{
    o.precision = CUSGD_PRECISION_DOUBLE;
    for (int sparse = 0; sparse < 2; sparse++) {
        if (sparse) o.sparse_scale = CUSGD_SPARSE_SCALE_FULL;
        cusgd_data *data = data_both(b, sparse, k, weights);
        cusgd_trainer *t = trainer_of(&o, data, NULL);
        if (steps)
            assert_works(cusgd_trainer_step(t, steps));
        else
            (void)fit(t);
        assert_works(cusgd_trainer_get_coefficients(t, out[sparse], out[sparse] + k * D));
        cusgd_trainer_free(t);
        cusgd_data_free(data);
    }
}

static void assert_alike(double *const found[2], int64_t k, double tolerance, int which, const char *what)
{
    for (int64_t u = 0; u < k * (D + 1); u++)
        cr_assert(fabs(found[0][u] - found[1][u]) <= tolerance * (1 + fabs(found[0][u])),
                  "%s %d, %lld outputs, %lld: %.17g and %.17g", what, which, (long long)k, (long long)u, found[0][u],
                  found[1][u]);
}

Test(sparse_center, steps_are_those_of_dense_rows)
{
    static both b;
    static double found[2][MOST * (D + 1)];
    double *out[2] = {found[0], found[1]};
    const int64_t outputs[] = {1, 2, MOST};
    make(&b);
    for (int optimizer = 1; optimizer < OPTIMIZER_COUNT; optimizer++)
        for (int i = 0; i < 3; i++) {
            cusgd_options o = options_plain((cusgd_optimizer)optimizer, 0.05, 32, 3);
            o.standardize = 1;
            o.loss = i == 1 ? CUSGD_LOSS_SQUARED : CUSGD_LOSS_LOGISTIC;
            o.sampling = i == 2 ? CUSGD_SAMPLING_BATCHES : CUSGD_SAMPLING_PERMUTE;
            o.l2 = 0.01 * i;
            o.average = i == 1;
            o.intercept = optimizer % 4 != 3; /* without one, columns are scaled only */
            train_both(&b, o, outputs[i], i > 0, 40, out);
            assert_alike(out, outputs[i], 1e-9, optimizer, "optimizer");
        }
}

Test(sparse_center, optima_are_those_of_dense_rows)
{
    static both b;
    static double found[2][MOST * (D + 1)];
    static const cusgd_solver solvers[] = {CUSGD_SOLVER_GD, CUSGD_SOLVER_CG, CUSGD_SOLVER_LBFGS, CUSGD_SOLVER_COORDINATE};
    double *out[2] = {found[0], found[1]};
    make(&b);
    for (int i = 0; i < 4; i++) {
        cusgd_options o = options_plain(CUSGD_OPTIMIZER_AUTO, (double)NAN, 0, 5000);
        o.standardize = 1;
        o.solver = solvers[i];
        o.loss = CUSGD_LOSS_LOGISTIC;
        o.l2 = 0.01;
        o.gradient_tolerance = 1e-10;
        train_both(&b, o, 2, 1, 0, out);
        assert_alike(out, 2, 1e-7, i, "solver");
    }
}

/* What is known of bound rows: themselves, their predictions and the sums that a rate is made of. */
Test(sparse_center, bound_rows_are_those_of_dense_rows)
{
    static both b;
    static double mean[D], scale[D], rows[2][2 * D], w[2], p[2][N], fourth[2][D], second[2][D], theta[D + 1];
    make(&b);
    for (int64_t j = 0; j < D; j++) {
        mean[j] = j == 0 ? 50 : 0.1 * (double)(j % 4);
        scale[j] = 0.5 + 0.25 * (double)(j % 3);
        theta[j] = 0.1 * (double)(j % 5 - 2);
    }
    curvature sums[2];
    const int64_t wanted[] = {7, N - 1};
    for (int sparse = 0; sparse < 2; sparse++) {
        backend cpu;
        dataset *at;
        cusgd_data *data = data_both(&b, sparse, 1, 1);
        transform t = {.mean = mean, .scale = scale, .weight_mean = 2};
        assert_works(backend_open("cpu", CUSGD_PRECISION_DOUBLE, 2, &cpu));
        assert_works(cpu.ops->bind(cpu.self, &data->view, &t, &at));
        assert_works(cpu.ops->rows(cpu.self, at, wanted, 2, rows[sparse], w));
        assert_works(cpu.ops->predict(cpu.self, at, theta, p[sparse]));
        sums[sparse] = (curvature){fourth[sparse], second[sparse], 0, 0};
        assert_works(cpu.ops->curvature(cpu.self, at, scale, &sums[sparse]));
        cpu.ops->unbind(cpu.self, at);
        cpu.ops->close(cpu.self);
        cusgd_data_free(data);
    }
    for (int64_t u = 0; u < 2 * D; u++) cr_assert_float_eq(rows[0][u], rows[1][u], 1e-12);
    for (int64_t i = 0; i < N; i++) cr_assert_float_eq(p[0][i], p[1][i], 1e-11);
    for (int64_t j = 0; j < D; j++) {
        cr_assert_float_eq(second[0][j], second[1][j], 1e-10 * second[0][j], "%d: %g and %g", (int)j, second[0][j], second[1][j]);
        cr_assert_float_eq(fourth[0][j], fourth[1][j], 1e-10 * fourth[0][j]);
    }
    cr_assert_float_eq(sums[0].q1, sums[1].q1, 1e-10 * sums[0].q1);
    cr_assert_float_eq(sums[0].q2, sums[1].q2, 1e-10 * sums[0].q2);
}

Test(sparse_center, bits_do_not_depend_on_threads)
{
    static both b;
    double found[2][D + 1];
    make(&b);
    for (int several = 0; several < 2; several++) {
        cusgd_options o = options_plain(CUSGD_OPTIMIZER_ADAGRAD, 0.05, 64, 3);
        o.sparse_scale = CUSGD_SPARSE_SCALE_FULL;
        o.threads = 1 + 3 * several;
        cusgd_data *data = data_both(&b, 1, 1, 0);
        cusgd_trainer *t = trainer_of(&o, data, NULL);
        (void)fit(t);
        assert_works(cusgd_trainer_get_coefficients(t, found[several], found[several] + D));
        cr_assert_eq(cusgd_trainer_options(t)->update, CUSGD_UPDATE_DENSE);
        cusgd_trainer_free(t);
        cusgd_data_free(data);
    }
    cr_assert_eq(memcmp(found[0], found[1], sizeof found[0]), 0);
}

Test(sparse_center, lazy_updates_are_refused)
{
    static both b;
    make(&b);
    cusgd_data *data = data_both(&b, 1, 1, 0);
    cusgd_options o = options_plain(CUSGD_OPTIMIZER_ADAGRAD, 0.05, 64, 3);
    cusgd_trainer *t;
    o.sparse_scale = CUSGD_SPARSE_SCALE_FULL;
    o.update = CUSGD_UPDATE_LAZY;
    assert_fails(cusgd_trainer_create(&o, data, NULL, &t), CUSGD_ERROR_USAGE, "changes all columns where they are centered");
    cusgd_data_free(data);
}
