/* Determines from the rows whether some direction v never increases the loss of a row and decreases that of some row
 * (separation.c). */
#include "separation.h"

#include "failure.h"
#include "interrupt.h"
#include <math.h>
#include <stdlib.h>

enum { PASS_WORK = 20000000, MIN_SAMPLE = 512, MAX_SAMPLE = 100000 };

/* ---- Rows ---- */

void read_row(const search *s, int64_t row, double *z)
{
    enum { FEW = 8 }; /* number of columns from which reading a single column pays */
    int64_t columns = s->free - s->problem->intercept;
    const double *x = FEW * columns > s->problem->d ? rows_at(s->x, row) : NULL;
    for (int64_t a = 0; a < columns; a++)
        z[a] = ((x ? x[s->column[a]] : rows_value(s->x, row, s->column[a])) - s->middle[a]) / s->half[a];
    if (s->problem->intercept) z[columns] = 1;
}

void read_sampled(search *s, int64_t i)
{
    sample *of = &s->sample;
    of->y[i] = is_positive(s, of->row[i]);
    read_row(s, of->row[i], of->z + i * s->free);
}

static void add_row(search *s, int64_t row)
{
    s->sample.row[s->sample.rows] = row;
    read_sampled(s, s->sample.rows++);
}

/* Returns the gain of a row along v, which is >= 0 if v is a direction of separation. */
static double gain(const search *s, int positive, double zv)
{
    if (s->logistic) return positive ? zv : -zv;
    return positive ? -fabs(zv) : -zv;
}

/* Returns the threshold below which a gain is negative by more than rounding errors, where `maximum` is the largest gain. */
static double slack(double maximum) { return -1e-7 * maximum; }

/* Checks p on all rows, and adds rows that contradict it to the sample, up to `most` rows. *all: 1 if every gain is positive. */
static int holds_everywhere(search *s, int64_t most, double maximum, int *all)
{
    const examples *e = &s->problem->train.rows;
    double *z = s->newton.g;
    int holds = 1;
    *all = 1;
    for (int64_t i = 0; i < e->n && !interrupt_asked_at(i); i++) {
        int64_t row = examples_row(e, i);
        if (!counts(s, row)) continue;
        read_row(s, row, z);
        double g = gain(s, is_positive(s, row), vector_dot(s->free, z, s->newton.p));
        *all &= g > -1e3 * slack(maximum);
        if (g >= slack(maximum)) continue;
        holds = 0;
        if (s->sample.rows == most) break;
        add_row(s, row);
    }
    return holds && !interrupt_asked();
}

enum verdict judge_sample(search *s, int is_all, double *maximum)
{
    enum { ITERATIONS = 60, EARLIEST = 8 };
    const sample *of = &s->sample;
    int full;
    recession_start(s);
    for (int i = 0; i < ITERATIONS && !interrupt_asked(); i++) {
        double minimum = 0, largest = 0;
        if (!recession_step(s, &full)) return UNKNOWN;
        *maximum = 0;
        for (int64_t r = 0; r < of->rows; r++) {
            double g = gain(s, of->y[r] > 0, of->change[r]);
            minimum = fmin(minimum, g);
            *maximum = fmax(*maximum, g);
            largest = fmax(largest, fabs(of->change[r]));
        }
        if (largest < 0.5) return full || is_all ? FINITE : UNKNOWN;
        if (i >= EARLIEST && *maximum >= 0.5 && minimum >= slack(*maximum)) return SEPARATED;
        if (!recession_move(s)) return UNKNOWN;
    }
    return UNKNOWN;
}

/* Samples rows evenly. Returns 1 if the sample has all rows. */
static int take_sample(search *s, int64_t most)
{
    const examples *e = &s->problem->train.rows;
    int64_t count = e->n <= most ? e->n : most / 2;
    for (int64_t i = 0; i < count && count < e->n; i++) rows_announce(s->x, examples_row(e, i * e->n / count), 1);
    for (int64_t i = 0; i < count; i++) {
        int64_t row = examples_row(e, i * e->n / count); /* i < 2 MAX_SAMPLE: no overflow */
        if (counts(s, row)) add_row(s, row);
    }
    return count == e->n;
}

static enum verdict judge_rows(search *s, int64_t most, int *all)
{
    enum { ROUNDS = 4 };
    double maximum;
    int is_all = take_sample(s, most);
    for (int round = 0; round < ROUNDS && !interrupt_asked(); round++) {
        int64_t before = s->sample.rows;
        enum verdict v = judge_sample(s, is_all, &maximum);
        if (v != SEPARATED) return v;
        if (holds_everywhere(s, most, maximum, all)) return SEPARATED;
        if (s->sample.rows == before) return UNKNOWN;
    }
    return UNKNOWN;
}

cusgd_status judge_together(search *s, enum verdict *v, int *all)
{
    int64_t f = s->free, n = s->problem->train.rows.n, size = PASS_WORK / (f * f);
    int settled = 0;
    size = size < MIN_SAMPLE ? MIN_SAMPLE : size > MAX_SAMPLE ? MAX_SAMPLE : size;
    cusgd_status status = recession_open(s);
    if (!status) status = judge_few(s, size, v, &settled);
    if (status || settled || interrupt_asked()) return status;
    s->sample.rows = 0;
    status = sample_reserve(s, min_of(n, 2 * size));
    if (!status) *v = judge_rows(s, min_of(n, 2 * size), all);
    return status;
}

/* ---- Other ways ---- */

/* Uses the Cholesky factor of the Gram matrix of the rows, normalized to length 1. */
cusgd_status judge_independence(search *s, int64_t n, enum verdict *v)
{
    int64_t f = s->free, m = 0;
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

/* Computes the outputs of a row without offsets, k. theta: (d + 1) x k. */
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

/* The required margin of a row, 1e-6 of the largest output. */
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
        minimum = fmin(minimum, gain(s, is_positive(s, row), p));
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
