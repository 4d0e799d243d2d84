/* What devices ask of a run of models before they take it. */
#ifndef CUSGD_HOST_MODELS_H
#define CUSGD_HOST_MODELS_H

#include "backend.h"
#include "error.h"

/* Clipping by a norm would let one model's gradient decide on another's step, and a value's limit would depend on the share. */
static inline cusgd_status models_refuses(const run_spec *p)
{
    if (p->models && (p->clip_norm > 0 || p->clip_value > 0))
        return fail(CUSGD_ERROR_USAGE,
                    "several models in one pass are trained without clipping; leave out --clip-norm and --clip-value");
    return CUSGD_OK;
}

/* Classes are outputs that depend on each other, or at least on one target. `classed`: the examples have more than two of them.
 */
static inline cusgd_status models_fit(int classed)
{
    if (classed)
        return fail(CUSGD_ERROR_USAGE,
                    "several models in one pass are trained on numbers or on two classes, not on more than two classes; train "
                    "each of them on its own");
    return CUSGD_OK;
}

#endif
