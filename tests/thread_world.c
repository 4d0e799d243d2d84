#include "thread_world.h"

#include "failure.h"

#include <criterion/criterion.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const int rank_counts[RANK_COUNTS] = {2, 3, 4, 5, 8};

/* Where the ranks meet. */
typedef struct meeting {
    pthread_mutex_t lock;
    pthread_cond_t changed;
    int ranks, arrived, round;
    int failed; /* 1 + the rank that has said so; 0: none */
    char text[256];
    const world_message *messages[MAX_THREADS]; /* what each of them sends and receives */
    int count[MAX_THREADS];
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

/* What rank `from` sends this one in its message number `index` of those for it. */
static const world_message *find(const seat *s, int from, int index)
{
    for (int i = 0; i < s->at->count[from]; i++) {
        const world_message *m = &s->at->messages[from][i];
        if (m->send && m->rank == s->w.rank && index-- == 0) return m;
    }
    return NULL;
}

static cusgd_status exchange(void *of, const world_message *messages, int count)
{
    seat *s = of;
    int received[MAX_THREADS] = {0};
    s->at->messages[s->w.rank] = messages;
    s->at->count[s->w.rank] = count;
    cusgd_status status = meet(s);
    for (int i = 0; i < count && !status; i++) {
        const world_message *m = &messages[i];
        cr_assert(m->rank >= 0 && m->rank < s->w.ranks && m->rank != s->w.rank);
        if (!m->receive) continue;
        const world_message *sent = find(s, m->rank, received[m->rank]++);
        cr_assert(sent && sent->bytes == m->bytes, "rank %d sends what rank %d does not expect", m->rank, s->w.rank);
        memcpy(m->receive, sent->send, (size_t)m->bytes);
    }
    for (int rank = 0; rank < s->w.ranks && !status; rank++)
        cr_assert(rank == s->w.rank || !find(s, rank, received[rank]), "rank %d sends more than rank %d expects", rank,
                  s->w.rank);
    return status ? status : meet(s);
}

cusgd_status exchange_without_memory(void *of, const world_message *messages, int count)
{
    (void)of, (void)messages, (void)count;
    return fail(CUSGD_ERROR_MEMORY, "out of memory for messages");
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

/* These ranks never miss each other. */
static void wait_long(void *of) { (void)of; }

static const world_ops ops = {.exchange = exchange, .notify = notify, .look = look, .wait_long = wait_long};

static void *take_part(void *of)
{
    seat *s = of;
    s->body(&s->w, s->context);
    for (int i = 0; i < WORLD_ROOMS; i++) free(s->w.room[i]);
    return NULL;
}

static cusgd_status share(void *of, void *all, const size_t *bytes) { return world_share(of, all, bytes); }

data_ranks ranks_of_world(world *w) { return (data_ranks){.rank = w->rank, .ranks = w->ranks, .of = w, .share = share}; }

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
