/* Determines which run specs the device supports, and the engine for each. It depends only on the run spec and the device, so
 * that it can be called before a run starts.
 *
 * `auto` follows predictions (tests/gpu/PREDICTED.md) and never measured times, because two equal runs could then differ. It
 * chooses the first row whose conditions hold:
 *
 *     one target, rows up to 4096 floats; the shared memory of all blocks on this device   persistent
 *                                         holds two batches, and the gradients of all
 *                                         parts take a block little time to read
 *     one target, rows up to 64 KB, or 128 KB if the GPU has clusters                      fused
 *     any                                                                                  cublas
 *
 * Only cublas supports formulas. Sparse rows use the steps of cublas, with special kernels (kernels/sparse.cu) instead of the
 * products of cuBLAS. */
#include "exchange.h"
#include "models.h"
#include "shape.h"
#include "sparse.h"

static cusgd_status refuse(const char *engine, const char *why)
{
    return fail(CUSGD_ERROR_USAGE, "engine %s takes no run with %s; use --engine auto", engine, why);
}

/* Returns the reason why the engine does not support the run spec, or NULL. */
static const char *why_not_fused(const cuda *c, const run_spec *p, fused_shape *shape)
{
    if (p->loss.formula) return "a loss that is a formula";
    if (p->sparse) return "sparse rows";
    if (p->models) return "several models";
    if (p->k > 1) return "more than one output, as more than two classes have";
    if (p->clip.norm > 0) return "clip-norm, for which each step would wait once more for the whole gradient";
    cusgd_storage kept = kept_as(c, p->storage);
    if (!fused_shape_of(c->precision, kept, share_of(p), row_stride(stored_bytes(c, kept), p->d), c->gpu.clusters, shape))
        return c->gpu.clusters ? "rows of more than 128 KB" : "rows of more than 64 KB, or 32 KB of bf16";
    return NULL;
}

/* Returns the sizes of the parameters and which arrays they have. Arrays that will be allocated later are represented by an
 * arbitrary pointer other than NULL. */
static update_task sizes_of(const cuda *c, const run_spec *p)
{
    static char kept;
    update_task t = {.precision = c->precision,
                     .penalized = p->d * p->k,
                     .size = (p->d + 1) * p->k,
                     .rate_factor = p->rate_factor,
                     .l1_factor = p->limit[LIMIT_L1],
                     .l2_factor = p->limit[LIMIT_L2],
                     .lower = p->limit[LIMIT_LOWER],
                     .upper = p->limit[LIMIT_UPPER]};
    void **parts[STATE_PARTS] = {&t.theta, &t.means, &t.slot1, &t.slot2, &t.slot3};
    for (int part = 0; part < STATE_PARTS; part++)
        if (spec_keeps(p, (enum state_part)part)) *parts[part] = &kept;
    if (optimizer_looks_ahead(p->optimizer)) t.point = &kept;
    return t;
}

static const char *why_not_persistent(const cuda *c, const run_spec *p, const fused_shape *shape)
{
    if (p->shards > 1) return "more than one shard";
    if (!c->gpu.cooperative) return "a GPU that has no cooperative launches";
    update_task update = sizes_of(c, p);
    return persistent_takes(shape, &update, c->gpu.shared)
               ? NULL
               : "rows of more than 16 KB (8 KB in double and of bf16), or of more columns than shared memory has room for";
}

/* Whether `persistent` pays depends on the shared memory of the device: if two batches do not fit, reading and computing do not
 * overlap. It is not yet known whether there will be offsets, which take a value per row. */
static int pays(const cuda *c, const run_spec *p, const fused_shape *shape)
{
    cusgd_storage kept = kept_as(c, p->storage);
    size_t stored = stored_bytes(c, kept);
    int64_t ld = row_stride(stored, p->d), gradient = padded(c, p->d) * (int64_t)c->element;
    persistent_task t = {.fused = {.update = sizes_of(c, p), .shape = *shape, .storage = kept, .ld = ld},
                         .multiprocessors = c->gpu.multiprocessors,
                         .shared = c->gpu.shared};
    return persistent_pays(shape, p->batch * ld * (int64_t)stored, gradient, c->gpu.multiprocessors) && persistent_stages(&t);
}

cusgd_status engine_choose(const cuda *c, const run_spec *p, cusgd_engine *engine, fused_shape *shape)
{
    cusgd_engine asked = p->engine;
    *engine = CUSGD_ENGINE_CUBLAS;
    if (asked == CUSGD_ENGINE_CUBLAS) return CUSGD_OK;
    const char *not_fused = why_not_fused(c, p, shape), *not_persistent = not_fused ? not_fused : why_not_persistent(c, p, shape);
    if (asked == CUSGD_ENGINE_FUSED && not_fused) return refuse("fused", not_fused);
    if (asked == CUSGD_ENGINE_PERSISTENT && not_persistent) return refuse("persistent", not_persistent);
    if (not_fused) return CUSGD_OK;
    int persists = asked == CUSGD_ENGINE_PERSISTENT || (asked == CUSGD_ENGINE_AUTO && !not_persistent && pays(c, p, shape));
    *engine = persists ? CUSGD_ENGINE_PERSISTENT : CUSGD_ENGINE_FUSED;
    return CUSGD_OK;
}

cusgd_status cuda_refuses(void *of, const run_spec *p)
{
    cusgd_engine engine;
    fused_shape shape;
    if (p->world) TRY(nccl_usable());
    TRY(formula_fits(p->loss));
    TRY(sparse_refuses(p));
    TRY(check_shape(p->d, p->k));
    if (p->shards > 1 && p->models)
        return fail(CUSGD_ERROR_USAGE,
                    "a GPU takes several models in one pass without shards alone; use --device cpu, or leave out --shards");
    TRY(models_refuses(p));
    return engine_choose(of, p, &engine, &shape);
}

void engine_trace(const cuda *c)
{
    static const char *const names[] = {"auto", "cublas", "fused", "persistent"};
    const run *r = &c->run;
    const fused_shape *s = &r->fused.shape;
    if (r->engine == CUSGD_ENGINE_CUBLAS)
        trace(c, "engine cublas, batches of %lld rows, %lld at a time", (long long)r->spec.batch, (long long)r->work.rows);
    else
        trace(c, "engine %s, %lld parts of %lld rows, %d threads and %d blocks per part, %d lanes per row", names[r->engine],
              (long long)s->parts, (long long)s->rows, s->threads, s->blocks, s->lanes);
}
