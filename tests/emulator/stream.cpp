/* Streams, events and graphs. A stream is a queue of work; when it is done is the emulator's choice between at once and when
 * something waits for it (emulator_set_laziness), so that what depends on work must say so. */
#include "emulator.h"
#include "internal.h"
#include "races.h"
#include <chrono>
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

/* Queues outlive their streams: work that nobody waited for still is to be done. */
static std::vector<std::shared_ptr<queue>> &queues = *new std::vector<std::shared_ptr<queue>>;
static const std::shared_ptr<queue> &legacy = *new std::shared_ptr<queue>(new queue());
static uint64_t chance;
static unsigned long drains;
} // namespace emulator

using emulator::nodes;
using emulator::queue;

struct CUstream_st {
    std::shared_ptr<queue> work;
};
struct CUevent_st {
    std::shared_ptr<queue> recorded; /* NULL: never */
    size_t upto;                     /* done when the queue is through with so many */
    std::shared_ptr<double> time;    /* ms */
    std::shared_ptr<emulator::capture> captured;
    std::vector<size_t> after;
};
struct CUgraph_st {
    nodes made;
};
struct CUgraphExec_st {
    std::shared_ptr<const nodes> made;
    std::shared_ptr<queue> launched; /* its last launch: the next one comes after it */
    size_t upto;
};

namespace emulator
{
static const std::shared_ptr<queue> &queue_of(cudaStream_t stream)
{
    if (stream == cudaStreamPerThread) die("per-thread default streams are not emulated");
    return stream && stream != cudaStreamLegacy ? stream->work : legacy;
}
static size_t tail_of(const queue &q) { return q.done + q.waiting.size(); }

/* ---- doing the work ---- */

/* Ends early in front of work that cannot be done yet. */
static void advance(queue &q, size_t upto)
{
    if (q.done >= upto || q.waiting.empty()) return;
    device_enter();
    while (q.done < upto && !q.waiting.empty() && (!q.waiting.front().ready || q.waiting.front().ready())) {
        piece p = std::move(q.waiting.front());
        q.waiting.pop_front();
        q.done++;
        begin_those_behind(p.kernel.get(), [&q](size_t i) { return i < q.waiting.size() ? q.waiting[i].kernel.get() : nullptr; });
        p.run();
    }
    device_leave();
}

/* Every queue up to its last piece that waits for another process. */
static void advance_alone()
{
    locked guard(lock());
    for (size_t i = 0; i < queues.size(); i++) {
        size_t upto = 0;
        for (size_t k = 0; k < queues[i]->waiting.size(); k++)
            if (queues[i]->waiting[k].alone) upto = queues[i]->done + k + 1;
        advance(*queues[i], upto);
    }
}

/* The host waits until queue `q` has come so far. What it waits for may be another thread's part, which needs the lock. */
static void wait_on_host(queue &q, size_t upto)
{
    bool had_work = !q.waiting.empty() && q.done < upto;
    advance(q, upto);
    while (q.done < upto && !q.waiting.empty()) {
        lock().unlock();
        std::this_thread::sleep_for(std::chrono::microseconds(50));
        lock().lock();
        advance_alone();
        advance(q, upto);
    }
    drains += had_work && q.waiting.empty();
}

/* A piece of work: until queue `q` has come so far. */
static piece wait_for(const std::shared_ptr<queue> &q, size_t upto)
{
    auto ready = [q, upto] {
        advance(*q, upto);
        return q->done >= upto;
    };
    return {[] {}, nullptr, ready, false};
}

void synchronize_all()
{
    wait_on_host(*legacy, tail_of(*legacy));
    std::vector<std::shared_ptr<queue>> all = queues, kept; /* while one is waited for, others may come and go */
    for (const auto &q : all) wait_on_host(*q, tail_of(*q));
    all.clear();
    for (const auto &q : queues)
        if (q.use_count() > 1) kept.push_back(q);
    queues.swap(kept);
}

static void advance_by_chance(queue &given)
{
    if (laziness() == 0) advance(given, tail_of(given));
    if (laziness() < 2) return;
    while (random_next(&chance) % 2) {
        size_t i = random_next(&chance) % (queues.size() + 1);
        queue &q = i < queues.size() ? *queues[i] : *legacy;
        advance(q, q.done + 1 + random_next(&chance) % 4);
    }
}

static void add(const std::shared_ptr<queue> &q, piece p)
{
    if (q == legacy) {
        for (const auto &other : queues)
            if (other->blocking && !other->waiting.empty()) q->waiting.push_back(wait_for(other, tail_of(*other)));
    } else if (q->blocking && !legacy->waiting.empty()) {
        q->waiting.push_back(wait_for(legacy, tail_of(*legacy)));
    }
    q->front = p.kernel;
    q->waiting.push_back(std::move(p));
    advance_by_chance(*q);
}

/* The legacy stream may not be used while a stream that waits for it is being captured. */
static bool is_legacy_forbidden()
{
    bool forbidden = false;
    for (const auto &q : queues)
        if (q->capturing && q->blocking) forbidden = q->capturing->invalid = true;
    return forbidden;
}

cudaError_t enqueue(cudaStream_t stream, cudaGraphNodeType type, work w, const std::shared_ptr<launched> &kernel,
                    const condition &ready)
{
    const std::shared_ptr<queue> &q = queue_of(stream);
    if (q == legacy && is_legacy_forbidden()) return remember(cudaErrorStreamCaptureImplicit);
    if (!q->capturing) {
        add(q, {std::move(w), kernel, ready, ready != nullptr});
        return cudaSuccess;
    }
    capture &c = *q->capturing;
    if (c.invalid) return remember(cudaErrorStreamCaptureInvalidated);
    c.made.push_back({std::move(w), kernel, type, q->after, ready});
    q->after = {c.made.size() - 1};
    q->front = kernel;
    return cudaSuccess;
}

std::shared_ptr<launched> kernel_in_front(cudaStream_t stream) { return queue_of(stream)->front; }

bool is_capturing(cudaStream_t stream) { return queue_of(stream)->capturing != nullptr; }

bool capture_ends()
{
    bool ends = false;
    for (const auto &q : queues)
        if (q->capturing) ends = q->capturing->invalid = true;
    return ends;
}

/* A capture in the mode `global` forbids it to every thread, one in the mode `thread local` to its own. */
bool capture_forbids()
{
    bool forbids = false;
    for (const auto &q : queues) {
        if (!q->capturing || q->capturing->mode == cudaStreamCaptureModeRelaxed) continue;
        if (q->capturing->mode == cudaStreamCaptureModeGlobal || q->capturing->thread == std::this_thread::get_id())
            forbids = q->capturing->invalid = true;
    }
    return forbids;
}

cudaError_t synchronize(cudaStream_t stream)
{
    queue &q = *queue_of(stream);
    if (q.capturing) {
        q.capturing->invalid = true;
        return remember(cudaErrorStreamCaptureUnsupported);
    }
    if (&q == legacy.get() && is_legacy_forbidden()) return remember(cudaErrorStreamCaptureImplicit);
    wait_on_host(q, tail_of(q));
    return cudaSuccess;
}

/* Ready once the queue has come so far; every question brings it one piece of work nearer, so that a loop that asks ends. */
static cudaError_t query(queue &q, size_t upto)
{
    if (q.done >= upto) return cudaSuccess;
    advance(q, q.done + 1);
    return remember(cudaErrorNotReady);
}

/* Such a graph is run node by node, in the order in which they were captured. */
static bool waits_for_others(const nodes &made)
{
    for (const node &n : made)
        if (n.ready) return true;
    return false;
}

void progress_alone()
{
    static bool begun;
    if (begun) return;
    begun = true;
    std::thread([] {
        for (;;) {
            std::this_thread::sleep_for(std::chrono::milliseconds(1));
            advance_alone();
        }
    }).detach();
}

static double milliseconds()
{
    return std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now().time_since_epoch()).count();
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

unsigned long emulator_drains(void)
{
    locked guard(lock());
    return drains;
}

/* ---- streams ---- */

cudaError_t cudaStreamCreateWithFlags(cudaStream_t *stream, unsigned flags)
{
    locked guard(lock());
    if (call_fails(__func__)) return remember(cudaErrorMemoryAllocation);
    *stream = new CUstream_st{std::make_shared<queue>()};
    (*stream)->work->blocking = !(flags & cudaStreamNonBlocking);
    queues.push_back((*stream)->work);
    object_made(*stream, "stream");
    return cudaSuccess;
}

cudaError_t cudaStreamCreate(cudaStream_t *stream) { return cudaStreamCreateWithFlags(stream, cudaStreamDefault); }
cudaError_t cudaStreamCreateWithPriority(cudaStream_t *stream, unsigned flags, int)
{
    return cudaStreamCreateWithFlags(stream, flags);
}

cudaError_t cudaDeviceGetStreamPriorityRange(int *minimum, int *greatest)
{
    locked guard(lock());
    *minimum = *greatest = 0;
    return call_fails(__func__) ? remember(cudaErrorUnknown) : cudaSuccess;
}

cudaError_t cudaStreamDestroy(cudaStream_t stream)
{
    locked guard(lock());
    bool fails = call_fails(__func__);
    if (!stream) return remember(cudaErrorInvalidResourceHandle);
    if (stream->work->capturing) stream->work->capturing->invalid = true;
    object_gone(stream);
    delete stream;
    return fails ? remember(cudaErrorUnknown) : cudaSuccess;
}

cudaError_t cudaStreamSynchronize(cudaStream_t stream)
{
    locked guard(lock());
    bool fails = call_fails(__func__);
    cudaError_t error = synchronize(stream);
    return fails ? remember(cudaErrorUnknown) : error;
}

cudaError_t cudaDeviceSynchronize(void)
{
    locked guard(lock());
    bool fails = call_fails(__func__);
    if (capture_forbids()) return remember(cudaErrorStreamCaptureUnsupported);
    synchronize_all();
    return fails ? remember(cudaErrorUnknown) : cudaSuccess;
}

cudaError_t cudaStreamQuery(cudaStream_t stream)
{
    locked guard(lock());
    if (call_fails(__func__)) return remember(cudaErrorUnknown);
    queue &q = *queue_of(stream);
    return q.capturing ? remember(cudaErrorStreamCaptureUnsupported) : query(q, tail_of(q));
}

/* The host's function runs on the host: it may not touch device memory. */
cudaError_t cudaLaunchHostFunc(cudaStream_t stream, cudaHostFn_t function, void *argument)
{
    locked guard(lock());
    if (call_fails(__func__)) return remember(cudaErrorUnknown);
    return enqueue(stream, cudaGraphNodeTypeHost, [=] {
        device_leave();
        function(argument);
        device_enter();
    });
}

cudaError_t cudaStreamWaitEvent(cudaStream_t stream, cudaEvent_t event, unsigned)
{
    locked guard(lock());
    if (call_fails(__func__)) return remember(cudaErrorUnknown);
    const std::shared_ptr<queue> &q = queue_of(stream);
    if (event->captured) { /* the stream joins that capture, if it is not of it */
        if (event->captured->invalid || (q->capturing && q->capturing != event->captured))
            return remember(cudaErrorStreamCaptureIsolation);
        if (!q->capturing) q->after.clear();
        q->capturing = event->captured;
        q->after.insert(q->after.end(), event->after.begin(), event->after.end());
        q->front = nullptr;
        return cudaSuccess;
    }
    if (q->capturing && event->recorded) {
        q->capturing->invalid = true;
        return remember(cudaErrorStreamCaptureIsolation);
    }
    if (event->recorded) add(q, wait_for(event->recorded, event->upto));
    return cudaSuccess;
}

/* ---- events ---- */

static cudaError_t event_create(const char *call, cudaEvent_t *event)
{
    locked guard(lock());
    if (call_fails(call)) return remember(cudaErrorMemoryAllocation);
    *event = new CUevent_st();
    object_made(*event, "event");
    return cudaSuccess;
}

cudaError_t cudaEventCreateWithFlags(cudaEvent_t *event, unsigned) { return event_create(__func__, event); }
cudaError_t cudaEventCreate(cudaEvent_t *event) { return event_create(__func__, event); }

cudaError_t cudaEventDestroy(cudaEvent_t event)
{
    locked guard(lock());
    bool fails = call_fails(__func__);
    if (!event) return remember(cudaErrorInvalidResourceHandle);
    object_gone(event);
    delete event;
    return fails ? remember(cudaErrorUnknown) : cudaSuccess;
}

cudaError_t cudaEventRecord(cudaEvent_t event, cudaStream_t stream)
{
    locked guard(lock());
    if (call_fails(__func__)) return remember(cudaErrorUnknown);
    const std::shared_ptr<queue> &q = queue_of(stream);
    event->captured = q->capturing;
    event->after = q->after;
    event->recorded = nullptr;
    if (q->capturing) return cudaSuccess;
    auto time = event->time = std::make_shared<double>(0.0);
    std::shared_ptr<launched> front = q->front;
    add(q, {[time] { *time = milliseconds(); }, nullptr, nullptr, false});
    q->front = front; /* a kernel behind it may begin as early as without it */
    event->recorded = q;
    event->upto = tail_of(*q);
    return cudaSuccess;
}

static cudaError_t refuse_captured(cudaEvent_t event)
{
    if (!event->captured) return cudaSuccess;
    event->captured->invalid = true;
    return remember(cudaErrorCapturedEvent);
}

cudaError_t cudaEventSynchronize(cudaEvent_t event)
{
    locked guard(lock());
    bool fails = call_fails(__func__);
    if (cudaError_t error = refuse_captured(event)) return error;
    if (event->recorded) wait_on_host(*event->recorded, event->upto);
    return fails ? remember(cudaErrorUnknown) : cudaSuccess;
}

cudaError_t cudaEventQuery(cudaEvent_t event)
{
    locked guard(lock());
    if (call_fails(__func__)) return remember(cudaErrorUnknown);
    if (cudaError_t error = refuse_captured(event)) return error;
    return event->recorded ? query(*event->recorded, event->upto) : cudaSuccess;
}

cudaError_t cudaEventElapsedTime(float *ms, cudaEvent_t from, cudaEvent_t to)
{
    locked guard(lock());
    if (call_fails(__func__)) return remember(cudaErrorUnknown);
    if (!from->recorded || !to->recorded) return remember(cudaErrorInvalidResourceHandle);
    if (from->recorded->done < from->upto || to->recorded->done < to->upto) return remember(cudaErrorNotReady);
    *ms = (float)(*to->time - *from->time);
    return cudaSuccess;
}

/* ---- graphs ---- */

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

cudaError_t cudaGraphDestroy(cudaGraph_t graph)
{
    locked guard(lock());
    bool fails = call_fails(__func__);
    object_gone(graph);
    delete graph;
    return fails ? remember(cudaErrorUnknown) : cudaSuccess;
}

cudaError_t cudaGraphExecDestroy(cudaGraphExec_t executable)
{
    locked guard(lock());
    bool fails = call_fails(__func__);
    object_gone(executable);
    delete executable;
    return fails ? remember(cudaErrorUnknown) : cudaSuccess;
}
