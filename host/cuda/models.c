/* Outputs that are models of their own: their numbers on the device, their part of a report, and passes over all rows. */
#include "models.h"
#include "cuda.h"

#include <stdlib.h>
#include <string.h>

void models_close(run *r)
{
    model_arrays *m = &r->models;
    cuda_free((void *)m->target_of);
    cuda_free((void *)m->held_out);
    cuda_free((void *)m->momentum);
    cuda_free((void *)m->share);
    cuda_free((void *)m->number);
    cuda_free((void *)m->class_weight);
    cuda_free(m->pending);
    cuda_free(m->losses);
    cuda_free(m->alive);
    free(r->reported.losses);
    free(r->reported.ended);
    *m = (model_arrays){0};
    r->reported.losses = NULL;
    r->reported.ended = NULL;
}

/* An array of k values on the device. */
static cusgd_status put_array(cuda *c, const void *values, int64_t k, size_t size, void **out)
{
    TRY(cuda_allocate(c, k, size, "the models' numbers", out));
    return upload_bytes(c, values, (size_t)k * size, *out);
}

/* Factors, or 1 where there are none. */
static cusgd_status put_factors(cuda *c, const double *values, int64_t k, const double **out)
{
    void *at = NULL;
    double *ones = values ? NULL : allocate((size_t)k, sizeof *ones);
    if (!values && !ones) return fail_memory((size_t)k * sizeof *ones, "the models' numbers");
    for (int64_t i = 0; ones && i < k; i++) ones[i] = 1;
    cusgd_status status = put_array(c, values ? values : ones, k, sizeof(double), &at);
    *out = at;
    free(ones);
    return status;
}

static cusgd_status open_sums(cuda *c, int64_t k)
{
    model_arrays *m = &c->run.models;
    void *pending = NULL, *losses = NULL, *alive = NULL;
    cusgd_status status = cuda_allocate(c, k, sizeof(double), "the models' losses", &pending);
    m->pending = pending;
    if (!status) status = cuda_allocate(c, k, sizeof(double), "the models' losses", &losses);
    m->losses = losses;
    if (!status) status = cuda_allocate(c, k, 1, "the models' losses", &alive);
    m->alive = alive;
    TRY(status);
    TRY(CUDA(cudaMemsetAsync(losses, 0, (size_t)k * sizeof(double), c->stream)));
    return CUDA(cudaMemsetAsync(alive, MODEL_ALIVE, (size_t)k, c->stream));
}

cusgd_status models_open(cuda *c, const models *of)
{
    run *r = &c->run;
    int64_t k = r->spec.k;
    void *at = NULL;
    if (of->target_of) TRY(put_array(c, of->target_of, k, sizeof(int), &at));
    r->models.target_of = at;
    at = NULL;
    if (of->held_out) TRY(put_array(c, of->held_out, k, sizeof(uint64_t), &at));
    r->models.held_out = at;
    at = NULL;
    if (of->number) TRY(put_array(c, of->number, k, sizeof(double), &at));
    r->models.number = at;
    at = NULL;
    if (of->class_weight) TRY(put_array(c, of->class_weight, 2 * k, sizeof(double), &at));
    r->models.class_weight = at;
    TRY(put_factors(c, of->momentum, k, &r->models.momentum));
    TRY(put_factors(c, of->share, k, &r->models.share));
    r->reported.losses = allocate((size_t)k, sizeof(double));
    r->reported.ended = allocate((size_t)k, 1);
    if (!r->reported.losses || !r->reported.ended) return fail_memory((size_t)k * (sizeof(double) + 1), "the models' losses");
    return open_sums(c, k);
}

cusgd_status models_report(cuda *c, steps_report *out)
{
    run *r = &c->run;
    size_t k = (size_t)r->spec.k;
    TRY(download_bytes(c, r->models.losses, k * sizeof(double), r->reported.losses));
    TRY(download_bytes(c, r->models.alive, k, r->reported.ended));
    for (size_t i = 0; i < k; i++) r->reported.ended[i] = r->reported.ended[i] == MODEL_ENDED;
    out->losses = r->reported.losses;
    out->ended = r->reported.ended;
    return CUDA(cudaMemsetAsync(r->models.losses, 0, k * sizeof(double), c->stream));
}

/* What open_run() and cuda_fold_losses() take for each output. A tenth of what is free is left to the pass over all rows. */
cusgd_status cuda_room(void *of, const run_spec *p, int folds, double *each, double *there)
{
    cuda *c = of;
    size_t available, total;
    TRY(cuda_enter(c));
    TRY(CUDA(cudaMemGetInfo(&available, &total)));
    int parts = 0;
    for (int part = 0; part < STATE_PARTS; part++) parts += spec_keeps(p, (enum state_part)part) != 0;
    double values = SNAPSHOTS * parts + 3 + LIMIT_COUNT; /* 3: rate_factor, point, gradient */
    double rows = (double)min_of(p->batch, chunk_rows(c, p->d, p->k));
    *each = (((double)p->d + 1) * values + 2 * rows) * (double)c->element + folds * (double)sizeof(double);
    *there = .9 * (double)available;
    return CUSGD_OK;
}

cusgd_status cuda_retire(void *of, const uint8_t *gone)
{
    cuda *c = of;
    const run *r = &c->run;
    if (!r->models.alive) return CUSGD_OK;
    TRY(cuda_enter(c));
    for (int64_t i = 0; i < r->spec.k; i++)
        if (gone[i]) TRY(CUDA(cudaMemsetAsync(r->models.alive + i, MODEL_RETIRED, 1, c->stream)));
    return CUSGD_OK;
}

/* One chunk's products serve all folds: the loss kernel leaves them as they are. */
static cusgd_status fold_chunk(cuda *c, const dataset *b, loss_task *t, int64_t first, int64_t rows, double *sums)
{
    const void *x;
    t->first = first;
    t->rows = rows;
    t->begins = first == 0;
    TRY(pass_rows(c, b, first, rows, &x));
    TRY(product(c, &c->pass.work, x, b->ld, rows, c->pass.theta));
    for (int f = 0; f < b->folds; f++) {
        t->fold_alone = f + 1;
        t->models.pending = sums + f * t->k;
        TRY(launch_loss(c, t));
    }
    return CUSGD_OK;
}

static cusgd_status fold_pass(cuda *c, const dataset *b, loss_rule loss, const model_arrays *m, double *sums)
{
    loss_task t = pass_loss(c, b, loss);
    t.models = *m;
    for (int64_t first = 0; first < b->n; first += c->pass.work.rows)
        TRY(fold_chunk(c, b, &t, first, min_of(c->pass.work.rows, b->n - first), sums));
    return CUSGD_OK;
}

cusgd_status cuda_fold_losses(void *of, const dataset *b, loss_rule loss, int64_t outputs, const models *m, const double *theta,
                              double *sums)
{
    cuda *c = of;
    void *target_of = NULL, *number = NULL, *class_weight = NULL, *at = NULL;
    TRY(models_fit(b->classed));
    TRY(check_shape(b->d, outputs));
    TRY(pass_open(c, b, b->n, outputs, theta));
    cusgd_status status = cuda_allocate(c, b->folds * outputs, sizeof(double), "the models' losses", &at);
    if (!status && m->target_of) status = put_array(c, m->target_of, outputs, sizeof(int), &target_of);
    if (!status && m->number) status = put_array(c, m->number, outputs, sizeof(double), &number);
    if (!status && m->class_weight) status = put_array(c, m->class_weight, 2 * outputs, sizeof(double), &class_weight);
    const model_arrays arrays = {.target_of = target_of, .number = number, .class_weight = class_weight};
    if (!status) status = fold_pass(c, b, loss, &arrays, at);
    if (!status) status = download_bytes(c, at, (size_t)(b->folds * outputs) * sizeof(double), sums);
    cuda_free(target_of);
    cuda_free(number);
    cuda_free(class_weight);
    cuda_free(at);
    return status;
}
