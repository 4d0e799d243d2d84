/* The body of scalar_float.c and scalar_double.c. */
#include "real.h"
#include "scalar.h"
#include "scalar/expression.h"
#include "scalar/update.h"
#include <string.h>

#define BY_NAME(NAME) \
    if (!strcmp(name, #NAME)) return (double)real_##NAME((real)x);

static double elementary(const char *name, double x)
{
    ELEMENTARY_FUNCTIONS(BY_NAME)
    return (double)NAN;
}

static double power(double x, double y) { return (double)real_pow((real)x, (real)y); }

static loss_numbers loss(loss_rule loss, double p, double y)
{
    struct loss_point l = loss.formula ? formula_at(&loss.formula->loss, 2, (real)p, (real)y) : loss_at(loss, (real)p, (real)y);
    return (loss_numbers){(double)l.value, (double)l.derivative, (double)l.curvature};
}

static struct update_rule rule_of(const update_case *c)
{
    return (struct update_rule){.optimizer = c->optimizer,
                                .average = c->average,
                                .beta1 = (real)c->beta1,
                                .beta2 = (real)c->beta2,
                                .rho = (real)c->rho,
                                .epsilon = (real)c->epsilon,
                                .l1 = (real)c->l1,
                                .l2 = (real)c->l2,
                                .decay = (real)c->decay};
}

static struct update_step step_of(const update_case *c, int64_t t)
{
    step_numbers n;
    rate_schedule schedule = {.kind = c->schedule, .batches = 1, .steps = 1, .rate = c->rate, .t0 = c->t0, .t1 = c->t1};
    optimizer_numbers(c->optimizer, c->beta1, c->beta2, t, &n);
    n.rate = schedule_rate(&schedule, t);
    if (c->optimizer == CUSGD_OPTIMIZER_ASGD) n.rate *= asgd_share(c->decay, c->rate, t);
    n.momentum = c->momentum;
    n.average = average_weight(c->optimizer == CUSGD_OPTIMIZER_ASGD ? 0 : AVERAGE_ECCENTRICITY, t, (int64_t)c->average - 1);
    return update_step_from(&n);
}

static double point(const update_case *c, int64_t t, const parameter_numbers *q)
{
    return (double)gradient_point(rule_of(c), step_of(c, t), (real)q->theta, (real)q->slot1);
}

static void step(const update_case *c, int64_t t, int penalized, double at, double g, parameter_numbers *q)
{
    struct parameter r = {(real)q->theta, (real)q->slot1, (real)q->slot2, (real)q->slot3, (real)q->average};
    struct own_rule own = {1, (real)c->l1_factor, (real)c->l2_factor, (real)c->lower, (real)c->upper};
    update_parameter(rule_of(c), step_of(c, t), own, c->limited, penalized, (real)at, (real)g, &r);
    *q = (parameter_numbers){(double)r.theta, (double)r.slot1, (double)r.slot2, (double)r.slot3, (double)r.average};
}

static double threshold(double theta, double by) { return (double)soft_threshold((real)theta, (real)by); }

const scalar_functions NAMED(scalar) = {
    sizeof(real) == sizeof(float) ? 0x1p-24 : 0x1p-53, elementary, power, loss, point, step, threshold};
