#include "training.h"
#include "options.h"

#include <criterion/criterion.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Tests hold messages to what the command says. */
__attribute__((constructor)) static void with_dashes(void) { cusgd_set_option_dashes(1); }

/* SplitMix64 (Steele, Lea, Flood 2014). */
double random_uniform(uint64_t *state)
{
    uint64_t z = (*state += 0x9E3779B97F4A7C15u);
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9u;
    z = (z ^ (z >> 27)) * 0x94D049BB133111EBu;
    z ^= z >> 31;
    return ((double)(z >> 11) + 0.5) * 0x1p-53;
}

/* Box and Muller 1958, the cosine alone. */
double random_normal(uint64_t *state)
{
    double radius = sqrt(-2 * log(random_uniform(state)));
    return radius * cos(6.283185307179586 * random_uniform(state));
}

double *zeros(int64_t count)
{
    double *values = calloc((size_t)count, sizeof *values);
    cr_assert(values, "out of memory");
    return values;
}

double *random_normals(uint64_t *state, int64_t count)
{
    double *values = zeros(count);
    for (int64_t i = 0; i < count; i++) values[i] = random_normal(state);
    return values;
}

float *floats_of(const double *values, int64_t count)
{
    float *out = malloc((size_t)count * sizeof *out);
    cr_assert(out, "out of memory");
    for (int64_t i = 0; i < count; i++) out[i] = (float)values[i];
    return out;
}

static cusgd_data *wrap(int64_t n, int64_t d, int64_t k, cusgd_type type, const void *x, const void *y, const void *w)
{
    cusgd_data *data;
    cusgd_matrix mx = {x, type, d, 1}, my = {y, type, k, 1}, mw = {w, type, 1, 1};
    cr_assert_eq(cusgd_data_wrap(n, d, k, mx, my, mw, &data), CUSGD_OK, "%s", cusgd_last_error());
    return data;
}

cusgd_data *data_of(int64_t n, int64_t d, int64_t k, const double *x, const double *y, const double *w)
{
    return wrap(n, d, k, CUSGD_TYPE_FLOAT64, x, y, w);
}

cusgd_data *data_of_floats(int64_t n, int64_t d, int64_t k, const float *x, const float *y, const float *w)
{
    return wrap(n, d, k, CUSGD_TYPE_FLOAT32, x, y, w);
}

cusgd_options options_default(void)
{
    cusgd_options o;
    options_init(&o);
    o.precision = CUSGD_PRECISION_DOUBLE;
    const char *device = getenv("CUSGD_TEST_DEVICE");
    if (device) snprintf(o.device, sizeof o.device, "%s", device);
    return o;
}

cusgd_options options_plain(cusgd_optimizer optimizer, double rate, int64_t batch, int64_t epochs)
{
    cusgd_options o = options_default();
    o.optimizer = optimizer;
    o.rate = rate;
    o.batch = batch;
    o.epochs = epochs;
    o.average = 0;
    return o;
}

cusgd_trainer *trainer_of(const cusgd_options *options, const cusgd_data *train, const cusgd_data *valid)
{
    cusgd_trainer *t;
    cr_assert_eq(cusgd_trainer_create(options, train, valid, &t), CUSGD_OK, "%s", cusgd_last_error());
    return t;
}

cusgd_result fit(cusgd_trainer *trainer)
{
    cusgd_result r = CUSGD_INIT(cusgd_result);
    cr_assert_eq(cusgd_trainer_fit(trainer, NULL, NULL, &r), CUSGD_OK, "%s", cusgd_last_error());
    return r;
}

void parameters_of(cusgd_trainer *trainer, int64_t d, int64_t k, double *parameters)
{
    double *weight = zeros(k * d), *bias = zeros(k);
    cr_assert_eq(cusgd_trainer_get_coefficients(trainer, weight, bias), CUSGD_OK, "%s", cusgd_last_error());
    for (int64_t c = 0; c < k; c++) {
        memcpy(parameters + c * (d + 1), weight + c * d, (size_t)d * sizeof *weight);
        parameters[c * (d + 1) + d] = bias[c];
    }
    free(weight);
    free(bias);
}

cusgd_result train(const cusgd_options *options, const cusgd_data *data, double *parameters)
{
    cusgd_trainer *t = trainer_of(options, data, NULL);
    cusgd_result r = fit(t);
    parameters_of(t, cusgd_data_cols(data), cusgd_trainer_outputs(t), parameters);
    cusgd_trainer_free(t);
    return r;
}

double distance(const double *a, const double *b, int64_t count)
{
    double maximum = 0;
    for (int64_t i = 0; i < count; i++) maximum = fabs(a[i] - b[i]) <= maximum ? maximum : fabs(a[i] - b[i]); /* NaN counts */
    return maximum;
}
