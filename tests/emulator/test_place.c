/* Data in the memory of a GPU: of any layout it trains the model that a copy on the host trains, to the bit; where it may stay in
 * place it does; what comes late is waited for; and what has no device that reads it refuses it. */
#include "data.h"
#include "emulated.h"
#include "training.h"

#include <criterion/criterion.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static emulated_module emulated;
static void setup(void) { cr_assert(emulated_find(&emulated), "CUSGD_MODULE_DIR names no folder with the emulated module"); }
TestSuite(place, .init = setup);

enum { N = 300, D = 12, ROOM = D + 4, VALUES = N * ROOM };
enum layout { WHOLE, GAPS, COLUMNS, LAYOUTS };

/* The same values on the host and on the device, as the layout has them. */
typedef struct twin {
    cusgd_type type;
    size_t size;
    char x[VALUES * sizeof(double)], y[N * sizeof(double)], w[N * sizeof(double)]; /* on the host */
    char *there[3];                                                                /* x, y, w on the device */
    int64_t row, column;                                                           /* strides of x */
    void *stream;
} twin;

static void put(const twin *t, char *to, int64_t at, double value)
{
    float single = (float)value;
    memcpy(to + (size_t)at * t->size, t->type == CUSGD_TYPE_FLOAT32 ? (const void *)&single : &value, t->size);
}

static twin *twin_make(cusgd_type type, enum layout layout, void *stream)
{
    uint64_t seed = 3;
    twin *t = calloc(1, sizeof *t);
    *t = (twin){.type = type, .size = type == CUSGD_TYPE_FLOAT32 ? 4 : 8, .stream = stream};
    t->row = layout == WHOLE ? D : layout == GAPS ? ROOM : 1;
    t->column = layout == COLUMNS ? N : 1;
    for (int64_t i = 0; i < N; i++) {
        double sum = 0;
        for (int64_t j = 0; j < D; j++) {
            double x = random_normal(&seed) * (1 + (double)j);
            put(t, t->x, i * t->row + j * t->column, x);
            sum += j % 3 ? x : -x;
        }
        put(t, t->y, i, sum + random_normal(&seed));
        put(t, t->w, i, i % 7 ? 0.5 + random_uniform(&seed) : 0);
    }
    const char *from[] = {t->x, t->y, t->w};
    for (int i = 0; i < 3; i++) {
        size_t bytes = (i ? N : VALUES) * t->size;
        t->there[i] = emulated.user_memory(bytes);
        cr_assert(t->there[i] && emulated.user_copy(t->there[i], from[i], bytes, stream) == 0);
    }
    return t;
}

static void twin_free(twin *t)
{
    for (int i = 0; i < 3; i++) emulated.user_free(t->there[i]);
    free(t);
}

static cusgd_data *on_host(const twin *t)
{
    cusgd_data *data;
    cusgd_matrix x = {t->x, t->type, t->row, t->column}, y = {t->y, t->type, 1, 1}, w = {t->w, t->type, 1, 1};
    cr_assert_eq(cusgd_data_wrap(N, D, 1, x, y, w, &data), CUSGD_OK);
    return data;
}

static cusgd_status wrap(const twin *t, cusgd_data **data)
{
    cusgd_device_arrays a = CUSGD_INIT(cusgd_device_arrays);
    a.x = (cusgd_matrix){t->there[0], t->type, t->row, t->column};
    a.y = (cusgd_matrix){t->there[1], t->type, 1, 1};
    a.w = (cusgd_matrix){t->there[2], t->type, 1, 1};
    a.stream = t->stream;
    return cusgd_data_wrap_device(N, D, 1, &a, data);
}

static cusgd_data *on_device(const twin *t)
{
    cusgd_data *data;
    cusgd_status status = wrap(t, &data);
    cr_assert_eq(status, CUSGD_OK, "%s", cusgd_last_error());
    return data;
}

/* The models of both, and predictions of the trainers; `of` is not freed. */
static void check_same(const cusgd_options *o, const twin *of, const char *what)
{
    double here[D + 1], there[D + 1], predicted[2][N];
    cusgd_data *host = on_host(of), *device = on_device(of);
    for (int i = 0; i < 2; i++) {
        cusgd_trainer *t = trainer_of(o, i ? device : host, NULL);
        fit(t);
        parameters_of(t, D, 1, i ? there : here);
        cr_assert_eq(cusgd_trainer_predict(t, i ? device : host, CUSGD_PREDICT_MEAN, predicted[i]), CUSGD_OK, "%s",
                     cusgd_last_error());
        cusgd_trainer_free(t);
    }
    cr_assert(memcmp(here, there, sizeof here) == 0, "%s: %g apart", what, distance(here, there, D + 1));
    cr_assert(memcmp(predicted[0], predicted[1], sizeof predicted[0]) == 0, "%s: predictions", what);
    cusgd_data_free(host);
    cusgd_data_free(device);
}

/* Weights of 0 and held-out rows make a list of rows; shards are pieces of it. */
Test(place, emul_rows_of_any_layout)
{
    for (int type = 0; type < 2; type++)
        for (int layout = 0; layout < LAYOUTS; layout++) {
            char what[80];
            twin *t = twin_make((cusgd_type)type, (enum layout)layout, NULL);
            cusgd_options o = options_plain(CUSGD_OPTIMIZER_NESTEROV, 0.001, 32, 2);
            o.precision = (cusgd_precision)((type + layout) % 2);
            o.standardize = layout != COLUMNS;
            o.valid_fraction = layout == GAPS ? 0.2 : 0;
            o.shards = layout == WHOLE ? 2 : 1;
            snprintf(what, sizeof what, "type %d, layout %d", type, layout);
            check_same(&o, t, what);
            twin_free(t);
        }
    cr_assert_eq(emulated.live_bytes(), 0);
}

/* Without weights that leave rows out, x itself is bound: the trainer takes no memory for it. */
Test(place, emul_rows_in_place)
{
    size_t taken[2];
    twin *t = twin_make(CUSGD_TYPE_FLOAT32, WHOLE, NULL);
    for (int64_t i = 0; i < N; i++) put(t, t->w, i, 1);
    cr_assert_eq(emulated.user_copy(t->there[2], t->w, N * t->size, NULL), 0);
    cusgd_options o = options_plain(CUSGD_OPTIMIZER_ADAM, 0.01, 50, 2);
    o.precision = CUSGD_PRECISION_FLOAT;
    o.standardize = 0;
    for (int i = 0; i < 2; i++) {
        cusgd_data *data = i ? on_device(t) : on_host(t);
        size_t before = emulated.live_bytes();
        cusgd_trainer *trainer = trainer_of(&o, data, NULL);
        taken[i] = emulated.live_bytes() - before;
        cusgd_trainer_free(trainer);
        cusgd_data_free(data);
    }
    cr_assert_eq(taken[0] - taken[1], N * D * sizeof(float), "%zu bytes, and %zu", taken[0], taken[1]);
    check_same(&o, t, "in place");
    twin_free(t);
}

/* Copies that a stream of the caller's has not made yet. */
Test(place, emul_rows_that_come_late)
{
    void *stream = emulated.user_stream();
    twin *t = twin_make(CUSGD_TYPE_FLOAT32, GAPS, stream);
    cusgd_options o = options_plain(CUSGD_OPTIMIZER_NESTEROV, 0.001, 32, 1);
    check_same(&o, t, "late");
    twin_free(t);
    emulated.user_stream_free(stream);
}

static void check_refused(cusgd_status status, cusgd_status expected, const char *words)
{
    cr_assert_eq(status, expected, "status %d: %s", (int)status, cusgd_last_error());
    cr_assert(strstr(cusgd_last_error(), words), "'%s' has no '%s'", cusgd_last_error(), words);
}

/* Solvers that need no single row, and exact, which needs all where columns depend on each other or there are more of them than
 * rows that count. */
Test(place, emul_full_batch_solvers)
{
    static const cusgd_solver solvers[] = {CUSGD_SOLVER_EXACT, CUSGD_SOLVER_NEWTON, CUSGD_SOLVER_LBFGS, CUSGD_SOLVER_CG,
                                           CUSGD_SOLVER_GD};
    for (size_t i = 0; i < sizeof solvers / sizeof solvers[0]; i++) {
        char what[80];
        twin *t = twin_make(CUSGD_TYPE_FLOAT64, (enum layout)(i % LAYOUTS), NULL);
        cusgd_options o = options_default();
        o.solver = solvers[i];
        o.valid_fraction = i % 2 ? 0.2 : 0;
        snprintf(what, sizeof what, "solver %d", (int)solvers[i]);
        check_same(&o, t, what);
        twin_free(t);
    }
    cr_assert_eq(emulated.live_bytes(), 0);
}

static void twin_copy(twin *t)
{
    cr_assert_eq(emulated.user_copy(t->there[0], t->x, VALUES * t->size, NULL), 0);
    cr_assert_eq(emulated.user_copy(t->there[1], t->y, N * t->size, NULL), 0);
    cr_assert_eq(emulated.user_copy(t->there[2], t->w, N * t->size, NULL), 0);
}

Test(place, emul_exact_by_rows)
{
    for (int wide = 0; wide < 2; wide++)
        for (int layout = 0; layout < LAYOUTS; layout++) {
            twin *t = twin_make(CUSGD_TYPE_FLOAT64, (enum layout)layout, NULL);
            cusgd_options o = options_default();
            o.solver = CUSGD_SOLVER_EXACT;
            for (int64_t i = 0; i < N && wide; i++) put(t, t->w, i, i % 40 == 3); /* 8 rows that count, of 12 columns */
            for (int64_t i = 0; i < N && !wide; i++) {
                double first;
                memcpy(&first, t->x + (size_t)(i * t->row) * t->size, sizeof first);
                put(t, t->x, i * t->row + t->column, 2 * first + 1);
            }
            twin_copy(t);
            check_same(&o, t, wide ? "wide" : "columns that depend on each other");
            twin_free(t);
        }
}

static void put_errors(cusgd_trainer *trainer, double *errors)
{
    cusgd_model *model;
    cr_assert_eq(cusgd_trainer_create_model(trainer, &model), CUSGD_OK, "%s", cusgd_last_error());
    const double *found = cusgd_model_standard_errors(model, NULL);
    cr_assert(found, "there are no standard errors");
    memcpy(errors, found, (D + 1) * sizeof *found);
    cusgd_model_free(model);
}

/* Medians and quartiles, of columns that are fetched one by one. */
Test(place, emul_robust)
{
    for (int i = 0; i < 2 * LAYOUTS; i++) {
        twin *t = twin_make(i % 2 ? CUSGD_TYPE_FLOAT64 : CUSGD_TYPE_FLOAT32, (enum layout)(i / 2), NULL);
        cusgd_options o = options_plain(CUSGD_OPTIMIZER_NESTEROV, 0.001, 32, 2);
        o.standardize = o.robust = 1;
        check_same(&o, t, "robust");
        twin_free(t);
    }
}

/* Columns that cannot be fetched are no columns of zeros. */
Test(place, emul_columns_that_cannot_be_fetched)
{
    int failures = 0;
    double expected[2][D], found[2][D];
    twin *t = twin_make(CUSGD_TYPE_FLOAT64, GAPS, NULL);
    cusgd_options o = options_default();
    o.robust = 1;
    cusgd_data *data = on_device(t);
    for (unsigned long n = 0;; n += n ? 7 : 1) { /* 0: none fails; else each seventh call, as each takes a whole trainer */
        cusgd_trainer *trainer = NULL;
        emulated.fail_call(n);
        cusgd_status status = cusgd_trainer_create(&o, data, NULL, &trainer);
        const char *call = emulated.failed_call();
        emulated.fail_call(0);
        double(*at)[D] = n ? found : expected;
        if (status == CUSGD_OK) cr_assert_eq(cusgd_trainer_get_standardization(trainer, at[0], at[1]), CUSGD_OK);
        cr_assert(n || status == CUSGD_OK, "%s", cusgd_last_error());
        cr_assert(!n || status != CUSGD_OK || memcmp(found, expected, sizeof found) == 0, "call %lu, %s, changes the scales", n,
                  call);
        failures += status != CUSGD_OK;
        cusgd_trainer_free(trainer);
        if (n && !call) break;
    }
    cr_assert_gt(failures, D / 2, "%d calls failed", failures);
    cusgd_data_free(data);
    twin_free(t);
}

/* Standard errors, and whether classes are separated. */
Test(place, emul_standard_errors)
{
    for (int separated = 0; separated < 2; separated++) {
        double errors[2][D + 1];
        twin *t = twin_make(CUSGD_TYPE_FLOAT64, COLUMNS, NULL);
        for (int64_t i = 0; i < N; i++) {
            double x;
            memcpy(&x, t->x + (size_t)(i * t->row) * t->size, sizeof x);
            put(t, t->y, i, x > 0 || (!separated && i % 5 == 0));
        }
        twin_copy(t);
        cusgd_options o = options_default();
        o.solver = CUSGD_SOLVER_NEWTON;
        o.loss = CUSGD_LOSS_LOGISTIC;
        for (int i = 0; i < 2; i++) {
            cusgd_result result = CUSGD_INIT(cusgd_result);
            cusgd_data *data = i ? on_device(t) : on_host(t);
            cusgd_trainer *trainer = trainer_of(&o, data, NULL);
            cusgd_status status = cusgd_trainer_fit(trainer, NULL, NULL, &result);
            cr_assert(separated || status == CUSGD_OK, "%s", cusgd_last_error());
            if (separated) cr_assert(strstr(result.note, "separate"), "'%s' (%s)", result.note, cusgd_last_error());
            if (!separated) put_errors(trainer, errors[i]);
            cusgd_trainer_free(trainer);
            cusgd_data_free(data);
        }
        cr_assert(separated || memcmp(errors[0], errors[1], sizeof errors[0]) == 0);
        twin_free(t);
    }
}

/* A checkpoint of the one goes on with the other: the hash of the rows is that of their values. */
Test(place, emul_checkpoint)
{
    double parameters[2][D + 1];
    size_t bytes = 0;
    twin *t = twin_make(CUSGD_TYPE_FLOAT32, GAPS, NULL);
    cusgd_options o = options_plain(CUSGD_OPTIMIZER_ADAM, 0.01, 32, 2);
    cusgd_data *host = on_host(t), *device = on_device(t);
    cusgd_trainer *from = trainer_of(&o, device, NULL), *to = trainer_of(&o, host, NULL);
    fit(from);
    cr_assert_eq(cusgd_trainer_save_state_memory(from, NULL, 0, &bytes), CUSGD_OK, "%s", cusgd_last_error());
    char *state = malloc(bytes);
    cr_assert_eq(cusgd_trainer_save_state_memory(from, state, bytes, &bytes), CUSGD_OK, "%s", cusgd_last_error());
    cr_assert_eq(cusgd_trainer_load_state_memory(to, state, bytes, NULL), CUSGD_OK, "%s", cusgd_last_error());
    parameters_of(from, D, 1, parameters[0]);
    parameters_of(to, D, 1, parameters[1]);
    cr_assert(memcmp(parameters[0], parameters[1], sizeof parameters[0]) == 0);
    put(t, t->x, t->row + 5, 1e6); /* of row 1, whose weight is not 0 */
    twin_copy(t);
    cusgd_data *other = on_device(t);
    cusgd_trainer *third = trainer_of(&o, other, NULL);
    check_refused(cusgd_trainer_load_state_memory(third, state, bytes, NULL), CUSGD_ERROR_DATA,
                  "the values of the training columns");
    free(state);
    cusgd_trainer_free(from);
    cusgd_trainer_free(to);
    cusgd_trainer_free(third);
    cusgd_data_free(host);
    cusgd_data_free(device);
    cusgd_data_free(other);
    twin_free(t);
}

static void check_options_refused(const cusgd_data *data, const char *name, const char *value, const char *words)
{
    cusgd_options *o;
    cusgd_trainer *t;
    cr_assert_eq(cusgd_options_new(&o), CUSGD_OK);
    cr_assert_eq(cusgd_options_set(o, "device", "cuda"), CUSGD_OK);
    cr_assert_eq(cusgd_options_set(o, name, value), CUSGD_OK, "%s", cusgd_last_error());
    check_refused(cusgd_trainer_create(o, data, NULL, &t), CUSGD_ERROR_USAGE, words);
    cusgd_options_free(o);
}

Test(place, emul_what_is_refused)
{
    twin *t = twin_make(CUSGD_TYPE_FLOAT64, WHOLE, NULL);
    cusgd_data *data = on_device(t), *host = on_host(t), *other;
    cusgd_check_report report = CUSGD_INIT(cusgd_check_report);
    cusgd_metrics metrics = CUSGD_INIT(cusgd_metrics);
    const int64_t rows[] = {1};
    check_options_refused(data, "device", "cpu", "the CPU does not read them");
    check_options_refused(data, "whiten", "pca", "option whiten");
    cusgd_options o = options_default();
    check_refused(cusgd_check(&o, data, 3, &report), CUSGD_ERROR_USAGE, "a check");
    check_refused(cusgd_data_select(data, rows, 1, &other), CUSGD_ERROR_USAGE, "a selection of rows");
    check_refused(cusgd_data_set_sparse(data, 1), CUSGD_ERROR_USAGE, "the change of storage");
    check_refused(cusgd_data_split_targets(data, 0), CUSGD_ERROR_USAGE, "a split of its targets");
    check_refused(cusgd_data_save(data, "folder", NULL), CUSGD_ERROR_USAGE, "writing a folder");
    check_options_refused(data, "memory", "1K", "--memory");
    cusgd_path_plan path_plan = CUSGD_INIT(cusgd_path_plan);
    cusgd_path *path;
    check_refused(cusgd_path_create(&o, data, &path_plan, &path), CUSGD_ERROR_USAGE, "a regularization path");
    cusgd_configuration one = {(double)NAN, (double)NAN, (double)NAN, (double)NAN, (double)NAN, (double)NAN};
    cusgd_sweep_plan sweep_plan = CUSGD_INIT(cusgd_sweep_plan);
    cusgd_sweep *sweep;
    sweep_plan.configurations = &one;
    sweep_plan.count = 1;
    sweep_plan.folds = 3;
    check_refused(cusgd_sweep_create(&o, data, NULL, &sweep_plan, &sweep), CUSGD_ERROR_USAGE, "a sweep");
    cusgd_trainer *trainer = trainer_of(&o, host, NULL);
    cusgd_model *model;
    cr_assert_eq(cusgd_trainer_create_model(trainer, &model), CUSGD_OK);
    check_refused(cusgd_model_evaluate(model, data, 0, &metrics), CUSGD_ERROR_USAGE, "the CPU");
    double prediction[N];
    check_refused(cusgd_model_predict(model, data, CUSGD_PREDICT_MEAN, prediction), CUSGD_ERROR_USAGE, "the CPU");
    cusgd_model_free(model);
    cusgd_trainer_free(trainer);
    cusgd_data_free(host);
    cusgd_data_free(data);

    char *there = t->there[0];
    t->there[0] = t->x;
    check_refused(wrap(t, &data), CUSGD_ERROR_USAGE, "x does not lie in the memory of a GPU");
    t->there[0] = there;
    put(t, t->x, 5 * D + 2, (double)NAN); /* of a row whose weight is not 0 */
    cr_assert_eq(emulated.user_copy(there, t->x, VALUES * t->size, NULL), 0);
    check_refused(wrap(t, &data), CUSGD_ERROR_DATA, "column 3 has values that are not finite");
    put(t, t->x, 5 * D + 2, 1);
    put(t, t->x, 7 * D + 2, (double)NAN); /* and of one whose weight is */
    cr_assert_eq(emulated.user_copy(there, t->x, VALUES * t->size, NULL), 0);
    cr_assert_eq(wrap(t, &data), CUSGD_OK, "%s", cusgd_last_error());
    cusgd_data_free(data);
    twin_free(t);
    cr_assert_eq(emulated.live_bytes(), 0);
}

/* Each call of wrapping and binding fails once: it is reported, and nothing is left behind. */
Test(place, emul_any_call_may_fail)
{
    twin *t = twin_make(CUSGD_TYPE_FLOAT32, GAPS, NULL);
    cusgd_options o = options_plain(CUSGD_OPTIMIZER_SGD, 0.001, 32, 1);
    size_t bytes = emulated.live_bytes(), objects = emulated.live_objects();
    int calls = 0;
    for (unsigned long n = 1;; n += 2) {
        cusgd_data *data = NULL;
        cusgd_trainer *trainer = NULL;
        emulated.fail_call(n);
        cusgd_status status = wrap(t, &data);
        if (!status) status = cusgd_trainer_create(&o, data, NULL, &trainer);
        const char *call = emulated.failed_call();
        cr_assert(!call || status != CUSGD_OK || emulated_is_cleanup(call) || strstr(call, "Graph") ||
                      strcmp(call, "cudaStreamSynchronize") == 0,
                  "call %lu, %s, fails and is not reported", n, call);
        emulated.fail_call(0);
        cusgd_trainer_free(trainer);
        cusgd_data_free(data);
        cr_assert(emulated.live_bytes() == bytes && emulated.live_objects() == objects, "call %lu leaves something behind", n);
        calls++;
        if (!call) break;
    }
    cr_assert_gt(calls, 40);
    twin_free(t);
}

/* Rows that cannot be fetched are no rows of zeros: the fit fails, or ends where it does otherwise. */
Test(place, emul_rows_that_cannot_be_fetched)
{
    double expected[D + 1], found[D + 1];
    int fetches = 0;
    twin *t = twin_make(CUSGD_TYPE_FLOAT64, GAPS, NULL);
    for (int64_t i = 0; i < N; i++) put(t, t->w, i, i % 40 == 3); /* 8 rows that count, of 12 columns: by rows */
    twin_copy(t);
    cusgd_options o = options_default();
    o.solver = CUSGD_SOLVER_EXACT;
    cusgd_data *data = on_device(t);
    for (unsigned long n = 0;; n++) { /* 0: none fails */
        cusgd_trainer *trainer = trainer_of(&o, data, NULL);
        emulated.fail_call(n);
        cusgd_status status = cusgd_trainer_fit(trainer, NULL, NULL, NULL);
        const char *call = emulated.failed_call();
        emulated.fail_call(0);
        if (status == CUSGD_OK) parameters_of(trainer, D, 1, n ? found : expected);
        cr_assert(n || status == CUSGD_OK, "%s", cusgd_last_error());
        cr_assert(!n || status != CUSGD_OK || memcmp(found, expected, sizeof found) == 0, "call %lu, %s, changes the solution", n,
                  call);
        fetches += status != CUSGD_OK;
        cusgd_trainer_free(trainer);
        if (n && !call) break;
    }
    cr_assert_gt(fetches, 8, "%d fits failed", fetches);
    cusgd_data_free(data);
    twin_free(t);
}
