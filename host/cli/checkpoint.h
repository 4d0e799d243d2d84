/* Checkpoints of `cusgd train`: when they are due, where they are written, and continuing from one. */
#ifndef CUSGD_CLI_CHECKPOINT_H
#define CUSGD_CLI_CHECKPOINT_H

#include "ranks.h"

typedef struct checkpoints {
    const char *path, *every; /* --checkpoint and --every; NULL: not given */
    int resume, quiet;        /* --resume, --quiet */
    int64_t steps, epochs;    /* steps or epochs between checkpoints; 0: not used */
    double seconds;           /* seconds between checkpoints; 0: not used */
    int64_t last_step, last_epoch;
    double last_time;
    const ranks *of; /* the ranks, of which rank 0 writes; not NULL */
    int lock;        /* descriptor of the lock file, which excludes a second run; -1: none */
    int signal_met;  /* 1: the checkpoint for the signal was written */
} checkpoints;

/* Checks the arguments against each other. Returns NULL or a description of the error. */
const char *checkpoint_arguments(checkpoints *c);
/* Acquires the lock. Returns a status. */
int checkpoint_lock(checkpoints *c);
void checkpoint_unlock(checkpoints *c);
/* Continues from the file if there is one and --resume was given, and enables checkpoints. *epochs: number of completed epochs of
 * the fit; -1: the run is new. Returns a status. */
int checkpoint_begin(checkpoints *c, cusgd_trainer *trainer, int64_t *epochs);

#endif
