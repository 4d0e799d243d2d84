/* What the tests share: a folder of a test's own, and files in it. */
#ifndef CUSGD_TESTS_SUPPORT_H
#define CUSGD_TESTS_SUPPORT_H

#include "cusgd_tools.h"

#include <criterion/criterion.h>
#include <string.h>

/* As a suite's .init and .fini: a fresh temporary folder, removed afterwards with all that is in it. */
void folder_setup(void);
void folder_teardown(void);

/* The path of `name` in the folder ("": the folder's own); good for the next 16 calls. */
const char *path_of(const char *name);

/* Write a file in the folder, from bytes or a string; return its path. */
const char *file_bytes(const char *name, const void *bytes, size_t count);
const char *file_text(const char *name, const char *text);
/* The whole file and a NUL after it; the caller frees it. */
char *file_read(const char *path, size_t *count);
int file_is(const char *path, const char *text);
int file_exists(const char *path);
/* How many names a folder holds. */
int folder_count(const char *path);

/* The root user may write everywhere: gives its rights up, where it has them, until folder_teardown. Nobody can then write
 * where others may not. */
void become_visitor(void);

/* Files of more bytes cannot be written from here on, as on a full disk. */
void limit_file_size(size_t bytes);

/* A stream of random numbers, equal in every run. */
typedef struct random_source {
    uint64_t key, next;
} random_source;
uint64_t random_next(random_source *r);
uint64_t random_under(random_source *r, uint64_t n); /* in [0, n) */

/* A call must fail with `status` and a message that has `part` in it. */
#define assert_fails(call, status, part)                                                                       \
    do {                                                                                                       \
        cr_assert_eq(call, status, "%s was accepted, or failed otherwise: %s", #call, cusgd_last_error());     \
        cr_assert(strstr(cusgd_last_error(), part), "the message lacks \"%s\": %s", part, cusgd_last_error()); \
    } while (0)

#define assert_works(call) cr_assert_eq(call, CUSGD_OK, "%s failed: %s", #call, cusgd_last_error())

#endif
