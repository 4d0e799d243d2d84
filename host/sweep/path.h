/* Regularization paths. Least squares only needs the second moments of each fold, which are computed by one pass over the rows;
 * no later cost depends on the number of rows. Other losses are minimized by passes over the rows. */
#ifndef CUSGD_HOST_SWEEP_PATH_H
#define CUSGD_HOST_SWEEP_PATH_H

#include "sweep.h"

/* An l1 that exceeds every gradient, so that all coefficients with a penalty are 0. */
#define NULL_L1 1e300

/* Sums of w z z', w z y and w y y over some rows, with z = (x, 1). x and y are centered and scaled by the moments of all rows,
 * and w is divided by the mean weight of all rows. */
typedef struct moment_sums {
    double *product; /* side x side, side = d + 1 */
    double *cross;   /* side */
    double square;
} moment_sums;

/* The objective of least squares: square / 2 - cross' theta + theta' matrix theta / 2 plus the penalties. With an intercept, rows
 * are centered by their own means. Constant columns have zeros. */
typedef struct least_squares {
    int64_t d;
    double *matrix; /* d x d */
    double *cross;  /* d */
    double square;
    double *l1, *l2; /* d: factors on the penalties of theta */
    double *x_mean, y_mean;
} least_squares;

/* The state of coordinate descent at a point of a path. It keeps the negative gradient without penalties. */
typedef struct descent {
    const least_squares *of;
    double *theta, *residual; /* d: cross - matrix theta */
    int64_t *set, members;    /* the columns that are visited */
    uint8_t *is_member;       /* d */
    double gap;               /* duality gap as a share of square / 2; NAN: not computed */
    int64_t passes;           /* number of passes over the set */
} descent;

struct cusgd_path {
    cusgd_trainer *trainer; /* a trainer of one output, for the data, the device and the model */
    int64_t d, count;
    int folds; /* 0: no rows are held out */
    double l1_ratio, tolerance;
    uint8_t *fold;        /* the fold of each row of the data */
    double *mean, *scale; /* d: moments of all rows, which convert between the units of the data and those of the sums */
    double shift;         /* of the targets in the sums */
    double unit;          /* unit of the targets in the sums */
    moment_sums *sums;    /* folds, or 1 */
    double *alphas;       /* count, descending, in the units of the transformed targets */
    double *theta;        /* count x (d+1): the models of all rows, the intercept last; at the end in the units of the data */
    double *losses;       /* count x folds, in the units of the data */
    cusgd_path_point *points;
    size_t chosen;
};

/* memory.c. Fails if the products do not fit into memory. */
cusgd_status path_check_memory(const cusgd_path *s);
/* path_sums.c. Computes the moments of each fold. s->fold must be set if there are folds. */
cusgd_status path_add_rows(cusgd_path *s);
/* Sets mean, scale and *t from the moments of all rows, without the shift of the targets. *shift becomes their mean. */
cusgd_status path_standardize(cusgd_path *s, double *shift, transform *t);
/* Computes the transform for the rows of a fold or for the others and, unless `of` is NULL, the factors on the penalties of a
 * path without the fold. */
cusgd_status path_fold_factors(const cusgd_path *s, int fold, const examples *rows, least_squares *of, transform *t);
/* Computes the problem without the rows of a fold, or of all rows if `without` is -1. *of must be allocated. */
void path_problem(const cusgd_path *s, int without, least_squares *of);
/* Returns the sum of w (y - x theta - b)^2 over a fold, divided by that of w. The intercept is the last value of theta. */
double path_fold_loss(const cusgd_path *s, int fold, const double *theta);
cusgd_status least_squares_open(int64_t d, least_squares *of);
void least_squares_close(least_squares *of);

/* path_descent.c. descent_solve() moves theta to the minimum with penalties l1 and l2. l1_before: the l1 of the previous point,
 * by which columns are skipped that are likely to remain 0. It ends when the gap is at most `tolerance` or rounding errors
 * prevent progress. */
cusgd_status descent_open(const least_squares *of, descent *s);
void descent_close(descent *s);
void descent_solve(descent *s, double l1, double l2, double l1_before, double tolerance);
/* path_leap.c. Moves the coefficients that are not 0, and those without an l1 penalty, toward the minimum. */
void descent_leap(descent *s, double l1, double l2);
/* Returns the smallest l1 for which all coefficients with a factor above 0 are 0. The descent is then at the solution for it. */
double descent_largest_l1(descent *s);

/* path.c. Sets the alphas to those of the plan, or from `largest`, the smallest l1 that leaves no column. */
void path_choose_alphas(cusgd_path *s, const cusgd_path_plan *plan, double largest);
/* path_columns.c. Computes alphas, theta, losses and the losses of the points for losses that are not quadratic. */
cusgd_status path_newton(cusgd_path *s, const cusgd_path_plan *plan);

/* path_sparse.c. Does the same for sparse rows and any loss, and fails if they do not fit into memory. */
cusgd_status path_check_sparse_memory(const cusgd_path *s);
cusgd_status path_sparse(cusgd_path *s, const cusgd_path_plan *plan);
/* path.c. Converts a mean loss to the units of the data, for reports. */
double path_reported(const cusgd_path *s, double loss);

/* path_ridge.c. Computes theta for each of `count` values of l2 from one eigendecomposition. theta: count x (d+1), of which d
 * values are set. */
cusgd_status ridge_solve(const least_squares *of, int64_t count, const double *l2, double *theta);

#endif
