/* Quantile regression at its optimum, by an interior point method (Portnoy, Koenker 1997; predictor and corrector by Mehrotra
 * 1992). With r = y - z'theta, a row of weight c contributes c q r to the objective for r > 0 and c (q - 1) r for r < 0. The dual
 * has a variable for each row, from 0 to c: the derivative of the loss minus -c q. An l1 penalty on a coefficient is treated as a
 * row with a 1 in its column, a target of 0 and q = 1/2; an l2 penalty is added to the matrix.
 *
 * All rows are read four times per iteration. There are 10 to 30 iterations for any number of rows. */
#include "exact.h"

#include "failure.h"
#include "interrupt.h"
#include "problem/row_source.h"
#include <float.h>
#include <math.h>
#include <stdlib.h>

enum { MAX_ITERATIONS = 100, ROW_VALUES = 10 };
static const double DONE = 1e-12, ENOUGH = 1e-6; /* duality gaps as shares of the objective: the aim; enough for convergence */

/* The equations for the change of theta: matrix step = right. */
typedef struct equations {
    double *matrix, *scale;                /* side x side, and its scale: sum of q z z' */
    double *right, *step;                  /* side each */
    double *sum;                           /* side: the residual of the dual constraint, a part of `right` */
    double *rest, *along, *product, *work; /* side each: vectors of conjugate gradients */
    int refines;                           /* 1: the factor is not accurate enough by itself */
} equations;

/* Measures of the current theta and dual variables, in units of n times the mean loss. */
typedef struct place {
    double gap, objective;
    double rounding; /* rounding error of the targets in an objective of 0 */
} place;

typedef struct interior {
    solver *of;
    row_source rows;
    int64_t n, d, side, count; /* rows of the data; columns; d + 1; n + d rows including those of the penalties, which are last */
    double *target, *weight;   /* `count` values, as are all members up to change_over: y minus offset and shift; c, 0: no such
                                * row */
    double *low, *high;        /* the distances of the dual variable from 0 and from c */
    double *under, *over;      /* the multipliers of these bounds: the positive and the negative part of r */
    double *residual, *move;   /* y - z'theta; the change of `low`, and of -high */
    double *change_under, *change_over;
    double *z; /* side: a row */
    equations with;
    place at;
} interior;

/* ---- Rows ---- */

static double share_of(const interior *t, int64_t i) { return i < t->n ? t->of->problem->loss.number : .5; }

static void read_row(interior *t, int64_t i)
{
    const problem *p = t->of->problem;
    if (i >= t->n) return;
    const double *x = rows_at(&t->rows, examples_row(&p->train.rows, i));
    for (int64_t j = 0; j < t->d; j++) t->z[j] = (x[j] - p->units.mean[j]) / p->units.scale[j];
    t->z[t->d] = p->intercept ? 1 : 0;
}

/* Returns the product of v with the row that was read last. */
static double row_times(const interior *t, int64_t i, const double *v)
{
    return i < t->n ? vector_dot(t->side, t->z, v) : v[i - t->n];
}

static void add_row(const interior *t, int64_t i, double factor, double *to)
{
    if (i < t->n)
        vector_add(t->side, factor, t->z, to);
    else
        to[i - t->n] += factor;
}

static void add_product(interior *t, int64_t i, double q)
{
    if (i >= t->n) {
        t->with.matrix[(i - t->n) * (t->side + 1)] += q;
        return;
    }
    for (int64_t a = 0; a < t->side; a++) vector_add(a + 1, q * t->z[a], t->z, t->with.matrix + a * t->side);
}

static double curvature_at(const interior *t, int64_t i) { return 1 / (t->under[i] / t->low[i] + t->over[i] / t->high[i]); }

/* ---- Beginning ---- */

static cusgd_status allocate_rows(interior *t)
{
    size_t count = (size_t)t->count, side = (size_t)t->side, values = ROW_VALUES * count + side * side + 9 * side;
    double *at = allocate_zeroed(values, sizeof *at),
           **arrays[] = {&t->target, &t->weight,   &t->low,  &t->high,         &t->under,
                         &t->over,   &t->residual, &t->move, &t->change_under, &t->change_over};
    if (!at) return fail_memory(values * sizeof *at, "the dual variables of the rows");
    for (int i = 0; i < ROW_VALUES; i++, at += count) *arrays[i] = at;
    t->with.matrix = at;
    t->z = at + side * side;
    t->with.scale = t->z + side;
    t->with.right = t->with.scale + side;
    t->with.step = t->with.right + side;
    t->with.sum = t->with.step + side;
    t->with.rest = t->with.sum + side;
    t->with.along = t->with.rest + side;
    t->with.product = t->with.along + side;
    t->with.work = t->with.product + side;
    return CUSGD_OK;
}

static void take_rows(interior *t)
{
    const problem *p = t->of->problem;
    const examples *e = &p->train.rows;
    for (int64_t i = 0; i < t->n && !interrupt_asked_at(i); i++) {
        int64_t row = examples_row(e, i);
        double y = target_at(e, row, 0), offset = offset_at(e, row);
        t->target[i] = y - offset - p->units.shift[0];
        t->weight[i] = e->w.at ? weight_at(e, row) / p->units.transform.weight_mean : 1;
        t->at.rounding += DBL_EPSILON * t->weight[i] * (fabs(y) + fabs(offset));
    }
}

/* Sets the penalties. A penalty that exceeds the largest possible gradient of a coefficient has the same effect as any larger
 * one. It is replaced by twice that gradient, because weights of very different sizes make the first steps short. */
static void take_penalties(interior *t)
{
    const problem *p = t->of->problem;
    double q = share_of(t, 0), side = fmax(q, 1 - q), *pull = t->with.sum;
    vector_zero(t->side, pull);
    for (int64_t i = 0; i < t->n && p->l1 > 0 && !interrupt_asked_at(i); i++) {
        read_row(t, i);
        for (int64_t j = 0; j < t->d; j++) pull[j] += side * t->weight[i] * fabs(t->z[j]);
    }
    for (int64_t j = 0; j < t->d; j++) t->weight[t->n + j] = 2 * fmin((double)t->n * problem_l1(p, j), 2 * pull[j]);
}

/* Computes the residuals, the objective and the gap. */
static void measure(interior *t)
{
    const problem *p = t->of->problem;
    const double *theta = t->of->trial.x;
    t->at.objective = t->at.gap = 0;
    for (int64_t i = 0; i < t->count && !interrupt_asked_at(i); i++) {
        if (!(t->weight[i] > 0)) continue;
        read_row(t, i);
        double r = t->residual[i] = t->target[i] - row_times(t, i, theta);
        t->at.objective += t->weight[i] * (r > 0 ? share_of(t, i) : share_of(t, i) - 1) * r;
        t->at.gap += t->low[i] * t->under[i] + t->high[i] * t->over[i];
    }
    for (int64_t j = 0; j < t->d; j++) t->at.objective += (double)t->n * problem_l2(p, j) / 2 * theta[j] * theta[j];
}

/* Sets the starting point in the middle: the derivative of every loss is 0, and both multipliers are far from 0. */
static void begin(interior *t)
{
    double sum = 0;
    measure(t);
    for (int64_t i = 0; i < t->n; i++) sum += fabs(t->residual[i]);
    double away = sum > 0 ? sum / (double)t->n : 1;
    for (int64_t i = 0; i < t->count; i++) {
        double q = share_of(t, i), r = t->residual[i];
        t->low[i] = q * t->weight[i];
        t->high[i] = t->weight[i] - t->low[i];
        t->under[i] = fmax(r, 0) + away;
        t->over[i] = fmax(-r, 0) + away;
    }
}

/* ---- An iteration ---- */

/* Computes the matrix, and `sum`, the residual of the dual constraint. */
static void add_rows(interior *t)
{
    const problem *p = t->of->problem;
    vector_zero(t->side * t->side, t->with.matrix);
    vector_zero(t->side, t->with.right);
    vector_zero(t->side, t->with.sum);
    for (int64_t i = 0; i < t->count && !interrupt_asked_at(i); i++) {
        if (!(t->weight[i] > 0)) continue;
        double q = curvature_at(t, i);
        read_row(t, i);
        add_product(t, i, q);
        add_row(t, i, q * t->residual[i], t->with.right);
        add_row(t, i, share_of(t, i) * t->weight[i] - t->low[i], t->with.sum);
    }
    for (int64_t j = 0; j < t->d; j++) {
        double l2 = (double)t->n * problem_l2(p, j);
        t->with.matrix[j * (t->side + 1)] += l2;
        t->with.sum[j] -= l2 * t->of->trial.x[j];
    }
    vector_add(t->side, 1, t->with.sum, t->with.right);
}

static int factor(interior *t)
{
    const double accurate = 1e-2; /* smaller pivots need refinement */
    if (!cholesky_factor_raised(t->side, t->with.matrix, t->with.scale)) return 0;
    t->with.refines = 0;
    for (int64_t j = 0; j < t->side; j++) t->with.refines |= t->with.matrix[j * (t->side + 1)] < accurate;
    return 1;
}

/* Multiplies the matrix, which its factor has replaced, by v from the rows. The rounding errors then grow with the condition
 * number of the rows and not with its square. */
static void multiply(interior *t, const double *v, double *product)
{
    vector_zero(t->side, product);
    for (int64_t i = 0; i < t->count && !interrupt_asked_at(i); i++) {
        if (!(t->weight[i] > 0)) continue;
        read_row(t, i);
        add_row(t, i, curvature_at(t, i) * row_times(t, i, v), product);
    }
    for (int64_t j = 0; j < t->d; j++) product[j] += (double)t->n * problem_l2(t->of->problem, j) * v[j];
    t->of->passes++;
}

static double precondition(interior *t)
{
    equations *e = &t->with;
    vector_copy(t->side, e->rest, e->work);
    cholesky_solve_scaled(t->side, e->matrix, e->scale, e->work);
    return vector_dot(t->side, e->rest, e->work);
}

static double largest(int64_t n, const double *v)
{
    double most = 0;
    for (int64_t i = 0; i < n; i++) most = fmax(most, fabs(v[i]));
    return most;
}

/* Returns v'Mv, where M is the matrix that was factored. */
static double factored_square(const equations *e, int64_t side, const double *v)
{
    double sum = 0;
    for (int64_t j = 0; j < side; j++) {
        double column = 0;
        for (int64_t i = j; i < side; i++) column += e->scale[i] > 0 ? e->matrix[i * side + j] * v[i] / e->scale[i] : 0;
        sum += column * column;
    }
    return sum;
}

/* Refines the step by conjugate gradients with the factor as preconditioner. If columns are nearly dependent, few digits of the
 * change of theta are correct, and the dual constraint would be violated. The iterations end along a direction in which columns
 * are dependent up to rounding: `bend` is noise there, and a step increases the residual. */
static void refine(interior *t)
{
    enum { STEPS = 30 };
    const double dependent = 1e-10, raises = 1e3;
    equations *e = &t->with;
    double enough = DBL_EPSILON * fmax((double)t->n, 10 * largest(t->side, e->right)), former = 0;
    multiply(t, e->step, e->product);
    for (int64_t j = 0; j < t->side; j++) e->rest[j] = e->right[j] - e->product[j];
    for (int step = 0; step < STEPS && largest(t->side, e->rest) > enough && !interrupt_asked(); step++) {
        double square = precondition(t), keep = step > 0 ? square / former : 0;
        for (int64_t j = 0; j < t->side; j++) e->along[j] = e->work[j] + (step > 0 ? keep * e->along[j] : 0);
        multiply(t, e->along, e->product);
        double bend = vector_dot(t->side, e->along, e->product);
        if (!(bend > dependent * factored_square(e, t->side, e->along))) return;
        double before = largest(t->side, e->rest);
        vector_add(t->side, -square / bend, e->product, e->rest);
        if (!(largest(t->side, e->rest) < raises * before)) return;
        vector_add(t->side, square / bend, e->along, e->step);
        former = square;
    }
}

static void solve(interior *t)
{
    vector_copy(t->side, t->with.right, t->with.step);
    cholesky_solve_scaled(t->side, t->with.matrix, t->with.scale, t->with.step);
    if (t->with.refines) refine(t);
}

/* Returns the longest step along `change` for which `at` remains >= 0, at most `maximum`. */
static double room(double at, double change, double maximum) { return change < 0 ? fmin(maximum, -at / change) : maximum; }

/* The lengths of the steps of the dual variables, and of the multipliers and theta. */
typedef struct lengths {
    double dual, primal;
} lengths;

/* Computes the changes of a row. `aim` is the value that the products low * under and high * over shall reach; with `corrects`,
 * the products of the previous changes are subtracted from it. */
static void change_row(interior *t, int64_t i, double along, double aim, int corrects)
{
    double low = t->low[i], high = t->high[i], a = aim, b = aim;
    if (corrects) {
        a -= t->move[i] * t->change_under[i];
        b += t->move[i] * t->change_over[i];
    }
    t->move[i] = curvature_at(t, i) * (along - t->residual[i] + a / low - b / high);
    t->change_under[i] = a / low - t->under[i] - t->under[i] / low * t->move[i];
    t->change_over[i] = b / high - t->over[i] + t->over[i] / high * t->move[i];
}

static lengths change_rows(interior *t, double aim, int corrects)
{
    lengths by = {1 / .99995, 1 / .99995};
    for (int64_t i = 0; i < t->count && !interrupt_asked_at(i); i++) {
        if (!(t->weight[i] > 0)) continue;
        read_row(t, i);
        change_row(t, i, row_times(t, i, t->with.step), aim, corrects);
        by.dual = room(t->high[i], -t->move[i], room(t->low[i], t->move[i], by.dual));
        by.primal = room(t->over[i], t->change_over[i], room(t->under[i], t->change_under[i], by.primal));
    }
    by.dual *= .99995;
    by.primal *= .99995;
    if (problem_max_l2(t->of->problem) > 0) by.dual = by.primal = fmin(by.dual, by.primal); /* theta is in the dual constraint */
    return by;
}

/* Returns the aim of the corrector, from the third power of the mean products after the step of the predictor. */
static double aim_after(const interior *t, lengths by)
{
    double sum = 0, rows = 0;
    for (int64_t i = 0; i < t->count; i++) {
        if (!(t->weight[i] > 0)) continue;
        sum += (t->low[i] + by.dual * t->move[i]) * (t->under[i] + by.primal * t->change_under[i]);
        sum += (t->high[i] - by.dual * t->move[i]) * (t->over[i] + by.primal * t->change_over[i]);
        rows += 2;
    }
    double share = sum / t->at.gap;
    return t->at.gap / rows * share * share * share;
}

/* Recomputes the right side for the corrector. */
static void correct_right(interior *t, double aim)
{
    vector_copy(t->side, t->with.sum, t->with.right);
    for (int64_t i = 0; i < t->count && !interrupt_asked_at(i); i++) {
        if (!(t->weight[i] > 0)) continue;
        double a = aim - t->move[i] * t->change_under[i], b = aim + t->move[i] * t->change_over[i];
        read_row(t, i);
        add_row(t, i, curvature_at(t, i) * (t->residual[i] - a / t->low[i] + b / t->high[i]), t->with.right);
    }
}

static void take_step(interior *t, lengths by)
{
    for (int64_t i = 0; i < t->count; i++) {
        if (!(t->weight[i] > 0)) continue;
        t->low[i] += by.dual * t->move[i];
        t->high[i] -= by.dual * t->move[i];
        t->under[i] += by.primal * t->change_under[i];
        t->over[i] += by.primal * t->change_over[i];
    }
    vector_add(t->side, by.primal, t->with.step, t->of->trial.x);
}

/* Runs an iteration. Returns 0 if rounding errors leave no step. */
static int iterate(interior *t)
{
    add_rows(t);
    if (!factor(t)) return 0;
    solve(t);
    t->of->passes += 4;
    lengths by = change_rows(t, 0, 0);
    if (fmin(by.dual, by.primal) < .99995) {
        double aim = aim_after(t, by);
        correct_right(t, aim);
        solve(t);
        by = change_rows(t, aim, 1);
    }
    if (!(fmax(by.dual, by.primal) > 1e-8) || interrupt_asked()) return 0;
    take_step(t, by);
    return 1;
}

/* ---- The whole ---- */

/* Sets coefficients to 0 for which the dual variable of the penalty is between its bounds. */
static cusgd_status round_to_zero(interior *t)
{
    solver *s = t->of;
    double f, rounded;
    cusgd_status status = solver_evaluate(s, s->trial.x, &f, s->trial.g);
    vector_copy(s->size, s->trial.x, s->x);
    for (int64_t j = 0; j < t->d; j++) {
        int64_t i = t->n + j;
        if (t->weight[i] > 0 && fmin(t->low[i], t->high[i]) > 1e-4 * t->weight[i]) s->trial.x[j] = 0;
    }
    if (!status) status = solver_evaluate(s, s->trial.x, &rounded, s->trial.g);
    if (!status && rounded > f + fmax(10 * DONE, s->noise) * fabs(f)) {
        vector_copy(s->size, s->x, s->trial.x);
        status = solver_evaluate(s, s->trial.x, &rounded, s->trial.g);
    }
    if (!status) solver_move(s, rounded);
    return status;
}

/* Returns whether the solver has converged, also if five iterations have not halved a gap that is small enough, because rounding
 * errors prevent further progress. */
static int is_done(const interior *t, double first, int since_halved)
{
    enum { STALLED = 5 };
    const place *at = &t->at;
    return at->objective <= at->rounding || at->gap <= DONE * at->objective + 1e-14 * first ||
           (since_halved >= STALLED && at->gap <= ENOUGH * at->objective);
}

static cusgd_status find_optimum(interior *t)
{
    take_rows(t);
    take_penalties(t);
    begin(t);
    double first = t->at.objective, halved = (double)INFINITY;
    int steps = 1, since = 0;
    for (int i = 0; i < MAX_ITERATIONS && steps && !interrupt_asked(); i++) {
        measure(t);
        since = t->at.gap <= halved / 2 ? 0 : since + 1;
        if (since == 0) halved = t->at.gap;
        if (is_done(t, first, since)) break;
        steps = iterate(t);
    }
    if (interrupt_asked()) return CUSGD_OK;
    cusgd_status status = round_to_zero(t);
    if (status || t->at.objective <= t->at.rounding || t->at.gap <= ENOUGH * (t->at.objective + 1e-4 * first)) return status;
    return fail(CUSGD_ERROR_NOT_CONVERGED,
                "not converged: the interior point method of the loss quantile ends at most %.2g of the objective above the "
                "minimum; try --solver sgd",
                t->at.gap / t->at.objective);
}

cusgd_status solve_quantile(solver *s)
{
    const problem *p = s->problem;
    interior t = {.of = s, .n = p->train.rows.n, .d = p->d, .side = p->d + 1, .count = p->train.rows.n + p->d};
    if (p->backend->world || p->train.stream)
        return fail(CUSGD_ERROR_USAGE,
                    "the optimum of the loss quantile needs all rows in this process's memory: take --solver sgd");
    cusgd_status status = allocate_rows(&t);
    if (!status) status = rows_open(&t.rows, &p->train.rows, p->backend);
    vector_copy(s->size, s->x, s->trial.x);
    if (!status) status = find_optimum(&t);
    cusgd_status read = rows_close(&t.rows);
    free(t.target);
    return status ? status : read;
}
