/* Notes for the user on how a file was read. */
#ifndef CUSGD_HOST_DATA_NOTES_H
#define CUSGD_HOST_DATA_NOTES_H

#include "columns.h"

/* Adds a sentence to the data's notes. */
__attribute__((format(printf, 2, 3))) cusgd_status data_note(cusgd_data *data, const char *format, ...);

/* Adds a note if the first column is a feature that the reader did not choose and that only counts the rows. */
cusgd_status note_index(cusgd_data *data, const columns *c, const cusgd_reader *reader);

/* Adds a note if the first row is 0, 1, 2, ..., which are the names that pandas gives to columns without names, and the reader
 * does not say that it is a row. */
cusgd_status note_counted_columns(cusgd_data *data, const columns *c, const cusgd_reader *reader);

/* Returns whether programs use this name for a column of row numbers. */
int is_index_name(const char *name);

#endif
