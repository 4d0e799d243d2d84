/* Sparse rows with more stored values than 32 bits count, which take neither memory nor room on a disk. */
#include "data.h"
#include "support.h"
#include "training.h"

#include <inttypes.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

enum { D = 50, ROWS = 40, EACH = 3 };

/* Where the first row's values begin. */
static const int64_t far = ((int64_t)1 << 31) + 5;

static int32_t short_column(int64_t i, int64_t t) { return (int32_t)(t * 7 + i % 5); }

/* The rows, which begin at `first`; columns: theirs. */
static cusgd_data *rows_from(int64_t first, const int32_t *columns)
{
    static int64_t start[2][ROWS + 1];
    static double y[ROWS];
    static const cusgd_matrix none = {0};
    cusgd_data *data;
    for (int64_t i = 0; i < ROWS; i++) {
        for (int at = 0; at < 2; at++) start[at][i + 1] = (i + 1) * EACH + (at ? first : 0);
        y[i] = (double)(i % 3);
    }
    start[1][0] = first;
    cusgd_csr x = {start[0], columns + first, NULL, CUSGD_TYPE_FLOAT64, 0};
    assert_works(cusgd_data_wrap_csr(ROWS, D, 1, x, (cusgd_matrix){y, CUSGD_TYPE_FLOAT64, 1, 1}, none, &data));
    if (first > 0) data->view.s = (cusgd_csr){start[1], columns, NULL, CUSGD_TYPE_FLOAT64, 0}; /* as those of a longer matrix */
    return data;
}

static double *trained(cusgd_data *data)
{
    double *coefficients = zeros(D + 1);
    cusgd_options o = options_plain(CUSGD_OPTIMIZER_ADAGRAD, 0.1, 8, 2);
    o.l2 = 0.01;
    cusgd_trainer *t = trainer_of(&o, data, NULL);
    assert_works(cusgd_trainer_step(t, 9));
    assert_works(cusgd_trainer_get_coefficients(t, coefficients, coefficients + D));
    cusgd_trainer_free(t);
    cusgd_data_free(data);
    return coefficients;
}

/* What lies behind the first 2^31 values is trained on, as it is and as a selection of rows. */
Test(sparse_large, rows_behind_two_billion_values)
{
    size_t bytes = ((size_t)far + ROWS * EACH) * sizeof(int32_t);
    int32_t near[ROWS * EACH],
        *column = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    int64_t all[ROWS];
    cr_assert(column != MAP_FAILED);
    for (int64_t i = 0; i < ROWS; i++) {
        all[i] = i;
        for (int64_t t = 0; t < EACH; t++) near[i * EACH + t] = column[far + i * EACH + t] = short_column(i, t);
    }
    double *expected = trained(rows_from(0, near)), *found = trained(rows_from(far, column));
    cr_assert(expected[0] > 0 || expected[0] < 0);
    cr_assert_arr_eq(found, expected, (D + 1) * sizeof *found);
    free(found);
    cusgd_data *data = rows_from(far, column), *selected;
    assert_works(cusgd_data_select(data, all, ROWS, &selected));
    found = trained(selected);
    cr_assert_arr_eq(found, expected, (D + 1) * sizeof *found);
    free(found);
    free(expected);
    cusgd_data_free(data);
    munmap(column, bytes);
}

TestSuite(sparse_large, .init = folder_setup, .fini = folder_teardown);

/* ---- Files --------------------------------------------------------------------------------------------------------------- */

/* An array in folder/name.npy whose numbers are zeros, which take no room, but for the last ones. */
static void write_array(const char *name, const char *type, int64_t count, const void *last, size_t bytes)
{
    char text[128];
    unsigned char header[128] = "\x93NUMPY\x01";
    size_t each = (size_t)(type[2] - '0');
    const char *path = path_of(name);
    snprintf(text, sizeof text, "{'descr': '%s', 'fortran_order': False, 'shape': (%" PRId64 ",), }", type, count);
    memset(header + 10, ' ', sizeof header - 10);
    header[8] = sizeof header - 10;
    memcpy(header + 10, text, strlen(text));
    header[sizeof header - 1] = '\n';
    FILE *f = fopen(path, "wb");
    cr_assert(f && fwrite(header, 1, sizeof header, f) == sizeof header);
    cr_assert_eq(fseeko(f, (off_t)(sizeof header + (size_t)count * each - bytes), SEEK_SET), 0);
    cr_assert_eq(fwrite(last, 1, bytes, f), bytes);
    cr_assert_eq(fclose(f), 0);
}

/* Two rows, of which the first has more than 2^31 values, by files with holes. */
static void assert_folder_refused(const int64_t *starts, const char *type, int64_t stored, const char *part)
{
    cusgd_reader reader = CUSGD_INIT(cusgd_reader);
    cusgd_data *data;
    int32_t narrow[3] = {(int32_t)starts[0], (int32_t)starts[1], (int32_t)starts[2]}, column = 1;
    double y[2] = {0, 1};
    float value = 1;
    int wide = strcmp(type, "<i8") == 0;
    write_array("indptr.npy", type, 3, wide ? (const void *)starts : (const void *)narrow,
                wide ? 3 * sizeof *starts : sizeof narrow);
    write_array("indices.npy", "<i4", stored, &column, sizeof column);
    write_array("data.npy", "<f4", stored, &value, sizeof value);
    write_array("y.npy", "<f8", 2, y, sizeof y);
    reader.columns = 5; /* so that nobody looks for the largest one */
    cr_assert_neq(cusgd_data_open(path_of(""), &reader, &data), CUSGD_OK, "%s", part);
    cr_assert(strstr(cusgd_last_error(), part), "'%s' is not in: %s", part, cusgd_last_error());
}

Test(sparse_large, files_with_two_billion_values)
{
    const int64_t many = ((int64_t)1 << 31) + 7;
    const int64_t whole[] = {0, many - 2, many}, short_of[] = {0, many - 2, many - 1}, wrapped[] = {0, INT32_MIN, 7};
    assert_folder_refused(whole, "<i8", many, "row 1: column 0 is stored twice");
    assert_folder_refused(short_of, "<i8", many, "ends with 2147483654, and indices.npy and data.npy have 2147483655");
    assert_folder_refused(wrapped, "<i4", 7, "row 1: it ends before it starts");
}
