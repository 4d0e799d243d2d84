/* Solver `best`: what it becomes, by options, loss and shape, why, and that the result is that method's. */
#include "inside.h"
#include "support.h"
#include "training.h"

#include <string.h>

TestSuite(best);

static char reason[160];

static cusgd_solver chosen(cusgd_options o, int64_t n, int64_t d, int64_t k)
{
    cusgd_solver solver = best_for(&o, n, d, k, reason, sizeof reason);
    cr_assert(*reason, "%s has no reason", solver_word(solver));
    return solver;
}

static cusgd_options of_loss(cusgd_loss loss)
{
    cusgd_options o;
    options_init(&o);
    o.loss = loss;
    return o;
}

#define assert_chosen(options, n, d, k, expected)                                                                             \
    do {                                                                                                                      \
        cusgd_solver solver = chosen(options, n, d, k);                                                                       \
        cr_assert_eq(solver, expected, "%lld x %lld x %lld: %s (%s), not %s", (long long)(n), (long long)(d), (long long)(k), \
                     solver_word(solver), reason, solver_word(expected));                                                     \
    } while (0)

Test(best, follows_the_shape)
{
    cusgd_options squared = of_loss(CUSGD_LOSS_SQUARED), logistic = of_loss(CUSGD_LOSS_LOGISTIC), l1 = squared;
    l1.l1 = 0.01;
    assert_chosen(squared, 1000, 10, 1, CUSGD_SOLVER_EXACT);
    assert_chosen(squared, 1000000, 20, 1, CUSGD_SOLVER_EXACT);
    assert_chosen(squared, 300, 20000, 1, CUSGD_SOLVER_EXACT);
    assert_chosen(squared, 20000000, 1000, 1, CUSGD_SOLVER_SGD);
    assert_chosen(squared, 10000, 5000, 1, CUSGD_SOLVER_CG);
    assert_chosen(logistic, 1000, 10, 1, CUSGD_SOLVER_NEWTON);
    assert_chosen(logistic, 2000, 1000, 1, CUSGD_SOLVER_LBFGS);
    assert_chosen(logistic, 20000000, 1000, 1, CUSGD_SOLVER_SGD);
    assert_chosen(l1, 1000, 10, 1, CUSGD_SOLVER_LBFGS);
    assert_chosen(l1, 20000000, 100, 1, CUSGD_SOLVER_SGD);
    assert_chosen(of_loss(CUSGD_LOSS_SOFTMAX), 1000, 10, 3, CUSGD_SOLVER_LBFGS);
}

/* Where the rows are fewer by those held out, so is the work. */
Test(best, is_of_the_rows_that_train)
{
    cusgd_options o = of_loss(CUSGD_LOSS_SQUARED);
    chosen(o, 100000, 10, 1);
    char whole[sizeof reason];
    strcpy(whole, reason);
    o.valid_fraction = 0.5;
    chosen(o, 100000, 10, 1);
    cr_assert_str_neq(whole, reason);
    o.valid_fraction = 0;
    chosen(o, 50000, 10, 1);
    strcpy(whole, reason);
    o.valid_fraction = 0.5;
    chosen(o, 100000, 10, 1);
    cr_assert_str_eq(whole, reason);
}

/* No matrix that does not fit into the memory: of any shape, the machine has less than d^2 doubles of these columns. */
Test(best, keeps_to_the_memory)
{
    const int64_t columns = (int64_t)1 << 30;
    assert_chosen(of_loss(CUSGD_LOSS_SQUARED), columns, columns, 1, CUSGD_SOLVER_SGD);
    cr_assert(strstr(reason, "cg"), "%s", reason);
}

Test(best, is_sgd_where_an_option_needs_it)
{
    static const char *const names[][2] = {
        {"rate", "0.1"},         {"optimizer", "adam"}, {"schedule", "cosine"}, {"batch", "32"},
        {"momentum", "0.5"},     {"clip-norm", "1"},    {"average", "true"},    {"shards", "2"},
        {"sampling", "replace"}, {"storage", "bf16"},   {"engine", "cublas"},   {"evaluate-every", "end"},
    };
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        cusgd_options o = of_loss(CUSGD_LOSS_SQUARED);
        assert_works(cusgd_options_set(&o, names[i][0], names[i][1]));
        assert_chosen(o, 1000, 10, 1, CUSGD_SOLVER_SGD);
        cr_assert(strstr(reason, names[i][0]), "%s: %s", names[i][0], reason);
    }
    assert_chosen(of_loss(CUSGD_LOSS_HINGE), 1000, 10, 1, CUSGD_SOLVER_SGD);
    cr_assert(strstr(reason, "hinge"), "%s", reason);
}

/* What both kinds of methods read decides nothing. */
Test(best, is_a_full_batch_method_with_options_that_both_read)
{
    static const char *const names[][2] = {{"l2", "0.1"},           {"epochs", "50"},         {"seed", "3"},
                                           {"precision", "double"}, {"standardize", "false"}, {"intercept", "false"},
                                           {"threads", "1"},        {"patience", "3"},        {"tolerance", "1e-6"}};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        cusgd_options o = of_loss(CUSGD_LOSS_SQUARED);
        assert_works(cusgd_options_set(&o, names[i][0], names[i][1]));
        assert_chosen(o, 1000, 10, 1, CUSGD_SOLVER_EXACT);
    }
}

Test(best, keeps_bounds_by_lbfgs)
{
    cusgd_options o = of_loss(CUSGD_LOSS_SQUARED);
    o.lower = 0;
    assert_chosen(o, 1000, 10, 1, CUSGD_SOLVER_LBFGS);
    o.loss = CUSGD_LOSS_LOGISTIC;
    assert_chosen(o, 1000, 10, 1, CUSGD_SOLVER_LBFGS);
}

Test(best, comes_to_the_gradient_that_is_asked_for)
{
    cusgd_options o = of_loss(CUSGD_LOSS_LOGISTIC);
    o.gradient_tolerance = 1e-6;
    assert_chosen(o, 20000000, 1000, 1, CUSGD_SOLVER_LBFGS);
    cr_assert(strstr(reason, "gradient-tolerance"), "%s", reason);
}

/* ---- A trainer of it ---- */

enum { ROWS = 200, COLS = 3 };

static cusgd_data *make_data(void)
{
    static double x[ROWS * COLS], y[ROWS];
    uint64_t state = 5;
    for (int64_t i = 0; i < ROWS; i++) {
        for (int64_t j = 0; j < COLS; j++) x[i * COLS + j] = random_normal(&state);
        y[i] = x[i * COLS] - 2 * x[i * COLS + 2] + random_normal(&state);
    }
    return data_of(ROWS, COLS, 1, x, y, NULL);
}

static void assert_equal_runs(cusgd_options o, cusgd_solver expected)
{
    cusgd_data *data = make_data();
    double best[COLS + 1], named[COLS + 1];
    o.solver = CUSGD_SOLVER_BEST;
    cusgd_trainer *trainer = trainer_of(&o, data, NULL);
    cr_assert_eq(cusgd_trainer_options(trainer)->solver, expected);
    cr_assert_gt(strlen(cusgd_trainer_solver_reason(trainer)), 0);
    fit(trainer);
    parameters_of(trainer, COLS, 1, best);
    o.solver = expected;
    train(&o, data, named);
    cr_assert_arr_eq(best, named, sizeof best);
    assert_works(cusgd_trainer_reset(trainer, &o));
    cr_assert_str_eq(cusgd_trainer_solver_reason(trainer), "");
    cusgd_trainer_free(trainer);
    cusgd_data_free(data);
}

Test(best, gives_the_bits_of_the_solver_that_it_becomes)
{
    cusgd_options o = options_default();
    assert_equal_runs(o, CUSGD_SOLVER_EXACT);
    o.batch = 16;
    assert_equal_runs(o, CUSGD_SOLVER_SGD);
}

/* Where the options change, so may the choice; a failure leaves all as it was. */
Test(best, chooses_again_after_a_reset)
{
    cusgd_data *data = make_data();
    cusgd_options o = options_default();
    cusgd_trainer *trainer = trainer_of(&o, data, NULL);
    cr_assert_str_eq(cusgd_trainer_solver_reason(trainer), "");
    o.solver = CUSGD_SOLVER_BEST;
    assert_works(cusgd_trainer_reset(trainer, &o));
    cr_assert_eq(cusgd_trainer_options(trainer)->solver, CUSGD_SOLVER_EXACT);
    o.loss = CUSGD_LOSS_QUANTILE;
    assert_works(cusgd_trainer_reset(trainer, &o));
    cr_assert_eq(cusgd_trainer_options(trainer)->solver, CUSGD_SOLVER_SGD);
    cr_assert(strstr(cusgd_trainer_solver_reason(trainer), "quantile"));
    o.lower = 2;
    o.upper = 1;
    cr_assert_eq(cusgd_trainer_reset(trainer, &o), CUSGD_ERROR_USAGE);
    cr_assert(strstr(cusgd_trainer_solver_reason(trainer), "quantile"));
    cusgd_trainer_free(trainer);
    cusgd_data_free(data);
}
