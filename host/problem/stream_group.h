/* Groups of windows of an epoch that are sent to a device together. */
#ifndef CUSGD_HOST_PROBLEM_STREAM_GROUP_H
#define CUSGD_HOST_PROBLEM_STREAM_GROUP_H

#include "failure.h"
#include "scalar/sampling.h"

/* Positions of an epoch in each shard. */
typedef struct stream_group {
    int is_there, shards;
    uint64_t epoch;
    int64_t *first, *end; /* first .. end - 1: whole windows */
    int64_t *begin;       /* while steps use the group: the position of the first row that precedes it on the device */
} stream_group;

cusgd_status stream_group_open(stream_group *g, int shards);
void stream_group_close(stream_group *g);

/* Returns whether the group exists, belongs to the epoch and begins at `first`. */
int stream_group_is(const stream_group *g, uint64_t epoch, const int64_t *first);
/* *Moves *from to *to; *from becomes empty. */
void stream_group_take(stream_group *to, stream_group *from);

/* The sizes by which batches are divided into groups. */
typedef struct group_room {
    int64_t columns;
    int64_t rows; /* rows of each shard, at least a window */
} group_room;

/* Plans the group from `first` on, where windows begin, in the epoch of `orders`. It has all batches for which there is room in
 * every shard, and at least a part of batch `batch`, or of the first batch that is not in earlier groups. It has exactly the
 * windows of these batches of each shard. */
void stream_group_plan(stream_group *g, const sampler *orders, const int64_t *first, group_room room, int64_t batch);
/* Returns the maximum number of rows of a shard that are left over before a batch that is only partly in the group: a part of a
 * batch, and with several shards, whose windows end at different batches, up to a window more. */
int64_t stream_group_left(const sampler *orders, int64_t columns);
/* Returns the length of the longest window of all shards. */
int64_t stream_group_window(uint64_t rows, int shards, int64_t columns);

#endif
