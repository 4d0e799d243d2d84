/* Minibatch steps, and the launches of the engine `cublas`; fused.c has those of the other engines. All values that differ
 * between steps are in a table on the device, and the kernels advance through its rows without the host. Therefore one captured
 * graph of several steps (switches.c) serves all of them, and the host only launches it repeatedly within a slice.
 *
 *     order --> gather -> x theta -> loss -> x^T derivatives -> update ->      (in chunks if the batch is large)
 *                 \-> order of the next step ------------------/
 *
 * For sparse rows see sparse.c. */
#include "exchange.h"
#include "models.h"

#include <stdio.h>
#include <string.h>

enum {
    IN_PLACE_BYTES = 4 * 1024 * 1024 /* of a batch; copying more is predicted to take longer than single launches */
};

/* ---- A step's launches ---- */

/* The `rows` rows of a step. The last one may be absent, except if rows are read in place from row `first` on.
 */
typedef struct batch {
    int64_t first, rows;
    int turn; /* 0 for an even step of the table, 1 for an odd step */
} batch;

static cusgd_status gather(const cuda *c, const shard *s, int64_t start, int64_t rows)
{
    const run *r = &c->run;
    gather_task t = {.precision = c->precision,
                     .storage = s->examples->storage,
                     .table = s->table,
                     .state = r->work.state,
                     .order = r->route.contiguous ? NULL : s->order,
                     .batch = r->shards.most,
                     .start = start,
                     .rows = rows,
                     .ld = s->examples->ld,
                     .x = s->examples->x,
                     .out = r->x,
                     .begins = start == 0 && s == r->shards.each};
    return CUDA(kernel_gather(&t, c->stream));
}

const void *gradient_at(const run *r) { return r->point ? r->point : r->snapshot[SNAPSHOT_CURRENT][STATE_THETA]; }

static void *point_of_group(const cuda *c, int group)
{
    const run *r = &c->run;
    void *all = r->point ? r->point : r->snapshot[SNAPSHOT_CURRENT][STATE_THETA];
    return at_real(c, all, group * group_size(r));
}

/* A chunk of rows of the current share; with models, for one group of them. */
typedef struct chunk {
    int64_t start, rows;
    int group;
} chunk;

/* ends: 1 for the last rows of a batch without shards, after which the step is counted. */
static cusgd_status losses(const cuda *c, const shard *s, const chunk *at, int ends)
{
    const run *r = &c->run;
    const dataset *b = s->examples;
    loss_task t = {.precision = c->precision,
                   .loss = r->spec.loss,
                   .m = b->m,
                   .k = r->work.k,
                   .classed = b->classed,
                   .shared = is_softmax(b, r->spec.loss) ? r->work.shared : NULL,
                   .models = models_of_group(r, at->group),
                   .fold = b->fold,
                   .table = s->table,
                   .state = r->work.state,
                   .order = r->route.contiguous ? NULL : s->order,
                   .batch = r->shards.most,
                   .start = at->start,
                   .rows = at->rows,
                   .y = b->y,
                   .w = b->w,
                   .o = b->o,
                   .intercept = at_real(c, point_of_group(c, at->group), r->penalized),
                   .p = r->work.p,
                   .partial = r->work.partial,
                   .total = r->work.total,
                   .begins = at->start == 0,
                   .ends = ends};
    return launch_loss(c, &t);
}

update_task update_of(const cuda *c)
{
    const run *r = &c->run;
    const run_spec *p = &r->spec;
    int chunks = r->route.rows > r->work.rows && r->shards.count == 1;
    void *const *part = r->snapshot[SNAPSHOT_CURRENT];
    update_task t = {.precision = c->precision,
                     .table = r->tables.device,
                     .state = r->work.state,
                     .optimizer = p->optimizer,
                     .average = p->average,
                     .intercept = p->intercept,
                     .beta1 = p->constants.beta1,
                     .beta2 = p->constants.beta2,
                     .rho = p->constants.rho,
                     .epsilon = p->constants.epsilon,
                     .l1 = p->constants.l1,
                     .l2 = p->constants.l2,
                     .decay = p->constants.decay,
                     .models = r->models,
                     .outputs = r->work.k,
                     .penalized = r->penalized,
                     .size = r->size,
                     .theta = part[STATE_THETA],
                     .slot1 = part[STATE_SLOT1],
                     .slot2 = part[STATE_SLOT2],
                     .slot3 = part[STATE_SLOT3],
                     .means = part[STATE_AVERAGE],
                     .point = r->point,
                     .rate_factor = r->rate_factor,
                     .l1_factor = r->limit[LIMIT_L1],
                     .l2_factor = r->limit[LIMIT_L2],
                     .lower = r->limit[LIMIT_LOWER],
                     .upper = r->limit[LIMIT_UPPER],
                     .clip_norm = p->clip.norm,
                     .clip_value = p->clip.value,
                     .squares = r->squares,
                     .gradient = chunks ? NULL : r->work.gradient,
                     .sum = r->work.sum,
                     .total = r->work.total};
    if (!chunks) t.sum = NULL;
    return t;
}

/* Returns the update task for the parameters of a group of models. */
static update_task update_of_group(const cuda *c, int group)
{
    const run *r = &c->run;
    update_task t = update_of(c);
    void **const arrays[] = {&t.theta, &t.slot1, &t.slot2, &t.slot3, &t.means, &t.point};
    const void **const numbers[] = {&t.rate_factor, &t.l1_factor, &t.l2_factor, &t.lower, &t.upper};
    int64_t first = group * group_size(r);
    for (size_t i = 0; i < sizeof arrays / sizeof arrays[0]; i++)
        if (*arrays[i]) *arrays[i] = at_real(c, *arrays[i], first);
    for (size_t i = 0; i < sizeof numbers / sizeof numbers[0]; i++)
        if (*numbers[i]) *numbers[i] = (const char *)*numbers[i] + (size_t)first * c->element;
    t.size = group_size(r);
    t.models = models_of_group(r, group);
    return t;
}

static cusgd_status find_rows(const cuda *c, int ahead, cudaStream_t stream)
{
    const run *r = &c->run;
    for (int h = 0; h < r->shards.own; h++) {
        const shard *s = &r->shards.each[h];
        order_task t = {.table = s->table, .state = r->work.state, .order = s->order, .batch = r->shards.most, .ahead = ahead};
        TRY(CUDA(kernel_order(&t, stream)));
    }
    return CUSGD_OK;
}

/* Computes the rows of the next step while this step runs. */
static cusgd_status fork_order(const cuda *c)
{
    TRY(CUDA(cudaEventRecord(c->forked, c->stream)));
    TRY(CUDA(cudaStreamWaitEvent(c->side, c->forked, 0)));
    TRY(find_rows(c, 1, c->side));
    return CUDA(cudaEventRecord(c->joined, c->side));
}

/* Computes the losses of a chunk and adds its gradient. If a batch consists of a single chunk, the rows that the first group of
 * models has gathered are used by all groups. */
static cusgd_status run_chunk(const cuda *c, const shard *s, const batch *b, const chunk *at)
{
    const run *r = &c->run;
    const dataset *e = s->examples;
    const void *x = r->route.in_place ? at_real(c, e->x, (b->first + at->start) * e->ld) : r->x;
    int first = at->group == 0 && at->start == 0 && s == r->shards.each, several = r->route.rows > r->work.rows;
    if (!r->route.in_place && (at->group == 0 || several)) TRY(gather(c, s, at->start, at->rows));
    if (first && !r->route.contiguous) TRY(fork_order(c));
    TRY(product(c, &r->work, x, e->ld, at->rows, point_of_group(c, at->group)));
    TRY(losses(c, s, at, r->shards.count == 1 && at->start + at->rows == b->rows));
    TRY(product_transposed(c, &r->work, x, e->ld, at->rows));
    if (!several) return CUSGD_OK;
    return CUDA(kernel_accumulate(c->precision, r->work.gradient, r->work.sum, r->penalized, at->start == 0, c->stream));
}

static cusgd_status run_chunks(const cuda *c, const shard *s, const batch *b, int group)
{
    const int64_t most = c->run.work.rows;
    for (int64_t start = 0; start < b->rows; start += most) {
        const chunk at = {start, min_of(most, b->rows - start), group};
        TRY(run_chunk(c, s, b, &at));
    }
    return CUSGD_OK;
}

/* Processes sparse rows. No chunks are needed, because no array has d columns per row. */
static cusgd_status run_sparse(const cuda *c, const shard *s, const batch *b)
{
    const run *r = &c->run;
    int lazy = r->shards.lazy.lazy, forks = s == r->shards.each && !r->route.contiguous;
    if (lazy) TRY(lazy_catch_up(c, s));
    TRY(sparse_step_rows(c, s));
    if (forks) TRY(fork_order(c));
    TRY(losses(c, s, &(chunk){0, b->rows, 0}, r->shards.count == 1));
    return lazy ? lazy_step(c, s) : sparse_step_columns(c, s);
}

static cusgd_status run_share(const cuda *c, const batch *b, int number)
{
    const run *r = &c->run;
    const shard *s = &r->shards.each[number];
    if (r->engine == CUSGD_ENGINE_FUSED) return shards_keep(c, number);
    TRY(r->spec.sparse ? run_sparse(c, s, b) : run_chunks(c, s, b, 0));
    return r->shards.count > 1 ? shards_keep(c, number) : CUSGD_OK;
}

/* Runs the groups of models one after another, since they share the memory for the gradient. */
static cusgd_status run_models(const cuda *c, const batch *b)
{
    const run *r = &c->run;
    for (int group = 0; group < groups_of(r); group++) {
        update_task t = update_of_group(c, group);
        TRY(run_chunks(c, r->shards.each, b, group));
        TRY(CUDA(kernel_update(&t, c->stream)));
    }
    return r->route.contiguous ? CUSGD_OK : CUDA(cudaStreamWaitEvent(c->stream, c->joined, 0));
}

static cusgd_status run_batch(const cuda *c, const batch *b)
{
    const run *r = &c->run;
    int products = r->engine == CUSGD_ENGINE_CUBLAS;
    if (!products && r->shards.count == 1) return fused_step(c, b->turn);
    if (r->models.alive) return run_models(c, b);
    update_task t = update_of(c);
    for (int h = 0; h < r->shards.own; h++) TRY(run_share(c, b, h));
    if (r->shards.count > 1) TRY(shards_add(c));
    if (r->squares) TRY(CUDA(kernel_clip(&t, c->stream)));
    if (!r->shards.lazy.lazy) TRY(CUDA(kernel_update(&t, c->stream)));
    return r->route.contiguous || !products ? CUSGD_OK : CUDA(cudaStreamWaitEvent(c->stream, c->joined, 0));
}

/* ---- The graph ---- */

static cusgd_status capture_steps(const cuda *c)
{
    for (int i = 0; i < c->graph_steps; i++) {
        batch b = {0, c->run.route.rows, i % 2};
        TRY(run_batch(c, &b));
    }
    return CUSGD_OK;
}

static cusgd_status capture(cuda *c)
{
    cudaGraph_t graph = NULL;
    TRY(CUDA(cudaStreamBeginCapture(c->stream, cudaStreamCaptureModeThreadLocal)));
    cusgd_status status = capture_steps(c);
    if (!status)
        status = CUDA(cudaStreamEndCapture(c->stream, &graph));
    else if (cudaStreamEndCapture(c->stream, &graph) != cudaSuccess)
        (void)cudaGetLastError(); /* the first error is the one to report */
    if (!status) status = CUDA(cudaGraphInstantiate(&c->run.captured.graph, graph, 0));
    if (status) c->run.captured.graph = NULL;
    if (graph && cudaGraphDestroy(graph) != cudaSuccess) (void)cudaGetLastError(); /* the instance remains valid */
    return status;
}

/* ---- Slices ---- */

/* Determines how the batches of this slice are read. If that differs from the previous slice, the captured graph is dropped. */
static cusgd_status choose_route(cuda *c, const slice *s)
{
    run *r = &c->run;
    const sampler *order = s->shares[r->shards.first].order;
    const dataset *b = s->shares[r->shards.first].examples;
    uint64_t rows = (order->total + order->batches - 1) / order->batches;
    route to = {.examples = b, .rows = (int64_t)shard_rows(rows, (uint64_t)r->shards.count, 0)};
    to.contiguous = sampling_is_contiguous(order->sampling);
    int products = r->engine == CUSGD_ENGINE_CUBLAS;
    to.in_place = products && !b->sparse && to.contiguous && r->shards.count == 1 &&
                  b->storage == CUSGD_STORAGE_FULL && /* because bf16 is converted while it is gathered */
                  to.rows * b->ld * (int64_t)c->element >= IN_PLACE_BYTES;
    if (r->models.alive) TRY(models_fit(b->classed));
    if (to.rows > r->shards.most || (b->sparse != NULL) != (r->spec.sparse != 0) || b->d != r->spec.d ||
        (b->k != r->spec.k && !r->models.alive) || b->storage != kept_as(c, r->spec.storage))
        return fail(CUSGD_ERROR_USAGE, "the examples do not fit the run that was started"); /* an error in the library itself */
    if (products && !b->sparse && !to.in_place && !r->x)
        TRY(cuda_allocate(c, r->work.rows * b->ld, c->element, "a batch's rows", &r->x));
    if (shards_are(r, s) && r->route.examples && r->route.rows == to.rows && r->route.contiguous == to.contiguous)
        return CUSGD_OK;
    graph_close(c);
    r->route = to;
    shards_take(r, s);
    return CUSGD_OK;
}

/* Uploads the table rows of steps done .. done + count - 1 of the slice. Sets *out to the host's copy of the table of the
 * batches. */
static cusgd_status upload_table(cuda *c, const slice *s, int64_t done, int64_t count, const slice_table **out)
{
    run *r = &c->run;
    slice_tables *tables = &r->tables;
    slice_table *t = tables->written[tables->turn];
    TRY(cuda_await(c, tables->uploaded[tables->turn]));
    size_t bytes = shards_write(r, s, done, count, t);
    TRY(CUDA(cudaMemcpyAsync(tables->device, t, bytes, cudaMemcpyHostToDevice, c->stream)));
    TRY(CUDA(cudaEventRecord(tables->uploaded[tables->turn], c->stream)));
    tables->turn = !tables->turn;
    *out = t;
    return CUDA(cudaMemsetAsync(r->work.state, 0, offsetof(run_state, failed), c->stream));
}

static cusgd_status one_step(cuda *c, const step_row *row, int turn)
{
    batch b = {row->first, c->run.route.in_place ? row->count : c->run.route.rows, turn};
    TRY(run_batch(c, &b));
    c->run.captured.warm = 1;
    return CUSGD_OK;
}

/* Returns whether a graph, which starts with an even step, can run the steps of the table from `done` on. */
static int graph_fits(const cuda *c, int64_t done, int64_t count)
{
    return c->graph_steps > 0 && c->run.captured.warm && !c->run.route.in_place && done % 2 == 0 &&
           count - done >= c->graph_steps;
}

/* Called when the device has refused a graph: launches this step directly and disables graphs for this backend. If the direct
 * launch fails too, the cause is the device rather than the graph, and the first error is reported. */
static cusgd_status go_on_without_graph(cuda *c, const step_row *row)
{
    char why[360];
    snprintf(why, sizeof why, "%s", last_failure());
    c->graph_steps = 0;
    cusgd_status status = one_step(c, row, 0);
    if (status) return fail(status, "%s", why);
    trace(c, "graph refused: %s", why);
    snprintf(
        c->note, sizeof c->note,
        "the GPU refused a CUDA graph of the steps, which are launched one by one instead: more slowly, with the same result "
        "(%s)",
        why);
    c->has_note = 1;
    return CUSGD_OK;
}

static cusgd_status run_graph(cuda *c, const step_row *row, int64_t *done)
{
    cusgd_status status = c->run.captured.graph ? CUSGD_OK : capture(c);
    if (status) {
        TRY(go_on_without_graph(c, row));
        *done += 1;
        return CUSGD_OK;
    }
    TRY(CUDA(cudaGraphLaunch(c->run.captured.graph, c->stream)));
    *done += c->graph_steps;
    return CUSGD_OK;
}

static cusgd_status run_table(cuda *c, const slice *s, int64_t done, int64_t count)
{
    run *r = &c->run;
    const slice_table *t;
    TRY(upload_table(c, s, done, count, &t));
    for (int group = 0; group < groups_of(r) && r->point; group++) {
        update_task first = update_of_group(c, group);
        TRY(CUDA(kernel_look_ahead(&first, c->stream)));
    }
    if (r->engine == CUSGD_ENGINE_CUBLAS && !r->route.contiguous) TRY(find_rows(c, 0, c->stream));
    if (r->engine == CUSGD_ENGINE_PERSISTENT) return persistent_steps(c, count);
    int64_t launched = 0;
    for (int64_t i = 0; i < count;) {
        int64_t before = i;
        if (graph_fits(c, i, count)) {
            TRY(run_graph(c, &t->row[i], &i));
        } else {
            TRY(one_step(c, &t->row[i], (int)(i % 2)));
            i++;
        }
        launched += i - before == 1;
    }
    trace(c, "%lld steps: %lld in graphs, %lld launched one by one", (long long)count, (long long)(count - launched),
          (long long)launched);
    return CUSGD_OK;
}

/* Records what cuda_wait() reads while the next slice runs. */
static cusgd_status end_slice(cuda *c)
{
    run *r = &c->run;
    int64_t turn = r->calls.count % 2;
    TRY(CUDA(cudaMemcpyAsync(r->calls.stopped[turn], &r->work.state->failed, sizeof(int), cudaMemcpyDeviceToHost, c->stream)));
    TRY(CUDA(cudaEventRecord(r->calls.ran[turn], c->stream)));
    r->calls.count++;
    return CUSGD_OK;
}

cusgd_status cuda_steps(void *of, const slice *s)
{
    cuda *c = of;
    if (s->count == 0) return CUSGD_OK;
    TRY(cuda_enter(c));
    TRY(choose_route(c, s));
    TRY(choose_math(c, c->run.spec.tf32));
    int64_t maximum = c->run.shards.table_steps;
    if (c->run.spec.sparse) maximum = min_of(maximum, sparse_steps_at_once(c, s));
    for (int64_t done = 0; done < s->count; done += maximum) {
        int64_t count = min_of(maximum, s->count - done);
        if (c->run.spec.sparse) TRY(sparse_prepare(c, s, done, count));
        TRY(run_table(c, s, done, count));
        if (c->run.spec.lazy) TRY(lazy_end(c));
    }
    return end_slice(c);
}

cusgd_status cuda_wait(void *of, int *failed)
{
    cuda *c = of;
    run *r = &c->run;
    int64_t before = r->calls.count % 2; /* index of the slice before the latest, which has the number calls.count - 2 */
    *failed = 0;
    if (r->calls.count >= 2) {
        TRY(cuda_enter(c));
        TRY(cuda_await(c, r->calls.ran[before]));
        *failed = *r->calls.stopped[before] != 0;
    }
    /* This includes ranks that have no slice to wait for after a report for a checkpoint, because all ranks must take part. */
    return r->shards.exchange.all > 0 ? nccl_agree(c->ranks) : CUSGD_OK;
}

cusgd_status cuda_report(void *of, steps_report *out)
{
    cuda *c = of;
    run *r = &c->run;
    memset(out, 0, sizeof *out);
    r->calls.count = 0;
    if (!r->work.state) return CUSGD_OK;
    TRY(cuda_enter(c));
    TRY(CUDA(cudaMemcpyAsync(r->report, r->work.state, sizeof *r->report, cudaMemcpyDeviceToHost, c->stream)));
    TRY(CUDA(cudaMemsetAsync(r->work.state, 0, sizeof *r->work.state, c->stream)));
    TRY(cuda_synchronize(c));
    out->loss = r->report->loss;
    out->rows = r->report->rows;
    out->done = r->report->done;
    out->failed = r->report->failed == FAILED_LOSS;
    if (r->models.alive) TRY(models_report(c, out));
    if (r->report->failed == FAILED_BARRIER)
        return fail(CUSGD_ERROR_DEVICE,
                    "GPU %d: the blocks of a persistent kernel did not meet within seconds, so not all of them ran at once; end "
                    "what else uses this GPU (MPS shares its multiprocessors), or use --engine fused, which gives the same "
                    "numbers without such a kernel",
                    c->gpu.number);
    out->note = c->has_note ? c->note : NULL;
    c->has_note = 0;
    return CUSGD_OK;
}

cusgd_status cuda_add_loss(void *of, double loss)
{
    cuda *c = of;
    run *r = &c->run;
    if (!r->work.state) return CUSGD_OK;
    TRY(cuda_enter(c));
    r->report->loss = loss; /* pinned; it is not overwritten before a report has waited for this copy */
    return CUDA(cudaMemcpyAsync(&r->work.state->loss, &r->report->loss, sizeof loss, cudaMemcpyHostToDevice, c->stream));
}

cusgd_status cuda_stay_failed(void *of)
{
    cuda *c = of;
    run *r = &c->run;
    TRY(cuda_enter(c));
    r->report->failed = FAILED_LOSS; /* pinned, as above */
    return CUDA(
        cudaMemcpyAsync(&r->work.state->failed, &r->report->failed, sizeof r->report->failed, cudaMemcpyHostToDevice, c->stream));
}
