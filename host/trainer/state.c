/* Checkpoints: saves the state of a trainer to a safetensors file or to memory, and loads it. */
#include "state.h"

#include "failure.h"
#include "sized.h"

#include <stdlib.h>
#include <string.h>

static const char FORMAT[] = "1";

/* ---- Saving ---- */

static void release(saved_state *s)
{
    cJSON_Delete(s->metadata);
    free(s->memory);
}

static int add_metadata(const cusgd_trainer *t, saved_state *s)
{
    const state_numbers numbers = {.at = t->run.at,
                                   .in_fit = t->run.fit.is_whole,
                                   .fit = t->run.fit.is_whole ? t->run.fit.at : (fit_position){0},
                                   .start_loss = t->run.start_loss,
                                   .given = t->run.given,
                                   .factors = state_factors(t),
                                   .data = t->fingerprint};
    return state_put_options(t, s->metadata) && state_put_numbers(&numbers, s->metadata) &&
           state_put_bits(s->metadata, "checksum", state_checksum(s->metadata, s->tensors, s->count));
}

/* Fails if the state cannot be saved now. During a fit it is consistent only where the fit calls the callback for checkpoints. */
static cusgd_status check_savable(const cusgd_trainer *t, const char *function)
{
    if (t->run.busy && !t->run.fit.is_whole)
        return fail(CUSGD_ERROR_USAGE,
                    "%s cannot be called by the callback of a fit; the function set by cusgd_trainer_set_checkpoint_callback is "
                    "called when it can",
                    function);
    return run_check_device(&t->run);
}

static cusgd_status make(cusgd_trainer *t, const char *function, saved_state *s)
{
    *s = (saved_state){0};
    cusgd_status status = check_savable(t, function);
    if (!status && t->run.busy && t->options.solver == CUSGD_SOLVER_SGD) status = fit_settle(&t->sgd);
    if (!status) status = state_fingerprint(t);
    if (status) return status;
    s->metadata = cJSON_CreateObject();
    int good = s->metadata && cJSON_AddStringToObject(s->metadata, "cusgd_state", FORMAT) &&
               cJSON_AddStringToObject(s->metadata, "cusgd_version", cusgd_version());
    if (good) status = state_add_tensors(t, s);
    if (status) return status;
    return good && add_metadata(t, s) ? CUSGD_OK : fail_memory(sizeof(state_numbers), "a checkpoint");
}

/* Writes the file. The old file keeps its name until the new one is complete, and then has both names until it is replaced. */
static cusgd_status write_file(const char *path, const saved_state *s)
{
    replacement *file;
    cusgd_status status = replacement_open_named(path, ".new", &file);
    if (status) return status;
    status = safetensors_put(file, s->metadata, s->tensors, s->count);
    if (!status) status = replacement_complete(file);
    if (!status) status = replacement_keep(file, ".previous");
    if (!status) return replacement_commit(file);
    replacement_abandon(file);
    return status;
}

cusgd_status cusgd_trainer_save_state(cusgd_trainer *t, const char *path)
{
    saved_state s;
    if (!t || !path) return fail_null(__func__);
    cusgd_status status = make(t, __func__, &s);
    if (!status) status = write_file(path, &s);
    release(&s);
    return status;
}

cusgd_status cusgd_trainer_save_state_memory(cusgd_trainer *t, void *buffer, size_t capacity, size_t *bytes)
{
    saved_state s;
    *bytes = 0;
    if (!t) return fail_null(__func__);
    cusgd_status status = make(t, __func__, &s);
    if (!status) status = safetensors_write_memory(buffer, buffer ? capacity : 0, bytes, s.metadata, s.tensors, s.count);
    release(&s);
    if (!status && buffer && *bytes > capacity)
        status = fail(CUSGD_ERROR_USAGE, "the checkpoint has %zu bytes, and the buffer %zu", *bytes, capacity);
    return status;
}

/* ---- Loading ---- */

cusgd_status fail_damaged(const safetensors *file, const char *what)
{
    return fail(CUSGD_ERROR_DATA, "%s: is not a sound checkpoint: %s", file->path, what);
}

static cusgd_status take_numbers(const safetensors *file, state_numbers *numbers)
{
    const cJSON *format = cJSON_GetObjectItemCaseSensitive(file->metadata, "cusgd_state");
    if (!format) return fail(CUSGD_ERROR_DATA, "%s: is not a checkpoint of a run", file->path);
    if (strcmp(format->valuestring, FORMAT) != 0) return fail_damaged(file, "its format is that of another version of cuSGD");
    return state_take_numbers(file->metadata, numbers) ? CUSGD_OK : fail_damaged(file, "a number is missing or out of range");
}

static cusgd_status check_numbers(const cusgd_trainer *t, const safetensors *file, const state_numbers *numbers)
{
    const run_position *at = &numbers->at;
    int is_sgd = t->options.solver == CUSGD_SOLVER_SGD;
    int64_t largest = (INT64_C(1) << 53) / t->problem.train.rows.n; /* each pass reads all rows */
    if (at->batch < 0 || (is_sgd && at->batch > t->sgd.batches) || at->result > SNAPSHOT_BEST || at->step < 0 || at->epoch < 0 ||
        at->epoch_index < 0 || numbers->fit.epochs > t->options.epochs || numbers->fit.solver.passes > largest)
        return fail_damaged(file, "a number is out of range");
    return CUSGD_OK;
}

/* Loads a state. Failures before state_put_tensors() leave the trainer unchanged. */
static cusgd_status load(cusgd_trainer *t, const safetensors *file, cusgd_progress *now)
{
    loaded_state s;
    cusgd_status status = take_numbers(file, &s.numbers);
    if (!status) status = state_take_tensors(file, &s);
    if (!status) status = state_compare(t, file, &s.numbers);
    if (!status) status = state_check_tensors(t, file, &s);
    if (!status) status = check_numbers(t, file, &s.numbers);
    if (status) return status;
    status = state_put_tensors(t, &s);
    if (status) {
        t->run.lost = 2;
        return status;
    }
    t->run.at = s.numbers.at;
    t->run.start_loss = s.numbers.start_loss;
    t->run.given = s.numbers.given;
    t->run.fit.at = s.numbers.fit;
    t->run.fit.is_whole = s.numbers.in_fit;
    now->epoch = s.numbers.in_fit ? s.numbers.fit.epochs : s.numbers.at.epoch;
    now->epochs = t->options.epochs;
    now->step = s.numbers.at.step;
    return CUSGD_OK;
}

/* Loads an open file and closes it. */
static cusgd_status load_file(cusgd_trainer *t, safetensors *file, cusgd_progress *now)
{
    cusgd_progress complete = CUSGD_INIT(cusgd_progress);
    cusgd_status status = now ? sized_check(now->size, "progress") : CUSGD_OK;
    if (!status) status = load(t, file, &complete);
    if (!status && now) sized_put(now, &complete, sizeof complete);
    safetensors_close(file);
    return status;
}

static cusgd_status check_loadable(const cusgd_trainer *t, const char *function)
{
    if (t->run.busy) return fail(CUSGD_ERROR_USAGE, "%s cannot be called while a fit of the trainer runs", function);
    return check_savable(t, function);
}

cusgd_status cusgd_trainer_load_state(cusgd_trainer *t, const char *path, cusgd_progress *now)
{
    safetensors file;
    if (!t || !path) return fail_null(__func__);
    cusgd_status status = check_loadable(t, __func__);
    if (!status) status = safetensors_open(path, &file);
    return status ? status : load_file(t, &file, now);
}

cusgd_status cusgd_trainer_load_state_memory(cusgd_trainer *t, const void *bytes, size_t count, cusgd_progress *now)
{
    safetensors file;
    if (!t || !bytes) return fail_null(__func__);
    cusgd_status status = check_loadable(t, __func__);
    if (!status) status = safetensors_open_memory("the checkpoint", bytes, count, &file);
    return status ? status : load_file(t, &file, now);
}
