/* The functions of cusgd_expression.h. */
#include "expr/expression.h"

#include "failure.h"
#include "sized.h"

#include "scalar/expression_op.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* The memory for an evaluation: a place and an adjoint per operation. */
typedef struct workspace {
    lanes *place;
    double *adjoint;
} workspace;

static cusgd_status take_names(const cusgd_expression_names *from, cusgd_expression *e, formula_names *to)
{
    cusgd_expression_names given = {0};
    *to = (formula_names){.variable = e->variable, .grows = 1};
    if (!from) return CUSGD_OK;
    cusgd_status status = sized_check(from->size, "names");
    if (status) return status;
    sized_get(&given, from, sizeof given);
    *to = (formula_names){.variable = e->variable,
                          .grows = given.variables == NULL,
                          .constant = given.constants,
                          .value = given.values,
                          .constants = given.constant_count};
    if (given.constant_count > 0 && (!given.constants || !given.values))
        return fail(CUSGD_ERROR_USAGE, "there are constants without names or values");
    if (given.variable_count > EXPRESSION_NAMES)
        return fail(CUSGD_ERROR_USAGE, "a formula has at most %d variables", EXPRESSION_NAMES);
    for (size_t i = 0; given.variables && i < given.variable_count; i++) {
        if (strlen(given.variables[i]) >= EXPRESSION_NAME)
            return fail(CUSGD_ERROR_USAGE, "\"%s\" is too long for the name of a variable", given.variables[i]);
        memcpy(e->variable[to->variables++], given.variables[i], strlen(given.variables[i]) + 1);
    }
    return CUSGD_OK;
}

cusgd_status cusgd_expression_compile(const char *text, const cusgd_expression_names *given, cusgd_expression **out)
{
    formula_names n = {0};
    if (!out) return fail_null("cusgd_expression_compile");
    *out = NULL;
    if (!text) return fail_null("cusgd_expression_compile");
    cusgd_expression *e = allocate_zeroed(1, sizeof *e);
    if (!e) return fail_memory(sizeof *e, "an expression");
    cusgd_status status = take_names(given, e, &n);
    if (!status && !(n.used = allocate_zeroed(n.constants, 1))) status = fail_memory(n.constants, "constants");
    if (!status) status = program_open(&e->program);
    if (!status) status = expression_parse(text, &n, &e->program);
    if (!status) status = names_check_used(&n);
    free(n.used);
    e->variables = n.variables;
    if (status) {
        cusgd_expression_free(e);
        return status;
    }
    *out = e;
    return CUSGD_OK;
}

void cusgd_expression_free(cusgd_expression *e)
{
    if (!e) return;
    program_free(&e->program);
    free(e);
}

size_t cusgd_expression_variables(const cusgd_expression *e) { return e ? (size_t)e->variables : 0; }
size_t cusgd_expression_results(const cusgd_expression *e) { return e ? (size_t)e->program.results : 0; }
const char *cusgd_expression_variable(const cusgd_expression *e, size_t i)
{
    return e && i < (size_t)e->variables ? e->variable[i] : NULL;
}

int cusgd_expression_compares(const cusgd_expression *e, size_t i)
{
    if (!e || i >= (size_t)e->program.results) return 0;
    return operation_is_comparison(e->program.at[e->program.result[i]].op);
}

/* ---- Evaluation ---------------------------------------------------------------------------------------------------------- */

static cusgd_status workspace_open(const cusgd_expression *e, workspace *w)
{
    size_t count = (size_t)e->program.count;
    w->place = allocate_zeroed(count, sizeof *w->place);
    w->adjoint = allocate(count, sizeof *w->adjoint);
    return w->place && w->adjoint ? CUSGD_OK
                                  : fail_memory(count * (sizeof *w->place + sizeof *w->adjoint), "evaluating a formula");
}

static void workspace_close(workspace *w)
{
    free(w->place);
    free(w->adjoint);
}

/* Sets the variables at some points. The tangents are 1 for the variables `one` and `two` (-1: none). */
static void set_variables(const cusgd_expression *e, const double *x, int points, int one, int two, lanes *place)
{
    for (int k = 0; k < e->program.count; k++) {
        const operation *o = &e->program.at[k];
        if (o->op != EXPRESSION_VARIABLE) continue;
        for (int i = 0; i < points; i++) {
            place[k].value[i] = x[i * e->variables + o->a];
            place[k].one[i] = o->a == one;
            place[k].two[i] = o->a == two;
            place[k].both[i] = 0;
        }
    }
}

/* Removes the sign of a NaN, which differs between processors and would be printed. */
static double without_sign(double value) { return isnan(value) ? (double)NAN : value; }

static int lanes_of(size_t points) { return points < EXPRESSION_LANES ? (int)points : EXPRESSION_LANES; }

cusgd_status cusgd_expression_evaluate(const cusgd_expression *e, size_t points, const double *x, double *values)
{
    workspace w = {0};
    if (!e || (points > 0 && (!values || (!x && e->variables > 0)))) return fail_null("cusgd_expression_evaluate");
    cusgd_status status = workspace_open(e, &w);
    for (int count; !status && points > 0; points -= (size_t)count) {
        count = lanes_of(points);
        set_variables(e, x, count, -1, -1, w.place);
        expression_run(&e->program, 0, count, w.place);
        for (int i = 0; i < count; i++)
            for (int r = 0; r < e->program.results; r++) *values++ = without_sign(w.place[e->program.result[r]].value[i]);
        if (x) x += count * e->variables;
    }
    workspace_close(&w);
    return status;
}

static void forward(const cusgd_expression *e, int points, const double *x, lanes *place, double *gradients)
{
    const program *p = &e->program;
    for (int v = 0; v < e->variables; v++) {
        set_variables(e, x, points, v, -1, place);
        expression_run(p, 1, points, place);
        for (int i = 0; i < points; i++)
            for (int r = 0; r < p->results; r++)
                gradients[((int64_t)i * p->results + r) * e->variables + v] = without_sign(place[p->result[r]].one[i]);
    }
}

static void reverse(const cusgd_expression *e, int points, const double *x, const workspace *w, double *gradients)
{
    const program *p = &e->program;
    set_variables(e, x, points, -1, -1, w->place);
    expression_run(p, 0, points, w->place);
    for (int i = 0; i < points; i++) {
        for (int r = 0; r < p->results; r++, gradients += e->variables) {
            expression_reverse(p, r, w->place, i, w->adjoint);
            for (int v = 0; v < e->variables; v++) gradients[v] = 0;
            for (int k = 0; k < p->count; k++)
                if (p->at[k].op == EXPRESSION_VARIABLE) gradients[p->at[k].a] = without_sign(w->adjoint[k]);
        }
    }
}

cusgd_status cusgd_expression_gradient(const cusgd_expression *e, cusgd_differentiation mode, size_t points, const double *x,
                                       double *gradients)
{
    workspace w = {0};
    if (!e || (points > 0 && e->variables > 0 && (!x || !gradients))) return fail_null("cusgd_expression_gradient");
    if (mode != CUSGD_FORWARD && mode != CUSGD_REVERSE)
        return fail(CUSGD_ERROR_USAGE, "there is no way of differentiation %d", (int)mode);
    cusgd_status status = workspace_open(e, &w);
    for (int count; !status && points > 0 && e->variables > 0; points -= (size_t)count) {
        count = lanes_of(points);
        if (mode == CUSGD_FORWARD)
            forward(e, count, x, w.place, gradients);
        else
            reverse(e, count, x, &w, gradients);
        x += count * e->variables;
        gradients += (int64_t)count * e->program.results * e->variables;
    }
    workspace_close(&w);
    return status;
}

static void second(const cusgd_expression *e, int points, const double *x, lanes *place, double *hessians)
{
    const program *p = &e->program;
    int64_t n = e->variables;
    for (int a = 0; a < n; a++) {
        for (int b = 0; b <= a; b++) {
            set_variables(e, x, points, a, b, place);
            expression_run(p, 2, points, place);
            for (int64_t i = 0; i < points; i++) {
                for (int r = 0; r < p->results; r++) {
                    double *h = hessians + (i * p->results + r) * n * n;
                    h[a * n + b] = h[b * n + a] = without_sign(place[p->result[r]].both[i]);
                }
            }
        }
    }
}

cusgd_status cusgd_expression_hessian(const cusgd_expression *e, size_t points, const double *x, double *hessians)
{
    workspace w = {0};
    if (!e || (points > 0 && e->variables > 0 && (!x || !hessians))) return fail_null("cusgd_expression_hessian");
    cusgd_status status = workspace_open(e, &w);
    for (int count; !status && points > 0 && e->variables > 0; points -= (size_t)count) {
        count = lanes_of(points);
        second(e, count, x, w.place, hessians);
        x += count * e->variables;
        hessians += (int64_t)count * e->program.results * e->variables * e->variables;
    }
    workspace_close(&w);
    return status;
}
