/* Functions that keep the trainers of all ranks of a world consistent. */
#ifndef CUSGD_HOST_TRAINER_SHARED_H
#define CUSGD_HOST_TRAINER_SHARED_H

#include "trainer.h"

/* Begins a collective call that computes. The result must be passed to shared_end(). Does nothing without a world. */
const int *shared_begin(const cusgd_trainer *t);
/* Ends the call: notifies the other ranks of a failure unless it is the same on all ranks. Returns the status of the call. */
cusgd_status shared_end(const cusgd_trainer *t, const int *before, cusgd_status status);

/* Sets the device for this rank of a sweep: its GPU, or its share of the cores of the CPU. Collective. */
cusgd_status shared_device(world *w, cusgd_options *o);
/* Adapts the options of a trainer to this rank: its GPU, or its share of the cores of the CPU. Fails with USAGE if they do not
 * allow that. Collective. */
cusgd_status shared_options(world *w, cusgd_options *o);
/* Fails with USAGE or DATA if the options or data of ranks differ. more: a hash of what else affects the result. w may be
 * NULL. */
cusgd_status shared_compare(world *w, cusgd_trainer *t, uint64_t more);
/* Fails with DATA if the runs of the ranks have different positions, for example after loading different checkpoints. */
cusgd_status shared_compare_position(const cusgd_trainer *t);

#endif
