/* The engines that read x once, and which engine a run takes. */
#include "cuda.h"
#include "shape.h"

#include <pthread.h>

/* ---- Which engine ---- */

/* `auto`, by prediction (tests/gpu/PREDICTED.md), never by a timing: else two equal runs could differ. The first row that fits:
 *
 *     one target, rows to 4096 floats;   all blocks' shared memory, on this device, holds  persistent
 *                                        two batches, and a block reads all parts'
 *                                        gradients in passing
 *     one target, rows to 64 KB, or 128 KB where the GPU has clusters                      fused
 *     anything                                                                             cublas */

static cusgd_status refuse(const char *engine, const char *why)
{
    return fail(CUSGD_ERROR_USAGE, "engine %s takes no run with %s; use --engine auto", engine, why);
}

/* Why an engine does not take the run spec; NULL if it does. */
static const char *why_not_fused(const cuda *c, fused_shape *shape)
{
    const run_spec *p = &c->run.spec;
    if (p->k > 1) return "more than one target";
    if (p->clip_norm > 0) return "clip-norm, for which a step would have to wait for the whole gradient once more";
    cusgd_storage kept = kept_as(c, p->storage);
    if (!fused_shape_of(c->precision, kept, p->batch, row_stride(stored_bytes(c, kept), p->d), c->clusters, shape))
        return c->clusters ? "rows of more than 128 KB" : "rows of more than 64 KB, or 32 KB of bf16";
    return NULL;
}

static const char *why_not_persistent(const cuda *c, const fused_shape *shape)
{
    if (!c->cooperative) return "a GPU that has no cooperative launches";
    update_task update = update_of(c);
    return persistent_takes(shape, &update, c->shared)
               ? NULL
               : "rows of more than 16 KB (8 KB in double and of bf16), or of more columns than shared memory has room for";
}

/* The device's own shared memory decides: where two batches do not fit, reading and computing do not overlap. Whether there will
 * be offsets, a value a row, is not known yet. */
static int pays(const cuda *c, const fused_shape *shape)
{
    const run_spec *p = &c->run.spec;
    cusgd_storage kept = kept_as(c, p->storage);
    size_t stored = stored_bytes(c, kept);
    int64_t ld = row_stride(stored, p->d), gradient = padded(c, p->d) * (int64_t)c->element;
    persistent_task t = {.fused = {.update = update_of(c), .shape = *shape, .storage = kept, .ld = ld},
                         .multiprocessors = c->multiprocessors,
                         .shared = c->shared};
    return persistent_pays(shape, p->batch * ld * (int64_t)stored, gradient, c->multiprocessors) && persistent_stages(&t);
}

cusgd_status engine_choose(cuda *c, cusgd_engine asked)
{
    run *r = &c->run;
    fused_shape *shape = &r->fused.shape;
    r->engine = CUSGD_ENGINE_CUBLAS;
    if (asked == CUSGD_ENGINE_CUBLAS) return CUSGD_OK;
    const char *not_fused = why_not_fused(c, shape), *not_persistent = not_fused ? not_fused : why_not_persistent(c, shape);
    if (asked == CUSGD_ENGINE_FUSED && not_fused) return refuse("fused", not_fused);
    if (asked == CUSGD_ENGINE_PERSISTENT && not_persistent) return refuse("persistent", not_persistent);
    if (not_fused) return CUSGD_OK;
    int persists = asked == CUSGD_ENGINE_PERSISTENT || (asked == CUSGD_ENGINE_AUTO && !not_persistent && pays(c, shape));
    r->engine = persists ? CUSGD_ENGINE_PERSISTENT : CUSGD_ENGINE_FUSED;
    return CUSGD_OK;
}

/* ---- Memory ---- */

cusgd_status fused_open(cuda *c)
{
    fused *f = &c->run.fused;
    void *sums, *flags;
    TRY(cuda_allocate(c, 2 * f->shape.parts * padded(c, c->run.spec.d), c->element, "the gradients of parts", &f->partial));
    TRY(cuda_allocate(c, 4 * f->shape.parts, sizeof(double), "the losses of parts", &sums));
    f->sums = sums;
    if (c->run.engine != CUSGD_ENGINE_PERSISTENT) return CUSGD_OK;
    TRY(cuda_allocate(c, c->multiprocessors, sizeof *f->flags, "flags", &flags));
    f->flags = flags;
    return CUSGD_OK;
}

void fused_close(fused *f)
{
    cuda_free(f->partial);
    cuda_free(f->sums);
    cuda_free(f->flags);
    *f = (fused){0};
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

/* ---- Steps ---- */

static fused_task task_of(const cuda *c, int turn)
{
    const run *r = &c->run;
    const dataset *b = r->route.examples;
    fused_task t = {.update = update_of(c),
                    .state = r->work.state,
                    .loss = r->spec.loss,
                    .shape = r->fused.shape,
                    .storage = b->storage,
                    .contiguous = r->route.contiguous,
                    .ld = b->ld,
                    .stride = padded(c, b->d),
                    .x = b->x,
                    .y = b->y,
                    .w = b->w,
                    .o = b->o,
                    .point = gradient_at(r),
                    .partial = r->fused.partial,
                    .sums = r->fused.sums,
                    .turn = turn,
                    .early = c->early};
    return t;
}

cusgd_status fused_step(const cuda *c, int turn)
{
    fused_task t = task_of(c, turn);
    return CUDA(kernel_fused_step(&t, c->stream));
}

/* So many steps that a launch is over in about 100 ms on any GPU: what else wants the device, or the user, waits no longer. */
static int64_t steps_a_launch(const cuda *c)
{
    const int64_t maximum = INT64_C(20000000000); /* bytes */
    int64_t step = c->run.spec.batch * c->run.route.examples->ld * (int64_t)c->run.route.examples->element;
    return step < maximum ? maximum / step : 1;
}

/* Of each device (or several, by a remainder), the backend that launched a persistent kernel last. Two such kernels that run at
 * once might each hold half of the multiprocessors and wait for the other half: so each launch waits for the one before. */
enum { LAST_LAUNCHERS = 64 };
static const cuda *last_launcher[LAST_LAUNCHERS];
static pthread_mutex_t last_launcher_lock = PTHREAD_MUTEX_INITIALIZER;

/* With the lock held. */
static cusgd_status launch_in_turn(cuda *c, const persistent_task *t)
{
    const cuda **last = &last_launcher[c->device % LAST_LAUNCHERS];
    if (!c->persisted) TRY(CUDA(cudaEventCreateWithFlags(&c->persisted, cudaEventDisableTiming)));
    if (*last && *last != c) TRY(CUDA(cudaStreamWaitEvent(c->stream, (*last)->persisted, 0)));
    TRY(CUDA(kernel_persistent_steps(t, c->stream)));
    *last = c; /* even if the next call fails: its event then still is an earlier launch's, and the device is lost */
    return CUDA(cudaEventRecord(c->persisted, c->stream));
}

void persistent_close(cuda *c)
{
    const cuda **last = &last_launcher[c->device % LAST_LAUNCHERS];
    pthread_mutex_lock(&last_launcher_lock);
    if (*last == c) *last = NULL;
    pthread_mutex_unlock(&last_launcher_lock);
    if (c->persisted) (void)cudaEventDestroy(c->persisted);
}

cusgd_status persistent_steps(cuda *c, int64_t count)
{
    persistent_task t = {
        .fused = task_of(c, 0), .multiprocessors = c->multiprocessors, .shared = c->shared, .flags = c->run.fused.flags};
    int64_t maximum = steps_a_launch(c);
    for (int64_t done = 0; done < count; done += maximum) {
        t.steps = min_of(maximum, count - done);
        TRY(CUDA(cudaMemsetAsync(t.flags, 0, (size_t)c->multiprocessors * sizeof *t.flags, c->stream)));
        pthread_mutex_lock(&last_launcher_lock);
        cusgd_status status = launch_in_turn(c, &t);
        pthread_mutex_unlock(&last_launcher_lock);
        TRY(status);
    }
    trace(c, "%lld steps: in persistent launches of at most %lld", (long long)count, (long long)maximum);
    return CUSGD_OK;
}
