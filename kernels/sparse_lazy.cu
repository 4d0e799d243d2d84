/* Lazy updates of sparse columns (scalar/lazy.h). A step has the following launches instead of those of a dense step
 * (host/cuda/sparse.c):
 *
 *     for (each column of the batch) bring it up to date      (catch_up_kernel)
 *     rows, loss                                              (sparse.cu, loss.cu)
 *     for (each column of the batch) sum it, and step         (lazy_step_kernel)
 *
 * No time is spent on columns that do not occur in the batch. */
#include "columns.h"
#include "scalar/lazy.h"
#include "update.h"

/* ---- Catching up ---- */

template <class real, int OPTIMIZER>
__device__ static void catch_up_value(const update_task &t, const update_rule<real> &rule, int64_t u, const missed_steps<real> &m)
{
    parameter<real> q = load_parameter<real, OPTIMIZER>(t, u);
    own_rule<real> own = {1, 1, 1, 0, 0};
    int limited = t.lower != NULL;
    if (limited) own = limits_at<real>(t, u, 1);
    if (limited || rule.l1 > 0 || rule.l2 > 0) q.theta = theta_caught_up<real>(rule, own, limited, m, q);
    if (rule.average) q.average = average_caught_up<real>(q.theta, q.average, m.keep);
    store_value<real>(t.theta, u, q.theta);
    store_value<real>(t.means, u, q.average);
}

/* The columns to bring up to date, and the step up to which. There are none if the run has failed. */
struct late_columns {
    const sparse_column *list; /* NULL: columns 0 .. count - 1 */
    int64_t count, step;
};

__device__ static late_columns find_late(const lazy_task &t, bool all)
{
    const run_state *state = t.update.state;
    int64_t step = state->next;
    if (all) return {NULL, step > 0 ? t.update.penalized / t.update.outputs : 0, step};
    if (state->failed) return {NULL, 0, step};
    const sparse_batch *b = t.sum.of.each + t.sum.numbers[step];
    int64_t count = 0;
    for (int length = 0; length < SPARSE_LENGTHS; length++) count += b->count[length];
    return {t.sum.of.column + b->column, count, step};
}

/* Brings columns up to date. A block processes as many columns at a time as keep its threads busy. All threads of a column read
 * the column's last step before it is overwritten. */
template <class real, int OPTIMIZER> __global__ static void catch_up_kernel(lazy_task t, update_rule<real> rule, bool all)
{
    late_columns late = find_late(t, all);
    int64_t k = t.update.outputs, width = k < THREADS ? k : (int64_t)THREADS, together = THREADS / width;
    int64_t mine = threadIdx.x / width, output = threadIdx.x % width;
    rule.optimizer = OPTIMIZER;
    for (int64_t first = blockIdx.x * together; first < late.count; first += gridDim.x * together) {
        int64_t at = first + mine, j = 0, from = 0;
        bool works = mine < together && at < late.count;
        if (works) {
            j = late.list ? late.list[at].column : at;
            from = t.last[j];
        }
        __syncthreads();
        if (!works) continue;
        missed_steps<real> m = missed_between<real>(OPTIMIZER, rule.average, t.since, from, late.step);
        for (int64_t c = output; c < k; c += width) catch_up_value<real, OPTIMIZER>(t.update, rule, j * k + c, m);
        if (output == 0) t.last[j] = (int32_t)late.step;
    }
}

template <class real, int OPTIMIZER> static cudaError_t launch_catch_up(const lazy_task *t, bool all, cudaStream_t stream)
{
    dim3 grid(all ? blocks_for(t->update.penalized) : t->sum.blocks);
    return LAUNCH((catch_up_kernel<real, OPTIMIZER>), grid, dim3(THREADS), 0, stream, *t, rule_of<real>(t->update), all);
}

template <class real> static cudaError_t catch_up_by(const lazy_task *t, bool all, cudaStream_t stream)
{
    switch (t->update.optimizer) {
    case CUSGD_OPTIMIZER_ADAGRAD: return launch_catch_up<real, CUSGD_OPTIMIZER_ADAGRAD>(t, all, stream);
    case CUSGD_OPTIMIZER_FTRL: return launch_catch_up<real, CUSGD_OPTIMIZER_FTRL>(t, all, stream);
    default: return launch_catch_up<real, CUSGD_OPTIMIZER_SGD>(t, all, stream);
    }
}

extern "C" cudaError_t kernel_catch_up(const lazy_task *t, cudaStream_t stream)
{
    return t->update.precision == CUSGD_PRECISION_FLOAT ? catch_up_by<float>(t, false, stream)
                                                        : catch_up_by<double>(t, false, stream);
}

extern "C" cudaError_t kernel_catch_up_all(const lazy_task *t, cudaStream_t stream)
{
    return t->update.precision == CUSGD_PRECISION_FLOAT ? catch_up_by<float>(t, true, stream)
                                                        : catch_up_by<double>(t, true, stream);
}

/* ---- A step ---- */

/* The destination of the sums of columns: each sum is used to update its parameter. */
template <class real, int OPTIMIZER> struct step_of_columns {
    const lazy_task *task;
    update_now<real> now;
    int64_t step;
};

/* Updates parameter u. g: its gradient, summed over the rows of the batch. */
template <class real, int OPTIMIZER>
__device__ static void step_alone(const update_task &t, const update_now<real> &now, int64_t u, int penalized, double g)
{
    parameter<real> q = load_parameter<real, OPTIMIZER>(t, u);
    real rate_factor = load_value<real>(t.rate_factor, u, 1), point = q.theta;
    step_parameter<real>(t, now, u, penalized, penalized && t.lower != NULL, rate_factor, (real)(g / now.rows), &point, &q);
    store_parameter<real, OPTIMIZER>(t, u, q);
}

template <class real, int OPTIMIZER>
__device__ static void put_sum(const step_of_columns<real, OPTIMIZER> &to, int64_t column, int64_t c, real sum)
{
    const update_task &t = to.task->update;
    int whole = lazy_is_whole(OPTIMIZER);
    step_alone<real, OPTIMIZER>(t, to.now, column * t.outputs + c, whole, (double)sum);
    if (whole && to.task->since && c == 0) to.task->last[column] = (int32_t)(to.step + 1);
}

template <class real, int OPTIMIZER> __global__ static void lazy_step_kernel(lazy_task t, update_rule<real> rule)
{
    SHARED(real, shared, THREADS / 32);
    int64_t step = t.update.state->active;
    if (step < 0) return;
    update_now<real> now = update_now_of<real>(t.update, step);
    now.rule = rule;
    now.rule.optimizer = OPTIMIZER;
    now.rule.average = rule.average && lazy_is_whole(OPTIMIZER);
    step_of_columns<real, OPTIMIZER> to = {&t, now, step};
    int64_t turn = add_batch<real>(t.sum, t.sum.numbers[step], shared, to);
    if (turn > 0 || !t.update.intercept) return;
    now.rule.average = rule.average;
    for (int64_t c = threadIdx.x; c < t.update.outputs; c += THREADS)
        step_alone<real, OPTIMIZER>(t.update, now, t.update.penalized + c, 0, t.update.total[c]);
}

template <class real, int OPTIMIZER> static cudaError_t launch_lazy_step(const lazy_task *t, cudaStream_t stream)
{
    return LAUNCH((lazy_step_kernel<real, OPTIMIZER>), dim3(t->sum.blocks), dim3(THREADS), 0, stream, *t,
                  rule_of<real>(t->update));
}

template <class real> static cudaError_t lazy_step_by(const lazy_task *t, cudaStream_t stream)
{
    switch (t->update.optimizer) {
    case CUSGD_OPTIMIZER_ADAGRAD: return launch_lazy_step<real, CUSGD_OPTIMIZER_ADAGRAD>(t, stream);
    case CUSGD_OPTIMIZER_FTRL: return launch_lazy_step<real, CUSGD_OPTIMIZER_FTRL>(t, stream);
    default: return launch_lazy_step<real, CUSGD_OPTIMIZER_SGD>(t, stream);
    }
}

extern "C" cudaError_t kernel_lazy_step(const lazy_task *t, cudaStream_t stream)
{
    return t->update.precision == CUSGD_PRECISION_FLOAT ? lazy_step_by<float>(t, stream) : lazy_step_by<double>(t, stream);
}
