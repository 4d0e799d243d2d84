#include "arguments.h"
#include "cli.h"
#include "reading.h"
#include "signals.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

typedef struct conversion {
    const char *paths[2]; /* IN, OUT */
    const char *like, *storage, *seed;
    char *spill;
    int all_levels;
    cusgd_folder_options folder;
    reading r;
} conversion;

/* Parses the seed by the option table of train, where it has the same meaning. */
static int take_options(const syntax *s, conversion *c)
{
    cusgd_options *options;
    int status = options_open(&options);
    if (status) return status;
    if ((c->seed && cusgd_options_set(options, "seed", c->seed)) ||
        (c->storage && cusgd_options_set(options, "storage", c->storage)))
        status = complain_usage(s, "%s", cusgd_last_error());
    c->folder.seed = seed_of(options);
    c->folder.bf16 = option_is(options, "storage", "bf16");
    cusgd_options_free(options);
    if (!status && c->seed && !c->folder.shuffle)
        status = complain_usage(s, "--seed is for --shuffle: without it the rows keep their order");
    if (!status && c->r.trials)
        status = complain_usage(s, "--trials splits rows, which a folder cannot say: train on the table itself");
    return status;
}

/* Opens IN in the way that the folder or the model of --like was read. */
static int open_like(const syntax *s, conversion *c, cusgd_data **out)
{
    cusgd_reader reader;
    cusgd_data *first = NULL;
    cusgd_model *model = NULL;
    int is_model = !is_data_name(c->like);
    cusgd_status opened = is_model ? cusgd_model_load(c->like, &model) : cusgd_data_open(c->like, NULL, &first);
    if (opened) return complain_last(opened);
    int status = reading_reader(&c->r, s, c->paths[0], model, &reader);
    reader.spill = c->spill;
    if (!status && is_model) status = reading_open(NULL, c->paths[0], &reader, 0, out);
    if (!status && !is_model) status = reading_open_alike(NULL, c->paths[0], first, reader, 0, out);
    cusgd_data_free(first);
    cusgd_model_free(model);
    return status;
}

/* Finds the folder that will contain OUT, where the values of a table are stored in a temporary file. */
static int find_spill(conversion *c)
{
    const char *out = c->paths[1];
    size_t length = strlen(out);
    while (length > 1 && out[length - 1] == '/') length--;
    while (length > 0 && out[length - 1] != '/') length--;
    c->spill = length ? strndup(out, length) : strdup(".");
    return c->spill ? CUSGD_OK : complain(CUSGD_ERROR_MEMORY, "out of memory");
}

static int open_input(const syntax *s, conversion *c, cusgd_data **out)
{
    cusgd_reader reader;
    size_t length = strlen(c->paths[0]);
    if (c->like) return open_like(s, c, out);
    int status = reading_reader(&c->r, s, c->paths[0], NULL, &reader);
    reader.encode.all_levels = c->all_levels;
    reader.spill = c->spill;
    reader.roles.x_only = length > 4 && strcasecmp(c->paths[0] + length - 4, ".npy") == 0;
    return status ? status : reading_open(NULL, c->paths[0], &reader, 0, out);
}

static int convert(conversion *c, const cusgd_data *data)
{
    enum { FILE_UNIT = 1024 };
    int64_t asked = c->folder.rows_per_file;
    cusgd_status saved = cusgd_data_save(data, c->paths[1], &c->folder);
    if (saved) return complain_last(saved);
    if (asked % FILE_UNIT)
        fprintf(stderr, "note: --rows-per-file %lld is rounded up to %lld, a multiple of %d\n", (long long)asked,
                ((long long)asked / FILE_UNIT + 1) * FILE_UNIT, FILE_UNIT);
    long long rows = cusgd_data_rows(data), targets = cusgd_data_outputs(data), columns = cusgd_data_cols(data);
    fprintf(stderr, "%s: %lld row%s, %lld column%s of x, %lld target%s\n", shown(c->paths[1]), rows, plural(rows), columns,
            plural(columns), targets, plural(targets));
    return CUSGD_OK;
}

int convert_main(int argc, char **argv)
{
    conversion c = {.folder = CUSGD_INIT(cusgd_folder_options)};
    argument reading_table[READING_ARGUMENTS];
    const argument table[] = {
        {0, "shuffle", NULL, NULL, "write the rows in random order, for training with --sampling none", TAKES_NOTHING,
         &c.folder.shuffle},
        {0, "seed", "S", "0", "of the random order", TAKES_TEXT, &c.seed},
        {0, "storage", "full|bf16", "full", "of x; bf16: rounded, in half the bytes of float", TAKES_TEXT, &c.storage},
        {0, "rows-per-file", "N", "256 MiB of x", "rows of a file, a multiple of 1024", TAKES_COUNT, &c.folder.rows_per_file},
        {0, "all-levels", NULL, NULL, "a column for every category, as train --l2 has them", TAKES_NOTHING, &c.all_levels},
        {0, "like", "DATA|MODEL", NULL, "use the columns and categories of a converted folder or a model", TAKES_TEXT, &c.like},
    };
    reading_arguments(&c.r, reading_table);
    const syntax s = {.word = "convert",
                      .operands = "IN OUT [OPTION]...",
                      .operand_count = 2,
                      .summary = "Writes data as a folder of numbered .npy files, which train maps instead of reading them.",
                      .example = "cusgd convert big.csv big --shuffle",
                      .groups = {{table, sizeof table / sizeof table[0]}, {reading_table + 1, READING_ARGUMENTS - 1}}};
    cusgd_data *data = NULL;
    int status;
    signals_handle();
    if (arguments_parse(&s, argc, argv, c.paths, &status)) {
        status = take_options(&s, &c);
        if (!status) status = find_spill(&c);
        if (!status) status = open_input(&s, &c, &data);
        if (!status) status = convert(&c, data);
    }
    cusgd_data_free(data);
    free(c.spill);
    reading_free(&c.r);
    return signals_exit_code(status);
}
