/* cusgd_set_interrupt: every call hears of it in each of its phases, gives back what it took, and leaves nothing half done. */
#include "command.h"
#include "data.h"
#include "options.h"
#include "training.h"

#include <math.h>

TestSuite(interrupt, .init = command_setup, .fini = folder_teardown);

enum { ROWS = 60000, COLS = 6 };

/* Asked so often; it says yes from the `at`-th time on (0: never), and must go on to do so. */
typedef struct questions {
    int64_t asked, at;
} questions;

static int ask(void *user)
{
    questions *q = user;
    return ++q->asked >= q->at && q->at > 0;
}

static cusgd_data *make_data(int logistic)
{
    cusgd_data *data;
    cusgd_generator g = CUSGD_INIT(cusgd_generator);
    cusgd_generator_init(&g);
    g.rows = ROWS;
    g.cols = COLS;
    g.targets = logistic ? CUSGD_SYNTHETIC_LOGISTIC : CUSGD_SYNTHETIC_LINEAR;
    cr_assert_eq(cusgd_data_generate(&g, &data), CUSGD_OK, "%s", cusgd_last_error());
    return data;
}

static cusgd_options with_solver(cusgd_solver solver)
{
    cusgd_options o;
    options_init(&o);
    o.solver = solver;
    o.loss = CUSGD_LOSS_LOGISTIC;
    o.valid_fraction = 0.2;
    o.epochs = 3;
    o.threads = 1; /* so that the questions are the same ones in every run */
    return o;
}

static const cusgd_solver solvers[] = {CUSGD_SOLVER_SGD, CUSGD_SOLVER_NEWTON, CUSGD_SOLVER_LBFGS};

Test(interrupt, making_a_trainer)
{
    cusgd_data *data = make_data(1);
    for (int s = 0; s < 2; s++) {
        cusgd_options o = with_solver(solvers[s]);
        cusgd_trainer *t;
        questions never = {0, 0};
        cusgd_set_interrupt(ask, &never);
        cr_assert_eq(cusgd_trainer_create(&o, data, NULL, &t), CUSGD_OK, "%s", cusgd_last_error());
        cusgd_trainer_free(t);
        cr_assert_geq(never.asked, 40, "asked %d times only", (int)never.asked);
        /* whenever it is asked, an answer of yes ends the call */
        for (int64_t at = 1; at <= never.asked / 2; at += 1 + never.asked / 40) {
            questions q = {0, at};
            cusgd_set_interrupt(ask, &q);
            cr_assert_eq(cusgd_trainer_create(&o, data, NULL, &t), CUSGD_ERROR_INTERRUPTED, "question %d", (int)at);
            cr_assert_null(t);
            cr_assert_str_eq(cusgd_last_error(), "interrupted");
        }
    }
    cusgd_set_interrupt(NULL, NULL);
    cusgd_data_free(data);
}

Test(interrupt, a_fit_ends_as_cancelled)
{
    cusgd_data *data = make_data(1);
    for (size_t s = 0; s < sizeof solvers / sizeof *solvers; s++) {
        cusgd_options o = with_solver(solvers[s]);
        questions never = {0, 0};
        double whole[COLS + 1], again[COLS + 1];
        cusgd_trainer *t = trainer_of(&o, data, NULL);
        cusgd_status status = cusgd_trainer_fit(t, NULL, NULL, NULL);
        cr_assert(status == CUSGD_OK || status == CUSGD_ERROR_NOT_CONVERGED);
        parameters_of(t, COLS, 1, whole);
        cusgd_trainer_free(t);

        t = trainer_of(&o, data, NULL);
        cusgd_set_interrupt(ask, &never);
        status = cusgd_trainer_fit(t, NULL, NULL, NULL);
        cusgd_set_interrupt(NULL, NULL);
        cr_assert(status == CUSGD_OK || status == CUSGD_ERROR_NOT_CONVERGED);
        parameters_of(t, COLS, 1, again);
        cr_assert_arr_eq(again, whole, sizeof whole); /* being asked changes nothing */
        cusgd_trainer_free(t);
        int cancelled = 0;
        for (int64_t at = 1; at <= never.asked / 2; at += 1 + at / (REDUCED ? 1 : 4)) {
            questions q = {0, at};
            cusgd_result r = CUSGD_INIT(cusgd_result);
            cusgd_model *m;
            t = trainer_of(&o, data, NULL);
            cusgd_set_interrupt(ask, &q);
            status = cusgd_trainer_fit(t, NULL, NULL, &r);
            cusgd_set_interrupt(NULL, NULL);
            int is_late = cancelled >= 5 && r.stop == CUSGD_STOP_EPOCHS; /* asked after the last iteration, whose result stands */
            cr_assert(status == CUSGD_OK || (is_late && status == CUSGD_ERROR_NOT_CONVERGED), "%s", cusgd_last_error());
            cr_assert(r.stop == CUSGD_STOP_CANCELLED || is_late, "solver %d, question %d: stop %d", (int)s, (int)at, (int)r.stop);
            cancelled += r.stop == CUSGD_STOP_CANCELLED;
            cr_assert(isfinite(r.loss), "solver %d, question %d: %g", (int)s, (int)at, r.loss);
            cr_assert_eq(cusgd_trainer_create_model(t, &m), CUSGD_OK);
            cr_assert(isfinite(cusgd_model_weight(m)[0]));
            cusgd_model_free(m);
            status = cusgd_trainer_fit(t, NULL, NULL, &r); /* it may go on */
            cr_assert(status == CUSGD_OK || status == CUSGD_ERROR_NOT_CONVERGED);
            cr_assert_neq(r.stop, CUSGD_STOP_CANCELLED);
            cusgd_trainer_free(t);
        }
    }
    cusgd_data_free(data);
}

/* Of two sets of rows the trainer has one, which it names, and the other may be freed; it goes on with the one that it has. */
Test(interrupt, a_partial_fit_says_which_rows_it_has)
{
    enum { FEW = 3000 };
    cusgd_data *all = make_data(1);
    int64_t *rows = malloc(sizeof *rows * FEW);
    cr_assert(rows);
    for (int i = 0; i < FEW; i++) rows[i] = i;
    cusgd_options o = with_solver(CUSGD_SOLVER_SGD);
    o.valid_fraction = 0;
    o.batch = 16;
    questions q = {0, 0};
    int64_t asked = 0;
    int kept_old = 0, took_new = 0;
    for (int64_t at = 0; at <= asked; at += 1 + asked / 50) {
        cusgd_data *old, *new;
        cusgd_result r = CUSGD_INIT(cusgd_result);
        cr_assert_eq(cusgd_data_select(all, rows, FEW, &old), CUSGD_OK);
        cr_assert_eq(cusgd_data_select(all, rows, FEW, &new), CUSGD_OK);
        cusgd_trainer *t = trainer_of(&o, old, NULL);
        cr_assert_eq(cusgd_trainer_data(t), old);
        q = (questions){0, at};
        cusgd_set_interrupt(ask, &q);
        cusgd_status status = cusgd_trainer_partial_fit(t, new, NULL);
        cusgd_set_interrupt(NULL, NULL);
        cr_assert_eq(status, at ? CUSGD_ERROR_INTERRUPTED : CUSGD_OK, "question %d", (int)at);
        if (at == 0) asked = q.asked;
        int has_new = cusgd_trainer_data(t) == new;
        cr_assert(has_new || cusgd_trainer_data(t) == old);
        kept_old += !has_new;
        took_new += at && has_new;
        cusgd_data_free(has_new ? old : new);
        cr_assert_eq(cusgd_trainer_fit(t, NULL, NULL, &r), CUSGD_OK);
        cusgd_trainer_free(t);
        cusgd_data_free(has_new ? new : old);
    }
    cr_assert(kept_old && took_new, "%d and %d", kept_old, took_new);
    free(rows);
    cusgd_data_free(all);
}

Test(interrupt, predictions_metrics_and_data)
{
    cusgd_data *data = make_data(0), *other;
    cusgd_options o;
    options_init(&o);
    o.epochs = 1;
    cusgd_trainer *t = trainer_of(&o, data, NULL);
    cusgd_model *m;
    cusgd_metrics metrics = CUSGD_INIT(cusgd_metrics);
    double *p = zeros(ROWS);
    questions q = {0, 1};
    FILE *csv = fopen("big.csv", "w");
    cr_assert(csv);
    for (int i = 0; i < 20000; i++) fprintf(csv, "%d,%d\n", i, i % 7);
    cr_assert_eq(fclose(csv), 0);
    cr_assert_eq(cusgd_trainer_create_model(t, &m), CUSGD_OK);
    cusgd_set_interrupt(ask, &q);
    cr_assert_eq(cusgd_model_predict(m, data, CUSGD_PREDICT_MEAN, p), CUSGD_ERROR_INTERRUPTED);
    cr_assert_eq(cusgd_model_evaluate(m, data, -1, &metrics), CUSGD_ERROR_INTERRUPTED);
    cr_assert_eq(cusgd_trainer_predict(t, data, CUSGD_PREDICT_MEAN, p), CUSGD_ERROR_INTERRUPTED);
    cr_assert_eq(cusgd_data_open("big.csv", NULL, &other), CUSGD_ERROR_INTERRUPTED);
    cr_assert_null(other);
    q = (questions){0, 0};
    cr_assert_eq(cusgd_model_evaluate(m, data, -1, &metrics), CUSGD_OK);
    cr_assert_geq(q.asked, 20);
    cusgd_set_interrupt(NULL, NULL);
    cusgd_model_free(m);
    cusgd_trainer_free(t);
    cusgd_data_free(data);
    free(p);
}

/* Passes that copy or transform rows ask in the pass, and leave nothing half done. */
Test(interrupt, copies_of_rows)
{
    cusgd_data *data = make_data(1), *picked;
    double *p = zeros(ROWS);
    int64_t *rows = malloc(sizeof *rows * ROWS);
    questions q = {0, 0};
    cr_assert(rows);
    for (int i = 0; i < ROWS; i++) rows[i] = ROWS - 1 - i, p[i] = 1 + i;
    cusgd_set_interrupt(ask, &q);
    cr_assert_eq(cusgd_data_select(data, rows, ROWS, &picked), CUSGD_OK);
    int64_t selecting = q.asked;
    cr_assert_geq(selecting, ROWS / 1024, "%d", (int)selecting);
    cusgd_data_free(picked);
    for (int64_t at = 1; at <= selecting; at += 1 + selecting / 20) {
        q = (questions){0, at};
        cr_assert_eq(cusgd_data_select(data, rows, ROWS, &picked), CUSGD_ERROR_INTERRUPTED, "question %d", (int)at);
        cr_assert_null(picked);
    }
    q = (questions){0, 0};
    cusgd_matrix exposures = {p, CUSGD_TYPE_FLOAT64, 1, 1};
    cr_assert_eq(cusgd_data_set_offset(data, CUSGD_OFFSET_EXPOSURE, exposures), CUSGD_OK);
    int64_t asked = q.asked;
    cr_assert_geq(asked, ROWS / 1024, "%d", (int)asked);
    cr_assert_eq(cusgd_data_set_offset(data, CUSGD_OFFSET_NONE, exposures), CUSGD_OK);
    for (int64_t at = 1; at <= asked; at += 1 + asked / 20) {
        q = (questions){0, at};
        cr_assert_eq(cusgd_data_set_offset(data, CUSGD_OFFSET_EXPOSURE, exposures), CUSGD_ERROR_INTERRUPTED);
        cr_assert_eq(cusgd_data_offset(data, NULL), CUSGD_OFFSET_NONE);
    }
    cusgd_set_interrupt(NULL, NULL);
    cusgd_data_free(data);
    free(rows);
    free(p);
}

/* Means are made of p in a pass of their own. */
Test(interrupt, means_of_predictions)
{
    cusgd_data *data = make_data(1);
    cusgd_options o = with_solver(CUSGD_SOLVER_LBFGS);
    cusgd_model *m;
    double *p = zeros(ROWS);
    int64_t asked[2];
    cusgd_trainer *t = trainer_of(&o, data, NULL);
    cr_assert_eq(cusgd_trainer_create_model(t, &m), CUSGD_OK);
    for (int mean = 0; mean < 2; mean++) {
        questions q = {0, 0};
        cusgd_set_interrupt(ask, &q);
        cr_assert_eq(cusgd_model_predict(m, data, mean ? CUSGD_PREDICT_MEAN : CUSGD_PREDICT_LINK, p), CUSGD_OK);
        asked[mean] = q.asked;
    }
    cr_assert_geq(asked[1], asked[0] + ROWS / 1024, "%d, %d", (int)asked[0], (int)asked[1]);
    questions late = {0, asked[1] - 2};
    cusgd_set_interrupt(ask, &late);
    cr_assert_eq(cusgd_model_predict(m, data, CUSGD_PREDICT_MEAN, p), CUSGD_ERROR_INTERRUPTED);
    cusgd_set_interrupt(NULL, NULL);
    cusgd_model_free(m);
    cusgd_trainer_free(t);
    cusgd_data_free(data);
    free(p);
}

static cusgd_trainer *running;
static int cancel_running(void *user)
{
    (void)user;
    cusgd_trainer_cancel(running); /* as a signal handler would, in whatever phase */
    return 0;
}

/* Whatever has been found in a table before, and whenever it is asked, an answer of yes ends the description and the reading. How
 * often it is asked depends on the time, where several threads read. */
Test(interrupt, tables_that_are_wrong)
{
    FILE *csv = fopen("wrong.csv", "w");
    cr_assert(csv);
    for (int i = 0; i < 300000; i++) fprintf(csv, "%d,%s,%d\n", i, i % 1000 == 5 ? "x" : "1", i % 7);
    cr_assert_eq(fclose(csv), 0);
    for (int described = 0; described < 2; described++) {
        cusgd_table *seen = NULL;
        cusgd_data *data = NULL;
        questions q = {0, 0};
        cusgd_set_interrupt(ask, &q);
        if (described)
            cr_assert_eq(cusgd_table_open("wrong.csv", NULL, &seen), CUSGD_OK, "%s", cusgd_last_error());
        else
            cr_assert_eq(cusgd_data_open("wrong.csv", NULL, &data), CUSGD_ERROR_DATA);
        cusgd_table_free(seen);
        seen = NULL;
        int64_t all = q.asked;
        cr_assert_geq(all, 3);
        for (int64_t at = 1; at <= all; at++) {
            q = (questions){0, at};
            cusgd_status status =
                described ? cusgd_table_open("wrong.csv", NULL, &seen) : cusgd_data_open("wrong.csv", NULL, &data);
            if (q.asked < at) break;
            cr_assert_eq(status, CUSGD_ERROR_INTERRUPTED, "question %d of %d: %d", (int)at, (int)all, (int)status);
            cr_assert_null(seen);
            cr_assert_null(data);
        }
        cusgd_table_free(seen);
        cusgd_set_interrupt(NULL, NULL);
    }
}

/* Passes over the targets in one thread ask, too: the trainer looks for classes -1, and for rows of both classes. */
Test(interrupt, passes_over_targets)
{
    enum { MANY = 300000 };
    double *y = zeros(MANY);
    examples e = {.n = MANY, .d = 1, .k = 1, .y = {y, CUSGD_TYPE_FLOAT64, 1, 1}};
    int have = 1;
    y[MANY - 1] = 1;
    for (int64_t at = 1; at <= 5; at++) {
        questions q = {0, at};
        cusgd_set_interrupt(ask, &q);
        cr_assert_eq(examples_have_target(&e, 1, &have), CUSGD_ERROR_INTERRUPTED);
        cr_assert_eq(have, 0);
        q = (questions){0, at};
        cr_assert_eq(examples_check_classes(&e, CUSGD_LOSS_LOGISTIC, "data"), CUSGD_ERROR_INTERRUPTED);
    }
    cusgd_set_interrupt(NULL, NULL);
    cr_assert_eq(examples_have_target(&e, 1, &have), CUSGD_OK);
    cr_assert_eq(have, 1);
    cr_assert_eq(examples_have_target(&e, -1, &have), CUSGD_OK);
    cr_assert_eq(have, 0);
    cr_assert_eq(examples_check_classes(&e, CUSGD_LOSS_LOGISTIC, "data"), CUSGD_OK);
    free(y);
}

/* cusgd_trainer_cancel is heard in passes over the data, too. */
Test(interrupt, cancel_in_a_pass)
{
    cusgd_data *data = make_data(1);
    for (size_t s = 0; s < sizeof solvers / sizeof *solvers; s++) {
        cusgd_options o = with_solver(solvers[s]);
        cusgd_result r = CUSGD_INIT(cusgd_result);
        running = trainer_of(&o, data, NULL);
        cusgd_set_interrupt(cancel_running, NULL);
        cr_assert_eq(cusgd_trainer_fit(running, NULL, NULL, &r), CUSGD_OK);
        cusgd_set_interrupt(NULL, NULL);
        cr_assert_eq(r.stop, CUSGD_STOP_CANCELLED);
        cusgd_trainer_free(running);
    }
    cusgd_data_free(data);
}

/* ---- Loops over rows: they ask, but not at every row ---- */

enum { ROWS_BETWEEN = 1024 };

/* Questions that making a trainer asks. */
static int64_t questions_of_making(const cusgd_options *o, const cusgd_data *data)
{
    questions q = {0, 0};
    cusgd_set_interrupt(ask, &q);
    cusgd_trainer *t = trainer_of(o, data, NULL);
    cusgd_set_interrupt(NULL, NULL);
    cusgd_trainer_free(t);
    return q.asked;
}

/* Targets that are taken in a unit of their own are looked at, and copied. */
Test(interrupt, targets_of_unusual_size)
{
    uint64_t seed = 5;
    double *x = random_normals(&seed, ROWS), *y = random_normals(&seed, ROWS);
    cusgd_data *data = data_of(ROWS, 1, 1, x, y, NULL);
    cusgd_options o;
    options_init(&o);
    o.threads = 1;
    int64_t usual = questions_of_making(&o, data);
    for (int i = 0; i < ROWS; i++) y[i] *= 1e25;
    int64_t unusual = questions_of_making(&o, data);
    cr_expect_geq(unusual, usual + ROWS / ROWS_BETWEEN);
    for (int64_t at = 1; at <= unusual; at += 1 + unusual / 20) {
        questions q = {0, at};
        cusgd_trainer *t;
        cusgd_set_interrupt(ask, &q);
        cr_assert_eq(cusgd_trainer_create(&o, data, NULL, &t), CUSGD_ERROR_INTERRUPTED, "question %d", (int)at);
    }
    cusgd_set_interrupt(NULL, NULL);
    cusgd_data_free(data);
    free(x);
    free(y);
}

/* Whenever it is asked, an answer of yes ends the call. Metrics look for the targets' size, and compare with the intercept-only
 * model; standard errors count rows and take their residuals. */
Test(interrupt, metrics_and_standard_errors)
{
    uint64_t seed = 5;
    double *x = random_normals(&seed, ROWS), *y = zeros(ROWS), *o = random_normals(&seed, ROWS);
    for (int i = 0; i < ROWS; i++) y[i] = floor(3 * exp(0.3 * x[i]) * (i % 2));
    cusgd_data *data = data_of(ROWS, 1, 1, x, y, NULL);
    cr_assert_eq(cusgd_data_set_offset(data, CUSGD_OFFSET_LINEAR, (cusgd_matrix){o, CUSGD_TYPE_FLOAT64, 1, 1}), CUSGD_OK);
    const cusgd_loss losses[] = {CUSGD_LOSS_POISSON, CUSGD_LOSS_SQUARED};
    for (int i = 0; i < 2; i++) {
        cusgd_options options = with_solver(CUSGD_SOLVER_AUTO);
        cusgd_model *m, *other;
        cusgd_metrics metrics = CUSGD_INIT(cusgd_metrics);
        options.loss = losses[i];
        options.valid_fraction = 0;
        options.epochs = 0;
        cusgd_trainer *t = trainer_of(&options, data, NULL);
        cr_assert_eq(cusgd_trainer_fit(t, NULL, NULL, NULL), CUSGD_OK, "%s", cusgd_last_error());
        questions q = {0, 0};
        cusgd_set_interrupt(ask, &q);
        cr_assert_eq(cusgd_trainer_create_model(t, &m), CUSGD_OK);
        cr_assert_not_null(cusgd_model_standard_errors(m, NULL));
        int64_t making = q.asked;
        cr_expect_geq(making, (i == 0 ? 2 : 4) * (ROWS / ROWS_BETWEEN), "%d", (int)making); /* each pass over the rows asks */
        q = (questions){0, 0};
        cr_assert_eq(cusgd_model_evaluate(m, data, -1, &metrics), CUSGD_OK);
        int64_t measuring = q.asked;
        cr_expect_geq(measuring, (i == 0 ? 4 : 3) * (ROWS / ROWS_BETWEEN), "%d", (int)measuring);
        for (int64_t at = 1; at <= making; at += 1 + making / 20) {
            q = (questions){0, at};
            cr_assert_eq(cusgd_trainer_create_model(t, &other), CUSGD_ERROR_INTERRUPTED, "loss %d, question %d", i, (int)at);
        }
        for (int64_t at = 1; at <= measuring; at += 1 + measuring / 20) {
            q = (questions){0, at};
            cr_assert_eq(cusgd_model_evaluate(m, data, -1, &metrics), CUSGD_ERROR_INTERRUPTED, "loss %d, question %d", i,
                         (int)at);
        }
        cusgd_set_interrupt(NULL, NULL);
        cusgd_model_free(m);
        cusgd_trainer_free(t);
    }
    cusgd_data_free(data);
    free(x);
    free(y);
    free(o);
}

/* The search for separated classes reads each row several times; a question may take as long as a row does. */
Test(interrupt, is_not_asked_at_every_row)
{
    cusgd_data *data = make_data(1);
    cusgd_options o = with_solver(CUSGD_SOLVER_NEWTON);
    cusgd_trainer *t = trainer_of(&o, data, NULL);
    questions q = {0, 0};
    cusgd_set_interrupt(ask, &q);
    cusgd_status status = cusgd_trainer_fit(t, NULL, NULL, NULL);
    cusgd_set_interrupt(NULL, NULL);
    cr_assert(status == CUSGD_OK || status == CUSGD_ERROR_NOT_CONVERGED);
    cr_expect_lt(q.asked, ROWS / 4, "asked %d times", (int)q.asked);
    cusgd_trainer_free(t);
    cusgd_data_free(data);
}

/* ---- The least objective ---- */

Test(interrupt, the_optimum)
{
    for (int logistic = 0; logistic < 2; logistic++) {
        cusgd_data *data = make_data(logistic);
        cusgd_options o = with_solver(CUSGD_SOLVER_SGD);
        if (!logistic) o.loss = CUSGD_LOSS_SQUARED;
        o.valid_fraction = 0;
        double objective, seconds, before[COLS + 1], after[COLS + 1];
        questions never = {0, 0};
        cusgd_trainer *t = trainer_of(&o, data, NULL);
        fit(t);
        parameters_of(t, COLS, 1, before);
        cusgd_trainer *other = trainer_of(&o, data, NULL);
        fit(other);
        cusgd_set_interrupt(ask, &never);
        cr_assert_eq(cusgd_trainer_optimum(other, &objective, &seconds), CUSGD_OK);
        cr_assert(isfinite(objective));
        cr_assert_gt(never.asked, 1);
        cusgd_trainer_free(other);
        for (int64_t at = 1; at <= never.asked; at += 1 + never.asked / 20) {
            questions q = {0, at};
            cusgd_set_interrupt(ask, &q);
            cr_assert_eq(cusgd_trainer_optimum(t, &objective, &seconds), CUSGD_ERROR_INTERRUPTED, "question %d", (int)at);
            cr_assert(isnan(objective));
        }
        cusgd_set_interrupt(NULL, NULL);
        cr_assert_eq(cusgd_trainer_optimum(t, &objective, &seconds), CUSGD_OK); /* nothing was left half done */
        cr_expect(isfinite(objective));
        parameters_of(t, COLS, 1, after);
        cr_expect_arr_eq(before, after, sizeof before);
        cusgd_trainer_free(t);
        cusgd_data_free(data);
    }
}

static int64_t asked_when_told;
static int note_questions(const cusgd_progress *p, void *user)
{
    (void)p;
    asked_when_told = ((const questions *)user)->asked;
    return 0;
}

/* A quadratic run that has converged is compared with the least objective. Whoever interrupts that loses the comparison alone. */
Test(interrupt, a_fit_that_has_converged_was_not_cancelled)
{
    cusgd_data *data = make_data(0);
    cusgd_options o = with_solver(CUSGD_SOLVER_CG);
    o.loss = CUSGD_LOSS_SQUARED;
    o.valid_fraction = 0;
    o.epochs = 0;
    o.gradient_tolerance = 1e-3; /* some iterations */
    questions q = {0, 0};
    cusgd_result r = CUSGD_INIT(cusgd_result);
    cusgd_trainer *t = trainer_of(&o, data, NULL);
    cusgd_set_interrupt(ask, &q);
    cr_assert_eq(cusgd_trainer_fit(t, note_questions, &q, &r), CUSGD_OK, "%s", cusgd_last_error());
    cr_assert_eq(r.stop, CUSGD_STOP_GRADIENT);
    cusgd_trainer_free(t);
    int64_t last = asked_when_told, all = q.asked;
    cr_assert_gt(all, last + 1);
    for (int64_t at = last + 1; at <= all; at += 1 + (all - last) / 20) {
        q = (questions){0, at};
        cusgd_set_interrupt(NULL, NULL);
        t = trainer_of(&o, data, NULL);
        cusgd_set_interrupt(ask, &q);
        cr_assert_eq(cusgd_trainer_fit(t, note_questions, &q, &r), CUSGD_OK, "question %d: %s", (int)at, cusgd_last_error());
        cr_assert_eq(r.stop, CUSGD_STOP_GRADIENT, "question %d of %d: stop %d", (int)at, (int)all, (int)r.stop);
        cr_assert(isfinite(r.loss));
        cusgd_trainer_free(t);
    }
    cusgd_set_interrupt(NULL, NULL);
    cusgd_data_free(data);
}

/* ---- The command: a reader that waits for a pipe hears signals; nothing is left behind ---- */

Test(interrupt, the_command_waits_for_data)
{
    static const char *const lines[] = {"train - --model m.safetensors", "train - --model m.safetensors -q", "info -",
                                        "predict model - -o p.csv", "evaluate model -"};
    static const struct {
        const char *name;
        int code;
    } signals[] = {{"INT", 130}, {"TERM", 143}};
    outcome o;
    run(&o, "$CUSGD train data.csv --model model -q");
    assert_code(o, 0);
    for (size_t i = 0; i < sizeof lines / sizeof *lines; i++)
        for (int s = 0; s < 2; s++) {
            run(&o,
                "mkfifo in; env --default-signal=INT $CUSGD %s < in & p=$!; exec 3> in; printf 'a,b,c,y\\n1,2,3,4\\n' >&3; sleep "
                "0.3\n"
                "kill -%s $p; wait $p; code=$?; exec 3>&-; rm in; exit $code",
                lines[i], signals[s].name);
            assert_code(o, signals[s].code);
            assert_has(o.err, "interrupted");
            cr_assert(access("m.safetensors", F_OK) != 0 && access("p.csv", F_OK) != 0);
            cr_assert_eq(folder_count(path_of("")), 5); /* data.csv, text.csv, model, .out, .err */
        }
}

/* info reads a file twice, and hears signals both times: the second reading is the one that waits here. */
Test(interrupt, info_of_a_file)
{
    static const char *const signals[] = {"INT", "TERM"};
    static const int codes[] = {130, 143};
    outcome o;
    for (int s = 0; s < 2; s++)
        for (int twice = 0; twice < 2; twice++) {
            run(&o,
                "rm -f in.csv; mkfifo in.csv; env --default-signal=INT $CUSGD info in.csv & p=$!\n"
                "if [ %d = 1 ]; then cat data.csv >in.csv; sleep 0.3; fi\n"
                "exec 3>in.csv; printf 'a,b,y\\n1,x,2\\n' >&3; sleep 0.3\n"
                "kill -%s $p; wait $p; code=$?; exec 3>&-; rm in.csv; exit $code",
                twice, signals[s]);
            assert_code(o, codes[s]);
            assert_has(o.err, "interrupted");
            cr_assert(!strstr(o.err, "refuses") && !strstr(o.err, "nothing from there on"), "%s", o.err);
            cr_assert_eq(strstr(o.out, "COLUMN") != NULL, twice);
        }
}
