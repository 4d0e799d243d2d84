/* What runs when nothing is said reaches the optimum: a grid of seeded synthetic problems, each solved exactly besides.
 * CUSGD_TORTURE=1 runs the long grid. */
#include "training.h"

#include <criterion/criterion.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- Problems ------------------------------------------------------------------------------------------------------------ */

enum tail { GAUSSIAN, STUDENT, LOGNORMAL, DUMMIES, TAILS };
static const char *const tail_names[] = {"Gaussian", "t3", "lognormal", "dummies"};

typedef struct kind {
    int64_t n, d, batch; /* batch 0: the default */
    double correlation;  /* of neighbouring columns, AR(1) */
    enum tail tail;      /* of the first half of the columns */
    double signal;       /* squared loss: R^2; logistic: the log-odds' deviation */
    cusgd_loss loss;
    uint64_t seed;
} kind;

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

/* As oracle.h's standardize_columns, but in order of memory; a constant column becomes 0. */
static void standardize(double *x, int64_t n, int64_t d)
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
        double p = theta[d], slope, curvature = 1;
        for (int64_t j = 0; j < d; j++) p += row[j] * theta[j];
        if (c->loss == CUSGD_LOSS_LOGISTIC) {
            double mean = 1 / (1 + exp(-p));
            value += (p > 0 ? p : 0) + log1p(exp(-fabs(p))) - y[i] * p;
            slope = mean - y[i];
            curvature = mean * (1 - mean);
        } else {
            slope = p - y[i];
            value += slope * slope / 2;
        }
        for (int64_t a = 0; a < d; a++) {
            double s = curvature * row[a], *h_row = h + a * m;
            step[a] += slope * row[a];
            for (int64_t b = 0; b <= a; b++) h_row[b] += s * row[b];
            h[d * m + a] += s;
        }
        step[d] += slope;
        h[d * m + d] += curvature;
    }
    solve(h, step, m);
    free(h);
    return value / (double)c->n;
}

/* The least objective; Newton's steps until they stop paying. */
static double optimum(const kind *c, const double *z, const double *y)
{
    double *theta = zeros(c->d + 1), *step = zeros(c->d + 1), least = (double)INFINITY;
    for (int i = 0; i < (c->loss == CUSGD_LOSS_LOGISTIC ? 12 : 2); i++) {
        double value = newton(c, z, y, theta, step);
        if (!(value < least * (1 - 1e-9))) break;
        least = value;
        for (int64_t j = 0; j <= c->d; j++) theta[j] -= step[j];
    }
    free(theta);
    free(step);
    return least;
}

static double objective_at(const kind *c, const double *x, const double *y, const double *theta)
{
    problem p = {c->n, c->d, x, y, NULL, c->loss, 0, 0, 1};
    return oracle_objective(&p, theta, NULL);
}

/* ---- Runs ---------------------------------------------------------------------------------------------------------------- */

typedef struct verdict {
    double excess; /* of the objective over the optimum, as a share of it */
    double null;   /* the best constant's */
    cusgd_result result;
} verdict;

/* Options as cusgd_options_init leaves them, but for the loss and, where given, the batch. */
static verdict try_kind(const kind *c)
{
    uint64_t state = c->seed;
    double *x = features_of(c, &state), *z = zeros(c->n * c->d), *theta = zeros(c->d + 1), mean = 0;
    memcpy(z, x, (size_t)(c->n * c->d) * sizeof *z);
    standardize(z, c->n, c->d);
    double *y = targets_of(c, z, &state), least = optimum(c, z, y);
    cusgd_data *data = data_of(c->n, c->d, 1, x, y, NULL);
    cusgd_options o;
    cusgd_options_init(&o);
    o.loss = c->loss;
    o.batch = c->batch;
    o.threads = 1; /* other problems run beside it */
    verdict v = {0};
    v.result = train(&o, data, theta);
    v.excess = objective_at(c, x, y, theta) / least - 1;
    memset(theta, 0, (size_t)(c->d + 1) * sizeof *theta);
    for (int64_t i = 0; i < c->n; i++) mean += y[i] / (double)c->n;
    theta[c->d] = c->loss == CUSGD_LOSS_LOGISTIC ? log(mean / (1 - mean)) : mean;
    v.null = objective_at(c, x, y, theta) / least - 1;
    cusgd_data_free(data);
    free(x);
    free(y);
    free(z);
    free(theta);
    return v;
}

/* ---- Grids --------------------------------------------------------------------------------------------------------------- */

static const double correlations[] = {0, 0.5, 0.9, 0.99};
static const double signals[][3] = {[CUSGD_LOSS_SQUARED] = {0.99, 0.5, 0.02}, [CUSGD_LOSS_LOGISTIC] = {6, 2, 0.3}};
enum { CORRELATIONS = 4, SIGNALS = 3, ROOM = 1000 };

/* Problems solved within 1e-3, and all, of each correlation and tail. */
typedef struct tally {
    kind kinds[ROOM];
    int count;
    int solved[CORRELATIONS][TAILS], tried[CORRELATIONS][TAILS];
    double worst[CORRELATIONS][TAILS];
} tally;

/* Every correlation and tail with every `step`-th signal. */
static void add_kinds(tally *t, int64_t n, int64_t d, int64_t batch, cusgd_loss loss, int step)
{
    int signal = 0;
    for (int r = 0; r < CORRELATIONS; r++)
        for (int tail = 0; tail < TAILS; tail++)
            for (int s = 0; s < SIGNALS; s++, signal++) {
                if (signal % step) continue;
                cr_assert_lt(t->count, ROOM);
                kind c = {n, d, batch, correlations[r], (enum tail)tail, signals[loss][s], loss, 0};
                c.seed = 1000003 * (uint64_t)t->count + (uint64_t)(n + d) + 17 * (uint64_t)loss;
                t->kinds[t->count++] = c;
            }
}

static int correlation_index(double correlation)
{
    int r = 0;
    while (correlations[r] != correlation) r++;
    return r;
}

static void print_tally(const tally *t, const char *name, int solved, int tried, double seconds)
{
    printf("%s: %d of %d within 1e-3 of the optimum (%.1f %%), %.0f s of training%s\n", name, solved, tried,
           100.0 * solved / tried, seconds, REDUCED ? "; reduced, since sanitized" : "");
    for (int r = 0; r < CORRELATIONS; r++) {
        printf("  correlation %-4g", correlations[r]);
        for (int tail = 0; tail < TAILS; tail++)
            printf("  %s %d/%d (worst %.0e)", tail_names[tail], t->solved[r][tail], t->tried[r][tail], t->worst[r][tail]);
        printf("\n");
    }
}

/* `share`: what was measured; three in a hundred fewer may be solved, and nothing may end above 10 times its optimum. */
static void check_grid(tally *t, const char *name, double share)
{
    int solved = 0, tried = 0;
    double seconds = 0;
    for (int i = 0; i < t->count; i += REDUCED ? 24 : 1, tried++) {
        const kind *c = &t->kinds[i];
        int r = correlation_index(c->correlation);
        verdict v = try_kind(c);
        int within = v.excess <= 1e-3;
        cr_expect_leq(v.excess, 9, "%s, problem %d (d %lld, correlation %g, %s): relative excess %g", name, i, (long long)c->d,
                      c->correlation, tail_names[c->tail], v.excess);
        solved += within;
        seconds += v.result.seconds;
        t->tried[r][c->tail]++;
        t->solved[r][c->tail] += within;
        t->worst[r][c->tail] = fmax(t->worst[r][c->tail], v.excess);
    }
    print_tally(t, name, solved, tried, seconds);
    if (!REDUCED)
        cr_expect_geq((double)solved / tried, share - 0.03, "%s: %d of %d solved, %.3f were", name, solved, tried, share);
    else
        cr_expect_geq(2 * solved, tried, "%s: %d of %d solved", name, solved, tried);
}

/* Measured on 2026-11-22, on the grid that always runs. */
static const double SQUARED_SHARE = 0.988;  /* 83 of 84 */
static const double LOGISTIC_SHARE = 0.988; /* 83 of 84 */
static const double FEW_ROWS_SHARE = 0.945; /* 104 of 110 */

static int torture(void)
{
    const char *word = getenv("CUSGD_TORTURE");
    return word && strcmp(word, "1") == 0;
}

static void check_large(cusgd_loss loss, const char *name, double share)
{
    static tally t;
    int all = torture();
    add_kinds(&t, 20000, 10, 0, loss, 1);
    add_kinds(&t, 20000, 50, 0, loss, all ? 2 : 4);
    add_kinds(&t, 20000, 200, 0, loss, all ? 7 : 13);
    add_kinds(&t, 20000, 10, 32, loss, all ? 1 : 5);
    add_kinds(&t, 20000, 10, 4096, loss, all ? 1 : 5);
    if (all) add_kinds(&t, 20000, 50, 32, loss, 5);
    if (all) add_kinds(&t, 20000, 50, 4096, loss, 5);
    check_grid(&t, name, share);
}

Test(auto, squared) { check_large(CUSGD_LOSS_SQUARED, "squared, 20,000 rows", SQUARED_SHARE); }
Test(auto, logistic) { check_large(CUSGD_LOSS_LOGISTIC, "logistic, 20,000 rows", LOGISTIC_SHARE); }

Test(auto, few_rows)
{
    static tally t;
    int all = torture();
    for (int loss = CUSGD_LOSS_SQUARED; loss <= CUSGD_LOSS_LOGISTIC; loss += CUSGD_LOSS_LOGISTIC - CUSGD_LOSS_SQUARED) {
        add_kinds(&t, 300, 5, 0, (cusgd_loss)loss, all ? 1 : 2);
        add_kinds(&t, 1000, 20, 0, (cusgd_loss)loss, all ? 1 : 2);
        add_kinds(&t, 5000, 40, 0, (cusgd_loss)loss, all ? 1 : 7);
    }
    check_grid(&t, "300 to 5,000 rows", FEW_ROWS_SHARE);
}

/* ---- Real data ----------------------------------------------------------------------------------------------------------- */

/* Defaults but for the loss and the penalty, which is that of golden/'s solution; the relative excess over the exact optimum,
 * summed over the outputs. */
static double excess_on(const char *file, int64_t k, cusgd_loss loss, double l2, cusgd_result *r)
{
    table t = golden_table(file);
    int64_t n = t.rows, d = t.cols - k;
    double *x = table_columns(&t, 0, d), *y = table_columns(&t, d, k), *of_one = zeros(n), *theta = zeros(k * (d + 1)),
           *exact = zeros(d + 1), found = 0, least = 0;
    standardize(x, n, d); /* on which the penalty acts; for the optimum of the rest it is all the same */
    cusgd_data *data = data_of(n, d, k, x, y, NULL);
    cusgd_options o;
    cusgd_options_init(&o);
    o.loss = loss;
    o.l2 = l2;
    *r = train(&o, data, theta);
    for (int64_t c = 0; c < k; c++) {
        for (int64_t i = 0; i < n; i++) of_one[i] = y[i * k + c];
        problem p = {n, d, x, of_one, NULL, loss, 0, l2, 1};
        cr_assert_leq(oracle_solve(&p, exact), 1e-8);
        least += oracle_objective(&p, exact, NULL);
        found += oracle_objective(&p, theta + c * (d + 1), NULL);
    }
    cusgd_data_free(data);
    free(x);
    free(y);
    free(of_one);
    free(theta);
    free(exact);
    free(t.at);
    return found / least - 1;
}

/* Measured on 2026-11-22: 1.0e-4, 8.3e-4, 6.7e-4, 2.9e-2 (whose classes are all but separable). */
static void check_real(const char *name, const char *file, int64_t k, cusgd_loss loss, double l2, double most)
{
    cusgd_result r;
    double excess = excess_on(file, k, loss, l2, &r);
    printf("%s: relative excess %.1e after %lld epochs, %.2f s\n", name, excess, (long long)r.epochs, r.seconds);
    cr_expect_leq(excess, most, "%s: relative excess %g", name, excess);
}

Test(auto, real_data)
{
    check_real("diabetes", "datasets/diabetes.csv", 1, CUSGD_LOSS_SQUARED, 0, 1e-3);
    check_real("linnerud", "datasets/linnerud.csv", 3, CUSGD_LOSS_SQUARED, 0, 2e-3);
    check_real("breast cancer, C = 1", "datasets/breast_cancer.csv", 1, CUSGD_LOSS_LOGISTIC, 1.0 / 569, 1e-3);
    check_real("breast cancer, C = 100", "datasets/breast_cancer.csv", 1, CUSGD_LOSS_LOGISTIC, 0.01 / 569, 5e-2);
}
