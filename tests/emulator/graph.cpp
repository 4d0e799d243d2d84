/* Captures of streams, and graphs, which are made of captures alone. */
#include "internal.h"
#include "queues.h"
#include "races.h"

namespace emulator
{
/* Such a graph is run node by node, in the order in which they were captured. */
static bool waits_for_others(const nodes &made)
{
    for (const node &n : made)
        if (n.ready) return true;
    return false;
}

/* Every node after those that it depends on; of those free to run, the first, the last or any, as the laziness says. */
static void run_graph(const nodes &made)
{
    std::vector<size_t> missing(made.size()), ready;
    std::vector<std::vector<size_t>> then(made.size());
    if (laziness() == 0) {
        for (const node &n : made) n.run();
        return;
    }
    for (size_t i = 0; i < made.size(); i++) {
        missing[i] = made[i].after.size();
        for (size_t before : made[i].after) then[before].push_back(i);
        if (!missing[i]) ready.push_back(i);
    }
    while (!ready.empty()) {
        if (laziness() > 1) std::swap(ready.back(), ready[random_next(&chance) % ready.size()]);
        size_t i = ready.back();
        ready.pop_back();
        begin_those_behind(made[i].kernel.get(), [&made, i](size_t k) {
            bool is_next = i + k + 1 < made.size() && made[i + k + 1].after == std::vector<size_t>{i + k};
            return is_next ? made[i + k + 1].kernel.get() : nullptr;
        });
        made[i].run();
        for (size_t next : then[i])
            if (--missing[next] == 0) ready.push_back(next);
    }
}
} // namespace emulator

using namespace emulator;

/* ---- captures ---- */

cudaError_t cudaStreamBeginCapture(cudaStream_t stream, cudaStreamCaptureMode mode)
{
    locked guard(lock());
    if (call_fails(__func__)) return remember(cudaErrorUnknown);
    queue &q = *queue_of(stream);
    if (&q == legacy.get()) return remember(cudaErrorStreamCaptureUnsupported);
    if (q.capturing) return remember(cudaErrorIllegalState);
    q.capturing = std::make_shared<capture>(capture{{}, &q, mode, std::this_thread::get_id(), false});
    q.after.clear();
    q.front = nullptr;
    return cudaSuccess;
}

/* All that the other streams did must come before where the capture ends. */
static bool is_joined(const capture &c)
{
    std::vector<bool> before(c.made.size());
    for (size_t last : c.origin->after) before[last] = true;
    for (size_t i = c.made.size(); i-- > 0;) {
        if (!before[i]) return false; /* a node's successors have larger numbers: they have been looked at */
        for (size_t b : c.made[i].after) before[b] = true;
    }
    return true;
}

cudaError_t cudaStreamEndCapture(cudaStream_t stream, cudaGraph_t *graph)
{
    locked guard(lock());
    bool fails = call_fails(__func__);
    *graph = nullptr;
    std::shared_ptr<capture> c = queue_of(stream)->capturing;
    if (!c) return remember(cudaErrorIllegalState);
    if (c->origin != queue_of(stream).get()) {
        c->invalid = true;
        return remember(cudaErrorStreamCaptureUnmatched);
    }
    bool joined = is_joined(*c);
    for (const auto &q : queues)
        if (q->capturing == c) q->capturing = nullptr, q->front = nullptr;
    if (c->invalid) return remember(cudaErrorStreamCaptureInvalidated);
    c->invalid = true; /* for events that still know it */
    if (!joined) return remember(cudaErrorStreamCaptureUnjoined);
    if (fails) return remember(cudaErrorUnknown);
    *graph = new CUgraph_st{std::move(c->made)};
    object_made(*graph, "graph");
    return cudaSuccess;
}

cudaError_t cudaStreamIsCapturing(cudaStream_t stream, cudaStreamCaptureStatus *status)
{
    locked guard(lock());
    if (call_fails(__func__)) return remember(cudaErrorUnknown);
    const std::shared_ptr<capture> &c = queue_of(stream)->capturing;
    *status = !c ? cudaStreamCaptureStatusNone : c->invalid ? cudaStreamCaptureStatusInvalidated : cudaStreamCaptureStatusActive;
    return cudaSuccess;
}

/* ---- graphs ---- */

/* Only their number: nodes are not shown one by one. */
cudaError_t cudaGraphGetNodes(cudaGraph_t graph, cudaGraphNode_t *list, size_t *count)
{
    locked guard(lock());
    if (call_fails(__func__)) return remember(cudaErrorUnknown);
    if (list) return remember(cudaErrorNotSupported);
    *count = graph->made.size();
    return cudaSuccess;
}

cudaError_t cudaGraphInstantiate(cudaGraphExec_t *executable, cudaGraph_t graph, unsigned long long)
{
    locked guard(lock());
    if (call_fails(__func__)) return remember(cudaErrorMemoryAllocation);
    *executable = new CUgraphExec_st{std::make_shared<const nodes>(graph->made), nullptr, 0};
    object_made(*executable, "executable graph");
    return cudaSuccess;
}

cudaError_t cudaGraphUpload(cudaGraphExec_t, cudaStream_t)
{
    locked guard(lock());
    return call_fails(__func__) ? remember(cudaErrorUnknown) : cudaSuccess;
}

cudaError_t cudaGraphLaunch(cudaGraphExec_t executable, cudaStream_t stream)
{
    locked guard(lock());
    if (call_fails(__func__)) return remember(cudaErrorUnknown);
    if (is_capturing(stream)) return remember(cudaErrorNotSupported);
    const std::shared_ptr<queue> &q = queue_of(stream);
    std::shared_ptr<const nodes> made = executable->made; /* it may be destroyed before the launch is done */
    std::shared_ptr<queue> last = executable->launched;
    size_t upto = executable->upto;
    if (last) add(q, wait_for(last, upto));
    if (waits_for_others(*made))
        for (const node &n : *made) add(q, {n.run, n.kernel, n.ready, n.ready != nullptr});
    else
        add(q, {[made] { run_graph(*made); }, nullptr, nullptr, false});
    executable->launched = q;
    executable->upto = tail_of(*q);
    return cudaSuccess;
}

template <class T> static cudaError_t destroy(const char *call, T *object)
{
    locked guard(lock());
    bool fails = call_fails(call);
    object_gone(object);
    delete object;
    return fails ? remember(cudaErrorUnknown) : cudaSuccess;
}

cudaError_t cudaGraphDestroy(cudaGraph_t graph) { return destroy(__func__, graph); }
cudaError_t cudaGraphExecDestroy(cudaGraphExec_t executable) { return destroy(__func__, executable); }
