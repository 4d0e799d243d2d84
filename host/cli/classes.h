/* Classes at the command line: their weights, their names, and how they are confused. */
#ifndef CUSGD_CLI_CLASSES_H
#define CUSGD_CLI_CLASSES_H

#include "arguments.h"

/* --class-weight: "balanced", or CLASS=WEIGHT for each item, with a loss of classes. Returns a status, complained about. */
int weigh_classes(cusgd_data *data, const text_list *list, const cusgd_options *options);

/* Whether the outputs are classes of one target. */
int is_multiclass(const cusgd_model *model);
/* The number of classes of the model; 0: its loss is not for classes. */
int64_t model_class_count(const cusgd_model *model);
/* The name of a class as the model has it, or its number. Valid until the eighth call after this one. */
const char *class_name(const cusgd_model *model, int64_t c);

/* The matrix of cusgd_model_confusion, in memory of its own. Returns a status, complained about. */
cusgd_status confusion_make(const cusgd_model *model, const cusgd_data *data, double **out);
/* Rows by their class, and by what was predicted: for people, if there are not too many; as JSON, [[...], ...]; as a CSV file. */
void confusion_print(const cusgd_model *model, const double *matrix);
void confusion_put_json(const cusgd_model *model, const double *matrix);
cusgd_status confusion_save(const cusgd_model *model, const double *matrix, const char *path);

#endif
