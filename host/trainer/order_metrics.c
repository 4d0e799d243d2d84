/* Metrics that need the rows in order: medians and quantiles, weighted as scikit-learn weighs them. */
#include "data.h"
#include "failure.h"
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

/* The value below which `share` of the weight lies; half way to the next one where it lies exactly between the two (Hyndman and
 * Fan 1996, type 2). Rows of weight > 0; sorts them. */
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

/* Sums of the pinball loss: `share` of what y is above p, 1 - share of what it is below. */
static double pinball(double y, double p, double share) { return y > p ? share * (y - p) : (1 - share) * (p - y); }

/* An output's predictions, each `step` behind the one before, of target c. */
typedef struct predicted {
    const double *at;
    int64_t step, c;
} predicted;

/* 1 - loss / loss of the quantile of the targets. */
static double explained(const examples *e, const predicted *p, double share, weighed *rows)
{
    int64_t count = 0;
    double loss = 0, null = 0;
    for (int64_t i = 0; i < e->n; i++) {
        double y = matrix_at(&e->y, i, p->c), w = weight_at(e, i);
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
        if (weight_at(e, i) > 0) rows[count++] = (weighed){fabs(matrix_at(&e->y, i, p->c) - p->at[i * p->step]), weight_at(e, i)};
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

cusgd_status model_order_metrics(const cusgd_model *model, const cusgd_data *data, int64_t output, cusgd_order_metrics *out)
{
    const examples *e = &data->view;
    int64_t n = e->n, k = model->k;
    cusgd_metrics checked;
    cusgd_status status = check(model, data, output);
    if (!status) status = model_evaluate(model, data, output, &checked); /* which looks at targets and weights */
    if (status) return status;
    double *p = (uint64_t)n <= SIZE_MAX / sizeof *p / (uint64_t)k ? allocate((size_t)(n * k), sizeof *p) : NULL;
    weighed *rows = allocate((size_t)n, sizeof *rows);
    if (!p || !rows) status = fail_memory((size_t)n * (size_t)k * sizeof *p + (size_t)n * sizeof *rows, "the rows in order");
    if (!status) status = cusgd_model_predict(model, data, CUSGD_PREDICT_MEAN, p);
    int is_quantile = model->loss.kind == CUSGD_LOSS_QUANTILE;
    *out = (cusgd_order_metrics){.size = sizeof *out, .d2_pinball = is_quantile ? 0 : (double)NAN};
    for (int64_t c = 0; c < k && !status; c++) {
        if (output >= 0 && output != c) continue;
        const predicted own = {p + c, k, model->fan.at ? 0 : c};
        double share = output < 0 ? 1 / (double)k : 1;
        out->median_absolute_error += share * median_error(e, &own, rows);
        out->d2_absolute_error += share * explained(e, &own, 0.5, rows);
        double of = model->fan.at ? model->fan.at[c] : model->loss.number;
        if (is_quantile) out->d2_pinball += share * explained(e, &own, of, rows);
    }
    if (n < 2) out->d2_absolute_error = out->d2_pinball = (double)NAN;
    free(p);
    free(rows);
    return status;
}
