/* The handle of options, and the arrays that it owns. */
#include "options.h"

#include "failure.h"

#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

/* An array that options own, with one number per column. */
typedef struct array {
    const char *name, *group; /* group: a name that sets several arrays at once; NULL: none */
    const double **at;
    size_t *count;
    enum { ANY, NOT_NEGATIVE, POSITIVE } range;
} array;

enum { ARRAYS = 4 };

static void arrays_of(cusgd_options *o, array out[ARRAYS])
{
    static const char factors[] = "penalty-factors";
    out[0] = (array){"l1-factors", factors, &o->l1_factors, &o->l1_factor_count, NOT_NEGATIVE};
    out[1] = (array){"l2-factors", factors, &o->l2_factors, &o->l2_factor_count, NOT_NEGATIVE};
    out[2] = (array){"column-means", NULL, &o->column_means, &o->column_mean_count, ANY};
    out[3] = (array){"column-scales", NULL, &o->column_scales, &o->column_scale_count, POSITIVE};
}

/* Copies the values into *out; NULL if there are none. */
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

/* Replaces the arrays, which belong to another handle, by copies. If there is no memory, no array is left. */
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
    (*out)->formula = NULL; /* it belongs to a trainer */
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

static int is_named(const array *a, const char *name)
{
    return strcmp(name, a->name) == 0 || (a->group && strcmp(name, a->group) == 0);
}

/* Fails unless the values are in the range of the array. */
static cusgd_status check_values(const char *name, const array *a, const double *values, size_t count)
{
    static const char *const ranges[] = {"finite numbers", "finite numbers that are not negative", "finite numbers above 0"};
    for (size_t i = 0; i < count; i++) {
        int in_range = a->range == ANY || (a->range == POSITIVE ? values[i] > 0 : values[i] >= 0);
        if (!in_range || !isfinite(values[i]))
            return fail_option(name, "%s must be %s, not %g", name, ranges[a->range], values[i]);
    }
    return CUSGD_OK;
}

cusgd_status cusgd_options_set_array(cusgd_options *options, const char *name, const double *values, size_t count)
{
    if (!options) return fail_null(__func__);
    array arrays[ARRAYS];
    const double *copy[ARRAYS] = {NULL};
    int found = 0;
    cusgd_status status = CUSGD_OK;
    arrays_of(options, arrays);
    for (int i = 0; i < ARRAYS && !status; i++) {
        if (!is_named(&arrays[i], name)) continue;
        found = 1;
        status = check_values(name, &arrays[i], values, count);
    }
    if (!found)
        return fail(CUSGD_ERROR_USAGE,
                    "there is no option \"%.60s\" that is an array: penalty-factors, l1-factors, l2-factors, column-means and "
                    "column-scales are",
                    name);
    for (int i = 0; i < ARRAYS && !status; i++) status = copy_values(values, count, &copy[i]);
    for (int i = 0; i < ARRAYS; i++) {
        int changes = !status && is_named(&arrays[i], name);
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
        const char *name = alike && arrays[i].group ? arrays[i].group : arrays[i].name;
        if (*arrays[i].at && *arrays[i].count && *arrays[i].count != (size_t)cols)
            status = fail_option(name, "there are %zu %s and %lld columns: give one per column", *arrays[i].count, name,
                                 (long long)cols);
        if (*arrays[i].at && !*arrays[i].count) *arrays[i].count = (size_t)cols;
    }
    if (!status) return copy_arrays(options);
    for (int i = 0; i < ARRAYS; i++) *arrays[i].at = NULL, *arrays[i].count = 0; /* they belong to another handle */
    return status;
}

static int is_same_array(const double *a, size_t count, const double *b, size_t other)
{
    if (!a || !b) return a == b;
    return count == other && memcmp(a, b, count * sizeof *a) == 0;
}

int options_standardize_alike(const cusgd_options *a, const cusgd_options *b)
{
    return is_same_array(a->column_means, a->column_mean_count, b->column_means, b->column_mean_count) &&
           is_same_array(a->column_scales, a->column_scale_count, b->column_scales, b->column_scale_count);
}

int options_formula_alike(const cusgd_options *a, const cusgd_options *b)
{
    if (!loss_is_expression(a->loss) && !loss_is_expression(b->loss)) return 1;
    return strcmp(a->loss_expression, b->loss_expression) == 0 && strcmp(a->constants, b->constants) == 0 &&
           strcmp(a->link, b->link) == 0;
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
