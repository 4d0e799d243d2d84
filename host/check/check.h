/* The parts of cusgd_check: check.c, lockstep.c and passes.c run the devices side by side (sides.h), bounds.c knows what rounding
 * may cost, reference.c is one parameter's step in each precision. */
#ifndef CUSGD_HOST_CHECK_H
#define CUSGD_HOST_CHECK_H

#include "backend.h"

/* Running bounds on what rounding may do to sums over some rows of a bound set, all at one theta. A prediction is off by some
 * roundings of |x| |theta| + |b| + |o| + |y|, so a derivative by that times the loss's second derivative, and each addend by some
 * of itself. */
struct problem;
typedef struct bounds {
    const examples *e;               /* the source, for its targets */
    const transform *t;              /* its shift */
    const struct problem *reference; /* problem/problem.h: the problem on the CPU in double */
    loss_rule loss;
    const double *theta; /* (d+1) x k */
    double unit, tiny;   /* roundoff; the least normal number */
    double *gradient;    /* (d+1) x k: of the mean gradient */
    double value;        /* of the sum of losses */
    double *x, *w, *p;   /* work: bounds_piece(d) x d, BOUNDS_PIECE, k */
    int64_t d, k;
} bounds;

enum { BOUNDS_PIECE = 1024 };
/* Rows at a time, which are dense here: no more than that, and fewer where they are long. */
static inline int64_t bounds_piece(int64_t d)
{
    const int64_t values = 1 << 22;
    return d > values ? 1 : values / d < BOUNDS_PIECE ? values / d : BOUNDS_PIECE;
}

/* Allocates gradient, x, w; bounds_free() accepts a zeroed one. */
cusgd_status bounds_allocate(bounds *b);
void bounds_free(bounds *b);

/* Over rows[0 .. count-1] of the bound set. */
cusgd_status bounds_of(bounds *b, const int64_t *rows, int64_t count);
/* Of the predictions of rows first .. first + count - 1, count at most bounds_piece(d): out count x k. */
cusgd_status bounds_predictions(bounds *b, int64_t first, int64_t count, double *out);

/* A parameter's own numbers, from OWN_LIMIT on by LIMIT_L1 and so on, and what its gradient is multiplied by. */
enum { OWN_METRIC, OWN_LIMIT, OWN_CLIP = OWN_LIMIT + LIMIT_COUNT, OWN_NUMBERS };

/* include/scalar/update.h in a precision, behind functions that speak double. */
double reference_point_float(const run_spec *p, const step_numbers *s, double theta, double slot1);
double reference_point_double(const run_spec *p, const step_numbers *s, double theta, double slot1);
/* state: by enum part. */
void reference_update_float(const run_spec *p, const step_numbers *s, const double own[OWN_NUMBERS], int penalized, double point,
                            double gradient, double state[STATE_PARTS]);
void reference_update_double(const run_spec *p, const step_numbers *s, const double own[OWN_NUMBERS], int penalized, double point,
                             double gradient, double state[STATE_PARTS]);

#endif
