#include "column_descent.h"

#include "failure.h"
#include "interrupt.h"
#include "linear.h"
#include "problem.h"

#include <float.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { MAX_PASSES = 2000, MAX_HALVINGS = 40, PASSES_KEPT = 6 };

/* Returns the initial damping, which is larger if second derivatives can jump to 0. */
static double least_damping(loss_rule loss) { return loss_info_of(loss.kind)->smoothness == CUSGD_SMOOTH_ONCE ? 1e-2 : 1e-9; }

/* ---- Room ---- */

cusgd_status column_descent_open(const column_problem *p, column_descent *s)
{
    size_t n = (size_t)p->x->n, d = (size_t)p->x->d, values = 4 * n + (5 + PASSES_KEPT) * d;
    *s = (column_descent){.of = p,
                          .theta = allocate_zeroed(values, sizeof(double)),
                          .set = allocate(d, sizeof(int64_t)),
                          .damping = least_damping(p->loss)};
    if (!s->theta || !s->set) return fail_memory((values + d) * sizeof(double), "coordinate descent");
    s->gradient = s->theta + d;
    s->second = s->gradient + d;
    s->coupling = s->second + d;
    s->moved = s->coupling + d;
    s->rows.predicted = s->moved + d;
    s->rows.force = s->rows.predicted + n;
    s->rows.curvature = s->rows.force + n;
    s->rows.along = s->rows.curvature + n;
    s->kept = s->rows.along + n;
    return CUSGD_OK;
}

void column_descent_close(column_descent *s)
{
    free(s->theta);
    free(s->set);
    *s = (column_descent){0};
}

/* ---- Columns ---- */

static double dot(const columns *x, int64_t j, const double *v)
{
    double even = 0, odd = 0;
    int64_t at = x->start[j], end = x->start[j + 1];
    for (; at + 1 < end; at += 2) {
        even += x->value[at] * v[x->row[at]];
        odd += x->value[at + 1] * v[x->row[at + 1]];
    }
    return at < end ? even + odd + x->value[at] * v[x->row[at]] : even + odd;
}

static void add(const columns *x, int64_t j, double factor, double *v)
{
    for (int64_t at = x->start[j]; at < x->start[j + 1]; at++) v[x->row[at]] += factor * x->value[at];
}

/* ---- The objective and its subgradient ---- */

static double penalties(const column_problem *p, const double *theta)
{
    double sum = 0;
    for (int64_t j = 0; j < p->x->d; j++) sum += (p->l1[j] + p->l2[j] / 2 * fabs(theta[j])) * fabs(theta[j]);
    return sum;
}

static double bounded(const column_problem *p, int64_t j, double theta)
{
    return p->lower ? into_bounds(theta, p->lower[j * p->stride], p->upper[j * p->stride]) : theta;
}

/* Returns the absolute value of the minimum-norm subgradient along column j, where g is the negative gradient of the loss. */
static double violation_at(const column_problem *p, int64_t j, double theta, double g)
{
    double l1 = p->l1[j], rest = g - p->l2[j] * theta;
    double s = theta > 0 ? rest - l1 : theta < 0 ? rest + l1 : soft_threshold(rest, l1);
    if (p->lower && ((s < 0 && theta <= p->lower[j * p->stride]) || (s > 0 && theta >= p->upper[j * p->stride]))) return 0;
    return fabs(s);
}

void column_descent_judge(column_descent *s)
{
    double squares = s->of->intercept ? s->force_sum * s->force_sum : 0;
    for (int64_t j = 0; j < s->of->x->d; j++) {
        double own = violation_at(s->of, j, s->theta[j], s->gradient[j]);
        squares += own * own;
    }
    s->violation = sqrt(squares);
    s->objective = s->loss + penalties(s->of, s->theta);
}

/* Returns the mean loss at predictions `predicted` + share `along`; if `keep` is 1, also sets the forces (-w l') and second
 * derivatives of the rows, and their sums. */
static double lose(column_descent *s, double share, int keep)
{
    const column_problem *p = s->of;
    double sum = 0, least = s->damping * p->steepest;
    s->force_sum = keep ? 0 : s->force_sum;
    s->curvature_sum = keep ? 0 : s->curvature_sum;
    for (int64_t i = 0; i < p->x->n; i++) {
        double at = share > 0 ? s->rows.predicted[i] + share * s->rows.along[i] : s->rows.predicted[i];
        struct loss_point l = rule_at(p->loss, at, p->target[i]);
        sum += p->weight[i] * l.value;
        if (!keep) continue;
        s->force_sum += s->rows.force[i] = -p->weight[i] * l.derivative;
        s->curvature_sum += s->rows.curvature[i] = p->weight[i] * fmax(l.curvature, least);
    }
    return sum;
}

static void predict(column_descent *s)
{
    const column_problem *p = s->of;
    for (int64_t i = 0; i < p->x->n; i++) s->rows.predicted[i] = s->intercept + (p->offset ? p->offset[i] : 0);
    for (int64_t j = 0; j < p->x->d; j++)
        if (s->theta[j] > 0 || s->theta[j] < 0) add(p->x, j, s->theta[j], s->rows.predicted);
}

double column_descent_loss(column_descent *s)
{
    predict(s);
    return lose(s, 0, 0);
}

void column_descent_measure(column_descent *s)
{
    const column_problem *p = s->of;
    predict(s);
    s->loss = lose(s, 0, 1);
    for (int64_t j = 0; j < p->x->d; j++) s->gradient[j] = dot(p->x, j, s->rows.force);
    column_descent_judge(s);
}

/* ---- The approximation ---- */

/* Chooses the columns whose coefficients are likely not to be 0 at the minimum: those that are not 0 now, and those whose
 * gradient is near l1; and computes their second derivatives. */
static void choose_set(column_descent *s)
{
    const column_problem *p = s->of;
    const columns *x = p->x;
    const double near = .8;
    s->members = 0;
    for (int64_t j = 0; j < x->d; j++) {
        double at = s->theta[j];
        if (!(at > 0 || at < 0) && !(fabs(s->gradient[j]) > near * p->l1[j])) continue;
        double second = 0, coupling = 0;
        for (int64_t v = x->start[j]; v < x->start[j + 1]; v++) {
            double c = s->rows.curvature[x->row[v]] * x->value[v];
            second += c * x->value[v];
            coupling += c;
        }
        s->second[j] = second;
        s->coupling[j] = coupling;
        s->set[s->members++] = j;
    }
}

/* The state of the descent on the approximation. The forces of rows are those of the approximation where coefficients have moved
 * and the intercept has not; `shift` is its optimal change for these coefficients. */
typedef struct inner {
    column_descent *of;
    double sum;   /* sum of the forces */
    double shift; /* change of the intercept */
    int64_t kept; /* the number of points, each after a pass, that are kept for an extrapolation */
    int is_guess; /* 1: no pass has been made since an extrapolation */
    /* Columns whose force is below their l1 by more than this share of the largest violation in the previous pass are skipped. */
    double margin;
} inner;

/* Changes the coefficient of column j and updates the forces. */
static void move(inner *t, int64_t j, double to)
{
    column_descent *s = t->of;
    const columns *x = s->of->x;
    double change = to - s->moved[j];
    for (int64_t v = x->start[j]; v < x->start[j + 1]; v++)
        s->rows.force[x->row[v]] -= change * s->rows.curvature[x->row[v]] * x->value[v];
    s->moved[j] = to;
    t->sum -= change * s->coupling[j];
    if (s->of->intercept) t->shift = t->sum / s->curvature_sum;
}

/* Returns the negative derivative of the approximation along column j without penalties. *own becomes its second derivative. */
static double force_along(const inner *t, int64_t j, double *own)
{
    const column_descent *s = t->of;
    *own = s->second[j];
    if (s->of->intercept) *own -= s->coupling[j] * s->coupling[j] / s->curvature_sum;
    return dot(s->of->x, j, s->rows.force) - t->shift * s->coupling[j];
}

/* Minimizes along column j. Returns its violation before; *leaves becomes 1 if its coefficient is 0 and likely to stay 0. */
static double visit(inner *t, int64_t j, int *leaves)
{
    column_descent *s = t->of;
    const column_problem *p = s->of;
    double own, at = s->moved[j], force = force_along(t, j, &own);
    *leaves = !(at > 0 || at < 0) && fabs(force) < p->l1[j] - t->margin;
    double violation = violation_at(p, j, at, force);
    if (*leaves || violation <= 0) return violation;
    int flat = !(own > 1e-13 * s->second[j]); /* the column is constant, so that the intercept can replace it, or it is empty */
    if (flat && !(p->l1[j] > 0 || p->l2[j] > 0)) return 0;
    double to = flat ? 0 : soft_threshold(force + own * at, p->l1[j]) / (own + p->l2[j]);
    double change = (to = bounded(p, j, to)) - at;
    if (!(change > 0 || change < 0)) return violation;
    move(t, j, to);
    return violation;
}

/* Visits the first *count columns of the set, and moves those to skip behind them. Returns the norm of the violations. */
static double pass(inner *t, int64_t *count)
{
    column_descent *s = t->of;
    const double near = .1;
    double squares = 0, largest = 0;
    for (int64_t i = 0; i < *count; i++) {
        int64_t j = s->set[i];
        int leaves;
        double own = visit(t, j, &leaves);
        squares += own * own;
        largest = fmax(largest, own);
        if (!leaves) continue;
        s->set[i--] = s->set[--*count];
        s->set[*count] = j;
    }
    t->margin = near * largest;
    return sqrt(squares);
}

/* ---- Anderson's extrapolation ---- */

/* After every PASSES_KEPT passes their limit is extrapolated as the affine combination of their results that a pass would change
 * least (Bertrand, Massias 2021). Coefficients keep their signs, and zeros remain zero. */
static double *kept_at(const inner *t, int64_t i) { return t->of->kept + i * t->of->of->x->d; }

static void keep(inner *t)
{
    const column_descent *s = t->of;
    double *to = kept_at(t, t->kept++);
    for (int64_t a = 0; a < s->members; a++) to[s->set[a]] = s->moved[s->set[a]];
}

/* Computes the weights of the points 1 .. PASSES_KEPT - 1. Returns 0 if they are not determined. */
static int weigh(const inner *t, double *weight)
{
    enum { CHANGES = PASSES_KEPT - 1 };
    const column_descent *s = t->of;
    double products[CHANGES * CHANGES] = {0}, work[CHANGES], sum = 0;
    for (int64_t a = 0; a < s->members; a++) {
        double change[CHANGES];
        for (int i = 0; i < CHANGES; i++) change[i] = kept_at(t, i + 1)[s->set[a]] - kept_at(t, i)[s->set[a]];
        for (int i = 0; i < CHANGES; i++)
            for (int l = 0; l < CHANGES; l++) products[i * CHANGES + l] += change[i] * change[l];
    }
    for (int i = 0; i < CHANGES; i++) weight[i] = 1;
    if (!matrix_solve(CHANGES, products, 1, weight, work)) return 0;
    for (int i = 0; i < CHANGES; i++) sum += weight[i];
    for (int i = 0; i < CHANGES; i++) weight[i] /= sum;
    return isfinite(sum) && fabs(sum) > 0;
}

/* Moves the coefficient of column j to a value of the same sign. Returns the change of the approximation with its penalties. */
static double move_within_sign(inner *t, int64_t j, double to)
{
    const column_descent *s = t->of;
    double own, at = s->moved[j], by = to - at, l2 = s->of->l2[j];
    double rest = force_along(t, j, &own) - l2 * at - copysign(s->of->l1[j], at);
    move(t, j, to);
    return ((own + l2) / 2 * by - rest) * by;
}

/* Returns to the last point before the extrapolation. */
static void take_back(inner *t)
{
    const column_descent *s = t->of;
    const double *before = kept_at(t, PASSES_KEPT - 1);
    for (int64_t a = 0; a < s->members; a++)
        if (before[s->set[a]] < s->moved[s->set[a]] || before[s->set[a]] > s->moved[s->set[a]])
            move(t, s->set[a], before[s->set[a]]);
}

/* Extrapolates. If the extrapolated point is worse than the one before, it is undone, because each step of the descent must
 * decrease the objective. */
static void extrapolate(inner *t)
{
    const column_descent *s = t->of;
    double weight[PASSES_KEPT], change = 0;
    if (!weigh(t, weight)) return;
    for (int64_t a = 0; a < s->members; a++) {
        int64_t j = s->set[a];
        double at = s->moved[j], to = 0;
        if (!(at > 0 || at < 0)) continue;
        for (int i = 1; i < PASSES_KEPT; i++) to += weight[i - 1] * kept_at(t, i)[j];
        to = bounded(s->of, j, to);
        if (to * at > 0 && (to > at || to < at)) change += move_within_sign(t, j, to);
    }
    t->is_guess = change <= 0;
    if (!t->is_guess) take_back(t);
}

/* Descends until the violation of the approximation is small. */
static void descend(inner *t, double enough)
{
    int64_t all = t->of->members, count = all;
    double before = (double)INFINITY;
    for (int i = 0; i < MAX_PASSES && !interrupt_asked(); i++) {
        double left = pass(t, &count);
        if (t->is_guess && left > before) {
            take_back(t);
            left = before;
        }
        t->is_guess = 0;
        before = left;
        if (left <= enough) {
            if (count == all) return;
            count = all; /* visit the skipped columns again */
            t->margin = (double)INFINITY;
        }
        if (t->kept == PASSES_KEPT) t->kept = 0;
        keep(t);
        if (t->kept == PASSES_KEPT) extrapolate(t);
    }
}

/* Computes the change of the predictions by the step. Returns the change of the objective to first order in the loss, without
 * that by the intercept. */
static double look_along(const inner *t)
{
    column_descent *s = t->of;
    const column_problem *p = s->of;
    double change = 0;
    for (int64_t i = 0; i < p->x->n; i++) s->rows.along[i] = t->shift;
    for (int64_t a = 0; a < s->members; a++) {
        int64_t j = s->set[a];
        double at = s->theta[j], to = s->moved[j], by = to - at;
        if (!(by > 0 || by < 0)) continue;
        add(p->x, j, by, s->rows.along);
        change += p->l1[j] * (fabs(to) - fabs(at)) + p->l2[j] / 2 * (to - at) * (to + at) - s->gradient[j] * by;
    }
    return change;
}

/* ---- A step ---- */

static void take(column_descent *s, double share, double shift)
{
    for (int64_t a = 0; a < s->members; a++) {
        int64_t j = s->set[a];
        double by = s->moved[j] - s->theta[j];
        s->theta[j] = share < 1 ? s->theta[j] + share * by : s->moved[j];
    }
    s->intercept += share * shift;
    s->step = share;
}

/* The penalties after `share` of the step: all columns outside the set have a coefficient of 0. */
static double penalties_at(const column_descent *s, double share)
{
    const column_problem *p = s->of;
    double sum = 0;
    for (int64_t a = 0; a < s->members; a++) {
        int64_t j = s->set[a];
        double at = fabs(s->theta[j] + share * (s->moved[j] - s->theta[j]));
        sum += (p->l1[j] + p->l2[j] / 2 * at) * at;
    }
    return sum;
}

/* Takes the whole step, or halves it until the objective decreases enough. Short steps mean that the second derivatives are too
 * small for the path to the minimum, so the damping is increased. Takes no step if no length decreases the objective. */
static void search(column_descent *s, double shift, double change)
{
    const double rounding = 1e-13 * fabs(s->objective);
    if (loss_is_quadratic(s->of->loss.kind)) {
        take(s, 1, shift);
        return;
    }
    for (int i = 0; i < MAX_HALVINGS; i++) {
        double share = ldexp(1, -i);
        double after = lose(s, share, 0) + penalties_at(s, share);
        if (!(after <= s->objective + 1e-4 * share * change + 4 * DBL_EPSILON * fabs(s->objective))) continue;
        take(s, share, shift);
        if (share < .1 && -change > rounding) s->damping = fmin(30 * s->damping, 1);
        if (!(share < 1)) s->damping = fmax(s->damping / 10, least_damping(s->of->loss));
        return;
    }
}

/* Minimizes the approximation with the current second derivatives, and takes a step to its minimum. */
static void step_once(column_descent *s, double enough)
{
    const double share = .05; /* a share of the violations that a pass measures, which are less than those after it */
    double aim = loss_is_quadratic(s->of->loss.kind) ? enough / 4 : fmax(share * s->violation, enough / 4);
    inner t = {.of = s, .sum = s->force_sum, .margin = (double)INFINITY};
    if (s->of->intercept && s->curvature_sum > 0) t.shift = t.sum / s->curvature_sum;
    choose_set(s);
    memcpy(s->moved, s->theta, sizeof(double) * (size_t)s->of->x->d);
    descend(&t, aim);
    double change = look_along(&t) - t.shift * s->force_sum;
    if (change < 0 && !interrupt_asked()) search(s, t.shift, change);
}

cusgd_status column_descent_step(column_descent *s, double enough)
{
    enum { TRIES = 3 };
    double before = s->damping;
    s->step = 0;
    for (int i = 0; i < TRIES && !(s->step > 0) && !interrupt_asked(); i++) {
        if (i > 0) { /* a step that failed may have been too long */
            s->damping = fmin(1e4 * s->damping, 1);
            lose(s, 0, 1);
        }
        step_once(s, enough);
    }
    if (!(s->step > 0)) s->damping = before;
    return interrupt_asked() && !(s->step > 0) ? fail_interrupted() : CUSGD_OK;
}
