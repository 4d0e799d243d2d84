/* Several processes, the ranks of a world, that train one model: how they speak, and the sum over the shards of which each holds
 * some. All ranks make the same calls in the same order. */
#ifndef CUSGD_HOST_WORLD_H
#define CUSGD_HOST_WORLD_H

#include "cusgd.h"
#include "scalar/shards.h"

#include <stddef.h>

/* Bytes that go to another rank (receive is NULL), or come from it (send is NULL). */
typedef struct world_message {
    int rank;
    const void *send;
    void *receive;
    int64_t bytes;
} world_message;

/* How bytes go from rank to rank (mpi/). */
typedef struct world_ops {
    /* All messages at once; returns when they are through. What one rank sends another receives, of equal size; between two ranks
     * in the order in which both give them. Fails with DEVICE where another rank does not answer in time or has failed. */
    cusgd_status (*exchange)(void *of, const world_message *messages, int count);
    /* This rank has failed: whatever the other ranks exchange next fails with this text. */
    void (*notify)(void *of, const char *text);
    /* Whether some rank has done so, for one that waits for something else than an exchange; returns at once. */
    cusgd_status (*look)(void *of);
    /* The next exchange may take as long as the others need, as where they read data: until then no rank is missed. */
    void (*wait_long)(void *of);
    /* Whatever has failed before: the status of the lowest rank that has one, and its number; 0 and -1: all are well. It waits
     * for some seconds at most. */
    int (*agree)(void *of, int status, int *rank);
    /* failed: 1 where an exchange was left unfinished. A world that has begun MPI itself then ends the process with
     * `status`, upon which its launcher ends all. */
    void (*close)(void *of, int status, int failed);
} world_ops;

enum { WORLD_ROOMS = 3 };

/* A module opens it (world.c). */
typedef struct cusgd_world {
    const world_ops *ops;
    void *of;
    int rank, ranks;
    int neighbors;  /* the ranks on this machine, this one too; */
    int local;      /* which of them this one is, from 0 */
    double timeout; /* seconds that another rank may take to answer */
    int stop;       /* 1: some rank wanted the call in progress to end, as all ranks know since the same exchange */
    int failed;     /* 1: no more is exchanged, */
    char why[512];  /* as the exchange that failed said */
    unsigned char *room[WORLD_ROOMS]; /* what is kept from exchange to exchange (world_sum.c) */
    size_t room_bytes[WORLD_ROOMS];
} world;

/* What a module needs of the library, and what it exports: MODULE_WORLD. comm: the address of an MPI_Comm, or NULL for all
 * processes, where MPI is begun if nobody has. */
typedef struct world_services {
    cusgd_status (*fail)(cusgd_status status, const char *format, ...);
} world_services;
typedef cusgd_status world_open(int abi, const world_services *services, const void *comm, double timeout, world *out);
#define MODULE_WORLD "cusgd_world_module_open"
enum { WORLD_ABI = 5 }; /* raised with every change of this file */

/* ---- Which rank has which shards (world_sum.c) ---- */

/* Those of a rank, of `all` that a run has: consecutive, as those of one process are. */
tree_node world_shards(const world *w, int all, int rank);
/* The largest nodes of the tree within some shards; at most as many as these, ascending. Returns their number. */
int world_nodes(int all, tree_node within, tree_node *nodes);

/* ---- Exchanges (world_sum.c). What a rank wants of interrupt.h goes along, and all know it afterwards ---- */

/* What the ranks have of a sum over all shards. */
typedef struct world_terms {
    int shards;
    int single;                /* 1: the values are of float, else of double */
    int64_t count;             /* values of a node */
    const void *const *values; /* of each node of this rank, in the order of world_nodes() */
    const double *losses;      /* likewise one more number, which is added in double; NULL: 0 */
} world_terms;

/* Adds the nodes of all ranks by the tree, in the values' own precision: out, `count` values, and *loss are equal on all ranks,
 * and as one process would have added them. */
cusgd_status world_sum(world *w, const world_terms *t, void *out, double *loss);
/* The bytes of rank 0 to all, who have room for them at `at`. */
cusgd_status world_tell(world *w, void *at, size_t bytes);
/* `bytes` of each node of this rank one behind the other; out: those of all nodes in the order of shards, whose number is
 * returned in *nodes. The caller frees *out, which is NULL on failure. */
cusgd_status world_gather(world *w, int shards, const void *of_nodes, size_t bytes, void **out, int *nodes);
/* bytes[rank] of each rank, one behind the other in `all`, where this rank's own are: afterwards all ranks have all of them. */
cusgd_status world_share(world *w, void *all, const size_t *bytes);
/* *any: whether some rank said so. */
cusgd_status world_any(world *w, int flag, int *any);
/* Whether all ranks have the same `bytes`: the lowest rank whose differ from rank 0's, or 0. */
cusgd_status world_compare(world *w, const void *mine, size_t bytes, int *differs);

#endif
