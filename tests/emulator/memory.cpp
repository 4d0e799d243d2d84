/* Device memory is host memory of its exact size, filled with NaN, that host code may not touch: poisoned for AddressSanitizer
 * while no device code runs. Every copy is checked against the direction that CUDA was given. */
#include "internal.h"
#include "races.h"
#include <cstdlib>
#include <cstring>
#ifdef __SANITIZE_ADDRESS__
#include <sanitizer/asan_interface.h>
#else
#define ASAN_POISON_MEMORY_REGION(p, n)   ((void)(p), (void)(n))
#define ASAN_UNPOISON_MEMORY_REGION(p, n) ((void)(p), (void)(n))
#endif

namespace emulator
{
typedef std::map<const char *, size_t> regions; /* bytes by start */
static regions &device = *new regions, &pinned = *new regions, &registered = *new regions;
static size_t device_bytes;
static int entered;

/* Of a large allocation only both ends are poisoned: each launch takes its time to do it and to undo it. */
static const size_t LARGE = 1 << 20, ENDS = 1 << 16; /* bytes */

static void poison(const char *p, size_t bytes)
{
    if (bytes <= LARGE) {
        ASAN_POISON_MEMORY_REGION(p, bytes);
        return;
    }
    ASAN_POISON_MEMORY_REGION(p, ENDS);
    ASAN_POISON_MEMORY_REGION(p + bytes - ENDS, ENDS);
}

static void unpoison(const char *p, size_t bytes)
{
    if (bytes <= LARGE) {
        ASAN_UNPOISON_MEMORY_REGION(p, bytes);
        return;
    }
    ASAN_UNPOISON_MEMORY_REGION(p, ENDS);
    ASAN_UNPOISON_MEMORY_REGION(p + bytes - ENDS, ENDS);
}

void device_enter()
{
    if (entered++ > 0) return;
    for (const auto &r : device) unpoison(r.first, r.second);
}

void device_leave()
{
    if (--entered > 0) return;
    for (const auto &r : device) poison(r.first, r.second);
}

static bool inside(const regions &in, const void *p, size_t n)
{
    const char *at = (const char *)p;
    auto r = in.upper_bound(at);
    if (r == in.begin()) return false;
    --r;
    size_t offset = (size_t)(at - r->first);
    return offset <= r->second && n <= r->second - offset;
}

bool is_device(const void *p, size_t n) { return inside(device, p, n); }
bool is_pinned(const void *p, size_t n) { return inside(pinned, p, n) || inside(registered, p, n); }
size_t live_bytes() { return device_bytes; }

static void *device_make(size_t bytes)
{
    void *p = nullptr;
    if (bytes > memory_size() - std::min(device_bytes, memory_size())) return nullptr;
    if (watched)
        p = watched_memory(bytes);
    else if (posix_memalign(&p, 256, bytes))
        p = nullptr;
    if (!p) return nullptr;
    memset(p, 0xff, bytes);
    device[(const char *)p] = bytes;
    device_bytes += bytes;
    if (!entered) poison((const char *)p, bytes);
    return p;
}

static void device_free(void *p)
{
    auto r = device.find((const char *)p);
    if (r == device.end()) die("device memory at %p is freed twice", p);
    unpoison(r->first, r->second);
    device_bytes -= r->second;
    if (watched)
        watched_memory_free(p, r->second);
    else
        free(p);
    device.erase(r);
}
} // namespace emulator

using namespace emulator;

/* ---- allocations ---- */

cudaError_t cudaMalloc(void **p, size_t bytes)
{
    locked guard(lock());
    *p = nullptr;
    if (call_fails(__func__)) return remember(cudaErrorMemoryAllocation);
    if (capture_forbids()) return remember(cudaErrorStreamCaptureUnsupported);
    if (bytes == 0) return cudaSuccess;
    *p = device_make(bytes);
    return *p ? cudaSuccess : remember(cudaErrorMemoryAllocation);
}

cudaError_t cudaFree(void *p)
{
    locked guard(lock());
    bool fails = call_fails(__func__);
    if (capture_forbids()) return remember(cudaErrorStreamCaptureUnsupported);
    if (p && !device.count((const char *)p)) return remember(cudaErrorInvalidValue);
    if (p) {
        synchronize_all(); /* as CUDA does */
        device_free(p);
    }
    return fails ? remember(cudaErrorUnknown) : cudaSuccess;
}

/* What it holds before the stream has come so far is not the program's: NaN once more then. */
cudaError_t cudaMallocAsync(void **p, size_t bytes, cudaStream_t stream)
{
    locked guard(lock());
    *p = nullptr;
    if (call_fails(__func__)) return remember(cudaErrorMemoryAllocation);
    if (is_capturing(stream)) return remember(cudaErrorNotSupported);
    if (bytes == 0) return cudaSuccess;
    void *made = *p = device_make(bytes);
    if (!made) return remember(cudaErrorMemoryAllocation);
    return enqueue(stream, cudaGraphNodeTypeMemAlloc, [=] { memset(made, 0xff, bytes); });
}

cudaError_t cudaFreeAsync(void *p, cudaStream_t stream)
{
    locked guard(lock());
    bool fails = call_fails(__func__);
    if (is_capturing(stream)) return remember(cudaErrorNotSupported);
    if (p && !device.count((const char *)p)) return remember(cudaErrorInvalidValue);
    cudaError_t error = p ? enqueue(stream, cudaGraphNodeTypeMemFree, [=] { device_free(p); }) : cudaSuccess;
    return fails ? remember(cudaErrorUnknown) : error;
}

cudaError_t cudaHostAlloc(void **p, size_t bytes, unsigned)
{
    locked guard(lock());
    *p = nullptr;
    if (call_fails(__func__)) return remember(cudaErrorMemoryAllocation);
    if (capture_forbids()) return remember(cudaErrorStreamCaptureUnsupported);
    if (bytes == 0) return cudaSuccess;
    if (posix_memalign(p, 256, bytes)) return remember(cudaErrorMemoryAllocation);
    memset(*p, 0xff, bytes);
    pinned[(const char *)*p] = bytes;
    object_made(*p, "pinned allocation");
    return cudaSuccess;
}

cudaError_t cudaMallocHost(void **p, size_t bytes) { return cudaHostAlloc(p, bytes, 0); }

cudaError_t cudaFreeHost(void *p)
{
    locked guard(lock());
    bool fails = call_fails(__func__);
    if (capture_forbids()) return remember(cudaErrorStreamCaptureUnsupported);
    if (p && !pinned.count((const char *)p)) return remember(cudaErrorInvalidValue);
    if (p) {
        synchronize_all();
        pinned.erase((const char *)p);
        object_gone(p);
        free(p);
    }
    return fails ? remember(cudaErrorUnknown) : cudaSuccess;
}

cudaError_t cudaHostRegister(void *p, size_t bytes, unsigned)
{
    locked guard(lock());
    if (call_fails(__func__)) return remember(cudaErrorMemoryAllocation);
    if (!p || !bytes || is_device(p, 0) || registered.count((const char *)p)) return remember(cudaErrorInvalidValue);
    registered[(const char *)p] = bytes;
    object_made(p, "registered host memory");
    return cudaSuccess;
}

cudaError_t cudaHostUnregister(void *p)
{
    locked guard(lock());
    bool fails = call_fails(__func__);
    if (!registered.count((const char *)p)) return remember(cudaErrorInvalidValue);
    synchronize_all();
    registered.erase((const char *)p);
    object_gone(p);
    return fails ? remember(cudaErrorUnknown) : cudaSuccess;
}

cudaError_t cudaHostGetDevicePointer(void **device_pointer, void *p, unsigned)
{
    locked guard(lock());
    if (call_fails(__func__)) return remember(cudaErrorUnknown);
    if (!is_pinned(p, 0)) return remember(cudaErrorInvalidValue);
    *device_pointer = p;
    return cudaSuccess;
}

cudaError_t cudaPointerGetAttributes(cudaPointerAttributes *a, const void *p)
{
    locked guard(lock());
    if (call_fails(__func__)) return remember(cudaErrorUnknown);
    memset(a, 0, sizeof *a);
    bool on_device = is_device(p, 1), on_host = is_pinned(p, 1);
    a->type = on_device ? cudaMemoryTypeDevice : on_host ? cudaMemoryTypeHost : cudaMemoryTypeUnregistered;
    a->devicePointer = on_device || on_host ? (void *)p : nullptr;
    a->hostPointer = on_device ? nullptr : (void *)p;
    return cudaSuccess;
}

cudaError_t cudaMemGetInfo(size_t *free_bytes, size_t *total)
{
    locked guard(lock());
    if (call_fails(__func__)) return remember(cudaErrorUnknown);
    *total = memory_size();
    *free_bytes = memory_size() - std::min(device_bytes, memory_size());
    return cudaSuccess;
}

/* ---- copies ---- */

/* n bytes from s to d, as `kind` says: device memory where it says so and nowhere else, and not beyond an allocation's end. */
static bool is_copy_valid(const void *d, const void *s, size_t n, cudaMemcpyKind kind)
{
    if (kind == cudaMemcpyDefault) return (is_device(d, n) || !is_device(d, 0)) && (is_device(s, n) || !is_device(s, 0));
    bool to_device = kind == cudaMemcpyHostToDevice || kind == cudaMemcpyDeviceToDevice;
    bool from_device = kind == cudaMemcpyDeviceToHost || kind == cudaMemcpyDeviceToDevice;
    return is_device(d, to_device ? n : 0) == to_device && is_device(s, from_device ? n : 0) == from_device;
}

static cudaError_t copy_rows(const char *name, void *d, size_t d_pitch, const void *s, size_t s_pitch, size_t width,
                             size_t height, cudaMemcpyKind kind, cudaStream_t stream)
{
    if (call_fails(name)) return remember(cudaErrorUnknown);
    if (width == 0 || height == 0) return cudaSuccess;
    if (height > 1 && (width > d_pitch || width > s_pitch)) return remember(cudaErrorInvalidValue);
    for (size_t row = 0; row < height; row++)
        if (!is_copy_valid((char *)d + row * d_pitch, (const char *)s + row * s_pitch, width, kind))
            return remember(cudaErrorInvalidValue);
    return enqueue(stream, cudaGraphNodeTypeMemcpy, [=] {
        for (size_t row = 0; row < height; row++) memcpy((char *)d + row * d_pitch, (const char *)s + row * s_pitch, width);
    });
}

cudaError_t cudaMemcpyAsync(void *d, const void *s, size_t n, cudaMemcpyKind kind, cudaStream_t stream)
{
    locked guard(lock());
    return copy_rows(__func__, d, n, s, n, n, 1, kind, stream);
}

cudaError_t cudaMemcpy2DAsync(void *d, size_t d_pitch, const void *s, size_t s_pitch, size_t width, size_t height,
                              cudaMemcpyKind kind, cudaStream_t stream)
{
    locked guard(lock());
    return copy_rows(__func__, d, d_pitch, s, s_pitch, width, height, kind, stream);
}

/* A copy between device and device returns before it is done; the others wait. (From pageable memory CUDA promises only that
 * the source has been read: a stream of its own may see the destination later. That lateness is not emulated.) */
cudaError_t cudaMemcpy2D(void *d, size_t d_pitch, const void *s, size_t s_pitch, size_t width, size_t height, cudaMemcpyKind kind)
{
    locked guard(lock());
    bool waits = !(is_device(d, 0) && is_device(s, 0));
    if (capture_forbids()) return remember(cudaErrorStreamCaptureUnsupported);
    cudaError_t error = copy_rows(__func__, d, d_pitch, s, s_pitch, width, height, kind, nullptr);
    return error || !waits ? error : synchronize(nullptr);
}

cudaError_t cudaMemcpy(void *d, const void *s, size_t n, cudaMemcpyKind kind) { return cudaMemcpy2D(d, n, s, n, n, 1, kind); }

static cudaError_t set_bytes(const char *name, void *d, int value, size_t n, cudaStream_t stream)
{
    if (call_fails(name)) return remember(cudaErrorUnknown);
    if (n == 0) return cudaSuccess;
    if (!is_device(d, n)) return remember(cudaErrorInvalidValue);
    return enqueue(stream, cudaGraphNodeTypeMemset, [=] { memset(d, value, n); });
}

cudaError_t cudaMemsetAsync(void *d, int value, size_t n, cudaStream_t stream)
{
    locked guard(lock());
    return set_bytes(__func__, d, value, n, stream);
}

/* Of device memory: returns before it is done. */
cudaError_t cudaMemset(void *d, int value, size_t n)
{
    locked guard(lock());
    if (capture_forbids()) return remember(cudaErrorStreamCaptureUnsupported);
    return set_bytes(__func__, d, value, n, nullptr);
}
