/* What a file is, where it is not a table of comma-separated values: found from its first bytes. */
#ifndef CUSGD_HOST_DATA_KIND_H
#define CUSGD_HOST_DATA_KIND_H

#include "scan.h"

/* How many of a file's first bytes are looked at. */
enum { SAMPLE_BYTES = 1 << 16 };

/* data/kind.c: fails, with what the file is and what to do, where the first `count` bytes are surely of another kind than text in
 * UTF-8: compressed, an archive, a spreadsheet, columns in binary, UTF-16. */
cusgd_status kind_check(const char *source, const char *sample, size_t count);

/* data/separator.c: completes the dialect from a table's first bytes. Commas separate the columns unless another separator cuts
 * all of the first lines into equally many fields, and commas do not; a number with a decimal comma needs another separator. */
int dialect_find(const char *sample, size_t count, dialect *d);

/* data/separator.c: to be asked where a file cannot be read as CSV. Whether its first lines show why (LIBSVM, HTML, lines of
 * comments): the message then says so, else it stays. */
int kind_is_other(const char *source, const char *sample, size_t count);
/* Likewise after any failure; returns `status`. */
cusgd_status kind_explain(cusgd_status status, const char *source, const char *sample, size_t count);

#endif
