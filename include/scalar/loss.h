/* Losses l(p, y) of a prediction p = x theta + b and a target y: one function each, with its first two derivatives by p. */
#ifndef CUSGD_SCALAR_LOSS_H
#define CUSGD_SCALAR_LOSS_H

#include "../cusgd.h"
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
 * class has its own form, so that a small loss keeps its digits. */
SCALAR OF(loss_point) loss_logistic(real p, real y)
{
    real e = real_exp(-real_abs(p));
    real near = 1 / (1 + e), far = e / (1 + e); /* sigmoid(|p|), sigmoid(-|p|) */
    real one = p >= 0 ? near : far, zero = p >= 0 ? far : near;
    real wrong = y > (real)0.5 ? -p : p; /* > 0 on the wrong side */
    OF(loss_point) l = {(wrong > 0 ? wrong : 0) + real_log1p(e), y > (real)0.5 ? -zero : one, near * far};
    return l;
}

SCALAR OF(loss_point) loss_at(cusgd_loss loss, real p, real y)
{
    switch (loss) {
    case CUSGD_LOSS_MSE: return loss_mse(p, y);
    case CUSGD_LOSS_LOGISTIC: return loss_logistic(p, y);
    case CUSGD_LOSS_SQUARED: break;
    }
    return loss_squared(p, y);
}

/* The least upper bound of d2l/dp2. */
DEVICE double loss_curvature_bound(cusgd_loss loss)
{
    switch (loss) {
    case CUSGD_LOSS_MSE: return 2;
    case CUSGD_LOSS_LOGISTIC: return 0.25;
    case CUSGD_LOSS_SQUARED: break;
    }
    return 1;
}

/* Whether l depends on p - y alone (identity link): then targets may be centred. */
DEVICE int loss_is_shift_invariant(cusgd_loss loss) { return loss != CUSGD_LOSS_LOGISTIC; }

/* Whether d2l/dp2 is constant, so that the objective is a quadratic. */
DEVICE int loss_is_quadratic(cusgd_loss loss) { return loss == CUSGD_LOSS_SQUARED || loss == CUSGD_LOSS_MSE; }

DEVICE int loss_target_is_valid(cusgd_loss loss, double y) { return loss != CUSGD_LOSS_LOGISTIC || y == 0 || y == 1; }

/* E[y | p], the inverse link. */
DEVICE double loss_mean_at(cusgd_loss loss, double p) { return loss == CUSGD_LOSS_LOGISTIC ? 1 / (1 + exp(-p)) : p; }

/* The best constant prediction for targets of this mean: the link of the mean. One class alone has it at infinity: 1 in 10^6. */
DEVICE double loss_best_constant(cusgd_loss loss, double mean)
{
    if (loss != CUSGD_LOSS_LOGISTIC) return mean;
    double m = fmin(fmax(mean, 1e-6), 1 - 1e-6);
    return log(m / (1 - m));
}

/* What is reported for l: people read the squared error itself. */
DEVICE double loss_reported(cusgd_loss loss, double l) { return loss == CUSGD_LOSS_SQUARED ? 2 * l : l; }

#endif
