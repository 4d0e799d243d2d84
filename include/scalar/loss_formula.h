/* A loss that a user has given, as every device runs it: expression.h has its operations, host/expr/ makes it of a text. */
#ifndef CUSGD_SCALAR_LOSS_FORMULA_H
#define CUSGD_SCALAR_LOSS_FORMULA_H

#include "kinds.h"
#include <stdint.h>

enum {
    LOSS_OPERATIONS = 64, /* of a loss, and of a link */
    LOSS_PLACES = 16      /* results that a kernel has room for at a time */
};

/* An operand is the result of an operation, by its number, or one of these; OPERAND_NUMBER + i is number[i]. */
enum { OPERAND_P = LOSS_OPERATIONS, OPERAND_Y, OPERAND_NUMBER };

/* How the result of an operation depends on p: not at all, its derivatives being 0, which are not computed; with the derivatives
 * of its first operand, as p - y, which need not be computed; otherwise. */
typedef enum formula_varies { VARIES_NOT, VARIES_AS_A, VARIES } formula_varies;

/* Operations in order. Operands that an operation does not have are OPERAND_P. */
typedef struct formula_step {
    uint8_t op; /* expression_op */
    uint8_t a, b, c;
    uint8_t place;  /* of its result, where results that are needed no more give way to others */
    uint8_t varies; /* formula_varies */
} formula_step;

typedef struct formula_code {
    int32_t count, numbers;
    int32_t places; /* how many there are */
    int32_t result; /* an operand */
    formula_step step[LOSS_OPERATIONS];
    double number[LOSS_OPERATIONS];
} formula_code;

typedef struct loss_formula {
    formula_code loss, link; /* link.count is 0 where the mean is p itself */
    cusgd_loss kind;         /* what derivatives it has, and whether it is of p - y alone */
} loss_formula;

#endif
