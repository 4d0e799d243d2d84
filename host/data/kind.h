/* Detects from its first bytes what a file is if it is not a table of comma-separated values. */
#ifndef CUSGD_HOST_DATA_KIND_H
#define CUSGD_HOST_DATA_KIND_H

#include "scan.h"

/* The number of bytes that are examined. */
enum { SAMPLE_BYTES = 1 << 16 };

/* data/kind.c. Fails, with what the file is and what to do, if the first `count` bytes are certainly not text in UTF-8:
 * compressed files, archives, spreadsheets, binary columns, UTF-16. */
cusgd_status kind_check(const char *source, const char *sample, size_t count);

/* data/separator.c. Completes the dialect from the first bytes of a table. Commas are the separator unless another one divides
 * all of the first lines into equal numbers of fields and commas do not; a number with a decimal comma needs another
 * separator. */
int dialect_find(const char *sample, size_t count, dialect *d);

/* data/separator.c. To be called if a file cannot be read as CSV. Returns whether its first lines show why (LIBSVM, HTML, lines
 * of comments), and then sets the message. */
int kind_is_other(const char *source, const char *sample, size_t count);
/* Calls kind_is_other() after any failure. Returns `status`. */
cusgd_status kind_explain(cusgd_status status, const char *source, const char *sample, size_t count);

#endif
