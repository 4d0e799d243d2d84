/* Reading a stream of Arrow: its schema, then its chunks. */
#include "arrow_table.h"
#include "data.h"
#include "failure.h"
#include "public.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static cusgd_status fail_stream(struct ArrowArrayStream *stream, int code, const char *source)
{
    const char *why = stream->get_last_error ? stream->get_last_error(stream) : NULL;
    return fail(CUSGD_ERROR_DATA, "%s: cannot be read: %s", source, why ? why : strerror(code));
}

static void table_free(arrow_table *t)
{
    for (int64_t j = 0; t->at && j < t->columns.count; j++) texts_free(&t->at[j].texts);
    columns_free(&t->columns);
    free(t->at);
    encoding_free(t->encoding);
    free(t->x);
    free(t->y);
    free(t->w);
    free(t->o);
}

/* The columns' names and types. */
static cusgd_status take_schema(arrow_table *t, const struct ArrowSchema *schema)
{
    if (!schema->format || strcmp(schema->format, "+s") != 0)
        return fail(CUSGD_ERROR_DATA, "%s: is no table of Arrow, but an array of the format %.40s", t->source,
                    schema->format ? schema->format : "none");
    if (schema->n_children < 1) return fail(CUSGD_ERROR_DATA, "%s: has no columns", t->source);
    cusgd_status status = columns_create(&t->columns, schema->n_children);
    t->at = allocate_zeroed((size_t)schema->n_children, sizeof *t->at);
    if (!status && !t->at) status = fail_memory((size_t)schema->n_children * sizeof *t->at, "the columns of a table");
    t->columns.named = 1;
    for (int64_t j = 0; j < schema->n_children && !status; j++) {
        const char *name = schema->children[j]->name ? schema->children[j]->name : "";
        t->at[j].type = arrow_type_of(schema->children[j]);
        if (!text_is_utf8(name, strlen(name)))
            status = fail(CUSGD_ERROR_DATA, "%s: the name of column %" PRId64 " is not UTF-8", t->source, j + 1);
        else if (!(t->columns.at[j].name = strdup(name)))
            status = fail_memory(strlen(name) + 1, "a name");
    }
    return status;
}

static cusgd_status check_types(const arrow_table *t, const struct ArrowSchema *schema)
{
    char where[COLUMN_BYTES];
    for (int64_t j = 0; j < t->columns.count; j++)
        if (t->columns.at[j].role > ROLE_IGNORED && t->at[j].type.kind == ARROW_OTHER)
            return fail(CUSGD_ERROR_DATA,
                        "%s: column %s is of a type that is not read (Arrow's format %.40s): cast it, or leave it out", t->source,
                        column_show(&t->columns, j, where), schema->children[j]->format);
    return CUSGD_OK;
}

/* A target of text is of classes. */
static cusgd_status begin_classes(arrow_table *t)
{
    cusgd_status status = CUSGD_OK;
    for (int64_t j = 0; j < t->columns.count; j++) {
        if (t->columns.at[j].role != ROLE_TARGET || t->at[j].type.kind != ARROW_TEXT) continue;
        t->classed = 1;
        for (int64_t i = 0; i < reader_classes(t->reader) && !status; i++)
            status = texts_put(&t->at[j].texts, t->reader->classes[i]);
    }
    return status;
}

static cusgd_status read_schema(arrow_table *t, struct ArrowArrayStream *stream)
{
    struct ArrowSchema schema = {.release = NULL};
    int code = stream->get_schema(stream, &schema);
    if (code) return fail_stream(stream, code, t->source);
    cusgd_status status = take_schema(t, &schema);
    if (!status) {
        status = columns_choose(&t->columns, t->reader);
        if (status) status = fail_in(status, "%s", t->source);
    }
    if (!status) status = check_types(t, &schema);
    if (!status) status = begin_classes(t);
    if (schema.release) schema.release(&schema);
    return status;
}

static cusgd_status read_chunks(arrow_table *t, struct ArrowArrayStream *stream)
{
    cusgd_status status = CUSGD_OK;
    for (int more = 1; more && !status;) {
        struct ArrowArray chunk = {.release = NULL};
        int code = stream->get_next(stream, &chunk);
        if (code) return fail_stream(stream, code, t->source);
        more = chunk.release != NULL;
        if (more) status = arrow_add(t, &chunk);
        if (more) chunk.release(&chunk);
    }
    return status;
}

static cusgd_missing missing_of(const cusgd_reader *reader)
{
    if (reader->encode.missing != CUSGD_MISSING_DEFAULT) return reader->encode.missing;
    return reader->encoding ? reader->encoding->missing : CUSGD_MISSING_ERROR;
}

static cusgd_status read_table(struct ArrowArrayStream *stream, const cusgd_reader *reader, cusgd_data *data)
{
    arrow_table t = {.reader = reader, .source = data->source, .missing = missing_of(reader)};
    if (reader->encode.polynomial < 0 || reader->encode.polynomial > MAX_DEGREE)
        return fail(CUSGD_ERROR_USAGE, "a polynomial has a degree of 1 to %d, not %d", MAX_DEGREE, reader->encode.polynomial);
    if (t.missing == CUSGD_MISSING_KEEP) t.missing = CUSGD_MISSING_ERROR;
    cusgd_status status = encoding_copy(reader->encoding, &t.encoding);
    if (!status) status = read_schema(&t, stream);
    if (!status) status = read_chunks(&t, stream);
    if (!status) status = arrow_settle(&t, data);
    table_free(&t);
    return status;
}

cusgd_status data_arrow(struct ArrowArrayStream *stream, const cusgd_reader *reader, cusgd_data **out)
{
    cusgd_reader usual = CUSGD_INIT(cusgd_reader);
    if (!stream || !stream->release) return fail(CUSGD_ERROR_USAGE, "the stream is NULL, or was released before");
    if (!reader) reader = &usual;
    cusgd_status status = reader->roles.trials
                              ? fail(CUSGD_ERROR_USAGE, "trials are read from files alone: split the targets afterwards")
                              : data_create("table", out);
    if (!status) status = read_table(stream, reader, *out);
    stream->release(stream);
    if (!status && reader->classes) status = data_apply_classes(*out, reader->classes, reader_classes(reader));
    if (!status && reader->find_classes) status = cusgd_data_find_classes(*out, NULL);
    if (!status) return CUSGD_OK;
    cusgd_data_free(*out);
    *out = NULL;
    return status;
}
