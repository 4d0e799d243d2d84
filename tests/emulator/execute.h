/* A block of threads in execution, which execute.cpp runs and grids.cpp starts. */
#ifndef CUSGD_EMULATOR_EXECUTE_H
#define CUSGD_EMULATOR_EXECUTE_H

#include "emulator.h"
#include "fiber.h"
#include "internal.h"
#include "port.h"
#include <vector>

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

extern const kernel_call *kernel;
extern launched *launch;            /* of it */
extern bool waits_for_earlier;      /* it has begun early: its threads run to where they wait for earlier kernels */
extern device_block *B;             /* the block that runs */
extern device_block *together;      /* those that run at once, it among them: of a grid, or of a cluster */
extern std::vector<unsigned> order; /* in which threads begin and go on */
extern std::vector<uint3> ids;      /* of the threads, by number */

void block_start(device_block &b, size_t number);
/* Until every thread of the block has returned, or waits for other blocks. One that lets others run keeps its block waiting. */
void run_block(device_block &b);
void block_end(device_block &b);
/* Lets those threads of B go on that are in this state. */
void let_go(thread_state state);
} // namespace emulator
#endif
