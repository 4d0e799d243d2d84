/* For the tests of the lint: each fault once, next to code that is as it should be. planted.sass is what nvdisasm prints of it:
 *     nvcc -std=c++17 -O3 -fmad=false -arch=sm_90 -cubin planted.cu -o planted.cubin && nvdisasm -c planted.cubin >planted.sass
 */
#include <cuda_runtime.h>

#define FULL 0xffffffffu
enum { ROWS = 8 };

extern "C" __global__ void local_fault(float *out, int at)
{
    float mine[64];
    for (int i = 0; i < 64; i++) mine[i * at % 64] = out[i] * 3;
    out[threadIdx.x] = mine[at];
}

extern "C" __global__ void constant_fault(const float *__restrict__ in, float *__restrict__ out)
{
    out[threadIdx.x] = __ldg(in + threadIdx.x);
}

extern "C" __global__ void fence_fault(float *out, unsigned *flag)
{
    out[threadIdx.x] = 1;
    __threadfence();
    atomicAdd(flag, 1u);
}

extern "C" __global__ void fence_sound(float *out, unsigned *flag)
{
    out[threadIdx.x] = 1;
    asm volatile("fence.acq_rel.gpu;" : : : "memory");
    atomicAdd(flag, 1u);
}

/* Rows in parts of 16 bytes per lane: loaded, multiplied, added up over the lanes, used again. */
template <class F> __device__ static void walk(const float4 *x, const float *y, float4 *out, int rows, int stride, F add_up)
{
    float4 sum = {}, theta = out[threadIdx.x];
    double loss = 0;
    for (int base = 0; base < rows; base += ROWS) {
        float4 row[ROWS];
        float value[ROWS];
#pragma unroll
        for (int u = 0; u < ROWS; u++) row[u] = x[(size_t)(base + u) * stride + threadIdx.x];
#pragma unroll
        for (int u = 0; u < ROWS; u++)
            value[u] = fmaf(row[u].x, theta.x, fmaf(row[u].y, theta.y, fmaf(row[u].z, theta.z, row[u].w * theta.w)));
        add_up(value);
#pragma unroll
        for (int u = 0; u < ROWS; u++) {
            float s = value[u] - y[base + u];
            loss += (double)(s * s);
            sum.x = fmaf(s, row[u].x, sum.x);
            sum.y = fmaf(s, row[u].y, sum.y);
            sum.z = fmaf(s, row[u].z, sum.z);
            sum.w = fmaf(s, row[u].w, sum.w);
        }
    }
    sum.x += (float)loss;
    out[threadIdx.x] = sum;
}

extern "C" __global__ void shuffle_fault(const float4 *x, const float *y, float4 *out, int rows, int stride, int width)
{
    walk(x, y, out, rows, stride, [=](float *value) {
#pragma unroll
        for (int u = 0; u < ROWS; u++)
            for (int offset = width / 2; offset > 0; offset /= 2) value[u] += __shfl_xor_sync(FULL, value[u], offset);
    });
}

extern "C" __global__ void shuffle_sound(const float4 *x, const float *y, float4 *out, int rows, int stride, int width)
{
    walk(x, y, out, rows, stride, [=](float *value) {
#pragma unroll
        for (int offset = 16; offset > 0; offset /= 2)
            if (offset < width) {
#pragma unroll
                for (int u = 0; u < ROWS; u++) value[u] += __shfl_xor_sync(FULL, value[u], offset);
            }
    });
}

/* Row by row: each row's load waits for the sums of the row before. */
extern "C" __global__ void rows_fault(const float4 *x, float4 *out, int rows, int stride)
{
    float4 sum = {}, theta = out[threadIdx.x];
#pragma unroll 1
    for (int i = 0; i < rows; i++) {
        float4 row = x[(size_t)i * stride + threadIdx.x];
        float s = fmaf(row.x, theta.x, fmaf(row.y, theta.y, fmaf(row.z, theta.z, row.w * theta.w)));
#pragma unroll
        for (int offset = 16; offset > 0; offset /= 2) s += __shfl_xor_sync(FULL, s, offset);
        sum.x = fmaf(s, row.x, sum.x);
        sum.y = fmaf(s, row.y, sum.y);
        sum.z = fmaf(s, row.z, sum.z);
        sum.w = fmaf(s, row.w, sum.w);
    }
    out[threadIdx.x] = sum;
}

/* The same for a value of 8 bytes, of which a shuffle moves 4. */
extern "C" __global__ void shuffle_fault_in_double(double *out, int width)
{
    double value = out[threadIdx.x];
    for (int offset = width / 2; offset > 0; offset /= 2) value += __shfl_xor_sync(FULL, value, offset);
    out[threadIdx.x] = value;
}

extern "C" __global__ void prefetch_fault(const float *x, int stride, int count)
{
    for (int i = (int)threadIdx.x; i < count; i += (int)blockDim.x) {
        const float *row = x + (size_t)i * stride;
        asm volatile("cp.async.bulk.prefetch.L2.global [%0], %1;" : : "l"(__cvta_generic_to_global(row)), "r"(128) : "memory");
    }
}

extern "C" __global__ void prefetch_sound(const float *x, int stride, int count)
{
    for (int i = (int)threadIdx.x; i < count; i += (int)blockDim.x) {
        const float *row = x + (size_t)i * stride;
        asm volatile("prefetch.global.L2 [%0];" : : "l"(__cvta_generic_to_global(row)) : "memory");
    }
    if (threadIdx.x == 0) asm volatile("griddepcontrol.wait;" : : : "memory");
}

extern "C" __global__ void parts_fault(const float4 *parts, double *out, int count, int stride)
{
    double sum[4] = {};
#pragma unroll 1
    for (int i = 0; i < count; i++) {
        float4 g = parts[(size_t)i * stride + threadIdx.x];
        sum[0] += (double)g.x;
        sum[1] += (double)g.y;
        sum[2] += (double)g.z;
        sum[3] += (double)g.w;
    }
    for (int v = 0; v < 4; v++) out[4 * threadIdx.x + v] = sum[v];
}

extern "C" __global__ void parts_sound(const float4 *parts, double *out, int count, int stride)
{
    double sum[4] = {};
    for (int first = 0; first < count; first += 8) {
        float4 g[8];
#pragma unroll
        for (int l = 0; l < 8; l++) g[l] = parts[(size_t)(first + l) * stride + threadIdx.x];
#pragma unroll
        for (int l = 0; l < 8; l++) {
            sum[0] += (double)g[l].x;
            sum[1] += (double)g[l].y;
            sum[2] += (double)g[l].z;
            sum[3] += (double)g[l].w;
        }
    }
    for (int v = 0; v < 4; v++) out[4 * threadIdx.x + v] = sum[v];
}

/* The second load has to wait until the first one's value has been written. */
extern "C" __global__ void update_fault(float4 *theta, float4 *slot, int count)
{
#pragma unroll 1
    for (int i = (int)threadIdx.x; i < count; i += (int)blockDim.x) {
        float4 t = theta[i];
        t.x *= 0.5f, t.y *= 0.5f, t.z *= 0.5f, t.w *= 0.5f;
        theta[i] = t;
        float4 s = slot[i];
        s.x += t.x, s.y += t.y, s.z += t.z, s.w += t.w;
        slot[i] = s;
    }
}

extern "C" __global__ void update_sound(float4 *theta, float4 *slot, int count)
{
#pragma unroll 1
    for (int i = (int)threadIdx.x; i < count; i += (int)blockDim.x) {
        float4 t = theta[i], s = slot[i];
        t.x *= 0.5f, t.y *= 0.5f, t.z *= 0.5f, t.w *= 0.5f;
        s.x += t.x, s.y += t.y, s.z += t.z, s.w += t.w;
        theta[i] = t;
        slot[i] = s;
    }
}
