/* The interface of full-batch solvers for the trainer. */
#ifndef CUSGD_HOST_SOLVERS_SOLVERS_H
#define CUSGD_HOST_SOLVERS_SOLVERS_H

#include "run/run.h"

/* best.c. Replaces solver `best` by the solver that it means for this data. `reason` becomes the reason, or "" if another solver
 * was given. */
void solver_best(cusgd_options *options, const cusgd_data *train, char *reason, size_t room);
/* solver.c. Chooses the method if it is auto, the stopping rules and the number of iterations. `announcement` becomes the note
 * for the user before a long run, or "". */
cusgd_status solver_choose(run *r, char *announcement, size_t room);
cusgd_status solver_fit(run *r, cusgd_callback callback, void *user, cusgd_result *result);
/* optimum.c. See cusgd_trainer_optimum(). */
cusgd_status solver_optimum(run *r, double *objective, double *seconds);
/* inference.c. Computes standard errors in the units of the data, k x (d + 1), those of the intercepts last, which the caller
 * frees; *errors is NULL if there are none, and *missing is then the reason (static). *residual_degrees becomes the degrees of
 * freedom of their t distribution; 0 if it is normal. */
cusgd_status solver_errors(run *r, double **errors, int64_t *residual_degrees, const char **missing);

#endif
