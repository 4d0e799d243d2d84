/* The device interface's second derivatives against sums in long double. See device interface.h. */
#include "interface.h"

#include <criterion/criterion.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

static const int64_t rows[] = {1, 2, 31, 33, 64, 700}, columns[] = {1, 2, 3, 31, 32, 33, 64, 70}, outputs[] = {1, 3, 11};

static double curvature_exact(cusgd_loss loss, double p)
{
    double e = exp(-fabs(p));
    return loss == CUSGD_LOSS_LOGISTIC ? e / ((1 + e) * (1 + e)) : loss == CUSGD_LOSS_MSE ? 2 : 1;
}

/* Block c of (1/n) sum w l'' z z', and how far a sum of rounded products may lie from it: l'' moves by at most a tenth of what
 * its p is off by. */
static void hessian_exact(const interface_examples *e, cusgd_loss loss, const double *theta, int64_t c, double *h,
                          double *maximum)
{
    int64_t n = e->spec.n, d = e->spec.d, k = e->spec.k, side = d + 1;
    double unit = interface_scalar_of(e->spec.precision)->unit;
    long double *sum = interface_allocate(side * side, sizeof *sum);
    for (int64_t i = 0; i < side * side; i++) maximum[i] = 0;
    for (int64_t i = 0; i < n; i++) {
        const double *x = e->x + i * d;
        double p = theta[d * k + c] + e->o[i], size = fabs(theta[d * k + c]) + fabs(e->o[i]);
        for (int64_t j = 0; j < d; j++) {
            p += x[j] * theta[j * k + c];
            size += fabs(x[j] * theta[j * k + c]);
        }
        double s = e->w[i] * curvature_exact(loss, p),
               off = s * (6 + sqrt((double)n)) + 0.1 * e->w[i] * size * (4 + sqrt((double)d));
        for (int64_t a = 0; a <= d; a++)
            for (int64_t b = 0; b <= d; b++) {
                double product = (a < d ? x[a] : 1) * (b < d ? x[b] : 1);
                sum[a * side + b] += (long double)(s * product);
                maximum[a * side + b] += unit * off * fabs(product) / (double)n;
            }
    }
    for (int64_t i = 0; i < side * side; i++) h[i] = (double)(sum[i] / (long double)n);
    free(sum);
}

/* Block after block. */
static void compare(const interface_examples *e, cusgd_loss loss, const double *theta, int64_t blocks, const double *h)
{
    int64_t side = e->spec.d + 1, values = side * side;
    double *exact = interface_allocate(values, sizeof(double)), *maximum = interface_allocate(values, sizeof(double));
    cr_assert(isnan(h[blocks * values]), "more than %d blocks were written", (int)blocks);
    for (int64_t c = 0; c < blocks; c++) {
        hessian_exact(e, loss, theta, c, exact, maximum);
        for (int64_t i = 0; i < values; i++)
            if (!(fabs(h[c * values + i] - exact[i]) <= maximum[i]))
                interface_fail(
                    "n %d d %d k %d precision %d loss %d: element (%d, %d) of block %d is %.17g, not %.17g to within %g",
                    (int)e->spec.n, (int)e->spec.d, (int)e->spec.k, (int)e->spec.precision, (int)loss, (int)(i / side),
                    (int)(i % side), (int)c, h[c * values + i], exact[i], maximum[i]);
    }
    free(exact);
    free(maximum);
}

/* Forgets those with the columns from `from` on and with the intercept. */
static void forget(int64_t side, int64_t blocks, int64_t from, double *h)
{
    for (int64_t i = 0; i < blocks * side * side; i++)
        if (i % side >= from || i / side % side >= from) h[i] = (double)NAN;
}

static void check_hessian(const backend *b, const interface_examples *e, cusgd_loss loss, const double *theta)
{
    int64_t d = e->spec.d, side = d + 1, blocks = loss == CUSGD_LOSS_LOGISTIC ? e->spec.k : 1, values = blocks * side * side;
    const int64_t from[] = {0, d / 2, d - 1, d};
    const double *given = loss == CUSGD_LOSS_SQUARED ? NULL : theta;
    loss_rule rule = {.kind = loss};
    double *h = interface_allocate(values + 1, sizeof(double));
    dataset *at = interface_bind(b, e);
    for (int64_t i = 0; i <= values; i++) h[i] = (double)NAN;
    interface_ok(b->ops->hessian(b->self, at, rule, given, h), "hessian");
    compare(e, loss, theta, blocks, h);
    for (int i = 0; i < 4 && b->ops->pieces.hessian_from; i++) {
        forget(side, blocks, from[i], h);
        interface_ok(b->ops->pieces.hessian_from(b->self, at, rule, given, from[i], h), "hessian_from");
        compare(e, loss, theta, blocks, h);
    }
    b->ops->unbind(b->self, at);
    free(h);
}

enum { PRECISION, LOSS, WEIGHTED, STANDARDIZED, LISTED, K, N, D, OFFSET };
static const interface_factor factors[] = {{"precision", 2, 1}, {"loss", 3, 1}, {"weighted", 2, 1}, {"standardized", 3, 1},
                                           {"listed", 2, 1},    {"k", 3, 1},    {"n", 6, 1},        {"d", 8, 0},
                                           {"offset", 2, 1},    {NULL, 0, 0}};

static void visit(const int *level, void *context)
{
    uint64_t *cases = context, state = ++*cases;
    int logistic = level[LOSS] == CUSGD_LOSS_LOGISTIC;
    interface_spec spec = {.n = rows[level[N]],
                           .d = columns[level[D]],
                           .k = outputs[level[K]],
                           .precision = (cusgd_precision)level[PRECISION],
                           .type = CUSGD_TYPE_FLOAT64,
                           .listed = level[LISTED],
                           .weighted = level[WEIGHTED],
                           .standardized = level[STANDARDIZED],
                           .offset = level[OFFSET],
                           .binary = logistic,
                           .seed = 900 + *cases};
    double *theta = interface_allocate((spec.d + 1) * spec.k, sizeof(double));
    backend b;
    interface_examples e;
    interface_theta(&spec, &state, 2 / sqrt((double)(spec.d + 1)), theta);
    interface_examples_make(&spec, &e);
    interface_backend_open(spec.precision, 2, &b);
    check_hessian(&b, &e, (cusgd_loss)level[LOSS], theta);
    b.ops->close(b.self);
    interface_examples_free(&e);
    free(theta);
}

Test(interface_hessian, is_the_sum_of_weighted_products)
{
    uint64_t cases = 0;
    interface_cover(factors, 8, visit, &cases);
}

/* Many rows: spans and waves on the CPU, chunks on a GPU. The number of threads changes no bit. */
Test(interface_hessian, of_many_rows_is_the_same_for_all_threads)
{
    for (int precision = 0; precision < 2; precision++) {
        double theta[3 * 2] = {0.5, -0.25, 1, 0.75, -0.5, 0.125}, h[2][2 * 9];
        interface_spec spec = {.n = 40001,
                               .d = 2,
                               .k = 2,
                               .precision = (cusgd_precision)precision,
                               .type = CUSGD_TYPE_FLOAT64,
                               .weighted = 1,
                               .binary = 1,
                               .seed = 77};
        interface_examples e;
        interface_examples_make(&spec, &e);
        for (int i = 0; i < 2; i++) {
            backend b;
            interface_backend_open(spec.precision, i ? 3 : 1, &b);
            check_hessian(&b, &e, CUSGD_LOSS_LOGISTIC, theta);
            dataset *at = interface_bind(&b, &e);
            interface_ok(b.ops->hessian(b.self, at, (loss_rule){.kind = CUSGD_LOSS_LOGISTIC}, theta, h[i]), "hessian");
            b.ops->unbind(b.self, at);
            b.ops->close(b.self);
        }
        cr_assert(memcmp(h[0], h[1], sizeof h[0]) == 0, "one thread and three give other bits");
        interface_examples_free(&e);
    }
}

/* Of rows that are bound piece by piece it has the bits of all rows, also after a pass that was not ended. */
Test(interface_hessian, pieces)
{
    enum { ROWS = 40001, COLUMNS = 5, OUTPUTS = 2, SIDE = COLUMNS + 1, VALUES = OUTPUTS * SIDE * SIDE };
    static const cusgd_loss losses[] = {CUSGD_LOSS_LOGISTIC, CUSGD_LOSS_SQUARED};
    interface_session s;
    interface_session_open(&s);
    for (int i = 0; i < 4; i++) {
        interface_spec spec = {
            .n = ROWS, .d = COLUMNS, .k = OUTPUTS, .precision = (cusgd_precision)(i / 2), .weighted = 1, .binary = 1, .seed = 43};
        const backend *b = &s.of[spec.precision];
        loss_rule loss = interface_loss((int)losses[i % 2]);
        double theta[SIDE * OUTPUTS], whole[VALUES] = {0}, parts[VALUES] = {0};
        interface_examples e;
        dataset *piece = NULL;
        int pieces = 0;
        for (int u = 0; u < SIDE * OUTPUTS; u++) theta[u] = 0.1 * u - 0.5;
        interface_examples_make(&spec, &e);
        dataset *at = interface_bind(b, &e);
        interface_ok(b->ops->hessian(b->self, at, loss, theta, whole), "hessian");
        b->ops->unbind(b->self, at);
        for (int64_t first = 0, end; first < ROWS; first = end, pieces++) {
            end = b->ops->pieces.end(b->self, PASS_HESSIAN, ROWS, COLUMNS, OUTPUTS, first, 17000);
            cr_assert(end > first && end - first <= 17000, "a piece of rows %d to %d", (int)first, (int)end);
            examples rows_of = examples_piece(&e.source, first, end - first);
            interface_ok(b->ops->pieces.bind_again(b->self, &rows_of, &e.transform, &piece), "bind_again");
            for (int again = first == 0; again >= 0; again--)
                interface_ok(b->ops->pieces.hessian(b->self, piece, (piece_of){first, ROWS}, loss, theta, parts), "a piece");
        }
        b->ops->unbind(b->self, piece);
        cr_assert_geq(pieces, 3);
        cr_assert_arr_eq(whole, parts, sizeof whole);
        interface_examples_free(&e);
    }
    interface_session_close(&s);
}
