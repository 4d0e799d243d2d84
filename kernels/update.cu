/* What the optimizer does with a batch's gradient: for (u < size) update_parameter(...), 16 bytes of parameters a thread. */
#include "block.h"
#include "update.h"

template <class real> __global__ static void update_kernel(update_task t)
{
    const int values = 16 / sizeof(real);
    int64_t step = t.state->active, u = thread_number() * values;
    if (step < 0 || u >= t.size) return;
    double sums[values];
    for (int v = 0; v < values && u + v < t.size; v++)
        sums[v] = u + v >= t.penalised ? t.total[u + v - t.penalised]
                  : t.sum              ? t.sum[u + v]
                                       : (double)((const real *)t.gradient)[u + v];
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
