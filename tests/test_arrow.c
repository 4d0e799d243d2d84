/* Tables of Arrow, made by hand as its C data interface has them. */
#include "data.h"
#include "data/arrow.h"
#include "support.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

TestSuite(arrow, .init = folder_setup, .fini = folder_teardown);

/* A stream of some chunks of the same columns, which counts what is released. */
enum { COLUMNS = 8, CHUNKS = 3 };
typedef struct made {
    const char *names[COLUMNS], *formats[COLUMNS];
    struct ArrowSchema fields[COLUMNS], *field_at[COLUMNS], words; /* words: of dictionaries */
    struct ArrowArray columns[CHUNKS][COLUMNS], *column_at[CHUNKS][COLUMNS];
    const void *buffers[CHUNKS][COLUMNS][4];
    int64_t rows[CHUNKS];
    int count, chunks, next, released, fails; /* fails: get_next of this chunk does */
    int damage;                               /* what damage() does to the chunks; -1: nothing */
    struct ArrowArrayStream stream;
} made;

static void release_schema(struct ArrowSchema *s)
{
    ((made *)s->private_data)->released++;
    s->release = NULL;
}
static void release_array(struct ArrowArray *a)
{
    ((made *)a->private_data)->released++;
    a->release = NULL;
}
static void release_stream(struct ArrowArrayStream *s)
{
    ((made *)s->private_data)->released++;
    s->release = NULL;
}

static int get_schema(struct ArrowArrayStream *s, struct ArrowSchema *out)
{
    made *m = s->private_data;
    for (int j = 0; j < m->count; j++) {
        m->fields[j].format = m->formats[j];
        m->fields[j].name = m->names[j];
        m->field_at[j] = &m->fields[j];
    }
    *out = (struct ArrowSchema){
        .format = "+s", .n_children = m->count, .children = m->field_at, .release = release_schema, .private_data = m};
    return 0;
}

/* What an array says of itself that is not so. */
static void damage(made *m, struct ArrowArray *chunk)
{
    static const unsigned char none_of_third[] = {0x1B};
    static const void *buffers[] = {none_of_third};
    struct ArrowArray *first = chunk->children[0];
    switch (m->damage) {
    case 0: chunk->null_count = -1, chunk->n_buffers = 1, chunk->buffers = buffers; break;
    case 1: chunk->length = -1; break;
    case 2: first->length--; break;
    case 3: first->offset = -1; break;
    case 4: first->buffers[1] = NULL; break;
    default: break; /* 5: a dictionary is missing */
    }
}

static int get_next(struct ArrowArrayStream *s, struct ArrowArray *out)
{
    made *m = s->private_data;
    int c = m->next++;
    if (m->fails && c == m->fails) return EIO;
    *out = (struct ArrowArray){.release = NULL};
    if (c >= m->chunks) return 0;
    for (int j = 0; j < m->count; j++) {
        m->columns[c][j].buffers = m->buffers[c][j];
        m->columns[c][j].n_buffers = strcmp(m->formats[j], "vu") == 0 ? 4 : 3;
        m->columns[c][j].length = m->rows[c];
        m->column_at[c][j] = &m->columns[c][j];
    }
    *out = (struct ArrowArray){
        .length = m->rows[c], .n_children = m->count, .children = m->column_at[c], .release = release_array, .private_data = m};
    damage(m, out);
    return 0;
}

static const char *last_error(struct ArrowArrayStream *s) { return s ? "the wire broke" : NULL; }

static made *begin(int chunks)
{
    made *m = calloc(1, sizeof *m);
    cr_assert(m);
    m->chunks = chunks;
    m->damage = -1;
    m->stream = (struct ArrowArrayStream){get_schema, get_next, last_error, release_stream, m};
    return m;
}

/* Adds a column's name and format; its buffers in each chunk are set by put(). */
static int add(made *m, const char *name, const char *format)
{
    m->names[m->count] = name;
    m->formats[m->count] = format;
    return m->count++;
}

static void put(made *m, int chunk, int column, int64_t rows, const void *known, const void *values, const void *characters)
{
    m->rows[chunk] = rows;
    m->buffers[chunk][column][0] = known;
    m->buffers[chunk][column][1] = values;
    m->buffers[chunk][column][2] = characters;
    m->columns[chunk][column].null_count = known ? -1 : 0;
}

/* The schema, each chunk that was handed out, and the stream. */
static void assert_released(made *m, int times)
{
    cr_assert_eq(m->released, times, "%d releases", m->released);
    free(m);
}

static const double targets[] = {10, 20, 30, 40, 50};

Test(arrow, every_type_of_number_in_several_chunks)
{
    static const int8_t c[] = {-1, 2, 3};
    static const uint64_t big[] = {7, 8, 9};
    static const float f[] = {0.5f, 1.5f, 2.5f, -3.5f, 4.5f};
    static const uint16_t half[] = {0x3C00, 0xC000, 0x0001, 0x7BFF, 0x0000};
    made *m = begin(2);
    cusgd_data *data;
    int columns[] = {add(m, "c", "c"), add(m, "big", "L"), add(m, "f", "f"), add(m, "half", "e"), add(m, "y", "g")};
    put(m, 0, columns[0], 3, NULL, c, NULL);
    put(m, 0, columns[1], 3, NULL, big, NULL);
    put(m, 0, columns[2], 3, NULL, f, NULL);
    put(m, 0, columns[3], 3, NULL, half, NULL);
    put(m, 0, columns[4], 3, NULL, targets, NULL);
    put(m, 1, columns[0], 2, NULL, c, NULL);
    m->columns[1][0].offset = 1; /* 2, 3 */
    put(m, 1, columns[1], 2, NULL, big, NULL);
    put(m, 1, columns[2], 2, NULL, f + 3, NULL);
    put(m, 1, columns[3], 2, NULL, half + 3, NULL);
    put(m, 1, columns[4], 2, NULL, targets + 3, NULL);
    assert_works(cusgd_data_arrow(&m->stream, NULL, &data));
    static const double expected[5][4] = {
        {-1, 7, 0.5, 1}, {2, 8, 1.5, -2}, {3, 9, 2.5, 0x1p-24}, {2, 7, -3.5, 65504}, {3, 8, 4.5, 0}};
    cr_assert_eq(data->view.n, 5);
    cr_assert_eq(data->view.d, 4);
    for (int i = 0; i < 5; i++) {
        for (int j = 0; j < 4; j++) cr_assert_eq(matrix_at(&data->view.x, i, j), expected[i][j], "%d %d", i, j);
        cr_assert_eq(matrix_at(&data->view.y, i, 0), targets[i]);
    }
    cr_assert_str_eq(cusgd_data_feature(data, 3), "half");
    cr_assert_str_eq(cusgd_data_target(data, 0), "y");
    cusgd_data_free(data);
    assert_released(m, 4);
}

Test(arrow, booleans_texts_dates_and_dictionaries)
{
    static const unsigned char flags[] = {0x0D}; /* 1 0 1 1 0 */
    static const int32_t ends[] = {0, 3, 7, 10, 13, 17},
                         days[] = {0, 31, 60, 91, 121}; /* 1970-01-01, -02-01, -03-02, -04-02, -05-02 */
    static const int64_t word_ends[] = {0, 5, 8};
    static const uint8_t codes[] = {1, 0, 1, 1, 0};
    made *m = begin(1);
    cusgd_data *data;
    cusgd_reader reader = CUSGD_INIT(cusgd_reader);
    const char *target = "answer";
    int flag = add(m, "flag", "b"), answer = add(m, "answer", "u"), when = add(m, "when", "tdD"), size = add(m, "size", "C");
    struct ArrowArray words = {.length = 2, .n_buffers = 3, .buffers = (const void *[]){NULL, word_ends, "largebig"}};
    m->fields[size].dictionary = &m->words;
    m->words.format = "U";
    m->columns[0][size].dictionary = &words;
    put(m, 0, flag, 5, NULL, flags, NULL);
    put(m, 0, answer, 5, NULL, ends, "yesnopeyesyesnope");
    put(m, 0, when, 5, NULL, days, NULL);
    put(m, 0, size, 5, NULL, codes, NULL);
    reader.roles.targets = &target;
    reader.roles.target_count = 1;
    assert_works(cusgd_data_arrow(&m->stream, &reader, &data));
    static const char *const names[] = {"flag", "month(when)", "weekday(when)", "days(when)", "size=large"};
    static const double expected[5][5] = {
        {1, 1, 3, 0, 0}, {0, 2, 6, 31, 1}, {1, 3, 0, 60, 0}, {1, 4, 3, 91, 0}, {0, 5, 5, 121, 1}};
    cr_assert_eq(data->view.d, 5);
    for (int j = 0; j < 5; j++) {
        cr_assert_str_eq(cusgd_data_feature(data, j), names[j]);
        for (int i = 0; i < 5; i++) cr_assert_eq(matrix_at(&data->view.x, i, j), expected[i][j], "%d %d", i, j);
    }
    static const double classes[] = {1, 0, 1, 1, 0};
    cr_assert_str_eq(cusgd_data_class(data, 0), "nope");
    for (int i = 0; i < 5; i++) cr_assert_eq(matrix_at(&data->view.y, i, 0), classes[i]);
    cusgd_data_free(data);
    assert_released(m, 3);
}

/* Codes below and beyond the two words, in every type, are no missing values; a null's code may be any. */
Test(arrow, codes_that_the_dictionary_does_not_have)
{
    static const int64_t word_ends[] = {0, 5, 8}, beyond[] = {0, 1, 2, 0, 0}, far[] = {0, 1, INT64_C(1) << 31, 0, 0},
                         below[] = {0, 1, -1, 0, 0};
    static const unsigned char all_but_third[] = {0x1B};
    static const struct {
        const char *format;
        const int64_t *codes;
    } damaged[] = {{"l", beyond}, {"l", far}, {"l", below}, {"L", beyond}, {"L", below}};
    struct ArrowArray words = {.length = 2, .n_buffers = 3, .buffers = (const void *[]){NULL, word_ends, "largebig"}};
    for (size_t i = 0; i < 2 * sizeof damaged / sizeof *damaged; i++) {
        int is_null = i % 2;
        made *m = begin(1);
        cusgd_data *data;
        cusgd_reader reader = CUSGD_INIT(cusgd_reader);
        int size = add(m, "size", damaged[i / 2].format), y = add(m, "y", "g");
        m->fields[size].dictionary = &m->words;
        m->words.format = "U";
        m->columns[0][size].dictionary = &words;
        put(m, 0, size, 5, is_null ? all_but_third : NULL, damaged[i / 2].codes, NULL);
        put(m, 0, y, 5, NULL, targets, NULL);
        reader.encode.missing = CUSGD_MISSING_DROP;
        if (is_null) {
            assert_works(cusgd_data_arrow(&m->stream, &reader, &data));
            cr_assert_eq(data->view.n, 4);
            cusgd_data_free(data);
        } else {
            assert_fails(cusgd_data_arrow(&m->stream, &reader, &data), CUSGD_ERROR_DATA,
                         "row 3, column 'size': its code is none of the dictionary's");
        }
        assert_released(m, 3);
    }
}

/* Row 2 lacks a, row 3 (NaN) b, row 5 the target. */
static made *with_gaps(void)
{
    static const double a[] = {1, 2, 3, 4, 5}, b[] = {1, 2, (double)NAN, 4, 6};
    static const unsigned char known_a[] = {0x1D}, known_y[] = {0x0F};
    made *m = begin(1);
    int columns[] = {add(m, "a", "g"), add(m, "b", "g"), add(m, "y", "g")};
    put(m, 0, columns[0], 5, known_a, a, NULL);
    put(m, 0, columns[1], 5, NULL, b, NULL);
    put(m, 0, columns[2], 5, known_y, targets, NULL);
    return m;
}

Test(arrow, missing_values)
{
    cusgd_data *data;
    cusgd_reader reader = CUSGD_INIT(cusgd_reader);
    made *m = with_gaps();
    assert_fails(cusgd_data_arrow(&m->stream, &reader, &data), CUSGD_ERROR_DATA, "row 2 lacks a value in column 'a'");
    assert_released(m, 3);
    m = with_gaps();
    reader.encode.missing = CUSGD_MISSING_AUTO; /* three rows of five are too many */
    assert_fails(cusgd_data_arrow(&m->stream, &reader, &data), CUSGD_ERROR_DATA, "row 2 lacks a value");
    assert_released(m, 3);
    m = with_gaps();
    reader.encode.missing = CUSGD_MISSING_DROP;
    assert_works(cusgd_data_arrow(&m->stream, &reader, &data));
    cr_assert_eq(data->view.n, 2);
    cr_assert_eq(matrix_at(&data->view.x, 1, 0), 4);
    cr_assert(strstr(cusgd_data_note(data, 0), "3 of 5 rows lack a value"));
    cusgd_data_free(data);
    assert_released(m, 3);
    m = with_gaps();
    reader.encode.missing = CUSGD_MISSING_MEAN; /* of the four rows that have a target */
    assert_works(cusgd_data_arrow(&m->stream, &reader, &data));
    cr_assert_eq(data->view.n, 4);
    cr_assert_eq(data->view.d, 4); /* a, missing(a), b, missing(b) */
    cr_assert_float_eq(matrix_at(&data->view.x, 1, 0), (1 + 3 + 4) / 3., 1e-15);
    cr_assert_eq(matrix_at(&data->view.x, 1, 1), 1);
    cr_assert_float_eq(matrix_at(&data->view.x, 2, 2), (1 + 2 + 4) / 3., 1e-15);
    cusgd_data_free(data);
    assert_released(m, 3);
}

Test(arrow, what_is_refused)
{
    static const int64_t odd[] = {1, INT64_C(9007199254740993), 3, 4, 5};
    cusgd_data *data;
    made *m = begin(1);
    put(m, 0, add(m, "x", "l"), 5, NULL, odd, NULL);
    put(m, 0, add(m, "y", "g"), 5, NULL, targets, NULL);
    assert_fails(cusgd_data_arrow(&m->stream, NULL, &data), CUSGD_ERROR_DATA, "row 2, column 'x': its integer is beyond 2^53");
    cr_assert_null(data);
    assert_released(m, 3);
    m = begin(1);
    put(m, 0, add(m, "x", "d:10,2"), 5, NULL, odd, NULL);
    put(m, 0, add(m, "y", "g"), 5, NULL, targets, NULL);
    assert_fails(cusgd_data_arrow(&m->stream, NULL, &data), CUSGD_ERROR_DATA,
                 "column 'x' is of a type that is not read (Arrow's format d:10,2)");
    assert_released(m, 2);
    m = begin(3);
    m->fails = 1;
    put(m, 0, add(m, "x", "g"), 5, NULL, targets, NULL);
    put(m, 0, add(m, "y", "g"), 5, NULL, targets, NULL);
    assert_fails(cusgd_data_arrow(&m->stream, NULL, &data), CUSGD_ERROR_DATA, "table: cannot be read: the wire broke");
    assert_released(m, 3);
    m = begin(0);
    add(m, "x", "g");
    add(m, "y", "g");
    assert_fails(cusgd_data_arrow(&m->stream, NULL, &data), CUSGD_ERROR_DATA, "has no rows");
    assert_fails(cusgd_data_arrow(&m->stream, NULL, &data), CUSGD_ERROR_USAGE, "released before");
    assert_released(m, 2);
}

/* A stream of one column of texts, as the three buffers have them, and of targets. */
static made *of_texts(const char *format, const void *ends, const void *characters)
{
    made *m = begin(1);
    put(m, 0, add(m, "text", format), 2, NULL, ends, characters);
    put(m, 0, add(m, "y", "g"), 2, NULL, targets, NULL);
    return m;
}

/* Ends that go backwards, begin below 0, or have no characters; views of a buffer that is not there, and beyond one's end. */
Test(arrow, texts_that_lie_outside_of_their_characters)
{
    static const int32_t backwards[] = {0, 3, 1}, below[] = {0, -2, 1};
    static const int64_t large[] = {0, 1, -1};
    static const int64_t sizes[] = {20};
    static const struct view {
        int32_t length;
        char start[4];
        int32_t buffer, at;
    } views[][2] = {{{13, "abcd", 0, 7}, {13, "abcd", 0, 8}},
                    {{13, "abcd", 0, 7}, {13, "abcd", 1, 0}},
                    {{13, "abcd", 0, 7}, {13, "abcd", -1, 0}},
                    {{13, "abcd", 0, 7}, {13, "abcd", 0, -1}},
                    {{1, "a", 0, 0}, {-1, "a", 0, 0}}};
    enum { TEXTS = 4, VIEWS = sizeof views / sizeof *views };
    for (size_t i = 0; i < TEXTS + VIEWS; i++) {
        made *m = i == 0   ? of_texts("u", backwards, "abc")
                  : i == 1 ? of_texts("u", below, "abc")
                  : i == 2 ? of_texts("U", large, "abc")
                  : i == 3 ? of_texts("u", (const int32_t[]){0, 0, 1}, NULL)
                           : of_texts("vu", views[i - TEXTS], "abcdefghijklmnopqrst");
        cusgd_data *data;
        cusgd_reader reader = CUSGD_INIT(cusgd_reader);
        reader.encode.categorical = (const char *const[]){"text"};
        reader.encode.categorical_count = 1;
        m->buffers[0][0][3] = sizes;
        assert_fails(cusgd_data_arrow(&m->stream, &reader, &data), CUSGD_ERROR_DATA,
                     ", column 'text': its text lies outside of the column's characters: the table is damaged");
        assert_released(m, 3);
    }
}

Test(arrow, columns_that_are_shorter_than_their_part)
{
    for (int i = 0; i < 6; i++) {
        cusgd_data *data;
        made *m = begin(1);
        put(m, 0, add(m, "x", i == 5 ? "C" : "g"), 5, NULL, targets, NULL);
        put(m, 0, add(m, "y", "g"), 5, NULL, targets, NULL);
        m->damage = i;
        if (i == 5) m->fields[0].dictionary = &m->words;
        m->words.format = "g";
        assert_fails(cusgd_data_arrow(&m->stream, NULL, &data), CUSGD_ERROR_DATA,
                     i == 0   ? "rows that are missing as a whole"
                     : i == 1 ? "a negative number of rows"
                              : "column 'x' has fewer rows than the part");
        assert_released(m, 3);
    }
}
