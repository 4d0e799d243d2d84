/* Expressions: random formulas against 50-digit differentiation (scripts/make_expressions.py), the examples of the lecture notes
 * against their analytic derivatives, the grammar, its limits, and messages. */
#include "cusgd_expression.h"
#include "oracle.h"
#include "support.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static cusgd_expression *compiled(const char *text)
{
    cusgd_expression *e = NULL;
    cr_assert_eq(cusgd_expression_compile(text, NULL, &e), CUSGD_OK, "%s: %s", text, cusgd_last_error());
    return e;
}

static void assert_near(const char *text, const char *what, double value, double expected, double tolerance)
{
    cr_assert(fabs(value - expected) <= tolerance * fmax(1, fabs(expected)), "%s: %s is %.17g, not %.17g", text, what, value,
              expected);
}

/* The value of a formula without variables, or at x. */
static double value_at(const char *text, double x)
{
    cusgd_expression *e = compiled(text);
    double value;
    cr_assert_leq(cusgd_expression_variables(e), (size_t)1);
    cr_assert_eq(cusgd_expression_evaluate(e, 1, &x, &value), CUSGD_OK);
    cusgd_expression_free(e);
    return value;
}

/* A formula in x and y, whichever comes first. */
static void check_golden(const cJSON *row)
{
    static const char *const variables[] = {"x", "y"};
    cusgd_expression_names names = CUSGD_INIT(cusgd_expression_names);
    names.variables = variables;
    names.variable_count = 2;
    const char *text = cJSON_GetObjectItem(row, "text")->valuestring;
    double x[2] = {json_number(row, "x"), json_number(row, "y")}, gradient[2], hessian[3], value, g[2], r[2], h[4];
    json_numbers(cJSON_GetObjectItem(row, "gradient"), gradient, 2);
    json_numbers(cJSON_GetObjectItem(row, "hessian"), hessian, 3);
    cusgd_expression *e;
    cr_assert_eq(cusgd_expression_compile(text, &names, &e), CUSGD_OK, "%s", cusgd_last_error());
    cr_assert_eq(cusgd_expression_evaluate(e, 1, x, &value), CUSGD_OK);
    cr_assert_eq(cusgd_expression_gradient(e, CUSGD_FORWARD, 1, x, g), CUSGD_OK);
    cr_assert_eq(cusgd_expression_gradient(e, CUSGD_REVERSE, 1, x, r), CUSGD_OK);
    cr_assert_eq(cusgd_expression_hessian(e, 1, x, h), CUSGD_OK);
    assert_near(text, "value", value, json_number(row, "value"), 1e-12);
    for (int i = 0; i < 2; i++) {
        assert_near(text, "derivative", g[i], gradient[i], 1e-11);
        assert_near(text, "derivative by reverse mode", r[i], g[i], 1e-13);
    }
    assert_near(text, "xx", h[0], hessian[0], 1e-10);
    assert_near(text, "xy", h[1], hessian[1], 1e-10);
    assert_near(text, "yy", h[3], hessian[2], 1e-10);
    cr_assert_eq(h[1], h[2]);
    cusgd_expression_free(e);
}

Test(expression, random_formulas)
{
    cJSON *json = golden_json("expressions.json");
    const cJSON *row, *rows = cJSON_GetObjectItem(json, "formulas");
    cr_assert_geq(cJSON_GetArraySize(rows), 200);
    cJSON_ArrayForEach(row, rows) check_golden(row);
    cJSON_Delete(json);
}

/* The functions of the lecture notes with their derivatives by x. */
Test(expression, notes)
{
    static const struct {
        const char *text, *derivative;
    } of[] = {{"x^3 + 1", "3*x^2"},
              {"3*x^3 + 2*(x-5) + 1", "9*x^2 + 2"},
              {"sqrt(1+x^2) + exp(x) + sin(2*pi*x)", "x/sqrt(1+x^2) + exp(x) + 2*pi*cos(2*pi*x)"},
              {"sin(2*pi*x + x^2)", "(2*pi + 2*x)*cos(2*pi*x + x^2)"},
              {"x >= 0 ? x^2 : -3*x + 1", "x >= 0 ? 2*x : -3"},
              {"sum(i, 0, 9, x^i)", "sum(i, 1, 9, i*x^(i-1))"},
              {"prod(i, 0, 4, x - i)", "sum(j, 0, 4, prod(i, 0, 4, i == j ? 1 : x - i))"},
              {"sum(i, 1, 5, log(1 + exp(-i*x)))", "sum(i, 1, 5, -i/(1 + exp(i*x)))"},
              {"1/(1+exp(-x))", "exp(-x)/(1+exp(-x))^2"},
              {"x^x", "x^x*(1 + log(x))"},
              {"log(cosh(x))", "tanh(x)"}};
    static const double points[] = {-2.5, -1, -0.3, 0.25, 1, 1.75, 3};
    for (size_t k = 0; k < sizeof of / sizeof of[0]; k++) {
        cusgd_expression *e = compiled(of[k].text);
        for (size_t i = 0; i < sizeof points / sizeof points[0]; i++) {
            double x = points[i], f, r, expected = value_at(of[k].derivative, x);
            if (isnan(expected)) continue; /* x^x of x < 0 */
            cr_assert_eq(cusgd_expression_gradient(e, CUSGD_FORWARD, 1, &x, &f), CUSGD_OK);
            cr_assert_eq(cusgd_expression_gradient(e, CUSGD_REVERSE, 1, &x, &r), CUSGD_OK);
            assert_near(of[k].text, "derivative", f, expected, 1e-13);
            assert_near(of[k].text, "derivative by reverse mode", r, expected, 1e-13);
        }
        cusgd_expression_free(e);
    }
}

/* 3 x1^3 + x2 (x1 - 5) + 1 and 2 x0 + 3 x1 + 5 x2 + 7 x3 + 11 x4^2, with several points at a time. */
Test(expression, several_variables)
{
    enum { POINTS = 37 };
    static double x[POINTS * 5], g[POINTS * 5], h[POINTS * 25];
    for (int i = 0; i < POINTS * 5; i++) x[i] = sin(i);
    cusgd_expression *e = compiled("3*x1^3 + x2*(x1-5) + 1");
    cr_assert_eq(cusgd_expression_variables(e), (size_t)2);
    cr_assert_str_eq(cusgd_expression_variable(e, 0), "x1");
    cr_assert_null(cusgd_expression_variable(e, 2));
    for (int mode = 0; mode < 2; mode++) {
        cr_assert_eq(cusgd_expression_gradient(e, (cusgd_differentiation)mode, POINTS, x, g), CUSGD_OK);
        for (int i = 0; i < POINTS; i++) {
            assert_near("f", "x1", g[2 * i], 9 * x[2 * i] * x[2 * i] + x[2 * i + 1], 1e-14);
            assert_near("f", "x2", g[2 * i + 1], x[2 * i] - 5, 1e-14);
        }
    }
    cr_assert_eq(cusgd_expression_hessian(e, POINTS, x, h), CUSGD_OK);
    for (int i = 0; i < POINTS; i++) {
        assert_near("f", "x1 x1", h[4 * i], 18 * x[2 * i], 1e-14);
        assert_near("f", "x1 x2", h[4 * i + 1], 1, 1e-14);
        assert_near("f", "x2 x2", h[4 * i + 3], 0, 1e-14);
    }
    cusgd_expression_free(e);
    e = compiled("2*x0 + 3*x1 + 5*x2 + 7*x3 + 11*x4^2");
    cr_assert_eq(cusgd_expression_gradient(e, CUSGD_REVERSE, POINTS, x, g), CUSGD_OK);
    for (int i = 0; i < POINTS; i++) {
        const double expected[] = {2, 3, 5, 7, 22 * x[5 * i + 4]};
        for (int v = 0; v < 5; v++) assert_near("f", "derivative", g[5 * i + v], expected[v], 1e-15);
    }
    cusgd_expression_free(e);
    e = compiled("x^2 + y^2 - 4; x*y - 1");
    double at[2] = {2, 0.5}, values[2], jacobian[4];
    cr_assert_eq(cusgd_expression_results(e), (size_t)2);
    cr_assert_eq(cusgd_expression_evaluate(e, 1, at, values), CUSGD_OK);
    cr_assert_eq(cusgd_expression_gradient(e, CUSGD_REVERSE, 1, at, jacobian), CUSGD_OK);
    cr_assert(values[0] == 0.25 && values[1] == 0);
    cr_assert(jacobian[0] == 4 && jacobian[1] == 1 && jacobian[2] == 0.5 && jacobian[3] == 2);
    cusgd_expression_free(e);
}

Test(expression, grammar)
{
    static const struct {
        const char *text;
        double value;
    } of[] = {{"-2^2", -4},
              {"2^3^2", 512},
              {"2^-1", 0.5},
              {"1/2", 0.5},
              {"1 - 2 - 3", -4},
              {"12/2/3", 2},
              {"2*-3", -6},
              {"- - 3", 3},
              {"+3", 3},
              {"1e3 + .5 + 2.", 1002.5},
              {"1 < 2 ? 3 : 4", 3},
              {"1 > 2 ? 3 : 4 > 5 ? 6 : 7", 7},
              {"(1 <= 1) + (1 >= 2) + (1 == 1) + (1 != 1)", 2},
              {"min(3, 1, 2)", 1},
              {"max(3, 1, 2)", 3},
              {"pow(2, 10)", 1024},
              {"abs(-3) + sqrt(16)", 7},
              {"pi", 3.14159265358979323846},
              {"sum(i, 1, 100, i)", 5050},
              {"prod(i, 1, 5, i)", 120},
              {"sum(i, 3, 2, i) + prod(i, 3, 2, i)", 1},
              {"sum(i, 1, 3, sum(j, 1, i, j))", 10},
              {"sum(i, 1, 2, sum(i, 5, 5, i))", 10},
              {"sum(i, 1, 10000, 1/i - 1/(i+1))", 1 - 1.0 / 10001},
              {"sum(i, 1, 4, i == 2 ? 0*x : i)", 8},
              {"log(1 + exp(x))", 1000},
              {"log(cosh(x))", 1000 - 0.693147180559945309},
              {"0^0", 1},
              {"x^0", 1},
              {"0 ? log(-1) : 2", 2}};
    for (size_t k = 0; k < sizeof of / sizeof of[0]; k++)
        assert_near(of[k].text, "value", value_at(of[k].text, 1000), of[k].value, 1e-14);
    double big = 1000, g;
    cusgd_expression *e = compiled("log(1 + exp(x)) + log(cosh(x))"); /* no overflow */
    cr_assert_eq(cusgd_expression_gradient(e, CUSGD_FORWARD, 1, &big, &g), CUSGD_OK);
    cr_assert_eq(g, 2);
    cusgd_expression_free(e);
}

/* Derivatives where there are two, or where one operand has none. */
Test(expression, derivatives_at_corners)
{
    static const struct {
        const char *text;
        double x, derivative;
    } of[] = {{"abs(x)", 0, 0},
              {"max(x, 0)", 0, 0.5},
              {"max(x, 0) + log1p(exp(-abs(x)))", 0, 0.5},
              {"sqrt(-x)", 0, -(double)INFINITY},
              {"-sqrt(x)", 0, -(double)INFINITY},
              {"x^3", 0, 0},
              {"x^1", 0, 1},
              {"x^2.5", 0, 0},
              {"x^3", -2, 12},
              {"x^5", -2, 80},
              {"x > 0 ? log(x) : 7*x", -1, 7},
              {"x < 800 ? 2*x : exp(x)", 3, 2},
              {"x < 3 ? 2*x : exp(1000*x)*0", 1, 2}};
    for (size_t k = 0; k < sizeof of / sizeof of[0]; k++) {
        double f, r;
        cusgd_expression *e = compiled(of[k].text);
        cr_assert_eq(cusgd_expression_gradient(e, CUSGD_FORWARD, 1, &of[k].x, &f), CUSGD_OK);
        cr_assert_eq(cusgd_expression_gradient(e, CUSGD_REVERSE, 1, &of[k].x, &r), CUSGD_OK);
        cr_assert_eq(f, of[k].derivative, "%s: %g", of[k].text, f);
        cr_assert_eq(r, of[k].derivative, "%s: %g", of[k].text, r);
        cusgd_expression_free(e);
    }
}

/* What is no formula, where, and a part of what is said. */
Test(expression, errors)
{
    static const struct {
        const char *text;
        int character;
        const char *said;
    } of[] = {{"2x", 2, "a product is written with *"},
              {"2 (x)", 3, "a product is written with *"},
              {"x(2)", 1, "there is no function x"},
              {"(x)(y)", 4, "a product is written with *"},
              {"x y", 3, "a product is written with *"},
              {"2e", 2, "a product is written with *"},
              {"", 1, "the formula ends"},
              {"x +", 4, "the formula ends"},
              {"x + * 2", 5, "an operand is wanted"},
              {"(x", 3, ") is missing"},
              {"x)", 2, "does not belong"},
              {"x ** 2", 3, "a power is written with ^"},
              {"x = 2", 3, "an equation a = b is written a - b, and a comparison a == b"},
              {"|x - 2|", 1, "an absolute value |a| is written abs(a)"},
              {"x # 2", 3, "does not belong in a formula"},
              {"1 + ln(x)", 5, "the natural logarithm is written log"},
              {"1 + fabs(x)", 5, "an absolute value is written abs(a)"},
              {"power(x, 2)", 1, "a power is written a^b"},
              {"square(x)", 1, "a square is written a^2"},
              {"relu(1 - x)", 1, "relu(a) is written max(0, a)"},
              {"2*clamp(x, 0, 1)", 3, "written min(max(a, l), h)"},
              {"clip(x, 0, 1)", 1, "written min(max(a, l), h)"},
              {"where(x > 0, x, 0)", 1, "where(c, a, b) is written c ? a : b"},
              {"exp", 1, "its arguments are missing"},
              {"exp(x, y)", 6, "has one argument"},
              {"exp()", 5, "an operand is wanted"},
              {"min(x)", 6, "at least two"},
              {"pow(x, 2, 3)", 11, "two arguments"},
              {"pow(x)", 6, "pow has two arguments"},
              {"mean(x^2)", 1, "write a instead of mean(a)"},
              {"torch.log(x)", 6, "without a module or a method"},
              {"abs(x).mean()", 7, "without a module or a method"},
              {"1 < 2 < 3", 7, "not chained"},
              {"sum(2, 1, 3, 1)", 5, "name of a counter"},
              {"sum(i, 1, x, i)", 11, "whole number"},
              {"sum(i, 1, 2.5, i)", 11, "whole number"},
              {"sum(exp, 1, 2, 1)", 5, "name of a counter"},
              {"x ? 1", 6, ": is missing"},
              {"a_name_of_more_than_thirty_one_characters", 1, "at most 31"},
              {"x;", 3, "the formula ends"}};
    for (size_t k = 0; k < sizeof of / sizeof of[0]; k++) {
        cusgd_expression *e;
        char place[32];
        snprintf(place, sizeof place, "character %d: ", of[k].character);
        cr_assert_eq(cusgd_expression_compile(of[k].text, NULL, &e), CUSGD_ERROR_USAGE, "%s", of[k].text);
        cr_assert_null(e);
        cr_assert(strstr(cusgd_last_error(), of[k].said), "%s: %s", of[k].text, cusgd_last_error());
        cr_assert(strstr(cusgd_last_error(), place), "%s: %s", of[k].text, cusgd_last_error());
        const char *mark = strrchr(cusgd_last_error(), '\n');
        cr_assert(mark && (int)strlen(mark) == of[k].character + 1 && mark[of[k].character] == '^', "%s", cusgd_last_error());
    }
}

Test(expression, limits)
{
    static char text[20000];
    cusgd_expression *e;
    static const char *const parts[] = {"(", "-", "exp(", "1 ? 1 : ", "2^", "sum(i,1,1,"};
    for (size_t k = 0; k < sizeof parts / sizeof parts[0]; k++) {
        text[0] = '\0';
        for (int i = 0; i < 500; i++) strcat(text, parts[k]);
        strcat(text, "x");
        cr_assert_eq(cusgd_expression_compile(text, NULL, &e), CUSGD_ERROR_USAGE);
        cr_assert(strstr(cusgd_last_error(), "more than 100"), "%s: %s", parts[k], cusgd_last_error());
    }
    memset(text, '1', 9000);
    text[9000] = '\0';
    cr_assert_eq(cusgd_expression_compile(text, NULL, &e), CUSGD_ERROR_USAGE);
    cr_assert(strstr(cusgd_last_error(), "9000 bytes"), "%s", cusgd_last_error());
    static const struct {
        const char *text, *said;
    } of[] = {{"sum(i, 1, 1000000000, sum(j, 1, 1000000000, 1))", "written out"},
              {"sum(i, 1, 10000, sin(x + i))", "more than 8192 operations"}};
    for (size_t k = 0; k < 2; k++) {
        cr_assert_eq(cusgd_expression_compile(of[k].text, NULL, &e), CUSGD_ERROR_USAGE);
        cr_assert(strstr(cusgd_last_error(), of[k].said), "%s", cusgd_last_error());
    }
    text[0] = '\0';
    for (int i = 0; i < 65; i++) snprintf(text + strlen(text), 16, "%sv%d", i ? "+" : "", i);
    cr_assert_eq(cusgd_expression_compile(text, NULL, &e), CUSGD_ERROR_USAGE);
    cr_assert(strstr(cusgd_last_error(), "64 variables"), "%s", cusgd_last_error());
}

Test(expression, names)
{
    const char *variables[] = {"p", "y"}, *constants[] = {"c"};
    double values[] = {3}, x[] = {2, 1}, value;
    cusgd_expression_names names = CUSGD_INIT(cusgd_expression_names);
    cusgd_expression *e;
    names.variables = variables;
    names.variable_count = 2;
    names.constants = constants;
    names.values = values;
    names.constant_count = 1;
    cr_assert_eq(cusgd_expression_compile("c*(p-y)", &names, &e), CUSGD_OK, "%s", cusgd_last_error());
    cr_assert_eq(cusgd_expression_evaluate(e, 1, x, &value), CUSGD_OK);
    cr_assert_eq(value, 3);
    cusgd_expression_free(e);
    cr_assert_eq(cusgd_expression_compile("c*(p-z)", &names, &e), CUSGD_ERROR_USAGE);
    cr_assert(strstr(cusgd_last_error(), "there is no name z here; the variables are p, y"), "%s", cusgd_last_error());
    names.variable_count = 0;
    cr_assert_eq(cusgd_expression_compile("c*z", &names, &e), CUSGD_ERROR_USAGE);
    cr_assert(strstr(cusgd_last_error(), "the variables are none"), "%s", cusgd_last_error());
    names.variable_count = 2;
    static const char *const bad[] = {"p", "exp", "pi", "2c", "", "a b"};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        constants[0] = bad[i];
        cr_assert_eq(cusgd_expression_compile("p", &names, &e), CUSGD_ERROR_USAGE, "%s", bad[i]);
    }
    constants[0] = "c";
    for (size_t i = 1; i < sizeof bad / sizeof bad[0]; i++) {
        variables[1] = bad[i];
        cr_assert_eq(cusgd_expression_compile("p", &names, &e), CUSGD_ERROR_USAGE, "%s", bad[i]);
        cr_assert(strstr(cusgd_last_error(), "cannot be the name of a variable"), "%s", cusgd_last_error());
    }
    variables[1] = "p";
    cr_assert_eq(cusgd_expression_compile("p", &names, &e), CUSGD_ERROR_USAGE);
    cr_assert(strstr(cusgd_last_error(), "the variable p is given twice"), "%s", cusgd_last_error());
    variables[1] = "y";
    names.values = NULL;
    cr_assert_eq(cusgd_expression_compile("p", &names, &e), CUSGD_ERROR_USAGE);
    names.values = values;
    values[0] = (double)NAN;
    cr_assert_eq(cusgd_expression_compile("p", &names, &e), CUSGD_ERROR_USAGE);
    cr_assert_eq(cusgd_expression_compile(NULL, NULL, &e), CUSGD_ERROR_USAGE);
    cr_assert_eq(cusgd_expression_compile("x", NULL, NULL), CUSGD_ERROR_USAGE);
    cusgd_expression_free(NULL);
}

/* Numbers have no derivative, which would be multiplied by what is infinite: both modes and second derivatives agree. */
Test(expression, infinite_values)
{
    static const struct {
        const char *text;
        double x[3], g[3], xx, zz;
    } of[] = {{"5*log(x) + y + z^2", {0, 1, 3}, {(double)INFINITY, 1, 6}, -(double)INFINITY, 2},
              {"log(x)*5 + y + z^2", {0, 1, 3}, {(double)INFINITY, 1, 6}, -(double)INFINITY, 2},
              {"log(x)/-2 + y + z^2", {0, 1, 3}, {-(double)INFINITY, 1, 6}, (double)INFINITY, 2},
              {"2*exp(x) + y + z^2", {1000, 1, 3}, {(double)INFINITY, 1, 6}, (double)INFINITY, 2}};
    static const char *const variables[] = {"x", "y", "z"};
    cusgd_expression_names names = CUSGD_INIT(cusgd_expression_names);
    names.variables = variables;
    names.variable_count = 3;
    for (size_t i = 0; i < sizeof of / sizeof of[0]; i++) {
        cusgd_expression *e;
        double forward[3], reverse[3], h[9];
        cr_assert_eq(cusgd_expression_compile(of[i].text, &names, &e), CUSGD_OK, "%s", cusgd_last_error());
        cr_assert_eq(cusgd_expression_gradient(e, CUSGD_FORWARD, 1, of[i].x, forward), CUSGD_OK);
        cr_assert_eq(cusgd_expression_gradient(e, CUSGD_REVERSE, 1, of[i].x, reverse), CUSGD_OK);
        cr_assert_eq(cusgd_expression_hessian(e, 1, of[i].x, h), CUSGD_OK);
        for (int j = 0; j < 3; j++)
            cr_assert(forward[j] == of[i].g[j] && reverse[j] == of[i].g[j], "%s by %s: %g and %g", of[i].text, variables[j],
                      forward[j], reverse[j]);
        cr_assert(h[0] == of[i].xx && h[8] == of[i].zz, "%s: %g and %g", of[i].text, h[0], h[8]);
        cusgd_expression_free(e);
    }
}

/* What is undefined is no number: 1/x^2 at 0, where the derivative of x^2 is 0. */
Test(expression, undefined_derivatives)
{
    static const char *const of[] = {"1/x^2", "log(x)/x^2", "x^2*log(x^2)", "x/x"};
    for (size_t i = 0; i < sizeof of / sizeof of[0]; i++) {
        cusgd_expression *e = compiled(of[i]);
        double x = 0, forward, reverse;
        cr_assert_eq(cusgd_expression_gradient(e, CUSGD_FORWARD, 1, &x, &forward), CUSGD_OK);
        cr_assert_eq(cusgd_expression_gradient(e, CUSGD_REVERSE, 1, &x, &reverse), CUSGD_OK);
        cr_assert(!isfinite(forward) && !isfinite(reverse), "%s: %g and %g", of[i], forward, reverse);
        cusgd_expression_free(e);
    }
}

typedef double real;
#include "losses_as_formulas.h"
#include "scalar/loss.h"

/* The losses of the library written as formulas have its values and derivatives. */
Test(expression, losses_as_formulas)
{
    cr_assert_eq(FORMULAS, (size_t)LOSS_COUNT - 1); /* softmax is of several outputs */
    const char *variables[] = {"p", "y"};
    cusgd_expression_names names = CUSGD_INIT(cusgd_expression_names);
    names.variables = variables;
    names.variable_count = 2;
    for (size_t k = 0; k < FORMULAS; k++) {
        cusgd_expression *e;
        cr_assert_eq(cusgd_expression_compile(losses_as_formulas[k].text, &names, &e), CUSGD_OK, "%s", cusgd_last_error());
        loss_rule rule = losses_as_formulas[k].rule;
        rule.minimum = -(double)INFINITY;
        rule.maximum = (double)INFINITY;
        for (int i = 0; i < 200; i++) {
            double x[2] = {8 * sin(1 + 3 * i), losses_as_formulas[k].targets[i % 3]}, value, g[2], h[4];
            struct loss_point l = loss_at(rule, x[0], x[1]);
            cr_assert_eq(cusgd_expression_evaluate(e, 1, x, &value), CUSGD_OK);
            cr_assert_eq(cusgd_expression_gradient(e, CUSGD_FORWARD, 1, x, g), CUSGD_OK);
            cr_assert_eq(cusgd_expression_hessian(e, 1, x, h), CUSGD_OK);
            assert_near(losses_as_formulas[k].text, "value", value, l.value, 1e-12);
            assert_near(losses_as_formulas[k].text, "derivative", g[0], l.derivative, 1e-12);
            assert_near(losses_as_formulas[k].text, "second derivative", h[0], l.curvature, 1e-12);
        }
        cusgd_expression_free(e);
    }
}

/* What ends a search, and what is no search. */
static int ends_at_two(const cusgd_iterate *now, void *user)
{
    *(int64_t *)user = now->iteration;
    cr_assert_eq(isnan(now->length), now->iteration == 0);
    return now->iteration == 2;
}

Test(expression, searches)
{
    static const char *const solvers[] = {"gd", "adam", "newton", "bfgs"};
    cusgd_expression *e = compiled("(x-1)^4 + (y-2)^2 + x*y");
    cusgd_search search = CUSGD_INIT(cusgd_search);
    cusgd_search_result result = CUSGD_INIT(cusgd_search_result);
    for (size_t i = 0; i < sizeof solvers / sizeof solvers[0]; i++) {
        double x[2] = {3, 3};
        int64_t seen = -1;
        search.solver = solvers[i];
        search.rate = 0.01;
        cr_assert_eq(cusgd_expression_minimize(e, &search, x, ends_at_two, &seen, &result), CUSGD_ERROR_NOT_CONVERGED);
        cr_assert(seen == 2 && result.iterations == 2 && !result.converged && x[0] != 3, "%s", solvers[i]);
        cr_assert(strstr(cusgd_last_error(), "ended after 2 iterations"), "%s", cusgd_last_error());
    }
    double x[2] = {3, 3};
    cr_assert_eq(cusgd_expression_minimize(e, NULL, x, NULL, NULL, &result), CUSGD_OK, "%s", cusgd_last_error());
    double at[2] = {x[0], x[1]}, g[2];
    cr_assert_eq(cusgd_expression_gradient(e, CUSGD_FORWARD, 1, at, g), CUSGD_OK);
    cr_assert(result.converged && hypot(g[0], g[1]) <= 1e-6 && result.gradient == hypot(g[0], g[1]), "%g", result.gradient);
    cr_assert_eq(cusgd_expression_minimize(NULL, NULL, x, NULL, NULL, &result), CUSGD_ERROR_USAGE);
    cr_assert_eq(cusgd_expression_minimize(e, NULL, NULL, NULL, NULL, &result), CUSGD_ERROR_USAGE);
    cr_assert_eq(cusgd_expression_minimize(e, NULL, x, NULL, NULL, NULL), CUSGD_ERROR_USAGE);
    cr_assert_eq(cusgd_expression_solve(e, NULL, x, NULL, NULL, &result), CUSGD_ERROR_USAGE);
    cusgd_search_result unsized = {0};
    cr_assert_eq(cusgd_expression_minimize(e, NULL, x, NULL, NULL, &unsized), CUSGD_ERROR_USAGE);
    static const struct {
        double rate, momentum, tolerance;
        int64_t iterations;
    } bad[] = {{-1, 0, 0, 0}, {(double)NAN, 0, 0, 0}, {(double)INFINITY, 0, 0, 0}, {1, -0.5, 0, 0}, {1, 1, 0, 0},
               {1, 0, -1, 0}, {1, 0, 0, -1}};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        search.rate = bad[i].rate;
        search.momentum = bad[i].momentum;
        search.tolerance = bad[i].tolerance;
        search.iterations = bad[i].iterations;
        cr_assert_eq(cusgd_expression_minimize(e, &search, x, NULL, NULL, &result), CUSGD_ERROR_USAGE, "%zu", i);
    }
    cusgd_expression_free(e);
}
