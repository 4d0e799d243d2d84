/* Steps on rows that come from a file to a device with memory of its own. Windows of the order are taken in groups, of which one
 * is trained on while the next is sent and the one after that is read. Pages that the device has room for stay there, and are
 * neither read nor sent again. */
#ifndef CUSGD_HOST_PROBLEM_STREAM_SEND_H
#define CUSGD_HOST_PROBLEM_STREAM_SEND_H

#include "data/row_reader.h"
#include "stream.h"

typedef struct stream_send stream_send;

/* room: rows of a group, of each shard; the reader's slot has twice as many of each shard of this process. Nothing is taken of
 * the device before the first steps. */
cusgd_status stream_send_open(const problem *p, row_reader *reader, int64_t room, stream_send **out);
void stream_send_close(const problem *p, stream_send *s); /* accepts NULL */
/* As stream_batches(). */
cusgd_status stream_send_batches(const problem *p, stream_send *s, const sampler *orders, int64_t batch, batch_share *share,
                                 int64_t *end);
/* How many of the first rows of a shard of this process have a place on the device, to which they come with the steps. */
int64_t stream_send_kept(const problem *p, const stream_send *s, int shard);
/* Whether the shard's rows first .. end - 1 are in pages that have come to the device and stay there; stream_send_pause() must
 * have been called since the last batches. */
int stream_send_has(const problem *p, const stream_send *s, int shard, int64_t first, int64_t end);
/* Binds such rows where they are. */
cusgd_status stream_send_bind(const problem *p, stream_send *s, int shard, int64_t first, int64_t end, dataset **out);
/* Before others use the slot: windows that are being read are given up, and those that are being sent have left the slot. */
cusgd_status stream_send_pause(const problem *p, stream_send *s);
stream_traffic stream_send_traffic(const stream_send *s);

#endif
