/* The table of losses. Its rows have everything about a loss except for the formulas in loss.h. */
#ifndef CUSGD_SCALAR_LOSSES_H
#define CUSGD_SCALAR_LOSSES_H

#include "loss_rule.h"
#include "real.h"

/* One row per loss: its enumerator, its name, its formula by the names of loss_at()'s variables, and its loss_info. loss_at() and
 * every other switch over all losses is made from this list, in this order, which is the enumeration's. Softmax, the only loss of
 * several outputs together, stands behind those of one.
 *
 * A new loss is an enumerator in kinds.h, a function in loss.h, a row here, a golden vector and its line in the documentation. */
/* clang-format off */
#define ONE_OUTPUT_LOSSES(X)                                                                                                   \
    X(SQUARED, "squared", loss_squared(p, y),                                                                                  \
      .info.formula = "(p - y)^2 / 2", .info.targets = CUSGD_TARGET_REAL, .info.link = CUSGD_LINK_IDENTITY,                    \
      .info.smoothness = CUSGD_SMOOTH_QUADRATIC, .info.likelihood = 1, .info.hessian_bound = 1,                                \
      .derivative_bound = (double)INFINITY, .reported = 2)                                                                     \
    X(MSE, "mse", loss_mse(p, y),                                                                                              \
      .info.formula = "(p - y)^2", .info.targets = CUSGD_TARGET_REAL, .info.link = CUSGD_LINK_IDENTITY,                        \
      .info.smoothness = CUSGD_SMOOTH_QUADRATIC, .info.likelihood = 1, .info.hessian_bound = 2,                                \
      .derivative_bound = (double)INFINITY, .reported = 1)                                                                     \
    X(LOGISTIC, "logistic", loss_logistic(p, y),                                                                               \
      .info.formula = "log(1 + e^p) - y p", .info.targets = CUSGD_TARGET_CLASS, .info.link = CUSGD_LINK_LOGIT,                 \
      .info.smoothness = CUSGD_SMOOTH_TWICE, .info.likelihood = 1, .info.hessian_bound = 0.25, .derivative_bound = 1,          \
      .reported = 1, .may_lack_optimum = 1)                                                                                    \
    X(HUBER, "huber", loss_huber(p, y, number),                                                                                \
      .info.formula = "r^2 / 2 for |r| <= delta, else delta (|r| - delta / 2)", .info.targets = CUSGD_TARGET_REAL,             \
      .info.link = CUSGD_LINK_IDENTITY, .info.smoothness = CUSGD_SMOOTH_ONCE, .info.hessian_bound = 1,                         \
      .info.option = "delta", .info.option_default = 1.35, .derivative_bound = (double)NAN, .reported = 1)                     \
    X(EPSILON_INSENSITIVE, "epsilon-insensitive", loss_epsilon_insensitive(p, y, number),                                      \
      .info.formula = "max(0, |r| - width)", .info.targets = CUSGD_TARGET_REAL, .info.link = CUSGD_LINK_IDENTITY,              \
      .info.smoothness = CUSGD_SMOOTH_NOT, .info.hessian_bound = (double)INFINITY, .info.option = "width",                     \
      .info.option_default = 0.1, .derivative_bound = (double)INFINITY, .reported = 1)                                         \
    X(SQUARED_EPSILON_INSENSITIVE, "squared-epsilon-insensitive", loss_squared_epsilon_insensitive(p, y, number),              \
      .info.formula = "max(0, |r| - width)^2", .info.targets = CUSGD_TARGET_REAL, .info.link = CUSGD_LINK_IDENTITY,            \
      .info.smoothness = CUSGD_SMOOTH_ONCE, .info.hessian_bound = 2, .info.option = "width", .info.option_default = 0.1,       \
      .derivative_bound = (double)INFINITY, .reported = 1)                                                                     \
    X(HINGE, "hinge", loss_hinge(p, y),                                                                                        \
      .info.formula = "max(0, 1 - s p)", .info.targets = CUSGD_TARGET_CLASS, .info.link = CUSGD_LINK_IDENTITY,                 \
      .info.smoothness = CUSGD_SMOOTH_NOT, .info.hessian_bound = (double)INFINITY, .derivative_bound = (double)INFINITY,       \
      .reported = 1)                                                                                                           \
    X(SQUARED_HINGE, "squared-hinge", loss_squared_hinge(p, y),                                                                \
      .info.formula = "max(0, 1 - s p)^2", .info.targets = CUSGD_TARGET_CLASS, .info.link = CUSGD_LINK_IDENTITY,               \
      .info.smoothness = CUSGD_SMOOTH_ONCE, .info.hessian_bound = 2, .derivative_bound = (double)INFINITY, .reported = 1)      \
    X(QUANTILE, "quantile", loss_quantile(p, y, number),                                                                       \
      .info.formula = "quantile (y - p) for y > p, else (1 - quantile) (p - y)", .info.targets = CUSGD_TARGET_REAL,            \
      .info.link = CUSGD_LINK_IDENTITY, .info.smoothness = CUSGD_SMOOTH_NOT, .info.hessian_bound = (double)INFINITY,           \
      .info.option = "quantile", .info.option_default = 0.5, .derivative_bound = (double)INFINITY, .reported = 1)              \
    X(POISSON, "poisson", loss_poisson(p, y, maximum),                                                                            \
      .info.formula = "e^p - y p", .info.targets = CUSGD_TARGET_NONNEGATIVE, .info.link = CUSGD_LINK_LOG,                      \
      .info.smoothness = CUSGD_SMOOTH_TWICE, .info.likelihood = 1, .info.hessian_bound = (double)INFINITY,                     \
      .derivative_bound = (double)INFINITY, .reported = 1, .may_lack_optimum = 1, .variance_power = 1)                         \
    X(GAMMA, "gamma", loss_gamma(p, y, minimum),                                                                                 \
      .info.formula = "p + y e^-p", .info.targets = CUSGD_TARGET_POSITIVE, .info.link = CUSGD_LINK_LOG,                        \
      .info.smoothness = CUSGD_SMOOTH_TWICE, .info.hessian_bound = (double)INFINITY, .derivative_bound = (double)INFINITY,     \
      .reported = 1, .variance_power = 2)                                                                                      \
    X(TWEEDIE, "tweedie", loss_tweedie(p, y, number, minimum, maximum),                                                             \
      .info.formula = "e^((2-q) p) / (2-q) + y e^((1-q) p) / (q-1), q = power", .info.targets = CUSGD_TARGET_NONNEGATIVE,      \
      .info.link = CUSGD_LINK_LOG, .info.smoothness = CUSGD_SMOOTH_TWICE, .info.hessian_bound = (double)INFINITY,              \
      .info.option = "power", .info.option_default = 1.5, .derivative_bound = (double)INFINITY, .reported = 1,                 \
      .may_lack_optimum = 1, .variance_power = (double)NAN)                                                                    \
    X(LOG_COSH, "log-cosh", loss_log_cosh(p, y),                                                                               \
      .info.formula = "log cosh r", .info.targets = CUSGD_TARGET_REAL, .info.link = CUSGD_LINK_IDENTITY,                       \
      .info.smoothness = CUSGD_SMOOTH_TWICE, .info.hessian_bound = 1, .derivative_bound = 1, .reported = 1)                    \
    X(MODIFIED_HUBER, "modified-huber", loss_modified_huber(p, y),                                                             \
      .info.formula = "max(0, 1 - s p)^2 for s p >= -1, else -4 s p", .info.targets = CUSGD_TARGET_CLASS,                      \
      .info.link = CUSGD_LINK_IDENTITY, .info.smoothness = CUSGD_SMOOTH_ONCE, .info.hessian_bound = 2, .derivative_bound = 4,  \
      .reported = 1)                                                                                                           \
    X(PERCEPTRON, "perceptron", loss_perceptron(p, y),                                                                         \
      .info.formula = "max(0, -s p)", .info.targets = CUSGD_TARGET_CLASS, .info.link = CUSGD_LINK_IDENTITY,                    \
      .info.smoothness = CUSGD_SMOOTH_NOT, .info.hessian_bound = (double)INFINITY, .derivative_bound = (double)INFINITY,       \
      .reported = 1)
#define LOSSES(X)                                                                                                              \
    ONE_OUTPUT_LOSSES(X)                                                                                                       \
    X(SOFTMAX, "softmax", softmax_at(), /* of all outputs: softmax.h */                                                        \
      .info.formula = "log sum_c e^(p_c) - p_y", .info.targets = CUSGD_TARGET_CLASS, .info.link = CUSGD_LINK_SOFTMAX,          \
      .info.smoothness = CUSGD_SMOOTH_TWICE, .info.hessian_bound = 0.5, .derivative_bound = 1, .reported = 1,                  \
      .may_lack_optimum = 1)
/* clang-format on */

/* The expected target for a prediction, the inverse link, by the C library or CUDA: predictions are made on the host. Generated
 * classes are drawn by it on either, so that one in about 10^16 may differ between them. */
DEVICE double link_mean(cusgd_link link, double p)
{
    switch (link) {
    case CUSGD_LINK_LOGIT:
    case CUSGD_LINK_SOFTMAX: return 1 / (1 + exp(-p)); /* the latter of two classes whose predictions differ by p */
    case CUSGD_LINK_LOG: return exp(p);
    case CUSGD_LINK_IDENTITY: break;
    }
    return p;
}

/* The table itself is only compiled in C: kernels only need loss_at() and link_mean(). */
#ifndef __cplusplus

#include <math.h>

typedef struct loss_info {
    cusgd_loss_info info;    /* what cusgd_loss_at() returns */
    double derivative_bound; /* the largest |dl/dp| of losses that are differentiable; NaN: the loss's number; infinite: none */
    double reported;         /* factor from l to the reported loss: for squared loss the squared error is reported */
    int may_lack_optimum;    /* 1: on some data the optimum is at infinite coefficients (separated classes) */
    double variance_power;   /* log links: the variance is proportional to this power of the mean; NaN: the loss's number */
    int fixed;               /* 1: l is not a function of p - y */
} loss_info;

#define LOSS_ROW(KIND, NAME, FORMULA, ...) [CUSGD_LOSS_##KIND] = {.info.name = NAME, __VA_ARGS__},
enum { LOSS_COUNT = CUSGD_LOSS_EXPRESSION }; /* number of losses that have a name */

/* Rows for formulas, with what does not depend on their texts. Bounds on their derivatives are computed from the data
 * (host/problem/). */
#define EXPRESSION_ROW(KIND, SMOOTHNESS, FIXED)                    \
    [CUSGD_LOSS_##KIND] = {.info.name = "expression",              \
                           .info.formula = "a formula of p and y", \
                           .info.targets = CUSGD_TARGET_REAL,      \
                           .info.link = CUSGD_LINK_IDENTITY,       \
                           .info.smoothness = SMOOTHNESS,          \
                           .info.hessian_bound = (double)INFINITY, \
                           .derivative_bound = (double)INFINITY,   \
                           .reported = 1,                          \
                           .fixed = FIXED}
static const loss_info loss_table[] = {LOSSES(LOSS_ROW) /* and the expressions */
                                       EXPRESSION_ROW(EXPRESSION, CUSGD_SMOOTH_TWICE, 1),
                                       EXPRESSION_ROW(EXPRESSION_ONCE, CUSGD_SMOOTH_ONCE, 1),
                                       EXPRESSION_ROW(EXPRESSION_NOT, CUSGD_SMOOTH_NOT, 1),
                                       EXPRESSION_ROW(EXPRESSION_SHIFT, CUSGD_SMOOTH_TWICE, 0),
                                       EXPRESSION_ROW(EXPRESSION_SHIFT_ONCE, CUSGD_SMOOTH_ONCE, 0),
                                       EXPRESSION_ROW(EXPRESSION_SHIFT_NOT, CUSGD_SMOOTH_NOT, 0)};
#undef EXPRESSION_ROW
#undef LOSS_ROW

static inline int loss_is_expression(cusgd_loss loss) { return loss >= CUSGD_LOSS_EXPRESSION; }

static inline const cusgd_loss_info *loss_info_of(cusgd_loss loss) { return &loss_table[loss].info; }

/* Returns the least upper bound of d2l/dp2; infinite if there is none, as for losses whose derivative jumps. */
static inline double loss_curvature_bound(loss_rule rule) { return loss_info_of(rule.kind)->hessian_bound; }

static inline double loss_derivative_bound(loss_rule rule)
{
    double largest = loss_table[rule.kind].derivative_bound;
    return isnan(largest) ? rule.number : largest;
}

static inline int loss_target_is_valid(cusgd_loss loss, double y)
{
    switch (loss_info_of(loss)->targets) {
    case CUSGD_TARGET_CLASS: return y == 0 || y == 1 || y == -1;
    case CUSGD_TARGET_POSITIVE: return y > 0;
    case CUSGD_TARGET_NONNEGATIVE: return y >= 0;
    case CUSGD_TARGET_REAL: break;
    }
    return 1;
}

static inline int loss_is_of_classes(cusgd_loss loss) { return loss_info_of(loss)->targets == CUSGD_TARGET_CLASS; }
static inline int loss_has_log_link(cusgd_loss loss) { return loss_info_of(loss)->link == CUSGD_LINK_LOG; }
static inline int loss_has_probabilities(cusgd_loss loss)
{
    cusgd_link link = loss_info_of(loss)->link;
    return link == CUSGD_LINK_LOGIT || link == CUSGD_LINK_SOFTMAX;
}

/* Returns whether l is a function of p - y (identity link), so that targets may be centered. */
static inline int loss_is_shift_invariant(cusgd_loss loss)
{
    return loss_info_of(loss)->targets == CUSGD_TARGET_REAL && !loss_table[loss].fixed;
}

/* Returns whether d2l/dp2 is constant, so that the objective is a quadratic. */
static inline int loss_is_quadratic(cusgd_loss loss) { return loss_info_of(loss)->smoothness == CUSGD_SMOOTH_QUADRATIC; }

/* Returns whether dl/dp jumps somewhere. */
static inline int loss_is_nonsmooth(cusgd_loss loss) { return loss_info_of(loss)->smoothness == CUSGD_SMOOTH_NOT; }

/* Returns whether the optimum without penalties is a maximum-likelihood estimate with standard errors. */
static inline int loss_is_likelihood(cusgd_loss loss) { return loss_info_of(loss)->likelihood; }
static inline int loss_may_lack_optimum(cusgd_loss loss) { return loss_table[loss].may_lack_optimum; }

/* Returns the loss to report for l. */
static inline double loss_reported(cusgd_loss loss, double l) { return loss_table[loss].reported * l; }

/* Returns E[y | p], the inverse link. Hinge losses do not model an expectation: returns p. */
static inline double loss_mean_at(cusgd_loss loss, double p) { return link_mean(loss_info_of(loss)->link, p); }

/* ---- Formulas in double that the rows cannot hold as numbers -------------------------------------------------------------- */

/* Returns the prediction of the intercept-only model for targets with this mean (for classes, the share of ones). For a single
 * class, or counts that are all 0, it would be infinite; a share of 1 in 10^6 is used instead. For losses of real numbers that
 * are not quadratic, the mean is only an initial estimate. */
static inline double loss_best_constant(cusgd_loss loss, double mean)
{
    if (loss_has_log_link(loss)) return log(mean > 0 ? mean : 1e-6);
    if (!loss_is_of_classes(loss)) return mean;
    if (loss == CUSGD_LOSS_HINGE) return mean > 0.5 ? 1 : -1;
    if (loss == CUSGD_LOSS_SQUARED_HINGE || loss == CUSGD_LOSS_MODIFIED_HUBER) return 2 * mean - 1;
    if (loss == CUSGD_LOSS_PERCEPTRON) return 0;
    if (mean > 0 && mean < 1) return log(mean / (1 - mean));
    return mean > 0.5 ? log(1e6 - 1) : -log(1e6 - 1);
}

/* The terms of a row for the intercept-only model with offsets o, of the loss l(b + o, y): it is loss_best_constant() of sum w
 * above / sum w below, where the sum of the derivatives is 0. For classes it is only an initial estimate. */
typedef struct offset_terms {
    double above, below;
} offset_terms;

static inline offset_terms loss_given_offset(loss_rule rule, double y, double o)
{
    double q = loss_table[rule.kind].variance_power;
    if (isnan(q)) q = rule.number;
    if (loss_is_of_classes(rule.kind)) return (offset_terms){(double)(y > 0), 1};
    if (!loss_has_log_link(rule.kind)) return (offset_terms){y - o, 1};
    return (offset_terms){y * exp((1 - q) * o), exp((2 - q) * o)};
}

/* Returns the minimum of l over all p, which is below 0 for some log-link losses. */
static inline double loss_lower_bound(loss_rule rule, double y)
{
    double q = rule.number;
    switch (rule.kind) {
    case CUSGD_LOSS_POISSON: return y > 0 ? y - y * log(y) : 0;
    case CUSGD_LOSS_GAMMA: return 1 + log(y);
    case CUSGD_LOSS_TWEEDIE: return y > 0 ? pow(y, 2 - q) / ((2 - q) * (q - 1)) : 0;
    default: return 0;
    }
}

#endif
#endif
