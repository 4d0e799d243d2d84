/* Selection of rows: those with nonzero weights, and those among them that are held out for validation. */
#include "problem.h"

#include "examples.h"
#include "failure.h"
#include "interrupt.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

cusgd_status leave_out_weightless(example_set *set)
{
    examples *e = &set->rows;
    int64_t kept = 0, count = 0;
    for (int64_t i = 0; e->w.at && i < e->n && !interrupt_asked_at(i); i++) kept += weight_at(e, i) > 0;
    if (interrupt_asked()) return fail_interrupted();
    if (!e->w.at || kept == e->n) return CUSGD_OK;
    set->index = allocate((size_t)kept, sizeof *set->index);
    if (!set->index) return fail_memory((size_t)kept * sizeof *set->index, "the list of rows that have a weight");
    for (int64_t i = 0; i < e->n; i++)
        if (weight_at(e, i) > 0) set->index[count++] = i;
    e->rows = set->index;
    e->n = kept;
    return CUSGD_OK;
}

/* Puts all parts of a split row into the set of the first one; otherwise the model would be validated on parts of its training
 * rows. */
static void hold_parts_together(const examples *all, const int64_t *whole, char *is_held)
{
    for (int64_t i = 1; whole && i < all->n; i++)
        if (whole[examples_row(all, i)] == whole[examples_row(all, i - 1)]) is_held[i] = is_held[i - 1];
}

/* A drawing of blocks of `unit` rows each, of which `held` are held out. */
typedef struct drawing {
    int64_t unit, pieces, held;
    char *is_held; /* pieces */
} drawing;

/* Draws the rows. With two classes they are drawn independently of their class; with more, from each class in proportion, which
 * sets d->held. */
static cusgd_status draw(problem *p, drawing *d)
{
    permutation order = permutation_make((uint64_t)d->pieces, stream_key(p->options->seed, STREAM_HOLDOUT), 0);
    if (d->unit == 1 && p->train.rows.classes > 2) {
        cusgd_status status = classes_hold_out(p, &order, d->is_held, &d->held);
        if (status || d->held > 0) return status;
        return fail(CUSGD_ERROR_USAGE, "valid-fraction %g leaves no row of any class for validation", p->options->valid_fraction);
    }
    for (int64_t i = 0; i < d->held; i++) {
        d->is_held[permutation_at(&order, (uint64_t)i)] = 1;
        if (interrupt_asked_at(i)) return fail_interrupted();
    }
    return CUSGD_OK;
}

/* Lists the rows of both sets in their `index`. */
static cusgd_status divide(problem *p, const drawing *d)
{
    const examples all = p->train.rows;
    int64_t valid = 0, train = 0;
    for (int64_t i = 0; i < all.n; i++) {
        if (interrupt_asked_at(i)) return fail_interrupted();
        if (i / d->unit < d->pieces && d->is_held[i / d->unit])
            p->valid.index[valid++] = examples_row(&all, i);
        else
            p->train.index[train++] = examples_row(&all, i);
    }
    p->valid.rows = all;
    p->valid.rows.rows = p->valid.index;
    p->valid.rows.n = valid;
    p->train.rows.rows = p->train.index;
    p->train.rows.n = train;
    if (valid > 0 && train > 0) return CUSGD_OK;
    return fail(CUSGD_ERROR_USAGE, "valid-fraction %g leaves no whole row for %s; choose another share or give --valid",
                p->options->valid_fraction, valid > 0 ? "training" : "validation");
}

/* Chooses a share of the rows by the seed: single rows, or whole blocks if the order of rows matters, so that the others remain
 * adjacent. */
cusgd_status hold_out(problem *p)
{
    const examples *all = &p->train.rows;
    int64_t *before = p->train.index; /* the rows with nonzero weights, or NULL */
    int blocks = (sampling_flags((int)p->options->sampling) & SAMPLING_IN_BLOCKS) != 0;
    drawing d = {.unit = blocks && all->n >= 20 * SAMPLING_BLOCK ? SAMPLING_BLOCK : 1};
    d.pieces = all->n / d.unit;
    d.held = (int64_t)floor(p->options->valid_fraction * (double)d.pieces + 0.5);
    if (d.held < 1 || d.held >= d.pieces)
        return fail(CUSGD_ERROR_USAGE,
                    "valid-fraction %g of %lld rows leaves no row for %s; choose another share or give --valid",
                    p->options->valid_fraction, (long long)all->n, d.held < 1 ? "validation" : "training");
    const int64_t *whole = d.unit == 1 ? p->train.data->memory[PLACE_WHOLE] : NULL;
    int64_t most = whole ? all->n : d.held * d.unit + all->classes; /* by class: rounding adds up to half a row per class */
    p->train.index = allocate((size_t)all->n, sizeof(int64_t));
    p->valid.index = allocate((size_t)most, sizeof(int64_t));
    d.is_held = allocate_zeroed((size_t)d.pieces, 1);
    int complete = p->train.index && p->valid.index && d.is_held;
    cusgd_status status = complete ? draw(p, &d) : fail_memory((size_t)all->n * sizeof(int64_t), "the list of held-out rows");
    if (!status) hold_parts_together(all, whole, d.is_held);
    if (!status) status = divide(p, &d);
    free(d.is_held);
    free(before);
    return status;
}
