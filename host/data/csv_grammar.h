/* The grammar of fields of a CSV file, for the sequential reader and for that of blocks. */
#ifndef CUSGD_HOST_DATA_CSV_GRAMMAR_H
#define CUSGD_HOST_DATA_CSV_GRAMMAR_H

#include <stddef.h>
#include <stdint.h>

/* The text to read. It is followed, at `stop`, by a newline that is not part of it. */
typedef struct csv_grammar {
    const char *stop;
    int is_end;                   /* 1: the file ends with the text */
    const unsigned char *special; /* for each byte, whether it may end an unquoted field: quotes, line ends, separators */
    char separator;               /* ' ': any number of blanks and tabs */
} csv_grammar;

enum csv_shape {
    CSV_FIELD,
    CSV_CUT,           /* more of the file is needed to know */
    CSV_QUOTE_INSIDE,  /* inside an unquoted field */
    CSV_QUOTE_OPEN,    /* at the end of the file */
    CSV_TEXT_BEHIND,   /* after the closing quote */
    CSV_RETURN_INSIDE, /* of a field */
};

typedef struct csv_field {
    const char *text; /* without its quotes, but with doubled quotes inside */
    size_t length;
    int quoted, doubled, last; /* last: the last field of its record */
    int64_t lines;             /* number of line ends in the field and directly after it */
    const char *next;          /* position after the field and its separator */
} csv_field;

static inline int csv_is_blank(char c) { return c == ' ' || c == '\t'; }

/* Parses the end of a field at `at`: sets last and next, and adds to lines. */
static inline enum csv_shape csv_take_end(const csv_grammar *g, const char *at, csv_field *f)
{
    int blanks = g->separator == ' ';
    while (blanks && csv_is_blank(*at)) at++;
    f->last = at == g->stop || *at == '\n' || *at == '\r';
    if (at < g->stop && *at == '\r' && ++at < g->stop && *at != '\n') return CSV_RETURN_INSIDE;
    f->next = at;
    if (at == g->stop) return g->is_end ? CSV_FIELD : CSV_CUT;
    f->lines += *at == '\n';
    f->next += f->last || !blanks;
    return CSV_FIELD;
}

/* Parses the quoted field whose quote is at `at`. */
static inline enum csv_shape csv_take_quoted(const csv_grammar *g, const char *at, csv_field *f)
{
    f->text = ++at;
    f->quoted = 1;
    for (;; at++) {
        while (at < g->stop && *at != '"' && *at != '\n') at++;
        if (at == g->stop) return g->is_end ? CSV_QUOTE_OPEN : CSV_CUT;
        if (*at == '\n') {
            f->lines++;
            continue;
        }
        if (at + 1 == g->stop && !g->is_end) return CSV_CUT;
        if (at + 1 == g->stop || at[1] != '"') break;
        f->doubled = 1;
        at++;
    }
    f->length = (size_t)(at - f->text);
    for (at++; csv_is_blank(*at) && !g->special[(unsigned char)*at];) at++;
    if (at < g->stop && (!g->special[(unsigned char)*at] || *at == '"')) return CSV_TEXT_BEHIND;
    return csv_take_end(g, at, f);
}

/* Parses the field at `at`. */
static inline enum csv_shape csv_take_field(const csv_grammar *g, const char *at, csv_field *f)
{
    const char *begin = at;
    *f = (csv_field){.text = at};
    while (!g->special[(unsigned char)*at]) at++;
    f->length = (size_t)(at - begin);
    if (at == g->stop || *at != '"') return csv_take_end(g, at, f);
    while (begin < at && csv_is_blank(*begin)) begin++;
    return begin < at ? CSV_QUOTE_INSIDE : csv_take_quoted(g, at, f);
}

#endif
