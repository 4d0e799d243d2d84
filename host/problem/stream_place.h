/* A stream whose rows stay where the caller has them, as in a mapped file: a device that takes rows there needs no windows of
 * them, but that they are in memory when it does. The windows' pages are fetched by the reader's thread, the next ones while
 * steps are taken on those before. */
#ifndef CUSGD_HOST_PROBLEM_STREAM_PLACE_H
#define CUSGD_HOST_PROBLEM_STREAM_PLACE_H

#include "data/row_reader.h"
#include "problem.h"

typedef struct stream_place stream_place;

/* ahead: rows that there is room for in addition to a window of all shards, so that these of the next one are fetched ahead. */
cusgd_status stream_place_open(const problem *p, row_reader *reader, int64_t ahead, stream_place **out);
void stream_place_close(stream_place *s); /* accepts NULL */

/* Of all shards: waits until the rows of batch `batch` are in memory, and fetches the next ones; *end: the batch
 * behind the last whose rows are. */
cusgd_status stream_place_batches(const problem *p, stream_place *s, const sampler *orders, int64_t batch, int64_t *end);
/* What was fetched may be given up again, as other rows are needed. */
void stream_place_forget(stream_place *s);

#endif
