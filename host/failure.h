/* Error handling: a function that fails sets a message that says what happened, where, and what to do, and returns a status. Its
 * caller frees its own resources and returns the status. */
#ifndef CUSGD_HOST_ERROR_H
#define CUSGD_HOST_ERROR_H

#include "cusgd.h"

/* Sets the message of this thread and returns `status`. */
__attribute__((format(printf, 2, 3))) cusgd_status fail(cusgd_status status, const char *format, ...);

/* Likewise a USAGE error in the value of an option (its name; NULL: of none in particular). */
__attribute__((format(printf, 2, 3))) cusgd_status fail_option(const char *option, const char *format, ...);

/* Sets the message of a DATA error in a row of the data and, unless `column` is -1, a feature; both count from 0. */
__attribute__((format(printf, 3, 4))) cusgd_status fail_data_row(int64_t row, int64_t column, const char *format, ...);

/* Fails with USAGE because the caller of a public function passed NULL instead of a handle. */
cusgd_status fail_null(const char *function);

/* Fails with MEMORY and the message "out of memory: N bytes for WHAT". */
cusgd_status fail_memory(size_t bytes, const char *what);

/* Puts "PREFIX: " before the message of this thread and returns `status`, for a caller that knows the file or option
 * concerned. */
__attribute__((format(printf, 2, 3))) cusgd_status fail_in(cusgd_status status, const char *format, ...);

/* Saves and restores the last failure of this thread around an attempt whose failure is not an error for the caller. */
enum { MESSAGE_BYTES = 4096 };
typedef struct thread_error {
    cusgd_error info;
    char message[MESSAGE_BYTES];
} thread_error;
void thread_error_take(thread_error *out);
void thread_error_put_back(const thread_error *f);

/* Allocate count * size bytes like malloc and calloc. They return NULL if the product overflows or there is no memory. */
void *allocate(size_t count, size_t size);
void *allocate_zeroed(size_t count, size_t size);
/* Makes room for one more element after `count` elements of `size` bytes; the capacity doubles when it is full. `at`: NULL if
 * count is 0, otherwise the array that this function returned before. Returns the array, or NULL, with a failure like that of
 * fail_memory(), if there is no memory; `at` then remains valid. */
void *allocate_next(void *at, size_t count, size_t size, const char *what);
/* Allocates like allocate(), aligned to 64 bytes, on huge pages if they improve speed. The memory is not zeroed, so that the
 * threads that fill it are the first to touch its pages. */
void *allocate_aligned(size_t count, size_t size);
void *allocate_aligned_zeroed(size_t count, size_t size);

#endif
