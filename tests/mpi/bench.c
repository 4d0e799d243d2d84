/* What an exchange costs: world_sum() of 8 shards compared with MPI_Allreduce of as many floats, in one run. Prints microseconds,
 * the least of some repetitions' means.
 *
 * usage: mpirun -n P mpi-bench-IMPLEMENTATION IMPLEMENTATION */
#include "cusgd_world.h"
#include "scalar/shards.h"
#include "world.h"

#include <mpi.h>
#include <stdio.h>
#include <stdlib.h>

enum { SHARDS = 8, REPETITIONS = 15 };

typedef struct bench {
    world *w;
    int64_t count;
    int nodes;
    const void *at[SHARDS];
    double losses[SHARDS];
    float *mine, *out;
} bench;

static int exchange(const bench *b)
{
    double loss;
    world_terms terms = {SHARDS, 1, b->count, b->at, b->losses};
    return world_sum(b->w, &terms, b->out, &loss) != CUSGD_OK;
}

static int allreduce(const bench *b)
{
    return MPI_Allreduce(b->mine, b->out, (int)b->count, MPI_FLOAT, MPI_SUM, MPI_COMM_WORLD) != MPI_SUCCESS;
}

static double microseconds(const bench *b, int (*call)(const bench *b), int calls)
{
    double least = 1e30;
    for (int r = 0; r < REPETITIONS; r++) {
        MPI_Barrier(MPI_COMM_WORLD);
        double begun = MPI_Wtime();
        for (int i = 0; i < calls; i++)
            if (call(b)) exit(1);
        double each = (MPI_Wtime() - begun) / calls * 1e6;
        if (each < least) least = each;
    }
    return least;
}

static void measure(world *w, int64_t count)
{
    tree_node nodes[MAX_SHARDS];
    bench b = {.w = w, .count = count, .nodes = world_nodes(SHARDS, world_shards(w, SHARDS, w->rank), nodes)};
    float *values = calloc((size_t)(b.nodes * count) + 1, sizeof *values);
    b.mine = calloc((size_t)count, sizeof *b.mine);
    b.out = calloc((size_t)count, sizeof *b.out);
    if (!values || !b.mine || !b.out) exit(1);
    for (int i = 0; i < b.nodes; i++) b.at[i] = values + i * count;
    int calls = count < 100000 ? 1000 : 5;
    double ours = microseconds(&b, exchange, calls), theirs = microseconds(&b, allreduce, calls);
    if (w->rank == 0)
        printf("%10lld floats  world_sum %10.1f us  MPI_Allreduce %10.1f us  ratio %.2f\n", (long long)count, ours, theirs,
               ours / theirs);
    free(values);
    free(b.mine);
    free(b.out);
}

int main(int argc, char **argv)
{
    static const int64_t counts[] = {33, 1025, 16385, 1048577};
    cusgd_world *w;
    if (argc != 2 || cusgd_world_open(argv[1], 60, &w) != CUSGD_OK) {
        fprintf(stderr, "usage: mpirun -n P mpi-bench-IMPLEMENTATION IMPLEMENTATION: %s\n", cusgd_last_error());
        return 1;
    }
    if (w->rank == 0) printf("%d ranks, %s\n", w->ranks, argv[1]);
    for (size_t i = 0; i < sizeof counts / sizeof *counts; i++) measure(w, counts[i]);
    cusgd_world_close(w, 0);
    return 0;
}
