/* See check.h. */
#include "check.h"

#include "failure.h"
#include "problem/problem.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

cusgd_status bounds_allocate(bounds *b)
{
    size_t size = (size_t)((b->d + 1) * b->k);
    b->gradient = allocate_zeroed(size, sizeof(double));
    b->x = allocate((size_t)(b->d * bounds_piece(b->d)), sizeof(double));
    b->w = allocate(BOUNDS_PIECE, sizeof(double));
    b->p = allocate((size_t)b->k, sizeof(double));
    if (b->gradient && b->x && b->w && b->p) return CUSGD_OK;
    return fail_memory((size_t)(b->d * bounds_piece(b->d)) * sizeof(double), "a check's rows");
}

void bounds_free(bounds *b)
{
    free(b->gradient);
    free(b->x);
    free(b->w);
    free(b->p);
}

/* Returns a bound on relative rounding errors that accumulate like a random walk over a dot product and over the rows, plus those
 * of the inputs. */
static double roundings(const bounds *b, int64_t count) { return b->unit * (8 + sqrt((double)b->d) + sqrt((double)count)); }

static double row_target(const bounds *b, int64_t row, int64_t c)
{
    double y = output_target(b->e, examples_row(b->e, row), c);
    return b->t->shift ? y - b->t->shift[c] : y;
}

/* Returns the prediction of output c; *size becomes the sum of the absolute values of its terms. */
static double predict(const bounds *b, const double *x, int64_t row, int64_t c, double *size)
{
    double intercept = b->theta[b->d * b->k + c], offset = offset_at(b->e, examples_row(b->e, row)), p = intercept + offset;
    *size = fabs(intercept) + fabs(offset);
    for (int64_t j = 0; j < b->d; j++) {
        double term = x[j] * b->theta[j * b->k + c];
        p += term;
        *size += fabs(term);
    }
    return p;
}

/* Returns a bound on the change of the derivative when p changes by `distance`. The derivative of a convex function is monotonic;
 * losses that are not convex are smooth there. */
static double derivative_change(loss_rule loss, double p, double y, double distance)
{
    double at = rule_at(loss, p, y).derivative;
    return fmax(fabs(rule_at(loss, p + distance, y).derivative - at), fabs(at - rule_at(loss, p - distance, y).derivative));
}

/* Bounds on rounding errors inside a formula. Its operations may cancel, so that their sizes do not give a bound. The errors are
 * therefore measured in float, at predictions near p, and scaled to the unit of the precision. */
typedef struct noise {
    double value, derivative;
} noise;

static noise formula_noise(const bounds *b, double p, double y)
{
    enum { PLACES = 4 };
    const double safety = 4, share = b->unit / 0x1p-24;
    noise most = {0, 0};
    if (!b->loss.formula) return most;
    float target = (float)y, at, value, derivative;
    for (int i = -PLACES; i <= PLACES; i++) {
        at = (float)p * (1 + (float)i * 0x1p-22f);
        loss_formula_rows_float_baseline(b->loss.formula, 1, &at, &target, &value, &derivative, NULL);
        struct loss_point exact = rule_at(b->loss, (double)at, (double)target);
        double error = fabs((double)value - exact.value), derivative_error = fabs((double)derivative - exact.derivative);
        if (share < 1 && !(isfinite(error) && isfinite(derivative_error))) continue; /* only float overflows there */
        most.value = fmax(most.value, safety * share * error);
        most.derivative = fmax(most.derivative, safety * share * derivative_error);
    }
    return most;
}

/* If every p changes by at most `change`, the probability of a class changes by a factor of at most e^(2 change), as does that of
 * the other classes together. */
static void add_softmax_row(bounds *b, const double *x, double w, int64_t row, double factor)
{
    double most = -(double)INFINITY, largest = 0, sum = 0;
    for (int64_t c = 0; c < b->k; c++) {
        double size;
        b->p[c] = predict(b, x, row, c, &size);
        most = fmax(most, b->p[c]);
        largest = fmax(largest, size);
    }
    for (int64_t c = 0; c < b->k; c++) sum += exp(b->p[c] - most);
    for (int64_t c = 0; c < b->k; c++) {
        double share = exp(b->p[c] - most) / sum, own = row_target(b, row, c);
        double change = fmin(1, fmin(share, 1 - share) * expm1(2 * factor * largest));
        double error = w * (change + factor * (share + fabs(share - own)));
        for (int64_t j = 0; j < b->d; j++) b->gradient[j * b->k + c] += error * fabs(x[j]);
        b->gradient[b->d * b->k + c] += error;
        if (own > 0) b->value += w * factor * (2 * largest + fabs(log(sum)) + fabs(most - b->p[c]));
    }
}

static void add_row(bounds *b, const double *x, double w, int64_t row, double factor)
{
    for (int64_t c = 0; c < b->k; c++) {
        double size, y = row_target(b, row, c), p = predict(b, x, row, c, &size);
        struct loss_point l = rule_at(b->loss, p, y);
        size += fabs(y) + fabs(b->loss.number);
        noise inside = formula_noise(b, p, y);
        double change = derivative_change(b->loss, p, y, factor * size) + inside.derivative;
        double error = w * (change + factor * fabs(l.derivative));
        for (int64_t j = 0; j < b->d; j++) b->gradient[j * b->k + c] += error * fabs(x[j]);
        b->gradient[b->d * b->k + c] += error;
        /* Losses with log links are differences of terms, whose sizes are about the derivative and `size`. */
        double terms = loss_has_log_link(b->loss.kind) ? (1 + fabs(y) + l.curvature) * size : 0;
        b->value += w * (factor * (fabs(l.derivative) * size + fabs(l.value) + terms + change * size) + inside.value);
    }
}

cusgd_status bounds_of(bounds *b, const int64_t *rows, int64_t count)
{
    double factor = roundings(b, count);
    int is_softmax = b->e->classes > 0 && b->loss.kind == CUSGD_LOSS_SOFTMAX;
    int64_t size = (b->d + 1) * b->k;
    memset(b->gradient, 0, sizeof(double) * (size_t)size);
    b->value = 0;
    for (int64_t first = 0, most = bounds_piece(b->d); first < count; first += most) {
        int64_t piece = count - first < most ? count - first : most;
        cusgd_status status = shards_rows(b->reference, &b->reference->train, rows + first, piece, b->x, b->w);
        if (status) return status;
        for (int64_t i = 0; i < piece; i++)
            (is_softmax ? add_softmax_row : add_row)(b, b->x + i * b->d, b->w[i], rows[first + i], factor);
    }
    for (int64_t u = 0; u < size; u++) b->gradient[u] = b->gradient[u] / (double)count + b->tiny;
    b->value += b->tiny;
    return CUSGD_OK;
}

cusgd_status bounds_predictions(bounds *b, int64_t first, int64_t count, double *out)
{
    int64_t rows[BOUNDS_PIECE] = {first};
    for (int64_t i = 1; i < count; i++) rows[i] = first + i;
    cusgd_status status = shards_rows(b->reference, &b->reference->train, rows, count, b->x, b->w);
    for (int64_t i = 0; i < count && !status; i++)
        for (int64_t c = 0; c < b->k; c++) {
            (void)predict(b, b->x + i * b->d, rows[i], c, &out[i * b->k + c]);
            out[i * b->k + c] = roundings(b, 1) * out[i * b->k + c] + b->tiny;
        }
    return status;
}
