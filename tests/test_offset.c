/* Offsets and exposures. What they must come to is known without them: a poisson mean of exposure e is a weighted rate, a squared
 * loss sees y - o, and at an optimum the derivatives add up to 0. */
#include "command.h"
#include "options.h"
#include "training.h"

#include <math.h>

enum { N = 500, D = 3 };

static struct {
    double *x, y[N], o[N], e[N], rate[N];
} s;

static void setup(void)
{
    uint64_t seed = 5;
    command_setup();
    s.x = random_normals(&seed, N * D);
    for (int i = 0; i < N; i++) {
        s.o[i] = 1.5 * random_normal(&seed);
        s.e[i] = exp(s.o[i]);
        s.rate[i] = floor(4 * random_uniform(&seed) * (1 + fabs(s.x[i * D]))); /* some 0 */
        s.y[i] = s.rate[i] * s.e[i];
    }
}

static void teardown(void)
{
    free(s.x);
    folder_teardown();
}

TestSuite(offset, .init = setup, .fini = teardown);

static cusgd_matrix column(const double *at) { return (cusgd_matrix){at, CUSGD_TYPE_FLOAT64, 1, 1}; }

static cusgd_data *with_offset(const double *y, cusgd_offset kind, const double *o)
{
    cusgd_data *data = data_of(N, D, 1, s.x, y, NULL);
    cr_assert_eq(cusgd_data_set_offset(data, kind, column(o)), CUSGD_OK, "%s", cusgd_last_error());
    return data;
}

static cusgd_options options_of(cusgd_loss loss, cusgd_solver solver)
{
    cusgd_options o = options_default();
    o.loss = loss;
    o.solver = solver;
    o.precision = CUSGD_PRECISION_DOUBLE;
    return o;
}

/* e^(p + o) - y (p + o) is e (e^p - (y / e) p), and what does not depend on p: also in every minibatch, and in the start. */
Test(offset, poisson_of_exposures_is_a_weighted_rate)
{
    static const cusgd_solver solvers[] = {CUSGD_SOLVER_NEWTON, CUSGD_SOLVER_LBFGS, CUSGD_SOLVER_SGD};
    cusgd_data *counts = with_offset(s.y, CUSGD_OFFSET_EXPOSURE, s.e), *rates = data_of(N, D, 1, s.x, s.rate, s.e);
    cusgd_data *logs = with_offset(s.y, CUSGD_OFFSET_LINEAR, s.o);
    double a[D + 1], b[D + 1], c[D + 1];
    for (int i = 0; i < 3; i++) {
        cusgd_options o = options_of(CUSGD_LOSS_POISSON, solvers[i]);
        o.standardize = 0; /* columns' means would be weighted otherwise */
        if (o.solver == CUSGD_SOLVER_SGD) {
            o.optimizer = CUSGD_OPTIMIZER_SGD;
            o.rate = 0.001;
            o.epochs = 20;
        }
        train(&o, counts, a);
        train(&o, logs, b);
        cr_assert_lt(distance(a, b, D + 1), 1e-12);
        if (o.solver == CUSGD_SOLVER_SGD) { /* weights are divided by their mean: so is the rate */
            double mean = 0;
            for (int r = 0; r < N; r++) mean += s.e[r] / N;
            o.rate *= mean;
        }
        train(&o, rates, c);
        cr_assert_lt(distance(a, c, D + 1), 1e-8, "solver %d: %g", (int)solvers[i], distance(a, c, D + 1));
    }
    cusgd_data_free(counts);
    cusgd_data_free(rates);
    cusgd_data_free(logs);
}

/* Least squares of y with offsets is that of y - o, by the normal equations, by QR, in minibatches; with an intercept or without.
 */
Test(offset, squared_loss_takes_it_off_the_target)
{
    double less[N], a[D + 1], b[D + 1];
    for (int i = 0; i < N; i++) less[i] = s.y[i] - 10 * s.o[i], s.e[i] = 10 * s.o[i];
    cusgd_data *data = with_offset(s.y, CUSGD_OFFSET_LINEAR, s.e), *plain = data_of(N, D, 1, s.x, less, NULL);
    for (int i = 0; i < 8; i++) {
        cusgd_options o = options_of(CUSGD_LOSS_SQUARED, i & 1 ? CUSGD_SOLVER_EXACT : CUSGD_SOLVER_SGD);
        o.intercept = i >> 1 & 1;
        o.standardize = i >> 2;
        if (!(i & 1)) o.epochs = 20;
        train(&o, data, a);
        train(&o, plain, b);
        cr_assert_lt(distance(a, b, D + 1), 1e-9, "case %d: %g", i, distance(a, b, D + 1));
    }
    for (int i = 0; i < N; i++) s.x[i * D + 2] = s.x[i * D]; /* singular: QR */
    cusgd_options o = options_of(CUSGD_LOSS_SQUARED, CUSGD_SOLVER_EXACT);
    train(&o, data, a);
    train(&o, plain, b);
    cr_assert_lt(distance(a, b, D + 1), 1e-9);
    cusgd_data_free(data);
    cusgd_data_free(plain);
}

/* Every other smooth loss: at the optimum, the gradient by plain formulas is 0. */
Test(offset, slopes_add_up_to_zero)
{
    static const cusgd_loss losses[] = {CUSGD_LOSS_LOGISTIC, CUSGD_LOSS_GAMMA, CUSGD_LOSS_TWEEDIE};
    double y[N], p[N], parameters[D + 1];
    for (int l = 0; l < 3; l++) {
        for (int i = 0; i < N; i++)
            y[i] = losses[l] == CUSGD_LOSS_LOGISTIC ? s.rate[i] > 2 : s.y[i] + (losses[l] == CUSGD_LOSS_GAMMA);
        cusgd_data *data = with_offset(y, CUSGD_OFFSET_LINEAR, s.o);
        cusgd_options o = options_of(losses[l], CUSGD_SOLVER_NEWTON);
        cusgd_trainer *t = trainer_of(&o, data, NULL);
        fit(t);
        cr_assert_eq(cusgd_trainer_predict(t, data, CUSGD_PREDICT_LINK, p), CUSGD_OK);
        parameters_of(t, D, 1, parameters);
        for (int j = 0; j <= D; j++) {
            double sum = 0, size = 0;
            for (int i = 0; i < N; i++) {
                double z = j < D ? s.x[i * D + j] : 1, at = parameters[D] + s.o[i];
                for (int c = 0; c < D; c++) at += parameters[c] * s.x[i * D + c];
                cr_assert_float_eq(p[i], at, 1e-12 * (1 + fabs(at)));
                double derivative = l == 0   ? 1 / (1 + exp(-at)) - y[i]
                                    : l == 1 ? 1 - y[i] * exp(-at)
                                             : exp(at / 2) - y[i] * exp(-at / 2);
                sum += derivative * z;
                size += fabs(derivative * z);
            }
            cr_assert_lt(fabs(sum), 1e-7 * size, "loss %d, column %d: %g of %g", (int)losses[l], j, sum, size);
        }
        cusgd_trainer_free(t);
        cusgd_data_free(data);
    }
}

/* The intercept-only model with offsets is where every loss starts: no coefficient, and not far from the constant that is
 * found. */
Test(offset, the_constant_model)
{
    double y[N], flat[N] = {0}, start[2], found[2];
    for (int loss = 0; loss <= CUSGD_LOSS_MODIFIED_HUBER; loss++) {
        cusgd_options o = options_of((cusgd_loss)loss, CUSGD_SOLVER_SGD);
        for (int i = 0; i < N; i++)
            y[i] = cusgd_loss_at((size_t)loss)->targets == CUSGD_TARGET_CLASS ? s.rate[i] > 2 : s.y[i] + 1;
        cusgd_data *data = data_of(N, 1, 1, flat, y, NULL);
        cr_assert_eq(cusgd_data_set_offset(data, CUSGD_OFFSET_LINEAR, column(s.o)), CUSGD_OK);
        cusgd_trainer *t = trainer_of(&o, data, NULL);
        cusgd_metrics before = CUSGD_INIT(cusgd_metrics), after = CUSGD_INIT(cusgd_metrics);
        parameters_of(t, 1, 1, start);
        cr_assert_eq(cusgd_trainer_evaluate(t, data, -1, &before), CUSGD_OK);
        fit(t);
        parameters_of(t, 1, 1, found);
        cr_assert_eq(cusgd_trainer_evaluate(t, data, -1, &after), CUSGD_OK);
        cr_expect_lt(before.loss, after.loss + 1e-3 * fabs(after.loss), "loss %d: %g at %g, %g at %g", loss, before.loss,
                     start[1], after.loss, found[1]);
        if (!isnan(before.d2))
            cr_expect_float_eq(before.d2, 0, 1e-12, "loss %d: D2 %g of the intercept-only model", loss, before.d2);
        cusgd_trainer_free(t);
        cusgd_data_free(data);
    }
}

Test(offset, arrays_that_are_wrong)
{
    double bad[N] = {1, 0};
    cusgd_data *data = data_of(N, D, 1, s.x, s.y, NULL);
    cusgd_trainer *t;
    cusgd_options o = options_of(CUSGD_LOSS_SQUARED, CUSGD_SOLVER_SGD);
    assert_fails(cusgd_data_set_offset(data, CUSGD_OFFSET_EXPOSURE, column(bad)), CUSGD_ERROR_DATA,
                 "row 2: the exposure 0 is not");
    cr_assert_eq(cusgd_data_offset(data, NULL), CUSGD_OFFSET_NONE);
    assert_fails(cusgd_data_set_offset(data, CUSGD_OFFSET_LINEAR, column(NULL)), CUSGD_ERROR_USAGE, "NULL");
    assert_fails(cusgd_data_set_offset(data, (cusgd_offset)7, column(bad)), CUSGD_ERROR_USAGE, "no such kind");
    bad[2] = (double)NAN;
    cr_assert_eq(cusgd_data_set_offset(data, CUSGD_OFFSET_LINEAR, column(bad)), CUSGD_OK);
    assert_fails(cusgd_trainer_create(&o, data, NULL, &t), CUSGD_ERROR_DATA, "row 3: the offset nan is not a finite number");
    bad[2] = 800;
    o.loss = CUSGD_LOSS_POISSON;
    assert_fails(cusgd_trainer_create(&o, data, NULL, &t), CUSGD_ERROR_DATA, "e^offset is beyond what a double holds");
    cr_assert_eq(cusgd_data_set_offset(data, CUSGD_OFFSET_NONE, column(NULL)), CUSGD_OK);
    cr_assert_eq(cusgd_trainer_create(&o, data, NULL, &t), CUSGD_OK, "%s", cusgd_last_error());
    cusgd_trainer_free(t);
    cusgd_data_free(data);
}

/* ---- The command ---- */

static outcome o;

/* data.csv with years > 0 and a count. */
static void years_make(void)
{
    run(&o, "awk -F, -v OFS=, 'NR == 1 {print \"a,b,years,z,count,y\"} NR > 1 {print $1, $2, 1.5 + $3, $3, int(3 * (1.5 + $3) * "
            "(1.2 + $1)), $4}' "
            "data.csv >years.csv");
    assert_code(o, 0);
}

Test(offset, command_keeps_it_in_the_model)
{
    years_make();
    run(&o, "$CUSGD train years.csv --target count --ignore z,y --exposure years --loss poisson --solver newton --model m && "
            "$CUSGD info m && "
            "$CUSGD evaluate m years.csv --json");
    assert_code(o, 0);
    assert_has(o.err, "60 rows, 2 columns, 1 output, an exposure;");
    assert_has(o.out, "exposure  years\n");
    assert_has(o.out, "\"d2\": 0.");
    run(&o, "$CUSGD predict m years.csv -o - >by_name && sed 's/years/time/' years.csv >time.csv && "
            "$CUSGD predict m time.csv --exposure time -o - >by_word && cmp by_name by_word && "
            "awk -F, -v OFS=, 'NR > 1 {$3 = log($3)} {print}' CONVFMT=%%.17g OFMT=%%.17g years.csv >logs.csv && "
            "$CUSGD predict m logs.csv --offset years -o - | paste -d, - by_name | "
            "awk -F, 'NR > 1 && ($1 - $2) ^ 2 > 1e-18 * $2 ^ 2 {exit 1}'");
    assert_code(o, 0);
    run(&o, "cut -d, -f1,2 years.csv >none.csv; $CUSGD predict m none.csv -o -");
    assert_code(o, CUSGD_ERROR_DATA);
    assert_has(o.err, "none.csv:1: the exposure: there is no column 'years'");
    run(&o, "tail -n +2 years.csv >bare.csv; $CUSGD predict m bare.csv --header no --features 1,2 -o -");
    assert_code(o, CUSGD_ERROR_DATA);
    assert_has(o.err, "no offset, and the model was trained with one ('years'): name its column by --offset");
    run(&o, "$CUSGD train years.csv --target count --ignore z,y,years --loss poisson -q --model n && "
            "$CUSGD predict n years.csv --exposure years -o -");
    assert_code(o, CUSGD_ERROR_DATA);
    assert_has(o.err, "the model was trained without");
}

Test(offset, command_with_validation_and_every_loss)
{
    years_make();
    run(&o, "for l in squared logistic huber poisson; do y=y; x=-v; test $l = poisson && y=count; "
            "test $l = logistic && awk -F, -v OFS=, 'NR > 1 {$6 = $6 > 0.5} {print}' years.csv >c.csv || cp years.csv c.csv; "
            "$CUSGD train c.csv --target $y --features a,b --offset z --loss $l --epochs 3 --valid-fraction 0.2 --model m && "
            "$CUSGD train c.csv --target $y --features a,b --offset z --loss $l --epochs 3 --valid c.csv --model m && "
            "$CUSGD predict m c.csv -o p.npy && $CUSGD check c.csv --target $y --features a,b --offset z --loss $l --device cpu "
            "|| exit 9; "
            "done");
    assert_code(o, 0);
}

Test(offset, command_refuses_what_does_not_fit)
{
    years_make();
    run(&o, "$CUSGD train years.csv --exposure years --model m");
    assert_code(o, CUSGD_ERROR_USAGE);
    assert_has(o.err, "an exposure is for losses with a logarithmic link (poisson, gamma, tweedie)");
    run(&o, "$CUSGD train years.csv --exposure years --offset z --loss poisson --model m");
    assert_code(o, CUSGD_ERROR_USAGE);
    assert_has(o.err, "give one of them");
    run(&o, "$CUSGD train years.csv --target count --exposure z --loss poisson --model m");
    assert_code(o, CUSGD_ERROR_DATA);
    assert_has(o.err, "in column 'z' is not greater than 0: remove the row");
    run(&o, "$CUSGD train years.csv --offset y --target y --model m");
    assert_code(o, CUSGD_ERROR_DATA);
    assert_has(o.err, "'y' is asked for both as the offset and as a target");
    run(&o, "sed '4s/^\\([^,]*,[^,]*\\),[^,]*/\\1,nan/' years.csv >nan.csv; $CUSGD train nan.csv --offset years --missing error "
            "--model m");
    assert_code(o, CUSGD_ERROR_DATA);
    assert_has(o.err, "nan.csv:4:3: 'nan' in column 'years' is not a finite number");
}

/* offset.npy and exposure.npy next to x.npy. */
Test(offset, command_reads_folders)
{
    run(&o, "$CUSGD generate f --rows 100 --cols 3 && cp f/y.npy f/offset.npy && $CUSGD train f --solver auto --model m && "
            "$CUSGD predict m f -o p.csv && $CUSGD info f");
    assert_code(o, 0);
    assert_has(o.err, "1 output, an offset;");
    assert_has(o.err, "loss 0,"); /* y - o is 0 */
    assert_has(o.out, "offset    yes");
    run(&o, "$CUSGD predict m f/x.npy -o p.csv");
    assert_code(o, CUSGD_ERROR_DATA);
    assert_has(o.err, "put offset.npy or exposure.npy next to x.npy");
    run(&o, "mv f/offset.npy f/exposure.npy; $CUSGD train f --loss poisson --model m");
    assert_code(o, CUSGD_ERROR_DATA);
    assert_has(o.err, ": the exposure -");
    run(&o, "cp f/y.npy f/offset.npy; cp f/y.npy f/exposure.npy; $CUSGD train f --model m");
    assert_code(o, CUSGD_ERROR_DATA);
    run(&o, "rm f/exposure.npy; cp f/x.npy f/offset.npy; $CUSGD train f --model m");
    assert_code(o, CUSGD_ERROR_DATA);
    assert_has(o.err, "offset.npy: has 3 columns: one number a row is wanted");
    run(&o, "cp f/y.npy f/offset.npy; $CUSGD train f --model f/offset.npy");
    assert_code(o, CUSGD_ERROR_USAGE);
    assert_has(o.err, "would overwrite");
}
