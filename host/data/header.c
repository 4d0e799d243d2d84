#include "header.h"

#include "data.h"
#include "failure.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

char *field_copy(const field *f, cusgd_status *status)
{
    char shown[SHOWN_BYTES], *copy = NULL;
    if (!text_is_utf8(f->text, f->length))
        *status = fail(CUSGD_ERROR_DATA, "'%s' is not UTF-8 text: save the file as UTF-8", text_show(f->text, f->length, shown));
    else if (!(copy = strndup(f->text, f->length)))
        *status = fail_memory(f->length + 1, "a name");
    return copy;
}

static void free_cells(field *cells, int64_t count)
{
    for (int64_t j = 0; cells && j < count; j++) free((void *)cells[j].text);
    free(cells);
}

void opening_free(opening *o)
{
    for (int i = 0; i < 2; i++) free_cells(o->cells[i], o->count[i]);
    o->cells[0] = o->cells[1] = NULL;
}

/* The fields of the next record, each with a copy of its text. *cells is NULL on failure and at the file's end. */
static cusgd_status read_cells(scanner *s, field **cells, int64_t *count)
{
    int more;
    *cells = NULL;
    *count = 0;
    cusgd_status status = scan_record(s, &more);
    while (!status && more) {
        field f;
        field *larger = allocate_next(*cells, (size_t)*count, sizeof f, "the first lines");
        if (larger) *cells = larger;
        status = larger ? scan_field(s, &f) : CUSGD_ERROR_MEMORY;
        if (status) break;
        char *copy = allocate(f.length + 1, 1);
        if (!copy) status = fail_memory(f.length + 1, "the first lines");
        if (!copy) break;
        memcpy(copy, f.text, f.length);
        f.text = copy;
        (*cells)[(*count)++] = f;
        more = !f.last;
    }
    if (!status) return CUSGD_OK;
    free_cells(*cells, *count);
    *cells = NULL;
    return status;
}

/* ---- Whether the first line is a header ---------------------------------------------------------------------------------- */

/* What the first line shows, column by column compared with the second. */
typedef struct evidence {
    int numbers;     /* there are numbers in the first line */
    int64_t number;  /* the first of them */
    int texts;       /* text stands where roles want numbers, in both lines or in a file of one line */
    int texts_over;  /* likewise, and the second line has no text there: a name above its values */
    int target_over; /* the target is text above a number */
    int any_text;    /* there is text in a column other than the target, or below */
} evidence;

static evidence compare_lines(const opening *o, const columns *numbered)
{
    evidence e = {.numbers = 0};
    for (int64_t j = 0; j < o->count[0]; j++) {
        enum role role = numbered->at[j].role;
        enum field_kind first = field_kind(&o->cells[0][j]);
        int below = j < o->count[1], numeric = role == ROLE_FEATURE || role == ROLE_WEIGHT || role == ROLE_OFFSET;
        enum field_kind second = below ? field_kind(&o->cells[1][j]) : FIELD_NUMBER;
        if (first == FIELD_NUMBER && role != ROLE_IGNORED && !e.numbers++) e.number = j;
        if (first == FIELD_MISSING && second == FIELD_TEXT && role != ROLE_TARGET)
            e.any_text = 1; /* as an index without a name */
        if (first != FIELD_TEXT) continue;
        e.texts |= numeric;
        e.texts_over |= numeric && second != FIELD_TEXT;
        e.target_over |= role == ROLE_TARGET && below && second == FIELD_NUMBER;
        e.any_text |= role != ROLE_TARGET;
    }
    return e;
}

/* A first row of data must not be lost: the line is a header if a column is asked for that has no such number, or if there is
 * text in it where numbers are wanted and either it holds no number, or numbers stand below that text. Marks of missing values
 * are no evidence. A header that holds numbers is noted, since nothing but the text speaks for it. */
static cusgd_status find_header(opening *o, const cusgd_reader *reader, const char *source)
{
    columns numbered;
    cusgd_status status = columns_create(&numbered, o->count[0]);
    if (!status) status = columns_choose(&numbered, reader);
    o->header = status != CUSGD_OK;
    if (!status) {
        evidence e = compare_lines(o, &numbered);
        o->header = e.texts_over || (e.texts && !e.numbers) || (e.target_over && (!e.numbers || e.any_text));
        char shown[SHOWN_BYTES];
        const field *f = &o->cells[0][e.number];
        if (o->header && e.numbers)
            snprintf(o->note, sizeof o->note,
                     "%s:%" PRId64 ": the first line is taken for a header, though there are numbers in it (column %" PRId64
                     " is named '%s'): if it is a row of data, say --header no",
                     source, f->line, e.number + 1, text_show(f->text, f->length, shown));
    }
    o->doubtful = o->header;
    for (int64_t j = 0; o->doubtful && j < o->count[0]; j++) o->doubtful = field_kind(&o->cells[0][j]) == FIELD_NUMBER;
    columns_free(&numbered);
    return status == CUSGD_ERROR_MEMORY ? status : CUSGD_OK;
}

static cusgd_status take_names(const opening *o, const char *source, columns *c)
{
    cusgd_status status = CUSGD_OK;
    for (int64_t j = 0; j < c->count; j++) {
        field name = o->cells[0][j];
        field_trim(&name);
        if (j == 0 && !name.quoted && name.length > 2 && memcmp(name.text, "# ", 2) == 0) { /* as numpy.savetxt writes a header */
            name.text += 2;
            name.length -= 2;
        }
        c->at[j].name = field_copy(&name, &status);
        if (status) return fail_in(status, "%s:%" PRId64 ":%" PRId64, source, name.line, j + 1);
    }
    c->named = 1;
    return CUSGD_OK;
}

/* Where the header alone fills the sample that the dialect was found in, the first row shows the decimal mark. */
static void settle_decimal(scanner *s, opening *o)
{
    int commas = 0, points = 0;
    double ignored;
    for (int64_t j = 0; j < o->count[1]; j++) {
        const field *f = &o->cells[1][j];
        int number = number_parse(f->text, f->length, &ignored);
        points += number && memchr(f->text, '.', f->length) != NULL;
        commas += !number && number_parse_comma(f->text, f->length, &ignored);
    }
    if (commas == 0 || points > 0) return;
    s->dialect.decimal = ',';
    for (int i = 0; i < 2; i++)
        for (int64_t j = 0; j < o->count[i]; j++) o->cells[i][j].comma = 1;
}

cusgd_status opening_read(scanner *s, const cusgd_reader *reader, opening *o, columns *c)
{
    *o = (opening){.header = reader->header == CUSGD_HEADER_YES};
    *c = (columns){.count = 0};
    cusgd_status status = read_cells(s, &o->cells[0], &o->count[0]);
    if (!status && o->count[0] == 0 && s->dialect.skip > 0)
        status = fail(CUSGD_ERROR_DATA, "%s: no row is left behind the first %" PRId64 " line%s: give a smaller --skip",
                      s->source, s->dialect.skip, s->dialect.skip == 1 ? "" : "s");
    else if (!status && o->count[0] == 0)
        status = fail(CUSGD_ERROR_DATA, "%s: is empty", s->source);
    s->width = o->count[0];
    if (!status) status = read_cells(s, &o->cells[1], &o->count[1]);
    if (!status && s->doubts_decimal) settle_decimal(s, o);
    if (!status && reader->header == CUSGD_HEADER_AUTO) status = find_header(o, reader, s->source);
    if (!status) status = columns_create(c, o->count[0]);
    if (!status && o->header) status = take_names(o, s->source, c);
    if (!status) return CUSGD_OK;
    opening_free(o);
    columns_free(c);
    return status;
}
