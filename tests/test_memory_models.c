/* Out of memory, as in test_memory.c: fits of sparse rows, and many models at once. */
#include "refusing.h"
#include "training.h"

#include <math.h>
#include <string.h>

enum { ROWS = 48, COLS = 4, STORED = 2 * ROWS, FOLDS = 2, MOST = 4, VALUES = MOST * (COLS + 1) };

static double dense[ROWS * COLS], stored[STORED], targets[ROWS], classes[ROWS];
static int64_t starts[ROWS + 1];
static int32_t columns[STORED];

/* Two values in each row. */
static void fill(void)
{
    for (int i = 0; i < ROWS; i++) {
        int first = i % 3, second = first + 1;
        double a = i * 7 % 19 - 9, b = i * 11 % 17 - 8.5;
        dense[i * COLS + first] = stored[2 * i] = a;
        dense[i * COLS + second] = stored[2 * i + 1] = b;
        columns[2 * i] = first;
        columns[2 * i + 1] = second;
        starts[i + 1] = 2 * i + 2;
        targets[i] = a - 2 * b + i % 5;
        classes[i] = a + b + 9 * (i % 4) > 8;
    }
}

static cusgd_status wrap(int is_sparse, const double *y, cusgd_data **out)
{
    cusgd_csr s = {starts, columns, stored, CUSGD_TYPE_FLOAT64, 0};
    cusgd_matrix x = {dense, CUSGD_TYPE_FLOAT64, COLS, 1}, t = {y, CUSGD_TYPE_FLOAT64, 1, 1}, none = {0};
    return is_sparse ? cusgd_data_wrap_csr(ROWS, COLS, 1, s, t, none, out) : cusgd_data_wrap(ROWS, COLS, 1, x, t, none, out);
}

static cusgd_options options_of(cusgd_loss loss)
{
    cusgd_options o = options_default();
    o.loss = loss;
    o.threads = 1;
    o.epochs = 3;
    o.batch = 12;
    return o;
}

/* What a piece of work made of its first run, in which no allocation was refused. */
static double first_run[VALUES];
static int has_run;

/* Some memory only saves time. Where it is refused the work succeeds, and what it makes has the same bits. */
static void compare_with_first(const double *values, size_t count)
{
    if (!has_run) memcpy(first_run, values, sizeof *values * count);
    has_run = 1;
    cr_assert_arr_eq(values, first_run, sizeof *values * count, "allocation refused: another result");
    lacks_note = allocations_refused > 0;
}

/* ---- Fits of sparse rows ---- */

static cusgd_options sparse_options;

static cusgd_status fit_sparse(void)
{
    double theta[COLS + 1];
    cusgd_data *data = NULL;
    cusgd_trainer *t = NULL;
    cusgd_status status = wrap(1, classes, &data);
    if (!status) status = cusgd_trainer_create(&sparse_options, data, NULL, &t);
    if (!status) status = cusgd_trainer_fit(t, NULL, NULL, NULL);
    if (!status) status = cusgd_trainer_get_coefficients(t, theta, theta + COLS);
    if (!status) compare_with_first(theta, COLS + 1);
    cusgd_trainer_free(t);
    cusgd_data_free(data);
    return status;
}

TestSuite(memory_models, .init = refusing_setup, .fini = folder_teardown);

Test(memory_models, sparse_rows)
{
    static const cusgd_solver solvers[] = {CUSGD_SOLVER_SGD, CUSGD_SOLVER_LBFGS, CUSGD_SOLVER_COORDINATE};
    fill();
    for (int i = 0; i < 3; i++) {
        sparse_options = options_of(CUSGD_LOSS_LOGISTIC);
        sparse_options.solver = solvers[i];
        sparse_options.l1 = .02;
        if (solvers[i] != CUSGD_SOLVER_SGD) sparse_options.epochs = 100;
        has_run = 0;
        refuse_each(solvers[i] == CUSGD_SOLVER_SGD ? "sgd" : "a full-batch solver", fit_sparse);
    }
}

/* ---- Sweeps ---- */

static cusgd_options sweep_options;

static cusgd_status sweep(void)
{
    const double own = (double)NAN; /* that of the options */
    const cusgd_configuration list[MOST] = {
        {0, 1e-3, own, own, own, own}, {0, 1e-2, own, own, own, own}, {0, .1, own, own, own, own}, {.1, 0, own, own, own, own}};
    cusgd_sweep_plan plan = CUSGD_INIT(cusgd_sweep_plan);
    cusgd_data *data = NULL;
    cusgd_sweep *s = NULL;
    cusgd_model *m = NULL;
    plan.configurations = list;
    plan.count = MOST;
    plan.folds = FOLDS;
    cusgd_status status = wrap(0, sweep_options.loss == CUSGD_LOSS_LOGISTIC ? classes : targets, &data);
    if (!status) status = cusgd_sweep_create(&sweep_options, data, NULL, &plan, &s);
    if (!status) status = cusgd_sweep_create_model(s, &m);
    if (!status) compare_with_first(cusgd_model_weight(m), COLS);
    cusgd_model_free(m);
    cusgd_sweep_free(s);
    cusgd_data_free(data);
    return status;
}

/* By rows, and by products of columns, which are kept of batches whose rows repeat. */
Test(memory_models, sweeps)
{
    fill();
    for (int i = 0; i < 2; i++) {
        sweep_options = options_of(i ? CUSGD_LOSS_SQUARED : CUSGD_LOSS_LOGISTIC);
        sweep_options.optimizer = CUSGD_OPTIMIZER_NESTEROV;
        sweep_options.rate = .01;
        sweep_options.sampling = CUSGD_SAMPLING_BATCHES;
        has_run = 0;
        refuse_each(i ? "a sweep by products" : "a sweep by rows", sweep);
    }
}

/* ---- Paths ---- */

static cusgd_options path_options;
static int path_is_sparse;

static cusgd_status path(void)
{
    double theta[VALUES];
    cusgd_path_plan plan = CUSGD_INIT(cusgd_path_plan);
    cusgd_data *data = NULL;
    cusgd_path *p = NULL;
    cusgd_model *m = NULL;
    plan.l1_ratio = 1;
    plan.count = MOST;
    plan.ratio = .1;
    plan.folds = FOLDS;
    cusgd_status status = wrap(path_is_sparse, path_options.loss == CUSGD_LOSS_LOGISTIC ? classes : targets, &data);
    if (!status) status = cusgd_path_create(&path_options, data, &plan, &p);
    if (!status) status = cusgd_path_create_model(p, cusgd_path_chosen(p), &m);
    for (size_t i = 0; i < MOST && !status; i++)
        memcpy(theta + i * (COLS + 1), cusgd_path_coefficients(p, i), (COLS + 1) * sizeof *theta);
    if (!status) compare_with_first(theta, VALUES);
    cusgd_model_free(m);
    cusgd_path_free(p);
    cusgd_data_free(data);
    return status;
}

Test(memory_models, paths)
{
    fill();
    for (int i = 0; i < 4; i++) {
        path_options = options_of(i & 1 ? CUSGD_LOSS_LOGISTIC : CUSGD_LOSS_SQUARED);
        path_is_sparse = i & 2;
        has_run = 0;
        refuse_each(path_is_sparse ? "a path of sparse rows" : "a path", path);
    }
}
