/* cusgd.h: stochastic gradient descent for linear models, on GPUs and CPUs.
 *
 * The model is p = x theta + b with k outputs, plus an offset o of the row where the data has one; training minimizes over theta
 * and b
 *
 *     (1/n) sum_i (w_i / w_mean) l(p_i, y_i)  +  l2/2 |theta|^2  +  l1 |theta|_1
 *
 * summed over the outputs; b (the intercept) is not penalized. The penalties act on the coefficients of the standardized columns,
 * or, with the option penalty-units "data", on those of the columns as they are given. Letters keep their meaning everywhere: n
 * rows (examples), d columns (features), k outputs (targets), theta d x k coefficients, b k intercepts, x, y, w, o one example's
 * features, targets, weight and offset.
 *
 * Conventions. Every function that can fail returns a cusgd_status, and cusgd_last_error() then says what happened, where, and
 * what to do. Handles are opaque; whoever receives one through an `out` argument frees it with the matching *_free, which accepts
 * NULL. On failure *out is NULL. Strings and arrays passed in are only read, and copied where they are kept, unless said
 * otherwise. A handle that is NULL is a USAGE error unless the function says what it means; functions that do not return a status
 * then return 0 or NULL. A function whose handle is const may be called from several threads at once on the same handle; other
 * calls on one handle are made by one thread at a time. The library prints nothing, never exits and installs no signal handler
 * unless it is asked to (cusgd_handle_faults in cusgd_tools.h).
 *
 * Structures begin with their size, so that later versions can add members at the end. The caller sets it, and all other members
 * to 0, with CUSGD_INIT:
 *
 *     cusgd_result result = CUSGD_INIT(cusgd_result);
 *
 * The library reads and writes no more than `size` bytes; members that the caller's version does not have are taken for 0. A
 * structure whose size is not set is refused (USAGE).
 *
 * The declarations are in four headers, which this one includes: cusgd_base.h (errors, losses, options, devices), cusgd_data.h,
 * cusgd_model.h and cusgd_train.h. Files, tables, synthetic data, and the checking and measuring of devices are in cusgd_tools.h,
 * formulas and their derivatives in cusgd_expression.h, several processes in cusgd_world.h.
 */
#ifndef CUSGD_H
#define CUSGD_H

#include "cusgd_base.h"
#include "cusgd_data.h"
#include "cusgd_model.h"
#include "cusgd_train.h"

#endif
