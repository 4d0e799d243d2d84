/* cusgd minimize and cusgd solve. */
#include "cli.h"
#include "formula.h"
#include "signals.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* The state of a run of either. */
typedef struct searching {
    const syntax *syntax;
    formula formula;
    text_list start, constants;
    cusgd_search by;
    int json, quiet, is_root;
} searching;

static void put_header(const searching *w)
{
    printf("%9s", "iteration");
    for (size_t v = 0; v < w->formula.count; v++) printf(" %22s", w->formula.axes[v].name);
    if (w->is_root)
        printf(" %22s\n", "norm");
    else
        printf(" %22s %14s\n", "value", "gradient");
}

static void put_row(const searching *w, const cusgd_iterate *now)
{
    printf("%9lld", (long long)now->iteration);
    for (size_t v = 0; v < w->formula.count; v++) printf(" %22.15g", now->x[v]);
    printf(" %22.15g", now->value);
    if (!w->is_root) printf(" %14.6g", now->gradient);
    putchar('\n');
}

static void put_line(const searching *w, const cusgd_iterate *now)
{
    printf("{\"iteration\":%lld", (long long)now->iteration);
    for (size_t v = 0; v < w->formula.count; v++) {
        printf(v ? "," : ",\"x\":{");
        put_json_string(stdout, w->formula.axes[v].name);
        putchar(':');
        put_json_number(stdout, now->x[v]);
    }
    printf("},\"%s\":", w->is_root ? "norm" : "value");
    put_json_number(stdout, now->value);
    if (!w->is_root) {
        printf(",\"gradient\":");
        put_json_number(stdout, now->gradient);
    }
    printf("}\n");
}

static int put_iterate(const cusgd_iterate *now, void *user)
{
    const searching *w = user;
    if (w->json) put_line(w, now);
    if (w->json || w->quiet) return 0;
    if (now->iteration == 0) put_header(w); /* not earlier: the search may fail */
    put_row(w, now);
    return 0;
}

/* Prints the end of the search, whether it has converged or not. */
static void put_summary(const searching *w, const cusgd_search_result *r, const double *x)
{
    if (w->json) {
        printf("{\"converged\":%s,\"iterations\":%lld,\"order\":", r->converged ? "true" : "false", (long long)r->iterations);
        put_json_number(stdout, r->order);
        printf("}\n");
        return;
    }
    if (!r->converged) return;
    printf("%s after %lld iteration%s:", w->is_root ? "root" : "minimum", (long long)r->iterations, plural(r->iterations));
    for (size_t v = 0; v < w->formula.count; v++) printf(" %s = %.15g", w->formula.axes[v].name, x[v]);
    if (!w->is_root) printf(", value %.15g", r->value);
    if (isfinite(r->order)) printf("; order of convergence about %.2g", r->order);
    putchar('\n');
}

static int run_search(searching *w)
{
    cusgd_search_result result = CUSGD_INIT(cusgd_search_result);
    double *x = malloc((w->formula.count + 1) * sizeof *x);
    if (!x) return complain(CUSGD_ERROR_MEMORY, "out of memory");
    for (size_t v = 0; v < w->formula.count; v++) x[v] = w->formula.axes[v].first;
    cusgd_status status = w->is_root ? cusgd_expression_solve(w->formula.expression, &w->by, x, put_iterate, w, &result)
                                     : cusgd_expression_minimize(w->formula.expression, &w->by, x, put_iterate, w, &result);
    if (!status || status == CUSGD_ERROR_NOT_CONVERGED) put_summary(w, &result, x);
    free(x);
    fflush(stdout);
    if (status == CUSGD_ERROR_USAGE) return complain_usage(w->syntax, "%s", cusgd_last_error());
    return status ? complain_last(status) : CUSGD_OK;
}

static int search(searching *w, int argc, char **argv)
{
    const char *text = NULL;
    int status = CUSGD_OK;
    signals_handle();
    w->by.iterations = 1000; /* 0, which means this in the library, is an error on the command line */
    if (arguments_parse(w->syntax, argc, argv, &text, &status)) {
        const formula_source from = {w->syntax, text, "--start", &w->start, &w->constants, 0};
        status = formula_open(&from, &w->formula);
        if (!status && w->by.iterations < 1) status = complain_usage(w->syntax, "iterations must be a whole number from 1 on");
        if (!status) status = run_search(w);
    }
    formula_free(&w->formula);
    text_list_free(&w->start);
    text_list_free(&w->constants);
    return signals_exit_code(status);
}

enum { SHARED_ARGUMENTS = 4 };

static void shared_arguments(searching *w, argument table[SHARED_ARGUMENTS])
{
    const argument all[SHARED_ARGUMENTS] = {
        {0, "constant", "NAME=VALUE", "none", "a name that stands for a number", TAKES_COLUMNS, &w->constants},
        {0, "iterations", "N", "1000", "maximum number of iterations", TAKES_COUNT, &w->by.iterations},
        {0, "json", NULL, NULL, "JSON lines instead of a table", TAKES_NOTHING, &w->json},
        {'q', "quiet", NULL, NULL, "print only the result", TAKES_NOTHING, &w->quiet},
    };
    memcpy(table, all, sizeof all);
}

int minimize_main(int argc, char **argv)
{
    searching w = {.by = CUSGD_INIT(cusgd_search)};
    argument shared[SHARED_ARGUMENTS];
    shared_arguments(&w, shared);
    const argument table[] = {
        {0, "start", "NAME=VALUE", NULL, "where a variable starts (required)", TAKES_COLUMNS, &w.start},
        {0, "solver", "NAME", "bfgs", "gd, an optimizer of train, bfgs, dfp, lbfgs, cg or newton", TAKES_TEXT, &w.by.solver},
        {0, "rate", "R", "the optimizer's", "learning rate of gd and the optimizers", TAKES_NUMBER, &w.by.rate},
        {0, "momentum", "M", "0.9", "of momentum and nesterov", TAKES_NUMBER, &w.by.momentum},
        {0, "tolerance", "T", "1e-8", "largest final norm of the gradient, times max(1, the first)", TAKES_NUMBER,
         &w.by.tolerance},
    };
    const syntax s = {.word = "minimize",
                      .operands = "FORMULA --start NAME=VALUE [OPTION]...",
                      .operand_count = 1,
                      .summary = "Finds a minimum of a formula, by the steps that train takes.",
                      .example = "cusgd minimize \"x^2\" --start x=-.7 --solver gd --rate .1 --iterations 30",
                      .groups = {{table, sizeof table / sizeof table[0]}, {shared, SHARED_ARGUMENTS}}};
    w.syntax = &s;
    return search(&w, argc, argv);
}

int solve_main(int argc, char **argv)
{
    searching w = {.by = CUSGD_INIT(cusgd_search), .is_root = 1};
    argument shared[SHARED_ARGUMENTS];
    shared_arguments(&w, shared);
    const argument table[] = {
        {0, "start", "NAME=VALUE", NULL, "where a variable starts (required)", TAKES_COLUMNS, &w.start},
        {0, "solver", "newton|broyden-good|broyden-bad", "newton", "the method", TAKES_TEXT, &w.by.solver},
        {0, "tolerance", "T", "1e-10", "largest final norm of the values, times max(1, the first)", TAKES_NUMBER,
         &w.by.tolerance},
    };
    const syntax s = {.word = "solve",
                      .operands = "FORMULAS --start NAME=VALUE [OPTION]...",
                      .operand_count = 1,
                      .summary = "Finds a root of formulas, separated by semicolons: a point where all of them are 0.",
                      .example = "cusgd solve \"x^2+y^2-4; x*y-1\" --start x=2,y=.5 --solver broyden-good",
                      .groups = {{table, sizeof table / sizeof table[0]}, {shared, SHARED_ARGUMENTS}}};
    w.syntax = &s;
    return search(&w, argc, argv);
}
