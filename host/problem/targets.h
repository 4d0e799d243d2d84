/* Some targets of one output, from which starting points and scales are computed. */
#ifndef CUSGD_HOST_PROBLEM_TARGETS_H
#define CUSGD_HOST_PROBLEM_TARGETS_H

#include "problem.h"

typedef struct target_rows {
    int64_t m;
    double *y, *w, *o; /* targets, weights > 0, offsets */
} target_rows;

/* targets.c. Returns the median distance from `center`, divided by that of a standard Gaussian. Destroys the order of the
 * rows. */
double targets_scale(target_rows *r, double center);

/* formula.c. Does the same for a formula, from its values: computes null, scale and steepest of output c, and a note if the
 * formula is not convex. Fails with DATA if it has no finite value or no minimum. */
cusgd_status formula_study_targets(problem *p, int64_t c, target_rows *r);
/* Returns the mean over the rows of the minimum of the loss. */
double formula_lower_bound(const problem *p);

#endif
