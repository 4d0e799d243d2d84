/* The full-batch solvers on data that are hard, and exact's ways through them, on the device that CUSGD_TEST_DEVICE names. */
#include "options.h"
#include "solvers.h"

#include <math.h>
#include <stdlib.h>

/* ---- Hard data ---- */

/* What a solver may do with data that are hard: find the least objective, or say that it did not. */
typedef struct hard {
    const char *name;
    int64_t n, d;
    double *x, *y;
    double minimum; /* the least (1/n) |r|^2 / 2 */
    int standardize;
} hard;

static hard hard_make(const char *name, int64_t n, int64_t d, int standardize)
{
    hard h = {name, n, d, NULL, NULL, 0, standardize};
    uint64_t state = (uint64_t)n * 1000 + (uint64_t)d;
    h.x = random_normals(&state, n * d);
    h.y = random_normals(&state, n);
    return h;
}

static void check_hard(hard *h, int must_solve)
{
    cusgd_data *data = data_of(h->n, h->d, 1, h->x, h->y, NULL);
    double *found = zeros(h->d + 1), scale = 0, mean = 0;
    for (int64_t i = 0; i < h->n; i++) mean += h->y[i] / (double)h->n;
    for (int64_t i = 0; i < h->n; i++) scale += (h->y[i] - mean) * (h->y[i] - mean) / (double)h->n;
    problem p = {.n = h->n, .d = h->d, .x = h->x, .y = h->y, .loss = CUSGD_LOSS_SQUARED, .intercept = 1};
    for (int i = 0; i < SOLVERS; i++) {
        cusgd_options o = with(all[i], CUSGD_LOSS_SQUARED, 0);
        cusgd_result r = CUSGD_INIT(cusgd_result);
        o.standardize = h->standardize;
        if (is_first_order(all[i])) o.epochs = 3000;
        cusgd_trainer *t = trainer_of(&o, data, NULL);
        cusgd_status status = cusgd_trainer_fit(t, NULL, NULL, &r);
        parameters_of(t, h->d, 1, found);
        double off = objective_at(&p, found) - h->minimum;
        int direct = all[i] == CUSGD_SOLVER_EXACT || all[i] == CUSGD_SOLVER_AUTO;
        double minimum, seconds;
        assert_works(cusgd_trainer_optimum(t, &minimum, &seconds));
        cr_assert(fabs(minimum - h->minimum) <= 1e-6 * scale + 1e-20, "%s: the optimum is %.17g, not %.17g", h->name, minimum,
                  h->minimum);
        if (status == CUSGD_OK)
            cr_assert(off <= 1e-6 * fmax(h->minimum, 1e-3 * scale) + 1e-20,
                      "%s, %s: done, and %.3g above the least objective %.3g", h->name, word_of(all[i]), off, h->minimum);
        else
            cr_assert(status == CUSGD_ERROR_NOT_CONVERGED && strstr(cusgd_last_error(), "not converged"), "%s, %s: status %d: %s",
                      h->name, word_of(all[i]), (int)status, cusgd_last_error());
        cr_assert(status == CUSGD_OK || !(direct || must_solve), "%s, %s: %s", h->name, word_of(all[i]), cusgd_last_error());
        cr_assert(isfinite(r.loss) && isfinite(off), "%s, %s", h->name, word_of(all[i]));
        cusgd_trainer_free(t);
    }
    cusgd_data_free(data);
    free(found);
    free(h->x);
    free(h->y);
}

/* The least objective, by the solution in long double of a problem known to have full rank. */
static void set_min(hard *h)
{
    double *theta = zeros(h->d + 1);
    problem p = {.n = h->n, .d = h->d, .x = h->x, .y = h->y, .loss = CUSGD_LOSS_SQUARED, .intercept = 1};
    oracle_solve(&p, theta);
    h->minimum = objective_at(&p, theta);
    free(theta);
}

Test(solvers_hard, duplicated_columns)
{
    hard h = hard_make("duplicated", 60, 4, 1), half = h;
    half.d = 2;
    half.x = zeros(60 * 2);
    for (int64_t i = 0; i < 60; i++) {
        half.x[2 * i] = h.x[4 * i + 2] = h.x[4 * i];
        half.x[2 * i + 1] = h.x[4 * i + 1];
        h.x[4 * i + 3] = 3 * h.x[4 * i + 1];
    }
    set_min(&half);
    h.minimum = half.minimum;
    free(half.x);
    check_hard(&h, 1);
}

Test(solvers_hard, dependent_columns)
{
    hard h = hard_make("dependent", 80, 5, 1), full = h;
    full.d = 4;
    full.x = zeros(80 * 4);
    for (int64_t i = 0; i < 80; i++) {
        memcpy(full.x + 4 * i, h.x + 5 * i, 4 * sizeof(double));
        h.x[5 * i + 4] = h.x[5 * i] - 2 * h.x[5 * i + 1] + 0.5 * h.x[5 * i + 3];
    }
    set_min(&full);
    h.minimum = full.minimum;
    free(full.x);
    check_hard(&h, 1);
}

Test(solvers_hard, more_columns_than_rows)
{
    hard h = hard_make("wide", 12, 40, 1);
    check_hard(&h, 1);
}

Test(solvers_hard, one_row)
{
    for (int standardize = 0; standardize < 2; standardize++) {
        hard h = hard_make("one row", 1, 3, standardize);
        check_hard(&h, 1);
    }
}

Test(solvers_hard, constant_columns)
{
    for (int standardize = 0; standardize < 2; standardize++) {
        hard h = hard_make("constant", 30, 3, standardize);
        for (int64_t i = 0; i < 30; i++) h.x[3 * i + 1] = 7, h.x[3 * i + 2] = 0;
        hard one = h;
        one.d = 1;
        one.x = zeros(30);
        for (int64_t i = 0; i < 30; i++) one.x[i] = h.x[3 * i];
        set_min(&one);
        h.minimum = one.minimum;
        free(one.x);
        check_hard(&h, standardize);
    }
}

Test(solvers_hard, all_zeros)
{
    hard h = hard_make("zeros", 20, 3, 1);
    double mean = 0;
    memset(h.x, 0, 60 * sizeof(double));
    for (int i = 0; i < 20; i++) mean += h.y[i] / 20;
    for (int i = 0; i < 20; i++) h.minimum += (h.y[i] - mean) * (h.y[i] - mean) / 40;
    check_hard(&h, 1);
    h = hard_make("all zeros", 20, 3, 1);
    memset(h.x, 0, 60 * sizeof(double));
    memset(h.y, 0, 20 * sizeof(double));
    check_hard(&h, 1);
}

/* Columns z, z + 1e-6 e, z + 1e-12 f: condition 1e12. Their differences span the same space, and well. Then columns of scales
 * 1e-6 to 1e6, as they are. */
Test(solvers_hard, condition)
{
    hard h = hard_make("condition 1e12", 200, 3, 1), tame = h;
    tame.x = zeros(200 * 3);
    for (int64_t i = 0; i < 200; i++) {
        double *x = h.x + 3 * i, *apart = tame.x + 3 * i;
        x[1] = x[0] + 1e-6 * x[1];
        x[2] = x[0] + 1e-12 * x[2];
        h.y[i] += x[0];
        apart[0] = x[0];
        apart[1] = 1e6 * (x[1] - x[0]);
        apart[2] = 1e12 * (x[2] - x[0]);
    }
    set_min(&tame);
    h.minimum = tame.minimum;
    free(tame.x);
    check_hard(&h, 0);
    h = hard_make("scales", 100, 3, 0);
    for (int64_t i = 0; i < 100; i++) h.y[i] += h.x[3 * i] + h.x[3 * i + 2];
    set_min(&h);
    for (int64_t i = 0; i < 100; i++) {
        h.x[3 * i] *= 1e6;
        h.x[3 * i + 2] *= 1e-6;
    }
    check_hard(&h, 0);
}

/* Of the many solutions exact takes the one of least norm: duplicates share their coefficient. */
Test(solvers_hard, exact_takes_the_least_norm_and_tells_the_rank)
{
    double x[40 * 3], y[40], found[4];
    uint64_t state = 5;
    for (int i = 0; i < 40; i++) {
        x[3 * i] = x[3 * i + 1] = random_normal(&state);
        x[3 * i + 2] = random_normal(&state);
        y[i] = 4 * x[3 * i] - x[3 * i + 2] + 2;
    }
    cusgd_data *data = data_of(40, 3, 1, x, y, NULL);
    cusgd_options o = with(CUSGD_SOLVER_EXACT, CUSGD_LOSS_SQUARED, 0);
    for (int standardize = 0; standardize < 2; standardize++) {
        o.standardize = standardize;
        cusgd_result r = train(&o, data, found);
        const double expected[] = {2, 2, -1, 2};
        cr_assert(distance(found, expected, 4) < 1e-12, "%g %g %g %g", found[0], found[1], found[2], found[3]);
        cr_assert(strstr(r.note, "rank 2 of 3"), "%s", r.note);
        cr_assert_eq(r.stop, CUSGD_STOP_SOLVED);
    }
    cusgd_data_free(data);
}

/* Weights, no intercept, and a penalty, by both ways of `exact`: the matrix's and QR's (ten rows and twelve columns). */
Test(solvers_hard, exact_with_weights_and_without_intercept)
{
    for (int wide = 0; wide < 2; wide++)
        for (int intercept = 0; intercept < 2; intercept++) {
            int64_t n = wide ? 10 : 50, d = wide ? 12 : 4;
            uint64_t state = 11;
            double *x = random_normals(&state, n * d), *y = random_normals(&state, n), *w = zeros(n), found[13], exact[13] = {0};
            for (int64_t i = 0; i < n; i++) w[i] = i % 4 == 1 ? 0 : 0.5 + random_uniform(&state);
            for (int64_t i = 0; i < n; i++) x[i * d] += 5;
            cusgd_data *data = data_of(n, d, 1, x, y, w);
            problem p = {.n = n, .d = d, .x = x, .y = y, .w = w, .loss = CUSGD_LOSS_SQUARED, .l2 = 0.3, .intercept = intercept};
            cusgd_options o = with(CUSGD_SOLVER_EXACT, CUSGD_LOSS_SQUARED, 0.3);
            o.standardize = 0;
            o.intercept = intercept;
            oracle_solve(&p, exact);
            train(&o, data, found);
            cr_assert(distance(found, exact, d + 1) < 1e-10, "wide %d intercept %d: %g", wide, intercept,
                      distance(found, exact, d + 1));
            cusgd_data_free(data);
            free(x);
            free(y);
            free(w);
        }
}
