/* Measures the read bandwidth of device memory. */
#include "cuda.h"

#include <stdlib.h>

enum { PASSES = 9 };

static cusgd_status time_pass(cuda *c, const uint64_t *words, int64_t count, uint64_t *sums, cudaEvent_t *events, float *ms)
{
    TRY(CUDA(cudaEventRecord(events[0], c->stream)));
    TRY(CUDA(kernel_read(words, count, sums, c->stream)));
    TRY(CUDA(cudaEventRecord(events[1], c->stream)));
    TRY(CUDA(cudaEventSynchronize(events[1])));
    return CUDA(cudaEventElapsedTime(ms, events[0], events[1]));
}

static cusgd_status check_sum(cuda *c, int64_t count, const uint64_t *sums)
{
    uint64_t host[READ_SUMS], sum = 0, n = (uint64_t)count; /* an even number */
    int64_t blocks = read_sums(count);
    TRY(download_bytes(c, sums, sizeof host[0] * (size_t)blocks, host));
    for (int64_t i = 0; i < blocks; i++) sum += host[i];
    if (sum == n / 2 * (n - 1)) return CUSGD_OK;
    return fail(CUSGD_ERROR_DEVICE, "GPU %d: memory that was written is read otherwise; test this device's memory",
                c->gpu.number);
}

static int by_size(const void *a, const void *b)
{
    float x = *(const float *)a, y = *(const float *)b;
    return (x > y) - (x < y);
}

/* Measures the median time of a pass. The first pass is a warm-up. */
static cusgd_status time_passes(cuda *c, uint64_t *words, int64_t count, uint64_t *sums, cudaEvent_t *events, double *seconds)
{
    float ms[PASSES];
    TRY(CUDA(cudaEventCreate(&events[0])));
    TRY(CUDA(cudaEventCreate(&events[1])));
    TRY(CUDA(kernel_fill(words, count, c->stream)));
    TRY(time_pass(c, words, count, sums, events, &ms[0]));
    TRY(check_sum(c, count, sums));
    for (int i = 0; i < PASSES; i++) TRY(time_pass(c, words, count, sums, events, &ms[i]));
    TRY(check_sum(c, count, sums));
    qsort(ms, PASSES, sizeof ms[0], by_size);
    *seconds = 1e-3 * (double)ms[PASSES / 2];
    if (*seconds < 1e-6) *seconds = 1e-6; /* the resolution of events */
    return CUSGD_OK;
}

cusgd_status cuda_read_bandwidth(void *of, int64_t bytes, double *bytes_per_second)
{
    cuda *c = of;
    int64_t count = bytes / 16 * 2 + (bytes % 16 > 0) * 2;
    void *words = NULL, *sums = NULL;
    cudaEvent_t events[2] = {NULL, NULL};
    double seconds = 1;
    TRY(cuda_enter(c));
    cusgd_status status = cuda_allocate(c, count, sizeof(uint64_t), "the measurement of the read bandwidth", &words);
    if (!status) status = cuda_allocate(c, READ_SUMS, sizeof(uint64_t), "the measurement of the read bandwidth", &sums);
    if (!status) status = time_passes(c, words, count, sums, events, &seconds);
    for (int i = 0; i < 2; i++)
        if (events[i]) (void)cudaEventDestroy(events[i]);
    cuda_free(words);
    cuda_free(sums);
    if (!status) *bytes_per_second = (double)count * (double)sizeof(uint64_t) / seconds;
    return status;
}
