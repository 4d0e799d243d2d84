/* Training by full-batch methods, as the trainer asks for it. */
#ifndef CUSGD_HOST_SOLVERS_SOLVERS_H
#define CUSGD_HOST_SOLVERS_SOLVERS_H

#include "run/run.h"

/* best.c: puts what solver `best` stands for, with these data, in its place; *reason is then why, else "". */
void solver_best(cusgd_options *options, const cusgd_data *train, char *reason, size_t room);
/* solver.c: which method where that is left open, the stopping rules, and for how long; `announcement` is what there is to say
 * before a long run, "" if nothing. */
cusgd_status solver_choose(run *r, char *announcement, size_t room);
cusgd_status solver_fit(run *r, cusgd_callback callback, void *user, cusgd_result *result);
/* optimum.c: cusgd_trainer_optimum. */
cusgd_status solver_optimum(run *r, double *objective, double *seconds);
/* inference.c: standard errors in the data's units, k x (d + 1), the intercepts' last, malloc'd; NULL where there are none, and
 * *missing is then the reason (static). *freedom: degrees of freedom of their t distribution; 0: they are a normal one's. */
cusgd_status solver_errors(run *r, double **errors, int64_t *residual_degrees, const char **missing);

#endif
