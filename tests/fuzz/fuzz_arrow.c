/* A stream of Arrow made of the input's bytes. Its memory is as Arrow's C interface promises it: each buffer has room for its
 * array's rows, each text's end lies inside of the characters, or below 0, and dictionaries are where the schema says so. All
 * else, such as lengths, offsets, codes and counts of what is missing, is what the bytes say. */
#include "fuzz.h"

#include "cusgd_tools.h"
#include "data/arrow.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MOST_COLUMNS = 4, MOST_CHUNKS = 3, MOST_BUFFERS = 5, MOST_ROWS = 16, MOST_TAKEN = 256 };

typedef struct bytes_left {
    const uint8_t *at;
    size_t count;
} bytes_left;

typedef struct made_column {
    struct ArrowSchema schema, values, *child;
    char name[8], format[8], values_format[8];
    int has_dictionary;
} made_column;

typedef struct made_stream {
    bytes_left in;
    made_column column[MOST_COLUMNS];
    struct ArrowSchema *fields[MOST_COLUMNS];
    int64_t columns, chunks, next;
    int schemas, arrays, streams; /* that are out */
    void *taken[MOST_TAKEN];      /* memory of the arrays */
    size_t taken_count;
} made_stream;

static uint8_t next_byte(bytes_left *in)
{
    if (in->count == 0) return 0;
    in->count--;
    return *in->at++;
}

static int64_t next_signed(bytes_left *in)
{
    int64_t byte = next_byte(in);
    return byte < 128 ? byte : byte - 256;
}

/* Zeros that the arrays have until they are released, of exactly that size, so that a sanitizer sees a read beyond it. */
static void *take_memory(made_stream *m, size_t size)
{
    void *out = calloc(1, size ? size : 1);
    if (!out || m->taken_count == MOST_TAKEN) abort();
    return m->taken[m->taken_count++] = out;
}

/* The input's next bytes, with zeros behind its last. */
static void *next_buffer(made_stream *m, size_t size)
{
    void *out = take_memory(m, size);
    size_t count = size < m->in.count ? size : m->in.count;
    if (count) memcpy(out, m->in.at, count);
    m->in.at += count;
    m->in.count -= count;
    return out;
}

/* ---- The schema ---- */

static void make_format(made_stream *m, char format[8])
{
    static const char *const known[] = {"c", "C", "s", "S", "i",  "I",   "l",   "L",    "e",    "f",    "g",
                                        "b", "n", "u", "U", "vu", "tdD", "tdm", "tss:", "tsm:", "tsu:", "tsn:Z"};
    enum { KNOWN = sizeof known / sizeof *known };
    uint8_t which = next_byte(&m->in);
    memset(format, 0, 8);
    if (which % 32 < KNOWN)
        strcpy(format, known[which % 32]);
    else
        for (int i = 0; i < which % 8; i++) format[i] = (char)next_byte(&m->in);
}

static void make_column(made_stream *m, made_column *c)
{
    uint8_t choice = next_byte(&m->in);
    for (int i = 0; i < choice % 4; i++) c->name[i] = (char)next_byte(&m->in);
    make_format(m, c->format);
    c->schema = (struct ArrowSchema){.format = c->format, .name = choice & 4 ? NULL : c->name};
    c->has_dictionary = choice >> 3 & 1;
    if (!c->has_dictionary) return;
    make_format(m, c->values_format);
    c->values = (struct ArrowSchema){.format = c->values_format};
    c->schema.dictionary = &c->values;
}

static void release_schema(struct ArrowSchema *s)
{
    ((made_stream *)s->private_data)->schemas--;
    s->release = NULL;
}

static int get_schema(struct ArrowArrayStream *s, struct ArrowSchema *out)
{
    made_stream *m = s->private_data;
    for (int j = 0; j < m->columns; j++) m->fields[j] = &m->column[j].schema;
    *out = (struct ArrowSchema){
        .format = "+s", .n_children = m->columns, .children = m->fields, .release = release_schema, .private_data = m};
    m->schemas++;
    return 0;
}

/* ---- Arrays ---- */

static size_t value_size(const char *format)
{
    if (strchr("cC", *format)) return 1;
    if (strchr("sSe", *format)) return 2;
    if (strchr("iIf", *format) || strcmp(format, "tdD") == 0) return 4;
    return 8;
}

static void limit_ends(void *ends, size_t size, int64_t count, int64_t most)
{
    for (int64_t i = 0; i < count; i++) {
        int32_t *small = (int32_t *)ends + i;
        int64_t *large = (int64_t *)ends + i;
        if (size == sizeof *small && *small > most) *small = (int32_t)most;
        if (size == sizeof *large && *large > most) *large = most;
    }
}

static void make_views(made_stream *m, size_t rows, struct ArrowArray *a)
{
    enum { VIEW_BYTES = 16, MOST_CHARACTERS = 32, FILLED = 2 };
    int64_t *sizes = take_memory(m, FILLED * sizeof *sizes);
    for (int i = 0; i < FILLED; i++) {
        sizes[i] = next_byte(&m->in) % MOST_CHARACTERS;
        a->buffers[2 + i] = next_buffer(m, (size_t)sizes[i]);
    }
    a->buffers[1] = next_buffer(m, rows * VIEW_BYTES);
    a->buffers[2 + FILLED] = sizes;
    a->n_buffers = 3 + FILLED;
}

static void make_texts(made_stream *m, size_t rows, size_t size, struct ArrowArray *a)
{
    enum { MOST_CHARACTERS = 64 };
    size_t characters = next_byte(&m->in) % MOST_CHARACTERS;
    void *ends = next_buffer(m, (rows + 1) * size);
    limit_ends(ends, size, (int64_t)rows + 1, (int64_t)characters);
    a->buffers[1] = ends;
    a->buffers[2] = next_buffer(m, characters);
    a->n_buffers = 3;
}

static void make_buffers(made_stream *m, const char *format, size_t rows, struct ArrowArray *a)
{
    if (strcmp(format, "vu") == 0) {
        make_views(m, rows, a);
    } else if (strcmp(format, "u") == 0 || strcmp(format, "U") == 0) {
        make_texts(m, rows, *format == 'u' ? sizeof(int32_t) : sizeof(int64_t), a);
    } else if (strcmp(format, "n") != 0) {
        a->buffers[1] = next_buffer(m, strcmp(format, "b") == 0 ? (rows + 7) / 8 : rows * value_size(format));
        a->n_buffers = 2;
    }
}

/* Of so many rows, or of others. */
static struct ArrowArray *make_array(made_stream *m, const char *format, int64_t rows)
{
    struct ArrowArray *a = take_memory(m, sizeof *a);
    uint8_t choice = next_byte(&m->in);
    a->length = rows;
    if (choice & 1) a->length = next_signed(&m->in) % (MOST_ROWS + 1);
    if (choice & 2) a->offset = next_signed(&m->in) % (MOST_ROWS + 1);
    int64_t all = (a->length > 0 ? a->length : 0) + (a->offset > 0 ? a->offset : 0);
    a->buffers = take_memory(m, MOST_BUFFERS * sizeof *a->buffers);
    make_buffers(m, format, (size_t)all, a);
    if (choice & 4) {
        a->null_count = next_signed(&m->in);
        a->buffers[0] = choice & 8 ? next_buffer(m, (size_t)(all + 7) / 8) : NULL;
    }
    if (choice >> 4 == 15) a->n_buffers = next_byte(&m->in) % 3;
    return a;
}

static void release_array(struct ArrowArray *a)
{
    made_stream *m = a->private_data;
    m->arrays--;
    a->release = NULL;
    for (size_t i = 0; i < m->taken_count; i++) free(m->taken[i]);
    m->taken_count = 0;
}

static int get_next(struct ArrowArrayStream *s, struct ArrowArray *out)
{
    made_stream *m = s->private_data;
    *out = (struct ArrowArray){.release = NULL};
    if (m->next++ >= m->chunks) return 0;
    uint8_t choice = next_byte(&m->in);
    if (choice == 255) return 5;
    *out = (struct ArrowArray){.length = choice % (MOST_ROWS + 1), .release = release_array, .private_data = m};
    out->offset = choice & 128 ? next_signed(&m->in) % 3 : 0;
    out->n_children = m->columns;
    out->children = take_memory(m, MOST_COLUMNS * sizeof(void *));
    for (int j = 0; j < m->columns; j++) {
        const made_column *c = &m->column[j];
        out->children[j] = make_array(m, c->format, out->length + (out->offset > 0 ? out->offset : 0));
        if (c->has_dictionary) out->children[j]->dictionary = make_array(m, c->values_format, next_byte(&m->in) % 4);
    }
    m->arrays++;
    return 0;
}

static const char *last_error(struct ArrowArrayStream *s)
{
    return ((made_stream *)s->private_data)->chunks > 1 ? "broken" : NULL;
}

static void release_stream(struct ArrowArrayStream *s)
{
    ((made_stream *)s->private_data)->streams--;
    s->release = NULL;
}

static cusgd_reader make_reader(uint8_t a, uint8_t b)
{
    static const char *const names[] = {"y"};
    cusgd_reader reader = CUSGD_INIT(cusgd_reader);
    reader.encode.missing = (cusgd_missing)(a % 8 % 6);
    reader.encode.categorical_auto = a >> 3 & 1;
    reader.encode.all_levels = a >> 4 & 1;
    reader.find_classes = a >> 5 & 1;
    reader.roles.x_only = a >> 6 & 1;
    reader.roles.targets = names;
    reader.roles.target_count = a >> 7;
    reader.encode.categorical = names;
    reader.encode.categorical_count = b >> 5 & 1;
    return reader;
}

/* Two bytes of choices, the columns, then the chunks. */
void feed_arrow(const uint8_t *bytes, size_t size)
{
    cusgd_data *data = NULL;
    made_stream *m = calloc(1, sizeof *m);
    if (!m) abort();
    m->in = (bytes_left){bytes, size};
    uint8_t a = next_byte(&m->in), b = next_byte(&m->in);
    cusgd_reader reader = make_reader(a, b);
    m->columns = 1 + b % MOST_COLUMNS;
    m->chunks = (b >> 2) % (MOST_CHUNKS + 1);
    for (int j = 0; j < m->columns; j++) make_column(m, &m->column[j]);
    m->streams = 1;
    struct ArrowArrayStream stream = {get_schema, get_next, last_error, release_stream, m};
    cusgd_status status = cusgd_data_arrow(&stream, &reader, &data);
    fuzz_check_status(status);
    if ((status == CUSGD_OK) != (data != NULL) || m->streams || m->arrays || m->schemas) {
        fprintf(stderr, "status %d, and %d, %d, %d are not released\n", (int)status, m->streams, m->arrays, m->schemas);
        abort();
    }
    if (data) fuzz_walk(data);
    cusgd_data_free(data);
    free(m);
}
