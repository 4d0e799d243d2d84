/* Several quantiles in one model, and sweeps over the numbers of losses. */
#include "sweeps.h"

#include <criterion/criterion.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { QUANTILES = 3 };

static cusgd_configuration of_number(double number)
{
    const double none = (double)NAN;
    return (cusgd_configuration){none, none, none, none, number, none};
}

static const double quantiles[QUANTILES] = {.9, .1, .5}; /* in any order */

static cusgd_options quantile_options(void)
{
    cusgd_options o = sweep_options();
    o.loss = CUSGD_LOSS_QUANTILE;
    return o;
}

/* The model of some quantiles, of which nothing is chosen. */
static cusgd_model *model_of(const cusgd_options *o, const cusgd_data *data, const double *wanted, size_t count)
{
    cusgd_configuration all[QUANTILES];
    cusgd_sweep_plan plan = CUSGD_INIT(cusgd_sweep_plan);
    cusgd_model *model;
    for (size_t i = 0; i < count; i++) all[i] = of_number(wanted[i]);
    plan.configurations = all;
    plan.count = count;
    cusgd_sweep *sweep = sweep_of(o, data, &plan);
    cr_assert_eq(cusgd_sweep_outputs(sweep), (int64_t)count);
    cr_assert_eq(cusgd_sweep_create_model(sweep, &model), CUSGD_OK, "%s", cusgd_last_error());
    cusgd_sweep_free(sweep);
    return model;
}

static cusgd_data *rows(rows_made *t)
{
    sweep_rows_make(t);
    return data_of(N, D, 1, t->x, t->y, NULL);
}

/* On the CPU a quantile's bits do not depend on the others. */
Test(quantiles, are_those_of_models_of_one)
{
    rows_made t;
    if (getenv("CUSGD_TEST_DEVICE")) cr_skip_test("cuBLAS may choose another kernel for another number of models");
    cusgd_data *data = rows(&t);
    for (int kind = 0; kind < 4; kind++) {
        cusgd_options o = quantile_options();
        o.precision = (cusgd_precision)(kind % 2);
        if (kind > 1) o.optimizer = CUSGD_OPTIMIZER_AUTO;
        cusgd_model *fan = model_of(&o, data, quantiles, QUANTILES);
        const double ascending[QUANTILES] = {.1, .5, .9};
        cr_assert_eq(cusgd_model_outputs(fan), QUANTILES);
        cr_assert_eq(cusgd_model_targets(fan), 1);
        cr_assert_arr_eq(cusgd_model_quantiles(fan), ascending, sizeof ascending);
        for (int q = 0; q < QUANTILES; q++) {
            cusgd_model *one = model_of(&o, data, &ascending[q], 1);
            double number;
            cusgd_model_loss(one, &number);
            cr_assert_eq(number, ascending[q]);
            cr_assert_null(cusgd_model_quantiles(one));
            for (int j = 0; j < D; j++)
                cr_assert_eq(cusgd_model_weight(one)[j], cusgd_model_weight(fan)[q * D + j], "%g: %.17g, not %.17g", ascending[q],
                             cusgd_model_weight(one)[j], cusgd_model_weight(fan)[q * D + j]);
            cr_assert_eq(cusgd_model_bias(one)[0], cusgd_model_bias(fan)[q]);
            cusgd_model_free(one);
        }
        cusgd_model_free(fan);
    }
    cusgd_data_free(data);
}

static double pinball(double y, double p, double q) { return y > p ? q * (y - p) : (1 - q) * (p - y); }

/* Each has its own loss; rows cross where one quantile is below a smaller one. */
Test(quantiles, are_evaluated)
{
    rows_made t;
    cusgd_data *data = rows(&t);
    cusgd_options o = quantile_options();
    cusgd_model *fan = model_of(&o, data, quantiles, QUANTILES);
    cusgd_data_free(data);
    for (int i = 0; i < N; i += 2)
        for (int j = 0; j < D; j++) t.x[i * D + j] *= -50; /* far from the rows of training lines cross */
    data = data_of(N, D, 1, t.x, t.y, NULL);
    double p[N * QUANTILES], losses[QUANTILES] = {0}, crossed = 0, mean = 0;
    cr_assert_eq(cusgd_model_predict(fan, data, CUSGD_PREDICT_MEAN, p), CUSGD_OK, "%s", cusgd_last_error());
    for (int i = 0; i < N; i++) {
        const double *row = p + i * QUANTILES;
        for (int q = 0; q < QUANTILES; q++) losses[q] += pinball(t.y[i], row[q], cusgd_model_quantiles(fan)[q]) / N;
        crossed += row[1] < row[0] || row[2] < row[1];
    }
    cr_assert(crossed > 0 && crossed < N, "%g", crossed);
    cusgd_metrics all[QUANTILES + 1] = {CUSGD_INIT(cusgd_metrics)};
    cr_assert_eq(cusgd_model_evaluate_outputs(fan, data, all, NULL, NULL), CUSGD_OK, "%s", cusgd_last_error());
    for (int q = -1; q < QUANTILES; q++) {
        cusgd_metrics m = CUSGD_INIT(cusgd_metrics);
        cusgd_order_metrics order = CUSGD_INIT(cusgd_order_metrics);
        for (int j = 0; q < 0 && j < QUANTILES; j++) mean += losses[j] / QUANTILES;
        double expected = q < 0 ? mean : losses[q];
        cr_assert_eq(cusgd_model_evaluate(fan, data, q, &m), CUSGD_OK, "%s", cusgd_last_error());
        cr_assert(fabs(m.pinball_loss - expected) <= 1e-12 * expected, "%d: %.17g, not %.17g", q, m.pinball_loss, expected);
        cr_assert_float_eq(m.crossing, crossed / N, 1e-15);
        const cusgd_metrics *same = &all[q < 0 ? QUANTILES : q];
        cr_assert(same->pinball_loss == m.pinball_loss && same->mae == m.mae && same->crossing == m.crossing);
        cr_assert_eq(cusgd_model_order_metrics(fan, data, q, &order), CUSGD_OK, "%s", cusgd_last_error());
        cr_assert(isfinite(order.d2_pinball));
    }
    cusgd_metrics unused = CUSGD_INIT(cusgd_metrics);
    cr_assert_eq(cusgd_model_evaluate(fan, data, QUANTILES, &unused), CUSGD_ERROR_USAGE);
    cusgd_model_free(fan);
    cusgd_data_free(data);
}

static const char *value_of(const cusgd_model *m, const char *wanted)
{
    const char *name, *value;
    for (size_t i = 0; cusgd_model_metadata(m, i, &name, &value); i++)
        if (strcmp(name, wanted) == 0) return value;
    return NULL;
}

/* A file's bytes with one text in the place of another of the same length. */
static cusgd_status load_changed(const cusgd_model *m, const char *from, const char *to)
{
    size_t bytes;
    cr_assert_eq(cusgd_model_save_memory(m, NULL, 0, &bytes), CUSGD_OK);
    char *file = malloc(bytes);
    cr_assert_eq(cusgd_model_save_memory(m, file, bytes, &bytes), CUSGD_OK);
    char *at = memmem(file, bytes, from, strlen(from));
    cr_assert(at && strlen(from) == strlen(to));
    memcpy(at, to, strlen(to));
    cusgd_model *again = NULL;
    cusgd_status status = cusgd_model_load_memory(file, bytes, &again);
    if (!status) {
        cr_assert_eq(cusgd_model_outputs(again), cusgd_model_outputs(m));
        cr_assert_eq(cusgd_model_targets(again), 1);
        cr_assert_arr_eq(cusgd_model_quantiles(again), cusgd_model_quantiles(m), sizeof(double) * QUANTILES);
        cr_assert_str_eq(cusgd_model_output(again, 1), cusgd_model_output(m, 1));
    }
    cusgd_model_free(again);
    free(file);
    return status;
}

Test(quantiles, are_kept_in_files)
{
    rows_made t;
    cusgd_data *data = rows(&t);
    cusgd_options o = quantile_options();
    const double some[QUANTILES] = {.25, .5, .75};
    cusgd_model *fan = model_of(&o, data, some, QUANTILES);
    cr_assert_str_eq(value_of(fan, "quantile"), "0.25,0.5,0.75");
    cr_assert_str_eq(cusgd_model_output(fan, 0), "quantile:0.25");
    cr_assert_null(cusgd_model_output(fan, QUANTILES));
    const char *const wrong[] = {"0.25,0.5,0.15", "0.25,0.5,1.75", "0.25,0.5,0.7x",
                                 "0.25,0.5, 1e9", "0.25,0.5|0.75", "0.25,0.55555,"};
    cr_assert_eq(load_changed(fan, "0.25,0.5,0.75", "0.25,0.5,0.75"), CUSGD_OK, "%s", cusgd_last_error());
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        cr_assert_eq(load_changed(fan, "0.25,0.5,0.75", wrong[i]), CUSGD_ERROR_DATA, "%s is taken", wrong[i]);
        cr_assert(strstr(cusgd_last_error(), "quantile"), "%s", cusgd_last_error());
    }
    cusgd_model_free(fan);
    cusgd_data_free(data);
}

/* With penalties and folds the best of each quantile is chosen; ranks are among its own. */
Test(quantiles, have_a_choice_each)
{
    rows_made t;
    cusgd_data *data = rows(&t);
    cusgd_options o = quantile_options();
    cusgd_configuration all[4] = {of_number(.9), of_number(.2), of_number(.9), of_number(.2)};
    for (int i = 0; i < 4; i++) all[i].l2 = i < 2 ? 100 : 1e-3;
    cusgd_sweep_plan plan = sweep_plan_of(&t, all, 4);
    cusgd_sweep *sweep = sweep_of(&o, data, &plan);
    cusgd_model *model;
    cr_assert_eq(cusgd_sweep_outputs(sweep), 2);
    cr_assert_eq(cusgd_sweep_chosen_for(sweep, 0), 3);
    cr_assert_eq(cusgd_sweep_chosen_for(sweep, 1), 2);
    cr_assert_eq(cusgd_sweep_chosen(sweep), 3);
    cr_assert_eq(cusgd_sweep_chosen_for(sweep, 2), SIZE_MAX);
    for (size_t i = 0; i < 4; i++) cr_assert_eq(sweep_outcome_of(sweep, i).rank, i < 2 ? 2 : 1);
    cr_assert_eq(cusgd_sweep_create_model(sweep, &model), CUSGD_OK, "%s", cusgd_last_error());
    cr_assert_eq(cusgd_model_outputs(model), 2);
    cr_assert_str_eq(value_of(model, "l2"), "0.001");
    cusgd_model_free(model);
    cusgd_sweep_free(sweep);
    cusgd_data_free(data);
}

/* Each is trained with its own delta, and all are judged by that of the options. */
Test(quantiles, deltas_are_compared_by_one)
{
    rows_made t;
    if (getenv("CUSGD_TEST_DEVICE")) cr_skip_test("cuBLAS may choose another kernel for another number of models");
    cusgd_data *data = rows(&t);
    cusgd_options o = sweep_options();
    o.loss = CUSGD_LOSS_HUBER;
    const cusgd_configuration all[] = {of_number(1.35), of_number(.5)}, none = of_number((double)NAN);
    cusgd_sweep_plan plan = sweep_plan_of(&t, all, 2), single = sweep_plan_of(&t, &none, 1);
    cusgd_sweep *sweep = sweep_of(&o, data, &plan), *usual = sweep_of(&o, data, &single);
    check_same_outcome(sweep, 0, usual, 0); /* 1.35 is the default */
    o.delta = .5;
    cusgd_sweep *other = sweep_of(&o, data, &single);
    cusgd_outcome a = sweep_outcome_of(sweep, 1), b = sweep_outcome_of(other, 0);
    cr_assert_eq(a.loss, b.loss);
    cr_assert(a.mean > 1.2 * b.mean, "%g, %g", a.mean, b.mean);
    cr_assert_eq(a.numbers.loss_number, .5);
    cusgd_sweep_free(sweep);
    cusgd_sweep_free(usual);
    cusgd_sweep_free(other);
    cusgd_data_free(data);
}

static void refused(const cusgd_options *o, const cusgd_data *data, const cusgd_sweep_plan *plan, const char *words)
{
    cusgd_sweep *sweep;
    cr_assert_eq(cusgd_sweep_create(o, data, NULL, plan, &sweep), CUSGD_ERROR_USAGE, "not refused: %s", words);
    cr_assert(strstr(cusgd_last_error(), words), "\"%s\" does not say \"%s\"", cusgd_last_error(), words);
}

Test(quantiles, refusals)
{
    rows_made t;
    cusgd_data *data = rows(&t);
    cusgd_options o = quantile_options();
    const cusgd_configuration wrong = of_number(1.5), zero = of_number(0), two[] = {of_number(.5), of_number(.5)},
                              different[] = {of_number(.1), of_number(.9)};
    cusgd_sweep_plan plan = sweep_plan_of(&t, &wrong, 1);
    refused(&o, data, &plan, "quantile");
    plan = sweep_plan_of(&t, &zero, 1);
    refused(&o, data, &plan, "quantile");
    plan = sweep_plan_of(&t, different, 2);
    plan.halving = 2;
    refused(&o, data, &plan, "halving");
    plan = sweep_plan_of(&t, two, 2);
    plan.folds = 0;
    refused(&o, data, &plan, "validation");
    plan = sweep_plan_of(&t, different, 2);
    o.loss = CUSGD_LOSS_SQUARED;
    refused(&o, data, &plan, "squared has no quantile");
    o.loss = CUSGD_LOSS_TWEEDIE;
    refused(&o, data, &plan, "powers");
    cusgd_data_free(data);
}
