/* A world whose ranks are threads of one process: the exchanges of host/world.h by shared memory, without MPI. */
#ifndef CUSGD_TESTS_THREAD_WORLD_H
#define CUSGD_TESTS_THREAD_WORLD_H

#include "data/ranks.h"
#include "world.h"

enum { MAX_THREADS = 16 };

/* Calls body on `ranks` threads at once, each with a world of its own. */
typedef void rank_body(world *w, void *context);
void world_of_threads(int ranks, rank_body *body, void *context);
/* This rank's part in reading a file together. */
data_ranks ranks_of_world(world *w);

#endif
