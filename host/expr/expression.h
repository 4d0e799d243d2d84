/* Expressions: a text is compiled to a program of numbered operations. Each operation has a place for its value and derivatives,
 * which has the number of the operation. Equal operations are joined, and operations on constants are folded. */
#ifndef CUSGD_HOST_EXPR_EXPRESSION_H
#define CUSGD_HOST_EXPR_EXPRESSION_H

#include "cusgd_expression.h"

#include "scalar/kinds.h"

/* Limits of formulas, which messages mention. */
enum {
    EXPRESSION_TEXT = 8192,       /* bytes of the text */
    EXPRESSION_DEPTH = 100,       /* brackets, functions and signs inside each other */
    EXPRESSION_OPERATIONS = 8192, /* of a program */
    EXPRESSION_TOKENS = 1 << 20,  /* tokens that are read; those of a term of sum or prod count as often as it is added */
    EXPRESSION_NAMES = 64,        /* variables, and constants */
    EXPRESSION_NAME = 32,         /* bytes of a name with its terminator */
    EXPRESSION_RESULTS = 64       /* formulas separated by semicolons */
};

/* The number of points that are evaluated at a time. */
enum { EXPRESSION_LANES = 32 };

typedef struct operation {
    int op;      /* expression_op */
    int a, b, c; /* numbers of the operands; for a variable, a is its index */
    int varies;  /* 1: depends on a variable */
    double number;
} operation;

typedef struct program {
    operation *at;
    int count, room;
    int result[EXPRESSION_RESULTS];
    int results;
    int32_t *table; /* hash table of the operations during compilation, EXPRESSION_TABLE entries; then NULL */
} program;
enum { EXPRESSION_TABLE = 1 << 14 };

struct cusgd_expression {
    program program;
    char variable[EXPRESSION_NAMES][EXPRESSION_NAME];
    int variables;
};

/* program.c. Each function adds an operation or finds an equal one, and returns its number, or -1 if there is no room; the
 * program is then invalid. log(cosh(x)) and log(1 + exp(x)) are replaced by stable forms, and small integer powers by
 * products. */
int program_number(program *p, double number);
int program_variable(program *p, int which);
int program_add(program *p, int op, int a, int b, int c);
cusgd_status program_open(program *p);
void program_rewind(program *p, int count); /* removes the operations from number `count` on, which no other operation needs */
cusgd_status program_close(program *p);     /* frees the hash table, and removes operations that no result needs */
void program_free(program *p);

/* parse.c. The names in a formula, for compiling a text to the results of a program. */
typedef struct formula_names {
    char (*variable)[EXPRESSION_NAME];
    int variables, grows; /* 1: an unknown name is a new variable */
    const char *const *constant;
    const double *value;
    unsigned char *used; /* one per constant: becomes 1 if the text uses it */
    size_t constants;
} formula_names;
cusgd_status expression_parse(const char *text, formula_names *known, program *to);
/* Fails with USAGE if a constant is not used in the texts, because its name may be misspelled. */
cusgd_status names_check_used(const formula_names *known);

/* The value and derivatives of an operation at EXPRESSION_LANES points: with respect to two variables, and the mixed second
 * derivative. */
typedef struct lanes {
    double value[EXPRESSION_LANES], one[EXPRESSION_LANES], two[EXPRESSION_LANES], both[EXPRESSION_LANES];
} lanes;

/* evaluate.c. Forward mode. place: one per operation; the caller sets those of variables. order 0: values; 1: also `one`; 2:
 * all. */
void expression_run(const program *p, int order, int points, lanes *place);
/* Returns the value of one operation on constants. */
double expression_fold(int op, double a, double b, double c);

/* reverse.c. Reverse mode (Linnainmaa 1970): computes the derivatives of a result with respect to all variables, after a run of
 * order 0. adjoint: one per operation. */
void expression_reverse(const program *p, int result, const lanes *place, int lane, double *adjoint);

#endif
