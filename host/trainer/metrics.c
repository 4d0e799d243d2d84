/* Predictions and how good they are, of a model and of a trainer alike: rows are scored piece by piece. */
#include "trainer.h"

#include "failure.h"
#include "interrupt.h"
#include "model.h"
#include "options.h"
#include "problem/examples.h"
#include "public.h"
#include "scorer.h"
#include "shared.h"
#include "solvers/solvers.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { PIECE_VALUES = 1 << 22, PIECE_ROWS = 1 << 18 };

/* Of sparse rows with about so many values, which are copied to be bound, and more than there are parameters. */
static int64_t sparse_rows(const scorer *s, const examples *e)
{
    double stored = (double)(e->s.start[e->n] - e->s.start[0]) + 1, values = fmax(PIECE_VALUES / 4.0, 2 * (double)(s->d * s->k));
    double rows = fmin(values / stored * (double)e->n, (double)PIECE_ROWS / (double)s->k);
    return rows < 1 ? 1 : (int64_t)rows;
}

int64_t scorer_rows(const scorer *s, const examples *e)
{
    if (examples_are_sparse(e)) return sparse_rows(s, e);
    int64_t rows = PIECE_VALUES / (s->d + s->k);
    return rows < 1 ? 1 : rows < PIECE_ROWS ? rows : PIECE_ROWS;
}

cusgd_status scorer_score(const scorer *s, const cusgd_data *data, int64_t first, int64_t count, double *p)
{
    examples piece = examples_piece(&data->view, first, count);
    dataset *b = NULL;
    piece.k = s->k;
    piece.classes = 0;
    piece.y.at = piece.w.at = NULL;
    cusgd_status status = s->backend->ops->bind(s->backend->self, &piece, &s->transform, &b);
    if (!status) status = s->backend->ops->predict(s->backend->self, b, s->theta, p);
    s->backend->ops->unbind(s->backend->self, b);
    for (int64_t i = 0; !status && i < count * s->k; i++) p[i] = (p[i] + s->shift[i % s->k]) * s->unit;
    return status;
}

static cusgd_status check_offsets(const scorer *s, const cusgd_data *data)
{
    char shown[128] = "";
    int there = data->view.o.at != NULL;
    if (s->offsets < 0 || s->offsets == there) return CUSGD_OK;
    if (there)
        return fail(CUSGD_ERROR_DATA, "%s has an offset or exposure, and the model was trained without: leave it out",
                    data->source);
    if (s->offset_name) cusgd_text_escape(s->offset_name, shown, sizeof shown);
    return fail(CUSGD_ERROR_DATA,
                "%s has no offset, and the model was trained with one%s%s%s: name its column by --offset, or --exposure, or put "
                "offset.npy or exposure.npy beside x.npy",
                data->source, *shown ? " ('" : "", shown, *shown ? "')" : "");
}

static cusgd_status check_input(const scorer *s, const cusgd_data *data, int with_targets)
{
    const examples *e = &data->view;
    if (e->d != s->d)
        return fail(CUSGD_ERROR_DATA,
                    "%s has %lld feature column%s, and the model was trained on %lld: leave out those that are no feature of it "
                    "(--ignore; --ignore -1 where the last column is the target), or choose them with --features",
                    data->source, (long long)e->d, e->d == 1 ? "" : "s", (long long)s->d);
    if (with_targets && e->k != s->m)
        return fail(CUSGD_ERROR_DATA, "%s has %lld targets, and the model has %lld", data->source, (long long)e->k,
                    (long long)s->m);
    if (with_targets && e->classes > 0 && e->classes != s->classes)
        return fail(CUSGD_ERROR_DATA, "%s has %lld classes, and the model has %lld", data->source, (long long)e->classes,
                    (long long)(s->classes > 0                     ? s->classes
                                : loss_is_of_classes(s->loss.kind) ? 2
                                                                   : 0));
    cusgd_status status = s->backend->is_host ? data_on_host(data, "the CPU") : CUSGD_OK;
    if (!status) status = check_offsets(s, data);
    if (status) return status;
    examples features = *e;
    features.classes = s->classes;
    if (!with_targets) {
        features.k = 0;
        features.y.at = NULL;
        features.w.at = NULL;
    }
    status = examples_check(&features, with_targets ? (int)s->loss.kind : -1, data->source, s->threads);
    cusgd_status files = data_check_files(data);
    return files ? files : status;
}

/* Of outputs that are targets. */
static cusgd_status predict_outputs(const scorer *s, const cusgd_data *data, cusgd_prediction as, double *out)
{
    int64_t n = data->view.n, rows = scorer_rows(s, &data->view);
    cusgd_status status = CUSGD_OK;
    for (int64_t i = 0; !status && i < n; i += rows)
        status = scorer_score(s, data, i, n - i < rows ? n - i : rows, out + i * s->k);
    for (int64_t i = 0; !status && as != CUSGD_PREDICT_LINK && i < n * s->k && !interrupt_asked_at(i); i++)
        out[i] = as == CUSGD_PREDICT_CLASS ? (double)(out[i] > 0) : rule_mean_at(s->loss, out[i]);
    return status;
}

/* Of outputs that are classes. */
static cusgd_status predict_classes(const scorer *s, const cusgd_data *data, cusgd_prediction as, double *out)
{
    int64_t n = data->view.n, rows = scorer_rows(s, &data->view), cols = as == CUSGD_PREDICT_CLASS ? 1 : s->k;
    double *p = allocate((size_t)(rows * s->k), sizeof *p);
    cusgd_status status = p ? CUSGD_OK : fail_memory((size_t)(rows * s->k) * sizeof *p, "predictions");
    for (int64_t i = 0; !status && i < n; i += rows) {
        int64_t count = n - i < rows ? n - i : rows;
        status = interrupt_asked() ? fail_interrupted() : scorer_score(s, data, i, count, p);
        if (!status) multiclass_predict(s, as, count, p, out + i * cols);
    }
    free(p);
    return status;
}

static cusgd_status predict(const scorer *s, const cusgd_data *data, cusgd_prediction as, double *out)
{
    if (!loss_is_of_classes(s->loss.kind) && (as == CUSGD_PREDICT_CLASS || as == CUSGD_PREDICT_PROBABILITY))
        return fail(CUSGD_ERROR_USAGE, "a model of %s loss has no classes; ask for the mean", loss_word(s->loss.kind));
    if (!loss_has_probabilities(s->loss.kind) && as == CUSGD_PREDICT_PROBABILITY)
        return fail(CUSGD_ERROR_USAGE, "a model of %s loss has no probabilities; ask for the class, or train with logistic loss",
                    loss_word(s->loss.kind));
    if (as < CUSGD_PREDICT_MEAN || as > CUSGD_PREDICT_PROBABILITY)
        return fail(CUSGD_ERROR_USAGE, "output kind %d: there is no such kind of prediction", (int)as);
    int64_t cols = as == CUSGD_PREDICT_CLASS ? s->m : s->k;
    cusgd_status status = check_input(s, data, 0);
    if (!status) status = (s->classes > 0 ? predict_classes : predict_outputs)(s, data, as, out);
    for (int64_t i = 0; !status && i < data->incomplete_count; i++)
        for (int64_t c = 0; c < cols; c++) out[data->incomplete[i] * cols + c] = (double)NAN;
    if (!status && interrupt_asked()) status = fail_interrupted();
    return status ? status : data_check_files(data);
}

/* ---- Metrics ---- */

/* Weighted sums of one output. Targets' mean and squares are updated row by row (West 1979). */
typedef struct sums {
    double weight, loss, lower_bound, square, absolute, right, mean, spread;
    double unit; /* of square, absolute, mean and spread: a power of two near the targets' size if that is unusual; else 1 */
    double above, below;                 /* loss_beside_offset() */
    double null;                         /* log links: the intercept-only model's loss */
    double error, error_spread, largest; /* of r: mean, sum of squares about it, the largest */
    double confusion[4];
} sums;

static void add_row(sums *s, loss_rule loss, double p, double y, double w, double o)
{
    beside_offset beside = loss_beside_offset(loss, y, o);
    double mean = rule_mean_at(loss, p), r = (mean - y) / s->unit, apart = y / s->unit - s->mean;
    if (!(w > 0)) return;
    s->weight += w;
    s->loss += w * rule_at(loss, p, y).value;
    s->lower_bound += w * loss_lower_bound(loss, y);
    s->square += w * r * r;
    s->absolute += w * fabs(r);
    s->right += w * ((p > 0) == (y > 0));
    s->confusion[2 * (y > 0) + (p > 0)] += w;
    double error = r - s->error;
    s->error += error * w / s->weight;
    s->error_spread += w * error * (r - s->error);
    s->largest = fmax(s->largest, fabs(r));
    s->mean += apart * w / s->weight;
    s->above += w * beside.above;
    s->below += w * beside.below;
    s->spread += w * apart * (y / s->unit - s->mean);
}

/* A constant target has nothing to explain: 1 if it is met, else 0, as scikit-learn has it. */
static double r_squared(const sums *s)
{
    if (s->spread > 0) return 1 - s->square / s->spread;
    return s->square > 0 ? 0 : 1;
}

/* 0 of 0 is 0, as scikit-learn has it. */
static double share_of(double part, double whole) { return whole > 0 ? part / whole : 0; }

static void add_class_metrics(const sums *s, double share, cusgd_metrics *m)
{
    const double *c = s->confusion;
    double recalls[2] = {share_of(c[0], c[0] + c[1]), share_of(c[3], c[2] + c[3])};
    int classes = (c[0] + c[1] > 0) + (c[2] + c[3] > 0);
    m->accuracy += share * s->right / s->weight;
    m->balanced_accuracy += share * (recalls[0] + recalls[1]) / classes;
    m->precision += share * share_of(c[3], c[1] + c[3]);
    m->recall += share * recalls[1];
    double f1[2] = {share_of(2 * c[0], 2 * c[0] + c[1] + c[2]), share_of(2 * c[3], 2 * c[3] + c[1] + c[2])};
    int named = (c[0] + c[1] + c[2] > 0) + (c[3] + c[1] + c[2] > 0); /* classes that rows have, or were predicted to have */
    m->f1 += share * f1[1];
    m->f1_macro += share * (f1[0] + f1[1]) / named;
    m->f1_weighted += share * ((c[0] + c[1]) * f1[0] + (c[2] + c[3]) * f1[1]) / s->weight;
    for (int i = 0; i < 4; i++) m->confusion[i] += share * c[i];
}

static double explained_variance(const sums *s)
{
    if (s->spread > 0) return 1 - s->error_spread / s->spread;
    return s->error_spread > 0 ? 0 : 1;
}

/* The intercept-only model's loss follows from the mean where there are no offsets: l is linear in y. */
static void find_null(const examples *e, int64_t c, loss_rule loss, sums *s)
{
    double constant = loss_best_constant(loss.kind, s->above / s->below);
    s->null = e->o.at ? 0 : s->weight * loss_at(loss, constant, s->mean * s->unit).value;
    for (counted_rows at = {.of = e}; e->o.at && counted_next(&at);)
        s->null += at.weight * loss_at(loss, constant + at.offset, counted_target(&at, c)).value;
}

/* Likewise of the deviance, 2 (l - the least l). */
static double deviance_explained(const sums *s)
{
    double null = (s->null - s->lower_bound) / s->weight;
    double left = (s->loss - s->lower_bound) / s->weight;
    if (null > 0) return 1 - left / null;
    return left > 0 ? 0 : 1;
}

static void add_metrics(const sums *s, loss_rule loss, double share, cusgd_metrics *m)
{
    m->loss += share * loss_reported(loss.kind, s->loss / s->weight);
    if (loss.kind == CUSGD_LOSS_QUANTILE) m->pinball_loss += share * s->loss / s->weight;
    if (loss_has_log_link(loss.kind)) {
        m->deviance += share * 2 * (s->loss - s->lower_bound) / s->weight;
        m->d2 += share * deviance_explained(s);
    }
    if (loss_is_of_classes(loss.kind)) {
        if (loss_has_probabilities(loss.kind)) m->log_loss += share * s->loss / s->weight;
        add_class_metrics(s, share, m);
    } else {
        m->mse += share * s->square / s->weight * s->unit * s->unit;
        m->rmse += share * sqrt(s->square / s->weight) * s->unit;
        m->mae += share * s->absolute / s->weight * s->unit;
        m->r2 += share * r_squared(s);
        m->explained_variance += share * explained_variance(s);
        m->max_error = fmax(m->max_error, s->largest * s->unit);
    }
}

/* The unit in which the squares of output c are within a double. */
static double unit_of(const examples *e, int64_t c)
{
    double largest = 0;
    for (int64_t i = 0; i < e->n && !interrupt_asked_at(i); i++) largest = fmax(largest, fabs(matrix_at(&e->y, i, c)));
    return largest == 0 || (largest > 1e-100 && largest < 1e100) ? 1 : ldexp(1, ilogb(largest));
}

/* Sums to be: 0 where regression or classification is measured, else NaN. */
static cusgd_metrics metrics_of(int64_t rows, double r, double c)
{
    const double unknown = (double)NAN;
    return (cusgd_metrics){.size = sizeof(cusgd_metrics),
                           .rows = rows,
                           .loss = isnan(r) && isnan(c) ? unknown : 0,
                           .mse = r,
                           .rmse = r,
                           .mae = r,
                           .r2 = r,
                           .log_loss = unknown,
                           .accuracy = c,
                           .deviance = unknown,
                           .d2 = unknown,
                           .explained_variance = r,
                           .max_error = r,
                           .balanced_accuracy = c,
                           .precision = c,
                           .recall = c,
                           .f1 = c,
                           .confusion = {c, c, c, c},
                           .f1_macro = c,
                           .f1_weighted = c,
                           .top3 = unknown,
                           .top5 = unknown,
                           .pinball_loss = unknown,
                           .crossing = unknown};
}

static cusgd_status evaluate_classes(const scorer *s, const cusgd_data *data, cusgd_metrics *metrics)
{
    *metrics = metrics_of(data->view.n, (double)NAN, (double)NAN);
    cusgd_status status = multiclass_evaluate(s, data, metrics);
    if (!status && interrupt_asked()) status = fail_interrupted();
    return status ? status : data_check_files(data);
}

/* The target that an output predicts, and its loss. */
static int64_t target_of(const scorer *s, int64_t c) { return s->quantiles ? 0 : c; }
static loss_rule loss_of(const scorer *s, int64_t c)
{
    loss_rule loss = s->loss;
    if (s->quantiles) loss.number = s->quantiles[c];
    return loss;
}

/* Whether a quantile is predicted to be less than a smaller one. */
static int crosses(const double *p, int64_t k)
{
    for (int64_t c = 1; c < k; c++)
        if (p[c] < p[c - 1]) return 1;
    return 0;
}

static cusgd_status evaluate(const scorer *s, const cusgd_data *data, int64_t output, cusgd_metrics *metrics)
{
    const examples *e = &data->view;
    int64_t rows = scorer_rows(s, e), k = s->k;
    double crossed = 0;
    int64_t outputs = s->quantiles ? k : s->m;
    if (output < -1 || output >= outputs)
        return fail(CUSGD_ERROR_USAGE, "output %lld: there are %lld", (long long)output, (long long)outputs);
    cusgd_status status = check_input(s, data, 1);
    if (!status && s->classes > 0) return evaluate_classes(s, data, metrics);
    double *p = allocate((size_t)(rows * k), sizeof(double));
    sums *all = allocate_zeroed((size_t)k, sizeof *all);
    if (!status && (!p || !all)) status = fail_memory((size_t)(rows * k) * sizeof(double), "predictions");
    for (int64_t c = 0; !status && c < k; c++) all[c].unit = unit_of(e, target_of(s, c));
    for (int64_t i = 0; !status && i < e->n; i += rows) {
        if (interrupt_asked()) status = fail_interrupted();
        if (status) break;
        int64_t count = e->n - i < rows ? e->n - i : rows;
        status = scorer_score(s, data, i, count, p);
        for (int64_t r = 0; !status && r < count; r++)
            for (int64_t c = 0; c < k; c++)
                add_row(&all[c], loss_of(s, c), p[r * k + c], matrix_at(&e->y, i + r, target_of(s, c)), weight_at(e, i + r),
                        offset_at(e, i + r));
        for (int64_t r = 0; !status && s->quantiles && r < count; r++)
            if (crosses(p + r * k, k)) crossed += weight_at(e, i + r);
    }
    for (int64_t c = 0; !status && c < k && loss_has_log_link(s->loss.kind); c++) find_null(e, c, s->loss, &all[c]);
    if (!status && interrupt_asked()) status = fail_interrupted();
    if (!status) status = data_check_files(data);
    if (!status) {
        int classes = loss_is_of_classes(s->loss.kind);
        double regression = classes ? (double)NAN : 0, classification = classes ? 0 : (double)NAN;
        double log_loss = loss_has_probabilities(s->loss.kind) ? 0 : (double)NAN;
        double deviance = loss_has_log_link(s->loss.kind) ? 0 : (double)NAN;
        double class = classification, r = regression;
        *metrics = metrics_of(e->n, r, class);
        metrics->log_loss = log_loss;
        metrics->deviance = metrics->d2 = deviance;
        if (s->loss.kind == CUSGD_LOSS_QUANTILE) metrics->pinball_loss = 0;
        if (s->quantiles) metrics->crossing = crossed / all[0].weight;
        for (int64_t c = 0; c < k; c++)
            if (output < 0 || output == c) add_metrics(&all[c], loss_of(s, c), output < 0 ? 1 / (double)k : 1, metrics);
        if (e->n < 2) metrics->r2 = metrics->d2 = (double)NAN; /* one row shows nothing of how targets vary */
    }
    free(p);
    free(all);
    return status;
}

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
                         .offsets = m->foreign ? -1 : m->offset != CUSGD_OFFSET_NONE,
                         .offset_name = m->offset_name,
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
    status = predict(&s.scorer, data, as, out);
    model_scorer_close(&s);
    return status;
}

cusgd_status model_evaluate(const cusgd_model *model, const cusgd_data *data, int64_t output, cusgd_metrics *metrics)
{
    model_scorer s;
    cusgd_status status = model_scorer_open(model, &s);
    if (status) return status;
    status = evaluate(&s.scorer, data, output, metrics);
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

/* The data as the trainer's columns are; *x: to be freed behind it. */
static cusgd_status whitened(const cusgd_trainer *t, const scorer *s, const cusgd_data *data, cusgd_data *white, void **x)
{
    *x = NULL;
    *white = *data;
    if (!t->whitening) return CUSGD_OK;
    cusgd_status status = check_input(s, data, 0);
    return status ? status : whitening_apply(t->whitening, data, white, x);
}

cusgd_status cusgd_trainer_predict(cusgd_trainer *t, const cusgd_data *data, cusgd_prediction as, double *out)
{
    if (!t || !data) return fail_null(__func__);
    scorer s;
    cusgd_data white;
    void *x = NULL;
    cusgd_status status = trainer_scorer(t, &s);
    if (!status) status = whitened(t, &s, data, &white, &x);
    if (!status) status = predict(&s, &white, as, out);
    free(x);
    return status;
}

cusgd_status trainer_evaluate(cusgd_trainer *t, const cusgd_data *data, int64_t output, cusgd_metrics *metrics)
{
    scorer s;
    cusgd_data white;
    void *x = NULL;
    cusgd_status status = trainer_scorer(t, &s);
    if (!status) status = whitened(t, &s, data, &white, &x);
    if (!status) status = evaluate(&s, &white, output, metrics);
    free(x);
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
    /* The errors take a pass over the data. */
    int whole = problem_check_data(&t->problem) == CUSGD_OK, readable = !t->run.lost && !t->run.at.was_cancelled && whole;
    if (!whole) missing = "the data was no longer complete when they were to be computed";
    if (!status && readable) {
        const int *agreed = shared_begin(t);
        status = shared_end(t, agreed, solver_errors(&t->run, &m->errors, &m->residual_degrees, &missing));
        if (status == CUSGD_ERROR_MEMORY) missing = "there is not enough memory for them"; /* no reason to lose the model */
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
