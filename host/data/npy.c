/* NumPy's .npy files: a header that is a Python dictionary, then the elements. */
#include "data.h"
#include "elements.h"
#include "failure.h"
#include "interrupt.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- Reading ------------------------------------------------------------------------------------------------------------- */

typedef struct header {
    char descr[32];
    int structured; /* descr is a list: a record array */
    int fortran;
    int dimensions;
    int64_t shape[2]; /* of the first two dimensions */
    int seen;         /* bits: descr, fortran_order, shape */
} header;

/* What is left of the dictionary's text. */
typedef struct cursor {
    const char *at, *end;
} cursor;

static void skip_blanks(cursor *c)
{
    while (c->at < c->end && (*c->at == ' ' || *c->at == '\n')) c->at++;
}

static int take(cursor *c, char expected)
{
    skip_blanks(c);
    if (c->at == c->end || *c->at != expected) return 0;
    c->at++;
    return 1;
}

static int take_word(cursor *c, const char *word)
{
    size_t length = strlen(word);
    skip_blanks(c);
    if ((size_t)(c->end - c->at) < length || memcmp(c->at, word, length) != 0) return 0;
    c->at += length;
    return 1;
}

static int take_string(cursor *c, char *text, size_t size)
{
    char quote = take(c, '\'') ? '\'' : '"';
    if (quote == '"' && !take(c, '"')) return 0;
    size_t length = 0;
    for (; c->at < c->end && *c->at != quote; c->at++) {
        if (*c->at < ' ' || *c->at > '~' || *c->at == '\\' || length + 1 == size) return 0;
        text[length++] = *c->at;
    }
    text[length] = '\0';
    return take(c, quote);
}

static int take_integer(cursor *c, int64_t *value)
{
    skip_blanks(c);
    const char *start = c->at;
    *value = 0;
    for (; c->at < c->end && *c->at >= '0' && *c->at <= '9'; c->at++) {
        if (*value > (INT64_MAX - 9) / 10) return 0;
        *value = *value * 10 + (*c->at - '0');
    }
    return c->at > start;
}

/* (), (3,), (3, 4), ... */
static int take_shape(cursor *c, header *h)
{
    int comma = 1;
    if (!take(c, '(')) return 0;
    while (!take(c, ')')) {
        int64_t length;
        if (!comma || !take_integer(c, &length)) return 0;
        if (h->dimensions < 2) h->shape[h->dimensions] = length;
        if (++h->dimensions > 32) return 0;
        comma = take(c, ',');
    }
    return h->dimensions != 1 || comma; /* (3) is a number */
}

static int take_descr(cursor *c, header *h)
{
    skip_blanks(c);
    h->structured = c->at < c->end && *c->at == '[';
    if (!h->structured) return take_string(c, h->descr, sizeof h->descr);
    while (c->at < c->end && *c->at != ']') c->at++; /* enough to say what it is: it is refused */
    return take(c, ']');
}

static int take_entry(cursor *c, header *h)
{
    char key[16];
    if (!take_string(c, key, sizeof key) || !take(c, ':')) return 0;
    int bit = strcmp(key, "descr") == 0 ? 1 : strcmp(key, "fortran_order") == 0 ? 2 : strcmp(key, "shape") == 0 ? 4 : 0;
    if (bit == 0 || (h->seen & bit)) return 0;
    h->seen |= bit;
    if (bit == 1) return take_descr(c, h);
    if (bit == 4) return take_shape(c, h);
    h->fortran = take_word(c, "True");
    return h->fortran || take_word(c, "False");
}

/* {'descr': '<f8', 'fortran_order': False, 'shape': (3, 4), } with its keys in any order, then blanks alone. */
static int parse_dictionary(const char *text, size_t length, header *h)
{
    cursor c = {text, text + length};
    int comma = 1;
    if (!take(&c, '{')) return 0;
    while (!take(&c, '}')) {
        if (!comma || !take_entry(&c, h)) return 0;
        comma = take(&c, ',');
    }
    skip_blanks(&c);
    return c.at == c.end && h->seen == 7;
}

/* The sizes of what precedes the elements: magic, version and length; then the dictionary. 0 if the file is none of ours. */
static size_t preamble_size(const unsigned char *bytes, size_t size, size_t *dictionary)
{
    if (size < 10 || memcmp(bytes, "\x93NUMPY", 6) != 0 || bytes[6] < 1 || bytes[6] > 3 || bytes[7] != 0) return 0;
    size_t preamble = bytes[6] == 1 ? 10 : 12;
    if (size < preamble) return 0;
    *dictionary = bytes[8] | (size_t)bytes[9] << 8;
    if (preamble == 12) *dictionary |= (size_t)bytes[10] << 16 | (size_t)bytes[11] << 24;
    return *dictionary <= size - preamble ? preamble : 0;
}

static cusgd_status check_type(const char *path, const header *h, elements *e)
{
    if (h->structured)
        return fail(CUSGD_ERROR_DATA,
                    "%s: holds records: save their fields as the columns of a plain array, as "
                    "numpy.lib.recfunctions.structured_to_unstructured(a) makes it",
                    path);
    *e = elements_of(h->descr);
    if (e->kind) return CUSGD_OK;
    return fail(CUSGD_ERROR_DATA, "%s: holds elements of type '%s', which are not read: %s", path, h->descr,
                elements_advice(h->descr));
}

/* The elements' shape, and that the file has exactly them. */
static cusgd_status check_shape(const char *path, const header *h, const elements *e, size_t bytes)
{
    if (h->dimensions < 1 || h->dimensions > 2)
        return fail(CUSGD_ERROR_DATA, "%s: has %d dimensions: 1 or 2 are wanted", path, h->dimensions);
    uint64_t rows = (uint64_t)h->shape[0], cols = (uint64_t)h->shape[1];
    if (h->dimensions == 1) cols = 1;
    if (rows == 0 || cols == 0) return fail(CUSGD_ERROR_DATA, "%s: is an empty array", path);
    if (rows <= bytes / e->bytes / cols && rows * cols * e->bytes == bytes) return CUSGD_OK;
    return fail(CUSGD_ERROR_DATA,
                "%s: has %zu bytes of elements, but its header says %" PRIu64 " x %" PRIu64
                " of %zu bytes each: it is cut short or damaged",
                path, bytes, rows, cols, e->bytes);
}

static cusgd_status check_header(const char *path, const void *mapping, size_t size, header *h, elements *e, size_t *start)
{
    size_t dictionary = 0, preamble = preamble_size(mapping, size, &dictionary);
    if (preamble == 0) return fail(CUSGD_ERROR_DATA, "%s: is not a .npy file, or its beginning is damaged", path);
    *start = preamble + dictionary;
    if (!parse_dictionary((const char *)mapping + preamble, dictionary, h))
        return fail(CUSGD_ERROR_DATA, "%s: its header is malformed", path);
    cusgd_status status = check_type(path, h, e);
    return status ? status : check_shape(path, h, e, size - *start);
}

static cusgd_status fail_inexact(const char *path, const header *h, int64_t at)
{
    int64_t cols = h->dimensions == 2 ? h->shape[1] : 1, rows = h->shape[0];
    return fail(CUSGD_ERROR_DATA,
                "%s: row %" PRId64 ", column %" PRId64 ": its integer is beyond 2^53 and has no exact float64: subtract a "
                "constant before saving, as in a - a.min(), or save a.astype('<f8') if rounding it does no harm",
                path, (h->fortran ? at % rows : at / cols) + 1, (h->fortran ? at / rows : at % cols) + 1);
}

/* The elements as numbers in memory, in their order, in the place of what the array owned. */
static cusgd_status convert(const char *path, const header *h, const elements *e, const unsigned char *from, npy_array *a)
{
    enum { PIECE = 1 << 20 }; /* elements between questions whether to stop */
    int64_t count = h->shape[0] * (h->dimensions == 2 ? h->shape[1] : 1);
    size_t element = type_bytes(elements_type(e));
    void *memory = allocate_aligned((size_t)count, element);
    if (!memory) return fail_memory((size_t)count * element, path);
    cusgd_status status = CUSGD_OK;
    int64_t inexact = -1;
    for (int64_t first = 0; first < count && inexact < 0 && !status; first += PIECE) {
        inexact = elements_convert(e, from + (size_t)first * e->bytes, count - first < PIECE ? count - first : PIECE,
                                   (char *)memory + (size_t)first * element);
        if (inexact >= 0) inexact += first;
        if (interrupt_asked()) status = fail_interrupted();
    }
    cusgd_status files = file_check(a->mapping);
    if (files) status = files;
    if (!status && inexact >= 0) status = fail_inexact(path, h, inexact);
    file_unmap(a->mapping);
    free(a->memory);
    a->mapping = NULL;
    a->memory = memory;
    return status;
}

cusgd_status npy_take(const char *path, const void *bytes, size_t size, npy_array *out)
{
    header h = {0};
    elements e = {0};
    size_t start = 0;
    cusgd_status status = check_header(path, bytes, size, &h, &e, &start);
    if (!status) {
        const unsigned char *at = (const unsigned char *)bytes + start;
        out->rows = h.shape[0];
        out->cols = h.dimensions == 2 ? h.shape[1] : 0;
        int64_t row_stride = out->cols && !h.fortran ? out->cols : 1, col_stride = h.fortran ? out->rows : 1;
        int stays = e.kind == 'f' && e.bytes >= 4 && e.native && (uintptr_t)at % e.bytes == 0;
        if (!stays) status = convert(path, &h, &e, at, out);
        out->matrix = (cusgd_matrix){stays ? (const void *)at : out->memory, elements_type(&e), row_stride, col_stride};
    }
    cusgd_status files = file_check(out->mapping);
    if (files) status = files;
    if (!status) return CUSGD_OK;
    file_unmap(out->mapping);
    free(out->memory);
    out->mapping = out->memory = NULL;
    return status;
}

cusgd_status npy_open(const char *path, npy_array *out)
{
    size_t bytes = 0;
    *out = (npy_array){0};
    cusgd_status status = file_map(path, &out->mapping, &bytes);
    return status ? status : npy_take(path, out->mapping, bytes, out);
}

cusgd_status npy_map_integers(const char *path, npy_integers *out)
{
    header h = {0};
    elements e = {0};
    size_t bytes = 0, start = 0;
    *out = (npy_integers){0};
    cusgd_status status = file_map(path, &out->mapping, &bytes);
    if (!status) status = check_header(path, out->mapping, bytes, &h, &e, &start);
    const unsigned char *at = (const unsigned char *)out->mapping + start;
    if (!status && (h.dimensions != 1 || e.kind != 'i' || e.bytes < 4 || !e.native || (uintptr_t)at % e.bytes != 0))
        status =
            fail(CUSGD_ERROR_DATA, "%s: is no row of int32 or int64: numpy.save(NAME, a.astype(\"<i8\")) makes it one", path);
    cusgd_status files = file_check(out->mapping);
    if (files) status = files;
    if (!status) {
        out->at = at;
        out->count = h.shape[0];
        out->wide = e.bytes == 8;
        return CUSGD_OK;
    }
    file_unmap(out->mapping);
    out->mapping = NULL;
    return status;
}

/* ---- Writing ------------------------------------------------------------------------------------------------------------- */

enum { WRITER_BYTES = 1 << 16 };
struct npy_writer {
    replacement *file;
    size_t element;
    int64_t left; /* elements still to come */
    size_t used;  /* of what is not yet in the file, so that a few elements are no call of the system's */
    char buffer[WRITER_BYTES];
};

/* Version 1; the elements start at a multiple of 64 bytes, as NumPy has it. */
static cusgd_status put_header(replacement *file, const char *descr, int64_t rows, int64_t cols)
{
    char text[256], shape[64];
    if (cols)
        snprintf(shape, sizeof shape, "(%" PRId64 ", %" PRId64 ")", rows, cols);
    else
        snprintf(shape, sizeof shape, "(%" PRId64 ",)", rows);
    memcpy(text, "\x93NUMPY\x01\x00", 8);
    int length = snprintf(text + 10, sizeof text - 10, "{'descr': '%s', 'fortran_order': False, 'shape': %s, }", descr, shape);
    size_t used = 10 + (size_t)length, whole = (used + 1 + 63) / 64 * 64;
    memset(text + used, ' ', whole - used);
    text[whole - 1] = '\n';
    text[8] = (char)((whole - 10) & 0xFF);
    text[9] = (char)((whole - 10) >> 8);
    return replacement_write(file, text, whole);
}

static cusgd_status create(const char *path, const char *descr, int64_t rows, int64_t cols, npy_writer **out)
{
    *out = NULL;
    npy_writer *writer = allocate(1, sizeof *writer);
    if (!writer) return fail_memory(sizeof *writer, "writing a file");
    writer->file = NULL;
    writer->used = 0;
    writer->element = (size_t)(descr[2] - '0');
    writer->left = rows * (cols ? cols : 1);
    cusgd_status status = replacement_open(path, &writer->file);
    if (!status) status = put_header(writer->file, descr, rows, cols);
    if (status) {
        npy_abandon(writer);
        return status;
    }
    *out = writer;
    return CUSGD_OK;
}

cusgd_status npy_create(const char *path, cusgd_type type, int64_t rows, int64_t cols, npy_writer **out)
{
    return create(path, type == CUSGD_TYPE_FLOAT32 ? "<f4" : "<f8", rows, cols, out);
}

cusgd_status npy_create_integers(const char *path, int wide, int64_t count, npy_writer **out)
{
    return create(path, wide ? "<i8" : "<i4", count, 0, out);
}

static cusgd_status flush(npy_writer *writer)
{
    size_t used = writer->used;
    writer->used = 0;
    return used ? replacement_write(writer->file, writer->buffer, used) : CUSGD_OK;
}

cusgd_status npy_append(npy_writer *writer, const void *values, int64_t count)
{
    if (count > writer->left) return fail(CUSGD_ERROR_USAGE, "more elements than the .npy file's shape has");
    writer->left -= count;
    size_t bytes = (size_t)count * writer->element;
    cusgd_status status = writer->used + bytes > WRITER_BYTES ? flush(writer) : CUSGD_OK;
    if (status || bytes > WRITER_BYTES) return status ? status : replacement_write(writer->file, values, bytes);
    memcpy(writer->buffer + writer->used, values, bytes);
    writer->used += bytes;
    return CUSGD_OK;
}

cusgd_status npy_complete(npy_writer *writer)
{
    cusgd_status status = flush(writer);
    return status ? status : replacement_complete(writer->file);
}

cusgd_status npy_close(npy_writer *writer)
{
    if (writer->left > 0) {
        npy_abandon(writer);
        return fail(CUSGD_ERROR_USAGE, "fewer elements than the .npy file's shape has");
    }
    cusgd_status status = flush(writer);
    if (status) {
        npy_abandon(writer);
        return status;
    }
    status = replacement_commit(writer->file);
    free(writer);
    return status;
}

void npy_abandon(npy_writer *writer)
{
    if (!writer) return;
    replacement_abandon(writer->file);
    free(writer);
}
