/* `cusgd info` of tables: the roles of the columns, and what kind of values they have. */
#include "info.h"

#include <string.h>

/* The columns of a table that have a role, in their order. */
typedef struct of_role {
    const cusgd_table *table;
    cusgd_role role;
} of_role;

/* Returns the column's number, from 1; 0: there is none. */
static int64_t find_place(const of_role *r, int64_t place, cusgd_table_column *column)
{
    for (int64_t j = 0; cusgd_table_at(r->table, j, column); j++)
        if (column->role == r->role && column->place == place) return j + 1;
    return 0;
}

static const char *table_name(const void *of, int64_t j)
{
    cusgd_table_column column = CUSGD_INIT(cusgd_table_column);
    return find_place(of, j, &column) ? column.name : NULL;
}

static int64_t table_number(const void *of, int64_t j)
{
    cusgd_table_column column = CUSGD_INIT(cusgd_table_column);
    return find_place(of, j, &column);
}

static void put_role(const char *title, const cusgd_table *table, cusgd_role role)
{
    of_role r = {table, role};
    named_columns s = {&r, 0, table_name, table_number};
    cusgd_table_column column = CUSGD_INIT(cusgd_table_column);
    for (int64_t j = 0; cusgd_table_at(table, j, &column); j++) s.count += column.role == role;
    info_put_names(title, &s);
}

/* "offset    years", if there is one. */
static void put_single(const char *title, const cusgd_table *table, cusgd_role role)
{
    of_role r = {table, role};
    cusgd_table_column column = CUSGD_INIT(cusgd_table_column);
    int64_t number = find_place(&r, 0, &column);
    if (number && column.name) printf("%-10s%s\n", title, shown(column.name));
    if (number && !column.name) printf("%-10scolumn %lld\n", title, (long long)number);
}

enum { KIND_BYTES = 80, KIND_WIDTH = 16, NAME_WIDTH = 32 };

/* "category of 3" */
static const char *kind_text(const cusgd_table_column *c, char text[KIND_BYTES])
{
    static const char *const words[] = {"empty", "number",   "boolean",    "category",     "date", "text",
                                        "mixed", "constant", "row number", "marked number"}; /* in the enumeration's order */
    long long different = c->different;
    int length = snprintf(text, KIND_BYTES, "%s", words[c->kind]);
    char *end = text + length;
    size_t room = KIND_BYTES - (size_t)length;
    if (c->kind == CUSGD_COLUMN_CATEGORY) snprintf(end, room, " of %lld", different);
    if (c->kind == CUSGD_COLUMN_TEXT && different >= 1000) snprintf(end, room, " (over %lld)", different);
    if (c->kind == CUSGD_COLUMN_MIXED) snprintf(end, room, " (%lld texts, %lld different)", (long long)c->texts, different);
    return text;
}

/* In characters: bytes that go on with one do not count. */
static int width_of(const char *text)
{
    int width = 0;
    for (; *text; text++) width += ((unsigned char)*text & 0xC0) != 0x80;
    return width;
}

/* A field of a table, two blanks behind it. */
static void put_padded(const char *text, int width)
{
    printf("%s%*s", text, width > width_of(text) ? width - width_of(text) + 2 : 2, "");
}

/* Every column: its kind, how many values are missing, the first different ones. */
static void put_columns(const cusgd_table *table)
{
    cusgd_table_column c = CUSGD_INIT(cusgd_table_column);
    char kind[KIND_BYTES];
    int names = 4, kinds = KIND_WIDTH;
    for (int64_t j = 0; cusgd_table_at(table, j, &c); j++) {
        int name = c.name ? width_of(shown(c.name)) : 0, length = width_of(kind_text(&c, kind));
        names = name > names ? name : names;
        kinds = length > kinds ? length : kinds;
    }
    if (names > NAME_WIDTH) names = NAME_WIDTH;
    printf("\n%6s  %-*s  %-*s  %9s  %s\n", "COLUMN", names, "NAME", kinds, "KIND", "MISSING", "FIRST VALUES");
    for (int64_t j = 0; cusgd_table_at(table, j, &c); j++) {
        printf("%6lld  ", (long long)j + 1);
        put_padded(c.name ? shown(c.name) : "", names);
        put_padded(kind_text(&c, kind), kinds);
        printf("%9lld  %s\n", (long long)c.missing, c.values);
    }
}

static void put_format(const cusgd_table *table)
{
    cusgd_dialect written;
    int header;
    cusgd_table_format(table, &written, &header);
    char one[] = {written.separator, '\0'};
    const char *separator = written.separator == ','    ? "commas"
                            : written.separator == ';'  ? "semicolons"
                            : written.separator == '\t' ? "tabs"
                            : written.separator == ' '  ? "blanks"
                            : written.separator == '|'  ? "vertical bars"
                                                        : one;
    printf("%-10sseparated by %s, decimal %ss, %s\n", "format", separator, written.decimal == ',' ? "comma" : "point",
           header ? "a header" : "no header");
}

/* Prints why train refuses the file, if the file can be read twice. Only an error in the data is a reason to refuse it. */
static int put_refusal(const char *path, const cusgd_reader *reader)
{
    cusgd_data *data;
    if (strcmp(path, "-") == 0) return CUSGD_OK;
    cusgd_status opened = cusgd_data_open(path, reader, &data);
    cusgd_data_free(data);
    if (opened && opened != CUSGD_ERROR_DATA) return complain_last(opened);
    if (opened) fprintf(stderr, "note: train refuses this file as it is: %s\n", cusgd_last_error());
    return CUSGD_OK;
}

int info_describe_table(const char *path, const cusgd_reader *reader)
{
    cusgd_table *table;
    const char *note;
    cusgd_status opened = cusgd_table_open(path, reader, &table);
    if (opened) return complain_last(opened);
    printf("%-10s%lld\n", "rows", (long long)cusgd_table_rows(table));
    put_format(table);
    put_role("features", table, CUSGD_ROLE_FEATURE);
    put_role("outputs", table, CUSGD_ROLE_TARGET);
    put_single(reader->roles.exposure ? "exposure" : "offset", table, CUSGD_ROLE_OFFSET);
    put_single("weights", table, CUSGD_ROLE_WEIGHTS);
    put_columns(table);
    info_put_options(path, cusgd_table_options(table));
    for (size_t i = 0; (note = cusgd_table_note(table, i)) != NULL; i++) fprintf(stderr, "note: %s\n", shown(note));
    cusgd_table_free(table);
    return put_refusal(path, reader);
}
