/* Faulty kernels, one for each of compute-sanitizer's tools: a tool that does not find its fault here cannot be believed when it
 * finds none elsewhere. usage: gpu-planted memcheck|racecheck|initcheck|synccheck */
#include <cuda_runtime.h>
#include <stdio.h>
#include <string.h>

enum { THREADS = 64 };

__global__ static void memcheck_kernel(const unsigned *x, unsigned *out) { out[threadIdx.x] = x[threadIdx.x + 1]; }

__global__ static void racecheck_kernel(const unsigned *x, unsigned *out)
{
    __shared__ unsigned shared[THREADS];
    shared[threadIdx.x] = x[threadIdx.x];
    out[threadIdx.x] = shared[(threadIdx.x + THREADS / 2) % THREADS]; /* another warp's, without a barrier */
}

__global__ static void initcheck_kernel(const unsigned *x, unsigned *out) { out[threadIdx.x] = x[threadIdx.x]; }

__global__ static void synccheck_kernel(const unsigned *x, unsigned *out)
{
    if (threadIdx.x % 2 == 0) __syncthreads(); /* half of each warp */
    out[threadIdx.x] = x[threadIdx.x];
}

static const struct {
    const char *tool;
    void (*kernel)(const unsigned *x, unsigned *out);
    int initialized;
} faults[] = {{"memcheck", memcheck_kernel, 1},
              {"racecheck", racecheck_kernel, 1},
              {"initcheck", initcheck_kernel, 0},
              {"synccheck", synccheck_kernel, 1}};

int main(int count, char **arguments)
{
    unsigned *x = nullptr, *out = nullptr;
    int devices = 0;
    if (cudaGetDeviceCount(&devices) != cudaSuccess || devices == 0) {
        fputs("gpu-planted: there is no GPU here that can be used\n", stderr);
        return 3;
    }
    for (size_t i = 0; count == 2 && i < sizeof faults / sizeof faults[0]; i++) {
        if (strcmp(arguments[1], faults[i].tool) != 0) continue;
        cudaError_t error = cudaMalloc((void **)&x, THREADS * sizeof *x);
        if (error == cudaSuccess) error = cudaMalloc((void **)&out, THREADS * sizeof *out);
        if (error == cudaSuccess && faults[i].initialized) error = cudaMemset(x, 1, THREADS * sizeof *x);
        if (error == cudaSuccess) {
            faults[i].kernel<<<1, THREADS>>>(x, out);
            error = cudaGetLastError();
        }
        if (error == cudaSuccess) error = cudaDeviceSynchronize();
        printf("gpu-planted: %s's fault: %s\n", faults[i].tool, cudaGetErrorString(error));
        return 0; /* the tool says what it found, by an exit code of its own */
    }
    fputs("usage: gpu-planted memcheck|racecheck|initcheck|synccheck\n", stderr);
    return 2;
}
