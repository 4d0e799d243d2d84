/* Folders of numbered files: written, mapped as one matrix, shuffled, damaged. */
#include "data.h"
#include "data/pieces.h"
#include "support.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

TestSuite(pieces, .init = folder_setup, .fini = folder_teardown);

enum { N = 5000, D = 3, K = 2 };

/* Every row says which one it is. */
typedef struct made {
    float x[N * D];
    double y[N * K], w[N], o[N];
} made;

static cusgd_data *make(const made *m)
{
    static const char *const features[] = {"a", "b, c", "\xC3\xA9"}, *const targets[] = {"t", "u"};
    cusgd_data *data;
    assert_works(cusgd_data_wrap(N, D, K, (cusgd_matrix){m->x, CUSGD_TYPE_FLOAT32, D, 1},
                                 (cusgd_matrix){m->y, CUSGD_TYPE_FLOAT64, K, 1}, (cusgd_matrix){m->w, CUSGD_TYPE_FLOAT64, 1, 1},
                                 &data));
    assert_works(cusgd_data_set_offset(data, CUSGD_OFFSET_LINEAR, (cusgd_matrix){m->o, CUSGD_TYPE_FLOAT64, 1, 1}));
    assert_works(cusgd_data_set_names(data, features, targets, NULL, NULL));
    return data;
}

static made *fill(void)
{
    made *m = malloc(sizeof *m);
    cr_assert(m);
    for (int i = 0; i < N; i++) {
        for (int j = 0; j < D; j++) m->x[i * D + j] = (float)(i * D + j);
        for (int j = 0; j < K; j++) m->y[i * K + j] = i + 0.1 * j;
        m->w[i] = 1 + i % 7;
        m->o[i] = -0.25 * i;
    }
    return m;
}

static cusgd_folder_options options_of(int64_t rows_per_file)
{
    cusgd_folder_options options = CUSGD_INIT(cusgd_folder_options);
    options.rows_per_file = rows_per_file;
    return options;
}

static cusgd_data *open_folder(const char *path)
{
    cusgd_data *data;
    assert_works(cusgd_data_open(path, NULL, &data));
    return data;
}

static void assert_rows(const cusgd_data *data, const made *m)
{
    const examples *e = &data->view;
    cr_assert_eq(e->n, N);
    cr_assert_eq(e->d, D);
    cr_assert_eq(e->k, K);
    for (int i = 0; i < N; i++) {
        for (int j = 0; j < D; j++) cr_assert_eq(matrix_at(&e->x, i, j), m->x[i * D + j]);
        for (int j = 0; j < K; j++) cr_assert_eq(matrix_at(&e->y, i, j), m->y[i * K + j]);
        cr_assert_eq(matrix_at(&e->w, i, 0), m->w[i]);
        cr_assert_eq(matrix_at(&e->o, i, 0), m->o[i]);
    }
}

Test(pieces, are_mapped_as_one_matrix)
{
    static const int64_t rows[] = {0, 1, 1024, 1500, 4096, 1 << 20};
    static const int files[] = {1, 5, 5, 3, 2, 1};
    made *m = fill();
    cusgd_data *data = make(m);
    for (int i = 0; i < 6; i++) {
        char name[16];
        snprintf(name, sizeof name, "out%d", i);
        cusgd_folder_options options = options_of(rows[i]);
        assert_works(cusgd_data_save(data, path_of(name), &options));
        cr_assert_eq(folder_count(path_of(name)), 4 * files[i] + 1);
        cusgd_data *found = open_folder(path_of(name));
        cr_assert(found->mapping[PIECE_X] && !found->memory[PIECE_X]);
        assert_rows(found, m);
        cr_assert_str_eq(cusgd_data_feature(found, 1), "b, c");
        cr_assert_str_eq(cusgd_data_feature(found, 2), "\xC3\xA9");
        cr_assert_str_eq(cusgd_data_target(found, 1), "u");
        cr_assert_eq(cusgd_data_offset(found, NULL), CUSGD_OFFSET_LINEAR);
        cusgd_data_free(found);
        assert_works(cusgd_folder_check(path_of(name)));
    }
    cr_assert_eq(folder_count(path_of("")), 6);
    cusgd_data_free(data);
    free(m);
}

/* NumPy reads them, as they are .npy files with much room in their headers. */
Test(pieces, each_file_is_an_array)
{
    made *m = fill();
    cusgd_data *data = make(m);
    npy_array a;
    cusgd_folder_options options = options_of(2048);
    assert_works(cusgd_data_save(data, path_of("out"), &options));
    assert_works(npy_open(path_of("out/x-00002.npy"), &a));
    cr_assert_eq(a.rows, N - 4096);
    cr_assert_eq(a.cols, D);
    cr_assert_eq(matrix_at(&a.matrix, 1, 2), m->x[4097 * D + 2]);
    file_unmap(a.mapping);
    assert_works(npy_open(path_of("out/w-00001.npy"), &a));
    cr_assert_eq(a.rows, 2048);
    cr_assert_eq(a.cols, 0);
    file_unmap(a.mapping);
    cusgd_data_free(data);
    free(m);
}

Test(pieces, classes_and_exposures_come_back)
{
    static const char *const names[] = {"red", "green", "blue"};
    double x[] = {1, 2, 3, 4}, y[] = {2, 0, 1, 2}, exposures[] = {1, 2, 4, 0.5};
    cusgd_matrix none = {.at = NULL};
    cusgd_data *data;
    assert_works(cusgd_data_wrap(4, 1, 1, (cusgd_matrix){x, CUSGD_TYPE_FLOAT64, 1, 1},
                                 (cusgd_matrix){y, CUSGD_TYPE_FLOAT64, 1, 1}, none, &data));
    assert_works(cusgd_data_set_classes(data, names, 3));
    assert_works(cusgd_data_set_offset(data, CUSGD_OFFSET_EXPOSURE, (cusgd_matrix){exposures, CUSGD_TYPE_FLOAT64, 1, 1}));
    assert_works(cusgd_data_save(data, path_of("out"), NULL));
    cusgd_data *found = open_folder(path_of("out"));
    cr_assert_eq(found->view.classes, 3);
    cr_assert_str_eq(cusgd_data_class(found, 2), "blue");
    cr_assert_eq(cusgd_data_offset(found, NULL), CUSGD_OFFSET_EXPOSURE);
    for (int i = 0; i < 4; i++) cr_assert_eq(matrix_at(&found->view.o, i, 0), log(exposures[i]));
    cusgd_data_free(found);
    /* Classes that a model has in another order get its numbers; one that it has not is refused. */
    static const char *const others[] = {"blue", "black", "green", "red"};
    cusgd_reader reader = CUSGD_INIT(cusgd_reader);
    reader.classes = others;
    reader.class_count = 4;
    assert_works(cusgd_data_open(path_of("out"), &reader, &found));
    static const double expected[] = {0, 3, 2, 0};
    for (int i = 0; i < 4; i++) cr_assert_eq(matrix_at(&found->view.y, i, 0), expected[i]);
    cusgd_data_free(found);
    reader.class_count = 3;
    assert_fails(cusgd_data_open(path_of("out"), &reader, &found), CUSGD_ERROR_DATA, "\"red\"");
    /* A number that is no class's has none of the model's either. */
    static const double wrong[] = {3, -1, 0.5, (double)NAN};
    reader.class_count = 4;
    for (int i = 0; i < 4; i++) {
        FILE *file = fopen(path_of("out/y-00000.npy"), "r+b");
        cr_assert(file && fseek(file, 4096 + 2 * sizeof(double), SEEK_SET) == 0);
        cr_assert(fwrite(&wrong[i], sizeof wrong[i], 1, file) == 1 && fclose(file) == 0);
        assert_fails(cusgd_data_open(path_of("out"), &reader, &found), CUSGD_ERROR_DATA, "row 3 has target");
    }
    cusgd_data_free(data);
}

/* Columns of the same number in another order are not mixed; a part without names has those of the first one. */
Test(pieces, columns_of_parts)
{
    static const char *const features[][2] = {{"a", "b"}, {"b", "a"}}, *const targets[] = {"y", "z"};
    static const char *const wrong[] = {"column 1 is 'b', and that of the rows before 'a'",
                                        "target 1 is 'z', and that of the rows before 'y'"};
    double x[] = {1, 2}, y[] = {0};
    cusgd_data *parts[4];
    cusgd_folder *to;
    for (int i = 0; i < 4; i++) {
        assert_works(cusgd_data_wrap(1, 2, 1, (cusgd_matrix){x, CUSGD_TYPE_FLOAT64, 2, 1},
                                     (cusgd_matrix){y, CUSGD_TYPE_FLOAT64, 1, 1}, (cusgd_matrix){0}, &parts[i]));
        if (i < 3) assert_works(cusgd_data_set_names(parts[i], features[i == 1], &targets[i == 2], NULL, NULL));
    }
    for (int i = 1; i < 3; i++) {
        assert_works(cusgd_folder_create(path_of("out"), NULL, &to));
        assert_works(cusgd_folder_append(to, parts[0]));
        assert_works(cusgd_folder_append(to, parts[3]));
        assert_fails(cusgd_folder_append(to, parts[i]), CUSGD_ERROR_DATA, wrong[i - 1]);
        cusgd_folder_free(to);
    }
    for (int i = 0; i < 4; i++) cusgd_data_free(parts[i]);
}

/* Parts whose classes have other numbers are not mixed; and a folder that lacks rows is not completed. */
Test(pieces, classes_of_parts)
{
    static const char *const names[][2] = {{"no", "yes"}, {"yes", "no"}};
    double x[] = {1, 2}, y[] = {0, 1};
    cusgd_data *parts[2];
    cusgd_folder *to;
    for (int i = 0; i < 2; i++) {
        assert_works(cusgd_data_wrap(2, 1, 1, (cusgd_matrix){x, CUSGD_TYPE_FLOAT64, 1, 1},
                                     (cusgd_matrix){y, CUSGD_TYPE_FLOAT64, 1, 1}, (cusgd_matrix){0}, &parts[i]));
        assert_works(cusgd_data_set_classes(parts[i], names[i], 2));
    }
    assert_works(cusgd_folder_create(path_of("out"), NULL, &to));
    assert_works(cusgd_folder_append(to, parts[0]));
    assert_works(cusgd_folder_append(to, parts[0]));
    assert_fails(cusgd_folder_append(to, parts[1]), CUSGD_ERROR_DATA, "has other classes");
    assert_fails(cusgd_folder_append(to, parts[0]), CUSGD_ERROR_USAGE, "can only be freed");
    assert_fails(cusgd_folder_finish(to), CUSGD_ERROR_USAGE, "can only be freed");
    cr_assert_eq(folder_count(path_of("")), 0);
    cusgd_data_free(parts[0]);
    cusgd_data_free(parts[1]);
}

Test(pieces, bf16_is_the_nearest)
{
    float x[] = {1, 1.00390625f, 3.14159265f, -1e-30f, 65504, 0};
    double y[] = {1, 2, 3, 4, 5, 6};
    static const float expected[] = {1, 1, 3.140625f, -0x1.44p-100f, 65536, 0};
    cusgd_matrix none = {.at = NULL};
    cusgd_folder_options options = CUSGD_INIT(cusgd_folder_options);
    cusgd_data *data;
    assert_works(cusgd_data_wrap(6, 1, 1, (cusgd_matrix){x, CUSGD_TYPE_FLOAT32, 1, 1},
                                 (cusgd_matrix){y, CUSGD_TYPE_FLOAT64, 1, 1}, none, &data));
    options.bf16 = 1;
    assert_works(cusgd_data_save(data, path_of("out"), &options));
    cusgd_data_free(data);
    data = open_folder(path_of("out"));
    for (int i = 0; i < 6; i++)
        cr_assert_float_eq((float)matrix_at(&data->view.x, i, 0), expected[i], fabsf(expected[i]) * 1e-5f);
    cusgd_data_free(data);
}

/* Each row is there once, with its own target, weight and offset; the order is the seed's, whatever the buckets. */
Test(pieces, shuffled_rows_are_a_permutation)
{
    made *m = fill();
    cusgd_data *data = make(m), *first, *other;
    cusgd_folder_options options = options_of(1024);
    static char seen[N];
    int64_t moved = 0, different = 0;
    options.shuffle = 1;
    options.seed = 7;
    assert_works(cusgd_data_save(data, path_of("one"), &options));
    options.seed = 8;
    assert_works(cusgd_data_save(data, path_of("two"), &options));
    first = open_folder(path_of("one"));
    other = open_folder(path_of("two"));
    for (int i = 0; i < N; i++) {
        int row = (int)(matrix_at(&first->view.x, i, 0) / D);
        cr_assert(row >= 0 && row < N && !seen[row]);
        seen[row] = 1;
        for (int j = 0; j < D; j++) cr_assert_eq(matrix_at(&first->view.x, i, j), m->x[row * D + j]);
        for (int j = 0; j < K; j++) cr_assert_eq(matrix_at(&first->view.y, i, j), m->y[row * K + j]);
        cr_assert_eq(matrix_at(&first->view.w, i, 0), m->w[row]);
        cr_assert_eq(matrix_at(&first->view.o, i, 0), m->o[row]);
        moved += row != i;
        different += matrix_at(&other->view.x, i, 0) != matrix_at(&first->view.x, i, 0);
    }
    cr_assert_gt(moved, N - 20);
    cr_assert_gt(different, N - 20);
    static const size_t buckets[] = {1, 1000, 40000};
    for (int b = 0; b < 3; b++) {
        char name[16];
        pieces_writer *w;
        pieces s = {.rows_per_file = 2048, .cols = {D, K, 1, 1}, .type = {0, 1, 1, 1}, .d = D};
        snprintf(name, sizeof name, "bucket%d", b);
        assert_works(pieces_create(path_of(name), &s, &w));
        assert_works(pieces_append_shuffled(w, &s, data, 7, buckets[b]));
        assert_works(pieces_finish(w, data));
        cusgd_data *found = open_folder(path_of(name));
        for (int i = 0; i < N; i++) cr_assert_eq(matrix_at(&found->view.x, i, 1), matrix_at(&first->view.x, i, 1));
        cusgd_data_free(found);
    }
    cusgd_data_free(first);
    cusgd_data_free(other);
    cusgd_data_free(data);
    free(m);
}

/* Data that comes by and by is written as it is all at once, to the byte. */
Test(pieces, parts_make_the_same_folder)
{
    made *m = fill();
    cusgd_data *data = make(m), *part;
    cusgd_folder *to;
    cusgd_folder_options options = options_of(1024);
    int64_t rows[N];
    assert_works(cusgd_data_save(data, path_of("whole"), &options));
    assert_works(cusgd_folder_create(path_of("parts"), &options, &to));
    for (int64_t first = 0, count = 1; first < N; first += count, count = count * 3 < N - first ? count * 3 : N - first) {
        for (int64_t i = 0; i < count; i++) rows[i] = first + i;
        assert_works(cusgd_data_select(data, rows, count, &part));
        assert_works(cusgd_folder_append(to, part));
        cusgd_data_free(part);
    }
    assert_works(cusgd_folder_finish(to));
    static const char *const files[] = {"cusgd.json",  "x-00000.npy", "x-00004.npy",
                                        "y-00002.npy", "w-00003.npy", "offset-00004.npy"};
    for (int i = 0; i < 6; i++) {
        char name[2][64], *bytes[2];
        size_t count[2];
        for (int f = 0; f < 2; f++) {
            snprintf(name[f], sizeof name[f], "%s/%s", f ? "parts" : "whole", files[i]);
            bytes[f] = file_read(path_of(name[f]), &count[f]);
        }
        cr_assert(count[0] == count[1] && memcmp(bytes[0], bytes[1], count[0]) == 0, "%s", files[i]);
        free(bytes[0]);
        free(bytes[1]);
    }
    assert_works(cusgd_folder_create(path_of("none"), &options, &to));
    assert_fails(cusgd_folder_finish(to), CUSGD_ERROR_DATA, "no rows");
    assert_works(cusgd_folder_create(path_of("none"), &options, &to));
    assert_works(cusgd_folder_append(to, data));
    assert_works(
        cusgd_data_wrap(1, D, 0, (cusgd_matrix){m->x, CUSGD_TYPE_FLOAT32, D, 1}, (cusgd_matrix){0}, (cusgd_matrix){0}, &part));
    assert_fails(cusgd_folder_append(to, part), CUSGD_ERROR_DATA, "columns of y");
    cusgd_folder_free(to);
    cr_assert_eq(folder_count(path_of("")), 2);
    cusgd_data_free(part);
    cusgd_data_free(data);
    free(m);
}

/* ---- What is refused ----------------------------------------------------------------------------------------------------- */

/* A folder of two files. */
static void save_folder(const char *name)
{
    made *m = fill();
    cusgd_data *data = make(m);
    cusgd_folder_options options = options_of(4096);
    assert_works(cusgd_data_save(data, path_of(name), &options));
    cusgd_data_free(data);
    free(m);
}

static void assert_refused(const char *part)
{
    cusgd_data *data;
    assert_fails(cusgd_data_open(path_of("out"), NULL, &data), CUSGD_ERROR_DATA, part);
}

Test(pieces, damaged_folders)
{
    save_folder("out");
    char *index = file_read(path_of("out/cusgd.json"), &(size_t){0});
    cr_assert_eq(truncate(path_of("out/x-00001.npy"), 5000), 0);
    assert_refused("x-00001.npy: has 5000 bytes, where");
    cr_assert_eq(unlink(path_of("out/x-00001.npy")), 0);
    assert_refused("x-00001.npy: cannot be opened");
    /* What stands in the index, and what stands there instead. */
    static const char *const edits[][2] = {{"\"complete\":\ttrue", "\"complete\":\tfalse"},
                                           {"cusgd rows", "other rows"},
                                           {"\"version\":\t1", "\"version\":\t2"},
                                           {"\"rows\":\t5000", "\"rows\":\t5e99"},
                                           {"\"rows\":\t5000", "\"rows\":\t1.5"},
                                           {"\"rows\":\t5000", "\"rows\":\t9000"},
                                           {"\"rows_per_file\":\t4096", "\"rows_per_file\":\t0"},
                                           {"\"columns\":\t3", "\"columns\":\t-3"},
                                           {"\"float32\"", "\"float16\""},
                                           {"\"float32\"", "7"},
                                           {"\"offset\":\t\"offset\"", "\"other\":\t\"offset\""},
                                           {"[\"a\"", "[\"z\", \"a\""},
                                           {"[\"t\"", "[5, \"t\""},
                                           {"\"checksums\":\t[\"", "\"checksums\":\t[\"0"},
                                           {"}", ""}};
    for (size_t i = 0; i < sizeof edits / sizeof *edits; i++) {
        char text[8192];
        const char *at = strstr(index, edits[i][0]);
        cr_assert(at, "%s", edits[i][0]);
        snprintf(text, sizeof text, "%.*s%s%s", (int)(at - index), index, edits[i][1], at + strlen(edits[i][0]));
        file_text("out/cusgd.json", text);
        assert_refused("convert");
    }
    free(index);
}

/* A file of the same size whose values mean something else. */
Test(pieces, headers_of_other_arrays)
{
    static const char *const files[] = {"out/x-00000.npy", "out/x-00001.npy", "out/y-00001.npy", "out/w-00000.npy"};
    static const char *const edits[][2] = {{"'<f", "'>f"}, {"'<f", "'<i"}, {"False", "True "}, {"(", "["}, {"\x93", "\x94"}};
    save_folder("out");
    for (size_t f = 0; f < sizeof files / sizeof *files; f++) {
        size_t size;
        char *bytes = file_read(path_of(files[f]), &size);
        for (size_t i = 0; i < sizeof edits / sizeof *edits; i++) {
            char *at = memmem(bytes, 4096, edits[i][0], strlen(edits[i][0]));
            cr_assert(at, "%s", edits[i][0]);
            memcpy(at, edits[i][1], strlen(edits[i][1]));
            file_bytes(files[f], bytes, size);
            assert_refused("another header");
            memcpy(at, edits[i][0], strlen(edits[i][0]));
        }
        file_bytes(files[f], bytes, size);
        free(bytes);
    }
    cusgd_data_free(open_folder(path_of("out")));
}

Test(pieces, checksums_find_one_changed_byte)
{
    save_folder("out");
    assert_works(cusgd_folder_check(path_of("out")));
    FILE *file = fopen(path_of("out/y-00001.npy"), "r+b");
    cr_assert(file && fseek(file, 5000, SEEK_SET) == 0 && fputc(1, file) == 1 && fclose(file) == 0);
    assert_fails(cusgd_folder_check(path_of("out")), CUSGD_ERROR_DATA, "y-00001.npy: is damaged");
}

Test(pieces, a_file_that_shrinks_is_noticed)
{
    save_folder("out");
    cusgd_data *data = open_folder(path_of("out"));
    assert_works(data_check_files(data));
    cr_assert_eq(truncate(path_of("out/x-00001.npy"), 4096), 0);
    assert_fails(data_check_files(data), CUSGD_ERROR_DATA, "x-00001.npy: became shorter");
    cusgd_handle_faults();
    volatile double last = matrix_at(&data->view.x, N - 1, 0); /* reads zeros, where the program would have ended */
    cr_assert_eq(last, 0);
    cusgd_data_free(data);
}

Test(pieces, places_that_are_taken)
{
    made *m = fill();
    cusgd_data *data = make(m);
    file_text("file", "x");
    assert_fails(cusgd_data_save(data, path_of("file"), NULL), CUSGD_ERROR_DATA, "is there already");
    cr_assert_eq(mkdir(path_of("empty"), 0700), 0);
    assert_works(cusgd_data_save(data, path_of("empty/"), NULL));
    assert_fails(cusgd_data_save(data, path_of("empty"), NULL), CUSGD_ERROR_DATA, "is there already");
    assert_fails(cusgd_data_save(data, path_of("none/out"), NULL), CUSGD_ERROR_DATA, "No such file");
    cr_assert_eq(folder_count(path_of("")), 2);
    cusgd_data_free(data);
    free(m);
}

/* A full disk: an error, and nothing is left. */
Test(pieces, full_disk)
{
    made *m = fill();
    cusgd_data *data = make(m);
    cusgd_folder_options options = options_of(1024);
    limit_file_size(1 << 14);
    for (options.shuffle = 0; options.shuffle < 2; options.shuffle++) {
        assert_fails(cusgd_data_save(data, path_of("out"), &options), CUSGD_ERROR_DATA, "written");
        cr_assert_eq(folder_count(path_of("")), 0);
    }
    cusgd_data_free(data);
    free(m);
}

/* ---- Sparse rows --------------------------------------------------------------------------------------------------------- */

Test(pieces, sparse_rows)
{
    int64_t start[] = {0, 2, 2, 3, 6};
    int32_t column[] = {0, 5, 1, 2, 3, 4};
    float value[] = {1, 2, 3, 4, 5, 6}, y[] = {10, 20, 30, 40};
    cusgd_data *data;
    cusgd_folder_options options = CUSGD_INIT(cusgd_folder_options);
    assert_works(cusgd_data_wrap_csr(4, 9, 1, (cusgd_csr){start, column, value, CUSGD_TYPE_FLOAT32, 0},
                                     (cusgd_matrix){y, CUSGD_TYPE_FLOAT32, 1, 1}, (cusgd_matrix){0}, &data));
    for (options.shuffle = 0; options.shuffle < 2; options.shuffle++) {
        const char *path = path_of(options.shuffle ? "shuffled" : "out");
        assert_works(cusgd_data_save(data, path, &options));
        cusgd_data *found = open_folder(path);
        cr_assert_eq(found->view.n, 4);
        cr_assert_eq(found->view.d, 9); /* though no column of the last three is stored */
        double sum = 0;
        for (int i = 0; i < 4; i++) {
            int row = (int)matrix_at(&found->view.y, i, 0) / 10 - 1;
            int64_t at = found->view.s.start[i], count = found->view.s.start[i + 1] - at;
            cr_assert(options.shuffle || row == i);
            cr_assert_eq(count, start[row + 1] - start[row]);
            for (int64_t c = 0; c < count; c++) {
                cr_assert_eq(csr_column(&found->view.s, at + c), column[start[row] + c]);
                sum += csr_value(&found->view.s, at + c);
            }
        }
        cr_assert_eq(sum, 21);
        cusgd_data_free(found);
    }
    options.bf16 = 1;
    assert_fails(cusgd_data_save(data, path_of("bf16"), &options), CUSGD_ERROR_USAGE, "sparse");
    cusgd_data_free(data);
}

/* ---- Without an index ---------------------------------------------------------------------------------------------------- */

static void put_array(const char *name, int64_t rows, int64_t cols, double first)
{
    double values[64];
    for (int64_t i = 0; i < rows * cols; i++) values[i] = first + (double)i;
    cr_assert_leq(rows * cols, 64);
    assert_works(cusgd_array_save(path_of(name), rows, cols, values));
}

Test(pieces, numbered_files_of_others)
{
    cusgd_data *data;
    cr_assert_eq(mkdir(path_of("out"), 0700), 0);
    put_array("out/x-1.npy", 3, 2, 0);
    put_array("out/y-1.npy", 3, 0 + 1, 100);
    put_array("out/x-2.npy", 4, 2, 6);
    put_array("out/y-2.npy", 4, 1, 103);
    put_array("out/x-3.npy", 1, 2, 14);
    assert_refused("the files of y have 7 rows, and those of x have 8");
    put_array("out/y-3.npy", 1, 1, 107);
    put_array("out/w-12.npy", 8, 1, 1);
    file_text("out/x-notes.npy", "no array");
    data = open_folder(path_of("out"));
    cr_assert_eq(data->view.n, 8);
    for (int i = 0; i < 8; i++) {
        cr_assert_eq(matrix_at(&data->view.x, i, 1), 2 * i + 1);
        cr_assert_eq(matrix_at(&data->view.y, i, 0), 100 + i);
        cr_assert_eq(matrix_at(&data->view.w, i, 0), 1 + i);
    }
    cr_assert(strstr(cusgd_data_note(data, 0), "cusgd convert"));
    cusgd_data_free(data);
    put_array("out/x-5.npy", 1, 2, 0);
    assert_refused("of x-1.npy to x-5.npy only 4 are there");
    put_array("out/x-04.npy", 1, 3, 0);
    assert_refused("x-04.npy: has 3 columns, and the first file has 2");
    put_array("out/x-4.npy", 1, 2, 0);
    assert_refused("remove one of them");
}
