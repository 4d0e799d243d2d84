/* A trainer: what the public interface makes of a problem, a run and a method. */
#include "trainer.h"

#include "clock.h"
#include "cusgd_world.h"
#include "expr/formula.h"
#include "failure.h"
#include "interrupt.h"
#include "lapack_library.h"
#include "options.h"
#include "problem/examples.h"
#include "problem/linear.h"
#include "problem/stream.h"
#include "public.h"
#include "shared.h"
#include "solvers/solvers.h"
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- The start of a run ---- */

/* Bounds that move the start to where the loss overflows leave nothing to train; which of the two is the cause follows from its
 * sign. An epoch is undone where its loss is far above the start's, so that must be the loss within the bounds. */
static cusgd_status check_bounds(cusgd_trainer *t)
{
    const cusgd_options *o = &t->options;
    double loss;
    if (isnan(o->lower) && isnan(o->upper)) return CUSGD_OK;
    cusgd_status status = problem_loss(&t->problem, &t->problem.train, loss_rule_of(o), t->run.start, &loss, NULL);
    if (status) return status;
    if (isfinite(loss)) {
        if (t->sgd.retreats) t->run.start_loss = loss;
        return CUSGD_OK;
    }
    int lower = o->lower > 0;
    if (!lower && !(o->upper < 0)) return CUSGD_OK; /* the start is as it was given: the run will tell */
    int single = o->precision == CUSGD_PRECISION_FLOAT;
    return fail(CUSGD_ERROR_USAGE,
                "%s %g excludes every model that could be trained: with coefficients at that bound the loss is not finite in %s; "
                "give a bound nearer to 0",
                lower ? "lower" : "upper", lower ? o->lower : o->upper, single ? "float" : "double");
}

/* A new run from theta. */
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

/* Likewise, at a theta that is not the intercept-only model's; *objective there, or NaN where no one needs it. */
static cusgd_status restart_at(cusgd_trainer *t, const double *theta, double *objective)
{
    cusgd_status status = CUSGD_OK;
    *objective = (double)NAN;
    if (t->sgd.retreats) status = problem_objective(&t->problem, &t->problem.train, theta, &t->run.start_loss, objective, NULL);
    return status ? status : restart(t, theta);
}

/* ---- Making one ---- */

/* Optimizer auto and the full-batch methods start from the intercept-only model, named optimizers from zeros in the data's units.
 */
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
    return restart_at(t, t->run.theta, &unused);
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

/* Whether every target is 0 or 1, and both occur: mostly one of the first rows shows that they are not. */
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

/* Losses for numbers of any sign alone: 0 and 1 may well be counts. */
static void note_classes(cusgd_trainer *t)
{
    if (loss_info_of(t->options.loss)->targets != CUSGD_TARGET_REAL || t->problem.k != 1 || t->formula) return;
    if (!has_two_classes(&t->problem.train.rows)) return;
    snprintf(t->classes_note, sizeof t->classes_note,
             "the target has two classes; --loss logistic would fit their probabilities");
    options_undash(t->classes_note);
}

/* Its parts know each other by address. */
static void attach(cusgd_trainer *t)
{
    t->problem.options = t->run.options = &t->options;
    t->problem.backend = t->backend.ops ? &t->backend : NULL;
    t->sgd.problem = t->run.problem = &t->problem;
    t->sgd.run = &t->run;
    t->run.fit.trainer = t;
}

static cusgd_status begin(cusgd_trainer *t)
{
    cusgd_status status = run_open(&t->run, &t->options, &t->problem);
    attach(t);
    if (!status) note_classes(t);
    if (!status) status = interrupt_asked() ? fail_interrupted() : choose_method(t);
    if (!status) status = start(t);
    options_undash(t->announcement);
    options_undash(t->problem.targets.note);
    return status;
}

/* Opens the problem anew, of decorrelated columns. */
static cusgd_status whiten(cusgd_trainer *t)
{
    cusgd_status status = whitening_open(&t->problem, &t->whitening);
    if (status) return status;
    const whitening *w = t->whitening;
    problem_close(&t->problem);
    return problem_open(&t->problem, &t->options, &w->white_train, w->valid ? &w->white_valid : NULL);
}

/* Data in the memory of a GPU is for that GPU. */
static cusgd_status check_place(const cusgd_trainer *t, const cusgd_data *data)
{
    if (!data) return CUSGD_OK;
    return t->backend.is_host ? data_on_host(data, "the CPU") : CUSGD_OK;
}

/* A GPU keeps few results of a formula at a time. */
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
    cusgd_status status = problem_open(&t->problem, o, train, valid);
    if (!status && o->whiten != CUSGD_WHITEN_NONE) status = data_on_host(train, "option whiten");
    if (!status && o->whiten != CUSGD_WHITEN_NONE && valid) status = data_on_host(valid, "option whiten");
    if (!status && o->whiten != CUSGD_WHITEN_NONE) status = whiten(t);
    if (!status) status = choose_device(t);
    if (!status) status = backend_open(o->device, o->precision, o->threads, &t->backend);
    t->backend.world = shared;
    if (!status) status = shared_compare(t->backend.world, t, 0);
    if (!status) status = check_place(t, train);
    if (!status) status = check_place(t, valid);
    if (!status) status = run_check_spec(o, &t->problem, &t->backend);
    if (!status) status = problem_bind(&t->problem, &t->backend);
    return status ? status : begin(t);
}

/* Sparse columns are trained on as they are, unless their scales are asked for: where they are centered, all of them change in
 * every step, and the columns of rare words, divided by their deviations, would be large. Batches that stay the same are
 * transposed once. */
static void storage_choose(cusgd_options *o, const cusgd_data *train)
{
    int sparse = examples_are_sparse(&train->view);
    if (sparse) o->standardize = o->sparse_scale != CUSGD_SPARSE_SCALE_NONE;
    if ((int)o->sampling == -1) o->sampling = sparse ? CUSGD_SAMPLING_BATCHES : CUSGD_SAMPLING_PERMUTE;
}

/* Reads the formula of the options, and puts what is known of it there. */
static cusgd_status choose_formula(cusgd_options *o, struct loss_formula **out)
{
    cusgd_status status = loss_formula_open(o, out);
    o->formula = *out;
    if (status || !*out) return status;
    o->loss = (*out)->kind;
    return cusgd_options_check(o);
}

/* w: between whose ranks; NULL: this process alone. */
static cusgd_status create(world *w, const cusgd_options *options, const cusgd_data *train, const cusgd_data *valid,
                           cusgd_trainer **out)
{
    cusgd_trainer *t = allocate_zeroed(1, sizeof *t);
    if (!t) return fail_memory(sizeof *t, "a trainer");
    t->backend.world = w;
    t->options = *options;
    cusgd_status status = choose_formula(&t->options, &t->formula);
    if (status) {
        cusgd_trainer_free(t);
        return status;
    }
    if (t->options.shards > 1) lapack_use_one_thread();
    classes_choose(&t->options, train);
    loss_numbers_choose(&t->options);
    solver_best(&t->options, train, t->solver_reason,
                sizeof t->solver_reason); /* by what was asked for: before the rest is chosen */
    storage_choose(&t->options, train);
    status = options_own(&t->options, cusgd_data_cols(train));
    if (status) {
        cusgd_trainer_free(t);
        return status;
    }
    const int *before = shared_begin(t);
    status = prepare(t, train, valid);
    cusgd_status files = status == CUSGD_ERROR_MEMORY ? CUSGD_OK : problem_check_data(&t->problem);
    if (files != CUSGD_OK) status = files; /* what else went wrong may come of it */
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
    if (!status) status = shared_options(w, &own, train);
    if (!status) return create(w->ranks > 1 ? w : NULL, &own, train, valid, out);
    if (!w->failed || status != CUSGD_ERROR_DEVICE) w->ops->notify(w->of, cusgd_last_error()); /* else the others know */
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

/* A callback is called by the fit, whose run these functions would change. */
static cusgd_status check_idle(const cusgd_trainer *t, const char *function)
{
    if (!t->run.busy) return CUSGD_OK;
    return fail(CUSGD_ERROR_USAGE, "%s cannot be called on a trainer while a fit of it runs, by its callback", function);
}

/* ---- Other options on the same data ---- */

/* Of a copy that the trainer owns; where that fails there is no run. */
static cusgd_status reset_bound(cusgd_trainer *t, cusgd_options *owned)
{
    options_disown(&t->options);
    t->options = *owned;
    run_close(&t->run);
    sgd_close(&t->sgd);
    const fit_state given = t->run.fit;
    t->run = (run){.minimum = (double)NAN, .min_seconds = (double)NAN, .fit = {.callback = given.callback, .user = given.user}};
    t->has_fingerprint = 0; /* other rows may be held out */
    sgd before = t->sgd;
    t->sgd = (sgd){.slice = before.slice};
    memcpy(t->sgd.device_note, before.device_note, sizeof before.device_note); /* it comes once */
    *t->announcement = *t->classes_note = '\0';
    cusgd_status status = problem_reset(&t->problem);
    if (!status) status = begin(t);
    if (!status) status = problem_check_data(&t->problem);
    if (status) t->run.lost = 2;
    return status;
}

/* The data is bound anew; on failure the trainer is as it was. */
static cusgd_status reset_anew(cusgd_trainer *t, const cusgd_options *options)
{
    cusgd_trainer *fresh, old;
    const whitening *w = t->whitening;
    world *shared = t->backend.world;
    const cusgd_data *train = w ? w->train : t->problem.train.data, *valid = w ? w->valid : t->problem.valid.data;
    cusgd_status status = shared ? cusgd_trainer_create_shared(shared, options, train, valid, &fresh)
                                 : cusgd_trainer_create(options, train, valid, &fresh);
    if (status) return status;
    cusgd_trainer_set_checkpoint_callback(fresh, t->run.fit.callback, t->run.fit.user);
    memcpy(&old, t, sizeof old);
    memcpy(t, fresh, sizeof *t);
    memcpy(fresh, &old, sizeof old);
    attach(t);
    attach(fresh);
    cusgd_trainer_free(fresh);
    return CUSGD_OK;
}

cusgd_status cusgd_trainer_reset(cusgd_trainer *t, const cusgd_options *options)
{
    if (!t || !options) return fail_null(__func__);
    cusgd_options owned = *options;
    struct loss_formula *formula = NULL;
    char reason[sizeof t->solver_reason];
    cusgd_status status = check_idle(t, "cusgd_trainer_reset");
    if (!status) status = cusgd_options_check(options);
    if (!status) status = choose_formula(&owned, &formula);
    loss_formula_free(formula); /* where the data stays, so does its formula, which is the same one */
    owned.formula = t->formula;
    if (status) return status;
    classes_choose(&owned, t->problem.train.data);
    loss_numbers_choose(&owned);
    solver_best(&owned, t->problem.train.data, reason, sizeof reason);
    storage_choose(&owned, t->problem.train.data);
    status = problem_check_options(&owned, t->problem.train.data, t->problem.valid.data);
    if (status) return status;
    if (t->run.lost == 1 || !problem_binds_alike(&t->problem, &owned)) return reset_anew(t, options);
    status = options_own(&owned, t->problem.d);
    if (status) return status;
    memcpy(t->solver_reason, reason, sizeof reason);
    const int *before = shared_begin(t);
    return shared_end(t, before, reset_bound(t, &owned));
}

/* ---- Other data ---- */

cusgd_status cusgd_trainer_rebind(cusgd_trainer *t, const cusgd_data *train)
{
    if (!t || !train) return fail_null(__func__);
    cusgd_status status = check_idle(t, "cusgd_trainer_rebind");
    if (!status) status = run_check_device(&t->run);
    if (status) return status;
    if (t->options.solver != CUSGD_SOLVER_SGD)
        return fail_option("solver", "only solver sgd goes on with other rows: the others start anew with all of them");
    if (t->options.valid_fraction > 0)
        return fail_option("valid-fraction", "valid-fraction holds out rows of one data set: give validation data of its own");
    status = check_place(t, train);
    if (status) return status;
    if (t->whitening) return fail_option("whiten", "whiten needs all rows at once, to know how the columns go together");
    t->has_fingerprint = 0;
    int64_t before = t->problem.train.rows.n;
    const int *agreed = shared_begin(t);
    status = shared_end(t, agreed, problem_rebind(&t->problem, train));
    if (status) return status;
    sgd_rebind(&t->sgd);
    if (t->first_rows == 0) t->first_rows = before;
    t->further_rows += t->problem.train.rows.n;
    return CUSGD_OK;
}

/* The rows of the first call may be passed again, to be trained on. */
static int has_few_first_rows(const cusgd_trainer *t)
{
    enum { ENOUGH = 100 };
    int is_given = t->options.column_means || t->options.column_scales;
    return t->options.standardize && !is_given && t->first_rows < ENOUGH && t->further_rows > t->first_rows;
}

const cusgd_data *cusgd_trainer_data(const cusgd_trainer *t)
{
    if (!t) return NULL;
    return t->whitening ? t->whitening->train : t->problem.train.data;
}

cusgd_status trainer_partial_fit(cusgd_trainer *t, const cusgd_data *rows, cusgd_progress *now)
{
    double begun = clock_seconds();
    steps_report total = {0};
    cusgd_status status = cusgd_trainer_rebind(t, rows);
    if (status) return status;
    const int *agreed = shared_begin(t);
    status = shared_end(t, agreed, sgd_step(&t->sgd, t->sgd.batches, &total));
    double seconds = clock_seconds() - begun, count = (double)total.rows;
    *now = (cusgd_progress){.epoch = t->run.at.epoch,
                            .epochs = t->options.epochs,
                            .step = t->run.at.step,
                            .loss = problem_reported(&t->problem, total.loss / count),
                            .valid_loss = (double)NAN,
                            .rate = sgd_numbers(&t->sgd, t->run.at.step > 0 ? t->run.at.step - 1 : 0).rate,
                            .seconds = seconds,
                            .rows_per_second = seconds > 0 ? count / seconds : 0};
    return status;
}

/* ---- What it does ---- */

cusgd_status trainer_fit(cusgd_trainer *t, cusgd_callback callback, void *user, cusgd_result *result)
{
    cusgd_status status = check_idle(t, "cusgd_trainer_fit");
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
    cusgd_status status = check_idle(t, "cusgd_trainer_step");
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
    cusgd_status status = check_idle(t, "cusgd_trainer_optimum");
    if (status) return status;
    const int *agreed = shared_begin(t);
    return shared_end(t, agreed, solver_optimum(&t->run, objective, seconds));
}

/* ---- What others ask of it ---- */

const char *cusgd_trainer_note(const cusgd_trainer *t, size_t index)
{
    if (!t) return NULL;
    const char *notes[9];
    size_t count = 0;
    if (t->problem.targets.minus) notes[count++] = "targets -1 and 1 are two classes, predicted as 0 and 1";
    if (examples_are_sparse(&t->problem.train.rows) && t->options.sparse_scale != CUSGD_SPARSE_SCALE_FULL)
        notes[count++] = t->options.standardize ? "sparse columns are scaled and not centered"
                                                : "sparse columns are not standardized (--sparse-scale)";
    if (has_few_first_rows(t))
        notes[count++] = "the means and scales of the columns, and a rate that was not given, are those of fewer than 100 first "
                         "rows, which may be far from those of all: create the trainer with more rows, or set column-means and "
                         "column-scales";
    if (t->problem.train.stream && stream_held_note(t->problem.train.stream))
        notes[count++] = stream_held_note(t->problem.train.stream);
    if (*t->problem.targets.note) notes[count++] = t->problem.targets.note;
    if (*t->classes_note) notes[count++] = t->classes_note;
    if (*t->announcement) notes[count++] = t->announcement;
    if (*t->sgd.device_note) notes[count++] = t->sgd.device_note; /* late, since it may come during the run, as does this one: */
    if (t->problem.train.stream && t->run.at.step > 0) notes[count++] = stream_note(t->problem.train.stream);
    return index < count ? notes[index] : NULL;
}

const cusgd_options *cusgd_trainer_options(const cusgd_trainer *t) { return t ? &t->options : NULL; }

const char *cusgd_trainer_solver_reason(const cusgd_trainer *t) { return t ? t->solver_reason : NULL; }

int64_t cusgd_trainer_outputs(const cusgd_trainer *t) { return t ? t->problem.k : 0; }

const char *cusgd_trainer_device_name(const cusgd_trainer *t) { return t ? t->backend.name : NULL; }

void cusgd_trainer_set_checkpoint_callback(cusgd_trainer *t, cusgd_checkpoint_callback callback, void *user)
{
    if (!t) return;
    t->run.fit.callback = callback;
    t->run.fit.user = user;
}

void cusgd_trainer_cancel(cusgd_trainer *t)
{
    if (t) t->run.cancelled = 1;
}

cusgd_status cusgd_trainer_get_standardization(const cusgd_trainer *t, double *means, double *scales)
{
    if (!t) return fail_null(__func__);
    if (t->whitening)
        return fail_option("whiten", "whiten trains on mixtures of the columns, which have no means and scales of their own");
    if (means) memcpy(means, t->problem.units.mean, sizeof *means * (size_t)t->problem.d);
    if (scales) memcpy(scales, t->problem.units.own_scale, sizeof *scales * (size_t)t->problem.d);
    return CUSGD_OK;
}

/* theta of decorrelated columns as coefficients of the data's, which need each other. */
static cusgd_status get_white(const cusgd_trainer *t, double *weight, double *bias)
{
    int64_t k = t->problem.k, count = t->problem.d * k;
    double *all = allocate((size_t)(count + k), sizeof *all);
    if (!all) return fail_memory((size_t)(count + k) * sizeof *all, "coefficients");
    problem_to_data(&t->problem, t->run.theta, all, all + count);
    cusgd_status status = whitening_to_x(t->whitening, k, all, all + count);
    if (!status && weight) vector_copy(count, all, weight);
    if (!status && bias) vector_copy(k, all + count, bias);
    free(all);
    return status;
}

cusgd_status cusgd_trainer_get_coefficients(cusgd_trainer *t, double *weight, double *bias)
{
    if (!t) return fail_null(__func__);
    cusgd_status status = run_theta(&t->run, t->run.at.result, t->run.theta);
    if (!status && t->whitening) return get_white(t, weight, bias);
    if (!status) problem_to_data(&t->problem, t->run.theta, weight, bias);
    return status;
}

/* Coefficients of the data's columns as theta of decorrelated ones. */
static cusgd_status put_white(cusgd_trainer *t, const double *weight, const double *bias)
{
    int64_t k = t->problem.k, count = t->problem.d * k;
    double *white = allocate((size_t)(count + k), sizeof *white);
    if (!white) return fail_memory((size_t)(count + k) * sizeof *white, "coefficients");
    vector_copy(count, weight, white);
    vector_copy(k, bias, white + count);
    cusgd_status status = whitening_to_z(t->whitening, k, white, white + count);
    if (!status) problem_from_data(&t->problem, white, white + count, t->run.theta);
    free(white);
    return status;
}

cusgd_status cusgd_trainer_set_coefficients(cusgd_trainer *t, const double *weight, const double *bias)
{
    if (!t) return fail_null(__func__);
    for (int64_t i = 0; i < t->problem.d * t->problem.k; i++)
        if (!isfinite(weight[i])) return fail(CUSGD_ERROR_DATA, "weight %lld of the starting point is not finite", (long long)i);
    for (int64_t c = 0; c < t->problem.k; c++) {
        if (!isfinite(bias[c])) return fail(CUSGD_ERROR_DATA, "bias %lld of the starting point is not finite", (long long)c);
        if (bias[c] != 0 && !t->problem.intercept)
            return fail(CUSGD_ERROR_USAGE, "the starting point has an intercept, and the run has none; leave out no-intercept");
    }
    cusgd_status status = check_idle(t, "cusgd_trainer_set_coefficients");
    if (status) return status;
    status = t->whitening ? put_white(t, weight, bias) : CUSGD_OK;
    if (status) return status;
    if (!t->whitening) problem_from_data(&t->problem, weight, bias, t->run.theta);
    status = run_check_device(&t->run);
    if (status) return status;
    const int *agreed = shared_begin(t);
    return shared_end(t, agreed, restart_at(t, t->run.theta, &t->run.given));
}
