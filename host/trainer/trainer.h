/* A trainer: a problem, a run of it, and the method that runs. */
#ifndef CUSGD_HOST_TRAINER_TRAINER_H
#define CUSGD_HOST_TRAINER_TRAINER_H

#include "sgd/sgd.h"
#include "whiten.h"

struct cusgd_trainer {
    cusgd_options options; /* every choice made */
    backend backend;
    problem problem;
    run run;
    whitening *whitening;    /* NULL: trained on the columns themselves */
    sgd sgd;                 /* at rest where a full-batch method runs */
    char announcement[256];  /* what a solver says before a long run; "" if nothing */
    char solver_reason[160]; /* why solver `best` is what `options` says; "" where another solver was asked for */
    char classes_note[96];   /* that the targets are two classes, where the loss is not for classes; else "" */
};

#endif
