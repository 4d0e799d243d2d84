/* Runs the threads of a block: one after another on one fiber until one of them must wait; that one keeps the fiber, and the rest
 * go on with another. */
#include "execute.h"
#include "races.h"

uint3 threadIdx, blockIdx;
dim3 blockDim, gridDim;

namespace emulator
{
static const size_t STATIC_SHARED_LIMIT = 48 * 1024; /* bytes; nvcc refuses more */

const kernel_call *kernel;
launched *launch;
bool waits_for_earlier;
device_block *B;
device_block *together;
std::vector<unsigned> order;
std::vector<uint3> ids;
static unsigned current; /* the thread of B that runs */
static size_t reached;   /* place in `order` of the thread that goes on; its end while threads begin */
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
    const unsigned *turn = order.data();
    size_t at = reached, end = order.size();
    while (at < end && threads[turn[at]].state != READY) at++;
    reached = at;
    if (at == end) return false;
    current = turn[at];
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

void let_go(thread_state state)
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

void run_block(device_block &b)
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

void block_start(device_block &b, size_t number)
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

void block_end(device_block &b)
{
    if (!b.copies.empty()) die_here("a thread returned without copy_async_wait()");
}
} // namespace emulator
