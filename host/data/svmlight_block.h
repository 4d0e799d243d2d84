/* Whole lines of LIBSVM (SVMlight) text that stand in memory, read by one thread: a line a row, "label index:value index:value
 * ... # comment". */
#ifndef CUSGD_HOST_DATA_SVMLIGHT_BLOCK_H
#define CUSGD_HOST_DATA_SVMLIGHT_BLOCK_H

#include "data.h"
#include "digits.h"

#include <math.h>

typedef struct svmlight_block {
    const char *begin, *end; /* the lines, the last of which ends with a newline */
    int64_t lines;           /* that have been read; where reading failed, the last one of them is not good */
    int64_t rows, stored;    /* at most, once they were counted; exactly, once they were read */
    int64_t first;           /* the number of the block's first value among those of the whole file */
    int64_t *start;          /* of each row among the file's values. The caller's arrays, which have the room that was counted */
    int32_t *index;          /* from 0 on where the reader wants base 0; else less 1, so that index 0 of the file becomes -1 */
    void *value;             /* float where the reader wants that, else double */
    double *y;
    int64_t largest, largest_line, smallest; /* of the file's indices; the line counts from 1 on in the block */
    const char *failed;                      /* the line where reading ended; NULL: nothing is wrong */
} svmlight_block;

/* Counts the newlines and the colons: there are no more rows and values. */
void svmlight_block_count(svmlight_block *b);
/* Reads the lines. DATA or MEMORY where one is wrong; the message, which is the calling thread's, counts lines from `before` + 1
 * on. */
cusgd_status svmlight_block_read(svmlight_block *b, const char *source, const cusgd_reader *reader, int64_t before);

static inline size_t svmlight_value_size(const cusgd_reader *r) { return r->single_values ? sizeof(float) : sizeof(double); }

/* By how much indices become less while nothing says that they count from 0. */
static inline int32_t svmlight_base(const cusgd_reader *r) { return r->index_base == CUSGD_INDEX_ZERO ? 0 : 1; }

static inline int svmlight_is_blank(char c) { return c == ' ' || c == '\t' || c == '\r'; }
static inline int svmlight_ends_token(char c) { return svmlight_is_blank(c) || c == '\n' || c == '#'; }

enum { SVMLIGHT_SHORT = 10 /* bytes of a short number that are looked at, at most */ };

/* Numbers of up to 8 digits, or of one digit, a point and up to 7 digits: of two exact doubles, whose quotient is rounded once.
 * Returns the place behind the number, NULL where there is none of these. Both forms have their own instructions: a processor
 * that predicts the form does not wait for the byte that decides it. */
static inline const char *svmlight_short_number(const char *at, double *value)
{
    static const double power[] = {1, 1, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7};
    int count;
    if (at[1] == '.') { /* the digit takes the point's place */
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

/* Returns the place behind the number, or NULL where there is none, or none that is finite. `end` is behind a newline, which no
 * number goes beyond: in another line where there is one, so that the last numbers of a line are read eight digits at a time,
 * too. */
static inline const char *svmlight_number(const char *at, const char *end, double *value)
{
    const char *behind = end - at >= SVMLIGHT_SHORT ? svmlight_short_number(at, value) : NULL;
    if (behind) return behind;
    behind = number_take(at, end, '.', value);
    return behind && svmlight_ends_token(*behind) && isfinite(*value) ? behind : NULL;
}

#endif
