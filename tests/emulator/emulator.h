/* What a test can ask of the emulated GPU. All of it is process-wide; the functions may be called from C, and from any thread.
 * A module that holds the emulator (the emulated backend) exports them: a test finds them by dlsym. */
#ifndef CUSGD_EMULATOR_H
#define CUSGD_EMULATOR_H

#include <stddef.h>

#ifdef __cplusplus
extern "C" {
#endif
#pragma GCC visibility push(default)

/* Which thread of a block, and which block of a grid, goes first: 0 the first (the default, or CUSGD_EMULATOR_ORDER), 1 the
 * last, 2 and more a shuffle of that number, another one in each launch. */
void emulator_set_order(unsigned order);

/* When a stream's work is done: 0 at once (the default, or CUSGD_EMULATOR_LAZINESS), 1 when something waits for it, 2 and more
 * somewhere between, by chance of that number. Branches of a graph are likewise run in order, the later first, or by chance. */
void emulator_set_laziness(unsigned laziness);

/* The device's size; by default 1 GiB and 2 multiprocessors. Its compute capability is 9.0, or CUSGD_EMULATOR_CAPABILITY's;
 * a block can have 227 KB of shared memory, or as many as CUSGD_EMULATOR_SHARED says. One multiprocessor, as of a small share
 * of a GPU, holds no clusters. */
void emulator_set_memory(size_t bytes);
void emulator_set_multiprocessors(int count);

/* The last block of each cooperative grid does not raise its flag for grid_barrier() number `round`, as if it did not run; 0: it
 * always does. */
void emulator_miss_barrier(unsigned round);

/* cuRAND's numbers of a call come in the opposite order, as from a version that makes them in another; 0: as they are. */
void emulator_reverse_words(int reversed);

/* What has not been given back: device bytes; and streams, events, graphs, executable graphs, cuBLAS handles, cuRAND generators
 * and pinned allocations. emulator_list_live() writes them to stderr, a line each. */
size_t emulator_live_bytes(void);
size_t emulator_live_objects(void);
void emulator_list_live(void);

/* CUDA, cuBLAS and cuRAND calls and launches made so far; those that only name or return an error do not count. */
unsigned long emulator_calls(void);
/* Those of a function, or launches ("launch of ", "launch of KERNEL"): of all whose name begins so. */
unsigned long emulator_calls_of(const char *name);
/* How often the host has waited for a stream's work until the stream had none left: a GPU then stands idle until it gets more.
 * Only where streams are lazy is there anything to wait for. */
unsigned long emulator_drains(void);
/* Makes the n-th counted call from now fail (1: the next), or it and all later ones, as if the device were lost. 0: none. A
 * call that frees or waits does its work even so. CUSGD_EMULATOR_FAIL_CALL and CUSGD_EMULATOR_FAIL_FROM are the same from
 * outside, counted from the process's first call; "emulator: call N, NAME, fails" is then written to stderr. */
void emulator_fail_call(unsigned long n);
void emulator_fail_from(unsigned long n);
/* Makes every call of that name fail (a function, or "launch of KERNEL"), as on a device that does not bear it; "captured": every
 * call while a stream is captured, as where a library cannot be, and with it the capture; NULL: none. From outside:
 * CUSGD_EMULATOR_REFUSE=NAME. */
void emulator_refuse(const char *name);
/* The first call that was made to fail since: a function, or "launch of KERNEL"; NULL: none yet. */
const char *emulator_failed_call(void);

/* Memory and a stream of the caller's own, as a program next to the library has them; and a copy between it and host memory that
 * is on a stream (NULL: the default one), and as late as that. NULL and -1: the call failed. */
void *emulator_user_memory(size_t bytes);
void emulator_user_free(void *p);
void *emulator_user_stream(void);
void emulator_user_stream_free(void *stream);
int emulator_user_copy(void *to, const void *from, size_t bytes, void *stream);

#pragma GCC visibility pop
#ifdef __cplusplus
}
#endif
#endif
