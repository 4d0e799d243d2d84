/* Sparse rows with more stored values than 32 bits count: without the memory, as the same pages are mapped again and again. */
#include "support.h"
#include "training.h"

#include <inttypes.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

enum { D = 1 << 22, LONG_ROWS = 512, ROWS = 40, EACH = 3 }; /* LONG_ROWS x D is 2^31 */

/* LONG_ROWS rows that have every column, and behind them ROWS short ones; all values are 1. */
typedef struct matrix {
    int64_t start[LONG_ROWS + ROWS + 1];
    double y[LONG_ROWS + ROWS];
    int32_t *column;
    size_t bytes;
} matrix;

static int32_t short_column(int64_t i, int64_t t) { return (int32_t)(t * 7 + i % 5); }

static void make(matrix *m)
{
    size_t row = D * sizeof(int32_t);
    int file = memfd_create("columns", 0);
    cr_assert(file >= 0 && ftruncate(file, D * (off_t)sizeof(int32_t)) == 0);
    m->bytes = row * (LONG_ROWS + 1);
    void *room = mmap(NULL, m->bytes, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    cr_assert_neq(room, MAP_FAILED);
    m->column = room;
    for (int64_t i = 0; i < LONG_ROWS; i++) {
        void *at = mmap(m->column + i * D, row, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED, file, 0);
        cr_assert_neq(at, MAP_FAILED);
    }
    void *last =
        mmap(m->column + (int64_t)LONG_ROWS * D, row, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
    cr_assert_neq(last, MAP_FAILED);
    close(file);
    for (int32_t j = 0; j < D; j++) m->column[j] = j;
    for (int64_t i = 0; i <= LONG_ROWS + ROWS; i++) m->start[i] = i <= LONG_ROWS ? i * D : m->start[i - 1] + EACH;
    for (int64_t i = 0; i < LONG_ROWS + ROWS; i++) m->y[i] = (double)(i % 3);
    for (int64_t i = 0; i < ROWS; i++)
        for (int64_t t = 0; t < EACH; t++) m->column[m->start[LONG_ROWS + i] + t] = short_column(i, t);
}

static cusgd_status wrap(const matrix *m, cusgd_data **out)
{
    static const cusgd_matrix none = {0};
    cusgd_csr x = {m->start, m->column, NULL, CUSGD_TYPE_FLOAT64, 0};
    return cusgd_data_wrap_csr(LONG_ROWS + ROWS, D, 1, x, (cusgd_matrix){m->y, CUSGD_TYPE_FLOAT64, 1, 1}, none, out);
}

/* The short rows alone, as columns of 64 bits. */
static cusgd_data *short_rows(const matrix *m)
{
    static int64_t start[ROWS + 1], column[ROWS * EACH];
    static const cusgd_matrix none = {0};
    cusgd_data *data;
    for (int64_t i = 0; i < ROWS; i++) {
        start[i + 1] = (i + 1) * EACH;
        for (int64_t t = 0; t < EACH; t++) column[i * EACH + t] = short_column(i, t);
    }
    cusgd_csr x = {start, column, NULL, CUSGD_TYPE_FLOAT64, 1};
    cusgd_matrix y = {m->y + LONG_ROWS, CUSGD_TYPE_FLOAT64, 1, 1};
    assert_works(cusgd_data_wrap_csr(ROWS, D, 1, x, y, none, &data));
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

/* What lies behind the first 2^31 values is found, checked and trained on. */
Test(sparse_large, rows_behind_two_billion_values)
{
    static matrix m;
    cusgd_data *data, *selected;
    int64_t last[ROWS];
    make(&m);
    assert_works(wrap(&m, &data));
    cr_assert_eq(cusgd_data_stored(data), ((int64_t)1 << 31) + ROWS * EACH);
    for (int64_t i = 0; i < ROWS; i++) last[i] = LONG_ROWS + i;
    assert_works(cusgd_data_select(data, last, ROWS, &selected));
    double *found = trained(selected), *expected = trained(short_rows(&m));
    cr_assert_arr_eq(found, expected, (D + 1) * sizeof *found);
    cr_assert(found[0] > 0 || found[0] < 0);
    free(found);
    free(expected);
    cusgd_data_free(data);
    m.column[m.start[LONG_ROWS + ROWS] - 1] = D;
    cr_assert_eq(wrap(&m, &data), CUSGD_ERROR_DATA);
    cr_assert(strstr(cusgd_last_error(), "row 552: column 4194304"), "%s", cusgd_last_error());
    munmap(m.column, m.bytes);
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
