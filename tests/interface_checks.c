/* Passes over all rows compared with plain oracles. See interface.h. */
#include "interface.h"

#include <math.h>
#include <stdlib.h>

void interface_check_objective(const backend *b, const interface_examples *e, const dataset *at, loss_rule loss,
                               const double *theta)
{
    int64_t n = e->spec.n, size = (e->spec.d + 1) * e->spec.k, *rows = interface_allocate(n, sizeof *rows);
    double *gradient = interface_allocate(size, sizeof(double)), value = (double)NAN, alone = (double)NAN;
    interface_sums exact = {interface_allocate(size, sizeof(double)), interface_allocate(size, sizeof(double)), 0, 0};
    for (int64_t i = 0; i < n; i++) rows[i] = i;
    for (int64_t u = 0; u < size; u++) gradient[u] = (double)NAN;
    interface_gradient(e, loss, theta, rows, n, &exact);
    interface_ok(b->ops->objective(b->self, at, loss, theta, &value, gradient), "objective");
    interface_ok(b->ops->objective(b->self, at, loss, theta, &alone, NULL), "objective without gradient");
    if (!(fabs(value - exact.loss / (double)n) <= exact.loss_bound / (double)n))
        interface_fail("%s loss %d: objective %.17g, not %.17g to within %g", interface_describe(&e->spec), (int)loss.kind, value,
                       exact.loss / (double)n, exact.loss_bound / (double)n);
    if (!(fabs(alone - exact.loss / (double)n) <= exact.loss_bound / (double)n))
        interface_fail("%s loss %d: objective %.17g without gradient, %.17g with it", interface_describe(&e->spec),
                       (int)loss.kind, alone, value);
    for (int64_t u = 0; u < size; u++)
        if (!(fabs(gradient[u] - exact.gradient[u]) <= exact.bound[u]))
            interface_fail("%s loss %d: gradient of parameter %d is %.17g, not %.17g to within %g", interface_describe(&e->spec),
                           (int)loss.kind, (int)u, gradient[u], exact.gradient[u], exact.bound[u]);
    free(rows);
    free(gradient);
    free(exact.gradient);
    free(exact.bound);
}

void interface_check_predictions(const backend *b, const interface_examples *e, const dataset *at, const double *theta)
{
    int64_t n = e->spec.n, d = e->spec.d, k = e->spec.k;
    double *p = interface_allocate(n * k, sizeof(double)),
           factor = interface_scalar_of(e->spec.precision)->unit * (4 + sqrt((double)d));
    for (int64_t i = 0; i < n * k; i++) p[i] = (double)NAN;
    interface_ok(b->ops->predict(b->self, at, theta, p), "predict");
    for (int64_t i = 0; i < n; i++)
        for (int64_t c = 0; c < k; c++) {
            long double exact = (long double)theta[d * k + c], size = fabsl(exact) + fabsl((long double)e->o[i]);
            exact += (long double)e->o[i];
            for (int64_t j = 0; j < d; j++) {
                long double term = (long double)e->x[i * d + j] * (long double)theta[j * k + c];
                exact += term;
                size += fabsl(term);
            }
            if (!(fabs(p[i * k + c] - (double)exact) <= factor * (double)size))
                interface_fail("%s: prediction (%d, %d) is %.17g, not %.17g", interface_describe(&e->spec), (int)i, (int)c,
                               p[i * k + c], (double)exact);
        }
    free(p);
}
