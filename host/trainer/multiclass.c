/* Predictions and metrics of a target of several classes, each of which has an output, as in scikit-learn. */
#include "scorer.h"

#include "failure.h"
#include "interrupt.h"

typedef double real;
#include "scalar/softmax.h"

#include <float.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* ---- A row --------------------------------------------------------------------------------------------------------------- */

/* Returns the class with the largest p, the first of equal ones. */
static int64_t largest(int64_t k, const double *p)
{
    int64_t at = 0;
    for (int64_t c = 1; c < k; c++)
        if (p[c] > p[at]) at = c;
    return at;
}

/* Computes the probabilities of the classes; for one-vs-rest those of the outputs are divided by their sum. */
static void probabilities(loss_rule loss, int64_t k, const double *p, double *out)
{
    double sum = 0, most = p[largest(k, p)];
    for (int64_t c = 0; c < k; c++) {
        out[c] = loss.kind == CUSGD_LOSS_SOFTMAX ? exp(p[c] - most) : loss_mean_at(loss.kind, p[c]);
        sum += out[c];
    }
    for (int64_t c = 0; c < k; c++) out[c] /= fmax(sum, DBL_MIN);
}

void multiclass_predict(const scorer *s, cusgd_prediction as, int64_t count, const double *p, double *out)
{
    int64_t k = s->k;
    int divides = as == CUSGD_PREDICT_PROBABILITY || (as == CUSGD_PREDICT_MEAN && loss_has_probabilities(s->loss.kind));
    for (int64_t i = 0; i < count && !interrupt_asked_at(i); i++) {
        if (as == CUSGD_PREDICT_CLASS)
            out[i] = (double)largest(k, p + i * k);
        else if (divides)
            probabilities(s->loss, k, p + i * k, out + i * k);
        else if (out != p)
            memcpy(out + i * k, p + i * k, sizeof(double) * (size_t)k);
    }
}

/* ---- Metrics ------------------------------------------------------------------------------------------------------------- */

/* Sums of weights for a class: its rows, the rows predicted as the class, and the rows of the class predicted as it. */
typedef struct class_tally {
    double rows, predicted, right;
} class_tally;

typedef struct tally {
    double weight, loss, log_loss, right, top3, top5;
    double confusion[4]; /* for two classes */
    class_tally *of;     /* k */
} tally;

/* Returns the loss of a row: the mean over the outputs for one-vs-rest; for softmax there is one loss. */
static double loss_of(loss_rule loss, int64_t k, const double *p, int64_t y)
{
    double sum = 0;
    if (loss.kind == CUSGD_LOSS_SOFTMAX) {
        softmax_sum all = {0, 0, 0};
        double most = p[largest(k, p)];
        for (int64_t c = 0; c < k; c++) softmax_add_power(&all, exp(p[c] - most)); /* real_exp() is only faster in loops */
        return softmax_at(p[y], 1, most, softmax_rest(all)).value;
    }
    for (int64_t c = 0; c < k; c++) sum += loss_at(loss, p[c], c == y).value;
    return sum / (double)k;
}

/* Returns the negative logarithm of the probability of the class, which may itself be too small for a double. */
static double log_loss_of(loss_rule loss, int64_t k, const double *p, int64_t y)
{
    double sum = 0;
    for (int64_t c = 0; c < k; c++) sum += loss_mean_at(loss.kind, p[c]);
    return loss_at(loss, p[y], 1).value + log(fmax(sum, DBL_MIN));
}

/* Returns the number of classes that rank before y. Of equal ones, those with larger numbers do, as in top_k_accuracy_score of
 * scikit-learn. */
static int64_t before(int64_t k, const double *p, int64_t y)
{
    int64_t count = 0;
    for (int64_t c = 0; c < k; c++) count += p[c] > p[y] || (p[c] == p[y] && c > y);
    return count;
}

static void add_row(const scorer *s, const double *p, int64_t y, double w, tally *t)
{
    int64_t k = s->k, found = largest(k, p), rank = before(k, p, y);
    double loss = loss_of(s->loss, k, p, y);
    if (!(w > 0)) return;
    t->weight += w;
    t->loss += w * loss;
    if (loss_has_probabilities(s->loss.kind))
        t->log_loss += w * (s->loss.kind == CUSGD_LOSS_SOFTMAX ? loss : log_loss_of(s->loss, k, p, y));
    t->right += w * (found == y);
    t->top3 += w * (rank < 3);
    t->top5 += w * (rank < 5);
    t->of[y].rows += w;
    t->of[found].predicted += w;
    t->of[y].right += w * (found == y);
    if (k == 2) t->confusion[2 * y + found] += w;
}

/* Returns a share, which is 0 for 0 of 0. */
static double share_of(double part, double whole) { return whole > 0 ? part / whole : 0; }

/* Computes the means over the classes that occur among targets or predictions; for balanced accuracy over those among the targets
 * only. */
static void average(const scorer *s, const tally *t, cusgd_metrics *m)
{
    double occur = 0, there = 0, recalls = 0;
    m->precision = m->recall = m->f1 = m->f1_macro = m->f1_weighted = 0;
    for (int64_t c = 0; c < s->k; c++) {
        const class_tally *one = &t->of[c];
        double recall = share_of(one->right, one->rows), f1 = share_of(2 * one->right, one->rows + one->predicted);
        occur += one->rows > 0 || one->predicted > 0;
        there += one->rows > 0;
        recalls += recall;
        m->precision += share_of(one->right, one->predicted);
        m->f1 += f1;
        m->f1_weighted += f1 * one->rows / t->weight;
    }
    m->precision /= occur;
    m->recall = recalls / occur;
    m->f1 /= occur;
    m->f1_macro = m->f1;
    m->balanced_accuracy = recalls / there;
    m->accuracy = t->right / t->weight;
    if (s->k > 3) m->top3 = t->top3 / t->weight;
    if (s->k > 5) m->top5 = t->top5 / t->weight;
}

/* Sets the metrics of class 1 of two, as for a model that has one output for both. */
static void second_class(const tally *t, cusgd_metrics *m)
{
    const class_tally *one = &t->of[1];
    m->precision = share_of(one->right, one->predicted);
    m->recall = share_of(one->right, one->rows);
    m->f1 = share_of(2 * one->right, one->rows + one->predicted);
    memcpy(m->confusion, t->confusion, sizeof m->confusion);
}

typedef struct tallying {
    const scorer *s;
    const examples *e;
    tally *t;
} tallying;

static void tally_rows(void *context, int64_t first, int64_t count, const double *p)
{
    const tallying *to = context;
    for (int64_t i = 0; i < count; i++) {
        int64_t row = examples_row(to->e, first + i);
        double y = target_at(to->e, row, 0);
        add_row(to->s, p + i * to->s->k, y > 0 ? (int64_t)y : 0, weight_at(to->e, row), to->t);
    }
}

cusgd_status multiclass_evaluate(const scorer *s, const cusgd_data *data, cusgd_metrics *m)
{
    tally t = {.of = allocate_zeroed((size_t)s->k, sizeof *t.of)};
    if (!t.of) return fail_memory((size_t)s->k * sizeof *t.of, "the counts of the classes");
    cusgd_status status = scorer_pass(s, data, tally_rows, &(tallying){s, &data->view, &t});
    if (!status) {
        m->loss = loss_reported(s->loss.kind, t.loss / t.weight);
        if (loss_has_probabilities(s->loss.kind)) m->log_loss = t.log_loss / t.weight;
        average(s, &t, m);
        if (s->k == 2) second_class(&t, m);
    }
    free(t.of);
    return status;
}

/* ---- Confusion ----------------------------------------------------------------------------------------------------------- */

cusgd_status cusgd_model_confusion(const cusgd_model *model, const cusgd_data *data, double *matrix)
{
    cusgd_metrics metrics = CUSGD_INIT(cusgd_metrics);
    if (!model || !data) return fail_null(__func__);
    int64_t classes = cusgd_model_outputs(model) > cusgd_model_targets(model) ? cusgd_model_outputs(model) : 2;
    int64_t n = data->view.n, m = cusgd_model_targets(model);
    cusgd_status status = cusgd_model_evaluate(model, data, -1, &metrics); /* this checks the data */
    if (status) return status;
    if (isnan(metrics.accuracy))
        return fail(CUSGD_ERROR_USAGE, "a model of %s loss has no classes", cusgd_model_loss(model, NULL)->name);
    double *found = allocate((size_t)(n * m), sizeof *found);
    if (!found) return fail_memory((size_t)(n * m) * sizeof *found, "predictions");
    status = cusgd_model_predict(model, data, CUSGD_PREDICT_CLASS, found);
    memset(matrix, 0, sizeof(double) * (size_t)(classes * classes));
    for (int64_t i = 0; i < n && !status; i++) {
        double y = target_at(&data->view, i, 0);
        matrix[(y > 0 ? (int64_t)y : 0) * classes + (int64_t)found[i * m]] += weight_at(&data->view, i);
    }
    free(found);
    return status;
}
