/* The body of scalar_float.c and scalar_double.c. */
#include "real.h"
#include "scalar.h"
#include "scalar/loss.h"
#include "scalar/update.h"

static loss_numbers loss(loss_rule loss, double p, double y)
{
    struct loss_point l = loss_at(loss, (real)p, (real)y);
    return (loss_numbers){(double)l.value, (double)l.slope, (double)l.curvature};
}

static struct update_rule rule_of(const update_case *c)
{
    return (struct update_rule){c->optimizer, c->average,       (real)c->beta1, (real)c->beta2,
                                (real)c->rho, (real)c->epsilon, (real)c->l1,    (real)c->l2};
}

static struct update_step step_of(const update_case *c, int64_t t)
{
    step_numbers n = {schedule_rate(c->schedule, c->rate, c->t0, c->t1, t), c->momentum, bias_correction(c->beta1, t),
                      bias_correction(c->beta2, t), average_weight(AVERAGE_ECCENTRICITY, t, 0)};
    return update_step_from(&n);
}

static double point(const update_case *c, int64_t t, const parameter_numbers *q)
{
    return (double)gradient_point(rule_of(c), step_of(c, t), (real)q->theta, (real)q->slot1);
}

static void step(const update_case *c, int64_t t, int penalised, double at, double g, parameter_numbers *q)
{
    struct parameter r = {(real)q->theta, (real)q->slot1, (real)q->slot2, (real)q->average};
    update_parameter(rule_of(c), step_of(c, t), 1, penalised, (real)at, (real)g, &r);
    *q = (parameter_numbers){(double)r.theta, (double)r.slot1, (double)r.slot2, (double)r.average};
}

static double threshold(double theta, double by) { return (double)soft_threshold((real)theta, (real)by); }

const scalar_functions NAMED(scalar) = {sizeof(real) == sizeof(float) ? 0x1p-24 : 0x1p-53, loss, point, step, threshold};
