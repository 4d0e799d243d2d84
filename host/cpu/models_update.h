/* A step of parameters of outputs that are models of their own (rows.h: models_step), LANES outputs side by side. */
#ifndef CUSGD_HOST_CPU_MODELS_UPDATE_H
#define CUSGD_HOST_CPU_MODELS_UPDATE_H

/* What the lanes of a block have of their own, in a form that the loop over its parameters keeps in the registers or next to
 * them.
 */
typedef struct lane_numbers {
    int alive[LANES], shared; /* shared: some model lacks rows */
    real now[LANES], next[LANES];
    double share[LANES];
} lane_numbers;

static lane_numbers lanes_of(const models_step *s)
{
    lane_numbers n = {.shared = 0};
    for (int l = 0; l < LANES; l++) {
        n.alive[l] = s->alive[l] != 0;
        n.now[l] = s->now.momentum * s->momentum[l];
        n.next[l] = s->next.momentum * s->momentum[l];
        n.share[l] = s->share[l];
        n.shared |= s->share[l] != 1;
    }
    return n;
}

/* One parameter of each of the block's outputs. What does not go on keeps its values: they are selected rather than left out, so
 * that the loop has no branch. */
static inline __attribute__((always_inline)) void update_lanes(int optimizer, int limited, const models_step *s,
                                                               const lane_numbers *n, int64_t u)
{
    struct update_rule rule = s->rule;
    struct update_step now = s->now, next = s->next;
    int slots = optimizer_slots(optimizer);
    real *theta = s->theta + u, *point = s->point + u, *average = rule.average ? s->average + u : NULL;
    real *slot1 = slots > 0 ? s->slot[0] + u : NULL, *slot2 = slots > 1 ? s->slot[1] + u : NULL;
    real *slot3 = slots > 2 ? s->slot[2] + u : NULL, gradient[LANES];
    rule.optimizer = optimizer;
    memcpy(gradient, s->gradient + u, sizeof gradient);
    for (int l = 0; n->shared && l < LANES; l++) gradient[l] = (real)((double)gradient[l] / n->share[l]);
    for (int l = 0; l < LANES; l++) {
        struct parameter q = {theta[l], slots > 0 ? slot1[l] : 0, slots > 1 ? slot2[l] : 0, slots > 2 ? slot3[l] : 0,
                              rule.average ? average[l] : 0};
        struct parameter before = q;
        struct own_rule own = {s->rate_factor[u + l], 1, 1, 0, 0};
        int alive = n->alive[l];
        now.momentum = n->now[l];
        next.momentum = n->next[l];
        if (limited) own = (struct own_rule){s->rate_factor[u + l], s->l1[u + l], s->l2[u + l], s->lower[u + l], s->upper[u + l]};
        update_parameter(rule, now, own, limited, s->penalized, point[l], gradient[l], &q);
        theta[l] = alive ? q.theta : before.theta;
        if (slots > 0) slot1[l] = alive ? q.slot1 : before.slot1;
        if (slots > 1) slot2[l] = alive ? q.slot2 : before.slot2;
        if (slots > 2) slot3[l] = alive ? q.slot3 : before.slot3;
        if (rule.average) average[l] = alive ? q.average : before.average;
        point[l] = alive ? gradient_point(rule, next, q.theta, q.slot1) : point[l];
    }
}

/* The optimizer is a constant in each copy of the loop, for those that sweeps use most. */
#define UPDATE(OPTIMIZER, LIMITED)                                                                \
    do {                                                                                          \
        for (int64_t u = 0; u < s->count; u += LANES) update_lanes(OPTIMIZER, LIMITED, s, &n, u); \
    } while (0)

static void update_models(const models_step *s)
{
    lane_numbers n = lanes_of(s);
    switch (s->rule.optimizer) {
    case CUSGD_OPTIMIZER_MOMENTUM:
        if (s->l1)
            UPDATE(CUSGD_OPTIMIZER_MOMENTUM, 1);
        else
            UPDATE(CUSGD_OPTIMIZER_MOMENTUM, 0);
        return;
    case CUSGD_OPTIMIZER_NESTEROV:
        if (s->l1)
            UPDATE(CUSGD_OPTIMIZER_NESTEROV, 1);
        else
            UPDATE(CUSGD_OPTIMIZER_NESTEROV, 0);
        return;
    default: UPDATE(s->rule.optimizer, s->l1 != NULL);
    }
}
#undef UPDATE

#endif
