/* The fields of a CSV file (RFC 4180), one after another, in one pass over large reads. */
#ifndef CUSGD_HOST_DATA_SCAN_H
#define CUSGD_HOST_DATA_SCAN_H

#include "data.h"
#include "input.h"

/* How a table is written. */
typedef cusgd_dialect dialect;

/* Whether a table can be written so. */
int dialect_is_valid(const dialect *d);

typedef struct scanner {
    const char *source; /* the file's name, for messages; the caller's */
    input input;
    dialect dialect;            /* known */
    int doubts_decimal;         /* 1: no row has been seen yet that shows the decimal mark */
    unsigned char special[256]; /* not 0: a byte at which an unquoted field may end or go wrong */
    int64_t width;              /* fields of the first record, set by who has read it; 0: not known yet */
    char *buffer;               /* capacity + 1 bytes; [begin, end) is read and not yet handed out; a newline stands at end */
    size_t begin, end, capacity;
    int preamble;        /* lines before the table were passed over: empty ones may follow */
    int at_end;          /* nothing is left to read */
    int64_t line;        /* of the byte at begin, from 1 */
    int64_t start;       /* the line on which the last field starts */
    int64_t column;      /* of the last field, from 1 */
    int64_t blank;       /* the last empty line, or 0 */
    cusgd_status status; /* of reading */
    char *sample;        /* the file's first bytes, sample_count of them */
    size_t sample_count;
} scanner;

typedef struct field {
    const char *text; /* quotes removed; not terminated; valid until the next scan */
    size_t length;
    int64_t line;     /* on which it starts */
    int quoted, last; /* last: of its record */
    int comma;        /* its decimal point is a comma */
    char thousands;   /* what stands between the thousands of numbers, or 0 */
} field;

/* path "-": standard input. `source` is kept. What of the dialect is not known is found. Lines are counted from `before` + 1 on.
 * Refuses files that are surely no text in UTF-8. On failure nothing is open. */
cusgd_status scan_open(scanner *s, const char *path, const char *source, const dialect *given, int64_t before);
void scan_close(scanner *s);
/* *more: 1 if another record starts here, 0 at the end of the file. Lines of comments are passed over: they begin with # and have
 * another number of fields than the table. */
cusgd_status scan_record(scanner *s, int *more);
cusgd_status scan_field(scanner *s, field *f);
/* What comes next, `bytes` of it or all that is left, as far as it can be read: behind it stands a newline that is not the
 * file's. A failure shows when the scanner comes to the end of that. */
void scan_window(scanner *s, size_t bytes, char **text, size_t *length);
/* Passes over the first bytes of a window; what follows is in this line. */
void scan_pass(scanner *s, size_t bytes, int64_t line);

/* How many bytes of a file that is not compressed have been handed out. */
uint64_t scan_place(const scanner *s);
/* Goes on with the bytes `from` .. `to` - 1 of such a file, of which the first begins a line. */
cusgd_status scan_piece(scanner *s, uint64_t from, uint64_t to);

/* Removes the first of every two quotes; returns the length left. */
size_t field_undouble(char *text, size_t length);

/* The number that the field spells; 0 if it spells none. */
static inline int field_number(const field *f, double *value)
{
    if ((f->comma ? number_parse_comma : number_parse)(f->text, f->length, value)) return 1;
    return f->thousands && number_parse_grouped(f->text, f->length, f->thousands, f->comma, value);
}

/* The field without the blanks around it, where it is not quoted. */
void field_trim(field *f);

/* data/field.c: what stands in a field. Missing is whatever programs write where there is no value, or none that is finite. */
enum field_kind { FIELD_NUMBER, FIELD_MISSING, FIELD_TEXT };
enum field_kind field_kind(const field *f);
int field_is_missing(field f);
/* Whether the field is missing where the names of classes are wanted, which may be words like none, unknown or +. */
int field_has_no_class(field f);
/* How to encode a text that stands where a number is wanted: "as numbers". */
const char *text_advice(const char *text);

/* Puts up to 40 bytes of a text into `shown`, fit for a message: control characters escaped. */
enum { SHOWN_BYTES = 48 };
const char *text_show(const char *text, size_t length, char shown[SHOWN_BYTES]);

#endif
