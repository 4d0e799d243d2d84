/* Runs a kernel: the blocks one after another (those of a cluster, or all of a cooperative launch, at once), a block's threads
 * one after another on one fiber until one of them must wait; that one keeps the fiber, and the rest go on with another. */
#include "emulator.h"
#include "fiber.h"
#include "internal.h"
#include "port.h"
#include "races.h"
#include <set>
#include <vector>

uint3 threadIdx, blockIdx;
dim3 blockDim, gridDim;

namespace emulator
{
enum thread_state : unsigned char { READY, AT_BLOCK, AT_OTHERS, AT_WARP, LOOKING, AT_EARLIER, DONE };
enum exchange_kind : unsigned char { SYNC, SHUFFLE, BALLOT };

struct device_thread {
    fiber *suspended;
    int line; /* of the barrier it waits at */
    thread_state state;
    bool waited;           /* it has called wait_for_earlier() */
    const void *looked_at; /* by load_acquire() */
};

/* Lanes that wait, and what each brought: they go on when all living lanes of their mask have come. */
struct warp {
    unsigned live, waiting; /* bits of lanes */
    bool mixed;             /* those that wait do not all have one mask: parted lanes meet in groups */
    unsigned mask[32], source[32];
    exchange_kind kind[32];
    uint64_t value[32], result[32];
};

struct shared_slot {
    void *memory;
    size_t bytes;
    uint64_t generation; /* of the block for which it was filled last */
};

struct pending_copy {
    unsigned thread;
    void *to;
    const void *from;
    size_t bytes;
};

struct device_block {
    uint3 id;
    size_t number; /* in the grid */
    uint64_t generation;
    unsigned count, next;               /* threads; position in the order of the next to begin */
    unsigned live, at_block, at_others; /* threads not DONE; waiting for the block; for other blocks */
    unsigned looking;                   /* let the other blocks run, then go on */
    bool all, all_met;                  /* of barrier_block_and(): of the threads that have come; of the last one */
    bool let;                           /* it has let later kernels begin */
    int block_line, others_line;        /* of the barrier at which they wait */
    bool met;                           /* other blocks, at a barrier */
    size_t static_bytes;
    std::vector<device_thread> threads;
    std::vector<warp> warps;
    std::vector<shared_slot> shared; /* by site */
    std::vector<pending_copy> copies;
    void *dynamic;
};

static const size_t STATIC_SHARED_LIMIT = 48 * 1024; /* bytes; nvcc refuses more */

static const kernel_call *kernel;
static launched *launch;            /* of it */
static bool waits_for_earlier;      /* it has begun early: its threads run to where they wait for earlier kernels */
static device_block *B;             /* the block that runs */
static device_block *together;      /* those that run at once, it among them: of a grid, or of a cluster */
static unsigned current;            /* its thread that runs */
static std::vector<unsigned> order; /* in which threads begin and go on */
static size_t reached;              /* place in it of the thread that goes on; its end while threads begin */
static std::vector<uint3> ids;      /* of the threads, by number */
static uint64_t generations;
static unsigned sites;

size_t running_block() { return B->number; }
bool runs_early() { return kernel->way.early && !B->threads[current].waited; }

static void append(std::string *message, const char *format, unsigned thread, unsigned what)
{
    char text[100];
    uint3 t = ids[thread];
    snprintf(text, sizeof text, format, t.x, t.y, t.z, what);
    *message += text;
}

/* Ends the process with the place, and with one thread that waits at each kind of barrier. */
[[noreturn]] static void die_here(const char *why)
{
    std::string waiting[2];
    uint3 t = ids[current];
    for (unsigned i = 0; i < B->count; i++) {
        const device_thread &other = B->threads[i];
        if (i == current) continue;
        if ((other.state == AT_BLOCK || other.state == AT_OTHERS) && waiting[0].empty())
            append(&waiting[0], "; thread (%u,%u,%u) waits at the barrier of line %u", i, (unsigned)other.line);
        if (other.state == AT_WARP && waiting[1].empty())
            append(&waiting[1], "; thread (%u,%u,%u) waits for lanes %08x of its warp", i, B->warps[i / 32].mask[i % 32]);
    }
    die("%s: kernel %s, block (%u,%u,%u), thread (%u,%u,%u)%s%s", why, kernel->name, B->id.x, B->id.y, B->id.z, t.x, t.y, t.z,
        waiting[0].c_str(), waiting[1].c_str());
}

void die_in_kernel(const char *why) { die_here(why); }

void trap(int line)
{
    char why[40];
    snprintf(why, sizeof why, "__trap() at line %d", line);
    die_here(why);
}

/* ---- waiting ---- */

/* Moves `reached` on to the next thread that can go on, which then is the current one; false at the order's end. */
static bool find_ready()
{
    const device_thread *threads = B->threads.data();
    while (reached < order.size() && threads[order[reached]].state != READY) reached++;
    if (reached == order.size()) return false;
    current = order[reached];
    threadIdx = ids[current];
    return true;
}

static void wait_in(thread_state state, int line)
{
    device_thread &t = B->threads[current];
    t.state = state;
    t.line = line;
    t.suspended = fiber_current();
    if (find_ready())
        fiber_pass(B->threads[current].suspended);
    else
        fiber_suspend();
}

static void let_go(thread_state state)
{
    for (device_thread &t : B->threads)
        if (t.state == state) t.state = READY;
}

void barrier_block(int line)
{
    device_block &b = *B;
    if (b.live < b.count) die_here("barrier divergence (a thread reached __syncthreads after another had returned)");
    if (b.at_block && b.block_line != line) die_here("barrier divergence (threads meet at two different __syncthreads)");
    if (b.at_block + 1 == b.count) {
        b.at_block = 0;
        let_go(AT_BLOCK);
        return;
    }
    b.at_block++;
    b.block_line = line;
    wait_in(AT_BLOCK, line);
}

bool barrier_block_and(int line, bool value)
{
    device_block &b = *B;
    b.all = b.all && value;
    if (b.at_block + 1 == b.count) {
        b.all_met = b.all;
        b.all = true;
    }
    barrier_block(line);
    return b.all_met;
}

static void meet_others(int line)
{
    device_block &b = *B;
    if (b.live < b.count) die_here("barrier divergence (a thread reached grid_sync or cluster_sync after another had returned)");
    if (b.at_others && b.others_line != line)
        die_here("barrier divergence (threads meet at two different grid_sync or cluster_sync)");
    b.at_others++;
    b.others_line = line;
    wait_in(AT_OTHERS, line);
}

void barrier_grid(int line)
{
    if (!kernel->way.cooperative) die_here("grid_sync in a launch that is not cooperative");
    meet_others(line);
}

void barrier_cluster(int line)
{
    if (!kernel->way.cluster) die_here("cluster_sync in a launch without clusters");
    meet_others(line);
}

void let_others_run()
{
    B->looking++;
    wait_in(LOOKING, 0);
}

/* ---- what other blocks see ---- */

void fence() { races_fence(); }

void read_strong(const void *p, void *to, size_t bytes)
{
    races_strong_read(p, bytes, false);
    memcpy(to, p, bytes);
}

void write_strong(void *p, const void *from, size_t bytes)
{
    races_strong_write(p, bytes, false, true);
    memcpy(p, from, bytes);
}

void store_release(unsigned *p, unsigned v)
{
    if (v == missed_barrier() && blockIdx.x == gridDim.x - 1) return;
    races_strong_write(p, sizeof *p, true, false);
    *p = v;
}

/* One that looks again at the same place lets the others run first. */
unsigned load_acquire(const unsigned *p)
{
    device_thread &t = B->threads[current];
    if (t.looked_at == p) let_others_run();
    t.looked_at = p;
    races_strong_read(p, sizeof *p, true);
    return *p;
}

bool assertion_begins()
{
    if (waits_for_earlier) return false;
    races_pause(true);
    return true;
}
void assertion_ends() { races_pause(false); }

/* ---- the kernel before ---- */

void wait_for_earlier()
{
    if (waits_for_earlier) wait_in(AT_EARLIER, 0);
    B->threads[current].waited = true;
}

void let_later_begin()
{
    if (B->let) return;
    B->let = true;
    launch->lets++;
    if (runs_early()) launch->lets_at_once++;
}

void check_fetch(const void *p, size_t bytes)
{
    if ((size_t)p % 16 || bytes % 16 || !bytes) die_here("fetch() of what is no multiple of 16 bytes");
    if (!is_device(p, bytes)) die_here("fetch() of what is not device memory");
}

void check_fetch_line(const void *p)
{
    if (!is_device(p, 1)) die_here("fetch_line() of what is not device memory");
}

/* ---- exchanges ---- */

void exchange_expect(unsigned long long *e, unsigned bytes) { *e = ((*e >> 32) + 1) << 32 | (uint32_t)(*e + bytes); }
void exchange_count(unsigned long long *e, unsigned bytes) { *e = *e >> 32 << 32 | (uint32_t)(*e - bytes); }
void exchange_check(unsigned long long *e, unsigned parity)
{
    if ((uint32_t)*e) die_here("exchange_await() of other bytes than were sent");
    if ((*e >> 32) % 2 == parity) die_here("exchange_await() of a round that has not begun");
}

/* ---- warps ---- */

unsigned lane() { return current % 32; }

/* Lets the lanes of one mask go on, each with its result. A value of a lane that is not there is undefined: all bits set. */
static void warp_release(unsigned w, unsigned group)
{
    warp &W = B->warps[w];
    for (unsigned rest = group; rest; rest &= rest - 1) {
        unsigned l = (unsigned)__builtin_ctz(rest);
        if (W.kind[l] == SHUFFLE) W.result[l] = group >> W.source[l] & 1 ? W.value[W.source[l]] : ~(uint64_t)0;
        if (W.kind[l] == BALLOT) {
            W.result[l] = 0;
            for (unsigned from = group; from; from &= from - 1)
                W.result[l] |= W.value[__builtin_ctz(from)] << __builtin_ctz(from);
        }
        device_thread &t = B->threads[w * 32 + l];
        if (t.state == AT_WARP) t.state = READY;
    }
    W.waiting &= ~group;
}

/* The lanes that wait with this mask. */
static unsigned warp_group(const warp &W, unsigned mask)
{
    unsigned group = W.waiting;
    if (!W.mixed) return group;
    for (unsigned rest = W.waiting; rest; rest &= rest - 1)
        if (W.mask[__builtin_ctz(rest)] != mask) group &= ~(rest & -rest);
    return group;
}

static uint64_t warp_meet(unsigned mask, exchange_kind kind, uint64_t value, unsigned source)
{
    unsigned me = current, w = me / 32, l = me % 32, bit = 1u << l;
    warp &W = B->warps[w];
    if (!(mask & bit)) die_here("a lane calls a warp function with a mask that does not name it");
    if (!W.waiting)
        W.mixed = false;
    else if (W.mask[__builtin_ctz(W.waiting)] != mask)
        W.mixed = true;
    W.mask[l] = mask;
    W.kind[l] = kind;
    W.value[l] = value;
    W.source[l] = source;
    W.waiting |= bit;
    unsigned group = warp_group(W, mask);
    if (group & ~bit && W.kind[__builtin_ctz(group & ~bit)] != kind) die_here("lanes of a warp meet in different warp functions");
    if (group == (W.live & mask))
        warp_release(w, group);
    else
        wait_in(AT_WARP, 0);
    return W.result[l];
}

void barrier_warp(unsigned mask) { warp_meet(mask, SYNC, 0, 0); }
uint64_t exchange_warp(unsigned mask, uint64_t value, unsigned source) { return warp_meet(mask, SHUFFLE, value, source); }
unsigned ballot_warp(unsigned mask, bool value) { return (unsigned)warp_meet(mask, BALLOT, value, 0); }

/* ---- shared memory: of its exact size for AddressSanitizer, filled with NaN for each block ---- */

static void *shared_of(device_block &b, unsigned site, size_t bytes)
{
    if (b.shared.size() <= site) b.shared.resize(sites + 1);
    shared_slot &s = b.shared[site];
    if (s.generation == b.generation) return s.memory;
    if (!s.memory && posix_memalign(&s.memory, 16, bytes)) die("out of host memory");
    s.bytes = bytes;
    s.generation = b.generation;
    memset(s.memory, 0xff, bytes);
    b.static_bytes += bytes;
    if (b.static_bytes > STATIC_SHARED_LIMIT) die_here("more than 48 KiB of static shared memory");
    if (b.static_bytes + kernel->shared > dynamic_shared_limit(nullptr)) die_here("more shared memory than a block can have");
    return s.memory;
}

void *shared_variable(unsigned *site, size_t bytes)
{
    if (!*site) *site = ++sites;
    return shared_of(*B, *site, bytes);
}

void *shared_dynamic() { return B->dynamic; }

/* Where `to` has what stands at `at` bytes behind `from` in the running block's memory. */
static void *moved(void *to, const void *from, const void *at) { return (char *)to + ((const char *)at - (const char *)from); }
static bool is_within(const void *p, const void *from, size_t bytes)
{
    return (const char *)p >= (const char *)from && (const char *)p < (const char *)from + bytes;
}

void *map_cluster(void *p, unsigned rank)
{
    unsigned size = kernel->way.cluster, other = 0;
    if (rank >= size) die_here("of_cluster of a rank beyond the cluster");
    while (together[other].id.x % size != rank) other++;
    device_block &to = together[other];
    if (!B->met) die_here("another block's shared memory is used before the cluster's first cluster_sync");
    if (!to.live) die_here("another block's shared memory is used after that block has returned");
    if (is_within(p, B->dynamic, kernel->shared)) return moved(to.dynamic, B->dynamic, p);
    for (unsigned site = 1; site < B->shared.size(); site++) {
        const shared_slot &s = B->shared[site];
        if (s.generation == B->generation && is_within(p, s.memory, s.bytes))
            return moved(shared_of(to, site, s.bytes), s.memory, p);
    }
    die_here("of_cluster of what is not the block's shared memory");
}

/* As late as is allowed: a kernel that does not wait reads NaN. */
void copy_later(void *shared, const void *global, size_t bytes)
{
    races_access(global, bytes, false);
    B->copies.push_back({current, shared, global, bytes});
}

void copy_now()
{
    std::vector<pending_copy> &copies = B->copies;
    size_t kept = 0;
    for (const pending_copy &c : copies) {
        if (c.thread != current) {
            copies[kept++] = c;
            continue;
        }
        races_access(c.from, c.bytes, false);
        memcpy(c.to, c.from, c.bytes);
    }
    copies.resize(kept);
}

/* ---- blocks ---- */

/* A thread has returned while others of its block wait: for lanes of its warp they may, at a barrier they may not. */
static void others_wait(unsigned i)
{
    warp &W = B->warps[i / 32];
    if (B->at_block) die_here("barrier divergence (a thread returned while others wait at __syncthreads)");
    if (B->at_others) die_here("barrier divergence (a thread returned while others wait at grid_sync or cluster_sync)");
    for (unsigned l = 0; W.waiting && l < 32; l++) { /* those that waited for this lane alone go on without it */
        if (!(W.waiting >> l & 1)) continue;
        unsigned group = warp_group(W, W.mask[l]);
        if (group == (W.live & W.mask[l])) warp_release(i / 32, group);
    }
}

/* Runs threads to their end, one after another, from the next that has not begun. A thread that waits takes this fiber with it.
 */
static void run_threads()
{
    device_block &b = *B;
    device_thread *threads = b.threads.data();
    warp *warps = b.warps.data();
    const unsigned *turn = order.data();
    const uint3 *id = ids.data();
    const void *arguments = kernel->kernel_and_arguments.get();
    while (b.next < b.count) {
        unsigned i = turn[b.next++];
        warp &W = warps[i / 32];
        current = i;
        threadIdx = id[i];
        kernel->run(arguments);
        if (kernel->way.early && !threads[i].waited) die_here("a thread of an early launch returned without wait_for_earlier()");
        threads[i].state = DONE;
        b.live--;
        W.live &= ~(1u << i % 32);
        if (b.at_block | b.at_others | W.waiting) others_wait(i);
    }
}

/* Until every thread of the block has returned, or waits for other blocks. One that lets others run keeps its block waiting. */
static void run_block(device_block &b)
{
    B = &b;
    blockIdx = b.id;
    reached = order.size();
    while (b.next < b.count) fiber_start(run_threads);
    while (b.live > b.at_others) {
        bool moved = false;
        for (reached = 0; find_ready(); moved = true) fiber_resume(b.threads[current].suspended);
        if (!moved && (b.looking || waits_for_earlier)) return;
        if (!moved) {
            while (b.threads[current].state == DONE || b.threads[current].state == AT_OTHERS) current = (current + 1) % b.count;
            die_here("barrier divergence (no thread of the block can go on)");
        }
    }
}

static void block_start(device_block &b, size_t number)
{
    const dim3 &g = kernel->grid;
    b.number = number;
    b.id.x = (unsigned)(number % g.x);
    b.id.y = (unsigned)(number / g.x % g.y);
    b.id.z = (unsigned)(number / g.x / g.y);
    b.generation = ++generations;
    b.count = b.live = (unsigned)ids.size();
    b.next = b.at_block = b.at_others = b.looking = 0;
    b.met = b.let = false;
    b.all = true;
    b.static_bytes = 0;
    b.threads.assign(b.count, device_thread());
    b.warps.resize((b.count + 31) / 32);
    for (size_t w = 0; w < b.warps.size(); w++) {
        unsigned lanes = std::min(32u, b.count - (unsigned)w * 32);
        b.warps[w].live = (unsigned)(((uint64_t)1 << lanes) - 1);
        b.warps[w].waiting = 0;
    }
    if (kernel->shared) memset(b.dynamic, 0xff, kernel->shared);
}

static void block_end(device_block &b)
{
    if (!b.copies.empty()) die_here("a thread returned without copy_async_wait()");
}

/* ---- grids ---- */

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
        if (waiting % count) die_here("barrier divergence (some blocks wait at grid_sync or cluster_sync, others have returned)");
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

/* Beside which kernels this one may run while it has not waited for them: the one in front of it, and those beside which that
 * one ran when it let this one begin. */
static void begin_launch(const kernel_call &call, launched *mine, const launched *front)
{
    static unsigned launches;
    mine->number = ++launches;
    mine->beside.clear();
    if (call.way.early && front && front->number) {
        mine->beside.push_back({front->number, front->name});
        if (front->lets_all_at_once) mine->beside.insert(mine->beside.end(), front->beside.begin(), front->beside.end());
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
