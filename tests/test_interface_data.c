/* The device interface's operations on examples: bind, rows, moments, curvature. See device interface.h. */
#include "interface.h"

#include "scalar/bf16.h"

#include <criterion/criterion.h>
#include <float.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const int64_t sizes[] = {1, 2, 3, 15, 16, 17, 31, 32, 33, 61, 127, 1000};
static const int64_t outputs[] = {1, 2, 3, 17};
enum { SIZES = sizeof sizes / sizeof *sizes, OUTPUTS = sizeof outputs / sizeof *outputs };

/* Levels of the factors below, as a spec. */
enum { KIND, TYPE, LAYOUT, LISTED, WEIGHTED, STANDARDIZED, SHIFTED, N, D, K };
static const interface_factor source_factors[] = {{"kind", INTERFACE_KINDS, 1},
                                                  {"type", 2, 1},
                                                  {"layout", INTERFACE_LAYOUTS, 1},
                                                  {"listed", 2, 1},
                                                  {"weighted", 2, 1},
                                                  {"standardized", 3, 1},
                                                  {"shifted", 2, 1},
                                                  {"n", SIZES, 1},
                                                  {"d", SIZES, 0},
                                                  {"k", OUTPUTS, 0},
                                                  {NULL, 0, 0}};

static interface_spec spec_of(const int *level, uint64_t seed)
{
    return (interface_spec){.n = sizes[level[N]],
                            .d = sizes[level[D]],
                            .k = outputs[level[K]],
                            .precision = interface_precision(level[KIND]),
                            .storage = interface_storage(level[KIND]),
                            .type = (cusgd_type)level[TYPE],
                            .layout = (enum interface_layout)level[LAYOUT],
                            .listed = level[LISTED],
                            .weighted = level[WEIGHTED],
                            .standardized = level[STANDARDIZED],
                            .shifted = level[SHIFTED],
                            .seed = seed};
}

/* ---- bind and rows ---- */

/* All rows in descending order, and the first once more. */
static void check_x_and_w(const backend *b, const interface_examples *e, const dataset *at)
{
    int64_t n = e->spec.n, d = e->spec.d;
    int64_t *list = interface_allocate(n + 1, sizeof *list);
    double *x = interface_allocate((n + 1) * d, sizeof(double)), *w = interface_allocate(n + 1, sizeof(double));
    for (int64_t i = 0; i < n; i++) list[i] = n - 1 - i;
    interface_ok(b->ops->rows(b->self, at, list, n + 1, x, w), "rows");
    for (int64_t i = 0; i <= n; i++) {
        if (w[i] != e->w[list[i]])
            interface_fail("%s: w of row %d is %.17g, not %.17g", interface_describe(&e->spec), (int)list[i], w[i],
                           e->w[list[i]]);
        for (int64_t j = 0; j < d; j++)
            if (x[i * d + j] != e->x[list[i] * d + j])
                interface_fail("%s: x (%d, %d) is %.17g, not %.17g", interface_describe(&e->spec), (int)list[i], (int)j,
                               x[i * d + j], e->x[list[i] * d + j]);
    }
    free(list);
    free(x);
    free(w);
}

/* Targets cannot be read back, but at theta = 0 a batch of one row has the intercept's gradient w (0 - y), and with rate 1 and
 * momentum 0 that is the velocity. */
static void check_y(const backend *b, const interface_examples *e, const dataset *at)
{
    int64_t n = e->spec.n, d = e->spec.d, k = e->spec.k, places[3] = {0, n / 2, n - 1};
    run_spec p = {
        .loss.kind = CUSGD_LOSS_SQUARED, .optimizer = CUSGD_OPTIMIZER_MOMENTUM, .d = d, .k = k, .batch = 1, .intercept = 1};
    p.storage = e->spec.storage;
    sampler order = sampler_make(CUSGD_SAMPLING_NONE, 1, (uint64_t)n, (uint64_t)n, 0);
    step_numbers numbers = {.rate = 1, .correction1 = 1, .correction2 = 1, .average = 1};
    double *v = interface_allocate((d + 1) * k, sizeof(double));
    for (int i = 0; i < 3; i++) {
        slice one = {&(batch_share){at, &order}, places[i], 1, &numbers};
        interface_ok(b->ops->start(b->self, &p), "start");
        interface_ok(b->ops->steps(b->self, &one), "steps");
        interface_ok(b->ops->state.get(b->self, SNAPSHOT_CURRENT, STATE_SLOT1, v), "get");
        for (int64_t c = 0; c < k; c++) {
            double y = e->y[places[i] * k + c], expected = interface_scalar_of(e->spec.precision)->round(e->w[places[i]] * -y);
            if (v[d * k + c] != expected)
                interface_fail("%s: w (0 - y) of row %d, output %d is %.17g, not %.17g", interface_describe(&e->spec),
                               (int)places[i], (int)c, v[d * k + c], expected);
        }
    }
    free(v);
}

static void bind_visit(const int *level, void *context)
{
    interface_session *s = context;
    interface_spec spec = spec_of(level, ++s->cases);
    const backend *b = &s->of[spec.precision];
    interface_examples e;
    interface_examples_make(&spec, &e);
    dataset *at = interface_bind(b, &e);
    check_x_and_w(b, &e, at);
    check_y(b, &e, at);
    b->ops->unbind(b->self, at);
    interface_examples_free(&e);
}

Test(interface_data, bound_examples_are_the_transformed_source)
{
    interface_session s;
    interface_session_open(&s);
    interface_cover(source_factors, 1, bind_visit, &s);
    s.of[0].ops->unbind(s.of[0].self, NULL);
    interface_session_close(&s);
}

/* Two bytes per value: every bfloat16 as it is; and next to the middle between two, and just beyond float's largest. */
Test(interface_data, bf16_is_the_nearest)
{
    for (uint32_t i = 0; i <= UINT16_MAX; i++) {
        bf16 one = {(uint16_t)i}, next = {(uint16_t)(i + 1)};
        double value = (double)bf16_value(one), middle = (value + (double)bf16_value(next)) / 2;
        double near[] = {value, middle, nextafter(middle, 0), nextafter(middle, 2 * middle)};
        for (int k = 0; k < 4; k++)
            if (isfinite(near[k]) && (double)bf16_value(bf16_of(near[k])) != interface_bf16(near[k]))
                interface_fail("%.17g becomes %.17g, not %.17g", near[k], (double)bf16_value(bf16_of(near[k])),
                               interface_bf16(near[k]));
    }
    cr_assert(bf16_value(bf16_of((double)FLT_MAX)) == 0x1.FEp127f && bf16_value(bf16_of(-(double)FLT_MAX)) == -0x1.FEp127f);
    cr_assert(isinf(bf16_value(bf16_of(1e39))) && isinf(bf16_value(bf16_of((double)INFINITY))));
    cr_assert(isnan(bf16_value(bf16_of((double)NAN))) && bf16_value(bf16_of(1e-40)) > 0);
}

Test(interface_data, examples_without_targets_can_be_bound)
{
    interface_session s;
    interface_session_open(&s);
    for (int p = 0; p < 2; p++)
        for (int listed = 0; listed < 2; listed++) {
            interface_spec spec = {.n = 5, .d = 3, .k = 0, .precision = (cusgd_precision)p, .listed = listed, .seed = 3};
            interface_examples e;
            interface_examples_make(&spec, &e);
            dataset *at = interface_bind(&s.of[p], &e);
            check_x_and_w(&s.of[p], &e, at);
            s.of[p].ops->unbind(s.of[p].self, at);
            interface_examples_free(&e);
        }
    interface_session_close(&s);
}

/* ---- moments ---- */

/* Two passes in long double. `size` is what roundings are relative to: the values' mean size; and some of the largest, since all
 * are seen from one of them, be its weight next to none. */
static void moments_exact(const double *x, const double *w, int64_t n, int64_t stride, long double *mean, long double *variance,
                          long double *size)
{
    long double weight = 0, sum = 0, square = 0, total = 0, largest = 0;
    for (int64_t i = 0; i < n; i++) {
        weight += (long double)w[i];
        sum += (long double)w[i] * (long double)x[i * stride];
        total += (long double)w[i] * fabsl((long double)x[i * stride]);
        if (w[i] > 0) largest = fmaxl(largest, fabsl((long double)x[i * stride]));
    }
    *mean = sum / weight;
    *size = total / weight + largest / 4;
    for (int64_t i = 0; i < n; i++) {
        long double apart = (long double)x[i * stride] - *mean;
        square += (long double)w[i] * apart * apart;
    }
    *variance = square / weight;
}

/* A mean is off by the roundings of a sum of some hundred values, of the mean size; the variance by some of itself, and by what
 * that does to deviations. */
static void check_moments(const backend *b, const interface_examples *e)
{
    int64_t n = e->spec.n, d = e->spec.d, k = e->spec.k;
    double *mean = interface_allocate(d, sizeof(double)), *variance = interface_allocate(d, sizeof(double));
    double *target = interface_allocate(k, sizeof(double)), weight,
           unit = (8 + sqrt((double)(n < 1000 ? n : 1000))) * DBL_EPSILON;
    long double m, v, size, total = 0;
    interface_ok(b->ops->moments(b->self, &e->source, mean, variance, target, &weight), "moments");
    for (int64_t i = 0; i < n; i++) total += (long double)e->source_w[i];
    if (!(fabs(weight - (double)total) <= unit * (double)total))
        interface_fail("%s: weight %.17g", interface_describe(&e->spec), weight);
    for (int64_t j = 0; j < d; j++) {
        moments_exact(e->source_x + j, e->source_w, n, d, &m, &v, &size);
        double off = unit * (double)size, slack = unit * (double)v + 4 * sqrt((double)v) * off + off * off;
        if (!(fabs(mean[j] - (double)m) <= off))
            interface_fail("%s: mean of column %d is %.17g, not %.17g", interface_describe(&e->spec), (int)j, mean[j], (double)m);
        if (!(variance[j] >= 0 && fabs(variance[j] - (double)v) <= slack))
            interface_fail("%s: variance of column %d is %.17g, not %.17g", interface_describe(&e->spec), (int)j, variance[j],
                           (double)v);
    }
    for (int64_t c = 0; c < k; c++) {
        moments_exact(e->source_y + c, e->source_w, n, k, &m, &v, &size);
        if (!(fabs(target[c] - (double)m) <= unit * (double)size))
            interface_fail("%s: mean of target %d is %.17g, not %.17g", interface_describe(&e->spec), (int)c, target[c],
                           (double)m);
    }
    free(mean);
    free(variance);
    free(target);
}

static void moments_visit(const int *level, void *context)
{
    interface_session *s = context;
    interface_spec spec = spec_of(level, 1000 + ++s->cases);
    interface_examples e;
    interface_examples_make(&spec, &e);
    check_moments(&s->of[spec.precision], &e);
    interface_examples_free(&e);
}

Test(interface_data, moments_are_those_of_two_exact_passes)
{
    interface_session s;
    interface_session_open(&s);
    interface_cover(source_factors, 2, moments_visit, &s);
    interface_session_close(&s);
}

/* x = 1e8 + noise: the textbook E[x^2] - E[x]^2 has no digit right. */
Test(interface_data, moments_of_columns_far_from_zero)
{
    interface_session s;
    interface_session_open(&s);
    for (int p = 0; p < 2; p++)
        for (int weighted = 0; weighted < 2; weighted++) {
            interface_spec spec = {.n = 5000,
                                   .d = 3,
                                   .k = 1,
                                   .precision = (cusgd_precision)p,
                                   .type = CUSGD_TYPE_FLOAT64,
                                   .weighted = weighted,
                                   .seed = 5};
            interface_examples e;
            interface_examples_make(&spec, &e);
            double *x = e.memory[0];
            for (int64_t i = 0; i < spec.n * spec.d; i++) e.source_x[i] = x[i] += 1e8 * (double)(1 - i % 3);
            check_moments(&s.of[p], &e);
            interface_examples_free(&e);
        }
    interface_session_close(&s);
}

/* Else a column of one value, divided by a deviation that is rounding, would become one of ones. */
Test(interface_data, a_constant_column_has_no_variance)
{
    interface_session s;
    interface_session_open(&s);
    for (int p = 0; p < 2; p++)
        for (int weighted = 0; weighted < 2; weighted++) {
            interface_spec spec = {.n = 5000,
                                   .d = 4,
                                   .k = 1,
                                   .precision = (cusgd_precision)p,
                                   .type = CUSGD_TYPE_FLOAT64,
                                   .weighted = weighted,
                                   .seed = 6};
            const double constant[4] = {0.1, -1e10 / 3, 1e-30, 0};
            double mean[4], variance[4], target, weight;
            interface_examples e;
            interface_examples_make(&spec, &e);
            double *x = e.memory[0], *w = e.memory[2];
            for (int64_t i = 0; i < 4 * spec.n; i++) x[i] = constant[i % 4];
            if (weighted) { /* a row of weight 0 may hold anything */
                w[0] = 0;
                x[0] = 3;
            }
            interface_ok(s.of[p].ops->moments(s.of[p].self, &e.source, mean, variance, &target, &weight), "moments");
            for (int j = 0; j < 4; j++)
                if (mean[j] != constant[j] || variance[j] != 0)
                    interface_fail("column of %g: mean %.17g, variance %g", constant[j], mean[j], variance[j]);
            interface_examples_free(&e);
        }
    interface_session_close(&s);
}

/* ---- curvature ---- */

static int is_close(double value, long double exact) { return fabsl((long double)value - exact) <= 1e-12L * fabsl(exact); }

static void check_curvature(const backend *b, const interface_examples *e, const dataset *at, const double *scale)
{
    int64_t n = e->spec.n, d = e->spec.d;
    curvature got = {interface_allocate(d, sizeof(double)), interface_allocate(d, sizeof(double)), 0, 0};
    long double *q = interface_allocate(n, sizeof *q), q1 = 0, q2 = 0;
    interface_ok(b->ops->curvature(b->self, at, scale, &got), "curvature");
    for (int64_t i = 0; i < n; i++) {
        long double w = (long double)e->w[i];
        q[i] = 1;
        for (int64_t j = 0; j < d; j++) {
            long double z = (long double)e->x[i * d + j] * (long double)(scale ? scale[j] : 1);
            q[i] += z * z;
        }
        q1 += w * q[i];
        q2 += w * w * q[i] * q[i];
    }
    if (!is_close(got.q1, q1) || !is_close(got.q2, q2))
        interface_fail("%s: q1 %.17g, q2 %.17g, not %.17g, %.17g", interface_describe(&e->spec), got.q1, got.q2, (double)q1,
                       (double)q2);
    for (int64_t j = 0; j < d; j++) {
        long double second = 0, fourth = 0;
        for (int64_t i = 0; i < n; i++) {
            long double w = (long double)e->w[i], z = (long double)e->x[i * d + j] * (long double)(scale ? scale[j] : 1);
            second += w * z * z;
            fourth += w * w * q[i] * z * z;
        }
        if (!is_close(got.second[j], second) || !is_close(got.fourth[j], fourth))
            interface_fail("%s: column %d: second %.17g, fourth %.17g, not %.17g, %.17g", interface_describe(&e->spec), (int)j,
                           got.second[j], got.fourth[j], (double)second, (double)fourth);
    }
    free(got.fourth);
    free(got.second);
    free(q);
}

static void curvature_visit(const int *level, void *context)
{
    interface_session *s = context;
    interface_spec spec = spec_of(level, 2000 + ++s->cases);
    const backend *b = &s->of[spec.precision];
    interface_examples e;
    interface_examples_make(&spec, &e);
    dataset *at = interface_bind(b, &e);
    double *scale = interface_allocate(spec.d, sizeof(double));
    uint64_t state = 9;
    for (int64_t j = 0; j < spec.d; j++) scale[j] = 1.5 + interface_uniform(&state);
    check_curvature(b, &e, at, s->cases % 2 ? scale : NULL);
    free(scale);
    b->ops->unbind(b->self, at);
    interface_examples_free(&e);
}

Test(interface_data, curvature_sums)
{
    interface_session s;
    interface_session_open(&s);
    interface_cover(source_factors, 3, curvature_visit, &s);
    interface_session_close(&s);
}
