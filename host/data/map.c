/* Files mapped into memory. A file that shrinks meanwhile must not end the program: its pages beyond the new end raise SIGBUS,
 * the program's handler asks cusgd_data_fault(), which puts zeros there, and who reads finds out by file_check(). */
#include "advice.h"
#include "bring.h"
#include "data.h"
#include "failure.h"
#include "pool.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* One mapping. Entries are never freed but used again, so that a signal handler may walk them at any time. */
typedef struct entry {
    _Atomic uintptr_t begin, end; /* begin 0: not in use */
    _Atomic int taken;            /* 1: somebody's, though perhaps not yet or no more in use */
    _Atomic int lost;             /* a page was no longer there */
    void *mapping;                /* is unmapped at the end; NULL: the caller's */
    int file;                     /* -1: not known */
    int is_same;                  /* of the caller's mappings: 1: what is mapped is what the file has */
    size_t bytes, offset;         /* of the mapping; where in the file it begins */
    struct stat before;           /* of the file, when it was mapped; not of the caller's mappings */
    struct entry *rest;           /* of a mapping of several files: its next part */
    char *path;
    struct entry *next;
} entry;
enum { FIRST = 64 };
static entry first[FIRST];     /* enough for most; */
static entry *_Atomic further; /* more of them are a list */
static _Atomic uintptr_t page_bytes;

/* The entry after this one; NULL past the last. */
static entry *entry_after(entry *e)
{
    if (e >= first && e < first + FIRST - 1) return e + 1;
    return e == first + FIRST - 1 ? atomic_load(&further) : e->next;
}

/* An unused entry, or a new one at the list's front. */
static entry *entry_take(void)
{
    for (entry *e = first; e; e = entry_after(e)) {
        int unused = 0;
        if (atomic_compare_exchange_strong(&e->taken, &unused, 1)) return e;
    }
    entry *e = allocate_zeroed(1, sizeof *e);
    if (!e) return NULL;
    atomic_store(&e->taken, 1);
    e->next = atomic_load(&further);
    while (!atomic_compare_exchange_weak(&further, &e->next, e)) continue;
    return e;
}

static entry *entry_find(const void *mapping)
{
    entry *e = first;
    while (e && atomic_load(&e->begin) != (uintptr_t)mapping) e = entry_after(e);
    return e;
}

/* The other fields have been set. */
static void entry_use(entry *e, char *path, const void *mapping)
{
    e->path = path;
    atomic_store(&e->lost, 0);
    atomic_store(&page_bytes, (uintptr_t)sysconf(_SC_PAGESIZE));
    atomic_store(&e->end, (uintptr_t)mapping + e->bytes);
    atomic_store(&e->begin, (uintptr_t)mapping);
}

static cusgd_status open_regular(const char *path, int *file, struct stat *info)
{
    *file = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK); /* a pipe with no writer would block */
    if (*file < 0 || fstat(*file, info) != 0) return fail(CUSGD_ERROR_DATA, "%s: cannot be opened: %s", path, strerror(errno));
    if (!S_ISREG(info->st_mode)) return fail(CUSGD_ERROR_DATA, "%s: is not a regular file", path);
    if (info->st_size == 0) return fail(CUSGD_ERROR_DATA, "%s: is empty", path);
    return CUSGD_OK;
}

cusgd_status file_map(const char *path, void **mapping, size_t *bytes)
{
    int file = -1;
    struct stat info;
    *mapping = NULL;
    cusgd_status status = open_regular(path, &file, &info);
    if (!status) *bytes = (size_t)info.st_size;
    char *name = strdup(path);
    entry *e = !status && name ? entry_take() : NULL;
    if (!status && !e) status = fail_memory(sizeof *e + strlen(path), "a mapped file");
    if (!status) {
        void *at = mmap(NULL, *bytes, PROT_READ, MAP_PRIVATE, file, 0);
        if (at == MAP_FAILED) {
            status = fail(CUSGD_ERROR_DATA, "%s: cannot be mapped: %s", path, strerror(errno));
            atomic_store(&e->taken, 0);
        } else {
            *mapping = at;
            e->mapping = at;
            e->file = file;
            e->bytes = *bytes;
            e->offset = 0;
            e->before = info;
            e->rest = NULL;
            entry_use(e, name, at);
            return CUSGD_OK;
        }
    }
    free(name);
    if (file >= 0) close(file);
    return status;
}

static void entry_give_back(entry *e)
{
    atomic_store(&e->begin, 0);
    if (e->mapping) munmap(e->mapping, e->bytes);
    if (e->file >= 0) close(e->file);
    free(e->path);
    e->path = NULL;
    atomic_store(&e->taken, 0);
}

cusgd_status file_adopt(const char *path, void *mapping, size_t bytes, int file)
{
    char *name = strdup(path);
    entry *e = name ? entry_take() : NULL;
    if (!e) {
        free(name);
        return fail_memory(sizeof *e + strlen(path), "a mapped file");
    }
    e->mapping = mapping;
    e->file = file;
    e->bytes = bytes;
    e->offset = 0;
    e->rest = NULL;
    entry_use(e, name, mapping);
    return CUSGD_OK;
}

void file_unmap(void *mapping)
{
    entry *e = mapping ? entry_find(mapping) : NULL;
    while (e) {
        entry *rest = e->rest;
        entry_give_back(e);
        e = rest;
    }
}

/* The file's status as it is now; 0: not known. A path that has another file by now says nothing of the mapped one. */
static int entry_stat(const entry *e, struct stat *info)
{
    if (e->file >= 0) return fstat(e->file, info) == 0;
    return !!e->mapping && stat(e->path, info) == 0 && info->st_ino == e->before.st_ino && info->st_dev == e->before.st_dev;
}

static cusgd_status entry_check(const entry *e)
{
    struct stat info;
    int shrunk = entry_stat(e, &info) && (uintmax_t)info.st_size < (uintmax_t)e->offset + e->bytes;
    if (!shrunk && !atomic_load(&e->lost)) return CUSGD_OK;
    return fail(CUSGD_ERROR_DATA,
                "%s: %s while it was in use; leave data files unchanged during a run, and write new ones under another name",
                e->path, shrunk ? "became shorter" : "could not be read to its end, or became shorter for a time,");
}

cusgd_status file_check(const void *mapping)
{
    const entry *e = mapping ? entry_find(mapping) : NULL;
    cusgd_status status = CUSGD_OK;
    for (; e && !status; e = e->rest) status = entry_check(e);
    return status;
}

/* The mapping of a file, or of the first of its files, in which the address lies; NULL: none, or one that may differ from it. */
static entry *entry_around(const void *at)
{
    uintptr_t address = (uintptr_t)at;
    for (entry *e = first; e; e = entry_after(e)) {
        uintptr_t begin = atomic_load(&e->begin);
        if (begin != 0 && address >= begin && address < atomic_load(&e->end) && (e->mapping || e->is_same)) return e;
    }
    return NULL;
}

void file_forget(const void *at, size_t bytes)
{
    uintptr_t page = atomic_load(&page_bytes), begin = (uintptr_t)at, end = begin + bytes;
    if (bytes == 0 || !entry_around(at)) return;
    begin = begin / page * page;
    end = end / page * page;
    if (end > begin) (void)madvise((char *)at - ((uintptr_t)at - begin), end - begin, MADV_DONTNEED);
}

void file_fetch(const void *at, size_t bytes)
{
    if (bytes == 0 || !entry_around(at)) return;
    uintptr_t page = atomic_load(&page_bytes), begin = (uintptr_t)at / page * page; /* page: 0 until a file is mapped */
    uintptr_t end = ((uintptr_t)at + bytes + page - 1) / page * page;
    char *start = (char *)at - ((uintptr_t)at - begin);
    (void)madvise(start, end - begin, MADV_POPULATE_READ);
}

/* Whether rows in order are bytes in order. */
static int are_in_order(const examples *e) { return !e->rows && e->x.at && e->x.col_stride == 1 && e->x.row_stride >= e->d; }

static size_t row_size(const examples *e) { return (size_t)e->x.row_stride * type_bytes(e->x.type); }

void examples_forget(const examples *e, int64_t row, int64_t count)
{
    if (!are_in_order(e)) return;
    file_forget((const char *)e->x.at + (size_t)row * row_size(e), (size_t)count * row_size(e));
}

int64_t examples_fetched(const examples *e, int64_t block)
{
    enum { BYTES = 1 << 22 }; /* worth a request */
    return max_of(1, BYTES / (block * e->d * (int64_t)type_bytes(e->x.type))) * block;
}

int examples_in_file(const examples *e) { return are_in_order(e) && !e->place && entry_around(e->x.at) != NULL; }

/* Large pages of memory take the system a sixth of the time, and are read with one request each. */
void examples_expect(const examples *e)
{
    uintptr_t page = atomic_load(&page_bytes), begin = (uintptr_t)e->x.at;
    if (examples_in_file(e))
        (void)madvise((char *)e->x.at - begin % page, begin % page + (size_t)e->n * row_size(e), MADV_HUGEPAGE);
}

typedef struct bringing {
    const char *at;
    size_t bytes;
} bringing;

enum { BROUGHT_BYTES = 1 << 22, BRINGING_THREADS = 4 };

static void bring_part(void *context, int64_t i)
{
    const bringing *b = context;
    size_t done = (size_t)i * BROUGHT_BYTES, left = b->bytes - done;
    file_fetch(b->at + done, left < BROUGHT_BYTES ? left : BROUGHT_BYTES);
}

void examples_bring(const examples *e, int64_t row, int64_t count, pool **readers)
{
    if (!examples_in_file(e) || count <= 0) return;
    bringing b = {(const char *)e->x.at + (size_t)row * row_size(e), (size_t)count * row_size(e)};
    int64_t parts = (int64_t)((b.bytes + BROUGHT_BYTES - 1) / BROUGHT_BYTES);
    if (parts > 2 && readers && !*readers) *readers = pool_create(BRINGING_THREADS);
    if (parts <= 2)
        file_fetch(b.at, b.bytes);
    else if (readers && *readers)
        (void)pool_run(*readers, BRINGING_THREADS, parts, bring_part, &b);
    else
        (void)pool_once(parts < BRINGING_THREADS ? (int)parts : BRINGING_THREADS, parts, bring_part, &b);
}

/* ---- Parts of several files ---- */

/* In the place of what is reserved at `at`; the file is closed again, as a process may have few open. */
static cusgd_status map_part(const file_part *part, char *at, entry *e)
{
    int file = -1;
    cusgd_status status = open_regular(part->path, &file, &e->before);
    size_t bytes = status ? 0 : (size_t)e->before.st_size;
    if (!status && bytes != part->offset + part->bytes)
        status = fail(CUSGD_ERROR_DATA, "%s: has %zu bytes, where %zu belong: was it copied completely?", part->path, bytes,
                      part->offset + part->bytes);
    if (!status && mmap(at, part->bytes, PROT_READ, MAP_PRIVATE | MAP_FIXED, file, (off_t)part->offset) == MAP_FAILED)
        status = fail(CUSGD_ERROR_DATA, "%s: cannot be mapped: %s", part->path, strerror(errno));
    if (file >= 0) close(file);
    return status;
}

/* Maps the part and makes an entry for it, behind *last. */
static cusgd_status add_part(const file_part *part, char *at, entry **last)
{
    char *name = strdup(part->path);
    entry *e = name ? entry_take() : NULL;
    cusgd_status status = e ? map_part(part, at, e) : fail_memory(sizeof *e + strlen(part->path), "a mapped file");
    if (status) {
        if (e) atomic_store(&e->taken, 0);
        free(name);
        return status;
    }
    e->mapping = at;
    e->file = -1;
    e->bytes = part->bytes;
    e->offset = part->offset;
    e->rest = NULL;
    if (*last) (*last)->rest = e;
    *last = e;
    entry_use(e, name, at);
    return CUSGD_OK;
}

int file_parts_fit(const file_part *parts, int64_t count)
{
    size_t page = (size_t)sysconf(_SC_PAGESIZE);
    for (int64_t i = 0; i < count; i++)
        if (parts[i].offset % page || (i + 1 < count && parts[i].bytes % page)) return 0;
    return 1;
}

cusgd_status file_map_parts(const file_part *parts, int64_t count, void **mapping)
{
    size_t bytes = 0, done = 0;
    entry *last = NULL;
    cusgd_status status = CUSGD_OK;
    *mapping = NULL;
    for (int64_t i = 0; i < count; i++) bytes += parts[i].bytes;
    char *at = mmap(NULL, bytes, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (at == MAP_FAILED)
        return fail(CUSGD_ERROR_MEMORY, "%s: %zu bytes of addresses cannot be reserved: %s", parts[0].path, bytes,
                    strerror(errno));
    for (int64_t i = 0; i < count && !status; i++) {
        status = add_part(&parts[i], at + done, &last);
        if (!status) done += parts[i].bytes;
    }
    if (!status) *mapping = at;
    if (status) {
        if (done > 0) file_unmap(at); /* the parts that were mapped */
        munmap(at + done, bytes - done);
    }
    return status;
}

int64_t file_pieces(const void *at, file_piece *list, int64_t room)
{
    const entry *e = entry_around(at);
    uintptr_t address = (uintptr_t)at;
    int64_t count = 0;
    for (size_t done = 0; e; e = e->rest, count++) {
        size_t skipped = count == 0 ? address - atomic_load(&e->begin) : 0;
        if (count < room)
            list[count] =
                (file_piece){done, e->bytes - skipped, e->offset + skipped, e->path, e->file, e->file < 0 ? &e->before : NULL};
        done += e->bytes - skipped;
    }
    return count;
}

/* ---- Mappings of the caller's ---- */

/* A file of that name that is shorter already may be another one: its size then says nothing. */
static int open_whole(const char *path, size_t end)
{
    struct stat info;
    int file = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (file < 0 || (fstat(file, &info) == 0 && S_ISREG(info.st_mode) && (uintmax_t)info.st_size >= end)) return file;
    close(file);
    return -1;
}

cusgd_status file_watch(const char *path, const void *mapping, size_t bytes, size_t offset, void **watch)
{
    char *name = strdup(path);
    entry *e = name ? entry_take() : NULL;
    *watch = e;
    if (!e) {
        free(name);
        return fail_memory(sizeof *e + strlen(path), "a mapped file");
    }
    e->mapping = NULL;
    e->rest = NULL;
    e->bytes = bytes;
    e->offset = offset;
    e->file = open_whole(path, offset + bytes);
    e->is_same = map_is_of(mapping, e->file, offset);
    entry_use(e, name, mapping);
    return CUSGD_OK;
}

cusgd_status file_check_watched(const void *watch) { return watch ? entry_check(watch) : CUSGD_OK; }

void file_unwatch(void *watch)
{
    if (watch) entry_give_back(watch);
}

/* ---- The signal ---- */

int cusgd_data_fault(void *address)
{
    uintptr_t at = (uintptr_t)address, page = atomic_load(&page_bytes);
    int before = errno;
    for (entry *e = first; e; e = entry_after(e)) {
        uintptr_t begin = atomic_load(&e->begin), end = atomic_load(&e->end);
        /* If the beginning has changed meanwhile, another thread reuses the entry, and the end may belong to another mapping. */
        if (begin == 0 || at < begin || at >= end || atomic_load(&e->begin) != begin) continue;
        /* What lies behind a page that is no longer there is not there either. */
        uintptr_t from = at / page * page, to = (end + page - 1) / page * page;
        int may = e->mapping ? PROT_READ : PROT_READ | PROT_WRITE;
        void *zeros = mmap((char *)address - (at - from), to - from, may, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
        atomic_store(&e->lost, 1);
        errno = before;
        return zeros != MAP_FAILED;
    }
    return 0;
}

/* If no mapped file lies at the address, the signal is the earlier handler's; where there is none, the default action ends the
 * program when the access is repeated. A signal that a process sent (si_code <= 0) has no address and no access to repeat: it is
 * raised again. */
static struct sigaction earlier;

static void on_fault(int number, siginfo_t *info, void *context)
{
    int is_sent = info->si_code <= 0;
    if (!is_sent && cusgd_data_fault(info->si_addr)) return;
    if (earlier.sa_flags & SA_SIGINFO) {
        earlier.sa_sigaction(number, info, context);
        return;
    }
    sigaction(number, &earlier, NULL);
    if (is_sent || (earlier.sa_handler != SIG_DFL && earlier.sa_handler != SIG_IGN)) raise(number);
}

static void install(void)
{
    struct sigaction action = {.sa_sigaction = on_fault, .sa_flags = SA_SIGINFO | SA_ONSTACK};
    sigemptyset(&action.sa_mask);
    sigaction(SIGBUS, &action, &earlier);
}

void cusgd_handle_faults(void)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, install);
}
