/* Targets that are shares of classes, or counts of them out of trials: each row becomes a row of each class that has a part in
 * it, and their weights sum to the row's. The objective is that of the shares: the log loss is - sum_c y_c log p_c. One target is
 * of class 1, and the rest is class 0's; several are of one class each. */
#include "data.h"
#include "failure.h"
#include "layout.h"
#include "notes.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* Returns the number of classes. */
static int64_t parts_of(const examples *e) { return e->k > 1 ? e->k : 2; }

/* Returns the weight of the new row of class c for row i. */
static double part_weight(const examples *e, int counts, int64_t i, int64_t c)
{
    double w = weight_at(e, i), y = matrix_at(&e->y, i, e->k > 1 ? c : 0);
    if (e->k > 1) return counts ? y : w * y;
    if (c == 0) return counts ? w - y : w * (1 - y);
    return counts ? y : w * y;
}

/* *Checks shares. *between: whether some share is neither 0 nor 1. */
static cusgd_status check_shares(const cusgd_data *data, int *between)
{
    int64_t outside = -1;
    *between = 0;
    for (int64_t i = 0; i < data->view.n; i++) {
        double y = matrix_at(&data->view.y, i, 0);
        *between |= y > 0 && y < 1;
        if (!(y >= 0 && y <= 1) && outside < 0) outside = i;
    }
    if (!*between || outside < 0) return CUSGD_OK;
    return fail_data_row(outside, -1, "%s: row %" PRId64 ": the target %g is no share of a class: others are from 0 to 1",
                         data->source, outside + 1, matrix_at(&data->view.y, outside, 0));
}

static cusgd_status check_counts(const cusgd_data *data)
{
    const examples *e = &data->view;
    if (!e->w.at) return fail(CUSGD_ERROR_USAGE, "%s has no weights, which are to be the numbers of trials", data->source);
    for (int64_t i = 0; i < e->n; i++) {
        double y = matrix_at(&e->y, i, 0), trials = weight_at(e, i);
        if (!(y >= 0 && y <= trials && isfinite(trials)))
            return fail_data_row(i, -1,
                                 "%s: row %" PRId64 ": %g successes of %g trials: successes are from 0 to the number of trials",
                                 data->source, i + 1, y, trials);
    }
    return CUSGD_OK;
}

/* Of several targets: shares that sum to 1, or counts that sum to the trials, where these are given. */
static cusgd_status check_parts(const cusgd_data *data, int counts)
{
    const double ROUNDING = 1e-4; /* shares are often written with few digits */
    const examples *e = &data->view;
    for (int64_t i = 0; i < e->n; i++) {
        double sum = 0, whole = counts && e->w.at ? weight_at(e, i) : 1;
        for (int64_t c = 0; c < e->k; c++) {
            double y = matrix_at(&e->y, i, c);
            if (!(y >= 0 && (counts || y <= 1 + ROUNDING) && isfinite(y)))
                return fail_data_row(
                    i, -1, "%s: row %" PRId64 ": the target %g is no %s", data->source, i + 1, y,
                    counts ? "number of trials, which is 0 or greater"
                           : "share of a class, which is from 0 to 1; for counts name the column of their sums in --trials");
            sum += y;
        }
        if ((!counts || e->w.at) && fabs(sum - whole) > ROUNDING * fmax(1, whole))
            return fail_data_row(i, -1, "%s: row %" PRId64 ": the %" PRId64 " targets sum to %g and not to %g: %s", data->source,
                                 i + 1, e->k, sum, whole,
                                 counts ? "they are the counts of classes, and --trials is their number"
                                        : "for softmax loss they are the shares of the classes (counts: name the column of their "
                                          "sums in --trials)");
    }
    return CUSGD_OK;
}

/* The arrays of the new rows, to be freed unless the data takes them. */
typedef struct pairs {
    int64_t n;
    size_t row_bytes; /* of x */
    char *x;
    double *y, *w, *o;
    int64_t *whole; /* see PLACE_WHOLE */
} pairs;

static void pairs_free(pairs *p)
{
    free(p->x);
    free(p->y);
    free(p->w);
    free(p->o);
    free(p->whole);
}

static cusgd_status pairs_open(pairs *p, const examples *e, int counts)
{
    *p = (pairs){.row_bytes = (size_t)e->d * type_bytes(e->x.type)};
    for (int64_t i = 0; i < e->n; i++) {
        for (int64_t c = 0; c < parts_of(e); c++) p->n += part_weight(e, counts, i, c) > 0;
    }
    size_t n = (size_t)p->n;
    if (n == 0) return CUSGD_OK;
    p->x = allocate(n, p->row_bytes);
    p->y = allocate(n, sizeof *p->y);
    p->w = allocate(n, sizeof *p->w);
    if (e->o.at) p->o = allocate(n, sizeof *p->o);
    p->whole = allocate(n, sizeof *p->whole);
    if (p->x && p->y && p->w && p->whole && (p->o || !e->o.at)) return CUSGD_OK;
    pairs_free(p);
    return fail_memory(n * p->row_bytes, "a row of each class for each row");
}

static void copy_x(const examples *e, int64_t i, char *to)
{
    for (int64_t j = 0; j < e->d; j++)
        if (e->x.type == CUSGD_TYPE_FLOAT32)
            ((float *)to)[j] = (float)matrix_at(&e->x, i, j);
        else
            ((double *)to)[j] = matrix_at(&e->x, i, j);
}

static void pairs_fill(pairs *p, const examples *e, int counts)
{
    int64_t at = 0, whole = 0;
    for (int64_t i = 0; i < e->n; i++) {
        for (int64_t c = parts_of(e) - 1; c >= 0; c--) {
            double weight = part_weight(e, counts, i, c);
            if (!(weight > 0)) continue;
            copy_x(e, i, p->x + (size_t)at * p->row_bytes);
            p->y[at] = (double)c;
            p->w[at] = weight;
            if (p->o) p->o[at] = offset_at(e, i);
            p->whole[at] = whole;
            at++;
        }
        whole += at > 0 && p->whole[at - 1] == whole;
    }
}

static void take_pairs(cusgd_data *data, const pairs *p)
{
    examples *e = &data->view;
    data_replace(data, PLACE_X, p->x);
    data_replace(data, PLACE_Y, p->y);
    data_replace(data, PLACE_W, p->w);
    data_replace(data, PLACE_O, p->o);
    data_replace(data, PLACE_WHOLE, p->whole);
    e->n = p->n;
    e->k = 1;
    e->x = (cusgd_matrix){p->x, e->x.type, e->d, 1};
    e->y = (cusgd_matrix){p->y, CUSGD_TYPE_FLOAT64, 1, 1};
    e->w = (cusgd_matrix){p->w, CUSGD_TYPE_FLOAT64, 1, 1};
    if (p->o) e->o = (cusgd_matrix){p->o, CUSGD_TYPE_FLOAT64, 1, 1};
}

/* Names the classes by the names of the targets, or else by numbers. */
static cusgd_status name_classes(cusgd_data *data, int64_t count)
{
    const char *const *names = (const char *const *)data->targets;
    cusgd_status status = cusgd_data_set_classes(data, names, count);
    strings_free(data->targets, count);
    data->targets = NULL;
    if (data->layout) data->layout->k = 1;
    return status;
}

static cusgd_status check(const cusgd_data *data, int counts, int *between)
{
    *between = 1;
    if (!data->view.y.at || data->classes)
        return fail(CUSGD_ERROR_DATA, "%s: shares or counts of classes are targets of numbers", data->source);
    cusgd_status status = data_on_host(data, "a split of its targets");
    if (status == CUSGD_OK && (counts || data->view.k > 1)) status = data_is_dense(data, "a split of its targets");
    if (status) return status;
    if (data->view.k > 1) return check_parts(data, counts);
    if (examples_are_sparse(&data->view)) *between = 0; /* a share is refused as a target then */
    return examples_are_sparse(&data->view) ? CUSGD_OK : counts ? check_counts(data) : check_shares(data, between);
}

cusgd_status cusgd_data_split_targets(cusgd_data *data, int counts)
{
    pairs p;
    int between;
    if (!data) return fail_null(__func__);
    int64_t before = data->view.n, targets = data->view.k;
    cusgd_status status = check(data, counts, &between);
    if (status || !between) return status;
    status = pairs_open(&p, &data->view, counts);
    if (status) return status;
    if (p.n == 0) return fail(CUSGD_ERROR_DATA, "%s: every weight is 0: there is nothing to train on", data->source);
    pairs_fill(&p, &data->view, counts);
    status = data_check_files(data);
    if (status) {
        pairs_free(&p);
        return status;
    }
    take_pairs(data, &p);
    if (targets > 1) {
        status = name_classes(data, targets);
        return status ? status
                      : data_note(data,
                                  "%s: the %" PRId64 " targets are %s of classes: the %" PRId64 " rows stand for %" PRId64
                                  " weighted rows",
                                  data->source, targets, counts ? "counts" : "shares", before, p.n);
    }
    return data_note(data,
                     "%s: the target is %s: the %" PRId64 " rows stand for %" PRId64 " weighted rows of the classes 0 and 1",
                     data->source, counts ? "successes out of trials" : "shares from 0 to 1", before, p.n);
}
