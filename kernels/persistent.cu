/* The engine `persistent`: many steps in one cooperative launch, with one block per multiprocessor.
 *
 * It needs as many bytes and flops per step as fused.cu and computes the same bits. It saves the launch and the memory latency
 * after it: x and the order of rows do not depend on the parameters, so the rows of the next batch are copied to shared memory
 * while the current batch is processed and during the barrier between them. Every block keeps all parameters in its shared
 * memory and makes the same update. Therefore one barrier per step suffices, and blocks exchange only the gradients of parts;
 * these are small if the number of parts times d is small, in which case `auto` chooses this engine. On an H200, a step is
 * predicted to take the larger of two times: that of its bytes at 4.3 TB/s, and a barrier of 1.2 us followed by the sums. A
 * batch of one part needs no barrier. Predicted and measured times: tests/gpu/PREDICTED.md.
 *
 * Even if all of x fits into the shared memory of the blocks (30 MB on an H200), it is copied again for each batch: x is then
 * in the L2 cache, and copying a block's share of a batch, at most 96 KB, takes 1.1 us, less than the preceding step. */
#include "parts.h"

/* Arrays in a block's shared memory, which holds its copy of the parameters and, for two batches, the x, y, w and o of staged
 * parts. */
template <class L> struct stage {
    typename L::stored *x;
    typename L::real *y, *w, *o;
};

/* Returns the number of arrays that are kept per parameter. */
__host__ __device__ static inline int arrays_of(const update_task &u)
{
    const void *const kept[] = {u.theta,       u.slot1,     u.slot2,     u.slot3, u.means, u.point,
                                u.rate_factor, u.l1_factor, u.l2_factor, u.lower, u.upper};
    int count = 0;
    for (const void *array : kept) count += array != nullptr;
    return count;
}

/* Returns the number of reals whose memory holds `rows` rows of x. */
__host__ __device__ static inline int64_t row_room(const fused_task &t, int64_t rows)
{
    int each = t.storage == CUSGD_STORAGE_BF16 && t.update.precision == CUSGD_PRECISION_FLOAT ? 2 : 1;
    return (rows * t.ld + each - 1) / each;
}

__host__ __device__ static inline int64_t stage_values(const fused_task &t, int staged)
{
    int64_t rows = staged * t.shape.rows, values = row_room(t, rows) + (2 + (t.o != nullptr)) * rows;
    return (values + 3) / 4 * 4;
}

__host__ __device__ static inline int64_t parameter_room(const update_task &u) { return (u.size + 3) / 4 * 4; }

/* The staging memory of a block: its address and the number of parts it holds. */
template <class L> struct blocks_stage {
    typename L::real *memory;
    int staged;
};

template <class L> __device__ static stage<L> stage_at(const fused_task &t, const blocks_stage<L> &own, int turn, int which)
{
    typename L::real *base = own.memory + turn * stage_values(t, own.staged);
    int64_t rows = own.staged * t.shape.rows, first = which * t.shape.rows;
    typename L::real *y = base + row_room(t, rows) + first;
    stage<L> s = {(typename L::stored *)base + first * t.ld, y, y + rows, y + 2 * rows};
    return s;
}

/* Copies asynchronously, except bf16 values, which are too small for that. The calling thread sees the copy after
 * copy_async_wait(). */
template <class T> __device__ static inline void copy_ahead(T *to, const T *from) { copy_async(to, from); }
__device__ static inline void copy_ahead(bf16 *to, const bf16 *from) { *to = *from; }

/* Starts to copy the rows of a part to the layout that add_rows() expects. Each thread copies exactly the values that it will
 * read. */
template <class L>
__device__ static void stage_part(const fused_task &t, const row_span &rows, const place &p, const stage<L> &to)
{
    typedef typename L::real real;
    typedef typename L::stored stored;
    const stored *x = (const stored *)t.x;
    const real *y = (const real *)t.y, *w = (const real *)t.w, *o = (const real *)t.o;
    int width = owner_width<L>(p), own = p.lane % width;
    for (int base = 0; base < rows.count; base += p.slots * L::ROWS) {
        int mine = base + own * p.slots + p.slot;
        int64_t at = 0;
        bool owns = own < L::ROWS && mine < rows.count;
        if (owns) at = row_at(t, rows.first + mine);
        if (owns && (!L::WIDE || threadIdx.x < 32)) {
            copy_async(to.y + mine, y + at);
            if (w) copy_async(to.w + mine, w + at);
            if (o) copy_async(to.o + mine, o + at);
        }
        for (int u = 0; u < L::ROWS; u++) {
            int64_t row = from_owner(at, u, width);
            int place_of_row = base + u * p.slots + p.slot;
            if (place_of_row >= rows.count) continue;
            for (int q = 0; q < L::PACKS; q++) {
                int c = (q * p.lanes + p.lane) * L::VALUES;
                const stored *from = x + row * t.ld + c;
                stored *there = to.x + place_of_row * t.ld + c;
                if (c >= t.ld) continue;
                if (L::VALUES == 1)
                    copy_ahead(there, from);
                else
                    copy_async((pack<stored> *)there, (const pack<stored> *)from);
            }
        }
    }
}

/* Stages the first `staged` parts of this block for the step described by `row`, a table row in shared memory. */
template <class L>
__device__ static void stage_step(const fused_task &t, const step_row *row, const place &p, const blocks_stage<L> &own, int turn)
{
    for (int i = 0; i < own.staged; i++) {
        int64_t part = blockIdx.x + (int64_t)i * gridDim.x;
        stage_part<L>(t, span_of(t, part, row->first, row->count), p, stage_at<L>(t, own, turn, i));
    }
}

template <class L>
__device__ static void run_step(const fused_task &t, const step_row *row, const typename L::real *from, const place &p,
                                const blocks_stage<L> &own, int turn, double *shared)
{
    typedef typename L::real real;
    point_share<L> point;
    load_point<L>(from, p, &point);
    for (int i = 0; blockIdx.x + (int64_t)i * gridDim.x < t.shape.parts; i++) {
        int64_t part = blockIdx.x + (int64_t)i * gridDim.x;
        part_rows<real, typename L::stored> r =
            part_of<L>(t, span_of(t, part, row->first, row->count), (const typename L::stored *)t.x);
        r.staged = i < own.staged;
        if (r.staged) {
            stage<L> s = stage_at<L>(t, own, turn, i);
            r.x = s.x;
            r.y = s.y;
            r.w = t.w ? s.w : nullptr;
            r.o = t.o ? s.o : nullptr;
        }
        run_part<L>(t, r, part, turn, point, p, shared);
    }
}

/* ---- The table ---- */

/* Table rows in shared memory. Row s is stored in row[s % TABLE_ROWS] and is copied when step s - 2 starts, so that the next
 * batch can be staged without waiting. */
enum { TABLE_ROWS = 4 };

/* Copies asynchronously; visible at the same time as the copies of stage_step(). */
__device__ static inline void bring_row(const slice_table *table, int64_t step, int64_t steps, step_row *rows)
{
    const int words = sizeof(step_row) / 8, word = (int)threadIdx.x;
    if (step < steps && word < words)
        copy_async((int64_t *)(rows + (step & (TABLE_ROWS - 1))) + word, (const int64_t *)(table->row + step) + word);
}

/* ---- Copies of the parameters in shared memory ---- */

/* Copies an array to *free, and advances *free behind it. */
template <class real> __device__ static void *bring(const void *from, const update_task &u, real **free)
{
    if (!from) return nullptr;
    real *to = *free;
    *free += parameter_room(u);
    for (int64_t i = threadIdx.x; i < u.size; i += blockDim.x) to[i] = ((const real *)from)[i];
    return to;
}

template <class real> __device__ static void give_back(const void *from, int64_t size, void *to)
{
    if (!to) return;
    for (int64_t u = threadIdx.x; u < size; u += blockDim.x) ((real *)to)[u] = ((const real *)from)[u];
}

template <class real> __device__ static update_task bring_parameters(const update_task &u, real *memory)
{
    update_task mine = u;
    mine.theta = bring(u.theta, u, &memory);
    mine.slot1 = bring(u.slot1, u, &memory);
    mine.slot2 = bring(u.slot2, u, &memory);
    mine.slot3 = bring(u.slot3, u, &memory);
    mine.means = bring(u.means, u, &memory);
    mine.point = bring(u.point, u, &memory);
    mine.rate_factor = bring(u.rate_factor, u, &memory);
    mine.l1_factor = bring(u.l1_factor, u, &memory);
    mine.l2_factor = bring(u.l2_factor, u, &memory);
    mine.lower = bring(u.lower, u, &memory);
    mine.upper = bring(u.upper, u, &memory);
    return mine;
}

template <class real> __device__ static void give_parameters_back(const update_task &mine, const update_task &u)
{
    give_back<real>(mine.theta, u.size, u.theta);
    give_back<real>(mine.slot1, u.size, u.slot1);
    give_back<real>(mine.slot2, u.size, u.slot2);
    give_back<real>(mine.slot3, u.size, u.slot3);
    give_back<real>(mine.means, u.size, u.means);
    give_back<real>(mine.point, u.size, u.point);
}

/* ---- The kernel ---- */

/* For double and bf16, twice as many threads would leave each too few registers. */
template <class L> static constexpr int max_threads() { return sizeof(typename L::stored) == 4 ? (int)L::THREADS_MOST : 256; }

/* Every block counts the steps itself, from equal sums. Block 0 writes the counts at the end, when all blocks have long read
 * the initial ones. If a block does not meet the others at the barrier, the parameters stay as before the launch, and the run
 * is marked as failed. */
template <class L>
__global__ __launch_bounds__(max_threads<L>(), 1) static void persistent_kernel(fused_task t, int64_t steps, int staged,
                                                                                unsigned *flags)
{
    typedef typename L::real real;
    SHARED(double, shared, shared_doubles<L>());
    SHARED(run_state, state, 1);
    SHARED(step_row, rows, TABLE_ROWS);
    DYNAMIC_SHARED(real, memory);
    place p = place_of<L>(t);
    update_task mine = bring_parameters(t.update, memory);
    const real *from = (const real *)(mine.point ? mine.point : mine.theta);
    blocks_stage<L> own = {memory + arrays_of(t.update) * parameter_room(t.update), staged};
    if (threadIdx.x == 0) state[0] = *t.state;
    __syncthreads();
    if (state[0].failed) return;
    bool met = true;
    int64_t begin = state[0].next, table_steps = t.update.table->count;
    for (int i = 0; i < 2; i++) bring_row(t.update.table, begin + i, table_steps, rows);
    copy_async_wait();
    __syncthreads();
    stage_step<L>(t, rows + (begin & (TABLE_ROWS - 1)), p, own, 0);
    for (int64_t i = 0; i < steps; i++) {
        int turn = (int)(i & 1);
        int64_t step = begin + i;
        const step_row *row = rows + (step & (TABLE_ROWS - 1)), *after = rows + ((step + 1) & (TABLE_ROWS - 1));
        copy_async_wait();
        __syncthreads();
        bring_row(t.update.table, step + 2, table_steps, rows);
        if (i + 1 < steps) stage_step<L>(t, after, p, own, !turn);
        run_step<L>(t, row, from, p, own, turn, shared);
        if (gridDim.x > 1) met = grid_barrier(flags, (unsigned)i + 1);
        if (!met) break;
        part_sums<real> sums = add_sums<real, 8>(t, turn, 0, shared);
        if (!isfinite(sums.loss)) {
            if (threadIdx.x == 0) state[0].failed = FAILED_LOSS;
            break;
        }
        if (threadIdx.x == 0) count_step(state, counts_of(state), step, row->count, sums.loss);
        update_columns<real, 8>(t, turn, mine, update_now_by<real>(mine, row, step + 1 < table_steps ? after : row), sums, 0, 1,
                                shared);
    }
    copy_async_wait();
    __syncthreads();
    if (!met && threadIdx.x == 0) t.state->failed = FAILED_BARRIER;
    if (!met || blockIdx.x > 0) return;
    give_parameters_back<real>(mine, t.update);
    if (threadIdx.x == 0) *t.state = state[0];
}

/* ---- Launching ---- */

extern "C" int64_t persistent_blocks(const fused_shape *shape, int multiprocessors)
{
    return shape->parts < multiprocessors ? shape->parts : multiprocessors;
}

/* Returns the bytes of a block's shared memory that the kernel declares statically or that the system reserves. `values`:
 * values per load. */
static constexpr int own_bytes(int values) { return (values > 4 ? 36 : 20) * 1024; }

extern "C" int persistent_takes(const fused_shape *shape, const update_task *update, int shared)
{
    int is_float = update->precision == CUSGD_PRECISION_FLOAT;
    int64_t kept = arrays_of(*update) * parameter_room(*update) * (is_float ? 4 : 8);
    return shape->blocks == 1 && (shape->lanes <= 32 || shape->packs <= 2) &&
           shape->threads <= (is_float && shape->values <= 4 ? 512 : 256) && kept <= shared - own_bytes(shape->values);
}

/* How a launch divides the shared memory of blocks: as many parts of a block as fit are staged; the others are read from global
 * memory. */
typedef struct sharing {
    int64_t blocks;
    int parts, staged; /* parts per block */
    size_t bytes;      /* size of dynamic shared memory */
} sharing;
static sharing sharing_of(const persistent_task *t)
{
    const fused_task *f = &t->fused;
    const int64_t element = f->update.precision == CUSGD_PRECISION_DOUBLE ? 8 : 4;
    int64_t kept = arrays_of(f->update) * parameter_room(f->update);
    int64_t room = (t->shared - own_bytes(f->shape.values)) / element - kept;
    sharing s = {persistent_blocks(&f->shape, t->multiprocessors), 0, 0, 0};
    s.parts = s.staged = (int)((f->shape.parts + s.blocks - 1) / s.blocks);
    while (s.staged > 0 && 2 * stage_values(*f, s.staged) > room) s.staged--;
    s.bytes = (size_t)((kept + 2 * stage_values(*f, s.staged)) * element);
    return s;
}

extern "C" int persistent_stages(const persistent_task *t)
{
    sharing s = sharing_of(t);
    return s.staged == s.parts;
}

template <class L> static cudaError_t launch_steps(const persistent_task *t, cudaStream_t stream)
{
    static_assert(shared_doubles<L>() * sizeof(double) + sizeof(run_state) + TABLE_ROWS * sizeof(step_row) + 1024 <=
                      own_bytes(L::VALUES),
                  "own_bytes()");
    sharing s = sharing_of(t);
    /* The limit is the maximum of all launches rather than that of this one, because a launch of another run may intervene
     * between the two calls. */
    cudaError_t error = cudaFuncSetAttribute((const void *)persistent_kernel<L>, cudaFuncAttributeMaxDynamicSharedMemorySize,
                                             t->shared - own_bytes(L::VALUES));
    if (error) return error;
    return LAUNCH_COOPERATIVE(persistent_kernel<L>, dim3((unsigned)s.blocks), dim3((unsigned)t->fused.shape.threads), s.bytes,
                              stream, t->fused, t->steps, s.staged, t->flags);
}

template <class real, class stored> static cudaError_t steps_of(const persistent_task *t, cudaStream_t stream)
{
    const int values = 16 / sizeof(stored);
    const fused_shape *s = &t->fused.shape;
    if (s->values == 1) return launch_steps<layout<real, 1, 1, false, stored>>(t, stream);
    if (s->lanes <= 32)
        return s->packs == 1   ? launch_steps<layout<real, values, 1, false, stored>>(t, stream)
               : s->packs == 2 ? launch_steps<layout<real, values, 2, false, stored>>(t, stream)
                               : launch_steps<layout<real, values, 4, false, stored>>(t, stream);
    return s->packs == 1 ? launch_steps<layout<real, values, 1, true, stored>>(t, stream)
                         : launch_steps<layout<real, values, 2, true, stored>>(t, stream);
}

extern "C" cudaError_t kernel_persistent_steps(const persistent_task *t, cudaStream_t stream)
{
    if (t->fused.update.precision == CUSGD_PRECISION_DOUBLE) return steps_of<double, double>(t, stream);
    return t->fused.storage == CUSGD_STORAGE_BF16 ? steps_of<float, bf16>(t, stream) : steps_of<float, float>(t, stream);
}
