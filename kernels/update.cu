/* Applies the optimizer to the gradient of a batch: for (u < size) update_parameter(...), 16 bytes of parameters at a time.
 *
 * Bytes read and written per parameter, in float: sgd 12, momentum 20, adam 28; in addition 8 each for the point of Nesterov's
 * gradients, the average and a third slot, and 4 for a rate factor. Instructions per parameter (sm_90): sgd 29, momentum 36,
 * adam 72. At full issue rate, the multiprocessors of an H200 could process 11 to 16 TB/s of such parameters. Predicted times
 * for 10 million parameters, at 90 % of 4.3 TB/s: 31, 52 and 72 us; gpu-probe measures them (tests/gpu/README.md). */
#include "block.h"
#include "scalar/clip.h"
#include "update.h"

/* Returns the gradient of the batch for parameter u, summed over the rows. */
template <class real> __device__ static double sum_at(const update_task &t, int64_t u)
{
    return u >= t.penalized ? t.total[u - t.penalized] : t.sum ? t.sum[u] : (double)((const real *)t.gradient)[u];
}

/* Computes clip_squares() with one chunk per block; the block that finishes last adds up the chunks. */
template <class real> __global__ static void clip_kernel(update_task t)
{
    SHARED(double, lane, CLIP_LANES);
    int64_t step = t.state->active, first = (int64_t)blockIdx.x * CLIP_CHUNK, trained = t.intercept ? t.size : t.penalized;
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
    if (count_arrival(&t.state->arrived) != gridDim.x - 1) return;
    const double *squares = t.squares + 1;
    double total = 0;
    for (unsigned c = 0; c < gridDim.x; c++) total += squares[c];
    t.squares[0] = clip_scale(t.clip_norm, total);
    t.state->arrived = 0;
}

extern "C" int64_t clip_partials(int64_t size) { return 1 + groups_of(size, CLIP_CHUNK); }

extern "C" cudaError_t kernel_clip(const update_task *t, cudaStream_t stream)
{
    dim3 grid(groups_of(t->intercept ? t->size : t->penalized, CLIP_CHUNK)), block(CLIP_LANES);
    return t->precision == CUSGD_PRECISION_FLOAT ? LAUNCH(clip_kernel<float>, grid, block, 0, stream, *t)
                                                 : LAUNCH(clip_kernel<double>, grid, block, 0, stream, *t);
}

/* Updates a pack of coefficients whose summed gradients are g. It requires that no value is clipped or has its own bounds or
 * penalties, which is the usual case, and takes few instructions for it. */
template <class real>
__device__ static void step_plain(const update_task &t, const update_now<real> &now, int64_t u, pack<real> g, real rows,
                                  state_pack<real> *s)
{
    update_now<real> plain = now;
    plain.clip_value = 0;
    for (real &value : g.at) value = value / rows;
    for (int v = 0; v < 16 / (int)sizeof(real); v++) step_value<real>(t, plain, u, v, 1, 0, g.at[v], s);
}

/* Adapts the step to an output that is a separate model. Returns false if the model takes no step. */
template <class real> __device__ static bool model_step(const update_task &t, int64_t c, update_now<real> *now)
{
    if (t.models.alive[c] != MODEL_ALIVE) return false;
    real factor = (real)t.models.momentum[c];
    now->step.momentum *= factor;
    now->next.momentum *= factor;
    return true;
}

/* Updates a pack of any kind value by value. A loop is used because the code for a whole pack at once would be large. */
template <class real, int OPTIMIZER> __device__ static void step_any(const update_task &t, const update_now<real> &now, int64_t u)
{
    int64_t end = u + trained_at<real>(t, u);
    NOT_UNROLLED
    for (; u < end; u++) {
        parameter<real> q = load_parameter<real, OPTIMIZER>(t, u);
        update_now<real> mine = now;
        if (t.models.alive && !model_step<real>(t, u % t.outputs, &mine)) continue;
        real rate_factor = load_value<real>(t.rate_factor, u, 1), point = load_value<real>(t.point, u, q.theta);
        real g = (real)(sum_at<real>(t, u) / now.rows);
        if (t.models.alive) g = (real)((double)g / t.models.share[u % t.outputs]);
        step_parameter<real>(t, mine, u, u < t.penalized, t.lower != NULL, rate_factor, g, &point, &q);
        store_parameter<real, OPTIMIZER>(t, u, q);
        store_value<real>(t.point, u, point);
    }
}

/* Updates all parameters. All loads of a pack precede the first use of a loaded value. Sums are divided in double and rounded.
 * A float sum is divided in float, which gives the same result as long as the number of rows is representable as a float: a
 * quotient of two 24-bit numbers that is rounded to 53 bits and then to 24 bits is correctly rounded (Figueroa 1995: from 2 x
 * 24 + 2 bits on).
 *
 * The bounds of blocks per multiprocessor are a compromise: with fewer blocks, too few loads are in flight; with more, each
 * thread has too few registers. */
template <class real, int OPTIMIZER>
__global__ __launch_bounds__(THREADS, sizeof(real) == 4 ? 4 : 3) static void update_kernel(update_task t, update_rule<real> rule,
                                                                                           real clip_value)
{
    const int values = 16 / sizeof(real), FLOAT_INTEGERS = 1 << 24;
    int64_t step = t.state->active;
    if (step < 0) return;
    update_now<real> now = update_now_of<real>(t, step);
    now.rule = rule;
    now.rule.optimizer = OPTIMIZER;
    now.clip_value = clip_value;
    bool plain = !t.sum && !t.lower && !t.models.alive && clip_value == 0 && (sizeof(real) == 8 || now.rows <= FLOAT_INTEGERS);
    int64_t plain_end = plain ? t.penalized - values : -1;
    real rows = (real)now.rows;
    for (int64_t u = thread_number() * values; u < t.size; u += thread_count() * values) {
        if (u > plain_end) {
            step_any<real, OPTIMIZER>(t, now, u);
            continue;
        }
        pack<real> g = load_pack((const real *)t.gradient + u);
        state_pack<real> s = load_state<real, OPTIMIZER>(t, u);
        step_plain<real>(t, now, u, g, rows, &s);
        store_state<real, OPTIMIZER>(t, u, s);
    }
}

template <class real, int OPTIMIZER> static cudaError_t launch_update(const update_task *t, cudaStream_t stream)
{
    const unsigned maximum = 1056; /* twice what an H200 holds at once; each block reads the step once for many packs */
    unsigned blocks = groups_of(groups_of(t->size, 16 / (int)sizeof(real)), THREADS);
    dim3 grid(blocks < maximum ? blocks : maximum);
    return LAUNCH((update_kernel<real, OPTIMIZER>), grid, dim3(THREADS), 0, stream, *t, rule_of<real>(*t), (real)t->clip_value);
}

template <class real> static cudaError_t update_by(const update_task *t, cudaStream_t stream)
{
    switch (t->optimizer) {
    case CUSGD_OPTIMIZER_MOMENTUM: return launch_update<real, CUSGD_OPTIMIZER_MOMENTUM>(t, stream);
    case CUSGD_OPTIMIZER_NESTEROV: return launch_update<real, CUSGD_OPTIMIZER_NESTEROV>(t, stream);
    case CUSGD_OPTIMIZER_ADAGRAD: return launch_update<real, CUSGD_OPTIMIZER_ADAGRAD>(t, stream);
    case CUSGD_OPTIMIZER_ADADELTA: return launch_update<real, CUSGD_OPTIMIZER_ADADELTA>(t, stream);
    case CUSGD_OPTIMIZER_RMSPROP: return launch_update<real, CUSGD_OPTIMIZER_RMSPROP>(t, stream);
    case CUSGD_OPTIMIZER_ADAM: return launch_update<real, CUSGD_OPTIMIZER_ADAM>(t, stream);
    case CUSGD_OPTIMIZER_ADAMW: return launch_update<real, CUSGD_OPTIMIZER_ADAMW>(t, stream);
    case CUSGD_OPTIMIZER_AMSGRAD: return launch_update<real, CUSGD_OPTIMIZER_AMSGRAD>(t, stream);
    case CUSGD_OPTIMIZER_NADAM: return launch_update<real, CUSGD_OPTIMIZER_NADAM>(t, stream);
    case CUSGD_OPTIMIZER_RADAM: return launch_update<real, CUSGD_OPTIMIZER_RADAM>(t, stream);
    case CUSGD_OPTIMIZER_ADAMAX: return launch_update<real, CUSGD_OPTIMIZER_ADAMAX>(t, stream);
    case CUSGD_OPTIMIZER_ASGD: return launch_update<real, CUSGD_OPTIMIZER_ASGD>(t, stream);
    case CUSGD_OPTIMIZER_FTRL: return launch_update<real, CUSGD_OPTIMIZER_FTRL>(t, stream);
    case OPTIMIZER_ADAGRAD_NESTEROV: return launch_update<real, OPTIMIZER_ADAGRAD_NESTEROV>(t, stream);
    case OPTIMIZER_RMSPROP_MOMENTUM: return launch_update<real, OPTIMIZER_RMSPROP_MOMENTUM>(t, stream);
    case OPTIMIZER_RMSPROP_CENTERED: return launch_update<real, OPTIMIZER_RMSPROP_CENTERED>(t, stream);
    case OPTIMIZER_RMSPROP_CENTERED_MOMENTUM: return launch_update<real, OPTIMIZER_RMSPROP_CENTERED_MOMENTUM>(t, stream);
    default: return launch_update<real, CUSGD_OPTIMIZER_SGD>(t, stream);
    }
}

extern "C" cudaError_t kernel_update(const update_task *t, cudaStream_t stream)
{
    return t->precision == CUSGD_PRECISION_FLOAT ? update_by<float>(t, stream) : update_by<double>(t, stream);
}

template <class real> __global__ static void look_ahead_kernel(update_task t)
{
    update_rule<real> rule = rule_of<real>(t);
    update_step<real> first = update_step_from<real>(&t.table->row[0].numbers);
    const real *theta = (const real *)t.theta, *slot1 = (const real *)t.slot1;
    for (int64_t u = thread_number(); u < t.size; u += thread_count()) {
        update_step<real> own = first;
        if (t.models.alive) own.momentum *= (real)t.models.momentum[u % t.outputs];
        ((real *)t.point)[u] = gradient_point<real>(rule, own, theta[u], slot1[u]);
    }
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
