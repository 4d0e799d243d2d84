/* The update of one parameter by its gradient, with one function per optimizer. The state of a parameter is theta, up to three
 * slots and optionally the average of its iterates. The conventions are those of torch.optim if it has the method, except that
 * the velocity of momentum includes the rate. */
#ifndef CUSGD_SCALAR_UPDATE_H
#define CUSGD_SCALAR_UPDATE_H

#include "optimizers.h"
#include "real.h"
#include "schedule.h"

/* The numbers that are constant during a run. */
STRUCT(update_rule)
{
    int optimizer;
    int average; /* keep the average of the iterates */
    real beta1, beta2, rho, epsilon;
    real l1, l2;
    real decay; /* of adamw and asgd */
};

/* The numbers of a step: the step_numbers of schedule.h, rounded. */
STRUCT(update_step) { real rate, momentum, correction1, correction2, blend, average; };

SCALAR OF(update_step) update_step_from(const step_numbers *s)
{
    OF(update_step)
    u = {(real)s->rate, (real)s->momentum, (real)s->correction1, (real)s->correction2, (real)s->blend, (real)s->average};
    return u;
}

/* The numbers of a single parameter: its rate factor, factors on the penalties, and bounds. */
STRUCT(own_rule) { real rate_factor, l1, l2, lower, upper; };

STRUCT(parameter) { real theta, slot1, slot2, slot3, average; };

/* The move of an optimizer: theta changes by -move; `factor` is the factor on the gradient in it, which also scales the l1
 * threshold. */
STRUCT(movement) { real move, factor; };

SCALAR OF(movement) update_sgd(real rate, real g)
{
    OF(movement) m = {rate * g, rate};
    return m;
}

/* v = momentum v + rate g; theta -= v. For Nesterov's method g is the gradient at theta - momentum v. */
SCALAR OF(movement) update_momentum(real rate, real momentum, real g, real *v)
{
    *v = momentum * *v + rate * g;
    OF(movement) m = {*v, rate};
    return m;
}

/* G += g^2; theta -= rate g / (sqrt(G) + epsilon) */
SCALAR OF(movement) update_adagrad(real rate, real epsilon, real g, real *G)
{
    *G = *G + g * g;
    real factor = rate / (real_sqrt(*G) + epsilon);
    OF(movement) m = {factor * g, factor};
    return m;
}

/* Nesterov's momentum in AdaGrad's rate_factor. */
SCALAR OF(movement) update_adagrad_nesterov(real rate, real momentum, real epsilon, real g, real *v, real *G)
{
    *G = *G + g * g;
    return update_momentum(rate / (real_sqrt(*G) + epsilon), momentum, g, v);
}

/* E = rho E + (1 - rho) g^2; u = sqrt(D + epsilon) / sqrt(E + epsilon) g; D = rho D + (1 - rho) u^2; theta -= rate u */
SCALAR OF(movement) update_adadelta(real rate, real rho, real epsilon, real g, real *E, real *D)
{
    *E = rho * *E + (1 - rho) * (g * g);
    real scale = real_sqrt(*D + epsilon) / real_sqrt(*E + epsilon);
    real u = scale * g;
    *D = rho * *D + (1 - rho) * (u * u);
    OF(movement) m = {rate * u, rate * scale};
    return m;
}

/* s = rho s + (1 - rho) g^2; theta -= rate g / (sqrt(s) + epsilon) */
SCALAR OF(movement) update_rmsprop(real rate, real rho, real epsilon, real g, real *s)
{
    *s = rho * *s + (1 - rho) * (g * g);
    real factor = rate / (real_sqrt(*s) + epsilon);
    OF(movement) m = {factor * g, factor};
    return m;
}

/* m = beta1 m + (1 - beta1) g; s = beta2 s + (1 - beta2) g^2; theta -= rate m^ / (sqrt(s^) + epsilon), ^ bias-corrected */
SCALAR OF(movement) update_adam(OF(update_rule) rule, OF(update_step) step, real rate, real g, real *moment, real *s)
{
    *moment = rule.beta1 * *moment + (1 - rule.beta1) * g;
    *s = rule.beta2 * *s + (1 - rule.beta2) * (g * g);
    real factor = rate / (real_sqrt(*s * step.correction2) + rule.epsilon);
    OF(movement) m = {factor * (*moment * step.correction1), factor};
    return m;
}

/* The same scale with momentum: v = momentum v + rate g / (sqrt(s) + epsilon); theta -= v. PyTorch has the rate outside v, which
 * is the same where it is constant. */
SCALAR OF(movement) update_rmsprop_momentum(OF(update_rule) rule, OF(update_step) step, real rate, real g, real *v, real *s)
{
    *s = rule.rho * *s + (1 - rule.rho) * (g * g);
    return update_momentum(rate / (real_sqrt(*s) + rule.epsilon), step.momentum, g, v);
}

/* Updates s, a mean of squares, and the mean, and returns the root of the variance. Rounding errors may make the variance
 * negative, which counts as 0. */
SCALAR real centered_root(OF(update_rule) rule, real g, real *s, real *mean)
{
    *s = rule.rho * *s + (1 - rule.rho) * (g * g);
    *mean = rule.rho * *mean + (1 - rule.rho) * g;
    real variance = *s - *mean * *mean;
    return real_sqrt(variance > 0 ? variance : 0);
}

SCALAR OF(movement) update_rmsprop_centered(OF(update_rule) rule, real rate, real g, real *s, real *mean)
{
    real factor = rate / (centered_root(rule, g, s, mean) + rule.epsilon);
    OF(movement) m = {factor * g, factor};
    return m;
}

SCALAR OF(movement)
    update_rmsprop_centered_momentum(OF(update_rule) rule, OF(update_step) step, real rate, real g, real *v, real *s, real *mean)
{
    return update_momentum(rate / (centered_root(rule, g, s, mean) + rule.epsilon), step.momentum, g, v);
}

/* Adam by the largest s so far (Reddi, Kale, Kumar 2018). */
SCALAR OF(movement)
    update_amsgrad(OF(update_rule) rule, OF(update_step) step, real rate, real g, real *moment, real *s, real *maximum)
{
    *moment = rule.beta1 * *moment + (1 - rule.beta1) * g;
    *s = rule.beta2 * *s + (1 - rule.beta2) * (g * g);
    if (!(*s < *maximum)) *maximum = *s;
    real factor = rate / (real_sqrt(*maximum * step.correction2) + rule.epsilon);
    OF(movement) m = {factor * (*moment * step.correction1), factor};
    return m;
}

/* Adam with Nesterov's momentum (Dozat 2016): the numerator is correction1 m + blend g, see schedule.h. */
SCALAR OF(movement) update_nadam(OF(update_rule) rule, OF(update_step) step, real rate, real g, real *moment, real *s)
{
    *moment = rule.beta1 * *moment + (1 - rule.beta1) * g;
    *s = rule.beta2 * *s + (1 - rule.beta2) * (g * g);
    real factor = rate / (real_sqrt(*s * step.correction2) + rule.epsilon);
    OF(movement) m = {factor * (step.correction1 * *moment + step.blend * g), factor * (step.correction1 + step.blend)};
    return m;
}

/* Adam whose first steps, before the variance of s is known, are momentum's (Liu et al. 2020): correction2 is then 0. */
SCALAR OF(movement) update_radam(OF(update_rule) rule, OF(update_step) step, real rate, real g, real *moment, real *s)
{
    *moment = rule.beta1 * *moment + (1 - rule.beta1) * g;
    *s = rule.beta2 * *s + (1 - rule.beta2) * (g * g);
    real factor = step.correction2 > 0 ? rate * step.correction2 / (real_sqrt(*s) + rule.epsilon) : rate;
    OF(movement) m = {factor * (*moment * step.correction1), factor};
    return m;
}

/* u = max(beta2 u, |g| + epsilon); theta -= rate m^ / u (Kingma, Ba 2015) */
SCALAR OF(movement) update_adamax(OF(update_rule) rule, OF(update_step) step, real rate, real g, real *moment, real *u)
{
    *moment = rule.beta1 * *moment + (1 - rule.beta1) * g;
    real kept = rule.beta2 * *u, fresh = real_abs(g) + rule.epsilon;
    *u = kept > fresh ? kept : fresh;
    real factor = rate / *u;
    OF(movement) m = {factor * (*moment * step.correction1), factor};
    return m;
}

/* The proximal map of `threshold` |theta|. NaN stays NaN. */
SCALAR real soft_threshold(real theta, real threshold)
{
    real rest = real_abs(theta) - threshold, shrunk = theta < 0 ? -rest : rest;
    return rest <= 0 ? 0 : shrunk; /* without a branch, so that loops over parameters are vectors */
}

/* The nearest number in [lower, upper]: after the threshold it is the proximal map of both. NaN stays NaN. */
SCALAR real into_bounds(real theta, real lower, real upper) { return theta < lower ? lower : theta > upper ? upper : theta; }

/* FTRL-Proximal (McMahan et al. 2013): n += g^2; z += g - (c' - c) theta with c' = (sqrt(n) + beta) / rate. A step without a
 * gradient changes nothing of them, so that one which leaves a parameter out is the same. Values are selected rather than
 * branched on, so that a loop can take several parameters at once; as below. */
SCALAR OF(movement) update_ftrl(real rate, real beta, real g, OF(parameter) * q)
{
    OF(movement) none = {0, 0};
    int waits = real_abs(g) <= 0;
    real n = q->slot2 + g * g, weight = (real_sqrt(n) + beta) / rate, z = q->slot1 + (g - (weight - q->slot3) * q->theta);
    q->slot1 = waits ? q->slot1 : z;
    q->slot2 = waits ? q->slot2 : n;
    q->slot3 = waits ? q->slot3 : weight;
    return none;
}

/* What minimizes z theta + c theta^2 / 2 + steps (l1 |theta| + l2 theta^2 / 2): each step adds both penalties, so that the
 * fixed point is that of the other optimizers; the paper's constant penalties are these divided by the number of steps. A
 * parameter that has had no gradient stays where it is. */
SCALAR real ftrl_leader(real theta, real z, real weight, real steps, real l1, real l2)
{
    return weight <= 0 ? theta : -soft_threshold(z, steps * l1) / (weight + steps * l2);
}

/* Returns the l1 or l2 of a parameter: that of the run times its own factor. */
SCALAR real own_penalty(real penalty, real factor, int limited, int penalized)
{
    return !penalized ? 0 : limited ? penalty * factor : penalty;
}

/* Returns the point at which the gradient of a step is computed. */
SCALAR real gradient_point(OF(update_rule) rule, OF(update_step) step, real theta, real slot1)
{
    return optimizer_looks_ahead(rule.optimizer) ? theta - step.momentum * slot1 : theta;
}

#define MOVE_CASE(KIND, NAME, MOVE, ...) \
    case KIND: return MOVE;

SCALAR_INLINED OF(movement) optimizer_move(OF(update_rule) rule, OF(update_step) step, real rate, real g, OF(parameter) * q)
{
    switch (rule.optimizer) {
        OPTIMIZERS(MOVE_CASE)
        OPTIMIZER_VARIANTS(MOVE_CASE)
    default: return update_sgd(rate, g);
    }
}
#undef MOVE_CASE

/* One step of one parameter. g: the batch's mean loss gradient at gradient_point(), `point` that value; penalized: 0 for
 * intercepts, which have no bounds either; limited: 0 where all penalty factors are 1 and there are no bounds.
 *
 * The l1 penalty and the bounds act by their proximal map, scaled by what multiplied the gradient, so that every optimizer has
 * the same fixed point. The velocity is then what theta really did: with its old value the run would solve another problem. */
SCALAR_INLINED void update_parameter(OF(update_rule) rule, OF(update_step) step, OF(own_rule) own, int limited, int penalized,
                                     real point, real g, OF(parameter) * q)
{
    real before = q->theta;
    int leads = optimizer_leads(rule.optimizer);
    if (penalized && !leads) g = g + own_penalty(rule.l2, own.l2, limited, 1) * point;
    OF(movement) m = optimizer_move(rule, step, step.rate * own.rate_factor, g, q);
    real start = optimizer_decays(rule.optimizer) && penalized ? before * (1 - step.rate * own.rate_factor * rule.decay) : before;
    q->theta = start - m.move;
    if (leads) {
        real l1 = own_penalty(rule.l1, own.l1, limited, penalized), l2 = own_penalty(rule.l2, own.l2, limited, penalized);
        q->theta = ftrl_leader(q->theta, q->slot1, q->slot3, step.correction1, l1, l2);
        if (penalized && limited) q->theta = into_bounds(q->theta, own.lower, own.upper);
    } else if (penalized && (rule.l1 > 0 || limited)) {
        q->theta = soft_threshold(q->theta, own_penalty(rule.l1, own.l1, limited, 1) * m.factor);
        if (limited) q->theta = into_bounds(q->theta, own.lower, own.upper);
        if (optimizer_has_velocity(rule.optimizer)) q->slot1 = before - q->theta;
    }
    if (rule.average) q->average = q->average + step.average * (q->theta - q->average);
}

#endif
