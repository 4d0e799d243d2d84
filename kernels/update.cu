/* What the optimizer does with a batch's gradient: for (u < size) update_parameter(...), 16 bytes of parameters at a time.
 *
 * Bytes a parameter, in float, read and written: sgd 12, momentum 20, adam 28; the point of Nesterov's gradients, the average and
 * a third slot 8 each, a metric 4. Flops: 3 to 20 or so, and a square root and a division or two for the adaptive ones, fewer
 * than a multiprocessor has time for while memory moves the bytes. On an H200 10 million parameters, at 90 % of 4.3 TB/s, are
 * predicted to take 31, 52 and 72 us; gpu-probe measures it (tests/gpu/README.md). */
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

template <class real> __device__ static void sums_at(const update_task &t, int64_t u, double *sums)
{
    const int values = 16 / sizeof(real);
    if (!t.sum && u + values <= t.penalised) {
        pack<real> g = load_pack((const real *)t.gradient + u);
        for (int v = 0; v < values; v++) sums[v] = (double)g.at[v];
        return;
    }
    for (int v = 0; v < values; v++) sums[v] = u + v < t.size ? sum_at<real>(t, u + v) : 0;
}

/* Blocks on a multiprocessor: with fewer, too few loads are on their way; with more, each thread has too few registers. */
template <class real> __global__ __launch_bounds__(THREADS, sizeof(real) == 4 ? 4 : 3) static void update_kernel(update_task t)
{
    const int values = 16 / sizeof(real);
    int64_t step = t.state->active;
    if (step < 0) return;
    update_now<real> now = update_now_of<real>(t, step);
    for (int64_t u = thread_number() * values; u < t.size; u += thread_count() * values) {
        double sums[values];
        sums_at<real>(t, u, sums);
        update_pack<real>(t, now, u, sums);
    }
}

extern "C" cudaError_t kernel_update(const update_task *t, cudaStream_t stream)
{
    const unsigned most = 1056; /* twice what an H200 holds at once: each finds out about the step for many packs */
    int64_t values = t->precision == CUSGD_PRECISION_FLOAT ? 4 : 2;
    unsigned blocks = groups_of(groups_of(t->size, values), THREADS);
    dim3 grid(blocks < most ? blocks : most);
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
