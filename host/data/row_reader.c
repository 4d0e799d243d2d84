/* Rows brought into memory ahead of their use. */
#include "row_reader.h"

#include "advice.h"
#include "clock.h"
#include "failure.h"
#include "pool.h"
#include "row_files.h"

#include <errno.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { MATRICES = 4, X = 0 }; /* x, y, w, o */
/* What is asked for at once. Long runs of rows that stay where they are come in large pages of memory, which take the system a
 * sixth of the time, but cannot be asked for ahead of a fault: so several threads wait for some each. */
enum {
    PART_BYTES = 1 << 20,
    PARTS_AHEAD = 16, /* that the system is asked for before they are read, so that the disk has several requests at a time */
    LONG_PART_BYTES = 1 << 24,
    LONG_RUN_BYTES = 1 << 22,
    LONG_THREADS = 4
};

typedef struct part {
    row_run rows;
    int was_absent; /* 1: it was not all in memory when it was announced */
} part;

typedef struct request {
    part *parts;
    int64_t count;
    int64_t at;  /* of copies, the row of the slot */
    int is_long; /* 1: its runs are */
} request;

/* Rows that stay where they are: of requests that no one uses yet; in use; to be given up by the next request. */
enum { COME, USED, PAST, STAGES };
typedef struct part_list {
    row_run *at;
    int64_t count, room;
    int were_read; /* 1: not all of them were in memory before */
} part_list;

struct row_reader {
    examples of;
    int64_t room;
    slot_memory memory;
    char *slot[MATRICES];
    size_t row_bytes[MATRICES];
    row_files *files;            /* that x lies in; NULL: in memory alone, or in files of the caller's */
    row_files *others[MATRICES]; /* that y, w and o lie in, which are read where they are mapped */
    int reports_present;         /* 0: the system calls pages of x present that are not */
    request ask;                 /* the one under way */
    int advice;                  /* the latest advice to the system about x; 0: nothing yet */
    part_list rows[STAGES];
    double bytes_of_all; /* of x */
    pthread_t thread;
    int is_under_way, has_thread;
    int error;             /* errno of what has failed; -1: the file has ended */
    const char *path;      /* of the file that was read last */
    row_reader_times took; /* by the requests that have ended, */
    row_reader_times now;  /* and by the one under way: the thread's until it is joined */
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

static page_range all_pages(const row_reader *r) { return pages_of(r, X, (row_run){0, r->of.n}); }

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

/* 0: the system says that it cannot. */
static int make_present(page_range p)
{
    if (madvise(p.at, p.bytes, MADV_POPULATE_READ) == 0) return 1;
    if (errno != EINVAL) return 0;
    size_t page = (size_t)sysconf(_SC_PAGESIZE); /* an older kernel */
    for (size_t done = 0; done < p.bytes; done += page) (void)*(volatile char *)(p.at + done);
    return 1;
}

/* Whether each page has been mapped once. */
static int is_mapped(const row_reader *r) { return r->took.bytes + r->took.present >= r->bytes_of_all; }

/* What has been mapped and is in memory is left alone; the first time all pages are mapped here, so that steps need not. Returns
 * as make_present(). */
static int fetch_part(const row_reader *r, const part *p)
{
    if (!p->was_absent && is_mapped(r)) return 1;
    for (int i = X + 1; i < MATRICES; i++) {
        if (r->row_bytes[i] == 0) continue;
        page_range range = pages_of(r, i, p->rows);
        (void)madvise(range.at, range.bytes, MADV_WILLNEED); /* else a fault reads what is around it, too */
        (void)madvise(range.at, range.bytes, MADV_POPULATE_READ);
    }
    return make_present(pages_of(r, X, p->rows));
}

/* Neither mapped pages nor those that the system has seen used are given up before others otherwise. What is mapped is what the
 * file has (file_pieces), so that it may be unmapped here, too: all at once, where the system would do it page by page. */
static void give_up(row_reader *r)
{
    for (int64_t p = 0; p < r->rows[PAST].count && r->rows[PAST].were_read; p++) {
        page_range range = pages_of(r, X, r->rows[PAST].at[p]);
        (void)madvise(range.at, range.bytes, MADV_COLD);
        if (r->files) (void)madvise(range.at, range.bytes, MADV_DONTNEED);
    }
    r->rows[PAST].count = 0;
}

/* ---- The thread ---- */

static void announce(const row_reader *r, int64_t at)
{
    size_t bytes = r->row_bytes[X];
    if (at >= r->ask.count) return;
    part *p = &r->ask.parts[at];
    if (r->room > 0) {
        row_files_announce(r->files, (size_t)p->rows.first * bytes, (size_t)p->rows.count * bytes);
        return;
    }
    page_range range = pages_of(r, X, p->rows);
    p->was_absent = !r->reports_present || !is_present(range);
    if (p->was_absent && !r->ask.is_long) (void)madvise(range.at, range.bytes, MADV_WILLNEED);
}

/* What the threads of a request share. */
typedef struct fetching {
    row_reader *reader;
    _Atomic int64_t next;
    _Atomic int64_t failed; /* a part whose pages could not be had; -1: none */
} fetching;

static void *fetch_parts(void *of)
{
    fetching *f = of;
    row_reader *r = f->reader;
    for (int64_t p; (p = f->next++) < r->ask.count && f->failed < 0;) {
        if (!r->ask.is_long) announce(r, p + PARTS_AHEAD);
        if (!fetch_part(r, &r->ask.parts[p])) f->failed = p;
    }
    return NULL;
}

/* Of runs that are far apart large pages would have rows between them, too, as would what the system reads around a page that
 * steps find missing. */
static void advise(row_reader *r)
{
    page_range all = all_pages(r);
    int advice = r->ask.is_long ? MADV_HUGEPAGE : MADV_NOHUGEPAGE;
    if (!r->files || r->advice == advice) return;
    r->advice = advice;
    (void)madvise(all.at, all.bytes, r->ask.is_long ? MADV_NORMAL : MADV_RANDOM);
    (void)madvise(all.at, all.bytes, advice);
}

/* How many parts of a long run, which have been announced, need to be fetched. */
static int64_t parts_to_fetch(const row_reader *r)
{
    int64_t count = 0;
    for (int64_t p = 0; p < r->ask.count; p++) count += r->ask.parts[p].was_absent || !is_mapped(r);
    return count;
}

static void fetch_all(row_reader *r)
{
    fetching f = {.reader = r, .failed = -1};
    pthread_t more[LONG_THREADS - 1];
    int count = 0, wanted = r->ask.is_long ? (int)min_of(parts_to_fetch(r), LONG_THREADS) - 1 : 0;
    advise(r);
    for (int64_t p = 0; !r->ask.is_long && p < PARTS_AHEAD; p++) announce(r, p);
    give_up(r);
    while (count < wanted && pthread_create(&more[count], NULL, fetch_parts, &f) == 0) count++;
    fetch_parts(&f);
    while (count > 0) pthread_join(more[--count], NULL);
    if (f.failed >= 0) r->error = error_of(r, r->ask.parts[f.failed].rows);
    for (int64_t p = 0; p < r->ask.count; p++)
        *(r->ask.parts[p].was_absent ? &r->now.bytes : &r->now.present) +=
            (double)r->ask.parts[p].rows.count * (double)r->row_bytes[X];
}

static void copy_all(row_reader *r)
{
    int64_t to = r->ask.at;
    size_t bytes = r->row_bytes[X];
    for (int64_t p = 0; r->files && p < PARTS_AHEAD; p++) announce(r, p);
    for (int64_t p = 0; p < r->ask.count && !r->error; p++) {
        row_run run = r->ask.parts[p].rows;
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
    r->now.bytes = (double)(to - r->ask.at) * (double)bytes;
}

static void *do_request(void *of)
{
    row_reader *r = of;
    double begun = clock_seconds();
    r->now.bytes = r->now.present = 0;
    if (r->room > 0)
        copy_all(r);
    else
        fetch_all(r);
    r->now.reading = clock_seconds() - begun;
    return NULL;
}

/* ---- Requests ---- */

/* Adds the rows of the request under way, neighbors as one run. */
static cusgd_status add_parts(row_reader *r, part_list *l)
{
    if (l->room < l->count + r->ask.count) {
        int64_t room = 2 * (l->count + r->ask.count);
        row_run *at = realloc(l->at, (size_t)room * sizeof *at);
        if (!at) return fail_memory((size_t)room * sizeof *at, "the rows to be read");
        l->at = at;
        l->room = room;
    }
    for (int64_t p = 0; p < r->ask.count; p++) {
        row_run rows = r->ask.parts[p].rows, *last = l->count > 0 ? &l->at[l->count - 1] : NULL;
        if (last && last->first + last->count == rows.first)
            last->count += rows.count;
        else
            l->at[l->count++] = rows;
    }
    return CUSGD_OK;
}

void row_reader_use(row_reader *r)
{
    part_list past = r->rows[PAST];
    r->rows[PAST] = r->rows[USED];
    r->rows[USED] = r->rows[COME];
    r->rows[COME] = past;
    r->rows[COME].count = r->rows[COME].were_read = 0;
}

static int are_long(const row_reader *r, const row_run *runs, int64_t count)
{
    int are = r->room == 0 && r->files;
    for (int64_t i = 0; i < count && are; i++) are = runs[i].count >= LONG_RUN_BYTES / (int64_t)r->row_bytes[X];
    return are;
}

static cusgd_status cut_into_parts(row_reader *r, const row_run *runs, int64_t count)
{
    r->ask.is_long = are_long(r, runs, count);
    int64_t most = (r->ask.is_long ? LONG_PART_BYTES : PART_BYTES) / (int64_t)r->row_bytes[X], parts = 0;
    if (most < 1) most = 1;
    for (int64_t i = 0; i < count; i++) parts += (runs[i].count + most - 1) / most;
    free(r->ask.parts);
    r->ask.parts = allocate_zeroed((size_t)(parts > 0 ? parts : 1), sizeof *r->ask.parts);
    if (!r->ask.parts) return fail_memory((size_t)parts * sizeof *r->ask.parts, "the rows to be read");
    r->ask.count = 0;
    for (int64_t i = 0; i < count; i++)
        for (int64_t done = 0; done < runs[i].count; done += most)
            r->ask.parts[r->ask.count++].rows =
                (row_run){runs[i].first + done, runs[i].count - done < most ? runs[i].count - done : most};
    return CUSGD_OK;
}

cusgd_status row_reader_begin(row_reader *r, const row_run *runs, int64_t count, int64_t at)
{
    sigset_t before;
    cusgd_status status = cut_into_parts(r, runs, count);
    if (!status && r->room == 0) status = add_parts(r, &r->rows[COME]);
    if (status) return status;
    r->ask.at = at;
    r->error = 0;
    r->is_under_way = 1;
    for (int64_t p = 0; r->ask.is_long && p < r->ask.count; p++) announce(r, p);
    /* To start a thread takes as long as steps on hundreds of rows. */
    int is_needed = r->ask.is_long ? parts_to_fetch(r) > 0 : r->ask.count > 0;
    pool_block_signals(&before);
    r->has_thread = is_needed && pthread_create(&r->thread, NULL, do_request, r) == 0;
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (r->has_thread) return CUSGD_OK;
    do_request(r);
    r->took.waiting += r->now.reading;
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
    r->took.reading += r->now.reading;
    r->took.bytes += r->now.bytes;
    r->took.present += r->now.present;
    r->rows[COME].were_read |= r->now.bytes > 0;
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
    r->reports_present = !r->files || row_files_report_present(r->files);
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
    if (r->advice) { /* other readers of the mapping come in order */
        page_range all = all_pages(r);
        (void)madvise(all.at, all.bytes, MADV_NORMAL);
    }
    for (int i = 0; i < MATRICES; i++) {
        if (r->slot[i]) r->memory.give(r->memory.of, r->slot[i]);
        row_files_close(r->others[i]);
    }
    row_files_close(r->files);
    for (int i = 0; i < STAGES; i++) free(r->rows[i].at);
    free(r->ask.parts);
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
