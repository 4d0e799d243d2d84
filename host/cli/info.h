/* Functions that the parts of `cusgd info` share: info.c, and info_table.c for tables. */
#ifndef CUSGD_HOST_CLI_INFO_H
#define CUSGD_HOST_CLI_INFO_H

#include "cli.h"

/* Functions that return the name of column j of a model or of data, or NULL, and its number in the table, or 0. */
typedef struct named_columns {
    const void *of;
    int64_t count;
    const char *(*name)(const void *of, int64_t j);
    int64_t (*number)(const void *of, int64_t j);
} named_columns;

/* info.c. Prints "features 10: age, sex, ...", or, for columns without names that have numbers, "features 3: columns 2, 3, 4". */
void info_put_names(const char *title, const named_columns *s);
/* Prints a command line for `cusgd train`; options NULL: there is none. */
void info_put_options(const char *path, const char *options);

/* info_table.c. Describes a table column by column. Returns the exit status. */
int info_describe_table(const char *path, const cusgd_reader *reader);

#endif
