/* For nearly dependent columns coordinate descent needs millions of passes. A leap is a step of Newton's method on the nonzero
 * coefficients, whose signs do not change: it goes along the step as far as the objective decreases, and if a change of sign ends
 * it, sets that coefficient to 0. The passes between leaps bring in coefficients that are 0. */
#include "path.h"

#include "failure.h"
#include "interrupt.h"
#include "problem/linear.h"
#include <math.h>
#include <stdlib.h>

/* The m coefficients that move; each array has m values. */
typedef struct leap {
    const descent *of;
    int64_t *column, m;
    double *matrix; /* m x m: the second derivatives, and their factor */
    double *scale;
    double *step;
    double *crossing; /* the multiple of the step at which the coefficient becomes 0; infinite: never */
} leap;

static double sign_of(double x) { return x > 0 ? 1 : x < 0 ? -1 : 0; }

static void choose_columns(leap *t)
{
    const least_squares *p = t->of->of;
    t->m = 0;
    for (int64_t i = 0; i < t->of->members; i++) {
        int64_t j = t->of->set[i];
        int moves = t->of->theta[j] > 0 || t->of->theta[j] < 0 || !(p->l1[j] > 0);
        if (moves && p->matrix[j * p->d + j] > 0) t->column[t->m++] = j;
    }
}

static double second_derivative(const leap *t, double l2, int64_t a, int64_t b)
{
    const least_squares *p = t->of->of;
    return p->matrix[t->column[a] * p->d + t->column[b]] + (a == b ? l2 * p->l2[t->column[a]] : 0);
}

static int factor(leap *t, double l2)
{
    for (int64_t a = 0; a < t->m; a++)
        for (int64_t b = 0; b <= a; b++) t->matrix[a * t->m + b] = second_derivative(t, l2, a, b);
    return cholesky_factor_raised(t->m, t->matrix, t->scale);
}

/* Computes the step, and where each coefficient changes its sign. Returns the rate at which the objective decreases along it. */
static double direct(leap *t, double l1, double l2)
{
    const descent *s = t->of;
    double fall = 0;
    for (int64_t a = 0; a < t->m; a++) {
        int64_t j = t->column[a];
        double against = s->residual[j] - l2 * s->of->l2[j] * s->theta[j] - l1 * s->of->l1[j] * sign_of(s->theta[j]);
        t->crossing[a] = t->step[a] = against;
    }
    cholesky_solve_scaled(t->m, t->matrix, t->scale, t->step);
    for (int64_t a = 0; a < t->m; a++) {
        double at = s->theta[t->column[a]];
        fall += t->crossing[a] * t->step[a];
        t->crossing[a] = at * t->step[a] < 0 ? -at / t->step[a] : (double)INFINITY;
    }
    return fall;
}

static double bend_along(const leap *t, double l2)
{
    double sum = 0;
    for (int64_t a = 0; a < t->m; a++)
        for (int64_t b = 0; b < t->m; b++) sum += t->step[a] * second_derivative(t, l2, a, b) * t->step[b];
    return sum;
}

/* Returns the length up to which the objective decreases along the step; *last: the coefficient that becomes 0 there, or -1. */
static double length(const leap *t, double fall, double bend, double l1, int64_t *last)
{
    double from = 0;
    for (;;) {
        int64_t next = -1;
        for (int64_t a = 0; a < t->m; a++)
            if (t->crossing[a] > from && (next < 0 || t->crossing[a] < t->crossing[next])) next = a;
        double until = next >= 0 ? t->crossing[next] : (double)INFINITY, end = bend > 0 ? fall / bend : until;
        *last = -1;
        if (end <= until) return fmax(end, from);
        if (isinf(until)) return from;
        fall -= 2 * l1 * t->of->of->l1[t->column[next]] * fabs(t->step[next]);
        from = until;
        *last = next;
        if (fall - bend * from <= 0) return from;
    }
}

static void move(descent *s, const leap *t, double by, int64_t last)
{
    const least_squares *p = s->of;
    for (int64_t a = 0; a < t->m; a++) s->theta[t->column[a]] = a == last ? 0 : s->theta[t->column[a]] + by * t->step[a];
    for (int64_t j = 0; j < p->d; j++) s->residual[j] = p->cross[j] - vector_dot(p->d, p->matrix + j * p->d, s->theta);
}

/* Leaps once. Returns whether a coefficient has become 0, so that a further leap without it may decrease the objective. */
static int leap_once(descent *s, leap *t, double l1, double l2)
{
    int64_t last;
    choose_columns(t);
    t->scale = t->matrix + t->m * t->m;
    t->step = t->scale + t->m;
    t->crossing = t->step + t->m;
    double fall = t->m > 0 && factor(t, l2) ? direct(t, l1, l2) : 0;
    if (!(fall > 0 && isfinite(fall))) return 0;
    double by = length(t, fall, bend_along(t, l2), l1, &last);
    move(s, t, by, last);
    return last >= 0;
}

void descent_leap(descent *s, double l1, double l2)
{
    size_t most = (size_t)s->members;
    leap t = {.of = s, .column = allocate(most, sizeof(int64_t)), .matrix = allocate(most * (most + 3), sizeof(double))};
    int goes_on = t.column && t.matrix; /* without memory there are only passes */
    for (int64_t i = 0; i < s->members && goes_on && !interrupt_asked(); i++) goes_on = leap_once(s, &t, l1, l2);
    free(t.column);
    free(t.matrix);
}
