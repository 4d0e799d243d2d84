/* The elementary functions that expressions call, in `real`: the C library's. They are behind this one header so that they can be
 * exchanged for functions with the same bits on every device. real.h has those that the losses call too. */
#ifndef CUSGD_SCALAR_ELEMENTARY_H
#define CUSGD_SCALAR_ELEMENTARY_H

#include "real.h"

#ifdef __cplusplus
SCALAR real real_log(real x) { return log(x); }
SCALAR real real_sin(real x) { return sin(x); }
SCALAR real real_cos(real x) { return cos(x); }
SCALAR real real_tan(real x) { return tan(x); }
SCALAR real real_tanh(real x) { return tanh(x); }
SCALAR real real_sinh(real x) { return sinh(x); }
SCALAR real real_cosh(real x) { return cosh(x); }
SCALAR real real_asin(real x) { return asin(x); }
SCALAR real real_acos(real x) { return acos(x); }
SCALAR real real_atan(real x) { return atan(x); }
SCALAR real real_erf(real x) { return erf(x); }
SCALAR real real_pow(real x, real y) { return pow(x, y); }
#else
#define real_log(x)    _Generic((x), float : logf, double : log)(x)
#define real_sin(x)    _Generic((x), float : sinf, double : sin)(x)
#define real_cos(x)    _Generic((x), float : cosf, double : cos)(x)
#define real_tan(x)    _Generic((x), float : tanf, double : tan)(x)
#define real_tanh(x)   _Generic((x), float : tanhf, double : tanh)(x)
#define real_sinh(x)   _Generic((x), float : sinhf, double : sinh)(x)
#define real_cosh(x)   _Generic((x), float : coshf, double : cosh)(x)
#define real_asin(x)   _Generic((x), float : asinf, double : asin)(x)
#define real_acos(x)   _Generic((x), float : acosf, double : acos)(x)
#define real_atan(x)   _Generic((x), float : atanf, double : atan)(x)
#define real_erf(x)    _Generic((x), float : erff, double : erf)(x)
#define real_pow(x, y) _Generic((x), float : powf, double : pow)(x, y)
#endif

#endif
