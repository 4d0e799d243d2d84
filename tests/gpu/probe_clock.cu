/* The multiprocessors' clock. A GPU that did nothing runs slowly at first: all figures are taken after a second of work, and
 * again at the end the clock says whether it has held. */
#include "block.h"
#include "probe.h"

__device__ static unsigned long long nanoseconds()
{
    unsigned long long t;
    asm volatile("mov.u64 %0, %%globaltimer;" : "=l"(t));
    return t;
}

/* Multiplies until so many nanoseconds have passed, or about 2^34 clocks where the timer stands still. out: the clocks and the
 * nanoseconds that it took, of block 0. */
__global__ static void spin_kernel(unsigned long long wanted, unsigned long long *out, float *never)
{
    unsigned long long begin = nanoseconds(), passed = 0;
    long long clock = clock64();
    float v = (float)threadIdx.x + 1;
    while (passed < wanted && clock64() - clock < (1ll << 34)) {
#pragma unroll 16
        for (int i = 0; i < 1024; i++) v = fmaf(v, 0.999f, 0.5f);
        passed = nanoseconds() - begin;
    }
    if (blockIdx.x == 0 && threadIdx.x == 0) {
        out[0] = (unsigned long long)(clock64() - clock);
        out[1] = passed;
    }
    if (v < 0) *never = v; /* the loop has a purpose */
}

static void clock_measure(probe *p, double seconds, const char *when)
{
    unsigned long long *out, got[2] = {};
    CHECK(cudaMalloc((void **)&out, sizeof got));
    CHECK(LAUNCH(spin_kernel, (unsigned)p->multiprocessors * 4, THREADS, 0, p->stream, (unsigned long long)(seconds * 1e9), out,
                 (float *)p->sum));
    /* Twice: what is read is the second one's, which finds the clock as the first one left it. */
    CHECK(LAUNCH(spin_kernel, (unsigned)p->multiprocessors * 4, THREADS, 0, p->stream, 10000000ull, out, (float *)p->sum));
    CHECK(cudaMemcpyAsync(got, out, sizeof got, cudaMemcpyDeviceToHost, p->stream));
    CHECK(cudaStreamSynchronize(p->stream));
    probe_expect(got[0] > 0 && got[1] > 0, "the clocks of a kernel");
    probe_value(p, (double)got[0] * 1e3 / (double)got[1], "MHz", "clock of the multiprocessors, %s", when);
    CHECK(cudaFree(out));
}

void probe_warm_up(probe *p) { clock_measure(p, 1, "after a second of work"); }
void probe_cool_down(probe *p) { clock_measure(p, 0.01, "at the end"); }
