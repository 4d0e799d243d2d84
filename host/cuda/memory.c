/* Device memory, pinned memory, and transfers between host and device. */
#include "exchange.h"

#include <stdlib.h>
#include <string.h>

cusgd_status cuda_enter(const cuda *c) { return CUDA(cudaSetDevice(c->gpu.number)); }

cusgd_status cuda_synchronize(const cuda *c)
{
    return c->ranks ? nccl_await(c->ranks, NULL, c->stream) : CUDA(cudaStreamSynchronize(c->stream));
}

cusgd_status cuda_await(const cuda *c, cudaEvent_t event)
{
    return c->ranks ? nccl_await(c->ranks, event, c->stream) : CUDA(cudaEventSynchronize(event));
}

static cusgd_status fail_device_memory(int device, double bytes, const char *what)
{
    size_t available = 0, total = 0;
    const double mib = 1024 * 1024;
    if (cudaMemGetInfo(&available, &total) != cudaSuccess) (void)cudaGetLastError();
    return fail(CUSGD_ERROR_DEVICE,
                "out of memory on GPU %d: %s need%s %.0f bytes (%.1f MiB), and %zu (%.1f MiB) of its %zu are free; end what else "
                "runs there, train on fewer rows or in --precision float, or use --device cpu",
                device, what, what[strlen(what) - 1] == 's' && what[strlen(what) - 2] != 's' ? "" : "s", bytes, bytes / mib,
                available, (double)available / mib, total);
}

cusgd_status cuda_allocate(const cuda *c, int64_t count, size_t size, const char *what, void **out)
{
    *out = NULL;
    if (count > INT64_MAX / (int64_t)size) return fail_device_memory(c->gpu.number, (double)count * (double)size, what);
    size_t bytes = (size_t)count * size;
    cudaError_t error = cudaMalloc(out, bytes ? bytes : 1);
    if (error == cudaSuccess) return CUSGD_OK;
    *out = NULL;
    if (error != cudaErrorMemoryAllocation) return cuda_check(error, "cudaMalloc", __FILE__, __LINE__);
    (void)cudaGetLastError();
    return fail_device_memory(c->gpu.number, (double)bytes, what);
}

void cuda_free(void *p)
{
    if (p) (void)cudaFree(p); /* a caller that frees memory cannot report an error */
}

cusgd_status cuda_pinned(size_t bytes, const char *what, void **out)
{
    *out = NULL;
    cudaError_t error = cudaMallocHost(out, bytes);
    if (error == cudaSuccess) return CUSGD_OK;
    *out = NULL;
    if (error != cudaErrorMemoryAllocation) return cuda_check(error, "cudaMallocHost", __FILE__, __LINE__);
    (void)cudaGetLastError();
    return fail_memory(bytes, what);
}

void cuda_unpin(void *p)
{
    if (p) (void)cudaFreeHost(p);
}

/* ---- The ring ---- */

cusgd_status ring_open(cuda *c)
{
    for (int i = 0; i < RING; i++) {
        TRY(cuda_pinned(RING_BYTES, "a staging buffer", &c->ring.host[i]));
        TRY(cuda_allocate(c, RING_BYTES, 1, "the staging buffers", &c->ring.device[i]));
        TRY(CUDA(cudaEventCreateWithFlags(&c->ring.done[i], cudaEventDisableTiming)));
    }
    return CUSGD_OK;
}

void ring_close(cuda *c)
{
    for (int i = 0; i < RING; i++) {
        cuda_unpin(c->ring.host[i]);
        cuda_free(c->ring.device[i]);
        cuda_free(c->ring.rows[i]);
        if (c->ring.done[i]) (void)cudaEventDestroy(c->ring.done[i]);
    }
}

cusgd_status ring_take(cuda *c, int *slot)
{
    *slot = c->ring.next;
    c->ring.next = (c->ring.next + 1) % RING;
    return CUDA(cudaEventSynchronize(c->ring.done[*slot]));
}

cusgd_status ring_give(cuda *c, int slot) { return CUDA(cudaEventRecord(c->ring.done[slot], c->stream)); }

/* ---- Vectors ---- */

enum { RING_VALUES = RING_BYTES / (int)sizeof(double) };

static void narrow(const cuda *c, const double *values, int64_t count, void *to)
{
    if (c->precision == CUSGD_PRECISION_DOUBLE) {
        memcpy(to, values, sizeof(double) * (size_t)count);
        return;
    }
    float *out = to;
    for (int64_t i = 0; i < count; i++) out[i] = (float)values[i];
}

static cusgd_status upload_piece(cuda *c, const double *values, int64_t count, int as_reals, void *to)
{
    int slot;
    size_t size = as_reals ? c->element : sizeof(double);
    TRY(ring_take(c, &slot));
    if (as_reals)
        narrow(c, values, count, c->ring.host[slot]);
    else
        memcpy(c->ring.host[slot], values, sizeof(double) * (size_t)count);
    TRY(CUDA(cudaMemcpyAsync(to, c->ring.host[slot], (size_t)count * size, cudaMemcpyHostToDevice, c->stream)));
    return ring_give(c, slot);
}

cusgd_status upload_doubles(cuda *c, const double *values, int64_t count, double *to)
{
    for (int64_t i = 0; i < count; i += RING_VALUES) TRY(upload_piece(c, values + i, min_of(RING_VALUES, count - i), 0, to + i));
    return CUSGD_OK;
}

cusgd_status upload_reals(cuda *c, const double *values, int64_t count, void *to)
{
    for (int64_t i = 0; i < count; i += RING_VALUES)
        TRY(upload_piece(c, values + i, min_of(RING_VALUES, count - i), 1, at_real(c, to, i)));
    return CUSGD_OK;
}

cusgd_status upload_bytes(cuda *c, const void *from, size_t bytes, void *to)
{
    for (size_t start = 0; start < bytes; start += RING_BYTES) {
        int slot;
        size_t count = bytes - start < RING_BYTES ? bytes - start : RING_BYTES;
        TRY(ring_take(c, &slot));
        memcpy(c->ring.host[slot], (const char *)from + start, count);
        TRY(CUDA(cudaMemcpyAsync((char *)to + start, c->ring.host[slot], count, cudaMemcpyHostToDevice, c->stream)));
        TRY(ring_give(c, slot));
    }
    return CUSGD_OK;
}

/* The previous piece is copied to its destination while the current one is transferred. */
cusgd_status download_bytes(cuda *c, const void *from, size_t bytes, void *to)
{
    size_t pieces = (bytes + RING_BYTES - 1) / RING_BYTES;
    int slot = 0, last = 0;
    for (size_t i = 0; i <= pieces; i++) {
        size_t start = i * RING_BYTES;
        if (i < pieces) {
            size_t count = bytes - start < RING_BYTES ? bytes - start : RING_BYTES;
            TRY(ring_take(c, &slot));
            TRY(CUDA(cudaMemcpyAsync(c->ring.host[slot], (const char *)from + start, count, cudaMemcpyDeviceToHost, c->stream)));
            TRY(ring_give(c, slot));
        }
        if (i > 0) {
            size_t before = start - RING_BYTES, count = bytes - before < RING_BYTES ? bytes - before : RING_BYTES;
            TRY(CUDA(cudaEventSynchronize(c->ring.done[last])));
            memcpy((char *)to + before, c->ring.host[last], count);
        }
        last = slot;
    }
    return CUSGD_OK;
}

cusgd_status download_reals(cuda *c, const void *from, int64_t count, double *values)
{
    TRY(download_bytes(c, from, (size_t)count * c->element, values));
    widen_in_place(c, count, values);
    return CUSGD_OK;
}

void widen_in_place(const cuda *c, int64_t count, double *values)
{
    if (c->precision == CUSGD_PRECISION_DOUBLE) return;
    for (int64_t i = count - 1; i >= 0; i--) { /* from the end, so that doubles overwrite only floats that have been read */
        float value;
        memcpy(&value, (const char *)values + (size_t)i * sizeof value, sizeof value);
        values[i] = (double)value;
    }
}
