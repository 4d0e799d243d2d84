/* The emulated GPU itself: that sound programs give what CUDA gives, in every order of threads and at every laziness of streams,
 * and that planted bugs are caught. */
#include "emulator.h"
#include "planted.h"
#include <criterion/criterion.h>
#include <cublas_v2.h>
#include <curand.h>
#include <math.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#ifdef __SANITIZE_ADDRESS__
enum { SANITIZED = 1 };
#else
enum { SANITIZED = 0 };
#endif

enum { N = 1000 };

/* ---- helpers ---- */

/* A CUDA, cuBLAS or cuRAND call that succeeds; a condition that holds (Criterion's own assertions are slow by the thousand). */
#define OK(call)         check_call((int)(call), #call, __LINE__)
#define CHECK(condition) check_call(!(condition), #condition, __LINE__)
static void check_call(int error, const char *what, int line)
{
    if (error) cr_assert(0, "line %d: %s: %d", line, what, error);
}

static cudaStream_t stream_make(void)
{
    cudaStream_t s;
    OK(cudaStreamCreateWithFlags(&s, cudaStreamNonBlocking));
    return s;
}

static void *device_make(size_t bytes)
{
    void *p;
    OK(cudaMalloc(&p, bytes));
    return p;
}

/* A copy of host memory on the device. */
static void *device_copy(const void *from, size_t bytes)
{
    void *p = device_make(bytes);
    OK(cudaMemcpy(p, from, bytes, cudaMemcpyHostToDevice));
    return p;
}

static void fetch(void *to, const void *from, size_t bytes, cudaStream_t s)
{
    OK(cudaMemcpyAsync(to, from, bytes, cudaMemcpyDeviceToHost, s));
    OK(cudaStreamSynchronize(s));
}

/* x_i = 1 + i mod 7 */
static float *numbers(int n)
{
    float *x = malloc((size_t)n * sizeof *x);
    for (int i = 0; i < n; i++) x[i] = (float)(1 + i % 7);
    return x;
}

/* Runs `program` in every order of threads and at every laziness; it must give back all it took. */
static void run_everywhere(void (*program)(void))
{
    for (unsigned order = 0; order < 5; order++) {
        for (unsigned laziness = 0; laziness < 5; laziness++) {
            emulator_set_order(order);
            emulator_set_laziness(laziness);
            program();
            cr_assert(emulator_live_bytes() == 0, "order %u, laziness %u", order, laziness);
            cr_assert(emulator_live_objects() == 0, "order %u, laziness %u", order, laziness);
        }
    }
    emulator_set_order(0);
    emulator_set_laziness(0);
}

/* Runs `program` in a process of its own; returns what it wrote to stderr, and how it ended: an exit status, or -signal. */
static char *run_apart(void (*program)(void), int *end)
{
    static char text[1 << 16];
    FILE *log = tmpfile();
    int status;
    fflush(NULL);
    pid_t child = fork();
    if (child == 0) {
        signal(SIGABRT, SIG_DFL);
        dup2(fileno(log), 2);
        program();
        _exit(0);
    }
    waitpid(child, &status, 0);
    *end = WIFSIGNALED(status) ? -WTERMSIG(status) : WEXITSTATUS(status);
    rewind(log);
    text[fread(text, 1, sizeof text - 1, log)] = 0;
    fclose(log);
    return text;
}

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

/* ---- planted bugs. Each program runs with the sound and with the faulty kernels ---- */

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

static void program_meet_elsewhere(void)
{
    float *d = device_make(64 * sizeof *d), y[64];
    OK(kernels->meet_elsewhere(d, NULL));
    fetch(y, d, sizeof y, NULL);
    for (int i = 0; i < 64; i++) CHECK(y[i] == 1);
    OK(cudaFree(d));
}

static void program_leave(void)
{
    float *x = numbers(40), *d = device_copy(x, 40 * sizeof *x), y[40];
    OK(kernels->leave(d, 40, NULL));
    fetch(y, d, sizeof y, NULL);
    for (int i = 0; i < 40; i++) CHECK(y[i] == x[i] + 1);
    OK(cudaFree(d));
    free(x);
}

static void program_leave_grid(void)
{
    float *d = device_make(2 * sizeof *d), y[2];
    OK(kernels->leave_grid(d, NULL));
    fetch(y, d, sizeof y, NULL);
    CHECK(y[0] == 1 && y[1] == 1);
    OK(cudaFree(d));
}

static void program_mask(void)
{
    unsigned *d = device_make(32 * sizeof *d), y[32];
    OK(kernels->mask(d, NULL));
    fetch(y, d, sizeof y, NULL);
    for (int i = 0; i < 32; i++) CHECK(y[i] == 1);
    OK(cudaFree(d));
}

static void faulty_scale(void) { kernels = &planted_faulty, program_scale(); }
static void faulty_reverse_dynamic(void) { kernels = &planted_faulty, program_reverse_dynamic(); }
static void faulty_sum_groups(void) { kernels = &planted_faulty, program_sum_groups(); }
static void faulty_meet(void) { kernels = &planted_faulty, program_meet(); }
static void faulty_meet_elsewhere(void) { kernels = &planted_faulty, program_meet_elsewhere(); }
static void faulty_leave(void) { kernels = &planted_faulty, program_leave(); }
static void faulty_leave_grid(void) { kernels = &planted_faulty, program_leave_grid(); }
static void faulty_mask(void) { kernels = &planted_faulty, program_mask(); }

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

Test(emulator, emul_uninitialised_memory_is_nan)
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
        unsigned lane = t % 32, most = 0;
        for (unsigned l = lane / 16 * 16; l < lane / 16 * 16 + 16; l++) most = l * 7 % 32 > most ? l * 7 % 32 : most;
        CHECK(y[4 * t] == (t < 32 ? 0xaaaaaaaau : 0xaaaau));
        CHECK(y[4 * t + 1] == (lane ? lane - 1 : 0));
        CHECK(y[4 * t + 2] == lane / 8 * 8 + 3);
        CHECK(y[4 * t + 3] == most);
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

/* A captured step with two branches, replayed; the executable graph is destroyed before anything has waited for it. */
static void program_graph(void)
{
    enum { REPLAYS = 10 };
    int *counter = device_make(sizeof *counter), *trail = device_make(REPLAYS * sizeof *trail), ys[REPLAYS];
    float *a = device_make(N * sizeof *a), *b = device_make(N * sizeof *b), *total = device_make(sizeof *total), y;
    cudaStream_t s = stream_make(), t = stream_make();
    cudaEvent_t fork, join;
    cudaGraph_t graph;
    cudaGraphExec_t executable;
    size_t nodes = 0;
    OK(cudaEventCreateWithFlags(&fork, cudaEventDisableTiming));
    OK(cudaEventCreateWithFlags(&join, cudaEventDisableTiming));
    OK(cudaMemsetAsync(counter, 0, sizeof *counter, s));
    OK(cudaMemsetAsync(b, 0, N * sizeof *b, s));
    OK(cudaStreamBeginCapture(s, cudaStreamCaptureModeGlobal));
    OK(cudaEventRecord(fork, s));
    OK(cudaStreamWaitEvent(t, fork, 0));
    OK(kernel_add(b, N, 1, t));
    OK(cudaEventRecord(join, t));
    OK(kernel_count(counter, trail, s));
    OK(cudaMemsetAsync(total, 0, sizeof *total, s));
    OK(cudaStreamWaitEvent(s, join, 0));
    OK(cudaMemcpyAsync(a, b, N * sizeof *a, cudaMemcpyDeviceToDevice, s));
    OK(kernel_sum(a, N, total, s));
    OK(cudaStreamEndCapture(s, &graph));
    OK(cudaGraphGetNodes(graph, NULL, &nodes));
    OK(cudaGraphInstantiate(&executable, graph, 0));
    OK(cudaGraphDestroy(graph));
    for (int i = 0; i < REPLAYS - 1; i++) OK(cudaGraphLaunch(executable, s));
    OK(cudaGraphLaunch(executable, t)); /* after the launches before it, whatever the stream */
    OK(cudaGraphExecDestroy(executable));
    fetch(&y, total, sizeof y, t);
    fetch(ys, trail, sizeof ys, t);
    CHECK(nodes == 5 && y == REPLAYS * N);
    for (int i = 0; i < REPLAYS; i++) CHECK(ys[i] == i);
    OK(cudaEventDestroy(fork));
    OK(cudaEventDestroy(join));
    OK(cudaStreamDestroy(s));
    OK(cudaStreamDestroy(t));
    OK(cudaFree(counter));
    OK(cudaFree(trail));
    OK(cudaFree(a));
    OK(cudaFree(b));
    OK(cudaFree(total));
}
Test(emulator, emul_graphs) { run_everywhere(program_graph); }

/* What a capture does not allow ends it. */
Test(emulator, emul_capture_errors)
{
    cudaStream_t s = stream_make(), t = stream_make();
    cudaEvent_t e;
    cudaGraph_t graph;
    void *p;
    float *d = device_make(4);
    OK(cudaEventCreate(&e));
    OK(cudaStreamBeginCapture(s, cudaStreamCaptureModeGlobal));
    CHECK(cudaMalloc(&p, 4) == cudaErrorStreamCaptureUnsupported);
    CHECK(cudaMemsetAsync(d, 0, 4, s) == cudaErrorStreamCaptureInvalidated);
    CHECK(cudaStreamEndCapture(s, &graph) == cudaErrorStreamCaptureInvalidated && !graph);
    OK(cudaStreamBeginCapture(s, cudaStreamCaptureModeGlobal));
    CHECK(cudaStreamSynchronize(s) == cudaErrorStreamCaptureUnsupported);
    CHECK(cudaStreamEndCapture(s, &graph) == cudaErrorStreamCaptureInvalidated);
    OK(cudaStreamBeginCapture(s, cudaStreamCaptureModeGlobal));
    OK(cudaEventRecord(e, s));
    OK(cudaStreamWaitEvent(t, e, 0));
    OK(cudaMemsetAsync(d, 0, 4, t));
    CHECK(cudaStreamEndCapture(t, &graph) == cudaErrorStreamCaptureUnmatched);
    CHECK(cudaStreamEndCapture(s, &graph) == cudaErrorStreamCaptureInvalidated);
    OK(cudaStreamBeginCapture(s, cudaStreamCaptureModeGlobal));
    OK(cudaEventRecord(e, s));
    OK(cudaStreamWaitEvent(t, e, 0));
    OK(cudaMemsetAsync(d, 0, 4, t));
    CHECK(cudaStreamEndCapture(s, &graph) == cudaErrorStreamCaptureUnjoined);
    CHECK(cudaEventSynchronize(e) == cudaErrorCapturedEvent);
    OK(cudaEventRecord(e, s));
    OK(cudaEventSynchronize(e));
}

Test(emulator, emul_events)
{
    float *d = device_make(4), ms = -1;
    cudaStream_t s = stream_make();
    cudaEvent_t from, to;
    int asked = 1;
    emulator_set_laziness(1);
    OK(cudaEventCreate(&from));
    OK(cudaEventCreate(&to));
    OK(cudaEventQuery(from));
    OK(cudaEventRecord(from, s));
    for (int i = 0; i < 3; i++) OK(kernel_add(d, 1, 1, s));
    OK(cudaEventRecord(to, s));
    CHECK(cudaEventElapsedTime(&ms, from, to) == cudaErrorNotReady);
    while (cudaEventQuery(to) == cudaErrorNotReady) asked++;
    CHECK(asked > 1 && cudaStreamQuery(s) == cudaSuccess);
    OK(cudaEventElapsedTime(&ms, from, to));
    CHECK(ms >= 0);
}

enum { ROWS = 33, COLUMNS = 7 };

/* p = X w by gemv, P = X W by gemm (2 outputs), then X' p; X row-major is cuBLAS's transpose. In a graph, with NaN in the
 * outputs, scalars on the host and then on the device. */
static void program_blas(void)
{
    float x[ROWS * COLUMNS], w[COLUMNS * 2], p[ROWS * 2], g[COLUMNS], one = 1, zero = 0, dot, norm;
    for (int i = 0; i < ROWS * COLUMNS; i++) x[i] = (float)(i * 5 % 11 - 5);
    for (int i = 0; i < COLUMNS * 2; i++) w[i] = (float)(i - 3);
    float *X = device_copy(x, sizeof x), *W = device_copy(w, sizeof w), *P = device_make(sizeof p), *G = device_make(sizeof g);
    float *scalars = device_copy((float[]){1, 0}, 8), *scratch = device_make(1024);
    cudaStream_t s = stream_make();
    cudaGraph_t graph;
    cudaGraphExec_t executable;
    cublasHandle_t h;
    OK(cublasCreate(&h));
    OK(cublasSetStream(h, s));
    OK(cublasSetWorkspace(h, scratch, 1024));
    OK(cublasSetMathMode(h, CUBLAS_PEDANTIC_MATH));
    OK(cudaStreamBeginCapture(s, cudaStreamCaptureModeThreadLocal));
    OK(cublasSgemm(h, CUBLAS_OP_N, CUBLAS_OP_N, 2, ROWS, COLUMNS, &one, W, 2, X, COLUMNS, &zero, P, 2));
    OK(cublasSetPointerMode(h, CUBLAS_POINTER_MODE_DEVICE));
    OK(cublasSgemv(h, CUBLAS_OP_N, COLUMNS, ROWS, scalars, X, COLUMNS, P, 2, scalars + 1, G, 1));
    OK(cudaStreamEndCapture(s, &graph));
    OK(cudaGraphInstantiate(&executable, graph, 0));
    OK(cudaGraphLaunch(executable, s));
    OK(cudaGraphLaunch(executable, s));
    OK(cublasSetPointerMode(h, CUBLAS_POINTER_MODE_HOST));
    OK(cublasSdot(h, COLUMNS, G, 1, G, 1, &dot));
    OK(cublasSnrm2(h, COLUMNS, G, 1, &norm));
    fetch(p, P, sizeof p, s);
    fetch(g, G, sizeof g, s);
    float squares = 0;
    for (int i = 0; i < ROWS; i++)
        for (int k = 0; k < 2; k++) {
            float expected = 0;
            for (int j = 0; j < COLUMNS; j++) expected += x[i * COLUMNS + j] * w[j * 2 + k];
            CHECK(p[i * 2 + k] == expected);
        }
    for (int j = 0; j < COLUMNS; j++) {
        float expected = 0;
        for (int i = 0; i < ROWS; i++) expected += x[i * COLUMNS + j] * p[i * 2];
        CHECK(g[j] == expected);
        squares += g[j] * g[j];
    }
    CHECK(dot == squares && fabsf(norm - sqrtf(squares)) <= 1e-6f * norm);
    CHECK(cublasSgemv(h, CUBLAS_OP_N, 4, 2, &one, X, 3, W, 1, &zero, G, 1) == CUBLAS_STATUS_INVALID_VALUE);
    OK(cublasDestroy(h));
    OK(cudaGraphDestroy(graph));
    OK(cudaGraphExecDestroy(executable));
    OK(cudaStreamDestroy(s));
    OK(cudaFree(X));
    OK(cudaFree(W));
    OK(cudaFree(P));
    OK(cudaFree(G));
    OK(cudaFree(scalars));
    OK(cudaFree(scratch));
}
Test(emulator, emul_blas) { run_everywhere(program_blas); }

/* The first words of Philox4x32-10 seeded with 1234, as cuRAND gives them, whatever the pieces. */
static void program_random(void)
{
    static const unsigned first[8] = {0x2090b348, 0xda7cf0ab, 0x4401906f, 0xcbca470e,
                                      0xd115a128, 0x52fc7c75, 0xc7f33f17, 0xf1539db};
    unsigned *d = device_make(sizeof first), y[8];
    cudaStream_t s = stream_make();
    curandGenerator_t g;
    OK(curandCreateGenerator(&g, CURAND_RNG_PSEUDO_PHILOX4_32_10));
    OK(curandSetStream(g, s));
    OK(curandSetPseudoRandomGeneratorSeed(g, 1234));
    OK(curandGenerate(g, d, 3));
    OK(curandGenerate(g, d + 3, 5));
    fetch(y, d, sizeof y, s);
    CHECK(memcmp(y, first, sizeof y) == 0);
    OK(curandSetGeneratorOffset(g, 4));
    OK(curandGenerate(g, d, 4));
    fetch(y, d, sizeof y, s);
    CHECK(memcmp(y, first + 4, 16) == 0);
    OK(curandDestroyGenerator(g));
    OK(cudaStreamDestroy(s));
    OK(cudaFree(d));
}
Test(emulator, emul_random_numbers) { run_everywhere(program_random); }

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
