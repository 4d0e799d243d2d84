/* A stream that sends rows from a file to a device with its own memory for steps. The windows of an epoch form groups: steps use
 * one group while the next is sent and the one after that is read. Pages for which the device has room remain there, and are
 * neither read nor sent again. */
#ifndef CUSGD_HOST_PROBLEM_STREAM_SEND_H
#define CUSGD_HOST_PROBLEM_STREAM_SEND_H

#include "data/row_reader.h"
#include "stream.h"

typedef struct stream_send stream_send;

/* room: rows of a group per shard; the slot of the reader has twice as many for each shard of this process. Memory of the device
 * is allocated at the first steps. */
cusgd_status stream_send_open(const problem *p, row_reader *reader, int64_t room, stream_send **out);
void stream_send_close(const problem *p, stream_send *s); /* accepts NULL */
/* See stream_batches(). */
cusgd_status stream_send_batches(const problem *p, stream_send *s, const sampler *orders, int64_t batch, batch_share *share,
                                 int64_t *end);
/* Returns the number of the first rows of a shard of this process that remain on the device once steps have brought them
 * there. */
int64_t stream_send_kept(const problem *p, const stream_send *s, int shard);
/* Returns whether rows first .. end - 1 of the shard are in pages that remain on the device. stream_send_pause() must have been
 * called since the last batches. */
int stream_send_has(const problem *p, const stream_send *s, int shard, int64_t first, int64_t end);
/* Creates a dataset of such rows without copying them. */
cusgd_status stream_send_bind(const problem *p, stream_send *s, int shard, int64_t first, int64_t end, dataset **out);
/* Makes the slot available to others: abandons windows that are being read, and waits for those that are being sent. */
cusgd_status stream_send_pause(const problem *p, stream_send *s);
stream_traffic stream_send_traffic(const stream_send *s);

#endif
