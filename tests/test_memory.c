/* Out of memory, everywhere: each test repeats a piece of work with its first allocation refused, then its second, and so on
 * until none is left to refuse. Every time the work must fail with CUSGD_ERROR_MEMORY and a message, and give back all that it
 * took; at last it must succeed. */
#include "cusgd_expression.h"
#include "options.h"
#include "problem/problem.h"
#include "refusing.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- Pieces of work. Each frees what it has, and returns the first status that is not OK. ---- */

enum { ROWS = 60, COLS = 3 };
static float features[ROWS * COLS];
static double targets[2 * ROWS], weights[ROWS];

static void fill(void)
{
    for (int i = 0; i < ROWS; i++) {
        for (int j = 0; j < COLS; j++) features[i * COLS + j] = (float)((i * (7 + 4 * j)) % 19) - 9;
        targets[2 * i] = (double)features[i * COLS] - 2 * (double)features[i * COLS + 1] + i % 3;
        targets[2 * i + 1] = 3 - (double)features[i * COLS + 2];
        weights[i] = 1 + i % 2;
    }
}

static cusgd_status wrap(cusgd_data **out)
{
    cusgd_matrix x = {features, CUSGD_TYPE_FLOAT32, COLS, 1}, y = {targets, CUSGD_TYPE_FLOAT64, 2, 1};
    cusgd_matrix w = {weights, CUSGD_TYPE_FLOAT64, 1, 1};
    return cusgd_data_wrap(ROWS, COLS, 2, x, y, w, out);
}

static cusgd_status train_and_save(const cusgd_options *options, const cusgd_data *data)
{
    cusgd_trainer *t = NULL;
    cusgd_model *m = NULL;
    double out[2 * ROWS];
    cusgd_metrics metrics = CUSGD_INIT(cusgd_metrics);
    cusgd_status status = cusgd_trainer_create(options, data, NULL, &t);
    if (status == CUSGD_OK) status = cusgd_trainer_fit(t, NULL, NULL, NULL);
    if (status == CUSGD_OK) status = cusgd_trainer_step(t, 2);
    if (status == CUSGD_OK) status = cusgd_trainer_predict(t, data, CUSGD_PREDICT_MEAN, out);
    if (status == CUSGD_OK) status = cusgd_trainer_evaluate(t, data, -1, &metrics);
    if (status == CUSGD_OK && options->valid_fraction > 0) status = cusgd_trainer_evaluate_valid(t, -1, &metrics);
    if (status == CUSGD_OK) status = cusgd_trainer_create_model(t, &m);
    if (status == CUSGD_OK) status = cusgd_model_save(m, path_of("model.safetensors"));
    cusgd_model_free(m);
    cusgd_trainer_free(t);
    return status;
}

static cusgd_status train_default(void)
{
    cusgd_options o;
    cusgd_data *data = NULL;
    options_init(&o);
    o.epochs = 2;
    o.threads = 1;
    cusgd_status status = wrap(&data);
    if (status == CUSGD_OK) status = train_and_save(&o, data);
    cusgd_data_free(data);
    return status;
}

/* Held-out rows, l1, an average, copied and standardized data in double, stopping rules. */
static cusgd_status train_elaborate(void)
{
    cusgd_options o;
    cusgd_data *data = NULL;
    options_init(&o);
    o.optimizer = CUSGD_OPTIMIZER_ADAM;
    o.precision = CUSGD_PRECISION_DOUBLE;
    o.epochs = 3;
    o.threads = 1;
    o.batch = 7;
    o.l1 = 1e-3;
    o.average = 1;
    o.valid_fraction = 0.2;
    o.tolerance = 1e-9;
    o.gradient_tolerance = 1e-9;
    o.evaluate_every = 1;
    o.patience = 5;
    cusgd_status status = wrap(&data);
    if (status == CUSGD_OK) status = train_and_save(&o, data);
    cusgd_data_free(data);
    return status;
}

/* Data with names and classes, by the loss that takes them. */
static cusgd_status train_named(void)
{
    cusgd_options o;
    cusgd_data *data = NULL;
    options_init(&o);
    o.loss = CUSGD_LOSS_LOGISTIC;
    o.epochs = 2;
    o.threads = 1;
    cusgd_status status = cusgd_data_open(path_of("classes.csv"), NULL, &data);
    if (status == CUSGD_OK) status = train_and_save(&o, data);
    cusgd_data_free(data);
    return status;
}

/* More columns than rows by the ways of exact, and classes that only two columns together separate, by newton. */
static cusgd_status solve_wide(void)
{
    enum { FEW = 6 };
    static double x[2 * FEW * FEW], y[FEW] = {1, 3, 2, 5, 4, 0};
    for (int i = 0; i < 2 * FEW * FEW; i++) x[i] = (i * i + 3 * i) % 13;
    cusgd_options o;
    cusgd_data *data = NULL;
    cusgd_trainer *t = NULL;
    options_init(&o);
    o.solver = CUSGD_SOLVER_EXACT;
    o.threads = 1;
    cusgd_matrix mx = {x, CUSGD_TYPE_FLOAT64, 2 * FEW, 1}, my = {y, CUSGD_TYPE_FLOAT64, 1, 1}, none = {0};
    cusgd_status status = cusgd_data_wrap(FEW, 2 * FEW, 1, mx, my, none, &data);
    for (int l2 = 0; l2 < 2 && status == CUSGD_OK; l2++) {
        o.l2 = l2;
        t = NULL;
        status = cusgd_trainer_create(&o, data, NULL, &t);
        if (status == CUSGD_OK) status = cusgd_trainer_fit(t, NULL, NULL, NULL);
        cusgd_trainer_free(t);
    }
    cusgd_data_free(data);
    return status;
}

static cusgd_status solve_separated(void)
{
    static double x[2 * ROWS], y[ROWS];
    for (int i = 0; i < ROWS; i++) {
        x[2 * i] = i * 7 % 19 - 9;
        x[2 * i + 1] = i * 11 % 17 - 8;
        y[i] = x[2 * i] + x[2 * i + 1] > 0.5;
    }
    cusgd_options o;
    cusgd_data *data = NULL;
    cusgd_trainer *t = NULL;
    cusgd_model *m = NULL;
    cusgd_result r = CUSGD_INIT(cusgd_result);
    options_init(&o);
    o.solver = CUSGD_SOLVER_NEWTON;
    o.loss = CUSGD_LOSS_LOGISTIC;
    o.threads = 1;
    cusgd_matrix mx = {x, CUSGD_TYPE_FLOAT64, 2, 1}, my = {y, CUSGD_TYPE_FLOAT64, 1, 1}, none = {0};
    cusgd_status status = cusgd_data_wrap(ROWS, 2, 1, mx, my, none, &data);
    if (status == CUSGD_OK) status = cusgd_trainer_create(&o, data, NULL, &t);
    if (status == CUSGD_OK) status = cusgd_trainer_fit(t, NULL, NULL, &r);
    if (status == CUSGD_OK) lacks_note = !strstr(r.note, "no finite optimum"); /* the search for it may be without memory */
    if (status == CUSGD_OK) status = cusgd_trainer_create_model(t, &m);
    cusgd_model_free(m);
    cusgd_trainer_free(t);
    cusgd_data_free(data);
    return status;
}

/* Sparse rows with l1 by coordinate descent, by a loss of the table and by a formula. */
static cusgd_status solve_by_coordinates(void)
{
    enum { WIDE = 20, EACH = 3 };
    static double value[ROWS * EACH], y[ROWS];
    static int64_t start[ROWS + 1];
    static int32_t column[ROWS * EACH];
    for (int i = 0; i < ROWS; i++) {
        for (int s = 0; s < EACH; s++) {
            column[i * EACH + s] = (int32_t)(i % 6 + s * 7);
            value[i * EACH + s] = (i * (5 + 2 * s)) % 11 - 4.5;
        }
        start[i + 1] = (i + 1) * EACH;
        y[i] = value[i * EACH] + i % 3 > 1;
    }
    cusgd_options o;
    cusgd_data *data = NULL;
    options_init(&o);
    o.solver = CUSGD_SOLVER_COORDINATE;
    o.l1 = 0.01;
    o.threads = 1;
    cusgd_csr x = {start, column, value, CUSGD_TYPE_FLOAT64, 0};
    cusgd_matrix my = {y, CUSGD_TYPE_FLOAT64, 1, 1}, none = {0};
    cusgd_status status = cusgd_data_wrap_csr(ROWS, WIDE, 1, x, my, none, &data);
    for (int own = 0; own < 2 && status == CUSGD_OK; own++) {
        cusgd_trainer *t = NULL;
        cusgd_model *m = NULL;
        o.loss = own ? CUSGD_LOSS_EXPRESSION : CUSGD_LOSS_LOGISTIC;
        strcpy(o.loss_expression, own ? "log(1 + exp(p)) - y*p" : "");
        status = cusgd_trainer_create(&o, data, NULL, &t);
        if (status == CUSGD_OK) status = cusgd_trainer_fit(t, NULL, NULL, NULL);
        if (status == CUSGD_OK) status = cusgd_trainer_create_model(t, &m);
        cusgd_model_free(m);
        cusgd_trainer_free(t);
    }
    cusgd_data_free(data);
    return status;
}

static cusgd_status open_csv(void)
{
    static const char *const wanted[] = {"y1", "y2"}, *const ignored[] = {"note"};
    cusgd_reader reader;
    cusgd_data *data = NULL;
    reader = CUSGD_INIT(cusgd_reader);
    reader.roles.targets = wanted;
    reader.roles.target_count = 2;
    reader.roles.ignore = ignored;
    reader.roles.ignore_count = 1;
    reader.roles.weights = "w";
    cusgd_status status = cusgd_data_open(path_of("numbers.csv"), &reader, &data);
    cusgd_data_free(data);
    return status;
}

static cusgd_status open_classes(void)
{
    static const char *const names[] = {"no", "yes"};
    cusgd_reader reader;
    cusgd_data *data = NULL;
    reader = CUSGD_INIT(cusgd_reader);
    reader.classes = names;
    cusgd_status status = cusgd_data_open(path_of("classes.csv"), &reader, &data);
    cusgd_data_free(data);
    return status;
}

static int has_note(const cusgd_data *data, const char *part)
{
    const char *note;
    for (size_t i = 0; (note = cusgd_data_note(data, i)) != NULL; i++)
        if (strstr(note, part)) return 1;
    return 0;
}

/* Columns by number, notes, and a file read as another was. */
static cusgd_status open_by_number(void)
{
    cusgd_reader reader;
    cusgd_data *data = NULL, *again = NULL;
    reader = CUSGD_INIT(cusgd_reader);
    cusgd_status status = cusgd_data_open(path_of("index.csv"), NULL, &data);
    if (status == CUSGD_OK) lacks_note = !has_note(data, "a different whole number in every row");
    if (status == CUSGD_OK) cusgd_data_reader(data, &reader);
    if (status == CUSGD_OK) status = cusgd_data_open(path_of("index.csv"), &reader, &again);
    if (status == CUSGD_OK) reader.roles.feature_count = reader.roles.target_count = 0;
    cusgd_data_free(again);
    again = NULL;
    if (status == CUSGD_OK) status = cusgd_data_open(path_of("index.csv"), &reader, &again);
    cusgd_data_free(again);
    cusgd_data_free(data);
    return status;
}

/* A table that is refused for all that is wrong in it, which is the right end. */
static cusgd_status refuse_table(void)
{
    cusgd_data *data = NULL;
    cusgd_status status = cusgd_data_open(path_of("refused.csv"), NULL, &data);
    cusgd_data_free(data);
    return status == CUSGD_ERROR_DATA ? CUSGD_OK : status;
}

static cusgd_status describe_table(void)
{
    cusgd_table *table = NULL;
    cusgd_status status = cusgd_table_open(path_of("refused.csv"), NULL, &table);
    cusgd_table_free(table);
    return status;
}

static cusgd_status generate(void)
{
    cusgd_generator g = CUSGD_INIT(cusgd_generator);
    cusgd_generator_init(&g);
    g.rows = 50;
    g.cols = 4;
    g.condition = 10;
    cusgd_data *data = NULL;
    cusgd_status status = cusgd_data_generate(&g, &data);
    cusgd_data_free(data);
    return status ? status : cusgd_generate(&g, path_of("synthetic"), 1);
}

static cusgd_status read_bandwidth(void)
{
    double rate;
    return cusgd_read_bandwidth("cpu", 0, 10000, &rate);
}

static cusgd_status open_folder(void)
{
    cusgd_data *data = NULL;
    cusgd_status status = cusgd_data_open(path_of("synthetic"), NULL, &data);
    cusgd_data_free(data);
    return status;
}

/* Loading, and all that a loaded model does. */
static cusgd_status use_model(void)
{
    cusgd_model *m = NULL;
    cusgd_data *data = NULL;
    cusgd_reader reader;
    cusgd_metrics metrics = CUSGD_INIT(cusgd_metrics);
    double out[ROWS];
    reader = CUSGD_INIT(cusgd_reader);
    cusgd_status status = cusgd_model_load(path_of("named.safetensors"), &m);
    if (status == CUSGD_OK) cusgd_model_reader(m, &reader);
    if (status == CUSGD_OK) status = cusgd_data_open(path_of("classes.csv"), &reader, &data);
    if (status == CUSGD_OK) status = cusgd_model_predict(m, data, CUSGD_PREDICT_PROBABILITY, out);
    if (status == CUSGD_OK) status = cusgd_model_evaluate(m, data, -1, &metrics);
    if (status == CUSGD_OK) status = cusgd_predictions_save(m, CUSGD_PREDICT_PROBABILITY, ROWS, out, path_of("predictions.csv"));
    if (status == CUSGD_OK) status = cusgd_predictions_save(m, CUSGD_PREDICT_PROBABILITY, ROWS, out, path_of("predictions.npy"));
    if (status == CUSGD_OK) status = cusgd_model_save(m, path_of("again.safetensors"));
    cusgd_data_free(data);
    cusgd_model_free(m);
    return status;
}

/* ---- Tests ---- */

/* More rows than a reader makes room for at first, a quoted field, and two classes by name. */
static void write_csv(void)
{
    enum { WIDE = 64, LONG = 3000 };
    size_t room = (size_t)WIDE * LONG, used = 0;
    char *numbers = calloc(1, room), *classes = calloc(1, room);
    cr_assert(numbers && classes);
    used += (size_t)snprintf(numbers, room, "a,\"b, quoted\",note,w,y1,y2\n");
    for (int i = 0; i < LONG; i++)
        used +=
            (size_t)snprintf(numbers + used, room - used, "%d,%d.5,\"n \"\"%d\"\"\",1,%d,%d\n", i % 7, i % 5, i, i % 3, i % 11);
    file_text("numbers.csv", numbers);
    used = (size_t)snprintf(classes, room, "a,\"b\nc\",kind\n");
    for (int i = 0; i < ROWS; i++)
        used += (size_t)snprintf(classes + used, room - used, "%d,%d.25,%s\n", i % 7, i % 5, i % 3 ? "no" : "\"yes\"");
    file_text("classes.csv", classes);
    free(numbers);
    free(classes);
}

TestSuite(memory, .init = refusing_setup, .fini = folder_teardown);

/* Besides: the file that was there stays, whole, and nothing lies next to it. */
Test(memory, training)
{
    size_t size, size_now;
    fill();
    write_csv();
    assert_works(train_named());
    char *old = file_read(path_of("model.safetensors"), &size);
    refuse_each("training, logistic", train_named);
    char *now = file_read(path_of("model.safetensors"), &size_now);
    cr_assert(size == size_now && memcmp(old, now, size) == 0, "equal runs wrote different models");
    free(old);
    free(now);
    refuse_each("training, defaults", train_default);
    refuse_each("training, many options", train_elaborate);
    cr_assert_eq(folder_count(path_of("")), 3, "files were left behind");
}

Test(memory, solvers)
{
    refuse_each("solver exact, wide", solve_wide);
    refuse_each("solver newton, separated classes", solve_separated);
    refuse_each("solver coordinate, sparse rows", solve_by_coordinates);
}

/* Where allocations are refused from number n on, counted from the start of a fit. */
static cusgd_status fit_refused(cusgd_trainer *t, int n, cusgd_callback callback, cusgd_result *r)
{
    allocations_made = allocations_refused = 0;
    refuse_from = n;
    cusgd_status status = cusgd_trainer_fit(t, callback, NULL, r);
    refuse_from = NEVER;
    return status;
}

static cusgd_trainer *solver_trainer(cusgd_solver solver, cusgd_data **data)
{
    cusgd_options o;
    cusgd_trainer *t;
    options_init(&o);
    o.solver = solver;
    o.threads = 1;
    fill();
    assert_works(wrap(data));
    assert_works(cusgd_trainer_create(&o, *data, NULL, &t));
    return t;
}

static int made_at_note;
static int note_made(const cusgd_progress *p, void *user)
{
    (void)p, (void)user;
    made_at_note = allocations_made;
    return 0;
}

/* What is compared with the least objective has converged: without memory for the comparison, or to evaluate the result, it is
 * the result all the same. */
Test(memory, a_finished_fit_is_not_lost)
{
    enum { PARAMETERS = 2 * (COLS + 1) };
    double whole[PARAMETERS], now[PARAMETERS];
    int last = 0, late = 0, compared = 0;
    for (int n = -1;; n++) { /* -1: none is refused */
        cusgd_data *data;
        cusgd_result r = CUSGD_INIT(cusgd_result);
        cusgd_trainer *t = solver_trainer(CUSGD_SOLVER_CG, &data);
        refuse_to = n + 1;
        cusgd_status status = fit_refused(t, n < 0 ? NEVER : n, note_made, &r);
        refuse_to = NEVER;
        int was_refused = allocations_refused, is_late = allocations_refused && last <= n;
        cr_assert(status == CUSGD_OK || (was_refused && status == CUSGD_ERROR_MEMORY), "%d: %s", n, cusgd_last_error());
        assert_works(cusgd_trainer_get_coefficients(t, now, now + 2 * COLS));
        if (n < 0) memcpy(whole, now, sizeof whole);
        if (n < 0) last = made_at_note;
        if (is_late) cr_assert_arr_eq(now, whole, sizeof whole, "allocation %d", n);
        late += is_late;
        compared += is_late && status == CUSGD_OK && r.stop == CUSGD_STOP_GRADIENT;
        cusgd_trainer_free(t);
        cusgd_data_free(data);
        if (n >= 0 && !was_refused) break;
    }
    cr_expect_gt(late, 0, "nothing was allocated after the last iteration");
    cr_expect_gt(compared, 0, "nothing was allocated for the comparison");
}

/* A cancellation is of the fit that is at work or, without one, the next: also where that cannot start. */
Test(memory, a_fit_that_cannot_start_takes_its_cancellation_along)
{
    const cusgd_solver solvers[] = {CUSGD_SOLVER_SGD, CUSGD_SOLVER_LBFGS, CUSGD_SOLVER_EXACT};
    for (size_t i = 0; i < sizeof solvers / sizeof *solvers; i++) {
        cusgd_data *data;
        cusgd_result r = CUSGD_INIT(cusgd_result);
        cusgd_trainer *t = solver_trainer(solvers[i], &data);
        cusgd_trainer_cancel(t);
        cusgd_status status = fit_refused(t, 0, NULL, &r);
        cr_expect(status == CUSGD_ERROR_MEMORY || (solvers[i] == CUSGD_SOLVER_SGD && status == CUSGD_OK));
        assert_works(cusgd_trainer_fit(t, NULL, NULL, &r));
        cr_expect_neq(r.stop, CUSGD_STOP_CANCELLED, "solver %d", (int)i);
        cusgd_trainer_free(t);
        cusgd_data_free(data);
    }
}

/* Standard errors take sums over the rows, not a number of each. */
Test(memory, standard_errors_of_many_rows)
{
    enum { MANY = 1000000, OUTPUTS = 4 };
    double *x = __real_malloc((MANY + OUTPUTS + 1) * sizeof *x);
    cusgd_data *data;
    cusgd_trainer *t;
    cusgd_model *m;
    cusgd_options o;
    cr_assert_not_null(x);
    for (int i = 0; i <= MANY + OUTPUTS; i++) x[i] = i * 7 % 1013 - 500 + i % 3;
    cusgd_matrix inputs = {x, CUSGD_TYPE_FLOAT64, 1, 1}, outputs = {x + 1, CUSGD_TYPE_FLOAT64, 1, 1};
    assert_works(cusgd_data_wrap(MANY, 1, OUTPUTS, inputs, outputs, (cusgd_matrix){0}, &data));
    options_init(&o);
    o.solver = CUSGD_SOLVER_EXACT;
    assert_works(cusgd_trainer_create(&o, data, NULL, &t));
    assert_works(cusgd_trainer_fit(t, NULL, NULL, NULL));
    largest_allocation = 0;
    assert_works(cusgd_trainer_create_model(t, &m));
    cr_expect_not_null(cusgd_model_standard_errors(m, NULL));
    cr_expect_lt(largest_allocation, (size_t)MANY * sizeof *x, "%zu bytes at once", (size_t)largest_allocation);
    cusgd_model_free(m);
    cusgd_trainer_free(t);
    cusgd_data_free(data);
    __real_free(x);
}

/* Of few rows with very many columns no copy is made only to see that they are independent. */
Test(memory, separation_of_very_many_columns)
{
    enum { FEW = 90, MANY = 1200000 }; /* 90 x 1.2e6 is more than 1e8 */
    static double x[FEW], y[FEW];
    cusgd_options o;
    char note[512] = "";
    options_init(&o);
    for (int i = 0; i < FEW; i++) x[i] = i * 7 % 13, y[i] = i % 2;
    examples rows = {.n = FEW, .d = MANY, .k = 1, .x = {x, CUSGD_TYPE_FLOAT64, 1, 0}, .y = {y, CUSGD_TYPE_FLOAT64, 1, 1}};
    problem p = {.options = &o,
                 .loss = {.kind = CUSGD_LOSS_LOGISTIC},
                 .d = MANY,
                 .k = 1,
                 .intercept = 1,
                 .train = {.rows = rows},
                 .units = {.mean = calloc(MANY, sizeof(double)), .scale = calloc(MANY, sizeof(double))},
                 .separated = -1};
    double *theta = calloc(MANY + 1, sizeof(double));
    for (int j = 0; j < MANY; j++) p.units.scale[j] = 1;
    largest_allocation = 0;
    assert_works(problem_separation(&p, theta, 0, note, sizeof note));
    cr_expect_eq(p.separated, 0, "%s", note);
    cr_expect_lt(largest_allocation, (size_t)100000000 * sizeof(double), "%zu bytes at once", (size_t)largest_allocation);
    free(theta);
    free(p.units.mean);
    free(p.units.scale);
}

Test(memory, reading)
{
    write_csv();
    refuse_each("a csv", open_csv);
    refuse_each("a csv with classes", open_classes);
    file_text("index.csv", ",1,b,y\n5,1,7,2\n3,2,8,4\n9,3,7,7\n");
    file_text("refused.csv", "a,b,c,y\n1,x,,0\n2,NA,3,yes\n3,z\n");
    refuse_each("a csv by number", open_by_number);
    refuse_each("a csv that is refused", refuse_table);
    refuse_each("a csv described", describe_table);
    refuse_each("generate", generate);
    refuse_each("the read bandwidth", read_bandwidth);
    refuse_each("a folder", open_folder);
    cr_assert_eq(folder_count(path_of("")), 5, "files were left behind");
    cr_assert_eq(folder_count(path_of("synthetic")), 3, "files were left behind");
}

Test(memory, models)
{
    write_csv();
    assert_works(train_named());
    cr_assert_eq(rename(path_of("model.safetensors"), path_of("named.safetensors")), 0);
    refuse_each("a model", use_model);
    cr_assert_eq(folder_count(path_of("")), 6, "files were left behind");
}

/* ---- Formulas ---- */

static const char *const formula_solvers[] = {"gd", "adam",   "bfgs",         "dfp",        "lbfgs",
                                              "cg", "newton", "broyden-good", "broyden-bad"};

/* Each minimizer on one formula, each root finder on two. */
static cusgd_status search_formulas(void)
{
    cusgd_expression *one = NULL, *two = NULL;
    cusgd_search search = CUSGD_INIT(cusgd_search);
    cusgd_search_result result = CUSGD_INIT(cusgd_search_result);
    cusgd_status status = cusgd_expression_compile("sum(i, 1, 40, (x - i)^2)/40 + y^2 + x*y/10", NULL, &one);
    if (!status) status = cusgd_expression_compile("x^2 + y^2 - 4; x*y - 1", NULL, &two);
    for (size_t i = 0; i < sizeof formula_solvers / sizeof formula_solvers[0] && !status; i++) {
        double x[2] = {2, 0.5}, h[4], g[2];
        search.solver = formula_solvers[i];
        search.rate = 0.1;
        search.tolerance = 0.9; /* a few iterations */
        int is_root = strncmp(search.solver, "broyden", 7) == 0;
        status = cusgd_expression_gradient(one, CUSGD_REVERSE, 1, x, g);
        if (!status) status = cusgd_expression_hessian(one, 1, x, h);
        if (!status)
            status = is_root ? cusgd_expression_solve(two, &search, x, NULL, NULL, &result)
                             : cusgd_expression_minimize(one, &search, x, NULL, NULL, &result);
    }
    search.solver = "newton";
    double x[2] = {2, 0.5};
    if (!status) status = cusgd_expression_solve(two, &search, x, NULL, NULL, &result);
    cusgd_expression_free(one);
    cusgd_expression_free(two);
    return status;
}

Test(memory, formulas) { refuse_each("formulas", search_formulas); }
