/* A table is read alike on any number of threads, and by any number of processes, whatever its text is cut into: the same
 * numbers, notes and messages as by the reader of one record after another. */
#include "cusgd_world.h"
#include "data.h"
#include "data/csv.h"
#include "data/ranks.h"
#include "public.h"
#include "support.h"
#include "thread_world.h"

#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

TestSuite(csv_threads, .init = folder_setup, .fini = folder_teardown);

enum { TEXT_MOST = 1 << 14, COLUMNS_MOST = 5 };

/* How a random table is written. */
typedef struct style {
    random_source *r;
    char separator, decimal;
    int width, faults, text_column, ends; /* faults: 0, or one in so many fields is odd; ends: 1: lines end by CR LF */
    char *to;
} style;

static int one_in(const style *s, uint64_t n) { return n > 0 && random_under(s->r, n) == 0; }

static void put(style *s, const char *text) { s->to = stpcpy(s->to, text); }

static void put_number(style *s)
{
    static const char *const formats[] = {"%.0f", "%.3f", "%.6g", "%.17g", "%.25e", " %.2f", "%.1f ", "%.3e"};
    char *begin = s->to;
    double value = ((double)random_next(s->r) - 0x1p63) * (one_in(s, 3) ? 0x1p-64 : 0x1p-53);
    s->to += sprintf(s->to, formats[random_under(s->r, s->separator == ' ' ? 5 : 8)], value);
    for (; begin < s->to; begin++)
        if (*begin == '.') *begin = s->decimal;
}

/* What is seldom: marks of missing values, quotes, texts, and what is wrong. */
static void put_odd(style *s)
{
    static const char *const odd[] = {"NA",
                                      "",
                                      "\"7\"",
                                      "\"a\nb\"",
                                      "\"\"\"\"",
                                      "\"x\"\"y\r\n\"\"\"",
                                      "text",
                                      "true",
                                      "1e999",
                                      "-1",
                                      "1e",
                                      "a\"b",
                                      "\"a\"b",
                                      "1\r2",
                                      "\"open",
                                      "2024-03-05",
                                      "\xFF",
                                      "1 2",
                                      " \"3\" ",
                                      "0x10",
                                      "1.5.2",
                                      "1,234",
                                      "9007199254740993",
                                      "",
                                      "\"1\"",
                                      "\"1;2\"",
                                      "-0",
                                      "1e400",
                                      "\"\n\"",
                                      "# 1"};
    put(s, odd[random_under(s->r, s->faults > 0 ? sizeof odd / sizeof *odd : 6)]);
}

static void put_field(style *s, int j)
{
    static const char *const words[] = {"red", "\"green\"", "blue", "\"two\nlines\"", "\"say \"\"so\"\"\""};
    if (one_in(s, s->faults > 0 ? (uint64_t)s->faults : 0))
        put_odd(s);
    else if (j == s->text_column)
        put(s, words[random_under(s->r, 5)]);
    else
        put_number(s);
}

static void put_line(style *s)
{
    const char separator[] = {s->separator, '\0'};
    int count = s->width;
    if (one_in(s, 20 * (uint64_t)s->faults)) put(s, "# a comment, \"of sorts\n");
    if (one_in(s, 40 * (uint64_t)s->faults)) put(s, "\n");
    if (one_in(s, 20 * (uint64_t)s->faults)) count += (int)random_under(s->r, 3) - 1;
    for (int j = 0; j < count; j++) {
        if (j > 0) put(s, separator);
        if (j > 0 && s->separator == ' ' && one_in(s, 4)) put(s, " \t");
        put_field(s, j);
    }
    put(s, s->ends ? "\r\n" : "\n");
}

/* A table of some hundred lines. */
static void write_table(random_source *r, char *text)
{
    static const char separators[] = ",;\t| ";
    style s = {.r = r, .decimal = '.', .to = text};
    s.separator = separators[random_under(r, 5)];
    if (s.separator != ',' && one_in(&s, 3)) s.decimal = ',';
    s.width = 2 + (int)random_under(r, COLUMNS_MOST - 1);
    s.text_column = (int)random_under(r, 2 * COLUMNS_MOST); /* often none */
    s.faults = one_in(&s, 2) ? 0 : 1 << (2 + random_under(r, 9));
    s.ends = one_in(&s, 3);
    if (one_in(&s, 2)) {
        const char separator[] = {s.separator, '\0'};
        for (int j = 0; j < s.width; j++) s.to += sprintf(s.to, "%s%c", j ? separator : "", 'a' + j);
        put(&s, s.ends ? "\r\n" : "\n");
    }
    for (uint64_t lines = 1 + random_under(r, 150); lines > 0 && s.to - text < TEXT_MOST - 1024; lines--) put_line(&s);
    if (one_in(&s, 4) && s.to > text) *--s.to = '\0';
}

/* All that reading gives: a status, the message, and the data. */
typedef struct outcome {
    cusgd_status status;
    char message[4096];
    cusgd_data *data;
} outcome;

static outcome open_with(const cusgd_reader *reader, int threads, size_t block_bytes)
{
    outcome o = {.data = NULL};
    cusgd_reader r = *reader;
    r.threads = threads;
    csv_block_bytes = block_bytes;
    o.status = cusgd_data_open(path_of("table.csv"), &r, &o.data);
    if (o.status) snprintf(o.message, sizeof o.message, "%s", cusgd_last_error());
    return o;
}

static void assert_same_bytes(const void *a, const void *b, int64_t count, const char *what, const char *text)
{
    cr_assert(!a == !b, "%s: one has none, in\n%s", what, text);
    cr_assert(!a || memcmp(a, b, (size_t)count * sizeof(double)) == 0, "%s differs, in\n%s", what, text);
}

static void assert_same(const outcome *one, const outcome *other, const char *text)
{
    cr_assert_eq(one->status, other->status, "'%s' and '%s' in\n%s", one->message, other->message, text);
    cr_assert_str_eq(one->message, other->message, "of\n%s", text);
    if (one->status) return;
    const cusgd_data *a = one->data, *b = other->data;
    cr_assert_eq(a->view.n, b->view.n, "rows: %ld and %ld of\n%s", (long)a->view.n, (long)b->view.n, text);
    cr_assert_eq(a->view.d, b->view.d);
    cr_assert_eq(a->first_line, b->first_line);
    assert_same_bytes(a->view.x.at, b->view.x.at, a->view.n * a->view.d, "x", text);
    assert_same_bytes(a->view.y.at, b->view.y.at, a->view.n * a->view.k, "y", text);
    assert_same_bytes(a->view.w.at, b->view.w.at, a->view.n, "the weights", text);
    assert_same_bytes(a->view.o.at, b->view.o.at, a->view.n, "the offset", text);
    cr_assert_eq(a->class_count, b->class_count);
    for (int64_t c = 0; c < a->class_count; c++) cr_assert_str_eq(a->classes[c], b->classes[c]);
    for (int64_t j = 0; a->features && j < a->view.d; j++) cr_assert_str_eq(a->features[j], b->features[j]);
    cr_assert_eq(a->note_count, b->note_count, "notes of\n%s", text);
    for (size_t i = 0; i < a->note_count; i++) cr_assert_str_eq(a->notes[i], b->notes[i], "of\n%s", text);
}

/* What is asked of a table: one of some ways. */
static cusgd_reader random_reader(random_source *r)
{
    static const cusgd_missing missing[] = {CUSGD_MISSING_ERROR, CUSGD_MISSING_AUTO, CUSGD_MISSING_DROP, CUSGD_MISSING_MEAN};
    static const char *const categorical[] = {"1"}, *const targets[] = {"1", "-1"};
    cusgd_reader reader = CUSGD_INIT(cusgd_reader);
    reader.encode.missing = missing[random_under(r, 4)];
    reader.encode.categorical_auto = (int)random_under(r, 2);
    if (random_under(r, 6) == 0) reader.encode.categorical = categorical, reader.encode.categorical_count = 1;
    if (random_under(r, 6) == 0) reader.roles.weights = "2";
    if (random_under(r, 6) == 0) reader.roles.exposure = "1";
    if (random_under(r, 6) == 0) reader.roles.targets = targets, reader.roles.target_count = 1 + random_under(r, 2);
    if (random_under(r, 6) == 0) reader.lines_before = 1000;
    reader.roles.x_only = random_under(r, 10) == 0;
    return reader;
}

Test(csv_threads, tables_of_every_kind)
{
    random_source r = {.key = 11};
    char *text = calloc(TEXT_MOST, 1);
    int failed = 0, read = 0;
    for (int i = 0; i < 500; i++) {
        static const size_t blocks[] = {1, 7, 64, 300, 4096};
        memset(text, 0, TEXT_MOST);
        write_table(&r, text);
        cusgd_reader reader = random_reader(&r);
        file_text("table.csv", text);
        outcome wanted = open_with(&reader, 1, 0);
        failed += wanted.status != CUSGD_OK;
        read += wanted.status == CUSGD_OK;
        for (int k = 0; k < 2; k++) {
            outcome got = open_with(&reader, 1 + (int)random_under(&r, 4), blocks[random_under(&r, 5)]);
            assert_same(&wanted, &got, text);
            cusgd_data_free(got.data);
        }
        cusgd_data_free(wanted.data);
    }
    cr_assert_gt(failed, 100, "%d", failed);
    cr_assert_gt(read, 100, "%d", read);
    free(text);
}

/* Once something is wrong a limited number of further rows is looked at: it is the same one, wherever blocks end. */
Test(csv_threads, many_rows_behind_a_fault)
{
    enum { BEFORE = 1000, ROWS = SURVEY_ROWS + 2 * BEFORE };
    char *text = malloc(5 * (size_t)ROWS), *at = stpcpy(text, "a,b\n");
    for (int i = 0; i < ROWS; i++) at = stpcpy(at, i == BEFORE || i == BEFORE + SURVEY_ROWS + 1 ? "x,2\n" : "1,2\n");
    file_bytes("table.csv", text, (size_t)(at - text));
    cusgd_reader reader = CUSGD_INIT(cusgd_reader);
    outcome wanted = open_with(&reader, 1, 0), got = open_with(&reader, 2, (size_t)1 << 21);
    cr_assert(strstr(wanted.message, "(counted in the first 1049577 rows)"), "%s", wanted.message);
    assert_same(&wanted, &got, "a long table");
    free(text);
}

/* ---- Several processes ---- */

typedef struct shared_table {
    char path[600];
    const cusgd_reader *reader;
    const outcome *wanted;
    const char *text;
    _Atomic int divided; /* ranks that have read a piece */
} shared_table;

static void read_as_rank(world *w, void *context)
{
    shared_table *t = context;
    data_ranks ranks = ranks_of_world(w);
    outcome got = {.data = NULL};
    got.status = data_open_by(t->path, t->reader, &ranks, &got.data);
    if (got.status) snprintf(got.message, sizeof got.message, "%s", cusgd_last_error());
    assert_same(t->wanted, &got, t->text);
    t->divided += ranks.divided;
    cusgd_data_free(got.data);
}

static int read_by_ranks(int ranks, const cusgd_reader *reader, const outcome *wanted, const char *text)
{
    shared_table t = {.reader = reader, .wanted = wanted, .text = text};
    snprintf(t.path, sizeof t.path, "%s", path_of("table.csv"));
    world_of_threads(ranks, read_as_rank, &t);
    cr_assert(t.divided == 0 || t.divided == ranks, "%d of %d ranks have read a piece of\n%s", t.divided, ranks, text);
    return t.divided != 0;
}

Test(csv_threads, tables_that_several_processes_read)
{
    random_source r = {.key = 12};
    char *text = calloc(TEXT_MOST, 1), folder[600];
    size_t room = ranks_room_bytes;
    int divided = 0;
    snprintf(folder, sizeof folder, "%s", path_of(""));
    for (int i = 0; i < 400; i++) {
        static const size_t blocks[] = {1, 7, 64, 300};
        memset(text, 0, TEXT_MOST);
        write_table(&r, text);
        cusgd_reader reader = random_reader(&r);
        file_text("table.csv", text);
        outcome wanted = open_with(&reader, 1, 0);
        reader.threads = 1 + (int)random_under(&r, 2);
        if (random_under(&r, 2)) reader.spill = folder, reader.spill_bytes = 64; /* almost all arrays lie in files */
        csv_block_bytes = blocks[random_under(&r, 4)];
        ranks_room_bytes = blocks[random_under(&r, 4)];
        divided += read_by_ranks(2 + (int)random_under(&r, 4), &reader, &wanted, text);
        cusgd_data_free(wanted.data);
    }
    ranks_room_bytes = room;
    cr_assert_gt(divided, 40, "%d", divided);
    free(text);
}

/* What has to be divided, so that the test above cannot pass by dividing nothing of the kind. */
Test(csv_threads, tables_that_are_divided)
{
    static const char *const rows[] = {"1.5,2,3", "\"1\",\"a\nb\"\"c\",3", "red,2,yes", "1,,3", "2024-03-05,1,2", "true,1,0"};
    static const char *const others[] = {"0.25,4,1", "2,d,7", "blue,5,no", "4,2,1", "2023-12-31,5,6", "false,2,1"};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        for (int ends = 0; ends < 3; ends++) { /* the last line: by its text, by a newline, by two */
            char *text = calloc(1 << 14, 1), *at = stpcpy(text, "a,b,c\n");
            for (int row = 0; row < 200; row++) at += sprintf(at, "%s%s", row ? "\n" : "", row % 30 == 3 ? rows[i] : others[i]);
            at = stpcpy(at, ends == 2 ? "\n\n" : ends ? "\n" : "");
            file_text("table.csv", text);
            cusgd_reader reader = CUSGD_INIT(cusgd_reader);
            static const char *const dates[] = {"a"};
            reader.encode.missing = CUSGD_MISSING_AUTO;
            reader.encode.categorical_auto = 1;
            if (i == 4) reader.encode.dates = dates, reader.encode.date_count = 1;
            outcome wanted = open_with(&reader, 1, 0);
            cr_assert_eq(wanted.status, CUSGD_OK, "%s", wanted.message);
            csv_block_bytes = 64;
            for (int ranks = 2; ranks < 6; ranks++) cr_assert(read_by_ranks(ranks, &reader, &wanted, text), "of\n%s", text);
            cusgd_data_free(wanted.data);
            free(text);
        }
}

/* One rank alone fails where the fields of all ranks are taken, here by a reader of its own: all meet again all the same. */
static void open_by_own_reader(world *w, void *context)
{
    cusgd_data *data = NULL;
    cusgd_reader reader = CUSGD_INIT(cusgd_reader);
    reader.encode.missing = w->rank == 1 ? CUSGD_MISSING_ERROR : CUSGD_MISSING_DROP;
    cusgd_status status = cusgd_data_open_shared(w, context, &reader, &data);
    cr_assert_eq(status, w->rank == 1 ? CUSGD_ERROR_DATA : CUSGD_ERROR_DEVICE, "rank %d: %s", w->rank, cusgd_last_error());
    cr_assert(strstr(cusgd_last_error(), "missing"), "%s", cusgd_last_error());
    reader.encode.missing = CUSGD_MISSING_DROP;
    assert_works(cusgd_data_open_shared(w, context, &reader, &data));
    cr_assert_eq(cusgd_data_rows(data), 3999);
    cusgd_data_free(data);
}

Test(csv_threads, where_one_rank_cannot_take_a_field_all_fail)
{
    enum { ROWS = 4000, LINE = 16 };
    char *text = malloc((ROWS + 1) * LINE), path[600];
    size_t length = (size_t)snprintf(text, LINE, "a,b,c\n");
    for (int i = 0; i < ROWS; i++) length += (size_t)snprintf(text + length, LINE, i == 3000 ? "%d,,2\n" : "%d,1,2\n", i);
    snprintf(path, sizeof path, "%s", file_text("table.csv", text));
    csv_block_bytes = 64;
    for (int ranks = 2; ranks < 5; ranks++) world_of_threads(ranks, open_by_own_reader, path);
    free(text);
}
