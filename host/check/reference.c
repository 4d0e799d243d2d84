/* See check.h. */
#include "real.h"

#include "check.h"
#include "rule.h"
#include "scalar/clip.h"

double NAMED(reference_point)(const plan *p, const step_numbers *s, double theta, double slot1)
{
    return (double)gradient_point(rule_of(p), update_step_from(s), (real)theta, (real)slot1);
}

void NAMED(reference_update)(const plan *p, const step_numbers *s, const double own[OWN_NUMBERS], int penalised, double point,
                             double gradient, double state[PARTS])
{
    struct parameter q = {(real)state[PART_THETA], (real)state[PART_SLOT1], (real)state[PART_SLOT2], (real)state[PART_SLOT3],
                          (real)state[PART_AVERAGE]};
    struct own_rule mine = {(real)own[OWN_METRIC], (real)own[OWN_PENALTY], (real)own[OWN_LOWER], (real)own[OWN_UPPER]};
    real g = clip_value((real)p->clip_value, (real)own[OWN_CLIP], (real)gradient);
    update_parameter(rule_of(p), update_step_from(s), mine, p->penalty != NULL, penalised, (real)point, g, &q);
    state[PART_THETA] = (double)q.theta;
    state[PART_SLOT1] = (double)q.slot1;
    state[PART_SLOT2] = (double)q.slot2;
    state[PART_SLOT3] = (double)q.slot3;
    state[PART_AVERAGE] = (double)q.average;
}
