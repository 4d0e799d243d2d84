/* Sparse data: equal bits for any number of threads, what is chosen, and what is refused. */
#include "sparse_pair.h"
#include "support.h"
#include "training.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* Of dense and lazy updates of each optimizer that has lazy ones, in both precisions. */
Test(sparse_options, threads_and_instruction_sets_do_not_change_a_bit)
{
    static const cusgd_optimizer optimizers[] = {CUSGD_OPTIMIZER_SGD, CUSGD_OPTIMIZER_ADAGRAD, CUSGD_OPTIMIZER_FTRL};
    static const char *const sets[] = {"baseline", "avx2", "avx512"}; /* one that is missing stands for those before it */
    static const int threads[] = {1, 2, 5, 16};
    static sparse_pair b;
    sparse_pair_make(&b, 0);
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
            sparse_pair_fit(&o, sparse_pair_data(&b, 1), i ? other : one);
            if (i) cr_assert_arr_eq(other, one, sizeof one, "variant %d: %s, %d threads", variant, sets[i / 4], o.threads);
        }
    }
}

Test(sparse_options, auto_learns)
{
    static sparse_pair b;
    sparse_pair_make(&b, 1);
    cusgd_options o = options_plain(CUSGD_OPTIMIZER_AUTO, (double)NAN, 0, 0);
    cusgd_result result = CUSGD_INIT(cusgd_result);
    o.loss = CUSGD_LOSS_LOGISTIC;
    o.l2 = 0.001;
    cusgd_data *data = sparse_pair_data(&b, 0);
    cusgd_trainer *t = trainer_of(&o, data, NULL);
    assert_works(cusgd_trainer_fit(t, NULL, NULL, &result));
    cr_assert(result.loss < 0.8 * result.null_loss, "%g, and %g without columns", result.loss, result.null_loss);
    cusgd_trainer_free(t);
    cusgd_data_free(data);
}

/* The option memory counts stored values: 400 x 37 numbers would not fit into what these rows do. */
Test(sparse_options, memory_is_of_stored_values)
{
    static sparse_pair b;
    sparse_pair_make(&b, 0);
    cusgd_options o = options_plain(CUSGD_OPTIMIZER_SGD, 0.01, 32, 1);
    cusgd_data *data = sparse_pair_data(&b, 0);
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

Test(sparse_options, matrices_are_checked)
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

Test(sparse_options, what_needs_the_matrix_refuses)
{
    static sparse_pair b;
    sparse_pair_make(&b, 0);
    cusgd_data *data = sparse_pair_data(&b, 0);
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
    cusgd_data_free(data);
}

/* By solvers auto and best, which leave out what needs the matrix. */
Test(sparse_options, solvers_are_chosen)
{
    static sparse_pair b;
    sparse_pair_make(&b, 1);
    for (int loss = 0; loss < 2; loss++)
        for (int solver = 0; solver < 2; solver++) {
            cusgd_options o = options_default();
            cusgd_data *data = sparse_pair_data(&b, 0);
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
