/* How tables are written: separators, decimal commas, comments, lines before the table, compression; and archives of arrays. */
#include "tables.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

TestSuite(dialects, .init = folder_setup, .fini = folder_teardown);

/* The table a, b, y of the rows (1.5, 2, 3) and (2, 3.5, 5), with or without names. */
static void assert_table(const char *text, const cusgd_reader *reader, int named)
{
    cusgd_data *data = open_text(text, reader);
    cr_assert(cusgd_data_rows(data) == 2 && cusgd_data_cols(data) == 2, "%s: %lld x %lld", text, (long long)cusgd_data_rows(data),
              (long long)cusgd_data_cols(data));
    cr_assert(x_at(data, 0, 0) == 1.5 && x_at(data, 0, 1) == 2 && x_at(data, 1, 0) == 2 && x_at(data, 1, 1) == 3.5, "%s", text);
    cr_assert(y_at(data, 0, 0) == 3 && y_at(data, 1, 0) == 5, "%s", text);
    cr_assert_eq(cusgd_data_feature(data, 0) != NULL, named, "%s", text);
    if (named)
        cr_assert(strcmp(cusgd_data_feature(data, 0), "a") == 0 && strcmp(cusgd_data_target(data, 0), "y") == 0, "%s", text);
    cusgd_data_free(data);
}

Test(dialects, found)
{
    static const struct {
        const char *text;
        int named;
    } cases[] = {
        {"a b y\n1.5 2 3\n2 3.5 5\n", 1},
        {"  1.5   2.0\t3.0\n  2.0  3.5  5.0  \n", 0},
        {"a\tb\ty\n1.5\t2\t3\n2\t3.5\t5\n", 1},
        {"a\tb\ty\r\n1,5\t2\t3\r\n2\t3,5\t5\r\n", 1},
        {"1.5\t2\t3\n2\t3.5\t5\n", 0},
        {"a;b;y\n1.5;2;3\n2;3.5;5\n", 1},
        {"a;b;y\n1,5;2;3\n2;3,5;5", 1},
        {"1,5;2,0;3\n2;3,5;5\n", 0},
        {"\"a\";\"b\";\"y\"\n\"1,5\";\"2\";3\n\"2\";\"3,5\";5\n", 1},
        {"a|b|y\n1.5|2|3\n2|3.5|5\n", 1},
        {"sep=;\na;b;y\n1,5;2;3\n2;3,5;5\n", 1},
        {"# made by a logger\na,b,y\n1.5,2,3\n2,3.5,5\n", 1},
        {"# one, two, three, four\n# more\na,b,y\n1.5,2,3\n2,3.5,5\n", 1},
        {"# a,b,y\n1.5,2,3\n2,3.5,5\n", 1},
        {"sep=\t\na\tb\ty\n1.5\t2\t3\n2\t3.5\t5\n", 1},
        {"#\n# x\n\na;b;y\n# in between\n1.5;2;3\n2;3.5;5\n# at the end\n", 1},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) assert_table(cases[i].text, NULL, cases[i].named);
}

Test(dialects, said)
{
    cusgd_reader reader = CUSGD_INIT(cusgd_reader);
    reader.dialect.separator = '~';
    assert_table("a~b~y\n1.5~2~3\n2~3.5~5\n", &reader, 1);
    reader.dialect.separator = ';';
    reader.dialect.decimal = ',';
    reader.dialect.skip = 2;
    assert_table("x;y\nReport of May, \"quoted\n\na;b;y\n1,5;2;3\n2;3,5;5\n", &reader, 1);
    /* A comma may be both where the fields are quoted. */
    reader.dialect.separator = ',';
    reader.dialect.skip = 0;
    assert_table("a,b,y\n\"1,5\",2,3\n2,\"3,5\",5\n", &reader, 1);
    /* Numbers of the other dialect are none. */
    reader.dialect.separator = ';';
    assert_refused("a;b;y\n1.5;2;3\n2;3,5;5\n", &reader, "'1.5' in column 'a' is not a number");
    reader.dialect.decimal = '.';
    assert_refused("a;b;y\n1.5;2;3\n2;3,5;5\n", &reader,
                   "column 'b' holds numbers with marks ('3,5'): say that the decimal mark is a comma (--decimal comma)");
    assert_refused("a;b;y\n1.234,5;2;3\n2;3,5;5\n", &reader, "'1.234,5'");
    reader.dialect.decimal = ';';
    cusgd_data *data;
    assert_fails(cusgd_data_open(file_text("data.csv", "a,b\n1,2\n"), &reader, &data), CUSGD_ERROR_USAGE, "the separator is any");
}

/* Commas separate unless another separator fits better; text that merely holds one does not count. */
Test(dialects, commas_come_first)
{
    cusgd_reader reader = CUSGD_INIT(cusgd_reader);
    reader.roles.ignore = (const char *const[]){"note"};
    reader.roles.ignore_count = 1;
    assert_table("a,note,b,y\n1.5,x;y,2,3\n2,z;w,3.5,5\n", &reader, 1);
    assert_table("a,note,b,y\n1.5,x|y,2,3\n2,z|w,3.5,5\n", &reader, 1);
    assert_table("a,note,b,y\n1.5,Main St 2,2,3\n2,Oak St 3,3.5,5\n", &reader, 1);
    assert_table("a;note;b;y\n1.5;\"one, two\";2;3\n2;\"three; four\";3.5;5\n", &reader, 1);
    /* Unquoted texts with commas do not speak for commas where these divide the lines unevenly. */
    assert_table("a\tnote\tb\ty\n1.5\tMiller, J\t2\t3\n2\tMoore, K\t3.5\t5\n", &reader, 1);
    assert_table("a;note;b;y\n1,5;Miller, J;2;3\n2;Moore, K, L;3,5;5\n", &reader, 1);
    reader.roles.ignore = (const char *const[]){"no, te"};
    assert_table("a\tno, te\tb\ty\n1.5\tu, v\t2\t3\n2\tw\t3.5\t5\n", &reader, 1);
    assert_refused(
        "a;b;y\n1.234,5;5,5;1,0\n2.345,6;6,1;2,0\n", NULL,
        "data.csv:2:1: column 'a' holds numbers with marks ('1.234,5', '2.345,6'): say what separates their thousands");
    /* A mark of a missing value that begins with # is no comment. */
    assert_refused("a,b,y\n1,2,3\n#N/A,3,4\n", NULL, "data.csv:3:1: '#N/A' in column 'a'");
    assert_refused("#N/A;2;3\n1;2;3\n", NULL, "data.csv:1:1: '#N/A'");
}

/* The first row shows the decimal mark where the header fills the sample that the dialect is found in. */
Test(dialects, header_longer_than_the_sample)
{
    enum { COLUMNS = 20000, ROOM = 12 * COLUMNS };
    char *text = malloc(3 * ROOM), *to = text;
    cr_assert(text);
    for (int j = 0; j < COLUMNS; j++) to += sprintf(to, "%sc%d", j ? ";" : "", j);
    for (int i = 0; i < 2; i++)
        for (int j = 0; j < COLUMNS; j++) to += sprintf(to, "%s%d,5", j ? ";" : "\n", i + j);
    cusgd_data *data = open_text(text, NULL);
    cr_assert(cusgd_data_rows(data) == 2 && cusgd_data_cols(data) == COLUMNS - 1);
    cr_assert(x_at(data, 0, 0) == 0.5 && x_at(data, 1, COLUMNS - 2) == COLUMNS - 1 + 0.5 && y_at(data, 1, 0) == COLUMNS + 0.5);
    cusgd_data_free(data);
    free(text);
}

/* The lines of comments count where a message names a line. */
Test(dialects, lines_are_the_files)
{
    cusgd_reader reader = CUSGD_INIT(cusgd_reader);
    assert_refused("# one\n# two\na,b,y\n1,2,3\n# three\n1,,3\n", NULL, "data.csv:6:2: column 'b' has no value");
    reader.dialect.skip = 1;
    assert_refused("x\na,b,y\n1,2,3\n1,,3\n", &reader, "data.csv:4:2: column 'b' has no value");
    reader.dialect.skip = 100;
    assert_refused("x\na,b,y\n1,2,3\n1,,3\n", &reader,
                   "data.csv: no row is left behind the first 100 lines: give a smaller --skip");
}

/* A zip archive of files that are stored as they are. */
static size_t put_number(unsigned char *to, uint64_t value, int bytes)
{
    for (int i = 0; i < bytes; i++) to[i] = (unsigned char)(i < 8 ? value >> 8 * i : 0);
    return (size_t)bytes;
}

/* The sum of RFC 1952, bit by bit. */
static uint32_t sum_of(const unsigned char *bytes, size_t count)
{
    uint32_t sum = UINT32_MAX;
    for (size_t i = 0; i < count; i++) {
        sum ^= bytes[i];
        for (int bit = 0; bit < 8; bit++) sum = sum >> 1 ^ (sum & 1 ? 0xEDB88320U : 0);
    }
    return ~sum;
}

static size_t put_record(unsigned char *to, int local, const char *name, const unsigned char *array, size_t bytes, size_t at)
{
    unsigned char *start = to;
    memcpy(to, local ? "PK\3\4" : "PK\1\2", 4);
    to += 4;
    if (!local) to += put_number(to, 20, 2);
    to += put_number(to, 20, 2);
    to += put_number(to, 0, 8); /* flags, method, time, date */
    to += put_number(to, sum_of(array, bytes), 4);
    to += put_number(to, bytes, 4);
    to += put_number(to, bytes, 4);
    to += put_number(to, strlen(name), 2);
    to += put_number(to, 0, 2);
    if (!local) {
        to += put_number(to, 0, 6);
        to += put_number(to, 0, 4);
        to += put_number(to, at, 4);
    }
    memcpy(to, name, strlen(name));
    return (size_t)(to - start) + strlen(name);
}

typedef struct part {
    const char *name;
    const char *header; /* NumPy's dictionary */
    const void *values;
    size_t bytes;
} part;

static size_t make_archive(unsigned char *to, const part *parts, int count)
{
    size_t at = 0, starts[8], sizes[8];
    unsigned char arrays[8][1024];
    for (int i = 0; i < count; i++) {
        unsigned char *array = arrays[i];
        size_t text = strlen(parts[i].header), size = 10 + text + parts[i].bytes;
        memcpy(array, "\x93NUMPY\1\0", 8);
        put_number(array + 8, text, 2);
        memcpy(array + 10, parts[i].header, text);
        memcpy(array + 10 + text, parts[i].values, parts[i].bytes);
        starts[i] = at;
        sizes[i] = size;
        at += put_record(to + at, 1, parts[i].name, array, size, 0);
        memcpy(to + at, array, size);
        at += size;
    }
    size_t directory = at;
    for (int i = 0; i < count; i++) at += put_record(to + at, 0, parts[i].name, arrays[i], sizes[i], starts[i]);
    memcpy(to + at, "PK\5\6\0\0\0\0", 8);
    put_number(to + at + 8, (uint64_t)count, 2);
    put_number(to + at + 10, (uint64_t)count, 2);
    put_number(to + at + 12, at - directory, 4);
    put_number(to + at + 16, directory, 4);
    put_number(to + at + 20, 0, 2);
    return at + 22;
}

static const double archive_x[] = {1.5, 2, 2, 3.5};
static const int16_t archive_y[] = {3, 5};
static const float archive_w[] = {1, 2};
static const part archive_parts[] = {
    {"x.npy", "{'descr': '<f8', 'fortran_order': False, 'shape': (2, 2), }", archive_x, sizeof archive_x},
    {"y.npy", "{'descr': '<i2', 'fortran_order': False, 'shape': (2,), }", archive_y, sizeof archive_y},
    {"w.npy", "{'descr': '<f4', 'fortran_order': False, 'shape': (2,), }  ", archive_w, sizeof archive_w}};

Test(dialects, archives)
{
    unsigned char bytes[4096];
    size_t size = make_archive(bytes, archive_parts, 3);
    cusgd_data *data;
    assert_works(cusgd_data_open(file_bytes("data.npz", (const char *)bytes, size), NULL, &data));
    cr_assert(cusgd_data_rows(data) == 2 && cusgd_data_cols(data) == 2 && cusgd_data_outputs(data) == 1);
    for (int i = 0; i < 4; i++) cr_assert_eq(x_at(data, i / 2, i % 2), archive_x[i]);
    cr_assert(y_at(data, 0, 0) == 3 && y_at(data, 1, 0) == 5 && matrix_at(&data->view.w, 1, 0) == 2);
    cusgd_data_free(data);
    /* Without y only for predictions. */
    size = make_archive(bytes, archive_parts, 1);
    const char *path = file_bytes("data.npz", (const char *)bytes, size);
    assert_fails(cusgd_data_open(path, NULL, &data), CUSGD_ERROR_DATA, "has no array y: numpy.savez");
    cusgd_reader reader = CUSGD_INIT(cusgd_reader);
    reader.roles.x_only = 1;
    assert_works(cusgd_data_open(path, &reader, &data));
    cusgd_data_free(data);
}

/* numpy.savez_compressed wrote the golden file: x a big-endian array, y of booleans. */
Test(dialects, compressed_archives)
{
    cusgd_data *data;
#ifndef HAVE_ZLIB
    assert_fails(cusgd_data_open(TEST_GOLDEN "/tables/compressed.npz", NULL, &data), CUSGD_ERROR_DATA,
                 "this build of cuSGD has no zlib: write it by numpy.savez");
    return;
#endif
    assert_works(cusgd_data_open(TEST_GOLDEN "/tables/compressed.npz", NULL, &data));
    cr_assert(cusgd_data_rows(data) == 50 && cusgd_data_cols(data) == 3);
    for (int i = 0; i < 50; i++) {
        for (int j = 0; j < 3; j++) cr_assert_eq(x_at(data, i, j), 0.5 * (3 * i + j));
        cr_assert_eq(y_at(data, i, 0), i % 3 == 0);
    }
    cusgd_data_free(data);
}

/* Whatever becomes of the bytes, there is data that makes sense, or a sentence. */
Test(dialects, damaged_archives)
{
    unsigned char bytes[4096], copy[4096];
    size_t size = make_archive(bytes, archive_parts, 3);
    random_source r = {.key = 11};
    for (size_t i = 0; i < 3000; i++) {
        cusgd_data *data;
        memcpy(copy, bytes, size);
        for (uint64_t flips = 1 + random_under(&r, 3); flips > 0; flips--)
            copy[random_under(&r, size)] ^= (unsigned char)(1 << random_under(&r, 8));
        size_t count = i < size ? i + 1 : size;
        if (cusgd_data_open(file_bytes("data.npz", (const char *)(i < size ? bytes : copy), count), NULL, &data) == CUSGD_OK)
            cr_assert_geq(cusgd_data_rows(data), 1);
        else
            cr_assert_neq(*cusgd_last_error(), '\0');
        cusgd_data_free(data);
    }
}

/* One bit of an array that has changed, stored or deflated, is found by the archive's sum, as NumPy finds it. */
Test(dialects, archives_with_another_sum)
{
    unsigned char bytes[4096];
    size_t size = make_archive(bytes, archive_parts, 3);
    cusgd_data *data;
    unsigned char *value = memmem(bytes, size, archive_x, sizeof archive_x);
    cr_assert(value);
    value[3] ^= 1;
    assert_fails(cusgd_data_open(file_bytes("data.npz", (const char *)bytes, size), NULL, &data), CUSGD_ERROR_DATA, "damaged");
    static unsigned char golden[1 << 16];
    FILE *file = fopen(TEST_GOLDEN "/tables/compressed.npz", "rb");
    cr_assert(file);
    size = fread(golden, 1, sizeof golden, file);
    fclose(file);
    unsigned char *entry = memmem(golden, size, "PK\1\2", 4);
    cr_assert(entry);
    entry[16] ^= 1; /* the sum itself */
    assert_fails(cusgd_data_open(file_bytes("data.npz", (const char *)golden, size), NULL, &data), CUSGD_ERROR_DATA, "damaged");
}

/* Zeros behind a member, as tapes fill blocks up, are passed over, as gzip does it; a further member may follow. */
Test(dialects, gzip_with_padding)
{
    static unsigned char bytes[1 << 12];
    static const unsigned char member[] = {0x1f, 0x8b, 8,    0,    0,    0,   0,   0,   0,    3, /* stored: "a,y\n1,2\n3,5\n" */
                                           1,    12,   0,    0xf3, 0xff, 'a', ',', 'y', '\n', '1',
                                           ',',  '2',  '\n', '3',  ',',  '5', '\n'};
    size_t size = sizeof member;
    memcpy(bytes, member, size);
    size += put_number(bytes + size, sum_of(member + 15, 12), 4);
    size += put_number(bytes + size, 12, 4);
    cusgd_data *data;
    for (int zeros = 0; zeros < 700; zeros += 233) {
        assert_works(cusgd_data_open(file_bytes("t.csv.gz", (const char *)bytes, size + (size_t)zeros), NULL, &data));
        cr_assert(cusgd_data_rows(data) == 2 && x_at(data, 1, 0) == 3);
        cusgd_data_free(data);
    }
    size_t next = size + 512;
    memcpy(bytes + next, bytes, size);
    memcpy(bytes + next + 15, "7,8\n9,1\n2,6\n", 12);
    put_number(bytes + next + sizeof member, sum_of(bytes + next + 15, 12), 4);
    assert_works(cusgd_data_open(file_bytes("t.csv.gz", (const char *)bytes, next + size), NULL, &data));
    cr_assert(cusgd_data_rows(data) == 5 && x_at(data, 4, 0) == 2);
    cusgd_data_free(data);
}

/* A golden table compressed by zstd in two frames; cut short anywhere it is refused. */
Test(dialects, zstd)
{
    static unsigned char bytes[1 << 16];
    FILE *file = fopen(TEST_GOLDEN "/tables/two_frames.csv.zst", "rb");
    cr_assert(file);
    size_t size = fread(bytes, 1, sizeof bytes, file);
    fclose(file);
    cusgd_data *data;
#ifndef HAVE_ZSTD
    assert_fails(cusgd_data_open(file_bytes("t.zst", (const char *)bytes, size), NULL, &data), CUSGD_ERROR_DATA,
                 "this build of cuSGD has no libzstd");
    return;
#endif
    assert_works(cusgd_data_open(file_bytes("t.zst", (const char *)bytes, size), NULL, &data));
    cr_assert(cusgd_data_rows(data) == 100 && x_at(data, 99, 0) == 99 && y_at(data, 99, 0) == 198.5);
    cusgd_data_free(data);
    for (size_t count = 5; count < size; count += 7) {
        cusgd_status status = cusgd_data_open(file_bytes("t.zst", (const char *)bytes, count), NULL, &data);
        cr_assert(status == CUSGD_ERROR_DATA || cusgd_data_rows(data) < 100, "%zu bytes", count);
        cusgd_data_free(data);
    }
}
