/* How a function fails: it says what, where and what to do, and returns a status; who called it frees and passes the status on.
 */
#ifndef CUSGD_HOST_ERROR_H
#define CUSGD_HOST_ERROR_H

#include "cusgd.h"

/* Sets this thread's message and returns `status`. */
__attribute__((format(printf, 2, 3))) cusgd_status fail(cusgd_status status, const char *format, ...);

/* Likewise a USAGE error in the value of an option (its name; NULL: of none in particular). */
__attribute__((format(printf, 2, 3))) cusgd_status fail_option(const char *option, const char *format, ...);

/* Likewise a DATA error in a row of the data and, unless `column` is -1, a feature, both from 0. */
__attribute__((format(printf, 3, 4))) cusgd_status fail_data_row(int64_t row, int64_t column, const char *format, ...);

/* USAGE: the caller of a public function passed NULL where it takes a handle. */
cusgd_status fail_null(const char *function);

/* The usual case of CUSGD_ERROR_MEMORY: "out of memory: N bytes for WHAT". */
cusgd_status fail_memory(size_t bytes, const char *what);

/* Puts "prefix: " before this thread's message and returns `status`: where a caller knows the file or the option concerned. */
__attribute__((format(printf, 2, 3))) cusgd_status fail_in(cusgd_status status, const char *format, ...);

/* This thread's last failure, to be put back after a failure that is none to the caller: an attempt before a second way. */
enum { MESSAGE_BYTES = 4096 };
typedef struct thread_error {
    cusgd_error info;
    char message[MESSAGE_BYTES];
} thread_error;
void thread_error_take(thread_error *out);
void thread_error_put_back(const thread_error *f);

/* malloc and calloc of count * size bytes that refuse a product that overflows; NULL then, and where there is no memory. */
void *allocate(size_t count, size_t size);
void *allocate_zeroed(size_t count, size_t size);
/* Makes room for one more element behind `count` of them, each of `size` bytes; the room doubles. `at`: NULL where count is 0,
 * else what this function returned for one element less. Returns the array; NULL, with a failure like fail_memory()'s, where
 * there is no memory: `at` stays then. */
void *allocate_next(void *at, size_t count, size_t size, const char *what);
/* malloc as allocate(), 64-byte aligned, on huge pages where they pay. What threads fill need not be zeroed: they touch its pages
 * first. */
void *allocate_aligned(size_t count, size_t size);
void *allocate_aligned_zeroed(size_t count, size_t size);

#endif
