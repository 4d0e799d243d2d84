/* Describes a CSV file column by column, whatever it contains. */
#include "table.h"

#include "data.h"
#include "failure.h"
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

void cusgd_table_free(cusgd_table *table)
{
    if (!table) return;
    for (int64_t j = 0; table->at && j < table->columns.count; j++) texts_free(&table->at[j].words);
    columns_free(&table->columns);
    free(table->at);
    free(table->options);
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
    const char *quote = strchr(shown, ',') ? "\"" : ""; /* else one value would look like two */
    snprintf(d->values + length, sizeof d->values - length, "%s%s%s%s", d->shown ? ", " : "", quote, shown, quote);
    strcpy(d->last[d->shown++], shown);
}

/* Adds a number to the first different ones if there is room. */
static void add_number(description *d, double value, int64_t row)
{
    d->counts_rows = d->counts_rows && value == d->first + (double)row && d->first == floor(d->first);
    d->counts = d->counts && value >= 0 && value == floor(value);
    d->has_zero |= value == 0;
    if (d->different > MAX_DIFFERENT) return;
    for (int i = 0; i < d->different; i++)
        if (d->number[i] == value) return;
    if (d->different < MAX_DIFFERENT) d->number[d->different] = value;
    d->different++;
}

static void add_date(description *d, field f)
{
    double value;
    field_trim(&f);
    enum date_reading reading = date_parse(f.text, f.length, DATE_ORDER_OPEN, &value);
    d->dates.count += reading != DATE_NONE;
    if (reading == DATE_OPEN) d->dates.order = (d->dates.open++ ? d->dates.order : DATE_ORDER_OPEN) & date_orders(value);
}

static cusgd_status add_text(description *d, const field *f)
{
    int64_t ignored;
    int pair = -1, value;
    field word = *f;
    field_trim(&word);
    int is_boolean = text_is_boolean(word.text, word.length, &pair, &value);
    if (d->texts++ == 0) {
        d->pair = pair;
        d->first_text.line = f->line;
        text_show(word.text, word.length, d->first_text.shown);
    }
    d->booleans += is_boolean && pair == d->pair;
    add_date(d, *f);
    if (!text_is_utf8(word.text, word.length)) return CUSGD_OK; /* described, all the same */
    return texts_add(&d->words, *f, &ignored);
}

/* Takes a row's value into the digest: a number's bits, a text's bytes, nothing for what is missing. Multiplying by an odd number
 * and folding the high half down loses nothing, so that rows cannot cancel each other. */
static void add_to_digest(description *d, const field *f, double value, int number, int missing)
{
    uint64_t bits = 0;
    value += 0.0; /* -0 becomes 0 */
    if (number && !missing) memcpy(&bits, &value, sizeof bits);
    for (size_t i = 0; !number && !missing && i < f->length; i++)
        bits = (bits ^ (unsigned char)f->text[i]) * UINT64_C(1099511628211);
    d->digest = (d->digest ^ (bits + (missing ? 1 : 2))) * UINT64_C(0x9E3779B97F4A7C15);
    d->digest ^= d->digest >> 32;
}

static cusgd_status add_field(cusgd_table *t, int64_t j, const field *f)
{
    description *d = &t->at[j];
    double value = 0;
    int number = field_number(f, &value), missing = number ? !isfinite(value) : field_is_missing(*f);
    add_to_digest(d, f, value, number, missing);
    if (d->shown < VALUES_SHOWN && !(missing && f->length == 0)) add_value(d, *f);
    if (missing) {
        d->missing++;
        return CUSGD_OK;
    }
    if (!number) return add_text(d, f);
    if (d->numbers++ == 0) {
        d->first = value;
        d->counts_rows = t->rows == 0 && (value == 0 || value == 1 || (t->columns.named && is_index_name(t->columns.at[j].name)));
        d->counts = 1;
    }
    add_number(d, value, t->rows);
    return CUSGD_OK;
}

/* Ends a row of `count` fields; further columns lack a value. */
static void end_row(cusgd_table *t, int64_t line, int64_t count)
{
    for (int64_t j = count; j < t->columns.count; j++) t->at[j].missing++;
    if (count != t->columns.count && t->ragged++ == 0) t->ragged_line = line;
    t->rows++;
}

static cusgd_status add_cells(cusgd_table *t, const field *cells, int64_t count)
{
    cusgd_status status = CUSGD_OK;
    for (int64_t j = 0; j < count && j < t->columns.count && !status; j++) status = add_field(t, j, &cells[j]);
    if (!status) end_row(t, cells[0].line, count);
    return status;
}

static cusgd_status add_row(cusgd_table *t, scanner *s)
{
    field f = {.last = 0};
    int64_t count = 0, line = s->line;
    while (!f.last) {
        cusgd_status status = scan_field(s, &f);
        if (!status && count < t->columns.count) status = add_field(t, count, &f);
        if (status) return status;
        count++;
    }
    end_row(t, line, count);
    return CUSGD_OK;
}

/* Adds the rows. If the file cannot be read further, ends with a note. */
static cusgd_status add_rows(cusgd_table *t, scanner *s, const opening *o)
{
    int more = 1;
    cusgd_status status = CUSGD_OK;
    for (int i = o->header; !status && i < 2 && o->cells[i]; i++) status = add_cells(t, o->cells[i], o->count[i]);
    while (!status && !(status = scan_record(s, &more)) && more) status = add_row(t, s);
    if ((status && status != CUSGD_ERROR_DATA) || (status && kind_is_other(s->source, s->sample, s->sample_count))) return status;
    if (status) return data_note(t->notes, "%s: nothing from there on is described", cusgd_last_error());
    if (t->ragged == 0) return CUSGD_OK;
    if (kind_is_other(s->source, s->sample, s->sample_count)) return CUSGD_ERROR_DATA;
    return data_note(t->notes, "%s:%" PRId64 ": the row has not %" PRId64 " fields as the first line (%" PRId64 " such row%s)",
                     s->source, t->ragged_line, t->columns.count, t->ragged, t->ragged == 1 ? "" : "s");
}

/* Columns that were asked for must be there; a file that has too few for features and a target can be described all the same. */
static cusgd_status choose(cusgd_table *t, const cusgd_reader *reader, const scanner *s, int64_t line)
{
    int asked = reader->roles.target_count || reader->roles.feature_count || reader->roles.ignore_count ||
                reader->roles.weights || reader->roles.offset || reader->roles.exposure;
    cusgd_status status = columns_choose(&t->columns, reader);
    if (status != CUSGD_ERROR_DATA || kind_is_other(s->source, s->sample, s->sample_count)) return status;
    return asked ? fail_in(status, "%s:%" PRId64, s->source, line) : CUSGD_OK;
}

static cusgd_status describe(cusgd_table *t, const char *path, const cusgd_reader *reader)
{
    scanner s;
    opening o;
    const dialect given = dialect_of(reader);
    t->order = date_order_of(reader->encode.date_order);
    cusgd_status status = scan_open(&s, path, t->notes->source, &given, reader->lines_before);
    if (status) return status;
    status = opening_read(&s, reader, &o, &t->columns);
    if (!status) {
        t->at = allocate_zeroed((size_t)t->columns.count, sizeof *t->at);
        if (!t->at) status = fail_memory((size_t)t->columns.count * sizeof *t->at, "the columns' description");
        if (!status) status = choose(t, reader, &s, o.cells[0][0].line);
        if (!status && *o.note) status = data_note(t->notes, "%s", o.note);
        if (!status) status = add_rows(t, &s, &o);
        for (int64_t j = 0; !status && j < t->columns.count; j++)
            t->at[j].marked = t->at[j].dates.count < t->at[j].texts && texts_are_marked(&t->at[j].words, &t->at[j].marks);
        if (!status && t->rows == 0 && t->columns.count == 1)
            status = fail(CUSGD_ERROR_DATA, "%s: is no table: it has one line and no columns", s.source);
        t->header = o.header;
        t->dialect = s.dialect;
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
    if (reader) usual = *reader;
    if (usual.roles.trials) usual.roles.weights = usual.roles.trials; /* where the line for train has them */
    if (!status) status = describe(t, path, &usual);
    if (!status) status = table_note_columns(t);
    if (!status) status = table_find_options(t, &usual);
    if (!status) return CUSGD_OK;
    cusgd_table_free(t);
    *out = NULL;
    return status;
}

int64_t cusgd_table_rows(const cusgd_table *table) { return table ? table->rows : 0; }
int64_t cusgd_table_cols(const cusgd_table *table) { return table ? table->columns.count : 0; }
void cusgd_table_format(const cusgd_table *table, cusgd_dialect *written, int *header)
{
    if (!table) return;
    *written = table->dialect;
    *header = table->header;
}

const char *cusgd_table_options(const cusgd_table *table) { return table ? table->options : NULL; }

const char *cusgd_table_note(const cusgd_table *table, size_t index)
{
    return table ? cusgd_data_note(table->notes, index) : NULL;
}

int table_at(const cusgd_table *table, int64_t j, cusgd_table_column *out)
{
    static const cusgd_role roles[] = {
        [ROLE_NONE] = CUSGD_ROLE_NONE,     [ROLE_IGNORED] = CUSGD_ROLE_IGNORED, [ROLE_WEIGHT] = CUSGD_ROLE_WEIGHTS,
        [ROLE_OFFSET] = CUSGD_ROLE_OFFSET, [ROLE_TARGET] = CUSGD_ROLE_TARGET,   [ROLE_FEATURE] = CUSGD_ROLE_FEATURE};
    if (j < 0 || j >= table->columns.count) return 0;
    const column *c = &table->columns.at[j];
    const description *d = &table->at[j];
    *out = (cusgd_table_column){sizeof *out, c->name,   roles[c->role],       c->at,         d->numbers, d->missing,
                                d->texts,    d->values, table_kind(table, j), d->words.count};
    return 1;
}
