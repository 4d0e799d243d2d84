#include "classes.h"
#include "cli.h"
#include "measures.h"
#include "quantiles.h"
#include "reading.h"
#include "signals.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static void put_json_measures(const measured *of)
{
    const double *c = of->metrics.confusion;
    const char *before = "";
    for (const measure *m = measures; m->key; m++) {
        if (!measure_applies(m, of)) continue;
        printf("%s\"%s\": ", before, m->key);
        put_json_number(stdout, measure_value(m, of));
        before = ", ";
    }
    for (int i = 0; i < 4 && has_two_classes(of); i++) {
        printf("%s", i == 0 ? ", \"confusion\": [[" : i == 2 ? "], [" : ", ");
        put_json_number(stdout, c[i]);
    }
    if (has_two_classes(of)) printf("]]");
}

/* Prints the classes of a target with several classes. */
static void put_json_classes(const cusgd_model *model, const double *confusion)
{
    for (int64_t c = 0; c < model_class_count(model); c++) {
        const char *name = cusgd_model_class(model, (int)c);
        fputs(c ? ", " : ", \"classes\": [", stdout);
        put_json_string(stdout, name ? name : class_name(model, c));
    }
    fputs("], \"confusion\": ", stdout);
    confusion_put_json(model, confusion);
}

/* Prints JSON. all: k + 1 metrics, those of the mean last. confusion: for several classes, or NULL. */
static void put_json(const cusgd_model *model, const measured *all, int64_t k, const double *confusion)
{
    printf("{\"rows\": %lld, \"outputs\": [", (long long)all[k].metrics.rows);
    for (int64_t j = 0; j < k; j++) {
        const double *quantiles = cusgd_model_quantiles(model);
        const char *name = cusgd_model_target(model, quantiles ? 0 : j);
        fputs(j ? ", {\"target\": " : "{\"target\": ", stdout);
        if (name)
            put_json_string(stdout, name);
        else
            fputs("null", stdout);
        if (quantiles) printf(", \"quantile\": %.17g", quantiles[j]);
        fputs(", ", stdout);
        put_json_measures(&all[j]);
        if (confusion && !has_two_classes(&all[j])) put_json_classes(model, confusion);
        putchar('}');
    }
    fputs("], \"mean\": {", stdout);
    put_json_measures(&all[k]);
    puts("}}");
}

/* Checks --confusion before DATA is read. */
static int check_confusion(const syntax *s, const cusgd_model *model)
{
    if (model_class_count(model) == 0 || cusgd_model_targets(model) != 1)
        return complain_usage(s, "--confusion is for models of one target of classes");
    return CUSGD_OK;
}

static int is_shown(const measure *m, const measured *of) { return m->title && measure_applies(m, of); }

/* Returns the title of an output, which for two classes is that of its target. */
static const char *output_title(const cusgd_model *model, int64_t j)
{
    return cusgd_model_quantiles(model) ? cusgd_model_output(model, j) : cusgd_model_target(model, j);
}

static void put_table(const cusgd_model *model, const measured *all, int64_t k)
{
    printf("%-20s", "TARGET");
    for (const measure *m = measures; m->key; m++)
        if (is_shown(m, &all[k])) printf("  %12s", m->title);
    putchar('\n');
    for (int64_t j = 0; j < k + (k > 1); j++) { /* no mean for a single output */
        char numbered[32];
        snprintf(numbered, sizeof numbered, "output %lld", (long long)j + 1);
        const char *name = j < k ? output_title(model, j) : "mean";
        printf("%-20s", name ? shown(name) : numbered);
        for (const measure *m = measures; m->key; m++)
            if (is_shown(m, &all[k])) printf("  %12.6g", measure_value(m, &all[j]));
        putchar('\n');
    }
}

/* Returns whether the loss is that of a quantile, for which the table has D2, which needs sorted rows, instead of R2. */
static int has_quantile(const cusgd_model *model) { return strcmp(cusgd_model_loss(model, NULL)->name, "quantile") == 0; }

/* all: k + 1, the mean's last; json: 1: with those that the table does not show. */
static cusgd_status measure_all(const cusgd_model *model, const cusgd_data *data, int json, measured *all, int64_t k)
{
    int is_own = strcmp(cusgd_model_loss(model, NULL)->name, "expression") == 0;
    cusgd_metrics *metrics = calloc((size_t)k + 1, sizeof *metrics);
    cusgd_ranking *ranking = calloc((size_t)k + 1, sizeof *ranking);
    cusgd_order_metrics *order = calloc((size_t)k + 1, sizeof *order);
    cusgd_status status = CUSGD_OK;
    if (!metrics || !ranking || !order) status = (cusgd_status)complain(CUSGD_ERROR_MEMORY, "out of memory");
    for (int64_t j = 0; j <= k && !status; j++) {
        metrics[j].size = sizeof *metrics;
        ranking[j].size = sizeof *ranking;
        order[j] = (cusgd_order_metrics){sizeof *order, (double)NAN, (double)NAN, (double)NAN};
    }
    if (!status) {
        status = cusgd_model_evaluate_outputs(model, data, metrics, ranking, json || has_quantile(model) ? order : NULL);
        if (status) complain_last(status);
    }
    for (int64_t j = 0; j <= k && !status; j++)
        all[j] = (measured){metrics[j], ranking[j], order[j], is_own ? metrics[j].loss : (double)NAN};
    free(metrics);
    free(ranking);
    free(order);
    return status;
}

/* path: where the confusion of a target of classes goes, or NULL. */
static cusgd_status evaluate(const cusgd_model *model, const cusgd_data *data, int json, const char *path)
{
    int64_t k = cusgd_model_quantiles(model) ? cusgd_model_outputs(model) : cusgd_model_targets(model);
    double *confusion = NULL;
    measured *all = calloc((size_t)k + 1, sizeof *all);
    if (!all) return (cusgd_status)complain(CUSGD_ERROR_MEMORY, "out of memory");
    cusgd_status status = measure_all(model, data, json, all, k);
    if (!status && k == 1 && has_classes(&all[0])) status = confusion_make(model, data, &confusion);
    if (!status && path) status = confusion_save(model, confusion, path);
    if (!status && json)
        put_json(model, all, k, confusion);
    else if (!status)
        put_table(model, all, k);
    if (!status && !json && confusion) confusion_print(model, confusion);
    if (!status) quantiles_note_crossing(all[k].metrics.crossing);
    free(confusion);
    free(all);
    return status;
}

/* Returns whether targets between 0 and 1 may be shares of class 1: if there are two classes without names. */
static int takes_shares(const cusgd_model *model, const cusgd_reader *reader)
{
    return !reader->roles.trials && !reader->classes && cusgd_model_targets(model) == 1 && model_class_count(model) == 2;
}

/* Checks that targets that are shares of classes are in the order of the classes of the model. */
static int check_same_classes(const cusgd_model *model, const cusgd_data *data)
{
    int same = cusgd_data_classes(data) == model_class_count(model);
    for (int64_t c = 0; same && c < cusgd_data_classes(data); c++) {
        const char *ours = cusgd_model_class(model, (int)c), *theirs = cusgd_data_class(data, (int)c);
        same = !ours || !theirs || strcmp(ours, theirs) == 0;
    }
    if (same) return CUSGD_OK;
    return complain(CUSGD_ERROR_DATA,
                    "the targets are not the model's %lld classes: give each class's column in --target, in "
                    "the order that cusgd info shows",
                    (long long)model_class_count(model));
}

int evaluate_main(int argc, char **argv)
{
    const char *operands[2], *confusion = NULL;
    int json = 0, status;
    reading r;
    argument reading_table[READING_ARGUMENTS];
    const argument table[] = {
        {0, "json", NULL, NULL, "print one JSON object, numbers in full", TAKES_NOTHING, &json},
        {0, "confusion", "FILE.csv", "none", "the weights of the rows by their class and the predicted one", TAKES_TEXT,
         &confusion},
    };
    reading_arguments(&r, reading_table);
    const syntax s = {.word = "evaluate",
                      .operands = "MODEL DATA [OPTION]...",
                      .operand_count = 2,
                      .summary = "Compares a model's predictions with DATA's targets, by default the model's by name.",
                      .example = "cusgd evaluate houses.safetensors sold.csv --json",
                      .groups = {{table, sizeof table / sizeof table[0]}, {reading_table, READING_ARGUMENTS_EVALUATE}}};
    cusgd_reader reader;
    cusgd_model *model = NULL;
    cusgd_data *data = NULL;
    signals_handle();
    if (!arguments_parse(&s, argc, argv, operands, &status)) goto done;
    if (confusion) {
        status = check_overwrite("--confusion", confusion, operands[0]);
        if (!status) status = check_overwrite("--confusion", confusion, operands[1]);
        if (!status) status = check_file("--confusion", confusion);
        if (status) goto done;
    }
    if ((status = (int)cusgd_model_load(operands[0], &model)) != CUSGD_OK) {
        complain_last((cusgd_status)status);
        goto done;
    }
    if (confusion && (status = check_confusion(&s, model)) != CUSGD_OK) goto done;
    if ((status = reading_reader(&r, &s, operands[1], model, &reader)) != CUSGD_OK) goto done;
    int shares = model_class_count(model) > 0 && r.targets.count > 1 && cusgd_model_targets(model) == 1;
    if (shares) reader.find_classes = CUSGD_CLASSES_SPLIT;
    if ((status = (int)cusgd_data_open(operands[1], &reader, &data)) != CUSGD_OK) {
        complain_last((cusgd_status)status);
    } else if (shares && (status = check_same_classes(model, data)) != CUSGD_OK) {
    } else if (takes_shares(model, &reader) && (status = (int)cusgd_data_split_targets(data, 0)) != CUSGD_OK) {
        complain_last((cusgd_status)status);
    } else {
        put_data_notes(data);
        status = (int)evaluate(model, data, json, confusion);
    }
done:
    cusgd_data_free(data);
    cusgd_model_free(model);
    reading_free(&r);
    return signals_exit_code(status);
}
