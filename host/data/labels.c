/* Numbers as the classes of a target. */
#include "data.h"
#include "failure.h"
#include "notes.h"
#include "scalar/kinds.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The maximum number of different target values to search for; they are sorted. */
enum { MAX_LABELS = 8 };
typedef struct labels {
    double at[MAX_LABELS];
    int count; /* MAX_LABELS: there may be more */
    int finite;
} labels;

static labels find_labels(const cusgd_data *data)
{
    labels all = {.finite = 1};
    for (int64_t i = 0; i < data->view.n && all.count < MAX_LABELS; i++) {
        double y = matrix_at(&data->view.y, i, 0);
        int at = 0;
        all.finite = all.finite && isfinite(y);
        if (!all.finite) break;
        while (at < all.count && all.at[at] < y) at++;
        if (at < all.count && all.at[at] == y) continue;
        memmove(all.at + at + 1, all.at + at, (size_t)(all.count - at) * sizeof *all.at);
        all.at[at] = y;
        all.count++;
    }
    return all;
}

static cusgd_status fail_many(const cusgd_data *data, const labels *all)
{
    char list[MAX_LABELS * NUMBER_TEXT] = "", number[NUMBER_TEXT];
    for (int i = 0; i < all->count && i < 5; i++) {
        number_format(all->at[i], number);
        strcat(strcat(list, i ? ", " : ""), number);
    }
    return fail(CUSGD_ERROR_DATA,
                "%s: the target has more than two values (%s%s), and not all are whole numbers, as those of classes are: choose "
                "another loss, or write the classes as names or whole numbers",
                data->source, list, all->count > 5 ? ", ..." : "");
}

/* ---- The values of a target ---------------------------------------------------------------------------------------------- */

/* All different values, sorted. */
typedef struct value_set {
    double *at;
    int64_t count;
} value_set;

/* Returns the place of a value, or the place to insert it. */
static int64_t place_of(const value_set *v, double value)
{
    int64_t low = 0, high = v->count;
    while (low < high) {
        int64_t middle = low + (high - low) / 2;
        if (v->at[middle] < value)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static cusgd_status insert(value_set *v, int64_t at, double value)
{
    double *larger = allocate_next(v->at, (size_t)v->count, sizeof *larger, "the classes");
    if (!larger) return CUSGD_ERROR_MEMORY;
    v->at = larger;
    memmove(v->at + at + 1, v->at + at, (size_t)(v->count - at) * sizeof *v->at);
    v->at[at] = value;
    v->count++;
    return CUSGD_OK;
}

/* Whole numbers of which nearly each stands in one row alone count something, and are no classes. */
static cusgd_status collect(const cusgd_data *data, value_set *v)
{
    enum { FEW = 20 };
    int64_t n = data->view.n;
    for (int64_t i = 0; i < n; i++) {
        double y = matrix_at(&data->view.y, i, 0);
        if (!isfinite(y) || y != floor(y)) /* found among the first values, or it is whoever trains on them who says so */
            return fail_data_row(i, -1, "%s: row %" PRId64 ": the target %g is no class: others are whole numbers", data->source,
                                 i + 1, y);
        int64_t at = place_of(v, y);
        if (at < v->count && v->at[at] == y) continue;
        cusgd_status status = insert(v, at, y);
        if (status) return status;
        if (v->count > MAX_CLASSES) break;
    }
    if (v->count <= MAX_CLASSES && (n <= FEW || 2 * v->count <= n)) return CUSGD_OK;
    return fail(CUSGD_ERROR_DATA,
                "%s: the target has %s%" PRId64 " different values in %" PRId64 " rows, and this loss takes classes: choose "
                "another loss, or another target (--target)",
                data->source, v->count > MAX_CLASSES ? "more than " : "", v->count - (v->count > MAX_CLASSES), n);
}

static cusgd_status fail_class(const cusgd_data *data, int64_t i, double value, const value_set *known)
{
    if (known->count == 2)
        return fail_data_row(i, -1, "%s: row %" PRId64 ": the target %g is not one of the model's classes, %.9g and %.9g",
                             data->source, i + 1, value, known->at[0], known->at[1]);
    return fail_data_row(i, -1, "%s: row %" PRId64 ": the target %g is not one of the model's %" PRId64 " classes, %.9g to %.9g",
                         data->source, i + 1, value, known->count, known->at[0], known->at[known->count - 1]);
}

/* Numbers from 0 for the values, by the numbers of `order` (NULL: their places), as the data's own. */
static cusgd_status map_values(cusgd_data *data, const value_set *known, const int64_t *order)
{
    int64_t n = data->view.n;
    double *y = allocate((size_t)n, sizeof *y);
    if (!y) return fail_memory((size_t)n * sizeof *y, "the classes");
    for (int64_t i = 0; i < n; i++) {
        double value = matrix_at(&data->view.y, i, 0);
        int64_t at = place_of(known, value);
        if (at < known->count && known->at[at] == value) {
            y[i] = (double)(order ? order[at] : at);
            continue;
        }
        free(y);
        return fail_class(data, i, value, known);
    }
    data_replace(data, PLACE_Y, y);
    data->view.y = (cusgd_matrix){y, CUSGD_TYPE_FLOAT64, 1, 1};
    return CUSGD_OK;
}

/* ---- Names --------------------------------------------------------------------------------------------------------------- */

void data_take_classes(cusgd_data *data, char **classes, int64_t count)
{
    strings_free(data->classes, data->class_count);
    data->classes = classes;
    data->class_count = count;
    data->view.classes = count > 2 && data->view.k == 1 ? count : 0;
}

/* Creates the texts of numbers. */
static cusgd_status number_names(const double *numbers, int64_t count, char ***out)
{
    char number[NUMBER_TEXT], **names = *out = allocate_zeroed((size_t)count, sizeof *names);
    for (int64_t c = 0; names && c < count; c++) {
        number_format(numbers ? numbers[c] : (double)c, number);
        if ((names[c] = strdup(number))) continue;
        strings_free(names, count);
        *out = names = NULL;
    }
    return names ? CUSGD_OK : fail_memory((size_t)count * sizeof *names, "the names of the classes");
}

cusgd_status cusgd_data_set_classes(cusgd_data *data, const char *const *names, int64_t count)
{
    char **copy;
    if (!data) return fail_null(__func__);
    if (data->view.k != 1)
        return fail(CUSGD_ERROR_DATA, "%s has %" PRId64 " targets: classes are those of one", data->source, data->view.k);
    if (count < 2 || count > MAX_CLASSES)
        return fail(CUSGD_ERROR_USAGE, "a target has 2 to %d classes, not %" PRId64, MAX_CLASSES, count);
    cusgd_status status = names ? classes_check(names, count) : CUSGD_OK;
    if (!status) status = names ? texts_copy(names, count, &copy) : number_names(NULL, count, &copy);
    if (!status) data_take_classes(data, copy, count);
    return status;
}

/* The values of names that are all numbers, in order, with their classes; 0 where they are not. */
static cusgd_status parse_classes(const char *const *classes, int64_t count, value_set *v, int64_t **order, int *numbers)
{
    cusgd_status status = CUSGD_OK;
    *numbers = 1;
    *order = allocate((size_t)count, sizeof **order);
    if (!*order) return fail_memory((size_t)count * sizeof **order, "the classes");
    for (int64_t c = 0; c < count && *numbers && !status; c++) {
        double value;
        *numbers = number_parse(classes[c], strlen(classes[c]), &value);
        if (!*numbers) break;
        int64_t at = place_of(v, value);
        memmove(*order + at + 1, *order + at, (size_t)(v->count - at) * sizeof **order);
        (*order)[at] = c;
        status = insert(v, at, value);
    }
    return status;
}

cusgd_status data_apply_classes(cusgd_data *data, const char *const *classes, int64_t count)
{
    value_set known = {0};
    int64_t *order = NULL;
    int numbers = 0;
    if (data->view.k != 1 || !data->view.y.at || data->classes) return CUSGD_OK;
    cusgd_status status = parse_classes(classes, count, &known, &order, &numbers);
    if (!status && numbers) status = map_values(data, &known, order);
    if (!status && (numbers || count > 2)) status = cusgd_data_set_classes(data, classes, count);
    free(known.at);
    free(order);
    return status;
}

static cusgd_status take_values(cusgd_data *data, const value_set *known)
{
    char **names;
    cusgd_status status = number_names(known->at, known->count, &names);
    if (status) return status;
    status = map_values(data, known, NULL);
    if (status)
        strings_free(names, known->count);
    else
        data_take_classes(data, names, known->count);
    return status;
}

static cusgd_status find_many(cusgd_data *data)
{
    enum { MANY = 50 };
    value_set all = {0};
    cusgd_status status = collect(data, &all);
    if (!status) status = take_values(data, &all);
    if (!status && all.count > MANY)
        status =
            data_note(data,
                      "%s: the target's %" PRId64 " different whole numbers are taken for classes, each with coefficients of "
                      "its own: if they are quantities, choose another loss (--loss squared, or --loss poisson for counts)",
                      data->source, all.count);
    free(all.at);
    return status;
}

static cusgd_status apply_model(cusgd_data *data, const cusgd_model *model)
{
    int64_t count = cusgd_model_classes(model);
    const char **names = allocate((size_t)count, sizeof *names);
    if (!names) return fail_memory((size_t)count * sizeof *names, "the names of the classes");
    for (int64_t c = 0; c < count; c++) names[c] = cusgd_model_class(model, (int)c);
    cusgd_status status = data_apply_classes(data, names, count);
    free(names);
    return status;
}

cusgd_status cusgd_data_find_classes(cusgd_data *data, const cusgd_model *model)
{
    if (!data) return fail_null(__func__);
    if (model && cusgd_model_classes(model) > 0) return apply_model(data, model);
    if (data->view.k != 1 || !data->view.y.at || data->classes) return CUSGD_OK;
    labels all = find_labels(data);
    int usual = all.count < 2 || !all.finite || (all.count == 2 && all.at[0] == 0 && all.at[1] == 1);
    int whole = 1;
    for (int i = 0; i < all.count; i++) whole = whole && all.at[i] == floor(all.at[i]);
    if (usual) return CUSGD_OK;
    int is_share = all.finite && !whole && all.at[0] >= 0 && all.at[all.count - 1] <= 1;
    if (is_share && all.count > 2) return cusgd_data_split_targets(data, 0);
    if (all.count == MAX_LABELS && !whole) return CUSGD_OK; /* these are no labels: the trainer reports it */
    if (all.count > 2) return whole ? find_many(data) : fail_many(data, &all);
    return take_values(data, &(value_set){all.at, 2});
}

/* ---- Weights ------------------------------------------------------------------------------------------------------------- */

/* Returns the class of row i; for two classes, -1 means 0. */
static int64_t class_of(const cusgd_data *data, int64_t i)
{
    double y = matrix_at(&data->view.y, i, 0);
    return y > 0 ? (int64_t)y : 0;
}

/* Returns the class of a name; -1: there is none. Classes without names have their numbers as names. */
static int64_t find_class(const cusgd_data *data, const char *name)
{
    double value;
    for (int64_t c = 0; c < data->class_count; c++)
        if (strcmp(data->classes[c], name) == 0) return c;
    int is_number = number_parse(name, strlen(name), &value);
    if (is_number && !data->classes && (value == 0 || value == -1)) return 0;
    if (is_number && !data->classes && value == 1) return 1;
    for (int64_t c = 0; is_number && c < data->class_count; c++) { /* 3.0 and 3 */
        double known;
        if (number_parse(data->classes[c], strlen(data->classes[c]), &known) && known == value) return c;
    }
    return -1;
}

/* n / (classes n_c), rows counted by their weights. */
static cusgd_status balance(const cusgd_data *data, int64_t classes, double *factor)
{
    double sum = 0, *weight = allocate_zeroed((size_t)classes, sizeof *weight);
    int64_t present = 0;
    if (!weight) return fail_memory((size_t)classes * sizeof *weight, "the classes' weights");
    for (int64_t i = 0; i < data->view.n; i++) {
        weight[class_of(data, i)] += weight_at(&data->view, i);
        sum += weight_at(&data->view, i);
    }
    for (int64_t c = 0; c < classes; c++) present += weight[c] > 0;
    for (int64_t c = 0; c < classes; c++) factor[c] = weight[c] > 0 ? sum / ((double)present * weight[c]) : 1;
    free(weight);
    return CUSGD_OK;
}

static cusgd_status read_factors(const cusgd_data *data, const char *const *names, const double *weights, int64_t count,
                                 double *factor)
{
    for (int64_t i = 0; i < count; i++) {
        char shown[128];
        int64_t c = find_class(data, names[i]);
        cusgd_text_escape(names[i], shown, sizeof shown);
        if (c < 0) return fail(CUSGD_ERROR_DATA, "%s: the target has no class '%s'", data->source, shown);
        if (!(weights[i] >= 0) || isinf(weights[i]))
            return fail(CUSGD_ERROR_USAGE, "the weight %g of class '%s' is not one: weights are finite, and 0 or greater",
                        weights[i], shown);
        factor[c] = weights[i];
    }
    return CUSGD_OK;
}

static cusgd_status multiply_weights(cusgd_data *data, const double *factor)
{
    int64_t n = data->view.n;
    double *w = allocate((size_t)n, sizeof *w);
    if (!w) return fail_memory((size_t)n * sizeof *w, "the rows' weights");
    for (int64_t i = 0; i < n; i++) w[i] = weight_at(&data->view, i) * factor[class_of(data, i)];
    data_replace(data, PLACE_W, w);
    data->view.w = (cusgd_matrix){w, CUSGD_TYPE_FLOAT64, 1, 1};
    return CUSGD_OK;
}

cusgd_status cusgd_data_weigh_classes(cusgd_data *data, const char *const *names, const double *weights, int64_t count)
{
    if (!data) return fail_null(__func__);
    int64_t classes = data->view.classes > 0 ? data->view.classes : 2;
    if (data->view.k != 1 || !data->view.y.at)
        return fail(CUSGD_ERROR_DATA, "%s has %" PRId64 " targets: weights of classes are for one", data->source, data->view.k);
    cusgd_status status = examples_check(&data->view, CUSGD_LOSS_LOGISTIC, data->source, 0);
    if (status) return status;
    double *factor = allocate((size_t)classes, sizeof *factor);
    if (!factor) return fail_memory((size_t)classes * sizeof *factor, "the classes' weights");
    for (int64_t c = 0; c < classes; c++) factor[c] = 1;
    status = names ? read_factors(data, names, weights, count, factor) : balance(data, classes, factor);
    if (!status) status = multiply_weights(data, factor);
    free(factor);
    return status;
}
