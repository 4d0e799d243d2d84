/* The values of standardized columns. STANDARDIZED is a macro because it computes with numbers and with vectors of them.
 *
 * For training in double, both operations are in double. For training in float, they are in float if a float holds the value and
 * the mean, which takes a third of the time, and otherwise in double, with a result that is rounded to float. Near the mean
 * x - mean is exact (Sterbenz 1974); elsewhere the difference, the inverse and the product are rounded once each, so that the
 * relative error is at most three roundings of a float. */
#ifndef CUSGD_SCALAR_STANDARDIZE_H
#define CUSGD_SCALAR_STANDARDIZE_H

#include "real.h"

typedef enum standardizing { STANDARDIZE_NOT, STANDARDIZE_IN_DOUBLE, STANDARDIZE_IN_FLOAT } standardizing;

#define STANDARDIZED(x, mean, inverse) (((x) - (mean)) * (inverse))

/* Returns whether a float holds the value. Equal numbers stored as float and as double have equal standardized values. */
DEVICE int is_float(double x) { return (double)(float)x == x; }

/* Returns whether a column can be standardized in float, with its mean rounded to float. Columns need not be centered exactly,
 * but the rounding may shift them by no more than 1/32 of the scale, and no value may overflow or lose digits to underflow. */
DEVICE int standardizes_in_float(double mean, double scale)
{
    return fabs(mean) <= 0x1p20 * scale && scale >= 0x1p-60 && scale <= 0x1p60;
}

/* Returns the value for training in float. A float holds the mean. */
DEVICE float standardized_float(double x, double mean, double inverse)
{
    return is_float(x) ? STANDARDIZED((float)x, (float)mean, (float)inverse) : (float)STANDARDIZED(x, mean, inverse);
}

#endif
