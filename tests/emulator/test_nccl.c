/* The emulated NCCL: messages between two communicators of one process, and that it ends a process which uses it wrongly. */
#include "programs.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct ncclComm *ncclComm_t;
typedef struct ncclUniqueId {
    char internal[128];
} ncclUniqueId;
typedef struct ncclConfig_t {
    size_t size;
    unsigned magic, version;
    int blocking;
} ncclConfig_t;
int ncclGetUniqueId(ncclUniqueId *id);
int ncclCommInitRankConfig(ncclComm_t *comm, int ranks, ncclUniqueId id, int rank, ncclConfig_t *config);
int ncclCommGetAsyncError(ncclComm_t comm, int *error);
int ncclCommFinalize(ncclComm_t comm);
int ncclCommDestroy(ncclComm_t comm);
int ncclCommAbort(ncclComm_t comm);
int ncclGroupStart(void);
int ncclGroupEnd(void);
int ncclSend(const void *from, size_t count, int type, int peer, ncclComm_t comm, cudaStream_t stream);
int ncclRecv(void *to, size_t count, int type, int peer, ncclComm_t comm, cudaStream_t stream);

enum { IN_PROGRESS = 7, BYTE = 0, BYTES = 200000 /* more than lie in shared memory at a time */ };

typedef struct pair {
    ncclComm_t comm[2];
    cudaStream_t stream[2];
    char *send[2], *receive[2]; /* device, BYTES each */
} pair;

static void pair_open(pair *p)
{
    ncclUniqueId id;
    ncclConfig_t config = {sizeof config, 0xcafebeef, 21400, 0};
    int error;
    OK(ncclGetUniqueId(&id));
    CHECK(ncclCommInitRankConfig(&p->comm[0], 2, id, 0, &config) == IN_PROGRESS);
    OK(ncclCommGetAsyncError(p->comm[0], &error));
    CHECK(error == IN_PROGRESS);
    OK(ncclCommInitRankConfig(&p->comm[1], 2, id, 1, &config));
    OK(ncclCommGetAsyncError(p->comm[0], &error));
    CHECK(error == 0);
    for (int r = 0; r < 2; r++) {
        char *bytes = malloc(BYTES);
        for (int i = 0; i < BYTES; i++) bytes[i] = (char)(i % 101 + r);
        p->stream[r] = stream_make();
        p->send[r] = device_copy(bytes, BYTES);
        p->receive[r] = device_make(BYTES);
        free(bytes);
    }
}

static void pair_close(pair *p)
{
    for (int r = 0; r < 2; r++) {
        if (p->comm[r]) OK(ncclCommFinalize(p->comm[r]));
        if (p->comm[r]) OK(ncclCommDestroy(p->comm[r]));
        OK(cudaStreamDestroy(p->stream[r]));
        OK(cudaFree(p->send[r]));
        OK(cudaFree(p->receive[r]));
    }
}

/* Rank r's messages: it sends `sends` bytes and expects others. */
static void swap(const pair *p, int r, size_t sends, size_t expects)
{
    OK(ncclGroupStart());
    if (sends > 0) OK(ncclSend(p->send[r], sends, BYTE, !r, p->comm[r], p->stream[r]));
    if (expects > 0) OK(ncclRecv(p->receive[r], expects, BYTE, !r, p->comm[r], p->stream[r]));
    OK(ncclGroupEnd());
}

static void check_received(const pair *p, int r)
{
    char *bytes = malloc(BYTES);
    fetch(bytes, p->receive[r], BYTES, p->stream[r]);
    for (int i = 0; i < BYTES; i++) CHECK(bytes[i] == (char)(i % 101 + !r));
    OK(cudaMemsetAsync(p->receive[r], 0, BYTES, p->stream[r])); /* in its order: the next message comes after it */
    free(bytes);
}

static void program_swap(void)
{
    pair p;
    pair_open(&p);
    for (int r = 0; r < 2; r++) swap(&p, r, BYTES, BYTES);
    for (int r = 0; r < 2; r++) check_received(&p, r);
    pair_close(&p);
}

Test(nccl, messages_arrive) { run_everywhere(program_swap); }

/* Twice each. */
static void program_graph(void)
{
    pair p;
    cudaGraph_t graph[2];
    cudaGraphExec_t made[2];
    pair_open(&p);
    for (int r = 0; r < 2; r++) {
        OK(cudaStreamBeginCapture(p.stream[r], cudaStreamCaptureModeThreadLocal));
        swap(&p, r, BYTES, BYTES);
        OK(cudaStreamEndCapture(p.stream[r], &graph[r]));
        OK(cudaGraphInstantiate(&made[r], graph[r], 0));
    }
    for (int again = 0; again < 2; again++) {
        for (int r = 0; r < 2; r++) OK(cudaGraphLaunch(made[r], p.stream[r]));
        for (int r = 0; r < 2; r++) check_received(&p, r);
    }
    for (int r = 0; r < 2; r++) {
        OK(cudaGraphExecDestroy(made[r]));
        OK(cudaGraphDestroy(graph[r]));
    }
    pair_close(&p);
}

Test(nccl, a_graph_has_messages) { run_everywhere(program_graph); }

/* A stream that waits for a message stands still, and what is behind that, until the communicator is aborted. */
static void program_abort(void)
{
    pair p;
    pair_open(&p);
    swap(&p, 0, 0, BYTES);
    OK(cudaMemsetAsync(p.send[0], 0, BYTES, p.stream[0]));
    for (int i = 0; i < 100; i++) CHECK(cudaStreamQuery(p.stream[0]) == cudaErrorNotReady);
    OK(ncclCommAbort(p.comm[0]));
    p.comm[0] = NULL;
    OK(cudaStreamSynchronize(p.stream[0]));
    pair_close(&p);
}

Test(nccl, an_aborted_communicator_lets_its_stream_go) { run_everywhere(program_abort); }

/* ---- Wrong uses ---- */

static void other_size(void)
{
    pair p;
    pair_open(&p);
    swap(&p, 0, 100, 0);
    swap(&p, 1, 0, 104);
    OK(cudaStreamSynchronize(p.stream[1]));
}

static void never_received(void)
{
    pair p;
    pair_open(&p);
    swap(&p, 0, 100, 0);
    OK(cudaStreamSynchronize(p.stream[0]));
    pair_close(&p);
    OK(ncclCommFinalize(p.comm[1]));
}

static void outside_a_group(void)
{
    pair p;
    pair_open(&p);
    OK(ncclSend(p.send[0], 100, BYTE, 1, p.comm[0], p.stream[0]));
}

static void host_memory(void)
{
    pair p;
    char host[100] = "";
    pair_open(&p);
    OK(ncclGroupStart());
    OK(ncclSend(host, sizeof host, BYTE, 1, p.comm[0], p.stream[0]));
}

Test(nccl, wrong_uses_are_caught)
{
    static const struct {
        void (*program)(void);
        const char *says;
    } cases[] = {{other_size, "receives 104 bytes from rank 0, which has sent 100"},
                 {never_received, "rank 1 has not received all that rank 0 has sent"},
                 {outside_a_group, "outside a group"},
                 {host_memory, "no device memory"}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        int end;
        char *text = run_apart(cases[i].program, &end);
        cr_assert(end && strstr(text, cases[i].says), "expected '%s', got %d: %s", cases[i].says, end, text);
    }
}
