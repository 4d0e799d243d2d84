/* The oracle itself, against exact solutions made by 50-digit arithmetic and by Newton's method elsewhere. */
#include "oracle.h"
#include <criterion/criterion.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* max |a - b| / max |b| */
static double distance(const double *a, const double *b, int64_t count)
{
    double worst = 0, size = 0;
    for (int64_t i = 0; i < count; i++) {
        worst = fmax(worst, fabs(a[i] - b[i]));
        size = fmax(size, fabs(b[i]));
    }
    return worst / size;
}

static void check_linear(const char *name)
{
    cJSON *json = golden_json("datasets/solutions.json");
    const cJSON *set = cJSON_GetObjectItem(json, name), *solution;
    char file[256];
    snprintf(file, sizeof file, "datasets/%s", cJSON_GetObjectItem(set, "file")->valuestring);
    table t = golden_table(file);
    int64_t d = (int64_t)json_number(set, "d"), k = (int64_t)json_number(set, "n_targets");
    double expected[64], theta[64];
    int checked = 0;
    cJSON_ArrayForEach(solution, cJSON_GetObjectItem(set, "solutions"))
    {
        double *x = table_columns(&t, 0, d);
        if (!strcmp(cJSON_GetObjectItem(solution, "scaling")->valuestring, "standardized")) standardize_columns(x, t.rows, d);
        for (int64_t output = 0; output < k; output++, checked++) {
            double *y = table_columns(&t, d + output, 1);
            problem p = {
                .n = t.rows, .d = d, .x = x, .y = y, .intercept = 1, .l2 = json_number(solution, "alpha") / (double)t.rows};
            oracle_solve(&p, theta);
            json_numbers(cJSON_GetArrayItem(cJSON_GetObjectItem(solution, "coef"), (int)output), expected, d);
            expected[d] = cJSON_GetArrayItem(cJSON_GetObjectItem(solution, "intercept"), (int)output)->valuedouble;
            cr_assert_lt(distance(theta, expected, d + 1), 1e-12, "%s, output %d", name, (int)output);
            p.loss = CUSGD_LOSS_MSE;
            p.l2 *= 2; /* the same problem, doubled */
            oracle_solve(&p, theta);
            cr_assert_lt(distance(theta, expected, d + 1), 1e-12, "%s as mse, output %d", name, (int)output);
            free(y);
        }
        free(x);
    }
    cr_assert_eq(checked, 6 * k);
    free(t.at);
    cJSON_Delete(json);
}

Test(oracle, linear_solutions)
{
    check_linear("diabetes");
    check_linear("linnerud");
}

Test(oracle, logistic_solutions)
{
    cJSON *json = golden_json("datasets/solutions.json");
    const cJSON *set = cJSON_GetObjectItem(json, "breast_cancer"), *solution;
    table t = golden_table("datasets/breast_cancer.csv");
    int64_t d = t.cols - 1;
    double *x = table_columns(&t, 0, d), *y = table_columns(&t, d, 1), expected[64], theta[64];
    standardize_columns(x, t.rows, d);
    cJSON_ArrayForEach(solution, cJSON_GetObjectItem(set, "solutions"))
    {
        problem p = {.n = t.rows, .d = d, .x = x, .y = y, .loss = CUSGD_LOSS_LOGISTIC, .intercept = 1};
        p.l2 = json_number(solution, "lambda_mean");
        cr_assert_lt(oracle_solve(&p, theta), 1e-14);
        json_numbers(cJSON_GetObjectItem(solution, "coef"), expected, d);
        expected[d] = json_number(solution, "intercept");
        cr_assert_lt(distance(theta, expected, d + 1), 1e-10);
        cr_assert_float_eq(oracle_objective(&p, theta, NULL) * (double)t.rows, json_number(solution, "objective_sum"), 1e-10);
    }
    free(x);
    free(y);
    free(t.at);
    cJSON_Delete(json);
}

/* The gradient by central differences, the weights' meaning, and the l1 optimum by its own conditions. */
Test(oracle, gradient_weights_and_l1)
{
    enum { N = 30, D = 4 };
    double x[N * D], y[N], w[N], theta[D + 1] = {0.3, -0.7, 0, 1.1, 0.2}, g[D + 1];
    for (int loss = 0; loss < 3; loss++) {
        for (int i = 0; i < N; i++) {
            for (int j = 0; j < D; j++) x[i * D + j] = sin(1 + 3 * i + 7 * j * j);
            y[i] = loss == CUSGD_LOSS_LOGISTIC ? (i * 7) % 3 == 0 : cos(5 * i);
            w[i] = 1 + i % 3;
        }
        problem p = {N, D, x, y, w, (cusgd_loss)loss, 0, 0.3, 1};
        oracle_objective(&p, theta, g);
        for (int j = 0; j <= D; j++) {
            double up[D + 1], down[D + 1];
            memcpy(up, theta, sizeof up);
            memcpy(down, theta, sizeof down);
            up[j] += 1e-5;
            down[j] -= 1e-5;
            double derivative = (oracle_objective(&p, up, NULL) - oracle_objective(&p, down, NULL)) / 2e-5;
            cr_assert_float_eq(derivative, g[j], 1e-9);
        }
        p.l1 = loss == CUSGD_LOSS_MSE ? 0.2 : 0.1;
        p.l2 = 0.01;
        cr_assert_lt(oracle_solve(&p, theta), 1e-13);
        int zeros = 0;
        for (int j = 0; j < D; j++) zeros += theta[j] == 0;
        cr_assert(zeros > 0, "loss %d: l1 is too weak to be a test", loss);
    }
}
