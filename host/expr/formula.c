/* A loss and a link from the texts of options. */
#include "expr/formula.h"

typedef double real;

#include "data.h"
#include "expr/loss.h"
#include "failure.h"

#include "scalar/expression_op.h"

#include <stdlib.h>
#include <string.h>

/* The option constant, taken apart: NAME=VALUE,... */
typedef struct constants {
    char text[CUSGD_OPTION_TEXT];
    const char *name[EXPRESSION_NAMES];
    double value[EXPRESSION_NAMES];
    size_t count;
} constants;

static cusgd_status take_constants(const char *text, constants *to)
{
    to->count = 0;
    strcpy(to->text, text);
    for (char *at = to->text, *next; *at; at = next) {
        char *equals = strchr(at, '=');
        next = at + strcspn(at, ",");
        if (*next) *next++ = '\0';
        if (to->count == EXPRESSION_NAMES) return fail_option("constant", "there are more than %d constants", EXPRESSION_NAMES);
        if (!equals || !number_parse(equals + 1, strlen(equals + 1), &to->value[to->count]))
            return fail_option("constant", "constant must be NAME=X, not \"%.60s\"", at);
        *equals = '\0';
        to->name[to->count++] = at;
    }
    return CUSGD_OK;
}

/* One formula of the first `variables` of p and y. */
static cusgd_status read_formula(const char *option, const char *text, int variables, const constants *c, program *out)
{
    char variable[2][EXPRESSION_NAME] = {"p", "y"};
    formula_names names = {
        .variable = variable, .variables = variables, .constant = c->name, .value = c->value, .constants = c->count};
    cusgd_status status = program_open(out);
    if (!status) status = expression_parse(text, &names, out);
    if (status) return status == CUSGD_ERROR_USAGE ? fail_in(status, "--%s", option) : status;
    if (out->results > 1) return fail_option(option, "--%s is one formula, without a semicolon", option);
    if (out->count > LOSS_OPERATIONS)
        return fail_option(option, "--%s has %d operations, equal ones counted once, and may have %d: simplify it", option,
                           out->count, LOSS_OPERATIONS);
    return CUSGD_OK;
}

/* The number of the operation that is a variable, or -1. */
static int variable_place(const program *p, int which)
{
    for (int i = 0; i < p->count; i++)
        if (p->at[i].op == EXPRESSION_VARIABLE && p->at[i].a == which) return i;
    return -1;
}

static cusgd_status read_formulas(const cusgd_options *o, loss_formula *f)
{
    constants c;
    cusgd_status status = take_constants(o->constants, &c);
    if (!status) status = read_formula("loss-expr", o->loss_expression, 2, &c, &f->loss);
    if (status) return status;
    f->p = variable_place(&f->loss, 0);
    f->y = variable_place(&f->loss, 1);
    if (f->p < 0)
        return fail_option("loss-expr", "--loss-expr \"%.200s\" does not depend on the prediction p: nothing would be learned",
                           o->loss_expression);
    if (*o->link) status = read_formula("link", o->link, 1, &c, &f->link);
    if (!status && *o->link && variable_place(&f->link, 0) < 0)
        return fail_option("link", "--link \"%.200s\" does not depend on the prediction p", o->link);
    return status ? status : loss_formula_study(f);
}

cusgd_status loss_formula_open(const cusgd_options *options, loss_formula **out)
{
    *out = NULL;
    if (!loss_is_expression(options->loss)) return CUSGD_OK;
    loss_formula *f = allocate_zeroed(1, sizeof *f);
    if (!f) return fail_memory(sizeof *f, "a loss");
    cusgd_status status = read_formulas(options, f);
    if (status)
        loss_formula_free(f);
    else
        *out = f;
    return status;
}

void loss_formula_free(loss_formula *f)
{
    if (!f) return;
    program_free(&f->loss);
    program_free(&f->link);
    free(f);
}

double loss_formula_mean(const loss_formula *f, double p)
{
    lanes place[LOSS_OPERATIONS];
    if (f->link.count == 0) return p;
    int at = variable_place(&f->link, 0);
    place[at].value[0] = p;
    expression_run_double_baseline(&f->link, 0, 1, place);
    return place[f->link.result[0]].value[0];
}
