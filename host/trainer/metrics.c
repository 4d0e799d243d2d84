/* Predictions and metrics of models and trainers. */
#include "trainer.h"

#include "failure.h"
#include "interrupt.h"
#include "model.h"
#include "options.h"
#include "problem/examples.h"
#include "public.h"
#include "scorer.h"
#include "shared.h"
#include "solvers/solvers.h"
#include "sums.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

static cusgd_status check_offsets(const scorer *s, const cusgd_data *data)
{
    char shown[128] = "";
    int there = data->view.o.at != NULL;
    if (s->offsets < 0 || s->offsets == there) return CUSGD_OK;
    if (there)
        return fail(CUSGD_ERROR_DATA, "%s has an offset or exposure, and the model was trained without: leave it out",
                    data->source);
    if (s->offset_name) cusgd_text_escape(s->offset_name, shown, sizeof shown);
    return fail(CUSGD_ERROR_DATA,
                "%s has no offset, and the model was trained with one%s%s%s: name its column by --offset, or --exposure, or put "
                "offset.npy or exposure.npy next to x.npy",
                data->source, *shown ? " ('" : "", shown, *shown ? "')" : "");
}

cusgd_status scorer_check(const scorer *s, const cusgd_data *data, int with_targets)
{
    const examples *e = &data->view;
    if (e->d != s->d)
        return fail(CUSGD_ERROR_DATA,
                    "%s has %lld feature column%s, and the model was trained on %lld: leave out those that are no feature of it "
                    "(--ignore; --ignore -1 where the last column is the target), or choose them with --features",
                    data->source, (long long)e->d, e->d == 1 ? "" : "s", (long long)s->d);
    if (with_targets && e->k != s->m)
        return fail(CUSGD_ERROR_DATA, "%s has %lld targets, and the model has %lld", data->source, (long long)e->k,
                    (long long)s->m);
    if (with_targets && e->classes > 0 && e->classes != s->classes)
        return fail(CUSGD_ERROR_DATA, "%s has %lld classes, and the model has %lld", data->source, (long long)e->classes,
                    (long long)(s->classes > 0                     ? s->classes
                                : loss_is_of_classes(s->loss.kind) ? 2
                                                                   : 0));
    cusgd_status status = s->backend->is_host ? data_on_host(data, "the CPU") : CUSGD_OK;
    if (!status) status = check_offsets(s, data);
    if (status) return status;
    examples features = *e;
    features.classes = s->classes;
    if (!with_targets) {
        features.k = 0;
        features.y.at = NULL;
        features.w.at = NULL;
    }
    status = examples_check_part(&features, (row_range){0, 0}, with_targets ? (int)s->loss.kind : -1, data->source, s->threads);
    cusgd_status files = data_check_files(data);
    return files ? files : status;
}

typedef struct predicting {
    const scorer *s;
    cusgd_prediction as;
    double *out;
} predicting;

/* Takes predictions of outputs that are targets. */
static void take_outputs(void *context, int64_t first, int64_t count, const double *p)
{
    const predicting *to = context;
    int64_t k = to->s->k;
    double *out = to->out + first * k;
    if (to->as == CUSGD_PREDICT_LINK) {
        memcpy(out, p, (size_t)(count * k) * sizeof *out);
        return;
    }
    for (int64_t i = 0; i < count * k && !interrupt_asked_at(i); i++)
        out[i] = to->as == CUSGD_PREDICT_CLASS ? (double)(p[i] > 0) : rule_mean_at(to->s->loss, p[i]);
}

/* Takes predictions of outputs that are classes. */
static void take_classes(void *context, int64_t first, int64_t count, const double *p)
{
    const predicting *to = context;
    int64_t cols = to->as == CUSGD_PREDICT_CLASS ? 1 : to->s->k;
    multiclass_predict(to->s, to->as, count, p, to->out + first * cols);
}

cusgd_status scorer_predict(const scorer *s, const cusgd_data *data, cusgd_prediction as, double *out)
{
    if (!loss_is_of_classes(s->loss.kind) && (as == CUSGD_PREDICT_CLASS || as == CUSGD_PREDICT_PROBABILITY))
        return fail(CUSGD_ERROR_USAGE, "a model of %s loss has no classes; ask for the mean", loss_word(s->loss.kind));
    if (!loss_has_probabilities(s->loss.kind) && as == CUSGD_PREDICT_PROBABILITY)
        return fail(CUSGD_ERROR_USAGE, "a model of %s loss has no probabilities; ask for the class, or train with logistic loss",
                    loss_word(s->loss.kind));
    if (as < CUSGD_PREDICT_MEAN || as > CUSGD_PREDICT_PROBABILITY)
        return fail(CUSGD_ERROR_USAGE, "output kind %d: there is no such kind of prediction", (int)as);
    int64_t cols = as == CUSGD_PREDICT_CLASS ? s->m : s->k;
    cusgd_status status = scorer_check(s, data, 0);
    predicting to = {s, as, out};
    if (!status) status = scorer_pass(s, data, s->classes > 0 ? take_classes : take_outputs, &to);
    for (int64_t i = 0; !status && i < data->incomplete_count; i++)
        for (int64_t c = 0; c < cols; c++) out[data->incomplete[i] * cols + c] = (double)NAN;
    if (!status && interrupt_asked()) status = fail_interrupted();
    return status ? status : data_check_files(data);
}

/* ---- Metrics ---- */

/* Returns a unit in which the squares of output c neither overflow nor underflow. */
static double unit_of(const examples *e, int64_t c)
{
    double largest = 0;
    for (int64_t i = 0; i < e->n && !interrupt_asked_at(i); i++)
        largest = fmax(largest, fabs(target_at(e, examples_row(e, i), c)));
    return largest == 0 || (largest > 1e-100 && largest < 1e100) ? 1 : ldexp(1, ilogb(largest));
}

/* Returns initial metrics: 0 for those of regression or classification that will be summed, else NaN. */
static cusgd_metrics metrics_of(int64_t rows, double r, double c)
{
    const double unknown = (double)NAN;
    return (cusgd_metrics){.size = sizeof(cusgd_metrics),
                           .rows = rows,
                           .loss = isnan(r) && isnan(c) ? unknown : 0,
                           .mse = r,
                           .rmse = r,
                           .mae = r,
                           .r2 = r,
                           .log_loss = unknown,
                           .accuracy = c,
                           .deviance = unknown,
                           .d2 = unknown,
                           .explained_variance = r,
                           .max_error = r,
                           .balanced_accuracy = c,
                           .precision = c,
                           .recall = c,
                           .f1 = c,
                           .confusion = {c, c, c, c},
                           .f1_macro = c,
                           .f1_weighted = c,
                           .top3 = unknown,
                           .top5 = unknown,
                           .pinball_loss = unknown,
                           .crossing = unknown};
}

static cusgd_status evaluate_classes(const scorer *s, const cusgd_data *data, cusgd_metrics *metrics)
{
    *metrics = metrics_of(data->view.n, (double)NAN, (double)NAN);
    cusgd_status status = multiclass_evaluate(s, data, metrics);
    if (!status && interrupt_asked()) status = fail_interrupted();
    return status ? status : data_check_files(data);
}

/* Return the target that an output predicts, and its loss. */
static int64_t target_of(const scorer *s, int64_t c) { return s->quantiles ? 0 : c; }
static loss_rule loss_of(const scorer *s, int64_t c)
{
    loss_rule loss = s->loss;
    if (s->quantiles) loss.number = s->quantiles[c];
    return loss;
}

/* Returns whether some quantile is predicted to be less than a smaller quantile. */
static int crosses(const double *p, int64_t k)
{
    for (int64_t c = 1; c < k; c++)
        if (p[c] < p[c - 1]) return 1;
    return 0;
}

typedef struct measuring {
    const scorer *s;
    const examples *e;
    output_sums *all;
    double crossed; /* the weight of rows whose quantiles cross */
} measuring;

static void take_rows(void *context, int64_t first, int64_t count, const double *p)
{
    measuring *m = context;
    const scorer *s = m->s;
    int64_t k = s->k;
    for (int64_t i = first; i < first + count; i++, p += k) {
        int64_t r = examples_row(m->e, i);
        for (int64_t c = 0; c < k; c++)
            sums_add_row(&m->all[c], loss_of(s, c), p[c], target_at(m->e, r, target_of(s, c)), weight_at(m->e, r),
                         offset_at(m->e, r));
        if (s->quantiles && crosses(p, k)) m->crossed += weight_at(m->e, r);
    }
}

static cusgd_status sum_rows(const scorer *s, const cusgd_data *data, output_sums *all, double *crossed)
{
    const examples *e = &data->view;
    measuring m = {.s = s, .e = e, .all = all};
    for (int64_t c = 0; c < s->k; c++) all[c].unit = unit_of(e, target_of(s, c));
    cusgd_status status = scorer_pass(s, data, take_rows, &m);
    for (int64_t c = 0; !status && c < s->k && loss_has_log_link(s->loss.kind); c++) sums_find_null(e, c, s->loss, &all[c]);
    *crossed = m.crossed;
    return status;
}

/* The mean over the outputs has the number after the last output. */
int64_t scorer_outputs(const scorer *s) { return s->quantiles ? s->k : s->m; }

static void join_outputs(const scorer *s, int64_t rows, const output_sums *all, int64_t output, cusgd_metrics *metrics)
{
    int classes = loss_is_of_classes(s->loss.kind);
    *metrics = metrics_of(rows, classes ? (double)NAN : 0, classes ? 0 : (double)NAN);
    if (loss_has_probabilities(s->loss.kind)) metrics->log_loss = 0;
    if (loss_has_log_link(s->loss.kind)) metrics->deviance = metrics->d2 = 0;
    if (s->loss.kind == CUSGD_LOSS_QUANTILE) metrics->pinball_loss = 0;
    int is_mean = output == scorer_outputs(s);
    for (int64_t c = is_mean ? 0 : output; c < (is_mean ? s->k : output + 1); c++)
        sums_add_metrics(&all[c], loss_of(s, c), is_mean ? 1 / (double)s->k : 1, metrics);
    if (rows < 2) metrics->r2 = metrics->d2 = (double)NAN; /* a single row has no variance of targets */
}

cusgd_status scorer_evaluate_range(const scorer *s, const cusgd_data *data, int64_t first, int64_t end, cusgd_metrics *metrics)
{
    double crossed = 0;
    cusgd_status status = scorer_check(s, data, 1);
    if (status) return status;
    if (s->classes > 0) { /* there is one target, which equals the mean */
        status = evaluate_classes(s, data, metrics);
        for (int64_t c = 1; c < end - first; c++) metrics[c] = metrics[0];
        return status;
    }
    output_sums *all = allocate_zeroed((size_t)s->k, sizeof *all);
    if (!all) return fail_memory((size_t)s->k * sizeof *all, "the measures of the outputs");
    status = sum_rows(s, data, all, &crossed);
    if (!status && interrupt_asked()) status = fail_interrupted();
    if (!status) status = data_check_files(data);
    for (int64_t c = first; !status && c < end; c++) {
        join_outputs(s, data->view.n, all, c, &metrics[c - first]);
        if (s->quantiles) metrics[c - first].crossing = crossed / all[0].weight;
    }
    free(all);
    return status;
}

cusgd_status scorer_evaluate(const scorer *s, const cusgd_data *data, int64_t output, cusgd_metrics *metrics)
{
    int64_t outputs = scorer_outputs(s), number = output == -1 ? outputs : output;
    if (output < -1 || output >= outputs)
        return fail(CUSGD_ERROR_USAGE, "output %lld: there are %lld", (long long)output, (long long)outputs);
    return scorer_evaluate_range(s, data, number, number + 1, metrics);
}
