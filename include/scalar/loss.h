/* Losses l(p, y) of a prediction p = x theta + b and a target y: one function each, with its first two derivatives by p. All are
 * convex in p. Where one is not differentiable the derivative is 0, a subgradient, except where a function says otherwise. */
#ifndef CUSGD_SCALAR_LOSS_H
#define CUSGD_SCALAR_LOSS_H

#include "elementary.h"
#include "losses.h"
#include "real.h"

STRUCT(loss_point) { real value, derivative, curvature; /* l, dl/dp, d2l/dp2 */ };

/* r^2 / 2, so that the gradient of the mean is X^T (X theta - y) / n. */
SCALAR OF(loss_point) loss_squared(real p, real y)
{
    real r = p - y;
    OF(loss_point) l = {r * r / 2, r, 1};
    return l;
}

/* r^2: the mean squared error as lecture notes and PyTorch have it; twice loss_squared. */
SCALAR OF(loss_point) loss_mse(real p, real y)
{
    real r = p - y;
    OF(loss_point) l = {r * r, 2 * r, 2};
    return l;
}

/* log(1 + e^p) - y p for y in {0, 1}: minus the log-likelihood of a coin with log-odds p. e = e^-|p| never overflows, and each
 * class has its own form, so that a small loss keeps its digits. y = -1 stands for 0. */
SCALAR OF(loss_point) loss_logistic(real p, real y)
{
    real e = real_exp(-real_abs(p));
    real near = 1 / (1 + e), far = e / (1 + e); /* sigmoid(|p|), sigmoid(-|p|) */
    real one = p >= 0 ? near : far, zero = p >= 0 ? far : near;
    real wrong = y > 0 ? -p : p; /* > 0 on the wrong side */
    OF(loss_point) l = {(wrong > 0 ? wrong : 0) + real_log1p(e), y > 0 ? -zero : one, near * far};
    return l;
}

/* r^2 / 2 up to |r| = delta, and on along the tangent. */
SCALAR OF(loss_point) loss_huber(real p, real y, real delta)
{
    real r = p - y, size = real_abs(r);
    int inside = !(size > delta);
    real tail = r > 0 ? delta : -delta;
    OF(loss_point) l = {inside ? r * r / 2 : delta * (size - delta / 2), inside ? r : tail, (real)inside};
    return l;
}

/* max(0, |r| - width); NaN stays NaN. */
SCALAR OF(loss_point) loss_epsilon_insensitive(real p, real y, real width)
{
    real r = p - y, out = real_abs(r) - width;
    OF(loss_point) l = {out <= 0 ? 0 : out, (real)(out <= 0 ? 0 : r > 0 ? 1 : -1), 0};
    return l;
}

/* max(0, |r| - width)^2 */
SCALAR OF(loss_point) loss_squared_epsilon_insensitive(real p, real y, real width)
{
    real r = p - y, out = real_abs(r) - width;
    if (out <= 0) out = 0;
    OF(loss_point) l = {out * out, r > 0 ? 2 * out : -2 * out, (real)(out > 0 ? 2 : 0)};
    return l;
}

/* max(0, 1 - s p), s = 1 for y > 0 and -1 for others (0 and -1 alike) */
SCALAR OF(loss_point) loss_hinge(real p, real y)
{
    real s = y > 0 ? 1 : -1, short_of = 1 - s * p;
    OF(loss_point) l = {short_of <= 0 ? 0 : short_of, short_of <= 0 ? 0 : -s, 0};
    return l;
}

/* max(0, 1 - s p)^2 */
SCALAR OF(loss_point) loss_squared_hinge(real p, real y)
{
    real s = y > 0 ? 1 : -1, short_of = 1 - s * p;
    if (short_of <= 0) short_of = 0;
    OF(loss_point) l = {short_of * short_of, -2 * s * short_of, (real)(short_of > 0 ? 2 : 0)};
    return l;
}

/* max(0, 1 - s p)^2 down to s p = -1, and on along the tangent: rows far on the wrong side count less. */
SCALAR OF(loss_point) loss_modified_huber(real p, real y)
{
    real s = y > 0 ? 1 : -1, short_of = 1 - s * p;
    int far = short_of > 2;
    if (short_of <= 0) short_of = 0;
    OF(loss_point)
    l = {far ? 4 * (short_of - 1) : short_of * short_of, far ? -4 * s : -2 * s * short_of, (real)(short_of > 0 && !far ? 2 : 0)};
    return l;
}

/* max(0, -s p). Where s p is 0 the derivative is -s: all predictions are 0 where training starts, and a derivative of 0 would end
 * it there. */
SCALAR OF(loss_point) loss_perceptron(real p, real y)
{
    real s = y > 0 ? 1 : -1, short_of = -s * p;
    OF(loss_point) l = {short_of <= 0 ? 0 : short_of, short_of < 0 ? 0 : -s, 0};
    return l;
}

/* share |r| where y is above p, (1 - share) |r| where it is below: its intercept-only model is that quantile. */
SCALAR OF(loss_point) loss_quantile(real p, real y, real share)
{
    real r = p - y, derivative = r > 0 ? 1 - share : r < 0 ? -share : 0;
    OF(loss_point) l = {r > 0 || r < 0 ? derivative * r : real_abs(r), derivative, 0};
    return l;
}

/* log cosh r. With u = e^-|r| - 1, cosh r - 1 = u^2 / (2 (1 + u)): a small loss keeps its digits. */
SCALAR OF(loss_point) loss_log_cosh(real p, real y)
{
    real r = p - y, size = real_abs(r), u = real_expm1(-size), v = real_expm1(-2 * size), rest = v / (2 + v);
    real value = size < 1 ? real_log1p(u * u / (2 * (1 + u))) : size + real_log1p(1 + v) - (real)0.69314718055994530942;
    OF(loss_point) l = {value, r > 0 ? -rest : rest, 1 - rest * rest}; /* tanh r, 1 - tanh^2 r */
    return l;
}

/* e^(a p) for p up to `end`, and on along the tangent; for a < 0, down to `end`. */
STRUCT(exponential) { real value, derivative, curvature; };
SCALAR OF(exponential) exponential_at(real a, real p, real end)
{
    int beyond = a > 0 ? p > end : p < end;
    real at = beyond ? end : p, e = real_exp(a * at);
    OF(exponential) x = {beyond ? e + a * e * (p - end) : e, a * e, beyond ? 0 : a * a * e};
    return x;
}

/* e^p - y p: minus the log-likelihood of a Poisson count of mean e^p, without log y!. */
SCALAR OF(loss_point) loss_poisson(real p, real y, real maximum)
{
    OF(exponential) e = exponential_at((real)1, p, maximum);
    OF(loss_point) l = {e.value - y * p, e.derivative - y, e.curvature};
    return l;
}

/* p + y e^-p: minus the log-likelihood of a gamma variable of mean e^p, up to its shape. */
SCALAR OF(loss_point) loss_gamma(real p, real y, real minimum)
{
    OF(exponential) e = exponential_at((real)-1, p, minimum);
    OF(loss_point) l = {p + y * e.value, 1 + y * e.derivative, y * e.curvature};
    return l;
}

/* e^((2-q) p) / (2-q) + y e^((1-q) p) / (q-1), 1 < q < 2: half of Tweedie's deviance of mean e^p and power q, up to a constant.
 */
SCALAR OF(loss_point) loss_tweedie(real p, real y, real q, real minimum, real maximum)
{
    OF(exponential) up = exponential_at(2 - q, p, maximum), down = exponential_at(1 - q, p, minimum);
    OF(loss_point)
    l = {up.value / (2 - q) + y * (down.value / (q - 1)), up.derivative / (2 - q) + y * (down.derivative / (q - 1)),
         up.curvature / (2 - q) + y * (down.curvature / (q - 1))};
    return l;
}

#define LOSS_CASE(KIND, NAME, FORMULA, ...) \
    case CUSGD_LOSS_##KIND: return FORMULA;

/* Softmax of one output is the logistic loss: that of two classes whose predictions differ by p. */
SCALAR OF(loss_point) loss_at(loss_rule rule, real p, real y)
{
    real number = (real)rule.number, minimum = (real)rule.minimum, maximum = (real)rule.maximum;
    switch (rule.kind == CUSGD_LOSS_SOFTMAX ? CUSGD_LOSS_LOGISTIC : rule.kind) {
        ONE_OUTPUT_LOSSES(LOSS_CASE)
    default: break;
    }
    return loss_squared(p, y);
}
#undef LOSS_CASE

#endif
