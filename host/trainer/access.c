/* Functions by which callers read a trainer and set its coefficients. */
#include "failure.h"
#include "problem/linear.h"
#include "problem/stream.h"
#include "public.h"
#include "shared.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* Returns whether the first rows were few. The rows of the first call may be passed again for training. */
static int has_few_first_rows(const cusgd_trainer *t)
{
    enum { ENOUGH = 100 };
    int is_given = t->options.column_means || t->options.column_scales;
    return t->options.standardize && !is_given && t->first_rows < ENOUGH && t->further_rows > t->first_rows;
}

const char *cusgd_trainer_note(const cusgd_trainer *t, size_t index)
{
    if (!t) return NULL;
    const char *notes[9];
    size_t count = 0;
    if (t->problem.targets.minus) notes[count++] = "targets -1 and 1 are two classes, predicted as 0 and 1";
    if (examples_are_sparse(&t->problem.train.rows) && t->options.sparse_scale != CUSGD_SPARSE_SCALE_FULL)
        notes[count++] = t->options.standardize ? "sparse columns are scaled and not centered"
                                                : "sparse columns are not standardized (--sparse-scale)";
    if (has_few_first_rows(t))
        notes[count++] = "the means and scales of the columns, and a rate that was not given, are those of fewer than 100 first "
                         "rows, which may be far from those of all: create the trainer with more rows, or set column-means and "
                         "column-scales";
    if (t->problem.train.stream && stream_held_note(t->problem.train.stream))
        notes[count++] = stream_held_note(t->problem.train.stream);
    if (*t->problem.targets.note) notes[count++] = t->problem.targets.note;
    if (*t->classes_note) notes[count++] = t->classes_note;
    if (*t->announcement) notes[count++] = t->announcement;
    if (*t->sgd.device_note) notes[count++] = t->sgd.device_note; /* last, as it may come during the run */
    if (t->problem.train.stream && t->run.at.step > 0) notes[count++] = stream_note(t->problem.train.stream);
    return index < count ? notes[index] : NULL;
}

int trainer_stream_times(const cusgd_trainer *t, cusgd_stream_times *times)
{
    if (!t->problem.train.stream) return 0;
    stream_took(t->problem.train.stream, times);
    return 1;
}

const cusgd_data *cusgd_trainer_data(const cusgd_trainer *t)
{
    if (!t) return NULL;
    return t->whitening ? t->whitening->train : t->problem.train.data;
}

const cusgd_options *cusgd_trainer_options(const cusgd_trainer *t) { return t ? &t->options : NULL; }

const char *cusgd_trainer_solver_reason(const cusgd_trainer *t) { return t ? t->solver_reason : NULL; }

int64_t cusgd_trainer_outputs(const cusgd_trainer *t) { return t ? t->problem.k : 0; }

const char *cusgd_trainer_device_name(const cusgd_trainer *t) { return t ? t->backend.name : NULL; }

void cusgd_trainer_set_checkpoint_callback(cusgd_trainer *t, cusgd_checkpoint_callback callback, void *user)
{
    if (!t) return;
    t->run.fit.callback = callback;
    t->run.fit.user = user;
}

void cusgd_trainer_cancel(cusgd_trainer *t)
{
    if (t) t->run.cancelled = 1;
}

cusgd_status cusgd_trainer_get_standardization(const cusgd_trainer *t, double *means, double *scales)
{
    if (!t) return fail_null(__func__);
    if (t->whitening)
        return fail_option("whiten", "whiten trains on mixtures of the columns, which have no means and scales of their own");
    if (means) memcpy(means, t->problem.units.mean, sizeof *means * (size_t)t->problem.d);
    if (scales) memcpy(scales, t->problem.units.own_scale, sizeof *scales * (size_t)t->problem.d);
    return CUSGD_OK;
}

/* Converts theta of decorrelated columns to coefficients for the columns of the data, which requires both weight and bias. */
static cusgd_status get_white(const cusgd_trainer *t, double *weight, double *bias)
{
    int64_t k = t->problem.k, count = t->problem.d * k;
    double *all = allocate((size_t)(count + k), sizeof *all);
    if (!all) return fail_memory((size_t)(count + k) * sizeof *all, "coefficients");
    problem_to_data(&t->problem, t->run.theta, all, all + count);
    cusgd_status status = whitening_to_x(t->whitening, k, all, all + count);
    if (!status && weight) vector_copy(count, all, weight);
    if (!status && bias) vector_copy(k, all + count, bias);
    free(all);
    return status;
}

cusgd_status cusgd_trainer_get_coefficients(cusgd_trainer *t, double *weight, double *bias)
{
    if (!t) return fail_null(__func__);
    cusgd_status status = run_theta(&t->run, t->run.at.result, t->run.theta);
    if (!status && t->whitening) return get_white(t, weight, bias);
    if (!status) problem_to_data(&t->problem, t->run.theta, weight, bias);
    return status;
}

/* Converts coefficients for the columns of the data to theta of decorrelated columns. */
static cusgd_status put_white(cusgd_trainer *t, const double *weight, const double *bias)
{
    int64_t k = t->problem.k, count = t->problem.d * k;
    double *white = allocate((size_t)(count + k), sizeof *white);
    if (!white) return fail_memory((size_t)(count + k) * sizeof *white, "coefficients");
    vector_copy(count, weight, white);
    vector_copy(k, bias, white + count);
    cusgd_status status = whitening_to_z(t->whitening, k, white, white + count);
    if (!status) problem_from_data(&t->problem, white, white + count, t->run.theta);
    free(white);
    return status;
}

cusgd_status cusgd_trainer_set_coefficients(cusgd_trainer *t, const double *weight, const double *bias)
{
    if (!t) return fail_null(__func__);
    for (int64_t i = 0; i < t->problem.d * t->problem.k; i++)
        if (!isfinite(weight[i])) return fail(CUSGD_ERROR_DATA, "weight %lld of the starting point is not finite", (long long)i);
    for (int64_t c = 0; c < t->problem.k; c++) {
        if (!isfinite(bias[c])) return fail(CUSGD_ERROR_DATA, "bias %lld of the starting point is not finite", (long long)c);
        if (bias[c] != 0 && !t->problem.intercept)
            return fail(CUSGD_ERROR_USAGE, "the starting point has an intercept, and the run has none; leave out no-intercept");
    }
    cusgd_status status = trainer_check_idle(t, "cusgd_trainer_set_coefficients");
    if (status) return status;
    status = t->whitening ? put_white(t, weight, bias) : CUSGD_OK;
    if (status) return status;
    if (!t->whitening) problem_from_data(&t->problem, weight, bias, t->run.theta);
    status = run_check_device(&t->run);
    if (status) return status;
    const int *agreed = shared_begin(t);
    return shared_end(t, agreed, trainer_restart_at(t, t->run.theta, &t->run.given));
}
