/* Metrics that need sorted rows: medians and quantiles, weighted as in scikit-learn. */
#include "data.h"
#include "failure.h"
#include "interrupt.h"
#include "model.h"
#include "options.h"
#include "public.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>

typedef struct weighed {
    double value, weight;
} weighed;

static int compare(const void *a, const void *b)
{
    double left = ((const weighed *)a)->value, right = ((const weighed *)b)->value;
    return (left > right) - (left < right);
}

/* Returns the weighted quantile `share`; the mean of two values if it is exactly between them (Hyndman and Fan 1996, type 2).
 * Rows must have weights > 0; sorts them. */
static double quantile(weighed *rows, int64_t n, double share)
{
    double total = 0, below = 0;
    int64_t i = 0;
    qsort(rows, (size_t)n, sizeof *rows, compare);
    for (int64_t r = 0; r < n; r++) total += rows[r].weight;
    while (i + 1 < n && below + rows[i].weight < share * total) below += rows[i++].weight;
    double above = below + rows[i].weight - share * total;
    return above > 1e-15 * total || i + 1 == n ? rows[i].value : (rows[i].value + rows[i + 1].value) / 2;
}

/* Returns the pinball loss: share (y - p) if y > p, otherwise (1 - share) (p - y). */
static double pinball(double y, double p, double share) { return y > p ? share * (y - p) : (1 - share) * (p - y); }

/* The predictions of target c by an output; consecutive ones are `step` elements apart. */
typedef struct predicted {
    const double *at;
    int64_t step, c;
} predicted;

/* Returns 1 - loss / (loss of the quantile of the targets). */
static double explained(const examples *e, const predicted *p, double share, weighed *rows)
{
    int64_t count = 0;
    double loss = 0, null = 0;
    for (int64_t i = 0; i < e->n; i++) {
        double y = target_at(e, i, p->c), w = weight_at(e, i);
        if (!(w > 0)) continue;
        rows[count++] = (weighed){y, w};
        loss += w * pinball(y, p->at[i * p->step], share);
    }
    double constant = quantile(rows, count, share);
    for (int64_t i = 0; i < count; i++) null += rows[i].weight * pinball(rows[i].value, constant, share);
    return null > 0 ? 1 - loss / null : loss > 0 ? 0 : 1;
}

static double median_error(const examples *e, const predicted *p, weighed *rows)
{
    int64_t count = 0;
    for (int64_t i = 0; i < e->n; i++)
        if (weight_at(e, i) > 0) rows[count++] = (weighed){fabs(target_at(e, i, p->c) - p->at[i * p->step]), weight_at(e, i)};
    return quantile(rows, count, 0.5);
}

static cusgd_status check(const cusgd_model *model, const cusgd_data *data, int64_t output)
{
    if (loss_is_of_classes(model->loss.kind))
        return fail(CUSGD_ERROR_USAGE, "a model of %s loss predicts classes, which have no errors to put in order",
                    loss_word(model->loss.kind));
    if (output < -1 || output >= model->k)
        return fail(CUSGD_ERROR_USAGE, "output %" PRId64 ": there are %" PRId64, output, model->k);
    if (data->view.k == model->m) return CUSGD_OK;
    return fail(CUSGD_ERROR_DATA, "%s has %" PRId64 " targets, and the model has %" PRId64, data->source, data->view.k, model->m);
}

/* Returns the metrics of output c, whose predictions are in column c of p. */
static cusgd_order_metrics metrics_of(const cusgd_model *model, const cusgd_data *data, int64_t c, const double *p, weighed *rows)
{
    const examples *e = &data->view;
    const predicted own = {p + c, model->k, model->fan.at ? 0 : c};
    double of = model->fan.at ? model->fan.at[c] : model->loss.number;
    cusgd_order_metrics out = {.size = sizeof out, .d2_absolute_error = (double)NAN, .d2_pinball = (double)NAN};
    out.median_absolute_error = median_error(e, &own, rows);
    if (e->n >= 2) out.d2_absolute_error = explained(e, &own, 0.5, rows);
    if (e->n >= 2 && model->loss.kind == CUSGD_LOSS_QUANTILE) out.d2_pinball = explained(e, &own, of, rows);
    return out;
}

/* Computes the metrics of outputs first .. end - 1 and of their mean. */
static cusgd_status order_range(const cusgd_model *model, const cusgd_data *data, int64_t first, int64_t end,
                                cusgd_order_metrics *each, cusgd_order_metrics *mean)
{
    int64_t n = data->view.n, k = model->k;
    cusgd_metrics checked;
    cusgd_status status = model_evaluate(model, data, -1, &checked); /* this checks targets and weights */
    if (status) return status;
    double *p = (uint64_t)n <= SIZE_MAX / sizeof *p / (uint64_t)k ? allocate((size_t)(n * k), sizeof *p) : NULL;
    weighed *rows = allocate((size_t)n, sizeof *rows);
    if (!p || !rows) status = fail_memory((size_t)n * (size_t)k * sizeof *p + (size_t)n * sizeof *rows, "the rows in order");
    if (!status) status = cusgd_model_predict(model, data, CUSGD_PREDICT_MEAN, p);
    *mean = (cusgd_order_metrics){.size = sizeof *mean};
    for (int64_t c = first; c < end && !status; c++) {
        double share = 1 / (double)(end - first);
        cusgd_order_metrics one = metrics_of(model, data, c, p, rows);
        mean->median_absolute_error += share * one.median_absolute_error;
        mean->d2_absolute_error += share * one.d2_absolute_error;
        mean->d2_pinball += share * one.d2_pinball;
        if (each) each[c - first] = one;
        if (interrupt_asked()) status = fail_interrupted();
    }
    free(p);
    free(rows);
    return status;
}

cusgd_status model_order_metrics(const cusgd_model *model, const cusgd_data *data, int64_t output, cusgd_order_metrics *out)
{
    cusgd_status status = check(model, data, output);
    if (status) return status;
    return order_range(model, data, output < 0 ? 0 : output, output < 0 ? model->k : output + 1, NULL, out);
}

cusgd_status model_order_metrics_each(const cusgd_model *model, const cusgd_data *data, cusgd_order_metrics *each)
{
    const double unknown = (double)NAN;
    int64_t outputs = model_measured_outputs(model);
    for (int64_t c = 0; c <= outputs; c++) each[c] = (cusgd_order_metrics){sizeof *each, unknown, unknown, unknown};
    if (loss_is_of_classes(model->loss.kind)) return CUSGD_OK;
    cusgd_status status = check(model, data, -1);
    return status ? status : order_range(model, data, 0, outputs, each, &each[outputs]);
}
