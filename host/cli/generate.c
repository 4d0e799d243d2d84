#include "arguments.h"
#include "cli.h"
#include "signals.h"

#include <string.h>

/* Seed, precision and device mean what they mean to train, and are parsed by the same table. */
static int take_options(const syntax *s, const char *seed, const char *precision, cusgd_generator *g)
{
    cusgd_options *options;
    int status = options_open(&options);
    if (status) return status;
    if ((seed && cusgd_options_set(options, "seed", seed)) || (precision && cusgd_options_set(options, "precision", precision)) ||
        cusgd_options_set(options, "device", g->device))
        status = complain_usage(s, "%s", cusgd_last_error());
    g->seed = seed_of(options);
    g->type = type_for(options);
    cusgd_options_free(options);
    return status;
}

int generate_main(int argc, char **argv)
{
    cusgd_generator g = CUSGD_INIT(cusgd_generator);
    cusgd_generator_init(&g);
    g.rows = g.cols = 0;
    g.device = "cpu";
    const char *folder = NULL, *targets = "linear", *seed = NULL, *precision = NULL;
    int force = 0, status;
    const argument table[] = {
        {0, "rows", "N", NULL, "rows (required)", TAKES_POSITIVE, &g.rows},
        {0, "cols", "D", NULL, "columns of x (required)", TAKES_POSITIVE, &g.cols},
        {0, "outputs", "K", "1", "columns of y", TAKES_POSITIVE, &g.outputs},
        {0, "informative", "P", "all", "columns whose coefficients are not 0", TAKES_COUNT, &g.informative},
        {0, "targets", "linear|logistic|positive", "linear", "x theta + b + noise; 0 and 1 with these log-odds; > 0", TAKES_TEXT,
         &targets},
        {0, "noise", "S", "1", "standard deviation of the noise of linear targets", TAKES_NUMBER, &g.noise},
        {0, "correlation", "R", "0", "between neighboring columns (AR(1)), -1 < R < 1", TAKES_NUMBER, &g.correlation},
        {0, "condition", "C", "1", "condition number of the covariance; not with --correlation", TAKES_NUMBER, &g.condition},
        {0, "seed", "S", "0", "equal arguments give equal files", TAKES_TEXT, &seed},
        {0, "precision", "float|double", "float", "of the numbers in x.npy and y.npy", TAKES_TEXT, &precision},
        {0, "device", "auto|cpu|cuda[:I]", "cpu", "computes the rows, which do not depend on it", TAKES_TEXT, &g.device},
        {0, "force", NULL, NULL, "overwrite files that are there", TAKES_NOTHING, &force},
    };
    const syntax s = {.word = "generate",
                      .operands = "DIR --rows N --cols D [OPTION]...",
                      .operand_count = 1,
                      .summary = "Writes synthetic data: DIR/x.npy, DIR/y.npy, and the true model, DIR/true.safetensors.",
                      .example = "cusgd generate made --rows 1e6 --cols 32 --correlation 0.5",
                      .groups = {{table, sizeof table / sizeof table[0]}}};
    if (!arguments_parse(&s, argc, argv, &folder, &status)) return status;
    if (g.rows == 0 || g.cols == 0) return complain_usage(&s, "--rows and --cols are needed");
    static const char *const kinds[] = {"linear", "logistic", "positive"}; /* in the enumeration's order */
    int kind = 0;
    while (kind < 3 && strcmp(targets, kinds[kind]) != 0) kind++;
    if (kind == 3) return complain_usage(&s, "targets must be linear, logistic or positive, not \"%s\"", targets);
    g.targets = (cusgd_synthetic_targets)kind;
    if ((status = take_options(&s, seed, precision, &g)) != CUSGD_OK) return status;

    signals_handle();
    cusgd_status made = cusgd_generate(&g, folder, force);
    if (made) return signals_exit_code(complain_last(made));
    fprintf(stderr, "%s: x.npy (%lld x %lld), y.npy (%lld output%s), true.safetensors (the model behind them)\n", shown(folder),
            (long long)g.rows, (long long)g.cols, (long long)g.outputs, plural(g.outputs));
    return CUSGD_OK;
}
