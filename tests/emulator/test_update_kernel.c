/* kernels/update.cu on the emulated GPU, launched alone: every optimizer, in float and in double, with each thing that a run may
 * have besides, gives the bits that include/scalar/update.h gives on the CPU. And the sums of more parts (fused.cu) than a block
 * has threads, which only batches of more than 100 MB have. */
typedef double real;
#include "update_reference.h"

#include "programs.h"
#include "scalar/random.h"

#include <string.h>

void reference_step_float(const update_task *t, int64_t step); /* update_reference_float.c */

/* Packs of penalized parameters, one that they share with intercepts, and one of intercepts alone, which ends before it is full.
 */
enum { PENALIZED = 1030, INTERCEPTS = 5, SIZE = PENALIZED + INTERCEPTS, ROOM = SIZE + 8 };
enum { STEPS = 3 };

static const int optimizers[] = {CUSGD_OPTIMIZER_SGD,        CUSGD_OPTIMIZER_MOMENTUM,   CUSGD_OPTIMIZER_NESTEROV,
                                 CUSGD_OPTIMIZER_ADAGRAD,    CUSGD_OPTIMIZER_ADADELTA,   CUSGD_OPTIMIZER_RMSPROP,
                                 CUSGD_OPTIMIZER_ADAM,       CUSGD_OPTIMIZER_ADAMW,      CUSGD_OPTIMIZER_AMSGRAD,
                                 CUSGD_OPTIMIZER_NADAM,      CUSGD_OPTIMIZER_RADAM,      CUSGD_OPTIMIZER_ADAMAX,
                                 CUSGD_OPTIMIZER_ASGD,       CUSGD_OPTIMIZER_FTRL,       OPTIMIZER_ADAGRAD_NESTEROV,
                                 OPTIMIZER_RMSPROP_MOMENTUM, OPTIMIZER_RMSPROP_CENTERED, OPTIMIZER_RMSPROP_CENTERED_MOMENTUM};
enum { OPTIMIZERS = sizeof optimizers / sizeof optimizers[0] };

/* What a run may have besides its optimizer. */
enum {
    AVERAGE = 1,
    METRIC = 2,
    LIMITED = 4,
    L1 = 8,
    CLIP_VALUE = 16,
    CLIP_NORM = 32,
    IN_DOUBLE = 64,
    NO_INTERCEPT = 128,
    ALL = 255
};
static const int options[] = {0,          AVERAGE,   METRIC,    LIMITED,      L1,  L1 | LIMITED | AVERAGE,
                              CLIP_VALUE, CLIP_NORM, IN_DOUBLE, NO_INTERCEPT, ALL, ALL & ~(LIMITED | CLIP_VALUE | IN_DOUBLE)};
enum { OPTIONS = sizeof options / sizeof options[0] };
/* Rows of the batch: floats, but for the last, which is rounded to one. */
static const int64_t row_counts[] = {7, (1 << 24) - 1, 1 << 24, (1 << 24) + 1};
enum { ROWS = sizeof row_counts / sizeof row_counts[0] };

static uint64_t drawn; /* numbers so far */

static double uniform(void) /* in (-1, 1) */ { return 2 * uniform_open(random_block(1, drawn++).at[0]) - 1; }

/* Arrays of one run: on the host, and their copies on the device. */
typedef struct arrays {
    int count;
    size_t bytes[16];
    void *host[16], *device[16];
} arrays;

/* `count` values between low and high, in the task's precision or in double. Returns the host's. */
static void *make(arrays *a, int count, int is_float, double low, double high)
{
    size_t size = is_float ? sizeof(float) : sizeof(double);
    char *values = malloc((size_t)count * size);
    for (int i = 0; i < count; i++) {
        double v = low + (high - low) * (uniform() + 1) / 2;
        float narrow = (float)v;
        memcpy(values + (size_t)i * size, is_float ? (void *)&narrow : (void *)&v, size);
    }
    a->bytes[a->count] = (size_t)count * size;
    a->host[a->count] = values;
    a->device[a->count++] = device_copy(values, (size_t)count * size);
    return values;
}

static void *on_device(const arrays *a, const void *host)
{
    for (int i = 0; i < a->count; i++)
        if (a->host[i] == host) return a->device[i];
    return NULL;
}

/* Gradients of all magnitudes: their means are subnormal, ordinary, large. */
static void spread(void *gradient, int is_float)
{
    for (int u = 0; u < PENALIZED; u++) {
        double v = u % 7 == 0 ? uniform() * 0x1p-126 : u % 7 == 1 ? uniform() * 0x1p60 : u % 7 == 2 ? 0 : uniform() * 100;
        float narrow = (float)v;
        memcpy((char *)gradient + (size_t)u * (is_float ? 4 : 8), is_float ? (void *)&narrow : (void *)&v, is_float ? 4 : 8);
    }
}

static update_task make_run(arrays *a, cusgd_precision precision, int optimizer, int with)
{
    int f = precision == CUSGD_PRECISION_FLOAT, slots = optimizer_slots(optimizer);
    update_task t = {.precision = precision,
                     .optimizer = optimizer,
                     .average = with & AVERAGE ? 1 : 0,
                     .intercept = !(with & NO_INTERCEPT),
                     .beta1 = 0.9,
                     .beta2 = 0.99,
                     .rho = 0.95,
                     .epsilon = 1e-6,
                     .l1 = with & L1 ? 0.3 : 0,
                     .l2 = 0.1,
                     .decay = 0.01,
                     .penalized = PENALIZED,
                     .size = SIZE,
                     .clip_norm = with & CLIP_NORM ? 1e3 : 0,
                     .clip_value = with & CLIP_VALUE ? 0.5 : 0};
    t.theta = make(a, ROOM, f, -1, 1);
    if (slots > 0) t.slot1 = make(a, ROOM, f, 0, 0.1);
    if (slots > 1) t.slot2 = make(a, ROOM, f, 0, 0.1);
    if (slots > 2) t.slot3 = make(a, ROOM, f, 0, 0.1);
    if (with & AVERAGE) t.means = make(a, ROOM, f, -1, 1);
    if (optimizer_looks_ahead(optimizer)) t.point = make(a, ROOM, f, -1, 1);
    if (with & METRIC) t.rate_factor = make(a, ROOM, f, 0.5, 2);
    if (with & LIMITED) {
        t.l1_factor = make(a, ROOM, f, 0, 2);
        t.l2_factor = make(a, ROOM, f, 0, 3);
        t.lower = make(a, ROOM, f, -1, 0);
        t.upper = make(a, ROOM, f, 0.1, 1);
    }
    if (with & IN_DOUBLE)
        t.sum = make(a, PENALIZED, 0, -100, 100);
    else
        t.gradient = make(a, PENALIZED, f, -100, 100);
    if (t.gradient) spread((void *)(uintptr_t)t.gradient, f);
    t.total = make(a, INTERCEPTS, 0, -10, 10);
    return t;
}

static update_task run_on_device(const arrays *a, const update_task *host)
{
    update_task t = *host;
    void **pointers[] = {&t.theta, &t.slot1, &t.slot2, &t.slot3, &t.means, &t.point};
    const void **constants[] = {&t.rate_factor, &t.l1_factor, &t.l2_factor, &t.lower, &t.upper, &t.gradient};
    for (int i = 0; i < 6; i++) *pointers[i] = on_device(a, *pointers[i]);
    for (int i = 0; i < 6; i++) *constants[i] = on_device(a, *constants[i]);
    t.sum = on_device(a, t.sum);
    t.total = on_device(a, t.total);
    return t;
}

static void check_equal(const arrays *a, const update_task *t, int with, int64_t rows)
{
    char *seen = malloc(sizeof(double) * ROOM);
    for (int i = 0; i < a->count; i++) {
        fetch(seen, a->device[i], a->bytes[i], NULL);
        size_t value = t->precision == CUSGD_PRECISION_FLOAT ? sizeof(float) : sizeof(double);
        for (size_t b = 0; b < a->bytes[i]; b++)
            if (seen[b] != ((const char *)a->host[i])[b])
                cr_assert_fail("optimizer %d, precision %d, options %d, %lld rows: array %d differs at %zu", t->optimizer,
                               (int)t->precision, with, (long long)rows, i, b / value);
    }
    free(seen);
}

static void free_arrays(const arrays *a)
{
    for (int i = 0; i < a->count; i++) {
        OK(cudaFree(a->device[i]));
        free(a->host[i]);
    }
}

static void check_run(cusgd_precision precision, int optimizer, int with, int64_t rows)
{
    arrays a = {0};
    slice_table *table = calloc(1, sizeof *table);
    table->count = STEPS;
    for (int s = 0; s < STEPS; s++) {
        step_numbers n = {.rate = 0.01 * (s + 1), .momentum = 0.9 - 0.1 * s, .average = 0.5};
        optimizer_numbers(optimizer, 0.9, 0.99, 6 + s, &n); /* radam's variance is known by then */
        table->row[s] = (step_row){.numbers = n, .count = rows};
    }
    update_task host = make_run(&a, precision, optimizer, with), t = run_on_device(&a, &host);
    host.table = table;
    for (int i = 0; i < a.count; i++) OK(cudaMemcpy(a.device[i], a.host[i], a.bytes[i], cudaMemcpyHostToDevice));
    t.table = device_copy(table, sizeof *table);
    t.state = device_make(sizeof *t.state);
    if (host.clip_norm > 0) t.squares = device_make(sizeof(double) * (size_t)clip_partials(SIZE));
    for (int64_t s = 0; s < STEPS; s++) {
        run_state now = {.active = s};
        OK(cudaMemcpy(t.state, &now, sizeof now, cudaMemcpyHostToDevice));
        if (t.squares) OK(kernel_clip(&t, NULL));
        OK(kernel_update(&t, NULL));
        (precision == CUSGD_PRECISION_FLOAT ? reference_step_float : reference_step)(&host, s);
    }
    check_equal(&a, &host, with, rows);
    free_arrays(&a);
    OK(cudaFree((void *)(uintptr_t)t.table));
    OK(cudaFree(t.state));
    OK(cudaFree(t.squares));
    free(table);
}

static void check_precision(cusgd_precision precision)
{
    for (int i = 0; i < OPTIMIZERS; i++)
        for (int o = 0; o < OPTIONS; o++) check_run(precision, optimizers[i], options[o], row_counts[0]);
    for (int r = 1; r < ROWS; r++)
        for (int i = 0; i < OPTIMIZERS; i += 5) check_run(precision, optimizers[i], r % 2 ? METRIC : 0, row_counts[r]);
}

Test(update_kernel, emul_float) { check_precision(CUSGD_PRECISION_FLOAT); }
Test(update_kernel, emul_double) { check_precision(CUSGD_PRECISION_DOUBLE); }

/* A run that has failed leaves everything as it was. */
Test(update_kernel, emul_a_failed_run)
{
    arrays a = {0};
    update_task host = make_run(&a, CUSGD_PRECISION_FLOAT, CUSGD_OPTIMIZER_ADAM, AVERAGE), t = run_on_device(&a, &host);
    run_state failed = {.active = -1};
    for (int i = 0; i < a.count; i++) OK(cudaMemcpy(a.device[i], a.host[i], a.bytes[i], cudaMemcpyHostToDevice));
    t.state = device_copy(&failed, sizeof failed);
    OK(kernel_update(&t, NULL));
    check_equal(&a, &host, AVERAGE, 0);
    free_arrays(&a);
    OK(cudaFree(t.state));
}

/* Integers, whose sums are exact in any order. */
static void check_parts(cusgd_precision precision, int parts)
{
    enum { COLUMNS = 6, STRIDE = 8 };
    arrays a = {0};
    int f = precision == CUSGD_PRECISION_FLOAT;
    double *partial = calloc((size_t)parts * STRIDE, sizeof *partial), expected[COLUMNS + 1] = {0}, loss = 0, found[COLUMNS + 1];
    double *sums = make(&a, 2 * parts, 0, 0, 1);
    float *narrow = calloc((size_t)parts * STRIDE, sizeof *narrow), narrow_found[COLUMNS + 1];
    for (int i = 0; i < parts; i++) {
        sums[2 * i] = i % 17;
        sums[2 * i + 1] = i % 5 - 1;
        loss += sums[2 * i];
        expected[COLUMNS] += sums[2 * i + 1];
        for (int u = 0; u < COLUMNS; u++) {
            narrow[i * STRIDE + u] = (float)(i * (u + 1) % 13);
            partial[i * STRIDE + u] = (double)narrow[i * STRIDE + u];
            expected[u] += partial[i * STRIDE + u];
        }
    }
    fused_task t = {.update = {.precision = precision, .intercept = 1, .penalized = COLUMNS, .size = COLUMNS + 1},
                    .shape = {.parts = parts, .blocks = 1},
                    .stride = STRIDE};
    size_t bytes = (size_t)parts * STRIDE * (f ? sizeof *narrow : sizeof *partial);
    t.partial = device_copy(f ? (const void *)narrow : partial, bytes);
    t.sums = device_copy(sums, sizeof *sums * 2 * (size_t)parts);
    void *to = device_make(sizeof(double) * STRIDE);
    double *at = device_make(sizeof *at), found_loss;
    OK(kernel_fused_share(&t, to, at, NULL));
    fetch(f ? (void *)narrow_found : found, to, (COLUMNS + 1) * (f ? sizeof *narrow : sizeof *partial), NULL);
    fetch(&found_loss, at, sizeof found_loss, NULL);
    for (int u = 0; u <= COLUMNS; u++) {
        double value = f ? (double)narrow_found[u] : found[u];
        cr_assert_eq(value, expected[u], "%d parts: parameter %d is %g, not %g", parts, u, value, expected[u]);
    }
    cr_assert_eq(found_loss, loss, "%d parts: the loss is %g, not %g", parts, found_loss, loss);
    OK(cudaFree(t.partial));
    OK(cudaFree(t.sums));
    OK(cudaFree(to));
    OK(cudaFree(at));
    free_arrays(&a);
    free(partial);
    free(narrow);
}

Test(update_kernel, emul_more_parts_than_threads)
{
    static const int parts[] = {1, 255, 256, 257, 700};
    for (size_t i = 0; i < sizeof parts / sizeof parts[0]; i++)
        for (int precision = 0; precision < 2; precision++) check_parts((cusgd_precision)precision, parts[i]);
}
