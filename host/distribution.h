/* Student's t and the normal distribution, for tests and intervals. */
#ifndef CUSGD_HOST_DISTRIBUTION_H
#define CUSGD_HOST_DISTRIBUTION_H

/* The probability that a variable of `degrees` > 0 degrees of freedom (INFINITY: a normal one) is at least as far from 0 as t.
 * NaN for NaN. */
double two_sided_probability(double t, double degrees);
/* The t > 0 at which that is `probability`, in (0, 1); to 1e-12 up to 0.9, beyond which the rounding of 1 - probability shows. */
double two_sided_quantile(double probability, double degrees);

#endif
