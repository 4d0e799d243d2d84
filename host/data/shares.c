/* Targets that are shares of class 1, or counts of successes out of trials: each row becomes a row of class 1 and one of class 0,
 * whose weights sum to the row's. The objective is that of the shares: for the log loss -y log p - (1 - y) log(1 - p). */
#include "data.h"
#include "failure.h"
#include "notes.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* The weights of class 1 and 0 that row i stands for. */
static void halves(const examples *e, int counts, int64_t i, double weight[2])
{
    double y = matrix_at(&e->y, i, 0), w = weight_at(e, i);
    weight[0] = counts ? y : w * y;
    weight[1] = counts ? w - y : w * (1 - y);
}

/* *between: whether a share is neither 0 nor 1. */
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

/* The arrays of the new rows; freed by who does not give them to the data. */
typedef struct pairs {
    int64_t n;
    size_t row_bytes; /* of x */
    char *x;
    double *y, *w, *o;
} pairs;

static void pairs_free(pairs *p)
{
    free(p->x);
    free(p->y);
    free(p->w);
    free(p->o);
}

static cusgd_status pairs_open(pairs *p, const examples *e, int counts)
{
    *p = (pairs){.row_bytes = (size_t)e->d * (e->x.type == CUSGD_TYPE_FLOAT32 ? sizeof(float) : sizeof(double))};
    for (int64_t i = 0; i < e->n; i++) {
        double weight[2];
        halves(e, counts, i, weight);
        p->n += (weight[0] > 0) + (weight[1] > 0);
    }
    size_t n = (size_t)p->n;
    if (n == 0) return CUSGD_OK;
    p->x = allocate(n, p->row_bytes);
    p->y = allocate(n, sizeof *p->y);
    p->w = allocate(n, sizeof *p->w);
    if (e->o.at) p->o = allocate(n, sizeof *p->o);
    if (p->x && p->y && p->w && (p->o || !e->o.at)) return CUSGD_OK;
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
    int64_t at = 0;
    for (int64_t i = 0; i < e->n; i++) {
        double weight[2];
        halves(e, counts, i, weight);
        for (int half = 0; half < 2; half++) {
            if (!(weight[half] > 0)) continue;
            copy_x(e, i, p->x + (size_t)at * p->row_bytes);
            p->y[at] = half == 0;
            p->w[at] = weight[half];
            if (p->o) p->o[at] = offset_at(e, i);
            at++;
        }
    }
}

static void take_pairs(cusgd_data *data, const pairs *p)
{
    examples *e = &data->view;
    void *arrays[] = {p->x, p->y, p->w, p->o};
    for (int i = 0; i < 4; i++) {
        file_unmap(data->mapping[i]);
        free(data->memory[i]);
        data->mapping[i] = NULL;
        data->memory[i] = arrays[i];
    }
    e->n = p->n;
    e->x = (cusgd_matrix){p->x, e->x.type, e->d, 1};
    e->y = (cusgd_matrix){p->y, CUSGD_TYPE_FLOAT64, 1, 1};
    e->w = (cusgd_matrix){p->w, CUSGD_TYPE_FLOAT64, 1, 1};
    if (p->o) e->o = (cusgd_matrix){p->o, CUSGD_TYPE_FLOAT64, 1, 1};
}

cusgd_status cusgd_data_split_targets(cusgd_data *data, int counts)
{
    pairs p;
    int between = 1;
    if (!data) return fail_null(__func__);
    if (data->view.k != 1 || !data->view.y.at || data->classes)
        return fail(CUSGD_ERROR_DATA, "%s: shares or counts of successes are one target of numbers", data->source);
    int64_t before = data->view.n;
    cusgd_status here = data_on_host(data, "a split of its targets");
    if (here == CUSGD_OK && counts) here = data_is_dense(data, "a split of its targets");
    if (here != CUSGD_OK || examples_are_sparse(&data->view)) return here; /* a share is refused as a target then */
    cusgd_status status = counts ? check_counts(data) : check_shares(data, &between);
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
    return data_note(data,
                     "%s: the target is %s: the %" PRId64 " rows stand for %" PRId64 " weighted rows of the classes 0 and 1",
                     data->source, counts ? "successes out of trials" : "shares from 0 to 1", before, p.n);
}
