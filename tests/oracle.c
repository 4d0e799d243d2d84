#include "oracle.h"
#include <criterion/criterion.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- Objective ----------------------------------------------------------------------------------------------------------- */

static double mean_weight(const problem *p)
{
    double sum = 0;
    for (int64_t i = 0; i < p->n; i++) sum += p->w ? p->w[i] : 1;
    return sum / (double)p->n;
}

/* The share of row i in the mean over rows. */
static double row_share(const problem *p, double w_mean, int64_t i) { return (p->w ? p->w[i] / w_mean : 1) / (double)p->n; }

static double predict_row(const problem *p, const double *theta, int64_t i)
{
    double sum = p->intercept ? theta[p->d] : 0;
    for (int64_t j = 0; j < p->d; j++) sum += p->x[i * p->d + j] * theta[j];
    return sum;
}

static double sigmoid(double p) { return p >= 0 ? 1 / (1 + exp(-p)) : exp(p) / (1 + exp(p)); }

static double loss_value(cusgd_loss loss, double p, double y)
{
    if (loss == CUSGD_LOSS_SQUARED) return (p - y) * (p - y) / 2;
    if (loss == CUSGD_LOSS_MSE) return (p - y) * (p - y);
    double z = y == 1 ? -p : p;
    return z > 0 ? z + log1p(exp(-z)) : log1p(exp(z));
}

static double loss_derivative(cusgd_loss loss, double p, double y)
{
    if (loss == CUSGD_LOSS_SQUARED) return p - y;
    if (loss == CUSGD_LOSS_MSE) return 2 * (p - y);
    return sigmoid(p) - y;
}

static double loss_curvature(cusgd_loss loss, double p)
{
    if (loss == CUSGD_LOSS_SQUARED) return 1;
    if (loss == CUSGD_LOSS_MSE) return 2;
    return sigmoid(p) * sigmoid(-p);
}

double oracle_objective(const problem *p, const double *theta, double *gradient)
{
    double w_mean = mean_weight(p), value = 0;
    if (gradient) memset(gradient, 0, (size_t)(p->d + 1) * sizeof *gradient);
    for (int64_t i = 0; i < p->n; i++) {
        double share = row_share(p, w_mean, i), prediction = predict_row(p, theta, i);
        value += share * loss_value(p->loss, prediction, p->y[i]);
        if (!gradient) continue;
        double derivative = share * loss_derivative(p->loss, prediction, p->y[i]);
        for (int64_t j = 0; j < p->d; j++) gradient[j] += derivative * p->x[i * p->d + j];
        if (p->intercept) gradient[p->d] += derivative;
    }
    for (int64_t j = 0; j < p->d; j++) {
        value += p->l2 / 2 * theta[j] * theta[j] + p->l1 * fabs(theta[j]);
        if (gradient) gradient[j] += p->l2 * theta[j];
    }
    return value;
}

double oracle_optimality(const problem *p, const double *theta)
{
    double *g = malloc((size_t)(p->d + 1) * sizeof *g), worst = 0;
    oracle_objective(p, theta, g);
    for (int64_t j = 0; j <= p->d; j++) {
        double l1 = j < p->d ? p->l1 : 0;
        double minimum = theta[j] != 0 ? fabs(g[j] + copysign(l1, theta[j])) : fmax(0, fabs(g[j]) - l1);
        worst = fmax(worst, minimum);
    }
    free(g);
    return worst;
}

/* ---- Solvers ------------------------------------------------------------------------------------------------------------- */

/* Solves the m x m system h s = g in place by Cholesky's factorization; s replaces g. */
static void solve_spd(long double *h, long double *g, int64_t m)
{
    for (int64_t a = 0; a < m; a++) {
        for (int64_t b = 0; b <= a; b++) {
            long double sum = h[a * m + b];
            for (int64_t c = 0; c < b; c++) sum -= h[a * m + c] * h[b * m + c];
            if (a == b) cr_assert_gt((double)sum, 0, "the oracle's matrix is not positive definite");
            h[a * m + b] = a == b ? sqrtl(sum) : sum / h[b * m + b];
        }
        for (int64_t c = 0; c < a; c++) g[a] -= h[a * m + c] * g[c];
        g[a] /= h[a * m + a];
    }
    for (int64_t a = m - 1; a >= 0; a--) {
        for (int64_t c = a + 1; c < m; c++) g[a] -= h[c * m + a] * g[c];
        g[a] /= h[a * m + a];
    }
}

/* The Newton step of the smooth objective at theta, everything in long double. */
static void newton_step(const problem *p, const double *theta, long double *step)
{
    int64_t m = p->d + p->intercept;
    long double *h = calloc((size_t)(m * m), sizeof *h);
    double w_mean = mean_weight(p);
    memset(step, 0, (size_t)m * sizeof *step);
    for (int64_t i = 0; i < p->n; i++) {
        const double *x = p->x + i * p->d;
        long double share = (long double)row_share(p, w_mean, i), prediction = p->intercept ? (long double)theta[p->d] : 0;
        for (int64_t j = 0; j < p->d; j++) prediction += (long double)x[j] * (long double)theta[j];
        long double derivative = p->loss == CUSGD_LOSS_LOGISTIC
                                     ? (long double)loss_derivative(p->loss, (double)prediction, p->y[i])
                                     : (p->loss == CUSGD_LOSS_MSE ? 2 : 1) * (prediction - (long double)p->y[i]);
        long double curvature = (long double)loss_curvature(p->loss, (double)prediction);
        for (int64_t a = 0; a < m; a++) {
            long double xa = a < p->d ? (long double)x[a] : 1;
            step[a] += share * derivative * xa;
            for (int64_t b = 0; b <= a; b++) h[a * m + b] += share * curvature * xa * (b < p->d ? (long double)x[b] : 1);
        }
    }
    for (int64_t j = 0; j < p->d; j++) {
        step[j] += (long double)p->l2 * (long double)theta[j];
        h[j * m + j] += (long double)p->l2;
    }
    solve_spd(h, step, m);
    free(h);
}

/* One step solves a quadratic; the next ones refine it, and are Newton's method for the rest. */
static void solve_newton(const problem *p, double *theta)
{
    int64_t m = p->d + p->intercept;
    long double *step = malloc((size_t)m * sizeof *step);
    double *trial = calloc((size_t)(p->d + 1), sizeof *trial);
    for (int iteration = 0; iteration < 50; iteration++) {
        newton_step(p, theta, step);
        double value = oracle_objective(p, theta, NULL), scale = 1;
        for (int halving = 0; halving < 40; halving++, scale /= 2) {
            for (int64_t j = 0; j < m; j++) trial[j] = (double)((long double)theta[j] - (long double)scale * step[j]);
            if (oracle_objective(p, trial, NULL) <= value * (1 + 1e-13)) break;
        }
        int moved = memcmp(theta, trial, (size_t)m * sizeof *theta) != 0;
        memcpy(theta, trial, (size_t)m * sizeof *theta);
        if (!moved) break;
    }
    free(trial);
    free(step);
}

/* Coordinate descent: each coordinate's objective, with its curvature bounded, is minimized by a soft threshold. */
static void solve_coordinates(const problem *p, double *theta)
{
    double *bound = calloc((size_t)(p->d + 1), sizeof *bound), *prediction = malloc((size_t)p->n * sizeof *prediction);
    double w_mean = mean_weight(p), maximum = p->loss == CUSGD_LOSS_MSE ? 2 : p->loss == CUSGD_LOSS_LOGISTIC ? 0.25 : 1;
    for (int64_t i = 0; i < p->n; i++) {
        for (int64_t j = 0; j < p->d; j++)
            bound[j] += maximum * row_share(p, w_mean, i) * p->x[i * p->d + j] * p->x[i * p->d + j];
        bound[p->d] += maximum * row_share(p, w_mean, i);
        prediction[i] = predict_row(p, theta, i);
    }
    for (int sweep = 0; sweep < 100000; sweep++) {
        double moved = 0, size = 0;
        for (int64_t j = 0; j < p->d + p->intercept; j++) {
            double l1 = j < p->d ? p->l1 : 0, l2 = j < p->d ? p->l2 : 0, g = l2 * theta[j], h = bound[j] + l2;
            for (int64_t i = 0; i < p->n; i++)
                g += row_share(p, w_mean, i) * loss_derivative(p->loss, prediction[i], p->y[i]) *
                     (j < p->d ? p->x[i * p->d + j] : 1);
            if (h == 0) continue;
            double target = h * theta[j] - g;
            double next = fabs(target) <= l1 ? 0 : copysign(fabs(target) - l1, target) / h;
            double change = next - theta[j];
            for (int64_t i = 0; i < p->n; i++) prediction[i] += change * (j < p->d ? p->x[i * p->d + j] : 1);
            theta[j] = next;
            moved = fmax(moved, fabs(change));
            size = fmax(size, fabs(next));
        }
        if (moved <= 1e-15 * size) break;
    }
    free(prediction);
    free(bound);
}

double oracle_solve(const problem *p, double *theta)
{
    memset(theta, 0, (size_t)(p->d + 1) * sizeof *theta);
    if (p->l1 > 0)
        solve_coordinates(p, theta);
    else
        solve_newton(p, theta);
    return oracle_optimality(p, theta);
}

/* ---- Files --------------------------------------------------------------------------------------------------------------- */

static char *golden_text(const char *name)
{
    char path[1024];
    const char *folder = getenv("CUSGD_TEST_GOLDEN"); /* where the tests run away from their sources */
    snprintf(path, sizeof path, "%s/%s", folder ? folder : TEST_GOLDEN, name);
    FILE *file = fopen(path, "rb");
    cr_assert(file, "cannot open %s", path);
    fseek(file, 0, SEEK_END);
    size_t size = (size_t)ftell(file);
    rewind(file);
    char *text = malloc(size + 1);
    cr_assert_eq(fread(text, 1, size, file), size, "cannot read %s", path);
    fclose(file);
    text[size] = '\0';
    return text;
}

cJSON *golden_json(const char *name)
{
    char *text = golden_text(name);
    cJSON *json = cJSON_Parse(text);
    free(text);
    cr_assert(json, "%s is not JSON", name);
    return json;
}

table golden_table(const char *name)
{
    char *text = golden_text(name), *at = strchr(text, '\n') + 1;
    table t = {0, 1, NULL};
    for (const char *c = text; c < at; c++) t.cols += *c == ',';
    for (const char *c = at; *c; c++) t.rows += *c == '\n';
    t.at = malloc((size_t)(t.rows * t.cols) * sizeof *t.at);
    for (int64_t i = 0; i < t.rows * t.cols; i++) {
        char *end;
        t.at[i] = strtod(at, &end);
        cr_assert(end > at && (*end == ',' || *end == '\n'), "%s: value %lld is no number", name, (long long)i);
        at = end + 1;
    }
    free(text);
    return t;
}

double *table_columns(const table *t, int64_t first, int64_t count)
{
    double *out = malloc((size_t)(t->rows * count) * sizeof *out);
    for (int64_t i = 0; i < t->rows; i++) memcpy(out + i * count, t->at + i * t->cols + first, (size_t)count * sizeof *out);
    return out;
}

void standardize_columns(double *x, int64_t n, int64_t d)
{
    for (int64_t j = 0; j < d; j++) {
        double mean = 0, variance = 0;
        for (int64_t i = 0; i < n; i++) mean += x[i * d + j] / (double)n;
        for (int64_t i = 0; i < n; i++) variance += (x[i * d + j] - mean) * (x[i * d + j] - mean) / (double)n;
        for (int64_t i = 0; i < n; i++) x[i * d + j] = (x[i * d + j] - mean) / sqrt(variance);
    }
}

double json_number_or(const cJSON *object, const char *name, double fallback)
{
    const cJSON *item = cJSON_GetObjectItemCaseSensitive(object, name);
    return cJSON_IsNumber(item) ? item->valuedouble : fallback;
}

double json_number(const cJSON *object, const char *name)
{
    double value = json_number_or(object, name, (double)NAN);
    cr_assert(!isnan(value), "no number \"%s\"", name);
    return value;
}

int64_t json_numbers(const cJSON *array, double *out, int64_t room)
{
    if (cJSON_IsNumber(array)) {
        cr_assert_gt(room, 0, "more numbers than expected");
        *out = array->valuedouble;
        return 1;
    }
    cr_assert(cJSON_IsArray(array), "neither a number nor an array");
    int64_t count = 0;
    for (const cJSON *item = array->child; item; item = item->next) count += json_numbers(item, out + count, room - count);
    return count;
}
