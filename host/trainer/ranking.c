/* How well a model ranks the rows of one class before those of the other. */
#include "data.h"
#include "failure.h"
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

/* By falling score. */
static int compare_scores(const void *a, const void *b)
{
    double left = ((const scored *)a)->score, right = ((const scored *)b)->score;
    return (left < right) - (left > right);
}

/* Rows of one score are one threshold of the curves. */
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

/* Of target c; rows of weight 0 are left out. Of two outputs for one target, those of its classes, the difference counts. */
static void rank_output(const cusgd_data *data, const cusgd_model *model, const double *p, int64_t c, scored *rows,
                        cusgd_ranking *out)
{
    const examples *e = &data->view;
    int64_t count = 0;
    for (int64_t i = 0; i < e->n; i++) {
        double score = model->k > model->m ? p[2 * i + 1] - p[2 * i] : p[i * e->k + c];
        if (weight_at(e, i) > 0) rows[count++] = (scored){score, weight_at(e, i), matrix_at(&e->y, i, c) > 0};
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

cusgd_status model_rank(const cusgd_model *model, const cusgd_data *data, int64_t output, cusgd_ranking *ranking)
{
    int64_t n = data->view.n, k = model->k;
    cusgd_status status = check(model, data, output);
    if (status) return status;
    double *p = (uint64_t)n <= SIZE_MAX / sizeof *p / (uint64_t)k ? allocate((size_t)(n * k), sizeof *p) : NULL;
    scored *rows = allocate((size_t)n, sizeof *rows);
    if (!p || !rows) status = fail_memory((size_t)n * (size_t)k * sizeof *p + (size_t)n * sizeof *rows, "the rows to rank");
    if (!status) status = cusgd_model_predict(model, data, CUSGD_PREDICT_LINK, p);
    *ranking = (cusgd_ranking){.size = sizeof *ranking};
    for (int64_t c = 0; c < model->m && !status; c++) {
        cusgd_ranking one;
        if (output >= 0 && output != c) continue;
        double share = output < 0 ? 1 / (double)model->m : 1;
        rank_output(data, model, p, c, rows, &one);
        ranking->auc += share * one.auc;
        ranking->average_precision += share * one.average_precision;
    }
    free(p);
    free(rows);
    return status;
}
