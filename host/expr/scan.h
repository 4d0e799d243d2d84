/* The scanner of formulas, which reads one token ahead. */
#ifndef CUSGD_HOST_EXPR_SCAN_H
#define CUSGD_HOST_EXPR_SCAN_H

#include "expr/expression.h"

enum { END = 256, NUMBER, NAME, LESS_EQUAL, GREATER_EQUAL, EQUAL, NOT_EQUAL }; /* other tokens are single characters */

/* The counters of the enclosing sums and products. */
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
    cusgd_status status; /* status of the first failure; later ones set no message */
} parser;

/* Fails at a place of the text. Only the first failure sets a message; the scanner is then at the end of the text. Returns -1
 * instead of the number of an operation. */
__attribute__((format(printf, 3, 4))) int scan_wrong(parser *p, const char *at, const char *format, ...);
/* Fails because the program has no room for a further operation. Returns -1. */
int scan_wrong_size(parser *p);

int scan_is_digit(char c);
int scan_is_letter(char c);

/* Read the next token from `at`, or after the current one. */
void scan_advance_from(parser *p, const char *at);
void scan_advance(parser *p);
/* If the next token is of that kind, skips it and returns 1; otherwise returns 0. */
int scan_accept(parser *p, int kind);
/* Skips the next token, which must be of that kind. */
void scan_expect(parser *p, int kind);
int scan_starts_operand(const parser *p);
int scan_named(const token *t, const char *name);

#endif
