/* What the optimizer does with 16 bytes of parameters: update_parameter(), scalar/update.h. Which optimizer it is is known at run
 * time; all threads take the same way. */
#ifndef CUSGD_KERNELS_UPDATE_H
#define CUSGD_KERNELS_UPDATE_H

#include "kernels.h"
#include "port.h"
#include "scalar/clip.h"
#include "scalar/update.h"

template <class real> __device__ static update_rule<real> rule_of(const update_task &t)
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

/* Rarely there, so not worth registers for a pack. */
template <class real> __device__ static own_rule<real> limits_at(const update_task &t, int64_t u, real metric)
{
    own_rule<real> own = {metric, ((const real *)t.penalty)[u], ((const real *)t.lower)[u], ((const real *)t.upper)[u]};
    return own;
}

/* What a step is for all parameters. */
template <class real> struct update_now {
    update_rule<real> rule;
    update_step<real> step, next; /* next: the step after it, whose gradient's point is left behind */
    double rows;                  /* of the batch */
    real scale;                   /* on gradients, by clip_norm */
};

/* Of a step by the table's row, and the row of the step after it; the same row twice where it is the last. */
template <class real>
__device__ static update_now<real> update_now_by(const update_task &t, const step_row *row, const step_row *after)
{
    update_now<real> now;
    now.rule = rule_of<real>(t);
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

/* A step of parameters u .. u + 16 / sizeof(real) - 1, u < size; sum: their gradients over the batch's rows. Arrays have room for
 * whole packs; what stands in them beyond `size` is never looked at. */
template <class real>
__device__ static void update_pack(const update_task &t, const update_now<real> &now, int64_t u, const double *sum)
{
    const int values = 16 / sizeof(real);
    pack<real> theta = load_part<real>(t.theta, u, 0), slot1 = load_part<real>(t.slot1, u, 0);
    pack<real> slot2 = load_part<real>(t.slot2, u, 0), slot3 = load_part<real>(t.slot3, u, 0);
    pack<real> means = load_part<real>(t.means, u, 0);
    pack<real> metric = load_part<real>(t.metric, u, 1), point = t.point ? load_part<real>(t.point, u, 0) : theta;
    for (int v = 0; v < values; v++) {
        int penalised = u + v < t.penalised;
        if (u + v >= t.size || (!penalised && !t.intercept)) continue;
        real g = clip_value<real>((real)t.clip_value, now.scale, (real)(sum[v] / now.rows));
        own_rule<real> own = {metric.at[v], 1, 0, 0};
        if (t.penalty) own = limits_at<real>(t, u + v, metric.at[v]);
        parameter<real> q = {theta.at[v], slot1.at[v], slot2.at[v], slot3.at[v], means.at[v]};
        update_parameter<real>(now.rule, now.step, own, t.penalty != NULL, penalised, point.at[v], g, &q);
        theta.at[v] = q.theta;
        slot1.at[v] = q.slot1;
        slot2.at[v] = q.slot2;
        slot3.at[v] = q.slot3;
        means.at[v] = q.average;
        point.at[v] = gradient_point<real>(now.rule, now.next, q.theta, q.slot1);
    }
    store_part(t.theta, u, theta);
    store_part(t.slot1, u, slot1);
    store_part(t.slot2, u, slot2);
    store_part(t.slot3, u, slot3);
    store_part(t.means, u, means);
    store_part(t.point, u, point);
}

#endif
