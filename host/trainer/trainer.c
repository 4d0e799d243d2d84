/* Trainers: the public interface to a problem, a run and a method. */
#include "trainer.h"

#include "cusgd_world.h"
#include "expr/formula.h"
#include "failure.h"
#include "interrupt.h"
#include "lapack_library.h"
#include "options.h"
#include "problem/examples.h"
#include "public.h"
#include "shared.h"
#include "solvers/solvers.h"
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- The start of a run ---- */

/* Fails if the bounds move the starting point to where the loss overflows. The sign of the starting point determines which bound
 * is the cause. An epoch is undone if its loss far exceeds that of the start, which must therefore be the loss within the
 * bounds. */
static cusgd_status check_bounds(cusgd_trainer *t)
{
    const cusgd_options *o = &t->options;
    double loss;
    if (!options_have_bounds(o)) return CUSGD_OK;
    cusgd_status status = problem_loss(&t->problem, &t->problem.train, loss_rule_of(o), t->run.start, &loss, NULL);
    if (status) return status;
    if (isfinite(loss)) {
        if (t->sgd.retreats) t->run.start_loss = loss;
        return CUSGD_OK;
    }
    if (!options_exclude_zero(o)) return CUSGD_OK; /* bounds do not move the start */
    int lower = o->lower > 0, single = o->precision == CUSGD_PRECISION_FLOAT;
    return fail(CUSGD_ERROR_USAGE,
                "%s %g excludes every model that could be trained: with coefficients at that bound the loss is not finite in %s; "
                "give a bound nearer to 0",
                lower ? "lower" : "upper", lower ? o->lower : o->upper, single ? "float" : "double");
}

/* Begins a new run at theta. */
static cusgd_status restart(cusgd_trainer *t, const double *theta)
{
    memcpy(t->run.start, theta, theta_bytes(&t->problem));
    for (int64_t u = 0; u < t->problem.d * t->problem.k; u++) t->run.start[u] = problem_bounded(&t->problem, u, theta[u]);
    t->run.at = (run_position){.rate_scale = 1,
                               .plateau_scale = 1,
                               .plateau_best = (double)INFINITY,
                               .best = (double)INFINITY,
                               .last = {(double)NAN, (double)NAN, (double)NAN},
                               .result = SNAPSHOT_CURRENT,
                               .chose_rate = t->run.at.chose_rate,
                               .unfinished = 1};
    run_forget_fit(&t->run);
    cusgd_status status = check_bounds(t);
    return status ? status : run_begin(&t->run);
}

/* See trainer.h. */
cusgd_status trainer_restart_at(cusgd_trainer *t, const double *theta, double *objective)
{
    cusgd_status status = CUSGD_OK;
    *objective = (double)NAN;
    if (t->sgd.retreats) status = problem_objective(&t->problem, &t->problem.train, theta, &t->run.start_loss, objective, NULL);
    return status ? status : restart(t, theta);
}

/* ---- Making one ---- */

/* Sets the starting point: the intercept-only model for optimizer auto and full-batch solvers, zeros in the units of the data for
 * other optimizers. */
static cusgd_status start(cusgd_trainer *t)
{
    const problem *p = &t->problem;
    if (t->options.optimizer == CUSGD_OPTIMIZER_AUTO || t->options.solver != CUSGD_SOLVER_SGD) {
        problem_null(p, t->run.theta);
        t->run.start_loss = p->null_loss;
        return restart(t, t->run.theta);
    }
    memset(t->run.theta, 0, theta_bytes(p));
    for (int64_t c = 0; c < p->k; c++) t->run.theta[p->d * p->k + c] = -p->units.shift[c];
    double unused;
    return trainer_restart_at(t, t->run.theta, &unused);
}

static cusgd_status choose_method(cusgd_trainer *t)
{
    if (t->options.solver == CUSGD_SOLVER_SGD) {
        sgd_choose_run(&t->sgd);
        return sgd_choose_optimizer(&t->sgd);
    }
    cusgd_status status = solver_choose(&t->run, t->announcement, sizeof t->announcement);
    return status ? status : problem_measure_null(&t->problem, 1);
}

/* Returns whether all targets are 0 or 1 and both occur. If not, one of the first rows usually shows it. */
static int has_two_classes(const examples *e)
{
    int seen[2] = {0};
    for (counted_rows at = {.of = e}; counted_next(&at);) {
        double y = counted_target(&at, 0);
        if (y != 0 && y != 1) return 0;
        seen[y != 0] = 1;
    }
    return seen[0] && seen[1];
}

/* Adds the note on classes, only for losses of numbers of any sign: for others, 0 and 1 may be counts. */
static void note_classes(cusgd_trainer *t)
{
    if (loss_info_of(t->options.loss)->targets != CUSGD_TARGET_REAL || t->problem.k != 1 || t->formula) return;
    if (!has_two_classes(&t->problem.train.rows)) return;
    snprintf(t->classes_note, sizeof t->classes_note,
             "the target has two classes; --loss logistic would fit their probabilities");
    options_undash(t->classes_note);
}

/* See trainer.h. */
void trainer_attach(cusgd_trainer *t)
{
    t->problem.options = t->run.options = &t->options;
    t->problem.backend = t->backend.ops ? &t->backend : NULL;
    t->sgd.problem = t->run.problem = &t->problem;
    t->sgd.run = &t->run;
    t->run.fit.trainer = t;
}

cusgd_status trainer_begin(cusgd_trainer *t)
{
    cusgd_status status = run_open(&t->run, &t->options, &t->problem);
    trainer_attach(t);
    if (!status) note_classes(t);
    if (!status) status = interrupt_asked() ? fail_interrupted() : choose_method(t);
    if (!status) status = start(t);
    options_undash(t->announcement);
    options_undash(t->problem.targets.note);
    return status;
}

/* Opens the problem again with decorrelated columns. */
static cusgd_status whiten(cusgd_trainer *t)
{
    cusgd_status status = whitening_open(&t->problem, &t->whitening);
    if (status) return status;
    const whitening *w = t->whitening;
    problem_close(&t->problem);
    return problem_open(&t->problem, NULL, &t->options, &w->white_train, w->valid ? &w->white_valid : NULL);
}

/* Data in the memory of a GPU can only be used on that GPU. */
cusgd_status trainer_check_place(const cusgd_trainer *t, const cusgd_data *data)
{
    if (!data) return CUSGD_OK;
    return t->backend.is_host ? data_on_host(data, "the CPU") : CUSGD_OK;
}

/* Chooses the device. A GPU can keep few intermediate results of a formula at a time. */
static cusgd_status choose_device(cusgd_trainer *t)
{
    if (!t->formula || t->formula->loss.places <= LOSS_PLACES) return CUSGD_OK;
    if (strncmp(t->options.device, "cuda", 4) == 0)
        return fail_option("device",
                           "--loss-expr needs %d results at a time, and a GPU keeps %d: leave --device out, or simplify it",
                           t->formula->loss.places, LOSS_PLACES);
    strcpy(t->options.device, "cpu");
    return CUSGD_OK;
}

static cusgd_status prepare(cusgd_trainer *t, const cusgd_data *train, const cusgd_data *valid)
{
    const cusgd_options *o = &t->options;
    world *shared = t->backend.world;
    cusgd_status status = problem_open(&t->problem, shared, o, train, valid);
    if (!status && o->whiten != CUSGD_WHITEN_NONE) status = data_on_host(train, "option whiten");
    if (!status && o->whiten != CUSGD_WHITEN_NONE && valid) status = data_on_host(valid, "option whiten");
    if (!status && o->whiten != CUSGD_WHITEN_NONE) status = whiten(t);
    if (!status) status = choose_device(t);
    if (!status) status = backend_open(o->device, o->precision, o->threads, &t->backend);
    t->backend.world = shared;
    if (!status) status = shared_compare(t->backend.world, t, 0);
    if (!status) status = trainer_check_place(t, train);
    if (!status) status = trainer_check_place(t, valid);
    if (!status) status = run_check_spec(o, &t->problem, &t->backend);
    if (!status) status = problem_bind(&t->problem, &t->backend);
    return status ? status : trainer_begin(t);
}

/* By default sparse columns are not standardized: if they were centered, every step would change all parameters, and columns of
 * rare words, divided by their standard deviations, would be large. The order `batches` transposes each batch only once, because
 * its rows do not change. */
void trainer_choose_storage(cusgd_options *o, const cusgd_data *train)
{
    int sparse = examples_are_sparse(&train->view);
    if (sparse) o->standardize = o->sparse_scale != CUSGD_SPARSE_SCALE_NONE;
    if ((int)o->sampling == -1) o->sampling = sparse ? CUSGD_SAMPLING_BATCHES : CUSGD_SAMPLING_PERMUTE;
}

/* See trainer.h. */
cusgd_status trainer_choose_formula(cusgd_options *o, struct loss_formula **out)
{
    cusgd_status status = loss_formula_open(o, out);
    o->formula = *out;
    if (status || !*out) return status;
    o->loss = (*out)->kind;
    return cusgd_options_check(o);
}

/* w: the world whose ranks share the training; NULL: only this process. */
static cusgd_status create(world *w, const cusgd_options *options, const cusgd_data *train, const cusgd_data *valid,
                           cusgd_trainer **out)
{
    cusgd_trainer *t = allocate_zeroed(1, sizeof *t);
    if (!t) return fail_memory(sizeof *t, "a trainer");
    t->backend.world = w;
    t->options = *options;
    t->open = options_undecided(options);
    cusgd_status status = trainer_choose_formula(&t->options, &t->formula);
    if (status) {
        cusgd_trainer_free(t);
        return status;
    }
    if (t->options.shards > 1) lapack_use_one_thread();
    classes_choose(&t->options, train);
    loss_numbers_choose(&t->options);
    solver_best(&t->options, train, t->solver_reason,
                sizeof t->solver_reason); /* uses the options that were given, before others are chosen */
    trainer_choose_storage(&t->options, train);
    status = options_own(&t->options, cusgd_data_cols(train));
    if (status) {
        cusgd_trainer_free(t);
        return status;
    }
    const int *before = shared_begin(t);
    status = prepare(t, train, valid);
    cusgd_status files = status == CUSGD_ERROR_MEMORY ? CUSGD_OK : problem_check_data(&t->problem);
    if (files != CUSGD_OK) status = files; /* other failures may follow from this one */
    status = shared_end(t, before, status);
    if (!status)
        *out = t;
    else
        cusgd_trainer_free(t);
    return status;
}

cusgd_status cusgd_trainer_create(const cusgd_options *options, const cusgd_data *train, const cusgd_data *valid,
                                  cusgd_trainer **out)
{
    *out = NULL;
    if (!options || !train) return fail_null(__func__);
    cusgd_status status = cusgd_options_check(options);
    return status ? status : create(NULL, options, train, valid, out);
}

cusgd_status cusgd_trainer_create_shared(cusgd_world *w, const cusgd_options *options, const cusgd_data *train,
                                         const cusgd_data *valid, cusgd_trainer **out)
{
    *out = NULL;
    if (!w || !options || !train) return fail_null(__func__);
    cusgd_options own = *options;
    cusgd_status status = cusgd_options_check(options);
    if (!status) status = shared_options(w, &own);
    if (!status) return create(w->ranks > 1 ? w : NULL, &own, train, valid, out);
    if (!w->failed || status != CUSGD_ERROR_DEVICE) w->ops->notify(w->of, cusgd_last_error()); /* others do not know */
    return status;
}

void cusgd_trainer_free(cusgd_trainer *t)
{
    if (!t) return;
    problem_close(&t->problem);
    whitening_close(t->whitening);
    if (t->backend.ops) t->backend.ops->close(t->backend.self);
    run_close(&t->run);
    sgd_close(&t->sgd);
    options_disown(&t->options);
    loss_formula_free(t->formula);
    free(t);
}

/* The callback is called during a fit, whose run such functions would change. */
cusgd_status trainer_check_idle(const cusgd_trainer *t, const char *function)
{
    if (!t->run.busy) return CUSGD_OK;
    return fail(CUSGD_ERROR_USAGE, "%s cannot be called on a trainer while a fit of it runs, by its callback", function);
}

/* ---- What it does ---- */

cusgd_status trainer_fit(cusgd_trainer *t, cusgd_callback callback, void *user, cusgd_result *result)
{
    cusgd_status status = trainer_check_idle(t, "cusgd_trainer_fit");
    if (!status && t->run.lost == 2) status = run_check_device(&t->run);
    if (status) return status;
    t->run.busy = 1;
    const int *agreed = shared_begin(t);
    status = shared_compare_position(t);
    if (!status)
        status = t->options.solver != CUSGD_SOLVER_SGD ? solver_fit(&t->run, callback, user, result)
                                                       : sgd_fit(&t->sgd, callback, user, result);
    t->run.busy = 0;
    return shared_end(t, agreed, status);
}

cusgd_status cusgd_trainer_step(cusgd_trainer *t, int64_t steps)
{
    if (!t) return fail_null(__func__);
    if (steps < 0) return fail(CUSGD_ERROR_USAGE, "%lld steps: there is no way back", (long long)steps);
    cusgd_status status = trainer_check_idle(t, "cusgd_trainer_step");
    if (!status) status = run_check_device(&t->run);
    if (status) return status;
    if (t->options.solver != CUSGD_SOLVER_SGD)
        return fail(CUSGD_ERROR_USAGE, "steps are what solver sgd takes; use cusgd_trainer_fit with the others");
    steps_report total;
    const int *agreed = shared_begin(t);
    return shared_end(t, agreed, sgd_step(&t->sgd, steps, &total));
}

cusgd_status cusgd_trainer_optimum(cusgd_trainer *t, double *objective, double *seconds)
{
    if (!t) return fail_null(__func__);
    *objective = *seconds = (double)NAN;
    cusgd_status status = trainer_check_idle(t, "cusgd_trainer_optimum");
    if (status) return status;
    const int *agreed = shared_begin(t);
    return shared_end(t, agreed, solver_optimum(&t->run, objective, seconds));
}
