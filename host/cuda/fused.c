/* The engines that read x once. */
#include "cuda.h"

#include <pthread.h>

/* ---- Memory ---- */

cusgd_status fused_open(cuda *c)
{
    fused *f = &c->run.fused;
    void *sums, *flags;
    TRY(cuda_allocate(c, 2 * f->shape.parts * padded(c, c->run.spec.d), c->element, "the gradients of parts", &f->partial));
    TRY(cuda_allocate(c, 4 * f->shape.parts, sizeof(double), "the losses of parts", &sums));
    f->sums = sums;
    if (c->run.engine != CUSGD_ENGINE_PERSISTENT) return CUSGD_OK;
    TRY(cuda_allocate(c, c->gpu.multiprocessors, sizeof *f->flags, "flags", &flags));
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

/* ---- Steps ---- */

static fused_task task_of(const cuda *c, const shard *s, int turn)
{
    const run *r = &c->run;
    const dataset *b = s->examples;
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
                    .early = c->gpu.early};
    return t;
}

cusgd_status fused_step(const cuda *c, int turn)
{
    fused_task t = task_of(c, c->run.shards.each, turn);
    return CUDA(kernel_fused_step(&t, c->stream));
}

cusgd_status fused_share(const cuda *c, const shard *s, void *sums, double *loss)
{
    fused_task t = task_of(c, s, 0);
    t.update.table = s->table;
    t.early = 0; /* the step follows from the state alone, because the previous step has been counted */
    TRY(CUDA(kernel_fused_parts(&t, c->stream)));
    return CUDA(kernel_fused_share(&t, sums, loss, c->stream));
}

/* Returns the number of steps per launch such that a launch takes about 100 ms at most on any GPU, so that other work on the
 * device, and the user, need not wait longer. */
static int64_t steps_a_launch(const cuda *c)
{
    const int64_t maximum = INT64_C(20000000000); /* bytes per launch */
    int64_t step = c->run.spec.batch * c->run.route.examples->ld * (int64_t)c->run.route.examples->element;
    return step < maximum ? maximum / step : 1;
}

/* For each device, the backend that launched a persistent kernel last; devices with the same remainder share an entry. Two
 * persistent kernels that run at the same time could each occupy half of the multiprocessors and wait for the other half
 * forever. Therefore each launch waits for the previous one. */
enum { LAST_LAUNCHERS = 64 };
static const cuda *last_launcher[LAST_LAUNCHERS];
static pthread_mutex_t last_launcher_lock = PTHREAD_MUTEX_INITIALIZER;

/* The caller holds the lock. */
static cusgd_status launch_in_turn(cuda *c, const persistent_task *t)
{
    const cuda **last = &last_launcher[c->gpu.number % LAST_LAUNCHERS];
    if (!c->persisted) TRY(CUDA(cudaEventCreateWithFlags(&c->persisted, cudaEventDisableTiming)));
    if (*last && *last != c) TRY(CUDA(cudaStreamWaitEvent(c->stream, (*last)->persisted, 0)));
    TRY(CUDA(kernel_persistent_steps(t, c->stream)));
    *last = c; /* even if the next call fails: the event is then that of an earlier launch, and the device is lost */
    return CUDA(cudaEventRecord(c->persisted, c->stream));
}

void persistent_close(cuda *c)
{
    const cuda **last = &last_launcher[c->gpu.number % LAST_LAUNCHERS];
    pthread_mutex_lock(&last_launcher_lock);
    if (*last == c) *last = NULL;
    pthread_mutex_unlock(&last_launcher_lock);
    if (c->persisted) (void)cudaEventDestroy(c->persisted);
}

cusgd_status persistent_steps(cuda *c, int64_t count)
{
    persistent_task t = {.fused = task_of(c, c->run.shards.each, 0),
                         .multiprocessors = c->gpu.multiprocessors,
                         .shared = c->gpu.shared,
                         .flags = c->run.fused.flags};
    int64_t maximum = steps_a_launch(c);
    for (int64_t done = 0; done < count; done += maximum) {
        t.steps = min_of(maximum, count - done);
        TRY(CUDA(cudaMemsetAsync(t.flags, 0, (size_t)c->gpu.multiprocessors * sizeof *t.flags, c->stream)));
        pthread_mutex_lock(&last_launcher_lock);
        cusgd_status status = launch_in_turn(c, &t);
        pthread_mutex_unlock(&last_launcher_lock);
        TRY(status);
    }
    trace(c, "%lld steps: in persistent launches of at most %lld", (long long)count, (long long)maximum);
    return CUSGD_OK;
}
