#include "reading.h"

#include "cli.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <unistd.h>

void reading_arguments(reading *r, argument table[READING_ARGUMENTS])
{
    *r = (reading){.header = "auto"};
    const argument all[READING_ARGUMENTS] = {
        {0, "strict", NULL, NULL, "an unknown category or a missing value in a row to predict is an error", TAKES_NOTHING,
         &r->strict},
        {0, "header", "auto|yes|no", "auto", "whether a CSV's first line names its columns", TAKES_TEXT, &r->header},
        {0, "features", "COL,...", "all others", "columns of x by name or number, quoted as in a CSV", TAKES_COLUMNS,
         &r->features},
        {0, "ignore", "COL,...", "none", "columns to leave out", TAKES_COLUMNS, &r->ignore},
        {0, "offset", "COL", "none", "column added to x theta + b, its coefficient 1", TAKES_TEXT, &r->offset},
        {0, "exposure", "COL", "none", "likewise its logarithm, for log links; > 0", TAKES_TEXT, &r->exposure},
        {0, "separator", "comma|semicolon|tab|blank|pipe|CHAR", "found", "what separates a CSV's columns", TAKES_TEXT,
         &r->written.separator},
        {0, "decimal", "point|comma", "found", "a CSV's decimal mark", TAKES_TEXT, &r->written.decimal},
        {0, "thousands", "comma|point|blank|apostrophe", "none", "what separates the thousands in a CSV's numbers", TAKES_TEXT,
         &r->written.thousands},
        {0, "skip", "N", "0", "lines before a CSV's header or first row to pass over", TAKES_TEXT, &r->written.skip},
        {0, "index-base", "auto|0|1", "auto; the model's", "LIBSVM text: the first column's index", TAKES_TEXT, &r->indexed.base},
        {0, "columns", "D", "the largest index", "LIBSVM text: how many columns", TAKES_TEXT, &r->indexed.columns},
        {0, "sparse", "auto|yes|no", "auto; the model's", "store x without its zeros; auto: as the file is", TAKES_TEXT,
         &r->sparse},
        {0, "dataset", "x=/PATH,y=/PATH", "x, y, w, offset, exposure", "HDF5: the arrays to read", TAKES_TEXT, &r->datasets},
        {0, "target", "COL", "the last", "column of y; -1 is the last; may repeat", TAKES_TEXTS, &r->targets},
        {0, "weights", "COL", "none", "column of the rows' weights", TAKES_TEXT, &r->weights},
        {0, "trials", "COL", "none", "numbers of trials, of which the targets are parts", TAKES_TEXT, &r->trials},
        {0, "missing", "auto|error|drop|mean", "auto; the model's", "rows that lack a value; auto: drop up to 5 %", TAKES_TEXT,
         &r->missing},
        {0, "categorical", "auto|none|COL,...", "auto", "columns of categories, a 0/1 column each; auto: repeated text",
         TAKES_COLUMNS, &r->categorical},
        {0, "date", "COL,...", "none", "columns of dates: their year, month, weekday, days", TAKES_COLUMNS, &r->dates.columns},
        {0, "date-order", "found|day-first|month-first", "found", "which comes first in dates like 5/3/2024", TAKES_TEXT,
         &r->dates.order},
        {0, "polynomial", "DEGREE", "1", "add powers of the features up to this one", TAKES_COUNT, &r->polynomial},
        {0, "interactions", NULL, NULL, "with --polynomial: products of different features, too", TAKES_NOTHING,
         &r->interactions},
    };
    memcpy(table, all, sizeof all);
}

void reading_free(reading *r)
{
    text_list_free(&r->targets);
    text_list_free(&r->features);
    text_list_free(&r->ignore);
    text_list_free(&r->categorical);
    text_list_free(&r->dates.columns);
    text_list_free(&r->class_weights);
}

static int header_from_word(const char *word, cusgd_header *header)
{
    static const char *const words[] = {"auto", "yes", "no"}; /* in the enumeration's order */
    for (int i = 0; i < 3; i++) {
        if (strcmp(word, words[i]) != 0) continue;
        *header = (cusgd_header)i;
        return 1;
    }
    return 0;
}

/* The byte that a word or a character stands for; -1: none. */
static int byte_from_word(const char *word)
{
    static const struct {
        const char *word;
        char byte;
    } words[] = {{"comma", ','}, {"semicolon", ';'}, {"tab", '\t'},  {"\\t", '\t'},       {"blank", ' '},
                 {"space", ' '}, {"pipe", '|'},      {"point", '.'}, {"apostrophe", '\''}};
    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        if (strcmp(word, words[i].word) == 0) return words[i].byte;
    return word[0] != '\0' && word[1] == '\0' && (unsigned char)word[0] < 127 ? word[0] : -1;
}

static int read_dialect(const reading *r, const syntax *s, cusgd_reader *reader)
{
    int separator = r->written.separator ? byte_from_word(r->written.separator) : 0,
        decimal = r->written.decimal ? byte_from_word(r->written.decimal) : 0;
    if (separator < 0 || separator == '"' || separator == '.' || separator == '\n' || separator == '\r')
        return complain_usage(s, "separator must be comma, semicolon, tab, blank, pipe or one character, not \"%s\"",
                              r->written.separator);
    if (r->written.decimal && decimal != '.' && decimal != ',')
        return complain_usage(s, "decimal must be point or comma, not \"%s\"", r->written.decimal);
    int thousands = r->written.thousands ? byte_from_word(r->written.thousands) : 0;
    if (r->written.thousands && (thousands <= 0 || !strchr(",. '", thousands)))
        return complain_usage(s, "thousands must be comma, point, blank or apostrophe, not \"%s\"", r->written.thousands);
    if (r->written.thousands && thousands == decimal)
        return complain_usage(s, "--thousands and --decimal name the same mark: give each its own");
    if (r->written.skip && (*r->written.skip == '\0' || r->written.skip[strspn(r->written.skip, "0123456789")] != '\0' ||
                            strlen(r->written.skip) > 9))
        return complain_usage(s, "skip must be a whole number from 0 to 999999999, not \"%s\"", r->written.skip);
    reader->dialect.separator = (char)separator;
    reader->dialect.decimal = (char)decimal;
    reader->dialect.thousands = (char)thousands;
    if (r->written.skip) reader->dialect.skip = strtol(r->written.skip, NULL, 10) ? strtol(r->written.skip, NULL, 10) : -1;
    return CUSGD_OK;
}

static int read_encoding(reading *r, const syntax *s, const cusgd_model *model, cusgd_reader *reader)
{
    static const char *const words[] = {"", "error", "drop", "mean", "", "auto"}; /* in the enumeration's order */
    static const char *const orders[] = {"found", "day-first", "month-first"};
    size_t kept = 0;
    int known = r->missing == NULL, ordered = r->dates.order == NULL;
    reader->encode.missing = model ? CUSGD_MISSING_DEFAULT : CUSGD_MISSING_AUTO; /* the choice of the model */
    reader->encode.categorical_auto = !model;
    for (int i = 1; r->missing && i < 6; i++) {
        if (i == CUSGD_MISSING_KEEP || strcmp(r->missing, words[i]) != 0) continue;
        reader->encode.missing = (cusgd_missing)i;
        known = 1;
    }
    if (!known) return complain_usage(s, "missing must be auto, error, drop or mean, not \"%s\"", r->missing);
    for (size_t i = 0; i < r->categorical.count; i++) {
        const char *column = r->categorical.at[i];
        int is_none = strcmp(column, "none") == 0;
        if (is_none) reader->encode.categorical_auto = 0;
        if (!is_none && strcmp(column, "auto") != 0) r->categorical.at[kept++] = column;
    }
    r->categorical.count = kept;
    reader->encode.categorical = r->categorical.at;
    reader->encode.categorical_count = kept;
    reader->encode.strict = r->strict;
    reader->encode.dates = r->dates.columns.at;
    reader->encode.date_count = r->dates.columns.count;
    for (int i = 0; i < 3; i++)
        if (r->dates.order && strcmp(r->dates.order, orders[i]) == 0)
            reader->encode.date_order = (cusgd_date_order)i, ordered = 1;
    if (!ordered) return complain_usage(s, "date-order must be found, day-first or month-first, not \"%s\"", r->dates.order);
    if (r->polynomial > 10)
        return complain_usage(s, "--polynomial takes a degree of 1 to 10, not %lld", (long long)r->polynomial);
    if (r->interactions && r->polynomial < 2)
        return complain_usage(s, "--interactions is for a --polynomial of degree 2 or more");
    reader->encode.polynomial = (int)r->polynomial;
    reader->encode.interactions = r->interactions;
    if (!s->options) return CUSGD_OK;
    char loss[CUSGD_OPTION_TEXT];
    cusgd_options_get(s->options, "loss", loss);
    reader->find_classes = cusgd_loss_find(loss)->targets == CUSGD_TARGET_CLASS;
    if (strcmp(loss, "softmax") == 0 || option_is(s->options, "classes", "softmax")) reader->find_classes = CUSGD_CLASSES_SPLIT;
    reader->encode.all_levels = option_number(s->options, "l2") > 0;
    return CUSGD_OK;
}

static int ends_with_one(const char *path, const char *const *endings)
{
    size_t length = strlen(path);
    for (; *endings; endings++) {
        size_t tail = strlen(*endings);
        if (length > tail && strcasecmp(path + length - tail, *endings) == 0) return 1;
    }
    return 0;
}

static int is_folder(const char *path)
{
    struct stat there;
    return stat(path, &there) == 0 && S_ISDIR(there.st_mode);
}

/* Returns whether the content is HDF5; a pipe is not examined. */
static int is_hdf5(const char *path)
{
    struct stat there;
    char start[8] = "";
    FILE *file = stat(path, &there) == 0 && S_ISREG(there.st_mode) ? fopen(path, "rb") : NULL;
    size_t count = file ? fread(start, 1, sizeof start, file) : 0;
    if (file) fclose(file);
    return count == sizeof start && memcmp(start, "\x89HDF\r\n\x1A\n", sizeof start) == 0;
}

int is_arrays(const char *path)
{
    static const char *const endings[] = {".npy", ".npz", NULL};
    return ends_with_one(path, endings) || is_folder(path) || is_hdf5(path);
}

int is_data_name(const char *path)
{
    static const char *const endings[] = {".csv", ".tsv", ".tab", ".psv", ".txt", ".dat", ".data", ".gz", ".zst", NULL};
    return strcmp(path, "-") == 0 || is_arrays(path) || cusgd_file_is_libsvm(path) || ends_with_one(path, endings);
}

static int read_indexed(const indexed_text *t, const syntax *s, cusgd_reader *reader)
{
    static const char *const bases[] = {"auto", "0", "1"};
    static const cusgd_index_base values[] = {CUSGD_INDEX_AUTO, CUSGD_INDEX_ZERO, CUSGD_INDEX_ONE};
    const char *columns = t->columns;
    if (columns) reader->columns = strtol(columns, NULL, 10);
    if (columns && (*columns == '\0' || columns[strspn(columns, "0123456789")] != '\0' || reader->columns < 1 ||
                    reader->columns > INT32_MAX))
        return complain_usage(s, "columns must be a whole number from 1 to %d, not \"%s\"", INT32_MAX, columns);
    if (!t->base) return CUSGD_OK;
    for (size_t i = 0; i < sizeof bases / sizeof *bases; i++) {
        if (strcmp(t->base, bases[i]) != 0) continue;
        reader->index_base = values[i];
        return CUSGD_OK;
    }
    return complain_usage(s, "index-base must be auto, 0 or 1, not \"%s\"", t->base);
}

static int read_sparse(const reading *r, const syntax *s, cusgd_reader *reader)
{
    static const char *const words[] = {"auto", "no", "yes"}; /* in the enumeration's order */
    for (int i = 0; r->sparse && i < 3; i++) {
        if (strcmp(words[i], r->sparse) != 0) continue;
        reader->encode.sparse = (cusgd_sparse)i;
        return CUSGD_OK;
    }
    return r->sparse ? complain_usage(s, "sparse must be auto, yes or no, not \"%s\"", r->sparse) : CUSGD_OK;
}

/* Stores arrays of the table with more bytes (0: the default) in a file until the command ends. */
static void spill_from(cusgd_reader *reader, int64_t bytes)
{
    const char *folder = getenv("TMPDIR");
    if (!folder || !*folder) folder = "/var/tmp";
    if (access(folder, W_OK) != 0) return;
    reader->spill = folder;
    reader->spill_bytes = bytes;
}

/* A table may be larger than memory; but training without a budget has its rows in memory. The pages of a file take several
 * times as long to fill as memory does, so that arrays of a moderate size stay there. */
static void choose_spill(const syntax *s, cusgd_reader *reader)
{
    enum { PARTS = 8 /* parts of the budget, of which an array of the table takes at most one */, USUAL = 1 << 28 };
    double memory = s->options ? option_number(s->options, "memory") : 0;
    if (!s->options || memory > 0) spill_from(reader, memory > 0 ? (int64_t)(memory / PARTS) : USUAL);
}

void reading_spill_shared(const cusgd_world *world, cusgd_reader *reader)
{
    if (cusgd_world_ranks(world) > 1 && !reader->spill) spill_from(reader, 0);
}

static int is_table(const char *path)
{
    return strcmp(path, "-") == 0 || (access(path, R_OK) == 0 && !is_arrays(path) && !cusgd_file_is_libsvm(path));
}

int reading_reader(reading *r, const syntax *s, const char *path, const cusgd_model *model, cusgd_reader *reader)
{
    *reader = CUSGD_INIT(cusgd_reader);
    if ((is_arrays(path) || cusgd_file_is_libsvm(path)) &&
        (r->targets.count || r->features.count || r->ignore.count || r->weights || r->trials || r->offset || r->exposure ||
         r->written.separator || r->written.decimal || r->written.thousands || r->written.skip || r->missing ||
         r->categorical.count || r->dates.columns.count || r->dates.order || r->polynomial || strcmp(r->header, "auto") != 0))
        return complain_usage(
            s,
            "%s is not a CSV: --header, --features, --ignore, --offset, --exposure, --target, --weights, --trials, "
            "--separator, --decimal, --thousands, --skip, --missing, --categorical, --date, --date-order and --polynomial are "
            "about a CSV's "
            "columns",
            path);
    if ((r->indexed.columns || r->indexed.base) && is_table(path))
        return complain_usage(s,
                              "--columns and --index-base are for LIBSVM text and folders of sparse rows, and %s is read as a "
                              "table: LIBSVM text is called NAME.svm, or its first row is LABEL INDEX:VALUE ...",
                              path);
    if (r->datasets && !is_hdf5(path)) return complain_usage(s, "--dataset is for HDF5, and %s is no such file", path);
    if (r->offset && r->exposure) return complain_usage(s, "--exposure is a --offset of its logarithms: give one of them");
    if (!header_from_word(r->header, &reader->header))
        return complain_usage(s, "header must be auto, yes or no, not \"%s\"", r->header);
    int status = read_dialect(r, s, reader);
    if (!status) status = read_encoding(r, s, model, reader);
    if (!status) status = read_indexed(&r->indexed, s, reader);
    if (!status) status = read_sparse(r, s, reader);
    if (status) return status;
    choose_spill(s, reader);
    reader->datasets = r->datasets;
    double threads = s->options ? option_number(s->options, "threads") : 0;
    reader->threads = threads >= 1 ? (int)threads : 0; /* not a number: the fastest */
    reader->roles.targets = r->targets.at;
    reader->roles.target_count = r->targets.count;
    reader->roles.ignore = r->ignore.at;
    reader->roles.ignore_count = r->ignore.count;
    reader->roles.weights = r->weights;
    reader->roles.trials = r->trials;
    if (r->weights && r->trials) return complain_usage(s, "--trials are weights: give --trials or --weights");
    reader->roles.offset = r->offset;
    reader->roles.exposure = r->exposure;
    if (model) cusgd_model_reader(model, reader);
    int named = reader->header != CUSGD_HEADER_NO; /* without a header, names do not help */
    if (r->features.count || !named) {
        reader->roles.features = r->features.at;
        reader->roles.feature_count = r->features.count;
    }
    if (!named) {
        reader->roles.offset = r->offset;
        reader->roles.exposure = r->exposure;
        reader->roles.targets = r->targets.at;
        reader->roles.target_count = r->targets.count;
    }
    return CUSGD_OK;
}

int reading_open(cusgd_world *world, const char *path, const cusgd_reader *reader, int quiet, cusgd_data **out)
{
    cusgd_status status = cusgd_data_open_shared(world, path, reader, out);
    if (status) return complain_last(status);
    if (!quiet) put_data_notes(*out);
    return CUSGD_OK;
}

int reading_open_alike(cusgd_world *world, const char *path, const cusgd_data *first, cusgd_reader reader, int quiet,
                       cusgd_data **out)
{
    cusgd_data_reader(first, &reader);
    return reading_open(world, path, &reader, quiet, out);
}
