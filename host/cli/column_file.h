/* Text files with numbers for each column of the data. */
#ifndef CUSGD_HOST_CLI_COLUMN_FILE_H
#define CUSGD_HOST_CLI_COLUMN_FILE_H

#include "cusgd.h"

/* The files' paths; NULL: not given. */
typedef struct column_paths {
    const char *factors; /* --penalty-factors: a factor of 0 or more on both penalties, or two, on l1 and l2 */
    const char *scales;  /* --column-scales: a mean and a scale */
} column_paths;

/* Sets the array options that the files have, which need a line for each of the columns. Returns an exit code, after a message
 * where it is not OK. */
int read_columns(const column_paths *paths, int64_t columns, cusgd_options *options);

#endif
