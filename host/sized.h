/* Public structures that begin with their size: the structure of a caller may be of another version of the library, with fewer or
 * more members. */
#ifndef CUSGD_HOST_SIZED_H
#define CUSGD_HOST_SIZED_H

#include "failure.h"

#include <string.h>

/* Fails with USAGE if the caller has not set the size: in all versions it exceeds that of the member `size`. */
static inline cusgd_status sized_check(size_t size, const char *name)
{
    if (size > sizeof size && size < 1 << 20) return CUSGD_OK;
    return fail(CUSGD_ERROR_USAGE, "%s->size is %zu: set it by CUSGD_INIT", name, size);
}

/* Copies a complete structure to that of the caller, as far as it fits, and keeps the size that the caller set. Members that only
 * the caller's version has become 0. */
static inline void sized_put(void *to, const void *from, size_t complete)
{
    size_t size;
    memcpy(&size, to, sizeof size);
    memcpy(to, from, size < complete ? size : complete);
    if (size > complete) memset((char *)to + complete, 0, size - complete);
    memcpy(to, &size, sizeof size);
}

/* Copies the structure of the caller to a complete one. Members that the caller's version does not have become 0. */
static inline void sized_get(void *to, const void *from, size_t complete)
{
    size_t size;
    memcpy(&size, from, sizeof size);
    memset(to, 0, complete);
    memcpy(to, from, size < complete ? size : complete);
    memcpy(to, &complete, sizeof complete);
}

#endif
