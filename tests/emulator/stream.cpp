/* Streams and events. A stream is a queue of work; when it is done is the emulator's choice between at once and when something
 * waits for it (emulator_set_laziness), so that what depends on work must say so. */
#include "emulator.h"
#include "internal.h"
#include "queues.h"
#include "races.h"
#include <chrono>

namespace emulator
{
/* Queues outlive their streams: work that nobody waited for still is to be done. */
std::vector<std::shared_ptr<queue>> &queues = *new std::vector<std::shared_ptr<queue>>;
const std::shared_ptr<queue> &legacy = *new std::shared_ptr<queue>(new queue());
uint64_t chance;
static unsigned long drains;

const std::shared_ptr<queue> &queue_of(cudaStream_t stream)
{
    if (stream == cudaStreamPerThread) die("per-thread default streams are not emulated");
    return stream && stream != cudaStreamLegacy ? stream->work : legacy;
}
size_t tail_of(const queue &q) { return q.done + q.waiting.size(); }

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

piece wait_for(const std::shared_ptr<queue> &q, size_t upto)
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

void add(const std::shared_ptr<queue> &q, piece p)
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
