/* Rows held out for validation. */
#include "trainer.h"

#include "error.h"
#include "interrupt.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { ROWS_BETWEEN = 1 << 16 }; /* questions whether to stop */

static int has_weight(const examples *e)
{
    for (int64_t i = 0; i < e->n; i++)
        if (weight_at(e, examples_row(e, i)) > 0) return 1;
    return 0;
}

/* A share whose rows all have weight 0 measures nothing, or teaches nothing. */
static cusgd_status check_weights(const cusgd_trainer *t)
{
    int train = has_weight(&t->train_rows), valid = has_weight(&t->valid_rows);
    if (train && valid) return CUSGD_OK;
    return fail(
        CUSGD_ERROR_DATA,
        "%s: with valid-fraction %g all %lld rows that are %s have weight 0; remove the rows of weight 0, or choose another "
        "share or seed",
        t->data->source, t->options.valid_fraction, (long long)(train ? t->valid_rows.n : t->train_rows.n),
        train ? "held out for validation" : "left for training");
}

/* Chooses a share of the rows by the seed: rows, or whole blocks where order matters, so that what is left stays in one piece. */
cusgd_status hold_out(cusgd_trainer *t)
{
    const examples *all = &t->data->view;
    int blocks = t->options.sampling == CUSGD_SAMPLING_NONE || t->options.sampling == CUSGD_SAMPLING_BLOCKS ||
                 t->options.sampling == CUSGD_SAMPLING_REPLACE_BLOCKS;
    int64_t unit = blocks && all->n >= 20 * SAMPLING_BLOCK ? SAMPLING_BLOCK : 1, units = all->n / unit;
    int64_t held = (int64_t)floor(t->options.valid_fraction * (double)units + 0.5), valid = 0, train = 0;
    if (held < 1 || held >= units)
        return fail(CUSGD_ERROR_USAGE,
                    "valid-fraction %g of %lld rows leaves no row for %s; choose another share or give --valid",
                    t->options.valid_fraction, (long long)all->n, held < 1 ? "validation" : "training");
    t->train_index = allocate((size_t)all->n, sizeof(int64_t));
    t->valid_index = allocate((size_t)(held * unit), sizeof(int64_t));
    if (!t->train_index || !t->valid_index) return fail_memory((size_t)all->n * sizeof(int64_t), "the list of held-out rows");
    permutation p = permutation_make((uint64_t)units, stream_key(t->options.seed, STREAM_HOLDOUT), 0);
    char *is_held = allocate_zeroed((size_t)units, 1);
    if (!is_held) return fail_memory((size_t)units, "the list of held-out rows");
    int stops = 0;
    for (int64_t i = 0; i < held && !stops; i++) {
        is_held[permutation_at(&p, (uint64_t)i)] = 1;
        stops = i % ROWS_BETWEEN == 0 && interrupt_asked();
    }
    for (int64_t i = 0; i < all->n && !stops; i++) {
        stops = i % ROWS_BETWEEN == 0 && interrupt_asked();
        if (i / unit < units && is_held[i / unit])
            t->valid_index[valid++] = i;
        else
            t->train_index[train++] = i;
    }
    free(is_held);
    t->train_rows.rows = t->train_index;
    t->train_rows.n = train;
    t->valid_rows = *all;
    t->valid_rows.rows = t->valid_index;
    t->valid_rows.n = valid;
    return stops ? fail_interrupted() : check_weights(t);
}
