/* The public functions with structures that have a size: the structure of a caller may be of another version than the library. */
#include "public.h"

#include "data.h"
#include "data/ranks.h"
#include "failure.h"
#include "options.h"
#include "sized.h"

#include <stdlib.h>

/* ---- Reading ------------------------------------------------------------------------------------------------------------- */

/* *Converts the reader of the caller to the complete one of this version; NULL remains NULL. */
static cusgd_status take_reader(const cusgd_reader *given, cusgd_reader *complete, const cusgd_reader **out)
{
    *out = given ? complete : NULL;
    cusgd_status status = given ? sized_check(given->size, "reader") : CUSGD_OK;
    if (given && !status) sized_get(complete, given, sizeof *complete);
    return status;
}

cusgd_status data_open_by(const char *path, const cusgd_reader *given, data_ranks *ranks, cusgd_data **out)
{
    cusgd_reader complete;
    const cusgd_reader *reader;
    *out = NULL;
    cusgd_status status = take_reader(given, &complete, &reader);
    if (!status) status = data_open(path, reader, ranks, out);
    if (!ranks || ranks->met) return status;
    cusgd_status met = ranks_decline(ranks);
    return status ? status : met;
}

cusgd_status cusgd_data_open(const char *path, const cusgd_reader *given, cusgd_data **out)
{
    return data_open_by(path, given, NULL, out);
}

cusgd_status cusgd_data_arrow(struct ArrowArrayStream *stream, const cusgd_reader *given, cusgd_data **out)
{
    cusgd_reader complete;
    const cusgd_reader *reader;
    *out = NULL;
    cusgd_status status = take_reader(given, &complete, &reader);
    return status ? status : data_arrow(stream, reader, out);
}

cusgd_status cusgd_table_open(const char *path, const cusgd_reader *given, cusgd_table **out)
{
    cusgd_reader complete;
    const cusgd_reader *reader;
    *out = NULL;
    cusgd_status status = take_reader(given, &complete, &reader);
    return status ? status : table_open(path, reader, out);
}

int cusgd_table_at(const cusgd_table *table, int64_t j, cusgd_table_column *column)
{
    if (!table) return 0;
    cusgd_table_column complete;
    if (sized_check(column->size, "column") || !table_at(table, j, &complete)) return 0;
    sized_put(column, &complete, sizeof complete);
    return 1;
}

/* Sets up the reader of the caller to read as the data, or else the model, was read. */
static cusgd_status complete_reader(const cusgd_data *data, const cusgd_model *model, cusgd_reader *given)
{
    cusgd_reader complete;
    const cusgd_reader *reader;
    if (!given) return fail(CUSGD_ERROR_USAGE, "the reader is NULL: there is nothing to complete");
    cusgd_status status = take_reader(given, &complete, &reader);
    if (status) return status;
    if (data)
        data_reader(data, &complete);
    else
        model_reader(model, &complete);
    sized_put(given, &complete, sizeof complete);
    return CUSGD_OK;
}

cusgd_status cusgd_data_reader(const cusgd_data *data, cusgd_reader *given)
{
    if (!data) return fail_null(__func__);
    return complete_reader(data, NULL, given);
}
cusgd_status cusgd_model_reader(const cusgd_model *model, cusgd_reader *given)
{
    if (!model) return fail_null(__func__);
    return complete_reader(NULL, model, given);
}

/* ---- Synthetic data ------------------------------------------------------------------------------------------------------ */

cusgd_status cusgd_data_wrap_device(int64_t n, int64_t d, int64_t k, const cusgd_device_arrays *arrays, cusgd_data **out)
{
    cusgd_device_arrays complete;
    *out = NULL;
    if (!arrays) return fail_null(__func__);
    cusgd_status status = sized_check(arrays->size, "arrays");
    if (status) return status;
    sized_get(&complete, arrays, sizeof complete);
    return data_wrap_device(n, d, k, &complete, out);
}

cusgd_status cusgd_generate(const cusgd_generator *generator, const char *folder, int force)
{
    if (!generator) return fail_null(__func__);
    cusgd_generator complete;
    cusgd_status status = sized_check(generator->size, "generator");
    if (status) return status;
    sized_get(&complete, generator, sizeof complete);
    return generate_folder(&complete, folder, force);
}

cusgd_status cusgd_data_generate(const cusgd_generator *generator, cusgd_data **out)
{
    cusgd_generator complete;
    *out = NULL;
    if (!generator) return fail_null(__func__);
    cusgd_status status = sized_check(generator->size, "generator");
    if (status) return status;
    sized_get(&complete, generator, sizeof complete);
    return data_generate(&complete, out);
}

/* ---- Training and measuring ---------------------------------------------------------------------------------------------- */

/* The callback of the caller, which gets a structure whose size is set. */
typedef struct listener {
    cusgd_callback callback;
    void *user;
} listener;

static int on_progress(const cusgd_progress *progress, void *user)
{
    const listener *to = user;
    cusgd_progress complete = *progress;
    complete.size = sizeof complete;
    return to->callback(&complete, to->user);
}

cusgd_status cusgd_trainer_fit(cusgd_trainer *trainer, cusgd_callback callback, void *user, cusgd_result *result)
{
    if (!trainer) return fail_null(__func__);
    cusgd_result complete = CUSGD_INIT(cusgd_result);
    listener to = {callback, user};
    cusgd_status status = result ? sized_check(result->size, "result") : CUSGD_OK;
    if (status) return status;
    status = trainer_fit(trainer, callback ? on_progress : NULL, &to, result ? &complete : NULL); /* NULL saves passes */
    if (!result) return status;
    options_undash(complete.note);
    sized_put(result, &complete, sizeof complete);
    return status;
}

cusgd_status cusgd_trainer_partial_fit(cusgd_trainer *trainer, const cusgd_data *rows, cusgd_progress *progress)
{
    if (!trainer || !rows) return fail_null(__func__);
    cusgd_progress complete = CUSGD_INIT(cusgd_progress);
    cusgd_status status = progress ? sized_check(progress->size, "progress") : CUSGD_OK;
    if (status) return status;
    status = trainer_partial_fit(trainer, rows, &complete);
    if (progress) sized_put(progress, &complete, sizeof complete);
    return status;
}

cusgd_status cusgd_trainer_evaluate(cusgd_trainer *trainer, const cusgd_data *data, int64_t output, cusgd_metrics *metrics)
{
    if (!trainer || !data) return fail_null(__func__);
    cusgd_metrics complete;
    cusgd_status status = sized_check(metrics->size, "metrics");
    if (!status) status = trainer_evaluate(trainer, data, output, &complete);
    if (!status) sized_put(metrics, &complete, sizeof complete);
    return status;
}

cusgd_status cusgd_trainer_evaluate_valid(cusgd_trainer *trainer, int64_t output, cusgd_metrics *metrics)
{
    if (!trainer) return fail_null(__func__);
    cusgd_metrics complete;
    cusgd_status status = sized_check(metrics->size, "metrics");
    if (!status) status = trainer_evaluate_valid(trainer, output, &complete);
    if (!status) sized_put(metrics, &complete, sizeof complete);
    return status;
}

cusgd_status cusgd_model_evaluate(const cusgd_model *model, const cusgd_data *data, int64_t output, cusgd_metrics *metrics)
{
    if (!model || !data) return fail_null(__func__);
    cusgd_metrics complete;
    cusgd_status status = sized_check(metrics->size, "metrics");
    if (!status) status = model_evaluate(model, data, output, &complete);
    if (!status) sized_put(metrics, &complete, sizeof complete);
    return status;
}

cusgd_status cusgd_model_coefficient(const cusgd_model *model, int64_t output, int64_t j, double level,
                                     cusgd_coefficient *coefficient)
{
    cusgd_coefficient complete;
    if (!model) return fail_null(__func__);
    cusgd_status status = sized_check(coefficient->size, "coefficient");
    if (!status) status = model_coefficient(model, output, j, level, &complete);
    if (!status) sized_put(coefficient, &complete, sizeof complete);
    return status;
}

cusgd_status cusgd_model_order_metrics(const cusgd_model *model, const cusgd_data *data, int64_t output,
                                       cusgd_order_metrics *metrics)
{
    cusgd_order_metrics complete;
    if (!model || !data) return fail_null(__func__);
    cusgd_status status = sized_check(metrics->size, "metrics");
    if (!status) status = model_order_metrics(model, data, output, &complete);
    if (!status) sized_put(metrics, &complete, sizeof complete);
    return status;
}

cusgd_status cusgd_model_rank(const cusgd_model *model, const cusgd_data *data, int64_t output, cusgd_ranking *ranking)
{
    if (!model || !data) return fail_null(__func__);
    cusgd_ranking complete;
    cusgd_status status = sized_check(ranking->size, "ranking");
    if (!status) status = model_rank(model, data, output, &complete);
    if (!status) sized_put(ranking, &complete, sizeof complete);
    return status;
}

/* Copies structures to an array of the caller, whose first element has the size of its elements. */
static void put_each(void *to, const void *from, size_t complete, int64_t count)
{
    size_t size;
    memcpy(&size, to, sizeof size);
    for (int64_t i = 0; i < count; i++) {
        char *place = (char *)to + (size_t)i * size;
        memcpy(place, &size, sizeof size);
        sized_put(place, (const char *)from + (size_t)i * complete, complete);
    }
}

cusgd_status cusgd_model_evaluate_outputs(const cusgd_model *model, const cusgd_data *data, cusgd_metrics *metrics,
                                          cusgd_ranking *ranking, cusgd_order_metrics *order)
{
    if (!model || !data) return fail_null(__func__);
    cusgd_status status = sized_check(metrics->size, "metrics");
    if (!status && ranking) status = sized_check(ranking->size, "ranking");
    if (!status && order) status = sized_check(order->size, "order");
    if (status) return status;
    int64_t count = model_measured_outputs(model) + 1;
    cusgd_metrics *m = allocate((size_t)count, sizeof *m);
    cusgd_ranking *r = allocate((size_t)count, sizeof *r);
    cusgd_order_metrics *o = allocate((size_t)count, sizeof *o);
    if (!m || !r || !o) status = fail_memory((size_t)count * (sizeof *m + sizeof *r + sizeof *o), "the measures of the outputs");
    if (!status) status = model_evaluate_each(model, data, m);
    if (!status && ranking) status = model_rank_each(model, data, r);
    if (!status && order) status = model_order_metrics_each(model, data, o);
    if (!status) put_each(metrics, m, sizeof *m, count);
    if (!status && ranking) put_each(ranking, r, sizeof *r, count);
    if (!status && order) put_each(order, o, sizeof *o, count);
    free(m);
    free(r);
    free(o);
    return status;
}

int cusgd_trainer_stream_times(const cusgd_trainer *trainer, cusgd_stream_times *times)
{
    if (!trainer) return 0;
    cusgd_stream_times complete = CUSGD_INIT(cusgd_stream_times);
    if (sized_check(times->size, "times") || !trainer_stream_times(trainer, &complete)) return 0;
    sized_put(times, &complete, sizeof complete);
    return 1;
}

/* ---- Devices ------------------------------------------------------------------------------------------------------------- */

int cusgd_device_at(size_t index, cusgd_device *device)
{
    cusgd_device complete;
    if (sized_check(device->size, "device") || !device_at(index, &complete)) return 0;
    sized_put(device, &complete, sizeof complete);
    return 1;
}

cusgd_status cusgd_check(const cusgd_options *options, const cusgd_data *data, int64_t steps, cusgd_check_report *report)
{
    if (!options || !data) return fail_null(__func__);
    cusgd_check_report complete = CUSGD_INIT(cusgd_check_report);
    cusgd_status status = sized_check(report->size, "report");
    if (status) return status;
    status = data_on_host(data, "a check");
    if (status) return status;
    status = check_device(options, data, steps, &complete);
    sized_put(report, &complete, sizeof complete);
    return status;
}
