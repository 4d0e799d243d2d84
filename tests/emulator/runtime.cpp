/* Settings, counted and failing calls, errors, and what CUDA says of the device. */
#include "emulator.h"
#include "internal.h"
#include <cstdarg>
#include <cstdio>
#include <cstdlib>
#include <cstring>

namespace emulator
{
static unsigned from_environment(const char *name)
{
    const char *value = getenv(name);
    return value ? (unsigned)strtoul(value, nullptr, 10) : 0;
}

static unsigned order_setting = from_environment("CUSGD_EMULATOR_ORDER");
static unsigned laziness_setting = from_environment("CUSGD_EMULATOR_LAZINESS");
static size_t memory_setting = (size_t)1 << 30;
static int multiprocessor_setting = 2;
static unsigned missed_setting;
static const unsigned capability_setting = from_environment("CUSGD_EMULATOR_CAPABILITY");
static const unsigned gpus_setting = from_environment("CUSGD_EMULATOR_GPUS"); /* 0: one. All are the same one */

static unsigned long calls;
static std::map<std::string, unsigned long> &calls_by_name = *new std::map<std::string, unsigned long>;
static unsigned fail_from_outside = from_environment("CUSGD_EMULATOR_FAIL_FROM");
static unsigned long fail_at = /* the number of the call that fails; 0: none */
    fail_from_outside ? fail_from_outside : from_environment("CUSGD_EMULATOR_FAIL_CALL");
static bool fail_all_later = fail_from_outside, fail_aloud = fail_at;
static std::string failed;
static const char *const refused_from_outside = getenv("CUSGD_EMULATOR_REFUSE");
static std::string &refused = *new std::string(refused_from_outside ? refused_from_outside : "");
static thread_local cudaError_t last_error;
static std::map<const void *, const char *> &objects = *new std::map<const void *, const char *>;
static std::map<const void *, int> &shared_limits = *new std::map<const void *, int>; /* by kernel, where it was raised */

std::recursive_mutex &lock()
{
    static std::recursive_mutex &m = *new std::recursive_mutex;
    return m;
}

unsigned thread_order() { return order_setting; }
unsigned laziness() { return laziness_setting; }
size_t memory_size() { return memory_setting; }
int multiprocessors() { return multiprocessor_setting; }
int capability() { return capability_setting ? (int)capability_setting : 9; }

unsigned missed_barrier() { return missed_setting; }

uint64_t random_next(uint64_t *state)
{
    uint64_t z = *state += 0x9E3779B97F4A7C15u;
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9u;
    z = (z ^ (z >> 27)) * 0x94D049BB133111EBu;
    return z ^ (z >> 31);
}

bool call_fails(const char *name, const char *of)
{
    calls++;
    calls_by_name[std::string(name) + of]++;
    if (!refused.empty() && refused == std::string(name) + of) return true;
    if (refused == "captured" && strcmp(name, "cudaStreamEndCapture") != 0 && capture_ends()) return true;
    if (!fail_at || calls < fail_at || (calls > fail_at && !fail_all_later)) return false;
    if (!failed.empty()) return true;
    failed = std::string(name) + of;
    if (fail_aloud) fprintf(stderr, "emulator: call %lu, %s, fails\n", calls, failed.c_str());
    return true;
}

cudaError_t remember(cudaError_t error)
{
    if (error) last_error = error;
    return error;
}

void die(const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    fputs("emulator: ", stderr);
    vfprintf(stderr, format, arguments);
    fputc('\n', stderr);
    va_end(arguments);
    abort();
}

void object_made(const void *object, const char *kind) { objects[object] = kind; }
void object_gone(const void *object) { objects.erase(object); }

static const unsigned shared_setting = from_environment("CUSGD_EMULATOR_SHARED");
static const size_t SHARED_LIMIT = 48 * 1024, SHARED_LIMIT_RAISED = (shared_setting ? shared_setting : 227) * (size_t)1024,
                    SHARED_TOTAL = SHARED_LIMIT_RAISED + 1024; /* bytes; by default as an H100's */
static const int THREADS_TOTAL = 2048, BLOCKS_TOTAL = 32;

size_t dynamic_shared_limit(const void *function)
{
    if (!function) return SHARED_LIMIT_RAISED;
    auto raised = shared_limits.find(function);
    return raised == shared_limits.end() ? SHARED_LIMIT : (size_t)raised->second;
}

int blocks_per_multiprocessor(int threads, size_t shared)
{
    int by_threads = THREADS_TOTAL / ((threads + 31) / 32 * 32), by_shared = (int)(SHARED_TOTAL / (shared + 1024));
    return std::min(std::min(by_threads, by_shared), BLOCKS_TOTAL);
}
} // namespace emulator

using namespace emulator;

template <class T> static void set(T *setting, T value)
{
    locked guard(lock());
    *setting = value;
}

void emulator_set_order(unsigned order) { set(&order_setting, order); }
void emulator_set_laziness(unsigned laziness) { set(&laziness_setting, laziness); }
void emulator_set_memory(size_t bytes) { set(&memory_setting, bytes); }
void emulator_miss_barrier(unsigned round) { set(&missed_setting, round); }
void emulator_set_multiprocessors(int count) { set(&multiprocessor_setting, count); }

size_t emulator_live_bytes(void)
{
    locked guard(lock());
    return live_bytes();
}

size_t emulator_live_objects(void)
{
    locked guard(lock());
    return objects.size();
}

void emulator_list_live(void)
{
    locked guard(lock());
    fprintf(stderr, "emulator: %zu device bytes live\n", live_bytes());
    for (const auto &o : objects) fprintf(stderr, "emulator: live %s at %p\n", o.second, o.first);
}

unsigned long emulator_calls(void)
{
    locked guard(lock());
    return calls;
}

unsigned long emulator_calls_of(const char *name)
{
    locked guard(lock());
    unsigned long sum = 0;
    for (const auto &c : calls_by_name)
        if (c.first.compare(0, strlen(name), name) == 0) sum += c.second;
    return sum;
}

void emulator_fail_call(unsigned long n)
{
    locked guard(lock());
    fail_at = n ? calls + n : 0;
    fail_all_later = fail_aloud = false;
    failed.clear();
}

void emulator_fail_from(unsigned long n)
{
    locked guard(lock());
    emulator_fail_call(n);
    fail_all_later = true;
}

void emulator_refuse(const char *name)
{
    locked guard(lock());
    refused = name ? name : "";
}

const char *emulator_failed_call(void) { return failed.empty() ? nullptr : failed.c_str(); }

/* ---- errors ---- */

struct error_text {
    cudaError_t error;
    const char *name, *text;
};
static const error_text texts[] = {
    {cudaSuccess, "cudaSuccess", "no error"},
    {cudaErrorInvalidValue, "cudaErrorInvalidValue", "invalid argument"},
    {cudaErrorMemoryAllocation, "cudaErrorMemoryAllocation", "out of memory"},
    {cudaErrorInvalidConfiguration, "cudaErrorInvalidConfiguration", "invalid configuration argument"},
    {cudaErrorInvalidDevice, "cudaErrorInvalidDevice", "invalid device ordinal"},
    {cudaErrorInvalidResourceHandle, "cudaErrorInvalidResourceHandle", "invalid resource handle"},
    {cudaErrorNotReady, "cudaErrorNotReady", "device not ready"},
    {cudaErrorLaunchOutOfResources, "cudaErrorLaunchOutOfResources", "too many resources requested for launch"},
    {cudaErrorCooperativeLaunchTooLarge, "cudaErrorCooperativeLaunchTooLarge", "too many blocks in cooperative launch"},
    {cudaErrorStreamCaptureUnsupported, "cudaErrorStreamCaptureUnsupported", "operation not permitted when stream is capturing"},
    {cudaErrorStreamCaptureInvalidated, "cudaErrorStreamCaptureInvalidated",
     "operation failed due to a previous error during capture"},
    {cudaErrorStreamCaptureUnmatched, "cudaErrorStreamCaptureUnmatched", "capture was not initiated in this stream"},
    {cudaErrorStreamCaptureUnjoined, "cudaErrorStreamCaptureUnjoined", "capturing stream has unjoined work"},
    {cudaErrorStreamCaptureImplicit, "cudaErrorStreamCaptureImplicit",
     "operation would make the legacy stream depend on a capturing blocking stream"},
    {cudaErrorStreamCaptureIsolation, "cudaErrorStreamCaptureIsolation",
     "dependency created on uncaptured work in another stream"},
    {cudaErrorCapturedEvent, "cudaErrorCapturedEvent", "operation not permitted on an event last recorded in a capturing stream"},
    {cudaErrorIllegalState, "cudaErrorIllegalState", "the operation cannot be performed in the present state"},
    {cudaErrorNotSupported, "cudaErrorNotSupported", "operation not supported"},
    {cudaErrorInvalidClusterSize, "cudaErrorInvalidClusterSize", "cluster misconfiguration"},
    {cudaErrorUnknown, "cudaErrorUnknown", "unknown error"},
};

static const error_text &text_of(cudaError_t error)
{
    static const error_text unknown = {cudaErrorUnknown, "unrecognized error code", "unrecognized error code"};
    for (const error_text &t : texts)
        if (t.error == error) return t;
    return unknown;
}

cudaError_t cudaGetLastError(void)
{
    cudaError_t error = last_error;
    last_error = cudaSuccess;
    return error;
}
cudaError_t cudaPeekAtLastError(void) { return last_error; }
const char *cudaGetErrorName(cudaError_t error) { return text_of(error).name; }
const char *cudaGetErrorString(cudaError_t error) { return text_of(error).text; }

/* ---- the device ---- */

static cudaError_t answer(const char *name)
{
    locked guard(lock());
    return call_fails(name) ? remember(cudaErrorUnknown) : cudaSuccess;
}

static cudaError_t answer_for(const char *name, int device)
{
    cudaError_t error = answer(name);
    return error || !device || (unsigned)device < gpus_setting ? error : remember(cudaErrorInvalidDevice);
}

cudaError_t cudaGetDeviceCount(int *count)
{
    cudaError_t error = answer(__func__);
    *count = error ? 0 : gpus_setting ? (int)gpus_setting : 1;
    return error;
}

cudaError_t cudaGetDevice(int *device)
{
    *device = 0;
    return answer(__func__);
}

cudaError_t cudaSetDevice(int device) { return answer_for(__func__, device); }
cudaError_t cudaDeviceReset(void) { return answer(__func__); }
cudaError_t cudaSetDeviceFlags(unsigned) { return answer(__func__); }

cudaError_t cudaRuntimeGetVersion(int *version)
{
    *version = CUDART_VERSION;
    return answer(__func__);
}

cudaError_t cudaDriverGetVersion(int *version)
{
    *version = CUDART_VERSION;
    return answer(__func__);
}

cudaError_t cudaGetDeviceProperties(cudaDeviceProp *p, int device)
{
    locked guard(lock());
    cudaError_t error = answer_for(__func__, device);
    if (error) return error;
    memset(p, 0, sizeof *p);
    snprintf(p->name, sizeof p->name, "emulated GPU");
    p->major = capability();
    p->totalGlobalMem = memory_setting;
    p->multiProcessorCount = multiprocessor_setting;
    p->warpSize = 32;
    p->maxThreadsPerBlock = 1024;
    p->maxThreadsPerMultiProcessor = THREADS_TOTAL;
    p->maxBlocksPerMultiProcessor = BLOCKS_TOTAL;
    p->sharedMemPerBlock = SHARED_LIMIT;
    p->sharedMemPerBlockOptin = SHARED_LIMIT_RAISED;
    p->sharedMemPerMultiprocessor = SHARED_TOTAL;
    p->regsPerBlock = p->regsPerMultiprocessor = 65536;
    p->l2CacheSize = 32 << 20;
    p->maxThreadsDim[0] = p->maxThreadsDim[1] = 1024;
    p->maxThreadsDim[2] = 64;
    p->maxGridSize[0] = 0x7fffffff;
    p->maxGridSize[1] = p->maxGridSize[2] = 65535;
    p->cooperativeLaunch = p->concurrentKernels = p->unifiedAddressing = p->canMapHostMemory = p->memoryPoolsSupported = 1;
    p->asyncEngineCount = 2;
    return cudaSuccess;
}

cudaError_t cudaDeviceGetAttribute(int *value, cudaDeviceAttr attribute, int device)
{
    locked guard(lock());
    cudaDeviceProp p;
    cudaError_t error = answer_for(__func__, device);
    if (error) return error;
    calls--; /* the next line's is no call of the program's */
    if ((error = cudaGetDeviceProperties(&p, 0))) return error;
    switch (attribute) {
    case cudaDevAttrMultiProcessorCount: *value = p.multiProcessorCount; break;
    case cudaDevAttrWarpSize: *value = p.warpSize; break;
    case cudaDevAttrMaxThreadsPerBlock: *value = p.maxThreadsPerBlock; break;
    case cudaDevAttrMaxThreadsPerMultiProcessor: *value = p.maxThreadsPerMultiProcessor; break;
    case cudaDevAttrMaxBlocksPerMultiprocessor: *value = p.maxBlocksPerMultiProcessor; break;
    case cudaDevAttrMaxSharedMemoryPerBlock: *value = (int)p.sharedMemPerBlock; break;
    case cudaDevAttrMaxSharedMemoryPerBlockOptin: *value = (int)p.sharedMemPerBlockOptin; break;
    case cudaDevAttrMaxSharedMemoryPerMultiprocessor: *value = (int)p.sharedMemPerMultiprocessor; break;
    case cudaDevAttrMaxGridDimX: *value = p.maxGridSize[0]; break;
    case cudaDevAttrMaxGridDimY: *value = p.maxGridSize[1]; break;
    case cudaDevAttrMaxGridDimZ: *value = p.maxGridSize[2]; break;
    case cudaDevAttrL2CacheSize: *value = p.l2CacheSize; break;
    case cudaDevAttrComputeCapabilityMajor: *value = p.major; break;
    case cudaDevAttrComputeCapabilityMinor: *value = p.minor; break;
    case cudaDevAttrCooperativeLaunch: *value = p.cooperativeLaunch; break;
    case cudaDevAttrMemoryPoolsSupported: *value = p.memoryPoolsSupported; break;
    case cudaDevAttrUnifiedAddressing: *value = p.unifiedAddressing; break;
    case cudaDevAttrAsyncEngineCount: *value = p.asyncEngineCount; break;
    default: die("cudaDeviceGetAttribute: the emulator knows nothing of attribute %d", (int)attribute);
    }
    return cudaSuccess;
}

cudaError_t cudaDeviceGetPCIBusId(char *id, int length, int device)
{
    snprintf(id, (size_t)length, "0000:00:00.0");
    return answer_for(__func__, device);
}

cudaError_t cudaFuncSetAttribute(const void *function, cudaFuncAttribute attribute, int value)
{
    locked guard(lock());
    if (call_fails(__func__)) return remember(cudaErrorUnknown);
    if (attribute != cudaFuncAttributeMaxDynamicSharedMemorySize) return cudaSuccess;
    if (value < 0 || (size_t)value > SHARED_LIMIT_RAISED) return remember(cudaErrorInvalidValue);
    shared_limits[function] = value;
    return cudaSuccess;
}

cudaError_t cudaFuncGetAttributes(cudaFuncAttributes *a, const void *function)
{
    locked guard(lock());
    cudaError_t error = answer(__func__);
    if (error) return error;
    memset(a, 0, sizeof *a);
    a->maxThreadsPerBlock = 1024;
    a->maxDynamicSharedSizeBytes = (int)dynamic_shared_limit(function);
    a->numRegs = 32;
    a->binaryVersion = a->ptxVersion = 10 * capability();
    return cudaSuccess;
}

cudaError_t cudaOccupancyMaxActiveBlocksPerMultiprocessorWithFlags(int *blocks, const void *function, int threads, size_t shared,
                                                                   unsigned)
{
    locked guard(lock());
    cudaError_t error = answer("cudaOccupancyMaxActiveBlocksPerMultiprocessor");
    if (error) return error;
    if (threads <= 0) return remember(cudaErrorInvalidValue);
    *blocks = threads > 1024 || shared > dynamic_shared_limit(function) ? 0 : blocks_per_multiprocessor(threads, shared);
    return cudaSuccess;
}

cudaError_t cudaOccupancyMaxActiveBlocksPerMultiprocessor(int *blocks, const void *function, int threads, size_t shared)
{
    return cudaOccupancyMaxActiveBlocksPerMultiprocessorWithFlags(blocks, function, threads, shared, 0);
}

cudaError_t cudaOccupancyMaxActiveClusters(int *clusters, const void *function, const cudaLaunchConfig_t *c)
{
    locked guard(lock());
    cudaError_t error = answer(__func__);
    if (error) return error;
    unsigned size = 1;
    for (unsigned i = 0; i < c->numAttrs; i++)
        if (c->attrs[i].id == cudaLaunchAttributeClusterDimension) size = c->attrs[i].val.clusterDim.x;
    if (capability() < 9 || size < 1 || size > 8 || multiprocessors() < 2) return remember(cudaErrorInvalidClusterSize);
    int threads = (int)(c->blockDim.x * c->blockDim.y * c->blockDim.z);
    int each = c->dynamicSmemBytes > dynamic_shared_limit(function) ? 0 : blocks_per_multiprocessor(threads, c->dynamicSmemBytes);
    *clusters = each * multiprocessors() / (int)size;
    return cudaSuccess;
}
