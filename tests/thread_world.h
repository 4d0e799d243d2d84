/* A world whose ranks are threads of one process: the exchanges of host/world.h by shared memory, without MPI. */
#ifndef CUSGD_TESTS_THREAD_WORLD_H
#define CUSGD_TESTS_THREAD_WORLD_H

#include "data/ranks.h"
#include "world.h"

enum { MAX_THREADS = 16, RANK_COUNTS = 5 };
extern const int rank_counts[RANK_COUNTS]; /* numbers of ranks to try */

/* Calls body on `ranks` threads at once, each with a world of its own. */
typedef void rank_body(world *w, void *context);
void world_of_threads(int ranks, rank_body *body, void *context);
/* This rank's part in reading a file together. */
data_ranks ranks_of_world(world *w);
/* Stands for world_ops.exchange on a rank that has no memory for its part. */
cusgd_status exchange_without_memory(void *of, const world_message *messages, int count);

#endif
