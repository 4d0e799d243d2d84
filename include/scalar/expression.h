/* The operations that expressions are made of, and their derivatives: forward mode on the host and in kernels, reverse mode and
 * constant folding (host/expr/) all take them from here. */
#ifndef CUSGD_SCALAR_EXPRESSION_H
#define CUSGD_SCALAR_EXPRESSION_H

#include "expression_op.h"
#include "loss.h"
#include "loss_formula.h"
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

/* ---- Forward mode ---- */

/* A number with its derivatives by two directions, `one` and `two`, and by one after the other: a hyper-dual number (Fike, Alonso
 * 2011). Operations of order 0 fill in the value alone, and leave 0 in the others; those of order 1 `one` too; those of order 2
 * all. */
STRUCT(hyper_dual) { real value, one, two, both; };

/* a + sign b */
SCALAR_INLINED OF(hyper_dual) dual_sum(int order, real sign, OF(hyper_dual) a, OF(hyper_dual) b)
{
    OF(hyper_dual) o = {a.value + sign * b.value, 0, 0, 0};
    if (order >= 1) o.one = a.one + sign * b.one;
    if (order >= 2) o.two = a.two + sign * b.two;
    if (order >= 2) o.both = a.both + sign * b.both;
    return o;
}

SCALAR_INLINED OF(hyper_dual) dual_negation(int order, OF(hyper_dual) a)
{
    OF(hyper_dual) o = {-a.value, 0, 0, 0};
    if (order >= 1) o.one = -a.one;
    if (order >= 2) o.two = -a.two;
    if (order >= 2) o.both = -a.both;
    return o;
}

SCALAR_INLINED OF(hyper_dual) dual_product(int order, OF(hyper_dual) a, OF(hyper_dual) b)
{
    real x = a.value, y = b.value;
    OF(hyper_dual) o = {x * y, 0, 0, 0};
    if (order >= 1) o.one = a.one * y + x * b.one;
    if (order >= 2) o.two = a.two * y + x * b.two;
    if (order >= 2) o.both = (a.both * y + x * b.both) + (a.one * b.two + a.two * b.one);
    return o;
}

/* a x and a / x of a number x: 0 x infinity is in no tangent, as that of the number is left out. */
SCALAR_INLINED OF(hyper_dual) dual_scaled(int order, OF(hyper_dual) a, real x)
{
    OF(hyper_dual) o = {a.value * x, 0, 0, 0};
    if (order >= 1) o.one = a.one * x;
    if (order >= 2) o.two = a.two * x;
    if (order >= 2) o.both = a.both * x;
    return o;
}

SCALAR_INLINED OF(hyper_dual) dual_divided(int order, OF(hyper_dual) a, real x)
{
    OF(hyper_dual) o = {a.value / x, 0, 0, 0};
    if (order >= 1) o.one = a.one / x;
    if (order >= 2) o.two = a.two / x;
    if (order >= 2) o.both = a.both / x;
    return o;
}

SCALAR_INLINED OF(hyper_dual) dual_quotient(int order, OF(hyper_dual) a, OF(hyper_dual) b)
{
    real y = b.value, v = a.value / y;
    OF(hyper_dual) o = {v, 0, 0, 0};
    if (order >= 1) o.one = (a.one - v * b.one) / y;
    if (order >= 2) o.two = (a.two - v * b.two) / y;
    if (order >= 2) o.both = (a.both - v * b.both - (o.one * b.two + o.two * b.one)) / y;
    return o;
}

SCALAR_INLINED OF(hyper_dual) dual_function(int op, int order, OF(hyper_dual) a)
{
    OF(function_jet) f = function_at(op, order, a.value);
    OF(hyper_dual) o = {f.v, 0, 0, 0};
    if (order >= 1) o.one = tangent_times(f.d, a.one);
    if (order >= 2) o.two = tangent_times(f.d, a.two);
    if (order >= 2) o.both = tangent_times(f.d, a.both) + tangent_times(f.dd, a.one * a.two);
    return o;
}

SCALAR_INLINED OF(hyper_dual) dual_power(OF(power_jet) p, int order, OF(hyper_dual) a, OF(hyper_dual) b)
{
    OF(hyper_dual) o = {p.v, 0, 0, 0};
    if (order >= 1) o.one = tangent_times(p.x, a.one) + tangent_times(p.y, b.one);
    if (order >= 2) o.two = tangent_times(p.x, a.two) + tangent_times(p.y, b.two);
    if (order >= 2)
        o.both = tangent_times(p.x, a.both) + tangent_times(p.y, b.both) + tangent_times(p.xx, a.one * a.two) +
                 tangent_times(p.yy, b.one * b.two) + tangent_times(p.xy, a.one * b.two + a.two * b.one);
    return o;
}

/* min and max: `ahead` is > 0 where a is taken. */
SCALAR_INLINED OF(hyper_dual) dual_taken(int order, real value, real ahead, OF(hyper_dual) a, OF(hyper_dual) b)
{
    OF(hyper_dual) o = {value, 0, 0, 0};
    if (order >= 1) o.one = tangent_of_taken(ahead, a.one, b.one);
    if (order >= 2) o.two = tangent_of_taken(ahead, a.two, b.two);
    if (order >= 2) o.both = tangent_of_taken(ahead, a.both, b.both);
    return o;
}

SCALAR_INLINED OF(hyper_dual) dual_select(int order, OF(hyper_dual) a, OF(hyper_dual) b, OF(hyper_dual) c)
{
    int taken = a.value != 0;
    OF(hyper_dual) o = {taken ? b.value : c.value, 0, 0, 0};
    if (order >= 1) o.one = taken ? b.one : c.one;
    if (order >= 2) o.two = taken ? b.two : c.two;
    if (order >= 2) o.both = taken ? b.both : c.both;
    return o;
}

/* The result of an operation but NUMBER and VARIABLE. C compilers whose caller makes `op` a constant leave no more of it than
 * that one. */
SCALAR_INLINED OF(hyper_dual) operation_at(int op, int order, OF(hyper_dual) a, OF(hyper_dual) b, OF(hyper_dual) c)
{
    real x = a.value, y = b.value, ahead = (real)((x > y) - (x < y));
    switch (op) {
    case EXPRESSION_ADD: return dual_sum(order, (real)1, a, b);
    case EXPRESSION_SUBTRACT: return dual_sum(order, (real)-1, a, b);
    case EXPRESSION_MULTIPLY: return dual_product(order, a, b);
    case EXPRESSION_SCALE: return dual_scaled(order, a, y);
    case EXPRESSION_DIVIDE: return dual_quotient(order, a, b);
    case EXPRESSION_SHARE: return dual_divided(order, a, y);
    case EXPRESSION_NEGATE: return dual_negation(order, a);
    case EXPRESSION_POWER: return dual_power(power_at(order, x, y), order, a, b);
    case EXPRESSION_POWER_OF: return dual_power(power_of_at(order, x, y), order, a, b);
    case EXPRESSION_MIN: return dual_taken(order, smaller_of(x, y), -ahead, a, b);
    case EXPRESSION_MAX: return dual_taken(order, larger_of(x, y), ahead, a, b);
    case EXPRESSION_SELECT: return dual_select(order, a, b, c);
    default: break;
    }
    OF(hyper_dual) compared = {comparison_at(op, x, y), 0, 0, 0};
    return operation_is_comparison(op) ? compared : dual_function(op, order, a);
}

/* ---- A loss in one row ---- */

/* An operand, whose one direction is p. */
SCALAR OF(hyper_dual) formula_operand(const formula_code *code, const OF(loss_point) * place, int i, real p, real y)
{
    OF(loss_point) at = {p, 1, 0};
    if (i < OPERAND_P)
        at = place[code->step[i].place];
    else if (i > OPERAND_P) {
        at.value = i == OPERAND_Y ? y : (real)code->number[i - OPERAND_NUMBER];
        at.derivative = 0;
    }
    OF(hyper_dual) a = {at.value, at.derivative, at.derivative, at.curvature};
    return a;
}

/* l(p, y) and its derivatives, as many as `order` asks for; of a code of at most LOSS_PLACES places. */
SCALAR OF(loss_point) formula_at(const formula_code *code, int order, real p, real y)
{
    OF(loss_point) place[LOSS_PLACES];
    for (int k = 0; k < code->count; k++) {
        formula_step s = code->step[k];
        OF(hyper_dual)
        r = operation_at(s.op, s.varies ? order : 0, formula_operand(code, place, s.a, p, y),
                         formula_operand(code, place, s.b, p, y), formula_operand(code, place, s.c, p, y));
        OF(loss_point) l = {r.value, r.one, r.both};
        place[s.place] = l;
    }
    OF(hyper_dual) r = formula_operand(code, place, code->result, p, y);
    OF(loss_point) l = {r.value, r.one, r.both};
    return l;
}

#endif
