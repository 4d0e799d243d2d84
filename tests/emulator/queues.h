/* Queues of work, which streams are, and what is captured of them: stream.cpp and graph.cpp. Everything here is called with the
 * lock held. */
#ifndef CUSGD_EMULATOR_QUEUES_H
#define CUSGD_EMULATOR_QUEUES_H

#include "internal.h"
#include <deque>
#include <memory>
#include <thread>
#include <vector>

namespace emulator
{
struct node {
    work run;
    std::shared_ptr<launched> kernel; /* NULL: it is none */
    cudaGraphNodeType type;
    std::vector<size_t> after; /* nodes of smaller numbers */
    condition ready;           /* NULL: at once */
};
typedef std::vector<node> nodes;

struct queue;

/* A capture in progress: of the stream in which it began, and of those that joined it through events. */
struct capture {
    nodes made;
    queue *origin;
    cudaStreamCaptureMode mode;
    std::thread::id thread; /* that began it */
    bool invalid;
};

struct piece {
    work run;
    std::shared_ptr<launched> kernel; /* NULL: it is none */
    condition ready;                  /* NULL: at once */
    bool alone;                       /* it waits for another process */
};

struct queue {
    std::deque<piece> waiting;
    size_t done;   /* pieces of work that this queue is through with, ever */
    bool blocking; /* it and the legacy stream wait for each other */
    std::shared_ptr<capture> capturing;
    std::vector<size_t> after;       /* what the next captured node comes after */
    std::shared_ptr<launched> front; /* its last piece of work, if that is a kernel */
};

extern std::vector<std::shared_ptr<queue>> &queues; /* of all streams but the legacy one */
extern const std::shared_ptr<queue> &legacy;
extern uint64_t chance; /* the state of random_next() for what is done when */

const std::shared_ptr<queue> &queue_of(cudaStream_t stream);
/* How many pieces of work it has had, those that wait included. */
size_t tail_of(const queue &q);
/* A piece of work: until queue `q` has come so far. */
piece wait_for(const std::shared_ptr<queue> &q, size_t upto);
void add(const std::shared_ptr<queue> &q, piece p);
} // namespace emulator

struct CUstream_st {
    std::shared_ptr<emulator::queue> work;
};
struct CUevent_st {
    std::shared_ptr<emulator::queue> recorded; /* NULL: never */
    size_t upto;                               /* done when the queue is through with so many */
    std::shared_ptr<double> time;              /* ms */
    std::shared_ptr<emulator::capture> captured;
    std::vector<size_t> after;
};
struct CUgraph_st {
    emulator::nodes made;
};
struct CUgraphExec_st {
    std::shared_ptr<const emulator::nodes> made;
    std::shared_ptr<emulator::queue> launched; /* its last launch: the next one comes after it */
    size_t upto;
};

#endif
