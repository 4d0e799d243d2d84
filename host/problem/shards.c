/* The rows of a set on the device, divided into shards, each of which is uploaded separately. Sums over all rows are computed for
 * each shard and added by the tree of scalar/shards.h, so that they depend on the number of shards and not on the processes that
 * have them. Each of several processes uploads its own shards and adds the largest possible nodes of the tree. */
#include "problem.h"

#include "failure.h"
#include "interrupt.h"
#include "scalar/moments.h"
#include "scalar/shards.h"
#include "stream.h"
#include <stdlib.h>
#include <string.h>

static int64_t rows_of(const example_set *set, int shard)
{
    return (int64_t)shard_rows((uint64_t)set->rows.n, (uint64_t)set->shards, (uint64_t)shard);
}

static examples shard_at(const example_set *set, int shard)
{
    int64_t first = (int64_t)shard_start((uint64_t)set->rows.n, (uint64_t)set->shards, (uint64_t)shard);
    return examples_piece(&set->rows, first, rows_of(set, shard));
}

tree_node shards_here(const problem *p, const example_set *set)
{
    const world *w = p->backend->world;
    return w ? world_shards(w, set->shards, w->rank) : (tree_node){0, set->shards};
}

int shards_most(const problem *p, const example_set *set)
{
    const world *w = p->backend->world;
    int most = w ? 0 : set->shards;
    for (int rank = 0; w && rank < w->ranks; rank++) {
        int count = world_shards(w, set->shards, rank).count;
        if (count > most) most = count;
    }
    return most;
}

int64_t shards_most_rows(const problem *p, const example_set *set)
{
    const world *w = p->backend->world;
    int64_t most = w ? 0 : set->rows.n;
    for (int rank = 0; w && rank < w->ranks; rank++) {
        tree_node own = world_shards(w, set->shards, rank);
        int64_t rows = 0;
        for (int h = own.first; h < own.first + own.count; h++) rows += rows_of(set, h);
        if (rows > most) most = rows;
    }
    return most;
}

cusgd_status shards_bind_by(const problem *p, shard_binding *bind, const transform *t, example_set *set)
{
    cusgd_status status = CUSGD_OK;
    set->bounds = allocate_zeroed((size_t)set->shards, sizeof(dataset *));
    if (!set->bounds) return fail_memory((size_t)set->shards * sizeof(dataset *), "the shards");
    tree_node here = shards_here(p, set);
    for (int h = here.first; h < here.first + here.count && !status; h++) {
        examples rows = shard_at(set, h);
        status = bind(p->backend->self, &rows, t, &set->bounds[h]);
    }
    return status;
}

/* Releases the pages of a mapped file that were read for the upload, so that a process needs memory only for its part of the
 * rows. */
static void forget_read(const problem *p, const example_set *set)
{
    const examples *all = &(set->data ? set->data : p->train.data)->view; /* rows that are held out are in this data */
    if (p->backend->world && !set->stream) examples_forget(all, 0, all->n);
}

cusgd_status shards_bind(const problem *p, const transform *t, example_set *set)
{
    cusgd_status status = shards_bind_by(p, p->backend->ops->bind, t, set);
    forget_read(p, set);
    return status;
}

void shards_unbind(const problem *p, example_set *set)
{
    for (int h = 0; set->bounds && h < set->shards; h++) p->backend->ops->unbind(p->backend->self, set->bounds[h]);
    free(set->bounds);
    set->bounds = NULL;
}

/* ---- Passes ---- */

typedef struct joining {
    const problem *p;
    const example_set *set;
    shard_pass pass;
    const void *context;
    int means;
    size_t size;
} joining;

/* Adds the values of `count` shards from `first` on. */
static cusgd_status join(const joining *j, int first, int count, double *out)
{
    if (count == 1) {
        double rows = j->means && j->set->shards > 1 ? (double)rows_of(j->set, first) : 1;
        cusgd_status status = j->pass(j->context, j->p, first, j->set->bounds ? j->set->bounds[first] : NULL, out);
        for (size_t i = 0; i < j->size && rows > 1 && !status; i++) out[i] *= rows;
        return status;
    }
    int left = tree_left(count);
    double *right = allocate(j->size, sizeof *right);
    cusgd_status status = right ? join(j, first, left, out) : fail_memory(j->size * sizeof *right, "a shard's sums");
    if (!status) status = join(j, first + left, count - left, right);
    for (size_t i = 0; i < j->size && !status; i++) out[i] += right[i];
    free(right);
    return status;
}

/* Adds the values of the nodes of each process, and then their sum. After an interruption all processes end here, because a
 * process without shards calls no device, which would notice the interruption. */
static cusgd_status join_processes(const joining *j, world *w, double *out)
{
    tree_node nodes[MAX_SHARDS];
    const void *at[MAX_SHARDS];
    if (interrupt_asked()) return fail_interrupted();
    int count = world_nodes(j->set->shards, shards_here(j->p, j->set), nodes);
    double *values = allocate((size_t)count * j->size + 1, sizeof *values);
    cusgd_status status = values ? CUSGD_OK : fail_memory((size_t)count * j->size * sizeof *values, "the shards' sums");
    for (int i = 0; i < count && !status; i++) {
        at[i] = values + (size_t)i * j->size;
        status = join(j, nodes[i].first, nodes[i].count, values + (size_t)i * j->size);
    }
    world_terms terms = {j->set->shards, 0, (int64_t)j->size, at, NULL};
    if (!status) status = world_sum(w, &terms, out, NULL);
    free(values);
    return status;
}

cusgd_status shards_pass(const problem *p, const example_set *set, shard_pass pass, const void *context, int means, size_t size,
                         double *values)
{
    joining j = {p, set, pass, context, means, size};
    world *w = p->backend->world;
    cusgd_status status = w ? join_processes(&j, w, values) : join(&j, 0, set->shards, values);
    if (!means || set->shards == 1 || status) return status;
    for (size_t i = 0; i < size; i++) values[i] /= (double)set->rows.n;
    return CUSGD_OK;
}

/* Gets a row of a shard of another process by uploading it here: reading a few rows is cheaper than sending them. */
static cusgd_status row_elsewhere(const problem *p, const example_set *set, int64_t row, double *x, double *w)
{
    const backend_ops *ops = p->backend->ops;
    examples one = examples_piece(&set->rows, row, 1);
    const int64_t first = 0;
    dataset *b = NULL;
    cusgd_status status = ops->bind(p->backend->self, &one, &p->units.transform, &b);
    if (!status) status = ops->rows(p->backend->self, b, &first, 1, x, w);
    ops->unbind(p->backend->self, b);
    return status;
}

cusgd_status shards_rows(const problem *p, const example_set *set, const int64_t *rows, int64_t m, double *x, double *w)
{
    return set->stream ? stream_rows(p, set->stream, rows, m, x, w) : shards_bound_rows(p, set, rows, m, x, w);
}

cusgd_status shards_bound_rows(const problem *p, const example_set *set, const int64_t *rows, int64_t m, double *x, double *w)
{
    enum { BETWEEN = 256 };
    const backend *b = p->backend;
    uint64_t n = (uint64_t)set->rows.n, shards = (uint64_t)set->shards;
    cusgd_status status = CUSGD_OK;
    if (set->shards == 1 && !b->world) return b->ops->rows(b->self, set->bounds[0], rows, m, x, w);
    for (int64_t i = 0; i < m && !status; i++) {
        uint64_t shard = shard_of(n, shards, (uint64_t)rows[i]);
        int64_t within = rows[i] - (int64_t)shard_start(n, shards, shard);
        if (set->bounds[shard])
            status = b->ops->rows(b->self, set->bounds[shard], &within, 1, x + i * p->d, w + i);
        else
            status = row_elsewhere(p, set, rows[i], x + i * p->d, w + i);
        if (i % BETWEEN == BETWEEN - 1) forget_read(p, set); /* the system maps further pages around each row */
    }
    forget_read(p, set);
    return status;
}

/* ---- Moments ---- */

/* The moments of some shards: means and sums of squared deviations of the columns, means of the targets. */
typedef struct shard_moments {
    double weight;
    double *mean, *square, *target; /* d, d, m */
} shard_moments;

static void merge(const problem *p, shard_moments *into, const shard_moments *from)
{
    for (int64_t j = 0; j < p->d; j++) {
        moment sum = {into->weight, into->mean[j], into->square[j]}, one = {from->weight, from->mean[j], from->square[j]};
        moment_merge(&sum, &one);
        into->mean[j] = sum.mean;
        into->square[j] = sum.square;
    }
    for (int64_t c = 0; c < p->m; c++) {
        moment sum = {into->weight, into->target[c], 0}, one = {from->weight, from->target[c], 0};
        moment_merge(&sum, &one);
        into->target[c] = sum.mean;
    }
    into->weight += from->weight;
}

/* Computes the moments of a shard. If all its rows have weight 0, they are zeros, which have no effect when they are merged. */
static cusgd_status moments_of_shard(const problem *p, const example_set *set, int shard, shard_moments *out)
{
    examples rows = shard_at(set, shard);
    cusgd_status status = p->backend->ops->moments(p->backend->self, &rows, out->mean, out->square, out->target, &out->weight);
    if (status) return status;
    int counts = out->weight > 0;
    for (int64_t j = 0; j < p->d; j++) {
        out->mean[j] = counts ? out->mean[j] : 0;
        out->square[j] = counts ? out->square[j] * out->weight : 0;
    }
    for (int64_t c = 0; c < p->m && !counts; c++) out->target[c] = 0;
    return CUSGD_OK;
}

/* Gathered moments: one block per node, in order, with the weight and the values. */
typedef struct gathered_moments {
    const tree_node *nodes;
    const double *blocks; /* NULL: nothing has been gathered */
    int next;
} gathered_moments;

static size_t block_size(const problem *p) { return (size_t)(1 + 2 * p->d + p->m); }

static shard_moments moments_in(const problem *p, double *values)
{
    return (shard_moments){0, values, values + p->d, values + 2 * p->d};
}

static int take_gathered(const problem *p, gathered_moments *g, tree_node at, shard_moments *out)
{
    if (!g->blocks || g->nodes[g->next].first != at.first || g->nodes[g->next].count != at.count) return 0;
    const double *block = g->blocks + (size_t)g->next++ * block_size(p);
    out->weight = block[0];
    memcpy(out->mean, block + 1, sizeof(double) * (size_t)p->d);
    memcpy(out->square, block + 1 + p->d, sizeof(double) * (size_t)p->d);
    memcpy(out->target, block + 1 + 2 * p->d, sizeof(double) * (size_t)p->m);
    return 1;
}

static cusgd_status join_moments(const problem *p, const example_set *set, tree_node at, gathered_moments *g, shard_moments *out)
{
    if (take_gathered(p, g, at, out)) return CUSGD_OK;
    if (at.count == 1) return moments_of_shard(p, set, at.first, out);
    int left = tree_left(at.count);
    size_t size = block_size(p) - 1;
    double *work = allocate(size, sizeof *work);
    shard_moments right = moments_in(p, work);
    tree_node before = {at.first, left}, behind = {at.first + left, at.count - left};
    cusgd_status status = work ? join_moments(p, set, before, g, out) : fail_memory(size * sizeof *work, "a shard's moments");
    if (!status) status = join_moments(p, set, behind, g, &right);
    if (!status) merge(p, out, &right);
    free(work);
    return status;
}

/* Writes the moments of the nodes of this process as blocks. */
static cusgd_status moments_here(const problem *p, const example_set *set, const tree_node *nodes, int count, double *blocks)
{
    gathered_moments none = {0};
    cusgd_status status = CUSGD_OK;
    for (int i = 0; i < count && !status; i++) {
        double *block = blocks + (size_t)i * block_size(p);
        shard_moments node = moments_in(p, block + 1);
        status = join_moments(p, set, nodes[i], &none, &node);
        block[0] = node.weight;
    }
    return status;
}

static cusgd_status join_all_moments(const problem *p, const example_set *set, world *w, shard_moments *out)
{
    tree_node nodes[MAX_SHARDS];
    void *all = NULL;
    int count = world_nodes(set->shards, shards_here(p, set), nodes), gathered = 0;
    size_t size = block_size(p);
    if (interrupt_asked()) return fail_interrupted();
    double *blocks = allocate((size_t)count * size + 1, sizeof *blocks);
    cusgd_status status = blocks ? moments_here(p, set, nodes, count, blocks)
                                 : fail_memory((size_t)count * size * sizeof *blocks, "the shards' moments");
    if (!status) status = world_gather(w, set->shards, blocks, size * sizeof *blocks, &all, &gathered);
    for (int rank = 0, found = 0; rank < w->ranks && !status; rank++)
        found += world_nodes(set->shards, world_shards(w, set->shards, rank), nodes + found);
    gathered_moments g = {nodes, all, 0};
    if (!status) status = join_moments(p, set, (tree_node){0, set->shards}, &g, out);
    free(blocks);
    free(all);
    return status;
}

cusgd_status shards_moments(const problem *p, const example_set *set, double *mean, double *variance, double *target_mean,
                            double *weight)
{
    const backend *b = p->backend;
    if (set->shards == 1) return b->ops->moments(b->self, &set->rows, mean, variance, target_mean, weight);
    shard_moments all = {0, mean, variance, target_mean};
    gathered_moments none = {0};
    cusgd_status status =
        b->world ? join_all_moments(p, set, b->world, &all) : join_moments(p, set, (tree_node){0, set->shards}, &none, &all);
    for (int64_t j = 0; j < p->d && !status; j++) variance[j] /= all.weight;
    *weight = all.weight;
    return status;
}
