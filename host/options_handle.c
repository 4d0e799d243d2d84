/* Options as a handle, and the arrays that they own. */
#include "options.h"

#include "failure.h"

#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

/* An array that options own, one number >= 0 a column. */
typedef struct array {
    const char *name;
    const double **at;
    size_t *count;
} array;

enum { ARRAYS = 2 };

static void arrays_of(cusgd_options *o, array out[ARRAYS])
{
    out[0] = (array){"l1-factors", &o->l1_factors, &o->l1_factor_count};
    out[1] = (array){"l2-factors", &o->l2_factors, &o->l2_factor_count};
}

/* A copy of the values, or NULL where there are none. */
static cusgd_status copy_values(const double *values, size_t count, const double **out)
{
    *out = NULL;
    if (!values || count == 0) return CUSGD_OK;
    double *copy = allocate(count, sizeof *copy);
    if (!copy) return fail_memory(count * sizeof *copy, "an option's array");
    memcpy(copy, values, count * sizeof *copy);
    *out = copy;
    return CUSGD_OK;
}

/* Makes the arrays, which are another's, copies of the options' own; without any, if there is no memory. */
static cusgd_status copy_arrays(cusgd_options *options)
{
    array arrays[ARRAYS], from[ARRAYS];
    cusgd_options given = *options;
    cusgd_status status = CUSGD_OK;
    arrays_of(options, arrays);
    arrays_of(&given, from);
    for (int i = 0; i < ARRAYS; i++) *arrays[i].at = NULL;
    for (int i = 0; i < ARRAYS && !status; i++) status = copy_values(*from[i].at, *from[i].count, arrays[i].at);
    if (status) options_disown(options);
    return status;
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
    *out = NULL;
    if (!options) return fail_null(__func__);
    cusgd_status status = cusgd_options_new(out);
    if (status) return status;
    **out = *options;
    status = copy_arrays(*out);
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
    if (!options) return fail_null(__func__);
    array arrays[ARRAYS];
    const double *copy[ARRAYS] = {NULL};
    int found = 0, both = strcmp(name, "penalty-factors") == 0;
    cusgd_status status = CUSGD_OK;
    arrays_of(options, arrays);
    for (int i = 0; i < ARRAYS; i++) found |= both || strcmp(name, arrays[i].name) == 0;
    if (!found)
        return fail(CUSGD_ERROR_USAGE,
                    "there is no option \"%.60s\" that is an array: penalty-factors, l1-factors and l2-factors are", name);
    for (size_t i = 0; i < count; i++)
        if (!(values[i] >= 0 && isfinite(values[i])))
            return fail_option(name, "%s must be finite numbers that are not negative, not %g", name, values[i]);
    for (int i = 0; i < ARRAYS && !status; i++) status = copy_values(values, count, &copy[i]);
    for (int i = 0; i < ARRAYS; i++) {
        int changes = !status && (both || strcmp(name, arrays[i].name) == 0);
        free((double *)(changes ? *arrays[i].at : copy[i]));
        if (!changes) continue;
        *arrays[i].at = copy[i];
        *arrays[i].count = copy[i] ? count : 0;
    }
    return status;
}

cusgd_status options_own(cusgd_options *options, int64_t cols)
{
    array arrays[ARRAYS];
    cusgd_status status = CUSGD_OK;
    arrays_of(options, arrays);
    int alike = options->l1_factor_count == options->l2_factor_count;
    for (int i = 0; i < ARRAYS && !status; i++) {
        const char *name = alike ? "penalty-factors" : arrays[i].name;
        if (*arrays[i].at && *arrays[i].count && *arrays[i].count != (size_t)cols)
            status = fail_option(name, "there are %zu %s and %lld columns: give one per column", *arrays[i].count, name,
                                 (long long)cols);
        if (*arrays[i].at && !*arrays[i].count) *arrays[i].count = (size_t)cols;
    }
    if (!status) return copy_arrays(options);
    for (int i = 0; i < ARRAYS; i++) *arrays[i].at = NULL, *arrays[i].count = 0; /* they are another's */
    return status;
}

void options_disown(cusgd_options *options)
{
    array arrays[ARRAYS];
    arrays_of(options, arrays);
    for (int i = 0; i < ARRAYS; i++) {
        free((double *)*arrays[i].at);
        *arrays[i].at = NULL;
        *arrays[i].count = 0;
    }
}
