/* Data files that become shorter while they are mapped: an error that says so, whatever the call, and never SIGBUS. */
#include "command.h"
#include "data.h"
#include "options.h"

#include <fcntl.h>
#include <math.h>
#include <sys/mman.h>

enum { ROWS = 6000, COLS = 4 };

static void on_fault(int signal, siginfo_t *info, void *context)
{
    (void)context;
    if (!cusgd_data_fault(info->si_addr)) {
        struct sigaction usual = {.sa_handler = SIG_DFL};
        sigaction(signal, &usual, NULL);
    }
}

static void write_array(const char *name, int64_t rows, int64_t cols, const float *values)
{
    npy_writer *writer;
    assert_works(npy_create(path_of(name), CUSGD_TYPE_FLOAT32, rows, cols, &writer));
    assert_works(npy_append(writer, values, rows * (cols ? cols : 1)));
    assert_works(npy_close(writer));
}

/* x.npy and y.npy of so many rows, y = x_0 - x_1 + a little. */
static void write_folder(int64_t rows)
{
    float *x = malloc(sizeof *x * (size_t)(rows * COLS)), *y = malloc(sizeof *y * (size_t)rows);
    random_source r = {.key = 3};
    cr_assert(x && y);
    for (int64_t i = 0; i < rows; i++) {
        for (int64_t j = 0; j < COLS; j++) x[i * COLS + j] = (float)random_under(&r, 2001) / 1000 - 1;
        y[i] = x[i * COLS] - x[i * COLS + 1] + (float)random_under(&r, 100) / 1000;
    }
    write_array("x.npy", rows, COLS, x);
    write_array("y.npy", rows, 0, y);
    free(x);
    free(y);
}

static void setup(void)
{
    struct sigaction action = {.sa_sigaction = on_fault, .sa_flags = SA_SIGINFO};
    sigemptyset(&action.sa_mask);
    command_setup();
    cr_assert_eq(sigaction(SIGBUS, &action, NULL), 0);
    write_folder(ROWS);
}

TestSuite(shrinking, .init = setup, .fini = folder_teardown);

static cusgd_data *open_data(void)
{
    cusgd_data *data;
    assert_works(cusgd_data_open(path_of(""), NULL, &data));
    return data;
}

/* Steps read x and y in the file itself. */
static cusgd_options in_place(void)
{
    cusgd_options o;
    options_init(&o);
    o.standardize = 0;
    o.optimizer = CUSGD_OPTIMIZER_SGD;
    o.rate = 0.01;
    o.batch = 50;
    o.epochs = 8;
    o.tolerance = 0;
    o.evaluate_every = 1;
    o.threads = 2;
    return o;
}

static const off_t cuts[] = {0, 100, 4096, 40000}; /* x.npy has 96128 bytes, y.npy 24128 */

Test(shrinking, before_a_trainer_is_made)
{
    cusgd_options o = in_place(), usual;
    options_init(&usual);
    for (size_t i = 0; i < sizeof cuts / sizeof *cuts; i++) {
        for (int which = 0; which < 4; which++) {
            const char *name = which & 1 ? "y.npy" : "x.npy";
            cusgd_trainer *t;
            write_folder(ROWS);
            cusgd_data *data = open_data();
            if (which & 1 && cuts[i] > 24000)
                cr_assert_eq(truncate(path_of(name), 24000), 0);
            else
                cr_assert_eq(truncate(path_of(name), cuts[i]), 0);
            assert_fails(cusgd_trainer_create(which & 2 ? &usual : &o, data, NULL, &t), CUSGD_ERROR_DATA, "became shorter");
            cr_assert(strstr(cusgd_last_error(), name), "%s", cusgd_last_error());
            cr_assert_null(t);
            cusgd_data_free(data);
        }
    }
}

typedef struct cutting {
    const char *name;
    off_t to;
    int64_t after; /* epochs */
} cutting;

static int cut(const cusgd_progress *now, void *user)
{
    const cutting *c = user;
    if (now->epoch == c->after) cr_assert_eq(truncate(path_of(c->name), c->to), 0);
    return 0;
}

/* What a run of so many epochs makes. */
static void train_whole(cusgd_options o, int64_t epochs, double *weight, double *bias)
{
    cusgd_trainer *t;
    write_folder(ROWS);
    cusgd_data *data = open_data();
    o.epochs = epochs;
    assert_works(cusgd_trainer_create(&o, data, NULL, &t));
    cusgd_status status = cusgd_trainer_fit(t, NULL, NULL, NULL);
    cr_assert(status == CUSGD_OK || status == CUSGD_ERROR_NOT_CONVERGED);
    assert_works(cusgd_trainer_get_coefficients(t, weight, bias));
    cusgd_trainer_free(t);
    cusgd_data_free(data);
}

static void check_fit(cusgd_options o, cutting c)
{
    double wanted[COLS], wanted_bias, weight[COLS], bias;
    cusgd_trainer *t;
    cusgd_result r = CUSGD_INIT(cusgd_result);
    cusgd_model *m;
    train_whole(o, c.after, wanted, &wanted_bias);
    write_folder(ROWS);
    cusgd_data *data = open_data();
    assert_works(cusgd_trainer_create(&o, data, NULL, &t));
    assert_fails(cusgd_trainer_fit(t, cut, &c, &r), CUSGD_ERROR_DATA, "became shorter while it was in use");
    cr_assert_eq(r.stop, CUSGD_STOP_DATA);
    cr_assert_eq(r.epoch, c.after);
    assert_works(cusgd_trainer_create_model(t, &m));
    assert_works(cusgd_trainer_get_coefficients(t, weight, &bias));
    cr_assert_arr_eq(weight, wanted, sizeof weight); /* nothing of what was not there */
    cr_assert_eq(bias, wanted_bias);
    cr_assert_arr_eq(cusgd_model_weight(m), wanted, sizeof weight);
    cr_assert_null(cusgd_model_standard_errors(m, NULL));
    cusgd_model_free(m);
    cusgd_trainer_free(t);
    cusgd_data_free(data);
}

Test(shrinking, during_epochs)
{
    for (size_t i = 0; i < sizeof cuts / sizeof *cuts; i++)
        for (int64_t after = 1; after <= 4; after += 3) {
            check_fit(in_place(), (cutting){"x.npy", cuts[i], after});
            check_fit(in_place(), (cutting){"y.npy", cuts[i] < 24000 ? cuts[i] : 24000, after});
        }
}

Test(shrinking, during_a_solvers_iterations)
{
    static const cusgd_solver solvers[] = {CUSGD_SOLVER_LBFGS, CUSGD_SOLVER_NEWTON, CUSGD_SOLVER_GD, CUSGD_SOLVER_CG};
    for (size_t i = 0; i < sizeof solvers / sizeof *solvers; i++) {
        cusgd_options o = in_place();
        o.solver = solvers[i];
        o.loss = solvers[i] == CUSGD_SOLVER_CG ? CUSGD_LOSS_SQUARED : CUSGD_LOSS_LOG_COSH;
        o.rate = (double)NAN;
        o.gradient_tolerance = 0;
        check_fit(o, (cutting){"x.npy", 100, 1});
    }
}

Test(shrinking, predictions_and_metrics)
{
    cusgd_options o = in_place();
    cusgd_metrics metrics = CUSGD_INIT(cusgd_metrics);
    cusgd_trainer *t;
    cusgd_model *m;
    double *p = malloc(sizeof *p * ROWS);
    for (size_t i = 0; i < sizeof cuts / sizeof *cuts; i++) {
        write_folder(ROWS);
        cusgd_data *data = open_data();
        assert_works(cusgd_trainer_create(&o, data, NULL, &t));
        assert_works(cusgd_trainer_create_model(t, &m));
        assert_works(cusgd_model_evaluate(m, data, -1, &metrics));
        cr_assert_eq(truncate(path_of("x.npy"), cuts[i]), 0);
        assert_fails(cusgd_model_evaluate(m, data, -1, &metrics), CUSGD_ERROR_DATA, "x.npy: became shorter");
        assert_fails(cusgd_model_predict(m, data, CUSGD_PREDICT_MEAN, p), CUSGD_ERROR_DATA, "x.npy: became shorter");
        assert_fails(cusgd_trainer_evaluate(t, data, -1, &metrics), CUSGD_ERROR_DATA, "x.npy: became shorter");
        assert_fails(cusgd_trainer_predict(t, data, CUSGD_PREDICT_MEAN, p), CUSGD_ERROR_DATA, "x.npy: became shorter");
        assert_fails(cusgd_trainer_step(t, 5), CUSGD_ERROR_DATA, "x.npy: became shorter");
        cusgd_model_free(m);
        cusgd_trainer_free(t);
        cusgd_data_free(data);
    }
    free(p);
}

/* A file that grows again has lost its pages all the same. */
Test(shrinking, a_file_that_is_written_anew)
{
    cusgd_options o = in_place();
    cusgd_trainer *t;
    cusgd_data *data = open_data();
    cr_assert_eq(truncate(path_of("x.npy"), 0), 0);
    volatile double value = matrix_at(&data->view.x, ROWS - 1, 0); /* raises SIGBUS, and reads 0 */
    cr_assert_eq(value, 0);
    cr_assert_eq(truncate(path_of("x.npy"), 96128), 0);
    assert_fails(cusgd_trainer_create(&o, data, NULL, &t), CUSGD_ERROR_DATA, "became shorter for a time");
    cusgd_data_free(data);
}

/* ---- Files that the caller has mapped ---- */

typedef struct mapped {
    char *at;
    size_t bytes;
} mapped;

static mapped map_whole(const char *name)
{
    mapped m;
    size_t size;
    char *text = file_read(path_of(name), &size);
    int file = open(path_of(name), O_RDONLY);
    free(text);
    m.bytes = size;
    m.at = mmap(NULL, size, PROT_READ, MAP_SHARED, file, 0);
    cr_assert(file >= 0 && m.at != MAP_FAILED && close(file) == 0);
    return m;
}

enum { HEADER = 128 }; /* of the .npy files */

static cusgd_data *wrap_mapped(const mapped *x, const mapped *y)
{
    cusgd_data *data;
    cusgd_matrix mx = {x->at + HEADER, CUSGD_TYPE_FLOAT32, COLS, 1}, my = {y->at + HEADER, CUSGD_TYPE_FLOAT32, 1, 1}, none = {0};
    assert_works(cusgd_data_wrap(ROWS, COLS, 1, mx, my, none, &data));
    assert_works(cusgd_data_add_file(data, path_of("x.npy"), x->at + HEADER, x->bytes - HEADER, HEADER));
    assert_works(cusgd_data_add_file(data, path_of("y.npy"), y->at + HEADER, y->bytes - HEADER, HEADER));
    return data;
}

/* As check_fit, with the handler of the library. */
static void check_mapped(cutting c)
{
    double wanted[COLS], wanted_bias, weight[COLS], bias;
    cusgd_trainer *t;
    cusgd_options o = in_place();
    train_whole(o, c.after, wanted, &wanted_bias);
    write_folder(ROWS);
    mapped x = map_whole("x.npy"), y = map_whole("y.npy");
    cusgd_data *data = wrap_mapped(&x, &y);
    assert_works(cusgd_trainer_create(&o, data, NULL, &t));
    assert_fails(cusgd_trainer_fit(t, cut, &c, NULL), CUSGD_ERROR_DATA, "became shorter while it was in use");
    cr_assert(strstr(cusgd_last_error(), c.name), "%s", cusgd_last_error());
    assert_works(cusgd_trainer_get_coefficients(t, weight, &bias));
    cr_assert_arr_eq(weight, wanted, sizeof weight);
    cr_assert_eq(bias, wanted_bias);
    cusgd_trainer_free(t);
    cusgd_data_free(data);
    cr_assert(munmap(x.at, x.bytes) == 0 && munmap(y.at, y.bytes) == 0);
}

Test(shrinking, a_file_that_the_caller_has_mapped)
{
    signal(SIGBUS, SIG_DFL);
    cusgd_handle_faults();
    for (size_t i = 0; i < sizeof cuts / sizeof *cuts; i++) {
        check_mapped((cutting){"x.npy", cuts[i], 2});
        check_mapped((cutting){"y.npy", cuts[i] < 24000 ? cuts[i] : 24000, 2});
    }
}

static volatile sig_atomic_t met;
static void on_other(int number)
{
    (void)number;
    met = 1;
    _exit(met ? 42 : 0);
}

/* An address that is in no file of the library's is the earlier handler's. */
Test(shrinking, the_earlier_handler_stays, .exit_code = 42)
{
    mapped x = map_whole("x.npy");
    signal(SIGBUS, on_other);
    cusgd_handle_faults();
    cr_assert_eq(truncate(path_of("x.npy"), 0), 0);
    cr_assert_neq(*(volatile char *)(x.at + HEADER), 1);
}

Test(shrinking, adding_files_is_checked)
{
    static float values[ROWS * COLS];
    cusgd_data *data;
    cusgd_matrix x = {values, CUSGD_TYPE_FLOAT32, COLS, 1}, none = {0};
    assert_works(cusgd_data_wrap(ROWS, COLS, 0, x, none, none, &data));
    assert_fails(cusgd_data_add_file(data, NULL, values, 1, 0), CUSGD_ERROR_USAGE, "path");
    assert_fails(cusgd_data_add_file(data, "x", NULL, 1, 0), CUSGD_ERROR_USAGE, "address");
    assert_fails(cusgd_data_add_file(data, "x", values, 0, 0), CUSGD_ERROR_USAGE, "size");
    for (int i = 0; i < 5; i++) assert_works(cusgd_data_add_file(data, path_of("nothing"), values, sizeof values, 0));
    assert_fails(cusgd_data_add_file(data, "x", values, 1, 0), CUSGD_ERROR_USAGE, "at most 5");
    cusgd_data_free(data);
}

/* The signal is none of the library's where the address is in no file of it. */
Test(shrinking, other_addresses)
{
    int here = 0;
    cusgd_data *data = open_data();
    void *x = (void *)(uintptr_t)data->view.x.at;
    cr_assert_eq(cusgd_data_fault(&here), 0);
    cr_assert_eq(cusgd_data_fault(NULL), 0);
    cusgd_data_free(data);
    cr_assert_eq(cusgd_data_fault(x), 0);
}

static void check_command(const char *options, int model)
{
    outcome o;
    write_folder(ROWS);
    run(&o,
        "rm -f h m.safetensors; : > h; $CUSGD train . %s --model m.safetensors --history h & p=$!\n"
        "while [ $(wc -l < h) -lt 3 ] && kill -0 $p; do :; done; truncate -s 5000 x.npy; wait $p",
        options);
    assert_code(o, 2);
    assert_has(o.err, "x.npy: became shorter while it was in use");
    if (model) assert_has(o.err, "the parameters of epoch");
    cr_assert_eq(access("m.safetensors", F_OK) == 0, model, "%s", o.err);
    write_folder(ROWS);
    if (model) run(&o, "$CUSGD evaluate m.safetensors . --json");
    if (model) assert_code(o, 0);
}

Test(shrinking, the_command_keeps_its_best)
{
    check_command("--no-standardize --optimizer sgd --rate 1e-5 --epochs 1000000 --tolerance 0", 1);
    check_command("--optimizer sgd --rate 1e-5 --epochs 1000000 --tolerance 0 --quiet", 1);
    check_command("--solver gd --rate 1e-4 --epochs 1000000 --gradient-tolerance 0 --loss log-cosh", 1);
}

/* ---- SIGBUS that a process sends has no address, and ends the program as it does without a handler; a sanitizer has one ---- */

Test(shrinking, a_signal_that_is_sent)
{
    outcome o;
    run(&o, "export ASAN_OPTIONS=$ASAN_OPTIONS:handle_sigbus=0; mkfifo in; $CUSGD train - --model m -q <in & p=$!; exec 3>in; "
            "printf 'a,y\\n1,2\\n' >&3; sleep 0.3\n"
            "kill -BUS $p; sleep 0.5; kill -KILL $p; wait $p; code=$?; exec 3>&-; rm in; exit $code");
    assert_code(o, 128 + SIGBUS);
}
