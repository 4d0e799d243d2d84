/* The search for a direction in which the loss decreases forever: by columns (separation.c) and by rows (recession.c). */
#ifndef CUSGD_HOST_PROBLEM_SEPARATION_H
#define CUSGD_HOST_PROBLEM_SEPARATION_H

#include "problem.h"

#include "linear.h"
#include "row_source.h"

enum verdict { FINITE, SEPARATED, UNKNOWN };

/* The directions in which a coefficient may go to infinity. */
enum freedom { HELD = 0, UP = 1, DOWN = 2, BOTH = 3 };

/* A sample of rows for logistic loss, or for poisson loss with all y > 0 replaced by 1. */
typedef struct sample {
    int64_t rows, room, *row;
    double *z;                      /* room x free */
    double *y;                      /* room: 1 if the target is > 0, else 0; also the memory of the arrays below */
    double *at;                     /* room: predictions */
    double *derivative, *curvature; /* first and second derivatives of the losses at these predictions */
    double sum;                     /* the sum of the losses */
    double *trial, *change;         /* room: other predictions; z'p */
} sample;

/* Newton's method on the sample. */
typedef struct newton {
    double *h, *l;         /* free x free: second derivatives, and their factor */
    double *g, *p, *scale; /* free: gradient, step */
    double *v, *last;      /* free: used by overlap.c */
    double *work;          /* for matrix_add_products() */
} newton;

typedef struct search {
    const problem *problem;
    row_source *x; /* of the training rows */
    int64_t c;     /* the output */
    int logistic;
    enum freedom *may;        /* d */
    double *low[2], *high[2]; /* d: the range of a column in rows with y = 0, and in rows with y > 0 */
    int64_t count[2];         /* numbers of rows with positive weight in both groups, among those that find_ranges() has read */
    int64_t free, *column;    /* the columns that v uses; d is the intercept, which is last */
    double *middle, *half;    /* free: x is used as (x - middle) / half */
    sample sample;
    newton newton;
} search;

static inline int is_positive(const search *s, int64_t row) { return output_target(&s->problem->train.rows, row, s->c) > 0; }

static inline int counts(const search *s, int64_t row) { return weight_at(&s->problem->train.rows, row) > 0; }

/* Computes the row's z, `free` values. */
void read_row(const search *s, int64_t row, double *z);
/* Reads row number i of the sample's list into the sample's z and y. */
void read_sampled(search *s, int64_t i);

/* recession_step.c. Makes room for a sample of `room` rows, and keeps its rows. Error: MEMORY. */
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

/* overlap.c. Determines whether few rows prove that a finite optimum exists. *settled: 1 if further rows would not help, because
 * it is proven, or because even `most` rows do not have full rank. */
cusgd_status judge_few(search *s, int64_t most, enum verdict *v, int *settled);

/* recession.c */

/* Applies Newton's method to the sample. SEPARATED: p separates, and *maximum is its largest gain. is_all: 1 if the sample has
 * all rows. */
enum verdict judge_sample(search *s, int is_all, double *maximum);
/* Examines increasing numbers of rows, if v uses at most MAX_FREE columns. SEPARATED leaves v at s->newton.p, which close_rows()
 * frees; *all: 1 if its gain is positive at every row. */
enum { MAX_FREE = 400 };
cusgd_status judge_together(search *s, enum verdict *v, int *all);
/* Determines whether the n rows are linearly independent, as they usually are if there are no more rows than columns. Some v then
 * has any prescribed gains. */
cusgd_status judge_independence(search *s, int64_t n, enum verdict *v);
/* Determines whether the model classifies every row correctly, by more than rounding errors. theta: (d + 1) x k. */
void judge_margins(const search *s, const double *theta, enum verdict *v);
/* As judge_margins(), for all outputs of softmax together. */
cusgd_status judge_all_margins(const search *s, const double *theta, enum verdict *v);

#endif
