/* The tensors of a checkpoint: components of snapshots in the precision of the device, the others in double. */
#include "state.h"

#include "data/hash.h"
#include "failure.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *const names[STATE_TENSORS] = {
    "current.theta", "current.average", "current.slot1",  "current.slot2", "current.slot3", "epoch.theta",   "epoch.average",
    "epoch.slot1",   "epoch.slot2",     "epoch.slot3",    "best.theta",    "best.average",  "best.slot1",    "best.slot2",
    "best.slot3",    "start",           "solver.iterate", "solver.least",  "solver.best",   "solver.method",
};

enum { NAME_TEXT = 32 };
static const char *alias_key(int i, char text[NAME_TEXT])
{
    snprintf(text, NAME_TEXT, "same.%s", names[i]);
    return text;
}

static size_t bytes_of(const tensor *t) { return (size_t)t->count * type_bytes(t->type); }

uint64_t state_checksum(const cJSON *metadata, const tensor *tensors, size_t count)
{
    uint64_t hash = 1;
    const cJSON *item;
    cJSON_ArrayForEach(item, metadata)
    {
        if (strcmp(item->string, "checksum") == 0) continue;
        hash = hash_bytes(hash, item->string, strlen(item->string));
        hash = hash_bytes(hash, item->valuestring, strlen(item->valuestring));
    }
    for (size_t i = 0; i < count; i++) {
        hash = hash_bytes(hash, tensors[i].name, strlen(tensors[i].name));
        hash = hash_bytes(hash, tensors[i].values, bytes_of(&tensors[i]));
    }
    return hash;
}

/* ---- Saving ---- */

/* Returns whether all bits are 0, so that -0 is not zero. Compares the first byte with 0, and then each byte with the one
 * before. */
static int is_zero(const void *values, size_t bytes)
{
    const unsigned char *at = values;
    return at[0] == 0 && memcmp(at, at + 1, bytes - 1) == 0;
}

/* Returns the earlier tensor of the same component with the same bits, or NULL. */
static const tensor *find_same(const saved_state *s, const tensor *t, int part)
{
    for (size_t i = 0; i < s->count; i++) {
        const tensor *other = &s->tensors[i];
        int same_part = 0;
        for (int a = 0; a < SNAPSHOTS; a++) same_part |= other->name == names[a * STATE_PARTS + part];
        if (same_part && memcmp(other->values, t->values, bytes_of(t)) == 0) return other;
    }
    return NULL;
}

/* Adds a component of a snapshot. It is copied to *room, which is advanced, unless the device has it in host memory. */
static cusgd_status add_part(cusgd_trainer *t, saved_state *s, int i, unsigned char **room)
{
    const backend *b = &t->backend;
    const problem *p = &t->problem;
    char key[NAME_TEXT];
    tensor next = {.name = names[i],
                   .type = t->options.precision == CUSGD_PRECISION_FLOAT ? CUSGD_TYPE_FLOAT32 : CUSGD_TYPE_FLOAT64,
                   .dimensions = 2,
                   .shape = {p->d + 1, p->k},
                   .count = problem_size(p)};
    const void *at;
    cusgd_status status =
        b->ops->state.read(b->self, (enum snapshot)(i / STATE_PARTS), (enum state_part)(i % STATE_PARTS), *room, &at);
    if (status || !at || is_zero(at, bytes_of(&next))) return status;
    next.values = at;
    const tensor *same = find_same(s, &next, i % STATE_PARTS);
    if (same)
        return cJSON_AddStringToObject(s->metadata, alias_key(i, key), same->name) ? CUSGD_OK
                                                                                   : fail_memory(NAME_TEXT, "a checkpoint");
    s->tensors[s->count++] = next;
    if (at == *room) *room += (bytes_of(&next) + 7) / 8 * 8;
    return CUSGD_OK;
}

/* Adds values of the trainer without leading rows that are zero. */
static void add_values(saved_state *s, const char *name, const double *values, int64_t rows, int64_t columns)
{
    while (rows > 1 && is_zero(values, (size_t)columns * sizeof *values)) {
        values += columns;
        rows--;
    }
    s->tensors[s->count++] = (tensor){.name = name,
                                      .type = CUSGD_TYPE_FLOAT64,
                                      .dimensions = 2,
                                      .shape = {rows, columns},
                                      .count = rows * columns,
                                      .values = (const unsigned char *)values};
}

cusgd_status state_add_tensors(cusgd_trainer *t, saved_state *s)
{
    const problem *p = &t->problem;
    int64_t size = problem_size(p);
    size_t parts = 0;
    for (int i = 0; i < STATE_PARTS; i++) parts += (size_t)spec_keeps(&t->run.spec, (enum state_part)i);
    s->memory = allocate_aligned(parts * SNAPSHOTS * (size_t)(size + 1), sizeof(double));
    if (!s->memory) return fail_memory(parts * SNAPSHOTS * theta_bytes(p), "a checkpoint");
    unsigned char *room = s->memory;
    cusgd_status status = CUSGD_OK;
    for (int i = 0; i < STATE_START && !status; i++)
        if (spec_keeps(&t->run.spec, (enum state_part)(i % STATE_PARTS))) status = add_part(t, s, i, &room);
    if (!is_zero(t->run.start, theta_bytes(p))) add_values(s, names[STATE_START], t->run.start, p->d + 1, p->k);
    for (int i = 0; i < FIT_VECTORS; i++) {
        const fit_vector *v = &t->run.fit.vector[i];
        if (t->run.fit.is_whole && v->values) add_values(s, names[STATE_VECTORS + i], v->values, 1, v->count);
    }
    return status;
}

/* ---- Loading ---- */

/* Returns the number of the tensor to which this one is equal, or its own number. */
static int same_as(const safetensors *file, int i)
{
    char key[NAME_TEXT];
    const cJSON *item = cJSON_GetObjectItemCaseSensitive(file->metadata, alias_key(i, key));
    for (int earlier = i % STATE_PARTS; item && earlier < i; earlier += STATE_PARTS)
        if (strcmp(item->valuestring, names[earlier]) == 0) return earlier;
    return i;
}

static int is_of_size(const cusgd_trainer *t, const tensor *of, int i)
{
    int64_t size = problem_size(&t->problem);
    if (!of->values) return i != STATE_VECTORS + VECTOR_ITERATE && i != STATE_VECTORS + VECTOR_LEAST;
    if (i < STATE_START) return of->count == size;
    if (i == STATE_START) return of->count <= size && of->count % t->problem.k == 0;
    if (i == STATE_VECTORS + VECTOR_METHOD) return 1; /* only the method knows */
    return of->count == (i == STATE_VECTORS + VECTOR_BEST ? size : 2 * size);
}

static int has_checksum(const safetensors *file, const tensor *tensors, size_t count)
{
    uint64_t sum;
    if (!state_take_bits(file->metadata, "checksum", &sum)) return 0;
#ifdef FUZZING_BUILD_MODE_UNSAFE_FOR_PRODUCTION /* a fuzzer cannot guess the checksum */
    (void)tensors, (void)count;
    return 1;
#else
    return sum == state_checksum(file->metadata, tensors, count);
#endif
}

cusgd_status state_take_tensors(const safetensors *file, loaded_state *s)
{
    tensor present[STATE_TENSORS];
    size_t count = 0;
    for (int i = 0; i < STATE_TENSORS; i++) {
        cusgd_status status = safetensors_tensor(file, names[i], &s->tensors[i]);
        if (status) return status;
        if (s->tensors[i].values) present[count++] = s->tensors[i];
    }
    return has_checksum(file, present, count) ? CUSGD_OK : fail_damaged(file, "its checksum does not fit its content");
}

cusgd_status state_check_tensors(const cusgd_trainer *t, const safetensors *file, loaded_state *s)
{
    int is_solver = s->numbers.in_fit && t->options.solver != CUSGD_SOLVER_SGD;
    for (int i = 0; i < STATE_START; i++) s->tensors[i] = s->tensors[same_as(file, i)];
    for (int i = 0; i < (is_solver ? STATE_TENSORS : STATE_VECTORS); i++)
        if (!is_of_size(t, &s->tensors[i], i)) return fail_damaged(file, "a tensor is missing or has another size");
    return CUSGD_OK;
}

/* Copies a tensor to the end of `size` values, after zeros. */
static void widen(const tensor *from, int64_t size, double *to)
{
    int64_t before = from->values ? size - from->count : size;
    memset(to, 0, sizeof *to * (size_t)before);
    for (int64_t u = before; u < size; u++) to[u] = tensor_at(from, u - before);
}

static cusgd_status put_vectors(cusgd_trainer *t, const loaded_state *s)
{
    fit_state *to = &t->run.fit;
    const tensor *of = &s->tensors[STATE_VECTORS];
    int64_t count = 0;
    for (int i = 0; i < FIT_VECTORS; i++) count += of[i].values ? of[i].count : 0;
    double *at = to->loaded = allocate((size_t)count + 1, sizeof *at);
    if (!at) return fail_memory((size_t)count * sizeof *at, "a solver's state");
    for (int i = 0; i < FIT_VECTORS; i++) {
        if (!of[i].values) continue;
        widen(&of[i], of[i].count, at);
        to->vector[i] = (fit_vector){at, of[i].count};
        at += of[i].count;
    }
    return CUSGD_OK;
}

cusgd_status state_put_tensors(cusgd_trainer *t, const loaded_state *s)
{
    const backend *b = &t->backend;
    int64_t size = problem_size(&t->problem);
    run_forget_fit(&t->run);
    cusgd_status status = put_vectors(t, s);
    if (status) return status;
    widen(&s->tensors[STATE_START], size, t->run.start);
    status = run_begin(&t->run);
    for (int i = 0; i < STATE_START && !status; i++) {
        if (!spec_keeps(&t->run.spec, (enum state_part)(i % STATE_PARTS))) continue;
        widen(&s->tensors[i], size, t->run.theta);
        status = b->ops->state.put(b->self, (enum snapshot)(i / STATE_PARTS), (enum state_part)(i % STATE_PARTS), t->run.theta);
    }
    return status ? status : run_theta(&t->run, SNAPSHOT_BEST, t->run.best);
}
