/* Decimal numbers without the locale and, in the usual case, without strtod. */
#include "data.h"

#include <float.h>
#include <stdio.h>
#include <stdlib.h>

/* A number's value depends on its first 767 significant digits and on whether anything follows them: that is how many the longest
 * point halfway between two doubles has. */
enum { DIGITS_MOST = 768 };

/* 0.d1 d2 d3 ... or d1 d2 d3 ... scaled: what is left of a spelling when its point and leading zeros are gone. */
typedef struct decimal {
    const char *first, *end; /* from the first significant digit to the end of the digits, a point perhaps between */
    uint64_t head;           /* the first 19 significant digits */
    int64_t digits;          /* significant ones in all */
    int64_t exponent;        /* the value is (all digits) 10^exponent */
} decimal;

static int is_digit(char c) { return c >= '0' && c <= '9'; }

/* Reads digits with at most one point among them. Returns the place after them, NULL if there is no digit. */
static const char *read_digits(const char *at, const char *end, decimal *d)
{
    const char *start = at, *point = NULL;
    for (; at < end; at++) {
        unsigned digit = (unsigned)(unsigned char)*at - '0';
        if (digit <= 9) {
            if (d->digits == 0 && digit == 0) continue;
            if (d->digits == 0) d->first = at;
            if (d->digits < 19) d->head = d->head * 10 + digit;
            d->digits++;
        } else if (*at == '.' && !point) {
            point = at;
        } else {
            break;
        }
    }
    d->end = at;
    if (point) d->exponent = -(at - point - 1);
    return at - start > (point != NULL) ? at : NULL;
}

/* Reads e, a sign perhaps, and digits. */
static const char *read_exponent(const char *at, const char *end, decimal *d)
{
    at++;
    int negative = at < end && *at == '-';
    if (at < end && (*at == '-' || *at == '+')) at++;
    if (at == end) return NULL;
    int64_t exponent = 0;
    for (; at < end && is_digit(*at); at++) {
        if (exponent < INT64_C(1000000000000)) exponent = exponent * 10 + (*at - '0');
    }
    d->exponent += negative ? -exponent : exponent;
    return at;
}

/* Spells the number anew as digits and an exponent, which strtod reads alike in every locale. */
static double decimal_by_strtod(const decimal *d)
{
    char text[DIGITS_MOST + 32];
    int kept = 0, rest = 0;
    for (const char *at = d->first; at < d->end; at++) {
        if (*at == '.') continue;
        if (kept < DIGITS_MOST)
            text[kept++] = *at;
        else
            rest |= *at != '0';
    }
    int64_t exponent = d->exponent + (d->digits - kept);
    if (rest) {
        text[kept++] = '1';
        exponent--;
    }
    if (exponent > 9999) exponent = 9999; /* far beyond what DIGITS_MOST digits can make up for */
    if (exponent < -9999) exponent = -9999;
    snprintf(text + kept, sizeof text - (size_t)kept, "e%d", (int)exponent);
    return strtod(text, NULL);
}

static double decimal_value(const decimal *d)
{
    static const double power[] = {1e0,  1e1,  1e2,  1e3,  1e4,  1e5,  1e6,  1e7,  1e8,  1e9,  1e10, 1e11,
                                   1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22};
    if (d->digits == 0) return 0;
    /* Both are exact in double, and one operation rounds once (Clinger 1990). */
    if (FLT_EVAL_METHOD == 0 && d->digits <= 19 && d->head <= (UINT64_C(1) << 53) && d->exponent >= -22 && d->exponent <= 22)
        return d->exponent < 0 ? (double)d->head / power[-d->exponent] : (double)d->head * power[d->exponent];
    return decimal_by_strtod(d);
}

int number_parse(const char *text, size_t length, double *value)
{
    const char *at = text, *end = text + length;
    while (at < end && (*at == ' ' || *at == '\t')) at++;
    while (at < end && (end[-1] == ' ' || end[-1] == '\t')) end--;
    int negative = at < end && *at == '-';
    if (at < end && (*at == '-' || *at == '+')) at++;

    decimal d = {.first = end, .end = end};
    at = read_digits(at, end, &d);
    if (at && at < end && (*at == 'e' || *at == 'E')) at = read_exponent(at, end, &d);
    if (at != end) return 0;
    double magnitude = decimal_value(&d);
    *value = negative ? -magnitude : magnitude;
    return 1;
}
