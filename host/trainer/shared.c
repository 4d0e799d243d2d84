#include "shared.h"

#include "data/hash.h"
#include "failure.h"
#include "interrupt.h"
#include "options_table.h"
#include "pool.h"
#include "state.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

static world *world_of(const cusgd_trainer *t) { return t->backend.world; }

const int *shared_begin(const cusgd_trainer *t)
{
    world *w = world_of(t);
    if (!w) return NULL;
    w->stop = 0;
    return interrupt_agree(&w->stop);
}

/* What follows from the numbers that all have exchanged, all find. */
static int is_common(cusgd_status status)
{
    return status == CUSGD_OK || status == CUSGD_ERROR_DIVERGED || status == CUSGD_ERROR_NOT_CONVERGED ||
           status == CUSGD_ERROR_INTERRUPTED;
}

cusgd_status shared_end(const cusgd_trainer *t, const int *before, cusgd_status status)
{
    world *w = world_of(t);
    if (!w) return status;
    interrupt_agree(before);
    int from_exchange = w->failed && status == CUSGD_ERROR_DEVICE; /* the others find it, too; not that this one had no memory */
    if (is_common(status) || from_exchange) return status;
    w->ops->notify(w->of, cusgd_last_error());
    return status;
}

cusgd_status shared_device(const world *w, cusgd_options *o)
{
    long online = sysconf(_SC_NPROCESSORS_ONLN);
    if (strcmp(o->device, "auto") == 0) snprintf(o->device, sizeof o->device, "cpu");
    if (strcmp(o->device, "cpu") != 0)
        return fail_option("device", "device %s: several processes train on the CPU alone; use --device cpu", o->device);
    if (o->threads > 0 || w->ranks == 1) return CUSGD_OK;
    int share = (int)(online / w->neighbors), allowed = pool_threads();
    o->threads = share < 1 ? 1 : share < allowed ? share : allowed;
    return CUSGD_OK;
}

cusgd_status shared_options(const world *w, cusgd_options *o)
{
    int shards = o->shards;
    cusgd_status status = shared_device(w, o);
    if (status) return status;
    if (w->ranks > shards)
        return fail_option("shards", "%d processes cannot share %d shard%s: start fewer, or use --shards %d", w->ranks, shards,
                           shards == 1 ? "" : "s", w->ranks);
    if (o->whiten != CUSGD_WHITEN_NONE && w->ranks > 1)
        return fail_option("whiten", "whiten makes new columns of all rows, in one process");
    return CUSGD_OK;
}

/* A hash of the options that have a part in the result. */
static uint64_t hash_options(const cusgd_trainer *t, uint64_t more)
{
    char value[CUSGD_OPTION_TEXT];
    const char *name;
    uint64_t factors = state_factors(t), hash = hash_bytes(more, &factors, sizeof factors);
    for (size_t i = 0; options_describe(&t->options, i, &name, value); i++) {
        hash = hash_bytes(hash, name, strlen(name));
        hash = hash_bytes(hash, value, strlen(value));
    }
    return hash;
}

cusgd_status shared_compare(world *w, cusgd_trainer *t, uint64_t more)
{
    int differs;
    if (!w) return CUSGD_OK;
    uint64_t options = hash_options(t, more);
    cusgd_status status = world_compare(w, &options, sizeof options, &differs);
    if (status) return status;
    if (differs) return fail(CUSGD_ERROR_USAGE, "ranks 0 and %d were given different options: start all by one command", differs);
    status = state_fingerprint(t);
    if (!status) status = world_compare(w, &t->fingerprint, sizeof t->fingerprint, &differs);
    if (status || !differs) return status;
    return fail(CUSGD_ERROR_DATA, "ranks 0 and %d have read different data from %s: all ranks need the same files", differs,
                t->problem.train.data->source);
}

cusgd_status shared_compare_position(const cusgd_trainer *t)
{
    world *w = world_of(t);
    const run_position *at = &t->run.at;
    const int64_t mine[] = {at->step, at->epoch, at->epoch_index, at->batch, t->run.fit.is_whole, t->run.fit.at.epochs};
    int differs = 0;
    cusgd_status status = w ? world_compare(w, mine, sizeof mine, &differs) : CUSGD_OK;
    if (status || !differs) return status;
    return fail(CUSGD_ERROR_DATA, "ranks 0 and %d do not go on from the same checkpoint: all ranks need to see the same file",
                differs);
}
