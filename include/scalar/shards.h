/* How rows are divided into shards, and how the sums over shards are added. Both depend only on the number of shards, so that the
 * results do not depend on which process computes which shard. */
#ifndef CUSGD_SCALAR_SHARDS_H
#define CUSGD_SCALAR_SHARDS_H

#include "real.h"

enum { MAX_SHARDS = 1024 };

/* A node of the tree: consecutive shards. */
typedef struct tree_node {
    int first, count;
} tree_node;

/* Of the first n rows of anything that is dealt out to the shards in turn, those of one shard. It is also how many of n
 * consecutive rows a shard holds: sizes differ by at most one, larger ones first. */
DEVICE uint64_t shard_rows(uint64_t n, uint64_t shards, uint64_t shard) { return (n + shards - 1 - shard) / shards; }

/* Returns the first row of a shard, which has consecutive rows. */
DEVICE uint64_t shard_start(uint64_t n, uint64_t shards, uint64_t shard)
{
    uint64_t longer = n % shards;
    return shard * (n / shards) + (shard < longer ? shard : longer);
}

/* Returns the shard of a row. */
DEVICE uint64_t shard_of(uint64_t n, uint64_t shards, uint64_t row)
{
    uint64_t each = n / shards, longer = n % shards, in_longer = longer * (each + 1);
    return row < in_longer ? row / (each + 1) : longer + (row - in_longer) / each;
}

/* The sum over `count` >= 2 consecutive shards is that over the first tree_left(count) of them plus that over the others: their
 * number is the largest power of two below count. */
DEVICE int tree_left(int count)
{
    int left = 1;
    while (2 * left < count) left *= 2;
    return left;
}

#endif
