/* Coordinate descent on columns. It minimizes the mean loss of rows plus l1 and l2 penalties within bounds, for one output.
 * Losses that are not quadratic are minimized by proximal Newton steps: coordinate descent minimizes the second-order
 * approximation plus the penalties in a set of columns, and a line search chooses the length of the step (Friedman, Hastie,
 * Tibshirani 2010; Yuan, Ho, Lin 2012). One thread; equal calls give equal bits. */
#ifndef CUSGD_HOST_PROBLEM_COLUMN_DESCENT_H
#define CUSGD_HOST_PROBLEM_COLUMN_DESCENT_H

#include "columns.h"

/* The objective: sum_i weight_i l(x_i theta + b + offset_i, target_i) + sum_j l1_j |theta_j| + l2_j theta_j^2 / 2 within the
 * bounds. */
typedef struct column_problem {
    const columns *x;
    loss_rule loss;
    int intercept;               /* 0: b is fixed */
    double steepest;             /* the size of the second derivatives of the loss: their bound, if there is one */
    double *target, *weight;     /* n each; the sum of the weights is about 1 */
    double *offset;              /* n; NULL: 0 */
    double *l1, *l2;             /* d each */
    const double *lower, *upper; /* bounds of column j are at index j stride; both NULL: none */
    int64_t stride;
} column_problem;

/* For each row: its prediction, -w l', w l'', and the change of the prediction by the step; n values each. */
typedef struct column_rows {
    double *predicted, *force, *curvature, *along;
} column_rows;

/* A point and the second-order approximation of the loss there. */
typedef struct column_descent {
    const column_problem *of;
    double *theta, intercept; /* d */
    double loss, objective;   /* at theta: the mean loss; with penalties */
    double violation;         /* norm of the minimum-norm subgradient of the objective */
    double step;              /* length of the last step; 1: to the minimum of the approximation; 0: there was no step */
    double damping;           /* second derivatives are taken as at least this share of `steepest` */
    column_rows rows;
    double force_sum, curvature_sum;
    double *gradient;          /* d: the negative gradient of the loss */
    double *second, *coupling; /* d: sums of w l'' x^2 and of w l'' x for the columns of the set */
    double *moved;             /* d: theta after the whole step */
    double *kept;              /* d each: points after passes */
    int64_t *set, members;     /* d: the columns that the descent visits */
} column_descent;

/* Allocates the state for the rows and columns of p, at theta = 0. p must outlive it. column_descent_close() frees it, also after
 * a failure. Error: MEMORY. */
cusgd_status column_descent_open(const column_problem *p, column_descent *s);
void column_descent_close(column_descent *s);
/* Computes the loss, its derivatives, objective and violation from theta and the intercept, by two passes over the values. To be
 * called after each change of theta, the targets, the weights or the offsets, and before column_descent_step(). */
void column_descent_measure(column_descent *s);
/* Computes objective and violation. To be called after a change of the penalties only. */
void column_descent_judge(column_descent *s);
/* Takes one step; for a quadratic loss it ends at the minimum. enough: the violation that the caller wants to reach eventually.
 * If rounding errors prevent a step, s->step is 0 and theta is unchanged. Error: INTERRUPTED; theta is then unchanged. */
cusgd_status column_descent_step(column_descent *s, double enough);
/* Returns the mean loss at theta and the intercept. */
double column_descent_loss(column_descent *s);

#endif
