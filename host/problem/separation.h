/* The search for a direction in which the loss falls for ever: by columns (separation.c) and by rows (recession.c). */
#ifndef CUSGD_HOST_PROBLEM_SEPARATION_H
#define CUSGD_HOST_PROBLEM_SEPARATION_H

#include "problem.h"

#include "linear.h"
#include "row_source.h"

enum verdict { FINITE, SEPARATED, UNKNOWN };

/* How a coefficient may go to infinity. */
enum freedom { HELD = 0, UP = 1, DOWN = 2, BOTH = 3 };

/* Rows that are looked at together, all of logistic loss, or of poisson's with all y > 0 brought to 1. */
typedef struct sample {
    int64_t rows, room, *row;
    double *z;                      /* room x free */
    double *y;                      /* room: 1 where the target is above 0, else 0; and the memory of those that follow */
    double *at;                     /* room: predictions, */
    double *derivative, *curvature; /* the losses' first and second derivatives at them, */
    double sum;                     /* and the sum of the losses */
    double *trial, *change;         /* room: other predictions; z'p */
} sample;

/* Newton's method on the sample. */
typedef struct newton {
    double *h, *l;         /* free x free: second derivatives, and their factor */
    double *g, *p, *scale; /* free: gradient, step */
    double *v, *last;      /* free: of overlap.c */
    double *work;          /* of matrix_add_products() */
} newton;

typedef struct search {
    const problem *problem;
    row_source *x; /* of the training rows */
    int64_t c;     /* the output */
    int logistic;
    enum freedom *may;        /* d */
    double *low[2], *high[2]; /* d: the range of a column where y = 0, and where y > 0 */
    int64_t count[2];         /* rows of positive weight of both groups, of those that find_ranges() has looked at */
    int64_t free, *column;    /* columns with part in v, d for the intercept, which comes last */
    double *middle, *half;    /* free: x is taken as (x - middle) / half */
    sample sample;
    newton newton;
} search;

static inline int is_positive(const search *s, int64_t row) { return output_target(&s->problem->train.rows, row, s->c) > 0; }

static inline int counts(const search *s, int64_t row) { return weight_at(&s->problem->train.rows, row) > 0; }

/* Computes the row's z, `free` values. */
void read_row(const search *s, int64_t row, double *z);
/* Reads row number i of the sample's list into the sample's z and y. */
void read_sampled(search *s, int64_t i);

/* recession_step.c: makes room for a sample of `room` rows; those that it has stay. Error: MEMORY. */
cusgd_status sample_reserve(search *s, int64_t room);
/* Makes room for Newton's method on a sample. Error: MEMORY. */
cusgd_status recession_open(search *s);
/* Frees both. */
void close_rows(search *s);
/* Starts from predictions of 0. */
void recession_start(search *s);
/* Factors H, whose diagonal is raised if it lacks full rank: *full is 0 then. Returns 0 if it cannot be factored. */
int recession_factor(search *s, int *full);
/* Computes g from the losses' derivatives, p = -H^-1 g, and z'p. */
void recession_solve(search *s);
/* Computes H at the predictions, factors it and solves. Returns as recession_factor(). */
int recession_step(search *s, int *full);
/* Moves the predictions along p, by the whole of it or halves until the sum of losses falls enough. Returns 0 if none does. */
int recession_move(search *s);

/* Each of these leaves *v as it is, or sets it. */

/* overlap.c: whether few rows prove a finite optimum. *settled: 1 where more rows would tell no more: it is proven, or it stays
 * unknown as even `most` rows do not have full rank. */
cusgd_status judge_few(search *s, int64_t most, enum verdict *v, int *settled);

/* recession.c */

/* By Newton's method on the sample. SEPARATED: by p, whose greatest gain is *maximum. is_all: the sample has all rows. */
enum verdict judge_sample(search *s, int is_all, double *maximum);
/* On more and more rows, where there are no more than MAX_FREE columns with part in v: SEPARATED leaves v at s->newton.p, which
 * close_rows() frees; *all: its gain is positive at every row. */
enum { MAX_FREE = 400 };
cusgd_status judge_together(search *s, enum verdict *v, int *all);
/* Whether the rows, of which there are n, are linearly independent, as they mostly are where they are no more than the columns:
 * then some v has any gains that are asked for. */
cusgd_status judge_independence(search *s, int64_t n, enum verdict *v);
/* Whether the model itself classifies every row correctly, by more than rounding. theta: (d + 1) x k. */
void judge_margins(const search *s, const double *theta, enum verdict *v);
/* Likewise of softmax, all of whose outputs decide. */
cusgd_status judge_all_margins(const search *s, const double *theta, enum verdict *v);

#endif
