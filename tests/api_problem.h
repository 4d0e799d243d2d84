/* A small problem for the tests of the public API, which see nothing but cusgd.h and cusgd_tools.h. */
#ifndef CUSGD_TESTS_API_PROBLEM_H
#define CUSGD_TESTS_API_PROBLEM_H

#include "support.h"

enum { API_ROWS = 60, API_COLS = 3 };

typedef struct api_problem {
    double x[API_ROWS][API_COLS], y[API_ROWS], w[API_ROWS];
    cusgd_data *data;
    cusgd_options *options;
} api_problem;

/* Least squares with weights, solved exactly on the CPU in double. */
void api_setup(api_problem *p);
void api_teardown(api_problem *p);
/* A model of the problem, and its coefficients. */
cusgd_model *api_fitted(const api_problem *p, double weight[API_COLS], double *bias);
/* The last error is one of usage and names this option. */
void api_assert_option(const char *option);

#endif
