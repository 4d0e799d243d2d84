/* What the tests of training share: seeded random numbers, arrays as data, and a trainer from options to result. Whatever fails
 * here ends the test. */
#ifndef CUSGD_TESTS_TRAINING_H
#define CUSGD_TESTS_TRAINING_H

#include "cusgd_tools.h"
#include "options.h"
#include "oracle.h"
#include "reduced.h"

double random_uniform(uint64_t *state); /* in (0, 1) */
double random_normal(uint64_t *state);
double *random_normals(uint64_t *state, int64_t count); /* the caller frees them */
double *zeros(int64_t count);                           /* likewise */
float *floats_of(const double *values, int64_t count);  /* likewise */

/* Row-major arrays as data, x n x d, y n x k, w n or NULL; they must outlive it. */
cusgd_data *data_of(int64_t n, int64_t d, int64_t k, const double *x, const double *y, const double *w);
cusgd_data *data_of_floats(int64_t n, int64_t d, int64_t k, const float *x, const float *y, const float *w);

/* The defaults, in double; the device is the environment's CUSGD_TEST_DEVICE, if that is set. */
cusgd_options options_default(void);
/* What runs and nothing else: double, an optimizer, its rate, no averaging. */
cusgd_options options_plain(cusgd_optimizer optimizer, double rate, int64_t batch, int64_t epochs);

cusgd_trainer *trainer_of(const cusgd_options *options, const cusgd_data *train, const cusgd_data *valid);
cusgd_result fit(cusgd_trainer *trainer);
/* Trains from scratch; parameters: d coefficients and the intercept of each output, k x (d + 1). */
cusgd_result train(const cusgd_options *options, const cusgd_data *data, double *parameters);
void parameters_of(cusgd_trainer *trainer, int64_t d, int64_t k, double *parameters);

/* max |a - b| over count values. */
double distance(const double *a, const double *b, int64_t count);

#endif
