/* Writing a folder of numbered files. It is written next to its place, under a hidden name, and gets its own when it is complete;
 * its index says until then that it is not. */
#include "failure.h"
#include "hash.h"
#include "pieces.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* The file of an array while it is written. */
typedef struct output {
    int file; /* -1: none */
    char *path;
    const char *shown; /* name of the folder in messages, instead of the hidden one */
    uint64_t sum;
    size_t used;           /* number of buffered bytes that are not yet in the file */
    unsigned char *buffer; /* SUMMED_BYTES */
} output;

struct pieces_writer {
    pieces s; /* the files and rows so far */
    int64_t rows_in_file;
    char *folder, *temporary;
    output out[PIECE_ARRAYS];
};

/* ---- The folder ---------------------------------------------------------------------------------------------------------- */

static int is_empty_folder(const char *path)
{
    DIR *open = opendir(path);
    int count = 0;
    if (!open) return 0;
    for (const struct dirent *file; (file = readdir(open));)
        count += strcmp(file->d_name, ".") != 0 && strcmp(file->d_name, "..") != 0;
    closedir(open);
    return count == 0;
}

/* Fails unless the path does not exist or is an empty folder. */
static cusgd_status check_place(const char *folder)
{
    struct stat info;
    if (*folder == '\0') return fail(CUSGD_ERROR_DATA, "a folder's name is empty");
    if (lstat(folder, &info) != 0) {
        if (errno == ENOENT) return CUSGD_OK;
        return fail(CUSGD_ERROR_DATA, "%s: cannot be written: %s", folder, strerror(errno));
    }
    if (S_ISDIR(info.st_mode) && is_empty_folder(folder)) return CUSGD_OK;
    return fail(CUSGD_ERROR_DATA, "%s: is there already: name another folder, or remove it first", folder);
}

/* Makes a folder next to `folder` of a name that is not taken. */
static cusgd_status make_temporary(pieces_writer *w)
{
    size_t length = strlen(w->folder), size = length + 64;
    const char *slash = strrchr(w->folder, '/');
    int parent = slash ? (int)(slash - w->folder) + 1 : 0;
    w->temporary = allocate(size, 1);
    if (!w->temporary) return fail_memory(size, "a path");
    for (int attempt = 0; attempt < 1000; attempt++) {
        snprintf(w->temporary, size, "%.*s.cusgd-%ld-%d.tmp", parent, w->folder, (long)getpid(), attempt);
        if (mkdir(w->temporary, 0777) == 0) return CUSGD_OK;
        if (errno != EEXIST) break;
    }
    free(w->temporary); /* belongs to others */
    w->temporary = NULL;
    return fail(CUSGD_ERROR_DATA, "%s: cannot be written: %s", w->folder, strerror(errno));
}

/* The name without slashes at its end. */
static char *copy_name(const char *folder)
{
    char *copy = strdup(folder);
    for (size_t length = copy ? strlen(copy) : 0; length > 1 && copy[length - 1] == '/'; length--) copy[length - 1] = '\0';
    return copy;
}

cusgd_status pieces_create(const char *folder, const pieces *s, pieces_writer **out)
{
    pieces_writer *w = *out = allocate_zeroed(1, sizeof *w);
    if (!w) return fail_memory(sizeof *w, "writing a folder");
    w->s = *s;
    w->s.rows = w->s.files = 0;
    w->s.sum = NULL;
    for (int a = 0; a < PIECE_ARRAYS; a++) w->out[a].file = -1;
    w->folder = copy_name(folder);
    for (int a = 0; a < PIECE_ARRAYS; a++) w->out[a].shown = w->folder;
    cusgd_status status = w->folder ? check_place(w->folder) : fail_memory(strlen(folder), "a path");
    if (!status) status = make_temporary(w);
    if (!status) status = pieces_write_index(w->temporary, NULL, NULL);
    for (int a = 0; a < PIECE_ARRAYS && !status; a++)
        if (s->cols[a] && !s->sparse && !(w->out[a].buffer = allocate(SUMMED_BYTES, 1)))
            status = fail_memory(SUMMED_BYTES, "writing a folder");
    if (!status) return CUSGD_OK;
    pieces_abandon(w);
    *out = NULL;
    return status;
}

const char *pieces_folder(const pieces_writer *w) { return w->temporary; }

/* ---- Files --------------------------------------------------------------------------------------------------------------- */

static cusgd_status write_at(const output *o, const void *bytes, size_t count, off_t at)
{
    const char *from = bytes;
    while (count > 0) {
        ssize_t written = at < 0 ? write(o->file, from, count) : pwrite(o->file, from, count, at);
        if (written < 0 && errno == EINTR) continue;
        if (written == 0) errno = ENOSPC;
        if (written <= 0) return fail(CUSGD_ERROR_DATA, "%s: cannot be written: %s", o->shown, strerror(errno));
        from += written;
        count -= (size_t)written;
        if (at >= 0) at += written;
    }
    return CUSGD_OK;
}

/* Writes the buffered bytes at the end of the file. */
static cusgd_status flush(output *o)
{
    cusgd_status status = o->used ? write_at(o, o->buffer, o->used, -1) : CUSGD_OK;
    if (!status && o->used) o->sum = hash_bytes(o->sum, o->buffer, o->used);
    o->used = 0;
    return status;
}

static cusgd_status put(output *o, const unsigned char *bytes, size_t count)
{
    cusgd_status status = CUSGD_OK;
    while (count > 0 && !status) {
        size_t room = SUMMED_BYTES - o->used, part = count < room ? count : room;
        memcpy(o->buffer + o->used, bytes, part);
        o->used += part;
        bytes += part;
        count -= part;
        if (o->used == SUMMED_BYTES) status = flush(o);
    }
    return status;
}

void pieces_header(const pieces *s, int array, int64_t rows, char header[PIECE_START])
{
    static const char *const descr[] = {"<f4", "<f8", "<u2"};
    char shape[64];
    if (array == PIECE_X || s->cols[array] > 1)
        snprintf(shape, sizeof shape, "(%" PRId64 ", %" PRId64 ")", rows, s->cols[array]);
    else
        snprintf(shape, sizeof shape, "(%" PRId64 ",)", rows);
    memset(header, ' ', PIECE_START);
    memcpy(header, "\x93NUMPY\x01\x00", 8);
    header[8] = (char)((PIECE_START - 10) & 0xFF);
    header[9] = (char)((PIECE_START - 10) >> 8);
    int length = snprintf(header + 10, PIECE_START - 10, "{'descr': '%s', 'fortran_order': False, 'shape': %s, }",
                          descr[s->type[array]], shape);
    header[10 + length] = ' ';
    header[PIECE_START - 1] = '\n';
}

static cusgd_status open_output(pieces_writer *w, int array)
{
    output *o = &w->out[array];
    char header[PIECE_START];
    free(o->path);
    o->path = piece_path(w->temporary, piece_names[array], w->s.files);
    if (!o->path) return fail_memory(strlen(w->temporary), "a path");
    o->sum = 1;
    o->used = 0;
    o->file = open(o->path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
    if (o->file < 0) return fail(CUSGD_ERROR_DATA, "%s: cannot be written: %s", o->shown, strerror(errno));
    pieces_header(&w->s, array, w->s.rows_per_file, header);
    return write_at(o, header, sizeof header, -1);
}

static cusgd_status close_output(pieces_writer *w, int array)
{
    output *o = &w->out[array];
    char header[PIECE_START];
    cusgd_status status = flush(o);
    pieces_header(&w->s, array, w->rows_in_file, header);
    if (!status && w->rows_in_file != w->s.rows_per_file) status = write_at(o, header, sizeof header, 0);
    if (!status && fsync(o->file) != 0) status = fail(CUSGD_ERROR_DATA, "%s: cannot be written: %s", o->shown, strerror(errno));
    if (close(o->file) != 0 && !status) status = fail(CUSGD_ERROR_DATA, "%s: cannot be written: %s", o->shown, strerror(errno));
    o->file = -1;
    w->s.sum[w->s.files * PIECE_ARRAYS + array] = o->sum;
    return status;
}

/* Room for one more file's checksums. */
static cusgd_status make_room(pieces_writer *w)
{
    uint64_t *more = allocate_next(w->s.sum, (size_t)w->s.files, PIECE_ARRAYS * sizeof *more, "checksums");
    if (!more) return CUSGD_ERROR_MEMORY;
    w->s.sum = more;
    return CUSGD_OK;
}

static cusgd_status open_files(pieces_writer *w)
{
    cusgd_status status = make_room(w);
    for (int a = 0; a < PIECE_ARRAYS && !status; a++)
        if (w->s.cols[a]) status = open_output(w, a);
    return status;
}

static cusgd_status close_files(pieces_writer *w)
{
    cusgd_status status = CUSGD_OK;
    for (int a = 0; a < PIECE_ARRAYS && !status; a++)
        if (w->s.cols[a]) status = close_output(w, a);
    w->rows_in_file = 0;
    w->s.files += !status;
    return status;
}

cusgd_status pieces_append(pieces_writer *w, const void *const arrays[PIECE_ARRAYS], int64_t rows)
{
    cusgd_status status = CUSGD_OK;
    for (int64_t done = 0; done < rows && !status;) {
        int64_t room = w->s.rows_per_file - w->rows_in_file, part = rows - done < room ? rows - done : room;
        if (w->rows_in_file == 0) status = open_files(w);
        for (int a = 0; a < PIECE_ARRAYS && !status; a++) {
            size_t row = (size_t)w->s.cols[a] * piece_element(w->s.type[a]);
            if (row) status = put(&w->out[a], (const unsigned char *)arrays[a] + (size_t)done * row, (size_t)part * row);
        }
        done += part;
        w->rows_in_file += part;
        w->s.rows += part;
        if (!status && w->rows_in_file == w->s.rows_per_file) status = close_files(w);
    }
    return status;
}

/* ---- The end ------------------------------------------------------------------------------------------------------------- */

static void sync_folder(const char *path)
{
    int folder = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (folder < 0) return;
    (void)fsync(folder); /* not every file system can do it */
    close(folder);
}

static cusgd_status put_in_place(pieces_writer *w)
{
    sync_folder(w->temporary);
    if (rename(w->temporary, w->folder) != 0)
        return fail(CUSGD_ERROR_DATA, "%s: cannot be put in its place: %s", w->folder, strerror(errno));
    char *slash = strrchr(w->folder, '/');
    if (slash) slash[slash == w->folder] = '\0';
    sync_folder(slash ? w->folder : ".");
    free(w->temporary);
    w->temporary = NULL;
    return CUSGD_OK;
}

cusgd_status pieces_finish(pieces_writer *w, const cusgd_data *described)
{
    cusgd_status status = w->rows_in_file && !w->s.sparse ? close_files(w) : CUSGD_OK;
    if (w->s.sparse) {
        w->s.rows = described->view.n;
        w->s.rows_per_file = w->s.rows;
        w->s.files = 1;
    }
    if (!status && w->s.rows == 0) status = fail(CUSGD_ERROR_DATA, "%s: there are no rows to write", w->folder);
    if (!status && w->s.files == 1) w->s.rows_per_file = w->s.rows;
    if (!status) status = pieces_write_index(w->temporary, &w->s, described);
    if (!status) status = put_in_place(w);
    pieces_abandon(w);
    return status;
}

static void remove_folder(const char *path)
{
    DIR *open = opendir(path);
    for (const struct dirent *file; open && (file = readdir(open));) unlinkat(dirfd(open), file->d_name, 0);
    if (open) closedir(open);
    rmdir(path);
}

void pieces_abandon(pieces_writer *w)
{
    if (!w) return;
    for (int a = 0; a < PIECE_ARRAYS; a++) {
        if (w->out[a].file >= 0) close(w->out[a].file);
        free(w->out[a].path);
        free(w->out[a].buffer);
    }
    if (w->temporary) remove_folder(w->temporary);
    free(w->temporary);
    free(w->folder);
    free(w->s.sum);
    free(w);
}
