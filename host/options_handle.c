/* Options as a handle, and the arrays that they own. */
#include "options.h"

#include "error.h"

#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

/* A copy of the factors, or NULL where there are none. */
static cusgd_status copy_factors(const double *factors, size_t count, const double **out)
{
    *out = NULL;
    if (!factors || count == 0) return CUSGD_OK;
    double *copy = allocate(count, sizeof *copy);
    if (!copy) return fail_memory(count * sizeof *copy, "penalty factors");
    memcpy(copy, factors, count * sizeof *copy);
    *out = copy;
    return CUSGD_OK;
}

cusgd_status cusgd_options_new(cusgd_options **out)
{
    *out = allocate(1, sizeof **out);
    if (!*out) return fail_memory(sizeof **out, "options");
    options_init(*out);
    return CUSGD_OK;
}

cusgd_status cusgd_options_copy(const cusgd_options *options, cusgd_options **out)
{
    cusgd_status status = cusgd_options_new(out);
    if (status) return status;
    **out = *options;
    status = copy_factors(options->penalty_factors, options->penalty_factor_count, &(*out)->penalty_factors);
    if (!status) return CUSGD_OK;
    free(*out);
    *out = NULL;
    return status;
}

void cusgd_options_free(cusgd_options *options)
{
    if (options) options_disown(options);
    free(options);
}

cusgd_status cusgd_options_set_array(cusgd_options *options, const char *name, const double *values, size_t count)
{
    const double *copy;
    if (strcmp(name, "penalty-factors") != 0)
        return fail(CUSGD_ERROR_USAGE, "there is no option \"%.60s\" that is an array: penalty-factors is one", name);
    for (size_t i = 0; i < count; i++)
        if (!(values[i] >= 0 && isfinite(values[i])))
            return fail_option("penalty-factors", "penalty-factors must be finite numbers that are not negative, not %g",
                               values[i]);
    cusgd_status status = copy_factors(values, count, &copy);
    if (status) return status;
    options_disown(options);
    options->penalty_factors = copy;
    options->penalty_factor_count = count;
    return CUSGD_OK;
}

cusgd_status options_own(cusgd_options *options, int64_t cols)
{
    const double *factors = options->penalty_factors;
    size_t count = options->penalty_factor_count;
    options->penalty_factors = NULL;
    options->penalty_factor_count = 0;
    if (!factors) return CUSGD_OK;
    if (count && count != (size_t)cols)
        return fail_option("penalty-factors", "there are %zu penalty-factors and %lld columns: give one per column", count,
                           (long long)cols);
    options->penalty_factor_count = (size_t)cols;
    return copy_factors(factors, (size_t)cols, &options->penalty_factors);
}

void options_disown(cusgd_options *options)
{
    free((double *)options->penalty_factors);
    options->penalty_factors = NULL;
    options->penalty_factor_count = 0;
}
