#include "formula.h"

#include "cli.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* Evaluates a formula of numbers. Returns 0 if it is not one or its value is not finite. */
static int number_of(const char *text, size_t length, double *value)
{
    static const char *const nothing[] = {NULL};
    char copy[256];
    cusgd_expression_names names = CUSGD_INIT(cusgd_expression_names);
    cusgd_expression *e = NULL;
    if (length >= sizeof copy) return 0;
    memcpy(copy, text, length);
    copy[length] = '\0';
    names.variables = nothing;
    cusgd_status status = cusgd_expression_compile(copy, &names, &e);
    if (!status && cusgd_expression_results(e) != 1) status = CUSGD_ERROR_USAGE;
    if (!status) status = cusgd_expression_evaluate(e, 1, NULL, value);
    cusgd_expression_free(e);
    return !status && isfinite(*value);
}

static int parse_range(const char *text, axis *a)
{
    const char *one = strchr(text, ':'), *two = one ? strchr(one + 1, ':') : NULL;
    double count;
    if (!two || !number_of(text, (size_t)(one - text), &a->first) || !number_of(one + 1, (size_t)(two - one) - 1, &a->last) ||
        !number_of(two + 1, strlen(two + 1), &count) || !(count >= 2 && count <= 1e7) || count != floor(count))
        return 0;
    a->count = (int64_t)count;
    return 1;
}

static int parse_axis(const syntax *s, const char *option, const char *text, int ranges, axis *a)
{
    const char *equals = strchr(text, '=');
    size_t length = equals ? (size_t)(equals - text) : 0;
    length = trimmed_length(text, length);
    *a = (axis){.count = 1};
    if (length == 0 || length >= sizeof a->name) return complain_usage(s, "%s %s: this is no NAME=VALUE", option, text);
    memcpy(a->name, text, length);
    if (ranges && strchr(equals, ':')) {
        if (parse_range(equals + 1, a)) return CUSGD_OK;
        return complain_usage(s, "%s %s: a range is FIRST:LAST:COUNT, of 2 values or more and at most 10000000", option, text);
    }
    if (!number_of(equals + 1, strlen(equals + 1), &a->first))
        return complain_usage(s, "%s %s: the value is not a finite number, nor a formula of numbers", option, text);
    a->last = a->first;
    return CUSGD_OK;
}

/* Parses all items of a list. The caller frees *out. */
static int parse_axes(const syntax *s, const char *option, const text_list *texts, int ranges, axis **out)
{
    int status = CUSGD_OK;
    *out = calloc(texts->count + 1, sizeof **out);
    if (!*out) return complain(CUSGD_ERROR_MEMORY, "out of memory");
    for (size_t i = 0; i < texts->count && !status; i++) {
        status = parse_axis(s, option, texts->at[i], ranges, &(*out)[i]);
        for (size_t j = 0; j < i && !status; j++)
            if (strcmp((*out)[i].name, (*out)[j].name) == 0)
                status = complain_usage(s, "%s: %s has a value already", option, (*out)[i].name);
    }
    return status;
}

static int compile(const formula_source *from, const axis *constants, formula *out)
{
    size_t count = from->constants->count;
    const char **names = malloc((count + 1) * sizeof *names);
    double *values = malloc((count + 1) * sizeof *values);
    cusgd_expression_names known = CUSGD_INIT(cusgd_expression_names);
    int status = names && values ? CUSGD_OK : complain(CUSGD_ERROR_MEMORY, "out of memory");
    for (size_t i = 0; i < count && !status; i++) {
        names[i] = constants[i].name;
        values[i] = constants[i].first;
    }
    known.constants = names;
    known.values = values;
    known.constant_count = count;
    cusgd_status compiled = status ? CUSGD_OK : cusgd_expression_compile(from->text, &known, &out->expression);
    free(names);
    free(values);
    return compiled ? complain_last(compiled) : status;
}

/* Puts the given axes in the order of the variables. */
static int assign(const formula_source *from, const axis *given, formula *out)
{
    size_t variables = cusgd_expression_variables(out->expression);
    out->axes = calloc(variables + 1, sizeof *out->axes);
    if (!out->axes) return complain(CUSGD_ERROR_MEMORY, "out of memory");
    out->count = variables;
    for (size_t v = 0; v < variables; v++) {
        const char *name = cusgd_expression_variable(out->expression, v);
        size_t i = 0;
        while (i < from->given->count && strcmp(given[i].name, name) != 0) i++;
        if (i == from->given->count)
            return complain_usage(from->syntax, "the variable %s has no value: give %s %s=VALUE", name, from->option, name);
        out->axes[v] = given[i];
    }
    for (size_t i = 0; i < from->given->count; i++) {
        size_t v = 0;
        while (v < variables && strcmp(out->axes[v].name, given[i].name) != 0) v++;
        if (v == variables)
            return complain_usage(from->syntax, "%s %s: the formula has no such variable", from->option, given[i].name);
    }
    return CUSGD_OK;
}

int formula_open(const formula_source *from, formula *out)
{
    axis *given = NULL, *constants = NULL;
    *out = (formula){0};
    int status = parse_axes(from->syntax, from->option, from->given, from->ranges, &given);
    if (!status) status = parse_axes(from->syntax, "--constant", from->constants, 0, &constants);
    if (!status) status = compile(from, constants, out);
    if (!status) status = assign(from, given, out);
    free(given);
    free(constants);
    return status;
}

void formula_free(formula *f)
{
    cusgd_expression_free(f->expression);
    free(f->axes);
    *f = (formula){0};
}

double axis_value(const axis *a, int64_t i)
{
    if (i == 0 || a->count == 1) return a->first;
    if (i == a->count - 1) return a->last;
    return a->first + (a->last - a->first) * ((double)i / (double)(a->count - 1));
}
