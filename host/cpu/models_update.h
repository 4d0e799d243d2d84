/* A step of the parameters of independent models (rows.h: models_step), LANES outputs at a time. */
#ifndef CUSGD_HOST_CPU_MODELS_UPDATE_H
#define CUSGD_HOST_CPU_MODELS_UPDATE_H

/* The numbers of each lane of a block, in a form that the loop over its parameters can keep in registers. */
typedef struct lane_numbers {
    int alive[LANES];
    real now[LANES], next[LANES], inverse[LANES]; /* inverse: of the share of the rows */
} lane_numbers;

static lane_numbers lanes_of(const models_step *s)
{
    lane_numbers n;
    for (int l = 0; l < LANES; l++) {
        n.alive[l] = s->alive[l] != 0;
        n.now[l] = s->now.momentum * s->momentum[l];
        n.next[l] = s->next.momentum * s->momentum[l];
        n.inverse[l] = (real)(1 / s->share[l]);
    }
    return n;
}

/* One parameter of each output of a block, contiguous. */
typedef struct lane_parameters {
    real theta[LANES], slot[3][LANES], average[LANES], point[LANES];
} lane_parameters;

static inline __attribute__((always_inline)) void load_parameters(int slots, const models_step *s, int64_t u, lane_parameters *q)
{
    copy_lanes(q->theta, s->theta + u);
    for (int i = 0; i < slots; i++) copy_lanes(q->slot[i], s->slot[i] + u);
    copy_lanes(q->average, s->rule.average ? s->average + u : q->theta);
    copy_lanes(q->point, s->point + u);
}

static inline __attribute__((always_inline)) void store_parameters(int slots, const models_step *s, int64_t u,
                                                                   const lane_parameters *q)
{
    copy_lanes(s->theta + u, q->theta);
    for (int i = 0; i < slots; i++) copy_lanes(s->slot[i] + u, q->slot[i]);
    if (s->rule.average) copy_lanes(s->average + u, q->average);
    copy_lanes(s->point + u, q->point);
}

/* What does not go on keeps its values: they are selected rather than left out, so that the loop has no branch. Values lie in
 * arrays of the loop's own, which overlap with none, meanwhile. What of these the rule does not keep is not set: to clear them
 * took almost half of an update. */
static inline __attribute__((always_inline)) void update_lanes(int optimizer, int limited, int penalized, const models_step *s,
                                                               const lane_numbers *n, int64_t u)
{
    struct update_rule rule = s->rule;
    const int slots = optimizer_slots(optimizer);
    lane_parameters all;
    real gradient[LANES], rate[LANES], limit[LIMITS][LANES];
    rule.optimizer = optimizer;
    load_parameters(slots, s, u, &all);
    copy_lanes(gradient, s->gradient + u);
    copy_lanes(rate, s->rate_factor + u);
    for (int i = 0; limited && i < LIMITS; i++) copy_lanes(limit[i], s->limit[i] + u);
    for (int l = 0; l < LANES; l++) gradient[l] *= n->inverse[l];
    for (int l = 0; l < LANES; l++) {
        struct update_step now = s->now, next = s->next;
        struct parameter before = {all.theta[l], slots > 0 ? all.slot[0][l] : 0, slots > 1 ? all.slot[1][l] : 0,
                                   slots > 2 ? all.slot[2][l] : 0, all.average[l]},
                         q = before;
        struct own_rule own = {rate[l], 1, 1, 0, 0};
        if (limited) own = (struct own_rule){rate[l], limit[0][l], limit[1][l], limit[2][l], limit[3][l]};
        int alive = n->alive[l];
        now.momentum = n->now[l];
        next.momentum = n->next[l];
        update_parameter(rule, now, own, limited, penalized, all.point[l], gradient[l], &q);
        all.theta[l] = alive ? q.theta : before.theta;
        if (slots > 0) all.slot[0][l] = alive ? q.slot1 : before.slot1;
        if (slots > 1) all.slot[1][l] = alive ? q.slot2 : before.slot2;
        if (slots > 2) all.slot[2][l] = alive ? q.slot3 : before.slot3;
        if (rule.average) all.average[l] = alive ? q.average : before.average;
        all.point[l] = alive ? gradient_point(rule, next, q.theta, q.slot1) : all.point[l];
    }
    store_parameters(slots, s, u, &all);
}

static inline __attribute__((always_inline)) void update_all(int optimizer, const models_step *s)
{
    lane_numbers n = lanes_of(s);
    if (!s->penalized)
        for (int64_t u = 0; u < s->count; u += LANES) update_lanes(optimizer, 0, 0, s, &n, u);
    else if (s->limit[0])
        for (int64_t u = 0; u < s->count; u += LANES) update_lanes(optimizer, 1, 1, s, &n, u);
    else
        for (int64_t u = 0; u < s->count; u += LANES) update_lanes(optimizer, 0, 1, s, &n, u);
}

/* Compiles the loop separately for the optimizers that sweeps use most, with the optimizer as a constant. */
static void update_models(const models_step *s)
{
    switch (s->rule.optimizer) {
    case CUSGD_OPTIMIZER_SGD: update_all(CUSGD_OPTIMIZER_SGD, s); return;
    case CUSGD_OPTIMIZER_MOMENTUM: update_all(CUSGD_OPTIMIZER_MOMENTUM, s); return;
    case CUSGD_OPTIMIZER_NESTEROV: update_all(CUSGD_OPTIMIZER_NESTEROV, s); return;
    case CUSGD_OPTIMIZER_ADAM: update_all(CUSGD_OPTIMIZER_ADAM, s); return;
    default: update_all(s->rule.optimizer, s); return;
    }
}

#endif
