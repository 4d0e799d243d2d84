/* Checkpoints of `cusgd train`: when one is due, where it goes, and how a run goes on from one. */
#ifndef CUSGD_CLI_CHECKPOINT_H
#define CUSGD_CLI_CHECKPOINT_H

#include "ranks.h"

typedef struct checkpoints {
    const char *path, *every; /* --checkpoint and --every; NULL: not given */
    int resume, quiet;        /* --resume, --quiet */
    int64_t steps, epochs;    /* between checkpoints; 0: not by these */
    double seconds;           /* likewise */
    int64_t last_step, last_epoch;
    double last_time;
    const ranks *of; /* whose rank 0 writes; not NULL */
    int lock;        /* the file that a second run is refused by; -1: none */
    int signal_met;  /* 1: the checkpoint of the signal that came has been written */
} checkpoints;

/* Whether the arguments fit each other. Returns NULL, or what is wrong with them. */
const char *checkpoint_arguments(checkpoints *c);
/* Takes the lock. Returns a status, complained about. */
int checkpoint_lock(checkpoints *c);
void checkpoint_unlock(checkpoints *c);
/* Goes on from the file, where there is one and that is wanted, and has checkpoints written from now on. *epochs: how many of the
 * fit are done; -1: it is a new run. Likewise. */
int checkpoint_begin(checkpoints *c, cusgd_trainer *trainer, int64_t *epochs);

#endif
