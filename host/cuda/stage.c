/* Copies blocks of the caller's matrices, of any type, strides and selection of rows, through the ring to the device, or within
 * the device. */
#include "cuda.h"

#include <string.h>

void stage_shape(int64_t n, int64_t columns, int64_t unit, int64_t *rows, int64_t *cols)
{
    int64_t room = RING_BYTES / (int64_t)sizeof(double); /* each row has a weight, which is stored after the block */
    *cols = min_of(columns, room / unit - 1);
    *rows = room / (*cols + 1) / unit * unit;
    if (*rows > n) *rows = n;
}

/* A block that threads copy to row-major order, in the type of the matrix. */
typedef struct packing {
    const matrix_block *of;
    int64_t each; /* rows per piece */
    void *out;
} packing;

static void pack_piece(void *context, int64_t piece)
{
    const packing *p = context;
    const matrix_block *b = p->of;
    const cusgd_matrix *m = b->m;
    size_t size = type_bytes(m->type);
    for (int64_t i = piece * p->each; i < min_of((piece + 1) * p->each, b->rows); i++) {
        int64_t at = examples_row(b->e, b->first + i) * m->row_stride + b->column * m->col_stride, to = i * b->cols;
        if (m->col_stride == 1)
            memcpy((char *)p->out + (size_t)to * size, (const char *)m->at + at * (int64_t)size, (size_t)b->cols * size);
        else if (m->type == CUSGD_TYPE_FLOAT32)
            for (int64_t j = 0; j < b->cols; j++) ((float *)p->out)[to + j] = ((const float *)m->at)[at + j * m->col_stride];
        else
            for (int64_t j = 0; j < b->cols; j++) ((double *)p->out)[to + j] = ((const double *)m->at)[at + j * m->col_stride];
    }
}

/* Copies the block in parallel, because a single thread is slower than the bus. */
static void pack_block(const matrix_block *b, void *out)
{
    enum { PIECE_VALUES = 64 * 1024 };
    packing p = {.of = b, .each = PIECE_VALUES / b->cols < 1 ? 1 : PIECE_VALUES / b->cols, .out = out};
    share_work((b->rows + p.each - 1) / p.each, pack_piece, &p);
}

/* Provides a block of a matrix in device memory: in place if its rows are stored as a block's rows, otherwise copied to the
 * slot. The row numbers of a selection pass through the slot's host memory. */
static cusgd_status pick_block(cuda *c, const matrix_block *b, int slot, const void **x)
{
    const cusgd_matrix *m = b->m;
    const int64_t *rows = b->e->rows;
    int64_t start = (rows ? 0 : b->first * m->row_stride) + b->column * m->col_stride;
    pick_task t = {.bytes = (int)type_bytes(m->type),
                   .from = (const char *)m->at + start * (int64_t)type_bytes(m->type),
                   .row_stride = m->row_stride,
                   .col_stride = m->col_stride,
                   .count = b->rows,
                   .cols = b->cols,
                   .to = c->ring.device[slot]};
    int whole = !rows && (m->col_stride == 1 || b->cols == 1) && (m->row_stride == b->cols || b->rows == 1);
    *x = whole ? t.from : t.to;
    if (whole) return CUSGD_OK;
    if (rows) {
        size_t bytes = sizeof(int64_t) * (size_t)b->rows;
        if (!c->ring.rows[slot]) TRY(cuda_allocate(c, RING_BYTES / 2, 1, "row numbers", &c->ring.rows[slot]));
        memcpy(c->ring.host[slot], rows + b->first, bytes);
        TRY(CUDA(cudaMemcpyAsync(c->ring.rows[slot], c->ring.host[slot], bytes, cudaMemcpyHostToDevice, c->stream)));
        t.rows = c->ring.rows[slot];
    }
    return CUDA(kernel_pick(&t, c->stream));
}

/* Copies the weights of the block's rows as doubles. */
static void pack_weights(const matrix_block *b, double *w)
{
    for (int64_t i = 0; i < b->rows; i++) w[i] = matrix_at(&b->e->w, examples_row(b->e, b->first + i), 0);
}

cusgd_status stage_block(cuda *c, const matrix_block *b, int with_weights, stage *out)
{
    size_t bytes = (size_t)(b->rows * b->cols) * type_bytes(b->m->type), behind = (bytes + 7) / 8 * 8, weights = 0;
    TRY(ring_take(c, &out->slot));
    char *host = c->ring.host[out->slot], *device = c->ring.device[out->slot];
    int placed = b->e->place && b->m == &b->e->x;
    char *w = host + (placed ? RING_BYTES / 2 : behind); /* row numbers take less than the first half */
    out->x = device;
    out->w = NULL;
    if (with_weights && b->e->w.at) {
        pack_weights(b, (double *)(void *)w);
        out->w = (const double *)(const void *)(device + behind);
        weights = sizeof(double) * (size_t)b->rows;
    }
    if (placed) {
        TRY(pick_block(c, b, out->slot, &out->x));
        return out->w ? CUDA(cudaMemcpyAsync(device + behind, w, weights, cudaMemcpyHostToDevice, c->stream)) : CUSGD_OK;
    }
    pack_block(b, host);
    return CUDA(cudaMemcpyAsync(device, host, out->w ? behind + weights : bytes, cudaMemcpyHostToDevice, c->stream));
}
