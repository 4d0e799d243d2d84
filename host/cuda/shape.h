/* How a batch and its rows are shared out among the threads and blocks of a GPU, for the engines that read x once. */
#ifndef CUSGD_CUDA_SHAPE_H
#define CUSGD_CUDA_SHAPE_H

#include "kernels.h"

/* A function of these alone, so that equal runs have equal bits. ld: values of x from row to row, 16 bytes' multiples from
 * padded_from() on; clusters: whether the GPU has clusters of MOST_BLOCKS blocks. Returns 0 where rows are too long. */
int fused_shape_of(cusgd_precision precision, cusgd_storage storage, int64_t batch, int64_t ld, int clusters, fused_shape *out);

/* Whether `persistent` is predicted to be faster than `fused` where persistent_stages(): each multiprocessor's share of a batch
 * is read in the time of a step, and a block reads all parts' gradients, each of gradient_bytes, in passing. */
int persistent_pays(const fused_shape *shape, int64_t batch_bytes, int64_t gradient_bytes, int multiprocessors);

#endif
