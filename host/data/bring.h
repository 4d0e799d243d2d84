/* A pass over all rows of dense x that lies in a mapped file, by threads of which some wait for the disk while others compute: so
 * that it has several requests at a time. */
#ifndef CUSGD_HOST_DATA_BRING_H
#define CUSGD_HOST_DATA_BRING_H

#include "data.h"
#include "pool.h"

/* Whether x lies in such a file; before such a pass, announces to the system that all of it is about to be read. */
int examples_in_file(const examples *e);
void examples_expect(const examples *e);
/* Waits until rows are in memory, which several threads read if they are many; nothing for those of no file. examples_forget()
 * gives up what they take of the process. *readers: these threads, NULL until they are first wanted; the caller's to free. NULL:
 * threads are started for this call alone. */
void examples_bring(const examples *e, int64_t row, int64_t count, pool **readers);

/* A pass in order by one caller, who computes with some rows while a thread brings the next ones. NULL, which the other functions
 * accept: they lie in no file, are few, or there is no thread to be had. */
typedef struct rows_ahead rows_ahead;
/* `rows` rows at a time. */
rows_ahead *rows_ahead_begin(const examples *e, int64_t rows);
/* Waits until all rows before `end` have been brought, and asks for the next ones. */
void rows_ahead_wait(rows_ahead *a, int64_t end);
void rows_ahead_end(rows_ahead *a);

#endif
