#include "cli.h"
#include "reading.h"

#include <math.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>

enum { NAMES_SHOWN = 12, COEFFICIENTS_SHOWN = 10 };

typedef const char *name_of(const void *owner, int64_t j);
static const char *model_feature(const void *owner, int64_t j) { return cusgd_model_feature(owner, j); }
static const char *model_target(const void *owner, int64_t j) { return cusgd_model_target(owner, j); }
static const char *data_feature(const void *owner, int64_t j) { return cusgd_data_feature(owner, j); }
static const char *data_target(const void *owner, int64_t j) { return cusgd_data_target(owner, j); }

/* "features  10: age, sex, ..." */
static void put_names(const char *title, int64_t count, name_of *name, const void *owner)
{
    printf("%-10s%lld", title, (long long)count);
    for (int64_t j = 0; j < count && j < NAMES_SHOWN && name(owner, j); j++)
        printf("%s %s", j ? "," : ":", shown(name(owner, j)));
    puts(count > NAMES_SHOWN && name(owner, 0) ? ", ..." : "");
}

static void put_offset(cusgd_offset kind, const char *name)
{
    static const char *const words[] = {"", "offset", "exposure"};
    if (kind) printf("%-10s%s\n", words[kind], name ? shown(name) : "yes");
}

/* The index that follows `last` (-1: none yet) in the order of falling |weight|, ties by index; -1 past the last. */
static int64_t next_largest(const double *weight, int64_t d, int64_t last)
{
    int64_t best = -1;
    for (int64_t j = 0; j < d; j++) {
        double size = fabs(weight[j]);
        int taken = last >= 0 && (size > fabs(weight[last]) || (size == fabs(weight[last]) && j <= last));
        if (!taken && (best < 0 || size > fabs(weight[best]))) best = j;
    }
    return best;
}

static void put_coefficients(const cusgd_model *model, int64_t output)
{
    int64_t d = cusgd_model_cols(model), at = -1;
    const double *weight = cusgd_model_weight(model) + output * d;
    const char *target = cusgd_model_target(model, output);
    if (target)
        printf("\ncoefficients of %s", shown(target));
    else
        printf("\ncoefficients of output %lld", (long long)output + 1);
    puts(d > COEFFICIENTS_SHOWN ? ", the largest" : "");
    printf("  %-24s %.17g\n", "intercept", cusgd_model_bias(model)[output]);
    for (int i = 0; i < COEFFICIENTS_SHOWN && (at = next_largest(weight, d, at)) >= 0; i++) {
        const char *feature = cusgd_model_feature(model, at);
        char numbered[32];
        snprintf(numbered, sizeof numbered, "column %lld", (long long)at + 1);
        printf("  %-24s %.17g\n", feature ? shown(feature) : numbered, weight[at]);
    }
}

/* Every coefficient, with its standard error and t or z where they are known. */
static void put_table(const cusgd_model *model, int64_t output)
{
    int64_t d = cusgd_model_cols(model), freedom;
    const double *weight = cusgd_model_weight(model) + output * d, *errors = cusgd_model_errors(model, &freedom);
    const char *target = cusgd_model_target(model, output);
    if (cusgd_model_outputs(model) > 1 && target) printf("%s\n", shown(target));
    printf("%-24s %24s", "", "coefficient");
    if (errors) printf("  %14s  %10s", "standard error", freedom > 0 ? "t" : "z");
    putchar('\n');
    for (int64_t j = 0; j <= d; j++) {
        const char *feature = j < d ? cusgd_model_feature(model, j) : "intercept";
        double value = j < d ? weight[j] : cusgd_model_bias(model)[output];
        char numbered[32];
        snprintf(numbered, sizeof numbered, "column %lld", (long long)j + 1);
        printf("%-24s %24.17g", feature ? shown(feature) : numbered, value);
        if (!errors) {
            putchar('\n');
            continue;
        }
        double error = errors[output * (d + 1) + j];
        if (error > 0)
            printf("  %14.6g  %10.4f\n", error, value / error);
        else
            printf("  %14s  %10s\n", "-", "-");
    }
    if (errors && freedom > 0) printf("t of %lld degrees of freedom\n", (long long)freedom);
}

static const char *metadata_of(const cusgd_model *model, const char *name)
{
    const char *key, *value;
    for (size_t i = 0; cusgd_model_metadata(model, i, &key, &value); i++)
        if (strcmp(key, name) == 0) return value;
    return NULL;
}

static int show_coefficients(const char *path)
{
    cusgd_model *model;
    cusgd_status status = cusgd_model_load(path, &model);
    if (status) return complain_last(status);
    for (int64_t j = 0; j < cusgd_model_outputs(model); j++) put_table(model, j);
    const char *reason = metadata_of(model, "no_standard_errors");
    if (!cusgd_model_errors(model, NULL))
        fprintf(stderr, "note: no standard errors: %s\n",
                reason ? reason : "the model file has none; train --solver auto computes them for most losses");
    cusgd_model_free(model);
    return CUSGD_OK;
}

static int ends_with(const char *path, const char *end)
{
    size_t length = strlen(path), tail = strlen(end);
    return length > tail && strcasecmp(path + length - tail, end) == 0;
}

static int describe_model(const char *path)
{
    cusgd_model *model;
    cusgd_status status = cusgd_model_load(path, &model);
    if (status) return complain_last(status);
    const char *name, *value;
    put_names("features", cusgd_model_cols(model), model_feature, model);
    put_names("outputs", cusgd_model_outputs(model), model_target, model);
    if (cusgd_model_class(model, 0))
        printf("%-10s0 is %s, 1 is %s\n", "classes", shown(cusgd_model_class(model, 0)), shown(cusgd_model_class(model, 1)));
    cusgd_offset offset = cusgd_model_offset(model, &name);
    put_offset(offset, name);
    for (size_t i = 0; cusgd_model_metadata(model, i, &name, &value); i++)
        printf("%s%s = %s\n", i ? "" : "\n", shown(name), shown(value));
    for (int64_t j = 0; j < cusgd_model_outputs(model) && j < COEFFICIENTS_SHOWN; j++) put_coefficients(model, j);
    cusgd_model_free(model);
    return CUSGD_OK;
}

static int describe_data(const char *path, const reading *r, const syntax *s)
{
    cusgd_reader reader;
    cusgd_data *data;
    int status = reading_reader(r, s, path, NULL, &reader);
    if (status) return status;
    reader.x_only = ends_with(path, ".npy");
    cusgd_status opened = cusgd_data_open(path, &reader, &data);
    if (opened) return complain_last(opened);
    printf("%-10s%lld\n", "rows", (long long)cusgd_data_rows(data));
    put_names(reader.x_only ? "columns" : "features", cusgd_data_cols(data), data_feature, data);
    if (!reader.x_only) put_names("outputs", cusgd_data_outputs(data), data_target, data);
    const char *offset;
    cusgd_offset kind = cusgd_data_offset(data, &offset);
    put_offset(kind, offset);
    cusgd_data_free(data);
    return CUSGD_OK;
}

/* A folder, .csv, .npy and - are data; any other file is a model. */
static int is_data(const char *path)
{
    struct stat there;
    if (strcmp(path, "-") == 0 || (stat(path, &there) == 0 && S_ISDIR(there.st_mode))) return 1;
    return ends_with(path, ".csv") || ends_with(path, ".npy");
}

int info_main(int argc, char **argv)
{
    const char *path;
    int status;
    reading r;
    int coefficients = 0;
    argument table[READING_ARGUMENTS];
    const argument own[] = {{{"coefficients", NULL, NULL, "every coefficient of a model, its standard error, t or z", NULL},
                             '\0',
                             TAKES_NOTHING,
                             &coefficients}};
    reading_arguments(&r, table);
    const syntax s = {.word = "info",
                      .operands = "FILE [OPTION]...",
                      .operand_count = 1,
                      .summary =
                          "Describes a model (shape, names, options, largest coefficients) or data, read as train reads it.",
                      .example = "cusgd info houses.safetensors",
                      .groups = {{own, 1}, {table, READING_ARGUMENTS}}};
    int goes_on = arguments_parse(&s, argc, argv, &path, &status);
    if (goes_on && coefficients)
        status = is_data(path) ? complain_usage(&s, "--coefficients is for models; %s is data", path) : show_coefficients(path);
    else if (goes_on)
        status = is_data(path) ? describe_data(path, &r, &s) : describe_model(path);
    reading_free(&r);
    return status;
}
