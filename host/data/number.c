/* Decimal numbers without the locale and, in the usual cases, without strtod. */
#include "data.h"
#include "digits.h"

#include <float.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* A number's value depends on its first 767 significant digits and on whether anything follows them: that is how many the longest
 * point halfway between two doubles has. */
enum { DIGITS_MOST = 768 };

enum { POWERS_MOST = 27 }; /* of 5 that are multiplied exactly: 5^27 < 2^63 */

__extension__ typedef unsigned __int128 wide;

/* A number without its sign: (its digits) 10^exponent. */
typedef struct decimal {
    const char *first, *end; /* the digits, a point perhaps among them */
    uint64_t head;           /* the digits' value, if there are at most 19 significant ones */
    int64_t exponent;
} decimal;

static int is_digit(char c) { return (unsigned char)(c - '0') <= 9; }

/* Takes eight digits at a time while there are bytes enough to look at: how many digits numbers have is hard to foresee, and a
 * loop that ends where it was not expected to is dear. */
static inline const char *read_digits(const char *at, const char *end, uint64_t *head)
{
    static const uint64_t power[] = {1, 10, 100, 1000, 10000, 100000, 1000000, 10000000, 100000000};
    uint64_t value = *head;
    int count = 8;
    while (end - at >= 8 && count == 8) {
        uint64_t digits = take_eight(at, &count);
        if (count > 0) value = value * power[count] + join_eight(digits << 8 * (8 - count));
        at += count;
    }
    for (; count == 8 && at < end && is_digit(*at); at++) value = value * 10 + (uint64_t)(*at - '0');
    *head = value;
    return at;
}

/* Reads e, a sign perhaps, and digits. Returns the place after them, NULL if there is no digit. */
static const char *read_exponent(const char *at, const char *end, int64_t *exponent)
{
    at++;
    int negative = at < end && *at == '-';
    if (at < end && (*at == '-' || *at == '+')) at++;
    if (at == end || !is_digit(*at)) return NULL;
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
    for (const char *at = d->first; at < d->end; at++) count += is_digit(*at) && (count > 0 || *at != '0');
    return count;
}

/* 1 / 5^k for k = 1, 2, ...: the first 128 bits, rounded down, of 2^(127 + length) / 5^k, and how many bits 5^k has. */
static const struct reciprocal {
    uint64_t high, low;
    int length;
} reciprocals[POWERS_MOST] = {
    {UINT64_C(0xCCCCCCCCCCCCCCCC), UINT64_C(0xCCCCCCCCCCCCCCCC), 3},
    {UINT64_C(0xA3D70A3D70A3D70A), UINT64_C(0x3D70A3D70A3D70A3), 5},
    {UINT64_C(0x83126E978D4FDF3B), UINT64_C(0x645A1CAC083126E9), 7},
    {UINT64_C(0xD1B71758E219652B), UINT64_C(0xD3C36113404EA4A8), 10},
    {UINT64_C(0xA7C5AC471B478423), UINT64_C(0x0FCF80DC33721D53), 12},
    {UINT64_C(0x8637BD05AF6C69B5), UINT64_C(0xA63F9A49C2C1B10F), 14},
    {UINT64_C(0xD6BF94D5E57A42BC), UINT64_C(0x3D32907604691B4C), 17},
    {UINT64_C(0xABCC77118461CEFC), UINT64_C(0xFDC20D2B36BA7C3D), 19},
    {UINT64_C(0x89705F4136B4A597), UINT64_C(0x31680A88F8953030), 21},
    {UINT64_C(0xDBE6FECEBDEDD5BE), UINT64_C(0xB573440E5A884D1B), 24},
    {UINT64_C(0xAFEBFF0BCB24AAFE), UINT64_C(0xF78F69A51539D748), 26},
    {UINT64_C(0x8CBCCC096F5088CB), UINT64_C(0xF93F87B7442E45D3), 28},
    {UINT64_C(0xE12E13424BB40E13), UINT64_C(0x2865A5F206B06FB9), 31},
    {UINT64_C(0xB424DC35095CD80F), UINT64_C(0x538484C19EF38C94), 33},
    {UINT64_C(0x901D7CF73AB0ACD9), UINT64_C(0x0F9D37014BF60A10), 35},
    {UINT64_C(0xE69594BEC44DE15B), UINT64_C(0x4C2EBE687989A9B3), 38},
    {UINT64_C(0xB877AA3236A4B449), UINT64_C(0x09BEFEB9FAD487C2), 40},
    {UINT64_C(0x9392EE8E921D5D07), UINT64_C(0x3AFF322E62439FCF), 42},
    {UINT64_C(0xEC1E4A7DB69561A5), UINT64_C(0x2B31E9E3D06C32E5), 45},
    {UINT64_C(0xBCE5086492111AEA), UINT64_C(0x88F4BB1CA6BCF584), 47},
    {UINT64_C(0x971DA05074DA7BEE), UINT64_C(0xD3F6FC16EBCA5E03), 49},
    {UINT64_C(0xF1C90080BAF72CB1), UINT64_C(0x5324C68B12DD6338), 52},
    {UINT64_C(0xC16D9A0095928A27), UINT64_C(0x75B7053C0F178293), 54},
    {UINT64_C(0x9ABE14CD44753B52), UINT64_C(0xC4926A9672793542), 56},
    {UINT64_C(0xF79687AED3EEC551), UINT64_C(0x3A83DDBD83F52204), 59},
    {UINT64_C(0xC612062576589DDA), UINT64_C(0x95364AFE032A819D), 61},
    {UINT64_C(0x9E74D1B791E07E48), UINT64_C(0x775EA264CF55347D), 63},
};

/* Returns 2^exponent, a normal double. */
static double power_of_two(int exponent)
{
    uint64_t bits = (uint64_t)(exponent + 1023) << 52;
    double power;
    memcpy(&power, &bits, sizeof power);
    return power;
}

/* Returns head 10^-k, rounded once, for head > 0 and k in [1, 27], by exact division. */
static double divide_exactly(uint64_t head, int k)
{
    uint64_t five = 1;
    for (int i = 0; i < k; i++) five *= 5;
    /* The quotient has 63 bits or more; the lowest stands for whatever is beyond them, so that a double rounds it right. */
    int zeros = __builtin_clzll(head);
    wide numerator = (wide)(head << zeros) << 63, quotient = numerator / five;
    quotient |= quotient * five != numerator;
    return ldexp((double)quotient, -k - 63 - zeros);
}

/* The same by a product with the reciprocal's first 128 bits, of which the first 128 are at most 2 too small (Lemire 2021). Where
 * that may change the 64 bits that are kept, or it is not clear whether anything follows them, it is divided. */
static double divide_by_power(uint64_t head, int k)
{
    const struct reciprocal *r = &reciprocals[k - 1];
    int zeros = __builtin_clzll(head);
    wide low = (wide)(head << zeros) * r->low, product = (wide)(head << zeros) * r->high + (low >> 64);
    uint64_t rest = (uint64_t)product;
    if (rest == 0 || rest >= UINT64_MAX - 1) return divide_exactly(head, k);
    return (double)((uint64_t)(product >> 64) | 1) * power_of_two(1 - zeros - k - r->length);
}

/* Returns head 10^exponent, rounded once, for head > 0 and exponent in [-27, 27]. As 5^27 < 2^63, the exact product fits. */
static double scale_exactly(uint64_t head, int exponent)
{
    uint64_t five = 1;
    if (exponent < 0) return divide_by_power(head, -exponent);
    for (int i = 0; i < exponent; i++) five *= 5;
    return ldexp((double)((wide)head * five), exponent);
}

/* Writes the number as digits and an exponent, which strtod reads in the same way in every locale. */
static double decimal_by_strtod(const decimal *d)
{
    char text[DIGITS_MOST + 32];
    int kept = 0, rest = 0;
    int64_t exponent = d->exponent;
    for (const char *at = d->first; at < d->end; at++) {
        if (!is_digit(*at) || (kept == 0 && *at == '0')) continue;
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
    if (e < -POWERS_MOST || e > POWERS_MOST || (d->end - d->first > 19 && significant_digits(d) > 19))
        return decimal_by_strtod(d);
    if (d->head == 0) return 0;
    /* Both are exact in double, and one operation rounds once (Clinger 1990). */
    if (FLT_EVAL_METHOD == 0 && d->head <= UINT64_C(1) << 53 && e >= -22 && e <= 22)
        return e < 0 ? (double)(int64_t)d->head / power[-e] : (double)(int64_t)d->head * power[e];
    return scale_exactly(d->head, (int)e);
}

const char *number_take(const char *at, const char *end, char point, double *value)
{
    int negative = at < end && *at == '-';
    if (at < end && (*at == '-' || *at == '+')) at++;
    decimal d = {.first = at};
    d.end = read_digits(at, end, &d.head);
    int64_t digits = d.end - at;
    if (d.end < end && *d.end == point) {
        const char *fraction = d.end + 1;
        d.end = read_digits(fraction, end, &d.head);
        d.exponent = -(d.end - fraction);
        digits += d.end - fraction;
    }
    if (digits == 0) return NULL;
    at = d.end;
    if (at < end && (*at == 'e' || *at == 'E')) at = read_exponent(at, end, &d.exponent);
    if (!at) return NULL;
    double magnitude = decimal_value(&d);
    *value = negative ? -magnitude : magnitude;
    return at;
}

static int parse(const char *text, size_t length, char point, double *value)
{
    const char *at = text, *end = text + length;
    while (at < end && (*at == ' ' || *at == '\t')) at++;
    while (at < end && (end[-1] == ' ' || end[-1] == '\t')) end--;
    double read;
    if (number_take(at, end, point, &read) != end || at == end) return 0;
    *value = read;
    return 1;
}

int number_parse(const char *text, size_t length, double *value) { return parse(text, length, '.', value); }
int number_parse_comma(const char *text, size_t length, double *value) { return parse(text, length, ',', value); }

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
