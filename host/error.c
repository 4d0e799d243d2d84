#include "error.h"

#include "data.h"

#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

static _Thread_local char message[4096]; /* all problems of a table fit in */

const char *cusgd_last_error(void) { return message; }

const char *cusgd_version(void)
{
#define TEXT_OF(x) #x
#define TEXT(x)    TEXT_OF(x)
    return TEXT(CUSGD_VERSION_MAJOR) "." TEXT(CUSGD_VERSION_MINOR) "." TEXT(CUSGD_VERSION_PATCH);
}

/* Names of files and columns may hold anything; a message's own line breaks stay. */
static void message_set(const char *text)
{
    size_t length = strlen(text), used = 0;
    for (size_t at = 0; at < length;) {
        char one[ESCAPED_BYTES] = "\n";
        at += text[at] == '\n' ? 1 : text_escape_next(text + at, length - at, one);
        size_t bytes = strlen(one);
        if (used + bytes >= sizeof message) break;
        memcpy(message + used, one, bytes);
        used += bytes;
    }
    message[used] = '\0';
}

cusgd_status fail(cusgd_status status, const char *format, ...)
{
    char whole[sizeof message];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(whole, sizeof whole, format, arguments);
    va_end(arguments);
    message_set(whole);
    return status;
}

cusgd_status fail_memory(size_t bytes, const char *what)
{
    return fail(CUSGD_ERROR_MEMORY, "out of memory: %zu bytes for %s were refused", bytes, what);
}

cusgd_status fail_in(cusgd_status status, const char *format, ...)
{
    char whole[2 * sizeof message]; /* cut to fit where it is too long */
    va_list arguments;
    va_start(arguments, format);
    int length = vsnprintf(whole, sizeof whole, format, arguments);
    va_end(arguments);
    size_t used = length < 0 ? 0 : (size_t)length < sizeof message ? (size_t)length : sizeof message - 1;
    snprintf(whole + used, sizeof whole - used, ": %s", message);
    whole[sizeof message - 1] = '\0';
    message_set(whole);
    return status;
}

void *allocate(size_t count, size_t size)
{
    if (size != 0 && count > SIZE_MAX / size) return NULL;
    return malloc(count * size + (count * size == 0)); /* NULL means failure alone */
}

void *allocate_zeroed(size_t count, size_t size) { return calloc(count + (count == 0), size); }

enum { HUGE_PAGE = 2 * 1024 * 1024 };

void *allocate_aligned(size_t count, size_t size)
{
    if (size != 0 && count > (SIZE_MAX - HUGE_PAGE) / size) return NULL;
    size_t bytes = count * size, align = bytes >= 2 * (size_t)HUGE_PAGE ? (size_t)HUGE_PAGE : 64;
    bytes = (bytes + align - 1) / align * align;
    if (bytes == 0) bytes = align;
    void *p = aligned_alloc(align, bytes);
    if (p && align == (size_t)HUGE_PAGE) (void)madvise(p, bytes, MADV_HUGEPAGE); /* advice: refusing it costs speed alone */
    return p;
}

void *allocate_aligned_zeroed(size_t count, size_t size)
{
    void *p = allocate_aligned(count, size);
    return p ? memset(p, 0, count * size) : NULL;
}
