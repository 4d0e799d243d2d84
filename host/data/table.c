/* A CSV file described column by column, whatever stands in it. */
#include "data.h"
#include "error.h"
#include "header.h"
#include "kind.h"
#include "layout.h"
#include "notes.h"
#include "public.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { VALUES_SHOWN = 3 };

typedef struct description {
    int64_t numbers, missing, texts;
    int shown;                            /* how many values are listed */
    char last[VALUES_SHOWN][SHOWN_BYTES]; /* they, each for itself */
    char values[VALUES_SHOWN * (SHOWN_BYTES + 2)];
} description;

struct cusgd_table {
    columns columns;
    description *at; /* one a column */
    int64_t rows;
    cusgd_data *notes; /* holds the notes and the file's name, nothing else */
};

void cusgd_table_free(cusgd_table *table)
{
    if (!table) return;
    columns_free(&table->columns);
    free(table->at);
    cusgd_data_free(table->notes);
    free(table);
}

static void add_value(description *d, field f)
{
    char shown[SHOWN_BYTES];
    field_trim(&f);
    text_show(f.text, f.length, shown);
    for (int i = 0; i < d->shown; i++)
        if (strcmp(d->last[i], shown) == 0) return;
    size_t length = strlen(d->values);
    snprintf(d->values + length, sizeof d->values - length, "%s%s", d->shown ? ", " : "", shown);
    strcpy(d->last[d->shown++], shown);
}

static void add_field(cusgd_table *t, int64_t j, const field *f)
{
    description *d = &t->at[j];
    double value;
    int number = field_number(f, &value), missing = number ? !isfinite(value) : field_is_missing(*f);
    d->numbers += number && !missing;
    d->missing += missing;
    d->texts += !number && !missing;
    if (d->shown < VALUES_SHOWN && !(missing && f->length == 0)) add_value(d, *f);
}

static cusgd_status fail_row(const cusgd_table *t, const char *source, int64_t line, int64_t count)
{
    return fail(CUSGD_ERROR_DATA, "%s:%" PRId64 ": the row has %s %" PRId64 " fields, where the first line has %" PRId64, source,
                line, count < t->columns.count ? "only" : "more than", count < t->columns.count ? count : t->columns.count,
                t->columns.count);
}

static cusgd_status add_cells(cusgd_table *t, const char *source, const field *cells, int64_t count)
{
    if (count != t->columns.count) return fail_row(t, source, cells[0].line, count);
    for (int64_t j = 0; j < count; j++) add_field(t, j, &cells[j]);
    t->rows++;
    return CUSGD_OK;
}

static cusgd_status add_row(cusgd_table *t, scanner *s)
{
    field f;
    for (int64_t j = 0; j < t->columns.count; j++) {
        cusgd_status status = scan_field(s, &f);
        if (!status && f.last != (j == t->columns.count - 1))
            status = fail_row(t, s->source, f.line, f.last ? j + 1 : t->columns.count + 1);
        if (status) return status;
        add_field(t, j, &f);
    }
    t->rows++;
    return CUSGD_OK;
}

/* Describing ends at the first row that cannot be read, with a note. */
static cusgd_status add_rows(cusgd_table *t, scanner *s, const opening *o)
{
    int more = 1;
    cusgd_status status = CUSGD_OK;
    for (int i = o->header; !status && i < 2 && o->cells[i]; i++) status = add_cells(t, s->source, o->cells[i], o->count[i]);
    while (!status && !(status = scan_record(s, &more)) && more) status = add_row(t, s);
    if (status != CUSGD_ERROR_DATA || kind_is_other(s->source, s->sample, s->sample_count)) return status;
    return data_note(t->notes, "%s: nothing from there on is described", cusgd_last_error());
}

/* Columns that were asked for must be there; a file that has too few for features and a target can be described all the same. */
static cusgd_status choose(cusgd_table *t, const cusgd_reader *reader, const scanner *s, int64_t line)
{
    int asked = reader->target_count || reader->feature_count || reader->ignore_count || reader->weights || reader->offset ||
                reader->exposure;
    cusgd_status status = columns_choose(&t->columns, reader);
    if (status != CUSGD_ERROR_DATA || kind_is_other(s->source, s->sample, s->sample_count)) return status;
    return asked ? fail_in(status, "%s:%" PRId64, s->source, line) : CUSGD_OK;
}

static cusgd_status describe(cusgd_table *t, const char *path, const cusgd_reader *reader)
{
    scanner s;
    opening o;
    const dialect given = dialect_of(reader);
    cusgd_status status = scan_open(&s, path, t->notes->source, &given);
    if (status) return status;
    status = opening_read(&s, reader, &o, &t->columns);
    if (!status) {
        t->at = allocate_zeroed((size_t)t->columns.count, sizeof *t->at);
        if (!t->at) status = fail_memory((size_t)t->columns.count * sizeof *t->at, "the columns' description");
        if (!status) status = choose(t, reader, &s, o.cells[0][0].line);
        if (!status && *o.note) status = data_note(t->notes, "%s", o.note);
        if (!status) status = add_rows(t, &s, &o);
        if (!status && t->rows == 0 && t->columns.count == 1)
            status = fail(CUSGD_ERROR_DATA, "%s: is no table: it has one line and no columns", s.source);
        opening_free(&o);
    } else {
        kind_explain(status, s.source, s.sample, s.sample_count);
    }
    scan_close(&s);
    return status;
}

cusgd_status table_open(const char *path, const cusgd_reader *reader, cusgd_table **out)
{
    cusgd_reader usual = CUSGD_INIT(cusgd_reader);
    cusgd_table *t = *out = allocate_zeroed(1, sizeof *t);
    if (!t) return fail_memory(sizeof *t, "a table's description");
    cusgd_status status = data_create(strcmp(path, "-") == 0 ? "standard input" : path, &t->notes);
    if (!status) status = describe(t, path, reader ? reader : &usual);
    if (!status) return CUSGD_OK;
    cusgd_table_free(t);
    *out = NULL;
    return status;
}

int64_t cusgd_table_rows(const cusgd_table *table) { return table->rows; }
int64_t cusgd_table_cols(const cusgd_table *table) { return table->columns.count; }
const char *cusgd_table_note(const cusgd_table *table, size_t index) { return cusgd_data_note(table->notes, index); }

int table_at(const cusgd_table *table, int64_t j, cusgd_table_column *out)
{
    static const cusgd_role roles[] = {
        [ROLE_NONE] = CUSGD_ROLE_NONE,     [ROLE_IGNORED] = CUSGD_ROLE_IGNORED, [ROLE_WEIGHT] = CUSGD_ROLE_WEIGHTS,
        [ROLE_OFFSET] = CUSGD_ROLE_OFFSET, [ROLE_TARGET] = CUSGD_ROLE_TARGET,   [ROLE_FEATURE] = CUSGD_ROLE_FEATURE};
    if (j < 0 || j >= table->columns.count) return 0;
    const column *c = &table->columns.at[j];
    const description *d = &table->at[j];
    *out = (cusgd_table_column){sizeof *out, c->name, roles[c->role], c->at, d->numbers, d->missing, d->texts, d->values};
    return 1;
}
