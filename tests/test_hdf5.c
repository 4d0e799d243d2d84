/* HDF5 files, written by libhdf5 itself, read by the module. */
#include "command.h"
#include "data.h"

#include <hdf5.h>
#include <math.h>

static void setup(void)
{
    command_setup();
    setenv("CUSGD_MODULE_DIR", TEST_MODULES, 1);
}

TestSuite(hdf5, .init = setup, .fini = folder_teardown);

static outcome o;
enum { N = 1000, D = 3 };
enum { CHUNKED = 1, DEFLATE = 2, SHUFFLE = 4 };

static hid_t create(const char *name)
{
    hid_t file = H5Fcreate(name, H5F_ACC_TRUNC, H5P_DEFAULT, H5P_DEFAULT);
    cr_assert_geq(file, 0);
    return file;
}

/* Doubles as a dataset of any type; cols 0: one dimension. */
static void put(hid_t file, const char *name, hid_t type, int how, int64_t rows, int64_t cols, const double *values)
{
    hsize_t shape[2] = {(hsize_t)rows, (hsize_t)cols}, chunk[2] = {(hsize_t)(rows / 7 + 1), (hsize_t)(cols / 2 + 1)};
    int dimensions = cols ? 2 : 1;
    hid_t space = H5Screate_simple(dimensions, shape, NULL), plan = H5Pcreate(H5P_DATASET_CREATE),
          links = H5Pcreate(H5P_LINK_CREATE);
    if (how & CHUNKED) cr_assert_geq(H5Pset_chunk(plan, dimensions, chunk), 0);
    if (how & SHUFFLE) cr_assert_geq(H5Pset_shuffle(plan), 0);
    if (how & DEFLATE) cr_assert_geq(H5Pset_deflate(plan, 4), 0);
    H5Pset_create_intermediate_group(links, 1);
    hid_t set = H5Dcreate2(file, name, type, space, links, plan, H5P_DEFAULT);
    cr_assert_geq(set, 0);
    cr_assert_geq(H5Dwrite(set, H5T_NATIVE_DOUBLE, H5S_ALL, H5S_ALL, H5P_DEFAULT, values), 0);
    H5Dclose(set);
    H5Sclose(space);
    H5Pclose(plan);
    H5Pclose(links);
}

static double x[N * D], y[N], exposure[N];

static void fill(void)
{
    for (int i = 0; i < N; i++) {
        for (int j = 0; j < D; j++) x[i * D + j] = (i * 7 + j * 31) % 100;
        y[i] = x[i * D] - 2 * x[i * D + 1] + i % 3;
        exposure[i] = 1 + i % 5;
    }
}

static cusgd_data *open_as(const char *name, const char *datasets)
{
    cusgd_reader reader = CUSGD_INIT(cusgd_reader);
    cusgd_data *data;
    reader.datasets = datasets;
    assert_works(cusgd_data_open(name, &reader, &data));
    return data;
}

/* Every type of number, contiguous and in chunks, compressed and not. */
Test(hdf5, types_and_layouts)
{
    const hid_t types[] = {H5T_IEEE_F32LE, H5T_IEEE_F64LE, H5T_IEEE_F64BE, H5T_STD_I8LE,  H5T_STD_U8BE,
                           H5T_STD_I16BE,  H5T_STD_I32LE,  H5T_STD_U32LE,  H5T_STD_I64LE, H5T_STD_U64BE};
    static const int single[] = {1, 0, 0, 1, 1, 1, 0, 0, 0, 0},
                     ways[] = {0, CHUNKED, CHUNKED | DEFLATE, CHUNKED | DEFLATE | SHUFFLE};
    fill();
    for (int t = 0; t < 10; t++)
        for (int w = 0; w < 4; w++) {
            hid_t file = create("f.h5");
            put(file, "x", types[t], ways[w], N, D, x);
            put(file, "y", H5T_IEEE_F64LE, ways[w], N, 0, y);
            H5Fclose(file);
            cusgd_data *data = open_as("f.h5", NULL);
            cr_assert_eq(data->view.n, N);
            cr_assert_eq(data->view.d, D);
            cr_assert_eq(data->view.k, 1);
            cr_assert_eq(data->view.x.type == CUSGD_TYPE_FLOAT32, single[t], "type %d", t);
            for (int i = 0; i < N; i++) {
                for (int j = 0; j < D; j++) cr_assert_eq(matrix_at(&data->view.x, i, j), x[i * D + j]);
                cr_assert_eq(matrix_at(&data->view.y, i, 0), y[i]);
            }
            cusgd_data_free(data);
        }
}

Test(hdf5, datasets_by_their_paths)
{
    fill();
    hid_t file = create("f.h5");
    put(file, "/train/rows", H5T_IEEE_F32LE, CHUNKED | DEFLATE, N, D, x);
    put(file, "/train/more/target", H5T_IEEE_F32LE, 0, N, 0, y);
    put(file, "exposed", H5T_STD_I32LE, 0, N, 1, exposure);
    put(file, "w", H5T_STD_I32LE, 0, N, 0, exposure);
    H5Fclose(file);
    cusgd_data *data = open_as("f.h5", "x=/train/rows,y=train/more/target,exposure=exposed");
    cr_assert_eq(cusgd_data_offset(data, NULL), CUSGD_OFFSET_EXPOSURE);
    cr_assert(!data->view.w.at); /* it was not named */
    for (int i = 0; i < N; i++) cr_assert_eq(matrix_at(&data->view.o, i, 0), log(exposure[i]));
    cusgd_data_free(data);
    static const char *const refused[][2] = {{"x=/train/rows", "the targets"},
                                             {"x=/train/rows,y=/train", "cannot be read"},
                                             {"x=/train/none,y=w", "has no dataset /train/none"},
                                             {"x=/none/rows,y=w", "has no dataset /none/rows"},
                                             {"x=w,y=w", "one dimension"},
                                             {"y=w", "datasets are given like"},
                                             {"x=w,x=w,y=w", "datasets are given like"},
                                             {"x=,y=w", "datasets are given like"},
                                             {"z=w", "datasets are given like"},
                                             {"x=/train/rows,y=w,offset=w,exposure=w", "an offset and an exposure"},
                                             {"x=/train/rows,y=w,w=/train/rows", "3 columns"}};
    for (size_t i = 0; i < sizeof refused / sizeof *refused; i++) {
        cusgd_reader reader = CUSGD_INIT(cusgd_reader);
        reader.datasets = refused[i][0];
        cusgd_status status = cusgd_data_open("f.h5", &reader, &data);
        cr_assert(status == CUSGD_ERROR_DATA || status == CUSGD_ERROR_USAGE, "%s", refused[i][0]);
        assert_has(cusgd_last_error(), refused[i][1]);
    }
}

Test(hdf5, what_is_no_matrix_of_numbers)
{
    double big[] = {1, 9007199254740992.0, 4, 5};
    int64_t odd[] = {1, INT64_C(9007199254740993)};
    hsize_t cube[] = {1, 2, 2}, two = 2;
    cusgd_data *data;
    hid_t file = create("f.h5"), space = H5Screate_simple(3, cube, NULL), line = H5Screate_simple(1, &two, NULL),
          text = H5Tcopy(H5T_C_S1);
    H5Tset_size(text, 5);
    hid_t set = H5Dcreate2(file, "cube", H5T_IEEE_F32LE, space, H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT);
    H5Dclose(set);
    set = H5Dcreate2(file, "texts", text, line, H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT);
    H5Dclose(set);
    set = H5Dcreate2(file, "odd", H5T_STD_I64LE, line, H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT);
    cr_assert_geq(H5Dwrite(set, H5T_NATIVE_INT64, H5S_ALL, H5S_ALL, H5P_DEFAULT, odd), 0);
    H5Dclose(set);
    /* Chunks that nobody has written take no room; 2^64 values and one row more. */
    hsize_t huge[] = {(hsize_t)1 << 40 | 1, (hsize_t)1 << 24}, chunk[] = {1, 1};
    hid_t plan = H5Pcreate(H5P_DATASET_CREATE), vast = H5Screate_simple(2, huge, NULL);
    H5Pset_chunk(plan, 2, chunk);
    set = H5Dcreate2(file, "huge", H5T_IEEE_F64LE, vast, H5P_DEFAULT, plan, H5P_DEFAULT);
    cr_assert_geq(set, 0);
    H5Dclose(set);
    H5Sclose(vast);
    H5Pclose(plan);
    put(file, "x", H5T_STD_I64LE, 0, 2, 2, big);
    put(file, "y", H5T_IEEE_F32LE, 0, 4, 0, big);
    H5Sclose(space);
    H5Sclose(line);
    H5Tclose(text);
    H5Fclose(file);
    static const char *const refused[][2] = {{"x=cube,y=y", "has 3 dimensions"},
                                             {"x=huge,y=y", "huge is too large"},
                                             {"x=x,y=texts", "texts holds no numbers"},
                                             {"x=x,y=y", "y has 4 rows, and x has 2"},
                                             {"x=x,y=odd", "odd, row 2, column 1: its integer is beyond 2^53"}};
    for (size_t i = 0; i < sizeof refused / sizeof *refused; i++) {
        cusgd_reader reader = CUSGD_INIT(cusgd_reader);
        reader.datasets = refused[i][0];
        assert_fails(cusgd_data_open("f.h5", &reader, &data), CUSGD_ERROR_DATA, refused[i][1]);
    }
}

/* Cut anywhere, and with bytes changed anywhere: an error, or other numbers, and never a crash. */
Test(hdf5, damaged_files)
{
    fill();
    hid_t file = create("f.h5");
    put(file, "x", H5T_IEEE_F32LE, CHUNKED | DEFLATE, 100, D, x);
    put(file, "y", H5T_IEEE_F32LE, 0, 100, 0, y);
    H5Fclose(file);
    size_t count;
    char *bytes = file_read("f.h5", &count);
    cusgd_data *data;
    random_source r = {.key = 5};
    int refused = 0;
    for (int i = 0; i < 300; i++) {
        size_t length = i % 3 ? count : random_under(&r, count), at = random_under(&r, length ? length : 1);
        char before = bytes[at];
        if (i % 3) bytes[at] = (char)random_next(&r);
        cusgd_status status = cusgd_data_open(file_bytes("g.h5", bytes, length), NULL, &data);
        bytes[at] = before;
        cr_assert(status == CUSGD_OK || status == CUSGD_ERROR_DATA || status == CUSGD_ERROR_MEMORY, "%d: %s", i,
                  cusgd_last_error());
        refused += status != CUSGD_OK;
        cusgd_data_free(data);
    }
    cr_assert_geq(refused, 100);
    free(bytes);
}

Test(hdf5, from_the_command)
{
    fill();
    hid_t file = create("f.h5");
    put(file, "a/b", H5T_IEEE_F64LE, CHUNKED | DEFLATE, N, D, x);
    put(file, "a/c", H5T_IEEE_F64LE, CHUNKED, N, 0, y);
    H5Fclose(file);
    run(&o, "d='--dataset x=/a/b,y=/a/c'; $CUSGD train f.h5 $d --model m -q --threads 1 && $CUSGD convert f.h5 out $d && "
            "$CUSGD train out --model n -q --threads 1 && cmp m n && $CUSGD predict m f.h5 --dataset x=/a/b -o p.npy && "
            "$CUSGD predict m out -o q.npy && cmp p.npy q.npy && $CUSGD evaluate m f.h5 $d && $CUSGD info f.h5 $d");
    assert_code(o, 0);
    assert_has(o.out, "features  3");
    run(&o, "$CUSGD train f.h5 --model n");
    assert_code(o, 2);
    assert_has(o.err, "has no dataset x: say by --dataset");
    run(&o, "$CUSGD train f.h5 --ignore a --model n");
    assert_code(o, 1);
    run(&o, "$CUSGD train data.csv --dataset x=/a/b,y=/a/c --model n");
    assert_code(o, 1);
    assert_has(o.err, "data.csv is no such file");
    run(&o, "mv f.h5 named-otherwise; $CUSGD info named-otherwise --dataset x=/a/b,y=/a/c");
    assert_code(o, 0);
}
