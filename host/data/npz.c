/* NumPy's archives (.npz): zip files of .npy files, stored or deflated. */
#include "data.h"
#include "failure.h"
#include "interrupt.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#ifdef HAVE_ZLIB
#define ZLIB_CONST /* what is read is const */
#include <zlib.h>
#endif

typedef struct archive {
    const char *path;
    const unsigned char *bytes;
    size_t count;
} archive;

/* The place of the data of a member in the archive. */
typedef struct member {
    size_t start, packed, size;
    int deflated;
    uint32_t crc; /* of the member's bytes, as zlib's crc32 computes it */
} member;

static uint64_t number_at(const archive *a, size_t at, int bytes)
{
    uint64_t value = 0;
    for (int i = bytes - 1; i >= 0; i--) value = value << 8 | a->bytes[at + (size_t)i];
    return value;
}

static cusgd_status fail_damaged(const archive *a)
{
    return fail(CUSGD_ERROR_DATA, "%s: is no complete zip archive: was it copied completely?", a->path);
}

/* Finds the end record, which is at the end of the file and may be followed by a comment. */
static int find_end(const archive *a, size_t *end)
{
    enum { END_BYTES = 22, MAX_COMMENT = 65535 };
    if (a->count < END_BYTES) return 0;
    for (*end = a->count - END_BYTES;; --*end) {
        if (memcmp(a->bytes + *end, "PK\5\6", 4) == 0) return 1;
        if (*end == 0 || a->count - END_BYTES - *end >= MAX_COMMENT) return 0;
    }
}

/* Takes what a directory entry's zip64 field, of `length` bytes at `at`, says instead of numbers that are all ones. */
static int take_wide(const archive *a, size_t at, size_t length, member *m, uint64_t *local)
{
    for (size_t next; length >= 4; at += next, length -= next) {
        next = 4 + (size_t)number_at(a, at + 2, 2);
        if (next > length) return 0;
        if (number_at(a, at, 2) != 1) continue;
        size_t from = at + 4, end = at + next;
        size_t *sizes[] = {&m->size, &m->packed};
        for (int i = 0; i < 2; i++) {
            if (*sizes[i] != UINT32_MAX) continue;
            if (from + 8 > end) return 0;
            *sizes[i] = (size_t)number_at(a, from, 8);
            from += 8;
        }
        if (*local == UINT32_MAX && from + 8 <= end) *local = number_at(a, from, 8);
    }
    return 1;
}

/* The directory entry at `at`; *next: the one after it. Returns 0 where it is damaged. */
static int read_entry(const archive *a, size_t at, const char *name, member *m, int *found, size_t *next)
{
    enum { ENTRY_BYTES = 46, LOCAL_BYTES = 30 };
    if (at > a->count - ENTRY_BYTES || memcmp(a->bytes + at, "PK\1\2", 4) != 0) return 0;
    size_t length = (size_t)number_at(a, at + 28, 2), extra = (size_t)number_at(a, at + 30, 2);
    *next = at + ENTRY_BYTES + length + extra + (size_t)number_at(a, at + 32, 2);
    if (*next > a->count) return 0;
    const char *text = (const char *)a->bytes + at + ENTRY_BYTES;
    size_t wanted = strlen(name);
    *found = length == wanted + 4 && memcmp(text, name, wanted) == 0 && memcmp(text + wanted, ".npy", 4) == 0;
    if (!*found) return 1;
    uint64_t local = number_at(a, at + 42, 4), method = number_at(a, at + 10, 2);
    *m = (member){.packed = (size_t)number_at(a, at + 20, 4),
                  .size = (size_t)number_at(a, at + 24, 4),
                  .deflated = method == 8,
                  .crc = (uint32_t)number_at(a, at + 16, 4)};
    if (!take_wide(a, at + ENTRY_BYTES + length, extra, m, &local) || (method != 0 && method != 8)) return 0;
    if (local > a->count - LOCAL_BYTES || memcmp(a->bytes + local, "PK\3\4", 4) != 0) return 0;
    m->start =
        (size_t)local + LOCAL_BYTES + (size_t)number_at(a, (size_t)local + 26, 2) + (size_t)number_at(a, (size_t)local + 28, 2);
    return m->start <= a->count && m->packed <= a->count - m->start && (m->deflated || m->packed == m->size);
}

static cusgd_status find_member(const archive *a, const char *name, member *m, int *found)
{
    size_t end, at;
    *found = 0;
    if (a->count < 46 || !find_end(a, &end)) return fail_damaged(a);
    at = (size_t)number_at(a, end + 16, 4);
    for (uint64_t left = number_at(a, end + 10, 2); left > 0 && !*found; left--)
        if (!read_entry(a, at, name, m, found, &at)) return fail_damaged(a);
    return CUSGD_OK;
}

/* Decompresses the bytes of a member to out->memory. */
static cusgd_status inflate_member(const archive *a, const member *m, npy_array *out)
{
#ifdef HAVE_ZLIB
    enum { PIECE = 1 << 30 };
    if (m->size / 1100 > m->packed) return fail_damaged(a); /* the maximum compression of deflate */
    z_stream z = {0};
    out->memory = allocate_aligned(m->size, 1);
    if (!out->memory) return fail_memory(m->size, a->path);
    int code = inflateInit2(&z, -15);
    z.next_in = a->bytes + m->start;
    z.next_out = out->memory;
    for (size_t in = m->packed, room = m->size; code == Z_OK;) {
        unsigned give = (unsigned)(in < PIECE ? in : PIECE), take = (unsigned)(room < PIECE ? room : PIECE);
        z.avail_in = give;
        z.avail_out = take;
        code = inflate(&z, Z_NO_FLUSH);
        in -= give - z.avail_in;
        room -= take - z.avail_out;
        if (give == z.avail_in && take == z.avail_out) break;
    }
    inflateEnd(&z);
    if (code == Z_STREAM_END && z.total_out == m->size) return CUSGD_OK;
    free(out->memory);
    out->memory = NULL;
    if (code == Z_MEM_ERROR) return fail_memory(m->size, a->path);
    return fail_damaged(a);
#else
    (void)m;
    (void)out;
    return fail(CUSGD_ERROR_DATA,
                "%s: is compressed, and this build of cuSGD has no zlib: write it by numpy.savez, not savez_compressed", a->path);
#endif
}

/* Whether the array is what was written, by the sum that the archive has of it. Builds without zlib do not look; fuzzers would
 * hardly get past it. */
static cusgd_status check_sum(const archive *a, const member *m, const unsigned char *bytes)
{
#if defined(HAVE_ZLIB) && !defined(FUZZING_BUILD_MODE_UNSAFE_FOR_PRODUCTION)
    enum { PIECE = 1 << 24 };
    uLong crc = crc32(0, NULL, 0);
    for (size_t at = 0; at < m->size; at += PIECE) {
        if (interrupt_asked()) return fail_interrupted();
        crc = crc32(crc, bytes + at, (uInt)(m->size - at < PIECE ? m->size - at : PIECE));
    }
    if (crc == m->crc) return CUSGD_OK;
    return fail(CUSGD_ERROR_DATA, "%s: is damaged: an array's checksum is not the one in the archive: was it copied completely?",
                a->path);
#else
    (void)a;
    (void)m;
    (void)bytes;
    return CUSGD_OK;
#endif
}

cusgd_status npz_open(const char *path, const char *name, npy_array *out, int *found)
{
    archive a = {.path = path};
    member m = {0};
    *out = (npy_array){0};
    *found = 0;
    cusgd_status status = file_map(path, &out->mapping, &a.count);
    a.bytes = out->mapping;
    if (!status) status = find_member(&a, name, &m, found);
    if (!status && *found && m.deflated) status = inflate_member(&a, &m, out);
    if (!status && *found) status = check_sum(&a, &m, out->memory ? out->memory : a.bytes + m.start);
    cusgd_status shrunk = file_check(out->mapping);
    if (!status && shrunk) status = shrunk;
    if (status || !*found || m.deflated) {
        file_unmap(out->mapping);
        out->mapping = NULL;
    }
    if (status || !*found) {
        free(out->memory);
        out->memory = NULL;
        return status;
    }
    return npy_take(path, out->memory ? out->memory : (const void *)(a.bytes + m.start), m.size, out);
}

cusgd_status npz_tail(const char *path, const char *name, char tail[4], int *found)
{
    archive a = {.path = path};
    member m = {0};
    npy_array array = {0};
    *found = 0;
    cusgd_status status = file_map(path, &array.mapping, &a.count);
    a.bytes = array.mapping;
    if (!status) status = find_member(&a, name, &m, found);
    if (!status && *found && m.deflated) status = inflate_member(&a, &m, &array);
    if (!status && *found && m.size >= 3)
        memcpy(tail, (array.memory ? (const char *)array.memory : (const char *)a.bytes + m.start) + m.size - 3, 3);
    tail[3] = '\0';
    file_unmap(array.mapping);
    free(array.memory);
    return status;
}
