/* Whether some direction v never raises the loss of a row and lowers that of some (separation.c): by the rows. */
#include "separation.h"

#include "failure.h"
#include "interrupt.h"
#include <math.h>
#include <stdlib.h>

enum { PASS_WORK = 20000000, MIN_SAMPLE = 512, MAX_SAMPLE = 100000 };

/* ---- Rows ---- */

static void read_row(const search *s, int64_t row, double *z)
{
    for (int64_t a = 0; a < s->free; a++)
        z[a] = s->column[a] < s->problem->d ? (rows_value(s->x, row, s->column[a]) - s->middle[a]) / s->half[a] : 1;
}

static void add_row(search *s, int64_t row)
{
    s->row[s->rows] = row;
    read_row(s, row, s->z + s->rows++ * s->free);
}

/* What v makes of a row: >= 0 as it should be, or below 0. */
static double gain(const search *s, int64_t row, double zv)
{
    if (s->logistic) return is_positive(s, row) ? zv : -zv;
    return is_positive(s, row) ? -fabs(zv) : -zv;
}

/* Gains below this are no more than rounding, where `most` is the greatest. */
static double slack(double maximum) { return -1e-7 * maximum; }

/* Checks v on all rows; those that contradict it join the sample as far as there is room. *all: every gain is positive. */
static int holds_everywhere(search *s, const double *v, double maximum, double *z, int *all)
{
    const examples *e = &s->problem->train.rows;
    int holds = 1;
    *all = 1;
    for (int64_t i = 0; i < e->n && !interrupt_asked_at(i); i++) {
        int64_t row = examples_row(e, i);
        if (!counts(s, row)) continue;
        read_row(s, row, z);
        double g = gain(s, row, vector_dot(s->free, z, v));
        *all &= g > -1e3 * slack(maximum);
        if (g >= slack(maximum)) continue;
        holds = 0;
        if (s->rows == s->room) break;
        add_row(s, row);
    }
    return holds && !interrupt_asked();
}

/* ---- Newton's method on the sample, of logistic loss, or poisson's with all y > 0 brought to 1 ---- */

static struct loss_point loss_of(const search *s, int64_t i, double p)
{
    double y = is_positive(s, s->row[i]);
    return s->logistic ? loss_logistic(p, y) : loss_poisson(p, y, (double)INFINITY);
}

static double sum_of_losses(const search *s, const double *at)
{
    double sum = 0;
    for (int64_t i = 0; i < s->rows; i++) sum += loss_of(s, i, at[i]).value;
    return sum;
}

static void differentiate(search *s)
{
    int64_t f = s->free;
    vector_zero(f * f, s->newton.h);
    vector_zero(f, s->newton.g);
    for (int64_t i = 0; i < s->rows; i++) {
        struct loss_point l = loss_of(s, i, s->at[i]);
        const double *z = s->z + i * f;
        for (int64_t a = 0; a < f; a++) {
            double left = l.curvature * z[a], *h = s->newton.h + a * f;
            s->newton.g[a] += l.derivative * z[a];
            for (int64_t b = 0; b <= a; b++) h[b] += left * z[b];
        }
    }
}

/* l becomes the factor of H with its diagonal brought to 1 and raised a little; *full: H has full rank. */
static int factor(search *s, int *full)
{
    int64_t f = s->free;
    double minimum = 1;
    for (int64_t a = 0; a < f; a++) s->newton.scale[a] = s->newton.h[a * f + a] > 0 ? 1 / sqrt(s->newton.h[a * f + a]) : 1;
    double ridge = 1e-14 * (double)f;
    for (int tries = 0; tries < 5; tries++) {
        for (int64_t a = 0; a < f; a++)
            for (int64_t b = 0; b <= a; b++)
                s->newton.l[a * f + b] = s->newton.h[a * f + b] * s->newton.scale[a] * s->newton.scale[b] + (a == b ? ridge : 0);
        ridge *= 10; /* for the next one */
        if (!cholesky_factor(f, s->newton.l)) continue;
        for (int64_t a = 0; a < f; a++) minimum = fmin(minimum, s->newton.l[a * f + a]);
        *full = minimum > 1e-5;
        return 1;
    }
    return 0;
}

/* p = -H^-1 g and z'p. */
static int step(search *s, int *full)
{
    int64_t f = s->free;
    if (!factor(s, full)) return 0;
    for (int64_t a = 0; a < f; a++) s->newton.p[a] = -s->newton.g[a] * s->newton.scale[a];
    cholesky_solve(f, s->newton.l, s->newton.p);
    for (int64_t a = 0; a < f; a++) s->newton.p[a] *= s->newton.scale[a];
    for (int64_t i = 0; i < s->rows; i++) s->change[i] = vector_dot(f, s->z + i * f, s->newton.p);
    return 1;
}

/* Moves along p by halves of it until the sum of losses falls enough. */
static int move(search *s)
{
    enum { HALVINGS = 40 };
    double before = sum_of_losses(s, s->at), promised = vector_dot(s->free, s->newton.g, s->newton.p), share = 1;
    for (int i = 0; i < HALVINGS; i++) {
        vector_copy(s->rows, s->at, s->trial);
        vector_add(s->rows, share, s->change, s->trial);
        if (sum_of_losses(s, s->trial) <= before + 1e-4 * share * promised + 1e-13 * fabs(before)) {
            vector_copy(s->rows, s->trial, s->at);
            return 1;
        }
        share /= 2;
    }
    return 0;
}

/* On the sample; SEPARATED: by p, whose greatest gain is *most. */
static enum verdict judge_sample(search *s, double *maximum)
{
    enum { ITERATIONS = 60, EARLIEST = 8 };
    int full;
    vector_zero(s->rows, s->at);
    for (int i = 0; i < ITERATIONS && !interrupt_asked(); i++) {
        double minimum = 0, largest = 0;
        differentiate(s);
        if (!step(s, &full)) return UNKNOWN;
        *maximum = 0;
        for (int64_t r = 0; r < s->rows; r++) {
            double g = gain(s, s->row[r], s->change[r]);
            minimum = fmin(minimum, g);
            *maximum = fmax(*maximum, g);
            largest = fmax(largest, fabs(s->change[r]));
        }
        if (largest < 0.5) return full || s->rows == s->count[0] + s->count[1] ? FINITE : UNKNOWN;
        if (i >= EARLIEST && *maximum >= 0.5 && minimum >= slack(*maximum)) return SEPARATED;
        if (!move(s)) return UNKNOWN;
    }
    return UNKNOWN;
}

static void take_sample(search *s)
{
    const examples *e = &s->problem->train.rows;
    int64_t count = e->n <= s->room ? e->n : s->room / 2;
    for (int64_t i = 0; i < count && count < e->n; i++) rows_announce(s->x, examples_row(e, i * e->n / count), 1);
    for (int64_t i = 0; i < count; i++) {
        int64_t row = examples_row(e, i * e->n / count); /* i < 2 MAX_SAMPLE: no overflow */
        if (counts(s, row)) add_row(s, row);
    }
}

static enum verdict judge_rows(search *s, int *all)
{
    enum { ROUNDS = 4 };
    double maximum;
    take_sample(s);
    for (int round = 0; round < ROUNDS && !interrupt_asked(); round++) {
        int64_t before = s->rows;
        enum verdict v = judge_sample(s, &maximum);
        if (v != SEPARATED) return v;
        if (holds_everywhere(s, s->newton.p, maximum, s->newton.g, all)) return SEPARATED;
        if (s->rows == before) return UNKNOWN;
    }
    return UNKNOWN;
}

cusgd_status judge_together(search *s, enum verdict *v, int *all)
{
    int64_t f = s->free, n = s->problem->train.rows.n, sample = PASS_WORK / (f * f);
    sample = sample < MIN_SAMPLE ? MIN_SAMPLE : sample > MAX_SAMPLE ? MAX_SAMPLE : sample;
    s->room = n < 2 * sample ? n : 2 * sample;
    s->rows = 0;
    size_t values = (size_t)(s->room * (f + 3) + 2 * f * f + 3 * f);
    s->z = allocate(values, sizeof *s->z);
    s->row = allocate((size_t)s->room, sizeof *s->row);
    if (!s->z || !s->row) return fail_memory(values * sizeof *s->z, "the check for separated classes");
    s->at = s->z + s->room * f;
    s->trial = s->at + s->room;
    s->change = s->trial + s->room;
    s->newton.h = s->change + s->room;
    s->newton.l = s->newton.h + f * f;
    s->newton.g = s->newton.l + f * f;
    s->newton.p = s->newton.g + f;
    s->newton.scale = s->newton.p + f;
    *v = judge_rows(s, all);
    return CUSGD_OK;
}

void close_rows(search *s)
{
    free(s->z);
    free(s->row);
    s->z = NULL;
    s->row = NULL;
}

/* ---- Other ways ---- */

/* By the Cholesky factor of their Gram matrix, each row brought to length 1. */
cusgd_status judge_independence(search *s, enum verdict *v)
{
    int64_t n = s->count[0] + s->count[1], f = s->free, m = 0;
    double *z = allocate((size_t)(n * f + n * n), sizeof *z);
    if (!z) return fail_memory((size_t)(n * f + n * n) * sizeof *z, "the check for separated classes");
    double *gram = z + n * f;
    for (int64_t i = 0; i < s->problem->train.rows.n && !interrupt_asked_at(i); i++) {
        int64_t row = examples_row(&s->problem->train.rows, i);
        if (!counts(s, row)) continue;
        double *at = z + m++ * f;
        read_row(s, row, at);
        double length = vector_norm(f, at);
        for (int64_t a = 0; a < f && length > 0; a++) at[a] /= length;
    }
    for (int64_t a = 0; a < n && !interrupt_asked(); a++)
        for (int64_t b = 0; b <= a; b++) gram[a * n + b] = vector_dot(f, z + a * f, z + b * f);
    int independent = !interrupt_asked() && cholesky_factor(n, gram);
    for (int64_t a = 0; a < n && independent; a++) independent = gram[a * n + a] > 1e-5;
    if (independent) *v = SEPARATED;
    free(z);
    return CUSGD_OK;
}

/* Of a row: the outputs without their offsets, k; theta: (d + 1) x k. */
static void predict_row(const search *s, const double *theta, int64_t row, double *p)
{
    const problem *of = s->problem;
    const double *values = rows_at(s->x, row);
    int64_t d = of->d, k = of->k;
    for (int64_t c = 0; c < k; c++) p[c] = theta[d * k + c];
    for (int64_t j = 0; j < d; j++) {
        double x = (values[j] - of->units.mean[j]) / of->units.scale[j];
        for (int64_t c = 0; c < k; c++) p[c] += theta[j * k + c] * x;
    }
}

static int is_bounded(const search *s)
{
    for (int64_t j = 0; j < s->problem->d; j++)
        if (s->may[j] != BOTH) return 1;
    return 0;
}

/* The margin of a row is at least 1e-6 of the largest output. */
enum { MARGINS_PER_OUTPUT = 1000000 };

void judge_margins(const search *s, const double *theta, enum verdict *v)
{
    const examples *e = &s->problem->train.rows;
    int64_t d = s->problem->d, k = s->problem->k;
    double minimum = (double)INFINITY, maximum = 0;
    *v = UNKNOWN;
    if (is_bounded(s)) return;
    for (int64_t i = 0; i < e->n && !interrupt_asked_at(i) && !(minimum <= 0); i++) {
        int64_t row = examples_row(e, i);
        double p = theta[d * k + s->c];
        if (!counts(s, row)) continue;
        const double *x = rows_at(s->x, row);
        for (int64_t j = 0; j < d; j++)
            p += theta[j * k + s->c] * ((x[j] - s->problem->units.mean[j]) / s->problem->units.scale[j]);
        minimum = fmin(minimum, gain(s, row, p));
        maximum = fmax(maximum, fabs(p));
    }
    if (!interrupt_asked() && MARGINS_PER_OUTPUT * minimum > maximum) *v = SEPARATED;
}

cusgd_status judge_all_margins(const search *s, const double *theta, enum verdict *v)
{
    const examples *e = &s->problem->train.rows;
    int64_t k = s->problem->k;
    double minimum = (double)INFINITY, maximum = 0, *p = allocate((size_t)k, sizeof *p);
    *v = UNKNOWN;
    if (!p) return fail_memory((size_t)k * sizeof *p, "the outputs of a row");
    for (int64_t i = 0; i < e->n && !is_bounded(s) && !interrupt_asked_at(i) && !(minimum <= 0); i++) {
        int64_t row = examples_row(e, i);
        double y = target_at(e, row, 0);
        int64_t class = y > 0 ? (int64_t)y : 0;
        if (!counts(s, row)) continue;
        predict_row(s, theta, row, p);
        for (int64_t c = 0; c < k; c++) {
            if (c != class) minimum = fmin(minimum, p[class] - p[c]);
            maximum = fmax(maximum, fabs(p[c]));
        }
    }
    if (!interrupt_asked() && isfinite(minimum) && MARGINS_PER_OUTPUT * minimum > maximum) *v = SEPARATED;
    free(p);
    return CUSGD_OK;
}
