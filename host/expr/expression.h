/* Expressions: a text becomes a program of operations, each of which has a place of its own for its value and derivatives; the
 * place of an operation is its number. Equal operations are there once, and those of numbers alone are numbers. */
#ifndef CUSGD_HOST_EXPR_EXPRESSION_H
#define CUSGD_HOST_EXPR_EXPRESSION_H

#include "cusgd_expression.h"

#include "scalar/kinds.h"

/* Limits, which messages name. */
enum {
    EXPRESSION_TEXT = 8192,       /* bytes of the text */
    EXPRESSION_DEPTH = 100,       /* brackets, functions and signs inside each other */
    EXPRESSION_OPERATIONS = 8192, /* of a program */
    EXPRESSION_TOKENS = 1 << 20,  /* read, those of a term of sum or prod as often as it is added */
    EXPRESSION_NAMES = 64,        /* variables, and constants */
    EXPRESSION_NAME = 32,         /* bytes of a name with its terminator */
    EXPRESSION_RESULTS = 64       /* formulas separated by semicolons */
};

/* How many points are evaluated at a time. */
enum { EXPRESSION_LANES = 32 };

typedef struct operation {
    int op;      /* expression_op */
    int a, b, c; /* operands, by their numbers; of a variable: a is which one */
    int varies;  /* 1: depends on a variable */
    double number;
} operation;

typedef struct program {
    operation *at;
    int count, room;
    int result[EXPRESSION_RESULTS];
    int results;
    int32_t *table; /* a hash table of the operations while the program is made, EXPRESSION_TABLE entries; then NULL */
} program;
enum { EXPRESSION_TABLE = 1 << 14 };

struct cusgd_expression {
    program program;
    char variable[EXPRESSION_NAMES][EXPRESSION_NAME];
    int variables;
};

/* program.c. Each adds an operation, or finds it, and returns its number, or -1 where there is no room: the program is then
 * useless. Stable forms are put in the place of log(cosh(x)) and log(1 + exp(x)), and products in that of small whole powers. */
int program_number(program *p, double number);
int program_variable(program *p, int which);
int program_add(program *p, int op, int a, int b, int c);
cusgd_status program_open(program *p);
void program_rewind(program *p, int count); /* the operations from number `count` on, which no other needs, are taken away */
cusgd_status program_close(program *p);     /* takes the hash table away, and what no result needs */
void program_free(program *p);

/* parse.c: a program's results from a text whose names are `known`. */
typedef struct formula_names {
    char (*variable)[EXPRESSION_NAME];
    int variables, grows; /* 1: an unknown name is a new variable */
    const char *const *constant;
    const double *value;
    unsigned char *used; /* of each constant: becomes 1 where the text has it */
    size_t constants;
} formula_names;
cusgd_status expression_parse(const char *text, formula_names *known, program *to);
/* USAGE where the texts that were read have not all of the constants: a name may be misspelled. */
cusgd_status names_check_used(const formula_names *known);

/* The value and derivatives of an operation at EXPRESSION_LANES points: by two directions, and by one after the other. */
typedef struct lanes {
    double value[EXPRESSION_LANES], one[EXPRESSION_LANES], two[EXPRESSION_LANES], both[EXPRESSION_LANES];
} lanes;

/* evaluate.c: forward mode. place: one of each operation, of which the caller has set those of variables. order 0: values; 1:
 * `one` too; 2: all. */
void expression_run(const program *p, int order, int points, lanes *place);
/* program.c: the value of one operation. */
double expression_fold(int op, double a, double b, double c);

/* reverse.c: reverse mode (Linnainmaa 1970): the derivatives of a result by all variables, after a run of order 0. adjoint: one
 * of each operation. */
void expression_reverse(const program *p, int result, const lanes *place, int lane, double *adjoint);

#endif
