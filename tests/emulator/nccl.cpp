/* NCCL between emulator processes on one machine: communicators that do not block, and messages in groups, by bytes in shared
 * memory. A group is a piece of its stream's work, which is done when all of its messages are; it can be captured. What a rank
 * receives must be of the size that the other has sent, and all that was sent must have been received when a communicator is
 * finalized. The module that holds the emulator exports these functions: it serves as the library. */
#include "emulator.h"
#include "internal.h"
#include <atomic>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>
#include <vector>

#define EXPORTED extern "C" __attribute__((visibility("default")))

namespace emulator
{
enum { OK = 0, UNHANDLED_CUDA_ERROR = 1, INVALID_ARGUMENT = 4, INVALID_USAGE = 5, IN_PROGRESS = 7 };

/* The bytes from one rank to another: of each message its size and then itself. */
struct channel {
    static const size_t ROOM = 1 << 16;
    std::atomic<uint64_t> written, read;
    char bytes[ROOM];
};

struct meeting {
    std::atomic<int> arrived;
    channel pipes[1]; /* ranks x ranks, the sender's first */
};

struct communicator {
    meeting *at;
    size_t bytes;
    std::string name;
    int rank, ranks;
    bool aborted;
    channel &between(int from, int to) const { return at->pipes[from * ranks + to]; }
    ~communicator() { munmap(at, bytes); }
};

struct message {
    bool sends;
    char *at;
    uint64_t bytes;
    int peer;
    uint64_t moved; /* of its size's 8 bytes and its own */
};

static size_t move_bytes(channel &p, bool writes, char *at, size_t bytes)
{
    uint64_t written = p.written.load(), read = p.read.load(), from = writes ? written : read;
    size_t some = std::min(bytes, (size_t)(writes ? channel::ROOM - (written - read) : written - read));
    for (size_t i = 0; i < some;) {
        size_t place = (size_t)((from + i) % channel::ROOM), piece = std::min(some - i, channel::ROOM - place);
        if (writes)
            memcpy(p.bytes + place, at + i, piece);
        else
            memcpy(at + i, p.bytes + place, piece);
        i += piece;
    }
    (writes ? p.written : p.read).store(from + some);
    return some;
}

static bool advance_message(const communicator &c, message &m)
{
    channel &p = m.sends ? c.between(c.rank, m.peer) : c.between(m.peer, c.rank);
    uint64_t size = m.bytes;
    if (m.moved == 0) {
        bool fits = m.sends ? channel::ROOM - (p.written.load() - p.read.load()) >= sizeof size
                            : p.written.load() - p.read.load() >= sizeof size;
        if (!fits) return false;
        m.moved = move_bytes(p, m.sends, (char *)&size, sizeof size);
        if (size != m.bytes)
            die("NCCL: rank %d receives %llu bytes from rank %d, which has sent %llu", c.rank, (unsigned long long)m.bytes,
                m.peer, (unsigned long long)size);
    }
    uint64_t done = m.moved - sizeof size;
    m.moved += move_bytes(p, m.sends, m.at + done, m.bytes - done);
    return m.moved == m.bytes + sizeof size;
}

/* Of one rank the first message, in each direction, that is not through. */
static bool advance_group(const communicator &c, std::vector<message> &messages)
{
    bool all = true;
    std::vector<bool> blocked(2 * (size_t)c.ranks);
    if (c.aborted) return true;
    for (message &m : messages) {
        size_t way = 2 * (size_t)m.peer + m.sends;
        if (blocked[way] || (m.moved == m.bytes + sizeof m.bytes)) continue;
        if (!advance_message(c, m)) blocked[way] = true, all = false;
    }
    return all;
}

struct group {
    std::shared_ptr<communicator> of;
    cudaStream_t stream;
    std::vector<message> messages;
};
static thread_local int depth;
static thread_local std::vector<group> groups;
} // namespace emulator

using namespace emulator;

struct ncclComm {
    std::shared_ptr<communicator> state;
};
struct unique_id {
    char name[128];
};
struct configuration {
    size_t size;
    unsigned magic, version;
    int blocking;
};

EXPORTED int ncclGetVersion(int *version)
{
    const char *given = getenv("CUSGD_EMULATOR_NCCL");
    *version = given ? atoi(given) : 22809;
    return OK;
}

EXPORTED const char *ncclGetErrorString(int error)
{
    return error == UNHANDLED_CUDA_ERROR ? "unhandled cuda error" : error == INVALID_USAGE ? "invalid usage" : "invalid argument";
}

EXPORTED const char *ncclGetLastError(ncclComm *) { return "by the emulated NCCL"; }

EXPORTED int ncclGetUniqueId(unique_id *id)
{
    static int made;
    locked guard(lock());
    if (call_fails(__func__)) return UNHANDLED_CUDA_ERROR;
    memset(id, 0, sizeof *id);
    snprintf(id->name, sizeof id->name, "/cusgd-nccl-%d-%d", (int)getpid(), made++);
    return OK;
}

EXPORTED int ncclCommInitRankConfig(ncclComm **out, int ranks, unique_id id, int rank, configuration *config)
{
    locked guard(lock());
    *out = nullptr;
    if (call_fails(__func__)) return UNHANDLED_CUDA_ERROR;
    if (config->magic != 0xcafebeef || config->size < sizeof *config || rank < 0 || rank >= ranks) return INVALID_ARGUMENT;
    if (config->blocking != 0) die("NCCL: communicators that block are not emulated");
    auto c = std::make_shared<communicator>();
    c->bytes = sizeof(meeting) + sizeof(channel) * (size_t)(ranks * ranks);
    c->name = id.name;
    c->rank = rank;
    c->ranks = ranks;
    int file = shm_open(id.name, O_RDWR | O_CREAT, 0600);
    bool there = file >= 0 && ftruncate(file, (off_t)c->bytes) == 0;
    void *at = there ? mmap(nullptr, c->bytes, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0) : MAP_FAILED;
    if (file >= 0) close(file);
    if (at == MAP_FAILED) die("NCCL: no shared memory named %s", id.name);
    c->at = (meeting *)at;
    if (++c->at->arrived == ranks) shm_unlink(id.name);
    *out = new ncclComm{c};
    object_made(*out, "NCCL communicator");
    progress_alone();
    return c->at->arrived < ranks ? IN_PROGRESS : OK;
}

EXPORTED int ncclCommGetAsyncError(ncclComm *comm, int *error)
{
    locked guard(lock());
    if (call_fails(__func__)) return UNHANDLED_CUDA_ERROR;
    *error = comm->state->at->arrived < comm->state->ranks ? IN_PROGRESS : OK;
    return OK;
}

static int end(ncclComm *comm, const char *name)
{
    bool fails = call_fails(name);
    object_gone(comm);
    delete comm;
    return fails ? UNHANDLED_CUDA_ERROR : OK;
}

EXPORTED int ncclCommAbort(ncclComm *comm)
{
    locked guard(lock());
    comm->state->aborted = true;
    if (comm->state->at->arrived < comm->state->ranks) shm_unlink(comm->state->name.c_str());
    return end(comm, __func__);
}

EXPORTED int ncclCommFinalize(ncclComm *comm)
{
    locked guard(lock());
    const communicator &c = *comm->state;
    if (call_fails(__func__)) return UNHANDLED_CUDA_ERROR;
    for (int from = 0; from < c.ranks; from++)
        if (c.between(from, c.rank).written != c.between(from, c.rank).read)
            die("NCCL: rank %d has not received all that rank %d has sent", c.rank, from);
    return OK;
}

EXPORTED int ncclCommDestroy(ncclComm *comm)
{
    locked guard(lock());
    return end(comm, __func__);
}

EXPORTED int ncclGroupStart(void)
{
    locked guard(lock());
    if (call_fails(__func__)) return UNHANDLED_CUDA_ERROR;
    depth++;
    return OK;
}

static int add_message(const char *name, ncclComm *comm, cudaStream_t stream, message m, int type)
{
    locked guard(lock());
    if (call_fails(name)) return UNHANDLED_CUDA_ERROR;
    const communicator &c = *comm->state;
    if (depth == 0) die("NCCL: %s outside a group, where it would wait for the other rank", name);
    if (type != 0 || m.peer < 0 || m.peer >= c.ranks || m.peer == c.rank) return INVALID_ARGUMENT;
    if (m.bytes == 0 || !is_device(m.at, m.bytes))
        die("NCCL: %s of %llu bytes that are no device memory", name, (unsigned long long)m.bytes);
    if (groups.empty() || groups.back().of != comm->state) groups.push_back({comm->state, stream, {}});
    if (groups.back().stream != stream) die("NCCL: a group in several streams is not emulated");
    groups.back().messages.push_back(m);
    return OK;
}

EXPORTED int ncclSend(const void *from, size_t bytes, int type, int peer, ncclComm *comm, cudaStream_t stream)
{
    return add_message(__func__, comm, stream, {true, (char *)const_cast<void *>(from), bytes, peer, 0}, type);
}

EXPORTED int ncclRecv(void *to, size_t bytes, int type, int peer, ncclComm *comm, cudaStream_t stream)
{
    return add_message(__func__, comm, stream, {false, (char *)to, bytes, peer, 0}, type);
}

EXPORTED int ncclGroupEnd(void)
{
    locked guard(lock());
    if (depth == 0) return INVALID_USAGE;
    bool fails = call_fails(__func__);
    std::vector<group> given;
    if (--depth == 0) given.swap(groups);
    if (fails) return UNHANDLED_CUDA_ERROR;
    for (const group &g : given) {
        auto messages = std::make_shared<std::vector<message>>(g.messages);
        std::shared_ptr<communicator> of = g.of;
        auto forget = [messages] {
            for (message &m : *messages) m.moved = 0;
        };
        if (enqueue(g.stream, cudaGraphNodeTypeKernel, forget, nullptr, [of, messages] { return advance_group(*of, *messages); }))
            return UNHANDLED_CUDA_ERROR;
    }
    return OK;
}
