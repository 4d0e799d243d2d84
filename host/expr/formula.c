/* Compiles a loss and a link from the texts of options. */
#include "expr/formula.h"

#include "data.h"
#include "failure.h"

#include <stdlib.h>
#include <string.h>

/* The parts of the option constant: NAME=VALUE,... */
typedef struct constants {
    char text[CUSGD_OPTION_TEXT];
    const char *name[EXPRESSION_NAMES];
    double value[EXPRESSION_NAMES];
    unsigned char used[EXPRESSION_NAMES]; /* 1: a formula uses it */
    size_t count;
} constants;

static cusgd_status take_constants(const char *text, constants *to)
{
    *to = (constants){.count = 0};
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

/* Compiles a formula of the first `variables` of p and y. */
static cusgd_status read_formula(const char *option, const char *text, int variables, constants *c, formula_code *out)
{
    char variable[2][EXPRESSION_NAME] = {"p", "y"};
    formula_names names = {.variable = variable,
                           .variables = variables,
                           .constant = c->name,
                           .value = c->value,
                           .used = c->used,
                           .constants = c->count};
    program p;
    cusgd_status status = program_open(&p);
    if (status) return status;
    status = expression_parse(text, &names, &p);
    if (status == CUSGD_ERROR_USAGE)
        fail_in(status, "--%s", option);
    else if (!status && p.results > 1)
        status = fail_option(option, "--%s is one formula, without a semicolon", option);
    else if (!status && p.count > LOSS_OPERATIONS)
        status = fail_option(option, "--%s has %d operations, equal ones counted once, and may have %d: simplify it", option,
                             p.count, LOSS_OPERATIONS);
    else if (!status)
        formula_encode(&p, out);
    program_free(&p);
    return status;
}

static int has_p(const formula_code *code)
{
    int has = code->result == OPERAND_P;
    for (int i = 0; i < code->count && !has; i++) {
        const formula_step *s = &code->step[i];
        int count = formula_operands(s->op);
        has = s->a == OPERAND_P || (count > 1 && s->b == OPERAND_P) || (count > 2 && s->c == OPERAND_P);
    }
    return has;
}

static cusgd_status read_formulas(const cusgd_options *o, loss_formula *f)
{
    constants c;
    cusgd_status status = take_constants(o->constants, &c);
    if (!status) status = read_formula("loss-expr", o->loss_expression, 2, &c, &f->loss);
    if (status) return status;
    if (!has_p(&f->loss))
        return fail_option("loss-expr", "--loss-expr \"%.200s\" does not depend on the prediction p: nothing would be learned",
                           o->loss_expression);
    if (*o->link) status = read_formula("link", o->link, 1, &c, &f->link);
    if (!status && *o->link && !has_p(&f->link))
        return fail_option("link", "--link \"%.200s\" does not depend on the prediction p", o->link);
    for (size_t i = 0; i < c.count && !status; i++)
        if (!c.used[i])
            status = fail_option("constant",
                                 *o->link ? "neither --loss-expr nor --link names the constant %s"
                                          : "--loss-expr does not name the constant %s",
                                 c.name[i]);
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

void loss_formula_free(loss_formula *f) { free(f); }
