/* cuRAND's generators: its own host generator, which needs no GPU, makes the numbers at the call; they reach device memory in the
 * order of the generator's stream. The library is opened here, so that a function missing below is a link error. */
#include "emulator.h"
#include "internal.h"
#include <algorithm>
#include <cstring>
#include <curand.h>
#include <dlfcn.h>
#include <memory>
#include <vector>

#ifndef EMULATOR_CURAND
#define EMULATOR_CURAND "libcurand.so"
#endif

struct curandGenerator_st {
    curandGenerator_t host;
    cudaStream_t stream;
};

namespace emulator
{
template <class F> static F *real(F *, const char *name)
{
    static void *library = dlopen(EMULATOR_CURAND, RTLD_NOW | RTLD_LOCAL);
    if (!library) die("cuRAND's numbers come from the real library, which does not open: %s", dlerror());
    F *function = reinterpret_cast<F *>(dlsym(library, name));
    if (!function) die("%s: %s", name, dlerror());
    return function;
}
#define REAL(name) real(name, #name)

static bool reversed_setting;

template <class T, class... A>
static curandStatus_t generate(const char *name, curandStatus_t (*function)(curandGenerator_t, T *, size_t, A...),
                               curandGenerator_t g, T *to, size_t n, A... parameters)
{
    locked guard(lock());
    if (call_fails(name)) return CURAND_STATUS_LAUNCH_FAILURE;
    if (n == 0) return CURAND_STATUS_SUCCESS;
    if (!is_device(to, n * sizeof(T))) die("%s: %zu bytes at %p are not inside device memory", name, n * sizeof(T), (void *)to);
    auto made = std::make_shared<std::vector<T>>(n);
    curandStatus_t status = function(g->host, made->data(), n, parameters...);
    if (status) return status;
    if (reversed_setting) std::reverse(made->begin(), made->end());
    cudaError_t error = enqueue(g->stream, cudaGraphNodeTypeKernel, [=] { memcpy(to, made->data(), n * sizeof(T)); });
    return error ? CURAND_STATUS_LAUNCH_FAILURE : CURAND_STATUS_SUCCESS;
}
} // namespace emulator

using namespace emulator;

void emulator_reverse_words(int reversed)
{
    locked guard(lock());
    reversed_setting = reversed != 0;
}

curandStatus_t curandCreateGenerator(curandGenerator_t *g, curandRngType_t type)
{
    locked guard(lock());
    curandGenerator_t host;
    *g = nullptr;
    if (call_fails(__func__)) return CURAND_STATUS_ALLOCATION_FAILED;
    curandStatus_t status = REAL(curandCreateGeneratorHost)(&host, type);
    if (status) return status;
    *g = new curandGenerator_st{host, nullptr};
    object_made(*g, "cuRAND generator");
    return CURAND_STATUS_SUCCESS;
}

curandStatus_t curandDestroyGenerator(curandGenerator_t g)
{
    locked guard(lock());
    bool fails = call_fails(__func__);
    if (!g) return CURAND_STATUS_NOT_INITIALIZED;
    REAL(curandDestroyGenerator)(g->host);
    object_gone(g);
    delete g;
    return fails ? CURAND_STATUS_INTERNAL_ERROR : CURAND_STATUS_SUCCESS;
}

curandStatus_t curandSetStream(curandGenerator_t g, cudaStream_t stream)
{
    locked guard(lock());
    if (call_fails(__func__)) return CURAND_STATUS_INTERNAL_ERROR;
    g->stream = stream;
    return CURAND_STATUS_SUCCESS;
}

curandStatus_t curandSetPseudoRandomGeneratorSeed(curandGenerator_t g, unsigned long long seed)
{
    locked guard(lock());
    if (call_fails(__func__)) return CURAND_STATUS_INTERNAL_ERROR;
    return REAL(curandSetPseudoRandomGeneratorSeed)(g->host, seed);
}

curandStatus_t curandSetGeneratorOffset(curandGenerator_t g, unsigned long long offset)
{
    locked guard(lock());
    if (call_fails(__func__)) return CURAND_STATUS_INTERNAL_ERROR;
    return REAL(curandSetGeneratorOffset)(g->host, offset);
}

curandStatus_t curandSetGeneratorOrdering(curandGenerator_t g, curandOrdering_t ordering)
{
    locked guard(lock());
    if (call_fails(__func__)) return CURAND_STATUS_INTERNAL_ERROR;
    return REAL(curandSetGeneratorOrdering)(g->host, ordering);
}

curandStatus_t curandGetVersion(int *version)
{
    locked guard(lock());
    if (call_fails(__func__)) return CURAND_STATUS_INTERNAL_ERROR;
    return REAL(curandGetVersion)(version);
}

curandStatus_t curandGenerate(curandGenerator_t g, unsigned *to, size_t n)
{
    return generate(__func__, REAL(curandGenerate), g, to, n);
}

curandStatus_t curandGenerateUniform(curandGenerator_t g, float *to, size_t n)
{
    return generate(__func__, REAL(curandGenerateUniform), g, to, n);
}

curandStatus_t curandGenerateUniformDouble(curandGenerator_t g, double *to, size_t n)
{
    return generate(__func__, REAL(curandGenerateUniformDouble), g, to, n);
}

curandStatus_t curandGenerateNormal(curandGenerator_t g, float *to, size_t n, float mean, float deviation)
{
    return generate(__func__, REAL(curandGenerateNormal), g, to, n, mean, deviation);
}

curandStatus_t curandGenerateNormalDouble(curandGenerator_t g, double *to, size_t n, double mean, double deviation)
{
    return generate(__func__, REAL(curandGenerateNormalDouble), g, to, n, mean, deviation);
}
