/* Updates of the parameters at the end of a step. */
#include "step.h"

#include "scalar/clip.h"

/* Parameters lo .. hi - 1, if there are any, all penalized or none. The optimizer is a constant in each copy of this loop. */
static inline __attribute__((always_inline)) void update_loop(int optimizer, int limited, cpu *self, const step *t, int64_t lo,
                                                              int64_t hi, int penalized)
{
    struct update_rule rule = self->rule;
    struct update_step now = t->numbers, next = t->next;
    const vectors *v = &self->snapshot[SNAPSHOT_CURRENT];
    int slots = optimizer_slots(optimizer);
    real *theta = v->at[STATE_THETA], *slot1 = v->at[STATE_SLOT1], *slot2 = v->at[STATE_SLOT2];
    real *slot3 = v->at[STATE_SLOT3], *average = v->at[STATE_AVERAGE];
    const real *gradient = self->sums.gradient, *rate_factor = self->rate_factor;
    real *point = self->point, *const *limit = self->limit;
    rule.optimizer = optimizer;
    for (int64_t u = lo; u < hi; u++) {
        struct parameter q = {theta[u], slots > 0 ? slot1[u] : 0, slots > 1 ? slot2[u] : 0, slots > 2 ? slot3[u] : 0,
                              rule.average ? average[u] : 0};
        struct own_rule own = {rate_factor[u], 1, 1, 0, 0};
        if (limited)
            own = (struct own_rule){rate_factor[u], limit[LIMIT_L1][u], limit[LIMIT_L2][u], limit[LIMIT_LOWER][u],
                                    limit[LIMIT_UPPER][u]};
        update_parameter(rule, now, own, limited, penalized, point[u], gradient[u], &q);
        theta[u] = q.theta;
        if (slots > 0) slot1[u] = q.slot1;
        if (slots > 1) slot2[u] = q.slot2;
        if (slots > 2) slot3[u] = q.slot3;
        if (rule.average) average[u] = q.average;
        point[u] = gradient_point(rule, next, q.theta, q.slot1);
    }
}

void NAMED(update_range)(cpu *self, const step *t, int64_t lo, int64_t hi, int penalized)
{
    if (self->models.width > 0) {
        if (lo < hi) NAMED(models_update)(self, &t->numbers, &t->next, lo, hi, penalized);
        return;
    }
    if (self->limit[0]) {
        update_loop(self->rule.optimizer, 1, self, t, lo, hi, penalized);
        return;
    }
    switch (self->rule.optimizer) {
    case CUSGD_OPTIMIZER_SGD: update_loop(CUSGD_OPTIMIZER_SGD, 0, self, t, lo, hi, penalized); return;
    case CUSGD_OPTIMIZER_MOMENTUM: update_loop(CUSGD_OPTIMIZER_MOMENTUM, 0, self, t, lo, hi, penalized); return;
    case CUSGD_OPTIMIZER_NESTEROV: update_loop(CUSGD_OPTIMIZER_NESTEROV, 0, self, t, lo, hi, penalized); return;
    default: update_loop(self->rule.optimizer, 0, self, t, lo, hi, penalized); return;
    }
}

void NAMED(apply_span)(void *context, int64_t i)
{
    const step *t = context;
    cpu *self = t->self;
    const layout *l = &self->layout;
    int64_t lo = i * SPAN, hi = min_of(lo + SPAN, self->size);
    for (int64_t start = lo / l->ld * l->ld; start < hi; start += l->ld) {
        int64_t intercept = start + l->ld - LANES;
        NAMED(update_range)(self, t, max_of(lo, start), min_of(hi, start + l->penalized), 1);
        if (self->spec.intercept) NAMED(update_range)(self, t, max_of(lo, intercept), min_of(hi, intercept + l->intercepts), 0);
    }
}

void NAMED(clip_gradient)(cpu *self)
{
    const run_spec *p = &self->spec;
    const layout *l = &self->layout;
    int64_t trained = (p->d + (p->intercept != 0)) * p->k;
    for (int64_t u = 0; u < trained && p->clip.norm > 0; u++)
        self->sums.canonical[u] = (double)self->sums.gradient[layout_at(l, u / p->k, u % p->k)];
    double squares = p->clip.norm > 0 ? clip_squares(self->sums.canonical, trained) : 0;
    real scale = (real)clip_scale(p->clip.norm, squares), maximum = (real)p->clip.value;
    for (int64_t u = 0; u < self->size; u++) self->sums.gradient[u] = clip_value(maximum, scale, self->sums.gradient[u]);
}
