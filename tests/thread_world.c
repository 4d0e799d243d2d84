#include "thread_world.h"

#include "failure.h"

#include <criterion/criterion.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Where the ranks meet: what each of them sends. */
typedef struct meeting {
    pthread_mutex_t lock;
    pthread_cond_t changed;
    int ranks, arrived, round;
    int failed; /* 1 + the rank that has said so; 0: none */
    char text[256];
    const char *send[MAX_THREADS];
    const int64_t *bytes[MAX_THREADS]; /* alltoall: to each rank */
} meeting;

typedef struct seat {
    meeting *at;
    world w;
    rank_body *body;
    void *context;
} seat;

/* Waits for all; fails where a rank has. */
static cusgd_status meet(seat *s)
{
    meeting *m = s->at;
    pthread_mutex_lock(&m->lock);
    int round = m->round;
    if (++m->arrived == m->ranks) {
        m->arrived = 0;
        m->round++;
        pthread_cond_broadcast(&m->changed);
    }
    while (m->round == round && !m->failed) pthread_cond_wait(&m->changed, &m->lock);
    int failed = m->round == round ? m->failed : 0;
    pthread_mutex_unlock(&m->lock);
    return failed ? fail(CUSGD_ERROR_DEVICE, "rank %d has failed: %s", failed - 1, m->text) : CUSGD_OK;
}

static cusgd_status publish(seat *s, const void *send, const int64_t *bytes)
{
    s->at->send[s->w.rank] = send;
    s->at->bytes[s->w.rank] = bytes;
    return meet(s);
}

static cusgd_status alltoall(void *of, const void *send, const int64_t *send_bytes, void *recv, const int64_t *recv_bytes)
{
    seat *s = of;
    char *to = recv;
    cusgd_status status = publish(s, send, send_bytes);
    for (int rank = 0; rank < s->w.ranks && !status; rank++) {
        const int64_t *bytes = s->at->bytes[rank];
        int64_t before = 0;
        for (int r = 0; r < s->w.rank; r++) before += bytes[r];
        cr_assert_eq(bytes[s->w.rank], recv_bytes[rank], "rank %d sends what rank %d does not expect", rank, s->w.rank);
        memcpy(to, s->at->send[rank] + before, (size_t)recv_bytes[rank]);
        to += recv_bytes[rank];
    }
    return status ? status : meet(s);
}

static cusgd_status allgather(void *of, const void *send, void *recv, const int64_t *bytes)
{
    seat *s = of;
    char *to = recv;
    cusgd_status status = publish(s, send, bytes);
    for (int rank = 0; rank < s->w.ranks && !status; rank++) {
        cr_assert_eq(s->at->bytes[rank][rank], bytes[rank], "rank %d sends what rank %d does not expect", rank, s->w.rank);
        memcpy(to, s->at->send[rank], (size_t)bytes[rank]);
        to += bytes[rank];
    }
    return status ? status : meet(s);
}

static cusgd_status swap(void *of, int peer, const void *send, void *recv, int64_t bytes)
{
    seat *s = of;
    cusgd_status status = publish(s, send, &bytes);
    if (!status) {
        cr_assert_eq(*s->at->bytes[peer], bytes);
        memcpy(recv, s->at->send[peer], (size_t)bytes);
    }
    return status ? status : meet(s);
}

static void notify(void *of, const char *text)
{
    seat *s = of;
    pthread_mutex_lock(&s->at->lock);
    if (!s->at->failed) {
        s->at->failed = 1 + s->w.rank;
        snprintf(s->at->text, sizeof s->at->text, "%s", text);
    }
    pthread_cond_broadcast(&s->at->changed);
    pthread_mutex_unlock(&s->at->lock);
}

static cusgd_status look(void *of)
{
    seat *s = of;
    pthread_mutex_lock(&s->at->lock);
    int failed = s->at->failed;
    pthread_mutex_unlock(&s->at->lock);
    return failed ? fail(CUSGD_ERROR_DEVICE, "rank %d has failed: %s", failed - 1, s->at->text) : CUSGD_OK;
}

static const world_ops ops = {.alltoall = alltoall, .allgather = allgather, .swap = swap, .notify = notify, .look = look};

static void *take_part(void *of)
{
    seat *s = of;
    s->body(&s->w, s->context);
    for (int i = 0; i < 2; i++) free(s->w.room[i]);
    return NULL;
}

void world_of_threads(int ranks, rank_body *body, void *context)
{
    meeting m = {.lock = PTHREAD_MUTEX_INITIALIZER, .changed = PTHREAD_COND_INITIALIZER, .ranks = ranks};
    pthread_t threads[MAX_THREADS];
    seat seats[MAX_THREADS];
    cr_assert(ranks <= MAX_THREADS);
    for (int rank = 0; rank < ranks; rank++) {
        seats[rank] = (seat){.at = &m, .body = body, .context = context};
        seats[rank].w = (world){.ops = &ops, .of = &seats[rank], .rank = rank, .ranks = ranks, .neighbors = ranks, .local = rank};
        cr_assert_eq(pthread_create(&threads[rank], NULL, take_part, &seats[rank]), 0);
    }
    for (int rank = 0; rank < ranks; rank++) pthread_join(threads[rank], NULL);
}
