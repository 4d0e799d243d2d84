/* The caller's matrices, of any type, strides and choice of rows, block by block through the ring to the device. */
#include "cuda.h"

#include <omp.h>
#include <string.h>

void stage_shape(int64_t n, int64_t columns, int64_t unit, int64_t *rows, int64_t *cols)
{
    int64_t room = RING_BYTES / (int64_t)sizeof(double); /* a weight a row stands behind the block */
    *cols = least(columns, room / unit - 1);
    *rows = room / (*cols + 1) / unit * unit;
    if (*rows > n) *rows = n;
}

static size_t size_of(cusgd_type type) { return type == CUSGD_TYPE_FLOAT32 ? sizeof(float) : sizeof(double); }

/* Rows from .. to - 1 of a block: out is rows x cols of the matrix's own type. */
static void pack_rows(const examples *e, const cusgd_matrix *m, int64_t first, int64_t column, int64_t cols, int64_t from,
                      int64_t to, void *out)
{
    size_t size = size_of(m->type);
    for (int64_t i = from; i < to; i++) {
        int64_t at = examples_row(e, first + i) * m->row_stride + column * m->col_stride;
        if (m->col_stride == 1)
            memcpy((char *)out + (size_t)(i * cols) * size, (const char *)m->at + at * (int64_t)size, (size_t)cols * size);
        else if (m->type == CUSGD_TYPE_FLOAT32)
            for (int64_t j = 0; j < cols; j++) ((float *)out)[i * cols + j] = ((const float *)m->at)[at + j * m->col_stride];
        else
            for (int64_t j = 0; j < cols; j++) ((double *)out)[i * cols + j] = ((const double *)m->at)[at + j * m->col_stride];
    }
}

/* Threads copy pieces of rows: one alone is slower than the bus. */
static void pack_block(const examples *e, const cusgd_matrix *m, int64_t first, int64_t rows, int64_t column, int64_t cols,
                       void *out)
{
    enum { PIECE_VALUES = 64 * 1024 };
    int64_t each = PIECE_VALUES / cols < 1 ? 1 : PIECE_VALUES / cols, pieces = (rows + each - 1) / each;
    int team = (int)least(omp_get_max_threads(), pieces);
#pragma omp parallel for num_threads(team) schedule(static)
    for (int64_t p = 0; p < pieces; p++) pack_rows(e, m, first, column, cols, p * each, least((p + 1) * each, rows), out);
}

cusgd_status stage_block(cuda *c, const examples *e, const cusgd_matrix *m, int with_weights, int64_t first, int64_t rows,
                         int64_t column, int64_t cols, stage *out)
{
    size_t bytes = (size_t)(rows * cols) * size_of(m->type), behind = (bytes + 7) / 8 * 8;
    TRY(ring_take(c, &out->slot));
    char *host = c->ring.host[out->slot], *device = c->ring.device[out->slot];
    pack_block(e, m, first, rows, column, cols, host);
    out->x = device;
    out->w = NULL;
    if (with_weights && e->w.at) {
        double *w = (double *)(void *)(host + behind);
        for (int64_t i = 0; i < rows; i++) w[i] = matrix_at(&e->w, examples_row(e, first + i), 0);
        out->w = (const double *)(const void *)(device + behind);
        bytes = behind + sizeof(double) * (size_t)rows;
    }
    return CUDA(cudaMemcpyAsync(device, host, bytes, cudaMemcpyHostToDevice, c->stream));
}
