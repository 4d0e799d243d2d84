/* What devices ask of a run of models before they take it, and how a GPU places the models. */
#ifndef CUSGD_HOST_MODELS_H
#define CUSGD_HOST_MODELS_H

#include "backend.h"
#include "failure.h"

/* A GPU computes models in groups of so many, each by the same calls: the bits of a model depend on its place in its group, and
 * on no more. An evaluation of 64 models takes longer to compute than to read the rows for, so that larger groups save little;
 * and smaller ones need more launches. A configuration's models fit into one group. */
enum { MODELS_GROUP = MAX_FOLDS };

/* Clipping by a norm would let one model's gradient decide on another's step, and a value's limit would depend on the share. */
static inline cusgd_status models_refuses(const run_spec *p)
{
    if (p->models && (p->clip.norm > 0 || p->clip.value > 0))
        return fail(CUSGD_ERROR_USAGE,
                    "several models in one pass are trained without clipping; leave out --clip-norm and --clip-value");
    return CUSGD_OK;
}

/* `classed`: the examples have an output for each class, all of which learn from one target. */
static inline cusgd_status models_fit(int classed)
{
    if (classed)
        return fail(CUSGD_ERROR_USAGE,
                    "a sweep trains models of one output, and this target has one for each of more than two classes; train each "
                    "model by itself");
    return CUSGD_OK;
}

#endif
