/* What all devices have in common that train on sparse rows: what they refuse, and how the columns of a batch are found. */
#ifndef CUSGD_HOST_SPARSE_H
#define CUSGD_HOST_SPARSE_H

#include "backend.h"
#include "failure.h"
#include <stdlib.h>
#include <string.h>

/* USAGE where the run spec is one of sparse rows that no device takes. */
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

/* The positions of a shard's share of batch number `batch`, whichever step takes it: those of `permute`, whose steps take the
 * batches in order. */
static inline batch_span sparse_batch_span(const sampler *order, int64_t batch)
{
    sampler in_order = *order;
    in_order.sampling = CUSGD_SAMPLING_PERMUTE;
    return sampler_span(&in_order, (uint64_t)batch);
}

/* USAGE where a batch has more stored values than their numbers of 32 bits reach. */
static inline cusgd_status sparse_check_batch(int64_t values)
{
    if (values <= UINT32_MAX) return CUSGD_OK;
    return fail(CUSGD_ERROR_USAGE, "a batch holds %lld stored values, and at most 4294967295 fit; use a smaller --batch",
                (long long)values);
}

/* Words of the bits by which sparse_sort_columns() sorts: one bit for each of d columns, and one for each 64 of those. */
static inline size_t sparse_bit_words(int64_t d) { return (size_t)(d / 64 + 1 + d / 4096 + 1); }

/* Sorts columns that differ. bits: sparse_bit_words(d), zero before and after. */
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

/* The sums of a curvature over sparse rows of weight w, with z = (scale x, 1) and q = |z|^2: of no rows, of a stored value of
 * column j, by its square less that of a value that is not stored, and of a row. */
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
