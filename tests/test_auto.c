/* What runs when nothing is said reaches the optimum: a grid of seeded synthetic problems, each solved exactly besides.
 * CUSGD_TORTURE=1 runs the long grid. */
#include "options.h"
#include "problems.h"

#include <criterion/criterion.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- Grids --------------------------------------------------------------------------------------------------------------- */

static const double correlations[] = {0, 0.5, 0.9, 0.99};
static const double signals[][3] = {[CUSGD_LOSS_SQUARED] = {0.99, 0.5, 0.02}, [CUSGD_LOSS_LOGISTIC] = {6, 2, 0.3}};
enum { CORRELATIONS = 4, SIGNALS = 3, ROOM = 1000 };

/* Problems solved within 1e-3, and all, of each correlation and tail. */
typedef struct tally {
    kind kinds[ROOM];
    int count;
    int solved[CORRELATIONS][TAILS], tried[CORRELATIONS][TAILS];
    double worst[CORRELATIONS][TAILS];
} tally;

/* Every correlation and tail with every `step`-th signal. */
static void add_kinds(tally *t, int64_t n, int64_t d, int64_t batch, cusgd_loss loss, int step)
{
    int signal = 0;
    for (int r = 0; r < CORRELATIONS; r++)
        for (int tail = 0; tail < TAILS; tail++)
            for (int s = 0; s < SIGNALS; s++, signal++) {
                if (signal % step) continue;
                cr_assert_lt(t->count, ROOM);
                kind c = {n, d, batch, correlations[r], (enum tail)tail, signals[loss][s], loss, 0, NO_FAR, 0};
                c.seed = 1000003 * (uint64_t)t->count + (uint64_t)(n + d) + 17 * (uint64_t)loss;
                t->kinds[t->count++] = c;
            }
}

static int correlation_index(double correlation)
{
    int r = 0;
    while (correlations[r] != correlation) r++;
    return r;
}

static void print_tally(const tally *t, const char *name, int solved, int tried, double seconds)
{
    printf("%s: %d of %d within 1e-3 of the optimum (%.1f %%), %.0f s of training%s\n", name, solved, tried,
           100.0 * solved / tried, seconds, REDUCED ? "; reduced" : "");
    for (int r = 0; r < CORRELATIONS; r++) {
        printf("  correlation %-4g", correlations[r]);
        for (int tail = 0; tail < TAILS; tail++)
            printf("  %s %d/%d (worst %.0e)", tail_names[tail], t->solved[r][tail], t->tried[r][tail], t->worst[r][tail]);
        printf("\n");
    }
}

/* `share`: what was measured; three in a hundred fewer may be solved, and nothing may end above 10 times its optimum. */
static void check_grid(tally *t, const char *name, double share)
{
    int solved = 0, tried = 0;
    double seconds = 0;
    for (int i = 0; i < t->count; i += REDUCED ? 24 : 1, tried++) {
        const kind *c = &t->kinds[i];
        int r = correlation_index(c->correlation);
        verdict v = try_kind(c);
        int within = v.relative_gap <= 1e-3;
        cr_expect_leq(v.relative_gap, 9, "%s, problem %d (d %lld, correlation %g, %s): relative gap %g", name, i, (long long)c->d,
                      c->correlation, tail_names[c->tail], v.relative_gap);
        solved += within;
        seconds += v.result.seconds;
        t->tried[r][c->tail]++;
        t->solved[r][c->tail] += within;
        t->worst[r][c->tail] = fmax(t->worst[r][c->tail], v.relative_gap);
    }
    print_tally(t, name, solved, tried, seconds);
    if (!REDUCED)
        cr_expect_geq((double)solved / tried, share - 0.03, "%s: %d of %d solved, %.3f were", name, solved, tried, share);
    else
        cr_expect_geq(2 * solved, tried, "%s: %d of %d solved", name, solved, tried);
}

/* Measured on 2026-11-22, on the grid that always runs. */
static const double SQUARED_SHARE = 0.988;  /* 83 of 84 */
static const double LOGISTIC_SHARE = 0.988; /* 83 of 84 */
static const double FEW_ROWS_SHARE = 0.945; /* 104 of 110 */

static int torture(void)
{
    const char *word = getenv("CUSGD_TORTURE");
    return word && strcmp(word, "1") == 0;
}

static void check_large(cusgd_loss loss, const char *name, double share)
{
    static tally t;
    int all = torture();
    add_kinds(&t, 20000, 10, 0, loss, 1);
    add_kinds(&t, 20000, 50, 0, loss, all ? 2 : 4);
    add_kinds(&t, 20000, 200, 0, loss, all ? 7 : 13);
    add_kinds(&t, 20000, 10, 32, loss, all ? 1 : 5);
    add_kinds(&t, 20000, 10, 4096, loss, all ? 1 : 5);
    if (all) add_kinds(&t, 20000, 50, 32, loss, 5);
    if (all) add_kinds(&t, 20000, 50, 4096, loss, 5);
    check_grid(&t, name, share);
}

Test(auto, squared) { check_large(CUSGD_LOSS_SQUARED, "squared, 20,000 rows", SQUARED_SHARE); }
Test(auto, logistic) { check_large(CUSGD_LOSS_LOGISTIC, "logistic, 20,000 rows", LOGISTIC_SHARE); }

Test(auto, few_rows)
{
    static tally t;
    int all = torture();
    for (int loss = CUSGD_LOSS_SQUARED; loss <= CUSGD_LOSS_LOGISTIC; loss += CUSGD_LOSS_LOGISTIC - CUSGD_LOSS_SQUARED) {
        add_kinds(&t, 300, 5, 0, (cusgd_loss)loss, all ? 1 : 2);
        add_kinds(&t, 1000, 20, 0, (cusgd_loss)loss, all ? 1 : 2);
        add_kinds(&t, 5000, 40, 0, (cusgd_loss)loss, all ? 1 : 7);
    }
    check_grid(&t, "300 to 5,000 rows", FEW_ROWS_SHARE);
}

/* ---- Real data ----------------------------------------------------------------------------------------------------------- */

/* Defaults but for the loss and the penalty, which is that of golden/'s solution; the relative gap over the exact optimum,
 * summed over the outputs. */
static double gap_on(const char *file, int64_t k, cusgd_loss loss, double l2, cusgd_result *r)
{
    table t = golden_table(file);
    int64_t n = t.rows, d = t.cols - k;
    double *x = table_columns(&t, 0, d), *y = table_columns(&t, d, k), *of_one = zeros(n), *theta = zeros(k * (d + 1)),
           *exact = zeros(d + 1), found = 0, minimum = 0;
    standardize(x, n, d); /* on which the penalty acts; for the optimum of the rest it is all the same */
    cusgd_data *data = data_of(n, d, k, x, y, NULL);
    cusgd_options o;
    options_init(&o);
    o.loss = loss;
    o.l2 = l2;
    *r = train(&o, data, theta);
    for (int64_t c = 0; c < k; c++) {
        for (int64_t i = 0; i < n; i++) of_one[i] = y[i * k + c];
        problem p = {n, d, x, of_one, NULL, loss, 0, l2, 1};
        cr_assert_leq(oracle_solve(&p, exact), 1e-8);
        minimum += oracle_objective(&p, exact, NULL);
        found += oracle_objective(&p, theta + c * (d + 1), NULL);
    }
    cusgd_data_free(data);
    free(x);
    free(y);
    free(of_one);
    free(theta);
    free(exact);
    free(t.at);
    return found / minimum - 1;
}

/* Measured on 2026-11-22: 1.0e-4, 8.3e-4, 6.7e-4, 2.9e-2 (whose classes are all but separable). */
static void check_real(const char *name, const char *file, int64_t k, cusgd_loss loss, double l2, double maximum)
{
    cusgd_result r = CUSGD_INIT(cusgd_result);
    double relative_gap = gap_on(file, k, loss, l2, &r);
    printf("%s: relative gap %.1e after %lld epochs, %.2f s\n", name, relative_gap, (long long)r.epochs, r.seconds);
    cr_expect_leq(relative_gap, maximum, "%s: relative gap %g", name, relative_gap);
}

Test(auto, real_data)
{
    check_real("diabetes", "datasets/diabetes.csv", 1, CUSGD_LOSS_SQUARED, 0, 1e-3);
    check_real("linnerud", "datasets/linnerud.csv", 3, CUSGD_LOSS_SQUARED, 0, 2e-3);
    check_real("breast cancer, C = 1", "datasets/breast_cancer.csv", 1, CUSGD_LOSS_LOGISTIC, 1.0 / 569, 1e-3);
    check_real("breast cancer, C = 100", "datasets/breast_cancer.csv", 1, CUSGD_LOSS_LOGISTIC, 0.01 / 569, 5e-2);
}
