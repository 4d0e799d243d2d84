/* The operations that expressions are made of: apart from expression.h, which is written in `real`. */
#ifndef CUSGD_SCALAR_EXPRESSION_OP_H
#define CUSGD_SCALAR_EXPRESSION_OP_H

#include "real.h"

/* One row per function of one argument: enumerator, name, value at x, first derivative by x and the value v, second derivative by
 * x, v and the first derivative d. The derivative of abs at 0 is 0, the middle of its subgradients. */
/* clang-format off */
#define EXPRESSION_FUNCTIONS(X)                                                                                                \
    X(EXP, "exp", real_exp(x), v, v)                                                                                           \
    X(LOG, "log", real_log(x), 1 / x, -d * d)                                                                                  \
    X(LOG1P, "log1p", real_log1p(x), 1 / (1 + x), -d * d)                                                                      \
    X(EXPM1, "expm1", real_expm1(x), real_exp(x), d)                                                                           \
    X(SIN, "sin", real_sin(x), real_cos(x), -v)                                                                                \
    X(COS, "cos", real_cos(x), -real_sin(x), -v)                                                                               \
    X(TAN, "tan", real_tan(x), 1 + v * v, 2 * v * d)                                                                           \
    X(TANH, "tanh", real_tanh(x), reciprocal_square(real_cosh(x)), -2 * v * d)                                                 \
    X(SINH, "sinh", real_sinh(x), real_cosh(x), v)                                                                             \
    X(COSH, "cosh", real_cosh(x), real_sinh(x), v)                                                                             \
    X(ASIN, "asin", real_asin(x), 1 / real_sqrt((1 - x) * (1 + x)), x * (d * d * d))                                           \
    X(ACOS, "acos", real_acos(x), -1 / real_sqrt((1 - x) * (1 + x)), x * (d * d * d))                                          \
    X(ATAN, "atan", real_atan(x), 1 / (1 + x * x), -2 * x * (d * d))                                                           \
    X(ERF, "erf", real_erf(x), (real)1.12837916709551257 * real_exp(-x * x), -2 * x * d)                                       \
    X(SQRT, "sqrt", real_sqrt(x), (real)0.5 / real_abs(v), (real)-0.5 * d / real_abs(x))                                                           \
    X(ABS, "abs", real_abs(x), (real)((x > 0) - (x < 0)), 0 * v)                                                               \
    X(SIGMOID, "sigmoid", logistic_at(x).derivative, logistic_at(x).curvature, -d * real_tanh(x / 2))                          \
    X(SOFTPLUS, "softplus", logistic_at(x).value, logistic_at(x).derivative, logistic_at(x).curvature)                         \
    X(LOGCOSH, "logcosh", logcosh_at(x).value, logcosh_at(x).derivative, logcosh_at(x).curvature)

/* Comparisons: 1 or 0, whose derivatives are 0. */
#define EXPRESSION_COMPARISONS(X)                                                                                              \
    X(LESS, "<", x < y)                                                                                                        \
    X(LESS_EQUAL, "<=", x <= y)                                                                                                \
    X(GREATER, ">", x > y)                                                                                                     \
    X(GREATER_EQUAL, ">=", x >= y)                                                                                             \
    X(EQUAL, "==", x == y)                                                                                                     \
    X(NOT_EQUAL, "!=", x != y)
/* clang-format on */

/* Operands are a, b and, of SELECT, c: a != 0 ? b : c. Of SCALE (a b), SHARE (a / b) and POWER b is a number. */
typedef enum expression_op {
    EXPRESSION_NUMBER,
    EXPRESSION_VARIABLE,
    EXPRESSION_ADD,
    EXPRESSION_SUBTRACT,
    EXPRESSION_MULTIPLY,
    EXPRESSION_SCALE,
    EXPRESSION_DIVIDE,
    EXPRESSION_SHARE,
    EXPRESSION_NEGATE,
    EXPRESSION_POWER,
    EXPRESSION_POWER_OF,
    EXPRESSION_MIN,
    EXPRESSION_MAX,
    EXPRESSION_SELECT,
#define OP_OF(OP, ...) EXPRESSION_##OP,
    EXPRESSION_FUNCTIONS(OP_OF) EXPRESSION_COMPARISONS(OP_OF)
#undef OP_OF
} expression_op;

DEVICE int operation_is_comparison(int op) { return op >= EXPRESSION_LESS; }

/* All but NUMBER, VARIABLE and comparisons. */
#define EXPRESSION_ARITHMETIC(X) \
    X(ADD)                       \
    X(SUBTRACT)                  \
    X(MULTIPLY)                  \
    X(SCALE)                     \
    X(DIVIDE)                    \
    X(SHARE)                     \
    X(NEGATE)                    \
    X(POWER)                     \
    X(POWER_OF)                  \
    X(MIN)                       \
    X(MAX)                       \
    X(SELECT)                    \
    EXPRESSION_FUNCTIONS(X)

#endif
