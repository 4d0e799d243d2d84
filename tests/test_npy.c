/* Arrays in .npy files, and folders of them. */
#include "data.h"
#include "support.h"

#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

TestSuite(npy, .init = folder_setup, .fini = folder_teardown);
TestSuite(folder, .init = folder_setup, .fini = folder_teardown);

static double x_at(const cusgd_data *data, int64_t i, int64_t j) { return matrix_at(&data->view.x, i, j); }
static double y_at(const cusgd_data *data, int64_t i, int64_t j) { return matrix_at(&data->view.y, i, j); }

/* ---- .npy ---------------------------------------------------------------------------------------------------------------- */

/* A .npy file with this dictionary and this many bytes of elements 0, 1, 2, ... of float32. */
static const char *npy_file(const char *name, int version, const char *dictionary, size_t elements)
{
    static unsigned char bytes[1 << 16];
    size_t preamble = version == 1 ? 10 : 12, length = strlen(dictionary);
    size_t whole = (preamble + length + 1 + 63) / 64 * 64;
    memset(bytes, ' ', whole);
    memcpy(bytes, "\x93NUMPY", 6);
    bytes[6] = (unsigned char)version;
    bytes[7] = 0;
    for (size_t i = 8; i < preamble; i++) bytes[i] = (unsigned char)((whole - preamble) >> (8 * (i - 8)));
    memcpy(bytes + preamble, dictionary, length);
    bytes[whole - 1] = '\n';
    for (size_t i = 0; i < elements / 4; i++) {
        float value = (float)i;
        memcpy(bytes + whole + 4 * i, &value, 4);
    }
    memset(bytes + whole + elements / 4 * 4, 0, elements % 4);
    return file_bytes(name, bytes, whole + elements);
}

typedef struct array {
    cusgd_matrix m;
    int64_t rows, cols;
    void *mapping;
    size_t mapped;
} array;

static cusgd_status array_open(const char *path, array *a)
{
    return npy_open(path, &a->m, &a->rows, &a->cols, &a->mapping, &a->mapped);
}

Test(npy, shapes_and_orders)
{
    array a;
    for (int version = 1; version <= 3; version++) {
        assert_works(
            array_open(npy_file("a.npy", version, "{'descr': '<f4', 'fortran_order': False, 'shape': (2, 3), }", 24), &a));
        cr_assert_eq(a.rows, 2);
        cr_assert_eq(a.cols, 3);
        cr_assert_eq(matrix_at(&a.m, 1, 0), 3);
        cr_assert_eq(matrix_at(&a.m, 0, 2), 2);
        munmap(a.mapping, a.mapped);
    }
    assert_works(array_open(npy_file("a.npy", 1, "{\"shape\":(2,3),\"descr\":\"<f4\",\"fortran_order\":True}", 24), &a));
    cr_assert_eq(matrix_at(&a.m, 1, 0), 1);
    cr_assert_eq(matrix_at(&a.m, 0, 2), 4);
    munmap(a.mapping, a.mapped);
    assert_works(array_open(npy_file("a.npy", 1, "{'descr': '<f4', 'fortran_order': True, 'shape': (6,)}", 24), &a));
    cr_assert_eq(a.rows, 6);
    cr_assert_eq(a.cols, 0);
    cr_assert_eq(matrix_at(&a.m, 4, 0), 4);
    munmap(a.mapping, a.mapped);
}

Test(npy, refusals)
{
    static const struct {
        const char *dictionary;
        size_t elements;
        const char *message;
    } cases[] = {
        {"{'descr': '>f4', 'fortran_order': False, 'shape': (2, 3), }", 24, "big-endian type '>f4'"},
        {"{'descr': '<i8', 'fortran_order': False, 'shape': (3,), }", 24, "save a.astype('<f4')"},
        {"{'descr': '<f2', 'fortran_order': False, 'shape': (12,), }", 24, "type '<f2'"},
        {"{'descr': '|O', 'fortran_order': False, 'shape': (3,), }", 24, "type '|O'"},
        {"{'descr': [('a', '<f4'), ('b', '<f4')], 'fortran_order': False, 'shape': (3,), }", 24, "holds records"},
        {"{'descr': '<f4', 'fortran_order': False, 'shape': (), }", 4, "has 0 dimensions"},
        {"{'descr': '<f4', 'fortran_order': False, 'shape': (1, 2, 3), }", 24, "has 3 dimensions"},
        {"{'descr': '<f4', 'fortran_order': False, 'shape': (0, 3), }", 0, "is an empty array"},
        {"{'descr': '<f4', 'fortran_order': False, 'shape': (0,), }", 0, "is an empty array"},
        {"{'descr': '<f4', 'fortran_order': False, 'shape': (2, 3), }", 23, "cut short"},
        {"{'descr': '<f4', 'fortran_order': False, 'shape': (2, 3), }", 25, "cut short"},
        {"{'descr': '<f4', 'fortran_order': False, 'shape': (2, 3), }", 0, "cut short"},
        {"{'descr': '<f8', 'fortran_order': False, 'shape': (2305843009213693952, 8), }", 24, "cut short"},
        {"{'descr': '<f8', 'fortran_order': False, 'shape': (4294967296, 4294967296), }", 0, "cut short"},
        {"{'descr': '<f4', 'fortran_order': False, 'shape': (99999999999999999999, 3), }", 24, "header is malformed"},
        {"{'descr': '<f4', 'fortran_order': False, 'shape': (-2, 3), }", 24, "header is malformed"},
        {"{'descr': '<f4', 'fortran_order': False, 'shape': (6), }", 24, "header is malformed"},
        {"{'descr': '<f4', 'fortran_order': False, 'shape': [2, 3], }", 24, "header is malformed"},
        {"{'descr': '<f4', 'fortran_order': 0, 'shape': (2, 3), }", 24, "header is malformed"},
        {"{'descr': '<f4', 'fortran_order': False, }", 24, "header is malformed"},
        {"{'descr': '<f4', 'descr': '<f4', 'fortran_order': False, 'shape': (6,)}", 24, "header is malformed"},
        {"{'descr': '<f4', 'fortran_order': False, 'shape': (6,), 'more': 1}", 24, "header is malformed"},
        {"{'descr': '<f4' 'fortran_order': False, 'shape': (6,)}", 24, "header is malformed"},
        {"{'descr': '<f4', 'fortran_order': False, 'shape': (6,)} x", 24, "header is malformed"},
        {"{'descr': '<f4', 'fortran_order': False, 'shape': (6,)", 24, "header is malformed"},
        {"{'descr': '<f4", 24, "header is malformed"},
        {"", 24, "header is malformed"},
    };
    array a;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        assert_fails(array_open(npy_file("a.npy", 1 + (int)i % 3, cases[i].dictionary, cases[i].elements), &a), CUSGD_ERROR_DATA,
                     cases[i].message);
        cr_assert_null(a.mapping);
    }
    assert_fails(array_open(file_text("a.npy", ""), &a), CUSGD_ERROR_DATA, "is empty");
    assert_fails(array_open(path_of("none.npy"), &a), CUSGD_ERROR_DATA, "cannot be opened");
    assert_fails(array_open(path_of(""), &a), CUSGD_ERROR_DATA, "not a regular file");
    assert_fails(array_open(npy_file("a.npy", 4, "{}", 0), &a), CUSGD_ERROR_DATA, "not a .npy file");
    cr_assert_eq(mkfifo(path_of("pipe.npy"), 0600), 0);
    assert_fails(array_open(path_of("pipe.npy"), &a), CUSGD_ERROR_DATA, "not a regular file"); /* and does not wait for it */
}

Test(npy, damaged)
{
    size_t count;
    array a;
    char *bytes = file_read(npy_file("whole.npy", 1, "{'descr': '<f4', 'fortran_order': False, 'shape': (2, 3), }", 24), &count);
    for (size_t kept = 0; kept < count; kept++) {
        cr_assert_eq(array_open(file_bytes("a.npy", bytes, kept), &a), CUSGD_ERROR_DATA, "cut to %zu of %zu bytes", kept, count);
    }
    random_source r = {.key = 4};
    for (int i = 0; i < 5000; i++) {
        size_t at = random_under(&r, count - 24);
        char before = bytes[at];
        bytes[at] ^= (char)(1 << random_under(&r, 8));
        if (array_open(file_bytes("a.npy", bytes, count), &a) == CUSGD_OK) {
            cr_assert(a.rows >= 1 && a.rows * (a.cols ? a.cols : 1) <= 6);
            volatile double last = matrix_at(&a.m, a.rows - 1, a.cols ? a.cols - 1 : 0);
            (void)last;
            munmap(a.mapping, a.mapped);
        }
        bytes[at] = before;
    }
    free(bytes);
}

Test(npy, writer)
{
    const double values[] = {1, 2, 3, 4, 5, 6};
    npy_writer *writer;
    array a;
    const char *path = path_of("a.npy");
    assert_works(npy_create(path, CUSGD_TYPE_FLOAT64, 3, 2, &writer));
    assert_works(npy_append(writer, values, 4));
    assert_works(npy_append(writer, values + 4, 2));
    cr_assert_not(file_exists(path));
    assert_works(npy_close(writer));
    assert_works(array_open(path, &a));
    cr_assert_eq(a.rows, 3);
    cr_assert_eq(a.cols, 2);
    cr_assert_eq((uintptr_t)a.m.at % 64, 0);
    cr_assert_arr_eq(a.m.at, values, sizeof values);
    munmap(a.mapping, a.mapped);

    assert_works(npy_create(path_of("b.npy"), CUSGD_TYPE_FLOAT64, 3, 0, &writer));
    assert_fails(npy_append(writer, values, 4), CUSGD_ERROR_USAGE, "more elements");
    assert_fails(npy_close(writer), CUSGD_ERROR_USAGE, "fewer elements");
    assert_works(npy_create(path_of("b.npy"), CUSGD_TYPE_FLOAT64, 3, 0, &writer));
    npy_abandon(writer);
    npy_abandon(NULL);
    cr_assert_eq(folder_count(path_of("")), 1);
}

/* ---- Folders ------------------------------------------------------------------------------------------------------------- */

static const char *const two_by_three = "{'descr': '<f4', 'fortran_order': False, 'shape': (2, 3), }";
static const char *const two = "{'descr': '<f4', 'fortran_order': False, 'shape': (2,), }";
static const char *const two_by_one = "{'descr': '<f4', 'fortran_order': False, 'shape': (2, 1), }";
static const char *const three = "{'descr': '<f4', 'fortran_order': False, 'shape': (3,), }";

Test(folder, opens)
{
    cusgd_data *data;
    npy_file("x.npy", 1, two_by_three, 24);
    npy_file("y.npy", 1, two, 8);
    assert_works(cusgd_data_open(path_of(""), NULL, &data));
    cr_assert_eq(cusgd_data_rows(data), 2);
    cr_assert_eq(cusgd_data_cols(data), 3);
    cr_assert_eq(cusgd_data_outputs(data), 1);
    cr_assert_eq(x_at(data, 1, 2), 5);
    cr_assert_eq(y_at(data, 1, 0), 1);
    cr_assert_null(data->view.w.at);
    cr_assert_null(cusgd_data_feature(data, 0));
    cusgd_data_free(data);

    npy_file("w.npy", 1, two_by_one, 8);
    npy_file("y.npy", 1, two_by_three, 24);
    assert_works(cusgd_data_open(path_of(""), NULL, &data));
    cr_assert_eq(cusgd_data_outputs(data), 3);
    cr_assert_eq(matrix_at(&data->view.w, 1, 0), 1);
    cusgd_data_free(data);

    cusgd_reader reader;
    cusgd_reader_init(&reader);
    reader.x_only = 1;
    cr_assert_eq(unlink(path_of("y.npy")), 0);
    assert_works(cusgd_data_open(path_of(""), &reader, &data));
    cr_assert_eq(cusgd_data_outputs(data), 0);
    cusgd_data_free(data);
    assert_works(cusgd_data_open(path_of("x.npy"), &reader, &data));
    cr_assert_eq(cusgd_data_cols(data), 3);
    cusgd_data_free(data);
    assert_fails(cusgd_data_open(path_of("w.npy"), NULL, &data), CUSGD_ERROR_DATA, "put it into a folder as x.npy");
    cusgd_data_free(NULL);
}

Test(folder, refusals)
{
    cusgd_data *data;
    const char *path = path_of("");
    assert_fails(cusgd_data_open(path, NULL, &data), CUSGD_ERROR_DATA, "x.npy: cannot be opened");
    npy_file("x.npy", 1, two, 8);
    assert_fails(cusgd_data_open(path, NULL, &data), CUSGD_ERROR_DATA, "x.npy: has one dimension");
    npy_file("x.npy", 1, two_by_three, 24);
    assert_fails(cusgd_data_open(path, NULL, &data), CUSGD_ERROR_DATA, "y.npy: cannot be opened");
    npy_file("y.npy", 1, three, 12);
    assert_fails(cusgd_data_open(path, NULL, &data), CUSGD_ERROR_DATA, "y.npy: has 3 rows, but x.npy has 2");
    npy_file("y.npy", 1, two, 8);
    npy_file("w.npy", 1, two_by_three, 24);
    assert_fails(cusgd_data_open(path, NULL, &data), CUSGD_ERROR_DATA, "w.npy: has 3 columns: one weight a row");
    npy_file("w.npy", 1, three, 12);
    assert_fails(cusgd_data_open(path, NULL, &data), CUSGD_ERROR_DATA, "w.npy: has 3 rows");
    file_text("w.npy", "");
    assert_fails(cusgd_data_open(path, NULL, &data), CUSGD_ERROR_DATA, "w.npy: is empty");
    assert_fails(cusgd_data_open(path_of("nothing"), NULL, &data), CUSGD_ERROR_DATA, "cannot be opened");
    assert_fails(cusgd_data_open(file_text("data.h5", "x"), NULL, &data), CUSGD_ERROR_DATA, "of what kind is it?");
    cusgd_reader reader;
    cusgd_reader_init(&reader);
    reader.weights = "w";
    assert_fails(cusgd_data_open(path, &reader, &data), CUSGD_ERROR_USAGE, "weights are w.npy");
}

Test(folder, wrapped_arrays)
{
    const float x[] = {1, 2, 3, 4};
    const double y[] = {5, 6};
    cusgd_matrix mx = {x, CUSGD_TYPE_FLOAT32, 1, 2}, my = {y, CUSGD_TYPE_FLOAT64, 1, 1}, none = {0};
    cusgd_data *data;
    assert_works(cusgd_data_wrap(2, 2, 1, mx, my, none, &data));
    cr_assert_eq(x_at(data, 1, 0), 2);
    cr_assert_eq(cusgd_data_outputs(data), 1);
    cusgd_data_free(data);
    assert_works(cusgd_data_wrap(2, 2, 0, mx, none, my, &data));
    cusgd_data_free(data);
    assert_fails(cusgd_data_wrap(0, 2, 1, mx, my, none, &data), CUSGD_ERROR_USAGE, "n >= 1");
    assert_fails(cusgd_data_wrap(2, 0, 1, mx, my, none, &data), CUSGD_ERROR_USAGE, "d >= 1");
    assert_fails(cusgd_data_wrap(2, 2, 1, none, my, none, &data), CUSGD_ERROR_USAGE, "x is NULL");
    assert_fails(cusgd_data_wrap(2, 2, 1, mx, none, none, &data), CUSGD_ERROR_USAGE, "y is NULL");
    assert_fails(cusgd_data_wrap(2, 2, 0, mx, my, none, &data), CUSGD_ERROR_USAGE, "y is NULL");
    mx.type = (cusgd_type)7;
    assert_fails(cusgd_data_wrap(2, 2, 1, mx, my, none, &data), CUSGD_ERROR_USAGE, "type");
    cr_assert_null(data);
}
