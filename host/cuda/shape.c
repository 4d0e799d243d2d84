/* How a batch and its rows are divided for the engines that read x once, and when `persistent` is used. The decisions follow
 * predictions (tests/gpu/PREDICTED.md, whose script calls these functions) and never measured times, because two equal runs
 * could then differ. */
#include "shape.h"

static int64_t larger(int64_t a, int64_t b) { return a > b ? a : b; }
static int64_t quotient_up(int64_t a, int64_t b) { return (a + b - 1) / b; }

enum {
    MAX_TERMS = 256,          /* of a sum in `real` */
    STAGED_BYTES = 96 * 1024, /* of a batch per multiprocessor, whose shared memory then holds two batches */
    MULTIPROCESSORS = 132     /* of an H200 */
};

/* ---- Rows within a block ---- */

/* Lanes per row, threads per block and loads per thread, for rows of up to `maximum` packs of 16 bytes (or values). */
static const struct row_shape {
    int maximum, lanes, threads, packs;
} row_shapes[] = {{8, 8, 256, 1},     {16, 16, 256, 1},   {32, 32, 256, 1},    {64, 32, 256, 2},    {128, 32, 256, 4},
                  {256, 256, 256, 1}, {512, 256, 256, 2}, {1024, 512, 512, 2}, {2048, 512, 512, 4}, {4096, 512, 512, 8}};

/* Returns the rows per part. row: bytes of a row in `real`, which determine the time to process it; stored: its bytes in
 * memory. */
static int64_t rows_of_part(int64_t batch, int64_t row, int64_t stored)
{
    enum {
        ALONE_BYTES = 96 * 1024, /* of a batch that one block processes in the time of a barrier */
        PART_BYTES = 32 * 1024,  /* minimum: what a block processes in the time between two kernels of a step */
        PART_ROWS = 8            /* minimum, because a part's gradient is as long as a row */
    };
    if (batch * row <= ALONE_BYTES) return batch;
    if (batch * stored <= MULTIPROCESSORS * STAGED_BYTES) {
        /* `persistent`: a block processes a part and then all gradients of parts, which are rows + batch / rows rows */
        int64_t rows = quotient_up(batch, MULTIPROCESSORS);
        while (rows * rows < batch) rows++;
        if (quotient_up(batch, rows) * row <= PASSED_BYTES) return rows;
    }
    return larger(quotient_up(batch, 2 * MULTIPROCESSORS), larger(PART_BYTES / row, PART_ROWS));
}

/* ---- Rows within a cluster ---- */

/* Blocks that share a row and loads per thread, for rows of up to `maximum` packs. */
enum { PACKS_OF_A_BLOCK = 1024, THREADS_OF_A_BLOCK = 256 };
static const struct cluster_shape {
    int maximum, blocks, packs;
} cluster_shapes[] = {{2048, 4, 2}, {4096, MAX_BLOCKS, 2}, {8192, MAX_BLOCKS, 4}};

static int cluster_shape_of(int64_t batch, int64_t ld, int64_t values, fused_shape *out)
{
    enum {
        BLOCKS = 256, /* at once: two on each of 128 multiprocessors; GPU groups of 16 or 18 hold 4 clusters */
        PART_ROWS = 4 /* minimum: rows that a cluster loads at once */
    };
    for (size_t i = 0; i < sizeof cluster_shapes / sizeof cluster_shapes[0]; i++) {
        const struct cluster_shape *s = &cluster_shapes[i];
        if (ld / values > s->maximum) continue;
        int64_t clusters = BLOCKS / s->blocks, turns = quotient_up(batch, clusters * MAX_TERMS);
        int64_t rows = larger(quotient_up(batch, clusters * turns), PART_ROWS);
        *out = (fused_shape){(int)values, s->packs, THREADS_OF_A_BLOCK,      THREADS_OF_A_BLOCK,
                             s->blocks,   rows,     quotient_up(batch, rows)};
        return 1;
    }
    return 0;
}

/* ---- All rows ---- */

int fused_shape_of(cusgd_precision precision, cusgd_storage storage, int64_t batch, int64_t ld, int clusters, fused_shape *out)
{
    int64_t element = value_bytes(precision, storage), values = 16 / element;
    if (clusters && ld / values > PACKS_OF_A_BLOCK) return cluster_shape_of(batch, ld, values, out);
    if (ld < padded_from(values)) values = 1; /* such rows are not padded */
    for (size_t i = 0; i < sizeof row_shapes / sizeof row_shapes[0]; i++) {
        const struct row_shape *s = &row_shapes[i];
        if (ld / values > s->maximum) continue;
        if (storage == CUSGD_STORAGE_BF16 && s->packs == 8) return 0; /* their float sums would not fit into registers */
        int64_t row = ld * value_bytes(precision, CUSGD_STORAGE_FULL), slots = s->threads / s->lanes;
        int64_t rows = rows_of_part(batch, row, ld * element);
        if (rows > slots * MAX_TERMS) rows = slots * MAX_TERMS;
        rows = quotient_up(rows, slots) * slots;
        *out = (fused_shape){(int)values, s->packs, s->threads, s->lanes, 1, rows, quotient_up(batch, rows)};
        return 1;
    }
    return 0;
}

int persistent_pays(const fused_shape *shape, int64_t batch_bytes, int64_t gradient_bytes, int multiprocessors)
{
    return batch_bytes <= multiprocessors * (int64_t)STAGED_BYTES && shape->parts * gradient_bytes <= PASSED_BYTES;
}
