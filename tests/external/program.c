/* What a user's program looks like: it learns y = 3 x0 - 2 x1 + 1 and prints what it found. */
#include <cusgd.h>
#include <math.h>
#include <stdio.h>

int main(void)
{
    enum { N = 512, D = 2 };
    static float x[N][D], y[N];
    for (int i = 0; i < N; i++) {
        x[i][0] = (float)(i % 16);
        x[i][1] = (float)(i / 16);
        y[i] = 3 * x[i][0] - 2 * x[i][1] + 1;
    }
    cusgd_matrix features = {x, CUSGD_TYPE_FLOAT32, D, 1}, targets = {y, CUSGD_TYPE_FLOAT32, 1, 1}, weights = {0};
    cusgd_options *options = NULL;
    cusgd_data *data = NULL;
    cusgd_trainer *trainer = NULL;
    double theta[D] = {0}, b = 0;

    cusgd_status status = cusgd_options_new(&options);
    if (status == CUSGD_OK) status = cusgd_data_wrap(N, D, 1, features, targets, weights, &data);
    if (status == CUSGD_OK) status = cusgd_trainer_create(options, data, NULL, &trainer);
    if (status == CUSGD_OK) status = cusgd_trainer_fit(trainer, NULL, NULL, NULL);
    if (status == CUSGD_OK) status = cusgd_trainer_get_coefficients(trainer, theta, &b);
    if (status == CUSGD_OK)
        printf("y = %.3f x0 %+.3f x1 %+.3f\n", theta[0], theta[1], b);
    else
        fprintf(stderr, "%s\n", cusgd_last_error());
    cusgd_trainer_free(trainer);
    cusgd_data_free(data);
    cusgd_options_free(options);
    return status != CUSGD_OK || fabs(theta[0] - 3) > 0.01 || fabs(theta[1] + 2) > 0.01 || fabs(b - 1) > 0.05;
}
