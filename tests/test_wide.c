/* Solver exact with fewer rows than columns, against numpy.linalg.lstsq (2.4.6, gelsd) of the centered and weighted rows, with
 * the roots of the penalties under them. */
#include "options.h"
#include "solvers.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

enum { N = 5, D = 9 };

static double x[N * D], y[N];
static const double weights[N] = {1, 2, 0, 3, 0.5}, factors[D] = {0, 1, 2, 1, 0.5, 1, 0, 1, 3};

static void setup(void)
{
    for (int i = 0; i < N; i++) {
        for (int j = 0; j < D; j++) x[i * D + j] = (7 * i * i + 3 * i * j + 5 * j * j + i) % 11 - 5 + i * j % 3 / 2.0;
        y[i] = (3 * i * i + 5 * i) % 13 - 4;
    }
}

TestSuite(wide, .init = setup);

static const struct {
    const char *name;
    int weighted, with_factors;
    double l2;
    int intercept;
    double theta[D + 1]; /* the intercept last */
} known[] = {
    {"least norm",
     0,
     0,
     0,
     1,
     {0.246226158259572, 0.44573783296981, -0.484279020733888, 0.0411607768517695, 0.240672451562007, 0.421950052961988,
      -0.0361911753066938, 0.244303637844866, 0.216884671554186, 1.55613972432627}},
    {"without intercept",
     0,
     0,
     0,
     0,
     {-0.107335002150228, 0.443871027306251, -0.558916491993071, 0.314573056170629, -0.0329892025188751, 0.774843901472072,
      -0.153238825629454, 0.24675658911584, -0.0016057577350497, 0}},
    {"weights",
     1,
     0,
     0,
     1,
     {0.122965033663743, 0.18761695530179, -0.652665380574602, 0.0691534426720338, 0.13380536431008, 0.141300642857164,
      0.15659000909847, 0.164085287645554, 0.0874890518654546, 0.745728624633981}},
    {"ridge",
     0,
     0,
     0.1,
     1,
     {0.246914599946594, 0.437914634109363, -0.47295766375357, 0.0428453978941377, 0.233845432056909, 0.415487623737977,
      -0.0347387977695268, 0.244766506447329, 0.211418421685523, 1.52534206709532}},
    {"ridge with weights, without intercept",
     1,
     0,
     0.01,
     0,
     {-0.0273634106042286, 0.108924336232682, -0.725107698159473, 0.16624246680923, 0.0130147135986599, 0.17067647143028,
      0.176279242889678, 0.140930667356313, -0.0217383178862346, 0}},
    {"factors, some of them 0, with weights",
     1,
     1,
     0.1,
     1,
     {-0.353599138458523, -0.00587414641309958, -0.264336588589471, 0.25846244217637, 0.505176591526545, 0.117482928261987,
      2.22544484421274, -0.135105367501286, 0.125315123479453, -0.0390141224269946}},
};

Test(wide, as_numpy_has_it)
{
    static const double offset[N] = {0.5, -1, 2, 0, 3};
    for (size_t i = 0; i < sizeof known / sizeof *known; i++)
        for (int with_offset = 0; with_offset < 2; with_offset++)
            for (int mse = 0; mse < 2; mse++) {
                double found[D + 1], shifted[N];
                for (int r = 0; r < N; r++) shifted[r] = y[r] + (with_offset ? offset[r] : 0);
                cusgd_data *data = data_of(N, D, 1, x, shifted, known[i].weighted ? weights : NULL);
                if (with_offset)
                    assert_works(
                        cusgd_data_set_offset(data, CUSGD_OFFSET_LINEAR, (cusgd_matrix){offset, CUSGD_TYPE_FLOAT64, 1, 1}));
                cusgd_options o = with(CUSGD_SOLVER_EXACT, mse ? CUSGD_LOSS_MSE : CUSGD_LOSS_SQUARED, (1 + mse) * known[i].l2);
                o.standardize = 0;
                o.intercept = known[i].intercept;
                o.l2_factors = known[i].with_factors ? factors : NULL;
                cusgd_result r = train(&o, data, found);
                cr_assert(distance(found, known[i].theta, D + 1) < 1e-10, "%s: %g", known[i].name,
                          distance(found, known[i].theta, D + 1));
                cr_assert_eq(r.stop, CUSGD_STOP_SOLVED);
                int rank = known[i].l2 > 0 ? 0 : N - known[i].intercept - known[i].weighted;
                char expected[32];
                snprintf(expected, sizeof expected, "rank %d of 9", rank);
                cr_assert(rank ? strstr(r.note, expected) != NULL : !*r.note, "%s: \"%s\"", known[i].name, r.note);
                cusgd_data_free(data);
            }
}

/* More columns than a panel and more rows than a tile; two outputs; dependent rows. The residuals are 0, and the coefficients lie
 * in the row space, which is what least norm means: theta is orthogonal to a direction that all rows are orthogonal to. */
Test(wide, many_rows_and_columns)
{
    enum { ROWS = 300, COLS = 450 };
    uint64_t state = 3;
    double *a = random_normals(&state, ROWS * COLS), *b = random_normals(&state, 2 * ROWS), *found = zeros(2 * (COLS + 1));
    for (int j = 0; j < COLS; j++) a[COLS + j] = a[j]; /* two rows alike */
    b[2] = b[0], b[3] = b[1];
    for (int i = 0; i < ROWS; i++) a[i * COLS + 1] = a[i * COLS]; /* two columns alike, which share their coefficient */
    cusgd_data *data = data_of(ROWS, COLS, 2, a, b, NULL);
    cusgd_options o = with(CUSGD_SOLVER_AUTO, CUSGD_LOSS_SQUARED, 0);
    for (int standardize = 0; standardize < 2; standardize++) {
        o.standardize = standardize;
        cusgd_result r = train(&o, data, found);
        cr_assert(r.loss < 1e-20, "%g", r.loss);
        cr_assert(strstr(r.note, "rank 298 of 450"), "%s", r.note);
        for (int c = 0; c < 2; c++) cr_assert(fabs(found[c * (COLS + 1)] - found[c * (COLS + 1) + 1]) < 1e-12);
    }
    cusgd_data_free(data);
    free(a);
    free(b);
    free(found);
}

/* What auto is: exact for wide data; methods of a few vectors where matrices would take too long or too much room. */
Test(wide, auto_knows_the_costs)
{
    enum { ROWS = 8, COLS = 20000 };
    uint64_t state = 6;
    double *a = random_normals(&state, ROWS * COLS), b[ROWS] = {0, 1, 0, 1, 1, 0, 1, 0};
    cusgd_data *data = data_of(ROWS, COLS, 1, a, b, NULL);
    static const struct {
        cusgd_loss loss;
        cusgd_solver chosen;
    } cases[] = {{CUSGD_LOSS_SQUARED, CUSGD_SOLVER_EXACT}, {CUSGD_LOSS_LOGISTIC, CUSGD_SOLVER_LBFGS}};
    for (int i = 0; i < 2; i++) {
        cusgd_options o = with(CUSGD_SOLVER_AUTO, cases[i].loss, 0.1), as_run;
        cusgd_trainer *t = trainer_of(&o, data, NULL);
        as_run = *cusgd_trainer_options(t);
        cr_assert_eq(as_run.solver, cases[i].chosen);
        cr_assert_null(cusgd_trainer_note(t, i == 0)); /* the first says that 0 and 1 are two classes */
        fit(t);
        cusgd_trainer_free(t);
    }
    cusgd_options o = with(CUSGD_SOLVER_NEWTON, CUSGD_LOSS_LOGISTIC, 0.1);
    cusgd_trainer *t = trainer_of(&o, data, NULL);
    const char *note = cusgd_trainer_note(t, 0);
    cr_assert(note && strstr(note, "solver newton needs about") && strstr(note, "--solver lbfgs"), "%s", note ? note : "nothing");
    cusgd_trainer_free(t);
    cusgd_data_free(data);
    free(a);
}

/* Matrices that no machine has room for are refused with a sentence, before anything is tried. */
Test(wide, matrices_without_room_are_refused)
{
    enum { COLS = 1000000 };
    static float a[2 * (size_t)COLS];
    float b[2] = {0, 1};
    a[0] = 1;
    cusgd_data *data = data_of_floats(2, COLS, 1, a, b, NULL);
    cusgd_options o = with(CUSGD_SOLVER_BFGS, CUSGD_LOSS_SQUARED, 0);
    cusgd_trainer *t = trainer_of(&o, data, NULL);
    assert_fails(cusgd_trainer_fit(t, NULL, NULL, NULL), CUSGD_ERROR_MEMORY, "--solver cg needs no matrix");
    cusgd_trainer_free(t);
    cusgd_data_free(data);
}
