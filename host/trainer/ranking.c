/* Ranking metrics: how well a model ranks the rows of one class before those of the other. */
#include "data.h"
#include "failure.h"
#include "interrupt.h"
#include "model.h"
#include "options.h"
#include "public.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>

typedef struct scored {
    double score, weight;
    int positive;
} scored;

/* Compares by descending score. */
static int compare_scores(const void *a, const void *b)
{
    double left = ((const scored *)a)->score, right = ((const scored *)b)->score;
    return (left < right) - (left > right);
}

/* Computes the metrics of sorted rows. Rows with equal scores form one threshold. */
static void rank_sorted(const scored *rows, int64_t n, cusgd_ranking *out)
{
    double weights[2] = {0, 0}, found[2] = {0, 0}, snapshot = 0, precision = 0;
    for (int64_t i = 0; i < n; i++) weights[rows[i].positive] += rows[i].weight;
    for (int64_t i = 0; i < n;) {
        double before[2] = {found[0], found[1]}, score = rows[i].score;
        for (; i < n && rows[i].score == score; i++) found[rows[i].positive] += rows[i].weight;
        snapshot += (found[0] - before[0]) * (found[1] + before[1]) / 2;
        precision += (found[1] - before[1]) * found[1] / (found[0] + found[1]);
    }
    out->auc = weights[0] > 0 && weights[1] > 0 ? snapshot / (weights[0] * weights[1]) : (double)NAN;
    out->average_precision = weights[1] > 0 ? precision / weights[1] : 0;
}

/* Computes the metrics of target c, without rows of weight 0. If the two classes of a target have an output each, their
 * difference is the score. */
static void rank_output(const cusgd_data *data, const cusgd_model *model, const double *p, int64_t c, scored *rows,
                        cusgd_ranking *out)
{
    const examples *e = &data->view;
    int64_t count = 0;
    for (int64_t i = 0; i < e->n; i++) {
        double score = model->k > model->m ? p[2 * i + 1] - p[2 * i] : p[i * e->k + c];
        if (weight_at(e, i) > 0) rows[count++] = (scored){score, weight_at(e, i), target_at(e, i, c) > 0};
    }
    qsort(rows, (size_t)count, sizeof *rows, compare_scores);
    rank_sorted(rows, count, out);
}

static cusgd_status check(const cusgd_model *model, const cusgd_data *data, int64_t output)
{
    if (!loss_is_of_classes(model->loss.kind))
        return fail(CUSGD_ERROR_USAGE, "a model of %s loss has no classes to rank", loss_word(model->loss.kind));
    if (model_is_multiclass(model) && model->k > 2)
        return fail(CUSGD_ERROR_USAGE, "ranking is for two classes, and the model has %" PRId64, model->k);
    if (output < -1 || output >= model->m)
        return fail(CUSGD_ERROR_USAGE, "output %" PRId64 ": there are %" PRId64, output, model->m);
    if (data->view.k == model->m) return CUSGD_OK;
    return fail(CUSGD_ERROR_DATA, "%s has %" PRId64 " targets, and the model has %" PRId64, data->source, data->view.k, model->m);
}

/* Computes the metrics of outputs first .. end - 1 and of their mean. */
static cusgd_status rank_range(const cusgd_model *model, const cusgd_data *data, int64_t first, int64_t end, cusgd_ranking *each,
                               cusgd_ranking *mean)
{
    int64_t n = data->view.n, k = model->k;
    double *p = (uint64_t)n <= SIZE_MAX / sizeof *p / (uint64_t)k ? allocate((size_t)(n * k), sizeof *p) : NULL;
    scored *rows = allocate((size_t)n, sizeof *rows);
    cusgd_status status =
        p && rows ? CUSGD_OK : fail_memory((size_t)n * (size_t)k * sizeof *p + (size_t)n * sizeof *rows, "the rows to rank");
    if (!status) status = cusgd_model_predict(model, data, CUSGD_PREDICT_LINK, p);
    *mean = (cusgd_ranking){.size = sizeof *mean};
    for (int64_t c = first; c < end && !status; c++) {
        cusgd_ranking one = {.size = sizeof one};
        double share = 1 / (double)(end - first);
        rank_output(data, model, p, c, rows, &one);
        mean->auc += share * one.auc;
        mean->average_precision += share * one.average_precision;
        if (each) each[c - first] = one;
        if (interrupt_asked()) status = fail_interrupted();
    }
    free(p);
    free(rows);
    return status;
}

cusgd_status model_rank(const cusgd_model *model, const cusgd_data *data, int64_t output, cusgd_ranking *ranking)
{
    cusgd_status status = check(model, data, output);
    if (status) return status;
    return rank_range(model, data, output < 0 ? 0 : output, output < 0 ? model->m : output + 1, NULL, ranking);
}

cusgd_status model_rank_each(const cusgd_model *model, const cusgd_data *data, cusgd_ranking *each)
{
    int64_t outputs = model_measured_outputs(model);
    for (int64_t c = 0; c <= outputs; c++) each[c] = (cusgd_ranking){sizeof *each, (double)NAN, (double)NAN};
    if (!loss_is_of_classes(model->loss.kind) || (model_is_multiclass(model) && model->k > 2)) return CUSGD_OK;
    cusgd_status status = check(model, data, -1);
    return status ? status : rank_range(model, data, 0, outputs, each, &each[outputs]);
}
