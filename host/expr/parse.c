/* The parser of formulas, by recursive descent, which generates a program directly. */
#include "expr/scan.h"

#include "failure.h"

#include "scalar/expression_op.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

static int parse_formula(parser *p);

static int add(parser *p, int op, int a, int b, int c)
{
    if (p->status) return -1;
    int made = program_add(p->program, op, a, b, c);
    return made >= 0 ? made : scan_wrong_size(p);
}

static int add_number(parser *p, double number)
{
    int made = program_number(p->program, number);
    return made >= 0 ? made : scan_wrong_size(p);
}

/* Enters a level of nesting. Returns 0 if it is too deep. */
static int enter(parser *p)
{
    if (p->depth < EXPRESSION_DEPTH) return ++p->depth;
    scan_wrong(p, p->next.at, "there are more than %d brackets, functions and signs inside each other here", EXPRESSION_DEPTH);
    return 0;
}

/* ---- Names --------------------------------------------------------------------------------------------------------------- */

typedef struct function_name {
    const char *name;
    int op;
} function_name;

static int function_find(const token *t)
{
#define FUNCTION_NAME(OP, NAME, ...) {NAME, EXPRESSION_##OP},
    static const function_name functions[] = {
        EXPRESSION_FUNCTIONS(FUNCTION_NAME){"pow", EXPRESSION_POWER_OF}, {"min", EXPRESSION_MIN}, {"max", EXPRESSION_MAX}};
#undef FUNCTION_NAME
    for (size_t i = 0; i < sizeof functions / sizeof functions[0]; i++)
        if (scan_named(t, functions[i].name)) return functions[i].op;
    return -1;
}

static int is_taken(const token *t)
{
    return function_find(t) >= 0 || scan_named(t, "pi") || scan_named(t, "sum") || scan_named(t, "prod");
}

static int new_variable(parser *p, const token *t)
{
    formula_names *n = p->names;
    if (t->length >= EXPRESSION_NAME) return scan_wrong(p, t->at, "a name has at most %d characters", EXPRESSION_NAME - 1);
    if (n->variables == EXPRESSION_NAMES) return scan_wrong(p, t->at, "there are more than %d variables", EXPRESSION_NAMES);
    memcpy(n->variable[n->variables], t->at, t->length);
    n->variable[n->variables][t->length] = '\0';
    int made = program_variable(p->program, n->variables++);
    return made >= 0 ? made : scan_wrong_size(p);
}

static int unknown(parser *p, const token *t)
{
    char list[160] = "";
    if (p->names->variables == 0) strcpy(list, "none");
    for (int i = 0; i < p->names->variables && strlen(list) + EXPRESSION_NAME + 4 < sizeof list; i++)
        snprintf(list + strlen(list), sizeof list - strlen(list), "%s%s", i ? ", " : "", p->names->variable[i]);
    return scan_wrong(p, t->at, "there is no name %.*s here; the variables are %s", t->length < 40 ? (int)t->length : 40, t->at,
                      list);
}

/* Resolves a name: a counter, the innermost first, a variable, a constant, pi, or a new variable. */
static int name_value(parser *p, const token *t)
{
    for (int i = p->counters - 1; i >= 0; i--)
        if (p->counter[i].length == t->length && memcmp(p->counter[i].name, t->at, t->length) == 0)
            return add_number(p, p->counter[i].value);
    for (int i = 0; i < p->names->variables; i++) {
        if (!scan_named(t, p->names->variable[i])) continue;
        int made = program_variable(p->program, i);
        return made >= 0 ? made : scan_wrong_size(p);
    }
    for (size_t i = 0; i < p->names->constants; i++) {
        if (!scan_named(t, p->names->constant[i])) continue;
        p->names->used[i] = 1;
        return add_number(p, p->names->value[i]);
    }
    if (scan_named(t, "pi")) return add_number(p, 3.14159265358979323846);
    if (is_taken(t)) return scan_wrong(p, t->at, "%.*s is a function: its arguments are missing", (int)t->length, t->at);
    return p->names->grows ? new_variable(p, t) : unknown(p, t);
}

/* ---- Functions ----------------------------------------------------------------------------------------------------------- */

/* Parses a call after the name and the bracket. */
static int parse_call(parser *p, const token *t, int op)
{
    int two = op == EXPRESSION_POWER_OF || op == EXPRESSION_MIN || op == EXPRESSION_MAX, arguments = 1;
    int value = parse_formula(p);
    for (; two && scan_accept(p, ','); arguments++) {
        const char *at = p->next.at;
        int other = parse_formula(p);
        if (op == EXPRESSION_POWER_OF && arguments == 2) return scan_wrong(p, at, "pow has two arguments");
        value = add(p, op, value, other, -1);
    }
    if (p->next.kind == ',') return scan_wrong(p, p->next.at, "%.*s has one argument", (int)t->length, t->at);
    if (two && arguments < 2 && !p->status)
        return scan_wrong(p, p->next.at, "%.*s has %s arguments", (int)t->length, t->at,
                          op == EXPRESSION_POWER_OF ? "two" : "at least two");
    scan_expect(p, ')');
    return two ? value : add(p, op, value, -1, -1);
}

/* Parses a bound of sum or prod. */
static double parse_bound(parser *p)
{
    const char *at = p->next.at;
    int bound = parse_formula(p);
    if (p->status) return 0;
    const operation *o = &p->program->at[bound];
    if (o->op != EXPRESSION_NUMBER || o->number != floor(o->number) || fabs(o->number) > 1e9) {
        scan_wrong(p, at, "a bound of sum and prod is a whole number, which no variable is in");
        return 0;
    }
    return o->number;
}

/* Parses sum(i, a, b, term) after the bracket. The term is parsed again for each i. If b < a the result is 0, or 1 for prod. */
static int parse_series(parser *p, int op)
{
    const token name = p->next;
    if (p->status || name.kind != NAME || is_taken(&name))
        return scan_wrong(p, name.at, "sum and prod begin with the name of a counter");
    if (p->counters == EXPRESSION_DEPTH) return scan_wrong(p, name.at, "there are too many counters");
    scan_advance(p);
    scan_expect(p, ',');
    double from = parse_bound(p);
    scan_expect(p, ',');
    double to = parse_bound(p);
    const token before = p->next;
    int total = -1;
    double neutral = op == EXPRESSION_ADD ? 0 : 1, constant = neutral; /* the sum or product of constant terms */
    scan_expect(p, ',');
    int64_t first = (int64_t)from, last = to < from ? first : (int64_t)to; /* once even for no terms */
    for (int64_t i = first; i <= last && !p->status; i++) {
        int mark = p->program->count;
        p->next = before;
        scan_advance(p);
        p->counter[p->counters++] = (counter){name.at, name.length, (double)i};
        int term = parse_formula(p);
        p->counters--;
        if (p->status || to < from) continue;
        double value = p->program->at[term].number;
        if (p->program->at[term].varies) {
            total = total < 0 ? term : add(p, op, total, term, -1);
        } else {
            constant = op == EXPRESSION_ADD ? constant + value : constant * value;
            program_rewind(p->program, mark);
        }
    }
    scan_expect(p, ')');
    if (p->status || (total >= 0 && constant == neutral)) return total;
    int number = add_number(p, constant);
    return total < 0 ? number : add(p, op, total, number, -1);
}

/* Fails for an unknown function. For functions of other languages, the message has the form to use here. */
static int wrong_function(parser *p, const token *t)
{
    static const struct {
        const char *name, *form;
    } foreign[] = {{"ln", "the natural logarithm is written log"},
                   {"fabs", "an absolute value is written abs(a)"},
                   {"power", "a power is written a^b"},
                   {"square", "a square is written a^2"},
                   {"mean", "a loss is of one row, and their mean is taken anyway: write a instead of mean(a)"},
                   {"relu", "relu(a) is written max(0, a)"},
                   {"clamp", "a limited to l .. h is written min(max(a, l), h)"},
                   {"clip", "a limited to l .. h is written min(max(a, l), h)"},
                   {"where", "where(c, a, b) is written c ? a : b"}};
    for (size_t i = 0; i < sizeof foreign / sizeof *foreign; i++)
        if (scan_named(t, foreign[i].name)) return scan_wrong(p, t->at, "%s", foreign[i].form);
    return scan_wrong(p, t->at, "there is no function %.*s; a product is written with *", t->length < 40 ? (int)t->length : 40,
                      t->at);
}

static int parse_name(parser *p)
{
    const token t = p->next;
    scan_advance(p);
    if (p->next.kind != '(') return name_value(p, &t);
    int op = function_find(&t);
    if (op < 0 && !scan_named(&t, "sum") && !scan_named(&t, "prod")) return wrong_function(p, &t);
    scan_advance(p);
    if (op >= 0) return parse_call(p, &t, op);
    return parse_series(p, scan_named(&t, "sum") ? EXPRESSION_ADD : EXPRESSION_MULTIPLY);
}

/* ---- Operators, from the tightest ---------------------------------------------------------------------------------------- */

static int parse_primary(parser *p)
{
    int value = -1;
    if (!enter(p)) return -1;
    if (p->next.kind == NUMBER) {
        value = add_number(p, p->next.number);
        scan_advance(p);
    } else if (p->next.kind == NAME) {
        value = parse_name(p);
    } else if (scan_accept(p, '(')) {
        value = parse_formula(p);
        scan_expect(p, ')');
    } else {
        scan_wrong(p, p->next.at,
                   p->next.kind == END ? "the formula ends where an operand is wanted" : "an operand is wanted here");
    }
    p->depth--;
    return value;
}

static int parse_signed(parser *p);

static int parse_power(parser *p)
{
    int base = parse_primary(p);
    if (p->next.kind != '^' || !enter(p)) return base;
    scan_advance(p);
    int exponent = parse_signed(p);
    p->depth--;
    return add(p, EXPRESSION_POWER_OF, base, exponent, -1);
}

static int parse_signed(parser *p)
{
    int minus = p->next.kind == '-', value;
    if (!minus && p->next.kind != '+') return parse_power(p);
    if (!enter(p)) return -1;
    scan_advance(p);
    value = parse_signed(p);
    p->depth--;
    return minus ? add(p, EXPRESSION_NEGATE, value, -1, -1) : value;
}

static int parse_product(parser *p)
{
    int value = parse_signed(p);
    while (!p->status && (p->next.kind == '*' || p->next.kind == '/')) {
        int op = p->next.kind == '*' ? EXPRESSION_MULTIPLY : EXPRESSION_DIVIDE;
        scan_advance(p);
        int other = parse_signed(p);
        value = add(p, op, value, other, -1);
    }
    if (!p->status && scan_starts_operand(p))
        return scan_wrong(p, p->next.at, "an operator is missing before this; a product is written with *");
    return value;
}

static int parse_sum(parser *p)
{
    int value = parse_product(p);
    while (!p->status && (p->next.kind == '+' || p->next.kind == '-')) {
        int op = p->next.kind == '+' ? EXPRESSION_ADD : EXPRESSION_SUBTRACT;
        scan_advance(p);
        int other = parse_product(p);
        value = add(p, op, value, other, -1);
    }
    return value;
}

static int comparison_op(int kind)
{
    switch (kind) {
    case '<': return EXPRESSION_LESS;
    case '>': return EXPRESSION_GREATER;
    case LESS_EQUAL: return EXPRESSION_LESS_EQUAL;
    case GREATER_EQUAL: return EXPRESSION_GREATER_EQUAL;
    case EQUAL: return EXPRESSION_EQUAL;
    case NOT_EQUAL: return EXPRESSION_NOT_EQUAL;
    default: return -1;
    }
}

static int parse_comparison(parser *p)
{
    int value = parse_sum(p), op = comparison_op(p->next.kind);
    if (p->status || op < 0) return value;
    scan_advance(p);
    int other = parse_sum(p);
    if (!p->status && comparison_op(p->next.kind) >= 0)
        return scan_wrong(p, p->next.at, "comparisons are not chained: write (a < b) * (b < c)");
    return add(p, op, value, other, -1);
}

static int parse_formula(parser *p)
{
    if (p->status || !enter(p)) return -1;
    int value = parse_comparison(p);
    if (!p->status && scan_accept(p, '?')) {
        int taken = parse_formula(p);
        scan_expect(p, ':');
        int other = parse_formula(p);
        value = add(p, EXPRESSION_SELECT, value, taken, other);
    }
    p->depth--;
    return p->status ? -1 : value;
}

/* ---- Names that the caller gives ----------------------------------------------------------------------------------------- */

static cusgd_status check_name(const char *name, const char *what)
{
    size_t letters = 0;
    while (scan_is_letter(name[letters]) || (letters > 0 && scan_is_digit(name[letters]))) letters++;
    const token t = {NAME, name, strlen(name), 0};
    if (t.length > 0 && letters == t.length && t.length < EXPRESSION_NAME && !is_taken(&t)) return CUSGD_OK;
    return fail(CUSGD_ERROR_USAGE,
                "\"%s\" cannot be the name of a %s: it is of at most %d letters, digits and _, and not that of a function", name,
                what, EXPRESSION_NAME - 1);
}

static cusgd_status check_names(const formula_names *n)
{
    cusgd_status status = CUSGD_OK;
    for (int v = 0; v < n->variables && !status; v++) {
        status = check_name(n->variable[v], "variable");
        for (int other = 0; other < v && !status; other++)
            if (strcmp(n->variable[v], n->variable[other]) == 0)
                status = fail(CUSGD_ERROR_USAGE, "the variable %s is given twice", n->variable[v]);
    }
    for (size_t i = 0; i < n->constants && !status; i++) {
        status = check_name(n->constant[i], "constant");
        if (!status && !isfinite(n->value[i]))
            status = fail(CUSGD_ERROR_USAGE, "the constant %s is not a finite number", n->constant[i]);
        for (int v = 0; v < n->variables && !status; v++)
            if (strcmp(n->constant[i], n->variable[v]) == 0)
                status = fail(CUSGD_ERROR_USAGE, "%s is a variable: it cannot be a constant too", n->constant[i]);
    }
    return status;
}

cusgd_status names_check_used(const formula_names *n)
{
    for (size_t i = 0; i < n->constants; i++)
        if (!n->used[i]) return fail(CUSGD_ERROR_USAGE, "the formula does not have the constant %s", n->constant[i]);
    return CUSGD_OK;
}

cusgd_status expression_parse(const char *text, formula_names *known, program *to)
{
    size_t length = strlen(text);
    if (length > EXPRESSION_TEXT)
        return fail(CUSGD_ERROR_USAGE, "the formula has %zu bytes, more than %d", length, EXPRESSION_TEXT);
    cusgd_status status = check_names(known);
    if (status) return status;
    parser p = {.text = text, .end = text + length, .names = known, .program = to};
    scan_advance_from(&p, text);
    do {
        if (to->results == EXPRESSION_RESULTS) {
            scan_wrong(&p, p.next.at, "there are more than %d formulas", EXPRESSION_RESULTS);
            break;
        }
        to->result[to->results++] = parse_formula(&p);
    } while (scan_accept(&p, ';'));
    if (!p.status && p.next.kind != END) scan_wrong(&p, p.next.at, "this does not belong here");
    return p.status ? p.status : program_close(to);
}
