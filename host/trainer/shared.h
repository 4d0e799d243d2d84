/* What a trainer does so that all processes of its world do the same. */
#ifndef CUSGD_HOST_TRAINER_SHARED_H
#define CUSGD_HOST_TRAINER_SHARED_H

#include "trainer.h"

/* Begins a call that computes, on all ranks; shared_end() takes what it returns. Without a world, nothing. */
const int *shared_begin(const cusgd_trainer *t);
/* Ends it: of a failure that is not the same on all ranks the others are notified. Returns its status. */
cusgd_status shared_end(const cusgd_trainer *t, const int *before, cusgd_status status);

/* What the ranks of a sweep compute on: this rank's GPU, or its share of the CPU's cores. Collective. */
cusgd_status shared_device(world *w, cusgd_options *o);
/* The options of a trainer that is about to be made in this world: this rank's GPU, or its share of the CPU's cores. USAGE where
 * they do not go with it. Collective. */
cusgd_status shared_options(world *w, cusgd_options *o);
/* USAGE or DATA where ranks differ in their options or data; more: a hash of what else decides on the result. w may be NULL. */
cusgd_status shared_compare(world *w, cusgd_trainer *t, uint64_t more);
/* DATA where their runs do not stand at the same place, as after loading different checkpoints. */
cusgd_status shared_compare_position(const cusgd_trainer *t);

#endif
