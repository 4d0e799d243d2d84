/* A run's parameters on the device, and what its steps need. */
#include "exchange.h"

#include <string.h>

void graph_drop(run *r)
{
    if (r->captured.graph) (void)cudaGraphExecDestroy(r->captured.graph);
    r->captured.graph = NULL;
}

void graph_close(cuda *c)
{
    graph_drop(&c->run);
    c->run.captured.warm = 0;
    c->run.route = (route){0};
}

void run_close(cuda *c)
{
    run *r = &c->run;
    graph_close(c);
    for (int a = 0; a < SNAPSHOTS; a++)
        for (int p = 0; p < STATE_PARTS; p++) cuda_free(r->snapshot[a][p]);
    cuda_free(r->rate_factor);
    for (int i = 0; i < LIMIT_COUNT; i++) cuda_free(r->limit[i]);
    models_close(r);
    cuda_free(r->squares);
    cuda_free(r->point);
    cuda_free(r->x);
    cuda_free(r->tables.device);
    for (int i = 0; i < 2; i++) {
        cuda_unpin(r->tables.written[i]);
        cuda_unpin(r->calls.stopped[i]);
        if (r->tables.uploaded[i]) (void)cudaEventDestroy(r->tables.uploaded[i]);
        if (r->calls.ran[i]) (void)cudaEventDestroy(r->calls.ran[i]);
    }
    cuda_unpin(r->report);
    work_close(&r->work);
    fused_close(&r->fused);
    lazy_close(r);
    shards_close(r);
    memset(r, 0, sizeof *r);
}

/* Zeros, with room for whole packs. */
static cusgd_status allocate_part(const cuda *c, void **out)
{
    int64_t size = padded(c, c->run.size);
    TRY(cuda_allocate(c, size, c->element, "the parameters", out));
    return CUDA(cudaMemsetAsync(*out, 0, (size_t)size * c->element, c->stream));
}

static cusgd_status allocate_parts(cuda *c)
{
    run *r = &c->run;
    for (int a = 0; a < SNAPSHOTS; a++)
        for (int p = 0; p < STATE_PARTS; p++)
            if (spec_keeps(&r->spec, (enum state_part)p)) TRY(allocate_part(c, &r->snapshot[a][p]));
    if (optimizer_looks_ahead(r->spec.optimizer)) TRY(allocate_part(c, &r->point));
    return CUSGD_OK;
}

static cusgd_status allocate_slices(cuda *c)
{
    run *r = &c->run;
    void *memory;
    TRY(shards_open(c));
    for (int i = 0; i < 2; i++) {
        TRY(cuda_pinned((size_t)tables_of(r) * r->shards.table_bytes, "a slice of steps", &memory));
        r->tables.written[i] = memory;
        TRY(cuda_pinned(sizeof(int), "a report", &memory));
        r->calls.stopped[i] = memory;
        TRY(CUDA(cudaEventCreateWithFlags(&r->tables.uploaded[i], cudaEventDisableTiming)));
        TRY(CUDA(cudaEventCreateWithFlags(&r->calls.ran[i], cudaEventDisableTiming)));
    }
    TRY(cuda_pinned(sizeof(run_state), "a report", &memory));
    r->report = memory;
    int64_t rows = r->spec.sparse ? r->shards.most : min_of(r->shards.most, chunk_rows(c, r->spec.d, r->spec.k));
    return work_open(c, rows, r->spec.d, r->spec.k, &r->work);
}

/* What each parameter has of its own; NULL: nothing. */
static cusgd_status open_own(cuda *c, const double *values, void **out)
{
    if (!values) return CUSGD_OK;
    TRY(allocate_part(c, out));
    return upload_reals(c, values, c->run.size, *out);
}

static cusgd_status open_run(cuda *c, const run_spec *p)
{
    run *r = &c->run;
    void *squares;
    TRY(allocate_parts(c));
    TRY(allocate_slices(c));
    if (p->world) TRY(exchange_open(c));
    TRY(open_own(c, p->rate_factor, &r->rate_factor));
    for (int i = 0; i < LIMIT_COUNT; i++) TRY(open_own(c, p->limit[i], &r->limit[i]));
    if (p->models) TRY(models_open(c, p->models));
    TRY(lazy_open(c));
    TRY(engine_choose(c, p, &r->engine, &r->fused.shape));
    if (r->engine != CUSGD_ENGINE_CUBLAS) TRY(fused_open(c));
    if (!(p->clip.norm > 0)) return CUSGD_OK;
    TRY(cuda_allocate(c, clip_partials(r->size), sizeof(double), "the gradient's norm", &squares));
    r->squares = squares;
    return CUSGD_OK;
}

cusgd_status cuda_start(void *of, const run_spec *p)
{
    cuda *c = of;
    run *r = &c->run;
    TRY(cuda_enter(c));
    TRY(cuda_refuses(c, p));
    if (p->world && !c->ranks) TRY(nccl_open(p->world, &c->ranks));
    TRY(cuda_synchronize(c)); /* steps of the run before may be under way */
    sparse_store batches = sparse_store_take(r);
    run_close(c);
    r->spec = *p;
    r->spec.rate_factor = NULL;
    if (r->spec.shards < 1) r->spec.shards = 1;
    r->spec.models = NULL;
    memset(r->spec.limit, 0, sizeof r->spec.limit);
    r->penalized = p->d * p->k;
    r->size = r->penalized + p->k;
    cusgd_status status = open_run(c, p);
    if (!status && p->sparse)
        r->shards.each[0].by_columns = batches;
    else
        sparse_store_close(&batches);
    if (status)
        run_close(c);
    else
        engine_trace(c);
    return status;
}

/* A part that the run spec does not keep takes nothing and reads as zeros. */
cusgd_status cuda_put(void *of, enum snapshot a, enum state_part part, const double *values)
{
    cuda *c = of;
    TRY(cuda_enter(c));
    void *at = c->run.snapshot[a][part];
    return at ? upload_reals(c, values, c->run.size, at) : CUSGD_OK;
}

cusgd_status cuda_get(void *of, enum snapshot a, enum state_part part, double *values)
{
    cuda *c = of;
    TRY(cuda_enter(c));
    const void *at = c->run.snapshot[a][part];
    if (at) return download_reals(c, at, c->run.size, values);
    memset(values, 0, sizeof(double) * (size_t)c->run.size);
    return CUSGD_OK;
}

cusgd_status cuda_read(void *of, enum snapshot a, enum state_part part, void *room, const void **at)
{
    cuda *c = of;
    const void *from = c->run.snapshot[a][part];
    *at = from ? room : NULL;
    TRY(cuda_enter(c));
    return from ? download_bytes(c, from, (size_t)c->run.size * c->element, room) : CUSGD_OK;
}

cusgd_status cuda_copy(void *of, enum snapshot to, enum snapshot from)
{
    cuda *c = of;
    size_t bytes = (size_t)c->run.size * c->element;
    TRY(cuda_enter(c));
    for (int p = 0; p < STATE_PARTS && to != from; p++)
        if (c->run.snapshot[from][p])
            TRY(CUDA(
                cudaMemcpyAsync(c->run.snapshot[to][p], c->run.snapshot[from][p], bytes, cudaMemcpyDeviceToDevice, c->stream)));
    return CUSGD_OK;
}
