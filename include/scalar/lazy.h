/* Lazy updates of sparse columns: the combined update of a column that was in no batch for some steps:
 *
 *     sgd      |theta| = max(0, P |theta| - T), the composition of the steps' shrinkage 1 - rate l2 and threshold rate l1
 *     adagrad  theta = S(theta, c A l1) / (1 + c A l2), A the sum of the rates, c = 1 / (sqrt(G) + epsilon), since G is unchanged
 *     ftrl     theta follows from z and n: only the number of steps has changed
 *
 * (Duchi, Singer 2009; McMahan et al. 2013; Lipton, Elkan 2015); then theta is brought into its bounds. The average of the
 * iterates takes theta as it stood meanwhile. In adagrad l2 acts by its proximal map and does not add to G: the optimum is the
 * same, the way there is not. */
#ifndef CUSGD_SCALAR_LAZY_H
#define CUSGD_SCALAR_LAZY_H

#include "catch_up.h"
#include "update.h"

/* Returns whether the step of a column is complete. For adagrad, the penalties and the averaging are applied with later steps. */
DEVICE int lazy_is_whole(int optimizer) { return optimizer != CUSGD_OPTIMIZER_ADAGRAD; }

/* The missed updates of a parameter between two entries of the table. */
STRUCT(missed_steps)
{
    real shrink; /* sgd: a product of 1 - rate l2 */
    real amount; /* sgd: the threshold behind that; adagrad: the sum of the rates */
    real keep;   /* of the average; 1: nothing is missed */
    real steps;  /* ftrl: of the run until now */
};

/* averages: 0 if there is no average; `keep` is then 1. */
SCALAR OF(missed_steps) missed_between(int optimizer, int averages, const catch_up *since, int64_t from, int64_t to)
{
    const catch_up *before = since + from, *now = since + to;
    OF(missed_steps) m = {1, 0, 1, (real)now->steps};
    if (optimizer == CUSGD_OPTIMIZER_SGD) {
        m.shrink = (real)(now->shrink / before->shrink);
        m.amount = (real)(now->shrink * (now->threshold - before->threshold));
    } else {
        m.amount = (real)(now->rate - before->rate);
    }
    if (averages) m.keep = from < now->fresh ? 0 : (real)(now->keep / before->keep);
    return m;
}

/* theta of a parameter whose state is q, after the steps that it has missed. Values are selected rather than branched on, so that
 * a loop can take several at once. */
SCALAR_INLINED real theta_caught_up(OF(update_rule) rule, OF(own_rule) own, int limited, OF(missed_steps) m, OF(parameter) q)
{
    real theta = q.theta;
    if (rule.optimizer == CUSGD_OPTIMIZER_SGD) {
        theta = soft_threshold(theta * m.shrink, m.amount);
    } else if (rule.optimizer == CUSGD_OPTIMIZER_ADAGRAD) {
        /* Both sides of the quotient times 1 / c. Without a gradient so far there is no scale, and theta waits. */
        real root = real_sqrt(q.slot1) + rule.epsilon;
        real moved = soft_threshold(theta * root, m.amount * rule.l1 * own.l1) / (root + m.amount * rule.l2 * own.l2);
        theta = ((q.slot1 > 0) & (m.amount > 0)) ? moved : theta;
    } else {
        theta = ftrl_leader(theta, q.slot1, q.slot3, m.steps, rule.l1 * own.l1, rule.l2 * own.l2);
    }
    return limited ? into_bounds(theta, own.lower, own.upper) : theta;
}

/* Returns the average after steps in which theta did not change. */
SCALAR real average_caught_up(real theta, real average, real keep)
{
    real moved = theta + keep * (average - theta);
    return keep < 1 ? moved : average;
}

#endif
