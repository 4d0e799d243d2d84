/* A world: several processes (ranks) that train one model, how they communicate, and the sum over the shards that they hold. All
 * ranks make the same calls in the same order. */
#ifndef CUSGD_HOST_WORLD_H
#define CUSGD_HOST_WORLD_H

#include "cusgd.h"
#include "scalar/shards.h"

#include <stddef.h>

/* Bytes to send to another rank (receive is NULL) or to receive from it (send is NULL). */
typedef struct world_message {
    int rank;
    const void *send;
    void *receive;
    int64_t bytes;
} world_message;

/* The operations for communication between ranks (mpi/). */
typedef struct world_ops {
    /* Exchanges all messages and returns when they are complete. Each message that one rank sends must be received by the other
     * with equal size; messages between two ranks must be in the same order on both. Fails with DEVICE if another rank does not
     * answer in time or has failed. */
    cusgd_status (*exchange)(void *of, const world_message *messages, int count);
    /* Informs the other ranks that this rank has failed: their next exchange fails with this text. */
    void (*notify)(void *of, const char *text);
    /* Fails if some rank has called notify(). For a rank that waits for something other than an exchange; returns at once. */
    cusgd_status (*look)(void *of);
    /* Allows the next exchange to take any time, for example because ranks read data: no rank is considered lost until then. */
    void (*wait_long)(void *of);
    /* Returns the status of the lowest rank whose status is not 0, and sets *rank to its number; 0 and -1 if there is none. Works
     * after failures too. Waits for some seconds at most. */
    int (*agree)(void *of, int status, int *rank);
    /* failed: 1 if an exchange was left unfinished. A world that initialized MPI itself then ends the process with exit code
     * `status`, so that the launcher ends the others. */
    void (*close)(void *of, int status, int failed);
} world_ops;

enum { WORLD_ROOMS = 3 };

/* The state of a world, which a module opens (world.c). */
typedef struct cusgd_world {
    const world_ops *ops;
    void *of;
    int rank, ranks;
    int neighbors;  /* number of ranks on this machine, including this one */
    int local;      /* the number of this rank among them, from 0 */
    double timeout; /* maximum seconds to wait for the answer of another rank */
    int stop;       /* 1: some rank asked for the call in progress to end; all ranks learn this in the same exchange */
    int failed;     /* 1: an exchange has failed, and there are no further ones */
    char why[512];  /* the message of the exchange that failed */
    unsigned char *room[WORLD_ROOMS]; /* buffers that are reused from exchange to exchange (world_sum.c) */
    size_t room_bytes[WORLD_ROOMS];
} world;

/* The functions of the library that a module needs, and the function MODULE_WORLD that it exports. comm: the address of an
 * MPI_Comm, or NULL for all processes; MPI is then initialized if the program has not done so. */
typedef struct world_services {
    cusgd_status (*fail)(cusgd_status status, const char *format, ...);
} world_services;
typedef cusgd_status world_open(int abi, const world_services *services, const void *comm, double timeout, world *out);
#define MODULE_WORLD "cusgd_world_module_open"
enum { WORLD_ABI = 5 }; /* to be increased with every change of this file */

/* ---- Which rank has which shards (world_sum.c) ---- */

/* Returns the shards of a rank, out of `all` shards of a run. They are consecutive. */
tree_node world_shards(const world *w, int all, int rank);
/* Lists the largest nodes of the tree within some shards, in ascending order. Returns their number, which is at most that of the
 * shards. */
int world_nodes(int all, tree_node within, tree_node *nodes);

/* ---- Exchanges (world_sum.c). What a rank wants of interrupt.h goes along, and all know it afterwards ---- */

/* The contribution of a rank to a sum over all shards. */
typedef struct world_terms {
    int shards;
    int single;                /* 1: the values are floats; 0: doubles */
    int64_t count;             /* number of values per node */
    const void *const *values; /* the values of each node of this rank, in the order of world_nodes() */
    const double *losses;      /* one more number per node, which is added in double; NULL: 0 */
} world_terms;

/* Adds the values of the nodes of all ranks by the tree, in the type of the values. out (`count` values) and *loss are equal on
 * all ranks and have the bits of the sum in a single process. */
cusgd_status world_sum(world *w, const world_terms *t, void *out, double *loss);
/* Copies the bytes at `at` of rank 0 to `at` of all ranks. */
cusgd_status world_tell(world *w, void *at, size_t bytes);
/* Gathers `bytes` of each node of each rank. of_nodes: the bytes of the nodes of this rank, contiguous. *out: those of all nodes
 * in the order of the shards; *nodes: the number of nodes. The caller frees *out, which is NULL on failure. */
cusgd_status world_gather(world *w, int shards, const void *of_nodes, size_t bytes, void **out, int *nodes);
/* Gathers bytes[rank] of each rank, contiguous in `all`, which already has those of this rank at their place. Afterwards all
 * ranks have all of them. */
cusgd_status world_share(world *w, void *all, const size_t *bytes);
/* *Sets *any to whether `flag` is nonzero on some rank. */
cusgd_status world_any(world *w, int flag, int *any);
/* Compares the bytes at `mine` on all ranks. Sets *differs to the lowest rank whose bytes differ from those of rank 0, or to
 * 0. */
cusgd_status world_compare(world *w, const void *mine, size_t bytes, int *differs);

#endif
