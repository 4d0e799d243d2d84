/* Kernels for the test of races.cpp, each sound or with one of its planted bugs. Launchers return the launch's error and do not
 * wait. */
#ifndef CUSGD_EMULATOR_PLANTED_RACES_H
#define CUSGD_EMULATOR_PLANTED_RACES_H

#include <cuda_runtime_api.h>

#ifdef __cplusplus
extern "C" {
#endif

enum { RACE_VALUES = 64, RACE_BLOCKS = 4 };

typedef enum race_fault {
    RACE_NONE,
    RACE_NO_RELEASE, /* no fence between what is written and the flag or ticket that says so */
    RACE_NO_ACQUIRE, /* no fence between the flag or ticket and what it is about */
    RACE_PLAIN_FLAG, /* the flag is looked at by a plain load */
    RACE_PLAIN_TOLD, /* the flag is raised by a plain store */
    RACE_NO_BARRIER, /* no barrier between the blocks */
    RACE_LATE,       /* the barrier stands behind what needs it */
    RACE_EARLY_READ, /* a read before wait_for_earlier() */
    RACE_EARLY_WRITE /* a write before it */
} race_fault;

/* x, y, z: RACE_VALUES floats; flags: RACE_BLOCKS zeros. */
/* The first block writes x = 1, the second reads it when a flag is up: y = x. */
cudaError_t race_flag(float *x, float *y, unsigned *flags, race_fault fault, cudaStream_t s);
/* x = 1, by RACE_BLOCKS blocks; the last to take a ticket adds it up: y[0] = RACE_VALUES, and y[1] counts it. */
cudaError_t race_ticket(float *x, float *y, unsigned *flags, race_fault fault, cudaStream_t s);
/* x = 1, a share a block, then y = x, the share of the block before; by grid_sync(), grid_barrier() or in a cluster. */
typedef enum race_meeting { RACE_GRID, RACE_FLAGS, RACE_CLUSTER } race_meeting;
cudaError_t race_meet(float *x, float *y, unsigned *flags, race_meeting meeting, race_fault fault, cudaStream_t s);
/* Three kernels: y = x + 1; another one, which does nothing, but lets the next one begin before (`at_once`) or after it has
 * waited; z = y. The last is the faulty one: it reads y too early, or writes x, and if `second` is not set is launched right
 * behind the first. */
cudaError_t race_early(float *x, float *y, float *z, int second, int at_once, race_fault fault, cudaStream_t s);

#ifdef __cplusplus
}
#endif
#endif
