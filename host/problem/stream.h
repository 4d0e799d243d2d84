/* Training rows that do not fit into the budget (option memory). Steps and full passes use windows of rows, which are uploaded
 * one after another, while a thread reads the rows of the next one. All results have the same bits as with all rows uploaded. */
#ifndef CUSGD_HOST_PROBLEM_STREAM_H
#define CUSGD_HOST_PROBLEM_STREAM_H

#include "data/row_reader.h"
#include "problem.h"

/* Uploads the training rows if they fit into the budget or there is none; otherwise opens a stream. Errors: USAGE if the options
 * do not allow a stream or the budget is too small; those of bind(). */
cusgd_status stream_bind_training(problem *p);
void stream_close(const problem *p, stream *s); /* accepts NULL */

/* Makes batches from `batch` on of the epoch of `orders` (one per shard) available. *share (one per shard) becomes the place of
 * the rows of the shards of this process, valid until the next call of any of these functions, and *end the batch after the
 * available ones. Steps that were submitted before need not be complete, except before calls of the other functions here. A share
 * whose examples are already available is unchanged. */
cusgd_status stream_batches(const problem *p, stream *s, const sampler *orders, int64_t batch, batch_share *share, int64_t *end);

/* Passes over all training rows of a shard of this process: the mean loss and its gradient (may be NULL); the curvature; second
 * derivatives, as hessian() of the device. There must be a stream. */
cusgd_status stream_loss(const problem *p, int shard, loss_rule loss, const double *theta, double *value, double *gradient);
cusgd_status stream_curvature(const problem *p, int shard, const double *scale, curvature *out);
cusgd_status stream_hessian(const problem *p, int shard, loss_rule loss, const double *theta, double *hessian);
/* Gets rows as they are uploaded: x is m x d, w has m values. */
cusgd_status stream_rows(const problem *p, stream *s, const int64_t *rows, int64_t m, double *x, double *w);

/* Fails with DATA if the file has changed. */
cusgd_status stream_check(const stream *s);
/* Adds the seconds that the caller has spent on steps and waiting for them. */
void stream_add_seconds(stream *s, double seconds);
/* Gets the times so far: all members except times->size. */
void stream_took(const stream *s, cusgd_stream_times *times);
/* Returns a note for the user on how fast rows were read and used, and what waited. Owned by the stream, and valid until the next
 * call. */
const char *stream_note(stream *s);
/* Traffic so far: for steps, the bytes of rows that were sent to the device, those that were already there, and the seconds that
 * the host spent on sending; for full passes, the bytes that were already there. All are 0 if the device reads rows in host
 * memory. */
typedef struct stream_traffic {
    double sent, found, seconds, found_by_passes;
} stream_traffic;
stream_traffic stream_sent(const stream *s);
/* Returns a note for the user on data that is held in memory in addition to the budget; NULL: none. */
const char *stream_held_note(const stream *s);

#endif
