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
    if (strcmp(format, "tdD") == 0 || strcmp(format, "tdm") == 0) return ARROW_DATE;
    if (strncmp(format, "ts", 2) == 0 && format[2] && strchr("smun", format[2]) && format[3] == ':') return ARROW_DATE;
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

/* Where a text is, in an array without a dictionary. */
typedef struct text_place {
    const char *at;
    int64_t length; /* below 0: nowhere, as the array is damaged */
} text_place;

/* 16 bytes: the length, then the text, or its beginning, a buffer's number and where in it the text begins. The last buffer has
 * the sizes of those with characters. */
static text_place view_place(const struct ArrowArray *a, int64_t i)
{
    enum { BYTES = 16, INSIDE = 12 };
    const char *view = (const char *)a->buffers[VALUES] + i * BYTES;
    int32_t parts[4];
    memcpy(parts, view, sizeof parts);
    if (parts[0] <= INSIDE) return (text_place){view + 4, parts[0]};
    int64_t buffers = a->n_buffers - CHARACTERS - 1;
    if (parts[2] < 0 || parts[2] >= buffers || parts[3] < 0) return (text_place){.length = -1};
    int64_t size = ((const int64_t *)a->buffers[CHARACTERS + buffers])[parts[2]];
    if ((int64_t)parts[3] + parts[0] > size) return (text_place){.length = -1};
    return (text_place){(const char *)a->buffers[CHARACTERS + parts[2]] + parts[3], parts[0]};
}

static text_place place_of(const struct ArrowArray *a, char code, int64_t i)
{
    int64_t at = a->offset + i, begin, end;
    if (code == 'v') return view_place(a, at);
    if (code == 'u') {
        begin = ((const int32_t *)a->buffers[VALUES])[at];
        end = ((const int32_t *)a->buffers[VALUES])[at + 1];
    } else {
        begin = ((const int64_t *)a->buffers[VALUES])[at];
        end = ((const int64_t *)a->buffers[VALUES])[at + 1];
    }
    if (begin < 0 || end < begin || (end > begin && !a->buffers[CHARACTERS])) return (text_place){.length = -1};
    return (text_place){end > begin ? (const char *)a->buffers[CHARACTERS] + begin : "", end - begin};
}

const char *arrow_text(const struct ArrowArray *a, const arrow_type *t, int64_t i, size_t *length)
{
    text_place place = t->coded ? place_of(a->dictionary, t->code, code_at(a, t, i)) : place_of(a, t->code, i);
    *length = (size_t)place.length;
    return place.at;
}

int arrow_is_sound(const struct ArrowArray *a, const arrow_type *t, int64_t i)
{
    if ((t->kind == ARROW_NOTHING && !t->coded) || !is_marked(a, i)) return 1;
    int64_t code = t->coded ? code_at(a, t, i) : i;
    if (code < 0) return 0;
    const struct ArrowArray *values = t->coded ? a->dictionary : a;
    return t->kind != ARROW_TEXT || !is_marked(values, code) || place_of(values, t->code, code).length >= 0;
}

/* Whether an array that has values of the type, not codes, has buffers for rows up to, but not with, `end`. */
static int has_buffers(const struct ArrowArray *a, const arrow_type *t, int64_t end)
{
    if (a->offset < 0 || a->length < end) return 0;
    if (t->kind == ARROW_NOTHING || end == 0) return 1;
    int64_t needed = t->kind != ARROW_TEXT ? VALUES + 1 : CHARACTERS + 1;
    if (a->n_buffers < needed || !a->buffers || !a->buffers[VALUES]) return 0;
    return t->kind != ARROW_TEXT || t->code != 'v' || a->n_buffers == needed || a->buffers[a->n_buffers - 1];
}

int arrow_has_rows(const struct ArrowArray *a, const arrow_type *t, int64_t end)
{
    const arrow_type codes = {.kind = ARROW_NUMBER, .code = t->code_type};
    if (!t->coded) return has_buffers(a, t, end);
    return has_buffers(a, &codes, end) && a->dictionary && has_buffers(a->dictionary, t, a->dictionary->length);
}
