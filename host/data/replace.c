#include "data.h"
#include "failure.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

struct replacement {
    char *path;      /* the file to replace, after following all links */
    char *temporary; /* next to it; removed unless committed */
    int file;        /* its descriptor */
    int is_locked;   /* 1: it remains open and locked until it is renamed */
    int is_complete;
};

static cusgd_status fail_write(const char *path, const char *what)
{
    return fail(CUSGD_ERROR_DATA, "%s: %s: %s", path, what, strerror(errno));
}

/* Returns the length of the path up to and including its last slash; 0 if it has none. */
static size_t folder_length(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash ? (size_t)(slash - path) + 1 : 0;
}

/* Returns the path of `name` in the folder of the file; `name` may be absolute. */
static char *sibling(const char *path, const char *name)
{
    size_t folder = *name == '/' ? 0 : folder_length(path), length = strlen(name);
    char *whole = allocate(folder + length + 1, 1);
    if (!whole) return NULL;
    memcpy(whole, path, folder);
    memcpy(whole + folder, name, length + 1);
    return whole;
}

/* Follows the links that `path` is, the last of which may lead to where nothing is yet. */
static cusgd_status follow_links(const char *path, char **out)
{
    char *now = strdup(path), target[PATH_MAX];
    for (int links = 0; now; links++) {
        ssize_t length = readlink(now, target, sizeof target - 1);
        if (length < 0) {
            *out = now;
            return CUSGD_OK;
        }
        if (links == 40) {
            free(now);
            return fail(CUSGD_ERROR_DATA, "%s: is a symbolic link that leads nowhere", path);
        }
        target[length] = '\0';
        char *next = sibling(now, target);
        free(now);
        now = next;
    }
    return fail_memory(strlen(path) + 1, "a path");
}

/* Whether something may be put at the path; *mode is what the file there has, or -1 if there is none. */
static cusgd_status check_place(const char *path, int *mode)
{
    struct stat old;
    *mode = -1;
    if (*path == '\0') return fail(CUSGD_ERROR_DATA, "'': a file needs a name");
    if (stat(path, &old) != 0) {
        if (errno != ENOENT) return fail_write(path, "cannot be written");
        if (path[strlen(path) - 1] == '/')
            return fail(CUSGD_ERROR_DATA, "%s: names a folder, where a file is to be written", path);
        return CUSGD_OK;
    }
    if (S_ISDIR(old.st_mode)) return fail(CUSGD_ERROR_DATA, "%s: is a folder, where a file is to be written", path);
    if (!S_ISREG(old.st_mode)) return fail(CUSGD_ERROR_DATA, "%s: is not a regular file, and cannot be replaced by one", path);
    if (faccessat(AT_FDCWD, path, W_OK, AT_EACCESS) != 0) return fail_write(path, "cannot be written");
    *mode = (int)(old.st_mode & 0777);
    return CUSGD_OK;
}

/* Opens a file of a name that is not taken. The name is short whatever the other's is, and hidden from patterns such as *.npy. */
static cusgd_status open_temporary(replacement *r)
{
    for (int attempt = 0; attempt < 1000; attempt++) {
        char name[64];
        snprintf(name, sizeof name, ".cusgd-%ld-%d.tmp", (long)getpid(), attempt);
        free(r->temporary);
        r->temporary = sibling(r->path, name);
        if (!r->temporary) return fail_memory(strlen(r->path) + sizeof name, "a path");
        r->file = open(r->temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
        if (r->file >= 0) return CUSGD_OK;
        if (errno != EEXIST) break;
    }
    free(r->temporary); /* not ours to remove */
    r->temporary = NULL;
    return fail_write(r->path, "cannot be written into its folder");
}

/* Returns the path followed by `ending`. */
static char *path_with(const char *path, const char *ending)
{
    size_t length = strlen(path), tail = strlen(ending) + 1;
    char *whole = allocate(length + tail, 1);
    if (!whole) return NULL;
    memcpy(whole, path, length);
    memcpy(whole + length, ending, tail);
    return whole;
}

/* 1: the file is this process's; 0: its name stands for another one by now; -1: another process has it. */
static int lock_temporary(const replacement *r)
{
    struct stat opened, named;
    if (flock(r->file, LOCK_EX | LOCK_NB) != 0 && errno == EWOULDBLOCK) return -1; /* not every file system has locks */
    if (fstat(r->file, &opened) != 0 || stat(r->temporary, &named) != 0) return 0;
    return opened.st_ino == named.st_ino && opened.st_dev == named.st_dev;
}

/* Opens the file of that name, which a process that was killed may have left. */
static cusgd_status open_named(replacement *r, const char *ending)
{
    int is_ours = 0;
    char *name = path_with(r->path, ending);
    if (!name) return fail_memory(strlen(r->path), "a path");
    for (int attempt = 0; attempt < 1000 && is_ours == 0; attempt++) {
        if (r->file >= 0) close(r->file);
        r->file = open(name, O_WRONLY | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0666);
        if (r->file < 0) break;
        r->temporary = name;
        is_ours = lock_temporary(r);
    }
    r->is_locked = 1;
    if (is_ours > 0 && ftruncate(r->file, 0) == 0) return CUSGD_OK;
    cusgd_status status = is_ours < 0 ? fail(CUSGD_ERROR_DATA, "%s: another process is writing it", r->path)
                                      : fail_write(r->path, "cannot be written into its folder");
    if (is_ours <= 0) { /* not ours to remove */
        free(name);
        r->temporary = NULL;
    }
    return status;
}

/* ending: of the temporary file's name; NULL: a name that is not taken. */
static cusgd_status open_replacement(const char *path, const char *ending, replacement **out)
{
    int mode = -1;
    *out = NULL;
    replacement *r = allocate_zeroed(1, sizeof *r);
    if (!r) return fail_memory(sizeof *r, "writing a file");
    r->file = -1;
    cusgd_status status = follow_links(path, &r->path);
    if (!status) status = check_place(r->path, &mode);
    if (!status) status = ending ? open_named(r, ending) : open_temporary(r);
    if (!status && mode >= 0 && fchmod(r->file, (mode_t)mode) != 0) status = fail_write(path, "cannot be given its old mode");
    if (status) {
        replacement_abandon(r);
        return status;
    }
    *out = r;
    return CUSGD_OK;
}

cusgd_status replacement_open(const char *path, replacement **out) { return open_replacement(path, NULL, out); }

cusgd_status replacement_open_named(const char *path, const char *ending, replacement **out)
{
    return open_replacement(path, ending, out);
}

/* So that the disk is at work while the next piece is made, and not only in fsync(). A file system that cannot do it waits until
 * then. */
static void begin_writing_out(const replacement *r, size_t count)
{
    enum { WORTH = 1 << 20 };
    if (count >= WORTH) (void)sync_file_range(r->file, 0, 0, SYNC_FILE_RANGE_WRITE);
}

cusgd_status replacement_write(replacement *r, const void *bytes, size_t count)
{
    const char *at = bytes;
    size_t whole = count;
    while (count > 0) {
        ssize_t written = write(r->file, at, count);
        if (written < 0 && errno == EINTR) continue;
        if (written == 0) errno = ENOSPC;
        if (written <= 0) return fail_write(r->path, "cannot be written");
        at += written;
        count -= (size_t)written;
    }
    begin_writing_out(r, whole);
    return CUSGD_OK;
}

/* So that the new name outlives a power failure. Not every file system can do it, and the file is in its place already. The
 * temporary file is no more; its name, in the same folder, makes room for the folder's. */
static void sync_folder(replacement *r)
{
    memcpy(r->temporary + folder_length(r->path), ".", 2);
    int file = open(r->temporary, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (file < 0) return;
    (void)fsync(file);
    close(file);
}

cusgd_status replacement_complete(replacement *r)
{
    cusgd_status status = CUSGD_OK;
    if (r->is_complete) return CUSGD_OK;
    if (fsync(r->file) != 0) status = fail_write(r->path, "cannot be written");
    r->is_complete = !status;
    if (r->is_locked) return status;
    if (close(r->file) != 0 && !status) status = fail_write(r->path, "cannot be written");
    r->file = -1;
    return status;
}

/* At no time there is no file of either name. */
cusgd_status replacement_keep(const replacement *r, const char *ending)
{
    char *kept = path_with(r->path, ending), *linked = kept ? path_with(kept, "-new") : NULL;
    cusgd_status status = linked ? CUSGD_OK : fail_memory(strlen(r->path), "a path");
    if (!status) {
        unlink(linked); /* left by a process that was killed here */
        if (link(r->path, linked) == 0 && (rename(linked, kept) != 0 || access(linked, F_OK) == 0))
            unlink(linked); /* two names of one file are both left by rename() */
    }
    free(kept);
    free(linked);
    return status;
}

cusgd_status replacement_commit(replacement *r)
{
    cusgd_status status = replacement_complete(r);
    if (!status && rename(r->temporary, r->path) != 0) status = fail_write(r->path, "cannot be replaced");
    if (!status) {
        sync_folder(r);
        free(r->temporary);
        r->temporary = NULL;
    }
    replacement_abandon(r);
    return status;
}

void replacement_abandon(replacement *r)
{
    if (!r) return;
    if (r->temporary && r->is_locked) unlink(r->temporary); /* while it is locked */
    if (r->file >= 0) close(r->file);
    if (r->temporary && !r->is_locked) unlink(r->temporary);
    free(r->temporary);
    free(r->path);
    free(r);
}
