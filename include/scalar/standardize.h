/* The values of standardized columns, of numbers and of vectors of them alike (hence macros).
 *
 * A value is moved by its column's mean and multiplied by 1 / scale. In double both operations are rounded once each, and the
 * result once more where it is stored as a float. */
#ifndef CUSGD_SCALAR_STANDARDIZE_H
#define CUSGD_SCALAR_STANDARDIZE_H

#include "real.h"

typedef enum standardizing { STANDARDIZE_NOT, STANDARDIZE_IN_DOUBLE, STANDARDIZE_IN_FLOAT } standardizing;

#define STANDARDIZED(x, mean, inverse) (((x) - (mean)) * (inverse))

/* The same for training in float of a value that a float holds, in a third of the time: `mean` and `rest` are two floats whose
 * sum is the mean to 48 bits. Near the mean x - mean is exact (Sterbenz 1974), and elsewhere `rest` is small compared with it, so
 * that the result has a relative error of at most four roundings of a float, 2^-22, besides the mean's own, 2^-49 |mean| / scale.
 * A column with a mean of 10^6 and a scale of 1 keeps its digits. */
#define STANDARDIZED_FLOAT(x, mean, rest, inverse) ((((x) - (mean)) - (rest)) * (inverse))

/* Whether a float holds the value. Equal numbers that are stored as float and as double have equal standardized values. */
DEVICE int is_float(double x) { return (double)(float)x == x; }

DEVICE float standardize_rest(double mean) { return (float)(mean - (double)(float)mean); }

/* Whether no float overflows or loses digits to the least of them on the way, whatever x is. */
DEVICE int standardizes_in_float(double mean, double scale)
{
    return fabs(mean) <= 0x1p100 && scale >= 0x1p-60 && scale <= 0x1p60;
}

/* The value for training in float. */
DEVICE float standardized_float(double x, double mean, double inverse)
{
    if (!is_float(x)) return (float)STANDARDIZED(x, mean, inverse);
    return STANDARDIZED_FLOAT((float)x, (float)mean, standardize_rest(mean), (float)inverse);
}

#endif
