/* Where no finite optimum exists it is said, by every solver and sgd, with the columns; and nowhere else. */
#include "options.h"
#include "solvers.h"

#include <cjson/cJSON.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

static const cusgd_solver tried[] = {CUSGD_SOLVER_SGD, CUSGD_SOLVER_AUTO, CUSGD_SOLVER_NEWTON, CUSGD_SOLVER_LBFGS,
                                     CUSGD_SOLVER_CG};
enum { TRIED = sizeof tried / sizeof *tried };

/* Some solvers do not converge where there is nothing to converge to: the result is filled in all the same. */
static cusgd_result fit_anyhow(const cusgd_options *o, const cusgd_data *data)
{
    cusgd_result r = CUSGD_INIT(cusgd_result);
    cusgd_trainer *t = trainer_of(o, data, NULL);
    cusgd_status status = cusgd_trainer_fit(t, NULL, NULL, &r);
    cr_assert(status == CUSGD_OK || status == CUSGD_ERROR_NOT_CONVERGED, "%s", cusgd_last_error());
    cusgd_trainer_free(t);
    return r;
}

static int is_said(const cusgd_result *r) { return strstr(r->note, "no finite optimum exists") != NULL; }

/* With or without a note, whatever the solver, the precision and the scaling. */
static void check(const cusgd_data *data, cusgd_options o, int expected, const char *part)
{
    for (int i = 0; i < TRIED; i++)
        for (int variant = 0; variant < 2; variant++) {
            o.solver = tried[i];
            o.epochs = tried[i] == CUSGD_SOLVER_SGD ? 3 : 0;
            o.precision = variant ? CUSGD_PRECISION_FLOAT : CUSGD_PRECISION_DOUBLE;
            o.standardize = !variant || tried[i] == CUSGD_SOLVER_SGD || tried[i] == CUSGD_SOLVER_CG;
            cusgd_result r = fit_anyhow(&o, data);
            cr_assert_eq(is_said(&r), expected, "%s, variant %d: \"%s\"", word_of(tried[i]), variant, r.note);
            if (expected) cr_assert(strstr(r.note, part), "\"%s\" is not in \"%s\"", part, r.note);
            if (expected) cr_assert(strlen(r.note) < sizeof r.note - 1, "cut off: %s", r.note);
        }
}

/* golden/separation.json: 80 small tables, of which half have no finite optimum, by SciPy's linear program. */
Test(separation, tables_as_a_linear_program_judges_them)
{
    cJSON *json = golden_json("separation.json"), *at;
    int count[2] = {0, 0};
    cJSON_ArrayForEach(at, json)
    {
        int64_t n = (int64_t)json_number(at, "rows"), d = (int64_t)json_number(at, "cols");
        int logistic = strcmp(cJSON_GetObjectItem(at, "loss")->valuestring, "logistic") == 0;
        int separated = cJSON_IsTrue(cJSON_GetObjectItem(at, "separated"));
        double *x = zeros(n * d), *y = zeros(n);
        json_numbers(cJSON_GetObjectItem(at, "x"), x, n * d);
        json_numbers(cJSON_GetObjectItem(at, "y"), y, n);
        cusgd_data *data = data_of(n, d, 1, x, y, NULL);
        cusgd_options o = with(CUSGD_SOLVER_AUTO, logistic ? CUSGD_LOSS_LOGISTIC : CUSGD_LOSS_POISSON, 0);
        o.intercept = cJSON_IsTrue(cJSON_GetObjectItem(at, "intercept"));
        for (int sgd = 0; sgd < 2; sgd++) {
            o.solver = sgd ? CUSGD_SOLVER_SGD : CUSGD_SOLVER_AUTO;
            o.epochs = sgd;
            cusgd_result r = fit_anyhow(&o, data);
            cr_assert_eq(is_said(&r), separated, "table %d: \"%s\"", count[0] + count[1], r.note);
        }
        count[separated]++;
        cusgd_data_free(data);
        free(x);
        free(y);
    }
    cr_assert(count[0] == 40 && count[1] == 40);
    cJSON_Delete(json);
}

enum { N = 60, D = 3 };

/* Columns of which none separates the classes, not even with the others: two rows alike of both classes at four corners. */
static void make(double *x, double *y)
{
    uint64_t state = 9;
    for (int i = 0; i < N; i++) {
        for (int j = 0; j < D; j++) x[i * D + j] = i < 16 ? (i >> (j + 1) & 1) * 2 - 1 : random_normal(&state);
        y[i] = i < 16 ? i & 1 : x[i * D] + random_normal(&state) > 0;
    }
}

Test(separation, kinds)
{
    static double x[N * D], y[N], z[N * D], v[N], w[N];
    cusgd_options logistic = with(CUSGD_SOLVER_AUTO, CUSGD_LOSS_LOGISTIC, 0), poisson = logistic, tweedie = logistic;
    poisson.loss = CUSGD_LOSS_POISSON;
    tweedie.loss = CUSGD_LOSS_TWEEDIE;
    make(x, y);
    cusgd_data *plain = data_of(N, D, 1, x, y, NULL);
    check(plain, logistic, 0, NULL);
    check(plain, poisson, 0, NULL);

    memcpy(z, x, sizeof x); /* a dummy of one class */
    for (int i = 0; i < N; i++) z[i * D + 1] = i >= 50 && y[i] > 0;
    cusgd_data *dummy = data_of(N, D, 1, z, y, NULL);
    check(dummy, logistic, 1, "column 2 separates the classes");
    logistic.l2 = 1e-3;
    check(dummy, logistic, 0, NULL);
    logistic.l2 = 0;

    for (int i = 0; i < N; i++) v[i] = z[i * D + 1] > 0 ? 0 : 1 + i % 4; /* a cell of zeros */
    cusgd_data *cell = data_of(N, D, 1, z, v, NULL);
    check(cell, poisson, 1, "column 2 separates rows whose targets are all 0");
    check(cell, tweedie, 1, "column 2");
    poisson.l2 = 1e-3;
    check(cell, poisson, 0, NULL);
    poisson.l2 = 0;
    logistic.loss = CUSGD_LOSS_GAMMA; /* has no targets of 0 */
    for (int i = 0; i < N; i++) v[i] += 1;
    cusgd_data *positive = data_of(N, D, 1, z, v, NULL);
    check(positive, logistic, 0, NULL);
    check(positive, poisson, 0, NULL);
    logistic.loss = CUSGD_LOSS_LOGISTIC;

    for (int i = 0; i < N; i++) v[i] = x[i * D] + 2 * x[i * D + 2] > 0.3; /* a plane */
    cusgd_data *plane = data_of(N, D, 1, x, v, NULL);
    check(plane, logistic, 1, "a combination of columns (mainly 3");
    v[N - 1] = 1 - v[N - 1]; /* one row on the wrong side, which then gets weight 0 */
    for (int i = 0; i < N; i++) w[i] = i < N - 1;
    cusgd_data *overlap = data_of(N, D, 1, x, v, NULL), *ignored = data_of(N, D, 1, x, v, w);
    int far = fabs(x[(N - 1) * D] + 2 * x[(N - 1) * D + 2] - 0.3) > 0.5;
    cr_assert(far);
    check(overlap, logistic, 0, NULL);
    check(ignored, logistic, 1, "separates the classes");
    cusgd_data *all_of[] = {plain, dummy, cell, positive, plane, overlap, ignored};
    for (int i = 0; i < 7; i++) cusgd_data_free(all_of[i]);
}

/* Every row is looked at: each in turn is the nearest one to the plane. */
Test(separation, no_row_is_passed_over)
{
    enum { MANY = 200 };
    static double x[2 * MANY], y[MANY];
    uint64_t state = 12;
    for (int i = 0; i < 2 * MANY; i++) x[i] = random_normal(&state);
    for (int r = 0; r < MANY; r += REDUCED ? 5 : 1) {
        int count = 0;
        for (int i = 0; i < MANY; i++) {
            y[i] = x[2 * i] + x[2 * i + 1] >= x[2 * r] + x[2 * r + 1];
            count += y[i] > 0;
        }
        if (count < 3 || count > MANY - 3) continue;
        cusgd_data *data = data_of(MANY, 2, 1, x, y, NULL);
        cusgd_options o = with(CUSGD_SOLVER_SGD, CUSGD_LOSS_LOGISTIC, 0);
        o.epochs = 1;
        cusgd_result result = fit_anyhow(&o, data);
        cr_assert(is_said(&result) && strstr(result.note, "a combination of columns"), "row %d: \"%s\"", r, result.note);
        cusgd_data_free(data);
    }
}

/* A plane divides thousands of rows, of which a few tell at first look; one row of the wrong class far from it decides, wherever
 * it is, also where one class is rare. */
Test(separation, one_row_among_many)
{
    enum { MANY = 8000, COLS = 3 };
    const double cuts[] = {0, 2.5};
    const int places[] = {1, MANY / 3, MANY - 1};
    uint64_t state = 21;
    double *x = random_normals(&state, MANY * COLS), *y = zeros(MANY);
    cusgd_options o = with(CUSGD_SOLVER_SGD, CUSGD_LOSS_LOGISTIC, 0);
    o.epochs = 1;
    for (int c = 0; c < 2; c++) {
        for (int i = 0; i < MANY; i++) y[i] = x[COLS * i] + x[COLS * i + 1] > cuts[c];
        cusgd_data *data = data_of(MANY, COLS, 1, x, y, NULL);
        cusgd_result r = fit_anyhow(&o, data);
        cr_assert(is_said(&r) && strstr(r.note, "a combination of columns (mainly"), "cut %g: \"%s\"", cuts[c], r.note);
        cusgd_data_free(data);
        for (int k = 0; k < 3; k++) {
            double *row = x + COLS * places[k], kept[] = {row[0], row[1]}, class = y[places[k]];
            row[0] = row[1] = -1;
            y[places[k]] = 1;
            data = data_of(MANY, COLS, 1, x, y, NULL);
            r = fit_anyhow(&o, data);
            cr_assert(!is_said(&r), "cut %g, row %d: \"%s\"", cuts[c], places[k], r.note);
            cusgd_data_free(data);
            row[0] = kept[0];
            row[1] = kept[1];
            y[places[k]] = class;
        }
    }
    free(x);
    free(y);
}

/* What a penalty holds has no part; what it leaves free does. */
Test(separation, penalty_factors)
{
    static double x[N * D], y[N];
    const double held[] = {0, 1, 0}, left[] = {1, 0, 1};
    make(x, y);
    for (int i = 0; i < N; i++) x[i * D + 1] = i >= 50 && y[i] > 0;
    cusgd_data *data = data_of(N, D, 1, x, y, NULL);
    cusgd_options o = with(CUSGD_SOLVER_AUTO, CUSGD_LOSS_LOGISTIC, 0.01);
    o.l1_factors = o.l2_factors = held;
    check(data, o, 0, NULL);
    o.l1_factors = o.l2_factors = left;
    check(data, o, 1, "column 2 separates the classes");
    cusgd_data_free(data);
}

/* Bounds: a coefficient that may not rise cannot go to plus infinity. */
Test(separation, bounds)
{
    static double x[N * D], y[N];
    make(x, y);
    for (int i = 0; i < N; i++) x[i * D + 1] = i >= 50 && y[i] > 0;
    cusgd_data *data = data_of(N, D, 1, x, y, NULL);
    cusgd_options o = with(CUSGD_SOLVER_SGD, CUSGD_LOSS_LOGISTIC, 0);
    o.epochs = 3;
    o.lower = -5;
    cusgd_result r = fit_anyhow(&o, data);
    cr_assert(is_said(&r), "%s", r.note);
    o.upper = 5;
    r = fit_anyhow(&o, data);
    cr_assert(!is_said(&r), "%s", r.note);
    cusgd_data_free(data);
}

/* Counts sorted by themselves: for thousands of rows there is no positive one, and what a column shows in them shows nothing yet.
 */
Test(separation, rows_sorted_by_target)
{
    enum { SORTED = 12000, ZEROS = 9000, COLS = 4 };
    uint64_t state = 8;
    double *x = random_normals(&state, SORTED * COLS), *y = zeros(SORTED);
    for (int i = ZEROS; i < SORTED; i++) y[i] = 1 + (i - ZEROS) / 1000;
    cusgd_data *data = data_of(SORTED, COLS, 1, x, y, NULL);
    const cusgd_loss losses[] = {CUSGD_LOSS_POISSON, CUSGD_LOSS_TWEEDIE};
    for (int l = 0; l < 2; l++) {
        cusgd_options o = with(CUSGD_SOLVER_AUTO, losses[l], 0);
        cusgd_result r = fit_anyhow(&o, data);
        cr_assert(!is_said(&r), "loss %d: %s", (int)losses[l], r.note);
    }
    for (int i = 0; i < SORTED; i++) x[i * COLS + 2] = i < ZEROS && i % 50 == 0; /* a dummy that no positive row has */
    for (int l = 0; l < 2; l++) {
        cusgd_options o = with(CUSGD_SOLVER_AUTO, losses[l], 0);
        cusgd_result r = fit_anyhow(&o, data);
        cr_assert(is_said(&r) && strstr(r.note, "column 3"), "loss %d: %s", (int)losses[l], r.note);
    }
    cusgd_data_free(data);
    free(x);
    free(y);
}

/* More columns than rows, columns without a separating one among many rows, and outputs of which the second is separated. */
Test(separation, wide_long_and_several)
{
    enum { WIDE = 700, FEW = 20, LONG = 40000 };
    uint64_t state = 4;
    double *wide = random_normals(&state, FEW * WIDE), *tall = random_normals(&state, LONG * 30), *y = zeros(LONG), both[2 * N];
    for (int i = 0; i < LONG; i++) y[i] = i % 3 == 0;
    cusgd_data *a = data_of(FEW, WIDE, 1, wide, y, NULL), *b = data_of(LONG, 30, 1, tall, y, NULL);
    cusgd_options o = with(CUSGD_SOLVER_LBFGS, CUSGD_LOSS_LOGISTIC, 0);
    cusgd_result r = fit_anyhow(&o, a);
    cr_assert(is_said(&r) && strstr(r.note, "no more rows than columns"), "%s", r.note);
    o.loss = CUSGD_LOSS_POISSON;
    r = fit_anyhow(&o, a);
    cr_assert(is_said(&r), "%s", r.note);
    o.loss = CUSGD_LOSS_LOGISTIC;
    r = fit_anyhow(&o, b);
    cr_assert(!is_said(&r), "%s", r.note);
    for (int i = 0; i < LONG; i++) { /* only where both columns are 1, which is rare, are all of one class: v = (1, -1) */
        tall[30 * i] = i % 100 == 0;
        tall[30 * i + 1] = i % 300 == 0;
        if (i % 100 == 0 && i % 300 != 0) y[i] = 0;
        if (i % 300 == 0) y[i] = i % 600 == 0;
    }
    r = fit_anyhow(&o, b);
    cr_assert(is_said(&r) && strstr(r.note, "(mainly 1 and 2)"), "%s", r.note);
    for (int i = 0; i < LONG; i++) { /* a dummy that is 1 in three late rows of one class */
        tall[30 * i + 7] = i % 3 == 0 && i > LONG - 10;
        y[i] = tall[30 * i + 7] > 0 || i % 7 == 0;
    }
    r = fit_anyhow(&o, b);
    cr_assert(is_said(&r) && strstr(r.note, "column 8 separates the classes"), "%s", r.note);
    cusgd_data_free(a);
    cusgd_data_free(b);

    static double x[N * D], plain[N];
    make(x, plain);
    for (int i = 0; i < N; i++) both[2 * i] = plain[i], both[2 * i + 1] = x[i * D] > 0;
    a = data_of(N, D, 2, x, both, NULL);
    r = fit_anyhow(&o, a);
    cr_assert(is_said(&r) && strstr(r.note, "output 2: column 1 separates"), "%s", r.note);
    cusgd_data_free(a);
    free(wide);
    free(tall);
    free(y);
}

Test(separation, one_class)
{
    static double x[N * D], y[N];
    make(x, y);
    memset(y, 0, sizeof y);
    cusgd_data *data = data_of(N, D, 1, x, y, NULL);
    cusgd_options o = with(CUSGD_SOLVER_AUTO, CUSGD_LOSS_POISSON, 1);
    cusgd_result r = fit_anyhow(&o, data);
    cr_assert(is_said(&r) && strstr(r.note, "all targets are 0"), "%s", r.note);
    cusgd_data_free(data);
}
