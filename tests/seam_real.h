/* The body of seam_float.c and seam_double.c. */
#include "real.h"
#include "rule.h"
#include "scalar/clip.h"
#include "seam.h"

#include <float.h>

static double round_to_real(double value) { return (double)(real)value; }

static double point(const plan *p, const step_numbers *s, double theta, double slot1)
{
    return (double)gradient_point(rule_of(p), update_step_from(s), (real)theta, (real)slot1);
}

static void update(const plan *p, const step_numbers *s, const double *own, int penalised, double at, double gradient,
                   double *state)
{
    struct parameter q = {(real)state[PART_THETA], (real)state[PART_SLOT1], (real)state[PART_SLOT2], (real)state[PART_SLOT3],
                          (real)state[PART_AVERAGE]};
    struct own_rule mine = {(real)own[OWN_METRIC], (real)own[OWN_PENALTY], (real)own[OWN_LOWER], (real)own[OWN_UPPER]};
    real g = clip_value((real)p->clip_value, (real)own[OWN_CLIP], (real)gradient);
    update_parameter(rule_of(p), update_step_from(s), mine, p->penalty != NULL, penalised, (real)at, g, &q);
    state[PART_THETA] = (double)q.theta;
    state[PART_SLOT1] = (double)q.slot1;
    state[PART_SLOT2] = (double)q.slot2;
    state[PART_SLOT3] = (double)q.slot3;
    state[PART_AVERAGE] = (double)q.average;
}

const seam_scalar NAMED(seam) = {sizeof(real) == sizeof(float) ? 0x1p-24 : 0x1p-53,
                                 sizeof(real) == sizeof(float) ? (double)FLT_MIN : DBL_MIN, round_to_real, point, update};
