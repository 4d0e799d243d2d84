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
    int64_t rows, stored, row_room, stored_room;
    int64_t *start; /* of each row among the block's values. The arrays are owned, and kept for the next use of the block */
    int32_t *index; /* as they are in the file */
    void *value;    /* float where the reader wants that, else double */
    double *y;
    int64_t largest, largest_line, smallest; /* of the indices; the line counts from 1 on in the block */
    const char *failed;                      /* the line where reading ended; NULL: nothing is wrong */
} svmlight_block;

/* Reads the lines. DATA or MEMORY where one is wrong; the message, which is the calling thread's, counts lines from `before` + 1
 * on. */
cusgd_status svmlight_block_read(svmlight_block *b, const char *source, const cusgd_reader *reader, int64_t before);
void svmlight_block_free(svmlight_block *b);

static inline size_t svmlight_value_size(const cusgd_reader *r) { return r->single_values ? sizeof(float) : sizeof(double); }

static inline int svmlight_is_blank(char c) { return c == ' ' || c == '\t' || c == '\r'; }
static inline int svmlight_ends_token(char c) { return svmlight_is_blank(c) || c == '\n' || c == '#'; }

/* Returns the place behind the number, or NULL where there is none, or none that is finite. `end` is behind a newline, which no
 * number goes beyond: in another line where there is one, so that the last numbers of a line are read eight digits at a time,
 * too. */
static inline const char *svmlight_number(const char *at, const char *end, double *value)
{
    static const double tens[] = {1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7};
    if (end - at >= 10 && at[1] == '.' && (unsigned char)(at[0] - '0') < 10) { /* most are 0.1234 */
        int count;
        uint64_t digits = take_eight(at + 2, &count);
        if (count > 0 && count < 8 &&
            svmlight_ends_token(at[2 + count])) { /* two exact doubles, whose quotient is rounded once */
            *value = ((at[0] - '0') * tens[count] + (double)(int64_t)join_eight(digits << 8 * (8 - count))) / tens[count];
            return at + 2 + count;
        }
    }
    const char *behind = number_take(at, end, '.', value);
    return behind && svmlight_ends_token(*behind) && isfinite(*value) ? behind : NULL;
}

#endif
