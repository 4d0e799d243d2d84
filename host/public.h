/* The functions behind those of cusgd.h and cusgd_tools.h whose structures have a size: they take the complete structures of this
 * version. public.c has the public functions. */
#ifndef CUSGD_HOST_PUBLIC_H
#define CUSGD_HOST_PUBLIC_H

#include "cusgd_tools.h"

struct data_ranks;
/* ranks: see data/ranks.h; NULL: only this process reads. */
cusgd_status data_open(const char *path, const cusgd_reader *reader, struct data_ranks *ranks, cusgd_data **out);
/* As data_open(), for the reader of a caller, which may be of another version. All ranks exchange their statuses in it, also if
 * one has failed. */
cusgd_status data_open_by(const char *path, const cusgd_reader *given, struct data_ranks *ranks, cusgd_data **out);
cusgd_status data_arrow(struct ArrowArrayStream *stream, const cusgd_reader *reader, cusgd_data **out);
void data_reader(const cusgd_data *data, cusgd_reader *reader);
cusgd_status table_open(const char *path, const cusgd_reader *reader, cusgd_table **out);
int table_at(const cusgd_table *table, int64_t j, cusgd_table_column *out);
cusgd_status data_wrap_device(int64_t n, int64_t d, int64_t k, const cusgd_device_arrays *arrays, cusgd_data **out);
cusgd_status generate_folder(const cusgd_generator *generator, const char *folder, int force);
cusgd_status data_generate(const cusgd_generator *generator, cusgd_data **out);
void model_reader(const cusgd_model *model, cusgd_reader *reader);
cusgd_status model_evaluate(const cusgd_model *model, const cusgd_data *data, int64_t output, cusgd_metrics *metrics);
cusgd_status model_coefficient(const cusgd_model *model, int64_t output, int64_t j, double level, cusgd_coefficient *out);
cusgd_status model_order_metrics(const cusgd_model *model, const cusgd_data *data, int64_t output, cusgd_order_metrics *out);
cusgd_status model_rank(const cusgd_model *model, const cusgd_data *data, int64_t output, cusgd_ranking *ranking);
/* Computes the measures of each output that is measured by itself, followed by their mean; NAN where a measure does not apply. */
int64_t model_measured_outputs(const cusgd_model *model);
cusgd_status model_evaluate_each(const cusgd_model *model, const cusgd_data *data, cusgd_metrics *each);
cusgd_status model_order_metrics_each(const cusgd_model *model, const cusgd_data *data, cusgd_order_metrics *each);
cusgd_status model_rank_each(const cusgd_model *model, const cusgd_data *data, cusgd_ranking *each);
cusgd_status trainer_fit(cusgd_trainer *trainer, cusgd_callback callback, void *user, cusgd_result *result);
cusgd_status trainer_partial_fit(cusgd_trainer *trainer, const cusgd_data *rows, cusgd_progress *now);
cusgd_status trainer_evaluate(cusgd_trainer *trainer, const cusgd_data *data, int64_t output, cusgd_metrics *metrics);
cusgd_status trainer_evaluate_valid(cusgd_trainer *trainer, int64_t output, cusgd_metrics *metrics);
int trainer_stream_times(const cusgd_trainer *trainer, cusgd_stream_times *times);
int device_at(size_t index, cusgd_device *device);
cusgd_status check_device(const cusgd_options *options, const cusgd_data *data, int64_t steps, cusgd_check_report *report);

#endif
