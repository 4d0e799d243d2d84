#include "problems.h"
#include "options.h"

#include <criterion/criterion.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

const char *const tail_names[TAILS] = {"Gaussian", "t3", "lognormal", "dummies"};
const char *const far_names[FARS] = {"no far rows", "leverage rows", "mistyped values", "codes"};

/* ---- Problems ------------------------------------------------------------------------------------------------------------ */

static double heavy(enum tail tail, double z, double threshold, uint64_t *state)
{
    double squares = 0;
    switch (tail) {
    case STUDENT:
        for (int i = 0; i < 3; i++) squares += pow(random_normal(state), 2);
        return z / sqrt(squares / 3);
    case LOGNORMAL: return exp(1.5 * z);
    case DUMMIES: return z > threshold;
    default: return z;
    }
}

/* x n x d. Dummies are 1 in a share of the rows from 1/2 down to 1/10^4: a normal beyond a threshold up to 3.7. */
static double *features_of(const kind *c, uint64_t *state)
{
    double *x = random_normals(state, c->n * c->d), fresh = sqrt(1 - c->correlation * c->correlation);
    double *threshold = zeros(c->d);
    for (int64_t j = 0; j < c->d; j++) threshold[j] = 3.7 * random_uniform(state);
    for (int64_t i = 0; i < c->n; i++) {
        double *row = x + i * c->d;
        for (int64_t j = 1; j < c->d; j++) row[j] = c->correlation * row[j - 1] + fresh * row[j];
        for (int64_t j = 0; j < c->d / 2; j++) row[j] = heavy(c->tail, row[j], threshold[j], state);
    }
    free(threshold);
    return x;
}

/* Coefficients are Gaussian on standardized columns. */
static double *targets_of(const kind *c, const double *standardized, uint64_t *state)
{
    double *theta = random_normals(state, c->d), *y = zeros(c->n), square = 0;
    for (int64_t i = 0; i < c->n; i++) {
        for (int64_t j = 0; j < c->d; j++) y[i] += standardized[i * c->d + j] * theta[j];
        square += y[i] * y[i] / (double)c->n;
    }
    for (int64_t i = 0; i < c->n; i++) {
        double signal = y[i] / sqrt(square);
        if (c->loss == CUSGD_LOSS_LOGISTIC)
            y[i] = random_uniform(state) < 1 / (1 + exp(-c->signal * signal));
        else
            y[i] = 5 + sqrt(c->signal) * signal + sqrt(1 - c->signal) * random_normal(state);
    }
    free(theta);
    return y;
}

/* Moves some rows away, all at random places. Columns of mistyped values are as far from 0 as sizes or weights are. */
static void move_rows(const kind *c, double *x, uint64_t *state)
{
    for (int64_t i = 0; i < c->n * c->d && c->far == MISTYPED; i++) x[i] += 5;
    for (int64_t f = 0; f < c->far_rows; f++) {
        double *row = x + (int64_t)((double)c->n * random_uniform(state)) * c->d;
        int64_t j = (int64_t)((double)c->d * random_uniform(state));
        if (c->far == MISTYPED) row[j] *= 10;
        if (c->far == CODES) row[j] = 9999;
        for (j = 0; j < c->d && c->far == LEVERAGE; j++) row[j] *= 30;
    }
}

/* As oracle.h's standardize_columns, but in order of memory; a constant column becomes 0. */
void standardize(double *x, int64_t n, int64_t d)
{
    double *mean = zeros(d), *square = zeros(d);
    for (int64_t i = 0; i < n * d; i++) mean[i % d] += x[i] / (double)n;
    for (int64_t i = 0; i < n * d; i++) square[i % d] += (x[i] - mean[i % d]) * (x[i] - mean[i % d]) / (double)n;
    for (int64_t i = 0; i < n * d; i++) x[i] = square[i % d] > 0 ? (x[i] - mean[i % d]) / sqrt(square[i % d]) : 0;
    free(mean);
    free(square);
}

/* ---- Their optima -------------------------------------------------------------------------------------------------------- */

/* Solves the m x m system h s = g, s in place of g, by Cholesky's factorization; a pivot that is rounding is left out. */
static void solve(double *h, double *g, int64_t m)
{
    for (int64_t a = 0; a < m; a++) {
        double diagonal = h[a * m + a];
        for (int64_t b = 0; b <= a; b++) {
            double sum = h[a * m + b];
            for (int64_t c = 0; c < b; c++) sum -= h[a * m + c] * h[b * m + c];
            if (a == b)
                h[a * m + a] = sum > 1e-12 * diagonal ? sqrt(sum) : 0;
            else
                h[a * m + b] = h[b * m + b] > 0 ? sum / h[b * m + b] : 0;
        }
        for (int64_t c = 0; c < a; c++) g[a] -= h[a * m + c] * g[c];
        g[a] = h[a * m + a] > 0 ? g[a] / h[a * m + a] : 0;
    }
    for (int64_t a = m - 1; a >= 0; a--) {
        for (int64_t c = a + 1; c < m; c++) g[a] -= h[c * m + a] * g[c];
        g[a] = h[a * m + a] > 0 ? g[a] / h[a * m + a] : 0;
    }
}

/* Newton's step at theta (d coefficients of z, which is standardized, and the intercept), and the objective there. */
static double newton(const kind *c, const double *z, const double *y, const double *theta, double *step)
{
    int64_t d = c->d, m = d + 1;
    double *h = zeros(m * m), value = 0;
    memset(step, 0, (size_t)m * sizeof *step);
    for (int64_t i = 0; i < c->n; i++) {
        const double *row = z + i * d;
        double p = theta[d], derivative, curvature = 1;
        for (int64_t j = 0; j < d; j++) p += row[j] * theta[j];
        if (c->loss == CUSGD_LOSS_LOGISTIC) {
            double mean = 1 / (1 + exp(-p));
            value += (p > 0 ? p : 0) + log1p(exp(-fabs(p))) - y[i] * p;
            derivative = mean - y[i];
            curvature = mean * (1 - mean);
        } else {
            derivative = p - y[i];
            value += derivative * derivative / 2;
        }
        for (int64_t a = 0; a < d; a++) {
            double s = curvature * row[a], *h_row = h + a * m;
            step[a] += derivative * row[a];
            for (int64_t b = 0; b <= a; b++) h_row[b] += s * row[b];
            h[d * m + a] += s;
        }
        step[d] += derivative;
        h[d * m + d] += curvature;
    }
    solve(h, step, m);
    free(h);
    return value / (double)c->n;
}

/* The least objective; Newton's steps until they stop paying. */
static double optimum(const kind *c, const double *z, const double *y)
{
    double *theta = zeros(c->d + 1), *step = zeros(c->d + 1), minimum = (double)INFINITY;
    for (int i = 0; i < (c->loss == CUSGD_LOSS_LOGISTIC ? 12 : 2); i++) {
        double value = newton(c, z, y, theta, step);
        if (!(value < minimum * (1 - 1e-9))) break;
        minimum = value;
        for (int64_t j = 0; j <= c->d; j++) theta[j] -= step[j];
    }
    free(theta);
    free(step);
    return minimum;
}

static double objective_at(const kind *c, const double *x, const double *y, const double *theta)
{
    problem p = {c->n, c->d, x, y, NULL, c->loss, 0, 0, 1};
    return oracle_objective(&p, theta, NULL);
}

/* ---- Runs ---------------------------------------------------------------------------------------------------------------- */

verdict try_kind(const kind *c)
{
    uint64_t state = c->seed;
    double *x = features_of(c, &state), *z = zeros(c->n * c->d), *theta = zeros(c->d + 1), mean = 0;
    memcpy(z, x, (size_t)(c->n * c->d) * sizeof *z);
    standardize(z, c->n, c->d);
    double *y = targets_of(c, z, &state), minimum, at_min, seconds;
    if (c->far != NO_FAR) {
        move_rows(c, x, &state);
        memcpy(z, x, (size_t)(c->n * c->d) * sizeof *z);
        standardize(z, c->n, c->d);
    }
    minimum = optimum(c, z, y);
    cusgd_data *data = data_of(c->n, c->d, 1, x, y, NULL);
    cusgd_options o;
    options_init(&o);
    o.loss = c->loss;
    o.batch = c->batch;
    o.threads = 1; /* other problems run at the same time */
    verdict v = {0};
    cusgd_trainer *t = trainer_of(&o, data, NULL);
    v.result = fit(t);
    parameters_of(t, c->d, 1, theta);
    cr_assert_eq(cusgd_trainer_optimum(t, &at_min, &seconds), CUSGD_OK, "%s", cusgd_last_error());
    v.reported = v.result.stop == CUSGD_STOP_EPOCHS || v.result.objective > 1.001 * at_min; /* as summary.c has it */
    cusgd_trainer_free(t);
    v.relative_gap = objective_at(c, x, y, theta) / minimum - 1;
    memset(theta, 0, (size_t)(c->d + 1) * sizeof *theta);
    for (int64_t i = 0; i < c->n; i++) mean += y[i] / (double)c->n;
    theta[c->d] = c->loss == CUSGD_LOSS_LOGISTIC ? log(mean / (1 - mean)) : mean;
    v.null = objective_at(c, x, y, theta) / minimum - 1;
    cusgd_data_free(data);
    free(x);
    free(y);
    free(z);
    free(theta);
    return v;
}
