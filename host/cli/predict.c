#include "cli.h"
#include "quantiles.h"
#include "reading.h"
#include "signals.h"

#include <stdlib.h>
#include <string.h>

static int output_from_word(const char *word, cusgd_prediction *as)
{
    static const char *const words[] = {"mean", "link", "class", "probability"}; /* in the enumeration's order */
    for (int i = 0; i < 4; i++) {
        if (strcmp(word, words[i]) != 0) continue;
        *as = (cusgd_prediction)i;
        return 1;
    }
    return 0;
}

/* Checks the output before anything is read. */
static int check_predictions(const syntax *s, const char *path, const char *model, const char *data)
{
    if (!path) return complain_usage(s, "--output is missing: where do the predictions go?");
    if (strcmp(path, "-") == 0) return CUSGD_OK;
    const char *dot = strrchr(path, '.');
    if (!dot || (strcmp(dot, ".npy") != 0 && strcmp(dot, ".csv") != 0))
        return complain_usage(s, "--output %s: predictions go to a file named .npy or .csv, or to -", path);
    int status = check_overwrite("--output", path, model);
    if (!status) status = check_overwrite("--output", path, data);
    return status ? status : check_file("--output", path);
}

static void put_crossing(const cusgd_model *model, int64_t n, const double *p)
{
    int64_t k = cusgd_model_outputs(model), crossed = 0;
    for (int64_t i = 0; cusgd_model_quantiles(model) && i < n; i++) {
        int crosses = 0;
        for (int64_t c = 1; c < k; c++) crosses |= p[i * k + c] < p[i * k + c - 1];
        crossed += crosses;
    }
    if (n > 0) quantiles_note_crossing((double)crossed / (double)n);
}

static cusgd_status predict(const cusgd_model *model, const cusgd_data *data, cusgd_prediction as, const char *path)
{
    int64_t n = cusgd_data_rows(data), k = cusgd_model_prediction_cols(model, as);
    double *predictions =
        (uint64_t)n <= SIZE_MAX / sizeof(double) / (uint64_t)k ? malloc((size_t)n * (size_t)k * sizeof *predictions) : NULL;
    if (!predictions)
        return (cusgd_status)complain(CUSGD_ERROR_MEMORY, "out of memory: %lld x %lld predictions", (long long)n, (long long)k);
    cusgd_status status = cusgd_model_predict(model, data, as, predictions);
    if (!status) put_crossing(model, n, predictions);
    if (!status) status = cusgd_predictions_save(model, as, n, predictions, path);
    if (status) complain_last(status);
    free(predictions);
    return status;
}

/* Opens the model; the message considers that MODEL and DATA may have been exchanged. */
static int open_model(const syntax *s, const char *path, const char *data, cusgd_model **out)
{
    cusgd_model *other;
    cusgd_status status = cusgd_model_load(path, out);
    if (!status) return CUSGD_OK;
    if (cusgd_model_load(data, &other)) return complain_last(cusgd_model_load(path, out));
    cusgd_model_free(other);
    return complain_usage(s, "%s is no model, and %s is one: MODEL comes before DATA", path, data);
}

int predict_main(int argc, char **argv)
{
    const char *operands[2], *output = NULL, *word = "mean";
    reading r;
    argument reading_table[READING_ARGUMENTS];
    const argument table[] = {
        {'o', "output", "OUT", NULL, "NAME.npy, NAME.csv or - for CSV on standard output (required)", TAKES_TEXT, &output},
        {0, "as", "mean|link|class|probability", "mean", "what to predict", TAKES_TEXT, &word},
    };
    reading_arguments(&r, reading_table);
    const syntax s = {.word = "predict",
                      .operands = "MODEL DATA -o OUT [OPTION]...",
                      .operand_count = 2,
                      .summary = "Writes a prediction for each row of DATA. A CSV's columns are picked by the model's names.",
                      .example = "cusgd predict houses.safetensors new.csv -o prices.csv",
                      .groups = {{table, sizeof table / sizeof table[0]}, {reading_table, READING_ARGUMENTS_PREDICT}}};
    cusgd_reader reader;
    cusgd_prediction as;
    cusgd_model *model = NULL;
    cusgd_data *data = NULL;
    int status;
    signals_handle();
    if (!arguments_parse(&s, argc, argv, operands, &status)) goto done;
    if (!output_from_word(word, &as)) {
        status = complain_usage(&s, "as must be mean, link, class or probability, not \"%s\"", word);
        goto done;
    }
    if ((status = check_predictions(&s, output, operands[0], operands[1])) != CUSGD_OK) goto done;
    if ((status = open_model(&s, operands[0], operands[1], &model)) != CUSGD_OK) goto done;
    if ((status = reading_reader(&r, &s, operands[1], model, &reader)) != CUSGD_OK) goto done;
    reader.roles.x_only = 1;
    reader.encode.missing = r.strict ? CUSGD_MISSING_ERROR : CUSGD_MISSING_KEEP;
    if ((status = (int)cusgd_data_open(operands[1], &reader, &data)) != CUSGD_OK) {
        complain_last((cusgd_status)status);
    } else {
        put_data_notes(data);
        status = (int)predict(model, data, as, output);
    }
done:
    cusgd_data_free(data);
    cusgd_model_free(model);
    reading_free(&r);
    return signals_exit_code(status);
}
