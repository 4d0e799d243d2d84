/* The exchange between the GPUs of several processes in a step, by NCCL. Each process has one GPU. */
#ifndef CUSGD_HOST_CUDA_EXCHANGE_H
#define CUSGD_HOST_CUDA_EXCHANGE_H

#include "cuda.h"

/* ---- nccl.c: the communicator of the ranks ---- */

/* Returns OK if NCCL can be used, otherwise DEVICE. */
cusgd_status nccl_usable(void);
/* Creates the communicator of a world; each rank takes part with the device of the calling thread. Collective. */
cusgd_status nccl_open(world *w, nccl_ranks **out);
/* Closes the communicator, or aborts it if the stream still has work, in which other ranks may never take part.
 */
void nccl_close(nccl_ranks *n, cudaStream_t stream);

/* Messages between nccl_begin() and nccl_end() are sent together. Between two ranks, messages are received in the order in
 * which they are sent. */
cusgd_status nccl_begin(nccl_ranks *n);
cusgd_status nccl_send(nccl_ranks *n, const void *from, size_t bytes, int rank, cudaStream_t stream);
cusgd_status nccl_receive(nccl_ranks *n, void *to, size_t bytes, int rank, cudaStream_t stream);
cusgd_status nccl_end(nccl_ranks *n);

/* Waits for an event (not NULL) or for all work of the stream. Returns DEVICE if another rank has failed or does not respond in
 * time; nothing can be exchanged afterwards. */
cusgd_status nccl_await(nccl_ranks *n, cudaEvent_t event, cudaStream_t stream);
/* Exchanges between the processes, not the GPUs, whether one of them wants to end. */
cusgd_status nccl_agree(nccl_ranks *n);

/* ---- exchange.c: the exchange of a run ---- */

cusgd_status exchange_open(cuda *c);
void exchange_close(exchange *x);
/* Adds the nodes of all ranks, given the sums of the local shards in t, and counts the step. */
cusgd_status exchange_add(const cuda *c, const shards_task *t);

#endif
