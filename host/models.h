/* The conditions of devices on runs of models, and how a GPU groups the models. */
#ifndef CUSGD_HOST_MODELS_H
#define CUSGD_HOST_MODELS_H

#include "backend.h"
#include "failure.h"

/* The number of models that a GPU computes together. Each group is computed by the same calls, so that the bits of a model depend
 * only on its place in its group. Larger groups would save little, because the evaluation of 64 models takes longer to compute
 * than the rows take to read; smaller ones would need more launches. The models of one configuration fit into one group. */
enum { MODELS_GROUP = MAX_FOLDS };

/* Refuses clipping: a limit on the norm would make the step of one model depend on the gradients of the others, and a limit on
 * values would depend on the share. */
static inline cusgd_status models_refuses(const run_spec *p)
{
    if (p->models && (p->clip.norm > 0 || p->clip.value > 0))
        return fail(CUSGD_ERROR_USAGE,
                    "several models in one pass are trained without clipping; leave out --clip-norm and --clip-value");
    return CUSGD_OK;
}

/* classed: 1 if the examples have an output for each class, which all learn from one target. */
static inline cusgd_status models_fit(int classed)
{
    if (classed)
        return fail(CUSGD_ERROR_USAGE,
                    "a sweep trains models of one output, and this target has one for each of more than two classes; train each "
                    "model by itself");
    return CUSGD_OK;
}

#endif
