/* Rows of a file that are brought into memory while those before them are used. */
#include "bring.h"
#include "failure.h"

#include <pthread.h>
#include <stdlib.h>

struct rows_ahead {
    const examples *e;
    int64_t rows;
    pthread_t thread;
    pthread_mutex_t lock; /* of what follows */
    pthread_cond_t changed;
    int64_t come;   /* rows 0 .. come - 1 have been brought */
    int64_t wanted; /* the thread goes on while come is below it */
    int ends;
};

static void *bring_all(void *of)
{
    rows_ahead *a = of;
    pool *readers = NULL;
    pthread_mutex_lock(&a->lock);
    while (!a->ends && a->come < a->e->n) {
        if (a->come >= a->wanted) {
            pthread_cond_wait(&a->changed, &a->lock);
            continue;
        }
        int64_t first = a->come, count = min_of(a->rows, a->e->n - first);
        pthread_mutex_unlock(&a->lock);
        examples_bring(a->e, first, count, &readers);
        pthread_mutex_lock(&a->lock);
        a->come += count;
        pthread_cond_broadcast(&a->changed);
    }
    pthread_mutex_unlock(&a->lock);
    pool_free(readers);
    return NULL;
}

rows_ahead *rows_ahead_begin(const examples *e, int64_t rows)
{
    enum { LEAST_BYTES = 1 << 22 }; /* that are worth a thread */
    if (!examples_in_file(e) || e->n * e->d * (int64_t)type_bytes(e->x.type) < LEAST_BYTES) return NULL;
    rows_ahead *a = allocate_zeroed(1, sizeof *a);
    if (!a) return NULL;
    a->e = e;
    a->rows = rows;
    a->wanted = rows;
    pthread_mutex_init(&a->lock, NULL);
    pthread_cond_init(&a->changed, NULL);
    examples_expect(e);
    if (pthread_create(&a->thread, NULL, bring_all, a) == 0) return a;
    pthread_cond_destroy(&a->changed);
    pthread_mutex_destroy(&a->lock);
    free(a);
    return NULL;
}

void rows_ahead_wait(rows_ahead *a, int64_t end)
{
    if (!a) return;
    pthread_mutex_lock(&a->lock);
    a->wanted = end + a->rows;
    pthread_cond_broadcast(&a->changed);
    while (a->come < min_of(end, a->e->n)) pthread_cond_wait(&a->changed, &a->lock);
    pthread_mutex_unlock(&a->lock);
}

void rows_ahead_end(rows_ahead *a)
{
    if (!a) return;
    pthread_mutex_lock(&a->lock);
    a->ends = 1;
    pthread_cond_broadcast(&a->changed);
    pthread_mutex_unlock(&a->lock);
    pthread_join(a->thread, NULL);
    pthread_cond_destroy(&a->changed);
    pthread_mutex_destroy(&a->lock);
    free(a);
}
