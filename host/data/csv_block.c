#include "csv_block.h"

#include <math.h>
#include <stdlib.h>

/* A reader's place in the record that it is in. */
typedef struct cursor {
    const char *at; /* NULL: the record is not for this reader */
    int64_t line;   /* of `at` */
    csv_listed field;
} cursor;

/* Behind a field: passes over blanks that separate, and says whether the field may end here. */
static const char *end_of_field(const csv_text *t, const char *at)
{
    while (t->separator == ' ' && (*at == ' ' || *at == '\t')) at++;
    return at;
}

/* The field behind the quote at c->at. */
static void take_quoted(cursor *c, const csv_text *t)
{
    const char *at = c->at + 1;
    c->field.text = at;
    c->field.quoted = 1;
    c->at = NULL;
    for (;; at++) {
        while (at < t->stop && *at != '"' && *at != '\n') at++;
        if (at == t->stop) return;
        if (*at == '\n') {
            c->line++;
            continue;
        }
        if (at + 1 == t->stop || at[1] != '"') break;
        c->field.doubled = 1;
        at++;
    }
    c->field.length = (uint32_t)(at - c->field.text);
    for (at++; (*at == ' ' || *at == '\t') && !t->special[(unsigned char)*at];) at++;
    if (t->special[(unsigned char)*at] && *at != '"') c->at = at;
}

/* Any field. */
static void take_text(cursor *c, const csv_text *t)
{
    const char *begin = c->at, *at = begin;
    while (!t->special[(unsigned char)*at]) at++;
    c->field.text = begin;
    c->field.length = (uint32_t)(at - begin);
    c->at = at;
    if (*at != '"') return;
    for (; begin < at && (*begin == ' ' || *begin == '\t');) begin++;
    if (begin < at)
        c->at = NULL;
    else
        take_quoted(c, t);
}

static int fits(enum place_use use, double value)
{
    return isfinite(value) && (use != USE_NOT_NEGATIVE || value >= 0) && (use != USE_POSITIVE || value > 0);
}

static int ends_field(const csv_text *t, char c) { return c == t->separator || c == '\n' || c == '\r'; }

/* 0: out of memory. */
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

/* A field that is no plain number. 0: the record is not for this reader. */
__attribute__((noinline)) static int put_other(csv_block *b, const csv_text *t, cursor *c, int64_t j)
{
    const csv_place *place = &t->places[j];
    double value;
    c->field = (csv_listed){.row = (uint32_t)b->rows, .line = (uint32_t)(c->line - b->line), .column = (uint32_t)j & 0x3FFFFFFF};
    take_text(c, t);
    if (!c->at) return 0;
    if (place->use == USE_NONE) return 1;
    field f = t->written;
    f.text = c->field.text;
    f.length = c->field.length;
    if (place->use == USE_LISTED || c->field.doubled || !field_number(&f, &value) || !fits(place->use, value))
        return list(b, &c->field);
    place->at[(b->row + b->rows) * place->stride] = value;
    return 1;
}

static inline int put(csv_block *b, const csv_text *t, cursor *c, int64_t j)
{
    const csv_place *place = &t->places[j];
    double value;
    if (place->use < USE_NUMBER) return put_other(b, t, c, j);
    const char *at = c->at;
    while (*at == ' ') at++;
    at = number_take(at, t->stop, t->decimal, &value);
    if (!at || !ends_field(t, *at) || !fits(place->use, value)) return put_other(b, t, c, j);
    place->at[(b->row + b->rows) * place->stride] = value;
    c->at = at;
    return 1;
}

/* The place behind the record at `at`; NULL: it is not for this reader. *lines: how many it has. */
static const char *read_record(csv_block *b, const csv_text *t, const char *at, int64_t line, int64_t *lines)
{
    cursor c = {.at = at, .line = line};
    int blanks = t->separator == ' ';
    for (int64_t j = 0; j < t->columns; j++) {
        if (!put(b, t, &c, j)) return NULL;
        if (blanks) c.at = end_of_field(t, c.at);
        if (j == t->columns - 1) break;
        int separates = blanks ? *c.at != '\n' && *c.at != '\r' : *c.at == t->separator;
        if (!separates) return NULL;
        c.at += !blanks;
    }
    if (*c.at == '\r' && c.at + 1 < t->stop) c.at++;
    if (*c.at != '\n' || c.at == t->stop) return NULL;
    *lines = c.line + 1 - line;
    return c.at + 1;
}

void csv_block_read(csv_block *b, const csv_text *t)
{
    const char *at = b->begin;
    int64_t line = b->line, lines = 0;
    b->rows = 0;
    b->count = b->lacking = 0;
    while (at < b->end) {
        size_t listed = b->count;
        const char *record = end_of_field(t, at), *next = NULL;
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
