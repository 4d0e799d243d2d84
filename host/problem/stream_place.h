/* A stream whose rows are read in place, for example in a mapped file, by a device that can do so. No windows are copied, but the
 * rows must be in memory when they are used: a thread fetches the pages of the next windows while steps use those before. */
#ifndef CUSGD_HOST_PROBLEM_STREAM_PLACE_H
#define CUSGD_HOST_PROBLEM_STREAM_PLACE_H

#include "data/row_reader.h"
#include "problem.h"

typedef struct stream_place stream_place;

/* ahead: number of rows of the next window that may be fetched while a window of all shards is in memory. */
cusgd_status stream_place_open(const problem *p, row_reader *reader, int64_t ahead, stream_place **out);
void stream_place_close(stream_place *s); /* accepts NULL */

/* Waits until the rows of batch `batch` of all shards are in memory, and begins to fetch the next ones. *end: the batch after the
 * last one whose rows are in memory. */
cusgd_status stream_place_batches(const problem *p, stream_place *s, const sampler *orders, int64_t batch, int64_t *end);
/* Forgets what was fetched, because other rows are needed. */
void stream_place_forget(stream_place *s);

#endif
