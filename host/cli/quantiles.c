#include "quantiles.h"

#include "cli.h"
#include "signals.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* A configuration for each; complained about. */
static int parse(const syntax *s, const quantile_run *q, cusgd_configuration *out)
{
    cusgd_options *trial;
    cusgd_status copied = cusgd_options_copy(q->options, &trial);
    if (copied) return complain_last(copied);
    int status = CUSGD_OK;
    for (size_t i = 0; i < q->texts->count && !status; i++) {
        if (cusgd_options_set(trial, "quantile", q->texts->at[i])) status = complain_usage(s, "%s", cusgd_last_error());
        double value = status ? 0 : option_number(trial, "quantile");
        for (size_t j = 0; j < i && !status; j++)
            if (!(out[j].loss_number < value) && !(out[j].loss_number > value))
                status = complain_usage(s, "--quantile names %g twice", value);
        out[i] = (cusgd_configuration){(double)NAN, (double)NAN, (double)NAN, (double)NAN, value, 0};
    }
    cusgd_options_free(trial);
    return status;
}

void quantiles_note_crossing(double share)
{
    if (share > 0)
        fprintf(stderr, "note: in %.3g %% of the rows a quantile is predicted to be less than a smaller one\n", 100 * share);
}

static cusgd_status write_model(const cusgd_model *model, const char *path)
{
    signals_defer(1);
    cusgd_status status = cusgd_model_save(model, path);
    signals_defer(0);
    return status;
}

static cusgd_status put_summary(const quantile_run *q, const cusgd_sweep *sweep, const cusgd_model *model)
{
    cusgd_outcome o = CUSGD_INIT(cusgd_outcome);
    cusgd_metrics m = CUSGD_INIT(cusgd_metrics);
    for (int64_t j = 0; j < cusgd_sweep_outputs(sweep); j++) {
        cusgd_sweep_outcome(sweep, cusgd_sweep_chosen_for(sweep, j), &o);
        fprintf(stderr, "quantile %g: loss %.6g, %lld epoch%s, %s\n", o.numbers.loss_number, o.loss, (long long)o.epochs,
                plural(o.epochs), o.stop == CUSGD_STOP_TOLERANCE ? "converged" : "all epochs ran");
    }
    cusgd_status status = cusgd_model_evaluate(model, q->data, -1, &m);
    if (!status) quantiles_note_crossing(m.crossing);
    if (!status) fprintf(stderr, "model: %s\n", shown(q->model_path));
    return status;
}

/* What a sweep refuses is said of a sweep. */
static int complain_of_sweep(cusgd_status status)
{
    if (status != CUSGD_ERROR_USAGE) return complain_last(status);
    return complain((int)status, "several quantiles are trained as a sweep is: %s", cusgd_last_error());
}

static cusgd_status train(const quantile_run *q, const cusgd_sweep_plan *plan)
{
    cusgd_sweep *sweep = NULL;
    cusgd_model *model = NULL;
    cusgd_status status = cusgd_sweep_create(q->options, q->data, NULL, plan, &sweep);
    if (!status) status = cusgd_sweep_create_model(sweep, &model);
    if (!status) status = write_model(model, q->model_path);
    if (!status && !q->quiet) status = put_summary(q, sweep, model);
    cusgd_model_free(model);
    cusgd_sweep_free(sweep);
    return status;
}

int quantiles_train(const syntax *s, const quantile_run *q)
{
    cusgd_sweep_plan plan = CUSGD_INIT(cusgd_sweep_plan);
    if (!option_is(q->options, "loss", "quantile")) return complain_usage(s, "several quantiles need --loss quantile");
    cusgd_configuration *configurations = calloc(q->texts->count, sizeof *configurations);
    if (!configurations) return complain(CUSGD_ERROR_MEMORY, "out of memory");
    plan.configurations = configurations;
    plan.count = q->texts->count;
    int status = parse(s, q, configurations);
    if (!status) {
        cusgd_status ran = train(q, &plan);
        status = ran ? complain_of_sweep(ran) : CUSGD_OK;
    }
    free(configurations);
    return status;
}
