#include "planted_races.h"
#include "port.h"

enum { EACH = RACE_VALUES / RACE_BLOCKS };

__global__ static void flag_kernel(float *x, float *y, unsigned *flags, race_fault fault)
{
    volatile unsigned *flag = flags;
    if (threadIdx.x > 0) return;
    if (blockIdx.x == 0) {
        for (int i = 0; i < RACE_VALUES; i++) x[i] = 1;
        if (fault != RACE_NO_RELEASE) __threadfence();
        if (fault == RACE_PLAIN_TOLD)
            flags[0] = 1;
        else
            *flag = 1;
        return;
    }
    if (fault == RACE_PLAIN_FLAG)
        while (flags[0] == 0) emulator::let_others_run();
    else
        while (*flag == 0) emulator::let_others_run();
    if (fault != RACE_NO_ACQUIRE) __threadfence();
    for (int i = 0; i < RACE_VALUES; i++) y[i] = x[i];
}
cudaError_t race_flag(float *x, float *y, unsigned *flags, race_fault fault, cudaStream_t s)
{
    return LAUNCH_COOPERATIVE(flag_kernel, dim3(2), dim3(32), 0, s, x, y, flags, fault);
}

__global__ static void ticket_kernel(float *x, float *y, unsigned *flags, race_fault fault)
{
    SHARED(unsigned, ticket, 1);
    x[blockIdx.x * EACH + threadIdx.x] = 1;
    __syncthreads();
    if (threadIdx.x == 0) {
        if (fault != RACE_NO_RELEASE) __threadfence();
        ticket[0] = atomicAdd(flags, 1u);
    }
    __syncthreads();
    if (ticket[0] != gridDim.x - 1) return;
    if (fault != RACE_NO_ACQUIRE) __threadfence();
    if (threadIdx.x > 0) return;
    float sum = 0;
    for (int i = 0; i < RACE_VALUES; i++) sum += x[i];
    y[0] = sum;
    y[1] = 1;
    flags[0] = 0;
}
cudaError_t race_ticket(float *x, float *y, unsigned *flags, race_fault fault, cudaStream_t s)
{
    return LAUNCH(ticket_kernel, dim3(RACE_BLOCKS), dim3(EACH), 0, s, x, y, flags, fault);
}

__device__ static void meet(unsigned *flags, race_meeting meeting)
{
    if (meeting == RACE_GRID) grid_sync();
    if (meeting == RACE_FLAGS) grid_barrier(flags, 1);
    if (meeting == RACE_CLUSTER) cluster_sync();
}
__global__ static void meet_kernel(float *x, float *y, unsigned *flags, race_meeting meeting, race_fault fault)
{
    unsigned other = (blockIdx.x + gridDim.x - 1) % gridDim.x;
    x[blockIdx.x * EACH + threadIdx.x] = 1;
    if (fault == RACE_NONE) meet(flags, meeting);
    y[blockIdx.x * EACH + threadIdx.x] = x[other * EACH + threadIdx.x];
    if (fault == RACE_LATE) meet(flags, meeting);
}
cudaError_t race_meet(float *x, float *y, unsigned *flags, race_meeting meeting, race_fault fault, cudaStream_t s)
{
    launch_way way = {meeting != RACE_CLUSTER, false, meeting == RACE_CLUSTER ? (unsigned)RACE_BLOCKS : 0u};
    return LAUNCH_AS(way, meet_kernel, dim3(RACE_BLOCKS), dim3(EACH), 0, s, x, y, flags, meeting, fault);
}

__global__ static void front_kernel(const float *x, float *y)
{
    wait_for_earlier();
    let_later_begin();
    y[blockIdx.x * EACH + threadIdx.x] = x[blockIdx.x * EACH + threadIdx.x] + 1;
}
__global__ static void between_kernel(int at_once)
{
    if (at_once) let_later_begin();
    wait_for_earlier();
    let_later_begin();
}
__global__ static void behind_kernel(float *x, const float *y, float *z, race_fault fault)
{
    unsigned i = blockIdx.x * EACH + threadIdx.x;
    float early = fault == RACE_EARLY_READ ? y[i] : 0;
    if (fault == RACE_EARLY_WRITE) x[i] = 0;
    wait_for_earlier();
    let_later_begin();
    z[i] = fault == RACE_EARLY_READ ? early : y[i];
}
cudaError_t race_early(float *x, float *y, float *z, int second, int at_once, race_fault fault, cudaStream_t s)
{
    launch_way way = {false, true, 0};
    cudaError_t error = LAUNCH_AS(way, front_kernel, dim3(RACE_BLOCKS), dim3(EACH), 0, s, x, y);
    if (!error && second) error = LAUNCH_AS(way, between_kernel, dim3(RACE_BLOCKS), dim3(EACH), 0, s, at_once);
    return error ? error : LAUNCH_AS(way, behind_kernel, dim3(RACE_BLOCKS), dim3(EACH), 0, s, x, y, z, fault);
}
