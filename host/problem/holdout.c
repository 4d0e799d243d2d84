/* Rows held out for validation. */
#include "problem.h"

#include "error.h"
#include "examples.h"
#include "interrupt.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

static int has_weight(const examples *e)
{
    counted_rows at = {.of = e};
    return counted_next(&at);
}

/* A share whose rows all have weight 0 measures nothing, or teaches nothing. */
static cusgd_status check_weights(const problem *p)
{
    int train = has_weight(&p->train.rows), valid = has_weight(&p->valid.rows);
    if (train && valid) return CUSGD_OK;
    if (interrupt_asked()) return fail_interrupted();
    return fail(
        CUSGD_ERROR_DATA,
        "%s: with valid-fraction %g all %lld rows that are %s have weight 0; remove the rows of weight 0, or choose another "
        "share or seed",
        p->train.data->source, p->options->valid_fraction, (long long)(train ? p->valid.rows.n : p->train.rows.n),
        train ? "held out for validation" : "left for training");
}

/* Chooses a share of the rows by the seed: rows, or whole blocks where order matters, so that what is left stays in one piece. */
cusgd_status hold_out(problem *p)
{
    const examples *all = &p->train.data->view;
    int blocks = (sampling_flags((int)p->options->sampling) & SAMPLING_IN_BLOCKS) != 0;
    int64_t unit = blocks && all->n >= 20 * SAMPLING_BLOCK ? SAMPLING_BLOCK : 1, pieces = all->n / unit;
    int64_t held = (int64_t)floor(p->options->valid_fraction * (double)pieces + 0.5), valid = 0, train = 0;
    if (held < 1 || held >= pieces)
        return fail(CUSGD_ERROR_USAGE,
                    "valid-fraction %g of %lld rows leaves no row for %s; choose another share or give --valid",
                    p->options->valid_fraction, (long long)all->n, held < 1 ? "validation" : "training");
    p->train.index = allocate((size_t)all->n, sizeof(int64_t));
    p->valid.index = allocate((size_t)(held * unit), sizeof(int64_t));
    if (!p->train.index || !p->valid.index) return fail_memory((size_t)all->n * sizeof(int64_t), "the list of held-out rows");
    permutation order = permutation_make((uint64_t)pieces, stream_key(p->options->seed, STREAM_HOLDOUT), 0);
    char *is_held = allocate_zeroed((size_t)pieces, 1);
    if (!is_held) return fail_memory((size_t)pieces, "the list of held-out rows");
    int stops = 0;
    for (int64_t i = 0; i < held && !stops; i++) {
        is_held[permutation_at(&order, (uint64_t)i)] = 1;
        stops = interrupt_asked_at(i);
    }
    for (int64_t i = 0; i < all->n && !stops; i++) {
        stops = interrupt_asked_at(i);
        if (i / unit < pieces && is_held[i / unit])
            p->valid.index[valid++] = i;
        else
            p->train.index[train++] = i;
    }
    free(is_held);
    p->train.rows.rows = p->train.index;
    p->train.rows.n = train;
    p->valid.rows = *all;
    p->valid.rows.rows = p->valid.index;
    p->valid.rows.n = valid;
    return stops ? fail_interrupted() : check_weights(p);
}
