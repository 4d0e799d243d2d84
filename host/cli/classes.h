/* Classes in the command: weights, names and confusion matrices. */
#ifndef CUSGD_CLI_CLASSES_H
#define CUSGD_CLI_CLASSES_H

#include "arguments.h"

/* --class-weight: "balanced", or CLASS=WEIGHT for each item, with a loss of classes. Returns a status, complained about. */
int weigh_classes(cusgd_data *data, const text_list *list, const cusgd_options *options);

/* Returns whether the outputs are classes of one target. */
int is_multiclass(const cusgd_model *model);
/* Returns the number of classes of the model; 0: its loss is not for classes. */
int64_t model_class_count(const cusgd_model *model);
/* Returns the name of a class in the model, or its number. Valid until the eighth call after this one. */
const char *class_name(const cusgd_model *model, int64_t c);

/* Allocates and computes the matrix of cusgd_model_confusion(). Returns a status. */
cusgd_status confusion_make(const cusgd_model *model, const cusgd_data *data, double **out);
/* Write the confusion matrix: as a table on the terminal, if there are not too many classes; as JSON, [[...], ...]; as a CSV
 * file. */
void confusion_print(const cusgd_model *model, const double *matrix);
void confusion_put_json(const cusgd_model *model, const double *matrix);
cusgd_status confusion_save(const cusgd_model *model, const double *matrix, const char *path);

#endif
