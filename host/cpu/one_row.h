/* Steps of one row each (row_steps, rows.h). They do what a pass over a chunk of one row, the mean of that chunk and update.c do,
 * with the same bits, and nothing that only several rows, outputs or threads need. */
#ifndef CUSGD_HOST_CPU_ONE_ROW_H
#define CUSGD_HOST_CPU_ONE_ROW_H

#include "scalar/clip.h"

/* x . theta: the sixteen lanes of dots() and its tree. */
static inline real one_dot(const stored *x, const real *theta, int64_t padded)
{
    lanes sum[PIECES];
#pragma GCC unroll 8
    for (int q = 0; q < PIECES; q++) sum[q] = (lanes){0};
    int64_t j = 0;
    do { /* once at least: so gcc keeps the sums in registers */
#pragma GCC unroll 8
        for (int q = 0; q < PIECES; q++) sum[q] += load_x(x + j + q * WIDTH) * load(theta + j + q * WIDTH);
        j += LANES;
    } while (j < padded);
    quad s = fold(sum);
    return (s[0] + s[2]) + (s[1] + s[3]);
}

/* A register of which all lanes but the first `held` become 0. */
static inline lanes first_lanes(lanes v, int64_t held)
{
    lanes kept = {0};
    for (int64_t l = 0; l < WIDTH; l++) kept[l] = l < held ? v[l] : 0;
    return kept;
}

/* What a step has computed before it updates. */
typedef struct one_row {
    const stored *x;
    real derivative;
    struct update_step now;
} one_row;

/* Whole registers: behind the coefficients the rule moves the zeros too, as nothing keeps it from it, and they are put back. So
 * the next dot product, which reads whole registers, finds each as it was stored, rather than in parts for which it would wait.
 */
static inline __attribute__((always_inline)) void update_columns(struct update_rule rule, const row_steps *s, const one_row *r)
{
    int64_t d = s->task->d, held = d % WIDTH, count = (d + WIDTH - 1) / WIDTH * WIDTH, last = count - WIDTH;
    const stored *restrict x = r->x;
    const real *restrict rate_factor = s->rate_factor;
    real *restrict theta = s->theta, *restrict average = s->average, derivative = r->derivative, clip = s->clip;
    struct update_step now = r->now;
    if (!(clip > 0)) __builtin_unreachable();
    for (int64_t u = 0; u < count; u++) {
        struct parameter q = {theta[u], 0, 0, 0, rule.average ? average[u] : 0};
        struct own_rule own = {rate_factor[u], 1, 1, 0, 0};
        real g = clip_value(clip, 1, 0 + x[u] * derivative); /* a sum from 0 on: of -0 it is 0 */
        update_parameter(rule, now, own, 0, 1, q.theta, g, &q);
        theta[u] = q.theta;
        if (rule.average) average[u] = q.average;
    }
    if (held == 0) return;
    store(theta + last, first_lanes(load(theta + last), held));
    if (rule.average) store(average + last, first_lanes(load(average + last), held));
}

static inline __attribute__((always_inline)) void update_one(int optimizer, int thresholds, int average, const row_steps *s,
                                                             const one_row *r)
{
    struct update_rule rule = s->rule;
    rule.optimizer = optimizer;
    rule.average = average;
    if (!thresholds) rule.l1 = 0;
    update_columns(rule, s, r);
    if (!s->intercept) return;
    int64_t u = rows_padded(s->task->d);
    struct parameter q = {s->theta[u], 0, 0, 0, average ? s->average[u] : 0};
    struct own_rule own = {s->rate_factor[u], 1, 1, 0, 0};
    update_parameter(rule, r->now, own, 0, 0, q.theta, clip_value(s->clip, 1, 0 + r->derivative), &q);
    s->theta[u] = q.theta;
    if (average) s->average[u] = q.average;
}

/* The optimizer, whether there is an l1 penalty, and whether averages are kept, are constants of each copy. */
typedef void (*one_row_update)(const row_steps *s, const one_row *r);
#define ONE_ROW_UPDATES(X) \
    X(SGD, 0, 0) X(SGD, 0, 1) X(SGD, 1, 0) X(SGD, 1, 1) X(ASGD, 0, 0) X(ASGD, 0, 1) X(ASGD, 1, 0) X(ASGD, 1, 1)
#define ONE_ROW_UPDATE(KIND, L1, AVERAGE)                                            \
    static void update_one_##KIND##L1##AVERAGE(const row_steps *s, const one_row *r) \
    {                                                                                \
        update_one(CUSGD_OPTIMIZER_##KIND, L1, AVERAGE, s, r);                       \
    }
ONE_ROW_UPDATES(ONE_ROW_UPDATE)
#define ONE_ROW_ENTRY(KIND, L1, AVERAGE) update_one_##KIND##L1##AVERAGE,
static const one_row_update one_row_updates[] = {ONE_ROW_UPDATES(ONE_ROW_ENTRY)};

static one_row_update update_of(const struct update_rule *rule)
{
    return one_row_updates[4 * (optimizer_decays(rule->optimizer) != 0) + 2 * (rule->l1 > 0) + (rule->average != 0)];
}

/* Asks for row i. gcc takes a function that does nothing else for one without effects, and leaves its calls out. */
static inline __attribute__((always_inline)) void fetch_row(const rows_task *t, int64_t i)
{
    const stored *x = row_at(t, i);
    for (int64_t at = 0; at < t->d; at += LINE) fetch(x + at);
    fetch(x + t->d - 1);
    fetch(t->y + i);
}

static int64_t step_rows(row_steps *s)
{
    const rows_task *t = s->task;
    int64_t padded = rows_padded(t->d), distance = rows_ahead(t, s->count);
    one_row_update update = update_of(&s->rule);
    for (int64_t i = 0; i < s->count; i++) {
        int64_t at = s->rows[i];
        if (i + distance < s->count) fetch_row(t, s->rows[i + distance]);
        one_row r;
        r.x = row_at(t, at);
        real p = one_dot(r.x, s->theta, padded), w = t->w ? t->w[at] : 1;
        if (t->o) p += t->o[at];
        struct loss_point l = loss_at(t->loss, p + s->theta[padded], t->y[at]);
        double loss = (double)(w * l.value);
        if (!isfinite(loss)) return i;
        s->loss += loss;
        r.derivative = w * l.derivative;
        r.now = update_step_from(s->numbers + i);
        update(s, &r);
    }
    return s->count;
}

#endif
