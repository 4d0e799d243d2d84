/* What the optimizer does with a batch's gradient: for (u < size) update_parameter(...), 16 bytes of parameters a thread. */
#include "block.h"
#include "scalar/clip.h"
#include "update.h"

/* The batch's gradient by parameter u, summed over the rows. */
template <class real> __device__ static double sum_at(const update_task &t, int64_t u)
{
    return u >= t.penalised ? t.total[u - t.penalised] : t.sum ? t.sum[u] : (double)((const real *)t.gradient)[u];
}

/* clip_squares(), a chunk a block; the block that finishes last adds up the chunks. */
template <class real> __global__ static void clip_kernel(update_task t)
{
    SHARED(double, lane, CLIP_LANES);
    SHARED(unsigned, ticket, 1);
    int64_t step = t.state->active, first = (int64_t)blockIdx.x * CLIP_CHUNK, trained = t.intercept ? t.size : t.penalised;
    if (step < 0) return;
    int64_t rows = t.table->row[step].count, end = first + CLIP_CHUNK < trained ? first + CLIP_CHUNK : trained;
    double sum = 0;
    for (int64_t u = first + threadIdx.x; u < end; u += CLIP_LANES) {
        double g = (double)(real)(sum_at<real>(t, u) / (double)rows);
        sum += g * g;
    }
    lane[threadIdx.x] = sum;
    for (unsigned half = CLIP_LANES / 2; half > 0; half /= 2) {
        __syncthreads();
        if (threadIdx.x < half) lane[threadIdx.x] += lane[threadIdx.x + half];
    }
    if (threadIdx.x > 0) return;
    t.squares[1 + blockIdx.x] = lane[0];
    __threadfence();
    ticket[0] = atomicAdd(&t.state->arrived, 1u);
    if (ticket[0] != gridDim.x - 1) return;
    __threadfence();
    const volatile double *squares = t.squares + 1;
    double total = 0;
    for (unsigned c = 0; c < gridDim.x; c++) total += squares[c];
    t.squares[0] = clip_scale(t.clip_norm, total);
    t.state->arrived = 0;
}

extern "C" int64_t clip_partials(int64_t size) { return 1 + groups_of(size, CLIP_CHUNK); }

extern "C" cudaError_t kernel_clip(const update_task *t, cudaStream_t stream)
{
    dim3 grid(groups_of(t->intercept ? t->size : t->penalised, CLIP_CHUNK)), block(CLIP_LANES);
    return t->precision == CUSGD_PRECISION_FLOAT ? LAUNCH(clip_kernel<float>, grid, block, 0, stream, *t)
                                                 : LAUNCH(clip_kernel<double>, grid, block, 0, stream, *t);
}

template <class real> __global__ static void update_kernel(update_task t)
{
    const int values = 16 / sizeof(real);
    int64_t step = t.state->active, u = thread_number() * values;
    if (step < 0 || u >= t.size) return;
    double sums[values];
    for (int v = 0; v < values && u + v < t.size; v++) sums[v] = sum_at<real>(t, u + v);
    update_pack<real>(t, step, u, sums);
}

extern "C" cudaError_t kernel_update(const update_task *t, cudaStream_t stream)
{
    int64_t values = t->precision == CUSGD_PRECISION_FLOAT ? 4 : 2;
    dim3 grid(groups_of(groups_of(t->size, values), THREADS));
    return t->precision == CUSGD_PRECISION_FLOAT ? LAUNCH(update_kernel<float>, grid, dim3(THREADS), 0, stream, *t)
                                                 : LAUNCH(update_kernel<double>, grid, dim3(THREADS), 0, stream, *t);
}

template <class real> __global__ static void look_ahead_kernel(update_task t)
{
    update_rule<real> rule = rule_of<real>(t);
    update_step<real> first = update_step_from<real>(&t.table->row[0].numbers);
    const real *theta = (const real *)t.theta, *slot1 = (const real *)t.slot1;
    for (int64_t u = thread_number(); u < t.size; u += thread_count())
        ((real *)t.point)[u] = gradient_point<real>(rule, first, theta[u], slot1[u]);
}

extern "C" cudaError_t kernel_look_ahead(const update_task *t, cudaStream_t stream)
{
    dim3 grid(blocks_for(t->size));
    return t->precision == CUSGD_PRECISION_FLOAT ? LAUNCH(look_ahead_kernel<float>, grid, dim3(THREADS), 0, stream, *t)
                                                 : LAUNCH(look_ahead_kernel<double>, grid, dim3(THREADS), 0, stream, *t);
}

template <class real> __global__ static void accumulate_kernel(const real *gradient, double *sum, int64_t size, int begins)
{
    for (int64_t u = thread_number(); u < size; u += thread_count()) sum[u] = (begins ? 0 : sum[u]) + (double)gradient[u];
}

extern "C" cudaError_t kernel_accumulate(cusgd_precision precision, const void *gradient, double *sum, int64_t size, int begins,
                                         cudaStream_t stream)
{
    dim3 grid(blocks_for(size)), block(THREADS);
    return precision == CUSGD_PRECISION_FLOAT
               ? LAUNCH(accumulate_kernel<float>, grid, block, 0, stream, (const float *)gradient, sum, size, begins)
               : LAUNCH(accumulate_kernel<double>, grid, block, 0, stream, (const double *)gradient, sum, size, begins);
}
