#include "csv_block.h"

#include <math.h>
#include <stdlib.h>

/* The position of a reader in the current record. */
typedef struct cursor {
    const char *at;
    int64_t line; /* of `at` */
    int last;     /* 1: the last field that was taken is the record's */
} cursor;

static int fits(enum place_use use, double value)
{
    return isfinite(value) && (use != USE_NOT_NEGATIVE || value >= 0) && (use != USE_POSITIVE || value > 0);
}

static int ends_field(const csv_text *t, char c) { return c == t->grammar.separator || c == '\n' || c == '\r'; }

/* Adds a field to the list. Returns 0 if there is no memory. */
static int list(csv_block *b, const csv_listed *f)
{
    if (b->count == b->capacity) {
        size_t larger = b->capacity ? 2 * b->capacity : 64;
        csv_listed *all = realloc(b->listed, larger * sizeof *all);
        if (!all) b->lacking = larger * sizeof *all;
        if (!all) return 0;
        b->listed = all;
        b->capacity = larger;
    }
    b->listed[b->count++] = *f;
    return 1;
}

static void pass(cursor *c, const csv_field *f)
{
    c->at = f->next;
    c->line += f->lines;
    c->last = f->last;
}

/* Stores or lists a field that is not a plain number. Returns 0 if this reader does not support the record. */
__attribute__((noinline)) static int put_other(csv_block *b, const csv_text *t, cursor *c, int64_t j)
{
    const csv_place *place = &t->places[j];
    csv_field found;
    double value;
    if (csv_take_field(&t->grammar, c->at, &found) != CSV_FIELD || found.length > UINT32_MAX) return 0;
    const csv_listed listed = {.text = found.text,
                               .length = (uint32_t)found.length,
                               .row = (uint32_t)b->rows,
                               .line = (uint32_t)(c->line - b->line),
                               .column = (uint32_t)j & 0x3FFFFFFF,
                               .quoted = (uint32_t)found.quoted & 1,
                               .doubled = (uint32_t)found.doubled & 1};
    pass(c, &found);
    if (place->use == USE_NONE) return 1;
    field f = t->written;
    f.text = found.text;
    f.length = found.length;
    if (place->use == USE_LISTED || found.doubled || !field_number(&f, &value) || !fits(place->use, value))
        return list(b, &listed);
    place->at[(b->row + b->rows) * place->stride] = value;
    return 1;
}

static inline int put(csv_block *b, const csv_text *t, cursor *c, int64_t j)
{
    const csv_place *place = &t->places[j];
    csv_field found = {.lines = 0};
    double value;
    if (place->use < USE_NUMBER) return put_other(b, t, c, j);
    const char *at = c->at;
    while (*at == ' ') at++;
    at = number_take(at, t->grammar.stop, t->decimal, &value);
    if (!at || !ends_field(t, *at) || !fits(place->use, value)) return put_other(b, t, c, j);
    if (csv_take_end(&t->grammar, at, &found) != CSV_FIELD) return 0;
    place->at[(b->row + b->rows) * place->stride] = value;
    pass(c, &found);
    return 1;
}

/* Reads the record at `at`. Returns the position after it, or NULL if this reader does not support it. *lines: its number of
 * lines. */
static const char *read_record(csv_block *b, const csv_text *t, const char *at, int64_t line, int64_t *lines)
{
    cursor c = {.at = at, .line = line};
    for (int64_t j = 0; j < t->columns; j++)
        if (!put(b, t, &c, j) || c.last != (j == t->columns - 1)) return NULL;
    *lines = c.line - line;
    return c.at;
}

void csv_block_read(csv_block *b, const csv_text *t)
{
    const char *at = b->begin;
    int64_t line = b->line, lines = 0;
    b->rows = 0;
    b->count = b->lacking = 0;
    while (at < b->end) {
        size_t listed = b->count;
        const char *record = at, *next = NULL;
        while (t->grammar.separator == ' ' && csv_is_blank(*record)) record++;
        int is_other = *record == '\n' || *record == '\r' || *record == '#';
        if (!is_other) next = read_record(b, t, record, line, &lines);
        if (!next) {
            b->count = listed;
            break;
        }
        b->rows++;
        line += lines;
        at = next;
    }
    b->next = at;
    b->next_line = line;
}
