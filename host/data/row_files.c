#include "row_files.h"

#include "failure.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { MOST_OPEN = 64 }; /* files of a folder, as a process may have few open */

typedef struct row_file {
    file_piece of;
    struct stat seen; /* what was mapped */
    int file;         /* -1: not open */
    int is_other;     /* its name stands for another file by now: what is mapped is read instead */
} row_file;

struct row_files {
    const char *at;
    row_file *list; /* in the order of their bytes */
    int64_t count;
    int64_t open[MOST_OPEN]; /* those opened here, the eldest at `next`; -1: none */
    int next;
};

/* ---- One of them --------------------------------------------------------------------------------------------------------- */

/* The file's status as it is now; 0: not known, as where its name stands for another file. */
static int stat_now(const row_file *r, struct stat *now)
{
    if (r->of.file >= 0) return fstat(r->of.file, now) == 0;
    return stat(r->of.path, now) == 0 && now->st_ino == r->seen.st_ino && now->st_dev == r->seen.st_dev;
}

/* The one that has byte `from`. */
static row_file *find(const row_files *f, size_t from)
{
    int64_t low = 0, high = f->count - 1;
    while (low < high) {
        int64_t middle = low + (high - low + 1) / 2;
        if (f->list[middle].of.at <= from)
            low = middle;
        else
            high = middle - 1;
    }
    return &f->list[low];
}

/* A descriptor to read it by; -1: what is mapped must do. */
static int open_file(row_files *f, row_file *r)
{
    struct stat now;
    if (r->file >= 0 || r->is_other) return r->file;
    int file = open(r->of.path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (file < 0 && (errno == EMFILE || errno == ENFILE || errno == EINTR)) return -1;
    r->is_other = file < 0 || fstat(file, &now) != 0 || now.st_ino != r->seen.st_ino || now.st_dev != r->seen.st_dev;
    if (r->is_other) {
        if (file >= 0) close(file);
        return -1;
    }
    int64_t eldest = f->open[f->next];
    if (eldest >= 0) {
        close(f->list[eldest].file);
        f->list[eldest].file = -1;
    }
    f->open[f->next] = r - f->list;
    f->next = (f->next + 1) % MOST_OPEN;
    r->file = file;
    return file;
}

int row_files_report_present(const row_files *f)
{
    for (int64_t i = 0; i < f->count; i++) {
        const row_file *r = &f->list[i];
        if (r->seen.st_uid != geteuid() && faccessat(AT_FDCWD, r->of.path, W_OK, AT_EACCESS) != 0) return 0;
    }
    return 1;
}

/* ---- Reading ------------------------------------------------------------------------------------------------------------- */

static size_t bytes_here(const row_file *r, size_t from, size_t bytes)
{
    size_t left = r->of.at + r->of.bytes - from;
    return bytes < left ? bytes : left;
}

void row_files_announce(row_files *f, size_t from, size_t bytes)
{
    while (bytes > 0) {
        row_file *r = find(f, from);
        size_t some = bytes_here(r, from, bytes);
        int file = open_file(f, r);
        if (file >= 0) (void)posix_fadvise(file, (off_t)(r->of.start + (from - r->of.at)), (off_t)some, POSIX_FADV_WILLNEED);
        from += some;
        bytes -= some;
    }
}

static int read_whole(int file, char *to, size_t bytes, size_t from)
{
    while (bytes > 0) {
        ssize_t count = pread(file, to, bytes, (off_t)from);
        if (count == 0) return -1;
        if (count < 0 && errno != EINTR) return errno;
        if (count < 0) continue;
        to += count;
        from += (size_t)count;
        bytes -= (size_t)count;
    }
    return 0;
}

int row_files_read(row_files *f, char *to, size_t from, size_t bytes, const char **path)
{
    int error = 0;
    while (bytes > 0 && !error) {
        row_file *r = find(f, from);
        size_t some = bytes_here(r, from, bytes);
        int file = open_file(f, r);
        *path = r->of.path;
        if (file >= 0)
            error = read_whole(file, to, some, r->of.start + (from - r->of.at));
        else
            memcpy(to, f->at + from, some);
        to += some;
        from += some;
        bytes -= some;
    }
    return error;
}

/* ---- Their life ---------------------------------------------------------------------------------------------------------- */

cusgd_status row_files_open(const void *at, row_files **out)
{
    int64_t count = file_pieces(at, NULL, 0);
    *out = NULL;
    if (count == 0) return CUSGD_OK;
    row_files *f = allocate_zeroed(1, sizeof *f);
    file_piece *pieces = allocate((size_t)count, sizeof *pieces);
    if (f) f->list = allocate_zeroed((size_t)count, sizeof *f->list);
    if (!f || !pieces || !f->list) {
        row_files_close(f);
        free(pieces);
        return fail_memory((size_t)count * sizeof *f->list, "the files that rows are read from");
    }
    f->at = at;
    f->count = file_pieces(at, pieces, count);
    for (int i = 0; i < MOST_OPEN; i++) f->open[i] = -1;
    cusgd_status status = CUSGD_OK;
    for (int64_t i = 0; i < f->count; i++) {
        row_file *r = &f->list[i];
        *r = (row_file){.of = pieces[i], .file = pieces[i].file};
        if (r->of.file < 0)
            r->seen = *pieces[i].seen;
        else if (!status && fstat(r->of.file, &r->seen) != 0)
            status = fail(CUSGD_ERROR_DATA, "%s: cannot be read: %s", r->of.path, strerror(errno));
    }
    free(pieces);
    if (status)
        row_files_close(f);
    else
        *out = f;
    return status;
}

void row_files_close(row_files *f)
{
    if (!f) return;
    for (int64_t i = 0; i < f->count; i++)
        if (f->list[i].of.file < 0 && f->list[i].file >= 0) close(f->list[i].file);
    free(f->list);
    free(f);
}

cusgd_status row_files_check(const row_files *f)
{
    for (int64_t i = 0; i < f->count; i++) {
        const row_file *r = &f->list[i];
        struct stat now;
        int same = !stat_now(r, &now) || (now.st_size == r->seen.st_size && now.st_mtim.tv_sec == r->seen.st_mtim.tv_sec &&
                                          now.st_mtim.tv_nsec == r->seen.st_mtim.tv_nsec);
        if (!same)
            return fail(CUSGD_ERROR_DATA,
                        "%s: was written while it was in use; leave data files unchanged during a run, and write new ones under "
                        "another name",
                        r->of.path);
    }
    return CUSGD_OK;
}
