/* The communicator of the GPUs of several processes. NCCL is loaded at run time when it is needed, and the few functions that
 * are used are declared here, because NCCL is large and not required for building cuSGD. The communicator is nonblocking: a
 * rank that waits for another checks its timeout, the errors of NCCL and the messages of the processes, and aborts the
 * communicator if the other rank will not respond. */
#include "exchange.h"

#include <dlfcn.h>
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

/* ---- The library ---- */

enum { NCCL_OK = 0, NCCL_IN_PROGRESS = 7, NCCL_BYTE = 0 /* ncclInt8 */, NCCL_LEAST = 21400 /* version 2.14 */ };

typedef struct ncclComm *nccl_comm;
typedef struct nccl_id {
    char internal[128];
} nccl_id;

/* ncclConfig_t as of NCCL 2.14; later versions treat members that they have added as not given. */
typedef struct nccl_config {
    size_t size;
    unsigned magic, version;
    int blocking;
} nccl_config;

static struct library {
    int (*get_version)(int *version);
    int (*get_id)(nccl_id *id);
    int (*init)(nccl_comm *comm, int ranks, nccl_id id, int rank, nccl_config *config);
    int (*get_error)(nccl_comm comm, int *error);
    int (*send)(const void *from, size_t count, int type, int peer, nccl_comm comm, cudaStream_t stream);
    int (*receive)(void *to, size_t count, int type, int peer, nccl_comm comm, cudaStream_t stream);
    int (*group_start)(void), (*group_end)(void);
    int (*finalize)(nccl_comm comm), (*destroy)(nccl_comm comm), (*abort)(nccl_comm comm);
    const char *(*error_text)(int error), *(*last_error)(nccl_comm comm);
    char missing[512]; /* why NCCL cannot be used; empty if it can */
} nccl;
static pthread_once_t nccl_sought = PTHREAD_ONCE_INIT;

static void find_functions(void *library)
{
    const struct {
        const char *name;
        void *at;
    } functions[] = {{"ncclGetVersion", &nccl.get_version},
                     {"ncclGetUniqueId", &nccl.get_id},
                     {"ncclCommInitRankConfig", &nccl.init},
                     {"ncclSend", &nccl.send},
                     {"ncclRecv", &nccl.receive},
                     {"ncclCommGetAsyncError", &nccl.get_error},
                     {"ncclGroupStart", &nccl.group_start},
                     {"ncclGroupEnd", &nccl.group_end},
                     {"ncclCommFinalize", &nccl.finalize},
                     {"ncclCommDestroy", &nccl.destroy},
                     {"ncclCommAbort", &nccl.abort},
                     {"ncclGetErrorString", &nccl.error_text},
                     {"ncclGetLastError", &nccl.last_error}};
    for (size_t i = 0; i < sizeof functions / sizeof functions[0] && !*nccl.missing; i++) {
        void *found = dlsym(library, functions[i].name);
        if (!found) snprintf(nccl.missing, sizeof nccl.missing, "has no %s, as NCCL 2.14 and later ones do", functions[i].name);
        memcpy(functions[i].at, &found, sizeof found);
    }
}

static void seek_nccl(void)
{
    const char *named = secure_getenv("CUSGD_NCCL"), *path = named && *named ? named : "libnccl.so.2";
    void *library = dlopen(path, RTLD_NOW | RTLD_LOCAL); /* never closed, like CUDA */
    int version = 0;
    if (!library) {
        const char *why = dlerror();
        snprintf(nccl.missing, sizeof nccl.missing, "does not open: %.400s", why ? why : path);
        return;
    }
    find_functions(library);
    if (!*nccl.missing && (nccl.get_version(&version) != NCCL_OK || version < NCCL_LEAST))
        snprintf(nccl.missing, sizeof nccl.missing, "is of version %d, and 2.14 is the first that can be used", version);
}

cusgd_status nccl_usable(void)
{
    pthread_once(&nccl_sought, seek_nccl);
    if (!*nccl.missing) return CUSGD_OK;
    return fail(CUSGD_ERROR_DEVICE,
                "GPUs of several processes need NCCL, which %s; install libnccl2, name the library in CUSGD_NCCL, or use "
                "--device cpu",
                nccl.missing);
}

/* ---- Waiting ---- */

struct nccl_ranks {
    world *world;
    nccl_comm comm; /* NULL: aborted */
};

static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

/* Reports an error and notifies the other ranks through their processes, because they would wait for this rank. */
static cusgd_status fail_nccl(const nccl_ranks *n, const char *function, int code)
{
    const char *more = n->comm ? nccl.last_error(n->comm) : NULL;
    cusgd_status status = fail(CUSGD_ERROR_DEVICE, "GPU: NCCL: %s: %s%s%.300s", function, nccl.error_text(code),
                               more && *more ? ", " : "", more ? more : "");
    n->world->ops->notify(n->world->of, last_failure());
    return status;
}

/* Aborts the communicator. Every rank calls this function eventually, because of its own timeout or a message of another rank. */
static cusgd_status give_up(nccl_ranks *n, cusgd_status status)
{
    if (n->comm) (void)nccl.abort(n->comm);
    n->comm = NULL;
    n->world->failed = 1;
    return status;
}

static cusgd_status check_there(const nccl_ranks *n)
{
    return n->comm ? CUSGD_OK : fail(CUSGD_ERROR_DEVICE, "the processes have lost each other: start the run again");
}

typedef struct waiting {
    double begun; /* 0: not started yet */
    int attempts;
} waiting;

/* Called repeatedly while waiting; fails if the wait cannot succeed. */
static cusgd_status keep_waiting(const nccl_ranks *n, waiting *w)
{
    enum { ATTEMPTS = 64 /* calls between two checks */ };
    const double soon = 2e-4;
    const struct timespec nap = {0, 20000};
    int code = NCCL_OK;
    if (++w->attempts % ATTEMPTS != 0) return CUSGD_OK;
    int error = nccl.get_error(n->comm, &code);
    if (error != NCCL_OK) code = error;
    if (code != NCCL_OK && code != NCCL_IN_PROGRESS) return fail_nccl(n, "ncclCommGetAsyncError", code);
    TRY(n->world->ops->look(n->world->of));
    double at = now();
    if (w->begun == 0) w->begun = at;
    if (at - w->begun > n->world->timeout)
        return fail(CUSGD_ERROR_DEVICE,
                    "another rank has not done its part on a GPU for %g seconds: it has ended, or needs a longer --timeout",
                    n->world->timeout);
    if (at - w->begun > soon)
        nanosleep(&nap, NULL);
    else
        sched_yield();
    return CUSGD_OK;
}

/* Completes a nonblocking call before the next one. */
static cusgd_status settle(nccl_ranks *n, const char *function, int code)
{
    waiting w = {0};
    cusgd_status status = CUSGD_OK;
    while (code == NCCL_IN_PROGRESS && !status) {
        int error = nccl.get_error(n->comm, &code);
        if (error != NCCL_OK) code = error;
        if (code == NCCL_IN_PROGRESS) status = keep_waiting(n, &w);
    }
    if (!status && code != NCCL_OK) status = fail_nccl(n, function, code);
    return status ? give_up(n, status) : CUSGD_OK;
}

cusgd_status nccl_await(nccl_ranks *n, cudaEvent_t event, cudaStream_t stream)
{
    waiting w = {0};
    TRY(check_there(n));
    for (;;) {
        cudaError_t error = event ? cudaEventQuery(event) : cudaStreamQuery(stream);
        if (error == cudaSuccess) return CUSGD_OK;
        if (error != cudaErrorNotReady)
            return cuda_check(error, event ? "cudaEventQuery" : "cudaStreamQuery", __FILE__, __LINE__);
        (void)cudaGetLastError();
        cusgd_status status = keep_waiting(n, &w);
        if (status) return give_up(n, status);
    }
}

cusgd_status nccl_agree(nccl_ranks *n)
{
    int any;
    TRY(check_there(n));
    cusgd_status status = world_any(n->world, 0, &any);
    return status ? give_up(n, status) : CUSGD_OK;
}

/* ---- Opening and closing ---- */

/* Distributes the identifier that rank 0 creates to all ranks. */
static cusgd_status share_id(world *w, nccl_id *id)
{
    *id = (nccl_id){{0}};
    int code = w->rank == 0 ? nccl.get_id(id) : NCCL_OK;
    if (code != NCCL_OK) return fail(CUSGD_ERROR_DEVICE, "GPU: NCCL: ncclGetUniqueId: %s", nccl.error_text(code));
    return world_tell(w, id, sizeof *id);
}

cusgd_status nccl_open(world *w, nccl_ranks **out)
{
    nccl_id id;
    nccl_config config = {sizeof config, 0xcafebeef, NCCL_LEAST, 0};
    TRY(nccl_usable());
    TRY(share_id(w, &id));
    nccl_ranks *n = allocate_zeroed(1, sizeof *n);
    if (!n) return fail_memory(sizeof *n, "the GPUs' communicator");
    n->world = w;
    int code = nccl.init(&n->comm, w->ranks, id, w->rank, &config);
    cusgd_status status = settle(n, "ncclCommInitRankConfig", code);
    if (!status)
        *out = n;
    else
        free(n);
    return status;
}

void nccl_close(nccl_ranks *n, cudaStream_t stream)
{
    const double patience = n->world->timeout < 5 ? n->world->timeout : 5; /* because other ranks may fail while they finish */
    int code = NCCL_IN_PROGRESS, idle = n->comm && !n->world->failed && cudaStreamQuery(stream) == cudaSuccess;
    (void)cudaGetLastError();
    if (idle) code = nccl.finalize(n->comm);
    for (double deadline = now() + patience; idle && code == NCCL_IN_PROGRESS && now() < deadline; sched_yield())
        if (nccl.get_error(n->comm, &code) != NCCL_OK) break;
    if (idle && code == NCCL_OK)
        (void)nccl.destroy(n->comm);
    else if (n->comm)
        (void)nccl.abort(n->comm);
    free(n);
}

/* ---- Messages ---- */

cusgd_status nccl_begin(nccl_ranks *n)
{
    TRY(check_there(n));
    return settle(n, "ncclGroupStart", nccl.group_start());
}

/* Checks a call within a group; such a call need not have completed. */
static cusgd_status added(nccl_ranks *n, const char *function, int code)
{
    return code == NCCL_OK || code == NCCL_IN_PROGRESS ? CUSGD_OK : give_up(n, fail_nccl(n, function, code));
}

cusgd_status nccl_send(nccl_ranks *n, const void *from, size_t bytes, int rank, cudaStream_t stream)
{
    return added(n, "ncclSend", nccl.send(from, bytes, NCCL_BYTE, rank, n->comm, stream));
}

cusgd_status nccl_receive(nccl_ranks *n, void *to, size_t bytes, int rank, cudaStream_t stream)
{
    return added(n, "ncclRecv", nccl.receive(to, bytes, NCCL_BYTE, rank, n->comm, stream));
}

cusgd_status nccl_end(nccl_ranks *n) { return settle(n, "ncclGroupEnd", nccl.group_end()); }
