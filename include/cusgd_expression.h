/* cusgd_expression.h: formulas given as text, and their derivatives. cusgd.h has the conventions of all functions.
 *
 * A formula consists of numbers, names, + - * / ^, comparisons (< <= > >= == !=, which are 1 or 0), `condition ? a : b`, brackets
 * and functions: exp, log, log1p, expm1, sin, cos, tan, tanh, sinh, cosh, asin, acos, atan, erf, sqrt, abs, sigmoid(x) = 1 / (1 +
 * e^-x), softplus(x) = log(1 + e^x), logcosh, pow(a, b), min(a, b, ...), max(a, b, ...), and sum(i, a, b, term) and prod(i, a, b,
 * term), which add and multiply a term for the whole numbers i from a to b. pi is a number. Powers associate to the right (2^3^2
 * is 2^9) and precede signs (-2^2 is -4). A product needs its *: 2x is an error. Several formulas are separated by semicolons.
 *
 * Where a function is not differentiable, its derivative is the mean of the one-sided derivatives: 0 for abs at 0, and the mean
 * of both for min and max of equal numbers. The derivative of `?:` is that of the selected operand. Undefined values are NaN. */
#ifndef CUSGD_EXPRESSION_H
#define CUSGD_EXPRESSION_H

#include "cusgd_base.h"

#ifdef __cplusplus
extern "C" {
#endif

/* ---- Expressions --------------------------------------------------------------------------------------------------------- */

typedef struct cusgd_expression cusgd_expression;

/* The names in a formula. Names are letters, digits and _, at most 31, the first of them no digit; names of functions, pi, sum
 * and prod are reserved. There are at most 64 variables. */
typedef struct cusgd_expression_names {
    size_t size;
    const char *const *variables; /* different names; NULL: every name that is not a constant is a variable, in the order of the
                                   * text */
    size_t variable_count;
    const char *const *constants; /* names of numbers; each must occur in a formula */
    const double *values;         /* constant_count numbers */
    size_t constant_count;
} cusgd_expression_names;

/* Reads one or more formulas. names: NULL means a structure whose members are 0. The message of a failure (USAGE) shows the text
 * and a mark below the character that is wrong. Limits: 8192 bytes, 8192 operations after equal ones were joined, 100 brackets,
 * functions and signs inside each other, 64 formulas. */
CUSGD_API cusgd_status cusgd_expression_compile(const char *text, const cusgd_expression_names *names, cusgd_expression **out);
CUSGD_API void cusgd_expression_free(cusgd_expression *expression);

/* Return the number of variables and the number of formulas. */
CUSGD_API size_t cusgd_expression_variables(const cusgd_expression *expression);
CUSGD_API size_t cusgd_expression_results(const cusgd_expression *expression);
/* Returns the name of the i-th variable, or NULL past the last. Valid as long as the expression. */
CUSGD_API const char *cusgd_expression_variable(const cusgd_expression *expression, size_t i);
/* Returns 1 where the i-th formula is a comparison, so that its value is 1 or 0 and its derivatives are 0; otherwise 0. */
CUSGD_API int cusgd_expression_compares(const cusgd_expression *expression, size_t i);

/* Evaluates the formulas at points. x: points x variables, row-major; values: points x results. Fails with MEMORY. */
CUSGD_API cusgd_status cusgd_expression_evaluate(const cusgd_expression *expression, size_t points, const double *x,
                                                 double *values);

/* How gradients are computed. If all intermediate values are finite, both agree up to rounding errors. */
typedef enum cusgd_differentiation {
    CUSGD_FORWARD, /* forward mode by dual numbers (Wengert 1964): a pass for each variable */
    CUSGD_REVERSE, /* reverse mode (Linnainmaa 1970): a pass for each formula */
} cusgd_differentiation;

/* Computes derivatives. gradients: points x results x variables. Fails with MEMORY, or USAGE for an unknown mode. */
CUSGD_API cusgd_status cusgd_expression_gradient(const cusgd_expression *expression, cusgd_differentiation mode, size_t points,
                                                 const double *x, double *gradients);
/* Computes second derivatives by hyper-dual numbers (Fike and Alonso 2011). hessians: points x results x variables x variables,
 * symmetric. Fails with MEMORY. */
CUSGD_API cusgd_status cusgd_expression_hessian(const cusgd_expression *expression, size_t points, const double *x,
                                                double *hessians);

/* ---- Minima and roots ---------------------------------------------------------------------------------------------------- */

typedef struct cusgd_search {
    size_t size;
    /* cusgd_expression_minimize: "gd" (gradient descent), an optimizer's name ("momentum", "adam", ...; all but auto, adamw and
     * asgd), "bfgs" (also for NULL), "dfp", "lbfgs", "cg" or "newton". cusgd_expression_solve: "newton" (also for NULL),
     * "broyden-good" or "broyden-bad". */
    const char *solver;
    double rate;        /* of gd and optimizers, > 0; 0: the optimizer's usual one, which gd, momentum and nesterov do not have */
    double momentum;    /* of momentum and nesterov, 0 to 1 (excluded); 0: 0.9 */
    double tolerance;   /* > 0; 0: 1e-8 of minimize, 1e-10 of solve. Converged: the norm of the gradient, or of the formulas'
                           values, is at most this times max(1, its value at the start) */
    int64_t iterations; /* at most; 0: 1000 */
} cusgd_search;

typedef struct cusgd_iterate {
    size_t size;
    int64_t iteration; /* 0: the start */
    const double *x;   /* the variables; valid during the call */
    double value;      /* of the formula; of solve the norm of the formulas' values */
    double gradient;   /* the norm of the gradient; of solve the same as value */
    double length;     /* of the step that led here; NaN at the start */
} cusgd_iterate;
/* Receives each iterate. A nonzero value ends the search, which then has not converged. */
typedef int (*cusgd_iterate_callback)(const cusgd_iterate *iterate, void *user);

typedef struct cusgd_search_result {
    size_t size;
    int converged;
    int64_t iterations;
    double value, gradient; /* as in cusgd_iterate, at the end */
    double order;           /* order of convergence, from the last three steps: 1 linear, 2 quadratic; NaN: unknown */
} cusgd_search_result;

/* Searches for a minimum of a single formula, starting at x, which becomes the last iterate. The steps are those of training: an
 * optimizer's with the whole gradient, or a full-batch solver's. `callback` may be NULL. Fails with USAGE, MEMORY, INTERRUPTED,
 * DIVERGED (the value or the gradient is not finite) and NOT_CONVERGED, whose message says why; x and *result are then set too.
 */
CUSGD_API cusgd_status cusgd_expression_minimize(const cusgd_expression *expression, const cusgd_search *search, double *x,
                                                 cusgd_iterate_callback callback, void *user, cusgd_search_result *result);
/* Searches for a root of as many formulas as there are variables, in the same way. newton: Newton (Raphson 1690); broyden-good
 * and broyden-bad: Broyden 1965, from the inverse of the matrix of derivatives at the start. NOT_CONVERGED too where that matrix
 * is singular. */
CUSGD_API cusgd_status cusgd_expression_solve(const cusgd_expression *expression, const cusgd_search *search, double *x,
                                              cusgd_iterate_callback callback, void *user, cusgd_search_result *result);

#ifdef __cplusplus
}
#endif
#endif
