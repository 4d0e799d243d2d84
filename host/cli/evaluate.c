#include "cli.h"
#include "reading.h"
#include "signals.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* The columns of the table, and the keys of the JSON: those that are numbers for the model's loss. */
typedef struct measure {
    const char *key, *title;
    size_t offset;
} measure;

static const measure measures[] = {{"mse", "MSE", offsetof(cusgd_metrics, mse)},
                                   {"rmse", "RMSE", offsetof(cusgd_metrics, rmse)},
                                   {"mae", "MAE", offsetof(cusgd_metrics, mae)},
                                   {"r2", "R2", offsetof(cusgd_metrics, r2)},
                                   {"deviance", "DEVIANCE", offsetof(cusgd_metrics, deviance)},
                                   {"d2", "D2", offsetof(cusgd_metrics, d2)},
                                   {"log_loss", "LOG LOSS", offsetof(cusgd_metrics, log_loss)},
                                   {"accuracy", "ACCURACY", offsetof(cusgd_metrics, accuracy)},
                                   {NULL, NULL, 0}};

static double measured(const measure *m, const cusgd_metrics *metrics)
{
    double value;
    memcpy(&value, (const char *)metrics + m->offset, sizeof value);
    return value;
}

static void put_json_measures(const cusgd_metrics *metrics)
{
    const char *before = "";
    for (const measure *m = measures; m->key; m++) {
        if (isnan(measured(m, metrics))) continue;
        printf("%s\"%s\": ", before, m->key);
        put_json_number(stdout, measured(m, metrics));
        before = ", ";
    }
}

/* all: k + 1 metrics, the mean's last. */
static void put_json(const cusgd_model *model, const cusgd_metrics *all, int64_t k)
{
    printf("{\"rows\": %lld, \"outputs\": [", (long long)all[k].rows);
    for (int64_t j = 0; j < k; j++) {
        const char *name = cusgd_model_target(model, j);
        fputs(j ? ", {\"target\": " : "{\"target\": ", stdout);
        if (name)
            put_json_string(stdout, name);
        else
            fputs("null", stdout);
        fputs(", ", stdout);
        put_json_measures(&all[j]);
        putchar('}');
    }
    fputs("], \"mean\": {", stdout);
    put_json_measures(&all[k]);
    puts("}}");
}

static void put_table(const cusgd_model *model, const cusgd_metrics *all, int64_t k)
{
    printf("%-20s", "TARGET");
    for (const measure *m = measures; m->key; m++)
        if (!isnan(measured(m, &all[k]))) printf("  %12s", m->title);
    putchar('\n');
    for (int64_t j = 0; j < k + (k > 1); j++) { /* the mean of one is no news */
        char numbered[32];
        snprintf(numbered, sizeof numbered, "output %lld", (long long)j + 1);
        const char *name = j < k ? cusgd_model_target(model, j) : "mean";
        printf("%-20s", name ? shown(name) : numbered);
        for (const measure *m = measures; m->key; m++)
            if (!isnan(measured(m, &all[k]))) printf("  %12.6g", measured(m, &all[j]));
        putchar('\n');
    }
}

static cusgd_status evaluate(const cusgd_model *model, const cusgd_data *data, int json)
{
    int64_t k = cusgd_model_outputs(model);
    cusgd_metrics *all = calloc((size_t)k + 1, sizeof *all);
    if (!all) return (cusgd_status)complain(CUSGD_ERROR_MEMORY, "out of memory");
    for (int64_t j = 0; j <= k; j++) all[j] = CUSGD_INIT(cusgd_metrics);
    cusgd_status status = CUSGD_OK;
    for (int64_t j = 0; j <= k && !status; j++) status = cusgd_model_evaluate(model, data, j < k ? j : -1, &all[j]);
    if (status)
        complain_last(status);
    else if (json)
        put_json(model, all, k);
    else
        put_table(model, all, k);
    free(all);
    return status;
}

int evaluate_main(int argc, char **argv)
{
    const char *operands[2];
    int json = 0, status;
    reading r;
    argument reading_table[READING_ARGUMENTS];
    const argument table[] = {
        {{"json", NULL, NULL, "print one JSON object, numbers in full", NULL}, '\0', TAKES_NOTHING, &json},
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
    if ((status = (int)cusgd_model_load(operands[0], &model)) != CUSGD_OK) {
        complain_last((cusgd_status)status);
        goto done;
    }
    if ((status = reading_reader(&r, &s, operands[1], model, &reader)) != CUSGD_OK) goto done;
    if ((status = (int)cusgd_data_open(operands[1], &reader, &data)) != CUSGD_OK) {
        complain_last((cusgd_status)status);
    } else {
        put_data_notes(data);
        status = (int)evaluate(model, data, json);
    }
done:
    cusgd_data_free(data);
    cusgd_model_free(model);
    reading_free(&r);
    return signals_exit_code(status);
}
