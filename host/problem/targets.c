/* Numbers that depend on the targets only: the intercept-only model, and the scale of its residuals. */
#include "targets.h"

#include "ascending.h"
#include "examples.h"
#include "failure.h"
#include "interrupt.h"
#include "scalar/rounding.h"
#include <float.h>
#include <math.h>
#include <stdlib.h>

enum { MAX_ROWS = 1 << 16 }; /* evenly spread rows suffice for a starting point and a scale */

static void take_rows(const examples *e, int64_t c, target_rows *r)
{
    r->m = 0;
    int64_t count = e->n < MAX_ROWS ? e->n : MAX_ROWS;
    for (int64_t i = 0; i < count; i++) {
        int64_t row = examples_row(e, i * (e->n / count) + i * (e->n % count) / count); /* floor(i n / count) */
        double w = weight_at(e, row);
        if (!(w > 0)) continue;
        r->y[r->m] = output_target(e, row, c);
        r->o[r->m] = offset_at(e, row);
        r->w[r->m++] = w;
    }
}

static double derivative_sum(const target_rows *r, loss_rule loss, double p)
{
    double sum = 0;
    for (int64_t i = 0; i < r->m; i++) sum += r->w[i] * loss_at(loss, p + r->o[i], r->y[i]).derivative;
    return sum;
}

/* Returns the zero of the sum of derivatives, which is nondecreasing in p. It is searched for between the smallest and the
 * largest target minus its offset; for classes between log-odds of one in 10^6, plus or minus the outermost offsets. */
static double best_constant(const target_rows *r, loss_rule loss)
{
    enum { HALVINGS = 60 };
    double low = (double)INFINITY, high = -(double)INFINITY, reach = loss_is_of_classes(loss.kind) ? 13.8 : 0;
    for (int64_t i = 0; i < r->m; i++) {
        double at = (reach > 0 ? 0 : r->y[i]) - r->o[i];
        low = fmin(low, at - reach);
        high = fmax(high, at + reach);
    }
    for (int i = 0; i < HALVINGS; i++) {
        double middle = low + (high - low) / 2;
        if (derivative_sum(r, loss, middle) < 0)
            low = middle;
        else
            high = middle;
    }
    return low + (high - low) / 2;
}

/* Returns the median distance from `center`, scaled to the standard deviation of a Gaussian. If most targets are at the center,
 * as with counts that are mostly 0, uses the other targets. A distance within the rounding error of the center counts as 0.
 * Destroys the order of the rows. */
double targets_scale(target_rows *r, double center)
{
    double largest = 0;
    for (int64_t i = 0; i < r->m; i++) {
        r->y[i] = fabs(r->y[i] - r->o[i] - center);
        largest = fmax(largest, r->y[i]);
    }
    qsort(r->y, (size_t)r->m, sizeof(double), ascending);
    double rounding = 4 * DBL_EPSILON * (fabs(center) + largest);
    int64_t at = 0, middle = r->m / 2;
    while (at < r->m && !(r->y[at] > rounding)) at++;
    if (at > middle) middle = at + (r->m - at) / 2;
    double scale = at < r->m ? 1.4826 * r->y[middle] : 0;
    return scale > 0 && isfinite(scale) ? scale : 1;
}

/* Returns the mean second derivative at the intercept-only model. */
static double mean_curvature(const target_rows *r, loss_rule loss, double p)
{
    double sum = 0, weight = 0;
    for (int64_t i = 0; i < r->m; i++) {
        sum += r->w[i] * loss_at(loss, p + r->o[i], r->y[i]).curvature;
        weight += r->w[i];
    }
    return sum / weight;
}

/* Bounds exponentials at ten times the range of the logarithms of the targets and of the predictions of the intercept-only model,
 * beyond which e^p would only overflow. */
static void bound_exponentials(const target_rows *r, double constant, loss_rule *loss)
{
    for (int64_t i = 0; i < r->m; i++) {
        loss->maximum = fmax(loss->maximum, constant + r->o[i] + log(10));
        loss->minimum = fmin(loss->minimum, constant + r->o[i] - log(10));
        if (!(r->y[i] > 0)) continue;
        loss->maximum = fmax(loss->maximum, log(10 * r->y[i]));
        loss->minimum = fmin(loss->minimum, log(r->y[i] / 10));
    }
}

cusgd_status study_targets(problem *p)
{
    enum { SAFETY = 4 }; /* factor for second derivatives without a bound */
    const examples *e = &p->train.rows;
    loss_rule loss = p->loss;
    double steepest = loss_curvature_bound(loss);
    int is_real = loss_is_shift_invariant(loss.kind) && !loss_is_quadratic(loss.kind), log_link = loss_has_log_link(loss.kind);
    target_rows r = {.y = allocate(3 * MAX_ROWS, sizeof(double))};
    if (!r.y) return fail_memory(3 * MAX_ROWS * sizeof(double), "the targets' scale");
    cusgd_status status = CUSGD_OK;
    r.w = r.y + MAX_ROWS;
    r.o = r.w + MAX_ROWS;
    loss_rule bounded = {.kind = loss.kind, .number = loss.number, .minimum = (double)INFINITY, .maximum = -(double)INFINITY};
    p->targets.steepest = isfinite(steepest) ? steepest : loss_is_of_classes(loss.kind) ? 1 : 0;
    for (int64_t c = 0; c < p->k && !status; c++) {
        p->targets.scale[c] = 1;
        if (loss_is_of_classes(loss.kind) && (!e->o.at || is_softmax(p))) continue; /* an offset of all outputs has no effect */
        take_rows(e, c, &r);
        if (r.m == 0) continue; /* no sampled row has weight */
        if (loss_is_expression(loss.kind)) {
            status = interrupt_asked() ? fail_interrupted() : formula_study_targets(p, c, &r);
            continue;
        }
        if (log_link) bound_exponentials(&r, p->targets.null[c], &bounded);
        if (log_link) p->targets.steepest = fmax(p->targets.steepest, SAFETY * mean_curvature(&r, loss, p->targets.null[c]));
        if (e->o.at && loss_is_of_classes(loss.kind)) p->targets.null[c] = best_constant(&r, loss);
        if (!is_real) continue;
        if (interrupt_asked()) status = fail_interrupted();
        double center = best_constant(&r, loss);
        p->targets.null[c] = center - p->units.shift[c];
        p->targets.scale[c] = targets_scale(&r, center);
        if (loss_is_nonsmooth(loss.kind)) p->targets.steepest = fmax(p->targets.steepest, 1 / p->targets.scale[c]);
    }
    if (log_link && p->options->solver == CUSGD_SOLVER_SGD && p->options->optimizer == CUSGD_OPTIMIZER_AUTO &&
        bounded.maximum > bounded.minimum)
        p->loss = bounded;
    int single = p->options->precision == CUSGD_PRECISION_FLOAT;
    p->loss.minimum = rounded_for(single, p->loss.minimum);
    p->loss.maximum = rounded_for(single, p->loss.maximum);
    free(r.y);
    return status;
}

cusgd_status targets_null(const problem *p, double number, double *null)
{
    loss_rule loss = p->loss;
    target_rows r = {.y = allocate(3 * MAX_ROWS, sizeof(double))};
    if (!r.y) return fail_memory(3 * MAX_ROWS * sizeof(double), "the targets' scale");
    r.w = r.y + MAX_ROWS;
    r.o = r.w + MAX_ROWS;
    loss.number = number;
    take_rows(&p->train.rows, 0, &r);
    *null = r.m > 0 ? best_constant(&r, loss) - p->units.shift[0] : p->targets.null[0];
    free(r.y);
    return CUSGD_OK;
}

void targets_given_offsets(const problem *p, double *mean)
{
    const examples *e = &p->train.rows;
    for (int64_t c = 0; c < e->k; c++) {
        double above = 0, below = 0;
        for (counted_rows at = {.of = e}; counted_next(&at);) {
            offset_terms b = loss_given_offset(p->loss, counted_target(&at, c), at.offset);
            above += at.weight * b.above;
            below += at.weight * b.below;
        }
        double maximum = p->options->precision == CUSGD_PRECISION_FLOAT ? (double)FLT_MAX : DBL_MAX;
        mean[c] = below > 0 && below <= maximum && fabs(above) <= maximum ? above / below : (double)NAN;
    }
}

/* Returns the lower bound of the mean loss over all predictions. */
double targets_lower_bound(const problem *p)
{
    const examples *e = &p->train.rows;
    double sum = 0, weight = 0;
    if (loss_is_expression(p->loss.kind)) return formula_lower_bound(p);
    if (!loss_has_log_link(p->loss.kind)) return 0;
    for (counted_rows at = {.of = e}; counted_next(&at);) {
        for (int64_t c = 0; c < e->k; c++) sum += at.weight * loss_lower_bound(p->loss, counted_target(&at, c));
        weight += at.weight;
    }
    return sum / weight;
}
