/* A set's rows on the device: divided into shards, each of which is bound by itself. What is computed over all rows is computed
 * over each shard, and added by the tree of scalar/shards.h: so it depends on the number of shards, and not on who holds them. */
#include "problem.h"

#include "failure.h"
#include "scalar/moments.h"
#include "scalar/shards.h"
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

cusgd_status shards_bind(const problem *p, const transform *t, example_set *set)
{
    cusgd_status status = CUSGD_OK;
    set->bounds = allocate_zeroed((size_t)set->shards, sizeof(dataset *));
    if (!set->bounds) return fail_memory((size_t)set->shards * sizeof(dataset *), "the shards");
    for (int h = 0; h < set->shards && !status; h++) {
        examples rows = shard_at(set, h);
        status = p->backend->ops->bind(p->backend->self, &rows, t, &set->bounds[h]);
    }
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

/* Over `count` shards from the first on. */
static cusgd_status join(const joining *j, int first, int count, double *out)
{
    if (count == 1) {
        double rows = j->means && j->set->shards > 1 ? (double)rows_of(j->set, first) : 1;
        cusgd_status status = j->pass(j->context, j->p, j->set->bounds[first], out);
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

cusgd_status shards_pass(const problem *p, const example_set *set, shard_pass pass, const void *context, int means, size_t size,
                         double *values)
{
    joining j = {p, set, pass, context, means, size};
    cusgd_status status = join(&j, 0, set->shards, values);
    if (!means || set->shards == 1 || status) return status;
    for (size_t i = 0; i < size; i++) values[i] /= (double)set->rows.n;
    return CUSGD_OK;
}

cusgd_status shards_rows(const problem *p, const example_set *set, const int64_t *rows, int64_t m, double *x, double *w)
{
    const backend *b = p->backend;
    uint64_t n = (uint64_t)set->rows.n, shards = (uint64_t)set->shards;
    cusgd_status status = CUSGD_OK;
    if (set->shards == 1) return b->ops->rows(b->self, set->bounds[0], rows, m, x, w);
    for (int64_t i = 0; i < m && !status; i++) {
        uint64_t shard = shard_of(n, shards, (uint64_t)rows[i]);
        int64_t within = rows[i] - (int64_t)shard_start(n, shards, shard);
        status = b->ops->rows(b->self, set->bounds[shard], &within, 1, x + i * p->d, w + i);
    }
    return status;
}

/* ---- Moments ---- */

/* Of some shards: means and sums of squared deviations of the columns, means of the targets. */
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

/* A shard whose rows all have weight 0 has no moments: zeros, which merge as nothing. */
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

static cusgd_status join_moments(const problem *p, const example_set *set, int first, int count, shard_moments *out)
{
    if (count == 1) return moments_of_shard(p, set, first, out);
    int left = tree_left(count);
    size_t size = (size_t)(2 * p->d + p->m);
    double *work = allocate(size, sizeof *work);
    shard_moments right = {0, work, work + p->d, work + 2 * p->d};
    cusgd_status status = work ? join_moments(p, set, first, left, out) : fail_memory(size * sizeof *work, "a shard's moments");
    if (!status) status = join_moments(p, set, first + left, count - left, &right);
    if (!status) merge(p, out, &right);
    free(work);
    return status;
}

cusgd_status shards_moments(const problem *p, const example_set *set, double *mean, double *variance, double *target_mean,
                            double *weight)
{
    const backend *b = p->backend;
    if (set->shards == 1) return b->ops->moments(b->self, &set->rows, mean, variance, target_mean, weight);
    shard_moments all = {0, mean, variance, target_mean};
    cusgd_status status = join_moments(p, set, 0, set->shards, &all);
    for (int64_t j = 0; j < p->d && !status; j++) variance[j] /= all.weight;
    *weight = all.weight;
    return status;
}
