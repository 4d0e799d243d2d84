/* The operations of the device interface on the widest data: more columns than 65535 blocks of 32 threads have, which is the
 * limit of a CUDA grid's y, and as many targets as a GPU takes. All numbers are small integers or divided by powers of two, so
 * that most results are exact in any precision and order of addition; the expected values are computed here. See device
 * interface.h. */
#include "interface.h"
#include "reduced.h"

#include <criterion/criterion.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { ROWS = 2, WIDE = 2100000, TARGETS = REDUCED ? 1 << 17 : 1 << 20 };

/* What is uploaded, and in which precision: the grids are the same for all, so that others than float are for long forms. */
static int kinds(void) { return interface_torture() ? INTERFACE_KINDS : 1; }

static double value_at(int64_t i, int64_t j) { return i == 0 ? (double)(j % 7 - 3) : (double)((j + 1) % 5 - 2); }
static double target_of_row(int64_t i) { return i == 0 ? 1 : -2; }

/* The rows, uploaded. */
typedef struct wide {
    backend b;
    examples source;
    float *x, y[ROWS];
    dataset *at;
} wide;

static void wide_open(wide *w, int kind)
{
    transform same = {.weight_mean = 1, .storage = interface_storage(kind)};
    interface_backend_open(interface_precision(kind), 2, &w->b);
    w->x = interface_allocate((int64_t)ROWS * WIDE, sizeof *w->x);
    for (int64_t i = 0; i < ROWS; i++) {
        w->y[i] = (float)target_of_row(i);
        for (int64_t j = 0; j < WIDE; j++) w->x[i * WIDE + j] = (float)value_at(i, j);
    }
    w->source =
        (examples){.n = ROWS, .d = WIDE, .k = 1, .x = {w->x, CUSGD_TYPE_FLOAT32, WIDE, 1}, .y = {w->y, CUSGD_TYPE_FLOAT32, 1, 1}};
    interface_ok(w->b.ops->bind(w->b.self, &w->source, &same, &w->at), "bind");
}

static void wide_close(wide *w)
{
    w->b.ops->unbind(w->b.self, w->at);
    w->b.ops->close(w->b.self);
    free(w->x);
}

static void check_value(const char *what, int64_t j, double value, double expected, double tolerance)
{
    if (!(fabs(value - expected) <= tolerance * fabs(expected)))
        interface_fail("%s %lld is %.17g, not %.17g", what, (long long)j, value, expected);
}

Test(interface_wide, rows_and_moments)
{
    double *x = interface_allocate((int64_t)ROWS * WIDE, sizeof *x), *mean = interface_allocate(WIDE, sizeof *mean);
    double *variance = interface_allocate(WIDE, sizeof *variance), weights[ROWS], target, weight;
    int64_t rows[ROWS] = {1, 0};
    for (int kind = 0; kind < kinds(); kind++) {
        wide w;
        wide_open(&w, kind);
        interface_ok(w.b.ops->rows(w.b.self, w.at, rows, ROWS, x, weights), "rows");
        for (int64_t at = 0; at < (int64_t)ROWS * WIDE; at++)
            check_value("value", at, x[at], value_at(rows[at / WIDE], at % WIDE), 0);
        interface_ok(w.b.ops->moments(w.b.self, &w.source, mean, variance, &target, &weight), "moments");
        for (int64_t j = 0; j < WIDE; j++) {
            double half = (value_at(0, j) - value_at(1, j)) / 2;
            check_value("mean", j, mean[j], (value_at(0, j) + value_at(1, j)) / 2, 0);
            check_value("variance", j, variance[j], half * half, 0);
        }
        wide_close(&w);
    }
    free(x);
    free(mean);
    free(variance);
}

Test(interface_wide, curvature)
{
    double *fourth = interface_allocate(WIDE, sizeof *fourth), *second = interface_allocate(WIDE, sizeof *second),
           q[ROWS] = {1, 1};
    for (int64_t i = 0; i < ROWS; i++)
        for (int64_t j = 0; j < WIDE; j++) q[i] += value_at(i, j) * value_at(i, j);
    for (int kind = 0; kind < kinds(); kind++) {
        wide w;
        curvature out = {fourth, second, 0, 0};
        wide_open(&w, kind);
        interface_ok(w.b.ops->curvature(w.b.self, w.at, NULL, &out), "curvature");
        for (int64_t j = 0; j < WIDE; j++) {
            double first = value_at(0, j) * value_at(0, j), other = value_at(1, j) * value_at(1, j);
            check_value("fourth", j, fourth[j], q[0] * first + q[1] * other, 0);
            check_value("second", j, second[j], first + other, 0);
        }
        check_value("q2", 0, out.q2, q[0] * q[0] + q[1] * q[1], 0);
        check_value("q1", 0, out.q1, q[0] + q[1], 0);
        wide_close(&w);
    }
    free(fourth);
    free(second);
}

/* ---- Steps and passes ---- */

/* One step of the run spec from zero with all rows, at rate 1/4: theta becomes `share` times the mean of y x, over 4. */
static void check_step(const wide *w, const run_spec *p, double share, double tolerance)
{
    double *theta = interface_allocate(WIDE + 1, sizeof *theta);
    step_numbers numbers = {.rate = 0.25, .momentum = 0.5, .correction1 = 1, .correction2 = 1, .average = 1};
    steps_report report;
    for (int sampling = 0; sampling < 2; sampling++) {
        sampler order = sampler_make(sampling ? CUSGD_SAMPLING_NONE : CUSGD_SAMPLING_PERMUTE, 3, ROWS, 1, 0);
        slice s = {&(batch_share){w->at, &order}, 0, 1, &numbers};
        interface_ok(w->b.ops->start(w->b.self, p), "start");
        interface_ok(w->b.ops->steps(w->b.self, &s), "steps");
        interface_ok(w->b.ops->report(w->b.self, &report), "report");
        cr_assert(report.done == 1 && report.loss == 2.5, "%d steps, loss %g", (int)report.done, report.loss);
        interface_ok(w->b.ops->state.copy(w->b.self, SNAPSHOT_BEST, SNAPSHOT_CURRENT), "copy");
        interface_ok(w->b.ops->state.get(w->b.self, SNAPSHOT_BEST, p->average ? STATE_AVERAGE : STATE_THETA, theta), "get");
        for (int64_t j = 0; j <= WIDE; j++) {
            double x0 = j < WIDE ? value_at(0, j) : 1, x1 = j < WIDE ? value_at(1, j) : 1;
            check_value("parameter", j, theta[j], share * 0.25 * (target_of_row(0) * x0 + target_of_row(1) * x1) / 2, tolerance);
        }
    }
    free(theta);
}

Test(interface_wide, steps)
{
    double square = 0.25; /* of the gradient, the intercept's part first */
    for (int64_t j = 0; j < WIDE; j++) square += pow((value_at(0, j) - 2 * value_at(1, j)) / 2, 2);
    for (int kind = 0; kind < kinds(); kind++) {
        wide w;
        run_spec p = {.loss.kind = CUSGD_LOSS_SQUARED,
                      .optimizer = CUSGD_OPTIMIZER_SGD,
                      .d = WIDE,
                      .k = 1,
                      .batch = ROWS,
                      .intercept = 1,
                      .storage = interface_storage(kind)};
        wide_open(&w, kind);
        check_step(&w, &p, 1, 0);
        p.clip.norm = 0.5;
        p.engine = CUSGD_ENGINE_CUBLAS;
        check_step(&w, &p, p.clip.norm / sqrt(square), 1e-6);
        p.clip.norm = 0;
        p.engine = CUSGD_ENGINE_AUTO;
        p.optimizer = CUSGD_OPTIMIZER_NESTEROV; /* its first step is sgd's */
        p.average = 1;
        check_step(&w, &p, 1, 0);
        wide_close(&w);
    }
}

/* Bit by bit what the plain sums over columns are: every partial sum is a whole number below 2^24 over 2^10. */
Test(interface_wide, passes)
{
    double *theta = interface_allocate(WIDE + 1, sizeof *theta), *gradient = interface_allocate(WIDE + 1, sizeof *gradient);
    double expected[ROWS] = {0.5, 0.5}, predictions[ROWS], value, loss = 0;
    theta[WIDE] = 0.5;
    for (int64_t j = 0; j < WIDE; j++) {
        theta[j] = j % 64 == 5 ? 1.0 / 1024 : 0;
        for (int i = 0; i < ROWS; i++) expected[i] += theta[j] * value_at(i, j);
    }
    for (int i = 0; i < ROWS; i++) loss += pow(expected[i] - target_of_row(i), 2) / 2 / ROWS;
    for (int kind = 0; kind < kinds(); kind++) {
        wide w;
        wide_open(&w, kind);
        interface_ok(w.b.ops->predict(w.b.self, w.at, theta, predictions), "predict");
        interface_ok(w.b.ops->objective(w.b.self, w.at, (loss_rule){.kind = CUSGD_LOSS_SQUARED}, theta, &value, gradient),
                     "objective");
        for (int i = 0; i < ROWS; i++) check_value("prediction", i, predictions[i], expected[i], 1e-6);
        check_value("loss", 0, value, loss, 1e-5);
        for (int64_t j = 0; j <= WIDE; j++) {
            double sum = 0;
            for (int i = 0; i < ROWS; i++) sum += (expected[i] - target_of_row(i)) * (j < WIDE ? value_at(i, j) : 1) / ROWS;
            if (!(fabs(gradient[j] - sum) <= 1e-4)) interface_fail("gradient %lld is %g, not %g", (long long)j, gradient[j], sum);
        }
        wide_close(&w);
    }
    free(theta);
    free(gradient);
}

/* Synthetic rows are those of the CPU, whatever the device. */
Test(interface_wide, generated_rows)
{
    float *x[2], y[2][ROWS];
    double *truth = interface_allocate(WIDE + 1, sizeof *truth);
    cusgd_generator g = {.rows = ROWS, .cols = WIDE, .outputs = 1, .noise = 1, .correlation = 0.5, .type = CUSGD_TYPE_FLOAT32};
    for (int64_t j = 0; j <= WIDE; j++) truth[j] = (double)(j % 3);
    for (int i = 0; i < 2; i++) {
        backend b;
        if (i == 0)
            interface_ok(cpu_backend_open(CUSGD_PRECISION_FLOAT, 2, &b), "cpu_backend_open");
        else
            interface_backend_open(CUSGD_PRECISION_FLOAT, 2, &b);
        x[i] = interface_allocate((int64_t)ROWS * WIDE, sizeof *x[i]);
        interface_ok(b.ops->tools.generate(b.self, &g, truth, 0, ROWS, x[i], y[i]), "generate");
        b.ops->close(b.self);
    }
    for (int64_t at = 0; at < (int64_t)ROWS * WIDE; at++) check_value("value", at, (double)x[1][at], (double)x[0][at], 0);
    for (int i = 0; i < ROWS; i++) check_value("target", i, (double)y[1][i], (double)y[0][i], 0);
    free(x[0]);
    free(x[1]);
    free(truth);
}

/* As many targets as a GPU takes: the loss of target c of row i is (c % 3 - i)^2 / 2 where theta is 0. */
Test(interface_wide, targets)
{
    float x[ROWS] = {1, 2}, *y = interface_allocate((int64_t)ROWS * TARGETS, sizeof *y);
    double *theta = interface_allocate(2 * TARGETS, sizeof *theta), *gradient = interface_allocate(2 * TARGETS, sizeof *gradient);
    double value, loss = 0;
    backend b;
    dataset *at = NULL;
    transform same = {.weight_mean = 1};
    for (int64_t i = 0; i < (int64_t)ROWS * TARGETS; i++) {
        int64_t row = i / TARGETS;
        y[i] = (float)(i % TARGETS % 3 - row);
        loss += (double)y[i] * (double)y[i] / 2 / ROWS;
    }
    for (int64_t u = 0; u < 2 * TARGETS; u++) theta[u] = 0;
    examples source = {
        .n = ROWS, .d = 1, .k = TARGETS, .x = {x, CUSGD_TYPE_FLOAT32, 1, 1}, .y = {y, CUSGD_TYPE_FLOAT32, TARGETS, 1}};
    interface_backend_open(CUSGD_PRECISION_FLOAT, 2, &b);
    interface_ok(b.ops->bind(b.self, &source, &same, &at), "bind");
    interface_ok(b.ops->objective(b.self, at, (loss_rule){.kind = CUSGD_LOSS_SQUARED}, theta, &value, gradient), "objective");
    check_value("loss", 0, value, loss, 0);
    for (int64_t c = 0; c < TARGETS; c++) {
        check_value("gradient", c, gradient[c], -(double)(y[c] + 2 * y[TARGETS + c]) / ROWS, 0);
        check_value("intercept", c, gradient[TARGETS + c], -(double)(y[c] + y[TARGETS + c]) / ROWS, 0);
    }
    b.ops->unbind(b.self, at);
    b.ops->close(b.self);
    free(y);
    free(theta);
    free(gradient);
}
