/* The sum over the shards of several processes. Each rank has added the largest nodes of the tree that its shards make up. What
 * is small is swapped in pairs, where both numbers are powers of two, or sent to all; of what is large each rank adds a slice,
 * and these are put together. A sum of floats does not depend on the order of its two terms, so that all ranks have the same
 * bits. */
#include "world.h"

#include "failure.h"
#include "interrupt.h"
#include "scalar/shards.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { SMALL = 64 * 1024 /* bytes of a node: beyond, slices are faster */, UNIT = sizeof(double) };

tree_node world_shards(const world *w, int shards, int rank)
{
    int first = (int)((int64_t)shards * rank / w->ranks);
    return (tree_node){first, (int)((int64_t)shards * (rank + 1) / w->ranks) - first};
}

/* Those below `at` behind the `found` ones. */
static int nodes_below(tree_node at, tree_node within, tree_node *nodes, int found)
{
    int end = at.first + at.count, within_end = within.first + within.count;
    if (within.first >= end || within_end <= at.first) return found;
    if (within.first <= at.first && end <= within_end) {
        nodes[found] = at;
        return found + 1;
    }
    int left = tree_left(at.count);
    found = nodes_below((tree_node){at.first, left}, within, nodes, found);
    return nodes_below((tree_node){at.first + left, at.count - left}, within, nodes, found);
}

int world_nodes(int shards, tree_node within, tree_node *nodes) { return nodes_below((tree_node){0, shards}, within, nodes, 0); }

/* Room that lasts until the next exchange. */
static void *room_of(world *w, int which, size_t bytes)
{
    if (bytes <= w->room_bytes[which]) return w->room[which];
    free(w->room[which]);
    w->room_bytes[which] = 0;
    w->room[which] = allocate_aligned(bytes, 1);
    if (w->room[which]) w->room_bytes[which] = bytes;
    return w->room[which];
}

static cusgd_status fail_room(size_t bytes) { return fail_memory(bytes, "what processes exchange"); }

/* An exchange that has failed is the last one. */
static cusgd_status done(world *w, cusgd_status status)
{
    if (status) w->failed = 1;
    return status;
}

static cusgd_status check(const world *w)
{
    return w->failed ? fail(CUSGD_ERROR_DEVICE, "the processes have lost each other: start the run again") : CUSGD_OK;
}

/* ---- Pieces: some values of a node, its loss, and what the rank wants ---- */

typedef struct tail {
    double loss;
    uint64_t stop;
} tail;

typedef struct sum {
    world *w;
    const world_terms *t;
    size_t size;                    /* of a value */
    int own, all;                   /* nodes of this rank; of all */
    tree_node nodes[MAX_SHARDS];    /* of all ranks, ascending */
    int first_node[MAX_SHARDS + 1]; /* of each rank */
} sum;

static void sum_begin(sum *s, world *w, const world_terms *t)
{
    s->w = w;
    s->t = t;
    s->size = t->single ? sizeof(float) : sizeof(double);
    s->all = 0;
    for (int rank = 0; rank < w->ranks; rank++) {
        s->first_node[rank] = s->all;
        s->all += world_nodes(t->shards, world_shards(w, t->shards, rank), s->nodes + s->all);
    }
    s->first_node[w->ranks] = s->all;
    s->own = s->first_node[w->rank + 1] - s->first_node[w->rank];
}

static int nodes_of(const sum *s, int rank) { return s->first_node[rank + 1] - s->first_node[rank]; }

static int64_t slice_start(const sum *s, int rank)
{
    return s->t->count / s->w->ranks * rank + s->t->count % s->w->ranks * rank / s->w->ranks;
}

static size_t values_bytes(const sum *s, int64_t count) { return (s->size * (size_t)count + UNIT - 1) / UNIT * UNIT; }

static size_t piece_bytes(const sum *s, int64_t count) { return values_bytes(s, count) + sizeof(tail); }

/* Values first .. first + count - 1 of this rank's node `i`. */
static void put_piece(const sum *s, int i, int64_t first, int64_t count, unsigned char *to)
{
    tail end = {s->t->losses ? s->t->losses[i] : 0, (uint64_t)interrupt_wished()};
    memcpy(to, (const unsigned char *)s->t->values[i] + s->size * (size_t)first, s->size * (size_t)count);
    memcpy(to + values_bytes(s, count), &end, sizeof end);
}

static void add_pieces(const sum *s, int64_t count, unsigned char *to, const unsigned char *from)
{
    tail a, b;
    if (s->t->single)
        for (int64_t i = 0; i < count; i++) ((float *)(void *)to)[i] += ((const float *)(const void *)from)[i];
    else
        for (int64_t i = 0; i < count; i++) ((double *)(void *)to)[i] += ((const double *)(const void *)from)[i];
    memcpy(&a, to + values_bytes(s, count), sizeof a);
    memcpy(&b, from + values_bytes(s, count), sizeof b);
    a.loss += b.loss;
    a.stop |= b.stop;
    memcpy(to + values_bytes(s, count), &a, sizeof a);
}

/* The sum below `at`, of pieces in the order of the nodes, from number *next on; it lies in the first of them. */
static unsigned char *add_below(const sum *s, tree_node at, int64_t count, unsigned char *pieces, int *next)
{
    if (s->nodes[*next].first == at.first && s->nodes[*next].count == at.count)
        return pieces + (size_t)(*next)++ * piece_bytes(s, count);
    int left = tree_left(at.count);
    unsigned char *to = add_below(s, (tree_node){at.first, left}, count, pieces, next);
    add_pieces(s, count, to, add_below(s, (tree_node){at.first + left, at.count - left}, count, pieces, next));
    return to;
}

static unsigned char *add_all(const sum *s, int64_t count, unsigned char *pieces)
{
    int next = 0;
    return add_below(s, (tree_node){0, s->t->shards}, count, pieces, &next);
}

static void take_tail(const sum *s, const unsigned char *piece, int64_t count, double *loss)
{
    tail end;
    memcpy(&end, piece + values_bytes(s, count), sizeof end);
    if (loss) *loss = end.loss;
    s->w->stop |= end.stop != 0;
}

/* ---- The three ways ---- */

static int is_power(int n) { return (n & (n - 1)) == 0; }

/* Of one node a rank: after step l each has the sum of 2^(l+1) ranks. */
static cusgd_status sum_in_pairs(const sum *s, void *out, double *loss)
{
    world *w = s->w;
    int64_t count = s->t->count;
    size_t bytes = piece_bytes(s, count);
    unsigned char *mine = room_of(w, 0, bytes), *other = room_of(w, 1, bytes);
    if (!mine || !other) return fail_room(2 * bytes);
    put_piece(s, 0, 0, count, mine);
    cusgd_status status = CUSGD_OK;
    for (int distance = 1; distance < w->ranks && !status; distance *= 2) {
        status = w->ops->swap(w->of, w->rank ^ distance, mine, other, (int64_t)bytes);
        if (!status) add_pieces(s, count, mine, other);
    }
    if (status) return status;
    memcpy(out, mine, s->size * (size_t)count);
    take_tail(s, mine, count, loss);
    return CUSGD_OK;
}

static cusgd_status sum_of_all(const sum *s, void *out, double *loss)
{
    world *w = s->w;
    int64_t count = s->t->count, bytes[MAX_SHARDS];
    size_t piece = piece_bytes(s, count);
    unsigned char *mine = room_of(w, 0, (size_t)s->own * piece + 1), *all = room_of(w, 1, (size_t)s->all * piece);
    if (!mine || !all) return fail_room((size_t)(s->own + s->all) * piece);
    for (int i = 0; i < s->own; i++) put_piece(s, i, 0, count, mine + (size_t)i * piece);
    for (int rank = 0; rank < w->ranks; rank++) bytes[rank] = (int64_t)((size_t)nodes_of(s, rank) * piece);
    cusgd_status status = w->ops->allgather(w->of, mine, all, bytes);
    if (status) return status;
    const unsigned char *total = add_all(s, count, all);
    memcpy(out, total, s->size * (size_t)count);
    take_tail(s, total, count, loss);
    return CUSGD_OK;
}

static cusgd_status sum_of_slices(const sum *s, void *out, double *loss)
{
    world *w = s->w;
    int64_t send_bytes[MAX_SHARDS], recv_bytes[MAX_SHARDS], start = slice_start(s, w->rank);
    int64_t count = slice_start(s, w->rank + 1) - start;
    size_t total = 0, received = (size_t)s->all * piece_bytes(s, count);
    for (int rank = 0; rank < w->ranks; rank++) {
        size_t bytes = (size_t)s->own * piece_bytes(s, slice_start(s, rank + 1) - slice_start(s, rank));
        send_bytes[rank] = (int64_t)bytes;
        recv_bytes[rank] = (int64_t)((size_t)nodes_of(s, rank) * piece_bytes(s, count));
        total += bytes;
    }
    unsigned char *send = room_of(w, 0, total + 1), *recv = room_of(w, 1, received), *to = send;
    if (!send || !recv) return fail_room(total + received);
    for (int rank = 0; rank < w->ranks; rank++) {
        int64_t first = slice_start(s, rank), some = slice_start(s, rank + 1) - first;
        for (int i = 0; i < s->own; i++, to += piece_bytes(s, some)) put_piece(s, i, first, some, to);
    }
    cusgd_status status = w->ops->alltoall(w->of, send, send_bytes, recv, recv_bytes);
    if (status) return status;
    const unsigned char *slice = add_all(s, count, recv);
    take_tail(s, slice, count, loss);
    for (int rank = 0; rank < w->ranks; rank++)
        recv_bytes[rank] = (int64_t)(s->size * (size_t)(slice_start(s, rank + 1) - slice_start(s, rank)));
    return w->ops->allgather(w->of, slice, out, recv_bytes);
}

cusgd_status world_sum(world *w, const world_terms *t, void *out, double *loss)
{
    sum s;
    cusgd_status status = check(w);
    if (status) return status;
    sum_begin(&s, w, t);
    if (piece_bytes(&s, t->count) > SMALL) return done(w, sum_of_slices(&s, out, loss));
    int in_pairs = is_power(w->ranks) && is_power(t->shards) && w->ranks <= t->shards;
    return done(w, (in_pairs ? sum_in_pairs : sum_of_all)(&s, out, loss));
}

/* ---- Other exchanges ---- */

cusgd_status world_gather(world *w, int shards, const void *of_nodes, size_t bytes, void **out, int *nodes)
{
    int64_t sizes[MAX_SHARDS];
    tree_node of[MAX_SHARDS];
    *out = NULL;
    *nodes = 0;
    cusgd_status status = check(w);
    if (status) return status;
    for (int rank = 0; rank < w->ranks; rank++) {
        int count = world_nodes(shards, world_shards(w, shards, rank), of);
        sizes[rank] = (int64_t)((size_t)count * bytes);
        *nodes += count;
    }
    *out = allocate((size_t)*nodes, bytes);
    if (!*out) return fail_memory((size_t)*nodes * bytes, "what processes exchange");
    status = done(w, w->ops->allgather(w->of, of_nodes, *out, sizes));
    if (!status) return CUSGD_OK;
    free(*out);
    *out = NULL;
    return status;
}

cusgd_status world_share(world *w, void *all, const int64_t *bytes)
{
    cusgd_status status = check(w);
    if (status) return status;
    const unsigned char *own = all;
    for (int rank = 0; rank < w->rank; rank++) own += bytes[rank];
    size_t size = (size_t)bytes[w->rank];
    void *mine = room_of(w, 0, size + 1);
    if (!mine) return fail_room(size);
    memcpy(mine, own, size);
    return done(w, w->ops->allgather(w->of, mine, all, bytes));
}

/* The same number of bytes of every rank. */
static cusgd_status gather_equal(world *w, const void *mine, size_t bytes, unsigned char **all)
{
    int64_t sizes[MAX_SHARDS];
    cusgd_status status = check(w);
    if (status) return status;
    for (int rank = 0; rank < w->ranks; rank++) sizes[rank] = (int64_t)bytes;
    *all = room_of(w, 1, (size_t)w->ranks * bytes);
    if (!*all) return fail_room((size_t)w->ranks * bytes);
    return done(w, w->ops->allgather(w->of, mine, *all, sizes));
}

cusgd_status world_any(world *w, int flag, int *any)
{
    unsigned char mine[2] = {flag != 0, interrupt_wished() != 0}, *all;
    cusgd_status status = gather_equal(w, mine, sizeof mine, &all);
    *any = flag;
    for (int rank = 0; rank < w->ranks && !status; rank++) {
        *any |= all[2 * rank];
        w->stop |= all[2 * rank + 1];
    }
    return status;
}

cusgd_status world_compare(world *w, const void *mine, size_t bytes, int *differs)
{
    unsigned char *all;
    cusgd_status status = gather_equal(w, mine, bytes, &all);
    *differs = 0;
    for (int rank = 1; rank < w->ranks && !status && !*differs; rank++)
        if (memcmp(all, all + (size_t)rank * bytes, bytes) != 0) *differs = rank;
    return status;
}
