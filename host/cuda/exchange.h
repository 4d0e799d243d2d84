/* GPUs of several processes, one in each: what goes from one to another in a step, by NCCL. */
#ifndef CUSGD_HOST_CUDA_EXCHANGE_H
#define CUSGD_HOST_CUDA_EXCHANGE_H

#include "cuda.h"

/* ---- nccl.c: the ranks' communicator ---- */

/* That NCCL is there; DEVICE where it is not. */
cusgd_status nccl_usable(void);
/* Joins the ranks of a world, each with this thread's device. Collective. */
cusgd_status nccl_open(world *w, nccl_ranks **out);
/* Gives it back. Where the stream still has work, which other ranks may never do their part of, that is given up. */
void nccl_close(nccl_ranks *n, cudaStream_t stream);

/* Messages between nccl_begin() and nccl_end() go together. Of two ranks, what one sends the other receives, in this order. */
cusgd_status nccl_begin(nccl_ranks *n);
cusgd_status nccl_send(nccl_ranks *n, const void *from, size_t bytes, int rank, cudaStream_t stream);
cusgd_status nccl_receive(nccl_ranks *n, void *to, size_t bytes, int rank, cudaStream_t stream);
cusgd_status nccl_end(nccl_ranks *n);

/* Waits for an event (not NULL), or for all of the stream's work. DEVICE where another rank has failed or does not do its part in
 * time: nothing is exchanged any more. */
cusgd_status nccl_await(nccl_ranks *n, cudaEvent_t event, cudaStream_t stream);
/* Exchanges, between the processes and not the GPUs, whether one of them wants to end. */
cusgd_status nccl_agree(nccl_ranks *n);

/* ---- exchange.c: a run's ---- */

cusgd_status exchange_open(cuda *c);
void exchange_close(exchange *x);
/* Adds the nodes of all ranks, whose shards' sums t has; counts the step. */
cusgd_status exchange_add(const cuda *c, const shards_task *t);

#endif
