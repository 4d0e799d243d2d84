/* Losses l(p, y) of a prediction p = x theta + b and a target y: one function each, with its first two derivatives by p. All are
 * convex in p. At a kink the slope is 0, which is one of the subgradients there. */
#ifndef CUSGD_SCALAR_LOSS_H
#define CUSGD_SCALAR_LOSS_H

#include "../cusgd.h"
#include "loss_rule.h"
#include "real.h"

STRUCT(loss_point) { real value, slope, curvature; /* l, dl/dp, d2l/dp2 */ };

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

/* share |r| where y is above p, (1 - share) |r| where it is below: its best constant is that quantile. */
SCALAR OF(loss_point) loss_quantile(real p, real y, real share)
{
    real r = p - y, slope = r > 0 ? 1 - share : r < 0 ? -share : 0;
    OF(loss_point) l = {r > 0 || r < 0 ? slope * r : real_abs(r), slope, 0};
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
STRUCT(exponential) { real value, slope, curvature; };
SCALAR OF(exponential) exponential_at(real a, real p, real end)
{
    int beyond = a > 0 ? p > end : p < end;
    real at = beyond ? end : p, e = real_exp(a * at);
    OF(exponential) x = {beyond ? e + a * e * (p - end) : e, a * e, beyond ? 0 : a * a * e};
    return x;
}

/* e^p - y p: minus the log-likelihood of a Poisson count of mean e^p, without log y!. */
SCALAR OF(loss_point) loss_poisson(real p, real y, real most)
{
    OF(exponential) e = exponential_at((real)1, p, most);
    OF(loss_point) l = {e.value - y * p, e.slope - y, e.curvature};
    return l;
}

/* p + y e^-p: minus the log-likelihood of a gamma variable of mean e^p, up to its shape. */
SCALAR OF(loss_point) loss_gamma(real p, real y, real least)
{
    OF(exponential) e = exponential_at((real)-1, p, least);
    OF(loss_point) l = {p + y * e.value, 1 + y * e.slope, y * e.curvature};
    return l;
}

/* e^((2-q) p) / (2-q) + y e^((1-q) p) / (q-1), 1 < q < 2: half of Tweedie's deviance of mean e^p and power q, up to a constant.
 */
SCALAR OF(loss_point) loss_tweedie(real p, real y, real q, real least, real most)
{
    OF(exponential) up = exponential_at(2 - q, p, most), down = exponential_at(1 - q, p, least);
    OF(loss_point)
    l = {up.value / (2 - q) + y * (down.value / (q - 1)), up.slope / (2 - q) + y * (down.slope / (q - 1)),
         up.curvature / (2 - q) + y * (down.curvature / (q - 1))};
    return l;
}

SCALAR OF(loss_point) loss_at(loss_rule rule, real p, real y)
{
    real number = (real)rule.number, least = (real)rule.least, most = (real)rule.most;
    switch (rule.kind) {
    case CUSGD_LOSS_MSE: return loss_mse(p, y);
    case CUSGD_LOSS_LOGISTIC: return loss_logistic(p, y);
    case CUSGD_LOSS_HUBER: return loss_huber(p, y, number);
    case CUSGD_LOSS_EPSILON_INSENSITIVE: return loss_epsilon_insensitive(p, y, number);
    case CUSGD_LOSS_SQUARED_EPSILON_INSENSITIVE: return loss_squared_epsilon_insensitive(p, y, number);
    case CUSGD_LOSS_HINGE: return loss_hinge(p, y);
    case CUSGD_LOSS_SQUARED_HINGE: return loss_squared_hinge(p, y);
    case CUSGD_LOSS_QUANTILE: return loss_quantile(p, y, number);
    case CUSGD_LOSS_POISSON: return loss_poisson(p, y, most);
    case CUSGD_LOSS_GAMMA: return loss_gamma(p, y, least);
    case CUSGD_LOSS_TWEEDIE: return loss_tweedie(p, y, number, least, most);
    case CUSGD_LOSS_LOG_COSH: return loss_log_cosh(p, y);
    case CUSGD_LOSS_SQUARED: break;
    }
    return loss_squared(p, y);
}

/* The least upper bound of d2l/dp2; infinite where there is none, as at kinks. */
DEVICE double loss_curvature_bound(loss_rule rule)
{
    switch (rule.kind) {
    case CUSGD_LOSS_SQUARED:
    case CUSGD_LOSS_HUBER:
    case CUSGD_LOSS_LOG_COSH: return 1;
    case CUSGD_LOSS_MSE:
    case CUSGD_LOSS_SQUARED_EPSILON_INSENSITIVE:
    case CUSGD_LOSS_SQUARED_HINGE: return 2;
    case CUSGD_LOSS_LOGISTIC: return 0.25;
    default: return (double)INFINITY;
    }
}

/* The largest |dl/dp| that smooth losses have anywhere. */
DEVICE double loss_derivative_bound(loss_rule rule)
{
    switch (rule.kind) {
    case CUSGD_LOSS_HUBER: return rule.number;
    case CUSGD_LOSS_LOG_COSH:
    case CUSGD_LOSS_LOGISTIC: return 1;
    default: return (double)INFINITY;
    }
}

/* What kind of targets a loss is for: any number, two classes (0 and 1, or -1 and 1), or numbers that are positive, 0 or more.
 * Real numbers have the identity for a link, classes (of logistic loss) the logit, the others the logarithm. */
typedef enum target_kind { TARGET_REAL, TARGET_CLASS, TARGET_POSITIVE, TARGET_NATURAL } target_kind;

DEVICE target_kind loss_target_kind(cusgd_loss loss)
{
    switch (loss) {
    case CUSGD_LOSS_LOGISTIC:
    case CUSGD_LOSS_HINGE:
    case CUSGD_LOSS_SQUARED_HINGE: return TARGET_CLASS;
    case CUSGD_LOSS_GAMMA: return TARGET_POSITIVE;
    case CUSGD_LOSS_POISSON:
    case CUSGD_LOSS_TWEEDIE: return TARGET_NATURAL;
    default: return TARGET_REAL;
    }
}

DEVICE int loss_target_is_valid(cusgd_loss loss, double y)
{
    switch (loss_target_kind(loss)) {
    case TARGET_CLASS: return y == 0 || y == 1 || y == -1;
    case TARGET_POSITIVE: return y > 0;
    case TARGET_NATURAL: return y >= 0;
    default: return 1;
    }
}

DEVICE int loss_is_of_classes(cusgd_loss loss) { return loss_target_kind(loss) == TARGET_CLASS; }
DEVICE int loss_has_log_link(cusgd_loss loss)
{
    return loss_target_kind(loss) == TARGET_POSITIVE || loss_target_kind(loss) == TARGET_NATURAL;
}

/* Whether l depends on p - y alone (identity link): then targets may be centred. */
DEVICE int loss_is_shift_invariant(cusgd_loss loss) { return loss_target_kind(loss) == TARGET_REAL; }

/* Whether d2l/dp2 is constant, so that the objective is a quadratic. */
DEVICE int loss_is_quadratic(cusgd_loss loss) { return loss == CUSGD_LOSS_SQUARED || loss == CUSGD_LOSS_MSE; }

/* Whether dl/dp jumps somewhere. */
DEVICE int loss_has_kinks(cusgd_loss loss)
{
    return loss == CUSGD_LOSS_EPSILON_INSENSITIVE || loss == CUSGD_LOSS_HINGE || loss == CUSGD_LOSS_QUANTILE;
}

/* E[y | p], the inverse link. Hinge losses know no expectation: p itself. */
DEVICE double loss_mean_at(cusgd_loss loss, double p)
{
    if (loss == CUSGD_LOSS_LOGISTIC) return 1 / (1 + exp(-p));
    return loss_has_log_link(loss) ? exp(p) : p;
}

/* The best constant prediction for targets of this mean, that of classes being the share of ones. One class alone, or counts of
 * 0, have it at infinity: 1 in 10^6. For losses of real numbers but the quadratic ones the mean is no more than a guess. */
DEVICE double loss_best_constant(cusgd_loss loss, double mean)
{
    if (loss_has_log_link(loss)) return log(mean > 0 ? mean : 1e-6);
    if (!loss_is_of_classes(loss)) return mean;
    if (loss == CUSGD_LOSS_HINGE) return mean > 0.5 ? 1 : -1;
    if (loss == CUSGD_LOSS_SQUARED_HINGE) return 2 * mean - 1;
    if (mean > 0 && mean < 1) return log(mean / (1 - mean));
    return mean > 0.5 ? log(1e6 - 1) : -log(1e6 - 1);
}

/* What a row adds so that the best constant beside offsets o, that of l(b + o, y), is loss_best_constant() of sum w above / sum w
 * below: where the derivative's sum is 0. Of classes it is no more than a guess. */
typedef struct beside_offset {
    double above, below;
} beside_offset;

DEVICE beside_offset loss_beside_offset(loss_rule rule, double y, double o)
{
    /* The variance goes with the q-th power of the mean. */
    double q = rule.kind == CUSGD_LOSS_POISSON ? 1 : rule.kind == CUSGD_LOSS_GAMMA ? 2 : rule.number;
    beside_offset identity = {y - o, 1}, class_share = {(double)(y > 0), 1};
    if (loss_is_of_classes(rule.kind)) return class_share;
    if (!loss_has_log_link(rule.kind)) return identity;
    beside_offset power = {y * exp((1 - q) * o), exp((2 - q) * o)};
    return power;
}

/* The least l over all p: log-link losses go below 0 there. */
DEVICE double loss_floor(loss_rule rule, double y)
{
    double q = rule.number;
    switch (rule.kind) {
    case CUSGD_LOSS_POISSON: return y > 0 ? y - y * log(y) : 0;
    case CUSGD_LOSS_GAMMA: return 1 + log(y);
    case CUSGD_LOSS_TWEEDIE: return y > 0 ? pow(y, 2 - q) / ((2 - q) * (q - 1)) : 0;
    default: return 0;
    }
}

/* What is reported for l: people read the squared error itself. */
DEVICE double loss_reported(cusgd_loss loss, double l) { return loss == CUSGD_LOSS_SQUARED ? 2 * l : l; }

#endif
