/* The sum over the shards of several ranks. Each rank has added the values below the largest tree nodes that its shards form.
 * Small values are exchanged in pairs if both the number of ranks and that of shards are powers of two, and otherwise sent to all
 * ranks; of large values each rank adds a slice, and the slices are gathered. A sum of two floats does not depend on their order,
 * so that all ranks get the same bits. */
#include "world.h"

#include "failure.h"
#include "interrupt.h"
#include "scalar/shards.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { SMALL = 64 * 1024 /* bytes per node; for more, slices are faster */, UNIT = sizeof(double) };

tree_node world_shards(const world *w, int all, int rank)
{
    int first = (int)((int64_t)all * rank / w->ranks);
    return (tree_node){first, (int)((int64_t)all * (rank + 1) / w->ranks) - first};
}

/* Appends the nodes below `at` to the `found` nodes in the list. */
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

int world_nodes(int all, tree_node within, tree_node *nodes) { return nodes_below((tree_node){0, all}, within, nodes, 0); }

/* Buffers that are valid until the next exchange: bytes to send, received bytes, and messages. */
enum { SENT, RECEIVED, MESSAGES };

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

/* Ends an exchange. After a failure there are no further exchanges, and later calls fail with its message. */
static cusgd_status done(world *w, cusgd_status status)
{
    if (status && !w->failed) snprintf(w->why, sizeof w->why, "%s", cusgd_last_error());
    if (status) w->failed = 1;
    return status;
}

static cusgd_status check(const world *w) { return w->failed ? fail(CUSGD_ERROR_DEVICE, "%s", w->why) : CUSGD_OK; }

/* A list of messages, which has been allocated. */
typedef struct mail {
    world_message *list;
    int count;
} mail;

static void mail_send(mail *m, int rank, const void *from, size_t bytes)
{
    if (bytes > 0) m->list[m->count++] = (world_message){rank, from, NULL, (int64_t)bytes};
}

static void mail_receive(mail *m, int rank, void *to, size_t bytes)
{
    if (bytes > 0) m->list[m->count++] = (world_message){rank, NULL, to, (int64_t)bytes};
}

static cusgd_status exchange(world *w, const mail *m) { return w->ops->exchange(w->of, m->list, m->count); }

/* Sends `mine` to all other ranks, and receives theirs into `all`, each at its place; bytes[rank] is the size of each. mine may
 * be at its place in `all`. */
static cusgd_status gather(world *w, const void *mine, void *all, const size_t *bytes)
{
    mail m = {room_of(w, MESSAGES, 2 * sizeof(world_message) * (size_t)w->ranks), 0};
    char *to = all;
    if (!m.list) return fail_room(2 * sizeof(world_message) * (size_t)w->ranks);
    for (int rank = 0; rank < w->ranks; to += bytes[rank], rank++) {
        if (rank != w->rank)
            mail_receive(&m, rank, to, bytes[rank]);
        else if (mine != to)
            memcpy(to, mine, bytes[rank]);
    }
    for (int rank = 0; rank < w->ranks; rank++)
        if (rank != w->rank) mail_send(&m, rank, mine, bytes[w->rank]);
    return exchange(w, &m);
}

/* ---- A sum ---- */

/* What is sent with the values of a node: its loss, and whether the rank asks for the call to end. */
typedef struct tail {
    double loss;
    uint64_t stop;
} tail;

typedef struct sum {
    world *w;
    const world_terms *t;
    size_t size;                    /* bytes per value */
    int own, all;                   /* number of nodes of this rank; of all ranks */
    tree_node nodes[MAX_SHARDS];    /* the nodes of all ranks, ascending */
    const void *values[MAX_SHARDS]; /* values of each node, or a part of them */
    tail tails[MAX_SHARDS];
    int first_node[MAX_SHARDS + 1]; /* the first node of each rank */
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
    for (int i = 0; i < s->own; i++)
        s->tails[s->first_node[w->rank] + i] = (tail){t->losses ? t->losses[i] : 0, (uint64_t)interrupt_wished()};
}

static int nodes_of(const sum *s, int rank) { return s->first_node[rank + 1] - s->first_node[rank]; }

static int64_t slice_start(const sum *s, int rank)
{
    return s->t->count / s->w->ranks * rank + s->t->count % s->w->ranks * rank / s->w->ranks;
}

/* ---- Adding ---- */

/* The number of values that are added at a time, so that they fit into the first-level cache, and the maximum depth of the
 * tree. */
enum { BLOCK = 512, DEPTH = 11 };
_Static_assert(MAX_SHARDS < 1 << DEPTH, "a level for each division of the tree");

/* `count` values from `first` on of each node; `next` is the next node to add. The buffers hold partial sums, of either type. */
typedef struct block {
    int64_t first, count;
    int next;
    double work[DEPTH][BLOCK];
} block;

/* Adds a and b. The case to == a is separate, so that the compiler does not need to check for overlaps. */
static void add_values(int single, int64_t count, void *to, const void *a, const void *b)
{
    float *f = to;
    double *d = to;
    const float *fa = a, *fb = b;
    const double *da = a, *db = b;
    if (single && to == a)
        for (int64_t i = 0; i < count; i++) f[i] += fb[i];
    else if (single)
        for (int64_t i = 0; i < count; i++) f[i] = fa[i] + fb[i];
    else if (to == a)
        for (int64_t i = 0; i < count; i++) d[i] += db[i];
    else
        for (int64_t i = 0; i < count; i++) d[i] = da[i] + db[i];
}

/* Returns the sum below `at`, which is in `to`, or in place if `at` is a node. */
static const void *add_below(const sum *s, block *b, tree_node at, void *to, int level)
{
    if (s->nodes[b->next].first == at.first && s->nodes[b->next].count == at.count)
        return (const unsigned char *)s->values[b->next++] + s->size * (size_t)b->first;
    tree_node left = {at.first, tree_left(at.count)}, right = {at.first + left.count, at.count - left.count};
    const void *one = add_below(s, b, left, to, level + 1), *other = add_below(s, b, right, b->work[level], level + 1);
    add_values(s->t->single, b->count, to, one, other);
    return to;
}

static tail add_tails(const sum *s, tree_node at, int *next)
{
    if (s->nodes[*next].first == at.first && s->nodes[*next].count == at.count) return s->tails[(*next)++];
    int left = tree_left(at.count);
    tail a = add_tails(s, (tree_node){at.first, left}, next);
    tail b = add_tails(s, (tree_node){at.first + left, at.count - left}, next);
    return (tail){a.loss + b.loss, a.stop | b.stop};
}

/* Adds `count` values of all nodes into `out`, and their losses into *loss. Sets w->stop if some rank asks for the call to
 * end. */
static void add_all(const sum *s, int64_t count, void *out, double *loss)
{
    const tree_node root = {0, s->t->shards};
    block b;
    int next = 0;
    for (b.first = 0; b.first < count; b.first += BLOCK) {
        b.count = count - b.first < BLOCK ? count - b.first : BLOCK;
        b.next = 0;
        void *to = (unsigned char *)out + s->size * (size_t)b.first;
        const void *at = add_below(s, &b, root, to, 0);
        if (at != to) memcpy(to, at, s->size * (size_t)b.count);
    }
    tail end = add_tails(s, root, &next);
    if (loss) *loss = end.loss;
    s->w->stop |= end.stop != 0;
}

/* ---- Small nodes: pieces of the values, filled up, and the tail ---- */

static size_t values_bytes(const sum *s) { return (s->size * (size_t)s->t->count + UNIT - 1) / UNIT * UNIT; }

static size_t piece_bytes(const sum *s) { return values_bytes(s) + sizeof(tail); }

static void put_piece(const sum *s, int i, unsigned char *to)
{
    memcpy(to, s->t->values[i], s->size * (size_t)s->t->count);
    memcpy(to + values_bytes(s), &s->tails[s->first_node[s->w->rank] + i], sizeof(tail));
}

static int is_power(int n) { return (n & (n - 1)) == 0; }

/* Adds in pairs, with one node per rank: after step l each rank has the sum over 2^(l+1) ranks. */
static cusgd_status sum_in_pairs(const sum *s, void *out, double *loss)
{
    world *w = s->w;
    size_t bytes = piece_bytes(s), values = values_bytes(s);
    unsigned char *mine = room_of(w, SENT, bytes), *other = room_of(w, RECEIVED, bytes);
    tail end, more;
    if (!mine || !other) return fail_room(2 * bytes);
    put_piece(s, 0, mine);
    memcpy(&end, mine + values, sizeof end);
    for (int distance = 1; distance < w->ranks; distance *= 2) {
        int peer = w->rank ^ distance, last = 2 * distance >= w->ranks;
        const world_message both[] = {{peer, mine, NULL, (int64_t)bytes}, {peer, NULL, other, (int64_t)bytes}};
        cusgd_status status = w->ops->exchange(w->of, both, 2);
        if (status) return status;
        memcpy(&more, other + values, sizeof more);
        end.loss += more.loss;
        end.stop |= more.stop;
        add_values(s->t->single, s->t->count, last ? out : mine, mine, other);
        memcpy(mine + values, &end, sizeof end);
    }
    if (loss) *loss = end.loss;
    w->stop |= end.stop != 0;
    return CUSGD_OK;
}

static cusgd_status sum_of_all(sum *s, void *out, double *loss)
{
    world *w = s->w;
    size_t bytes[MAX_SHARDS], piece = piece_bytes(s), values = values_bytes(s);
    unsigned char *mine = room_of(w, SENT, (size_t)s->own * piece), *all = room_of(w, RECEIVED, (size_t)s->all * piece);
    if (!mine || !all) return fail_room((size_t)(s->own + s->all) * piece);
    for (int i = 0; i < s->own; i++) put_piece(s, i, mine + (size_t)i * piece);
    for (int rank = 0; rank < w->ranks; rank++) bytes[rank] = (size_t)nodes_of(s, rank) * piece;
    cusgd_status status = gather(w, mine, all, bytes);
    if (status) return status;
    for (int i = 0; i < s->all; i++) {
        s->values[i] = all + (size_t)i * piece;
        memcpy(&s->tails[i], all + (size_t)i * piece + values, sizeof(tail));
    }
    add_all(s, s->t->count, out, loss);
    return CUSGD_OK;
}

/* ---- Large ones: slices, which go from where they are ---- */

/* Lists the messages by which each rank gets its slice of all nodes. received: the slices of the nodes of other ranks,
 * contiguous. */
static void mail_slices(sum *s, mail *m, unsigned char *received)
{
    int64_t start = slice_start(s, s->w->rank);
    size_t bytes = s->size * (size_t)(slice_start(s, s->w->rank + 1) - start);
    int first = s->first_node[s->w->rank];
    for (int rank = 0; rank < s->w->ranks; rank++) {
        for (int i = s->first_node[rank]; i < s->first_node[rank + 1]; i++) {
            if (rank == s->w->rank) {
                s->values[i] = (const unsigned char *)s->t->values[i - first] + s->size * (size_t)start;
                continue;
            }
            s->values[i] = received;
            mail_receive(m, rank, received, bytes);
            received += (bytes + UNIT - 1) / UNIT * UNIT;
        }
        if (rank != s->w->rank) mail_receive(m, rank, &s->tails[s->first_node[rank]], sizeof(tail) * (size_t)nodes_of(s, rank));
    }
    for (int rank = 0; rank < s->w->ranks; rank++) {
        if (rank == s->w->rank) continue;
        size_t at = s->size * (size_t)slice_start(s, rank), some = s->size * (size_t)slice_start(s, rank + 1) - at;
        for (int i = 0; i < s->own; i++) mail_send(m, rank, (const unsigned char *)s->t->values[i] + at, some);
        mail_send(m, rank, &s->tails[first], sizeof(tail) * (size_t)s->own);
    }
}

static cusgd_status sum_of_slices(sum *s, void *out, double *loss)
{
    world *w = s->w;
    size_t bytes[MAX_SHARDS], room = sizeof(world_message) * (size_t)(s->all + w->ranks * (s->own + 2));
    int64_t start = slice_start(s, w->rank), count = slice_start(s, w->rank + 1) - start;
    size_t received = (size_t)(s->all - s->own) * (s->size * (size_t)count + UNIT);
    mail m = {room_of(w, MESSAGES, room), 0};
    unsigned char *others = room_of(w, RECEIVED, received), *slice = (unsigned char *)out + s->size * (size_t)start;
    if (!m.list || !others) return fail_room(received + room);
    mail_slices(s, &m, others);
    cusgd_status status = exchange(w, &m);
    if (status) return status;
    add_all(s, count, slice, loss);
    for (int rank = 0; rank < w->ranks; rank++) bytes[rank] = s->size * (size_t)(slice_start(s, rank + 1) - slice_start(s, rank));
    return gather(w, slice, out, bytes);
}

cusgd_status world_sum(world *w, const world_terms *t, void *out, double *loss)
{
    sum s;
    cusgd_status status = check(w);
    if (status) return status;
    sum_begin(&s, w, t);
    if (piece_bytes(&s) > SMALL) return done(w, sum_of_slices(&s, out, loss));
    int in_pairs = is_power(w->ranks) && is_power(t->shards) && w->ranks > 1 && w->ranks <= t->shards;
    return done(w, in_pairs ? sum_in_pairs(&s, out, loss) : sum_of_all(&s, out, loss));
}

/* ---- Other exchanges ---- */

cusgd_status world_tell(world *w, void *at, size_t bytes)
{
    size_t sizes[MAX_SHARDS] = {bytes};
    cusgd_status status = check(w);
    return status ? status : done(w, gather(w, at, at, sizes));
}

cusgd_status world_gather(world *w, int shards, const void *of_nodes, size_t bytes, void **out, int *nodes)
{
    size_t sizes[MAX_SHARDS];
    tree_node of[MAX_SHARDS];
    *out = NULL;
    *nodes = 0;
    cusgd_status status = check(w);
    if (status) return status;
    for (int rank = 0; rank < w->ranks; rank++) {
        int count = world_nodes(shards, world_shards(w, shards, rank), of);
        sizes[rank] = (size_t)count * bytes;
        *nodes += count;
    }
    *out = allocate((size_t)*nodes, bytes);
    if (!*out) return fail_memory((size_t)*nodes * bytes, "what processes exchange");
    status = done(w, gather(w, of_nodes, *out, sizes));
    if (!status) return CUSGD_OK;
    free(*out);
    *out = NULL;
    return status;
}

cusgd_status world_share(world *w, void *all, const size_t *bytes)
{
    const char *mine = all;
    cusgd_status status = check(w);
    for (int rank = 0; rank < w->rank; rank++) mine += bytes[rank];
    return status ? status : done(w, gather(w, mine, all, bytes));
}

/* Gathers the same number of bytes from every rank. */
static cusgd_status gather_equal(world *w, const void *mine, size_t bytes, unsigned char **all)
{
    size_t sizes[MAX_SHARDS];
    cusgd_status status = check(w);
    if (status) return status;
    for (int rank = 0; rank < w->ranks; rank++) sizes[rank] = bytes;
    *all = room_of(w, RECEIVED, (size_t)w->ranks * bytes);
    if (!*all) return fail_room((size_t)w->ranks * bytes);
    return done(w, gather(w, mine, *all, sizes));
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
