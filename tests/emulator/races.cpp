/* Vector clocks, one a block, after FastTrack (Flanagan and Freund, 2009); fences as in C++'s memory model. A block counts as one
 * sequence, in the order in which its threads run here. What is kept of each 4 bytes of device memory: the last write, and the
 * last read, or the last one of each block that has read them in this launch. */
#include "races.h"
#include "internal.h"
#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <sys/mman.h>
#include <unordered_map>

namespace emulator
{
bool watched;

/* ---- memory: one range of addresses, none of which is used twice ---- */

struct access_stamp {
    unsigned launch, block; /* launch 0: never */
    unsigned time : 30, strong : 1, early : 1;
};

struct granule {
    access_stamp written, read;
    unsigned readers; /* where `pool` has their times, plus 1; 0: `read` is all */
};

static const size_t ARENA = (size_t)32 << 30, PAGE = 4096, GRANULE = 4; /* bytes */
static char *arena;
static granule *granules;
static size_t arena_used;

static void *reserve(size_t bytes)
{
    void *p = mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (p == MAP_FAILED) die("no addresses for watched memory");
    madvise(p, bytes, MADV_DONTDUMP);
    return p;
}

void *watched_memory(size_t bytes)
{
    if (!arena) {
        arena = (char *)reserve(ARENA);
        granules = (granule *)reserve(ARENA / GRANULE * sizeof *granules);
    }
    size_t room = (bytes + PAGE - 1) / PAGE * PAGE;
    if (room > ARENA - arena_used) return nullptr;
    arena_used += room;
    return arena + (arena_used - room);
}

void watched_memory_free(void *p, size_t bytes)
{
    size_t room = (bytes + PAGE - 1) / PAGE * PAGE, first = (size_t)((char *)p - arena) / GRANULE;
    char *from = (char *)(granules + first), *to = (char *)(granules + first + room / GRANULE);
    madvise(p, room, MADV_DONTNEED);
    from += (PAGE - (size_t)from % PAGE) % PAGE;
    to -= (size_t)to % PAGE;
    if (to > from) madvise(from, (size_t)(to - from), MADV_DONTNEED);
}

/* ---- clocks ---- */

typedef std::vector<unsigned> clocks; /* by block: its accesses of earlier times are known; empty: none is */

struct block_clocks {
    unsigned time;
    clocks known;  /* what comes before all that the block now does */
    clocks seen;   /* will be known after the next fence */
    clocks fenced; /* was known at the last fence, itself included */
};

static const size_t MAX_READERS = 4096; /* blocks of a launch; in larger ones the last reader alone is kept */
static const launched *now;
static size_t block_count;
static bool paused;
static std::vector<block_clocks> &blocks = *new std::vector<block_clocks>;
static std::unordered_map<const void *, clocks> &places = *new std::unordered_map<const void *, clocks>; /* written strongly */
static std::vector<unsigned> &pool = *new std::vector<unsigned>; /* of each granule with several readers: by block, time + 1 */

static void learn(clocks &to, const clocks &from)
{
    if (from.empty()) return;
    if (to.empty()) to.resize(block_count);
    for (size_t b = 0; b < block_count; b++) to[b] = std::max(to[b], from[b]);
}

static unsigned at(const clocks &c, size_t block) { return c.empty() ? 0 : c[block]; }

/* What is known to a block once all that it has done is known too; its clock moves on. */
static clocks publish(size_t block)
{
    block_clocks &b = blocks[block];
    clocks c = b.known;
    if (c.empty()) c.resize(block_count);
    c[block] = ++b.time;
    return c;
}

void races_begin(const launched *launch, size_t count)
{
    if (!watched) return;
    now = launch;
    block_count = count;
    blocks.assign(count, block_clocks());
    places.clear();
    pool.clear();
}

void races_end() { now = nullptr; }

void races_pause(bool pauses) { paused = pauses; }

void races_fence()
{
    if (!now) return;
    block_clocks &b = blocks[running_block()];
    learn(b.known, b.seen);
    b.fenced = publish(running_block());
}

void races_join(const std::vector<size_t> &joined)
{
    if (!now || joined.size() < 2) return;
    clocks all(block_count);
    for (size_t b : joined) {
        learn(all, blocks[b].known);
        learn(all, blocks[b].seen);
        all[b] = ++blocks[b].time;
    }
    for (size_t b : joined) blocks[b].known = blocks[b].fenced = all;
}

/* ---- accesses ---- */

static bool is_concurrent(unsigned launch)
{
    for (const launch_name &l : now->concurrent)
        if (l.number == launch) return true;
    return false;
}

static const char *name_of(unsigned launch)
{
    for (const launch_name &l : now->concurrent)
        if (l.number == launch) return l.name;
    return now->name;
}

[[noreturn]] static void race(const granule *g, const access_stamp &before, bool writes, bool before_wrote)
{
    char why[300];
    const char *what = writes ? "writes" : "reads", *did = before_wrote ? "writes" : "reads";
    const void *p = arena + (size_t)(g - granules) * GRANULE;
    if (before.launch != now->number)
        snprintf(why, sizeof why, "race: before wait_for_earlier() it %s device memory at %p, which kernel %s in front of it %s",
                 what, p, name_of(before.launch), did);
    else
        snprintf(why, sizeof why,
                 "race: it %s device memory at %p, which block %u of the same launch %s, and no fence or barrier stands between",
                 what, p, before.block, did);
    die_in_kernel(why);
}

/* The access comes before what the running block now does. Strong: through the caches, so that no fence has to stand before a
 * read. */
static bool is_before(const access_stamp &s, bool strong)
{
    if (s.launch != now->number) return !s.launch || now->concurrent.empty() || !runs_early() || !is_concurrent(s.launch);
    size_t me = running_block();
    if (s.block == me) return true;
    const block_clocks &b = blocks[me];
    return s.time < at(b.known, s.block) || (strong && s.time < at(b.seen, s.block));
}

static access_stamp stamp(bool strong)
{
    size_t me = running_block();
    return {now->number, (unsigned)me, blocks[me].time & 0x3fffffff, strong, false};
}

static void remember_read(granule &g)
{
    access_stamp s = stamp(false);
    bool mine = g.read.launch == s.launch;
    if (!mine) g.readers = 0;
    if (mine && !g.readers && g.read.block != s.block && block_count <= MAX_READERS) {
        g.readers = (unsigned)pool.size() + 1;
        pool.resize(pool.size() + block_count);
        pool[g.readers - 1 + g.read.block] = g.read.time + 1;
    }
    if (g.readers) pool[g.readers - 1 + s.block] = s.time + 1;
    g.read = s;
}

static void check_readers(const granule &g)
{
    if (!is_before(g.read, false)) race(&g, g.read, true, false);
    if (!g.readers || g.read.launch != now->number) return;
    for (size_t b = 0; b < block_count; b++) {
        unsigned time = pool[g.readers - 1 + b];
        access_stamp s = {now->number, (unsigned)b, (time - 1) & 0x3fffffff, false, false};
        if (time && !is_before(s, false)) race(&g, s, true, false);
    }
}

/* The granules of n bytes at p, or none: what is smaller than one is not watched, nor is what is no device memory. */
static granule *granules_at(const void *p, size_t n, size_t *count)
{
    size_t offset = (size_t)p - (size_t)arena;
    *count = 0;
    if (!now || paused || n < GRANULE || offset >= arena_used) return nullptr;
    *count = (n + GRANULE - 1) / GRANULE;
    return granules + offset / GRANULE;
}

void races_access(const void *p, size_t n, bool writes)
{
    size_t count;
    granule *g = granules_at(p, n, &count);
    for (size_t i = 0; i < count; i++) {
        if (!is_before(g[i].written, false)) race(&g[i], g[i].written, writes, true);
        if (writes) {
            check_readers(g[i]);
            g[i].written = stamp(false);
        } else {
            remember_read(g[i]);
        }
    }
}

void races_strong_read(const void *p, size_t n, bool acquires)
{
    size_t count;
    granule *g = granules_at(p, n, &count);
    if (!count) return;
    block_clocks &b = blocks[running_block()];
    auto place = places.find(p);
    if (place != places.end()) learn(acquires ? b.known : b.seen, place->second);
    for (size_t i = 0; i < count; i++)
        if (!(g[i].written.strong && g[i].written.launch == now->number) && !is_before(g[i].written, true))
            race(&g[i], g[i].written, false, true);
}

void races_strong_write(const void *p, size_t n, bool releases, bool exchanges)
{
    size_t count;
    granule *g = granules_at(p, n, &count);
    if (!count) return;
    for (size_t i = 0; i < count; i++) {
        if (!(g[i].written.strong && g[i].written.launch == now->number) && !is_before(g[i].written, true))
            race(&g[i], g[i].written, true, true);
        check_readers(g[i]);
        g[i].written = stamp(true);
    }
    size_t me = running_block();
    clocks passed = releases ? publish(me) : blocks[me].fenced;
    if (exchanges)
        learn(places[p], passed);
    else
        places[p] = passed;
}
} // namespace emulator
