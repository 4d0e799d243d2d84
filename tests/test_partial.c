/* Trainers that go on with other rows, and that begin anew with other options on the same ones. */
#include "scalar/optimizers.h"
#include "support.h"
#include "training.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { N = 300, D = 5, K = 2, BATCH = 20 };

typedef struct rows {
    double x[N * D], y[N * K], shifted[N * D];
} rows;

static void make(rows *r, uint64_t seed)
{
    for (int64_t i = 0; i < N; i++) {
        for (int64_t j = 0; j < D; j++) r->x[i * D + j] = random_normal(&seed) * (double)(1 + j) + (double)j;
        for (int64_t c = 0; c < K; c++) r->y[i * K + c] = r->x[i * D + c] - r->x[i * D + 2 + c] + random_normal(&seed);
    }
}

static cusgd_data *piece_of(const rows *r, int64_t first, int64_t count)
{
    return data_of(count, D, K, r->x + first * D, r->y + first * K, NULL);
}

static void coefficients(cusgd_trainer *t, double out[K * (D + 1)])
{
    assert_works(cusgd_trainer_get_coefficients(t, out, out + K * D));
}

/* ---- Further rows ---- */

/* Two passes over pieces of some rows, against the same steps over them all: every optimizer, to the bit. */
Test(partial, pieces_are_one_run)
{
    static const int64_t cut[] = {0, 100, 140, 300};
    static rows r;
    make(&r, 1);
    for (int optimizer = 1; optimizer < OPTIMIZER_COUNT; optimizer++)
        for (int variant = 0; variant < 4; variant++) {
            cusgd_options o = options_plain((cusgd_optimizer)optimizer, 0.01, BATCH, 3);
            o.precision = variant % 2 ? CUSGD_PRECISION_FLOAT : CUSGD_PRECISION_DOUBLE;
            o.average_from = variant < 2 ? 7 : -1;
            o.average = variant < 2;
            o.sampling = CUSGD_SAMPLING_NONE;
            o.standardize = 0;
            o.schedule = variant < 2 ? CUSGD_SCHEDULE_INVERSE_SCALING : CUSGD_SCHEDULE_CONSTANT;
            o.l1 = o.l2 = variant == 1 ? 0.01 : 0;
            cusgd_data *whole = piece_of(&r, 0, N), *piece = piece_of(&r, 0, cut[1]);
            cusgd_trainer *one = trainer_of(&o, whole, NULL), *many = trainer_of(&o, piece, NULL);
            double expected[K * (D + 1)], found[K * (D + 1)], loss = 0;
            assert_works(cusgd_trainer_step(one, 2 * N / BATCH));
            for (int pass = 0; pass < 2; pass++)
                for (int i = 0; i < 3; i++) {
                    cusgd_progress now = CUSGD_INIT(cusgd_progress);
                    cusgd_data *before = piece;
                    piece = piece_of(&r, cut[i], cut[i + 1] - cut[i]);
                    assert_works(cusgd_trainer_partial_fit(many, piece, &now));
                    cusgd_data_free(before);
                    loss += now.loss * (double)(cut[i + 1] - cut[i]) / N;
                    cr_assert_eq(now.step, pass * (N / BATCH) + cut[i + 1] / BATCH);
                    cr_assert_eq(now.epoch, 3 * pass + i + 1);
                }
            coefficients(one, expected);
            coefficients(many, found);
            cr_assert_arr_eq(found, expected, sizeof found, "%s, variant %d: %g, not %g", optimizer_table[optimizer].name,
                             variant, found[0], expected[0]);
            cr_assert(isfinite(loss) && loss > 0);
            cusgd_trainer_free(one);
            cusgd_trainer_free(many);
            cusgd_data_free(whole);
            cusgd_data_free(piece);
        }
}

/* Progressive loss: each row's before the step it is in. One row a step, by hand. */
Test(partial, loss_is_that_before_the_step)
{
    double x[3] = {1, 2, -1}, y[3] = {2, 3, 1}, theta = 0, expected = 0;
    cusgd_data *data = data_of(3, 1, 1, x, y, NULL);
    cusgd_options o = options_plain(CUSGD_OPTIMIZER_SGD, 0.25, 1, 1);
    cusgd_progress now = CUSGD_INIT(cusgd_progress);
    o.sampling = CUSGD_SAMPLING_NONE;
    o.standardize = o.intercept = 0;
    cusgd_trainer *t = trainer_of(&o, data, NULL);
    for (int i = 0; i < 3; i++) {
        double residual = theta * x[i] - y[i];
        expected += residual * residual / 3;
        theta -= 0.25 * residual * x[i];
    }
    assert_works(cusgd_trainer_partial_fit(t, data, &now));
    cr_assert_float_eq(now.loss, expected, 1e-12);
    cr_assert(now.rate == 0.25 && now.step == 3 && now.epoch == 1 && isnan(now.valid_loss) && !now.evaluated);
    cusgd_trainer_free(t);
    cusgd_data_free(data);
}

/* Means and scales stay those of the first rows. */
Test(partial, standardization_is_the_first_rows)
{
    static rows r;
    enum { HALF = N / 2 };
    make(&r, 2);
    for (int64_t i = HALF * D; i < N * D; i++) r.x[i] = 3 * r.x[i] + 5;
    double mean[D], scale[D], found[K * (D + 1)], expected[K * (D + 1)], classes[N];
    for (int64_t i = 0; i < N; i++) classes[i] = r.y[i * K] > 0;
    for (int j = 0; j < D; j++) {
        mean[j] = scale[j] = 0;
        for (int i = 0; i < HALF; i++) mean[j] += r.x[i * D + j] / HALF;
        for (int i = 0; i < HALF; i++) scale[j] += (r.x[i * D + j] - mean[j]) * (r.x[i * D + j] - mean[j]) / HALF;
        scale[j] = sqrt(scale[j]);
        for (int i = 0; i < N; i++) r.shifted[i * D + j] = (r.x[i * D + j] - mean[j]) / scale[j];
    }
    for (int by_hand = 0; by_hand < 2; by_hand++) {
        const double *x = by_hand ? r.shifted : r.x;
        cusgd_data *first = data_of(HALF, D, 1, x, classes, NULL);
        cusgd_data *second = data_of(HALF, D, 1, x + HALF * D, classes + HALF, NULL);
        cusgd_options o = options_plain(CUSGD_OPTIMIZER_MOMENTUM, 0.1, BATCH, 1);
        o.loss = CUSGD_LOSS_LOGISTIC;
        o.standardize = !by_hand;
        cusgd_trainer *t = trainer_of(&o, first, NULL);
        assert_works(cusgd_trainer_partial_fit(t, first, NULL));
        assert_works(cusgd_trainer_partial_fit(t, second, NULL));
        double *to = by_hand ? expected : found;
        assert_works(cusgd_trainer_get_coefficients(t, to, to + D));
        cusgd_trainer_free(t);
        cusgd_data_free(first);
        cusgd_data_free(second);
    }
    for (int j = 0; j < D; j++) cr_assert_float_eq(found[j] * scale[j], expected[j], 1e-10, "%d: %g", j, found[j] * scale[j]);
}

static int has_note(const cusgd_trainer *t, const char *part)
{
    const char *note;
    for (size_t i = 0; (note = cusgd_trainer_note(t, i)) != NULL; i++)
        if (strstr(note, part)) return 1;
    return 0;
}

/* Few first rows are said to be few when others come, and where the means and scales are theirs. */
Test(partial, few_first_rows_have_a_note)
{
    static const struct {
        int64_t first;
        int standardize, is_given, expected;
    } cases[] = {{99, 1, 0, 1}, {2, 1, 0, 1}, {100, 1, 0, 0}, {99, 0, 0, 0}, {99, 1, 1, 0}};
    static rows r;
    double means[D] = {0}, scales[D] = {1, 2, 3, 4, 5};
    make(&r, 5);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        cusgd_data *first = piece_of(&r, 0, cases[i].first), *second = piece_of(&r, cases[i].first, 150);
        cusgd_options o = options_plain(CUSGD_OPTIMIZER_ADAM, 0.01, 1, 1);
        o.standardize = cases[i].standardize;
        if (cases[i].is_given) o.column_means = means, o.column_scales = scales;
        cusgd_trainer *t = trainer_of(&o, first, NULL);
        assert_works(cusgd_trainer_partial_fit(t, first, NULL));
        cr_assert(!has_note(t, "first rows"), "case %zu, before others", i);
        assert_works(cusgd_trainer_partial_fit(t, second, NULL));
        cr_assert_eq(has_note(t, "fewer than 100 first rows"), cases[i].expected, "case %zu", i);
        cusgd_trainer_free(t);
        cusgd_data_free(first);
        cusgd_data_free(second);
    }
}

/* A fit after new rows ends at their optimum, and reports their loss. */
Test(partial, fit_goes_on_with_the_new_rows)
{
    static rows r;
    make(&r, 3);
    for (int64_t i = N / 2 * K; i < N * K; i++) r.y[i] = 4 - r.y[i];
    for (int penalized = 0; penalized < 2; penalized++) {
        cusgd_data *first = piece_of(&r, 0, N / 2), *second = piece_of(&r, N / 2, N / 2);
        cusgd_options o = options_default(), exact = options_default();
        double found[K * (D + 1)], expected[K * (D + 1)];
        o.batch = N / 2;
        o.epochs = 2000;
        o.average = 0; /* an average of all steps would long remember the first rows */
        o.l1 = exact.l1 = penalized ? 0.1 : 0;
        o.penalty_units = exact.penalty_units = CUSGD_PENALTY_DATA; /* standardized columns are those of the first rows */
        exact.solver = CUSGD_SOLVER_AUTO;
        exact.gradient_tolerance = 1e-12;
        cusgd_trainer *t = trainer_of(&o, first, NULL), *s = trainer_of(&exact, second, NULL);
        fit(t);
        assert_works(cusgd_trainer_rebind(t, second));
        cusgd_result a = fit(t), b = fit(s);
        coefficients(t, found);
        coefficients(s, expected);
        cr_assert(distance(found, expected, K * (D + 1)) < 1e-5, "%g", distance(found, expected, K * (D + 1)));
        cr_assert_float_eq(a.loss, b.loss, 1e-6 * b.loss, "%g, %g", a.loss, b.loss);
        cusgd_trainer_free(t);
        cusgd_trainer_free(s);
        cusgd_data_free(first);
        cusgd_data_free(second);
    }
}

/* What does not fit is refused, and the trainer goes on as if nothing had been asked. */
Test(partial, other_rows_that_do_not_fit)
{
    static rows r;
    make(&r, 4);
    cusgd_data *good = piece_of(&r, 0, N), *narrow = data_of(N, D - 1, K, r.x, r.y, NULL),
               *single = data_of(N, D, 1, r.x, r.y, NULL), *offset = piece_of(&r, 0, N), *named = piece_of(&r, 0, N),
               *swapped = piece_of(&r, 0, N);
    const char *names[] = {"a", "b", "c", "d", "e"}, *others[] = {"a", "c", "b", "d", "e"};
    assert_works(cusgd_data_set_names(named, names, NULL, NULL, NULL));
    assert_works(cusgd_data_set_names(swapped, others, NULL, NULL, "chunk"));
    assert_works(cusgd_data_set_offset(offset, CUSGD_OFFSET_LINEAR, (cusgd_matrix){r.x, CUSGD_TYPE_FLOAT64, D, 1}));
    cusgd_options o = options_plain(CUSGD_OPTIMIZER_ADAM, 0.01, BATCH, 1);
    cusgd_trainer *t = trainer_of(&o, named, NULL), *same = trainer_of(&o, named, NULL);
    assert_works(cusgd_trainer_step(t, 7));
    assert_works(cusgd_trainer_step(same, 7));
    assert_fails(cusgd_trainer_rebind(t, narrow), CUSGD_ERROR_DATA, "has 4 columns and 2 targets where the rows before have 5");
    assert_fails(cusgd_trainer_rebind(t, single), CUSGD_ERROR_DATA, "5 columns and 1 targets");
    assert_fails(cusgd_trainer_partial_fit(t, offset, NULL), CUSGD_ERROR_DATA, "has an offset, and the rows before have no");
    assert_fails(cusgd_trainer_partial_fit(t, swapped, NULL), CUSGD_ERROR_DATA,
                 "chunk: column 2 is 'c', and that of the rows before 'b'");
    r.x[41 * D + 2] = (double)NAN;
    assert_fails(cusgd_trainer_rebind(t, good), CUSGD_ERROR_DATA, "row 42");
    r.x[41 * D + 2] = 0;
    cusgd_progress unsized = {0};
    assert_fails(cusgd_trainer_partial_fit(t, good, &unsized), CUSGD_ERROR_USAGE, "size");
    cr_assert_eq(cusgd_trainer_data(t), named);
    double found[K * (D + 1)], expected[K * (D + 1)];
    assert_works(cusgd_trainer_step(t, 3)); /* in the middle of the epoch */
    assert_works(cusgd_trainer_step(same, 3));
    coefficients(t, found);
    coefficients(same, expected);
    cr_assert_arr_eq(found, expected, sizeof found);
    cusgd_trainer_free(t);
    o.valid_fraction = 0.25;
    t = trainer_of(&o, good, NULL);
    assert_fails(cusgd_trainer_rebind(t, good), CUSGD_ERROR_USAGE, "valid-fraction");
    cusgd_trainer_free(t);
    o = options_default();
    o.solver = CUSGD_SOLVER_AUTO;
    t = trainer_of(&o, good, NULL);
    assert_fails(cusgd_trainer_partial_fit(t, good, NULL), CUSGD_ERROR_USAGE, "only solver sgd");
    cusgd_trainer_free(t);
    cusgd_trainer_free(same);
    cusgd_data *all[] = {good, narrow, single, offset, named, swapped};
    for (int i = 0; i < 6; i++) cusgd_data_free(all[i]);
}

/* Rows that make the loss infinite end the call at their step; the trainer goes on from the parameters before it. */
Test(partial, divergence)
{
    double x[4] = {1, 1, 1e30, 1}, y[4] = {1, 1, 1, 1}, weight, bias;
    cusgd_data *first = data_of(4, 1, 1, x, y, NULL), *data = data_of(4, 1, 1, x, y, NULL);
    cusgd_options o = options_plain(CUSGD_OPTIMIZER_SGD, 0.25, 1, 1);
    cusgd_progress now = CUSGD_INIT(cusgd_progress);
    o.sampling = CUSGD_SAMPLING_NONE;
    o.standardize = 0;
    o.precision = CUSGD_PRECISION_FLOAT;
    cusgd_trainer *t = trainer_of(&o, first, NULL);
    assert_fails(cusgd_trainer_partial_fit(t, data, &now), CUSGD_ERROR_DIVERGED, "at step 3");
    cr_assert_eq(now.step, 2);
    cr_assert_eq(cusgd_trainer_data(t), data);
    cusgd_data_free(first); /* the trainer has the new rows, although a step of theirs failed */
    assert_works(cusgd_trainer_get_coefficients(t, &weight, &bias));
    cr_assert(isfinite(weight) && weight > 0);
    x[2] = 1;
    assert_works(cusgd_trainer_partial_fit(t, data, &now));
    cr_assert_eq(now.step, 6);
    cusgd_trainer_free(t);
    cusgd_data_free(data);
}

/* ---- Other options ---- */

static void compare_models(cusgd_trainer *a, cusgd_trainer *b, const char *what)
{
    double x[K * (D + 1)], y[K * (D + 1)];
    cusgd_result first = CUSGD_INIT(cusgd_result), second = CUSGD_INIT(cusgd_result);
    cusgd_status one = cusgd_trainer_fit(a, NULL, NULL, &first), other = cusgd_trainer_fit(b, NULL, NULL, &second);
    cr_assert_eq(one, other, "%s: %d, %d: %s", what, (int)one, (int)other, cusgd_last_error());
    coefficients(a, x);
    coefficients(b, y);
    cr_assert_arr_eq(x, y, sizeof x, "%s: %g, not %g", what, x[0], y[0]);
    cr_assert(first.steps == second.steps && first.stop == second.stop && first.rollbacks == second.rollbacks, "%s", what);
    cr_assert(memcmp(&first.loss, &second.loss, sizeof first.loss) == 0 &&
                  memcmp(&first.objective, &second.objective, sizeof first.objective) == 0,
              "%s", what);
    cr_assert_str_eq(first.note, second.note, "%s", what);
    for (size_t i = 0; cusgd_trainer_note(a, i) || cusgd_trainer_note(b, i); i++)
        cr_assert_str_eq(cusgd_trainer_note(a, i), cusgd_trainer_note(b, i), "%s", what);
}

/* A trainer that has been reset is one that was made so, whatever it was before. */
static void check_reset(const cusgd_data *data, const cusgd_options *before, const cusgd_options *after, const char *what)
{
    cusgd_trainer *fresh, *t = trainer_of(before, data, NULL);
    assert_works(cusgd_trainer_step(t, 5));
    cusgd_status made = cusgd_trainer_create(after, data, NULL, &fresh), reset = cusgd_trainer_reset(t, after);
    cr_assert_eq(made, reset, "%s: %d, %d: %s", what, (int)made, (int)reset, cusgd_last_error());
    if (!made) compare_models(t, fresh, what);
    if (made) assert_works(cusgd_trainer_step(t, 1)); /* it is as it was */
    cusgd_trainer_free(t);
    cusgd_trainer_free(fresh);
}

/* Every option, each of its names and two of its numbers. */
Test(partial, reset_by_every_option)
{
    static const char *const numbers[] = {"0.25", "3", "0", "1e-3", "true", "false", NULL};
    static rows r;
    int checked = 0;
    make(&r, 5);
    for (int64_t i = 0; i < N * K; i++) r.y[i] = r.y[i] > 0 ? 1 : 0; /* which every loss but gamma takes */
    cusgd_data *data = piece_of(&r, 0, N);
    for (size_t i = 0; cusgd_option_at(i); i++) {
        const cusgd_option_info *info = cusgd_option_at(i);
        for (int value = 0;; value++) {
            cusgd_options before = options_default(), after;
            const char *text = info->type == CUSGD_OPTION_NAME ? info->choices[value] : numbers[value]; /* ends with NULL */
            char what[128];
            if (!text) break;
            if (info->type == CUSGD_OPTION_DEVICE) break;
            before.epochs = 4;
            before.l1 = 1e-3;
            after = before;
            if (strcmp(info->name, "warm-up") == 0) after.schedule = CUSGD_SCHEDULE_ONE_CYCLE;
            if (strcmp(info->name, "solver") == 0) after.l1 = 0, after.epochs = 0;
            if (cusgd_options_set(&after, info->name, text) || cusgd_options_check(&after)) continue;
            snprintf(what, sizeof what, "%s %s", info->name, text);
            check_reset(data, &before, &after, what);
            if (cusgd_options_check(&after) == CUSGD_OK && after.solver == CUSGD_SOLVER_SGD) {
                cusgd_trainer *possible;
                cusgd_status status = cusgd_trainer_create(&after, data, NULL, &possible);
                cusgd_trainer_free(possible);
                if (!status) check_reset(data, &after, &before, what);
            }
            checked++;
        }
    }
    cr_assert(checked > 120, "%d", checked);
    cusgd_data_free(data);
}

/* Penalties in the data's units, whose scales may differ from run to run. */
Test(partial, reset_of_penalties)
{
    static rows r;
    make(&r, 6);
    cusgd_data *data = piece_of(&r, 0, N);
    static const double l2[] = {0, 1e-3, 5, 40};
    for (int i = 0; i < 4; i++)
        for (int j = 0; j < 4; j++) {
            cusgd_options before = options_default(), after;
            before.penalty_units = CUSGD_PENALTY_DATA;
            before.epochs = 5;
            after = before;
            before.l2 = l2[i];
            after.l2 = l2[j];
            check_reset(data, &before, &after, "l2");
            after.penalty_units = CUSGD_PENALTY_STANDARDIZED;
            check_reset(data, &before, &after, "units");
        }
    cusgd_data_free(data);
}

/* The data is not looked at again where what concerns it is equal: it may even be gone. */
Test(partial, reset_binds_nothing_anew)
{
    static rows r;
    make(&r, 7);
    cusgd_data *data = piece_of(&r, 0, N);
    cusgd_options before = options_default(), after = before;
    before.precision = after.precision = CUSGD_PRECISION_FLOAT; /* a copy in it */
    before.epochs = after.epochs = 5;
    after.batch = 50;
    after.rate = 0.01;
    after.optimizer = before.optimizer = CUSGD_OPTIMIZER_ADAM;
    after.l2 = 0.1;
    cusgd_trainer *t = trainer_of(&before, data, NULL), *fresh = trainer_of(&after, data, NULL);
    double found[K * (D + 1)], expected[K * (D + 1)];
    assert_works(cusgd_trainer_fit(fresh, NULL, NULL, NULL));
    coefficients(fresh, expected);
    for (int64_t i = 0; i < N * D; i++) r.x[i] = (double)NAN;
    assert_works(cusgd_trainer_reset(t, &after));
    assert_works(cusgd_trainer_fit(t, NULL, NULL, NULL));
    coefficients(t, found);
    cr_assert_arr_eq(found, expected, sizeof found);
    after.standardize = 0;
    assert_fails(cusgd_trainer_reset(t, &after), CUSGD_ERROR_DATA, "row 1");
    coefficients(t, expected); /* as it was */
    cr_assert_arr_eq(found, expected, sizeof found);
    cusgd_trainer_free(t);
    cusgd_trainer_free(fresh);
    cusgd_data_free(data);
}

/* Bounds that exclude every model are found out when the run begins: then there is none, until another reset. */
Test(partial, reset_that_fails)
{
    static rows r;
    make(&r, 8);
    for (int64_t i = 0; i < N * K; i++) r.y[i] = fabs(r.y[i]) + 1;
    cusgd_data *data = piece_of(&r, 0, N);
    cusgd_options good = options_default(), bad;
    good.loss = CUSGD_LOSS_POISSON;
    good.epochs = 3;
    bad = good;
    bad.lower = 1e4;
    cusgd_trainer *t = trainer_of(&good, data, NULL), *fresh = trainer_of(&good, data, NULL);
    double weight[K * D], bias[K], objective, seconds;
    cusgd_model *model;
    assert_fails(cusgd_trainer_reset(t, &bad), CUSGD_ERROR_USAGE, "excludes every model");
    assert_fails(cusgd_trainer_fit(t, NULL, NULL, NULL), CUSGD_ERROR_USAGE, "reset it again");
    assert_fails(cusgd_trainer_step(t, 1), CUSGD_ERROR_USAGE, "reset it again");
    assert_fails(cusgd_trainer_get_coefficients(t, weight, bias), CUSGD_ERROR_USAGE, "reset it again");
    assert_fails(cusgd_trainer_create_model(t, &model), CUSGD_ERROR_USAGE, "reset it again");
    assert_fails(cusgd_trainer_rebind(t, data), CUSGD_ERROR_USAGE, "reset it again");
    assert_works(cusgd_trainer_optimum(t, &objective, &seconds));
    cr_assert(isnan(objective));
    assert_works(cusgd_trainer_reset(t, &good));
    compare_models(t, fresh, "again");
    bad = good;
    bad.lower = 2, bad.upper = 1;
    assert_fails(cusgd_trainer_reset(t, &bad), CUSGD_ERROR_USAGE, "lower is above upper");
    compare_models(t, fresh, "as it was");
    cusgd_trainer_free(t);
    cusgd_trainer_free(fresh);
    cusgd_data_free(data);
}
