/* Formulas: what is read is differentiated in both modes, and its minimum or root is searched. */
#include "fuzz.h"

#include "expr/expression.h"
#include "scalar/expression_op.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The largest product of an operation's derivative by variable v and the result's derivative by the operation: rounding either
 * adds about 1e-16 of it to the result's derivative. Where large terms cancel, it is far above that derivative. */
static double largest_share(const cusgd_expression *e, const double *x, int v)
{
    const program *p = &e->program;
    lanes *place = calloc((size_t)p->count, sizeof *place);
    double *adjoint = malloc(sizeof *adjoint * (size_t)p->count), largest = 0;
    if (!place || !adjoint) abort();
    for (int k = 0; k < p->count; k++) {
        if (p->at[k].op != EXPRESSION_VARIABLE) continue;
        place[k].value[0] = x[p->at[k].a];
        place[k].one[0] = p->at[k].a == v;
    }
    expression_run(p, 1, 1, place);
    expression_reverse(p, 0, place, 0, adjoint);
    for (int k = 0; k < p->count; k++) {
        double share = fabs(adjoint[k] * place[k].one[0]);
        if (!(share <= largest)) largest = share; /* NaN, where one of them has overflowed */
    }
    free(place);
    free(adjoint);
    return largest;
}

/* Both modes of differentiation agree up to rounding, where neither overflows. */
static void differentiate(const cusgd_expression *e, const double *x)
{
    double g[64], r[64], largest = 1;
    if (cusgd_expression_gradient(e, CUSGD_FORWARD, 1, x, g) != CUSGD_OK) abort();
    if (cusgd_expression_gradient(e, CUSGD_REVERSE, 1, x, r) != CUSGD_OK) abort();
    for (size_t v = 0; v < cusgd_expression_variables(e); v++) largest = fmax(largest, fabs(g[v]));
    for (size_t v = 0; v < cusgd_expression_variables(e); v++) {
        if (largest > 1e6 || !isfinite(g[v]) || !isfinite(r[v]) || fabs(g[v] - r[v]) <= 1e-6 * largest) continue;
        if (!(fabs(g[v] - r[v]) > 1e-12 * largest_share(e, x, (int)v))) continue;
        fprintf(stderr, "forward mode has %.17g, reverse mode %.17g\n", g[v], r[v]);
        abort();
    }
}

/* A few iterations by one of the methods. */
static void search_from(const cusgd_expression *e, double *x, size_t which)
{
    static const char *const minimizers[] = {"bfgs", "newton", "cg", "lbfgs", "adam", "gd"};
    static const char *const root_finders[] = {"newton", "broyden-good", "broyden-bad"};
    cusgd_search search = CUSGD_INIT(cusgd_search);
    cusgd_search_result result = CUSGD_INIT(cusgd_search_result);
    search.iterations = 5;
    search.rate = 0.1;
    search.solver = cusgd_expression_results(e) == 1 ? minimizers[which % 6] : root_finders[which % 3];
    cusgd_status status = cusgd_expression_results(e) == 1 ? cusgd_expression_minimize(e, &search, x, NULL, NULL, &result)
                                                           : cusgd_expression_solve(e, &search, x, NULL, NULL, &result);
    if (status != CUSGD_ERROR_NOT_CONVERGED && status != CUSGD_ERROR_DIVERGED) fuzz_check_status(status);
}

/* A formula that is read is differentiated, and its minimum or root is searched. */
void feed_expression(const uint8_t *bytes, size_t size)
{
    double x[64];
    char *text = malloc(size + 1);
    cusgd_expression *e;
    if (!text) abort();
    if (size) memcpy(text, bytes, size);
    text[size] = '\0';
    cusgd_status status = cusgd_expression_compile(text, NULL, &e);
    fuzz_check_status(status);
    if ((status == CUSGD_OK) != (e != NULL)) abort();
    free(text);
    for (int i = 0; i < 64; i++) x[i] = 0.3 + 0.37 * i;
    if (e && cusgd_expression_results(e) == 1) differentiate(e, x);
    if (e && cusgd_expression_variables(e) <= 8) search_from(e, x, size);
    cusgd_expression_free(e);
}
