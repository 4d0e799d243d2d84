/* What the compiler's instrumentation for ThreadSanitizer calls, in place of its library: linked where kernels are compiled with
 * -fsanitize=thread. Calls of host code, outside of kernels, change nothing. */
#include "races.h"
#include <cstdint>

namespace emulator
{
__attribute__((constructor)) static void watch() { watched = true; }
} // namespace emulator

#define ACCESS(bytes)                                                                                     \
    void __tsan_read##bytes(void *p) { emulator::races_access(p, bytes, false); }                         \
    void __tsan_write##bytes(void *p) { emulator::races_access(p, bytes, true); }                         \
    void __tsan_unaligned_read##bytes(void *p) { emulator::races_access(p, bytes, false); }               \
    void __tsan_unaligned_write##bytes(void *p) { emulator::races_access(p, bytes, true); }               \
    void __tsan_volatile_read##bytes(void *p) { emulator::races_strong_read(p, bytes, false); }           \
    void __tsan_volatile_write##bytes(void *p) { emulator::races_strong_write(p, bytes, false, false); }  \
    void __tsan_unaligned_volatile_read##bytes(void *p) { emulator::races_strong_read(p, bytes, false); } \
    void __tsan_unaligned_volatile_write##bytes(void *p) { emulator::races_strong_write(p, bytes, false, false); }

/* Of the C++ library's reference counts; kernels have no such operations. */
#define ATOMIC(bits)                                                                                                   \
    uint##bits##_t __tsan_atomic##bits##_load(const volatile uint##bits##_t *p, int) { return __atomic_load_n(p, 5); } \
    void __tsan_atomic##bits##_store(volatile uint##bits##_t *p, uint##bits##_t v, int) { __atomic_store_n(p, v, 5); } \
    uint##bits##_t __tsan_atomic##bits##_fetch_add(volatile uint##bits##_t *p, uint##bits##_t v, int)                  \
    {                                                                                                                  \
        return __atomic_fetch_add(p, v, 5);                                                                            \
    }                                                                                                                  \
    uint##bits##_t __tsan_atomic##bits##_fetch_sub(volatile uint##bits##_t *p, uint##bits##_t v, int)                  \
    {                                                                                                                  \
        return __atomic_fetch_sub(p, v, 5);                                                                            \
    }

#pragma GCC visibility push(hidden)
extern "C" {
ACCESS(1)
ACCESS(2)
ACCESS(4)
ACCESS(8)
ACCESS(16)
ATOMIC(32)
ATOMIC(64)
void __tsan_read_range(void *p, size_t n) { emulator::races_access(p, n, false); }
void __tsan_write_range(void *p, size_t n) { emulator::races_access(p, n, true); }
void __tsan_init() {}
void __tsan_func_entry(void *) {}
void __tsan_func_exit() {}
void __tsan_vptr_update(void **, void *) {}
void __tsan_vptr_read(void **) {}
}
#pragma GCC visibility pop
