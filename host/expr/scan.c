/* The tokens of formulas, and messages that show where a formula is wrong. */
#include "expr/scan.h"

#include "data.h"
#include "failure.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

/* ---- Failures ------------------------------------------------------------------------------------------------------------ */

/* Writes the text around `at` on one line, and a mark below it. Characters of several bytes take one column. */
static void show_place(const parser *p, const char *at, char *line, size_t room)
{
    enum { AROUND = 60 };
    const char *from = at - p->text > AROUND ? at - AROUND : p->text;
    const char *to = p->end - at > AROUND ? at + AROUND : p->end;
    while (from > p->text && ((unsigned char)*from & 0xC0) == 0x80) from--;
    size_t used = 0;
    for (const char *c = from; c < to && used + 1 < room; c++) line[used++] = (char)((unsigned char)*c < ' ' ? ' ' : *c);
    if (used + 1 < room) line[used++] = '\n';
    for (const char *c = from; c < at && used + 2 < room; c++)
        if (((unsigned char)*c & 0xC0) != 0x80) line[used++] = ' ';
    if (used + 1 < room) line[used++] = '^';
    line[used] = '\0';
}

/* Fails at a place of the text. Returns -1 instead of the number of an operation. */
int scan_wrong(parser *p, const char *at, const char *format, ...)
{
    char said[256], line[512];
    va_list arguments;
    if (p->status) return -1;
    va_start(arguments, format);
    vsnprintf(said, sizeof said, format, arguments);
    va_end(arguments);
    show_place(p, at, line, sizeof line);
    p->status = fail(CUSGD_ERROR_USAGE, "formula, character %lld: %s\n%s", (long long)(at - p->text) + 1, said, line);
    p->next = (token){END, p->end, 0, 0};
    return -1;
}

int scan_wrong_size(parser *p)
{
    if (p->status) return -1;
    if (p->program->count < EXPRESSION_OPERATIONS) {
        p->status = fail_memory((size_t)p->program->count * sizeof(operation), "a formula");
        p->next = (token){END, p->end, 0, 0};
        return -1;
    }
    return scan_wrong(p, p->next.at, "the formula has more than %d operations", EXPRESSION_OPERATIONS);
}

/* ---- Tokens -------------------------------------------------------------------------------------------------------------- */

int scan_is_digit(char c) { return c >= '0' && c <= '9'; }
int scan_is_letter(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_'; }

/* Reads a number: 12, 1.5, .5, 1e-3. An e must be followed by digits, so that 2e is not a number. */
static void read_number(parser *p, const char *at)
{
    const char *end = at;
    while (end < p->end && scan_is_digit(*end)) end++;
    if (end < p->end && *end == '.')
        for (end++; end < p->end && scan_is_digit(*end);) end++;
    const char *digits = end + 1;
    if (end < p->end && (*end == 'e' || *end == 'E')) {
        if (digits < p->end && (*digits == '+' || *digits == '-')) digits++;
        if (digits < p->end && scan_is_digit(*digits)) {
            for (end = digits; end < p->end && scan_is_digit(*end);) end++;
        }
    }
    p->next = (token){NUMBER, at, (size_t)(end - at), 0};
    if (!number_parse(at, p->next.length, &p->next.number)) scan_wrong(p, at, "this is not a number");
}

static int two_characters(const parser *p, const char *at)
{
    if (at + 1 >= p->end || at[1] != '=') return 0;
    return *at == '<' ? LESS_EQUAL : *at == '>' ? GREATER_EQUAL : *at == '=' ? EQUAL : *at == '!' ? NOT_EQUAL : 0;
}

void scan_advance_from(parser *p, const char *at)
{
    if (p->status) return;
    if (++p->tokens > EXPRESSION_TOKENS) {
        scan_wrong(p, p->next.at, "the formula is too long once sum and prod are written out");
        return;
    }
    while (at < p->end && (*at == ' ' || *at == '\t' || *at == '\n' || *at == '\r')) at++;
    p->next = (token){END, at, 0, 0};
    if (at == p->end) return;
    if (scan_is_digit(*at) || (*at == '.' && at + 1 < p->end && scan_is_digit(at[1]))) {
        read_number(p, at);
    } else if (scan_is_letter(*at)) {
        const char *end = at;
        while (end < p->end && (scan_is_letter(*end) || scan_is_digit(*end))) end++;
        p->next = (token){NAME, at, (size_t)(end - at), 0};
    } else if (two_characters(p, at)) {
        p->next = (token){two_characters(p, at), at, 2, 0};
    } else if (*at == '*' && at + 1 < p->end && at[1] == '*') {
        scan_wrong(p, at, "a power is written with ^");
    } else if (strchr("+-*/^()<>?:,;", *at)) {
        p->next = (token){*at, at, 1, 0};
    } else {
        scan_wrong(p, at,
                   *at == '='   ? "an equation a = b is written a - b, and a comparison a == b"
                   : *at == '|' ? "an absolute value |a| is written abs(a)"
                   : *at == '.' ? "a function is written without a module or a method: abs(a), not torch.abs(a) or a.abs()"
                                : "this character does not belong in a formula");
    }
}

void scan_advance(parser *p) { scan_advance_from(p, p->next.at + p->next.length); }

int scan_accept(parser *p, int kind)
{
    if (p->next.kind != kind) return 0;
    scan_advance(p);
    return 1;
}

int scan_starts_operand(const parser *p) { return p->next.kind == NUMBER || p->next.kind == NAME || p->next.kind == '('; }

void scan_expect(parser *p, int kind)
{
    if (p->status || scan_accept(p, kind)) return;
    if (scan_starts_operand(p))
        scan_wrong(p, p->next.at, "an operator is missing before this; a product is written with *");
    else
        scan_wrong(p, p->next.at, "%c is missing here", kind);
}

int scan_named(const token *t, const char *name) { return strlen(name) == t->length && memcmp(name, t->at, t->length) == 0; }
