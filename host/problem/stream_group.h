/* Windows of an epoch that are sent to a device together. */
#ifndef CUSGD_HOST_PROBLEM_STREAM_GROUP_H
#define CUSGD_HOST_PROBLEM_STREAM_GROUP_H

#include "failure.h"
#include "scalar/sampling.h"

/* Positions of an epoch, of each of all shards. */
typedef struct stream_group {
    int is_there, shards;
    uint64_t epoch;
    int64_t *first, *end; /* first .. end - 1: whole windows; */
    int64_t *begin;       /* once steps are taken on the group: the position of the first row that lies in front of it */
} stream_group;

cusgd_status stream_group_open(stream_group *g, int shards);
void stream_group_close(stream_group *g);

/* Whether it is there, of this epoch, and begins at `first`. */
int stream_group_is(const stream_group *g, uint64_t epoch, const int64_t *first);
/* *to becomes what *from is, of which nothing is there any more. */
void stream_group_take(stream_group *to, stream_group *from);

/* How batches are divided into groups. */
typedef struct group_room {
    int64_t columns;
    int64_t rows; /* of each shard, at least a window */
} group_room;

/* The group of the orders' epoch from `first` on, where windows begin. It has all batches that there is room for in every shard,
 * and at least a part of batch `batch`, or of the first one that is not in the groups before. Of each shard it has the windows of
 * these batches and no other. */
void stream_group_plan(stream_group *g, const sampler *orders, const int64_t *first, group_room room, int64_t batch);
/* The most rows of a shard that are left over when a batch begins that is not in the group as a whole: part of a batch; and of
 * several shards, whose windows end at different batches, up to a window. */
int64_t stream_group_left(const sampler *orders, int64_t columns);
/* Of all shards, the longest window. */
int64_t stream_group_window(uint64_t rows, int shards, int64_t columns);

#endif
