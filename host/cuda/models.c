/* Outputs that are separate models: their arrays on the device, their part of a report, and passes over all rows. */
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

static model_arrays arrays_of_group(const model_arrays *all, int64_t group)
{
    model_arrays m = *all;
    int64_t first = group * MODELS_GROUP;
    if (m.target_of) m.target_of += first;
    if (m.held_out) m.held_out += first;
    if (m.momentum) m.momentum += first;
    if (m.share) m.share += first;
    if (m.number) m.number += first;
    if (m.class_weight) m.class_weight += 2 * first;
    if (m.pending) m.pending += first;
    if (m.losses) m.losses += first;
    if (m.alive) m.alive += first;
    return m;
}

model_arrays models_of_group(const run *r, int group)
{
    model_arrays m = arrays_of_group(&r->models, group);
    m.follows = group > 0;
    m.precedes = group + 1 < groups_of(r);
    return m;
}

void group_take(const double *values, int64_t rows, int64_t k, int64_t group, double *to)
{
    for (int64_t j = 0; j < rows; j++)
        for (int64_t i = 0, c = group * MODELS_GROUP; i < MODELS_GROUP; i++, c++)
            to[j * MODELS_GROUP + i] = c < k ? values[j * k + c] : 0;
}

/* Returns the number of places for k models in groups, including padding. */
static int64_t places_of(int64_t k) { return (k + MODELS_GROUP - 1) / MODELS_GROUP * MODELS_GROUP; }

/* Uploads a value per model; padding becomes zeros. */
static cusgd_status put_array(cuda *c, const void *values, int64_t k, size_t size, void **out)
{
    size_t bytes = (size_t)k * size, all = (size_t)places_of(k) * size;
    TRY(cuda_allocate(c, places_of(k), size, "the models' numbers", out));
    TRY(CUDA(cudaMemsetAsync((char *)*out + bytes, 0, all - bytes, c->stream)));
    return upload_bytes(c, values, bytes, *out);
}

/* Uploads factors, or ones if there are none. */
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

/* Uploads the target of each model. Without targets, model i has target i, which cannot be derived from its place in a group. */
static cusgd_status put_targets(cuda *c, const int *target_of, int64_t k, const int **out)
{
    void *at = NULL;
    int *numbers = target_of ? NULL : allocate((size_t)k, sizeof *numbers);
    if (!target_of && !numbers) return fail_memory((size_t)k * sizeof *numbers, "the models' targets");
    for (int64_t i = 0; numbers && i < k; i++) numbers[i] = (int)i;
    cusgd_status status = put_array(c, target_of ? target_of : numbers, k, sizeof(int), &at);
    *out = at;
    free(numbers);
    return status;
}

/* Uploads two rows of values, group by group. */
static cusgd_status put_class_weights(cuda *c, const double *values, int64_t k, const double **out)
{
    void *at = NULL;
    int64_t count = 2 * places_of(k);
    double *groups = allocate((size_t)count, sizeof *groups);
    if (!groups) return fail_memory((size_t)count * sizeof *groups, "the models' numbers");
    for (int64_t g = 0; g * MODELS_GROUP < k; g++) group_take(values, 2, k, g, groups + 2 * g * MODELS_GROUP);
    cusgd_status status = put_array(c, groups, count, sizeof *groups, &at);
    *out = at;
    free(groups);
    return status;
}

/* Uploads the arrays that both steps and passes over all rows need. */
static cusgd_status put_own(cuda *c, const models *of, int64_t k, model_arrays *m)
{
    void *number = NULL;
    TRY(put_targets(c, of->target_of, k, &m->target_of));
    if (of->class_weight) TRY(put_class_weights(c, of->class_weight, k, &m->class_weight));
    if (!of->number) return CUSGD_OK;
    cusgd_status status = put_array(c, of->number, k, sizeof(double), &number);
    m->number = number;
    return status;
}

/* Allocates the sums of losses. The padding of the last group takes no steps. */
static cusgd_status open_sums(cuda *c, int64_t k)
{
    model_arrays *m = &c->run.models;
    void *pending = NULL, *losses = NULL, *alive = NULL;
    int64_t places = places_of(k);
    cusgd_status status = cuda_allocate(c, places, sizeof(double), "the models' losses", &pending);
    m->pending = pending;
    if (!status) status = cuda_allocate(c, places, sizeof(double), "the models' losses", &losses);
    m->losses = losses;
    if (!status) status = cuda_allocate(c, places, 1, "the models' losses", &alive);
    m->alive = alive;
    TRY(status);
    TRY(CUDA(cudaMemsetAsync(losses, 0, (size_t)places * sizeof(double), c->stream)));
    TRY(CUDA(cudaMemsetAsync(alive, MODEL_RETIRED, (size_t)places, c->stream)));
    return CUDA(cudaMemsetAsync(alive, MODEL_ALIVE, (size_t)k, c->stream));
}

cusgd_status models_open(cuda *c, const models *of)
{
    run *r = &c->run;
    int64_t k = r->spec.k;
    void *held_out = NULL;
    TRY(put_own(c, of, k, &r->models));
    if (of->held_out) TRY(put_array(c, of->held_out, k, sizeof(uint64_t), &held_out));
    r->models.held_out = held_out;
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

/* Estimates the memory per output that open_run() and cuda_fold_losses() allocate: an output's share of a group. A tenth of the
 * free memory is reserved for the pass over all rows. */
cusgd_status cuda_room(void *of, const run_spec *p, int folds, double *each, double *there)
{
    cuda *c = of;
    size_t available, total;
    TRY(cuda_enter(c));
    TRY(CUDA(cudaMemGetInfo(&available, &total)));
    int parts = 0;
    for (int part = 0; part < STATE_PARTS; part++) parts += spec_keeps(p, (enum state_part)part) != 0;
    double values = SNAPSHOTS * parts + 3 + LIMIT_COUNT; /* 3: rate_factor, point, gradient */
    double rows = (double)min_of(p->batch, chunk_rows(c, p->d, MODELS_GROUP));
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

/* Computes the losses of a chunk for all folds. The loss kernel does not change the products, which therefore serve all folds. */
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

/* Arguments and buffers for the losses of models at theta, which is (d+1) x outputs: buffers for a group in host and device
 * memory. */
typedef struct fold_sums {
    const double *theta;
    int64_t outputs;
    double *of_group, *device, *out; /* out: folds x outputs */
} fold_sums;

static cusgd_status fold_group(cuda *c, const dataset *b, loss_rule loss, const model_arrays *m, fold_sums *s, int64_t group)
{
    int64_t first = group * MODELS_GROUP, count = min_of(MODELS_GROUP, s->outputs - first);
    group_take(s->theta, b->d + 1, s->outputs, group, s->of_group);
    TRY(pass_open(c, b, b->n, MODELS_GROUP, s->of_group));
    TRY(fold_pass(c, b, loss, m, s->device));
    TRY(download_bytes(c, s->device, (size_t)(b->folds * MODELS_GROUP) * sizeof(double), s->of_group));
    for (int f = 0; f < b->folds; f++)
        memcpy(s->out + f * s->outputs + first, s->of_group + f * MODELS_GROUP, (size_t)count * sizeof(double));
    return CUSGD_OK;
}

cusgd_status cuda_fold_losses(void *of, const dataset *b, loss_rule loss, int64_t outputs, const models *m, const double *theta,
                              double *sums)
{
    cuda *c = of;
    void *at = NULL;
    model_arrays all = {0};
    int64_t room = (b->d + 1 > b->folds ? b->d + 1 : b->folds) * MODELS_GROUP;
    TRY(models_fit(b->classed));
    TRY(check_shape(b->d, outputs));
    TRY(cuda_enter(c));
    double *of_group = allocate((size_t)room, sizeof *of_group);
    cusgd_status status = of_group ? CUSGD_OK : fail_memory((size_t)room * sizeof *of_group, "a group of models");
    if (!status) status = cuda_allocate(c, b->folds * MODELS_GROUP, sizeof(double), "the models' losses", &at);
    if (!status) status = put_own(c, m, outputs, &all);
    fold_sums s = {theta, outputs, of_group, at, sums};
    for (int64_t g = 0; g * MODELS_GROUP < outputs && !status; g++) {
        const model_arrays own = arrays_of_group(&all, g);
        status = fold_group(c, b, loss, &own, &s, g);
    }
    cuda_free((void *)all.target_of);
    cuda_free((void *)all.number);
    cuda_free((void *)all.class_weight);
    cuda_free(at);
    free(of_group);
    return status;
}
