/* Streams, events, graphs, cuBLAS and cuRAND on the emulated GPU: sound programs give what CUDA gives, in every order of threads
 * and at every laziness of streams. */
#include "programs.h"

#include <math.h>
#include <pthread.h>
#include <string.h>

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

static void *allocate_elsewhere(void *error)
{
    void *p;
    *(cudaError_t *)error = cudaMalloc(&p, 4);
    if (*(cudaError_t *)error == cudaSuccess) OK(cudaFree(p));
    return NULL;
}

/* A capture of its own thread only leaves other threads alone. */
Test(emulator, emul_capture_next_to_another_thread)
{
    static const enum cudaStreamCaptureMode modes[] = {cudaStreamCaptureModeThreadLocal, cudaStreamCaptureModeGlobal};
    for (int i = 0; i < 2; i++) {
        cudaStream_t s = stream_make();
        cudaGraph_t graph;
        cudaError_t error;
        pthread_t thread;
        OK(cudaStreamBeginCapture(s, modes[i]));
        CHECK(pthread_create(&thread, NULL, allocate_elsewhere, &error) == 0 && pthread_join(thread, NULL) == 0);
        CHECK(error == (i ? cudaErrorStreamCaptureUnsupported : cudaSuccess));
        CHECK(cudaStreamEndCapture(s, &graph) == (i ? cudaErrorStreamCaptureInvalidated : cudaSuccess));
    }
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
