/* The emulated GPU catches planted bugs: each program runs with the sound and with the faulty kernels (planted.cu). */
#include "programs.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#ifdef __SANITIZE_ADDRESS__
enum { SANITIZED = 1 };
#else
enum { SANITIZED = 0 };
#endif

/* It ends the process with a message that contains both words. */
static void check_caught(void (*faulty)(void), const char *word1, const char *word2)
{
    int end;
    char *text = run_apart(faulty, &end);
    cr_assert(end, "not caught: ended with 0");
    cr_assert(strstr(text, word1) && strstr(text, word2), "expected '%s' and '%s', got %d: %s", word1, word2, end, text);
}

static void need_sanitizer(void)
{
    if (!SANITIZED) cr_skip("AddressSanitizer sees this, and this build is without it");
}

static const planted_kernels *kernels = &planted_sound;

static void program_scale(void)
{
    float *x = numbers(N), *d = device_copy(x, N * sizeof *x), y[N];
    OK(kernels->scale(d, N, NULL));
    fetch(y, d, sizeof y, NULL);
    for (int i = 0; i < N; i++) CHECK(y[i] == 2 * x[i]);
    OK(cudaFree(d));
    free(x);
}

/* The number of wrong elements after a kernel that reverses. */
static int count_wrong(cudaError_t (*kernel)(float *, int, cudaStream_t), int n)
{
    float *x = numbers(n), *d = device_copy(x, (size_t)n * sizeof *x), *y = malloc((size_t)n * sizeof *y);
    int wrong = 0;
    OK(kernel(d, n, NULL));
    fetch(y, d, (size_t)n * sizeof *y, NULL);
    for (int i = 0; i < n; i++) wrong += y[i] != x[n - 1 - i];
    OK(cudaFree(d));
    free(x);
    free(y);
    return wrong;
}

static void program_reverse(void)
{
    static const int sizes[] = {1, 2, 31, 32, 33, 127, 1024};
    for (int i = 0; i < 7; i++) CHECK(count_wrong(planted_sound.reverse, sizes[i]) == 0);
}

static void program_reverse_dynamic(void) { CHECK(count_wrong(kernels->reverse_dynamic, 127) == 0); }

static void program_sum_groups(void)
{
    float *x = numbers(256), *d = device_copy(x, 256 * sizeof *x), *sums = device_make(8 * sizeof *sums), y[8];
    OK(kernels->sum_groups(d, sums, NULL));
    fetch(y, sums, sizeof y, NULL);
    for (int g = 0; g < 8; g++) {
        float expected = 0;
        for (int i = 0; i < 32; i++) expected += x[32 * g + i];
        CHECK(y[g] == expected);
    }
    OK(cudaFree(d));
    OK(cudaFree(sums));
    free(x);
}

static void program_meet(void)
{
    float *d = device_make(96 * sizeof *d), y[96];
    OK(kernels->meet(d, 96, NULL));
    fetch(y, d, sizeof y, NULL);
    for (int i = 0; i < 96; i++) CHECK(y[i] == 96);
    OK(cudaFree(d));
}

/* The kernel leaves n ones, n <= 64. */
static void check_ones(cudaError_t (*kernel)(float *, cudaStream_t), size_t n)
{
    float *d = device_make(n * sizeof *d), y[64];
    OK(kernel(d, NULL));
    fetch(y, d, n * sizeof *y, NULL);
    for (size_t i = 0; i < n; i++) CHECK(y[i] == 1);
    OK(cudaFree(d));
}

static void program_meet_elsewhere(void) { check_ones(kernels->meet_elsewhere, 64); }
static void program_leave_grid(void) { check_ones(kernels->leave_grid, 2); }
static void program_cluster_leave(void) { check_ones(kernels->cluster_leave, 4); }
static void program_cluster_begin(void) { check_ones(kernels->cluster_begin, 4); }

static void program_leave(void)
{
    float *x = numbers(40), *d = device_copy(x, 40 * sizeof *x), y[40];
    OK(kernels->leave(d, 40, NULL));
    fetch(y, d, sizeof y, NULL);
    for (int i = 0; i < 40; i++) CHECK(y[i] == x[i] + 1);
    OK(cudaFree(d));
    free(x);
}

static void program_mask(void)
{
    unsigned *d = device_make(32 * sizeof *d), y[32];
    OK(kernels->mask(d, NULL));
    fetch(y, d, sizeof y, NULL);
    for (int i = 0; i < 32; i++) CHECK(y[i] == 1);
    OK(cudaFree(d));
}

/* The number of blocks of two clusters that have a wrong sum. */
typedef cudaError_t sum_clusters(const float *x, float *y, unsigned blocks, cudaStream_t s);
static int count_wrong_sums(sum_clusters *sums, unsigned blocks)
{
    float *x = numbers(16), *d = device_copy(x, 16 * sizeof *x), *e = device_make(16 * sizeof *e), y[16], sum = 0;
    int wrong = 0;
    OK(sums(d, e, blocks, NULL));
    fetch(y, e, 2 * blocks * sizeof *y, NULL);
    for (unsigned i = 0; i < 2 * blocks; i++) sum += x[i];
    for (unsigned i = 0; i < 2 * blocks; i++) wrong += y[i] != sum;
    OK(cudaFree(d));
    OK(cudaFree(e));
    free(x);
    return wrong;
}

static void program_cluster(void)
{
    for (unsigned blocks = 1; blocks <= 8; blocks *= 2) CHECK(count_wrong_sums(planted_sound.cluster, blocks) == 0);
}

static void program_exchange(void)
{
    for (unsigned blocks = 1; blocks <= 8; blocks *= 2) CHECK(count_wrong_sums(planted_sound.exchange_sums, blocks) == 0);
}
static void faulty_exchange(void) { (void)count_wrong_sums(planted_faulty.exchange_sums, 4); }

static void program_line(void)
{
    float *x = numbers(32), *d = device_copy(x, 32 * sizeof *x), y[32];
    OK(kernels->line(d, NULL));
    fetch(y, d, sizeof y, NULL);
    for (int i = 0; i < 32; i++) CHECK(y[i] == x[i] + 1);
    OK(cudaFree(d));
    free(x);
}
static void faulty_line(void) { kernels = &planted_faulty, program_line(); }

static void program_early(void)
{
    float *x = numbers(32), *d = device_copy(x, 32 * sizeof *x), y[32];
    for (int i = 0; i < 3; i++) OK(kernels->early(d, NULL));
    fetch(y, d, sizeof y, NULL);
    for (int i = 0; i < 32; i++) CHECK(y[i] == x[i] + 3);
    OK(cudaFree(d));
    free(x);
}

static void faulty_scale(void) { kernels = &planted_faulty, program_scale(); }
static void faulty_reverse_dynamic(void) { kernels = &planted_faulty, program_reverse_dynamic(); }
static void faulty_sum_groups(void) { kernels = &planted_faulty, program_sum_groups(); }
static void faulty_meet(void) { kernels = &planted_faulty, program_meet(); }
static void faulty_meet_elsewhere(void) { kernels = &planted_faulty, program_meet_elsewhere(); }
static void faulty_leave(void) { kernels = &planted_faulty, program_leave(); }
static void faulty_leave_grid(void) { kernels = &planted_faulty, program_leave_grid(); }
static void faulty_mask(void) { kernels = &planted_faulty, program_mask(); }
static void faulty_cluster_leave(void) { kernels = &planted_faulty, program_cluster_leave(); }
static void faulty_cluster_begin(void) { kernels = &planted_faulty, program_cluster_begin(); }
static void faulty_early(void) { kernels = &planted_faulty, program_early(); }

Test(emulator, emul_index_past_the_end)
{
    run_everywhere(program_scale);
    need_sanitizer();
    check_caught(faulty_scale, "heap-buffer-overflow", "planted.cu");
}

Test(emulator, emul_dynamic_shared_too_short)
{
    run_everywhere(program_reverse_dynamic);
    need_sanitizer();
    check_caught(faulty_reverse_dynamic, "heap-buffer-overflow", "reverse_dynamic_kernel");
}

Test(emulator, emul_static_shared_overflow)
{
    run_everywhere(program_sum_groups);
    need_sanitizer();
    check_caught(faulty_sum_groups, "heap-buffer-overflow", "sum_groups_kernel");
}

/* Thread i reads what thread n - 1 - i writes. Without the barrier the one that runs first reads NaN: which one, the order says.
 */
Test(emulator, emul_missing_barrier)
{
    enum { WIDTH = 127 };
    float *x = numbers(WIDTH), y[WIDTH];
    run_everywhere(program_reverse);
    for (unsigned order = 0; order < 5; order++) {
        emulator_set_order(order);
        cr_assert(count_wrong(planted_faulty.reverse, WIDTH) > 40, "order %u", order);
        float *d = device_copy(x, sizeof y);
        OK(planted_faulty.reverse(d, WIDTH, NULL));
        fetch(y, d, sizeof y, NULL);
        if (order < 2) CHECK(!isnan(y[0]) == (order == 1) && !isnan(y[WIDTH - 1]) == (order == 0));
        OK(cudaFree(d));
    }
    free(x);
}

Test(emulator, emul_barrier_divergence)
{
    run_everywhere(program_meet);
    run_everywhere(program_meet_elsewhere);
    run_everywhere(program_leave);
    run_everywhere(program_leave_grid);
    check_caught(faulty_meet, "barrier divergence", "kernel meet_kernel, block (0,0,0), thread (");
    check_caught(faulty_meet_elsewhere, "two different __syncthreads", "thread (5,0,0)");
    check_caught(faulty_leave, "barrier divergence", "kernel leave_kernel, block (0,0,0), thread (40,0,0)");
    check_caught(faulty_leave_grid, "barrier divergence", "grid_sync");
}

Test(emulator, emul_warp_masks_disagree)
{
    run_everywhere(program_mask);
    check_caught(faulty_mask, "no thread of the block can go on", "waits for lanes ffffffff of its warp");
}

Test(emulator, emul_clusters)
{
    run_everywhere(program_cluster);
    run_everywhere(program_cluster_leave);
    run_everywhere(program_cluster_begin);
    CHECK(count_wrong_sums(planted_faulty.cluster, 4) > 0);
    check_caught(faulty_cluster_leave, "barrier divergence", "cluster_sync");
    check_caught(faulty_cluster_begin, "before the cluster's first cluster_sync", "kernel cluster_begin_kernel");
    CHECK(planted_sound.cluster(NULL, NULL, 16, NULL) == cudaErrorInvalidClusterSize);
    (void)cudaGetLastError();
}

Test(emulator, emul_exchanges)
{
    run_everywhere(program_exchange);
    check_caught(faulty_exchange, "of other bytes than were sent", "kernel exchange_kernel");
}

Test(emulator, emul_fetched_lines)
{
    run_everywhere(program_line);
    check_caught(faulty_line, "fetch_line() of what is not device memory", "kernel line_kernel");
}

/* The number of wrong values of z, launched plainly or in a graph. What a kernel does that lets the next one begin is known from
 * its first launch on. */
static int count_wrong_early(cudaError_t (*pair)(float *, float *, float *, cudaStream_t), int captured)
{
    float ones[32], *x = device_make(sizeof ones), *y = device_make(sizeof ones), *z = device_make(sizeof ones), values[32];
    cudaStream_t s = stream_make();
    cudaGraph_t graph;
    cudaGraphExec_t run;
    int wrong = 0;
    for (int i = 0; i < 32; i++) ones[i] = 1;
    OK(pair(x, y, z, s));
    OK(cudaMemcpyAsync(x, ones, sizeof ones, cudaMemcpyHostToDevice, s));
    OK(cudaMemsetAsync(y, 0, sizeof ones, s));
    if (captured) {
        OK(cudaStreamSynchronize(s));
        OK(cudaStreamBeginCapture(s, cudaStreamCaptureModeThreadLocal));
    }
    OK(pair(x, y, z, s));
    if (captured) {
        OK(cudaStreamEndCapture(s, &graph));
        OK(cudaGraphInstantiate(&run, graph, 0));
        OK(cudaGraphLaunch(run, s));
    }
    fetch(values, z, sizeof values, s);
    for (int i = 0; i < 32; i++) wrong += values[i] != 2;
    if (captured) {
        OK(cudaGraphExecDestroy(run));
        OK(cudaGraphDestroy(graph));
    }
    OK(cudaStreamDestroy(s));
    OK(cudaFree(x));
    OK(cudaFree(y));
    OK(cudaFree(z));
    return wrong;
}

static void program_early_pairs(void)
{
    for (int captured = 0; captured < 2; captured++) {
        CHECK(count_wrong_early(planted_sound.early_read, captured) == 0);
        CHECK(count_wrong_early(planted_sound.early_write, captured) == 0);
    }
}

/* A kernel that begins early meets memory as it is before the one in front of it has done anything. */
Test(emulator, emul_early_kernels)
{
    run_everywhere(program_early);
    check_caught(faulty_early, "without wait_for_earlier()", "kernel early_kernel");
    run_everywhere(program_early_pairs);
    emulator_set_laziness(1);
    for (int captured = 0; captured < 2; captured++) {
        CHECK(count_wrong_early(planted_faulty.early_read, captured) == 32);
        CHECK(count_wrong_early(planted_faulty.early_write, captured) == 32);
    }
}

static void program_fetch(void)
{
    float *x = numbers(200), *d = device_copy(x, 200 * sizeof *x), *e = device_make(200 * sizeof *e), y[200];
    OK(planted_sound.fetch(d, e, 200, NULL));
    fetch(y, e, sizeof y, NULL);
    CHECK(memcmp(x, y, sizeof y) == 0);
    OK(planted_faulty.fetch(d, e, 200, NULL));
    fetch(y, e, sizeof y, NULL);
    for (int i = 0; i < 200; i++) CHECK(isnan(y[i]));
    OK(cudaFree(d));
    OK(cudaFree(e));
    free(x);
}
Test(emulator, emul_missing_wait_for_async_copy) { run_everywhere(program_fetch); }

/* x is written in one stream and read in another. */
static float read_across(int depends)
{
    float *d = device_make(N * sizeof *d), *total = device_make(sizeof *total), y;
    cudaStream_t s = stream_make(), t = stream_make();
    cudaEvent_t e;
    OK(cudaEventCreateWithFlags(&e, cudaEventDisableTiming));
    OK(cudaMemsetAsync(d, 0, N * sizeof *d, s));
    OK(kernel_add(d, N, 1, s));
    OK(cudaEventRecord(e, s));
    if (depends) OK(cudaStreamWaitEvent(t, e, 0));
    OK(cudaMemsetAsync(total, 0, sizeof *total, t));
    OK(kernel_sum(d, N, total, t));
    fetch(&y, total, sizeof y, t);
    OK(cudaEventDestroy(e));
    OK(cudaStreamDestroy(s));
    OK(cudaStreamDestroy(t));
    OK(cudaFree(d));
    OK(cudaFree(total));
    return y;
}

static void program_read_across(void) { CHECK(read_across(1) == N); }

Test(emulator, emul_missing_stream_dependency)
{
    run_everywhere(program_read_across);
    emulator_set_laziness(1);
    CHECK(isnan(read_across(0)));
}

/* A memset of the legacy stream returns before it is done, and a non-blocking stream does not wait for it. */
Test(emulator, emul_missing_dependency_on_legacy_stream)
{
    float *d = device_make(sizeof *d), y;
    cudaStream_t s = stream_make(), blocking;
    emulator_set_laziness(1);
    OK(cudaStreamCreate(&blocking));
    OK(cudaMemset(d, 0, sizeof *d));
    fetch(&y, d, sizeof y, s);
    CHECK(isnan(y));
    fetch(&y, d, sizeof y, blocking);
    CHECK(y == 0);
}

Test(emulator, emul_missing_synchronization)
{
    float *x = numbers(4), *d = device_copy(x, 4 * sizeof *x), y[4] = {0};
    cudaStream_t s = stream_make();
    emulator_set_laziness(1);
    OK(kernel_add(d, 4, 1, s));
    OK(cudaMemcpyAsync(y, d, sizeof y, cudaMemcpyDeviceToHost, s));
    CHECK(y[0] == 0);
    OK(cudaStreamSynchronize(s));
    CHECK(y[0] == 2);
    free(x);
}

static void faulty_host_read(void)
{
    float *d = device_make(N * sizeof *d);
    fprintf(stderr, "%g\n", (double)d[3]);
}
static void faulty_host_function(void)
{
    float *d = device_make(N * sizeof *d);
    OK(cudaLaunchHostFunc(NULL, free, memset(d, 0, 1)));
}
static void faulty_use_after_free(void)
{
    float *d = device_make(N * sizeof *d);
    OK(cudaFree(d));
    *d = 1;
}
Test(emulator, emul_host_touches_device_memory)
{
    need_sanitizer();
    check_caught(faulty_host_read, "use-after-poison", "faulty_host_read");
    check_caught(faulty_host_function, "use-after-poison", "faulty_host_function");
    check_caught(faulty_use_after_free, "heap-use-after-free", "faulty_use_after_free");
}

static void faulty_kernel_on_host_memory(void)
{
    float *x = numbers(4);
    OK(kernel_add(x, 4, 1, NULL));
}
static void faulty_blas_past_the_end(void)
{
    cublasHandle_t h;
    float *d = device_make(10 * sizeof *d), one = 1;
    OK(cublasCreate(&h));
    OK(cublasSaxpy(h, 6, &one, d, 2, d, 1));
}
Test(emulator, emul_wrong_pointers_without_sanitizer)
{
    check_caught(faulty_kernel_on_host_memory, "launch of add_kernel", "argument 1");
    check_caught(faulty_blas_past_the_end, "cublasSaxpy: 44 bytes", "device memory");
}

/* One of each kind of thing that must be given back, counted; then all but device memory is. */
static void faulty_leaks(void)
{
    static char host[100];
    void *p;
    cudaStream_t s = stream_make();
    cudaEvent_t e;
    cudaGraph_t graph;
    cudaGraphExec_t executable;
    cublasHandle_t h;
    curandGenerator_t g;
    device_make(100);
    device_make(23);
    OK(cudaMallocHost(&p, 100));
    OK(cudaHostRegister(host, sizeof host, 0));
    OK(cudaEventCreate(&e));
    OK(cudaStreamBeginCapture(s, cudaStreamCaptureModeGlobal));
    OK(cudaStreamEndCapture(s, &graph));
    OK(cudaGraphInstantiate(&executable, graph, 0));
    OK(cublasCreate(&h));
    OK(curandCreateGenerator(&g, CURAND_RNG_PSEUDO_PHILOX4_32_10));
    CHECK(emulator_live_bytes() == 123 && emulator_live_objects() == 8);
    emulator_list_live();
    OK(curandDestroyGenerator(g));
    OK(cublasDestroy(h));
    OK(cudaGraphExecDestroy(executable));
    OK(cudaGraphDestroy(graph));
    OK(cudaEventDestroy(e));
    OK(cudaHostUnregister(host));
    OK(cudaFreeHost(p));
    OK(cudaStreamDestroy(s));
    CHECK(emulator_live_bytes() == 123 && emulator_live_objects() == 0);
}

Test(emulator, emul_leak)
{
    int end;
    char *text = run_apart(faulty_leaks, &end);
    cr_assert(end == 0 && strstr(text, "123 device bytes live") && strstr(text, "live executable graph at"), "%d: %s", end, text);
}

Test(emulator, emul_wrong_copies)
{
    float x[4] = {0}, *d = device_make(sizeof x);
    CHECK(cudaMemcpy(d, x, sizeof x, cudaMemcpyDeviceToHost) == cudaErrorInvalidValue);
    CHECK(cudaMemcpy(x, d, sizeof x, cudaMemcpyHostToDevice) == cudaErrorInvalidValue);
    CHECK(cudaMemcpy(x, d, sizeof x, cudaMemcpyDeviceToDevice) == cudaErrorInvalidValue);
    CHECK(cudaMemcpy(d, x, sizeof x + 4, cudaMemcpyHostToDevice) == cudaErrorInvalidValue);
    CHECK(cudaMemcpyAsync(x, d + 1, sizeof x, cudaMemcpyDeviceToHost, NULL) == cudaErrorInvalidValue);
    CHECK(cudaMemcpy2DAsync(d, 12, x, 12, 8, 2, cudaMemcpyHostToDevice, NULL) == cudaErrorInvalidValue);
    CHECK(cudaMemset(x, 0, sizeof x) == cudaErrorInvalidValue);
    CHECK(cudaMemsetAsync(d, 0, sizeof x + 1, NULL) == cudaErrorInvalidValue);
    CHECK(cudaFree(d + 1) == cudaErrorInvalidValue);
    CHECK(cudaGetLastError() == cudaErrorInvalidValue && cudaGetLastError() == cudaSuccess);
    OK(cudaMemcpy(d, x, sizeof x, cudaMemcpyDefault));
    OK(cudaFree(d));
}

Test(emulator, emul_uninitialized_memory_is_nan)
{
    float *d = device_make(N * sizeof *d), *total, y = 0;
    cudaStream_t s = stream_make();
    OK(cudaMallocAsync((void **)&total, sizeof *total, s));
    OK(cudaMemsetAsync(total, 0, sizeof *total, s));
    OK(kernel_sum(d, N, total, s));
    fetch(&y, total, sizeof y, s);
    CHECK(isnan(y));
    OK(cudaFreeAsync(total, s));
    CHECK(emulator_live_bytes() == N * sizeof *d);
}
