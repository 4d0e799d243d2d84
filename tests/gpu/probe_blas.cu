/* cuBLAS's products of a batch with parameters, as engine `cublas` and every pass over the data ask for them
 * (host/cuda/products.c): x is d x batch in its column-major terms. */
#include "block.h"
#include "probe.h"

#include <cublas_v2.h>
#include <math.h>

#define BLAS(call) probe_expect((call) == CUBLAS_STATUS_SUCCESS, #call)

__host__ __device__ static float blas_value(uint64_t i) { return (float)(probe_word(i) & 7u) - 3.5f; }

__global__ static void fill_blas_kernel(float *values, int64_t count, int64_t from)
{
    for (int64_t i = thread_number(); i < count; i += thread_count()) values[i] = blas_value((uint64_t)(from + i));
}

typedef struct product {
    cublasHandle_t blas;
    int d, batch, k, transposed; /* transposed: the gradient x^T r */
    const float *x;              /* copies of a batch, one behind the other */
    int copies, turn;
    float *theta, *r, *out; /* d x k, batch x k, and what is computed */
} product;

static void product_run(probe *, void *context)
{
    static const float one = 1, zero = 0;
    product *t = (product *)context;
    const float *x = t->x + (size_t)t->turn * (size_t)t->d * (size_t)t->batch;
    t->turn = (t->turn + 1) % t->copies; /* each run finds another batch than the L2 cache holds */
    if (t->k == 1)
        BLAS(cublasSgemv(t->blas, t->transposed ? CUBLAS_OP_N : CUBLAS_OP_T, t->d, t->batch, &one, x, t->d,
                         t->transposed ? t->r : t->theta, 1, &zero, t->out, 1));
    else if (t->transposed)
        BLAS(
            cublasSgemm(t->blas, CUBLAS_OP_N, CUBLAS_OP_T, t->k, t->d, t->batch, &one, t->r, t->k, x, t->d, &zero, t->out, t->k));
    else
        BLAS(cublasSgemm(t->blas, CUBLAS_OP_N, CUBLAS_OP_N, t->k, t->batch, t->d, &one, t->theta, t->k, x, t->d, &zero, t->out,
                         t->k));
}

/* The first and the last value of output 0, by the host in double. */
static void product_check(probe *p, product *t)
{
    int64_t count = t->transposed ? t->d : t->batch, terms = t->transposed ? t->batch : t->d;
    t->turn = 0;
    product_run(p, t);
    for (int64_t i = 0; i<count; i += count> 1 ? count - 1 : 1) {
        float got = 0;
        double sum = 0, size = 0;
        CHECK(cudaMemcpyAsync(&got, t->out + i * t->k, sizeof got, cudaMemcpyDeviceToHost, p->stream));
        CHECK(cudaStreamSynchronize(p->stream));
        for (int64_t j = 0; j < terms; j++) {
            uint64_t at = (uint64_t)(t->transposed ? j * t->d + i : i * t->d + j);
            double term = (double)blas_value(at) * (double)blas_value((uint64_t)(j * t->k));
            sum += term;
            size += fabs(term);
        }
        probe_expect(fabs((double)got - sum) <= 1e-5 * size, "a product by cuBLAS");
    }
}

static void product_measure(probe *p, product *t, const char *math)
{
    product_check(p, t);
    probe_time(p, product_run, t);
    probe_latency(p, 1, "cuBLAS %s, %d x %d, %d target%s, %s math", t->transposed ? "x^T r" : "x theta", t->d, t->batch, t->k,
                  t->k > 1 ? "s" : "", math);
}

void probe_products(probe *p)
{
    static const int shapes[][2] = {{32, 256}, {32, 4096}, {32, 65536}, {256, 1024}, {256, 65536}, {1024, 4096}, {16384, 1024}};
    size_t maximum = p->bytes / 2; /* of `room`: x; theta, r and out are in the other half */
    product t = {};
    BLAS(cublasCreate(&t.blas));
    BLAS(cublasSetStream(t.blas, p->stream));
    t.x = (const float *)p->room;
    for (const auto &shape : shapes) {
        t.d = shape[0];
        t.batch = p->small ? shape[1] / 256 + 1 : shape[1];
        size_t bytes = (size_t)t.d * (size_t)t.batch * sizeof *t.x, vector = (size_t)(t.d > t.batch ? t.d : t.batch) * 16;
        if (bytes > maximum || 3 * vector * sizeof *t.x > maximum) continue;
        t.copies = (int)(maximum / bytes < 64 ? maximum / bytes : 64);
        t.theta = t.r = (float *)p->room + maximum / sizeof *t.x;
        t.out = t.theta + vector;
        /* Every copy is the same batch. */
        for (int i = 0; i < t.copies; i++)
            CHECK(LAUNCH(fill_blas_kernel, blocks_for(t.d * (int64_t)t.batch), THREADS, 0, p->stream,
                         (float *)p->room + (size_t)i * bytes / sizeof *t.x, t.d * (int64_t)t.batch, 0));
        CHECK(LAUNCH(fill_blas_kernel, blocks_for((int64_t)vector), THREADS, 0, p->stream, t.theta, (int64_t)vector, 0));
        for (t.k = 1; t.k <= 10; t.k += 9)
            for (int pedantic = 0; pedantic < 2; pedantic++) {
                BLAS(cublasSetMathMode(t.blas, pedantic ? CUBLAS_PEDANTIC_MATH : CUBLAS_DEFAULT_MATH));
                for (t.transposed = 0; t.transposed < 2; t.transposed++)
                    product_measure(p, &t, pedantic ? "pedantic" : "default");
            }
    }
    BLAS(cublasDestroy(t.blas));
}
