/* A model's file predicts what training reported, however far from 0 the data lies: `cusgd evaluate` on the training data says
 * what `training:` said, and both say what the same data says when it lies at 0. */
#include "command.h"
#include "reduced.h"

#include <math.h>

TestSuite(offset_files, .init = command_setup, .fini = folder_teardown);

enum { ROWS = 150 };

typedef struct loss_case {
    const char *name, *metric, *title; /* evaluate's key; the word of `training:` */
    char kind;                         /* targets: r real, c classes, p positive */
    const char *solver;                /* a full-batch method that takes the loss, or NULL */
} loss_case;

static const loss_case losses[] = {
    {"squared", "r2", "R2", 'r', "exact"},
    {"mse", "r2", "R2", 'r', "auto"},
    {"huber", "r2", "R2", 'r', "lbfgs"},
    {"epsilon-insensitive", "r2", "R2", 'r', NULL},
    {"squared-epsilon-insensitive", "r2", "R2", 'r', "newton"},
    {"quantile", "d2_pinball", "D2", 'r', NULL},
    {"log-cosh", "r2", "R2", 'r', "newton"},
    {"logistic", "accuracy", "accuracy", 'c', "newton"},
    {"hinge", "accuracy", "accuracy", 'c', NULL},
    {"squared-hinge", "accuracy", "accuracy", 'c', "lbfgs"},
    {"modified-huber", "accuracy", "accuracy", 'c', "lbfgs"},
    {"poisson", "d2", "D2", 'p', "newton"},
    {"gamma", "d2", "D2", 'p', "lbfgs"},
    {"tweedie", "d2", "D2", 'p', "auto"},
};

static double uniform(unsigned *state) /* in [-1, 1) */
{
    *state = *state * 1664525u + 1013904223u;
    return (double)(*state >> 8) / (1 << 23) - 1;
}

/* two columns and a target that lie `x_offset` and `y_offset` from 0; what is written is the same up to those, to the bit */
static void write_data(const char *name, char kind, double x_offset, double y_offset, double x_shown, double y_shown)
{
    FILE *file = fopen(name, "w");
    unsigned state = 7;
    cr_assert(file);
    fputs("a,b,y\n", file);
    for (int i = 0; i < ROWS; i++) {
        double a = (uniform(&state) + x_offset) - x_offset, b = (3 * uniform(&state) + x_offset) - x_offset;
        double p = 0.8 * a - 0.4 * b + 0.2, noise = 0.2 * uniform(&state);
        double y = kind == 'r' ? p + noise : kind == 'c' ? (double)(p + 5 * noise > 0) : exp(p + noise);
        if (kind == 'r') y = (y + y_offset) - y_offset;
        fprintf(file, "%.17g,%.17g,%.17g\n", a + x_shown, b + x_shown, y + (kind == 'r' ? y_shown : 0));
    }
    cr_assert_eq(fclose(file), 0);
}

/* The number behind `word` on the line that starts with `start`. */
static double number_of(const char *text, const char *start, const char *word)
{
    const char *line = strstr(text, start), *at = line ? strstr(line, word) : NULL;
    cr_assert(at, "%s of %s is not in:\n%s", word, start, text);
    return strtod(at + strlen(word), NULL);
}

/* Trains on data.csv, and compares what training reported with what evaluate says of the file; returns it. */
static double train(const loss_case *l, const char *data, const char *options)
{
    outcome o;
    char key[32];
    run(&o, "$CUSGD train %s --loss %s %s --model m.safetensors", data, l->name, options);
    cr_assert(o.code == 0 || o.code == 7, "%s %s %s: exit code %d\n%s", l->name, data, options, o.code, o.err);
    double said = number_of(o.err, "training:", l->title);
    run(&o, "$CUSGD evaluate m.safetensors %s --json", data);
    assert_code(o, 0);
    snprintf(key, sizeof key, "\"%s\": ", l->metric);
    double is = number_of(o.out, "\"mean\"", key);
    cr_assert(fabs(said - is) <= 0.51 * (strcmp(l->title, "accuracy") == 0 ? 1e-4 : 1e-6),
              "%s %s %s: training said %.9g, the file's is %.9g", l->name, data, options, said, is);
    return is;
}

/* The data at its place, and at 0 with the same rounding of its values. */
static void compare(const loss_case *l, double x_offset, double y_offset, const char *options, double within)
{
    write_data("far.csv", l->kind, x_offset, y_offset, x_offset, y_offset);
    write_data("near.csv", l->kind, x_offset, y_offset, 0, 0);
    double far = train(l, "far.csv", options), near = train(l, "near.csv", options);
    cr_assert(near > 0.5, "%s: %g", l->name, near);
    cr_assert(fabs(far - near) <= within, "%s %s: x at %g, y at %g: %.9g, but %.9g where they are at 0", l->name, options,
              x_offset, y_offset, far, near);
}

static void every_loss(double x_offset, double y_offset)
{
    size_t first = REDUCED ? (size_t)(fabs(x_offset) > 1e8) + (y_offset != 0) : 0; /* each loss still meets some of the offsets */
    for (size_t i = first; i < sizeof losses / sizeof *losses; i += REDUCED ? 3 : 1) {
        char options[64];
        double step = losses[i].kind == 'c' ? 2.01 / ROWS : 0; /* accuracy moves by whole rows */
        compare(&losses[i], x_offset, y_offset, "--epochs 60", fmax(step, 1e-3));
        snprintf(options, sizeof options, "--solver %s", losses[i].solver);
        if (losses[i].solver) compare(&losses[i], x_offset, y_offset, options, fmax(step, 1e-4));
    }
}

Test(offset_files, columns_at_1e4) { every_loss(1e4, 0); }
Test(offset_files, columns_at_1e6) { every_loss(-1e6, 0); }
Test(offset_files, columns_at_1e9) { every_loss(1e9, 0); }
Test(offset_files, columns_at_1e12) { every_loss(1e12, 0); }
Test(offset_files, targets_at_1e4) { every_loss(0, -1e4); }
Test(offset_files, targets_at_1e9) { every_loss(0, 1e9); }
Test(offset_files, both_at_1e12) { every_loss(1e12, 1e12); }

/* Where float alone is the limit the file and the report are still one. */
Test(offset_files, unstandardized_runs)
{
    static const char *const options[] = {"--no-standardize --solver lbfgs",
                                          "--no-intercept --solver newton --loss squared",
                                          "--no-standardize --optimizer adam --epochs 5",
                                          "--precision double --epochs 30",
                                          "--lower -0.1 --upper 0.1 --epochs 30",
                                          "--storage bf16 --epochs 30"};
    for (size_t i = 0; i < sizeof options / sizeof *options; i++) {
        write_data("far.csv", 'r', 1e6, 1e6, 1e6, 1e6);
        train(&losses[0], "far.csv", options[i]);
    }
}

/* A run goes on from a file as from where it ended. */
Test(offset_files, a_run_goes_on_from_its_file)
{
    outcome o;
    write_data("far.csv", 'r', 1e9, 1e9, 1e9, 1e9);
    double before = train(&losses[0], "far.csv", "--solver exact --precision double");
    run(&o, "cp m.safetensors first.safetensors");
    double after = train(&losses[0], "far.csv", "--init first.safetensors --optimizer sgd --rate 1e-9 --epochs 1");
    cr_assert_float_eq(after, before, 1e-6);
}
