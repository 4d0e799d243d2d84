/* See check.h. */
#include "real.h"

#include "check.h"
#include "rule.h"
#include "scalar/clip.h"

double NAMED(reference_point)(const run_spec *p, const step_numbers *s, double theta, double slot1)
{
    return (double)gradient_point(rule_of(p), update_step_from(s), (real)theta, (real)slot1);
}

void NAMED(reference_update)(const run_spec *p, const step_numbers *s, const double own[OWN_NUMBERS], int penalized, double point,
                             double gradient, double state[STATE_PARTS])
{
    struct parameter q = {(real)state[STATE_THETA], (real)state[STATE_SLOT1], (real)state[STATE_SLOT2], (real)state[STATE_SLOT3],
                          (real)state[STATE_AVERAGE]};
    const double *limit = own + OWN_LIMIT;
    struct own_rule mine = {(real)own[OWN_METRIC], (real)limit[LIMIT_L1], (real)limit[LIMIT_L2], (real)limit[LIMIT_LOWER],
                            (real)limit[LIMIT_UPPER]};
    real g = clip_value((real)p->clip.value, (real)own[OWN_CLIP], (real)gradient);
    update_parameter(rule_of(p), update_step_from(s), mine, p->limit[0] != NULL, penalized, (real)point, g, &q);
    state[STATE_THETA] = (double)q.theta;
    state[STATE_SLOT1] = (double)q.slot1;
    state[STATE_SLOT2] = (double)q.slot2;
    state[STATE_SLOT3] = (double)q.slot3;
    state[STATE_AVERAGE] = (double)q.average;
}
