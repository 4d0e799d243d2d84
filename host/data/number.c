/* Decimal numbers without the locale and, in the usual cases, without strtod. */
#include "data.h"

#include <float.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* A number's value depends on its first 767 significant digits and on whether anything follows them: that is how many the longest
 * point halfway between two doubles has. */
enum { DIGITS_MOST = 768 };

__extension__ typedef unsigned __int128 wide;

/* A number without its sign: (its digits) 10^exponent. */
typedef struct decimal {
    const char *first, *end; /* the digits, a point perhaps among them */
    uint64_t head;           /* the digits' value, if there are at most 19 significant ones */
    int64_t exponent;
} decimal;

static int is_digit(char c) { return (unsigned char)(c - '0') <= 9; }

static const char *read_digits(const char *at, const char *end, uint64_t *head)
{
    uint64_t value = *head;
    for (; at < end && is_digit(*at); at++) value = value * 10 + (uint64_t)(*at - '0');
    *head = value;
    return at;
}

/* Reads e, a sign perhaps, and digits. Returns the place after them, NULL if there is no digit. */
static const char *read_exponent(const char *at, const char *end, int64_t *exponent)
{
    at++;
    int negative = at < end && *at == '-';
    if (at < end && (*at == '-' || *at == '+')) at++;
    if (at == end) return NULL;
    int64_t value = 0;
    for (; at < end && is_digit(*at); at++) {
        if (value < INT64_C(1000000000000)) value = value * 10 + (*at - '0');
    }
    *exponent += negative ? -value : value;
    return at;
}

static int64_t significant_digits(const decimal *d)
{
    int64_t count = 0;
    for (const char *at = d->first; at < d->end; at++) count += *at != '.' && (count > 0 || *at != '0');
    return count;
}

/* head 10^exponent, head > 0 and exponent in [-27, 27], rounded once. 5^27 < 2^63 leaves room for either exact product. */
static double scale_exactly(uint64_t head, int exponent)
{
    uint64_t five = 1;
    for (int i = 0; i < (exponent < 0 ? -exponent : exponent); i++) five *= 5;
    if (exponent >= 0) return ldexp((double)((wide)head * five), exponent);
    /* The quotient has 63 bits or more; the lowest stands for whatever is beyond them, so that a double rounds it right. */
    int zeros = __builtin_clzll(head);
    wide numerator = (wide)(head << zeros) << 63, quotient = numerator / five;
    quotient |= quotient * five != numerator;
    return ldexp((double)quotient, exponent - 63 - zeros);
}

/* Spells the number anew as digits and an exponent, which strtod reads alike in every locale. */
static double decimal_by_strtod(const decimal *d)
{
    char text[DIGITS_MOST + 32];
    int kept = 0, rest = 0;
    int64_t exponent = d->exponent;
    for (const char *at = d->first; at < d->end; at++) {
        if (*at == '.' || (kept == 0 && *at == '0')) continue;
        if (kept < DIGITS_MOST) {
            text[kept++] = *at;
        } else {
            exponent++;
            rest |= *at != '0';
        }
    }
    if (kept == 0) return 0;
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
    int64_t e = d->exponent;
    if (e < -27 || e > 27 || (d->end - d->first > 19 && significant_digits(d) > 19)) return decimal_by_strtod(d);
    if (d->head == 0) return 0;
    /* Both are exact in double, and one operation rounds once (Clinger 1990). */
    if (FLT_EVAL_METHOD == 0 && d->head <= UINT64_C(1) << 53 && e >= -22 && e <= 22)
        return e < 0 ? (double)d->head / power[-e] : (double)d->head * power[e];
    return scale_exactly(d->head, (int)e);
}

int number_parse(const char *text, size_t length, double *value)
{
    const char *at = text, *end = text + length;
    while (at < end && (*at == ' ' || *at == '\t')) at++;
    while (at < end && (end[-1] == ' ' || end[-1] == '\t')) end--;
    int negative = at < end && *at == '-';
    if (at < end && (*at == '-' || *at == '+')) at++;

    decimal d = {.first = at};
    d.end = read_digits(at, end, &d.head);
    int64_t digits = d.end - at;
    if (d.end < end && *d.end == '.') {
        const char *fraction = d.end + 1;
        d.end = read_digits(fraction, end, &d.head);
        d.exponent = -(d.end - fraction);
        digits += d.end - fraction;
    }
    if (digits == 0) return 0;
    at = d.end;
    if (at < end && (*at == 'e' || *at == 'E')) at = read_exponent(at, end, &d.exponent);
    if (at != end) return 0;
    double magnitude = decimal_value(&d);
    *value = negative ? -magnitude : magnitude;
    return 1;
}

/* How many bytes a thousands separator has at `at`; 0: there is none. Blanks and apostrophes may be those of typesetters. */
static size_t separator_length(const char *at, const char *end, char separator)
{
    static const struct {
        char stands_for;
        const char *bytes;
    } typeset[] = {{' ', "\xC2\xA0"}, {' ', "\xE2\x80\xAF"}, {' ', "\xE2\x80\x89"}, {'\'', "\xE2\x80\x99"}};
    if (at < end && *at == separator) return 1;
    for (size_t i = 0; i < sizeof typeset / sizeof *typeset; i++) {
        size_t length = strlen(typeset[i].bytes);
        if (typeset[i].stands_for == separator && (size_t)(end - at) >= length && memcmp(at, typeset[i].bytes, length) == 0)
            return length;
    }
    return 0;
}

int number_parse_grouped(const char *text, size_t length, char separator, int comma, double *value)
{
    enum { LONGEST = 128, FIRST_MOST = 3, GROUP = 3 };
    char plain[LONGEST];
    const char *at = text, *end = text + length;
    size_t kept = 0, bytes;
    int digits = 0, groups = 0;
    if (length >= sizeof plain) return 0;
    while (at < end && (*at == ' ' || *at == '\t')) at++;
    if (at < end && (*at == '-' || *at == '+')) plain[kept++] = *at++;
    for (; at < end && (is_digit(*at) || (bytes = separator_length(at, end, separator)) > 0); at += bytes) {
        bytes = is_digit(*at) ? 1 : bytes;
        if (is_digit(*at)) {
            plain[kept++] = *at;
            digits++;
            continue;
        }
        if (digits == 0 || digits > FIRST_MOST || (groups > 0 && digits != GROUP)) return 0;
        groups++;
        digits = 0;
    }
    if (groups == 0 || digits != GROUP) return 0;
    memcpy(plain + kept, at, (size_t)(end - at));
    return (comma ? number_parse_comma : number_parse)(plain, kept + (size_t)(end - at), value);
}

int number_parse_comma(const char *text, size_t length, double *value)
{
    char copy[2 * DIGITS_MOST];
    if (length > sizeof copy || memchr(text, '.', length)) return 0;
    memcpy(copy, text, length);
    char *comma = memchr(copy, ',', length);
    if (comma) *comma = '.';
    return number_parse(copy, length, value);
}
