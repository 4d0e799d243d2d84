/* Rounding of numbers that the host passes to a device. */
#ifndef CUSGD_SCALAR_ROUNDING_H
#define CUSGD_SCALAR_ROUNDING_H

#ifndef __cplusplus
/* Returns the value that a device uses, in double: rounded to float if the device computes in float (single). The volatile
 * variable preserves the rounding: gcc 12 vectorizes two adjacent conversions of this kind and then removes both (-O2 and
 * -O3). */
static inline double rounded_for(int single, double value)
{
    if (!single) return value;
    volatile float narrow = (float)value;
    return (double)narrow;
}
#endif

#endif
