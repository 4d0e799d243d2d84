/* The files that a mapping stands for, read by their names or descriptors instead of through it: a mapping of one file, or of the
 * numbered files of a folder. */
#ifndef CUSGD_HOST_DATA_ROW_FILES_H
#define CUSGD_HOST_DATA_ROW_FILES_H

#include "data.h"

typedef struct row_files row_files;

/* *out: the files behind `at`, which must stay mapped; NULL where none are known. Errors: MEMORY, DATA. */
cusgd_status row_files_open(const void *at, row_files **out);
void row_files_close(row_files *f); /* accepts NULL */

/* Whether mincore() reports which of their pages are in memory: of files that the process neither owns nor may write, Linux has
 * reported since 5.2 that all pages are. */
int row_files_report_present(const row_files *f);

/* Asks the system to read `bytes` bytes from `from` behind `at` ahead. */
void row_files_announce(row_files *f, size_t from, size_t bytes);
/* Reads them. Returns 0, errno, or -1 where a file has ended; *path: which one. */
int row_files_read(row_files *f, char *to, size_t from, size_t bytes, const char **path);
/* DATA where a file has been written since it was mapped. */
cusgd_status row_files_check(const row_files *f);

#endif
