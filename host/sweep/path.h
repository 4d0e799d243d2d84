/* Regularization paths. Of the rows, least squares needs the second moments of each fold alone, which one read gives: afterwards
 * no cost depends on the number of rows. Other losses are minimized by passes over the rows. */
#ifndef CUSGD_HOST_SWEEP_PATH_H
#define CUSGD_HOST_SWEEP_PATH_H

#include "sweep.h"

/* Beyond any gradient: with this l1 no coefficient that has a penalty leaves 0. */
#define NULL_L1 1e300

/* Sums over some rows of w z z', w z y and w y y, with z = (x, 1): x and y centered and scaled by the moments of all rows, w
 * divided by the mean of all rows' weights. */
typedef struct moment_sums {
    double *product; /* side x side, side = d + 1 */
    double *cross;   /* side */
    double square;
} moment_sums;

/* What least squares is to minimize: square / 2 - cross' theta + theta' matrix theta / 2 and the penalties. Rows are centered by
 * their own means where there is an intercept; columns that are constant have zeros. */
typedef struct least_squares {
    int64_t d;
    double *matrix; /* d x d */
    double *cross;  /* d */
    double square;
    double *l1, *l2; /* d: factors on the penalties of theta */
    double *x_mean, y_mean;
} least_squares;

/* A point of a path: minus its gradient without penalties is what coordinate descent keeps. */
typedef struct descent {
    const least_squares *of;
    double *theta, *residual; /* d: cross - matrix theta */
    int64_t *set, members;    /* columns that are visited */
    uint8_t *is_member;       /* d */
    double gap;               /* the duality gap, as a share of square / 2; NAN: not asked for */
    int64_t passes;           /* over the set */
} descent;

struct cusgd_path {
    cusgd_trainer *trainer; /* of one output: the data, the device, the model */
    int64_t d, count;
    int folds; /* 0: no rows are held out */
    double l1_ratio, tolerance;
    uint8_t *fold;        /* the data's rows */
    double *mean, *scale; /* d: of all rows, between the data's units and those of the sums */
    double shift;         /* of the targets */
    double unit;          /* of the sums' targets */
    moment_sums *sums;    /* folds, or 1 */
    double *alphas;       /* count, falling, in the units of the bound targets */
    double *theta;        /* count x (d+1): of all rows, the intercept last; once reported, in the units of the data */
    double *losses;       /* count x folds, in the units of the data */
    cusgd_path_point *points;
    size_t chosen;
};

/* memory.c: refuses products that do not fit. */
cusgd_status path_check_memory(const cusgd_path *s);
/* path_sums.c: the moments of each fold; s->fold is set where there are folds. */
cusgd_status path_add_rows(cusgd_path *s);
/* The moments of all rows: sets mean, scale and *t, without the targets' shift (*shift: their mean). */
cusgd_status path_standardize(cusgd_path *s, double *shift, transform *t);
/* The rows of a fold, or those without it: the transform that they are bound by and, unless `of` is NULL, the factors on the
 * penalties of a path without it. */
cusgd_status path_fold_factors(const cusgd_path *s, int fold, const examples *rows, least_squares *of, transform *t);
/* The problem without the rows of a fold, or with -1 of all rows; of has room for it. */
void path_problem(const cusgd_path *s, int without, least_squares *of);
/* The sum of w (y - x theta - b)^2 over a fold, divided by that of w: theta's intercept is its last. */
double path_fold_loss(const cusgd_path *s, int fold, const double *theta);
cusgd_status least_squares_open(int64_t d, least_squares *of);
void least_squares_close(least_squares *of);

/* path_descent.c: moves theta to the minimum with penalties l1 and l2, from where it is; l1_before: those of the point before, by
 * which columns are left out that are likely to stay 0. Ends where the gap is at most `tolerance`, or where rounding ends it. */
cusgd_status descent_open(const least_squares *of, descent *s);
void descent_close(descent *s);
void descent_solve(descent *s, double l1, double l2, double l1_before, double tolerance);
/* path_leap.c: moves the coefficients that are not 0, and those without l1 penalty, towards the minimum. */
void descent_leap(descent *s, double l1, double l2);
/* The smallest l1 that leaves no coefficient with a factor above 0. The descent is left at the solution for it. */
double descent_largest_l1(descent *s);

/* path.c: the plan's, or by the smallest l1 that leaves no column. */
void path_choose_alphas(cusgd_path *s, const cusgd_path_plan *plan, double largest);
/* path_columns.c: alphas, theta, losses and the points' losses, of losses that are not quadratic. */
cusgd_status path_newton(cusgd_path *s, const cusgd_path_plan *plan);

/* path_sparse.c: the same of sparse rows, whatever the loss; and a refusal of what does not fit. */
cusgd_status path_check_sparse_memory(const cusgd_path *s);
cusgd_status path_sparse(cusgd_path *s, const cusgd_path_plan *plan);
/* path.c: a mean loss as it is reported, in the units of the data. */
double path_reported(const cusgd_path *s, double loss);

/* path_ridge.c: theta for each of `count` values of l2, from one eigendecomposition; theta: count x (d+1), of which d are set. */
cusgd_status ridge_solve(const least_squares *of, int64_t count, const double *l2, double *theta);

#endif
