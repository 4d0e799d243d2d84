/* A trainer: a problem, a run, and the method of the run. */
#ifndef CUSGD_HOST_TRAINER_TRAINER_H
#define CUSGD_HOST_TRAINER_TRAINER_H

#include "sgd/sgd.h"
#include "whiten.h"

/* A fingerprint of the data of a trainer, by which data sets are compared. */
typedef struct fingerprint {
    int64_t rows, valid_rows, features, targets;
    uint64_t values, outcomes, valid_values, valid_outcomes; /* hashes of x, and of y, w and o */
} fingerprint;

struct cusgd_trainer {
    cusgd_options options; /* all chosen */
    open_options open;     /* the options that the trainer has chosen */
    backend backend;
    problem problem;
    run run;
    whitening *whitening;         /* NULL: the columns are not whitened */
    sgd sgd;                      /* unused by full-batch solvers */
    fingerprint fingerprint;      /* of the data */
    int has_fingerprint;          /* 1: the fingerprint has been computed */
    char announcement[256];       /* the note of a solver before a long run; "" if none */
    char solver_reason[160];      /* why solver `best` became the one in `options`; "" if another solver was given */
    int64_t first_rows;           /* number of the rows from which units and rates were chosen, after other rows have replaced
                                   * them */
    int64_t further_rows;         /* number of rows that were passed since then */
    struct loss_formula *formula; /* the formula of the options if the loss is an expression; else NULL */
    char classes_note[96];        /* a note that the targets are two classes although the loss is not for classes; else "" */
};

/* Functions of trainer.c that reset.c and access.c use. */

/* Sets the pointers between the members of a trainer. To be called after it was moved in memory. */
void trainer_attach(cusgd_trainer *t);
/* Chooses the method and the options that are not set, for a problem whose data has been uploaded, and begins the run. */
cusgd_status trainer_begin(cusgd_trainer *t);
/* Begins a new run at theta, which is not that of the intercept-only model. *objective becomes the objective there, or NaN if it
 * is not needed. */
cusgd_status trainer_restart_at(cusgd_trainer *t, const double *theta, double *objective);
/* Fails with USAGE if a fit runs and its callback calls `function`. */
cusgd_status trainer_check_idle(const cusgd_trainer *t, const char *function);
/* Fails with USAGE if the data is in the memory of a GPU that is not the device of the trainer. data may be NULL. */
cusgd_status trainer_check_place(const cusgd_trainer *t, const cusgd_data *data);
/* Compiles the formula in the options and stores its properties in the options. The caller frees *out; NULL: there is no
 * formula. */
cusgd_status trainer_choose_formula(cusgd_options *o, struct loss_formula **out);
/* Sets the options that follow from the storage of x. */
void trainer_choose_storage(cusgd_options *o, const cusgd_data *train);

#endif
