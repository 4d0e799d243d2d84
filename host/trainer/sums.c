/* See sums.h. */
#include "sums.h"

#include "problem/problem.h"
#include <math.h>

void sums_add_row(output_sums *s, loss_rule loss, double p, double y, double w, double o)
{
    offset_terms sums = loss_given_offset(loss, y, o);
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
    s->error_variation += w * error * (r - s->error);
    s->largest = fmax(s->largest, fabs(r));
    s->mean += apart * w / s->weight;
    s->above += w * sums.above;
    s->below += w * sums.below;
    s->variation += w * apart * (y / s->unit - s->mean);
}

/* Returns R^2. For a constant target it is 1 if the predictions are exact, otherwise 0, as in scikit-learn. */
static double r_squared(const output_sums *s)
{
    if (s->variation > 0) return 1 - s->square / s->variation;
    return s->square > 0 ? 0 : 1;
}

/* Returns a share, which is 0 for 0 of 0, as in scikit-learn. */
static double share_of(double part, double whole) { return whole > 0 ? part / whole : 0; }

static void add_class_metrics(const output_sums *s, double share, cusgd_metrics *m)
{
    const double *c = s->confusion;
    double recalls[2] = {share_of(c[0], c[0] + c[1]), share_of(c[3], c[2] + c[3])};
    int classes = (c[0] + c[1] > 0) + (c[2] + c[3] > 0);
    m->accuracy += share * s->right / s->weight;
    m->balanced_accuracy += share * (recalls[0] + recalls[1]) / classes;
    m->precision += share * share_of(c[3], c[1] + c[3]);
    m->recall += share * recalls[1];
    double f1[2] = {share_of(2 * c[0], 2 * c[0] + c[1] + c[2]), share_of(2 * c[3], 2 * c[3] + c[1] + c[2])};
    int named = (c[0] + c[1] + c[2] > 0) + (c[3] + c[1] + c[2] > 0); /* number of classes among targets and predictions */
    m->f1 += share * f1[1];
    m->f1_macro += share * (f1[0] + f1[1]) / named;
    m->f1_weighted += share * ((c[0] + c[1]) * f1[0] + (c[2] + c[3]) * f1[1]) / s->weight;
    for (int i = 0; i < 4; i++) m->confusion[i] += share * c[i];
}

static double explained_variance(const output_sums *s)
{
    if (s->variation > 0) return 1 - s->error_variation / s->variation;
    return s->error_variation > 0 ? 0 : 1;
}

/* Without offsets, the loss of the intercept-only model follows from the mean of the targets, because l is linear in y. */
void sums_find_null(const examples *e, int64_t c, loss_rule loss, output_sums *s)
{
    double constant = loss_best_constant(loss.kind, s->above / s->below);
    s->null = e->o.at ? 0 : s->weight * loss_at(loss, constant, s->mean * s->unit).value;
    for (counted_rows at = {.of = e}; e->o.at && counted_next(&at);)
        s->null += at.weight * loss_at(loss, constant + at.offset, counted_target(&at, c)).value;
}

/* Returns the explained share of the deviance, 2 (l - min l), likewise. */
static double deviance_explained(const output_sums *s)
{
    double null = (s->null - s->lower_bound) / s->weight;
    double left = (s->loss - s->lower_bound) / s->weight;
    if (null > 0) return 1 - left / null;
    return left > 0 ? 0 : 1;
}

void sums_add_metrics(const output_sums *s, loss_rule loss, double share, cusgd_metrics *m)
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
