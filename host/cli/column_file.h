/* Text files that have numbers for each column of the data. */
#ifndef CUSGD_HOST_CLI_COLUMN_FILE_H
#define CUSGD_HOST_CLI_COLUMN_FILE_H

#include "cusgd.h"

/* The paths of the files; NULL: not given. */
typedef struct column_paths {
    const char *factors; /* --penalty-factors: per line, a factor >= 0 on both penalties, or two, on l1 and l2 */
    const char *scales;  /* --column-scales: per line, a mean and a scale */
} column_paths;

/* Sets the array options from the files, which need a line for each column. Returns a status. */
int read_columns(const column_paths *paths, int64_t columns, cusgd_options *options);

#endif
