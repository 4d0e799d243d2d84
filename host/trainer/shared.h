/* What a trainer does so that all processes of its world do the same. */
#ifndef CUSGD_HOST_TRAINER_SHARED_H
#define CUSGD_HOST_TRAINER_SHARED_H

#include "trainer.h"

/* Begins a call that computes, on all ranks; shared_end() takes what it returns. Without a world, nothing. */
const int *shared_begin(const cusgd_trainer *t);
/* Ends it: of a failure that is not the same on all ranks the others are notified. Returns its status. */
cusgd_status shared_end(const cusgd_trainer *t, const int *before, cusgd_status status);

/* The options of a trainer that is about to be made in this world: the CPU, and this rank's share of its cores. USAGE where they
 * do not go with it. */
cusgd_status shared_options(const world *w, cusgd_options *o);
/* USAGE or DATA where ranks differ in their options or data. */
cusgd_status shared_compare(cusgd_trainer *t);
/* DATA where their runs do not stand at the same place, as after loading different checkpoints. */
cusgd_status shared_compare_position(const cusgd_trainer *t);

#endif
