/* include/scalar/ as compiled in float and in double, behind functions that speak double. */
#ifndef CUSGD_TESTS_SCALAR_H
#define CUSGD_TESTS_SCALAR_H

#include "cusgd_tools.h"
#include "scalar/loss_rule.h"

typedef struct loss_numbers {
    double value, derivative, curvature;
} loss_numbers;

/* What a run of one parameter depends on; the names are the options'. */
typedef struct update_case {
    int optimizer;
    cusgd_schedule schedule;
    double rate, t0, t1, momentum, beta1, beta2, rho, epsilon, l1, l2, decay;
    int limited; /* by the next three */
    double l1_factor, l2_factor, lower, upper;
    int average; /* 0: none; else the step it starts at, from 1 */
} update_case;

typedef struct parameter_numbers {
    double theta, slot1, slot2, slot3, average;
} parameter_numbers;

/* clang-format off */
#define ELEMENTARY_FUNCTIONS(X) \
    X(exp) X(expm1) X(log) X(log1p) X(tanh) X(sinh) X(cosh) X(erf) X(asin) X(acos) X(atan) X(sin) X(cos) X(tan)
/* clang-format on */

typedef struct scalar_functions {
    double unit; /* the unit roundoff */
    double (*elementary)(const char *name, double x);
    double (*pow)(double x, double y);
    loss_numbers (*loss)(loss_rule loss, double p, double y); /* a formula: of at most LOSS_PLACES places */
    double (*point)(const update_case *c, int64_t t, const parameter_numbers *q);
    void (*step)(const update_case *c, int64_t t, int penalized, double point, double g, parameter_numbers *q);
    double (*soft_threshold)(double theta, double threshold);
} scalar_functions;

extern const scalar_functions scalar_float, scalar_double;

#endif
