/* Minima and roots of formulas, by the same steps as in training. */
#include "failure.h"
#include "interrupt.h"
#include "sized.h"
#include "solvers/function.h"

#include "cusgd_expression.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

typedef double real;

#include "scalar/update.h"

/* A search. */
typedef struct search {
    const cusgd_expression *e;
    size_t variables;
    int is_root;
    cusgd_search by;
    cusgd_iterate_callback callback;
    void *user;
    double length[3], start; /* lengths of the last steps; norm at the start */
    int ended, failed;       /* ended: by the callback; failed: a number is not finite */
    cusgd_search_result result;
} search;

/* ---- What the methods ask ------------------------------------------------------------------------------------------------ */

static cusgd_status evaluate_minimum(void *user, const double *x, double *f, double *g)
{
    const search *s = user;
    cusgd_status status = cusgd_expression_evaluate(s->e, 1, x, f);
    if (!status && g) status = cusgd_expression_gradient(s->e, CUSGD_REVERSE, 1, x, g);
    return status;
}

static cusgd_status derivative_minimum(void *user, const double *x, double *matrix)
{
    const search *s = user;
    return cusgd_expression_hessian(s->e, 1, x, matrix);
}

/* Computes half the sum of squares; g: the values. */
static cusgd_status evaluate_root(void *user, const double *x, double *f, double *g)
{
    const search *s = user;
    cusgd_status status = cusgd_expression_evaluate(s->e, 1, x, g);
    *f = 0;
    for (size_t i = 0; i < s->variables && !status; i++) *f += g[i] * g[i] / 2;
    return status;
}

static cusgd_status derivative_root(void *user, const double *x, double *matrix)
{
    const search *s = user;
    return cusgd_expression_gradient(s->e, CUSGD_REVERSE, 1, x, matrix);
}

/* Returns the order q of convergence, assuming that |step| is a constant times the q-th power of the previous one. */
static double order_of(const double length[3])
{
    double last = log(length[2] / length[1]), before = log(length[1] / length[0]);
    return last < 0 && before < 0 ? last / before : (double)NAN;
}

static int iterated(void *user, const function_iterate *now)
{
    search *s = user;
    double value = s->is_root ? now->gradient : now->f, size = 1;
    for (size_t i = 0; i < s->variables; i++) size = fmax(size, fabs(now->x[i]));
    if (now->length > 1e-14 * size) { /* shorter steps are rounding errors */
        s->length[0] = s->length[1];
        s->length[1] = s->length[2];
        s->length[2] = now->length;
        if (s->length[0] > 0) s->result.order = order_of(s->length);
    }
    s->result.iterations = now->iteration;
    s->result.value = value;
    s->result.gradient = now->gradient;
    const cusgd_iterate iterate = {sizeof iterate, now->iteration, now->x, value, now->gradient, now->length};
    if (s->callback && s->callback(&iterate, s->user)) s->ended = 1;
    s->failed = !isfinite(value) || !isfinite(now->gradient);
    return s->ended || s->failed;
}

static function function_of(search *s, double enough)
{
    return (function){.size = (int64_t)s->variables,
                      .user = s,
                      .evaluate = s->is_root ? evaluate_root : evaluate_minimum,
                      .derivative = s->is_root ? derivative_root : derivative_minimum,
                      .iterated = iterated,
                      .enough = enough,
                      .most = s->by.iterations};
}

/* ---- Optimizers ---------------------------------------------------------------------------------------------------------- */

static int optimizer_find(const char *name)
{
    if (strcmp(name, "gd") == 0) return CUSGD_OPTIMIZER_SGD;
    for (int i = 0; i < OPTIMIZER_COUNT; i++)
        if (i != CUSGD_OPTIMIZER_AUTO && !optimizer_decays(i) && strcmp(optimizer_table[i].name, name) == 0) return i;
    return -1;
}

/* Computes the gradient at the point that the optimizer needs, and steps every variable. */
static cusgd_status take_step(const search *s, struct update_rule rule, int64_t t, struct parameter *q, double *work)
{
    step_numbers numbers = {.rate = s->by.rate, .momentum = s->by.momentum};
    struct own_rule own = {.rate_factor = 1};
    double *point = work, *g = work + s->variables;
    optimizer_numbers(rule.optimizer, rule.beta1, rule.beta2, t, &numbers);
    struct update_step step = update_step_from(&numbers);
    for (size_t i = 0; i < s->variables; i++) point[i] = gradient_point(rule, step, q[i].theta, q[i].slot1);
    cusgd_status status = cusgd_expression_gradient(s->e, CUSGD_REVERSE, 1, point, g);
    for (size_t i = 0; i < s->variables && !status; i++) update_parameter(rule, step, own, 0, 0, point[i], g[i], &q[i]);
    return status;
}

/* Gets x and g from the parameters, reports the iterate, and decides whether there is another one. */
static cusgd_status look(search *s, const struct parameter *q, int64_t iteration, double *x, double *g, int *goes_on)
{
    double square = 0, length = 0, value;
    for (size_t i = 0; i < s->variables; i++) {
        length += (q[i].theta - x[i]) * (q[i].theta - x[i]);
        x[i] = q[i].theta;
    }
    cusgd_status status = evaluate_minimum(s, x, &value, g);
    for (size_t i = 0; i < s->variables && !status; i++) square += g[i] * g[i];
    const function_iterate now = {iteration, x, value, sqrt(square), iteration > 0 ? sqrt(length) : (double)NAN};
    *goes_on = 0;
    if (status) return status;
    int ends = iterated(s, &now);
    if (iteration == 0) s->start = now.gradient;
    s->result.converged = now.gradient <= s->by.tolerance * fmax(1, s->start);
    *goes_on = !ends && !s->result.converged && iteration < s->by.iterations;
    return interrupt_asked() ? fail_interrupted() : CUSGD_OK;
}

static cusgd_status descend(search *s, int optimizer, double *x)
{
    const optimizer_info *info = &optimizer_table[optimizer];
    size_t n = s->variables;
    struct parameter *q = allocate_zeroed(n, sizeof *q);
    double *work = allocate(2 * n, sizeof *work);
    int goes_on = 1;
    struct update_rule rule = {.optimizer = optimizer, .beta1 = 0.9, .beta2 = 0.999, .rho = info->rho, .epsilon = info->epsilon};
    if (s->by.rate == 0) s->by.rate = info->rate;
    if (s->by.momentum == 0) s->by.momentum = 0.9;
    cusgd_status status = q && work ? CUSGD_OK : fail_memory(n * (sizeof *q + 2 * sizeof *work), "the parameters");
    if (!status && isnan(s->by.rate))
        status = fail_option("rate", "%s has no usual rate: give --rate, for example 0.1", s->by.solver);
    for (size_t i = 0; i < n && !status; i++) q[i].theta = x[i];
    if (!status) status = look(s, q, 0, x, work, &goes_on);
    for (int64_t t = 0; !status && goes_on; t++) {
        status = take_step(s, rule, t, q, work);
        if (!status) status = look(s, q, t + 1, x, work, &goes_on);
    }
    free(q);
    free(work);
    return status;
}

/* ---- Searches ------------------------------------------------------------------------------------------------------------ */

typedef struct method_name {
    const char *name;
    cusgd_solver solver;
} method_name;

static const method_name minimizers[] = {{"bfgs", CUSGD_SOLVER_BFGS},     {"dfp", CUSGD_SOLVER_DFP},
                                         {"lbfgs", CUSGD_SOLVER_LBFGS},   {"cg", CUSGD_SOLVER_CG},
                                         {"newton", CUSGD_SOLVER_NEWTON}, {NULL, CUSGD_SOLVER_AUTO}};
static const method_name root_finders[] = {{"newton", CUSGD_SOLVER_NEWTON},
                                           {"broyden-good", CUSGD_SOLVER_BROYDEN_GOOD},
                                           {"broyden-bad", CUSGD_SOLVER_BROYDEN_BAD},
                                           {NULL, CUSGD_SOLVER_AUTO}};

/* Computes the norm at the start, to which the tolerance is relative. */
static cusgd_status measure_start(search *s, const double *x, double *norm)
{
    double f, square = 0, *g = allocate(s->variables, sizeof *g);
    cusgd_status status = g ? CUSGD_OK : fail_memory(s->variables * sizeof *g, "a gradient");
    if (!status) status = s->is_root ? evaluate_root(s, x, &f, g) : evaluate_minimum(s, x, &f, g);
    for (size_t i = 0; i < s->variables && !status; i++) square += g[i] * g[i];
    *norm = sqrt(square);
    free(g);
    return status;
}

static cusgd_status run_solver(search *s, cusgd_solver which, double *x)
{
    cusgd_stop stop = CUSGD_STOP_NONE;
    cusgd_status status = measure_start(s, x, &s->start);
    if (status) return status;
    const function f = function_of(s, s->by.tolerance * fmax(1, s->start));
    status = s->is_root ? function_root(&f, which, x, &stop) : function_minimize(&f, which, x, &stop);
    s->result.converged = stop == CUSGD_STOP_GRADIENT;
    return status;
}

static cusgd_status run_search(search *s, double *x)
{
    const method_name *m = s->is_root ? root_finders : minimizers;
    while (m->name && strcmp(m->name, s->by.solver) != 0) m++;
    if (m->name) return run_solver(s, m->solver, x);
    int optimizer = s->is_root ? -1 : optimizer_find(s->by.solver);
    if (optimizer >= 0) return descend(s, optimizer, x);
    return fail_option("solver", "there is no solver \"%s\" for this: it is one of %s", s->by.solver,
                       s->is_root ? "newton, broyden-good and broyden-bad"
                                  : "gd, momentum, nesterov, adagrad, adadelta, rmsprop, adam, amsgrad, nadam, radam, adamax, "
                                    "bfgs, dfp, lbfgs, cg and newton");
}

static cusgd_status judge(const search *s)
{
    const cusgd_search_result *r = &s->result;
    const char *what = s->is_root ? "norm of the formulas' values" : "norm of the gradient";
    if (s->failed)
        return fail(CUSGD_ERROR_DIVERGED, "diverged: after %lld iterations the value is %g and the %s %g%s",
                    (long long)r->iterations, r->value, what, r->gradient,
                    s->is_root ? "" : "; take a smaller --rate, or start elsewhere");
    if (r->converged) return CUSGD_OK;
    if (s->ended) return fail(CUSGD_ERROR_NOT_CONVERGED, "ended after %lld iterations", (long long)r->iterations);
    if (r->iterations >= s->by.iterations)
        return fail(CUSGD_ERROR_NOT_CONVERGED, "not converged after %lld iterations: the %s is %.3g, and at most %.3g was wanted",
                    (long long)r->iterations, what, r->gradient, s->by.tolerance * fmax(1, s->start));
    return fail(CUSGD_ERROR_NOT_CONVERGED,
                "not converged: after %lld iterations no step lowers the %s any more, which is %.3g; start elsewhere",
                (long long)r->iterations, s->is_root ? what : "value, nor the gradient's norm", r->gradient);
}

static cusgd_status take_search(search *s, const cusgd_search *given)
{
    if (given) {
        cusgd_status status = sized_check(given->size, "search");
        if (status) return status;
        sized_get(&s->by, given, sizeof s->by);
    }
    if (!s->by.solver) s->by.solver = s->is_root ? "newton" : "bfgs";
    if (!(s->by.rate >= 0) || isinf(s->by.rate)) return fail_option("rate", "the rate is %g: it must be > 0", s->by.rate);
    if (!(s->by.momentum >= 0 && s->by.momentum < 1))
        return fail_option("momentum", "momentum is %g: it must be at least 0 and less than 1", s->by.momentum);
    if (!(s->by.tolerance >= 0)) return fail_option("tolerance", "the tolerance is %g: it must be > 0", s->by.tolerance);
    if (s->by.iterations < 0) return fail(CUSGD_ERROR_USAGE, "the number of iterations is negative");
    if (s->by.tolerance == 0) s->by.tolerance = s->is_root ? 1e-10 : 1e-8;
    if (s->by.iterations == 0) s->by.iterations = 1000;
    return CUSGD_OK;
}

static cusgd_status search_from(search *s, const cusgd_search *given, double *x, cusgd_search_result *result)
{
    cusgd_status status = sized_check(result->size, "result");
    if (!status) status = take_search(s, given);
    if (status) return status;
    s->variables = cusgd_expression_variables(s->e);
    s->result.order = (double)NAN;
    size_t formulas = cusgd_expression_results(s->e);
    if (s->variables == 0) return fail(CUSGD_ERROR_USAGE, "the formula has no variable");
    if (!s->is_root && formulas != 1)
        return fail(CUSGD_ERROR_USAGE, "there are %zu formulas: a minimum is searched of a single one", formulas);
    for (size_t i = 0; s->is_root && i < formulas; i++)
        if (cusgd_expression_compares(s->e, i))
            return fail(
                CUSGD_ERROR_USAGE,
                "formula %zu is a comparison, whose value is 1 or 0: a root is searched of a difference, as cos(x) - x for "
                "cos(x) == x",
                i + 1);
    if (s->is_root && formulas != s->variables)
        return fail(CUSGD_ERROR_USAGE,
                    "there are %zu formulas and %zu variables: a root is searched of as many formulas as variables", formulas,
                    s->variables);
    status = run_search(s, x);
    if (!status || status == CUSGD_ERROR_NOT_CONVERGED) sized_put(result, &s->result, sizeof s->result);
    return status ? status : judge(s);
}

cusgd_status cusgd_expression_minimize(const cusgd_expression *e, const cusgd_search *given, double *x,
                                       cusgd_iterate_callback callback, void *user, cusgd_search_result *result)
{
    search s = {.e = e, .callback = callback, .user = user};
    if (!e || !x || !result) return fail_null(__func__);
    return search_from(&s, given, x, result);
}

cusgd_status cusgd_expression_solve(const cusgd_expression *e, const cusgd_search *given, double *x,
                                    cusgd_iterate_callback callback, void *user, cusgd_search_result *result)
{
    search s = {.e = e, .is_root = 1, .callback = callback, .user = user};
    if (!e || !x || !result) return fail_null(__func__);
    return search_from(&s, given, x, result);
}
