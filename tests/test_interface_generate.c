/* The device interface's synthetic rows: functions of their place, with the distribution that is asked for. See interface.h. */
#include "interface.h"
#include "scalar/random.h"

#include <criterion/criterion.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

static const int64_t outputs[] = {1, 2, 3, 17};
enum { OUTPUTS = sizeof outputs / sizeof *outputs };

static const interface_scalar *scalar_of(const cusgd_generator *g) { return interface_scalar_of((cusgd_precision)g->type); }

static uint32_t word_at(const cusgd_generator *g, uint64_t stream, uint64_t word)
{
    return random_block(stream_key(g->seed, stream), word / 4).at[word % 4];
}

/* y belongs to x: it is x theta + b + noise z, or a coin with that log-odds, of the x that is returned. */
static void check_targets(const cusgd_generator *g, const double *truth, int64_t first, int64_t count, const double *x,
                          const double *y)
{
    int64_t d = g->cols, k = g->outputs;
    for (int64_t i = 0; i < count; i++)
        for (int64_t c = 0; c < k; c++) {
            uint32_t word = word_at(g, STREAM_TARGETS, (uint64_t)(first + i) * (uint64_t)k + (uint64_t)c);
            double p = truth[d * k + c], size = fabs(p), noise = g->noise * normal_from(word), got = y[i * k + c];
            for (int64_t j = 0; j < d; j++) {
                p += x[i * d + j] * truth[j * k + c];
                size += fabs(x[i * d + j] * truth[j * k + c]);
            }
            double share = 1 / (1 + exp(-p)), u = uniform_open(word);
            double slack = scalar_of(g)->unit * fabs(p + noise) * 2 + 1e-14 * (size + fabs(noise));
            double v = p + noise, positive = v > 0 ? 1 + v : 1 / (1 - v);
            int right = fabs(got - v) <= slack;
            if (g->targets == CUSGD_SYNTHETIC_LOGISTIC) right = got == (u < share ? 1 : 0) || fabs(u - share) < 1e-12;
            if (g->targets == CUSGD_SYNTHETIC_POSITIVE) right = fabs(got - positive) <= slack + 2 * scalar_of(g)->unit * positive;
            if (!right) interface_fail("target (%d, %d) is %.17g where x theta + b is %.17g", (int)(first + i), (int)c, got, p);
        }
}

enum { G_PRECISION, G_TARGETS, G_SHAPE, G_NOISE, G_K, G_D, G_N };
static const int64_t widths[] = {1, 2, 3, 16, 17, 33, 127};
static const int64_t counts[] = {1, 5, 64, 1000};
static const interface_factor generate_factors[] = {{"precision", 2, 1}, {"targets", 3, 1}, {"shape", 3, 1}, {"noise", 2, 1},
                                                    {"k", 3, 1},         {"d", 7, 1},       {"n", 4, 1},     {NULL, 0, 0}};

/* Pieces equal the same rows of one call, whatever they are; and every number is where its stream has it. */
static void generate_visit(const int *level, void *context)
{
    interface_session *s = context;
    int64_t n = counts[level[G_N]], d = widths[level[G_D]], k = outputs[level[G_K]], far = (int64_t)1 << 33;
    cusgd_generator g = {.rows = far + n,
                         .cols = d,
                         .outputs = k,
                         .informative = d,
                         .noise = level[G_NOISE] ? 0.5 : 0,
                         .targets = (cusgd_synthetic_targets)level[G_TARGETS],
                         .correlation = level[G_SHAPE] == 1 ? -0.7 : 0,
                         .condition = level[G_SHAPE] == 2 ? 1000 : 1,
                         .seed = ++s->cases,
                         .type = (cusgd_type)level[G_PRECISION]};
    const backend *b = &s->of[g.type];
    double *x = interface_allocate(n * d, sizeof(double)), *y = interface_allocate(n * k, sizeof(double));
    double *piece_x = interface_allocate(n * d, sizeof(double)), *piece_y = interface_allocate(n * k, sizeof(double));
    double *truth = interface_allocate((d + 1) * k, sizeof(double));
    uint64_t state = g.seed + 50;
    for (int64_t u = 0; u < (d + 1) * k; u++) truth[u] = interface_uniform(&state);
    for (int64_t base = 0; base <= far; base += far) { /* the second time, words that take more than 32 bits to count */
        interface_generated(b, &g, truth, base, n, x, y);
        check_targets(&g, truth, base, n, x, y);
        for (int64_t i = 0; i < n * d && level[G_SHAPE] == 0; i++) {
            double expected = scalar_of(&g)->round(normal_from(word_at(&g, STREAM_FEATURES, (uint64_t)(base * d + i))));
            if (x[i] != expected) interface_fail("x (%d, %d) is %.17g, not %.17g", (int)(i / d), (int)(i % d), x[i], expected);
        }
        for (int64_t first = 0, count; first < n; first += count) {
            count = 1 + (int64_t)(interface_bits(&state) % 300);
            if (count > n - first) count = n - first;
            interface_generated(b, &g, truth, base + first, count, piece_x, piece_y);
            if (memcmp(piece_x, x + first * d, sizeof(double) * (size_t)(count * d)) != 0 ||
                memcmp(piece_y, y + first * k, sizeof(double) * (size_t)(count * k)) != 0)
                interface_fail("d %d k %d: rows %d .. %d alone are not those rows of one call", (int)d, (int)k, (int)first,
                               (int)(first + count - 1));
        }
    }
    free(x);
    free(y);
    free(piece_x);
    free(piece_y);
    free(truth);
}

Test(interface_generate, generated_rows_are_functions_of_their_place)
{
    interface_session s;
    interface_session_open(&s);
    interface_cover(generate_factors, 6, generate_visit, &s);
    interface_session_close(&s);
}

/* The columns' covariance, d x d, about the mean. */
static void covariance_of(const double *x, int64_t n, int64_t d, double *mean, double *covariance)
{
    for (int64_t j = 0; j < d; j++) {
        mean[j] = 0;
        for (int64_t i = 0; i < n; i++) mean[j] += x[i * d + j] / (double)n;
    }
    for (int64_t a = 0; a < d; a++)
        for (int64_t b = 0; b < d; b++) {
            covariance[a * d + b] = 0;
            for (int64_t i = 0; i < n; i++)
                covariance[a * d + b] += (x[i * d + a] - mean[a]) * (x[i * d + b] - mean[b]) / (double)n;
        }
}

/* The eigenvalues of a symmetric matrix, which is destroyed, by Jacobi's rotations; ascending order is not kept. */
static void eigenvalues_of(double *a, int64_t d, double *values)
{
    for (int sweep = 0; sweep < 30; sweep++)
        for (int64_t p = 0; p < d; p++)
            for (int64_t q = p + 1; q < d; q++) {
                if (a[p * d + q] == 0) continue;
                double tau = (a[q * d + q] - a[p * d + p]) / (2 * a[p * d + q]);
                double t = (tau < 0 ? -1 : 1) / (fabs(tau) + sqrt(1 + tau * tau)), c = 1 / sqrt(1 + t * t), s = t * c;
                for (int64_t i = 0; i < d; i++) { /* columns, then rows */
                    double left = a[i * d + p], right = a[i * d + q];
                    a[i * d + p] = c * left - s * right;
                    a[i * d + q] = s * left + c * right;
                }
                for (int64_t i = 0; i < d; i++) {
                    double left = a[p * d + i], right = a[q * d + i];
                    a[p * d + i] = c * left - s * right;
                    a[q * d + i] = s * left + c * right;
                }
            }
    for (int64_t j = 0; j < d; j++) values[j] = a[j * d + j];
}

enum { ROWS = 40000, COLS = 6 };

/* x of ROWS x COLS, its mean and covariance. */
static void sample(const interface_session *s, cusgd_generator g, double *mean, double *covariance, double *x, double *y)
{
    double truth[COLS + 1] = {1, -1, 0.5, 0, 0, 2, 0.25};
    g.rows = ROWS;
    g.cols = g.informative = COLS;
    g.outputs = 1;
    interface_generated(&s->of[g.type], &g, truth, 0, ROWS, x, y);
    covariance_of(x, ROWS, COLS, mean, covariance);
}

/* Bounds are five standard errors: 1/sqrt n for a mean or a covariance, sqrt(2/n) for a variance. */
Test(interface_generate, generated_columns_have_the_distribution_asked_for)
{
    interface_session s;
    interface_session_open(&s);
    double mean[COLS], covariance[COLS * COLS], values[COLS], error = 1 / sqrt((double)ROWS);
    double *x = interface_allocate((int64_t)ROWS * COLS, sizeof(double)), *y = interface_allocate(ROWS, sizeof(double));
    for (int precision = 0; precision < 2; precision++) {
        cusgd_generator g = {.noise = 1, .condition = 1, .seed = 5, .type = (cusgd_type)precision};
        for (int shape = 0; shape < 2; shape++) { /* independent; AR(1) */
            g.correlation = shape ? 0.8 : 0;
            sample(&s, g, mean, covariance, x, y);
            for (int a = 0; a < COLS; a++)
                for (int b = 0; b < COLS; b++) {
                    double expected = a == b ? 1 : shape ? pow(0.8, abs(a - b)) : 0;
                    cr_assert(fabs(mean[a]) < 5 * error);
                    cr_assert(fabs(covariance[a * COLS + b] - expected) < 5 * sqrt(2) * error,
                              "covariance (%d, %d) is %g, not %g", a, b, covariance[a * COLS + b], expected);
                }
        }
        g.correlation = 0;
        g.condition = 1000;
        sample(&s, g, mean, covariance, x, y);
        double coupled = 0;
        for (int a = 0; a < COLS; a++)
            for (int b = 0; b < a; b++) coupled += fabs(covariance[a * COLS + b]);
        cr_assert(coupled > 0.1, "columns of a given condition number are correlated, else standardization would undo it");
        eigenvalues_of(covariance, COLS, values);
        double minimum = values[0], maximum = values[0], product = 1;
        for (int j = 0; j < COLS; j++) {
            minimum = fmin(minimum, values[j]);
            maximum = fmax(maximum, values[j]);
            product *= values[j];
        }
        cr_assert(fabs(maximum / minimum / 1000 - 1) < 10 * sqrt(2) * error, "condition number %g, not 1000", maximum / minimum);
        cr_assert(fabs(maximum - 1) < 5 * sqrt(2) * error, "the largest eigenvalue is %g, not 1", maximum);
        cr_assert(fabs(log(product) / log(1000) + COLS / 2.0) < 0.05, "eigenvalues do not run geometrically");
    }
    free(x);
    free(y);
    interface_session_close(&s);
}

/* Every seed has its own rows. */
Test(interface_generate, seeds_differ)
{
    interface_session s;
    interface_session_open(&s);
    double x[2][12], y[2][4], truth[4] = {1, 2, 3, 4};
    for (int seed = 0; seed < 2; seed++) {
        cusgd_generator g = {.rows = 4,
                             .cols = 3,
                             .outputs = 1,
                             .informative = 3,
                             .condition = 1,
                             .seed = (uint64_t)seed,
                             .type = CUSGD_TYPE_FLOAT64};
        interface_generated(&s.of[1], &g, truth, 0, 4, x[seed], y[seed]);
    }
    for (int i = 0; i < 12; i++) cr_assert(x[0][i] != x[1][i]);
    interface_session_close(&s);
}
