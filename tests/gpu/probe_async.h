/* Barriers in shared memory that count the bytes of asynchronous copies, of compute capability 9.0 and above. */
#ifndef CUSGD_TESTS_GPU_PROBE_ASYNC_H
#define CUSGD_TESTS_GPU_PROBE_ASYNC_H

#include <stdint.h>

#if defined(__CUDA_ARCH__) && __CUDA_ARCH__ >= 900
__device__ static inline unsigned probe_shared_address(const void *p) { return (unsigned)__cvta_generic_to_shared(p); }

/* One thread; others, and copies, may use it after a barrier. */
__device__ static inline void barrier_make(uint64_t *arrival)
{
    asm volatile("mbarrier.init.shared::cta.b64 [%0], 1;" : : "r"(probe_shared_address(arrival)) : "memory");
    asm volatile("fence.mbarrier_init.release.cluster;" : : : "memory");
}

/* One thread: the phase under way ends when so many bytes have come. */
__device__ static inline void barrier_expect(uint64_t *arrival, unsigned bytes)
{
    asm volatile("mbarrier.arrive.expect_tx.shared::cta.b64 _, [%0], %1;"
                 :
                 : "r"(probe_shared_address(arrival)), "r"(bytes)
                 : "memory");
}

/* Until the phase of this parity has ended. */
__device__ static inline void barrier_await(uint64_t *arrival, unsigned parity)
{
    unsigned done = 0;
    while (!done)
        asm volatile("{ .reg .pred p; mbarrier.try_wait.parity.shared::cta.b64 p, [%1], %2; selp.u32 %0, 1, 0, p; }"
                     : "=r"(done)
                     : "r"(probe_shared_address(arrival)), "r"(parity)
                     : "memory");
}
#endif

#endif
