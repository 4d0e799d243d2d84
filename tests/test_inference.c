/* Standard errors under weights, against statsmodels 0.15.0, and the reasons why there are none. */
#include "options.h"
#include "solvers.h"

#include <math.h>
#include <stdlib.h>

enum { N = 24, COLUMNS = 2 };

static double x[N * COLUMNS], classes[N], events[N], numbers[N], offsets[N], exposures[N];

/* Row i as the script that printed the numbers below made it, with NumPy, in integers. */
static void setup(void)
{
    for (int i = 0; i < N; i++) {
        x[2 * i] = (7 * i + 3) % 11 - 5;
        x[2 * i + 1] = (5 * i * i + 2 * i) % 13 / 4.0;
        classes[i] = (3 * i * i + 5 * i) % 7 > 3;
        events[i] = (i * i + i) % 6 + i % 2;
        numbers[i] = x[2 * i] - 2 * x[2 * i + 1] + 3 + (11 * i * i + i) % 17 / 8.0;
        offsets[i] = i % 5 / 4.0;
        exposures[i] = 1 + i % 3;
    }
}

TestSuite(inference, .init = setup);

enum weighting { COUNTS, FRACTIONS, ZEROS };

static double weight_of(enum weighting kind, int i)
{
    return kind == COUNTS ? 1 + i % 4 : kind == FRACTIONS ? 0.25 * (1 + 5 * i % 7) : i % 3;
}

/* GLM(y, x, Binomial(), freq_weights=w, offset=o).fit(tol=1e-13).bse, GLM(y, x, Poisson(), freq_weights=w, exposure=e)... and
 * WLS(y[w > 0], x[w > 0], weights=w[w > 0]).fit().bse with its df_resid; the intercept last. */
static const struct {
    enum weighting kind;
    int intercept;
    double logistic[3], poisson[3], squared[3];
    int residual_degrees;
} known[] = {
    {COUNTS,
     1,
     {0.1201884824, 0.346387315, 0.5965952267},
     {0.03903457831, 0.1085058108, 0.241380197},
     {0.04377647125, 0.129742072, 0.27525465},
     21},
    {FRACTIONS,
     1,
     {0.1468001572, 0.4876453818, 0.9656111173},
     {0.06351923818, 0.1943964132, 0.4216210177},
     {0.03867767018, 0.1298170563, 0.271756562},
     21},
    {ZEROS,
     1,
     {0.2234398771, 0.5861889265, 1.010708444},
     {0.06793043674, 0.1839057679, 0.3860027307},
     {0.06228887458, 0.1777312207, 0.3638391998},
     13},
    {COUNTS, 0, {0.1146842313, 0.1995220094}, {0.03210274218, 0.05512299261}, {0.1471639464, 0.21926705}, 22},
    {FRACTIONS, 0, {0.140487078, 0.236335445}, {0.05347968117, 0.09343489562}, {0.131911676, 0.2103321011}, 22},
    {ZEROS, 0, {0.213829274, 0.3374291174}, {0.05133391647, 0.09995367761}, {0.1894002591, 0.2718619431}, 14},
};
enum { KNOWN = sizeof known / sizeof *known };

static cusgd_model *model_of(const cusgd_options *o, const cusgd_data *data)
{
    cusgd_model *model;
    cusgd_trainer *t = trainer_of(o, data, NULL);
    fit(t);
    assert_works(cusgd_trainer_create_model(t, &model));
    cusgd_trainer_free(t);
    return model;
}

static const char *reason_of(const cusgd_model *model)
{
    const char *name, *value;
    for (size_t i = 0; cusgd_model_metadata(model, i, &name, &value); i++)
        if (strcmp(name, "no_standard_errors") == 0) return value;
    return NULL;
}

static void check(const cusgd_options *o, const cusgd_data *data, const double *expected, double factor, int64_t residual_degrees)
{
    int64_t found_degrees;
    cusgd_model *model = model_of(o, data);
    const double *errors = cusgd_model_standard_errors(model, &found_degrees);
    double within = o->precision == CUSGD_PRECISION_DOUBLE ? 1e-6 : 1e-3;
    cr_assert(errors, "there are none: %s", reason_of(model));
    cr_assert_null(reason_of(model));
    cr_assert_eq(found_degrees, residual_degrees);
    for (int j = 0; j < COLUMNS + o->intercept; j++)
        cr_assert(fabs(errors[j] / (factor * expected[j]) - 1) < within, "loss %d, error %d is %.10g, not %.10g", (int)o->loss, j,
                  errors[j], factor * expected[j]);
    cusgd_model_free(model);
}

static cusgd_options options_of(cusgd_loss loss, int intercept, cusgd_precision precision)
{
    cusgd_options o = with(CUSGD_SOLVER_AUTO, loss, 0);
    o.intercept = intercept;
    o.precision = precision;
    return o;
}

/* Weights are counts for logistic and poisson, whose errors fall with the root of their scale; for squared losses the scale does
 * not matter. */
Test(inference, weights_as_statsmodels_has_them)
{
    static const double scales[] = {1, 10, 1e-3, 1e6};
    for (int i = 0; i < KNOWN; i++)
        for (int s = 0; s < 4; s++) {
            double w[N], root = 1 / sqrt(scales[s]);
            cusgd_precision precision = s == 1 ? CUSGD_PRECISION_FLOAT : CUSGD_PRECISION_DOUBLE;
            for (int r = 0; r < N; r++) w[r] = scales[s] * weight_of(known[i].kind, r);
            cusgd_data *a = data_of(N, COLUMNS, 1, x, classes, w), *b = data_of(N, COLUMNS, 1, x, events, w);
            cusgd_data *c = data_of(N, COLUMNS, 1, x, numbers, w);
            assert_works(cusgd_data_set_offset(a, CUSGD_OFFSET_LINEAR, (cusgd_matrix){offsets, CUSGD_TYPE_FLOAT64, 1, 1}));
            assert_works(cusgd_data_set_offset(b, CUSGD_OFFSET_EXPOSURE, (cusgd_matrix){exposures, CUSGD_TYPE_FLOAT64, 1, 1}));
            cusgd_options o = options_of(CUSGD_LOSS_LOGISTIC, known[i].intercept, precision);
            for (int standardize = 0; standardize < 2; standardize++) {
                o.standardize = standardize;
                o.loss = CUSGD_LOSS_LOGISTIC;
                check(&o, a, known[i].logistic, root, 0);
                o.loss = CUSGD_LOSS_POISSON;
                check(&o, b, known[i].poisson, root, 0);
                o.loss = CUSGD_LOSS_SQUARED;
                check(&o, c, known[i].squared, 1, known[i].residual_degrees);
                o.loss = CUSGD_LOSS_MSE;
                check(&o, c, known[i].squared, 1, known[i].residual_degrees);
            }
            cusgd_data_free(a);
            cusgd_data_free(b);
            cusgd_data_free(c);
        }
}

/* Two outputs: each as on its own. */
Test(inference, outputs_have_their_own)
{
    double y[2 * N], w[N];
    int64_t residual_degrees;
    for (int i = 0; i < N; i++) {
        y[2 * i] = numbers[i];
        y[2 * i + 1] = 3 * numbers[i] + 1; /* three times the residuals */
        w[i] = weight_of(FRACTIONS, i);
    }
    cusgd_data *data = data_of(N, COLUMNS, 2, x, y, w);
    cusgd_options o = options_of(CUSGD_LOSS_SQUARED, 1, CUSGD_PRECISION_DOUBLE);
    cusgd_model *model = model_of(&o, data);
    const double *errors = cusgd_model_standard_errors(model, &residual_degrees);
    cr_assert(errors && residual_degrees == 21);
    for (int j = 0; j < 3; j++) {
        cr_assert(fabs(errors[j] / known[1].squared[j] - 1) < 1e-6);
        cr_assert(fabs(errors[3 + j] / (3 * known[1].squared[j]) - 1) < 1e-6);
    }
    cusgd_model_free(model);
    cusgd_data_free(data);
}

/* Rows with weights are those rows as often, also where the cells of a table are as many as the coefficients. By hand: the
 * variance of log(a / b) is 1 / a + 1 / b for a of one class and b of the other; that of the difference of two is the sum. */
Test(inference, cells_of_counts)
{
    double cells[] = {0, 0, 1, 1}, y[] = {0, 1, 0, 1}, w[] = {35, 15, 20, 30};
    double rows[100], classes_of_rows[100], means[] = {4, 9}, two[] = {0, 1};
    int n = 0;
    for (int c = 0; c < 4; c++)
        for (int i = 0; i < (int)w[c]; i++, n++) rows[n] = cells[c], classes_of_rows[n] = y[c];
    cusgd_data *grouped = data_of(4, 1, 1, cells, y, w), *expanded = data_of(n, 1, 1, rows, classes_of_rows, NULL);
    cusgd_data *saturated = data_of(2, 1, 1, two, means, NULL);
    cusgd_options o = options_of(CUSGD_LOSS_LOGISTIC, 1, CUSGD_PRECISION_DOUBLE);
    cusgd_model *a = model_of(&o, grouped), *b = model_of(&o, expanded);
    o.loss = CUSGD_LOSS_POISSON;
    cusgd_model *c = model_of(&o, saturated);
    const double *first = cusgd_model_standard_errors(a, NULL), *second = cusgd_model_standard_errors(b, NULL),
                 *third = cusgd_model_standard_errors(c, NULL);
    double intercept = sqrt(1 / 35.0 + 1 / 15.0), derivative = sqrt(1 / 35.0 + 1 / 15.0 + 1 / 20.0 + 1 / 30.0);
    cr_assert(first && second && third);
    cr_assert(fabs(first[0] / derivative - 1) < 1e-7 && fabs(first[1] / intercept - 1) < 1e-7);
    cr_assert(fabs(second[0] / derivative - 1) < 1e-7 && fabs(second[1] / intercept - 1) < 1e-7);
    cr_assert(fabs(third[0] / sqrt(1 / 4.0 + 1 / 9.0) - 1) < 1e-7 && fabs(third[1] / sqrt(1 / 4.0) - 1) < 1e-7);
    cusgd_model_free(a);
    cusgd_model_free(b);
    cusgd_model_free(c);
    cusgd_data_free(grouped);
    cusgd_data_free(expanded);
    cusgd_data_free(saturated);
}

/* A file keeps every bit of them: over many models, as most numbers survive a shorter spelling. */
Test(inference, files_keep_every_bit)
{
    for (int scale = 1; scale <= 60; scale++) {
        double y[N];
        char bytes[8192];
        size_t count = 0;
        cusgd_model *again;
        for (int i = 0; i < N; i++) y[i] = numbers[i] * scale / 7 + classes[i];
        cusgd_data *data = data_of(N, COLUMNS, 1, x, y, NULL);
        cusgd_options o = options_of(CUSGD_LOSS_SQUARED, 1, CUSGD_PRECISION_DOUBLE);
        cusgd_model *model = model_of(&o, data);
        cr_assert_eq(cusgd_model_save_memory(model, bytes, sizeof bytes, &count), CUSGD_OK);
        cr_assert_eq(cusgd_model_load_memory(bytes, count, &again), CUSGD_OK);
        const double *a = cusgd_model_standard_errors(model, NULL), *b = cusgd_model_standard_errors(again, NULL);
        cr_assert(a && b);
        for (int j = 0; j <= COLUMNS; j++) cr_assert(a[j] == b[j], "scale %d: %.17g became %.17g", scale, a[j], b[j]);
        cusgd_model_free(model);
        cusgd_model_free(again);
        cusgd_data_free(data);
    }
}

/* ---- None ---- */

static void check_none(const cusgd_options *o, const cusgd_data *data, const char *reason)
{
    cusgd_model *model = model_of(o, data);
    cr_assert_null(cusgd_model_standard_errors(model, NULL));
    cr_assert(reason_of(model) && strstr(reason_of(model), reason), "\"%s\" is not in \"%s\"", reason,
              reason_of(model) ? reason_of(model) : "");
    cusgd_model_free(model);
}

Test(inference, the_reason_why_there_are_none)
{
    double twice[2 * N], apart[N], few[] = {1, 2, 5, 7};
    for (int i = 0; i < N; i++) {
        twice[2 * i] = twice[2 * i + 1] = x[2 * i];
        apart[i] = x[2 * i] > 0.5;
    }
    cusgd_data *data = data_of(N, COLUMNS, 1, x, classes, NULL), *dependent = data_of(N, COLUMNS, 1, twice, classes, NULL);
    cusgd_data *separated = data_of(N, COLUMNS, 1, x, apart, NULL), *short_of_rows = data_of(2, 1, 1, few, few + 2, NULL);
    cusgd_options o = with(CUSGD_SOLVER_AUTO, CUSGD_LOSS_LOGISTIC, 0.1);
    check_none(&o, data, "penalty");
    o.l2 = 0;
    check_none(&o, dependent, "depend on each other");
    check_none(&o, separated, "no finite optimum exists");
    o.loss = CUSGD_LOSS_SQUARED;
    check_none(&o, dependent, "depend on each other");
    check_none(&o, short_of_rows, "more rows");
    o.loss = CUSGD_LOSS_HUBER;
    check_none(&o, data, "losses squared, mse, logistic and poisson");
    o = with(CUSGD_SOLVER_LBFGS, CUSGD_LOSS_LOGISTIC, 0);
    check_none(&o, data, "--solver newton does");
    o.solver = CUSGD_SOLVER_SGD;
    check_none(&o, data, "--solver newton does");
    cusgd_data_free(data);
    cusgd_data_free(dependent);
    cusgd_data_free(separated);
    cusgd_data_free(short_of_rows);
}
