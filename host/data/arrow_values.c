#include "arrow.h"

#include <math.h>
#include <string.h>

/* The buffers of an array: bits of what is known, then the values; of texts their ends and then the characters, or views. */
enum { KNOWN, VALUES, CHARACTERS };

static enum arrow_kind kind_of(const char *format)
{
    if (strlen(format) == 1 && strchr("cCsSiIlLefg", *format)) return ARROW_NUMBER;
    if (strcmp(format, "b") == 0) return ARROW_BOOLEAN;
    if (strcmp(format, "n") == 0) return ARROW_NOTHING;
    if (strcmp(format, "u") == 0 || strcmp(format, "U") == 0 || strcmp(format, "vu") == 0) return ARROW_TEXT;
    if (strcmp(format, "tdD") == 0 || strcmp(format, "tdm") == 0 || strncmp(format, "ts", 2) == 0) return ARROW_DATE;
    return ARROW_OTHER;
}

/* Whole days, or seconds and their parts. */
static double units_in_a_day(const char *format)
{
    const double day = 86400;
    if (format[1] == 'd') return format[2] == 'D' ? 1 : day * 1e3;
    return format[2] == 's' ? day : format[2] == 'm' ? day * 1e3 : format[2] == 'u' ? day * 1e6 : day * 1e9;
}

arrow_type arrow_type_of(const struct ArrowSchema *schema)
{
    const struct ArrowSchema *values = schema->dictionary ? schema->dictionary : schema;
    const char *format = values->format ? values->format : "";
    arrow_type t = {.kind = kind_of(format), .code = format[0], .coded = schema->dictionary != NULL};
    if (t.kind == ARROW_DATE) t.per_day = units_in_a_day(format);
    if (t.kind == ARROW_DATE) t.code = strcmp(format, "tdD") == 0 ? 'i' : 'l';
    if (t.coded && schema->format) t.code_type = schema->format[0];
    if (t.coded && !(schema->format && strlen(schema->format) == 1 && strchr("cCsSiIlL", t.code_type))) t.kind = ARROW_OTHER;
    return t;
}

static int bit_at(const void *bits, int64_t i) { return ((const unsigned char *)bits)[i / 8] >> (i % 8) & 1; }

static double half_value(uint16_t bits)
{
    int exponent = bits >> 10 & 31;
    double fraction = bits & 1023, size = exponent ? ldexp(1024 + fraction, exponent - 25) : ldexp(fraction, -24);
    if (exponent == 31) size = fraction > 0 ? (double)NAN : (double)INFINITY;
    return bits >> 15 ? -size : size;
}

static double integer_value(int64_t value, int *exact)
{
    *exact = value >= -(INT64_C(1) << 53) && value <= INT64_C(1) << 53;
    return (double)value;
}

static double value_at(const void *values, char code, int64_t i, int *exact)
{
    *exact = 1;
    switch (code) {
    case 'c': return ((const int8_t *)values)[i];
    case 'C': return ((const uint8_t *)values)[i];
    case 's': return ((const int16_t *)values)[i];
    case 'S': return ((const uint16_t *)values)[i];
    case 'i': return ((const int32_t *)values)[i];
    case 'I': return ((const uint32_t *)values)[i];
    case 'l': return integer_value(((const int64_t *)values)[i], exact);
    case 'L': {
        uint64_t value = ((const uint64_t *)values)[i];
        *exact = value <= UINT64_C(1) << 53;
        return (double)value;
    }
    case 'e': return half_value(((const uint16_t *)values)[i]);
    case 'f': return (double)((const float *)values)[i];
    default: return ((const double *)values)[i];
    }
}

/* Which entry of the dictionary; -1: none of them. */
static int64_t code_at(const struct ArrowArray *a, const arrow_type *t, int64_t i)
{
    int exact;
    double code = value_at(a->buffers[VALUES], t->code_type, a->offset + i, &exact);
    return a->dictionary && code >= 0 && code < (double)a->dictionary->length ? (int64_t)code : -1;
}

/* Not null by the array's own bits. */
static int is_marked(const struct ArrowArray *a, int64_t i)
{
    return a->null_count == 0 || !a->buffers[KNOWN] || bit_at(a->buffers[KNOWN], a->offset + i);
}

int arrow_is_known(const struct ArrowArray *a, const arrow_type *t, int64_t i)
{
    arrow_type plain = *t;
    plain.coded = 0;
    if (t->kind == ARROW_NOTHING && !t->coded) return 0;
    if (!is_marked(a, i)) return 0;
    int64_t code = t->coded ? code_at(a, t, i) : 0;
    return !t->coded || (code >= 0 && arrow_is_known(a->dictionary, &plain, code));
}

int arrow_is_sound(const struct ArrowArray *a, const arrow_type *t, int64_t i)
{
    return !t->coded || !is_marked(a, i) || code_at(a, t, i) >= 0;
}

double arrow_number(const struct ArrowArray *a, const arrow_type *t, int64_t i, int *exact)
{
    arrow_type plain = *t;
    plain.coded = 0;
    *exact = 1;
    if (t->coded) return arrow_number(a->dictionary, &plain, code_at(a, t, i), exact);
    if (t->kind == ARROW_BOOLEAN) return bit_at(a->buffers[VALUES], a->offset + i);
    double value = value_at(a->buffers[VALUES], t->code, a->offset + i, exact);
    if (t->kind == ARROW_DATE) *exact = 1; /* nanoseconds are more than are kept of a date */
    return t->kind == ARROW_DATE ? value / t->per_day : value;
}

/* 16 bytes: the length, then the text, or its beginning, a buffer's number and where in it the text begins. */
static const char *view_text(const struct ArrowArray *a, int64_t i, size_t *length)
{
    enum { BYTES = 16, INSIDE = 12 };
    const char *view = (const char *)a->buffers[VALUES] + i * BYTES;
    int32_t parts[4];
    memcpy(parts, view, sizeof parts);
    *length = (size_t)parts[0];
    return parts[0] <= INSIDE ? view + 4 : (const char *)a->buffers[CHARACTERS + parts[2]] + parts[3];
}

const char *arrow_text(const struct ArrowArray *a, const arrow_type *t, int64_t i, size_t *length)
{
    arrow_type plain = *t;
    plain.coded = 0;
    if (t->coded) return arrow_text(a->dictionary, &plain, code_at(a, t, i), length);
    int64_t at = a->offset + i, begin, end;
    if (t->code == 'v') return view_text(a, at, length);
    if (t->code == 'u') {
        begin = ((const int32_t *)a->buffers[VALUES])[at];
        end = ((const int32_t *)a->buffers[VALUES])[at + 1];
    } else {
        begin = ((const int64_t *)a->buffers[VALUES])[at];
        end = ((const int64_t *)a->buffers[VALUES])[at + 1];
    }
    *length = (size_t)(end - begin);
    return *length ? (const char *)a->buffers[CHARACTERS] + begin : "";
}
