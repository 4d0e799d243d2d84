/* Compares a device with the CPU, step by step. */
#include "sides.h"

#include "failure.h"
#include "public.h"

#include <float.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

static const char *const line_names[LINES] = {
    "moments",       "bound rows",  "gradient",    "update",          "loss",           "objective",
    "full gradient", "predictions", "long slices", "free run: theta", "free run: loss", "lazy updates",
};

/* ---- Comparing ----------------------------------------------------------------------------------------------------------- */

double check_largest(const double *values, int64_t count)
{
    double maximum = 0;
    for (int64_t i = 0; i < count; i++) maximum = fmax(maximum, fabs(values[i]));
    return maximum;
}

void check_compare(check *c, int line, int peer, double value, double reference, double scale, double allowed)
{
    cusgd_check_line *l = &c->report->lines[line];
    double difference = value == reference ? 0 : fabs(value - reference);
    if (isnan(difference)) difference = (double)INFINITY;
    double relative = difference == 0 ? 0 : difference / scale, share = difference == 0 ? 0 : difference / allowed;
    if (peer == ON_CPU) l->cpu = fmax(l->cpu, relative);
    if (peer != ON_DEVICE) return;
    l->device = fmax(l->device, relative);
    if (!(share > l->share) && l->step) return;
    l->share = fmax(l->share, share);
    l->step = c->step;
}

void check_compare_all(check *c, int line, const double *const values[PEERS], int64_t count, double scale, const double *allowed)
{
    for (int peer = ON_DEVICE; peer <= ON_CPU; peer++)
        for (int64_t i = 0; i < count; i++)
            check_compare(c, line, peer, values[peer][i], values[IN_DOUBLE][i], scale, allowed[i]);
}

void check_compare_gradients(check *c, int line)
{
    c->derivative = fmax(c->derivative, check_largest(c->gradient[IN_DOUBLE], c->size));
    check_compare_all(c, line, (const double *const *)c->gradient, c->size, c->derivative, c->bounds.gradient);
}

/* ---- All of it ----------------------------------------------------------------------------------------------------------- */

static cusgd_status open_peers(check *c)
{
    cusgd_trainer *t = c->t;
    if (t->problem.train.stream)
        return fail_option("memory",
                           "a check holds all rows in memory, and %s does not fit into the memory that was given: leave out "
                           "--memory, or give more",
                           t->problem.train.data->source);
    cusgd_precision precision[PEERS] = {t->options.precision, t->options.precision, CUSGD_PRECISION_DOUBLE};
    c->peer[ON_DEVICE] = t->backend;
    for (int i = 0; i < PEERS; i++) {
        c->of[i] = t->problem;
        c->of[i].backend = &c->peer[i];
        if (i != ON_DEVICE) c->of[i].train.bounds = NULL;
    }
    for (int i = ON_CPU; i < PEERS; i++) {
        backend *b = &c->peer[i];
        cusgd_status status = cpu_backend_open(precision[i], t->options.threads, b);
        if (!status) status = shards_bind(&c->of[i], &t->problem.units.transform, &c->of[i].train);
        if (status) return status;
    }
    return CUSGD_OK;
}

static cusgd_status prepare(check *c)
{
    const cusgd_trainer *t = c->t;
    int single = t->options.precision == CUSGD_PRECISION_FLOAT;
    c->n = t->problem.train.rows.n, c->d = t->problem.d, c->k = t->problem.k, c->size = (c->d + 1) * c->k;
    c->state = allocate((size_t)(STATE_PARTS * c->size), sizeof(double));
    c->next = allocate((size_t)(STATE_PARTS * c->size), sizeof(double));
    c->point = allocate((size_t)c->size, sizeof(double));
    c->order = allocate((size_t)c->n, sizeof(int64_t));
    int complete = c->state && c->next && c->point && c->order;
    for (int i = 0; i < PEERS; i++) complete &= (c->gradient[i] = allocate((size_t)c->size, sizeof(double))) != NULL;
    if (!complete) return fail_memory((size_t)(12 * c->size + c->n) * sizeof(double), "a check's states");
    c->bounds = (bounds){.e = &t->problem.train.rows,
                         .t = &t->problem.units.transform,
                         .loss = t->problem.loss,
                         .theta = c->point,
                         .d = c->d,
                         .k = c->k};
    /* In double the reference has rounding errors too, so that the unit is doubled. TF32 has a mantissa of 10 bits. */
    c->bounds.unit = t->run.spec.tf32 && single ? 0x1p-10 : single ? 0x1p-24 : 0x1p-52;
    c->bounds.tiny = single ? (double)FLT_MIN : DBL_MIN;
    c->bounds.reference = &c->of[IN_DOUBLE];
    return bounds_allocate(&c->bounds);
}

static void close_all(check *c)
{
    for (int i = ON_CPU; i < PEERS; i++) {
        if (!c->peer[i].ops) continue;
        shards_unbind(&c->of[i], &c->of[i].train);
        c->peer[i].ops->close(c->peer[i].self);
    }
    for (int i = 0; i < PEERS; i++) free(c->gradient[i]);
    bounds_free(&c->bounds);
    free(c->state);
    free(c->next);
    free(c->point);
    free(c->order);
    cusgd_trainer_free(c->t);
}

/* Decides whether the check has passed, and describes the first line that fails. */
static cusgd_status judge(cusgd_check_report *r)
{
    for (int i = 0; i < r->line_count; i++) {
        const cusgd_check_line *l = &r->lines[i];
        if (!(l->share > 1)) continue;
        char step[48] = "", allowance[64] = "where all bits must be equal";
        if (l->step) snprintf(step, sizeof step, " at step %lld", (long long)l->step);
        if (isfinite(l->share)) snprintf(allowance, sizeof allowance, "%.3g times what rounding explains", l->share);
        return fail(CUSGD_ERROR_MISMATCH, "%s and the CPU disagree: %s%s: a relative difference of %.3g, %s", r->device, l->what,
                    step, l->device, allowance);
    }
    r->passed = 1;
    return CUSGD_OK;
}

cusgd_status check_device(const cusgd_options *options, const cusgd_data *data, int64_t steps, cusgd_check_report *report)
{
    check c = {.report = report};
    place start = {.orders = NULL};
    if (steps < 1) return fail(CUSGD_ERROR_USAGE, "a check compares at least 1 step, not %lld", (long long)steps);
    report->line_count = LAZY; /* the last line is for sparse rows only */
    for (int i = 0; i < LINES; i++) report->lines[i].what = line_names[i];
    if (options->solver != CUSGD_SOLVER_SGD) return fail(CUSGD_ERROR_USAGE, "a check compares minibatch steps: leave out solver");
    cusgd_options dense = *options; /* lazy updates are compared with dense ones */
    if (examples_are_sparse(&data->view)) dense.update = CUSGD_UPDATE_DENSE;
    cusgd_status status = cusgd_trainer_create(&dense, data, NULL, &c.t);
    if (status) return status;
    snprintf(report->device, sizeof report->device, "%s", cusgd_trainer_device_name(c.t));
    status = open_peers(&c);
    if (!status) status = prepare(&c);
    if (!status) status = check_moments(&c);
    if (!status) status = check_rows(&c);
    if (!status) status = check_place_open(&c, &start);
    if (!status) status = check_lockstep(&c, start, steps);
    if (!status) status = check_full_passes(&c);
    if (!status) status = check_free_run(&c, start, report->steps);
    if (!status && report->steps > 0) status = check_lazy_run(&c, start, report->steps);
    report->lines[FREE_THETA].share = report->lines[FREE_LOSS].share = (double)NAN;
    check_place_close(&start);
    close_all(&c);
    return status ? status : judge(report);
}
