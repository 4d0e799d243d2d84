/* Line search: the bracketing and zooming of Nocedal and Wright (2006, algorithms 3.5 and 3.6), by cubic interpolation, and by
 * the secant of derivatives when rounding errors dominate the differences of f. */
#include "solver.h"

#include <math.h>

enum { MAX_TRIALS = 40 };
static const double SUFFICIENT = 1e-4; /* the required share of the decrease that the derivative predicts */

typedef struct point {
    double at, f, derivative; /* at = 0 is x */
} point;

static cusgd_status look(solver *s, const double *p, double at, point *out)
{
    vector_copy(s->size, s->x, s->trial.x);
    vector_add(s->size, at, p, s->trial.x);
    cusgd_status status = solver_evaluate(s, s->trial.x, &out->f, s->trial.g);
    if (status) return status;
    out->at = at;
    out->derivative = vector_dot(s->size, s->trial.g, p);
    return status;
}

/* Returns the minimum of the cubic through both points; NaN if there is none. */
static double cubic(const point *a, const point *b)
{
    double d1 = a->derivative + b->derivative - 3 * (a->f - b->f) / (a->at - b->at),
           square = d1 * d1 - a->derivative * b->derivative;
    if (!(square >= 0)) return (double)NAN;
    double d2 = b->at > a->at ? sqrt(square) : -sqrt(square);
    return b->at - (b->at - a->at) * ((b->derivative + d2 - d1) / (b->derivative - a->derivative + 2 * d2));
}

static double secant(const point *a, const point *b)
{
    return a->at - a->derivative * (b->at - a->at) / (b->derivative - a->derivative);
}

/* Returns a point between lo and hi that is not too near to either. */
static double between(const point *lo, const point *hi, double noise)
{
    double width = hi->at - lo->at, next = (double)NAN;
    if (isfinite(hi->f) && isfinite(hi->derivative)) {
        next = fabs(hi->f - lo->f) > 4 * noise ? cubic(lo, hi) : (double)NAN;
        if (isnan(next) && lo->derivative * hi->derivative < 0) next = secant(lo, hi);
    } else {
        next = lo->at + width / 10;
    }
    double share = (next - lo->at) / width;
    if (!(share >= 0 && share <= 1)) share = 0.5;
    return lo->at + width * fmin(fmax(share, 0.05), 0.95);
}

/* Returns a point beyond lo, where f still decreases: the zero of the derivative extrapolated from `last` and lo. */
static double beyond(const point *lo, const point *last)
{
    double next = lo->derivative > last->derivative ? secant(lo, last) : 4 * lo->at;
    return fmin(fmax(next, 1.5 * lo->at), 10 * lo->at);
}

cusgd_status solver_search(solver *s, const double *p, double derivative, double first, double share)
{
    double noise = s->noise * fabs(s->f);
    point zero = {0, s->f, derivative}, lo = zero, hi = {0, 0, 0}, last = zero, now = zero;
    int bracketed = 0, fits = 0;
    cusgd_status status = CUSGD_OK;
    double next = first;
    for (int trial = 0; trial < MAX_TRIALS && !fits; trial++) {
        status = look(s, p, next, &now);
        if (status) return status;
        int high = !isfinite(now.f) || !isfinite(now.derivative) || now.f > zero.f + SUFFICIENT * now.at * derivative + noise ||
                   now.f > lo.f + noise;
        fits = !high && fabs(now.derivative) <= -share * derivative;
        if (high) {
            hi = now;
            bracketed = 1;
        } else {
            if (bracketed ? now.derivative * (hi.at - lo.at) >= 0 : now.derivative >= 0) {
                hi = lo;
                bracketed = 1;
            }
            last = lo;
            lo = now;
        }
        if (bracketed && fabs(hi.at - lo.at) <= 1e-15 * fabs(hi.at)) break;
        next = bracketed ? between(&lo, &hi, noise) : beyond(&lo, &last);
    }
    if (!fits && lo.at > 0) { /* accept any decrease */
        status = look(s, p, lo.at, &now);
        if (status) return status;
        fits = lo.f < zero.f;
    }
    s->stuck = !fits;
    if (fits) {
        s->step = now.at;
        solver_move(s, now.f);
    }
    return status;
}
