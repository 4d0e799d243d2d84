#include "shared.h"

#include "data/hash.h"
#include "expr/formula.h"
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

/* Returns whether all ranks get this status, because it follows from numbers that they have exchanged. */
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
    int from_exchange = w->failed && status == CUSGD_ERROR_DEVICE; /* the others fail too, except if this one had no memory */
    if (is_common(status) || from_exchange) return status;
    w->ops->notify(w->of, cusgd_last_error());
    return status;
}

/* Sets threads, if they are not given, to this rank's share of the cores of the machine. */
static void share_cores(const world *w, cusgd_options *o)
{
    long online = sysconf(_SC_NPROCESSORS_ONLN);
    if (o->threads > 0 || w->ranks == 1) return;
    int share = (int)(online / w->neighbors), allowed = pool_threads();
    o->threads = share < 1 ? 1 : share < allowed ? share : allowed;
}

/* Returns whether GPUs of several processes support the options; if not, `auto` means the CPU. An invalid formula is reported
 * when the trainer is created. */
static int gpus_take(const cusgd_options *o)
{
    loss_formula *formula = NULL;
    if (loss_formula_open(o, &formula)) return 0;
    int fits = !formula || formula->loss.places <= LOSS_PLACES;
    loss_formula_free(formula);
    return fits;
}

/* Counts the GPUs. A rank that used the first GPU without knowing their number might share it with another rank. With `auto`, the
 * CPU is used if they cannot be counted. */
static cusgd_status count_gpus(const world *w, int is_auto, int *gpus)
{
    char why[600];
    thread_error before;
    thread_error_take(&before);
    cusgd_status status = backend_gpus(gpus);
    snprintf(why, sizeof why, "%s", cusgd_last_error());
    thread_error_put_back(&before);
    if (!status || is_auto) return CUSGD_OK;
    return fail(status, "rank %d cannot count the GPUs of its machine: %s", w->rank, why);
}

/* Chooses the device. `auto` means a GPU if each process of each machine has its own. `cuda` means the GPU with the number of the
 * rank on its machine, or the only one that the process sees if the launcher has divided them. */
static cusgd_status choose_gpu(world *w, cusgd_options *o)
{
    int is_auto = strcmp(o->device, "auto") == 0, chooses = is_auto || strcmp(o->device, "cuda") == 0, missing = 0;
    int gpus = 0;
    cusgd_status status = chooses ? count_gpus(w, is_auto, &gpus) : CUSGD_OK;
    if (status) return status;
    /* All ranks exchange this, whatever their device option is; differences between the options are found later. */
    status = world_any(w, is_auto && (gpus < w->neighbors || !gpus_take(o)), &missing);
    if (status || !chooses) return status;
    if (missing) {
        snprintf(o->device, sizeof o->device, "cpu");
        return CUSGD_OK;
    }
    if (gpus > 1 && w->local >= gpus)
        return fail_option("device", "%d processes on a machine of %d GPUs: start one for each, or use --device cpu",
                           w->neighbors, gpus);
    if (gpus > 1)
        snprintf(o->device, sizeof o->device, "cuda:%hd", (short)w->local);
    else
        snprintf(o->device, sizeof o->device, "cuda");
    return CUSGD_OK;
}

cusgd_status shared_device(world *w, cusgd_options *o)
{
    cusgd_status status = w->ranks > 1 ? choose_gpu(w, o) : CUSGD_OK;
    if (!status) share_cores(w, o);
    return status;
}

cusgd_status shared_options(world *w, cusgd_options *o)
{
    cusgd_status status = shared_device(w, o);
    if (status) return status;
    if (w->ranks > o->shards)
        return fail_option("shards", "%d processes cannot share %d shard%s: start fewer, or use --shards %d", w->ranks, o->shards,
                           o->shards == 1 ? "" : "s", w->ranks);
    if (o->whiten != CUSGD_WHITEN_NONE && w->ranks > 1)
        return fail_option("whiten", "whiten makes new columns of all rows, in one process");
    return CUSGD_OK;
}

/* Returns a hash of the options that affect the result. */
static uint64_t hash_options(const cusgd_trainer *t, uint64_t more)
{
    char value[CUSGD_OPTION_TEXT];
    const char *name;
    uint64_t factors = state_factors(t), hash = hash_bytes(more, &factors, sizeof factors);
    for (size_t i = 0; options_describe(&t->options, i, &name, value); i++) {
        hash = hash_bytes(hash, name, strlen(name));
        if (strcmp(name, "device") == 0) value[strcspn(value, ":")] = '\0'; /* ranks may use different GPUs */
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
