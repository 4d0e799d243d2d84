/* Checkpoints of trainers: wherever a fit is saved, a trainer that loads it ends with the bits of the fit that was left alone;
 * and what is not a checkpoint of the same run is refused. */
#include "inside.h"
#include "support.h"
#include "training.h"

#include <math.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

TestSuite(state, .init = folder_setup, .fini = folder_teardown, .timeout = 120);

enum { N = 120, D = 4, MAX_K = 3, LINES = 64, PARAMETERS = MAX_K * (D + 1) };

/* ---- A run, and what came of it ---- */

typedef struct line {
    int64_t epoch, step;
    double loss, valid_loss, rate;
    int evaluated;
} line;

typedef struct ending {
    double parameters[PARAMETERS];
    cusgd_status status;
    cusgd_result result;
    line lines[LINES];
    int count;
} ending;

/* Where a fit is saved: at the `at`-th place where it can be, or at the one where the cancellation that is asked for there ends
 * it. */
typedef struct place {
    int at, seen, cancels;
    int64_t epoch;
    unsigned char *bytes;
    size_t count;
} place;

static void save(cusgd_trainer *t, place *p)
{
    assert_works(cusgd_trainer_save_state_memory(t, NULL, 0, &p->count));
    p->bytes = malloc(p->count);
    cr_assert(p->bytes);
    assert_works(cusgd_trainer_save_state_memory(t, p->bytes, p->count, &p->count));
}

static void on_checkpoint(cusgd_trainer *t, const cusgd_progress *now, void *user)
{
    place *p = user;
    p->seen++;
    if (p->seen == p->at && p->cancels)
        cusgd_trainer_cancel(t);
    else if (p->seen == p->at + p->cancels) {
        p->epoch = now->epoch;
        save(t, p);
    }
}

static int on_epoch(const cusgd_progress *now, void *user)
{
    ending *o = user;
    cr_assert_lt(o->count, LINES);
    o->lines[o->count++] = (line){now->epoch, now->step, now->loss, now->valid_loss, now->rate, now->evaluated};
    return 0;
}

/* A small problem of the options NAME=VALUE, separated by blanks; k targets, or one of k > 1 classes. */
typedef struct trial {
    double x[N * D], y[N * MAX_K], w[N];
    int64_t start[N + 1]; /* of sparse rows, whose values are at x */
    int32_t column[N * D];
    cusgd_data *data;
    cusgd_options options;
    int64_t outputs;
} trial;

static void set_options(cusgd_options *o, const char *text)
{
    char words[512], *at = words, *word;
    snprintf(words, sizeof words, "%s", text);
    while ((word = strsep(&at, " ")) != NULL) {
        char *value = strchr(word, '=');
        cr_assert(value, "%s", word);
        *value++ = '\0';
        assert_works(cusgd_options_set(o, word, value));
    }
}

static void open_problem(trial *p, const char *options, int targets, int classes)
{
    uint64_t seed = 7;
    for (int64_t i = 0; i < N * D; i++) p->x[i] = random_normal(&seed) * (double)(1 + i % D);
    for (int64_t i = 0; i < N; i++) {
        p->w[i] = (double)(1 + i % 3);
        for (int c = 0; c < targets; c++) p->y[i * targets + c] = p->x[i * D + c] - 0.5 * p->x[i * D + 1] + random_normal(&seed);
        if (classes > 0) p->y[i] = classes == 2 ? p->y[i] > 0 : p->y[i] < -1 ? 0 : p->y[i] < 1 ? 1 : 2;
    }
    p->data = data_of(N, D, targets, p->x, p->y, p->w);
    if (classes > 2) assert_works(cusgd_data_set_classes(p->data, NULL, classes));
    p->options = options_default();
    p->options.threads = 1;
    p->options.batch = 16;
    set_options(&p->options, options);
}

/* Every third value is 0, and not stored. */
static void make_sparse(trial *p)
{
    int64_t stored = 0;
    cusgd_data_free(p->data);
    for (int64_t i = 0; i < N * D; i++) {
        if (i % D == 0) p->start[i / D] = stored;
        if (i % 3 == 0) continue;
        p->column[stored] = (int32_t)(i % D);
        p->x[stored++] = p->x[i];
    }
    p->start[N] = stored;
    assert_works(cusgd_data_wrap_csr(N, D, 1, (cusgd_csr){p->start, p->column, p->x, CUSGD_TYPE_FLOAT64, 0},
                                     (cusgd_matrix){p->y, CUSGD_TYPE_FLOAT64, 1, 1}, (cusgd_matrix){0}, &p->data));
}

static cusgd_trainer *open_trainer(const trial *p)
{
    cusgd_trainer *t = trainer_of(&p->options, p->data, NULL);
    set_slice(t, 2); /* many places inside an epoch */
    return t;
}

static void run_fit(cusgd_trainer *t, ending *o)
{
    memset(o, 0, sizeof *o);
    o->result = (cusgd_result)CUSGD_INIT(cusgd_result);
    o->status = cusgd_trainer_fit(t, on_epoch, o, &o->result);
    cr_assert(o->status == CUSGD_OK || o->status == CUSGD_ERROR_NOT_CONVERGED, "%s", cusgd_last_error());
    parameters_of(t, D, cusgd_trainer_outputs(t), o->parameters);
}

/* ---- Equal ends ---- */

static int same(double a, double b)
{
    uint64_t bits[2];
    memcpy(&bits[0], &a, sizeof a);
    memcpy(&bits[1], &b, sizeof b);
    return bits[0] == bits[1];
}

static void assert_same_result(const ending *a, const ending *b, const char *what)
{
    const cusgd_result *r = &a->result, *s = &b->result;
    cr_assert_eq(a->status, b->status, "%s", what);
    cr_assert(r->stop == s->stop && r->epochs == s->epochs && r->steps == s->steps && r->epoch == s->epoch, "%s", what);
    cr_assert(same(r->loss, s->loss) && same(r->objective, s->objective) && same(r->gradient, s->gradient), "%s", what);
    cr_assert(same(r->rate, s->rate) && r->rollbacks == s->rollbacks && strcmp(r->note, s->note) == 0, "%s: %s, %s", what,
              r->note, s->note);
    cr_assert_arr_eq(a->parameters, b->parameters, sizeof a->parameters, "%s: other parameters", what);
}

static void assert_same_end(const ending *whole, const ending *rest, int64_t epoch, const char *what)
{
    assert_same_result(whole, rest, what);
    cr_assert_eq(whole->count, rest->count + (int)epoch, "%s: %d lines, then %d", what, (int)epoch, rest->count);
    for (int i = 0; i < rest->count; i++) {
        const line *a = &whole->lines[epoch + i], *b = &rest->lines[i];
        cr_assert(a->epoch == b->epoch && a->step == b->step && same(a->rate, b->rate) && a->evaluated == b->evaluated, "%s",
                  what);
        cr_assert(same(a->loss, b->loss), "%s: the loss of epoch %d: %.17g, %.17g", what, (int)a->epoch, a->loss, b->loss);
        cr_assert(isnan(a->valid_loss) ? isnan(b->valid_loss) : same(a->valid_loss, b->valid_loss), "%s", what);
    }
}

/* One place: the checkpoint from there, and another trainer that goes on with it. */
static void check_place(const trial *p, const ending *whole, int at, int cancels, const char *what)
{
    ending o;
    place saved = {.at = at, .cancels = cancels};
    cusgd_progress now = CUSGD_INIT(cusgd_progress);
    cusgd_trainer *t = open_trainer(p);
    cusgd_trainer_set_checkpoint_callback(t, on_checkpoint, &saved);
    run_fit(t, &o);
    cr_assert(saved.bytes, "%s: not saved at %d of %d", what, at, saved.seen);
    if (cancels)
        cr_assert_eq(o.result.stop, CUSGD_STOP_CANCELLED, "%s", what);
    else
        assert_same_result(whole, &o, what); /* being saved changes nothing */
    cusgd_trainer_free(t);
    t = open_trainer(p);
    assert_works(cusgd_trainer_load_state_memory(t, saved.bytes, saved.count, &now));
    cr_assert_eq(now.epoch, saved.epoch);
    run_fit(t, &o);
    assert_same_end(whole, &o, saved.epoch, what);
    cusgd_trainer_free(t);
    free(saved.bytes);
}

static void check_trial(const trial *p, const char *options)
{
    ending whole, counted;
    place nowhere = {.at = -1};
    char what[300];
    cusgd_trainer *t = open_trainer(p);
    run_fit(t, &whole);
    cusgd_trainer_free(t);
    t = open_trainer(p);
    cusgd_trainer_set_checkpoint_callback(t, on_checkpoint, &nowhere);
    run_fit(t, &counted);
    assert_same_result(&whole, &counted, options);
    cusgd_trainer_free(t);
    cr_assert_geq(nowhere.seen, 2, "%s: %d places", options, nowhere.seen);
    for (int i = 1; i <= (REDUCED ? 1 : 3); i++) {
        int at = 1 + (nowhere.seen - 2) * i / 3, cancels = i == 1;
        snprintf(what, sizeof what, "%s: %s %d of %d", options, cancels ? "cancelled at" : "saved at", at, nowhere.seen);
        check_place(p, &whole, at, cancels, what);
    }
    cusgd_data_free(p->data);
}

static void check_run(const char *options, int targets, int classes)
{
    trial p;
    open_problem(&p, options, targets, classes);
    check_trial(&p, options);
}

static void check_sparse_run(const char *options, int classes)
{
    trial p;
    open_problem(&p, options, 1, classes);
    make_sparse(&p);
    check_trial(&p, options);
}

/* ---- Every way to run ---- */

#define SHORT "epochs=4 evaluate-every=2 "

Test(state, every_optimizer)
{
    const cusgd_option_info *option;
    const char *names = NULL;
    for (size_t i = 0; (option = cusgd_option_at(i)) != NULL; i++)
        if (strcmp(option->name, "optimizer") == 0) names = option->metavar;
    cr_assert(names);
    char all[512], *at = all, *name, options[128];
    snprintf(all, sizeof all, "%s", names);
    for (int i = 0; (name = strsep(&at, "|")) != NULL; i++) {
        snprintf(options, sizeof options, SHORT "optimizer=%s average=%s", name, i % 2 ? "true" : "false");
        check_run(options, 1, 0);
    }
}

Test(state, schedules_and_penalties)
{
    check_run(SHORT "optimizer=sgd rate=0.1 schedule=one-cycle", 1, 0);
    check_run("epochs=8 evaluate-every=1 optimizer=sgd rate=0.5 schedule=plateau decay-patience=1 valid-fraction=0.2", 1, 0);
    check_run(SHORT "optimizer=sgd rate=0.1 schedule=cosine rate-changes=epoch", 1, 0);
    check_run(SHORT "optimizer=sgd rate=0.1 l1=0.05", 1, 0);
    check_run("optimizer=adam rate=0.05 epochs=3 evaluate-every=end l1=0.02 precision=float", 1, 0);
    check_run("epochs=30 tolerance=1e-3 patience=2 optimizer=auto", 1, 0);
}

Test(state, every_sampling)
{
    check_run(SHORT "sampling=batches", 1, 0);
    check_run(SHORT "sampling=blocks", 1, 0);
    check_run(SHORT "sampling=replace shards=2", 1, 0);
    check_run(SHORT "sampling=replace-blocks", 1, 0);
    check_run(SHORT "sampling=pages", 1, 0);
    check_run(SHORT "sampling=none valid-fraction=0.25", 1, 0);
}

Test(state, classes_outputs_and_transforms)
{
    check_run(SHORT "optimizer=adam rate=0.05", 3, 0);
    check_run(SHORT "loss=logistic", 1, 2);
    check_run(SHORT "loss=logistic", 1, 3);
    check_run(SHORT "loss=logistic classes=one-vs-rest optimizer=momentum rate=0.1", 1, 3);
    check_run(SHORT "whiten=zca", 1, 0);
    check_run(SHORT "robust=true loss=huber", 1, 0);
    check_run("solver=lbfgs loss=logistic epochs=20", 1, 3);
}

Test(state, every_solver)
{
    static const char *const solvers[] = {"gd",  "steepest", "cg",           "newton",      "bfgs",
                                          "dfp", "lbfgs",    "broyden-good", "broyden-bad", "coordinate"};
    char options[128];
    for (size_t i = 0; i < sizeof solvers / sizeof *solvers; i++) {
        snprintf(options, sizeof options, "solver=%s loss=logistic epochs=12 l2=1e-3%s", solvers[i],
                 i % 2 ? " valid-fraction=0.2" : "");
        check_run(options, 1, 2);
    }
    check_run("solver=coordinate loss=poisson epochs=12 l1=1e-3 valid-fraction=0.2", 1, 2);
    check_run("solver=gd epochs=9 momentum=0.5", 1, 0);
    check_run("solver=cg epochs=4", 3, 0);
    check_run("solver=lbfgs loss=logistic l1=0.01 epochs=30", 1, 2);
}

/* Lazy updates whose batches lack columns, which catch up where a fit is saved: that must not change a bit, either. */
#define MISSING "epochs=2 evaluate-every=end optimizer=sgd rate=0.01 update=lazy l2=0.01 average=true batch=1 precision=float"

Test(state, sparse_rows)
{
    check_sparse_run(SHORT "optimizer=adam rate=0.05 average=true", 0);
    check_sparse_run(SHORT "optimizer=sgd rate=0.05 update=lazy l2=0.01 average=true", 0);
    check_sparse_run(SHORT "optimizer=sgd rate=0.05 update=lazy l1=0.01 schedule=one-cycle loss=logistic", 2);
    check_sparse_run(SHORT "optimizer=adagrad rate=0.1 update=lazy l1=0.001 l2=0.01 sampling=replace precision=float", 0);
    check_sparse_run(MISSING, 0);
    check_sparse_run("solver=lbfgs loss=logistic epochs=20 l2=1e-3", 2);
    check_sparse_run("solver=cg epochs=4", 0);
}

/* Where a device is given slices ahead of the steps that are done. */
Test(state, on_the_device)
{
    check_run("epochs=3 evaluate-every=end optimizer=adam rate=0.05 average=true", 1, 0);
    check_run("epochs=3 evaluate-every=1 optimizer=auto loss=logistic valid-fraction=0.2", 1, 3);
    check_run("epochs=3 optimizer=sgd rate=0.1 schedule=one-cycle l1=0.01 precision=float", 2, 0);
    check_run("solver=lbfgs loss=logistic epochs=6", 1, 2);
    check_sparse_run(MISSING, 0);
}

/* Optimizer auto continues the exponential of a log link linearly, and checks the result without that. */
Test(state, a_loss_with_a_log_link) { check_run(SHORT "loss=poisson optimizer=auto", 1, 2); }

/* ---- At rest ---- */

Test(state, between_fits_and_steps)
{
    trial p;
    double a[PARAMETERS], b[PARAMETERS];
    open_problem(&p, "optimizer=adam rate=0.05 epochs=2 l1=0.01", 1, 0);
    cusgd_trainer *one = open_trainer(&p), *other = open_trainer(&p);
    ending o;
    run_fit(one, &o);
    assert_works(cusgd_trainer_step(one, 5));
    assert_works(cusgd_trainer_save_state(one, path_of("state")));
    assert_works(cusgd_trainer_load_state(other, path_of("state"), NULL));
    parameters_of(one, D, 1, a);
    parameters_of(other, D, 1, b);
    cr_assert_arr_eq(a, b, sizeof *a * (D + 1));
    ending first, second;
    run_fit(one, &first);
    run_fit(other, &second);
    assert_same_end(&first, &second, 0, "a fit after steps");
    cusgd_trainer_free(one);
    cusgd_trainer_free(other);
    cusgd_data_free(p.data);
}

/* The second file is the one before; a failure leaves both. */
Test(state, the_file_before_is_kept)
{
    trial p;
    open_problem(&p, "optimizer=sgd rate=0.01", 1, 0);
    cusgd_trainer *t = open_trainer(&p);
    cusgd_progress now = CUSGD_INIT(cusgd_progress);
    FILE *left = fopen(path_of("state.new"), "w"); /* by a process that was killed */
    cr_assert(left && fputs("half", left) >= 0 && fclose(left) == 0);
    for (int i = 1; i <= 3; i++) {
        assert_works(cusgd_trainer_step(t, 1));
        assert_works(cusgd_trainer_save_state(t, path_of("state")));
    }
    cr_assert_eq(folder_count(path_of("")), 2, "%d files", folder_count(path_of("")));
    assert_works(cusgd_trainer_load_state(t, path_of("state.previous"), &now));
    cr_assert_eq(now.step, 2);
    assert_works(cusgd_trainer_load_state(t, path_of("state"), &now));
    cr_assert_eq(now.step, 3);
    cr_assert_eq(cusgd_trainer_save_state(t, path_of("no/state")), CUSGD_ERROR_DATA);
    cusgd_trainer_free(t);
    cusgd_data_free(p.data);
}

/* ---- What is refused ---- */

static int save_in_callback(const cusgd_progress *now, void *user)
{
    size_t bytes;
    (void)now;
    cr_assert_eq(cusgd_trainer_save_state_memory(user, NULL, 0, &bytes), CUSGD_ERROR_USAGE);
    cr_assert_eq(cusgd_trainer_load_state(user, "nothing", NULL), CUSGD_ERROR_USAGE);
    return 0;
}

Test(state, inside_of_a_callback)
{
    trial p;
    open_problem(&p, "optimizer=sgd rate=0.01 epochs=2", 1, 0);
    cusgd_trainer *t = open_trainer(&p);
    assert_works(cusgd_trainer_fit(t, save_in_callback, t, NULL));
    cusgd_trainer_free(t);
    cusgd_data_free(p.data);
}

static void assert_refused(const place *saved, const char *options, int targets, cusgd_status status, const char *says)
{
    trial p;
    double before[PARAMETERS], after[PARAMETERS];
    open_problem(&p, options, targets, 0);
    if (strcmp(says, "training targets") == 0) p.y[N - 1] += 1e-9;
    if (strcmp(says, "training columns") == 0) p.x[7] += 1e-9;
    cusgd_trainer *t = open_trainer(&p);
    parameters_of(t, D, targets, before);
    cr_assert_eq(cusgd_trainer_load_state_memory(t, saved->bytes, saved->count, NULL), status, "%s", options);
    cr_assert(strstr(cusgd_last_error(), says), "%s is not in: %s", says, cusgd_last_error());
    parameters_of(t, D, targets, after);
    cr_assert_arr_eq(before, after, sizeof *before * (size_t)(targets * (D + 1))); /* it is as it was */
    cusgd_trainer_free(t);
    cusgd_data_free(p.data);
}

#define USUAL "optimizer=adam rate=0.01 epochs=5"

Test(state, other_runs_are_refused)
{
    trial p;
    place saved = {0};
    open_problem(&p, USUAL " seed=1", 1, 0);
    cusgd_trainer *t = open_trainer(&p);
    assert_works(cusgd_trainer_step(t, 3));
    save(t, &saved);
    unsigned char little[8];
    size_t bytes;
    cr_assert_eq(cusgd_trainer_save_state_memory(t, little, sizeof little, &bytes), CUSGD_ERROR_USAGE);
    cr_assert_eq(bytes, saved.count);
    cusgd_trainer_free(t);
    cusgd_data_free(p.data);
    assert_refused(&saved, USUAL " seed=1 l2=0.5", 1, CUSGD_ERROR_USAGE, "l2 0.5");
    assert_refused(&saved, "optimizer=adam rate=0.02 epochs=5 seed=9", 1, CUSGD_ERROR_USAGE, "rate 0.02");
    assert_refused(&saved, "optimizer=adam rate=0.02 epochs=5 seed=9", 1, CUSGD_ERROR_USAGE, "seed 9");
    assert_refused(&saved, "optimizer=adam rate=0.01 epochs=4 seed=1", 1, CUSGD_ERROR_USAGE, "epochs 4");
    assert_refused(&saved, USUAL " seed=1 valid-fraction=0.5", 1, CUSGD_ERROR_DATA, "validation rows");
    assert_refused(&saved, USUAL " seed=1", 2, CUSGD_ERROR_DATA, "2 outputs, not 1");
    assert_refused(&saved, USUAL " seed=1", 1, CUSGD_ERROR_DATA, "training targets");
    assert_refused(&saved, USUAL " seed=1", 1, CUSGD_ERROR_DATA, "training columns");
    open_problem(&p, "optimizer=adam rate=0.01 epochs=9 seed=1", 1, 0); /* more epochs and other threads are no other run */
    p.options.threads = 2;
    t = open_trainer(&p);
    assert_works(cusgd_trainer_load_state_memory(t, saved.bytes, saved.count, NULL));
    cusgd_trainer_free(t);
    cusgd_data_free(p.data);
    free(saved.bytes);
}

Test(state, damaged_files_are_refused)
{
    trial p;
    place saved = {0};
    open_problem(&p, USUAL, 1, 0);
    cusgd_trainer *t = open_trainer(&p);
    assert_works(cusgd_trainer_step(t, 3));
    save(t, &saved);
    for (size_t i = 0; i < saved.count; i += 1 + saved.count / 300) {
        unsigned char mask = (unsigned char)(1u << i % 8);
        saved.bytes[i] ^= mask;
        cr_assert_eq(cusgd_trainer_load_state_memory(t, saved.bytes, saved.count, NULL), CUSGD_ERROR_DATA, "byte %d", (int)i);
        saved.bytes[i] ^= mask;
        cr_assert_eq(cusgd_trainer_load_state_memory(t, saved.bytes, i, NULL), CUSGD_ERROR_DATA, "%d bytes", (int)i);
    }
    assert_works(cusgd_trainer_load_state_memory(t, saved.bytes, saved.count, NULL));
    cusgd_trainer_free(t);
    cusgd_data_free(p.data);
    free(saved.bytes);
}
