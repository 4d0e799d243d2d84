/* Text whose values lie in a file, as they are more than the reader wants in memory: what is read is the same. */
#include "data/encoding.h"
#include "reduced.h"
#include "tables.h"

#include <stdlib.h>
#include <sys/resource.h>

TestSuite(spill, .init = folder_setup, .fini = folder_teardown);

enum { ROWS = 20000 }; /* more than are passed over at a time */

/* Numbers, booleans, categories, dates whose order one row shows, a column with gaps, weights, exposures, a target. */
static char *draw_table(int gaps)
{
    static const char *const colors[] = {"red", "green", "blue"}, *const words[] = {"yes", "no"};
    char *text = malloc((size_t)ROWS * 64 + 64);
    random_source r = {5, 0};
    cr_assert(text != NULL);
    size_t at = (size_t)sprintf(text, "n;b;c;t;g;w;e;y\n");
    for (int i = 0; i < ROWS; i++) {
        at += (size_t)sprintf(text + at, "%.6f;%s;%s;%d/%d/2024;", (double)random_under(&r, 1000000) / 997,
                              words[random_under(&r, 2)], colors[random_under(&r, 3)],
                              i == ROWS - 1 ? 12 : 1 + (int)random_under(&r, 12),
                              i == ROWS - 1 ? 31 : 1 + (int)random_under(&r, 12));
        if (!gaps || random_under(&r, 40) > 0) at += (size_t)sprintf(text + at, "%d", (int)random_under(&r, 9));
        at += (size_t)sprintf(text + at, ";%d;%d;%d\n", 1 + (int)random_under(&r, 3), 1 + (int)random_under(&r, 5),
                              (int)random_under(&r, 50));
    }
    return text;
}

static cusgd_data *open_spilled(const char *path, cusgd_reader reader, int spilled)
{
    char folder[600];
    cusgd_data *data = NULL;
    snprintf(folder, sizeof folder, "%s", path_of(""));
    reader.spill = spilled ? folder : NULL;
    reader.spill_bytes = 4096;
    cr_assert_eq(cusgd_data_open(path, &reader, &data), CUSGD_OK, "%s", cusgd_last_error());
    cr_assert((data->mapping[PLACE_X] != NULL) == spilled && (data->memory[PLACE_X] == NULL) == spilled, "where x lies");
    return data;
}

static void assert_same_matrix(const cusgd_matrix *a, const cusgd_matrix *b, int64_t n, int64_t cols)
{
    cr_assert_eq(a->at == NULL, b->at == NULL);
    for (int64_t i = 0; a->at && i < n; i++)
        for (int64_t j = 0; j < cols; j++) {
            double left = matrix_at(a, i, j), right = matrix_at(b, i, j);
            cr_assert(memcmp(&left, &right, sizeof left) == 0, "row %d, column %d: %.17g, %.17g", (int)i, (int)j, left, right);
        }
}

static void assert_same(const cusgd_data *a, const cusgd_data *b)
{
    const examples *v = &a->view, *u = &b->view;
    cr_assert(v->n == u->n && v->d == u->d && v->k == u->k && a->note_count == b->note_count);
    for (size_t i = 0; i < a->note_count; i++) cr_assert_str_eq(a->notes[i], b->notes[i]);
    for (int64_t j = 0; j < v->d; j++) cr_assert_str_eq(a->features[j], b->features[j]);
    assert_same_matrix(&v->x, &u->x, v->n, v->d);
    assert_same_matrix(&v->y, &u->y, v->n, v->k);
    assert_same_matrix(&v->w, &u->w, v->n, 1);
    assert_same_matrix(&v->o, &u->o, v->n, 1);
    if (!examples_are_sparse(v)) return;
    size_t stored = (size_t)v->s.start[v->n];
    cr_assert_arr_eq(v->s.start, u->s.start, (size_t)(v->n + 1) * sizeof(int64_t));
    cr_assert_arr_eq(v->s.column, u->s.column, stored * sizeof(int32_t));
    cr_assert_arr_eq(v->s.value, u->s.value, stored * sizeof(double));
}

Test(spill, tables_are_the_same_as_in_memory)
{
    static const char *const dates[] = {"t"};
    for (int kind = 0; kind < 6; kind++) {
        char *text = draw_table(kind % 2);
        char path[600];
        cusgd_reader reader = CUSGD_INIT(cusgd_reader);
        snprintf(path, sizeof path, "%s", file_text("data.csv", text));
        reader.encode.categorical_auto = 1;
        reader.encode.dates = dates;
        reader.encode.date_count = 1;
        reader.encode.missing = kind < 2 ? CUSGD_MISSING_AUTO : kind < 4 ? CUSGD_MISSING_MEAN : CUSGD_MISSING_DROP;
        reader.encode.sparse = kind == 3 ? CUSGD_SPARSE_YES : CUSGD_SPARSE_AUTO;
        reader.encode.polynomial = kind == 5 ? 2 : 1;
        reader.roles.weights = kind == 4 ? NULL : "w";
        reader.roles.exposure = kind == 1 ? NULL : "e";
        cusgd_data *memory = open_spilled(path, reader, 0), *file = open_spilled(path, reader, 1);
        assert_same(memory, file);
        cusgd_data_free(memory);
        cusgd_data_free(file);
        free(text);
    }
}

Test(spill, classes_and_predictions)
{
    char path[600], *text = malloc((size_t)ROWS * 32);
    size_t at = (size_t)sprintf(text, "a,b,y\n");
    for (int i = 0; i < ROWS; i++)
        at += (size_t)sprintf(text + at, "%d.5,%s,%s\n", i % 77, i % 50 ? "3" : "",
                              i % 3 == 0   ? "cat"
                              : i % 3 == 1 ? "dog"
                                           : "ant");
    snprintf(path, sizeof path, "%s", file_text("data.csv", text));
    for (int predicts = 0; predicts < 2; predicts++) {
        cusgd_reader reader = CUSGD_INIT(cusgd_reader);
        reader.find_classes = CUSGD_CLASSES_FIND;
        reader.encode.missing = predicts ? CUSGD_MISSING_KEEP : CUSGD_MISSING_DROP;
        reader.encode.categorical_auto = predicts;
        reader.roles.x_only = predicts;
        cusgd_data *memory = open_spilled(path, reader, 0), *file = open_spilled(path, reader, 1);
        assert_same(memory, file);
        cr_assert_eq(memory->incomplete_count, predicts ? ROWS / 50 : 0);
        cr_assert_eq(memory->incomplete_count, file->incomplete_count);
        cusgd_data_free(memory);
        cusgd_data_free(file);
    }
    free(text);
}

Test(spill, a_disk_or_a_folder_that_does_not_do)
{
    char *text = draw_table(0), folder[600], path[600];
    cusgd_reader reader = CUSGD_INIT(cusgd_reader);
    cusgd_data *data;
    reader.encode.categorical_auto = 1;
    reader.roles.ignore = (const char *const[]){"t"};
    reader.roles.ignore_count = 1;
    reader.spill_bytes = 4096;
    snprintf(path, sizeof path, "%s", file_text("data.csv", text));
    reader.spill = "/nonexistent/folder";
    assert_fails(cusgd_data_open(path, &reader, &data), CUSGD_ERROR_DATA, "/nonexistent/folder: ");
    snprintf(folder, sizeof folder, "%s", path_of(""));
    reader.spill = folder;
    limit_file_size(100000);
    assert_fails(cusgd_data_open(path, &reader, &data), CUSGD_ERROR_DATA, "cannot be kept in a file there: File too large");
    cr_assert_eq(folder_count(folder), 1, "a file was left");
    free(text);
}

/* A table of 32 MB of values, and sparse text of 48 MB, with 16 MB of memory more than the process has. */
Test(spill, in_constant_memory, .disabled = REDUCED)
{
    enum { COLUMNS = 40, MANY = 100000, MORE = 16 << 20 };
    char paths[2][600], folder[600], *text = malloc((size_t)MANY * (COLUMNS * 5 + 8));
    snprintf(folder, sizeof folder, "%s", path_of(""));
    for (int sparse = 0; sparse < 2; sparse++) {
        size_t at = 0;
        for (int i = 0; i < MANY; i++)
            for (int j = 0; j <= COLUMNS; j++) {
                char *to = text + at;
                if (sparse && j > 0) *to++ = (char)('0' + j / 10), *to++ = (char)('0' + j % 10), *to++ = ':';
                *to++ = (char)('0' + (i + j * j) % 10);
                *to++ = j == COLUMNS ? '\n' : sparse ? ' ' : ',';
                at = (size_t)(to - text);
            }
        snprintf(paths[sparse], sizeof *paths, "%s", file_bytes(sparse ? "x.svm" : "x.csv", text, at));
    }
    free(text);
    char status_path[] = "/proc/self/status", line[256];
    long kilobytes = 0;
    FILE *status = fopen(status_path, "r");
    cr_assert(status);
    while (fgets(line, sizeof line, status)) (void)sscanf(line, "VmData: %ld", &kilobytes);
    fclose(status);
    struct rlimit limit;
    cr_assert(kilobytes > 0 && getrlimit(RLIMIT_DATA, &limit) == 0);
    limit.rlim_cur = (rlim_t)kilobytes * 1024 + MORE;
    cr_assert(setrlimit(RLIMIT_DATA, &limit) == 0);
    for (int sparse = 0; sparse < 2; sparse++) {
        cusgd_reader reader = CUSGD_INIT(cusgd_reader);
        cusgd_data *data;
        reader.threads = 1;
        reader.spill_bytes = 1 << 20;
        assert_fails(cusgd_data_open(paths[sparse], &reader, &data), CUSGD_ERROR_MEMORY, "out of memory");
        reader.spill = folder;
        assert_works(cusgd_data_open(paths[sparse], &reader, &data));
        cr_assert_eq(cusgd_data_rows(data), MANY);
        assert_works(cusgd_data_save(data, path_of(sparse ? "b" : "a"), NULL));
        cusgd_data_free(data);
    }
}
