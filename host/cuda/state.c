/* Memory of a run on the device: its parameters, and the arrays that its steps need. */
#include "exchange.h"
#include "models.h"

#include <stdlib.h>
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

/* Allocates an array of parameters with room for whole packs and sets it to zero. */
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

/* k: number of outputs of a group of models, or of all outputs. */
static cusgd_status allocate_slices(cuda *c, int64_t k)
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
    int64_t rows = r->spec.sparse ? r->shards.most : min_of(r->shards.most, chunk_rows(c, r->spec.d, k));
    return work_open(c, rows, r->spec.d, k, &r->work);
}

/* Uploads (d+1) x k values. On the device, groups of models follow one another with (d+1) x MODELS_GROUP values each; the last
 * group is padded with zeros. */
static cusgd_status put_parameters(cuda *c, const double *values, void *to)
{
    const run *r = &c->run;
    int64_t k = r->spec.k, side = r->spec.d + 1, size = group_size(r);
    if (r->work.k == k) return upload_reals(c, values, r->size, to);
    double *group = allocate((size_t)size, sizeof *group);
    cusgd_status status = group ? CUSGD_OK : fail_memory((size_t)size * sizeof *group, "a group of models");
    for (int g = 0; g < groups_of(r) && !status; g++) {
        group_take(values, side, k, g, group);
        status = upload_reals(c, group, size, at_real(c, to, g * size));
    }
    free(group);
    return status;
}

/* Downloads the values in the same way, as `real`. */
static cusgd_status get_parameters(cuda *c, const void *from, void *to)
{
    const run *r = &c->run;
    int64_t k = r->spec.k, side = r->spec.d + 1, size = group_size(r);
    if (r->work.k == k) return download_bytes(c, from, (size_t)r->size * c->element, to);
    char *group = allocate((size_t)size, c->element);
    cusgd_status status = group ? CUSGD_OK : fail_memory((size_t)size * c->element, "a group of models");
    for (int64_t g = 0; g < groups_of(r) && !status; g++) {
        int64_t first = g * r->work.k, count = min_of(r->work.k, k - first);
        status = download_bytes(c, (const char *)from + (size_t)(g * size) * c->element, (size_t)size * c->element, group);
        for (int64_t j = 0; j < side && !status; j++)
            memcpy(at_real(c, to, j * k + first), at_real(c, group, j * r->work.k), (size_t)count * c->element);
    }
    free(group);
    return status;
}

/* Uploads an array with a value per parameter; NULL: none. */
static cusgd_status open_own(cuda *c, const double *values, void **out)
{
    if (!values) return CUSGD_OK;
    TRY(allocate_part(c, out));
    return put_parameters(c, values, *out);
}

static cusgd_status open_run(cuda *c, const run_spec *p)
{
    run *r = &c->run;
    void *squares;
    int64_t k = p->models ? MODELS_GROUP : p->k;
    r->penalized = p->d * k;
    r->size = (p->k + k - 1) / k * (r->penalized + k);
    TRY(allocate_parts(c));
    TRY(allocate_slices(c, k));
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
    TRY(cuda_synchronize(c)); /* because steps of the previous run may not have finished */
    sparse_store batches = sparse_store_take(r);
    run_close(c);
    r->spec = *p;
    r->spec.rate_factor = NULL;
    if (r->spec.shards < 1) r->spec.shards = 1;
    r->spec.models = NULL;
    memset(r->spec.limit, 0, sizeof r->spec.limit);
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

/* A state component that the run spec does not keep is ignored here and read as zeros. */
cusgd_status cuda_put(void *of, enum snapshot a, enum state_part part, const double *values)
{
    cuda *c = of;
    TRY(cuda_enter(c));
    void *at = c->run.snapshot[a][part];
    return at ? put_parameters(c, values, at) : CUSGD_OK;
}

cusgd_status cuda_get(void *of, enum snapshot a, enum state_part part, double *values)
{
    cuda *c = of;
    TRY(cuda_enter(c));
    const void *at = c->run.snapshot[a][part];
    int64_t size = (c->run.spec.d + 1) * c->run.spec.k;
    if (at) {
        TRY(get_parameters(c, at, values));
        widen_in_place(c, size, values);
    } else {
        memset(values, 0, sizeof(double) * (size_t)size);
    }
    return CUSGD_OK;
}

cusgd_status cuda_read(void *of, enum snapshot a, enum state_part part, void *room, const void **at)
{
    cuda *c = of;
    const void *from = c->run.snapshot[a][part];
    *at = from ? room : NULL;
    TRY(cuda_enter(c));
    return from ? get_parameters(c, from, room) : CUSGD_OK;
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
