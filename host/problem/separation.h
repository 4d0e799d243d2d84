/* The search for a direction in which the loss falls for ever: by columns (separation.c) and by rows (recession.c). */
#ifndef CUSGD_HOST_PROBLEM_SEPARATION_H
#define CUSGD_HOST_PROBLEM_SEPARATION_H

#include "problem.h"

#include "linear.h"
#include "row_source.h"

enum verdict { FINITE, SEPARATED, UNKNOWN };

/* How a coefficient may go to infinity. */
enum freedom { HELD = 0, UP = 1, DOWN = 2, BOTH = 3 };

/* Newton's method on the sample. */
typedef struct newton {
    double *h, *l;         /* free x free: second derivatives, and their factor */
    double *g, *p, *scale; /* free: gradient, step */
} newton;

typedef struct search {
    const problem *problem;
    row_source *x; /* of the training rows */
    int64_t c;     /* the output */
    int logistic;
    enum freedom *may;           /* d */
    double *low[2], *high[2];    /* d: the range of a column where y = 0, and where y > 0 */
    int64_t count[2];            /* rows of positive weight of both groups */
    int64_t free, *column;       /* columns with part in v, d for the intercept, which comes last */
    double *middle, *half;       /* free: x is taken as (x - middle) / half */
    int64_t rows, room, *row;    /* the sample */
    double *z;                   /* room x free */
    double *at, *trial, *change; /* room: predictions; those of a step; z'p */
    newton newton;
} search;

static inline int is_positive(const search *s, int64_t row) { return output_target(&s->problem->train.rows, row, s->c) > 0; }

static inline int counts(const search *s, int64_t row) { return weight_at(&s->problem->train.rows, row) > 0; }

/* recession.c. Each leaves *v as it is, or sets it. */

/* By Newton's method on the rows, where there are no more than MAX_FREE columns with part in v: SEPARATED leaves v at
 * s->newton.p, which close_rows() frees; *all: its gain is positive at every row. */
enum { MAX_FREE = 400 };
cusgd_status judge_together(search *s, enum verdict *v, int *all);
void close_rows(search *s);
/* Whether the rows are linearly independent, as they mostly are where they are no more than the columns: then some v has any
 * gains that are asked for. */
cusgd_status judge_independence(search *s, enum verdict *v);
/* Whether the model itself classifies every row correctly, by more than rounding. theta: (d + 1) x k. */
void judge_margins(const search *s, const double *theta, enum verdict *v);
/* Likewise of softmax, all of whose outputs decide. */
cusgd_status judge_all_margins(const search *s, const double *theta, enum verdict *v);

#endif
