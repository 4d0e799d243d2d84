/* Measures memory bandwidth: for (i < count) sum += words[i], as fast as the device can read. */
#include "block.h"
#include "kernels.h"

__global__ static void fill_kernel(uint64_t *words, int64_t count)
{
    for (int64_t i = thread_number(); i < count; i += thread_count()) words[i] = (uint64_t)i;
}

extern "C" cudaError_t kernel_fill(uint64_t *words, int64_t count, cudaStream_t stream)
{
    return LAUNCH(fill_kernel, dim3(blocks_for(count)), dim3(THREADS), 0, stream, words, count);
}

enum { LOADS = 4 }; /* loads of 16 bytes per thread that are in flight together */

__global__ static void read_kernel(const uint64_t *words, int64_t packs, uint64_t *sums)
{
    SHARED(uint64_t, warps, THREADS / 32);
    int64_t step = thread_count(), i = thread_number();
    uint64_t sum = 0;
    for (; i + (LOADS - 1) * step < packs; i += LOADS * step) {
        pack<uint64_t> v[LOADS];
        for (int l = 0; l < LOADS; l++) v[l] = load_pack(words + 2 * (i + l * step));
        for (int l = 0; l < LOADS; l++) sum += v[l].at[0] + v[l].at[1];
    }
    for (; i < packs; i += step) {
        pack<uint64_t> v = load_pack(words + 2 * i);
        sum += v.at[0] + v.at[1];
    }
    sum = warp_sum(sum);
    if (threadIdx.x % 32 == 0) warps[threadIdx.x / 32] = sum;
    __syncthreads();
    if (threadIdx.x > 0) return;
    for (unsigned w = 1; w < THREADS / 32; w++) sum += warps[w];
    sums[blockIdx.x] = sum;
}

/* Returns the number of sums, one per block. The maximum exceeds the number of blocks that any device runs at once, so that
 * every multiprocessor has its share. */
extern "C" int64_t read_sums(int64_t count)
{
    int64_t blocks = groups_of(count / 2, (int64_t)THREADS * LOADS);
    return blocks < READ_SUMS ? blocks : (int64_t)READ_SUMS;
}

extern "C" cudaError_t kernel_read(const uint64_t *words, int64_t count, uint64_t *sums, cudaStream_t stream)
{
    return LAUNCH(read_kernel, dim3((unsigned)read_sums(count)), dim3(THREADS), 0, stream, words, count / 2, sums);
}
