/* Arrays in .npy files, and folders of them. */
#include "data.h"
#include "support.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
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

static void array_free(npy_array *a)
{
    file_unmap(a->mapping);
    free(a->memory);
}

Test(npy, shapes_and_orders)
{
    npy_array a;
    for (int version = 1; version <= 3; version++) {
        assert_works(npy_open(npy_file("a.npy", version, "{'descr': '<f4', 'fortran_order': False, 'shape': (2, 3), }", 24), &a));
        cr_assert_eq(a.rows, 2);
        cr_assert_eq(a.cols, 3);
        cr_assert_eq(matrix_at(&a.matrix, 1, 0), 3);
        cr_assert_eq(matrix_at(&a.matrix, 0, 2), 2);
        array_free(&a);
    }
    assert_works(npy_open(npy_file("a.npy", 1, "{\"shape\":(2,3),\"descr\":\"<f4\",\"fortran_order\":True}", 24), &a));
    cr_assert_eq(matrix_at(&a.matrix, 1, 0), 1);
    cr_assert_eq(matrix_at(&a.matrix, 0, 2), 4);
    array_free(&a);
    assert_works(npy_open(npy_file("a.npy", 1, "{'descr': '<f4', 'fortran_order': True, 'shape': (6,)}", 24), &a));
    cr_assert_eq(a.rows, 6);
    cr_assert_eq(a.cols, 0);
    cr_assert_eq(matrix_at(&a.matrix, 4, 0), 4);
    array_free(&a);
}

Test(npy, refusals)
{
    static const struct {
        const char *dictionary;
        size_t elements;
        const char *message;
    } cases[] = {
        {"{'descr': '|O', 'fortran_order': False, 'shape': (3,), }", 24, "type '|O'"},
        {"{'descr': '<i3', 'fortran_order': False, 'shape': (8,), }", 24, "type '<i3'"},
        {"{'descr': 'f4', 'fortran_order': False, 'shape': (6,), }", 24, "type 'f4'"},
        {"{'descr': '<U1', 'fortran_order': False, 'shape': (6,), }", 24, "encode text as numbers"},
        {"{'descr': '|S3', 'fortran_order': False, 'shape': (8,), }", 24, "encode text as numbers"},
        {"{'descr': '<c8', 'fortran_order': False, 'shape': (3,), }", 24, "numpy.column_stack((a.real, a.imag))"},
        {"{'descr': '<f16', 'fortran_order': False, 'shape': (1,), }", 16, "save a.astype('<f8') if its 53 bits are enough"},
        {"{'descr': '<M8[ns]', 'fortran_order': False, 'shape': (3,), }", 24, "numpy.timedelta64(1, 's')"},
        {"{'descr': '|V2', 'fortran_order': False, 'shape': (3,), }", 6, "if the elements are bfloat16"},
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
    npy_array a;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        assert_fails(npy_open(npy_file("a.npy", 1 + (int)i % 3, cases[i].dictionary, cases[i].elements), &a), CUSGD_ERROR_DATA,
                     cases[i].message);
        cr_assert_null(a.mapping);
    }
    assert_fails(npy_open(file_text("a.npy", ""), &a), CUSGD_ERROR_DATA, "is empty");
    assert_fails(npy_open(path_of("none.npy"), &a), CUSGD_ERROR_DATA, "cannot be opened");
    assert_fails(npy_open(path_of(""), &a), CUSGD_ERROR_DATA, "not a regular file");
    assert_fails(npy_open(npy_file("a.npy", 4, "{}", 0), &a), CUSGD_ERROR_DATA, "not a .npy file");
    cr_assert_eq(mkfifo(path_of("pipe.npy"), 0600), 0);
    assert_fails(npy_open(path_of("pipe.npy"), &a), CUSGD_ERROR_DATA, "not a regular file"); /* and does not wait for it */
}

Test(npy, damaged)
{
    size_t count;
    npy_array a;
    char *bytes = file_read(npy_file("whole.npy", 1, "{'descr': '<f4', 'fortran_order': False, 'shape': (2, 3), }", 24), &count);
    for (size_t kept = 0; kept < count; kept++) {
        cr_assert_eq(npy_open(file_bytes("a.npy", bytes, kept), &a), CUSGD_ERROR_DATA, "cut to %zu of %zu bytes", kept, count);
    }
    random_source r = {.key = 4};
    for (int i = 0; i < 5000; i++) {
        size_t at = random_under(&r, count - 24);
        char before = bytes[at];
        bytes[at] ^= (char)(1 << random_under(&r, 8));
        if (npy_open(file_bytes("a.npy", bytes, count), &a) == CUSGD_OK) {
            cr_assert(a.rows >= 1 && a.rows * (a.cols ? a.cols : 1) <= 6);
            volatile double last = matrix_at(&a.matrix, a.rows - 1, a.cols ? a.cols - 1 : 0);
            (void)last;
            array_free(&a);
        }
        bytes[at] = before;
    }
    free(bytes);
}

/* A .npy file of these elements, given as hexadecimal digits. */
static const char *npy_hex(const char *name, const char *dictionary, const char *digits)
{
    static unsigned char bytes[1024];
    size_t whole, count = strlen(digits) / 2;
    unsigned value;
    free(file_read(npy_file(name, 1, dictionary, 0), &whole));
    char *start = file_read(path_of(name), &whole);
    memcpy(bytes, start, whole);
    free(start);
    for (size_t i = 0; i < count; i++) {
        cr_assert_eq(sscanf(digits + 2 * i, "%2x", &value), 1);
        bytes[whole + i] = (unsigned char)value;
    }
    return file_bytes(name, bytes, whole + count);
}

/* Elements as NumPy 2.4.6 writes them (a.tobytes().hex()), and what its a.astype('<f8') makes of them. */
Test(npy, every_type_of_numbers)
{
    static const struct {
        const char *type, *digits;
        double values[4];
    } cases[] = {
        {"|b1", "00010100", {0.0, 1.0, 1.0, 0.0}},
        {"|i1", "807fff00", {-128.0, 127.0, -1.0, 0.0}},
        {"|u1", "00ff8001", {0.0, 255.0, 128.0, 1.0}},
        {"<i2", "0080ff7fffff0201", {-32768.0, 32767.0, -1.0, 258.0}},
        {">i2", "80007fffffff0102", {-32768.0, 32767.0, -1.0, 258.0}},
        {"<u2", "0000ffff02010100", {0.0, 65535.0, 258.0, 1.0}},
        {">u2", "0000ffff01020001", {0.0, 65535.0, 258.0, 1.0}},
        {"<i4", "00000080ffffff7fffffffff04030201", {-2147483648.0, 2147483647.0, -1.0, 16909060.0}},
        {">i4", "800000007fffffffffffffff01020304", {-2147483648.0, 2147483647.0, -1.0, 16909060.0}},
        {"<u4", "00000000ffffffff0403020101000000", {0.0, 4294967295.0, 16909060.0, 1.0}},
        {">u4", "00000000ffffffff0102030400000001", {0.0, 4294967295.0, 16909060.0, 1.0}},
        {"<i8",
         "00000000000000800000000000002000010000000000e0ff0000000000000040",
         {-9.223372036854776e+18, 9007199254740992.0, -9007199254740991.0, 4.611686018427388e+18}},
        {">i8",
         "80000000000000000020000000000000ffe00000000000014000000000000000",
         {-9.223372036854776e+18, 9007199254740992.0, -9007199254740991.0, 4.611686018427388e+18}},
        {"<u8",
         "0000000000000080ffffffffffff1f0000f8ffffffffffff0500000000000000",
         {9.223372036854776e+18, 9007199254740991.0, 1.844674407370955e+19, 5.0}},
        {">u8",
         "8000000000000000001ffffffffffffffffffffffffff8000000000000000005",
         {9.223372036854776e+18, 9007199254740991.0, 1.844674407370955e+19, 5.0}},
        {"<f2", "003efffb01005535", {1.5, -65504.0, 5.960464477539063e-08, 0.333251953125}},
        {">f2", "3e00fbff00013555", {1.5, -65504.0, 5.960464477539063e-08, 0.333251953125}},
        {">f4", "3f8ccccdff61b1e60000000100000000", {1.100000023841858, -3.0000000054977558e+38, 1.401298464324817e-45, 0.0}},
        {">f8", "4142c4b0428f5c29ffe1ccf385ebc8a000000000000000013fb999999999999a", {2460000.52, -1e+308, 5e-324, 0.1}},
    };
    npy_array a;
    char dictionary[128];
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        for (int fortran = 0; fortran < 2; fortran++) {
            snprintf(dictionary, sizeof dictionary, "{'descr': '%s', 'fortran_order': %s, 'shape': (2, 2), }", cases[i].type,
                     fortran ? "True" : "False");
            assert_works(npy_open(npy_hex("a.npy", dictionary, cases[i].digits), &a));
            for (int row = 0; row < 2; row++) {
                for (int col = 0; col < 2; col++) {
                    double is = matrix_at(&a.matrix, row, col), wanted = cases[i].values[fortran ? 2 * col + row : 2 * row + col];
                    cr_assert_eq(is, wanted, "%s: %.17g, not %.17g", cases[i].type, is, wanted);
                }
            }
            cr_assert_null(a.mapping);
            array_free(&a);
        }
    }
}

/* What is not a number stays so, and is refused where data is checked. */
Test(npy, half_precision_infinities)
{
    npy_array a;
    assert_works(npy_open(npy_hex("a.npy", "{'descr': '<f2', 'fortran_order': False, 'shape': (3,), }", "007c00fc007e"), &a));
    cr_assert_eq(matrix_at(&a.matrix, 0, 0), HUGE_VAL);
    cr_assert_eq(matrix_at(&a.matrix, 1, 0), -HUGE_VAL);
    cr_assert(isnan(matrix_at(&a.matrix, 2, 0)));
    array_free(&a);
}

/* An integer that no double holds is not rounded in silence: 2^53 + 1, -(2^53 + 1), 2^64 - 1. */
Test(npy, integers_beyond_doubles)
{
    static const char *const cases[][3] = {{"<i8", "0000000000000000000000000000000001000000000020000000000000000000", "1"},
                                           {">i8", "0000000000000000000000000000000000200000000000010000000000000000", "1"},
                                           {"<i8", "00000000000000000000000000000000ffffffffffffdfff0000000000000000", "1"},
                                           {"<u8", "00000000000000000000000000000000ffffffffffffffff0000000000000000", "1"}};
    npy_array a;
    char dictionary[128];
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        snprintf(dictionary, sizeof dictionary, "{'descr': '%s', 'fortran_order': False, 'shape': (2, 2), }", cases[i][0]);
        assert_fails(npy_open(npy_hex("a.npy", dictionary, cases[i][1]), &a), CUSGD_ERROR_DATA,
                     "row 2, column 1: its integer is beyond 2^53");
        snprintf(dictionary, sizeof dictionary, "{'descr': '%s', 'fortran_order': True, 'shape': (2, 2), }", cases[i][0]);
        assert_fails(npy_open(npy_hex("a.npy", dictionary, cases[i][1]), &a), CUSGD_ERROR_DATA, "row 1, column 2");
        cr_assert_null(a.mapping);
        cr_assert_null(a.memory);
    }
}

/* Elements that do not lie at a multiple of their size in the file are copied to where they do. */
Test(npy, unaligned_elements)
{
    char bytes[256];
    const char *dictionary = "{'descr': '<f8', 'fortran_order': False, 'shape': (2,), }\n";
    const double values[] = {0.1, -7};
    size_t length = strlen(dictionary);
    npy_array a;
    for (size_t pad = 0; pad < 8; pad++) {
        memset(bytes, ' ', sizeof bytes);
        memcpy(bytes, "\x93NUMPY\x01\x00", 8);
        bytes[8] = (char)(length + pad);
        bytes[9] = 0;
        memcpy(bytes + 10 + pad, dictionary, length);
        memcpy(bytes + 10 + pad + length, values, sizeof values);
        assert_works(npy_open(file_bytes("a.npy", bytes, 10 + pad + length + sizeof values), &a));
        cr_assert_eq(matrix_at(&a.matrix, 0, 0), 0.1);
        cr_assert_eq(matrix_at(&a.matrix, 1, 0), -7);
        cr_assert_eq(a.mapping != NULL, (10 + pad + length) % 8 == 0);
        array_free(&a);
    }
}

/* The advice never narrows: no message names <f4, but where the elements have fewer digits than that. */
Test(npy, advice_keeps_values)
{
    static const char *const types[] = {"<f16", ">f16", "<c8",    "<c16", "|S4",  "<U2",  ">U2",
                                        "|O",   "|V8",  "<M8[s]", "<m8",  "<f12", "<g16", "|V16"};
    npy_array a;
    char dictionary[128];
    for (size_t i = 0; i < sizeof types / sizeof *types; i++) {
        snprintf(dictionary, sizeof dictionary, "{'descr': '%s', 'fortran_order': False, 'shape': (1,), }", types[i]);
        assert_fails(npy_open(npy_file("a.npy", 1, dictionary, 16), &a), CUSGD_ERROR_DATA, types[i]);
        cr_assert(!strstr(cusgd_last_error(), "f4"), "%s", cusgd_last_error());
    }
}

Test(npy, writer)
{
    const double values[] = {1, 2, 3, 4, 5, 6};
    npy_writer *writer;
    npy_array a;
    const char *path = path_of("a.npy");
    assert_works(npy_create(path, CUSGD_TYPE_FLOAT64, 3, 2, &writer));
    assert_works(npy_append(writer, values, 4));
    assert_works(npy_append(writer, values + 4, 2));
    cr_assert_not(file_exists(path));
    assert_works(npy_close(writer));
    assert_works(npy_open(path, &a));
    cr_assert_eq(a.rows, 3);
    cr_assert_eq(a.cols, 2);
    cr_assert_eq((uintptr_t)a.matrix.at % 64, 0);
    cr_assert_arr_eq(a.matrix.at, values, sizeof values);
    array_free(&a);

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

    cusgd_reader reader = CUSGD_INIT(cusgd_reader);
    reader.roles.x_only = 1;
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

/* Labels of int64, masks of bool, counts of uint8, weights of int32, exposures of big-endian float64. */
Test(folder, converts_its_arrays)
{
    cusgd_data *data;
    npy_hex("x.npy", "{'descr': '|u1', 'fortran_order': False, 'shape': (2, 2), }", "00ff0701");
    npy_hex("y.npy", "{'descr': '<i8', 'fortran_order': False, 'shape': (2,), }", "00000000000000000100000000000000");
    npy_hex("w.npy", "{'descr': '>i4', 'fortran_order': False, 'shape': (2,), }", "0000000200000003");
    npy_hex("exposure.npy", "{'descr': '>f8', 'fortran_order': False, 'shape': (2,), }", "3ff00000000000004000000000000000");
    assert_works(cusgd_data_open(path_of(""), NULL, &data));
    cr_assert_eq(x_at(data, 0, 1), 255);
    cr_assert_eq(x_at(data, 1, 0), 7);
    cr_assert_eq(y_at(data, 1, 0), 1);
    cr_assert_eq(matrix_at(&data->view.w, 1, 0), 3);
    cr_assert_eq(matrix_at(&data->view.o, 0, 0), 0);
    cr_assert_float_eq(matrix_at(&data->view.o, 1, 0), log(2), 1e-15);
    cusgd_data_free(data);
    npy_hex("offset.npy", "{'descr': '|b1', 'fortran_order': False, 'shape': (2,), }", "0001");
    assert_fails(cusgd_data_open(path_of(""), NULL, &data), CUSGD_ERROR_DATA, "offset.npy and exposure.npy: leave one");
}

Test(folder, refusals)
{
    cusgd_data *data;
    const char *path = path_of("");
    assert_fails(cusgd_data_open(path, NULL, &data), CUSGD_ERROR_DATA, "has no x.npy: a folder of data has ");
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
    assert_fails(cusgd_data_open(file_bytes("data.h5", "\x89HDF\r\n\x1A\n", 9), NULL, &data), CUSGD_ERROR_DATA, "an HDF5 file");
    cusgd_reader reader = CUSGD_INIT(cusgd_reader);
    reader.roles.weights = "w";
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
    assert_fails(cusgd_data_wrap(2, 2, 1, mx, none, none, &data), CUSGD_ERROR_USAGE, "y must be NULL if k is 0");
    assert_fails(cusgd_data_wrap(2, 2, 0, mx, my, none, &data), CUSGD_ERROR_USAGE, "y must be NULL if k is 0");
    mx.type = (cusgd_type)7;
    assert_fails(cusgd_data_wrap(2, 2, 1, mx, my, none, &data), CUSGD_ERROR_USAGE, "type");
    cr_assert_null(data);
}
