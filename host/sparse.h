/* Functions that devices share for training on sparse rows: what they refuse, and how they find the columns of a batch. */
#ifndef CUSGD_HOST_SPARSE_H
#define CUSGD_HOST_SPARSE_H

#include "backend.h"
#include "failure.h"
#include <stdlib.h>
#include <string.h>

/* Fails with USAGE if no device supports the run spec for sparse rows. */
static inline cusgd_status sparse_refuses(const run_spec *p)
{
    if (!p->sparse) return CUSGD_OK;
    if (p->lazy && p->shards > 1)
        return fail(CUSGD_ERROR_USAGE, "updates of %d shards are not lazy; use --update dense, or leave out --shards", p->shards);
    if (p->storage != CUSGD_STORAGE_FULL)
        return fail(CUSGD_ERROR_USAGE, "sparse data is not stored as bf16; leave out --storage");
    if (p->models)
        return fail(CUSGD_ERROR_USAGE,
                    "sparse data is trained one model at a time; run train for each of them instead of a sweep");
    return CUSGD_OK;
}

/* Returns the positions of a shard's rows in batch number `batch`, whichever step uses that batch: those of the order `permute`,
 * whose steps use the batches in order. */
static inline batch_span sparse_batch_span(const sampler *order, int64_t batch)
{
    sampler in_order = *order;
    in_order.sampling = CUSGD_SAMPLING_PERMUTE;
    return sampler_span(&in_order, (uint64_t)batch);
}

/* Fails with USAGE if a batch has more stored values than 32-bit numbers can count. */
static inline cusgd_status sparse_check_batch(int64_t values)
{
    if (values <= UINT32_MAX) return CUSGD_OK;
    return fail(CUSGD_ERROR_USAGE, "a batch holds %lld stored values, and at most 4294967295 fit; use a smaller --batch",
                (long long)values);
}

/* Returns the number of words in the bit set of sparse_sort_columns(): one bit for each of d columns, and one for each 64 of
 * those. */
static inline size_t sparse_bit_words(int64_t d) { return (size_t)(d / 64 + 1 + d / 4096 + 1); }

/* Sorts different columns by a bit set. bits: sparse_bit_words(d) words, zero before and after the call. */
static inline void sparse_sort_columns(int64_t d, uint64_t *bits, int32_t *touched, int64_t columns)
{
    uint64_t *upper = bits + d / 64 + 1;
    int64_t found = 0;
    for (int64_t u = 0; u < columns; u++) {
        int32_t j = touched[u];
        bits[j / 64] |= UINT64_C(1) << j % 64;
        upper[j / 4096] |= UINT64_C(1) << j / 64 % 64;
    }
    for (int64_t top = 0; found < columns; top++) {
        for (; upper[top]; upper[top] &= upper[top] - 1) {
            int64_t word = top * 64 + __builtin_ctzll(upper[top]);
            for (uint64_t left = bits[word]; left; left &= left - 1)
                touched[found++] = (int32_t)(word * 64 + __builtin_ctzll(left));
            bits[word] = 0;
        }
    }
}

/* These functions compute the sums of `curvature` over sparse rows of weight w, where z = (scale x, 1) and q = |z|^2: the start
 * value, the contribution of a stored value of column j (its square minus that of a value that is not stored), and the
 * contribution of a row. */
static inline void sparse_curvature_start(curvature *out, int64_t d)
{
    memset(out->fourth, 0, sizeof(double) * (size_t)d);
    memset(out->second, 0, sizeof(double) * (size_t)d);
    out->q2 = out->q1 = 0;
}

static inline void sparse_curvature_value(curvature *out, int64_t j, double w, double q, double square)
{
    out->fourth[j] += w * w * q * square;
    out->second[j] += w * square;
}

static inline void sparse_curvature_row(curvature *out, double w, double q)
{
    out->q2 += w * w * q * q;
    out->q1 += w * q;
}

#endif
