#include "cli.h"
#include "reading.h"
#include "signals.h"
#include "summary.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* The state of a run of `cusgd path`. */
typedef struct tracing {
    const syntax *syntax;
    const char *data_path, *coefficients_path, *report_path, *model_path, *select;
    double l1_ratio, ratio;
    int64_t count, folds;
    int quiet;
    reading reading;
    cusgd_options *options;
    cusgd_data *data;
    cusgd_path *path;
} tracing;

static int check_arguments(const tracing *w)
{
    if (!w->coefficients_path && !w->report_path && !w->model_path)
        return complain_usage(w->syntax, "nothing is asked for: give --coefficients, --report or --model");
    if (cusgd_options_check(w->options)) return complain_usage(w->syntax, "%s", cusgd_last_error());
    if (w->select && strcmp(w->select, "best") != 0 && strcmp(w->select, "1se") != 0)
        return complain_usage(w->syntax, "--select is %s; give best or 1se", w->select);
    if (w->model_path && w->folds == 0)
        return complain_usage(w->syntax,
                              "--model is the model that folds choose, and --folds is 0; give folds, or --coefficients");
    const char *names[] = {"--coefficients", "--report", "--model"};
    const char *outputs[] = {w->coefficients_path, w->report_path, w->model_path};
    int status = CUSGD_OK;
    for (int i = 0; i < 3 && !status; i++) {
        if (!outputs[i]) continue;
        status = check_overwrite(names[i], outputs[i], w->data_path);
        if (!status) status = check_file(names[i], outputs[i]);
        for (int j = 0; j < i && !status; j++) status = check_distinct(names[j], outputs[j], names[i], outputs[i]);
    }
    return status;
}

static int open_data(tracing *w)
{
    cusgd_reader reader;
    int wrong = reading_reader(&w->reading, w->syntax, w->data_path, NULL, &reader);
    if (wrong) return wrong;
    return reading_open(NULL, w->data_path, &reader, w->quiet, &w->data);
}

static void put_coefficients(const void *of, FILE *to)
{
    const tracing *w = of;
    int64_t d = cusgd_data_cols(w->data);
    fputs("alpha,intercept", to);
    for (int64_t j = 0; j < d; j++) {
        const char *name = cusgd_data_feature(w->data, j);
        fputc(',', to);
        if (name)
            put_csv_text(to, name);
        else
            fprintf(to, "x%lld", (long long)j + 1);
    }
    fputc('\n', to);
    cusgd_path_point p = CUSGD_INIT(cusgd_path_point);
    for (size_t i = 0; cusgd_path_at(w->path, i, &p); i++) {
        const double *theta = cusgd_path_coefficients(w->path, i);
        fprintf(to, "%.17g,%.17g", p.alpha, theta[d]);
        for (int64_t j = 0; j < d; j++) fprintf(to, ",%.17g", theta[j]);
        fputc('\n', to);
    }
}

static void put_report(const void *of, FILE *to)
{
    const tracing *w = of;
    fputs("alpha,l1,l2,", to);
    for (int f = 0; f < w->folds; f++) fprintf(to, "fold_%d,", f + 1);
    fputs("mean,standard_error,loss,nonzeros,gap,converged\n", to);
    cusgd_path_point p = CUSGD_INIT(cusgd_path_point);
    for (size_t i = 0; cusgd_path_at(w->path, i, &p); i++) {
        const double *losses = cusgd_path_losses(w->path, i), numbers[] = {p.mean, p.standard_error, p.loss};
        fprintf(to, "%.17g,%.17g,%.17g,", p.alpha, p.l1, p.l2);
        for (int f = 0; f < w->folds; f++) fprintf(to, "%.17g,", losses[f]);
        for (int n = 0; n < 3; n++) {
            put_csv_number(to, numbers[n]);
            fputc(',', to);
        }
        fprintf(to, "%lld,", (long long)p.nonzeros);
        put_csv_number(to, p.gap);
        fprintf(to, ",%d\n", p.converged);
    }
}

static int write_table(const tracing *w, const char *option, const char *path, void (*put)(const void *of, FILE *to))
{
    return path ? write_file(option, path, put, w) : CUSGD_OK;
}

static int write_model(const tracing *w)
{
    cusgd_model *model = NULL;
    if (!w->model_path) return CUSGD_OK;
    signals_defer(1);
    cusgd_status status = cusgd_path_create_model(w->path, cusgd_path_chosen(w->path), &model);
    if (!status) status = cusgd_model_save(model, w->model_path);
    signals_defer(0);
    cusgd_model_free(model);
    return status ? complain_last(status) : CUSGD_OK;
}

static void put_summary(const tracing *w)
{
    cusgd_path_point first = CUSGD_INIT(cusgd_path_point), last = first, p = first;
    size_t count = 0, chosen = cusgd_path_chosen(w->path);
    cusgd_path_at(w->path, 0, &first);
    while (cusgd_path_at(w->path, count, &last)) count++;
    printf("%zu %s, alpha %g to %g; %lld to %lld nonzeros\n", count, count == 1 ? "penalty" : "penalties", first.alpha,
           last.alpha, (long long)first.nonzeros, (long long)last.nonzeros);
    if (w->folds > 0) {
        cusgd_path_at(w->path, chosen, &p);
        int squared = option_is(w->options, "loss", "squared") || option_is(w->options, "loss", "mse");
        printf("chosen: alpha %g (l1 %g, l2 %g): %s %.6g (standard error %.2g, %lld folds), %lld nonzero%s\n", p.alpha, p.l1,
               p.l2, squared ? "mean squared error" : "mean loss", p.mean, p.standard_error, (long long)w->folds,
               (long long)p.nonzeros, plural(p.nonzeros));
        fflush(stdout);
        if (count > 1 && (chosen == 0 || chosen == count - 1))
            fprintf(stderr, "note: the chosen alpha is the %s of the path: a better one may lie beyond\n",
                    chosen == 0 ? "first" : "last");
    }
    if (w->model_path) printf("model: %s\n", shown(w->model_path));
}

/* Adds a note on models whose duality gap or gradient is not small, which are not minima whatever their losses on the folds are.
 * Sparse rows have no gap. */
static void note_gaps(const cusgd_path *path)
{
    cusgd_path_point p = CUSGD_INIT(cusgd_path_point), worst = p;
    int64_t count = 0;
    for (size_t i = 0; cusgd_path_at(path, i, &p); i++) {
        if (p.converged) continue;
        if (count++ == 0 || p.gap > worst.gap) worst = p;
    }
    if (count > 0 && isnan(worst.gap))
        fprintf(stderr,
                "note: %lld model%s %s not converged, the first at alpha %g: more than rounding is left of the gradient; "
                "columns nearly depend on each other, or classes are nearly separate, for which an --l1-ratio below 1 helps\n",
                (long long)count, plural(count), count == 1 ? "has" : "have", worst.alpha);
    else if (count > 0)
        fprintf(stderr,
                "note: %lld model%s %s not converged: the largest duality gap is %.2g of the loss without columns, at alpha %g; "
                "columns nearly depend on each other, for which an --l1-ratio below 1 helps\n",
                (long long)count, plural(count), count == 1 ? "has" : "have", worst.gap, worst.alpha);
}

static int trace(tracing *w)
{
    int status = check_arguments(w);
    if (!status) status = open_data(w);
    if (status) return status;
    if (!w->quiet) summary_path_notes(w->options);
    cusgd_path_plan plan = CUSGD_INIT(cusgd_path_plan);
    plan.l1_ratio = w->l1_ratio;
    plan.count = w->count;
    plan.ratio = w->ratio;
    plan.folds = (int)(w->folds < 1000 ? w->folds : 1000);
    plan.select = w->select && strcmp(w->select, "1se") == 0 ? CUSGD_SELECT_ONE_SE : CUSGD_SELECT_BEST;
    cusgd_status ran = cusgd_path_create(w->options, w->data, &plan, &w->path);
    if (ran) return complain_last(ran);
    status = write_table(w, "--coefficients", w->coefficients_path, put_coefficients);
    if (!status) status = write_table(w, "--report", w->report_path, put_report);
    if (!status) status = write_model(w);
    if (!status && !w->quiet) put_summary(w);
    if (!status && !w->quiet) note_gaps(w->path);
    return status;
}

int path_main(int argc, char **argv)
{
    tracing w = {.l1_ratio = 1, .ratio = 1e-4, .count = 100, .folds = 5};
    argument reading_table[READING_ARGUMENTS];
    const argument table[] = {
        {0, "l1-ratio", "A", "1", "l1 as a share of alpha: 1 is the lasso, 0 ridge regression", TAKES_NUMBER, &w.l1_ratio},
        {0, "count", "N", "100", "penalties", TAKES_COUNT, &w.count},
        {0, "ratio", "R", "1e-4", "the last penalty as a share of the first", TAKES_NUMBER, &w.ratio},
        {0, "folds", "K", "5", "folds of cross-validation; 0: none", TAKES_COUNT, &w.folds},
        {0, "select", "RULE", "best", "best, or 1se: the largest penalty within a standard error of it", TAKES_TEXT, &w.select},
        {0, "coefficients", "FILE", "none", "a CSV table of the coefficients for each penalty", TAKES_TEXT, &w.coefficients_path},
        {0, "report", "FILE", "none", "a CSV table of the losses for each penalty", TAKES_TEXT, &w.report_path},
        {'m', "model", "OUT", "none", "the model that the folds choose, trained on all rows", TAKES_TEXT, &w.model_path},
        {'q', "quiet", NULL, NULL, "print nothing but errors", TAKES_NOTHING, &w.quiet},
    };
    static const char *const usual[] = {"features", "target", "weights", "missing", "categorical",
                                        "loss",     "seed",   "device",  NULL};
    reading_arguments(&w.reading, reading_table);
    int status = options_open(&w.options);
    if (status) return status;
    const syntax s = {.word = "path",
                      .operands = "DATA --coefficients FILE [OPTION]...",
                      .operand_count = 1,
                      .summary = "Computes a model for each of many penalties: the lasso, the elastic net or ridge regression.",
                      .example = "cusgd path houses.csv --l1-ratio 0.9 --coefficients path.csv",
                      .groups = {{table, sizeof table / sizeof table[0]}, {reading_table + 1, READING_ARGUMENTS - 1}},
                      .options = w.options,
                      .usual = usual,
                      .reads = path_reads};
    w.syntax = &s;
    signals_handle();
    if (arguments_parse(&s, argc, argv, &w.data_path, &status)) status = trace(&w);
    cusgd_path_free(w.path);
    cusgd_data_free(w.data);
    cusgd_options_free(w.options);
    reading_free(&w.reading);
    return signals_exit_code(status);
}
