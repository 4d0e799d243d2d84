/* Coordinate descent on the products of the columns (Friedman, Hastie, Tibshirani 2010), with the strong rules (Tibshirani et al.
 * 2012) and the duality gap as the stopping rule; if many passes do not suffice, with leaps between them (path_leap.c). */
#include "path.h"

#include "failure.h"
#include "interrupt.h"
#include "problem/linear.h"
#include <float.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { MAX_PASSES = 100000, GAP_EVERY = 4, LEAP_EVERY = 64 };

cusgd_status descent_open(const least_squares *of, descent *s)
{
    size_t d = (size_t)of->d;
    *s = (descent){.of = of,
                   .theta = allocate_zeroed(2 * d, sizeof(double)),
                   .set = allocate(d, sizeof(int64_t)),
                   .is_member = allocate_zeroed(d, 1)};
    if (!s->theta || !s->set || !s->is_member) return fail_memory(d * 4 * sizeof(double), "coordinate descent");
    s->residual = s->theta + d;
    vector_copy(of->d, of->cross, s->residual);
    return CUSGD_OK;
}

void descent_close(descent *s)
{
    free(s->theta);
    free(s->set);
    free(s->is_member);
}

/* Visits the columns of the set once. Returns the largest change, measured by the predictions of the column. */
static double visit(descent *s, double l1, double l2)
{
    const least_squares *p = s->of;
    double largest = 0;
    for (int64_t i = 0; i < s->members; i++) {
        int64_t j = s->set[i];
        double own = p->matrix[j * p->d + j], before = s->theta[j], divisor = own + l2 * p->l2[j];
        if (!(own > 0)) continue;
        double after = soft_threshold(s->residual[j] + own * before, l1 * p->l1[j]) / divisor, change = after - before;
        if (!(change > 0 || change < 0)) continue;
        s->theta[j] = after;
        vector_add(p->d, -change, p->matrix + j * p->d, s->residual);
        largest = fmax(largest, fabs(change) * sqrt(own));
    }
    s->passes++;
    return largest;
}

/* Returns the duality gap. An l2 penalty is treated as additional rows, so that the problem is a lasso. For a column without an
 * l1 penalty the gradient of a dual point is 0; its actual gradient is counted with the largest coefficient that the targets
 * allow. */
static double gap_of(const descent *s, double l1, double l2)
{
    const least_squares *p = s->of;
    double norm = 0, penalty = 0, squares = 0, unbounded = 0, cross = vector_dot(p->d, p->cross, s->theta);
    for (int64_t j = 0; j < p->d; j++) {
        double of_l2 = l2 * p->l2[j] * s->theta[j], bound = l1 * p->l1[j];
        squares += of_l2 * s->theta[j];
        penalty += bound * fabs(s->theta[j]);
        double gradient = fabs(s->residual[j] - of_l2), own = p->matrix[j * p->d + j];
        if (bound > 0) norm = fmax(norm, gradient / bound);
        if (!(bound > 0) && own > 0) unbounded += gradient * sqrt(p->square / own);
    }
    double rest = p->square - cross - vector_dot(p->d, s->residual, s->theta) + squares, share = norm > 1 ? 1 / norm : 1;
    return unbounded + rest / 2 + penalty - (share * (p->square - cross) - share * share * rest / 2);
}

/* Descends in the set until the gap is small, assuming that the columns outside fulfill their conditions, or until an
 * interruption. A negative tolerance only asks for the accuracy that a step of Newton's method needs; leaps are then not used,
 * because they would fail if second derivatives almost vanish. */
static void descend(descent *s, double l1, double l2, double tolerance)
{
    double scale = sqrt(s->of->square), enough = tolerance * s->of->square / 2;
    for (int64_t pass = 1; pass <= MAX_PASSES; pass++) {
        double change = visit(s, l1, l2);
        if (change <= DBL_EPSILON * scale) return;
        if (pass % LEAP_EVERY == 0 && tolerance >= 0) descent_leap(s, l1, l2);
        if (interrupt_asked() || (pass % GAP_EVERY == 0 && l1 > 0 && gap_of(s, l1, l2) <= enough)) return;
    }
}

static void add_member(descent *s, int64_t j)
{
    if (s->is_member[j]) return;
    s->is_member[j] = 1;
    s->set[s->members++] = j;
}

/* Adds the columns outside the set whose gradient exceeds the penalty. Returns their number. */
static int64_t add_violators(descent *s, double l1)
{
    int64_t before = s->members;
    for (int64_t j = 0; j < s->of->d; j++)
        if (fabs(s->residual[j]) > l1 * s->of->l1[j]) add_member(s, j);
    return s->members - before;
}

void descent_solve(descent *s, double l1, double l2, double l1_before, double tolerance)
{
    const least_squares *p = s->of;
    s->members = 0;
    memset(s->is_member, 0, (size_t)p->d);
    for (int64_t j = 0; j < p->d; j++)
        if (s->theta[j] > 0 || s->theta[j] < 0 || fabs(s->residual[j]) >= (2 * l1 - l1_before) * p->l1[j]) add_member(s, j);
    do descend(s, l1, l2, tolerance);
    while (add_violators(s, l1) > 0);
    double gap = p->square > 0 ? gap_of(s, l1, l2) / (p->square / 2) : 0;
    s->gap = l1 > 0 ? fmax(gap, 0) : (double)NAN;
}

double descent_largest_l1(descent *s)
{
    const least_squares *p = s->of;
    double largest = 0;
    s->members = 0;
    memset(s->is_member, 0, (size_t)p->d);
    for (int64_t j = 0; j < p->d; j++)
        if (!(p->l1[j] > 0)) add_member(s, j);
    if (s->members > 0) descend(s, 0, 0, 0);
    for (int64_t j = 0; j < p->d; j++)
        if (p->l1[j] > 0) largest = fmax(largest, fabs(s->residual[j]) / p->l1[j]);
    return largest;
}
