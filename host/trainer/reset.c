/* Continuing with a trainer with other options or other data. */
#include "clock.h"
#include "cusgd_world.h"
#include "expr/formula.h"
#include "failure.h"
#include "public.h"
#include "shared.h"
#include "solvers/solvers.h"

#include <math.h>
#include <string.h>

/* ---- Other options on the same data ---- */

/* Starts a run on the uploaded data with a copy of the options, which the trainer owns. After a failure there is no run. */
static cusgd_status reset_bound(cusgd_trainer *t, cusgd_options *owned)
{
    options_disown(&t->options);
    t->options = *owned;
    run_close(&t->run);
    sgd_close(&t->sgd);
    const fit_state given = t->run.fit;
    t->run = (run){.minimum = (double)NAN, .min_seconds = (double)NAN, .fit = {.callback = given.callback, .user = given.user}};
    t->has_fingerprint = 0; /* other rows may now be held out */
    sgd before = t->sgd;
    t->sgd = (sgd){.slice = before.slice};
    memcpy(t->sgd.device_note, before.device_note, sizeof before.device_note); /* the device gives the note once */
    *t->announcement = *t->classes_note = '\0';
    cusgd_status status = problem_reset(&t->problem);
    if (!status) status = trainer_begin(t);
    if (!status) status = problem_check_data(&t->problem);
    if (status) t->run.lost = 2;
    return status;
}

/* Starts a run after uploading the data again. On failure the trainer is unchanged. */
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
    trainer_attach(t);
    trainer_attach(fresh);
    cusgd_trainer_free(fresh);
    return CUSGD_OK;
}

cusgd_status cusgd_trainer_reset(cusgd_trainer *t, const cusgd_options *options)
{
    if (!t || !options) return fail_null(__func__);
    cusgd_options owned = *options;
    struct loss_formula *formula = NULL;
    char reason[sizeof t->solver_reason];
    cusgd_status status = trainer_check_idle(t, "cusgd_trainer_reset");
    if (!status) status = cusgd_options_check(options);
    if (!status) status = trainer_choose_formula(&owned, &formula);
    loss_formula_free(formula); /* if the data is not uploaded again, the formula is the same and remains */
    owned.formula = t->formula;
    if (status) return status;
    classes_choose(&owned, t->problem.train.data);
    loss_numbers_choose(&owned);
    solver_best(&owned, t->problem.train.data, reason, sizeof reason);
    trainer_choose_storage(&owned, t->problem.train.data);
    status = problem_check_options(&owned, t->problem.train.data, t->problem.valid.data);
    if (status) return status;
    if (t->run.lost == 1 || !problem_binds_alike(&t->problem, &owned)) return reset_anew(t, options);
    status = options_own(&owned, t->problem.d);
    if (status) return status;
    memcpy(t->solver_reason, reason, sizeof reason);
    t->open = options_undecided(options);
    const int *before = shared_begin(t);
    return shared_end(t, before, reset_bound(t, &owned));
}

/* ---- Other data ---- */

cusgd_status cusgd_trainer_rebind(cusgd_trainer *t, const cusgd_data *train)
{
    if (!t || !train) return fail_null(__func__);
    cusgd_status status = trainer_check_idle(t, "cusgd_trainer_rebind");
    if (!status) status = run_check_device(&t->run);
    if (status) return status;
    if (t->options.solver != CUSGD_SOLVER_SGD)
        return fail_option("solver", "only solver sgd goes on with other rows: the others start anew with all of them");
    if (t->options.valid_fraction > 0)
        return fail_option("valid-fraction", "valid-fraction holds out rows of one data set: give validation data of its own");
    status = trainer_check_place(t, train);
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
