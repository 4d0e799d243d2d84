/* Standardization by medians and interquartile ranges, against scikit-learn's RobustScaler (scripts/make_features.py). */
#include "feature_problems.h"
#include "solvers.h"

#include <math.h>
#include <stdlib.h>

TestSuite(robust, .init = folder_setup, .fini = folder_teardown);

enum { N = 61, D = 3 };

typedef struct known {
    cJSON *all;
    const cJSON *of;
    double x[N * D], y[N];
} known;

static void open_known(known *k) { k->all = features_open("robust", N, D, k->x, k->y, &k->of); }

static void assert_ridge(int intercept, const char *name)
{
    known k;
    open_known(&k);
    cusgd_options o = with(CUSGD_SOLVER_EXACT, CUSGD_LOSS_SQUARED, cJSON_GetObjectItem(k.of, "l2")->valuedouble);
    o.precision = CUSGD_PRECISION_DOUBLE;
    o.robust = 1;
    o.intercept = intercept;
    cusgd_data *data = data_of(N, D, 1, k.x, k.y, NULL);
    cusgd_trainer *t = trainer_of(&o, data, NULL);
    double theta[D + 1];
    fit(t);
    assert_works(cusgd_trainer_get_coefficients(t, theta, theta + D));
    for (int j = 0; j <= D; j++) {
        double expected = cJSON_GetArrayItem(cJSON_GetObjectItem(k.of, name), j)->valuedouble;
        cr_assert(fabs(theta[j] - expected) <= 1e-9 * (1 + fabs(expected)), "%s %d: %.17g, not %.17g", name, j, theta[j],
                  expected);
    }
    cusgd_trainer_free(t);
    cusgd_data_free(data);
    cJSON_Delete(k.all);
}

Test(robust, ridge_as_scikit_learn) { assert_ridge(1, "intercept"); }
Test(robust, ridge_without_intercept) { assert_ridge(0, "no_intercept"); }

/* Without a penalty the optimum does not depend on the units; rows of weight 0 do not count; a column that is mostly constant
 * keeps its deviation, and the steps converge. */
Test(robust, the_same_optimum)
{
    known k;
    open_known(&k);
    double w[N], theta[2][D + 1];
    for (int i = 0; i < N; i++) {
        w[i] = i != 5;
        k.x[D * i + 2] = i % 10 == 3 ? 5 : 0;
    }
    k.x[D * 5] = 1e9;
    cusgd_data *data = data_of(N, D, 1, k.x, k.y, w);
    for (int r = 0; r < 2; r++) {
        cusgd_options o = with(r ? CUSGD_SOLVER_EXACT : CUSGD_SOLVER_SGD, CUSGD_LOSS_SQUARED, 0);
        o.precision = CUSGD_PRECISION_DOUBLE;
        o.robust = !r;
        cusgd_trainer *t = trainer_of(&o, data, NULL);
        fit(t);
        assert_works(cusgd_trainer_get_coefficients(t, theta[r], theta[r] + D));
        cusgd_trainer_free(t);
    }
    for (int j = 0; j <= D; j++) cr_assert_float_eq(theta[0][j], theta[1][j], 0.03 * (1 + fabs(theta[1][j])));
    cusgd_data_free(data);
    cJSON_Delete(k.all);
}
