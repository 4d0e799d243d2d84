#include "info.h"
#include "classes.h"
#include "reading.h"
#include "signals.h"

#include <math.h>
#include <string.h>
#include <strings.h>

enum { NAMES_SHOWN = 12, COEFFICIENTS_SHOWN = 10 };

static const char *model_feature(const void *of, int64_t j) { return cusgd_model_feature(of, j); }
static const char *model_output(const void *of, int64_t j) { return cusgd_model_output(of, j); }
static const char *model_target(const void *of, int64_t j) { return cusgd_model_target(of, j); }
static const char *data_feature(const void *of, int64_t j) { return cusgd_data_feature(of, j); }
static const char *data_target(const void *of, int64_t j) { return cusgd_data_target(of, j); }
static const char *data_class(const void *of, int64_t j) { return cusgd_data_class(of, (int)j); }
static int64_t no_number(const void *of, int64_t j) { return of && j < 0; }
static int64_t model_feature_number(const void *of, int64_t j) { return cusgd_model_feature_column(of, j); }
static int64_t model_target_number(const void *of, int64_t j) { return cusgd_model_target_column(of, j); }

void info_put_names(const char *title, const named_columns *s)
{
    int named = s->count > 0 && s->name(s->of, 0), numbered = s->count > 0 && !named && s->number(s->of, 0);
    printf("%-10s%lld", title, (long long)s->count);
    if (numbered) printf(": column%s", plural(s->count));
    for (int64_t j = 0; j < s->count && j < NAMES_SHOWN && named; j++) printf("%s %s", j ? "," : ":", shown(s->name(s->of, j)));
    for (int64_t j = 0; j < s->count && j < NAMES_SHOWN && numbered; j++)
        printf("%s %lld", j ? "," : "", (long long)s->number(s->of, j));
    puts(s->count > NAMES_SHOWN && (named || numbered) ? ", ..." : "");
}

/* number: of its column in a CSV; 0: not known. */
static void put_offset(cusgd_offset kind, const char *name, int64_t number)
{
    static const char *const words[] = {"", "offset", "exposure"};
    if (kind && !name && number)
        printf("%-10scolumn %lld\n", words[kind], (long long)number);
    else if (kind)
        printf("%-10s%s\n", words[kind], name ? shown(name) : "yes");
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

/* The feature's name, or "column N", its number in the CSV or else among the features. */
static const char *feature_name(const cusgd_model *model, int64_t j, char numbered[32])
{
    const char *name = cusgd_model_feature(model, j);
    int64_t number = cusgd_model_feature_column(model, j);
    snprintf(numbered, 32, "column %lld", (long long)(number ? number : j + 1));
    return name ? shown(name) : numbered;
}

static void put_coefficients(const cusgd_model *model, int64_t output)
{
    int64_t d = cusgd_model_cols(model), at = -1;
    const double *weight = cusgd_model_weight(model) + output * d;
    const char *target = cusgd_model_output(model, output);
    if (target)
        printf("\ncoefficients of %s", shown(target));
    else
        printf("\ncoefficients of output %lld", (long long)output + 1);
    puts(d > COEFFICIENTS_SHOWN ? ", the largest" : "");
    printf("  %-24s %.17g\n", "intercept", cusgd_model_bias(model)[output]);
    for (int i = 0; i < COEFFICIENTS_SHOWN && (at = next_largest(weight, d, at)) >= 0; i++) {
        char numbered[32];
        printf("  %-24s %.17g\n", feature_name(model, at, numbered), weight[at]);
    }
}

static void put_known(const cusgd_coefficient *c)
{
    if (c->error > 0)
        printf("  %14.6g  %10.4f  %9.3g  %12.6g  %12.6g", c->error, c->statistic, c->p_value, c->lower, c->upper);
    else
        printf("  %14s  %10s  %9s  %12s  %12s", "-", "-", "-", "-", "-");
}

/* Every coefficient; with its standard error, t or z, p-value and interval where they are known. */
static void put_table(const cusgd_model *model, int64_t output)
{
    int64_t d = cusgd_model_cols(model), residual_degrees;
    int known = cusgd_model_standard_errors(model, &residual_degrees) != NULL;
    const char *target = cusgd_model_output(model, output);
    if (cusgd_model_outputs(model) > 1 && target) printf("%s\n", shown(target));
    printf("%-24s %24s", "", "coefficient");
    if (known)
        printf("  %14s  %10s  %9s  %12s  %12s", "standard error", residual_degrees > 0 ? "t" : "z", "p", "95 % from", "to");
    putchar('\n');
    for (int64_t j = 0; j <= d; j++) {
        cusgd_coefficient c = CUSGD_INIT(cusgd_coefficient);
        char numbered[32];
        (void)cusgd_model_coefficient(model, output, j, 0.95, &c); /* the arguments are right */
        printf("%-24s %24.17g", j < d ? feature_name(model, j, numbered) : "intercept", c.value);
        if (known) put_known(&c);
        putchar('\n');
    }
    if (known && residual_degrees > 0) printf("t of %lld degrees of freedom\n", (long long)residual_degrees);
}

static void put_json_member(const char *name, double value)
{
    printf(", \"%s\": ", name);
    put_json_number(stdout, value);
}

/* The same in one JSON object a line. The intercept's feature is null, and so is what is not known. */
static void put_json_table(const cusgd_model *model, int64_t output)
{
    int64_t d = cusgd_model_cols(model);
    const char *target = cusgd_model_output(model, output);
    for (int64_t j = 0; j <= d; j++) {
        cusgd_coefficient c = CUSGD_INIT(cusgd_coefficient);
        char numbered[32];
        (void)cusgd_model_coefficient(model, output, j, 0.95, &c); /* the arguments are right */
        printf("{\"output\": ");
        target ? put_json_string(stdout, target) : (void)printf("%lld", (long long)output + 1);
        printf(", \"feature\": ");
        const char *name = j < d ? cusgd_model_feature(model, j) : NULL;
        j == d ? (void)printf("null") : put_json_string(stdout, name ? name : feature_name(model, j, numbered));
        put_json_member("coefficient", c.value);
        int known = c.error > 0;
        put_json_member("standard_error", known ? c.error : (double)NAN);
        put_json_member("statistic", known ? c.statistic : (double)NAN);
        put_json_member("p_value", known ? c.p_value : (double)NAN);
        put_json_member("lower", known ? c.lower : (double)NAN);
        put_json_member("upper", known ? c.upper : (double)NAN);
        puts("}");
    }
}

static const char *metadata_of(const cusgd_model *model, const char *name)
{
    const char *key, *value;
    for (size_t i = 0; cusgd_model_metadata(model, i, &key, &value); i++)
        if (strcmp(key, name) == 0) return value;
    return NULL;
}

static int show_coefficients(const char *path, int json)
{
    cusgd_model *model;
    cusgd_status status = cusgd_model_load(path, &model);
    if (status) return complain_last(status);
    for (int64_t j = 0; j < cusgd_model_outputs(model); j++) json ? put_json_table(model, j) : put_table(model, j);
    const char *reason = metadata_of(model, "no_standard_errors");
    if (!cusgd_model_standard_errors(model, NULL))
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
    info_put_names("features", &(named_columns){model, cusgd_model_cols(model), model_feature, model_feature_number});
    int multiclass = is_multiclass(model), quantiles = cusgd_model_quantiles(model) != NULL;
    info_put_names(quantiles ? "target" : "outputs",
                   &(named_columns){model, cusgd_model_targets(model), model_target, model_target_number});
    if (quantiles) info_put_names("quantiles", &(named_columns){model, cusgd_model_outputs(model), model_output, no_number});
    if (multiclass) info_put_names("classes", &(named_columns){model, cusgd_model_outputs(model), model_output, no_number});
    if (cusgd_model_class(model, 0) && !multiclass)
        printf("%-10s0 is %s, 1 is %s\n", "classes", shown(cusgd_model_class(model, 0)), shown(cusgd_model_class(model, 1)));
    cusgd_offset offset = cusgd_model_offset(model, &name);
    put_offset(offset, name, cusgd_model_offset_column(model));
    for (size_t i = 0; cusgd_model_metadata(model, i, &name, &value); i++)
        printf("%s%s = %s\n", i ? "" : "\n", shown(name), shown(value));
    for (int64_t j = 0; j < cusgd_model_outputs(model) && j < COEFFICIENTS_SHOWN; j++) put_coefficients(model, j);
    cusgd_model_free(model);
    return CUSGD_OK;
}

void info_put_options(const char *path, const char *options)
{
    const char *at = path;
    int plain = strcmp(path, "-") != 0 && path[0] != '-' && shown(path) && strcmp(shown(path), path) == 0;
    for (; plain && *at; at++) plain = *at != '\'';
    if (!options) return;
    int quotes = path[strspn(path, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-/+")] != '\0';
    printf("\ntrain it:  cusgd train %s%s%s%s%s --model NAME.safetensors\n", quotes && plain ? "'" : "",
           plain               ? path
           : strcmp(path, "-") ? "FILE"
                               : "-",
           quotes && plain ? "'" : "", *options ? " " : "", options);
}

/* Whether the target has classes: those of a table, two values of which the library makes classes, or those that it weighs as
 * such. Of dense rows values other than 0 and 1 are not looked at, as shares would be made rows of their own. */
static int has_classes(cusgd_data *data)
{
    if (cusgd_data_classes(data)) return 1;
    if (cusgd_data_stored(data) < 0) return !cusgd_data_weigh_classes(data, NULL, NULL, 0);
    if (cusgd_data_find_classes(data, NULL)) return 0;
    int64_t classes = cusgd_data_classes(data);
    return classes == 2 || (classes == 0 && !cusgd_data_weigh_classes(data, NULL, NULL, 0));
}

static int describe_arrays(const char *path, cusgd_reader *reader)
{
    cusgd_data *data;
    reader->roles.x_only = ends_with(path, ".npy");
    cusgd_status opened = cusgd_data_open(path, reader, &data);
    if (opened) return complain_last(opened);
    printf("%-10s%lld\n", "rows", (long long)cusgd_data_rows(data));
    if (cusgd_data_stored(data) >= 0) printf("%-10s%lld\n", "stored", (long long)cusgd_data_stored(data));
    info_put_names(reader->roles.x_only ? "columns" : "features",
                   &(named_columns){data, cusgd_data_cols(data), data_feature, no_number});
    if (!reader->roles.x_only)
        info_put_names("outputs", &(named_columns){data, cusgd_data_outputs(data), data_target, no_number});
    if (cusgd_data_classes(data))
        info_put_names("classes", &(named_columns){data, cusgd_data_classes(data), data_class, no_number});
    const char *offset;
    cusgd_offset kind = cusgd_data_offset(data, &offset);
    put_offset(kind, offset, 0);
    /* An exposure needs a loss with a log link, which depends on what is counted. */
    int may_train = !reader->roles.x_only && cusgd_data_outputs(data) == 1 && kind != CUSGD_OFFSET_EXPOSURE;
    if (may_train) info_put_options(path, has_classes(data) ? "--loss logistic" : "");
    cusgd_data_free(data);
    return CUSGD_OK;
}

static int check_folder(const char *path)
{
    cusgd_status checked = cusgd_folder_check(path);
    if (checked) return complain_last(checked);
    printf("%s: every file has the checksum of the index\n", shown(path));
    return CUSGD_OK;
}

static int describe_data(const char *path, reading *r, const syntax *s)
{
    cusgd_reader reader;
    int status = reading_reader(r, s, path, NULL, &reader);
    if (status) return status;
    return is_arrays(path) || cusgd_file_is_libsvm(path) ? describe_arrays(path, &reader) : info_describe_table(path, &reader);
}

/* A file whose name does not say that it is data is a model if it begins as one: a length of eight bytes, and a JSON object. */
static int is_data(const char *path)
{
    unsigned char start[9] = {0};
    FILE *file = is_data_name(path) ? NULL : fopen(path, "rb");
    if (!file) return is_data_name(path);
    size_t count = fread(start, 1, sizeof start, file);
    fclose(file);
    return count == sizeof start && !(start[8] == '{' && start[5] == 0 && start[6] == 0 && start[7] == 0);
}

int info_main(int argc, char **argv)
{
    const char *path;
    int status;
    reading r;
    int coefficients = 0, json = 0, checksums = 0;
    argument table[READING_ARGUMENTS];
    const argument own[] = {
        {0, "coefficients", NULL, NULL, "every coefficient of a model; standard error, p-value, interval", TAKES_NOTHING,
         &coefficients},
        {0, "checksums", NULL, NULL, "compare the files of a converted folder with its checksums", TAKES_NOTHING, &checksums},
        {0, "json", NULL, NULL, "with --coefficients: one JSON object a line, numbers in full", TAKES_NOTHING, &json}};
    reading_arguments(&r, table);
    const syntax s = {.word = "info",
                      .operands = "FILE [OPTION]...",
                      .operand_count = 1,
                      .summary =
                          "Describes a model (shape, names, options, largest coefficients) or data, read as train reads it.",
                      .example = "cusgd info houses.safetensors",
                      .groups = {{own, sizeof own / sizeof *own}, {table + 1, READING_ARGUMENTS - 1}}};
    signals_handle();
    int goes_on = arguments_parse(&s, argc, argv, &path, &status);
    if (goes_on && json && !coefficients)
        status = complain_usage(&s, "--json prints the coefficients of a model: give --coefficients as well");
    else if (goes_on && checksums)
        status = check_folder(path);
    else if (goes_on && coefficients)
        status =
            is_data(path) ? complain_usage(&s, "--coefficients is for models; %s is data", path) : show_coefficients(path, json);
    else if (goes_on)
        status = is_data(path) ? describe_data(path, &r, &s) : describe_model(path);
    reading_free(&r);
    return signals_exit_code(status);
}
