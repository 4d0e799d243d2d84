/* Which rows are left out of which models, and what follows from that for their penalties. */
#include "sweep.h"

#include "failure.h"
#include "scalar/moments.h"
#include <float.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { NOT_DEALT = 255 };

/* Puts all parts of a split row, which are adjacent, into one fold; otherwise a model would be evaluated on parts of its training
 * rows. n: number of rows of the data, including those of weight 0. */
static void deal(uint8_t *fold, const int64_t *whole, int64_t n, int64_t row, uint8_t to)
{
    int64_t first = row, end = row + 1;
    while (whole && first > 0 && whole[first - 1] == whole[row]) first--;
    while (whole && end < n && whole[end] == whole[row]) end++;
    for (int64_t i = first; i < end; i++) fold[i] = to;
}

/* Distributes rows in the order of the seed to the folds in turn; with classes, each class separately. Returns the number of
 * rows, where the parts of a split row count as one. */
static int64_t draw(uint8_t *fold, int folds, const examples *rows, const cusgd_data *data, uint64_t seed, int classes)
{
    permutation order = permutation_make((uint64_t)rows->n, stream_key(seed, STREAM_FOLDS), 0);
    int64_t dealt[2] = {0};
    for (int64_t i = 0; i < rows->n; i++) fold[examples_row(rows, i)] = NOT_DEALT;
    for (int64_t i = 0; i < rows->n; i++) {
        int64_t row = examples_row(rows, (int64_t)permutation_at(&order, (uint64_t)i));
        if (fold[row] != NOT_DEALT) continue;
        int of = classes && target_at(rows, row, 0) > 0;
        int64_t turn = dealt[of]++;
        deal(fold, data->memory[PLACE_WHOLE], data->view.n, row, (uint8_t)((of ? folds - 1 - turn % folds : turn % folds)));
    }
    return dealt[0] + dealt[1];
}

static cusgd_status check(const uint8_t *fold, int folds, const examples *rows)
{
    for (int64_t i = 0; i < rows->n; i++) {
        int64_t row = examples_row(rows, i);
        if (fold[row] >= folds)
            return fail(CUSGD_ERROR_DATA, "row %lld is of fold %d; folds are numbered from 0 to %d", (long long)row + 1,
                        fold[row], folds - 1);
    }
    return CUSGD_OK;
}

cusgd_status folds_make(const uint8_t *given, int folds, const problem *p, uint8_t **fold)
{
    const cusgd_options *o = p->options;
    const examples *rows = &p->train.rows;
    size_t n = (size_t)p->train.data->view.n;
    if (folds > rows->n)
        return fail(CUSGD_ERROR_USAGE, "%d folds of %lld rows: each needs a row; give fewer", folds, (long long)rows->n);
    *fold = allocate_zeroed(n, 1);
    if (!*fold) return fail_memory(n, "the rows' folds");
    int64_t dealt = rows->n;
    if (given)
        memcpy(*fold, given, n);
    else
        dealt = draw(*fold, folds, rows, p->train.data, o->seed, loss_is_of_classes(o->loss));
    if (dealt < folds)
        return fail(CUSGD_ERROR_USAGE, "%d folds of %lld rows that were split: each needs a row; give fewer", folds,
                    (long long)dealt);
    return check(*fold, folds, rows);
}

/* Weighted moments of the rows of a fold. */
typedef struct fold_moments {
    double weight;
    double *mean, *square; /* d each; square: the sum of squared deviations */
} fold_moments;

static cusgd_status moments_of(const cusgd_sweep *s, int fold, int64_t *index, fold_moments *out)
{
    const problem *p = &s->trainer->problem;
    examples rows = p->train.rows;
    double target;
    int64_t count = 0;
    for (int64_t i = 0; i < p->train.rows.n; i++) {
        int64_t row = examples_row(&p->train.rows, i);
        if (s->fold[row] == fold) index[count++] = row;
    }
    if (count == 0) return fail(CUSGD_ERROR_USAGE, "fold %d has no rows; give fewer folds", fold);
    rows.n = count;
    rows.rows = index;
    cusgd_status status = p->backend->ops->moments(p->backend->self, &rows, out->mean, out->square, &target, &out->weight);
    for (int64_t j = 0; j < p->d && !status; j++) out->square[j] *= out->weight;
    return status;
}

/* Returns the scale of column j without the rows of one fold, as in standardization.c; 0 if the column is constant in the other
 * rows. */
static double scale_without(const cusgd_sweep *s, const fold_moments *folds, int fold, int64_t j)
{
    moment sum = {0, 0, 0};
    for (int f = 0; f < s->folds; f++) {
        moment one = {folds[f].weight, folds[f].mean[j], folds[f].square[j]};
        if (f != fold) moment_merge(&sum, &one);
    }
    double variance = sum.square / sum.weight, deviation = sqrt(variance);
    if (!s->trainer->options.intercept) {
        double second = variance + sum.mean * sum.mean;
        return sqrt(second);
    }
    return deviation > 10 * DBL_EPSILON * fabs(sum.mean) ? deviation : 0;
}

static cusgd_status measure(cusgd_sweep *s, fold_moments *folds, int64_t *index)
{
    const problem *p = &s->trainer->problem;
    const cusgd_options *o = &s->trainer->options;
    cusgd_status status = CUSGD_OK;
    double all = 0;
    for (int f = 0; f < s->folds && !status; f++) status = moments_of(s, f, index, &folds[f]);
    if (status) return status;
    for (int f = 0; f < s->folds; f++) all += folds[f].weight;
    for (int64_t c = 0; c < (int64_t)s->count * columns_each(s); c++)
        s->columns[c].share = s->columns[c].fold < 0 ? 1 : (all - folds[s->columns[c].fold].weight) / all;
    if (!o->standardize || o->column_scales || o->penalty_units != CUSGD_PENALTY_STANDARDIZED) return CUSGD_OK;
    s->ratio = allocate((size_t)(s->folds * p->d), sizeof(double));
    if (!s->ratio) return fail_memory((size_t)(s->folds * p->d) * sizeof(double), "the folds' scales");
    for (int f = 0; f < s->folds; f++)
        for (int64_t j = 0; j < p->d; j++) s->ratio[f * p->d + j] = scale_without(s, folds, f, j) / p->units.own_scale[j];
    return CUSGD_OK;
}

static cusgd_status measure_folds(cusgd_sweep *s)
{
    int64_t d = s->trainer->problem.d;
    size_t values = (size_t)(2 * d * s->folds);
    double *work = allocate(values, sizeof *work);
    fold_moments folds[MAX_FOLDS];
    int64_t *index = allocate((size_t)s->trainer->problem.train.rows.n, sizeof *index);
    cusgd_status status = work && index ? CUSGD_OK : fail_memory(values * sizeof *work, "the folds' moments");
    for (int f = 0; f < s->folds; f++) folds[f] = (fold_moments){0, work + 2 * f * d, work + (2 * f + 1) * d};
    if (!status) status = measure(s, folds, index);
    free(work);
    free(index);
    return status;
}

cusgd_status sweep_take_folds(cusgd_sweep *s, const uint8_t *given)
{
    problem *p = &s->trainer->problem;
    if (s->folds == 0) return CUSGD_OK;
    cusgd_status status = folds_make(given, s->folds, p, &s->fold);
    if (!status) status = measure_folds(s);
    if (status) return status;
    shards_unbind(p, &p->train);
    p->train.rows.fold = s->fold;
    p->train.rows.folds = s->folds;
    return shards_bind(p, &p->units.transform, &p->train);
}
