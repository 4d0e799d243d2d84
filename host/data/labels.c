/* Two numbers as the two classes of a target. */
#include "data.h"
#include "error.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The different values of the target, as many as are looked for, in order. */
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
                "%s: the target has more than two values (%s%s), and this loss takes two classes: train one model for each class "
                "against the rest, on a target that is 1 for that class and else 0; or choose another loss",
                data->source, list, all->count > 5 ? ", ..." : "");
}

/* 0 and 1 for the two numbers, as the data's own. */
static cusgd_status map_labels(cusgd_data *data, double zero, double one)
{
    int64_t n = data->view.n;
    double *y = allocate((size_t)n, sizeof *y);
    if (!y) return fail_memory((size_t)n * sizeof *y, "the classes");
    for (int64_t i = 0; i < n; i++) {
        double value = matrix_at(&data->view.y, i, 0);
        y[i] = value == one;
        if (value == zero || value == one) continue;
        free(y);
        return fail_data_row(i, -1, "%s: row %" PRId64 ": the target %g is not one of the model's classes, %.9g and %.9g",
                             data->source, i + 1, value, zero, one);
    }
    file_unmap(data->mapping[1]);
    free(data->memory[1]);
    data->mapping[1] = NULL;
    data->memory[1] = y;
    data->view.y = (cusgd_matrix){y, CUSGD_TYPE_FLOAT64, 1, 1};
    return CUSGD_OK;
}

static cusgd_status name_classes(cusgd_data *data, const char *zero, const char *one)
{
    const char *names[2] = {zero, one};
    return cusgd_data_set_names(data, NULL, NULL, names, NULL);
}

cusgd_status data_apply_classes(cusgd_data *data, const char *const *classes)
{
    double zero, one;
    if (data->view.k != 1 || !data->view.y.at || data->classes[0]) return CUSGD_OK;
    if (!number_parse(classes[0], strlen(classes[0]), &zero) || !number_parse(classes[1], strlen(classes[1]), &one))
        return CUSGD_OK;
    cusgd_status status = map_labels(data, zero, one);
    return status ? status : name_classes(data, classes[0], classes[1]);
}

cusgd_status cusgd_data_find_classes(cusgd_data *data, const cusgd_model *model)
{
    const char *known[2] = {model ? cusgd_model_class(model, 0) : NULL, model ? cusgd_model_class(model, 1) : NULL};
    if (known[0]) return data_apply_classes(data, known);
    if (data->view.k != 1 || !data->view.y.at || data->classes[0]) return CUSGD_OK;
    labels all = find_labels(data);
    int usual = all.count < 2 || !all.finite || (all.count == 2 && all.at[1] == 1 && (all.at[0] == 0 || all.at[0] == -1)) ||
                (all.count == 3 && all.at[0] == -1 && all.at[1] == 0 && all.at[2] == 1);
    int whole = 1;
    for (int i = 0; i < all.count; i++) whole = whole && all.at[i] == floor(all.at[i]);
    if (usual || (all.count == MAX_LABELS && !whole))
        return CUSGD_OK; /* the latter are no labels: whoever trains on them says so */
    if (all.count > 2) return fail_many(data, &all);
    char zero[NUMBER_TEXT], one[NUMBER_TEXT];
    number_format(all.at[0], zero);
    number_format(all.at[1], one);
    cusgd_status status = map_labels(data, all.at[0], all.at[1]);
    return status ? status : name_classes(data, zero, one);
}
