/* Numbers that the host gives to a device. */
#ifndef CUSGD_SCALAR_ROUNDING_H
#define CUSGD_SCALAR_ROUNDING_H

#ifndef __cplusplus
/* The value that a device works with, in double: rounded to float where the device works in float (single). The volatile variable
 * keeps the rounding: of two such conversions side by side gcc 12 makes vectors, and then leaves out both conversions (-O2 and
 * -O3).
 */
static inline double rounded_for(int single, double value)
{
    if (!single) return value;
    volatile float narrow = (float)value;
    return (double)narrow;
}
#endif

#endif
