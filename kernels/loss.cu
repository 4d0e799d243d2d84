/* Computes the losses of a batch and their derivatives:
 *
 *     for (i < rows) for (c < k)
 *         l = loss_at(p[i][c] + o[i] + intercept[c], y[i][c]), p[i][c] = w[i] l.derivative, sums += w[i] l
 *
 * If y is a class, the target of output c is whether y is class c. For softmax, whose outputs depend on each other, l is
 * softmax_at() of the results of softmax.cu for the row. A loss that is a formula has a separate kernel, in which every thread
 * executes the same operations in the same order.
 *
 * Each block sums a tile of rows in double; the block that finishes last adds up the tiles in order. */
#include "account.h"
#include "block.h"
#include "scalar/expression.h"
#include "scalar/softmax.h"
#include <float.h>

enum { ROWS_EACH = 4 }; /* rows per thread */

/* The location of the rows of p: `count` of them are rows of the batch, and the remaining ones are padding. */
struct rows_of_p {
    int64_t first, count;
    const int64_t *order;
};

__device__ static rows_of_p locate(const loss_task &t)
{
    rows_of_p r = {t.first, t.rows, NULL};
    if (t.table) {
        int64_t step = t.state->next;
        r.first = t.table->row[step].first + t.start;
        r.count = t.table->row[step].count - t.start;
        if (t.order) r.order = t.order + step % 2 * t.batch + t.start;
    }
    return r;
}

/* The values on which the loss of a row depends. */
template <class real> struct loss_row {
    real p, y, w, o;
    bool counts; /* whether the row belongs to the batch and is not held out */
};

/* Returns whether a row of the batch counts for output c. */
__device__ static bool row_counts(const loss_task &t, int64_t c, int64_t row)
{
    int fold = t.fold ? t.fold[row] : 0;
    if (t.fold_alone > 0) return fold == t.fold_alone - 1;
    return !t.models.held_out || (t.models.held_out[c] >> fold & 1) == 0;
}

/* Returns the target of a row for output c. */
template <class real> __device__ static real target_of(const loss_task &t, int64_t c, int64_t row)
{
    const real *y = (const real *)t.y + row * t.m;
    if (t.classed) return (real)class_is<real>(*y, c);
    return y[t.models.target_of ? t.models.target_of[c] : c];
}

/* Loads output c of rows i, i + blockDim.y, ... before `end`. All loads precede the first use of a loaded value, in three
 * stages (row indices, values of the rows, losses), so that no row waits for another. */
template <class real> __device__ static void load_rows(const loss_task &t, int64_t c, int64_t i, int64_t end, loss_row<real> *to)
{
    rows_of_p at = locate(t);
    const real *p = (const real *)t.p, *w = (const real *)t.w, *o = (const real *)t.o;
    int64_t row[ROWS_EACH], count = at.count < end ? at.count : end;
    UNROLLED
    for (int r = 0; r < ROWS_EACH; r++) {
        int64_t position = i + r * (int64_t)blockDim.y;
        to[r] = {0, 0, 1, 0, position < count};
        row[r] = at.first + position;
        if (at.order && to[r].counts) row[r] = at.order[position];
    }
    UNROLLED
    for (int r = 0; r < ROWS_EACH; r++) {
        if (!to[r].counts) continue;
        to[r].p = p[(i + r * (int64_t)blockDim.y) * t.k + c];
        if (!row_counts(t, c, row[r])) {
            to[r].counts = false;
            continue;
        }
        to[r].y = target_of<real>(t, c, row[r]);
        if (w) to[r].w = w[row[r]];
        if (o) to[r].o = o[row[r]];
    }
}

/* Return the loss of row i of p, by a built-in loss or by a formula. */
template <class real>
__device__ static loss_point<real> loss_of(const loss_task &t, const loss_rule &rule, int64_t i, real p, real y)
{
    const real *found = (const real *)t.shared + 2 * i;
    return t.shared ? softmax_at<real>(p, y > 0, found[0], found[1]) : loss_at<real>(rule, p, y);
}
template <class real>
__device__ static loss_point<real> loss_of(const loss_task &t, const formula_code &code, int64_t, real p, real y)
{
    return formula_at<real>(&code, t.second ? 2 : 1, p, y);
}

/* Processes the thread's rows of output c: adds their w l and w dl/dp to *loss and *derivative. */
template <class real, class law>
__device__ static void add_rows(const loss_task &t, const law &of, int64_t c, double *loss, double *derivative)
{
    real *p = (real *)t.p, intercept = ((const real *)t.intercept)[c];
    int64_t tile = (int64_t)blockDim.y * ROWS_EACH, begin = blockIdx.x * tile;
    int64_t end = begin + tile < t.rows ? begin + tile : t.rows;
    loss_row<real> row[ROWS_EACH];
    load_rows(t, c, begin + threadIdx.y, end, row);
    NOT_UNROLLED /* because the code of all losses is large: each iteration processes row[0], and the others move up */
        for (int64_t i = begin + threadIdx.y; i < end; i += blockDim.y)
    {
        real s = 0;
        if (row[0].counts) {
            real before = t.o ? row[0].p + row[0].o : row[0].p;
            loss_point<real> l = loss_of<real>(t, of, i, before + intercept, row[0].y);
            s = t.second ? l.curvature : l.derivative;
            real value = l.value;
            if (t.w) s *= row[0].w;
            if (t.w) value *= row[0].w;
            if (t.models.class_weight) {
                real factor = (real)t.models.class_weight[(row[0].y > 0) * t.k + c];
                s *= factor;
                value *= factor;
            }
            *loss += (double)value;
            *derivative += (double)s;
        }
        if (t.fold_alone == 0) p[i * t.k + c] = s;
        UNROLLED
        for (int r = 1; r < ROWS_EACH; r++) row[r - 1] = row[r];
    }
}

/* Counts the loss of a model's batch, or ends the model if the loss is not finite. Returns the model's contribution to the sum
 * over models, or NaN for none. */
__device__ static double model_loss(const loss_task &t, int64_t c, double loss)
{
    const model_arrays &m = t.models;
    double sum = (t.begins ? 0 : m.pending[c]) + loss;
    m.pending[c] = sum;
    if (!t.table || !t.ends || m.alive[c] != MODEL_ALIVE) return NAN;
    if (!isfinite(sum)) {
        m.alive[c] = MODEL_ENDED;
        return NAN;
    }
    m.losses[c] += sum;
    return sum;
}

/* Adds two sums, of which NaN stands for none. The sum is limited to finite values, because the losses of diverging models may
 * overflow in total before any single one does, and the other models have not failed then. */
__device__ static double sum_or_none(double a, double b)
{
    return isnan(a) ? b : isnan(b) ? a : fmax(fmin(a + b, DBL_MAX), -DBL_MAX);
}

/* Adds up the tiles. The last block calls it. */
__device__ static void add_tiles(const loss_task &t, double *shared)
{
    const double *partial = t.partial;
    double mine = t.models.pending ? NAN : 0;
    for (int64_t base = 0; base < t.k; base += blockDim.x) {
        int64_t c = base + threadIdx.x;
        double loss = 0, derivative = 0;
        for (int64_t tile = threadIdx.y; c < t.k && tile < gridDim.x; tile += blockDim.y) {
            loss += partial[(tile * t.k + c) * 2];
            derivative += partial[(tile * t.k + c) * 2 + 1];
        }
        column_sums(&loss, &derivative, shared);
        if (!t.models.pending)
            mine += loss;
        else if (threadIdx.y == 0 && c < t.k)
            mine = sum_or_none(mine, model_loss(t, c, loss));
        if (threadIdx.y == 0 && c < t.k) t.total[c] = (t.begins ? 0 : t.total[c]) + derivative;
    }
    __syncthreads();
    if (threadIdx.y == 0) shared[threadIdx.x] = mine;
    __syncthreads();
    if (threadIdx.x + threadIdx.y > 0) return;
    double loss = t.models.pending ? NAN : 0;
    for (unsigned x = 0; x < blockDim.x; x++) loss = t.models.pending ? sum_or_none(loss, shared[x]) : loss + shared[x];
    if (t.models.pending)
        t.state->pending = t.begins && !t.models.follows ? loss : sum_or_none(t.state->pending, loss);
    else
        t.state->pending = (t.begins ? 0 : t.state->pending) + loss;
    t.state->arrived = 0;
    if (!t.table || !t.ends) return;
    if (t.models.precedes)
        let_step(t.state);
    else
        account(t.state, t.table);
}

/* Sums the thread's values over the tile. shared: 2 x THREADS. */
__device__ static void end_tile(const loss_task &t, int64_t c, double loss, double derivative, double *shared, unsigned *ticket)
{
    column_sums(&loss, &derivative, shared);
    if (threadIdx.y == 0 && c < t.k) {
        t.partial[(blockIdx.x * t.k + c) * 2] = loss;
        t.partial[(blockIdx.x * t.k + c) * 2 + 1] = derivative;
    }
    if (!is_last_block(&t.state->arrived, gridDim.x * gridDim.y, ticket)) return;
    add_tiles(t, shared);
}

__device__ static int64_t own_output() { return (int64_t)blockIdx.y * blockDim.x + threadIdx.x; }

template <class real> __global__ static void loss_kernel(loss_task t)
{
    SHARED(double, shared, 2 * THREADS);
    SHARED(unsigned, ticket, 1);
    int64_t c = own_output();
    double loss = 0, derivative = 0;
    loss_rule rule = t.loss;
    if (t.models.number && c < t.k) rule.number = t.models.number[c];
    if (c < t.k) add_rows<real>(t, rule, c, &loss, &derivative);
    end_tile(t, c, loss, derivative, shared, ticket);
}

template <class real> __global__ static void formula_kernel(loss_task t, const GRID_CONSTANT formula_code code)
{
    SHARED(double, shared, 2 * THREADS);
    SHARED(unsigned, ticket, 1);
    int64_t c = own_output();
    double loss = 0, derivative = 0;
    if (c < t.k) add_rows<real>(t, code, c, &loss, &derivative);
    end_tile(t, c, loss, derivative, shared, ticket);
}

static_assert(MAX_TARGETS / 32 <= MAX_GRID_Y, "the kernel does not step over targets, of which block_for() gives a block 32");
static dim3 loss_grid(int64_t rows, int64_t k)
{
    dim3 block = block_for(k);
    return dim3(groups_of(rows, (int64_t)block.y * ROWS_EACH), groups_of(k, block.x));
}

extern "C" int64_t loss_partials(int64_t rows, int64_t k) { return (int64_t)loss_grid(rows, k).x * k * 2; }

extern "C" cudaError_t kernel_loss(const loss_task *t, cudaStream_t stream)
{
    dim3 grid = loss_grid(t->rows, t->k), block = block_for(t->k);
    int is_float = t->precision == CUSGD_PRECISION_FLOAT;
    if (t->loss.formula) {
        const formula_code &code = t->loss.formula->loss;
        return is_float ? LAUNCH(formula_kernel<float>, grid, block, 0, stream, *t, code)
                        : LAUNCH(formula_kernel<double>, grid, block, 0, stream, *t, code);
    }
    return is_float ? LAUNCH(loss_kernel<float>, grid, block, 0, stream, *t)
                    : LAUNCH(loss_kernel<double>, grid, block, 0, stream, *t);
}
