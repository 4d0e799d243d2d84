/* Parts of a problem and of the solvers that ask it, on problems that are put together here: no device, no data. */
#include "data.h"
#include "problem/problem.h"
#include "solvers/solver.h"
#include "support.h"

#include <math.h>
#include <stdio.h>

TestSuite(problem, .init = folder_setup, .fini = folder_teardown);

static cusgd_options options;

/* n x d, one output, without an intercept; x and y row-major. */
static problem put_together(int64_t n, int64_t d, const double *x, const double *y)
{
    options_init(&options);
    options.loss = CUSGD_LOSS_LOGISTIC;
    return (problem){
        .options = &options,
        .loss = {.kind = CUSGD_LOSS_LOGISTIC},
        .d = d,
        .k = 1,
        .train = {.rows = {.n = n, .d = d, .k = 1, .x = {x, CUSGD_TYPE_FLOAT64, d, 1}, .y = {y, CUSGD_TYPE_FLOAT64, 1, 1}}},
        .separated = -1};
}

/* Columns whose early rows lie within 1 and whose late rows are of 1e200: their squares overflow unless the scale is taken from
 * late rows, too. x_1 - x_2 separates the classes, and neither column does. */
Test(problem, separation_scales_columns_by_late_rows)
{
    enum { ROWS = 20000 };
    static double x[2 * ROWS], y[ROWS];
    cusgd_data *data;
    char note[512] = "";
    double theta[3] = {0};
    for (int i = 0; i < ROWS; i++) {
        double size = i < ROWS / 2 ? 1 : 1e200, at = (double)(i % 19 - 9) / 10, apart = 0.02 * (1 + i % 5);
        y[i] = i % 2;
        x[2 * i] = size * (at + (i % 2 ? apart : -apart));
        x[2 * i + 1] = size * at;
    }
    problem p = put_together(ROWS, 2, x, y);
    cr_assert_eq(cusgd_data_wrap(ROWS, 2, 1, p.train.rows.x, p.train.rows.y, (cusgd_matrix){0}, &data), CUSGD_OK);
    p.train.data = data;
    cr_assert_eq(problem_separation(&p, theta, 0, note, sizeof note), CUSGD_OK);
    cr_expect_eq(p.separated, 1);
    cr_expect(strstr(note, "a combination of columns"), "%s", note);
    cusgd_data_free(data);
}

/* Names of columns are shortened by characters: 23 letters and one of two bytes leave no room for its second half. */
Test(problem, separation_cuts_names_between_characters)
{
    enum { LETTERS = 23 };
    char text[4096], name[64] = "";
    for (int i = 0; i < LETTERS; i++) name[i] = (char)('a' + i);
    size_t used = (size_t)snprintf(text, sizeof text, "%s\u00e9\u00e9\u00e9,other,y\n", name);
    for (int i = 0; i < 40; i++) used += (size_t)snprintf(text + used, sizeof text - used, "%d,%d,%d\n", i, i * 7 % 11, i > 20);
    cusgd_data *data;
    cusgd_trainer *t;
    cusgd_result r = CUSGD_INIT(cusgd_result);
    cr_assert_eq(cusgd_data_open(file_text("names.csv", text), NULL, &data), CUSGD_OK, "%s", cusgd_last_error());
    options_init(&options);
    options.loss = CUSGD_LOSS_LOGISTIC;
    options.epochs = 1;
    cr_assert_eq(cusgd_trainer_create(&options, data, NULL, &t), CUSGD_OK, "%s", cusgd_last_error());
    cr_assert_eq(cusgd_trainer_fit(t, NULL, NULL, &r), CUSGD_OK, "%s", cusgd_last_error());
    cr_expect(text_is_utf8(r.note, strlen(r.note)), "%s", r.note);
    strcat(name, "\"");
    cr_expect(strstr(r.note, name), "%s", r.note);
    cusgd_trainer_free(t);
    cusgd_data_free(data);
}

/* What is said before a long run: with fewer rows than columns exact works by pieces, and hears an interruption. */
Test(problem, announcements_of_what_cannot_be_interrupted)
{
    char text[256];
    const char *waits = "can be interrupted only between";
    problem p = put_together(20000, 10000, NULL, NULL);
    options.loss = CUSGD_LOSS_SQUARED;
    options.solver = CUSGD_SOLVER_EXACT;
    solver_announce(&p, text, sizeof text);
    cr_expect(strstr(text, "solver exact needs") && strstr(text, waits), "%s", text);
    p.train.rows.n = 5000;
    solver_announce(&p, text, sizeof text);
    cr_expect(strstr(text, "solver exact needs") && !strstr(text, waits), "%s", text);
    p.train.rows.n = 10;
    solver_announce(&p, text, sizeof text);
    cr_expect_str_empty(text);
}

/* The subgradient within bounds. Along each parameter the objective is g theta + l1 |theta| near theta: what it changes by to
 * both sides, as far as the bounds let it go, decides whether it can fall, and how fast. */
Test(problem, subgradients_know_bounds_and_l1)
{
    const double lower = -1, upper = 2, thetas[] = {-1, -0.5, 0, 1, 2}, gradients[] = {-2, -0.5, 0, 0.5, 2}, h = 1e-3;
    double factor[2] = {1, 1}, low[2] = {lower, 0}, high[2] = {upper, 0};
    for (int i = 0; i < 3; i++)
        for (int a = 0; a < 5; a++)
            for (int b = 0; b < 5; b++) {
                problem p = put_together(1, 1, NULL, NULL);
                double theta[2] = {thetas[a], 0}, g[2] = {gradients[b], 1}, out[2], steepest = 0;
                p.l1 = 0.8 * i;
                p.limit[LIMIT_L1] = p.limit[LIMIT_L2] = factor;
                p.limit[LIMIT_LOWER] = low;
                p.limit[LIMIT_UPPER] = high;
                for (int side = -1; side <= 1; side += 2) {
                    double to = theta[0] + side * h;
                    double change = g[0] * side * h + p.l1 * (fabs(to) - fabs(theta[0]));
                    if (to >= lower && to <= upper && change < 0) steepest = side * change / h;
                }
                problem_subgradient(&p, theta, g, out);
                cr_expect_float_eq(out[0], steepest, 1e-9, "theta %g, g %g, l1 %g: %g", theta[0], g[0], p.l1, out[0]);
                cr_expect_eq(out[1], 0); /* there is no intercept */
                cr_expect_float_eq(problem_gradient_norm(&p, theta, g), fabs(steepest), 1e-9);
            }
}
