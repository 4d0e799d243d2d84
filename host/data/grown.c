#include "grown.h"

#include "failure.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

enum { SPILL_BYTES = 1 << 26, STEP_BYTES = 1 << 25 }; /* where the reader says nothing; by which a file grows */

int grown_spills(size_t bytes, const cusgd_reader *reader)
{
    return reader && reader->spill && bytes > (reader->spill_bytes ? (size_t)reader->spill_bytes : (size_t)SPILL_BYTES);
}

static cusgd_status fail_spill(const cusgd_reader *reader, size_t bytes, const char *what)
{
    return fail(CUSGD_ERROR_DATA, "%s: %zu bytes of %s cannot be kept in a file there: %s", reader->spill, bytes, what,
                strerror(errno));
}

/* Opens a file without a name; on some file systems by creating a file and removing its name. */
static int open_unnamed(const char *folder)
{
    int file = open(folder, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
    if (file >= 0) return file;
    size_t size = strlen(folder) + 32;
    char *path = allocate(size, 1);
    if (!path) return -1;
    snprintf(path, size, "%s/.cusgd-XXXXXX", folder);
    file = mkostemp(path, O_CLOEXEC);
    if (file >= 0) unlink(path);
    free(path);
    return file;
}

/* Reserves `bytes` in the file, because a write to a mapping on a full disk would end the program. */
static cusgd_status resize_file(const grown *g, size_t bytes, const cusgd_reader *reader, const char *what)
{
    int error = 0;
    if (bytes < g->room)
        error = ftruncate(g->file, (off_t)bytes) == 0 ? 0 : errno;
    else if (bytes > g->room)
        while ((error = posix_fallocate(g->file, (off_t)g->room, (off_t)(bytes - g->room))) == EINTR) continue;
    errno = error;
    return error ? fail_spill(reader, bytes, what) : CUSGD_OK;
}

void grown_forget(const grown *g, size_t from, size_t count)
{
    size_t page = (size_t)sysconf(_SC_PAGESIZE), begin = from / page * page, end = (from + count) / page * page;
    if (!g->is_file || end <= begin) return;
    (void)madvise((char *)g->at + begin, end - begin, MADV_DONTNEED);
    (void)sync_file_range(g->file, (off_t)begin, (off_t)(end - begin), SYNC_FILE_RANGE_WRITE); /* or it waits */
}

/* The first bytes of what is in memory to a file, some at a time, so that they never lie in both. */
static void move_out(const grown *from, const grown *to, size_t bytes)
{
    enum { AT_ONCE = 1 << 22 };
    size_t page = (size_t)sysconf(_SC_PAGESIZE);
    char *passed = (char *)from->at + (page - (uintptr_t)from->at % page) % page; /* only whole pages can be released */
    for (size_t at = 0; at < bytes; at += AT_ONCE) {
        size_t some = bytes - at < AT_ONCE ? bytes - at : AT_ONCE;
        memcpy((char *)to->at + at, (const char *)from->at + at, some);
        grown_forget(to, at, some);
        char *read = (char *)from->at + at + some;
        if (read < passed + page) continue;
        size_t whole = (size_t)(read - passed) / page * page;
        (void)madvise(passed, whole, MADV_DONTNEED);
        passed += whole;
    }
}

/* Moves an array from memory to a file. */
static cusgd_status spill(grown *g, size_t bytes, const cusgd_reader *reader, const char *what)
{
    grown to = {.is_file = 1, .file = open_unnamed(reader->spill)};
    if (to.file < 0) return fail_spill(reader, bytes, what);
    cusgd_status status = resize_file(&to, bytes, reader, what);
    to.at = status ? NULL : mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, to.file, 0);
    if (!status && to.at == MAP_FAILED) status = fail_spill(reader, bytes, what);
    if (status) {
        close(to.file);
        return status;
    }
    to.room = bytes;
    if (g->at) move_out(g, &to, g->room < bytes ? g->room : bytes);
    free(g->at);
    *g = to;
    return CUSGD_OK;
}

static cusgd_status resize_map(grown *g, size_t bytes, const cusgd_reader *reader, const char *what)
{
    if (bytes == g->room) return CUSGD_OK;
    if (bytes > g->room) {
        grown_forget(g, g->forgotten, g->room - g->forgotten);
        g->forgotten = g->room;
    }
    cusgd_status status = resize_file(g, bytes, reader, what);
    void *at = status ? NULL : mremap(g->at, g->room, bytes, MREMAP_MAYMOVE);
    if (!status && at == MAP_FAILED) status = fail_spill(reader, bytes, what);
    if (status) return status;
    g->at = at;
    g->room = bytes;
    if (g->forgotten > bytes) g->forgotten = bytes;
    return CUSGD_OK;
}

/* Rows are found anywhere in large arrays, which takes long where each page of 4 KiB has to be found, too. The advice is for
 * whole pages, so that an array with a mapping of its own keeps one, which alone can be moved without a copy. */
static void advise_huge_pages(void *at, size_t bytes)
{
    enum { LEAST = 1 << 22 };
    size_t page = (size_t)sysconf(_SC_PAGESIZE), before = (uintptr_t)at % page;
    size_t length = (before + bytes + page - 1) / page * page;
    if (bytes >= LEAST) (void)madvise((char *)at - before, length, MADV_HUGEPAGE); /* refusing it costs speed alone */
}

cusgd_status grown_resize(grown *g, size_t bytes, const cusgd_reader *reader, const char *what)
{
    if (bytes == 0) bytes = 1;
    if (g->is_file) return resize_map(g, bytes, reader, what);
    if (grown_spills(bytes, reader)) return spill(g, bytes, reader, what);
    void *larger = realloc(g->at, bytes);
    if (!larger) return fail_memory(bytes, what);
    if (bytes > g->room) advise_huge_pages(larger, bytes);
    g->at = larger;
    g->room = bytes;
    return CUSGD_OK;
}

size_t grown_larger(const grown *g, size_t bytes)
{
    size_t step = g->is_file ? STEP_BYTES : g->room;
    return g->room + step > bytes ? g->room + step : bytes;
}

void grown_free(grown *g)
{
    if (g->is_file) {
        munmap(g->at, g->room);
        close(g->file);
    } else {
        free(g->at);
    }
    *g = (grown){0};
}

cusgd_status grown_give(grown *g, size_t bytes, cusgd_data *data, int place, void **at)
{
    cusgd_status status = CUSGD_OK;
    if (g->is_file)
        status = file_adopt(data->source, g->at, g->room, g->file);
    else if (g->at && bytes < g->room)
        status = grown_resize(g, bytes, NULL, "the rows read");
    if (status) grown_free(g);
    *at = g->at;
    if (g->is_file)
        data->mapping[place] = g->at;
    else
        data->memory[place] = g->at;
    *g = (grown){0};
    return status;
}
