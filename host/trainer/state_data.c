/* Compares the data and options of a checkpoint with those of a trainer. */
#include "state.h"

#include "data/hash.h"
#include "failure.h"
#include "options_table.h"
#include "problem/row_source.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { DIFFERENCES = 2048 };
static const int64_t HASHED_VALUES = INT64_C(1) << 22; /* maximum number of values of x that are hashed */

static uint64_t hash_number(uint64_t hash, double value)
{
    uint64_t bits;
    memcpy(&bits, &value, sizeof bits);
    return hash_mix(hash, bits);
}

/* ---- The data ---- */

static uint64_t hash_row(uint64_t hash, row_source *rows, int64_t row)
{
    const examples *e = rows->of;
    const double *x = examples_are_sparse(e) ? NULL : rows_at(rows, row);
    for (int64_t j = 0; j < e->d && x; j++) hash = hash_number(hash, x[j]);
    for (int64_t i = x ? 0 : e->s.start[row]; !x && i < e->s.start[row + 1]; i++)
        hash = hash_number(hash_mix(hash, (uint64_t)csr_column(&e->s, i)), csr_value(&e->s, i));
    return hash;
}

/* Hashes evenly spread rows, including the first and the last. Pages of mapped files are released after reading. */
static cusgd_status hash_values(const examples *e, const backend *device, uint64_t *out)
{
    enum { SPAN = 8192 };
    row_source source;
    int64_t passed = 0;
    cusgd_status status = rows_open(&source, e, device);
    int64_t n = e->n, stored = examples_are_sparse(e) ? e->s.start[n] / n : e->d,
            rows = HASHED_VALUES / (stored > 0 ? stored : 1);
    uint64_t hash = hash_mix(1, (uint64_t)(examples_are_sparse(e) ? e->s.type : e->x.type));
    if (rows < 2) rows = 2;
    if (n <= rows) rows = n;
    for (int64_t i = 0; i < rows && !status; i++) {
        double share = rows > 1 ? (double)i / (double)(rows - 1) : 0;
        int64_t row = n <= rows ? i : (int64_t)(share * (double)(n - 1));
        hash = hash_row(hash, &source, examples_row(e, row));
        if (row - passed < SPAN && i + 1 < rows) continue;
        examples_forget(e, passed, row - passed);
        passed = row;
    }
    *out = hash;
    cusgd_status read = rows_close(&source);
    return status ? status : read;
}

static uint64_t hash_outcomes(const examples *e)
{
    uint64_t hash = hash_mix(1, (uint64_t)e->classes);
    for (int64_t i = 0; i < e->n; i++) {
        int64_t row = examples_row(e, i);
        for (int64_t c = 0; c < e->k && e->y.at; c++) hash = hash_number(hash, target_at(e, row, c));
        if (e->w.at) hash = hash_number(hash, weight_at(e, row));
        if (e->o.at) hash = hash_number(hash, offset_at(e, row));
    }
    return hash;
}

cusgd_status state_fingerprint(cusgd_trainer *t)
{
    const examples *train = &t->problem.train.rows, *valid = &t->problem.valid.rows;
    if (t->has_fingerprint) return CUSGD_OK;
    fingerprint f = {.rows = train->n, .valid_rows = valid->n, .features = t->problem.d, .targets = t->problem.k};
    cusgd_status status = hash_values(train, &t->backend, &f.values);
    if (!status && valid->n > 0) status = hash_values(valid, &t->backend, &f.valid_values);
    if (status) return status;
    f.outcomes = hash_outcomes(train);
    f.valid_outcomes = valid->n > 0 ? hash_outcomes(valid) : 0;
    t->fingerprint = f;
    t->has_fingerprint = 1;
    return CUSGD_OK;
}

uint64_t state_factors(const cusgd_trainer *t)
{
    const cusgd_options *o = &t->options;
    size_t bytes = sizeof(double) * (size_t)t->problem.d;
    uint64_t hash = o->l1_factors ? hash_bytes(1, o->l1_factors, bytes) : 1;
    return o->l2_factors ? hash_bytes(hash, o->l2_factors, bytes) : hash;
}

/* ---- What differs ---- */

typedef struct list {
    char text[DIFFERENCES];
    size_t used;
} list;

__attribute__((format(printf, 2, 3))) static void add(list *to, const char *format, ...)
{
    va_list arguments;
    if (to->used > 0 && to->used + 3 < sizeof to->text) to->used += (size_t)snprintf(to->text + to->used, 3, "; ");
    va_start(arguments, format);
    int length = vsnprintf(to->text + to->used, sizeof to->text - to->used, format, arguments);
    va_end(arguments);
    to->used += length > 0 ? (size_t)length : 0;
    if (to->used >= sizeof to->text) to->used = sizeof to->text - 1;
}

static void compare_data(const fingerprint *saved, const fingerprint *now, list *to)
{
    if (saved->rows != now->rows) add(to, "%lld training rows, not %lld", (long long)now->rows, (long long)saved->rows);
    if (saved->valid_rows != now->valid_rows)
        add(to, "%lld validation rows, not %lld", (long long)now->valid_rows, (long long)saved->valid_rows);
    if (saved->features != now->features) add(to, "%lld columns, not %lld", (long long)now->features, (long long)saved->features);
    if (saved->targets != now->targets) add(to, "%lld outputs, not %lld", (long long)now->targets, (long long)saved->targets);
    if (to->used > 0) return; /* if a difference was found, values need not be compared */
    if (saved->values != now->values) add(to, "the values of the training columns");
    if (saved->outcomes != now->outcomes) add(to, "the training targets, weights or offsets");
    if (saved->valid_values != now->valid_values) add(to, "the values of the validation columns");
    if (saved->valid_outcomes != now->valid_outcomes) add(to, "the validation targets, weights or offsets");
}

/* Returns whether an option may differ: threads and the number of a device do not affect the result, and epochs may be
 * increased. */
static int is_free(const char *name)
{
    return strcmp(name, "threads") == 0 || strcmp(name, "memory") == 0 || strcmp(name, "device") == 0 ||
           strcmp(name, "epochs") == 0;
}

/* Returns whether an option follows from the number of epochs, which may have been increased. */
static int follows_epochs(const char *name)
{
    static const char *const names[] = {"t0", "t1", "decay-every", "warm-up"};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        if (strcmp(name, names[i]) == 0) return 1;
    return 0;
}

static const char *metadata_text(const safetensors *file, const char *prefix, const char *name)
{
    char key[96];
    snprintf(key, sizeof key, "%s%s", prefix, name);
    const cJSON *item = cJSON_GetObjectItemCaseSensitive(file->metadata, key);
    return item && item->valuestring ? item->valuestring : "";
}

/* Returns whether an option is chosen in the first fit: solver gd chooses its rate there, and a trainer without a fit will choose
 * the same one. */
static int follows_fit(const cusgd_trainer *t, const state_numbers *saved, const char *name, const char *value)
{
    if (strcmp(name, "rate") != 0) return 0;
    return (saved->at.chose_rate && isnan(t->options.rate)) || (t->run.at.chose_rate && strcmp(value, "auto") == 0);
}

/* Compares the options that the trainer has chosen, or the others. */
static void compare_each(const cusgd_trainer *t, const safetensors *file, const state_numbers *of, int chosen, list *to)
{
    char now[CUSGD_OPTION_TEXT];
    const cusgd_options *o = &t->options;
    long long epochs = strtoll(metadata_text(file, "option.", "epochs"), NULL, 10);
    for (const option *row = option_rows; row->info.name; row++) {
        const char *name = row->info.name, *saved = metadata_text(file, "option.", name);
        if (t->open.is[row - option_rows] != chosen) continue;
        if (is_free(name) || follows_fit(t, of, name, saved) || (o->epochs != epochs && follows_epochs(name))) continue;
        option_text(row, o, now);
        if (strcmp(now, saved) != 0) add(to, "--%s %s, not %s", name, now, saved);
    }
}

/* Compares all options. Those that the trainer has chosen follow from the data and the other options, so that they are compared
 * only if these are equal. */
static void compare_options(const cusgd_trainer *t, const safetensors *file, const state_numbers *of, list *to)
{
    long long epochs = strtoll(metadata_text(file, "option.", "epochs"), NULL, 10);
    if (t->options.epochs < epochs) add(to, "epochs %lld, fewer than %lld", (long long)t->options.epochs, epochs);
    compare_each(t, file, of, 0, to);
    if (of->factors != state_factors(t)) add(to, "the penalty factors");
    const char *device = t->backend.is_host ? "CPU" : t->backend.name, *was = metadata_text(file, "", "device");
    if (strcmp(device, was) != 0) add(to, "the device %s, not %s", device, was);
    if (to->used == 0) compare_each(t, file, of, 1, to);
}

int state_put_options(const cusgd_trainer *t, cJSON *metadata)
{
    char value[CUSGD_OPTION_TEXT], key[96];
    for (const option *row = option_rows; row->info.name; row++) {
        snprintf(key, sizeof key, "option.%s", row->info.name);
        option_text(row, &t->options, value);
        if (!cJSON_AddStringToObject(metadata, key, value)) return 0;
    }
    return cJSON_AddStringToObject(metadata, "device", t->backend.is_host ? "CPU" : t->backend.name) != NULL;
}

cusgd_status state_compare(cusgd_trainer *t, const safetensors *file, const state_numbers *saved)
{
    list differences = {.used = 0};
    cusgd_status status = state_fingerprint(t);
    if (status) return status;
    compare_data(&saved->data, &t->fingerprint, &differences);
    int is_data = differences.used > 0;
    compare_options(t, file, saved, &differences);
    options_undash(differences.text);
    if (differences.used == 0) return CUSGD_OK;
    return fail(is_data ? CUSGD_ERROR_DATA : CUSGD_ERROR_USAGE, "%s: is the checkpoint of another run; this run differs in: %s",
                file->path, differences.text);
}
