/* The fields of a CSV file (RFC 4180), one after another, in one pass over large reads. */
#ifndef CUSGD_HOST_DATA_SCAN_H
#define CUSGD_HOST_DATA_SCAN_H

#include "data.h"
#include "input.h"

/* The dialect of a table. */
typedef cusgd_dialect dialect;

/* Returns whether the dialect is valid. */
int dialect_is_valid(const dialect *d);

typedef struct scanner {
    const char *source; /* the file's name, for messages; the caller's */
    input input;
    dialect dialect;            /* known */
    int doubts_decimal;         /* 1: no row so far shows the decimal mark */
    unsigned char special[256]; /* not 0: a byte at which an unquoted field may end or go wrong */
    int64_t width;              /* number of fields of the first record, which its reader sets; 0: not known yet */
    char *buffer;               /* capacity + 1 bytes; [begin, end) has been read but not yet returned; followed by a newline */
    size_t begin, end, capacity;
    int preamble;        /* 1: lines before the table were skipped, and empty ones may follow */
    int at_end;          /* nothing is left to read */
    int64_t line;        /* line of the byte at begin, from 1 */
    int64_t start;       /* line on which the last field starts */
    int64_t column;      /* column of the last field, from 1 */
    int64_t blank;       /* the last empty line, or 0 */
    cusgd_status status; /* status of reading */
    char *sample;        /* the first sample_count bytes of the file */
    size_t sample_count;
} scanner;

typedef struct field {
    const char *text; /* quotes removed; not terminated; valid until the next scan */
    size_t length;
    int64_t line;     /* on which it starts */
    int quoted, last; /* last: of its record */
    int comma;        /* its decimal point is a comma */
    char thousands;   /* the thousands separator of numbers, or 0 */
} field;

/* path "-": standard input. The caller keeps `source` valid. Members of the dialect that are not given are detected. Lines are
 * counted from `before` + 1 on. Fails for files that are certainly not text in UTF-8. On failure nothing is open. */
cusgd_status scan_open(scanner *s, const char *path, const char *source, const dialect *given, int64_t before);
void scan_close(scanner *s);
/* *Sets *more to 1 if another record starts here, and to 0 at the end of the file. Skips comments, which are lines that begin
 * with # and have another number of fields than the table. */
cusgd_status scan_record(scanner *s, int *more);
cusgd_status scan_field(scanner *s, field *f);
/* Gets the next `bytes` of the text, or all that is left, as far as it can be read. It is followed by a newline that is not part
 * of the file. A failure is reported when the scanner reaches the end of this text. */
void scan_window(scanner *s, size_t bytes, char **text, size_t *length);
/* Skips the first bytes of a window; `line` is the line of what follows. */
void scan_pass(scanner *s, size_t bytes, int64_t line);

/* Returns the number of bytes of an uncompressed file that have been returned. */
uint64_t scan_place(const scanner *s);
/* Continues with the bytes `from` .. `to` - 1 of such a file; the first one must begin a line. */
cusgd_status scan_piece(scanner *s, uint64_t from, uint64_t to);

/* Removes the first of every two quotes. Returns the remaining length. */
size_t field_undouble(char *text, size_t length);

/* Parses a field as a number. Returns 0 if it is not a number. */
static inline int field_number(const field *f, double *value)
{
    if ((f->comma ? number_parse_comma : number_parse)(f->text, f->length, value)) return 1;
    return f->thousands && number_parse_grouped(f->text, f->length, f->thousands, f->comma, value);
}

/* Removes blanks around a field that is not quoted. */
void field_trim(field *f);

/* data/field.c. The kind of a field. MISSING: what programs write for missing values or values that are not finite. */
enum field_kind { FIELD_NUMBER, FIELD_MISSING, FIELD_TEXT };
enum field_kind field_kind(const field *f);
int field_is_missing(field f);
/* Returns whether the field is missing in a column of class names, which may be words such as none, unknown or +. */
int field_has_no_class(field f);
/* Returns advice on how to encode a text where a number is expected: "as numbers". */
const char *text_advice(const char *text);

/* Copies up to 40 bytes of a text to `shown` for a message, with control characters escaped. */
enum { SHOWN_BYTES = 48 };
const char *text_show(const char *text, size_t length, char shown[SHOWN_BYTES]);

#endif
