/* Some targets of one output: what starting points and scales are found from. */
#ifndef CUSGD_HOST_PROBLEM_TARGETS_H
#define CUSGD_HOST_PROBLEM_TARGETS_H

#include "problem.h"

typedef struct target_rows {
    int64_t m;
    double *y, *w, *o; /* targets, weights > 0, offsets */
} target_rows;

/* targets.c: the median distance from `center`, as a Gaussian's deviation. Sorts the rows away. */
double targets_scale(target_rows *r, double center);

/* formula.c: the same for a formula, of which nothing is known: null, scale and steepest of output c, and a note where it is not
 * convex. DATA: it has no finite value, or no least one. */
cusgd_status formula_study_targets(problem *p, int64_t c, target_rows *r);
/* The mean of the least value in each row. */
double formula_lower_bound(const problem *p);

#endif
