/* Rows brought into memory ahead of their use. */
#include "row_reader.h"

#include "clock.h"
#include "failure.h"
#include "pool.h"
#include "row_files.h"

#include <errno.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#ifndef MADV_POPULATE_READ
#define MADV_POPULATE_READ 22 /* of Linux 5.14, which older headers do not name */
#endif

enum { MATRICES = 4, X = 0 }; /* x, y, w, o */
enum {
    PART_BYTES = 1 << 20, /* of x that are asked for at once */
    PARTS_AHEAD = 16      /* that the system is asked for before they are read, so that the disk has several requests at a time */
};

struct row_reader {
    examples of;
    int64_t room;
    slot_memory memory;
    char *slot[MATRICES];
    size_t row_bytes[MATRICES];
    row_files *files;            /* that x lies in; NULL: in memory alone, or in files of the caller's */
    row_files *others[MATRICES]; /* that y, w and o lie in, which are read where they are mapped */
    row_run *parts;              /* of the request under way */
    int64_t part_count, at;
    double bytes_of_all; /* of x */
    pthread_t thread;
    int is_under_way, has_thread;
    int error;                      /* errno of what has failed; -1: the file has ended */
    const char *path;               /* of the file that was read last */
    row_reader_times took;          /* by the requests that have ended, */
    double bytes, present, reading; /* and by the one under way: the thread's until it is joined */
};

static const cusgd_matrix *matrix_of(const examples *e, int i)
{
    const cusgd_matrix *all[MATRICES] = {&e->x, &e->y, &e->w, &e->o};
    return all[i];
}

static size_t bytes_in_row(const examples *e, int i)
{
    const int64_t cols[MATRICES] = {e->d, e->k, 1, 1};
    const cusgd_matrix *m = matrix_of(e, i);
    return m->at ? (size_t)cols[i] * type_bytes(m->type) : 0;
}

int64_t row_reader_row_bytes(const examples *e)
{
    size_t bytes = 0;
    for (int i = 0; i < MATRICES; i++) bytes += bytes_in_row(e, i);
    return (int64_t)bytes;
}

/* ---- Copying ---- */

/* Rows of one matrix to row `to` of its slot. */
static void copy_rows(const row_reader *r, int i, row_run run, int64_t to)
{
    const cusgd_matrix *m = matrix_of(&r->of, i);
    size_t bytes = r->row_bytes[i], value = type_bytes(m->type);
    int64_t cols = (int64_t)(bytes / value);
    char *out = r->slot[i] + (size_t)to * bytes;
    int is_plain = (m->col_stride == 1 || cols == 1) && m->row_stride == cols && !r->of.rows;
    if (is_plain) {
        memcpy(out, (const char *)m->at + (size_t)run.first * bytes, (size_t)run.count * bytes);
        return;
    }
    for (int64_t row = run.first; row < run.first + run.count; row++) {
        const char *from = (const char *)m->at + examples_row(&r->of, row) * m->row_stride * (int64_t)value;
        for (int64_t c = 0; c < cols; c++, out += value) memcpy(out, from + c * m->col_stride * (int64_t)value, value);
    }
}

/* ---- Rows that stay where they are ---- */

/* The system's pages that have rows of the run. */
typedef struct page_range {
    char *at;
    size_t bytes;
} page_range;

static page_range pages_of(const row_reader *r, int i, row_run run)
{
    const cusgd_matrix *m = matrix_of(&r->of, i);
    uintptr_t page = (uintptr_t)sysconf(_SC_PAGESIZE), at = (uintptr_t)m->at,
              stride = (uintptr_t)m->row_stride * type_bytes(m->type);
    uintptr_t first = at + (uintptr_t)examples_row(&r->of, run.first) * stride;
    uintptr_t end = at + (uintptr_t)examples_row(&r->of, run.first + run.count - 1) * stride + r->row_bytes[i];
    return (page_range){(char *)m->at - (at - first / page * page), (end + page - 1) / page * page - first / page * page};
}

static int is_present(page_range p)
{
    enum { PAGES = 512 };
    unsigned char in_memory[PAGES];
    size_t page = (size_t)sysconf(_SC_PAGESIZE);
    for (size_t done = 0, some; done < p.bytes; done += some) {
        some = p.bytes - done < PAGES * page ? p.bytes - done : PAGES * page;
        if (mincore(p.at + done, some, in_memory) != 0) return 0;
        for (size_t i = 0; i < some / page; i++)
            if (!(in_memory[i] & 1)) return 0;
    }
    return 1;
}

/* Why the pages of a run could not be had: what a read of its rows says. */
static int error_of(row_reader *r, row_run run)
{
    enum { BYTES = 1 << 16 };
    int error = 0;
    size_t stride = (size_t)r->of.x.row_stride * type_bytes(r->of.x.type);
    size_t at = (size_t)examples_row(&r->of, run.first) * stride;
    size_t end = (size_t)examples_row(&r->of, run.first + run.count - 1) * stride + r->row_bytes[X];
    char *to = r->files ? allocate(BYTES, 1) : NULL;
    for (; to && at < end && !error; at += BYTES)
        error = row_files_read(r->files, to, at, end - at < BYTES ? end - at : BYTES, &r->path);
    free(to);
    return error;
}

/* Returns as row_files_read(). */
static int make_present(row_reader *r, row_run run)
{
    page_range p = pages_of(r, X, run);
    if (madvise(p.at, p.bytes, MADV_POPULATE_READ) == 0) return 0;
    if (errno != EINVAL) return error_of(r, run);
    size_t page = (size_t)sysconf(_SC_PAGESIZE); /* an older kernel */
    for (size_t done = 0; done < p.bytes; done += page) (void)*(volatile char *)(p.at + done);
    return 0;
}

/* What has been mapped and is in memory is left alone; the first time all pages are mapped here, so that steps need not. */
static void fetch_part(row_reader *r, row_run run)
{
    int present = is_present(pages_of(r, X, run)), is_mapped = r->took.bytes + r->took.present >= r->bytes_of_all;
    *(present ? &r->present : &r->bytes) += (double)run.count * (double)r->row_bytes[X];
    if (present && is_mapped) return;
    r->error = make_present(r, run);
    for (int i = X + 1; i < MATRICES; i++)
        if (r->row_bytes[i] > 0) (void)madvise(pages_of(r, i, run).at, pages_of(r, i, run).bytes, MADV_POPULATE_READ);
}

/* ---- The thread ---- */

static void announce(const row_reader *r, int64_t part)
{
    size_t bytes = r->row_bytes[X];
    if (part >= r->part_count) return;
    if (r->room == 0) {
        page_range p = pages_of(r, X, r->parts[part]);
        if (!is_present(p)) (void)madvise(p.at, p.bytes, MADV_WILLNEED);
        return;
    }
    row_files_announce(r->files, (size_t)r->parts[part].first * bytes, (size_t)r->parts[part].count * bytes);
}

static void *copy_parts(void *of)
{
    row_reader *r = of;
    double begun = clock_seconds();
    int64_t to = r->at;
    size_t bytes = r->row_bytes[X];
    r->bytes = r->present = 0;
    for (int64_t p = 0; (r->files || r->room == 0) && p < PARTS_AHEAD; p++) announce(r, p);
    for (int64_t p = 0; p < r->part_count && !r->error && r->room == 0; p++) {
        announce(r, p + PARTS_AHEAD);
        fetch_part(r, r->parts[p]);
    }
    for (int64_t p = 0; p < r->part_count && !r->error && r->room > 0; p++) {
        row_run run = r->parts[p];
        if (!r->files) {
            copy_rows(r, X, run, to);
        } else {
            announce(r, p + PARTS_AHEAD);
            r->error = row_files_read(r->files, r->slot[X] + (size_t)to * bytes, (size_t)run.first * bytes,
                                      (size_t)run.count * bytes, &r->path);
        }
        for (int i = X + 1; i < MATRICES; i++)
            if (r->row_bytes[i] > 0) copy_rows(r, i, run, to);
        to += run.count;
    }
    if (r->room > 0) r->bytes = (double)(to - r->at) * (double)bytes;
    r->reading = clock_seconds() - begun;
    return NULL;
}

/* ---- Requests ---- */

static cusgd_status cut_into_parts(row_reader *r, const row_run *runs, int64_t count)
{
    int64_t most = PART_BYTES / (int64_t)r->row_bytes[X], parts = 0;
    if (most < 1) most = 1;
    for (int64_t i = 0; i < count; i++) parts += (runs[i].count + most - 1) / most;
    free(r->parts);
    r->parts = allocate((size_t)(parts > 0 ? parts : 1), sizeof *r->parts);
    if (!r->parts) return fail_memory((size_t)parts * sizeof *r->parts, "the rows to be read");
    r->part_count = 0;
    for (int64_t i = 0; i < count; i++)
        for (int64_t done = 0; done < runs[i].count; done += most)
            r->parts[r->part_count++] =
                (row_run){runs[i].first + done, runs[i].count - done < most ? runs[i].count - done : most};
    return CUSGD_OK;
}

cusgd_status row_reader_begin(row_reader *r, const row_run *runs, int64_t count, int64_t at)
{
    sigset_t before;
    cusgd_status status = cut_into_parts(r, runs, count);
    if (status) return status;
    r->at = at;
    r->error = 0;
    r->is_under_way = 1;
    pool_block_signals(&before);
    r->has_thread = r->part_count > 0 && pthread_create(&r->thread, NULL, copy_parts, r) == 0;
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (r->has_thread) return CUSGD_OK;
    copy_parts(r);
    r->took.waiting += r->reading;
    return CUSGD_OK;
}

static cusgd_status explain(const row_reader *r)
{
    if (r->error > 0) return fail(CUSGD_ERROR_DATA, "%s: cannot be read: %s", r->path, strerror(r->error));
    return fail(CUSGD_ERROR_DATA,
                "%s: became shorter while it was in use; leave data files unchanged during a run, and write new ones under "
                "another name",
                r->path);
}

static void wait_for_thread(row_reader *r)
{
    double begun = clock_seconds();
    if (!r->is_under_way) return;
    if (r->has_thread) pthread_join(r->thread, NULL);
    r->is_under_way = 0;
    r->took.waiting += clock_seconds() - begun;
    r->took.reading += r->reading;
    r->took.bytes += r->bytes;
    r->took.present += r->present;
}

cusgd_status row_reader_end(row_reader *r, examples *out)
{
    int was_under_way = r->is_under_way;
    wait_for_thread(r);
    if (was_under_way && r->error) return explain(r);
    if (!out || r->room == 0) return CUSGD_OK;
    *out = r->of;
    out->n = r->room;
    out->rows = NULL;
    cusgd_matrix *all[MATRICES] = {&out->x, &out->y, &out->w, &out->o};
    for (int i = 0; i < MATRICES; i++)
        if (r->slot[i])
            *all[i] = (cusgd_matrix){r->slot[i], all[i]->type, (int64_t)(r->row_bytes[i] / type_bytes(all[i]->type)), 1};
    return CUSGD_OK;
}

/* ---- Its life ---- */

cusgd_status row_reader_open(const examples *e, int64_t room, const slot_memory *memory, row_reader **out)
{
    row_reader *r = allocate_zeroed(1, sizeof *r);
    *out = NULL;
    if (!r) return fail_memory(sizeof *r, "a reader of rows");
    r->of = *e;
    r->room = room;
    if (memory) r->memory = *memory;
    int by_files = room == 0 || (!e->rows && e->x.row_stride == e->d);
    cusgd_status status = by_files ? row_files_open(e->x.at, &r->files) : CUSGD_OK;
    for (int i = 0; i < MATRICES && !status; i++) {
        if (i != X) status = row_files_open(matrix_of(e, i)->at, &r->others[i]);
        r->row_bytes[i] = bytes_in_row(e, i);
        if (i == X) r->bytes_of_all = (double)e->n * (double)r->row_bytes[i];
        if (status || r->row_bytes[i] == 0 || room == 0) continue;
        void *slot = NULL;
        status = r->memory.take(r->memory.of, (size_t)room * r->row_bytes[i], "the rows that are read ahead", &slot);
        r->slot[i] = slot;
    }
    if (status)
        row_reader_close(r);
    else
        *out = r;
    return status;
}

void row_reader_close(row_reader *r)
{
    if (!r) return;
    wait_for_thread(r);
    for (int i = 0; i < MATRICES; i++) {
        if (r->slot[i]) r->memory.give(r->memory.of, r->slot[i]);
        row_files_close(r->others[i]);
    }
    row_files_close(r->files);
    free(r->parts);
    free(r);
}

cusgd_status row_reader_check(const row_reader *r)
{
    cusgd_status status = r->files ? row_files_check(r->files) : CUSGD_OK;
    for (int i = 0; i < MATRICES && !status; i++)
        if (r->others[i]) status = row_files_check(r->others[i]);
    return status;
}

row_reader_times row_reader_took(const row_reader *r) { return r->took; }
