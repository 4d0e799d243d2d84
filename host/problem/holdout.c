/* Which rows there are: those that have a weight, and of them those held out for validation. */
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

/* The parts of a split row go where the first of them goes: else the model would be judged by a part of what it is trained on. */
static void hold_parts_together(const examples *all, const int64_t *whole, char *is_held)
{
    for (int64_t i = 1; whole && i < all->n; i++)
        if (whole[examples_row(all, i)] == whole[examples_row(all, i - 1)]) is_held[i] = is_held[i - 1];
}

/* Chooses a share of the rows by the seed: rows, or whole blocks where order matters, so that what is left stays in one piece. */
cusgd_status hold_out(problem *p)
{
    const examples given = p->train.rows, *all = &given;
    int64_t *index = p->train.index; /* of the rows that have a weight, or NULL */
    int blocks = (sampling_flags((int)p->options->sampling) & SAMPLING_IN_BLOCKS) != 0;
    int64_t unit = blocks && all->n >= 20 * SAMPLING_BLOCK ? SAMPLING_BLOCK : 1, pieces = all->n / unit;
    int64_t held = (int64_t)floor(p->options->valid_fraction * (double)pieces + 0.5), valid = 0, train = 0;
    if (held < 1 || held >= pieces)
        return fail(CUSGD_ERROR_USAGE,
                    "valid-fraction %g of %lld rows leaves no row for %s; choose another share or give --valid",
                    p->options->valid_fraction, (long long)all->n, held < 1 ? "validation" : "training");
    p->train.index = allocate((size_t)all->n, sizeof(int64_t));
    const int64_t *whole = unit == 1 ? p->train.data->memory[PLACE_WHOLE] : NULL;
    int64_t most = whole ? all->n : held * unit + all->classes; /* by class: up to half a row more of each */
    p->valid.index = allocate((size_t)most, sizeof(int64_t));
    char *is_held = allocate_zeroed((size_t)pieces, 1);
    if (!p->train.index || !p->valid.index || !is_held) {
        free(index);
        free(is_held);
        return fail_memory((size_t)all->n * sizeof(int64_t), "the list of held-out rows");
    }
    int by_class = unit == 1 && all->classes > 2; /* of two, rows are drawn without a look at their class */
    permutation order = permutation_make((uint64_t)pieces, stream_key(p->options->seed, STREAM_HOLDOUT), 0);
    int stops = 0;
    if (by_class) {
        cusgd_status status = classes_hold_out(p, &order, is_held, &held);
        if (!status && held == 0)
            status = fail(CUSGD_ERROR_USAGE, "valid-fraction %g leaves no row of any class for validation",
                          p->options->valid_fraction);
        if (status) {
            free(index);
            free(is_held);
            return status;
        }
    }
    for (int64_t i = 0; i < held && !stops && !by_class; i++) {
        is_held[permutation_at(&order, (uint64_t)i)] = 1;
        stops = interrupt_asked_at(i);
    }
    hold_parts_together(all, whole, is_held);
    for (int64_t i = 0; i < all->n && !stops; i++) {
        stops = interrupt_asked_at(i);
        if (i / unit < pieces && is_held[i / unit])
            p->valid.index[valid++] = examples_row(all, i);
        else
            p->train.index[train++] = examples_row(all, i);
    }
    free(is_held);
    free(index);
    p->train.rows.rows = p->train.index;
    p->train.rows.n = train;
    p->valid.rows = *all;
    p->valid.rows.rows = p->valid.index;
    p->valid.rows.n = valid;
    if (stops) return fail_interrupted();
    if (valid > 0 && train > 0) return CUSGD_OK;
    return fail(CUSGD_ERROR_USAGE, "valid-fraction %g leaves no whole row for %s; choose another share or give --valid",
                p->options->valid_fraction, valid > 0 ? "training" : "validation");
}
