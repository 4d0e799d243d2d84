/* How a batch and its rows are divided among the threads and blocks of a GPU, for the engines that read x once. */
#ifndef CUSGD_CUDA_SHAPE_H
#define CUSGD_CUDA_SHAPE_H

#include "kernels.h"

/* Computes the shape. It depends only on these arguments, so that equal runs produce equal bits. ld: row stride of x in values,
 * a multiple of 16 bytes from padded_from() on; clusters: whether the GPU supports clusters of MAX_BLOCKS blocks. Returns 0 if
 * rows are too long. */
int fused_shape_of(cusgd_precision precision, cusgd_storage storage, int64_t batch, int64_t ld, int clusters, fused_shape *out);

/* Returns whether `persistent` is predicted to be faster than `fused`, provided that persistent_stages(): each multiprocessor's
 * share of a batch must be read in the time of a step, and the gradients of all parts, of gradient_bytes each, must take a
 * block little time to read. */
int persistent_pays(const fused_shape *shape, int64_t batch_bytes, int64_t gradient_bytes, int multiprocessors);

#endif
