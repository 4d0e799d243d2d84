/* What of the accesses to device memory is ordered by more than chance. A GPU's blocks see each other's plain writes only through
 * a release on one side (a fence or a barrier after the writes, then a strong write: an atomic operation, a volatile store) and
 * an acquire on the other (a strong read of that, then a fence or a barrier before the reads), since each multiprocessor keeps
 * copies of what its blocks have read; and a kernel that is launched early sees what the kernels in front of it write only after
 * it has waited for them. Two accesses to the same 4 bytes of which one is a write, and which nothing of that kind puts in order,
 * end the process with a message, whatever the order in which they were made here.
 *
 * It needs kernels that say what they access: those compiled with the compiler's instrumentation for ThreadSanitizer, whose calls
 * instrument.cpp answers. Elsewhere all of this does nothing. */
#ifndef CUSGD_EMULATOR_RACES_H
#define CUSGD_EMULATOR_RACES_H

#include <cstddef>
#include <functional>
#include <vector>

namespace emulator
{
struct grid; /* grids.cpp */

struct launch_name {
    unsigned number; /* of all launches that have begun, from 1 */
    const char *name;
};

/* A kernel in a stream; in a graph, its last run. */
struct launched {
    unsigned number; /* 0: it has not begun */
    const char *name;
    const void *function;
    bool early;
    const launched *front;               /* the one before it in the stream: may be gone */
    size_t lets, lets_at_once;           /* blocks that let later kernels begin; before they had waited for earlier ones */
    bool lets_all_at_once;               /* so did all of its last run */
    std::vector<launch_name> concurrent; /* the kernels that may still run while it does not wait for earlier ones */
    std::function<void()> begin;         /* runs it to where it waits for earlier kernels; empty: it is too large for that */
    grid *begun;                         /* where that has been done */
    bool relied_upon;                    /* to let the next one begin, which has begun */
};

/* Set where the kernels are instrumented. */
extern bool watched;

/* Device memory that is watched; NULL: there is no more. */
void *watched_memory(size_t bytes);
void watched_memory_free(void *p, size_t bytes);

/* A launch of so many blocks begins, and ends. */
void races_begin(const launched *launch, size_t blocks);
void races_end();
/* The running block accesses n bytes at p. Strong: an atomic, volatile, acquiring or releasing access. */
void races_access(const void *p, size_t n, bool writes);
void races_strong_read(const void *p, size_t n, bool acquires);
void races_strong_write(const void *p, size_t n, bool releases, bool exchanges);
void races_fence();
/* Until the other call, accesses are not looked at. */
void races_pause(bool pauses);
/* These blocks have met at a barrier. */
void races_join(const std::vector<size_t> &blocks);

/* execute.cpp: the block that runs, and whether its thread still has to wait for earlier kernels; the process ends with the
 * place. */
size_t running_block();
bool runs_early();
[[noreturn]] void die_in_kernel(const char *why);
} // namespace emulator

#endif
