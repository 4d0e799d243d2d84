/* Every CUDA, cuBLAS and cuRAND call of a whole training run made to fail in turn on the emulated GPU: once alone, as by chance,
 * and with all calls after it, as when the device is lost. Through the library: it is reported by a status and a message that
 * names the call, nothing is leaked, and a fit keeps the parameters of its best epoch. Through the command: the user's model is
 * the old one or a complete new one. CUSGD_TORTURE=1: every call, else a sample. */
#include "command.h"
#include "emulated.h"
#include "options.h"
#include "training.h"

#include <math.h>

static emulated_module emulated;
static int failed, reported, kept; /* calls made to fail; reported by a status; after which a fit's best epoch was there */

static void setup(void)
{
    cr_assert(emulated_find(&emulated), "CUSGD_MODULE_DIR names no folder with the emulated module");
    command_setup();
}
TestSuite(faults, .init = setup, .fini = folder_teardown);

/* How many calls further the next one is that fails. */
static unsigned long stride(unsigned long sample)
{
    const char *torture = getenv("CUSGD_TORTURE");
    return torture && strcmp(torture, "1") == 0 ? 1 : REDUCED ? 4 * sample : sample;
}

/* Whether the message names the call; where all later ones fail too, one that only gives back leaves that to the next. */
static int is_reported(const char *message, const char *call, int lost)
{
    return emulated_is_named(message, call) || (lost && emulated_is_cleanup(call) && *message);
}

/* ---- Through the library ------------------------------------------------------------------------------------------------- */

enum { ROWS = 140, VALID = 30, COLS = 5, OUTPUTS = 2, PARAMETERS = OUTPUTS * (COLS + 1), BATCH = 4, EPOCHS = 3 };

/* The run that nothing disturbs: at each epoch's end its parameters and validation loss, and at the end the result's. */
static struct {
    cusgd_options options;
    cusgd_data *data, *valid;
    double x[ROWS * COLS], y[ROWS * OUTPUTS], w[ROWS];
    double epoch[EPOCHS + 1][PARAMETERS], loss[EPOCHS + 1], last[PARAMETERS];
    int validates;
} sound;

static int on_sound_epoch(const cusgd_progress *p, void *trainer)
{
    parameters_of(trainer, COLS, OUTPUTS, sound.epoch[p->epoch]);
    sound.loss[p->epoch] = sound.validates ? p->valid_loss : p->loss;
    return 0;
}

static int is_sgd(void) { return sound.options.solver == CUSGD_SOLVER_SGD; }

static void sound_make(void)
{
    uint64_t seed = 5;
    for (int i = 0; i < ROWS * COLS; i++) sound.x[i] = 3 + random_normal(&seed);
    for (int i = 0; i < ROWS * OUTPUTS; i++) sound.y[i] = sound.x[i / OUTPUTS * COLS + i % OUTPUTS] + 0.1 * random_normal(&seed);
    for (int i = 0; i < ROWS; i++) sound.w[i] = random_uniform(&seed);
    sound.data = data_of(ROWS - VALID, COLS, OUTPUTS, sound.x, sound.y, sound.w);
    sound.valid = data_of(VALID, COLS, OUTPUTS, sound.x + (ROWS - VALID) * COLS, sound.y + (ROWS - VALID) * OUTPUTS, NULL);
}

/* A solver ends before its optimum, or, exact and newton, with it. */
static void sound_run(cusgd_solver solver, int validates)
{
    cusgd_result r = CUSGD_INIT(cusgd_result);
    sound.validates = validates;
    sound.options = options_default();
    sound.options.solver = solver;
    sound.options.epochs = EPOCHS;
    if (is_sgd()) {
        sound.options.batch = BATCH;
        sound.options.l1 = 1e-3;
    } else if (solver != CUSGD_SOLVER_EXACT) {
        sound.options.loss = CUSGD_LOSS_LOG_COSH;
    }
    cusgd_trainer *t = trainer_of(&sound.options, sound.data, validates ? sound.valid : NULL);
    parameters_of(t, COLS, OUTPUTS, sound.epoch[0]);
    cusgd_status status = cusgd_trainer_fit(t, on_sound_epoch, t, &r);
    cr_assert(status == CUSGD_OK || (!is_sgd() && status == CUSGD_ERROR_NOT_CONVERGED), "%s", cusgd_last_error());
    cr_assert(r.epochs == EPOCHS || (!is_sgd() && r.epochs > 0));
    cr_assert(isfinite(sound.loss[r.epochs]));
    parameters_of(t, COLS, OUTPUTS, sound.last);
    cusgd_trainer_free(t);
}

/* One run with a fault in it. */
typedef struct faulty {
    unsigned long n;
    int lost;      /* all later calls fail too */
    int seen;      /* the call has been made to fail */
    int epochs;    /* completed */
    char call[80]; /* what it is */
} faulty;

/* Whether a note of the trainer's names the call: what belongs to a graph may fail, and the run goes on without it. */
static int is_noted(const cusgd_trainer *t, const char *call)
{
    const char *note;
    for (size_t i = 0; (note = cusgd_trainer_note(t, i)) != NULL; i++)
        if (strstr(note, "a CUDA graph") && emulated_is_named(note, call)) return 1;
    return 0;
}

/* Judges what one function of the library said: nothing before the fault; the fault itself; and, if the device is lost, any
 * failure after it. */
static void check(faulty *f, const cusgd_trainer *t, const char *function, cusgd_status status)
{
    const char *call = emulated.failed_call(), *message = cusgd_last_error();
    int fresh = call && !f->seen;
    if (fresh) snprintf(f->call, sizeof f->call, "%s", call);
    f->seen = call != NULL;
    if (status == CUSGD_ERROR_NOT_CONVERGED && !is_sgd()) status = CUSGD_OK; /* it has so few iterations */
    cr_assert(call || status == CUSGD_OK, "%s failed for nothing: %s", function, message);
    if (fresh && status == CUSGD_OK) {
        int noted = is_noted(t, call);
        cr_assert(emulated_is_cleanup(call) || noted, "call %lu, %s, failed, and %s did not say so", f->n, call, function);
        reported += noted;
    }
    if (status == CUSGD_OK) return;
    cr_assert(status == CUSGD_ERROR_DEVICE ||
                  (status == CUSGD_ERROR_MEMORY && (f->lost || strcmp(f->call, "cudaHostAlloc") == 0)),
              "call %lu, %s: %s: status %d: %s", f->n, f->call, function, (int)status, message);
    if (fresh)
        cr_assert(is_reported(message, call, f->lost), "call %lu, %s, is not named by %s: %s", f->n, call, function, message);
    reported += fresh;
}

static int on_epoch(const cusgd_progress *p, void *of)
{
    faulty *f = of;
    f->epochs = (int)p->epoch;
    return 0;
}

/* The device failed in a fit: its best epoch's parameters are there all the same, and the trainer takes no further step. */
static void check_kept(const faulty *f, cusgd_trainer *t, const cusgd_result *r)
{
    double parameters[PARAMETERS], none[OUTPUTS * COLS] = {0};
    cusgd_model *model;
    int best = 0;
    for (int e = 1; e <= f->epochs; e++)
        if (best == 0 || sound.loss[e] < sound.loss[best]) best = e;
    cr_assert(r->stop == CUSGD_STOP_DEVICE && isnan(r->loss), "call %lu, %s: stop %d", f->n, f->call, (int)r->stop);
    cr_assert_eq(r->epoch, best, "call %lu, %s: epoch %d, not %d", f->n, f->call, (int)r->epoch, best);
    cr_assert(best && sound.validates ? r->valid_loss == sound.loss[best] : isnan(r->valid_loss));
    parameters_of(t, COLS, OUTPUTS, parameters);
    cr_assert_arr_eq(parameters, sound.epoch[best], sizeof parameters, "call %lu, %s: not the parameters of epoch %d", f->n,
                     f->call, best);
    assert_works(cusgd_trainer_create_model(t, &model));
    cr_assert_eq(cusgd_model_weight(model)[1], parameters[1]);
    cusgd_model_free(model);
    assert_fails(cusgd_trainer_fit(t, NULL, NULL, NULL), CUSGD_ERROR_DEVICE, "make another");
    assert_fails(cusgd_trainer_step(t, 1), CUSGD_ERROR_DEVICE, "make another");
    assert_fails(cusgd_trainer_set_coefficients(t, none, none), CUSGD_ERROR_DEVICE, "make another");
    kept += best > 0;
}

static void run_library(faulty *f)
{
    double p[ROWS * OUTPUTS], weight[OUTPUTS * COLS];
    cusgd_trainer *t;
    cusgd_model *model;
    cusgd_metrics m = CUSGD_INIT(cusgd_metrics);
    cusgd_result r = CUSGD_INIT(cusgd_result);
    cusgd_status status = cusgd_trainer_create(&sound.options, sound.data, sound.validates ? sound.valid : NULL, &t);
    check(f, t, "cusgd_trainer_create", status);
    if (status) {
        cr_assert_null(t);
        return;
    }
    status = cusgd_trainer_fit(t, on_epoch, f, &r);
    check(f, t, "cusgd_trainer_fit", status);
    if (status == CUSGD_ERROR_DEVICE) check_kept(f, t, &r);
    check(f, t, "cusgd_trainer_get_coefficients", cusgd_trainer_get_coefficients(t, weight, NULL));
    check(f, t, "cusgd_trainer_evaluate", cusgd_trainer_evaluate(t, sound.valid, -1, &m));
    check(f, t, "cusgd_trainer_predict", cusgd_trainer_predict(t, sound.data, CUSGD_PREDICT_MEAN, p));
    check(f, t, "cusgd_trainer_create_model", cusgd_trainer_create_model(t, &model));
    cusgd_model_free(model);
    cusgd_trainer_free(t);
}

/* Every so-manieth call, once alone and once with all after it. */
static void run_faults(unsigned long alone, unsigned long all_after)
{
    for (int lost = 0; lost <= 1; lost++)
        for (unsigned long n = 1;; n += stride(lost ? all_after : alone)) {
            faulty f = {.n = n, .lost = lost};
            (lost ? emulated.fail_from : emulated.fail_call)(n);
            run_library(&f);
            const char *call = emulated.failed_call();
            if (!call) break;
            failed++;
            cr_assert(!emulated.live_bytes() && !emulated.live_objects(),
                      "call %lu, %s, failed: %zu bytes and %zu objects leaked", n, call, emulated.live_bytes(),
                      emulated.live_objects());
            emulated.fail_call(0);
        }
    emulated.fail_call(0);
}

static void sound_free(void)
{
    cusgd_data_free(sound.data);
    cusgd_data_free(sound.valid);
}

Test(faults, emul_every_call_through_the_library)
{
    double again[PARAMETERS];
    sound_make();
    sound_run(CUSGD_SOLVER_SGD, 1);
    run_faults(17, 41);
    cusgd_trainer *t = trainer_of(&sound.options, sound.data, sound.valid); /* all is well again */
    fit(t);
    parameters_of(t, COLS, OUTPUTS, again);
    cusgd_trainer_free(t);
    cr_assert_arr_eq(again, sound.last, sizeof again);
    printf("every-call faults: library: %d calls failed, %d reported, %d of clean-up; %d left a best epoch\n", failed, reported,
           failed - reported, kept);
    cr_assert(reported > 4 * failed / 5 && kept > failed / 10, "of %d faults, %d were reported and %d left a best epoch", failed,
              reported, kept);
    sound_free();
}

/* The full-batch methods keep their best iterate on the host, too: the best on validation data, else that of least objective. */
Test(faults, emul_calls_of_every_solver)
{
    sound_make();
    for (int s = CUSGD_SOLVER_EXACT; s <= CUSGD_SOLVER_COORDINATE; s += REDUCED ? 4 : 1)
        for (int validates = 0; validates <= 1; validates++) {
            int before = kept;
            sound_run((cusgd_solver)s, validates);
            run_faults(11, 31);
            cr_assert_gt(kept, before, "solver %d: no fault left an iterate", s);
        }
    sound_free();
}

/* ---- Through the command ------------------------------------------------------------------------------------------------- */

static outcome o;
static int intact, replaced; /* models */

static int same_bytes(const char *a, const char *b)
{
    size_t size_a, size_b;
    char *bytes_a = file_read(a, &size_a), *bytes_b = file_read(b, &size_b);
    int same = size_a == size_b && memcmp(bytes_a, bytes_b, size_a) == 0;
    free(bytes_a);
    free(bytes_b);
    return same;
}

static void run_command(const char *setting)
{
    run(&o, "cp old m && %s $CUSGD train data.csv --model m --valid-fraction 0.3 --epochs 3 --batch 2 --device cuda", setting);
}

/* What is at --model is the old one, or can be read and is what was said of it. */
static void check_model(const char *call)
{
    cusgd_model *model;
    int says = strstr(o.err, "the parameters of epoch ") != NULL;
    if (same_bytes("m", "old")) {
        cr_assert(o.code != 0 && !says, "%s: the model is the old one: %s", call, o.err);
        intact++;
        return;
    }
    assert_works(cusgd_model_load("m", &model));
    cusgd_model_free(model);
    cr_assert(says || same_bytes("m", "whole"), "%s: not the model of the whole run, and nothing is said of it: %s", call, o.err);
    replaced++;
}

/* line: "emulator: call N, NAME, fails", and what the command said after it. */
static void check_command(unsigned long n, int lost, const char *line)
{
    char call[80];
    const char *name = strstr(line, ", ") + 2, *end = strstr(name, ", fails\n"), *said = strchr(end, '\n') + 1;
    snprintf(call, sizeof call, "%.*s", (int)(end - name), name);
    cr_assert(o.code == 0 || o.code == 3 || o.code == 6, "call %lu, %s: exit code %d: %s", n, call, o.code, o.err);
    if (o.code) cr_assert(is_reported(said, call, lost), "call %lu, %s, is not named: %s", n, call, said);
    check_model(call);
    failed++;
    reported += o.code != 0;
}

Test(faults, emul_every_call_through_the_command)
{
    run(&o, "$CUSGD train data.csv --model old --epochs 1 --quiet --device cpu; cp old m");
    assert_code(o, 0);
    run_command("");
    assert_code(o, 0);
    run(&o, "cp m whole");
    int files = folder_count(path_of(""));
    for (int lost = 0; lost <= 1; lost++)
        for (unsigned long n = 1;; n += stride(lost ? 113 : 47)) {
            char setting[60];
            snprintf(setting, sizeof setting, "CUSGD_EMULATOR_FAIL_%s=%lu", lost ? "FROM" : "CALL", n);
            run_command(setting);
            const char *line = strstr(o.err, "emulator: call ");
            if (!line) break;
            check_command(n, lost, line);
            cr_assert_eq(folder_count(path_of("")), files, "%s: a file is left behind", line);
        }
    assert_code(o, 0); /* the run that ended before its call */
    cr_assert(same_bytes("m", "whole"));
    printf(
        "every-call faults: command: %d calls failed, %d reported, %d of clean-up; %d old models intact, %d new ones complete\n",
        failed, reported, failed - reported, intact, replaced);
    cr_assert(intact > failed / 10 && replaced > failed / 10, "of %d faults, %d left the old model, %d a new one", failed, intact,
              replaced);
}
