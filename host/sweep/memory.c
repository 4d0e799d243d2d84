/* The memory of sweeps and paths, which grows with models times columns and is known before they begin. */
#include "path.h"

#include "failure.h"
#include "physical_memory.h"
#include <math.h>

/* The bytes of each model, and the bytes for all models. */
typedef struct room {
    double each, there;
} room;

/* Returns the bytes per model that pass.c needs, including pass_narrow() and the start of a run. */
static double host_bytes(const cusgd_sweep *s)
{
    double arrays = 3 + LIMIT_COUNT, more = STATE_PARTS + 1 + LIMIT_COUNT;
    return sizeof(double) * (arrays + more) * ((double)s->trainer->problem.d + 1);
}

/* Returns the bytes of the models of all rows. */
static double kept_bytes(const cusgd_sweep *s) { return sizeof(double) * (double)s->count * ((double)s->trainer->problem.d + 1); }

/* Finds the kind of memory, of the host or the device, that has room for fewer models. */
static cusgd_status find_room(const cusgd_sweep *s, double limit, room *out)
{
    const backend *b = &s->trainer->backend;
    double each, there, host = host_bytes(s), all = memory_of_machine() / 2;
    cusgd_status status = b->ops->models.room(b->self, &s->trainer->run.spec, s->folds > 0 ? s->folds : 1, &each, &there);
    if (b->is_host) each += host;
    if (b->is_host && s->share.world) there /= s->share.world->neighbors; /* each rank has its own GPU */
    if (s->share.world) all /= s->share.world->neighbors;
    *out = (room){each, limit > 0 ? limit : there > 0 ? there : (double)INFINITY};
    if (b->is_host) out->there = fmax(out->there - kept_bytes(s), 0);
    if (!b->is_host && !(limit > 0) && all / host < there / each) *out = (room){host, all};
    return status;
}

/* Returns the memory for products of batches: what the models leave, as far as it is useful. */
static double products_bytes(const cusgd_sweep *s, double left)
{
    const backend *b = &s->trainer->backend;
    double each = b->ops->models.batch_room ? b->ops->models.batch_room(b->self, &s->trainer->run.spec, s->folds) : 0;
    return each > 0 ? fmin(floor(left / each), (double)s->trainer->sgd.batches) * each : 0;
}

enum { BLOCK = 16 }; /* models that the CPU stores together, including unused places */

/* Returns the places of a configuration, or of the group that it needs. */
static double least_places(const cusgd_sweep *s)
{
    int64_t blocks = (columns_each(s) + BLOCK - 1) / BLOCK;
    return (double)(group_of(s) > 0 ? group_of(s) : BLOCK * blocks);
}

/* Returns the maximum number of configurations of a pass if `fitting` models fit. */
static size_t most_configurations(const cusgd_sweep *s, double fitting)
{
    int64_t group = group_of(s);
    if (fitting >= (double)places_of(s, s->count)) return s->count;
    return group > 0 ? (size_t)fitting / (size_t)group * group_each(s)
                     : (size_t)fitting / BLOCK * BLOCK / (size_t)columns_each(s);
}

cusgd_status sweep_plan_passes(cusgd_sweep *s, const cusgd_sweep_plan *plan)
{
    room r;
    cusgd_status status = find_room(s, plan->memory, &r);
    if (status) return status;
    size_t most = most_configurations(s, r.there / r.each), unit = group_each(s);
    if (most == 0)
        return fail(CUSGD_ERROR_MEMORY,
                    "out of memory: %.3g MB for the models of a sweep, and each configuration's %lld models of %lld columns need "
                    "%.3g MB; give more memory, fewer folds or fewer columns",
                    r.there / 1e6, (long long)columns_each(s), (long long)s->trainer->problem.d, r.each * least_places(s) / 1e6);
    size_t own = s->share.end - s->share.first, passes = (own + most - 1) / most;
    size_t parts = (own + unit - 1) / unit;
    s->share.each = own > 0 ? (parts + passes - 1) / passes * unit : 1;
    if (s->share.each > own && own > 0) s->share.each = own;
    double bytes = r.each * (double)places_of(s, s->share.each);
    s->products = products_bytes(s, fmax(r.there - bytes, 0));
    if (plan->begins) plan->begins(plan->user, (int64_t)s->count * columns_each(s), (int64_t)passes, bytes + s->products);
    return CUSGD_OK;
}

cusgd_status path_check_memory(const cusgd_path *s)
{
    double side = (double)s->d + 1, matrices = (s->folds > 0 ? s->folds : 1) + 1 + (s->l1_ratio > 0 ? 0 : 1);
    double bytes = sizeof(double) * side * (matrices * side + 2 * (double)s->count), all = memory_of_machine();
    if (all == 0 || bytes <= all) return CUSGD_OK;
    return fail(
        CUSGD_ERROR_MEMORY,
        "out of memory: a path of %lld columns and %d folds needs %.3g GB for their products, and this machine has %.3g GB; "
        "sweep over l1 and l2 instead",
        (long long)s->d, s->folds, bytes / 1e9, all / 1e9);
}
