/* The caller's matrices, of any type, strides and choice of rows, block by block through the ring to the device. */
#include "cuda.h"

#include <string.h>

void stage_shape(int64_t n, int64_t columns, int64_t unit, int64_t *rows, int64_t *cols)
{
    int64_t room = RING_BYTES / (int64_t)sizeof(double); /* a weight a row stands behind the block */
    *cols = min_of(columns, room / unit - 1);
    *rows = room / (*cols + 1) / unit * unit;
    if (*rows > n) *rows = n;
}

static size_t size_of(cusgd_type type) { return type == CUSGD_TYPE_FLOAT32 ? sizeof(float) : sizeof(double); }

/* A block of the matrix, row-major: rows first .. first + rows - 1, columns column .. column + cols - 1, of its own type. */
typedef struct packing {
    const examples *e;
    const cusgd_matrix *m;
    int64_t first, rows, column, cols;
    int64_t each; /* rows of a piece */
    void *out;
} packing;

static void pack_piece(void *context, int64_t piece)
{
    const packing *b = context;
    const cusgd_matrix *m = b->m;
    size_t size = size_of(m->type);
    for (int64_t i = piece * b->each; i < min_of((piece + 1) * b->each, b->rows); i++) {
        int64_t at = examples_row(b->e, b->first + i) * m->row_stride + b->column * m->col_stride, to = i * b->cols;
        if (m->col_stride == 1)
            memcpy((char *)b->out + (size_t)to * size, (const char *)m->at + at * (int64_t)size, (size_t)b->cols * size);
        else if (m->type == CUSGD_TYPE_FLOAT32)
            for (int64_t j = 0; j < b->cols; j++) ((float *)b->out)[to + j] = ((const float *)m->at)[at + j * m->col_stride];
        else
            for (int64_t j = 0; j < b->cols; j++) ((double *)b->out)[to + j] = ((const double *)m->at)[at + j * m->col_stride];
    }
}

/* Threads copy pieces of rows: one alone is slower than the bus. */
static void pack_block(packing *b)
{
    enum { PIECE_VALUES = 64 * 1024 };
    b->each = PIECE_VALUES / b->cols < 1 ? 1 : PIECE_VALUES / b->cols;
    share_work((b->rows + b->each - 1) / b->each, pack_piece, b);
}

cusgd_status stage_block(cuda *c, const examples *e, const cusgd_matrix *m, int with_weights, int64_t first, int64_t rows,
                         int64_t column, int64_t cols, stage *out)
{
    size_t bytes = (size_t)(rows * cols) * size_of(m->type), behind = (bytes + 7) / 8 * 8;
    TRY(ring_take(c, &out->slot));
    char *host = c->ring.host[out->slot], *device = c->ring.device[out->slot];
    packing block = {.e = e, .m = m, .first = first, .rows = rows, .column = column, .cols = cols, .out = host};
    pack_block(&block);
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
