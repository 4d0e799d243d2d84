/* Compiles programs to the code that devices run. */
#include "expr/formula.h"

#include "scalar/expression_op.h"

int formula_operands(int op)
{
    switch ((expression_op)op) {
    case EXPRESSION_NUMBER:
    case EXPRESSION_VARIABLE: return 0;
    case EXPRESSION_SELECT: return 3;
    case EXPRESSION_ADD:
    case EXPRESSION_SUBTRACT:
    case EXPRESSION_MULTIPLY:
    case EXPRESSION_SCALE:
    case EXPRESSION_DIVIDE:
    case EXPRESSION_SHARE:
    case EXPRESSION_POWER:
    case EXPRESSION_POWER_OF:
    case EXPRESSION_MIN:
    case EXPRESSION_MAX: return 2;
    default: return operation_is_comparison(op) ? 2 : 1;
    }
}

static int operand_varies(const formula_code *code, int i)
{
    return i == OPERAND_P || (i < OPERAND_P && code->step[i].varies != VARIES_NOT);
}

/* A sum or difference whose second operand does not depend on p has the derivatives of the first. */
static formula_varies step_varies(const formula_code *code, const formula_step *s, int operands)
{
    const int all[] = {s->a, s->b, s->c};
    int varies = 0;
    for (int i = 0; i < operands; i++) varies |= operand_varies(code, all[i]);
    if (!varies || operation_is_comparison(s->op)) return VARIES_NOT;
    if ((s->op == EXPRESSION_ADD || s->op == EXPRESSION_SUBTRACT) && !operand_varies(code, s->b)) return VARIES_AS_A;
    return VARIES;
}

/* Adds an operation of a program. operand: the numbers of its operands in the code. */
static uint8_t encode_step(const operation *o, const uint8_t *operand, formula_code *to)
{
    formula_step s = {.op = (uint8_t)o->op, .a = OPERAND_P, .b = OPERAND_P, .c = OPERAND_P};
    int count = formula_operands(o->op);
    if (count > 0) s.a = operand[o->a];
    if (count > 1) s.b = operand[o->b];
    if (count > 2) s.c = operand[o->c];
    s.varies = (uint8_t)step_varies(to, &s, count);
    to->step[to->count] = s;
    return (uint8_t)to->count++;
}

/* Finds the last operation that needs the result of each operation. Results of the code are needed after all operations. */
static void find_ends(const formula_code *code, int *end)
{
    for (int i = 0; i < code->count; i++) {
        const formula_step *s = &code->step[i];
        const int operands[] = {s->a, s->b, s->c};
        end[i] = i;
        for (int k = 0; k < 3; k++)
            if (operands[k] < OPERAND_P) end[operands[k]] = i;
    }
    if (code->result < OPERAND_P) end[code->result] = code->count;
}

/* Assigns each result to the first free place. An operation may use the place of its operand, which it reads before. */
static void choose_places(formula_code *code)
{
    int end[LOSS_OPERATIONS], free_from[LOSS_OPERATIONS] = {0}; /* the operation from which a place is free */
    find_ends(code, end);
    for (int i = 0; i < code->count; i++) {
        int place = 0;
        while (free_from[place] > i) place++;
        free_from[place] = end[i];
        code->step[i].place = (uint8_t)place;
        if (place >= code->places) code->places = place + 1;
    }
}

void formula_encode(const program *p, formula_code *to)
{
    uint8_t operand[LOSS_OPERATIONS] = {0};
    *to = (formula_code){0};
    for (int i = 0; i < p->count; i++) {
        const operation *o = &p->at[i];
        if (o->op == EXPRESSION_NUMBER) {
            to->number[to->numbers] = o->number;
            operand[i] = (uint8_t)(OPERAND_NUMBER + to->numbers++);
        } else if (o->op == EXPRESSION_VARIABLE) {
            operand[i] = o->a == 0 ? OPERAND_P : OPERAND_Y;
        } else {
            operand[i] = encode_step(o, operand, to);
        }
    }
    to->result = operand[p->result[0]];
    choose_places(to);
}
