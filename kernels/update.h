/* Updates 16 bytes of parameters at a time with update_parameter() of scalar/update.h. The optimizer may be a compile-time
 * constant or known only at run time; in both cases, all threads take the same branch. */
#ifndef CUSGD_KERNELS_UPDATE_H
#define CUSGD_KERNELS_UPDATE_H

#include "kernels.h"
#include "port.h"
#include "scalar/clip.h"
#include "scalar/update.h"

template <class real> __host__ __device__ static update_rule<real> rule_of(const update_task &t)
{
    update_rule<real> rule = {t.optimizer,     t.average,  (real)t.beta1, (real)t.beta2, (real)t.rho,
                              (real)t.epsilon, (real)t.l1, (real)t.l2,    (real)t.decay};
    return rule;
}

template <class real> __device__ static pack<real> load_part(const void *part, int64_t u, real otherwise)
{
    pack<real> v;
    if (part) return load_pack((const real *)part + u);
    for (real &value : v.at) value = otherwise;
    return v;
}

template <class real> __device__ static void store_part(void *part, int64_t u, const pack<real> &v)
{
    if (part) store_pack((real *)part + u, v);
}

template <class real> __device__ static real load_value(const void *part, int64_t u, real otherwise)
{
    return part ? ((const real *)part)[u] : otherwise;
}

template <class real> __device__ static void store_value(void *part, int64_t u, real value)
{
    if (part) ((real *)part)[u] = value;
}

/* Loads the state of a single parameter. */
template <class real, int OPTIMIZER> __device__ static parameter<real> load_parameter(const update_task &t, int64_t u)
{
    const int slots = optimizer_slots(OPTIMIZER);
    return {load_value<real>(t.theta, u, 0), load_value<real>(slots > 0 ? t.slot1 : NULL, u, 0),
            load_value<real>(slots > 1 ? t.slot2 : NULL, u, 0), load_value<real>(slots > 2 ? t.slot3 : NULL, u, 0),
            load_value<real>(t.means, u, 0)};
}

template <class real, int OPTIMIZER>
__device__ static void store_parameter(const update_task &t, int64_t u, const parameter<real> &q)
{
    const int slots = optimizer_slots(OPTIMIZER);
    store_value<real>(t.theta, u, q.theta);
    if (slots > 0) store_value<real>(t.slot1, u, q.slot1);
    if (slots > 1) store_value<real>(t.slot2, u, q.slot2);
    if (slots > 2) store_value<real>(t.slot3, u, q.slot3);
    store_value<real>(t.means, u, q.average);
}

/* Bounds and penalty factors are loaded one by one, because they are rare and packs of them would take registers. */
template <class real> __device__ static own_rule<real> limits_at(const update_task &t, int64_t u, real rate_factor)
{
    return {rate_factor, ((const real *)t.l1_factor)[u], ((const real *)t.l2_factor)[u], ((const real *)t.lower)[u],
            ((const real *)t.upper)[u]};
}

/* What a step has in common for all parameters. */
template <class real> struct update_now {
    update_rule<real> rule;
    real clip_value;
    update_step<real> step, next; /* next: the following step, for the point of its gradient */
    double rows;                  /* number of rows of the batch */
    real scale;                   /* factor on gradients from clip_norm */
};

/* Returns the step of table row `row`; `after` is the row of the following step, or `row` again if it is the last. */
template <class real>
__device__ static update_now<real> update_now_by(const update_task &t, const step_row *row, const step_row *after)
{
    update_now<real> now;
    now.rule = rule_of<real>(t);
    now.clip_value = (real)t.clip_value;
    now.step = update_step_from<real>(&row->numbers);
    now.next = update_step_from<real>(&after->numbers);
    now.rows = (double)row->count;
    now.scale = t.squares ? (real)t.squares[0] : 1;
    return now;
}
template <class real> __device__ static update_now<real> update_now_of(const update_task &t, int64_t step)
{
    const step_row *row = t.table->row + step;
    return update_now_by<real>(t, row, row + (step + 1 < t.table->count));
}

/* 16 bytes of each state component of the parameters. */
template <class real> struct state_pack {
    pack<real> theta, slot1, slot2, slot3, means, rate_factor, point;
};

/* OPTIMIZER is 0 if it is not known at compile time. Arrays have room for whole packs; values beyond `size` are never used. */
template <class real, int OPTIMIZER> __device__ static state_pack<real> load_state(const update_task &t, int64_t u)
{
    const int slots = OPTIMIZER ? optimizer_slots(OPTIMIZER) : 3;
    state_pack<real> s;
    s.theta = load_pack((const real *)t.theta + u);
    s.slot1 = load_part<real>(slots > 0 ? t.slot1 : NULL, u, 0);
    s.slot2 = load_part<real>(slots > 1 ? t.slot2 : NULL, u, 0);
    s.slot3 = load_part<real>(slots > 2 ? t.slot3 : NULL, u, 0);
    s.means = load_part<real>(t.means, u, 0);
    s.rate_factor = load_part<real>(t.rate_factor, u, 1);
    s.point = s.theta;
    if (OPTIMIZER ? optimizer_looks_ahead(OPTIMIZER) : t.point != NULL) s.point = load_pack((const real *)t.point + u);
    return s;
}

template <class real, int OPTIMIZER>
__device__ static void store_state(const update_task &t, int64_t u, const state_pack<real> &s)
{
    const int slots = OPTIMIZER ? optimizer_slots(OPTIMIZER) : 3;
    store_pack((real *)t.theta + u, s.theta);
    if (slots > 0) store_part(t.slot1, u, s.slot1);
    if (slots > 1) store_part(t.slot2, u, s.slot2);
    if (slots > 2) store_part(t.slot3, u, s.slot3);
    store_part(t.means, u, s.means);
    if (!OPTIMIZER || optimizer_looks_ahead(OPTIMIZER)) store_part(t.point, u, s.point);
}

/* Updates parameter u, whose state is q, and the point of its next gradient. g: mean of its gradients over the rows of the
 * batch; limited: see update_parameter(). */
template <class real>
__device__ static void step_parameter(const update_task &t, const update_now<real> &now, int64_t u, int penalized, int limited,
                                      real rate_factor, real g, real *point, parameter<real> *q)
{
    g = clip_value<real>(now.clip_value, now.scale, g);
    own_rule<real> own = {rate_factor, 1, 1, 0, 0};
    if (limited) own = limits_at<real>(t, u, rate_factor);
    update_parameter<real>(now.rule, now.step, own, limited, penalized, *point, g, q);
    *point = gradient_point<real>(now.rule, now.next, q->theta, q->slot1);
}

/* Updates value v of the pack at u by step_parameter(). */
template <class real>
__device__ static void step_value(const update_task &t, const update_now<real> &now, int64_t u, int v, int penalized, int limited,
                                  real g, state_pack<real> *s)
{
    parameter<real> q = {s->theta.at[v], s->slot1.at[v], s->slot2.at[v], s->slot3.at[v], s->means.at[v]};
    step_parameter<real>(t, now, u + v, penalized, limited, s->rate_factor.at[v], g, &s->point.at[v], &q);
    s->theta.at[v] = q.theta;
    s->slot1.at[v] = q.slot1;
    s->slot2.at[v] = q.slot2;
    s->slot3.at[v] = q.slot3;
    s->means.at[v] = q.average;
}

/* Return the number of values of the pack at u that are penalized, and that are trained. */
template <class real> __device__ static int penalized_at(const update_task &t, int64_t u)
{
    const int values = 16 / sizeof(real);
    return t.penalized - u < values ? (int)(t.penalized - u) : values;
}
template <class real> __device__ static int trained_at(const update_task &t, int64_t u)
{
    const int values = 16 / sizeof(real);
    int64_t end = t.intercept ? t.size : t.penalized;
    return end - u < values ? (int)(end - u) : values;
}

/* Updates parameters u .. u + 16 / sizeof(real) - 1, with u < size. sum: their gradients, summed over the rows of the batch. */
template <class real>
__device__ static void update_pack(const update_task &t, const update_now<real> &now, int64_t u, const double *sum)
{
    state_pack<real> s = load_state<real, 0>(t, u);
    int penalized = penalized_at<real>(t, u), trained = trained_at<real>(t, u);
    UNROLLED /* otherwise the compiler keeps the values in local memory */
    for (int v = 0; v < 16 / (int)sizeof(real); v++)
        if (v < trained) step_value<real>(t, now, u, v, v < penalized, t.lower != NULL, (real)(sum[v] / now.rows), &s);
    store_state<real, 0>(t, u, s);
}

#endif
