#include "classes.h"

#include "cli.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* ---- Weights ------------------------------------------------------------------------------------------------------------- */

/* Parses CLASS=WEIGHT at the last '=', which is replaced by the end of the name. */
static int parse_weight(char *item, double *weight)
{
    char *equals = strrchr(item, '='), *end;
    if (!equals) return 0;
    const char *number = equals + 1;
    *weight = strtod(number, &end);
    item[trimmed_length(item, (size_t)(equals - item))] = '\0';
    return end != number && end[leading_blanks(end)] == '\0';
}

static int weigh_listed(cusgd_data *data, const text_list *list)
{
    double *weights = calloc(list->count, sizeof *weights);
    char **names = calloc(list->count, sizeof *names);
    int status = weights && names ? CUSGD_OK : complain(CUSGD_ERROR_MEMORY, "out of memory");
    for (size_t i = 0; i < list->count && !status; i++) {
        names[i] = strdup(list->at[i]);
        if (!names[i])
            status = complain(CUSGD_ERROR_MEMORY, "out of memory");
        else if (!parse_weight(names[i], &weights[i]))
            status =
                complain(CUSGD_ERROR_USAGE, "--class-weight takes balanced, none, or CLASS=WEIGHT,..., and \"%s\" is neither",
                         shown(list->at[i]));
    }
    cusgd_status set =
        status ? CUSGD_OK : cusgd_data_weigh_classes(data, (const char *const *)names, weights, (int64_t)list->count);
    for (size_t i = 0; names && i < list->count; i++) free(names[i]);
    free(names);
    free(weights);
    return set ? complain_last(set) : status;
}

enum { LINE_BYTES = 4096, MAX_LINES = 1 << 16 }; /* the maximum number of classes of a target */

/* Reads the lines of a file, CLASS=WEIGHT or CLASS,WEIGHT, as items of a list, without empty ones. */
static int read_weights(const char *path, FILE *file, text_list *items)
{
    char line[LINE_BYTES];
    while (fgets(line, sizeof line, file)) {
        line[strcspn(line, "\r\n")] = '\0';
        if (*line == '\0') continue;
        char *comma = strrchr(line, ',');
        if (comma && !strchr(comma, '=')) *comma = '=';
        if (items->count == MAX_LINES)
            return complain(CUSGD_ERROR_DATA, "--class-weight %s: has more than %d lines", shown(path), MAX_LINES);
        char *item = strdup(line);
        if (!item) return complain(CUSGD_ERROR_MEMORY, "out of memory");
        int status = text_list_add(items, item);
        if (status) free(item);
        if (status) return status;
    }
    if (ferror(file)) return complain(CUSGD_ERROR_DATA, "--class-weight %s: cannot be read: %s", shown(path), strerror(errno));
    if (items->count == 0) return complain(CUSGD_ERROR_DATA, "--class-weight %s: has no line CLASS=WEIGHT", shown(path));
    return CUSGD_OK;
}

/* A word without = that is neither balanced nor none names a file. */
static int weigh_by_file(cusgd_data *data, const char *path)
{
    text_list items = {0};
    FILE *file = fopen(path, "r");
    if (!file)
        return complain(
            errno == ENOENT ? CUSGD_ERROR_USAGE : CUSGD_ERROR_DATA,
            "--class-weight takes balanced, none, CLASS=WEIGHT,..., or a file of such lines, and \"%s\" cannot be opened: %s",
            shown(path), strerror(errno));
    int status = read_weights(path, file, &items);
    fclose(file);
    if (!status) status = weigh_listed(data, &items);
    for (size_t i = 0; i < items.count; i++) free((char *)items.at[i]);
    text_list_free(&items);
    return status;
}

int weigh_classes(cusgd_data *data, const text_list *list, const cusgd_options *options)
{
    char loss[CUSGD_OPTION_TEXT];
    if (list->count == 0 || (list->count == 1 && strcmp(list->at[0], "none") == 0)) return CUSGD_OK;
    cusgd_options_get(options, "loss", loss);
    const cusgd_loss_info *info = cusgd_loss_find(loss);
    if (info && info->targets != CUSGD_TARGET_CLASS)
        return complain(CUSGD_ERROR_USAGE,
                        "--class-weight is for losses of classes, and %s takes numbers: leave it out, or give "
                        "--loss logistic",
                        strcmp(loss, "expression") == 0 ? "--loss-expr" : loss);
    if (list->count == 1 && strcmp(list->at[0], "balanced") == 0) {
        cusgd_status status = cusgd_data_weigh_classes(data, NULL, NULL, 0);
        return status ? complain_last(status) : CUSGD_OK;
    }
    return list->count == 1 && !strchr(list->at[0], '=') ? weigh_by_file(data, list->at[0]) : weigh_listed(data, list);
}

/* ---- Names --------------------------------------------------------------------------------------------------------------- */

int is_multiclass(const cusgd_model *model)
{
    return cusgd_model_outputs(model) > cusgd_model_targets(model) && !cusgd_model_quantiles(model);
}

int64_t model_class_count(const cusgd_model *model)
{
    if (is_multiclass(model)) return cusgd_model_outputs(model);
    return cusgd_model_loss(model, NULL)->targets == CUSGD_TARGET_CLASS ? 2 : 0;
}

const char *class_name(const cusgd_model *model, int64_t c)
{
    static char numbers[8][24];
    static int turn;
    const char *name = cusgd_model_class(model, (int)c);
    if (name) return shown(name);
    char *number = numbers[turn++ % 8];
    snprintf(number, sizeof numbers[0], "%lld", (long long)c);
    return number;
}

/* ---- Confusion ----------------------------------------------------------------------------------------------------------- */

cusgd_status confusion_make(const cusgd_model *model, const cusgd_data *data, double **out)
{
    size_t count = (size_t)model_class_count(model);
    *out = count < SIZE_MAX / sizeof **out / count ? calloc(count * count, sizeof **out) : NULL;
    if (!*out) return (cusgd_status)complain(CUSGD_ERROR_MEMORY, "out of memory for %zu x %zu classes", count, count);
    cusgd_status status = cusgd_model_confusion(model, data, *out);
    return status ? (cusgd_status)complain_last(status) : CUSGD_OK;
}

void confusion_print(const cusgd_model *model, const double *matrix)
{
    enum { MAX_PRINTED = 12 };
    int64_t count = model_class_count(model);
    if (count > MAX_PRINTED) {
        printf("\n%lld classes: --confusion FILE.csv writes how they are confused\n", (long long)count);
        return;
    }
    printf("\n%-20s", "CLASS \\ PREDICTED");
    for (int64_t c = 0; c < count; c++) printf("  %12s", class_name(model, c));
    putchar('\n');
    for (int64_t i = 0; i < count; i++) {
        printf("%-20s", class_name(model, i));
        for (int64_t j = 0; j < count; j++) printf("  %12.6g", matrix[i * count + j]);
        putchar('\n');
    }
}

void confusion_put_json(const cusgd_model *model, const double *matrix)
{
    int64_t count = model_class_count(model);
    for (int64_t i = 0; i < count; i++)
        for (int64_t j = 0; j < count; j++) {
            fputs(j ? ", " : i ? "], [" : "[[", stdout);
            put_json_number(stdout, matrix[i * count + j]);
        }
    fputs("]]", stdout);
}

/* Prints the name of a class without escapes. */
static void put_class(FILE *to, const cusgd_model *model, int64_t c)
{
    const char *name = cusgd_model_class(model, (int)c);
    put_csv_text(to, name ? name : class_name(model, c));
}

typedef struct confusion {
    const cusgd_model *model;
    const double *matrix;
} confusion;

static void put_confusion(const void *of, FILE *to)
{
    const confusion *c = of;
    int64_t count = model_class_count(c->model);
    fputs("class", to);
    for (int64_t i = 0; i < count; i++) {
        fputc(',', to);
        put_class(to, c->model, i);
    }
    fputc('\n', to);
    for (int64_t i = 0; i < count; i++) {
        put_class(to, c->model, i);
        for (int64_t j = 0; j < count; j++) fprintf(to, ",%.17g", c->matrix[i * count + j]);
        fputc('\n', to);
    }
}

cusgd_status confusion_save(const cusgd_model *model, const double *matrix, const char *path)
{
    confusion c = {model, matrix};
    return (cusgd_status)write_file("--confusion", path, put_confusion, &c);
}
