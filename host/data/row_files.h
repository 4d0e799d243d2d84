/* Reads mapped files by system calls instead of through the mapping, which is one of a single file or of the numbered files of a
 * folder. */
#ifndef CUSGD_HOST_DATA_ROW_FILES_H
#define CUSGD_HOST_DATA_ROW_FILES_H

#include "data.h"

typedef struct row_files row_files;

/* *Opens the files that are mapped at `at`, which must remain mapped; *out is NULL if none are known. Errors: MEMORY, DATA. */
cusgd_status row_files_open(const void *at, row_files **out);
void row_files_close(row_files *f); /* accepts NULL */

/* Returns whether mincore() reports which pages are in memory: since 5.2, Linux reports all pages as present for files that the
 * process neither owns nor may write. */
int row_files_report_present(const row_files *f);

/* Requests the system to read ahead `bytes` bytes from at + from on. */
void row_files_announce(row_files *f, size_t from, size_t bytes);
/* Reads such bytes. Returns 0, errno, or -1 if a file is too short; *path: the file. */
int row_files_read(row_files *f, char *to, size_t from, size_t bytes, const char **path);
/* Fails with DATA if a file was written after it was mapped. */
cusgd_status row_files_check(const row_files *f);

#endif
