/* A block of whole lines of LIBSVM (SVMlight) text in memory, which one thread reads. Each line is a row: "label index:value
 * index:value ... # comment". */
#ifndef CUSGD_HOST_DATA_SVMLIGHT_BLOCK_H
#define CUSGD_HOST_DATA_SVMLIGHT_BLOCK_H

#include "data.h"
#include "digits.h"

#include <math.h>

typedef struct svmlight_block {
    const char *begin, *end; /* the lines, the last of which ends with a newline */
    int64_t lines;           /* number of lines that were read; after a failure the last one is wrong */
    int64_t rows, stored;    /* upper limits after counting; exact after reading */
    int64_t first;           /* index of the first value of the block in the whole file */
    int64_t *start;          /* start of each row among the values of the file. The arrays belong to the caller and have the
                              * counted room */
    int32_t *index;          /* from 0 if the reader sets base 0; else minus 1, so that index 0 of the file becomes -1 */
    void *value;             /* float if the reader says so, else double */
    double *y;
    int64_t largest, largest_line, smallest; /* range of the indices in the file; the line counts from 1 in the block */
    const char *failed;                      /* the line at which reading failed; NULL: no failure */
} svmlight_block;

/* Counts newlines and colons, which are upper limits of the numbers of rows and values. */
void svmlight_block_count(svmlight_block *b);
/* Reads the lines. Fails with DATA or MEMORY; the message, in the calling thread, counts lines from `before` + 1 on. */
cusgd_status svmlight_block_read(svmlight_block *b, const char *source, const cusgd_reader *reader, int64_t before);

static inline size_t svmlight_value_size(const cusgd_reader *r) { return r->single_values ? sizeof(float) : sizeof(double); }

/* Returns the number to subtract from indices as long as it is not known that they begin at 0. */
static inline int32_t svmlight_base(const cusgd_reader *r) { return r->index_base == CUSGD_INDEX_ZERO ? 0 : 1; }

static inline int svmlight_is_blank(char c) { return c == ' ' || c == '\t' || c == '\r'; }
static inline int svmlight_ends_token(char c) { return svmlight_is_blank(c) || c == '\n' || c == '#'; }

enum { SVMLIGHT_SHORT = 10 /* maximum bytes of a short number that are read */ };

/* Parses numbers of up to 8 digits, or of one digit, a point and up to 7 digits. These are quotients of two exact doubles, which
 * are rounded once. Returns the position after the number, or NULL if it has another form. Both forms have separate instructions,
 * so that a processor that predicts the form does not wait for the byte that decides it. */
static inline const char *svmlight_short_number(const char *at, double *value)
{
    static const double power[] = {1, 1, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7};
    int count;
    if (at[1] == '.') { /* move the digit to the place of the point */
        uint64_t digits = digits_of((load_eight(at + 1) & ~UINT64_C(0xFF)) | (unsigned char)at[0], &count);
        if (count == 0 || !svmlight_ends_token(at[1 + count])) return NULL;
        *value = (double)(int64_t)join_eight(digits << 8 * (8 - count)) / power[count];
        return at + 1 + count;
    }
    uint64_t digits = take_eight(at, &count);
    if (count == 0 || !svmlight_ends_token(at[count])) return NULL;
    *value = (double)(int64_t)join_eight(digits << 8 * (8 - count));
    return at + count;
}

/* Parses a number. Returns the position after it, or NULL if there is no finite number. `end` is after a newline, which ends all
 * numbers; it is in a later line if there is one, so that the last numbers of a line are also read eight digits at a time. */
static inline const char *svmlight_number(const char *at, const char *end, double *value)
{
    const char *behind = end - at >= SVMLIGHT_SHORT ? svmlight_short_number(at, value) : NULL;
    if (behind) return behind;
    behind = number_take(at, end, '.', value);
    return behind && svmlight_ends_token(*behind) && isfinite(*value) ? behind : NULL;
}

#endif
