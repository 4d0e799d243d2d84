/* Seeded synthetic problems on which the defaults are tried, and their exact optima. */
#ifndef CUSGD_TESTS_PROBLEMS_H
#define CUSGD_TESTS_PROBLEMS_H

#include "training.h"

enum tail { GAUSSIAN, STUDENT, LOGNORMAL, DUMMIES, TAILS };
extern const char *const tail_names[TAILS];

/* Rows that lie far from all others, as published tables have them. Targets are those of the rows before they are moved. */
enum far {
    NO_FAR,
    LEVERAGE, /* a row's deviations from the means, times 30 */
    MISTYPED, /* one value of a row times 10, where columns have a mean of 5 deviations: a decimal point was lost */
    CODES,    /* one value of a row is 9999, a code for a missing value */
    FARS
};
extern const char *const far_names[FARS];

typedef struct kind {
    int64_t n, d, batch; /* batch 0: the default */
    double correlation;  /* of neighboring columns, AR(1) */
    enum tail tail;      /* of the first half of the columns */
    double signal;       /* squared loss: R^2; logistic: the log-odds' deviation */
    cusgd_loss loss;
    uint64_t seed;
    enum far far;
    int64_t far_rows;
} kind;

/* What a default run came to. */
typedef struct verdict {
    double relative_gap; /* of the objective over the optimum, as a share of it */
    double null;         /* the intercept-only model's */
    int reported;        /* 1: the command would say that it has not converged */
    cusgd_result result;
} verdict;

/* Trains with the options of options_init, but for the loss and, where given, the batch. */
verdict try_kind(const kind *c);
/* Brings columns to mean 0 and variance 1, in order of memory; a constant column becomes 0. */
void standardize(double *x, int64_t n, int64_t d);

#endif
