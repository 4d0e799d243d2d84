/* Runs a kernel: its blocks one after another, those of a cluster, or all of a cooperative launch, at once. */
#include "execute.h"
#include "races.h"
#include <set>

namespace emulator
{
static void make_order(std::vector<unsigned> &to, size_t n, uint64_t *random)
{
    to.resize(n);
    for (size_t i = 0; i < n; i++) to[i] = (unsigned)(thread_order() == 1 ? n - 1 - i : i);
    if (thread_order() > 1)
        for (size_t i = n - 1; i > 0; i--) std::swap(to[i], to[random_next(random) % (i + 1)]);
}

static void make_ids(dim3 block)
{
    static dim3 made = {0, 0, 0};
    if (made.x == block.x && made.y == block.y && made.z == block.z) return;
    made = block;
    ids.clear();
    for (unsigned z = 0; z < block.z; z++)
        for (unsigned y = 0; y < block.y; y++)
            for (unsigned x = 0; x < block.x; x++) ids.push_back({x, y, z});
}

/* Lets those of the block's threads go on that are in this state. */
static void block_goes_on(device_block &b, thread_state state, unsigned *threads)
{
    B = &b;
    let_go(state);
    *threads = 0;
}

/* Blocks first + turn in turn, each until its next barrier with the others, which all of them must reach. `begun`: they have
 * begun early. */
static void run_together(device_block *blocks, bool begun, size_t first, const std::vector<unsigned> &turn)
{
    size_t count = turn.size(), waiting = count, looking;
    std::vector<size_t> numbers;
    together = blocks;
    for (size_t i = 0; i < count; i++) {
        unsigned waited = 0;
        if (begun)
            block_goes_on(blocks[i], AT_EARLIER, &waited);
        else
            block_start(blocks[i], first + turn[i]);
        numbers.push_back(first + turn[i]);
    }
    while (waiting > 0) {
        waiting = looking = 0;
        for (size_t i = 0; i < count; i++) {
            run_block(blocks[i]);
            if (blocks[i].at_others) waiting++;
            looking += blocks[i].looking;
        }
        if (looking) {
            for (size_t i = 0; i < count; i++) block_goes_on(blocks[i], LOOKING, &blocks[i].looking);
            waiting = count;
            continue;
        }
        if (waiting % count)
            die_in_kernel("barrier divergence (some blocks wait at grid_sync or cluster_sync, others have returned)");
        if (waiting) races_join(numbers);
        for (size_t i = 0; i < count; i++) {
            block_goes_on(blocks[i], AT_OTHERS, &blocks[i].at_others);
            blocks[i].met = true;
        }
    }
    for (size_t i = 0; i < turn.size(); i++) block_end(blocks[i]);
}

/* A launch in execution: the orders of the groups of blocks that run at once, one block each or more, of the blocks within one,
 * and of threads; and the blocks of all groups, where they have begun, and wait for earlier kernels. */
struct grid {
    std::vector<unsigned> turn, within, order;
    std::vector<device_block> begun;
};

static const size_t MAX_BEGUN = 8192; /* threads of a launch that begins early: each has a stack of its own then */

static uint64_t threads_of(const kernel_call &call) { return (uint64_t)call.block.x * call.block.y * call.block.z; }
static size_t count_blocks(const kernel_call &call) { return (size_t)call.grid.x * call.grid.y * call.grid.z; }
static size_t count_together(const kernel_call &call)
{
    return call.way.cooperative ? count_blocks(call) : std::max(1u, call.way.cluster);
}

static grid make_grid(const kernel_call &call)
{
    static uint64_t launches;
    uint64_t random = ((uint64_t)thread_order() << 32) + launches++;
    grid g;
    make_order(g.order, threads_of(call), &random);
    make_order(g.turn, count_blocks(call) / count_together(call), &random);
    make_order(g.within, count_together(call), &random);
    return g;
}

/* From here on it is this launch that runs. */
static void enter(const kernel_call &call, launched *mine, const grid &g)
{
    kernel = &call;
    launch = mine;
    gridDim = call.grid;
    blockDim = call.block;
    make_ids(call.block);
    order = g.order;
}

static void make_dynamic(std::vector<device_block> &blocks, const kernel_call &call)
{
    for (device_block &b : blocks) b.dynamic = call.shared ? malloc(call.shared) : nullptr;
}
static void free_dynamic(std::vector<device_block> &blocks)
{
    for (device_block &b : blocks) free(b.dynamic);
}

static void delete_grid(grid *g)
{
    for (device_block &b : g->begun)
        for (shared_slot &s : b.shared) free(s.memory);
    delete g;
}

/* Together with which kernels this one may run while it has not waited for them: the one in front of it, and those together with
 * which that one ran when it let this one begin. */
static void begin_launch(const kernel_call &call, launched *mine, const launched *front)
{
    static unsigned launches;
    mine->number = ++launches;
    mine->concurrent.clear();
    if (call.way.early && front && front->number) {
        mine->concurrent.push_back({front->number, front->name});
        if (front->lets_all_at_once)
            mine->concurrent.insert(mine->concurrent.end(), front->concurrent.begin(), front->concurrent.end());
    }
}

/* What a kernel did at its last launch. A kernel in front of others is taken to do the same again. */
struct habit {
    bool lets, lets_at_once; /* each block let later kernels begin; before it had waited for earlier ones */
};
static std::map<const void *, habit> &habits = *new std::map<const void *, habit>;

/* Runs the threads of a launch to where they wait for earlier kernels. */
static void begin_early(const kernel_call &call, launched *mine)
{
    grid *g = new grid(make_grid(call));
    size_t together_count = count_together(call);
    mine->lets = mine->lets_at_once = 0;
    mine->begun = g;
    enter(call, mine, *g);
    g->begun.resize(count_blocks(call));
    make_dynamic(g->begun, call);
    waits_for_earlier = true;
    for (size_t i = 0; i < g->begun.size(); i++) {
        together = &g->begun[i / together_count * together_count];
        block_start(g->begun[i], g->turn[i / together_count] * together_count + g->within[i % together_count]);
        run_block(g->begun[i]);
    }
    waits_for_earlier = false;
}

/* Whether a kernel lets the next one begin: each block, or (`at_once`) each before it waits for earlier ones. */
static bool lets(const launched *one, bool at_once)
{
    auto h = habits.find(one->function);
    return h != habits.end() && (at_once ? h->second.lets_at_once : h->second.lets);
}

void begin_those_behind(launched *first, const std::function<launched *(size_t)> &behind)
{
    if (watched || !laziness()) return;
    bool at_once = false;
    for (size_t i = 0; first && lets(first, at_once); i++, at_once = true) {
        launched *next = behind(i);
        if (!next || !next->early || next->begun || next->front != first) return;
        first->relied_upon = true;
        if (next->begin) next->begin();
        first = next;
    }
}

static void run_kernel(const kernel_call &call, launched *mine, const launched *front)
{
    static std::vector<device_block> &kept = *new std::vector<device_block>; /* for their memory */
    size_t count = count_blocks(call), resident = count_together(call);
    grid *begun = mine->begun, made;
    begin_launch(call, mine, front);
    if (!begun) {
        made = make_grid(call);
        mine->lets = mine->lets_at_once = 0;
        if (kept.size() < resident) kept.resize(resident);
        make_dynamic(kept, call);
    }
    const grid &g = begun ? *begun : made;
    enter(call, mine, g);
    races_begin(mine, count);
    for (size_t i = 0; i < g.turn.size(); i++)
        run_together(begun ? &begun->begun[i * resident] : kept.data(), begun != nullptr, g.turn[i] * resident, g.within);
    free_dynamic(begun ? begun->begun : kept);
    races_end();
    if (mine->relied_upon && mine->lets < count) die("kernel %s lets later kernels begin, but not in every launch", call.name);
    mine->relied_upon = false;
    mine->lets_all_at_once = mine->lets_at_once == count;
    habits[call.function] = {mine->lets == count, mine->lets_all_at_once};
    mine->begun = nullptr;
    if (begun) delete_grid(begun);
}

/* ---- launches ---- */

static cudaError_t check_launch(const kernel_call &call)
{
    const dim3 &g = call.grid, &b = call.block;
    uint64_t threads = threads_of(call);
    if (!threads || b.x > 1024 || b.y > 1024 || b.z > 64 || threads > 1024) return cudaErrorInvalidConfiguration;
    if (!g.x || !g.y || !g.z || g.x > 0x7fffffff || g.y > 65535 || g.z > 65535) return cudaErrorInvalidConfiguration;
    if (call.shared > dynamic_shared_limit(call.function)) return cudaErrorInvalidValue;
    if ((call.way.early || call.way.cluster) && (capability() < 9 || call.way.cooperative)) return cudaErrorNotSupported;
    if (call.way.cluster && (call.way.cluster > 8 || g.x % call.way.cluster || g.y != 1 || g.z != 1))
        return cudaErrorInvalidClusterSize;
    if (call.way.cooperative &&
        (uint64_t)g.x * g.y * g.z > (uint64_t)multiprocessors() * (uint64_t)blocks_per_multiprocessor((int)threads, call.shared))
        return cudaErrorCooperativeLaunchTooLarge;
    return cudaSuccess;
}

/* Two of them that run at once might each hold a part of the device and wait for the rest for ever: one that could begin before
 * an earlier one is done is an error. */
static cudaError_t enqueue_cooperative(const char *name, const work &run, cudaStream_t stream,
                                       const std::shared_ptr<launched> &mine)
{
    static std::set<uint64_t> &pending = *new std::set<uint64_t>;
    static uint64_t launches;
    uint64_t number = ++launches;
    pending.insert(number);
    work alone = [=] {
        if (*pending.begin() != number) die("cooperative launch of %s: an earlier one, in another stream, may not be done", name);
        run();
        pending.erase(number);
    };
    cudaError_t error = enqueue(stream, cudaGraphNodeTypeKernel, alone, mine);
    if (error) pending.erase(number);
    return error;
}

cudaError_t launch_kernel(const kernel_call &call, cudaStream_t stream, const void *const *pointers, size_t count)
{
    locked guard(lock());
    if (call_fails("launch of ", call.name)) return remember(cudaErrorLaunchOutOfResources);
    cudaError_t error = check_launch(call);
    if (error) return remember(error);
    for (size_t i = 0; i < count; i++)
        if (pointers[i] && !is_device(pointers[i], 0) && !is_pinned(pointers[i], 0))
            die("launch of %s: argument %zu is no device memory", call.name, i + 1);
    std::shared_ptr<launched> mine = std::make_shared<launched>(), front = kernel_in_front(stream);
    launched *itself = mine.get();
    mine->name = call.name;
    mine->function = call.function;
    mine->early = call.way.early;
    mine->front = front.get();
    if (call.way.early && count_blocks(call) * threads_of(call) <= MAX_BEGUN) mine->begin = [=] { begin_early(call, itself); };
    work run = [=] { run_kernel(call, itself, front.get()); };
    if (call.way.cooperative && !is_capturing(stream)) return enqueue_cooperative(call.name, run, stream, mine);
    return enqueue(stream, cudaGraphNodeTypeKernel, run, mine);
}
} // namespace emulator
