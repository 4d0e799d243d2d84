/* What a few tests look at, or set, inside a trainer. Its own headers define names that the tests use for other things. */
#ifndef CUSGD_TESTS_INSIDE_H
#define CUSGD_TESTS_INSIDE_H

#include "backend.h"

/* Views of the rows that it trains on and holds out; valid->n is 0 where there are none. */
void rows_of(const cusgd_trainer *trainer, examples *train, examples *valid);

/* Steps that have been taken. */
int64_t steps_of(const cusgd_trainer *trainer);

/* Gives the device `steps` steps at a time; and how many it is given unless that is set, where each reads `bytes` of x. */
void set_slice(cusgd_trainer *trainer, int64_t steps);
int64_t slice_steps(int64_t bytes, int is_host);

/* Bytes of rows that were sent to a GPU for steps, and that were there already; the trainer must have a stream of them. */
void traffic_of(const cusgd_trainer *trainer, double *sent, double *found);

/* Reads a row of that stream, for which windows that are read ahead are given up. */
cusgd_status read_between(const cusgd_trainer *trainer);

/* What solver `best` becomes with these options for data of a shape, of which no value is looked at, and why. */
cusgd_solver best_for(const cusgd_options *options, int64_t n, int64_t d, int64_t k, char *reason, size_t room);

#endif
