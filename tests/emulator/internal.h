/* What the emulator's files know of each other. Everything here is called with the lock held. */
#ifndef CUSGD_EMULATOR_INTERNAL_H
#define CUSGD_EMULATOR_INTERNAL_H

#include <cstddef>
#include <cstdint>
#include <cuda_runtime_api.h>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>

namespace emulator
{
typedef std::function<void()> work;
typedef std::function<bool()> condition; /* whether work can be done: asked again and again until then */
typedef std::lock_guard<std::recursive_mutex> locked;
std::recursive_mutex &lock();

/* settings */
unsigned thread_order();
unsigned laziness();
size_t memory_size();
int multiprocessors();
int capability();
unsigned missed_barrier();
uint64_t random_next(uint64_t *state); /* SplitMix64 */

/* Counts a call; true when it was asked to fail. */
bool call_fails(const char *name, const char *of = "");
/* Remembers an error for cudaGetLastError() and returns it. */
cudaError_t remember(cudaError_t error);
/* Ends the process with a message: the program did what a device would not survive. */
[[noreturn]] __attribute__((format(printf, 1, 2))) void die(const char *format, ...);

/* Objects that live until they are destroyed: "stream", "event"... */
void object_made(const void *object, const char *kind);
void object_gone(const void *object);

/* Device memory is poisoned for AddressSanitizer but between device_enter() and device_leave(), which nest. */
void device_enter();
void device_leave();
/* n bytes at p lie inside one device allocation; within pinned host memory. */
bool is_device(const void *p, size_t n);
bool is_pinned(const void *p, size_t n);
size_t live_bytes();

struct launched; /* races.h */

/* Gives a stream its next piece of work, or a capturing one's graph its next node. */
cudaError_t enqueue(cudaStream_t stream, cudaGraphNodeType type, work w, const std::shared_ptr<launched> &kernel = nullptr,
                    const condition &ready = nullptr);
/* From now on streams that wait for other processes go on by themselves, as on a GPU; what is in front of that comes along. */
void progress_alone();
/* The kernel that the stream had last, if nothing came after it. */
std::shared_ptr<launched> kernel_in_front(cudaStream_t stream);
/* Before a kernel runs: begins those behind it that may begin before it is done. behind(0), behind(1)...: those that come after
 * nothing but each other, and this one; NULL: no more. */
void begin_those_behind(launched *kernel, const std::function<launched *(size_t)> &behind);
/* Until the stream is done with all that it has now. */
cudaError_t synchronize(cudaStream_t stream);
void synchronize_all();
/* A call that a capture in progress does not allow: ends that capture, and says so. */
bool capture_forbids();
bool is_capturing(cudaStream_t stream);
/* Makes every capture in progress fail; false: there is none. */
bool capture_ends();

/* Static shared memory comes on top of `shared`. */
size_t dynamic_shared_limit(const void *function);
int blocks_per_multiprocessor(int threads, size_t shared);
} // namespace emulator

#endif
