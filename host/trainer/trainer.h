/* A trainer: a problem, a run of it, and the method that runs. */
#ifndef CUSGD_HOST_TRAINER_TRAINER_H
#define CUSGD_HOST_TRAINER_TRAINER_H

#include "sgd/sgd.h"
#include "whiten.h"

/* What two trainers' data have in common only if it is the same. */
typedef struct fingerprint {
    int64_t rows, valid_rows, features, targets;
    uint64_t values, outcomes, valid_values, valid_outcomes; /* hashes of x, and of y, w and o */
} fingerprint;

struct cusgd_trainer {
    cusgd_options options; /* every choice made */
    backend backend;
    problem problem;
    run run;
    whitening *whitening;         /* NULL: trained on the columns themselves */
    sgd sgd;                      /* at rest where a full-batch method runs */
    fingerprint fingerprint;      /* of the data, */
    int has_fingerprint;          /* once it has been taken */
    char announcement[256];       /* what a solver says before a long run; "" if nothing */
    char solver_reason[160];      /* why solver `best` is what `options` says; "" where another solver was asked for */
    int64_t first_rows;           /* those that units and rates were chosen from, once others have come */
    int64_t further_rows;         /* passed since then */
    struct loss_formula *formula; /* of the options, where the loss is an expression; else NULL */
    char classes_note[96];        /* that the targets are two classes, where the loss is not for classes; else "" */
};

#endif
