#include "elements.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

/* ---- Types --------------------------------------------------------------------------------------------------------------- */

static int machine_is_little(void)
{
    const uint16_t one = 1;
    unsigned char first;
    memcpy(&first, &one, 1);
    return first == 1;
}

elements elements_of(const char *descr)
{
    static const struct {
        const char *text;
        char kind;
        size_t bytes;
    } types[] = {{"b1", 'b', 1}, {"i1", 'i', 1}, {"i2", 'i', 2}, {"i4", 'i', 4}, {"i8", 'i', 8}, {"u1", 'u', 1},
                 {"u2", 'u', 2}, {"u4", 'u', 4}, {"u8", 'u', 8}, {"f2", 'f', 2}, {"f4", 'f', 4}, {"f8", 'f', 8}};
    elements e = {0};
    char order = descr[0];
    if (order != '<' && order != '>' && order != '|' && order != '=') return e;
    for (size_t i = 0; i < sizeof types / sizeof types[0]; i++) {
        if (strcmp(descr + 1, types[i].text) != 0) continue;
        e.kind = types[i].kind;
        e.bytes = types[i].bytes;
        e.big_endian = order == '>' || (order == '=' && !machine_is_little());
        e.native = e.bytes == 1 || e.big_endian != machine_is_little();
    }
    return e;
}

cusgd_type elements_type(const elements *e)
{
    int narrow = e->kind == 'f' ? e->bytes <= 4 : e->bytes <= 2; /* a float holds every integer up to 2^24 */
    return narrow ? CUSGD_TYPE_FLOAT32 : CUSGD_TYPE_FLOAT64;
}

const char *elements_advice(const char *descr)
{
    switch (descr[0] ? descr[1] : '\0') {
    case 'f': return "save a.astype('<f8') if its 53 bits are enough for the values";
    case 'c': return "save the real and imaginary parts as columns of their own: numpy.column_stack((a.real, a.imag))";
    case 'S':
    case 'U':
    case 'a': return "encode text as numbers: two classes as 0 and 1, more categories as one column of 0 and 1 for each";
    case 'O': return "build the array of plain numbers, all of one type, before saving it";
    case 'M': return "save numbers, such as (a - a.min()) / numpy.timedelta64(1, 's')";
    case 'm': return "save numbers, such as a / numpy.timedelta64(1, 's')";
    case 'V':
        return strcmp(descr + 1, "V2") == 0 ? "if the elements are bfloat16, save a.astype('<f4'), which keeps every value"
                                            : "save a plain array of numbers";
    default: return "save an array of numbers";
    }
}

/* ---- Values -------------------------------------------------------------------------------------------------------------- */

/* IEEE 754 binary16, which a float holds exactly. */
static float half_value(uint16_t bits)
{
    uint32_t sign = (uint32_t)(bits & 0x8000) << 16, exponent = bits >> 10 & 0x1F, fraction = bits & 0x3FF, wide;
    float value;
    if (exponent == 0) { /* fraction 2^-24 */
        value = (float)fraction * (1.0f / 16777216);
        return sign ? -value : value;
    }
    wide = sign | (exponent == 0x1F ? 0xFFu : exponent + 112) << 23 | fraction << 13;
    memcpy(&value, &wide, sizeof value);
    return value;
}

/* An element's bits as a whole number. */
static uint64_t bits_of(const elements *e, const unsigned char *at)
{
    uint64_t bits = 0;
    for (size_t i = 0; i < e->bytes; i++) bits = bits << 8 | at[e->big_endian ? i : e->bytes - 1 - i];
    return bits;
}

static double value_of(const elements *e, uint64_t bits)
{
    float narrow;
    double wide;
    uint32_t four = (uint32_t)bits;
    if (e->kind == 'b') return bits != 0;
    if (e->kind == 'u') return (double)bits;
    if (e->kind == 'i') {
        int shift = (int)(64 - 8 * e->bytes);
        return (double)((int64_t)(bits << shift) >> shift);
    }
    if (e->bytes == 2) return (double)half_value((uint16_t)bits);
    if (e->bytes == 4) return memcpy(&narrow, &four, 4), (double)narrow;
    return memcpy(&wide, &bits, 8), wide;
}

/* Whether a double holds the integer. */
static int is_exact(const elements *e, uint64_t bits)
{
    if (e->kind == 'f' || e->bytes < 8) return 1;
    uint64_t size = e->kind == 'i' && bits >> 63 ? 0 - bits : bits;
    while (size > UINT64_C(1) << 53 && !(size & 1)) size >>= 1;
    return size <= UINT64_C(1) << 53;
}

int64_t elements_convert(const elements *e, const void *from, int64_t count, void *to)
{
    const unsigned char *at = from;
    int narrow = elements_type(e) == CUSGD_TYPE_FLOAT32;
    for (int64_t i = 0; i < count; i++, at += e->bytes) {
        uint64_t bits = bits_of(e, at);
        if (!is_exact(e, bits)) return i;
        if (narrow)
            ((float *)to)[i] = (float)value_of(e, bits);
        else
            ((double *)to)[i] = value_of(e, bits);
    }
    return -1;
}
