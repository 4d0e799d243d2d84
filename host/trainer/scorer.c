/* The scorers of models and trainers, their predictions and metrics, and the creation of a model by a trainer. */
#include "scorer.h"

#include "failure.h"
#include "model.h"
#include "public.h"
#include "shared.h"
#include "solvers/solvers.h"
#include "trainer.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* ---- Of a model: in double, on the CPU ---- */

typedef struct model_scorer {
    scorer scorer;
    backend backend;
    double *theta, *shift;
} model_scorer;

static void model_scorer_close(model_scorer *s)
{
    if (s->backend.ops) s->backend.ops->close(s->backend.self);
    free(s->theta);
    free(s->shift);
}

static cusgd_status model_scorer_open(const cusgd_model *m, model_scorer *s)
{
    memset(s, 0, sizeof *s);
    s->theta = allocate((size_t)((m->d + 1) * m->k), sizeof(double));
    s->shift = allocate_zeroed((size_t)m->k, sizeof(double));
    cusgd_status status = CUSGD_OK;
    if (!s->theta || !s->shift) status = fail_memory((size_t)((m->d + 1) * m->k) * sizeof(double), "the model");
    if (!status) status = cpu_backend_open(CUSGD_PRECISION_DOUBLE, m->threads, &s->backend);
    if (status) {
        model_scorer_close(s);
        return status;
    }
    for (int64_t c = 0; c < m->k; c++) {
        for (int64_t j = 0; j < m->d; j++) s->theta[j * m->k + c] = m->weight[c * m->d + j];
        s->theta[m->d * m->k + c] = m->bias[c];
    }
    s->scorer = (scorer){.backend = &s->backend,
                         .transform = {.weight_mean = 1},
                         .loss = m->loss,
                         .quantiles = m->fan.at,
                         .d = m->d,
                         .m = m->m,
                         .k = m->k,
                         .classes = model_is_multiclass(m) ? m->k : 0,
                         .theta = s->theta,
                         .shift = s->shift,
                         .offsets = m->foreign ? -1 : m->offset.kind != CUSGD_OFFSET_NONE,
                         .offset_name = m->offset.name,
                         .unit = 1,
                         .threads = m->threads};
    return CUSGD_OK;
}

cusgd_status cusgd_model_predict(const cusgd_model *model, const cusgd_data *data, cusgd_prediction as, double *out)
{
    if (!model || !data) return fail_null(__func__);
    model_scorer s;
    cusgd_status status = model_scorer_open(model, &s);
    if (status) return status;
    status = scorer_predict(&s.scorer, data, as, out);
    model_scorer_close(&s);
    return status;
}

cusgd_status model_evaluate(const cusgd_model *model, const cusgd_data *data, int64_t output, cusgd_metrics *metrics)
{
    model_scorer s;
    cusgd_status status = model_scorer_open(model, &s);
    if (status) return status;
    status = scorer_evaluate(&s.scorer, data, output, metrics);
    model_scorer_close(&s);
    return status;
}

int64_t model_measured_outputs(const cusgd_model *m) { return m->fan.at ? m->k : m->m; }

cusgd_status model_evaluate_each(const cusgd_model *model, const cusgd_data *data, cusgd_metrics *each)
{
    model_scorer s;
    cusgd_status status = model_scorer_open(model, &s);
    if (status) return status;
    status = scorer_evaluate_range(&s.scorer, data, 0, scorer_outputs(&s.scorer) + 1, each);
    model_scorer_close(&s);
    return status;
}

/* ---- Of a trainer: in its precision, on its device ---- */

static cusgd_status trainer_scorer(cusgd_trainer *t, scorer *s)
{
    const problem *p = &t->problem;
    *s = (scorer){.backend = &t->backend,
                  .transform = p->units.transform,
                  .loss = loss_rule_of(&t->options),
                  .d = p->d,
                  .m = p->m,
                  .k = p->k,
                  .classes = p->train.rows.classes,
                  .theta = t->run.theta,
                  .shift = p->units.shift,
                  .offsets = p->train.data->offset != CUSGD_OFFSET_NONE,
                  .offset_name = p->train.data->offset_name,
                  .unit = p->units.target,
                  .threads = t->options.threads};
    s->transform.shift = NULL;
    s->transform.weight_mean = 1;
    s->transform.storage = CUSGD_STORAGE_FULL;
    return run_theta(&t->run, t->run.at.result, t->run.theta);
}

/* The scorer of a trainer, and data with the columns of the trainer. */
typedef struct scored {
    scorer scorer;
    cusgd_data data;
    void *x; /* the x of whitened data */
} scored;

/* Opens the scorer for data with the columns of the trainer. The caller frees s->x, also on failure. */
static cusgd_status scored_open_as_is(cusgd_trainer *t, const cusgd_data *data, scored *s)
{
    s->data = *data;
    s->x = NULL;
    return trainer_scorer(t, &s->scorer);
}

static cusgd_status scored_open(cusgd_trainer *t, const cusgd_data *data, scored *s)
{
    cusgd_status status = scored_open_as_is(t, data, s);
    if (status || !t->whitening) return status;
    status = scorer_check(&s->scorer, data, 0);
    if (!status) status = scorer_check_features(&s->scorer, data, 0, data->view.n);
    return status ? status : whitening_apply(t->whitening, data, &s->data, &s->x);
}

cusgd_status cusgd_trainer_predict(cusgd_trainer *t, const cusgd_data *data, cusgd_prediction as, double *out)
{
    if (!t || !data) return fail_null(__func__);
    scored s;
    cusgd_status status = scored_open(t, data, &s);
    if (!status) status = scorer_predict(&s.scorer, &s.data, as, out);
    free(s.x);
    return status;
}

cusgd_status trainer_evaluate(cusgd_trainer *t, const cusgd_data *data, int64_t output, cusgd_metrics *metrics)
{
    scored s;
    cusgd_status status = scored_open(t, data, &s);
    if (!status) status = scorer_evaluate(&s.scorer, &s.data, output, metrics);
    free(s.x);
    return status;
}

cusgd_status trainer_evaluate_valid(cusgd_trainer *t, int64_t output, cusgd_metrics *metrics)
{
    const example_set *valid = &t->problem.valid;
    if (valid->rows.n == 0)
        return fail(CUSGD_ERROR_USAGE, "the trainer has no validation rows: give it validation data, or set valid-fraction");
    scored s;
    cusgd_status status = scored_open_as_is(t, valid->data ? valid->data : t->problem.train.data, &s);
    if (valid->index) {
        s.data.view.rows = valid->index;
        s.data.view.n = valid->rows.n;
    }
    if (!status) status = scorer_evaluate(&s.scorer, &s.data, output, metrics);
    free(s.x);
    return status;
}

cusgd_status cusgd_trainer_create_model(cusgd_trainer *t, cusgd_model **out)
{
    *out = NULL;
    if (!t) return fail_null(__func__);
    cusgd_model *m;
    const char *missing = NULL;
    const cusgd_data *data = cusgd_trainer_data(t);
    cusgd_status status = model_create(&t->options, t->problem.d, t->problem.k, data->features, data->targets,
                                       (class_names){data->classes, data->class_count}, &m);
    *out = NULL;
    if (status) return status;
    status = model_set_offset(m, data->offset, data->offset_name);
    if (!status) status = model_set_base(m, data->base);
    if (!status) status = model_set_layout(m, data->layout);
    if (!status) status = model_set_encoding(m, data->encoding);
    if (!status) status = cusgd_trainer_get_coefficients(t, m->weight, m->bias);
    /* Standard errors need a pass over the data. */
    int whole = problem_check_data(&t->problem) == CUSGD_OK, readable = !t->run.lost && !t->run.at.was_cancelled && whole;
    if (!whole) missing = "the data was no longer complete when they were to be computed";
    if (!status && readable) {
        const int *agreed = shared_begin(t);
        status = shared_end(t, agreed, solver_errors(&t->run, &m->errors, &m->residual_degrees, &missing));
        if (status == CUSGD_ERROR_MEMORY) missing = "there is not enough memory for them"; /* keep the model */
        if (status == CUSGD_ERROR_MEMORY) status = CUSGD_OK;
    }
    for (int64_t i = 0; m->errors && i < m->k * (m->d + 1); i++) {
        if (isfinite(m->errors[i])) continue;
        free(m->errors);
        m->errors = NULL;
        missing = "they are beyond what a double holds";
    }
    if (!status && missing) status = model_set_missing(m, missing);
    if (!status)
        *out = m;
    else
        cusgd_model_free(m);
    return status;
}
