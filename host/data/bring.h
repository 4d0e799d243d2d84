/* Passes over all rows of a dense x in a mapped file. Some threads wait for the disk while others compute, so that the disk has
 * several requests at a time. */
#ifndef CUSGD_HOST_DATA_BRING_H
#define CUSGD_HOST_DATA_BRING_H

#include "data.h"
#include "pool.h"

/* examples_in_file() returns whether x is in a mapped file. examples_expect() announces to the system that all of it will be
 * read. */
int examples_in_file(const examples *e);
void examples_expect(const examples *e);
/* Waits until rows are in memory; several threads read them if there are many. Does nothing if x is not in a file.
 * examples_forget() releases their memory. *readers: these threads, NULL until they are first needed; the caller frees them.
 * readers NULL: threads are started for this call only. */
void examples_bring(const examples *e, int64_t row, int64_t count, pool **readers);

/* A pass in order by one caller, which computes on some rows while a thread reads the next ones into memory. It is NULL, which
 * the other functions accept, if x is not in a file, has few rows, or no thread can be started. */
typedef struct rows_ahead rows_ahead;
/* `rows` rows at a time. */
rows_ahead *rows_ahead_begin(const examples *e, int64_t rows);
/* Waits until all rows before `end` are in memory, and requests the next ones. */
void rows_ahead_wait(rows_ahead *a, int64_t end);
void rows_ahead_end(rows_ahead *a);

#endif
