/* Public structures that begin with their size: a caller's may be of another version, with fewer members or with more. */
#ifndef CUSGD_HOST_SIZED_H
#define CUSGD_HOST_SIZED_H

#include "failure.h"

#include <string.h>

/* USAGE where the caller has not set it: every version's has the size and something more. */
static inline cusgd_status sized_check(size_t size, const char *name)
{
    if (size > sizeof size && size < 1 << 20) return CUSGD_OK;
    return fail(CUSGD_ERROR_USAGE, "%s->size is %zu: set it by CUSGD_INIT", name, size);
}

/* Copies what fits of a complete structure, which begins with a size as the caller's does, and keeps the caller's size. What the
 * caller has beyond it becomes 0. */
static inline void sized_put(void *to, const void *from, size_t complete)
{
    size_t size;
    memcpy(&size, to, sizeof size);
    memcpy(to, from, size < complete ? size : complete);
    if (size > complete) memset((char *)to + complete, 0, size - complete);
    memcpy(to, &size, sizeof size);
}

/* The reverse: what the caller's does not have is 0. */
static inline void sized_get(void *to, const void *from, size_t complete)
{
    size_t size;
    memcpy(&size, from, sizeof size);
    memset(to, 0, complete);
    memcpy(to, from, size < complete ? size : complete);
    memcpy(to, &complete, sizeof complete);
}

#endif
