/* Student's t distribution and the normal distribution, for tests and confidence intervals. */
#ifndef CUSGD_HOST_DISTRIBUTION_H
#define CUSGD_HOST_DISTRIBUTION_H

/* Returns the probability that the absolute value of a variable with the t distribution of `degrees` > 0 degrees of freedom
 * (INFINITY: a normal variable) is at least |t|. Returns NaN for NaN. */
double two_sided_probability(double t, double degrees);
/* Returns the t > 0 for which that probability is `probability`, in (0, 1). The relative error is up to 1e-12 for probabilities
 * up to 0.9, and larger beyond because of the rounding of 1 - probability. */
double two_sided_quantile(double probability, double degrees);

#endif
