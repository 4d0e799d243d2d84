/* What the parser of formulas reads: words of the text, one ahead. */
#ifndef CUSGD_HOST_EXPR_SCAN_H
#define CUSGD_HOST_EXPR_SCAN_H

#include "expr/expression.h"

enum { END = 256, NUMBER, NAME, LESS_EQUAL, GREATER_EQUAL, EQUAL, NOT_EQUAL }; /* other tokens are their character */

/* The counters of sum and prod that surround what is read. */
typedef struct counter {
    const char *name;
    size_t length;
    double value;
} counter;

typedef struct token {
    int kind;
    const char *at;
    size_t length;
    double number;
} token;

typedef struct parser {
    const char *text, *end;
    token next;
    formula_names *names;
    program *program;
    int depth, tokens, counters;
    counter counter[EXPRESSION_DEPTH];
    cusgd_status status; /* of the first failure; later ones say nothing */
} parser;

/* Fails at a place of the text; after the first failure nothing is said, and the text is at its end. Returns -1, the number of no
 * operation. */
__attribute__((format(printf, 3, 4))) int scan_wrong(parser *p, const char *at, const char *format, ...);
/* Likewise where the program has no room for an operation. */
int scan_wrong_size(parser *p);

int scan_is_digit(char c);
int scan_is_letter(char c);

/* The next word, from `at` and after the one that is next. */
void scan_advance_from(parser *p, const char *at);
void scan_advance(parser *p);
/* Whether the next word is of that kind; it is then passed. */
int scan_accept(parser *p, int kind);
/* Likewise; it is an error if it is not. */
void scan_expect(parser *p, int kind);
int scan_starts_operand(const parser *p);
int scan_named(const token *t, const char *name);

#endif
