/* The exchange of sums between the GPUs of several processes in a step. Each rank computes the largest nodes of the shards'
 * tree that consist of its shards, as on the CPU (world_sum.c). Small nodes are sent as a whole to all ranks, and each rank
 * adds all of them. Of large nodes, each rank receives a slice of the parameters, adds it, and sends the sum to all ranks.
 * Additions have the order of the tree; ncclAllReduce() is not used, because its order depends on the ranks and on the version
 * of NCCL. All operations are enqueued on the stream and can be captured.
 *
 * A node consists of its values in `real` (the intercepts last), padding to 16 bytes, and its loss in 16 bytes. */
#include "exchange.h"

enum { UNIT = 16, SMALL = 1 << 20 /* of all nodes; slices are predicted to be faster from here on */ };

static size_t round_up(size_t bytes) { return (bytes + UNIT - 1) / UNIT * UNIT; }

static size_t loss_at(const cuda *c) { return round_up((size_t)c->run.size * c->element); }

static size_t node_bytes(const cuda *c) { return loss_at(c) + UNIT; }

static char *node_at(const cuda *c, int node) { return (char *)c->run.shards.exchange.values + (size_t)node * node_bytes(c); }

static int nodes_of(const exchange *x, int rank) { return x->first_node[rank + 1] - x->first_node[rank]; }

static int64_t slice_start(const cuda *c, int rank)
{
    const run *r = &c->run;
    int64_t packs = (r->penalized + pack_values(c) - 1) / pack_values(c), ranks = r->spec.world->ranks;
    return min_of((packs / ranks * rank + packs % ranks * rank / ranks) * pack_values(c), r->penalized);
}

/* ---- Memory ---- */

static int count_nodes(const run *r, exchange *x, tree_node *nodes)
{
    const world *w = r->spec.world;
    int all = 0;
    for (int rank = 0; rank < w->ranks; rank++) {
        x->first_node[rank] = all;
        all += world_nodes(r->spec.shards, world_shards(w, r->spec.shards, rank), nodes + all);
    }
    x->first_node[w->ranks] = all;
    return all;
}

cusgd_status exchange_open(cuda *c)
{
    run *r = &c->run;
    exchange *x = &r->shards.exchange;
    tree_node nodes[MAX_SHARDS];
    void *memory;
    x->all = count_nodes(r, x, nodes);
    TRY(cuda_allocate(c, x->all, node_bytes(c), "the processes' gradients", &x->values));
    TRY(cuda_allocate(c, x->all, sizeof *nodes, "the shards' tree", &memory));
    x->nodes = memory;
    x->divides = (int64_t)node_bytes(c) > SMALL / x->all;
    for (int i = x->first_node[r->spec.world->rank], own = i; i < x->first_node[r->spec.world->rank + 1]; i++)
        x->own[i - own] = nodes[i];
    trace(c, "rank %d of %d: %d of %d nodes of %lld bytes, %s", r->spec.world->rank, r->spec.world->ranks,
          nodes_of(x, r->spec.world->rank), x->all, (long long)node_bytes(c), x->divides ? "in slices" : "whole");
    /* because padding is sent, too */
    TRY(CUDA(cudaMemsetAsync(x->values, 0, (size_t)x->all * node_bytes(c), c->stream)));
    return upload_bytes(c, nodes, (size_t)x->all * sizeof *nodes, x->nodes);
}

void exchange_close(exchange *x)
{
    cuda_free(x->values);
    cuda_free(x->nodes);
    *x = (exchange){0};
}

/* ---- A step ---- */

static cusgd_status add_own(const cuda *c, const shards_task *t)
{
    const run *r = &c->run;
    int rank = r->spec.world->rank, first = r->shards.exchange.first_node[rank];
    for (int i = 0; i < nodes_of(&r->shards.exchange, rank); i++) {
        char *at = node_at(c, first + i);
        const tree_node *node = &r->shards.exchange.own[i];
        TRY(CUDA(
            kernel_add_node(t, node->first - r->shards.first, node->count, at, (double *)(void *)(at + loss_at(c)), c->stream)));
    }
    return CUSGD_OK;
}

/* A part of each node: `bytes` bytes from `at` on. send: the part of this rank's nodes that `rank` receives; receive: the part
 * of rank's nodes that this rank receives. */
typedef struct part {
    size_t at, bytes;
} part;

static cusgd_status swap_parts(const cuda *c, int rank, part send, part receive)
{
    const exchange *x = &c->run.shards.exchange;
    int mine = c->run.spec.world->rank;
    for (int i = x->first_node[mine]; i < x->first_node[mine + 1] && send.bytes > 0; i++)
        TRY(nccl_send(c->ranks, node_at(c, i) + send.at, send.bytes, rank, c->stream));
    for (int i = x->first_node[rank]; i < x->first_node[rank + 1] && receive.bytes > 0; i++)
        TRY(nccl_receive(c->ranks, node_at(c, i) + receive.at, receive.bytes, rank, c->stream));
    return CUSGD_OK;
}

static cusgd_status swap_whole(const cuda *c, int rank)
{
    const exchange *x = &c->run.shards.exchange;
    int mine = c->run.spec.world->rank;
    size_t bytes = node_bytes(c);
    TRY(nccl_send(c->ranks, node_at(c, x->first_node[mine]), (size_t)nodes_of(x, mine) * bytes, rank, c->stream));
    return nccl_receive(c->ranks, node_at(c, x->first_node[rank]), (size_t)nodes_of(x, rank) * bytes, rank, c->stream);
}

static part slice_of(const cuda *c, int rank)
{
    int64_t first = slice_start(c, rank);
    return (part){(size_t)first * c->element, (size_t)(slice_start(c, rank + 1) - first) * c->element};
}

/* Exchanges the slice of each rank, and the intercepts and losses, which follow the slices. */
static cusgd_status swap_slices(const cuda *c, int rank)
{
    part end = {(size_t)c->run.penalized * c->element, 0};
    end.bytes = node_bytes(c) - end.at;
    TRY(swap_parts(c, rank, slice_of(c, rank), slice_of(c, c->run.spec.world->rank)));
    return swap_parts(c, rank, end, end);
}

/* Exchanges the sums over all nodes; each rank sends its slice. */
static cusgd_status swap_sums(const cuda *c, int rank)
{
    char *gradient = c->run.work.gradient;
    part mine = slice_of(c, c->run.spec.world->rank), other = slice_of(c, rank);
    if (mine.bytes > 0) TRY(nccl_send(c->ranks, gradient + mine.at, mine.bytes, rank, c->stream));
    return other.bytes > 0 ? nccl_receive(c->ranks, gradient + other.at, other.bytes, rank, c->stream) : CUSGD_OK;
}

static cusgd_status swap_all(const cuda *c, cusgd_status (*swap)(const cuda *c, int rank))
{
    const world *w = c->run.spec.world;
    TRY(nccl_begin(c->ranks));
    cusgd_status status = CUSGD_OK;
    for (int rank = 0; rank < w->ranks && !status; rank++)
        if (rank != w->rank) status = swap(c, rank);
    return status ? status : nccl_end(c->ranks);
}

cusgd_status exchange_add(const cuda *c, const shards_task *t)
{
    const run *r = &c->run;
    const exchange *x = &r->shards.exchange;
    int rank = r->spec.world->rank;
    nodes_task n = {.nodes = x->nodes,
                    .count = x->all,
                    .stride = (int64_t)(node_bytes(c) / c->element),
                    .loss_stride = (int64_t)(node_bytes(c) / sizeof(double)),
                    .sums = x->values,
                    .losses = (const double *)(const void *)(node_at(c, 0) + loss_at(c)),
                    .first = x->divides ? slice_start(c, rank) : 0,
                    .end = x->divides ? slice_start(c, rank + 1) : r->penalized};
    TRY(add_own(c, t));
    TRY(swap_all(c, x->divides ? swap_slices : swap_whole));
    TRY(CUDA(kernel_add_shards(t, &n, c->stream)));
    return x->divides ? swap_all(c, swap_sums) : CUSGD_OK;
}
