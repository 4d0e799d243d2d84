/* Rows that the caller has in the memory of a GPU: which GPU, when they are ready, and whether they may be used in place.
 * stage.c reads them. */
#include "cuda.h"

#include <stdint.h>

cusgd_status cuda_locate(void *of, const void *at, int *device)
{
    const cuda *c = of;
    struct cudaPointerAttributes found;
    TRY(cuda_enter(c));
    TRY(CUDA(cudaPointerGetAttributes(&found, at)));
    *device = found.type == cudaMemoryTypeDevice || found.type == cudaMemoryTypeManaged ? found.device : -1;
    return CUSGD_OK;
}

cusgd_status place_await(cuda *c, const examples *e)
{
    cudaEvent_t ready;
    if (!e->place) return CUSGD_OK;
    if (e->place->device != c->gpu.number)
        return fail(CUSGD_ERROR_USAGE,
                    "the rows lie in the memory of GPU %d: use --device cuda:%d, or give a copy in the host's memory",
                    e->place->device, e->place->device);
    if (!e->place->late) return CUSGD_OK;
    TRY(CUDA(cudaEventCreateWithFlags(&ready, cudaEventDisableTiming)));
    cusgd_status status = CUDA(cudaEventRecord(ready, (cudaStream_t)e->place->stream));
    if (!status) status = CUDA(cudaStreamWaitEvent(c->stream, ready, 0));
    (void)cudaEventDestroy(ready); /* returns without waiting for the event */
    return status;
}

int place_serves(const cuda *c, const examples *e, const transform *t, const dataset *b)
{
    cusgd_type type = c->precision == CUSGD_PRECISION_FLOAT ? CUSGD_TYPE_FLOAT32 : CUSGD_TYPE_FLOAT64;
    return e->place && !e->rows && !t->mean && t->storage == CUSGD_STORAGE_FULL && e->x.type == type && e->x.col_stride == 1 &&
           e->x.row_stride == b->ld && b->ld == e->d && (uintptr_t)e->x.at % 16 == 0;
}

static size_t bytes_of(cusgd_type type, int64_t count) { return (size_t)count * type_bytes(type); }

/* A block has whole rows, or a part of one row. Therefore its values are contiguous in `to`, too. */
cusgd_status cuda_fetch(void *of, const memory_place *place, const cusgd_matrix *m, int64_t n, int64_t cols, void *to)
{
    cuda *c = of;
    examples e = {.n = n, .d = cols, .x = *m, .place = place};
    int64_t rows, width;
    TRY(cuda_enter(c));
    TRY(place_await(c, &e));
    stage_shape(n, cols, 1, &rows, &width);
    for (int64_t first = 0; first < n; first += rows)
        for (int64_t j = 0; j < cols; j += width) {
            stage s;
            int64_t count = min_of(rows, n - first), some = min_of(width, cols - j);
            const matrix_block block = {&e, &e.x, first, count, j, some};
            TRY(stage_block(c, &block, 0, &s));
            TRY(download_bytes(c, s.x, bytes_of(m->type, count * some), (char *)to + bytes_of(m->type, first * cols + j)));
            TRY(ring_give(c, s.slot));
        }
    return cuda_synchronize(c);
}
