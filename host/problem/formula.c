/* Properties of a loss that the user has given as a formula, on the targets, from its values and derivatives. */
#include "targets.h"

#include "examples.h"
#include "failure.h"
#include <math.h>
#include <stdio.h>

/* Computes the mean loss of one prediction for all rows, and its derivative, in blocks of rows for speed. */
typedef struct loss_point point;
static point mean_at(const target_rows *r, loss_rule loss, double p)
{
    enum { GROUP = 64 };
    point sum = {0, 0, 0};
    double at[GROUP], value[GROUP], derivative[GROUP], weight = 0;
    for (int64_t first = 0; first < r->m; first += GROUP) {
        int count = r->m - first < GROUP ? (int)(r->m - first) : GROUP;
        for (int i = 0; i < count; i++) at[i] = p + r->o[first + i];
        loss_formula_rows_double_baseline(loss.formula, count, at, r->y + first, value, derivative, NULL);
        for (int i = 0; i < count; i++) {
            double w = r->w[first + i];
            sum.value += w * value[i];
            sum.derivative += w * derivative[i];
            weight += w;
        }
    }
    return (point){sum.value / weight, sum.derivative / weight, 0};
}

static int is_finite(point l) { return isfinite(l.value) && isfinite(l.derivative); }

/* Finds the prediction with the smallest mean loss among some candidates, with likely ones first. Returns 0 if the loss is not
 * finite at any. */
static int find_start(const target_rows *r, loss_rule loss, double mean, double *start)
{
    const double tried[] = {mean, 0, mean > 0 ? log(mean) : mean, 0.5, 1, -1, 10, -10};
    double least = (double)INFINITY;
    for (size_t i = 0; i < sizeof tried / sizeof *tried; i++) {
        point l = mean_at(r, loss, tried[i]);
        if (!is_finite(l) || !(l.value < least)) continue;
        least = l.value;
        *start = tried[i];
    }
    return isfinite(least);
}

/* Takes downhill steps of doubled lengths until the derivative changes its sign between *from and *to. Returns 0 if it never
 * does; *from is then the furthest prediction that decreased the loss. */
static int find_bracket(const target_rows *r, loss_rule loss, double *from, double *to)
{
    enum { DOUBLINGS = 60 };
    const double worth = 1e-3;
    point here = mean_at(r, loss, *from), first = here;
    double way = here.derivative > 0 ? -1 : 1, step = 1e-2 * fmax(1, fabs(*from));
    for (int i = 0; i < DOUBLINGS && here.derivative * way < 0; i++) {
        *to = *from + way * step;
        point there = mean_at(r, loss, *to);
        if (!is_finite(there)) {
            step /= 2;
            continue;
        }
        if (!(there.derivative * way < 0)) return 1;
        int gains = here.value - there.value > worth * fabs(first.derivative) * step;
        if (!gains && i > 8) return 0;
        *from = *to;
        here = there;
        step *= 2;
    }
    *to = *from;
    return !(here.derivative * way < 0);
}

/* Returns the sign change of the derivative of the mean loss between two predictions, by bisection. */
static double find_zero(const target_rows *r, loss_rule loss, double from, double to)
{
    enum { HALVINGS = 60 };
    int rising = to > from;
    for (int i = 0; i < HALVINGS; i++) {
        double middle = from + (to - from) / 2;
        if ((mean_at(r, loss, middle).derivative < 0) == rising)
            from = middle;
        else
            to = middle;
    }
    return from + (to - from) / 2;
}

/* Finds the best single prediction of all rows. */
static cusgd_status find_constant(const problem *p, const target_rows *r, double *constant)
{
    double sum = 0, weight = 0, to;
    const char *source = p->train.data->source;
    for (int64_t i = 0; i < r->m; i++) {
        sum += r->w[i] * (r->y[i] - r->o[i]);
        weight += r->w[i];
    }
    if (!find_start(r, p->loss, sum / weight, constant)) {
        double y = r->y[0];
        for (int64_t i = r->m - 1; i >= 0; i--)
            if (!is_finite(rule_at(p->loss, 0.5, r->y[i])) && !is_finite(rule_at(p->loss, sum / weight, r->y[i]))) y = r->y[i];
        return fail(CUSGD_ERROR_DATA,
                    "%s: --loss-expr has no finite value at any prediction that is the same for all rows; among the targets is "
                    "%g, where it is %s for the prediction 0.5",
                    source, y, isnan(rule_at(p->loss, 0.5, y).value) ? "not a number" : "infinite, or its derivative is");
    }
    point start = mean_at(r, p->loss, *constant);
    if (find_bracket(r, p->loss, constant, &to)) {
        *constant = find_zero(r, p->loss, *constant, to);
        return CUSGD_OK;
    }
    point end = mean_at(r, p->loss, *constant);
    const double without_end = 0.1; /* share of the first derivative that remains after many doublings */
    if (fabs(*constant) > 1e9 && fabs(end.derivative) >= without_end * fabs(start.derivative))
        return fail(CUSGD_ERROR_DATA,
                    "%s: --loss-expr falls without end as the prediction goes to %s infinity: it has no least value to train for",
                    source, *constant > 0 ? "plus" : "minus");
    return CUSGD_OK;
}

/* ---- Its second derivative ---- */

typedef struct curvatures {
    double largest, least; /* largest and smallest second derivatives */
    double p, y;           /* the place of the smallest */
} curvatures;

/* Computes second derivatives within `reach` of the constant, for targets of evenly spread rows. */
static curvatures look_around(const target_rows *r, loss_rule loss, double constant, double reach)
{
    enum { TARGETS = 40, PLACES = 20 };
    const double rounding = 1e-9; /* more than the rounding errors of derivatives that cancel */
    curvatures found = {.largest = 0, .least = (double)INFINITY};
    int64_t stride = r->m / TARGETS + 1;
    for (int64_t i = 0; i < r->m; i += stride) {
        for (int at = -PLACES; at <= PLACES; at++) {
            double p = constant + r->o[i] + reach * at / PLACES;
            point l = rule_at(loss, p, r->y[i]);
            double second = l.curvature;
            if (!isfinite(second)) continue;
            if (second < 0 && -second * reach < rounding * fabs(l.derivative)) second = 0; /* as for sqrt((p - y)^2) */
            found.largest = fmax(found.largest, second);
            if (second < found.least) found = (curvatures){found.largest, second, p, r->y[i]};
        }
    }
    return found;
}

/* Returns the distance of typical rows from their own best prediction: their derivative divided by *second, the mean second
 * derivative. */
static double newton_scale(const target_rows *r, loss_rule loss, double constant, double *second)
{
    double weight = 0;
    *second = 0;
    double square = 0;
    for (int64_t i = 0; i < r->m; i++) {
        point l = rule_at(loss, constant + r->o[i], r->y[i]);
        square += r->w[i] * l.derivative * l.derivative;
        *second += r->w[i] * l.curvature;
        weight += r->w[i];
    }
    *second /= weight;
    double scale = sqrt(square / weight) / *second;
    return scale > 0 && scale < 1e3 ? scale : 1;
}

cusgd_status formula_study_targets(problem *p, int64_t c, target_rows *r)
{
    enum { SAFETY = 4, NEAR = 1, FAR = 10 };
    const double slack = 1e-9;
    double constant, mean, *scale = &p->targets.scale[c];
    cusgd_status status = find_constant(p, r, &constant);
    if (status) return status;
    p->targets.null[c] = constant - p->units.shift[c];
    *scale = newton_scale(r, p->loss, constant, &mean);
    curvatures near = look_around(r, p->loss, constant, NEAR * *scale), far = look_around(r, p->loss, constant, FAR * *scale);
    /* If the second derivative keeps growing it has no bound. Its mean is then used for choosing rates, as for log links. */
    double steepest = far.largest > SAFETY * near.largest ? SAFETY * mean : far.largest;
    if (far.least < -slack * far.largest)
        snprintf(
            p->targets.note, sizeof p->targets.note,
            "the second derivative of --loss-expr is negative, as at p = %.3g for y = %.3g: the loss is not convex, and what "
            "is found may be a local minimum",
            far.p, far.y);
    if (loss_is_shift_invariant(p->loss.kind)) *scale = targets_scale(r, constant);
    if (loss_is_nonsmooth(p->loss.kind) || !(steepest > 0)) steepest = fmax(steepest, 1 / *scale);
    p->targets.steepest = fmax(p->targets.steepest, steepest);
    return CUSGD_OK;
}

/* ---- Its least values ---- */

double formula_lower_bound(const problem *p)
{
    enum { ROWS = 500 };
    const examples *e = &p->train.rows;
    double sum = 0, weight = 0, y, w = 1, o = 0, to;
    int64_t count = e->n < ROWS ? e->n : ROWS;
    const target_rows one = {1, &y, &w, &o};
    for (int64_t i = 0; i < count; i++) {
        int64_t row = examples_row(e, (int64_t)((double)i / (double)count * (double)e->n));
        double own = weight_at(e, row);
        for (int64_t c = 0; c < e->k; c++) {
            y = output_target(e, row, c);
            double at = p->targets.null[c] + p->units.shift[c];
            if (!is_finite(mean_at(&one, p->loss, at))) continue;
            if (find_bracket(&one, p->loss, &at, &to)) at = find_zero(&one, p->loss, at, to);
            sum += own * mean_at(&one, p->loss, at).value;
        }
        weight += own;
    }
    return weight > 0 ? sum / weight : 0;
}
