/* Several ranks that share a sweep: each trains some of the configurations, and in the end all have all results. The bits of a
 * model do not depend on the models that are trained with it, and therefore not on the number of ranks. */
#include "sweep.h"

#include "data/hash.h"
#include "failure.h"
#include "interrupt.h"
#include "trainer/shared.h"
#include <stdlib.h>
#include <string.h>

/* Returns the first configuration of a rank, at the beginning of a group. */
static size_t first_of(const cusgd_sweep *s, int rank)
{
    size_t ranks = s->share.world ? (size_t)s->share.world->ranks : 1, each = group_each(s), of = (size_t)rank;
    size_t groups = (s->count + each - 1) / each, first = (groups / ranks * of + groups % ranks * of / ranks) * each;
    return first < s->count ? first : s->count;
}

void share_take(cusgd_sweep *s)
{
    int rank = s->share.world ? s->share.world->rank : 0;
    s->share.first = first_of(s, rank);
    s->share.end = first_of(s, rank + 1);
}

/* Returns a hash of the plan, which must be the same on all ranks. */
static uint64_t hash_plan(const cusgd_sweep_plan *plan, size_t rows)
{
    const int64_t numbers[] = {(int64_t)plan->count, plan->folds, plan->select, plan->halving};
    uint64_t hash = hash_bytes(0, numbers, sizeof numbers);
    hash = hash_bytes(hash, plan->configurations, plan->count * sizeof *plan->configurations);
    return plan->fold ? hash_bytes(hash, plan->fold, rows) : hash;
}

cusgd_status share_begin(cusgd_sweep *s, const cusgd_sweep_plan *plan)
{
    if (!s->share.world) return CUSGD_OK;
    s->share.world->stop = 0;
    return shared_compare(s->share.world, s->trainer, hash_plan(plan, (size_t)s->trainer->problem.train.data->view.n));
}

/* Exchanges whether ranks still compute. All ranks take part, including those that have finished. */
static cusgd_status beat(world *w, int works, int *any_works)
{
    cusgd_status status = world_any(w, works, any_works);
    return !status && w->stop ? fail_interrupted() : status;
}

cusgd_status share_beat(cusgd_sweep *s)
{
    int any_works;
    return s->share.world ? beat(s->share.world, 1, &any_works) : CUSGD_OK;
}

/* Gathers `size` bytes of each configuration; this rank has those of its own configurations. */
static cusgd_status gather(cusgd_sweep *s, void *all, size_t size)
{
    size_t bytes[MAX_SHARDS];
    for (int rank = 0; rank < s->share.world->ranks; rank++)
        bytes[rank] = (size_t)(first_of(s, rank + 1) - first_of(s, rank)) * size;
    return world_share(s->share.world, all, bytes);
}

cusgd_status share_gather(cusgd_sweep *s)
{
    int working = 1;
    cusgd_status status = CUSGD_OK;
    if (!s->share.world) return CUSGD_OK;
    while (working && !status) status = beat(s->share.world, 0, &working);
    if (!status) status = gather(s, s->columns, (size_t)columns_each(s) * sizeof *s->columns);
    if (!status) status = gather(s, s->losses, (s->folds > 0 ? (size_t)s->folds : 1) * sizeof(double));
    return status ? status : gather(s, s->kept, ((size_t)s->trainer->problem.d + 1) * sizeof(double));
}

/* The other ranks find by themselves that no configuration is left, and failures of exchanges. */
void share_end(cusgd_sweep *s, cusgd_status status)
{
    world *w = s->share.world;
    if (!w || !status || status == CUSGD_ERROR_DIVERGED) return;
    if (w->stop || (w->failed && status == CUSGD_ERROR_DEVICE)) return;
    w->ops->notify(w->of, cusgd_last_error());
}
