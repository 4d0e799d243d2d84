/* What people should know of how a file was read. */
#ifndef CUSGD_HOST_DATA_NOTES_H
#define CUSGD_HOST_DATA_NOTES_H

#include "columns.h"

/* Adds a sentence to the data's notes. */
__attribute__((format(printf, 2, 3))) cusgd_status data_note(cusgd_data *data, const char *format, ...);

/* Notes where the first column is a feature, not chosen by the reader, that only counts the rows. */
cusgd_status note_index(cusgd_data *data, const columns *c, const cusgd_reader *reader);

/* Notes where the first row is 0, 1, 2, ..., as pandas names columns that have no names, and was not said to be a row. */
cusgd_status note_counted_columns(cusgd_data *data, const columns *c, const cusgd_reader *reader);

/* Whether programs call a column of row numbers so. */
int is_index_name(const char *name);

#endif
