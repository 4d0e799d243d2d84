/* Evaluates a formula in rows: forward mode with respect to p, one operation after another, in blocks of rows. It is compiled for
 * each precision and instruction set, with equal bits. */
#include "real.h"

#include "expr/loss.h"

#include "scalar/expression.h"

#include <string.h>

#ifndef FORMULA_ISA
#error "compile with -DFORMULA_ISA=baseline, avx2 or avx512"
#endif

#define VARIANT(name) REAL_NAME(NAMED(name), FORMULA_ISA)

enum {
    LANES = 256 / (int)sizeof(real), /* maximum number of rows at a time */
    ALIGNED = 64,                    /* bytes: accesses that cross cache lines take twice as long */
    BLOCK = ALIGNED / (int)sizeof(real)
};
static _Alignas(ALIGNED) const real zeros[LANES];
#define ONES 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1
static _Alignas(ALIGNED) const real ones[] = {ONES, ONES, ONES, ONES}; /* enough for LANES of float or double */
#undef ONES

/* Pointers to the value and derivatives of an operand in the rows. The derivatives may be the tables above or those of another
 * operand. */
typedef struct operand {
    const real *value, *one, *both;
} operand;

enum { OPERANDS = OPERAND_NUMBER + LOSS_OPERATIONS };
typedef struct workspace {
    const real *value[OPERANDS], *one[OPERANDS], *both[OPERANDS]; /* separate arrays, as each is used separately */
    _Alignas(ALIGNED) real number[LOSS_OPERATIONS][LANES];
    real room[2][LANES];
    real result[LOSS_OPERATIONS * 3 * LANES]; /* values of each operation, and the derivatives that the order requires */
} workspace;

static inline operand operand_of(const workspace *w, int i) { return (operand){w->value[i], w->one[i], w->both[i]}; }

static inline void set_operand(workspace *w, int i, const real *value, const real *one, const real *both)
{
    w->value[i] = value;
    w->one[i] = one;
    w->both[i] = both;
}

#define INLINED   static inline __attribute__((always_inline)) void
#define FLATTENED static __attribute__((flatten)) void /* loops with calls are not vectorized */

/* Runs one operation in each row; callers pass constants for `op` and `order`. All operands are read, so that the loop has no
 * branch. */
INLINED run(int op, int order, int count, operand a, operand b, operand c, real *restrict o)
{
    for (int i = 0; i < count; i++) {
        struct hyper_dual x = {a.value[i], a.one[i], a.one[i], a.both[i]}, y = {b.value[i], b.one[i], b.one[i], b.both[i]},
                          z = {c.value[i], c.one[i], c.one[i], c.both[i]};
        struct hyper_dual r = operation_at(op, order, x, y, z);
        o[i] = r.value;
        if (order >= 1) o[LANES + i] = r.one;
        if (order >= 2) o[2 * LANES + i] = r.both;
    }
}

#define VALUE_CASE(OP, ...)                         \
    case EXPRESSION_##OP:                           \
        run(EXPRESSION_##OP, 0, count, a, b, c, o); \
        break;
#define RUN_CASE(OP, ...) \
    case EXPRESSION_##OP: run(EXPRESSION_##OP, order, count, a, b, c, o); break;

static __attribute__((noinline)) void run_any_value(int op, int count, operand a, operand b, operand c, real *o)
{
    switch ((expression_op)op) {
        EXPRESSION_ARITHMETIC(VALUE_CASE)
        EXPRESSION_COMPARISONS(VALUE_CASE)
    case EXPRESSION_NUMBER:
    case EXPRESSION_VARIABLE: break;
    }
}

/* Computes a value whose derivatives are those of another operand, or 0. */
INLINED run_value(int op, int count, operand a, operand b, operand c, real *o)
{
    switch (op) {
        VALUE_CASE(ADD)
        VALUE_CASE(SUBTRACT)
        EXPRESSION_COMPARISONS(VALUE_CASE)
    default: run_any_value(op, count, a, b, c, o); break;
    }
}

INLINED run_derivatives(int op, int order, int count, operand a, operand b, operand c, real *o)
{
    if (op == EXPRESSION_MULTIPLY && a.value == b.value) { /* a square loads its operand once */
        run(EXPRESSION_MULTIPLY, order, count, a, a, c, o);
        return;
    }
    switch (op) {
        EXPRESSION_ARITHMETIC(RUN_CASE)
    default: break;
    }
}
#undef VALUE_CASE
#undef RUN_CASE

INLINED set_numbers(const formula_code *code, int count, workspace *w)
{
    for (int k = 0; k < code->numbers; k++) {
        real number = (real)code->number[k];
        for (int i = 0; i < count; i++) w->number[k][i] = number;
        set_operand(w, OPERAND_NUMBER + k, w->number[k], zeros, zeros);
    }
}

INLINED run_all(const formula_code *code, int order, int count, workspace *w)
{
    set_numbers(code, count, w);
    for (int k = 0; k < code->count; k++) {
        const formula_step *s = &code->step[k];
        operand a = operand_of(w, s->a), b = operand_of(w, s->b), c = operand_of(w, s->c);
        real *o = w->result + k * (order + 1) * LANES;
        if (s->varies == VARIES) {
            set_operand(w, k, o, o + LANES, o + 2 * LANES);
            run_derivatives(s->op, order, count, a, b, c, o);
        } else {
            set_operand(w, k, o, s->varies ? a.one : zeros, s->varies ? a.both : zeros);
            run_value(s->op, count, a, b, c, o);
        }
    }
}

static void run_values(const formula_code *code, int count, workspace *w)
{
    set_numbers(code, count, w);
    for (int k = 0; k < code->count; k++) {
        const formula_step *s = &code->step[k];
        real *o = w->result + k * LANES;
        run_any_value(s->op, count, operand_of(w, s->a), operand_of(w, s->b), operand_of(w, s->c), o);
        set_operand(w, k, o, zeros, zeros);
    }
}

/* Run a multiple of BLOCK rows, so that loops need no remainder; other numbers of rows are rounded up, because these loops are
 * faster. */
FLATTENED run_first(const formula_code *code, int count, workspace *w) { run_all(code, 1, count & -BLOCK, w); }
FLATTENED run_full(const formula_code *code, workspace *w) { run_all(code, 1, LANES, w); }
static void run_second(const formula_code *code, int count, workspace *w) { run_all(code, 2, count, w); }

static int whole_blocks(int count) { return (count + BLOCK - 1) & -BLOCK; }

static void set_variables(const real *p, const real *y, workspace *w)
{
    set_operand(w, OPERAND_P, p, ones, zeros);
    set_operand(w, OPERAND_Y, y ? y : zeros, zeros, zeros);
}

/* Computes values and first derivatives. */
static void rows_first(const formula_code *code, int count, const real *p, const real *y, workspace *w)
{
    const real *from[2] = {p, y ? y : zeros};
    int whole = whole_blocks(count);
    for (int i = 0; i < 2 && count < whole; i++) {
        for (int l = 0; l < whole; l++) w->room[i][l] = from[i][l < count ? l : 0];
        from[i] = w->room[i];
    }
    set_variables(from[0], from[1], w);
    if (whole == LANES)
        run_full(code, w);
    else
        run_first(code, whole, w);
}

/* Runs up to LANES rows. */
static void run_rows(const formula_code *code, int order, int count, const real *p, const real *y, workspace *w)
{
    if (order == 1) {
        rows_first(code, count, p, y, w);
        return;
    }
    set_variables(p, y, w);
    if (order == 0)
        run_values(code, count, w);
    else
        run_second(code, count, w);
}

/* Copies rows in whole blocks and in fours, because a copy of a variable length takes as long as three operations. */
INLINED give_rows(int count, const real *from, real *to)
{
    enum { FOUR = 4 };
    int i = 0;
    for (; i + BLOCK <= count; i += BLOCK)
#pragma GCC unroll 16
        for (int l = 0; l < BLOCK; l++) to[i + l] = from[i + l];
    for (; i + FOUR <= count; i += FOUR) memcpy(to + i, from + i, sizeof(real) * FOUR);
    for (; i < count; i++) to[i] = from[i];
}

void VARIANT(formula_rows)(const formula_code *code, int count, const real *p, const real *y, real *value, real *derivative,
                           real *curvature)
{
    workspace w;
    int order = curvature ? 2 : derivative ? 1 : 0;
    for (int first = 0, some; first < count; first += some) {
        some = count - first < LANES ? count - first : LANES;
        run_rows(code, order, some, p + first, y ? y + first : NULL, &w);
        operand result = operand_of(&w, code->result);
        give_rows(some, result.value, value + first);
        if (order >= 1) give_rows(some, result.one, derivative + first);
        if (order >= 2) give_rows(some, result.both, curvature + first);
    }
}

void VARIANT(loss_formula_rows)(const loss_formula *f, int count, const real *p, const real *y, real *value, real *derivative,
                                real *curvature)
{
    VARIANT(formula_rows)(&f->loss, count, p, y, value, derivative, curvature);
}
