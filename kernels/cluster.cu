/* The engine `fused` for rows longer than 16 KB: the blocks of a cluster share each row, and a cluster processes a part.
 *
 * A single block cannot process long rows efficiently. A row of 64 KB fills the registers of a multiprocessor, so that no loads
 * are in flight while its dot product is reduced. The gradient of a part is as long as a row, so that parts of few rows
 * transfer as many bytes of gradients as of x. Here, each of 4 or 8 blocks has a piece of every row. Two blocks are resident
 * per multiprocessor, and one loads while the other reduces; there are as many parts as clusters that run at once, 64 or 32.
 * Each block sends its shares of ROWS dot products to all blocks of the cluster and waits only for the bytes that it receives
 * (exchanges, port.h). The gradient of a piece of columns needs no other block.
 *
 * Bytes per step: B d 4 for x, 8 parts d for the gradients of the parts in the L2 cache. Flops: 4 B d. For 16384 x 1024 on an
 * H200, 67 MB of x take 15.6 us at 4.3 TB/s. The gradients of 32 parts are 2 MB (8 MB with parts of 8 rows, one per block);
 * they are written at the end of each part and read by fused_update_kernel. An exchange, pessimistically 0.5 us, follows every
 * 32 KB of a block. Two blocks' 32 KB are 2 us of a multiprocessor's share of the bandwidth, so that the loads of the other
 * block hide the exchange. The 3.3 us between the reading of two steps are hidden as far as rows of the next step are
 * prefetched meanwhile: tests/gpu/PREDICTED.md. */
#include "fused.h"

template <class real, int PACKS, class stored = real>
struct cluster_layout : layout<real, 16 / sizeof(stored), PACKS, true, stored> {
    enum { THREADS_MOST = THREADS, WARPS = THREADS / 32, CLUSTERED = 1 };
};

/* Returns a block's piece of every row. Every block has columns, because a row has more than 1024 packs of 16 bytes; a piece
 * consists of whole packs. */
template <class L> __device__ static place piece_of(const fused_task &t)
{
    place p = place_of<L>(t);
    p.ranks = t.shape.blocks;
    p.rank = (int)blockIdx.x % p.ranks;
    int packs = (int)t.ld / L::VALUES, each = (packs + p.ranks - 1) / p.ranks * L::VALUES;
    bool last = p.rank == p.ranks - 1;
    p.first = p.rank * each;
    p.columns = last ? (int)t.ld - p.first : each;
    p.room = last ? (int)t.stride - p.first : each;
    p.intercept = p.d - p.first;
    p.d = last ? p.d - p.first : each;
    return p;
}

template <class L> __global__ __launch_bounds__(THREADS, 2) static void cluster_kernel(fused_task t)
{
    typedef typename L::real real;
    typedef typename L::stored stored;
    SHARED(double, shared, shared_doubles<L>());
    SHARED(exchange, sent, 2);
    place p = piece_of<L>(t);
    p.sent = sent;
    if (threadIdx.x < 2) exchange_open(sent + threadIdx.x);
    cluster_sync(); /* Every block must have started before anything is sent to it. This wait overlaps with the end of the
                       previous step. */
    int64_t part = blockIdx.x / (unsigned)p.ranks;
    const stored *x = (const stored *)t.x + p.first;
    const real *from = (const real *)t.point + p.first;
    step_now now = begin_step<L>(t, part, x, p);
    if (now.step < 0) return;
    point_share<L> point;
    load_point<L>(from, p, &point);
    run_part<L>(t, part_of<L>(t, span_of(t, part, now.first, now.count), x), part, 0, point, p, shared);
}

template <class L> static cudaError_t launch_parts(const fused_task *t, cudaStream_t stream)
{
    const fused_shape *s = &t->shape;
    launch_way way = {false, t->early != 0, (unsigned)s->blocks};
    return LAUNCH_AS(way, cluster_kernel<L>, dim3((unsigned)(s->parts * s->blocks)), dim3(THREADS), 0, stream, *t);
}

template <class real, class stored> static cudaError_t parts_of(const fused_task *t, cudaStream_t stream)
{
    return t->shape.packs == 2 ? launch_parts<cluster_layout<real, 2, stored>>(t, stream)
                               : launch_parts<cluster_layout<real, 4, stored>>(t, stream);
}

extern "C" cudaError_t kernel_cluster_parts(const fused_task *t, cudaStream_t stream)
{
    if (t->update.precision == CUSGD_PRECISION_DOUBLE) return parts_of<double, double>(t, stream);
    return t->storage == CUSGD_STORAGE_BF16 ? parts_of<float, bf16>(t, stream) : parts_of<float, float>(t, stream);
}

extern "C" cudaError_t cluster_fits(int *fits)
{
    cudaLaunchAttribute attribute;
    attribute.id = cudaLaunchAttributeClusterDimension;
    attribute.val.clusterDim.x = MAX_BLOCKS;
    attribute.val.clusterDim.y = attribute.val.clusterDim.z = 1;
    cudaLaunchConfig_t config = {dim3(MAX_BLOCKS), dim3(THREADS), 0, NULL, &attribute, 1};
    int active = 0;
    const void *largest = (const void *)cluster_kernel<cluster_layout<float, 4>>;
    cudaError_t error = cudaOccupancyMaxActiveClusters(&active, largest, &config);
    *fits = error == cudaSuccess && active > 0;
    if (error != cudaErrorInvalidClusterSize) return error;
    (void)cudaGetLastError(); /* A small partition of a GPU may have no cluster of this size, which is a valid result. */
    return cudaSuccess;
}
