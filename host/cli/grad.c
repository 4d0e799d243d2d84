#include "cli.h"
#include "formula.h"
#include "signals.h"

#include <stdlib.h>
#include <string.h>

enum { MAX_POINTS = 10000000 };

/* One run of `cusgd grad`: a row of numbers for each point. */
typedef struct table {
    formula formula;
    int hessian;
    size_t points, results, columns; /* the columns: variables, values, derivatives, second derivatives */
    double *x, *rows;
} table;

/* All combinations of the variables' values; the last one changes fastest. */
static void fill_points(const table *t)
{
    size_t n = t->formula.count;
    for (size_t i = 0; i < t->points; i++) {
        size_t rest = i;
        for (size_t v = n; v-- > 0; rest /= (size_t)t->formula.axes[v].count)
            t->x[i * n + v] = axis_value(&t->formula.axes[v], (int64_t)(rest % (size_t)t->formula.axes[v].count));
    }
}

static void put_columns(const table *t, const double *from, size_t count, size_t at)
{
    for (size_t i = 0; i < t->points; i++) memcpy(t->rows + i * t->columns + at, from + i * count, count * sizeof *from);
}

static int compute(table *t, cusgd_differentiation mode)
{
    size_t n = t->formula.count, r = t->results, second = t->hessian ? r * n * n : 0, most = n + r + r * n + second;
    t->columns = most;
    t->x = malloc((t->points * n + 1) * sizeof *t->x);
    t->rows = malloc(t->points * most * sizeof *t->rows);
    double *values = malloc((t->points * most + 1) * sizeof *values);
    int memory = t->x && t->rows && values;
    cusgd_status status = CUSGD_OK;
    if (memory) {
        fill_points(t);
        put_columns(t, t->x, n, 0);
        status = cusgd_expression_evaluate(t->formula.expression, t->points, t->x, values);
        if (!status) put_columns(t, values, r, n);
        if (!status) status = cusgd_expression_gradient(t->formula.expression, mode, t->points, t->x, values);
        if (!status) put_columns(t, values, r * n, n + r);
        if (!status && t->hessian) status = cusgd_expression_hessian(t->formula.expression, t->points, t->x, values);
        if (!status && t->hessian) put_columns(t, values, second, n + r + r * n);
    }
    free(values);
    if (!memory) return complain(CUSGD_ERROR_MEMORY, "out of memory for %zu points", t->points);
    return status ? complain_last(status) : CUSGD_OK;
}

/* x, y, value, d_x, d_y, d_x_x, ...; with several formulas value1, d1_x, ... */
static void column_name(const table *t, size_t at, char *name, size_t room)
{
    const cusgd_expression *e = t->formula.expression;
    size_t n = t->formula.count, r = t->results;
    char which[24] = "";
    if (at < n) {
        snprintf(name, room, "%s", cusgd_expression_variable(e, at));
        return;
    }
    at -= n;
    size_t each = at < r ? 1 : at < r + r * n ? n : n * n, begin = at < r ? 0 : at < r + r * n ? r : r + r * n;
    if (r > 1) snprintf(which, sizeof which, "%zu", (at - begin) / each + 1);
    size_t inside = (at - begin) % each;
    if (at < r)
        snprintf(name, room, "value%s", which);
    else if (at < r + r * n)
        snprintf(name, room, "d%s_%s", which, cusgd_expression_variable(e, inside));
    else
        snprintf(name, room, "d%s_%s_%s", which, cusgd_expression_variable(e, inside / n),
                 cusgd_expression_variable(e, inside % n));
}

static void put_csv(const void *of, FILE *to)
{
    const table *t = of;
    char name[96];
    for (size_t c = 0; c < t->columns; c++) {
        column_name(t, c, name, sizeof name);
        fprintf(to, "%s%s", c ? "," : "", name);
    }
    fputc('\n', to);
    for (size_t i = 0; i < t->points; i++)
        for (size_t c = 0; c < t->columns; c++)
            fprintf(to, "%.17g%c", t->rows[i * t->columns + c], c + 1 == t->columns ? '\n' : ',');
}

static void put_table(const table *t)
{
    char name[96];
    for (size_t c = 0; c < t->columns; c++) {
        column_name(t, c, name, sizeof name);
        printf("%s%15s", c ? " " : "", name);
    }
    putchar('\n');
    for (size_t i = 0; i < t->points; i++) {
        for (size_t c = 0; c < t->columns; c++) printf("%s%15.9g", c ? " " : "", t->rows[i * t->columns + c]);
        putchar('\n');
    }
}

static int ends_with(const char *text, const char *end)
{
    size_t length = strlen(text), tail = strlen(end);
    return length >= tail && strcmp(text + length - tail, end) == 0;
}

static int write_output(const table *t, const char *output)
{
    if (!output) {
        put_table(t);
    } else if (strcmp(output, "-") == 0) {
        put_csv(t, stdout);
    } else if (ends_with(output, ".csv")) {
        return write_file("--output", output, put_csv, t);
    } else {
        cusgd_status status = cusgd_array_save(output, (int64_t)t->points, (int64_t)t->columns, t->rows);
        return status ? complain((int)status, "--output %s", cusgd_last_error()) : CUSGD_OK;
    }
    return CUSGD_OK;
}

static int check_output(const syntax *s, const char *output)
{
    if (!output || strcmp(output, "-") == 0) return CUSGD_OK;
    if (!ends_with(output, ".csv") && !ends_with(output, ".npy"))
        return complain_usage(s, "--output %s: the table goes to a file named .npy or .csv, or to -", output);
    return check_file("--output", output);
}

static int count_points(const syntax *s, table *t)
{
    t->points = 1;
    t->results = cusgd_expression_results(t->formula.expression);
    for (size_t v = 0; v < t->formula.count; v++) {
        if (t->points > MAX_POINTS / (size_t)t->formula.axes[v].count)
            return complain_usage(s, "--at has more than %d points: give fewer values", MAX_POINTS);
        t->points *= (size_t)t->formula.axes[v].count;
    }
    return CUSGD_OK;
}

int grad_main(int argc, char **argv)
{
    const char *text = NULL, *output = NULL, *mode = "reverse";
    text_list at = {0}, constants = {0};
    table t = {0};
    const argument arguments[] = {
        {0, "at", "NAME=VALUES", NULL, "a variable's value, or FIRST:LAST:COUNT (required)", TAKES_COLUMNS, &at},
        {0, "constant", "NAME=VALUE", "none", "a name that stands for a number; several after commas", TAKES_COLUMNS, &constants},
        {0, "hessian", NULL, NULL, "second derivatives too", TAKES_NOTHING, &t.hessian},
        {0, "mode", "forward|reverse", "reverse", "how the gradient is computed", TAKES_TEXT, &mode},
        {'o', "output", "OUT", "a table", "NAME.npy, NAME.csv or - for CSV on standard output", TAKES_TEXT, &output},
    };
    const syntax s = {.word = "grad",
                      .operands = "FORMULA --at NAME=VALUES [OPTION]...",
                      .operand_count = 1,
                      .summary = "Prints the value and the derivatives of a formula at points.",
                      .example = "cusgd grad \"sin(2*pi*x + x^2)\" --at x=-1:1:5",
                      .groups = {{arguments, sizeof arguments / sizeof arguments[0]}}};
    int status = CUSGD_OK;
    if (arguments_parse(&s, argc, argv, &text, &status)) {
        int forward = strcmp(mode, "forward") == 0;
        if (!forward && strcmp(mode, "reverse") != 0) status = complain_usage(&s, "--mode is %s; give forward or reverse", mode);
        if (!status) status = check_output(&s, output);
        const formula_source from = {&s, text, "--at", &at, &constants, 1};
        if (!status) status = formula_open(&from, &t.formula);
        if (!status) status = count_points(&s, &t);
        if (!status) status = compute(&t, forward ? CUSGD_FORWARD : CUSGD_REVERSE);
        if (!status) status = write_output(&t, output);
    }
    formula_free(&t.formula);
    free(t.x);
    free(t.rows);
    text_list_free(&at);
    text_list_free(&constants);
    return status;
}
