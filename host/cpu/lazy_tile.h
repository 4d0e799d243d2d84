/* What lazy updates do with some parameters that lie side by side: included by rows.c, once for every instruction set. */
#ifndef CUSGD_HOST_CPU_LAZY_TILE_H
#define CUSGD_HOST_CPU_LAZY_TILE_H

#include "rows.h"

/* Of one parameter; `limited`: 0 where all penalty factors are 1 and there are no bounds. */
static inline __attribute__((always_inline)) struct own_rule lazy_own(const lazy_tile *t, int limited, int64_t u)
{
    if (!limited) return (struct own_rule){1, 1, 1, 0, 0};
    return (struct own_rule){1, t->limit[0][u], t->limit[1][u], t->limit[2][u], t->limit[3][u]};
}

static inline __attribute__((always_inline)) void lazy_catch_up_by(int optimizer, int limited, int penalized, const lazy_tile *t)
{
    struct update_rule rule = *t->rule;
    int adagrad = optimizer == CUSGD_OPTIMIZER_ADAGRAD, ftrl = optimizer == CUSGD_OPTIMIZER_FTRL;
    rule.optimizer = optimizer;
    for (int64_t u = 0; u < t->count && (penalized || limited); u++) {
        struct parameter q = {t->theta[u], adagrad || ftrl ? t->slot[0][u] : 0, 0, ftrl ? t->slot[2][u] : 0, 0};
        struct missed_steps m = {t->shrink[u], t->missed[u], 1, t->steps};
        t->theta[u] = theta_caught_up(rule, lazy_own(t, limited, u), limited, m, q);
    }
    for (int64_t u = 0; u < t->count && rule.average; u++)
        t->average[u] = average_caught_up(t->theta[u], t->average[u], t->keep[u]);
}

static void lazy_catch_up(const lazy_tile *t)
{
    int limited = t->limit[0] != NULL, penalized = t->rule->l1 > 0 || t->rule->l2 > 0;
    switch (t->rule->optimizer) {
    case CUSGD_OPTIMIZER_SGD:
        if (limited)
            lazy_catch_up_by(CUSGD_OPTIMIZER_SGD, 1, 1, t);
        else
            lazy_catch_up_by(CUSGD_OPTIMIZER_SGD, 0, penalized, t);
        return;
    case CUSGD_OPTIMIZER_ADAGRAD:
        if (limited)
            lazy_catch_up_by(CUSGD_OPTIMIZER_ADAGRAD, 1, 1, t);
        else
            lazy_catch_up_by(CUSGD_OPTIMIZER_ADAGRAD, 0, penalized, t);
        return;
    default:
        if (limited)
            lazy_catch_up_by(CUSGD_OPTIMIZER_FTRL, 1, 1, t);
        else
            lazy_catch_up_by(CUSGD_OPTIMIZER_FTRL, 0, penalized, t);
    }
}

/* Copies of a tile: compilers do not know that the tile's pointers lead to different arrays, and would take values one by one. */
typedef struct lazy_copy {
    real theta[LAZY_TILE], slot[3][LAZY_TILE], average[LAZY_TILE];
} lazy_copy;

/* The dense step, but for adagrad's penalties, bounds and share in the average: those come with the steps that follow. */
static inline __attribute__((always_inline)) void lazy_step_by(int optimizer, int limited, int averages, const lazy_tile *t)
{
    struct update_rule rule = *t->rule;
    int slots = optimizer_slots(optimizer), whole = lazy_is_whole(optimizer);
    struct update_step now = *t->now;
    size_t bytes = (size_t)t->count * sizeof(real);
    lazy_copy c;
    rule.optimizer = optimizer;
    rule.average = averages;
    memcpy(c.theta, t->theta, bytes);
    for (int i = 0; i < slots; i++) memcpy(c.slot[i], t->slot[i], bytes);
    if (averages) memcpy(c.average, t->average, bytes);
    for (int64_t u = 0; u < t->count; u++) {
        struct parameter q = {c.theta[u], slots > 0 ? c.slot[0][u] : 0, slots > 1 ? c.slot[1][u] : 0,
                              slots > 2 ? c.slot[2][u] : 0, averages ? c.average[u] : 0};
        update_parameter(rule, now, lazy_own(t, limited, u), limited, whole, q.theta, t->gradient[u], &q);
        c.theta[u] = q.theta;
        if (slots > 0) c.slot[0][u] = q.slot1;
        if (slots > 1) c.slot[1][u] = q.slot2;
        if (slots > 2) c.slot[2][u] = q.slot3;
        if (averages) c.average[u] = q.average;
    }
    memcpy(t->theta, c.theta, bytes);
    for (int i = 0; i < slots; i++) memcpy(t->slot[i], c.slot[i], bytes);
    if (averages) memcpy(t->average, c.average, bytes);
}

static inline __attribute__((always_inline)) void lazy_step_of(int optimizer, const lazy_tile *t)
{
    int limited = t->limit[0] != NULL, averages = t->rule->average;
    if (limited && averages)
        lazy_step_by(optimizer, 1, 1, t);
    else if (limited)
        lazy_step_by(optimizer, 1, 0, t);
    else if (averages)
        lazy_step_by(optimizer, 0, 1, t);
    else
        lazy_step_by(optimizer, 0, 0, t);
}

static void lazy_step(const lazy_tile *t)
{
    switch (t->rule->optimizer) {
    case CUSGD_OPTIMIZER_SGD: lazy_step_of(CUSGD_OPTIMIZER_SGD, t); return;
    case CUSGD_OPTIMIZER_ADAGRAD: lazy_step_by(CUSGD_OPTIMIZER_ADAGRAD, 0, 0, t); return;
    default: lazy_step_of(CUSGD_OPTIMIZER_FTRL, t);
    }
}

#endif
