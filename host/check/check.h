/* The parts of cusgd_check: check.c, lockstep.c and passes.c run the device and the CPU on the same steps (sides.h), bounds.c
 * computes bounds on rounding errors, and reference.c computes the step of one parameter in each precision. */
#ifndef CUSGD_HOST_CHECK_H
#define CUSGD_HOST_CHECK_H

#include "backend.h"

/* Bounds on the rounding errors of sums over some rows of a device dataset, at one theta. The error of a prediction is some
 * roundings of |x| |theta| + |b| + |o| + |y|; that of a derivative is the error of the prediction times the second derivative of
 * the loss; and each addend adds some roundings of itself. */
struct problem;
typedef struct bounds {
    const examples *e;               /* the examples before their upload, for the targets */
    const transform *t;              /* for the shift of the targets */
    const struct problem *reference; /* the problem on the CPU in double (problem/problem.h) */
    loss_rule loss;
    const double *theta; /* (d+1) x k */
    double unit, tiny;   /* unit roundoff; the smallest normal number */
    double *gradient;    /* (d+1) x k: bounds for the mean gradient */
    double value;        /* bound for the sum of losses */
    double *x, *w, *p;   /* work: bounds_piece(d) x d, BOUNDS_PIECE, k */
    int64_t d, k;
} bounds;

enum { BOUNDS_PIECE = 1024 };
/* Returns the number of rows to process at a time, which is smaller if they are long, because rows are dense here. */
static inline int64_t bounds_piece(int64_t d)
{
    const int64_t values = 1 << 22;
    return d > values ? 1 : values / d < BOUNDS_PIECE ? values / d : BOUNDS_PIECE;
}

/* Allocates gradient, x, w; bounds_free() accepts a zeroed one. */
cusgd_status bounds_allocate(bounds *b);
void bounds_free(bounds *b);

/* Adds the bounds for rows[0 .. count-1] of the device dataset. */
cusgd_status bounds_of(bounds *b, const int64_t *rows, int64_t count);
/* Computes bounds for the predictions of rows first .. first + count - 1, where count <= bounds_piece(d). out: count x k. */
cusgd_status bounds_predictions(bounds *b, int64_t first, int64_t count, double *out);

/* The numbers of one parameter: its rate factor, its limits (at OWN_LIMIT + LIMIT_L1 and so on), and the factor by which clipping
 * scales its gradient. */
enum { OWN_METRIC, OWN_LIMIT, OWN_CLIP = OWN_LIMIT + LIMIT_COUNT, OWN_NUMBERS };

/* The functions of include/scalar/update.h in each precision, with arguments and results in double. */
double reference_point_float(const run_spec *p, const step_numbers *s, double theta, double slot1);
double reference_point_double(const run_spec *p, const step_numbers *s, double theta, double slot1);
/* state: the components of the parameter in the order of enum state_part. */
void reference_update_float(const run_spec *p, const step_numbers *s, const double own[OWN_NUMBERS], int penalized, double point,
                            double gradient, double state[STATE_PARTS]);
void reference_update_double(const run_spec *p, const step_numbers *s, const double own[OWN_NUMBERS], int penalized, double point,
                             double gradient, double state[STATE_PARTS]);

#endif
