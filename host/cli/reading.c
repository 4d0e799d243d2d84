#include "reading.h"

#include "cli.h"

#include <string.h>
#include <strings.h>
#include <sys/stat.h>

void reading_arguments(reading *r, argument table[READING_ARGUMENTS])
{
    *r = (reading){.header = "auto"};
    const argument all[READING_ARGUMENTS] = {
        {{"header", "auto|yes|no", "auto", "whether a CSV's first line names its columns", NULL}, '\0', TAKES_TEXT, &r->header},
        {{"features", "COL,...", "all others", "columns of x by name or number, quoted as in a CSV", NULL},
         '\0',
         TAKES_COLUMNS,
         &r->features},
        {{"ignore", "COL,...", "none", "columns to leave out", NULL}, '\0', TAKES_COLUMNS, &r->ignore},
        {{"offset", "COL", "none", "column added to x theta + b, its coefficient 1", NULL}, '\0', TAKES_TEXT, &r->offset},
        {{"exposure", "COL", "none", "likewise its logarithm, for log links; > 0", NULL}, '\0', TAKES_TEXT, &r->exposure},
        {{"target", "COL", "the last", "column of y; -1 is the last; may repeat", NULL}, '\0', TAKES_TEXTS, &r->targets},
        {{"weights", "COL", "none", "column of the rows' weights", NULL}, '\0', TAKES_TEXT, &r->weights},
    };
    memcpy(table, all, sizeof all);
}

void reading_free(reading *r)
{
    text_list_free(&r->targets);
    text_list_free(&r->features);
    text_list_free(&r->ignore);
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

/* Arrays of numbers have no header and one role each. */
static int is_arrays(const char *path)
{
    struct stat there;
    size_t length = strlen(path);
    return (length > 4 && strcasecmp(path + length - 4, ".npy") == 0) || (stat(path, &there) == 0 && S_ISDIR(there.st_mode));
}

int reading_reader(const reading *r, const syntax *s, const char *path, const cusgd_model *model, cusgd_reader *reader)
{
    *reader = CUSGD_INIT(cusgd_reader);
    if (is_arrays(path) && (r->targets.count || r->features.count || r->ignore.count || r->weights || r->offset || r->exposure ||
                            strcmp(r->header, "auto") != 0))
        return complain_usage(s,
                              "%s is not a CSV: --header, --features, --ignore, --offset, --exposure, --target and --weights are "
                              "about a CSV's columns",
                              path);
    if (r->offset && r->exposure) return complain_usage(s, "--exposure is a --offset of its logarithms: give one of them");
    if (!header_from_word(r->header, &reader->header))
        return complain_usage(s, "header must be auto, yes or no, not \"%s\"", r->header);
    reader->targets = r->targets.at;
    reader->target_count = r->targets.count;
    reader->ignore = r->ignore.at;
    reader->ignore_count = r->ignore.count;
    reader->weights = r->weights;
    reader->offset = r->offset;
    reader->exposure = r->exposure;
    if (model) cusgd_model_reader(model, reader);
    int named = reader->header != CUSGD_HEADER_NO; /* without a header the model's names say nothing */
    if (r->features.count || !named) {
        reader->features = r->features.at;
        reader->feature_count = r->features.count;
    }
    if (!named) {
        reader->offset = r->offset;
        reader->exposure = r->exposure;
        reader->targets = r->targets.at;
        reader->target_count = r->targets.count;
    }
    return CUSGD_OK;
}
