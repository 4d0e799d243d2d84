/* Rows of a data set brought into memory by a thread of its own, ahead of their use. Either they are copied to a slot, memory for
 * a fixed number of rows: rows that lie in files are read from them, so that they never count as memory of the process. Or they
 * stay where they are mapped, and the system is made to have their pages at hand: it gives them up when others need memory. */
#ifndef CUSGD_HOST_DATA_ROW_READER_H
#define CUSGD_HOST_DATA_ROW_READER_H

#include "data.h"

/* Consecutive rows of the view. */
typedef struct row_run {
    int64_t first, count;
} row_run;

typedef struct row_reader row_reader;

/* What the requests that have ended took. */
typedef struct row_reader_times {
    double bytes, reading; /* of x; seconds in which the thread copied or fetched them */
    double present;        /* bytes that had no need of it */
    double waiting;        /* seconds in which the caller waited for it */
} row_reader_times;

/* Bytes that a row takes in the slot. */
int64_t row_reader_row_bytes(const examples *e);
/* Where the slot's memory comes from, aligned to 64 bytes; give() accepts NULL. */
typedef struct slot_memory {
    void *of;
    cusgd_status (*take)(void *of, size_t bytes, const char *what, void **at);
    void (*give)(void *of, void *at);
} slot_memory;

/* For dense rows in the host's memory or files, whose columns are next to each other; `room` rows fit into the slot, of which
 * there is none where that is 0, and `memory` may then be NULL. The view must last as long. Errors: MEMORY, DATA, those of
 * take(). */
cusgd_status row_reader_open(const examples *e, int64_t room, const slot_memory *memory, row_reader **out);
void row_reader_close(row_reader *r); /* accepts NULL */

/* Begins to copy the rows of the runs to the slot, from its row `at` on, or to fetch their pages. Only one such request is under
 * way at a time. Errors: MEMORY. */
cusgd_status row_reader_begin(row_reader *r, const row_run *runs, int64_t count, int64_t at);
/* Waits until they are there; nothing where none are under way. *out, which may be NULL: the slot as a view of its `room` rows.
 * Errors: DATA where a file could not be read. */
cusgd_status row_reader_end(row_reader *r, examples *out);

/* Where there is no slot: the rows of the requests that have ended are the ones in use from now on, and those that were in use
 * before are no longer. If these had to be read, the next request marks them as the first to be given up: else, where rows do not
 * fit into its memory, it gives up those that have just been read for them. */
void row_reader_use(row_reader *r);

/* DATA where a file that x, y, weights or offsets lie in was written since it was mapped. */
cusgd_status row_reader_check(const row_reader *r);
row_reader_times row_reader_took(const row_reader *r);

#endif
