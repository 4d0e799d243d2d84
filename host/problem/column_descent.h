/* Coordinate descent on columns: the minimum of the mean loss of rows plus l1, l2 and bounds, of one output. Losses that are not
 * quadratic are minimized by proximal Newton steps: coordinate descent minimizes the second-order approximation plus the
 * penalties in a set of columns, and a line search chooses the length of the step (Friedman, Hastie, Tibshirani 2010; Yuan, Ho,
 * Lin 2012). One thread; equal calls give equal bits. */
#ifndef CUSGD_HOST_PROBLEM_COLUMN_DESCENT_H
#define CUSGD_HOST_PROBLEM_COLUMN_DESCENT_H

#include "columns.h"

/* What is minimized: sum_i weight_i l(x_i theta + b + offset_i, target_i) + sum_j l1_j |theta_j| + l2_j theta_j^2 / 2 within the
 * bounds. */
typedef struct column_problem {
    const columns *x;
    loss_rule loss;
    int intercept;               /* 0: b stays as it is */
    double steepest;             /* the size of the loss's second derivatives: their bound, where there is one */
    double *target, *weight;     /* n each; the weights add up to about 1 */
    double *offset;              /* n; NULL: 0 */
    double *l1, *l2;             /* d each */
    const double *lower, *upper; /* limits of column j at lower[j stride]; NULL both: none */
    int64_t stride;
} column_problem;

/* Of each row: its prediction, -w l', w l'', and the step's change of the prediction; n each. */
typedef struct column_rows {
    double *predicted, *force, *curvature, *along;
} column_rows;

/* A point and the second-order approximation of the loss there. */
typedef struct column_descent {
    const column_problem *of;
    double *theta, intercept; /* d */
    double loss, objective;   /* there: the mean loss; with penalties */
    double violation;         /* the norm of the objective's minimum-norm subgradient */
    double step;              /* the length of the last step, 1: to the minimum of the approximation; 0: there was none */
    double damping;           /* second derivatives are taken as at least this share of `steepest` */
    column_rows rows;
    double force_sum, curvature_sum;
    double *gradient;          /* d: minus the loss's */
    double *second, *coupling; /* d: sums of w l'' x^2 and of w l'' x, of the columns of the set */
    double *moved;             /* d: theta after the whole step */
    double *kept;              /* d each: points after passes */
    int64_t *set, members;     /* d: the columns that are visited */
} column_descent;

/* Begins at theta = 0, with room for p's rows and columns; p must outlive it. column_descent_close() frees it, whatever is
 * returned. Error: MEMORY. */
cusgd_status column_descent_open(const column_problem *p, column_descent *s);
void column_descent_close(column_descent *s);
/* Computes the loss, its derivatives, objective and violation from theta and the intercept, by two passes over the values. To be
 * called after each change of theta, the targets, the weights or the offsets, and before column_descent_step(). */
void column_descent_measure(column_descent *s);
/* After a change of the penalties alone: computes objective and violation. */
void column_descent_judge(column_descent *s);
/* Takes one step, of a quadratic loss to the minimum. `enough`: the violation that the caller wants to reach in the end. s->step
 * is 0, and theta as it was, where rounding leaves no step. Error: INTERRUPTED, with theta as it was. */
cusgd_status column_descent_step(column_descent *s, double enough);
/* Returns the mean loss at theta and the intercept. */
double column_descent_loss(column_descent *s);

#endif
