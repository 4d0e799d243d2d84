/* What it costs to start a kernel, and to have all blocks of one wait for each other. */
#include "block.h"
#include "probe.h"

#ifndef CUSGD_EMULATED /* whose own it is there */
#include <cooperative_groups.h>
__device__ static inline void grid_sync() { cooperative_groups::this_grid().sync(); }
#endif

/* ---- Launches ---- */

/* Does nothing, but for counting its launches where `launches` is not NULL. Launched early, it begins and waits. */
__global__ static void empty_kernel(unsigned *launches)
{
    wait_for_earlier();
    let_later_begin();
    if (launches && blockIdx.x == 0 && threadIdx.x == 0) *launches += 1;
}

typedef struct chain {
    int length;
    unsigned blocks, threads, *launches;
    cudaGraphExec_t graph;
    bool early;
} chain;

static void chain_launch(probe *p, void *context)
{
    const chain *c = (const chain *)context;
    launch_way way = {false, c->early, 0};
    for (int i = 0; i < c->length; i++) CHECK(LAUNCH_AS(way, empty_kernel, c->blocks, c->threads, 0, p->stream, c->launches));
}

static void graph_launch(probe *p, void *context) { CHECK(cudaGraphLaunch(((const chain *)context)->graph, p->stream)); }

static void graph_make(probe *p, chain *c)
{
    cudaGraph_t graph = NULL;
    CHECK(cudaStreamBeginCapture(p->stream, cudaStreamCaptureModeThreadLocal));
    chain_launch(p, c);
    CHECK(cudaStreamEndCapture(p->stream, &graph));
    CHECK(cudaGraphInstantiate(&c->graph, graph, 0));
    CHECK(cudaGraphDestroy(graph));
}

/* Graphs whose kernels count show that each of the chain's nodes runs; the timed one counts nothing. */
static void graph_measure(probe *p, unsigned blocks, unsigned threads, bool early)
{
    const char *name = early ? "graph node that begins early" : "graph node";
    chain c = {p->small ? 20 : 1000, blocks, threads, p->sum, NULL, early};
    if (early && p->major < 9) {
        probe_refused(p, "compute capability 9.0 is needed", "%s, %u blocks of %u threads", name, blocks, threads);
        return;
    }
    graph_make(p, &c);
    graph_launch(p, &c);
    p->runs = 1;
    probe_expect_sum(p, (unsigned)c.length, "how many kernels of a graph ran");
    CHECK(cudaGraphExecDestroy(c.graph));
    c.launches = NULL;
    graph_make(p, &c);
    probe_time(p, graph_launch, &c);
    probe_latency(p, c.length, "%s, %u blocks of %u threads, in a chain of %d", name, blocks, threads, c.length);
    CHECK(cudaGraphExecDestroy(c.graph));
}

static void launch_measure(probe *p)
{
    chain one = {1, 1, 32, NULL, NULL, false}, many = {p->small ? 20 : 1000, 1, 32, NULL, NULL, false};
    probe_time_host(p, chain_launch, &one);
    probe_latency(p, 1, "launch a kernel and wait, by the host's clock");
    probe_time(p, chain_launch, &many);
    probe_latency(p, many.length, "launch, %d in a row", many.length);
    graph_make(p, &one);
    probe_time_host(p, graph_launch, &one);
    probe_latency(p, 1, "launch a graph of one kernel and wait, by the host's clock");
    CHECK(cudaGraphExecDestroy(one.graph));
}

/* ---- CUDA's own barrier over all blocks ---- */

/* With `slots`, one a block, each block leaves its round and looks at the next block's after the barrier; odd and even rounds
 * have slots of their own, since a block may be one barrier ahead. */
__global__ static void grid_barrier_kernel(int rounds, unsigned *slots, unsigned *wrong)
{
    unsigned next = (blockIdx.x + 1) % gridDim.x;
    for (int r = 1; r <= rounds; r++) {
        unsigned *now = slots ? slots + (r & 1) * gridDim.x : NULL;
        if (now && threadIdx.x == 0) now[blockIdx.x] = (unsigned)r;
        grid_sync();
        if (now && threadIdx.x == 0 && ((volatile unsigned *)now)[next] != (unsigned)r) atomicAdd(wrong, 1u);
    }
}

typedef struct cooperative_barrier {
    int rounds;
    unsigned blocks, *slots;
} cooperative_barrier;

static void grid_barrier_run(probe *p, void *context)
{
    const cooperative_barrier *b = (const cooperative_barrier *)context;
    CHECK(LAUNCH_COOPERATIVE(grid_barrier_kernel, b->blocks, THREADS, 0, p->stream, b->rounds, b->slots, p->sum));
}

static void grid_barrier_measure(probe *p)
{
    cooperative_barrier b = {p->small ? 10 : 2000, (unsigned)p->multiprocessors, NULL};
    size_t bytes = 2 * b.blocks * sizeof *b.slots;
    if (!p->cooperative) {
        probe_refused(p, "the device has no cooperative launches", "barrier of the grid, cooperative groups");
        return;
    }
    CHECK(cudaMalloc((void **)&b.slots, bytes));
    CHECK(cudaMemsetAsync(b.slots, 0, bytes, p->stream));
    grid_barrier_run(p, &b);
    p->runs = 1;
    probe_expect_sum(p, 0, "blocks passed the grid's barrier before others had come");
    CHECK(cudaFree(b.slots));
    b.slots = NULL;
    probe_time(p, grid_barrier_run, &b);
    probe_latency(p, b.rounds, "barrier of the grid, cooperative groups, %u blocks of %d threads", b.blocks, THREADS);
}

void probe_launches(probe *p)
{
    launch_measure(p);
    for (int early = 0; early < 2; early++) {
        graph_measure(p, 1, 32, early);
        graph_measure(p, (unsigned)p->multiprocessors, THREADS, early);
    }
    grid_barrier_measure(p);
}
