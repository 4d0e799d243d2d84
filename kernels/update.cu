/* What the optimizer does with a batch's gradient: for (u < size) update_parameter(...), scalar/update.h, 16 bytes of parameters
 * a thread. Which optimizer it is is known at run time; all threads take the same way. */
#include "block.h"
#include "kernels.h"
#include "scalar/clip.h"
#include "scalar/update.h"

template <class real> __device__ static update_rule<real> rule_of(const update_task &t)
{
    update_rule<real> rule = {t.optimizer,     t.average,  (real)t.beta1, (real)t.beta2, (real)t.rho,
                              (real)t.epsilon, (real)t.l1, (real)t.l2,    (real)t.decay};
    return rule;
}

template <class real> __device__ static pack<real> load_part(const void *part, int64_t u, real otherwise)
{
    pack<real> v;
    if (part) return load_pack((const real *)part + u);
    for (real &value : v.at) value = otherwise;
    return v;
}

template <class real> __device__ static void store_part(void *part, int64_t u, const pack<real> &v)
{
    if (part) store_pack((real *)part + u, v);
}

/* The batch's mean gradient by parameter u. */
template <class real> __device__ static real gradient_at(const update_task &t, int64_t u, int64_t rows)
{
    double sum = u >= t.penalised ? t.total[u - t.penalised] : t.sum ? t.sum[u] : (double)((const real *)t.gradient)[u];
    return (real)(sum / (double)rows);
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
        double g = (double)gradient_at<real>(t, u, rows);
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

/* Arrays have room for whole packs; what stands in them beyond `size` is never looked at. */
template <class real> __global__ static void update_kernel(update_task t)
{
    const int values = 16 / sizeof(real);
    int64_t step = t.state->active, u = thread_number() * values;
    if (step < 0 || u >= t.size) return;
    const step_row *row = t.table->row + step;
    update_rule<real> rule = rule_of<real>(t);
    update_step<real> now = update_step_from<real>(&row->numbers), next = now;
    if (step + 1 < t.table->count) next = update_step_from<real>(&row[1].numbers);
    pack<real> theta = load_part<real>(t.theta, u, 0), slot1 = load_part<real>(t.slot1, u, 0);
    pack<real> slot2 = load_part<real>(t.slot2, u, 0), slot3 = load_part<real>(t.slot3, u, 0);
    pack<real> means = load_part<real>(t.means, u, 0);
    pack<real> metric = load_part<real>(t.metric, u, 1), point = t.point ? load_part<real>(t.point, u, 0) : theta;
    pack<real> penalty = load_part<real>(t.penalty, u, 1), lower = load_part<real>(t.lower, u, 0);
    pack<real> upper = load_part<real>(t.upper, u, 0);
    real scale = t.squares ? (real)t.squares[0] : 1;
    for (int v = 0; v < values; v++) {
        int penalised = u + v < t.penalised;
        if (u + v >= t.size || (!penalised && !t.intercept)) continue;
        real g = clip_value<real>((real)t.clip_value, scale, gradient_at<real>(t, u + v, row->count));
        own_rule<real> own = {metric.at[v], penalty.at[v], lower.at[v], upper.at[v]};
        parameter<real> q = {theta.at[v], slot1.at[v], slot2.at[v], slot3.at[v], means.at[v]};
        update_parameter<real>(rule, now, own, t.penalty != NULL, penalised, point.at[v], g, &q);
        theta.at[v] = q.theta;
        slot1.at[v] = q.slot1;
        slot2.at[v] = q.slot2;
        slot3.at[v] = q.slot3;
        means.at[v] = q.average;
        point.at[v] = gradient_point<real>(rule, next, q.theta, q.slot1);
    }
    store_part(t.theta, u, theta);
    store_part(t.slot1, u, slot1);
    store_part(t.slot2, u, slot2);
    store_part(t.slot3, u, slot3);
    store_part(t.means, u, means);
    store_part(t.point, u, point);
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
