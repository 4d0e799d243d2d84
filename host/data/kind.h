/* What a file is, where it is not a table of comma-separated values: found from its first bytes. */
#ifndef CUSGD_HOST_DATA_KIND_H
#define CUSGD_HOST_DATA_KIND_H

#include "cusgd_tools.h"

/* How many of a file's first bytes are looked at. */
enum { SAMPLE_BYTES = 4096 };

/* data/kind.c: fails, with what the file is and what to do, where the first `count` bytes are surely of another kind than text in
 * UTF-8: compressed, an archive, a spreadsheet, columns in binary, UTF-16. */
cusgd_status kind_check(const char *source, const char *sample, size_t count);

/* data/separator.c: to be asked where a file cannot be read as CSV. Whether its first lines show why (other separators, LIBSVM,
 * HTML, lines of comments): the message then says so, else it stays. */
int kind_is_other(const char *source, const char *sample, size_t count);
/* Likewise after any failure; returns `status`. */
cusgd_status kind_explain(cusgd_status status, const char *source, const char *sample, size_t count);

#endif
