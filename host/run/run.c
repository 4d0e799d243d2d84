#include "run.h"

#include "failure.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* Returns a run spec with the members that follow from the options and the problem; the method sets the others. */
static run_spec spec_of(const cusgd_options *o, const problem *p)
{
    run_spec spec = {.loss = p->loss,
                     .d = p->d,
                     .k = p->k,
                     .batch = o->batch,
                     .sparse = examples_are_sparse(&p->train.rows),
                     .shards = p->train.shards,
                     .world = p->backend ? p->backend->world : NULL,
                     .intercept = p->intercept,
                     .constants.l1 = p->l1,
                     .constants.l2 = p->l2,
                     .clip.norm = isnan(o->clip_norm) ? 0 : o->clip_norm / p->units.target,
                     .clip.value = isnan(o->clip_value) ? 0 : o->clip_value / p->units.target,
                     .storage = o->storage,
                     .tf32 = o->math == CUSGD_MATH_TF32,
                     .engine = o->engine};
    for (int i = 0; i < LIMIT_COUNT; i++) spec.limit[i] = p->limit[i];
    return spec;
}

cusgd_status run_check_spec(const cusgd_options *options, const problem *p, const backend *b)
{
    run_spec known = spec_of(options, p);
    known.optimizer = (int)options->optimizer;
    known.world = b->world;
    return b->ops->refuses(b->self, &known);
}

cusgd_status run_open(run *r, cusgd_options *options, problem *p)
{
    size_t size = (size_t)problem_size(p);
    r->options = options;
    r->problem = p;
    r->spec = spec_of(options, p);
    r->given = (double)NAN;
    r->theta = allocate_zeroed(size, sizeof(double));
    r->gradient = allocate_zeroed(size, sizeof(double));
    r->start = allocate_zeroed(size, sizeof(double));
    r->best = allocate_zeroed(size, sizeof(double));
    int complete = r->theta && r->gradient && r->start && r->best;
    return complete ? CUSGD_OK : fail_memory(4 * theta_bytes(p), "the parameters");
}

void run_close(run *r)
{
    free(r->theta);
    free(r->gradient);
    free(r->start);
    free(r->best);
    run_forget_fit(r);
}

/* ---- A fit that can be saved ---- */

void run_offer(run *r, int64_t epochs, int64_t step)
{
    const cusgd_progress now = {.size = sizeof now,
                                .epoch = epochs,
                                .epochs = r->options->epochs,
                                .step = step,
                                .loss = (double)NAN,
                                .valid_loss = (double)NAN,
                                .rate = (double)NAN};
    r->fit.is_whole = 1;
    r->fit.callback(r->fit.trainer, &now, r->fit.user);
    r->fit.is_whole = 0;
}

void run_forget_fit(run *r)
{
    free(r->fit.loaded);
    r->fit.loaded = NULL;
    r->fit.is_whole = 0;
    memset(r->fit.vector, 0, sizeof r->fit.vector);
}

cusgd_status run_begin(run *r)
{
    const backend *b = r->problem->backend;
    cusgd_status status = b->ops->start(b->self, &r->spec);
    if (!status) status = run_put(r, SNAPSHOT_CURRENT, r->start);
    if (!status) status = run_copy(r, SNAPSHOT_BEST, SNAPSHOT_CURRENT);
    memcpy(r->best, r->start, theta_bytes(r->problem));
    r->at.step = 0;
    r->at.kept = (double)INFINITY;
    r->at.kept_objective = (double)NAN;
    r->at.average_from = r->options->average_from;
    r->minimum = r->min_seconds = (double)NAN;
    r->at.kept_epoch = r->at.kept_step = 0;
    return status;
}

cusgd_status run_check_device(const run *r)
{
    if (!r->lost) return CUSGD_OK;
    if (r->lost == 2) return fail(CUSGD_ERROR_USAGE, "the trainer could not be reset, and has no parameters: reset it again");
    return fail(CUSGD_ERROR_DEVICE,
                "%s failed while this trainer ran, so it cannot go on; make another one, and set it to this one's parameters",
                r->problem->backend->name);
}

cusgd_status run_theta(const run *r, enum snapshot snapshot, double *theta)
{
    const backend *b = r->problem->backend;
    if (r->lost == 2) return run_check_device(r);
    const double *here = r->shown ? r->shown : r->lost ? r->best : NULL;
    if (!here) return b->ops->state.get(b->self, snapshot, r->spec.average ? STATE_AVERAGE : STATE_THETA, theta);
    memcpy(theta, here, theta_bytes(r->problem));
    return CUSGD_OK;
}

cusgd_status run_put(const run *r, enum snapshot snapshot, const double *theta)
{
    const backend *b = r->problem->backend;
    cusgd_status status = b->ops->state.put(b->self, snapshot, STATE_THETA, theta);
    return status ? status : b->ops->state.put(b->self, snapshot, STATE_AVERAGE, theta);
}

cusgd_status run_copy(const run *r, enum snapshot to, enum snapshot from)
{
    const backend *b = r->problem->backend;
    return b->ops->state.copy(b->self, to, from);
}
