/* Numbers in LIBSVM text are those that strtod reads, however long they are and wherever they stand. */
#include "data.h"
#include "data/ranks.h"
#include "public.h"
#include "support.h"
#include "thread_world.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

TestSuite(svmlight, .init = folder_setup, .fini = folder_teardown);

/* A number of up to 12 digits before the point and 12 behind it, perhaps with a sign or an exponent; at least one digit. */
static void draw_number(random_source *r, char text[48])
{
    static const char *const signs[] = {"", "", "-", "+"}, *const exponents[] = {"", "", "", "e-7", "E+12"};
    int whole = (int)random_under(r, random_under(r, 2) ? 2 : 13), fraction = (int)random_under(r, 13), at;
    if (whole + fraction == 0) whole = 1;
    at = sprintf(text, "%s", signs[random_under(r, 4)]);
    for (int i = 0; i < whole; i++) text[at++] = (char)('0' + random_under(r, 10));
    if (fraction > 0) text[at++] = '.';
    for (int i = 0; i < fraction; i++) text[at++] = (char)('0' + random_under(r, 10));
    sprintf(text + at, "%s", exponents[random_under(r, 5)]);
}

Test(svmlight, numbers_are_those_of_strtod)
{
    enum { ROWS = 3000, VALUES = 4 };
    static double expected[ROWS][VALUES + 1];
    static char all[ROWS * (VALUES + 1) * 64];
    static int32_t index[ROWS][VALUES];
    static const char *const ends[] = {"\n", " \n", "\r\n", " # 5:1\n", "\t\n\n"};
    random_source r = {7, 0};
    size_t at = 0;
    for (int i = 0; i < ROWS; i++) {
        char number[48];
        int64_t j = 0;
        draw_number(&r, number);
        expected[i][VALUES] = strtod(number, NULL);
        at += (size_t)sprintf(all + at, "%s", number);
        for (int v = 0; v < VALUES; v++) {
            draw_number(&r, number);
            j += 1 + (int64_t)random_under(&r, v % 2 ? 500000000 : 9);
            index[i][v] = (int32_t)j - 1;
            expected[i][v] = strtod(number, NULL);
            at += (size_t)sprintf(all + at, " %lld:%s", (long long)j, number);
        }
        at += (size_t)sprintf(all + at, "%s", i == ROWS - 1 ? "" : ends[random_under(&r, 5)]);
    }
    cusgd_data *data;
    cr_assert_eq(cusgd_data_open(file_text("x.svm", all), NULL, &data), CUSGD_OK, "%s", cusgd_last_error());
    cr_assert_eq(cusgd_data_rows(data), ROWS);
    cr_assert_eq(cusgd_data_stored(data), ROWS * VALUES);
    for (int i = 0; i < ROWS; i++) {
        cr_assert_eq(matrix_at(&data->view.y, i, 0), expected[i][VALUES]);
        for (int v = 0; v < VALUES; v++) {
            int64_t place = data->view.s.start[i] + v;
            cr_assert(csr_column(&data->view.s, place) == index[i][v] && csr_value(&data->view.s, place) == expected[i][v],
                      "row %d: %lld:%.17g", i, (long long)csr_column(&data->view.s, place), csr_value(&data->view.s, place));
        }
    }
    cusgd_data_free(data);
}

Test(svmlight, what_is_no_number_is_refused)
{
    static const char *const lines[] = {"1 2:0.5x",  "1 2:.",          "1 2:-",      "1 2:0.1234567y", "1 2:1.2.3", "1 2:",
                                        "1 2:1e400", "1 2147483648:1", "1 12345678", "1 :1",           "0.5q 1:1",  "1 2:0.12:3"};
    for (size_t i = 0; i < sizeof lines / sizeof *lines; i++) {
        cusgd_data *data;
        char text[128];
        for (int last = 0; last < 2; last++) { /* other lines behind it or none */
            snprintf(text, sizeof text, "1 1:2\n%s%s", lines[i], last ? "" : "\n1 1:2.5 2:7 3:1\n");
            assert_fails(cusgd_data_open(file_text("x.svm", text), NULL, &data), CUSGD_ERROR_DATA, "x.svm: line 2: '");
        }
    }
}

/* ---- Whole files ---- */

Test(svmlight, text_is_read)
{
    cusgd_reader reader = CUSGD_INIT(cusgd_reader);
    cusgd_data *data, *same;
    assert_works(
        cusgd_data_open(file_text("x.svm", "# a comment\n+1 1:0.5 3:-2e0 # one\r\n\n-1 \n1\t3:.25 2:1 1:5e-1"), &reader, &data));
    cr_assert_eq(cusgd_data_rows(data), 3);
    cr_assert_eq(cusgd_data_cols(data), 3);
    cr_assert_eq(cusgd_data_stored(data), 5);
    cr_assert(strstr(cusgd_data_note(data, 0), "indices count from 1"));
    cusgd_model_arrays arrays = {.size = sizeof arrays, .cols = 3, .outputs = 1, .weight = (const double[]){1, 10, 100}};
    cusgd_model *model;
    double p[3], expected[3] = {0.5 - 200, 0, 25 + 10 + 0.5};
    assert_works(cusgd_model_create(&arrays, &model));
    assert_works(cusgd_model_predict(model, data, CUSGD_PREDICT_LINK, p));
    for (int i = 0; i < 3; i++) cr_assert_eq(p[i], expected[i], "row %d: %.17g", i, p[i]);
    assert_works(cusgd_data_select(data, (const int64_t[]){2, 0}, 2, &same));
    assert_works(cusgd_model_predict(model, same, CUSGD_PREDICT_LINK, p));
    cr_assert(p[0] == expected[2] && p[1] == expected[0]);
    cusgd_data_free(same);
    cusgd_data_free(data);
    reader.single_values = 1;
    assert_works(cusgd_data_open(file_text("x.svm", "1 1:0.1 3:2\n0 3:0.25 2:1\n"), &reader, &data));
    assert_works(cusgd_model_predict(model, data, CUSGD_PREDICT_LINK, p));
    cr_assert(p[0] == (double)0.1f + 200 && p[1] == 35, "%.17g %.17g", p[0], p[1]);
    cusgd_data_free(data);
    reader.single_values = 0;
    cusgd_model_free(model);
    reader.columns = 7;
    assert_works(cusgd_data_open(file_text("x.svm", "1 0:1\n0 2:1\n"), &reader, &data));
    cr_assert_eq(cusgd_data_cols(data), 7);
    cr_assert(strstr(cusgd_data_note(data, 0), "indices count from 0"));
    cusgd_data_free(data);
}

Test(svmlight, text_that_is_wrong_is_refused)
{
    static const char *const wrong[][2] = {{"1 1:1\n1 2:1 2:2\n", "line 2: index 2 occurs twice"},
                                           {"1 1:1 qid:3\n", "line 1: 'qid:3'"},
                                           {"1,2 1:1\n", "line 1: '1,2' is not a label"},
                                           {"1 1:nan\n", "line 1: '1:nan' has no value"},
                                           {"1 1:1e400\n", "line 1: '1:1e400' has no value"},
                                           {"1 1:\n", "line 1: '1:' has no value"},
                                           {"1 a:1\n", "line 1: 'a:1' is not INDEX:VALUE"},
                                           {"1 -1:1\n", "line 1: '-1:1' is not INDEX:VALUE"},
                                           {"1 99999999999999999999:1\n", "index above 2147483647"},
                                           {"1 5:1\n1 9:1\n1 6:1\n", "line 2: index 9 is beyond the 8 columns"},
                                           {"1 0:1 2:1\n", "has index 0, and the indices count from 1"},
                                           {"1 1:1e39\n", "line 1: '1:1e39' is beyond what precision float holds"},
                                           {"# nothing\n", "has no rows"}};
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        cusgd_reader reader = CUSGD_INIT(cusgd_reader);
        cusgd_data *data;
        if (strstr(wrong[i][1], "beyond")) reader.columns = 8;
        if (strstr(wrong[i][1], "count from 1")) reader.index_base = CUSGD_INDEX_ONE;
        reader.single_values = strstr(wrong[i][1], "1e39") != NULL;
        cr_assert_eq(cusgd_data_open(file_text("x.svm", wrong[i][0]), &reader, &data), CUSGD_ERROR_DATA, "%s", wrong[i][0]);
        cr_assert(strstr(cusgd_last_error(), wrong[i][1]), "'%s' is not in: %s", wrong[i][1], cusgd_last_error());
    }
}

/* Longer than the reader's buffer, of which 10 MB are one line. */
Test(svmlight, a_long_line_is_read)
{
    enum { VALUES = 1000000 };
    char *text = malloc((size_t)VALUES * 12 + 64), *at = text;
    cusgd_reader reader = CUSGD_INIT(cusgd_reader);
    cusgd_data *data;
    at += sprintf(at, "1 1:1\n2");
    for (int i = 1; i <= VALUES; i++) at += sprintf(at, " %d:%d", i, i % 100);
    at += sprintf(at, "\n3 1:1\n");
    assert_works(cusgd_data_open(file_text("x.svm", text), &reader, &data));
    cr_assert_eq(cusgd_data_rows(data), 3);
    cr_assert_eq(cusgd_data_stored(data), VALUES + 2);
    cr_assert_eq(cusgd_data_cols(data), VALUES);
    cusgd_data_free(data);
    free(text);
}

/* ---- Several threads ---- */

static cusgd_data *open_in_blocks(const char *path, size_t block_bytes, int threads, const char *spill)
{
    size_t before = svmlight_block_bytes;
    cusgd_reader reader = CUSGD_INIT(cusgd_reader);
    cusgd_data *data = NULL;
    reader.threads = threads;
    reader.spill = spill;
    reader.spill_bytes = 100;
    svmlight_block_bytes = block_bytes;
    cr_assert_eq(cusgd_data_open(path, &reader, &data), CUSGD_OK, "%s", cusgd_last_error());
    svmlight_block_bytes = before;
    return data;
}

static void assert_same(const cusgd_data *a, const cusgd_data *b)
{
    const cusgd_csr *s = &a->view.s, *t = &b->view.s;
    int64_t n = a->view.n;
    cr_assert(n == b->view.n && a->view.d == b->view.d);
    cr_assert_arr_eq(s->start, t->start, (size_t)(n + 1) * sizeof *s->start);
    cr_assert_arr_eq(s->column, t->column, (size_t)s->start[n] * sizeof(int32_t));
    cr_assert_arr_eq(s->value, t->value, (size_t)s->start[n] * sizeof(double));
    cr_assert_arr_eq(a->view.y.at, b->view.y.at, (size_t)n * sizeof(double));
}

/* Rows of 0 to 20 values, in order or not, with comments, empty lines and ends of several kinds; the last line ends with its
 * text. */
static char *draw_rows(random_source *r, int rows)
{
    static const char *const ends[] = {"\n", " \r\n", " # 5:x\n", "\n\n", "\n# 1 2:3\n"};
    static char text[1 << 18];
    size_t at = 0;
    for (int i = 0; i < rows; i++) {
        int values = (int)random_under(r, 21), turned = (int)random_under(r, 4) == 0;
        at += (size_t)sprintf(text + at, "%d", (int)random_under(r, 3) - 1);
        for (int v = 0; v < values; v++)
            at += (size_t)sprintf(text + at, " %d:%.6f", 1 + 7 * (turned ? values - v : v), (double)random_under(r, 1000) / 7);
        at += (size_t)sprintf(text + at, "%s", i == rows - 1 ? "" : ends[random_under(r, 5)]);
    }
    return text;
}

Test(svmlight, blocks_threads_and_files_give_the_bits_of_one_block)
{
    random_source r = {3, 0};
    char path[600];
    snprintf(path, sizeof path, "%s", file_text("x.svm", draw_rows(&r, 500)));
    cusgd_data *whole = open_in_blocks(path, 1 << 20, 1, NULL);
    for (size_t block = 1; block < 100000; block = 3 * block + 1)
        for (int threads = 1; threads < 4; threads++) {
            cusgd_data *data = open_in_blocks(path, block, threads, threads == 3 ? path_of("") : NULL);
            cr_assert((data->mapping[PLACE_X] != NULL) == (threads == 3), "where the values lie");
            assert_same(whole, data);
            cusgd_data_free(data);
        }
    cusgd_data_free(whole);
}

/* ---- Several processes ---- */

typedef struct shared_text {
    char path[600];
    cusgd_reader reader;
    const cusgd_data *wanted; /* NULL: reading fails */
    char message[1024];
    _Atomic int divided; /* ranks that have read a piece */
} shared_text;

static void read_as_rank(world *w, void *context)
{
    shared_text *t = context;
    data_ranks ranks = ranks_of_world(w);
    cusgd_data *data = NULL;
    cusgd_status status = data_open_by(t->path, &t->reader, &ranks, &data);
    t->divided += ranks.divided;
    cr_assert_eq(status == CUSGD_OK, t->wanted != NULL, "%s", cusgd_last_error());
    if (status) cr_assert_str_eq(cusgd_last_error(), t->message);
    if (!status) assert_same(t->wanted, data);
    if (!status) cr_assert_str_eq(cusgd_data_note(data, 0), cusgd_data_note(t->wanted, 0));
    cusgd_data_free(data);
}

/* columns: 0 for as many as occur. */
static void read_by_ranks(const char *text, int64_t columns, int must_divide)
{
    size_t before = svmlight_block_bytes, room = ranks_room_bytes;
    char folder[600];
    snprintf(folder, sizeof folder, "%s", path_of(""));
    for (int ranks = 2; ranks < 6; ranks++)
        for (size_t block = 16; block < 1000; block *= 4) {
            shared_text t = {.reader = CUSGD_INIT(cusgd_reader)};
            cusgd_data *wanted = NULL;
            t.reader.columns = columns;
            snprintf(t.path, sizeof t.path, "%s", file_text("x.svm", text));
            if (cusgd_data_open(t.path, &t.reader, &wanted)) snprintf(t.message, sizeof t.message, "%s", cusgd_last_error());
            t.wanted = wanted;
            if (block == 64) t.reader.spill = folder, t.reader.spill_bytes = 64; /* the arrays lie in files */
            svmlight_block_bytes = ranks_room_bytes = block;
            world_of_threads(ranks, read_as_rank, &t);
            svmlight_block_bytes = before;
            ranks_room_bytes = room;
            cr_assert(!must_divide || t.divided == ranks, "%d of %d", t.divided, ranks);
            cusgd_data_free(wanted);
        }
}

Test(svmlight, several_processes_have_the_bits_of_one)
{
    random_source r = {5, 0};
    for (int i = 0; i < 4; i++) read_by_ranks(draw_rows(&r, 300), 0, 1);
    read_by_ranks("1 0:1\n", 0, 0); /* too short */
    char *text = draw_rows(&r, 300);
    read_by_ranks(strcat(text, "\n1 2:3 2:4\n1 1:1\n"), 0, 0); /* an index twice */
}

/* What only the whole text shows to be wrong is said by each process, as one process says it. */
Test(svmlight, several_processes_have_the_message_of_one)
{
    random_source r = {6, 0};
    char *comments = malloc(20001), *empty = malloc(20001);
    cr_assert(comments && empty);
    for (int i = 0; i < 20000; i += 4) memcpy(comments + i, "# 1\n", 5), memcpy(empty + i, "1  \n", 5);
    read_by_ranks(draw_rows(&r, 300), 3, 0); /* fewer columns than occur */
    read_by_ranks(comments, 0, 0);           /* no rows */
    read_by_ranks(empty, 0, 0);              /* rows without a value, and no number of columns */
    read_by_ranks(empty, 3, 1);
    free(comments);
    free(empty);
}

/* What is wrong is named by its line, whichever block it is in and whatever is wrong behind it. */
Test(svmlight, the_first_line_that_is_wrong_is_named_whatever_the_blocks)
{
    static const char *const wrong[] = {"1 3:x", "1 2:1 2:2", "1 5:2 3:1 5:7", "x 1:1"};
    for (uint64_t seed = 0; seed < 40; seed++) {
        random_source r = {seed, 0};
        char *text = draw_rows(&r, (int)random_under(&r, 60) + 1), named[64];
        char *all = malloc(strlen(text) + 64);
        cusgd_data *data;
        cr_assert(all != NULL);
        sprintf(all, "%s\n%s\n1 1:1\n1 1:bad\n", text, wrong[seed % 4]);
        int64_t line = 1;
        for (const char *c = text; *c; c++) line += *c == '\n';
        snprintf(named, sizeof named, "x.svm: line %lld:", (long long)line + 1);
        size_t before = svmlight_block_bytes;
        svmlight_block_bytes = 1 + random_under(&r, 200);
        assert_fails(cusgd_data_open(file_text("x.svm", all), NULL, &data), CUSGD_ERROR_DATA, named);
        svmlight_block_bytes = before;
        free(all);
    }
}

/* Indices are read as if they counted from 1 on until a 0 says otherwise, however late. */
Test(svmlight, an_index_of_0_in_the_last_row_counts_for_all)
{
    cusgd_data *data = NULL;
    size_t before = svmlight_block_bytes;
    svmlight_block_bytes = 8;
    cr_assert_eq(cusgd_data_open(file_text("x.svm", "1 3:1 7:2\n0 1:4 # 8:8\n1 2:5 0:6\n"), NULL, &data), CUSGD_OK);
    svmlight_block_bytes = before;
    static const int32_t columns[] = {3, 7, 1, 0, 2};
    static const double values[] = {1, 2, 4, 6, 5};
    cr_assert_eq(data->view.d, 8);
    for (int i = 0; i < 5; i++)
        cr_assert(csr_column(&data->view.s, i) == columns[i] && csr_value(&data->view.s, i) == values[i], "value %d", i);
    cusgd_data_free(data);
}

Test(svmlight, a_byte_order_mark_is_passed_over)
{
    static const char *const names[] = {"x.svm", "x.txt"}, text[] = "\xEF\xBB\xBF"
                                                                    "1 1:2 3:4\n0 2:5\n";
    size_t before = svmlight_block_bytes;
    for (size_t block = 1; block < 100; block *= 8)
        for (int i = 0; i < 2; i++) { /* by its name, and by its content */
            cusgd_data *data = NULL;
            svmlight_block_bytes = block;
            cr_assert_eq(cusgd_data_open(file_text(names[i], text), NULL, &data), CUSGD_OK, "%s", cusgd_last_error());
            cr_assert(cusgd_data_rows(data) == 2 && data->view.d == 3);
            cr_assert(matrix_at(&data->view.y, 0, 0) == 1 && csr_value(&data->view.s, 2) == 5);
            cusgd_data_free(data);
        }
    svmlight_block_bytes = before;
}
