/* Data that is read when it is needed: the sampling `pages`, and runs within a budget of memory, which have the bits of runs
 * whose rows are all in memory. The device is CUSGD_TEST_DEVICE, as in training.h. */
#include "problem/stream_group.h"
#include "reduced.h"
#include "scalar/sampling.h"
#include "streams.h"
#include "support.h"

#include <fcntl.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

TestSuite(stream, .init = folder_setup, .fini = folder_teardown, .timeout = 600);

enum { MOST_K = 2, PARAMETERS = MOST_K * (D + 1) };

static double loss_of(const stream_rows *m, const char *words)
{
    double parameters[1024 + 1];
    cusgd_options o = stream_options(words);
    return train(&o, m->data, parameters).loss;
}

/* Rows that are sorted by class end where permuted ones do: a window has pages of both classes. */
Test(stream, sorted_classes)
{
    stream_rows m = make_rows(5 * 2048 + 17, 1024, 0, 0);
    double permuted = loss_of(&m, "loss=logistic epochs=4 l2=1e-3 sampling=permute");
    double pages = loss_of(&m, "loss=logistic epochs=4 l2=1e-3");
    cr_assert_lt(fabs(pages - permuted), 1e-3, "pages %g, permute %g", pages, permuted);
    free_rows(&m);
}

/* ---- Streamed and resident --------------------------------------------------------------------------------------------------
 */

static void check_budgets(const stream_rows *m, const char *words, const char *const *budgets)
{
    double resident[PARAMETERS], streamed[PARAMETERS];
    cusgd_options o = stream_options(words);
    cusgd_result all = train(&o, m->data, resident);
    for (int i = 0; budgets[i] && i < (REDUCED ? 1 : 3); i++) {
        o.threads = i < 2 ? i + 1 : 4;
        assert_works(cusgd_options_set(&o, "memory", budgets[i]));
        cusgd_result some = train(&o, m->data, streamed);
        cr_assert(memcmp(resident, streamed, sizeof(double) * (size_t)(m->k * (D + 1))) == 0, "%s within %s: %.17g, not %.17g",
                  words, budgets[i], streamed[0], resident[0]);
        cr_assert(!memcmp(&all.loss, &some.loss, sizeof all.loss) && all.steps == some.steps && all.epoch == some.epoch, "%s",
                  words);
    }
}

/* One window at a time, and two of them. */
static const char *const two_budgets[] = {"25M", "40M", NULL};
static const char *const one_budget[] = {"25M", NULL};

Test(stream, the_bits_of_resident_rows)
{
    stream_rows m = make_rows(N, D, 1, 0);
    static const char *const three[] = {"24M", "40M", "55M", NULL};
    check_budgets(&m, "epochs=2 batch=1000", three);
    check_budgets(&m, "epochs=2 batch=4096 sampling=none evaluate-every=1", two_budgets);
    check_budgets(&m, "epochs=3 optimizer=adam batch=700 no-standardize=true l1=1e-3", two_budgets);
    check_budgets(&m, "epochs=1 optimizer=momentum batch=20000 valid-fraction=0.1 evaluate-every=1",
                  (const char *const[]){"45M", NULL});
    free_rows(&m);
}

/* Where the device takes rows where they lie: room for a window and nothing, a part, or most of the next one; likewise for pieces
 * of passes, and their copies. */
Test(stream, less_than_two_windows)
{
    if (device_is_gpu()) cr_skip_test("a GPU is sent whole windows");
    static const char *const budgets[] = {"13.5M", "16M", "21M", NULL};
    stream_rows m = make_rows(N, D, 1, 1);
    check_budgets(&m, "epochs=2 batch=1000 evaluate-every=1", budgets);
    check_budgets(&m, "epochs=1 batch=700 sampling=none", budgets);
    check_budgets(&m, "epochs=1 batch=999 shards=3", budgets);
    check_budgets(&m, "solver=lbfgs loss=huber gradient-tolerance=1e-2", budgets);
    check_budgets(&m, "solver=newton loss=huber gradient-tolerance=1e-2", (const char *const[]){"17M", "20M", NULL});
    free_rows(&m);
}

/* What reading and computing took: all bytes of both epochs and the first passes, and nothing where all rows are bound. */
Test(stream, times_of_the_stages)
{
    stream_rows m = make_rows(N, D, 1, 0);
    cusgd_stream_times t = CUSGD_INIT(cusgd_stream_times), none = {0};
    cusgd_options o = stream_options("epochs=2 batch=1000 memory=25M evaluate-every=end");
    cusgd_trainer *trainer = trainer_of(&o, m.data, NULL);
    fit(trainer);
    cr_assert_eq(cusgd_trainer_stream_times(trainer, &none), 0);
    cr_assert_eq(cusgd_trainer_stream_times(trainer, &t), 1);
    double bytes = t.read_bytes + t.present_bytes, once = (double)(m.n * m.d) * sizeof(float);
    cr_assert(bytes >= 3 * once && bytes < 9 * once, "%g bytes, %g in all rows", bytes, once);
    cr_assert(t.read_seconds > 0 && t.compute_seconds > 0 && t.wait_seconds >= 0, "%g, %g, %g", t.read_seconds, t.compute_seconds,
              t.wait_seconds);
    cr_assert_eq(device_is_gpu(), t.copy_seconds > 0, "%g", t.copy_seconds);
    cr_assert_eq(device_is_gpu(), t.present_bytes < 1, "%g", t.present_bytes);
    cusgd_trainer_free(trainer);
    o.memory = 0;
    trainer = trainer_of(&o, m.data, NULL);
    t.read_bytes = -1;
    cr_assert_eq(cusgd_trainer_stream_times(trainer, &t), 0);
    cr_assert(t.read_bytes < 0 && cusgd_trainer_stream_times(NULL, &t) == 0);
    cusgd_trainer_free(trainer);
    free_rows(&m);
}

/* What a run begins with reads the rows twice, for their curvature, and a sample of them; for the loss of the intercept-only
 * model, which has no part of x, none. */
Test(stream, the_intercept_only_model_reads_no_rows)
{
    if (device_is_gpu()) cr_skip_test("a GPU reads them");
    stream_rows m = make_rows(N, D, 1, 0);
    cusgd_stream_times t = CUSGD_INIT(cusgd_stream_times);
    cusgd_options o = stream_options("epochs=2 batch=1000 memory=25M evaluate-every=end");
    cusgd_trainer *trainer = trainer_of(&o, m.data, NULL);
    cr_assert_eq(cusgd_trainer_stream_times(trainer, &t), 1);
    double bytes = t.read_bytes + t.present_bytes, once = (double)(m.n * m.d) * sizeof(float);
    cr_assert(bytes >= 2 * once && bytes < 2.5 * once, "%g bytes, %g in all rows", bytes, once);
    cusgd_trainer_free(trainer);
    free_rows(&m);
}

Test(stream, weights_outputs_classes_and_storage)
{
    stream_rows two = make_rows(N, D, 2, 1), classes = make_rows(N, D, 0, 0);
    check_budgets(&two, "epochs=2 batch=1000 optimizer=nesterov", one_budget);
    check_budgets(&two, "epochs=1 batch=1000 storage=bf16", one_budget);
    check_budgets(&classes, "loss=logistic epochs=2 batch=1000", one_budget);
    free_rows(&two);
    free_rows(&classes);
}

/* Shards, each with windows of its own; the last window of one epoch is followed by the first of the next. */
Test(stream, shards)
{
    stream_rows m = make_rows(N, D, 1, 1);
    if (device_is_gpu()) cr_skip_test("a GPU is sent two windows of each shard, more than these rows");
    check_budgets(&m, "epochs=3 batch=1000 shards=3 evaluate-every=end", two_budgets);
    check_budgets(&m, "epochs=1 batch=64 shards=5 sampling=none evaluate-every=1", one_budget);
    check_budgets(&m, "solver=lbfgs loss=huber gradient-tolerance=1e-1 shards=2", one_budget);
    check_budgets(&m, "solver=newton loss=huber gradient-tolerance=1e-2 shards=2", one_budget);
    free_rows(&m);
}

/* Groups of windows, of shards whose windows are of two lengths, or end at a shorter page: each brings a batch nearer that the
 * ones before do not have, has no more rows than there is room for, and leaves no more over than there is a place for. */
static void check_groups(uint64_t rows, int shards, uint64_t batches, int64_t windows, cusgd_sampling sampling)
{
    enum { COLUMNS = 1024, MOST = 8 };
    sampler orders[MOST];
    int64_t from[MOST] = {0}, batch = 0, most = stream_group_window(rows, shards, COLUMNS) * windows;
    stream_group g;
    assert_works(stream_group_open(&g, shards));
    for (int h = 0; h < shards; h++)
        orders[h] = sampler_of_shard(sampling, 3, (shard_of_rows){rows, COLUMNS, (uint64_t)shards, (uint64_t)h}, batches, 1);
    while (batch < (int64_t)batches) {
        int64_t read = 0;
        stream_group_plan(&g, orders, from, (group_room){COLUMNS, most}, 0);
        for (int h = 0; h < shards; h++) {
            int64_t left = from[h] - sampler_span(&orders[h], (uint64_t)batch).first;
            cr_assert(left >= 0 && left <= stream_group_left(orders, COLUMNS), "batch %lld of shard %d: %lld rows are left over",
                      (long long)batch, h, (long long)left);
            cr_assert(g.first[h] == from[h] && g.end[h] - from[h] <= most && g.end[h] <= (int64_t)orders[h].n);
            read += g.end[h] - from[h];
            from[h] = g.end[h];
        }
        cr_assert(read > 0, "batch %lld of %llu is not reached", (long long)batch, (unsigned long long)batches);
        for (int all = 1; all && batch < (int64_t)batches; batch += all)
            for (int h = 0; h < shards; h++) {
                batch_span span = sampler_span(&orders[h], (uint64_t)batch);
                all &= span.first + span.count <= g.end[h];
            }
    }
    for (int h = 0; h < shards; h++) cr_assert_eq(from[h], (int64_t)orders[h].n);
    stream_group_close(&g);
}

Test(stream, groups_of_windows)
{
    static const uint64_t rows[] = {2 * 102449 + 1, 3 * 9000 + 2, 5 * 2048, 100}, batches[] = {1, 3, 40, 1000};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        for (size_t j = 0; j < sizeof batches / sizeof *batches; j++)
            for (int shards = 1; shards <= 5; shards++)
                for (int64_t windows = 1; windows <= 3; windows++) {
                    if (batches[j] > rows[i]) continue;
                    check_groups(rows[i], shards, batches[j], windows, CUSGD_SAMPLING_PAGES);
                    check_groups(rows[i], shards, batches[j], windows, CUSGD_SAMPLING_NONE);
                }
}

/* What is done to a row that is taken from where it lies: numbers of columns that fill registers and that do not, values of both
 * types and precisions, many outputs, classes, offsets, and rows that are left out. */
static void check_taken(int64_t d, int64_t k, int wide, const char *words)
{
    int64_t window = (int64_t)page_window_rows(1, page_rows((uint64_t)d)),
            n = (wide || strstr(words, "bf16") ? 4 : 3) * window + 77;
    int64_t bound = strstr(words, "double") ? 8 : strstr(words, "bf16") ? 2 : 4, read = wide ? 8 : 4;
    stream_rows m = make_rows(n, d, k, 1);
    size_t count = (size_t)((d + 1) * (k > 0 ? k : 1));
    double *resident = malloc(sizeof(double) * count), *streamed = malloc(sizeof(double) * count), *x = NULL;
    cusgd_data *data = m.data;
    for (int64_t i = 0; i < n; i += 97) m.w[i] = 0;
    if (wide) {
        x = malloc(sizeof(double) * (size_t)(n * d));
        for (int64_t i = 0; i < n * d; i++) x[i] = (double)m.x[i] + (double)i * 1e-9;
        cusgd_matrix of_x = {x, CUSGD_TYPE_FLOAT64, d, 1}, of_y = {m.y, CUSGD_TYPE_FLOAT32, m.k, 1};
        cusgd_matrix of_w = {m.w, CUSGD_TYPE_FLOAT32, 1, 1};
        assert_works(cusgd_data_wrap(n, d, m.k, of_x, of_y, of_w, &data));
    }
    cusgd_options o = stream_options(words);
    train(&o, data, resident);
    int64_t each = device_is_gpu() ? 2 * read : bound + read;
    o.memory = 8192 * (d + 4) * 8 + (window + 400) * d * each + 2000000; /* stream_needs.c: the sample, a window */
    train(&o, data, streamed);
    cr_assert_eq(memcmp(resident, streamed, sizeof(double) * count), 0, "%s, d = %lld, k = %lld, wide %d: %.17g, not %.17g",
                 words, (long long)d, (long long)k, wide, streamed[0], resident[0]);
    if (wide) cusgd_data_free(data);
    free(x);
    free(resident);
    free(streamed);
    free_rows(&m);
}

Test(stream, rows_that_are_taken_where_they_lie)
{
    check_taken(1013, 1, 0, "epochs=1 batch=300");
    check_taken(519, 1, 1, "epochs=1 batch=300 precision=double");
    check_taken(776, 1, 0, "epochs=1 batch=300 storage=bf16 sampling=none");
    check_taken(525, 9, 0, "epochs=1 batch=300 rate=0.001 optimizer=sgd");
    check_taken(522, 3, 1, "epochs=1 batch=300 rate=1e-7 optimizer=sgd no-standardize=true");
    check_taken(530, 0, 0, "epochs=1 batch=300 loss=logistic");
    check_taken(528, 1, 0, "epochs=1 batch=300 no-standardize=true"); /* in place: nothing is done to them */
    check_taken(528, 9, 0, "epochs=1 batch=300 rate=1e-7 optimizer=sgd no-standardize=true sampling=none");
    check_taken(528, 1, 1, "epochs=1 batch=300 no-standardize=true precision=double");
}

Test(stream, full_batch_solvers)
{
    stream_rows m = make_rows(N, D, 1, 1);
    check_budgets(&m, "solver=cg gradient-tolerance=1e-3", one_budget);
    check_budgets(&m, "solver=lbfgs loss=huber gradient-tolerance=1e-2", one_budget);
    check_budgets(&m, "solver=gd rate=0.1 gradient-tolerance=3e-1", one_budget);
    check_budgets(&m, "solver=gd gradient-tolerance=1e-1", one_budget);
    check_budgets(&m, "solver=newton loss=huber gradient-tolerance=1e-2", two_budgets);
    check_budgets(&m, "solver=exact l2=1e-3", one_budget);
    free_rows(&m);
}

/* ---- Files ---------------------------------------------------------------------------------------------------------------- */

static void save(const char *name, const float *values, int64_t rows, int64_t cols)
{
    char header[128];
    snprintf(header, sizeof header, "{'descr': '<f4', 'fortran_order': False, 'shape': (%lld, %lld), }", (long long)rows,
             (long long)cols);
    FILE *f = fopen(path_of(name), "wb");
    cr_assert(f);
    fwrite("\x93NUMPY\x01\x00\x76\x00", 1, 10, f);
    fprintf(f, "%-117s\n", header);
    fwrite(values, sizeof(float), (size_t)(rows * cols), f);
    cr_assert(fclose(f) == 0);
}

static cusgd_data *open_files(const stream_rows *m)
{
    cusgd_data *data;
    save("x.npy", m->x, m->n, m->d);
    save("y.npy", m->y, m->n, m->k);
    if (m->w) save("w.npy", m->w, m->n, 1);
    assert_works(cusgd_data_open(path_of(""), NULL, &data));
    return data;
}

/* The same as a folder of several files. */
static cusgd_data *open_folder(const stream_rows *m, const char *name)
{
    cusgd_data *data;
    cusgd_folder_options options = CUSGD_INIT(cusgd_folder_options);
    options.rows_per_file = 40960;
    assert_works(cusgd_data_save(m->data, path_of(name), &options));
    assert_works(cusgd_data_open(path_of(name), NULL, &data));
    return data;
}

Test(stream, rows_of_files)
{
    stream_rows m = make_rows(N, D, 1, 0);
    cusgd_data *data[] = {open_files(&m), open_folder(&m, "folder")};
    double resident[D + 1], streamed[D + 1];
    cusgd_options o = stream_options("epochs=2 batch=1000");
    train(&o, m.data, resident);
    assert_works(cusgd_options_set(&o, "memory", "25M"));
    for (int i = 0; i < 2; i++) {
        train(&o, data[i], streamed);
        cr_assert_eq(memcmp(resident, streamed, sizeof resident), 0, "%s", i ? "several files" : "one file");
        cusgd_data_free(data[i]);
    }
    free_rows(&m);
}

/* A folder of 98 numbered files, more than are kept open at a time, and one that bf16 makes be read into memory. */
static cusgd_data *open_numbered(const cusgd_data *from, const char *name, int bf16)
{
    cusgd_data *data;
    cusgd_folder_options to = CUSGD_INIT(cusgd_folder_options);
    to.rows_per_file = 1024;
    to.bf16 = bf16;
    assert_works(cusgd_data_save(from, path_of(name), &to));
    assert_works(cusgd_data_open(path_of(name), NULL, &data));
    return data;
}

Test(stream, rows_of_numbered_files)
{
    stream_rows m = make_rows(N, D, 1, 1);
    double resident[D + 1], streamed[D + 1];
    for (int bf16 = 0; bf16 < 2; bf16++) {
        cusgd_data *files = open_numbered(m.data, bf16 ? "half" : "whole", bf16);
        cusgd_options o = stream_options("epochs=1 batch=1000 memory=25M");
        train(&o, files, streamed);
        o.memory = 0;
        train(&o, files, resident);
        cr_assert_eq(memcmp(resident, streamed, sizeof resident), 0, "bf16 %d", bf16);
        cusgd_data_free(files);
    }
    free_rows(&m);
}

/* Budgets are for rows that are read; a note says when they are held in memory all the same. */
Test(stream, what_is_held_in_addition_to_the_budget)
{
    stream_rows m = make_rows(N, D, 1, 0);
    for (int bf16 = 0; bf16 < 2; bf16++) {
        cusgd_data *files = open_numbered(m.data, bf16 ? "half" : "whole", bf16);
        cusgd_options o = stream_options("epochs=1 batch=1000 memory=25M");
        cusgd_trainer *t = trainer_of(&o, files, NULL);
        const char *note = cusgd_trainer_note(t, 0);
        int is_told = note && strstr(note, "is held in memory, 0.0259 GB in addition to the option memory");
        cr_assert_eq(is_told, bf16, "%s", note ? note : "no note");
        cusgd_trainer_free(t);
        cusgd_data_free(files);
    }
    free_rows(&m);
}

/* Files are opened again by their names: one that is not that file any more, or is gone, is not read in the other's place. */
static int rename_files(const cusgd_progress *now, void *user)
{
    (void)user;
    if (now->epoch != 1) return 0;
    for (int i = 96; i >= 0; i--) {
        char from[64], to[64];
        snprintf(from, sizeof from, "whole/x-%05d.npy", i);
        snprintf(to, sizeof to, i % 2 ? "gone-%05d.npy" : "whole/x-%05d.npy", i % 2 ? i : i + 1);
        cr_assert_eq(rename(path_of(from), path_of(to)), 0);
    }
    return 0;
}

Test(stream, numbered_files_that_are_renamed)
{
    stream_rows m = make_rows(N, D, 1, 0);
    double resident[D + 1], streamed[D + 1];
    cusgd_data *files = open_numbered(m.data, "whole", 0);
    cusgd_options o = stream_options("epochs=2 batch=1000 memory=25M evaluate-every=end");
    cusgd_trainer *t = trainer_of(&o, files, NULL);
    cusgd_result result = CUSGD_INIT(cusgd_result);
    assert_works(cusgd_trainer_fit(t, rename_files, NULL, &result));
    parameters_of(t, D, 1, streamed);
    o.memory = 0;
    train(&o, m.data, resident);
    cr_assert_eq(memcmp(resident, streamed, sizeof resident), 0);
    cusgd_trainer_free(t);
    cusgd_data_free(files);
    free_rows(&m);
}

/* A file that is cut short or written between two epochs. */
typedef struct meddler {
    const char *path;
    int cuts;
} meddler;

static int meddle(const cusgd_progress *now, void *user)
{
    const meddler *m = user;
    if (now->epoch != 1) return 0;
    if (m->cuts)
        cr_assert_eq(truncate(m->path, 4096), 0);
    else
        cr_assert_eq(utimensat(AT_FDCWD, m->path, NULL, 0), 0);
    return 0;
}

/* Of one file, and of numbered ones. */
Test(stream, files_that_change)
{
    static const struct {
        const char *name;
        int cuts;
        const char *part;
    } cases[] = {{"x.npy", 0, "x.npy: was written while"},
                 {"x.npy", 1, "x.npy: became shorter"},
                 {"y.npy", 0, "y.npy: was written while"},
                 {"y.npy", 1, "y.npy: became shorter"},
                 {"w.npy", 0, "w.npy: was written while"},
                 {"w.npy", 1, "w.npy: became shorter"},
                 {"written/x-00001.npy", 0, "x-00001.npy: was written while"},
                 {"cut/x-00001.npy", 1, "x-00001.npy: became shorter"}};
    stream_rows m = make_rows(N, D, 1, 1);
    cusgd_handle_faults(); /* the reader's thread takes y from the mapped file */
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const char *slash = strchr(cases[i].name, '/');
        cusgd_data *files = !slash ? open_files(&m) : open_folder(&m, cases[i].cuts ? "cut" : "written");
        meddler by = {path_of(cases[i].name), cases[i].cuts};
        cusgd_options o = stream_options("epochs=3 batch=1000 memory=25M evaluate-every=end");
        cusgd_trainer *t = trainer_of(&o, files, NULL);
        cusgd_result result = CUSGD_INIT(cusgd_result);
        usleep(20000); /* a file's time is as exact as the clock that the system writes it by */
        assert_fails(cusgd_trainer_fit(t, meddle, &by, &result), CUSGD_ERROR_DATA, cases[i].part);
        assert_fails(cusgd_trainer_fit(t, NULL, NULL, &result), CUSGD_ERROR_DATA, cases[i].part);
        cusgd_trainer_free(t);
        cusgd_data_free(files);
    }
    free_rows(&m);
}

/* Which pages of files that it may not write are in memory, Linux does not tell other users than their owner, and calls all
 * present: such files are read ahead always. */
Test(stream, files_of_others)
{
    if (device_is_gpu()) cr_skip_test("rows that are sent to a GPU are read from files whether they are in memory or not");
    if (geteuid() != 0) cr_skip_test("only root can become somebody else");
    stream_rows m = make_rows(N, D, 1, 0);
    for (int others = 0; others < 2; others++) {
        cusgd_data *files = open_files(&m); /* just written: all pages are in memory */
        if (others) become_visitor();
        cusgd_options o = stream_options("epochs=2 batch=1000 memory=25M evaluate-every=end");
        cusgd_stream_times times = CUSGD_INIT(cusgd_stream_times);
        cusgd_trainer *t = trainer_of(&o, files, NULL);
        fit(t);
        cr_assert_eq(cusgd_trainer_stream_times(t, &times), 1);
        cr_assert_eq(times.present_bytes > 0, !others, "%g bytes were present, of others' files: %d", times.present_bytes,
                     others);
        cr_assert(!others || times.read_bytes > 0);
        cusgd_trainer_free(t);
        cusgd_data_free(files);
    }
    free_rows(&m);
}

/* ---- Refusals ------------------------------------------------------------------------------------------------------------- */

static void check_refused(const stream_rows *m, const char *words, cusgd_status status, const char *part)
{
    cusgd_trainer *t = NULL;
    cusgd_options o = stream_options(words);
    assert_fails(cusgd_trainer_create(&o, m->data, NULL, &t), status, part);
    cr_assert_null(t);
}

/* A fit that is saved in the middle of an epoch, and goes on within another budget. */
typedef struct saved {
    unsigned char *bytes;
    size_t count;
    int calls;
} saved;

static void save_once(cusgd_trainer *t, const cusgd_progress *now, void *user)
{
    saved *s = user;
    (void)now;
    if (++s->calls != 3) return;
    assert_works(cusgd_trainer_save_state_memory(t, NULL, 0, &s->count));
    s->bytes = malloc(s->count);
    assert_works(cusgd_trainer_save_state_memory(t, s->bytes, s->count, &s->count));
}

Test(stream, a_checkpoint_within_another_budget)
{
    stream_rows m = make_rows(N, D, 1, 0);
    double whole[D + 1], rest[D + 1];
    static const char *const budgets[] = {"25M", "40M", "auto"};
    for (int i = 0; i < 3; i++) {
        cusgd_options o = stream_options("epochs=2 batch=1000 memory=25M");
        saved state = {NULL, 0, 0};
        cusgd_trainer *t = trainer_of(&o, m.data, NULL);
        cusgd_trainer_set_checkpoint_callback(t, save_once, &state);
        fit(t);
        parameters_of(t, D, 1, whole);
        cusgd_trainer_free(t);
        assert_works(cusgd_options_set(&o, "memory", budgets[i]));
        t = trainer_of(&o, m.data, NULL);
        assert_works(cusgd_trainer_load_state_memory(t, state.bytes, state.count, NULL));
        fit(t);
        parameters_of(t, D, 1, rest);
        cr_assert_eq(memcmp(whole, rest, sizeof whole), 0, "%s", budgets[i]);
        cusgd_trainer_free(t);
        free(state.bytes);
    }
    free_rows(&m);
}

/* Other options of a trainer whose rows stay bound: batches that are larger than a window. */
Test(stream, a_larger_batch)
{
    stream_rows m = make_rows(N, D, 1, 0);
    double resident[D + 1], streamed[D + 1];
    cusgd_options o = stream_options("epochs=1 batch=1000 memory=25M optimizer=adam rate=0.01");
    cusgd_trainer *t = trainer_of(&o, m.data, NULL);
    o.batch = 60000;
    assert_works(cusgd_trainer_reset(t, &o));
    fit(t);
    parameters_of(t, D, 1, streamed);
    o.memory = 0;
    train(&o, m.data, resident);
    cr_assert_eq(memcmp(resident, streamed, sizeof resident), 0);
    cusgd_trainer_free(t);
    free_rows(&m);
}

Test(stream, what_cannot_be_read_piece_by_piece)
{
    stream_rows m = make_rows(N, D, 1, 0);
    check_refused(&m, "memory=9M", CUSGD_ERROR_USAGE, device_is_gpu() ? "give --memory 2" : "give --memory 1");
    check_refused(&m, "memory=25M sampling=permute", CUSGD_ERROR_USAGE, "give --sampling pages");
    check_refused(&m, "memory=25M sampling=batches", CUSGD_ERROR_USAGE, "give --sampling pages");
    if (device_is_gpu()) check_refused(&m, "memory=25M shards=2", CUSGD_ERROR_USAGE, "rows of each of 2 shards takes");
    check_refused(&m, "memory=25M solver=bfgs", CUSGD_ERROR_USAGE, "lbfgs, cg and gd");
    check_refused(&m, "memory=25M robust=true", CUSGD_ERROR_USAGE, "robust and whiten");
    free_rows(&m);
    m = make_rows(300, 500, 1, 0);
    check_refused(&m, "memory=300K solver=exact", CUSGD_ERROR_USAGE, "more columns than rows, for which solver exact needs all");
    free_rows(&m);
    cusgd_options o = options_default();
    assert_works(cusgd_options_set(&o, "memory", "1.5G"));
    cr_assert_eq(o.memory, 1500000000);
    assert_fails(cusgd_options_set(&o, "memory", "2X"), CUSGD_ERROR_USAGE, "memory");
    assert_fails(cusgd_options_set(&o, "memory", "G"), CUSGD_ERROR_USAGE, "memory");
    assert_fails(cusgd_options_set(&o, "memory", "1e300T"), CUSGD_ERROR_USAGE, "memory");
    assert_fails(cusgd_options_set(&o, "batch", "2K"), CUSGD_ERROR_USAGE, "batch");
}
