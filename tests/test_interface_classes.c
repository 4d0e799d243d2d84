/* The operations of the device interface on targets that are classes: one column of their numbers, and an output for each. What
 * is expected is computed here in long double, from formulas of its own. See interface.h. */
#include "interface.h"

#include <criterion/criterion.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* Up to eight outputs, more, more than a register's or a warp's, several blocks of them; rows that fill a group of the CPU and
 * that do not. */
static const struct shape {
    int64_t n, d, k;
} shapes[] = {{70, 5, 3}, {97, 3, 8}, {130, 4, 10}, {64, 6, 37}, {49, 2, 300}, {20, 3, 2}};
enum { SHAPES = sizeof shapes / sizeof shapes[0], KINDS = 4 };
static const cusgd_loss kinds[KINDS] = {CUSGD_LOSS_SOFTMAX, CUSGD_LOSS_LOGISTIC, CUSGD_LOSS_SQUARED_HINGE, CUSGD_LOSS_SQUARED};

/* A source and where the gradient is taken. All numbers are exact in float. */
typedef struct problem {
    struct shape of;
    cusgd_loss loss;
    float *x, *y, *w, *o; /* n x d, n, n, n */
    double *theta;        /* (d+1) x k */
    examples source;
} problem;

static double number(uint64_t *state) { return rint(interface_uniform(state) * 256) / 128; }

/* part: bit 0: weights, bit 1: offsets. Of two classes the first is written as -1. */
static problem make(struct shape s, cusgd_loss loss, int part)
{
    problem p = {.of = s, .loss = loss};
    uint64_t state = (uint64_t)(s.n * 1000 + s.k + part);
    p.x = interface_allocate(s.n * s.d, sizeof *p.x);
    p.y = interface_allocate(s.n, sizeof *p.y);
    p.w = interface_allocate(s.n, sizeof *p.w);
    p.o = interface_allocate(s.n, sizeof *p.o);
    p.theta = interface_allocate((s.d + 1) * s.k, sizeof *p.theta);
    for (int64_t i = 0; i < s.n * s.d; i++) p.x[i] = (float)number(&state);
    for (int64_t i = 0; i < s.n; i++) {
        p.y[i] = (float)(interface_bits(&state) % (uint64_t)s.k);
        if (s.k == 2 && p.y[i] == 0) p.y[i] = -1;
        p.w[i] = i % 5 == 0 ? 0 : (float)(1 + i % 3);
        p.o[i] = (float)number(&state);
    }
    for (int64_t u = 0; u < (s.d + 1) * s.k; u++) p.theta[u] = number(&state);
    p.source = (examples){.n = s.n, .d = s.d, .k = 1, .classes = s.k};
    p.source.x = (cusgd_matrix){p.x, CUSGD_TYPE_FLOAT32, s.d, 1};
    p.source.y = (cusgd_matrix){p.y, CUSGD_TYPE_FLOAT32, 1, 1};
    if (part & 1) p.source.w = (cusgd_matrix){p.w, CUSGD_TYPE_FLOAT32, 1, 1};
    if (part & 2) p.source.o = (cusgd_matrix){p.o, CUSGD_TYPE_FLOAT32, 1, 1};
    return p;
}

static void drop(problem *p)
{
    free(p->x);
    free(p->y);
    free(p->w);
    free(p->o);
    free(p->theta);
}

static dataset *bind(const backend *b, const problem *p)
{
    dataset *at;
    interface_ok(b->ops->bind(b->self, &p->source, &(transform){.weight_mean = 1}, &at), "bind");
    return at;
}

/* ---- What is expected ---- */

static long double prediction(const problem *p, int64_t i, int64_t c)
{
    int64_t d = p->of.d, k = p->of.k;
    long double sum = (long double)p->theta[d * k + c];
    for (int64_t j = 0; j < d; j++) sum += (long double)p->x[i * d + j] * (long double)p->theta[j * k + c];
    return p->source.o.at ? sum + (long double)p->o[i] : sum;
}

/* l and dl/dp of output c of row i. */
static long double row_loss(const problem *p, int64_t i, int64_t c, long double *derivative)
{
    int64_t y = p->y[i] < 0 ? 0 : (int64_t)p->y[i];
    long double own = prediction(p, i, c), sum = 0, side = y == c ? 1 : -1, short_of = fmaxl(0, 1 - side * own);
    switch (p->loss) {
    case CUSGD_LOSS_SOFTMAX:
        for (int64_t other = 0; other < p->of.k; other++) sum += expl(prediction(p, i, other) - own);
        *derivative = 1 / sum - (y == c);
        return y == c ? logl(sum) : 0;
    case CUSGD_LOSS_LOGISTIC: *derivative = -side / (1 + expl(side * own)); return log1pl(expl(-side * own));
    case CUSGD_LOSS_SQUARED_HINGE: *derivative = -2 * side * short_of; return short_of * short_of;
    default: *derivative = own - (y == c); return *derivative * *derivative / 2;
    }
}

/* The mean loss over rows first .. first + count - 1, and its gradient. */
static long double mean_loss(const problem *p, int64_t first, int64_t count, long double *gradient)
{
    int64_t d = p->of.d, k = p->of.k;
    long double value = 0, n = (long double)count;
    for (int64_t u = 0; u < (d + 1) * k; u++) gradient[u] = 0;
    for (int64_t i = first; i < first + count; i++)
        for (int64_t c = 0; c < k; c++) {
            long double s, w = p->source.w.at ? (long double)p->w[i] : 1;
            value += w * row_loss(p, i, c, &s) / n;
            for (int64_t j = 0; j < d; j++) gradient[j * k + c] += w * s * (long double)p->x[i * d + j] / n;
            gradient[d * k + c] += w * s / n;
        }
    return value;
}

static void compare(const problem *p, const char *what, int64_t u, double value, long double expected, double tolerance)
{
    if (fabs(value - (double)expected) <= tolerance * (1 + fabs((double)expected))) return;
    interface_fail("loss %d, n %d, d %d, k %d: %s %d is %.17g, not %.17Lg", (int)p->loss, (int)p->of.n, (int)p->of.d,
                   (int)p->of.k, what, (int)u, value, expected);
}

/* ---- Full passes and steps ---- */

static double tolerance_of(int precision) { return precision == CUSGD_PRECISION_FLOAT ? 3e-5 : 1e-13; }

static void check_passes(const backend *b, const problem *p, double tolerance)
{
    int64_t size = (p->of.d + 1) * p->of.k;
    long double *expected = interface_allocate(size, sizeof *expected), loss = mean_loss(p, 0, p->of.n, expected);
    double *gradient = interface_allocate(size, sizeof *gradient), value, alone;
    double *found = interface_allocate(p->of.n * p->of.k, sizeof *found);
    dataset *at = bind(b, p);
    interface_ok(b->ops->objective(b->self, at, (loss_rule){.kind = p->loss}, p->theta, &value, gradient), "objective");
    interface_ok(b->ops->objective(b->self, at, (loss_rule){.kind = p->loss}, p->theta, &alone, NULL), "objective alone");
    interface_ok(b->ops->predict(b->self, at, p->theta, found), "predict");
    compare(p, "the objective", 0, value, loss, tolerance);
    cr_assert_eq(value, alone);
    for (int64_t u = 0; u < size; u++) compare(p, "derivative", u, gradient[u], expected[u], tolerance);
    for (int64_t i = 0; i < p->of.n * p->of.k; i++)
        compare(p, "prediction", i, found[i], prediction(p, i / p->of.k, i % p->of.k), tolerance);
    b->ops->unbind(b->self, at);
    free(expected);
    free(gradient);
    free(found);
}

/* A step of plain descent at rate 1 takes the mean gradient of its batch, from both halves of the rows in turn. */
static void check_steps(const backend *b, problem *p, double tolerance)
{
    int64_t size = (p->of.d + 1) * p->of.k, n = p->of.n, half = n / 2;
    long double *expected = interface_allocate(size, sizeof *expected);
    double *after = interface_allocate(size, sizeof *after);
    dataset *at = bind(b, p);
    run_spec spec = {.loss = {.kind = p->loss},
                     .optimizer = CUSGD_OPTIMIZER_SGD,
                     .d = p->of.d,
                     .k = p->of.k,
                     .batch = n - half,
                     .intercept = 1};
    sampler order = sampler_make(CUSGD_SAMPLING_NONE, 1, (uint64_t)n, 2, 0);
    step_numbers numbers = {.rate = 1, .correction1 = 1, .correction2 = 1, .average = 1};
    interface_ok(b->ops->start(b->self, &spec), "start");
    interface_ok(b->ops->state.put(b->self, SNAPSHOT_CURRENT, STATE_THETA, p->theta), "put");
    for (int step = 0; step < 2; step++) {
        batch_span span = sampler_span(&order, (uint64_t)step);
        long double loss = mean_loss(p, span.first, span.count, expected) * (long double)span.count;
        steps_report report;
        interface_ok(b->ops->steps(b->self, &(slice){&(batch_share){at, &order}, step, 1, &numbers}), "steps");
        interface_ok(b->ops->report(b->self, &report), "report");
        cr_assert(report.done == 1 && report.rows == span.count && !report.failed);
        compare(p, "the loss of step", step, report.loss, loss, tolerance);
        interface_ok(b->ops->state.get(b->self, SNAPSHOT_CURRENT, STATE_THETA, after), "get");
        for (int64_t u = 0; u < size; u++) {
            compare(p, "parameter", u, after[u], (long double)p->theta[u] - expected[u], tolerance);
            p->theta[u] = after[u];
        }
    }
    b->ops->unbind(b->self, at);
    free(expected);
    free(after);
}

Test(interface_classes, passes_and_steps)
{
    for (int precision = 0; precision < 2; precision++) {
        backend b;
        interface_backend_open((cusgd_precision)precision, 2, &b);
        for (int s = 0; s < SHAPES; s++)
            for (int l = 0; l < KINDS; l++) {
                problem p = make(shapes[s], kinds[l], (s + l) % 4);
                check_passes(&b, &p, tolerance_of(precision));
                check_steps(&b, &p, tolerance_of(precision));
                drop(&p);
            }
        b.ops->close(b.self);
    }
}

/* ---- What must not depend on the classes' order ---- */

static void check_permuted(const problem *p, int64_t u, double one, double other, double tolerance)
{
    if (fabs(one - other) <= tolerance * (1 + fabs(one))) return;
    interface_fail("loss %d, k %d: derivative %d is %.17g, and permuted %.17g", (int)p->loss, (int)p->of.k, (int)u, one, other);
}

/* On the CPU, to the bit (cuBLAS adds as it likes): softmax with the numbers of the classes permuted has the columns of the
 * gradient permuted, and so has each class against the rest.
 */
Test(interface_classes, permuted_classes_permute_the_gradient)
{
    for (int precision = 0; precision < 2; precision++) {
        backend b;
        interface_backend_open((cusgd_precision)precision, 2, &b);
        for (int s = 0; s < SHAPES; s++)
            for (int l = 0; l < 2; l++) {
                problem p = make(shapes[s], kinds[l], 3), q = make(shapes[s], kinds[l], 3);
                int64_t d = p.of.d, k = p.of.k, size = (d + 1) * k;
                double *one = interface_allocate(size, sizeof *one), *other = interface_allocate(size, sizeof *other), value[2];
                for (int64_t i = 0; i < p.of.n; i++) q.y[i] = (float)(k - 1) - (p.y[i] < 0 ? 0 : p.y[i]);
                for (int64_t u = 0; u < size; u++) q.theta[u / k * k + (k - 1 - u % k)] = p.theta[u];
                dataset *at[2] = {bind(&b, &p), bind(&b, &q)};
                interface_ok(b.ops->objective(b.self, at[0], (loss_rule){.kind = p.loss}, p.theta, &value[0], one), "objective");
                interface_ok(b.ops->objective(b.self, at[1], (loss_rule){.kind = p.loss}, q.theta, &value[1], other),
                             "objective");
                for (int64_t u = 0; u < size; u++)
                    check_permuted(&p, u, one[u], other[u / k * k + (k - 1 - u % k)], b.is_host ? 0 : tolerance_of(precision));
                cr_assert_float_eq(value[0], value[1], tolerance_of(precision) * fabs(value[0]));
                for (int i = 0; i < 2; i++) b.ops->unbind(b.self, at[i]);
                free(one);
                free(other);
                drop(&p);
                drop(&q);
            }
        b.ops->close(b.self);
    }
}

/* ---- Extremes ---- */

/* Predictions of up to 1e4 apart have a finite loss, and those that are not finite have none. */
Test(interface_classes, extreme_predictions)
{
    for (int precision = 0; precision < 2; precision++) {
        backend b;
        interface_backend_open((cusgd_precision)precision, 2, &b);
        for (int64_t k = 3; k <= 12; k += 9) {
            problem p = make((struct shape){1, 1, k}, CUSGD_LOSS_SOFTMAX, 0);
            double value, *gradient = interface_allocate(2 * k, sizeof *gradient);
            memset(p.theta, 0, sizeof(double) * (size_t)(2 * k));
            p.y[0] = 1;
            p.theta[k + 2] = 1e4; /* the intercept of class 2 */
            dataset *at = bind(&b, &p);
            loss_rule loss = {.kind = CUSGD_LOSS_SOFTMAX};
            interface_ok(b.ops->objective(b.self, at, loss, p.theta, &value, gradient), "objective");
            cr_assert_eq(value, 1e4);
            cr_assert(gradient[k + 1] == -1 && gradient[k + 2] == 1 && gradient[k] == 0);
            p.theta[k + 1] = 1e4; /* two of them: log 2 */
            interface_ok(b.ops->objective(b.self, at, loss, p.theta, &value, gradient), "objective");
            cr_assert_float_eq(value, log(2), 1e-7);
            cr_assert(fabs(gradient[k + 1] + 0.5) < 1e-7 && fabs(gradient[k + 2] - 0.5) < 1e-7);
            p.theta[k + 2] = -1e4; /* certain, and right */
            interface_ok(b.ops->objective(b.self, at, loss, p.theta, &value, gradient), "objective");
            cr_assert(value == 0 && gradient[k + 1] == 0);
            for (int bad = 0; bad < 2; bad++) {
                p.theta[k] = bad ? (double)NAN : (double)INFINITY;
                interface_ok(b.ops->objective(b.self, at, loss, p.theta, &value, NULL), "objective");
                cr_assert(!isfinite(value), "%g", value);
            }
            b.ops->unbind(b.self, at);
            drop(&p);
            free(gradient);
        }
        b.ops->close(b.self);
    }
}

/* ---- Second derivatives ---- */

/* Of one-vs-rest a block for each class, by differences of gradients; softmax, whose outputs depend on each other, is refused. */
Test(interface_classes, second_derivatives)
{
    const double h = 1e-5;
    backend b;
    interface_backend_open(CUSGD_PRECISION_DOUBLE, 2, &b);
    problem p = make((struct shape){60, 3, 5}, CUSGD_LOSS_LOGISTIC, 3);
    int64_t d = p.of.d, k = p.of.k, side = d + 1;
    double *hessian = interface_allocate(k * side * side, sizeof *hessian), value;
    double *up = interface_allocate(side * k, sizeof *up), *down = interface_allocate(side * k, sizeof *down);
    dataset *at = bind(&b, &p);
    loss_rule loss = {.kind = CUSGD_LOSS_LOGISTIC};
    interface_ok(b.ops->hessian(b.self, at, loss, p.theta, hessian), "hessian");
    for (int64_t u = 0; u < side * k; u++) {
        double before = p.theta[u];
        p.theta[u] = before + h;
        interface_ok(b.ops->objective(b.self, at, loss, p.theta, &value, up), "objective");
        p.theta[u] = before - h;
        interface_ok(b.ops->objective(b.self, at, loss, p.theta, &value, down), "objective");
        p.theta[u] = before;
        for (int64_t j = 0; j < side; j++)
            compare(&p, "second derivative", u, hessian[u % k * side * side + u / k * side + j],
                    (long double)((up[j * k + u % k] - down[j * k + u % k]) / (2 * h)), 1e-8);
    }
    cr_assert_eq(b.ops->hessian(b.self, at, (loss_rule){.kind = CUSGD_LOSS_SOFTMAX}, p.theta, hessian), CUSGD_ERROR_USAGE);
    b.ops->unbind(b.self, at);
    b.ops->close(b.self);
    free(hessian);
    free(up);
    free(down);
    drop(&p);
}
