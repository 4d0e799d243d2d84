#include "failure.h"

#include "data.h"
#include "options.h"
#include "sized.h"

#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

static _Thread_local char message[MESSAGE_BYTES]; /* large enough for all problems of a table */

static _Thread_local cusgd_error last; /* the same failure in the form of a structure */

const char *cusgd_last_error(void) { return message; }

cusgd_status cusgd_last_error_info(cusgd_error *error)
{
    cusgd_error now = last; /* the failure before this call */
    cusgd_status status = sized_check(error->size, "error");
    if (!status) sized_put(error, &now, sizeof now);
    return status;
}

void thread_error_take(thread_error *out)
{
    out->info = last;
    memcpy(out->message, message, sizeof message);
}

void thread_error_put_back(const thread_error *f)
{
    last = f->info;
    memcpy(message, f->message, sizeof message);
}

const char *cusgd_status_name(cusgd_status status)
{
    switch (status) {
    case CUSGD_OK: return "ok";
    case CUSGD_ERROR_USAGE: return "usage";
    case CUSGD_ERROR_DATA: return "data";
    case CUSGD_ERROR_DEVICE: return "device";
    case CUSGD_ERROR_DIVERGED: return "diverged";
    case CUSGD_ERROR_MISMATCH: return "mismatch";
    case CUSGD_ERROR_MEMORY: return "memory";
    case CUSGD_ERROR_NOT_CONVERGED: return "not-converged";
    case CUSGD_ERROR_INTERRUPTED: return "interrupted";
    }
    return "unknown";
}

int cusgd_version_number(void) { return CUSGD_VERSION; }

const char *cusgd_version(void)
{
#define TEXT_OF(x) #x
#define TEXT(x)    TEXT_OF(x)
    return TEXT(CUSGD_VERSION_MAJOR) "." TEXT(CUSGD_VERSION_MINOR) "." TEXT(CUSGD_VERSION_PATCH);
}

/* Sets the message. Control characters, which names of files and columns may contain, are escaped; line breaks are kept. */
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
    options_undash(message);
}

static cusgd_status fail_with(cusgd_error info, const char *format, va_list arguments)
{
    char whole[sizeof message];
    vsnprintf(whole, sizeof whole, format, arguments);
    message_set(whole);
    info.size = sizeof info;
    last = info;
    return info.status;
}

cusgd_status fail(cusgd_status status, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    fail_with((cusgd_error){.status = status}, format, arguments);
    va_end(arguments);
    return status;
}

cusgd_status fail_option(const char *option, const char *format, ...)
{
    va_list arguments;
    cusgd_error info = {.status = CUSGD_ERROR_USAGE};
    snprintf(info.option, sizeof info.option, "%s", option ? option : "");
    va_start(arguments, format);
    fail_with(info, format, arguments);
    va_end(arguments);
    return CUSGD_ERROR_USAGE;
}

cusgd_status fail_data_row(int64_t row, int64_t column, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    fail_with((cusgd_error){.status = CUSGD_ERROR_DATA, .row = row + 1, .column = column + 1}, format, arguments);
    va_end(arguments);
    return CUSGD_ERROR_DATA;
}

cusgd_status fail_null(const char *function) { return fail(CUSGD_ERROR_USAGE, "%s was called with NULL for a handle", function); }

cusgd_status fail_memory(size_t bytes, const char *what)
{
    return fail(CUSGD_ERROR_MEMORY, "out of memory: %zu bytes for %s were refused", bytes, what);
}

cusgd_status fail_in(cusgd_status status, const char *format, ...)
{
    char whole[2 * sizeof message]; /* truncated if it is too long */
    va_list arguments;
    va_start(arguments, format);
    int length = vsnprintf(whole, sizeof whole, format, arguments);
    va_end(arguments);
    size_t used = length < 0 ? 0 : (size_t)length < sizeof message ? (size_t)length : sizeof message - 1;
    snprintf(whole + used, sizeof whole - used, ": %s", message);
    whole[sizeof message - 1] = '\0';
    message_set(whole);
    last.status = status; /* keep the option, row and column */
    return status;
}

void *allocate(size_t count, size_t size)
{
    if (size != 0 && count > SIZE_MAX / size) return NULL;
    return malloc(count * size + (count * size == 0)); /* not 0 bytes, for which malloc may return NULL */
}

void *allocate_zeroed(size_t count, size_t size) { return calloc(count + (count == 0), size); }

void *allocate_next(void *at, size_t count, size_t size, const char *what)
{
    enum { FIRST = 16 };
    if (count > 0 && (count < FIRST || (count & (count - 1)) != 0)) return at; /* not full yet */
    size_t room = count > 0 ? 2 * count : FIRST;
    void *larger = room <= SIZE_MAX / size ? realloc(at, room * size) : NULL;
    if (!larger) fail_memory(room * size, what);
    return larger;
}

enum { HUGE_PAGE = 2 * 1024 * 1024 };

void *allocate_aligned(size_t count, size_t size)
{
    if (size != 0 && count > (SIZE_MAX - HUGE_PAGE) / size) return NULL;
    size_t bytes = count * size, align = bytes >= 2 * (size_t)HUGE_PAGE ? (size_t)HUGE_PAGE : 64;
    bytes = (bytes + align - 1) / align * align;
    if (bytes == 0) bytes = align;
    void *p = aligned_alloc(align, bytes);
    if (p && align == (size_t)HUGE_PAGE) (void)madvise(p, bytes, MADV_HUGEPAGE); /* a failure only costs speed */
    return p;
}

void *allocate_aligned_zeroed(size_t count, size_t size)
{
    void *p = allocate_aligned(count, size);
    return p ? memset(p, 0, count * size) : NULL;
}
