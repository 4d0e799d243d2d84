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
    open_options open;     /* the choices that were the trainer's */
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

/* trainer.c, for those of its other files (reset.c, access.c) that change it: */

/* Its parts know each other by address: to be called once they have moved. */
void trainer_attach(cusgd_trainer *t);
/* Chooses the method and all that has not been given, of a problem that is bound, and begins the run. */
cusgd_status trainer_begin(cusgd_trainer *t);
/* A new run from theta, which is not the intercept-only model's; *objective there, or NaN where no one needs it. */
cusgd_status trainer_restart_at(cusgd_trainer *t, const double *theta, double *objective);
/* USAGE where a fit runs, whose callback calls `function`. */
cusgd_status trainer_check_idle(const cusgd_trainer *t, const char *function);
/* USAGE where the data lies in the memory of a GPU that is not the trainer's device. NULL is sound. */
cusgd_status trainer_check_place(const cusgd_trainer *t, const cusgd_data *data);
/* Reads the formula of the options, and puts what is known of it there. *out: the caller's to free; NULL: there is none. */
cusgd_status trainer_choose_formula(cusgd_options *o, struct loss_formula **out);
/* The options that follow from how x is stored. */
void trainer_choose_storage(cusgd_options *o, const cusgd_data *train);

#endif
