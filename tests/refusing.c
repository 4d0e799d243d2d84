/* Allocations are counted, refused on demand, and followed until they are freed. The linker leads the library's allocations here
 * (--wrap, see CMakeLists.txt), cJSON by its hooks. */
#include "refusing.h"

#include <cjson/cJSON.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

void *__real_calloc(size_t count, size_t size);
void *__real_realloc(void *old, size_t size);
void *__real_aligned_alloc(size_t align, size_t size);
char *__real_strdup(const char *text);
char *__real_strndup(const char *text, size_t length);
void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t count, size_t size);
void *__wrap_realloc(void *old, size_t size);
void *__wrap_aligned_alloc(size_t align, size_t size);
char *__wrap_strdup(const char *text);
char *__wrap_strndup(const char *text, size_t length);
void __wrap_free(void *p);

enum { LIVE = 1 << 16 };
_Atomic int allocations_made, allocations_refused, refuse_from = NEVER, refuse_to = NEVER;
static _Atomic(void *) live[LIVE]; /* those not freed yet; a place is found by the address, or after it */
static _Atomic int live_count;
_Atomic size_t largest_allocation;

static int is_refused(void)
{
    int n = atomic_fetch_add(&allocations_made, 1), no = n >= refuse_from && n < refuse_to;
    allocations_refused += no;
    return no;
}

static size_t seen(size_t size)
{
    if (size > largest_allocation) largest_allocation = size;
    return size;
}

static size_t place_of(const void *p) { return ((uintptr_t)p >> 4) * 2654435761u % LIVE; }

/* Removed ones leave a mark that is not NULL, so that what lies behind them is still found. */
static char removed;

static void *follow(void *p)
{
    if (!p) return NULL;
    size_t i = place_of(p);
    for (void *empty = NULL; !atomic_compare_exchange_strong(&live[i], &empty, p); empty = NULL) {
        void *gone = &removed;
        if (atomic_compare_exchange_strong(&live[i], &gone, p)) break;
        i = (i + 1) % LIVE;
    }
    live_count++;
    return p;
}

static void forget(void *p)
{
    if (!p) return;
    for (size_t i = place_of(p); live[i]; i = (i + 1) % LIVE)
        if (live[i] == p) {
            live[i] = &removed;
            live_count--;
            return;
        }
}

void *__wrap_malloc(size_t size) { return is_refused() ? NULL : follow(__real_malloc(seen(size))); }
void *__wrap_calloc(size_t count, size_t size)
{
    return is_refused() ? NULL : follow(__real_calloc(count, seen(count * size) / (count ? count : 1)));
}
void *__wrap_aligned_alloc(size_t align, size_t size)
{
    return is_refused() ? NULL : follow(__real_aligned_alloc(align, seen(size)));
}
char *__wrap_strdup(const char *text) { return is_refused() ? NULL : follow(__real_strdup(text)); }
char *__wrap_strndup(const char *text, size_t length) { return is_refused() ? NULL : follow(__real_strndup(text, length)); }

void *__wrap_realloc(void *old, size_t size)
{
    if (is_refused()) return NULL;
    forget(old);
    return follow(__real_realloc(old, seen(size)));
}

void __wrap_free(void *p)
{
    forget(p);
    __real_free(p);
}

/* cJSON_Parse does not say whether it failed for want of memory or over bad JSON. */
static int refused_json;

static void *json_malloc(size_t size)
{
    void *p = __wrap_malloc(size);
    refused_json += p == NULL;
    return p;
}

void refusing_setup(void)
{
    cJSON_Hooks hooks = {json_malloc, __wrap_free};
    cJSON_InitHooks(&hooks);
    folder_setup();
}

int lacks_note;

/* One run with some allocations refused. Returns whether any was. */
static int try_refused(const char *name, piece_of_work work, int from, int to)
{
    int before = live_count;
    allocations_made = allocations_refused = refused_json = lacks_note = 0;
    refuse_to = to;
    refuse_from = from;
    cusgd_status status = work();
    refuse_from = refuse_to = NEVER;
    if (live_count != before) cr_assert_fail("%s: allocation %d refused: %d pieces not freed", name, from, live_count - before);
    if (refused_json && status == CUSGD_ERROR_DATA) return 1;
    if (!allocations_refused && lacks_note) cr_assert_fail("%s: there is no note", name);
    if (allocations_refused == 1 && lacks_note && status == CUSGD_OK) return 1;
    if (allocations_refused && status != CUSGD_ERROR_MEMORY)
        cr_assert_fail("%s: allocation %d refused: status %d, %s", name, from, (int)status, cusgd_last_error());
    if (allocations_refused && !strstr(cusgd_last_error(), "memory"))
        cr_assert_fail("%s: allocation %d refused: the message does not say so: %s", name, from, cusgd_last_error());
    if (!allocations_refused && status != CUSGD_OK) cr_assert_fail("%s: status %d: %s", name, (int)status, cusgd_last_error());
    return allocations_refused > 0;
}

void refuse_each(const char *name, piece_of_work work)
{
    int n = 0;
    try_refused(name, work, NEVER, NEVER); /* what is made once for the whole process */
    while (try_refused(name, work, n, n + 1)) {
        try_refused(name, work, n, NEVER);
        n++;
    }
    cr_assert(n > 0, "%s: no allocation was seen: are they wrapped?", name);
}
