/* The emulated GPU itself: kernels that are sound give what CUDA gives, in every order of threads and at every laziness of
 * streams; what CUDA refuses is refused, and every call can be made to fail. */
#include "programs.h"

#include <math.h>
#include <stdint.h>
#include <stdlib.h>

/* ---- sound programs ---- */

static void program_sums(void)
{
    static const int sizes[] = {4, 32, 128, 1000, 4096};
    double *e = NULL;
    for (int i = 0; i < 5; i++) {
        int n = sizes[i];
        float *x = numbers(n), *d = device_copy(x, (size_t)n * sizeof *x), *total = device_make(sizeof *total), y;
        double *z = malloc((size_t)n * sizeof *z), *sum = device_make(sizeof *sum), expected = 0, got;
        for (int j = 0; j < n; j++) expected += z[j] = (double)x[j];
        e = device_copy(z, (size_t)n * sizeof *z);
        OK(cudaMemset(total, 0, sizeof *total));
        OK(cudaMemset(sum, 0, sizeof *sum));
        OK(kernel_sum(d, n, total, NULL));
        OK(kernel_sum_packs(e, n, sum, NULL));
        fetch(&y, total, sizeof y, NULL);
        fetch(&got, sum, sizeof got, NULL);
        CHECK((double)y == expected && got == expected);
        OK(cudaFree(d));
        OK(cudaFree(e));
        OK(cudaFree(total));
        OK(cudaFree(sum));
        free(x);
        free(z);
    }
}
Test(emulator, emul_reductions) { run_everywhere(program_sums); }

static void program_warps(void)
{
    int *d = device_make(24 * sizeof *d), x[24];
    unsigned *e = device_make(192 * sizeof *e), y[192];
    OK(kernel_indices(d, NULL));
    fetch(x, d, sizeof x, NULL);
    for (int t = 0; t < 24; t++) CHECK(x[t] == 100 * (t / 6) + 10 * (t / 2 % 3) + t % 2);
    OK(kernel_warps(e, NULL));
    fetch(y, e, sizeof y, NULL);
    for (unsigned t = 0; t < 48; t++) {
        unsigned lane = t % 32, maximum = 0;
        for (unsigned l = lane / 16 * 16; l < lane / 16 * 16 + 16; l++) maximum = l * 7 % 32 > maximum ? l * 7 % 32 : maximum;
        CHECK(y[4 * t] == (t < 32 ? 0xaaaaaaaau : 0xaaaau));
        CHECK(y[4 * t + 1] == (lane ? lane - 1 : 0));
        CHECK(y[4 * t + 2] == lane / 8 * 8 + 3);
        CHECK(y[4 * t + 3] == maximum);
    }
    OK(cudaFree(d));
    OK(cudaFree(e));
}
Test(emulator, emul_warps_and_indices) { run_everywhere(program_warps); }

static void program_memories(void)
{
    static const unsigned zero[5] = {0, 0, ~0u, 0, 0};
    unsigned *d = device_copy(zero, sizeof zero), y[5];
    float *e = device_make(12 * sizeof *e), z[12];
    double *f = device_make(sizeof *f), sum;
    OK(cudaMemset(f, 0, sizeof *f));
    OK(kernel_atomics(d, f, NULL));
    OK(kernel_garbage(e, NULL));
    fetch(y, d, sizeof y, NULL);
    fetch(z, e, sizeof z, NULL);
    fetch(&sum, f, sizeof sum, NULL);
    CHECK(y[0] == 300 && y[1] == 299 && y[2] == 0 && y[3] == (1u << 20) - 1 && y[4] == 300 && sum == 150);
    for (int b = 0; b < 3; b++) CHECK(isnan(z[4 * b]) && isnan(z[4 * b + 1]) && z[4 * b + 2] == 1 && z[4 * b + 3] == 1);
    OK(cudaFree(d));
    OK(cudaFree(e));
    OK(cudaFree(f));
}
Test(emulator, emul_atomics_and_shared_garbage) { run_everywhere(program_memories); }

static void program_normalize(void)
{
    enum { BLOCKS = 6 };
    float *x = numbers(N), *d = device_copy(x, N * sizeof *x), *e = device_make(N * sizeof *e), y[N], total = 0;
    float *sums = device_make(BLOCKS * sizeof *sums);
    OK(kernel_normalize(d, e, sums, N, BLOCKS, NULL));
    fetch(y, e, sizeof y, NULL);
    for (int i = 0; i < N; i++) total += x[i];
    for (int i = 0; i < N; i++) CHECK(y[i] == x[i] / total);
    OK(cudaFree(d));
    OK(cudaFree(e));
    OK(cudaFree(sums));
    free(x);
}
Test(emulator, emul_grid_barrier) { run_everywhere(program_normalize); }

/* ---- errors ---- */

static void check_launch(unsigned grid, unsigned block, size_t shared, int cooperative, cudaError_t expected)
{
    CHECK((int)kernel_nothing((dim3){grid, 1, 1}, (dim3){block, 1, 1}, shared, cooperative, NULL) == (int)expected);
    CHECK((int)cudaGetLastError() == (int)expected);
}

Test(emulator, emul_launch_errors)
{
    struct cudaDeviceProp p;
    check_launch(1, 1024, 48 << 10, 0, cudaSuccess);
    check_launch(0, 1, 0, 0, cudaErrorInvalidConfiguration);
    check_launch(1, 0, 0, 0, cudaErrorInvalidConfiguration);
    check_launch(1, 1025, 0, 0, cudaErrorInvalidConfiguration);
    check_launch(1, 32, (48 << 10) + 4, 0, cudaErrorInvalidValue);
    OK(kernel_nothing_allow(100 << 10));
    check_launch(1, 32, 100 << 10, 0, cudaSuccess);
    CHECK(kernel_nothing_allow(228 << 10) == cudaErrorInvalidValue && cudaGetLastError() == cudaErrorInvalidValue);
    OK(cudaGetDeviceProperties(&p, 0));
    check_launch((unsigned)p.multiProcessorCount * 2, 1024, 0, 1, cudaSuccess);
    check_launch((unsigned)p.multiProcessorCount * 2 + 1, 1024, 0, 1, cudaErrorCooperativeLaunchTooLarge);
    emulator_set_multiprocessors(3);
    check_launch(6, 1024, 0, 1, cudaSuccess);
    CHECK(cudaSetDevice(1) == cudaErrorInvalidDevice);
}

Test(emulator, emul_out_of_memory)
{
    size_t free_bytes, total;
    void *p, *q;
    emulator_set_memory(1000);
    p = device_make(600);
    OK(cudaMemGetInfo(&free_bytes, &total));
    CHECK(free_bytes == 400 && total == 1000);
    CHECK(cudaMalloc(&q, 401) == cudaErrorMemoryAllocation && !q);
    CHECK(cudaMalloc(&q, SIZE_MAX) == cudaErrorMemoryAllocation);
    OK(cudaFree(p));
    OK(cudaMalloc(&q, 1000));
    OK(cudaFree(q));
}

/* A small program whose every call may fail: it frees what it took and says so. */
static int program_fallible(void)
{
    float *d = NULL, y = 0, one = 1;
    cudaStream_t s = NULL;
    cublasHandle_t h = NULL;
    int error = (int)cudaStreamCreateWithFlags(&s, cudaStreamNonBlocking);
    if (!error) error = (int)cublasCreate(&h);
    if (!error) error = (int)cublasSetStream(h, s);
    if (!error) error = (int)cudaMalloc((void **)&d, sizeof *d);
    if (!error) error = (int)cudaMemsetAsync(d, 0, sizeof *d, s);
    if (!error) error = (int)kernel_add(d, 1, 3, s);
    if (!error) error = (int)cublasSscal(h, 1, &one, d, 1);
    if (!error) error = (int)cudaMemcpyAsync(&y, d, sizeof y, cudaMemcpyDeviceToHost, s);
    if (!error) error = (int)cudaStreamSynchronize(s);
    if (!error && y != 3) error = -1;
    if (d) error |= (int)cudaFree(d);
    if (h) error |= (int)cublasDestroy(h);
    if (s) error |= (int)cudaStreamDestroy(s);
    return error;
}

Test(emulator, emul_every_call_fails_once)
{
    static const char *const names[] = {"cudaStreamCreateWithFlags",
                                        "cublasCreate",
                                        "cublasSetStream",
                                        "cudaMalloc",
                                        "cudaMemsetAsync",
                                        "launch of add_kernel",
                                        "cublasSscal",
                                        "cudaMemcpyAsync",
                                        "cudaStreamSynchronize",
                                        "cudaFree",
                                        "cublasDestroy",
                                        "cudaStreamDestroy"};
    unsigned long before = emulator_calls();
    CHECK(program_fallible() == 0);
    unsigned long calls = emulator_calls() - before;
    CHECK(calls == sizeof names / sizeof *names);
    for (unsigned lazy = 0; lazy < 2; lazy++) {
        emulator_set_laziness(lazy);
        for (unsigned long n = 1; n <= 2 * calls; n++) {
            if (n <= calls)
                emulator_fail_call(n);
            else
                emulator_fail_from(n - calls);
            cr_assert(program_fallible(), "call %lu", n);
            cr_assert_str_eq(emulator_failed_call(), names[(n - 1) % calls]);
            cr_assert(emulator_live_bytes() + emulator_live_objects() == 0, "call %lu", n);
        }
    }
    emulator_fail_call(0);
    CHECK(program_fallible() == 0);
}
