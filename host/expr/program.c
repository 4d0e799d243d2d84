/* Programs: operations are joined, folded and replaced by stable forms when they are added. */
#include "expr/expression.h"

#include "failure.h"

#include "scalar/expression_op.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

cusgd_status program_open(program *p)
{
    *p = (program){.room = 64};
    p->at = allocate((size_t)p->room, sizeof *p->at);
    p->table = allocate(EXPRESSION_TABLE, sizeof *p->table);
    if (!p->at || !p->table) {
        program_free(p);
        return fail_memory(EXPRESSION_TABLE * sizeof *p->table, "an expression");
    }
    for (int i = 0; i < EXPRESSION_TABLE; i++) p->table[i] = -1;
    return CUSGD_OK;
}

void program_free(program *p)
{
    free(p->at);
    free(p->table);
    *p = (program){0};
}

/* 0 and -0 differ; a NaN is equal to itself. */
static uint64_t bits_of(double number)
{
    uint64_t bits;
    memcpy(&bits, &number, sizeof bits);
    return bits;
}

static uint64_t hash_of(const operation *o)
{
    uint64_t bits = bits_of(o->number), parts[4] = {(uint64_t)o->op, (uint64_t)o->a + 1, (uint64_t)o->b + 1, (uint64_t)o->c + 1};
    for (int i = 0; i < 4; i++) bits = (bits ^ parts[i]) * UINT64_C(0x9E3779B97F4A7C15), bits ^= bits >> 29;
    return bits;
}

static int is_same(const operation *x, const operation *y)
{
    return x->op == y->op && x->a == y->a && x->b == y->b && x->c == y->c && bits_of(x->number) == bits_of(y->number);
}

/* Returns the number of an equal operation, which is added if there is none. */
static int intern(program *p, operation o)
{
    size_t slot = hash_of(&o) % EXPRESSION_TABLE;
    for (; p->table[slot] >= 0; slot = (slot + 1) % EXPRESSION_TABLE)
        if (is_same(&p->at[p->table[slot]], &o)) return p->table[slot];
    if (p->count == EXPRESSION_OPERATIONS) return -1;
    if (p->count == p->room) {
        operation *longer = realloc(p->at, 2 * (size_t)p->room * sizeof *longer);
        if (!longer) return -1;
        p->at = longer;
        p->room *= 2;
    }
    p->at[p->count] = o;
    return p->table[slot] = p->count++;
}

/* Operations are removed from the table in reverse order, so that the others are still found. */
void program_rewind(program *p, int count)
{
    while (p->count > count) {
        p->count--;
        size_t slot = hash_of(&p->at[p->count]) % EXPRESSION_TABLE;
        while (p->table[slot] != p->count) slot = (slot + 1) % EXPRESSION_TABLE;
        p->table[slot] = -1;
    }
}

int program_number(program *p, double number)
{
    return intern(p, (operation){.op = EXPRESSION_NUMBER, .a = -1, .b = -1, .c = -1, .number = number});
}

int program_variable(program *p, int which)
{
    return intern(p, (operation){.op = EXPRESSION_VARIABLE, .a = which, .b = -1, .c = -1, .varies = 1});
}

static int is_number(const program *p, int i) { return p->at[i].op == EXPRESSION_NUMBER; }
static int is_value(const program *p, int i, double value) { return is_number(p, i) && p->at[i].number == value; }

/* a^n for n up to 4 as products, which are faster and have no log in their derivatives. */
static int small_power(program *p, int a, int n)
{
    int square = n >= 2 ? program_add(p, EXPRESSION_MULTIPLY, a, a, -1) : a;
    if (square < 0 || n <= 2) return square;
    return program_add(p, EXPRESSION_MULTIPLY, square, n == 3 ? a : square, -1);
}

/* Returns x if the operation is log(1 + exp(x)) or log1p(exp(x)), which is softplus(x); otherwise -1. */
static int softplus_argument(const program *p, int op, int a)
{
    const operation *inner = &p->at[a];
    if (op == EXPRESSION_LOG1P) return inner->op == EXPRESSION_EXP ? inner->a : -1;
    if (op != EXPRESSION_LOG || inner->op != EXPRESSION_ADD) return -1;
    if (is_value(p, inner->a, 1) && p->at[inner->b].op == EXPRESSION_EXP) return p->at[inner->b].a;
    if (is_value(p, inner->b, 1) && p->at[inner->a].op == EXPRESSION_EXP) return p->at[inner->a].a;
    return -1;
}

/* Returns whether a number is a power of two whose reciprocal neither overflows nor is subnormal: multiplying by it is faster
 * than dividing, with the same bits. */
static int has_exact_reciprocal(const program *p, int i)
{
    int exponent;
    return is_number(p, i) && fabs(frexp(p->at[i].number, &exponent)) == 0.5 && abs(exponent) < 100;
}

/* Returns the number of a better operation with the same value, or -1. */
static int stable_form(program *p, int op, int a, int b)
{
    int inside = softplus_argument(p, op, a);
    if (inside >= 0) return program_add(p, EXPRESSION_SOFTPLUS, inside, -1, -1);
    if (op == EXPRESSION_LOG && p->at[a].op == EXPRESSION_COSH) return program_add(p, EXPRESSION_LOGCOSH, p->at[a].a, -1, -1);
    if (op == EXPRESSION_MULTIPLY && is_number(p, a)) return program_add(p, EXPRESSION_SCALE, b, a, -1);
    if (op == EXPRESSION_MULTIPLY && is_number(p, b)) return program_add(p, EXPRESSION_SCALE, a, b, -1);
    if (op == EXPRESSION_DIVIDE && has_exact_reciprocal(p, b))
        return program_add(p, EXPRESSION_SCALE, a, program_number(p, 1 / p->at[b].number), -1);
    if (op == EXPRESSION_DIVIDE && is_number(p, b)) return program_add(p, EXPRESSION_SHARE, a, b, -1);
    if (op == EXPRESSION_POWER_OF && is_number(p, b)) {
        double n = p->at[b].number;
        if (n == 0) return program_number(p, 1);
        if (n == 1 || n == 2 || n == 3 || n == 4) return small_power(p, a, (int)n);
        return program_add(p, EXPRESSION_POWER, a, b, -1);
    }
    return -1;
}

int program_add(program *p, int op, int a, int b, int c)
{
    int operands[3] = {a, b, c}, varies = 0;
    double value[3] = {0, 0, 0};
    for (int i = 0; i < 3; i++) {
        if (operands[i] < 0) continue;
        varies |= p->at[operands[i]].varies;
        value[i] = p->at[operands[i]].number;
    }
    if (!varies) return program_number(p, expression_fold(op, value[0], value[1], value[2]));
    if (op == EXPRESSION_SELECT && is_number(p, a)) return value[0] != 0 ? b : c;
    int better = stable_form(p, op, a, b);
    if (better >= 0) return better;
    if ((op == EXPRESSION_ADD || op == EXPRESSION_MULTIPLY) && a > b) { /* canonical order, which does not affect the bits */
        operands[0] = b;
        operands[1] = a;
    }
    return intern(p, (operation){op, operands[0], operands[1], operands[2], varies, 0});
}

cusgd_status program_close(program *p)
{
    free(p->table);
    p->table = NULL;
    int32_t kept = 0, *place = allocate((size_t)p->count, sizeof *place);
    if (!place) return fail_memory((size_t)p->count * sizeof *place, "a formula");
    for (int i = 0; i < p->count; i++) place[i] = 0;
    for (int r = 0; r < p->results; r++) place[p->result[r]] = 1;
    for (int i = p->count - 1; i >= 0; i--) {
        const operation *o = &p->at[i];
        if (!place[i] || o->op == EXPRESSION_VARIABLE) continue;
        if (o->a >= 0) place[o->a] = 1;
        if (o->b >= 0) place[o->b] = 1;
        if (o->c >= 0) place[o->c] = 1;
    }
    for (int i = 0; i < p->count; i++) {
        operation o = p->at[i];
        if (!place[i]) continue;
        if (o.op != EXPRESSION_VARIABLE && o.a >= 0) o.a = place[o.a];
        if (o.b >= 0) o.b = place[o.b];
        if (o.c >= 0) o.c = place[o.c];
        place[i] = kept;
        p->at[kept++] = o;
    }
    for (int r = 0; r < p->results; r++) p->result[r] = place[p->result[r]];
    p->count = kept;
    free(place);
    return CUSGD_OK;
}
