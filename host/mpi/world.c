/* Communication between the ranks of a world by MPI: the module libcusgd-openmpi.so or libcusgd-mpich.so. Messages have at most a
 * GiB, because MPI counts bytes in an int. No call blocks inside MPI: a rank that waits polls the clock, and messages of ranks
 * that have failed. */
#include "world.h"

#include <mpi.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { TAG_DATA = 1, TAG_FAILED, TAG_END, FAILURE_ROOM = 600, ATTEMPTS = 64 /* between reads of the clock */ };
static const int64_t MESSAGE_BYTES = INT64_C(1) << 30;

/* Messages of some KB are divided into parts that Open MPI sends at once between the processes of a machine. A longer message
 * waits for an answer first, which takes longer than several parts. */
#ifdef OPEN_MPI
static const int64_t EAGER_BYTES = 4000, PIECES_TO = 16000;
#else
static const int64_t EAGER_BYTES = INT64_C(1) << 30, PIECES_TO = 0;
#endif

static int64_t piece_bytes(int64_t bytes) { return bytes <= PIECES_TO ? EAGER_BYTES : MESSAGE_BYTES; }

typedef struct mpi_world {
    MPI_Comm comm;
    const world_services *services;
    int rank, ranks;
    int crowded;    /* 1: more ranks than cores on this machine, so that waiting ranks yield at once */
    int begun;      /* 1: MPI was initialized here */
    int waits_long; /* 1: ranks may take long before the next exchange, because they read data */
    int notified;   /* 1: the other ranks were notified that this rank has failed */
    int lost;       /* the rank that has notified of its failure, and its message; -1: none */
    char why[FAILURE_ROOM];
    double timeout;                 /* seconds */
    char (*failures)[FAILURE_ROOM]; /* failure messages to send, one per rank */
    MPI_Request *requests;
    int *peers; /* the peer of each request */
    int count, room;
    int receives; /* number of requests that receive, which are first */
} mpi_world;

static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static cusgd_status fail_mpi(const mpi_world *w, const char *what, int code)
{
    char text[MPI_MAX_ERROR_STRING] = "";
    int length;
    MPI_Error_string(code, text, &length);
    return w->services->fail(CUSGD_ERROR_DEVICE, "MPI cannot %s: %.300s", what, text);
}

/* ---- Messages ---- */

/* Adds a request for a further message; NULL: there is no memory. */
static MPI_Request *add(mpi_world *w, int peer)
{
    if (w->count == w->room) {
        int room = w->room ? 2 * w->room : 16;
        MPI_Request *requests = realloc(w->requests, sizeof(MPI_Request) * (size_t)room);
        if (requests) w->requests = requests;
        int *peers = realloc(w->peers, sizeof *peers * (size_t)room);
        if (peers) w->peers = peers;
        if (!requests || !peers) return NULL;
        w->room = room;
    }
    w->peers[w->count] = peer;
    return &w->requests[w->count++];
}

static cusgd_status fail_memory(const mpi_world *w)
{
    return w->services->fail(CUSGD_ERROR_MEMORY, "out of memory for messages between %d ranks", w->ranks);
}

static cusgd_status begin_receive(mpi_world *w, int peer, void *to, int64_t bytes)
{
    for (int64_t first = 0, each = piece_bytes(bytes); first < bytes; first += each) {
        int count = (int)(bytes - first < each ? bytes - first : each);
        MPI_Request *request = add(w, peer);
        if (!request) return fail_memory(w);
        int code = MPI_Irecv((char *)to + first, count, MPI_BYTE, peer, TAG_DATA, w->comm, request);
        if (code != MPI_SUCCESS) return fail_mpi(w, "receive", code);
        w->receives = w->count;
    }
    return CUSGD_OK;
}

static cusgd_status begin_send(mpi_world *w, int peer, const void *from, int64_t bytes)
{
    for (int64_t first = 0, each = piece_bytes(bytes); first < bytes; first += each) {
        int count = (int)(bytes - first < each ? bytes - first : each);
        MPI_Request *request = add(w, peer);
        if (!request) return fail_memory(w);
        int code = MPI_Isend((const char *)from + first, count, MPI_BYTE, peer, TAG_DATA, w->comm, request);
        if (code != MPI_SUCCESS) return fail_mpi(w, "send", code);
    }
    return CUSGD_OK;
}

/* Fails if another rank has notified of its failure. */
static cusgd_status look_for_failure(mpi_world *w)
{
    MPI_Status from;
    int there = 0, code = w->lost < 0 ? MPI_Iprobe(MPI_ANY_SOURCE, TAG_FAILED, w->comm, &there, &from) : MPI_SUCCESS;
    if (code != MPI_SUCCESS) return fail_mpi(w, "look for messages", code);
    if (there) {
        code = MPI_Recv(w->why, FAILURE_ROOM, MPI_BYTE, from.MPI_SOURCE, TAG_FAILED, w->comm, MPI_STATUS_IGNORE);
        if (code != MPI_SUCCESS) return fail_mpi(w, "receive", code);
        w->why[FAILURE_ROOM - 1] = 0;
        w->lost = from.MPI_SOURCE;
    }
    return w->lost < 0 ? CUSGD_OK : w->services->fail(CUSGD_ERROR_DEVICE, "rank %d has failed: %s", w->lost, w->why);
}

/* Returns the first pending request. MPI_Testall() leaves all requests unchanged until all are complete. */
static int first_pending(const mpi_world *w)
{
    for (int i = 0; i < w->count; i++) {
        int complete = 1;
        if (MPI_Test(&w->requests[i], &complete, MPI_STATUS_IGNORE) != MPI_SUCCESS || !complete) return w->peers[i];
    }
    return w->rank;
}

/* Yields or sleeps after a long wait, so that others can use the core, possibly the rank that is waited for. */
static void pause_after(double waited)
{
    const double soon = 2e-4;
    const struct timespec nap = {0, 20000};
    if (waited > soon)
        nanosleep(&nap, NULL);
    else
        sched_yield();
}

/* Cancels receives after an exchange has failed, because the caller frees the memory for them. */
static void cancel_receives(const mpi_world *w)
{
    const double patience = 0.5; /* seconds for a message that has begun to arrive */
    double deadline = now() + patience;
    for (int i = 0; i < w->receives; i++) {
        int complete = 1;
        if (MPI_Test(&w->requests[i], &complete, MPI_STATUS_IGNORE) != MPI_SUCCESS || complete) continue;
        if (MPI_Cancel(&w->requests[i]) != MPI_SUCCESS) continue;
        while (!complete && now() < deadline)
            if (MPI_Test(&w->requests[i], &complete, MPI_STATUS_IGNORE) != MPI_SUCCESS) break;
    }
}

static cusgd_status wait_for_messages(mpi_world *w)
{
    const double soon = 1e-3;    /* seconds; if many processes share the cores, each attempt may take that long */
    const double patience = 0.2; /* seconds; a rank may have failed after this exchange, whose messages are still under way */
    double begun = 0, looked = 0, lost = 0;
    for (int attempt = 1;; attempt++) {
        int complete = 0, code = MPI_Testall(w->count, w->requests, &complete, MPI_STATUSES_IGNORE);
        if (code != MPI_SUCCESS) return fail_mpi(w, "exchange data with another rank", code);
        if (complete) break;
        if (w->crowded) sched_yield();
        if (attempt % ATTEMPTS != 0 && !(w->crowded && now() - looked > soon)) continue;
        cusgd_status status = look_for_failure(w);
        double at = looked = now();
        if (status && lost == 0) lost = at;
        if (status && at - lost > patience) return status;
        if (begun == 0) begun = at;
        if (!w->waits_long && at - begun > w->timeout)
            return w->services->fail(CUSGD_ERROR_DEVICE,
                                     "rank %d has not answered for %g seconds: it has ended, or needs a longer --timeout",
                                     first_pending(w), w->timeout);
        pause_after(at - begun);
    }
    w->count = w->receives = 0;
    w->waits_long = 0;
    return CUSGD_OK;
}

/* Completes an exchange. begun: the status of starting its messages. */
static cusgd_status finish_exchange(mpi_world *w, cusgd_status begun)
{
    cusgd_status status = begun ? begun : wait_for_messages(w);
    if (status) cancel_receives(w);
    return status;
}

/* ---- Exchanges ---- */

/* Starts receives first, so that messages find their buffers. */
static cusgd_status exchange(void *of, const world_message *messages, int count)
{
    mpi_world *w = of;
    cusgd_status status = CUSGD_OK;
    for (int i = 0; i < count && !status; i++)
        if (messages[i].receive) status = begin_receive(w, messages[i].rank, messages[i].receive, messages[i].bytes);
    for (int i = 0; i < count && !status; i++)
        if (messages[i].send) status = begin_send(w, messages[i].rank, messages[i].send, messages[i].bytes);
    return finish_exchange(w, status);
}

/* ---- Failures, and the end ---- */

/* The messages are small, so that they are sent at once. They may never be received, and are not waited for. */
static void notify(void *of, const char *text)
{
    mpi_world *w = of;
    size_t length = strnlen(text, FAILURE_ROOM - 1);
    if (w->notified) return;
    w->notified = 1;
    for (int rank = 0; rank < w->ranks; rank++) {
        MPI_Request request;
        memset(w->failures[rank], 0, FAILURE_ROOM);
        memcpy(w->failures[rank], text, length);
        if (rank == w->rank) continue;
        if (MPI_Isend(w->failures[rank], FAILURE_ROOM, MPI_BYTE, rank, TAG_FAILED, w->comm, &request) == MPI_SUCCESS)
            MPI_Request_free(&request);
    }
}

static cusgd_status look(void *of) { return look_for_failure(of); }

static void wait_long(void *of) { ((mpi_world *)of)->waits_long = 1; }

/* Waits for the messages of the final agreement, which are sent to rank 0 and back. Returns 0 if not all have arrived within some
 * seconds. */
static int wait_at_end(const mpi_world *w, int count, MPI_Request *requests)
{
    const double patience = w->timeout < 5 ? w->timeout : 5;
    for (double deadline = now() + patience;;) {
        int complete = 0;
        if (MPI_Testall(count, requests, &complete, MPI_STATUSES_IGNORE) != MPI_SUCCESS) return 0;
        if (complete) return 1;
        if (now() > deadline) return 0;
        pause_after(patience);
    }
}

/* Receives and drops failure messages that other ranks have sent. */
static void drop_failures(const mpi_world *w)
{
    char text[FAILURE_ROOM];
    MPI_Status from;
    int there = 1;
    while (there && MPI_Iprobe(MPI_ANY_SOURCE, TAG_FAILED, w->comm, &there, &from) == MPI_SUCCESS && there)
        MPI_Recv(text, FAILURE_ROOM, MPI_BYTE, from.MPI_SOURCE, TAG_FAILED, w->comm, MPI_STATUS_IGNORE);
}

/* numbers: the answer, a status and its rank, followed by the numbers to send; on rank 0 one status per rank. */
static int agree_at_first(const mpi_world *w, int *numbers, MPI_Request *requests)
{
    int count = 0, *statuses = numbers + 2;
    for (int rank = 1; rank < w->ranks; rank++) {
        statuses[rank] = CUSGD_ERROR_DEVICE; /* for a rank that does not answer */
        MPI_Irecv(&statuses[rank], 1, MPI_INT, rank, TAG_END, w->comm, &requests[count++]);
    }
    int complete = wait_at_end(w, count, requests);
    for (int rank = w->ranks; rank-- > 0;)
        if (statuses[rank] != 0) numbers[0] = statuses[numbers[1] = rank];
    for (count = 0; count + 1 < w->ranks && complete; count++)
        MPI_Isend(numbers, 2, MPI_INT, count + 1, TAG_END, w->comm, &requests[count]);
    return complete && wait_at_end(w, count, requests);
}

static int agree_at_others(const mpi_world *w, int *numbers, MPI_Request *requests)
{
    MPI_Isend(&numbers[2], 1, MPI_INT, 0, TAG_END, w->comm, &requests[0]);
    MPI_Irecv(numbers, 2, MPI_INT, 0, TAG_END, w->comm, &requests[1]);
    return wait_at_end(w, 2, requests);
}

static int agree(void *of, int status, int *rank)
{
    mpi_world *w = of;
    size_t room = (size_t)w->ranks + 2;
    int *numbers = calloc(room, sizeof *numbers), answer = status;
    MPI_Request *requests = calloc(room, sizeof(MPI_Request));
    *rank = status ? w->rank : -1;
    int complete = numbers && requests;
    if (complete) {
        numbers[0] = numbers[2] = status;
        numbers[1] = *rank;
        complete = (w->rank == 0 ? agree_at_first : agree_at_others)(w, numbers, requests);
        answer = numbers[0];
        *rank = numbers[1];
    }
    if (complete) {
        drop_failures(w);
        free(numbers);
        free(requests);
    } else {
        w->notified = 1; /* messages may be left, so that their memory is not freed */
    }
    return answer;
}

/* Ends the process. The launcher ends the other processes if one ends without finalizing MPI, whereas MPI_Abort() may wait for a
 * process that does not answer. Rank 0 ends first, after its messages are sent. */
static void end_process(const mpi_world *w, int status)
{
    const struct timespec while_others = {2, 0};
    if (w->rank > 0) nanosleep(&while_others, NULL);
    fflush(NULL);
    _exit(status ? status : CUSGD_ERROR_DEVICE);
}

static void free_world(mpi_world *w)
{
    free(w->requests);
    free(w->peers);
    free(w->failures);
    free(w);
}

static void closes(void *of, int status, int failed)
{
    mpi_world *w = of;
    int finished = 0;
    MPI_Finalized(&finished);
    if (!finished && w->begun && (failed || w->count > 0)) end_process(w, status);
    if (!finished && !failed && !w->notified) MPI_Comm_free(&w->comm);
    if (!finished && w->begun) MPI_Finalize();
    if (!failed && !w->notified) free_world(w); /* otherwise messages may still be under way */
}

static const world_ops ops = {
    .exchange = exchange, .notify = notify, .look = look, .wait_long = wait_long, .agree = agree, .close = closes};

/* ---- Opening ---- */

static cusgd_status begin_mpi(mpi_world *w)
{
    int begun, level, is_main = 1;
    MPI_Initialized(&begun);
    w->begun = !begun;
    if (begun)
        MPI_Query_thread(&level);
    else if (MPI_Init_thread(NULL, NULL, MPI_THREAD_SERIALIZED, &level) != MPI_SUCCESS)
        return w->services->fail(CUSGD_ERROR_DEVICE, "MPI does not begin: start the program by its mpirun or srun");
    if (begun) MPI_Is_thread_main(&is_main);
    if (level < MPI_THREAD_FUNNELED)
        return w->services->fail(CUSGD_ERROR_USAGE,
                                 "MPI was begun for programs of one thread: begin it with MPI_THREAD_FUNNELED");
    if (level < MPI_THREAD_SERIALIZED && !is_main)
        return w->services->fail(
            CUSGD_ERROR_USAGE, "another thread has begun MPI, with MPI_THREAD_FUNNELED: a world is opened and used by that one");
    return CUSGD_OK;
}

static cusgd_status begin_world(mpi_world *w, MPI_Comm given, world *out)
{
    MPI_Comm machine;
    int code = MPI_Comm_dup(given, &w->comm);
    if (code == MPI_SUCCESS) code = MPI_Comm_set_errhandler(w->comm, MPI_ERRORS_RETURN);
    if (code == MPI_SUCCESS) code = MPI_Comm_rank(w->comm, &out->rank);
    if (code == MPI_SUCCESS) code = MPI_Comm_size(w->comm, &out->ranks);
    if (code == MPI_SUCCESS) code = MPI_Comm_split_type(w->comm, MPI_COMM_TYPE_SHARED, 0, MPI_INFO_NULL, &machine);
    if (code == MPI_SUCCESS) code = MPI_Comm_size(machine, &out->neighbors);
    if (code == MPI_SUCCESS) code = MPI_Comm_rank(machine, &out->local);
    if (code == MPI_SUCCESS) code = MPI_Comm_free(&machine);
    if (code != MPI_SUCCESS) return fail_mpi(w, "divide its processes", code);
    w->rank = out->rank;
    w->ranks = out->ranks;
    w->crowded = out->neighbors > sysconf(_SC_NPROCESSORS_ONLN);
    w->failures = calloc((size_t)w->ranks, sizeof *w->failures);
    return w->failures ? CUSGD_OK : fail_memory(w);
}

__attribute__((visibility("default"))) world_open cusgd_world_module_open;

cusgd_status cusgd_world_module_open(int abi, const world_services *services, const void *comm, double timeout, world *out)
{
    if (abi != WORLD_ABI) return services->fail(CUSGD_ERROR_DEVICE, "cuSGD's MPI module is of another version of cuSGD");
    mpi_world *w = calloc(1, sizeof *w);
    if (!w) return services->fail(CUSGD_ERROR_MEMORY, "out of memory for a world");
    w->services = services;
    w->timeout = timeout;
    w->waits_long = 1;
    w->lost = -1;
    cusgd_status status = begin_mpi(w);
    if (!status) status = begin_world(w, comm ? *(const MPI_Comm *)comm : MPI_COMM_WORLD, out);
    if (status) {
        free_world(w);
        return status;
    }
    out->ops = &ops;
    out->of = w;
    out->timeout = timeout;
    return CUSGD_OK;
}
