/* Targets that are classes: the loss for them, the share of each class, and the rows of each class that are held out. */
#include "problem.h"

#include "examples.h"
#include "failure.h"
#include "interrupt.h"
#include <math.h>
#include <stdlib.h>

static int takes_softmax(cusgd_loss loss) { return loss == CUSGD_LOSS_LOGISTIC || loss == CUSGD_LOSS_SOFTMAX; }

void classes_choose(cusgd_options *options, const cusgd_data *train)
{
    int several = train->view.classes > 0, asked = options->multiclass == CUSGD_MULTICLASS_SOFTMAX;
    if (!takes_softmax(options->loss)) return;
    if (options->multiclass == CUSGD_MULTICLASS_ONE_VS_REST)
        options->loss = CUSGD_LOSS_LOGISTIC;
    else if (several || asked)
        options->loss = CUSGD_LOSS_SOFTMAX;
}

int64_t classes_of(const cusgd_options *options, const cusgd_data *train)
{
    if (train->view.classes > 0) return train->view.classes;
    return options->loss == CUSGD_LOSS_SOFTMAX ? 2 : 0;
}

/* Returns the class of a row. */
static int64_t class_at(const examples *e, int64_t row)
{
    double y = target_at(e, row, 0);
    return y > 0 ? (int64_t)y : 0;
}

cusgd_status classes_shares(const problem *p, double *share)
{
    double weight = 0;
    for (int64_t c = 0; c < p->k; c++) share[c] = 0;
    for (counted_rows at = {.of = &p->train.rows}; counted_next(&at);) {
        share[class_at(&p->train.rows, at.row)] += at.weight;
        weight += at.weight;
    }
    for (int64_t c = 0; c < p->k; c++) share[c] /= weight;
    return interrupt_asked() ? fail_interrupted() : CUSGD_OK;
}

/* A class that does not occur would have its optimum at minus infinity; it is treated as one row in 10^6. */
void classes_null(int64_t k, double *share)
{
    double mean = 0;
    for (int64_t c = 0; c < k; c++) {
        share[c] = log(share[c] > 0 ? share[c] : 1e-6);
        mean += share[c] / (double)k;
    }
    for (int64_t c = 0; c < k; c++) share[c] -= mean;
}

/* The share of each class is rounded to rows, and each class keeps at least one row, the first in the order of the seed. */
cusgd_status classes_hold_out(const problem *p, const permutation *order, char *held, int64_t *count)
{
    const examples *e = &p->train.rows;
    int64_t *wanted = allocate_zeroed((size_t)e->classes, sizeof *wanted);
    if (!wanted) return fail_memory((size_t)e->classes * sizeof *wanted, "the rows of each class");
    for (int64_t i = 0; i < e->n && !interrupt_asked_at(i); i++) wanted[class_at(e, examples_row(e, i))]++;
    for (int64_t c = 0; c < e->classes; c++) {
        int64_t share = (int64_t)floor(p->options->valid_fraction * (double)wanted[c] + 0.5);
        wanted[c] = share < wanted[c] ? share : wanted[c] - 1;
    }
    *count = 0;
    for (int64_t i = 0; i < e->n && !interrupt_asked_at(i); i++) {
        int64_t at = (int64_t)permutation_at(order, (uint64_t)i), class = class_at(e, examples_row(e, at));
        if (wanted[class] <= 0) continue;
        wanted[class]--;
        held[at] = 1;
        ++*count;
    }
    free(wanted);
    return interrupt_asked() ? fail_interrupted() : CUSGD_OK;
}
