/* The operations that expressions are made of, and their derivatives: forward mode, reverse mode and constant folding
 * (host/expr/) all take them from here. */
#ifndef CUSGD_SCALAR_EXPRESSION_H
#define CUSGD_SCALAR_EXPRESSION_H

#include "expression_op.h"
#include "loss.h"
#include "trigonometry.h"

SCALAR real reciprocal_square(real x) { return 1 / (x * x); }

/* log(1 + e^x) and log(cosh(x)) without overflow: the losses of one argument. */
SCALAR OF(loss_point) logistic_at(real x) { return loss_logistic(x, (real)0); }
SCALAR OF(loss_point) logcosh_at(real x) { return loss_log_cosh(x, (real)0); }

/* f(x), f'(x) and f''(x) of a function of one argument; as much as `order` asks for. */
STRUCT(function_jet) { real v, d, dd; };

/* clang-format off */
#define FUNCTION_CASE(OP, NAME, VALUE, FIRST, SECOND)                                                                          \
    case EXPRESSION_##OP: {                                                                                                    \
        v = VALUE;                                                                                                             \
        if (order >= 1) d = FIRST;                                                                                             \
        if (order >= 2) dd = SECOND;                                                                                           \
        break;                                                                                                                 \
    }
/* clang-format on */

SCALAR_INLINED OF(function_jet) function_at(int op, int order, real x)
{
    real v = x, d = 1, dd = 0;
    switch (op) {
        EXPRESSION_FUNCTIONS(FUNCTION_CASE)
    default: break;
    }
    OF(function_jet) jet = {v, d, dd};
    return jet;
}
#undef FUNCTION_CASE

#define COMPARISON_CASE(OP, NAME, HOLDS) \
    case EXPRESSION_##OP: return (real)(HOLDS);

SCALAR_INLINED real comparison_at(int op, real x, real y)
{
    switch (op) {
        EXPRESSION_COMPARISONS(COMPARISON_CASE)
    default: return 0;
    }
}
#undef COMPARISON_CASE

/* coefficient x tangent, and 0 where the tangent is 0: a derivative that does not exist, as by the exponent of (-2)^3, must not
 * reach those that do. */
SCALAR real tangent_times(real coefficient, real tangent) { return tangent == 0 ? tangent : coefficient * tangent; }

/* The partial derivatives of x^y. Of 0^0 it is 1, of 0^y by y it is 0. */
STRUCT(power_jet) { real v, x, y, xx, xy, yy; };

/* By x alone. */
SCALAR_INLINED OF(power_jet) power_at(int order, real x, real y)
{
    OF(power_jet) p = {real_pow(x, y), 0, 0, 0, 0, 0};
    if (order >= 1) p.x = tangent_times(real_pow(x, y - 1), y);
    if (order >= 2) p.xx = tangent_times(real_pow(x, y - 2), y * (y - 1));
    return p;
}

SCALAR_INLINED OF(power_jet) power_of_at(int order, real x, real y)
{
    OF(power_jet) p = power_at(order, x, y);
    real l = order >= 1 ? real_log(x) : 0;
    if (order >= 1) p.y = p.v == 0 ? 0 : p.v * l;
    if (order >= 2) p.xy = real_pow(x, y - 1) + tangent_times(l, p.x);
    if (order >= 2) p.yy = p.v == 0 ? 0 : p.v * l * l;
    return p;
}

/* The middle of both where they are equal; NaN where one is. */
SCALAR real smaller_of(real x, real y) { return x <= y ? x : y < x ? y : x + y; }
SCALAR real larger_of(real x, real y) { return x >= y ? x : y > x ? y : x + y; }

/* The tangent of the one of two operands that is taken: of the first where `ahead` > 0, the mean of both where it is 0, a tie. */
SCALAR real tangent_of_taken(real ahead, real first, real second)
{
    return ahead > 0 ? first : ahead < 0 ? second : (first + second) / 2;
}

#endif
