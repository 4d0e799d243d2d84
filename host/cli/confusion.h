/* A confusion matrix as a CSV file. */
#ifndef CUSGD_CLI_CONFUSION_H
#define CUSGD_CLI_CONFUSION_H

#include <stdint.h>

/* Writes a header ("class", then the k names), and a row for each class: its name, and the weights of its rows by the class that
 * was predicted. counts: k x k, row-major. Returns a status, complained about. */
int confusion_save(const char *path, const char *const *names, int64_t k, const double *counts);

#endif
