/* The losses of one output written as formulas, with the same numbers, and targets that they take. */
#ifndef CUSGD_TESTS_LOSSES_AS_FORMULAS_H
#define CUSGD_TESTS_LOSSES_AS_FORMULAS_H

#include "scalar/loss_rule.h"

static const struct {
    const char *text;
    loss_rule rule;
    double targets[3];
} losses_as_formulas[] = {
    {"(p-y)^2/2", {.kind = CUSGD_LOSS_SQUARED}, {-1.5, 0, 2}},
    {"(p-y)^2", {.kind = CUSGD_LOSS_MSE}, {-1.5, 0, 2}},
    {"log(1+exp(p)) - y*p", {.kind = CUSGD_LOSS_LOGISTIC}, {0, 1, 0}},
    {"abs(p-y) <= 1.25 ? (p-y)^2/2 : 1.25*(abs(p-y) - 1.25/2)", {.kind = CUSGD_LOSS_HUBER, .number = 1.25}, {-1.5, 0, 2}},
    {"max(0, abs(p-y) - .1)", {.kind = CUSGD_LOSS_EPSILON_INSENSITIVE, .number = 0.1}, {-1.5, 0, 2}},
    {"max(0, abs(p-y) - .1)^2", {.kind = CUSGD_LOSS_SQUARED_EPSILON_INSENSITIVE, .number = 0.1}, {-1.5, 0, 2}},
    {"max(0, 1 - (2*y-1)*p)", {.kind = CUSGD_LOSS_HINGE}, {0, 1, 0}},
    {"max(0, 1 - (2*y-1)*p)^2", {.kind = CUSGD_LOSS_SQUARED_HINGE}, {0, 1, 0}},
    {"y > p ? .3*(y-p) : .7*(p-y)", {.kind = CUSGD_LOSS_QUANTILE, .number = 0.3}, {-1.5, 0, 2}},
    {"exp(p) - y*p", {.kind = CUSGD_LOSS_POISSON}, {0, 1, 5}},
    {"p + y*exp(-p)", {.kind = CUSGD_LOSS_GAMMA}, {0.5, 1, 5}},
    {"exp(.5*p)/.5 + y*exp(-.5*p)/.5", {.kind = CUSGD_LOSS_TWEEDIE, .number = 1.5}, {0, 1, 5}},
    {"log(cosh(p-y))", {.kind = CUSGD_LOSS_LOG_COSH}, {-1.5, 0, 2}},
    {"(2*y-1)*p >= -1 ? max(0, 1-(2*y-1)*p)^2 : -4*(2*y-1)*p", {.kind = CUSGD_LOSS_MODIFIED_HUBER}, {0, 1, 0}},
    {"max(0, -(2*y-1)*p)", {.kind = CUSGD_LOSS_PERCEPTRON}, {0, 1, 0}}};
enum { FORMULAS = sizeof losses_as_formulas / sizeof losses_as_formulas[0] };

#endif
